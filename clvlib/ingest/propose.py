"""A client's files → one proposed dataset card: what they prove is stated, all else is marked “to be confirmed”.

A tool's export is known by its header (`exports`), any other table by its names and values (`guess`). Files of one
header are one table; a card has each table once, and a file that has no place in it is named with the reason.
"""

import filecmp
import os
import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import duckdb
import ibis

from clvlib.errors import DataError
from clvlib.ingest import answers, archives, card, exports, guess, people, shapes, sources, subscribers
from clvlib.ingest.dates import DateShape, Undeclared
from clvlib.ingest.raw import Raw, filled, literal, quoted, rows
from clvlib.ingest.tables import TABLES, Column
from clvlib.language import ENGLISH, message, phrase, said_together, spoken, translated

MAIN = ("transactions", "totals", "subscriptions")  # the tables of which a card needs one
CURRENCY = ("currency", "currencycode", "devise", "waehrung", "wahrung", "moneda", "valuta")

_DAY = message("end of observation; default: the last day with data")
_DAYS = {
    "subscriptions": message("the day for which the file stands; needed where there are no transactions"),
    "totals": message("the day on which the totals were drawn; default: the last purchase"),
}
_TO_CONFIRM = card.TO_CONFIRM
_MOST_TABLES = 20  # of a file that are looked at


@dataclass(frozen=True)
class _Found:
    """A table of the files, what it seems to be, and its columns (canonical → the file's, and doubts of them)."""

    files: tuple[Path, ...]
    inside: dict[str, str]  # the option that names it in the file: sheet, table or glob
    raw: Raw
    tools: list[exports.Format]
    table: str
    mapping: dict[str, str] = field(default_factory=dict)
    doubts: dict[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        return ", ".join([*(file.name for file in self.files), *self.inside.values()])

    @property
    def section(self) -> str:
        """The section of the card that it fills."""
        return "transactions" if self.table == "totals" else self.table

    @property
    def missing(self) -> list[Column]:
        """The columns that this table needs and that weren't found; of subscriptions their shape says it."""
        by_other = {"amount"} if "unit_price" in self.mapping or self.table == "totals" else set()
        needed = [column for column in TABLES[self.table] if column.required and column.name not in by_other]
        return [] if self.tools else [column for column in needed if column.name not in self.mapping]

    def continues(self, other: "_Found") -> bool:
        """Whether the two can be read below each other: of one header, or newer and older files of one tool.

        Not where a tool's columns have other names, nor where a column by which rows are kept is in one only; nor of
        surveys, whose columns are what was asked.
        """
        if (self.table, self.tools, self.inside) != (other.table, other.tools, other.inside):
            return False
        if _header(self.raw) == _header(other.raw):
            return True
        for tool in self.tools:
            keeping = {*tool.options.get("keep", ()), *tool.options.get("rows_like", ()), *tool.versions}
            for label in {*tool.names, *keeping}:
                one, two = (tool.column(label, each.raw.columns) for each in (self, other))
                if one and two and one.casefold() != two.casefold():
                    return False
                if label in keeping and bool(one) != bool(two):
                    return False
        return bool(self.tools) and all(tool.only is None and not tool.not_asked for tool in self.tools)


def propose_card(*files: Path, folder: Path | None = None) -> str:
    """The text of one card for the tables in `files`, a folder's files included, which is to stand in `folder`.

    Each line that the files don't prove carries the words "to be confirmed", with the other candidates; what isn't used
    is named. folder: by default that of the first file. DataError when no file can be used, or one isn't there.
    """
    connection = ibis.duckdb.connect().con
    place = Path(os.path.abspath(folder or (files[0] if files[0].is_dir() else files[0].parent)))
    unused: list[str] = []
    found = _joined(connection, _looked_at(connection, files, unused))
    main, others = _chosen(found, unused)
    several = len({file for each in found for file in each.files}) > 1
    name = main.files[0].name
    head = phrase(
        "Proposed from the files. Lines marked “{mark}” are guesses: check them, then delete the mark.",
        mark=_TO_CONFIRM,
    )
    passed = [phrase("Not used: {what}", what=people.masked(why)) for why in unused]
    zone = translated("the shop's time zone, if dates carry an offset")
    lines = [
        *(f"# {card.comment(said)}" for said in (head, *passed)),
        card.line("name", name.split(".")[0] or name, _doubt(translated("what reports call it")) if several else ""),
        card.line("currency", *_currency(connection, main.raw, main.tools)),
        *([card.line("language", spoken())] if spoken() != ENGLISH else []),
        f'# timezone = "Europe/Paris"   # {zone}',
        f"# as_of = 2026-10-31           # {translated(_DAYS.get(main.table, _DAY))}",
    ]
    for each in (main, *others):
        rivals = [
            str(other) for other in found if other is not each and each.section == other.section and not other.missing
        ]
        lines += ["", *_section(connection, each, place, rivals)]
    if main.table not in MAIN:
        there = phrase("There is a table of {table}; a card also needs the file of orders:", table=main.table)
        lines += ["", f"# {there}", "# [transactions]", '# path = "orders.csv"']
    defaults = translated("these are the defaults, not facts about this business")
    lines += [
        "",
        f"[economics]  # {_doubt(defaults)}",
        f"margin = 0.30                   # {translated('contribution margin on revenue')}",
        "annual_discount_rate = 0.10",
        "horizon_months = 12",
        "retention_cost_per_year = 0.0",
        "service_cost_per_order = 0.0",
        "# acquisition_cost = 25.0",
        "",
    ]
    return "\n".join(lines)


# -- which files, which tables -----------------------------------------------------------------------------------------


def _looked_at(connection: duckdb.DuckDBPyConnection, paths: tuple[Path, ...], unused: list[str]) -> list[_Found]:
    """The tables in the files, those of folders included; for what is none, or can't be used, the reason in `unused`.

    Raises DataError for a file that isn't there, and where nothing is left.
    """
    files = [file for path in paths for file in (_in_folder(path, unused) if path.is_dir() else [path])]
    read: list[Path] = []
    found: list[_Found] = []
    for i, file in enumerate(files):
        try:
            tables = _tables(connection, file, f"raw_{i}", unused)
        except DataError as error:
            if len(files) == 1 or not file.exists():
                raise
            unused.append(_why(error, file.name))
            continue
        if twin := next((other for other in read if filecmp.cmp(file, other, shallow=False)), None):
            unused.append(phrase("{file}: the same as {other}, byte for byte", file=file.name, other=twin.name))
            continue
        if archives.is_archive(file):
            passed = archives.others_inside(file, sources.TABULAR)
            unused += [phrase("{file}, {inner}: no table by its ending", file=file.name, inner=name) for name in passed]
        read.append(file)
        found += tables
    if not found:
        what = phrase(
            "None of the {n} files is a table that can be used: {why:{why}|there is none}",
            n=len(files),
            why=" ".join(unused),
        )
        raise DataError(people.masked(what), "Give the file of orders.")
    return found


def _in_folder(folder: Path, unused: list[str]) -> list[Path]:
    """The files of a folder, by their names; not those of folders in it."""
    inside = sorted(one for one in folder.iterdir() if not one.name.startswith((".", "~$")))
    unused += [
        phrase("{folder}: a folder in {outer}, not looked into", folder=one.name, outer=folder.name)
        for one in inside
        if one.is_dir()
    ]
    return [one for one in inside if not one.is_dir()]


def _tables(connection: duckdb.DuckDBPyConnection, file: Path, name: str, unused: list[str]) -> list[_Found]:
    """What can be read of a file, as DuckDB tables that begin with `name`: the only table, or each sheet, table, or
    kind of files in a zip."""
    try:
        return [_look(connection, file, {}, name)]
    except sources.SeveralTables as several:
        found: list[_Found] = []
        wrong: list[str] = []
        for i, inside in enumerate(several.names[:_MOST_TABLES]):
            try:
                found.append(_look(connection, file, {several.option: inside}, f"{name}_{i}"))
            except DataError as error:  # an empty sheet, or one of notes
                wrong.append(f"{file.name}, {_why(error, inside)}")
        if not found:
            raise
        if further := several.names[_MOST_TABLES:]:
            these = ", ".join([file.name, *further])
            wrong.append(phrase("{these}: not looked at, being more than {most}", these=these, most=_MOST_TABLES))
        unused += wrong
        return found


def _look(connection: duckdb.DuckDBPyConnection, file: Path, inside: dict[str, str], name: str) -> _Found:
    """What a table seems to be. DataError for what can't be read, and for an export that can't be used."""
    raw = sources.read_sources(connection, [file], name, {"repeats": exports.repeated(), **inside})
    tools = exports.recognise(raw.columns, raw.lines)
    if not tools:
        return _Found((file,), inside, raw, tools, *guess.which_table(connection, raw))
    if tools[0].refuse:
        tool, why = translated(tools[0].title), translated(tools[0].refuse)
        raise DataError(phrase("{tool}: this can't be used. {why}", tool=tool, why=why))
    return _Found((file,), inside, raw, tools, tools[0].table)


def _why(error: DataError, what: str) -> str:
    """A file or a part of one, and why it is no table that can be used."""
    name = what.rpartition("/")[2]
    if error.what.startswith(name):
        return what + error.what.removeprefix(name)
    return phrase("{where}: {why}", where=what, why=error.what)


def _header(raw: Raw) -> tuple[set[str], dict[str, tuple[str, ...]]]:
    return {column.strip().casefold() for column in raw.columns}, raw.lines


def _joined(connection: duckdb.DuckDBPyConnection, found: list[_Found]) -> list[_Found]:
    """The same tables, those that can be read below each other as one."""
    groups: list[list[_Found]] = []
    for each in found:
        group = next((group for group in groups if all(each.continues(other) for other in group)), None)
        if group:
            group.append(each)
        else:
            groups.append([each])
    whole = []
    for i, group in enumerate(groups):
        first, files = group[0], [file for each in group for file in each.files]
        if len(group) > 1:
            options = {"repeats": exports.repeated(), **first.inside}
            raw = sources.read_sources(connection, files, f"joined_{i}", options)
            rows(connection, "; ".join(f"DROP TABLE {each.raw.table}" for each in group))
            first = replace(first, files=tuple(files), raw=raw)
        whole.append(first)
    return whole


def _chosen(found: list[_Found], unused: list[str]) -> tuple[_Found, list[_Found]]:
    """The table that the card is about, and others, one a section; for those left out, the reason in `unused`.

    Of several for one section: one that has all it needs, then one of a known tool, then the longest.
    """
    ranked = sorted(found, key=lambda each: (len(each.missing), not each.tools, -each.raw.rows))
    best: dict[str, _Found] = {}
    for each in ranked:
        best.setdefault(each.table, each)
    mains = [best[table] for table in MAIN if table in best]
    main = next((each for most in (0, 1) for each in mains if len(each.missing) == most), ranked[0])
    others = [each for each in best.values() if each.section != main.section and not each.missing]
    used = {each.section: each for each in (main, *others)}
    for each in ranked:
        if each in used.values():
            continue
        if each.missing:
            why = phrase(
                "{file}: no table that is known; for {table} it lacks {these}",
                file=each,
                table=each.section,
                these=", ".join(column.name for column in each.missing),
            )
        else:
            why = phrase(
                "{file}: a table of {table} too ({n:,} rows); a card has one such table, and {other} is taken",
                file=each,
                table=each.section,
                n=each.raw.rows,
                other=used[each.section],
            )
        unused.append(why)
    return main, others


def _named(file: Path, folder: Path) -> str:
    """A file as the card in `folder` names it: relative to it where the file is in it, else absolute."""
    full = Path(os.path.abspath(file))
    return full.relative_to(folder).as_posix() if full.is_relative_to(folder) else str(full)


# -- what the card says of a table -------------------------------------------------------------------------------------


def _doubt(why: str) -> str:
    """A remark of the card that asks for a word of whoever knows."""
    return phrase("{what}: {found}", what=_TO_CONFIRM, found=why)


def _section(connection: duckdb.DuckDBPyConnection, found: _Found, folder: Path, rivals: list[str]) -> list[str]:
    """The lines of the card for one table; rivals: what else could be it."""
    mapping, section, paths = found.mapping, found.section, [_named(file, folder) for file in found.files]
    doubts = [phrase("{n} files that are read below each other", n=len(paths))] if len(paths) > 1 else []
    doubts += [phrase("{these} could be it too", these=", ".join(rivals))] if rivals else []
    doubt = _doubt(said_together(doubts)) if doubts else ""
    lines = [f"[{section}]", card.line("path", paths if len(paths) > 1 else paths[0], doubt)]
    lines += [card.line(option, name) for option, name in found.inside.items()]
    if found.table == "totals":
        lines.append(card.line("grain", "customer", _doubt(translated("each row holds the totals of a customer"))))
        if "amount" not in mapping:
            why = translated("no column of money was found, so purchases are counted")
            lines.append(f"amounts = false  # {_doubt(why)}")
    if found.table == "subscriptions":
        why = phrase("or {these}", these=", ".join(subscribers.PERIODS))
        lines.append(card.line("period", "month", _doubt(why)))
        if "tenure" in mapping:
            why = translated("if those who left before the last period are missing")
            lines.append(f'# left = "last"    # {_doubt(why)}')
    if found.tools:
        tool, *others = found.tools
        why = phrase("{tool}: recognised by its columns", tool=translated(tool.title))
        for other in others:
            like = phrase('or "{format}" ({tool}): it fits as well', format=other.name, tool=translated(other.title))
            why += f", {like}"
        lines.append(card.line("format", tool.name, _doubt(why) if others else why))
        lines += [f"{option}  # {_doubt(translated(asked))}" for option, asked in tool.confirm.items()]
        return [*lines, *_dates_of_tool(connection, found.raw, tool), *_score(connection, found.raw, tool)]
    lines += [*_marks(connection, found), f"[{section}.columns]"]
    lines += [
        card.line(target, source, _TO_CONFIRM + found.doubts.get(target, "")) for target, source in mapping.items()
    ]
    columns = card.comment(", ".join(found.raw.columns))
    for column in found.missing:
        meaning = translated(column.meaning)
        why = phrase("not found, needed: {meaning}. Columns: {these}", meaning=meaning, these=columns)
        lines.append(f'# {column.name} = "…"  # {why}')
    missing = [column.name for column in found.missing]
    if "customer_id" in missing:
        why = phrase("If each row is another customer, who has no id: customer_id = {{ row = true }}")
        lines.append(f"# {why}")
    if missing == ["amount"]:
        why = phrase(
            "If there are no amounts, write amounts = false above [{section}.columns]: purchases are counted.",
            section=section,
        )
        lines.append(f"# {why}")
    return lines


def _score(connection: duckdb.DuckDBPyConnection, raw: Raw, tool: exports.Format) -> list[str]:
    """Which question of a survey is the one from 0 to 10, where the tool's export has any; else which may be it."""
    columns = tool.options.get("columns", {})
    if tool.table != "surveys" or "score" in columns:
        return []
    labels = [*tool.not_asked, *tool.header, *tool.names]
    not_asked = {column for label in labels if (column := tool.column(label, raw.columns, raw.lines))}
    found, words = answers.questions(connection, raw, not_asked, columns["question"]["heading"])
    question, why = answers.proposed(found, words)
    head = f"[{tool.table}.columns]"
    if question is None:
        needed = phrase("needed; which question? {why}", why=card.comment(why))
        return [f"# {head}", f'# score = "…"  # {_doubt(needed)}']
    source = question.columns[0] if len(question.columns) == 1 else list(question.columns)
    return [head, f"score = {card.inline(source)}  # {_TO_CONFIRM}{card.comment(why)}"]


def _marks(connection: duckdb.DuckDBPyConnection, found: _Found) -> list[str]:
    """How dates and numbers are written, as far as the values show it."""
    table, mapping = found.raw.table, found.mapping
    lines = _dates(connection, found.raw, {target: [mapping[target]] for target in _dated(found.table, mapping)}, {})
    if who := mapping.get("customer_id"):
        ids = f"SELECT count(DISTINCT {quoted(who)}) - count(DISTINCT lower({quoted(who)})) FROM {table}"
        mails = f"{ids} WHERE contains({quoted(who)}, '@')"
        if twice := rows(connection, mails)[0][0]:
            why = phrase("{n:,} e-mail address(es) are written in capitals and without", n=twice)
            lines.append(f"ignore_case = true  # {_doubt(why)}")
    column = mapping.get("amount", mapping.get("unit_price"))
    if column:
        text = f"trim({quoted(column)})"
        odd = rows(
            connection, f"SELECT count(*) FILTER (regexp_matches({text}, '^-?[0-9]+,[0-9]{{1,2}}$')), "
            f"count(*) FILTER (regexp_matches({text}, '[.][0-9]')) FROM {table}")[0]  # fmt: skip
        if odd[0] and not odd[1]:
            lines.append(card.line("decimal", ",", _doubt(translated("amounts look like 12,50"))))
    return lines


def _dated(table: str, mapping: Mapping[str, Any]) -> list[str]:
    """The columns of a table that are dates, and are mapped."""
    return [column.name for column in TABLES[table] if column.kind == "date" and column.name in mapping]


def _dates_of_tool(connection: duckdb.DuckDBPyConnection, raw: Raw, tool: exports.Format) -> list[str]:
    """The same as `_dates` of a known export, which says which columns they are, but seldom how they are written."""
    with suppress(DataError):  # what the file doesn't say, the tool's own lines ask for
        options = exports.fitted({**tool.options, "format": tool.name}, raw.columns, raw.lines)
        mapped = {target: options["columns"][target] for target in _dated(tool.table, options["columns"])}
        mapped = shapes.shaped(connection, replace(raw, columns=[*raw.columns]), {"columns": mapped}).get("columns", {})
        return _dates(connection, raw, {target: exports.as_list(source) for target, source in mapped.items()}, options)
    return []


def _dates(
    connection: duckdb.DuckDBPyConnection, raw: Raw, mapped: dict[str, list[str]], options: dict[str, Any]
) -> list[str]:
    """How dates were read, as their values prove; the formats to declare where they don't. mapped: target → columns."""
    lines: list[str] = []
    for target, columns in mapped.items():
        text = f"coalesce({', '.join(map(filled, columns))})"
        try:
            shape = DateShape(connection, raw.table, target, text)
            *_, remarks = shape.sql(options.get("date_format"), None, options.get("zone", ""))
            lines += [f"# {card.comment(remark.what)}" for remark in remarks]
        except Undeclared as undeclared:
            form = undeclared.formats if len(undeclared.formats) > 1 else undeclared.formats[0]
            why = card.comment(re.sub(r"^date\s?: ", "", undeclared.what))
            written = f"date_format = {card.inline(form)}  # {_doubt(why)}"
            return [written if undeclared.sure else f"# {written}"]
    return lines


def _currency(connection: duckdb.DuckDBPyConnection, raw: Raw, tools: list[exports.Format]) -> tuple[str, str]:
    """The one currency that the file names, which it proves; else euros, to be confirmed. Of a known tool, only rows
    that its format keeps count."""
    letters = {column: re.sub(r"[^a-z]", "", guess.unaccented(column.lower())) for column in raw.columns}
    columns = [column for column in raw.columns if letters[column] in CURRENCY][:1]
    kept = "true"
    for tool in [tool for tool in tools[:1] if not tool.missing]:
        options = exports.fitted({**tool.options, "format": tool.name}, raw.columns, raw.lines)
        columns = exports.as_list(options.get("columns", {}).get("currency", columns))
        for column, values in options.get("keep", {}).items():
            kept += f" AND lower({filled(column)}) IN ({', '.join(literal(value.lower()) for value in values)})"
    if columns:
        text = f"upper(coalesce({', '.join(map(filled, columns))}))"
        sql = f"SELECT DISTINCT {text} FROM {raw.table} WHERE {text} IS NOT NULL AND {kept}"
        found = {row[0] for row in rows(connection, sql)}
        if len(found) == 1:
            return str(found.pop()), phrase("from the column {column}", column=columns[0])
    return "EUR", _TO_CONFIRM
