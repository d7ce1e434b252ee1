"""The experiments table → one test as it was run: who was in which arm, who is left out and why, watched how long.

Everybody is watched for the same number of days after assignment, or the arms could not be compared. Left out, and
counted: customers found in two arms, without a date, or assigned too late to be watched that long.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import comb
from types import MappingProxyType
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import chisquare

from clvlib.causes.contrast import LEVEL
from clvlib.errors import CannotAnswer, NotEnoughData, UsageError
from clvlib.language import phrase

FEWEST_IN_ARM = 25  # customers in an arm: below, an interval around a mean of heavy-tailed amounts means little
MOST_IN_TWO = 0.10  # share of a test's customers in two arms above which it isn't read
_FEWEST_DAYS = 7
WATCHED = 0.9  # share of the customers whose days after assignment must all have been seen
NO_SHARES: Mapping[str, float] = MappingProxyType({})  # all arms alike
ALARM = 0.001  # a sample ratio less likely than this is no chance (Kohavi, Tang & Xu 2020, chapter 21)


@dataclass(frozen=True)
class Trial:
    """One test. `customers`: customer_id → variant, date (of assignment). `arms`: arm → in_the_table and what was left
    out of it (in_two_arms, without_a_date, before_the_data, too_late), kept. `dated` is False when the table has no
    dates: then `date` is the day stated, or the first day of the data. `in_two_arms`: customers, each counted once.

    >>> test.name, test.both, test.window_days, len(test.customers)
    ('spring', ('control', 'mail'), 180, 400)
    """

    name: str
    control: str
    variants: tuple[str, ...]
    customers: pd.DataFrame
    window_days: int
    dated: bool
    arms: pd.DataFrame
    in_two_arms: int = 0

    @property
    def both(self) -> tuple[str, ...]:
        """All arms, the control first."""
        return (self.control, *self.variants)

    @property
    def level(self) -> float:
        """Level of one interval, so that those of all pairs of arms hold together in 95 % (Bonferroni; Dunn 1961)."""
        return 1 - (1 - LEVEL) / comb(len(self.both), 2)


def names(experiments: pd.DataFrame) -> list[str]:
    """The tests in the table, by their first assignment, then by name.

    >>> names(pd.DataFrame({"experiment": ["winback", "welcome"], "date": ["2026-03-01", "2026-01-15"]}))
    ['welcome', 'winback']
    """
    rows = experiments.assign(date=_dates(experiments))
    first = rows.groupby("experiment")["date"].min().reset_index()
    return [str(name) for name in first.sort_values(["date", "experiment"])["experiment"]]


def _dates(experiments: pd.DataFrame) -> pd.Series:
    missing = pd.Series(pd.NaT, index=experiments.index)
    return pd.to_datetime(experiments.get("date", missing)).dt.normalize()


def prepare(
    experiments: pd.DataFrame,
    name: str,
    starts: pd.Timestamp,
    as_of: pd.Timestamp,
    window_days: int = 365,
    control: Sequence[str] = ("control",),
    assigned_on: str = "",
) -> Trial:
    """Make one test ready to be read.

    experiments: customer_id, experiment, variant and perhaps date. starts, as_of: first and last day of the data.
    window_days: days after assignment that count, the day of assignment included; fewer where the data end sooner, so
    that nine in ten customers are watched to the end. control: what the arm left alone is called, in one test or
    another. assigned_on: day of assignment of a test whose table has no date; without it all days count as after.

    Raises CannotAnswer when no arm is called `control`; NotEnoughData when there is one arm only, an arm with nobody
    (or fewer than 25) is all that could be compared, or it was watched for less than a week; UsageError.

    >>> people = pd.DataFrame({"customer_id": range(100), "experiment": "spring", "variant": ["control", "mail"] * 50})
    >>> days = ["2026-01-01"] * 97 + ["2026-06-01"] * 3
    >>> test = prepare(people.assign(date=days), "spring", pd.Timestamp("2025-01-01"), pd.Timestamp("2026-06-30"), 90)
    >>> test.window_days, len(test.customers)
    (90, 97)
    >>> test.arms[["in_the_table", "too_late", "kept"]]
             in_the_table  too_late  kept
    arm
    control            50         1    49
    mail               50         2    48
    """
    if window_days < _FEWEST_DAYS:
        raise UsageError(
            phrase("window_days is {days}.", days=window_days), phrase("Give {n} or more.", n=_FEWEST_DAYS)
        )
    rows = experiments.assign(date=_dates(experiments))
    rows = rows[(rows["experiment"] == name) & rows["variant"].notna()]
    if rows.empty:
        raise UsageError(
            phrase("There is no experiment {test!r}.", test=name),
            phrase("There are: {names}.", names=", ".join(names(experiments))),
        )
    arms = sorted(rows["variant"].unique())
    if len(arms) == 1:
        raise NotEnoughData(
            phrase(
                "The experiment {test!r} has one arm only, {arm!r}: there is nothing to compare it with.",
                test=name,
                arm=arms[0],
            ),
            "Bring the customers who were left alone too: without them, what would have happened anyway isn't known.",
        )
    left_alone = _control(name, arms, control)
    dated = bool(rows["date"].notna().any())
    if not dated:
        rows = rows.assign(date=_stated(assigned_on) if assigned_on else starts)
    each = rows.groupby("customer_id").agg(
        variant=("variant", "min"), last=("variant", "max"), date=("date", "min"), undated=("date", "count")
    )
    status = pd.Series("kept", index=each.index)
    seen = (as_of - each["date"]).dt.days + 1
    status[seen.isna()] = "without_a_date"
    days = _window(name, seen[seen > 0], window_days)
    status[seen < days] = "too_late"
    status[each["date"] < starts.normalize()] = "before_the_data"
    status[each["variant"] != each["last"]] = "in_two_arms"
    twice = float((status == "in_two_arms").mean())
    if twice > MOST_IN_TWO:
        raise NotEnoughData(
            phrase(
                "In the experiment {test!r} {share:.0%} of the customers stand in two arms: what is left is no fair "
                "test.",
                test=name,
                share=twice,
            ),
            "Correct the assignment; a test whose arms mix can't be read.",
        )
    reasons = ["in_two_arms", "without_a_date", "before_the_data", "too_late", "kept"]
    of_rows = rows[["customer_id", "variant"]].drop_duplicates().set_index("customer_id")
    counted = pd.crosstab(of_rows["variant"], status.reindex(of_rows.index).to_numpy()).reindex(columns=reasons)
    table = counted.fillna(0).astype(int).rename_axis(index="arm", columns=None)
    table.insert(0, "in_the_table", table.sum(axis=1))
    table = table.reindex([left_alone, *(arm for arm in arms if arm != left_alone)])
    enough = table.index[table["kept"] >= FEWEST_IN_ARM]
    variants = tuple(arm for arm in enough if arm != left_alone)
    if left_alone not in enough or not variants:
        listed = ", ".join(f"{arm} {kept:,}" for arm, kept in table["kept"].items())
        raise NotEnoughData(
            phrase(
                "The experiment {test!r} leaves too few customers to compare ({arms}); an arm needs {least}.",
                test=name,
                arms=listed,
                least=FEWEST_IN_ARM,
            ),
            "Those in two arms, without a date, assigned before the data or too late don't count: correct the table.",
        )
    kept = each[(status == "kept") & each["variant"].isin(enough)]
    customers = kept[["variant", "date"]].sort_index()
    return Trial(name, left_alone, variants, customers, days, dated, table, int((status == "in_two_arms").sum()))


def prepare_all(experiments: pd.DataFrame, **asked: Any) -> tuple[dict[str, Trial], dict[str, str]]:
    """`prepare` every test of the table. Returns those that can be read, and why the others can't.

    Raises NotEnoughData when none can.

    >>> tests = shop.table("experiments").to_pandas()
    >>> ready, refused = prepare_all(tests, starts=shop.starts, as_of=shop.as_of)
    >>> list(ready), refused
    (['onboarding_quiz', 'welcome_offer', 'winback'], {})
    """
    ready: dict[str, Trial] = {}
    refused: dict[str, str] = {}
    for name in names(experiments):
        try:
            ready[name] = prepare(experiments, name, **asked)
        except CannotAnswer as error:
            refused[name] = str(error)
    if not ready:
        raise NotEnoughData("No experiment can be read.", " ".join(refused.values()))
    return ready, refused


def overview(tests: Mapping[str, Trial]) -> pd.DataFrame:
    """All arms of all tests: `Trial.arms` by test and arm, and days (watched, after assignment).

    >>> overview({"spring": test})[["in_the_table", "kept", "days"]]
                    in_the_table  kept  days
    test   arm
    spring control           200   200   180
           mail              200   200   180
    """
    parts = {name: test.arms.assign(days=test.window_days) for name, test in tests.items()}
    return pd.concat(parts, names=["test"])


def _control(name: str, arms: list[str], control: Sequence[str]) -> str:
    wanted = {word.casefold() for word in control}
    found = [arm for arm in arms if arm.casefold() in wanted]
    if len(found) != 1:
        raise CannotAnswer(
            phrase(
                "The experiment {test!r} has {found:no arm|more than one arm} called {control}; its arms are: {arms}.",
                test=name,
                found=len(found),
                control=phrase(" or ").join(map(repr, control)),
                arms=", ".join(arms),
            ),
            "Name the arm that was left alone in control.",
        )
    return found[0]


def _stated(assigned_on: str) -> pd.Timestamp:
    try:
        return pd.Timestamp(assigned_on).normalize()
    except ValueError:
        raise UsageError(
            phrase("assigned_on is {day!r}, not a date.", day=assigned_on), "Write it as 2026-01-31."
        ) from None


def _window(name: str, seen: pd.Series, window_days: int) -> int:
    longest = int(np.quantile(seen, 1 - WATCHED, method="lower")) if len(seen) else 0
    if longest < _FEWEST_DAYS:
        raise NotEnoughData(
            phrase(
                "The experiment {test!r} was watched for {n} day(s) after assignment; it takes {least}.",
                test=name,
                n=longest,
                least=_FEWEST_DAYS,
            ),
            "Wait, or bring transactions until a later day.",
        )
    return min(window_days, longest)


@dataclass(frozen=True)
class SampleRatio:
    """Customers per arm beside those planned, and how likely so large a departure is by chance (chi-squared).

    p: of all in the table; p_kept: of those kept, as a fair test is spoilt too when more are left out of one arm.

    >>> SampleRatio(pd.DataFrame(), p=0.0003, p_kept=0.002).holds
    False
    """

    arms: pd.DataFrame
    p: float
    p_kept: float

    @property
    def holds(self) -> bool:
        return min(self.p, self.p_kept) >= ALARM


def sample_ratio(trial: Trial, shares: Mapping[str, float] = NO_SHARES) -> SampleRatio:
    """Check that arms are as large as they were planned to be: the first thing that a broken test shows.

    shares: arm → planned share, when they aren't equal; a test none of whose variants it names was planned with equal
    arms. Returns arms: arm → customers (all in the table), planned (customers). Raises UsageError, also when some
    variants are named and others aren't.

    >>> ratio = sample_ratio(test, shares={"control": 3, "mail": 1})
    >>> ratio.arms
             customers  planned
    arm
    control        200    300.0
    mail           200    100.0
    >>> ratio.holds
    False
    """
    planned = _planned(shares, trial)
    found, kept = trial.arms["in_the_table"], trial.arms.loc[list(trial.both), "kept"]
    expected, still = (planned[each.index] / planned[each.index].sum() * each.sum() for each in (found, kept))
    table = pd.DataFrame({"customers": found, "planned": expected})
    return SampleRatio(table, float(chisquare(found, expected).pvalue), float(chisquare(kept, still).pvalue))


def sample_ratios(
    tests: Mapping[str, Trial], experiments: pd.DataFrame, shares: Mapping[str, float] = NO_SHARES
) -> dict[str, SampleRatio]:
    """`sample_ratio` of every test. Raises UsageError when `shares` names what is no arm of any test in the table.

    >>> sample_ratios({"spring": test}, done)["spring"].p
    1.0
    """
    arms = {str(arm) for arm in experiments["variant"].dropna()}
    unknown = [arm for arm in shares if arm not in arms]
    if unknown:
        raise UsageError(
            phrase("shares names {arms}, which is no arm of any experiment.", arms=", ".join(map(repr, unknown))),
            phrase("The arms are: {arms}.", arms=", ".join(sorted(arms))),
        )
    return {name: sample_ratio(test, shares) for name, test in tests.items()}


def _planned(shares: Mapping[str, float], trial: Trial) -> pd.Series:
    if not all(0 < share < np.inf for share in shares.values()):
        raise UsageError(phrase("shares is {shares}.", shares=shares), "Planned shares must be above 0.")
    arms = trial.arms.index
    if not set(shares) & (set(arms) - {trial.control}):  # planned for another test
        return pd.Series(1.0, index=arms)
    if missing := [arm for arm in arms if arm not in shares]:
        raise UsageError(
            phrase(
                "shares is {shares}, which doesn't name {arms} of the experiment {test!r}.",
                shares=shares,
                arms=", ".join(missing),
                test=trial.name,
            ),
            "Name all its arms.",
        )
    return pd.Series(shares).reindex(arms)
