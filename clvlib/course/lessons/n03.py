"""Exercises and quiz of notebook 03: who is silent, what a forecast may have seen, what customers are worth."""

from typing import Any

import numpy as np
import pandas as pd

from clvlib.course.assignments import Key, assign, question
from clvlib.dataset import Dataset
from clvlib.errors import CannotAnswer
from clvlib.models import scoring
from clvlib.models.outlook import Ahead

_HALF_YEAR = 180  # days
_EVEN = 0.5  # a chance: as likely as not


@assign(
    "03.1",
    unit="percent",
    ask="Which share of all customers has been silent for more than 180 days? Take it from `ds.rfm_summary()`, where "
    "`days_since_last_order` is the silence in days.",
    hint="Compare the column with 180; the mean of True and False is a share.",
    solution="""
    rfm = ds.rfm_summary()
    (rfm["days_since_last_order"] > 180).mean()
    """,
    means="{right} of the customers have bought nothing for half a year. Which of them have left, this share can't "
    "say: it depends on how often each of them used to buy.",
)
def _silent(ds: Dataset) -> Key:
    rfm = ds.rfm_summary()
    silent, back = rfm["T"] - rfm["recency"] > _HALF_YEAR, rfm["frequency"] > 0
    return Key(
        silent.mean(),
        {
            "You compared `recency`, which is the customer's age at the last purchase, not the silence since.": float(
                (rfm["recency"] > _HALF_YEAR).mean()
            ),
            "You compared `T`, which is the customer's age: the days since the first purchase.": float(
                (rfm["T"] > _HALF_YEAR).mean()
            ),
            "You left out who bought only once: their silence counts as well.": float(silent[back].mean()),
            "That is how many are silent; divide by how many customers there are.": float(silent.sum()),
        },
    )


@assign(
    "03.2",
    unit="number",
    ask="A rule of your own: everybody goes on buying at one rate, that of all customers together. In the frame "
    "`calibration`, `frequency` counts each customer's repeat purchases in the calibration part, `T` the days since "
    "the first purchase, `duration_holdout` the days of the holdout. How many purchases does that rule expect of one "
    "customer in the holdout?",
    hint="The rate is all repeat purchases over all days, sum over sum; multiply it by the days of the holdout, which "
    "are the same for everybody (take the mean of that column).",
    solution="""
    rate = calibration["frequency"].sum() / calibration["T"].sum()
    rate * calibration["duration_holdout"].mean()
    """,
    means="The rule expects {right} purchases of each customer. It has seen nothing of the holdout, so it may be held "
    "against it. It gives all customers the same figure: of the order it knows nothing.",
)
def _one_rate(ds: Dataset, calibration: pd.DataFrame) -> Key:
    rfm, known = ds.rfm_summary(), calibration[calibration["T"] > 0]
    if known.empty:
        raise CannotAnswer("Nobody was known before the cut.", "Choose a later one.")
    times, ages, days = known["frequency"], known["T"], float(known["duration_holdout"].iloc[0])
    rate = float(np.average(times / ages, weights=ages))
    return Key(
        rate * days,
        {
            "You took the whole history: the holdout is in it, so the rule has seen the answer. Take `calibration`.": (
                float(rfm["frequency"].sum() / rfm["T"].sum()) * days
            ),
            "You took the mean of each customer's rate: who came yesterday counts as much as who came years ago. "
            "Divide sum by sum.": float((times / ages).mean()) * days,
            "You counted first purchases too: those who are known have made theirs.": days
            * float((calibration["frequency"] + 1).sum() / ages.sum()),
            "That is the rate of one day; multiply by the days of the holdout.": rate,
            "That is what came in the holdout: a forecast may not look at it.": float(
                calibration["holdout_frequency"].mean()
            ),
        },
    )


@assign(
    "03.3",
    unit="percent",
    ask="A campaign goes only to customers whose chance to buy is above one half. Which share of the CLV of all "
    "customers do the others hold? The frame `valued` has a row per customer; its columns are `p_purchase` and `clv`.",
    hint="Choose the rows by `valued['p_purchase'] <= 0.5`, add up their `clv`, and divide by the sum of all.",
    solution="""
    others = valued[valued["p_purchase"] <= 0.5]
    others["clv"].sum() / valued["clv"].sum()
    """,
    means="{right} of the value to come lies with customers of whom each is more likely not to buy. Who counts only "
    "the likely buyers leaves it out.",
)
def _unlikely(ds: Dataset, valued: pd.DataFrame) -> Key:
    unlikely, value = valued["p_purchase"] <= _EVEN, valued["clv"]
    if unlikely.all() or not unlikely.any():
        raise CannotAnswer("All customers are on one side of one half.", "Go on with the next one.")
    return Key(
        1 - value[~unlikely].sum() / value.sum(),
        {
            "That is the share of the customers, not of their CLV.": float(unlikely.mean()),
            "That is what they hold in money; divide by the CLV of all customers.": float(value[unlikely].sum()),
            "You compared means: how much one of them is worth beside a mean customer. Take sums.": float(
                value[unlikely].mean() / value.mean()
            ),
        },
    )


@question(
    "03.1",
    ask="Two customers of one age have been silent for {silent:days}. One came back once before, the other ten times. "
    "Who is more likely to be still a customer?",
    right=(
        "Who came back once: {one:percent} against {ten:percent}.",
        "Whoever used to buy often and has stopped is missed at once; who buys rarely is often silent for so long.",
    ),
    wrong=(
        (
            "Who came back ten times: {one:percent} against {ten:percent}.",
            "It is the other way round: the more often someone used to buy, the more a silence means.",
        ),
        (
            "Both alike, {mean:percent}: a silence is a silence.",
            "The same silence means more of a customer who used to buy often.",
        ),
    ),
)
def _who_is_left(ds: Dataset, still_there: pd.DataFrame) -> dict[str, Any]:
    silence = still_there.iloc[:, 4]
    one, ten = float(silence.loc[1]), float(silence.loc[10])
    if one - ten < 0.01:
        raise CannotAnswer("Such a silence says the same of both in it.", "Go on with the next one.")
    return {"one": one, "ten": ten, "mean": (one + ten) / 2, "silent": float(silence.name)}  # type: ignore[arg-type]


@question(
    "03.2",
    ask="{n:count} customers ever bought. How many of them will buy in the {months:count} months ahead, as far as "
    "can be said today?",
    right=("{buyers:count}", "The chances to buy, added up. When the months are over, it can be checked."),
    wrong=(
        (
            "{alive:count}",
            "That adds up the chances of being still a customer, by one of the models. Each model says another figure, "
            "and nobody can check it.",
        ),
        ("{n:count}", "That is everybody who ever bought: many of them have left."),
        (
            "{lately:count}",
            "That is who bought within the last {months:count} months. Some of them won't again, and some of the "
            "others will.",
        ),
    ),
)
def _how_many(ds: Dataset, headcount: pd.DataFrame, valued: pd.DataFrame) -> dict[str, Any]:
    lately = ds.rfm_summary()["days_since_last_order"] < ds.economics.horizon_days
    return {
        "n": len(valued),
        "months": ds.economics.horizon_months,
        "buyers": float(valued["p_purchase"].sum()),
        "alive": float(headcount["alive"].max()),
        "lately": int(lately.sum()),
    }


@question(
    "03.3",
    ask="A colleague fits a model on the whole history, to its last day. Then its forecast of the last six months is "
    "held against what came in them, and is nearly exact. What does that prove?",
    right=(
        "Nothing: the model has seen these months. They must be hidden from it before it is fitted.",
        "That is what calibration and holdout are for.",
    ),
    wrong=(
        (
            "That the next six months will be nearly as exact.",
            "A model that is checked on what it was fitted to always looks good.",
        ),
        (
            "That it is better than a rule of a spreadsheet.",
            "The rule would have to be tried beside it, on months that neither has seen.",
        ),
        (
            "That it has too few data to fail.",
            "More data don't help: it has seen the months that it is judged by.",
        ),
    ),
)
def _seen(ds: Dataset) -> dict[str, Any]:
    return {}


@question(
    "03.4",
    ask="All customers together are worth {all:money} in the {months:count} months ahead. How much is the one in the "
    "middle worth, half being worth more and half less?",
    right=("{middle:money}", "The median. Most customers bring little, and a few bring much."),
    wrong=(
        ("{mean:money}", "That is the mean: the value of all over their number. A few customers pull it up."),
        ("{spend:money}", "That is what a customer spends on average: revenue, before margin and cost of serving."),
        (
            "{likely:money}",
            "That is the middle of those who will more likely buy than not; the others count as well.",
        ),
    ),
)
def _middle(ds: Dataset, valued: pd.DataFrame) -> dict[str, Any]:
    spend, value = valued["expected_purchases"] * valued["expected_spend"], valued["clv"]
    likely = value[valued["p_purchase"] > _EVEN]
    return {
        "all": float(value.sum()),
        "months": ds.economics.horizon_months,
        "middle": float(value.median()),
        "mean": float(value.mean()),
        "spend": float(spend.mean()),
        "likely": float(likely.median() if len(likely) else value.max()),
    }


@question(
    "03.5",
    ask="All customers together are forecast at {mid:money}. Which range is to hold their value nine times in ten?",
    right=("{low:money} to {high:money}", "As far as all customers together came out from forecasts of the past."),
    wrong=(
        (
            "{least:money} to {most:money}",
            "Those are the ends of all customers' own ranges, added up: as if all had their worst year at once, or all "
            "their best. Chance evens out over many.",
        ),
        ("{near:money} to {far:money}", "That range is narrower: it holds what comes one time in two."),
        (
            "{cut:money} to {mid:money}",
            "A forecast can be too low as well as too high: the range reaches to both sides.",
        ),
    ),
)
def _total_range(ds: Dataset, valued: pd.DataFrame, ahead: Ahead) -> dict[str, Any]:
    wide, half = (scoring.total(ahead, ds.economics, level) for level in (scoring.FORECAST_LEVEL, 0.5))
    return {
        "mid": wide.clv,
        "low": wide.low,
        "high": wide.high,
        "cut": wide.low,
        "near": half.low,
        "far": half.high,
        "least": float(valued["clv_low"].sum()),
        "most": float(valued["clv_high"].sum()),
    }
