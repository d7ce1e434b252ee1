"""Tables of a real PostgreSQL: the same frames as by CSV, one state a run, and its password nowhere."""

import pickle
import subprocess
import sys
import zipfile
from pathlib import Path
from urllib.parse import quote

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from clvlib import dataset
from clvlib.errors import DataError, UsageError
from clvlib.ingest import databases
from clvlib.ingest.card import DATA, as_toml, find_card
from clvlib.ingest.options import options_of
from clvlib.ingest.sources import locate
from clvlib.run import runner
from clvlib.run.commands import app
from clvlib.run.places import card_for, folder_of
from tests.postgres import OWNER, PASSWORD, Server
from tests.run.test_runner import make_notebook

VARIABLE = "SHOP_DB"


@pytest.fixture
def url(postgres: Server, monkeypatch: pytest.MonkeyPatch) -> str:
    """The card's url of the server, its password in the environment; fetched tables end with the test."""
    monkeypatch.setenv(VARIABLE, PASSWORD)
    monkeypatch.setenv(databases.FETCHED, "")
    return f"postgresql://{OWNER}:${{{VARIABLE}}}@127.0.0.1:{postgres.port}/postgres"


def refusal(url: str, table: str) -> str:
    with pytest.raises(DataError) as caught:
        databases.fetch(url, table)
    assert PASSWORD not in repr(caught.value.__dict__) + str(caught.value)
    return str(caught.value)


def test_the_demo_shop_is_the_same_by_csv_and_from_the_database(postgres, url, tmp_path):
    columns = "customer_id text, date timestamp, amount numeric, order_id text, channel text, product text, "
    postgres.run(f"CREATE TABLE demo ({columns}category text, cost numeric(10, 2))")
    lines = pd.read_csv(DATA / "demo/transactions.csv", dtype=str).astype(object)
    lines = lines[pd.to_datetime(lines["date"], errors="coerce").notna()]  # a database has no day 2025-13-45
    lines.to_csv(tmp_path / "demo.csv", index=False)
    shuffled = lines.where(lines.notna(), None).sample(frac=1, random_state=1)
    postgres.fill("demo", list(shuffled.itertuples(index=False)))
    card = {"currency": "EUR", "pseudonyms": False, "as_of": "2026-06-30"}
    sections = {"path": "demo.csv"}, {"url": url, "table": "demo"}
    by_csv, of_database = (
        dataset.build(card | {"transactions": section}, tmp_path / "card.toml")[0] for section in sections
    )
    assert by_csv.rfm_summary()["frequency"].sum() > 30_000
    pd.testing.assert_frame_equal(of_database.rfm_summary(), by_csv.rfm_summary(), rtol=0, atol=1e-9)
    pd.testing.assert_frame_equal(of_database.ledger, by_csv.ledger, rtol=0, atol=1e-6)  # sums of 40,000 lines
    pd.testing.assert_frame_equal(of_database.brought(), by_csv.brought(), rtol=0, atol=1e-9)


def test_ids_decimals_zones_and_nothing_arrive_as_they_are(postgres, url, tmp_path):
    postgres.run(
        'CREATE SCHEMA shop; CREATE TABLE shop."Orders" (id text, at timestamptz, paid numeric, cost double precision)',
        """INSERT INTO shop."Orders" VALUES ('0007', '2025-03-30 23:30+00', 1234567890.123456, 0.1),
        ('0007', '2025-12-31 23:30+00', 1.500, 'NaN'), (NULL, '2025-05-05 10:00+00', 3, 1),
        ('7', '2025-05-05 10:00+00', 2.25, 17850.0), ('7', NULL, 9, NULL)""",
        'CREATE VIEW shop.recent AS SELECT * FROM shop."Orders"',
    )
    for table in ("shop.Orders", "shop.recent"):
        section = {"url": url, "table": table, "columns": {"customer_id": "id", "date": "at", "amount": "paid"}}
        card = {"timezone": "Europe/Paris", "pseudonyms": False, "transactions": section}
        found, _ = dataset.build(card, tmp_path / "card.toml")
        rows = found.table("transactions").order_by("customer_id", "date").to_pandas()
        assert rows["customer_id"].to_list() == ["0007", "0007", "7"]
        assert rows["amount"].to_list() == [1234567890.123456, 1.5, 2.25]
        assert [f"{day:%Y-%m-%d %H:%M}" for day in rows["date"]] == [
            "2025-03-31 01:30", "2026-01-01 00:30", "2025-05-05 12:00"]  # fmt: skip
        np.testing.assert_array_equal(rows["cost"], [0.1, np.nan, 17850])
        dropped = found.ledger.query("action == 'dropped'")
        assert dict(zip(dropped["reason"], dropped["rows"], strict=True)) == {"no customer_id": 1, "no date": 1}


def test_products_are_explained_by_a_table_and_postgresqls_own_variable_serves(postgres, url, tmp_path, monkeypatch):
    monkeypatch.setenv("PGPASSWORD", PASSWORD)
    url = url.replace(f":${{{VARIABLE}}}", "")
    postgres.run("CREATE TABLE products (sku text, called text)", "INSERT INTO products VALUES ('21212', 'Soap')")
    (tmp_path / "orders.csv").write_text("customer_id,date,amount,product\na,2025-01-01,5,21212\nb,2025-01-02,6,1\n")
    products = {"url": url, "table": "products", "columns": {"code": "sku", "name": "called"}}
    found, _ = dataset.build({"transactions": {"path": "orders.csv"}, "products": products}, tmp_path / "card.toml")
    assert sorted(found.table("transactions")["product"].to_pandas()) == ["1", "Soap"]


def test_rows_in_another_order_are_the_same_file_and_other_rows_another_one(postgres, url):
    rows = [(f"{i:04d}", i / 100) for i in range(3000)]
    postgres.run("CREATE TABLE sorted (id text, amount numeric)")
    contents = []
    for now in (rows, rows[::-1], [*rows, rows[0]]):
        postgres.run("TRUNCATE sorted")
        postgres.fill("sorted", now)
        contents.append(databases.fetch(url, "sorted").read_bytes())
    assert contents[0] == contents[1] != contents[2]


READ = """import os, subprocess, sys
from clvlib.ingest import databases
file = databases.fetch(*sys.argv[1:3])
print(file, databases.duckdb.read_parquet(str(file)).fetchall(), flush=True)
"""
START = READ + "sys.stdin.read(1); subprocess.run([sys.executable, '-c', sys.argv[3], *sys.argv[1:3]])"


def test_what_a_program_starts_reads_what_it_read_and_both_leave_nothing_behind(postgres, url):
    postgres.run("CREATE TABLE moving (id text)", "INSERT INTO moving VALUES ('before')")
    command = [sys.executable, "-c", START, url, "moving", READ]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        first = process.stdout.readline()
        folder = Path(first.split()[0]).parent
        assert folder.stat().st_mode & 0o077 == 0
        postgres.run("INSERT INTO moving VALUES ('after')")
        then, _ = process.communicate("\n")
    assert first.endswith(" [('before',)]\n")
    assert then == first
    assert not folder.exists()


def test_each_failure_is_said_in_one_message_without_the_password(postgres, url, monkeypatch):
    postgres.run("CREATE TABLE secret_plans (id text)", 'CREATE TABLE twice ("Id" text, id text)')
    postgres.run("CREATE TABLE forever (at date)", "INSERT INTO forever VALUES ('infinity')")
    postgres.run("CREATE ROLE anne LOGIN PASSWORD 'other'")
    where = f"127.0.0.1:{postgres.port}/postgres"
    anne = url.replace(OWNER, "anne")
    assert f"{where} has no table 'plans'. It holds: " in refusal(url, "plans")
    assert "secret_plans" in refusal(url, "plans")
    assert "shows no table to this user" in refusal(url, "elsewhere.plans")
    assert 'password authentication failed for user "anne"' in refusal(anne, "secret_plans")
    monkeypatch.setenv("ANNES", "other")
    said = refusal(anne.replace(VARIABLE, "ANNES"), "secret_plans")
    assert said == (
        f"secret_plans of {where} can't be read: permission denied for table secret_plans. "
        "Ask for the right to read it, or for a view of what is needed."
    )
    assert "date too large" in refusal(url, "forever")
    assert "occur twice: Id, id" in refusal(url, "twice")
    assert "Connection refused" in refusal("postgresql://anne@127.0.0.1:1/postgres", "orders")
    assert "has no variable NOWHERE" in refusal(url.replace(VARIABLE, "NOWHERE"), "orders")
    assert 'pip install "ibis-framework[snowflake]"' in refusal("snowflake://anne@account/db", "orders")
    assert "no database that Ibis knows" in refusal("https://example.com/shop", "orders")
    assert 'path = "…"' in refusal("duckdb://shop.duckdb", "orders")


def test_a_driver_that_repeats_the_url_repeats_no_password(url, monkeypatch):
    def refuse(found: str) -> None:
        raise ValueError(f"{found} is refused, with {PASSWORD}")

    monkeypatch.setattr(databases.ibis, "connect", refuse)
    said = refusal(url, "orders")
    assert quote(PASSWORD, safe="") not in said
    assert said.count("…") == 2


def test_without_the_driver_it_is_named(url, monkeypatch):
    def missing(found: str) -> None:
        raise ModuleNotFoundError("No module named 'psycopg'")

    monkeypatch.setattr(databases.ibis, "connect", missing)
    assert 'pip install "psycopg[binary]"' in refusal(url, "orders")


@pytest.mark.parametrize(
    "written",
    [
        "postgresql://anne:hunter2@db.example.com/shop", "postgresql://anne:hun/ter2@db.example.com/shop",
        "postgresql://anne:$hunter2@db.example.com/shop", "postgresql://anne:${SHOP_DB}hunter2@db.example.com/shop",
        "postgresql://db.example.com/shop?user=anne&password=hunter2", "hunter2", "postgresql://anne:hunter2",
        "postgresql://anne:a@hunter2@db.example.com/shop", "snowflake://anne@account/shop?token=hunter2",
    ],
)  # fmt: skip
def test_a_password_in_the_card_is_refused_and_not_repeated(written, tmp_path):
    card = {"transactions": {"url": written, "table": "orders"}}
    found, problems = dataset.build(card, tmp_path / "card.toml")
    assert found is None
    (error,) = [problem for problem in problems if problem.grade == "error" and problem.where == "transactions"]
    assert "hunter" not in "".join(map(str, problems))
    assert "variable of the environment" in str(error)
    for read in (lambda: locate(written, tmp_path), lambda: find_card(written)):
        if "://" in written:
            with pytest.raises((DataError, UsageError), match="address") as caught:
                read()
            assert "hunter" not in str(caught.value)
    for flags in ([], ["--currency", "EUR"]):
        done = CliRunner().invoke(app, ["check", written, *flags])
        assert isinstance(done.exception, UsageError)
        assert "://" not in written or "hunter" not in str(done.exception)


@pytest.mark.parametrize(
    ("section", "said"),
    [
        ({"url": "postgresql://h/d"}, "has a url, and no table"),
        ({"url": "postgresql://h/d", "table": "t", "path": "t.csv"}, "has a url, and a path"),
        ({"table": "t"}, "has no path"),
    ],
)
def test_a_url_goes_with_a_table_and_without_a_path(section, said):
    with pytest.raises(DataError, match=said):
        options_of("transactions", section)


def test_a_table_is_one_dataset_whenever_it_is_read(url, postgres, tmp_path, monkeypatch):
    postgres.run("CREATE TABLE known (customer_id text, date date, amount numeric)")
    postgres.run("INSERT INTO known VALUES ('a', '2025-01-01', 5), ('a', '2025-03-01', 6)")
    card = tmp_path / "shop.toml"
    card.write_text(as_toml({"name": "Shop", "transactions": {"url": url, "table": "known"}}))
    homes = set()
    for _ in range(2):
        monkeypatch.setenv(databases.FETCHED, "")  # as another command
        ds = dataset.load(card_for(str(card), "2025-02-01", tmp_path))
        homes.add(folder_of(tmp_path / "runs", ds.name, ds.files[0], of=ds.files[1]))
        assert len(ds.rfm_summary()) == 1
    assert homes == {tmp_path / "runs/shop"}


READS = """from clvlib import load, show
ds = load(dataset)
show.start(ds)
show.say("{n:count} customers", n=len(ds.rfm_summary()))
show.keep(ds.rfm_summary()[[]].assign(segment="Lost"))
ds"""


def test_a_run_holds_the_password_nowhere(postgres, url, tmp_path, capfd):
    postgres.run("CREATE TABLE orders (customer_id text, date date, amount numeric(10, 2))")
    postgres.fill("orders", [(f"{i:04d}", f"2025-0{month}-01", 9.5 + i) for i in range(30) for month in (1, 3)])
    lists = {"hubspot": "Record ID", "mailchimp": "Email Address"}
    card = {"name": "Shop", "lists": lists, "transactions": {"url": url, "table": "orders"}}
    (tmp_path / "shop.toml").write_text(as_toml(card))
    (tmp_path / "notebooks").mkdir()
    make_notebook(tmp_path / "notebooks", "00_reads", READS)
    assert runner.run(str(tmp_path / "shop.toml"), out=tmp_path / "runs", notebooks=tmp_path / "notebooks") == 0
    said = "".join(capfd.readouterr())
    assert "No mailchimp.csv: there is nobody to put on it." in said  # nobody's consent is known
    listed = pd.read_csv(tmp_path / "runs/shop/2025-03-01/hubspot.csv")
    assert listed.drop(columns="Record ID").drop_duplicates().to_dict("list") == {
        "CLV segment": ["Lost"], "CLV consent": [False]}  # fmt: skip
    contents = {"output": said.encode(), "pickle": pickle.dumps(dataset.load(tmp_path / "shop.toml"))}
    for file in (file for file in tmp_path.rglob("*") if file.is_file()):
        contents[file.name] = file.read_bytes()
        if zipfile.is_zipfile(file):
            with zipfile.ZipFile(file) as archive:
                contents |= {f"{file.name}/{name}": archive.read(name) for name in archive.namelist()}
    assert {"report.html", "manifest.json", "00_reads.ipynb", "log.txt", "hubspot.csv"} <= contents.keys()
    for secret in (PASSWORD, quote(PASSWORD, safe=""), PASSWORD[:8]):
        assert [name for name, content in contents.items() if secret.encode() in content] == []
    assert [name for name, content in contents.items() if b"127.0.0.1" in content]  # the search does find
