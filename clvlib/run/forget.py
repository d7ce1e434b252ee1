"""A person who asks to be forgotten → taken out of what was made of a card's data, and the proof that nothing is left.

Lists lose the person's rows, notebooks the outputs that name them. What else names them is removed, not mended: nothing
is taken out of a page or a picture for sure. A list beside the card has every later run leave them out
(`ingest.forgotten`). The client's own files are never written to.
"""

import csv
import gzip
import html
import io
import json
import re
import shutil
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nbformat
import pyarrow as pa
import pyarrow.parquet as pq
import typer

from clvlib.errors import DataError, UsageError, printable
from clvlib.files import replacing, write_text
from clvlib.ingest import forgotten, groups, in_place, options, people, reading, rules
from clvlib.ingest.card import DATA, FORGOTTEN, as_toml, find_card, forgotten_beside, read_card
from clvlib.ingest.raw import literal, rows
from clvlib.ingest.tables import LOOKUPS, TABLES
from clvlib.language import phrase, said_together, translated
from clvlib.run.imports import LISTS
from clvlib.run.parts import PARTS_FOLDER
from clvlib.run.places import folders_of_data
from clvlib.run.runner import LOCK, locked

_INSTEAD = "forgotten"  # in a notebook's code, where the person was named
_CONTROLS = "widgets"  # in a notebook's metadata: what its controls hold, all that can be browsed included
_BARE = re.compile(r"[\d.,-]+")  # an id that in a text can't be told from a figure
_PAGES = (".html", ".xlsx")  # in which, as in outputs of notebooks, a bare number may be a customer
_CODES = ("utf-8", "latin-1", "utf-16-le", "utf-16-be", "utf-32-le")  # of what isn't text, or no UTF-8
_BROKEN = (zipfile.BadZipFile, zlib.error, pa.ArrowInvalid, EOFError, OSError, RuntimeError)  # a password, too
_PICTURES = (".png", ".jpg", ".jpeg", ".gif", ".webp", ".pdf")


@dataclass(frozen=True)
class Named:
    """How files name a person: `ids` are what a cell of a list says, under one of the `headers`; `sure` finds them in a
    text, `perhaps` in a page, where a bare number may be they; what isn't text holds one of the `ways` somewhere."""

    ids: frozenset[str]
    headers: frozenset[str]
    ways: frozenset[str]
    sure: re.Pattern[str]
    perhaps: re.Pattern[str]

    def in_row(self, row: Sequence[object], columns: Iterable[int]) -> bool:
        """Whether a row of a table is theirs, or tells of them. columns: where ids stand."""
        if any(str(row[at]).removeprefix("'") in self.ids for at in columns if at < len(row)):
            return True
        return any(isinstance(cell, str) and self.sure.search(cell) for cell in row)


def forget(customer: str, card: Path, places: Sequence[Path]) -> None:
    """Forget a customer of a card, by the client's id or the pseudonym, and say what was done.

    places: the folders of runs and of working copies. UsageError for somebody whom neither the data nor what was made
    of them name; DataError where the search after it finds them still.
    """
    path, customer = find_card(card), customer.strip()
    content = read_card(path)
    if path.resolve().parent == DATA.resolve():
        raise UsageError(
            phrase("The dataset {name} comes with the project.", name=path.stem), "Nobody who can be found is in it."
        )
    in_place.require_here(content)
    if groups.ENTRY in content:
        raise UsageError(
            phrase("{card} is the card of a group.", card=path), "Give the card that the group was saved from."
        )
    secret, client = people.key(), _read_client(content, path)
    known = people.pseudonyms(secret, [*client.tables.values()])
    who = customer if known.of([customer]) else known.behind([customer]).get(customer)
    given = customer if people.PSEUDONYM.fullmatch(customer) else people.pseudonym(secret, customer)
    pseudonym = people.pseudonym(secret, who) if who else given
    headers = {*people.IDENTIFIED_BY, *content.get(LISTS, {}).values()}
    named = _named(who or customer, pseudonym, headers, people.secret_of(content) is not None)
    folders = _folders(path, client.files[0], places)
    if not who and not any(_names(file, named) for file in _files(folders)):
        what = phrase(
            "Nobody of that name is in the data of {card}, nor in {folders:{folders}|any run of it}.",
            card=path,
            folders=_listed(folders),
        )
        near = next(iter(known.alike(customer)), "")
        mend = phrase("{near:Is it {near}?|Give the id as the data have it, or the pseudonym.}", near=near)
        raise UsageError(what, mend)
    beside = path.parent / str(content.get(FORGOTTEN, forgotten_beside(path).name))
    with ExitStack() as stack:
        runs = [lock.parent for folder in folders for lock in sorted(folder.rglob(LOCK))]
        for run in runs:
            stack.enter_context(locked(run))
        forgotten.add_to_forgotten(beside, secret, pseudonym)
        said = phrase("{file}: has a keyed hash of this person, whom every run of the card leaves out", file=beside)
        typer.echo(printable(said))
        for group in _groups(folders):
            write_text(group, as_toml(read_card(group) | {FORGOTTEN: str(beside.resolve())}))
        for cache in [run / PARTS_FOLDER for run in runs if (run / PARTS_FOLDER).exists()]:
            shutil.rmtree(cache)
            said = phrase("{folder}: removed (what the next run would have taken over)", folder=cache)
            typer.echo(printable(said))
        for extract in [extract for run in runs for extract in sorted(run.glob("*.hyper"))]:
            extract.unlink()
            typer.echo(printable(phrase("{file}: removed (no search sees what is in it)", file=extract)))
        for file in [file for file in _files(folders) if _names(file, named)]:
            typer.echo(printable(phrase("{file}: {done}", file=file, done=_take_out(file, named))))
        for run in runs:
            _tell_manifest(run / "manifest.json")
    _prove(folders, named)
    if runs:
        said = phrase("Figures made before still count them; run again: {runs}.", runs=_listed(runs))
        typer.echo(printable(said))
    if held := _held(client, who):
        said = phrase("The client's own files hold them: {held}. Have them taken out there.", held=held)
        typer.echo(printable(said))
    typer.echo(translated("Copies elsewhere (a CRM, mails, backups) are yours to find."))


def _read_client(content: dict[str, Any], path: Path) -> reading.Ingested:
    """All tables of the client's files, with nothing cut or left out."""
    card = options.of_the_card(content)
    sections = {table: card[table] for table in (*LOOKUPS, *TABLES) if table in card}
    read = reading.read_tables(sections, path.parent, card.get("timezone"), card.get("currency"))
    if any(problem.grade == "error" for problem in read.problems):
        raise UsageError(
            phrase("The data of {card} can't be read, so that nobody is found for sure.", card=path),
            phrase(
                "See `clv check {card}`. Where the files are gone, delete the runs and copies of this card.", card=path
            ),
        )
    return read


def _held(client: reading.Ingested, who: str | None) -> str:
    """What the client's files hold of a customer, table by table, in rows and in money."""
    told = []
    for name, table in client.tables.items():
        if who is not None and "customer_id" in table.columns:
            paid = "coalesce(sum(amount), 0)" if name in rules.PAID else "NULL"
            sql = f"SELECT count(*), {paid} FROM {name} WHERE customer_id = {literal(who)}"
            count, money = rows(table.get_backend().con, sql)[0]
            holds = {"n": count, "table": name, "paid": money is not None, "money": money or 0}
            told += [phrase("{n:,} row(s) of {table}{paid:, {money:,.2f}|}", **holds)] if count else []
    return said_together(told)


def _named(customer: str, pseudonym: str, headers: Iterable[str], hidden: bool) -> Named:
    """How somebody is named. hidden: whether pseudonyms stand in what is made of the data, and no number is an id."""
    bare = bool(_BARE.fullmatch(customer))
    ways = {pseudonym, *([] if bare else _written(customer))}
    sure = _finding(ways)
    perhaps = _finding(ways | {customer}) if bare and not hidden else sure
    return Named(frozenset({customer, pseudonym}), frozenset(headers), frozenset(ways), sure, perhaps)


def _written(customer: str) -> set[str]:
    """An id as texts, HTML and JSON write it."""
    plain = (customer, html.escape(customer))
    return {*plain, *(json.dumps(one, ensure_ascii=ascii)[1:-1] for one in plain for ascii in (True, False))}


def _finding(ways: Iterable[str]) -> re.Pattern[str]:
    """What finds one of these as a whole, also behind a line break as JSON writes it."""
    whole = "|".join(map(re.escape, sorted(ways, key=len, reverse=True)))
    return re.compile(rf"(?:(?<![\w.+@-])|(?<=\\[nrt]))(?:{whole})(?![\w@-]|\.\w)")


def _folders(path: Path, first: Path, places: Sequence[Path]) -> list[Path]:
    """The folders of runs and working copies of a card, known by it or its `first` file, and of groups saved there."""
    made_of, found = {path, first}, set[Path]()
    while more := {folder for place in places for folder in folders_of_data(place, made_of)} - found:
        found |= more
        made_of |= set(_groups(more))
    return sorted(found)


def _groups(folders: Iterable[Path]) -> list[Path]:
    """The cards of groups in these folders."""
    found = []
    for card in (card for folder in folders for card in sorted(folder.rglob("*.toml"))):
        with suppress(DataError):
            found += [card] if groups.ENTRY in read_card(card) else []
    return found


def _files(folders: Iterable[Path]) -> Iterator[Path]:
    files = {file for folder in folders for file in folder.rglob("*") if file.is_file() and not file.is_symlink()}
    yield from sorted(files)


def _names(file: Path, named: Named) -> bool | None:
    """Whether a file names the person, its packed parts and the cells of its tables included; None where it can't be
    opened, and doesn't name them as it lies."""
    try:
        return None if file.suffix.lower() in _PICTURES else _search(file, named)
    except _BROKEN:
        return _in_bytes(file.read_bytes(), named.ways) or None


def _search(file: Path, named: Named) -> bool:
    if file.suffix == ".parquet":
        table = pq.ParquetFile(file).read()
        hidden = _kinds_naming(table, named) or named.sure.search(str(table.schema.metadata))
        return bool(hidden) or any(_theirs(table, named))
    content = file.read_bytes()
    if file.suffix == ".csv" and b"\0" not in content:
        with suppress(csv.Error):
            return _without_rows(content, named)[1] > 0
    if file.suffix == ".ipynb" and (notebook := _notebook(file)):
        outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
        outputs.append(notebook.metadata.get(_CONTROLS, {}))
        if any(named.perhaps.search(json.dumps(output)) for output in outputs):
            return True
    return _in_content(content, named.perhaps if file.suffix in _PAGES else named.sure, named.ways)


def _in_content(content: bytes, pattern: re.Pattern[str], ways: Iterable[str]) -> bool:
    if content.startswith(b"PK") and zipfile.is_zipfile(io.BytesIO(content)):
        with zipfile.ZipFile(io.BytesIO(content)) as packed:
            return any(_in_content(packed.read(part), pattern, ways) for part in packed.namelist())
    if content.startswith(b"\x1f\x8b"):
        return _in_content(gzip.decompress(content), pattern, ways)
    if b"\0" not in content:
        with suppress(UnicodeDecodeError):
            return bool(pattern.search(content.decode("utf-8-sig")))
    return _in_bytes(content, ways)


def _in_bytes(content: bytes, ways: Iterable[str]) -> bool:
    return any(way.encode(code, "backslashreplace") in content for way in ways for code in _CODES)


def _take_out(file: Path, named: Named) -> str:
    """Take the person out of a file that names them, or the file away; what was done."""
    said = ""
    if file.suffix == ".csv":
        with suppress(csv.Error):
            text, gone = _without_rows(file.read_bytes(), named)
            with replacing(file) as partial:
                partial.write_bytes(text)
            said = phrase("{n:,} row(s) taken out", n=gone)
    elif file.suffix == ".parquet":
        table = pq.ParquetFile(file).read()
        theirs = _theirs(table, named)
        table = table.filter(pa.array([not gone for gone in theirs]))
        for at in _kinds_naming(table, named):
            table = table.set_column(at, table.column_names[at], table[at].cast(table.schema.types[at].value_type))
        with replacing(file) as partial:
            pq.write_table(table, partial)
        said = phrase("{n:,} row(s) taken out", n=sum(theirs))
    elif file.suffix == ".ipynb" and (notebook := _notebook(file)):
        gone = mentions = 0
        for cell in notebook.cells:
            cell.source, found = named.sure.subn(_INSTEAD, cell.source)
            mentions += found
            outputs = cell.get("outputs", [])
            kept = [output for output in outputs if not named.perhaps.search(json.dumps(output))]
            gone += len(outputs) - len(kept)
            if cell.cell_type == "code":
                cell.outputs = kept
        held = named.perhaps.search(json.dumps(notebook.metadata.get(_CONTROLS, {})))
        if held:
            del notebook.metadata[_CONTROLS]
        said = phrase(
            "{outputs:,} output(s) and {mentions:,} mention(s) taken out"
            "{held:, and what its controls and tables to browse held|}",
            outputs=gone,
            mentions=mentions,
            held=held,
        )
        write_text(file, nbformat.writes(notebook, indent=1) + "\n")
    if said and not _names(file, named):
        return said
    file.unlink()
    return translated("removed")


def _without_rows(content: bytes, named: Named) -> tuple[bytes, int]:
    """A CSV without the rows of the person, every other byte as it was, and how many these were."""
    try:
        text, code = content.decode("utf-8"), "utf-8"
    except UnicodeDecodeError:
        text, code = content.decode("latin-1"), "latin-1"
    lines = list(io.StringIO(text, newline=""))
    reader, kept, before, gone, columns = csv.reader(lines), list[str](), 0, 0, list[int]()
    for row in reader:
        if not before:
            columns = [at for at, name in enumerate(row) if name.strip("\ufeff ") in named.headers]
        theirs = named.in_row(row, columns)
        gone += theirs
        kept += [] if theirs else lines[before : reader.line_num]
        before = reader.line_num
    return "".join(kept).encode(code), gone


def _theirs(table: pa.Table, named: Named) -> list[bool]:
    """Which rows of a table are the person's."""
    names = [name for name, kind in zip(table.column_names, table.schema.types, strict=True) if _holds_text(kind)]
    columns = [at for at, name in enumerate(names) if name in named.headers]
    cells = [table[name].to_pylist() for name in names]
    return [named.in_row(row, columns) for row in zip(*cells, strict=True)] if names else [False] * len(table)


def _kinds_naming(table: pa.Table, named: Named) -> list[int]:
    """Which columns keep a list of their different words in which the person is, used or not."""
    words = {at: [chunk.dictionary.to_pylist() for chunk in table[at].chunks] for at in range(table.num_columns)
             if pa.types.is_dictionary(table.schema.types[at])}  # fmt: skip
    return [at for at, lists in words.items() if any(named.in_row([word], [0]) for one in lists for word in one)]


def _holds_text(kind: pa.DataType) -> bool:
    kind = kind.value_type if pa.types.is_dictionary(kind) else kind
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))


def _notebook(file: Path) -> nbformat.NotebookNode | None:
    with suppress(ValueError, KeyError, AttributeError):
        return nbformat.read(file, as_version=4)
    return None


def _tell_manifest(manifest: Path) -> None:
    """Name in the manifest of a run only those of its files that are still there."""
    with suppress(FileNotFoundError):
        told = json.loads(manifest.read_text("utf-8"))
        told["files"] = [name for name in told.get("files", []) if (manifest.parent / name).exists()]
        write_text(manifest, json.dumps(told, indent=2, ensure_ascii=False) + "\n")


def _prove(folders: list[Path], named: Named) -> None:
    """Search every file again. DataError where the person is found."""
    files = {file: _names(file, named) for file in _files(folders)}
    still = [file for file, names in files.items() if names]
    if still:
        what = phrase("{n} file(s) still name this person: {files}.", n=len(still), files=_listed(still))
        raise DataError(what, "Delete them.")
    said = phrase(
        "Searched {n:,} file(s) in {folders:{folders}|no folder}: none names them.",
        n=len(files),
        folders=_listed(folders),
    )
    typer.echo(printable(said))
    closed = [file for file, names in files.items() if names is None]
    if closed:
        said = phrase(
            "No search sees what is in {n} of them, look yourself: {files}.", n=len(closed), files=_listed(closed)
        )
        typer.echo(printable(said))


def _listed(paths: Iterable[Path]) -> str:
    return ", ".join(map(str, paths))
