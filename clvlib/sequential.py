"""Outcomes in the order in which they came in → a running difference with an interval that may be looked at every day.

An interval made for one look at the end is right 95 times in 100 at that look only. A confidence sequence is right, 95
times in 100, at all looks together, so that a test may be watched and stopped at any time (Robbins 1970). The one here
is asymptotic: it takes means of a few hundred customers to be nearly normal, and nothing else (Waudby-Smith, Arbour,
Sinha, Kennedy & Ramdas 2024, Annals of Statistics 52).
"""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import norm
from statsmodels.stats.proportion import proportion_confint

from clvlib.experiments import Reading
from clvlib.tables import NotEnoughData, UsageError

Array = NDArray[np.float64]

LEVEL = 0.95
FIRST_LOOK = 100  # customers in each arm before anybody looks: amounts are skewed
LOOKS = (1, 2, 5, 10, 20, 50)


def reach(n: Array, planned: float, level: float = LEVEL) -> Array:
    """How many standard errors the sequence reaches either side, after n customers of both arms.

    Normal mixture boundary, equation (8) of Waudby-Smith et al.: √((nρ² + 1) / (nρ²) · log((nρ² + 1) / α²)), ρ² being
    (2 log(1/α) + log(2 log(1/α) + 1)) / planned, which makes it nearly as narrow as can be at `planned` customers.
    """
    alpha = 1 - level
    rho2 = (-2 * np.log(alpha) + np.log(-2 * np.log(alpha) + 1)) / planned
    grown = n * rho2 + 1
    return np.sqrt(grown / (n * rho2) * np.log(grown / alpha**2))


def _running(values: Array, treated: NDArray[np.bool_]) -> tuple[Array, Array, Array]:
    """Difference in means, its standard error and the smaller arm's customers, after each customer (last axis)."""
    means, noise, counts = [], [], []
    for arm in (treated, ~treated):
        n = np.cumsum(np.broadcast_to(arm, values.shape), axis=-1).astype(float)
        n[n == 0] = np.nan
        held = np.where(arm, values, 0.0)
        mean = np.cumsum(held, axis=-1) / n
        spread = np.maximum(np.cumsum(held**2, axis=-1) / n - mean**2, 0.0)
        means.append(mean)
        noise.append(spread / n)
        counts.append(np.nan_to_num(n))
    return means[0] - means[1], np.sqrt(noise[0] + noise[1]), np.minimum(*counts)


def watch(values: Array, treated: NDArray[np.bool_]) -> pd.DataFrame:
    """The difference in means between treated and others, as customers come in.

    values: one outcome per customer, in the order in which outcomes were known; the sequence is narrowest at the last.
    Returns a frame indexed by customers (both arms, from FIRST_LOOK in each): difference; low, high (95 %, valid at all
    looks together); fixed_low, fixed_high (valid at one look only). Raises NotEnoughData with fewer customers than that
    in an arm.
    """
    values, treated = np.asarray(values, dtype=float), np.asarray(treated, dtype=bool)
    if min(treated.sum(), (~treated).sum()) < FIRST_LOOK:
        raise NotEnoughData(
            f"An arm has {min(treated.sum(), (~treated).sum())} customers; a sequence starts at {FIRST_LOOK} in each.",
            "Wait for more customers.",
        )
    difference, error, smaller = _running(values, treated)
    n = np.arange(1, len(values) + 1, dtype=float)
    with np.errstate(invalid="ignore"):
        always, once = reach(n, len(values)) * error, norm.ppf((1 + LEVEL) / 2) * error
    frame = pd.DataFrame(
        {
            "difference": difference,
            "low": difference - always,
            "high": difference + always,
            "fixed_low": difference - once,
            "fixed_high": difference + once,
        },
        index=pd.RangeIndex(1, len(values) + 1, name="customers"),
    )
    return frame[smaller >= FIRST_LOOK]


def first_alarm(watched: pd.DataFrame, low: str = "low", high: str = "high") -> int | None:
    """Customers after which the interval first leaves 0 out; None when it never does."""
    out = (watched[low] > 0) | (watched[high] < 0)
    return int(watched.index.to_numpy()[out.to_numpy().argmax()]) if out.any() else None


def false_alarms(
    pool: Array | None, customers: int = 2000, runs: int = 4000, level: float = LEVEL, seed: int = 0
) -> pd.DataFrame:
    """How often a test without any effect shows one, when it is looked at once, twice … LOOKS times.

    Each run draws `customers` outcomes from `pool` and deals them to two equal arms: nothing differs. Looks are spread
    evenly from FIRST_LOOK customers in each arm to the end. Returns a frame indexed by looks: fixed, sequence (shares
    of runs with at least one alarm, 0 to 1) and fixed_low … sequence_high (95 % for the share, Wilson 1927). Raises
    NotEnoughData when the pool is None or smaller than FIRST_LOOK; UsageError.
    """
    if pool is None or len(pool) < FIRST_LOOK:
        raise NotEnoughData(
            f"There are no {FIRST_LOOK} customers whose value is known to draw tests from.",
            "Bring more customers, or a longer history.",
        )
    if customers < 4 * FIRST_LOOK:
        raise UsageError(f"customers is {customers}.", f"Give {4 * FIRST_LOOK} or more.")
    rng = np.random.default_rng(seed)
    treated = np.arange(customers) % 2 == 0
    at = {looks: _looks(looks, customers) for looks in LOOKS}
    alarms = {kind: dict.fromkeys(LOOKS, 0) for kind in ("fixed", "sequence")}
    n = np.arange(1, customers + 1, dtype=float)
    bounds = {"fixed": np.full(customers, norm.ppf((1 + level) / 2)), "sequence": reach(n, customers, level)}
    for start in range(0, runs, 100):  # a hundred runs at a time: memory stays small
        values = rng.choice(np.asarray(pool, dtype=float), (min(100, runs - start), customers))
        difference, error, _ = _running(values, treated)
        for kind, bound in bounds.items():
            out = np.abs(difference) > bound * error
            for looks in LOOKS:
                alarms[kind][looks] += int(out[:, at[looks]].any(axis=1).sum())
    frame = pd.DataFrame(alarms).rename_axis("looks")
    for kind in bounds:
        low, high = proportion_confint(frame[kind].to_numpy(), runs, method="wilson")
        frame[f"{kind}_low"], frame[f"{kind}_high"] = low, high
    frame[list(bounds)] = frame[list(bounds)] / runs
    return frame


def _looks(looks: int, customers: int) -> NDArray[np.intp]:
    if looks == 1:
        return np.array([customers - 1])
    return np.linspace(2 * FIRST_LOOK, customers, looks).astype(int) - 1


def watch_a_test(readings: Mapping[str, Reading], metric: str = "value") -> tuple[str, pd.DataFrame]:
    """`watch` the test whose customers were assigned over the most days, its first variant against the control.

    Customers come in the order of assignment (then of customer_id): each outcome is complete as many days later as the
    window has. Returns the test's name and `watch`. Raises NotEnoughData when all tests assigned everybody on one day.
    """
    spans = {name: reading.trial.customers["date"].nunique() for name, reading in readings.items()}
    name = max(spans, key=lambda test: (spans[test], len(readings[test].outcomes)))
    if spans[name] < 2:
        raise NotEnoughData(
            "All customers of every test were assigned on one day: their outcomes are complete at the same time.",
            "There was nothing to watch: read the test once, when its days are over.",
        )
    test = readings[name].trial
    two = test.customers[test.customers["variant"].isin(test.both[:2])].sort_values("date", kind="stable")
    values = readings[name].outcomes.loc[two.index, metric].to_numpy(dtype=float)
    return name, watch(values, (two["variant"] == test.variants[0]).to_numpy())


def pool(readings: Mapping[str, Reading], metric: str = "value") -> Array:
    """Outcomes of the largest control arm of all tests: customers to draw tests without an effect from."""
    arms = []
    for reading in readings.values():
        alone = reading.outcomes["variant"] == reading.trial.control
        arms.append(reading.outcomes.loc[alone, metric].to_numpy(dtype=float))
    return max(arms, key=len)
