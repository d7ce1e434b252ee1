"""Rows that stay in PostgreSQL or Spark (`engine`): the same dataset as of files, and what can't be done to them."""

import pickle
import sys
from pathlib import Path
from typing import Any

import ibis
import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from clvlib import aggregate, dataset
from clvlib.dataset import Dataset
from clvlib.errors import Rows, UsageError
from clvlib.ingest import databases, in_place
from clvlib.ingest.card import as_toml
from clvlib.run.commands import app
from tests.postgres import OWNER, PASSWORD, Server
from tools.sql import LAST, small_shop

CARD = {"pseudonyms": False, "currency": "EUR", "as_of": f"{LAST:%Y-%m-%d}"}
LINES = small_shop()["transactions"]


@pytest.fixture
def shop(postgres: Server, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """A section whose rows are in PostgreSQL: 600 lines, and three that can't be used."""
    monkeypatch.setenv("SHOP_DB", PASSWORD)
    monkeypatch.setenv("READER", "x")
    url = f"postgresql://{OWNER}:${{SHOP_DB}}@127.0.0.1:{postgres.port}/postgres"
    columns = "customer_id text, date timestamp, paid numeric, order_id text, channel text, product text, "
    postgres.run(
        "DROP TABLE IF EXISTS sales CASCADE", f"CREATE TABLE sales ({columns}category text, cost double precision)"
    )
    rows = LINES.astype(object).where(LINES.notna(), None)
    postgres.fill("sales", list(rows.itertuples(index=False)))
    postgres.run(
        "INSERT INTO sales VALUES (NULL, '2025-02-01', 5), ('a000', NULL, 7), ('a000', '2025-02-01', 'NaN'), "
        "('late', '2026-03-01', 9)"
    )
    return {"engine": "database", "url": url, "table": "sales", "columns": {"amount": "paid"}}


def built(section: dict[str, Any], **card: Any) -> tuple[Dataset, list[str]]:
    found, problems = dataset.build(CARD | {"transactions": section} | card, Path("card.toml"))
    assert found is not None, problems
    return found, [f"{problem.grade} {problem}" for problem in problems]


def refusal(section: dict[str, Any], **card: Any) -> str:
    found, problems = dataset.build(CARD | {"transactions": section} | card, Path("card.toml"))
    assert found is None
    (error,) = [problem for problem in problems if problem.grade == "error"]
    return str(error)


def test_a_dataset_in_place_is_that_of_the_same_rows_read_in(shop, tmp_path, monkeypatch):
    monkeypatch.setenv(databases.FETCHED, "")
    there, said = built(shop)
    here, _ = built({name: shop[name] for name in ("url", "table", "columns")} | {"duplicates": "keep"})
    assert there.in_engine
    assert not here.in_engine
    pd.testing.assert_frame_equal(there.rfm_summary(), here.rfm_summary(), rtol=1e-9)
    pd.testing.assert_frame_equal(there.forecast(), here.forecast(), rtol=1e-9)
    assert there.economics == here.economics
    ledger = there.ledger.sort_values(["action", "reason"], ignore_index=True)
    counts = {"rows in the table": 604, "no customer_id": 1, "no date": 1, "amount is not a finite number": 1}
    assert dict(zip(ledger["reason"], ledger["rows"], strict=True)).items() >= counts.items()
    kept = there.ledger.query("reason == 'usable rows'").iloc[0]
    known = LINES[LINES["date"] < LAST + pd.Timedelta(days=1)]
    assert kept["rows"] == len(known)
    assert kept["money"] == pytest.approx(known["amount"].sum())
    assert any("1 of 604 row(s) dropped: no date. These rows, 7.00 of the money, are not used" in one for one in said)
    assert any("isn't looked for" in one for one in said)


def test_what_is_left_out_is_counted_in_rows_so_that_its_share_is_told(shop):
    _, problems = dataset.build(CARD | {"transactions": shop}, Path("card.toml"))
    told = [problem.count for problem in problems if "row(s)" in problem.what]
    assert len(told) == 4
    assert {type(count) for count in told} == {Rows}


def test_nothing_but_answers_leaves_the_database(shop, monkeypatch):
    monkeypatch.setattr(databases, "_write", lambda *any: pytest.fail("rows were fetched"))
    there, _ = built(shop)
    assert there.transactions.count().to_pandas() > 500
    with pytest.raises(UsageError, match="stay in their engine"):
        pickle.dumps(there)
    with pytest.raises(UsageError, match="Ask there"):
        there.sql("select 1")


@pytest.mark.proof  # Spark takes a second or more for each of some twenty questions
def test_spark_reads_a_folder_of_parquet_or_a_table_of_its_own(spark, tmp_path):
    half = len(LINES) // 2
    (tmp_path / "lines").mkdir()
    LINES[:half].to_parquet(tmp_path / "lines/1.parquet", index=False)
    LINES[half:].to_parquet(tmp_path / "lines/2.parquet", index=False)
    LINES.to_parquet(tmp_path / "lines.parquet", index=False)
    there, _ = built({"engine": "spark", "path": str(tmp_path / "lines")})
    here, _ = built({"path": str(tmp_path / "lines.parquet"), "duplicates": "keep"})
    assert there.transactions.get_backend().name == "pyspark"
    pd.testing.assert_frame_equal(there.rfm_summary(), here.rfm_summary(), rtol=1e-9)
    pd.testing.assert_frame_equal(
        aggregate.features(there.transactions, LAST, 90),
        aggregate.features(here.transactions, LAST, 90),
        rtol=1e-9,
    )
    spark.create_view("sales", spark.read_parquet(str(tmp_path / "lines")), overwrite=True)
    as_table = in_place.read_in_place(CARD | {"transactions": {"engine": "spark", "table": "sales"}}, tmp_path, False)
    assert as_table.in_file == there.in_file
    assert "Spark has no table 'sale'" in refusal({"engine": "spark", "table": "sale"})


def test_without_pyspark_it_is_said_how_it_is_had(monkeypatch):
    monkeypatch.setitem(sys.modules, "pyspark.errors", None)
    assert 'pip install "pyspark' in refusal({"engine": "spark", "table": "sales"})


def test_without_java_it_is_said_how_it_is_had(monkeypatch):
    errors = pytest.importorskip("pyspark.errors", reason="PySpark isn't installed")

    def begin() -> None:
        raise errors.PySparkRuntimeError(errorClass="JAVA_GATEWAY_EXITED", messageParameters={})

    monkeypatch.setattr(ibis.pyspark, "connect", begin)
    assert "Debian: apt-get install default-jre-headless" in refusal({"engine": "spark", "table": "sales"})


@pytest.mark.parametrize(
    ("section", "card", "said"),
    [
        ({"engine": "dask"}, {}, "Known: database, spark"),
        ({"engine": "spark"}, {}, "doesn't go with table, url"),
        ({"decimal": ","}, {}, "decimal can't be used on rows that stay in the database"),
        ({"columns": {}}, {}, "no column amount"),
        ({"columns": {"amount": "price"}}, {}, "It has: customer_id, date, paid"),
        ({"columns": {"amount": "order_id"}}, {}, "order_id (amount) is no number there"),
        ({"columns": {"amount": "paid", "date": "order_id"}}, {}, "order_id (date) is no date there"),
        ({}, {"customers": {"path": "customers.csv"}}, "customers can't stand beside"),
        ({}, {"forgotten": "shop.forgotten"}, "forgotten can't stand beside"),
        ({"table": "sails"}, {}, "has no table 'sails'"),
    ],
)
def test_what_cannot_be_done_in_place_is_refused_in_one_sentence(section, card, said, shop):
    assert said in refusal(shop | section, **card)


def test_who_may_only_read_is_told_what_is_needed(shop, postgres):
    postgres.run(
        "DROP ROLE IF EXISTS reader",
        "CREATE ROLE reader LOGIN PASSWORD 'x' SUPERUSER",
        "ALTER ROLE reader SET default_transaction_read_only = on",
    )
    said = refusal(shop | {"url": shop["url"].replace(f"{OWNER}:${{SHOP_DB}}", "reader:${READER}")})
    assert "read-only transaction" in said
    assert "Ask for the right to make temporary tables" in said


def test_pseudonyms_and_clocks_of_other_zones_are_refused(shop, postgres):
    card = CARD | {"pseudonyms": True, "transactions": shop}
    _, problems = dataset.build(card, Path("card.toml"), secret=b"x" * 32)
    assert any("they get no pseudonyms" in str(problem) for problem in problems)
    postgres.run("CREATE VIEW moments AS SELECT customer_id, date AT TIME ZONE 'UTC' AS date, paid FROM sales")
    moments = shop | {"table": "moments"}
    assert "moment in UTC there, not the shop's time in Europe/Paris" in refusal(moments, timezone="Europe/Paris")
    in_utc, _ = built(moments)
    np.testing.assert_array_equal(in_utc.rfm_summary()["frequency"], built(shop)[0].rfm_summary()["frequency"])


def test_a_check_tells_of_the_rows_and_their_customers_are_scored(shop, tmp_path):
    card = tmp_path / "shop.toml"
    card.write_text(as_toml(CARD | {"transactions": shop}))
    done = CliRunner().invoke(app, ["check", str(card), "--out", str(tmp_path / "checks")])
    assert done.exit_code == 0, done.output
    assert "no date" in done.output
    assert "Ready for `clv score`." in done.output
    done = CliRunner().invoke(app, ["score", str(card), "--out", str(tmp_path / "runs")])
    assert done.exit_code == 0, done.output
    scores = pd.read_csv(tmp_path / f"runs/shop/{LAST:%Y-%m-%d}/scores.csv")
    assert set(scores["customer_id"]) == set(built(shop)[0].rfm_summary().index)


@pytest.mark.parametrize("asked", [["run"], ["lab"], ["slides"], ["forget", "a000"], ["reveal", None, "crm.csv"]])
def test_what_needs_the_rows_here_says_so_before_it_asks_for_any(asked, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("shop.toml").write_text(as_toml(CARD | {"transactions": {"engine": "spark", "table": "sales"}}))
    command = [argument or "shop.toml" for argument in asked]
    done = CliRunner().invoke(app, command if None in asked else [*command, "shop.toml"])
    assert "delete engine" in str(done.exception)
    assert [file.name for file in tmp_path.iterdir()] == ["shop.toml"]
