"""An answer and a key → what is said of it."""

from datetime import timedelta
from decimal import Decimal
from itertools import count

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as some

from clvlib import course, show
from clvlib.course.assignments import Key, Question
from clvlib.course.exercises import with_code
from clvlib.course.judging import judge_answer
from clvlib.course.quizzes import choices_of
from clvlib.errors import CannotAnswer

SHARE = Key(0.797, {"You counted purchases.": 0.879, "You have those who bought twice.": 0.66})


@pytest.mark.parametrize(
    "answer",
    [0.797, 0.8, np.float32(0.797), Decimal("0.797"), pd.Series([0.797]), [0.797], np.array([[0.797]]), {"a": 0.797}],
)
def test_a_number_in_any_form_and_rounded_to_three_digits_is_right(answer):
    assert judge_answer(answer, SHARE, "percent").outcome == "right"


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (0.879, "You counted purchases."),
        (79.7, "in percent"),
        (0.203, "all the others"),
        (-0.797, "sign"),
        (1 / 0.797, "wrong way round"),
        (0.82, "close"),
        (0.1, "too low"),
        ("0.797", "text"),
        (True, "True or False"),
        ([1, 2], "2 values"),
        (pd.NA, "empty"),
        (float("nan"), "NaN"),
        (len, "brackets"),
        (1j, "complex"),
    ],
)
def test_what_is_wrong_is_said(answer, says):
    judged = judge_answer(answer, SHARE, "percent")
    assert judged.outcome == "not yet"
    assert says in judged.reason


def test_a_mistake_that_gives_the_right_value_on_these_data_is_none():
    assert judge_answer(5.0, Key(5.0, {"You forgot the refunds.": 5.0}), "count").outcome == "right"


def test_of_two_values_nearer_than_rounding_the_nearer_one_is_meant():
    key = Key(100.0, {"You forgot the refunds.": 100.3})
    assert judge_answer(100.1, key, "money").outcome == "right"
    assert judge_answer(100.3, key, "money").reason == "You forgot the refunds."


def test_the_right_value_rounded_to_three_digits_is_right_though_a_mistake_is_as_near():
    key = Key(1.24714, {"You took the mean of ratios.": 1.24738})
    assert judge_answer(1.25, key, "number").outcome == "right"
    assert judge_answer(1.2471, key, "number").outcome == "right"
    assert judge_answer(1.24738, key, "number").outcome == "not yet"


@pytest.mark.parametrize(
    ("answer", "unit"),
    [
        (pd.Index([3.0]), "number"),
        (pd.array([3.0]), "number"),
        (frozenset({3}), "number"),
        (timedelta(days=3), "days"),
        (pd.Series([pd.Timedelta(3, "D")]), "days"),
    ],
)
def test_a_value_alone_in_anything_is_taken(answer, unit):
    assert judge_answer(answer, Key(3.0), unit).outcome == "right"


def test_what_never_ends_is_left_off():
    assert "more than 1,000" in judge_answer(count(), Key("store"), "name").reason
    assert "more than 1,000" in judge_answer(count(), Key(3.0), "number").reason


def test_nothing_is_no_number_and_no_name():
    assert "empty" in judge_answer(np.ma.masked, Key(0.0), "number").reason
    assert "empty" in judge_answer([None], Key("store"), "name").reason


def test_a_name_is_the_same_however_its_accents_are_written():
    assert judge_answer("cafe\u0301", Key("caf\u00e9"), "name").outcome == "right"


@pytest.mark.parametrize("number", ["{x}", "01.{", "01.1}", "", None, 3])
def test_any_number_of_an_exercise_is_taken_as_it_is(number):
    course.exercise(number).check(1.0)


def test_backticks_make_code_of_a_template_and_not_of_a_value():
    markup = with_code("Take `rfm` of {name}", {"name": "a `b` <c>"})
    assert markup.count("<code>") == 1
    assert "`b` &lt;c&gt;" in markup


def test_a_choice_without_a_value_is_left_away():
    asked = Question("0.1", "How many?", ("{a:count}", "So."), (("{b:count}", "No."), ("{c:number}", "No.")), dict)
    _, choices = choices_of(asked, {"a": 1, "b": 2, "c": float("nan")})
    assert sorted(choice[0] for choice in choices) == ["1", "2"]
    with pytest.raises(CannotAnswer):
        choices_of(asked, {"a": float("inf"), "b": 2, "c": 3})


def test_a_count_is_exact():
    assert judge_answer(4695, Key(4694.0), "count").outcome == "not yet"


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [
        ("Store", "right"),
        ([" store "], "right"),
        ("web", "not yet"),
        (3.0, "not yet"),
        (pd.Series(["store"]), "not yet"),
    ],
)
def test_a_name_is_compared_without_regard_to_capitals(answer, outcome):
    assert (
        judge_answer(answer, Key("store", {"The most customers, not the most value.": "web"}), "name").outcome
        == outcome
    )


def test_names_may_come_in_any_order():
    key = Key({"a", "b"}, {"You took the rarest.": {"c"}})
    assert judge_answer(["b", "a"], key, "names").outcome == "right"
    assert judge_answer({"c"}, key, "names").reason == "You took the rarest."
    assert judge_answer(pd.Index(["a", "c"]), key, "names").reason == "1 of 2 are there; 1 too many."


class Hostile:
    """Nothing can be done with it."""

    def __getattribute__(self, name):
        raise RuntimeError(name)


@given(
    some.one_of(
        some.none(),
        some.booleans(),
        some.text(),
        some.floats(),
        some.complex_numbers(),
        some.binary(),
        some.dates(),
        some.lists(some.floats()),
        some.dictionaries(some.text(), some.integers()),
        some.builds(Hostile),
    )
)
def test_nothing_makes_it_raise(answer):
    for unit, key in (("percent", SHARE), ("name", Key("store")), ("names", Key({"a", "b"})), ("days", Key(3.0))):
        assert judge_answer(answer, key, unit).outcome in ("right", "not yet", "not attempted")


def test_an_exercise_that_there_isnt_is_said(capsys):
    made = course.exercise("99.1")
    for say in (made.check, made.hint, made.solution):
        say()


def test_without_a_dataset_nothing_raises(monkeypatch):
    monkeypatch.setattr(show.session, "_begun", [])
    course.exercise("00.1").check(1.0)
    course.quiz("00")
    course.quiz("99")
