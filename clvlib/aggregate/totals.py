"""Totals per customer (`grain = "customer"` on the card) → the summary that single purchases would give.

Such a table says when somebody bought first and last, how often, and for how much in all. What is between the first and
the last purchase isn't in it, so that whatever looks at single purchases can't be answered from it.
"""

import ibis
import pandas as pd

from clvlib.errors import Problem, UsageError
from clvlib.language import phrase
from clvlib.stats import rounded


def span(totals: ibis.Table, stated: pd.Timestamp | None) -> tuple[pd.Timestamp, pd.Timestamp, list[Problem]]:
    """The first and the last day of observation, and what is to be known of the last.

    UsageError for a stated day before the last purchase: what the totals were then isn't in them.
    """
    ends = totals.agg(first=totals["first_purchase"].min(), last=totals["last_purchase"].max()).to_pandas().iloc[0]
    first, last = (pd.Timestamp(day).normalize() for day in ends)
    if stated is None:
        what = phrase(
            "the day of the last purchase, {last:%Y-%m-%d}, is taken for the day on which the totals were drawn",
            last=last,
        )
        return first, last, [Problem("warning", "totals", what, 1, (), "Write that day into the card, as as_of.")]
    if stated < last:
        raise UsageError(
            phrase(
                "Totals can't be taken back to {day:%Y-%m-%d}: somebody in them bought on {last:%Y-%m-%d}.",
                day=stated,
                last=last,
            ),
            "Give the totals of that day, or the purchases themselves, a row each.",
        )
    return first, stated, []


def read_totals(totals: ibis.Table) -> pd.DataFrame:
    """The table as a frame: first_purchase, last_purchase (days), purchases (count), amount; indexed by customer_id."""
    frame = totals.to_pandas().set_index("customer_id").sort_index()
    days = {name: pd.to_datetime(frame[name]).dt.normalize() for name in ("first_purchase", "last_purchase")}
    return frame.assign(**days).astype({"purchases": "int64", "amount": "float64"})


def mean_amount(known: pd.DataFrame) -> pd.Series:
    """What a purchase of each customer came to (currency)."""
    return known["amount"] / known["purchases"]


def summary_of_totals(known: pd.DataFrame, as_of: pd.Timestamp, days_per_unit: int = 1) -> pd.DataFrame:
    """The columns of `aggregate.rfm_summary`, as near as totals (`read`) come to them.

    Purchases are those of the file, at most one a day from the first day to the last: several of one day are one. What
    the first one came to isn't told apart, so that monetary_value is the mean of all. Without a positive amount nobody
    is a customer.
    """
    first, last = known["first_purchase"], known["last_purchase"]
    between = (last - first).dt.days
    repeats = (known["purchases"] - 1).clip(upper=between)
    a_day = known["amount"] / (repeats + 1)
    columns = {
        "frequency": repeats,
        "recency": between / days_per_unit,
        "T": (as_of - first).dt.days / days_per_unit,
        **rounded(pd.DataFrame({"monetary_value": mean_amount(known).where(repeats > 0), "mean_order_value": a_day})),
        "mean_days_between_orders": between / repeats.where(repeats > 0),
        "total_spend": known["amount"],
        "first_purchase": first.astype("datetime64[us]"),
        "last_purchase": last.astype("datetime64[us]"),
        "days_since_last_order": (as_of - last).dt.days.astype("float64"),
    }
    return pd.DataFrame(columns)[known["amount"] > 0]


def remarks(known: pd.DataFrame) -> list[Problem]:
    """What such a table leaves unsaid, and what is done about it."""
    what = phrase(
        "what each first purchase came to isn't told apart: the mean of all purchases stands for that of later ones"
    )
    found = [Problem("note", "totals", what, len(known), (), "Only the purchases, a row each, would tell it.")]
    more = int((known["purchases"] - 1 > (known["last_purchase"] - known["first_purchase"]).dt.days).sum())
    if more:
        what = phrase("{n:,} customer(s) have more purchases than days from the first to the last", n=more)
        found.append(Problem("note", "totals", what, more, (), "Several of one day count as one."))
    return found


def brought_of_totals(known: pd.DataFrame, margin: float) -> pd.DataFrame:
    """The columns of `aggregate.brought`: no cost of a line is known, so that the margin counts for all."""
    revenue = known["amount"]
    return pd.DataFrame({"revenue": revenue, "contribution": margin * revenue, "unknown_costs": known["purchases"]})


def buyers_of_totals(known: pd.DataFrame, as_of: pd.Timestamp) -> tuple[int, int, int]:
    """Of the customers of totals (`read`): all, those who bought, and those who bought on two days or more."""
    bought = summary_of_totals(known, as_of)
    return len(known), len(bought), int((bought["frequency"] > 0).sum())


def largest_of_totals(known: pd.DataFrame) -> pd.DataFrame:
    """The largest customer as a row of `purchases.largest`; empty without money."""
    paid = known["amount"].sum()
    if not paid > 0:
        return pd.DataFrame(columns=["name", "lines", "amount", "share", "of"], index=pd.Index([], name="unit"))
    name = known["amount"].idxmax()
    row = {"name": name, "lines": 1, "amount": known["amount"].max(), "share": known["amount"].max() / paid}
    return pd.DataFrame([row | {"of": len(known)}], index=pd.Index(["customer"], name="unit"))
