"""Value per customer → how much of it the best customers bring: tiers, the whale curve, the Gini coefficient."""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from clvlib.errors import NotEnoughData, UsageError
from clvlib.language import message, phrase

_TIERS = {
    message("Top 5 %"): 0.05,
    message("Next 15 %"): 0.20,
    message("Next 30 %"): 0.50,
    message("Lower half"): 1.0,
}


def value_tiers(value: pd.Series, tiers: Mapping[str, float] = _TIERS) -> pd.Series:
    """Put customers into tiers by their place from the top; equal values share a tier (ordered category).

    `tiers`: name → share of customers that it ends at. The customer pyramid of Zeithaml, Rust & Lemon (2001).

    >>> value_tiers(pd.Series([900, 80, 40, 30, 20, 10, 5, 4, 3, 2])).value_counts(sort=False)
    tier
    Top 5 %       1
    Next 15 %     1
    Next 30 %     3
    Lower half    5
    Name: count, dtype: int64
    """
    twice = (2 * value.rank(method="average", ascending=False) - 1).round()
    place = twice / (2 * max(len(value), 1))
    ends = list(tiers.values())
    if ends != sorted(set(ends)) or not ends or ends[0] <= 0 or ends[-1] != 1:
        raise UsageError(phrase("Tiers end at {ends}.", ends=ends), "Give rising shares above 0, the last one 1.")
    names = np.array(list(tiers), dtype=object)[np.searchsorted(ends, place, side="left")]
    return pd.Series(names, index=value.index, name="tier").astype(pd.CategoricalDtype(list(tiers), ordered=True))


def whale_curve(value: pd.Series) -> pd.DataFrame:
    """Accumulate value over customers, the best first (Kaplan & Narayanan 2001, the "whale curve" of profit).

    Indexed by customers_share (0 to 1 in steps of 0.01): value_share, the part of the total that these customers bring;
    above 1 where the rest loses money. Raises NotEnoughData when the total is not positive.

    >>> whale_curve(pd.Series([60, 50, 10, -20])).loc[[0.25, 0.5, 0.75, 1]].round(2)
                     value_share
    customers_share
    0.25                     0.6
    0.50                     1.1
    0.75                     1.2
    1.00                     1.0
    """
    _total(value)
    sums = np.concatenate([[0.0], np.cumsum(np.sort(value.to_numpy(float))[::-1])])
    at = np.linspace(0, 1, 101)
    shares = np.interp(at, np.linspace(0, 1, len(sums)), sums) / sums[-1]
    return pd.DataFrame({"value_share": shares}, index=pd.Index(at.round(2), name="customers_share"))


def top_share(value: pd.Series, customers: float = 0.2) -> float:
    """Give the part of the total value that the best `customers` (a share, 0 to 1) bring.

    >>> round(top_share(pd.Series([60, 20, 10, 6, 4]), customers=0.2), 2)
    0.6
    """
    curve = whale_curve(value)
    return float(np.interp(customers, curve.index, curve["value_share"]))


def gini(value: pd.Series) -> float:
    """Give the Gini coefficient: 0 when all are worth the same, near 1 when one is worth all.

    It may pass 1 when some customers lose money. Raises NotEnoughData when the total is not positive.

    >>> gini(pd.Series([1, 1, 1, 1])), gini(pd.Series([4, 0, 0, 0]))
    (0.0, 0.75)
    """
    total, n = _total(value), len(value)
    ranked = np.sort(value.to_numpy(float))
    return float((2 * np.arange(1, n + 1) - n - 1) @ ranked / (n * total))


def _total(value: pd.Series) -> float:
    total = float(value.sum())
    if total <= 0:
        raise NotEnoughData(
            phrase(
                "The {n} customers together are worth {total:.2f}: shares of that mean nothing.",
                n=len(value),
                total=total,
            ),
            "Check margin and costs in the dataset card.",
        )
    return total
