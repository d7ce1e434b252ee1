"""Exercises and quiz of notebook 08: money at stake, what a contact must bring, a control group."""

import math
from typing import Any

import pandas as pd

from clvlib.course.assignments import Key, assign, question
from clvlib.dataset import Dataset
from clvlib.errors import NotEnoughData
from clvlib.language import phrase

_FIRST = 100  # customers that a campaign has room for


@assign(
    "08.1",
    unit="money",
    ask="A campaign has room for 100 customers. Take the 100 of `active` with the most money at stake. How much is at "
    "stake with these 100 together? Columns: `at_stake`, `churn_probability`, `clv`.",
    hint='`active["at_stake"].nlargest(100)` gives the 100 largest values; add them up.',
    solution="""
    first = active.sort_values("at_stake", ascending=False).head(100)
    first["at_stake"].sum()
    """,
    means="{right} is at stake with the first 100. A list of 100 by risk alone, or by value alone, never has more at "
    "stake, and mostly less.",
)
def _most_at_stake(ds: Dataset, active: pd.DataFrame) -> Key:
    stake = active["at_stake"]
    if len(active) <= _FIRST:
        what = phrase("There are no more than {n} active customers.", n=_FIRST)
        raise NotEnoughData(what, "Go on with the next exercise.")

    def held(rule: str) -> float:
        return float(stake[active[rule].nlargest(_FIRST).index].sum())

    return Key(
        float(stake.nlargest(_FIRST).sum()),
        {
            "You took the riskiest 100: many of them have little to lose. Rank by `at_stake`.": held(
                "churn_probability"
            ),
            "You took the 100 with the highest CLV: many of them will buy anyway. Rank by `at_stake`.": held("clv"),
            "That is the mean of the 100; what they hold together is the sum.": float(stake.nlargest(_FIRST).mean()),
            "That is at stake with all active customers: the campaign has room for 100.": float(stake.sum()),
        },
    )


@assign(
    "08.2",
    unit="count",
    ask="Suppose that all customers have agreed to messages. With how many is a message of the lever “keep” expected "
    'to bring more than it costs? `stakes["keep"]` is the money at stake by customer (margin; empty where the lever '
    "doesn't fit), `ds.economics.save_rate` the share of it that a message is assumed to bring, "
    "`ds.economics.contact_cost` its cost.",
    hint='The gain of a customer is `stakes["keep"] * ds.economics.save_rate`. Compare it with the cost, and count.',
    solution="""
    gain = stakes["keep"] * ds.economics.save_rate
    (gain > ds.economics.contact_cost).sum()
    """,
    means="With {right} customers the message would pay; of these, the plan writes to those who have agreed. With the "
    "others it would cost more than it is expected to bring.",
)
def _worth_a_message(ds: Dataset, stakes: pd.DataFrame) -> Key:
    money, given = stakes["keep"].dropna(), ds.economics
    if money.empty or not given.save_rate > 0 or not given.margin > 0:
        raise NotEnoughData("The lever “keep” fits nobody.", "Go on with the next exercise.")
    dear = given.contact_cost
    return Key(
        float((money > dear / given.save_rate).sum()),
        {
            "You counted everybody whom the lever fits: for some of them a message costs more than it brings.": len(
                money
            ),
            "You forgot the effect: a message brings `save_rate` of what is at stake, not all of it.": float(
                (money > dear).sum()
            ),
            "You compared revenue with a cost: what is at stake is margin already, and needs no division by it.": float(
                (money / given.margin * given.save_rate > dear).sum()
            ),
            "Those are the customers for whom it doesn't pay.": float((money <= dear / given.save_rate).sum()),
        },
    )


@assign(
    "08.3",
    unit="name",
    ask="All possible actions are in `options`. Which `treatment` brings most for each unit of money spent: all its "
    "`gain` less all its `cost`, over all its `cost`? Answer with its name, as it stands in the table.",
    hint='`options.groupby("treatment")[["gain", "cost"]].sum()` gives one row a treatment; `.idxmax()` names the '
    "largest of a column.",
    solution="""
    sums = options.groupby("treatment")[["gain", "cost"]].sum()
    ((sums["gain"] - sums["cost"]) / sums["cost"]).idxmax()
    """,
    means="“{right}” brings most for the money, if the effects are as assumed or measured. A limited budget looks "
    "there first, and to dearer ones only for what they bring beyond it.",
)
def _for_the_money(ds: Dataset, options: pd.DataFrame) -> Key:
    ways = {str(name): part for name, part in options.groupby("treatment")}
    if len(ways) < 2 or not options["cost"].gt(0).all():
        raise NotEnoughData("There is one way of reaching customers only.", "Go on with the next exercise.")
    each = {name: float(part["gain"].sum() / part["cost"].sum()) - 1 for name, part in ways.items()}
    net = {name: float((part["gain"] - part["cost"]).sum()) for name, part in ways.items()}
    gain = {name: float(part["gain"].sum()) for name, part in ways.items()}
    cost = {name: float(part["cost"].sum()) for name, part in ways.items()}
    return Key(
        max(each, key=lambda name: each[name]),
        {
            "That has the largest gain in all, and the dearest contacts: divide what is left by the cost.": max(
                gain, key=lambda name: gain[name]
            ),
            "That has the largest net gain in all; per unit of money spent, another one brings more.": max(
                net, key=lambda name: net[name]
            ),
            "That costs least in all; it says nothing of what it brings.": min(cost, key=lambda name: cost[name]),
            "That brings least for the money: take the largest, `idxmax`.": min(each, key=lambda name: each[name]),
        },
    )


@assign(
    "08.4",
    unit="percent",
    ask="In the rehearsal, the draw changed nothing. What would you report as the effect on the share of customers who "
    "bought: that of “contact” less that of “control”, in percentage points, written as 0.012 for 1.2 points? "
    "`rehearsed` has a row per customer with `group` and `bought` (True or False).",
    hint='`rehearsed.groupby("group")["bought"].mean()` gives the share of each group. Which of the three was '
    "drawn from the same customers as those to contact?",
    solution="""
    shares = rehearsed.groupby("group")["bought"].mean()
    shares["contact"] - shares["control"]
    """,
    means="{right}, in points, and the truth is 0: so far chance alone can lead. To compare with those not drawn would "
    "show something else, how the silent differ from the active.",
)
def _effect_of_nothing(ds: Dataset, rehearsed: pd.DataFrame) -> Key:
    bought = {str(name): part for name, part in rehearsed["bought"].groupby(rehearsed["group"])}
    if not {"contact", "control", "not drawn"} <= bought.keys() or not bought["control"].any():
        raise NotEnoughData("The draw left one of the three groups empty.", "Go on with the quiz.")
    share = {name: float(part.sum()) / len(part) for name, part in bought.items()}
    right = share["contact"] - share["control"]
    rest = pd.concat([bought["control"], bought["not drawn"]])
    return Key(
        right,
        {
            "You compared with those not drawn: they were active, these silent. Only the control group is alike.": (
                share["contact"] - share["not drawn"]
            ),
            "You compared with everybody else, active customers among them. Only the control group is alike.": (
                share["contact"] - float(rest.mean())
            ),
            "That is the change in percent of the control group's share; percentage points are the plain difference.": (
                right / share["control"]
            ),
            "That is the share of those to contact. Some of it would have been there anyway: take the control's off.": (
                share["contact"]
            ),
            "You subtracted numbers of customers; the groups differ in size, so compare their shares.": float(
                bought["contact"].sum() - bought["control"].sum()
            ),
        },
    )


def _keep(ds: Dataset, active: pd.DataFrame) -> pd.Series:
    """What a message of the lever “keep” is expected to bring by customer, after its cost."""
    loyal = active.loc[(active["purchases"] > 1) & (active["at_stake"] > 0), "at_stake"]
    if loyal.empty or not ds.economics.save_rate > 0:
        raise NotEnoughData("The lever “keep” fits nobody.", "Go on with the next one.")
    return loyal * ds.economics.save_rate - ds.economics.contact_cost


@question(
    "08.1",
    ask="A message costs {cost:money} and is assumed to win {rate:percent} of the money at stake with a customer. From "
    "how much money at stake on does it pay?",
    right=(
        "{enough:money}",
        "The cost divided by the share that is won: below it, a message costs more than it brings.",
    ),
    wrong=(
        ("{cost:money}", "That would do if the message won all that is at stake."),
        ("{twice:money}", "What is at stake is margin already: to divide by the margin once more asks for too much."),
        ("{part:money}", "That is the share of the cost. What is at stake must be larger than the cost, not smaller."),
    ),
)
def _from_which_stake(ds: Dataset) -> dict[str, Any]:
    given = ds.economics
    if not given.save_rate > 0 or not given.margin > 0:
        raise NotEnoughData("The dataset card says that a contact saves nobody.", "Go on with the next one.")
    enough = given.contact_cost / given.save_rate
    return {
        "cost": given.contact_cost,
        "rate": given.save_rate,
        "enough": enough,
        "twice": enough / given.margin,
        "part": given.contact_cost * given.save_rate,
    }


@question(
    "08.2",
    ask="Money is no limit, and suppose that everybody has agreed to messages. To whom do you send that of the lever "
    "“keep”, which fits {fits:count} active customers?",
    right=(
        "To the {worth:count} with whom it brings more than it costs: {best:money} net",
        "No other list brings more, whatever the budget.",
    ),
    wrong=(
        (
            "To all {fits:count}, as each of them may come back: {all:money} net",
            "Each further message costs the same; to those with little at stake it costs more than it brings.",
        ),
        (
            "To the {third:count} most likely to buy nothing: {risky:money} net",
            "Risk isn't money: whoever has little at stake can be among them too.",
        ),
        (
            "To the {third:count} of the highest CLV: {dear:money} net",
            "The best customers buy anyway, for the most part: what counts is what is at stake.",
        ),
    ),
)
def _to_whom(ds: Dataset, active: pd.DataFrame) -> dict[str, Any]:
    net = _keep(ds, active)
    worth, third = net[net > 0], -(-len(net) // 3)
    first = {rule: active.loc[net.index, rule].nlargest(third).index for rule in ("churn_probability", "clv")}
    if len(worth) in (0, third, len(net)):
        raise NotEnoughData("The message pays with everybody, or with nobody.", "Go on with the next one.")
    return {
        "fits": len(net),
        "worth": len(worth),
        "best": float(worth.sum()),
        "all": float(net.sum()),
        "third": third,
        "risky": float(net[first["churn_probability"]].sum()),
        "dear": float(net[first["clv"]].sum()),
    }


@question(
    "08.3",
    ask="Two products have a lift of 6. What does that say?",
    right=(
        "Whoever has the first in the basket has the second six times as often as chance would have it",
        "Lift compares how often they are together with how often they would be if they had nothing to do with each "
        "other. Whether to recommend the second sells more of it is another question: later baskets, or a test, tell.",
    ),
    wrong=(
        (
            "Six in ten of those with the first product also have the second",
            "That would be a confidence of 60 %. Lift can be high although hardly anybody buys both.",
        ),
        (
            "To recommend the second sells six times as much of it",
            "Lift counts what is bought together without any recommendation: a part of the two would be bought anyway.",
        ),
        (
            "Six percentage points more of the baskets hold both than by chance",
            "Lift is a ratio, not a difference: times as often, not points more.",
        ),
    ),
)
def _lift(ds: Dataset) -> dict[str, Any]:
    return {}


@question(
    "08.4",
    ask="Half a year after a campaign, those contacted have brought {contact:money} each, those left alone, who were "
    "drawn at random from the same list, {control:money}, all customers not on the list {others:money}. In the half "
    "year before, those contacted had brought {before:money} each. What did the contact bring?",
    right=(
        "{right:money} for each customer contacted, give or take what chance does",
        "Only those left alone show what would have happened anyway.",
    ),
    wrong=(
        ("{unlike:money} each", "Those not on the list are other customers: the list was made by what they did."),
        ("{past:money} each", "Season, prices and the customers themselves have changed since; only a control knows."),
        ("{contact:money} each", "That is what they brought in all; most of it, they would have brought anyway."),
    ),
)
def _what_the_contact_brought(ds: Dataset) -> dict[str, Any]:
    usual = ds.usual_amount()
    if 0.01 <= usual < 0.1:  # a tenth of it has to be a cent at least, unless amounts are written with more decimals
        usual = 0.1
    digits = max(1 - math.floor(math.log10(usual)), 0)
    contact, control, others, before = (round(usual * part, digits) for part in (0.8, 0.7, 2.0, 1.0))
    return {
        "contact": contact,
        "control": control,
        "others": others,
        "before": before,
        "right": contact - control,
        "unlike": contact - others,
        "past": contact - before,
    }


@question(
    "08.5",
    ask="Supposing that all have agreed, the message of the lever “keep” pays with {worth:count} customers: "
    "{best:money} net in all. A fifth of them, drawn at random, is left alone. What does it cost to measure the "
    "campaign in this way?",
    right=(
        "{fifth:money}, the net gain that those left alone don't bring",
        "They cost no contact, but they don't bring its gain either. That is the price of knowing.",
    ),
    wrong=(
        ("Nothing: whoever isn't contacted costs nothing", "They would have brought more than the contact costs."),
        (
            "{saved:money}, a fifth of what the messages cost",
            "These messages aren't sent: that money is saved. What is given up is the gain, less this cost.",
        ),
        ("{best:money}, as the campaign is put at risk", "Four fifths are contacted and bring their gain."),
    ),
)
def _price_of_measuring(ds: Dataset, active: pd.DataFrame) -> dict[str, Any]:
    net = _keep(ds, active)
    worth = net[net > 0]
    if worth.empty:
        raise NotEnoughData("The message pays with nobody.", "Go on with the next notebook.")
    return {
        "worth": len(worth),
        "best": float(worth.sum()),
        "fifth": float(worth.sum()) / 5,
        "saved": len(worth) * ds.economics.contact_cost / 5,
    }
