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
from clvlib.language import message, phrase
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
            found = purchases.buyers(purchases.spent_on_days(self.ds.transactions, self.ds.as_of))
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
        for guard, what in guards.items():
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
    seen, (buyers, days, since), silent = _Seen(ds), GATES, (ds.as_of - last).days
    rows = {
        phrase("customers who bought: {n} or more", n=buyers): (seen.buyers[0], seen.buyers[0] >= buyers),
        phrase("days of history: {n} or more", n=days): (seen.days, seen.days >= days),
        phrase("days since the last order: {n} or fewer", n=since): (silent, silent <= since),
    }
    return pd.DataFrame.from_dict(rows, orient="index", columns=["has", "passed"]).rename_axis("asked")


_MORE = message("Bring more customers or a longer history.")
_BOUGHT = message("{n:,} customer(s) bought; it takes {least:,}.")


def _need(found: int, least: int, what: str = _BOUGHT, mend: str = _MORE, **values: int) -> None:
    if found < least:
        raise NotEnoughData(phrase(what, n=found, least=least, **values), mend)


def _buyers(seen: _Seen) -> None:
    _need(seen.buyers[0], 1)


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
    what = message(
        "{n:,} customer(s) came back: the forecast can't learn from past windows what models miss; it takes {least:,}."
    )
    _need(seen.buyers[1], outlook.LEAST_BACK, what)


def _churn(seen: _Seen) -> None:
    seen.ds.table("transactions")
    silence.longest_window(seen.ds.starts, seen.ds.as_of)
    of_each = churn.FEWEST_OF_EACH
    what = message(
        "{n:,} customer(s) bought; it takes {of_each} who buy again and {of_each} who don't; it takes {least:,}."
    )
    _need(seen.buyers[0], 2 * of_each, what, of_each=of_each)


def _channels(seen: _Seen) -> None:
    sold = seen.ds.transactions
    journeys.require_channel(sold)
    what = message("{n:,} channel(s) with orders; it takes {least:,}.")
    _need(len(journeys.selling_channels(sold)), 2, what, message("With one there is nothing to compare."))
    adoption.windows(seen.ds.starts, seen.ds.as_of, adoption.FIRST_DAYS, adoption.NEXT_DAYS)
    what = message("{n:,} customer(s) came back, of whom some added a channel and some did not; it takes {least:,}.")
    _need(seen.buyers[1], 2 * causal.FEWEST, what)


def _paths(seen: _Seen) -> None:
    seen.ds.table("touchpoints")
    _need(seen.buyers[0], attribution.FEWEST_ORDERS)


def _tests(seen: _Seen) -> None:
    sizes = seen.arms["customers"].sort_values(ascending=False)
    second = sizes.groupby(seen.arms["experiment"]).nth(1).max()  # of each test; the largest of them
    what = message("{n:,} customer(s) are in the second largest arm of any test; it takes {least:,}.")
    _need(0 if pd.isna(second) else int(second), trial.FEWEST_IN_ARM, what)


def _planning(seen: _Seen) -> None:
    seen.ds.table("transactions")
    _need(seen.buyers[0], planning.FEWEST_WATCHED)


def _kpis(seen: _Seen) -> None:
    seen.ds.table("transactions")
    kpis.window_days(seen.ds.starts, seen.ds.as_of)


def _subscriptions(seen: _Seen) -> None:
    rows, left = subscriptions.subscribers(seen.ds), seen.ds.terms.left if seen.ds.terms else "ever"
    subscriptions.fit_sbg(subscriptions.customer_table(rows["tenure"], rows["churned"], left, rows["customers"]))


def _year(seen: _Seen) -> None:
    seen.ds.table("transactions")
    what = message("{n:,} day(s) of history; it takes {least:,}.")
    _need(seen.days, claims.MATURE_DAYS, what, message("Bring a longer history."))


def _tiers(seen: _Seen) -> None:
    _year(seen)
    _need(seen.buyers[0], loyalty.FEWEST_FOR_TIERS)


def _products(seen: _Seen) -> None:
    contents.level(seen.ds.transactions, seen.ds.as_of)


def _consent(seen: _Seen) -> None:
    if "consent" not in seen.ds.table("customers").columns:
        raise MissingTable("The customers have no column 'consent'.", "Map it: who may be contacted.")


def _ledger(seen: _Seen) -> None:
    acquisition.ledger(seen.ds)


def _surveys(seen: _Seen) -> None:
    seen.ds.table("surveys")


def _customers(seen: _Seen) -> None:
    seen.ds.table("customers")


_GUARDS: dict[str, dict[Callable[[_Seen], None], str]] = message(
    {
        "00_start_here": {_buyers: "who bought, how often, for how much", _retention: "retention by cohort"},
        "01_clv_formula": {
            _lifespan: "how long customers stay, and CLV by the formula",
            _cost_to_acquire: "CLV beside the cost to acquire, and payback",
        },
        "02_segmentation": {_buyers: "segments, and how concentrated the value is"},
        "03_clv_forecast": {_repeaters: "what each customer will buy"},
        "03b_forecast_trust": {_windows: "a forecast that learns from what earlier ones missed"},
        "04_churn": {_churn: "who will buy nothing in the next weeks"},
        "04b_churn_trust": {_churn: "whether those risks are true"},
        "05_multichannel": {_channels: "what a further channel causes"},
        "05b_attribution": {
            _paths: "which channels came before the orders",
            _ledger: "what a customer of each channel costs",
        },
        "06_cro_experiments": {_tests: "tests judged by what customers were worth"},
        "06b_planning_and_peeking": {_planning: "how many customers a test needs"},
        "07_lifecycle": {
            _kpis: "retention, churn and value over time",
            _surveys: "recommendation (NPS)",
        },
        "07b_contractual": {_subscriptions: "how long subscribers stay"},
        "07c_claims": {_year: "quoted figures beside this shop's, over a year"},
        "08_action_plan": {
            _churn: "whom to contact within a budget",
            _consent: "who agreed to be contacted",
            _tiers: "loyalty tiers",
            _products: "what to recommend",
        },
        "09_explore": {_customers: "groups of customers by their attributes"},
    }
)
