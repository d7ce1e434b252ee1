"""Rules of the tables beside the transactions: what a value may be, and whether the tables agree with one another.

Nothing is changed in silence: a row that is left out has a line in the ledger; a spelling that looks like another is
left as it is, and a mapping is proposed for the card.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from math import nan
from typing import Any

import duckdb
import ibis
import pandas as pd

from clvlib.errors import Problem, Rows
from clvlib.ingest.raw import LETTER, ROW, literal, quoted, rows
from clvlib.language import message, phrase, translated
from clvlib.stats import heavy

_WHOLE = "NOT (isfinite({0}) AND {0} >= 0 AND {0} = floor({0}))"
COUNTS = ("tenure", "period", "survivors")
RANGES = {
    ("surveys", "score"): ("{} NOT BETWEEN 0 AND 10", message("{column} is not between 0 and 10")),
    ("marketing_costs", "cost"): ("{} < 0", message("{column} is below 0")),
    ("totals", "purchases"): (f"{_WHOLE} OR {{0}} < 1", message("{column} is not a whole number of 1 or more")),
    **{
        ("subscriptions", column): (_WHOLE, message("{column} is not a whole number of 0 or more")) for column in COUNTS
    },
}
CONTRADICTIONS = (  # of totals: SQL of the cast columns, words
    (
        "CAST({last_purchase} AS DATE) < CAST({first_purchase} AS DATE)",
        message("the last purchase is before the first"),
    ),
    (
        "{purchases} = 1 AND CAST({last_purchase} AS DATE) > CAST({first_purchase} AS DATE)",
        message("one purchase, and two days of it"),
    ),
)
MONEY = {"cost", "acquisition_cost", "price"}
PAID = ("transactions", "totals")  # the tables of which one is needed, whose amounts are what customers paid
DATED = {  # table: the column that says when a row came to be known
    "transactions": "date",
    "customers": "acquired_on",
    "touchpoints": "date",
    "surveys": "date",
    "experiments": "date",
    "marketing_costs": "period",
}
IDS = ("customer_id", "order_id", "referred_by")
NOTHING = (  # words that exports write where there is nothing
    "nan", "null", "(null)", "none", "undefined", "n/a", "#n/a", "na", "nil", "nat", "<na>", "\\n", "-", "--", "?",
    "(not set)",
)  # fmt: skip
NO_DATE = ("0000-00-00", "0000-00-00 00:00:00", "00/00/0000", "00.00.0000")  # and where there is no date
NOBODY = ("guest", "anonymous", "unknown", "walk-in", "walk in", "invité", "anonyme", "gast", "0", "-1")
PLACEHOLDERS = (  # days that programs write where there is no date
    "0001-01-01", "1753-01-01", "1899-12-30", "1899-12-31", "1900-01-01", "1969-12-31", "1970-01-01", "2099-12-31",
    "9999-12-31",
)  # fmt: skip
STATUS = (  # names of columns that say what became of an order, letters only
    "status", "orderstatus", "orderstate", "state", "financialstatus", "paymentstatus", "transactionstatus", "statut",
    "bestellstatus", "estado", "stato", "état",
)  # fmt: skip
CANCELLED_AT = ("cancelledat", "canceledat", "cancelledon", "canceledon", "cancelleddate", "cancellationdate")
NEVER = (  # what such a column says of an order that never happened
    "cancelled", "canceled", "failed", "void", "voided", "expired", "declined", "rejected", "abandoned", "trash",
    "payment failed", "payment error", "annulé", "annulée", "échoué", "échouée", "storniert", "fehlgeschlagen",
    "abgelehnt", "cancelado", "cancelada", "anulado", "annullato",
)  # fmt: skip
DOUBTFUL = (  # not paid yet, or paid back: kept, and said
    "pending", "pending payment", "awaiting payment", "unpaid", "on hold", "authorized", "draft", "checkout draft",
    "refunded", "returned", "chargeback", "chargedback", "en attente", "remboursé", "remboursée", "offen", "erstattet",
    "rückerstattet", "reembolsado", "reembolsada",
)  # fmt: skip
PRODUCTS = (  # names of columns that say what was bought, letters only
    "product", "productname", "description", "stockcode", "lineitemname", "item", "itemname", "sku", "produit",
    "artikel", "articulo", "articolo", "prodotto", "producto",
)  # fmt: skip
SERVICES = (  # what such a column says of what is no product: the whole of it, or its first or last words
    "postage", "shipping", "delivery charge", "shipping charges", "freight", "carriage", "discount", "bank charges",
    "amazon fee", "amazonfee", "gift card", "gift voucher", "gift certificate", "handling fee", "service fee",
    "adjust bad debt", "frais de port", "frais de livraison", "livraison", "remise", "frais bancaires", "carte cadeau",
    "chèque cadeau", "échantillon", "versand", "versandkosten", "porto", "rabatt", "bankgebühren", "gutschein",
    "geschenkkarte", "geschenkgutschein", "gastos de envío", "gastos de envio", "envío", "descuento", "tarjeta regalo",
    "comisiones bancarias", "spese di spedizione", "spedizione", "sconto", "buono regalo", "carta regalo",
    "spese bancarie",
)  # fmt: skip
CODES = ("post", "dot", "manual", "sample", "samples", "fee", "tip", "adjustment", "muster", "muestra", "campione")
FURTHER_ROW = message("a further row of a customer")
TRIED = ("test", "tests", "tester", "testing", "dummy")  # a word of a customer's or an order's id: nobody bought
START, PERIOD, AGAIN = 180, 30, 1.5  # days of a history that is looked at, of a period, and how many more are new
LEAST_NEW = 30  # customers
TOO_MANY = 0.05  # of the rows that a column's values can't be read in: the reading itself must be wrong
YES = ("yes", "y", "true", "1", "oui", "o", "ja", "opt-in", "subscribed", "granted")
NO = ("no", "n", "false", "0", "non", "nein", "opt-out", "unsubscribed", "denied")
MEET = 0.5  # of a table's customers are expected among the transactions
_ALIKE = (  # ids that a person would take for the same: SQL, and in what they differ
    ("lower({})", message("upper and lower case")),
    ("ltrim({}, '0')", message("zeros at the start")),
    ("regexp_replace(lower({}), '[^\\p{{L}}0-9]', '', 'g')", message("spaces, hyphens or other signs")),
)
CHANNELS = {
    "transactions": "channel",
    "customers": "acquisition_channel",
    "touchpoints": "channel",
    "marketing_costs": "channel",
}


def listed(words: Iterable[str]) -> str:
    """Words as a list in SQL."""
    return ", ".join(map(literal, words))


def letters(name: str) -> str:
    """A name in small letters only, as names of columns are compared."""
    return "".join(letter for letter in name.lower() if letter.isalpha())


def tried(text: str) -> str:
    """SQL of whether an id holds a word of TRIED; what holds none of their letters, nearly all, is told at a glance."""
    words = literal(f"(^|[^{LETTER}])({'|'.join(TRIED)})([^{LETTER}]|$)")
    roots = [word for word in TRIED if not any(other in word for other in TRIED if other != word)]
    likely = literal(f"(?i){'|'.join(roots)}")
    return f"(regexp_matches({text}, {likely}) AND regexp_matches(lower({text}), {words}))"


def status(text: str) -> str:
    """SQL of a status in words as NEVER and DOUBTFUL have them: without WooCommerce's wc-, hyphens as spaces."""
    return f"regexp_replace(regexp_replace(lower(trim({text})), '^wc-', ''), '[-_ ]+', ' ', 'g')"


def yes_or_no(text: str) -> str:
    """SQL of "yes" or "no" from the SQL of a text in any of the known words; NULL for other words."""
    word = f"regexp_replace(lower({text}), '\\.0$', '')"
    return f"CASE WHEN {word} IN ({listed(YES)}) THEN 'yes' WHEN {word} IN ({listed(NO)}) THEN 'no' END"


def again(table: str, customer: str) -> str:
    """SQL that finds the second and further rows of a customer."""
    first = f"SELECT min({ROW}) FROM {table} WHERE {customer} IS NOT NULL GROUP BY {customer}"
    return f"{ROW} NOT IN ({first})"


def later(
    connection: duckdb.DuckDBPyConnection,
    tables: Mapping[str, ibis.Table],
    ledger: list[dict[str, Any]],
    as_of: pd.Timestamp,
) -> list[Problem]:
    """Take the rows after `as_of` out of every dated table; a customer won later stays who had bought by then."""
    found = []
    for name, column in DATED.items():
        if name not in tables or column not in tables[name].columns:
            continue
        after = f"{quoted(column)} >= DATE '{as_of:%Y-%m-%d}' + 1"
        if name == "customers" and "transactions" in tables:
            after += " AND customer_id NOT IN (SELECT customer_id FROM transactions)"
        why = phrase("after the as-of date {day:%Y-%m-%d}", day=as_of)
        count = leave_out(connection, ledger, name, after, why, "later")
        if count:
            what = phrase("{n:,} row(s) are after the as-of date {day:%Y-%m-%d}", n=count, day=as_of)
            found.append(Problem("note", name, what, Rows(count), (), "They are not used."))
    return found


def leave_out(
    connection: duckdb.DuckDBPyConnection,
    ledger: list[dict[str, Any]],
    table: str,
    condition: str,
    why: str,
    action: str,
) -> int:
    """Take the rows that meet a condition (SQL) out of a table, and write them into the ledger; how many they are."""
    paid = "coalesce(sum(amount), 0)" if table in PAID else "NULL"
    count, money = rows(connection, f"SELECT count(*), {paid} FROM {table} WHERE {condition}")[0]
    if count:
        rows(connection, f"DELETE FROM {table} WHERE {condition}")
        at, kept = next(
            (i, line) for i, line in enumerate(ledger) if (line["table"], line["action"]) == (table, "kept")
        )
        kept["rows"] -= count
        kept["money"] -= nan if money is None else money
        ledger.insert(at, {"table": table, "action": action, "rows": count, "money": money, "reason": why})
    return int(count)


OF_REFUNDS = message("of which refunds (amount below 0): they reduce the customer's spend")
OF_NOTHING = message("of which of amount 0: not a purchase")


def counted(connection: duckdb.DuckDBPyConnection, table: str) -> dict[str, Any]:
    """Rows, customers, orders and revenue of a table of transactions.

    An order is what has one order_id, or else a customer's day, and an amount above 0.
    """
    columns = {column for column, *_ in rows(connection, f"DESCRIBE {table}")}
    day = "CAST(CAST(date AS DATE) AS VARCHAR)"
    order = f"coalesce(order_id, {day})" if "order_id" in columns else day
    sql = (
        f"SELECT count(*), count(DISTINCT customer_id), count(DISTINCT row(customer_id, {order})) "
        f"FILTER (amount > 0), coalesce(sum(amount), 0) FROM {table}"
    )
    return dict(zip(("rows", "customers", "orders", "revenue"), rows(connection, sql)[0], strict=True))


def say_of_amounts(connection: duckdb.DuckDBPyConnection, ledger: list[dict[str, Any]]) -> None:
    """Write into the ledger how many of the transactions are refunds, and how many of nothing."""
    sql = (
        "SELECT count(*) FILTER (amount < 0), coalesce(sum(amount) FILTER (amount < 0), 0), "
        "count(*) FILTER (amount = 0) FROM transactions"
    )
    negative, back, zero = rows(connection, sql)[0]
    at = next(i for i, line in enumerate(ledger) if line["table"] == "transactions" and line["action"] == "kept")
    said = {OF_REFUNDS: (negative, back), OF_NOTHING: (zero, 0.0)}
    lines = [
        {"table": "transactions", "action": "kept", "rows": count, "money": money, "reason": translated(why)}
        for why, (count, money) in said.items()
        if count
    ]
    ledger[at + 1 : at + 1] = lines


def of_the_money(largest: pd.DataFrame, ledger: list[dict[str, Any]], table: str) -> list[Problem]:
    """Write into the ledger what share of the money one order, one day and one customer are; warn over a tenth.

    `largest`: from `purchases.largest`.
    """
    at = max(i for i, line in enumerate(ledger) if line["table"] == table) + 1
    found = []
    for unit, row in largest.iterrows():
        said = {"unit": ("order", "day", "customer").index(str(unit)), "share": row["share"]}
        why = phrase("of which the largest {unit:order|day|customer}: {share:.1%} of the money", **said)
        line = {"table": table, "action": "kept", "rows": int(row["lines"])}
        ledger.insert(at, line | {"money": float(row["amount"]), "reason": why})
        at += 1
        if unit in heavy(largest).index:
            what = phrase("one {unit:order|day|customer} of {of:,} is {share:.1%} of the money", of=row["of"], **said)
            mend = message("Every mean and every forecast of money rests on it: correct the file if it is wrong.")
            found.append(Problem("warning", table, what, int(row["lines"]), (str(row["name"]),), mend))
    return found


def of_the_start(connection: duckdb.DuckDBPyConnection) -> list[Problem]:
    """Whether the history begins in the middle of things: at once as many buyers as later, and few of the later new.

    Where a business begins, buyers grow with those who come back; where only the file begins, old customers look new,
    until each has bought once. New customers of the first 30 days are held against those of days 91 to 180, buyers
    against those of days 31 to 120: over half as many again new, and about as many buyers. A list of customers all
    won in the first third of the history is no such file.
    """
    begins = "(SELECT min(CAST(date AS DATE)) FROM transactions WHERE amount > 0)"
    bought = (
        f"WITH bought AS (SELECT customer_id, amount, CAST(date AS DATE) - {begins} AS day FROM transactions "
        "WHERE amount > 0), people AS (SELECT customer_id, min(day) AS first, max(day) AS last, sum(amount) AS amount "
        "FROM bought GROUP BY 1)"
    )
    sql = f"{bought} SELECT day // {PERIOD}, count(DISTINCT customer_id) FROM bought GROUP BY 1"
    buying: dict[int, int] = dict(rows(connection, sql))
    won: dict[int, int] = dict(rows(connection, f"{bought} SELECT first // {PERIOD}, count(*) FROM people GROUP BY 1"))
    length, customers, late, share = rows(
        connection,
        f"{bought} SELECT max(last) + 1, count(*), count(*) FILTER (3 * first > (SELECT max(last) FROM people)), "
        f"sum(amount) FILTER (first < {PERIOD}) / sum(amount) FROM people",
    )[0]
    if not length or length < START or customers < LEAST_NEW:
        return []
    if late < 0.01 * customers:
        what = phrase(
            "all but {late:,} of the {n:,} customers bought first in the first third of the history",
            late=late,
            n=customers,
        )
        mend = message(
            "They are one cohort, or the file leaves later customers out: nothing of new customers can be learned."
        )
        return [Problem("note", "transactions", what, customers - late, (), mend)]
    buyers, new = buying[0], won[0]
    soon = sum(buying.get(period, 0) for period in range(1, 4)) / 3
    later = sum(won.get(period, 0) for period in range(3, 6)) / 3
    if new < max(LEAST_NEW, AGAIN * later) or not soon / 1.6 <= buyers <= soon * 1.6:
        return []
    what = phrase(
        "{new:,} customers ({share:.1%} of the money) seem new in the first {days} days, {later:,.0f} in as many "
        "days some months later: the history seems cut at its start, so that old customers look new",
        new=new,
        share=share,
        days=PERIOD,
        later=later,
    )
    mend = message(
        "Give the whole history, or add [customers] with acquired_on; else ages and first cohorts are wrong."
    )
    return [Problem("warning", "transactions", what, new, (), mend)]


def between_tables(
    connection: duckdb.DuckDBPyConnection, tables: Mapping[str, ibis.Table], ledger: list[dict[str, Any]]
) -> list[Problem]:
    """What only shows when tables are laid side by side. Takes rows of unknown customers out of the touchpoints."""
    found = _spellings(connection, tables) + _strangers(connection, tables)
    if "customers" in tables and "touchpoints" in tables:
        found += _unknown(connection, "transactions" in tables, ledger)
    if "experiments" in tables:
        found += _arms(connection)
    return found


def _strangers(connection: duckdb.DuckDBPyConnection, tables: Mapping[str, ibis.Table]) -> list[Problem]:
    """Tables of whose customers the transactions know fewer than half, and why the ids may differ."""
    found: list[Problem] = []
    if "transactions" not in tables:
        return found
    ids = ["customer_id", *(sql.format("customer_id") for sql, _ in _ALIKE)]
    shared = ", ".join(f"count(DISTINCT {one}) FILTER ({one} IN (SELECT {one} FROM transactions))" for one in ids)
    for name in [name for name in DATED if name in tables and name != "transactions"]:
        if "customer_id" not in tables[name].columns:
            continue
        of, met, *others = rows(connection, f"SELECT count(DISTINCT customer_id), {shared} FROM {name}")[0]
        if of < 2 or met >= MEET * of:
            continue
        likely = zip(_ALIKE, others, strict=True)
        cause = next((words for (_, words), count in likely if count > max(met, MEET * of)), None)
        example = [rows(connection, f"SELECT min(customer_id) FROM {table}")[0][0] for table in (name, "transactions")]
        what = phrase(
            "{met:,} of its {of:,} customers ({share:.0%}) are in the transactions", met=met, of=of, share=met / of
        )
        mend = message("Check that both files name customers alike; customers without a purchase are no fault.")
        if cause:
            mend = phrase("The ids differ by {cause}: write them alike in both files.", cause=translated(cause))
        found.append(Problem("warning", name, what, of - met, tuple(example), mend))
    return found


def _unknown(connection: duckdb.DuckDBPyConnection, sold: bool, ledger: list[dict[str, Any]]) -> list[Problem]:
    known = "SELECT customer_id FROM customers" + (" UNION SELECT customer_id FROM transactions" if sold else "")
    stranger = f"customer_id NOT IN ({known})"
    found = rows(connection, f"SELECT DISTINCT customer_id FROM touchpoints WHERE {stranger} ORDER BY 1")
    names = [name for (name,) in found]
    if not names:
        return []
    before = rows(connection, "SELECT count(*) FROM touchpoints")[0][0]
    why = translated("of a customer who is in no other table")
    count = leave_out(connection, ledger, "touchpoints", stranger, why, "dropped")
    what = phrase("{n:,} of {total:,} row(s) dropped: {why}", n=count, total=before, why=why)
    mend = message("Check how customers are named there.")
    return [Problem("warning", "touchpoints", what, Rows(count), tuple(names[:3]), mend)]


def _spellings(connection: duckdb.DuckDBPyConnection, tables: Mapping[str, ibis.Table]) -> list[Problem]:
    """Channels that differ only in case, spaces, hyphens and the like, within a table and between tables."""
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    seen: dict[tuple[str, str], dict[str, int]] = defaultdict(dict)
    for table, column in CHANNELS.items():
        if table in tables and column in tables[table].columns:
            name = quoted(column)
            sql = f"SELECT {name}, count(*) FROM {table} WHERE {name} IS NOT NULL GROUP BY 1 ORDER BY 1"
            for text, count in rows(connection, sql):
                key = "".join(letter for letter in text.lower() if letter.isalnum())
                counts[key][text] += count
                seen[table, key][text] = count
    found = []
    for (table, key), spelt in seen.items():
        usual = max(counts[key], key=lambda text: (counts[key][text], text))
        odd = {text: count for text, count in spelt.items() if text != usual}
        if odd:
            renames = ", ".join(f'"{text}" = "{usual}"' for text in odd)
            mend = phrase(
                "If they are one channel, add to [{table}]: values = {{ {column} = {{ {renames} }} }}",
                table=table,
                column=CHANNELS[table],
                renames=renames,
            )
            what = phrase("{n:,} row(s) spell the channel {usual!r} otherwise", n=sum(odd.values()), usual=usual)
            found.append(Problem("warning", table, what, Rows(sum(odd.values())), tuple(odd)[:3], mend))
    return found


def _arms(connection: duckdb.DuckDBPyConnection) -> list[Problem]:
    found = []
    sql = "SELECT experiment, min(variant) FROM experiments GROUP BY 1 HAVING count(DISTINCT variant) = 1 ORDER BY 1"
    for test, arm in rows(connection, sql):
        what = phrase("the experiment {test!r} has one arm only, {arm!r}", test=test, arm=arm)
        mend = message("Add the customers of the other arm: nothing to compare.")
        found.append(Problem("warning", "experiments", what, 1, (), mend))
    sql = (
        "SELECT experiment, count(*), min(customer_id) FROM (SELECT experiment, customer_id FROM experiments "
        "GROUP BY ALL HAVING count(DISTINCT variant) > 1) GROUP BY 1 ORDER BY 1"
    )
    for test, count, example in rows(connection, sql):
        what = phrase("{n:,} customer(s) stand in more than one arm of {test!r}", n=count, test=test)
        found.append(Problem("warning", "experiments", what, count, (example,), "They are left out of its results."))
    return found
