"""A group of customers: a list beside a card of its own, and a client's tables narrowed to those who are on it."""

import csv
import re
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from clvlib.errors import DataError, Problem, UsageError
from clvlib.files import write_text
from clvlib.ingest import rules, sources
from clvlib.ingest.card import FORGOTTEN, as_toml, find_card, read_card
from clvlib.ingest.people import Pseudonyms
from clvlib.ingest.raw import rows
from clvlib.language import phrase, translated

if TYPE_CHECKING:
    from clvlib.ingest.reading import Ingested

ENTRY = "group"  # of a card: the list's path, relative to the card
_ID = "customer_id"
_NO_NAMES = {"con", "prn", "aux", "nul", *(f"{port}{n}" for port in ("com", "lpt") for n in range(10))}  # of Windows
_LIST = "clv_group"  # in DuckDB
_OF_EVERYBODY = ("truth", "marketing_costs")  # sections that a group's card goes without


def narrow(read: "Ingested", listed: Any, folder: Path, hidden: Pseudonyms | None = None) -> None:
    """Take everybody who isn't on the list out of every table, and say so; tables that don't name customers go.

    listed: the path of a CSV with a column customer_id, relative to `folder`: ids, or their pseudonyms of `hidden`.
    Raises DataError for a list that can't be read, or of which nobody is in the data.
    """
    file = sources.locate(str(listed), folder)
    members = _members(file)
    ids = hidden.behind(members) if hidden else {}
    members = list(dict.fromkeys(ids.get(member, member) for member in members))
    read.files.append(file)
    connection = next(iter(read.tables.values())).get_backend().con
    connection.register(_LIST, pd.DataFrame({_ID: members}, dtype="string"))
    inside, why = f"{_ID} IN (SELECT {_ID} FROM {_LIST})", phrase("not in the group {name}", name=file.stem)
    named = [name for name, table in read.tables.items() if _ID in table.columns]
    there = " UNION ".join(f"SELECT {_ID} FROM {name} WHERE {inside}" for name in named)
    met = rows(connection, f"SELECT count(DISTINCT {_ID}) FROM ({there})")[0][0] if there else 0
    if not met:
        what = phrase(
            "of the {n:,} customers of the group {file}, none is in the data.", n=len(members), file=file.name
        )
        raise DataError(what, "Give the list that was saved from these data.")
    ledger: list[dict[str, Any]] = [dict(line) for line in read.ledger.to_dict("records")]  # type: ignore[arg-type]
    for name in list(read.tables):
        if name not in named:
            del read.tables[name]
            ledger = [line for line in ledger if line["table"] != name]
            what = translated("it doesn't name customers, so that nothing of it is the group's")
            read.problems.append(Problem("note", name, what, 1, (), "It is not used."))
            continue
        outside = f"NOT coalesce({inside}, false)"
        if name in rules.PAID:
            read.outside += rows(connection, f"SELECT count(DISTINCT {_ID}) FROM {name} WHERE {outside}")[0][0]
        rules.leave_out(connection, ledger, name, outside, why, "outside")
    connection.unregister(_LIST)
    read.ledger = pd.DataFrame(ledger, columns=list(read.ledger))
    what = phrase(
        "{met:,} of the {n:,} customers on {file} are in the data; all others are set aside",
        met=met,
        n=len(members),
        file=file.name,
    )
    mend = translated(
        "Forecasts, segments and tests are made of these alone. Where they were chosen by what they did, as the best "
        "or the silent, they come out too high or too low: go by what a run of all customers says of each."
    )
    read.problems.append(Problem("warning", ENTRY, what, met, (), mend))


def _members(file: Path) -> list[str]:
    try:
        with file.open(encoding="utf-8-sig", newline="") as stream:
            found = [line[_ID] for line in csv.DictReader(stream)]
    except (OSError, UnicodeDecodeError, csv.Error, KeyError) as error:
        why = translated("it has no column customer_id") if isinstance(error, KeyError) else f"{error}"
        what = phrase("The group {file} can't be read: {why}.", file=file.name, why=why)
        raise DataError(what, "Save it again, or mend its path.") from None
    return sorted({str(name).strip() for name in found if name and name.strip()})


def save_group(
    source: str | Path,
    customers: Iterable[str],
    name: str,
    folder: Path,
    *,
    as_of: pd.Timestamp,
    economics: Mapping[str, float],
) -> Path:
    """Write the list `name`.csv and the card `name`.toml into `folder`; return the card, on which all else can be run.

    source: the card (or the bundled name) from which the customers were chosen. as_of, economics: what the whole
    dataset tells and the group alone can't, unless the card states it. A group of that name is replaced; any other file
    never is. Raises UsageError for a name that can't be a file's everywhere, one that is taken, and a group of nobody.
    """
    if not re.fullmatch(r"\w[\w-]{0,59}", str(name)) or name.casefold() in _NO_NAMES:
        what = phrase("A group can't be called {name!r}.", name=name)
        raise UsageError(what, "Use letters, digits, - and _, as in loyal_2026.")
    members = sorted({str(each) for each in customers if not pd.isna(each)} if not isinstance(customers, str) else ())
    if not members:
        what = phrase("The group {name!r} would hold nobody.", name=name)
        raise UsageError(what, "Choose customers first: a list of their ids.")
    path = find_card(source)
    _require_free(folder, name, path)
    card = {
        entry: value for entry, value in elsewhere(read_card(path), path.parent).items() if entry not in _OF_EVERYBODY
    }
    economics = {**economics, **card.get("economics", {})}
    card |= {"name": f"{card.get('name', path.stem)} · {name}", "as_of": f"{as_of:%Y-%m-%d}", ENTRY: f"{name}.csv"}
    card |= {"economics": economics} if economics else {}
    folder.mkdir(parents=True, exist_ok=True)
    written = pd.DataFrame({_ID: members}).to_csv(index=False, lineterminator="\n")
    write_text(folder / f"{name}.csv", written)
    write_text(folder / f"{name}.toml", as_toml(card))
    return folder / f"{name}.toml"


def _require_free(folder: Path, name: str, source: Path) -> None:
    """Raise UsageError where a file that isn't this group's own, or is being read, would be written over."""
    card, members = folder / f"{name}.toml", folder / f"{name}.csv"
    own = card.is_file() and members.is_file() and card.resolve() != source.resolve()
    with suppress(DataError):
        own = own and read_card(card).get(ENTRY) == members.name
    if not own and (card.exists() or members.exists()):
        what = phrase("{name}.csv or {name}.toml is in {folder} and isn't this group's.", name=name, folder=folder)
        raise UsageError(what, "Give another name.")


def elsewhere(card: dict[str, Any], folder: Path) -> dict[str, Any]:
    """The card with paths that mean the same wherever it lies; `folder` is where it lies now."""

    def moved(section: Any) -> Any:
        if not isinstance(section, dict) or "path" not in section:
            return section
        named = section["path"]
        paths = _whole(named, folder) if isinstance(named, str) else [_whole(one, folder) for one in named]
        return section | {"path": paths}

    whole = {entry: moved(section) for entry, section in card.items()}
    return whole | {entry: _whole(card[entry], folder) for entry in (ENTRY, FORGOTTEN) if entry in card}


def _whole(path: str, folder: Path) -> str:
    """A path that means the same wherever the card lies; data of a package keep their name."""
    found = sources.locate(path, folder)
    return str(found.resolve()) if found.exists() and not path.startswith("lifetimes:") else path
