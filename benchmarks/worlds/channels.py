"""A further channel's effect: histories of several kinds, in which channels change nothing, or what is known.

Customers buy at a rate of their own (gamma) until they leave (exponential), or at even gaps. Channels are drawn by
chance, or taken up by who looks, or is, a good customer. Each shop's orders and visits go through `adoption` and
`verdict` as a client's do; what is judged is what notebook 05 prints.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import ibis
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from benchmarks.worlds.proof import Answer, World
from clvlib.causes import adoption, causal, verdict
from clvlib.dataset import Dataset, Economics
from clvlib.errors import CannotAnswer
from tools.demo_shop import build
from tools.demo_shop import world as shop

Array = NDArray[np.float64]
Rows = tuple[NDArray[np.intp], Array]  # person and time (days) of each event
CHANNELS = np.array(["web", "store", "app"], dtype=object)
MIX = [0.5, 0.3, 0.2]
BEGINS = pd.Timestamp("2024-01-01")
LAST, FIRST, NEXT = 913.0, 181, 365
START = LAST - NEXT - FIRST  # first day of the first window
RISE = 0.6  # of the purchase rate, by a further channel, where there is an effect


@dataclass(frozen=True)
class People:
    """Whom a history is drawn for: first purchase, day of leaving (days), purchases a day."""

    first: Array
    left: Array
    rate: Array


def people(rng: np.random.Generator, n: int) -> People:
    """Customers won in the year before the first window, of very unlike rates and lives."""
    first = rng.uniform(0, START, n)
    left = first + rng.exponential(1, n) / rng.gamma(1.2, 0.8 / 365 / 1.2, n)
    return People(first, left, rng.gamma(1.2, 6 / 365 / 1.2, n))


def events(rng: np.random.Generator, rate: Array, begins: Array, ends: Array) -> Rows:
    """Poisson events of each person between two days."""
    length = np.maximum(ends - begins, 0.0)
    person = np.repeat(np.arange(len(rate)), rng.poisson(rate * length))
    return person, begins[person] + rng.random(len(person)) * length[person]


def dataset(orders: pd.DataFrame, visits: pd.DataFrame | None = None, last: float = LAST) -> Dataset:
    """Wrap orders (person, time, channel, amount) and visits (person, time, channel) as a client's dataset."""

    def stamped(rows: pd.DataFrame) -> pd.DataFrame:
        when = BEGINS + pd.to_timedelta(np.floor(rows["time"].to_numpy() * 1440), unit="min")
        ids = np.char.add("c", np.char.zfill(rows["person"].to_numpy().astype(str), 5)).astype(object)
        return rows.drop(columns=["person", "time"]).assign(customer_id=ids, date=when.astype("datetime64[us]"))

    frames = {"transactions": stamped(orders)}
    if visits is not None:
        frames["touchpoints"] = stamped(visits).assign(event="visit")
    return wrapped(frames, BEGINS, BEGINS + pd.Timedelta(days=last - 1))


def wrapped(frames: dict[str, pd.DataFrame], starts: pd.Timestamp, as_of: pd.Timestamp) -> Dataset:
    """Make a dataset of canonical tables."""
    connection, unused = ibis.duckdb.connect(), pd.DataFrame()
    tables = {name: connection.create_table(name, frame) for name, frame in frames.items()}
    return Dataset("world", "EUR", "en_IE", starts, as_of, Economics(), unused, unused, (), tables=tables, files=())


def amounts(rng: np.random.Generator, person: NDArray[np.intp], n: int) -> Array:
    """Order values: each person's own level times a draw, both skewed."""
    return np.exp(rng.normal(3.3, 0.5, n))[person] * rng.gamma(4, 0.25, len(person))


def printed(
    ds: Dataset,
    truth: Callable[[pd.Index], Array],
    known: Sequence[str] = (),
    hidden: bool = False,
    designs: tuple[str, ...] = ("visits", "orders"),
) -> Answer:
    """What the notebook prints of a shop, beside the mean of what is true of the customers that it is about.

    truth: customer ids → the effect on each. hidden: the interval that allows for a hidden cause. designs: those whose
    question the truth answers.
    """
    seen = adoption.study(ds, FIRST, NEXT, known)
    if seen.design not in designs:
        raise CannotAnswer(f"The study goes by {seen.design}: it asks another question than the world answers.")
    fitted = causal.cross_fit(seen.features, seen.added, seen.outcomes["revenue"], splits=1)
    verdict.require_sound(verdict.placebo(seen))
    target = verdict.target(fitted)
    found = causal.effect(fitted, target)
    about = seen.added.index if target == "all" else seen.added.index[seen.added]
    true = float(truth(about).mean())
    if hidden:
        return Answer(true, found.estimate, *verdict.allowing_for_strongest(fitted, verdict.benchmarks(seen, fitted)))
    return Answer(true, found.estimate, found.low, found.high)


def nothing(about: pd.Index) -> Array:
    return np.zeros(len(about))


# Channels by chance: a further channel changes nothing


def by_chance(seed: int, n: int = 2000, visits: bool = False) -> Answer:
    """Every order's channel is drawn from the shop's mix; where there are visits, each order has one before it, and
    there are twice as many that no order follows."""
    rng = np.random.default_rng(seed)
    who = people(rng, n)
    person, time = events(rng, who.rate, who.first, np.minimum(who.left, LAST))
    person, time = np.r_[np.arange(n), person], np.r_[who.first, time]
    orders = pd.DataFrame({"person": person, "time": time, "channel": rng.choice(CHANNELS, len(person), p=MIX)})
    orders["amount"] = amounts(rng, person, n)
    if not visits:
        return printed(dataset(orders), nothing)
    idle_person, idle_time = events(rng, 2 * who.rate, who.first, np.minimum(who.left, LAST))
    idle = pd.DataFrame(
        {"person": idle_person, "time": idle_time, "channel": rng.choice(CHANNELS, len(idle_time), p=MIX)}
    )
    before = orders.assign(time=(orders["time"] - rng.uniform(0, 4, len(orders))).clip(lower=0))
    return printed(dataset(orders, pd.concat([before[["person", "time", "channel"]], idle])), nothing)


def cdnow_like(seed: int) -> Answer:
    """As CDNOW: everybody won within a quarter, most of them never again, 78 weeks; Pareto/NBD of the whole file."""
    rng, n, last = np.random.default_rng(seed), 5000, 546.0
    first = rng.uniform(0, 84, n)
    rate = rng.gamma(0.55, 1 / 10.58, n) / 7
    left = first + rng.exponential(1, n) / (rng.gamma(0.61, 1 / 11.67, n) / 7)
    person, time = events(rng, rate, first, np.minimum(left, last))
    person, time = np.r_[np.arange(n), person], np.r_[first, time]
    orders = pd.DataFrame({"person": person, "time": time, "channel": rng.choice(CHANNELS, len(person), p=MIX)})
    return printed(dataset(orders.assign(amount=amounts(rng, person, n)), last=last), nothing)


def regular(seed: int, n: int = 1500) -> Answer:
    """Very regular buyers: an order every 45 to 200 days, give or take a tenth, and nobody leaves."""
    rng = np.random.default_rng(seed)
    gap = rng.uniform(45, 200, n)
    person = np.repeat(np.arange(n), 22)
    steps = gap[person] * (1 + 0.1 * rng.normal(size=len(person)))
    time = rng.uniform(0, START, n)[person] + np.cumsum(steps.reshape(n, 22), axis=1).ravel() - steps[0]
    kept = (time >= 0) & (time < LAST)
    person, time = person[kept], time[kept]
    orders = pd.DataFrame({"person": person, "time": time, "channel": rng.choice(CHANNELS, len(person), p=MIX)})
    return printed(dataset(orders.assign(amount=amounts(rng, person, n))), nothing)


# A further channel that is taken up, seen by orders or by visits


@dataclass(frozen=True)
class Taken:
    """Who takes up a further channel: by what they did so far, or by what they are (`hidden`: nobody recorded it).

    rise: of the purchase rate from then on. level: sets how many take it up. active: only those who haven't left.
    """

    rise: float = RISE
    level: float = -0.9
    hidden: bool = False
    active: bool = False


def taken_up(seed: int, taken: Taken, visits: bool, n: int = 2000) -> Answer:
    """Customers of one channel, some of whom take up another: at a visit in the first 150 days of the window, whether
    or not they buy again, or with their first order of the window, where there are no visits.

    Orders after the step are made as often as before, and some on top that only those make who took the step: what
    these bring is the effect.
    """
    rng = np.random.default_rng(seed)
    who = people(rng, n)
    until = np.minimum(who.left, LAST)
    past, past_time = events(rng, who.rate, who.first, np.minimum(who.left, START))
    past, past_time = np.r_[np.arange(n), past], np.r_[who.first, past_time]
    later, time = events(rng, who.rate * (1 + taken.rise), np.full(n, START), until)
    extra = rng.random(len(later)) >= 1 / (1 + taken.rise)
    home, silent = rng.choice(2, n, p=[0.7, 0.3]), START - _extreme(np.maximum, past, past_time, n)
    cause = 0.7 * np.log(np.bincount(past, minlength=n)) - 0.002 * silent
    if taken.hidden:
        cause = 1.2 * np.log(who.rate * 365 / 6)
    steps = rng.random(n) < 1 / (1 + np.exp(-(taken.level + cause + 0.4 * home)))
    if visits:
        day = START + rng.uniform(0, 150, n)
        steps &= (who.left > day) | (not taken.active)
        opens = np.full(n, START + FIRST)
    else:
        day = _extreme(np.minimum, later[~extra], time[~extra], n)  # of the first order of the window
        steps &= day < START + FIRST
        opens = np.floor(day) + 1
    since = np.where(steps, day if visits else opens, np.inf)
    value = amounts(rng, np.r_[past, later], n)
    counts = extra & (time >= opens[later]) & (time < opens[later] + NEXT)
    gain = np.bincount(later, value[len(past) :] * counts, minlength=n)
    made = ~extra | (time >= since[later])
    index = ~np.isinf(day[later]) & (time == day[later]) & (not visits)
    other = np.where(time >= since[later], rng.random(len(later)) < 0.5, index & steps[later])
    if not visits:
        other |= ~index & (rng.random(len(later)) < 0.1)
    channel = CHANNELS[np.r_[home[past], (home[later] + other) % 2]]
    orders = pd.DataFrame({"person": np.r_[past, later], "time": np.r_[past_time, time], "channel": channel})
    orders = orders.assign(amount=value)[np.r_[np.ones(len(past), bool), made]]
    seen = pd.DataFrame({"person": np.arange(n), "time": np.floor(day), "channel": CHANNELS[(home + 1) % 2]})
    ds = dataset(orders, seen[steps] if visits else None)
    asked = ("visits", "orders") if taken.rise == 0 else ("visits",) if visits else ("orders",)
    return printed(ds, lambda about: gain[about.str[1:].astype(int)], hidden=taken.hidden, designs=asked)


def _extreme(function: np.ufunc, person: NDArray[np.intp], time: Array, n: int) -> Array:
    """The first (np.minimum) or the last (np.maximum) of each person's times; infinite without any."""
    found = np.full(n, np.inf if function is np.minimum else -np.inf)
    function.at(found, person, time)
    return found


# A shop like the demo's


def demo_like(seed: int) -> Answer:
    """A shop drawn as the demo's: who adds a channel depends on orders, silence, age and home; visits show it."""
    world = shop.world(seed)
    gain, _, _ = build.channel_effect(world)
    start = shop.STUDY[0]
    studied = ((world.people["first"] < start) & (world.people["second_from"] >= start)).to_numpy()
    effect = pd.Series(gain, [f"C{i + 1:04d}" for i in np.flatnonzero(studied)])
    return printed(
        shop_dataset(world), lambda about: effect.reindex(about).dropna().to_numpy(), "age_band", designs=("visits",)
    )


def shop_dataset(world: shop.World) -> Dataset:
    """Wrap what this study needs of a shop like the demo's: orders, visits, age bands, no dirty rows."""
    lines = world.lines[world.lines["time"] < shop.END]
    named = np.array(shop.CHANNELS, dtype=object)

    def stamped(rows: pd.DataFrame) -> pd.DataFrame:
        when = shop.START + pd.to_timedelta(np.round(rows["time"].to_numpy() * 1440), unit="min")
        ids = np.array([f"C{i + 1:04d}" for i in rows["person"]], dtype=object)
        return pd.DataFrame({"customer_id": ids, "date": when, "channel": named[rows["channel"]]})

    transactions = stamped(lines).assign(amount=lines["amount"].to_numpy(), order_id=lines["order"].to_numpy())
    members = pd.DataFrame({"customer_id": [f"C{i + 1:04d}" for i in range(len(world.people))]})
    frames = {
        "transactions": transactions,
        "touchpoints": stamped(world.added).assign(event="visit"),
        "customers": members.assign(age_band=[shop.AGES[age] for age in world.people["age"]]),
    }
    return wrapped(frames, shop.START, shop.AS_OF)


METHOD, RUNS = "channel effect", 48
FEW, HIDDEN, ACTIVE, VAIN = Taken(level=-4.0), Taken(hidden=True), Taken(0.0, active=True), Taken(0.0, hidden=True)
NULLS: dict[str, Callable[[int], Answer]] = {
    "chance, purchases as CDNOW's": cdnow_like,
    "chance, rates and lives unlike": by_chance,
    "chance, very regular buyers": regular,
    "chance, a visit at every order": partial(by_chance, visits=True),
    "no effect, only who is there visits": partial(taken_up, taken=ACTIVE, visits=True),
    "no effect, a hidden cause, by orders": partial(taken_up, taken=VAIN, visits=False),
    "no effect, a hidden cause, by visits": partial(taken_up, taken=VAIN, visits=True),
}
EFFECTS: dict[str, Callable[[int], Answer]] = {
    "an effect, seen by orders": partial(taken_up, taken=Taken(), visits=False),
    "an effect, seen by visits": partial(taken_up, taken=Taken(), visits=True),
    "an effect, few take it up": partial(taken_up, taken=FEW, visits=True),
    "an effect, a shop like the demo's": demo_like,
    "a hidden cause, seen by orders": partial(taken_up, taken=HIDDEN, visits=False),
    "a hidden cause, seen by visits": partial(taken_up, taken=HIDDEN, visits=True),
}
WORLDS = [World(METHOD, name, run, "alarms", 0.07, RUNS, 0.5) for name, run in NULLS.items()]
ASKS_ELSE = "a hidden cause, seen by visits"  # mostly found out, and answered by orders, of which this truth isn't
WORLDS += [
    World(METHOD, name, run, repetitions=RUNS, answers=0.0 if name == ASKS_ELSE else 0.5)
    for name, run in EFFECTS.items()
]
