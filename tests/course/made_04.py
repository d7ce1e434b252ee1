"""What notebooks 04 and 04b give their exercises and questions, made as they make it."""

from collections.abc import Callable
from typing import Any

import pandas as pd

from clvlib import aggregate
from clvlib.actions import choices, contact
from clvlib.dataset import Dataset
from clvlib.models import churn, counting, forecast, ranking, silence, worth
from clvlib.models.buying import Buying
from tests.course.once import once

MADE: dict[str, Callable[[Dataset], Any]] = {}


@once
def _churn(ds: Dataset) -> dict[str, Any]:
    still = ds.rfm_summary()["days_since_last_order"].astype(int)
    endings = silence.silence_curve(aggregate.gaps(ds.transactions, ds.as_of), still)
    plan = silence.plan_window(endings, ds.starts, ds.as_of)
    train = churn.snapshot(ds.transactions, plan.train_as_of, plan.test_as_of)
    tested = churn.snapshot(ds.transactions, plan.test_as_of, plan.as_of)
    then, active = aggregate.rfm_summary(ds.transactions, plan.test_as_of), tested.active()
    rankings = churn.contest(train, tested, then)
    made = {"endings": endings, "window_plan": plan, "tested": tested, "tested_active": active, "then": then}
    made |= {"rankings": rankings, "contest": ranking.evaluate(active, rankings)}
    made["best"] = ranking.best(made["contest"])
    chance = churn.probability(made["best"], train, active.features, then)
    made |= {"risk_then": chance, "risk_tenths": ranking.calibration(active.churned, chance)}
    return made


def _ours(ds: Dataset) -> pd.Series:
    made = _churn(ds)
    return ranking.gains(made["tested_active"].churned, made["rankings"][[made["best"]]])[made["best"]]


def _two_values(ds: Dataset) -> pd.DataFrame:
    window = _churn(ds)["window_plan"].window_days
    followed = worth.follow(ds.transactions, ds.starts, ds.as_of, window, ds.economics)
    buying = Buying().fit(aggregate.features(ds.transactions, ds.as_of))
    return worth.values(followed, churn.features_at(ds.transactions, ds.as_of), buying, ds.economics)


def _campaign(ds: Dataset) -> pd.DataFrame:
    made, today = _churn(ds), churn.features_at(ds.transactions, ds.as_of)
    risk = churn.probability(made["best"], made["tested"], today, ds.rfm_summary())
    here = churn.is_active(today, made["window_plan"].window_days)
    everybody = contact.campaign(risk[here], _two_values(ds)["cost_of_silence"], ds.economics)
    may = choices.permission(ds, today.index, True, "")
    return everybody[may.used.loc[everybody.index, choices.MESSAGE]]


def _counted(ds: Dataset) -> pd.DataFrame:
    then, window = _churn(ds)["then"], _churn(ds)["window_plan"].window_days
    return counting.customer_counts(forecast.fit_all(then)[0], then, window)


for _name in ("endings", "window_plan", "tested", "tested_active", "rankings", "contest", "risk_then", "risk_tenths"):
    MADE[_name] = lambda ds, name=_name: _churn(ds)[name]
MADE |= {"ours": _ours, "two_values": _two_values, "campaign": _campaign, "counts": _counted}
MADE["predicted"] = lambda ds: _churn(ds)["rankings"][["logistic", "boosting"]]
