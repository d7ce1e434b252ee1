"""Churn probabilities and values in; who is worth the cost of a contact, and the break-even, out.

The share of contacted leavers that a campaign keeps (`save_rate`) is an assumption until an experiment has
measured it. Every figure here is proportional to it, which is why the break-even rate stands beside every
gain.
"""

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy.stats import norm
from sklearn.linear_model import PoissonRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_limits

from clvlib.churn import FEWEST_OF_EACH, Snapshot, fair_windows
from clvlib.stats import present_value
from clvlib.tables import CannotAnswer, NotEnoughData

if TYPE_CHECKING:
    from clvlib.dataset import Economics

DAYS_PER_YEAR = 365.25


def horizon_factor(window_days: int, economics: "Economics", stays: float) -> float:
    """Windows' worth of business to expect over the horizon from a customer who is kept for the next
    window.

    Sum over the windows k = 0, 1, … of the horizon of stays^k, each discounted from its middle (`stats`); the last
    one may be part of a window. The retention form of CLV (Berger & Nasr 1998), in
    windows instead of years.

    Args:
        stays: share of a window's buyers who buy again in the next one, 0 to 1.
    """
    windows = economics.horizon_months / 12 * DAYS_PER_YEAR / window_days
    k = np.arange(int(np.ceil(windows)))
    length = np.minimum(1.0, windows - k)
    years = (k + length / 2) * window_days / DAYS_PER_YEAR
    return float(present_value(length * stays**k, economics.annual_discount_rate, years))


def expected_if_kept(learned: Snapshot, features: pd.DataFrame) -> pd.DataFrame:
    """What customers like these buy in a window, if they buy at all.

    Poisson regressions with a log link among the customers of `learned` who did buy in the window, on the
    logs of mean spend per purchase day and of recent purchases. Only counts over at most the window are
    used: they mean the same at every date, whereas lifetime counts grow with age.

    Args:
        learned: a snapshot whose window is known.
        features: of the customers to judge, from `churn.features_at`.

    Returns:
        By customer, for one window: `spend` (currency) and `purchases` (purchase days); at most the largest
        seen, because a log link runs away in the tail.

    Raises:
        NotEnoughData: fewer than 25 customers bought in the window.
    """
    bought = ~learned.churned & (learned.spend > 0)
    if bought.sum() < FEWEST_OF_EACH:
        raise NotEnoughData(
            f"Only {bought.sum():,} of the {len(bought):,} customers of {learned.as_of:%Y-%m-%d} bought by "
            f"{learned.end:%Y-%m-%d}; what a kept customer is worth needs {FEWEST_OF_EACH}.",
            mend="Bring more customers or a longer history.",
        )
    known = learned.features[bought]
    unit = float(known["first_spend"].mean())
    inputs, asked = (_logs(frame, learned.window_days, unit) for frame in (known, features))
    outcomes = {"spend": learned.spend[bought], "purchases": learned.purchases[bought].astype(float)}
    found = {}
    for name, outcome in outcomes.items():
        regression = make_pipeline(StandardScaler(), PoissonRegressor(alpha=1e-3, max_iter=1000))
        with threadpool_limits(1):
            ratio = regression.fit(inputs, outcome / outcome.mean()).predict(asked)
        found[name] = np.minimum(ratio * outcome.mean(), outcome.max())
    return pd.DataFrame(found, index=features.index)


def _logs(features: pd.DataFrame, window_days: int, unit: float) -> np.ndarray:
    per_purchase = (features["total_spend"] / (features["frequency"] + 1)).clip(lower=0) / unit
    recent = [np.log1p(features[f"purchases_last_{days}"]) for days in fair_windows(window_days)]
    return np.column_stack([np.log(per_purchase + 0.05), *recent])


def value_if_kept(expected: pd.DataFrame, window_days: int, economics: "Economics", stays: float) -> pd.Series:
    """Margin to expect over the horizon from each customer who buys in the next window after all.

    Margin on spend, less service per order and retention cost, times `horizon_factor`.

    Args:
        expected: from `expected_if_kept`, for windows of `window_days`.
        stays: share of a window's buyers who buy again in the next one, 0 to 1.

    Returns:
        `value_if_kept` by customer, in the currency of the data; below zero when serving costs more than it
        brings.
    """
    upkeep = economics.retention_cost_per_year * window_days / DAYS_PER_YEAR
    service = economics.service_cost_per_order * expected["purchases"]
    margin = economics.margin * expected["spend"] - service - upkeep
    return (margin * horizon_factor(window_days, economics, stays)).rename("value_if_kept")


def campaign(churn_probability: pd.Series, value_if_kept: pd.Series, economics: "Economics") -> pd.DataFrame:
    """What a contact brings and costs, customer by customer, best first.

    Args:
        churn_probability: 0 to 1, by customer: those who could be contacted.
        value_if_kept: by customer, in the currency of the data (may hold more customers).
        economics: `save_rate` (share of contacted leavers who stay because of it) and `contact_cost` (per
            contact) are used.

    Returns:
        Index customer_id; `churn_probability`, `value_if_kept`, `expected_saved` (churn_probability ×
        save_rate × value_if_kept), `net` (expected_saved - contact_cost), `breakeven_save_rate` (the rate
        at which the contact pays for itself; above 1 it never does; NaN when there is nothing to save),
        `contact` (net above zero).
    """
    frame = churn_probability.to_frame("churn_probability")
    frame["value_if_kept"] = value_if_kept.reindex(frame.index)
    at_stake = frame["churn_probability"] * frame["value_if_kept"]
    frame["expected_saved"] = at_stake * economics.save_rate
    frame["net"] = frame["expected_saved"] - economics.contact_cost
    frame["breakeven_save_rate"] = economics.contact_cost / at_stake.where(at_stake > 0)
    frame["contact"] = frame["net"] > 0
    return frame.rename_axis("customer_id").sort_values(["net", "customer_id"], ascending=[False, True])


def net_curve(plan: pd.DataFrame, economics: "Economics", rates: tuple[float, ...] = (0.5, 1.0, 2.0)) -> pd.DataFrame:
    """Cumulated net value by number of contacts, best first, at the assumed save rate and multiples of it.

    Index `contacts` (0 to all); one column a save rate (a number, at most 1).
    """
    at_stake = (plan["churn_probability"] * plan["value_if_kept"]).sort_values(ascending=False).to_numpy()
    gained = np.concatenate([[0.0], np.cumsum(at_stake)])
    contacts = pd.RangeIndex(len(gained), name="contacts")
    save_rates = sorted({min(1.0, economics.save_rate * rate) for rate in rates})
    return pd.DataFrame({r: gained * r - contacts * economics.contact_cost for r in save_rates}, index=contacts)


def summary(plan: pd.DataFrame, economics: "Economics") -> dict[str, float]:
    """The campaign in a few numbers.

    Returns `contacts` (customers chosen) of `customers`, their `cost`, what they `saved` and the `net` (expected, in
    currency), `churn` (their mean probability of leaving), `breakeven` (the save rate at which the campaign just pays
    for itself), and the assumed `save_rate` and `contact_cost`. `churn` and `breakeven` are NaN when nobody is chosen.
    """
    chosen = plan[plan["contact"]]
    cost = economics.contact_cost * len(chosen)
    at_stake = float((chosen["churn_probability"] * chosen["value_if_kept"]).sum())
    return {
        "contacts": len(chosen),
        "customers": len(plan),
        "cost": cost,
        "saved": float(chosen["expected_saved"].sum()),
        "net": float(chosen["net"].sum()),
        "churn": float(chosen["churn_probability"].mean()),
        "breakeven": cost / at_stake if at_stake > 0 else float("nan"),
        "save_rate": economics.save_rate,
        "contact_cost": economics.contact_cost,
    }


def by_risk_alone(plan: pd.DataFrame, contacts: int) -> dict[str, float]:
    """Expected net value of as many contacts (`n`) chosen by money at stake (`best`) and by risk alone (`risk`)."""
    best, risk = plan.head(contacts), plan.nlargest(contacts, "churn_probability")
    return {"n": len(best), "best": float(best["net"].sum()), "risk": float(risk["net"].sum())}


def scores(
    churn_probability: pd.Series, active: pd.Series, value_if_kept: pd.Series, plan: pd.DataFrame
) -> pd.DataFrame:
    """Columns of a campaign for every customer. Customers silent longer than the window are scored but never
    proposed.

    `churn_probability`, `churn_status` ("active" or "gone"), `value_if_kept`, and of the `plan`: `expected_saved`,
    `breakeven_save_rate` (empty for those gone) and `contact` (never for those gone).
    """
    frame = churn_probability.to_frame("churn_probability")
    frame["churn_status"] = np.where(active.reindex(frame.index), "active", "gone")
    frame["value_if_kept"] = value_if_kept.reindex(frame.index)
    frame = frame.join(plan[["expected_saved", "breakeven_save_rate"]])
    frame["contact"] = plan["contact"].reindex(frame.index, fill_value=False)
    return frame.rename_axis("customer_id")


def group_size(churn_rate: float, save_rate: float, power: float = 0.8) -> int:
    """Customers needed in each of two equal groups, contacted and left alone, to see the assumed save rate.

    Two-sided test of two proportions at 5 %, churn_rate against churn_rate × (1 - save_rate) (Fleiss 1981, normal
    approximation).

    Raises:
        CannotAnswer: the save rate is 0, or nobody is to be contacted (churn_rate 0 or NaN).
    """
    if not (churn_rate > 0 and save_rate > 0):
        raise CannotAnswer(
            "There is nothing to test: no customer is worth a contact, or the save rate is 0.",
            mend="Set contact_cost and save_rate under [economics] in the dataset card.",
        )
    kept = churn_rate * (1 - save_rate)
    z = norm.ppf(0.975) + norm.ppf(power)
    variance = churn_rate * (1 - churn_rate) + kept * (1 - kept)
    return int(np.ceil(z**2 * variance / (churn_rate - kept) ** 2))
