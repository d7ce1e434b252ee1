"""Which folder is a dataset's own, and by which card its notebooks load it."""

import hashlib
import os
import re
from collections.abc import Iterable
from pathlib import Path

from clvlib.errors import UsageError
from clvlib.files import write_text
from clvlib.ingest import databases
from clvlib.ingest.card import DATA, as_toml, find_card, read_card
from clvlib.ingest.groups import elsewhere
from clvlib.language import phrase

_MARK = ".source"  # in a folder: whose it is


def folder_of(out: Path, name: str, card: Path, of: Path) -> Path:
    """The folder in `out` of the dataset of that name and card, made if need be.

    Another dataset of the same name has another one: `.source` says whose it is, by the file `of`. Bundled datasets are
    known by their names.
    """
    bundled = card.resolve().parent == DATA.resolve()
    mine = hashlib.sha256(name.encode()).hexdigest() if bundled else _mark_of(of)
    for folder in (out / slug(name), out / f"{slug(name)}-{mine[:6]}"):
        mark = folder / _MARK
        if not mark.exists():
            folder.mkdir(parents=True, exist_ok=True)
            write_text(mark, mine + "\n")
        if mark.read_text("utf-8", errors="replace").strip() == mine:
            return folder
    raise UsageError(
        phrase("{folder} holds the runs of another dataset.", folder=folder), "Give another folder with --out."
    )


def folders_of_data(out: Path, files: Iterable[Path]) -> set[Path]:
    """The folders anywhere in `out` that `folder_of` made for datasets known by one of these files."""
    marks = {_mark_of(file) for file in files}
    return {mark.parent for mark in out.rglob(_MARK) if mark.read_text("utf-8", errors="replace").strip() in marks}


def _mark_of(file: Path) -> str:
    """What says whose a folder is; a table that was fetched is known by its name."""
    return hashlib.sha256(os.fsencode(file.name if databases.is_fetched(file) else file.resolve())).hexdigest()


def slug(name: str) -> str:
    """Turn a dataset's name into the name of a folder."""
    return re.sub(r"[^\w-]+", "-", name.casefold()).strip("-_") or "dataset"


def card_for(card_or_name: str, as_of: str | None, folder: Path) -> str:
    """Give the dataset by which the notebooks load it: a card of its own when another as-of date was asked for."""
    path = find_card(card_or_name)
    if as_of is None:
        return card_or_name if not Path(card_or_name).is_file() else str(path.resolve())
    card = elsewhere(read_card(path), path.parent) | {"as_of": as_of}
    card.pop("truth", None)  # it is that of the card's own date
    target = folder / "card.toml"
    write_text(target, as_toml(card | {"name": card.get("name", path.stem)}))
    return str(target.resolve())
