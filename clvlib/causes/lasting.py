"""One test read → what its effect may come to by the end of the horizon: a range between two assumptions.

A model of customers carries on whatever it sees: of a purchase that a voucher brought forward it makes a better
customer for a year. What an effect does after the days watched isn't in the data, so two ends are stated: it **ends**
with the window, or it **grows** on, in proportion to the time since assignment, from what it was in the window's
second half. Every effect per day that keeps its sign and doesn't grow faster than that lies between: one that is over,
fades or stays, and that of a longer life, which rises more and more slowly. CLV is then the value realised and what
comes after it within the horizon; its interval reaches from the lower of both ends' to the upper of both ends'.
"""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace

import numpy as np
import pandas as pd

from clvlib.causes.contrast import FEW
from clvlib.causes.experiments import Reading, compare_arms, of_each, on_value, read_experiments
from clvlib.causes.trial import Trial
from clvlib.dataset import Dataset, Economics
from clvlib.errors import NotEnoughData
from clvlib.language import message, phrase
from clvlib.stats import DAYS_PER_MONTH, mid_periods, present_value

_TIMES = 4  # as long, a test must have been watched to show what its first days told


def growth(window_days: int, economics: Economics) -> float:
    """What an effect that grows in proportion to time brings in the horizon, per unit of that in the second half.

    In the second half, days are W/2 and their mean is 3W/4 after assignment. The middle of month m of the horizon is W
    days and m − ½ months after it; money is discounted to the end of the window (`stats.present_value`).

    >>> round(growth(180, Economics(horizon_months=12)), 2)
    10.32
    """
    years = mid_periods(economics.horizon_months)
    times = (window_days + years * 12 * DAYS_PER_MONTH) / (0.75 * window_days)
    whole = present_value(times, economics.annual_discount_rate, years) * DAYS_PER_MONTH
    return float(whole / (window_days - -(-window_days // 2)))


def clv_gained(reading: Reading, economics: Economics) -> pd.DataFrame:
    """The difference in CLV of each variant, from assignment to the end of the horizon that follows the window.

    Returns a frame indexed by arm, currency per customer assigned: ends, ends_low, ends_high (the effect ends with the
    window: value realised), grows, grows_low, grows_high (it grows on), low, high (95 %, over both and all pairs of
    arms together), and verdict ("up" or "down" where the whole interval is above or below 0, else "not shown").
    Variants are left out where fewer than 10 customers of an arm bought in the second half, as that says nothing of
    what comes, or where value is not enough (see `contrast`); NotEnoughData where all are.

    >>> clv_gained(reading, Economics())[["ends", "grows", "low", "high", "verdict"]].round(1)
          ends  grows  low  high verdict
    arm
    mail   3.0   18.2  2.5  20.9      up
    """
    return _between(reading, growth(reading.trial.window_days, economics))


def _between(reading: Reading, times: float) -> pd.DataFrame:
    """`clv_gained` of an effect that ends, or brings `times` that of the second half afterwards."""
    test = reading.trial
    late = reading.outcomes["late"].ne(0).groupby(reading.outcomes["variant"]).sum()
    both = [(test.control, arm) for arm in test.variants if min(late[arm], late[test.control]) >= FEW]
    if not both:
        raise NotEnoughData(
            phrase(
                "In the experiment {test!r} fewer than {least} customers of an arm bought in the second half.",
                test=test.name,
                least=FEW,
            ),
            "What may come after the days watched can't be bounded: judge the test on value realised.",
        )
    parts = {}
    for name, factor in {"ends": 0.0, "grows": times}.items():
        value = reading.outcomes["value"] + factor * reading.outcomes["late"]
        found, _ = compare_arms(reading.outcomes[["variant"]].assign(value=value), both, reading.before, test.level)
        rows = found.droplevel(["against", "metric"])
        parts[name] = rows[["difference", "low", "high"]].set_axis([name, f"{name}_low", f"{name}_high"], axis=1)
    frame = pd.concat(parts.values(), axis=1, join="inner")
    if frame.empty:
        raise NotEnoughData(
            phrase(
                "In the experiment {test!r} value is not enough to be compared under both assumptions.", test=test.name
            ),
            "The measures that are not enough say how many customers it takes.",
        )
    low, high = (frame[[f"{name}_{end}" for name in parts]] for end in ("low", "high"))
    frame = frame.assign(low=low.min(axis=1), high=high.max(axis=1))
    words = np.select([frame["low"] > 0, frame["high"] < 0], [message("up"), message("down")], message("not shown"))
    return frame.assign(verdict=words)


def told_early(tests: Mapping[str, Trial], ds: Dataset, known: Sequence[str] = (), days: int = 21) -> pd.DataFrame:
    """What each test would have told of its whole window after its first `days`, beside what came in it.

    Of tests watched for four times as long or longer. Indexed by test and arm, currency per customer assigned: low,
    high (of `clv_gained`, from the first days alone, not discounted), came (difference in value over the whole
    window), holds (came lies in the range), verdict (of the early range). known: as `experiments.read_experiments`
    takes it. Raises NotEnoughData where no test was watched for so long, or none has a range after `days`.

    >>> found = told_early({"spring": test}, sample, days=30)
    >>> found[["low", "high", "came", "holds", "verdict"]].round(1)
                 low  high  came  holds verdict
    test   arm
    spring mail  0.2  69.3   0.9   True      up
    """
    long = {name: test for name, test in tests.items() if test.window_days >= _TIMES * days}
    if not long:
        raise NotEnoughData(
            phrase(
                "No test was watched for {n} days, so that none can show what its first {first} told of them.",
                n=_TIMES * days,
                first=days,
            ),
            "Watch tests for longer.",
        )
    whole, _ = read_experiments(long, ds, known)
    parts = {}
    for name, reading in whole.items():
        late = days - -(-days // 2)  # days of the second half; an effect that grows brings so many times as much later:
        times = (reading.trial.window_days**2 - days**2) / 2 / (0.75 * days * late)
        with suppress(NotEnoughData):
            early, _ = read_experiments({name: replace(long[name], window_days=days)}, ds, known)
            came = on_value(reading)["difference"].rename("came")
            parts[name] = _between(early[name], times)[["low", "high", "verdict"]].join(came, how="inner")
    if not sum(map(len, parts.values())):
        raise NotEnoughData(
            phrase("No test has a range of CLV after {n} days: too few had bought in their second half.", n=days)
        )
    frame = pd.concat(parts, names=["test", "arm"])
    frame.insert(3, "holds", frame["came"].between(frame["low"], frame["high"]))
    return frame[["low", "high", "came", "holds", "verdict"]]


def lasting_gains(readings: Mapping[str, Reading], economics: Economics) -> pd.DataFrame:
    """`clv_gained` of every test that has one, indexed by test and arm. Raises NotEnoughData when none has.

    >>> lasting_gains({"spring": reading}, Economics())[["ends", "grows", "verdict"]].round(1)
                 ends  grows verdict
    test   arm
    spring mail   3.0   18.2      up
    """
    return of_each(readings, lambda one: clv_gained(one, economics), message("No test tells what CLV may come to."))
