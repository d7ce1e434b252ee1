"""Figures of today at dates of the past, each by what was known then: how the business got where it is."""

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from clvlib import aggregate
from clvlib.dataset import Economics
from clvlib.errors import CannotAnswer
from clvlib.models.windows import History
from clvlib.value import formula, lifespan, payback, progress
from clvlib.value.equity import LEAST_HISTORY, Valuation, value_base
from clvlib.value.stages import Journey

if TYPE_CHECKING:
    from clvlib.dataset import Dataset


def dates_back(starts: pd.Timestamp, as_of: pd.Timestamp, months: int, back: int = 24) -> pd.DatetimeIndex:
    """The last day and the days so many `months` apart up to so many months `back`, with half a year of history each.

    >>> dates_back(pd.Timestamp("2024-01-01"), pd.Timestamp("2025-06-30"), months=6).strftime("%Y-%m-%d").tolist()
    ['2024-12-31', '2025-06-30']
    """
    whole = pd.offsets.MonthEnd(0) if as_of.is_month_end else pd.Timedelta(0)
    days = [as_of - pd.DateOffset(months=ago) + whole for ago in range(back, 0, -months)]
    return pd.DatetimeIndex([day for day in days if (day - starts).days >= LEAST_HISTORY] + [as_of])


def new_customer(ds: "Dataset", horizon_years: int, tail: lifespan.Tail) -> pd.DataFrame:
    """What a new customer was worth, and cost, at dates three months apart, by the formula (`formula.clv`).

    Indexed by date: clv (currency, after the cost to acquire if that is known on the last date), cac (currency),
    clv_to_cac (before that cost), payback_months; NaN where it couldn't be told: so is a clv before a cost that wasn't
    known yet. Months not yet seen go along `tail` at every date.

    >>> new_customer(sample, 3, "constant")["clv"].round(1).tolist()
    [nan, 32.7, 33.7, 35.1]
    """
    days = dates_back(ds.starts, ds.as_of, months=3)
    rows = {day: _new_customer(ds.at(day), horizon_years, tail) for day in days}
    columns = ["clv", "cac", "clv_to_cac", "payback_months"]
    frame = pd.DataFrame.from_dict(rows, orient="index", columns=columns).astype(float)
    return frame.assign(clv=frame["clv"].where(frame["cac"].notna())) if frame["cac"].notna().iloc[-1] else frame


def _new_customer(ds: "Dataset", horizon_years: int, tail: lifespan.Tail) -> dict[str, float]:
    cost = ds.economics.acquisition_cost or 0.0
    told = {"cac": cost} if cost > 0 else {}
    cohorts = aggregate.cohorts(ds.transactions, ds.as_of)
    try:
        span = lifespan.lifespan(cohorts, horizon_years, tail)
    except CannotAnswer:
        return told
    levers = lifespan.levers(lifespan.order_curve(cohorts), span, ds.economics)
    told["clv"] = formula.clv(levers)
    if cost > 0:
        orders = lifespan.monthly_orders(cohorts, 12 * horizon_years, tail)
        gained = payback.cumulative_contribution(orders, levers)
        told |= {"clv_to_cac": formula.clv_to_cac(levers), "payback_months": payback.payback_months(gained, cost)}
    return told


def buy_again_within(journey: Journey, days: pd.DatetimeIndex, within: int = 365) -> pd.Series:
    """The share of first-time buyers who bought again `within` so many days, as was known on each of `days`.

    Those still waiting count (`progress.waiting`). NaN where nobody had been watched for so long.

    >>> from clvlib.value.stages import journey
    >>> days = pd.DatetimeIndex(["1997-12-31", "1998-06-30"])
    >>> buy_again_within(journey(sample), days, within=182).round(2).tolist()
    [0.38, 0.38]
    """
    waited = progress.durations(journey, "retention")
    began = journey.dates.loc[waited.index, journey.before("retention")]
    shares = []
    for day in days:
        known = waited[began <= day].copy()
        seen = (day - began[known.index]).dt.days
        known["reached"] &= known["days"] <= seen
        known["days"] = known["days"].clip(upper=seen)
        still = progress.waiting(known)
        shares.append(1 - float(still.iloc[within]) if len(still) > within else np.nan)
    return pd.Series(shares, index=days, name="buy_again")


def base_over_time(history: History, economics: Economics, known: list[Valuation]) -> pd.DataFrame:
    """Value of the base and the revenue expected of it (currency), a year and half a year ago and now, as known then.

    Indexed by date, the last of which is the latest of `known`; these aren't valued again. history: may be that
    of some customers, whom the earlier ones of `known` are of (see `equity.of_some`).

    >>> now = value_base(history, sample.as_of, sample.economics)
    >>> base_over_time(history, sample.economics, [now]).round(-2)
                base_value  expected_revenue
    1997-12-31     24500.0           85400.0
    1998-06-30     23300.0           81300.0
    """
    made = {base.as_of: base for base in known}
    days = dates_back(history.starts, max(made), months=6, back=12)
    stands_for = max(base.stands_for for base in known)
    bases = [made.get(day) or value_base(history, day, economics, stands_for) for day in days]
    spend = [base.ahead.total("spend", level=0.8)[0] * base.stands_for for base in bases]
    return pd.DataFrame({"base_value": [base.total for base in bases], "expected_revenue": spend}, index=days)
