"""The trainer's guide: it is that of the notebooks, its plans keep within their hours, and what it says reads well."""

import re
from dataclasses import replace

import nbformat
import pytest
from bs4 import BeautifulSoup
from hypothesis import given as drawn
from hypothesis import strategies as st

from clvlib import language
from clvlib.course import guide, timetable
from clvlib.course.assignments import Key, all_assignments
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
from tests.course.made_up import cell, made_up
from tools.guide import GUIDE, PAGE, guide_as_committed

pytestmark = pytest.mark.usefixtures("sharing")
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


@pytest.mark.parametrize("plan", PLANS)
def test_a_class_does_exercises_of_sections_that_it_has_and_not_too_many(plan):
    minutes = sum(outline.minutes_in(plan) for outline in OUTLINES.values())
    done = [number for outline in OUTLINES.values() for number in outline.done_in(plan)]
    taught = [s for outline in OUTLINES.values() for s in outline.sections if s.taught_in(plan)]
    assert set(done) <= {number for section in taught for number in section.exercises}
    assert 5 * len(done) <= 0.4 * minutes, done
    for section in taught:
        assert 5 * len({*section.exercises} & {*done}) <= section.minutes - 2, section.title


def test_a_longer_class_does_every_exercise_of_a_shorter_one():
    for outline in OUTLINES.values():
        half, one, two = ({*outline.done_in(plan)} for plan in PLANS)
        assert half <= one <= two, outline.stem


@notebooks
def test_before_each_picture_is_a_question(name):
    outline = OUTLINES[name]
    for each in (*outline.opening, *(within for section in outline.sections for within in section.cells)):
        if any("image/png" in output.get("data", {}) for output in each.get("outputs", [])):
            assert all(course_of(each).get(word) for word in ("ask", "expect", "reply")), each.id


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
    assert [section.exercises for section in outline.sections] == [("00.1",), ()]


def test_of_the_exercises_taught_a_shorter_class_does_the_first_ones():
    def section(plan, minutes, *numbers):
        asked = tuple(cell(f'q = course.exercise("{number}")') for number in numbers)
        return Section("A section", minutes, plan, asked)

    first, second = section("half day", 12, "00.1", "00.2"), section("one day", 7, "00.3")
    others = (
        section("two days", 6, "00.short"),
        section("two days", 11, "00.4", "00.no room"),
        section(AT_HOME, 9, "00.5"),
    )
    outline = Outline("00_x", "", "", (), 45, (), (first, second, section("half day", 0, "00.untaught"), *others))
    assert [outline.done_in(plan) for plan in PLANS] == [
        ("00.1",),
        ("00.1", "00.2"),
        ("00.1", "00.2", "00.3", "00.4"),
    ]


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
    assert page.count("00.1. The others are for home") == 3
    assert "Exercise 00.1 · in class: half day, one day, two days" in page
    assert not re.search(r"nan\b|\{[a-z]", text)


def test_in_french_the_guide_calls_lengths_of_class_by_french_names(monkeypatch):
    monkeypatch.setenv(language.ASKED, "fr")
    outlines = [outline_of("00_start_here", made_up())]
    text = guide.write_guide(outlines, loaded("demo"), lambda name: given("demo", name))
    assert "demi-journée, un jour, deux jours" in next(re.finditer(r"Exercice 00.1 · .*", text))[0]
    assert not re.search(r"\b(half day|one day|two days|alone)\b", text)


def test_of_a_section_without_a_picture_the_guide_says_what_to_show_or_to_read():
    begin = [cell("# 00 · Start here\n\n**Time**: 20 minutes.", "markdown")]
    shown_first = cell("## 1. Cells · 5 min", "markdown", plan="half day", show="Run <one> cell.")
    run = [cell("## 2. A table · 5 min", "markdown", plan="one day"), cell("# A table")]
    read = [cell("## 3. The tour · 5 min", "markdown", plan="two days")]
    home = [cell("## 4. More · 5 min", "markdown", plan=AT_HOME), cell("# More")]
    outline = outline_of("00_start_here", nbformat.v4.new_notebook(cells=[*begin, shown_first, *run, *read, *home]))
    text = guide.write_guide([outline], loaded("demo"), lambda name: given("demo", name))
    said = text[text.index("### 1. Cells") :]
    assert [line for line in said.splitlines() if line and not line.startswith("#")] == [
        r"**Show**: Run \<one> cell.",
        "Read its text, run its cells, let somebody read the sentences aloud.",
        "Read its text aloud in your own words.",
    ]


def test_mistakes_that_give_the_same_value_are_told_in_one_row():
    def key(ds):
        return Key(1.0, {"You added.": 2.0, "You took the wrong row.": 3.0, "You doubled.": 2.0, "You rounded.": 1.0})

    found = replace(all_assignments()[0], unit="count", key=key)
    assert guide.answers_of(found, loaded("demo"), lambda name: None)["wrong"] == [
        ("2", "One of these, so ask what they did: (1) You added. (2) You doubled."),
        ("3", "You took the wrong row."),
    ]


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
