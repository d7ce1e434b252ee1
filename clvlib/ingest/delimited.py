"""A text file → a DuckDB table of text: its encoding, delimiter, heading and line ends are found and said, or refused.

CSV with any delimiter, quotes doubled or after a backslash, gzip, UTF-8, UTF-16 or another encoding, columns aligned by
spaces, titles and blank lines above the table. What can't be read has one message that says what the file is instead.
"""

import csv
import gzip
import io
import re
import zlib
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import IO, Any

import duckdb

from clvlib.errors import DataError, Rows
from clvlib.ingest import headings
from clvlib.ingest.card import inline
from clvlib.ingest.headings import Heading
from clvlib.ingest.raw import ROW, Noticed, Raw, as_text, literal, plainly_named, quoted, refuse_names, rows
from clvlib.language import phrase

DELIMITERS = (",", ";", "\t", "|")
RARER = ("~", "^", ":", "¦", "\x1f", "\x01")
SPACES = "whitespace"
_SAMPLE = 65_536
MOST_LINES_OF_A_CELL = 200
MOST_UNPACKED, MOST_TIMES = 256 * 1024**2, 200  # bytes that a gzip may grow to, and times its size beyond them


@dataclass(frozen=True)
class _Shape:
    """How the lines of a text become cells, and where its table begins: `skipped` lines come before the first row.

    broken: a line of them ends inside of a cell, so that DuckDB would count other lines.
    """

    delimiter: str
    escape: str
    heading: Heading
    skipped: int
    broken: bool


def read_delimited(connection: duckdb.DuckDBPyConnection, path: Path, table: str, options: dict[str, Any]) -> Raw:
    """Load a text file into the DuckDB table `table`.

    options: `delimiter` (a character, or "whitespace"), `encoding`, `header` (names, for a file without them),
    `repeats` (names that columns share: the second becomes “name 2”). Raises DataError for what is no table, or not one
    that can be read.
    """
    with path.open("rb") as stream:
        zipped = stream.read(2) == b"\x1f\x8b"
    encoding, ends, noticed = _survey(path, zipped, options.get("encoding"))
    with _decoded(path, zipped, encoding) as text:
        head = text.read(_SAMPLE)
    if not head.strip("\ufeff \t\r\n"):
        raise DataError(phrase("{file} holds no text.", file=path.name), "Export it again.")
    hint = re.match(r"sep=(.)[\r\n]+", head)  # a first line that tells Excel the delimiter
    _refuse_markup(head, path)
    declared = options.get("delimiter") or (hint[1] if hint else None)
    if declared and declared != SPACES and (len(declared) != 1 or declared in '"\\\r\n'):
        what = phrase("delimiter = {delimiter!r} is not one character that can separate columns.", delimiter=declared)
        raise DataError(what, 'Write delimiter = ";", say.')
    shape = _shape(head, declared, options.get("header"), path)
    noticed += passed_over(shape.heading.at, shape.heading.below, shape.heading.names)
    if shape.delimiter == SPACES and not declared:
        what = phrase("the columns are aligned by spaces, and were read so")
        noticed.append(("note", what, 1, (), phrase('delimiter = "whitespace" in the card says the same.')))
    with TemporaryDirectory() as folder, plainly_named(path) as source:
        delimiter, compression, skipped = shape.delimiter, "gzip" if zipped else "none", shape.skipped
        if encoding != "utf-8-sig" or delimiter == SPACES or len(ends) > 1 or "\r" in ends or shape.broken:
            source, compression, skipped = Path(folder) / "text.csv", "none", 0
            _rewrite(path, zipped, encoding, delimiter == SPACES, shape.skipped, source)
            delimiter = "\t" if delimiter == SPACES else delimiter
        names = _numbered(shape.heading.columns, options.get("repeats", ()))
        refuse_names(names, path.name)
        types = "{" + ", ".join(f"{literal(name)}: 'VARCHAR'" for name in names) + "}"
        query = (
            f"SELECT * FROM read_csv({literal(source)}, auto_detect=false, delim={literal(delimiter)}, quote='\"', "
            f"escape={literal(shape.escape)}, header=false, skip={skipped}, columns={types}, nullstr='', "
            f"store_rejects=true, rejects_table='_rejects', rejects_scan='_scans', rejects_limit=0, "
            f"compression='{compression}', max_line_size=16777216, hive_partitioning=false)"
        )
        raw = as_text(connection, table, query, path.name)
    rejected = rows(connection, "SELECT line, min(error_type::VARCHAR) FROM _rejects GROUP BY line ORDER BY line")
    single = rows(connection, "SELECT min(line) FROM _rejects WHERE column_idx = 1 AND error_type = 'MISSING COLUMNS'")
    rows(connection, "DROP TABLE IF EXISTS _rejects; DROP TABLE IF EXISTS _scans")
    _refuse_open_quotes(connection, raw, [line for line, kind in rejected if "QUOTE" in kind], path)
    _drop_nameless(connection, raw, shape.heading)
    if "rows_like" in options and single[0][0] and len(names) > 2:
        rejected, under = _split_at(rejected, single[0][0])
        raw.titles = len(under)
    raw.bad_lines = len(rejected)
    raw.bad_examples = tuple(phrase("line {n}", n=line + shape.skipped - skipped) for line, _ in rejected[:3])
    raw.noticed = noticed
    raw.lines = shape.heading.said_of(raw.columns)
    return raw


def _split_at(rejected: list[tuple[int, str]], first: int) -> tuple[list[tuple[int, str]], list[tuple[int, str]]]:
    """Lines that are no rows, and of these the ones that are titles, totals or footers: too short, from `first` on."""
    under = [one for one in rejected if one[0] >= first and one[1] == "MISSING COLUMNS"]
    return [one for one in rejected if one not in under], under


# -- the shape of a text ---------------------------------------------------------------------------------------------


def _shape(head: str, declared: str | None, header: list[str] | None, path: Path) -> _Shape:
    """How the text is to be read: as declared, or as its first lines themselves show. DataError where nothing fits."""
    text = head.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
    whole = len(head) < _SAMPLE
    text = text if whole else text[: text.rfind("\n") + 1]
    if not text.strip():
        what = phrase("{file}: its first line is longer than {n:,} letters: no table.", file=path.name, n=_SAMPLE)
        raise DataError(what, "Look at its line ends and quotes, or export it again with fewer columns.")
    escapes = ('"', "\\") if '\\"' in text else ('"',)
    best = None
    for delimiter in [declared] if declared else [*DELIMITERS, SPACES]:
        if delimiter == SPACES and best and not declared:
            continue
        for escape in escapes:
            found = _split(text, delimiter, escape, header)
            if found and found.heading.width > (best.heading.width if best else 0 if declared else 1):
                best = found
    if best is None:
        raise _fault(text, declared, path)
    if best.heading.values and header is None:
        some = ", ".join(best.heading.names)
        given = inline([f"name {i}" for i in range(1, best.heading.width + 1)])
        raise DataError(
            phrase("{file} has no names of columns: its first line is a row ({cells}).", file=path.name, cells=some),
            phrase("Add header = {names} to the card, with the names in their order.", names=given),
        )
    return best


def _split(text: str, delimiter: str, escape: str, header: list[str] | None) -> _Shape | None:
    """The shape that this delimiter gives, if most lines have as many cells as the heading."""
    if delimiter == SPACES:
        records = [line.split() for line in text.split("\n")[: headings.MOST_LOOKED_AT]]
        lines = list(range(1, len(records) + 1))
    else:
        how: dict[str, Any] = {"escapechar": "\\", "doublequote": False} if escape == "\\" else {}
        reader = csv.reader(io.StringIO(text), delimiter=delimiter, **how)
        records, lines = [], []
        try:
            for record in reader:
                records.append([cell.strip() for cell in record])
                lines.append(reader.line_num)
                if len(records) == headings.MOST_LOOKED_AT:
                    break
        except csv.Error:  # a cell longer than the sample allows: not this delimiter
            return None
    if header is not None:
        width = len(header)
        same = sum(len(record) == width for record in records)
        fits = same >= headings.SAME * sum(any(record) for record in records)
        first = next((i for i, record in enumerate(records) if any(record)), 0)
        before = lines[first - 1] if first else 0
        heading = Heading(tuple(header), 0, 0, width, False)
        return _Shape(delimiter, escape, heading, before, False) if fits else None
    found = headings.find_headings(records)
    if found is None:
        return None
    if delimiter == SPACES and not headings.has_values([r for r in records if len(r) == found.width][1:]):
        return None
    last = found.at + found.below
    return _Shape(delimiter, escape, found, lines[last], lines[last] != last + 1)


def _numbered(names: list[str], repeats: Iterable[str]) -> list[str]:
    """The names, those that are known to repeat with a number from the second on."""
    shared, seen, found = {name.casefold() for name in repeats}, Counter[str](), []
    for name in names:
        seen[name.casefold()] += 1
        count = seen[name.casefold()]
        found.append(f"{name} {count}" if name.casefold() in shared and count > 1 else name)
    return found


def passed_over(above: int, below: int, names: Iterable[str]) -> list[Noticed]:
    """What to say of lines above and below the names of the columns that are no rows."""
    said = list[Noticed]()
    if above:
        what = phrase("{n:,} line(s) above the names of the columns were passed over", n=above)
        said.append(("note", what, Rows(above), (", ".join(names),), ""))
    if below:
        what = phrase("{n} line(s) under the names of the columns hold names too, and were passed over", n=below)
        said.append(("warning", what, Rows(below), (), phrase("If they are rows, name the columns: header = […].")))
    return said


def _refuse_markup(head: str, path: Path) -> None:
    """Raise DataError for a text that is written in another language than rows and columns."""
    start, name = head.lstrip("\ufeff \t\r\n")[:200].lower(), path.name
    if start.startswith(("<!doctype html", "<html")):
        what = phrase("{file} is a web page, not a table.", file=name)
        raise DataError(what, "It may be a page of login or of error: export again.")
    if start.startswith(("<?xml", "<")) and ">" in start:
        what = phrase("{file} is XML, not CSV.", file=name)
        raise DataError(what, "Open it in a spreadsheet, and save it as .xlsx or CSV.")
    if re.match(r'[\[{]\s*["{\[]', start):
        what = phrase("{file} is JSON, not CSV.", file=name)
        raise DataError(what, "Convert it to CSV, one row per line and one column per field.")


def _fault(text: str, declared: str | None, path: Path) -> DataError:
    """What a text is that no delimiter splits into a table."""
    name = path.name
    lines = [line for line in text.split("\n") if line.strip()]
    if declared:
        cells = sorted({len(r) for r in csv.reader(lines, delimiter="\t" if declared == SPACES else declared)})
        what = phrase(
            "{file}: with delimiter = {delimiter!r} its lines have {cells} cells: no table.",
            file=name,
            delimiter=declared,
            cells=_range(cells),
        )
        return DataError(what, "Declare another delimiter, or leave it out to have it found.")
    for delimiter in DELIMITERS:
        whole = [record for record in csv.reader(lines, delimiter=delimiter) if record]
        inside = [r[0].count(delimiter) for r in whole if len(r) == 1]
        if len(inside) >= 0.8 * len(whole) and min(inside, default=0) > 0:
            what = phrase(
                "{file}: each line is in quotes as a whole, so that it is one cell ({line}).", file=name, line=lines[0]
            )
            return DataError(what, "Take the outer quotes away, or export it again.")
    for delimiter in RARER:
        found = _split(text, delimiter, '"', None)
        if found and found.heading.width > 1:
            return DataError(
                phrase("{file}: its columns seem to be separated by {delimiter!r}.", file=name, delimiter=delimiter),
                phrase("Add delimiter = {delimiter} to the card.", delimiter=inline(delimiter)),
            )
    for delimiter in DELIMITERS:
        cells = [len(record) for record in csv.reader(lines, delimiter=delimiter)]
        if cells[0] > 1 or max(cells) > 2:
            what = phrase(
                "{file}: its lines have {cells} cells, and its first line {first}, by {delimiter!r}: no table.",
                file=name,
                cells=_range(sorted(set(cells))),
                first=cells[0],
                delimiter=delimiter,
            )
            return DataError(
                what,
                "Give every line as many cells as there are names of columns (quotes around texts that hold them).",
            )
    return DataError(
        phrase("{file} has one column: no delimiter (comma, semicolon, tab or bar) splits its lines.", file=name),
        'A table needs a customer, a date and an amount. If another sign separates them, add delimiter = "…" to the '
        "card.",
    )


def _range(sizes: list[int]) -> str:
    return phrase("{several:{least} to {most}|{least}}", several=len(sizes) > 1, least=sizes[0], most=sizes[-1])


def _drop_nameless(connection: duckdb.DuckDBPyConnection, raw: Raw, heading: Heading) -> None:
    """A delimiter at the end of every line makes a last column without a name and without a value: it is none."""
    last = raw.columns[-1]
    if not heading.names[-1] and len(raw.columns) > 1:
        used = rows(connection, f"SELECT count(*) FROM {raw.table} WHERE trim({quoted(last)}) <> ''")[0][0]
        if not used:
            rows(connection, f"ALTER TABLE {raw.table} DROP COLUMN {quoted(last)}")
            raw.columns.pop()


def _refuse_open_quotes(connection: duckdb.DuckDBPyConnection, raw: Raw, unclosed: list[int], path: Path) -> None:
    """A quote that is opened and not closed makes one cell of all that follows: rows would be lost in silence."""
    most = MOST_LINES_OF_A_CELL
    long = " OR ".join(
        f"(strlen({c}) > {most} AND length({c}) - length(replace({c}, chr(10), '')) > {most})"
        for c in map(quoted, raw.columns)
    )
    found = rows(connection, f"SELECT {ROW} FROM {raw.table} WHERE {long} LIMIT 1")
    if unclosed or found:
        raise DataError(
            phrase(
                "{file}: a quote opened at {line:line|row} {n} is not closed, so that the lines after it are read as "
                "one cell.",
                file=path.name,
                line=bool(unclosed),
                n=unclosed[0] if unclosed else found[0][0],
            ),
            'Close or delete that quote (") in the file, or export it again.',
        )


# -- bytes and letters -----------------------------------------------------------------------------------------------


def _survey(path: Path, zipped: bool, declared: str | None) -> tuple[str, set[str], list[Noticed]]:
    """Read the whole text once: its encoding, its line ends, and what there is to say.

    The encoding is told by the byte order mark, the card, or strict UTF-8; cp1252, with a warning, is the last resort.
    """
    try:
        with gzip.open(path) if zipped else path.open("rb") as stream:
            head = stream.read(_SAMPLE)
        told = "utf-16" if head.startswith((b"\xff\xfe", b"\xfe\xff")) else declared
        if told:
            return told, _line_ends(path, zipped, told), []
        if b"\x00" in head:
            raise _binary(head, path)
        try:
            return "utf-8-sig", _line_ends(path, zipped, "utf-8-sig"), []
        except DataError as error:
            if "utf-8" not in error.what:
                raise
            what = phrase("the text is not UTF-8 and was read as cp1252 (Western European Windows)")
            mend = phrase('If names look wrong, add encoding = "…" to the card.')
            return "cp1252", _line_ends(path, zipped, "cp1252"), [("warning", what, 1, (), mend)]
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        what = phrase("{file} is cut short or damaged: {error}.", file=path.name, error=error)
        raise DataError(what, "Copy or export it again.") from None


def _binary(head: bytes, path: Path) -> DataError:
    """What a text with zeros among its bytes is: UTF-16 without a mark, or no text at all."""
    for encoding, zeros, letters in (("utf-16-le", head[1::2], head[::2]), ("utf-16-be", head[::2], head[1::2])):
        if zeros.count(0) > 0.8 * len(zeros) and b"\n" in letters and b"\x00" not in letters:
            return DataError(
                phrase("{file} looks like text in UTF-16, without the mark that says so.", file=path.name),
                phrase('Add encoding = "{encoding}" to the card.', encoding=encoding),
            )
    return DataError(
        phrase("{file} is a binary file, not text.", file=path.name),
        "Export it as CSV, or as .xlsx, .parquet, .duckdb or .sqlite.",
    )


def _line_ends(path: Path, zipped: bool, encoding: str) -> set[str]:
    """The kinds of line ends in the text. DataError when it isn't in that encoding, or unpacks to no end."""
    ends: set[str] = set()
    most, size = max(MOST_UNPACKED, MOST_TIMES * path.stat().st_size), 0
    try:
        with _decoded(path, zipped, encoding) as text:
            while block := text.read(1 << 20):
                block += text.readline(1 << 20) if block.endswith("\r") else ""
                alone = block.replace("\r\n", "")
                ends.update(end for end in "\r\n" if end in alone)
                ends.update(["\r\n"] if len(alone) < len(block) else [])
                size += len(block)
                if zipped and size > most:
                    raise DataError(
                        phrase(
                            "{file} unpacks to more than {n} times its size: no table does.",
                            file=path.name,
                            n=MOST_TIMES,
                        ),
                        "Unpack it and look at it; then give the unpacked file.",
                    )
    except LookupError:
        what = phrase("The encoding {encoding!r} is unknown.", encoding=encoding)
        raise DataError(what, 'Write for instance encoding = "cp1252".') from None
    except UnicodeError as error:
        byte = error.object[error.start] if isinstance(error, UnicodeDecodeError) else None
        what = phrase(
            "{file} is not {encoding}: {known:it holds the byte {byte}|{error}}.",
            file=path.name,
            encoding=encoding,
            known=byte is not None,
            byte=byte if byte is None else f"{byte:#04x}",
            error=error,
        )
        raise DataError(what, "Declare its encoding in the card.") from None
    return ends


@contextmanager
def _decoded(path: Path, zipped: bool, encoding: str, newline: str | None = "") -> Iterator[IO[str]]:
    with (
        gzip.open(path) if zipped else path.open("rb") as stream,
        io.TextIOWrapper(stream, encoding=encoding, newline=newline) as text,
    ):
        yield text


def _rewrite(path: Path, zipped: bool, encoding: str, columns_of_spaces: bool, skipped: int, target: Path) -> None:
    """Write the rows again as UTF-8 with one kind of line end; runs of spaces become tabs where they separate."""
    with _decoded(path, zipped, encoding, None) as text, target.open("w", encoding="utf-8", newline="\n") as out:
        for i, line in enumerate(text):
            if i < skipped:
                continue
            line = line.removeprefix("\ufeff") if i == 0 else line
            out.write("\t".join(line.split()) + "\n" if columns_of_spaces else line)
