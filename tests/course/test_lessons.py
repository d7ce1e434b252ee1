"""Every exercise and every question, on both bundled datasets: what is right, each mistake, nonsense, nothing."""

import ast
import inspect
import re
from functools import cache
from unittest import mock

import nbformat
import numpy as np
import pandas as pd
import pytest

from clvlib import course, show
from clvlib.course import diary
from clvlib.course.assignments import UNITS_OF_ANSWERS, all_assignments, questions_of, worked_out
from clvlib.course.exercises import solve
from clvlib.course.judging import judge_answer, told_apart
from clvlib.course.quizzes import choices_of
from clvlib.errors import CannotAnswer
from clvlib.run.refresh import NOTEBOOKS
from tests.course.given import given, loaded

pytestmark = pytest.mark.usefixtures("sharing")
FILES = {file.stem.partition("_")[0]: file for file in sorted(NOTEBOOKS.glob("[0-9][0-9]*.ipynb"))}
ASSIGNMENTS = {each.number: each for each in all_assignments()}
QUESTIONS = {each.number: each for name in FILES for each in questions_of(name)}
NONSENSE = {
    "a text": "nonsense",
    "NaN": float("nan"),
    "infinity": float("inf"),
    "a truth value": True,
    "a table": pd.DataFrame({"a": [1.0, 2.0], "b": [3.0, 4.0]}),
    "an empty list": [],
    "an empty value": pd.NA,
    "a function": len,
    "an object": object(),
    "an array of the wrong shape": np.zeros((2, 3)),
}

datasets = pytest.mark.parametrize("name", ["demo", "cdnow_sample", pytest.param("cdnow", marks=pytest.mark.proof)])
assignments = pytest.mark.parametrize("number", ASSIGNMENTS)
questions = pytest.mark.parametrize("number", QUESTIONS)


def frames(name, function):
    """What the function asks for beside the dataset."""
    return {what: given(name, what) for what in list(inspect.signature(function).parameters)[1:]}


@cache
def key_of(name, number):
    """The key of an exercise on a dataset; None where the dataset can't support it, which the demo always does."""
    try:
        return worked_out(ASSIGNMENTS[number].key, loaded(name), frames(name, ASSIGNMENTS[number].key))
    except CannotAnswer:
        assert name != "demo"
        return None


def cells(name):
    return nbformat.read(FILES[name], as_version=4).cells


@datasets
@assignments
def test_what_the_solution_gives_is_right(name, number):
    if key := key_of(name, number):
        found = ASSIGNMENTS[number]
        answer = solve(found.solution, loaded(name), frames(name, found.key))
        assert judge_answer(answer, key, found.unit).outcome == "right"


@datasets
@assignments
def test_each_mistake_is_known_by_its_value(name, number):
    if key := key_of(name, number):
        apart = told_apart(key, ASSIGNMENTS[number].unit)
        for words, value in apart.items():
            judged = judge_answer(value, key, ASSIGNMENTS[number].unit)
            alike = [other for other in apart if apart[other] == value]
            assert (judged.outcome, judged.reason) == ("not yet", alike[0]), words


@datasets
@assignments
def test_nonsense_is_never_right_and_never_raises(name, number):
    if key := key_of(name, number):
        assert judge_answer(None, key, ASSIGNMENTS[number].unit).outcome == "not attempted"
        for what, answer in NONSENSE.items():
            judged = judge_answer(answer, key, ASSIGNMENTS[number].unit)
            assert judged.outcome == "not yet", what
            assert judged.reason, what


@assignments
def test_an_exercise_names_mistakes_that_the_demo_can_tell_apart(number):
    key = key_of("demo", number)
    assert len(told_apart(key, ASSIGNMENTS[number].unit)) >= 2
    assert ASSIGNMENTS[number].unit in UNITS_OF_ANSWERS


@assignments
def test_the_solution_is_run_by_the_exercise_only_when_it_is_asked_for(number, monkeypatch, capsys):
    monkeypatch.setattr(show.session, "_begun", [loaded("demo")])
    ran = []
    monkeypatch.setattr("clvlib.course.exercises.solve", lambda *asked: ran.append(asked) or 1.0)
    made = course.exercise(number, **frames("demo", ASSIGNMENTS[number].key))
    made.check(None)
    made.hint()
    assert not ran
    made.solution()
    assert len(ran) == 1


@datasets
@questions
def test_a_question_has_one_right_choice_and_wrong_ones(name, number):
    found = QUESTIONS[number]
    try:
        _, choices = choices_of(found, worked_out(found.values, loaded(name), frames(name, found.values)))
    except CannotAnswer:
        assert name != "demo"
        return
    assert [right for *_, right in choices].count(True) == 1
    assert len({text for text, *_ in choices}) == len(choices)
    assert len(choices) >= (3 if name == "demo" else 2)
    assert not [text for part in choices for text in part[:3] if "nan" in str(text).split() or "{" in str(text)]


@pytest.mark.parametrize("name", FILES)
def test_a_notebook_asks_its_exercises_and_its_quiz(name):
    source = {cell.id: cell.source for cell in cells(name) if cell.cell_type == "code"}
    asked = [number for text in source.values() for number in re.findall(r'course\.exercise\("([\w.]+)"', text)]
    assert asked == [number for number in ASSIGNMENTS if number.partition(".")[0] == name]
    assert 3 <= len(asked) <= 5
    quizzes = [number for text in source.values() for number in re.findall(r'course\.quiz\("(\w+)"', text)]
    assert quizzes == [name]
    assert [number for number in QUESTIONS if number.partition(".")[0] == name] == [f"{name}.{n}" for n in range(1, 6)]
    of_course = [cell.id for cell in cells(name) if "course." in cell.source and cell.cell_type == "code"]
    tagged = [cell for cell in cells(name) if "course" in cell.metadata.get("tags", [])]
    assert of_course == [cell.id for cell in tagged if cell.cell_type == "code"]


@pytest.mark.parametrize("name", FILES)
def test_an_exercise_in_a_notebook_is_asked_and_not_attempted(name):
    for cell in cells(name):
        if cell.cell_type == "code" and "course.exercise" in cell.source:
            assert ast.unparse(ast.parse(cell.source)).count("answer = None") == 1
            texts = [output.data["text/plain"] for output in cell.outputs]
            assert len(texts) == 2, texts
            assert texts[1].startswith("Not attempted yet."), texts


def test_there_are_forty_exercises_and_more():
    assert len(ASSIGNMENTS) >= 40


def test_progress_is_kept_beside_the_working_copy(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(show.LAB, "1")
    monkeypatch.setattr(diary, "_now", {})
    first = next(iter(ASSIGNMENTS))
    diary.note_attempt(first, right=False)
    assert diary.so_far()[["right", "tried"]].sum().to_list() == [0, 1]
    diary.note_attempt(first, right=True)
    diary.note_attempt(first, right=False)
    monkeypatch.setattr(diary, "_now", {})
    assert diary.so_far()[["right", "tried", "attempts"]].sum().to_list() == [1, 0, 3]


UNREADABLE = ["", "[]", "{", '{"00.1": 3}', '{"00.1": {"attempts": "many"}}', "[" * 100_000]
UNREADABLE += ['{"00.1": {"attempts": Infinity, "right": 1}}', '{"00.1": {"attempts": -4, "right": -1}}']


@pytest.mark.parametrize("written", UNREADABLE)
def test_progress_that_cant_be_read_counts_for_nothing(written, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(show.LAB, "1")
    monkeypatch.setattr(diary, "_now", {})
    (tmp_path / "progress.json").write_text(written)
    assert diary.so_far()["attempts"].sum() == 0
    diary.note_attempt("00.1", right=True)
    assert diary.so_far()["right"].sum() == 1
    if written in ("", "{"):
        assert (tmp_path / "progress.unreadable.json").read_text() == written


def test_an_entry_that_cant_be_read_spares_the_others_and_no_more_than_one_is_right(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(show.LAB, "1")
    monkeypatch.setattr(diary, "_now", {})
    (tmp_path / "progress.json").write_text('{"00.1": {"attempts": 2, "right": 7}, "00.2": 3}')
    assert diary.so_far()[["right", "attempts"]].sum().to_list() == [1, 2]


def test_where_progress_cant_be_written_it_goes_on_in_the_notebook(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(show.LAB, "1")
    monkeypatch.setattr(diary, "_now", {})
    diary.note_attempt("00.1", right=False)
    monkeypatch.setattr(diary, "write_text", mock.Mock(side_effect=PermissionError))
    diary.note_attempt("00.1", right=True)
    assert diary.so_far()[["right", "attempts"]].sum().to_list() == [1, 2]
