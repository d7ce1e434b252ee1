"""A client's file, or several → a DuckDB table of text, exactly as written, or a DataError that says why not.

Text with delimiters, Parquet, Excel, a table of a DuckDB or SQLite file, zips of such files, a table of a database
(`databases`); what a file is, its first bytes say, not its name. Nothing is interpreted here: ids keep their zeros,
dates and amounts stay text until `ingest` casts them.
"""

import errno
import importlib.util
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import duckdb

from clvlib.errors import DataError, Grade
from clvlib.ingest import archives, databases, delimited
from clvlib.ingest.card import inline
from clvlib.ingest.excel import SEVERAL, cell, only_numbers
from clvlib.ingest.raw import ROW, Raw, as_text, first_line, literal, plainly_named, quoted, refuse_names, rows
from clvlib.language import ASKED, phrase, said_together, spoken

EXCEL = {".xlsx", ".xlsm", ".xlsb", ".xls", ".ods"}
DATABASES = {".duckdb", ".db", ".sqlite", ".sqlite3"}
TEXTS = {".csv", ".tsv", ".txt", ".gz", ".tab", ".psv"}
TABULAR = {".parquet", *EXCEL, *DATABASES, *TEXTS}
EXCEL_MEMORY = 4 * 1024**3
EXCEL_SECONDS = 300
VIEW_SECONDS = 30  # a view may never end; a table does
_BATCH = 50_000
_PACKAGES = {"lifetimes"}  # whose data a card may name as `package:file`
FILE = "file"  # the column that says which of several files a row is of


class SeveralTables(DataError):
    """A file of several tables, none of which was named: `option` ("sheet", "table" or "glob") names one of `names`."""

    def __init__(self, what: str, mend: str, option: str, names: list[str]) -> None:
        super().__init__(what, mend)
        self.option, self.names = option, names


def locate(path: str, folder: Path) -> Path:
    """The file or folder that a card names: relative to the card, absolute, in the home (~/…), or `package:file` for
    data that a package brings. The name is taken as it is, never as a pattern."""
    found = Path(path).expanduser() if path.startswith(("~/", "~\\")) else Path(path)
    found = found if found.is_absolute() else folder / found
    package, _, name = path.partition(":")
    if package in _PACKAGES and not found.exists():
        inside = importlib.util.find_spec(package)  # without loading it: lifetimes takes a second
        if inside is not None and inside.origin is not None:
            return Path(inside.origin).parent / "datasets" / name
    if "://" in path and not found.exists():
        raise DataError(
            "The path is an address, not a file.",
            'A table of a database is named by url = "…" and table = "…"; download anything else.',
        )
    return found


@contextmanager
def _allowed(name: str) -> Iterator[None]:
    """Say what the system says of a file that can't be read: no right to, gone meanwhile, a name too long."""
    try:
        yield
    except OSError as error:
        if error.errno == errno.ENOSPC:  # of what is written meanwhile
            raise
        shown = name if len(name) <= 80 else f"{name[:80]}…"
        what = phrase("{file} can't be read: {error}.", file=shown, error=error.strerror)
        raise DataError(what, "Check the path, and who may read it.") from None


def files_of(path: str | list[str], pattern: str | None, folder: Path) -> list[Path]:
    """The files that a card names: one, a list of them, or those of a folder (all of its tables, or those whose names
    fit `pattern`), in the order of their names. Raises DataError when there is none. A zip is one file."""
    with _allowed(str(path)):
        if isinstance(path, list):
            return [locate(one, folder) for one in path]
        found = locate(path, folder)
        if not found.is_dir():
            if pattern and not archives.is_archive(found):
                what = phrase(
                    "glob = {pattern!r} goes with a folder or a zip, and {path} is none.", pattern=pattern, path=path
                )
                raise DataError(what, "Give the folder as path.")
            return [found]
        inside = sorted(file for file in found.iterdir() if file.is_file() and not file.name.startswith((".", "~$")))
        fits = [f for f in inside if (f.match(pattern) if pattern else f.suffix.lower() in TABULAR)]
        if not fits:
            what = phrase(
                "{pattern:The folder {folder} has no file like {pattern}|No file of {folder} is known}. "
                "It holds: {names:{names}|nothing}.",
                pattern=pattern,
                folder=found.name,
                names=", ".join(file.name for file in inside[:5]),
            )
            raise DataError(what, 'Name the files: path = ["a.csv", "b.csv"], or glob = "*.csv".')
        return fits


def files_of_section(options: dict[str, Any], folder: Path) -> list[Path]:
    """The files that a card's section names, or the one into which its table of a database is read."""
    if "url" in options:
        return [databases.fetch(options["url"], options["table"])]
    return files_of(options["path"], options.get("glob"), folder)


def read_sources(connection: duckdb.DuckDBPyConnection, files: list[Path], table: str, options: dict[str, Any]) -> Raw:
    """Load files of one kind, or those inside of zips, below each other into `table`.

    Columns of one name are one, and `file` names the file. Of a zip, `glob` says which of its files are meant.
    """
    with archives.opened(files, options.get("glob"), TABULAR) as (found, names, said):
        whole = _below_each_other(connection, found, names, table, options, zipped=found != files)
    whole.noticed = [*said, *whole.noticed]
    return whole


def _below_each_other(
    connection: duckdb.DuckDBPyConnection,
    files: list[Path],
    labels: list[str],
    table: str,
    options: dict[str, Any],
    *,
    zipped: bool,
) -> Raw:
    if len(files) == 1:
        return read(connection, files[0], table, options)
    parts: list[Raw] = []
    readable: list[str] = []
    no_tables: dict[str, DataError] = {}
    for i, (called, file) in enumerate(zip(labels, files, strict=True)):
        try:
            parts.append(read(connection, file, f"{table}_{i}", options))
        except DataError as error:
            if not zipped or isinstance(error, SeveralTables):
                raise
            no_tables[called] = error
        else:
            readable.append(called)
    if zipped:
        _refuse_kinds(connection, readable, parts, no_tables)
    names: dict[str, str] = {}
    for column in (column for part in parts for column in part.columns):
        names.setdefault(column.strip().casefold(), column)
    label = FILE if FILE not in names else f"{FILE} read"
    numbers = frozenset.intersection(*(frozenset(c.strip().casefold() for c in part.numbers) for part in parts))
    whole = Raw(table, [*names.values(), label], 0, label=label, numbers=frozenset(names[key] for key in numbers))
    selects = []
    for called, part in zip(labels, parts, strict=True):
        own = {column.strip().casefold(): column for column in part.columns}
        cells = [f"{quoted(own[key])} AS {quoted(name)}" if key in own else f"NULL AS {quoted(name)}"
                 for key, name in names.items()]  # fmt: skip
        selects.append(
            f"SELECT {ROW} + {whole.rows} AS {ROW}, {', '.join(cells)}, {literal(called)} AS {quoted(label)} "
            f"FROM {part.table}"
        )
        whole.rows += part.rows
        whole.bad_lines += part.bad_lines
        whole.titles += part.titles
        whole.bad_examples += tuple(f"{called}, {place}" for place in part.bad_examples)
        for n in part.noticed:  # of one file of several: its rows are no share of the table's
            whole.noticed.append((n[0], phrase("{file}: {what}", file=called, what=n[1]), int(n[2]), *n[3:]))
        missing = [name for key, name in names.items() if key not in own]
        if missing:
            what = phrase(
                "{file} has no column {columns}: empty in its {n:,} row(s)",
                file=called,
                columns=", ".join(missing),
                n=part.rows,
            )
            grade: Grade = "note" if zipped else "warning"  # of a zip they were held against each other
            whole.noticed.append((grade, what, part.rows, (), phrase("Check that the files are of one kind.")))
    for part in reversed(parts):
        said = {column.strip().casefold(): lines for column, lines in part.lines.items()}
        whole.lines |= {names[key]: lines for key, lines in said.items()}
    rows(connection, f"CREATE TABLE {table} AS " + " UNION ALL ".join(selects))
    rows(connection, "; ".join(f"DROP TABLE {part.table}" for part in parts))
    sizes = [phrase("{file} {n:,}", file=called, n=part.rows) for called, part in zip(labels[:3], parts, strict=False)]
    what = phrase("{files} files were read as one table of {n:,} rows", files=len(files), n=whole.rows)
    mend = phrase('Each row names its file in the column "{label}".', label=label)
    whole.noticed.append(("note", what, len(files), tuple(sizes), mend))
    whole.bad_examples = whole.bad_examples[:3]
    return whole


def _refuse_kinds(
    connection: duckdb.DuckDBPyConnection, labels: list[str], parts: list[Raw], no_tables: dict[str, DataError]
) -> None:
    """Raise SeveralTables where the files of a zip are of several kinds: put below each other, they are no table.

    labels: of the files that were read. no_tables: the others → why; where that is all of them, the first is raised.
    """
    columns = {called: part.columns for called, part in zip(labels, parts, strict=True)}
    if not columns:
        raise next(iter(no_tables.values()))
    found = archives.kinds(columns, no_tables)
    if len(found) > 1 or no_tables:
        rows(connection, "; ".join(f"DROP TABLE {part.table}" for part in parts))
        looks = columns | {called: [error.what] for called, error in no_tables.items()}
        names = said_together(f"{pattern} ({', '.join(looks[of[0]][:3])} …)" for pattern, of in found.items())
        what = phrase("The zip holds files of {n} kinds: {names}.", n=len(found), names=names)
        mend = phrase("Say which of them is meant: glob = {glob}, say.", glob=inline(next(iter(found))))
        raise SeveralTables(what, mend, "glob", list(found))


def read(connection: duckdb.DuckDBPyConnection, path: Path, table: str, options: dict[str, Any]) -> Raw:
    """Load one file into the DuckDB table `table`, every column as text, numbered in the order of the file."""
    with _allowed(path.name):
        name, start = path.name, _start(path)
        if start.startswith(b"PAR1"):
            with plainly_named(path) as source:
                query = f"SELECT * FROM read_parquet({literal(source)}, hive_partitioning=false)"
                raw = as_text(connection, table, query, name)
                if databases.is_fetched(path):
                    raw.numbers = frozenset(json.loads(_beside_rows(connection, source)[databases.NUMBERS]))
                return raw
        if start.startswith(b"SQLite format 3"):
            return _read_sqlite(connection, path, table, options)
        if start[8:12] == b"DUCK":
            return _read_duckdb(connection, path, table, options)
        if start.startswith((b"PK\x03\x04", b"\xd0\xcf\x11\xe0")):
            return _read_excel(connection, path, table, options)
        if start.startswith(b"%PDF"):
            what = phrase("{file} is a PDF, not a table.", file=name)
            raise DataError(what, "Ask for the data behind it, as CSV or Excel.")
        if path.suffix.lower() in {".parquet", *DATABASES}:
            what = phrase("{file} is not what its ending says: {ending}.", file=name, ending=path.suffix)
            raise DataError(what, "Export or copy it again.")
        return delimited.read_delimited(connection, path, table, options)


def _start(path: Path) -> bytes:
    """The first bytes of a file. DataError when it is none, or empty."""
    if not path.exists():
        raise DataError(
            phrase("{file}: there is no such file.", file=path.name),
            phrase("Looked for it in {folder}.", folder=path.parent.absolute()),
        )
    if not path.is_file():
        what = phrase("{file} is no file of data.", file=path.name)
        raise DataError(what, "Give the path of a file, or of a folder of them.")
    if path.stat().st_size == 0:
        raise DataError(phrase("{file} is empty (0 bytes).", file=path.name), "Export it again.")
    with path.open("rb") as stream:
        return stream.read(512)


def _read_duckdb(connection: duckdb.DuckDBPyConnection, path: Path, table: str, options: dict[str, Any]) -> Raw:
    name = path.name
    with plainly_named(path) as source:
        try:
            rows(connection, f"ATTACH {literal(source)} AS client (READ_ONLY)")
        except duckdb.Error as error:
            what = phrase("{file} can't be opened: {error}", file=name, error=first_line(error))
            raise DataError(what, "Close what uses it; check it.") from None
        try:
            found = rows(
                connection, "SELECT table_schema, table_name, table_type FROM information_schema.tables "
                "WHERE table_catalog = 'client' ORDER BY 1, 2")  # fmt: skip
            kinds = {t if schema == "main" else f"{schema}.{t}": (schema, t, kind) for schema, t, kind in found}
            schema, inside, kind = kinds[_choose(list(kinds), options.get("table"), "table", name)]
            with _ending(connection.interrupt, kind == "VIEW", name):
                query = f"SELECT * FROM client.{quoted(schema)}.{quoted(inside)}"
                return as_text(connection, table, query, name)
        finally:
            rows(connection, "DETACH client")


def _read_sqlite(connection: duckdb.DuckDBPyConnection, path: Path, table: str, options: dict[str, Any]) -> Raw:
    # Python's own sqlite3: DuckDB would have to download an extension for it.
    import sqlite3

    import pyarrow as pa

    name, view = path.name, False
    try:
        opened = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, check_same_thread=False)
        with closing(opened) as source:
            source.text_factory = lambda text: text.decode(errors="replace")
            listed = "SELECT name, type FROM sqlite_master WHERE type IN ('table', 'view')"
            kinds = dict(source.execute(listed).fetchall())
            inside = _choose(list(kinds), options.get("table"), "table", name)
            view = kinds[inside] == "view"
            with _ending(source.interrupt, view, name):
                cursor = source.execute(f"SELECT * FROM {quoted(inside)}")
                columns = [column for column, *_ in cursor.description]
                refuse_names(columns, name)
                chosen = ", ".join(f"{quoted(column)} VARCHAR" for column in columns)
                rows(connection, f"CREATE TABLE {table} ({ROW} BIGINT, {chosen})")
                count, numbers = 0, set(columns)
                while batch := cursor.fetchmany(_BATCH):
                    of_columns = dict(zip(columns, zip(*batch, strict=True), strict=True))
                    numbers -= {column for column in numbers if not only_numbers(of_columns[column])}
                    cells = [pa.array([cell(value) for value in values], pa.string()) for values in of_columns.values()]
                    places = pa.array(range(count + 1, count + len(batch) + 1))
                    connection.register("_batch", pa.table([places, *cells], names=[ROW, *columns]))
                    rows(connection, f"INSERT INTO {table} SELECT * FROM _batch")
                    connection.unregister("_batch")
                    count += len(batch)
    except sqlite3.DatabaseError as error:
        raise DataError(
            phrase("{file} can't be read: {error}.", file=name, error=error),
            "Mend the view, or save what it gives as a table." if view else "Copy or export it again.",
        ) from None
    return Raw(table, columns, count, numbers=frozenset(numbers))


@contextmanager
def _ending(interrupt: Any, view: bool, name: str) -> Iterator[None]:
    """Stop a view that doesn't end."""
    late = threading.Event()

    def stop() -> None:
        late.set()
        interrupt()

    timer = threading.Timer(VIEW_SECONDS, stop)
    if view:
        timer.start()
    try:
        yield
    except Exception:
        if late.is_set():
            what = phrase("{file}: the view was not read within {n} seconds.", file=name, n=VIEW_SECONDS)
            raise DataError(what, "Save what it gives as a table.") from None
        raise
    finally:
        timer.cancel()


def _beside_rows(connection: duckdb.DuckDBPyConnection, file: Path) -> dict[str, str]:
    """What a Parquet file of ours says beside its rows."""
    return dict(rows(connection, f"SELECT decode(key), decode(value) FROM parquet_kv_metadata({literal(file)})"))


def _choose(found: list[str], wanted: str | None, what: str, name: str) -> str:
    """The table or sheet that is wanted, or the only one. SeveralTables names all where none is named."""
    if wanted in found:
        return str(wanted)
    if wanted is None and len(found) == 1:
        return found[0]
    told = {"file": name, "sheet": what == "sheet", "n": len(found), "names": ", ".join(found), "wanted": wanted}
    if not found:
        none = phrase("{file} has no {sheet:sheet|table}.", **told)
        raise DataError(none, "Check that it is the right file, and that it was saved whole.")
    mend = phrase('Add {option} = "…" to the card.', option=what)
    if wanted:
        raise DataError(phrase("{file} has no {sheet:sheet|table} {wanted!r}. It holds: {names}.", **told), mend)
    several = phrase("{file} has {n} {sheet:sheets|tables}. It holds: {names}.", **told)
    raise SeveralTables(several, mend, what, found)


def _read_excel(connection: duckdb.DuckDBPyConnection, path: Path, table: str, options: dict[str, Any]) -> Raw:
    # A damaged or hostile workbook can ask for hundreds of GB: it's parsed in a process of its own, with limits.
    name = path.name
    with TemporaryDirectory() as folder:
        out = Path(folder) / "sheet.parquet"
        command = [
            sys.executable, "-P", "-m", "clvlib.ingest.excel", str(path.absolute()), str(out), str(EXCEL_MEMORY),
            options.get("sheet", ""),
        ]  # fmt: skip
        speaking = os.environ | {ASKED: spoken()}
        try:
            done = subprocess.run(
                command, capture_output=True, text=True, timeout=EXCEL_SECONDS, errors="replace", env=speaking
            )
        except subprocess.TimeoutExpired:
            what = phrase("{file} could not be read within {n} seconds.", file=name, n=EXCEL_SECONDS)
            raise DataError(what, "Save the sheet as CSV.") from None
        if done.returncode < 0 or "memory allocation" in done.stderr or "MemoryError" in done.stderr:
            what = phrase(
                "{file} can't be read: its cells need more than {n} GB: one may lie far outside of the table.",
                file=name,
                n=EXCEL_MEMORY // 1024**3,
            )
            raise DataError(what, "Copy the table into a new sheet, or save it as CSV.")
        if done.returncode != 0:
            said = done.stderr.strip().splitlines()
            if said and said[-1].startswith(SEVERAL):
                _choose(json.loads(said[-1].removeprefix(SEVERAL)), None, "sheet", name)
            crashed = not said or "Traceback" in done.stderr or "panicked" in done.stderr
            reason = phrase("the parser stopped at something in it") if crashed else said[-1]
            what = phrase("{file} can't be read: {error}.", file=name, error=reason)
            raise DataError(what, "Open it and save the sheet as CSV.")
        about = _beside_rows(connection, out)
        raw = as_text(connection, table, f"SELECT * FROM read_parquet({literal(out)})", name)
    raw.numbers = frozenset(raw.columns[i] for i in json.loads(about["numbers"]))
    raw.noticed += delimited.passed_over(int(about["above"]), int(about["below"]), raw.columns)
    raw.lines = dict(zip(raw.columns, map(tuple, json.loads(about["lines"])), strict=False))
    refuse_names([column.split("\x00")[0] for column in raw.columns], name)
    return raw
