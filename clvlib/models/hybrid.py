"""Windows of the past go in; a forecast of each customer's purchases and spend goes out: models of buying, corrected.

Models of buying (BG/NBD, MBG/NBD, Pareto/NBD) know how chance works and nothing of seasons, rhythms or baskets. Trees
grown by boosting (Friedman 2001, Annals of Statistics 29) know all that and nothing of chance. So trees learn, on
windows that have passed, what the models miss: the ratio of what came to what they forecast, each customer weighted by
the forecast. The mean of the models' own forecast, of it corrected, and of trees that learn purchases by themselves is
steadier than any of them (Bates & Granger 1969, Operational Research Quarterly 20).
"""

from collections.abc import Sequence
from typing import Any, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import logit
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_limits

from clvlib import aggregate
from clvlib.models.buying import LEAST_FORECAST, Buying, every_purchase
from clvlib.models.windows import YEAR, Window
from clvlib.stats import Array

ROWS = 15_000  # customers in windows to learn from, at most
_FOLDS = 5
_STEPS = 64
_TREES: dict[str, Any] = {
    "learning_rate": 0.03,
    "max_leaf_nodes": 6,
    "min_samples_leaf": 100,
    "l2_regularization": 1.0,
    "max_iter": 500,
    "early_stopping": True,
    "n_iter_no_change": 10,
    "random_state": 0,
}
_APART = ["customer_id", "as_of", "mean", "spend", "actual_purchases", "actual_spend"]  # in rows, not to learn from


class Hybrid:
    """Learns from windows, then looks ahead from a day.

    After `fit`, `unseen_` holds what would have been forecast for the customers of the windows by trees that had not
    learned from them, beside what came: as_of, frequency, purchases, spend, actual_purchases, actual_spend.

    >>> from clvlib.models.windows import window
    >>> past = [window(sample.transactions, day, 91) for day in pd.to_datetime(["1998-03-31", "1998-02-14"])]
    >>> now = aggregate.features(sample.transactions, sample.as_of, 91)
    >>> Hybrid().fit(past, sample.starts).forecast(now, Buying().fit(now), days=91).head(3).round(2)
                 purchases  spend  p_purchase
    customer_id
    0001              0.27   7.19        0.20
    0002              0.03   1.18        0.03
    0003              0.04   0.58        0.03
    """

    unseen_: pd.DataFrame

    def fit(self, windows: Sequence[Window], starts: pd.Timestamp) -> Self:
        """Learn from windows of one length. starts: first day of the history.

        Raises NotEnoughData and ConvergenceError as `Buying.fit` does.
        """
        self.days_ = windows[0].days
        self.look_back_ = min((each.as_of - starts).days for each in windows)
        rows = pd.concat([_with_outcome(each, self.look_back_) for each in windows], ignore_index=True)
        if len(rows) > ROWS:
            rows = rows.sample(ROWS, random_state=0).sort_index(ignore_index=True)
        fold = pd.util.hash_array(rows["customer_id"].to_numpy(dtype=object)) % _FOLDS
        bought, spent = rows["actual_purchases"].to_numpy(), rows["actual_spend"].clip(lower=0).to_numpy()
        mean, money = rows["mean"].to_numpy(), rows["spend"].to_numpy()
        back = bought > 0
        self._steps = _Steps(rows.drop(columns=_APART))
        asked, alike = self._steps.of(rows), np.ones(len(rows))
        with threadpool_limits(1):
            self._ratio = _Folds().fit(asked, bought / mean, mean, fold)
            self._money = _Folds().fit(asked, spent / money, money, fold)
            self._count = _Folds().fit(asked, bought, alike, fold)
            self._back = _Folds(HistGradientBoostingClassifier).fit(asked, back.astype(float), alike, fold)
            self._times = _Folds().fit(asked[back], bought[back], alike[back], fold[back])
            unseen = self._mixed(asked, mean, money, fold)
        self._chance = _Chance(unseen, rows["chance"], back)
        came = rows[["as_of", "frequency", "actual_purchases", "actual_spend"]]
        self.unseen_ = came.join(unseen[["purchases", "spend"]])
        return self

    def forecast(self, known: pd.DataFrame, buying: Buying, days: float) -> pd.DataFrame:
        """By customer, for the next `days`: purchases, spend (currency), p_purchase (chance of one purchase, 0 to 1).

        The chance weighs what models, trees and both together say, by logistic regression on the windows.

        known: `aggregate.features` of one day with `ahead` as long as the windows; buying: fitted on it. Where the
        windows were shorter than `days`, what they teach of their length is held to go on.
        """
        own, whole = (buying.forecast(known, length) for length in (self.days_, days))
        asked = self._steps.of(_inputs(known, own, buying, self.days_, self.look_back_))
        with threadpool_limits(1):
            found = self._mixed(asked, own["purchases"].to_numpy(), own["spend"].to_numpy())
        found["p_purchase"] = self._chance.of(found, own["p_purchase"])
        found = found.set_index(known.index)[["purchases", "spend", "p_purchase"]]
        longer = whole[list(found)].clip(lower=LEAST_FORECAST) / own[list(found)].clip(lower=LEAST_FORECAST)
        found = found * longer.assign(spend=longer["purchases"])
        return found.assign(p_purchase=found["p_purchase"].clip(upper=1.0))

    def _mixed(self, asked: Array, mean: Array, money: Array, fold: NDArray[Any] | None = None) -> pd.DataFrame:
        """The mixture, and two of its parts; with `fold`, of trees that didn't learn from each row's fold."""
        each, back = money / mean, self._back.of(asked, fold)
        ratio = mean * self._ratio.of(asked, fold)
        hurdle = back * np.maximum(self._times.of(asked, fold), 1.0)
        grown = (self._count.of(asked, fold) + hurdle + ratio) / 3
        corrected = money * self._money.of(asked, fold)
        return pd.DataFrame(
            {
                "purchases": (mean + ratio + grown) / 3,
                "spend": (money + corrected + ratio * each + grown * each) / 4,
                "ratio": ratio,
                "back": back,
            }
        )


def _with_outcome(window: Window, look_back: int) -> pd.DataFrame:
    own = window.buying.forecast(window.known, window.days)
    rows = _inputs(window.known, own, window.buying, window.days, look_back)
    return rows.assign(
        as_of=window.as_of,
        mean=own["purchases"],
        spend=own["spend"],
        actual_purchases=window.purchases,
        actual_spend=window.spend,
    ).reset_index()


def _inputs(known: pd.DataFrame, own: pd.DataFrame, buying: Buying, days: int, look_back: int) -> pd.DataFrame:
    """What trees learn from. Money is in mean purchases, so that the currency is immaterial.

    Counts over more than `look_back` days, which not every window knows whole, are left out.
    """
    every = every_purchase(known)
    unit = float((every["monetary_value"] * every["frequency"]).sum() / every["frequency"].sum())
    columns = {"model": np.log(own["purchases"]), "each": np.log(own["spend"] / own["purchases"] / unit)}
    columns |= {name: np.log(own[name].clip(lower=LEAST_FORECAST) / own["purchases"]) for name in buying.models_}
    columns["chance"] = own["p_purchase"]
    columns |= {name: known[name] for name in ("frequency", "T", "mean_gap", "sd_log_spend")}
    columns["silence"] = known["days_since_last_order"]
    columns["rate"] = (known["frequency"] + 1) / (known["T"] + days)
    columns |= {f"{name}_of_mean": known[name] / known["mean_gap"] for name in ("sd_gap", "last_gap")}
    columns["overdue"] = known["days_since_last_order"] / known["mean_gap"]
    spans = [f"last_{back}" for back in aggregate.LOOK_BACKS if back <= look_back]
    spans += ["same_months"] if days < YEAR <= look_back else []
    columns |= {span: known[f"purchases_{span}"] for span in spans}
    columns |= {f"spend_{span}": known[f"spend_{span}"] / unit for span in spans}
    columns["basket"] = every["monetary_value"] / unit
    columns |= {name: known[name] / unit for name in ("first_spend", "last_spend", "max_spend")}
    return pd.DataFrame(columns)


class _Steps:
    """Columns in at most _STEPS steps of equally many rows: all that trees ask for, at a tenth of the time."""

    def __init__(self, frame: pd.DataFrame) -> None:
        inner = np.linspace(0, 1, _STEPS + 1)[1:-1]
        self._edges = {name: np.unique(column.dropna().quantile(inner)) for name, column in frame.items()}

    def of(self, frame: pd.DataFrame) -> Array:
        """An array of these columns; NaN where a value isn't known."""
        columns = [
            np.where(frame[name].isna(), np.nan, np.searchsorted(edges, frame[name]))
            for name, edges in self._edges.items()
        ]
        return np.column_stack(columns)


class _Folds:
    """The mean of _FOLDS boosted models, each stopped by the customers of one fold, from whom it doesn't learn."""

    def __init__(self, kind: Any = HistGradientBoostingRegressor) -> None:
        self._kind = kind
        self._loss = {"loss": "poisson"} if kind is HistGradientBoostingRegressor else {}

    def fit(self, asked: Array, came: Array, weights: Array, fold: NDArray[Any]) -> Self:
        """Where nothing differs in a part, the mean of all is the answer."""
        self._mean = float(np.average(came, weights=weights)) if len(came) else 1.0
        self._models: list[Any] = []
        parts = [(fold != k, fold == k) for k in range(_FOLDS)]
        if all(held.any() and len(np.unique(came[on])) > 1 for on, held in parts):
            self._models = [
                self._kind(**_TREES, **self._loss).fit(
                    asked[on],
                    came[on],
                    weights[on],
                    X_val=asked[held],
                    y_val=came[held],
                    sample_weight_val=weights[held],
                )
                for on, held in parts
            ]
        return self

    def of(self, asked: Array, fold: NDArray[Any] | None = None) -> Array:
        """The mean of all models; with `fold`, for each row what the model says that was stopped by its fold."""
        if not self._models:
            return np.full(len(asked), self._mean)
        if fold is None:
            return np.mean([_said(model, asked) for model in self._models], axis=0)
        found = np.empty(len(asked))
        for k, model in enumerate(self._models):
            found[fold == k] = _said(model, asked[fold == k])
        return found


def _said(model: Any, asked: Array) -> Array:
    return model.predict_proba(asked)[:, 1] if hasattr(model, "predict_proba") else model.predict(asked)


class _Chance:
    """Chance of a purchase, weighed by logistic regression on four signs: what trees and what models say of it, and the
    purchases of mixture and ratio.

    It calibrates as it weighs (Platt 1999). Isotonic regression does so only within what was seen: customers who have
    been silent for longer than any in the windows would get the lowest step, often 0.
    """

    def __init__(self, unseen: pd.DataFrame, chance: pd.Series, bought: NDArray[np.bool_]) -> None:
        self._share = float(bought.mean())
        if 0 < self._share < 1:
            self._weighed = make_pipeline(StandardScaler(), LogisticRegression(C=0.1)).fit(
                _signs(unseen, chance), bought
            )

    def of(self, found: pd.DataFrame, chance: pd.Series) -> Array:
        if not 0 < self._share < 1:
            return np.full(len(found), self._share)
        return self._weighed.predict_proba(_signs(found, chance))[:, 1]


def _signs(found: pd.DataFrame, chance: pd.Series) -> Array:
    chances = np.column_stack([found["back"], chance]).clip(LEAST_FORECAST, 1 - LEAST_FORECAST)
    return np.column_stack([logit(chances), np.log(found[["purchases", "ratio"]].clip(lower=LEAST_FORECAST))])
