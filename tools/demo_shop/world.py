"""A seed → the world behind the demo shop: who its people are, when they buy and leave, and what is true of them.

Everything that a real shop can never know is drawn here first: each customer's purchase rate and day of leaving
(Poisson purchases until an exponential lifetime ends, as in Schmittlein, Morrison & Colombo 1987), what a further
channel changes, what each arm of each experiment changes. `build.py` writes what the shop itself would see.

Times are days since `START`, as numbers; money is in euros.
"""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Array = NDArray[np.float64]

START, AS_OF = pd.Timestamp("2023-07-01"), pd.Timestamp("2026-06-30")
YEAR = 365.0


def day(date: str | pd.Timestamp) -> float:
    """Days from the first day of the shop to the start of a date."""
    return float((pd.Timestamp(date) - START).days)


END = day(AS_OF) + 1
DRIVES = (day("2024-01-01"), day("2024-07-01"), day("2025-01-01"))  # when customers are invited to a further channel
STUDY = (day("2025-01-01"), day("2025-07-01"), END)  # first window, next window
TESTS = (day("2025-01-01"), day("2025-07-01"))  # sign-ups in between take part in a test
WINBACK = day("2026-01-05")
SEASON = np.array([1.05, 0.85, 0.90, 0.95, 1.05, 1.00, 0.95, 0.75, 0.95, 1.00, 1.20, 1.35])  # by month, mean 1
MONTH = np.array([d.month - 1 for d in pd.date_range(START, periods=int(END + YEAR) + 1)])
SEASON_OF_DAY = SEASON[MONTH]

CHANNELS = ("web", "store", "app", "marketplace")
SOURCES = ("search", "social", "affiliate", "referral", "store", "direct")
AGES = ("18-29", "30-44", "45-59", "60+")
REGIONS = ("Provence", "Paris", "Lyon", "Bretagne", "Occitanie")
CATEGORIES = ("Soap", "Candles", "Tea", "Kitchen", "Linen", "Garden")
CATALOGUE = pd.DataFrame(
    [
        ("Olive soap", 0, 8, 0.42), ("Bath salts", 0, 14, 0.42), ("Hand cream", 0, 12, 0.40), ("Shampoo", 0, 11, 0.45),
        ("Soap dish", 0, 9, 0.50), ("Fig candle", 1, 24, 0.45), ("Matches", 1, 5, 0.50), ("Diffuser", 1, 29, 0.45),
        ("Lantern", 1, 38, 0.58), ("Incense", 1, 10, 0.48), ("Teapot", 2, 42, 0.58), ("Green tea", 2, 13, 0.48),
        ("Herbal tea", 2, 11, 0.46), ("Tea filter", 2, 6, 0.50), ("Mug", 2, 12, 0.55), ("Olive oil", 3, 18, 0.60),
        ("Tapenade", 3, 7, 0.55), ("Salad bowl", 3, 34, 0.60), ("Board", 3, 27, 0.60), ("Honey", 3, 10, 0.56),
        ("Tablecloth", 4, 55, 0.60), ("Napkins", 4, 19, 0.58), ("Tea towel", 4, 12, 0.55), ("Apron", 4, 25, 0.58),
        ("Throw", 4, 59, 0.62), ("Seeds", 5, 4, 0.50), ("Pot", 5, 16, 0.60), ("Secateurs", 5, 28, 0.60),
        ("Gloves", 5, 11, 0.55), ("Watering can", 5, 31, 0.60),
    ],
    columns=["product", "category", "price", "cost_share"],
)  # fmt: skip
# What is often bought with what, by position in the catalogue.
GOES_WITH = {0: 4, 5: 6, 7: 9, 10: 11, 11: 13, 12: 14, 15: 16, 17: 15, 20: 21, 22: 23, 25: 26, 26: 25, 27: 28}
CAUSES = ("organic", "email", "search", "social", "affiliate")
RETURNED = 0.04  # of all lines
VOUCHER, DISCOUNT = 8.0, 0.20


@dataclass(frozen=True)
class World:
    """What happened, and what nobody in the shop could see.

    people: one row per person, with sign-up, home channel, tastes and the hidden truth (rate per day, day of leaving,
    effect of a further channel …). lines: one row per order line up to a year after the last day observed, sorted by
    time: person (row of `people`), time, order (number), channel, product, amount, cost, cause. added: channels that
    people added: person, time, channel.
    """

    people: pd.DataFrame
    lines: pd.DataFrame
    added: pd.DataFrame


def world(seed: int, n: int = 6_200) -> World:
    """Draw a shop with `n` people who sign up (some of them never buy)."""
    rng = np.random.default_rng(seed)
    people = _people(rng, n)
    orders, added = _purchases(rng, people)
    return World(people, _lines(rng, people, orders), added)


# -- people ----------------------------------------------------------------------------------------------------------


def _people(rng: np.random.Generator, n: int) -> pd.DataFrame:
    kind = rng.choice(3, n, p=[0.48, 0.42, 0.10])
    bounds = np.array([[0, TESTS[0]], list(TESTS), [TESTS[1], END - 7]])
    signed = np.sort(rng.uniform(*bounds[kind].T))
    source = rng.choice(6, n, p=[0.30, 0.18, 0.10, 0.10, 0.22, 0.10])
    elsewhere = rng.choice([0, 1, 3], n, p=[0.74, 0.08, 0.18])
    age = rng.choice(4, n, p=[0.22, 0.33, 0.28, 0.17])
    satisfaction = rng.normal(size=n)
    people = pd.DataFrame(
        {
            "signed": signed,
            "source": source,
            "home": np.where(source == 4, 1, elsewhere),
            "age": age,
            "region": rng.choice(5, n, p=[0.34, 0.25, 0.16, 0.11, 0.14]),
            "satisfaction": satisfaction,
            "own_rate": rng.gamma(1.5, 6.9 / YEAR / 1.5, n),
            "own_leaving": rng.gamma(1.2, 1.05 / YEAR / 1.2, n) * np.exp(-0.55 * satisfaction - 0.15),
            "budget": np.exp(rng.normal(0.28, 0.45, n)),
            "taste": rng.choice(6, n, p=[0.26, 0.18, 0.18, 0.16, 0.12, 0.10]),
            "hour": rng.choice([12.5, 17.0, 20.5], n, p=[0.35, 0.25, 0.40]),
            "consent": rng.choice(["yes", "no", ""], n, p=[0.66, 0.22, 0.12]),
            "luck": rng.random(n),  # buys at all when below the chance to buy
        }
    )
    people["effect"] = np.select([people["home"] == 1, people["home"] == 3], [0.65, 0.45], 0.40) * rng.gamma(
        8, 1 / 8, n
    )
    tested = (signed >= TESTS[0]) & (signed < TESTS[1])
    people["test"] = np.select([tested & (people["home"] == 0), tested], ["welcome_offer", "onboarding_quiz"], "")
    second = rng.random(n) < 0.5
    people["arm"] = np.where(people["test"] == "", "", "control")
    people.loc[second & (people["test"] == "welcome_offer"), "arm"] = "discount"
    people.loc[second & (people["test"] == "onboarding_quiz"), "arm"] = "quiz"
    return _with_first_purchase(rng, people)


def _with_first_purchase(rng: np.random.Generator, people: pd.DataFrame) -> pd.DataFrame:
    """What the arm of a test at sign-up changes, then the first purchase and the day of leaving (never known)."""
    people = people.copy()
    chance = np.select([people["test"] == "welcome_offer", people["test"] == "onboarding_quiz"], [0.62, 0.68], 0.84)
    discount, quiz = (people["arm"] == "discount").to_numpy(), (people["arm"] == "quiz").to_numpy()
    # A discount wins people who come for the discount, and teaches the others to wait for the next one.
    won_by_discount = discount & (people["luck"] >= chance)
    answer = np.select([won_by_discount, discount, quiz], [0.35, 0.75, 1.45], 1.0)
    people["rate"] = people["own_rate"] * answer
    people["leaving"] = people["own_leaving"] * np.where(quiz, 0.55, 1.0)
    people["paid_share"] = np.where(discount, 0.94, 1.0)
    people["discount"] = np.where(discount, DISCOUNT, 0.0)
    buys = people["luck"] < chance + np.where(discount, 0.12, 0.0) - np.where(quiz, 0.07, 0.0)
    first = people["signed"] + np.where(people["home"] == 1, 0.0, rng.exponential(4.0, len(people)))
    people["first"] = first.where(buys & (first < END), np.inf)
    people["left"] = people["first"] + rng.exponential(size=len(people)) / people["leaving"]
    return people


# -- purchases -------------------------------------------------------------------------------------------------------


def _purchases(rng: np.random.Generator, people: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Orders (person, time, channel) of everybody, stage by stage, and the channels that people add on the way."""
    n = len(people)
    owned = np.zeros((n, len(CHANNELS)), dtype=bool)
    owned[np.arange(n), people["home"]] = True
    since = np.where(owned, -np.inf, np.inf)
    lift, lift_from = np.ones((n, 4)), np.full((n, 4), np.inf)  # further channels, and from when each one counts
    people["winback"], people["reply"] = "", 1.0
    bought = np.isfinite(people["first"])
    parts = [pd.DataFrame({"person": np.flatnonzero(bought), "time": people.loc[bought, "first"]})]
    stages = [0.0, *DRIVES, WINBACK, END, END + YEAR]
    added = []
    for a, b in pairwise(stages):
        if a in DRIVES:
            who, channel = _adds_channel(rng, people, pd.concat(parts), owned, a)
            when = a + rng.uniform(0, 150, len(who))
            place = owned[who].sum(axis=1)
            lift[who, place] = np.where(place == 1, 1 + people["effect"].to_numpy()[who], 1.05)
            lift_from[who, place] = when
            owned[who, channel], since[who, channel] = True, when
            added.append(pd.DataFrame({"person": who, "time": when, "channel": channel}))
        if a == WINBACK:
            _assign_winback(rng, people, pd.concat(parts))
        parts.append(_stage(rng, people, a, b, lift, lift_from))
    people["lifted"], people["channels"] = lift.prod(axis=1), owned.sum(axis=1)
    people["second_from"] = lift_from[:, 1]
    orders = pd.concat(parts, ignore_index=True).sort_values(["time", "person"], kind="stable", ignore_index=True)
    usable = since[orders["person"]] <= orders["time"].to_numpy()[:, None]
    home = people["home"].to_numpy()[orders["person"]][:, None] == np.arange(len(CHANNELS))
    weight = rng.random(usable.shape) * usable * np.where(home, 1.6, 1.0)
    orders["channel"] = weight.argmax(axis=1)
    return orders, pd.concat(added, ignore_index=True).sort_values(["time", "person"], ignore_index=True)


def _stage(
    rng: np.random.Generator, people: pd.DataFrame, a: float, b: float, lift: Array, lift_from: Array
) -> pd.DataFrame:
    """Repeat purchases in [a, b): candidates at the highest rate, of which the season and the channels keep a share."""
    start = np.maximum(a, people["first"].to_numpy())
    length = np.maximum(np.minimum(b, people["left"].to_numpy()) - start, 0.0)
    length[~np.isfinite(start)] = 0.0
    reply = people["reply"].to_numpy() if a == WINBACK else np.ones(len(people))
    ceiling = people["rate"].to_numpy() * lift.prod(axis=1) * reply * SEASON.max()
    count = rng.poisson(ceiling * length)
    person = np.repeat(np.arange(len(people)), count)
    time = start[person] + rng.random(len(person)) * length[person]
    counts_now = np.where(lift_from[person] <= time[:, None], lift[person], 1.0).prod(axis=1)
    kept = SEASON_OF_DAY[time.astype(int)] / SEASON.max() * counts_now / lift.prod(axis=1)[person]
    chosen = rng.random(len(person)) < kept
    return pd.DataFrame({"person": person[chosen], "time": time[chosen]})


def _history(orders: pd.DataFrame, n: int, until: float) -> tuple[Array, Array]:
    """Orders so far and time of the last one (−inf for none) of each person."""
    before = orders[orders["time"] < until]
    last = np.full(n, -np.inf)
    np.maximum.at(last, before["person"].to_numpy(), before["time"].to_numpy())
    return np.bincount(before["person"], minlength=n).astype(float), last


def _adds_channel(
    rng: np.random.Generator, people: pd.DataFrame, orders: pd.DataFrame, owned: NDArray[np.bool_], at: float
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Who adds a channel at a drive, by what the shop sees of them on that day, and which one."""
    count, last = _history(orders, len(people), at)
    silent = np.minimum(at - last, 365.0)
    score = -1.9 + 0.65 * np.log1p(count) - 0.003 * silent + 0.5 * (people["age"] <= 1) + 0.35 * (people["home"] == 1)
    score -= np.where(owned.sum(axis=1) > 1, 0.5, 0.0)
    adds = (rng.random(len(people)) < 1 / (1 + np.exp(-score))) & (count > 0) & (owned.sum(axis=1) < 4)
    who = np.flatnonzero(adds)
    liking = rng.random((len(who), len(CHANNELS))) * np.array([1.2, 0.8, 1.3, 0.5])
    return who, np.where(owned[who], -1.0, liking).argmax(axis=1)


def _assign_winback(rng: np.random.Generator, people: pd.DataFrame, orders: pd.DataFrame) -> None:
    """Customers silent for 60 to 365 days who consent: control, e-mail or voucher; the reply differs by segment."""
    count, last = _history(orders, len(people), WINBACK)
    silent = WINBACK - last
    takes_part = (silent >= 60) & (silent <= 365) & (people["consent"] == "yes").to_numpy()
    arm = rng.choice(["control", "email", "voucher"], len(people))
    people["winback"] = np.where(takes_part, arm, "")
    people["segment"] = np.where(count >= 5, "frequent", "occasional")
    people["reply"] = winback_reply(people)


def winback_reply(people: pd.DataFrame) -> Array:
    """By what the arm of the win-back test multiplies the purchase rate until the last day observed."""
    frequent, store = people["segment"] == "frequent", people["home"] == 1
    email = np.select([frequent & ~store, store], [1.45, 0.85], 1.10)
    voucher = np.where(frequent, 1.90, 1.35)
    return np.select([people["winback"] == "email", people["winback"] == "voucher"], [email, voucher], 1.0)


# -- baskets ---------------------------------------------------------------------------------------------------------


def baskets(rng: np.random.Generator, taste: NDArray[np.intp]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Draw what orders contain: the position of the order and the product (position in the catalogue) of each line."""
    popular = np.array([0.30, 0.16, 0.26, 0.16, 0.12])
    size = 1 + np.minimum(rng.poisson(0.27, len(taste)), 4)
    order = np.repeat(np.arange(len(taste)), size)
    first = np.r_[True, order[1:] != order[:-1]]
    category = np.where(rng.random(len(order)) < 0.62, taste[order], rng.choice(6, len(order)))
    product = category * 5 + rng.choice(5, len(order), p=popular)
    pair = np.array([GOES_WITH.get(i, -1) for i in range(len(CATALOGUE))])
    before = np.r_[-1, product[:-1]]
    together = ~first & (pair[before] >= 0) & (rng.random(len(order)) < 0.55)
    return order, np.where(together, pair[before], product)


def _lines(rng: np.random.Generator, people: pd.DataFrame, orders: pd.DataFrame) -> pd.DataFrame:
    """Order lines and their returns. Amounts are what the customer pays; costs are what the goods cost the shop."""
    person = orders["person"].to_numpy()
    time = _at_hours(rng, people, orders)
    position, product = baskets(rng, people["taste"].to_numpy()[person])
    who = person[position]
    size = people["budget"].to_numpy()[who] * rng.gamma(14, 1 / 14, len(who))
    price = CATALOGUE["price"].to_numpy()[product] * size
    first_of_person = ~pd.Series(person).duplicated().to_numpy()[position]
    off = np.where(first_of_person, people["discount"].to_numpy()[who], 0.0)
    amount = np.maximum(np.round(price * people["paid_share"].to_numpy()[who] * (1 - off), 2), 0.5)
    lines = pd.DataFrame(
        {
            "person": who,
            "time": time[position],
            "order": position,
            "channel": orders["channel"].to_numpy()[position],
            "product": product,
            "amount": amount,
            "cost": np.round(price * CATALOGUE["cost_share"].to_numpy()[product], 2),
            "cause": _causes(rng, people, orders)[position],
        }
    )
    _give_vouchers(people, lines)
    back = lines[rng.random(len(lines)) < RETURNED].copy()
    back["time"] += np.round(rng.uniform(2, 25, len(back)))
    back[["amount", "cost"]] *= -1.0
    return pd.concat([lines, back]).sort_values(["time", "order"], kind="stable", ignore_index=True)


def _at_hours(rng: np.random.Generator, people: pd.DataFrame, orders: pd.DataFrame) -> Array:
    """The day of each order, at an hour that its customer likes and the shop is open, to the minute."""
    hour = people["hour"].to_numpy()[orders["person"]] + rng.normal(0, 1.6, len(orders))
    opens, closes = np.where(orders["channel"] == 1, 10, 7), np.where(orders["channel"] == 1, 19, 23)
    hour = np.where(hour > closes, 2 * closes - hour, np.where(hour < opens, 2 * opens - hour, hour))
    return np.floor(orders["time"].to_numpy()) + np.floor(hour * 60) / 1440


def _causes(rng: np.random.Generator, people: pd.DataFrame, orders: pd.DataFrame) -> NDArray[np.intp]:
    """What each order is owed to (position in CAUSES): one touch, or nothing at all."""
    store = (orders["channel"] == 1).to_numpy()
    consent = (people["consent"] == "yes").to_numpy()[orders["person"]]
    email, search = np.where(consent, 0.11, 0.0), np.where(store, 0.02, 0.13)
    social, affiliate = np.full(len(orders), 0.07), np.where(store, 0.0, 0.05)
    chance = np.column_stack([1 - email - search - social - affiliate, email, search, social])
    return (rng.random(len(orders))[:, None] >= chance.cumsum(axis=1)).sum(axis=1)


def _give_vouchers(people: pd.DataFrame, lines: pd.DataFrame) -> None:
    """The first order after a voucher costs its customer less: VOUCHER, or half of the first line if that is less."""
    after = lines[(lines["time"] >= WINBACK) & (people["winback"].to_numpy()[lines["person"]] == "voucher")]
    first = after.drop_duplicates("person").index
    lines.loc[first, "amount"] -= np.minimum(VOUCHER, np.round(lines.loc[first, "amount"] / 2, 2))
    lines["amount"] = lines["amount"].round(2)


# -- what each arm of a test would have brought ----------------------------------------------------------------------


def lived(rng: np.random.Generator, people: pd.DataFrame, test: str, arm: str, repeats: int) -> pd.Series:
    """Give all of a test's people one arm, let them live `repeats` times, and average what they do.

    Returns per person: conversion (share who buy), orders, revenue and contribution (euros), within a year of sign-up,
    or from the win-back test to the last day observed.
    """
    copies = people.loc[people.index.repeat(repeats)].reset_index(drop=True)
    none = np.ones((len(copies), 4))
    copies["reply"] = 1.0
    if test == "winback":
        copies["winback"], copies["discount"] = arm, 0.0
        copies["reply"] = winback_reply(copies)
        stays = copies["left"] > WINBACK
        copies["left"] = np.where(stays, WINBACK + rng.exponential(size=len(copies)) / copies["leaving"], 0.0)
        copies["rate"] *= copies["lifted"]
        orders = _stage(rng, copies, WINBACK, END, none, none)
        last = pd.Series(END, index=copies.index)
    else:
        copies["arm"], copies["winback"] = arm, ""
        copies = _with_first_purchase(rng, copies)
        bought = np.isfinite(copies["first"])
        first = pd.DataFrame({"person": np.flatnonzero(bought), "time": copies.loc[bought, "first"]})
        orders = pd.concat([first, _stage(rng, copies, 0.0, TESTS[1] + YEAR, none, none)])
        last = copies["signed"] + YEAR
    orders = orders.sort_values(["time", "person"], ignore_index=True).assign(channel=copies["home"].to_numpy()[0])
    lines = _lines(rng, copies, orders)
    lines = lines[lines["time"] < last.to_numpy()[lines["person"]]]
    sold = lines[lines["amount"] > 0]
    total = lines[["amount", "cost"]].sum()
    return pd.Series(
        {
            "conversion": sold["person"].nunique(),
            "orders": sold["order"].nunique(),
            "revenue": total["amount"],
            "contribution": total["amount"] - total["cost"],
        }
    ) / len(copies)
