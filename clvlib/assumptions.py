"""A customer summary or behaviour features go in, checks of what the forecasting models take for granted come
out.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

from clvlib.tables import NotEnoughData

MIN_CUSTOMERS = 30
WEAK = 0.2  # a correlation below it moves the forecast spend of frequent buyers by little
Rhythm = Literal["regular", "random", "bursty"]


@dataclass(frozen=True)
class SpendCheck:
    """Does spend depend on frequency? Gamma-Gamma takes for granted that it doesn't."""

    customers: int
    correlation: float
    holds: bool


@dataclass(frozen=True)
class TimingCheck:
    """Do purchases come at random times? The three purchase models take it for granted.

    share: the last gap as a share of the last two gaps. At random times its mean is 1/2 and its variance 1/12
    (Wheat & Morrison 1990). shape: of the gamma law with that variance: 1 at random, 2 for clockwork-like
    buying (Erlang-2), below 1 for bursts followed by silence.
    """

    customers: int
    share_mean: float
    share_variance: float
    shape: float
    rhythm: Rhythm

    @property
    def meaning(self) -> str:
        """What the rhythm does to the forecast, in words."""
        return {
            "regular": "more regularly than at random: the models notice too late that someone has left",
            "random": "about at random, as the models take for granted",
            "bursty": "in bursts: the models may take a pause between two bursts for leaving",
        }[self.rhythm]


def spend_against_frequency(rfm: pd.DataFrame) -> SpendCheck:
    """Correlation of frequency with mean spend, over customers with a repeat purchase (Fader & Hardie 2013).

    Raises NotEnoughData below 30 such customers.
    """
    buyers = rfm[(rfm["frequency"] > 0) & (rfm["monetary_value"] > 0)]
    _need(len(buyers), "a repeat purchase")
    if buyers["frequency"].nunique() == 1 or buyers["monetary_value"].nunique() == 1:
        return SpendCheck(len(buyers), 0.0, True)
    correlation = float(buyers["frequency"].corr(buyers["monetary_value"]))
    return SpendCheck(len(buyers), correlation, abs(correlation) < WEAK)


def timing_regularity(features: pd.DataFrame) -> TimingCheck:
    """Wheat & Morrison's M (1990, Journal of Marketing Research 27) from `last_gap` and `previous_gap`
    (days).

    Raises NotEnoughData below 30 customers with two gaps.
    """
    gaps = features[["last_gap", "previous_gap"]].dropna()
    _need(len(gaps), "two gaps between purchases")
    share = gaps["last_gap"] / gaps.sum(axis=1)
    variance = float(share.var())
    shape = float((1 / (4 * variance) - 1) / 2) if variance > 0 else np.inf  # Beta(k, k): 1 / (4 (2k + 1))
    rhythm: Rhythm = "regular" if shape > 1.25 else "bursty" if shape < 0.8 else "random"
    return TimingCheck(len(gaps), float(share.mean()), variance, shape, rhythm)


def _need(customers: int, what: str) -> None:
    if customers < MIN_CUSTOMERS:
        raise NotEnoughData(
            f"Only {customers:,} customers have {what}; this check needs {MIN_CUSTOMERS}.",
            "Use a longer history or more customers.",
        )
