"""A dataset → executed notebooks, report.html, customers.csv and manifest.json (`clv run`).

The order of things: the data is validated, then the names and values asked for, then each notebook is executed in a
folder of its own (`parts`), and at the end what they made is handed over together. A notebook already executed with the
same inputs, parameters and code is not run again.
"""

import hashlib
import importlib.metadata
import json
import os
import shutil
import sqlite3
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import as_completed
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import nbformat
import typer
from nbformat import NotebookNode
from tqdm import tqdm

from clvlib.dataset import Dataset, keep_loaded, load
from clvlib.errors import DataError, UsageError, printable
from clvlib.ingest import in_place, people
from clvlib.ingest.card import find_card, read_card
from clvlib.language import message, phrase, spoken, translated
from clvlib.run import chapters, handover, imports, parameters, parts
from clvlib.run.launch import Made, Task, execute_apart, several_at_once
from clvlib.run.outcome import Outcome, answering, lacking
from clvlib.run.places import card_for, folder_of
from clvlib.run.refresh import NOTEBOOKS
from clvlib.run.translation import in_language

TIME_LIMIT = 1800  # seconds for one notebook
LOCK = ".lock"  # in a run's folder, while there is one
DONE, FAILED = 0, 3  # exit codes
_AT_ONCE = 2  # notebooks: each may need as much memory as the data are large
FIRST = (  # the forecast, which others take over, beside one without it; then the long ones, not waited for at the end
    "03_clv_forecast",
    "01_clv_formula",
    "07_lifecycle",
    "03b_forecast_trust",
    "08_action_plan",
    "04_churn",
    "09_explore",
)
READS = "show.stored("  # in a cell: the notebook reads what earlier runs of the dataset stored
DELIVERS = "show.deliver("  # in a cell: the notebook makes a list of customers


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
    started, began = time.monotonic(), time.time()
    written = read_card(find_card(card_or_name))
    in_place.require_here(written)
    if wrong := imports.wrong_lists(written):
        raise DataError(f"{wrong[0].what}.", wrong[0].mend)
    ds = load(card_or_name, as_of=as_of)
    for problem in ds.problems:
        if problem.grade == "warning":
            typer.secho(phrase("warning {problem}", problem=problem), fg="yellow", err=True)
    every = _find(notebooks)
    plans = _plan(_answerable(_select(every, only), ds, only), settings or {})
    folder = folder_of(Path(out), ds.name, ds.files[0], of=ds.files[1]) / f"{ds.as_of:%Y-%m-%d}"
    folder.mkdir(parents=True, exist_ok=True)
    with locked(folder):
        parts.clear(folder)
        inputs = handover.hash_files(ds.files)
        card = card_for(card_or_name, as_of, folder)
        secret = people.secret_of(written)
        named_by = "" if secret is None else people.pseudonym(secret, "")  # another key gives other pseudonyms
        for plan in plans:
            plan.given["dataset"] = card
            plan.key = _key(plan, inputs, ds, folder, named_by)
        as_read = as_of is None and all(file.stat().st_mtime < began for file in ds.files)  # as `inputs` has them
        made = _execute_all(plans, folder, limit, ds if as_read else None)
        _require_unchanged(ds, inputs, made)
        outcomes = [outcome for outcome, _ in made]
        chosen = {plan.file.stem for plan in plans}
        lacks = translated(lacking(ds))
        why = phrase("without the {lacks} that it needs", lacks=lacks) if lacks else message("not asked for")
        outcomes += [Outcome(file.stem, why) for file in every if file.stem not in chosen]
        outcomes.sort(key=lambda outcome: outcome.notebook)
        tools = written.get(imports.LISTS, {})
        files = handover.hand_over(ds, plans, outcomes, made, inputs, tools, folder, time.monotonic() - started)
        parts.clear(folder, {plan.file.stem: plan.key for plan in plans})
    _say_the_end(outcomes, files, folder, _without_list(plans, made))
    for tool in [tool for tool in tools if folder / f"{tool}.csv" not in files]:
        typer.echo(phrase("No {tool}.csv: there is nobody to put on it.", tool=tool))
    return FAILED if any(outcome.status == "failed" for outcome in outcomes) else DONE


def _require_unchanged(ds: Dataset, inputs: Mapping[str, str], made: list[Made]) -> None:
    """Raise DataError when a file of the data isn't what it was when the run began: notebooks may have read either."""
    now = handover.hash_files(file for file in ds.files if file.exists())
    changed = sorted(name for name in inputs if now.get(name) != inputs[name])
    if not changed:
        return
    for outcome, part in made:
        if part is not None and not outcome.before:
            shutil.rmtree(part.folder, ignore_errors=True)
    raise DataError(
        phrase(
            "{n} file(s) changed while the run was reading them: {files}.", n=len(changed), files=", ".join(changed)
        ),
        "Nothing was handed over. Run again when nobody writes to them.",
    )


def _find(notebooks: Path) -> list[Path]:
    found = sorted(file for file in notebooks.glob("[0-9][0-9]*.ipynb") if file.is_file())
    if not found:
        raise UsageError(
            phrase("There is no notebook in {folder}.", folder=notebooks),
            "Run the command from a complete copy of the project.",
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
            raise UsageError(
                phrase("There is no notebook {name!r}.", name=name),
                phrase("Choose by number or name from: {these}.", these=known),
            )
        chosen += named
    return sorted(set(chosen))


def _answerable(chosen: list[Path], ds: Dataset, only: Sequence[str] | None) -> list[Path]:
    if not lacking(ds):
        return chosen
    able = [file for file in chosen if file.stem in answering(ds)]
    if not able or (only and len(able) < len(chosen)):
        raise UsageError(
            phrase("{dataset} has no {lacks}.", dataset=ds.name, lacks=translated(lacking(ds))),
            phrase("Run only {these}.", these=", ".join(answering(ds))),
        )
    return able


def _plan(files: list[Path], settings: Mapping[str, Any]) -> list[Task]:
    read = {file: _without_course(nbformat.read(file, as_version=4)) for file in files}
    schemas = {file.stem: parameters.schema(notebook) for file, notebook in read.items()}
    given = parameters.choose_settings(schemas, settings)
    return [Task(file, in_language(notebook, file.stem), given[file.stem]) for file, notebook in read.items()]


def _without_course(notebook: NotebookNode) -> NotebookNode:
    """A notebook without its exercises and quiz: a client's run has no trainee."""
    notebook.cells = [cell for cell in notebook.cells if "course" not in cell.metadata.get("tags", [])]
    return notebook


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Keep other runs out of the folder; UsageError where one is writing to it."""
    # SQLite's lock works on every system and ends with the process, however that ends.
    connection = sqlite3.connect(folder / LOCK, timeout=0, isolation_level=None)
    try:
        connection.execute("BEGIN EXCLUSIVE")
    except sqlite3.OperationalError as error:
        connection.close()
        if error.sqlite_errorcode != sqlite3.SQLITE_BUSY:
            said = phrase("{folder} can't be written to: {error}", folder=folder, error=error)
            raise OSError(said) from None
        raise UsageError(
            phrase("Another run is writing to {folder}.", folder=folder), "Wait until it ends, or give another --out."
        ) from None
    try:
        yield
    finally:
        connection.close()


def _key(plan: Task, inputs: Mapping[str, str], ds: Dataset, folder: Path, named_by: str) -> str:
    package = sorted(file for file in Path(__file__).parents[1].rglob("*") if file.suffix in (".py", ".toml", ".po"))
    depends: dict[str, Any] = {
        "inputs": dict(inputs),
        "as_of": f"{ds.as_of:%Y-%m-%d}",
        "named_by": named_by,
        "language": spoken(),
        "parameters": plan.given,
        "version": importlib.metadata.version("clvlib"),
        "package": handover.hash_files(package),
        "notebook": [(cell.cell_type, cell.source) for cell in plan.notebook.cells],
    }
    if any(READS in cell.source for cell in plan.notebook.cells):
        earlier = (file for file in folder.parent.glob(f"*/{parts.STORED}/*.parquet") if file.parts[-3] < folder.name)
        depends["earlier"] = {f"{file.parts[-3]}/{file.name}": parts.digest(file) for file in sorted(earlier)}
    return hashlib.sha256(json.dumps(depends, sort_keys=True, default=str).encode()).hexdigest()


def _execute_all(plans: list[Task], folder: Path, limit: int, ds: Dataset | None) -> list[Made]:
    """Execute the notebooks side by side as far as there are cores, each said when it is done; in their order.

    ds: what they load, unless they are to read it themselves.
    """
    done = {plan.file.stem: _already_done(plan, folder) for plan in plans}
    with (
        parts.making(folder, "kept") as kept,
        tqdm(total=len(plans), unit="notebook", disable=None, leave=False) as bar,
        several_at_once(min(_AT_ONCE, os.cpu_count() or 1), sum(made is None for made in done.values())) as pool,
    ):
        if ds and not all(done.values()):
            keep_loaded(ds, plans[0].given["dataset"], kept)
        begun = {
            plan.file.stem: pool.submit(execute_apart, plan, folder, limit, kept)
            for plan in sorted(plans, key=lambda plan: (*FIRST, plan.file.stem).index(plan.file.stem))
            if not done[plan.file.stem]
        }
        waited = {future: stem for stem, future in begun.items()}
        for made in (made for made in done.values() if made is not None):
            bar.write(str(made[0]))
            bar.update()
        for future in as_completed(waited):
            done[waited[future]] = made = future.result()
            bar.write(str(made[0]))
            bar.update()
    return [made for made in done.values() if made is not None]


def _already_done(plan: Task, folder: Path) -> Made | None:
    part = parts.find_part(folder, plan.file.stem, plan.key)
    if part is None:
        return None
    skipped = chapters.left_out(nbformat.read(part.notebook, as_version=4))
    return Outcome(plan.file.stem, "done", seconds=part.seconds, before=True, skipped=skipped), part


def _without_list(plans: list[Task], made: list[Made]) -> list[Outcome]:
    """The notebooks that were to deliver a list of customers and delivered none."""
    meant = {plan.file.stem for plan in plans if any(DELIVERS in cell.source for cell in plan.notebook.cells)}
    return [o for o, part in made if part is not None and o.notebook in meant and not part.lists]


def _say_the_end(outcomes: list[Outcome], files: list[Path], folder: Path, without_list: list[Outcome]) -> None:
    failed = [outcome for outcome in outcomes if outcome.status == "failed"]
    typer.echo("")
    for file in files:
        typer.echo(f"{file}")
    executed = sum(outcome.status == "done" for outcome in outcomes)
    typer.echo(phrase("{folder}  ({n} executed)", folder=f"{folder / 'notebooks'}{os.sep}", n=executed))
    if folder / "customers.csv" in files and folder / "customers.xlsx" not in files:
        said = phrase("No customers.xlsx: there are more than {n:,} customers.", n=handover.MOST_IN_WORKBOOK)
        typer.echo(said)
    for outcome in without_list:
        parts_out = [part for part in outcome.skipped if not part.builds_on]
        why = dict.fromkeys(phrase("{section}: {why}", section=part.section, why=part.reason) for part in parts_out)
        reasons = "\n  ".join(why) or translated("The notebook says why.")
        made_none = phrase("{notebook} made no list of customers:", notebook=outcome.notebook)
        typer.echo(printable(f"{made_none}\n  {reasons}"))
    for outcome in failed:
        typer.secho(f"\n{outcome}", fg="red", err=True)
        opened = folder / "notebooks" / Path(outcome.where).name
        log = folder / "log.txt"
        typer.echo(phrase("Open {notebook} to see it; the messages are in {log}.", notebook=opened, log=log), err=True)
    if failed:
        said = translated("The others are done. Mend it and run the same command again: it goes on from here.")
        typer.echo(said, err=True)
