"""Who used which channels, and what they spent → what using several channels is worth, plainly compared and adjusted.

The plain comparison is what articles quote. The study looks forward instead: customers of exactly one channel; whether
they added another in a first window; what they spent in the next one. `causal` adjusts for what was known before.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from clvlib import aggregate, causal, journeys, wording
from clvlib.dataset import Dataset
from clvlib.tables import TABLES, MissingTable, NotEnoughData, UsageError

OUTCOMES = {"revenue": "net revenue", "orders": "purchase days", "bought": "share who bought"}
FAMILIES = {
    "how often they bought": ("frequency", "purchases_last_90", "purchases_last_365"),
    "how long the silence": ("days_since_last_order", "recency"),
    "how much they spent": ("total_spend", "mean_spend", "spend_last_90", "spend_last_365"),
    "how long they are customers": ("T",),
    "home channel": ("home",),
}
KNOWN = tuple(name for family in FAMILIES.values() for name in family if name != "home")
PLACEBO_DAYS = 180
NOT_ATTRIBUTES = {column.name for column in TABLES["customers"]} - {"acquisition_channel"}  # may change later
MOST_VALUES = 12  # a text with more of them is a name, not an attribute
FEWEST_DAYS = 60
MOST_COUNTED = 4  # four or more channels are one group, as articles have it
BANDS = {"1": 1, "2": 2, "3-4": 4, "5-9": 9, "10+": np.inf}  # purchases, by the largest of the group


# The plain comparison


def people(ds: Dataset) -> pd.DataFrame:
    """Set side by side, for every customer, the channels ever used and what was ever spent, as articles do.

    Returns, indexed by customer_id: channels (int), mix (text, "store + web"), home (the first one), orders (purchase
    days), revenue (currency, net), order_value (currency), again (bool: bought more than once), recent (bool: bought in
    the last 365 days), years (since the first purchase).

    Raises MissingTable when transactions have no channel, NotEnoughData when there is only one.
    """
    used = channels_used(ds, ds.starts, ds.as_of)
    if used["channel"].nunique() < 2:
        named = ", ".join(used["channel"].unique()) or "none is named"
        raise NotEnoughData(
            f"All orders were made in one channel ({named}).", "With a single channel there is nothing to compare."
        )
    rfm = ds.rfm_summary()
    first = used.sort_values(["first_used", "channel"], kind="stable").groupby("customer_id")["channel"]
    by_customer = used.groupby("customer_id")["channel"]
    orders = rfm["frequency"] + 1
    frame = pd.DataFrame(
        {
            "channels": by_customer.nunique(),
            "mix": by_customer.agg(" + ".join),
            "home": first.first(),
            "orders": orders,
            "revenue": rfm["total_spend"],
            "order_value": rfm["total_spend"] / orders,
            "again": rfm["frequency"] > 0,
            "recent": rfm["days_since_last_order"] < 365,
            "years": rfm["T"] / 365.25,
        }
    )
    frame = frame[frame["channels"].notna() & frame["orders"].notna()].rename_axis("customer_id")
    return frame.astype({"channels": "int64", "orders": "int64", "again": bool, "recent": bool})


def channels_used(ds: Dataset, start: pd.Timestamp, end: pd.Timestamp) -> pd.DataFrame:
    """`journeys.usage` of a dataset, with its touchpoints if it has any."""
    return journeys.usage(ds.transactions, ds.table("touchpoints") if ds.has("touchpoints") else None, start, end)


def compare(known: pd.DataFrame, by: pd.Series) -> pd.DataFrame:
    """Average `people` by group: customers, revenue and orders per customer, order_value, bought_again and still_buying
    (shares), years_known (since the first purchase)."""
    groups = known.groupby(by)
    return pd.DataFrame(
        {
            "customers": groups.size(),
            "revenue": groups["revenue"].mean(),
            "orders": groups["orders"].mean(),
            "order_value": groups["revenue"].sum() / groups["orders"].sum(),
            "bought_again": groups["again"].mean(),
            "still_buying": groups["recent"].mean(),
            "years_known": groups["years"].mean(),
        }
    )


def times_richer(known: pd.DataFrame) -> float:
    """Divide the mean revenue of customers of several channels by that of customers of one.

    Raises NotEnoughData when either group has fewer than 25 customers.
    """
    one, several = (known.loc[chosen, "revenue"] for chosen in (known["channels"] == 1, known["channels"] > 1))
    if min(len(one), len(several)) < causal.FEWEST or one.mean() <= 0:
        raise NotEnoughData(
            f"{len(one):,} customers used one channel, {len(several):,} several; it takes {causal.FEWEST} of each.",
            "Bring more customers.",
        )
    return float(several.mean() / one.mean())


def number(channels: pd.Series) -> pd.Series:
    """Name the number of channels: "1", "2", "3", "4+"."""
    names = channels.clip(upper=MOST_COUNTED).astype(int).astype(str)
    return names.where(channels < MOST_COUNTED, f"{MOST_COUNTED}+").rename("channels")


def band(orders: pd.Series) -> pd.Series:
    """Name the number of purchases: "1", "2", "3-4", "5-9", "10+"."""
    return pd.cut(orders, [0, *BANDS.values()], labels=list(BANDS)).rename("purchases")


def shuffled(ds: Dataset, known: pd.DataFrame, seed: int = 0) -> pd.Series:
    """Count the channels that each customer would have used, had every purchase drawn its channel at random.

    Everybody keeps their purchases (`known`: as `people` gives it); each gets a channel from the whole shop's mix. In
    that world a channel changes nothing. Returns the number of channels, indexed as `known`.
    """
    bought = channels_used(ds, ds.starts, ds.as_of).groupby("channel")["purchases"].sum()
    mix = (bought / bought.sum()).to_numpy()
    drawn = np.random.default_rng(seed).multinomial(known["orders"].to_numpy(), mix)
    return pd.Series((drawn > 0).sum(axis=1), index=known.index, name="channels")


# The study: one window after the other


@dataclass(frozen=True)
class Study:
    """Customers of exactly one channel by the day before `start`, and what became of them.

    `added`: used a further channel from `start` to `split` (bool). `outcomes`: from the day after `split` to `end`,
    columns revenue (net, currency), orders (purchase days) and bought (0 or 1). `features`: what was known before
    `start`; `home` is its channel. `placebo`: revenue of the 180 days before `start`. All indexed by customer_id.
    """

    start: pd.Timestamp
    split: pd.Timestamp
    end: pd.Timestamp
    shortened: bool
    features: pd.DataFrame
    added: pd.Series
    outcomes: pd.DataFrame
    placebo: pd.Series


def windows(
    starts: pd.Timestamp, as_of: pd.Timestamp, first_days: int, next_days: int
) -> tuple[pd.Timestamp, pd.Timestamp, bool]:
    """Place the two windows at the end of what was observed; returns the first day of the first window, its last day,
    and whether they were shortened.

    Both are shortened alike so that a third of the observation stays before them. Raises UsageError for a window
    without days, NotEnoughData when one would be shorter than 60 days.
    """
    if min(first_days, next_days) < 1:
        raise UsageError(
            f"The windows are {first_days} and {next_days} days long.", "Give both a number of days above 0."
        )
    seen = (as_of - starts).days + 1
    share = min(1.0, 2 / 3 * seen / (first_days + next_days))
    first, after = int(first_days * share), int(next_days * share)
    if min(first, after) < min(FEWEST_DAYS, first_days, next_days):
        raise NotEnoughData(
            f"In the {seen:,} days observed, the first window would have {first} days and the next one {after}, with a "
            f"third of the history before them; each needs {FEWEST_DAYS}.",
            "Bring a longer history.",
        )
    split = as_of - pd.Timedelta(days=after)
    return split - pd.Timedelta(days=first - 1), split, share < 1


def study(ds: Dataset, first_days: int = 181, next_days: int = 365, known_before: str = "") -> Study:
    """Follow the customers of one channel through two windows (see `Study`).

    Features: frequency, silence, age and spend as `aggregate.features` gives them, home channel, and those columns of
    the customers table that `known_before` lists (commas between) and that have 2 to 12 values. That table has no
    dates: whoever names a column vouches that it was known before the first window.

    Raises MissingTable when transactions have no channel; NotEnoughData when the history is too short, the shop sells
    in one channel only, or nobody was a customer of one channel before.
    """
    start, split, shortened = windows(ds.starts, ds.as_of, first_days, next_days)
    before = start - pd.Timedelta(days=1)
    earlier, first = channels_used(ds, ds.starts, before), channels_used(ds, start, split)
    number_before = earlier.groupby("customer_id")["channel"].agg(["nunique", "first"])
    home = number_before.loc[number_before["nunique"] == 1, "first"].rename("home")
    behaviour = aggregate.features(ds.transactions, before)
    index = behaviour.index.intersection(home.index).sort_values()
    if len(index) == 0 or earlier["channel"].nunique() + first["channel"].nunique() < 2:
        raise NotEnoughData(
            f"Nobody was a customer of exactly one channel before {start:%Y-%m-%d}.", "Bring a longer history."
        )
    other = first[first["customer_id"].isin(index)]
    other = other[other["channel"].to_numpy() != home.reindex(other["customer_id"]).to_numpy()]
    if other.empty:
        raise NotEnoughData(
            f"None of the {len(index):,} customers of one channel used another from {start:%Y-%m-%d} to "
            f"{split:%Y-%m-%d}.",
            "With a single channel there is nothing to compare.",
        )
    after = aggregate.holdout(ds.transactions, split, ds.as_of).reindex(index).fillna(0.0)
    bought = (after["purchases"] > 0).astype(float)
    outcomes = pd.DataFrame({"revenue": after["spend"], "orders": after["purchases"].astype(float), "bought": bought})
    behaviour = behaviour.loc[index]
    behaviour["mean_spend"] = behaviour["total_spend"] / (behaviour["frequency"] + 1)
    features = (
        behaviour[list(KNOWN)].assign(home=home.loc[index].astype(str)).join(_attributes(ds, index, known_before))
    )
    added = pd.Series(index.isin(other["customer_id"]), index=index, name="added")
    placebo = behaviour[f"spend_last_{PLACEBO_DAYS}"].rename("placebo")
    return Study(start, split, ds.as_of, shortened, features, added, outcomes, placebo)


def _named(names: str) -> list[str]:
    return list(dict.fromkeys(name.strip() for name in names.split(",") if name.strip()))


def _attributes(ds: Dataset, index: pd.Index, names: str) -> pd.DataFrame:
    if not ds.has("customers"):
        return pd.DataFrame(index=index)
    people = ds.customers().reindex(index)
    asked = [name for name in _named(names) if name in people and name not in NOT_ATTRIBUTES.union(KNOWN, ["home"])]
    texts = people[asked].fillna("unknown").astype(str)
    return texts.loc[:, [2 <= texts[name].nunique() <= MOST_VALUES for name in texts]]


def attributes(seen: Study, names: str) -> tuple[list[str], list[str]]:
    """Part the `names` (commas between) into the attributes that the adjustment uses, and those it can't use."""
    used = [name for name in _named(names) if name in seen.features and name not in (*KNOWN, "home")]
    return used, [name for name in _named(names) if name not in used]


def families(seen: Study) -> dict[str, list[str]]:
    """Group the features of a study by what they tell, each attribute by itself, and all of the behaviour together."""
    known = {name: list(columns) for name, columns in FAMILIES.items()} | {"everything they bought so far": list(KNOWN)}
    grouped = {column for columns in known.values() for column in columns}
    others = [str(name) for name in seen.features if name not in grouped]
    return known | {name.replace("_", " "): [name] for name in others}


def fits(seen: Study) -> dict[str, causal.CrossFit]:
    """Fit the adjustment for each outcome of a study. Raises NotEnoughData as `causal.fit`."""
    return {name: causal.fit(seen.features, seen.added, seen.outcomes[name]) for name in OUTCOMES}


def effects(found: Mapping[str, causal.CrossFit]) -> pd.DataFrame:
    """Set the plain difference beside the adjusted effects.

    Returns mid, low and high (95 %) per customer, indexed by outcome ("net revenue", "purchase days", "share who
    bought") and answer: "plain difference", "adjusted, everybody", "adjusted, those who did". Raises NoOverlap as
    `causal.effect`.
    """
    rows: dict[tuple[str, str], tuple[float, float, float]] = {}
    for name, fitted in found.items():
        everybody, treated = causal.effect(fitted), causal.effect(fitted, "treated")
        rows |= {
            (OUTCOMES[name], "plain difference"): (everybody.naive, everybody.naive_low, everybody.naive_high),
            (OUTCOMES[name], "adjusted, everybody"): (everybody.estimate, everybody.low, everybody.high),
            (OUTCOMES[name], "adjusted, those who did"): (treated.estimate, treated.low, treated.high),
        }
    index = pd.MultiIndex.from_tuples(rows, names=["in the next window", "answer"])
    return pd.DataFrame(list(rows.values()), index=index, columns=["mid", "low", "high"])


def segments(seen: Study, attribute: str) -> dict[str, pd.Series]:
    """Name the groups by which an effect can be split: home channel, purchases before, and `attribute` if known."""
    groups = {"home": seen.features["home"], "purchases": band(seen.features["frequency"] + 1)}
    if attribute in seen.features and attribute not in KNOWN:
        groups[attribute.replace("_", " ")] = seen.features[attribute]
    return groups


def effects_by(fitted: causal.CrossFit, groups: Mapping[str, pd.Series]) -> pd.DataFrame:
    """List the effect within each group of each split, as `causal.effect_by`: mid, low, high, customers, treated.

    Index: "split: group". Raises NotEnoughData when no group is large enough.
    """
    parts = [causal.effect_by(fitted, values).rename(index=f"{name}: {{}}".format) for name, values in groups.items()]
    frame = pd.concat(parts).rename(columns={"estimate": "mid"}).rename_axis("group")
    if frame["mid"].isna().all():
        raise NotEnoughData(
            f"No group has {causal.FEWEST} customers who added a channel and as many, alike enough, who did not.",
            "Bring more customers.",
        )
    return frame[["mid", "low", "high", "customers", "treated"]]


def unlike(fitted: causal.CrossFit, groups: Mapping[str, pd.Series]) -> dict[str, float]:
    """Give, for each split with two or more groups, the probability of such differences by chance (`causal.differ`)."""
    chances = {name: causal.differ(causal.effect_by(fitted, values)) for name, values in groups.items()}
    return {name: chance for name, chance in chances.items() if chance == chance}


def placebo(seen: Study) -> causal.CrossFit:
    """Look for an "effect" on what was already spent before the first window, where there can be none.

    The adjustment keeps only what doesn't tell that spend: number of purchases, silence, age, what was spent earlier,
    home channel, attributes. An effect other than zero shows that those who add a channel differ in their spend
    by more than these features tell.
    """
    money = {*FAMILIES["how much they spent"], "purchases_last_90", "purchases_last_365"}
    features = seen.features.drop(columns=sorted(money))
    features["spend_before"] = seen.features["total_spend"] - seen.placebo
    return causal.fit(features, seen.added, seen.placebo)


def calendar(seen: Study) -> pd.DataFrame:
    """List the periods of a study: known_from and to (dates), and what each is for."""
    day = pd.Timedelta(days=1)
    rows = {
        "before": (pd.NaT, seen.start - day, "what is known of each customer"),
        "first window": (seen.start, seen.split, "who adds a channel"),
        "next window": (seen.split + day, seen.end, "what each brings"),
    }
    return pd.DataFrame.from_dict(rows, orient="index", columns=["from", "to", "what is looked at"])


def about(seen: Study) -> str:
    """Say how many customers a study has, how many added a channel, and its dates, for a caption."""
    added = f"{wording.count(seen.added.sum())} of them added a channel"
    dates = f"{wording.date(seen.split + pd.Timedelta(days=1))} to {wording.date(seen.end)}"
    return f"n = {wording.count(len(seen.added))} customers of one channel, {added}; next window {dates}"


def in_words(feature: str) -> str:
    """Write a feature's name for a figure."""
    return feature.replace("_", " ")


def before_and_after(seen: Study) -> pd.DataFrame:
    """Compare those who added a channel with those who did not, before the first window and after it.

    Index: what (purchases so far, spend so far, days of silence, revenue in the next window); columns: added, others
    (means per customer).
    """
    means = seen.features.assign(revenue=seen.outcomes["revenue"], purchases=seen.features["frequency"] + 1)
    named = {
        "purchases": "purchases so far",
        "total_spend": "spend so far",
        "spend_last_365": "spend of the year before",
        "days_since_last_order": "days since the last order",
        "revenue": "net revenue in the next window",
    }
    table = means.groupby(seen.added.map({True: "added", False: "others"}))[list(named)].mean().T
    return table.reindex(columns=["added", "others"]).rename(index=named).rename_axis(index="", columns="")


# What is quoted


def quoted(known: pd.DataFrame, found: Mapping[str, causal.CrossFit] | None = None) -> pd.DataFrame:
    """Set what articles quote, and what the article behind them reports, beside the same plain comparison here.

    Harvard Business Review, 3 January 2017: one retailer, 46,000 shoppers, 14 months; its authors disclaim causality.
    "Many" channels are 4 or more, or 2 or more where fewer than 25 customers used 4.

    Args:
        known: as `people` gives it. found: as `fits` gives it, for one more column.

    Returns one row per claim, all relative differences: quoted, reported (by the article itself; NaN where it reports
    no such thing), plain (here; NaN where a group has fewer than 25 customers), adjusted (of adding one channel;
    NaN where the study has no such outcome).
    """
    one, several = known[known["channels"] == 1], known[known["channels"] > 1]
    four = known[known["channels"] >= MOST_COUNTED]
    many = four if len(four) >= causal.FEWEST else several
    nothing = float("nan")
    rows = [
        ("many channels: more valuable", 0.30, nothing, _more(many["revenue"], one["revenue"]), "revenue"),
        ("many channels: more likely to buy again", 0.06, nothing, _more(many["again"], one["again"]), "bought"),
        ("many channels: more loyal", 0.09, nothing, _more(many["recent"], one["recent"]), ""),
        (
            "several channels: more repeat trips",
            nothing,
            0.23,
            _more(several["orders"] - 1, one["orders"] - 1),
            "orders",
        ),
        ("several channels: more per order, store", nothing, 0.04, _per_order(several, one, "store"), ""),
        ("several channels: more per order, web", nothing, 0.10, _per_order(several, one, "web"), ""),
    ]
    frame = pd.DataFrame(rows, columns=["claim", "quoted", "reported", "plain", "outcome"]).set_index("claim")
    if found is not None:
        measured = {name: causal.effect(fitted) for name, fitted in found.items()}
        relative = {name: one.estimate / one.without for name, one in measured.items() if one.without > 0}
        frame["adjusted"] = frame["outcome"].map(relative)
    return frame.drop(columns="outcome")


def _more(some: pd.Series, others: pd.Series) -> float:
    if min(len(some), len(others)) < causal.FEWEST or others.mean() <= 0:
        return float("nan")
    return float(some.mean() / others.mean() - 1)


def _per_order(some: pd.DataFrame, others: pd.DataFrame, home: str) -> float:
    some, others = some[some["home"] == home], others[others["home"] == home]
    if min(len(some), len(others)) < causal.FEWEST or others["revenue"].sum() <= 0:
        return float("nan")
    spent = some["revenue"].sum() / some["orders"].sum()
    return float(spent / (others["revenue"].sum() / others["orders"].sum()) - 1)


def truth(effects: pd.DataFrame, study: Study) -> dict[str, float]:
    """Pick from the truth of a simulated shop the mean effect of a second channel on revenue: all, treated.

    Raises MissingTable when the study's windows are not those of which the truth is known.
    """
    if ((study.split - study.start).days + 1, (study.end - study.split).days) != (181, 365):
        raise MissingTable(
            "The true effect is known for windows of 181 and 365 days only.", "Set first_days and next_days back."
        )
    rows = effects[(effects["topic"] == "channels") & (effects["group"] == "all")].set_index("quantity")["value"]
    return {"all": float(rows["revenue"]), "treated": float(rows["revenue_treated"])}
