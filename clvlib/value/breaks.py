"""Counts by month → the month from which they were less than half of what they had been, if there is one.

The rule: the months from it on, as many as LENGTH, add up to less than half of the LENGTH months before it, by more
than Poisson noise explains (corrected for the number of months looked at); also when each of those before had been the
middle one (one month of a campaign ends without anything breaking); and, where the same months a year earlier or later
are known, to less than half of what the season alone would leave.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.stats import binom

from clvlib.language import message

LENGTH = 3
HALF = 0.5
CHANCE = 0.05
BROKE_OFF = message(
    "New customers broke off: {count:count} in the month from {month:date} on, {count_before:count} in the one before; "
    "{mean:number.1} a month in the three from then on, {mean_before:number.1} in the three before. Few came since, so "
    "that their figures swing by chance."
)
NONE = message("No month starts a fall of new customers by more than half, beyond chance and season.")


@dataclass(frozen=True)
class Break:
    """A fall: its first month (first day), the counts of that month and of the one before, and the means of the LENGTH
    months from it on and before it.

    >>> counts = pd.Series([90, 110, 100, 30, 20, 25], index=pd.date_range("2024-01-01", periods=6, freq="MS"))
    >>> found = fall(counts)
    >>> found.count_before, found.count, found.mean
    (100.0, 30.0, 25.0)
    """

    month: pd.Timestamp
    count: float
    count_before: float
    mean: float
    mean_before: float


def fall(counts: pd.Series) -> Break | None:
    """The largest fall of monthly `counts` (indexed by first day of month; every month that is over), or None.

    Of several, that with the smallest chance. Fewer than 2 × LENGTH months have none.

    >>> counts = pd.Series([90, 110, 100, 30, 20, 25], index=pd.date_range("2024-01-01", periods=6, freq="MS"))
    >>> print(fall(counts).month.date(), fall(counts + 200))
    2024-04-01 None
    """
    n = counts.to_numpy(dtype=float)
    places = np.arange(LENGTH, len(n) - LENGTH + 1)
    if len(places) == 0:
        return None
    sums = np.convolve(n, np.ones(LENGTH), "valid")
    before, after = sums[places - LENGTH], sums[places]
    # If the later months still had half of the earlier ones' rate, they would get a third of both.
    chance = binom.cdf(after, before + after, HALF / (1 + HALF))
    usual = LENGTH * np.array([np.median(n[place - LENGTH : place]) for place in places])
    fell = (chance < CHANCE / len(places)) & (after < HALF * np.minimum(before, usual))
    for other in (places - 12, places + 12):
        known = (other >= LENGTH) & (other < len(sums))
        was, became = sums[np.where(known, other - LENGTH, 0)], sums[np.where(known, other, 0)]
        known &= was + became > 0  # where nobody came in either, there is no season to be told
        fell &= ~known | (after * was < HALF * before * became)
    if not fell.any():
        return None
    best = places[fell][np.argmin(chance[fell])]
    ends = (n[best], n[best - 1], sums[best] / LENGTH, sums[best - LENGTH] / LENGTH)
    return Break(counts.index[best], *(float(value) for value in ends))


def mark(found: Break | None) -> dict[str, pd.Timestamp]:
    """The month of a fall by what a picture calls it; empty without one.

    >>> mark(Break(pd.Timestamp("2024-04-01"), count=30, count_before=100, mean=25, mean_before=100))
    {'new customers break off': Timestamp('2024-04-01 00:00:00')}
    """
    return {message("new customers break off"): found.month} if found else {}


def new_customers(cohorts: pd.DataFrame) -> pd.Series:
    """New customers by month (its first day), 0 where nobody came, from monthly `aggregate.cohorts`.

    Only months that are over.

    >>> from clvlib.aggregate import cohorts
    >>> new_customers(cohorts(sample.transactions, sample.as_of)).head(4).tolist()
    [777.0, 854.0, 718.0, 0.0]
    """
    born = cohorts[(cohorts["age"] == 0) & cohorts["complete"]].set_index("cohort")["size"]
    if born.empty:
        return pd.Series(dtype=float)
    over = cohorts[cohorts["complete"]]
    last = max(cohort + int(age) for cohort, age in zip(over["cohort"].dt.to_period("M"), over["age"], strict=True))
    months = pd.date_range(born.index.min(), last.start_time, freq="MS")
    return born.reindex(months, fill_value=0).astype(float).rename("new_customers")
