"""Exercises and quiz of notebook 05: what using a further channel is worth, plainly compared and adjusted."""

from typing import Any

import pandas as pd

from clvlib.causes import causal, channels, verdict
from clvlib.course.assignments import Key, assign, question
from clvlib.dataset import Dataset
from clvlib.errors import CannotAnswer, NotEnoughData
from clvlib.language import phrase

_ALIKE = (5, 9)  # orders of the customers who are compared in 05.2
_PLAIN, _EVERYBODY = "plain difference", verdict.ANSWERS["all"]


@assign(
    "05.1",
    unit="percent",
    ask="By which share do customers of several channels bring more revenue, on average, than customers of one? Take "
    "it from `known`, one row a customer, with `channels` (how many were used) and `revenue`. An answer of 1 means "
    "100 % more, twice as much.",
    hint='`known.groupby(known["channels"] > 1)["revenue"].mean()` gives two means: False is one channel, True '
    "several.",
    solution="""
    means = known.groupby(known["channels"] > 1)["revenue"].mean()
    means[True] / means[False] - 1
    """,
    means="On average they bring {right} more, relative to customers of one channel. It describes two groups; it says "
    "nothing yet about what a channel does.",
)
def _more_revenue(ds: Dataset, known: pd.DataFrame) -> Key:
    times = channels.times_richer(known)
    several = known["channels"] > 1
    return Key(
        times - 1,
        {
            "That is how many times as much they bring. How much more is one less: twice as much is 100 % more.": times,
            "You divided by the revenue of those of several channels; what it is relative to are those of one.": (
                1 - 1 / times
            ),
            "You compared sums of revenue. The groups aren't equally large: compare means per customer.": (
                known.loc[several, "revenue"].sum() / known.loc[~several, "revenue"].sum() - 1
            ),
            "You compared orders, not revenue.": (
                known.loc[several, "orders"].mean() / known.loc[~several, "orders"].mean() - 1
            ),
        },
    )


@assign(
    "05.2",
    unit="number",
    ask="Whoever orders often meets more channels. So compare customers who ordered about as often: of those in "
    "`known` with 5 to 9 `orders`, how many times the mean `revenue` of those of one channel do those of several "
    "bring?",
    hint='`alike = known[known["orders"].between(5, 9)]` keeps them; go on as in 05.1, with one mean over the other.',
    solution="""
    alike = known[known["orders"].between(5, 9)]
    means = alike.groupby(alike["channels"] > 1)["revenue"].mean()
    means[True] / means[False]
    """,
    means="{right} times, among customers who ordered about as often. Set it beside the figure for all customers: the "
    "way from there to here is how often they order. It is no effect either: orders may bring channels, and channels "
    "orders.",
)
def _alike_in_orders(ds: Dataset, known: pd.DataFrame) -> Key:
    enough = known["orders"] >= _ALIKE[0]
    alike = enough & (known["orders"] <= _ALIKE[1])
    several = known["channels"] > 1
    groups = [known.loc[alike & side, "revenue"] for side in (several, ~several)]
    if min(map(len, groups)) < causal.FEWEST or groups[1].mean() <= 0:
        raise NotEnoughData(
            phrase(
                "Fewer than {fewest} customers of one channel, or of several, made {least} to {most} orders.",
                fewest=causal.FEWEST,
                least=_ALIKE[0],
                most=_ALIKE[1],
            ),
            "Bring more customers.",
        )
    times = float(groups[0].mean() / groups[1].mean())
    often = [known.loc[enough & side, "revenue"].mean() for side in (several, ~several)]
    return Key(
        times,
        {
            "You compared all customers; only those with 5 to 9 orders are asked for.": channels.times_richer(known),
            "You kept all with 5 orders or more: those with very many are in it, and they use several channels.": (
                often[0] / often[1]
            ),
            "That is how much more, as a share; how many times is asked: one more than that.": times - 1,
            "You compared sums of revenue; compare means per customer.": groups[0].sum() / groups[1].sum(),
        },
    )


@assign(
    "05.3",
    unit="money",
    ask="Suppose for a moment that the adjusted effect on everybody is a cause, with its interval as it stands in "
    "`effects`. What may it cost at most to bring one customer to a further channel, on the safe side? `effects` "
    "counts revenue; `ds.economics.margin` of it is left as margin.",
    hint='`effects.loc["adjusted, everybody"]` has `low`, `mid` and `high`. Which of them is the safe side?',
    solution="""
    effects.loc["adjusted, everybody", "low"] * ds.economics.margin
    """,
    means="{right} a customer, by the lower end of the interval and counted in margin; below zero it would mean "
    "nothing at all. The last row of `effects` allows for a hidden cause too: where its lower end is below "
    "zero, test first.",
)
def _safe_budget(ds: Dataset, effects: pd.DataFrame) -> Key:
    if _EVERYBODY not in effects.index:
        raise CannotAnswer(
            "The effect on everybody can't be told here.", "Read the effect on those who did in the picture instead."
        )
    margin, effect, plain = ds.economics.margin, effects.loc[_EVERYBODY], effects.loc[_PLAIN]
    return Key(
        margin * effect["low"],
        {
            "That is the middle of the interval: as likely too much as too little. The safe side is its lower end.": (
                margin * effect["mid"]
            ),
            "That is revenue. The goods have to be paid from it: multiply by the margin.": effect["low"],
            "That is the middle of the interval, and revenue: take the lower end, times the margin.": effect["mid"],
            "You took the plain difference: it pays for orders that would have come anyway.": margin * plain["low"],
            "You took the plain difference, and its middle: most of it would have come anyway.": margin * plain["mid"],
            "You took the upper end of the interval: that is the most that the effect may be.": margin * effect["high"],
        },
    )


@assign(
    "05.4",
    unit="count",
    ask="In how many of the groups does the interval leave zero out, each group looked at by itself? Take it from "
    "`by_group`: one row a group, with `low` and `high`, the ends of its interval.",
    hint='An interval leaves zero out where its lower end is above 0, or its upper end below: `(by_group["low"] > 0)`, '
    "and `|` for or.",
    solution="""
    outside = (by_group["low"] > 0) | (by_group["high"] < 0)
    outside.sum()
    """,
    means="{right}, each by itself. That doesn't show that groups differ: small groups have wide intervals, which hold "
    "zero more easily. Whether effects differ from group to group is what the test below tells.",
)
def _groups_beyond_zero(ds: Dataset, by_group: pd.DataFrame) -> Key:
    holds = (by_group["low"] <= 0) & (by_group["high"] >= 0)
    return Key(
        float(len(by_group) - holds.sum()),
        {
            "You counted the groups whose interval holds zero.": float(holds.sum()),
            "You counted the groups whose estimate is above zero; an estimate without its interval shows nothing.": (
                float((by_group["mid"] > 0).sum())
            ),
            "That is the number of all groups.": float(len(by_group)),
        },
    )


@question(
    "05.1",
    ask="Customers who used another channel brought {plain:money} more afterwards than the others; adjusted, it is "
    "{mid:money}. Which share of the plain difference is left?",
    right=(
        "{left:percent}",
        "The adjusted effect over the plain difference. The rest goes with how the customers differed before; whether "
        "what is left is the channel's doing, section 5 asks.",
    ),
    wrong=(
        ("{gone:percent}", "That is the share that the adjustment took away."),
        ("{turned:percent}", "That is the plain difference over the adjusted one: the wrong way round."),
    ),
)
def _share_left(ds: Dataset, effects: pd.DataFrame) -> dict[str, Any]:
    plain, mid = effects["mid"].loc[_PLAIN], effects["mid"].iloc[1]
    return {"plain": plain, "mid": mid, "left": mid / plain, "gone": 1 - mid / plain, "turned": plain / mid}


@question(
    "05.2",
    ask="Of the customers of one channel {one:percent} are still buying, of those of several {several:percent}. How "
    "far apart are the two shares?",
    right=("{points:number.1} percentage points", "One share less the other is in percentage points."),
    wrong=(
        ("{points:number.1} percent", "One share less the other is in percentage points; percent would be relative."),
        (
            "{relative:number.1} percentage points",
            "That is the difference relative to the first share: it is in percent, not in points.",
        ),
    ),
)
def _points(ds: Dataset, known: pd.DataFrame) -> dict[str, Any]:
    one, several = (float(known.loc[side, "recent"].mean()) for side in (known["channels"] == 1, known["channels"] > 1))
    points = 100 * abs(several - one)
    if not one > 0 or not round(points, 1) > 0:
        raise CannotAnswer("Of one channel nobody is still buying, or the shares don't differ.", "Go on.")
    return {"one": one, "several": several, "points": points, "relative": points / one}


@question(
    "05.3",
    ask="With channels drawn by chance, customers of {most:text} channels still bring {times:number.1} times as much "
    "as those of 1. What does that tell?",
    right=(
        "How often people order is enough to make such a gap",
        "Nobody's purchases were changed, and no channel does anything there: whoever orders more often meets more of "
        "them.",
    ),
    wrong=(
        (
            "A further channel raises revenue that much",
            "In that world a channel changes nothing, by construction: the gap was there before.",
        ),
        (
            "Customers take any channel as gladly as the one they chose",
            "Nobody was sent anywhere: the purchases of each are as they were, only their channel was drawn.",
        ),
    ),
)
def _chance(ds: Dataset, by_chance: pd.Series) -> dict[str, Any]:
    return {"most": by_chance.index[-1], "times": by_chance.iloc[-1] / by_chance.iloc[0]}


@question(
    "05.4",
    ask="With a hidden cause allowed for, the effect lies between {low:money} and {high:money} of revenue; {margin} of "
    "it is margin. What may it cost to bring a customer to a further channel?",
    right=(
        "{sure:At most {safe:money}|Nothing before a test}",
        "The lower end, times the margin, is what is sure.{sure:| It isn't above zero: all the money may be lost.}",
    ),
    wrong=(
        ("At most {guess:money}", "That is the middle of the interval, in margin: as likely too much as too little."),
        ("At most {plain:money}", "That is the plain difference, in margin: it pays for orders that come anyway."),
        ("At most {best:money}", "That is the upper end, in margin: the most that the effect may be, not the least."),
    ),
)
def _with_doubt(ds: Dataset, effects: pd.DataFrame) -> dict[str, Any]:
    margin, doubted = ds.economics.margin, effects.iloc[-1]
    return {
        "low": doubted["low"],
        "high": doubted["high"],
        "margin": margin,
        "sure": bool(doubted["low"] > 0),
        "safe": margin * doubted["low"],
        "guess": margin * doubted["mid"],
        "plain": margin * effects["mid"].loc[_PLAIN],
        "best": margin * doubted["high"],
    }


@question(
    "05.5",
    ask="The interval of an effect reaches from below zero to above it. Which sentence is right?",
    right=(
        "The data don't tell whether there is an effect",
        "No effect is among what the data don't speak against, and so are effects up to either end.",
    ),
    wrong=(
        ("There is no effect", "Only a narrow interval around zero would show that the effect is small."),
        (
            "There is an effect, as most of the interval lies on one side",
            "Zero is inside: what the other side holds can't be left out because it is the smaller part.",
        ),
    ),
)
def _holding_zero(ds: Dataset) -> dict[str, Any]:
    return {}
