"""The range to plan with in shops of other laws than the models', and dropout seen where there is none.

A shop of three years wins customers evenly; then the money of its known customers is forecast as notebook 03 does. The
truth is what they spend in the months ahead, refunded purchases left out.
"""

from dataclasses import dataclass

import ibis
import numpy as np
import pandas as pd

from benchmarks.worlds.proof import Answer, World
from clvlib.dataset import Economics
from clvlib.models import scoring
from clvlib.models.forecast import ModifiedBetaGeo
from clvlib.models.outlook import look_ahead
from clvlib.models.windows import History

START, DAYS, YEAR = pd.Timestamp("2020-01-01"), 1096, 365.25
NEVER = 1e9


@dataclass(frozen=True)
class Law:
    """How a shop differs from the models': shares a year unless said otherwise."""

    customers: int = 600
    leaving: float = 1 / 500  # mean rate of leaving, a day
    by_purchase: float = 0.0  # mean chance to leave after a purchase, instead
    season: float = 0.0  # how far the year's peak is above its mean
    growth: float = 0.0  # of everybody's purchase rate
    more_leave: float = 0.0  # growth of the rate of leaving, of its first year's
    refunded: float = 0.0  # share of the purchases
    whale: float = 0.0  # one customer who buys three times a week, so many times the mean spend
    months: int = 12  # ahead


def purchases(law: Law, rng: np.random.Generator) -> pd.DataFrame:
    """Every purchase, by row: customer, day (since START, up to the end of the months ahead), amount, refunded."""
    n, end = law.customers, DAYS + law.months * YEAR / 12
    born = rng.uniform(0, DAYS, n)
    rate = rng.gamma(1.2, 1 / 60, n)
    spend = 30 * 4 / rng.gamma(4, size=n)
    if law.whale:
        born[0], rate[0], spend[0] = 30, 3 / 7, 40 * law.whale
    bending = law.more_leave / YEAR  # the hazard of leaving is (1 + bending t): invert its integral
    spent = rng.exponential(size=n) / (rng.gamma(2, law.leaving / 2, n) if law.leaving else 1 / NEVER)
    now = 1 + bending * born
    left = born + (2 * spent / (now + np.sqrt(now**2 + 2 * bending * spent)))
    if law.whale:
        left[0] = NEVER
    phase, most = rng.uniform(0, YEAR), (1 + law.season) * max(1, (1 + law.growth) ** (end / YEAR))
    alive = np.clip(np.minimum(left, end) - born, 0, None)
    who = np.repeat(np.arange(n), rng.poisson(rate * alive * most))
    day = born[who] + rng.random(len(who)) * alive[who]
    wave = 1 + law.season * np.cos(2 * np.pi * (day - phase) / YEAR)
    kept = rng.random(len(who)) < wave * (1 + law.growth) ** (day / YEAR) / most
    who, day = np.concatenate([np.arange(n), who[kept]]), np.concatenate([born, day[kept]])
    frame = pd.DataFrame({"customer": who, "day": np.floor(day)}).sort_values(["customer", "day"], kind="stable")
    if law.by_purchase:
        chance = rng.beta(1, 1 / law.by_purchase - 1, n).clip(1e-6)
        frame = frame[frame.groupby("customer").cumcount() < rng.geometric(chance)[frame["customer"]]]
    amount = rng.gamma(4, spend[frame["customer"]] / 4).round(2).clip(0.01)
    return frame.assign(amount=amount, refunded=rng.random(len(frame)) < law.refunded)


def rows(bought: pd.DataFrame) -> pd.DataFrame:
    """The transactions that a shop sees by its last day: purchases, and their refunds ten days later."""
    back = bought[bought["refunded"]].assign(day=lambda t: t["day"] + 10, amount=lambda t: -t["amount"])
    both = pd.concat([bought, back])
    both = both[both["day"] < DAYS]
    names, dates = both["customer"].astype(str), START + pd.to_timedelta(both["day"], unit="D")
    return pd.DataFrame({"customer_id": names, "date": dates, "amount": both["amount"]})


def planned(law: Law, seed: int) -> Answer:
    """The range to plan with, by the steps of notebook 03, beside the money that came."""
    bought = purchases(law, np.random.default_rng(seed))
    seen = ibis.memtable(rows(bought))
    as_of = START + pd.Timedelta(days=DAYS - 1)
    money = Economics(margin=1.0, annual_discount_rate=0.0, horizon_months=law.months)
    ahead = look_ahead(History(seen, START), as_of, money.horizon_days)
    whole = scoring.total(ahead, money)
    known = bought["customer"].astype(str).isin(ahead.customers.index)
    came = known & (bought["day"] >= DAYS) & ~bought["refunded"]
    return Answer(float(bought.loc[came, "amount"].sum()), whole.clv, whole.low, whole.high)


def staying(seed: int) -> Answer:
    """Customers who never leave: an alarm is a model that sees dropout."""
    rng = np.random.default_rng(seed)
    age = rng.uniform(100, 1000, 500)
    counts = rng.poisson(rng.gamma(1.2, 1 / 60, 500) * age)
    last = np.where(counts > 0, age * rng.random(500) ** (1 / np.maximum(counts, 1)), 0)
    index = pd.Index(range(500), name="customer_id").astype(str)
    model = ModifiedBetaGeo().fit(pd.DataFrame({"frequency": counts, "recency": last, "T": age}, index=index))
    return Answer(0.0, 0.0, *((1.0, 2.0) if model.dropout_seen_ else (0.0, 0.0)))


LAWS = {
    "leaving at any time": Law(),
    "leaving after a purchase": Law(leaving=0.0, by_purchase=0.1),
    "six months of a season of 60 %": Law(customers=300, season=0.6, months=6),
    "purchase rates fall by 15 % a year": Law(growth=-0.15),
    "purchase rates grow by 15 % a year": Law(growth=0.15),
    "leaving grows by its first rate every year": Law(leaving=1 / 1000, more_leave=1.0),
    "8 % of purchases refunded": Law(refunded=0.08),
    "one whale of 20 times the spend": Law(whale=20.0),
    "150 customers": Law(customers=150),
}


def _world(name: str, law: Law) -> World:
    return World(
        "range to plan with",
        name,
        lambda seed: planned(law, seed),
        level=scoring.FORECAST_LEVEL,
        repetitions=60,
        answers=0.9,
        widest=4.0,  # it also holds what the miss of other years was
        limit=law.more_leave > 0,  # what has not happened before: 03 says so before its range
    )


WORLDS = [_world(name, law) for name, law in LAWS.items()]
WORLDS.append(World("dropout seen", "nobody ever leaves", staying, "alarms", 0.05, repetitions=100))
