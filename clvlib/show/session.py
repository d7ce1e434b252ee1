"""What holds for a whole notebook: its dataset's words, what is left out of it, what it hands over to a run.

From `start` on, each cell is guarded: where the dataset can't answer it, the notebook says so and goes on. A later cell
that needs a name which such a cell would have made is left out too, and says so; any other error stays one. What is
left out is called by the comment on the cell's first line.
"""

import ast
import html
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dis import get_instructions
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

import matplotlib.pyplot as plt
import pandas as pd
from IPython.core.getipython import get_ipython
from IPython.core.interactiveshell import ExecutionInfo

from clvlib import wording
from clvlib.errors import CannotAnswer, UsageError
from clvlib.language import message, phrase, translated, word
from clvlib.show import canvas, running
from clvlib.show.output import NO_FORMULAS, publish
from clvlib.show.sentences import stand
from clvlib.show.to_run import RUNS, hand_cause, hand_to_run

if TYPE_CHECKING:
    from clvlib.dataset import Dataset

_GUARD, _LAST = "_clv_guard", "_clv_last"  # names in the notebook
_UNNAMED = message("A cell without a name")

_missing: dict[str, str] = {}  # names that a failed attempt would have made, and that attempt's title
_kept: list[pd.DataFrame] = []
_cell = {"name": _UNNAMED}  # that runs now
_begun: "list[Dataset]" = []  # the notebook's dataset, once it has started


def start(ds: "Dataset") -> None:
    """Set theme, language and currency for this dataset, and say which dataset and which dates are shown."""
    speak_of(ds)
    canvas.theme()
    _missing.clear()
    _kept.clear()
    _begun[:] = [ds]
    days = wording.from_to(*dict.fromkeys([ds.starts, ds.as_of]))
    text = phrase("{name} · {days} · amounts in {currency}", name=ds.name, days=days, currency=ds.currency)
    _guard_cells()
    publish("dataset", text, f'<p class="clv-dataset {NO_FORMULAS}">{html.escape(text)}</p>')
    running.say_progress()


def speak_of(ds: "Dataset") -> None:
    """Write every later text for this dataset: in its language and currency, with its name and days."""
    ds.speak()
    wording.write_for(ds.locale, ds.currency, ds.usual_amount())
    about = {"starts": ds.starts, "as_of": ds.as_of, "currency": ds.currency, "dataset": ds.name}
    stand(**about, horizon_months=ds.economics.horizon_months)


def notebook_dataset() -> "Dataset | None":
    """The dataset that this notebook has started with; None before `start`."""
    return _begun[-1] if _begun else None


class _Guard(ast.NodeTransformer):
    """Puts what a cell does into `attempt`; the value of its last line is still shown."""

    def visit_Module(self, cell: ast.Module) -> ast.Module:
        body, last = cell.body, ast.parse("None").body
        if not body:
            return cell
        if isinstance(body[-1], ast.Expr):
            body[-1] = ast.copy_location(ast.Assign([ast.Name(_LAST, ast.Store())], body[-1].value), body[-1])
            last = ast.parse(_LAST).body
        (guarded,) = ast.parse(f"with {_GUARD}():\n    pass").body
        assert isinstance(guarded, ast.With)
        guarded.body = body
        cell.body = [*ast.parse(f"{_LAST} = None").body, guarded, *last]
        return ast.fix_missing_locations(cell)


def _guard_cells() -> None:
    """Guard every later cell of this notebook, once; where there is no notebook, nothing happens."""
    shell = get_ipython()
    if shell is None:
        return
    shell.ast_transformers = [t for t in shell.ast_transformers if not isinstance(t, _Guard)] + [_Guard()]
    shell.events.register("pre_run_cell", _read_name)
    shell.user_ns[_GUARD] = lambda: attempt(_cell["name"])


def _read_name(cell: ExecutionInfo) -> None:
    first = str(cell.raw_cell).lstrip().partition("\n")[0]
    _cell["name"] = first.lstrip("# ").strip() if first.startswith("#") else _UNNAMED


@contextmanager
def attempt(section: str, **values: Any) -> Iterator[None]:
    """Leave a section out, saying why, when this dataset cannot answer it; the notebook goes on.

    values: those of a section whose name has some, as ``show.attempt("What {lever} does", lever=lever)``.
    Later attempts that need a name which this one would have made are left out too, and say so.
    """
    try:
        yield
    except CannotAnswer as error:
        about = {"what": error.what, "mend": error.mend, **hand_cause(error)}
        _leave_out(_titled(section, values), str(error), error.__traceback__, **about)
    except NameError as error:
        if error.name not in _missing:
            raise
        cause = _missing[error.name]
        reason = phrase("It builds on “{cause}”, which was left out above.", cause=cause)
        _leave_out(_titled(section, values), reason, error.__traceback__, builds_on=cause)


def _titled(section: str, values: dict[str, Any]) -> str:
    """The name of a section as it is shown; without values it may have braces of its own."""
    words = {name: word(each) if isinstance(each, str) else each for name, each in values.items()}
    return phrase(section, **words) if values else translated(section)


def _leave_out(section: str, reason: str, trace: TracebackType | None, **about: str) -> None:
    plt.close("all")
    while trace is not None and trace.tb_frame.f_code.co_filename == __file__:
        trace = trace.tb_next
    if trace is not None:
        for step in get_instructions(trace.tb_frame.f_code):
            if step.opname in ("STORE_NAME", "STORE_GLOBAL"):
                _missing[str(step.argval)] = section
    told = phrase("Left out: {section}.", section=section)
    words = f"<strong>{html.escape(told)}</strong> {html.escape(reason)}"
    box = "border-left:4px solid #E69F00;background:#FFF8E8;color:#333;padding:0.6em 1em;margin:0.6em 0"
    publish(
        "skipped",
        f"{told} {reason}",
        f'<div class="clv-skipped {NO_FORMULAS}" style="{box}">{words}</div>',
        section=section,
        reason=reason,
        **about,
    )


def keep(frame: pd.DataFrame) -> None:
    """Hand columns per customer (index ``customer_id``, one row each) to the run's customers.csv.

    Does nothing outside of ``clv run``. Raises UsageError when the rows are not customers.
    """
    if frame.index.name != "customer_id" or not frame.index.is_unique:
        raise UsageError(
            "show.keep got a table whose rows are not one customer each.",
            mend="Index it by customer_id, without doubles.",
        )
    added = frame.set_axis(frame.index.astype(str)).rename_axis("customer_id")
    earlier = [part.drop(columns=added.columns, errors="ignore") for part in _kept]
    _kept[:] = [pd.concat([*earlier, added], axis=1).rename_axis("customer_id")]
    hand_to_run(_kept[0], "scores/{notebook}.parquet")


def deliver(frame: pd.DataFrame, name: str) -> None:
    """Hand a list over as a file of its own: the run writes it as `name`.csv beside customers.csv.

    A named index is written too. Does nothing outside of ``clv run``. Raises UsageError for a name that isn't
    letters, digits and underscores, or is that of a table of the run's own, customers or columns.
    """
    if not name.isidentifier() or name in ("customers", "columns"):
        raise UsageError(
            phrase("A list can't be called {name!r}.", name=name),
            mend="Use letters and underscores, as in action_list.",
        )
    hand_to_run(frame, f"lists/{{notebook}}/{name}.parquet")


def store(frame: pd.DataFrame, name: str) -> None:
    """Keep a frame for later runs of this dataset, which get it by `stored`; its `attrs` are kept too.

    Does nothing outside of ``clv run``.
    """
    hand_to_run(frame, f"stored/{name}.parquet")


def stored(name: str) -> dict[pd.Timestamp, pd.DataFrame]:
    """What runs of this dataset have stored under a name, by the day up to which they looked; none outside of a run."""
    found = sorted(Path(os.environ[RUNS]).glob(f"*/stored/{name}.parquet")) if os.environ.get(RUNS) else []
    return {pd.Timestamp(file.parts[-3]): pd.read_parquet(file) for file in found}
