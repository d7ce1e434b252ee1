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

from clvlib import aggregate
from clvlib.dataset import Economics
from clvlib.models.forecast import DAYS, GammaGamma, PurchaseModel, fit_best
from clvlib.models.likelihood import unique_rows
from clvlib.models.scoring import DAYS_PER_MONTH
from clvlib.stats import mid_periods, present_value
from clvlib.value.hindsight import half_way

if TYPE_CHECKING:
    import ibis


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
    >>> round(expected_revenue(base), -2)
    72300.0
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
    then, now = (
        valuation.customers["clv"].groupby(aggregate.group_names(groups, valuation.customers.index))
        for valuation in (before, after)
    )
    sizes = pd.DataFrame({"before": then.size(), "after": now.size()}).fillna(0)
    frame = pd.DataFrame({"customers": now.size(), "before": then.sum(), "after": now.sum()}).fillna(0.0)
    frame[["before", "after"]] = frame[["before", "after"]].mask((sizes > 0) & (sizes < LEAST))
    frame = frame.astype({"customers": "int64"}).assign(change=frame["after"] - frame["before"])
    return frame.rename_axis("group").sort_values("after", ascending=False, kind="stable")
