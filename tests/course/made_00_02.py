"""What notebooks 00, 01 and 02 give their exercises and questions, made as they make it with their own parameters."""

from collections.abc import Callable
from typing import Any

import pandas as pd

from clvlib import aggregate
from clvlib.dataset import Dataset
from clvlib.value import formula, hindsight, lifespan, segments


def each_age(ds: Dataset) -> pd.DataFrame:
    return aggregate.followed(aggregate.cohorts(ds.transactions, ds.as_of), 12, 5)


def at_split(ds: Dataset) -> pd.DataFrame:
    return aggregate.rfm_summary(ds.transactions, hindsight.half_way(ds.starts, ds.as_of))


def promised(ds: Dataset) -> pd.DataFrame:
    split, cohorts = hindsight.half_way(ds.starts, ds.as_of), aggregate.cohorts(ds.transactions, ds.as_of)
    return hindsight.formula_test(cohorts, at_split(ds), split)


def levers(ds: Dataset) -> formula.Levers:
    cohorts, tail = aggregate.cohorts(ds.transactions, ds.as_of), hindsight.continuation(ds)
    return lifespan.levers(lifespan.order_curve(cohorts), lifespan.lifespan(cohorts, 5, tail), ds.economics)


def counted(ds: Dataset) -> float:
    made = levers(ds)
    return formula.discounted_years(made.years, made.annual_discount_rate, made.horizon_years)


def so_far(ds: Dataset) -> pd.Series:
    return lifespan.historic_value(ds.rfm_summary(), ds.economics, ds.brought())


def movers(ds: Dataset) -> pd.DataFrame:
    then = segments.segments_at(ds.transactions, ds.as_of - pd.DateOffset(months=6))
    return segments.migration(then, ds.segments()["segment"])


MADE: dict[str, Callable[[Dataset], Any]] = {
    "trade": lambda ds: aggregate.purchases_by_period(ds.transactions, ds.as_of, "M"),
    "each_age": each_age,
    "rfm": lambda ds: ds.rfm_summary(),
    "at_split": at_split,
    "promised": promised,
    "levers": levers,
    "counted": counted,
    "segment": lambda ds: ds.segments()["segment"],
    "so_far": so_far,
    "movers": movers,
}
