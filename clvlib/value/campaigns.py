"""Who was won by which campaign → what each campaign's customers bring at once, and in the year that follows."""

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy.stats import norm

from clvlib import aggregate
from clvlib.aggregate import acquisition, clock, journeys
from clvlib.dataset import Economics
from clvlib.errors import CannotAnswer, MissingTable, NotEnoughData
from clvlib.language import message, phrase
from clvlib.stats import LEAST

if TYPE_CHECKING:
    import ibis

    from clvlib.dataset import Dataset

EARLY_DAYS, LATE_DAYS = 30, 365

_LEVEL = 0.95


def earlier_and_later(transactions: "ibis.Table", as_of: pd.Timestamp, economics: Economics) -> pd.DataFrame:
    """What each customer left in the first 30 days from the first purchase on, and from then to the end of one year.

    Only customers whose first year is observed to its end, so that all are compared at the same age, as known at that
    end: what was sent back is taken off the purchase, early or late, that it belongs to. Indexed by
    customer_id: early, late (contribution, currency: amount − cost, or margin × amount where no cost is known;
    before the cost of serving orders).

    Raises NotEnoughData when there is no such customer.

    >>> earlier_and_later(sample.transactions, sample.as_of, sample.economics).loc["0001"].round(2).to_dict()
    {'early': 17.72, 'late': 12.43}
    """
    first = aggregate.rfm_summary(transactions, as_of)["first_purchase"]
    old = first[first <= pd.Timestamp(as_of) - pd.Timedelta(days=LATE_DAYS - 1)]
    if old.empty:
        raise NotEnoughData(
            phrase(
                "No customer's first purchase is {days} days old on {day:%Y-%m-%d}: there is no first year to look at.",
                days=LATE_DAYS,
                day=as_of,
            ),
            "Bring a longer history.",
        )
    clocked = clock.on_one_clock(transactions, old, as_of)
    steps = clock.money_around(clocked, 0, LATE_DAYS - 1, economics.margin, every=EARLY_DAYS)["contribution"].unstack()
    left = steps.reindex(old.index).fillna(0.0)
    return pd.DataFrame({"early": left[0], "late": left.drop(columns=0).sum(axis=1)})


def won_by(ds: "Dataset") -> pd.Series:
    """What each customer was won by (customer_id → text): the campaign last reacted to in the 30 days up to the first
    purchase, "channel · campaign" or "no campaign"; the acquisition channel where the data know no campaigns.

    The last touch is a convention, not a cause. Raises MissingTable when the dataset tells neither.

    >>> from dataclasses import replace
    >>> untracked = replace(shop, tables={"customers": shop.table("customers")})  # no touchpoints, so no campaigns
    >>> won_by(shop)["C0013"], won_by(untracked)["C0013"]
    ('search · brand', 'referral')
    """
    if ds.has("touchpoints") and "campaign" in ds.table("touchpoints").columns:
        first = ds.rfm_summary()["first_purchase"]
        named = journeys.last_campaign(ds.table("touchpoints"), first, EARLY_DAYS)
        return named.reindex(first.index).fillna(message("no campaign"))
    people = ds.customers() if ds.has("customers") else pd.DataFrame()
    if "acquisition_channel" not in people:
        raise MissingTable(
            "Neither touchpoints with campaigns nor customers with an acquisition_channel say what won whom.",
            "Add one of them: it shows whether quick revenue and lasting value come from the same campaigns.",
        )
    return people["acquisition_channel"]


def cost_to_win(ds: "Dataset") -> pd.Series | None:
    """What winning each customer cost (`acquisition.by_customer`), where the data tell it.

    >>> round(float(cost_to_win(shop).mean()), 1), cost_to_win(sample)
    (31.4, None)
    """
    try:
        return acquisition.by_customer(ds)
    except CannotAnswer:
        return None


def pool_small(groups: pd.Series, customers: pd.Index, least: int) -> pd.Series:
    """Give groups with fewer than `least` of these customers one common name: few customers have a year of chance.

    >>> groups = pd.Series(["search", "search", "fair"], index=["Ann", "Bob", "Cyd"])
    >>> pool_small(groups, groups.index, least=2).to_dict()
    {'Ann': 'search', 'Bob': 'search', 'Cyd': 'smaller campaigns'}
    """
    sizes = groups.reindex(customers).value_counts()
    return groups.where(groups.map(sizes).fillna(0) >= least, message("smaller campaigns"))


def short_against_long(values: pd.DataFrame, groups: pd.Series, cost: pd.Series | None = None) -> pd.DataFrame:
    """Groups of customers by what they bring at once and in the year that follows (means per customer, currency).

    values: `earlier_and_later`. groups: customer_id → name (acquisition channel, campaign). cost: customer_id → what it
    cost to win the customer, where known.

    One row per group, best year first: customers; early; late; late_low, late_high (95 % interval of the mean: NaN
    below 2 customers); year (early + late); cost (mean where known of 5 or more, else NaN); after_cost (year less
    cost); rank_early and rank_year (1 = best).

    Raises NotEnoughData when no group has 5 customers.

    >>> values = pd.DataFrame({"early": [30.0] * 5 + [20.0] * 5, "late": [1.0, 2, 3, 4, 5, 41, 42, 43, 44, 45]})
    >>> groups = pd.Series(["coupon"] * 5 + ["newsletter"] * 5)
    >>> short_against_long(values, groups)[["early", "late", "year", "rank_early", "rank_year"]]
                early  late  year  rank_early  rank_year
    group
    newsletter   20.0  43.0  63.0           2          1
    coupon       30.0   3.0  33.0           1          2
    """
    names = groups.dropna().astype(str).reindex(values.index).dropna()
    if names.value_counts().max() < LEAST or names.empty:
        raise NotEnoughData(
            phrase(
                "Of {n:,} customers with a complete first year, no group of {least} was won the same way.",
                n=len(values),
                least=LEAST,
            ),
            "Bring more customers or a longer history.",
        )
    parts = values.loc[names.index].groupby(names)
    frame = parts.mean().assign(customers=parts.size())
    reach = norm.ppf((1 + _LEVEL) / 2) * parts["late"].std() / np.sqrt(frame["customers"])
    frame = frame.assign(late_low=frame["late"] - reach, late_high=frame["late"] + reach)
    frame["year"] = frame["early"] + frame["late"]
    known = pd.Series(np.nan, index=names.index) if cost is None else cost.reindex(names.index)
    costs = known.astype(float).groupby(names)
    frame["cost"] = costs.mean().where(costs.count() >= LEAST)
    frame["after_cost"] = frame["year"] - frame["cost"]
    for name in ("early", "year"):
        frame[f"rank_{name}"] = frame[name].rank(ascending=False, method="first").astype("int64")
    order = ["customers", "early", "late", "late_low", "late_high", "year", "cost", "after_cost"]
    frame = frame[[*order, "rank_early", "rank_year"]].rename_axis("group")
    return frame.sort_values("year", ascending=False, kind="stable")


def standing_out(raced: pd.DataFrame) -> pd.Series:
    """Groups of `short_against_long` whose later part differs from the mean of all beyond chance, largest first.

    Index: group; value: late less the mean of all (currency). Each group's difference is tested at 5 % divided by the
    number of groups (Bonferroni), so that looking at many of them finds nothing where nothing is.

    >>> values = pd.DataFrame({"early": [30.0] * 5 + [20.0] * 5, "late": [1.0, 2, 3, 4, 5, 41, 42, 43, 44, 45]})
    >>> groups = pd.Series(["coupon"] * 5 + ["newsletter"] * 5)
    >>> standing_out(short_against_long(values, groups)).to_dict()
    {'newsletter': 20.0, 'coupon': -20.0}
    """
    known = raced.dropna(subset=["late_high"])
    error = (known["late_high"] - known["late"]) / norm.ppf((1 + _LEVEL) / 2)
    gap = known["late"] - np.average(known["late"], weights=known["customers"]) if len(known) else known["late"]
    limit = norm.ppf(1 - (1 - _LEVEL) / 2 / max(len(known), 1))
    return gap[(error > 0) & (gap.abs() > limit * error)].sort_values(ascending=False).rename("difference")
