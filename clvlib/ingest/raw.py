"""What every reader leaves: a DuckDB table of text, exactly as written; and the SQL that reading needs."""

import re
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import duckdb

from clvlib.errors import DataError, Grade
from clvlib.language import phrase

OURS = "__clv_"  # no client's column may begin so
ROW = f"{OURS}row"
CAST = f"{OURS}cast_"
# For a class of a pattern: nearly all letters, with marks, digits and signs that stand among those of other scripts,
# but no sign of a currency. RE2, DuckDB's, takes 2 to 5 ms to make ready each of its own \pL, in six hundred ranges,
# for every query.
LETTER = (
    r"A-Za-z\x{AA}\x{B5}\x{BA}\x{C0}-\x{D6}\x{D8}-\x{F6}\x{F8}-\x{2C1}\x{300}-\x{58E}\x{591}-\x{60A}\x{60C}-\x{7FD}"
    r"\x{800}-\x{9F1}\x{9FC}-\x{AF0}\x{AF2}-\x{BF8}\x{BFA}-\x{E3E}\x{E40}-\x{17DA}\x{17DC}-\x{1FFF}\x{2C00}-\x{2DFF}"
    r"\x{3005}\x{3006}\x{3041}-\x{30FA}\x{30FC}-\x{A837}\x{A839}-\x{D7FF}\x{F900}-\x{FDFB}\x{FE70}-\x{FEFC}"
    r"\x{FF21}-\x{FF3A}\x{FF41}-\x{FF5A}\x{FF66}-\x{FFDC}\x{10000}-\x{11FDC}\x{12000}-\x{1E2FE}\x{20000}-\x{3FFFF}"
)

Noticed = tuple[Grade, str, int, tuple[str, ...], str]  # how grave, what, how many, examples, how to mend


@dataclass
class Raw:
    """Text as found: a DuckDB table, its columns in file order, and what was noticed while reading.

    Once cells are cast, `table` has them beside the texts (columns CAST…), and `texts` is the table of the texts alone.
    """

    table: str
    columns: list[str]
    rows: int
    noticed: list[Noticed] = field(default_factory=list)
    label: str = ""  # the column that names the file of a row, where there are several
    bad_lines: int = 0
    bad_examples: tuple[str, ...] = ()
    titles: int = 0  # lines of titles, totals or footers that don't have the table's cells
    numbers: frozenset[str] = frozenset()  # columns that the file itself says are numbers, their mark a point
    lines: dict[str, tuple[str, ...]] = field(default_factory=dict)  # what each line of a heading says of a column
    texts: str = ""

    def of(self, *sql: str) -> str:
        """The table to ask such SQL of: the texts alone, which every core reads at once, unless it asks for more."""
        return self.table if any(CAST in part for part in sql) else self.texts or self.table


def quoted(name: str) -> str:
    """A column or table name as SQL wants it."""
    return '"' + name.replace('"', '""') + '"'


def filled(column: str) -> str:
    """SQL of a column's text, trimmed; NULL where it is empty."""
    return f"nullif(trim({quoted(column)}), '')"


def literal(value: object) -> str:
    """A text as SQL wants it."""
    return "'" + str(value).replace("'", "''") + "'"


def in_python(pattern: str) -> str:
    """A pattern of RE2 as Python writes it."""
    return re.sub(r"\\x\{([0-9A-F]+)\}", lambda found: chr(int(found[1], 16)), pattern)


def rows(connection: duckdb.DuckDBPyConnection, sql: str) -> list[tuple[Any, ...]]:
    """Run SQL to its end and return its rows: DuckDB refuses other work while a result is unfinished."""
    return connection.execute(sql).fetchall()


def first_line(error: Exception) -> str:
    """The first line of an error, without the kind of error that DuckDB puts before it."""
    return str(error).strip().splitlines()[0].split(" Error: ", 1)[-1]


@contextmanager
def plainly_named(path: Path) -> Iterator[Path]:
    """The same file under a name in which DuckDB sees no pattern, no partition and no other encoding."""
    with TemporaryDirectory() as folder:
        name = Path(folder) / "data"
        try:
            name.symlink_to(path.absolute())
        except OSError:  # Windows lets few people make links
            import shutil

            shutil.copyfile(path, name)
        yield name


def as_text(connection: duckdb.DuckDBPyConnection, table: str, query: str, name: str) -> Raw:
    """Make `table` of what `query` gives, every column as text, numbered in its order. `name`: of the file, to say."""
    try:
        described = rows(connection, f"DESCRIBE {query}")
        refuse_names([column for column, *_ in described], name)
        columns = ", ".join(f"{_text(column, kind)} AS {quoted(column)}" for column, kind, *_ in described)
        rows(
            connection,
            f"CREATE TABLE {table} AS SELECT row_number() OVER () AS {ROW}, {columns} FROM ({query})",
        )
    except duckdb.Error as error:
        what = phrase("{file} can't be read: {why}", file=name, why=first_line(error))
        raise DataError(what, "Open it, and save it as CSV.") from None
    count = rows(connection, f"SELECT count(*) FROM {table}")[0][0]
    numbers = frozenset(column for column, kind, *_ in described if kind.startswith(("DECIMAL", "DOUBLE", "FLOAT")))
    return Raw(table, [column for column, *_ in described], int(count), numbers=numbers)


def _text(column: str, kind: str) -> str:
    """SQL of a column as text. A float that holds whole numbers is an id or a count that met an empty cell: 17850.0 is
    17850 again, and no number (nan) is an empty cell."""
    text = f"CAST({quoted(column)} AS VARCHAR)"
    if kind in {"DOUBLE", "FLOAT"}:
        whole = f"{quoted(column)} = round({quoted(column)}) AND abs({quoted(column)}) < 1e15"
        return (
            f"CASE WHEN isnan({quoted(column)}) THEN NULL "
            f"WHEN {whole} THEN CAST(CAST({quoted(column)} AS BIGINT) AS VARCHAR) ELSE {text} END"
        )
    return text


def refuse_names(columns: list[str], name: str) -> None:
    """Raise DataError when two columns have one name, whatever its case, or one has a name that is kept for our own."""
    own = [column for column in columns if column.casefold().startswith(OURS)]
    if own:
        what = phrase(
            "{file} has {n} column(s) whose name begins with {ours}, as our own do: {these}.",
            file=name,
            n=len(own),
            ours=OURS,
            these=", ".join(own),
        )
        raise DataError(what, "Rename or delete them in the file.")
    counts = Counter(column.casefold() for column in columns)
    doubled = sorted({column for column in columns if column and counts[column.casefold()] > 1})
    if doubled:
        what = phrase(
            "{file} has {n} column name(s) that occur twice: {these}.",
            file=name,
            n=len(doubled),
            these=", ".join(doubled),
        )
        raise DataError(what, "Rename or delete one of each in the file.")
