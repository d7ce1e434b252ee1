import gc
import gzip
import sqlite3
import stat
import subprocess
import sys
import tempfile
from pathlib import Path

import duckdb
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from clvlib import aggregate, dataset
from clvlib.errors import DataError
from clvlib.ingest import propose, reading
from tests.workbooks import workbook

PLAIN = "customer_id,date,amount\n007,2025-01-03,20.0\n007,2025-02-14,35.5\n12,2025-01-20,99\n"


def errors(problems):
    return [str(problem) for problem in problems if problem.grade == "error"]


def said(problems):
    return " | ".join(str(problem) for problem in problems)


def ledger(found, action):
    rows = found.ledger[found.ledger["action"] == action]
    return dict(zip(rows["reason"], rows["rows"], strict=True))


# -- what is read --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_any_delimiter_is_found(build, delimiter):
    found, problems = build(PLAIN.replace(",", delimiter))
    assert not errors(problems)
    assert found.transactions.count().to_pandas() == 3


def test_an_id_keeps_its_leading_zeros(build):
    found, _ = build(PLAIN)
    assert list(found.rfm_summary().index) == ["007", "12"]


@pytest.mark.parametrize(
    ("encoding", "options"), [("utf-8-sig", {}), ("utf-16", {}), ("latin-1", {"encoding": "latin-1"}), ("utf-8", {})]
)
def test_accents_survive_every_encoding(build, encoding, options):
    found, problems = build(PLAIN.replace("12,", "zoé,").encode(encoding), **options)
    assert not errors(problems)
    assert "zoé" in found.rfm_summary().index


def test_an_undeclared_encoding_is_read_as_cp1252_with_a_warning(build):
    found, problems = build(PLAIN.replace("12,", "zoé,").encode("cp1252"))
    assert "zoé" in found.rfm_summary().index
    assert "cp1252" in said(p for p in problems if p.grade == "warning")


def test_gzip_parquet_excel_duckdb_and_sqlite_give_the_same_customers(build, tmp_path, orders):
    text = orders.to_csv(index=False)
    wanted = build(text)[0].rfm_summary()
    (tmp_path / "z.csv.gz").write_bytes(gzip.compress(text.encode()))
    orders.assign(date=pd.to_datetime(orders["date"])).to_parquet(tmp_path / "z.parquet")
    workbook(tmp_path / "z.xlsx", orders)
    with duckdb.connect(str(tmp_path / "z.duckdb")) as connection:
        connection.register("orders_frame", orders)
        connection.execute("CREATE TABLE orders AS SELECT * FROM orders_frame").fetchall()
    with sqlite3.connect(tmp_path / "z.sqlite") as connection:
        orders.to_sql("orders", connection, index=False)
    for name in ("z.csv.gz", "z.parquet", "z.xlsx", "z.duckdb", "z.sqlite"):
        found, problems = dataset.build({"transactions": {"path": name}}, tmp_path / "card.toml")
        assert not errors(problems), name
        pd.testing.assert_frame_equal(found.rfm_summary(), wanted, obj=name)


def test_columns_are_mapped_whatever_their_case_and_the_first_filled_of_several_is_taken(build):
    text = "Mail,Phone,Jour,Montant\na,,2025-01-03,1\n,0033,2025-01-04,2\n"
    columns = {"customer_id": ["mail", "PHONE"], "date": "Jour", "amount": "Montant"}
    found, problems = build(text, columns=columns)
    assert not errors(problems)
    assert list(found.rfm_summary().index) == ["0033", "a"]


def test_amount_can_be_quantity_times_unit_price_less_what_was_refunded(build):
    text = "customer_id,date,quantity,unit_price,back\na,2025-01-03,3,2.5,\nb,2025-01-03,2,10,5\n"
    found, _ = build(text, columns={"refunded": "back"})
    assert dict(found.rfm_summary()["total_spend"]) == {"a": 7.5, "b": 15.0}


def test_decimal_commas_and_thousands_are_read_as_declared(build):
    found, problems = build(
        "customer_id;date;amount\na;2025-01-03;1.234,50\nb;2025-01-03;12,5\n", decimal=",", thousands="."
    )
    assert not errors(problems)
    assert dict(found.rfm_summary()["total_spend"]) == {"a": 1234.5, "b": 12.5}


def test_a_decimal_comma_is_never_guessed(build):
    _, problems = build("customer_id;date;amount\na;2025-01-03;12,50\nb;2025-01-04;13,50\n")
    assert 'decimal = ","' in errors(problems)[0]
    assert "2 of 2" in errors(problems)[0]


@pytest.mark.parametrize(
    "change", [lambda t: t.replace("\n", "\r"), lambda t: t.replace("\n", "\r\n", 1), lambda t: "sep=,\n" + t]
)
def test_any_line_end_and_a_hint_for_spreadsheets_are_read(build, change):
    found, problems = build(change(PLAIN))
    assert not errors(problems)
    assert found.transactions.count().to_pandas() == 3


def test_a_card_without_transactions_says_so(tmp_path):
    found, problems = dataset.build({"name": "x"}, tmp_path / "card.toml")
    assert found is None
    assert "no section [transactions]" in errors(problems)[0]


def test_dates_before_1970_are_warned_of(build):
    _, problems = build(PLAIN + "12,1901-01-01,4\n")
    assert "1 row(s) are dated before 1970" in said(p for p in problems if p.grade == "warning")


# -- dates ---------------------------------------------------------------------------------------------------------


def days(found):
    return sorted(str(day.date()) for day in found.transactions.to_pandas()["date"])


@pytest.mark.parametrize(
    ("first", "second", "proof"),
    [("13/02/2025", "05/03/2025", "day first"), ("02/13/2025", "03/05/2025", "month first")],
)
def test_day_and_month_are_told_apart_by_values_above_12(build, first, second, proof):
    found, problems = build(f"customer_id,date,amount\na,{first},1\nb,{second} 10:30,1\n")
    assert days(found) == ["2025-02-13", "2025-03-05"]
    assert proof in said(problems)


def test_an_unproved_order_of_day_and_month_is_refused_and_accepted_once_declared(build):
    text = "customer_id,date,amount\na,01/02/2025,1\nb,03/04/2025,1\n"
    assert "nothing proves" in errors(build(text)[1])[0]
    assert days(build(text, date_format="%d/%m/%Y")[0]) == ["2025-02-01", "2025-04-03"]


def test_dates_that_contradict_each_other_are_refused(build):
    _, problems = build("customer_id,date,amount\na,13/02/2025,1\nb,02/13/2025,1\n")
    assert "only be day first and 1 only month first" in errors(problems)[0]


def test_an_offset_is_converted_to_the_shops_time_or_said_to_be_kept(build):
    dates = ("2025-03-01 23:30:00 -0500", "2025-07-01T00:30:00+02:00", "2025-07-01T22:30:00Z")
    text = "customer_id,date,amount\n" + "".join(f"a,{date},1\n" for date in dates)
    assert days(build(text, card={"timezone": "Europe/Paris"})[0]) == ["2025-03-02", "2025-07-01", "2025-07-02"]
    kept, problems = build(text)
    assert days(kept) == ["2025-03-01", "2025-07-01", "2025-07-01"]
    assert "UTC offset" in said(problems)


def test_future_dates_are_dropped_with_their_count(build):
    lines = "".join(f"c{i},2025-01-03,1\n" for i in range(30))
    found, problems = build(f"customer_id,date,amount\n{lines}a,2999-01-01,1\n")
    assert ledger(found, "dropped") == {"dated in the future": 1}
    assert "1 of 31" in said(problems)


# -- rows ----------------------------------------------------------------------------------------------------------


def test_every_row_is_in_the_ledger_with_its_reason(build):
    good = "".join(f"c{i},2025-01-{1 + i % 28:02d},5\n" for i in range(60))
    text = f"customer_id,date,amount\n{good},2025-01-03,5\nx,,5\ny,2025-01-03,\nz,2025-01-03,five\nw,2025-01-03,inf\n"
    found, problems = build(text)
    assert not errors(problems)
    assert ledger(found, "dropped") == {
        "no customer_id": 1,
        "no date": 1,
        "no amount": 1,
        "amount can't be read": 1,
        "amount is not a finite number": 1,
    }
    assert ledger(found, "read")["rows in the file"] == 65
    assert ledger(found, "kept")["usable rows"] == 60
    assert "five" in said(problems)


def test_refunds_and_free_orders_are_kept_and_counted(build):
    found, _ = build(PLAIN + "12,2025-02-01,-9\n12,2025-02-03,0\n")
    kept = ledger(found, "kept")
    assert kept["of which refunds (amount below 0): they reduce the customer's spend"] == 1
    assert kept["of which of amount 0: not a purchase"] == 1
    assert found.rfm_summary().loc["12", "total_spend"] == 90


def test_exact_duplicates_are_dropped_when_an_order_number_proves_them(build):
    text = "customer_id,date,amount,order_id\na,2025-01-03,5,1\na,2025-01-03,5,1\nb,2025-01-04,6,2\n"
    found, _ = build(text)
    assert ledger(found, "dropped") == {"exact duplicate of another row": 1}
    assert found.rfm_summary().loc["a", "total_spend"] == 5


def test_rows_alike_without_proof_are_kept_and_the_card_decides(build):
    text = "customer_id,date,amount\na,2025-01-03,5\na,2025-01-03,5\nb,2025-01-04,6\n"
    found, problems = build(text)
    assert found.rfm_summary().loc["a", "total_spend"] == 10
    assert "alike in every cell" in said(problems)
    assert build(text, duplicates="drop")[0].rfm_summary().loc["a", "total_spend"] == 5


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(copies=st.lists(st.integers(0, 5), max_size=4), order=st.permutations(range(6)))
def test_copies_of_order_lines_and_their_order_change_nothing(build, orders, copies, order):
    lines = orders.assign(order_id=[str(i) for i in range(6)])
    changed = pd.concat([lines.iloc[list(order)], lines.iloc[copies]])
    wanted = build(lines.to_csv(index=False))[0].rfm_summary()
    pd.testing.assert_frame_equal(build(changed.to_csv(index=False))[0].rfm_summary(), wanted)


def test_shopify_counts_each_order_once_and_never_a_voided_one(build):
    text = (
        "Name,Email,Phone,Financial Status,Currency,Total,Refunded Amount,Created at,Lineitem name\n"
        "#1,a@example.com,,paid,EUR,30.00,0.00,2025-05-13 11:01:13 +0200,Mug\n"
        "#1,a@example.com,,,,,,2025-05-13 11:01:13 +0200,Plate\n"
        "#2,,'0033,pending,EUR,20.00,5.00,2025-05-14 11:01:13 +0200,Mug\n"
        "#3,c@example.com,,voided,EUR,99.00,0.00,2025-05-14 11:01:13 +0200,Mug\n"
    )
    found, problems = build(text, format="shopify")
    assert not errors(problems)
    assert dict(found.rfm_summary()["total_spend"]) == {"0033": 15.0, "a@example.com": 30.0}


# -- bad input: one message each -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "options", "message"),
    [
        ("", {}, "empty"),
        ("   \n", {}, "no text"),
        (b"\x00\x01\x02PNG", {}, "binary"),
        (gzip.compress(PLAIN.encode(), mtime=0)[:-12], {}, "cut short or damaged"),
        ("just one column\nof text\n", {}, "no delimiter"),
        ("customer_id,date,date,amount\na,2025-01-03,2025-01-03,1\n", {}, "occur twice: date"),
        (PLAIN, {"columns": {"customer_id": "Custmer"}}, "no column 'Custmer'"),
        (PLAIN, {"columns": {"custmer_id": "customer_id"}}, "Did you mean 'customer_id'?"),
        (PLAIN, {"delimeter": ";"}, "Did you mean 'delimiter'?"),
        (PLAIN, {"format": "shopfy"}, "format 'shopfy' is unknown"),
        (PLAIN, {"decimal": "x"}, "not a decimal mark"),
        (PLAIN, {"date_format": "%Q"}, "is not a date format"),
        (PLAIN, {"encoding": "klingon"}, "encoding 'klingon' is unknown"),
        (PLAIN, {"duplicates": "maybe"}, "duplicates = 'maybe'"),
        (PLAIN, {"columns": ["a"]}, "columns is not a table"),
        (PLAIN, {"columns": {"amount": 3}}, "a name of a column is not a text"),
        (PLAIN, {"delimiter": 5}, "delimiter is not a text"),
        (PLAIN, {"delimiter": "ab"}, "is not one character"),
        (PLAIN, {"drop": {"amount": "99"}}, "drop wants lists"),
        (PLAIN, {"card": {"economics": "x"}}, "economics is not a section"),
        (PLAIN, {"card": {"name": 5}}, "name = 5 is not a text"),
        ("customer_id,date,amount\na,15/02/25,1\n", {}, "a year of two digits"),
        ("customer_id,date,amount\na,infinity,1\n", {}, "date can't be read"),
        ("customer_id,date,amount\n", {}, "no rows below its header"),
        ("customer_id;date;amount\na;2025-01-03;12,50\n", {"thousands": ","}, "amount can't be read"),
        ("customer_id;date;amount\na;2025-01-03;1_000\n", {}, "amount can't be read"),
        (PLAIN + 'b,2025-03-01,"oops\n' + "c,2025-03-02,4\n" * 300, {}, "a quote opened at"),
        ("customer_id,date,quantity,unit_price\na,2025-01-03,inf,1\n", {}, "not a finite number"),
        ("customer_id,date,quantity,unit_price\na,2025-01-03,x,1\n", {}, "amount can't be read"),
        (PLAIN.replace("12,", "z\x81,").encode("latin-1"), {}, "is not cp1252"),
        (PLAIN.encode("utf-16")[:-1], {}, "is not utf-16"),
        ("customer_id,Owner,owner,date,amount\na,1,2,2025-01-03,1\n", {}, "occur twice: Owner, owner"),
        ("customer_id,amount\na,1\n", {}, "No column is given for date"),
        ("customer_id,date,amount\na,soon,1\n", {}, "date can't be read"),
        ("customer_id,date,amount\na,2025-01-03,five\n", {}, "amount can't be read"),
        ("customer_id,date,amount\na,2025-01-03,inf\n", {}, "not a finite number"),
        ("customer_id,date,amount\na,2999-01-03,1\n", {}, "dated in the future"),
        ("customer_id,date,amount\n,2025-01-03,1\n", {}, "no usable row"),
        ("customer_id,date,amount\na,2025-01-03,-1\nb,2025-01-04,-2\n", {}, "no customer has a purchase"),
        ("customer_id,date,amount,currency\na,2025-01-03,1,EUR\nb,2025-01-04,2,USD\n", {}, "2 currencies: EUR, USD"),
        (PLAIN + "b,2025-03-01,4\n" * 20 + "a\nb\nc\n", {}, "don't have as many cells"),
    ],
)  # fmt: skip
def test_bad_input_gets_one_clear_error(build, text, options, message):
    _, problems = build(text, **options)
    assert message in " ".join(errors(problems))
    assert all(problem.mend for problem in problems if problem.grade == "error")


def test_a_missing_file_is_named_with_the_place_where_it_was_looked_for(tmp_path):
    found, problems = dataset.build({"transactions": {"path": "gone.csv"}}, tmp_path / "card.toml")
    assert found is None
    assert "gone.csv: there is no such file" in errors(problems)[0]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("customer_id,date,amount\na,2025-01-03,1\na,2025-02-03,1\n", "single customer"),
        ("customer_id,date,amount\na,2025-01-03,1\nb,2025-02-03,1\n", "none of the 2 customers ever came back"),
    ],
)
def test_data_too_thin_for_models_is_a_warning_and_can_be_used(build, text, message):
    found, problems = build(text)
    assert found is not None
    assert not errors(problems)
    assert message in said(p for p in problems if p.grade == "warning")


def test_several_problems_are_said_at_once(build):
    _, problems = build(PLAIN.replace("2025-01-20,99", "soon,many"), card={"economics": {"margin": 3}, "nmae": "x"})
    text = " ".join(errors(problems))
    assert "margin" in text
    assert "nmae" in text
    assert "date can't be read" in text


def test_a_workbook_that_is_damaged_or_declares_too_much_is_refused(tmp_path, orders):
    (tmp_path / "bad.xlsx").write_bytes(b"PK\x03\x04 nothing of a workbook")
    _, problems = dataset.build({"transactions": {"path": "bad.xlsx"}}, tmp_path / "card.toml")
    assert "not a workbook" in errors(problems)[0]
    _, problems = dataset.build({"transactions": {"path": "two.xlsx", "sheet": "x"}}, tmp_path / "card.toml")
    workbook(tmp_path / "two.xlsx", orders)
    _, problems = dataset.build({"transactions": {"path": "two.xlsx", "sheet": "x"}}, tmp_path / "card.toml")
    assert "no sheet 'x'; it holds: Orders" in errors(problems)[0]


def test_a_workbook_whose_cells_lie_far_apart_neither_hangs_nor_fills_the_memory(tmp_path, orders):
    workbook(tmp_path / "far.xlsx", orders, dimension='<dimension ref="A1:XFD1048576"/>')
    target = tmp_path / "out.parquet"
    command = [sys.executable, "-m", "clvlib.ingest.excel", str(tmp_path / "far.xlsx"), str(target), str(2 * 1024**3)]
    done = subprocess.run(command, capture_output=True, timeout=60, check=False)
    assert done.returncode != 0 or len(pd.read_parquet(target)) == len(orders)


# -- clv init ----------------------------------------------------------------------------------------------------------


def test_a_proposed_card_marks_its_guesses_and_can_be_used(tmp_path):
    text = "Client;Date commande;Montant TTC\nA;13/02/2025;12,50\nB;05/03/2025;8,00\nA;01/04/2025;3,10\n"
    (tmp_path / "export.csv").write_text(text, encoding="utf-8")
    card = propose.propose_card(tmp_path / "export.csv")
    assert card.count("to be confirmed") >= 4
    assert "date was read day first, as" in card
    (tmp_path / "export.toml").write_text("pseudonyms = false\n" + card, encoding="utf-8")
    found = dataset.load(tmp_path / "export.toml")
    assert days(found) == ["2025-02-13", "2025-03-05", "2025-04-01"]
    assert found.rfm_summary().loc["A", "total_spend"] == pytest.approx(15.6)


def test_a_proposal_says_which_needed_column_was_not_found(tmp_path):
    (tmp_path / "x.csv").write_text("foo,bar\n1,2\n")
    card = propose.propose_card(tmp_path / "x.csv")
    for name in ("customer_id", "date", "amount"):
        assert f'# {name} = "…"  # not found' in card


def test_a_file_that_cant_be_read_gets_no_card(tmp_path):
    (tmp_path / "x.csv").write_bytes(b"\x00\x01")
    with pytest.raises(DataError, match="binary"):
        propose.propose_card(tmp_path / "x.csv")


def test_customers_keep_every_attribute_of_their_file(tmp_path):
    (tmp_path / "orders.csv").write_text(PLAIN)
    (tmp_path / "people.csv").write_text("id,acquired_on,Region\n007,2024-12-31,North\n12,,South\n")
    sections = {"path": "people.csv", "columns": {"customer_id": "id"}}
    found, problems = dataset.build(
        {"transactions": {"path": "orders.csv"}, "customers": sections}, tmp_path / "card.toml"
    )
    assert not errors(problems)
    assert list(found.customers().columns) == ["acquired_on", "Region"]
    assert found.customers().loc["12", "Region"] == "South"


def test_a_real_shop_is_read_when_its_file_is_there():
    file = Path(__file__).parents[3] / "shared/data/online_retail_h1/online_retail_h1.csv.gz"
    if not file.is_file():
        pytest.skip("the file is not part of the project")
    columns = {"customer_id": "CustomerID", "date": "InvoiceDate", "order_id": "InvoiceNo"}
    columns |= {"unit_price": "UnitPrice", "quantity": "Quantity"}
    found, _ = dataset.build({"transactions": {"path": str(file), "columns": columns}}, file)
    assert ledger(found, "read")["rows in the file"] == 245_903
    assert sum(ledger(found, "dropped").values()) + ledger(found, "kept")["usable rows"] == 245_903
    assert aggregate.rfm_summary(found.transactions, found.as_of)["frequency"].max() > 20


def test_an_attribute_that_the_card_names_anew_stays_text(tmp_path):
    (tmp_path / "orders.csv").write_text(PLAIN)
    (tmp_path / "people.csv").write_text("customer_id,Gegend\n007,Nord\n12,01\n")
    people = {"path": "people.csv", "columns": {"region": "Gegend"}}
    found, _ = dataset.build({"transactions": {"path": "orders.csv"}, "customers": people}, tmp_path / "card.toml")
    assert dict(found.customers()["region"]) == {"007": "Nord", "12": "01"}


def test_what_is_cast_stays_in_its_row_whatever_the_columns_are_called(build):
    rows = [f"{9 - i},c{i},2024-01-{i:02} 10:00:00,{i}.5\n" for i in range(1, 9)]
    found, _ = build("rowid,customer_id,date,amount\n" + "".join(rows))
    made = found.transactions.to_pandas()
    assert made["customer_id"].tolist() == [f"c{day}" for day in made["date"].dt.day]
    assert made["customer_id"].tolist() == [f"c{amount:.0f}" for amount in made["amount"] - 0.5]


@pytest.mark.parametrize("limits", [{"MEMORY": "24MB"}, {"LARGE": 0, "LEAN": "40MB"}], ids=["spilled", "in a file"])
def test_what_does_not_fit_into_memory_is_read_all_the_same_and_leaves_no_trace(tmp_path, monkeypatch, limits):
    for limit, size in limits.items():
        monkeypatch.setattr(reading, limit, size)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    lines = [
        f"A{i // 2},c{i % 20_000},2024-01-{i % 28 + 1:02} 10:{i % 60:02}:00,{i % 100}.50\n" for i in range(150_000)
    ]
    (tmp_path / "orders.csv").write_text("order_id,customer_id,date,amount\n" + "".join(lines))
    read = reading.read_tables({"transactions": {"path": "orders.csv"}}, tmp_path)
    (folder,) = tmp_path.glob("clv-*")
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert (folder / "tables.duckdb").exists() == ("LARGE" in limits)
    made = read.tables["transactions"].to_pandas()
    assert made["order_id"].tolist() == [f"A{i // 2}" for i in range(150_000)]
    assert made["date"].dt.minute.tolist() == [i % 60 for i in range(150_000)]
    assert made["amount"].sum() == sum(i % 100 + 0.5 for i in range(150_000))
    del read
    gc.collect()
    assert not list(tmp_path.glob("clv-*"))


@pytest.mark.parametrize("limits", [{}, {"LARGE": 0, "LEAN": "60MB"}], ids=["in memory", "in a file"])
def test_memory_given_back_costs_no_row_and_brings_none_to_the_disk(tmp_path, monkeypatch, limits):
    for limit, size in ({"SPARE": "1MB"} | limits).items():
        monkeypatch.setattr(reading, limit, size)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    lines = [f"c{i % 20_000},2024-01-{i % 28 + 1:02},{i % 100}.50\n" for i in range(150_000)]
    (tmp_path / "orders.csv").write_text("customer_id,date,amount\n" + "".join(lines))
    table = reading.read_tables({"transactions": {"path": "orders.csv"}}, tmp_path).tables["transactions"]
    made, backend = table.to_pandas(), table.get_backend()
    (limit,) = backend.con.execute("SELECT current_setting('memory_limit')").fetchone()
    reading.give_back(backend)
    assert not list(tmp_path.glob("clv-*/duckdb_temp*"))
    assert table.to_pandas().equals(made)
    assert backend.con.execute("SELECT current_setting('memory_limit')").fetchone() == (limit,)


def test_ids_that_read_like_a_test_are_told_of_and_no_longer_word_that_holds_one_is(build):
    rows = "a,2024-01-01,5,1\na,2024-02-01,5,TEST-7\nlatest,2024-03-01,6,3\ndummy 2,2024-03-04,6,4\n"
    _, problems = build("customer_id,date,amount,order_id\n" + rows + "b,2024-03-05,7,attested\n")
    told = [problem.what.partition(" are kept")[0] for problem in problems if "reads like a test" in problem.what]
    assert told == [f"1 row(s) whose {column} reads like a test" for column in ("customer_id", "order_id")]
