"""Possible actions by customer in; the best use of a budget, and what more or less money would bring, out.

At most one action a customer: a multiple-choice knapsack problem. Of each customer's actions only those on the upper
concave hull of net gain over cost can be part of an optimum of the relaxed problem; the steps along all hulls, taken by
net gain per money, give that optimum (Sinha & Zoltners 1979; Kellerer, Pferschy & Pisinger 2004, chapter 11). We stop
at the first step that can't be paid: the plan is then short of the true optimum by less than that one step, and more
money never changes a customer's action for a cheaper one.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from clvlib.errors import UsageError
from clvlib.language import message, phrase

CENTS = 6  # decimals of money kept when costs are added up


@dataclass(frozen=True)
class Allocation:
    """The actions chosen within a budget.

    `chosen`: rows of the options (one a customer) with their `net`; `cost`, `net` (currency): their sums; `bound`
    (currency): the net gain that no plan of this budget exceeds.
    """

    chosen: pd.DataFrame
    budget: float
    cost: float
    net: float
    bound: float

    @property
    def short(self) -> float:
        """The most that a better plan could add, as a share of the bound (0 when there is nothing to gain)."""
        return (self.bound - self.net) / self.bound if self.bound > 0 else 0.0


def allocate(options: pd.DataFrame, budget: float) -> Allocation:
    """Choose at most one action a customer so that the net gain is largest within the budget.

    options: one row an action that could be taken, with `customer_id`, `cost` (0 or more) and `gain` (currency); other
    columns are handed on. An action whose gain doesn't exceed its cost is never chosen; of equally good steps
    those of customers with most `at_stake` come first. budget: money to spend at most; what isn't worth spending is
    left over. UsageError for a budget or a cost below 0.
    """
    if not budget >= 0:
        raise UsageError(phrase("The budget is {budget}.", budget=budget), "Give an amount of 0 or more.")
    steps = _steps(options)
    paid = steps["step_cost"].cumsum().round(CENTS)
    taken = (paid <= budget).to_numpy()
    last = steps[taken].drop_duplicates("customer_id", keep="last")
    chosen = (
        options.loc[last.index].assign(net=last["net"]).sort_values(["net", "customer_id"], ascending=[False, True])
    )
    cost, net = round(float(chosen["cost"].sum()), CENTS), float(chosen["net"].sum())
    bound = net
    if not taken.all():
        following = steps[~taken].iloc[0]
        bound += float((budget - cost) * following["step_net"] / following["step_cost"])
    return Allocation(chosen, budget, cost, net, bound)


def frontier(options: pd.DataFrame) -> pd.DataFrame:
    """Net gain of the best plan by money spent, from nothing to all that is worth spending.

    One row a step: `spent`, `net` (currency, both never falling) and `customers` (with an action), first row 0.
    """
    steps = _steps(options)
    new = ~steps["customer_id"].duplicated()
    rows = pd.DataFrame({"spent": steps["step_cost"], "net": steps["step_net"], "customers": new.astype(int)})
    rows = pd.concat([pd.DataFrame({"spent": [0.0], "net": [0.0], "customers": [0]}), rows], ignore_index=True)
    return rows.cumsum().round({"spent": CENTS})


def at_budgets(curve: pd.DataFrame, budgets: list[float]) -> pd.DataFrame:
    """The rows of a `frontier` that each budget reaches: index `budget`; `spent`, `net`, `customers`."""
    places = np.searchsorted(curve["spent"].to_numpy(), budgets, side="right") - 1
    return curve.iloc[places].set_axis(pd.Index(budgets, name="budget"))


def worth_spending(curve: pd.DataFrame, share: float = 0.9) -> float:
    """The money that brings this share of the largest net gain of a `frontier`."""
    reached = curve["net"] >= share * curve["net"].iloc[-1]
    return float(curve["spent"].to_numpy()[reached.to_numpy().argmax()])


def by_rules(options: pd.DataFrame, budgets: list[float], rules: Mapping[str, pd.Series]) -> pd.DataFrame:
    """What the same budgets bring when a plain rule says who comes first.

    Each customer gets the cheapest action (of equally cheap ones, the one that brings most), worth it or not, from the
    highest value of the rule (by name, a number by customer) down until the money is gone; equal values are settled by
    customer_id. One row per budget and rule, and one for customers taken at random (what that brings on average):
    `customers`, `cost`, `net` (currency).
    """
    cheapest = _net(options).sort_values(["customer_id", "cost", "net"], ascending=[True, True, False])
    cheapest = cheapest.drop_duplicates("customer_id").set_index("customer_id")[["cost", "net"]]
    nobody = pd.DataFrame({"cost": [0.0], "net": [0.0]})
    found = {}
    for name, rule in rules.items():
        first = rule.reindex(cheapest.index).sort_values(ascending=False, kind="stable").index
        sums = pd.concat([nobody, cheapest.loc[first].cumsum().round({"cost": CENTS})], ignore_index=True)
        places = np.searchsorted(sums["cost"].to_numpy(), budgets, side="right") - 1
        found[name] = sums.iloc[places].assign(customers=places)
    whole = cheapest.sum()
    share = np.minimum(1.0, np.array(budgets) / whole["cost"]) if whole["cost"] > 0 else np.ones(len(budgets))
    chance = {"cost": share * whole["cost"], "net": share * whole["net"]}
    found[message("at random")] = pd.DataFrame(chance).assign(customers=np.round(share * len(cheapest)).astype(int))
    rows = [part.set_axis(pd.Index(budgets, name="budget")) for part in found.values()]
    frame = pd.concat(rows, keys=list(found), names=["rule"]).swaplevel()
    return frame[["customers", "cost", "net"]]


def _net(options: pd.DataFrame) -> pd.DataFrame:
    if (options["cost"] < 0).any():
        wrong = int((options["cost"] < 0).sum())
        raise UsageError(phrase("{n:,} action(s) cost less than nothing.", n=wrong), "Give costs of 0 or more.")
    return options.assign(net=options["gain"] - options["cost"])


def _steps(options: pd.DataFrame) -> pd.DataFrame:
    """Rows of the options on their customer's hull, in the order in which money should be spent.

    Adds `net`, and `step_cost` and `step_net`: what the row costs and brings beyond the customer's row before it.
    """
    frame = _net(options)
    tie = [name for name in ("lever", "treatment") if name in frame]
    order = ["customer_id", "cost", "net", *tie]
    frame = frame[frame["net"] > 0].sort_values(order, ascending=[True, True, False, *[True] * len(tie)])
    best = frame.groupby("customer_id")["net"].cummax()
    frame = frame[frame["net"] > best.groupby(frame["customer_id"]).shift(fill_value=0.0)]
    while True:
        before = frame.groupby("customer_id")[["cost", "net"]].shift(fill_value=0.0)
        cost, net = frame["cost"] - before["cost"], frame["net"] - before["net"]
        rate = (net / cost.where(cost > 0)).fillna(np.inf)
        under = rate.groupby(frame["customer_id"]).shift(-1, fill_value=-np.inf) > rate
        if not under.any():
            break
        frame = frame[~under]
    frame = frame.assign(step_cost=cost, step_net=net, rate=rate)
    most = frame["at_stake"] if "at_stake" in frame else frame["net"]
    frame["most"] = most.groupby(frame["customer_id"]).transform("max")  # equal gains: not by the alphabet
    ranking = {"rate": False, "most": False, "customer_id": True, "cost": True}
    return frame.sort_values(list(ranking), ascending=list(ranking.values())).drop(columns=["rate", "most"])
