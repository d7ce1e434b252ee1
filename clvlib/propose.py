"""A client's file → a proposed dataset card: what the file proves is stated, all else is marked “to be confirmed”."""

import json
import re
import tomllib
import unicodedata
from pathlib import Path
from typing import Any

import ibis

from clvlib import sources, subscribers
from clvlib.options import FORMATS
from clvlib.raw import Raw, quoted, rows
from clvlib.tables import TABLES, DataError

_DAY = "end of observation; default: the last day with data"
_DAY_NEEDED = "the day for which the file stands; needed where there are no transactions"

# Words that exports use for the columns of transactions, best first (lower case, letters and digits only).
SYNONYMS: dict[str, tuple[str, ...]] = {
    "customer_id": (
        "customerid", "customer", "clientid", "client", "userid", "user", "customernumber", "customeremail", "email",
        "idclient", "numeroclient", "memberid", "accountid",
    ),
    "date": (
        "orderdate", "invoicedate", "transactiondate", "purchasedate", "createdat", "createddate", "createdutc", "date",
        "jour", "datecommande", "datedecommande", "datedachat", "day", "timestamp", "datetime",
    ),
    "amount": (
        "amount", "totalamount", "total", "netsales", "sales", "revenue", "montant", "montantttc", "montantht",
        "orderamount", "ordertotal", "grosssales", "price", "dollarvalue", "ca",
    ),
    "order_id": (
        "orderid", "invoiceno", "invoiceid", "ordernumber", "order", "numerocommande", "commande", "transactionid",
        "facture",
    ),
    "channel": ("channel", "saleschannel", "canal", "source"),
    "product": ("productid", "sku", "stockcode", "product", "produit", "description", "productname", "item"),
    "category": ("category", "categorie", "productcategory", "department", "rayon"),
    "quantity": ("quantity", "qty", "quantite"),
    "unit_price": ("unitprice", "prixunitaire", "priceperunit"),
    "cost": ("cost", "costofgoods", "cogs", "cout"),
}  # fmt: skip


# The same for subscriptions.
CONTRACTS: dict[str, tuple[str, ...]] = {
    "customer_id": (*SYNONYMS["customer_id"], "subscriberid", "subscriber", "subscriptionid"),
    "tenure": ("tenure", "tenuremonths", "tenureinmonths", "monthspaid", "periodspaid", "anciennete"),
    "churned": ("churned", "churn", "churnlabel", "cancelled", "canceled", "resilie"),
    "started_on": ("startedon", "startdate", "subscriptionstart", "signupdate", "datedebut"),
    "plan": ("plan", "contract", "subscription", "contrat", "abonnement"),
    "price": ("price", "monthlycharges", "monthlycharge", "monthlyfee", "fee", "mrr", "tarif"),
    "period": ("period", "periode"),
    "survivors": ("survivors", "survivants"),
}


def propose_card(path: Path) -> str:
    """The text of a card for the transactions, or the subscriptions, in `path`. DataError when it can't be read at all.

    Each line that the file doesn't prove carries the words "to be confirmed", with the other candidates.
    """
    connection = ibis.duckdb.connect().con
    options: dict[str, Any] = {}
    try:
        raw = sources.read(connection, path, "raw_file", options)
    except DataError as error:
        if "sheets" not in error.what and "tables" not in error.what:
            raise
        raise DataError(error.what, "Write the card by hand, or save that sheet or table as CSV.") from None
    mapping, doubts = _guess_columns(raw.columns, SYNONYMS)
    contracts, rivals = _guess_columns(raw.columns, CONTRACTS)
    subscribed = subscribers.shape(contracts) is not None and not {"date", "amount"} <= mapping.keys()
    lines = [
        "# Proposed from the file. Lines marked “to be confirmed” are guesses: check them, then delete the mark.",
        f"name = {json.dumps(path.name.split('.')[0], ensure_ascii=False)}",
        f'currency = "{_currency(connection, raw)}"  # to be confirmed',
        '# timezone = "Europe/Paris"   # the shop\'s time zone, if dates carry an offset',
        f"# as_of = 2026-10-31           # {_DAY_NEEDED if subscribed else _DAY}",
        "",
        "[subscriptions]" if subscribed else "[transactions]",
        f"path = {json.dumps(path.name, ensure_ascii=False)}",
    ]
    tool = _tool(raw.columns)
    if subscribed:
        mapping, doubts, tool = subscribers.one_shape(contracts, raw.columns, True), rivals, None
        lines.append(f'period = "month"  # to be confirmed: or {", ".join(subscribers.PERIODS)}')
        if "tenure" in mapping:
            lines.append('# left = "last"    # to be confirmed: if those who left before the last period are missing')
        lines.append("[subscriptions.columns]")
    elif tool:
        lines += [f'format = "{tool}"  # recognised by its columns', ""]
        mapping = {}
    else:
        lines += [*_marks(connection, raw, mapping), "[transactions.columns]"]
    for target, source in mapping.items():
        others = doubts.get(target, [])
        mark = f"; other candidates: {', '.join(others)}" if others else ""
        lines.append(f"{target} = {json.dumps(source, ensure_ascii=False)}  # to be confirmed{mark}")
    for column in () if subscribed else TABLES["transactions"]:
        found = tool or column.name in mapping or (column.name == "amount" and "unit_price" in mapping)
        if column.required and not found:
            lines.append(
                f'# {column.name} = "…"  # not found, needed: {column.meaning}. Columns: {", ".join(raw.columns)}'
            )
    lines += [
        "",
        "[economics]  # to be confirmed: these are the defaults, not facts about this business",
        "margin = 0.30                   # contribution margin on revenue",
        "annual_discount_rate = 0.10",
        "horizon_months = 12",
        "retention_cost_per_year = 0.0",
        "service_cost_per_order = 0.0",
        "# acquisition_cost = 25.0",
        "",
    ]
    return "\n".join(lines)


def _tool(columns: list[str]) -> str | None:
    """The known export whose every column the file has, if any."""
    for path in sorted(FORMATS.glob("*.toml")):
        named = tomllib.loads(path.read_text("utf-8"))["columns"].values()
        wanted = {column for source in named for column in (source if isinstance(source, list) else [source])}
        if wanted <= set(columns):
            return path.stem
    return None


def _guess_columns(
    columns: list[str], synonyms: dict[str, tuple[str, ...]]
) -> tuple[dict[str, str], dict[str, list[str]]]:
    """Best column for each canonical one, and the other candidates. A column serves once."""
    plain = {column: re.sub(r"[^a-z0-9]", "", _unaccented(column.lower())) for column in columns}
    mapping: dict[str, str] = {}
    doubts: dict[str, list[str]] = {}
    for target, words in synonyms.items():
        ranked = [c for word in words for c in columns if plain[c] == word and c not in mapping.values()]
        if ranked:
            mapping[target] = ranked[0]
            doubts[target] = [column for column in dict.fromkeys(ranked) if column != ranked[0]]
    if "amount" in mapping or "quantity" not in mapping:
        mapping.pop("unit_price", None)
    return mapping, doubts


def _unaccented(text: str) -> str:
    return "".join(c for c in unicodedata.normalize("NFKD", text) if not unicodedata.combining(c))


def _marks(connection: Any, raw: Raw, mapping: dict[str, str]) -> list[str]:
    """How dates and numbers are written, as far as the values show it."""
    lines = []
    if "date" in mapping:
        text = f"trim({quoted(mapping['date'])})"
        sample = [
            row[0] for row in rows(connection, f"SELECT DISTINCT {text} FROM raw_file WHERE {text} <> '' LIMIT 5000")
        ]
        parts = [re.match(r"(\d{1,2})([/.-])(\d{1,2})\2\d{4}", value) for value in sample]
        found = [match for match in parts if match]
        if found:
            first = any(int(match[1]) > 12 for match in found)
            second = any(int(match[3]) > 12 for match in found)
            if first != second:
                lines.append(f"# dates: {'day' if first else 'month'} first, proved by values above 12")
            else:
                lines.append(
                    '# date_format = "%d/%m/%Y"  # to be confirmed: nothing proves whether day or month is first'
                )
    column = mapping.get("amount", mapping.get("unit_price"))
    if column:
        text = f"trim({quoted(column)})"
        odd = rows(
            connection, f"SELECT count(*) FILTER (regexp_matches({text}, '^-?[0-9]+,[0-9]{{1,2}}$')), "
            f"count(*) FILTER (regexp_matches({text}, '[.][0-9]')) FROM raw_file")[0]  # fmt: skip
        if odd[0] and not odd[1]:
            lines.append('decimal = ","  # to be confirmed: amounts look like 12,50')
    return lines


def _currency(connection: Any, raw: Raw) -> str:
    columns = [column for column in raw.columns if column.strip().lower() in {"currency", "devise"}]
    if columns:
        text = f"upper(trim({quoted(columns[0])}))"
        found = {row[0] for row in rows(connection, f"SELECT DISTINCT {text} FROM raw_file WHERE {text} <> ''")}
        if len(found) == 1:
            return str(found.pop())
    return "EUR"
