"""What is foreseen of customers goes in, one table of customers comes out: who buys, how often, and is worth what.

CLV here is the margin on the purchases that a customer is expected to make within the horizon, less the cost of serving
those orders, discounted. It looks forward only: what was already spent, and what it cost to win or to keep the
customer, is not in it. A customer's CLV is a product of three factors,

    chance of a purchase × discounted purchases of who buys × margin of a purchase.

The horizon is the days of what is foreseen. How purchases fall into its months is what models of buying expect of the
customer; the money of a month counts from its middle (`stats`).
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.stats import nbinom

from clvlib.dataset import Economics
from clvlib.language import message
from clvlib.models.buying import LEAST_FORECAST
from clvlib.models.forecast import PurchaseModel
from clvlib.models.likelihood import unique_rows
from clvlib.models.outlook import CLUMPED, Ahead
from clvlib.stats import Array, mid_periods, months_in, present_value

FORECAST_LEVEL = 0.9  # share of customers, or of repetitions of history, that an interval is meant to hold
FACTORS = ("p_purchase", "purchases_if_buying", "margin_per_purchase")
_TOP_FREQUENCY = 7
PLACES = {  # groups of customers by CLV: name → the share of all customers, from the best, at which the group ends
    message("top 1%"): 0.01,
    message("top 1–5%"): 0.05,
    message("top 5–10%"): 0.10,
    message("top 10–25%"): 0.25,
    message("top 25–50%"): 0.50,
    message("lower half"): 1.0,
}


@dataclass(frozen=True)
class Total:
    """Value of all customers together over the horizon (currency), and the range that is meant to hold it.

    The range is that of what they spend (`Ahead.total`), at the margin: how far past windows came out from what was
    foreseen of them, the trade as a whole and customers by chance. What it costs to serve orders is held to come as
    foreseen, so that the range is wide, rather than narrow, where that takes most of the margin.

    >>> worth = total(foreseen, sample.economics)
    >>> worth.customers, round(worth.clv, -2), (round(worth.low, -2), round(worth.high, -2))
    (2349, 23300.0, (19100.0, 28500.0))
    """

    customers: int
    clv: float
    low: float
    high: float
    level: float


def factors(
    ahead: Ahead, economics: Economics, known: pd.DataFrame | None = None, unit: float | None = None
) -> pd.DataFrame:
    """The FACTORS of each customer's CLV (0 to 1; purchases; currency), and clv, their product.

    known: `aggregate.features` of another day, to value its customers by what was learned for this one; by default, the
    customers of `ahead`. unit: the mean purchase of all customers of that day, where these are some (see
    `Ahead.forecast`).

    >>> factors(foreseen, sample.economics).head(2).round(2)
                 p_purchase  purchases_if_buying  margin_per_purchase    clv
    customer_id
    0001               0.55                 2.22                 8.55  10.48
    0002               0.14                 1.70                13.38   3.13
    """
    known = ahead.window.known if known is None else known
    said = ahead.customers if known is ahead.window.known else ahead.forecast(known, unit)
    bought = said["purchases"] * _kept_of_one(ahead, known, economics.annual_discount_rate)
    frame = pd.DataFrame(
        {
            "p_purchase": said["p_purchase"],
            "purchases_if_buying": (bought / said["p_purchase"]).fillna(0.0),
            "margin_per_purchase": _spend_each(said) * economics.margin - economics.service_cost_per_order,
        }
    )
    return frame.assign(clv=frame.prod(axis=1))


def score(
    ahead: Ahead, economics: Economics, level: float = FORECAST_LEVEL, parts: pd.DataFrame | None = None
) -> pd.DataFrame:
    """Score every customer of `ahead`, one-time buyers included; same index (customer_id).

    Columns: p_purchase (0 to 1, chance of at least one purchase within the horizon: by this customers are counted and
    ranked); expected_purchases (purchase days within the horizon); expected_spend (currency per purchase); clv
    (currency, see the module); clv_low, clv_high (currency): what the middle `level` of customers with such a forecast
    bring. These come from past windows (`Ranges`), where there are any; else purchases vary by chance around what is
    expected, at the expected spend. Where hardly any of such customers buy again, both are 0 although the mean isn't.
    parts: the `factors` of the same, where they are known already.

    >>> scores = score(foreseen, sample.economics)
    >>> scores[["p_purchase", "expected_purchases", "clv", "clv_high"]].head(3).round(2)
                 p_purchase  expected_purchases    clv  clv_high
    customer_id
    0001               0.55                1.28  10.48     48.80
    0002               0.14                0.24   3.13     28.09
    0003               0.10                0.17   0.77      7.85
    """
    said, parts = ahead.customers, factors(ahead, economics) if parts is None else parts
    frame = pd.DataFrame(
        {
            "p_purchase": said["p_purchase"],
            "expected_purchases": said["purchases"],
            "expected_spend": _spend_each(said),
            "clv": parts["clv"],
        }
    )
    kept = (parts["p_purchase"] * parts["purchases_if_buying"] / said["purchases"]).fillna(1.0)
    ends = _ends(ahead, parts["margin_per_purchase"], level).mul(kept, axis=0)
    frame[["clv_low", "clv_high"]] = np.sort(ends.to_numpy(), axis=1)  # an order may cost more than it leaves
    return frame


def share_of_value(scores: pd.DataFrame, frequency: pd.Series) -> pd.DataFrame:
    """By repeat purchases so far (`frequency`, as "0" … "7+"): share of the customers, share of the CLV (0 to 1).

    >>> frequency = foreseen.customers["frequency"]
    >>> share_of_value(score(foreseen, sample.economics), frequency).loc[["0", "1", "7+"]].round(2)
                             customers   CLV
    repeat purchases so far
    0                             0.52  0.10
    1                             0.17  0.10
    7+                            0.07  0.44
    """
    groups = frequency.clip(upper=_TOP_FREQUENCY).rename(message("repeat purchases so far"))
    value = scores["clv"].groupby(groups).sum()
    shares = pd.DataFrame({"customers": groups.value_counts(normalize=True), "CLV": value / value.sum()})
    return shares.sort_index().rename(index=lambda n: f"{n}+" if n == _TOP_FREQUENCY else str(n))


def by_rank(scores: pd.DataFrame) -> pd.DataFrame:
    """The middle customer of each of PLACES that has any, the best first: medians low, mid and high (currency).

    >>> by_rank(score(foreseen, sample.economics)).round(2)
                low     mid    high
    clv
    top 1%      0.0  157.70  454.27
    top 1–5%    0.0   60.32  182.25
    top 5–10%   0.0   31.61   99.98
    top 10–25%  0.0   13.67   59.20
    top 25–50%  0.0    4.26   33.13
    lower half  0.0    1.38   12.49
    """
    place = scores["clv"].rank(ascending=False, method="first") / len(scores)
    group = pd.cut(place, [0, *PLACES.values()], labels=list(PLACES))
    medians = scores.groupby(group, observed=True)[["clv_low", "clv", "clv_high"]].median()
    return medians.set_axis(["low", "mid", "high"], axis=1)


def total(ahead: Ahead, economics: Economics, level: float = FORECAST_LEVEL, sums: pd.Series | None = None) -> Total:
    """Value of all customers of `ahead` together; see `Total`.

    sums: the sum of `summed_up` over all parts of the customers, where `ahead` is of one of them.

    >>> round(total(foreseen, sample.economics, level=0.8).low, -2)
    19900.0
    """
    sums = summed_up(ahead, factors(ahead, economics), economics) if sums is None else sums
    own = float(ahead.customers["spend"].sum())
    clv, margin = float(sums["clv"]), float(sums["margin"])
    reach = ahead.reach("spend", level, float(sums["spend"]) / own if own > 0 else 1.0)
    return Total(int(sums["customers"]), clv, clv - margin * (1 - 1 / reach), clv + margin * (reach - 1), level)


def summed_up(ahead: Ahead, parts: pd.DataFrame, economics: Economics) -> pd.Series:
    """What `total` rests on, of the customers of `ahead`, whose `factors` are given: customers, buyers (how many are
    expected to buy), spend (expected; currency), margin (of it, discounted) and clv.

    >>> summed_up(foreseen, foreseen_base, sample.economics).round(-2).to_dict()
    {'customers': 2300.0, 'buyers': 700.0, 'spend': 81300.0, 'margin': 23300.0, 'clv': 23300.0}
    """
    bought = parts["p_purchase"] * parts["purchases_if_buying"]
    margin = float((bought * _spend_each(ahead.customers)).sum()) * economics.margin
    found = {"customers": len(parts), "buyers": parts["p_purchase"].sum(), "spend": ahead.customers["spend"].sum()}
    return pd.Series(found | {"margin": margin, "clv": parts["clv"].sum()}, dtype=float)


def discounted_purchases(model: PurchaseModel, known: pd.DataFrame, days: int, rate: float) -> tuple[Array, Array]:
    """Purchases that a model expects of each customer in the next `days`, plain, and discounted at `rate` a year.

    known: frequency, recency and T, in days. Once a customer is known to be alive, the last purchase date tells nothing
    more, so that the costly part is needed once per pair (frequency, T).

    >>> [round(float(each.sum())) for each in discounted_purchases(model, rfm, days=365, rate=0.1)]
    [1971, 1884]
    """
    months = months_in(days)
    (x, age), pair = unique_rows(known, ["frequency", "T"])
    until = model.expected_if_alive(days * np.arange(1, months + 1)[:, None] / months, x, age)
    monthly = np.diff(until, axis=0, prepend=0)
    (x, t_x, age), row = unique_rows(known, ["frequency", "recency", "T"])
    alive = model.p_alive(x, t_x, age)[row]
    return alive * until[-1][pair], alive * present_value(monthly, rate, mid_periods(months))[pair]


def _kept_of_one(ahead: Ahead, known: pd.DataFrame, rate: float) -> Array:
    """What discounting leaves of one purchase, by when models of buying expect it of a customer."""
    if ahead.buying is None:
        months = months_in(ahead.days)
        even = np.full((months, len(known)), 1 / months)
        return present_value(even, rate, mid_periods(months))
    each = [discounted_purchases(model, known, ahead.days, rate) for model in ahead.buying.models_.values()]
    plain, discounted = np.sum(each, axis=0)
    return np.divide(discounted, plain, out=np.ones_like(plain), where=plain > 0)


def _spend_each(said: pd.DataFrame) -> pd.Series:
    return (said["spend"] / said["purchases"]).fillna(0.0)


def _ends(ahead: Ahead, margin_per_purchase: pd.Series, level: float) -> pd.DataFrame:
    """Both ends of what customers leave (currency, undiscounted)."""
    if ahead.ranges is not None:
        kept = margin_per_purchase / _spend_each(ahead.customers)  # of what is spent
        return ahead.ranges.of(ahead.customers, level)[["spend_low", "spend_high"]].mul(kept.fillna(0.0), axis=0)
    buys = ahead.customers["p_purchase"]
    more = (ahead.customers["purchases"] / buys - 1).clip(lower=LEAST_FORECAST).fillna(LEAST_FORECAST)

    def purchases(place: float) -> pd.Series:
        among = ((place - 1 + buys) / buys).fillna(0.0).clip(0, 1)  # who buy
        return (1 + nbinom.ppf(among, more / (CLUMPED - 1), 1 / CLUMPED)) * (place > 1 - buys)

    low, high = (purchases(place) * margin_per_purchase for place in ((1 - level) / 2, (1 + level) / 2))
    return pd.DataFrame({"low": low, "high": high})
