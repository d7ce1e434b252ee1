"""The aggregates on PostgreSQL and on Spark: the same frames as on DuckDB, counts equal, money to 1e-9."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import ibis
import pandas as pd
import pytest

from clvlib import aggregate
from clvlib.aggregate import clock, journeys, purchases
from tests.postgres import OWNER, PASSWORD, Server
from tools.sql import AGGREGATES, LAST, MIDDLE, ORDERS, small_shop

HALF = pd.Series({f"B{i:03d}": pd.Timestamp("2025-05-01") + pd.Timedelta(days=i) for i in range(1, 80, 2)})
GROUPS = pd.Series({f"{'aB'[i % 2]}{i:03d}": "half" if i < 40 else "more" for i in range(70)})
MORE: dict[str, Callable[[Any], Any]] = {
    "free orders, weeks": lambda t: aggregate.rfm_summary(t["transactions"], LAST, "W", free_orders=True),
    "calibration": lambda t: aggregate.calibration_holdout(t["transactions"], MIDDLE, LAST),
    **{
        f"by {period}": lambda t, period=period: aggregate.purchases_by_period(t["transactions"], LAST, period)
        for period in "DWQ"
    },
    "cohorts of groups": lambda t: aggregate.cohorts(t["transactions"], LAST, "Q", GROUPS),
    "by customer": lambda t: aggregate.loyal_revenue(t["transactions"], LAST, 1, "customer_id"),
    "some": lambda t: aggregate.rfm_summary(aggregate.some_customers(t["transactions"], 30), LAST),
    "on one clock": lambda t: clock.purchases(clock.on_one_clock(t["transactions"], HALF, LAST), 60),
    "aligned": lambda t: aggregate.rfm_summary(journeys.aligned(t["transactions"], HALF, MIDDLE), LAST),
}
EVERY = AGGREGATES | MORE
Ask = Callable[[str], Any]


@contextmanager
def asked_on(tables: dict[str, ibis.Table]) -> Iterator[Ask]:
    with purchases.by_order(tables["transactions"], LAST).cache() as orders:
        yield lambda name: EVERY[name]({**tables, ORDERS: orders})


@pytest.fixture(scope="module")
def on_duckdb() -> Iterator[Ask]:
    backend = ibis.duckdb.connect()
    with asked_on({name: backend.create_table(name, rows) for name, rows in small_shop().items()}) as ask:
        yield ask


@pytest.fixture(scope="module")
def on_postgres(postgres: Server) -> Iterator[Ask]:
    postgres.run("CREATE DATABASE engine TEMPLATE template0 LOCALE_PROVIDER icu ICU_LOCALE 'en-US'")  # another alphabet
    where = {"host": "127.0.0.1", "port": postgres.port, "user": OWNER, "password": PASSWORD, "database": "engine"}
    backend = ibis.postgres.connect(**where)
    with asked_on({name: backend.create_table(name, rows) for name, rows in small_shop().items()}) as ask:
        yield ask
    backend.disconnect()


@pytest.fixture(scope="module")
def on_spark(spark: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ask]:
    folder = tmp_path_factory.mktemp("shop")
    for name, rows in small_shop().items():
        rows.to_parquet(folder / name, index=False)
    with asked_on({name: spark.read_parquet(str(folder / name)) for name in small_shop()}) as ask:
        yield ask


def assert_same(found: Any, expected: Any) -> None:
    """Counts, ids and days are equal, money to 1e-9 of it."""
    if isinstance(expected, ibis.Table):
        keys = ["customer_id", *(key for key in ("order", "day") if key in expected.columns)]
        found, expected = (table.to_pandas().sort_values(keys, ignore_index=True) for table in (found, expected))
    if isinstance(expected, pd.DataFrame):
        pd.testing.assert_frame_equal(found, expected, rtol=1e-9, atol=1e-9)
        counts = [name for name, kind in expected.dtypes.items() if kind.kind == "i"]
        assert found[counts].equals(expected[counts])
    elif isinstance(expected, pd.Series):
        pd.testing.assert_series_equal(found, expected, rtol=1e-9, atol=1e-9)
    elif isinstance(expected, pd.Index):
        pd.testing.assert_index_equal(found, expected)
    else:
        assert list(found) == list(expected)
        for one, other in zip(_values(found), _values(expected), strict=True):
            assert one == (pytest.approx(other, rel=1e-9) if isinstance(other, float) else other)


def _values(several: Any) -> Iterable[Any]:
    return several.values() if isinstance(several, dict) else several


@pytest.mark.parametrize("name", EVERY)
def test_postgresql_gives_the_same_frame(name, on_duckdb, on_postgres):
    expected = on_duckdb(name)
    assert isinstance(expected, ibis.Table) or len(expected) > 0
    assert_same(on_postgres(name), expected)


@pytest.mark.proof  # seconds for each
@pytest.mark.parametrize("name", EVERY)
def test_spark_gives_the_same_frame(name, on_duckdb, on_spark):
    assert_same(on_spark(name), on_duckdb(name))
