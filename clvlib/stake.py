"""A dataset in; every customer's forecast, risk and value, and the money that each lever could move, out."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from clvlib import aggregate, backtest, churn, contact, forecast, scoring, silence
from clvlib.dataset import Dataset, Economics
from clvlib.kpis import PROMOTER
from clvlib.stats import mid_periods, present_value

HEADROOM = 0.75  # the level that the best quarter of the active customers reaches
SILENT_WINDOWS = 3  # longer silences than so many windows are left in peace

LEVERS: dict[str, tuple[str, str]] = {  # who, and what the money at stake is
    "keep": (
        "not gone, bought at least twice",
        "chance of no purchase in the window × margin from a customer who does buy",
    ),
    "second purchase": (
        "not gone, bought once",
        "chance of no purchase in the window × margin from a customer who does buy",
    ),
    "win back": (
        f"silent longer than the window, at most {SILENT_WINDOWS} windows",
        "margin still expected within the horizon: next to nothing of those who have left for good",
    ),
    "raise frequency": (
        "not gone, bought at least twice, buys less often than the best quarter",
        "margin on the purchases missing to the best quarter",
    ),
    "raise order value": (
        "not gone, bought at least twice, spends less a time than the best quarter",
        "margin on the spend missing to the best quarter",
    ),
    "referral": (
        f"not gone, last survey answer {PROMOTER} or 10",
        "margin from a new customer within the horizon",
    ),
}


@dataclass(frozen=True)
class Outlook:
    """What is known and forecast of every customer at the as-of date.

    `customers`, indexed by customer_id: `purchases` (days), `days_since_last_order`, `active` (silent for no longer
    than the window), `churn_probability` (of no purchase in the next window), `value_if_kept`, `clv` (currency, over
    the horizon), `at_stake` (churn_probability × value_if_kept), `expected_purchases`, `expected_spend`
    (per purchase).
    """

    customers: pd.DataFrame
    window_days: int


def outlook(ds: Dataset) -> Outlook:
    """Score every customer as notebooks 03 and 04 do. Raises CannotAnswer where they can't."""
    rfm = ds.rfm_summary()
    curve = silence.silence_curve(aggregate.gaps(ds.transactions, ds.as_of), rfm["days_since_last_order"].astype(int))
    plan = silence.plan(curve, ds.starts, ds.as_of)
    train = churn.snapshot(ds.transactions, plan.train_as_of, plan.test_as_of)
    test = churn.snapshot(ds.transactions, plan.test_as_of, plan.as_of)
    best = min((churn.ChurnModel(kind).fit(train) for kind in ("logistic", "boosting")), key=lambda m: m.brier_).kind
    today = churn.features_at(ds.transactions, ds.as_of)
    stays = 1 - test.active().churned.mean()
    kept = contact.value_if_kept(contact.expected_if_kept(test, today), plan.window_days, ds.economics, stays)
    model = forecast.fit_best(rfm, backtest.choose(ds.transactions, ds.starts, ds.as_of))
    value = scoring.score(rfm, model, forecast.GammaGamma().fit(rfm), ds.economics)
    frame = pd.DataFrame({"purchases": rfm["frequency"] + 1, "days_since_last_order": rfm["days_since_last_order"]})
    frame["active"] = churn.is_active(rfm, plan.window_days)
    frame["churn_probability"] = churn.ChurnModel(best).fit(test).predict(today).reindex(frame.index)
    frame["value_if_kept"] = kept.reindex(frame.index).clip(lower=0)
    frame["at_stake"] = frame["churn_probability"] * frame["value_if_kept"]
    return Outlook(frame.join(value[["clv", "expected_purchases", "expected_spend"]]), plan.window_days)


def standing(outlook: Outlook) -> pd.DataFrame:
    """Where customers stand: one row a group with `customers`, `at_stake`, `clv` (sums) and `each` (mean at stake)."""
    who, window = outlook.customers, outlook.window_days
    long_gone = who["days_since_last_order"] > SILENT_WINDOWS * window
    names = ["not gone, bought twice or more", "not gone, bought once", "gone", "gone for long"]
    found = np.select([who["active"] & (who["purchases"] > 1), who["active"], ~long_gone], names[:3], names[3])
    groups = who.groupby(found)
    frame = groups[["at_stake", "clv"]].sum().assign(each=groups["at_stake"].mean())
    frame.insert(0, "customers", groups.size())
    return frame.reindex([name for name in names if name in frame.index]).rename_axis("group")


def promoters(surveys: pd.DataFrame) -> pd.Index:
    """Customers whose last answer (of equally late ones, the lowest) is 9 or 10."""
    last = surveys.sort_values(["customer_id", "date", "score"], ascending=[True, True, False])
    last = last.drop_duplicates("customer_id", keep="last")
    return pd.Index(last.loc[last["score"] >= PROMOTER, "customer_id"])


def new_customer_value(cohorts: pd.DataFrame, economics: Economics) -> float:
    """Margin that a new customer brought within the horizon, from monthly `aggregate.cohorts` (currency).

    After the cost of serving orders, discounted to the first purchase (`stats`). Each age is averaged over the
    cohorts that were observed at it to its end; ages that no cohort has reached add nothing.
    """
    seen = cohorts[cohorts["complete"] & (cohorts["age"] < economics.horizon_months)]
    ages = seen.groupby("age")[["revenue", "purchases", "size"]].sum()
    kept = economics.margin * ages["revenue"] - economics.service_cost_per_order * ages["purchases"]
    years = mid_periods(len(ages), first=-0.5)
    return float(present_value(kept / ages["size"], economics.annual_discount_rate, years))


def at_stake(
    customers: pd.DataFrame,
    window_days: int,
    economics: Economics,
    promoters: pd.Index | None = None,
    new_customer: float = 0.0,
) -> pd.DataFrame:
    """The money that each lever could move, by customer (rows) and lever (columns); NaN where it doesn't apply.

    Who is eligible and what is at stake are stated in `LEVERS`. Money is over the horizon of the economics.
    `customers` is that of an `Outlook`; `promoters` are asked to bring a `new_customer` (currency).
    """
    active, several = customers["active"], customers["purchases"] > 1
    loyal = active & several
    a_time = economics.margin * customers["expected_spend"] - economics.service_cost_per_order
    best = customers.loc[loyal, ["expected_purchases", "expected_spend"]].quantile(HEADROOM)
    missing = {name: (best[name] - customers[name]).clip(lower=0) for name in best.index}
    reachable = customers["days_since_last_order"] <= SILENT_WINDOWS * window_days
    asked = pd.Series(customers.index.isin(promoters if promoters is not None else []), index=customers.index)
    money = {
        "keep": customers["at_stake"].where(loyal),
        "second purchase": customers["at_stake"].where(active & ~several),
        "win back": customers["clv"].where(~active & reachable),
        "raise frequency": (missing["expected_purchases"] * a_time).where(loyal),
        "raise order value": (missing["expected_spend"] * customers["expected_purchases"] * economics.margin).where(
            loyal
        ),
        "referral": pd.Series(new_customer, index=customers.index).where(active & asked),
    }
    frame = pd.DataFrame(money)
    return frame.where(frame > 0)


def rules_table() -> pd.DataFrame:
    """The levers with their rules in words: index `lever`, `who`, `money at stake`."""
    return pd.DataFrame.from_dict(LEVERS, orient="index", columns=["who", "money at stake"]).rename_axis("lever")
