"""One sheet of a workbook → Parquet of text, in a process of its own: `python -m clvlib.excel FILE OUT BYTES [SHEET]`.

Sizes are checked before anything is parsed: a workbook of a few kilobytes can declare cells for hundreds of GB.
"""

import datetime
import sys
import zipfile

import pyarrow as pa
import pyarrow.parquet as pq
from python_calamine import CalamineWorkbook

LARGEST_UNPACKED = 2 * 1024**3
LARGEST_CELLS = 50_000_000


def main(path: str, out: str, memory: str, sheet: str = "") -> None:
    """Write the sheet's cells as text; the first row holds the column names. Exits with a message on stderr."""
    _limit_memory(int(memory))
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            unpacked = sum(member.file_size for member in archive.infolist())
        if unpacked > LARGEST_UNPACKED:
            sys.exit(f"it unpacks to {unpacked / 1024**3:.0f} GB")
    try:
        book = CalamineWorkbook.from_path(path)
    except Exception as error:  # the parser's own errors share no class
        sys.exit(f"it is not a workbook ({error})")
    names = book.sheet_names
    if sheet and sheet not in names:
        sys.exit(f"it has no sheet {sheet!r}; it holds: {', '.join(names)}")
    if not sheet and len(names) > 1:
        sys.exit(f'it has {len(names)} sheets ({", ".join(names)}): name one, sheet = "…" in the card')
    found = book.get_sheet_by_name(sheet or names[0])
    if found.total_height * found.total_width > LARGEST_CELLS:
        sys.exit(f"the sheet spans {found.total_height} × {found.total_width} cells")
    rows = found.to_python(skip_empty_area=True)
    if not rows:
        sys.exit("the sheet is empty")
    header = [_cell(cell) or f"column {i}" for i, cell in enumerate(rows[0], 1)]
    doubled = {name for name in header if header.count(name) > 1}
    header = [f"{name}\x00{i}" if name in doubled else name for i, name in enumerate(header)]
    columns = list(zip(*rows[1:], strict=True)) or [()] * len(header)
    table = pa.table([pa.array([_cell(c) for c in column], pa.string()) for column in columns], names=header)
    pq.write_table(table, out)


def _cell(cell: object) -> str | None:
    if cell is None or cell == "":
        return None
    if isinstance(cell, datetime.datetime):
        return cell.isoformat(sep=" ")
    if isinstance(cell, float):
        return str(int(cell)) if cell.is_integer() else repr(cell)
    return str(cell)


def _limit_memory(limit: int) -> None:
    try:
        import resource
    except ImportError:  # Windows has no such limit; the sizes above still hold
        return
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))


if __name__ == "__main__":
    main(*sys.argv[1:])
