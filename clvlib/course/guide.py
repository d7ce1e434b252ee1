"""Notebooks, exercises and quizzes → the trainer's guide: timetables, and what to ask, to expect and to reply.

In: the outlines of the notebooks, the dataset that they are taught on, and what they give their exercises by name. Out:
Markdown, and the same as a page that prints on A4. Nothing in it is typed twice: questions stand in the notebooks,
right and wrong answers are worked out.
"""

import inspect
import re
from base64 import b64encode
from collections.abc import Callable, Mapping, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any

from bs4 import BeautifulSoup
from markupsafe import Markup
from nbconvert.filters.markdown import markdown2html

from clvlib.course.assignments import Assignment, Question, all_assignments, key_of, questions_of, worked_out
from clvlib.course.exercises import answer_in_words
from clvlib.course.judging import told_apart
from clvlib.course.outline import AT_HOME, PLANS, Outline, Section, course_of, exercise_in, has_quiz, shown
from clvlib.course.quizzes import choices_of
from clvlib.course.timetable import timetable
from clvlib.dataset import Dataset
from clvlib.errors import CannotAnswer
from clvlib.language import message, phrase, translated
from clvlib.show.sentences import fill
from clvlib.show.session import speak_of
from clvlib.templates import page_template

Given = Callable[[str], Any]  # what a notebook gives its exercises, by the name under which it gives it
_HERE = Path(__file__).parent
_CODE = re.compile(r"(`[^`]*`)")
_MEANT = re.compile(r"[\\*_<|`~\[\]]|&(?=#?\w+;)")  # signs that Markdown would take for its own
_ANSWERED = message({"percent": "a share from 0 to 1", "names": "a list of names", "money": "an amount"})


def write_guide(outlines: Sequence[Outline], ds: Dataset, given: Given) -> str:
    """Give the guide as Markdown."""
    speak_of(ds)
    text = page_template(_HERE, "guide.md.jinja", markup=False, plain=unmarked).render(
        dataset=ds.name,
        at_home=AT_HOME,
        plans=[_plan(outlines, name) for name in PLANS],
        notebooks=[_notebook(outline, ds, given) for outline in outlines],
    )
    return re.sub(r"\n{3,}", "\n\n", text).strip() + "\n"


def as_page(guide: str) -> str:
    """Give the guide, which is Markdown, as one page that asks nothing of any network and prints on A4."""
    soup = BeautifulSoup(markdown2html(guide), "html.parser")
    for anchor in soup.select("a.anchor-link"):
        anchor.decompose()
    style = (_HERE / "guide.css").read_text("utf-8")
    digest = b64encode(sha256(style.encode()).digest()).decode()
    page = page_template(_HERE, "guide.html.jinja")
    return page.render(style=Markup(style), digest=digest, body=Markup(str(soup)))


def unmarked(text: str) -> str:
    """A text in which nothing is Markdown but what stands between backticks."""
    parts = _CODE.split(re.sub(r"[ \n]+", " ", str(text).strip()))
    return "".join(part if place % 2 else _MEANT.sub(r"\\\g<0>", part) for place, part in enumerate(parts))


def _plan(outlines: Sequence[Outline], name: str) -> dict[str, Any]:
    """One length of class: its days, and what it leaves out of which notebook."""
    left_out = []
    for outline in outlines:
        skipped = [s for s in outline.sections if s.minutes and not s.taught_in(name)]
        if skipped:
            left_out.append({"of": outline, "sections": skipped, "whole": not outline.minutes_in(name)})
    return {
        "name": translated(name),
        "minutes": sum(outline.minutes_in(name) for outline in outlines),
        "most": PLANS[name],
        "days": timetable(outlines, name),
        "exercises": [number for outline in outlines for number in outline.done_in(name)],
        "left_out": left_out,
    }


def _notebook(outline: Outline, ds: Dataset, given: Given) -> dict[str, Any]:
    opening = Section(translated("Before the first section"), 0, "", outline.opening)
    steps = [(section, _steps(section, ds, given)) for section in (opening, *outline.sections)]
    exercises = [number for section in outline.sections for number in section.exercises]
    return {
        "of": outline,
        "minutes": {translated(plan): outline.minutes_in(plan) for plan in PLANS},
        "sections": [
            {"of": section, "steps": found, "runs": any(cell.cell_type == "code" for cell in section.cells)}
            for section, found in steps
            if found or section.minutes
        ],
        "done": {
            number: [translated(plan) for plan in PLANS if number in outline.done_in(plan)] for number in exercises
        },
    }


def _steps(section: Section, ds: Dataset, given: Given) -> list[dict[str, Any]]:
    """What happens in a section, in order: what to show, pictures with what is asked before, exercises, the quiz."""
    steps: list[dict[str, Any]] = []
    known = {each.number: each for each in all_assignments()}
    for cell in section.cells:
        titles = [str(about.get("title", "")) for kind, _, about in shown(cell) if kind == "figure"]
        words = course_of(cell)
        if "show" in words:
            steps.append({"kind": "show", "show": words["show"]})
        if "ask" in words:
            steps.append({"kind": "picture", "title": " · ".join(titles), **words})
        if (number := exercise_in(cell)) in known:
            steps.append(answers_of(known[number], ds, given))
        if has_quiz(cell):
            number = re.findall(r'quiz\("(\w+)"', cell.source)[0]
            steps.append({"kind": "quiz", "questions": [_question(q, ds, given) for q in questions_of(number)]})
    return steps


def _frames(function: Callable[..., Any], given: Given) -> Mapping[str, Any]:
    return {name: given(name) for name in list(inspect.signature(function).parameters)[1:]}


def answers_of(found: Assignment, ds: Dataset, given: Given) -> dict[str, Any]:
    """An exercise: its words, what is right, and the values that mistakes give, each with their words.

    Where it can't be worked out, `why_not` says so, and `right` isn't there.
    """
    texts = {name: fill(getattr(found, name), {}) for name in ("ask", "hint")}
    unit = "" if "nswer as" in found.ask else translated(_ANSWERED.get(found.unit, ""))
    step = {"kind": "exercise", "number": found.number, **texts, "unit": unit, "why_not": ""}
    try:
        return step | _right_and_wrong(found, ds, given)
    except CannotAnswer as error:
        return step | {"why_not": str(error)}
    except Exception as error:  # whatever a client's data lead to, the others are told
        return step | {"why_not": _failed(error)}


def _failed(error: Exception) -> str:
    return phrase("It can't be worked out here ({what}).", what=f"{type(error).__name__}: {error}")


def _right_and_wrong(found: Assignment, ds: Dataset, given: Given) -> dict[str, Any]:
    key = key_of(found, ds, _frames(found.key, given))
    right = answer_in_words(key.right, found.unit)
    wrong: dict[str, list[str]] = {}
    for words, value in told_apart(key, found.unit).items():
        wrong.setdefault(_wrong(value, found.unit), []).append(translated(words))
    told = [(value, _one_of(words)) for value, words in wrong.items()]
    means = fill(found.means, {"right": right})
    return {"right": right, "wrong": told, "means": means, "solution": found.solution}


def _one_of(mistakes: Sequence[str]) -> str:
    """The words of a mistake, or of several that give the same value."""
    if len(mistakes) == 1:
        return mistakes[0]
    listed = " ".join(f"({place}) {words}" for place, words in enumerate(mistakes, 1))
    return phrase("One of these, so ask what they did: {listed}", listed=listed)


def _wrong(value: Any, unit: str) -> str:
    """A wrong answer as the reader writes it; what can't be a share, as the number that it is."""
    if unit == "percent" and abs(value) > 1.5:
        unit = "count" if float(value).is_integer() else "number"
    return answer_in_words(value, unit)


def _question(found: Question, ds: Dataset, given: Given) -> dict[str, Any]:
    try:
        asked, choices = choices_of(found, worked_out(found.values, ds, _frames(found.values, given)))
    except CannotAnswer as error:
        return {"ask": translated(found.ask), "choices": [], "why_not": str(error)}
    except Exception as error:
        return {"ask": translated(found.ask), "choices": [], "why_not": _failed(error)}
    lettered = [
        {"letter": letter, "text": text, "why": Markup(re.sub("</?code>", "`", why)).striptags(), "right": right}
        for letter, (text, _, why, right) in zip("abcde", choices, strict=False)
    ]
    return {"ask": asked[0], "choices": lettered, "why_not": ""}
