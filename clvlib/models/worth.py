"""Customers of a past day, followed, in; what a purchase in the next window is worth against a silence, out.

Who buys nothing in the next window isn't gone: many skip a window and come back. What a silence costs is therefore the
difference of two values over the same time: of similar customers who bought in a window, and of those who did not. Both
are read from what customers of an earlier day really brought afterwards, so that everybody who only was slow counts.
"""

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from sklearn.linear_model import PoissonRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from clvlib import aggregate
from clvlib.errors import NotEnoughData
from clvlib.language import phrase
from clvlib.models.churn import FEWEST_OF_EACH, features_at, is_active
from clvlib.stats import DAYS_PER_YEAR, one_thread, present_value

if TYPE_CHECKING:
    import ibis

    from clvlib.dataset import Economics
    from clvlib.models.buying import Buying
    from clvlib.models.forecast import PurchaseModel

BROUGHT = ["spend", "purchases", "years"]


@dataclass(frozen=True)
class Followed:
    """Customers who were active on `as_of` (silent for no longer than the window), and what they did until `end`.

    `features` (of `churn.features_at`), `silent` (True: no purchase in the first window) and `brought`, indexed by
    customer_id. `brought`: sums over the windows of `days`, each discounted from its middle to `as_of`: `spend`
    (currency), `purchases` (days) and `years` (time in windows with a purchase, in which the customer is looked after).

    >>> followed = follow(sample.transactions, sample.starts, sample.as_of, 90, sample.economics)
    >>> str(followed.as_of)[:10], followed.days, len(followed.silent), round(float(followed.silent.mean()), 2)
    ('1997-07-02', 363, 526, 0.59)
    """

    as_of: pd.Timestamp
    end: pd.Timestamp
    window_days: int
    features: pd.DataFrame
    silent: pd.Series
    brought: pd.DataFrame

    @property
    def days(self) -> int:
        return (self.end - self.as_of).days


def follow(
    transactions: "ibis.Table", starts: pd.Timestamp, as_of: pd.Timestamp, window_days: int, economics: "Economics"
) -> Followed:
    """Follow the customers of a past day over the horizon, but over no more than two thirds of the history.

    Raises NotEnoughData when fewer than 25 of them bought in the first window, or fewer than 25 did not.

    >>> followed = follow(sample.transactions, sample.starts, sample.as_of, 90, sample.economics)
    >>> followed.brought.groupby(followed.silent).mean().round(2)
             spend  purchases  years
    silent
    False   204.84       5.35   0.62
    True     37.76       0.99   0.17
    """
    asked = economics.horizon_days
    then = as_of - pd.Timedelta(days=min(asked, (as_of - starts).days * 2 // 3))
    features = features_at(transactions, then)
    features = features[is_active(features, window_days)]
    edges = [*pd.date_range(then, as_of - pd.Timedelta(days=1), freq=pd.Timedelta(days=window_days)), as_of]
    flows, middles = [], []
    for start, end in pairwise(edges):
        after = aggregate.holdout(transactions, start, end).reindex(features.index).fillna(0.0)
        after["years"] = (after["purchases"] > 0) * ((end - start).days / DAYS_PER_YEAR)
        flows.append(after[BROUGHT])
        middles.append(((start - then).days + (end - start).days / 2) / DAYS_PER_YEAR)
    by_column = {name: np.array([flow[name] for flow in flows]) for name in BROUGHT}
    discounted = {name: present_value(of, economics.annual_discount_rate, middles) for name, of in by_column.items()}
    brought = pd.DataFrame(discounted, index=features.index)
    silent = (flows[0]["purchases"] == 0).rename("silent")
    if min(silent.sum(), (~silent).sum()) < FEWEST_OF_EACH:
        raise NotEnoughData(
            phrase(
                "Of {n:,} customers active on {day:%Y-%m-%d}, {bought:,} bought in the next {days} days and {silent:,} "
                "did not; what a silence costs needs {least} of each.",
                n=len(silent),
                day=then,
                bought=(~silent).sum(),
                days=window_days,
                silent=silent.sum(),
                least=FEWEST_OF_EACH,
            ),
            mend="Bring more customers or a longer history.",
        )
    return Followed(then, as_of, window_days, features, silent, brought)


def values(followed: Followed, features: pd.DataFrame, buying: "Buying", economics: "Economics") -> pd.DataFrame:
    """What customers like these bring over the days followed, after a window with a purchase and after one without.

    Poisson regressions with a log link, among the customers followed who did buy in the first window and among those
    who did not, on the logs of mean spend per purchase day, of purchases, of the rate of purchases and of the silence.
    At most the largest seen, because a log link runs away in the tail.

    Those who bought are the more frequent buyers to begin with, and to make somebody buy once doesn't make a frequent
    buyer of them. `value_if_buying` is therefore brought to the rate of those who stay silent (`rate_ratio`).

    Args:
        features: of the customers to judge, from `churn.features_at`.
        buying: how much rates differ between customers of one history, by the mean of its models.

    Returns:
        By customer: `value_if_buying`, `value_if_silent` (currency: margin less service and retention cost,
        discounted) and `cost_of_silence`, their difference, at least 0.

    >>> followed = follow(sample.transactions, sample.starts, sample.as_of, 90, sample.economics)
    >>> today = features_at(sample.transactions, sample.as_of)
    >>> values(followed, today[is_active(today, 90)], foreseen.buying, sample.economics).head(3).round()
                 value_if_buying  value_if_silent  cost_of_silence
    customer_id
    0006                   100.0             23.0             77.0
    0013                    22.0              8.0             13.0
    0019                    20.0              9.0             10.0
    """
    unit = float(followed.features["first_spend"].mean()) or 1.0
    asked = _logs(features, followed.window_days, unit)
    found = {}
    for name, group in {"value_if_buying": ~followed.silent, "value_if_silent": followed.silent}.items():
        known = _logs(followed.features[group], followed.window_days, unit)
        of = {column: _fitted(known, brought[group], asked) for column, brought in followed.brought.items()}
        cost = economics.service_cost_per_order * of["purchases"] + economics.retention_cost_per_year * of["years"]
        found[name] = economics.margin * of["spend"] - cost
    each = [rate_ratio(model, features, followed.window_days, followed.days) for model in buying.models_.values()]
    found["value_if_buying"] *= np.mean(each, axis=0)
    frame = pd.DataFrame(found, index=features.index)
    return frame.assign(cost_of_silence=(frame["value_if_buying"] - frame["value_if_silent"]).clip(lower=0))


def rate_ratio(model: "PurchaseModel", features: pd.DataFrame, window_days: int, days: int) -> np.ndarray:
    """Purchases over `days` by somebody of the rate of those silent for a window, over those of the rate of buyers.

    Of customers of one history, alive, the purchase rate is Gamma(r + x, alpha + T) in all three models. Silence for a
    window w makes its mean (r + x) / (alpha + T + w); that of the buyers follows, as both together keep the mean. A
    customer of rate λ who buys in the window makes λw / (1 - exp(-λw)) purchases in it, and λ a day afterwards.

    >>> people = pd.DataFrame({"frequency": [0, 5], "mean_gap": [np.nan, 60.0], "days_since_last_order": [60.0, 60.0]})
    >>> rate_ratio(model, people, window_days=90, days=365).round(2)
    array([0.35, 0.78])
    """
    shape = model.params_["r"] + features["frequency"].to_numpy(dtype=float)
    scale = model.params_["alpha"] + _age(features).to_numpy(dtype=float)
    none = (scale / (scale + window_days)) ** shape
    silent = shape / (scale + window_days)
    buying = (shape / scale - none * silent) / (1 - none)

    def purchases(rate: np.ndarray) -> np.ndarray:
        return rate * window_days / -np.expm1(-rate * window_days) + rate * (days - window_days)

    return purchases(silent) / purchases(buying)


def _age(features: pd.DataFrame) -> pd.Series:
    """Days since the first purchase (T), from the gaps and the silence."""
    return features["frequency"] * features["mean_gap"].fillna(0.0) + features["days_since_last_order"]


def _fitted(known: np.ndarray, brought: pd.Series, asked: np.ndarray) -> np.ndarray:
    brought = brought.clip(lower=0)
    if not brought.mean() > 0:
        return np.zeros(len(asked))
    regression = make_pipeline(StandardScaler(), PoissonRegressor(alpha=1e-3, max_iter=1000))
    with one_thread():
        ratio = regression.fit(known, brought / brought.mean()).predict(asked)
    return np.minimum(ratio * brought.mean(), brought.max())


def _logs(features: pd.DataFrame, window_days: int, unit: float) -> np.ndarray:
    per_purchase = (features["total_spend"] / (features["frequency"] + 1)).clip(lower=0) / unit
    rate = (features["frequency"] + 1) / (_age(features) + window_days)
    silence = features["days_since_last_order"]
    times = [np.log(rate), np.log1p(silence * rate), np.log1p(silence), np.log1p(features["frequency"])]
    return np.column_stack([np.log(per_purchase + 0.05), *times])
