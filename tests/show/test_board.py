import json

import numpy as np
import pandas as pd
import pytest

from clvlib import language, show, wording
from clvlib.show import board

DAYS = pd.DatetimeIndex(["2024-06-30", "2024-12-31", "2025-06-30"])


@pytest.fixture
def told(monkeypatch):
    """What is put on the board: text and what the report is told."""
    found = []
    monkeypatch.setattr(board, "publish", lambda kind, text, markup, **about: found.append((kind, text, about)))
    wording.write_for("en_US", "USD")
    return found


def tile(told, values, unit, **about):
    show.tile("Figure", pd.Series(values, index=DAYS[-len(values) :]), unit, "of {n} years", n=5, **about)
    return told[-1] if told else None


def test_a_tile_says_the_figure_the_year_before_and_the_change(told):
    kind, text, about = tile(told, [100.0, 500.0, 120.0], "money", within=(90.0, 160.0), quoted="rule")
    assert kind == "tile"
    assert text == "Figure: $120 ($90.00 to $160) +20%; $100 on Jun 30, 2024"
    assert about["tile"]["means"] == "of 5 years"
    assert about["tile"]["quoted"] == "rule"


@pytest.mark.parametrize(
    ("unit", "values", "change"),
    [
        ("percent", [0.5, 0.6, 0.45], "-5.0 points"),
        ("number", [2.0, 3.0, 3.5], "+1.5"),
        ("months", [3.0, 4.0, 3.0], "unchanged"),
        ("money", [-5.0, 0.0, 10.0], "+15.0"),
    ],
)
def test_a_change_is_told_in_the_unit_in_which_it_means_something(told, unit, values, change):
    assert tile(told, values, unit)[2]["tile"]["change"] == change


@pytest.mark.parametrize(("now", "change"), [(0.515, "+1,5 point"), (0.52, "+2,0 points"), (0.499, "-0,1 point")])
def test_in_french_points_are_several_from_two_on(told, monkeypatch, now, change):
    monkeypatch.setenv(language.ASKED, "fr")
    wording.write_for("fr_FR", "EUR")
    assert tile(told, [0.5, 0.6, now], "percent")[2]["tile"]["change"] == change


def test_where_nothing_is_known_of_a_year_before_that_is_said(told):
    assert "a year before: not known" in tile(told, [5.0], "money")[1]
    assert "a year before: not known" in tile(told, [np.nan, 4.0, 5.0], "money")[1]


def test_a_figure_that_isnt_known_today_is_no_tile(told):
    assert tile(told, [5.0, 5.0, np.nan], "money") is None


def test_the_course_is_drawn_from_zero_and_only_of_three_values(told):
    assert tile(told, [1.0, 2.0, 4.0], "money")[2]["line"] == [[0.0, 0.25], [0.5, 0.5], [1.0, 1.0]]
    assert tile(told, [-1.0, 0.0, 1.0], "money")[2]["line"] == [[0.0, 0.0], [0.5, 0.5], [1.0, 1.0]]
    assert tile(told, [0.0, 0.0, 0.0], "money")[2]["line"] == [[0.0, 0.0], [0.5, 0.0], [1.0, 0.0]]
    assert tile(told, [np.nan, 2.0, 4.0], "money")[2]["line"] == []


def test_a_decision_says_what_and_for_how_much_and_none_that_brings_nothing_is_made(told):
    show.decision("Call {n:count}", "a {kind}", gain=9.0, low=-1.0, high=20.0, n=3, kind="test")
    kind, text, about = told[-1]
    assert (kind, text) == ("decision", "Call 3: $9.00 (-$1.00 to $20.00). a test")
    assert (about["sure"], about["size"]) == (False, 9.0)
    show.decision("Call", "it", gain=9.0, low=1.0, high=20.0)
    assert told[-1][2]["sure"]
    show.decision("Call", "it", gain=0.0, low=0.0, high=0.0)
    show.decision("Call", "it", gain=np.nan, low=0.0, high=0.0)
    assert len(told) == 2


def test_what_is_offered_is_one_text_so_that_a_notebooks_file_has_no_line_for_each_number(told):
    data = {"b": [1.5, 2, None], "a": {"é <b>": 0.1}}
    show.offer("page", data)
    kind, text, about = told[-1]
    assert (kind, text, about["name"]) == ("offer", "For the report's page: page.", "page")
    assert about["data"] == '{"b":[1.5,2,null],"a":{"é <b>":0.1}}'
    assert json.loads(about["data"]) == data
    with pytest.raises(ValueError, match="JSON"):
        show.offer("page", {"a": np.nan})
