"""A customer summary or behaviour features go in, checks of what the forecasting models take for granted come
out.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

from clvlib.errors import NotEnoughData
from clvlib.language import message, phrase, translated

MIN_CUSTOMERS = 30
WEAK = 0.2  # a rank correlation below it moves the forecast spend of frequent buyers by little
_TOP_FREQUENCY = 10
Rhythm = Literal["regular", "random", "bursty"]


@dataclass(frozen=True)
class SpendCheck:
    """Does spend depend on frequency? Gamma-Gamma takes for granted that it doesn't.

    correlation is Pearson's, as published; a few huge baskets can hide a dependence from it, so that the verdict
    follows rank_correlation (Spearman's).

    >>> check = SpendCheck(customers=400, correlation=0.05, rank_correlation=0.31)
    >>> check.holds, check.finding
    (False, 'Who comes back more often spends more a time')
    """

    customers: int
    correlation: float
    rank_correlation: float

    @property
    def holds(self) -> bool:
        """Whether the dependence is too weak to matter."""
        return abs(self.rank_correlation) < WEAK

    @property
    def finding(self) -> str:
        """What can be seen, in words; a dependence only beyond two standard errors of the rank correlation."""
        if self.holds:
            return phrase("Spend hardly depends on how often customers come back")
        if abs(self.rank_correlation) < 2 / np.sqrt(self.customers):
            return phrase(
                "{n} customers don't tell whether spend depends on how often they come back", n=self.customers
            )
        return phrase("Who comes back more often spends {more:more|less} a time", more=self.rank_correlation > 0)

    @property
    def meaning(self) -> str:
        """What it does to the forecast, in words."""
        if self.holds:
            return phrase("hardly depends on frequency, as the spend model takes for granted")
        return phrase(
            "depends on frequency: the spend model expects too {more:much|little} a time of customers with few "
            "purchases",
            more=self.rank_correlation > 0,
        )


@dataclass(frozen=True)
class TimingCheck:
    """Do purchases come at random times? The three purchase models take it for granted.

    share: the last gap as a share of the last two gaps. At random times its mean is 1/2 and its variance 1/12
    (Wheat & Morrison 1990). shape: of the gamma law with that variance: 1 at random, 2 for clockwork-like
    buying (Erlang-2), below 1 for bursts followed by silence. errors: standard errors, by these names.

    >>> errors = {"share_mean": 0.011, "share_variance": 0.003, "shape": 0.3}
    >>> check = TimingCheck(customers=400, share_mean=0.54, share_variance=0.05, shape=2.0, errors=errors)
    >>> check.rhythm, check.meaning
    ('regular', 'more regularly than at random: the models notice too late that someone has left')
    """

    customers: int
    share_mean: float
    share_variance: float
    shape: float
    errors: dict[str, float]

    @property
    def rhythm(self) -> Rhythm:
        """Random when the variance of the shares is less than 2 standard errors away from 1/12."""
        if abs(self.share_variance - 1 / 12) < 2 * self.errors["share_variance"]:
            return "random"
        return "regular" if self.shape > 1 else "bursty"

    @property
    def meaning(self) -> str:
        """What the rhythm does to the forecast, in words."""
        if self.rhythm == "random":
            return phrase("at times that can't be told from random ones, as the models take for granted")
        if 0.8 <= self.shape <= 1.25:
            return phrase(
                "a little more {regular:regularly|in bursts} than at random", regular=self.rhythm == "regular"
            )
        if self.rhythm == "regular":
            return phrase("more regularly than at random: the models notice too late that someone has left")
        return phrase("in bursts: the models may take a pause between two bursts for leaving")

    @property
    def trend(self) -> str:
        """Whether customers slow down or speed up, in words: is the mean share 2 standard errors away from 1/2?"""
        away = (self.share_mean - 1 / 2) / self.errors["share_mean"] if self.errors["share_mean"] > 0 else 0.0
        if abs(away) < 2:
            return phrase("the last gap is on average as long as the one before: no sign of slowing down")
        return phrase(
            "the last gap tends to be {longer:longer|shorter} than the one before ({errors:.0f} standard errors): "
            "customers {longer:slow down|speed up}, which the models don't know",
            longer=away > 0,
            errors=abs(away),
        )


def spend_against_frequency(rfm: pd.DataFrame) -> SpendCheck:
    """Correlations of frequency with mean spend, over customers with a repeat purchase (Fader & Hardie 2013).

    Raises NotEnoughData below 30 such customers.

    >>> check = spend_against_frequency(rfm)
    >>> check.customers, round(check.correlation, 3), round(check.rank_correlation, 3)
    (1139, 0.07, 0.205)
    """
    buyers = rfm[(rfm["frequency"] > 0) & (rfm["monetary_value"] > 0)]
    _need(len(buyers), message("a repeat purchase"))
    if buyers["frequency"].nunique() == 1 or buyers["monetary_value"].nunique() == 1:
        return SpendCheck(len(buyers), 0.0, 0.0)
    pearson, spearman = (
        float(buyers["frequency"].corr(buyers["monetary_value"], method=method)) for method in ("pearson", "spearman")
    )
    return SpendCheck(len(buyers), pearson, spearman)


def spend_by_frequency(rfm: pd.DataFrame) -> pd.Series:
    """Mean spend per purchase (currency) by repeat purchases ("1" … "10+"), one-time buyers left out.

    >>> spend_by_frequency(rfm).round(1).to_dict()
    {'1': 33.8, '2': 34.9, '3': 34.6, '4': 34.9, '5': 41.0, '6': 36.8, '7': 39.1, '8': 45.2, '9': 34.0, '10+': 42.2}
    """
    buyers = rfm[(rfm["frequency"] > 0) & (rfm["monetary_value"] > 0)]
    means = buyers.groupby(buyers["frequency"].clip(upper=_TOP_FREQUENCY))["monetary_value"].mean()
    return means.rename(message("mean spend")).rename(index=lambda n: f"{n}+" if n == _TOP_FREQUENCY else str(n))


def timing_regularity(features: pd.DataFrame) -> TimingCheck:
    """Wheat & Morrison's M (1990, Journal of Marketing Research 27) from `last_gap` and `previous_gap`
    (days).

    Raises NotEnoughData below 30 customers with two gaps.

    >>> gaps = pd.DataFrame({"last_gap": np.tile([10, 30, 90], 20), "previous_gap": np.repeat([10, 30, 90], 20)})
    >>> check = timing_regularity(gaps)
    >>> check.customers, round(check.share_mean, 2), round(check.shape, 2), check.rhythm
    (60, 0.5, 1.51, 'regular')
    """
    gaps = features[["last_gap", "previous_gap"]].dropna()
    _need(len(gaps), message("two gaps between purchases"))
    share = gaps["last_gap"] / gaps.sum(axis=1)
    variance = float(share.var())
    shape = float((1 / (4 * variance) - 1) / 2) if variance > 0 else np.inf  # Beta(k, k): 1 / (4 (2k + 1))
    fourth = float(((share - share.mean()) ** 4).mean())
    of_variance = float(np.sqrt(max(fourth - variance**2, 0) / len(share)))
    errors = {
        "share_mean": float(np.sqrt(variance / len(share))),
        "share_variance": of_variance,
        "shape": of_variance / (8 * variance**2) if variance > 0 else np.nan,
    }
    return TimingCheck(len(gaps), float(share.mean()), variance, shape, errors)


def _need(customers: int, what: str) -> None:
    if customers < MIN_CUSTOMERS:
        raise NotEnoughData(
            phrase(
                "{n:,} customer(s) have {what}; this check needs {least}.",
                n=customers,
                what=translated(what),
                least=MIN_CUSTOMERS,
            ),
            "Use a longer history or more customers.",
        )
