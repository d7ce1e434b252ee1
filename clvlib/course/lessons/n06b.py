"""Exercises and quiz of notebook 06b: how many customers, how long, how often to look, for whom."""

from typing import Any

import pandas as pd

from clvlib.causes import planning
from clvlib.course.assignments import Key, assign, question
from clvlib.dataset import Dataset
from clvlib.errors import NotEnoughData

_LIFT = 0.1  # of 06b.1
_IN_ALL, _WAIT = 600, 90  # customers and days of 06b.2
_TESTS, _LOOKS = 40, 10  # of 06b.3
_RAN = 200  # tests of question 06b.4
_LEVEL = 0.05


@assign(
    "06b.1",
    unit="number",
    ask="How many customers does a test take, both arms together, to show a lift of 10 % on value? By the formula "
    "above, from the last column of `newcomers`: the value of each new customer in the longest time watched.",
    hint="`value = newcomers.iloc[:, -1]`; noise is `value.std() / value.mean()`. The formula gives one arm.",
    solution="""
    value = newcomers.iloc[:, -1]
    noise = value.std() / value.mean()
    2 * 2 * ((1.96 + 0.84) * noise / 0.1) ** 2
    """,
    means="{right}, to be rounded up, both arms together. To show twice that lift, a quarter of them would do.",
)
def _in_all(ds: Dataset, newcomers: pd.DataFrame) -> Key:
    value = newcomers.iloc[:, -1]
    again = newcomers[str(value.name).replace("value", "again")]
    arm = planning.per_arm(float(value.std()), _LIFT * float(value.mean()))
    return Key(
        2 * arm,
        {
            "That is one arm; the test has two.": arm,
            "You didn't square: half the lift takes four times the customers, not twice.": 4 * (arm / 2) ** 0.5,
            "You took the lift for 20 %; it is 10 %.": 2 * arm / 4,
            "You took an absolute lift of 0.1 in money; the lift is relative to the mean.": (
                2 * planning.per_arm(float(value.std()), _LIFT)
            ),
            "You took buying again; value is asked for, in the last column.": (
                2 * planning.per_arm(float(again.std()), _LIFT * float(again.mean())) if again.any() else 0.0
            ),
        },
    )


@assign(
    "06b.2",
    unit="days",
    ask="A test is planned with 600 new customers, both arms together; `per_day` of them come a day. It counts value "
    "in the 90 days after each one's first purchase. How many days after its start can it be read?",
    hint="First they have to come, 600 of them. The last to come has to be watched as long as the first.",
    solution="""
    600 / per_day + 90
    """,
    means="{right}: until the last one has come, and then as long as value counts. Existing customers are there on the "
    "first day: for a test on them only the wait is left.",
)
def _readable(ds: Dataset, per_day: float) -> Key:
    rate = planning.arrivals(ds.transactions, ds.as_of)
    return Key(
        _IN_ALL / rate + _WAIT,
        {
            "By then all have come, but the last has not been watched yet: add the 90 days.": _IN_ALL / rate,
            "You took 600 for one arm; they are both arms together.": 2 * _IN_ALL / rate + _WAIT,
            "You halved the 600: both arms have to come, at the same doors.": _IN_ALL / 2 / rate + _WAIT,
            "You multiplied by the customers a day; days are customers over customers a day.": _IN_ALL * rate + _WAIT,
        },
    )


@assign(
    "06b.3",
    unit="number",
    ask="A shop runs 40 tests a year of variants that do nothing, looks ten times at each with the interval made for "
    "one look, and stops at the first that leaves zero out. How many of them will it call winners or losers, on "
    "average? Take it from `alarms`: a row for each number of looks, `fixed` is the share of tests with a false alarm.",
    hint='`alarms.loc[10, "fixed"]` is that share for ten looks.',
    solution="""
    40 * alarms.loc[10, "fixed"]
    """,
    means="About {right} of 40, and none of them does anything. With one look at the end it would be two.",
)
def _winners(ds: Dataset, alarms: pd.DataFrame) -> Key:
    fixed, sequence = float(alarms["fixed"][_LOOKS]), float(alarms["sequence"][_LOOKS])
    return Key(
        _TESTS * fixed,
        {
            "That is 5 % of them: what one look at the end promises. Here it is ten looks.": _TESTS * _LEVEL,
            "You added 5 % for each look. Looks at one test are alike, so that alarms pile up more slowly.": (
                _TESTS * _LEVEL * _LOOKS
            ),
            "That is with a confidence sequence; this shop uses the interval for one look.": _TESTS * sequence,
            "That is the share of tests; how many of 40 is asked for.": fixed,
            "You took the last row, which has more looks than ten.": _TESTS * float(alarms["fixed"].to_numpy()[-1]),
        },
    )


@assign(
    "06b.4",
    unit="number",
    ask="Each row of `differ` is one question, whether the effect differs between groups. Suppose that it differs by "
    "none of them. How many rows would have a p below 0.05 all the same, on average?",
    hint="Without any difference, each row falls below 0.05 with a chance of 5 %. How many rows are there?",
    solution="""
    0.05 * len(differ)
    """,
    means="{right} on average, by chance alone: that is why the correction counts how many ways were tried.",
)
def _by_chance(ds: Dataset, differ: pd.DataFrame) -> Key:
    ways = len(differ)
    return Key(
        _LEVEL * ways,
        {
            "That is the chance of one row alone.": _LEVEL,
            "You counted the rows that did fall below 0.05 here; asked is what chance would bring on average.": float(
                (differ["p"] < _LEVEL).sum()
            ),
            "That is the chance that at least one does; how many is asked for.": 1 - (1 - _LEVEL) ** ways,
            "That is the number of rows.": float(ways),
        },
    )


@question(
    "06b.1",
    ask="To show a lift of 20 % on value takes {arm:count} customers in each arm. How many for a lift of 10 %?",
    right=("{four:count}", "Half the lift takes four times the customers: the lift stands squared in the formula."),
    wrong=(
        ("{two:count}", "Twice as many isn't enough: an interval half as wide takes four times the customers."),
        ("{half:count}", "A smaller lift is harder to see, not easier."),
        ("{arm:count}", "The size depends on the lift that the test shall show."),
    ),
)
def _half_the_lift(ds: Dataset, newcomers: pd.DataFrame) -> dict[str, Any]:
    value = newcomers.iloc[:, -1]
    arm = planning.per_arm(float(value.std()), 2 * _LIFT * float(value.mean()))
    return {"arm": arm, "four": 4 * arm, "two": 2 * arm, "half": arm / 2}


@question(
    "06b.2",
    ask="{again:percent} of new customers buy again within {window:days}. A test shall show a relative lift of 20 %. "
    "Which share must the variant reach?",
    right=("{relative:percent}", "20 % of that share, on top of it."),
    wrong=(
        ("{points:percent}", "That adds 20 percentage points; relative is to the share that there is."),
        ("{part:percent}", "That is the lift alone, in points; it comes on top of the share that there is."),
        ("20 %", "20 % is by how much the share changes, not the share."),
    ),
)
def _relative(ds: Dataset, newcomers: pd.DataFrame) -> dict[str, Any]:
    name = next(str(column) for column in newcomers if str(column).startswith("again_"))
    again = float(newcomers[name].mean())
    if not 0 < again <= 1 / (1 + 2 * _LIFT):
        raise NotEnoughData("Too few or too many buy again here for a lift of 20 %.", "Plan with value.")
    return {
        "again": again,
        "window": int(name.partition("_")[2]),
        "relative": again * (1 + 2 * _LIFT),
        "points": again + 2 * _LIFT,
        "part": again * 2 * _LIFT,
    }


@question(
    "06b.3",
    ask="A test far too small for the effect looked for gives a significant result. What of the effect that it shows?",
    right=(
        "It is probably too large",
        "In so small a test only an estimate that luck has blown up gets beyond the bar: the winner's curse.",
    ),
    wrong=(
        (
            "It is all the surer, as so few customers were enough",
            "Few customers make wide intervals: what gets beyond the bar then is mostly luck.",
        ),
        (
            "It is right on average, as every test is",
            "Over all tests it is; over those alone that turned significant it isn't.",
        ),
    ),
)
def _curse(ds: Dataset) -> dict[str, Any]:
    return {}


@question(
    "06b.4",
    ask="200 tests of variants that do nothing, each looked at {looks} times with the interval made for one look. How "
    "many raise an alarm at least once?",
    right=("About {many:count}", "Luck moves up and down while a test runs, and every look is a chance to catch it."),
    wrong=(
        ("About {few:count}", "5 % is what one look promises, not {looks}."),
        ("About {safe:count}", "That is with a confidence sequence, which is made for many looks."),
        ("All of them", "Looks at the same test are much alike: the alarms don't simply add up."),
    ),
)
def _looked_at(ds: Dataset, alarms: pd.DataFrame) -> dict[str, Any]:
    last = alarms.iloc[-1]
    return {
        "looks": int(alarms.index[-1]),
        "many": _RAN * float(last["fixed"]),
        "few": _RAN * _LEVEL,
        "safe": _RAN * float(last["sequence"]),
    }


@question(
    "06b.5",
    ask="A variant does nothing to anybody. You look at 20 groups of customers that have nothing in common, each with "
    "a test at the 5 % level. How likely is it that at least one “works”?",
    right=("{any:percent}", "1 less the chance that all 20 stay quiet, which is 0.95 to the power of 20."),
    wrong=(
        ("{one:percent}", "That is for one group. Here 20 have their chance."),
        ("{all:percent}", "20 times 5 % is how many do on average, 1; now and then it is two, often none."),
        ("{none:percent}", "That is the chance that none does."),
    ),
)
def _twenty_groups(ds: Dataset) -> dict[str, Any]:
    none = (1 - _LEVEL) ** 20
    return {"any": 1 - none, "one": _LEVEL, "all": 20 * _LEVEL, "none": none}
