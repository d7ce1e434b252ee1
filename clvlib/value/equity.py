"""The customer base as an asset: its value at two dates, what moved it in between, and who brings lasting value.

Customer equity here is the sum of the CLV of all customers known at a date (`scoring`: margin on the purchases
expected within the horizon, discounted, forward only). A customer's CLV is a product of three factors,

    chance of still being a customer × discounted purchases expected if so × margin of a purchase,

so that a change of value can be given to its factors without a remainder (Shapley 1953: each factor's mean effect over
all orders in which the three could have changed).
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy.stats import norm

from clvlib import aggregate
from clvlib.aggregate import acquisition, clock
from clvlib.aggregate.journeys import REACTIONS
from clvlib.dataset import Economics
from clvlib.errors import CannotAnswer, MissingTable, NotEnoughData
from clvlib.models.forecast import DAYS, GammaGamma, PurchaseModel, fit_best
from clvlib.models.likelihood import unique_rows
from clvlib.models.scoring import DAYS_PER_MONTH
from clvlib.stats import mid_periods, present_value
from clvlib.value.lifespan import half_way

if TYPE_CHECKING:
    import ibis

    from clvlib.dataset import Dataset

FACTORS = ("p_alive", "purchases_if_alive", "margin_per_purchase")
EFFECTS = {
    "model": "Models learned anew",
    "new": "New customers",
    "loss": "Less likely still here",
    "confirmed": "More likely still here",
    "frequency": "Purchase frequency",
    "order_value": "Order value",
}
LEAST_HISTORY = 183
EARLY_DAYS, LATE_DAYS = 30, 365
_LEVEL = 0.95
LEAST = 5


@dataclass(frozen=True)
class Valuation:
    """The customer base as known on `as_of`: customer summary, the models fitted to it, and each customer's factors.

    `customers`: indexed by customer_id; the columns of FACTORS (0 to 1; purchases; currency) and clv, their product.

    >>> base = value_base(sample.transactions, sample.as_of, sample.economics, "BG/NBD")
    >>> round(base.total, -2)
    20700.0
    """

    as_of: pd.Timestamp
    rfm: pd.DataFrame
    model: PurchaseModel
    spend: GammaGamma
    customers: pd.DataFrame

    @property
    def total(self) -> float:
        """Customer equity, in currency."""
        return float(self.customers["clv"].sum())


def value_base(
    transactions: "ibis.Table", as_of: pd.Timestamp, economics: Economics, preferred: str | None = None
) -> Valuation:
    """Value all customers on what was known by `as_of`, with models fitted to nothing later.

    `preferred`: name of the purchase model. Raises NotEnoughData and ConvergenceError as `forecast.fit_best`.

    >>> base = value_base(sample.transactions, sample.as_of, sample.economics, "BG/NBD")
    >>> base.customers.loc["0001"].round(2).to_dict()
    {'p_alive': 0.66, 'purchases_if_alive': 1.74, 'margin_per_purchase': 7.79, 'clv': 8.97}
    """
    rfm = aggregate.rfm_summary(transactions, as_of)
    model, spend = fit_best(rfm, preferred), GammaGamma().fit(rfm)
    return Valuation(as_of, rfm, model, spend, factors(rfm, model, spend, economics))


def factors(rfm: pd.DataFrame, model: PurchaseModel, spend: GammaGamma, economics: Economics) -> pd.DataFrame:
    """The three factors of each customer's CLV and the CLV itself (as `scoring.score` gives it); see `Valuation`.

    >>> each = factors(rfm, fit_best(rfm, "BG/NBD"), GammaGamma().fit(rfm), Economics(margin=0.3))
    >>> each.loc[["0001", "0002"]].round(2)
                 p_alive  purchases_if_alive  margin_per_purchase   clv
    customer_id
    0001            0.66                1.74                 7.79  8.97
    0002            0.17                0.69                 6.45  0.74
    """
    (x, age), pair = unique_rows(rfm, ["frequency", "T"])
    months = np.arange(1, int(economics.horizon_months) + 1)
    edges = months[:, None] * DAYS_PER_MONTH / DAYS[model.time_unit]
    until = model.expected_if_alive(edges, x, age)
    monthly = np.diff(until, axis=0, prepend=0)
    worth = present_value(monthly, economics.annual_discount_rate, mid_periods(len(months)))
    (x, t_x, age), row = unique_rows(rfm, ["frequency", "recency", "T"])
    spent = spend.expected_spend(rfm["frequency"].to_numpy(), rfm["monetary_value"].to_numpy())
    frame = pd.DataFrame(
        {
            "p_alive": model.p_alive(x, t_x, age)[row],
            "purchases_if_alive": worth[pair],
            "margin_per_purchase": spent * economics.margin - economics.service_cost_per_order,
        },
        index=rfm.index,
    )
    return frame.assign(clv=frame.prod(axis=1))


def previous_date(starts: pd.Timestamp, as_of: pd.Timestamp) -> pd.Timestamp:
    """A year before `as_of`; where that leaves less than half a year of history, the middle of the observation.

    Raises NotEnoughData when the observation has no middle month.

    >>> previous_date(pd.Timestamp("2022-03-01"), pd.Timestamp("2024-06-30"))
    Timestamp('2023-06-30 00:00:00')
    """
    year_ago = as_of - pd.DateOffset(years=1)
    year_ago += pd.offsets.MonthEnd(0) if as_of.is_month_end else pd.Timedelta(0)
    return year_ago if (year_ago - starts).days >= LEAST_HISTORY else half_way(starts, as_of)


def equity_effects(before: Valuation, after: Valuation, economics: Economics) -> pd.DataFrame:
    """What moved each customer's value between two valuations; rows add up to clv after − clv before.

    Indexed by customer_id (all who are known at either date), columns as EFFECTS (currency):

    * model: the customers of the first date, revalued with the models of the second;
    * new: the CLV of customers known only at the second date;
    * loss, confirmed: the chance of still being a customer fell (silence), or rose (bought again);
    * frequency: the purchases expected while a customer moved; order_value: the margin of a purchase did.

    A customer of the first date whose purchases were all refunded since is lost.

    >>> card = sample.economics
    >>> before = value_base(sample.transactions, pd.Timestamp("1997-12-31"), card, "BG/NBD")
    >>> after = value_base(sample.transactions, sample.as_of, card, "BG/NBD")
    >>> equity_effects(before, after, card).loc["0001", ["model", "loss", "frequency"]].round(2).to_dict()
    {'model': 0.48, 'loss': -3.35, 'frequency': -4.07}
    """
    old = factors(before.rfm, after.model, after.spend, economics)
    new = after.customers.reindex(old.index)
    gone = new["clv"].isna()
    new = new.where(~gone, old.assign(p_alive=0.0, clv=0.0))
    share = pd.DataFrame({name: _part(old, new, name) for name in FACTORS})
    frame = pd.DataFrame(
        {
            "model": old["clv"] - before.customers["clv"],
            "new": 0.0,
            "loss": share["p_alive"].clip(upper=0.0),
            "confirmed": share["p_alive"].clip(lower=0.0),
            "frequency": share["purchases_if_alive"],
            "order_value": share["margin_per_purchase"],
        }
    )
    won = after.customers.index.difference(old.index)
    since = pd.DataFrame(0.0, index=won, columns=frame.columns).assign(new=after.customers.loc[won, "clv"])
    return pd.concat([frame, since]).rename_axis("customer_id").sort_index()


def _part(old: pd.DataFrame, new: pd.DataFrame, name: str) -> pd.Series:
    """What the change of one factor is worth (Shapley value in a product of three)."""
    one, two = (other for other in FACTORS if other != name)
    same = (old[one] * old[two] + new[one] * new[two]) / 3
    mixed = (old[one] * new[two] + new[one] * old[two]) / 6
    return (new[name] - old[name]) * (same + mixed)


def bridge(before: Valuation, after: Valuation, economics: Economics) -> pd.Series:
    """From the value at the first date to that at the second: "before", the EFFECTS (by key), "after"; exact.

    >>> card = sample.economics
    >>> before = value_base(sample.transactions, pd.Timestamp("1997-12-31"), card, "BG/NBD")
    >>> after = value_base(sample.transactions, sample.as_of, card, "BG/NBD")
    >>> bridge(before, after, card).round(-2).to_dict()
    {'before': 22900.0, 'model': 800.0, 'new': 0.0, 'loss': -4100.0, 'confirmed': 2200.0,
     'frequency': -1100.0, 'order_value': 100.0, 'after': 20700.0}
    """
    moved = equity_effects(before, after, economics).sum()
    return pd.concat([pd.Series({"before": before.total}), moved, pd.Series({"after": after.total})]).rename("value")


def expected_purchases(valuation: Valuation, days: float) -> pd.Series:
    """Purchases expected of each customer in the next `days` after the valuation's date.

    >>> base = value_base(sample.transactions, sample.as_of, sample.economics, "BG/NBD")
    >>> round(float(expected_purchases(base, days=90)["0001"]), 2)
    0.32
    """
    rfm, model = valuation.rfm, valuation.model
    expected = model.expected_purchases(days / DAYS[model.time_unit], rfm["frequency"], rfm["recency"], rfm["T"])
    return pd.Series(expected, index=rfm.index, name="expected_purchases")


def expected_revenue(valuation: Valuation, months: int = 12) -> float:
    """What all customers together are expected to spend in the next `months` (currency, before margin and discount).

    A month is that of `scoring`, so that the sum is the one of the notebook on forecasts.

    >>> base = value_base(sample.transactions, sample.as_of, sample.economics, "BG/NBD")
    >>> round(expected_revenue(base, months=3), -2), round(expected_revenue(base, months=12), -2)
    (19800.0, 72300.0)
    """
    spent = valuation.spend.expected_spend(valuation.rfm["frequency"], valuation.rfm["monetary_value"])
    return float(expected_purchases(valuation, months * DAYS_PER_MONTH) @ spent)


def promise(
    before: Valuation, transactions: "ibis.Table", until: pd.Timestamp, economics: Economics
) -> dict[str, float]:
    """What the customers of the first date were expected to bring until `until`, and what came (currency).

    Gives expected, came (margin on their spend net of refunds, less the cost of serving their orders), miss
    (came over expected, less 1), expected_purchases, purchases, customers.

    >>> before = value_base(sample.transactions, pd.Timestamp("1997-09-30"), sample.economics, "BG/NBD")
    >>> kept = promise(before, sample.transactions, sample.as_of, sample.economics)
    >>> round(kept["expected"], -2), round(kept["came"], -2), round(kept["miss"], 2)
    (18000.0, 21300.0, 0.18)
    """
    rfm = before.rfm
    bought = expected_purchases(before, (until - before.as_of).days)
    after = aggregate.holdout(transactions, before.as_of, until).reindex(rfm.index).fillna(0.0)
    came = after["spend"] * economics.margin - after["purchases"] * economics.service_cost_per_order
    expected = float((bought * before.customers["margin_per_purchase"]).sum())
    return {
        "expected": expected,
        "miss": float(came.sum()) / expected - 1 if expected > 0 else np.nan,
        "came": float(came.sum()),
        "expected_purchases": float(bought.sum()),
        "purchases": float(after["purchases"].sum()),
        "customers": float(len(rfm)),
    }


def equity_by_group(before: Valuation, after: Valuation, groups: pd.Series) -> pd.DataFrame:
    """Customer equity by group (customer_id → name), largest first: customers, before, after, change (currency).

    `customers` counts those known at the second date; unknown ones are of the group "unknown". A value that rests on
    1 to 4 customers is NaN.

    >>> def known(clv):  # a valuation of which only the customers' values are needed
    ...     return Valuation(sample.as_of, None, None, None, pd.DataFrame({"clv": clv}))
    >>> groups = pd.Series(["search"] * 5 + ["social"] * 5)
    >>> equity_by_group(known([20.0] * 10), known([30.0] * 5 + [12.0] * 5), groups)
            customers  before  after  change
    group
    search          5   100.0  150.0    50.0
    social          5   100.0   60.0   -40.0
    """
    named = groups.dropna().astype(str)
    then, now = (
        valuation.customers["clv"].groupby(named.reindex(valuation.customers.index).fillna(aggregate.UNKNOWN))
        for valuation in (before, after)
    )
    sizes = pd.DataFrame({"before": then.size(), "after": now.size()}).fillna(0)
    frame = pd.DataFrame({"customers": now.size(), "before": then.sum(), "after": now.sum()}).fillna(0.0)
    frame[["before", "after"]] = frame[["before", "after"]].mask((sizes > 0) & (sizes < LEAST))
    frame = frame.astype({"customers": "int64"}).assign(change=frame["after"] - frame["before"])
    return frame.rename_axis("group").sort_values("after", ascending=False, kind="stable")


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
            f"No customer's first purchase is {LATE_DAYS} days old on {as_of:%Y-%m-%d}: there is no first year to "
            "look at.",
            "Bring a longer history.",
        )
    clocked = clock.on_one_clock(transactions, old, as_of)
    steps = clock.money_around(clocked, 0, LATE_DAYS - 1, economics.margin, every=EARLY_DAYS)["contribution"].unstack()
    left = steps.reindex(old.index).fillna(0.0)
    return pd.DataFrame({"early": left[0], "late": left.drop(columns=0).sum(axis=1)})


def winning_campaign(ds: "Dataset", days: int = EARLY_DAYS) -> pd.Series:
    """Reads raw touchpoints: the campaign that each customer last reacted to in the `days` before the first purchase.

    customer_id → "channel · campaign", or "no campaign". The last touch is a convention, not a cause.
    Raises MissingTable where the touchpoints name no campaigns.

    >>> winning_campaign(shop).value_counts().head(3).to_dict()
    {'no campaign': 2395, 'display · retarget': 505, 'search · generic': 422}
    """
    touchpoints = ds.table("touchpoints")
    if "campaign" not in touchpoints.columns:
        raise MissingTable(
            "The touchpoints name no campaigns.", "Map the column campaign: it lets campaigns be compared by value."
        )
    rows = touchpoints.filter(touchpoints["campaign"].notnull())
    if "event" in rows.columns:
        rows = rows.filter(rows["event"].isin(REACTIONS))
    seen = rows.select("customer_id", "date", "channel", "campaign").to_pyarrow().to_pandas()
    first = ds.rfm_summary()["first_purchase"]
    seen["waited"] = seen["customer_id"].map(first) - seen["date"].astype("datetime64[us]").dt.normalize()
    seen = seen[(seen["waited"] >= pd.Timedelta(0)) & (seen["waited"] <= pd.Timedelta(days=days))]
    seen = seen.sort_values(["customer_id", "date", "channel", "campaign"])
    last = seen.drop_duplicates("customer_id", keep="last").set_index("customer_id")
    named = (last["channel"] + " · " + last["campaign"]).reindex(first.index).fillna("no campaign")
    return named.rename("campaign")


def won_by(ds: "Dataset") -> pd.Series:
    """What each customer was won by: `winning_campaign`, or the acquisition channel where no campaign is known.

    Raises MissingTable when the dataset tells neither.

    >>> from dataclasses import replace
    >>> untracked = replace(shop, tables={"customers": shop.table("customers")})  # no touchpoints, so no campaigns
    >>> won_by(shop)["C0013"], won_by(untracked)["C0013"]
    ('search · brand', 'referral')
    """
    if ds.has("touchpoints") and "campaign" in ds.table("touchpoints").columns:
        return winning_campaign(ds)
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


def pool_small(groups: pd.Series, customers: pd.Index, least: int, name: str = "smaller campaigns") -> pd.Series:
    """Give groups with fewer than `least` of these customers one common name: few customers have a year of chance.

    >>> groups = pd.Series(["search", "search", "fair"], index=["Ann", "Bob", "Cyd"])
    >>> pool_small(groups, groups.index, least=2).to_dict()
    {'Ann': 'search', 'Bob': 'search', 'Cyd': 'smaller campaigns'}
    """
    sizes = groups.reindex(customers).value_counts()
    return groups.where(groups.map(sizes).fillna(0) >= least, name)


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
            f"Of {len(values):,} customers with a complete first year, no group of {LEAST} was won the same way.",
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
