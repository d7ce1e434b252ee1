"""Outcomes in the order in which they came in → a running difference with an interval that may be looked at every day.

An interval made for one look at the end is right 95 times in 100 at that look only. A confidence sequence is right, 95
times in 100, at all looks together, so that a test may be watched and stopped at any time (Robbins 1970).

The one here leans on the draw of the arms and on nothing else, as long as the variant does nothing to anybody: who
comes next is treated with one chance, whatever the amounts are, so that false alarms stay below 5 % with any share
of customers treated and however skewed the amounts. That chance is estimated from the customers before; it mustn't be
changed while the test runs. Around an effect that isn't nothing it rests on means of hundreds of customers being nearly
normal, as every interval for a mean does.

With w = treated − its chance and x = outcome − mean of the customers before, S = Σ w·x has steps of mean 0, and
exp(λS − λ²V/2) with V = (Σ w²x² + 2 Σ share·(1 − share)·x²) / 3 isn't expected to grow, as exp(y − y²/6) is never above
1 + y + y²/3 (Delyon 2009, Electronic Journal of Probability 14). Mixed over λ by a normal law, that gives the boundary
of `reach` (Howard, Ramdas, McAuliffe & Sekhon 2021, Annals of Statistics 49).
"""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import norm
from statsmodels.stats.proportion import proportion_confint

from clvlib.causes.contrast import LEVEL
from clvlib.causes.experiments import Reading
from clvlib.errors import NotEnoughData, UsageError
from clvlib.language import phrase
from clvlib.stats import Array

Treated = NDArray[np.bool_]

FIRST_LOOK = 100  # customers in each arm before anybody looks: an effect rests on means
PLANNED = 10  # times the customers of the first look, where no size was planned
LOOKS = (1, 2, 5, 10, 20, 50)


def reach(information: Array, planned: Array | float, level: float = LEVEL) -> Array:
    """How many standard errors the sequence reaches either side.

    Normal mixture boundary √((vρ² + 1) / (vρ²) · log((vρ² + 1) / α²)), v the `information` so far (a number of
    customers, or the variance V of what has been added up) and ρ² = (2 log(1/α) + log(2 log(1/α) + 1)) / planned, which
    makes it nearly as narrow as can be where v is `planned` (Waudby-Smith et al. 2024, equations 8 and 10).

    >>> reach(np.array([100.0, 1000.0, 10000.0]), planned=1000).round(2).tolist()
    [3.86, 3.04, 3.24]
    """
    alpha = 1 - level
    rho2 = (-2 * np.log(alpha) + np.log(-2 * np.log(alpha) + 1)) / planned
    grown = information * rho2 + 1
    return np.sqrt(grown / (information * rho2) * np.log(grown / alpha**2))


def _two_means(values: Array, treated: Treated) -> tuple[Array, Array]:
    """Difference in means and its standard error (Welch), after each customer (last axis)."""
    means, noise = [], []
    for arm in (treated, ~treated):
        n = np.cumsum(arm, axis=-1).astype(float)
        n[n == 0] = np.nan
        held = np.where(arm, values, 0.0)
        mean = np.cumsum(held, axis=-1) / n
        means.append(mean)
        noise.append(np.maximum(np.cumsum(held**2, axis=-1) / n - mean**2, 0.0) / n)
    return means[0] - means[1], np.sqrt(noise[0] + noise[1])


def _first_look(values: Array, treated: Treated) -> NDArray[np.intp]:
    """Place of the customer after whom both arms have FIRST_LOOK and not all outcomes are the same (last axis)."""
    arms = [np.cumsum(arm, axis=-1) for arm in (treated, ~treated)]
    differ = np.maximum.accumulate(values != values[..., :1], axis=-1)
    ready = (np.minimum(*arms) >= FIRST_LOOK) & differ
    if not ready.any(axis=-1).all():
        fewest = min(int(arm[..., -1].min()) for arm in arms)
        raise NotEnoughData(
            "All outcomes are the same: there is nothing to compare."
            if fewest >= FIRST_LOOK
            else phrase("An arm has {n} customers; a sequence starts at {least} in each.", n=fewest, least=FIRST_LOOK),
            "Wait for more customers.",
        )
    return ready.argmax(axis=-1)


def _sequence(
    values: Array, treated: Treated, planned: float | None, level: float = LEVEL
) -> tuple[Array, Array, NDArray[np.intp]]:
    """The estimated difference, how far the sequence reaches either side (after each customer), and the first look.

    Each customer's chance to be treated is the share treated among those before (each arm is given half a customer to
    begin with), so that amounts that rise or fall over time aren't taken for an effect, as they would be with one share
    of some look, off by a little for good. Share, variance and planned size of the first look set how wide the sequence
    is where, and stay: later looks retune nothing. V is at least Σ w²x², which is right where arms differ in variance.
    """
    first = _first_look(values, treated)
    n, at = np.arange(1, values.shape[-1] + 1, dtype=float), np.expand_dims(first, -1)
    sums = [np.cumsum(of, axis=-1, dtype=float) for of in (treated, values, values**2)]
    share, mean, square = (np.take_along_axis(of, at, -1) / (at + 1) for of in sums)
    chance = (sums[0] - treated + 0.5) / n
    drawn = treated - chance
    beyond = values - (sums[1] - values) / np.maximum(n - 1, 1)
    beyond[..., 0] = 0.0
    seen = np.cumsum((drawn * beyond) ** 2, axis=-1)
    due = np.cumsum(chance * (1 - chance) * beyond**2, axis=-1)
    variance, size = (seen + 2 * np.maximum(seen, due)) / 3, np.cumsum(drawn**2, axis=-1)
    size_planned = PLANNED * (at + 1) if planned is None else planned
    with np.errstate(invalid="ignore", divide="ignore"):
        due_then = size_planned * share * (1 - share) * (square - mean**2)
        half = reach(variance, due_then, level) * np.sqrt(variance) / size
    return np.cumsum(drawn * beyond, axis=-1) / size, half, first


def watch(values: Array, treated: Treated, planned: float | None = None) -> pd.DataFrame:
    """The difference in means between treated and others, as customers come in.

    values: one outcome per customer, in the order in which outcomes were known. planned: customers of both arms at
    which the sequence shall be narrowest, settled before the first look; without it, ten times those of the first look.
    Watched again with more customers, every earlier row stays the same. Returns a frame indexed by customers (both
    arms, from FIRST_LOOK in each): difference; low, high (95 %, valid at all looks together); fixed_low, fixed_high
    (valid at one look only). Raises NotEnoughData with fewer customers than that in an arm, or when all outcomes are
    the same; UsageError.

    >>> values = np.arange(1000) % 7 + np.tile([0, 2], 500)
    >>> watch(values, treated=np.tile([False, True], 500)).iloc[[0, -1]].round(2)
               difference   low  high  fixed_low  fixed_high
    customers
    200              2.02  0.81  3.23       1.47        2.57
    1000             2.01  1.57  2.44       1.76        2.25
    """
    values, treated = np.asarray(values, dtype=float), np.asarray(treated, dtype=bool)
    if planned is not None and planned < 2 * FIRST_LOOK:
        raise UsageError(
            phrase("The planned number of customers is {n}.", n=planned), phrase("Give {n} or more.", n=2 * FIRST_LOOK)
        )
    middle, half, first = _sequence(values, treated, planned)
    difference, error = _two_means(values, treated)
    once = norm.ppf((1 + LEVEL) / 2) * error
    frame = pd.DataFrame(
        {
            "difference": difference,
            "low": middle - half,
            "high": middle + half,
            "fixed_low": difference - once,
            "fixed_high": difference + once,
        },
        index=pd.RangeIndex(1, len(values) + 1, name="customers"),
    )
    return frame.iloc[int(first) :]


def first_alarm(watched: pd.DataFrame, low: str = "low", high: str = "high") -> int | None:
    """Customers after which the interval first leaves 0 out; None when it never does.

    >>> watched = pd.DataFrame({"low": [-1.0, 0.2, 0.5], "high": [4.0, 3.5, 3.0]}, index=[200, 201, 202])
    >>> first_alarm(watched)
    201
    """
    out = (watched[low] > 0) | (watched[high] < 0)
    return int(watched.index.to_numpy()[out.to_numpy().argmax()]) if out.any() else None


def false_alarms(
    pool: Array | None,
    customers: int = 2000,
    runs: int = 4000,
    level: float = LEVEL,
    share: float = 0.5,
) -> pd.DataFrame:
    """How often a test without any effect shows one, when it is looked at once, twice … LOOKS times.

    Each run draws `customers` outcomes from `pool` and treats a `share` of them at random, to no effect. Looks are
    spread evenly from FIRST_LOOK customers in each arm to the end, for which the sequence is planned. Returns a frame
    indexed by looks: fixed, sequence (shares of runs with at least one alarm, 0 to 1) and fixed_low … sequence_high
    (95 % for the share, Wilson 1927). Raises NotEnoughData when the pool is None, smaller than FIRST_LOOK or all the
    same; UsageError.

    >>> false_alarms(np.arange(100) % 7, customers=600, runs=100)[["fixed", "sequence"]].round(2)
           fixed  sequence
    looks
    1       0.04      0.00
    2       0.07      0.00
    5       0.13      0.00
    10      0.15      0.02
    20      0.19      0.02
    50      0.20      0.02
    """
    if pool is None or len(pool) < FIRST_LOOK:
        raise NotEnoughData(
            phrase("There are no {n} customers whose value is known to draw tests from.", n=FIRST_LOOK),
            "Bring more customers, or a longer history.",
        )
    least = int(np.ceil(2 * FIRST_LOOK / min(share, 1 - share)))
    if customers < least:
        raise UsageError(phrase("customers is {n}.", n=customers), phrase("Give {n:,} or more.", n=least))
    rng = np.random.default_rng(0)
    alarms = {kind: np.zeros(len(LOOKS), dtype=int) for kind in ("fixed", "sequence")}
    for start in range(0, runs, 100):  # a hundred runs at a time: memory stays small
        shape = (min(100, runs - start), customers)
        values, treated = rng.choice(np.asarray(pool, dtype=float), shape), rng.random(shape) < share
        middle, half, first = _sequence(values, treated, customers, level)
        difference, error = _two_means(values, treated)
        out = {"fixed": np.abs(difference) > norm.ppf((1 + level) / 2) * error, "sequence": np.abs(middle) > half}
        end = np.full_like(first, customers - 1)
        for place, looks in enumerate(LOOKS):
            at = np.linspace(first if looks > 1 else end, end, looks, axis=-1).astype(int)
            for kind in alarms:
                alarms[kind][place] += int(np.take_along_axis(out[kind], at, -1).any(axis=-1).sum())
    frame = pd.DataFrame(alarms, index=pd.Index(LOOKS, name="looks"))
    for kind in alarms:
        low, high = proportion_confint(frame[kind].to_numpy(), runs, method="wilson")
        frame[f"{kind}_low"], frame[f"{kind}_high"] = low, high
    frame[list(alarms)] = frame[list(alarms)] / runs
    return frame


def watch_a_test(readings: Mapping[str, Reading], planned: float | None = None) -> tuple[str, pd.DataFrame]:
    """`watch` the test whose customers were assigned over the most days, its first variant against the control.

    Customers come in the order of assignment; those of one day in an order drawn by chance, as their ids might follow
    the arms. Each outcome is complete as many days later as the window has. planned: as in `watch`. Returns the test's
    name and `watch`. Raises NotEnoughData when all tests assigned everybody on one day.

    >>> name, watched = watch_a_test({"spring": reading})
    >>> watched.iloc[[-1]].round(2)
               difference   low  high  fixed_low  fixed_high
    customers
    400              2.91  0.72  5.09       1.63        4.19
    """
    spans = {name: reading.trial.customers["date"].nunique() for name, reading in readings.items()}
    name = max(spans, key=lambda test: (spans[test], len(readings[test].outcomes)))
    if spans[name] < 2:
        raise NotEnoughData(
            "All customers of every test were assigned on one day: their outcomes are complete at the same time.",
            "There was nothing to watch: read the test once, when its days are over.",
        )
    test = readings[name].trial
    two = test.customers[test.customers["variant"].isin(test.both[:2])]
    two = two.assign(drawn=pd.util.hash_array(two.index.to_numpy(dtype=object))).sort_values(["date", "drawn"])
    values = readings[name].outcomes.loc[two.index, "value"].to_numpy(dtype=float)
    return name, watch(values, (two["variant"] == test.variants[0]).to_numpy(), planned)


def pool(readings: Mapping[str, Reading]) -> Array:
    """Outcomes of the largest control arm of all tests: customers to draw tests without an effect from.

    >>> pool({"spring": reading}).shape
    (200,)
    """
    arms = []
    for reading in readings.values():
        alone = reading.outcomes["variant"] == reading.trial.control
        arms.append(reading.outcomes.loc[alone, "value"].to_numpy(dtype=float))
    return max(arms, key=len)
