import pandas as pd
import pytest

from clvlib import wording
from clvlib.errors import UsageError


@pytest.fixture(autouse=True)
def american():
    wording.write_for("en_US", "USD")
    yield
    wording.write_for("en_US", "USD")


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        (wording.money(35.174), "$35.17"),
        (wording.money(1234.5), "$1,234"),
        (wording.money(2_500_316), "$2.5M"),
        (wording.money(-5), "-$5.00"),
        (wording.money(-0.0001), "$0.00"),
        (wording.money(1e30)[-1], "T"),
        (wording.number(1e30), "1,000,000,000,000,000,000,000,000,000,000.00"),
        (wording.percent(0.234), "23.4%"),
        (wording.percent(0.6), "60%"),
        (wording.percent(0.00123), "0.12%"),
        (wording.count(23570), "23,570"),
        (wording.number(1 / 3), "0.33"),
        (wording.number(1 / 3, digits=4), "0.3333"),
        (wording.days(56), "56 days"),
        (wording.days(1), "1 day"),
        (wording.date("1998-06-30"), "Jun 30, 1998"),
        (wording.number(float("inf")), "∞"),
    ],
)
def test_an_american_reads_american_numbers(written, expected):
    assert written == expected


def test_a_french_reader_gets_french_numbers_and_the_datasets_currency():
    wording.write_for("fr_FR", "EUR")
    assert wording.money(1234.5).replace("\u202f", " ").replace("\xa0", " ") == "1 234 €"
    assert wording.percent(0.234).replace("\u202f", " ").replace("\xa0", " ") == "23,4 %"
    assert wording.days(3).replace("\xa0", " ") == "3 jours"
    assert [wording.date(f"1997-01-{day}") for day in ("01", "11")] == ["1er janv. 1997", "11 janv. 1997"]


@pytest.mark.parametrize("value", [None, float("nan"), pd.NaT, pd.NA])
@pytest.mark.parametrize("spec", ["money", "percent", "count", "number", "date", "days", "text"])
def test_what_is_missing_is_a_dash_and_never_a_nought(value, spec):
    assert wording.writer(spec)(value) == wording._NOTHING


def test_a_column_has_the_same_number_of_decimals_from_top_to_bottom():
    assert wording.column(pd.Series([5.0, 12.5, 99.999]), "money") == ["$5.00", "$12.50", "$100.00"]
    assert wording.column(pd.Series([5.0, 1250.0]), "number") == ["5", "1,250"]
    assert wording.column(pd.Series([0.5, 0.123])) == ["0.500", "0.123"]


def test_an_unknown_way_of_writing_names_the_known_ones():
    with pytest.raises(UsageError, match="money, percent"):
        wording.writer("dollars")


def test_an_unknown_locale_is_refused():
    with pytest.raises(UsageError, match="fr_FR"):
        wording.write_for("xx_XX", "EUR")
