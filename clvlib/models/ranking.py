"""Scores of who will buy nothing in a window, and who did, in; how well they rank and how true they are, out."""

import numpy as np
import pandas as pd
from scipy.stats import rankdata
from sklearn.metrics import average_precision_score, brier_score_loss

from clvlib.language import message
from clvlib.models.backtest import auc
from clvlib.models.churn import LEFT, Snapshot, require_both


def lift(churned: pd.Series, score: pd.Series, parts: int = 10) -> pd.DataFrame:
    """Customers in equal parts from the highest score down.

    Customers with the same score share their churn rate, so the order of rows doesn't matter. Index `part`
    (1 = highest); columns `customers`, `churn_rate`, `lift` (churn rate over everybody's), `captured`
    (share of all without a purchase found down to here).

    >>> churned = pd.Series([True, True, False, True, False, False])
    >>> lift(churned, score=pd.Series([0.9, 0.8, 0.7, 0.4, 0.2, 0.1]), parts=3).round(2)
          customers  churn_rate  lift  captured
    part
    1             2         1.0   2.0      0.67
    2             2         0.5   1.0      1.00
    3             2         0.0   0.0      1.00
    """
    fair = churned.astype(float).groupby(score).transform("mean")
    order = np.argsort(-score.to_numpy(dtype=float), kind="stable")
    part = pd.Series(np.arange(len(order)) * parts // len(order) + 1, name="part")
    sums = fair.iloc[order].reset_index(drop=True).groupby(part).agg(["size", "sum"])
    rate = sums["sum"] / sums["size"]
    return pd.DataFrame(
        {
            "customers": sums["size"],
            "churn_rate": rate,
            "lift": rate / churned.mean(),
            "captured": sums["sum"].cumsum() / churned.sum(),
        }
    )


def calibration(churned: pd.Series, probability: pd.Series, bins: int = 10) -> pd.DataFrame:
    """Predicted against observed churn in bins of equal numbers: `predicted`, `observed` (0 to 1),
    `customers`.

    >>> calibration(pd.Series([False, True, True, True]), pd.Series([0.1, 0.4, 0.7, 0.9]), bins=2).round(2)
         predicted  observed  customers
    bin
    1         0.25       0.5          2
    2         0.80       1.0          2
    """
    edges = probability.rank(method="average", pct=True).mul(bins).round(9)
    groups = pd.Series(np.ceil(edges).astype(int), name="bin")
    frame = pd.DataFrame({"predicted": probability, "observed": churned.astype(float)}).groupby(groups)
    return frame.mean().assign(customers=frame.size())


def evaluate(data: Snapshot, scores: pd.DataFrame) -> pd.DataFrame:
    """How well each column of `scores` foretold who bought nothing in the window.

    Args:
        data: the test snapshot (or its `active()` part).
        scores: index customer_id (may hold more customers), one column a model, higher = more likely to
            buy nothing.

    Returns:
        One row a model, highest AUC first: `auc`; `average_precision`; `lift_top_10` (churn among the 10 %
        highest over everybody's); `brier` (mean squared error of the probability), `predicted` and `observed`
        churn rate. `brier` and `predicted` are NaN for scores that are not probabilities (values outside 0
        to 1).

    Raises:
        NotEnoughData: fewer than 25 customers who bought nothing, or who bought again.

    >>> from clvlib.models.churn import snapshot
    >>> data = snapshot(sample.transactions, pd.Timestamp("1997-12-31"), pd.Timestamp("1998-03-31"))
    >>> scores = data.features[["days_since_last_order", "last_spend"]]
    >>> evaluate(data, scores)[["auc", "lift_top_10", "observed"]].round(2)
                            auc  lift_top_10  observed
    model
    days_since_last_order  0.80         1.17      0.84
    last_spend             0.42         0.94      0.84
    """
    require_both(data)
    tested = scores.loc[data.churned.index]
    rows = {str(name): _judge(data.churned, score) for name, score in tested.items()}
    table = pd.DataFrame.from_dict(rows, orient="index").rename_axis("model")
    return table.sort_values("auc", ascending=False, kind="stable")


def best(table: pd.DataFrame) -> str:
    """The method of `evaluate` that ranks best (AUC), of those that foretell a window without a purchase.

    1 − P(alive) answers another question, whether a customer has left for good, and is no candidate.

    >>> best(pd.DataFrame({"auc": [0.81, 0.80, 0.76]}, index=["1 − P(alive), BG/NBD", "boosting", "silence"]))
    'boosting'
    """
    return next(str(name) for name in table.index if not str(name).startswith(LEFT))


def _judge(churned: pd.Series, score: pd.Series) -> dict[str, float]:
    probability = bool(score.between(0, 1).all())
    tenths = lift(churned, score)
    return {
        "auc": auc(churned.to_numpy(dtype=bool), score.to_numpy(dtype=float)),
        "average_precision": float(average_precision_score(churned, score)),
        "lift_top_10": float(tenths["lift"].iloc[0]),
        "brier": float(brier_score_loss(churned, score)) if probability else np.nan,
        "predicted": float(score.mean()) if probability else np.nan,
        "observed": float(churned.mean()),
    }


def auc_gain(data: Snapshot, score: pd.Series, baseline: pd.Series) -> dict[str, float]:
    """Whether a score ranks the same customers better than a baseline.

    Returns `auc` of the score, `base` (AUC of the baseline), `gain` (their difference) and `low`, `high`:
    its 95 % interval (DeLong, DeLong & Clarke-Pearson 1988, both scores on the same customers).

    Raises:
        NotEnoughData: fewer than 25 customers who bought nothing, or who bought again.

    >>> from clvlib.models.churn import snapshot
    >>> data = snapshot(sample.transactions, pd.Timestamp("1997-12-31"), pd.Timestamp("1998-03-31"))
    >>> gain = auc_gain(data, data.features["days_since_last_order"], baseline=-data.features["last_spend"])
    >>> {name: round(float(value), 2) for name, value in gain.items()}
    {'auc': 0.8, 'base': 0.58, 'gain': 0.22, 'low': 0.19, 'high': 0.26}
    """
    require_both(data)
    silent = data.churned.to_numpy(dtype=bool)
    own, other = (s.loc[data.churned.index].to_numpy(dtype=float) for s in (score, baseline))
    found, base = auc(silent, own), auc(silent, other)
    difference = _placements(silent, own) - _placements(silent, other)
    variance = sum(difference[group].var(ddof=1) / group.sum() for group in (silent, ~silent))
    reach = 1.96 * float(np.sqrt(variance))
    gain = found - base
    return {"auc": found, "base": base, "gain": gain, "low": gain - reach, "high": gain + reach}


def _placements(silent: np.ndarray, score: np.ndarray) -> np.ndarray:
    """Share of the other group (without a purchase, or with one) that each customer scores above; ties half."""
    among_own = np.empty(len(score))
    for group in (silent, ~silent):
        among_own[group] = rankdata(score[group])
    return (rankdata(score) - among_own) / np.where(silent, (~silent).sum(), silent.sum())


def clearly_worse(data: Snapshot, scores: pd.DataFrame, baseline: pd.Series) -> list[str]:
    """Columns of `scores` that rank worse than the baseline: the whole 95 % interval of `auc_gain` is below 0.

    A baseline that is the same for everybody is a coin (AUC 0.5).

    >>> from clvlib.models.churn import snapshot
    >>> data = snapshot(sample.transactions, pd.Timestamp("1997-12-31"), pd.Timestamp("1998-03-31"))
    >>> scores = pd.DataFrame({"few orders": -data.features["frequency"], "small orders": -data.features["last_spend"]})
    >>> clearly_worse(data, scores, baseline=data.features["days_since_last_order"])
    ['small orders']
    """
    return [str(name) for name, score in scores.items() if auc_gain(data, score, baseline)["high"] < 0]


def gains(churned: pd.Series, scores: pd.DataFrame) -> pd.DataFrame:
    """Share of those who bought nothing that is found among the highest scores, in steps of 5 % of the customers.

    Index `percent` of the customers (0 to 100); a column (0 to 1) for each of `scores`, and "at random".

    >>> gains(pd.Series([True] * 5 + [False] * 15), pd.DataFrame({"silence": [*range(20, 0, -1)]})).loc[[5, 20, 50]]
             silence  at random
    percent
    5            0.2       0.05
    20           0.8       0.20
    50           1.0       0.50
    """
    steps = pd.RangeIndex(0, 101, 5, name="percent")
    parts = len(steps) - 1
    known = scores.loc[churned.index].items()
    found = {name: [0.0, *lift(churned, score, parts)["captured"]] for name, score in known}
    return pd.DataFrame(found, index=steps).assign(**{message("at random"): steps / 100})


def highest_risk(bins: pd.DataFrame) -> dict[str, float]:
    """What was predicted for the tenth at highest risk (last row of `calibration`), and what came.

    Returns `predicted` and `observed` (0 to 1), `error` (predicted over observed, less 1) and `noise`: twice
    the standard error of `predicted - observed` that chance alone would give.

    >>> bins = pd.DataFrame({"predicted": [0.10, 0.80], "observed": [0.12, 0.70], "customers": [100, 100]})
    >>> {name: round(value, 2) for name, value in highest_risk(bins).items()}
    {'predicted': 0.8, 'observed': 0.7, 'error': 0.14, 'noise': 0.08}
    """
    top = bins.iloc[-1]
    predicted, observed, customers = (float(top[name]) for name in ("predicted", "observed", "customers"))
    noise = 2 * np.sqrt(max(predicted * (1 - predicted), 0.0) / customers)
    return {
        "predicted": predicted,
        "observed": observed,
        "error": predicted / max(observed, 1 / customers) - 1,
        "noise": float(noise),
    }
