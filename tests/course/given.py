"""What notebooks give their exercises and questions, by name: made as the notebook makes it, once per dataset."""

from collections.abc import Callable
from functools import cache, wraps
from typing import Any

import pandas as pd

from clvlib import dataset
from clvlib.aggregate import journeys
from clvlib.dataset import Dataset
from clvlib.models import subscriptions, windows
from clvlib.value import advocates, claims, equity, kpis, progress, stages


def _once(make: Callable[[Dataset], Any]) -> Callable[[Dataset], Any]:
    """Keep what is made of a dataset, by its name."""
    kept: dict[str, Any] = {}

    @wraps(make)
    def kept_or_made(ds: Dataset) -> Any:
        if ds.name not in kept:
            kept[ds.name] = make(ds)
        return kept[ds.name]

    return kept_or_made


@_once
def _now(ds: Dataset) -> equity.Valuation:
    return equity.value_base(windows.History(ds.transactions, ds.starts), ds.as_of, ds.economics)


@_once
def _values(ds: Dataset) -> pd.DataFrame:
    return kpis.lifetime_value(ds, _now(ds).rfm, ds.as_of, _now(ds).customers["clv"])


_journey = _once(stages.journey)


def _regular(ds: Dataset) -> pd.DataFrame:
    life = subscriptions.cohort_table(subscriptions.PUBLISHED["Regular"].loc[: subscriptions.PUBLISHED_YEARS])
    model, churn = subscriptions.fit_sbg(life), subscriptions.constant_churn(life)
    return subscriptions.residual_lifetimes(model, churn, ds.economics.annual_discount_rate) * 100


MADE: dict[str, Callable[[Dataset], Any]] = {  # by the name under which the notebook gives it
    # 07
    "journey": _journey,
    "waited": lambda ds: progress.durations(_journey(ds), "retention"),
    "waits": lambda ds: progress.times(_journey(ds)),
    "answers": lambda ds: journeys.survey_answers(ds.table("surveys"), ds.as_of),
    "first_year": advocates.first_year,
    "compared": lambda ds: advocates.referred_against_others(ds, _values(ds), _now(ds).rfm),
    "values": _values,
    "now": _now,
    # 07b
    "survivors": lambda ds: subscriptions.PUBLISHED,
    "regular": _regular,
    # 07c
    "keeping": claims.keeping_cost,
    "stay": lambda ds: claims.retention_here(ds).loc["kept_80", "figure"],
}


@cache
def loaded(name: str) -> Dataset:
    return dataset.load(name)


@cache
def given(dataset_name: str, what: str) -> Any:
    return MADE[what](loaded(dataset_name))
