"""Windows of the past go in; a forecast of each customer's purchases and spend goes out: models of buying, corrected.

Models of buying (BG/NBD, MBG/NBD, Pareto/NBD) know how chance works and nothing of seasons, rhythms or baskets. Trees
grown by boosting (Friedman 2001, Annals of Statistics 29) know all that and nothing of chance. So trees learn, on
windows that have passed, what the models miss: the ratio of what came to what they forecast, each customer weighted by
the forecast. The mean of the models' own forecast, of it corrected, and of trees that learn purchases by themselves is
steadier than any of them (Bates & Granger 1969, Operational Research Quarterly 20).

How customers differ and how much all of them buy are learned apart. A window's level, what came of everybody over what
models said, tells of its season and of the trade, not of a customer: trees learn with the level taken out, and the
level of the days ahead is foreseen from those of the windows, most of all from the same months of last year.
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

from clvlib import aggregate
from clvlib.models.buying import LEAST_FORECAST, Buying, every_purchase, mean_purchase
from clvlib.models.trees import Trees, alike
from clvlib.models.windows import YEAR, Window
from clvlib.stats import Array, one_thread

ROWS = 15_000  # customers in windows to learn from, at most
_FOLDS = 5
_STEPS = 64
_TREES: dict[str, Any] = {
    "learning_rate": 0.1,
    "max_leaf_nodes": 6,
    "min_samples_leaf": 100,
    "l2_regularization": 1.0,
    "max_iter": 500,
    "early_stopping": True,
    "n_iter_no_change": 10,
    "random_state": 0,
}
_LEVELS = ["level_purchases", "level_spend"]  # of a window: what came of everybody over what models said
_APART = ["customer_id", "as_of", "mean", "spend", "actual_purchases", "actual_spend", *_LEVELS]  # not to learn from
_MADE = ["purchases", "spend", "ratio"]  # parts of a mixture that go with the level
USUAL_SPREAD = 0.10  # standard deviation of a level (logarithm) around what is foreseen that is taken for granted …
WORTH = 3.0  # … and how many windows of experience this is worth
_FADES = 0.7  # weight of a window's level, to that of the window after it
_NEAR_A_YEAR = 15  # days by which the same months may be missed
_MOST_MONTHS = 300  # days: a longer window holds nearly all months, and tells of no season


class Hybrid:
    """Learns from windows, then looks ahead from a day.

    After `fit`, `unseen_` holds what would have been forecast for the customers of the windows by trees that had not
    learned from them, beside what came: as_of, frequency, purchases, spend, actual_purchases, actual_spend. `levels_`
    has a row per window (by its first day): what came over what models said (level_purchases, level_spend); and
    `level_` what is foreseen of the days ahead.

    >>> from clvlib.models.windows import window
    >>> past = [window(sample.transactions, day, 91) for day in pd.to_datetime(["1998-03-31", "1998-02-14"])]
    >>> now = aggregate.features(sample.transactions, sample.as_of, 91)
    >>> learned = Hybrid().fit(past, sample.starts, sample.as_of)
    >>> learned.forecast(now, Buying().fit(now), days=91).head(3).round(2)
                 purchases  spend  p_purchase
    customer_id
    0001              0.29   7.64        0.22
    0002              0.04   1.34        0.03
    0003              0.04   0.78        0.04
    """

    unseen_: pd.DataFrame
    levels_: pd.DataFrame
    level_: pd.Series

    def fit(self, windows: Sequence[Window], starts: pd.Timestamp, as_of: pd.Timestamp) -> Self:
        """Learn from windows of one length, the latest first. starts: first day of the history; as_of: the day from
        which forecasts will look ahead.

        Raises NotEnoughData and ConvergenceError as `Buying.fit` does.
        """
        self.days_ = windows[0].days
        self.look_back_ = min((each.as_of - starts).days for each in windows)
        rows = pd.concat([_with_outcome(each, self.look_back_) for each in windows], ignore_index=True)
        self.levels_ = rows.groupby("as_of", sort=False)[_LEVELS].first()
        ago = np.array([(as_of - day).days for day in self.levels_.index])
        foreseen = [foreseen_level(np.log(self.levels_[level].to_numpy()), ago, self.days_) for level in _LEVELS]
        self.level_ = pd.Series(np.exp([level for level, _ in foreseen]), index=_LEVELS)
        self._level_error = dict(zip(("purchases", "spend"), (error for _, error in foreseen), strict=True))
        if len(rows) > ROWS:
            rows = rows.sample(ROWS, random_state=0).sort_index(ignore_index=True)
        fold = pd.util.hash_array(rows["customer_id"].to_numpy(dtype=object)) % _FOLDS
        mean, money = _rounded(rows["mean"]), _rounded(rows["spend"])
        bought = _rounded(rows["actual_purchases"] / rows["level_purchases"])
        spent = _rounded(rows["actual_spend"].clip(lower=0) / rows["level_spend"])
        self._steps = _Steps(rows.drop(columns=_APART))
        asked, even = self._steps.of(rows), np.ones(len(rows))
        with one_thread():
            self._ratio = _Folds().fit(asked, bought / mean, mean, fold)
            self._money = _Folds().fit(asked, spent / money, money, fold)
            self._count = _Folds().fit(asked, bought, even, fold)
            self._back = _Folds(HistGradientBoostingClassifier).fit(asked, (bought > 0).astype(float), even, fold)
            unseen = _mixed(self._told(asked, fold), mean, money)
        unseen[_MADE] *= rows[["level_purchases", "level_spend", "level_purchases"]].to_numpy()
        self._chance = _Chance(unseen, rows["chance"], bought > 0)
        came = rows[["as_of", "frequency", "actual_purchases", "actual_spend"]]
        self.unseen_ = came.join(unseen[["purchases", "spend"]])
        return self

    def forecast(self, known: pd.DataFrame, buying: Buying, days: float, unit: float | None = None) -> pd.DataFrame:
        """By customer, for the next `days`: purchases, spend (currency), p_purchase (chance of one purchase, 0 to 1).

        The chance weighs what models, trees and both together say, by logistic regression on the windows.

        known: `aggregate.features` of one day with `ahead` as long as the windows; buying: fitted on it. Where the
        windows were shorter than `days`, what they teach of their length is held to go on. unit: the mean purchase
        (currency) of all customers of that day, where `known` is of some.
        """
        own = buying.forecast(known, self.days_)
        whole = own if days == self.days_ else buying.forecast(known, days)
        unit = mean_purchase(known) if unit is None else unit
        asked = self._steps.of(_inputs(known, own, buying, self.days_, self.look_back_, unit))
        first, kind = alike(asked, _STEPS)
        told = {of: each[kind] for of, each in self._told(asked[first]).items()}
        found = _mixed(told, own["purchases"].to_numpy(), own["spend"].to_numpy())
        found[_MADE] *= self.level_[["level_purchases", "level_spend", "level_purchases"]].to_numpy()
        found["p_purchase"] = self._chance.of(found, own["p_purchase"])
        found = found.set_index(known.index)[["purchases", "spend", "p_purchase"]]
        longer = whole[list(found)].clip(lower=LEAST_FORECAST) / own[list(found)].clip(lower=LEAST_FORECAST)
        found = found * longer.assign(spend=longer["purchases"])
        return found.assign(p_purchase=found["p_purchase"].clip(upper=1.0))

    def spread_of(self, column: str, days: float) -> tuple[float, float]:
        """How far what comes in `days` lies from what is forecast of it. column: purchases or spend.

        By the level, which may be another than foreseen (standard deviation of its logarithm; where windows were
        shorter than `days`, by the root of the length more), and by chance, as far as customers of the windows did
        other than forecast (variance of what comes, over what is forecast).
        """
        said, came = self.unseen_[column], self.unseen_[f"actual_{column}"]
        chance = float(((came - said) ** 2).sum() / said.sum())
        return float(self._level_error[column] * np.sqrt(max(days / self.days_, 1.0))), chance

    def _told(self, asked: Array, fold: NDArray[Any] | None = None) -> dict[str, Array]:
        """What all trees say of each row; with `fold`, those that didn't learn from it."""
        grown = {"ratio": self._ratio, "money": self._money, "count": self._count, "back": self._back}
        return {of: trees.of(asked, fold) for of, trees in grown.items()}


def _mixed(told: dict[str, Array], mean: Array, money: Array) -> pd.DataFrame:
    """The mixture at the models' level, and two of its parts."""
    each, ratio = money / mean, mean * told["ratio"]
    grown = (ratio + told["count"]) / 2
    corrected = money * told["money"]
    return pd.DataFrame(
        {
            "purchases": (mean + ratio + grown) / 3,
            "spend": (money + corrected + (ratio + grown) * each) / 4,
            "ratio": ratio,
            "back": told["back"],
        }
    )


def foreseen_level(levels: Array, ago: NDArray[Any], days: int) -> tuple[float, float]:
    """The level (a logarithm) of the days ahead, and its standard error, by those of windows that began `ago` days
    before, the latest first.

    Their mean, newer ones weighing more, is drawn towards 0, which models foresee; the more so, the fewer windows and
    the wider apart. The wider apart, the more is it the season that moves them, and the more counts the level of the
    same months a year ago, if one window is of them. Few windows show how far levels differ: their spread is held
    together by a usual one of a tenth, as worth as three windows (scaled inverse chi-squared; Gelman et al., Bayesian
    Data Analysis, section 2.6).

    >>> [round(each, 2) for each in foreseen_level(np.array([0.10, 0.12]), np.array([182, 273]), days=182)]
    [0.07, 0.09]
    >>> seasonal, ago = np.array([0.5, 0.1, -0.4, -0.3]), np.array([91, 136, 181, 365])
    >>> [round(each, 2) for each in foreseen_level(seasonal, ago, days=91)]
    [-0.28, 0.13]
    """
    same = (np.abs(ago - YEAR) <= _NEAR_A_YEAR) & (days < _MOST_MONTHS)
    weights = _FADES ** np.arange(len(levels))
    squares = ((levels - np.average(levels, weights=weights)) ** 2).sum()
    apart = (USUAL_SPREAD**2 + squares) / len(levels)
    error = (WORTH * USUAL_SPREAD**2 + squares) / (WORTH + (len(levels) - 1) / 2)  # 2: windows overlap by half
    known = 0.0
    if (~same).any():
        drawn = USUAL_SPREAD**2 / (USUAL_SPREAD**2 + 2 * apart / (~same).sum())
        known = drawn * np.average(levels[~same], weights=weights[~same])
    season = apart / (apart + USUAL_SPREAD**2) if same.any() else 0.0
    level = season * levels[same].mean() + (1 - season) * known if same.any() else known
    return float(level), float(np.sqrt((1 - season) * error + season * USUAL_SPREAD**2))


def _with_outcome(window: Window, look_back: int) -> pd.DataFrame:
    own = window.buying.forecast(window.known, window.days)
    rows = _inputs(window.known, own, window.buying, window.days, look_back, mean_purchase(window.known))
    return rows.assign(
        as_of=window.as_of,
        mean=own["purchases"],
        spend=own["spend"],
        actual_purchases=window.purchases,
        actual_spend=window.spend,
        level_purchases=_level(window.purchases, own["purchases"]),
        level_spend=_level(window.spend.clip(lower=0), own["spend"]),
    ).reset_index()


def _level(came: pd.Series, said: pd.Series) -> float:
    """What came of all over what was said, as if one mean customer more had done as was said: so it is never 0."""
    return float((came.sum() + said.mean()) / (said.sum() + said.mean()))


def _inputs(
    known: pd.DataFrame, own: pd.DataFrame, buying: Buying, days: int, look_back: int, unit: float
) -> pd.DataFrame:
    """What trees learn from. Money is in mean purchases (`unit`), so that the currency is immaterial.

    Counts over more than `look_back` days, which not every window knows whole, are left out.
    """
    every = every_purchase(known)
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
    return pd.DataFrame(columns).astype(float).apply(_rounded)


def _rounded(column: pd.Series) -> Array:
    """Four digits (14 bits): the last of a fit's digits differ from one computer, or currency, to another, and one of
    them may turn a tree.
    """
    mantissa, exponent = np.frexp(column.to_numpy(float))
    return np.ldexp(np.round(mantissa * 2**14), exponent - 14)


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
        self._models: list[Trees] = []
        parts = [(fold != k, fold == k) for k in range(_FOLDS)]
        if all(held.any() and len(np.unique(came[on])) > 1 for on, held in parts):
            for on, held in parts:
                known, seen = (asked[on], came[on], weights[on]), (asked[held], came[held], weights[held])
                against = dict(zip(("X_val", "y_val", "sample_weight_val"), seen, strict=True))
                self._models.append(Trees(self._kind(**_TREES, **self._loss).fit(*known, **against), _STEPS))
        return self

    def of(self, asked: Array, fold: NDArray[Any] | None = None) -> Array:
        """The mean of all models; with `fold`, for each row what the model says that was stopped by its fold."""
        if not self._models:
            return np.full(len(asked), self._mean)
        if fold is None:
            return np.mean([trees.of(asked) for trees in self._models], axis=0)
        found = np.empty(len(asked))
        for k, trees in enumerate(self._models):
            found[fold == k] = trees.of(asked[fold == k])
        return found


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
