"""An exercise in a notebook: what is asked, whether an answer is right and if not why, a hint, a solution.

What is right is worked out from the notebook's dataset when the exercise is called up, so that it is that of the
class's own data; one that these can't support says so. Nothing here raises.
"""

import ast
import html
import re
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from clvlib import show
from clvlib.course import diary
from clvlib.course.assignments import Assignment, Key, all_assignments, assignment, key_of
from clvlib.course.judging import judge_answer
from clvlib.errors import CannotAnswer
from clvlib.language import message, phrase, translated
from clvlib.show.output import NO_FORMULAS, publish
from clvlib.show.sentences import fill, marked

_COLOURS = {"asked": "#0072B2", "right": "#009E73", "not yet": "#D55E00", "hint": "#E69F00", "unable": "#777777"}
_CODE = "\ue001\ue002"  # where code begins and ends, until it is markup
_WRITTEN = {"name": "text", "names": "list"}


class Exercise:
    """One exercise as the notebook sees it; made by `exercise`."""

    def __init__(self, found: Assignment, key: Key | None, why_not: str, given: dict[str, Any]) -> None:
        self._of, self._key, self._why_not, self._given = found, key, why_not, given

    def __repr__(self) -> str:
        return phrase("Exercise {number}: .check(answer), .hint(), .solution()", number=self._of.number)

    def check(self, answer: Any = None) -> None:
        """Say whether an answer is right, and if not, which mistake it is, as far as its value tells."""
        if self._key is None:
            return self._say("unable", "{why:text}", why=self._why_not)
        judged = judge_answer(answer, self._key, self._of.unit)
        if judged.outcome == "not attempted":
            return self._say(
                "asked",
                translated("Not attempted yet. Put your calculation in place of None, and run the cell again."),
            )
        diary.note_attempt(self._of.number, judged.outcome == "right")
        if judged.outcome == "right":
            told = f"{translated('Right.')} {translated(self._of.means)}"
            return self._say("right", told, right=self._written(self._key.right))
        words = translated(judged.reason).replace("{", "{{").replace("}", "}}")
        return self._say("not yet", f"{translated('Not yet.')} {words}")

    def hint(self) -> None:
        """Say where to begin."""
        self._say("hint", f"{translated('Hint.')} {translated(self._of.hint)}")

    def solution(self) -> None:
        """Show a way to the answer, run on the notebook's dataset, folded away until it is opened."""
        if self._key is None:
            return self._say("unable", "{why:text}", why=self._why_not)
        try:
            found = solve(self._of.solution, show.notebook_dataset(), self._given)
            gives = phrase("It gives {answer}.", answer=self._written(found))
        except Exception as error:  # a frame may have been changed by hand
            gives = phrase("It can't be run here ({what}).", what=f"{type(error).__name__}: {error}")
        number = self._of.number
        title = phrase("A solution of exercise {number}", number=number)
        above = phrase("A solution of exercise {number}:", number=number)
        code = html.escape(self._of.solution)
        folded = f"<details><summary>{title}</summary><pre>{code}</pre><p>{html.escape(gives)}</p></details>"
        return publish("exercise", f"{above}\n{self._of.solution}\n{gives}", _box("hint", folded))

    def ask(self) -> None:
        """Say what is asked."""
        told = f"{translated('Exercise {number:text}.')} {translated(self._of.ask)}"
        self._say("asked", told, number=self._of.number)
        if self._key is None:
            self._say("unable", "{why:text}", why=self._why_not)

    def _written(self, value: Any) -> str:
        """An answer as the reader writes it."""
        return answer_in_words(value, self._of.unit)

    def _say(self, kind: str, template: str, **values: Any) -> None:
        publish("exercise", fill(template, values), _box(kind, with_code(template, values)))


def exercise(number: str, **given: Any) -> Exercise:
    """Ask an exercise by its number, as "01.1"; its `check(answer)`, `hint()` and `solution()` do the rest.

    given: what it needs of the notebook's own frames, by name. Never raises: what can't be done is said.
    """
    found = assignment(str(number))
    if found is None:
        there = ", ".join(each.number for each in all_assignments())
        nothing = Assignment(str(number), "number", translated("There is none of this number."), "", "", "", Key)
        made = Exercise(nothing, None, phrase("There are: {these}.", these=there), {})
    else:
        made = Exercise(found, *_key_or_why_not(found, given), given)
    made.ask()
    return made


def _key_or_why_not(found: Assignment, given: dict[str, Any]) -> tuple[Key | None, str]:
    """The key of an exercise on the notebook's dataset, or none and why."""
    try:
        return key_of(found, show.notebook_dataset(), given), ""
    except CannotAnswer as error:
        return None, phrase("This dataset can't support it. {why}", why=error)
    except Exception as error:  # whatever a frame that was changed by hand leads to, the course goes on
        return None, phrase("It can't be worked out here ({what}).", what=f"{type(error).__name__}: {error}")


def answer_in_words(value: Any, unit: str) -> str:
    """An answer as the reader writes it."""
    value = sorted(value) if unit == "names" else value
    return fill(f"{{value:{_WRITTEN.get(unit, unit)}}}", {"value": value})


def solve(solution: str, ds: Any, given: dict[str, Any]) -> Any:
    """Run the code of a solution, and give the value of its last expression."""
    code = ast.parse(solution)
    last = code.body.pop()
    assert isinstance(last, ast.Expr)
    names = {"ds": ds, "pd": pd, "np": np, **given}
    exec(compile(code, "solution", "exec"), names)
    return eval(compile(ast.Expression(last.value), "solution", "eval"), names)


def progress() -> None:
    """Show how many exercises of each notebook are right, tried, and left."""
    done = diary.so_far()
    show.table(
        done,
        caption=message("Exercises: {right} of {all} are right"),
        right=done["right"].sum(),
        all=done["exercises"].sum(),
    )


def with_code(template: str, values: Mapping[str, Any]) -> str:
    """A template as markup, in which what itself has between backticks is code; in a value they are letters."""
    inside = re.sub(r"`([^`]+)`", rf"{_CODE[0]}\1{_CODE[1]}", translated(template))
    return marked(inside, values).replace(_CODE[0], "<code>").replace(_CODE[1], "</code>")


def _box(kind: str, markup: str) -> str:
    look = f"border-left:4px solid {_COLOURS[kind]};padding:0.4em 1em;margin:0.4em 0"
    return f'<div class="clv-exercise {NO_FORMULAS}" style="{look}">{markup}</div>'
