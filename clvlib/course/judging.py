"""An answer and what is right → right, not attempted, or not yet with the reason: a mistake is known by its value."""

import math
import numbers
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from itertools import islice
from typing import Any, Literal
from unicodedata import normalize

import numpy as np
import pandas as pd

from clvlib.course.assignments import OF_NAMES, Key, Value
from clvlib.language import message, phrase

_ROUNDED = 0.005  # of a value: as near as three digits are
_DIGITS = 8  # of a rounded answer, at most: one of more was worked out, and is what it is
_MOST = 1000  # values in an answer
_CLOSE = 0.05  # of the right value: worth a word

Standing = Literal["right", "not yet", "not attempted"]


@dataclass(frozen=True)
class Judgement:
    """What became of an answer, and what is to be said of it: a message, to be translated where it is shown."""

    outcome: Standing
    reason: str = ""


class _NoAnswer(Exception):
    """It can't be compared; the text says why, and what to do."""


def judge_answer(answer: Any, key: Key, unit: str) -> Judgement:
    """Compare an answer of any kind with a key. unit: one of `assignments.UNITS_OF_ANSWERS`. Never raises.

    A number may be rounded to three digits, or stand alone in a table or list. Of several values that it may be, it is
    the nearest; one that a mistake gives is told by the words of that mistake.

    >>> shares = Key(0.797, {"You counted purchases, not customers.": 0.879})
    >>> judge_answer(0.8, shares, "percent").outcome, judge_answer(0.879, shares, "percent").reason
    ('right', 'You counted purchases, not customers.')
    """
    if answer is None or answer is Ellipsis:
        return Judgement("not attempted")
    try:
        if unit in OF_NAMES:
            return _judge_names(_names(answer, unit), key)
        return _judge_number(_number(answer, unit), key, unit)
    except _NoAnswer as error:
        return Judgement("not yet", str(error))
    except Exception as error:  # an answer may be anything at all, even what can't be compared or printed
        return Judgement(
            "not yet", phrase("That can't be compared with the right answer ({kind}).", kind=type(error).__name__)
        )


def told_apart(key: Key, unit: str) -> dict[str, Value]:
    """The mistakes of a key that give another value on this dataset than the right one."""
    if unit in OF_NAMES:
        right = _names(key.right, unit)
        return {words: value for words, value in key.mistakes.items() if _names(value, unit) != right}
    told = {words: value for words, value in key.mistakes.items() if math.isfinite(_figure(value))}
    return {w: value for w, value in told.items() if not math.isclose(_figure(value), _figure(key.right), rel_tol=1e-9)}


def _judge_number(answer: float, key: Key, unit: str) -> Judgement:
    right = _figure(key.right)
    far = {words: _distance(answer, _figure(value), unit) for words, value in told_apart(key, unit).items()}
    nearest = min(far, key=lambda words: far[words], default="")
    if _distance(answer, right, unit) <= min(1.0, far.get(nearest, math.inf)) or _is_rounded(answer, right, unit):
        return Judgement("right")
    if nearest and far[nearest] <= 1.0:
        return Judgement("not yet", nearest)
    for words, value in _usual_slips(right, unit).items():
        if _distance(answer, value, unit) <= 1.0:
            return Judgement("not yet", words)
    told = phrase(
        "That is too {high:high|low}.{close: It is close: don't round on the way, and look at who is counted.|}",
        high=answer > right,
        close=_is_close(answer, right),
    )
    return Judgement("not yet", told)


def _figure(value: Value) -> float:
    return float(value)  # type: ignore[arg-type]


def _distance(answer: float, value: float, unit: str) -> float:
    """How far an answer is from a value, 1 being as far as rounding goes."""
    reach = 0.5 if unit == "count" else max(_ROUNDED * abs(value), 1e-9)
    return abs(answer - value) / reach


def _is_rounded(answer: float, right: float, unit: str) -> bool:
    """Tell whether an answer is the right value rounded to as many digits as it has, three or more."""
    digits = len(repr(answer).partition("e")[0].replace(".", "").strip("-0"))
    return (
        unit != "count"
        and digits <= _DIGITS
        and any(float(f"{right:.{shown}g}") == answer for shown in range(3, _DIGITS + 1))
    )


def _is_close(answer: float, right: float) -> bool:
    return abs(answer - right) <= _CLOSE * abs(right)


def _usual_slips(right: float, unit: str) -> dict[str, float]:
    """What goes wrong in any exercise, and its value."""
    slips: dict[str, float] = {}
    if unit == "percent":
        slips[message("The figure is right, but in percent: a share is between 0 and 1, so divide by 100.")] = (
            100 * right
        )
        slips[message("That is the share of all the others: 1 less what was asked.")] = 1 - right
        slips[message("You divided by 100 once too often: a share is between 0 and 1.")] = right / 100
    slips[message("The figure is right, its sign is not.")] = -right
    if right:
        slips[message("You divided the wrong way round: that is 1 over what was asked.")] = 1 / right
    return slips


def _number(answer: Any, unit: str) -> float:
    if np.iterable(answer) and not isinstance(answer, str | bytes):
        answer = _only_value(answer)
    if isinstance(answer, timedelta | np.timedelta64):
        answer = pd.Timedelta(answer) / pd.Timedelta(days=1) if unit == "days" else answer
    if isinstance(answer, bool | np.bool_):
        raise _NoAnswer("That is True or False; a number is asked for.")
    if isinstance(answer, str):
        raise _NoAnswer("That is a text; a number is asked for. Leave the quotation marks away.")
    if callable(answer):
        raise _NoAnswer("That is a function that was not called: add a pair of brackets, ().")
    if answer is pd.NA or answer is pd.NaT or answer is np.ma.masked:
        raise _NoAnswer("That is an empty value: what you counted or averaged has nothing in it.")
    if not isinstance(answer, numbers.Real | Decimal):
        raise _NoAnswer(phrase("That is a {kind}; a number is asked for.", kind=type(answer).__name__))
    if not math.isfinite(answer):
        raise _NoAnswer("That is no number (NaN or infinite): look for a division by 0, or a mean of nothing.")
    return float(answer)


def _only_value(answer: Any) -> Any:
    """The single value of a table or a list."""
    values = np.asarray(_listed(answer.values() if isinstance(answer, dict) else answer), dtype=object).ravel()
    if len(values) != 1:
        raise _NoAnswer(
            phrase("Those are {n:,} values; one number is asked for. Take a .sum(), .mean() or .loc[…]?", n=len(values))
        )
    return values[0]


def _names(answer: Any, unit: str) -> frozenset[str]:
    """The names in an answer, as they are compared: without regard to capitals and spaces around."""
    if callable(answer):
        raise _NoAnswer("That is a function that was not called: add a pair of brackets, ().")
    if isinstance(answer, pd.Series | pd.DataFrame):
        raise _NoAnswer("That is a table; a name is asked for. Take .idxmax(), .index[0] or list(….index).")
    alone = isinstance(answer, str) or not np.iterable(answer)
    found = [answer] if alone else list(_listed(answer))
    if unit == "name" and len(found) != 1:
        raise _NoAnswer(phrase("Those are {n:,} values; one name is asked for.", n=len(found)))
    if any(name is None or name is pd.NA or name is pd.NaT for name in found):
        raise _NoAnswer("There is an empty value in it; a name is asked for.")
    if any(isinstance(name, bool | float) for name in found):
        raise _NoAnswer("That is a number; a name is asked for, in quotation marks.")
    return frozenset(" ".join(normalize("NFKC", str(name)).casefold().split()) for name in found)


def _judge_names(answer: frozenset[str], key: Key) -> Judgement:
    right = _names(key.right, "names")
    if answer == right:
        return Judgement("right")
    for words, value in told_apart(key, "names").items():
        if answer == _names(value, "names"):
            return Judgement("not yet", words)
    if len(right) > 1 and answer & right:
        there, more = len(answer & right), len(answer - right)
        told = phrase("{there} of {all} are there; {more} too many.", there=there, all=len(right), more=more)
        return Judgement("not yet", told)
    return Judgement("not yet", message("That is not the one.") if len(right) == 1 else message("None of those."))


def _listed(answer: Any) -> Any:
    """The values of a table, a list or what gives one after the other, which may never end."""
    if isinstance(answer, np.ndarray | pd.DataFrame | pd.Series):
        return answer
    values = list(islice(answer, _MOST + 1))
    if len(values) > _MOST:
        raise _NoAnswer(phrase("Those are more than {most:,} values.", most=_MOST))
    return values
