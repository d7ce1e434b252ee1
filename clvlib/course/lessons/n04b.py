"""Exercises and quiz of notebook 04b: how a contest is read, whether risks are true, what a test counts."""

from typing import Any

import numpy as np
import pandas as pd
from sklearn.metrics import brier_score_loss

from clvlib.course.assignments import Key, assign, question
from clvlib.dataset import Dataset
from clvlib.models import ranking
from clvlib.models.churn import Snapshot
from clvlib.models.counting import buyers_between


@assign(
    "04b.1",
    unit="number",
    ask='What is the Brier score of logistic regression among the active customers? `predicted["logistic"]` holds its '
    "probabilities of no purchase, of all customers; `tested_active.churned` is True for those who bought nothing.",
    hint="Take the probabilities of the active only, by `[tested_active.churned.index]`. True counts as 1, False as 0: "
    "subtract, square, take the mean.",
    solution="""
    probability = predicted["logistic"][tested_active.churned.index]
    ((probability - tested_active.churned) ** 2).mean()
    """,
    means="{right}, as in the table. Who says the base rate of everybody needs no model: that is the score to beat.",
)
def _brier_by_hand(ds: Dataset, tested_active: Snapshot, predicted: dict[str, pd.Series]) -> Key:
    probability = predicted["logistic"][tested_active.churned.index]
    right = float(brier_score_loss(tested_active.churned, probability))
    base = float(tested_active.churned.mean())
    return Key(
        right,
        {
            "You took the error, not its square.": float((probability - tested_active.churned).abs().mean()),
            "You took the root of the mean: the Brier score is the mean of the squares itself.": float(np.sqrt(right)),
            "You squared the difference of the means: errors of single customers cancel out in it.": float(
                (probability.mean() - base) ** 2
            ),
            "That is the score of somebody who says the base rate of everybody.": base * (1 - base),
            "That is how often it is right if a risk above 50 % counts as no purchase: the share of hits, which tells "
            "nothing of how true the risks are.": float(((probability > 0.5) == tested_active.churned).mean()),
        },
    )


@assign(
    "04b.2",
    unit="number",
    ask="How many of the active customers were expected to buy nothing in the window? `risk_then` holds each one's "
    "probability.",
    hint="No customer has to be called either way: the probabilities add up to the expected number.",
    solution="""
    risk_then.sum()
    """,
    means="{right} were expected. The picture compares it with what came, as a share of the customers.",
)
def _expected_number(ds: Dataset, tested_active: Snapshot, risk_then: pd.Series) -> Key:
    return Key(
        float(risk_then.mean() * len(risk_then)),
        {
            "You counted who has a risk above 50 %. Many with a small risk make up a large part of those who buy "
            "nothing.": float((risk_then > 0.5).sum()),
            "That is how many did buy nothing, which nobody knew on that day.": float(tested_active.churned.sum()),
            "That is the mean risk: a share. Add the probabilities up.": float(risk_then.mean()),
            "That is how many were expected to buy.": float((1 - risk_then).sum()),
        },
    )


@assign(
    "04b.3",
    unit="percent",
    ask="By how many percentage points was the risk of the tenth at highest risk too high (below zero: too low)? Take "
    "it from the last row of `risk_tenths`, as a difference of shares: 0.02 for 2 points.",
    hint="`risk_tenths.iloc[-1]` is the last row. Points are a difference: what was predicted less what was observed.",
    solution="""
    top = risk_tenths.iloc[-1]
    top["predicted"] - top["observed"]
    """,
    means="{right} of the customers in that tenth: the gap in percentage points. Whether it is more than chance, the "
    "sentence above says.",
)
def _points_too_high(ds: Dataset, risk_tenths: pd.DataFrame) -> Key:
    top = ranking.highest_risk(risk_tenths)
    size = risk_tenths["customers"]
    whole = float(
        (risk_tenths["predicted"] * size).sum() / size.sum() - (risk_tenths["observed"] * size).sum() / size.sum()
    )
    first = risk_tenths.iloc[0]
    return Key(
        top["predicted"] - top["observed"],
        {
            "That is by how many percent it was too high, a ratio. Percentage points are the difference.": top["error"],
            "That is the gap of all tenths together. Asked is about the last one.": whole,
            "That is the tenth at lowest risk: the last row is the one at highest.": float(
                first["predicted"] - first["observed"]
            ),
        },
    )


@assign(
    "04b.4",
    unit="percent",
    ask="All active customers of the test period are to be contacted, and the save rate is the one that is assumed, "
    "`ds.economics.save_rate`. Which share of those contacted would buy *because of* the contact? "
    "`tested_active.churned` is True for who bought nothing without one.",
    hint="A contact makes somebody buy only among those who would have bought nothing.",
    solution="""
    would_buy_nothing = tested_active.churned.mean()
    would_buy_nothing * ds.economics.save_rate
    """,
    means="{right} of those contacted: all others who buy would have bought anyway.",
)
def _because_of_it(ds: Dataset, tested_active: Snapshot) -> Key:
    base, rate = float(tested_active.churned.mean()), ds.economics.save_rate
    return Key(
        base - base * (1 - rate),
        {
            "That is the save rate: it holds only for those who would have bought nothing, not for everybody who is "
            "contacted.": rate,
            "You counted everybody who buys as a success. Most would have bought anyway.": 1 - base * (1 - rate),
            "You took those who buy anyway: nobody needs to save them.": (1 - base) * rate,
            "That is who buys without any contact.": 1 - base,
        },
    )


@question(
    "04b.1",
    ask="The best ranking of the active customers has an AUC of {auc:number.2}. What does that mean?",
    right=(
        "Of one customer who bought nothing and one who bought, drawn at random, the first had the higher score in "
        "{auc:percent} of the draws.",
        "AUC judges the order only; a coin gets 50 %.",
    ),
    wrong=(
        (
            "It was right about {auc:percent} of the customers.",
            "How often somebody is right hangs on the base rate: who always says “will buy” was right about "
            "{buy:percent} of them, with an AUC of 0.5.",
        ),
        (
            "It found {auc:percent} of those who bought nothing.",
            "How many are found depends on how many are looked at: everybody is found when everybody is contacted.",
        ),
        (
            "A customer at the top of the list bought nothing with a chance of {auc:percent}.",
            "AUC says nothing of probabilities. A score may rank perfectly and not be one, such as days of silence.",
        ),
    ),
)
def _what_auc_means(ds: Dataset, tested_active: Snapshot, contest: pd.DataFrame) -> dict[str, Any]:
    return {"auc": float(contest["auc"][ranking.best(contest)]), "buy": float(1 - tested_active.churned.mean())}


@question(
    "04b.2",
    ask="The tenth at highest risk counts {n:count} customers, with a mean risk of {risk:percent}. If these risks are "
    "true, how many of them buy nothing?",
    right=("About {expected:count}", "The probabilities add up to the expected number, give or take chance."),
    wrong=(
        (
            "All {n:count}: they are at the highest risk",
            "High is not sure. Somebody at 60 % buys in four of ten cases.",
        ),
        ("About {buyers:count}", "That is how many of them are expected to buy."),
        ("About {as_all:count}", "That is the mean risk of all active customers; theirs is higher."),
    ),
)
def _how_many_of_them(ds: Dataset, tested_active: Snapshot, risk_then: pd.Series) -> dict[str, Any]:
    top = ranking.calibration(tested_active.churned, risk_then).iloc[-1]
    n, risk = int(top["customers"]), float(top["predicted"])
    return {
        "n": n,
        "risk": risk,
        "expected": round(n * risk),
        "buyers": round(n * (1 - risk)),
        "as_all": round(n * float(risk_then.mean())),
    }


@question(
    "04b.3",
    ask="Models that were fitted to the same purchases counted {least:count} to {most:count} customers as alive on "
    "{day:date}, and expected {low:count} to {high:count} buyers within the window. Which figure belongs in a "
    "report?",
    right=(
        "{low:count} to {high:count} buyers, and later that {came:count} came.",
        "Who buys can be counted when the window is over; so the figure can be held to account.",
    ),
    wrong=(
        (
            "{most:count} customers, the highest count of those alive.",
            "No purchase shows which model is right about who is alive; the highest count only flatters.",
        ),
        (
            "{middle:count} customers, the middle of the counts of those alive.",
            "The middle of what can't be checked can't be checked either.",
        ),
    ),
)
def _which_count(ds: Dataset, counts: pd.DataFrame, tested: Snapshot) -> dict[str, Any]:
    alive, buying = counts["alive"], counts["buying"]
    return {
        "least": float(alive.min()),
        "most": float(alive.max()),
        "middle": float((alive.min() + alive.max()) / 2),
        "low": float(buying.min()),
        "high": float(buying.max()),
        "came": buyers_between(ds.transactions, tested.as_of, tested.end),
        "day": tested.as_of,
    }


@question(
    "04b.4",
    ask="A ranking rests on how often customers buy: those who buy often fall silent less often. What follows?",
    right=(
        "Frequent buyers are at lower risk; whether one more purchase lowers anybody's risk, only a test can say.",
        "What tells customers apart is no cause: pushed into a purchase, somebody is still the same customer.",
    ),
    wrong=(
        (
            "A discount that brings one more purchase lowers a customer's risk.",
            "That takes what goes together for a cause. The frequent buyers weren't made so by a discount.",
        ),
        (
            "All that is known of amounts can be left out, as it tells nothing.",
            "Kinds of information overlap: a small loss may mean that another kind knows it too.",
        ),
        (
            "Those who bought once need no contact, as they are lost anyway.",
            "A risk is a chance, not a verdict; and whom to contact depends on the money at stake.",
        ),
    ),
)
def _no_cause(ds: Dataset) -> dict[str, Any]:
    return {}


@question(
    "04b.5",
    ask="After a test, {alone:percent} of those left alone and {contacted:percent} of those contacted bought in the "
    "window. What is the save rate?",
    right=(
        "{rate:percent}",
        "Without a purchase remain {none:percent} and {left:percent}; 1 less the second over the first.",
    ),
    wrong=(
        (
            "{points:percent}",
            "That is the difference in points, among all who were contacted. The save rate counts only those who would "
            "have bought nothing.",
        ),
        ("{contacted:percent}", "That counts everybody who bought as a success; most would have bought anyway."),
        ("{more:percent}", "That is by how much more buyers there are. Most buyers didn't need the contact."),
    ),
)
def _read_a_test(ds: Dataset, tested_active: Snapshot) -> dict[str, Any]:
    none, rate = float(tested_active.churned.mean()), ds.economics.save_rate
    alone, contacted = 1 - none, 1 - none * (1 - rate)
    return {
        "alone": alone,
        "contacted": contacted,
        "rate": rate,
        "none": none,
        "left": none * (1 - rate),
        "points": contacted - alone,
        "more": contacted / alone - 1,
    }
