"""What an exercise and a question of a quiz are: their words, and a function that works out their values from the data.

Each lesson registers its own, by the decorators `assign` and `question`.
"""

import inspect
import math
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Any

from clvlib.dataset import Dataset
from clvlib.errors import CannotAnswer
from clvlib.language import phrase

Value = float | str | Collection[str]  # a number; a name; names in any order

OF_NAMES = ("name", "names")
UNITS_OF_ANSWERS = ("count", "percent", "money", "number", "days", *OF_NAMES)


@dataclass(frozen=True)
class Key:
    """What is right, and the values that typical mistakes give, each by the words that name it."""

    right: Value
    mistakes: Mapping[str, Value] = field(default_factory=dict)


@dataclass(frozen=True)
class Assignment:
    """An exercise: what is asked, in which unit, a hint, a solution to read and run, what to take from it, its key.

    ask, hint, means: templates (`show.sentences`), filled with what holds for the dataset; in `means` also
    `{right}`. unit: one of UNITS_OF_ANSWERS. solution: code whose last expression is the answer; it sees `ds`, `pd`,
    `np` and what the exercise was given.
    """

    number: str
    unit: str
    ask: str
    hint: str
    solution: str
    means: str
    key: Callable[..., Key]


@dataclass(frozen=True)
class Question:
    """A question of a quiz: `right` and `wrong` are choices, each with what is to be said of it.

    All texts are templates, filled with the `values` that are worked out from the data.
    """

    number: str
    ask: str
    right: tuple[str, str]
    wrong: tuple[tuple[str, str], ...]
    values: Callable[..., Mapping[str, Any]]


_assignments: dict[str, Assignment] = {}
_questions: dict[str, Question] = {}


def assign(
    number: str, *, unit: str, ask: str, hint: str, solution: str, means: str
) -> Callable[[Callable[..., Key]], Callable[..., Key]]:
    """Register the function below as the key of an exercise, `number` being that of its notebook, a dot, its own.

    The function takes the dataset, and by name what the notebook gives it. It raises CannotAnswer where the dataset
    can't support the exercise.
    """

    def register(key: Callable[..., Key]) -> Callable[..., Key]:
        _assignments[number] = Assignment(number, unit, ask, hint, inspect.cleandoc(solution), means, key)
        return key

    return register


def question(
    number: str, *, ask: str, right: tuple[str, str], wrong: tuple[tuple[str, str], ...]
) -> Callable[[Callable[..., Mapping[str, Any]]], Callable[..., Mapping[str, Any]]]:
    """Register the function below as what gives a question its figures; arguments and errors as of `assign`."""

    def register(values: Callable[..., Mapping[str, Any]]) -> Callable[..., Mapping[str, Any]]:
        _questions[number] = Question(number, ask, right, wrong, values)
        return values

    return register


def assignment(number: str) -> Assignment | None:
    """The exercise of that number, if there is one."""
    _read_lessons()
    return _assignments.get(number)


def all_assignments() -> list[Assignment]:
    """Every exercise, in the order of the tour."""
    _read_lessons()
    return [_assignments[number] for number in sorted(_assignments)]


def questions_of(notebook: str) -> list[Question]:
    """The questions of a notebook's quiz, in order; `notebook` is its number, as in 03b."""
    _read_lessons()
    return [_questions[number] for number in sorted(_questions) if number.partition(".")[0] == notebook]


def worked_out(function: Callable[..., Any], ds: Dataset | None, given: Mapping[str, Any]) -> Any:
    """Call a key or the values of a question with the dataset and as much of what is given as it asks for.

    Raises CannotAnswer where the dataset, or something that the notebook should have given, isn't there.
    """
    if ds is None:
        raise CannotAnswer("No dataset has been loaded yet.", "Run the notebook's first cells, up to show.start(ds).")
    asked = list(inspect.signature(function).parameters)[1:]
    missing = [name for name in asked if name not in given]
    if missing:
        raise CannotAnswer(
            phrase("It needs {these} of this notebook.", these=", ".join(missing)), "Run the cells above first."
        )
    return function(ds, **{name: given[name] for name in asked})


def key_of(found: Assignment, ds: Dataset | None, given: Mapping[str, Any]) -> Key:
    """The key of an exercise on a dataset. Raises CannotAnswer as `worked_out`, and where the answer has no value."""
    key: Key = worked_out(found.key, ds, given)
    if found.unit not in OF_NAMES and not math.isfinite(float(key.right)):  # type: ignore[arg-type]
        raise CannotAnswer("The figure that is asked for has no value in it.", "Go on with the next one.")
    return key


def _read_lessons() -> None:
    for file in sorted((Path(__file__).parent / "lessons").glob("n*.py")):
        import_module(f"clvlib.course.lessons.{file.stem}")
