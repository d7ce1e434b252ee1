"""A history goes in; out comes how far forecasts made at earlier dates missed, and the range to plan with today.

The interval of a fitted model takes the model for right and the future for like the past. How wrong both are, only
forecasts show that were made before: the model learns until an earlier day and forecasts the money of the months after
it, several times, and each time the customers known on that day. Few such windows fit into a history, so that the
spread which they show is held together by one taken for granted: a total misses its forecast by a tenth (one standard
deviation) without anything being wrong. The two are weighed by how many windows stand apart, as in a Bayesian estimate
of a variance (scaled inverse chi-squared; Gelman et al., Bayesian Data Analysis, section 2.6), and the range is that of
Student's t.
"""

from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy.stats import norm, t

from clvlib import aggregate
from clvlib.errors import CannotAnswer, NotEnoughData
from clvlib.models.forecast import MODELS, GammaGamma
from clvlib.models.scoring import DAYS_PER_MONTH, Total

if TYPE_CHECKING:
    import ibis

USUAL_SPREAD = 0.10  # standard deviation of a year's total around its forecast that is taken for granted, as a share …
WORTH = 3.0  # … and how many windows of experience this is worth
STEPS = 2  # forecasts per length of a window


@dataclass(frozen=True)
class Range:
    """The range to plan with: low and high (currency) around a forecast, meant to hold the truth `level` of the times.

    spread: standard deviation of the total around its forecast, as a share. windows: how many windows of the past, laid
    end to end, it was learned from; 0 when there was none, so that what is taken for granted stands alone.

    >>> planned = Range(low=80_000.0, high=125_000.0, level=0.8, spread=0.14, windows=1.5)
    >>> f"{planned.low:,.0f} to {planned.high:,.0f}, {planned.level:.0%} of the times"
    '80,000 to 125,000, 80% of the times'
    """

    low: float
    high: float
    level: float
    spread: float
    windows: float


def past(
    transactions: "ibis.Table", starts: pd.Timestamp, as_of: pd.Timestamp, months: float, model: str
) -> tuple[pd.DataFrame, int]:
    """Forecasts of money made at earlier dates beside what came, by the day on which they were made.

    Each is of `months` ahead, or of half the history where that is shorter, in steps of half a window; the first has
    learned for a window's length. model: name of the purchase model. Returns, indexed by `made_on`: until, customers,
    forecast and actual (currency, undiscounted), miss (forecast over actual, less 1); and how many days are left out:
    nothing could be forecast on them, or no money came after them.

    >>> few = sample.transactions.filter(sample.transactions["customer_id"] < "0600")
    >>> made, left_out = past(few, sample.starts, sample.as_of, months=9, model="BG/NBD")
    >>> made[["customers", "forecast", "actual", "miss"]].round(3)
                customers   forecast    actual   miss
    made_on
    1997-10-01        595  16137.854  16045.54  0.006
    >>> left_out
    0
    """
    length = pd.Timedelta(days=min(round(months * DAYS_PER_MONTH), (as_of - starts).days // 2))
    step = pd.Timedelta(days=max(length.days // STEPS, 1))
    rows = {}
    cuts = pd.date_range(as_of - length, starts + length, freq=-step)
    for cut in cuts:
        known = aggregate.calibration_holdout(transactions, cut, cut + length)
        actual = known["holdout_spend"].sum()
        with suppress(CannotAnswer):
            purchases, spend = MODELS[model]().fit(known), GammaGamma().fit(known)
            ahead = purchases.expected_purchases(length.days, known["frequency"], known["recency"], known["T"])
            forecast = float(ahead @ spend.expected_spend(known["frequency"], known["monetary_value"]))
            if actual > 0:
                rows[cut] = (cut + length, len(known), forecast, actual, forecast / actual - 1)
    columns = ["until", "customers", "forecast", "actual", "miss"]
    made = pd.DataFrame.from_dict(rows, orient="index", columns=columns).rename_axis("made_on").sort_index()
    return made, len(cuts) - len(made)


def planning_range(total: Total, made: pd.DataFrame, months: float) -> Range:
    """The range to plan with for a forecast of `months` ahead, after the forecasts `made` before (see `past`).

    Misses of shorter windows count for more, by the root of the length. What the model doesn't know of its own
    parameters and of who happens to buy is added to what is taken for granted. Raises NotEnoughData where nothing is
    forecast.

    >>> now = Total(customers=2349, clv=100_000.0, low=95_000.0, high=105_000.0, level=0.8)
    >>> days = pd.to_datetime(["2023-01-01", "2023-07-01"])
    >>> made = pd.DataFrame({"until": days + pd.Timedelta(days=365), "miss": [0.2, -0.1]}, index=days)
    >>> planned = planning_range(now, made, months=12)
    >>> round(float(planned.low), -2), round(float(planned.high), -2), round(planned.windows, 2)
    (83200.0, 120200.0, 1.5)
    """
    if not total.clv > 0:
        raise NotEnoughData(
            "The forecast is of no money above the costs, so that nothing can be missed by a share of it.",
            "Check margin and service_cost_per_order under [economics].",
        )
    own = (total.high - total.low) / 2 / norm.ppf((1 + total.level) / 2) / total.clv
    squares, windows = 0.0, 0.0
    if len(made):
        length = made["until"].iloc[0] - made.index[0]
        squares = float((np.log1p(made["miss"]) ** 2).mean()) * max(months * DAYS_PER_MONTH / length.days, 1.0)
        windows = (made.index[-1] - made.index[0]) / length + 1
    spread = np.sqrt((WORTH * (USUAL_SPREAD**2 + own**2) + windows * squares) / (WORTH + windows))
    reach = np.exp(t.ppf((1 + total.level) / 2, WORTH + windows) * spread)
    ends = sorted((total.clv / reach, total.clv * reach))
    return Range(ends[0], ends[1], total.level, float(spread), float(windows))
