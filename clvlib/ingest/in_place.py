"""Transactions that stay in their engine, a database or Spark → the canonical table there, as an Ibis expression.

`engine` on the card asks for it. Nothing is copied: `aggregate` sends its questions to the rows. So they must be clean
where they lie: what is looked for is whether a row says who, when and how much; repeated rows, orders that never
happened, several currencies or spellings of an id, a history cut at its start are not, as they are in files. A view
mends such things.
"""

from pathlib import Path
from typing import Any

import ibis
import pandas as pd

from clvlib.errors import DataError, Problem, Rows, UsageError
from clvlib.ingest import account, databases, reading, rules
from clvlib.ingest.options import options_of
from clvlib.ingest.tables import LOOKUPS, TABLES
from clvlib.language import message, phrase, translated

_VIEW = message("Make a view there in which it is one, and name that as table.")
_RIGHT = message("Ask for the right to read them, or for more time, there.")
_TEMPORARY = message("Ask for the right to make temporary tables, or for another server than a read-only copy.")
_OWN = {"text": "string", "date": "timestamp", "number": "float64"}


def stays(card: dict[str, Any]) -> bool:
    """Whether a card's transactions stay in an engine."""
    section = card.get("transactions")
    return isinstance(section, dict) and "engine" in section


def require_here(card: dict[str, Any]) -> None:
    """UsageError for a card whose transactions stay in an engine, where they are needed here."""
    if stays(card):
        raise UsageError(
            "The transactions of this card stay in their engine, and this needs them here.",
            "`clv check` and `clv score` ask them where they are; or delete engine: then they are read in.",
        )


def read_in_place(card: dict[str, Any], folder: Path, hidden: bool) -> reading.Ingested:
    """The transactions of a card, up to any day, and what of them can be used; no row leaves the engine.

    hidden: whether ids are to be pseudonyms, which they can't be there. It doesn't raise for the data's own faults.
    """
    result = reading.Ingested()
    try:
        _require_only_transactions(card, hidden)
        options = options_of("transactions", card["transactions"])
        table = _canonical(_opened(options, folder), options.get("columns", {}), card.get("timezone"))
        unkept = message("No answer can be kept there for the next question: {why}.")
        with databases.unspoken(unkept, _TEMPORARY, []):
            table.limit(0).cache().release()
        with databases.unspoken(message("The rows can't be asked where they are: {why}."), _RIGHT, []):
            _account(table, options, result)
    except DataError as error:
        result.problems.append(Problem("error", "transactions", error.what.rstrip("."), 1, (), error.mend))
    return result


def known_in_place(read: reading.Ingested, as_of: pd.Timestamp, bought: reading.Bought) -> list[Problem]:
    """As `reading.known_by`, of rows that stay where they are: leave out what nobody knew on the day `as_of`."""
    table = read.tables["transactions"]
    ledger: list[dict[str, Any]] = [dict(line) for line in read.ledger.to_dict("records")]  # type: ignore[arg-type]
    known = table["date"] < as_of + pd.Timedelta(days=1)
    amount = table["amount"]
    back, nothing = known & (amount < 0), known & (amount == 0)
    asked = {"later": ~known, "back": back, "nothing": nothing}
    sums = {f"{name}_rows": where.sum() for name, where in asked.items()}
    sums |= {f"{name}_money": amount.sum(where=where) for name, where in asked.items()}
    found = table.agg(**sums).to_pandas().fillna(0).iloc[0]
    problems = []
    kept = ledger[-1]
    if found["later_rows"]:
        count = int(found["later_rows"])
        kept["rows"] -= count
        kept["money"] -= float(found["later_money"])
        why = phrase("after the as-of date {day:%Y-%m-%d}", day=as_of)
        ledger.insert(-1, _line("later", count, found["later_money"], why))
        what = phrase("{n:,} row(s) are after the as-of date {day:%Y-%m-%d}", n=count, day=as_of)
        problems.append(Problem("note", "transactions", what, Rows(count), (), "They are not used."))
    for name, why in (("back", rules.OF_REFUNDS), ("nothing", rules.OF_NOTHING)):
        if found[f"{name}_rows"]:
            ledger.append(_line("kept", found[f"{name}_rows"], found[f"{name}_money"], translated(why)))
    read.tables["transactions"] = table.filter(known)
    largest, buyers = bought(read.tables, as_of)
    problems += rules.of_the_money(largest, ledger, "transactions")
    problems += reading.usable(read.in_file["customers"], *buyers, as_of, "transactions")
    read.ledger = pd.DataFrame(ledger, columns=list(read.ledger))
    return problems


def _require_only_transactions(card: dict[str, Any], hidden: bool) -> None:
    """DataError for what a card can't have beside rows that stay where they are."""
    others = [name for name in (*TABLES, *LOOKUPS, "forgotten", "group") if name in card and name != "transactions"]
    if others:
        raise DataError(
            phrase("{these} can't stand beside transactions that stay in their engine.", these=", ".join(others)),
            "Leave people out, or join what explains them, in a view there; or delete engine.",
        )
    if hidden:
        raise DataError(
            "Rows that stay in their engine keep their ids: they get no pseudonyms.",
            "Write pseudonyms = false above the sections; where ids tell who somebody is, hide them in a view there.",
        )


def _opened(options: dict[str, Any], folder: Path) -> ibis.Table:
    """The table as the engine knows it. DataError where it can't be reached, or isn't there."""
    if options["engine"] == "database":
        return databases.open_table(options["url"], options["table"])
    spark = databases.spark()
    if "table" in options:
        return databases.table_named(spark, options["table"], "Spark")
    path = options["path"] if "://" in options["path"] else str(folder / Path(options["path"]).expanduser())
    unread, mend = message("{path} can't be read by Spark: {why}."), message("Give a file or a folder of Parquet.")
    with databases.unspoken(unread, mend, [], path=options["path"]):
        return spark.read_parquet(path)


def _canonical(found: ibis.Table, columns: dict[str, Any], timezone: str | None) -> ibis.Table:
    """The canonical columns, of their own types. DataError for one that isn't there, or is of another type."""
    wanted = {column.name: column for column in TABLES["transactions"]}
    sources = {name: name for name in wanted if name in found.columns} | columns
    lacking = [name for name, column in wanted.items() if column.required and name not in sources]
    absent = [str(source) for source in sources.values() if source not in found.columns]
    if lacking or absent:
        raise DataError(
            phrase("The table has no column {these}.", these=", ".join(absent or lacking)),
            phrase(
                "It has: {these}. Name the right one: columns = {{ customer_id = … }}.", these=", ".join(found.columns)
            ),
        )
    if unknown := [name for name in sources if name not in wanted]:
        raise DataError(
            phrase("No column is called {these}.", these=", ".join(unknown)),
            phrase("Known: {these}.", these=", ".join(wanted)),
        )
    cells = {}
    for name, source in sources.items():
        kind, cell = wanted[name].kind, found[source]
        held = cell.type()
        fits = {"text": True, "date": held.is_date() or held.is_timestamp(), "number": held.is_numeric()}
        if not fits[kind]:
            what = message("{source} ({name}) is no {day:date|number} there, but {held}.")
            raise DataError(phrase(what, source=source, name=name, day=kind == "date", held=held), _VIEW)
        if held.is_timestamp() and held.timezone and (timezone or "UTC") != "UTC":
            what = message("{source} ({name}) is a moment in UTC there, not the shop's time in {timezone}.")
            raise DataError(phrase(what, source=source, name=name, timezone=timezone), _VIEW)
        cells[name] = cell.cast(_OWN[kind])
    return found.select(**cells)


def _account(table: ibis.Table, options: dict[str, Any], result: reading.Ingested) -> None:
    """Keep the rows that say who, when and how much; write into the ledger how many, and what money, say less."""
    amount = table["amount"]
    finite = amount.notnull() & ~amount.isnan() & ~amount.isinf()
    faults = {"customer_id": table["customer_id"].isnull(), "date": table["date"].isnull(), "amount": ~finite}
    lacks = ibis.cases(*((condition, column) for column, condition in faults.items()), else_="")
    counted = table.mutate(lacks=lacks, paid=ibis.ifelse(finite, amount, 0.0)).group_by("lacks")
    found = counted.agg(rows=lambda t: t.count(), money=lambda t: t["paid"].sum()).to_pandas().set_index("lacks")
    kept, rows, paid = found.reindex([""], fill_value=0).iloc[0], int(found["rows"].sum()), found["money"].sum()
    lines = [_line("read", rows, paid, translated("rows in the table"))]
    for column in [column for column in faults if column in found.index]:
        count, money = int(found.loc[column, "rows"]), found.loc[column, "money"]
        why = phrase(account.INFINITE if column == "amount" else account.NO_VALUE, column=column)
        lines.append(_line("dropped", count, money, why))
        what = phrase("{n:,} of {total:,} row(s) dropped: {why}", n=count, total=rows, why=why)
        mend = phrase("These rows, {money:,.2f} of the money, are not used: correct them in the table.", money=money)
        result.problems.append(Problem("warning", "transactions", what, Rows(count), (), mend))
    lines.append(_line("kept", kept["rows"], kept["money"], translated("usable rows")))
    result.ledger = pd.DataFrame(lines)
    if not kept["rows"]:
        raise DataError("No row of the table can be used.", "See the warnings: each says what was dropped.")
    usable = table.filter(lacks == "")
    customers = int(table["customer_id"].nunique().to_pandas())
    result.in_file = tally(usable) | {"rows": rows, "customers": customers, "revenue": float(paid)}
    result.tables["transactions"] = usable
    what = phrase(
        "the rows stay in {spark:Spark|the database}: whether some are repeated, never happened, or begin in the "
        "middle of the history isn't looked for",
        spark=options["engine"] == "spark",
    )
    mend = message(
        "Name a table or a view of all there is, in which each line stands once, and cancelled orders don't."
    )
    result.problems.append(Problem("note", "transactions", what, rows, (), mend))


def tally(transactions: ibis.Table) -> dict[str, Any]:
    """As `rules.counted`, of rows wherever they are."""
    day = transactions["date"].cast("date").cast("string")
    order = transactions["order_id"].fill_null(day) if "order_id" in transactions.columns else day
    sums = transactions.agg(
        rows=transactions.count(),
        customers=transactions["customer_id"].nunique(),
        revenue=transactions["amount"].sum().fill_null(0.0),
    )
    orders = transactions.filter(transactions["amount"] > 0).select("customer_id", order=order).distinct().count()
    found = sums.to_pandas().iloc[0]
    counts = {"rows": int(found["rows"]), "customers": int(found["customers"]), "orders": int(orders.to_pandas())}
    return counts | {"revenue": float(found["revenue"])}


def _line(action: str, rows: float, money: float, reason: str) -> dict[str, Any]:
    return {"table": "transactions", "action": action, "rows": int(rows), "money": float(money), "reason": reason}
