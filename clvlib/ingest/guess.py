"""A table that no tool is known by → which canonical table it is, and which column is what.

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

from clvlib.errors import DataError
from clvlib.ingest import subscribers
from clvlib.ingest.dates import DateShape
from clvlib.ingest.raw import LETTER, Raw, filled, literal, rows
from clvlib.ingest.tables import TABLES
from clvlib.language import phrase

_NAMES: dict[str, dict[str, list[str]]] = tomllib.loads((Path(__file__).parent / "names.toml").read_text("utf-8"))
_TOTALS = {"customer_id", "first_purchase", "last_purchase"}  # no other table has a row per customer with both days
_SAMPLE = 20_000  # rows whose values are looked at
_EACH = 0.99  # of the values of a column that has another one in each row are different
_KIND = 0.8  # of the values of a column are of one kind
_DATE = r"^[0-9]{4}[-/.][0-9]{1,2}([-/.][0-9]{1,2})?([ T].*)?$|^[0-9]{1,2}[-/.][0-9]{1,2}[-/.][0-9]{2,4}([ T].*)?$"
_OTHER_DATE = (
    rf"^(19|20)[0-9]{{6}}$|^[0-9]{{1,2}}[ -][{LETTER}]{{3,9}}\.?[ -][0-9]{{2,4}}"
    rf"|^[{LETTER}]{{3,9}}\.? [0-9]{{1,2}}, [0-9]{{4}}|^[34][0-9]{{4}}(\.[0-9]+)?$|^1[0-9]{{9}}([0-9]{{3}}){{0,2}}$"
)
_NUMBER = rf"^[^{LETTER}0-9]*([{LETTER}]{{3}} ?)?[0-9][0-9 .,'’\x{{a0}}\x{{202f}}]*( ?[{LETTER}]{{3}})?[^{LETTER}0-9]*$"


@dataclass(frozen=True)
class _Column:
    """What the values of a column of the file are: shares of those that are not empty."""

    dates: float
    numbers: float
    scores: float  # numbers from 0 to 10
    decimals: float
    different: float


# -- which table, which columns ----------------------------------------------------------------------------------------


def which_table(connection: duckdb.DuckDBPyConnection, raw: Raw) -> tuple[str, dict[str, str], dict[str, str]]:
    """The table that the file is, its columns (canonical → the file's), and what else each might be."""
    facts = _facts(connection, raw)
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
            doubts |= {target: phrase(": chosen by its values") for target in proved if target not in kept}
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
    plain = {column: re.sub(r"[^a-z0-9]", "", unaccented(column.lower())) for column in facts}
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
            others = ", ".join(ranked[1:])
            doubts[target] = phrase("; other candidates: {others}", others=others) if others else ""
    if "quantity" in mapping and plain.get(mapping.get("amount", "")) in words["unit_price"]:  # no amount, but of each
        mapping["unit_price"], doubts["unit_price"] = mapping.pop("amount"), doubts.pop("amount")
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
            others = ", ".join(fitting[1:])
            doubts[target] = phrase(": chosen by its values{others:, as are {others}|}", others=others)
    order = [*(column.name for column in TABLES["transactions"]), "unit_price"]
    return {target: mapping[target] for target in order if target in mapping}, doubts


def _is(kind: str, target: str, fact: _Column) -> bool:
    """Whether values can be of the kind that a canonical column needs."""
    if kind == "date":
        return fact.dates > _KIND
    if target == "score":
        return fact.scores > _KIND
    return kind != "number" or (fact.numbers > _KIND and fact.dates < 1)


def unaccented(text: str) -> str:
    """A text without the marks over and under its letters; ß is ss."""
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
