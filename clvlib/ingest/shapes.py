"""A file's rows → the shape that a table has: columns that the file doesn't have as such, worked out as the card says.

Orders that say their total once for all their lines, several things in one cell, the same in each row, consent by the
list that somebody is on. The options are those of a card; formats of tools (`exports`) are made of them.
"""

from collections.abc import Mapping
from typing import Any

import duckdb

from clvlib.errors import DataError, Rows
from clvlib.ingest.answers import asked
from clvlib.ingest.casting import read_numbers
from clvlib.ingest.exports import as_list
from clvlib.ingest.raw import OURS, ROW, Raw, filled, literal, quoted, rows
from clvlib.language import message, phrase

_COPY = f"{OURS}copy"  # of an order that stands in several files: the file


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
      (where there is none, the first line has all of it, and the others nothing); an order whose amounts stand in
      several files is shared out in each, so that equal lines are equal, and count once;
    * `refunds = { where = { Type = ["Refund"] }, customer_id = "To" }`: such rows, and no others, are money that goes
      back to a customer, and those of the columns that they name stand elsewhere;
    * `once = ["Order", "Event"]`: of rows alike in all of these, the first of them filled, one is kept (`reading`);
    * `doubts = { "what no file can tell" = "how to mend it" }`: said each time.
    """
    changed: dict[str, str] = {}
    added: dict[str, str] = {}
    columns: dict[str, Any] = dict(options.get("columns", {}))
    refunds: dict[str, Any] = options.get("refunds") or {}
    _refuse_unknown(options, raw)
    for column, mark in options.get("first_of", {}).items():
        changed[column] = f"nullif(trim(split_part({quoted(column)}, {literal(mark)}, 1)), '')"
        several = f"contains({quoted(column)}, {literal(mark)})"
        count = rows(connection, f"SELECT count(*) FROM {raw.table} WHERE {several}")[0][0]
        if count:
            what = phrase("{n:,} row(s) name several in {column}: the first is taken", n=count, column=column)
            mend = message("Export them one by one if another should count.")
            raw.noticed.append(("warning", what, Rows(count), (), mend))
    unread: list[str] = options.get("without", [])
    if lines := {part: as_list(named) for part, named in options.get("lines_of", {}).items()}:
        _tell_apart(connection, raw, lines)
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
            back, paid = (f"coalesce({', '.join(map(filled, as_list(n)))})" for n in (elsewhere, columns[target]))
            added[f"{target}, of refunds too"] = f"CASE WHEN {is_refund(refunds)} THEN {back} ELSE {paid} END"
            columns[target] = f"{target}, of refunds too"
    for target, value in options.get("fixed", {}).items():
        added[f"{target}: {value}"] = literal(value)
        columns[target] = f"{target}: {value}"
    for what, mend in options.get("doubts", {}).items():
        raw.noticed.append(("warning", what, raw.rows, (), mend))
    if allowed := _consenting(options):
        added["consent by the list"] = f"CASE WHEN {' AND '.join(allowed)} THEN 'yes' ELSE 'no' END"
        columns["consent"] = "consent by the list"
    if changed or added or unread:
        replaced = ", ".join(f"{sql} AS {quoted(column)}" for column, sql in changed.items())
        more = "".join(f", {sql} AS {quoted(column)}" for column, sql in added.items())
        left = [*map(quoted, unread), *([_COPY] if lines else [])]
        star = f"* EXCLUDE ({', '.join(left)})" if left else "*"
        star += f" REPLACE ({replaced})" if changed else ""
        rows(
            connection,
            f"CREATE TABLE shaped_{raw.table} AS SELECT {star}{more} FROM {raw.table} ORDER BY {ROW}; "
            f"DROP TABLE {raw.table}; ALTER TABLE shaped_{raw.table} RENAME TO {raw.table}",
        )
        raw.columns = [*(column for column in raw.columns if column not in unread), *added]
    return {**options, "columns": columns} if columns else options


def _refuse_unknown(options: dict[str, Any], raw: Raw) -> None:
    """Raise DataError for columns that these options name and the file hasn't."""
    joined = [source["join"] for source in options.get("columns", {}).values() if "join" in as_list(source)[0]]
    named = {option: options.get(option, {}) for option in ("first_of", "without", "if_filled", "unless_filled")}
    named |= {"unless_like": options.get("unless_like", {}), "columns": [column for one in joined for column in one]}
    for option in ("lines_of", "refunds"):
        parts = (options.get(option) or {}).values()
        named[option] = [column for part in parts for column in (part if isinstance(part, dict) else as_list(part))]
    for option, columns in named.items():
        if absent := [column for column in columns if column not in raw.columns]:
            what = phrase(
                "{option} names {these}, which the file doesn't have.",
                option=option,
                these=", ".join(map(repr, absent)),
            )
            raise DataError(what, phrase("The file has: {these}.", these=", ".join(raw.columns)))


def is_refund(refunds: Mapping[str, Any]) -> str:
    """SQL of whether a row is money that goes back to a customer, as the option `refunds` says."""
    said = {c: ", ".join(literal(value.lower()) for value in values) for c, values in refunds["where"].items()}
    return " AND ".join(f"coalesce(lower({filled(column)}) IN ({values}), false)" for column, values in said.items())


def _consenting(options: dict[str, Any]) -> list[str]:
    """SQL of what must hold for consent."""
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


def _tell_apart(connection: duckdb.DuckDBPyConnection, raw: Raw, lines: Mapping[str, list[str]]) -> None:
    """Add to the raw table which file a line is of, where several files say the amounts of its order."""
    rows(connection, f"ALTER TABLE {raw.table} ADD COLUMN {_COPY} VARCHAR")
    if raw.label:
        (order,), file = lines["order"], quoted(raw.label)
        said = " OR ".join(f"{filled(total)} IS NOT NULL" for total in lines["share"])
        several = f"SELECT {filled(order)} FROM {raw.table} WHERE {said} GROUP BY 1 HAVING count(DISTINCT {file}) > 1"
        rows(connection, f"UPDATE {raw.table} SET {_COPY} = {file} WHERE {filled(order)} IN ({several})")


def _of(order: str) -> str:
    """SQL of the lines of an order; a line without a number is one of its own."""
    return f"PARTITION BY coalesce({filled(order)}, 'row ' || {ROW}), {_COPY}"


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
