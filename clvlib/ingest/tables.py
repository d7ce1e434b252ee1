"""The canonical tables: their columns, what each means, its kind and whether it is needed.

One shape for all clients: whatever the file looked like, after ingest a table has these columns, these types
and these units. `data/README.md` describes them for people; a test holds the two together.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

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
        ("customer_id", "text", "who bought"),
        ("date", "date", "when, in the shop's own time"),
        ("amount", "number", "what was paid, in one currency; refunds are negative"),
        ("order_id", "text", "the order that the line belongs to"),
        ("channel", "text", "where it was bought: web, store, app …"),
        ("product", "text", "what was bought"),
        ("category", "text", "the kind of product"),
        ("quantity", "number", "units on the line"),
        ("cost", "number", "what the goods on the line cost the shop, in the same currency"),
        required=3,
    ),
    "totals": _table(
        ("customer_id", "text", "one row per customer"),
        ("first_purchase", "date", "day of the first purchase"),
        ("last_purchase", "date", "day of the last purchase"),
        ("purchases", "number", "how many purchases so far"),
        ("amount", "number", "what they came to, less refunds, in one currency"),
        required=5,
    ),
    "customers": _table(
        ("customer_id", "text", "one row per customer"),
        ("acquired_on", "date", "when the customer was won"),
        ("acquisition_channel", "text", "through which channel the customer was won"),
        ("acquisition_cost", "number", "what winning this customer cost"),
        ("consent", "text", "yes or no: may be contacted; unknown counts as no"),
        ("consent_on", "date", "when consent was given"),
        ("referred_by", "text", "the customer_id of the customer who brought this one"),
        required=1,
    ),
    "touchpoints": _table(
        ("customer_id", "text", "who was reached"),
        ("date", "date", "when, in the shop's own time"),
        ("channel", "text", "e-mail, search, social, store …"),
        ("campaign", "text", "the campaign that it was part of"),
        ("event", "text", "sent, open, click, visit, ticket or call"),
        ("cost", "number", "what the contact cost"),
        required=3,
    ),
    "surveys": _table(
        ("customer_id", "text", "who answered"),
        ("date", "date", "when"),
        ("score", "number", "0 to 10"),
        ("question", "text", "what was asked"),
        required=3,
    ),
    "experiments": _table(
        ("customer_id", "text", "who took part"),
        ("experiment", "text", "name of the test"),
        ("variant", "text", "arm that the customer was assigned to"),
        ("date", "date", "day of assignment"),
        required=3,
    ),
    "marketing_costs": _table(
        ("channel", "text", "the channel paid for"),
        ("period", "date", "first day of the period"),
        ("cost", "number", "what was spent in the period"),
        ("new_customers", "number", "customers won in the period"),
        required=3,
    ),
    "subscriptions": _table(
        ("customer_id", "text", "one row per subscriber"),
        ("tenure", "number", "full periods paid"),
        ("churned", "text", "yes: did not renew after them; no: still there"),
        ("started_on", "date", "when the subscription, or the cohort, began"),
        ("plan", "text", "the kind of contract, or any other criterion to compare subscribers by"),
        ("price", "number", "what one period costs the subscriber"),
        ("period", "number", "in place of tenure: periods since the cohort began, 0 being the start"),
        ("survivors", "number", "in place of churned: subscribers of the cohort who are left after that period"),
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
