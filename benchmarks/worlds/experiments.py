"""Tests whose effect is known: skewed money, small controls, shares of hardly anybody, and what comes after the end."""

from collections.abc import Callable
from functools import partial

import ibis
import numpy as np
import pandas as pd

from benchmarks.worlds.proof import Answer, World
from clvlib import experiments, lasting, levers, uplift
from clvlib.dataset import Economics
from clvlib.experiments import Reading
from clvlib.trial import Trial

Random = np.random.Generator
ECONOMICS = Economics(margin=0.4, service_cost_per_order=1.0, annual_discount_rate=0.1)
RATE, ORDER = 3.0, float(0.4 * np.exp(3.4 + 0.125) - 1)  # orders a year, value of one order


def trial(variant: np.ndarray, days: int = 365) -> Trial:
    """A test whose customers are in these arms, the control first."""
    names = sorted(set(variant))
    people = pd.DataFrame({"variant": variant}, index=[f"c{i:05}" for i in range(len(variant))])
    return Trial("test", names[0], tuple(names[1:]), people, days, True, pd.DataFrame())


def arms(random: Random, n: int, share: float) -> np.ndarray:
    return np.where(random.random(n) < share, "control", "offer")


def lognormal(random: Random, n: int, sigma: float) -> np.ndarray:
    """Amounts of mean 1."""
    return random.lognormal(-(sigma**2) / 2, sigma, n)


def money(seed: int, n: int, share: float, sigma: float, buy: float = 1.0, times: float = 1.0) -> Answer:
    """A share `buy` of all buy for lognormal amounts; with the offer `times` as many, or, where all buy, as much."""
    random = np.random.default_rng([seed, n])
    variant = arms(random, n, share)
    offer = variant == "offer"
    factor = np.where(offer, times, 1.0)
    value = lognormal(random, n, sigma) * (factor if buy == 1 else random.random(n) < buy * factor)
    test = trial(variant)
    outcomes = pd.DataFrame({"variant": variant, "value": value}, index=test.customers.index)
    row = experiments.effects(outcomes, test).loc[("offer", "value")]
    return Answer(buy * (times - 1), row["difference"], row["low"], row["high"])


def adjusted(seed: int, n: int, share: float, sigma: float = 1.3) -> Answer:
    """Spend in proportion to what was spent before, adjusted by it (CUPED); the offer adds a tenth."""
    random = np.random.default_rng([seed, n])
    variant = arms(random, n, share)
    past = lognormal(random, n, sigma)
    value = past * lognormal(random, n, 0.8) * np.where(variant == "offer", 1.1, 1.0)
    test = trial(variant)
    outcomes = pd.DataFrame({"variant": variant, "value": value}, index=test.customers.index)
    before = pd.DataFrame({"value_before": past}, index=outcomes.index)
    row = experiments.effects(outcomes, test, before).loc[("offer", "value")]
    return Answer(0.1, row["difference"], row["low"], row["high"])


def conversion(seed: int, n: int, share: float, control: float, offer: float) -> Answer:
    random = np.random.default_rng([seed, n])
    variant = arms(random, n, share)
    test = trial(variant)
    bought = (random.random(n) < np.where(variant == "offer", offer, control)).astype(int)
    outcomes = pd.DataFrame({"variant": variant, "converted": bought}, index=test.customers.index)
    row = experiments.effects(outcomes, test).loc[("offer", "converted")]
    return Answer(offer - control, row["difference"], row["low"], row["high"])


def several(seed: int, n: int = 3000) -> Answer:
    """Three arms that do nothing, the control a tenth: the pair that looks most different."""
    random = np.random.default_rng([seed, n])
    variant = random.choice(["control", "email", "voucher"], n, p=[0.1, 0.45, 0.45])
    test = trial(variant)
    outcomes = pd.DataFrame({"variant": variant, "value": lognormal(random, n, 1.3)}, index=test.customers.index)
    row = experiments.pairs(outcomes, test, "value").sort_values("p").iloc[0]
    return Answer(0.0, 0.0, row["low"], row["high"])


def group(seed: int, n: int = 3000) -> Answer:
    """The effect in a third of the customers, the control a tenth."""
    random = np.random.default_rng([seed, n])
    variant = arms(random, n, 0.1)
    test = trial(variant)
    outcomes = pd.DataFrame({"variant": variant, "value": lognormal(random, n, 1.3)}, index=test.customers.index)
    parts = pd.Series(random.choice(["n", "s", "w"], n), index=outcomes.index, name="region")
    row = uplift.by_group(outcomes, test, parts, "value").loc[("offer", "n")]
    return Answer(0.0, row["difference"], row["low"], row["high"])


def lever(seed: int, n: int = 3000) -> Answer:
    """Half of the customers buy, for lognormal amounts; the offer makes a tenth more of them buy: its part and no more.

    The part of conversion has no closed truth; that of order value is 0.
    """
    random = np.random.default_rng([seed, n])
    variant = arms(random, n, 0.1)
    orders = random.poisson(2, n) * (random.random(n) < np.where(variant == "offer", 0.55, 0.5))
    test = trial(variant)
    outcomes = pd.DataFrame({"variant": variant, "orders": orders}, index=test.customers.index)
    outcomes["converted"] = (orders > 0).astype(int)
    outcomes["revenue"] = orders * lognormal(random, n, 1.3)
    outcomes["value"] = 0.4 * outcomes["revenue"]
    row = levers.levers(outcomes, test).loc[("offer", "order value")]
    return Answer(0.0, row["effect"], row["low"], row["high"])


def ahead(
    seed: int,
    n: int = 2000,
    days: float = 365,
    life: float = 1.0,
    longer: float = 1.0,
    basket: float = 1.0,
    once: float = 0.0,
    first: float = 1.0,
    share: float = 0.5,
) -> Answer:
    """CLV of an arm, window and the year after it: customers who buy at rates of their own until they leave for good.

    life: mean years until a customer leaves; `longer` times that with the offer. basket: what the offer multiplies
    amounts by. once: share of the offered who buy once more in the first 60 days. first: what the offer multiplies the
    share of first buyers (half of all) by; nobody else ever buys.
    """
    random = np.random.default_rng([seed, int(days)])
    variant = arms(random, n, share)
    offer = variant == "offer"
    alive = random.exponential(life * np.where(offer, longer, 1.0))
    buyer = random.random(n) < (0.5 * np.where(offer, first, 1.0) if first != 1 else 1.0)
    spend = random.lognormal(3.4, 0.5, n) * np.where(offer, basket, 1.0)
    window = days / 365
    rate = random.gamma(1.2, RATE / 1.2, n) * buyer
    orders = [random.poisson(rate * (alive.clip(a, b) - a)) for a, b in ((0, window / 2), (window / 2, window))]
    orders[0] = orders[0] + (offer & (random.random(n) < once))
    value = [0.4 * spend * random.gamma(4 * np.maximum(k, 1e-9), 1 / 4) - k for k in orders]
    test = trial(variant, int(days))
    outcomes = pd.DataFrame({"variant": variant, "value": value[0] + value[1], "late": value[1]})
    outcomes = outcomes.set_axis(test.customers.index)
    nothing = pd.DataFrame(index=outcomes.index)
    row = lasting.clv(Reading(test, ibis.memtable(outcomes), outcomes, nothing, nothing), ECONOMICS).loc["offer"]
    truth = _clv(window, life * longer, basket, 0.5 * first if first != 1 else 1.0)
    truth += once * ORDER - _clv(window, life, 1.0, 0.5 if first != 1 else 1.0)
    return Answer(truth, (row["ends"] + row["grows"]) / 2, row["low"], row["high"])


def _clv(window: float, life: float, basket: float, buyers: float) -> float:
    """Value of a customer in the window and, discounted to its end, in the year after it."""
    force = 1 / life + np.log1p(ECONOMICS.annual_discount_rate)
    years = life * -np.expm1(-window / life) + np.exp(-window / life) * -np.expm1(-force) / force
    return float(buyers * RATE * (basket * (ORDER + 1) - 1) * years)


def _money() -> list[World]:
    kinds: dict[str, Callable[..., Answer]] = {
        "lognormal 2": partial(money, sigma=2.0),
        "1 % buy": partial(money, sigma=1.0, buy=0.01),
        "lognormal 1.3": partial(money, sigma=1.3),
        "lognormal 1.3 × 1.2": partial(money, sigma=1.3, times=1.2),
        "1 % buy, offer 1.5 %": partial(money, sigma=1.0, buy=0.01, times=1.5),
        "10 % buy, offer 15 %": partial(money, sigma=1.3, buy=0.1, times=1.5),
    }
    tried = [(share, kind, run) for share in (0.1, 0.5) for kind, run in kinds.items()]
    found = []
    for share, kind, run in tried[:8]:  # of equal arms, the two hardest
        for n, times in {500: 100, 2000: 100, 20_000: 10}.items():
            name = f"{kind}, control {share:.0%}, {n:,}"
            found.append(
                World("experiments.effects", name, partial(run, n=n, share=share), level=0.94, repetitions=times)
            )
    return found


def _others() -> list[World]:
    found = [
        World("experiments.pairs", "three arms that do nothing", several, "alarms", 0.05, repetitions=100),
        World("uplift.by_group", "lognormal 1.3, control 10%", group, level=0.94, repetitions=100),
        World("levers.levers", "order value doesn't move, control 10%", lever, level=0.94, repetitions=100),
    ]
    for share in (0.1, 0.5):
        for n, times in {500: 100, 4000: 40}.items():
            name, run = f"CUPED, control {share:.0%}, {n:,}", partial(adjusted, n=n, share=share)
            found.append(World("experiments.effects", name, run, level=0.94, repetitions=times))
        run = partial(conversion, n=1000, share=share, control=0.02, offer=0.03)
        found.append(World("experiments.effects", f"2 % buy, offer 3 %, control {share:.0%}", run, level=0.94))
    return found


def _ahead() -> list[World]:
    worlds: dict[str, dict[str, float]] = {
        "nothing, 365 days": {},
        "35 % buy once more, 365 days": {"once": 0.35},
        "35 % buy once more, 90 days": {"once": 0.35, "days": 90},
        "60 % longer lives of a year, 365 days": {"longer": 1.6},
        "60 % longer lives of a year, 90 days": {"longer": 1.6, "days": 90},
        "60 % longer lives of 3 years, 365 days": {"longer": 1.6, "life": 3.0},
        "30 % more first buyers, 365 days": {"first": 1.3},
        "30 % more first buyers, 90 days": {"first": 1.3, "days": 90},
        "20 % higher baskets, 365 days": {"basket": 1.2},
        "20 % higher baskets, control 10%": {"basket": 1.2, "share": 0.1},
    }
    run: Callable[..., Answer] = ahead
    return [World("lasting.clv", name, partial(run, **asked), repetitions=80) for name, asked in worlds.items()]


WORLDS = [*_money(), *_others(), *_ahead()]
