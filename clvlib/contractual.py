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
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy.special import gammaln, hyp2f1

from clvlib import sources
from clvlib.likelihood import maximise
from clvlib.tables import CannotAnswer, DataError, MissingTable, NotEnoughData, UsageError

Array = NDArray[np.float64]

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
TRUTH = {"yes": True, "true": True, "1": True, "no": False, "false": False, "0": False}


@dataclass(frozen=True)
class ShiftedBetaGeometric:
    """A fitted sBG: chances to leave are Beta(alpha, beta); their mean is the churn at the first renewal.

    `renewals` counts those it was fitted to. `penalty` is what it took to find a maximum (0 as a rule): without
    differences between customers the two parameters grow without limit, and only their ratio means something.
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
        the perils of ignoring heterogeneity", Marketing Science 29). Infinite at a rate of 0 when alpha <= 1.
        """
        return float(hyp2f1(1, self.beta, self.alpha + self.beta, _factor(rate)))

    def residual_lifetime(self, rate: float, paid: ArrayLike) -> Array:
        """Periods that a customer who has paid `paid` (1, 2 …) of them will still pay, seen just before the renewal.

        The discounted expected residual lifetime (Fader & Hardie 2010): a next payment made at once counts as 1.
        """
        n, factor = np.asarray(paid, dtype=float), _factor(rate)
        return self.retention(n) * hyp2f1(1, self.beta + n, self.alpha + self.beta + n, factor)

    def __repr__(self) -> str:
        a, b = self.standard_errors
        how = "converged" if self.penalty == 0 else f"converged only with a penalty of {self.penalty:g}"
        return (
            f"sBG on {self.renewals:,} renewals: alpha {self.alpha:.4f} ± {a:.2g}, beta {self.beta:.4f} ± {b:.2g} "
            f"(± standard error); log-likelihood {self.log_likelihood:,.2f}; {how}"
        )


def _factor(rate: float) -> float:
    if not 0 <= rate < np.inf:
        raise UsageError(f"The discount rate {rate!r} can't be used.", "Give a share of 0 or more per period.")
    return 1 / (1 + rate)


def rate_per_period(annual_rate: float, periods_per_year: int) -> float:
    """The discount rate of one period that compounds to the annual one."""
    if periods_per_year < 1:
        raise UsageError(f"{periods_per_year} periods a year can't be used.", "Give 1 (years), 4, 12 or 52.")
    return float((1 + annual_rate) ** (1 / periods_per_year) - 1)


def cohort_table(survivors: pd.Series) -> pd.DataFrame:
    """Life table of one cohort: `survivors` counts it at the start (first value) and after each renewal.

    Raises DataError when a count is missing, negative, or higher than the one before.
    """
    counts = survivors.to_numpy(dtype=float, na_value=np.nan)
    rises = np.flatnonzero(~(np.diff(counts) <= 0))
    if np.isnan(counts).any() or (counts < 0).any() or len(rises):
        where = f", first at row {rises[0] + 2}" if len(rises) else ""
        raise DataError(
            f"These {len(counts)} counts of survivors can't be used: they must be 0 or more and never rise{where}.",
            "Count one cohort: those who started together, and how many are left after each period.",
        )
    periods = pd.RangeIndex(1, len(counts), name="period")
    return pd.DataFrame({"at_risk": counts[:-1], "lost": -np.diff(counts)}, index=periods).astype("int64")


def customer_table(tenure: pd.Series, churned: pd.Series, left: str = "ever") -> pd.DataFrame:
    """Life table from one row per customer: `tenure` (full periods paid) and `churned` (True: did not renew after it).

    `left` says who is in the data. "ever": everyone who ever subscribed. "last": only who was subscribed when the last
    period began, `churned` saying who left in it; then each customer is seen at one renewal, the last, and counting
    earlier ones would take the long-standing customers for a cohort of which nobody left.
    Customers who have not come to a renewal (tenure 0) count nowhere.

    Raises UsageError for another `left`.
    """
    if left not in ("ever", "last"):
        raise UsageError(f"left = {left!r} is unknown.", "Use 'ever' or 'last'.")
    came = tenure[tenure >= 1].astype("int64")
    periods = pd.RangeIndex(1, int(came.max() if len(came) else 0) + 1, name="period")
    ended = came.value_counts().reindex(periods, fill_value=0)
    lost = came[churned.reindex(came.index).astype(bool)].value_counts().reindex(periods, fill_value=0)
    at_risk = ended if left == "last" else ended[::-1].cumsum()[::-1]
    return pd.DataFrame({"at_risk": at_risk, "lost": lost}).astype("int64")


def fit(life: pd.DataFrame) -> ShiftedBetaGeometric:
    """Fit the sBG to a life table by maximum likelihood (Fader & Hardie 2007, equation 7, with censoring).

    Raises NotEnoughData (fewer than 10 lost, or fewer than 3 renewals seen), ConvergenceError.
    """
    seen = life[life["at_risk"] > 0]
    if seen["lost"].sum() < FEWEST_LOST or len(seen) < FEWEST_PERIODS:
        raise NotEnoughData(
            f"{int(seen['lost'].sum()):,} customers lost over {len(seen)} renewal(s) don't tell a curve.",
            f"It takes at least {FEWEST_LOST} customers lost and {FEWEST_PERIODS} renewals.",
        )
    before = seen.index.to_numpy(float) - 1
    at_risk, lost = seen["at_risk"].to_numpy(float), seen["lost"].to_numpy(float)
    kept, size = at_risk - lost, float(at_risk.sum())

    def mean_loss(log_params: Array) -> tuple[float, Array]:
        alpha, beta = np.exp(log_params)
        both = alpha + beta + before
        value = lost @ np.log(alpha / both) + kept @ np.log((beta + before) / both)
        shared = -(at_risk / both).sum()
        slope = np.array([lost.sum() / alpha + shared, (kept / (beta + before)).sum() + shared])
        return -value / size, -slope * np.exp(log_params) / size

    found = maximise(mean_loss, [-10.0, -10.0], size, "sBG")
    alpha, beta = np.exp(found.log_params)
    errors = np.sqrt(np.diag(found.covariance)) * np.exp(found.log_params)
    value = -mean_loss(found.log_params)[0] * size
    return ShiftedBetaGeometric(alpha, beta, value, (float(errors[0]), float(errors[1])), int(size), found.penalty)


def mixture(shares: Sequence[float], churns: Sequence[float], periods: int) -> pd.DataFrame:
    """Kinds of customers that never change, taken together: what a cohort of them shows, period by period.

    shares: of the kinds at the start (adding up to 1); churns: each kind's chance to leave at every renewal. Indexed by
    period (1, 2 …): retention (of the whole) and a column `kind 1`, `kind 2` … with each kind's share.
    """
    t = np.arange(periods)
    left = np.asarray(shares) * (1 - np.asarray(churns)) ** t[:, None]
    parts = left / left.sum(axis=1, keepdims=True)
    columns = {f"kind {k}": parts[:, k - 1] for k in range(1, len(churns) + 1)}
    index = pd.RangeIndex(1, periods + 1, name="period")
    return pd.DataFrame({"retention": parts @ (1 - np.asarray(churns)), **columns}, index=index)


def constant_churn(life: pd.DataFrame) -> float:
    """The one churn per period that fits best if all customers were alike: lost over renewals seen."""
    return float(life["lost"].sum() / life["at_risk"].sum())


def curves(life: pd.DataFrame, model: ShiftedBetaGeometric, churn: float, horizon: int) -> pd.DataFrame:
    """What was observed and what is expected, indexed by period 0 … `horizon`; shares of 1.

    Columns: retention_observed, retention (of the model), retention_constant; survival_observed (product of the
    observed retentions: Kaplan & Meier 1958), survival, survival_constant. Observed ones are NaN beyond the data,
    retention at period 0.
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

    With a constant churn everybody has the same future, however long they have stayed: `by_constant_churn`.
    """
    index = pd.Index(paid, name="periods_paid")
    same = (1 - churn) / (1 - (1 - churn) * _factor(rate)) if churn + rate > 0 else np.inf
    return pd.DataFrame({"by_model": model.residual_lifetime(rate, paid), "by_constant_churn": same}, index=index)


def base_value(staying: pd.Series, model: ShiftedBetaGeometric, churn: float, rate: float) -> dict[str, float]:
    """Discounted periods still to come from today's subscribers together.

    `staying`: subscribers by renewals behind them (`staying`). Gives `customers`, `by_model`, `by_constant_churn`.
    """
    to_come = residual_lifetimes(model, churn, rate, tuple(staying.index + 1))
    sums = to_come.mul(staying.to_numpy(dtype=float), axis=0).sum()
    return {"customers": float(staying.sum())} | {str(name): float(value) for name, value in sums.items()}


def staying(subscriptions: pd.DataFrame) -> pd.Series:
    """Subscribers of `read_subscriptions` who are still there, by renewals behind them (index `renewals`, from 0)."""
    if "survivors" in subscriptions:
        ended = subscriptions.sort_values("period").groupby("group")["survivors"].agg(["last", "size"])
        counts = ended.groupby(ended["size"] - 1)["last"].sum()
    else:
        counts = subscriptions.loc[~subscriptions["churned"], "tenure"].value_counts().sort_index()
    return counts.rename_axis("renewals").rename("customers")


def judged(life: pd.DataFrame, share: float = 0.6) -> dict[str, float]:
    """Fit to the first `share` of the renewals and forecast survival over all of them, beside what was observed.

    Gives learned, horizon (renewals), observed, by_model and by_constant_churn (survival after the last renewal).
    Raises as `fit`; NotEnoughData also when nothing is left to judge on.
    """
    life = life[(life["at_risk"] >= FEWEST_LOST).cumprod().astype(bool)]
    learned = life.iloc[: int(len(life) * share)]
    if len(learned) == len(life):
        raise NotEnoughData(f"{len(life)} renewal(s) leave nothing to judge a forecast on.", "Give a longer history.")
    model, churn = fit(learned), constant_churn(learned)
    last = curves(life, model, churn, len(life)).iloc[-1]
    names = {"observed": "survival_observed", "by_model": "survival", "by_constant_churn": "survival_constant"}
    ends = {name: float(last[column]) for name, column in names.items()}
    return {"learned": len(learned), "horizon": len(life), **ends}


def require_file(path: str) -> None:
    """Raise MissingTable when no file of subscriptions is given."""
    if not path:
        raise MissingTable(
            "No file of subscriptions is given.",
            "It would tell how your own subscribers renew. Name it with --set subscriptions=file.csv: one row per "
            "customer with tenure (full periods paid) and churned (yes or no), or period and survivors of one cohort.",
        )


def read_subscriptions(path: str, folder: Path, group: str = "") -> pd.DataFrame:
    """Read a client's subscriptions from a file that `sources.read` knows (CSV, Excel, Parquet …).

    The file holds either `period` and `survivors` (one cohort), or `tenure` and `churned` (one row per customer;
    yes/no, true/false or 1/0). Capital letters in column names don't matter; other columns are left alone, except
    `group`, which comes back as the column `group` ("all" when none is asked for). `path` is relative to `folder`.

    Raises DataError (file, columns or values) and UsageError (there is no such group column).
    """
    connection = duckdb.connect()
    raw = sources.read(connection, sources.locate(path, folder), "subscriptions", {})
    columns = ", ".join(sources.quoted(column) for column in raw.columns)
    frame = connection.sql(f"SELECT {columns} FROM {sources.quoted(raw.table)}").df()
    names = {str(column).strip().lower(): column for column in frame}
    if group and group.lower() not in names:
        raise UsageError(f"{path} has no column {group!r} to group by.", f"It has: {', '.join(map(str, frame))}.")
    groups = frame[names[group.lower()]].fillna("unknown").astype(str) if group else "all"
    for wanted in (("period", "survivors"), ("tenure", "churned"), ("tenure", "churn")):
        if set(wanted) <= set(names):
            first, second = (frame[names[column]] for column in wanted)
            number = _whole(first, wanted[0], path)
            other = _whole(second, "survivors", path) if wanted[1] == "survivors" else _truth(second, path)
            label = "survivors" if wanted[1] == "survivors" else "churned"
            return pd.DataFrame({wanted[0]: number, label: other, "group": groups})
    raise DataError(
        f"{path} has neither the columns period and survivors nor tenure and churned.",
        f"Rename its columns; it has: {', '.join(map(str, frame))}.",
    )


def life_tables(subscriptions: pd.DataFrame, left: str = "ever") -> dict[str, pd.DataFrame]:
    """A life table for each group of `read_subscriptions`, the largest group first."""
    tables = {}
    for name, rows in subscriptions.groupby("group"):
        if "survivors" in rows:
            tables[str(name)] = cohort_table(rows.sort_values("period")["survivors"])
        else:
            tables[str(name)] = customer_table(rows["tenure"], rows["churned"], left)
    return dict(sorted(tables.items(), key=lambda item: -item[1]["at_risk"].max() if len(item[1]) else 0))


def as_table(models: Mapping[str, ShiftedBetaGeometric]) -> pd.DataFrame:
    """Fitted models as a table, indexed by name: alpha, beta, log_likelihood, first_churn (mean chance to leave)."""
    rows = {name: (m.alpha, m.beta, m.log_likelihood, m.alpha / (m.alpha + m.beta)) for name, m in models.items()}
    columns = ["alpha", "beta", "log_likelihood", "first_churn"]
    return pd.DataFrame.from_dict(rows, orient="index", columns=columns).rename_axis("contract")


def by_group(subscriptions: pd.DataFrame, left: str, rate: float) -> pd.DataFrame:
    """Fit each group of `read_subscriptions`, and all together ("all").

    rate: discount per period. Indexed by group: customers (in the file, or at the start of the cohort), first_churn (of
    the model), mean_churn (constant), lifetime (discounted periods of a new subscriber), to_come (mean discounted
    periods of those still there). Groups that are too small to fit have NaN.
    """
    groups = {str(name): rows for name, rows in subscriptions.groupby("group")}
    if "survivors" not in subscriptions and set(groups) != {"all"}:
        groups["all"] = subscriptions.assign(group="all")
    rows = {}
    for name, members in groups.items():
        life = life_tables(members, left)[str(members["group"].iloc[0])]
        size = len(members) if "tenure" in members else int(life["at_risk"].max())
        try:
            model, churn = fit(life), constant_churn(life)
        except CannotAnswer:
            rows[name] = (size, np.nan, np.nan, np.nan, np.nan)
            continue
        base = base_value(staying(members), model, churn, rate)
        to_come = base["by_model"] / base["customers"] if base["customers"] else np.nan
        rows[name] = (size, 1 - float(model.retention(1)), churn, model.lifetime(rate), to_come)
    columns = ["customers", "first_churn", "mean_churn", "lifetime", "to_come"]
    return pd.DataFrame.from_dict(rows, orient="index", columns=columns).rename_axis("group")


def _whole(values: pd.Series, column: str, path: str) -> pd.Series:
    numbers = pd.to_numeric(values, errors="coerce")
    wrong = values[numbers.isna() | (numbers < 0) | (numbers % 1 != 0)]
    if len(wrong):
        raise DataError(
            f"{path}: {len(wrong):,} value(s) of {column} are not whole numbers of 0 or more (such as "
            f"{wrong.iloc[0]!r}).",
            "Correct the file.",
        )
    return numbers.astype("int64")


def _truth(values: pd.Series, path: str) -> pd.Series:
    found = values.astype(str).str.strip().str.lower().map(TRUTH)
    if found.isna().any():
        raise DataError(
            f"{path}: {int(found.isna().sum()):,} value(s) of churned are neither yes nor no (such as "
            f"{values[found.isna()].iloc[0]!r}).",
            "Write yes or no, true or false, 1 or 0.",
        )
    return found.astype(bool)
