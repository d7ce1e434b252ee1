"""A dataset → which claims of the notebooks it holds enough for, as far as counting tells before a run.

There is no second rule here: each claim asks the guard of the method that makes it, or names that method's threshold. A
run looks closer: what it can't answer after all it leaves out, and says why.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import pandas as pd

from clvlib import aggregate
from clvlib.actions import loyalty
from clvlib.aggregate import acquisition, contents, inspection, journeys, purchases, totals
from clvlib.causes import adoption, attribution, causal, planning, trial
from clvlib.dataset import Dataset
from clvlib.errors import CannotAnswer, MissingTable, NotEnoughData
from clvlib.models import churn, forecast, outlook, silence, subscriptions
from clvlib.value import claims, cohort_grid, kpis, lifespan

GATES = (500, 180, 30)  # buyers, days of history, days since the last order: what others ask before they show a CLV


@dataclass(frozen=True)
class Told:
    """What a notebook (its stem) claims to tell, and why this dataset can't: "" where nothing speaks against it."""

    notebook: str
    what: str
    why: str = ""


class _Seen:
    """What is counted of a dataset, once."""

    def __init__(self, ds: Dataset) -> None:
        self.ds = ds
        self.days = (ds.as_of - ds.starts).days + 1

    @cached_property
    def buyers(self) -> tuple[int, int]:
        """Those who bought, and those who did on two days or more."""
        if self.ds.has("totals"):
            found = totals.buyers_of_totals(totals.read_totals(self.ds.table("totals")), self.ds.as_of)
        else:
            found = purchases.buyers(purchases.by_order(self.ds.transactions, self.ds.as_of))
        return found[1:]

    @cached_property
    def cohorts(self) -> pd.DataFrame:
        return self.ds.cohorts()

    @cached_property
    def arms(self) -> pd.DataFrame:
        return inspection.arms(self.ds.table("experiments"))


def all_told(ds: Dataset) -> list[Told]:
    """Every claim of every notebook, in order, and what speaks against it.

    >>> told = all_told(sample)
    >>> next(claim.why for claim in told if claim.what == "tests judged by what customers were worth")[:48]
    "The dataset 'CDNOW sample' has no table 'experim"
    """
    seen, told = _Seen(ds), []
    for notebook, guards in _GUARDS.items():
        for what, guard in guards.items():
            try:
                guard(seen)
                told.append(Told(notebook, what))
            except CannotAnswer as error:
                told.append(Told(notebook, what, str(error)))
    return told


def gates(ds: Dataset, last: pd.Timestamp) -> pd.DataFrame:
    """GATES beside what this dataset has: asked, has (counts), passed (bool); indexed by what is asked.

    last: day of the last order.

    >>> gates(sample, sample.as_of)["has"].tolist()
    [2349, 546, 0]
    """
    seen, (buyers, days, since) = _Seen(ds), GATES
    rows = {
        f"customers who bought: {buyers} or more": (seen.buyers[0], seen.buyers[0] >= buyers),
        f"days of history: {days} or more": (seen.days, seen.days >= days),
        f"days since the last order: {since} or fewer": ((ds.as_of - last).days, (ds.as_of - last).days <= since),
    }
    return pd.DataFrame.from_dict(rows, orient="index", columns=["has", "passed"]).rename_axis("asked")


def _need(found: int, least: int, who: str, mend: str = "Bring more customers or a longer history.") -> None:
    if found < least:
        raise NotEnoughData(f"{found:,} {who}; it takes {least:,}.", mend)


def _buyers(seen: _Seen) -> None:
    _need(seen.buyers[0], 1, "customer(s) bought")


def _retention(seen: _Seen) -> None:
    aggregate.followed(seen.cohorts, cohort_grid.MONTHS, kpis.LEAST)


def _lifespan(seen: _Seen) -> None:
    why: list[NotEnoughData] = []
    for tail in lifespan.TAILS:
        try:
            lifespan.lifespan(seen.cohorts, tail=tail)
        except NotEnoughData as error:
            why.append(error)
    if len(why) == len(lifespan.TAILS):
        raise why[0]


def _cost_to_acquire(seen: _Seen) -> None:
    if seen.ds.economics.acquisition_cost is None:
        acquisition.ledger(seen.ds)
        raise MissingTable("The cost to acquire a customer is not known.", "State acquisition_cost in the card.")


def _repeaters(seen: _Seen) -> None:
    bought, repeated = seen.buyers
    forecast.require_repeaters("A forecast", repeated, bought)


def _windows(seen: _Seen) -> None:
    seen.ds.table("transactions")
    what = "customer(s) came back: the forecast can't learn from past windows what models miss"
    _need(seen.buyers[1], outlook.LEAST_BACK, what)


def _churn(seen: _Seen) -> None:
    seen.ds.table("transactions")
    silence.longest_window(seen.ds.starts, seen.ds.as_of)
    of_each = churn.FEWEST_OF_EACH
    _need(seen.buyers[0], 2 * of_each, f"customer(s) bought; it takes {of_each} who buy again and {of_each} who don't")


def _channels(seen: _Seen) -> None:
    sold = seen.ds.transactions
    journeys.require_channel(sold)
    _need(len(journeys.selling_channels(sold)), 2, "channel(s) with orders", "With one there is nothing to compare.")
    adoption.windows(seen.ds.starts, seen.ds.as_of, adoption.FIRST_DAYS, adoption.NEXT_DAYS)
    _need(seen.buyers[1], 2 * causal.FEWEST, "customer(s) came back, of whom some added a channel and some did not")


def _paths(seen: _Seen) -> None:
    seen.ds.table("touchpoints")
    _need(seen.buyers[0], attribution.FEWEST_ORDERS, "customer(s) bought")


def _tests(seen: _Seen) -> None:
    sizes = seen.arms["customers"].sort_values(ascending=False)
    second = sizes.groupby(seen.arms["experiment"]).nth(1).max()  # of each test; the largest of them
    who = "customer(s) are in the second largest arm of any test"
    _need(0 if pd.isna(second) else int(second), trial.FEWEST_IN_ARM, who)


def _planning(seen: _Seen) -> None:
    seen.ds.table("transactions")
    _need(seen.buyers[0], planning.FEWEST_WATCHED, "customer(s) bought")


def _kpis(seen: _Seen) -> None:
    seen.ds.table("transactions")
    kpis.window_days(seen.ds.starts, seen.ds.as_of)


def _subscriptions(seen: _Seen) -> None:
    rows, left = subscriptions.subscribers(seen.ds), seen.ds.terms.left if seen.ds.terms else "ever"
    subscriptions.fit_sbg(subscriptions.customer_table(rows["tenure"], rows["churned"], left, rows["customers"]))


def _year(seen: _Seen) -> None:
    seen.ds.table("transactions")
    _need(seen.days, claims.MATURE_DAYS, "day(s) of history", "Bring a longer history.")


def _tiers(seen: _Seen) -> None:
    _year(seen)
    _need(seen.buyers[0], loyalty.FEWEST_FOR_TIERS, "customer(s) bought")


def _products(seen: _Seen) -> None:
    contents.level(seen.ds.transactions, seen.ds.as_of)


def _consent(seen: _Seen) -> None:
    if "consent" not in seen.ds.table("customers").columns:
        raise MissingTable("The customers have no column 'consent'.", "Map it: who may be contacted.")


def _ledger(seen: _Seen) -> None:
    acquisition.ledger(seen.ds)


def _table(seen: _Seen, name: str) -> None:
    seen.ds.table(name)


_GUARDS: dict[str, dict[str, Callable[[_Seen], None]]] = {
    "00_start_here": {"who bought, how often, for how much": _buyers, "retention by cohort": _retention},
    "01_clv_formula": {
        "how long customers stay, and CLV by the formula": _lifespan,
        "CLV beside the cost to acquire, and payback": _cost_to_acquire,
    },
    "02_segmentation": {"segments, and how concentrated the value is": _buyers},
    "03_clv_forecast": {"what each customer will buy": _repeaters},
    "03b_forecast_trust": {"a forecast that learns from what earlier ones missed": _windows},
    "04_churn": {"who will buy nothing in the next weeks": _churn},
    "04b_churn_trust": {"whether those risks are true": _churn},
    "05_multichannel": {"what a further channel causes": _channels},
    "05b_attribution": {
        "which channels met the orders": _paths,
        "what a customer of each channel costs": _ledger,
    },
    "06_cro_experiments": {"tests judged by what customers were worth": _tests},
    "06b_planning_and_peeking": {"how many customers a test needs": _planning},
    "07_lifecycle": {
        "retention, churn and value over time": _kpis,
        "recommendation (NPS)": lambda seen: _table(seen, "surveys"),
    },
    "07b_contractual": {"how long subscribers stay": _subscriptions},
    "07c_claims": {"quoted figures beside this shop's, over a year": _year},
    "08_action_plan": {
        "whom to contact within a budget": _churn,
        "who agreed to be contacted": _consent,
        "loyalty tiers": _tiers,
        "what to recommend": _products,
    },
    "09_explore": {"groups of customers by their attributes": lambda seen: _table(seen, "customers")},
}
