"""The world behind the demo shop → what the shop would see (the canonical tables) and the truth, as CSV in data/demo/.

`python -m tools.demo_shop.build` writes them again: the same seed gives the same bytes. The tables hold a few dirty
rows of the kinds that real exports have; the truth stands in two files of its own, which no notebook opens before its
last section.
"""

from collections.abc import Callable
from pathlib import Path

import ibis
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from clvlib import aggregate
from clvlib.ingest.card import DATA
from tools.demo_shop import world as shop
from tools.demo_shop.world import END, START, YEAR, World

FOLDER = DATA / "demo"
SEED = 2030  # a typical draw, to teach with: benchmarks/coverage.py says what happens over all of them
# What one touch costs, and the mean cost of winning a customer, in euros. In a month with r times the usual number of
# new customers, each costs r ** RISE times as much, so that 1 % more money brings 1 / (1 + RISE) % more customers.
TOUCH_COST = {"email": 0.03, "search": 0.65, "social": 0.50, "affiliate": 2.40, "display": 0.30}
WON_FOR = {"search": 33.0, "social": 65.0, "affiliate": 27.0, "referral": 18.0, "store": 11.0, "direct": 0.0}
RISE = {"search": 0.35, "social": 0.55, "affiliate": 0.20, "referral": 0.10, "store": 0.15, "direct": 0.0}
EMAILS = ("2024-03-12", "2024-11-19", "2025-06-10", "2026-03-10")


def tables(world: World, seed: int = SEED) -> dict[str, pd.DataFrame]:
    """The tables as a shop would export them (all cells text or numbers), and the truth, by file name."""
    rng = np.random.default_rng(seed)
    people = world.people
    bought = np.isfinite(people["first"].to_numpy())
    touched = _touchpoints(rng, world)
    customers = _customers(rng, people, bought)
    return {
        "transactions": _transactions(rng, world),
        "customers": customers,
        "touchpoints": touched,
        "surveys": _surveys(rng, world),
        "experiments": _experiments(rng, people),
        "marketing_costs": _marketing_costs(rng, customers, bought),
        "truth_customers": truth_of_customers(world),
        "truth_effects": truth_of_effects(world),
    }


def write(folder: Path = FOLDER, seed: int = SEED) -> None:
    """Write all tables of the demo shop as CSV into `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, table in tables(shop.world(seed), seed).items():
        table.to_csv(folder / f"{name}.csv", index=False, lineterminator="\n")


def _ids(people: pd.DataFrame | NDArray[np.intp]) -> NDArray[np.object_]:
    rows = people.index.to_numpy() if isinstance(people, pd.DataFrame) else people
    return np.array([f"C{row + 1:04d}" for row in rows], dtype=object)


def _written(time: NDArray[np.float64] | pd.Series, form: str = "%Y-%m-%d %H:%M") -> pd.Index:
    """Times (days since START) as text."""
    minutes = np.round(np.asarray(time, dtype=float) * 1440).astype("int64")
    return (START + pd.to_timedelta(minutes, unit="min")).strftime(form)


# -- what the shop sees ----------------------------------------------------------------------------------------------


def _transactions(rng: np.random.Generator, world: World) -> pd.DataFrame:
    lines = world.lines[world.lines["time"] < END]
    product = lines["product"].to_numpy()
    table = pd.DataFrame(
        {
            "customer_id": _ids(lines["person"].to_numpy()),
            "date": _written(lines["time"]),
            "amount": lines["amount"].round(2).to_numpy(),
            "order_id": [f"O{order + 1}" for order in lines["order"]],
            "channel": np.array(shop.CHANNELS, dtype=object)[lines["channel"]],
            "product": shop.CATALOGUE["product"].to_numpy(dtype=object)[product],
            "category": np.array(shop.CATEGORIES, dtype=object)[shop.CATALOGUE["category"].to_numpy()[product]],
            "cost": lines["cost"].round(2).to_numpy(),
        }
    )
    _change(rng, table, "channel", 60, lambda text: text.upper(), table["channel"] == "web")
    _change(rng, table, "channel", 35, lambda text: "Store ", table["channel"] == "store")
    _change(rng, table, "customer_id", 14, lambda text: "")
    _change(rng, table, "date", 3, lambda text: text[:5] + "13-45")
    _change(rng, table, "amount", 9, lambda _: 0.0, table["amount"] > 0)
    again = table.loc[np.sort(rng.choice(len(table), 12, replace=False))]
    return pd.concat([table, again]).sort_index(kind="stable", ignore_index=True)


def _change(
    rng: np.random.Generator,
    table: pd.DataFrame,
    column: str,
    count: int,
    by: Callable[..., object],
    where: pd.Series | None = None,
) -> None:
    """Make `count` cells of a column dirty."""
    rows = np.flatnonzero(where if where is not None else np.ones(len(table), dtype=bool))
    chosen = rng.choice(rows, count, replace=False)
    values = table[column].to_numpy(dtype=object, copy=True)
    values[chosen] = [by(value) for value in values[chosen]]
    table[column] = values


def _customers(rng: np.random.Generator, people: pd.DataFrame, bought: NDArray[np.bool_]) -> pd.DataFrame:
    source = np.array(shop.SOURCES, dtype=object)[people["source"]]
    month = _written(people["signed"], "%Y-%m")
    won = pd.Series(bought).groupby([source, month]).transform("sum").to_numpy()
    usual = pd.Series(won).groupby(source).transform("median").to_numpy()
    rise = np.array([RISE[name] for name in source])
    cost = np.array([WON_FOR[name] for name in source]) * rng.gamma(6, 1 / 6, len(people))
    cost *= np.maximum(won / np.maximum(usual, 1), 0.2) ** rise
    return pd.DataFrame(
        {
            "customer_id": _ids(people),
            "acquired_on": _written(people["signed"], "%Y-%m-%d"),
            "acquisition_channel": source,
            "acquisition_cost": np.where(bought, cost.round(2), np.nan),
            "consent": people["consent"],
            "referred_by": _referrers(rng, people, bought),
            "age_band": np.array(shop.AGES, dtype=object)[people["age"]],
            "region": np.array(shop.REGIONS, dtype=object)[people["region"]],
        }
    )


def _referrers(rng: np.random.Generator, people: pd.DataFrame, bought: NDArray[np.bool_]) -> NDArray[np.object_]:
    """Who brought each referred person: a customer who was active then, the satisfied more often."""
    found = np.full(len(people), "", dtype=object)
    first, left = people["first"].to_numpy(), people["left"].to_numpy()
    liking = np.exp(0.8 * people["satisfaction"].to_numpy())
    for row in np.flatnonzero(people["source"] == shop.SOURCES.index("referral")):
        signed = people["signed"].iloc[row]
        weight = liking * ((first < signed - 10) & (left > signed) & bought)
        if weight.sum() > 0:
            found[row] = f"C{rng.choice(len(people), p=weight / weight.sum()) + 1:04d}"
    return found


def _touchpoints(rng: np.random.Generator, world: World) -> pd.DataFrame:
    parts = [_before_orders(rng, world), _newsletters(rng, world.people, world.lines), _service(rng, world)]
    parts += _passing_by(rng, world.people)
    visits = world.added.assign(channel=np.array(shop.CHANNELS, dtype=object)[world.added["channel"]])
    visits["time"] = np.floor(visits["time"]) + (rng.integers(480, 1300, len(visits)) / 1440)
    parts.append(visits.assign(campaign="", event="visit", cost=0.0))
    table = pd.concat(parts, ignore_index=True)
    table = table[table["time"] < END].sort_values(["time", "person"], kind="stable", ignore_index=True)
    written = pd.DataFrame(
        {
            "customer_id": _ids(table["person"].to_numpy()),
            "date": _written(table["time"]),
            "channel": table["channel"],
            "campaign": table["campaign"],
            "event": table["event"],
            "cost": table["cost"],
        }
    )
    _change(rng, written, "customer_id", 25, lambda text: "X" + text[1:])
    _change(rng, written, "channel", 40, lambda text: "E-mail", written["channel"] == "email")
    return written


def _touches(person: NDArray[np.intp], time: NDArray[np.float64], channel: str, campaign: object) -> pd.DataFrame:
    event, cost = "click", TOUCH_COST[channel]
    return pd.DataFrame(
        {"person": person, "time": time, "channel": channel, "campaign": campaign, "event": event, "cost": cost}
    )


def _before_orders(rng: np.random.Generator, world: World) -> pd.DataFrame:
    """The touch that caused an order; touches that only met it; and earlier ones on the way."""
    orders = world.lines[(world.lines["amount"] > 0) & (world.lines["time"] < END)].drop_duplicates("order")
    person, time, cause = (orders[name].to_numpy() for name in ("person", "time", "cause"))
    online = (orders["channel"] != shop.CHANNELS.index("store")).to_numpy()
    quarter = pd.Series((START + pd.to_timedelta(time, unit="D")).to_period("Q").astype(str)).str.lower()
    parts = []
    for position, channel in enumerate(shop.CAUSES[1:], start=1):
        caused = np.flatnonzero(cause == position)
        campaign = "generic" if channel == "search" else quarter[caused].to_numpy()
        parts.append(_touches(person[caused], time[caused] - rng.uniform(0.02, 1.2, len(caused)), channel, campaign))
    for channel, share, campaign in (("search", 0.15, "brand"), ("display", 0.17, "retarget")):
        met = np.flatnonzero((rng.random(len(orders)) < share) & online)
        parts.append(_touches(person[met], time[met] - rng.uniform(0.003, 0.3, len(met)), channel, campaign))
    for channel, share in (("social", 0.04), ("display", 0.04), ("search", 0.03)):
        early = np.flatnonzero(rng.random(len(orders)) < share)
        name = "generic" if channel == "search" else "reach"
        parts.append(_touches(person[early], time[early] - rng.uniform(1.5, 16, len(early)), channel, name))
    touches = pd.concat(parts)
    return touches[touches["time"] > 0]


def _passing_by(rng: np.random.Generator, people: pd.DataFrame) -> list[pd.DataFrame]:
    """Clicks that have nothing to do with an order, of customers and of people who never buy."""
    parts = []
    for channel, count, campaign in (
        ("search", 500, "generic"),
        ("social", 1_500, "reach"),
        ("display", 800, "reach"),
    ):
        who = rng.integers(0, len(people), count)
        time = rng.uniform(people["signed"].to_numpy()[who], END)
        parts.append(_touches(who, time, channel, campaign))
    return parts


def _newsletters(rng: np.random.Generator, people: pd.DataFrame, lines: pd.DataFrame) -> pd.DataFrame:
    parts = []
    for text in EMAILS:
        sent = shop.day(text) + 9 / 24
        before = lines[(lines["time"] < sent) & (lines["time"] > sent - 365)]["person"].unique()
        to = np.sort(before[(people["consent"].to_numpy() == "yes")[before]])
        hour = people["hour"].to_numpy()[to] + rng.normal(0, 1.3, len(to))
        opens = rng.random(len(to)) < 1 / (1 + np.exp(0.9 - 0.5 * people["satisfaction"].to_numpy()[to]))
        clicks = opens & (rng.random(len(to)) < 0.16)
        opened = np.floor(sent) + rng.integers(0, 2, len(to)) + np.clip(hour, 9.2, 23.5) / 24
        name = f"news_{text[:7]}"
        for event, who, when, cost in (
            ("sent", np.full(len(to), True), np.full(len(to), sent), TOUCH_COST["email"]),
            ("open", opens, opened, 0.0),
            ("click", clicks, opened + 2 / 1440, 0.0),
        ):
            touch = {"person": to[who], "time": when[who], "channel": "email", "campaign": name, "event": event}
            parts.append(pd.DataFrame({**touch, "cost": cost}))
    return pd.concat(parts)


def _service(rng: np.random.Generator, world: World) -> pd.DataFrame:
    """Calls and tickets after some returns."""
    returns = world.lines[world.lines["amount"] < 0]
    asked = returns[rng.random(len(returns)) < 0.45]
    call = rng.random(len(asked)) < 0.4
    return pd.DataFrame(
        {
            "person": asked["person"].to_numpy(),
            "time": asked["time"].to_numpy() - rng.uniform(0.1, 1.5, len(asked)),
            "channel": np.where(call, "phone", "chat"),
            "campaign": "",
            "event": np.where(call, "call", "ticket"),
            "cost": np.where(call, 4.5, 2.5),
        }
    )


def _surveys(rng: np.random.Generator, world: World) -> pd.DataFrame:
    orders = world.lines[(world.lines["amount"] > 0) & (world.lines["time"] < END - 4)].drop_duplicates("order")
    asked = orders[rng.random(len(orders)) < 0.075]
    liking = world.people["satisfaction"].to_numpy()[asked["person"]]
    score = np.clip(np.round(7.7 + 1.6 * liking + rng.normal(0, 1.0, len(asked))), 0, 10).astype(int)
    table = pd.DataFrame(
        {
            "customer_id": _ids(asked["person"].to_numpy()),
            "date": _written(asked["time"] + rng.uniform(1, 4, len(asked)), "%Y-%m-%d"),
            "score": score,
            "question": "recommend",
        }
    )
    _change(rng, table, "score", 4, lambda _: 11)
    _change(rng, table, "score", 2, lambda _: -1)
    return table.sort_values(["date", "customer_id"], ignore_index=True)


def _experiments(rng: np.random.Generator, people: pd.DataFrame) -> pd.DataFrame:
    signed = _written(people["signed"], "%Y-%m-%d")
    tested, asked = people["test"] != "", people["winback"] != ""
    at_sign_up = pd.DataFrame({"experiment": people["test"], "variant": people["arm"], "date": signed})[tested]
    day = _written(np.array([shop.WINBACK]), "%Y-%m-%d")[0]
    later = pd.DataFrame({"experiment": "winback", "variant": people["winback"], "date": day})[asked]
    table = pd.concat([at_sign_up, later])
    table.insert(0, "customer_id", _ids(table))
    twice = table[table["variant"] == "email"].sample(6, random_state=rng).assign(variant="voucher")
    return pd.concat([table, twice]).sort_values(["date", "experiment", "customer_id"], kind="stable")


def _marketing_costs(rng: np.random.Generator, customers: pd.DataFrame, bought: NDArray[np.bool_]) -> pd.DataFrame:
    month = customers["acquired_on"].str[:7] + "-01"
    paid = pd.DataFrame(
        {
            "channel": customers["acquisition_channel"],
            "period": month,
            "cost": customers["acquisition_cost"],
            "n": bought,
        }
    )
    table = paid.groupby(["channel", "period"], as_index=False).agg(cost=("cost", "sum"), new_customers=("n", "sum"))
    table["cost"] = (table["cost"] * 1.08).round(2)
    table = table[table["channel"] != "direct"].reset_index(drop=True)
    _change(rng, table, "cost", 2, lambda _: "")
    _change(rng, table, "cost", 1, lambda cost: -cost, table["cost"] != "")
    return table


# -- what it would never know ----------------------------------------------------------------------------------------


def active_days(people: pd.DataFrame, start: float, end: float, known_at: float) -> NDArray[np.float64]:
    """Expected days, weighted by the season, on which each person is active in [start, end).

    Given whether the person was active at `known_at`; the day of leaving after that is not known (exponential).
    """
    days = np.arange(np.floor(start), np.floor(end))
    weight = shop.SEASON_OF_DAY[days.astype(int)]
    still = np.exp(-people["leaving"].to_numpy()[:, None] * (days + 0.5 - known_at))
    active = (people["first"].to_numpy() < known_at) & (people["left"].to_numpy() > known_at)
    return np.where(active, still @ weight, 0.0)


def order_value(people: pd.DataFrame, orders: int = 6_000) -> NDArray[np.float64]:
    """Expected net revenue of an order of each person: its tastes' mean basket, at its budget, less returns."""
    rng = np.random.default_rng(SEED)
    mean = np.empty(6)
    for taste in range(6):
        _, product = shop.baskets(rng, np.full(orders, taste))
        mean[taste] = shop.CATALOGUE["price"].to_numpy()[product].sum() / orders
    return mean[people["taste"]] * people["budget"].to_numpy() * people["paid_share"].to_numpy() * (1 - shop.RETURNED)


def truth_of_customers(world: World) -> pd.DataFrame:
    """What is true of each person on the last day observed, and what they buy in the year after it.

    `orders_12m` and `revenue_12m` go by `aggregate.holdout`, as forecasts do: days with a purchase that was not sent
    back, and what these came to. `expected_orders_12m` are orders, whatever is sent back of them. `days_stayed` runs
    from the first order to the day of leaving, past or to come; empty of who never bought.
    """
    people = world.people
    active = (people["first"] < END) & (people["left"] > END)
    rate = people["rate"] * people["lifted"]
    orders = rate * active_days(people, END, END + YEAR, END)
    came = bought_after(world).reindex(_ids(people)).fillna(0.0)
    return pd.DataFrame(
        {
            "customer_id": _ids(people),
            "purchase_rate": (rate * YEAR).round(3),
            "active": active.astype(int),
            "expected_orders_12m": orders.round(3),
            "expected_revenue_12m": (orders * order_value(people)).round(2),
            "orders_12m": came["purchases"].to_numpy(dtype="int64"),
            "revenue_12m": came["spend"].round(2).to_numpy(),
            "channel_effect": people["effect"].round(3),
            "days_stayed": (people["left"] - people["first"]).round().astype("Int64"),
        }
    )


def bought_after(world: World) -> pd.DataFrame:
    """`aggregate.holdout` of the year after the last day observed: purchases and spend by customer_id."""
    lines = world.lines
    table = pd.DataFrame(
        {"customer_id": _ids(lines["person"].to_numpy()), "date": pd.to_datetime(_written(lines["time"]))}
    )
    table = table.assign(amount=lines["amount"].round(2).to_numpy(), order_id=lines["order"].astype(str).to_numpy())
    return aggregate.holdout(ibis.memtable(table), shop.AS_OF, shop.AS_OF + pd.Timedelta(days=YEAR))


def truth_of_effects(world: World) -> pd.DataFrame:
    """The true mean effects: of a further channel, of each touch channel, of each arm of each experiment."""
    rises = [("acquisition", name, "all", "elasticity", 1 / (1 + rise)) for name, rise in RISE.items() if WON_FOR[name]]
    parts = [_channel_truth(world), _touch_truth(world), experiment_truth(world.people)]
    parts.append(pd.DataFrame(rises, columns=parts[0].columns))
    found = pd.concat(parts, ignore_index=True)
    return found.assign(value=found["value"].round(4))


def _channel_truth(world: World) -> pd.DataFrame:
    effect, home, added = channel_effect(world)
    groups = {"all": home >= 0} | {name: home == i for i, name in enumerate(shop.CHANNELS) if (home == i).any()}
    rows = [("revenue", name, effect[chosen].mean()) for name, chosen in groups.items()]
    rows += [("revenue_treated", name, effect[chosen & added].mean()) for name, chosen in groups.items()]
    table = pd.DataFrame(rows, columns=["quantity", "group", "value"])
    return table.assign(topic="channels", item="second channel")[["topic", "item", "group", "quantity", "value"]]


def channel_effect(world: World) -> tuple[NDArray[np.float64], NDArray[np.intp], NDArray[np.bool_]]:
    """Expected effect on each customer's revenue in the next window of adding a second channel in the first one.

    For those who had bought, in one channel only, before the first window (`shop.STUDY`): the effect (euros), the home
    channel (position in CHANNELS), and whether the customer did add one.
    """
    start, end, last = shop.STUDY
    people = world.people
    studied = ((people["first"] < start) & (people["second_from"] >= start)).to_numpy()
    # The win-back test is left out: who adds a channel is seldom silent for long enough to take part in it.
    effect = people["rate"] * people["effect"] * active_days(people, end, last, start) * order_value(people)
    added = people["second_from"].between(start, end).to_numpy()
    return effect.to_numpy()[studied], people["home"].to_numpy()[studied], added[studied]


def _touch_truth(world: World) -> pd.DataFrame:
    orders = world.lines[(world.lines["amount"] > 0) & (world.lines["time"] < END)].drop_duplicates("order")
    count = orders["cause"].value_counts().reindex(range(1, len(shop.CAUSES)), fill_value=0)
    rows = [("attribution", shop.CAUSES[i], "all", "caused_orders", float(count[i])) for i in count.index]
    rows.append(("attribution", "display", "all", "caused_orders", 0.0))
    return pd.DataFrame(rows, columns=["topic", "item", "group", "quantity", "value"])


def experiment_truth(people: pd.DataFrame, repeats: int = 60) -> pd.DataFrame:
    """The mean effect of each arm against control on those who took part, by living each arm `repeats` times over.

    Quantities per assigned customer: conversion (share), orders, revenue and contribution (euros) within 365 days of
    sign-up, and to the last day observed for the win-back test.
    """
    rng = np.random.default_rng(SEED + 1)
    rows = []
    for test, arms in {
        "welcome_offer": ["discount"],
        "onboarding_quiz": ["quiz"],
        "winback": ["email", "voucher"],
    }.items():
        chosen = people[(people["test"] == test) if test != "winback" else (people["winback"] != "")]
        means = {arm: shop.lived(rng, chosen, test, arm, repeats) for arm in ["control", *arms]}
        for arm in arms:
            for quantity, value in (means[arm] - means["control"]).items():
                rows.append(("experiments", test, arm, str(quantity), float(value)))
    return pd.DataFrame(rows, columns=["topic", "item", "group", "quantity", "value"])


if __name__ == "__main__":
    write()
