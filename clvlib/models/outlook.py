"""A history and a day go in; what each customer known on it will bring in the days after, by the best that can be had.

Where windows of the past can teach, that is the hybrid; else the mean of the models of buying; and where too few came
back for these, what all customers did. Which it is, and why, is said.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd
from scipy.stats import norm

from clvlib.errors import CannotAnswer
from clvlib.models.buying import Buying, every_purchase
from clvlib.models.hybrid import Hybrid
from clvlib.models.ranges import Ranges
from clvlib.models.windows import History, Window, length

LEAST_BACK = 200  # customers who bought in windows: of fewer, trees learn chance (6 % worse in simulated shops)
HYBRID, MEAN_OF_MODELS, RATE = "hybrid", "mean of the models of buying", "rate of all customers"
_UNTAUGHT = {
    MEAN_OF_MODELS: 0.15,
    RATE: 0.3,
}  # how far totals come out from such forecasts (logarithm), taken for granted …
_CLUMPED = 2.0  # … beside chance: the variance of purchases, in expected purchases
_FORECAST = ["purchases", "spend", "p_purchase"]


@dataclass(frozen=True)
class Ahead:
    """What customers known on `as_of` will do in the `days` after it.

    method, why: how it was forecast (HYBRID, MEAN_OF_MODELS or RATE), and a sentence on it. customers, by customer_id:
    frequency (repeat purchases so far), purchases (mean), spend (mean, currency), p_purchase (chance of a purchase, 0
    to 1). window: what was known of them, and what came, as far as the history tells. learned: the hybrid, if it is
    one.

    >>> ahead.method, ahead.customers[["purchases", "spend"]].sum().round(-2).to_dict()
    ('hybrid', {'purchases': 500.0, 'spend': 18400.0})
    """

    as_of: pd.Timestamp
    days: int
    method: str
    why: str
    customers: pd.DataFrame
    window: Window
    learned: Hybrid | None

    def total(self, column: str, level: float) -> tuple[float, float, float]:
        """What comes of all customers, and the range that holds it in `level` of times. column: purchases or spend.

        >>> [round(each) for each in ahead.total("purchases", level=0.9)]
        [495, 402, 609]
        """
        total = float(self.customers[column].sum())
        if self.learned is not None:
            spread = self.learned.spread(column, total, self.days)
        else:
            purchases = max(float(self.customers["purchases"].sum()), 1.0)
            spread = float(np.hypot(_UNTAUGHT[self.method], np.sqrt(_CLUMPED / purchases)))
        reach = float(np.exp(norm.ppf((1 + level) / 2) * spread))
        return total, total / reach, total * reach

    @property
    def buying(self) -> Buying | None:
        """The models of buying, as far as they could be fitted."""
        return None if self.method == RATE else self.window.buying

    @cached_property
    def ranges(self) -> Ranges | None:
        """Ranges for each customer, from customers like them in past windows; None where no window could teach."""
        return None if self.learned is None else Ranges(self.learned.unseen_)


def look_ahead(history: History, as_of: pd.Timestamp, days: int) -> Ahead:
    """Forecast `days` after `as_of`, by what was known on it.

    >>> look_ahead(history, sample.as_of, days=91).why
    'It learned from 4 windows of 91 days, in which 677 customers bought.'
    """
    own = length(history.starts, as_of, days)
    window = history.window(as_of, own)

    def found(method: str, why: str, forecast: pd.DataFrame, learned: Hybrid | None = None) -> Ahead:
        customers = window.known[["frequency"]].join(forecast[_FORECAST])
        return Ahead(as_of, days, method, why, customers, window, learned)

    try:
        buying = window.buying
    except CannotAnswer as error:
        return found(RATE, f"No model of buying can be fitted: {error}", _rate(window.known, days))
    past = [each for each in history.past(as_of, own) if _can_teach(each)]
    back = int(sum((each.purchases > 0).sum() for each in past))
    if back < LEAST_BACK:
        why = f"In past windows of {own} days {back:,} customers bought; the hybrid learns from {LEAST_BACK} or more."
        return found(MEAN_OF_MODELS, why, buying.forecast(window.known, days))
    learned = Hybrid().fit(past, history.starts, as_of)
    why = f"It learned from {len(past)} windows of {own} days, in which {back:,} customers bought."
    return found(HYBRID, why, learned.forecast(window.known, buying, days), learned)


def _can_teach(window: Window) -> bool:
    try:
        return bool(window.buying.models_)
    except CannotAnswer:
        return False


def _rate(known: pd.DataFrame, days: int) -> pd.DataFrame:
    """Everybody goes on at the rate of all: repeat purchases per day since the first, at the mean spend."""
    every = every_purchase(known)
    lived = known["T"].sum()
    purchases = days * known["frequency"].sum() / lived if lived > 0 else 0.0
    each = (every["monetary_value"] * every["frequency"]).sum() / max(every["frequency"].sum(), 1)
    row = {"purchases": purchases, "spend": purchases * each, "p_purchase": -np.expm1(-purchases)}
    return pd.DataFrame(row, index=known.index)
