"""The canonical tables and the customer summary as schemas, and the errors that every module raises.

One shape for all clients: whatever the file looked like, after ingest a table has these columns, these types
and these units. `data/README.md` describes them for people; a test holds the two together.
"""

from dataclasses import dataclass
from typing import Literal

import pandas as pd
import pandera.pandas as pa
from pandera.errors import SchemaErrors

Kind = Literal["text", "date", "number"]
Grade = Literal["error", "warning", "note"]


def printable(text: str) -> str:
    """A text without what would steer a terminal, or be in no encoding: each such letter becomes a question mark."""
    kept = "".join(c if c.isprintable() or c in "\n\t" or c.isspace() else "?" for c in text.replace("\r", "?"))
    return kept.encode("utf-8", "replace").decode()


class ClvError(Exception):
    """Something a person can mend. `str(error)` says what, how many and where, then how to mend it."""

    def __init__(self, what: str, mend: str = "") -> None:
        self.what, self.mend = what, mend = printable(what), printable(mend)
        super().__init__(f"{what} {mend}".strip())


class DataError(ClvError):
    """The data can't be used (exit code 1)."""


class UsageError(ClvError):
    """A name or a value that doesn't exist was asked for (exit code 2)."""


class CannotAnswer(ClvError):
    """This dataset can't answer this question; the rest goes on."""


class NotEnoughData(CannotAnswer):
    """Too few customers, repeat purchases or days."""


class ConvergenceError(CannotAnswer):
    """A fit that didn't converge: its numbers would mean nothing."""


class MissingTable(CannotAnswer):
    """A table or an optional column that the dataset doesn't have."""


@dataclass(frozen=True)
class Problem:
    """One thing to know about the data: how grave, where, what, how many, examples, and how to mend it."""

    grade: Grade
    where: str
    what: str
    count: int
    examples: tuple[str, ...] = ()
    mend: str = ""

    def __str__(self) -> str:
        examples = f" (for instance {', '.join(self.examples)})" if self.examples else ""
        return printable(f"{self.where}: {self.what}{examples}. {self.mend}".strip())


@dataclass(frozen=True)
class Column:
    """A column of a canonical table: what it is, in which unit, and whether the table needs it."""

    name: str
    kind: Kind
    meaning: str
    required: bool = False


def _table(*columns: tuple[str, Kind, str], required: int) -> tuple[Column, ...]:
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

_number = {"coerce": True}
RFM_SUMMARY = pa.DataFrameSchema(
    {
        "frequency": pa.Column("int64", pa.Check.ge(0), description="repeat purchase days", title="count", **_number),
        "recency": pa.Column(
            "float64", pa.Check.ge(0), description="age at the last purchase", title="time unit", **_number
        ),
        "T": pa.Column(
            "float64",
            pa.Check.ge(0),
            description="age at the end of observation",
            title="time unit",
            **_number,
        ),
        "monetary_value": pa.Column(
            "float64",
            pa.Check.gt(0),
            nullable=True,
            required=False,
            description="mean spend per repeat purchase day; empty for one-time buyers",
            title="currency",
            **_number,
        ),
    },
    checks=[
        pa.Check(lambda f: f["recency"] <= f["T"], name="recency <= T"),
        pa.Check(lambda f: (f["frequency"] > 0) | (f["recency"] == 0), name="recency is 0 without a repeat"),
    ],
    index=pa.Index("str", name="customer_id", unique=True, coerce=True),
    name="rfm summary",
)


def require(frame: pd.DataFrame, schema: pa.DataFrameSchema = RFM_SUMMARY) -> pd.DataFrame:
    """Return `frame` as `schema` describes it (columns cast, others left alone).

    Raises DataError that names every column that is missing or wrong, with the count and up to three examples.
    """
    try:
        return schema.validate(frame, lazy=True)
    except SchemaErrors as error:
        cases = error.failure_cases
        missing = cases[cases["check"] == "column_in_dataframe"]
        per_column = cases[cases["schema_context"].isin(["Column", "Index"])]
        per_column = per_column[~per_column["check"].str.startswith("dtype")]
        parts = [f"column {column!r} is missing" for column in missing["failure_case"]]
        for column, group in per_column.groupby("column", sort=False):
            rule = group["check"].iloc[0]
            broken = group[group["check"] == rule]
            examples = ", ".join(str(case) for case in broken["failure_case"].unique()[:3])
            parts.append(f"{column}: {len(broken)} value(s) break the rule {rule} (for instance {examples})")
        if not parts:
            for rule, group in cases.groupby("check", sort=False):
                parts.append(f"{group['index'].nunique()} customer(s) break the rule {rule!r}")
        raise DataError(
            f"This {schema.name} can't be used: {'; '.join(parts)}.",
            "Build it with aggregate.rfm_summary, or correct these columns.",
        ) from None
