"""Raw transactions → one row per customer, cohort, period or silence.

Every function takes an Ibis table with the columns of `tables.TABLES["transactions"]` and the last day observed
(`as_of`, inclusive), and gives a pandas frame. What a purchase is, and to which one a refund belongs, `purchases` says;
nothing after `as_of` is read.
"""

from collections.abc import Sequence
from typing import Any

import ibis
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from clvlib.aggregate.purchases import added_up, contribution, purchase_days, spent_on_days
from clvlib.aggregate.rows import beside, date_of, fetched, until
from clvlib.errors import MissingTable, NotEnoughData
from clvlib.language import message, phrase
from clvlib.stats import rounded

_PERIODS = {"D": "D", "W": "W", "M": "M", "Q": "Q"}
DAYS_PER_UNIT = {"D": 1, "W": 7}
LOOK_BACKS = (30, 90, 180, 365)
_LEAST_SPEND = 0.01  # of any currency: what a free order's logarithm is taken of
UNKNOWN = message("unknown")
_FOR_READERS = ["first_purchase", "last_purchase", "mean_order_value", "mean_days_between_orders"]  # not for models


def rfm_summary(transactions: ibis.Table, as_of: Any, time_unit: str = "D", free_orders: bool = False) -> pd.DataFrame:
    """The customer summary that forecasting models need (Fader, Hardie & Lee 2005).

    Returns one row per customer who bought by `as_of`, indexed by customer_id and sorted by it:

    * frequency (int): repeat purchase days;
    * recency, T (float): age at the last purchase and at the end of observation, in `time_unit` ("D" days,
      "W" days divided by 7 exactly);
    * monetary_value (float, currency): mean spend per repeat purchase day; NaN for one-time buyers;
    * mean_order_value (float, currency): mean spend per purchase day, the first one included;
    * mean_days_between_orders (float, always days): first to last purchase over `frequency`; NaN for one-time buyers;
    * total_spend (float, currency): everything paid less everything refunded;
    * first_purchase, last_purchase (datetime64); days_since_last_order (float, always days).
    """
    per_day = DAYS_PER_UNIT[time_unit]
    summary = _per_customer(spent_on_days(transactions, as_of, free_orders))
    summary = summary.filter(summary["purchases"] > 0).order_by("customer_id")
    frame = _frame(summary, ["first_purchase", "last_purchase"])
    # Column by column, none twice, and without the index, which pandas would go through at each step.
    repeats = frame.pop("purchases").to_numpy("int64") - 1
    end = pd.Timestamp(as_of).normalize()
    since = {of: (end - frame[f"{of}_purchase"]).dt.days.to_numpy("float64") for of in ("first", "last")}
    recency, again = since["first"] - since["last"], np.where(repeats > 0, repeats, np.nan)
    paid, first_paid = (frame.pop(of).to_numpy("float64") for of in ("paid", "first_paid"))
    means = {"monetary_value": (paid - first_paid) / again, "mean_order_value": paid / (repeats + 1)}
    del paid, first_paid
    money = rounded(pd.DataFrame(means, copy=False))
    del means
    columns = {
        "frequency": repeats,
        "recency": recency / per_day,
        "T": since.pop("first") / per_day,
        **money,
        "mean_days_between_orders": np.divide(recency, again, out=again),
        "total_spend": frame.pop("total_spend").to_numpy("float64"),
        "first_purchase": frame["first_purchase"],
        "last_purchase": frame["last_purchase"],
        "days_since_last_order": since["last"],
    }
    return _in_order(pd.DataFrame(columns, copy=False), frame["customer_id"])


def _per_customer(spent: ibis.Table) -> ibis.Table:
    day, amount, bought = spent["day"], spent["amount"], spent["bought"]
    return spent.group_by("customer_id").agg(
        purchases=bought.sum(),
        first_purchase=day.min(where=bought),
        last_purchase=day.max(where=bought),
        paid=amount.sum(where=bought),
        first_paid=amount.argmin(day, where=bought),
        total_spend=amount.sum(),
    )


def holdout(transactions: ibis.Table, start: Any, end: Any, free_orders: bool = False) -> pd.DataFrame:
    """What each customer bought after `start` and up to `end`: purchases (int, days), spend (float, currency).

    The same purchases as the summary of `end` counts: what is known by `end` to have been sent back isn't one. A refund
    made in the window for a purchase before it isn't in it, as it corrects an amount that was counted before; nor is
    one made after `end`. So windows add up: from before the first day on, `spend` is `total_spend`.

    Indexed by customer_id; only customers with something to count are in it, a purchase or a refund of nothing known.
    """
    spent = spent_on_days(transactions, end, free_orders).filter(lambda t: t["day"] > date_of(start))
    sums = spent.group_by("customer_id").agg(purchases=spent["bought"].sum(), spend=spent["amount"].sum())
    frame = _frame(sums.order_by("customer_id")).astype({"purchases": "int64", "spend": "float64"})
    return _in_order(frame, frame.pop("customer_id"))


def first_spend(transactions: ibis.Table, as_of: Any) -> pd.Series:
    """What each customer spent on the first purchase day (currency): known of everyone, and known early.

    >>> aggregate.first_spend(sample.transactions, sample.as_of).head(2)
    customer_id
    0001    29.33
    0002    63.34
    Name: first_spend, dtype: float64
    """
    spent = spent_on_days(transactions, as_of)
    bought = spent.filter(spent["bought"]).group_by("customer_id")
    frame = _frame(bought.agg(first_spend=lambda t: t["amount"].argmin(t["day"])).order_by("customer_id"))
    frame = frame.astype({"first_spend": "float64"})
    return _in_order(frame, frame.pop("customer_id"))["first_spend"]


def brought(transactions: ibis.Table, as_of: Any, margin: float) -> pd.DataFrame:
    """What each customer has brought by `as_of`: revenue, contribution (currency), unknown_costs (lines).

    Contribution is amount − cost where a line says its cost, else `margin` × amount. Indexed by customer_id.
    """
    rows = until(transactions, as_of)
    frame = _frame(rows.group_by("customer_id").agg(**contribution(rows, margin))).set_index("customer_id").sort_index()
    return frame.astype({"revenue": "float64", "contribution": "float64", "unknown_costs": "int64"})


def calibration_holdout(
    transactions: ibis.Table, calibration_end: Any, as_of: Any, time_unit: str = "D", free_orders: bool = False
) -> pd.DataFrame:
    """The summary as known on `calibration_end`, beside what happened until `as_of`.

    Returns `rfm_summary` at `calibration_end` plus holdout_frequency (int, purchase days after it), holdout_spend
    (float, currency) and duration_holdout (float, in `time_unit`). Customers won later are not in it.
    """
    known = rfm_summary(transactions, calibration_end, time_unit, free_orders)
    after = holdout(transactions, calibration_end, as_of, free_orders).reindex(known.index, fill_value=0)
    length = (pd.Timestamp(as_of).normalize() - pd.Timestamp(calibration_end).normalize()).days
    return known.assign(
        holdout_frequency=after["purchases"],
        holdout_spend=after["spend"].astype("float64"),
        duration_holdout=length / DAYS_PER_UNIT[time_unit],
    )


def purchases_by_period(
    transactions: ibis.Table, as_of: Any, period: str = "M", free_orders: bool = False
) -> pd.DataFrame:
    """Trade by period ("D", "W", "M" or "Q"), indexed by the period's first day, without gaps.

    Columns: customers (who bought), new_customers, purchases, repeat_purchases (purchase days), and revenue
    (currency, net of refunds on the day that they were made, so that periods add up to the total).
    """
    purchases = purchase_days(transactions, as_of, free_orders)
    trade = purchases.mutate(period=purchases["day"].truncate(_PERIODS[period])).group_by("period")
    counts = trade.agg(
        customers=lambda t: t["customer_id"].nunique(),
        new_customers=lambda t: (t["position"] == 1).sum(),
        purchases=lambda t: t.count(),
    )
    rows = until(transactions, as_of)
    revenue = rows.group_by(period=rows["day"].truncate(_PERIODS[period])).agg(revenue=rows["amount"].sum())
    frame = _frame(revenue.left_join(counts, "period").drop("period_right"), ["period"]).set_index("period")
    every = pd.period_range(frame.index.min(), frame.index.max(), freq=period).start_time if len(frame) else frame.index
    frame = frame.reindex(every.rename("period")).fillna(0)
    counted = ["customers", "new_customers", "purchases"]
    frame[counted] = frame[counted].astype("int64")
    frame.insert(3, "repeat_purchases", frame["purchases"] - frame["new_customers"])
    return frame.astype({"revenue": "float64"})


def cohorts(transactions: ibis.Table, as_of: Any, period: str = "M", by: pd.Series | None = None) -> pd.DataFrame:
    """Cohorts of customers by the period of their first purchase, followed period after period.

    Long frame, one row per cohort (first day of the period) and age (0, 1, 2 … periods since): size (customers of
    the cohort), active (who bought in that period), purchases (purchase days), revenue (currency), and complete
    (whether that period was observed to its end). Every age up to `as_of` has its row, also when nobody bought.
    `by` (customer_id → text, such as the acquisition channel) parts the cohorts by group: one more column, `group`,
    comes first; a customer that `by` doesn't know is of the group "unknown".
    """
    purchases = purchase_days(transactions, as_of)
    keys = ["cohort"]
    if by is not None:
        keys = ["group", "cohort"]
        purchases = beside(purchases, by.dropna().astype(str).rename("group"), "string", how="left")
        purchases = purchases.mutate(group=purchases["group"].fill_null(UNKNOWN))
    first = purchases["day"].min().over(ibis.window(group_by="customer_id"))
    trade = purchases.mutate(
        cohort=first.truncate(_PERIODS[period]), bought_in=purchases["day"].truncate(_PERIODS[period])
    )
    found = _frame(
        trade.group_by([*keys, "bought_in"]).agg(
            active=lambda t: t["customer_id"].nunique(),
            purchases=lambda t: t.count(),
            revenue=lambda t: t["amount"].sum(),
        ),
        ["cohort", "bought_in"],
    )
    if found.empty:
        counted = ["age", "size", "active", "purchases"]
        columns = [*keys, *counted, "revenue", "complete"]
        return pd.DataFrame(columns=columns).astype(dict.fromkeys(counted, "int64"))
    lived = _ordinals(found["bought_in"], period) - _ordinals(found["cohort"], period)
    found = found.assign(age=lived).drop(columns="bought_in")
    last = pd.Timestamp(as_of).normalize().to_period(period)
    every = found[keys].drop_duplicates()
    every["age"] = [range(last.ordinal - born + 1) for born in _ordinals(every["cohort"], period)]
    every = every.explode("age").astype({"age": "int64"})
    frame = every.merge(found, on=[*keys, "age"], how="left").fillna({"active": 0, "purchases": 0, "revenue": 0})
    frame = frame.sort_values([*keys, "age"], ignore_index=True)
    # Everybody of a cohort bought in its first period.
    frame.insert(len(keys) + 1, "size", frame.groupby(keys)["active"].transform("first"))
    reached = pd.PeriodIndex(frame["cohort"], freq=period) + frame["age"].to_numpy()
    frame["complete"] = reached.end_time.normalize() <= pd.Timestamp(as_of)
    return frame.astype({"size": "int64", "active": "int64", "purchases": "int64", "revenue": "float64"})


def followed(cohorts: pd.DataFrame, ages: int, smallest: int) -> pd.DataFrame:
    """The rows of `cohorts` that tell retention: periods 1 … `ages` seen to their end, of `smallest` customers or more.

    Raises NotEnoughData unless they follow somebody for two periods.
    """
    rows = cohorts[cohorts["complete"] & cohorts["age"].between(1, ages) & (cohorts["size"] >= smallest)]
    if rows["age"].nunique() < 2:
        raise NotEnoughData(
            phrase("No cohort of {n} customers or more was seen for two whole periods after its first.", n=smallest),
            "Bring a longer history, or take a shorter period or smaller cohorts.",
        )
    return rows


def group_names(groups: pd.Series, customers: pd.Index) -> pd.Series:
    """The group (text) of each of these customers by `groups` (customer_id → name); "unknown" where it says none."""
    return groups.dropna().astype(str).reindex(customers).fillna(UNKNOWN)


def _ordinals(days: pd.Series, period: str) -> NDArray[np.int64]:
    """Which period each day is in, counted from 1970."""
    return pd.PeriodIndex(days, freq=period).asi8


def gaps(transactions: ibis.Table, as_of: Any) -> pd.Series:
    """How many repeat purchases came after a silence of so many days: counts, indexed by the gap in days (int)."""
    purchases = _with_gaps(purchase_days(transactions, as_of))
    counted = purchases.filter(purchases["gap"].notnull()).group_by("gap").agg(count=lambda t: t.count())
    frame = _frame(counted).astype("int64")
    return frame.set_index("gap").sort_index()["count"]


def features(transactions: ibis.Table, as_of: Any, ahead: int | None = None) -> pd.DataFrame:
    """Behaviour of every customer as known on `as_of`, and strictly nothing after it.

    The columns of `rfm_summary` in days (without its dates and the means of all purchases), plus
    purchases_last_30/90/180/365 (purchase days) and spend_last_… (currency) in the last days up to `as_of`; mean_gap,
    sd_gap, last_gap and previous_gap (days between purchases; NaN where there are not enough of them); first_spend,
    last_spend and max_spend (currency per purchase day); refunds (rows); and n_channels, n_categories where the
    transactions say them. Indexed by customer_id.

    For a forecast of `ahead` days: also sd_log_spend (standard deviation of the log of a purchase day's spend; NaN of
    one), and purchases_same_months, spend_same_months (a year before the days ahead; of those that `as_of` knows).
    """
    end = pd.Timestamp(as_of).normalize()
    purchases = _with_gaps(purchase_days(transactions, as_of))
    measures: dict[str, Any] = {}
    for days in LOOK_BACKS:
        recent = purchases["day"] > date_of(end - pd.Timedelta(days=days))
        measures[f"purchases_last_{days}"] = recent.sum()
        measures[f"spend_last_{days}"] = purchases["amount"].sum(where=recent)
    gap, amount, day = purchases["gap"].cast("float64"), purchases["amount"], purchases["day"]
    if ahead is not None:
        since, until_day = (end + pd.Timedelta(days=days) for days in (-365, ahead - 365))
        same = (purchases["day"] > since.date()) & (purchases["day"] <= until_day.date())
        measures |= {"purchases_same_months": same.sum(), "spend_same_months": amount.sum(where=same)}
        measures["sd_log_spend"] = amount.clip(lower=_LEAST_SPEND).ln().std()
    behaviour = purchases.group_by("customer_id").agg(
        **measures,
        mean_gap=gap.mean(),
        sd_gap=gap.std(),
        last_gap=gap.argmax(day),
        previous_gap=purchases["previous_gap"].cast("float64").argmax(day),
        first_spend=amount.argmin(day),
        last_spend=amount.argmax(day),
        max_spend=amount.max(),
    )
    rows = until(transactions, as_of)
    optional = {
        f"n_{plural}": rows[column].nunique()
        for column, plural in (("channel", "channels"), ("category", "categories"))
        if column in rows.columns
    }
    lines = rows.group_by("customer_id").agg(refunds=(rows["amount"] < 0).sum(), **optional)
    both = behaviour.left_join(lines, "customer_id").drop("customer_id_right")
    frame = _frame(both.order_by("customer_id"))
    known = rfm_summary(transactions, as_of).drop(columns=_FOR_READERS)
    frame = pd.concat([known, _in_order(frame, frame.pop("customer_id"))], axis=1)  # of the same customers
    unspent = [str(name) for name in frame if str(name).startswith(("spend_last_", "spend_same_"))]
    frame = frame.fillna(dict.fromkeys(unspent, 0.0))
    counted = [name for name in map(str, frame) if name.startswith(("purchases_", "refunds", "n_"))]
    measured = [name for name in map(str, frame) if name.startswith("spend_") or name.endswith(("_gap", "_spend"))]
    return frame.astype(dict.fromkeys(counted, "int64") | dict.fromkeys(measured, "float64"))


def everybody(transactions: ibis.Table, as_of: Any) -> pd.Index:
    """Whoever has a row by `as_of`, with customers who have no purchase left: all was sent back, or was free."""
    return pd.Index(fetched(until(transactions, as_of).select("customer_id").distinct())["customer_id"]).sort_values()


def first_purchases(transactions: ibis.Table, as_of: Any, days: int) -> pd.DataFrame:
    """The first purchase of each customer as it was made, and what came in the `days` after it, as known on `as_of`.

    Nothing is in the first purchase that its own day didn't know: what was sent back later is taken off the spend that
    came after it. Indexed by customer_id: first_purchase (date), first_spend (currency), first_lines (rows with an
    amount), where the transactions say them first_channel and first_category (on which most of it was spent),
    purchases (days on which more was spent than sent back) and spend (currency) after the first day, and watched
    (whether all `days` are over).
    """
    rows = until(transactions, as_of)
    paid = rows["amount"] > 0
    made = rows.group_by(["customer_id", "day"]).agg(amount=added_up(rows["amount"]), lines=paid.sum())
    first = made.filter(made["amount"] > 0).group_by("customer_id").agg(first_day=lambda t: t["day"].min())
    both = made.inner_join(first, "customer_id")
    age, bought = both["day"].delta(both["first_day"], unit="day"), both["amount"] > 0
    watched = age.between(1, days)
    whole = both.group_by("customer_id").agg(
        first_day=both["first_day"].min(),
        first_spend=both["amount"].max(where=age == 0),
        purchases=(bought & watched).sum(),
        spend=both["amount"].sum(where=watched),
        first_lines=both["lines"].max(where=age == 0),
    )
    frames = [_frame(whole, ["first_day"]).set_index("customer_id")]
    rows = rows.filter(paid)
    rows = rows.inner_join(first, [rows["customer_id"] == first["customer_id"], rows["day"] == first["first_day"]])
    for column in ("channel", "category"):
        if column in transactions.columns:
            frames.append(_most_spent_on(rows, column).rename(f"first_{column}").to_frame())
    frame = pd.concat(frames, axis=1).sort_index().rename_axis("customer_id")
    frame = frame.rename(columns={"first_day": "first_purchase"})
    frame = frame.fillna({"purchases": 0, "spend": 0.0}).astype({"purchases": "int64", "first_lines": "int64"})
    ends = pd.Timestamp(as_of).normalize() - pd.Timedelta(days=days)
    return frame.assign(watched=frame["first_purchase"] <= ends)


def bought_by_day(transactions: ibis.Table, as_of: Any, after: Any, until: Any) -> pd.DataFrame:
    """What customers bought after the day `after`, up to `until`: purchases (days), spend (currency), as `as_of` knows.

    Each purchase counts on its own day, less what was sent back of it by `as_of`. Only customers who bought are in it.
    """
    days = purchase_days(transactions, as_of)
    return _summed(days.filter((days["day"] > date_of(after)) & (days["day"] <= date_of(until))))


def bought_by_age(transactions: ibis.Table, as_of: Any, days: int) -> pd.DataFrame:
    """The same of the `days` after each customer's first purchase day, which isn't in it."""
    made = purchase_days(transactions, as_of)
    first = made.filter(made["position"] == 1).select("customer_id", first_day="day")
    both = made.filter(made["position"] > 1).inner_join(first, "customer_id")
    return _summed(both.filter(both["day"].delta(both["first_day"], unit="day") <= days))


def _summed(days: ibis.Table) -> pd.DataFrame:
    frame = _frame(days.group_by("customer_id").agg(purchases=days.count(), spend=days["amount"].sum()))
    return frame.set_index("customer_id").sort_index().astype({"purchases": "int64", "spend": "float64"})


def days_of(transactions: ibis.Table, as_of: Any, customer: str) -> pd.Series:
    """What one customer spent on each purchase day (currency, net of what was sent back of it), by day (datetime64)."""
    days = purchase_days(transactions, as_of)
    frame = fetched(days.filter(days["customer_id"] == customer).select("day", "amount"), ["day"])
    return frame.set_index("day")["amount"].sort_index().astype("float64").rename("spend")


def came_back(transactions: ibis.Table, as_of: Any) -> pd.Series:
    """The day of each customer's second purchase (datetime64), by customer_id; who bought once is left out."""
    purchases = purchase_days(transactions, as_of)
    second = purchases.filter(purchases["position"] == 2).select("customer_id", "day")
    return fetched(second, ["day"]).set_index("customer_id")["day"].sort_index()


def loyal_revenue(transactions: ibis.Table, as_of: Any, after: int, by: str = "month") -> pd.DataFrame:
    """`revenue` and the loyal customers' part of it, `loyal` (currency), by "month" (first day) or by "customer_id".

    A purchase is a loyal customer's when the customer had bought on `after` days before it.
    """
    made = purchase_days(transactions, as_of).mutate(month=lambda t: t["day"].truncate("M"))
    sums = made.group_by(by).agg(
        revenue=made["amount"].sum(), loyal=ibis.ifelse(made["position"] > after, made["amount"], 0.0).sum()
    )
    return rounded(fetched(sums).set_index(by).sort_index().astype("float64"))


def main_value(transactions: ibis.Table, column: str, as_of: Any) -> pd.Series:
    """Give what each customer spent most on: the value of `column` (category, product, channel) with the most revenue.

    Equal revenue is settled by the alphabet. Rows without a value don't count. MissingTable without the
    column.
    """
    if column not in transactions.columns:
        raise MissingTable(
            phrase("Neither customers nor transactions have a column {column!r}.", column=column),
            phrase("Map it in the dataset card, or choose one of: {columns}.", columns=", ".join(transactions.columns)),
        )
    return _most_spent_on(until(transactions, as_of), column)


def _most_spent_on(rows: ibis.Table, column: str) -> pd.Series:
    rows = rows.filter(rows[column].notnull())
    spent = rows.group_by(["customer_id", column]).agg(spent=rows["amount"].sum())
    best = ibis.window(group_by="customer_id", order_by=[ibis.desc("spent"), spent[column]])
    first = spent.mutate(place=ibis.row_number().over(best)).filter(lambda t: t["place"] == 0)
    return first.to_pandas().set_index("customer_id")[column].sort_index().astype(object)


def _with_gaps(purchases: ibis.Table) -> ibis.Table:
    in_order = ibis.window(group_by="customer_id", order_by="day")
    before, earlier = (purchases["day"].lag(back).over(in_order) for back in (1, 2))
    gap, previous = purchases["day"].delta(before, unit="day"), before.delta(earlier, unit="day")
    return purchases.mutate(gap=gap, previous_gap=previous)


def _in_order(frame: pd.DataFrame, ids: pd.Series) -> pd.DataFrame:
    """The frame by ids, which a database has sorted; it may have another alphabet."""
    frame, texts = frame.set_axis(pd.Index(ids)), pa.array(ids)
    return frame if pc.all(pc.greater(texts[1:], texts[:-1])).as_py() else frame.sort_index()


def _frame(table: ibis.Table, dates: Sequence[str] = ()) -> pd.DataFrame:
    # DuckDB adds up in any order: without rounding, equal customers would differ in the last digit, and ties break.
    return rounded(fetched(table, dates))
