"""A client's file → a DuckDB table of text, exactly as written, or a DataError that says why it can't be read.

CSV (any delimiter, BOM, UTF-8 or another encoding, gzip), Parquet, Excel, and a table of a DuckDB or SQLite file.
Nothing is interpreted here: ids keep their zeros, dates and amounts stay text until `ingest` casts them.
"""

import csv
import gzip
import importlib.resources
import importlib.util
import io
import re
import subprocess
import sys
import tempfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

import duckdb

from clvlib.tables import DataError

DELIMITERS = (",", ";", "\t", "|")
EXCEL = {".xlsx", ".xlsm", ".xlsb", ".xls", ".ods"}
DATABASES = {".duckdb", ".db", ".sqlite", ".sqlite3"}
SAMPLE = 65_536
ROW = "__clv_row"  # a name that no client's column has
MOST_LINES_OF_A_CELL = 200
EXCEL_MEMORY = 4 * 1024**3
EXCEL_SECONDS = 300


Noticed = tuple[str, int, tuple[str, ...], str]  # what, how many, examples, how to mend


@dataclass
class Raw:
    """Text as found: a DuckDB table, its columns in file order, and what was noticed while reading."""

    table: str
    columns: list[str]
    rows: int
    warnings: list[Noticed] = field(default_factory=list)
    bad_lines: int = 0
    bad_examples: tuple[str, ...] = ()
    numbers: frozenset[str] = frozenset()  # columns that the file itself says are numbers, their mark a point


def locate(path: str, folder: Path) -> Path:
    """The file a card names: relative to the card, absolute, or `package:file` for data that a package brings."""
    package, colon, name = path.partition(":")
    if "://" in path:
        raise DataError(f"{path} is an address, not a file.", "Download it and give the path of the file.")
    if colon and re.fullmatch(r"[a-z_]+", package) and len(package) > 1:
        if importlib.util.find_spec(package) is None:
            raise DataError(f"{path}: there is no package {package!r}.", "Give the path of a file.")
        with importlib.resources.as_file(importlib.resources.files(package) / "datasets" / name) as found:
            return found
    found = Path(path).expanduser()
    return found if found.is_absolute() else folder / found


def read(connection: duckdb.DuckDBPyConnection, path: Path, table: str, options: dict[str, Any]) -> Raw:
    """Load `path` into the DuckDB table `table`, every column as text, numbered in the order of the file."""
    if not path.exists():
        raise DataError(f"{path.name}: there is no such file.", f"Looked for it in {path.parent.absolute()}.")
    if path.is_dir():
        raise DataError(f"{path.name} is a folder.", "Give the path of one file.")
    if path.stat().st_size == 0:
        raise DataError(f"{path.name} is empty (0 bytes).", "Export it again.")
    suffix = path.suffix.lower()
    if suffix == ".parquet":
        return _read_query(connection, table, f"SELECT * FROM read_parquet({literal(path)})", path)
    if suffix in EXCEL:
        return _read_excel(connection, path, table, options)
    if suffix in DATABASES:
        return _read_database(connection, path, table, options)
    return _read_csv(connection, path, table, options)


def quoted(name: str) -> str:
    """A column or table name as SQL wants it."""
    return '"' + name.replace('"', '""') + '"'


def rows(connection: duckdb.DuckDBPyConnection, sql: str) -> list[tuple[Any, ...]]:
    """Run SQL to its end and return its rows: DuckDB refuses other work while a result is unfinished."""
    return connection.execute(sql).fetchall()


def literal(value: object) -> str:
    return "'" + str(value).replace("'", "''") + "'"


def _read_query(connection: duckdb.DuckDBPyConnection, table: str, query: str, path: Path) -> Raw:
    try:
        described = rows(connection, f"DESCRIBE {query}")
        # A float that holds whole numbers is an id or a count that met an empty cell: 17850.0 is 17850 again.
        columns = ", ".join(
            f"regexp_replace(CAST({quoted(name)} AS VARCHAR), '\\.0$', '') AS {quoted(name)}"
            if kind in {"DOUBLE", "FLOAT"}
            else f"CAST({quoted(name)} AS VARCHAR) AS {quoted(name)}"
            for name, kind, *_ in described
        )
        rows(
            connection,
            f"CREATE TABLE {table} AS SELECT row_number() OVER () AS {ROW}, {columns} FROM ({query})",
        )
    except duckdb.Error as error:
        raise DataError(f"{path.name} can't be read: {_first_line(error)}", "Export it again.") from None
    numbers = frozenset(name for name, kind, *_ in described if kind.startswith(("DECIMAL", "DOUBLE", "FLOAT")))
    return Raw(table, [name for name, *_ in described], _count(connection, table), numbers=numbers)


def _count(connection: duckdb.DuckDBPyConnection, table: str) -> int:
    return int(rows(connection, f"SELECT count(*) FROM {table}")[0][0])


def _first_line(error: Exception) -> str:
    return str(error).strip().splitlines()[0]


def _read_database(connection: duckdb.DuckDBPyConnection, path: Path, table: str, options: dict[str, Any]) -> Raw:
    with path.open("rb") as stream:
        is_sqlite = stream.read(15) == b"SQLite format 3"
    if is_sqlite:
        return _read_sqlite(connection, path, table, options)
    try:
        rows(connection, f"ATTACH {literal(path)} AS client (READ_ONLY)")
    except duckdb.Error as error:
        raise DataError(
            f"{path.name} is neither a DuckDB nor an SQLite file: {_first_line(error)}", "Check the path."
        ) from None
    try:
        found = rows(connection, "SELECT table_name FROM duckdb_tables() WHERE database_name = 'client'")
        name = _choose([row[0] for row in found], options.get("table"), "table", path)
        return _read_query(connection, table, f"SELECT * FROM client.{quoted(name)}", path)
    finally:
        rows(connection, "DETACH client")


def _read_sqlite(connection: duckdb.DuckDBPyConnection, path: Path, table: str, options: dict[str, Any]) -> Raw:
    # Python's own sqlite3: DuckDB would have to download an extension for it.
    import sqlite3

    import pandas as pd

    try:
        with sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True) as source:
            found = source.execute("SELECT name FROM sqlite_master WHERE type IN ('table', 'view')").fetchall()
            name = _choose([row[0] for row in found], options.get("table"), "table", path)
            frame = pd.read_sql_query(f"SELECT * FROM {quoted(name)}", source, dtype=object)
    except sqlite3.DatabaseError as error:
        raise DataError(f"{path.name} is not an SQLite file: {error}.", "Check the path.") from None
    return _read_frame(connection, table, frame, path)


def _read_frame(connection: duckdb.DuckDBPyConnection, table: str, frame: Any, path: Path) -> Raw:
    frame = frame.map(lambda cell: None if cell is None else str(cell))
    frame.columns = [str(column) for column in frame.columns]
    _refuse_doubled(list(frame.columns), path)
    texts = frame.astype("str").where(frame.notna(), None)
    connection.register("_frame", texts)
    try:
        return _read_query(connection, table, "SELECT * FROM _frame", path)
    finally:
        connection.unregister("_frame")


def _choose(found: list[str], wanted: str | None, what: str, path: Path) -> str:
    if wanted in found:
        return str(wanted)
    if wanted is None and len(found) == 1:
        return found[0]
    names = ", ".join(found) or "none"
    asked = f"has no {what} {wanted!r}" if wanted else f"has {len(found)} {what}s"
    raise DataError(f"{path.name} {asked}. It holds: {names}.", f'Add {what} = "…" to the card.')


def _read_excel(connection: duckdb.DuckDBPyConnection, path: Path, table: str, options: dict[str, Any]) -> Raw:
    # A damaged or hostile workbook can ask for hundreds of GB: it's parsed in a process of its own, with limits.
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "sheet.parquet"
        command = [
            sys.executable,
            "-m",
            "clvlib.excel",
            str(path),
            str(out),
            str(EXCEL_MEMORY),
            options.get("sheet", ""),
        ]
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=EXCEL_SECONDS, check=False)
        except subprocess.TimeoutExpired:
            raise DataError(
                f"{path.name} could not be read within {EXCEL_SECONDS} seconds.", "Save the sheet as CSV."
            ) from None
        if done.returncode != 0:
            reason = (done.stderr.strip().splitlines() or ["the parser stopped (not enough memory?)"])[-1]
            raise DataError(f"{path.name} can't be read: {reason}", "Open it and save the sheet as CSV.")
        raw = _read_query(connection, table, f"SELECT * FROM read_parquet({literal(out)})", path)
    _refuse_doubled([re.sub(r"\x00\d+$", "", column) for column in raw.columns], path)
    return raw


def _refuse_doubled(columns: list[str], path: Path) -> None:
    names = [column.casefold() for column in columns]
    doubled = sorted({column for column in columns if column and names.count(column.casefold()) > 1})
    if doubled:
        raise DataError(
            f"{path.name} has {len(doubled)} column name(s) that occur twice: {', '.join(doubled)}.",
            "Rename or delete one of each in the file.",
        )


def _read_csv(connection: duckdb.DuckDBPyConnection, path: Path, table: str, options: dict[str, Any]) -> Raw:
    with path.open("rb") as stream:
        zipped = stream.read(2) == b"\x1f\x8b"
    encoding, ends, warnings = _survey(path, zipped, options.get("encoding"))
    with _decoded(path, zipped, encoding) as text:
        head = text.read(SAMPLE)
    if not head.strip():
        raise DataError(f"{path.name} holds no text.", "Export it again.")
    spreadsheet_hint = re.match(r"sep=(.)[\r\n]+", head)  # a first line that tells Excel the delimiter
    delimiter = options.get("delimiter") or (spreadsheet_hint[1] if spreadsheet_hint else _delimiter(head, path))
    if delimiter != "whitespace" and len(delimiter) != 1:
        raise DataError(f"delimiter = {delimiter!r} is not one character.", 'Write delimiter = ";", say.')
    with tempfile.TemporaryDirectory() as folder:
        source = path
        if encoding != "utf-8-sig" or delimiter == "whitespace" or spreadsheet_hint or len(ends) > 1 or "\r" in ends:
            source = Path(folder) / "text.csv"
            _rewrite(path, zipped, encoding, delimiter == "whitespace", bool(spreadsheet_hint), source)
            delimiter = "\t" if delimiter == "whitespace" else delimiter
            with source.open(encoding="utf-8") as text:
                head = text.read(SAMPLE)
        columns = options.get("header") or [
            cell.strip() for cell in next(csv.reader(io.StringIO(head), delimiter=delimiter))
        ]
        _refuse_doubled(columns, path)
        columns = [column or f"column {i}" for i, column in enumerate(columns, 1)]
        types = "{" + ", ".join(f"{literal(column)}: 'VARCHAR'" for column in columns) + "}"
        compression = "gzip" if zipped and source == path else "none"
        query = (
            f"SELECT * FROM read_csv({literal(source)}, auto_detect=false, delim={literal(delimiter)}, quote='\"', "
            f"escape='\"', header={'header' not in options}, columns={types}, nullstr='', store_rejects=true, "
            f"rejects_table='_rejects', rejects_scan='_scans', rejects_limit=0, compression='{compression}', "
            "max_line_size=16777216)"
        )
        raw = _read_query(connection, table, query, path)
    rejected = rows(connection, "SELECT line, min(error_type::VARCHAR) FROM _rejects GROUP BY line ORDER BY line")
    rows(connection, "DROP TABLE IF EXISTS _rejects; DROP TABLE IF EXISTS _scans")
    _refuse_open_quotes(connection, raw, [line for line, kind in rejected if "QUOTE" in kind], path)
    raw.bad_lines = len(rejected)
    raw.bad_examples = tuple(f"line {line}" for line, _ in rejected[:3])
    raw.warnings = warnings
    return raw


def _refuse_open_quotes(connection: duckdb.DuckDBPyConnection, raw: Raw, unclosed: list[int], path: Path) -> None:
    """A quote that is opened and not closed makes one cell of all that follows: rows would be lost in silence."""
    breaks = ", ".join(f"length({quoted(c)}) - length(replace({quoted(c)}, chr(10), ''))" for c in raw.columns)
    long = f"greatest({breaks}, 0) > {MOST_LINES_OF_A_CELL}"
    found = rows(connection, f"SELECT {ROW} FROM {raw.table} WHERE {long} LIMIT 1")
    if unclosed or found:
        place = f"line {unclosed[0]}" if unclosed else f"row {found[0][0]}"
        raise DataError(
            f"{path.name}: a quote opened at {place} is not closed, so that the lines after it are read as one cell.",
            'Close or delete that quote (") in the file, or export it again.',
        )


def _survey(path: Path, zipped: bool, declared: str | None) -> tuple[str, set[str], list[Noticed]]:
    """Read the whole text once: its encoding, its line ends, and what there is to say.

    The encoding is told by the byte order mark, the card, or strict UTF-8; cp1252, with a warning, is the last resort.
    """
    try:
        with _bytes(path, zipped) as stream:
            head = stream.read(SAMPLE)
        if head.startswith((b"\xff\xfe", b"\xfe\xff")):
            return "utf-16", _line_ends(path, zipped, "utf-16"), []
        if b"\x00" in head or head.startswith((b"PK\x03\x04", b"%PDF")):
            raise DataError(
                f"{path.name} is a binary file, not text.",
                "Export it as CSV, or give it the ending of what it is (.xlsx, .parquet, .duckdb, .sqlite).",
            )
        if declared:
            return declared, _line_ends(path, zipped, declared), []
        try:
            return "utf-8-sig", _line_ends(path, zipped, "utf-8-sig"), []
        except DataError:
            what = "the text is not UTF-8 and was read as cp1252 (Western European Windows)"
            mend = 'If names look wrong, add encoding = "…" to the card.'
            return "cp1252", _line_ends(path, zipped, "cp1252"), [(what, 1, (), mend)]
    except (EOFError, gzip.BadGzipFile, zlib.error, OSError) as error:
        raise DataError(f"{path.name} is cut short or damaged: {error}.", "Copy or export it again.") from None


def _line_ends(path: Path, zipped: bool, encoding: str) -> set[str]:
    """The kinds of line ends in the text. DataError when it isn't in that encoding."""
    ends: set[str] = set()
    try:
        with _decoded(path, zipped, encoding) as text:
            while block := text.read(1 << 20):
                block += text.readline() if block.endswith("\r") else ""
                ends.update(re.findall(r"\r\n|\n|\r", block))
    except LookupError:
        raise DataError(f"The encoding {encoding!r} is unknown.", 'Write for instance encoding = "cp1252".') from None
    except UnicodeError as error:
        what = f"it holds the byte {error.object[error.start]:#04x}" if isinstance(error, UnicodeDecodeError) else error
        raise DataError(f"{path.name} is not {encoding}: {what}.", "Declare its encoding in the card.") from None
    return ends


@contextmanager
def _bytes(path: Path, zipped: bool) -> Iterator[IO[bytes]]:
    with gzip.open(path, "rb") if zipped else path.open("rb") as stream:
        yield stream  # type: ignore[misc]


@contextmanager
def _decoded(path: Path, zipped: bool, encoding: str) -> Iterator[IO[str]]:
    with (
        _bytes(path, zipped) as stream,
        io.TextIOWrapper(stream, encoding=encoding, errors="strict", newline="") as text,
    ):
        yield text


def _delimiter(head: str, path: Path) -> str:
    """The delimiter that splits the first records into the same number (> 1) of cells; DataError when none does."""
    head = head.replace("\r\n", "\n").replace("\r", "\n")
    lines = head if len(head) < SAMPLE else head[: head.rfind("\n")]
    best, width = "", 1
    for delimiter in DELIMITERS:
        records = [
            r for _, r in zip(range(200), csv.reader(io.StringIO(lines), delimiter=delimiter), strict=False) if r
        ]
        same = sum(len(record) == len(records[0]) for record in records)
        if len(records[0]) > width and same >= 0.8 * len(records):
            best, width = delimiter, len(records[0])
    if not best:
        raise DataError(
            f"{path.name}: no delimiter (comma, semicolon, tab or bar) splits its lines into columns.",
            'If it is another one, add delimiter = "…" to the card.',
        )
    return best


def _rewrite(path: Path, zipped: bool, encoding: str, columns_of_spaces: bool, skip_first: bool, target: Path) -> None:
    """Write the text again as UTF-8 with one kind of line end; runs of spaces become tabs where they separate."""
    with (
        _bytes(path, zipped) as stream,
        io.TextIOWrapper(stream, encoding=encoding) as text,
        target.open("w", encoding="utf-8", newline="\n") as out,
    ):
        if skip_first:
            text.readline()
        for line in text:
            out.write("\t".join(line.split()) + "\n" if columns_of_spaces else line)
