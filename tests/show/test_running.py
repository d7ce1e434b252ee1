"""How far a notebook has come, as `clv lab` shows it."""

import json
from types import SimpleNamespace

import pytest

from clvlib.show import running

CELLS = [("code", "a"), ("markdown", "text"), ("code", "b"), ("code", "c")]


@pytest.fixture
def notebook(tmp_path):
    file = tmp_path / "01_x.ipynb"
    file.write_text(json.dumps({"cells": [{"cell_type": kind, "id": name} for kind, name in CELLS]}))
    return file


@pytest.fixture
def run(notebook, monkeypatch):
    """Run a cell of so many seconds: `run(cell, seconds)` → what is said as it runs, and after it."""
    said, clock = [], [0.0]
    handle = SimpleNamespace(update=lambda data, **_: said.append(data["text/plain"]))
    monkeypatch.setattr(running, "display", lambda data, **_: said.append(data["text/plain"]) or handle)
    monkeypatch.setattr(running.time, "monotonic", lambda: clock[0])
    now = running._Progress(notebook)

    def made(cell, seconds, success=True):
        said.clear()
        info = SimpleNamespace(cell_id=cell)
        now.begin(info)
        clock[0] += seconds
        now.end(SimpleNamespace(info=info, success=success))
        return list(said)

    return made


def test_it_says_which_cell_runs_of_how_many_and_what_is_left(run):
    assert run("a", 4) == ["Cell 1 of 3 runs, the time left is known once it ran.", "1 of 3 cells ran."]
    assert run("b", 8)[0] == "Cell 2 of 3 runs, about 8 s left."  # two more, by the mean so far
    assert run("c", 300) == ["Cell 3 of 3 runs, about 6 s left.", "All 3 cells ran; together they take 5 min."]


def test_the_second_time_it_knows_what_each_cell_took(run, notebook, monkeypatch):
    for cell, seconds in (("a", 4), ("b", 8), ("c", 20)):
        run(cell, seconds)
    again = running._Progress(notebook)
    assert again.took == {"a": 4, "b": 8, "c": 20}
    assert run("b", 1)[0] == "Cell 2 of 3 runs, about 28 s left."


def test_a_cell_that_failed_is_named(run):
    assert run("b", 1, success=False)[-1] == "Cell 2 of 3 failed: what it says stands below it."


def test_a_cell_that_isnt_saved_yet_says_nothing(run, notebook):
    assert run("new", 1) == []


@pytest.mark.parametrize("kept", ['{"a": "long"}', "[]", "null", "5", '{"a": null}', '{"a": NaN}', '{"a": 1e400}', "{"])
def test_what_was_kept_and_is_no_times_is_left(notebook, kept):
    notebook.with_name(".01_x.seconds.json").write_text(kept)
    assert running._Progress(notebook).took == {}


def test_cells_before_the_one_that_begins_to_watch_have_run(notebook, monkeypatch):
    said = []
    handle = SimpleNamespace(update=lambda data, **_: said.append(data["text/plain"]))
    monkeypatch.setattr(running, "display", lambda data, **_: said.append(data["text/plain"]) or handle)
    now = running._Progress(notebook)
    now.end(SimpleNamespace(info=SimpleNamespace(cell_id="b"), success=True))
    now.begin(SimpleNamespace(cell_id="c"))
    now.end(SimpleNamespace(info=SimpleNamespace(cell_id="c"), success=True))
    assert said[0] == "2 of 3 cells ran."
    assert said[-1].startswith("All 3 cells ran")


def test_the_last_cell_alone_isnt_all_of_them(run):
    assert run("c", 1)[-1] == "1 of 3 cells ran."


def test_of_a_notebook_that_was_renamed_nothing_floats_on(run, notebook):
    run("a", 1)
    notebook.rename(notebook.with_name("other.ipynb"))
    assert run("b", 1) == [""]
