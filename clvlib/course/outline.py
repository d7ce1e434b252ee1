"""A notebook → what a class does with it: its sections with their minutes, the shortest class that has each, its steps.

A section's minutes end its heading (`## 1. The formula · 10 min`); metadata `course` of the heading's cell say in which
`plan` it is taught, those of a cell with a picture what to `ask` before it, what people `expect`, what to `reply`; and
those of any cell what to `show` there.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import nbformat
from nbformat import NotebookNode

from clvlib.language import message, translated

PLANS = {  # most minutes that are taught in each
    message("half day"): 200,
    message("one day"): 380,
    message("two days"): 760,
}
AT_HOME = message("alone")  # what is read at home only
_EXERCISES = {"half day": 1, "one day": 2}  # how many of a notebook's exercises are done in class; else all with room
_EACH, _BESIDES = 5, 2  # minutes that an exercise takes in class; least ones that its section needs besides
_LENGTHS = [*PLANS, AT_HOME]
_HEADING = re.compile(r"^## (.+?)(?: · (\d+) min)?$", re.MULTILINE)
_TIME = message(r"\*\*Time\*\*: (\d+) minutes(?:, and (\d+) more)?")  # as the notebooks of each language write it
_QUESTION = message(r"\*\*The question\.\*\* (.+?)(?:\n\n|\Z)")
_EXERCISE = re.compile(r'course\.exercise\("([\w.]+)"')


@dataclass(frozen=True)
class Section:
    """A section of a notebook: its cells, its minutes, the shortest class in which it is taught."""

    title: str
    minutes: int
    plan: str
    cells: tuple[NotebookNode, ...] = field(repr=False)

    def taught_in(self, plan: str) -> bool:
        """Whether a class of that length has it: the longer ones have all that the shorter ones have."""
        return self.minutes > 0 and _LENGTHS.index(self.plan) <= _LENGTHS.index(plan)

    @property
    def exercises(self) -> tuple[str, ...]:
        """The numbers of its exercises, in order."""
        return tuple(number for cell in self.cells if (number := exercise_in(cell)))

    @property
    def room(self) -> int:
        """For how many exercises its minutes are enough."""
        return max(0, self.minutes - _BESIDES) // _EACH


@dataclass(frozen=True)
class Outline:
    """A notebook as a trainer sees it. opening: the cells before its first section."""

    stem: str
    title: str
    question: str
    goals: tuple[str, ...]
    minutes: int
    opening: tuple[NotebookNode, ...] = field(repr=False)
    sections: tuple[Section, ...]

    @property
    def number(self) -> str:
        """The number that names it, as 03b."""
        return self.stem.partition("_")[0]

    def minutes_in(self, plan: str) -> int:
        """How many of its minutes a class of that length has."""
        return sum(section.minutes for section in self.sections if section.taught_in(plan))

    def done_in(self, plan: str) -> tuple[str, ...]:
        """Which of its exercises a class of that length does; the others are for home, or for whoever is quick."""
        taught = [section for section in self.sections if section.taught_in(plan)]
        found = [number for section in taught for number in section.exercises[: section.room]]
        return tuple(found[: _EXERCISES.get(plan)])


def read_outlines(notebooks: Path) -> list[Outline]:
    """Read every notebook of the tour, in its order."""
    files = sorted(notebooks.glob("[0-9][0-9]*.ipynb"))
    return [outline_of(file.stem, nbformat.read(file, as_version=4)) for file in files]


def outline_of(stem: str, notebook: NotebookNode) -> Outline:
    """Tell what a class does with a notebook. A section that names no plan is read at home."""
    parts: list[list[NotebookNode]] = [[]]
    for cell in notebook.cells:
        if cell.cell_type == "markdown" and _HEADING.search(cell.source):
            parts.append([])
        parts[-1].append(cell)
    first = parts[0][0].source if parts[0] else ""
    title, stated = re.search(r"^# (?:\w+ · )?(.+)$", first, re.M), re.search(translated(_TIME), first)
    question = re.search(translated(_QUESTION), first, re.S)
    return Outline(
        stem,
        title[1] if title else stem,
        re.sub(r"[ \n]+", " ", question[1].strip()) if question else "",
        tuple(re.findall(r"^- (.+?)\u202f?[;.]?$", first, re.M)),
        sum(map(int, stated.groups("0"))) if stated else 0,
        tuple(parts[0]),
        tuple(map(_section, parts[1:])),
    )


def _section(cells: list[NotebookNode]) -> Section:
    found = _HEADING.search(cells[0].source)
    assert found
    plan = str(course_of(cells[0]).get("plan", AT_HOME))
    return Section(found[1], int(found[2] or 0), plan if plan in _LENGTHS else AT_HOME, tuple(cells))


def course_of(cell: NotebookNode) -> Mapping[str, Any]:
    """What a cell's metadata say for the course."""
    return dict(cell.metadata.get("course", {}))


def exercise_in(cell: NotebookNode) -> str:
    """The number of the exercise that a cell asks; nothing if it asks none."""
    found = _EXERCISE.search(cell.source) if cell.cell_type == "code" else None
    return found[1] if found else ""


def has_quiz(cell: NotebookNode) -> bool:
    """Whether a cell asks the questions of the quiz."""
    return cell.cell_type == "code" and "course.quiz(" in cell.source


def shown(cell: NotebookNode) -> Iterator[tuple[str, dict[str, Any], Mapping[str, Any]]]:
    """Each output of an executed cell: its kind (figure, sentence, …), its data, what `show` told of it."""
    for output in cell.get("outputs", []):
        about = output.get("metadata", {}).get("clv", {})
        yield str(about.get("kind", "")), dict(output.get("data", {})), about
