"""Customers of one channel → who used another one, what that changed in what they brought, and whether to believe it.

Two designs. **By visits**: whoever visits another channel in a first window, and what everybody brings in the next one;
it holds where visits show the step whoever makes it. **By orders**: where only orders show channels, whoever orders
more is seen in more of them and brings more later, so that a window of orders measures activity. There everybody is
counted from one order of their own, the first of the window (the index order): it is in another channel or it is not,
however many follow. `study` decides from the data which of the two applies; `causal` adjusts for what was known before.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import ibis
import numpy as np
import pandas as pd

from clvlib import aggregate, wording
from clvlib.aggregate import journeys
from clvlib.causes import causal
from clvlib.causes.channels import channels_used
from clvlib.causes.covariates import named_columns
from clvlib.dataset import Dataset
from clvlib.errors import NotEnoughData, UsageError
from clvlib.language import message, phrase

Design = Literal["visits", "orders"]
OUTCOMES = {
    "revenue": message("net revenue"),
    "orders": message("purchase days"),
    "bought": message("share who bought"),
}
STEP = {"visits": message("used another channel"), "orders": message("ordered in another one")}
FAMILIES = {
    message("how often they bought"): ("frequency", "purchases_last_90", "purchases_last_365"),
    message("how long the silence"): ("days_since_last_order", "recency"),
    message("how much they spent"): ("total_spend", "mean_spend", "spend_last_90", "spend_last_365"),
    message("how long they are customers"): ("T",),
    message("home channel"): ("home",),
    message("when they ordered"): ("ordered_after",),
}
KNOWN = tuple(name for family in FAMILIES.values() for name in family if name not in {"home", "ordered_after"})
_MOST_VALUES = 12  # a text with more of them is a name, not an attribute
_FEWEST_DAYS = 60
FIRST_DAYS, NEXT_DAYS = 181, 365  # of the window in which a channel is added, and of the one in which value counts
PLACEBO_DAYS = 180
_SEEN = 0.95  # of the visits, those that must be a step; of the steps, those that must be seen before an order
DAY = pd.Timedelta(days=1)
Period = tuple[pd.Timestamp, pd.Timestamp, bool]  # first window, and whether it was shortened


@dataclass(frozen=True)
class Study:
    """Customers of exactly one channel by the day before `start`, and what became of them.

    `design`: "visits" or "orders", and `reason`, a sentence that says why. `added` (bool): used a further channel from
    `start` to `split`; by orders: their first order of that window was in a further channel. `outcomes`, columns
    revenue (net, currency), orders (purchase days) and bought (0 or 1): of the `days` after `split`; by orders: of as
    many days after each one's own order. `features`: what was known before `start`, by orders before that order; `home`
    is the channel. `placebo`: revenue of the 180 days before. All indexed by customer_id.

    >>> seen.days, seen.outcomes["revenue"].groupby(seen.added).mean().round(1).to_dict()
    (365, {False: 26.8, True: 76.6})
    """

    design: Design
    reason: str
    start: pd.Timestamp
    split: pd.Timestamp
    end: pd.Timestamp
    shortened: bool
    features: pd.DataFrame
    added: pd.Series
    outcomes: pd.DataFrame
    placebo: pd.Series

    @property
    def days(self) -> int:
        """Length of the outcome, in days."""
        return int((self.end - self.split).days)


def windows(
    starts: pd.Timestamp, as_of: pd.Timestamp, first_days: int, next_days: int
) -> tuple[pd.Timestamp, pd.Timestamp, bool]:
    """Place the two windows at the end of what was observed; returns the first day of the first window, its last day,
    and whether they were shortened.

    Both are shortened alike so that a third of the observation stays before them. Raises UsageError for a window
    without days, NotEnoughData when one would be shorter than 60 days.

    >>> start, split, shortened = windows(pd.Timestamp("2023-07-01"), pd.Timestamp("2026-06-30"), 181, 365)
    >>> f"{start:%Y-%m-%d}", f"{split:%Y-%m-%d}", shortened
    ('2025-01-01', '2025-06-30', False)
    """
    if min(first_days, next_days) < 1:
        raise UsageError(
            phrase("The windows are {first} and {after} days long.", first=first_days, after=next_days),
            "Give both a number of days above 0.",
        )
    seen = (as_of - starts).days + 1
    share = min(1.0, 2 / 3 * seen / (first_days + next_days))
    first, after = int(first_days * share), int(next_days * share)
    if min(first, after) < min(_FEWEST_DAYS, first_days, next_days):
        raise NotEnoughData(
            phrase(
                "In the {seen:,} days observed, the first window would have {first} days and the next one {after}, "
                "with a third of the history before them; each needs {least}.",
                seen=seen,
                first=first,
                after=after,
                least=_FEWEST_DAYS,
            ),
            "Bring a longer history.",
        )
    split = as_of - pd.Timedelta(days=after)
    return split - pd.Timedelta(days=first - 1), split, share < 1


def study(
    ds: Dataset, first_days: int = FIRST_DAYS, next_days: int = NEXT_DAYS, known_before: Sequence[str] = ()
) -> Study:
    """Follow the customers of one channel (see `Study`), by visits where these show the step, by orders elsewhere.

    Visits do when at least 95 % of them are somebody's first in another channel (a record of all visits shows who is
    active, as orders do), when they show at least 95 % of those who used another channel on a day before they ordered
    there, and when until that visit these had bought as often as others alike: where only active customers are seen to
    visit, they had not.

    Features: frequency, silence, age and spend as `aggregate.features` gives them, home channel, by orders the day of
    the order, and those columns of the customers table that `known_before` lists and that have 2 to 12
    values. That table has no dates: whoever names a column vouches that it was known before the first window.

    Raises MissingTable when transactions have no channel; NotEnoughData when the history is too short, the shop sells
    in one channel only, or nobody was a customer of one channel before.

    >>> found = study(shop)
    >>> found.design, found.days, len(found.added), int(found.added.sum())
    ('visits', 365, 1778, 499)
    """
    start, split, shortened = windows(ds.starts, ds.as_of, first_days, next_days)
    home = homes(ds, start, split)
    period = (start, split, shortened)
    seen, reason = _told_by_visits(ds, home, period, known_before)
    return replace(seen, reason=reason) if seen else by_orders(ds, home, period, known_before, reason)


def _told_by_visits(ds: Dataset, home: pd.Series, period: Period, known: Sequence[str]) -> tuple[Study | None, str]:
    """The study by visits, or None where they don't tell; and why."""
    start, split, _ = period
    visits = _visits(ds, start, split)
    visits = visits[visits["customer_id"].isin(home.index)]
    if visits.empty:
        return None, phrase("No visits are recorded, so that only orders show who used another channel.")
    visited, ordered = _elsewhere(visits, home), _elsewhere(journeys.usage(ds.transactions, None, start, split), home)
    other = visits["channel"].to_numpy() != home.reindex(visits["customer_id"]).to_numpy()
    steps = other.sum() / visits["days"].sum()
    if steps < _SEEN:
        return None, phrase(
            "Only {share} of the visits are somebody's first in another channel: visits show who is active, as orders "
            "do, and can't tell the step from it.",
            share=wording.percent(steps),
        )
    stepped = visited.index.union(ordered.index)
    first = ordered.reindex(stepped)
    share = ((visited.reindex(stepped) < first) | first.isna()).mean()
    facts = {"share": wording.percent(share)}
    if share < _SEEN or len(visited) < causal.FEWEST:
        return None, phrase(
            "Visits show {share} of those who used another channel before they ordered there, too few to go by visits.",
            **facts,
        )
    seen = by_visits(ds, home, visited, period, known)
    try:
        early = ahead(ds, seen, visited)
    except causal.NoOverlap:
        return None, phrase(
            "Visits show {share} of those who used another channel before they ordered there; but those who took the "
            "step are too unlike the others to check it.",
            **facts,
        )
    facts |= {name: wording.number(getattr(early, name)) for name in ("estimate", "low", "high")}
    if early.low <= 0 <= early.high:
        return seen, phrase(
            "Visits show {share} of those who used another channel before they ordered there, and they had made "
            "{estimate} purchase days more than others alike until then ({low} to {high}), compatible with none.",
            **facts,
        )
    return None, phrase(
        "Visits show {share} of those who used another channel before they ordered there; but they had made {estimate} "
        "purchase days more than others alike until then ({low} to {high}): whoever is still active is seen to visit.",
        **facts,
    )


def homes(ds: Dataset, start: pd.Timestamp, split: pd.Timestamp) -> pd.Series:
    """The channel of those who had used exactly one before `start` (by customer_id).

    >>> home = homes(shop, pd.Timestamp("2025-01-01"), pd.Timestamp("2025-06-30"))
    >>> home.value_counts()
    home
    web            1083
    store           455
    marketplace     267
    Name: count, dtype: int64
    """
    earlier = channels_used(ds, ds.starts, start - DAY)
    used = earlier.groupby("customer_id")["channel"].agg(["nunique", "first"])
    home = used.loc[used["nunique"] == 1, "first"].rename("home")
    if home.empty or len({*earlier["channel"], *journeys.usage(ds.transactions, None, start, split)["channel"]}) < 2:
        raise NotEnoughData(
            phrase(
                "Nobody was a customer of exactly one channel before {day:%Y-%m-%d}, or the shop sells in one only.",
                day=start,
            ),
            "With a single channel there is nothing to compare; otherwise bring a longer history.",
        )
    return home


def _visits(ds: Dataset, start: pd.Timestamp, split: pd.Timestamp) -> pd.DataFrame:
    touches = ds.table("touchpoints") if ds.has("touchpoints") else None
    if touches is None or "event" not in touches.columns:
        return pd.DataFrame({"customer_id": [], "channel": [], "first_used": pd.to_datetime([]), "days": []})
    return journeys.visits(ds.transactions, touches, start, split)


def _elsewhere(used: pd.DataFrame, home: pd.Series) -> pd.Series:
    """The first day on which each customer of one channel used another (by customer_id; only those who did)."""
    known = used[used["customer_id"].isin(home.index)]
    other = known[known["channel"].to_numpy() != home.reindex(known["customer_id"]).to_numpy()]
    return other.groupby("customer_id")["first_used"].min()


def by_visits(ds: Dataset, home: pd.Series, visited: pd.Series, period: Period, known: Sequence[str]) -> Study:
    """The study by visits: two windows for everybody; `visited` as `_elsewhere` gives it.

    >>> period = (pd.Timestamp("1997-07-01"), pd.Timestamp("1997-12-31"), False)
    >>> home, visited = pd.Series("web", rfm.index[:200]), pd.Series(period[0], rfm.index[:50])
    >>> seen = by_visits(sample, home, visited, period, ())
    >>> seen.outcomes.groupby(seen.added).mean().round(2)
           revenue  orders  bought
    added
    False    17.06    0.53    0.23
    True     16.61    0.48    0.16
    """
    start, split, shortened = period
    features, placebo = _before(ds, ds.transactions, start - DAY, home, known)
    outcomes = _after(ds.transactions, split, ds.as_of, features.index)
    added = pd.Series(features.index.isin(visited.index), features.index, name="added")
    return Study("visits", "", start, split, ds.as_of, shortened, features, added, outcomes, placebo)


def by_orders(ds: Dataset, home: pd.Series, period: Period, known: Sequence[str], reason: str) -> Study:
    """The study by orders: everybody from the first order of the window on.

    >>> period = (pd.Timestamp("2025-01-01"), pd.Timestamp("2025-06-30"), False)
    >>> home = pd.Series({"C0012": "web", "C0167": "web"})
    >>> seen = by_orders(shop, home, period, (), "")
    >>> seen.features[["frequency", "ordered_after"]].assign(added=seen.added, revenue=seen.outcomes["revenue"])
                 frequency  ordered_after  added  revenue
    customer_id
    C0012                5           41.0  False   172.25
    C0167               13           83.0   True   600.11
    """
    start, split, shortened = period
    index = journeys.first_orders(ds.transactions, start, split)
    index = index[index.index.isin(home.index)]
    if index.empty:
        raise NotEnoughData(
            phrase(
                "None of the {n:,} customers of one channel ordered from {first:%Y-%m-%d} to {last:%Y-%m-%d}.",
                n=len(home),
                first=start,
                last=split,
            ),
            "Bring more customers or a longer history.",
        )
    rows = ds.transactions
    rows = rows.filter(rows["date"] < ibis.timestamp((ds.as_of + DAY).isoformat()))
    rows = journeys.aligned(rows, index["ordered_on"], start)  # each one's order falls on `start`
    features, placebo = _before(ds, rows, start - DAY, home.reindex(index.index), known)
    index = index.reindex(features.index)
    features["ordered_after"] = (index["ordered_on"] - start).dt.days.astype(float)
    outcomes = _after(rows, start, start + (ds.as_of - split), features.index)
    added = (index["channel"] != features["home"]).rename("added")
    return Study("orders", reason, start, split, ds.as_of, shortened, features, added, outcomes, placebo)


def _before(
    ds: Dataset, rows: ibis.Table, day: pd.Timestamp, home: pd.Series, known: Sequence[str]
) -> tuple[pd.DataFrame, pd.Series]:
    """The features known on `day` of those who have a `home`, and what they spent in the 180 days up to it."""
    behaviour = aggregate.features(rows, day)
    behaviour = behaviour.loc[behaviour.index.intersection(home.index).sort_values()]
    behaviour["mean_spend"] = behaviour["total_spend"] / (behaviour["frequency"] + 1)
    features = behaviour[list(KNOWN)].assign(home=home.reindex(behaviour.index).astype(str))
    placebo = behaviour[f"spend_last_{PLACEBO_DAYS}"].rename("placebo")
    return features.join(_attributes(ds, behaviour.index, known)), placebo


def _after(rows: ibis.Table, day: pd.Timestamp, end: pd.Timestamp, index: pd.Index) -> pd.DataFrame:
    after = aggregate.holdout(rows, day, end).reindex(index).fillna(0.0)
    bought = (after["purchases"] > 0).astype(float)
    return pd.DataFrame({"revenue": after["spend"], "orders": after["purchases"].astype(float), "bought": bought})


def _attributes(ds: Dataset, index: pd.Index, names: Sequence[str]) -> pd.DataFrame:
    people = ds.customers().reindex(index) if ds.has("customers") else pd.DataFrame(index=index)
    asked = [name for name in named_columns(people, names) if name not in (*KNOWN, "home")]
    texts = people[asked].fillna("unknown").astype(str)
    return texts.loc[:, [2 <= texts[name].nunique() <= _MOST_VALUES for name in texts]]


def attributes(seen: Study, names: Sequence[str]) -> tuple[list[str], list[str]]:
    """Part the `names` into the attributes that the adjustment uses, and those it can't use.

    >>> attributes(seen, ["age_band", "nickname"])
    (['age_band'], ['nickname'])
    """
    used = [name for name in dict.fromkeys(names) if name in seen.features and name not in (*KNOWN, "home")]
    return used, [name for name in dict.fromkeys(names) if name not in used]


def ahead(ds: Dataset, seen: Study, visited: pd.Series) -> causal.Effect:
    """Look for an "effect" of another channel on what was bought from the window's first day to the visit there.

    There can be none: it came after. Who didn't visit gets the day of one who did, at random. More purchases than
    others alike means that only those who are still active are seen to visit.

    >>> period = (pd.Timestamp("1997-07-01"), pd.Timestamp("1997-12-31"), False)
    >>> visited = pd.Series(pd.Timestamp("1997-10-01"), rfm.index[::3])
    >>> seen = by_visits(sample, pd.Series("web", rfm.index), visited, period, ())
    >>> early = ahead(sample, seen, visited)
    >>> early.low < 0 < early.high, round(early.estimate, 3)
    (True, -0.042)
    """
    index = seen.added.index
    chosen = visited.reindex(index[seen.added])
    random = np.random.default_rng(0)
    until = pd.Series(random.choice(chosen.to_numpy(), len(index)), index)
    until[chosen.index] = chosen
    bought = journeys.days_bought(ds.transactions, seen.start, until)
    return causal.effect(causal.cross_fit(seen.features, seen.added, bought), "treated")
