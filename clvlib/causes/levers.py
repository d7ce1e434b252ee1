"""What each arm of a test did → why it differs: the levers behind it, the second purchase, the course of time."""

from collections.abc import Mapping
from itertools import combinations
from math import factorial

import ibis
import numpy as np
import pandas as pd
from statsmodels.duration.survfunc import SurvfuncRight, survdiff

from clvlib.aggregate import clock
from clvlib.causes.contrast import FEW, Contrast, contrasts
from clvlib.causes.covariates import adjusted, expected
from clvlib.causes.experiments import Reading, of_each
from clvlib.causes.trial import Trial
from clvlib.dataset import Economics
from clvlib.errors import NotEnoughData
from clvlib.language import message, phrase
from clvlib.stats import Array

PARTS = (message("conversion"), message("orders per buyer"), message("order value"), message("margin"))
_PARTS = ["converted", "orders", "revenue", "value"]  # whose ratios, one after the other, are the levers


def parts_of_difference(outcomes: pd.DataFrame, trial: Trial) -> pd.DataFrame:
    """Split each variant's difference in value realised into levers that multiply to it.

    Value per assigned customer = conversion × orders per buyer × order value × margin (value over revenue); each
    lever's part is its Shapley value, the mean of what it changes over all orders in which the levers may move
    (Shapley 1953), so that the parts add up exactly. Intervals of 95 %, for all pairs of arms together, by the delta
    method and `contrast`.

    Returns a frame indexed by arm and lever: control, variant (the lever itself: 0 to 1, orders, currency, 0 to 1),
    effect, low, high (currency per assigned customer); the row "all" is the sum. Variants of which a part is not enough
    (see `contrast`) are left out. Raises NotEnoughData when all are, fewer than 10 customers bought in an arm, or its
    revenue is not above 0.

    >>> parts_of_difference(done, test).round(2)
                           control  variant  effect   low  high
    arm  lever
    mail conversion           0.72     0.86    1.64  0.70  2.58
         orders per buyer     1.80     2.08    1.29  0.39  2.20
         order value         20.00    24.00    1.67  1.55  1.79
         margin               0.30     0.25   -1.69 -1.81 -1.57
         all                  7.74    10.65    2.91  1.62  4.20
    """
    arms = {arm: outcomes.loc[outcomes["variant"] == arm, _PARTS].to_numpy(dtype=float) for arm in trial.both}
    means = {arm: values.mean(axis=0) for arm, values in arms.items()}
    if min(mean[:3].min() for mean in means.values()) <= 0 or min(arm[:, 0].sum() for arm in arms.values()) < FEW:
        raise NotEnoughData(
            phrase(
                "In the experiment {test!r} an arm has fewer than {least} customers with a purchase, or no revenue "
                "after refunds.",
                test=trial.name,
                least=FEW,
            ),
            "A difference can't be split into levers there: wait for more purchases.",
        )
    rows: dict[tuple[str, str], tuple[float, ...]] = {}
    why: list[str] = []
    base = means[trial.control]
    for arm in trial.variants:
        point = np.concatenate([base, means[arm]])
        effect = _split(point)
        slopes = np.empty((len(effect), len(point)))
        for i, step in enumerate(1e-5 * np.maximum(np.abs(point), 1e-3)):
            moved = np.zeros(len(point))
            moved[i] = step
            slopes[:, i] = (_split(point + moved) - _split(point - moved)) / (2 * step)
        own = effect + (arms[arm] - means[arm]) @ slopes[:, len(_PARTS) :].T  # each customer's part in each lever
        found = contrasts(own, (base - arms[trial.control]) @ slopes[:, : len(_PARTS)].T, counted=False)
        if refused := [str(each) for each in found if isinstance(each, NotEnoughData)]:
            why.append(phrase("{name}: {why}", name=arm, why=refused[0]))
            continue
        sides = [np.append(_ratios(mean), mean[3]) for mean in (base, means[arm])]
        for i, label in enumerate([*PARTS, message("all")]):
            known = found[i]
            cannot_move = (effect[i], effect[i])
            ends = known.interval(trial.level) if isinstance(known, Contrast) else cannot_move
            rows[arm, label] = (sides[0][i], sides[1][i], effect[i], *ends)
    if not rows:
        raise NotEnoughData(
            phrase("The difference in {test!r} is not enough to be split into levers.", test=trial.name), " ".join(why)
        )
    frame = pd.DataFrame.from_dict(rows, orient="index", columns=["control", "variant", "effect", "low", "high"])
    return frame.set_axis(pd.MultiIndex.from_tuples(rows, names=["arm", "lever"]))


def parts_of_all(readings: Mapping[str, Reading]) -> pd.DataFrame:
    """`parts_of_difference` of every test that can be split, indexed by test, arm and lever.

    Raises NotEnoughData when none can.

    >>> parts_of_all({"spring": reading})["effect"].unstack("lever").round(2)
    lever         all  conversion  margin  order value  orders per buyer
    test   arm
    spring mail  2.91        1.64   -1.69         1.67              1.29
    """

    def ask(one: Reading) -> pd.DataFrame:
        return parts_of_difference(one.outcomes, one.trial)

    return of_each(readings, ask, message("No test can be split into levers."))


def _ratios(means: Array) -> Array:
    return means / np.append(1.0, means[:3])


def _split(point: Array) -> Array:
    """Parts of the levers and their sum; point: means of control, then variant."""
    control, variant = np.split(point, 2)
    found = shapley_parts(_ratios(control), _ratios(variant))
    return np.append(found, found.sum())


def shapley_parts(before: Array, after: Array) -> Array:
    """Split the change of a product of factors among them: Shapley values, which sum to it exactly.

    >>> before, after = np.array([10.0, 2.0]), np.array([12.0, 3.0])
    >>> shapley_parts(before, after).round(2).tolist(), float(after.prod() - before.prod())
    ([5.0, 11.0], 16.0)
    """
    n = len(before)
    parts = np.zeros(n)
    for i in range(n):
        others = [j for j in range(n) if j != i]
        for size in range(n):
            weight = factorial(size) * factorial(n - size - 1) / factorial(n)
            for moved in combinations(others, size):
                rest = np.prod([after[j] if j in moved else before[j] for j in others])
                parts[i] += weight * rest * (after[i] - before[i])
    return parts


def second_purchase(outcomes: pd.DataFrame, trial: Trial) -> pd.DataFrame:
    """Share of the buyers who have bought again, by days since their first purchase after assignment.

    Kaplan & Meier 1958, those not seen for so long not counted. Returns a frame indexed by days (0 …), a column
    (0 to 1) per arm with at least 5 buyers. Raises NotEnoughData when no arm has them.

    >>> second_purchase(done, test).loc[[0, 10, 30]].round(2)
          control  mail
    days
    0        0.00  0.00
    10       0.15  0.20
    30       0.43  0.56
    """
    curves = {}
    for arm in trial.both:
        wait, again = _waits(outcomes[outcomes["variant"] == arm], trial)
        if len(wait) < 5:
            continue
        curve = SurvfuncRight(wait, again)
        steps = pd.Series(1 - curve.surv_prob, index=curve.surv_times.astype(int))
        curves[arm] = steps.reindex(range(int(wait.max()) + 1)).ffill().fillna(0.0)
    if not curves or outcomes["bought_twice"].sum() == 0:
        raise NotEnoughData(
            phrase(
                "In the experiment {test!r} nobody bought twice, or fewer than 5 customers of each arm bought.",
                test=trial.name,
            ),
            "The time to the second purchase can't be told yet: wait.",
        )
    return pd.DataFrame(curves).ffill().rename_axis("days")


def second_purchase_p(outcomes: pd.DataFrame, trial: Trial) -> float:
    """How likely curves so far apart are by chance (log-rank test); 1 when there is nothing to tell apart.

    >>> round(second_purchase_p(done, test), 2)
    0.29
    """
    buyers = outcomes[outcomes["converted"] == 1]
    wait, again = _waits(buyers, trial)
    arms = buyers.loc[wait.index, "variant"]
    if again.sum() == 0 or arms.nunique() < 2:
        return 1.0
    return float(survdiff(wait.to_numpy(), again.to_numpy(), arms.to_numpy())[1])


def _waits(some: pd.DataFrame, trial: Trial) -> tuple[pd.Series, pd.Series]:
    """Days from the first purchase to the second, or to the window's end, and whether it was the second."""
    wait = some["second_day"].fillna(trial.window_days - 1) - some["first_day"]
    wait = wait[wait > 0]
    return wait, some["second_day"].reindex(wait.index).notna().astype(int)


def cumulated(
    trial: Trial, clocked: ibis.Table, economics: Economics, before: pd.DataFrame | None = None, steps: int = 12
) -> pd.DataFrame:
    """The difference in value per assigned customer so far, as the days since assignment pass.

    Adjusted by what was known `before`. Returns a long frame: arm, day (int, the last day of a step + 1, up to the
    window), difference, low, high (currency; 95 % at each day by itself), from the first step in which anybody bought.
    Raises NotEnoughData when all purchases are dated on one day after assignment, as where only their sum is known: a
    course drawn from them would be made up; or when no variant's last day is enough (see `contrast`). Days that are not
    enough are left out, and variants whose last day isn't.

    >>> cumulated(test, clocked, sample.economics, steps=3).round(2)
        arm  day  difference   low  high
    0  mail   60        0.33 -1.26  1.91
    1  mail  120       -0.15 -2.60  2.31
    2  mail  180       -1.40 -4.83  2.04
    """
    days, people = trial.window_days, trial.customers.index
    every = -(-days // steps)
    bought = clock.purchases(clocked, days)
    if bought["day"].nunique() < 2:
        raise NotEnoughData(
            phrase("In the experiment {test!r} all purchases after assignment are dated on one day.", test=trial.name),
            "When the difference comes can't be told: bring the days on which customers bought.",
        )
    brought = clock.money_around(clocked, 0, days - 1, economics.margin, every)["contribution"].unstack(fill_value=0)
    orders = bought.groupby(["customer_id", bought["day"] // every]).size().unstack(fill_value=0)
    columns = range(-(-days // every))
    spread = [part.reindex(index=people, columns=columns, fill_value=0.0) for part in (brought, orders)]
    so_far = (spread[0] - economics.service_cost_per_order * spread[1]).cumsum(axis=1)
    so_far = so_far.loc[:, (so_far != 0).any()]
    ends = np.minimum((so_far.columns.to_numpy() + 1) * every, days)
    frames = (so_far, adjusted(so_far, expected(so_far, before)[0]))
    plain, net = ({arm: frame[trial.customers["variant"] == arm].to_numpy() for arm in trial.both} for frame in frames)
    rows, why = [], []
    for arm in trial.variants:
        found = contrasts(plain[arm], plain[trial.control], (net[arm], net[trial.control]))
        if isinstance(found[-1], NotEnoughData):
            why.append(phrase("{name}: {why}", name=arm, why=found[-1]))
            continue
        dated = [(day, each) for day, each in zip(ends, found, strict=True) if isinstance(each, Contrast)]
        told = [(day, each.difference, *each.interval(trial.level)) for day, each in dated]
        rows.append(pd.DataFrame(told, columns=["day", "difference", "low", "high"]))
        rows[-1].insert(0, "arm", arm)
    if not rows:
        raise NotEnoughData(
            phrase("The difference in {test!r} is not enough to be followed.", test=trial.name), " ".join(why)
        )
    return pd.concat(rows, ignore_index=True)


def course(readings: Mapping[str, Reading], economics: Economics) -> pd.DataFrame:
    """`cumulated` of every test that has a course, with a first column test. Raises NotEnoughData when none has.

    >>> course({"spring": reading}, sample.economics).round(2).iloc[[0, -1]]
          test   arm  day  difference   low  high
    0   spring  mail   15        0.25 -0.58  1.07
    11  spring  mail  180       -1.39 -4.85  2.04
    """

    def ask(one: Reading) -> pd.DataFrame:
        return cumulated(one.trial, one.clocked, economics, one.before)

    return of_each(readings, ask, message("No test has a course of time.")).reset_index("test").reset_index(drop=True)


def side_by_side(course: pd.DataFrame, column: str = "difference") -> pd.DataFrame:
    """One column of `course` by day (rows), a column for each test and arm; days between steps interpolated.

    >>> steps = pd.DataFrame({"test": ["a", "a", "a", "b", "b"], "arm": "mail", "day": [30, 60, 90, 30, 90]})
    >>> side_by_side(steps.assign(difference=[1.0, 2.0, 4.0, 0.5, 1.5]))
         a, mail  b, mail
    day
    30       1.0      0.5
    60       2.0      1.0
    90       4.0      1.5
    """
    named = course.assign(arm=course["test"] + ", " + course["arm"])
    wide = named.pivot(index="day", columns="arm", values=column).rename_axis(columns=None)
    return wide.interpolate("index", limit_area="inside")


def clear_since(rows: pd.DataFrame) -> int | None:
    """The first day (of one arm's `cumulated`) from which the interval leaves 0 out until the end; None if never.

    >>> clear_since(pd.DataFrame({"day": [30, 60, 90], "low": [-1.0, 0.5, 1.0], "high": [2.0, 3.0, 4.0]}))
    60
    """
    clear = ((rows["low"] > 0) | (rows["high"] < 0)).to_numpy()
    if not clear[-1]:
        return None
    return int(rows["day"].to_numpy()[len(clear) - int(np.argmin(np.append(clear[::-1], False)))])
