"""Cells of a notebook, guarded from `show.start` on."""

from types import SimpleNamespace

import pandas as pd
import pytest
from IPython.core.interactiveshell import InteractiveShell

from clvlib import show
from clvlib.errors import NotEnoughData


@pytest.fixture
def notebook(monkeypatch):
    """Run a cell in a notebook that has started: `run(cell)` → what it displays, its last value, its error."""
    outputs = []
    monkeypatch.setattr(show.output, "display", lambda data, raw, metadata: outputs.append(data["text/plain"]))
    shell = InteractiveShell.instance()
    day = pd.Timestamp("2024-06-30")
    shell.user_ns["ds"] = SimpleNamespace(
        locale="en_US",
        currency="USD",
        name="A",
        usual_amount=lambda: 1.0,
        speak=lambda: None,
        starts=day,
        as_of=day,
        economics=SimpleNamespace(horizon_months=12),
    )
    shell.user_ns["NotEnoughData"] = NotEnoughData

    def run(cell):
        outputs.clear()
        result = shell.run_cell(cell, store_history=False)  # as nbval has it
        return list(outputs), result.result, result.error_before_exec or result.error_in_exec

    assert run("from clvlib import show\nshow.start(ds)")[2] is None
    yield run
    InteractiveShell.clear_instance()


def test_a_cell_that_cant_be_answered_is_left_out_by_its_name_and_so_is_what_builds_on_it(notebook):
    said, _, error = notebook("# Spend\nmodel = None\nraise NotEnoughData('Two customers.', 'Add some.')")
    assert (said, error) == (["Left out: Spend. Two customers. Add some."], None)
    assert notebook("raise NotEnoughData('Few.')")[0] == ["Left out: A cell without a name. Few."]
    notebook("# Fit\nfitted = (_ for _ in ()).throw(NotEnoughData('Few.'))")
    for name, cell, on in (("Value", "value = fitted * 2", "Fit"), ("Ranks", "value + 1", "Value")):
        (said,) = notebook(f"# {name}\n{cell}")[0]
        assert said == f"Left out: {name}. It builds on “{on}”, which was left out above."


def test_a_section_is_named_by_its_values_and_without_any_by_what_stands_there(notebook):
    few = "raise NotEnoughData('Few.')"
    cell = f"# Tests\nwith show.attempt('What {{lever}} does', lever='a card'):\n    {few}"
    assert notebook(cell)[0] == ["Left out: What a card does. Few."]
    assert notebook(f"# Of {{these}}\n{few}")[0] == ["Left out: Of {these}. Few."]


def test_names_last_values_and_errors_are_those_of_a_cell_without_a_guard(notebook, capsys):
    assert notebook("# Sum\nx = 20\nx + 1") == ([], 21, None)
    assert notebook("y = x") == ([], None, None)
    assert notebook("def double(n):\n    return 2 * n\ndouble(y)")[1] == 40
    assert notebook("") == ([], None, None)
    assert notebook("# Only a remark") == ([], None, None)
    assert isinstance(notebook("# Wrong\nmodle")[2], NameError)
    assert isinstance(notebook("1 / 0")[2], ZeroDivisionError)
    assert isinstance(notebook("x =")[2], SyntaxError)
    assert "modle" in capsys.readouterr().out


def test_a_second_start_guards_no_cell_twice(notebook):
    notebook("show.start(ds)")
    assert notebook("# Spend\nraise NotEnoughData('Few.')")[0] == ["Left out: Spend. Few."]
