"""What notebooks 07, 07b and 07c give their exercises and questions, made as they make it."""

from collections.abc import Callable
from typing import Any

import pandas as pd

from clvlib.aggregate import journeys
from clvlib.dataset import Dataset
from clvlib.models import scoring, subscriptions
from clvlib.value import advocates, claims, equity, kpis, progress, stages
from tests.course.made_03 import foreseen
from tests.course.once import once


@once
def _now(ds: Dataset) -> equity.Valuation:
    ahead = foreseen(ds)
    return equity.Valuation(ds.as_of, ds.rfm_summary(), ahead, scoring.factors(ahead, ds.economics))


@once
def _values(ds: Dataset) -> pd.DataFrame:
    return kpis.lifetime_value(ds, _now(ds).rfm, ds.as_of, _now(ds).customers["clv"])


_journey = once(stages.journey)


def _regular(ds: Dataset) -> pd.DataFrame:
    life = subscriptions.cohort_table(subscriptions.PUBLISHED["Regular"].loc[: subscriptions.PUBLISHED_YEARS])
    model, churn = subscriptions.fit_sbg(life), subscriptions.constant_churn(life)
    return subscriptions.residual_lifetimes(model, churn, ds.economics.annual_discount_rate) * 100


MADE: dict[str, Callable[[Dataset], Any]] = {
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
