"""Exercises and quiz of notebook 00: who buys, who comes back, what is dropped."""

from typing import Any

import numpy as np
import pandas as pd

from clvlib import aggregate
from clvlib.course.assignments import Key, assign, question
from clvlib.dataset import Dataset
from clvlib.errors import CannotAnswer, MissingTable

_AGE = 6
_OFTEN = 5  # days with a purchase


@assign(
    "00.1",
    unit="percent",
    ask="Which share of the customers bought on five days or more? Take it from `rfm` (`rfm = ds.rfm_summary()`), "
    "whose column `frequency` counts the purchases after the first. Answer as a share between 0 and 1.",
    hint='`rfm["frequency"] > 0` is True for those who bought on two days or more; the `.mean()` of True and False is '
    "a share. From which `frequency` on are it five days?",
    solution="""
    rfm = ds.rfm_summary()
    (rfm["frequency"] >= 4).mean()
    """,
    means="{right} of the customers bought on five days or more, the first one included.",
)
def _often(ds: Dataset) -> Key:
    days = aggregate.purchase_days(ds.transactions, ds.as_of).to_pandas()["customer_id"].value_counts()
    spent = ds.rfm_summary()["total_spend"]
    often = spent.index[days.reindex(spent.index) >= _OFTEN]
    return Key(
        len(often) / len(spent),
        {
            "`frequency` leaves the first purchase out: who bought on five days has a 4.": float(
                (days > _OFTEN).mean()
            ),
            "`frequency` leaves the first purchase out, and five days are enough: count from 4 on.": float(
                (days > _OFTEN + 1).mean()
            ),
            "You counted purchases, not customers: that is the share of all purchases that they made.": float(
                days[days >= _OFTEN].sum() / days.sum()
            ),
            "That is their share of the revenue; customers are to be counted.": float(spent[often].sum() / spent.sum()),
            "That is how many they are; divide by how many customers there are.": float(len(often)),
        },
    )


@assign(
    "00.2",
    unit="count",
    ask="How many rows of the table `transactions` were dropped, for whatever reason? Take it from `ds.ledger`.",
    hint='Choose the rows of the ledger: `ds.ledger[(ds.ledger["table"] == "transactions") & (…)]`, with the right '
    "`action` in place of the dots. Then add up the column `rows`.",
    solution="""
    ledger = ds.ledger
    dropped = ledger[(ledger["table"] == "transactions") & (ledger["action"] == "dropped")]
    dropped["rows"].sum()
    """,
    means="{right} rows of the transactions are in no figure of this tour; each has its reason in the ledger.",
)
def _dropped(ds: Dataset) -> Key:
    if not (ds.ledger["table"] == "transactions").any():
        raise MissingTable("No table of transactions was read here.", "Go on with the next section.")
    rows = ds.ledger.groupby(["table", "action"])["rows"]
    read, kept = rows.sum()["transactions", "read"], rows.first()["transactions", "kept"]
    out = ds.ledger[(ds.ledger["action"] == "dropped") & (ds.ledger["table"] == "transactions")]
    mistakes = {
        "You counted every table; only `transactions` is asked for.": float(
            ds.ledger.loc[ds.ledger["action"] == "dropped", "rows"].sum()
        ),
        "That is how many reasons there are; add up the column `rows`.": float(len(out)),
        "Those are the rows that were kept.": float(kept),
        "Lines that begin with “of which” are counted in the line above them: don't take them off again.": float(
            read - rows.sum()["transactions", "kept"]
        ),
    }
    if len(out) > 1:
        mistakes["That is the most frequent reason; there are others."] = float(out["rows"].max())
    return Key(float(read - kept), mistakes)


@assign(
    "00.3",
    unit="number",
    ask="How many repeat purchases were made for each first purchase, over the whole time? Take it from `trade`, which "
    "has one row per period (a month, unless it was changed): `new_customers` counts its first purchases, "
    "`repeat_purchases` its later ones, `purchases` both.",
    hint="All repeat purchases over all first ones: add up each column first, with `.sum()`, and divide once.",
    solution="""
    trade["repeat_purchases"].sum() / trade["new_customers"].sum()
    """,
    means="For each first purchase, {right} repeat purchases were made. A mean of each period's own ratio would weigh "
    "a period with few new customers as much as one with many.",
)
def _per_first(ds: Dataset, trade: pd.DataFrame) -> Key:
    first, again = trade["new_customers"], trade["repeat_purchases"]
    some = first > 0
    return Key(
        float(ds.rfm_summary()["frequency"].mean()),
        {
            "That is the mean of the periods' own ratios: one with few new customers weighs as much as one with many. "
            "Add up first, then divide.": float((again[some] / first[some]).mean()),
            "You counted all purchases; the first ones are no repeat purchases.": float(
                trade["purchases"].sum() / first.sum()
            ),
            "That is the share of repeat purchases among all; divide by the first ones.": float(
                again.sum() / trade["purchases"].sum()
            ),
            "You turned it round: those are the first purchases for each repeat purchase.": float(
                first.sum() / again.sum()
            ),
            "Those are the repeat purchases of a mean period.": float(again.mean()),
        },
    )


@assign(
    "00.4",
    unit="percent",
    ask="Which share of the customers bought again at age 6, that is in the 6th period after that of their first "
    "purchase? Take all cohorts together, from `each_age`, which has one row for each cohort and age: `size` "
    "(customers of the cohort), `active` (of them, who bought at that age). Answer as a share between 0 and 1, to "
    "three digits at least.",
    hint='`each_age[each_age["age"] == 6]` are the cohorts that were followed so far. Add up `active` and `size` of '
    "these, and divide once.",
    solution="""
    sixth = each_age[each_age["age"] == 6]
    sixth["active"].sum() / sixth["size"].sum()
    """,
    means="{right} bought at age 6: retention of all cohorts that could be followed so far, large ones weighing more.",
)
def _at_age_6(ds: Dataset, each_age: pd.DataFrame) -> Key:
    then = each_age[each_age["age"] == _AGE].set_index("cohort")
    if then.empty:
        raise CannotAnswer("No cohort was followed to age 6.", "Choose a shorter period in the parameters cell.")
    share = then["active"] / then["size"]
    before = each_age[each_age["age"] == _AGE - 1]
    return Key(
        float(np.average(share, weights=then["size"])),
        {
            "That is the mean of the cohorts' shares: a small cohort weighs as much as a large one. Add up first, then "
            "divide.": float(share.mean()),
            "The wrong denominator: you divided by all customers, also those who were won too late to be followed to "
            "age 6.": float(then["active"].sum() / len(ds.rfm_summary())),
            "You counted the period of the first purchase as age 1; it is age 0.": float(
                before["active"].sum() / before["size"].sum()
            ),
            "You divided purchases, not customers who bought.": float(then["purchases"].sum() / then["size"].sum()),
            "That is how many bought; divide by the customers of these cohorts.": float(then["active"].sum()),
        },
    )


@question(
    "00.1",
    ask="{customers} customers bought, {back:count} of them on more than one day. How often did a customer come back, "
    "on average?",
    right=("{repeat:number.1} times", "All purchases but the first ones, over all customers."),
    wrong=(
        ("{days:number.1} times", "That counts the first purchase too: one who buys once hasn't come back."),
        ("{loyal:number.1} times", "That is the mean of those who came back only; the others count as well."),
    ),
)
def _how_often(ds: Dataset) -> dict[str, Any]:
    times = ds.rfm_summary()["frequency"]
    back = times > 0
    return {
        "customers": len(times),
        "back": int(back.sum()),
        "repeat": float(times.mean()),
        "days": float(times.mean() + 1),
        "loyal": float(times[back].mean()),
    }


@question(
    "00.2",
    ask="Half of the customers have spent {half:money} or less, and the mean is {mean:money}. What has a usual "
    "customer spent?",
    right=(
        "About {half:money}",
        "As many customers are below it as above it. The mean is {far:far from|near} it: a few large customers are "
        "enough to move a mean.",
    ),
    wrong=(
        ("About {mean:money}", "That is all revenue over all customers: a few large ones move it."),
        ("About {order:money}", "That is what one purchase comes to, not one customer."),
        ("About {loyal:money}", "That is the mean of those who came back; those who bought once are customers too."),
    ),
)
def _usual(ds: Dataset) -> dict[str, Any]:
    rfm = ds.rfm_summary()
    spent = rfm["total_spend"]
    return {
        "half": float(spent.median()),
        "mean": float(spent.mean()),
        "order": float(spent.sum() / (rfm["frequency"] + 1).sum()),
        "loyal": float(spent[rfm["frequency"] > 0].mean()),
        "far": bool(abs(spent.mean() / spent.median() - 1) > 0.1),
    }


@question(
    "00.3",
    ask="A customer places two orders on Monday and one on Tuesday. What was ordered on Tuesday is sent back and "
    "refunded in full on Friday. How many purchases are that, seen from Sunday?",
    right=("1", "Monday is one purchase, however many orders; Tuesday was refunded in full, so it is none."),
    wrong=(
        ("2", "Seen from Thursday it was 2. On Friday the refund took Tuesday's purchase away."),
        ("3", "Those are orders: two of one day are one purchase, and what was refunded in full is none."),
        ("0", "The refund is taken off the order that it belongs to, not off Monday's."),
    ),
)
def _by_the_rules(ds: Dataset) -> dict[str, Any]:
    return {}


@question(
    "00.4",
    ask="What is customer lifetime value (CLV), as this tour uses the word?",
    right=(
        "What a customer brings over the whole relationship, less what it costs to win, to keep and to serve that "
        "customer",
        "Money, over the whole relationship, after costs.",
    ),
    wrong=(
        (
            "All that a customer has paid so far",
            "That is revenue, and of the past only: no cost is taken off, and nothing is said of what comes.",
        ),
        (
            "The stages that a customer passes through, from the first visit to the last purchase",
            "That is the customer life cycle, which some shorten CLV too. Here CLV is the value only.",
        ),
        ("How long somebody stays a customer", "That is the lifetime, one of three levers of the value."),
    ),
)
def _what_clv_is(ds: Dataset) -> dict[str, Any]:
    return {}


@question(
    "00.5",
    ask="Over all cohorts, {first:percent} of the customers bought at age 1 and {later:percent} at age {age:count}. "
    "What does the second figure say?",
    right=(
        "Of the customers who could be followed to age {age:count}, {later:percent} bought in that very period",
        "No more than that: others may have bought in the period before, or will in the next.",
    ),
    wrong=(
        (
            "{gone:percent} of the customers have left",
            "Who buys nothing in one period may buy in the next: purchases alone don't say who has left.",
        ),
        (
            "{later:percent} of the customers have bought in every period so far",
            "Nobody asked that: each age counts who bought at that age, and these need not be the same people.",
        ),
        (
            "{kept:percent} of those who came back at age 1 are still customers",
            "That divides one share by another; those who buy at the later age need not be among those who bought at "
            "age 1.",
        ),
    ),
)
def _what_retention_says(ds: Dataset, each_age: pd.DataFrame) -> dict[str, Any]:
    of_age = each_age.groupby("age")[["active", "size"]].sum()
    rate = of_age["active"] / of_age["size"]
    if len(rate) < 2 or rate.index[0] != 1:
        raise CannotAnswer("No cohort was followed beyond age 1.", "Choose a shorter period in the parameters cell.")
    first, later = float(rate.iloc[0]), float(rate.iloc[-1])
    if not first:
        raise CannotAnswer("Nobody came back at age 1.", "Choose a longer period in the parameters cell.")
    return {"first": first, "later": later, "age": int(rate.index[-1]), "gone": 1 - later, "kept": later / first}
