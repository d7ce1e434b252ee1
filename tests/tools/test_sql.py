"""docs/sql: what the aggregates ask today, and as the dialect says it the same as DuckDB is asked."""

from collections.abc import Iterator

import ibis
import pandas as pd
import pytest
import sqlglot
from ibis.backends.sql.compilers import DuckDBCompiler

from tools import sql

CHANGED = "it asks something else now: read the change, then python -m tools.sql"
QUICK = {sql.KEPT, "rfm_summary", "features", "cohorts", "days_bought", "in_brief"}
REST = sql.AGGREGATES.keys() - QUICK


@pytest.fixture(scope="module")
def shop() -> ibis.BaseBackend:
    backend = ibis.duckdb.connect()
    backend.raw_sql("CREATE MACRO ieee_divide(a, b) AS a / b")  # a function of BigQuery
    return backend


@pytest.fixture(scope="module")
def asked(shop: ibis.BaseBackend) -> dict[str, list[tuple[str, ibis.Expr]]]:
    queries = dict(sql.asked(shop))
    shop.create_table(sql.KEPT, queries[sql.KEPT][-1][1])
    return queries


def statements(shop: ibis.BaseBackend, text: str, dialect: str) -> Iterator[pd.DataFrame]:
    """What the statements give on DuckDB, by sqlglot's understanding of the dialect; rows in order, all as text."""
    for made in {*sql.NAMES.values()} - {sql.KEPT}:
        shop.raw_sql(f"DROP TABLE IF EXISTS {made}")
    for statement in filter(None, sqlglot.parse(text, dialect=dialect)):
        found = shop.raw_sql(statement.sql(dialect="duckdb"))
        if not isinstance(statement, sqlglot.exp.Create):
            yield in_order(found.df())


def in_order(frame: pd.DataFrame) -> pd.DataFrame:
    """The rows sorted, numbers to eight digits, days without the clock that a dialect may give them."""

    def plain(cell: object) -> str:
        if pd.isna(cell):
            return ""
        return f"{float(cell):.8g}" if not isinstance(cell, str) and hasattr(cell, "__float__") else str(cell)[:10]

    return frame.map(plain).sort_values(list(frame), ignore_index=True)


@pytest.mark.parametrize("dialect", sql.COMPILERS)
def test_the_files_are_what_the_aggregates_ask_today(dialect, asked):
    assert {file.stem for file in (sql.FOLDER / dialect).iterdir()} == set(sql.AGGREGATES) == set(asked)
    for name, queries in asked.items():
        file = sql.FOLDER / dialect / f"{name}.sql"
        assert file.read_text("utf-8") == sql.written(name, queries, dialect), f"{file.name}: {CHANGED}"


@pytest.mark.parametrize("dialect", sql.COMPILERS)
@pytest.mark.parametrize("names", [QUICK, pytest.param(REST, marks=pytest.mark.proof)], ids=["some", "rest"])
def test_as_the_dialect_is_understood_they_give_what_duckdb_gives(names, dialect, shop, asked, monkeypatch):
    monkeypatch.setitem(sql.COMPILERS, "duckdb", DuckDBCompiler)
    unsaid = {name for name in asked if "-- Compilation rule" in (sql.FOLDER / dialect / f"{name}.sql").read_text()}
    assert unsaid == ({"order_values", "unusual"} if dialect == "bigquery" else set())  # medians
    for name in names - unsaid:
        for _, query in asked[name]:
            for given in query.op().find(ibis.expr.operations.InMemoryTable):
                shop.con.register("given", given.data.to_frame())
        own = list(statements(shop, sql.written(name, asked[name], "duckdb"), "duckdb"))
        said = list(statements(shop, (sql.FOLDER / dialect / f"{name}.sql").read_text("utf-8"), dialect))
        assert len(said) == len(own) > 0
        for one, other in zip(said, own, strict=True):
            assert len(other) > 0, name
            pd.testing.assert_frame_equal(one, other)
