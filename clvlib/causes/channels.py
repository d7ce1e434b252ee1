"""Who used which channels, and what they spent → what using several channels is worth, plainly compared and adjusted.

The plain comparison is what articles quote. `quoted_claims` sets beside it what a study that looks forward
(`adoption`) finds.
"""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from clvlib.aggregate import journeys
from clvlib.causes import causal
from clvlib.dataset import Dataset
from clvlib.errors import NotEnoughData
from clvlib.language import message, phrase
from clvlib.stats import DAYS_PER_YEAR

MOST_COUNTED = 4  # four or more channels are one group, as articles have it
BANDS = {"1": 1, "2": 2, "3-4": 4, "5-9": 9, "10+": np.inf}  # purchases, by the largest of the group


# The plain comparison


def people(ds: Dataset) -> pd.DataFrame:
    """Set side by side, for every customer, the channels ever used and what was ever spent, as articles do.

    Returns, indexed by customer_id: channels (int), mix (text, "store + web"), home (the first one), orders (purchase
    days), revenue (currency, net), order_value (currency), again (bool: bought more than once), recent (bool: bought in
    the last 365 days), years (since the first purchase).

    Raises MissingTable when transactions have no channel, NotEnoughData when there is only one.

    >>> people(shop)[["channels", "mix", "orders", "revenue", "again"]].iloc[[0, 2]]
                 channels                mix  orders  revenue  again
    customer_id
    C0001               1                web       1    29.89  False
    C0003               3  app + store + web      32  1454.57   True
    """
    used = channels_used(ds, ds.starts, ds.as_of)
    if used["channel"].nunique() < 2:
        raise NotEnoughData(
            phrase(
                "All orders were made in one channel ({named:{named}|none is named}).",
                named=", ".join(used["channel"].unique()),
            ),
            "With a single channel there is nothing to compare.",
        )
    rfm = ds.rfm_summary()
    first = used.sort_values(["first_used", "channel"], kind="stable").groupby("customer_id")["channel"]
    by_customer = used.groupby("customer_id")["channel"]
    orders = rfm["frequency"] + 1
    frame = pd.DataFrame(
        {
            "channels": by_customer.nunique(),
            "mix": by_customer.agg(" + ".join),
            "home": first.first(),
            "orders": orders,
            "revenue": rfm["total_spend"],
            "order_value": rfm["total_spend"] / orders,
            "again": rfm["frequency"] > 0,
            "recent": rfm["days_since_last_order"] < 365,
            "years": rfm["T"] / DAYS_PER_YEAR,
        }
    )
    frame = frame[frame["channels"].notna() & frame["orders"].notna()].rename_axis("customer_id")
    return frame.astype({"channels": "int64", "orders": "int64", "again": bool, "recent": bool})


def channels_used(ds: Dataset, start: pd.Timestamp, end: pd.Timestamp) -> pd.DataFrame:
    """`journeys.usage` of a dataset, with its touchpoints if it has any.

    >>> channels_used(shop, shop.starts, shop.as_of)[["customer_id", "channel", "purchases", "amount"]].loc[[0, 2]]
      customer_id channel  purchases  amount
    0       C0001     web          1   29.89
    2       C0003     app          8  300.29
    """
    return journeys.usage(ds.transactions, ds.table("touchpoints") if ds.has("touchpoints") else None, start, end)


def means_by_group(known: pd.DataFrame, by: pd.Series) -> pd.DataFrame:
    """Average `people` by group: customers, revenue and orders per customer, order_value, bought_again and still_buying
    (shares), years_known (since the first purchase).

    >>> known = pd.DataFrame({"channels": [1, 1, 2], "revenue": [30.0, 50.0, 200.0], "orders": [1, 1, 4]})
    >>> known = known.assign(again=known["orders"] > 1, recent=[False, True, True], years=1.5)
    >>> means_by_group(known, known["channels"])[["customers", "revenue", "order_value", "still_buying"]]
              customers  revenue  order_value  still_buying
    channels
    1                 2     40.0         40.0           0.5
    2                 1    200.0         50.0           1.0
    """
    groups = known.groupby(by)
    return pd.DataFrame(
        {
            "customers": groups.size(),
            "revenue": groups["revenue"].mean(),
            "orders": groups["orders"].mean(),
            "order_value": groups["revenue"].sum() / groups["orders"].sum(),
            "bought_again": groups["again"].mean(),
            "still_buying": groups["recent"].mean(),
            "years_known": groups["years"].mean(),
        }
    )


def times_richer(known: pd.DataFrame) -> float:
    """Divide the mean revenue of customers of several channels by that of customers of one.

    Raises NotEnoughData when either group has fewer than 25 customers.

    >>> times_richer(pd.DataFrame({"channels": [1] * 40 + [2] * 40, "revenue": [50.0] * 40 + [130.0] * 40}))
    2.6
    """
    one, several = (known.loc[chosen, "revenue"] for chosen in (known["channels"] == 1, known["channels"] > 1))
    if min(len(one), len(several)) < causal.FEWEST or one.mean() <= 0:
        raise NotEnoughData(
            phrase(
                "{one:,} customers used one channel, {several:,} several; it takes {least} of each.",
                one=len(one),
                several=len(several),
                least=causal.FEWEST,
            ),
            "Bring more customers.",
        )
    return float(several.mean() / one.mean())


def name_number(channels: pd.Series) -> pd.Series:
    """Name the number of channels: "1", "2", "3", "4+".

    >>> name_number(pd.Series([1, 3, 4, 6])).tolist()
    ['1', '3', '4+', '4+']
    """
    names = channels.clip(upper=MOST_COUNTED).astype(int).astype(str)
    return names.where(channels < MOST_COUNTED, f"{MOST_COUNTED}+").rename("channels")


def band(orders: pd.Series) -> pd.Series:
    """Name the number of purchases: "1", "2", "3-4", "5-9", "10+".

    >>> band(pd.Series([1, 2, 4, 7, 30])).tolist()
    ['1', '2', '3-4', '5-9', '10+']
    """
    return pd.cut(orders, [0, *BANDS.values()], labels=list(BANDS)).rename("purchases")


def shuffled(ds: Dataset, known: pd.DataFrame) -> pd.Series:
    """Count the channels that each customer would have used, had every purchase drawn its channel at random.

    Everybody keeps their purchases (`known`: as `people` gives it); each gets a channel from the whole shop's mix. In
    that world a channel changes nothing. Returns the number of channels, indexed as `known`.

    >>> known = people(shop)
    >>> round(float(known["channels"].mean()), 2), round(float(shuffled(shop, known).mean()), 2)
    (1.3, 2.35)
    """
    bought = channels_used(ds, ds.starts, ds.as_of).groupby("channel")["purchases"].sum()
    mix = (bought / bought.sum()).to_numpy()
    drawn = np.random.default_rng(0).multinomial(known["orders"].to_numpy(), mix)
    return pd.Series((drawn > 0).sum(axis=1), index=known.index, name="channels")


# What is quoted


def quoted_claims(known: pd.DataFrame, found: Mapping[str, causal.CrossFit] | None = None) -> pd.DataFrame:
    """Set what articles quote, and what the article behind them reports, beside the same plain comparison here.

    Harvard Business Review, 3 January 2017: one retailer, 46,000 shoppers, 14 months; its authors disclaim causality.
    "Many" channels are 4 or more, or 2 or more where fewer than 25 customers used 4.

    Args:
        known: as `people` gives it. found: as `verdict.fits` gives it, for one more column.

    Returns one row per claim, all relative differences: quoted, reported (by the article itself; NaN where it reports
    no such thing), plain (here; NaN where a group has fewer than 25 customers), adjusted (of adding one channel;
    NaN where the study has no such outcome).

    >>> quoted_claims(people(shop)).loc[["many channels: more valuable", "many channels: more loyal"]].round(2)
                                  quoted  reported  plain
    claim
    many channels: more valuable    0.30       NaN   1.38
    many channels: more loyal       0.09       NaN  -0.25
    """
    one, several = known[known["channels"] == 1], known[known["channels"] > 1]
    four = known[known["channels"] >= MOST_COUNTED]
    many = four if len(four) >= causal.FEWEST else several
    nothing, trips = float("nan"), _more(several["orders"] - 1, one["orders"] - 1)
    rows = [
        (message("many channels: more valuable"), 0.30, nothing, _more(many["revenue"], one["revenue"]), "revenue"),
        (
            message("many channels: more likely to buy again"),
            0.06,
            nothing,
            _more(many["again"], one["again"]),
            "bought",
        ),
        (message("many channels: more loyal"), 0.09, nothing, _more(many["recent"], one["recent"]), ""),
        (message("several channels: more repeat trips"), nothing, 0.23, trips, "orders"),
        (message("several channels: more per order, store"), nothing, 0.04, _per_order(several, one, "store"), ""),
        (message("many channels: more per order, store"), nothing, 0.09, _per_order(many, one, "store"), ""),
        (message("several channels: more per order, web"), nothing, 0.10, _per_order(several, one, "web"), ""),
    ]
    frame = pd.DataFrame(rows, columns=["claim", "quoted", "reported", "plain", "outcome"]).set_index("claim")
    if found is not None:
        measured = {name: next(iter(causal.answers(fitted).values())) for name, fitted in found.items()}
        relative = {name: one.estimate / one.without for name, one in measured.items() if one.without > 0}
        frame["adjusted"] = frame["outcome"].map(relative)
    return frame.drop(columns="outcome")


def _more(some: pd.Series, others: pd.Series) -> float:
    if min(len(some), len(others)) < causal.FEWEST or others.mean() <= 0:
        return float("nan")
    return float(some.mean() / others.mean() - 1)


def _per_order(some: pd.DataFrame, others: pd.DataFrame, home: str) -> float:
    some, others = some[some["home"] == home], others[others["home"] == home]
    if min(len(some), len(others)) < causal.FEWEST or others["revenue"].sum() <= 0:
        return float("nan")
    spent = some["revenue"].sum() / some["orders"].sum()
    return float(spent / (others["revenue"].sum() / others["orders"].sum()) - 1)
