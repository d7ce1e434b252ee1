"""Orders → how they are spread, and the days, pauses and customers in them to look at before believing a figure.

All is worked out in the database: what comes back has a row a band, a day or a rule, however many customers there are.
`orders` is `purchases.by_order` throughout; those that came to nothing, or were sent back, are not counted.
"""

from collections.abc import Sequence
from itertools import pairwise

import ibis
import numpy as np
import pandas as pd

from clvlib.aggregate.rows import fetched
from clvlib.language import message, phrase

MOST_EDGES = 15  # between bands of order values: of more, every second is left out, or more of them
WEEKS = 4  # before and after, whose days of the same weekday say what is usual
TIMES, MORE = 3, 10  # as many orders as usual, and so many more: a spike
MISSED = 20  # orders that a pause would have brought
BREAKS = 0.95  # of all breaks between days with orders, than which a pause is twice as long
CROWD, FEWEST_OF_CROWD, TOP = 5, 20, 0.99  # times the orders of the customer at the 99th percentile
BULK = 10  # times the median order
IN_A_DAY = 10  # orders of one customer on one day
TINY = 100  # parts of the median order
RULE_OF_SPIKES = message(
    "at least {times} times the median of the same weekday in the {weeks} weeks before and after, and beyond that by "
    "{more} orders and by five times what chance moves (the root of the median)"
)
RULE_OF_PAUSES = message(
    "no order for at least twice as long as {breaks:.0%} of the breaks between days with orders, while the same "
    "weekdays of the {weeks} weeks before and after would have brought {missed} orders or more"
)
UNUSUAL = message(
    {  # name: the rule, what they may be
        message("many orders"): (
            "{fewest} orders or more, and over {crowd} times as many as the customer at the {top:.0%} point",
            "A till, a marketplace or an account that many share: one person is told of where there are many.",
        ),
        message("wholesale-like"): (
            "two orders or more, {bulk} times the median order or more on average",
            "Firms or resellers: look at them apart, they move every mean.",
        ),
        message("many orders at once"): (
            "{in_a_day} orders or more on one day",
            "A person who tests, a program, or an import that split orders: several of one day count as one purchase.",
        ),
        message("orders of next to nothing"): (
            "orders of a {tiny}th of the median order or less",
            "Test orders, gifts or fees: leave them out where they are no purchases.",
        ),
    }
)
_SAID = {"times": TIMES, "weeks": WEEKS, "more": MORE, "breaks": BREAKS, "missed": MISSED, "fewest": FEWEST_OF_CROWD}
_SAID |= {"crowd": CROWD, "top": TOP, "bulk": BULK, "in_a_day": IN_A_DAY, "tiny": TINY}
_COLUMNS = ["customers", "orders", "amount", "examples"]


def rule(template: str) -> str:
    """A rule of this module with its numbers, in the language spoken.

    >>> rule(UNUSUAL["many orders at once"][0])
    '10 orders or more on one day'
    """
    return phrase(template, **_SAID)


def _sold(orders: ibis.Table) -> ibis.Table:
    return orders.filter(orders["amount"] > 0)


def order_values(orders: ibis.Table) -> pd.DataFrame:
    """Orders by their value: low, high (currency; the first has no low, the last no high: NaN), orders, amount.

    Bands run from the first to the 99th of a hundred orders: in steps of 1, 2, 5, 10 …, or of equal width where values
    lie within one power of ten. Empty without an order.
    """
    sold = _sold(orders)
    ends = fetched(sold.agg(low=sold["amount"].quantile(0.01), high=sold["amount"].quantile(0.99)))
    low, high = (float(value) for value in ends.astype("float64").iloc[0])
    if np.isnan(low):
        return pd.DataFrame(columns=["low", "high", "orders", "amount"], dtype="float64")
    if high > 10 * low:
        powers = 10.0 ** np.arange(np.floor(np.log10(low)), np.ceil(np.log10(high)) + 1)
        edges = np.array([float(f"{step * power:.3g}") for power in powers for step in (1, 2, 5)])
        edges = edges[(edges >= low) & (edges <= high)]
        edges = edges[:: -(-len(edges) // MOST_EDGES)]
    else:
        edges = np.unique([float(f"{edge:.3g}") for edge in np.linspace(low, high, 9)])
    return _in_bands(sold.select("amount", value="amount"), edges, {"orders": "count", "amount": "amount"})


def orders_each(orders: ibis.Table) -> pd.DataFrame:
    """Customers by how many orders they made: low, high (orders; high NaN for the last), customers, amount."""
    sold = _sold(orders)
    people = sold.group_by("customer_id").agg(value=sold.count().cast("float64"), amount=sold["amount"].sum())
    found = _in_bands(people, [2, 3, 4, 6, 11, 21, 51, 101], {"customers": "count", "amount": "amount"})
    return found.assign(low=found["low"].fillna(1), high=found["high"] - 1)


def days_between(gaps: pd.Series) -> pd.DataFrame:
    """Repeat purchases (`aggregate.gaps`) by the days since the one before: low, high (days), purchases."""
    ends = np.array([1, 2, 8, 15, 31, 61, 91, 181, 366, np.inf])
    found = gaps.groupby(np.searchsorted(ends, gaps.index.to_numpy(), side="right") - 1).sum()
    frame = pd.DataFrame({"low": ends[:-1], "high": np.append(ends[1:-1] - 1, np.nan)})
    return frame.assign(purchases=found.reindex(frame.index, fill_value=0).astype("int64"))


def _in_bands(values: ibis.Table, edges: Sequence[float] | np.ndarray, sums: dict[str, str]) -> pd.DataFrame:
    """`values` (columns value, amount) counted by band: below the first edge, between edges, from the last on."""
    band = values["value"].bucket([-np.inf, *edges, np.inf], closed="left")
    made = {name: values.count() if what == "count" else values[what].sum() for name, what in sums.items()}
    frame = fetched(values.group_by(band=band.cast("int64")).agg(**made)).set_index("band")
    frame = frame.reindex(range(len(edges) + 1), fill_value=0)
    bounds = pd.DataFrame({"low": [np.nan, *edges], "high": [*edges, np.nan]})
    return bounds.join(frame.astype({name: "int64" if what == "count" else "float64" for name, what in sums.items()}))


def by_day(orders: ibis.Table) -> pd.DataFrame:
    """Orders and amount (currency) of every day from the first with an order to the last, those without any too."""
    sold = _sold(orders)
    found = fetched(
        sold.group_by(day=sold["day"].cast("date")).agg(orders=sold.count(), amount=sold["amount"].sum()), ["day"]
    )
    days = found.set_index("day").astype({"orders": "int64", "amount": "float64"})
    every = pd.date_range(days.index.min(), days.index.max()) if len(days) else days.index
    return days.reindex(every.rename("day"), fill_value=0)


def spikes(days: pd.DataFrame) -> pd.DataFrame:
    """The days of `by_day` that RULE_OF_SPIKES names: orders, amount (currency), usual (orders)."""
    around = pd.concat([days["orders"].shift(7 * k) for k in range(-WEEKS, WEEKS + 1) if k], axis=1)
    usual = around.median(axis=1).where(around.notna().sum(axis=1) >= WEEKS)
    more = days["orders"] - usual
    found = (days["orders"] >= TIMES * usual) & (more >= MORE) & (more >= 5 * np.sqrt(usual))
    return days.assign(usual=usual)[found]


def pauses(days: pd.DataFrame, as_of: pd.Timestamp) -> pd.DataFrame:
    """Stretches that RULE_OF_PAUSES names: first, last (days), days, missed (orders that were to be expected).

    The time from the last order to `as_of` is one, too.
    """
    orders = days["orders"]
    if len(orders):
        orders = orders.reindex(pd.date_range(orders.index.min(), as_of), fill_value=0)
    at = np.flatnonzero(orders.to_numpy())
    lasted = np.diff(at)
    longest = 2 * np.quantile(lasted, BREAKS) if len(lasted) else np.inf
    rows = []
    for start, end in pairwise([*at, len(orders)]):
        if end - start < max(longest, 2):
            continue
        near = pd.concat([orders.iloc[: start + 1].tail(7 * WEEKS), orders.iloc[end:].head(7 * WEEKS)])
        usual = near.groupby(near.index.day_of_week).mean()
        missing = pd.DatetimeIndex(orders.index[start + 1 : end])
        missed = float(usual.reindex(missing.day_of_week).fillna(0.0).sum())
        if missed >= MISSED:
            rows.append((missing[0], missing[-1], len(missing), missed))
    frame = pd.DataFrame(rows, columns=["first", "last", "days", "missed"])
    return frame.astype({"days": "int64", "missed": "float64"})


def unusual(orders: ibis.Table) -> pd.DataFrame:
    """The customers that each rule of UNUSUAL finds: customers, orders, amount (currency), examples (ids, at most 3).

    Indexed by the rule's name; rules that find nobody are not in it.
    """
    sold = _sold(orders)
    usual = _number(sold.agg(value=sold["amount"].median()))
    of_day = sold.mutate(tiny=sold["amount"] * TINY <= usual).group_by("customer_id", "day")
    days = of_day.agg(
        orders=lambda t: t.count(),
        amount=lambda t: t["amount"].sum(),
        few=lambda t: t["tiny"].sum(),
        little=lambda t: t["amount"].sum(where=t["tiny"]),
    )
    people = days.group_by("customer_id").agg(
        at_once=days["orders"].max(), **{name: days[name].sum() for name in ("orders", "amount", "few", "little")}
    )
    found = {}
    with people.cache() as each:
        top = _number(each.agg(value=each["orders"].cast("float64").quantile(TOP)))
        several, little = each["orders"] >= 2, each.mutate(orders=each["few"], amount=each["little"])
        rules = {
            "many orders": each.filter((each["orders"] >= FEWEST_OF_CROWD) & (each["orders"] > CROWD * top)),
            "wholesale-like": each.filter(several & (each["amount"] >= BULK * usual * each["orders"])),
            "many orders at once": each.filter(each["at_once"] >= IN_A_DAY),
            "orders of next to nothing": little.filter(little["few"] > 0),
        }
        for name, those in rules.items():
            sums = those.agg(customers=those.count(), orders=those["orders"].sum(), amount=those["amount"].sum())
            row = fetched(sums).fillna(0).iloc[0]
            if row["customers"]:
                first = fetched(those.order_by([ibis.desc("amount"), "customer_id"]).limit(3))["customer_id"]
                found[name] = [int(row["customers"]), int(row["orders"]), float(row["amount"]), tuple(first)]
    return pd.DataFrame.from_dict(found, orient="index", columns=_COLUMNS).rename_axis("rule")


def _number(query: ibis.Table) -> float:
    """The one value of a query; NaN where there is none."""
    return float(fetched(query).astype("float64")["value"].iloc[0])


def arms(experiments: ibis.Table) -> pd.DataFrame:
    """How many customers each arm of each experiment has: experiment, variant, customers."""
    keys = ["experiment", "variant"]
    return fetched(experiments.group_by(keys).agg(customers=experiments["customer_id"].nunique()).order_by(keys))
