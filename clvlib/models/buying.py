"""What was known of customers on a day goes in; what all models of buying say together of the days after it, goes out.

Which of BG/NBD, MBG/NBD and Pareto/NBD will come nearest nobody knows beforehand: their mean needs no choice.
"""

from collections.abc import Iterable, Iterator
from typing import Self

import numpy as np
import pandas as pd

from clvlib.models.forecast import GammaGamma, PurchaseModel, fit_all
from clvlib.models.likelihood import unique_rows
from clvlib.stats import Array

FITS_ON = ["frequency", "recency", "T", "first_spend", "monetary_value"]  # of `aggregate.features`
LEAST_FORECAST = 1e-4  # purchases: a forecast of fewer is no measure of what came


class Buying:
    """What all models of buying say together on a day: the forecast that trees correct.

    `models_` by name, and `spend_`: Gamma-Gamma on all purchase days, because first purchases tell of later ones too.

    >>> from clvlib import aggregate
    >>> known = aggregate.features(sample.transactions, sample.as_of)
    >>> Buying().fit(known).forecast(known, days=365)[["purchases", "spend", "p_purchase"]].head(3).round(2)
                 purchases  spend  p_purchase
    customer_id
    0001              1.26  32.55        0.53
    0002              0.10   3.64        0.06
    0003              0.11   1.57        0.08
    """

    models_: dict[str, PurchaseModel]
    spend_: GammaGamma

    def fit(self, known: pd.DataFrame) -> Self:
        """Fit on `aggregate.features`. Raises as `forecast.fit_all` and `GammaGamma.fit` do."""
        self.models_, _ = fit_all(known[["frequency", "recency", "T"]])
        self.spend_ = GammaGamma().fit(every_purchase(known))
        return self

    def forecast(self, known: pd.DataFrame, days: float) -> pd.DataFrame:
        """By customer: what each model expects in `days` (purchases, a column a model), and their means.

        These are `purchases`, `p_purchase` (chance of one purchase, 0 to 1) and `spend` (currency).
        """
        purchases, chances = next(self._until(known, [days]))
        frame = pd.DataFrame(purchases, index=known.index)
        every, mean = every_purchase(known), frame.mean(axis=1).clip(lower=LEAST_FORECAST)
        each = self.spend_.expected_spend(every["frequency"], every["monetary_value"])
        p_purchase = np.mean(chances, axis=0).clip(min=LEAST_FORECAST)  # as small as the mean, or who buys buys a lot
        return frame.assign(purchases=mean, p_purchase=p_purchase, spend=mean * each)

    def until(self, known: pd.DataFrame, ends: Iterable[float]) -> tuple[Array, Array]:
        """The means of what models expect until each of `ends` (days from now): purchases, chance of one (0 to 1).

        Two arrays with a row per end, a column per customer.

        >>> from clvlib import aggregate
        >>> known = aggregate.features(sample.transactions, sample.as_of).head(2)
        >>> [each.round(2).tolist() for each in foreseen.buying.until(known, [30.0, 365.0])]
        [[[0.11, 0.01], [1.26, 0.1]], [[0.1, 0.01], [0.53, 0.06]]]
        """
        each = [(list(purchases.values()), chances) for purchases, chances in self._until(known, ends)]
        purchases, chances = (np.mean(both, axis=1) for both in zip(*each, strict=True))
        return purchases, chances

    def _until(self, known: pd.DataFrame, ends: Iterable[float]) -> Iterator[tuple[dict[str, Array], list[Array]]]:
        """Purchases by model, and chances of one, until each end. Customers with the same history are asked about once;
        of who is alive, the day of the last purchase tells nothing more.
        """
        (x, t_x, age), row = unique_rows(known, ["frequency", "recency", "T"])
        alive = {name: model.p_alive(x, t_x, age)[row] for name, model in self.models_.items()}
        (x, age), pair = unique_rows(known, ["frequency", "T"])
        for end in ends:
            each = [(name, model, alive[name]) for name, model in self.models_.items()]
            purchases = {name: here * model.expected_if_alive(end, x, age)[pair] for name, model, here in each}
            yield purchases, [here * model.at_least_if_alive(1, end, x, age)[pair] for _, model, here in each]


def every_purchase(known: pd.DataFrame) -> pd.DataFrame:
    """What Gamma-Gamma takes, of all purchase days: frequency, recency, T, monetary_value, the first one counted in.

    >>> known = pd.DataFrame({"frequency": [0, 2], "first_spend": [50.0, 20.0], "monetary_value": [np.nan, 35.0]})
    >>> known = known.assign(recency=[0.0, 60.0], T=100.0)
    >>> every_purchase(known)[["frequency", "monetary_value"]].to_numpy().tolist()
    [[1.0, 50.0], [3.0, 30.0]]
    """
    paid = known["first_spend"] + (known["monetary_value"] * known["frequency"]).fillna(0.0)
    times = known["frequency"] + 1
    return known[["recency", "T"]].assign(frequency=times, monetary_value=paid / times)


def mean_purchase(known: pd.DataFrame) -> float:
    """What a purchase of all these customers came to (currency), the first ones counted in.

    >>> known = pd.DataFrame({"frequency": [0, 2], "first_spend": [50.0, 20.0], "monetary_value": [np.nan, 35.0]})
    >>> mean_purchase(known.assign(recency=[0.0, 60.0], T=100.0))
    35.0
    """
    every = every_purchase(known)
    return float((every["monetary_value"] * every["frequency"]).sum() / every["frequency"].sum())
