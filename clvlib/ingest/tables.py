"""The canonical tables: their columns, what each means, its kind and whether it is needed.

One shape for all clients: whatever the file looked like, after ingest a table has these columns, these types
and these units. `data/README.md` describes them for people; a test holds the two together.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from clvlib.language import message

ColumnKind = Literal["text", "date", "number"]


@dataclass(frozen=True)
class Column:
    """A column of a canonical table: what it is, in which unit, and whether the table needs it."""

    name: str
    kind: ColumnKind
    meaning: str
    required: bool = False


def _table(*columns: tuple[str, ColumnKind, str], required: int) -> tuple[Column, ...]:
    return tuple(Column(name, kind, meaning, i < required) for i, (name, kind, meaning) in enumerate(columns))


TABLES: dict[str, tuple[Column, ...]] = {
    "transactions": _table(
        ("customer_id", "text", message("who bought")),
        ("date", "date", message("when, in the shop's own time")),
        ("amount", "number", message("what was paid, in one currency; refunds are negative")),
        ("order_id", "text", message("the order that the line belongs to")),
        ("channel", "text", message("where it was bought: web, store, app …")),
        ("product", "text", message("what was bought")),
        ("category", "text", message("the kind of product")),
        ("quantity", "number", message("units on the line")),
        ("cost", "number", message("what the goods on the line cost the shop, in the same currency")),
        required=3,
    ),
    "totals": _table(
        ("customer_id", "text", message("one row per customer")),
        ("first_purchase", "date", message("day of the first purchase")),
        ("last_purchase", "date", message("day of the last purchase")),
        ("purchases", "number", message("how many purchases so far")),
        ("amount", "number", message("what they came to, less refunds, in one currency")),
        required=5,
    ),
    "customers": _table(
        ("customer_id", "text", message("one row per customer")),
        ("acquired_on", "date", message("when the customer was won")),
        ("acquisition_channel", "text", message("through which channel the customer was won")),
        ("acquisition_cost", "number", message("what winning this customer cost")),
        ("consent", "text", message("yes or no: may be contacted; unknown counts as no")),
        ("consent_on", "date", message("when consent was given")),
        ("referred_by", "text", message("the customer_id of the customer who brought this one")),
        required=1,
    ),
    "touchpoints": _table(
        ("customer_id", "text", message("who was reached")),
        ("date", "date", message("when, in the shop's own time")),
        ("channel", "text", message("e-mail, search, social, store …")),
        ("campaign", "text", message("the campaign that it was part of")),
        ("event", "text", message("sent, open, click, visit, ticket or call")),
        ("cost", "number", message("what the contact cost")),
        required=3,
    ),
    "surveys": _table(
        ("customer_id", "text", message("who answered")),
        ("date", "date", message("when")),
        ("score", "number", message("0 to 10")),
        ("question", "text", message("what was asked")),
        required=3,
    ),
    "experiments": _table(
        ("customer_id", "text", message("who took part")),
        ("experiment", "text", message("name of the test")),
        ("variant", "text", message("arm that the customer was assigned to")),
        ("date", "date", message("day of assignment")),
        required=3,
    ),
    "marketing_costs": _table(
        ("channel", "text", message("the channel paid for")),
        ("period", "date", message("first day of the period")),
        ("cost", "number", message("what was spent in the period")),
        ("new_customers", "number", message("customers won in the period")),
        required=3,
    ),
    "subscriptions": _table(
        ("customer_id", "text", message("one row per subscriber")),
        ("tenure", "number", message("full periods paid")),
        ("churned", "text", message("yes: did not renew after them; no: still there")),
        ("started_on", "date", message("when the subscription, or the cohort, began")),
        ("plan", "text", message("the kind of contract, or any other criterion to compare subscribers by")),
        ("price", "number", message("what one period costs the subscriber")),
        ("period", "number", message("in place of tenure: periods since the cohort began, 0 being the start")),
        (
            "survivors",
            "number",
            message("in place of churned: subscribers of the cohort who are left after that period"),
        ),
        required=0,
    ),
}


@dataclass(frozen=True)
class Lookup:
    """What a table of codes is for: the table and column that it explains, and what each of its columns becomes."""

    of: str
    by: str
    code: str
    gives: Mapping[str, str]


LOOKUPS = {
    "products": Lookup("transactions", "product", "code", {"name": "product", "category": "category"}),
    "campaigns": Lookup(
        "touchpoints", "campaign", "campaign", {"date": "date", "channel": "channel", "name": "campaign"}
    ),
}
