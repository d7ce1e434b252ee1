"""What is translated, how values stand in another language, and what stays as it is."""

import pytest

from clvlib import language
from clvlib.language import phrase, translated, word

MADE_UP = {
    "Lost": "Perdus",
    "{n:,} row(s) of {file}": "{n:,} {n:ligne|ligne|lignes} de {file}",
    "{share:.1%} of {money:,.2f}": "{share:.1%} de {money:,.2f}",
    "{sure:yes, {n}|no}": "{sure:oui, {n}|non}",
    "'{text}'": "«\u00a0{text}\u00a0»",
}


@pytest.fixture
def french(monkeypatch):
    """French is asked for, with a catalogue of a few messages."""
    monkeypatch.setenv(language.ASKED, "fr")
    monkeypatch.setattr(language, "_catalogue", lambda spoken: MADE_UP if spoken == "fr" else {})
    yield
    language.leave([])


@pytest.mark.parametrize(
    ("template", "values"),
    [
        ("{n:,} row(s) of {file}", {"n": 1234, "file": "a|b.csv"}),
        ("{share:.1%} of {money:,.2f}", {"share": 0.125, "money": -1234.5}),
        (
            "{name!r:>8} {{kept}} {x.real:.3g} {day:%Y-%m-%d}",
            {"name": "a", "x": 2.0, "day": __import__("datetime").date(2026, 3, 1)},
        ),
    ],
)
def test_in_english_a_phrase_is_what_python_writes(template, values):
    assert phrase(template, **values) == template.format(**values)


def test_a_choice_is_by_number_or_by_truth():
    said = [phrase("{n:none|one|{n:,} rows}", n=n) for n in (0, 1, 2, 1234)]
    assert said == ["none", "one", "2 rows", "1,234 rows"]
    assert [phrase("{sure:a|b}", sure=sure) for sure in (True, "x", [], None, 0.0)] == ["a", "a", "b", "b", "b"]


def test_another_language_has_its_own_words_plurals_and_separators(french):
    assert phrase("{n:,} row(s) of {file}", n=1, file="a.csv") == "1 ligne de a.csv"
    assert phrase("{n:,} row(s) of {file}", n=12345, file="1,5.csv") == "12\u202f345 lignes de 1,5.csv"
    assert phrase("{share:.1%} of {money:,.2f}", share=0.125, money=1234.5) == "12,5\u00a0% de 1\u202f234,50"
    assert phrase("{sure:yes, {n}|no}", sure=True, n="a|b") == "oui, a|b"


def test_what_a_catalogue_lacks_is_said_in_english(french):
    assert phrase("{n:,} orders", n=1234) == "1\u202f234 orders"
    assert translated("Champions") == "Champions"


def test_a_word_of_the_client_is_never_translated(french):
    assert word("Lost") == "Perdus"
    language.leave(["Lost"])
    assert (word("Lost"), translated("Lost")) == ("Lost", "Perdus")


def test_what_was_asked_for_goes_before_what_a_card_says(french, monkeypatch):
    language.speak("en")
    assert language.spoken() == "fr"
    monkeypatch.setenv(language.ASKED, "../fr")
    assert (language.spoken(), translated("Lost")) == ("en", "Lost")


def test_another_language_has_its_own_quotes_but_not_in_code(french):
    assert phrase("the test {name!r}", name="a\n'b") == "the test «\u00a0a\\n'b\u00a0»"
    assert phrase("period = {name!r} of {n!r}", name="day", n=3) == "period = 'day' of 3"
