"""What was forecast of customers in past windows, beside what came, goes in; ranges of what others will do go out.

Nothing is assumed of how purchases or baskets vary: a customer's range is what came of the customers whose forecast was
most like it, relative to their forecast, within one of three groups (bought once, a few times, often). So it holds as
often as it says if the months ahead differ from their forecast as past ones did: conformal prediction by groups
(Vovk, Gammerman & Shafer 2005, Algorithmic Learning in a Random World, chapter 4).
"""

from collections.abc import Iterator

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from clvlib.stats import Array

LIKE = 400  # customers whose forecast is most like one's own
_EDGES = [-1, 0, 3, np.inf]  # repeat purchases: none, up to three, more
_COLUMNS = {"purchases": "purchases", "spend": "spend", "spend_if_buying": "spend"}


class Ranges:
    """Ranges learned from `Hybrid.unseen_`: frequency, purchases and spend as forecast, actual_purchases, actual_spend.

    Whoever is asked about is described by frequency, purchases and spend (forecast).

    >>> random = np.random.default_rng(0)
    >>> unseen = pd.DataFrame({"frequency": 2, "purchases": random.uniform(1, 3, 2000)})
    >>> unseen["actual_purchases"] = random.poisson(unseen["purchases"])
    >>> unseen = unseen.assign(spend=lambda t: 20 * t["purchases"], actual_spend=lambda t: 20 * t["actual_purchases"])
    >>> asked = pd.DataFrame({"frequency": [2, 3], "purchases": [1.0, 2.5], "spend": [20.0, 50.0]})
    >>> Ranges(unseen).of(asked, level=0.8)[["purchases_low", "purchases_median", "purchases_high"]]
       purchases_low  purchases_median  purchases_high
    0            0.0               1.0             2.0
    1            1.0               2.0             4.0
    """

    def __init__(self, unseen: pd.DataFrame) -> None:
        self._groups = len(_EDGES) - 1
        group = pd.cut(unseen["frequency"], _EDGES, labels=False)
        self._like = {}
        for number in range(self._groups):
            rows = unseen[group == number] if (group == number).sum() >= LIKE else unseen
            for name, column in _COLUMNS.items():
                of = rows[rows["actual_purchases"] > 0] if name == "spend_if_buying" else rows
                if len(of):
                    self._like[number, name] = _Neighbours(of["purchases"], of[f"actual_{column}"] / of[column])

    def of(self, asked: pd.DataFrame, level: float) -> pd.DataFrame:
        """The middle `level` (0 to 1) of what customers with such a forecast do, and their median; index of `asked`.

        Columns: purchases_low, purchases_median, purchases_high (purchase days); spend_… (currency, net of refunds);
        spend_if_buying_…: the same of those alone who buy at all; 0 where nobody did.
        """
        tails = {"low": (1 - level) / 2, "median": 0.5, "high": (1 + level) / 2}
        found = pd.DataFrame(0.0, index=asked.index, columns=[f"{name}_{tail}" for name in _COLUMNS for tail in tails])
        for rows, name, like in self._parts(asked):
            said = asked.loc[rows, _COLUMNS[name]]
            ratios = like.quantiles(asked.loc[rows, "purchases"], list(tails.values()))
            for tail, ratio in zip(tails, ratios, strict=True):
                found.loc[rows, f"{name}_{tail}"] = ratio * said
        counts = [f"purchases_{tail}" for tail in tails]
        found[counts] = found[counts].round()
        return found

    def place(self, asked: pd.DataFrame, came: pd.DataFrame) -> pd.DataFrame:
        """Where what came (purchases, spend) lies among what customers with such a forecast do, 0 to 1.

        The probability integral transform, drawn at random within ties (Czado, Gneiting & Held 2009, Biometrics 65): if
        ranges hold, places are spread evenly, so that the middle 0.8 holds 80 % of them. Columns: purchases, spend,
        spend_if_buying (NaN for who didn't buy).
        """
        random = np.random.default_rng(0)
        places = pd.DataFrame(np.nan, index=asked.index, columns=list(_COLUMNS))
        for rows, name, like in self._parts(asked):
            said, actual = asked.loc[rows, _COLUMNS[name]], came.loc[rows, _COLUMNS[name]]
            places.loc[rows, name] = like.place(asked.loc[rows, "purchases"], actual / said, random)
        return places.assign(spend_if_buying=places["spend_if_buying"].where(came["purchases"] > 0))

    def _parts(self, asked: pd.DataFrame) -> Iterator[tuple[pd.Series, str, "_Neighbours"]]:
        group = pd.cut(asked["frequency"], _EDGES, labels=False)
        for (number, name), like in self._like.items():
            rows = group == number
            if rows.any():
                yield rows, name, like


class _Neighbours:
    """Ratios of what came to the forecast, a row of LIKE customers by forecast; rows overlap by 3 in 4."""

    def __init__(self, forecast: pd.Series, ratio: pd.Series) -> None:
        order = np.argsort(forecast.to_numpy(), kind="stable")
        width = min(LIKE, len(order))
        first = np.unique(np.linspace(0, len(order) - width, max(1, 4 * len(order) // width)).astype(int))
        rows = order[first[:, None] + np.arange(width)]
        self._centres = np.log(forecast.to_numpy()[rows]).mean(axis=1)
        self._ratios = np.sort(ratio.to_numpy()[rows], axis=1)

    def quantiles(self, forecast: pd.Series, tails: list[float]) -> list[Array]:
        return list(np.quantile(self._ratios, tails, axis=1)[:, self._nearest(forecast)])

    def place(self, forecast: pd.Series, ratio: pd.Series, random: np.random.Generator) -> Array:
        nearest, found = self._nearest(forecast), np.empty(len(ratio))
        for number in np.unique(nearest):
            here = nearest == number
            of = ratio.to_numpy()[here]
            near = 1e-9 * (1 + np.abs(of))
            below, until = (np.searchsorted(self._ratios[number], edge) for edge in (of - near, of + near))
            found[here] = (below + random.random(len(of)) * (until - below + 1)) / (self._ratios.shape[1] + 1)
        return found

    def _nearest(self, forecast: pd.Series) -> NDArray[np.intp]:
        between = (self._centres[1:] + self._centres[:-1]) / 2
        return np.searchsorted(between, np.log(forecast.to_numpy()))
