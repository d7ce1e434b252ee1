"""Small inputs of every kind that clients send, and hostile ones, each with what is right for it.

`CASES` are written to a folder each, as files beside a card.toml: `python -m tests.corpus FOLDER`. What is right is a
typed error with a word of its message, a table (rows kept, their money, its first moment), or either.
"""

import csv
import gzip
import io
import os
import sqlite3
import sys
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from clvlib.ingest.card import as_toml
from tests.workbooks import workbook

Maker = Callable[[Path], Any]  # makes the file at a path


@dataclass(frozen=True)
class Case:
    """Files by their names, a card (TOML), and what is right: `error` is a word of the message."""

    files: dict[str, str | bytes | Maker]
    card: str | bytes
    rows: int | None = None
    money: float | None = None
    first: str | None = None
    error: str | None = None
    slow: bool = False

    def write(self, folder: Path) -> Path:
        """Make the files in `folder` and return the path of the card."""
        folder.mkdir(parents=True, exist_ok=True)
        for name, content in self.files.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            if callable(content):
                content(path)
            else:
                path.write_bytes(content.encode("utf-8", "surrogatepass") if isinstance(content, str) else content)
        card = folder / "card.toml"
        card.write_bytes(self.card.encode() if isinstance(self.card, str) else self.card)
        return card


CASES: dict[str, Case] = {}
HEAD = "customer_id,date,amount\n"
ROWS = "007,2025-01-03,20.5\n12,2025-02-14,35\nzoé,2025-04-30,12.25\n"
PLAIN = HEAD + ROWS
FRAME = pd.DataFrame(
    [("007", "2025-01-03", 20.5), ("12", "2025-02-14", 35.0), ("zoé", "2025-04-30", 12.25)],
    columns=["customer_id", "date", "amount"],
)
GOOD = {"rows": 3, "money": 67.75, "first": "2025-01-03"}


def case(
    name: str, content: Any, rows: int | None = None, money: float | None = None, *, first: str | None = None,
    error: str | None = None, slow: bool = False, file: str = "orders.csv", top: dict[str, Any] | None = None,
    **options: Any,
) -> None:  # fmt: skip
    """One file of transactions, whose section of the card has `options`; `top` are entries above it."""
    text = as_toml({**(top or {}), "transactions": {"path": file, **options}})
    _add(name, Case({file: content}, text, rows, money, first, error, slow))


def card(name: str, text: str | bytes, content: str | bytes = PLAIN, **right: Any) -> None:
    """A card written out, beside an orders.csv that is whole."""
    _add(name, Case({"orders.csv": content}, text, **right))


def _add(name: str, made: Case) -> None:
    assert name not in CASES, name
    CASES[name] = made


def table(*columns: Sequence[str], head: str = HEAD) -> str:
    """CSV of an id, a date and an amount in each row, with quotes where they are needed."""
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerows(zip(*columns, strict=True))
    return head + out.getvalue()


def amounts(name: str, texts: Sequence[str], money: float | None = None, **right: Any) -> None:
    n = len(texts)
    text = table([f"c{i}" for i in range(n)], [f"2025-01-{1 + i % 28:02d}" for i in range(n)], texts)
    case(f"amounts {name}", text, n if money is not None else None, money, **right)


def dates(name: str, texts: Sequence[str], first: str | None = None, **right: Any) -> None:
    text = table([f"c{i}" for i in range(len(texts))], texts, ["10"] * len(texts))
    rows = right.pop("rows", len(texts)) if first is not None else None
    case(f"dates {name}", text, rows, None if rows is None else 10.0 * rows, first=first, **right)


# -- amounts -----------------------------------------------------------------------------------------------------------

amounts("with thousands commas", ["2,305.00", "1,000,000.50", "12.5"], 1_002_318.0)
amounts("few of many with thousands", ["10.50"] * 104 + ["2,305.00"] * 3, 8_007.0)
amounts("with a sign before", ["$12.50", "$1,200.00", "$3"], 1_215.5)
amounts("with a sign behind", ["12,50 €", "1.200,00 €", "3,00 €"], 1_215.5)
amounts("with a code", ["EUR 12.50", "EUR 7.50"], 20.0)
amounts("in brackets", ["100.00", "(25.06)"], 74.94)
amounts("with a minus behind", ["100.00", "25.06-"], 74.94)
amounts("with a mathematical minus", ["100.00", "\u221225.06"], 74.94)
amounts("with no-break spaces", ["1\u00a0200.50", "2\u202f000.00"], 3_200.5)
amounts("with Swiss apostrophes", ["1'200.50", "2’000.00"], 3_200.5)
amounts("of India", ["12,34,567.00", "1,000.00"], 1_235_567.0)
amounts("with decimal commas, undeclared", ["12,50", "7,25"], error="decimal")
amounts("with decimal commas, declared", ["12,50", "7,25"], 19.75, decimal=",")
amounts("with dotted thousands", ["13.000", "640"], 13_640.0, error="decimal")
amounts("with dotted thousands, declared", ["13.000", "640"], 13_640.0, thousands=".")
amounts("in two readings", ["1.234,50", "1,234.50"], error="amount")
amounts("of words", ["free", "n/a", "gift"], error="amount")
amounts("of a word among many", ["10"] * 99 + ["free"], error=None, money=None)
amounts("of 400 digits", ["10", "9" * 400], 10.0, error="amount")
amounts("of 400 decimals", ["10", "0." + "0" * 400 + "1"], 10.0)
amounts("with exponents", ["1e2", "1.5E+1"], 115.0)
amounts("with exponents beyond all", ["10", "1e999"], error="amount")
case("amounts that aren't finite", HEAD + "".join(f"c{i},2025-01-03,10\n" for i in range(40))
     + "x,2025-01-03,inf\ny,2025-01-03,nan\n", 40, 400.0)  # fmt: skip
amounts("tiny", ["0.00005", "0.00007"], 0.00012)
amounts("of yen", ["¥50", "¥70"], 120.0)
amounts("in two currencies", ["$50", "€70"], error="currenc")
amounts("all refunds", ["-5", "-7"], error="purchase")
amounts("all nothing", ["0", "0"], error="purchase")
amounts("with percent signs", ["50%", "20%"], error="amount")
amounts("in Arabic digits", ["١٢", "٣٤"], error="amount")
amounts("in full-width digits", ["１２", "３４"], error="amount")
amounts("with formulas", ["=1+1", "=cmd|' /C calc'!A0"], error="amount")
amounts("with bidi marks", ["\u202a12.50\u202c", "\u200e7.50"], 20.0)
amounts("with two minuses", ["--5", "10"], error="amount")
amounts("in hexadecimal", ["0x10", "0x20"], error="amount")
amounts("with underscores", ["1_000", "2_000"], error="amount")
amounts("with quotes of inches", ['12"', '10"'], error="amount")
amounts("with one order of a million", ["10"] * 20 + ["1000000"], 1_000_200.0)

# -- dates -------------------------------------------------------------------------------------------------------------

SYDNEY = {"timezone": "Australia/Sydney"}
for _zone, _written in {
    "a word": "2024-01-18 22:30:00 UTC", "an offset": "2024-01-18T22:30:00+00:00", "a Z": "2024-01-18T22:30:00Z",
    "GMT and digits": "2024-01-19 00:30:00 GMT+0200", "a named zone": "2024-01-18 23:30:00 Europe/Paris",
    "a restated zone": "2024-01-18T23:30:00+01:00[Europe/Paris]",
}.items():  # fmt: skip
    dates(f"with {_zone}", [_written, "2024-03-01 10:00:00 UTC"], "2024-01-19 09:30", top=SYDNEY)
dates("with an unknown zone", ["2024-01-18 22:30:00 XQZ", "2024-01-19 22:30:00 XQZ"], error="date")
dates("of AM and PM", ["2024-01-18 10:30:00 PM", "2024-01-19 01:00:00 AM"], "2024-01-18 22:30")
dates("with weeks behind", ["2024-01-18 week 3", "2024-01-19 week 3"], error="date")
dates("day first, proved", ["03/01/2025", "25/01/2025"], "2025-01-03")
dates("month first, proved", ["01/03/2025", "01/25/2025"], "2025-01-03")
dates("day or month first", ["03/01/2025", "04/01/2025"], error="date_format")
dates("day and month first", ["25/01/2025", "01/25/2025"], error="date_format")
dates("day first, declared", ["03/01/2025", "04/01/2025"], "2025-01-03", date_format="%d/%m/%Y")
dates("with years of two digits", ["03/01/25", "25/01/25"], error="date_format")
dates("of eight digits", ["20250103", "20250214"], "2025-01-03")
dates("with named months", ["3 Jan 2025", "14 Feb 2025"], "2025-01-03")
dates("with months in French", ["3 janvier 2025", "14 février 2025"], error="date")
dates("that Excel counts", ["45660", "45702"], "2025-01-03")
dates("of Unix seconds", ["1735862400", "1739491200"], "2025-01-03")
dates("of Unix milliseconds", ["1735862400000", "1739491200000"], "2025-01-03")
dates("of months", ["2025-01", "2025-02"], "2025-01-01")
dates("of two forms", ["2025-01-03", "14.02.2025"], error="date_format")
dates("of two forms, declared", ["2025-01-03", "14.02.2025"], "2025-01-03", date_format=["%Y-%m-%d", "%d.%m.%Y"])
dates("of year 1", ["0001-01-01", *["2025-01-03"] * 40], "2025-01-03", rows=40)
dates("of year 9999", ["9999-12-31", *["2025-01-03"] * 40], "2025-01-03", rows=40)
dates("all of year 1", ["0001-01-01", "0001-01-01"], error="row")
dates("of year 0", ["0000-00-00", "0000-00-00"], error="date")
dates("of year 99999", ["99999-01-01", "99999-01-02"], error="date")
dates("of a day that isn't", ["2025-02-30", "2025-13-01"], error="date")
dates("without end", ["infinity", "-infinity"], error="date")
dates("of words", ["today", "now"], error="date")
dates("before Christ", ["0044-03-15 (BC)", "0043-03-15 (BC)"], error="date")
dates("all in the future", ["2098-01-01", "2098-01-02"], error="future")
dates("with a second 60", ["2016-12-31 23:59:60", "2016-12-30 23:59:59"], error="date")
dates("with an unknown time zone", ["2025-01-03", "2025-01-04"], error="time zone", top={"timezone": "Mars/Olympus"})
dates("with an empty format", ["2025-01-03", "2025-01-04"], "2025-01-03", date_format="")
dates("with an unknown format", ["2025-01-03", "2025-01-04"], error="date", date_format="%Q")
dates("with a hostile format", ["2025-01-03", "2025-01-04"], error="date", date_format="'); DROP TABLE x; --")

# -- texts -------------------------------------------------------------------------------------------------------------

case("plain", PLAIN, **GOOD)
case("blank lines first", "\n\n" + PLAIN, **GOOD)
case("comments first", "# GA4\n# 2025\n#\n" + PLAIN, **GOOD)
case("titles first", "Orders of 2025\nMade on,2026-01-02\n\n" + PLAIN, **GOOD)
case("a total last", PLAIN + "Total,,67.75\n", 3, 67.75, error="date")
case("delimiter at the end of rows", PLAIN.replace("\n", ",\n"), **GOOD)
case("delimiter at the end of the heading", PLAIN.replace("amount\n", "amount,\n"), **GOOD)
case("semicolons", PLAIN.replace(",", ";"), **GOOD)
case("tabs", PLAIN.replace(",", "\t"), **GOOD)
case("bars", PLAIN.replace(",", "|"), **GOOD)
case("tildes", PLAIN.replace(",", "~"), error="~")
case("tildes, declared", PLAIN.replace(",", "~"), delimiter="~", **GOOD)
case("carriage returns", PLAIN.replace("\n", "\r"), **GOOD)
case("Windows line ends", PLAIN.replace("\n", "\r\n"), **GOOD)
case("mixed line ends", PLAIN.replace("35\n", "35\r\n"), **GOOD)
case("no line end last", PLAIN.rstrip("\n"), **GOOD)
case("a mark of UTF-8", "\ufeff" + PLAIN, **GOOD)
case("two marks of UTF-8", "\ufeff\ufeff" + PLAIN, **GOOD, error="customer_id")
case("UTF-16", PLAIN.encode("utf-16"), **GOOD)
case("UTF-16 without a mark", PLAIN.encode("utf-16-le"), error="utf-16-le")
case("UTF-16 declared", PLAIN.encode("utf-16-le"), encoding="utf-16-le", **GOOD)
case("UTF-32", PLAIN.encode("utf-32"), error="")
case("cp1252", PLAIN.encode("cp1252"), **GOOD)
case("two encodings", (PLAIN + "é,2025-05-01,1\n").encode() + "ü,2025-05-02,1\n".encode("cp1252"), 5, 69.75)
case("an encoding that isn't", PLAIN, encoding="klingon", error="klingon")
case("an encoding of bytes to bytes", PLAIN, encoding="zlib", error="encoding")
case("an encoding with a NUL", PLAIN, encoding="utf\x00-8", error="NUL")
case("an encoding that doesn't fit", PLAIN.encode("cp1252"), encoding="utf-8", error="utf-8")
case("empty", "", error="empty")
case("only blanks", "   \n \n", error="no text")
case("only a mark", "\ufeff", error="no text")
case("only a heading", HEAD, error="no rows")
case("one row", HEAD + "a,2025-01-03,5\n", 1, 5.0)
case("one column", "customer_id\na\nb\n", error="one column")
case("no heading", ROWS, error="header")
case("no heading, declared", ROWS, header=["customer_id", "date", "amount"], **GOOD)
case("a header too short", ROWS, header=["customer_id", "date"], error="")
case("a header too long", ROWS, header=["customer_id", "date", "amount", "more"], error="")
case("a header twice", ROWS, header=["a", "a", "amount"], error="twice")
case("a heading twice", "customer_id,date,amount,amount\n" + ROWS.replace("\n", ",1\n"), error="twice")
case("a heading twice but for case", "customer_id,date,amount,Amount\n" + ROWS.replace("\n", ",1\n"), error="twice")
case("two headings", "Who,When,What\n" + PLAIN, 3, 67.75, error="")
case("columns without names", "customer_id,date,amount,,\n" + ROWS.replace("\n", ",x,y\n"), **GOOD)
case(
    "a heading with line breaks", '"customer\nid",date,amount\n' + ROWS, columns={"customer_id": "customer\nid"}, **GOOD
)
case("a heading with quotes", '"cust""omer",date,amount\n' + ROWS, columns={"customer_id": 'cust"omer'}, **GOOD)
case("a heading of SQL", '"a""; DROP TABLE x; --",date,amount\n' + ROWS,
     columns={"customer_id": 'a"; DROP TABLE x; --'}, **GOOD)  # fmt: skip
case("a heading of emoji", "🛒,date,amount\n" + ROWS, columns={"customer_id": "🛒"}, **GOOD)
case("our own names as headings", "__clv_row,__clv_reason,customer_id,date,amount\n"
     + "".join(f"1,2,{row}\n" for row in ROWS.splitlines()), error="our own")  # fmt: skip
case("reserved words as headings", "customer_id,date,amount,select,rowid,order\n"
     + ROWS.replace("\n", ",1,2,3\n"), **GOOD)  # fmt: skip
case("no columns that are known", "x,y,z\n" + ROWS, error="customer_id")
case("a quote that never closes", HEAD + '"a,2025-01-03,5\n' + "b,2025-01-04,6\n" * 500, error="quote")
case("a quote that never closes, last", PLAIN + '"x,2025-05-01,1\n', error="quote")
case("a quote inside of a cell", HEAD + 'a"b,2025-01-03,5\nc,2025-01-04,6\nd,2025-01-05,7\n', 3, 18.0, error="")
case("quotes doubled", HEAD + '"say ""hi"", you",2025-01-03,5\nb,2025-01-04,6\n', 2, 11.0)
case("quotes after a backslash", HEAD + '"say \\"hi\\", you",2025-01-03,5\nb,2025-01-04,6\nc,2025-01-05,7\n', 3, 18.0)
case("lines in quotes as a whole", "".join(f'"{line}"\n' for line in PLAIN.splitlines()), error="quotes as a whole")
case("line breaks in cells", HEAD + '"a\nb",2025-01-03,5\n"c\r\nd",2025-01-04,6\ne,2025-01-05,7\n', 3, 18.0)
case("ragged rows", HEAD + ROWS * 10 + "x,2025-01-03\n", 30, 677.5)
case("rows ragged beyond use", HEAD + "a\nb,1,2,3\nc,1,2,3,4,5\nd\n", error="cells")
case("NUL bytes", (HEAD + "a\x00b,2025-01-03,5\nc,2025-01-04,6\n").encode(), error="binary")
case("nothing but NUL bytes", b"\x00" * 5000, error="binary")
case("random bytes", np.random.default_rng(1).bytes(5000), error="")
case("bidi and zero-width ids", HEAD + "\u202ea\u202c,2025-01-03,5\n\u200bb,2025-01-04,6\n", 2, 11.0)
case("zero-width headings", "\u200bcustomer_id,date,amount\n" + ROWS, error="customer_id")
case("escape codes in cells", HEAD + "\x1b[31ma,2025-01-03,5\n\x07b,2025-01-04,6\n", 2, 11.0)
case("ids of spaces", HEAD + "   ,2025-01-03,5\n" + "a,2025-01-04,6\n" * 30, 30, 180.0)
case("ids of no-break spaces", HEAD + "\u00a0,2025-01-03,5\n" + "a,2025-01-04,6\n" * 30)
case("ids of nobody", HEAD + "nan,2025-01-03,5\nNULL,2025-01-04,6\n" + "a,2025-01-05,7\n" * 60, 60, 420.0)
case("ids with a point", HEAD + "17000.0,2025-01-03,5\n17001.0,2025-01-04,6\n", 2, 11.0)
case("ids of e-mail in two cases", HEAD + "A@x.test,2025-01-03,5\na@X.test,2025-01-04,6\n", 2, 11.0)
case("ids that spreadsheets run", HEAD + "=1+1,2025-01-03,5\n+33639981234,2025-01-04,6\n@x,2025-01-05,7\n", 3, 18.0)
case("everybody alike", HEAD + "a,2025-01-03,5\n" * 50, 50, 250.0)
case("aligned columns", " customer_id  date      amount\n 00004    20250103   29.50\n 00005    20250118  9.50\n"
     " 00006    20250119  1.00\n", 3, 40.0)  # fmt: skip
case("aligned columns without a heading", " 00004 20250103 1 29.50\n 00005 20250118 2 9.50\n 00006 20250119 1 1.00\n",
     error="header")  # fmt: skip
case("a hint for Excel", "sep=;\n" + PLAIN.replace(",", ";"), **GOOD)
case("a web page", "<!DOCTYPE html><html><body>Log in</body></html>", error="web page")
case("XML", '<?xml version="1.0"?><a><b/></a>', error="XML")
case("JSON", '[{"customer_id": "a"}]', error="JSON")
case("JSON lines", '{"customer_id": "a", "amount": 1}\n{"customer_id": "b", "amount": 2}\n', error="JSON")
case("a PDF", b"%PDF-1.7\n%\xe2\xe3", error="PDF")
case("a delimiter of two characters", PLAIN, delimiter=",,", error="delimiter")
case("a delimiter that isn't there", PLAIN, delimiter="|", error="The file has: customer_id,date,amount")
case("a delimiter that is a quote", PLAIN, delimiter='"', error="delimiter")
case("a delimiter that is a line end", PLAIN, delimiter="\n", error="delimiter")
case("a delimiter that is an emoji", PLAIN.replace(",", "🛒"), delimiter="🛒", error="delimiter", **GOOD)
case("a delimiter that is a NUL", PLAIN, delimiter="\x00", error="NUL")
case("a delimiter that is a backslash", PLAIN.replace(",", "\\"), delimiter="\\", error="delimiter")
case("no delimiter", PLAIN, delimiter="", **GOOD)
case("10,000 columns", HEAD.strip() + "".join(f",x{i}" for i in range(9_997)) + "\n"
     + "".join(row + ",1" * 9_997 + "\n" for row in ROWS.splitlines()), slow=True, error="", **GOOD)  # fmt: skip
case("a cell of 1 MB", HEAD + "a" * 1_000_000 + ",2025-01-03,5\nb,2025-01-04,6\n", 2, 11.0, error="")
case("a late cell of 1 MB", HEAD + "b,2025-01-04,6\n" * 9_000 + "a" * 1_000_000 + ",2025-01-03,5\n", 9_001, 54_005.0)
case("a cell of 20 MB", HEAD + "b,2025-01-04,6\n" * 9_000 + "a" * 20_000_000 + ",2025-01-03,5\n", 9_000, 54_000.0,
     error="", slow=True)  # fmt: skip
case("a line of 5 MB and no end", "a" * 5_000_000, error="first line")
case("a heading of 1 MB", "h" * 1_000_000 + ",date,amount\n" + ROWS, error="first line")
case("commas and nothing else", "," * 1000 + "\n" + ("," * 1000 + "\n") * 3, error="")
case("quotes and nothing else", '"' * 1001, error="")
case("letters that are no letters", HEAD + "\udce8,2025-01-03,5\nb,2025-01-04,6\n", 2, 11.0, error="")

# -- statuses, currencies, duplicates and what else is assumed ---------------------------------------------------------

STATUSES = "customer_id,date,amount,Status\na,2025-01-03,5,completed\nb,2025-01-04,6,failed\nc,2025-01-05,7,cancelled\n"
case("statuses", STATUSES + "d,2025-01-06,8,pending\n", 2, 13.0)
case("statuses, dropped by the card", STATUSES, 1, 5.0, drop={"Status": ["failed", "cancelled"]})
case("a column of currency", "customer_id,date,amount,currency\na,2025-01-03,5,usd\nb,2025-01-04,6,USD\n", 2, 11.0)
case("a column of currencies", "customer_id,date,amount,currency\na,2025-01-03,5,EUR\nb,2025-01-04,6,USD\n",
     error="currenc")  # fmt: skip
case("another currency than the card's", "customer_id,date,amount,currency\na,2025-01-03,5,USD\n",
     top={"currency": "EUR"}, error="currency")  # fmt: skip
case("duplicates", "customer_id,date,amount,order_id\n" + "a,2025-01-03,5,1\n" * 3 + "b,2025-01-04,6,2\n", 2, 11.0)
case("duplicates kept", "customer_id,date,amount,order_id\n" + "a,2025-01-03,5,1\n" * 3, 3, 15.0, duplicates="keep")
case("duplicates, a word that isn't known", PLAIN, duplicates="perhaps", error="duplicates")
case("refunds in a column", "customer_id,date,amount,refunded\na,2025-01-03,5,2\nb,2025-01-04,6,\n", 2, 9.0)
case("refunds that can't be read", "customer_id,date,amount,refunded\na,2025-01-03,5,two\n", error="refunded")
case("prices and quantities", "customer_id,date,unit_price,quantity\na,2025-01-03,5,2\nb,2025-01-04,6,1\n", 2, 16.0)
case("quantities that can't be read", "customer_id,date,unit_price,quantity\na,2025-01-03,5,two\n", error="amount")
case("a column mapped twice", PLAIN, columns={"order_id": "customer_id"}, **GOOD)
case("a column that isn't there", PLAIN, columns={"customer_id": "Kunde"}, error="Kunde")
case("a column that isn't ours", PLAIN, columns={"kunde": "customer_id"}, error="kunde")
case("Shopify", "Name,Email,Phone,Created at,Total,Refunded Amount,Currency,Financial Status,Cancelled at\n"
     "#1,a@x.test,,2025-01-03 10:00:00 +0100,50,0,EUR,paid,\n#1,a@x.test,,2025-01-03 10:00:00 +0100,,,,,\n"
     "#2,b@x.test,,2025-01-04 10:00:00 +0100,30,0,EUR,expired,\n", 1, 50.0, format="shopify")  # fmt: skip
case("a format that isn't known", PLAIN, format="magento", error="magento")
case("a format that is a path", PLAIN, format="../../etc/passwd", error="format")

# -- paths -------------------------------------------------------------------------------------------------------------

for _name in (
    "orders[1].csv", "Client [2024]/orders.csv", "customer_id=42/orders.csv", "orders_2026-10-31T10:30.csv",
    "a*b?.csv", "it's.csv", 'say "hi".csv', "~orders.csv", "-.csv", "a\nb.csv", "\u202eabc.csv", "lifetimes:o.csv",
    "ünïcödé 🛒.csv", "orders", "orders.csv.bak", "n" * 250, "a;b.csv", "$HOME.csv", "%s%d.csv", "{0}.csv", " .csv",
    "http:/x/orders.csv", "orders.sql", "a\\b.csv", "CON.csv",
):  # fmt: skip
    case(f"named {_name[:40]!r}", PLAIN, file=_name, **GOOD)
case("named like a database", PLAIN, file="orders.db", error="ending")
case("named like Parquet", PLAIN, file="orders.parquet", error="ending")
case("named like Excel", PLAIN, file="orders.xls", **GOOD)
for _name, _path, _word in (
    ("of nothing", "", "path"), ("of a file that isn't", "gone.csv", "no such file"), ("of a name too long",
    "n" * 5000, "too long"),
    ("of a NUL", "a\\u0000b.csv", ""), ("of a device without end", "/dev/zero", "no file of data"),
    ("of a device without rows", "/dev/null", ""), ("of a folder without tables", "/proc/self/fd/", ""),
    ("of an address", "https://example.test/a.csv", "address"), ("of a package", "lifetimes:nothing.csv", ""),
    ("of another package", "os:path.py", "no such file"), ("of a way out of a package", "lifetimes:../../x", ""),
    ("of a home that isn't", "~/no/such/file.csv", "no such file"), ("of blanks", "   ", ""),
    ("of a pattern", "*.csv", "no such file"), ("of a file in a file", "orders.csv/x.csv", ""),
):  # fmt: skip
    card(f"path {_name}", f'[transactions]\npath = "{_path}"\n', error=_word)
case("a list of files", PLAIN, path=["orders.csv", "orders.csv"], rows=6, money=135.5, first="2025-01-03")
case("a list with one file gone", PLAIN, path=["orders.csv", "gone.csv"], error="no such file")
case("a list of nothing", PLAIN, path=[], error="path")
case("a glob that isn't a pattern", PLAIN, path=".", glob="", **GOOD)
case("a glob of all that is above", PLAIN, path=".", glob="../*", error="")
case("a folder", PLAIN, path=".", glob="*.csv", **GOOD)
case("a link to itself", lambda path: path.symlink_to(path.name), error="no such file")
case("two links in a ring", lambda path: [path.symlink_to("other"), (path.parent / "other").symlink_to(path.name)],
     error="no such file")  # fmt: skip
case("a link to nothing", lambda path: path.symlink_to("gone"), error="no such file")
case("a link to a device", lambda path: path.symlink_to("/dev/zero"), error="no file of data")
case("a folder that holds itself", lambda path: [path.mkdir(), (path / "in.csv").symlink_to(".")], error="holds")
case("an empty folder", lambda path: path.mkdir(), error="holds")
case("a pipe", lambda path: os.mkfifo(path), error="no file of data")
case("a folder with a pipe", lambda path: [path.mkdir(), os.mkfifo(path / "a.csv"), (path / "b.csv").write_text(PLAIN)],
     **GOOD)  # fmt: skip
case("a file that nobody may read", lambda path: [path.write_text(PLAIN), path.chmod(0)], error="read", **GOOD)
if sys.platform == "linux":
    case("named in Latin-1", PLAIN, path=".", file=os.fsdecode(b"client\xe8le.csv"), glob="client*", **GOOD)

# -- packed ------------------------------------------------------------------------------------------------------------

case("gzip", gzip.compress(PLAIN.encode()), file="a.csv.gz", **GOOD)
case("gzip named as CSV", gzip.compress(PLAIN.encode()), **GOOD)
case("gzip cut short", gzip.compress(PLAIN.encode())[:-12], error="cut short")
case("gzip of two bytes", b"\x1f\x8b", error="cut short")
case("gzip damaged", gzip.compress(PLAIN.encode()).replace(b"\x00", b"\x01"), error="")
case("gzip with more behind it", gzip.compress(PLAIN.encode()) + b"rest", error="")
case("gzip of two parts", gzip.compress(HEAD.encode()) + gzip.compress(ROWS.encode()), **GOOD)
case("gzip of gzip", gzip.compress(gzip.compress(PLAIN.encode())), error="")
case("gzip of nothing", gzip.compress(b""), error="no text")
case("gzip bomb", gzip.compress(gzip.compress(b"a,b,c\n" * 100)[:10] + b"0" * 600_000_000, 1), error="", slow=True)
case(
    "gzip bomb of rows", gzip.compress(HEAD.encode() + b"a,2025-01-03,5\n" * 30_000_000, 6), error="unpacks", slow=True
)


def zipped(*members: tuple[str, str | bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members:
            archive.writestr(name, content)
    return out.getvalue()


case("zip of a CSV", zipped(("orders.csv", PLAIN)), file="orders.zip", **GOOD)
case("zip of nothing", zipped(), file="orders.zip", error="")
case("zip bomb as Excel", zipped(("xl/workbook.xml", b"0" * 300_000_000)), file="a.xlsx", error="", slow=True)
case("7z", b"7z\xbc\xaf\x27\x1c" + b"\x00" * 50, error="binary")
case("bzip2", b"BZh91AY&SY" + bytes(range(256)), error="")

# -- workbooks ---------------------------------------------------------------------------------------------------------


def sheet(name: str, frame: pd.DataFrame, dimension: str = "", **right: Any) -> None:
    case(f"workbook {name}", lambda path: workbook(path, frame, dimension), file="orders.xlsx", **right)


def edited(old: bytes, new: bytes) -> Maker:
    """A workbook whose sheet says something else."""

    def made(path: Path) -> None:
        workbook(path, FRAME)
        with zipfile.ZipFile(path) as archive:
            parts = {name: archive.read(name).replace(old, new) for name in archive.namelist()}
        path.write_bytes(zipped(*parts.items()))

    return made


FAR = b'<row r="1048576"><c r="XFD1048576"><v>1</v></c></row></sheetData>'
sheet("plain", FRAME, **GOOD)
sheet("with a cell at the far corner said", FRAME, '<dimension ref="A1:XFD1048576"/>', error="", **GOOD)
sheet("of nothing", pd.DataFrame({"": []}), error="")
sheet("without rows", FRAME.head(0), error="rows")
sheet("with titles", pd.DataFrame([["", "", ""], list(FRAME), *FRAME.values.tolist()], columns=["Orders", "", " "]),
      **GOOD)  # fmt: skip
sheet("without a heading", pd.DataFrame(FRAME.values.tolist(), columns=["a", "2025-01-02", "7"]), error="")
sheet("with a column twice", pd.DataFrame(FRAME.values, columns=["customer_id", "amount", "amount"]), error="twice")
sheet("with empty ids", FRAME.assign(customer_id=["7", None, "8"]), rows=2, money=32.75, error="customer_id")
sheet("named by another name", FRAME, sheet="Nothing", error="Nothing")
sheet("named like an option", FRAME, sheet="--help", error="help")
sheet("named by a NUL", FRAME, sheet="a\x00b", error="NUL")
case("workbook with a cell at XFD1048576", edited(b"</sheetData>", FAR), file="a.xlsx", error="", slow=True)
case("workbook with a cell beyond", edited(b"</sheetData>", FAR.replace(b"XFD", b"ZZZZZ")), file="a.xlsx", error="")
case("workbook of errors", edited(b"<c><v>20.5</v></c>", b'<c t="e"><v>#REF!</v></c>'), 2, 47.25, file="a.xlsx")
case("workbook that refers to nothing", edited(b't="inlineStr"', b't="s"'), file="a.xlsx", error="", **GOOD)
case("workbook with entities", edited(b"<sheetData>", b'<!DOCTYPE x [<!ENTITY a "b">]><sheetData>'), file="a.xlsx",
     error="", **GOOD)  # fmt: skip
case("workbook cut short", zipped(("xl/workbook.xml", "<workbook>")), file="a.xlsx", error="workbook")
case("workbook of half its bytes", lambda path: [workbook(path, FRAME), os.truncate(path, path.stat().st_size // 2)],
     file="a.xlsx", error="workbook")  # fmt: skip
case("old workbook of nothing", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\x00" * 600, file="a.xls", error="workbook")

# -- Parquet -----------------------------------------------------------------------------------------------------------

DAYS = pd.to_datetime(FRAME["date"])


def parquet(
    name: str, columns: dict[str, Any], rows: int | None = 3, money: float | None = 67.75, **right: Any
) -> None:
    whole = {name: pa.array(FRAME[name]) for name in FRAME} | columns
    kept = (None, None) if "error" in right else (rows, money)
    case(f"parquet {name}", lambda path: pq.write_table(pa.table(whole), path), *kept, file="a.parquet", **right)


parquet("plain", {}, first="2025-01-03")
parquet("days", {"date": pa.array(DAYS, pa.date32())}, first="2025-01-03")
parquet("nanoseconds", {"date": pa.array(DAYS, pa.timestamp("ns"))}, first="2025-01-03")
parquet("zones", {"date": pa.array(DAYS, pa.timestamp("us", "Asia/Tokyo"))})
parquet("zones, the shop's declared", {"date": pa.array(DAYS, pa.timestamp("us", "UTC"))}, first="2025-01-03 09:00",
        top={"timezone": "Asia/Tokyo"})  # fmt: skip
parquet("dictionaries", {"customer_id": pa.array(FRAME["customer_id"]).dictionary_encode()})
parquet("decimals", {"amount": pa.array([20.5, 35, 12.25]).cast(pa.decimal128(38, 10))})
parquet("whole numbers", {"amount": pa.array([20, 35, 12], pa.uint64())}, money=67.0)
parquet("half floats", {"amount": pa.array(np.array([20.5, 35, 12.25], np.float16))})
parquet("amounts that aren't finite", {"amount": pa.array([20.5, np.inf, np.nan])}, error="amount")
parquet("ids of floats", {"customer_id": pa.array([7.0, 12.0, None])}, rows=2, money=55.5)
parquet("ids that are huge floats", {"customer_id": pa.array([1e300, np.inf, 2.0])})
parquet("bytes", {"customer_id": pa.array([b"a", b"\xff\x00", b"c"], pa.binary())})
parquet("lists", {"items": pa.array([[1], [2, 3], None])})
parquet("structs", {"who": pa.array([{"a": 1}, {"a": 2}, None])})
parquet("a struct as id", {"customer_id": pa.array([{"a": 1}, {"a": 2}, {"a": 3}])})
parquet("maps", {"m": pa.array([[("a", 1)], [], None], pa.map_(pa.string(), pa.int64()))})
parquet("durations", {"lasted": pa.array([1, 2, None], pa.duration("s"))})
parquet("durations as dates", {"date": pa.array([1, 2, 3], pa.duration("us"))}, error="date")
parquet("times as dates", {"date": pa.array([1, 2, 3], pa.time64("us"))}, error="date")
parquet("yes and no as amounts", {"amount": pa.array([True, False, True])}, error="amount")
parquet("nothing at all", {"note": pa.nulls(3)})
parquet("dates of nothing", {"date": pa.nulls(3)}, error="no usable row")
parquet("dates far away", {"date": pa.array([-(10**14)] * 3, pa.timestamp("s"))}, error="")
parquet("our own names", {"__clv_row": pa.array([1, 2, 3])}, error="our own")
parquet("a name of nothing", {"": pa.array([1, 2, 3])})
parquet("a name with a line break", {'a\n"b': pa.array([1, 2, 3])})
parquet("names twice but for case", {"AMOUNT": pa.array([1, 2, 3])})
case("parquet without rows", lambda path: pq.write_table(pa.table(FRAME.head(0)), path), file="a.parquet", error="row")
case("parquet without columns", lambda path: pq.write_table(pa.table({}), path), file="a.parquet", error="")
case("parquet cut short", lambda path: [FRAME.to_parquet(path), os.truncate(path, 200)], file="a.parquet", error="read")
case("parquet of four bytes", b"PAR1", file="a.parquet", error="read")

# -- databases ---------------------------------------------------------------------------------------------------------


def sqlite(name: str, sql: str, rows: int | None = None, money: float | None = None, **right: Any) -> None:
    def made(path: Path) -> None:
        connection = sqlite3.connect(path)
        connection.executescript(sql)
        connection.close()

    case(f"sqlite {name}", made, rows, money, file="a.db", **right)


def ducks(name: str, sql: str, rows: int | None = None, money: float | None = None, **right: Any) -> None:
    def made(path: Path) -> None:
        with duckdb.connect(str(path)) as connection:
            connection.execute(sql)

    case(f"duckdb {name}", made, rows, money, file="a.duckdb", **right)


FILL = "VALUES ('007', '2025-01-03', 20.5), ('12', '2025-02-14', 35), ('zoé', '2025-04-30', 12.25)"
ORDERS = f"CREATE TABLE orders (customer_id TEXT, date TEXT, amount REAL); INSERT INTO orders {FILL};"
ENDLESS = "CREATE VIEW v AS WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i FROM n;"
sqlite("plain", ORDERS, **GOOD)
sqlite("with empty ids", ORDERS + "INSERT INTO orders VALUES (NULL, '2025-05-01', 1);", **GOOD)
sqlite("with ids of floats", "CREATE TABLE t (customer_id REAL, date TEXT, amount REAL);"
       "INSERT INTO t VALUES (7.0, '2025-01-03', 1), (1e300, '2025-01-04', 2);", 2, 3.0)  # fmt: skip
sqlite("with mixed types", ORDERS + "INSERT INTO orders VALUES (x'ff00', '2025-05-01', 'free');", error="amount")
sqlite("with whole numbers of 64 bits", ORDERS + "INSERT INTO orders VALUES (-9223372036854775808, '2025-05-01', 1);",
       4, 68.75)  # fmt: skip
sqlite("with amounts without end", ORDERS + "INSERT INTO orders VALUES ('x', '2025-05-01', 9e999);", error="amount")
sqlite("of two tables", ORDERS + "CREATE TABLE other (a);", error="2 tables")
sqlite("of two tables, named", ORDERS + "CREATE TABLE other (a);", table="orders", **GOOD)
sqlite("of no table", "CREATE TABLE t (a); DROP TABLE t;", error="has no table")
sqlite("of a table without rows", "CREATE TABLE t (customer_id, date, amount);", error="row")
sqlite("of a table with an odd name", ORDERS.replace("orders", '"a"";--"'), **GOOD)
sqlite("of a view", ORDERS + "CREATE VIEW v AS SELECT * FROM orders;", table="v", **GOOD)
sqlite("of a view of nothing", ORDERS + "CREATE VIEW v AS SELECT * FROM gone;", table="v", error="read")
sqlite("of a view without end", ENDLESS, error="30 seconds", slow=True)
sqlite("of columns twice", "CREATE TABLE t (a); CREATE VIEW v AS SELECT 1 AS x, 2 AS X;", table="v", error="No column")
sqlite("of our own names", "CREATE TABLE t (__clv_row, customer_id, date, amount); "
       "INSERT INTO t VALUES (1, 'a', '2025-01-03', 5);", error="our own")  # fmt: skip
sqlite("of generated columns", "CREATE TABLE t (customer_id, date, a REAL, amount REAL AS (a * 2)); "
       "INSERT INTO t VALUES ('a', '2025-01-03', 5);", 1, 10.0)  # fmt: skip
case("sqlite cut short", lambda path: [CASES["sqlite plain"].files["a.db"](path), os.truncate(path, 4096)],  # type: ignore[operator]
     file="a.db", error="read")  # fmt: skip
case("sqlite of its first bytes", b"SQLite format 3\x00", file="a.db", error="read")
case("sqlite of noise", b"SQLite format 3\x00" + bytes(range(256)) * 20, file="a.db", error="read")
ducks("plain", ORDERS, **GOOD)
ducks("of types", "CREATE TABLE t (customer_id UUID, date TIMESTAMPTZ, amount DECIMAL(18, 3)); "
      "INSERT INTO t VALUES (uuid(), '2025-01-03 10:00:00+00', 5), (uuid(), '2025-01-04 10:00:00+00', 6)",
      2, 11.0)  # fmt: skip
ducks("of enums and huge numbers", "CREATE TYPE e AS ENUM ('a', 'b'); CREATE TABLE t (customer_id e, date DATE, "
      "amount HUGEINT); INSERT INTO t VALUES ('a', '2025-01-03', 5), ('b', '2025-01-04', 6)", 2, 11.0)  # fmt: skip
ducks("of generated columns", "CREATE TABLE t (customer_id TEXT, date DATE, a INT, amount INT AS (a * 2)); "
      "INSERT INTO t VALUES ('a', '2025-01-03', 5)", 1, 10.0)  # fmt: skip
ducks("of lists and structs", "CREATE TABLE t AS SELECT 'a' AS customer_id, DATE '2025-01-03' AS date, 5 AS amount, "
      "[1, 2] AS l, {'a': 1} AS s, MAP {'k': 1} AS m, INTERVAL 1 DAY AS i", 1, 5.0)  # fmt: skip
ducks("of days without end", "CREATE TABLE t AS SELECT 'a' AS customer_id, DATE 'infinity' AS date, 5 AS amount",
      error="date")  # fmt: skip
ducks("of a schema", "CREATE SCHEMA s; " + ORDERS.replace("orders", "s.orders"), table="s.orders", **GOOD)
ducks("of no table", "CREATE TABLE t (a INT); DROP TABLE t", error="has no table")
ducks("of a view without end", ENDLESS, error="30 seconds", slow=True)
ducks("of a view that fails", "CREATE VIEW v AS SELECT error('no') AS customer_id", error="read")
ducks("of a view of another file", "CREATE VIEW v AS SELECT * FROM read_csv('/etc/passwd')", error="")
case("duckdb of noise", b"\x00" * 8 + b"DUCK" + bytes(range(256)) * 40, file="a.duckdb", error="opened")
case("duckdb cut short", lambda path: [CASES["duckdb plain"].files["a.duckdb"](path), os.truncate(path, 9000)],  # type: ignore[operator]
     file="a.duckdb", error="")  # fmt: skip

# -- cards -------------------------------------------------------------------------------------------------------------

SECTION = '[transactions]\npath = "orders.csv"\n'
card("card of nothing", "", error="transactions")
card("card of comments", "# nothing\n", error="transactions")
card("card that isn't TOML", "[transactions\n", error="read")
card("card in Latin-1", "name = 'caf\xe9'\n".encode("latin-1"), error="read")
card("card in UTF-16", SECTION.encode("utf-16"), error="read")
card("card with a mark", b"\xef\xbb\xbf" + SECTION.encode(), **GOOD)
card("card with a NUL", "name = 'a\x00'\n", error="read")
card("card with a name twice", "name = 'a'\nname = 'b'\n", error="read")
card("card of a thousand brackets", "a = " + "[" * 2000 + "]" * 2000, error="can't be read")
card("card of a long number", f"as_of = {'9' * 5000}\n" + SECTION, error="can't be read")
card("card with an emoji as key", '"🛒" = 1\n' + SECTION, error="unknown")
for _name, _line, _word in (
    ("name is a number", "name = 1", "name"), ("name is blank", "name = ' '", "name"),
    ("currency is a list", "currency = ['EUR']", "currency"), ("currency is a number", "currency = 1.5", "currency"),
    ("timezone is a number", "timezone = 1", "timezone"), ("timezone is a table", "timezone = {a = 1}", "timezone"),
    ("locale is unknown", "locale = 'tlh_QO'", "locale"), ("locale is a number", "locale = 1", "locale"),
    ("locale is a path", "locale = '../../x'", "locale"), ("locale is a NUL", 'locale = "a\\u0000"', "locale"),
    ("as_of is a word", "as_of = 'soon'", "as-of"), ("as_of is a number", "as_of = 20250101", "as-of"),
    ("as_of is a yes", "as_of = true", "as-of"), ("as_of is a list", "as_of = [2025-01-01]", "as-of"),
    ("as_of is a time", "as_of = 10:00:00", "as-of"), ("as_of is a table", "as_of = {a = 1}", "as-of"),
    ("as_of is in the future", "as_of = 2099-01-01", "future"), ("as_of is too early", "as_of = 1999-01-01", "before"),
    ("as_of is year 1", "as_of = 0001-01-01", "as-of"), ("as_of is year 9999", "as_of = 9999-12-31", "as-of"),
    ("as_of is no day", "as_of = '2025-02-30'", "as-of"), ("as_of is not finite", "as_of = nan", "as-of"),
    ("economics is a text", "economics = 'high'", "economics"), ("truth is a text", "truth = 'yes'", "truth"),
    ("truth is a list", "truth = ['a']", "truth"), ("truth is of numbers", "truth = {a = 1}", "truth"),
    ("to_confirm is a text", "to_confirm = 'all'", "to_confirm"), ("to_confirm is a number", "to_confirm = 1",
    "to_confirm"),
    ("customers is a text", "customers = 'people.csv'", "customers"), ("customers is a list", "customers = [1]", ""),
    ("an array of tables", "[[customers]]\npath = 'orders.csv'", ""),
    ("a table that isn't known", "[orders]\npath = 'orders.csv'", "unknown"),
    ("margin is a word", "[economics]\nmargin = 'high'", "margin"), ("margin is nan", "[economics]\nmargin = nan",
    "margin"),
    ("margin is 30", "[economics]\nmargin = 30", "margin"), ("margin is a list", "[economics]\nmargin = [0.3]",
    "margin"),
    ("margin is a yes", "[economics]\nmargin = true", "margin"),
    ("horizon is endless", "[economics]\nhorizon_months = inf", "horizon"),
    ("horizon is of 400 digits", f"[economics]\nhorizon_months = {'9' * 400}", "horizon"),
    ("rate is below nothing", "[economics]\nannual_discount_rate = -1", "rate"),
    ("economics that isn't known", "[economics]\nprofit = 1", "profit"),
    ("customers without a path", "[customers]\n", "path"),
    ("customers of a file that isn't", "[customers]\npath = 'gone.csv'", "no such file"),
    ("surveys of another table", "[surveys]\npath = 'orders.csv'", "score"),
    ("subscriptions of another table", "[subscriptions]\npath = 'orders.csv'\nperiod = 'month'", ""),
    ("subscriptions of an odd period", "[subscriptions]\npath = 'orders.csv'\nperiod = 'aeon'", ""),
):  # fmt: skip
    _above = not _line.startswith("[")
    card(f"card where {_name}", f"{_line}\n{SECTION}" if _above else f"{SECTION}{_line}\n", error=_word)
for _name, _entry in {
    "path is a number": "path = 1", "path is a date": "path = 2025-01-03", "path lists numbers": "path = [1]",
    "path lists lists": "path = [['a']]", "columns is a text": "columns = 'a'", "columns is a list": "columns = ['a']",
    "columns are numbers": "columns = {customer_id = 1}", "columns are tables": "columns = {customer_id = {a = 1}}",
    "columns are empty lists": "columns = {customer_id = []}", "columns are blank": "columns = {customer_id = ''}",
    "delimiter is a number": "delimiter = 1", "header is a text": "header = 'a,b'",
    "header lists numbers": "header = [1]",
    "header is empty": "header = []", "encoding is a list": "encoding = ['utf-8']",
    "encoding is blank": "encoding = ' '",
    "decimal is a number": "decimal = 1", "decimal is a word": "decimal = 'point'",
    "thousands is a word": "thousands = 'comma'", "thousands is a letter of patterns": "thousands = ']'",
    "thousands is a backslash": "thousands = '\\'", "both marks are one": "decimal = ','\nthousands = ','",
    "date_format is a number": "date_format = 1", "date_format lists numbers": "date_format = [1]",
    "date_format is no list": "date_format = []", "drop is a list": "drop = ['a']",
    "drop is of texts": "drop = {date = 'a'}", "drop is of tables": "drop = {date = [{a = 1}]}",
    "drop is of a column that isn't": "drop = {gone = ['a']}", "values is a text": "values = 'a'",
    "values is of texts": "values = {channel = 'a'}", "values is of numbers": "values = {channel = {a = 1}}",
    "values is of an unknown column": "values = {gone = {a = 'b'}}", "keep_if_filled is a list": "keep_if_filled = []",
    "keep_if_filled isn't there": "keep_if_filled = 'gone'", "ignore_case is a word": "ignore_case = 'yes'",
    "duplicates is a number": "duplicates = 1", "format is a number": "format = 1", "glob is a list": "glob = ['*']",
    "glob goes with a file": "glob = '*.csv'", "sheet is a number": "sheet = 1", "table is a number": "table = 1",
    "once is a text": "once = 'a'", "once lists numbers": "once = [1]", "once isn't there": "once = ['gone']",
    "doubts is a list": "doubts = ['a']", "doubts is of numbers": "doubts = {a = 1}",
    "an entry isn't known": "pth = 'orders.csv'",
}.items():  # fmt: skip
    path = "" if _entry.startswith("path") else 'path = "orders.csv"\n'
    card(f"section where {_name}", f"[transactions]\n{path}{_entry}\n", error="", rows=3, money=67.75)


if __name__ == "__main__":
    for number, (name, made) in enumerate(CASES.items(), 1):
        print(made.write(Path(sys.argv[1]) / f"{number:03d}"), name.encode("utf-8", "replace").decode(), sep="\t")
