"""Exercises and quiz of notebook 05b: paths before orders, cost per customer, whom to contact."""

from typing import Any

import numpy as np
import pandas as pd

from clvlib.causes import attribution
from clvlib.course.assignments import Key, assign, question
from clvlib.dataset import Dataset
from clvlib.errors import NotEnoughData

_MORE = 1000.0  # money that 05b.3 adds


@assign(
    "05b.1",
    unit="percent",
    ask="By the last contact, which share of the orders that had a contact goes to the channel that gets most of them? "
    "Work it out from `paths`: a row is a contact; `converted` is True where an order followed; `position` counts the "
    "contacts of a path and `length` says how many it has.",
    hint='The last contact is where `paths["position"] == paths["length"]`; join it by `&` to those that an order '
    "followed. `.value_counts(normalize=True)` gives shares.",
    solution="""
    last = paths[paths["converted"] & (paths["position"] == paths["length"])]
    last["channel"].value_counts(normalize=True).max()
    """,
    means="{right}, by the rule of the last contact: a row of the table above. It says who stood nearest to the order, "
    "not who caused it.",
)
def _last_contact(ds: Dataset, paths: pd.DataFrame) -> Key:
    credit = attribution.credits(paths)
    ends = paths["position"] == paths["length"]
    won = paths["converted"]
    return Key(
        float(credit["last"].max() / credit["last"].sum()),
        {
            "You counted paths that led nowhere too: credit is handed out for orders only.": _most(paths[ends]),
            "You counted every contact before an order; the last one alone gets the credit here.": _most(paths[won]),
            "You took the first contact.": float(credit["first"].max() / credit["first"].sum()),
            "You counted all contacts, whether last or not, with an order or without.": _most(paths),
            "That is how many orders; divide by all orders that had a contact.": float(credit["last"].max()),
        },
    )


def _most(contacts: pd.DataFrame) -> float:
    """The share of the channel that has most of these contacts."""
    return float(contacts["channel"].value_counts(normalize=True).max())


@assign(
    "05b.2",
    unit="money",
    ask="What did it cost to win a customer, over all channels together whose cost is known? Take `spent` and "
    "`new_customers` of `returns`, one row a channel; a channel without a known cost is empty in both, and sums pass "
    "over it.",
    hint="All that was spent, over all who were won with it: two sums, then one division.",
    solution="""
    returns["spent"].sum() / returns["new_customers"].sum()
    """,
    means="{right}: the CAC over all paid channels. The CAC of single channels lies on either side of it, and large "
    "channels weigh more in it.",
)
def _cac(ds: Dataset, returns: pd.DataFrame) -> Key:
    known = returns.dropna(subset=["cac"])
    spent = float(np.nansum(returns["spent"]))
    if len(known) < 2:
        raise NotEnoughData("Fewer than two channels have a known cost per customer.", "Add marketing costs.")
    everybody = ds.rfm_summary()
    orders = everybody["frequency"] + 1
    return Key(
        spent / float(np.nansum(returns["new_customers"])),
        {
            "That is the mean of the channels' CAC: small channels weigh as much in it as large ones. Divide sum by "
            "sum.": float(known["cac"].mean()),
            "You divided by all customers of the shop; those of channels without a known cost weren't won with this "
            "money.": spent / len(everybody),
            "You divided by orders: that is what a channel cost per order.": spent / float(orders.sum()),
            "That is what was spent, not yet per customer.": spent,
        },
    )


@assign(
    "05b.3",
    unit="number",
    ask="The channel whose next customer costs most gets 1,000 more, in the currency of the table. How many further "
    "customers does that bring? Take it from `margins`, one row a channel, at the cost of the next customer.",
    hint="`marginal_cac` is what the next customer costs. How many times does it go into 1,000?",
    solution="""
    1000 / margins["marginal_cac"].max()
    """,
    means="About {right} customers. At the average CAC it would look like more: the average has the cheap first "
    "customers in it, whom the money before has paid for.",
)
def _next_customers(ds: Dataset, margins: pd.DataFrame) -> Key:
    told = margins.dropna(subset=["marginal_cac"])
    if told.empty:
        raise NotEnoughData("In no channel can the cost of the next customer be read.", "Bring more months of costs.")
    dear = told.sort_values("marginal_cac").iloc[-1]
    return Key(
        float(_MORE * dear["elasticity"] / dear["cac"]),
        {
            "You divided by the average CAC: that is what customers have cost so far, not what the next one costs.": (
                float(_MORE / dear["cac"])
            ),
            "You took the channel whose next customer costs least.": float(_MORE / told["marginal_cac"].min()),
            "You divided by the mean of all channels; the dearest one is asked for.": float(
                _MORE / told["marginal_cac"].mean()
            ),
            "That is what one of them costs; how many 1,000 buys is asked for.": float(dear["marginal_cac"]),
        },
    )


@assign(
    "05b.4",
    unit="percent",
    ask="Of the customers who may be contacted, which share reacts to some channel? Take it from `sheet`, one row a "
    "customer: `may_contact` is True or False, `reacts_in` is empty for who hasn't reacted to any.",
    hint='`sheet.loc[sheet["may_contact"], "reacts_in"]` are those of the right customers; `.notna()` is True where '
    "something stands.",
    solution="""
    allowed = sheet[sheet["may_contact"]]
    allowed["reacts_in"].notna().mean()
    """,
    means="{right} of those who may be contacted. For the others nothing is kept: they didn't agree.",
)
def _reacting(ds: Dataset, sheet: pd.DataFrame) -> Key:
    may = sheet["may_contact"].astype(bool)
    reacts = sheet["reacts_in"].notna()
    if not may.any() or not (reacts & may).any():
        raise NotEnoughData("Nobody who may be contacted reacts to a channel here.", "Bring touchpoints and consent.")
    return Key(
        float((may & reacts).sum() / may.sum()),
        {
            "You divided by all customers; those who may not be contacted don't belong to the question.": float(
                (may & reacts).mean()
            ),
            "That is the share who may be contacted.": float(may.mean()),
            "That is how many react; divide by how many may be contacted.": float((may & reacts).sum()),
        },
    )


@question(
    "05b.1",
    ask="In the months whose cost is known {spent:money} were spent on {name:text}, and {won:count} customers won by "
    "it; there are {contacts:count} recorded contacts by {name:text}. What did it cost to win a customer?",
    right=("{cac:money}", "What was spent, over the customers won: the CAC."),
    wrong=(
        ("{each:money}", "That is the cost of a contact, or a click. Most contacts win nobody."),
        ("{all:money}", "That divides by all customers of the shop; most of them came by other ways."),
        ("{worth:money}", "That is what such a customer is worth (CLV), not what winning one cost."),
    ),
)
def _click_or_customer(ds: Dataset, paths: pd.DataFrame, returns: pd.DataFrame) -> dict[str, Any]:
    contacts = paths["channel"].value_counts()
    both = returns.dropna(subset=["cac"]).index.intersection(contacts.index)
    if both.empty:
        raise NotEnoughData("No channel of acquisition has contacts of its name.", "Name channels alike in all tables.")
    name = max(both, key=lambda channel: returns["spent"][channel])
    row = returns.loc[name]
    return {
        "name": str(name),
        "spent": float(row["spent"]),
        "won": float(row["new_customers"]),
        "contacts": int(contacts[name]),
        "cac": float(row["cac"]),
        "each": float(row["spent"] / contacts[name]),
        "all": float(row["spent"] / len(ds.rfm_summary())),
        "worth": float(row["clv"]),
    }


@question(
    "05b.2",
    ask="A customer won by {name:text} is worth {clv} and cost {cac} on average; the next one costs {next:money}. "
    "Which CLV : CAC decides about more money for it?",
    right=("{margin:number.1}", "More money buys the next customers, at what the next one costs."),
    wrong=(
        ("{average:number.1}", "That is the average: it has the cheap first customers in it, who are there already."),
        ("{middle:number.1}", "That takes the mean of the two costs; the next customer costs what the next one costs."),
        ("{turned:number.1}", "That is cost over value: the wrong way round."),
    ),
)
def _margin(ds: Dataset, returns: pd.DataFrame, margins: pd.DataFrame) -> dict[str, Any]:
    clv, costs = returns["clv"], margins.dropna(subset=["marginal_cac"])
    both = costs.index.intersection(clv.dropna().index)
    if both.empty:
        raise NotEnoughData("No channel has both a value and a cost of the next customer.", "Bring more months.")
    name = costs.loc[both, "elasticity"].idxmin()
    worth, cac, following = (float(of[name]) for of in (clv, costs["cac"], costs["marginal_cac"]))
    return {
        "name": str(name),
        "clv": worth,
        "cac": cac,
        "next": following,
        "margin": worth / following,
        "average": worth / cac,
        "middle": 2 * worth / (cac + following),
        "turned": following / worth,
    }


@question(
    "05b.3",
    ask="By the last contact, {name:text} gets {share:percent} of the orders that had a contact. What does that say?",
    right=(
        "{name:text} was the last contact before them",
        "That is all the rule looks at: who stood nearest. What would have come without isn't in the data.",
    ),
    wrong=(
        (
            "Without {name:text} these orders would not have come",
            "Nothing shows what would have come without it: people about to order meet contacts too. That takes an "
            "experiment.",
        ),
        (
            "Twice the money for {name:text} would bring as many orders again",
            "Credit says nothing on what more money does: the next contact may meet people who order anyway.",
        ),
    ),
)
def _no_cause(ds: Dataset, credit: pd.DataFrame) -> dict[str, Any]:
    last = credit["last"]
    return {"name": str(last.idxmax()), "share": float(last.max() / last.sum())}


@question(
    "05b.4",
    ask="From “last” to “first” contact, the credit of {name:text} goes from {last:count} to {first:count} orders. How "
    "many orders does the shop gain or lose by that?",
    right=("None", "The same {total:count} orders are shared out by another rule. Nothing happened to customers."),
    wrong=(
        ("{gap:count}", "That is how far the credit of {name:text} moves; other channels get what it loses."),
        ("{share:percent} of the orders with a contact", "That much credit moves to or from {name:text}; no order."),
    ),
)
def _same_orders(ds: Dataset, credit: pd.DataFrame) -> dict[str, Any]:
    gaps = (credit["first"] - credit["last"]).abs()
    name, total = str(gaps.idxmax()), float(credit["last"].sum())
    if gaps[name] < 1:
        raise NotEnoughData("The two rules hand out the same credit here.", "Paths of more than one contact are few.")
    return {
        "name": name,
        "last": float(credit["last"][name]),
        "first": float(credit["first"][name]),
        "total": total,
        "gap": float(gaps[name]),
        "share": float(gaps[name] / total),
    }


@question(
    "05b.5",
    ask="A channel has a CLV : CAC of 5. Which sentence is right?",
    right=(
        "On average, a customer it won is worth five times what winning one cost",
        "It is a ratio of two averages, of the customers won so far.",
    ),
    wrong=(
        (
            "The next euro spent on it brings five",
            "That would take the cost of the next customer, which is higher where a channel tires.",
        ),
        (
            "Each customer it won is worth five times what winning them cost",
            "It is an average: a few customers bring much, many bring less than they cost.",
        ),
    ),
)
def _ratio(ds: Dataset) -> dict[str, Any]:
    return {}
