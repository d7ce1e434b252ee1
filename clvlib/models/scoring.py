"""Fitted models and a customer summary go in, one table of customers comes out: who stays, buys and is worth
what.

CLV here is the margin on the purchases that a customer is expected to make within the horizon, less the cost
of serving those orders, discounted month by month. It looks forward only: what was already spent, and what it
cost to win or to keep the customer, is not in it. A month is 365.25 / 12 days; its money counts from its middle
(`stats`).
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import norm

from clvlib.dataset import Economics
from clvlib.models.fitted import FittedModel
from clvlib.models.forecast import DAYS, GammaGamma, PurchaseModel
from clvlib.models.likelihood import unique_rows
from clvlib.models.summary import require
from clvlib.stats import DAYS_PER_YEAR, Array, mid_periods, present_value

Model = TypeVar("Model", bound=FittedModel)

DAYS_PER_MONTH = DAYS_PER_YEAR / 12
FORECAST_LEVEL = 0.9  # share of customers, or of repetitions of history, that an interval is meant to hold
_TOP_FREQUENCY = 7
PLACES = {  # groups of customers by CLV: name → the share of all customers, from the best, at which the group ends
    "top 1%": 0.01,
    "top 1–5%": 0.05,
    "top 5–10%": 0.10,
    "top 10–25%": 0.25,
    "top 25–50%": 0.50,
    "lower half": 1.0,
}
_STEP = 1e-4
_NEVER = 1e-8


@dataclass(frozen=True)
class Total:
    """Value of a customer base over the horizon: its expectation, and an interval around it.

    The interval holds the uncertainty of all parameters and the chance of who happens to buy how often, if
    the model is right. It doesn't hold the chance in the size of single baskets, nor a change in the world or
    an error of the model: forecasts made at earlier dates show how large those are (see `misses`).

    >>> worth = total(rfm, model, GammaGamma().fit(rfm), sample.economics)
    >>> worth.customers, round(worth.clv, -2), round(worth.reach, 2)
    (2349, 20700.0, 0.09)
    """

    customers: int
    clv: float
    low: float
    high: float
    level: float

    @property
    def reach(self) -> float:
        """Half the interval, as a share of the value."""
        return (self.high - self.low) / 2 / self.clv


@dataclass(frozen=True)
class Buyers:
    """How many of the `customers` are expected to buy at least once within the horizon, and an interval around it.

    The interval holds the uncertainty of the parameters and the chance of who happens to buy, if the model is right.
    This count can be checked when the horizon is over. How many are "alive" can't: the sum of P(alive) hangs on when
    a model lets customers leave, which purchases don't show (see `counting`).

    >>> buyers = expected_buyers(rfm, model, t=365)
    >>> buyers.customers, round(buyers.expected), (round(buyers.low), round(buyers.high))
    (2349, 626, (591, 661))
    """

    customers: int
    expected: float
    low: float
    high: float
    level: float


@dataclass(frozen=True)
class _Patterns:
    """Distinct histories (x, t_x, T) and the pairs (x, T) among them.

    Once a customer is known to be alive, the last purchase date tells nothing more, so that the costly part
    of a forecast is needed once per pair. `row` leads from customers to histories, `pair` from histories to
    pairs.
    """

    x: Array
    t_x: Array
    T: Array
    row: NDArray[np.intp]
    pair_x: Array
    pair_T: Array
    pair: NDArray[np.intp]


def score(
    rfm: pd.DataFrame, model: PurchaseModel, spend: GammaGamma, economics: Economics, level: float = FORECAST_LEVEL
) -> pd.DataFrame:
    """Score every customer, one-time buyers included. Rows and index are those of `rfm` (customer_id).

    Columns: p_purchase (0 to 1, chance of at least one purchase within the horizon: by this customers are counted and
    ranked); p_alive (0 to 1, still a customer today; it hangs on the model, see `counting`); expected_purchases
    (purchase days within the horizon, the chance of having left included); expected_spend (currency per purchase; the
    model's mean for one-time buyers); clv (currency, see the module); clv_low, clv_high (currency: the middle `level`
    of customers with this history, by the number of purchases they make, at their expected spend. The uncertainty of
    parameters and baskets is not in it. Where fewer than (1 - level) / 2 of such customers buy again, both are 0
    although the mean isn't).

    Raises DataError when a column is missing or wrong.

    >>> scores = score(rfm, model, GammaGamma().fit(rfm), sample.economics)
    >>> scores[["p_purchase", "p_alive", "expected_purchases", "clv", "clv_high"]].head(3).round(2)
                 p_purchase  p_alive  expected_purchases   clv  clv_high
    customer_id
    0001               0.53     0.66                1.21  8.97     29.76
    0002               0.08     0.17                0.12  0.74      6.16
    0003               0.12     1.00                0.15  1.54     10.26
    """
    rfm = require(rfm)
    patterns = _patterns(rfm)
    purchases, discounted = _per_pair(model, patterns, economics)
    horizon = _horizon(model, economics)
    alive = model.p_alive(patterns.x, patterns.t_x, patterns.T)
    low, high = _range(model, horizon, patterns, alive, level)
    spent = _expected_spend(rfm, spend)
    value = spent * economics.margin - economics.service_cost_per_order
    kept_of_one = (discounted / purchases)[patterns.pair]
    columns = {
        "p_purchase": alive * model.at_least_if_alive(1, horizon, patterns.pair_x, patterns.pair_T)[patterns.pair],
        "p_alive": alive,
        "expected_purchases": alive * purchases[patterns.pair],
        "expected_spend": None,
        "clv": alive * discounted[patterns.pair],
        "clv_low": low * kept_of_one,
        "clv_high": high * kept_of_one,
    }
    frame = pd.DataFrame(
        {name: spent if of is None else of[patterns.row] for name, of in columns.items()}, index=rfm.index
    )
    worth = frame[["clv", "clv_low", "clv_high"]].mul(value, axis=0)
    if (value < 0).any():  # an order that costs more to serve than its margin: more purchases are worth less
        worth[["clv_low", "clv_high"]] = np.sort(worth[["clv_low", "clv_high"]].to_numpy(), axis=1)
    return frame.assign(**worth)


def share_of_value(scores: pd.DataFrame, rfm: pd.DataFrame) -> pd.DataFrame:
    """By repeat purchases so far ("0" … "7+"): share of the customers, share of the CLV (0 to 1).

    >>> scores = score(rfm, model, GammaGamma().fit(rfm), sample.economics)
    >>> share_of_value(scores, rfm).loc[["0", "1", "7+"]].round(2)
                             customers   CLV
    repeat purchases so far
    0                             0.52  0.10
    1                             0.17  0.07
    7+                            0.07  0.47
    """
    groups = rfm["frequency"].clip(upper=_TOP_FREQUENCY).rename("repeat purchases so far")
    value = scores["clv"].groupby(groups).sum()
    shares = pd.DataFrame({"customers": groups.value_counts(normalize=True), "CLV": value / value.sum()})
    return shares.sort_index().rename(index=lambda n: f"{n}+" if n == _TOP_FREQUENCY else str(n))


def by_rank(scores: pd.DataFrame) -> pd.DataFrame:
    """The middle customer of each of PLACES that has any, the best first: medians low, mid and high (currency).

    >>> by_rank(score(rfm, model, GammaGamma().fit(rfm), sample.economics)).round(2)
                low     mid    high
    clv
    top 1%      0.0  158.63  326.82
    top 1–5%    0.0   57.96  137.81
    top 5–10%   0.0   28.49   79.83
    top 10–25%  0.0   10.92   42.20
    top 25–50%  0.0    2.34   13.42
    lower half  0.0    1.62   10.26
    """
    place = scores["clv"].rank(ascending=False, method="first") / len(scores)
    group = pd.cut(place, [0, *PLACES.values()], labels=list(PLACES))
    medians = scores.groupby(group, observed=True)[["clv_low", "clv", "clv_high"]].median()
    return medians.set_axis(["low", "mid", "high"], axis=1)


def total(
    rfm: pd.DataFrame, model: PurchaseModel, spend: GammaGamma, economics: Economics, level: float = FORECAST_LEVEL
) -> Total:
    """Value of all customers of `rfm` together, with an interval (delta method; see `Total` for what it
    covers).

    >>> year, two_years = sample.economics, Economics(margin=0.3, horizon_months=24)
    >>> spend = GammaGamma().fit(rfm)
    >>> [round(total(rfm, model, spend, economics).clv, -2) for economics in (year, two_years)]
    [20700.0, 36100.0]
    """
    rfm = require(rfm)
    patterns = _patterns(rfm)
    value = _expected_spend(rfm, spend) * economics.margin - economics.service_cost_per_order
    per_history = np.bincount(patterns.row, weights=value)

    def discounted_purchases(of: PurchaseModel) -> Array:
        return of.p_alive(patterns.x, patterns.t_x, patterns.T) * _per_pair(of, patterns, economics)[1][patterns.pair]

    purchases = discounted_purchases(model)
    by_purchases = _slope(lambda changed: float(discounted_purchases(changed) @ per_history), model)
    by_spend = _slope(
        lambda changed: float(purchases[patterns.row] @ _expected_spend(rfm, changed)) * economics.margin,
        spend,
    )
    variance = (
        by_purchases @ model.log_covariance_ @ by_purchases
        + by_spend @ spend.log_covariance_ @ by_spend
        + _count_variance(model, patterns, economics) @ np.bincount(patterns.row, weights=value**2)
    )
    middle, margin = float(purchases @ per_history), float(norm.ppf((1 + level) / 2) * np.sqrt(variance))
    return Total(len(rfm), middle, middle - margin, middle + margin, level)


def expected_buyers(rfm: pd.DataFrame, model: PurchaseModel, t: float, level: float = FORECAST_LEVEL) -> Buyers:
    """How many customers of `rfm` buy at least once in (T, T + t], in the model's time unit (delta method).

    >>> [round(expected_buyers(rfm, model, t=days).expected) for days in (30, 90, 365)]
    [144, 314, 626]
    """
    rfm = require(rfm)
    patterns = _patterns(rfm)
    many = np.bincount(patterns.row).astype(float)

    def chance(of: PurchaseModel) -> Array:
        return of.p_at_least(1, t, patterns.x, patterns.t_x, patterns.T)

    each = chance(model)
    slope = _slope(lambda changed: float(chance(changed) @ many), model)
    variance = slope @ model.log_covariance_ @ slope + many @ (each * (1 - each))
    middle, margin = float(each @ many), float(norm.ppf((1 + level) / 2) * np.sqrt(variance))
    return Buyers(len(rfm), middle, max(middle - margin, 0.0), min(middle + margin, float(len(rfm))), level)


def _patterns(rfm: pd.DataFrame) -> _Patterns:
    (x, t_x, T), row = unique_rows(rfm, ["frequency", "recency", "T"])
    (pair_x, pair_T), pair = unique_rows(pd.DataFrame({"x": x, "T": T}), ["x", "T"])
    return _Patterns(x, t_x, T, row, pair_x, pair_T, pair)


def _horizon(model: PurchaseModel, economics: Economics) -> float:
    return economics.horizon_months * DAYS_PER_MONTH / DAYS[model.time_unit]


def _per_pair(model: PurchaseModel, patterns: _Patterns, economics: Economics) -> tuple[Array, Array]:
    """Expected purchases within the horizon by a customer alive now, plain and discounted, for each pair (x,
    T).
    """
    months = np.arange(1, int(economics.horizon_months) + 1)
    edges = months[:, None] * DAYS_PER_MONTH / DAYS[model.time_unit]
    until = model.expected_if_alive(edges, patterns.pair_x, patterns.pair_T)
    monthly = np.diff(until, axis=0, prepend=0)
    return until[-1], present_value(monthly, economics.annual_discount_rate, mid_periods(len(months)))


def _expected_spend(rfm: pd.DataFrame, spend: GammaGamma) -> Array:
    return spend.expected_spend(rfm["frequency"].to_numpy(), rfm["monetary_value"].to_numpy())


def _range(model: PurchaseModel, t: float, patterns: _Patterns, alive: Array, level: float) -> tuple[Array, Array]:
    """Lower and upper quantile of the number of purchases per history: how many n have P(N >= n) above a
    limit.
    """
    tail = (1 - level) / 2
    low, high = np.zeros(len(alive)), np.zeros(len(alive))
    open_rows, n = np.arange(len(alive)), 0
    while len(open_rows):
        n += 1
        pairs, where = np.unique(patterns.pair[open_rows], return_inverse=True)
        if_alive = model.at_least_if_alive(n, t, patterns.pair_x[pairs], patterns.pair_T[pairs])
        chance = alive[open_rows] * if_alive[where]
        low[open_rows] += chance > 1 - tail
        high[open_rows] += chance > tail
        open_rows = open_rows[chance > tail]
    return low, high


def _count_variance(model: PurchaseModel, patterns: _Patterns, economics: Economics) -> Array:
    """Variance of the number of purchases per history: E[N²] is the sum over n of (2n - 1) P(N >= n)."""
    t = _horizon(model, economics)
    first, second = np.zeros(len(patterns.pair_x)), np.zeros(len(patterns.pair_x))
    pairs, n = np.arange(len(patterns.pair_x)), 0
    while len(pairs):
        n += 1
        chance = model.at_least_if_alive(n, t, patterns.pair_x[pairs], patterns.pair_T[pairs])
        first[pairs] += chance
        second[pairs] += (2 * n - 1) * chance
        pairs = pairs[chance > _NEVER]
    alive = model.p_alive(patterns.x, patterns.t_x, patterns.T)
    return alive * second[patterns.pair] - (alive * first[patterns.pair]) ** 2


def _slope(of: Callable[[Model], float], model: Model) -> Array:
    """Gradient of a number that depends on a model, by the logarithm of each parameter."""
    slopes = []
    for i in range(len(model.values)):
        factor = np.ones(len(model.values))
        factor[i] = np.exp(_STEP)
        slopes.append(of(model.with_params(model.values * factor)) - of(model.with_params(model.values / factor)))
    return np.array(slopes) / (2 * _STEP)
