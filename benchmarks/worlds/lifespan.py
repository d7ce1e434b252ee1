"""Years kept from cohorts, in shops of known lives whose orders also follow a season, a trend or a cohort's quality.

The truth is what an average customer's orders over five years come to, in years like the first one, in a year without
a season. Where nobody leaves, nothing falls with age, and a short history has to refuse. Where customers do leave, the
tail of the right shape promises the truth within a factor of 1.5 (nine times in ten).
"""

from dataclasses import dataclass
from functools import partial

import numpy as np
import pandas as pd

from benchmarks.worlds.proof import Answer, World
from clvlib.value import lifespan

HORIZON, RATE, FACTOR = 5, 0.35, 1.5
START = pd.Timestamp("2023-01-01")


@dataclass(frozen=True)
class Law:
    """A shop: months of history, monthly cohorts won from the first month on, mean hazard of leaving a month.

    gamma: shape of the hazards' law, 0 where all leave alike. season: how far the peak (month `peak`) is above the
    mean. trend: growth of everybody's orders a year. better: growth of the orders of later cohorts, a month.
    """

    months: int = 18
    cohorts: int = 18
    leaving: float = 0.0
    gamma: float = 0.0
    season: float = 0.5
    peak: int = 0
    trend: float = 0.0
    better: float = 0.0
    customers: int = 1500

    @property
    def tail(self) -> lifespan.Tail:
        return "rising" if self.gamma else "constant"


def drawn(law: Law, rng: np.random.Generator) -> pd.DataFrame:
    """Monthly cohorts as `aggregate.cohorts` gives them: customers come in the middle of their month 0."""
    n, ages = law.customers, np.arange(law.months)
    born = rng.integers(0, law.cohorts, n)
    hazard = rng.gamma(law.gamma, law.leaving / law.gamma, n) if law.gamma else np.full(n, law.leaving)
    life = rng.exponential(size=n) / np.maximum(hazard, 1e-12)
    here = np.clip(np.minimum(life[:, None] - np.maximum(ages - 0.5, 0), np.where(ages == 0, 0.5, 1)), 0, None)
    month = born[:, None] + ages
    wave = 1 + law.season * np.cos(2 * np.pi * (month - law.peak) / 12)
    rate = rng.gamma(1.2, RATE / 1.2, n) * np.exp(law.better * born)
    orders = rng.poisson(rate[:, None] * here * wave * (1 + law.trend) ** (month / 12)) + (ages == 0)
    sums = pd.DataFrame(orders).groupby(born).sum().rename_axis("born").stack().rename("purchases")
    frame = sums.rename_axis(["born", "age"]).reset_index()
    frame = frame[frame["born"] + frame["age"] < law.months]
    months = pd.date_range(START, periods=law.months, freq="MS")
    frame = frame.assign(cohort=months[frame["born"]], size=np.bincount(born)[frame["born"]], complete=True)
    return frame.assign(active=frame["purchases"].clip(upper=frame["size"]), revenue=30.0 * frame["purchases"])


def truth(law: Law) -> float:
    """Years kept, by the law: the orders of each month of age, from the middle of month 0 on."""
    width = 0.02
    age = np.arange(0, 12 * HORIZON - 0.5, width) + width / 2
    stays = (1 + law.leaving / law.gamma * age) ** -law.gamma if law.gamma else np.exp(-law.leaving * age)
    orders = RATE * stays * width
    return float((1 + orders.sum()) / (1 + orders[age < 11.5].sum()))


def kept(law: Law, seed: int) -> Answer:
    years = lifespan.lifespan(drawn(law, np.random.default_rng(seed)), HORIZON, law.tail).years
    return Answer(truth(law), years, years / FACTOR, years * FACTOR)


LAWS: dict[str, tuple[Law, float]] = {  # with the least share of runs to be answered
    "5 % leave a month": (Law(leaving=0.05, season=0.0), 0.3),
    "5 % leave a month, a season falls": (Law(leaving=0.05), 0.3),
    "5 % leave a month, a season rises": (Law(leaving=0.05, peak=6), 0.3),
    "10 % leave a month, a year and its season": (Law(months=12, cohorts=12, leaving=0.1), 0.6),
    "leavers go first, a season falls": (Law(leaving=0.08, gamma=0.8), 0.9),
    "leavers go first, a season rises": (Law(leaving=0.08, gamma=0.8, peak=6), 0.9),
    "5 % leave a month, 3 cohorts": (Law(cohorts=3, leaving=0.05), 0.0),
    "5 % leave a month, 30 months of a season": (Law(months=30, cohorts=30, leaving=0.05), 0.8),
    "5 % leave a month, later cohorts buy less": (Law(leaving=0.05, better=-0.013), 0.2),
    "5 % leave a month, orders fall by 15 % a year": (Law(leaving=0.05, trend=-0.15), 0.3),
}
STAYING = {
    "nobody leaves": Law(season=0.0),
    "nobody leaves, a season falls": Law(),
    "nobody leaves, a season rises": Law(peak=6),
    "nobody leaves, a year and its season": Law(months=12, cohorts=12),
    "nobody leaves, 3 cohorts and a falling season": Law(cohorts=3),
    "nobody leaves, 1 cohort and a falling season": Law(cohorts=1),
}
METHOD, WIDEST = "years kept", 4.0  # its band is a factor of the answer, whatever the answers scatter
WORLDS = [
    World(METHOD, name, partial(kept, law), "covers", 0.9, 60, least, WIDEST) for name, (law, least) in LAWS.items()
]
WORLDS += [World(METHOD, name, partial(kept, law), "refuses", 0.9, 100) for name, law in STAYING.items()]
