"""One sheet of a workbook → Parquet of text, in a process of its own.

`python -m clvlib.ingest.excel FILE OUT BYTES [SHEET]`.

Sizes are checked before anything is parsed: a workbook of a few kilobytes can declare cells for hundreds of GB.
"""

import datetime
import json
import sys
import zipfile
from collections.abc import Iterable

import pyarrow as pa
import pyarrow.parquet as pq
from python_calamine import CalamineWorkbook

from clvlib.ingest import headings
from clvlib.language import phrase, translated

LARGEST_UNPACKED = 2 * 1024**3
LARGEST_CELLS = 50_000_000
SEVERAL = "sheets: "  # before their names, as a list in JSON


def main(path: str, out: str, memory: str, sheet: str = "") -> None:
    """Write the sheet's cells as text; the first row holds the column names. Exits with a message on stderr."""
    _limit_memory(int(memory))
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            unpacked = sum(member.file_size for member in archive.infolist())
        if unpacked > LARGEST_UNPACKED:
            sys.exit(phrase("it unpacks to {gb:.0f} GB", gb=unpacked / 1024**3))
    try:
        book = CalamineWorkbook.from_path(path)
    except Exception as error:  # the parser's own errors share no class
        sys.exit(phrase("it is not a workbook ({error})", error=error))
    names = book.sheet_names
    if sheet and sheet not in names:
        sys.exit(phrase("it has no sheet {sheet!r}; it holds: {these}", sheet=sheet, these=", ".join(names)))
    if not sheet and len(names) > 1:
        sys.exit(SEVERAL + json.dumps(names))
    found = book.get_sheet_by_name(sheet or names[0])
    if found.total_height * found.total_width > LARGEST_CELLS:
        size = {"height": found.total_height, "width": found.total_width}
        sys.exit(phrase("the sheet spans {height} × {width} cells", **size))
    values = found.to_python(skip_empty_area=True)
    rows = [[cell(value) for value in row] for row in values]
    if not any(map(any, rows)):
        sys.exit(translated("the sheet is empty"))
    texts = [[(text or "").strip() for text in row] for row in rows[: headings.MOST_LOOKED_AT]]
    heading = headings.find_headings(texts)
    if heading is None or heading.values:
        sys.exit(
            phrase(
                "the sheet has no names of columns: {values:its first row is a row of values|no row names as many "
                "columns as the others have}. Put one row of names above the table",
                values=heading is not None,
            )
        )
    names = heading.columns
    first = heading.at + heading.below + 1
    columns = list(zip(*rows[first:], strict=True)) or [()] * len(names)
    doubled = {name for name in names if names.count(name) > 1}
    names = [f"{name}\x00{i}" if name in doubled else name for i, name in enumerate(names)]
    table = pa.table([pa.array(column, pa.string()) for column in columns], names=names)
    numbers = [i for i, column in enumerate(zip(*values[first:], strict=True)) if only_numbers(column)]
    said = {"above": str(heading.at), "below": str(heading.below), "numbers": json.dumps(numbers)}
    said["lines"] = json.dumps(list(heading.said_of(names).values()))
    pq.write_table(table.replace_schema_metadata(said), out)


def cell(value: object) -> str | None:
    """A cell of a workbook, or of SQLite, as text: whole numbers without a point, nothing and no number as None."""
    if value is None or value == "" or value != value:
        return None
    if isinstance(value, datetime.datetime):
        return value.isoformat(sep=" ")
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)
    return value.decode(errors="replace") if isinstance(value, bytes) else str(value)


def only_numbers(cells: Iterable[object]) -> bool:
    """Whether all cells that hold something hold numbers, not texts of numbers."""
    return all(
        cell(value) is None or (isinstance(value, int | float) and not isinstance(value, bool)) for value in cells
    )


def _limit_memory(limit: int) -> None:
    try:
        import resource
    except ImportError:  # Windows has no such limit; the sizes above still hold
        return
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))


if __name__ == "__main__":
    main(*sys.argv[1:])
