"""Customers scored in parts get what all at once would give them, and the file is whole or not there."""

from contextlib import ExitStack
from dataclasses import replace

import ibis
import pandas as pd
import pytest

from clvlib.models import outlook, scoring, streamed
from clvlib.models.streamed import write_scores
from tests.postgres import OWNER, PASSWORD

pytestmark = pytest.mark.usefixtures("sharing")
SCORES = ["p_purchase", "expected_purchases", "expected_spend", "clv", "clv_low", "clv_high"]


def below(ds, customer):
    """The dataset of the customers below an id."""
    rows = ds.transactions
    return replace(ds, tables={"transactions": rows.filter(rows["customer_id"] < customer)})


@pytest.fixture
def in_parts_of(monkeypatch):
    """Have so many customers scored at a time, and so many fitted on."""

    def set_to(at_once: int, fitted: int = 10**9) -> None:
        monkeypatch.setattr(streamed, "IN_A_PART", at_once)
        monkeypatch.setattr(streamed, "FITTED", fitted)

    return set_to


@pytest.mark.parametrize(
    ("name", "customers", "method"),
    [
        ("demo", "D", outlook.HYBRID),
        ("cdnow_sample", "0200", outlook.MEAN_OF_MODELS),
        ("cdnow_sample", "0012", outlook.RATE),
    ],
)
def test_customers_in_parts_are_scored_as_all_at_once(name, customers, method, request, tmp_path, in_parts_of):
    whole = request.getfixturevalue(name)
    ds = below(whole, customers) if name != "demo" else whole
    ahead = outlook.foresee(ds)
    summary, expected = ds.rfm_summary(), scoring.score(ahead, ds.economics)
    in_parts_of(len(expected) // 3 + 1)
    written = write_scores(ds, tmp_path / "scores.parquet")
    found = pd.read_parquet(written.file)
    assert not found.index.is_monotonic_increasing  # there were parts
    found = found.sort_index()
    assert written.ahead.method == method
    pd.testing.assert_frame_equal(found[list(summary)], summary)
    pd.testing.assert_frame_equal(found[SCORES], expected[SCORES], rtol=1e-9, atol=1e-9)
    total = scoring.total(ahead, ds.economics)
    assert (written.total.customers, written.total.level) == (total.customers, total.level)
    assert written.total.clv == pytest.approx(total.clv, rel=1e-9)
    if method == outlook.HYBRID:  # else the first part tells how large baskets are
        assert [written.total.low, written.total.high] == pytest.approx([total.low, total.high], rel=1e-9)
    assert written.learned.startswith(f"Models of buying are fitted on all {len(expected):,} customers. {ahead.why}")


def test_where_models_are_fitted_on_a_sample_it_is_said_and_everybody_is_scored(cdnow_sample, tmp_path, in_parts_of):
    everybody = outlook.foresee(cdnow_sample)
    expected = scoring.score(everybody, cdnow_sample.economics)
    in_parts_of(800, fitted=1600)
    written = write_scores(cdnow_sample, tmp_path / "scores.parquet")
    found = pd.read_parquet(written.file)
    assert set(found.index) == set(expected.index)
    assert 1300 < written.fitted_on < 1800
    assert written.learned.startswith(f"Models of buying are fitted on a sample of {written.fitted_on:,} of the 2,349 ")
    assert written.learned.endswith(f" Those windows hold a sample of {written.fitted_on:,} customers.")
    assert written.total.customers == 2349
    assert written.total.clv == pytest.approx(found["clv"].sum())
    assert written.buyers == pytest.approx(found["p_purchase"].sum())
    assert written.total.low < expected["clv"].sum() < written.total.high
    assert found["clv"].corr(expected["clv"], method="spearman") > 0.97


def test_what_breaks_off_leaves_the_earlier_file_as_it_was(cdnow_sample, tmp_path, in_parts_of, monkeypatch):
    target = tmp_path / "scores.parquet"
    target.write_text("of last month")
    in_parts_of(4)
    each, seen = streamed.score, []

    def breaks_off(*arguments, **options):
        seen.append(1)
        if len(seen) == 2:
            raise OSError("no room")
        return each(*arguments, **options)

    monkeypatch.setattr(streamed, "score", breaks_off)
    with pytest.raises(OSError, match="no room"):
        write_scores(below(cdnow_sample, "0012"), target)
    assert len(seen) == 2
    assert [file.name for file in tmp_path.iterdir()] == ["scores.parquet"]
    assert target.read_text() == "of last month"


@pytest.fixture
def in_engine(request, tmp_path):
    """The rows of a dataset, brought into an engine."""
    with ExitStack() as ends:

        def brought(ds, engine):
            rows = ds.transactions.to_pandas()
            server = request.getfixturevalue(engine)
            if engine == "spark":
                rows.to_parquet(tmp_path / "rows.parquet", index=False)
                return replace(ds, tables={"transactions": server.read_parquet(str(tmp_path / "rows.parquet"))})
            where = {"host": "127.0.0.1", "port": server.port, "database": "postgres"}
            backend = ibis.postgres.connect(user=OWNER, password=PASSWORD, **where)
            ends.callback(backend.disconnect)
            return replace(ds, tables={"transactions": backend.create_table("streamed", rows, overwrite=True)})

        yield brought


@pytest.mark.parametrize("engine", ["postgres", pytest.param("spark", marks=pytest.mark.proof)])
def test_customers_of_an_engine_are_scored_from_there_in_parts(engine, cdnow_sample, in_engine, in_parts_of, tmp_path):
    ds = below(cdnow_sample, "0200")
    expected = ds.rfm_summary().join(scoring.score(outlook.foresee(ds), ds.economics))
    in_parts_of(len(expected) // 2 + 1)
    there = in_engine(ds, engine)
    tables = there.transactions.get_backend().list_tables()
    found = pd.read_parquet(write_scores(there, tmp_path / "scores.parquet").file)
    assert not found.index.is_monotonic_increasing
    pd.testing.assert_frame_equal(found.sort_index(), expected, rtol=1e-9, atol=1e-9)
    assert {name for name in there.transactions.get_backend().list_tables() if "parts" in name} <= set(tables)
