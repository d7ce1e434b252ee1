"""What several rooms need of statistics: the array type, what is beyond noise, and what money to come is worth today.

One convention of discounting everywhere: rates are yearly and compound; money counts from the moment at which it flows;
where only its period is known, from the middle of that period (the mid-period convention of discounted
cash flow). Two families of formulas say their own moment by definition, and say so where they stand: the textbook's CLV
formula counts a year's money at the start of the year (`formula`), and a contract pays at its renewals (`contractual`).
"""

import math
import sys
from contextlib import AbstractContextManager
from functools import lru_cache
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from threadpoolctl import ThreadpoolController

from clvlib.errors import UsageError
from clvlib.language import phrase

Array = NDArray[np.float64]

DAYS_PER_YEAR = 365.25
DAYS_PER_MONTH = DAYS_PER_YEAR / 12
SUM_DIGITS, SMALL = 8, 0.01  # decimals of a sum; where all is below SMALL, as many more as there are zeros
_LARGE, _FEW = 0.10, 20
LEAST = 5  # customers of a group of whom figures are shown: of fewer, each could be somebody's
BEYOND = 1.96  # standard errors: chance alone gives a larger difference once in twenty times


def one_thread(kind: str | None = None) -> AbstractContextManager[Any]:
    """Within it, numeric libraries (of a kind: "blas", "openmp") use one thread: one result on any number of cores."""
    return _libraries(len(sys.modules)).limit(limits=1, user_api=kind)


@lru_cache(1)
def _libraries(modules: int) -> ThreadpoolController:
    """The libraries that have threads; looked for again, which takes 5 ms or more, once more modules are loaded."""
    return ThreadpoolController()


def differs(difference: float, error: float) -> bool:
    """Whether a difference is named at all: beyond noise, given its standard error; never where that is not known."""
    return bool(abs(difference) > BEYOND * error)


def shares_differ(one: float, of: float, other: float, other_of: float) -> bool:
    """Whether two shares (counts, and of how many) differ beyond noise, also of few.

    With one more of each kind on both sides (Agresti & Caffo 2000, The American Statistician 54).
    """
    p, q = (one + 1) / (of + 2), (other + 1) / (other_of + 2)
    return differs(p - q, float(np.sqrt(p * (1 - p) / (of + 2) + q * (1 - q) / (other_of + 2))))


def rank_scores(values: pd.Series, bins: int = 5, best_low: bool = False) -> pd.Series:
    """Score values 1 (worst) to `bins` (best) by rank; equal values get equal scores.

    A value's place is the middle of the customers who share it: a tie of all gives the middle score, and fewer
    distinct values than bins leave some scores unused. Only the order of the values matters. Raises UsageError
    when values are missing.

    >>> rank_scores(pd.Series([10, 20, 20, 30, 900]), bins=3).tolist()
    [1, 2, 2, 3, 3]
    """
    if values.isna().any():
        what = phrase("{n} value(s) of {name!r} are missing.", n=int(values.isna().sum()), name=values.name)
        raise UsageError(what, "Fill or drop them.")
    # Twice the average rank minus 1 is a whole number from 1 to 2n − 1: no rounding can part two equal values.
    twice = (2 * values.rank(method="average", ascending=not best_low) - 1).round().astype("int64")
    return 1 + twice * bins // (2 * max(len(values), 1))


def months_in(days: int) -> int:
    """How many months are in so many days: the nearest whole number, at least 1."""
    return max(1, round(days / DAYS_PER_MONTH))


def mid_periods(count: int, per_year: float = 12, first: float = 0.0) -> Array:
    """Years from today to the middle of each of `count` periods that follow one another.

    per_year: how many periods make a year. first: when the first one starts, in periods from today. Months of age of a
    cohort have −0.5: its customers come, on average, in the middle of month 0, and are valued on that day.
    """
    return (np.arange(count, dtype=float) + (0.5 + first)) / per_year


def present_value(flows: ArrayLike, annual_rate: float, years: ArrayLike) -> Array:
    """Value today of `flows`, each of which comes `years` from today: sum of flow / (1 + annual_rate)^years.

    flows: shape (n,) or (n, …), one row a flow, in currency (or in purchases, to be multiplied by money later).
    years: shape (n,); `mid_periods` gives those of regular periods. Returns shape (…): a number for a plain list.
    """
    return (1 + annual_rate) ** -np.asarray(years, dtype=float) @ np.asarray(flows, dtype=float)


def rounded(frame: pd.DataFrame) -> pd.DataFrame:
    """The frame with its floats rounded as sums of money are, each column by its largest value."""
    frame = frame.copy(deep=False)
    for name, column in frame.select_dtypes("float").items():
        largest = max(column.max(), -column.min())
        zeros = math.ceil(math.log10(SMALL / largest)) if 0 < largest < SMALL else 0
        frame[name] = column.round(SUM_DIGITS + zeros)
    return frame


def heavy(largest: pd.DataFrame) -> pd.DataFrame:
    """The rows of `purchases.largest` over a tenth of the money, among 20 or more units: of fewer, one often is."""
    return largest[(largest["share"] > _LARGE) & (largest["of"] >= _FEW)]
