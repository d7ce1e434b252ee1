"""Numbers: read where one reading fits every value of a column, else the message says what to declare, and it works."""

import contextlib
import re
import sqlite3
import string
import tomllib
import unicodedata
from collections import Counter

import duckdb
import pandas as pd
import pytest

from clvlib import dataset
from clvlib.ingest.raw import LETTER, in_python
from tests.workbooks import workbook

PLAIN = ("64.76", "62.87", "29.79")


def problem(problems):
    (found,) = [problem for problem in problems if problem.grade == "error"]
    return found


def read(build, amounts, card=None, **options):
    lines = "".join(f'c{i};2025-01-{1 + i % 28:02d};"{amount}"\n' for i, amount in enumerate(amounts))
    found, problems = build("customer_id;date;amount\n" + lines, card=card, **options)
    assert not [str(one) for one in problems if one.grade == "error"]
    return found.transactions.order_by("customer_id").to_pandas()["amount"].tolist()


def refused(build, amounts, card=None, **options):
    lines = "".join(f'c{i};2025-01-{1 + i % 28:02d};"{amount}"\n' for i, amount in enumerate(amounts))
    return problem(build("customer_id;date;amount\n" + lines, card=card, **options)[1])


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("2,305.00", 2305), ("1,234,567.5", 1_234_567.5), ("12,34,567.00", 1_234_567), ("1 234.50", 1234.5),
        ("1\u00a0234.50", 1234.5), ("1\u202f234.50", 1234.5), ("1\u2009234.50", 1234.5), ("1'234.50", 1234.5),
        ("1\u2019234.50", 1234.5), ("$13.74", 13.74), ("$ 13.74", 13.74), ("13.74 $", 13.74), ("13.74\u00a0€", 13.74),
        ("USD 13.74", 13.74), ("13.74 usd", 13.74), ("US$13.74", 13.74), ("CHF 500.-", 500), ("500.\u2013", 500),
        ("Rs.500", 500), ("Rs. 12.50", 12.5), ("kr 12.50", 12.5), ("12.50 zł", 12.5), ("$13.74 USD", 13.74),
        ("(25.06)", -25.06), ("25.06-", -25.06), ("\u221225.06", -25.06), ("- 25.06", -25.06), ("-$25.06", -25.06),
        ("$-25.06", -25.06), ("($1,025.06)", -1025.06), ("$(25.06)", -25.06), ("25.06- €", -25.06), ("+25.06", 25.06),
        ("\u200e25.06", 25.06), (".5", 0.5), ("5e-05", 0.00005), ("฿.50", 0.5), ("(৳.50)", -0.5),
    ],
)  # fmt: skip
def test_an_amount_is_read_however_it_is_written(build, written, meant):
    assert read(build, [written, *PLAIN])[0] == pytest.approx(meant, abs=0)


def test_letters_are_nearly_all_and_no_sign_of_a_currency():
    one = re.compile(f"[{in_python(LETTER)}]")
    taken = Counter(unicodedata.category(chr(code)) for code in range(0x30000) if one.match(chr(code)))
    every = Counter(unicodedata.category(chr(code)) for code in range(0x30000))
    assert taken["Sc"] == 0
    kinds = ("Lu", "Ll", "Lo")
    assert sum(taken[kind] for kind in kinds) > 0.99 * sum(every[kind] for kind in kinds)
    assert not re.search(one, string.digits + " .,-+()[]/:;_#'\"%&·–—’′¥£$€₹￥（）｜・～₺")


@pytest.mark.parametrize(
    "amounts",
    [("1.234,50", "12,5"), ("1 234,50 €", "12,5"), ("1'234,50", "7"), ("1.234.567,25", "3,5"), ("(1.234,50)", "12,5")],
)
def test_a_decimal_comma_that_a_second_mark_proves_is_read_and_said(build, amounts):
    bare = [re.sub(r"[^0-9,]", "", amount).replace(",", ".") for amount in amounts]
    assert list(map(abs, read(build, amounts))) == [float(amount) for amount in bare]
    lines = "".join(f'c{i};2025-01-01;"{amount}"\n' for i, amount in enumerate(amounts))
    assert "as 1 of its values proves" in str(build("customer_id;date;amount\n" + lines)[1])


@pytest.mark.parametrize(
    "amounts", [("13.000", "640"), ("1,250", "990"), ("13.000",), ("€1.500", "€ 20"), ("(2.500)", "100")]
)
def test_a_mark_that_could_part_thousands_or_decimals_is_asked_for_and_both_answers_work(build, amounts):
    found = refused(build, amounts)
    assert "nothing proves" in found.what
    proposed = re.findall(r"decimal = \"[.,]\"", found.mend)
    values = [abs(read(build, amounts, **tomllib.loads(line))[0]) for line in proposed]
    assert len(values) == 2
    assert max(values) == 1000 * min(values)


@pytest.mark.parametrize("proof", ["12.50", "0.125", "1,234.50", "1.5e3"])
def test_one_value_can_prove_the_mark_of_a_column(build, proof):
    assert read(build, ["13.000", proof])[0] == 13


def test_another_column_of_the_file_can_prove_the_mark(build):
    text = "customer_id,date,quantity,unit_price\na,2025-01-03,2.000,12.50\nb,2025-01-04,1.000,3.20\n"
    assert build(text)[0].transactions.to_pandas()["amount"].tolist() == [25.0, 3.2]


def test_few_amounts_with_a_decimal_comma_are_not_left_out_in_silence(build):
    found = refused(build, ["64"] * 60 + ["12,50"])
    assert "1 of 61" in found.what
    (line,) = re.findall(r"decimal = \"[.,]\"", found.mend)
    assert sum(read(build, ["64"] * 60 + ["12,50"], **tomllib.loads(line))) == 64 * 60 + 12.5


@pytest.mark.parametrize(
    "odd", ["12abc", "1_000", "12.50 - 13.50", "1,23,4", "(12.50", "--12.50", "12.50 XYZW", "1.234,50", "1.2k", "12 %",
            "5.5.5"]
)  # fmt: skip
def test_an_amount_that_no_reading_fits_is_an_error_however_rare_and_its_mend_works(build, odd):
    amounts = [*PLAIN * 30, "1,234.50", odd]
    found = refused(build, amounts)
    assert "1 of 92 row(s) dropped: amount can't be read" in found.what
    drop = found.mend.split("leave these rows out: ")[1].rstrip(".")
    assert len(read(build, amounts, **tomllib.loads(drop))) == 91


def test_a_word_in_place_of_an_amount_is_left_out_and_counted(build):
    assert len(read(build, [*PLAIN * 30, "free"])) == 90


def test_a_unit_price_that_cant_be_read_is_an_error_too(build):
    text = "customer_id,date,quantity,unit_price\n" + "a,2025-01-03,2,12.50\n" * 50 + 'b,2025-01-04,3,"5,0,0"\n'
    assert "amount can't be read" in problem(build(text)[1]).what


def test_a_refund_that_cant_be_read_is_an_error(build):
    text = "customer_id,date,amount,refunded\n" + "a,2025-01-03,20,0\n" * 50 + "b,2025-01-04,30,12x\n"
    assert "refunded can't be read" in problem(build(text)[1]).what


# -- currency ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("column", "code"),
    [(("USD", "usd"), "USD"), (("£", "GBP"), "GBP"), (("kr", "SEK"), "SEK"), (("Euro", "EUR"), "EUR")],
)
def test_the_currency_is_that_of_the_files_own_column(build, column, code):
    text = "customer_id,date,amount,currency\n" + "".join(f"c,2025-01-0{i},1,{c}\n" for i, c in enumerate(column, 1))
    found, problems = build(text)
    assert found.currency == code
    assert f"amounts are in {code}, as 2 row(s) of the file say" in str(problems)
    assert found.assumptions.set_index("name").loc["currency", "origin"] == "the file"


def test_signs_beside_amounts_say_the_currency_and_what_else_they_could_mean(build):
    found, problems = build("customer_id,date,amount\na,2025-01-03,$1\nb,2025-01-03,$2\n")
    assert found.currency == "USD"
    assert "could also mean CAD, AUD" in str(problems)
    assert build("customer_id,date,amount\na,2025-01-03,$1\n", card={"currency": "CAD"})[0].currency == "CAD"


@pytest.mark.parametrize("text", ["a,2025-01-03,£5,\n", "a,2025-01-03,5,gbp\n"])
def test_a_card_that_says_another_currency_than_the_file_is_refused_and_the_mend_works(build, text):
    text = "customer_id,date,amount,currency\n" + text
    found = problem(build(text, card={"currency": "EUR"})[1])
    assert "the file says GBP" in found.what
    card = tomllib.loads(re.search(r'currency = "[A-Z]+"', found.mend)[0])
    assert build(text, card=card)[0].currency == "GBP"


@pytest.mark.parametrize("amounts", [("$5", "€5"), ("5 SEK", "5 NOK"), ("£5", "USD 5")])
def test_two_currencies_are_refused(build, amounts):
    assert "2 currencies" in refused(build, amounts).what


def test_a_currency_that_is_unknown_can_be_named_in_the_card(build):
    text = "customer_id,date,amount,currency\na,2025-01-03,5,Taler\n"
    found = problem(build(text)[1])
    options = tomllib.loads(re.search(r"values = .*}", found.mend)[0])
    assert build(text, **options)[0].currency == "EUR"


# -- files that know what a number is ----------------------------------------------------------------------------------


def write_typed(kind, path, amounts):
    """Two or more orders of 2025 with those amounts, kept as what they are."""
    frame = pd.DataFrame({"customer_id": [f"c{i}" for i in range(len(amounts))], "date": "2025-01-03"})
    frame["amount"] = pd.Series(amounts, dtype=object)
    if kind == "excel":
        workbook(path, frame)
    elif kind == "sqlite":
        with contextlib.closing(sqlite3.connect(path)) as connection:
            connection.execute("CREATE TABLE orders (customer_id, date, amount)")
            connection.executemany("INSERT INTO orders VALUES (?, ?, ?)", frame.itertuples(index=False))
            connection.commit()
    else:
        with duckdb.connect(str(path)) as connection:
            connection.execute("CREATE TABLE orders AS SELECT customer_id, date, amount::DOUBLE AS amount FROM frame")


@pytest.mark.parametrize("kind", ["excel", "sqlite", "duckdb"])
def test_a_column_that_the_file_says_is_numbers_needs_no_proof_of_its_mark(tmp_path, kind):
    write_typed(kind, tmp_path / "shop.db", [13, 640.125, 2.375, None])
    found, problems = dataset.build({"transactions": {"path": "shop.db"}}, tmp_path / "card.toml")
    assert not [problem for problem in problems if problem.grade == "error"]
    assert found.transactions.to_pandas()["amount"].tolist() == [13, 640.125, 2.375]


@pytest.mark.parametrize("kind", ["excel", "sqlite"])
def test_texts_of_numbers_among_numbers_need_a_proof(tmp_path, kind):
    write_typed(kind, tmp_path / "shop.db", [13, "640.125", 2.375])
    (problem,) = [p for p in dataset.build({"transactions": {"path": "shop.db"}}, tmp_path / "c.toml")[1]
                  if p.grade == "error"]  # fmt: skip
    assert "nothing proves whether the mark" in problem.what


@pytest.mark.parametrize("kind", ["excel", "sqlite"])
def test_texts_with_a_comma_before_decimals_are_read_as_the_card_says(tmp_path, kind):
    write_typed(kind, tmp_path / "shop.db", ["13,50", "640,1"])
    card = {"transactions": {"path": "shop.db", "decimal": ","}}
    found, _ = dataset.build(card, tmp_path / "card.toml")
    assert found.transactions.to_pandas()["amount"].tolist() == [13.5, 640.1]
