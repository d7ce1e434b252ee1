"""Tests that are looked at after every customer: by chance an alarm, in how many of them? (notebook 06b)

Arms from 10/90 to 90/10, tests of 2,000 to 20,000 customers, amounts from tame to wild. Where the variant does nothing
to anybody, the sequence promises at most 5 % of tests with an alarm; with an effect, that 95 % of tests hold the truth
at every look. The interval at the look that leaves it furthest out is the answer.
"""

from collections.abc import Callable
from functools import partial

import numpy as np

from benchmarks.worlds.proof import Answer, World
from clvlib.causes import sequential

Draw = Callable[[np.random.Generator, int, float], np.ndarray]


def _rare(buyers: float, log_mean: float, log_sd: float) -> Draw:
    """A share of buyers, times `lift`, with lognormal amounts."""

    def draw(random: np.random.Generator, n: int, lift: float = 1.0) -> np.ndarray:
        return np.where(random.random(n) < buyers * lift, random.lognormal(log_mean, log_sd, n), 0.0)

    return draw


AMOUNTS: dict[str, tuple[Draw, float]] = {  # with the mean at a lift of 1
    "normal": (lambda random, n, lift=1.0: random.normal(lift, 2.0, n), 1.0),
    "orders (Poisson)": (lambda random, n, lift=1.0: random.poisson(lift, n).astype(float), 1.0),
    "lognormal, σ 2": (lambda random, n, lift=1.0: lift * random.lognormal(0, 2, n), float(np.exp(2))),
    "10 % buyers": (_rare(0.1, 3, 1), 0.1 * float(np.exp(3.5))),
    "1 % buyers": (_rare(0.01, 4.5, 0.9), 0.01 * float(np.exp(4.5 + 0.9**2 / 2))),
}


def _worst(values: np.ndarray, treated: np.ndarray, truth: float, planned: int | None) -> Answer:
    watched = sequential.watch(values, treated, planned)
    low, high = watched["low"].to_numpy(), watched["high"].to_numpy()
    at = int(np.argmax(np.abs(truth - (low + high) / 2) / (high - low)))
    return Answer(truth, float(watched["difference"].iloc[-1]), float(low[at]), float(high[at]))


def watched(seed: int, amounts: str, share: float, customers: int, lift: float = 1.0, planned: bool = True) -> Answer:
    """A test of so many customers, looked at after each one of them."""
    random = np.random.default_rng([seed, customers])
    draw, mean = AMOUNTS[amounts]
    treated = random.random(customers) < share
    values = np.where(treated, draw(random, customers, lift), draw(random, customers, 1.0))
    return _worst(values, treated, (lift - 1) * mean, customers if planned else None)


def wider(seed: int, share: float, customers: int) -> Answer:
    """The same mean in both arms, but the treated vary three times as much."""
    random = np.random.default_rng(seed)
    treated = random.random(customers) < share
    values = random.normal(0, np.where(treated, 3.0, 1.0))
    return _worst(values, treated, 0.0, customers)


def drifting(seed: int, share: float, customers: int) -> Answer:
    """Customers order more and more as time goes by, in both arms alike."""
    random = np.random.default_rng([seed, customers])
    treated = random.random(customers) < share
    values = random.poisson(np.linspace(0.5, 2.0, customers)).astype(float)
    return _worst(values, treated, 0.0, customers)


def daily(seed: int, customers: int = 20_000, days: int = 100) -> Answer:
    """A test without a planned size, read anew every day from what has come in by then, and stopped at an alarm."""
    random = np.random.default_rng(seed)
    treated, values = random.random(customers) < 0.5, random.normal(0, 1, customers)
    for day in range(1, days + 1):
        n = customers * day // days
        today = sequential.watch(values[:n], treated[:n]).iloc[-1] if n > 400 else None
        if today is not None and not today["low"] <= 0 <= today["high"]:
            break
    return Answer(0.0, float(today["difference"]), float(today["low"]), float(today["high"]))


def _arms(share: float) -> str:
    return f"{100 * share:.0f}/{100 * (1 - share):.0f}"


def _world(name: str, run: Callable[[int], Answer], kind: str = "alarms", repetitions: int = 500) -> World:
    level = 0.05 if kind == "alarms" else 0.95
    return World("confidence sequence", name, run, kind, level, repetitions, 1.0, AT_ANY_LOOK)  # type: ignore[arg-type]


AT_ANY_LOOK = 5.0  # times as wide as the estimates scatter
WORLDS = [
    *(
        _world(
            f"no effect, {_arms(share)}, {amounts}, {customers:,}",
            partial(watched, amounts=amounts, share=share, customers=customers),
            repetitions=300 if customers > 4000 else 500,
        )
        for amounts in AMOUNTS
        for share, customers in [(0.1, 2000), (0.1, 4000), (0.1, 20_000), (0.3, 4000), (0.5, 4000), (0.9, 4000)]
    ),
    *(
        _world(
            f"half as much again, {_arms(share)}, {amounts}",
            partial(watched, amounts=amounts, share=share, customers=4000, lift=1.5),
            "covers",
        )
        for amounts in AMOUNTS
        for share in (0.1, 0.5)
    ),
    _world(
        "no size planned, 10/90, 10 % buyers, 20,000",
        partial(watched, amounts="10 % buyers", share=0.1, customers=20_000, planned=False),
        repetitions=300,
    ),
    _world("no effect on the mean, 10/90, 3 × the noise", partial(wider, share=0.1, customers=4000)),
    _world("no effect, read anew 100 times, 20,000", daily, repetitions=300),
    *(
        _world(f"no effect, orders rise fourfold, {_arms(share)}, {n:,}", partial(drifting, share=share, customers=n))
        for share, n in [(0.1, 4000), (0.5, 4000), (0.5, 20_000)]
    ),
]
