"""A tool's export → how to read it: known by its header, its rows put into the shape that a table has.

A format is data, one TOML file of `formats` for a tool and a table: what the file's columns are or were called, and
options that any card may use as well. Nothing here knows a tool. `fitted` puts the file's own names in place of the
format's; `shaped` works out the columns that the file doesn't have as such.
"""

import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any

import duckdb

from clvlib.errors import DataError
from clvlib.ingest.answers import asked
from clvlib.ingest.casting import read_numbers
from clvlib.ingest.raw import ROW, Raw, filled, literal, quoted, rows

FORMATS = Path(__file__).parent / "formats"
_ABOUT = ("title", "table", "header", "names", "confirm", "versions", "missing", "refuse", "only", "not_asked")
_COLUMNS = (
    "keep_if_filled",
    "includes",
    "unless_filled",
    "if_filled",
    "once",
    "without",
)  # options that name columns …
_BY_COLUMN = ("drop", "keep", "rows_like", "first_of", "unless_like")  # … or have them as keys
_LINES = ("order", "fill", "share", "by", "less")  # of lines_of
_Lines = Mapping[str, tuple[str, ...]]


@dataclass(frozen=True)
class Format:
    """One export: the table that it fills, the columns that each such file has, and how it is read.

    names: what a column that the format speaks of is called in other versions and languages; what begins with ~ is a
    pattern of such names. confirm: options that no file proves, with what to ask. versions: a column that only some
    files have → the options that hold for those. missing: what to do where a file doesn't say a column. refuse: why
    none of its files can be used; empty where they can. only: what else a file has at most, where the header alone
    could be of any; None where it may have more. not_asked: of a survey, columns that are no question.
    """

    name: str
    title: str
    table: str
    header: tuple[str, ...]
    names: Mapping[str, list[str]]
    confirm: Mapping[str, str]
    options: Mapping[str, Any]
    versions: Mapping[str, Mapping[str, Any]]
    missing: Mapping[str, str]
    refuse: str
    only: tuple[str, ...] | None
    not_asked: tuple[str, ...]

    def column(self, label: str, columns: Iterable[str], heading: _Lines = MappingProxyType({})) -> str | None:
        """The file's column that the format calls `label`; None where there is none. Neither case nor spaces count.

        heading: what each line of a heading says of columns: by each of them a column is known.
        """
        own = {_plain(text): column for column, said in reversed(list(heading.items())) for text in said}
        own |= {_plain(column): column for column in columns}
        for name in (label, *self.names.get(label, ())):
            like = re.compile(name[1:] if name.startswith("~") else re.escape(_plain(name)), re.IGNORECASE)
            if found := next((column for plain, column in own.items() if like.fullmatch(plain)), None):
                return found
        return None


def _plain(name: str) -> str:
    return " ".join(name.casefold().split())


@cache
def formats() -> dict[str, Format]:
    """All known exports, by the name that a card gives: format = "shopify"."""
    found = {}
    for path in sorted(FORMATS.glob("*.toml")):
        said = tomllib.loads(path.read_text("utf-8"))
        options = {option: value for option, value in said.items() if option not in _ABOUT}
        found[path.stem] = Format(
            path.stem,
            said["title"],
            said["table"],
            tuple(said["header"]),
            said.get("names", {}),
            said.get("confirm", {}),
            options,
            said.get("versions", {}),
            said.get("missing", {}),
            said.get("refuse", ""),
            tuple(said["only"]) if "only" in said else None,
            tuple(said.get("not_asked", ())),
        )
    return found


def recognise(columns: Iterable[str], heading: _Lines = MappingProxyType({})) -> list[Format]:
    """The exports whose header a file has: those that ask for most columns; several only where they ask for as many."""
    columns = list(columns)
    fits = [one for one in formats().values() if all(one.column(label, columns, heading) for label in one.header)]
    for one in [one for one in fits if one.only is not None]:
        known = {one.column(label, columns) for label in (*one.header, *(one.only or ()))}
        if not set(columns) <= known:
            fits.remove(one)
    most = max((len(one.header) for one in fits), default=0)
    return [one for one in fits if len(one.header) == most]


def repeated() -> list[str]:
    """Names that columns share in some export."""
    return [name for one in formats().values() for name in one.options.get("repeats", ())]


def fitted(options: dict[str, Any], columns: list[str], heading: _Lines = MappingProxyType({})) -> dict[str, Any]:
    """The options with the file's own names of columns; those of the format that the file hasn't are left out.

    Raises DataError for what the file doesn't say, where the format knows where to get it.
    Of a file without what an order's amounts are shared out by, only the first line of an order is kept.
    """
    if "format" not in options:
        return options
    known = formats()[options["format"]]

    def there(labels: Any) -> list[str]:
        return list(
            dict.fromkeys(found for label in listed(labels) if (found := known.column(label, columns, heading)))
        )

    for version in [of for column, of in known.versions.items() if there(column)]:
        options = options | {o: value for o, value in version.items() if options.get(o) == known.options.get(o)}
    found = dict(options)
    mapped = {target: _joined(source, there) for target, source in options.get("columns", {}).items()}
    found["columns"] = {target: source or options["columns"][target] for target, source in mapped.items()}
    optional = known.options.get("columns", {})
    for target in [t for t, source in mapped.items() if not source and options["columns"][t] == optional.get(t)]:
        if target not in ("customer_id", "date", "amount"):
            del found["columns"][target]
    for target, mend in known.missing.items():
        if not mapped.get(target) and target not in options.get("fixed", {}) and target not in map(_plain, columns):
            raise DataError(f"{known.title}: the file doesn't say {target}.", mend)
    for option in set(_COLUMNS) & options.keys():
        names = there(options[option])
        found[option] = names if isinstance(options[option], list) else next(iter(names), options[option])
    if options.get("once") and not there(options["once"][:1]):
        found["once"] = []
    for option in set(_BY_COLUMN) & options.keys():
        found[option] = {c: value for label, value in options[option].items() for c in there(label) or [label]}
    for option in set(_BY_COLUMN) & known.options.keys():
        absent = {label for label in known.options[option] if not there(label)}
        found[option] = {label: value for label, value in found[option].items() if label not in absent}
    if refunds := options.get("refunds"):
        where = {column: values for label, values in refunds["where"].items() for column in there(label)}
        found["refunds"] = {"where": where} | {t: there(refunds[t]) for t in refunds if t != "where"} if where else {}
    if lines := options.get("lines_of"):
        parts = {part: there(lines[part]) for part in _LINES if part in lines}
        whole = all(parts.get(part) for part in ("order", "share")) and len(parts["by"]) == len(lines["by"])
        found["lines_of"] = parts if whole else {}
        if not whole and parts.get("order") and parts.get("share"):
            found |= {"lines_of": {**parts, "by": []}, "keep_if_filled": f"{parts['share'][0]} of the line"}
        elif not whole:
            found["keep_if_filled"] = next(iter(parts["share"]), lines["share"][0])
    return found


def _joined(source: Any, there: Any) -> Any:
    if isinstance(source, dict) and "join" not in source:
        return source
    if isinstance(source, dict):
        return {"join": there(source["join"])} if there(source["join"][:1]) else None
    names = there(source)
    return names[0] if len(names) == 1 else names or None


def shaped(connection: duckdb.DuckDBPyConnection, raw: Raw, options: dict[str, Any]) -> dict[str, Any]:
    """Add to the raw table what an export hasn't as a column of its own; the options name the new columns.

    * `columns = { date = { join = ["Date", "Time"] } }`: cells of a row, a space between them;
    * `columns = { customer_id = { row = true } }`: the row's number, for a file of people without names;
    * `columns = { question = { heading = 2, of = "score" } }`: what that line of the heading says of another's column;
    * `without = ["spend"]`: columns that are not read, as what came after of those who are told apart by all others;
    * `first_of = { Contacts = ";" }`: of several things in a cell the first;
    * `fixed = { channel = "google ads" }`: the same in each row;
    * `unless_filled = ["Unsubscribed at"]`: consent is yes unless one of these columns is filled; `unless_like =
      { "Opted out" = "(?i)^yes$" }`: unless a column is so; `if_filled = ["Confirmed at"]`: and one of these is filled;
      nothing is said of consent where none of these columns is there;
    * `lines_of = { order, fill, share, by, less }`: lines of an order, which says things once: what is in `fill` holds
      for all its lines, and the amounts in `share` are shared out by the product of the columns `by`, less `less`
      (where there is none, the first line has all of it, and the others nothing);
    * `refunds = { where = { Type = ["Refund"] }, customer_id = "To" }`: such rows, and no others, are money that goes
      back to a customer, and those of the columns that they name stand elsewhere;
    * `once = ["Order", "Event"]`: of rows alike in all of these, the first of them filled, one is kept (`reading`);
    * `doubts = { "what no file can tell" = "how to mend it" }`: said each time.
    """
    changed: dict[str, str] = {}
    added: dict[str, str] = {}
    columns: dict[str, Any] = dict(options.get("columns", {}))
    refunds: dict[str, Any] = options.get("refunds") or {}
    of_refunds = [c for named in refunds.values() for c in (named if isinstance(named, dict) else listed(named))]
    if absent := [column for column in of_refunds if column not in raw.columns]:
        has = f"The file has: {', '.join(raw.columns)}."
        raise DataError(f"refunds names {', '.join(map(repr, absent))}, which is no column. {has}", "Correct the card.")
    for column, mark in options.get("first_of", {}).items():
        changed[column] = f"nullif(trim(split_part({quoted(column)}, {literal(mark)}, 1)), '')"
        several = f"contains({quoted(column)}, {literal(mark)})"
        count = rows(connection, f"SELECT count(*) FROM {raw.table} WHERE {several}")[0][0]
        if count:
            raw.noticed.append(("warning", f"{count:,} row(s) name several in {column}: the first is taken", count, (),
                                "Export them one by one if another should count."))  # fmt: skip
    unread: list[str] = options.get("without", [])
    if wrong := [column for column in unread if column not in raw.columns]:
        what = f"without names {', '.join(map(repr, wrong))}, which the file doesn't have."
        raise DataError(what, f"The file has: {', '.join(raw.columns)}.")
    if lines := options.get("lines_of"):
        changed |= {c: _filled_down(c, lines["order"][0]) for c in lines.get("fill", ())}
        amounts = [*lines["share"], *lines["by"], *lines.get("less", ())]
        read = read_numbers(
            connection,
            raw.table,
            {c: filled(c) for c in amounts},
            options.get("decimal"),
            options.get("thousands"),
            raw.numbers,
        )
        for total in lines["share"]:
            added[f"{total} of the line"] = _shared(total, lines, {c: read[c].sql for c in amounts}, options)
        columns = {t: _renamed(source, lines["share"]) for t, source in columns.items()}
        options = {**options, "includes": _renamed(options.get("includes", []), lines["share"])}
    for target, source in columns.items():
        if isinstance(source, dict) and "row" in source:
            columns[target] = "row of the file"
            added[columns[target]] = f"CAST({ROW} AS VARCHAR)"
        elif isinstance(source, dict) and "heading" in source:
            first = columns.get(source["of"], source["of"])
            first = first[0] if isinstance(first, list) else first
            columns[target] = f"{target} of the heading"
            added[columns[target]] = literal(asked(raw, str(first), source["heading"]))
        elif isinstance(source, dict):
            name = " + ".join(source["join"])
            cells = ", ".join(map(filled, source["join"]))
            added[name] = f"CASE WHEN {filled(source['join'][0])} IS NOT NULL THEN concat_ws(' ', {cells}) END"
            columns[target] = name
    for target, elsewhere in refunds.items():
        if target != "where" and elsewhere:
            back, paid = (f"coalesce({', '.join(map(filled, listed(n)))})" for n in (elsewhere, columns[target]))
            added[f"{target}, of refunds too"] = f"CASE WHEN {is_refund(refunds)} THEN {back} ELSE {paid} END"
            columns[target] = f"{target}, of refunds too"
    for target, value in options.get("fixed", {}).items():
        added[f"{target}: {value}"] = literal(value)
        columns[target] = f"{target}: {value}"
    for what, mend in options.get("doubts", {}).items():
        raw.noticed.append(("warning", what, raw.rows, (), mend))
    if allowed := _consenting(options, raw):
        added["consent by the list"] = f"CASE WHEN {' AND '.join(allowed)} THEN 'yes' ELSE 'no' END"
        columns["consent"] = "consent by the list"
    if changed or added or unread:
        replaced = ", ".join(f"{sql} AS {quoted(column)}" for column, sql in changed.items())
        more = "".join(f", {sql} AS {quoted(column)}" for column, sql in added.items())
        star = f"* EXCLUDE ({', '.join(map(quoted, unread))})" if unread else "*"
        star += f" REPLACE ({replaced})" if changed else ""
        rows(
            connection,
            f"CREATE TABLE shaped_{raw.table} AS SELECT {star}{more} FROM {raw.table} ORDER BY {ROW}; "
            f"DROP TABLE {raw.table}; ALTER TABLE shaped_{raw.table} RENAME TO {raw.table}",
        )
        raw.columns = [*(column for column in raw.columns if column not in unread), *added]
    return {**options, "columns": columns} if columns else options


def listed(names: Any) -> list[Any]:
    return names if isinstance(names, list) else [names]


def is_refund(refunds: Mapping[str, Any]) -> str:
    """SQL of whether a row is money that goes back to a customer, as the option `refunds` says."""
    said = {c: ", ".join(literal(value.lower()) for value in values) for c, values in refunds["where"].items()}
    return " AND ".join(f"coalesce(lower({filled(column)}) IN ({values}), false)" for column, values in said.items())


def _consenting(options: dict[str, Any], raw: Raw) -> list[str]:
    """SQL of what must hold for consent, of the columns that are there. DataError for one that isn't."""
    named = [column for option in ("if_filled", "unless_filled", "unless_like") for column in options.get(option, ())]
    if absent := [column for column in named if column not in raw.columns]:
        what = f"There is no column {absent[0]!r}. The file has: {', '.join(raw.columns)}."
        raise DataError(what, "Correct if_filled, unless_filled or unless_like in the card.")
    given = " OR ".join(f"{filled(column)} IS NOT NULL" for column in options.get("if_filled", ()))
    refused = [f"{filled(column)} IS NOT NULL" for column in options.get("unless_filled", ())]
    refused += [
        f"regexp_matches(coalesce({filled(column)}, ''), {literal(pattern)})"
        for column, pattern in options.get("unless_like", {}).items()
    ]
    return ([f"({given})"] if given else []) + [f"NOT {one}" for one in refused]


def _renamed(source: Any, shared: list[str]) -> Any:
    if isinstance(source, list):
        return [_renamed(one, shared) for one in source]
    return f"{source} of the line" if source in shared else source


def _of(order: str) -> str:
    """SQL of the lines of an order; a line without a number is one of its own."""
    return f"PARTITION BY coalesce({filled(order)}, 'row ' || {ROW})"


def _whole(order: str) -> str:
    return f"{_of(order)} ORDER BY {ROW} ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING"


def _filled_down(column: str, order: str) -> str:
    """SQL of a cell, or of the first of its order that is filled."""
    return f"coalesce({filled(column)}, first_value({filled(column)} IGNORE NULLS) OVER ({_whole(order)}))"


def _shared(total: str, lines: Mapping[str, list[str]], number: Mapping[str, str], options: Mapping[str, Any]) -> str:
    """SQL of a line's part of its order's amount: rounded to cents, and all parts together the amount itself.

    number: the SQL of each column's number. What can't be read stays as it is written, to be counted.
    """
    (order,) = lines["order"]
    paid = f"first_value({number[total]} IGNORE NULLS) OVER ({_whole(order)})"
    first = f"row_number() OVER ({_of(order)} ORDER BY {ROW}) = 1"
    shares = f"CASE WHEN {first} THEN {paid} END"
    if lines["by"]:
        product = " * ".join(f"coalesce({number[column]}, 0)" for column in lines["by"])
        less = "".join(f" - coalesce({number[column]}, 0)" for column in lines.get("less", ()))
        weight = f"greatest({product}{less}, 0)"
        so_far = f"sum({weight}) OVER ({_of(order)} ORDER BY {ROW})"
        all_of_it = f"sum({weight}) OVER ({_of(order)})"

        def until(weights: str) -> str:
            return f"CASE WHEN {weights} = {all_of_it} THEN {paid} ELSE round({paid} * {weights} / {all_of_it}, 2) END"

        shares = f"CASE WHEN {all_of_it} > 0 THEN ({until(so_far)}) - ({until(f'({so_far} - {weight})')}) "
        shares += f"WHEN {first} THEN {paid} WHEN {paid} IS NOT NULL THEN 0 END"
    text = f"CAST(CAST({shares} AS DECIMAL(18, 4)) AS VARCHAR)"
    if options.get("decimal") == ",":
        text = f"replace({text}, '.', ',')"
    unread = f"CASE WHEN {number[total]} IS NULL THEN {filled(total)} END"
    return f"coalesce({text}, {unread})"
