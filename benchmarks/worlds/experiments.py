"""Tests whose effect is known: skewed money, small controls, shares of hardly anybody, and what comes after the end."""

from collections.abc import Callable
from functools import partial

import ibis
import numpy as np
import pandas as pd

from benchmarks.worlds.proof import Answer, World
from clvlib.aggregate import clock
from clvlib.causes import covariates, experiments, lasting, levers, trial, uplift
from clvlib.causes.experiments import Reading
from clvlib.causes.trial import Trial
from clvlib.dataset import Economics
from clvlib.errors import NotEnoughData

Random = np.random.Generator
ECONOMICS = Economics(margin=0.4, service_cost_per_order=1.0, annual_discount_rate=0.1)
SHOP = Economics(margin=0.4, service_cost_per_order=1.0)
STAYS, FASTER, DEARER = 0.9, 1.25, 1.04  # what the variant of `shop` multiplies: who goes on buying, rate, order value
RATE, ORDER = 3.0, float(0.4 * np.exp(3.4 + 0.125) - 1)  # orders a year, value of one order


def in_arms(variant: np.ndarray, days: int = 365) -> Trial:
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
    test = in_arms(variant)
    outcomes = pd.DataFrame({"variant": variant, "value": value}, index=test.customers.index)
    row = experiments.effects(outcomes, test).loc[("offer", "value")]
    return Answer(buy * (times - 1), row["difference"], row["low"], row["high"])


def _told(treated: np.ndarray, control: np.ndarray, truth: float) -> Answer:
    """The effect on value, from what each customer of both arms brought; refused where it is not enough."""
    variant = np.repeat(["offer", "control"], [len(treated), len(control)])
    test, value = in_arms(variant), np.concatenate([treated, control])
    outcomes = pd.DataFrame({"variant": variant, "value": value}, index=test.customers.index)
    effects = experiments.effects(outcomes, test)
    if ("offer", "value") not in effects.index:
        raise NotEnoughData("Value is not enough.")
    row = effects.loc[("offer", "value")]
    return Answer(truth, row["difference"], row["low"], row["high"])


def one_armed(seed: int, buyers: float, treated: int, control: int, fewer: float = 0.0, sign: int = 1) -> Answer:
    """So many buyers among the treated, of lognormal amounts; of the control, `fewer` times their share."""
    random = np.random.default_rng([seed, treated])
    share = buyers / treated
    arms = [sign * lognormal(random, n, 1.3) * (random.random(n) < p)
            for n, p in ((treated, share), (control, fewer * share))]  # fmt: skip
    return _told(arms[0], arms[1], sign * share * (1 - fewer))


def tails(seed: int, treated: tuple[int, float], control: tuple[int, float], times: float = 1.0) -> Answer:
    """Everybody buys for lognormal amounts, of another σ in each arm; the treated's are multiplied."""
    random = np.random.default_rng([seed, treated[0]])
    return _told(times * lognormal(random, *treated), lognormal(random, *control), times - 1)


def whales(seed: int, treated: int, control: int, share: float, size: float) -> Answer:
    """Tame amounts in both arms, and a few customers of the treated who bring much more."""
    random = np.random.default_rng([seed, treated])
    value = lognormal(random, treated, 0.5) + size * (random.random(treated) < share)
    return _told(value, lognormal(random, control, 0.5), share * size)


def losses(seed: int, n: int, share: float, buy: float) -> Answer:
    """Margins below zero for most buyers, in both arms alike."""
    random = np.random.default_rng([seed, n])
    value = (lognormal(random, n, 1.3) - 1) * (random.random(n) < buy)
    control = random.random(n) < share
    return _told(value[~control], value[control], 0.0)


def adjusted(seed: int, n: int, share: float, sigma: float = 1.3) -> Answer:
    """Spend in proportion to what was spent before, adjusted by it (CUPED); the offer adds a tenth."""
    random = np.random.default_rng([seed, n])
    variant = arms(random, n, share)
    past = lognormal(random, n, sigma)
    value = past * lognormal(random, n, 0.8) * np.where(variant == "offer", 1.1, 1.0)
    test = in_arms(variant)
    outcomes = pd.DataFrame({"variant": variant, "value": value}, index=test.customers.index)
    before = pd.DataFrame({"value_before": past}, index=outcomes.index)
    row = experiments.effects(outcomes, test, before).loc[("offer", "value")]
    return Answer(0.1, row["difference"], row["low"], row["high"])


def conversion(seed: int, n: int, share: float, control: float, offer: float) -> Answer:
    random = np.random.default_rng([seed, n])
    variant = arms(random, n, share)
    test = in_arms(variant)
    bought = (random.random(n) < np.where(variant == "offer", offer, control)).astype(int)
    outcomes = pd.DataFrame({"variant": variant, "converted": bought}, index=test.customers.index)
    row = experiments.effects(outcomes, test).loc[("offer", "converted")]
    return Answer(offer - control, row["difference"], row["low"], row["high"])


def several(seed: int, n: int = 3000) -> Answer:
    """Three arms that do nothing, the control a tenth: the pair that looks most different."""
    random = np.random.default_rng([seed, n])
    variant = random.choice(["control", "email", "voucher"], n, p=[0.1, 0.45, 0.45])
    test = in_arms(variant)
    outcomes = pd.DataFrame({"variant": variant, "value": lognormal(random, n, 1.3)}, index=test.customers.index)
    row = experiments.arm_pairs(outcomes, test, "value").sort_values("p").iloc[0]
    return Answer(0.0, 0.0, row["low"], row["high"])


def group(seed: int, n: int = 3000) -> Answer:
    """The effect in a third of the customers, the control a tenth."""
    random = np.random.default_rng([seed, n])
    variant = arms(random, n, 0.1)
    test = in_arms(variant)
    outcomes = pd.DataFrame({"variant": variant, "value": lognormal(random, n, 1.3)}, index=test.customers.index)
    parts = pd.Series(random.choice(["n", "s", "w"], n), index=outcomes.index, name="region")
    found = uplift.effect_by_group(outcomes, test, parts, "value")
    if ("offer", "n") not in found.index:
        raise NotEnoughData("The group is not enough.")
    row = found.loc[("offer", "n")]
    return Answer(0.0, row["difference"], row["low"], row["high"])


def differs(seed: int, n: int, share: float, sigma: float, buy: float = 1.0) -> Answer:
    """Does the effect differ between groups of whom none gains anything? An alarm leaves 0 out."""
    random = np.random.default_rng([seed, n])
    variant = arms(random, n, share)
    test = in_arms(variant)
    value = lognormal(random, n, sigma) * (random.random(n) < buy)
    outcomes = pd.DataFrame({"variant": variant, "value": value}, index=test.customers.index)
    ways = pd.DataFrame({"region": random.choice(["n", "s", "w"], n)}, index=outcomes.index)
    alarm = uplift.effects_differ(outcomes, test, ways, "value")["p"].iloc[0] < 0.05
    return Answer(0.0, 0.0, 1.0 if alarm else -1.0, 2.0)


def ranked(seed: int, n: int, share: float, sigma: float, buy: float = 1.0) -> Answer:
    """The Qini coefficient of a ranking where nobody gains anything: 0."""
    random = np.random.default_rng([seed, n])
    variant = arms(random, n, share)
    test = in_arms(variant)
    past = lognormal(random, n, 1.0)
    value = past * lognormal(random, n, sigma) * (random.random(n) < buy)
    outcomes = pd.DataFrame({"variant": variant, "value": value}, index=test.customers.index)
    ranks = (pd.Series(-past, index=outcomes.index).rank() - 0.5) / n
    found = uplift.qini(outcomes, test, "offer", ranks, "value")
    return Answer(0.0, found.coefficient, found.low, found.high)


def shop(seed: int, measure: str, n: int = 1000) -> Answer:
    """Two years of purchases of customers with rates and order values of their own; the test starts at their middle.

    The variant lowers the chance to go on buying at all and raises rate and order value of those who do. `measure` is
    one of `effects` (by CUPED, or "plain" before it), or "levers": the sum of their parts, which must be exact.
    """
    random = np.random.default_rng(seed)
    start, assigned = pd.Timestamp("2024-01-01"), pd.Timestamp("2025-01-01")
    rate, spend = random.gamma(1.2, 2.5, n), random.lognormal(3.4, 0.5, n)
    offer = random.random(n) < 0.5
    after = rate * np.where(offer, FASTER, 1.0) * (random.random(n) < 0.8 * np.where(offer, STAYS, 1.0))
    who = [np.repeat(np.arange(n), random.poisson(each)) for each in (rate, after)]
    days = [first + random.integers(0, 365, len(each)) for first, each in zip((0, 366), who, strict=True)]
    price = np.concatenate([spend[who[0]], (spend * np.where(offer, DEARER, 1.0))[who[1]]])
    people = np.array([f"c{i:05}" for i in range(n)])
    bought = pd.DataFrame({"customer_id": people[np.concatenate(who)]})
    bought["date"] = start + pd.to_timedelta(np.concatenate(days), unit="D")
    bought["amount"] = (price * random.gamma(4, 1 / 4, len(bought))).round(2)
    table = pd.DataFrame({"customer_id": people, "experiment": "test", "variant": np.where(offer, "offer", "control")})
    test = trial.prepare(table.assign(date=assigned), "test", start, pd.Timestamp("2025-12-31"))
    clocked = clock.on_one_clock(ibis.memtable(bought), test.customers["date"], pd.Timestamp("2025-12-31"))
    done = experiments.outcomes(test, clocked, SHOP)
    orders = 0.8 * (STAYS * _days(FASTER) - _days(1.0))
    revenue = 0.8 * float(np.exp(3.4 + 0.125)) * 3.0 * (STAYS * FASTER * DEARER - 1)
    truths = {"orders": orders, "revenue": revenue, "value": 0.4 * revenue - orders}
    if measure == "levers":
        split = levers.parts_of_difference(done, test).loc["offer"]
        gap = float(split["effect"].drop("all").sum() - split.loc["all", "effect"])
        exact = abs(gap) < 1e-9
        row = split.loc["all"]
        return Answer(truths["value"], row["effect"], *((row["low"], row["high"]) if exact else (np.inf, np.inf)))
    plain, name = measure.startswith("plain "), measure.removeprefix("plain ")
    before = None if plain else covariates.known_before(test, clocked, SHOP)
    row = experiments.effects(done, test, before).loc[("offer", name)]
    return Answer(truths[name], row["difference"], row["low"], row["high"])


def _days(factor: float) -> float:
    """Days a year with a purchase, at rates of gamma law (1.2, 2.5) times `factor`: several orders on one are one."""
    return float(365 * (1 - (1 + 2.5 * factor / 365) ** -1.2))


def lever(seed: int, n: int = 3000) -> Answer:
    """Half of the customers buy, for lognormal amounts; the offer makes a tenth more of them buy: its part and no more.

    The part of conversion has no closed truth; that of order value is 0.
    """
    random = np.random.default_rng([seed, n])
    variant = arms(random, n, 0.1)
    orders = random.poisson(2, n) * (random.random(n) < np.where(variant == "offer", 0.55, 0.5))
    test = in_arms(variant)
    outcomes = pd.DataFrame({"variant": variant, "orders": orders}, index=test.customers.index)
    outcomes["converted"] = (orders > 0).astype(int)
    outcomes["revenue"] = orders * lognormal(random, n, 1.3)
    outcomes["value"] = 0.4 * outcomes["revenue"]
    row = levers.parts_of_difference(outcomes, test).loc[("offer", "order value")]
    return Answer(0.0, row["effect"], row["low"], row["high"])


def followed(
    random: Random,
    offer: np.ndarray,
    window: float,
    until: float,
    life: float = 1.0,
    longer: float = 1.0,
    basket: float = 1.0,
    once: float = 0.0,
    first: float = 1.0,
) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Orders and value of each customer in both halves of the window, and from it to `until` (years); see `ahead`."""
    n = len(offer)
    alive = random.exponential(life * np.where(offer, longer, 1.0))
    buyer = random.random(n) < (0.5 * np.where(offer, first, 1.0) if first != 1 else 1.0)
    spend = random.lognormal(3.4, 0.5, n) * np.where(offer, basket, 1.0)
    rate = random.gamma(1.2, RATE / 1.2, n) * buyer
    edges = [(0, window / 2), (window / 2, window), (window, until)]
    orders = [random.poisson(rate * (alive.clip(a, b) - a)) for a, b in edges[: 2 + (until > window)]]
    orders[0] = orders[0] + (offer & (random.random(n) < once))
    return orders, [0.4 * spend * random.gamma(4 * np.maximum(k, 1e-9), 1 / 4) - k for k in orders]


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
    window = days / 365
    _, value = followed(random, offer, window, window, life, longer, basket, once, first)
    test = in_arms(variant, int(days))
    outcomes = pd.DataFrame({"variant": variant, "value": value[0] + value[1], "late": value[1]})
    outcomes = outcomes.set_axis(test.customers.index)
    nothing = pd.DataFrame(index=outcomes.index)
    row = lasting.clv_gained(Reading(test, ibis.memtable(outcomes), outcomes, nothing, nothing), ECONOMICS).loc["offer"]
    truth = effect(window, life, longer, basket, once, first)
    return Answer(truth, (row["ends"] + row["grows"]) / 2, row["low"], row["high"])


def effect(
    window: float,
    life: float = 1.0,
    longer: float = 1.0,
    basket: float = 1.0,
    once: float = 0.0,
    first: float = 1.0,
) -> float:
    """What the offer of `ahead` adds to CLV, in the window and the year after it."""
    offered = _clv(window, life * longer, basket, 0.5 * first if first != 1 else 1.0)
    return offered + once * ORDER - _clv(window, life, 1.0, 0.5 if first != 1 else 1.0)


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


def _unlike() -> list[World]:
    """Arms that are not alike: refused mostly, and seldom answered wrongly; or held."""
    refused: dict[str, Callable[[int], Answer]] = {
        "20 buyers of 1,000, none of 1,000": partial(one_armed, buyers=20, treated=1000, control=1000),
        "50 buyers of 1,000, none of 1,000": partial(one_armed, buyers=50, treated=1000, control=1000),
        "50 losses of 1,000, none of 1,000": partial(one_armed, buyers=50, treated=1000, control=1000, sign=-1),
        "20 buyers of 100, none of 900": partial(one_armed, buyers=20, treated=100, control=900),
        "50 buyers of 900, none of 100": partial(one_armed, buyers=50, treated=900, control=100),
        "20 buyers of 1,000, 2 of 1,000": partial(one_armed, buyers=20, treated=1000, control=1000, fewer=0.1),
        "σ 2 of 50, σ 0.5 of 450": partial(tails, treated=(50, 2.0), control=(450, 0.5)),
        "σ 2 of 250, σ 0.5 of 250": partial(tails, treated=(250, 2.0), control=(250, 0.5)),
        "ten times σ 1.3 of 50, σ 1.3 of 450": partial(tails, treated=(50, 1.3), control=(450, 1.3), times=10),
        "whales, 10 % of 50, none of 450": partial(whales, treated=50, control=450, share=0.1, size=20),
    }
    held: dict[str, Callable[[int], Answer]] = {
        "losses, control 10%, 500": partial(losses, n=500, share=0.1, buy=1.0),
        "losses, 10 % buy, control 50%, 1,000": partial(losses, n=1000, share=0.5, buy=0.1),
        "σ 1.3 of 5,000, σ 0.5 of 5,000": partial(tails, treated=(5000, 1.3), control=(5000, 0.5)),
        "a fifth of σ 1.3 of 50, σ 1.3 of 450": partial(tails, treated=(50, 1.3), control=(450, 1.3), times=0.2),
        "2,500 buyers of 5,000, none of 5,000": partial(one_armed, buyers=2500, treated=5000, control=5000),
    }
    unseen: dict[str, Callable[[int], Answer]] = {  # the data of alike arms look the same
        **{
            f"{k} buyer{'s' * (k > 1)} of 1,000, none of 1,000": partial(
                one_armed, buyers=k, treated=1000, control=1000
            )
            for k in (1, 2, 5)
        },
        "20 buyers of 900, none of 100": partial(one_armed, buyers=20, treated=900, control=100),
        "σ 2 of 50, σ 1.3 of 450": partial(tails, treated=(50, 2.0), control=(450, 1.3)),
        "whales, 2 % of 50, none of 450": partial(whales, treated=50, control=450, share=0.02, size=20),
    }
    method = "experiments.effects"
    return [
        *(World(method, name, run, "errs", 0.07, repetitions=300) for name, run in refused.items()),
        *(World(method, name, run, repetitions=300, answers=0.7) for name, run in held.items()),
        *(World(method, name, run, repetitions=300, answers=0, limit=True) for name, run in unseen.items()),
    ]


def _uplift() -> list[World]:
    laws = {"lognormal 1.3": (1.3, 1.0), "lognormal 2": (2.0, 1.0), "10 % buy": (1.3, 0.1)}
    found = []
    for law, (sigma, buy) in laws.items():
        for share in (0.1, 0.5):
            asked = {"n": 2000, "share": share, "sigma": sigma, "buy": buy}
            name = f"nobody gains, {law}, control {share:.0%}"
            found += [
                World("uplift.differs", name, partial(differs, **asked), "alarms", 0.05, 300),  # type: ignore[arg-type]
                World("uplift.qini", name, partial(ranked, **asked), level=0.94, repetitions=300),  # type: ignore[arg-type]
            ]
    return found


def _shop() -> list[World]:
    measures = [f"{how}{name}" for name in ("orders", "revenue", "value") for how in ("", "plain ")]
    found = [World("experiments.effects", f"a shop, {each}", partial(shop, measure=each)) for each in measures]
    return [*found, World("levers.levers", "a shop, the levers' exact sum", partial(shop, measure="levers"))]


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


WORLDS = [*_money(), *_unlike(), *_uplift(), *_shop(), *_others(), *_ahead()]
