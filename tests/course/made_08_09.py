"""What notebooks 08 and 09 give their exercises and questions, made as they make it."""

from contextlib import suppress
from typing import Any

import pandas as pd

from clvlib import aggregate
from clvlib.actions import choices, measure, stake
from clvlib.causes import experiments
from clvlib.dataset import Dataset
from clvlib.errors import CannotAnswer
from clvlib.models import scoring
from clvlib.value import comparing, equity, payback, what_if
from tests.course.made_03 import foreseen
from tests.course.once import once


@once
def _outlook(ds: Dataset) -> stake.Outlook:
    return stake.outlook(ds, foreseen(ds))


def _active(ds: Dataset) -> pd.DataFrame:
    people = _outlook(ds).customers
    return people[people["active"]]


def _stakes(ds: Dataset) -> pd.DataFrame:
    today = _outlook(ds)
    fans, newcomer = pd.Index([]), 0.0
    with suppress(CannotAnswer):
        fans = stake.promoters(ds.table("surveys").to_pandas())
        newcomer = payback.new_customer_value(aggregate.cohorts(ds.transactions, ds.as_of), ds.economics)
    return stake.at_stake(today.customers, today.window_days, ds.economics, fans, newcomer)


def _options(ds: Dataset) -> pd.DataFrame:
    people, stakes, effects = _outlook(ds).customers, _stakes(ds), choices.assumed(ds.economics)
    with suppress(CannotAnswer):
        best = experiments.measured(ds, "winback").iloc[0]
        effects = choices.with_measured(effects, "win back", stakes, best, "winback")
    may = choices.permission(ds, people.index, True, "store")
    come = 1 - people["churn_probability"]
    return choices.worthwhile(choices.options(stakes, effects, may.used, come, ds.economics.contact_cost))


def _rehearsed(ds: Dataset) -> pd.DataFrame:
    day = ds.as_of - pd.DateOffset(months=6)
    then = ds.at(day).rfm_summary()
    silent = then.index[then["days_since_last_order"] > _outlook(ds).window_days]
    drawn = measure.draw(pd.DataFrame({"customer_id": silent, "lever": "win back"}), pd.Series({"win back": 0.2}))
    bought = aggregate.holdout(ds.transactions, day, ds.as_of)["purchases"].reindex(then.index, fill_value=0) > 0
    return pd.DataFrame({"group": drawn.reindex(then.index).fillna("not drawn"), "bought": bought})


def _given(ds: Dataset) -> dict[str, Any]:
    ahead = foreseen(ds)
    base = equity.Valuation(ds.as_of, ds.rfm_summary(), ahead, scoring.factors(ahead, ds.economics))
    return what_if.what_if(ds, base, 5)["given"]


MADE = {"active": _active, "stakes": _stakes, "options": _options, "rehearsed": _rehearsed}  # notebook 08
MADE |= {"ways": comparing.ways_to_group, "later": lambda ds: comparing.after_first(ds)[0], "given": _given}  # 09
