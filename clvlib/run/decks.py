"""A dataset → the slides of its notebooks, one file each, and a page that leads to them (`clv slides`).

Without a card they are of the notebooks as they are committed; with one, of what the last run of that dataset made, or
of a run that is made now.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import nbformat
import typer
from nbformat import NotebookNode

from clvlib.course.outline import AT_HOME, PLANS, Outline, outline_of
from clvlib.course.slides import slides_of, with_outputs, write_contents, write_deck
from clvlib.dataset import Dataset, load
from clvlib.errors import UsageError
from clvlib.files import write_text
from clvlib.ingest import in_place
from clvlib.ingest.card import find_card, read_card
from clvlib.language import ENGLISH, phrase, spoken, translated
from clvlib.run import runner
from clvlib.run.handover import hash_files
from clvlib.run.places import folder_of
from clvlib.run.refresh import NOTEBOOKS
from clvlib.run.translation import in_language

COMMITTED = "demo"  # whose outputs the committed notebooks hold


def make_slides(card: str | None, as_of: str | None, plan: str | None, out: Path, notebooks: Path = NOTEBOOKS) -> Path:
    """Write the slides into the folder of the dataset's day; return the page that leads to them.

    plan: only what a class of that length has. Raises UsageError for a plan that there isn't.
    """
    wanted = (plan or AT_HOME).replace("-", " ")
    if wanted not in (*PLANS, AT_HOME):
        raise UsageError(
            phrase("There is no plan {plan!r}.", plan=plan), phrase("Choose from: {these}.", these=", ".join(PLANS))
        )
    in_place.require_here(read_card(find_card(card or COMMITTED)))
    ds = load(card or COMMITTED, as_of=as_of)
    folder = folder_of(out, ds.name, ds.files[0], of=ds.files[1]) / f"{ds.as_of:%Y-%m-%d}"
    files = sorted(notebooks.glob("[0-9][0-9]*.ipynb"))
    committed = {file.stem: in_language(nbformat.read(file, as_version=4), file.stem) for file in files}
    if card is None and as_of is None and spoken() == ENGLISH:
        shown = committed
    else:
        shown = _of_run(ds, committed, folder) or _of_new_run(ds, committed, folder, card or COMMITTED, as_of, out)
        _say_what_is_missing(shown, folder)
    return _write(ds, {stem: outline_of(stem, notebook) for stem, notebook in shown.items()}, wanted, folder / "slides")


def _of_run(ds: Dataset, committed: dict[str, NotebookNode], folder: Path) -> dict[str, NotebookNode]:
    """The notebooks of a run that is there, if it is of these and of the data as they are now; else none."""
    inputs = {entry["file"]: entry["sha256"] for entry in _manifest(folder).get("inputs", [])}
    if inputs != hash_files(ds.files):
        return {}
    files = {stem: folder / "notebooks" / f"{stem}.ipynb" for stem in committed}
    there = {stem: nbformat.read(file, as_version=4) for stem, file in files.items() if file.exists()}
    found = {stem: with_outputs(committed[stem], notebook) for stem, notebook in there.items()}
    return {stem: notebook for stem, notebook in found.items() if notebook is not None and None not in found.values()}


def _of_new_run(
    ds: Dataset, committed: dict[str, NotebookNode], folder: Path, card: str, as_of: str | None, out: Path
) -> dict[str, NotebookNode]:
    typer.echo(translated("There is no run of that day with these notebooks and these data yet: it is made now."))
    runner.run(card, as_of=as_of, out=out)
    return _of_run(ds, committed, folder)


def _say_what_is_missing(shown: Mapping[str, NotebookNode], folder: Path) -> None:
    """Name the notebooks that the run failed on or was not asked for."""
    outcomes = {str(entry["notebook"]): entry["outcome"] for entry in _manifest(folder).get("notebooks", [])}
    missing = [stem for stem in outcomes if stem not in shown and outcomes[stem] in ("failed", "not asked for")]
    if missing:
        said = phrase(
            "The run has no {these}, so these have no slides: clv run without --only makes them.",
            these=", ".join(missing),
        )
        typer.echo(said)


def _manifest(folder: Path) -> dict[str, Any]:
    """What a run says of itself; nothing where there is none, or only half of one."""
    try:
        return dict(json.loads((folder / "manifest.json").read_text("utf-8")))
    except (OSError, ValueError):
        return {}


def _write(ds: Dataset, outlines: dict[str, Outline], plan: str, folder: Path) -> Path:
    chosen = [outline for outline in outlines.values() if plan == AT_HOME or outline.minutes_in(plan)]
    if not chosen:
        raise UsageError(
            phrase("No notebook that was executed belongs to the plan {plan!r}.", plan=plan), "Leave --plan away."
        )
    folder.mkdir(parents=True, exist_ok=True)
    for earlier in folder.glob("[0-9]*.html"):
        earlier.unlink()
    for outline, following in zip(chosen, [*chosen[1:], None], strict=True):
        deck = write_deck(outline, ds, slides_of(outline, ds, plan), following)
        write_text(folder / f"{outline.stem}.html", deck)
    write_text(folder / "index.html", write_contents(chosen, ds))
    return folder / "index.html"
