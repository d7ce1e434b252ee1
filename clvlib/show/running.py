"""How far a notebook has come that runs in JupyterLab: cell n of m, and the time left, below the name of its dataset.

The time left is what the cells took the last time, kept beside the notebook; of cells that never ran, the mean of those
that did.
"""

import contextlib
import html
import json
import os
import time
from pathlib import Path

from IPython.core.getipython import get_ipython
from IPython.core.interactiveshell import ExecutionInfo, ExecutionResult
from IPython.display import DisplayHandle, display

from clvlib import wording
from clvlib.files import write_text
from clvlib.language import phrase, translated

LAB = "CLV_LAB"  # set by `clv lab`: notebooks that are run there say how far they are
_NOTEBOOK = "JPY_SESSION_NAME"  # set by Jupyter's server: the notebook's file
_DAY = 86_400  # seconds
_FLOATS = (  # in JupyterLab as `clv lab` sets it (windowingMode), above whatever part of the notebook is in sight
    "position:fixed;right:2em;bottom:1em;z-index:9;margin:0;padding:.5em 1em;background:#fff;color:#222;"
    "border:1px solid #888"
)
_NOW: "list[_Progress]" = []


class _Progress:
    """Of one notebook: its code cells by id, what each took, and the line that says it."""

    def __init__(self, notebook: Path) -> None:
        self.notebook, self.kept = notebook, notebook.with_name(f".{notebook.stem}.seconds.json")
        self.took: dict[str, float] = {}
        with contextlib.suppress(OSError, ValueError, TypeError, AttributeError):
            kept = {str(cell): float(took) for cell, took in json.loads(self.kept.read_text("utf-8")).items()}
            self.took = {cell: took for cell, took in kept.items() if 0 <= took < _DAY}
        self.ran: set[str] = set()
        self.began: float | None = None  # of the cell that runs
        self.line: DisplayHandle | None = None

    def cells(self) -> list[str]:
        """The ids of the notebook's code cells, as it was saved last."""
        with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
            found = json.loads(self.notebook.read_text("utf-8"))["cells"]
            return [str(cell["id"]) for cell in found if cell["cell_type"] == "code"]
        return []

    def begin(self, cell: ExecutionInfo) -> None:
        """Say which cell runs now, and how long the ones from it on are expected to take."""
        self.began = time.monotonic()
        cells = self.cells()
        if str(cell.cell_id) not in cells:
            return
        place = cells.index(str(cell.cell_id))
        usual = sum(self.took.values()) / len(self.took) if self.took else 0.0
        left = sum(self.took.get(each, usual) for each in cells[place:])
        said = phrase(
            "Cell {place} of {all} runs, {ran:about {left} left|the time left is known once it ran}.",
            place=place + 1,
            all=len(cells),
            ran=self.took,
            left=_duration(left),
        )
        self._tell(place, len(cells), said, _FLOATS)

    def end(self, result: ExecutionResult) -> None:
        """Keep what the cell took, and say so where it was the last one, or failed."""
        cells, cell = self.cells(), str(getattr(result.info, "cell_id", ""))
        if cell not in cells:  # renamed meanwhile, or not saved yet: nothing floats on
            self._tell(0, 1, "") if self.line is not None else None
            return
        place = cells.index(cell)
        self.ran.add(cell)
        if self.began is None:  # the cell that began to watch: those before it ran before
            self.ran |= set(cells[:place])
        else:
            self.took[cell] = round(time.monotonic() - self.began, 2)
        self.took = {each: took for each, took in self.took.items() if each in cells}
        with contextlib.suppress(OSError):
            write_text(self.kept, json.dumps(self.took))
        if not result.success:
            said = phrase(
                "Cell {place} of {all} failed: what it says stands below it.", place=place + 1, all=len(cells)
            )
            self._tell(place, len(cells), said)
        elif self.ran >= set(cells):
            whole = _duration(sum(self.took.values()))
            said = phrase("All {all} cells ran; together they take {whole}.", all=len(cells), whole=whole)
            self._tell(len(cells), len(cells), said)
        else:
            ran = len(self.ran & set(cells))
            self._tell(ran, len(cells), phrase("{ran} of {all} cells ran.", ran=ran, all=len(cells)))

    def _tell(self, done: int, of: int, text: str, style: str = "") -> None:
        bar = text and f'<progress max="{of}" value="{done}" aria-label="{translated("cells that ran")}"></progress>'
        data = {
            "text/plain": text,
            "text/html": f'<p class="clv-running" style="{style}">{bar} {html.escape(text)}</p>',
        }
        if self.line is None:
            self.line = display(data, raw=True, display_id="clv-running", metadata={"clv": {"kind": "running"}})
        else:
            self.line.update(data, raw=True, metadata={"clv": {"kind": "running"}})


def say_progress() -> None:
    """From now on say how far the notebook is; only where `clv lab` opened it, and once."""
    shell, notebook = get_ipython(), Path(os.environ.get(_NOTEBOOK, ""))
    if shell is None or not os.environ.get(LAB) or notebook.suffix != ".ipynb":
        return
    for earlier in _NOW:
        shell.events.unregister("pre_run_cell", earlier.begin)
        shell.events.unregister("post_run_cell", earlier.end)
    now = _Progress(notebook)
    _NOW[:] = [now]
    shell.events.register("pre_run_cell", now.begin)
    shell.events.register("post_run_cell", now.end)


def _duration(seconds: float) -> str:
    if seconds < 90:
        return f"{wording.count(max(round(seconds), 1))} s"
    return f"{wording.count(round(seconds / 60))} min"
