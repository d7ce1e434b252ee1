"""Exercises and quiz of notebook 02: scores, segments, how concentrated the value is, who moved."""

from typing import Any

import pandas as pd

from clvlib.course.assignments import Key, assign, question
from clvlib.dataset import Dataset
from clvlib.errors import CannotAnswer
from clvlib.language import phrase
from clvlib.value import concentration, segments

_SILENT = ["At risk", "Can't lose"]


@assign(
    "02.1",
    unit="count",
    ask="How many customers have the score 5 in all three: recency, frequency and spend? Take it from "
    "`who = ds.segments()`, which has one row per customer and the columns `r_score`, `f_score`, `m_score`, `rfm` "
    "(the three side by side, as text) and `segment`.",
    hint='`who["rfm"] == "555"` is True for those customers; the `.sum()` of True and False counts the True ones.',
    solution="""
    who = ds.segments()
    (who["rfm"] == "555").sum()
    """,
    means="{right} customers are among the best in all three. A champion needs less: the board takes the mean of the "
    "frequency and the spend score.",
)
def _all_fives(ds: Dataset) -> Key:
    who = ds.segments()
    scores = who[["r_score", "f_score", "m_score"]]
    return Key(
        float((scores.min(axis=1) == 5).sum()),
        {
            "Those are the champions: a score of 4 in recency, or in one of the others, is enough for them.": float(
                (who["segment"] == "Champions").sum()
            ),
            "You counted who has a 5 in at least one of the three; join the conditions by `&`, not by `|`.": float(
                (scores.max(axis=1) == 5).sum()
            ),
            "You asked for frequency only.": float((scores["f_score"] == 5).sum()),
            "You asked for recency and frequency, and left out spend.": float(
                ((scores["r_score"] == 5) & (scores["f_score"] == 5)).sum()
            ),
            "That is a share; how many are they?": float((scores.min(axis=1) == 5).mean()),
        },
    )


@assign(
    "02.2",
    unit="money",
    ask="Take the segments “At risk” and “Can't lose” together. What has one of their customers brought so far, on "
    "average? Take it from `segment` (each customer's) and `so_far` (each customer's value so far).",
    hint="`silent = segment.isin([…])`, with the names of both segments in it, is True for these customers; "
    "`so_far[silent]` are their values.",
    solution="""
    silent = segment.isin(["At risk", "Can't lose"])
    so_far[silent].mean()
    """,
    means="They have brought {right} each. It is what they were worth; whether they are still worth an effort is "
    "another question.",
)
def _silent_ones(ds: Dataset, segment: pd.Series, so_far: pd.Series) -> Key:
    rfm = ds.rfm_summary()
    board = segments.profile(segment, rfm, so_far).reindex(_SILENT).dropna()
    if board.empty:
        raise CannotAnswer("Nobody is at risk, and there is nobody whom we can't lose.", "Go on with the next section.")
    silent = segment.index[segment.isin(_SILENT)]
    return Key(
        float(board["value"].sum() / board["customers"].sum()),
        {
            "That is the mean of the two segments' averages: the smaller one weighs as much as the larger one. Take "
            "the customers of both together.": float(board["value_per_customer"].mean()),
            "That is revenue; value is what was left after the goods, serving and keeping.": float(
                board["revenue"].sum() / board["customers"].sum()
            ),
            "That is what a customer of any segment has brought.": float(so_far.mean()),
            "That is the median; the mean is asked for.": float(so_far[silent].median()),
            "That is what all of them have brought together; divide by how many they are.": float(so_far[silent].sum()),
        },
    )


@assign(
    "02.3",
    unit="percent",
    ask="Which share of the value so far do the best tenth of the customers bring? Take it from `so_far` (each "
    "customer's value so far). Answer as a share between 0 and 1.",
    hint="`so_far.sort_values(ascending=False)` puts the best first; `.head(len(so_far) // 10)` are the first tenth of "
    "them.",
    solution="""
    best = so_far.sort_values(ascending=False).head(len(so_far) // 10)
    best.sum() / so_far.sum()
    """,
    means="The best tenth brings {right} of the value so far.",
)
def _best_tenth(ds: Dataset, so_far: pd.Series) -> Key:
    if len(so_far) < 100:
        what = phrase("A tenth of {n} customers is a handful.", n=len(so_far))
        raise CannotAnswer(what, "Go on with the next section.")
    if so_far.sum() <= 0:
        raise CannotAnswer("All customers together have brought nothing.", "Go on with the next section.")
    spent = ds.rfm_summary()["total_spend"]
    return Key(
        _share_of_best(so_far, 10),
        {
            "That is a share of revenue, not of value.": _share_of_best(spent, 10),
            "You took the best fifth.": _share_of_best(so_far, 5),
            "Those are the customers of the lowest values: sort with the best first.": float(
                so_far.sort_values().head(len(so_far) // 10).sum() / so_far.sum()
            ),
            "That is what they bring in money; divide by the value of all.": float(
                so_far.sort_values().tail(len(so_far) // 10).sum()
            ),
            "Those are the customers who stand first in the table: sort them by value before you take a tenth.": float(
                so_far.head(len(so_far) // 10).sum() / so_far.sum()
            ),
        },
    )


def _share_of_best(value: pd.Series, part: int) -> float:
    return float(value.nlargest(len(value) // part).sum() / value.sum())


@assign(
    "02.4",
    unit="percent",
    ask="Of the champions of the earlier date, which share are champions today? Take it from `movers`: how many "
    "customers went from a segment then (rows) to a segment today (columns). Answer as a share between 0 and 1.",
    hint='`movers.loc["Champions"]` is the row of those who were champions then; one of its figures, over the sum of '
    "all of them.",
    solution="""
    row = movers.loc["Champions"]
    row["Champions"] / row.sum()
    """,
    means="{right} of them are champions still. The row is the right denominator: it holds everyone who was one then.",
)
def _still_champions(ds: Dataset, movers: pd.DataFrame) -> Key:
    best = "Champions"
    if best not in movers.index or best not in movers.columns:
        raise CannotAnswer("There were no champions on one of the two days.", "Choose another months_back.")
    left, won = segments.flows(movers, best)
    then = float(movers.loc[[best]].to_numpy().sum())
    same = then - left
    return Key(
        same / then,
        {
            "The wrong denominator: you divided by the champions of today, newcomers included.": same / (same + won),
            "That is the share of all customers who are in the same segment today.": segments.stayed(movers),
            "That is how many there are today for each one there was: others joined.": (same + won) / then,
            "That is how many stayed; divide by how many champions there were.": same,
        },
    )


@question(
    "02.1",
    ask="A customer bought last {day:count} days before the last day of the data. Which recency score is that here?",
    right=(
        "{score:count}",
        "Compare with “What each score means”: here a score of {score:count} begins at {from_day:count} days or fewer.",
    ),
    wrong=(
        ("{turned:count}", "Turned round: the fewer days ago, the higher the score."),
        ("{one_up:count}", "For that it would take a purchase later than this one."),
        ("{one_down:count}", "That is the score of those who have been silent for longer."),
    ),
)
def _which_score(ds: Dataset) -> dict[str, Any]:
    days = ds.rfm_summary()["days_since_last_order"]
    scores = ds.segments()["r_score"]
    score = next((each for each in (4, 2, 5, 1) if (scores == each).any()), 0)
    if not score:
        raise CannotAnswer("All customers have the same recency score.", "Go on with the next question.")
    of_it = days[scores == score].sort_values()
    return {
        "day": float(of_it.iloc[len(of_it) // 2]),
        "from_day": float(of_it.iloc[-1]),
        "score": score,
        "turned": 6 - score,
        "one_up": min(score + 1, 5),
        "one_down": max(score - 1, 1),
    }


@question(
    "02.2",
    ask="“{name}” are {customer_share} of the customers and have brought {value_share} of the value so far. How many "
    "times the value of an average customer is that, per customer?",
    right=("{times:number.1} times", "Share of the value over share of the customers."),
    wrong=(
        (
            "{others:number.1} times",
            "That compares with the customers of all other segments, not with the average one.",
        ),
        ("{turned:number.1} times", "Turned round: share of the customers over share of the value."),
        (
            "{gap:number.1} times",
            "That is the difference of the two shares, in percentage points: divide, don't subtract.",
        ),
    ),
)
def _times_the_average(ds: Dataset, segment: pd.Series, so_far: pd.Series) -> dict[str, Any]:
    board = segments.profile(segment, ds.rfm_summary(), so_far)
    if len(board) < 2 or board["value_share"].isna().any():
        raise CannotAnswer("There is no value, or one segment only, to compare.", "Go on with the next question.")
    best = board.nlargest(1, "value_share").iloc[0]
    of, value = float(best["customer_share"]), float(best["value_share"])
    others = (1 - value) / (1 - of)
    if others <= 0:
        raise CannotAnswer("All other segments together have brought nothing.", "Go on with the next question.")
    return {
        "name": str(best.name),
        "customer_share": of,
        "value_share": value,
        "times": value / of,
        "others": value / of / others,
        "turned": of / value,
        "gap": 100 * (value - of),
    }


@question(
    "02.3",
    ask="Suppose that the best twentieth of the customers had never been there. How much of the value so far would be "
    "left?",
    right=("{left:percent}", "They bring {best:percent} of it, 5 % of the customers."),
    wrong=(
        ("{even:percent}", "So it would be if all customers were worth the same."),
        ("{best:percent}", "That is what they bring; what would be left?"),
        ("{fifth:percent}", "That is what is left without the best fifth."),
    ),
)
def _without_the_best(ds: Dataset, so_far: pd.Series) -> dict[str, Any]:
    best = concentration.top_share(so_far, 0.05)
    return {"left": 1 - best, "even": 0.95, "best": best, "fifth": 1 - concentration.top_share(so_far, 0.2)}


@question(
    "02.4",
    ask="A shop loses half of its sales within a year, equally from all customers. What happens to the number of its "
    "champions?",
    right=(
        "Next to nothing",
        "Scores are places in a ranking of the customers of that day: somebody is always in the best fifth, however "
        "the shop does.",
    ),
    wrong=(
        ("It halves", "Sales do; the ranking stays, and so do the places in it."),
        ("It falls to none", "The best of a ranking are there even when all of them buy less."),
        ("It doubles", "Nobody rises in a ranking because all fall alike."),
    ),
)
def _champions_of_a_fall(ds: Dataset) -> dict[str, Any]:
    return {}


@question(
    "02.5",
    ask="“Can't lose: call them in person.” Which figure says whether a call pays?",
    right=(
        "What those who are called bring from now on, beyond what those who aren't called bring",
        "It takes a test: a part of them, drawn by lot, isn't called.",
    ),
    wrong=(
        (
            "What they have brought so far",
            "That is past, and stays whether they are called or not. Who has left for good brings nothing more.",
        ),
        ("Their share of all customers", "It says how many calls, not what comes of one."),
        (
            "What those who are called bring from now on",
            "Some would have bought without a call: compare with some who aren't called.",
        ),
    ),
)
def _does_a_call_pay(ds: Dataset) -> dict[str, Any]:
    return {}
