"""Raw transactions and who was assigned when → what each assigned customer did before and after: on raw rows, in Ibis.

The clocks of all customers are set so that each was assigned on the same day, _CLOCK. A window after assignment is then
one stretch of dates for everybody, and every rule of `purchases` (what is a purchase, how a refund counts) holds as it
stands. Day 0 is the day of assignment; what is bought on it counts as after.
"""

from typing import Any

import ibis
import pandas as pd

from clvlib.aggregate.purchases import contribution, purchase_days, purchase_lines
from clvlib.aggregate.rows import beside, date_of, fetched, until
from clvlib.stats import rounded

_CLOCK = pd.Timestamp("2000-01-01")


def day(offset: int) -> pd.Timestamp:
    """The date, on the clock that all share, of the day `offset` after (before, if negative) assignment."""
    return _CLOCK + pd.Timedelta(days=offset)


def on_one_clock(transactions: ibis.Table, assigned: pd.Series, as_of: Any) -> ibis.Table:
    """Transactions of the assigned customers up to `as_of`, their dates moved so that all were assigned on _CLOCK.

    assigned: customer_id → date of assignment. Customers without a transaction have no row. Lazy.
    """
    rows = beside(until(transactions, as_of), assigned.dt.date.rename("assigned_on"), "date")
    since = rows["day"].delta(rows["assigned_on"], unit="day")
    moved = date_of(_CLOCK) + since.cast("int64").as_interval("D")
    return rows.mutate(date=moved).drop("day", "assigned_on")


def purchases(clocked: ibis.Table, window_days: int) -> pd.DataFrame:
    """Purchases in the first `window_days` days (the day of assignment is the first): customer_id, day (int, 0 …).

    As known at the end of that window: what was sent back by then is no purchase.
    """
    bought = purchase_days(clocked, day(window_days - 1))
    bought = bought.filter(bought["day"] >= date_of(_CLOCK))
    frame = fetched(bought.select("customer_id", "day"), ["day"])
    frame["day"] = (frame["day"] - _CLOCK).dt.days.astype("int64")
    return frame.sort_values(["customer_id", "day"], ignore_index=True)


def money_around(clocked: ibis.Table, first: int, last: int, margin: float, every: int | None = None) -> pd.DataFrame:
    """What the purchases from day `first` to day `last`, both included, came to, as known on day `last`.

    A refund is taken off the purchase that it belongs to, on that purchase's day (`purchases.purchase_lines`): one
    made in these days for a purchase before them isn't counted here, as in `aggregate.holdout`. Columns revenue,
    contribution (currency) and unknown_costs (lines): `purchases.contribution`. Indexed by customer_id and, with
    `every`, by step (int: day − first, in steps of so many days). Customers without a row in these days are not in it.
    """
    rows = purchase_lines(clocked, day(last))
    since = rows["purchased_on"].delta(date_of(day(first)), unit="day")
    rows = rows.mutate(since=since).filter(since >= 0)
    keys: dict[str, Any] = {"customer_id": rows["customer_id"]}
    if every is not None:
        keys["step"] = (rows["since"] // every).cast("int64")
    frame = fetched(rows.group_by(**keys).agg(**contribution(rows, margin)))
    frame = frame.astype({"revenue": "float64", "contribution": "float64"})
    # DuckDB adds up in any order: rounded as in `aggregate`.
    return rounded(frame.set_index(list(keys)).sort_index()).astype({"unknown_costs": "int64"})
