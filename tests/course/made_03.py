"""What notebooks 03 and 03b give their exercises and questions, made as they make it."""

from collections.abc import Callable
from typing import Any
from unittest import mock

import pandas as pd

from clvlib.dataset import Dataset
from clvlib.models import backtest, counting, forecast, outlook, rolling, scoring, windows
from tests.course.once import once


@once
def foreseen(ds: Dataset) -> outlook.Ahead:
    return outlook.look_ahead(history(ds), ds.as_of, ds.economics.horizon_days)


@once
def history(ds: Dataset) -> windows.History:
    return windows.History(ds.transactions, ds.starts)


def _rolled(ds: Dataset, most: int) -> rolling.Rolling:
    days = rolling.days_ahead(ds.starts, ds.as_of, ds.economics.horizon_days)
    with mock.patch.object(rolling, "_MOST", most):
        return rolling.roll(history(ds), ds.as_of, days)


rolled_as_in_the_notebook = once(lambda ds: _rolled(ds, rolling._MOST))
rolled = once(lambda ds: _rolled(ds, 2))  # the two latest days: each of them takes seconds


def _still_there(ds: Dataset) -> pd.DataFrame:
    rfm = ds.rfm_summary()
    age = rfm["T"].median()
    silences = [round(age * share) for share in (0, 0.1, 0.2, 0.3, 0.5, 0.7, 0.9)]
    return forecast.alive_grid(forecast.fit_best(rfm, "Pareto/NBD"), age, [1, 2, 3, 5, 10, 20], silences)


def _headcount(ds: Dataset) -> pd.DataFrame:
    rfm = ds.rfm_summary()
    return counting.customer_counts(forecast.fit_all(rfm)[0], rfm, ds.economics.horizon_days)[["buying", "alive"]]


def _known_then(ds: Dataset) -> pd.DataFrame:
    length = windows.length(ds.starts, ds.as_of, ds.economics.horizon_days)
    window = history(ds).latest(ds.as_of, length)
    expected = window.buying.forecast(window.known, length)["purchases"]
    return window.known.assign(expected=expected, came=window.purchases)


MADE: dict[str, Callable[[Dataset], Any]] = {
    "still_there": _still_there,
    "headcount": _headcount,
    "calibration": lambda ds: backtest.parts(ds.transactions, backtest.split_date(ds.starts, ds.as_of), ds.as_of)[0],
    "ahead": foreseen,
    "valued": lambda ds: scoring.score(foreseen(ds), ds.economics),
    "known_then": _known_then,
    "months_ahead": lambda ds: foreseen(ds).by_month(outlook.season_of(ds), level=0.9),
    "rolled": rolled,
    "judged": lambda ds: rolled(ds).made,
}
