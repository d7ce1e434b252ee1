"""A history cut in two goes in, a contest comes out: models fitted on the first part, judged on the second.

Naive baselines always stand beside the models. Forecasts are purchases (purchase days) per customer in the
holdout, unless they say money. The winner is the method with the lowest Poisson deviance: unlike the mean
absolute error, deviance is lowest for the right mean, so that forecasting too low for everybody doesn't win.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import rankdata

from clvlib import aggregate
from clvlib.errors import NotEnoughData
from clvlib.language import message, phrase, translated
from clvlib.models.forecast import DAYS, GammaGamma, PurchaseModel, TimeUnit, fit_all
from clvlib.models.windows import YEAR
from clvlib.stats import Array, differs

if TYPE_CHECKING:
    import ibis


FLOOR = 0.01  # "never again" is read as one purchase in a hundred customers: a wrong 0 has infinite deviance
_TOP_FREQUENCY = 7


@dataclass(frozen=True)
class Backtest:
    """Result of a holdout backtest.

    forecasts: per customer_id `actual` and one column per method, purchases in the holdout. scores: one row
    per method, best first (see `scores_of`). models: fitted on the calibration part, by name. failed: why
    others are not.

    >>> forecasts = pd.DataFrame({"actual": [0, 1, 4], "BG/NBD": [0.2, 1.1, 3.5], "rate x/T": [0.0, 3.0, 2.0]})
    >>> scores = pd.DataFrame({"kind": ["model", "baseline"], "bias": [-0.04, 0.0]}, index=["BG/NBD", "rate x/T"])
    >>> result = Backtest(forecasts, scores, models={"BG/NBD": model}, failed={})
    >>> result.winner, [round(each, 2) for each in result.deviance_difference("rate x/T")]
    ('BG/NBD', [-0.96, 0.55])
    """

    forecasts: pd.DataFrame
    scores: pd.DataFrame
    models: Mapping[str, PurchaseModel]
    failed: Mapping[str, str]

    @property
    def winner(self) -> str:
        """The method with the lowest deviance, a naive baseline included."""
        return str(self.scores.index[0])

    @property
    def verdict(self) -> str:
        """How the best model stands against the naive rules and its closest rival, by deviance, in words."""
        best, winner, rival = self.best_model, self.winner, self.rival
        return phrase(
            "{best} has {first:a lower deviance than every naive rule|a higher deviance than a naive rule, “{winner}”: "
            "use its forecasts with care}{tied:; {best} and {rival} can't be told apart on these data|}",
            best=best,
            first=winner == best,
            winner=translated(winner),
            tied=not differs(*self.deviance_difference(rival)),
            rival=translated(rival),
        )

    @property
    def nearest_rule(self) -> str:
        """The rule without a model whose total came nearest to the truth."""
        rules = self.scores[self.scores["kind"] == "baseline"]
        return str(rules["bias"].astype(float).abs().idxmin())

    @property
    def rival(self) -> str:
        """The method with the lowest deviance besides the best model, a naive baseline included."""
        return str(self.scores.index.drop(self.best_model)[0])

    def deviance_difference(self, other: str) -> tuple[float, float]:
        """Mean deviance of the best model less that of another method, and its standard error (by customer)."""
        actual, mine, others = (self.forecasts[name].to_numpy(float) for name in ("actual", self.best_model, other))
        difference = _deviances(actual, mine) - _deviances(actual, others)
        return float(difference.mean()), float(difference.std() / np.sqrt(len(difference)))

    def miss_of(self, method: str, rows: pd.Series) -> tuple[float, float]:
        """Mean purchases that a method expected of the customers in `rows` (bool) beyond those made, and its error."""
        beyond = (self.forecasts[method] - self.forecasts["actual"])[rows]
        return float(beyond.mean()), float(beyond.std() / np.sqrt(len(beyond)))

    def order_difference(self, other: str) -> tuple[float, float]:
        """Spearman's correlation of the best model less that of another method, and its standard error (by customer).

        The error is that of the mean of what each customer adds to the two correlations (their influence functions).
        """
        truth = _standard(rankdata(self.forecasts["actual"]))
        each = []
        for name in (self.best_model, other):
            mine = _standard(rankdata(self.forecasts[name]))
            value = float(np.mean(truth * mine))
            each.append(truth * mine - value * (truth**2 + mine**2) / 2 + value)
        difference = each[0] - each[1]
        return float(difference.mean()), float(difference.std() / np.sqrt(len(difference)))

    @property
    def best_order(self) -> str:
        """The method with the highest rank correlation, a naive baseline included.

        Raises NotEnoughData where the best model's can't be told.
        """
        ranks = self.scores["spearman"].astype(float)
        if np.isnan(ranks[self.best_model]):
            raise NotEnoughData(
                phrase(
                    "All customers did alike, or {model} expects the same of all: there is no order to judge.",
                    model=self.best_model,
                ),
                "Bring customers who differ.",
            )
        return str(ranks.idxmax())

    @property
    def same_order(self) -> list[str]:
        """The other methods whose order of customers can't be told from the best model's beyond noise."""
        others = self.scores.index[self.scores["spearman"].notna()].drop(self.best_model, errors="ignore")
        return [str(name) for name in others if not differs(*self.order_difference(str(name)))]

    @property
    def best_model(self) -> str:
        """The model with the lowest deviance, whether or not a baseline beats it."""
        return str(self.scores.index[self.scores["kind"] == "model"][0])


def split_date(starts: pd.Timestamp, as_of: pd.Timestamp, share: float = 0.5) -> pd.Timestamp:
    """Last day of the calibration part, which takes `share` of the days observed.

    >>> split_date(pd.Timestamp("2023-01-01"), pd.Timestamp("2024-12-31"), share=0.75)
    Timestamp('2024-07-01 00:00:00')
    """
    return starts + pd.Timedelta(days=int((as_of - starts).days * share))


def parts(
    transactions: "ibis.Table",
    cut: pd.Timestamp,
    as_of: pd.Timestamp,
    time_unit: TimeUnit = "D",
    free_orders: bool = False,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """What a backtest needs: `aggregate.calibration_holdout` cut at `cut`, and what rules without a model look back on.

    The second, with the index of the first, holds forecasts for the holdout as anyone makes them in a spreadsheet, in
    repeat purchases per customer (a first purchase is not counted, and customers won later are in neither):

    * "same as last period": those of the window as long as the holdout, just before it;
    * "last 365 days": those of the last 365 days, or of the history if it is shorter, scaled to the holdout's length;
    * "same months last year": those of the same dates a year earlier; only where the history reaches back so far and
      the holdout is shorter than a year.

    >>> calibration, recent = parts(sample.transactions, pd.Timestamp("1997-12-31"), sample.as_of)
    >>> calibration[["frequency", "recency", "T", "holdout_frequency", "duration_holdout"]].head(2)
                 frequency  recency      T  holdout_frequency  duration_holdout
    customer_id
    0001                 3    345.0  364.0                  0             181.0
    0002                 1     12.0  364.0                  0             181.0
    >>> recent.head(2).round(2).to_dict("list")
    {'same as last period': [2.0, 0.0], 'last 365 days': [1.49, 0.5], 'same months last year': [1.0, 1.0]}
    """
    calibration = aggregate.calibration_holdout(transactions, cut, as_of, time_unit, free_orders)
    first = calibration["first_purchase"]
    day = pd.Timedelta(days=1)
    length, year = as_of - cut, YEAR * day
    history = min(year, cut - first.min() + day) if len(first) else year
    windows = {
        message("same as last period"): (cut - length, cut, 1.0),
        message("last 365 days"): (cut - history, cut, length / history),
    }
    if length < year <= history:
        windows[message("same months last year")] = (cut - year, cut - year + length, 1.0)
    recent = {}
    for name, (start, end, times) in windows.items():
        bought = aggregate.holdout(transactions, start, end, free_orders)["purchases"].reindex(first.index).fillna(0)
        recent[name] = (bought - ((first > start) & (first <= end))).clip(lower=0) * times
    return calibration, pd.DataFrame(recent, index=first.index).astype(float)


def backtest(
    calibration: pd.DataFrame,
    recent: pd.DataFrame,
    time_unit: TimeUnit = "D",
    fitted: Mapping[str, PurchaseModel] | None = None,
) -> Backtest:
    """Fit every model on the calibration part, forecast the holdout, and score all methods.

    calibration, recent: from `parts`, in `time_unit`. fitted: models by name that were fitted on no more than the
    calibration part already, if there are any; these are judged then.

    Raises NotEnoughData (too few repeat customers to fit, or nobody bought in the holdout), ConvergenceError
    (no model could be fitted).

    >>> few = sample.transactions.filter(sample.transactions["customer_id"] < "0600")
    >>> result = backtest(*parts(few, pd.Timestamp("1997-12-31"), sample.as_of))
    >>> result.scores[["bias", "deviance"]].astype(float).round(2).head(4)
                   bias  deviance
    method
    Pareto/NBD     0.24      1.03
    MBG/NBD        0.19      1.04
    BG/NBD         0.22      1.05
    last 365 days  0.79      1.19
    """
    actual = calibration["holdout_frequency"]
    if actual.sum() == 0:
        raise NotEnoughData(
            phrase("None of {n:,} customers bought in the holdout, so that no forecast can be judged.", n=len(actual)),
            "Choose an earlier end of the calibration part, or a longer history.",
        )
    models, failed = fit_all(calibration, time_unit) if fitted is None else (dict(fitted), {})
    forecasts = pd.DataFrame({"actual": actual})
    for name, model in models.items():
        forecasts[name] = model.expected_purchases(
            *(calibration[column] for column in ("duration_holdout", "frequency", "recency", "T"))
        )
    forecasts = forecasts.join(baselines(calibration, recent))
    scores = pd.DataFrame({name: scores_of(actual, forecasts[name]) for name in forecasts if name != "actual"}).T
    scores.insert(0, "kind", [message("model") if name in models else message("baseline") for name in scores.index])
    return Backtest(forecasts, scores.sort_values("deviance", kind="stable").rename_axis("method"), models, failed)


def baselines(calibration: pd.DataFrame, recent: pd.DataFrame) -> pd.DataFrame:
    """What anyone could forecast without a model, in purchases per customer over the holdout: those of `recent`, and

    * "rate x/T": repeat purchases go on at the rate so far;
    * "hiatus rule": the rate so far, and nothing for who has been silent for longer than 9 in 10 customers'
      mean gap (Wübben & von Wangenheim 2008; the limit is set from the data).

    >>> calibration = pd.DataFrame(
    ...     {"frequency": [4, 4, 0], "recency": [90, 40, 0], "T": [100, 100, 100], "duration_holdout": [50, 50, 50]}
    ... )
    >>> baselines(calibration, pd.DataFrame({"same as last period": [2, 0, 0]}))
       same as last period  rate x/T  hiatus rule
    0                    2       2.0          2.0
    1                    0       2.0          0.0
    2                    0       0.0          0.0
    """
    rate = (calibration["frequency"] / calibration["T"].where(calibration["T"] > 0)).fillna(0)
    rate = rate * calibration["duration_holdout"]
    silent = calibration["T"] - calibration["recency"] > hiatus(calibration)
    return recent.assign(**{message("rate x/T"): rate, message("hiatus rule"): rate.where(~silent, 0.0)})


def money_check(calibration: pd.DataFrame, purchases: pd.Series) -> pd.DataFrame:
    """Money in the holdout per customer_id: forecast (purchases × expected spend) and actual, in currency.

    The spend model is fitted on the calibration part. calibration: from `aggregate.calibration_holdout`;
    purchases: forecast for the holdout, with its index. Raises as `GammaGamma.fit` does, and NotEnoughData when
    the holdout brought no money.

    >>> calibration, _ = parts(sample.transactions, pd.Timestamp("1997-12-31"), sample.as_of)
    >>> half_each = pd.Series(0.5, index=calibration.index)
    >>> money_check(calibration, half_each).sum().round(-1).to_dict()
    {'forecast': 42000.0, 'actual': 42870.0}
    """
    actual = calibration["holdout_spend"]
    if actual.sum() <= 0:
        raise NotEnoughData(
            phrase(
                "The {n:,} customers brought no money in the holdout: no forecast of money can be judged.",
                n=len(actual),
            ),
            "Choose an earlier end of the calibration part, or a longer history.",
        )
    spend = GammaGamma().fit(calibration)
    each = spend.expected_spend(calibration["frequency"].to_numpy(), calibration["monetary_value"].to_numpy())
    return pd.DataFrame({"forecast": purchases * each, "actual": actual})


def hiatus(rfm: pd.DataFrame) -> float:
    """The silence (time units) which 9 in 10 of the repeat customers' mean gaps stay below.

    >>> hiatus(pd.DataFrame({"frequency": [0, 2, 4, 1], "recency": [0, 60, 80, 50]}))  # gaps of 30, 20 and 50
    46.0
    """
    buyers = rfm[rfm["frequency"] > 0]
    return float((buyers["recency"] / buyers["frequency"]).quantile(0.9))


def scores_of(actual: pd.Series, forecast: pd.Series) -> dict[str, float]:
    """How good a forecast is. Purchases per customer unless said otherwise:

    total (all customers), bias (total over truth, less 1), deviance (mean Poisson deviance, 0 is perfect),
    rmse, mae, spearman (rank correlation), gini (share of the best possible concentration, 1 is perfect
    order), auc (chance that a customer who bought was ranked above one who didn't; NaN when all or none
    bought).

    >>> scores = scores_of(actual=pd.Series([0, 1, 0, 4]), forecast=pd.Series([0.2, 0.5, 0.8, 3.0]))
    >>> {name: round(float(score), 2) for name, score in scores.items()}
    {'total': 4.5, 'bias': -0.1, 'deviance': 0.67, 'rmse': 0.69, 'mae': 0.62, 'spearman': 0.63, 'gini': 0.85,
     'auc': 0.75}
    """
    y, f = actual.to_numpy(float), forecast.to_numpy(float)
    return {
        "total": f.sum(),
        "bias": f.sum() / y.sum() - 1,
        "deviance": poisson_deviance(y, f),
        "rmse": float(np.sqrt(np.mean((y - f) ** 2))),
        "mae": float(np.mean(np.abs(y - f))),
        "spearman": _correlation(rankdata(y), rankdata(f)),
        "gini": gini_of_purchases(y, f),
        "auc": auc(y > 0, f),
    }


def poisson_deviance(actual: Array, forecast: Array) -> float:
    """Mean Poisson deviance, 2 (y log(y / f) - y + f); forecasts below 0.01 count as 0.01.

    >>> actual = np.array([0, 1, 3])
    >>> [round(poisson_deviance(actual, np.array(forecast)), 2) for forecast in ([0, 1, 3], [0.5, 1, 2], [0, 0, 0])]
    [0.01, 0.48, 11.83]
    """
    return float(_deviances(actual, forecast).mean())


def _deviances(actual: Array, forecast: Array) -> Array:
    f = np.maximum(forecast, FLOOR)
    log_ratio = np.log(np.where(actual > 0, actual, 1) / np.where(actual > 0, f, 1))
    return 2 * (actual * log_ratio - actual + f)


def gini_of_purchases(actual: Array, forecast: Array) -> float:
    """Area between the concentration curve of `actual`, ordered by `forecast`, and the diagonal: 1 is perfect
    order.

    Customers with equal forecasts share their mean, so that their order in the file doesn't matter.

    >>> bought = np.array([0, 1, 0, 4])
    >>> [round(gini_of_purchases(bought, np.array(order)), 2) for order in ([1, 3, 2, 4], [3, 1, 2, 4], [1, 1, 1, 1])]
    [1.0, 0.69, 0.0]
    """

    def area(key: Array) -> float:
        _, group = np.unique(-key, return_inverse=True)
        mean = np.bincount(group, weights=actual) / np.bincount(group)
        curve = np.cumsum(mean[np.sort(group)]) / actual.sum()
        return float(curve.mean() - (len(curve) + 1) / (2 * len(curve)))

    best = area(actual)
    return area(forecast) / best if best > 1e-12 else np.nan


def auc(bought: NDArray[np.bool_], forecast: Array) -> float:
    """Area under the ROC curve, ties counting one half (Mann & Whitney).

    >>> bought = np.array([False, True, False, True])
    >>> auc(bought, np.array([0.1, 0.3, 0.4, 0.9])), auc(bought, np.array([0.5, 0.5, 0.5, 0.5]))
    (0.75, 0.5)
    """
    positive, negative = int(bought.sum()), int((~bought).sum())
    if positive == 0 or negative == 0:
        return np.nan
    ranks = rankdata(forecast)[bought].sum()
    return float((ranks - positive * (positive + 1) / 2) / (positive * negative))


def decile_calibration(actual: pd.Series, forecast: pd.Series) -> pd.DataFrame:
    """Forecast against truth by tenths of customers, from the lowest forecasts (1) to the highest (10).

    Columns: customers, forecast, actual (mean purchases). Customers with equal forecasts stay together, so
    that tenths are of unequal size, and some may be missing.

    >>> forecast = pd.Series([0.1, 0.1, 0.1, 0.1, 0.1, 0.3, 0.5, 0.8, 1.5, 3.0])
    >>> decile_calibration(actual=pd.Series([0, 0, 1, 0, 0, 0, 1, 1, 1, 4]), forecast=forecast)
           customers  forecast  actual
    tenth
    3              5       0.1     0.2
    6              1       0.3     0.0
    7              1       0.5     1.0
    8              1       0.8     1.0
    9              1       1.5     1.0
    10             1       3.0     4.0
    """
    tenth = (forecast.rank(pct=True) * 10).apply(np.ceil).astype(int).rename("tenth")
    frame = pd.DataFrame({"forecast": forecast, "actual": actual})
    means = frame.groupby(tenth).mean()
    means.insert(0, "customers", tenth.value_counts().sort_index())
    return means


def by_frequency(calibration: pd.DataFrame, forecasts: pd.DataFrame) -> pd.DataFrame:
    """Mean purchases in the holdout by repeat purchases before it ("0" … "7+"): customers, actual, each
    method.

    >>> calibration = pd.DataFrame({"frequency": [0, 0, 2, 9, 12]})
    >>> by_frequency(calibration, pd.DataFrame({"actual": [0, 1, 1, 3, 5], "rate x/T": [0.0, 0.0, 1.2, 4.0, 5.0]}))
                             customers  actual  rate x/T
    repeat purchases so far
    0                                2     0.5       0.0
    2                                1     1.0       1.2
    7+                               2     4.0       4.5
    """
    x = calibration["frequency"].clip(upper=_TOP_FREQUENCY).rename(message("repeat purchases so far"))
    means = forecasts.groupby(x).mean()
    means.insert(0, "customers", x.value_counts().sort_index())
    return means.rename(index=lambda n: f"{n}+" if n == _TOP_FREQUENCY else str(n))


def tracking(
    model: PurchaseModel, first_purchases: pd.Series, repeat_purchases: pd.Series, as_of: pd.Timestamp
) -> pd.DataFrame:
    """Repeat purchases week by week beside those that the model expects of customers won when these were won.

    first_purchases: date per customer. repeat_purchases: `aggregate.purchases_by_period(…, "W")`'s column,
    indexed by the week's first day. Returns, on that index: actual, expected, cumulative_actual,
    cumulative_expected.

    >>> weeks = aggregate.purchases_by_period(sample.transactions, sample.as_of, "W")["repeat_purchases"]
    >>> track = tracking(model, rfm["first_purchase"], weeks, sample.as_of)
    >>> track.iloc[[13, 39, 65]].drop(columns="cumulative_actual").round(0)
                actual  expected  cumulative_expected
    period
    1997-03-31      89      89.0                706.0
    1997-09-29      57      59.0               2524.0
    1998-03-30      38      47.0               3876.0
    """
    start = first_purchases.min()
    born = np.bincount((first_purchases - start).dt.days)
    days = (as_of - start).days + 1
    age = np.arange(days) / DAYS[model.time_unit]
    expected = model.expected_purchases(age, 0, 0, 0)
    cumulative = pd.Series(np.convolve(born, expected)[:days], index=pd.date_range(start, as_of))
    week_ends = [min(week + pd.Timedelta(days=6), as_of) for week in repeat_purchases.index]
    reached = cumulative.reindex(week_ends).to_numpy()
    return pd.DataFrame(
        {
            "actual": repeat_purchases,
            "expected": np.diff(reached, prepend=0.0),
            "cumulative_actual": repeat_purchases.cumsum(),
            "cumulative_expected": reached,
        },
        index=repeat_purchases.index,
    )


def _standard(values: Array) -> Array:
    spread = values.std()
    return (values - values.mean()) / (spread if spread > 0 else 1.0)


def _correlation(a: Array, b: Array) -> float:
    if np.ptp(a) == 0 or np.ptp(b) == 0:
        return np.nan
    return float(np.corrcoef(a, b)[0, 1])
