"""Every exercise, done in JupyterLab in a real browser as a trainee does it: wrong once, then right."""

import json
import re

import pytest

from clvlib.course.assignments import all_assignments, worked_out
from clvlib.course.judging import told_apart
from tests.course.given import MADE, given, loaded
from tests.course.made_03 import rolled_as_in_the_notebook
from tests.course.test_lessons import FILES, frames
from tests.jupyter import open_and_run, saved

QUICK = "07b"
LONG = [pytest.param(name, marks=() if name == QUICK else pytest.mark.proof) for name in FILES]


def written(value):
    """An answer as a person types it."""
    return (
        repr(sorted(value))
        if isinstance(value, set | frozenset)
        else repr(value if isinstance(value, str) else float(value))
    )


def answer_in(page, number, value):
    """Type an answer into the cell of an exercise, run it, and give what it says."""
    cell = page.locator(".jp-CodeCell", has_text=f'course.exercise("{number}"').first
    cell.scroll_into_view_if_needed()
    line = cell.locator(".cm-line", has_text="answer = ").first
    line.click()
    page.keyboard.press("Home")
    page.keyboard.press("Shift+End")
    page.keyboard.insert_text(f"answer = {written(value)}")
    page.keyboard.press("Control+Enter")
    said = cell.locator(".clv-exercise").nth(1)
    return said


@pytest.mark.parametrize("name", LONG)
def test_an_exercise_says_what_is_wrong_and_then_that_it_is_right(browser, lab, name, monkeypatch):
    monkeypatch.setitem(MADE, "rolled", rolled_as_in_the_notebook)
    monkeypatch.setitem(MADE, "judged", lambda ds: rolled_as_in_the_notebook(ds).made)
    given.cache_clear()
    page = open_and_run(browser, lab, FILES[name].stem)
    saved(page, lab[1] / FILES[name].name)
    numbers = [each for each in all_assignments() if each.number.partition(".")[0] == name]
    for each in numbers:
        key = worked_out(each.key, loaded("demo"), frames("demo", each.key))
        words, value = next(iter(told_apart(key, each.unit).items()))
        said = answer_in(page, each.number, value)
        page.wait_for_timeout(300)
        said.get_by_text(re.compile("^Not yet")).wait_for(timeout=60_000)
        assert words.replace("`", "")[:40] in said.inner_text()
        answer_in(page, each.number, key.right).get_by_text(re.compile("^Right")).wait_for(timeout=60_000)
    kept = json.loads((lab[1] / "progress.json").read_text("utf-8"))
    assert kept == {each.number: {"attempts": 2, "right": 1} for each in numbers}
    choice = page.locator(".clv-quiz details").first
    choice.locator("summary").click()
    assert re.match("Right|No", choice.locator("p").inner_text())
    page.close()
