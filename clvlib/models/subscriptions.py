"""Subscribers counted period by period → renewal and survival curves, and how many more periods they will pay.

The business where a customer says goodbye: a contract, renewed or not at the end of each period. The shifted-beta-
geometric model (sBG): each customer has a chance to leave of their own, the same at every renewal, and these chances
differ between customers as a beta distribution. The leavers go first, so that the retention of a cohort rises although
nobody becomes more loyal (Fader & Hardie 2007, "How to project customer retention", Journal of Interactive Marketing
21).

A life table is a frame indexed by `period` (1 for the first renewal, 2 …) with `at_risk` (customers who came to that
renewal) and `lost` (of them, those who did not renew). Customers still subscribed count at the renewals they have seen
and at no later one: that is how censoring enters.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy.special import gammaln, hyp2f1

from clvlib.errors import CannotAnswer, ConvergenceError, DataError, MissingTable, NotEnoughData, UsageError
from clvlib.ingest.subscribers import periods_counted
from clvlib.language import message, phrase
from clvlib.models.likelihood import Loss, maximise
from clvlib.stats import Array, mid_periods, present_value

if TYPE_CHECKING:
    from clvlib.dataset import Dataset

# Survivors of 1,000 customers who started together, two kinds of contract: Fader & Hardie 2007, table 1, whose
# models learn from the first seven years and are judged on the five after them.
PUBLISHED = pd.DataFrame(
    {
        "Regular": [1000, 631, 468, 382, 326, 289, 262, 241, 223, 207, 194, 183, 173],
        "High-End": [1000, 869, 743, 653, 593, 551, 517, 491, 468, 445, 427, 409, 394],
    },
    index=pd.RangeIndex(13, name="period"),
)
PUBLISHED_YEARS = 7
FEWEST_LOST = 10
FEWEST_PERIODS = 3
_Z = 1.96  # standard errors: 5 %, two-sided


@dataclass(frozen=True)
class ShiftedBetaGeometric:
    """A fitted sBG: chances to leave are Beta(alpha, beta); their mean is the churn at the first renewal.

    `renewals` counts those it was fitted to. `penalty` is what it took to find a maximum (0 as a rule): without
    differences between customers the two parameters grow without limit, and only their ratio means something.

    >>> sbg = ShiftedBetaGeometric(0.704, 1.182, -1680.3, standard_errors=(0.07, 0.15), renewals=3358, penalty=0.0)
    >>> sbg.retention([1, 2, 12]).round(2), sbg.survival([1, 2, 12]).round(2), round(sbg.lifetime(rate=0.1), 2)
    (array([0.63, 0.76, 0.95]), array([0.63, 0.47, 0.17]), 3.7)
    """

    alpha: float
    beta: float
    log_likelihood: float
    standard_errors: tuple[float, float]
    renewals: int
    penalty: float

    def retention(self, period: ArrayLike) -> Array:
        """Share that renews at renewal 1, 2 … of those who came to it (equation 8)."""
        t = np.asarray(period, dtype=float)
        return (self.beta + t - 1) / (self.alpha + self.beta + t - 1)

    def survival(self, period: ArrayLike) -> Array:
        """Share of a cohort still subscribed after renewal 0 (all), 1, 2 … (equation 6)."""
        t = np.asarray(period, dtype=float)
        both = self.alpha + self.beta
        return np.exp(gammaln(self.beta + t) + gammaln(both) - gammaln(self.beta) - gammaln(both + t))

    def lifetime(self, rate: float) -> float:
        """Periods that a new customer will pay, the first included, discounted by `rate` a period.

        The discounted expected lifetime (Fader & Hardie 2010, "Customer-base valuation in a contractual setting:
        the perils of ignoring heterogeneity", Marketing Science 29). Raises CannotAnswer where it has no end: at a
        rate of 0 when alpha <= 1.
        """
        return float(_finite(hyp2f1(1, self.beta, self.alpha + self.beta, _factor(rate))))

    def residual_lifetime(self, rate: float, paid: ArrayLike) -> Array:
        """Periods that a customer who has paid `paid` (1, 2 …) of them will still pay, seen just before the renewal.

        The discounted expected residual lifetime (Fader & Hardie 2010): a next payment made at once counts as 1.
        Raises as `lifetime`.
        """
        n, factor = np.asarray(paid, dtype=float), _factor(rate)
        return _finite(self.retention(n) * hyp2f1(1, self.beta + n, self.alpha + self.beta + n, factor))

    def __repr__(self) -> str:
        a, b = self.standard_errors
        return phrase(
            "sBG on {n:,} renewals: alpha {alpha:.4f} ± {a:.2g}, beta {beta:.4f} ± {b:.2g} (± standard error); "
            "log-likelihood {value:,.2f}; {alone:converged|converged only with a penalty of {penalty:g}}",
            n=self.renewals,
            alpha=self.alpha,
            a=a,
            beta=self.beta,
            b=b,
            value=self.log_likelihood,
            alone=self.penalty == 0,
            penalty=self.penalty,
        )


def _finite(periods: Array) -> Array:
    if not np.isfinite(periods).all():
        raise CannotAnswer(
            "Without a discount rate the expected lifetime has no end: some would stay for ever.",
            "State annual_discount_rate under [economics] in the dataset card.",
        )
    return periods


def _factor(rate: float) -> float:
    if not 0 <= rate < np.inf:
        raise UsageError(
            phrase("The discount rate {rate!r} can't be used.", rate=rate), "Give a share of 0 or more per period."
        )
    return 1 / (1 + rate)


def rate_per_period(annual_rate: float, periods_per_year: float) -> float:
    """The discount rate of one period that compounds to the annual one (`Terms.periods_per_year` of the dataset).

    >>> round(rate_per_period(0.10, periods_per_year=12), 5)
    0.00797
    """
    if periods_per_year < 1:
        raise UsageError(
            phrase("{n} periods a year can't be used.", n=periods_per_year), "Give 1 (years), 4, 12 or 52.18."
        )
    return float((1 + annual_rate) ** (1 / periods_per_year) - 1)


def cohort_table(survivors: pd.Series) -> pd.DataFrame:
    """Life table of one cohort: `survivors` counts it at the start (first value) and after each renewal.

    Raises DataError when a count is missing, negative, or higher than the one before.

    >>> cohort_table(pd.Series([1000, 631, 468]))
            at_risk  lost
    period
    1          1000   369
    2           631   163
    """
    counts = survivors.to_numpy(dtype=float, na_value=np.nan)
    rises = np.flatnonzero(~(np.diff(counts) <= 0))
    if np.isnan(counts).any() or (counts < 0).any() or len(rises):
        raise DataError(
            phrase(
                "These {n} counts of survivors can't be used: they must be 0 or more and never rise{row:|, first at "
                "row {row}}.",
                n=len(counts),
                row=int(rises[0]) + 2 if len(rises) else 0,
            ),
            "Count one cohort: those who started together, and how many are left after each period.",
        )
    periods = pd.RangeIndex(1, len(counts), name="period")
    return pd.DataFrame({"at_risk": counts[:-1], "lost": -np.diff(counts)}, index=periods).astype("int64")


def subscribers(ds: "Dataset") -> pd.DataFrame:
    """The dataset's subscriptions, counted: one row per plan, tenure and whether they left.

    Columns: plan ("all" where there are none), tenure (full periods paid), churned (bool), customers (how many) and
    margin (money left of one period, their mean: as the card states it for all, else price × margin, the mean price
    where a price is missing; NaN where neither is known). Raises MissingTable and NotEnoughData (nobody is in it).

    >>> import ibis
    >>> from dataclasses import replace
    >>> people = pd.DataFrame({"tenure": [2, 5, 5], "churned": ["yes", "no", "no"], "price": [10.0, 10.0, 20.0]})
    >>> each = replace(sample.economics, margin_per_period=4.0)  # `load` sets both: the mean price × margin of 0.3
    >>> told = pd.DataFrame({"name": ["margin_per_period"], "origin": ["mean price × margin"]})
    >>> tables = {"subscriptions": ibis.memtable(people)}
    >>> subscribers(replace(sample, tables=tables, economics=each, assumptions=told))
      plan  tenure  churned  customers  margin
    0  all       2     True          1     3.0
    1  all       5    False          2     4.5
    """
    rows = periods_counted(ds.table("subscriptions"))
    if not rows["customers"].sum():
        raise NotEnoughData(
            "Nobody is in the table of subscriptions.", phrase("Look at the rows as of {day:%Y-%m-%d}.", day=ds.as_of)
        )
    each, origins = ds.economics.margin_per_period, ds.assumptions.set_index("name")["origin"]
    own = rows["price"] * ds.economics.margin
    margin = own.fillna(each) if each is not None and origins["margin_per_period"] != "card" else each
    return rows.drop(columns="price").assign(margin=margin).astype({"margin": "float64"})


def customer_table(
    tenure: pd.Series, churned: pd.Series, left: str = "ever", customers: pd.Series | None = None
) -> pd.DataFrame:
    """Life table from `tenure` (full periods paid) and `churned` (True: did not renew after it), one row per customer.

    `customers`: how many each row stands for, where it is more than one (`subscribers`).
    `left` says who is in the data. "ever": everyone who ever subscribed. "last": only who was subscribed when the last
    period began, `churned` saying who left in it; then each customer is seen at one renewal, the last, and counting
    earlier ones would take the long-standing customers for a cohort of which nobody left.
    Customers who have not come to a renewal (tenure 0) count nowhere.

    Raises UsageError for another `left`.

    >>> tenure, churned = pd.Series([1, 2, 2, 3]), pd.Series([True, True, False, False])
    >>> customer_table(tenure, churned)
            at_risk  lost
    period
    1             4     1
    2             3     1
    3             1     0
    """
    if left not in ("ever", "last"):
        raise UsageError(phrase("left = {left!r} is unknown.", left=left), "Use 'ever' or 'last'.")
    weight = pd.Series(1, index=tenure.index) if customers is None else customers
    came = tenure[tenure >= 1].astype("int64")
    periods = pd.RangeIndex(1, int(came.max() if len(came) else 0) + 1, name="period")
    ended = weight.reindex(came.index).groupby(came).sum().reindex(periods, fill_value=0)
    gone = came[churned.reindex(came.index).astype(bool)]
    lost = weight.reindex(gone.index).groupby(gone).sum().reindex(periods, fill_value=0)
    at_risk = ended if left == "last" else ended[::-1].cumsum()[::-1]
    return pd.DataFrame({"at_risk": at_risk, "lost": lost}).astype("int64")


def fit_sbg(life: pd.DataFrame) -> ShiftedBetaGeometric:
    """Fit the sBG to a life table by maximum likelihood (Fader & Hardie 2007, equation 7, with censoring).

    Raises NotEnoughData (fewer than 10 lost, or fewer than 3 renewals seen), ConvergenceError.

    >>> sbg = fit_sbg(cohort_table(PUBLISHED["Regular"].head(8)))
    >>> round(float(sbg.alpha), 3), round(float(sbg.beta), 3), sbg.renewals
    (0.704, 1.182, 3358)
    """
    seen = life[life["at_risk"] > 0]
    if seen["lost"].sum() < FEWEST_LOST or len(seen) < FEWEST_PERIODS:
        raise NotEnoughData(
            phrase(
                "{n:,} customers lost over {renewals} renewal(s) don't tell a curve.",
                n=int(seen["lost"].sum()),
                renewals=len(seen),
            ),
            phrase(
                "It takes at least {lost} customers lost and {renewals} renewals.",
                lost=FEWEST_LOST,
                renewals=FEWEST_PERIODS,
            ),
        )
    before = seen.index.to_numpy(float) - 1
    at_risk, lost = seen["at_risk"].to_numpy(float), seen["lost"].to_numpy(float)
    kept, size = at_risk - lost, float(at_risk.sum())

    def mean_loss(log_params: Array) -> Loss:
        params = np.exp(log_params)
        alpha, beta = params
        both, stays = alpha + beta + before, beta + before
        value = lost @ np.log(alpha / both) + kept @ np.log(stays / both)
        slope = np.array([lost.sum() / alpha, kept @ (1 / stays)]) - at_risk @ (1 / both)
        bend = at_risk @ (1 / both**2) - np.diag([lost.sum() / alpha**2, kept @ (1 / stays**2)])
        hessian = bend * np.outer(params, params) + np.diag(slope * params)
        return -value / size, -slope * params / size, -hessian / size

    found = maximise(mean_loss, [-10.0, -10.0], size, "sBG")
    alpha, beta = np.exp(found.log_params)
    errors = np.sqrt(np.diag(found.covariance)) * np.exp(found.log_params)
    value = -mean_loss(found.log_params)[0] * size
    return ShiftedBetaGeometric(alpha, beta, value, (float(errors[0]), float(errors[1])), int(size), found.penalty)


def mixture(shares: Sequence[float], churns: Sequence[float], periods: int) -> pd.DataFrame:
    """Kinds of customers that never change, taken together: what a cohort of them shows, period by period.

    shares: of the kinds at the start (adding up to 1); churns: each kind's chance to leave at every renewal. Indexed by
    period (1, 2 …): retention (of the whole) and a column `kind 1`, `kind 2` … with each kind's share.

    >>> mixture(shares=[0.5, 0.5], churns=[0.1, 0.5], periods=3).round(2)
            retention  kind 1  kind 2
    period
    1            0.70    0.50    0.50
    2            0.76    0.64    0.36
    3            0.81    0.76    0.24
    """
    t = np.arange(periods)
    left = np.asarray(shares) * (1 - np.asarray(churns)) ** t[:, None]
    parts = left / left.sum(axis=1, keepdims=True)
    columns = {f"kind {k}": parts[:, k - 1] for k in range(1, len(churns) + 1)}
    index = pd.RangeIndex(1, periods + 1, name="period")
    return pd.DataFrame({"retention": parts @ (1 - np.asarray(churns)), **columns}, index=index)


def constant_churn(life: pd.DataFrame) -> float:
    """The one churn per period that fits best if all customers were alike: lost over renewals seen.

    >>> round(constant_churn(cohort_table(pd.Series([1000, 631, 468]))), 3)
    0.326
    """
    return float(life["lost"].sum() / life["at_risk"].sum())


def curves(life: pd.DataFrame, model: ShiftedBetaGeometric, churn: float, horizon: int) -> pd.DataFrame:
    """What was observed and what is expected, indexed by period 0 … `horizon`; shares of 1.

    Columns: retention_observed, retention (of the model), retention_constant; survival_observed (product of the
    observed retentions: Kaplan & Meier 1958), survival, survival_constant. Observed ones are NaN beyond the data,
    retention at period 0.

    >>> life = cohort_table(PUBLISHED["Regular"].head(8))
    >>> shown = curves(life, fit_sbg(life), constant_churn(life), horizon=12)
    >>> shown.filter(like="survival").loc[[1, 7, 12]].round(2)
            survival_observed  survival  survival_constant
    period
    1                    0.63      0.63               0.77
    7                    0.24      0.24               0.17
    12                    NaN      0.17               0.05
    """
    periods = pd.RangeIndex(horizon + 1, name="period")
    seen = life[life["at_risk"] > 0]
    observed = 1 - seen["lost"] / seen["at_risk"]
    observed = observed[: (seen.index.to_numpy() == np.arange(1, len(seen) + 1)).cumprod().sum()]
    alive = pd.concat([pd.Series({0: 1.0}), observed.cumprod()])
    t = periods.to_numpy()
    return pd.DataFrame(
        {
            "retention_observed": observed.reindex(periods),
            "retention": np.where(t > 0, model.retention(np.maximum(t, 1)), np.nan),
            "retention_constant": np.where(t > 0, 1 - churn, np.nan),
            "survival_observed": alive.reindex(periods),
            "survival": model.survival(t),
            "survival_constant": (1 - churn) ** t,
        },
        index=periods,
    )


def residual_lifetimes(
    model: ShiftedBetaGeometric, churn: float, rate: float, paid: tuple[int, ...] = (1, 2, 3, 5, 8, 12)
) -> pd.DataFrame:
    """Discounted periods still to come by periods paid so far (index): `by_model`, and with one churn for all.

    With a constant churn everybody has the same future, however long they have stayed: `by_constant_churn`. Raises
    CannotAnswer where it has no end.

    >>> life = cohort_table(PUBLISHED["Regular"])
    >>> residual_lifetimes(fit_sbg(life), constant_churn(life), rate=0.1, paid=(1, 5)).round(2)
                  by_model  by_constant_churn
    periods_paid
    1                 2.97               3.11
    5                 5.92               3.11
    """
    index = pd.Index(paid, name="periods_paid")
    same = (1 - churn) / (1 - (1 - churn) * _factor(rate)) if churn + rate > 0 else np.inf
    _finite(np.asarray(same))
    return pd.DataFrame({"by_model": model.residual_lifetime(rate, paid), "by_constant_churn": same}, index=index)


def base_value(weights: pd.Series, model: ShiftedBetaGeometric, churn: float, rate: float) -> dict[str, float]:
    """Discounted periods still to come from today's subscribers together, each times the weight of one.

    Their next payment is half a period away on average (`stats.mid_periods`).
    `weights`, a column of `staying`, indexed by renewals behind them: customers give periods, their margin gives money.
    Gives `one_period` (the sum of the weights), `by_model` and `by_constant_churn`. Raises as `residual_lifetimes`, and
    MissingTable where no margin is known.

    >>> life = cohort_table(PUBLISHED["Regular"])
    >>> customers = pd.Series({0: 100, 4: 20})  # a hundred before their first renewal, twenty with four behind them
    >>> found = base_value(customers, fit_sbg(life), constant_churn(life), rate=0.1)
    >>> {name: round(value) for name, value in found.items()}
    {'one_period': 120, 'by_model': 396, 'by_constant_churn': 355}
    """
    if weights.isna().any():
        raise MissingTable(
            "The margin of a period isn't known.",
            "Give the table of subscriptions a price, or state margin_per_period under [economics].",
        )
    to_come = residual_lifetimes(model, churn, rate, tuple(weights.index + 1))
    sums = to_come.mul(weights.to_numpy(dtype=float), axis=0).sum() * _waiting(rate)
    return {"one_period": float(weights.sum())} | {str(name): float(value) for name, value in sums.items()}


def _waiting(rate: float) -> float:
    return float(present_value([1.0], rate, mid_periods(1, per_year=1)))  # in periods: `rate` is that of one


def staying(subscribers: pd.DataFrame) -> pd.DataFrame:
    """Those of `subscribers` who are still there, by renewals behind them (index `renewals`, from 0).

    Columns: customers, margin (of one period of all of them together; NaN where no margin is known).

    >>> rows = pd.DataFrame({"tenure": [0, 3, 3], "churned": [False, False, True], "customers": [50, 20, 10]})
    >>> staying(rows.assign(margin=5.0))
              customers  margin
    renewals
    0                50   250.0
    3                20   100.0
    """
    there = subscribers[~subscribers["churned"]]
    sums = pd.DataFrame({"customers": there["customers"], "margin": there["customers"] * there["margin"]})
    return sums.groupby(there["tenure"].rename("renewals")).sum(min_count=1)


def judged(life: pd.DataFrame, share: float = 0.6) -> dict[str, float]:
    """Fit to the first `share` of the renewals and forecast the others, beside what was observed.

    Gives learned and horizon (renewals); observed, by_model and by_constant_churn: of those left after renewal
    `learned`, the share left after renewal `horizon`; error: the standard error of observed (Greenwood 1926).
    Raises as `fit_sbg`; NotEnoughData also when nothing is left to judge on.

    >>> found = judged(cohort_table(PUBLISHED["Regular"]))
    >>> {name: round(value, 2) for name, value in found.items()}
    {'learned': 7, 'horizon': 12, 'observed': 0.72, 'error': 0.03, 'by_model': 0.71, 'by_constant_churn': 0.28}
    """
    life = life[(life["at_risk"] >= FEWEST_LOST).cumprod().astype(bool)]
    learned, later = life.iloc[: int(len(life) * share)], life.iloc[int(len(life) * share) :]
    if later.empty or not later["lost"].sum():
        raise NotEnoughData(
            phrase("{n} renewal(s) leave nothing to judge a forecast on.", n=len(life)), "Give a longer history."
        )
    model, churn = fit_sbg(learned), constant_churn(learned)
    lost, at_risk = later["lost"].to_numpy(float), later["at_risk"].to_numpy(float)
    observed = float(np.prod(1 - lost / at_risk))
    spread = (lost / at_risk / np.maximum(at_risk - lost, 0.5)).sum()
    return {
        "learned": len(learned),
        "horizon": len(life),
        "observed": observed,
        "error": observed * float(np.sqrt(spread)),
        "by_model": float(model.survival(len(life)) / model.survival(len(learned))),
        "by_constant_churn": (1 - churn) ** len(later),
    }


def early_and_late(life: pd.DataFrame) -> dict[str, float]:
    """Retention at the earlier and at the later renewals, each half of those seen, and whether it differs.

    Gives split (the last renewal of the earlier half), early, late (shares who renewed) and change: 1 or -1 where the
    later is higher or lower by more than the error (a z-test at 5 %), else 0. Raises NotEnoughData (a single renewal).

    >>> found = early_and_late(cohort_table(PUBLISHED["Regular"]))
    >>> {name: round(value, 2) for name, value in found.items()}
    {'split': 3, 'early': 0.71, 'late': 0.91, 'change': 1}
    """
    half = int((life["at_risk"].cumsum() <= life["at_risk"].sum() / 2).sum()) or 1
    if len(life) <= half or not life["at_risk"].iloc[half:].sum():
        raise NotEnoughData(phrase("{n} renewal(s) are no time in which retention could change.", n=len(life)))
    lost, seen = (np.add.reduceat(life[name].to_numpy(float), [0, half]) for name in ("lost", "at_risk"))
    early, late = 1 - lost / seen
    error = np.sqrt(((1 - lost / seen) * lost / seen**2).sum())
    change = int(np.sign(late - early)) if abs(late - early) > _Z * error else 0
    return {"split": int(life.index[half - 1]), "early": float(early), "late": float(late), "change": change}


def life_table(subscribers: pd.DataFrame, left: str = "ever") -> pd.DataFrame:
    """The life table of `subscribers`, of all their plans together (`left` as in `customer_table`).

    >>> rows = pd.DataFrame({"tenure": [1, 2, 2], "churned": [True, True, False], "customers": [30, 20, 50]})
    >>> life_table(rows)
            at_risk  lost
    period
    1           100    30
    2            70    20
    """
    return customer_table(subscribers["tenure"], subscribers["churned"], left, subscribers["customers"])


def as_table(models: Mapping[str, ShiftedBetaGeometric]) -> pd.DataFrame:
    """Fitted models as a table, indexed by name: alpha, beta, log_likelihood, first_churn (mean chance to leave).

    >>> as_table({name: fit_sbg(cohort_table(counts)) for name, counts in PUBLISHED.items()}).round(2)
              alpha  beta  log_likelihood  first_churn
    contract
    Regular     0.7  1.17        -1931.49         0.37
    High-End    0.6  3.33        -2010.86         0.15
    """
    rows = {name: (m.alpha, m.beta, m.log_likelihood, m.alpha / (m.alpha + m.beta)) for name, m in models.items()}
    columns = ["alpha", "beta", "log_likelihood", "first_churn"]
    return pd.DataFrame.from_dict(rows, orient="index", columns=columns).rename_axis("contract")


def by_plan(subscribers: pd.DataFrame, left: str, rate: float, horizon: int = 12) -> pd.DataFrame:
    """Fit each plan of `subscribers`, and all together ("all", the last row).

    rate: discount per period; horizon: in periods. Indexed by plan, the largest first: customers (in the table),
    staying (still there), first_churn (of the model), mean_churn (constant), lifetime (discounted periods of a new
    subscriber), within and to_come (mean discounted periods of those still there, within the horizon and in all; the
    next payment half a period away) and, where a margin is known, margin (of one period, mean of those still there),
    value (of a new subscriber: lifetime × margin), value_within and value_to_come (of those still there, at their own).

    A plan too small to fit has NaN, but for what is to come: that is by the model of all. What is to come from all is
    the sum of the plans. Raises as `fit_sbg`, for all together.

    >>> rows = pd.DataFrame({"tenure": [1, 2, 3, 3] * 2, "churned": [True, True, True, False] * 2})
    >>> rows = rows.assign(plan=[*"aaaabbbb"], customers=[40, 20, 10, 30, 10, 8, 6, 76], margin=5.0)
    >>> by_plan(rows, "ever", rate=0.1)[["customers", "staying", "first_churn", "to_come", "value_to_come"]].round(2)
          customers  staying  first_churn  to_come  value_to_come
    plan
    a           100       30         0.40     3.34          16.70
    b           100       76         0.10     7.03          35.13
    all         200      106         0.25     5.98          29.91
    """
    whole = fit_sbg(life_table(subscribers, left))
    plans = {str(name): rows for name, rows in subscribers.groupby("plan")}
    plans = dict(sorted(plans.items(), key=lambda item: -item[1]["customers"].sum()))
    table = pd.DataFrame({name: _described(rows, left, rate, horizon, whole) for name, rows in plans.items()}).T
    if set(plans) != {"all"}:
        table.loc[message("all")] = _described(subscribers, left, rate, horizon, whole)
        parts, there = (
            table.iloc[:-1][["within", "to_come", "value_within", "value_to_come"]],
            table.iloc[:-1]["staying"],
        )
        table.loc["all", parts.columns] = parts.mul(there, axis=0).sum() / (there.sum() or np.nan)
    table = table.rename_axis("plan").astype({"customers": "int64", "staying": "int64"})
    money = ["margin", "value", "value_within", "value_to_come"]
    return table if subscribers["margin"].notna().all() else table.drop(columns=money)


def _described(
    members: pd.DataFrame, left: str, rate: float, horizon: int, whole: ShiftedBetaGeometric
) -> dict[str, float]:
    life, there, n = life_table(members, left), staying(members), int(members["customers"].sum())
    priced = members[~members["churned"]] if there["customers"].sum() else members
    margin = float(np.average(priced["margin"], weights=priced["customers"]))
    facts: dict[str, float] = {"customers": n, "staying": int(there["customers"].sum())}
    try:
        model = fit_sbg(life)
        churn, lifetime = constant_churn(life), model.lifetime(rate)
        facts |= {"first_churn": 1 - float(model.retention(1)), "mean_churn": churn, "lifetime": lifetime}
    except (NotEnoughData, ConvergenceError):
        model, lifetime = whole, np.nan
        facts |= {"first_churn": np.nan, "mean_churn": np.nan, "lifetime": np.nan}
    behind, ahead = there.index.to_numpy(), np.arange(1, horizon + 1)[:, None]
    to_come = model.residual_lifetime(rate, behind + 1) * _waiting(rate)
    near = present_value(
        model.survival(behind + ahead) / model.survival(behind), rate, mid_periods(horizon, per_year=1)
    )
    for column, name in (("customers", ""), ("margin", "value_")):
        each = there[column].to_numpy(dtype=float) / (facts["staying"] or np.nan)
        facts |= {f"{name}within": float(near @ each), f"{name}to_come": float(to_come @ each)}
    order = ("customers", "staying", "first_churn", "mean_churn", "lifetime", "within", "to_come")
    facts |= {"margin": margin, "value": lifetime * margin}
    return {name: facts[name] for name in (*order, "margin", "value", "value_within", "value_to_come")}
