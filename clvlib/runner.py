"""A dataset → executed notebooks, report.html, customers.csv and manifest.json (`clv run`).

The order of things: the data is validated, then the names and values asked for, then each notebook is executed to a
temporary file and renamed. A notebook already executed with the same inputs, parameters and code is not run again.
"""

import hashlib
import importlib.metadata
import json
import os
import re
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass, field
from errno import ENOSPC
from pathlib import Path
from typing import Any

import nbformat
import pandas as pd
import typer
from nbformat import NotebookNode
from tqdm import tqdm

from clvlib import handover, parameters, report, show, sources
from clvlib.card import as_toml
from clvlib.dataset import Dataset, find_card, load, read_card
from clvlib.execute import DISK_FULL
from clvlib.files import write_text
from clvlib.outcome import Outcome
from clvlib.refresh import NOTEBOOKS, refresh
from clvlib.tables import UsageError

__all__ = ["refresh", "run"]

TIME_LIMIT = 1800  # seconds for one notebook
WITHOUT_TRANSACTIONS = ("07b_contractual",)  # what subscriptions alone can answer
DONE, FAILED = 0, 3  # exit codes


@dataclass
class _Plan:
    """What one notebook of a run needs: its file, its content, its parameters and the key of all that it depends on."""

    file: Path
    notebook: NotebookNode
    given: dict[str, Any]
    key: str = field(default="")


def run(
    card_or_name: str,
    as_of: str | None = None,
    settings: Mapping[str, Any] | None = None,
    only: Sequence[str] | None = None,
    out: str | Path = "runs",
    notebooks: Path = NOTEBOOKS,
    limit: int = TIME_LIMIT,
) -> int:
    """Execute the notebooks on a dataset and write the run's folder; return the exit code, 0 or 3.

    `settings` maps parameter names to values (texts are coerced), `only` names notebooks by number or name, `limit` is
    in seconds for each notebook. Raises DataError when the data can't be used, UsageError for a wrong name or value.
    """
    started = time.monotonic()
    ds = load(card_or_name, as_of=as_of)
    for problem in ds.problems:
        if problem.grade == "warning":
            typer.secho(f"warning {problem}", fg="yellow", err=True)
    every = _find(notebooks)
    plans = _plan(_answerable(_select(every, only), ds, only), settings or {})
    folder = Path(out) / slug(ds.name) / f"{ds.as_of:%Y-%m-%d}"
    (folder / "notebooks").mkdir(parents=True, exist_ok=True)
    with _locked(folder):
        inputs = handover.hash_files(ds.files)
        card = _card_for(card_or_name, as_of, folder)
        for plan in plans:
            plan.given["dataset"] = card
            plan.key = _key(plan, inputs, ds)
        outcomes = _execute_all(plans, folder, limit)
        chosen = {plan.file.stem for plan in plans}
        why = "not asked for" if ds.has("transactions") else "without the transactions that it needs"
        outcomes += [Outcome(file.stem, why) for file in every if file.stem not in chosen]
        outcomes.sort(key=lambda outcome: outcome.notebook)
        files = _hand_over(ds, plans, outcomes, inputs, folder, time.monotonic() - started)
    _say_the_end(outcomes, files, folder)
    return FAILED if any(outcome.status == "failed" for outcome in outcomes) else DONE


def slug(name: str) -> str:
    """Turn a dataset's name into the name of a folder."""
    return re.sub(r"[^\w-]+", "-", name.casefold()).strip("-_") or "dataset"


def _find(notebooks: Path) -> list[Path]:
    found = sorted(file for file in notebooks.glob("[0-9][0-9]*.ipynb") if file.is_file())
    if not found:
        raise UsageError(
            f"There is no notebook in {notebooks}.", "Run the command from a complete copy of the project."
        )
    return found


def _select(every: list[Path], only: Sequence[str] | None) -> list[Path]:
    if not only:
        return every
    chosen = []
    for name in (part.strip() for part in only):
        named = [file for file in every if name in (file.stem, file.name, file.stem.split("_")[0])]
        if not named:
            known = ", ".join(file.stem for file in every)
            raise UsageError(f"There is no notebook {name!r}.", f"Choose by number or name from: {known}.")
        chosen += named
    return sorted(set(chosen))


def _answerable(chosen: list[Path], ds: Dataset, only: Sequence[str] | None) -> list[Path]:
    if ds.has("transactions"):
        return chosen
    able = [file for file in chosen if file.stem in WITHOUT_TRANSACTIONS]
    if not able or (only and len(able) < len(chosen)):
        raise UsageError(
            f"{ds.name} has subscriptions and no transactions.", f"Run only {', '.join(WITHOUT_TRANSACTIONS)} on it."
        )
    return able


def _plan(files: list[Path], settings: Mapping[str, Any]) -> list[_Plan]:
    read = {file: nbformat.read(file, as_version=4) for file in files}
    schemas = {file.stem: parameters.schema(notebook) for file, notebook in read.items()}
    given = parameters.choose(schemas, settings)
    return [_Plan(file, notebook, given[file.stem]) for file, notebook in read.items()]


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    # SQLite's lock works on every system and ends with the process, however that ends.
    connection = sqlite3.connect(folder / ".lock", timeout=0, isolation_level=None)
    try:
        connection.execute("BEGIN EXCLUSIVE")
    except sqlite3.OperationalError:
        connection.close()
        raise UsageError(f"Another run is writing to {folder}.", "Wait until it ends, or give another --out.") from None
    try:
        yield
    finally:
        connection.close()


def _card_for(card_or_name: str, as_of: str | None, folder: Path) -> str:
    """Give the dataset by which the notebooks load it: a card of its own when another as-of date was asked for."""
    path = find_card(card_or_name)
    if as_of is None:
        return card_or_name if not Path(card_or_name).is_file() else str(path.resolve())
    card = read_card(path) | {"as_of": as_of}
    for section in card.values():
        if isinstance(section, dict) and "path" in section:
            named = section["path"]
            section["path"] = _whole(named, path.parent) if isinstance(named, str) else [
                _whole(one, path.parent) for one in named]  # fmt: skip
    card.pop("truth", None)  # it is that of the card's own date
    target = folder / "card.toml"
    write_text(target, as_toml(card | {"name": card.get("name", path.stem)}))
    return str(target.resolve())


def _whole(path: str, folder: Path) -> str:
    """A path that means the same wherever the card lies; data of a package keep their name."""
    found = sources.locate(path, folder)
    return str(found.resolve()) if found.exists() and not path.startswith("lifetimes:") else path


def _key(plan: _Plan, inputs: Mapping[str, str], ds: Dataset) -> str:
    package = sorted(file for file in Path(__file__).parent.rglob("*") if file.suffix in (".py", ".toml"))
    parts = {
        "inputs": dict(inputs),
        "as_of": f"{ds.as_of:%Y-%m-%d}",
        "parameters": plan.given,
        "version": importlib.metadata.version("clvlib"),
        "package": handover.hash_files(package),
        "notebook": [(cell.cell_type, cell.source) for cell in plan.notebook.cells],
    }
    return hashlib.sha256(json.dumps(parts, sort_keys=True, default=str).encode()).hexdigest()


def _execute_all(plans: list[_Plan], folder: Path, limit: int) -> list[Outcome]:
    outcomes = []
    with tqdm(total=len(plans), unit="notebook", disable=None, leave=False) as bar:
        for plan in plans:
            bar.set_description(plan.file.stem)
            outcome = _already_done(plan, folder) or _execute(plan, folder, limit)
            outcomes.append(outcome)
            bar.write(str(outcome))
            bar.update()
    return outcomes


def _already_done(plan: _Plan, folder: Path) -> Outcome | None:
    target = folder / "notebooks" / plan.file.name
    try:
        notebook = nbformat.read(target, as_version=4)
    except (OSError, ValueError, nbformat.reader.NotJSONError):
        return None
    run = notebook.metadata.get("clv", {})
    if run.get("key") != plan.key:
        return None
    return Outcome(plan.file.stem, "done", seconds=run["seconds"], before=True, skipped=report.left_out(notebook))


def _execute(plan: _Plan, folder: Path, limit: int) -> Outcome:
    target = folder / "notebooks" / plan.file.name
    (folder / "scores" / f"{plan.file.stem}.parquet").unlink(missing_ok=True)
    for old in _lists(folder, plan.file.stem):  # a list of last month must not be taken for this one's
        (folder / f"{old.stem}.csv").unlink(missing_ok=True)
        old.unlink()
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="clv-") as scratch:
        produced = Path(scratch) / "executed.ipynb"
        problem = _start(plan, Path(scratch), produced, folder, limit)
        seconds = round(time.monotonic() - started, 1)
        notebook = nbformat.read(produced, as_version=4) if produced.exists() else plan.notebook
    if problem is not None:
        cell, error = _cell_name(notebook, problem["cell"]), problem["error"]
        _write_notebook(notebook, target, {"failed": error})
        return Outcome(plan.file.stem, "failed", seconds=seconds, cell=cell, error=error, where=str(target))
    skipped = report.left_out(notebook)
    _write_notebook(notebook, target, {"key": plan.key, "seconds": seconds})
    return Outcome(plan.file.stem, "done", seconds=seconds, skipped=skipped)


def _start(plan: _Plan, scratch: Path, produced: Path, folder: Path, limit: int) -> dict[str, Any] | None:
    """Execute in a process of its own; return what went wrong, or None."""
    source, result, job = scratch / "source.ipynb", scratch / "result.json", scratch / "job.json"
    source.write_text(nbformat.writes(_without_outputs(plan.notebook)), encoding="utf-8")
    asked = {"source": source, "target": produced, "result": result, "parameters": plan.given, "limit": limit}
    job.write_text(json.dumps(asked, default=str), encoding="utf-8")
    environment = os.environ | {
        show.RUN_FOLDER: str(folder.resolve()),
        show.NOTEBOOK: plan.file.stem,
        show.FIGURE_SCALE: "2",
        "PYDEVD_DISABLE_FILE_VALIDATION": "1",
    }
    command = [sys.executable, "-m", "clvlib.execute", str(job)]
    with (folder / "log.txt").open("a", encoding="utf-8") as log:
        log.write(f"\n=== {plan.file.name}, {pd.Timestamp.now():%Y-%m-%d %H:%M:%S}\n")
        log.flush()
        process = subprocess.Popen(command, stdout=log, stderr=log, env=environment, start_new_session=True)
        try:
            code = process.wait(timeout=limit + 5)
        except subprocess.TimeoutExpired:
            return {"cell": None, "error": f"TimeoutError: it took longer than {limit} seconds"}
        finally:
            _stop(process)
    if code == DISK_FULL:
        raise OSError(ENOSPC, os.strerror(ENOSPC), str(folder))
    if not result.exists():
        return {"cell": None, "error": f"the process ended with code {code}; its messages are in {folder / 'log.txt'}"}
    return json.loads(result.read_text("utf-8")) or None


def _stop(process: "subprocess.Popen[bytes]") -> None:
    """End the process, giving it a moment to end its kernel."""
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _without_outputs(notebook: NotebookNode) -> NotebookNode:
    bare = deepcopy(notebook)
    for cell in bare.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    return bare


def _cell_name(notebook: NotebookNode, position: int | None) -> str:
    """Name the cell that failed by its id; without a position, the one that was running."""
    running = [cell for cell in notebook.cells if cell.metadata.get("papermill", {}).get("status") == "running"]
    failed = [cell for cell in notebook.cells if any(o.output_type == "error" for o in cell.get("outputs", []))]
    for cell in failed + running:
        return str(cell.get("id", ""))
    return "" if position is None else f"number {position + 1}"


def _write_notebook(notebook: NotebookNode, target: Path, about: dict[str, Any]) -> None:
    notebook.metadata.pop("papermill", None)
    for cell in notebook.cells:
        cell.metadata.pop("papermill", None)
        cell.metadata.pop("execution", None)
    notebook.metadata["clv"] = about
    write_text(target, nbformat.writes(notebook) + "\n")


def _lists(folder: Path, notebook: str) -> list[Path]:
    return sorted((folder / "lists" / notebook).glob("*.parquet"))


def _hand_over(
    ds: Dataset, plans: list[_Plan], outcomes: list[Outcome], inputs: Mapping[str, str], folder: Path, seconds: float
) -> list[Path]:
    done = [outcome.notebook for outcome in outcomes if outcome.status == "done"]
    executed = {name: nbformat.read(folder / "notebooks" / f"{name}.ipynb", as_version=4) for name in done}
    scores = [folder / "scores" / f"{name}.parquet" for name in done]
    written = ["report.html", "manifest.json"]
    if ds.has("transactions"):
        handover.write_customers(ds, [file for file in scores if file.exists()], folder / "customers.csv")
        written.insert(1, "customers.csv")
    lists = {folder / f"{file.stem}.csv": file for name in done for file in _lists(folder, name)}
    for target, source in lists.items():
        handover.write_list(source, target)
    report.write(ds, executed, outcomes, folder / "report.html")
    given = {plan.file.stem: plan.given for plan in plans}
    handover.write_manifest(ds, given, inputs, outcomes, seconds, folder / "manifest.json")
    return [*(folder / name for name in written), *lists]


def _say_the_end(outcomes: list[Outcome], files: list[Path], folder: Path) -> None:
    failed = [outcome for outcome in outcomes if outcome.status == "failed"]
    typer.echo("")
    for file in files:
        typer.echo(f"{file}")
    executed = sum(outcome.status == "done" for outcome in outcomes)
    typer.echo(f"{folder / 'notebooks'}{os.sep}  ({executed} executed)")
    for outcome in failed:
        typer.secho(f"\n{outcome}", fg="red", err=True)
        typer.echo(f"Open {outcome.where} to see it; the messages are in {folder / 'log.txt'}.", err=True)
    if failed:
        typer.echo("The others are done. Mend it and run the same command again: it goes on from here.", err=True)
