"""Exercises and quiz of notebook 09: counting once, a ratio of sums, more in percent and in points, chance findings."""

from typing import Any

import numpy as np
import pandas as pd

from clvlib.course.assignments import Key, assign, question
from clvlib.dataset import Dataset
from clvlib.errors import MissingTable, NotEnoughData
from clvlib.value import comparing, what_if

_BASKET = "first basket"
_TRIED, _LEVEL = 20, 0.05


@assign(
    "09.1",
    unit="count",
    ask="How many different customers are in the transactions, all years together? Ask with `ds.sql`, as in the cell "
    "above.",
    hint="`count(distinct customer_id)` without a year counts each customer once. The answer is a table of one row; "
    '`["customers"].iloc[0]` takes its figure out.',
    solution="""
    everybody = ds.sql("select count(distinct customer_id) as customers from transactions")
    everybody["customers"].iloc[0]
    """,
    means="{right} customers. Counts of different things by year don't add up: who is in two years would count twice.",
)
def _everybody(ds: Dataset) -> Key:
    if not ds.has("transactions"):
        raise MissingTable("This dataset has no table of transactions.", "Go on with the next exercise.")
    rows = ds.sql("select customer_id, year(date) as year, count(*) as n from transactions group by 1, 2")
    return Key(
        rows["customer_id"].nunique(),
        {
            "You added the years up: who was there in two of them counts twice.": len(rows),
            "You counted rows, not customers: `distinct` is missing.": float(rows["n"].sum()),
            "That is the customers of the largest year only.": float(rows.groupby("year").size().max()),
            "That is the customers of the last year only.": float(rows.groupby("year").size().iloc[-1]),
        },
    )


@assign(
    "09.2",
    unit="money",
    ask="What does an order bring: the revenue of all customers over all their orders? `ds.rfm_summary()` has "
    "`total_spend` and `frequency`, the purchases after the first, of each customer.",
    hint="Orders are `frequency + 1`. Add up revenue and orders first, then divide.",
    solution="""
    rfm = ds.rfm_summary()
    rfm["total_spend"].sum() / (rfm["frequency"] + 1).sum()
    """,
    means="{right} an order. Sums first, then the division: so each order counts once.",
)
def _per_order(ds: Dataset) -> Key:
    rfm = ds.rfm_summary()
    each = rfm["total_spend"] / (rfm["frequency"] + 1)
    return Key(
        float(np.average(each, weights=rfm["frequency"] + 1)),
        {
            "You took the mean of the customers' means: one with one order weighs as much as one with twenty.": float(
                each.mean()
            ),
            "That is the revenue of a customer, not of an order.": float(rfm["total_spend"].mean()),
            "You left the first order of each out: orders are `frequency + 1`.": float(
                rfm["total_spend"].sum() / max(int(rfm["frequency"].sum()), 1)
            ),
        },
    )


@assign(
    "09.3",
    unit="percent",
    ask="Group the customers by `first basket`, what they paid on their first day. By how many percent does the best "
    'group spend more than the least one afterwards? `later["spend"]` is the spend after the first day, in the same'
    ' time for everybody; `ways["first basket"]` the group.',
    hint='`later["spend"].groupby(ways["first basket"]).mean()` gives the mean of each group. “More by so many percent”'
    " is the difference in percent of the lower one.",
    solution="""
    means = later["spend"].groupby(ways["first basket"]).mean()
    (means.max() - means.min()) / means.min()
    """,
    means="{right} more, and no cause is shown: who begins with another basket is another customer.",
)
def _more_in_percent(ds: Dataset, later: pd.DataFrame, ways: dict[str, pd.Series]) -> Key:
    if _BASKET not in ways:
        raise NotEnoughData("The first baskets of this dataset don't differ.", "Go on with the next exercise.")
    means = comparing.by_measure(later, ways[_BASKET], "spend")["mid"]
    low, high = float(means.min()), float(means.max())
    if not 0 < low < high:
        raise NotEnoughData("The groups of this dataset don't differ.", "Go on with the next exercise.")
    ever = ds.rfm_summary()["total_spend"].groupby(ways[_BASKET]).mean()
    return Key(
        high / low - 1,
        {
            "That is how many times as much; how much more is 1 less.": high / low,
            "That is the difference in money; divide it by the lower mean.": high - low,
            "You divided by the higher mean: so much less is spent by the least group.": 1 - low / high,
            "You took all that was ever spent: the first basket, which made the groups, is in it, and who "
            "came early had more time.": float(ever.max() / ever.min() - 1),
        },
    )


@assign(
    "09.4",
    unit="money",
    ask="The margin rises by 5 percentage points. By how much does the value of today's customers rise? "
    '`given["base_spend"]` is what they are expected to spend, discounted; `given["margin"]` the margin today; '
    '`today["base"]` their value today.',
    hint="Five points more margin are 5 cents more of each unit of money that is spent.",
    solution="""
    given["base_spend"] * 0.05
    """,
    means="{right} more, without anybody buying more. The slider says the same: margin at 5 points.",
)
def _five_points(ds: Dataset, given: dict[str, Any]) -> Key:
    now, then = what_if.outcome(given, {}), what_if.outcome(given, {"margin": 5})
    return Key(
        then["base"] - now["base"],
        {
            "You took 5 % of the value. Points are of the revenue: the value rises by more.": 0.05 * now["base"],
            "You raised the margin by 5 % of itself. Points are added to it: 40 % becomes 45 %, not 42 %.": 0.05
            * given["margin"]
            * given["base_spend"],
            "That is the whole value afterwards; how much more is it than today's?": then["base"],
            "That is what the CLV of one new customer rises by; asked is the value of all of today's.": then["clv"]
            - now["clv"],
        },
    )


@question(
    "09.1",
    ask="You compare customers by {tried:count} attributes, none of which matters, each by itself. How likely is "
    "it that at least one has a p-value below {level:percent}?",
    right=(
        "{any:percent}",
        "Each of them has its chance to look important. That is why section 3 corrects for how many were tried.",
    ),
    wrong=(
        ("{level:percent}", "That holds for one attribute that was chosen before looking."),
        ("{added:percent}", "One such finding is expected on average; there may be two, or none."),
    ),
)
def _by_chance(ds: Dataset) -> dict[str, Any]:
    return {"tried": _TRIED, "level": _LEVEL, "any": 1 - (1 - _LEVEL) ** _TRIED, "added": _TRIED * _LEVEL}


def _halves(ds: Dataset) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The customers who came first, and those who came after the middle one."""
    rfm = ds.rfm_summary()
    early = rfm["first_purchase"] <= rfm["first_purchase"].median()
    if early.all() or not (rfm["frequency"] > 0).any():
        raise NotEnoughData("All customers came at once, or nobody came back.", "Go on with the next one.")
    return rfm[early], rfm[~early]


@question(
    "09.2",
    ask="Of the half of the customers who came first, {early:percent} have bought again so far; of the others, "
    "{late:percent}. How far do the two shares lie apart?",
    right=(
        "{points:number.1} percentage points",
        "The plain difference of two shares is counted in points.",
    ),
    wrong=(
        (
            "{points:number.1} percent",
            "Percent are of something: the difference is {relative:number.1} percent of the lower share.",
        ),
        (
            "{relative:number.1} percentage points",
            "That is the difference in percent of the lower share; points are the plain difference.",
        ),
    ),
)
def _apart(ds: Dataset) -> dict[str, Any]:
    early, late = (float((half["frequency"] > 0).mean()) for half in _halves(ds))
    if not min(early, late) > 0:
        raise NotEnoughData("Of one half, nobody came back.", "Go on with the next one.")
    if not round(100 * abs(early - late), 1) > 0:
        raise NotEnoughData("The two shares don't differ.", "Go on with the next one.")
    return {
        "early": early,
        "late": late,
        "points": 100 * abs(early - late),
        "relative": 100 * (max(early, late) / min(early, late) - 1),
    }


@question(
    "09.3",
    ask="The half of the customers who came first have spent {early:money} each so far, the others {late:money}. What "
    "follows?",
    right=(
        "Nothing yet: the two had different times to spend in",
        "Compare everybody at the same age: “first 365 days of each customer”.",
    ),
    wrong=(
        (
            "A new customer is worth {apart:number.1} times an early one",
            "Their life with the shop has only begun.",
        ),
        ("The kind of customers has changed, so advertise as in former times", "It may have, but not by this figure."),
        ("Customers spend more the older they are", "They have spent for longer; that isn't more in the same time."),
    ),
)
def _so_far(ds: Dataset) -> dict[str, Any]:
    early, late = (float(half["total_spend"].mean()) for half in _halves(ds))
    return {"early": early, "late": late, "apart": late / early if early > 0 else 1.0}


@question(
    "09.4",
    ask="The margin is {margin:percent}. In section 5, the slider of the margin stands at 10. With which margin is "
    "the value then computed?",
    right=("{points:percent}", "Margin and discount are moved in points: 10 points are added."),
    wrong=(
        ("{share:percent}", "That is 10 percent of the margin more: so baskets, frequency, churn and cost are moved."),
        ("{ten:percent}", "The slider says how much more or less, not how much: at 0 nothing is moved."),
    ),
)
def _slider(ds: Dataset) -> dict[str, Any]:
    margin = ds.economics.margin
    if margin + 0.1 > 1:
        raise NotEnoughData("10 points more would be a margin over 100%.", "Go on with the next one.")
    return {"margin": margin, "points": margin + 0.1, "share": margin * 1.1, "ten": 0.1}


@question(
    "09.5",
    ask="The best customers so far are kept as a group, and notebook 03 is run on them alone. What of its forecast?",
    right=(
        "It tends to be too high: part of what made them the best was luck, and those who show that are left out",
        "A group chosen by what its customers did is no fair sample. Take what a run of all customers says of each.",
    ),
    wrong=(
        (
            "It is more exact, as these customers are more alike",
            "They were made alike by choosing them for what they did; what comes isn't chosen.",
        ),
        (
            "It is the same for each of them as in a run of all",
            "The model learns from those it sees: without the others, it takes a lucky year for the rule.",
        ),
        (
            "It tends to be too low: the best customers still grow",
            "On average, who has done best until now comes back towards the mean.",
        ),
    ),
)
def _chosen_by_deed(ds: Dataset) -> dict[str, Any]:
    return {}
