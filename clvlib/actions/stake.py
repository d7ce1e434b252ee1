"""A dataset in; every customer's forecast, risk and value, and the money that each lever could move, out."""

import contextlib
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from clvlib import aggregate
from clvlib.dataset import Dataset, Economics
from clvlib.errors import CannotAnswer
from clvlib.files import once
from clvlib.language import message
from clvlib.models import churn, ranking, scoring, silence, worth
from clvlib.models.outlook import Ahead, foresee
from clvlib.value.equity import VALUED, multiple
from clvlib.value.kpis import PROMOTER, latest
from clvlib.value.over_time import dates_back

HEADROOM = 0.75  # the level that the best quarter of the active customers reaches
SILENT_WINDOWS = 3  # longer silences than so many windows are left in peace; also in the words of LEVERS

_SILENCE = message(
    "chance of no purchase in the window × what that costs: value after a purchase less value after a silence"
)
LEVERS: dict[str, tuple[str, str]] = {  # who, and what the money at stake is
    message("keep"): (message("active, bought at least twice"), _SILENCE),
    message("second purchase"): (message("active, bought once"), _SILENCE),
    message("win back"): (
        message("silent longer than the window, at most 3 windows"),
        message("margin still expected within the horizon: next to nothing of those who have left for good"),
    ),
    message("raise frequency"): (
        message("active, bought at least twice, buys less often than the best quarter"),
        message("margin on the purchases missing to the best quarter"),
    ),
    message("raise order value"): (
        message("active, bought at least twice, spends less a time than the best quarter"),
        message("margin on the spend missing to the best quarter"),
    ),
    message("referral"): (
        message("active, last survey answer 9 or 10"),
        message("margin from a new customer within the horizon"),
    ),
}


@dataclass(frozen=True)
class Outlook:
    """What is known and forecast of every customer at the as-of date.

    `customers`, indexed by customer_id: `purchases` (days), `days_since_last_order`, `active` (silent for no longer
    than the window), `churn_probability` (of no purchase in the next window, by `method`: the ranking that did best in
    a later period), `value_if_buying`, `value_if_silent` (of `worth.values`), `at_stake` (of the active:
    churn_probability × the difference of the two; of the silent: what is still expected of them, clv), and of
    `scoring.score`: `p_purchase`, `expected_purchases`, `expected_spend`, `clv`. Money is over the horizon. `ahead`:
    the forecast that all of it comes from.
    """

    customers: pd.DataFrame
    window_days: int
    method: str
    ahead: Ahead


def outlook(ds: Dataset, ahead: Ahead | None = None) -> Outlook:
    """Score every customer as notebooks 03 and 04 do, by the forecast `ahead` if there is one. CannotAnswer as they."""
    ahead = ahead or foresee(ds)

    def depends() -> tuple[object, ...]:
        days = str(ds.starts), str(ds.as_of), ahead.days
        return "stake", aggregate.content(ds.transactions), *days, ahead.method, repr(ds.economics)

    return Outlook(*once(lambda: _known(ds, ahead), depends, lambda known: len(known[0])), ahead)


def _known(ds: Dataset, ahead: Ahead) -> tuple[pd.DataFrame, int, str]:
    rfm = ds.rfm_summary()
    curve = silence.silence_curve(aggregate.gaps(ds.transactions, ds.as_of), rfm["days_since_last_order"].astype(int))
    plan = silence.plan_window(curve, ds.starts, ds.as_of)
    train = churn.snapshot(ds.transactions, plan.train_as_of, plan.test_as_of)
    test = churn.snapshot(ds.transactions, plan.test_as_of, plan.as_of)
    then = aggregate.rfm_summary(ds.transactions, plan.test_as_of)
    method = ranking.best(ranking.evaluate(test.active(), churn.contest(train, test, then)))
    today = churn.features_at(ds.transactions, ds.as_of)
    followed = worth.follow(ds.transactions, ds.starts, ds.as_of, plan.window_days, ds.economics)
    scored = scoring.score(ahead, ds.economics)
    frame = pd.DataFrame({"purchases": rfm["frequency"] + 1, "days_since_last_order": rfm["days_since_last_order"]})
    frame["active"] = churn.is_active(rfm, plan.window_days)
    buying = ahead.window.buying  # fitted to what is known today
    frame["churn_probability"] = churn.probability(method, test, today, rfm, buying.models_).reindex(frame.index)
    values = worth.values(followed, today, buying, ds.economics).reindex(frame.index)
    frame = frame.join(values[["value_if_buying", "value_if_silent"]])
    at_stake = frame["churn_probability"] * values["cost_of_silence"]
    frame["at_stake"] = at_stake.where(frame["active"], scored["clv"].clip(lower=0))
    kept = scored[["p_purchase", "clv", "expected_purchases", "expected_spend"]]
    return frame.join(kept), plan.window_days, method


def at_stake_over(ds: Dataset, today: Outlook) -> pd.Series:
    """Money at stake with active customers (currency) today and a year ago as was known then, by date.

    Of more than VALUED customers, a year ago is that of so many, times what today's is of all over that of these.
    """
    some, stands_for = aggregate.some_customers(ds.transactions, VALUED), 1.0
    if some is not ds.transactions:
        few = today.customers.loc[aggregate.rfm_summary(some, ds.as_of).index]
        sums = _with_active(today.customers), _with_active(few)
        stands_for = multiple(*sums, len(today.customers) / len(few))
    found = {ds.as_of: _with_active(today.customers)}
    for day in dates_back(ds.starts, ds.as_of, months=12, back=12)[:-1]:
        with contextlib.suppress(CannotAnswer):
            then = outlook(replace(ds.at(day), tables={**ds.tables, "transactions": some}))
            found[day] = _with_active(then.customers) * stands_for
    return pd.Series(found, name="at_stake").sort_index()


def _with_active(customers: pd.DataFrame) -> float:
    return float(customers.loc[customers["active"], "at_stake"].sum())


def standing(outlook: Outlook) -> pd.DataFrame:
    """Where customers stand: one row a group.

    `customers`; `expected_to_buy` (of them, at least once within the horizon); `at_stake`, `clv_forecast` (sums) and
    `at_stake_each` (mean).
    """
    who, window = outlook.customers, outlook.window_days
    long_silent = who["days_since_last_order"] > SILENT_WINDOWS * window
    names = message(["active, bought twice or more", "active, bought once", "silent", "silent for long"])
    found = np.select([who["active"] & (who["purchases"] > 1), who["active"], ~long_silent], names[:3], names[3])
    groups = who.groupby(found)
    frame = pd.DataFrame({"customers": groups.size(), "expected_to_buy": groups["p_purchase"].sum()})
    frame = frame.assign(at_stake=groups["at_stake"].sum(), clv_forecast=groups["clv"].sum())
    frame["at_stake_each"] = groups["at_stake"].mean()
    return frame.reindex([name for name in names if name in frame.index]).rename_axis("group")


def promoters(surveys: pd.DataFrame) -> pd.Index:
    """Customers whose last answer (of equally late ones, the lowest) is 9 or 10."""
    last = latest(surveys, pd.Timestamp.min, pd.Timestamp.max)
    return last.index[last >= PROMOTER]


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
    return pd.DataFrame.from_dict(
        LEVERS, orient="index", columns=[message("who"), message("money at stake")]
    ).rename_axis("lever")
