"""Behaviour as of a date in; probability that a customer buys nothing in the next window out.

Churn here is an observable event: no purchase from the day after the as-of date to the end of the window. It isn't
leaving: many skip a window and come back, and no purchase tells who has left for good.
Models learn on one window and are judged on the next one, never on a random split: a random split would let
the future explain the past. `ranking` judges the probabilities.
"""

import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Literal, Self

import numpy as np
import pandas as pd
from scipy.stats import chi2_contingency
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import brier_score_loss
from sklearn.model_selection import StratifiedKFold, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from clvlib import aggregate
from clvlib.errors import CannotAnswer, NotEnoughData, UsageError
from clvlib.files import array_digest, once
from clvlib.language import message, phrase
from clvlib.models import forecast
from clvlib.models.backtest import auc
from clvlib.stats import one_thread

if TYPE_CHECKING:
    import ibis

FEWEST_OF_EACH = 25
# Customers, at most, that models learn from and are judged by. On a made-up shop, 777,000 to learn from gave boosting a
# Brier score of 0.0505 instead of 0.0520, logistic regression 0.0544 instead of 0.0540, in four to six times the time.
LEARNED = 100_000
SAMPLED = message(
    "Churn models learn from a sample of {n} customers and are judged by it; tables of a window count only these."
)
_FAMILIES = {
    message("how long they were silent"): ("days_since_last_order", "overdue"),
    message("how often they buy"): ("frequency", "purchases_last_"),
    message("how much they spend"): (
        "monetary_value",
        "total_spend",
        "spend_last_",
        "first_spend",
        "last_spend",
        "max_spend",
    ),
    message("their rhythm"): ("mean_gap", "sd_gap", "last_gap", "previous_gap"),
    message("refunds"): ("refunds",),
    message("channels and categories"): ("n_channels", "n_categories"),
}
Kind = Literal["logistic", "boosting"]
KINDS: tuple[Kind, ...] = ("logistic", "boosting")
LEFT, _NONE = "1 − P(alive), ", "no purchase expected, "  # before the name of a forecast model
_OF_MODELS = {  # a forecast model → its two scores
    "BG/NBD": (message("1 − P(alive), BG/NBD"), message("no purchase expected, BG/NBD")),
    "MBG/NBD": (message("1 − P(alive), MBG/NBD"), message("no purchase expected, MBG/NBD")),
    "Pareto/NBD": (message("1 − P(alive), Pareto/NBD"), message("no purchase expected, Pareto/NBD")),
}
LABELS = {
    "silence": message("days of silence"),
    "silence_limit": message("silence limit"),
    "logistic": message("logistic regression"),
    "boosting": message("gradient boosting"),
}


@dataclass(frozen=True)
class Snapshot:
    """What was known of customers on `as_of`, and what each did until `end`.

    `features`: indexed by customer_id; `churned` (True: no purchase), `purchases` (purchase days) and
    `spend`, same index, count the days after `as_of` up to and including `end`.

    >>> days = pd.to_datetime(["2024-02-29", "2024-03-31"])
    >>> silent, bought = pd.DataFrame({"days_since_last_order": [5, 20, 30, 90, 120]}), pd.Series([2, 1, 0, 1, 0])
    >>> march = Snapshot(*days, silent, bought == 0, bought, bought * 30.0)
    >>> march.window_days, march.active().churned.to_list()
    (31, [False, False, True])
    """

    as_of: pd.Timestamp
    end: pd.Timestamp
    features: pd.DataFrame
    churned: pd.Series
    purchases: pd.Series
    spend: pd.Series

    @property
    def window_days(self) -> int:
        return (self.end - self.as_of).days

    @property
    def content(self) -> tuple[str, ...]:
        """Texts that tell what was known, and who bought nothing, from any other snapshot's (see `files.once`)."""
        known = self.features.assign(churned=self.churned)
        rows = array_digest(pd.util.hash_pandas_object(known).to_numpy())
        return str(self.as_of), str(self.end), *map(str, known), rows

    def active(self) -> "Snapshot":
        """Only customers whose silence was not longer than the window."""
        ids = self.features.index[is_active(self.features, self.window_days)]
        of = self.churned.loc[ids], self.purchases.loc[ids], self.spend.loc[ids]
        return Snapshot(self.as_of, self.end, self.features.loc[ids], *of)


def is_active(features: pd.DataFrame, window_days: int) -> pd.Series:
    """True for customers whose last order is at most `window_days` days old.

    >>> is_active(pd.DataFrame({"days_since_last_order": [5, 30, 90]}), window_days=30).to_list()
    [True, True, False]
    """
    return features["days_since_last_order"] <= window_days


def periods(snapshots: dict[str, Snapshot]) -> pd.DataFrame:
    """One row a snapshot: `known_until`, `observed_until` (dates), `customers` and `no_purchase` (share
    that bought nothing in the window).

    >>> days = pd.to_datetime(["2024-02-29", "2024-03-31"])
    >>> silent, bought = pd.DataFrame({"days_since_last_order": [5, 20, 30, 90, 120]}), pd.Series([2, 1, 0, 1, 0])
    >>> march = Snapshot(*days, silent, bought == 0, bought, bought * 30.0)
    >>> periods({"learn": march}).T
    step                          learn
    known_until     2024-02-29 00:00:00
    observed_until  2024-03-31 00:00:00
    customers                         5
    no_purchase                     0.4
    """
    rows = {name: (data.as_of, data.end, len(data.churned), data.churned.mean()) for name, data in snapshots.items()}
    columns = ["known_until", "observed_until", "customers", "no_purchase"]
    return pd.DataFrame.from_dict(rows, orient="index", columns=columns).rename_axis("step")


def features_at(transactions: "ibis.Table", as_of: pd.Timestamp) -> pd.DataFrame:
    """`aggregate.features` as of a date, plus `overdue`: the present silence over the customer's mean gap.

    `T` and `recency` are left out: they tell a customer's age, and all are older at the next date than any
    that a model learned from. `frequency`, `total_spend` and `max_spend` grow with age too, but stay: the few
    loyal customers stand out by them, and without them (or with rates over T instead) the cross-validated
    Brier score within the training date was no better on CDNOW (logistic 0.1616 against 0.1615). What
    their growth does to the level of the probabilities shows in the calibration on the test period.

    >>> features = features_at(sample.transactions, pd.Timestamp("1997-12-31"))
    >>> features[["frequency", "days_since_last_order", "mean_gap", "overdue"]].head(3).round(2)
                 frequency  days_since_last_order  mean_gap  overdue
    customer_id
    0001                 3                   19.0     115.0     0.17
    0002                 1                  352.0      12.0    29.33
    0003                 0                  364.0       NaN      NaN
    """
    features = aggregate.features(transactions, as_of)
    features["overdue"] = features["days_since_last_order"] / features["mean_gap"]
    return features.drop(columns=["T", "recency"])


def fair_windows(window_days: int) -> list[int]:
    """Lengths (days) of the recent-purchase counts to use: those not longer than the window, and the shortest.

    A `silence.plan_window` keeps at least one window of history before its first date, so that these counts are
    fully observed at all of its dates, whereas longer ones would still be filling up. The exception is a
    window below 30 days: the count over 30 days is used all the same, and may still be filling up.

    >>> fair_windows(100), fair_windows(20)
    ([30, 90], [30])
    """
    return [days for days in aggregate.LOOK_BACKS if days <= max(window_days, min(aggregate.LOOK_BACKS))]


def snapshot(transactions: "ibis.Table", as_of: pd.Timestamp, end: pd.Timestamp) -> Snapshot:
    """Features of the customers known on `as_of`, with what they did after it until `end`.

    Of all customers, or of LEARNED, drawn by a hash of their ids, where there are more (see `sampled`).

    >>> data = snapshot(sample.transactions, pd.Timestamp("1997-09-30"), pd.Timestamp("1997-12-31"))
    >>> pd.DataFrame({"churned": data.churned, "purchases": data.purchases, "spend": data.spend}).head(2)
                 churned  purchases  spend
    customer_id
    0001           False          1  26.48
    0002            True          0   0.00
    >>> round(float(data.churned.mean()), 3)
    0.828
    """
    transactions = aggregate.some_customers(transactions, LEARNED)
    features = features_at(transactions, as_of)
    after = aggregate.holdout(transactions, as_of, end).reindex(features.index)
    purchases = after["purchases"].fillna(0).astype(int)
    return Snapshot(as_of, end, features, (purchases == 0).rename("churned"), purchases, after["spend"].fillna(0.0))


def sampled(transactions: "ibis.Table") -> bool:
    """Whether a `snapshot` is one of some customers; SAMPLED says it, with LEARNED.

    >>> sampled(sample.transactions)
    False
    """
    return aggregate.some_customers(transactions, LEARNED) is not transactions


def _signed_log(values: np.ndarray) -> np.ndarray:
    return np.sign(values) * np.log1p(np.abs(values))


def _estimator(kind: str) -> Any:
    if kind == "boosting":
        return HistGradientBoostingClassifier(
            max_iter=100,
            learning_rate=0.06,
            max_leaf_nodes=15,
            min_samples_leaf=50,
            early_stopping=False,
            random_state=0,
        )
    return make_pipeline(
        FunctionTransformer(_signed_log),
        SimpleImputer(strategy="median", add_indicator=True, keep_empty_features=True),
        StandardScaler(),
        LogisticRegression(max_iter=2000),
    )


class ChurnModel:
    """Probability of no purchase in the window, calibrated within the training date.

    `kind` is "logistic" (logistic regression on logged features) or "boosting" (scikit-learn's
    HistGradientBoosting). Calibration is a logistic regression on the scores that five-fold cross-validation
    gives to customers left out (Platt 1999). Amounts are divided by the mean first order, so the currency is
    immaterial.

    Learned: `brier_`, the mean squared error of these cross-validated probabilities, by which to choose
    between models without a look at the test period; `columns_`, the features used.

    >>> few = sample.transactions.filter(sample.transactions["customer_id"] < "0600")
    >>> days = pd.to_datetime(["1997-09-30", "1997-12-31", "1998-03-31"])
    >>> train, test = (snapshot(few, *pair) for pair in pairwise(days))
    >>> churn = ChurnModel().fit(train)
    >>> churn, round(churn.brier_, 3)
    (ChurnModel('logistic'), 595 customers as of 1997-09-30, window 92 days, 0.113)
    >>> churn.predict(test.features).head(2).round(2).to_dict()
    {'0001': 0.67, '0002': 0.88}
    """

    def __init__(self, kind: Kind = "logistic") -> None:
        self.kind = kind

    def fit(self, training: Snapshot) -> Self:
        """Learn from a snapshot.

        Raises:
            NotEnoughData: fewer than 25 customers who bought nothing, or who bought again, in the window.
        """
        require_both(training)
        vars(self).update(
            once(lambda: vars(self._learn(training)), lambda: (f"{type(self)}", self.kind, *training.content))
        )
        return self

    def _learn(self, training: Snapshot) -> Self:
        self.training_ = (len(training.churned), training.as_of)
        self.window_days_ = training.window_days
        fair = {f"{what}_last_{days}" for what in ("purchases", "spend") for days in fair_windows(self.window_days_)}
        recent = [c for c in training.features if re.fullmatch(r"(purchases|spend)_last_\d+", str(c))]
        known = training.features.notna().sum() >= FEWEST_OF_EACH
        self.columns_ = [str(c) for c in known.index[known] if c not in recent or c in fair]
        self.money_unit_ = float(training.features["first_spend"].mean()) or 1.0
        folds = StratifiedKFold(5, shuffle=True, random_state=0)
        self.model_, self.calibrator_ = _estimator(self.kind), LogisticRegression()
        ordered = training.features.sort_index()
        inputs, churned = self._inputs(ordered), training.churned.reindex(ordered.index).to_numpy()
        with one_thread():
            unseen = cross_val_predict(self.model_, inputs, churned, cv=folds, method="decision_function")
            self.calibrator_.fit(unseen[:, None], churned)
            self.model_.fit(inputs, churned)
        self.brier_ = float(brier_score_loss(churned, self._calibrated(unseen)))
        return self

    def predict(self, features: pd.DataFrame) -> pd.Series:
        """`churn_probability` (0 to 1) by customer, for features as `features_at` gives them."""
        with one_thread():
            probability = self._calibrated(self.model_.decision_function(self._inputs(features)))
        return pd.Series(probability, index=features.index, name="churn_probability")

    def _calibrated(self, scores: np.ndarray) -> np.ndarray:
        return self.calibrator_.predict_proba(scores[:, None])[:, 1]

    def _inputs(self, features: pd.DataFrame) -> np.ndarray:
        inputs = features[self.columns_].astype(float)
        money = [c for c in self.columns_ if c == "monetary_value" or "spend" in c]
        inputs[money] /= self.money_unit_
        return inputs.to_numpy()

    def __repr__(self) -> str:
        if not hasattr(self, "model_"):
            return phrase("{name}, not fitted", name=f"ChurnModel({self.kind!r})")
        customers, day = self.training_
        return phrase(
            "ChurnModel({kind!r}), {n:,} customers as of {day:%Y-%m-%d}, window {days} days",
            kind=self.kind,
            n=customers,
            day=day,
            days=self.window_days_,
        )


def require_both(data: Snapshot) -> None:
    """Raise NotEnoughData when too few customers bought nothing, or too few bought again, to learn or judge.

    >>> days = pd.to_datetime(["2024-02-29", "2024-03-31"])
    >>> silent, bought = pd.DataFrame({"days_since_last_order": range(60)}), pd.Series([1, 0] * 30)
    >>> require_both(Snapshot(*days, silent, bought == 0, bought, bought * 30.0))  # 30 of each are enough
    """
    silent = int(data.churned.sum())
    back = len(data.churned) - silent
    if min(silent, back) < FEWEST_OF_EACH:
        raise NotEnoughData(
            phrase(
                "Of {n:,} customer(s) looked at as of {day:%Y-%m-%d}, {back:,} bought again by {end:%Y-%m-%d} and "
                "{silent:,} did not; a churn model needs {least} of each.",
                n=silent + back,
                day=data.as_of,
                back=back,
                end=data.end,
                silent=silent,
                least=FEWEST_OF_EACH,
            ),
            mend="Bring more customers or a longer history.",
        )


def silence_limit(training: Snapshot) -> int:
    """Days of silence that best tell, in training, who buys nothing in the window from the others.

    The largest difference between the shares of the two that it flags (Youden 1950).

    >>> days = pd.to_datetime(["2024-02-29", "2024-03-31"])
    >>> silent, bought = pd.DataFrame({"days_since_last_order": [5, 20, 30, 90, 120]}), pd.Series([2, 1, 0, 1, 0])
    >>> march = Snapshot(*days, silent, bought == 0, bought, bought * 30.0)
    >>> silence_limit(march)
    29
    """
    silence = training.features["days_since_last_order"]
    silent = training.churned.groupby(silence).agg(["sum", "size"]).sort_index(ascending=False)
    back = silent["size"] - silent["sum"]
    gain = silent["sum"].cumsum() / silent["sum"].sum() - back.cumsum() / back.sum()
    return int(gain.index.to_numpy()[gain.to_numpy().argmax()]) - 1


def rules_of_thumb(training: Snapshot, features: pd.DataFrame) -> pd.DataFrame:
    """What a model has to beat, by customer.

    Columns: `silence` (days since the last order: a ranking, not a probability); `silence_limit` (share that
    bought nothing, in training, on either side of `silence_limit`; the rule of thumb of Wübben & von Wangenheim 2008).

    >>> days = pd.to_datetime(["2024-02-29", "2024-03-31"])
    >>> silent, bought = pd.DataFrame({"days_since_last_order": [5, 20, 30, 90, 120]}), pd.Series([2, 1, 0, 1, 0])
    >>> march = Snapshot(*days, silent, bought == 0, bought, bought * 30.0)
    >>> rules_of_thumb(march, pd.DataFrame({"days_since_last_order": [10, 50]})).round(2)
       silence  silence_limit
    0     10.0           0.00
    1     50.0           0.67
    """
    limit = silence_limit(training)
    late = training.features["days_since_last_order"] > limit
    rates = training.churned.groupby(late).mean()
    silence = features["days_since_last_order"]
    return pd.DataFrame({"silence": silence.astype(float), "silence_limit": (silence > limit).map(rates).astype(float)})


def forecast_scores(models: Mapping[str, forecast.PurchaseModel], rfm: pd.DataFrame, window_days: int) -> pd.DataFrame:
    """What forecast models say about the same customers.

    Args:
        models: fitted models of `forecast` by name, in days, that saw nothing after the as-of date.
        rfm: `aggregate.rfm_summary` at the as-of date, in days.

    Returns:
        By customer, two columns a model, 0 to 1: "1 − P(alive), name" (left for good) and "no purchase
        expected, name" (no purchase in the window).

    >>> forecast_scores({"BG/NBD": model}, rfm, window_days=90).head(3).round(2)
                 1 − P(alive), BG/NBD  no purchase expected, BG/NBD
    customer_id
    0001                         0.34                          0.75
    0002                         0.83                          0.97
    0003                         0.00                          0.96
    """
    history = (rfm["frequency"], rfm["recency"], rfm["T"])
    gone = {_OF_MODELS[name][0]: 1 - model.p_alive(*history) for name, model in models.items()}
    none = {_OF_MODELS[name][1]: 1 - model.p_at_least(1, window_days, *history) for name, model in models.items()}
    return pd.DataFrame(gone | none, index=rfm.index)


def contest(train: Snapshot, test: Snapshot, rfm: pd.DataFrame) -> pd.DataFrame:
    """The scores of every method for the customers of `test`, learned on `train`: a column a method.

    Those of `rules_of_thumb`, "logistic" and "boosting", and of `forecast_scores` where a forecast model can be fitted
    to `rfm`, the summary at the date of `test`. `ranking.evaluate` judges them. Raises NotEnoughData as
    `ChurnModel.fit`.

    >>> few = sample.transactions.filter(sample.transactions["customer_id"] < "0300")
    >>> days = pd.to_datetime(["1997-09-30", "1997-12-31", "1998-03-31"])
    >>> train, test = (snapshot(few, *pair) for pair in pairwise(days))
    >>> scores = contest(train, test, aggregate.rfm_summary(few, test.as_of))
    >>> scores.loc["0001"].round(2)
    silence                             19.00
    silence_limit                        0.53
    logistic                             0.62
    boosting                             0.73
    1 − P(alive), BG/NBD                 0.11
    1 − P(alive), MBG/NBD                0.14
    1 − P(alive), Pareto/NBD             0.02
    no purchase expected, BG/NBD         0.57
    no purchase expected, MBG/NBD        0.56
    no purchase expected, Pareto/NBD     0.53
    Name: 0001, dtype: float64
    """
    learned = {kind: ChurnModel(kind).fit(train).predict(test.features) for kind in KINDS}
    scores = rules_of_thumb(train, test.features).assign(**learned)
    with suppress(CannotAnswer):
        models, asked = forecast.fit_all(rfm)[0], rfm.loc[test.features.index]
        scores = scores.join(forecast_scores(models, asked, test.window_days))
    return scores


def probability(
    method: str,
    learned: Snapshot,
    features: pd.DataFrame,
    rfm: pd.DataFrame,
    fitted: Mapping[str, forecast.PurchaseModel] | None = None,
) -> pd.Series:
    """Chance of no purchase in the next window by one method of the contest, as a `churn_probability` by customer.

    Args:
        method: a column of `contest`. Days of silence become a probability by a logistic regression.
        learned: the latest snapshot whose window is known.
        features, rfm: of the customers to judge, at one date.
        fitted: forecast models that have been fitted to `rfm`, by name; one that isn't there is fitted here.

    Raises:
        UsageError: a method that doesn't foretell this event, such as 1 − P(alive).

    >>> days = pd.to_datetime(["2024-02-29", "2024-03-31"])
    >>> silent, bought = pd.DataFrame({"days_since_last_order": [5, 20, 30, 90, 120]}), pd.Series([2, 1, 0, 1, 0])
    >>> march = Snapshot(*days, silent, bought == 0, bought, bought * 30.0)
    >>> asked = pd.DataFrame({"days_since_last_order": [10, 100]})
    >>> probability("silence", march, asked, rfm).round(2).to_list()
    [0.27, 0.53]
    """
    if method.startswith(_NONE):
        name = method.removeprefix(_NONE)
        model = (fitted or {}).get(name) or forecast.MODELS[name]().fit(rfm)
        scores = forecast_scores({name: model}, rfm, learned.window_days)
        return scores[method].reindex(features.index).rename("churn_probability")
    for kind in KINDS:
        if method == kind:
            return ChurnModel(kind).fit(learned).predict(features)
    if method == "silence_limit":
        return rules_of_thumb(learned, features)[method].rename("churn_probability")
    if method != "silence":
        raise UsageError(
            phrase("{method!r} doesn't say the chance of no purchase in the window.", method=method),
            "Take another method.",
        )
    known, asked = (np.log1p(of[["days_since_last_order"]].to_numpy()) for of in (learned.features, features))
    chance = LogisticRegression().fit(known, learned.churned).predict_proba(asked)[:, 1]
    return pd.Series(chance, index=features.index, name="churn_probability")


def observed(data: Snapshot) -> tuple[pd.DataFrame, bool]:
    """Share that bought nothing in the window, by silence (rows) and purchases (columns); NaN in groups of
    fewer than 25 customers. And whether those of 25 differ beyond noise (chi-square test of independence).

    Raises:
        NotEnoughData: no group has 25 customers.

    >>> days = pd.to_datetime(["2024-02-29", "2024-03-30"])
    >>> features = pd.DataFrame({"days_since_last_order": np.repeat([5, 40], 60), "frequency": [0, 2] * 60})
    >>> bought = pd.Series([1, 1, 0, 1] * 15 + [0, 1, 0, 0] * 15)
    >>> rate, differ = observed(Snapshot(*days, features, bought == 0, bought, bought * 30.0))
    >>> rate
    purchases          1   2  3-4  5-9  10+
    days of silence
    0 to 7           0.5 NaN  0.0  NaN  NaN
    31 to 60         1.0 NaN  0.5  NaN  NaN
    >>> differ
    True
    """
    window = data.window_days
    edges = [-1, window // 4, window // 2, window, 2 * window, np.inf]
    rows = [phrase("{low} to {high}", low=low + 1, high=high) for low, high in pairwise(edges[:-1])]
    rows += [phrase("over {low}", low=edges[-2])]
    silence = pd.cut(data.features["days_since_last_order"], edges, labels=rows)
    times = pd.cut(data.features["frequency"], [-1, 0, 1, 3, 8, np.inf], labels=["1", "2", "3-4", "5-9", "10+"])
    groups = data.churned.astype(float).groupby([silence, times], observed=False)
    rate = groups.mean().where(groups.size() >= FEWEST_OF_EACH)
    if rate.isna().all():
        raise NotEnoughData(
            phrase(
                "Split by silence and purchases, the {n:,} customers known on {day:%Y-%m-%d} make no group of {least}.",
                n=len(times),
                day=data.as_of,
                least=FEWEST_OF_EACH,
            ),
            mend="Bring more customers.",
        )
    counts = pd.DataFrame({"none": groups.sum(), "some": groups.size() - groups.sum()})[rate.notna()]
    differ = counts.sum().all() and len(counts) > 1 and chi2_contingency(counts).pvalue < 0.05
    return rate.unstack().dropna(how="all").rename_axis(index="days of silence", columns="purchases"), bool(differ)


def drivers(model: ChurnModel, data: Snapshot, repeats: int = 5) -> pd.DataFrame:
    """What the model's ranking rests on, measured on the test period.

    The features of one family are shuffled together between customers; `auc_lost` is the mean fall of AUC
    (permutation importance, Breiman 2001), `sd` its standard deviation over the repeats. Families share
    information (who buys often was seen lately), so a small loss means "others know it too", not "it
    doesn't matter". `with_risk` is the rank correlation, between -1 and 1, of the family's first feature
    with the predicted probability.

    Returns one row a family, largest loss first; index `family`, and the `feature` whose direction is
    given.

    >>> few = sample.transactions.filter(sample.transactions["customer_id"] < "0600")
    >>> days = pd.to_datetime(["1997-09-30", "1997-12-31", "1998-03-31"])
    >>> train, test = (snapshot(few, *pair) for pair in pairwise(days))
    >>> found = drivers(ChurnModel().fit(train), test, repeats=2)
    >>> found[["auc_lost", "with_risk"]].head(3).round(2)
                               auc_lost  with_risk
    family
    how long they were silent      0.22       0.79
    their rhythm                   0.16      -0.15
    how much they spend            0.04      -0.29
    """
    require_both(data)
    risk = model.predict(data.features)
    churned = data.churned.to_numpy(dtype=bool)
    full = auc(churned, risk.to_numpy())
    random = np.random.default_rng(0)
    rows = []
    for family, prefixes in _FAMILIES.items():
        columns = [c for c in model.columns_ if c.startswith(prefixes)]
        if not columns:
            continue
        losses = [
            full - auc(churned, model.predict(_shuffled(data.features, columns, random)).to_numpy())
            for _ in range(repeats)
        ]
        varies = data.features[columns[0]].nunique() > 1
        with_risk = data.features[columns[0]].corr(risk, method="spearman") if varies else np.nan
        rows.append((family, float(np.mean(losses)), float(np.std(losses)), columns[0], with_risk))
    table = pd.DataFrame(rows, columns=["family", "auc_lost", "sd", "feature", "with_risk"])
    return table.sort_values("auc_lost", ascending=False, kind="stable").set_index("family")


def drivers_in_words(drivers: pd.DataFrame) -> pd.DataFrame:
    """The direction of each driver that matters (loss above twice its standard deviation).

    Columns: `the_higher` (the feature) and `risk` ("higher", "lower", or "no clear direction" under 0.1 of
    correlation).

    >>> found = pd.DataFrame(
    ...     {"auc_lost": [0.15, 0.01], "sd": [0.02, 0.02], "feature": ["overdue", "refunds"], "with_risk": [0.8, 0.1]},
    ...     index=["how long they were silent", "refunds"],
    ... )
    >>> drivers_in_words(found)
                              the_higher    risk
    how long they were silent    overdue  higher
    """
    clear = drivers[(drivers["auc_lost"] > 2 * drivers["sd"]) & (drivers["auc_lost"] > 0)]
    sign = np.where(clear["with_risk"] > 0, message("higher"), message("lower"))
    words = np.where(clear["with_risk"].abs() >= 0.1, sign, message("no clear direction"))
    return pd.DataFrame({"the_higher": clear["feature"].str.replace("_", " "), "risk": words}, index=clear.index)


def _shuffled(features: pd.DataFrame, columns: list[str], random: np.random.Generator) -> pd.DataFrame:
    mixed = features.copy()
    mixed[columns] = features[columns].iloc[random.permutation(len(features))].to_numpy()
    return mixed
