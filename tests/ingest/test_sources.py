"""One table through every reader, and files of every kind that clients send."""

import contextlib
import gzip
import io
import os
import sqlite3
import subprocess
import zipfile

import duckdb
import ibis
import numpy as np
import pandas as pd
import pytest

from clvlib.errors import DataError
from clvlib.ingest import archives, delimited, raw, sources
from tests.workbooks import workbook

ROWS = "customer_id,date,amount\n007,2025-01-03,20.5\n12,2025-02-14,35\nzoé,2025-04-30,12.25\n"
TABLE = [("007", "2025-01-03", "20.5"), ("12", "2025-02-14", "35"), ("zoé", "2025-04-30", "12.25")]


@pytest.fixture
def read(tmp_path):
    """Write a text or bytes, or take a path, and read it → rows, columns, what was noticed."""

    def reading(content, name="orders.csv", **options):
        path = tmp_path / name
        if content is not None:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content.encode() if isinstance(content, str) else content)
        connection = ibis.duckdb.connect().con
        raw.rows(connection, "SET TimeZone = 'UTC'")
        files = sources.files_of(name if "path" not in options else options.pop("path"), options.get("glob"), tmp_path)
        found = sources.read_sources(connection, files, "raw_table", options)
        cells = ", ".join(f"trim({raw.quoted(column)})" for column in found.columns)
        return raw.rows(connection, f"SELECT {cells} FROM raw_table ORDER BY {raw.ROW}"), found

    return reading


# -- every reader gives the same rows ----------------------------------------------------------------------------------


def write_as(kind, path, frame):
    if kind == "csv":
        frame.to_csv(path, index=False)
    elif kind == "excel":
        workbook(path, frame)
    elif kind == "parquet":
        frame.to_parquet(path, index=False)
    elif kind == "sqlite":
        with sqlite3.connect(path) as connection:
            frame.to_sql("orders", connection, index=False)
    else:
        with duckdb.connect(str(path)) as connection:
            connection.register("frame", frame)
            connection.execute("CREATE TABLE orders AS SELECT * FROM frame")


@pytest.mark.parametrize(
    ("kind", "ending"),
    [("csv", "csv"), ("excel", "xlsx"), ("parquet", "parquet"), ("sqlite", "sqlite"), ("duckdb", "duckdb")],
)
def test_one_table_is_the_same_rows_whatever_it_is_kept_in(read, tmp_path, kind, ending):
    frame = pd.DataFrame(
        {
            "customer_id": pd.array(["007", None, "zoé", "12"], dtype=object),
            "number": [17000.0, 7.0, np.nan, 3.0],  # whole numbers that met an empty cell
            "amount": [20.5, -3.25, 0.00005, 1e7],
            "units": [1, 2, 3, 4],
        }
    )
    write_as(kind, tmp_path / f"orders.{ending}", frame)
    found, table = read(None, f"orders.{ending}")
    assert table.columns == list(frame.columns)
    point = ".0" if kind == "csv" else ""  # a text is read as it is written
    assert [(row[0] or None, row[1] or None, float(row[2]), row[3]) for row in found] == [
        ("007", f"17000{point}", 20.5, "1"),
        (None, f"7{point}", -3.25, "2"),
        ("zoé", None, 0.00005, "3"),
        ("12", f"3{point}", 1e7, "4"),
    ]


def test_nothing_in_sqlite_is_an_empty_cell_and_whole_numbers_have_no_point(read, tmp_path):
    with sqlite3.connect(tmp_path / "a.db") as connection:
        connection.execute("CREATE TABLE t (customer_id REAL, note TEXT)")
        connection.executemany("INSERT INTO t VALUES (?, ?)", [(7.0, "x"), (None, None)])
    assert read(None, "a.db")[0] == [("7", "x"), (None, None)]


def test_tables_of_other_schemas_and_views_of_a_duckdb_file_are_found_by_name(read, tmp_path):
    with duckdb.connect(str(tmp_path / "a.duckdb")) as connection:
        connection.execute("CREATE TABLE t (a INT); CREATE SCHEMA sales; CREATE TABLE sales.orders (b INT)")
        connection.execute(
            "INSERT INTO sales.orders VALUES (1); CREATE VIEW seen AS SELECT b + 1 AS c FROM sales.orders"
        )
    with pytest.raises(DataError, match=r"3 tables. It holds: seen, t, sales.orders"):
        read(None, "a.duckdb")
    assert read(None, "a.duckdb", table="sales.orders")[0] == [("1",)]
    assert read(None, "a.duckdb", table="seen")[0] == [("2",)]


def test_a_view_without_end_is_stopped(read, tmp_path, monkeypatch):
    monkeypatch.setattr(sources, "VIEW_SECONDS", 0.2)
    endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i FROM n"
    with sqlite3.connect(tmp_path / "a.db") as connection:
        connection.execute(f"CREATE VIEW v AS {endless}")
    with duckdb.connect(str(tmp_path / "a.duckdb")) as connection:
        connection.execute(f"CREATE VIEW v AS {endless}")
    for name in ("a.db", "a.duckdb"):
        with pytest.raises(DataError, match="was not read within"):
            read(None, name)


def test_a_file_is_what_its_first_bytes_say(read, tmp_path):
    frame = pd.DataFrame(TABLE, columns=["customer_id", "date", "amount"])
    workbook(tmp_path / "a.xlsx", frame)
    frame.to_parquet(tmp_path / "a.parquet")
    for name, ending in (("a.xlsx", ".csv"), ("a.parquet", ".dat")):
        (tmp_path / name).rename(tmp_path / f"other{ending}")
        assert read(None, f"other{ending}")[0] == TABLE
    assert read(ROWS, "export.xls")[0] == TABLE
    for start, word in ((b"%PDF-1.7 ...", "PDF"), (b"<html><body>", "web page"), (b'[{"a": 1}]', "JSON")):
        with pytest.raises(DataError, match=word):
            read(start, "a.csv")


# -- a path is a path --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name",
    [
        "orders[1].csv", "Client [2024]/orders.csv", "customer_id=42/orders.csv", "orders_2026-10-31T10:30.csv",
        "client:orders.csv", "lifetimes:orders.csv", "a*b?.csv", "~orders.csv", "it's.csv", "orders{1,2}.csv", "-.csv",
    ],
)  # fmt: skip
@pytest.mark.parametrize("other", ["orders1.csv", "aXbY.csv"])
def test_a_name_is_read_as_it_is(read, tmp_path, name, other):
    (tmp_path / other).write_text("customer_id,date,amount\nwrong,2025-01-01,1\n")
    found, table = read(ROWS, name)
    assert found == TABLE
    assert table.columns == ["customer_id", "date", "amount"]


def test_a_folder_named_like_a_partition_adds_no_column_to_parquet(read, tmp_path):
    (tmp_path / "customer_id=42").mkdir()
    pd.DataFrame(TABLE, columns=["customer_id", "date", "amount"]).to_parquet(tmp_path / "customer_id=42/[a].parquet")
    assert read(None, "customer_id=42/[a].parquet")[0] == TABLE


@pytest.mark.skipif(os.name == "nt", reason="names of files are Unicode there")
def test_a_name_in_latin_1_is_read_and_can_be_said(read, tmp_path):
    name = os.fsdecode(b"client\xe8le.csv")
    found, _ = read(ROWS, name)
    assert found == TABLE
    with pytest.raises(DataError) as error:
        read("", name)
    str(error.value).encode()


def test_several_files_are_one_table_that_names_its_files(read, tmp_path):
    (tmp_path / "months").mkdir()
    (tmp_path / "months/2025-01.csv").write_text("customer_id,date,amount\na,2025-01-03,1\n")
    (tmp_path / "months/2025-02.csv").write_text("Amount;Customer_ID;Date;Channel\n2;b;2025-02-03;web\n")
    (tmp_path / "months/notes.md").write_text("# not a table")
    (tmp_path / "months/.hidden.csv").write_text("x")
    found, table = read(None, path="months")
    assert table.columns == ["customer_id", "date", "amount", "Channel", "file"]
    assert found == [("a", "2025-01-03", "1", None, "2025-01.csv"), ("b", "2025-02-03", "2", "web", "2025-02.csv")]
    assert "2025-01.csv has no column Channel" in " ".join(what for _, what, *_ in table.noticed)
    assert read(None, path=["months/2025-02.csv", "months/2025-01.csv"])[0][0][:2] == ("2", "b")
    assert len(read(None, path="months", glob="*-02.csv")[0]) == 1
    with pytest.raises(DataError, match=r"no file like \*.xlsx"):
        read(None, path="months", glob="*.xlsx")
    with pytest.raises(DataError, match="goes with a folder"):
        read(ROWS, glob="*.csv")


# -- texts as they come ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "\n\n" + ROWS,
        "# Purchases\n# 2025\n#\n\n" + ROWS,
        "Orders of 2025\nMade on,2026-01-02\n\n" + ROWS,
        "Orders of 2025,,\n,,\n" + ROWS,
        ROWS.replace("\n", ",\n"),
        ROWS.replace("amount\n", "amount,\n"),
        "customer_id,date,amount\n" + ROWS.split("\n", 1)[1].replace("\n", ",\n"),
        ROWS.replace(",", ";"),
        ROWS.replace("\n", "\r\n"),
        "sep=,\n" + ROWS,
        "\ufeff" + ROWS,
        ROWS.replace(",", "\t"),
    ],
)
def test_what_surrounds_a_table_is_no_part_of_it(read, text):
    found, table = read(text)
    assert table.columns[:3] == ["customer_id", "date", "amount"]
    assert [row[:3] for row in found] == TABLE
    assert len(table.columns) == 3
    assert table.bad_lines == 0


def test_lines_above_a_table_are_said(read):
    _, table = read("# Purchases\n\n" + ROWS)
    assert [(grade, count) for grade, _, count, *_ in table.noticed] == [("note", 2)]


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be", "utf-16", "cp1252", "utf-8-sig"])
def test_an_encoding_that_is_declared_is_believed(read, encoding):
    assert read(ROWS.encode(encoding), encoding=encoding)[0] == TABLE


def test_utf_16_without_a_mark_is_recognised_and_the_mend_works(read):
    with pytest.raises(DataError, match='encoding = "utf-16-be"'):
        read(ROWS.encode("utf-16-be"))


def test_quotes_may_be_doubled_or_follow_a_backslash(read):
    for written in ('say ""hi"", you', 'say \\"hi\\", you'):
        text = f'id,date,note,amount\na,2025-01-03,"{written}",1\nb,2025-01-04,"x, y",2\nc,2025-01-05,z,3\n'
        found, _ = read(text)
        assert found[0] == ("a", "2025-01-03", 'say "hi", you', "1")


def test_columns_may_be_aligned_by_spaces(read):
    text = "customer  date      cds  amount\n 00004    19970101    1   29.33\n 00004    19970118    2  29.73\n"
    found, table = read(text + " 00021    19970101    1   11.77\n", "master.txt")
    assert found[0] == ("00004", "19970101", "1", "29.33")
    assert "aligned by spaces" in table.noticed[0][1]


@pytest.mark.parametrize(
    "text",
    [
        "760\t25\t2009-11-06\n860\t50\t2012-09-28\n760\t30\t2010-01-05\n",
        "a@example.org,2025-01-03,1.5\nb@example.org,2025-01-04,2.5\nc@example.org,2025-01-05,3.5\n",
        " 00004 19970101  1   29.33\n 00004 19970118  1   29.73\n 00021 19970101  1  11.77\n",
        "1;03/01/2025;9\n2;13/01/2025;8\n3;14/01/2025;7\n",
    ],
)
def test_a_file_without_names_asks_for_them_and_loses_no_row(read, text):
    with pytest.raises(DataError, match=r"no names of columns.*Add header = \["):
        read(text)
    width = len(text.split("\n")[0].replace("\t", " ").replace(",", " ").replace(";", " ").split())
    found, table = read(text, header=[f"c{i}" for i in range(width)])
    assert len(found) == text.count("\n")
    assert table.columns == [f"c{i}" for i in range(width)]


def test_a_second_line_of_names_is_no_row(read):
    text = 'Respondent,Score,When\nid,"How likely\nare you …?",Start\n' + "".join(
        f"r{i},9,2025-01-0{i}\n" for i in range(1, 6)
    )
    found, table = read(text)
    assert len(found) == 5
    assert "hold names too" in table.noticed[0][1]
    text = "Q1,Q2,Q3\nwho,Score,When\n" + '"{""ImportId"":""a""}","{""ImportId"":""b""}","{""ImportId"":""c""}"\n'
    found, _ = read(text + "".join(f"r{i},9,2025-01-0{i}\n" for i in range(1, 6)))
    assert len(found) == 5


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("<!DOCTYPE html>\n<html><body>Log in</body></html>", "web page"),
        ('<?xml version="1.0"?>\n<Workbook></Workbook>', "XML"),
        ('{"orders": [{"id": 1}]}', "JSON"),
        ('"a,b,c"\n"1,2,3"\n"4,5,6"\n', "in quotes as a whole"),
        ("a~b~c\n1~2~3\n4~5~6\n", "separated by '~'"),
        ("a,b,c\n1,2\n3,4,5,6\n7\n8,9,10,11,12\n", "1 to 5 cells, and its first line 3"),
        ("one column\nof text\n", "has one column"),
    ],
)
def test_what_is_no_table_is_called_what_it_is(read, text, words):
    with pytest.raises(DataError, match=words) as error:
        read(text)
    assert error.value.mend


def test_a_gzip_that_grows_without_end_is_refused(read, monkeypatch):
    monkeypatch.setattr(delimited, "MOST_UNPACKED", 1000)
    with pytest.raises(DataError, match="unpacks to more than 200 times"):
        read(gzip.compress(ROWS.encode() + b"a,2025-01-01,1\n" * 100_000), "a.csv.gz")


def test_titles_above_the_table_of_a_sheet_are_passed_over(read, tmp_path):
    cells = [["", "", ""], ["customer_id", "date", "amount"], *TABLE]
    workbook(tmp_path / "a.xlsx", pd.DataFrame(cells, columns=["Orders of 2025", "", ""]))
    found, table = read(None, "a.xlsx")
    assert found == TABLE
    assert table.noticed[0][2] == 2


def test_a_view_that_its_database_cant_read_is_to_be_mended_not_exported_again(read, tmp_path):
    with contextlib.closing(sqlite3.connect(tmp_path / "shop.db")) as connection:
        connection.execute("CREATE VIEW orders AS SELECT customer FROM gone")
        connection.commit()
    with pytest.raises(DataError, match=r"no such table.*Mend the view"):
        read(None, "shop.db")


@pytest.mark.parametrize("said", ["thread 'main' panicked at x.rs:1:\nnote: run with `RUST_BACKTRACE=1`", ""])
def test_a_parser_that_crashed_is_not_quoted(read, tmp_path, monkeypatch, said):
    workbook(tmp_path / "a.xlsx", pd.DataFrame({"customer_id": ["a"], "amount": [1]}))
    monkeypatch.setattr("subprocess.run", lambda *_, **__: subprocess.CompletedProcess([], 1, "", said))
    with pytest.raises(DataError, match="the parser stopped at something in it") as refused:
        read(None, "a.xlsx")
    assert "RUST" not in str(refused.value)


# -- zips --------------------------------------------------------------------------------------------------------------


def zipped(*files, method=zipfile.ZIP_DEFLATED):
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", method) as archive:
        for name, content in files:
            archive.writestr(name, content)
    return made.getvalue()


OTHERS = "date,channel,spent\n2025-01-03,web,20.5\n2025-02-14,web,35\n"
PART = "customer_id,date,amount\n9,2025-05-03,1\n"


def test_the_tables_in_a_zip_are_read_as_one_and_each_row_names_its_file(read):
    inside = [("x/b.csv", PART), ("a.csv", ROWS), ("__MACOSX/._a.csv", "x"), ("x/.DS_Store", "x"), ("notes.docx", "x")]
    found, table = read(zipped(*inside), "orders.zip")
    assert found == [(*row, "a.csv") for row in TABLE] + [("9", "2025-05-03", "1", "x/b.csv")]
    assert table.columns == ["customer_id", "date", "amount", "file"]
    assert any(
        "1 file(s) in it are no tables" in what and "notes.docx" in some for _, what, _, some, _ in table.noticed
    )


def test_a_zip_of_one_table_is_that_table_and_a_zip_may_stand_beside_files(read, tmp_path):
    found, table = read(zipped(("a.csv", ROWS)), "orders.zip")
    assert found == TABLE
    assert table.columns == ["customer_id", "date", "amount"]
    (tmp_path / "more.csv").write_text(PART)
    both, _ = read(None, path=["orders.zip", "more.csv"])
    assert both == [(*row, "a.csv") for row in TABLE] + [("9", "2025-05-03", "1", "more.csv")]


def test_files_of_several_kinds_in_a_zip_are_named_and_one_kind_can_be_chosen(read):
    content = zipped(("in/orders_1.csv", ROWS), ("in/orders_2.csv", PART), ("in/costs.csv", OTHERS))
    with pytest.raises(sources.SeveralTables, match=r"2 kinds: in/costs.csv .* in/orders_\*.csv") as raised:
        read(content, "all.zip")
    assert raised.value.names == ["in/costs.csv", "in/orders_*.csv"]
    assert len(read(None, "all.zip", glob="orders_*.csv")[0]) == 4
    assert len(read(None, "all.zip", glob="in/costs.csv")[0]) == 2
    with pytest.raises(DataError, match=r"no file like \*.txt. It holds: in/orders_1.csv"):
        read(None, "all.zip", glob="*.txt")


def test_nothing_is_written_where_a_zip_says(read, tmp_path):
    outside = tmp_path.parent / "outside.csv"
    names = [f"../{outside.name}", str(outside), f"..\\..\\{outside.name}", "a/../../b.csv"]
    for name in names:
        found, _ = read(zipped((name, ROWS)), "orders.zip")
        assert found == TABLE
    assert not outside.exists()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["orders.zip"]


def test_a_zip_that_is_locked_nested_damaged_or_too_large_is_refused(read, monkeypatch):
    locked = bytearray(zipped(("a.csv", ROWS)))
    place = locked.index(b"PK\x01\x02") + 8
    locked[place] |= 1
    with pytest.raises(DataError, match=r"is encrypted: a\.csv"):
        read(bytes(locked), "a.zip")
    for name in ("b.zip", "b.csv"):
        with pytest.raises(DataError, match=f"holds another zip, {name}"):
            read(zipped(("a.csv", ROWS), (name, zipped(("c.csv", ROWS)))), "a.zip")
    whole = zipped(("a.csv", ROWS), method=zipfile.ZIP_STORED)
    with pytest.raises(DataError, match="cut short or damaged"):
        read(whole[: len(whole) // 2], "a.zip")
    with pytest.raises(DataError, match="cut short or damaged"):
        read(whole.replace(b"20.5", b"90.5"), "a.zip")
    with pytest.raises(DataError, match="two files of one name"), pytest.warns(UserWarning, match="Duplicate"):
        read(zipped(("a.csv", ROWS), ("a.csv", PART)), "a.zip")
    with pytest.raises(DataError, match="It holds: nothing"):
        read(zipped(), "a.zip")
    with pytest.raises(DataError, match=r"^a\.csv is empty"):
        read(zipped(("a.csv", ""), ("b.csv", "")), "a.zip")
    monkeypatch.setattr(archives, "MOST_UNPACKED", 50)
    monkeypatch.setattr(archives, "MOST_TIMES", 0.1)
    with pytest.raises(DataError, match="unpacks to more than"):
        read(zipped(("a.csv", ROWS * 9)), "a.zip")
    monkeypatch.setattr(archives, "MOST_MEMBERS", 1)
    with pytest.raises(DataError, match="holds 2 tables: more than 1"):
        read(zipped(("a.csv", ROWS), ("b.csv", ROWS)), "a.zip")


def test_what_a_zip_declares_of_a_size_is_not_believed(read, monkeypatch):
    monkeypatch.setattr(archives, "MOST_UNPACKED", 50)
    monkeypatch.setattr(archives, "MOST_TIMES", 0.1)
    content = bytearray(zipped(("a.csv", ROWS * 9)))
    size = len(ROWS.encode() * 9).to_bytes(4, "little")
    for place in (content.index(size), content.rindex(size)):
        content[place : place + 4] = (9).to_bytes(4, "little")
    with pytest.raises(DataError, match=r"unpacks to more than|damaged"):
        read(bytes(content), "a.zip")
