"""A client's file → a proposed dataset card: what the file proves is stated, all else is marked “to be confirmed”.

A column is chosen by its name, in five languages (`names.toml`), if its values are of the kind that is needed; where no
name is known, by its values alone. The table that a file is follows from the columns it has.
"""

import re
import tomllib
import unicodedata
from contextlib import suppress
from dataclasses import dataclass
from itertools import permutations, product
from pathlib import Path

import duckdb
import ibis

from clvlib.errors import DataError
from clvlib.ingest import answers, card, exports, sources, subscribers
from clvlib.ingest.dates import DateShape, Undeclared
from clvlib.ingest.raw import Raw, filled, literal, quoted, rows
from clvlib.ingest.tables import TABLES, Column

_NAMES: dict[str, dict[str, list[str]]] = tomllib.loads((Path(__file__).parent / "names.toml").read_text("utf-8"))
MAIN = ("transactions", "totals", "subscriptions")  # the tables of which a card needs one
CURRENCY = ("currency", "currencycode", "devise", "waehrung", "wahrung", "moneda", "valuta")

_DAY = "end of observation; default: the last day with data"
_DAYS = {
    "subscriptions": "the day for which the file stands; needed where there are no transactions",
    "totals": "the day on which the totals were drawn; default: the last purchase",
}
_TO_CONFIRM = card.TO_CONFIRM
_TOTALS = {"customer_id", "first_purchase", "last_purchase"}  # no other table has a row per customer with both days
_MOST_TABLES = 20  # of a file that are looked at
_SAMPLE = 20_000  # rows whose values are looked at
_EACH = 0.99  # of the values of a column that has another one in each row are different
_KIND = 0.8  # of the values of a column are of one kind
_DATE = r"^[0-9]{4}[-/.][0-9]{1,2}([-/.][0-9]{1,2})?([ T].*)?$|^[0-9]{1,2}[-/.][0-9]{1,2}[-/.][0-9]{2,4}([ T].*)?$"
_OTHER_DATE = r"^(19|20)[0-9]{6}$|^[0-9]{1,2}[ -]\p{L}{3,9}\.?[ -][0-9]{2,4}|^\p{L}{3,9}\.? [0-9]{1,2}, [0-9]{4}|^[34][0-9]{4}(\.[0-9]+)?$|^1[0-9]{9}([0-9]{3}){0,2}$"  # fmt: skip # noqa: E501
_NUMBER = r"^[^\p{L}0-9]*(\p{L}{3} ?)?[0-9][0-9 .,'’\x{a0}\x{202f}]*( ?\p{L}{3})?[^\p{L}0-9]*$"


@dataclass(frozen=True)
class _Column:
    """What the values of a column of the file are: shares of those that are not empty."""

    dates: float
    numbers: float
    scores: float  # numbers from 0 to 10
    decimals: float
    different: float


@dataclass(frozen=True)
class _Found:
    """A table of the file, what it seems to be, and its columns (canonical → the file's, and doubts of them)."""

    inside: dict[str, str]  # the option that names it in the file: sheet or table
    raw: Raw
    tools: list[exports.Format]
    table: str
    mapping: dict[str, str]
    doubts: dict[str, str]

    @property
    def missing(self) -> list[Column]:
        """The columns that this table needs and that weren't found; of subscriptions their shape says it."""
        by_other = {"amount"} if "unit_price" in self.mapping or self.table == "totals" else set()
        needed = [column for column in TABLES[self.table] if column.required and column.name not in by_other]
        return [] if self.tools else [column for column in needed if column.name not in self.mapping]


def propose_card(path: Path, named: str | None = None) -> str:
    """The text of a card for the table, or the tables, in `path`, which the card names `named`.

    Each line that the file doesn't prove carries the words "to be confirmed", with the other candidates. DataError when
    the file can't be read at all.
    """
    connection = ibis.duckdb.connect().con
    looked = [_look(connection, inside, raw) for inside, raw in _tables(connection, path)]
    found = [each for each in looked if not (each.tools and each.tools[0].refuse)]
    if not found:
        tool = looked[0].tools[0]
        raise DataError(f"{tool.title}: this can't be used.", tool.refuse)
    # Of several tables of one kind, the one that has all it needs, then the longest.
    found.sort(key=lambda each: (len(each.missing), -each.raw.rows))
    best: dict[str, _Found] = {}
    for each in found:
        best.setdefault(each.table, each)
    main = next((best[table] for table in MAIN if table in best and not best[table].missing), found[0])
    others = [each for each in best.values() if each.table not in (main.table, *MAIN) and not each.missing]
    lines = [
        f"# Proposed from the file. Lines marked “{_TO_CONFIRM}” are guesses: check them, then delete the mark.",
        card.line("name", path.name.split(".")[0] or path.name),
        card.line("currency", *_currency(connection, main.raw, main.tools)),
        '# timezone = "Europe/Paris"   # the shop\'s time zone, if dates carry an offset',
        f"# as_of = 2026-10-31           # {_DAYS.get(main.table, _DAY)}",
    ]
    for each in (main, *others):
        lines += ["", *_section(connection, each, named or path.name)]
    unused = [name for each in looked if each not in (main, *others) for name in each.inside.values()]
    if unused:
        lines.append(f"# Not used of the file: {card.comment(', '.join(unused))}")
    if main.table not in MAIN:
        lines += ["", f"# This file is a table of {main.table}; a card also needs the file of orders:",
                  "# [transactions]", '# path = "orders.csv"']  # fmt: skip
    lines += [
        "",
        f"[economics]  # {_TO_CONFIRM}: these are the defaults, not facts about this business",
        "margin = 0.30                   # contribution margin on revenue",
        "annual_discount_rate = 0.10",
        "horizon_months = 12",
        "retention_cost_per_year = 0.0",
        "service_cost_per_order = 0.0",
        "# acquisition_cost = 25.0",
        "",
    ]
    return "\n".join(lines)


def _tables(connection: duckdb.DuckDBPyConnection, path: Path) -> list[tuple[dict[str, str], Raw]]:
    """What can be read of the file: the only table, or each sheet or table with the option that names it."""
    files = sources.files_of(str(path.absolute()), None, Path())
    try:
        return [({}, sources.read_sources(connection, files, "raw_file", {"repeats": exports.repeated()}))]
    except sources.SeveralTables as several:
        found = []
        for i, name in enumerate(several.names[:_MOST_TABLES]):
            with suppress(DataError):  # an empty sheet, or one of notes
                inside = {several.option: name}
                options = {"repeats": exports.repeated(), **inside}
                found.append((inside, sources.read_sources(connection, files, f"raw_{i}", options)))
        if not found:
            raise
        return found


def _look(connection: duckdb.DuckDBPyConnection, inside: dict[str, str], raw: Raw) -> _Found:
    if tools := exports.recognise(raw.columns, raw.lines):
        return _Found(inside, raw, tools, tools[0].table, {}, {})
    return _Found(inside, raw, [], *_recognise(connection, raw, _facts(connection, raw)))


def _section(connection: duckdb.DuckDBPyConnection, found: _Found, named: str) -> list[str]:
    """The lines of the card for one table."""
    mapping, section = found.mapping, "transactions" if found.table == "totals" else found.table
    lines = [f"[{section}]", card.line("path", named)]
    lines += [card.line(option, name) for option, name in found.inside.items()]
    if found.table == "totals":
        lines.append(card.line("grain", "customer", f"{_TO_CONFIRM}: each row holds the totals of a customer"))
        if "amount" not in mapping:
            lines.append(f"amounts = false  # {_TO_CONFIRM}: no column of money was found, so purchases are counted")
    if found.table == "subscriptions":
        lines.append(f'period = "month"  # {_TO_CONFIRM}: or {", ".join(subscribers.PERIODS)}')
        if "tenure" in mapping:
            lines.append(f'# left = "last"    # {_TO_CONFIRM}: if those who left before the last period are missing')
    if found.tools:
        tool, *others = found.tools
        doubt = "".join(f', or "{other.name}" ({other.title}): it fits as well' for other in others)
        why = f"{tool.title}: recognised by its columns"
        lines.append(card.line("format", tool.name, f"{_TO_CONFIRM}: {why}{doubt}" if others else why))
        lines += [f"{option}  # {_TO_CONFIRM}: {why}" for option, why in tool.confirm.items()]
        return [*lines, *_score(connection, found.raw, tool)]
    lines += [*_marks(connection, found.raw.table, mapping), f"[{section}.columns]"]
    lines += [
        card.line(target, source, _TO_CONFIRM + found.doubts.get(target, "")) for target, source in mapping.items()
    ]
    columns = card.comment(", ".join(found.raw.columns))
    lines += [f'# {c.name} = "…"  # not found, needed: {c.meaning}. Columns: {columns}' for c in found.missing]
    if "customer_id" in [column.name for column in found.missing]:
        lines.append("# If each row is another customer, who has no id: customer_id = { row = true }")
    if [column.name for column in found.missing] == ["amount"]:
        above = f"write amounts = false above [{section}.columns]"
        lines.append(f"# If there are no amounts, {above}: purchases are counted.")
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
        return [f"# {head}", f'# score = "…"  # needed, {_TO_CONFIRM}: which question? {card.comment(why)}']
    source = question.columns[0] if len(question.columns) == 1 else list(question.columns)
    return [head, f"score = {card.inline(source)}  # {_TO_CONFIRM}{card.comment(why)}"]


# -- which table, which columns ----------------------------------------------------------------------------------------


def _recognise(
    connection: duckdb.DuckDBPyConnection, raw: Raw, facts: dict[str, _Column]
) -> tuple[str, dict[str, str], dict[str, str]]:
    """The table that the file is, its columns (canonical → the file's), and what else each might be."""
    found = {table: _by_name(table, facts) for table in _NAMES}
    has = {table: set(mapping) for table, (mapping, _) in found.items()}
    contracts = subscribers.shape(has["subscriptions"])
    per_row = has["customers"] and "customer_id" in has["customers"]
    unique = per_row and facts[found["customers"][0]["customer_id"]].different > _EACH
    mapping, doubts = found["totals"]
    if has["totals"] >= _TOTALS and facts[mapping["customer_id"]].different > _EACH:
        return "totals", mapping, doubts
    if "variant" not in has["experiments"] and (proved := _first_and_last(connection, raw, facts)):
        kept = {target: source for target, source in mapping.items() if source not in proved.values()}
        free = {c: fact for c, fact in facts.items() if c not in (kept | proved).values() and fact.decimals == 0}
        alone = [c for c, fact in free.items() if fact.different > _EACH]
        people = kept.get("customer_id") or (alone[0] if len(alone) == 1 else None)
        if people and facts[people].different > _EACH:
            proved["customer_id"] = people
            doubts |= {target: ": chosen by its values" for target in proved if target not in kept}
            kept |= proved
            return "totals", {c.name: kept[c.name] for c in TABLES["totals"] if c.name in kept}, doubts
    if contracts and not {"date", "amount"} <= has["transactions"]:
        mapping, doubts = found["subscriptions"]
        return "subscriptions", subscribers.one_shape(mapping, raw.columns, True), doubts
    if {"customer_id", "date", "variant"} <= has["experiments"] and "amount" not in has["transactions"]:
        return "experiments", *found["experiments"]
    if {"channel", "period", "cost"} <= has["marketing_costs"] and "customer_id" not in has["transactions"]:
        return "marketing_costs", *found["marketing_costs"]
    if "amount" not in has["transactions"] and "unit_price" not in has["transactions"]:
        if {"customer_id", "date", "score"} <= has["surveys"]:
            return "surveys", *found["surveys"]
        if {"customer_id", "date", "channel"} <= has["touchpoints"] and not unique:
            return "touchpoints", *found["touchpoints"]
        if unique and has["customers"] & {"acquired_on", "acquisition_channel", "consent", "referred_by"}:
            return "customers", *found["customers"]
    return "transactions", *_by_values(*found["transactions"], facts)


def _first_and_last(
    connection: duckdb.DuckDBPyConnection, raw: Raw, facts: dict[str, _Column]
) -> dict[str, str] | None:
    """Two days and a count of each customer that can be nothing else than first and last purchase and their number.

    The one day is never after the other, and they are the same where the count is 1, and only there.
    """
    days = [column for column, fact in facts.items() if fact.dates > _KIND]
    counts = [c for c, fact in facts.items() if fact.numbers > _KIND and fact.decimals == 0 and c not in days]
    if len(days) != 2:
        return None
    with suppress(DataError):
        shapes = [DateShape(connection, raw.table, f"day{i}", filled(day)) for i, day in enumerate(days)]
        read, joins, _ = zip(*(shape.sql(None, None) for shape in shapes), strict=True)
        for (first, last), count in product(permutations(range(2)), counts):
            once = f"TRY_CAST({filled(count)} AS DOUBLE) = 1"
            told = f"SELECT {read[first]} AS f, {read[last]} AS l, {once} AS once FROM {raw.table} {' '.join(joins)}"
            fits = "coalesce(bool_and(f <= l AND (f = l) = once), false) AND bool_or(f < l)"
            if rows(connection, f"SELECT {fits} AND bool_or(once) FROM ({told})")[0][0]:
                return {"first_purchase": days[first], "last_purchase": days[last], "purchases": count}
    return None


def _by_name(table: str, facts: dict[str, _Column]) -> tuple[dict[str, str], dict[str, str]]:
    """The best column for each canonical one whose name and values fit; the others that would do, in words."""
    kinds = {column.name: column.kind for column in TABLES[table]} | {"unit_price": "number"}
    words = {name: _NAMES[table].get(name, []) + _NAMES["transactions"].get(name, []) for name in kinds}
    plain = {column: re.sub(r"[^a-z0-9]", "", _unaccented(column.lower())) for column in facts}
    mapping: dict[str, str] = {}
    doubts: dict[str, str] = {}
    for target, kind in kinds.items():
        free = [c for c in facts if c not in mapping.values() and _is(kind, target, facts[c])]
        exact = [c for word in words[target] for c in free if plain[c] == word]
        close = [
            c for word in words[target] for c in free if len(word) > 4 and re.match(rf"{word}|.*{word}$", plain[c])
        ]
        ranked = list(dict.fromkeys(exact + close))
        if ranked:
            mapping[target] = ranked[0]
            doubts[target] = f"; other candidates: {', '.join(ranked[1:])}" if ranked[1:] else ""
    if "amount" in mapping or "quantity" not in mapping:
        mapping.pop("unit_price", None)
    return mapping, doubts


def _by_values(
    mapping: dict[str, str], doubts: dict[str, str], facts: dict[str, _Column]
) -> tuple[dict[str, str], dict[str, str]]:
    """The same, with what is still needed of transactions chosen by the values, where only one column will do."""
    mapping, doubts = dict(mapping), dict(doubts)
    tests = {
        "date": lambda fact: fact.dates > _KIND,
        "amount": lambda fact: fact.numbers > _KIND and fact.decimals > 0.1 and fact.dates < _KIND,
        "customer_id": lambda fact: 0.01 < fact.different < 0.9 and fact.dates < _KIND and fact.decimals == 0,
    }
    for target, fits in tests.items():
        if target in mapping or (target == "amount" and "unit_price" in mapping):
            continue
        fitting = [column for column, fact in facts.items() if column not in mapping.values() and fits(fact)]
        if len(fitting) == 1 or (fitting and target == "date"):
            mapping[target] = fitting[0]
            doubts[target] = ": chosen by its values" + (f", as are {', '.join(fitting[1:])}" if fitting[1:] else "")
    order = [*(column.name for column in TABLES["transactions"]), "unit_price"]
    return {target: mapping[target] for target in order if target in mapping}, doubts


def _is(kind: str, target: str, fact: _Column) -> bool:
    """Whether values can be of the kind that a canonical column needs."""
    if kind == "date":
        return fact.dates > _KIND
    if target == "score":
        return fact.scores > _KIND
    return kind != "number" or (fact.numbers > _KIND and fact.dates < 1)


def _unaccented(text: str) -> str:
    text = text.replace("ß", "ss")
    return "".join(c for c in unicodedata.normalize("NFKD", text) if not unicodedata.combining(c))


# -- what the values are -----------------------------------------------------------------------------------------------


def _facts(connection: duckdb.DuckDBPyConnection, raw: Raw) -> dict[str, _Column]:
    """What the values of each column are, over the first rows."""
    found = {}
    for column in raw.columns:
        text = filled(column)
        dated = f"regexp_matches({text}, '{_DATE}') OR regexp_matches({text}, '{_OTHER_DATE}')"
        tests = (dated, f"regexp_matches({text}, {literal(_NUMBER)})", f"TRY_CAST({text} AS DOUBLE) BETWEEN 0 AND 10",
                 f"regexp_matches({text}, '[0-9][.,][0-9]')")  # fmt: skip
        counts = ", ".join(f"count(*) FILTER ({test})" for test in tests)
        sql = f"SELECT count({text}), {counts}, count(DISTINCT {text}) FROM (FROM {raw.table} LIMIT {_SAMPLE})"
        said, *hits = rows(connection, sql)[0]
        found[column] = _Column(*(count / said if said else 0.0 for count in hits))
    return found


def _marks(connection: duckdb.DuckDBPyConnection, table: str, mapping: dict[str, str]) -> list[str]:
    """How dates and numbers are written, as far as the values show it."""
    dated = mapping.get("date", mapping.get("first_purchase"))
    lines = _dates(connection, table, dated) if dated else []
    if people := mapping.get("customer_id"):
        ids = f"SELECT count(DISTINCT {quoted(people)}) - count(DISTINCT lower({quoted(people)})) FROM {table}"
        mails = f"{ids} WHERE contains({quoted(people)}, '@')"
        if twice := rows(connection, mails)[0][0]:
            remark = f"{_TO_CONFIRM}: {twice:,} e-mail address(es) are written in capitals and without"
            lines.append(f"ignore_case = true  # {remark}")
    column = mapping.get("amount", mapping.get("unit_price"))
    if column:
        text = f"trim({quoted(column)})"
        odd = rows(
            connection, f"SELECT count(*) FILTER (regexp_matches({text}, '^-?[0-9]+,[0-9]{{1,2}}$')), "
            f"count(*) FILTER (regexp_matches({text}, '[.][0-9]')) FROM {table}")[0]  # fmt: skip
        if odd[0] and not odd[1]:
            lines.append(f'decimal = ","  # {_TO_CONFIRM}: amounts look like 12,50')
    return lines


def _dates(connection: duckdb.DuckDBPyConnection, table: str, column: str) -> list[str]:
    """How dates were read, as their values prove; the formats to declare where they don't."""
    try:
        *_, remarks = DateShape(connection, table, "date", filled(column)).sql(None, None)
    except Undeclared as undeclared:
        form = undeclared.formats if len(undeclared.formats) > 1 else undeclared.formats[0]
        why = card.comment(undeclared.what.removeprefix("date: "))
        written = f"date_format = {card.inline(form)}  # {_TO_CONFIRM}: {why}"
        return [written if undeclared.sure else f"# {written}"]
    return [f"# {card.comment(remark.what)}" for remark in remarks]


def _currency(connection: duckdb.DuckDBPyConnection, raw: Raw, tools: list[exports.Format]) -> tuple[str, str]:
    """The one currency that the file names, which it proves; else euros, to be confirmed. Of a known tool, only rows
    that its format keeps count."""
    columns = [column for column in raw.columns if re.sub(r"[^a-z]", "", _unaccented(column.lower())) in CURRENCY][:1]
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
            return str(found.pop()), f"from the column {columns[0]}"
    return "EUR", _TO_CONFIRM
