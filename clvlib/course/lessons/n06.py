"""Exercises and quiz of notebook 06: a fair test, those assigned, value instead of conversion, several variants."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from clvlib.causes.experiments import Reading
from clvlib.causes.trial import ALARM
from clvlib.course.assignments import Key, assign, question
from clvlib.dataset import Dataset
from clvlib.errors import CannotAnswer, NotEnoughData
from clvlib.language import translated

_FALSE_ALARMS = 0.05


@assign(
    "06.1",
    unit="name",
    ask="In which test are arms of these sizes least likely by chance? Take it from `luck`, one row a test, column "
    "`all in the table`. By eye one can't tell: small arms differ more by chance than large ones.",
    hint='The smaller p, the less likely by chance. `luck["all in the table"]` is a column; `.idxmin()` gives the name '
    "of its smallest row.",
    solution="""
    luck["all in the table"].idxmin()
    """,
    means="{right} has the smallest p. Some test always has: only a p below 0.001 is an alarm here.",
)
def _least_likely(ds: Dataset, luck: pd.DataFrame) -> Key:
    if len(luck) < 2:
        raise CannotAnswer("There is only one test here.", "Read its p in the table.")
    sizes = ds.table("experiments").to_pandas().groupby("experiment")["variant"].value_counts().unstack()
    sizes = sizes.loc[luck.index]
    chances = {str(name): float(p) for name, p in luck["all in the table"].items()}
    apart = sizes.max(axis=1) / sizes.min(axis=1)
    return Key(
        min(chances, key=lambda name: chances[name]),
        {
            "You took the largest p: that is the test whose arms are most easily explained by chance.": max(
                chances, key=lambda name: chances[name]
            ),
            "There the arms differ most in percent; in small arms that is soon chance. Go by p.": str(apart.idxmax()),
        },
    )


@assign(
    "06.2",
    unit="money",
    ask="How much more value did a customer of the arm `treated` bring than one of the arm `untreated`, on average? "
    "Take column `value` of `done`, which has a row for each customer assigned; its `variant` is the arm. Less is a "
    "number below zero.",
    hint='`done.groupby("variant")["value"].mean()` gives a mean for each arm; `means[treated]` is one of them.',
    solution="""
    means = done.groupby("variant")["value"].mean()
    means[treated] - means[untreated]
    """,
    means="{right} for each customer assigned, bought or not: only so are the arms alike but for chance. The table "
    "above takes off what was known before, so that its figure may differ a little.",
)
def _value_of_assigned(ds: Dataset, done: pd.DataFrame, treated: str, untreated: str) -> Key:
    sides = [done[done["variant"] == arm] for arm in (treated, untreated)]
    bought = [side[side["converted"] == 1] for side in sides]
    both = [side["value"].sum() / len(side) for side in sides]
    return Key(
        both[0] - both[1],
        {
            "You compared buyers only. Who buys is changed by the variant itself: all who were assigned count.": (
                bought[0]["value"].mean() - bought[1]["value"].mean()
            ),
            "That is the difference in revenue; value is what is left after goods and serving: column `value`.": (
                sides[0]["revenue"].mean() - sides[1]["revenue"].mean()
            ),
            "That is the difference in conversion, not in value.": (
                sides[0]["converted"].mean() - sides[1]["converted"].mean()
            ),
            "You compared sums; the arms aren't equally large. Compare means per customer.": (
                sides[0]["value"].sum() - sides[1]["value"].sum()
            ),
            "That is what the treated brought; take off what those left alone brought anyway.": both[0],
        },
    )


@assign(
    "06.3",
    unit="percent",
    ask="By how many percentage points does the share who bought twice differ, `treated` less `untreated`, of all who "
    "were assigned? Take it from `done`, whose column `bought_twice` is 1 or 0. Five points are 0.05; less is a number "
    "below zero.",
    hint="The mean of a column of 1 and 0 is a share. Divide by all assigned, also those who never bought.",
    solution="""
    shares = done.groupby("variant")["bought_twice"].mean()
    shares[treated] - shares[untreated]
    """,
    means="{right}: percentage points, as it is one share less another. This is the fair comparison; the curves above "
    "compare buyers with buyers, whom the variant has picked.",
)
def _twice(ds: Dataset, done: pd.DataFrame, treated: str, untreated: str) -> Key:
    sides = [done[done["variant"] == arm] for arm in (treated, untreated)]
    shares = [float((side["orders"] > 1).sum() / len(side)) for side in sides]
    of_buyers = [float(side.loc[side["converted"] == 1, "bought_twice"].mean()) for side in sides]
    once = [float(side["converted"].mean()) for side in sides]
    return Key(
        shares[0] - shares[1],
        {
            "You divided by the buyers of each arm. The variant has changed who buys: divide by all assigned.": (
                of_buyers[0] - of_buyers[1]
            ),
            "That is the relative difference, in percent; percentage points are one share less the other.": (
                shares[0] / shares[1] - 1 if shares[1] else np.nan
            ),
            "That is the difference in who bought at all; who bought twice is asked for.": once[0] - once[1],
            "That is the share of the treated; take off that of those left alone.": shares[0],
        },
    )


@assign(
    "06.4",
    unit="percent",
    ask="Take the test with most pairs of arms. If no arm does anything, one pair or more should pass by chance in at "
    "most 5 % of such tests. How small must a single pair's p be for that, by Bonferroni's correction? Answer with a "
    "share: 5 % is 0.05. `pairs` has a row for each pair, and `test` is the first level of its index.",
    hint='`pairs.groupby("test").size()` counts the pairs of each test. The 5 % are shared out among them.',
    solution="""
    0.05 / pairs.groupby("test").size().max()
    """,
    means="{right}. It is the same as multiplying each p by the number of pairs and asking for 0.05, as in “p all”.",
)
def _bonferroni(ds: Dataset, pairs: pd.DataFrame | None) -> Key:
    if pairs is None or pairs.empty:
        raise CannotAnswer("No test here has more than one variant.", "With one comparison the bar stays at 0.05.")
    named = [pair[0] for pair in pairs.index]
    most = max(named.count(name) for name in set(named))
    return Key(
        _FALSE_ALARMS / most,
        {
            "That is the bar for a single comparison; here several are made.": _FALSE_ALARMS,
            "You multiplied: with more comparisons the bar gets lower, not higher.": _FALSE_ALARMS * most,
            "You left the comparison of the variants with each other away: every pair counts.": (
                _FALSE_ALARMS / (most - 1) if most > 1 else np.nan
            ),
            "You counted the pairs of all tests; each test has its own 5 %.": _FALSE_ALARMS / len(pairs),
        },
    )


def _largest(readings: Mapping[str, Reading]) -> Reading:
    """The test of most customers."""
    return max(readings.values(), key=lambda reading: len(reading.outcomes))


@question(
    "06.1",
    ask="Of the customers left alone {left:percent} bought, of the treated {treated:percent}. How large is the "
    "difference relative to those left alone?",
    right=("{lift:percent}", "The difference in points, divided by the share of those left alone."),
    wrong=(
        ("{points:percent}", "That is the difference in percentage points: one share less the other."),
        ("{other:percent}", "That is relative to the treated; what would have been without it is the base."),
        ("{times:percent}", "That is the one share in percent of the other; no difference would be 100 %."),
    ),
)
def _lift(ds: Dataset, done: pd.DataFrame, treated: str, untreated: str) -> dict[str, Any]:
    shares = done.groupby("variant")["converted"].mean()
    with_it, left = float(shares[treated]), float(shares[untreated])
    if not min(with_it, left) > 0:
        raise NotEnoughData("In one arm nobody bought.", "Wait for more customers.")
    points = with_it - left
    return {
        "left": left,
        "treated": with_it,
        "points": points,
        "lift": points / left,
        "other": points / with_it,
        "times": with_it / left,
    }


@question(
    "06.2",
    ask="A test gives p = 0.03. What does that say?",
    right=(
        "If the variant did nothing, 3 in 100 such tests would part the arms at least so far",
        "p is counted in a world without an effect: it says how surprising the data would be there.",
    ),
    wrong=(
        (
            "With a chance of 97 % the variant works",
            "p is no chance that the variant works; that also depends on how many variants of this kind ever work.",
        ),
        (
            "With a chance of 3 % the result is due to luck",
            "p takes it for granted that all is luck, and says how often luck goes so far.",
        ),
        ("The effect is 3 %", "p says nothing on how large an effect is; the interval does."),
    ),
)
def _p(ds: Dataset) -> dict[str, Any]:
    return {}


@question(
    "06.3",
    ask="{arm:text} ({test:text}) brought {mid:money} of value more per customer than its control, 95 % interval "
    "{low:money} to {high:money}. What may treating a customer cost, to be on the safe side?",
    right=(
        "{sure:At most {low:money}|Nothing yet: the interval holds zero}",
        "The lower end is what the data speak for surely enough.{sure:| It isn't above zero: the money may be lost.}",
    ),
    wrong=(
        ("At most {mid:money}", "That is the best guess; the effect is as likely below it as above."),
        ("At most {high:money}", "That reads the side one likes: the effect may be as far below the middle as above."),
        ("At most {buyers:money}", "That is value per buyer in that arm: most of it would have come anyway."),
    ),
)
def _most_cost(ds: Dataset, readings: Mapping[str, Reading]) -> dict[str, Any]:
    found: dict[tuple[str, str], dict[Any, float]] = {}
    for test, reading in readings.items():
        for arm in reading.trial.variants:
            if (arm, "value") in reading.effects.index:
                found[test, arm] = reading.effects.xs("value", level="metric").T[arm].to_dict()
    if not found:
        raise NotEnoughData("No variant has enough to be judged on value.", "Wait for more customers.")
    test, arm = max(found, key=lambda pair: found[pair]["difference"])
    row, outcomes = found[test, arm], readings[test].outcomes
    bought = outcomes[(outcomes["variant"] == arm) & (outcomes["converted"] == 1)]
    return {
        "arm": arm,
        "test": test,
        "mid": row["difference"],
        "low": row["low"],
        "high": row["high"],
        "sure": row["low"] > 0,
        "buyers": float(bought["value"].mean()),
    }


@question(
    "06.4",
    ask="Per buyer, the treated brought {treated_buyer:money} and those left alone {left_buyer:money}; per customer "
    "assigned, {treated:money} and {left:money}. By how much did the variant change the value of a customer?",
    right=("{each:money}", "Of all who were assigned, in each arm: chance made these alike, and nothing else."),
    wrong=(
        ("{buyers:money}", "That compares buyers: the variant has changed who they are, so they are no longer alike."),
        ("{mixed:money}", "That sets the buyers of one arm against everybody in the other."),
    ),
)
def _assigned(ds: Dataset, done: pd.DataFrame, treated: str, untreated: str) -> dict[str, Any]:
    means = done.groupby("variant")["value"].mean()
    of_buyers = done[done["converted"] == 1].groupby("variant")["value"].mean().reindex([treated, untreated])
    if of_buyers.isna().any():
        raise NotEnoughData("In one arm nobody bought.", "Wait for more customers.")
    return {
        "treated_buyer": float(of_buyers[treated]),
        "left_buyer": float(of_buyers[untreated]),
        "treated": float(means[treated]),
        "left": float(means[untreated]),
        "each": float(means[treated] - means[untreated]),
        "buyers": float(of_buyers[treated] - of_buyers[untreated]),
        "mixed": float(of_buyers[treated] - means[untreated]),
    }


@question(
    "06.5",
    ask="{test:text} was dealt to arms of {sizes:text} customers; arms so far from the plan come about by chance in "
    "{p:percent} of tests. Is that a fault?",
    right=(
        "{fault:Yes: chance hardly ever does that|No: chance alone does that often enough}",
        "The bar is one test in a thousand: below it, something else than chance has dealt customers out.",
    ),
    wrong=(
        (
            "{fault:No: the arms look much alike|Yes: the arms aren't as planned to the last customer}",
            "The eye is no judge: of large arms a small difference is too much, of small ones a large one is chance.",
        ),
        (
            "That depends on which arm converts better",
            "Fairness is looked at before the result; whoever looks at the result first finds the excuse that suits.",
        ),
    ),
)
def _fault(ds: Dataset, luck: pd.DataFrame, readings: Mapping[str, Reading]) -> dict[str, Any]:
    trial = _largest(readings).trial
    p = float(luck["all in the table"][trial.name])
    sizes = translated(" and ").join(str(size) for size in trial.arms["in_the_table"])
    return {"test": trial.name, "sizes": sizes, "p": p, "fault": bool(p < ALARM)}
