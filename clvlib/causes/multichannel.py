"""What articles claim of customers of several channels → the same figure here, as they count it and as it holds.

Counted alike, it is a comparison of customers who differ in much else (`channels`); beside it stands what a further
channel changes among customers who were alike before (`adoption`, `verdict`), where the data allow such a study.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from clvlib import wording
from clvlib.causes import adoption, causal, verdict
from clvlib.causes.channels import MOST_COUNTED, people
from clvlib.dataset import Dataset
from clvlib.errors import CannotAnswer
from clvlib.language import message, phrase, translated

_STUDIED = {"many_value": "revenue", "many_again": "bought", "several_trips": "orders"}
_ALIKE = 1e-20  # relative variance: what adding up leaves of none
ONLINE, STORE = "web", "store"


def plain_ratio(some: pd.DataFrame, others: pd.DataFrame, top: str, below: str = "") -> tuple[float, float, float]:
    """By how much a mean (or `top` summed over `below` summed) of some customers exceeds that of others; 95 % interval.

    Delta method on the logarithm of the ratio. NaN where a group has fewer than 25 customers, or a mean isn't above 0;
    no interval (NaN) where all of a group are alike (30 of 30), which says nothing of how far chance goes.

    >>> known = people(shop)
    >>> one, several = known[known["channels"] == 1], known[known["channels"] > 1]
    >>> [round(end, 2) for end in plain_ratio(several, one, "revenue")]
    [1.38, 1.16, 1.63]
    """
    if min(len(some), len(others)) < causal.FEWEST:
        return (np.nan, np.nan, np.nan)
    logs, spread = [], 0.0
    for part in (some, others):
        above = part[top].astype(float)
        under = part[below].astype(float) if below else pd.Series(1.0, part.index)
        ratio = above.sum() / under.sum() if under.sum() > 0 else 0.0
        if ratio <= 0:
            return (np.nan, np.nan, np.nan)
        logs.append(np.log(ratio))
        part_of_it = float(((above - ratio * under) ** 2).sum()) / (ratio * under.sum()) ** 2
        spread += part_of_it if part_of_it > _ALIKE else np.nan
    mid, reach = logs[0] - logs[1], causal.Z * np.sqrt(spread)
    low, high = np.exp(mid - reach) - 1, np.exp(mid + reach) - 1
    return float(np.exp(mid) - 1), float(low), float(high)


def as_articles_count(known: pd.DataFrame) -> pd.DataFrame:
    """Each claim about several channels, counted on `channels.people` as articles do: figure, low, high (relative).

    "Many" channels are 4 or more, or 2 or more where fewer than 25 customers used 4. Store and web: of customers whose
    first channel it is. Mids as `channels.quoted_claims`.

    >>> as_articles_count(people(shop)).loc[["many_value", "many_loyal"]].round(2)
                figure   low  high
    many_value    1.38  1.16  1.63
    many_loyal   -0.25 -0.30 -0.20
    """
    one, several = known[known["channels"] == 1], known[known["channels"] > 1]
    four = known[known["channels"] >= MOST_COUNTED]
    many = four if len(four) >= causal.FEWEST else several
    trips, trips_of_one = (part.assign(trips=part["orders"] - 1) for part in (several, one))
    at_home = {name: [part[part["home"] == name] for part in (several, many, one)] for name in (STORE, ONLINE)}
    rows = {
        "many_value": plain_ratio(many, one, "revenue"),
        "many_again": plain_ratio(many, one, "again"),
        "many_loyal": plain_ratio(many, one, "recent"),
        "several_trips": plain_ratio(trips, trips_of_one, "trips"),
        "several_store": plain_ratio(at_home[STORE][0], at_home[STORE][2], "revenue", "orders"),
        "several_online": plain_ratio(at_home[ONLINE][0], at_home[ONLINE][2], "revenue", "orders"),
        "many_store": plain_ratio(at_home[STORE][1], at_home[STORE][2], "revenue", "orders"),
    }
    return pd.DataFrame.from_dict(rows, orient="index", columns=["figure", "low", "high"])


def of_channels(ds: Dataset, known_before: Sequence[str] = ()) -> pd.DataFrame:
    """The claims about several channels: figure, low, high (counted as articles do), why none can be told, and tells.

    tells: how the figure here differs from what was counted there; what a further channel changes among customers alike
    before, relative to what they would bring without it, with its 95 % interval; or why that can't be told. Never
    raises for a lack of data. Indexed by the keys of `value.claims.CLAIMS`.

    >>> of_channels(sample)["why"].unique().tolist()
    ["The transactions have no column 'channel', so nobody can tell what using several of them is worth."]
    """
    names = ["many_value", "many_again", "many_loyal", "several_trips", "several_store", "several_online", "many_store"]
    try:
        found = as_articles_count(people(ds))
    except CannotAnswer as error:
        rows = pd.DataFrame(np.nan, index=names, columns=["figure", "low", "high"])
        return rows.assign(why=error.what, tells="")
    why = pd.Series(phrase("fewer than 25 customers to compare, or none of this channel"), found.index)
    found = found.assign(why=why.where(found["figure"].isna(), ""))
    studied, alike = _studied(ds, known_before), found["figure"].notna() & found["low"].isna()
    tells = [
        phrase(
            "{counted:{counted}; |}{alike:no interval, as all of a group are alike; |}{cause}",
            counted=translated(_COUNTED_HERE.get(name, "")),
            alike=alike[name],
            cause=studied.get(name) or translated(_UNLIKE),
        )
        for name in map(str, found.index)
    ]
    return found.assign(tells=tells)


_COUNTED_HERE = {
    "several_trips": message("here: all purchase days after the first, over the whole history and in all channels"),
    "several_store": message("here: all orders of those whose first channel is the store"),
    "several_online": message("here: all orders of those whose first channel is the web"),
    "many_store": message("here: all orders of those whose first channel is the store"),
}
_UNLIKE = message("customers who differ in much else; no study of the cause here")


def _studied(ds: Dataset, known_before: Sequence[str]) -> Mapping[str, str]:
    """What adding a channel changes, in words, by claim; why not, where the study isn't sound."""
    try:
        seen = adoption.study(ds, known_before=known_before)
        verdict.require_sound(verdict.placebo(seen))
        words = {name: _effect_in_words(fit, seen.days) for name, fit in verdict.fits(seen).items()}
    except CannotAnswer as error:
        why = phrase("customers who differ in much else. No study of the cause: {why}", why=error.what)
        return dict.fromkeys(_STUDIED, why)
    return {claim: words[outcome] for claim, outcome in _STUDIED.items()}


def _effect_in_words(fit: causal.CrossFit, days: int) -> str:
    target = next(iter(causal.answers(fit)))
    found = causal.relative(fit, target)
    if found[0] != found[0]:
        return translated(_UNLIKE)
    mid, low, high = (("+" if value > 0 else "") + wording.percent(value) for value in found)
    return phrase(
        "among {all:customers alike before|those who did it, beside others alike before}, in the {days} days after "
        "adding a channel: {mid} ({low} to {high}) of what they'd bring without it, if nothing unrecorded lies behind "
        "both",
        all=target == "all",
        days=days,
        mid=mid,
        low=low,
        high=high,
    )
