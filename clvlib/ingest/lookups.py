"""Tables that say what a code stands for: products with names and categories, campaigns with days and channels.

A card describes them in sections of their own. What they say of a row's code is put beside it, where the row itself
doesn't say it; codes that they don't know keep their own name, and are counted.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

from clvlib.errors import DataError, Problem, Rows
from clvlib.ingest import sources
from clvlib.ingest.options import nearest, options_of
from clvlib.ingest.raw import ROW, Raw, filled, quoted, rows
from clvlib.ingest.tables import LOOKUPS
from clvlib.language import phrase

_NAME = "name"
_READ = ("path", "url", "glob", "columns", "delimiter", "header", "encoding", "sheet", "table")  # options


@dataclass(frozen=True)
class Codes:
    """A table of codes that was read: its name and those of its columns that the card maps."""

    name: str
    gives: tuple[str, ...]

    @property
    def table(self) -> str:
        """Its table in DuckDB, one row a code."""
        return f"codes_of_{self.name}"


def read_codes(
    connection: duckdb.DuckDBPyConnection, name: str, options: Any, folder: Path
) -> tuple[Codes, list[Path], list[Problem]]:
    """Read the table of codes that a section describes. Returns it, its files, and what there is to say.

    Of a code that is described in several ways, the commonest counts. A name that several codes have gets the code
    behind it. DataError for what can't be read, and for columns that the file hasn't.
    """
    lookup = LOOKUPS[name]
    options = options_of(name, options, _READ)
    files = sources.files_of_section(options, folder)
    raw = sources.read_sources(connection, files, f"raw_{name}", options)
    columns: dict[str, str] = dict(options.get("columns", {}))
    targets = [lookup.code, *lookup.gives]
    by_itself = {c.strip().lower(): c for c in raw.columns if c.strip().lower() in targets}
    columns = {**by_itself, **columns}
    unknown = [target for target in columns if target not in targets]
    absent = [str(source) for source in columns.values() if source not in raw.columns]
    if unknown or absent or lookup.code not in columns or len(columns) == 1:
        what = phrase(
            "A table of {name} maps {code}, and one or more of {others}.{absent: There is no column {absent}.|}",
            name=name,
            code=lookup.code,
            others=", ".join(lookup.gives),
            absent=", ".join(map(repr, absent)),
        )
        mend = phrase(
            "The file has: {these}. Say which is which in [{name}], columns = {{ … }}.",
            these=", ".join(raw.columns),
            name=name,
        )
        raise DataError(what + (nearest(absent[0], raw.columns) if absent else ""), mend)
    gives = tuple(target for target in lookup.gives if target in columns)
    code = filled(columns[lookup.code])
    said = ", ".join(f"{filled(columns[target])} AS {quoted(target)}" for target in gives)
    best = ", ".join(f"mode({t} ORDER BY {t}) AS {t}" for t in map(quoted, gives))
    several = " OR ".join(f"count(DISTINCT {t}) > 1" for t in map(quoted, gives))
    codes = Codes(name, gives)
    rows(
        connection,
        f"CREATE TABLE {codes.table} AS SELECT code, ({several}) AS several, {best} "
        f"FROM (SELECT {code} AS code, {said} FROM {raw.table}) WHERE code IS NOT NULL GROUP BY code ORDER BY code",
    )
    without = rows(connection, f"SELECT count(*) FROM {raw.table} WHERE {code} IS NULL")[0][0]
    count, twice = rows(connection, f"SELECT count(*), count(*) FILTER (several) FROM {codes.table}")[0]
    if not count:
        what = phrase("No row of the table of {name} has a {code}.", name=name, code=lookup.code)
        raise DataError(what, "Map another column.")
    what = phrase("{n:,} {name} are described in {rows:,} row(s)", n=count, name=name, rows=raw.rows)
    found = [Problem("note", name, what, raw.rows, (), "")]
    if without:
        what = phrase("{n:,} row(s) have no {code}: not used", n=without, code=lookup.code)
        found.append(Problem("warning", name, what, Rows(without), (), ""))
    if twice:
        odd = rows(connection, f"SELECT code FROM {codes.table} WHERE several ORDER BY 1 LIMIT 3")
        what = phrase("{n:,} {name} are described in several ways: the commonest counts", n=twice, name=name)
        found.append(Problem("note", name, what, twice, tuple(each for (each,) in odd), ""))
    if _NAME in gives:
        shared = f"SELECT {_NAME} FROM {codes.table} GROUP BY 1 HAVING count(*) > 1 AND {_NAME} IS NOT NULL"
        alike = rows(connection, f"SELECT code FROM {codes.table} WHERE {_NAME} IN ({shared}) ORDER BY 1")
        if alike:
            what = phrase(
                "{n:,} {name} share a name with another: the {code} stands behind it",
                n=len(alike),
                name=name,
                code=lookup.code,
            )
            found.append(Problem("note", name, what, len(alike), tuple(each for (each,) in alike[:3]), ""))
            rows(
                connection,
                f"UPDATE {codes.table} SET {_NAME} = {_NAME} || ' (' || code || ')' WHERE {_NAME} IN ({shared})",
            )
    rows(connection, f"DROP TABLE {raw.table}")
    return codes, files, found


def joined(
    connection: duckdb.DuckDBPyConnection, raw: Raw, options: dict[str, Any], codes: Codes
) -> tuple[dict[str, Any], list[Problem]]:
    """Put what a table of codes says beside the codes of the raw table; the options take it as second choice.

    A code's name comes first, the code itself where it has none. Returns the options and how many codes are unknown.
    """
    lookup = LOOKUPS[codes.name]
    columns: dict[str, Any] = dict(options.get("columns", {}))
    own = {
        target: columns.get(target) or next((c for c in raw.columns if c.strip().lower() == target), None)
        for target in {lookup.by, *lookup.gives.values()}
    }
    sources_of = {t: source if isinstance(source, list) else [source] for t, source in own.items() if source}
    named = [column for column in sources_of.get(lookup.by, []) if column in raw.columns]
    if not named:
        what = phrase("{table} have no {code}: not used", table=lookup.of, code=lookup.by)
        mend = phrase(
            "Map the column of codes: columns = {{ {code} = … }} in [{table}].", code=lookup.by, table=lookup.of
        )
        return options, [Problem("warning", codes.name, what, 0, (), mend)]
    code = f"coalesce({', '.join(map(filled, named))})"
    added = {target: f"{lookup.gives[target]} by [{codes.name}]" for target in codes.gives}
    more = "".join(f", codes.{quoted(target)} AS {quoted(name)}" for target, name in added.items())
    unknown = f"SELECT {code} AS code FROM {raw.table} WHERE {code} NOT IN (SELECT code FROM {codes.table})"
    count, different = rows(connection, f"SELECT count(*), count(DISTINCT code) FROM ({unknown})")[0]
    examples = tuple(
        str(each) for (each,) in rows(connection, f"SELECT code FROM ({unknown}) GROUP BY 1 ORDER BY count(*) DESC, 1")
    )[:3]
    rows(
        connection,
        f"CREATE TABLE joined_{raw.table} AS SELECT raw.*{more} FROM (SELECT *, {code} AS __clv_code FROM {raw.table}) "
        f"AS raw LEFT JOIN {codes.table} AS codes ON __clv_code = codes.code ORDER BY {ROW}; "
        f"ALTER TABLE joined_{raw.table} DROP COLUMN __clv_code; "
        f"DROP TABLE {raw.table}; ALTER TABLE joined_{raw.table} RENAME TO {raw.table}",
    )
    raw.columns += list(added.values())
    for target, name in added.items():
        before = sources_of.get(lookup.gives[target], [])
        columns[lookup.gives[target]] = [name, *before] if target == _NAME else [*before, name]
    found = []
    if count:
        what = phrase(
            "{n:,} row(s) of {table} have a {code} that the table of {name} doesn't know",
            n=count,
            table=lookup.of,
            code=lookup.by,
            name=codes.name,
        )
        mend = phrase(
            "They keep the code as it is ({n:,} different): complete the table, or write codes alike.", n=different
        )
        found.append(Problem("warning", codes.name, what, Rows(count), examples, mend))
    return {**options, "columns": columns}, found
