"""The trainer's guide: it is that of the notebooks, its plans keep within their hours, and what it says reads well."""

import re

import pytest
from bs4 import BeautifulSoup
from hypothesis import given as drawn
from hypothesis import strategies as st

from clvlib.course import guide, timetable
from clvlib.course.assignments import all_assignments
from clvlib.course.outline import (
    AT_HOME,
    PLANS,
    Outline,
    Section,
    course_of,
    exercise_in,
    has_quiz,
    outline_of,
    read_outlines,
)
from clvlib.run.refresh import NOTEBOOKS
from tests.course.given import given, loaded
from tests.course.made_up import made_up
from tools.guide import GUIDE, PAGE, guide_as_committed

OUTLINES = {outline.stem: outline for outline in read_outlines(NOTEBOOKS)}
notebooks = pytest.mark.parametrize("name", OUTLINES)


def test_the_guide_is_that_of_the_committed_notebooks():
    text = guide_as_committed()
    assert GUIDE.read_text("utf-8") == text, "write it again: make refresh"
    assert PAGE.read_text("utf-8") == guide.as_page(text), "write it again: make refresh"


@pytest.mark.parametrize("plan", PLANS)
def test_a_plan_keeps_within_its_hours_and_uses_most_of_them(plan):
    minutes = {name: outline.minutes_in(plan) for name, outline in OUTLINES.items()}
    assert 0.75 * PLANS[plan] <= sum(minutes.values()) <= PLANS[plan], minutes


def test_no_day_of_two_is_longer_than_one_day():
    days = timetable.timetable([*OUTLINES.values()], "two days")
    assert len(days) == 2
    assert all(sum(slot.minutes for slot in day if slot.notebook) <= PLANS["one day"] for day in days)


@notebooks
def test_the_minutes_of_its_sections_are_those_of_a_notebook(name):
    outline = OUTLINES[name]
    assert outline.minutes > 0
    assert sum(section.minutes for section in outline.sections) == outline.minutes


@notebooks
def test_a_section_with_code_has_minutes_and_a_plan(name):
    for section in OUTLINES[name].sections:
        if any(cell.cell_type == "code" for cell in section.cells):
            assert section.minutes > 0, section.title
            assert course_of(section.cells[0]).get("plan") in (*PLANS, AT_HOME), section.title


@notebooks
def test_before_each_picture_is_a_question(name):
    outline = OUTLINES[name]
    for cell in (*outline.opening, *(cell for section in outline.sections for cell in section.cells)):
        if any("image/png" in output.get("data", {}) for output in cell.get("outputs", [])):
            assert all(course_of(cell).get(word) for word in ("ask", "expect", "reply")), cell.id


def test_a_notebook_is_told_as_a_class_uses_it():
    outline = outline_of("00_start_here", made_up())
    assert (outline.number, outline.title, outline.question) == ("00", "Start here", "Who comes back?")
    assert (outline.goals, outline.minutes) == (("count", "ask"), 25)
    assert [(s.title, s.minutes, s.plan) for s in outline.sections] == [
        ("1. Who comes | back", 20, "half day"),
        ("2. More", 5, AT_HOME),
    ]
    assert [outline.minutes_in(plan) for plan in PLANS] == [20, 20, 20]
    assert [exercise_in(cell) for cell in outline.sections[0].cells] == ["", "", "00.1", ""]
    assert [has_quiz(cell) for cell in outline.sections[0].cells] == [False, False, False, True]


def test_the_guide_tells_questions_answers_and_mistakes():
    text = guide.write_guide([outline_of("00_start_here", made_up())], loaded("demo"), lambda name: given("demo", name))
    page = BeautifulSoup(guide.as_page(text), "html.parser").get_text()
    assert "How *many*?" in page
    assert "20% came_back*" in page
    assert "2 <3" in page
    assert "More (5 min)" in page
    first = all_assignments()[0]
    assert f"Exercise {first.number}" in page
    assert first.solution.splitlines()[0] in page
    right = re.search(r"Right here\*\*: (\S+)", text)
    assert right
    assert right[1] not in re.findall(r"^\| (\S+) \|", text, re.M)
    assert text.count("**Right.**") >= 1
    assert not re.search(r"nan\b|\{[a-z]", text)


def test_the_page_asks_nothing_of_any_network():
    page = guide.as_page("# A title\n\n| a | b |\n|---|---|\n| 1 | 2 |\n")
    assert "<table>" in page
    assert "¶" not in page
    assert not re.search(r"(src|href)=|url\(|@import|<script", page)


lengths = st.lists(st.tuples(st.integers(0, 4), st.sampled_from([5, 10, 15, 20]), st.sampled_from([*PLANS, AT_HOME])))


@drawn(lengths, st.sampled_from([*PLANS]))
def test_a_timetable_holds_every_section_once_and_breaks_between(sections, plan):
    parts = [[Section(str(i), m, p, ()) for i, (k, m, p) in enumerate(sections) if k == n] for n in range(5)]
    made = [Outline(f"0{n}_x", "", "", (), 0, (), tuple(part)) for n, part in enumerate(parts)]
    days = timetable.timetable(made, plan)
    slots = [slot for day in days for slot in day]
    assert [(s.notebook, s.what) for s in slots if s.notebook] == [
        (outline.number, section.title) for outline in made for section in outline.sections if section.taught_in(plan)
    ]
    for day in days:
        assert [slot.begins for slot in day[1:]] == [slot.begins + slot.minutes for slot in day[:-1]]
        breaks = [place for place, slot in enumerate(day) if not slot.notebook]
        assert all(0 < place < len(day) - 1 for place in breaks)
        assert sum(slot.what == "lunch" for slot in day) <= (plan != "half day")
        stretch = 0
        for slot in day:
            stretch = stretch + slot.minutes if slot.notebook else 0
            assert stretch <= timetable.AT_A_STRETCH + 20
