"""Chances of no purchase in the next window and what a silence costs in; who is worth the cost of a contact, out.

The share of such customers who buy because of a contact (`save_rate`) is an assumption until an experiment has measured
it. Every figure here is proportional to it, which is why the break-even rate stands beside every gain.
"""

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy.stats import norm

from clvlib.errors import CannotAnswer
from clvlib.language import message

if TYPE_CHECKING:
    from clvlib.dataset import Economics

_POWER = 0.8


def campaign(churn_probability: pd.Series, cost_of_silence: pd.Series, economics: "Economics") -> pd.DataFrame:
    """What a contact brings and costs, customer by customer, best first.

    churn_probability: of no purchase in the next window, 0 to 1, by customer: those who could be contacted.
    cost_of_silence: what that would cost (of `worth.values`, currency), by customer (may hold more). Of the economics,
    `save_rate` (share of the contacted who would have bought nothing and buy because of it) and `contact_cost` count.

    Index customer_id; `churn_probability`, `cost_of_silence`, `at_stake` (their product), `contact_gain` (at_stake ×
    save_rate), `net` (contact_gain - contact_cost), `breakeven_save_rate` (the rate at which the contact pays for
    itself; above 1 it never does; NaN when nothing is at stake), `contact` (net above zero).
    """
    frame = churn_probability.to_frame("churn_probability")
    frame["cost_of_silence"] = cost_of_silence.reindex(frame.index)
    frame["at_stake"] = frame["churn_probability"] * frame["cost_of_silence"]
    frame["contact_gain"] = frame["at_stake"] * economics.save_rate
    frame["net"] = frame["contact_gain"] - economics.contact_cost
    frame["breakeven_save_rate"] = economics.contact_cost / frame["at_stake"].where(frame["at_stake"] > 0)
    frame["contact"] = frame["net"] > 0
    return frame.rename_axis("customer_id").sort_values(["net", "customer_id"], ascending=[False, True])


def net_curve(plan: pd.DataFrame, economics: "Economics", rates: tuple[float, ...] = (0.5, 1.0, 2.0)) -> pd.DataFrame:
    """Cumulated net value by number of contacts, best first, at the assumed save rate and multiples of it.

    Index `contacts` (0 to all); one column a save rate (a number, at most 1).
    """
    gained = np.concatenate([[0.0], np.cumsum(plan["at_stake"].sort_values(ascending=False).to_numpy())])
    contacts = pd.RangeIndex(len(gained), name="contacts")
    save_rates = sorted({min(1.0, economics.save_rate * rate) for rate in rates})
    return pd.DataFrame({r: gained * r - contacts * economics.contact_cost for r in save_rates}, index=contacts)


def campaign_summary(plan: pd.DataFrame, economics: "Economics") -> dict[str, float]:
    """The campaign in a few numbers.

    Returns `contacts` (customers chosen) of `customers`, their `cost`, the `gain` and the `net` (expected, in
    currency), `churn` (their mean probability of no purchase), `breakeven` (the save rate at which the campaign just
    pays for itself), and the assumed `save_rate` and `contact_cost`. `churn` and `breakeven` are NaN when nobody is
    chosen.
    """
    chosen = plan[plan["contact"]]
    cost = economics.contact_cost * len(chosen)
    at_stake = float(chosen["at_stake"].sum())
    return {
        "contacts": len(chosen),
        "customers": len(plan),
        "cost": cost,
        "gain": float(chosen["contact_gain"].sum()),
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


def contact_scores(
    churn_probability: pd.Series, active: pd.Series, worth: pd.DataFrame, plan: pd.DataFrame, may: pd.Series
) -> pd.DataFrame:
    """Columns of a campaign for every customer. Customers silent longer than the window are scored but never proposed.

    `churn_probability` (of no purchase in the next window), `churn_status` ("active", or "silent" for longer than the
    window), `value_if_buying`, `value_if_silent` (of `worth`: currency; empty for the silent), and of the `plan`:
    `contact_gain`, `breakeven_save_rate` (empty for whoever is not in it) and `contact`: True only for those whom a
    message `may` reach (customer_id → bool).
    """
    frame = churn_probability.to_frame("churn_probability")
    here = active.reindex(frame.index).astype(bool)
    frame["churn_status"] = np.where(here, message("active"), message("silent"))
    for name in ("value_if_buying", "value_if_silent"):
        frame[name] = worth[name].reindex(frame.index).where(here)
    frame = frame.join(plan[["contact_gain", "breakeven_save_rate"]])
    reached = may.reindex(frame.index, fill_value=False).astype(bool)
    frame["contact"] = plan["contact"].reindex(frame.index, fill_value=False) & reached
    return frame.rename_axis("customer_id")


def group_size(churn_rate: float, save_rate: float) -> int:
    """Customers needed in each of two equal groups, contacted and left alone, to see the assumed save rate.

    Two-sided test of two proportions at 5 %, power 80 %: churn_rate against churn_rate × (1 - save_rate) (Fleiss 1981,
    normal approximation).
    CannotAnswer where the save rate is 0, or nobody is to be contacted (churn_rate 0 or NaN).
    """
    if not (churn_rate > 0 and save_rate > 0):
        raise CannotAnswer(
            "There is nothing to test: no customer is worth a contact, or the save rate is 0.",
            mend="Set contact_cost and save_rate under [economics] in the dataset card.",
        )
    reduced = churn_rate * (1 - save_rate)
    z = norm.ppf(0.975) + norm.ppf(_POWER)
    variance = churn_rate * (1 - churn_rate) + reduced * (1 - reduced)
    return int(np.ceil(z**2 * variance / (churn_rate - reduced) ** 2))
