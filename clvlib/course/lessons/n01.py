"""Exercises and quiz of notebook 01: the formula, how long customers stay, the cost to acquire, the levers."""

from dataclasses import replace
from typing import Any

import pandas as pd

from clvlib.course.assignments import Key, assign, question
from clvlib.dataset import Dataset
from clvlib.errors import CannotAnswer
from clvlib.value import formula
from clvlib.value.formula import Levers

_MARGIN, _KEPT = 100, 0.8
_LESS, _MORE = 0.10, 1.20  # a discount, and the orders that it brings


@assign(
    "01.1",
    unit="money",
    ask="Customers bring a margin of 100 a year, and 80 % of them are kept from each year to the next. What is one of "
    "them worth, counted without end, by the timing of this notebook (at the start of each year, the first one "
    "certain) and at this dataset's discount rate, `ds.economics.annual_discount_rate`?",
    hint="The first row of the table of timings: m (1 + d) / (1 + d − r), with m = 100 and r = 0.8. A share is written "
    "0.8, not 80.",
    solution="""
    d = ds.economics.annual_discount_rate
    r = 0.8
    100 * (1 + d) / (1 + d - r)
    """,
    means="{right}: the retention rate stands in the denominator, so that the last points of it are worth most.",
)
def _without_end(ds: Dataset) -> Key:
    d = ds.economics.annual_discount_rate
    return Key(
        formula.retention_clv(_MARGIN, _KEPT, d),
        {
            "That is the timing at the end of each year: here the first 100 come at once.": formula.retention_clv(
                _MARGIN, _KEPT, d, "end of year"
            ),
            "That is Gupta & Lehmann's timing: the first 100 come after a year, and only if the customer is still "
            "there.": formula.retention_clv(_MARGIN, _KEPT, d, "end of year, if still kept"),
            "You left out that later money is worth less: that is 100 × 1 / (1 − r).": _MARGIN / (1 - _KEPT),
            "You took the share that is lost, 20 %, for the one that is kept.": formula.retention_clv(
                _MARGIN, 1 - _KEPT, d
            ),
            "Those are the years kept, 1 / (1 − r); what is a customer worth?": 1 / (1 - _KEPT),
        },
    )


@assign(
    "01.2",
    unit="percent",
    ask="Counted from first to last purchase, customers who had bought once by the earlier date had a lifetime of 0. "
    "Which share of them had come back by the last day? `at_split` is the summary of the earlier date and `rfm` that "
    "of today, one row per customer each. Answer as a share between 0 and 1.",
    hint='`once = at_split[at_split["frequency"] == 0]` are those who had bought once. Then look the same customers up '
    'today: `rfm["frequency"].reindex(once.index)`.',
    solution="""
    once = at_split[at_split["frequency"] == 0]
    today = rfm["frequency"].reindex(once.index)
    (today > 0).mean()
    """,
    means="{right} of those whose lifetime was 0 on the earlier date came back later: the lifetime that one sees is "
    "cut off by the day on which one looks (censoring).",
)
def _came_later(ds: Dataset, at_split: pd.DataFrame, rfm: pd.DataFrame) -> Key:
    once = at_split.index[at_split["frequency"] == 0]
    if once.empty:
        raise CannotAnswer("Nobody had bought only once by the earlier date.", "Go on with the next exercise.")
    back = rfm.index[rfm["frequency"] > 0]
    later = len(once.intersection(back))
    return Key(
        later / len(once),
        {
            "The wrong denominator: you divided by all customers of the earlier date, not by those who had bought "
            "once.": later / len(at_split),
            "Those are all customers of the earlier date who have come back, also those who had done so by then.": len(
                at_split.index.intersection(back)
            )
            / len(at_split),
            "You took all customers of today, also those who were won since.": len(back) / len(rfm),
            "That is how many came back; divide by how many had bought once.": float(later),
        },
    )


@assign(
    "01.3",
    unit="number",
    ask="How many orders does it take until an average new customer has brought back the cost to acquire? Take it from "
    "`levers`: `levers.order_value`, `levers.margin`, `levers.service_cost_per_order`, `levers.acquisition_cost`. "
    "Leave out the cost to keep and the discount, and don't round up.",
    hint="First what one order leaves: its margin, less what it costs to serve. Then how many times that goes into the "
    "cost to acquire.",
    solution="""
    per_order = levers.order_value * levers.margin - levers.service_cost_per_order
    levers.acquisition_cost / per_order
    """,
    means="It takes {right} orders; whoever buys fewer times than that was won at a loss.",
)
def _orders_to_pay_back(ds: Dataset, levers: Levers) -> Key:
    if not levers.acquisition_cost:
        raise CannotAnswer(
            "The cost to acquire a customer is not known.",
            "Add the table marketing_costs, or acquisition_cost to [economics] in the dataset card.",
        )
    one_order = replace(
        levers,
        orders_per_year=1.0,
        years=1.0,
        horizon_years=1,
        retention_cost_per_year=0.0,
        annual_discount_rate=0.0,
    )
    per_order, cost = formula.value_before_acquisition(one_order), levers.acquisition_cost
    if per_order <= 0:
        raise CannotAnswer("An order costs more than it brings.", "Check margin and costs in the dataset card.")
    return Key(
        cost / per_order,
        {
            "You set revenue against the cost: only the margin of an order is left to pay it back.": cost
            / levers.order_value,
            "You left out what it costs to serve an order.": cost / (levers.order_value * levers.margin),
            "You took the cost of the goods, 1 − margin, for the margin.": _over(
                cost, levers.order_value * (1 - levers.margin) - levers.service_cost_per_order
            ),
            "You took the cost to serve off the cost to acquire; it comes with each order, so take it off what an "
            "order leaves.": (cost - levers.service_cost_per_order) / (levers.order_value * levers.margin),
        },
    )


def _over(cost: float, gain: float) -> float:
    return cost / gain if gain else float("nan")


@assign(
    "01.4",
    unit="money",
    ask="A plan: 10 % off every order, for ever, and customers order 20 % more often. The goods and serving an order "
    "cost as much as before. What is CLV then, after the cost to acquire? Take `levers`, and `counted` (years kept, "
    "the later ones discounted) of section 3.",
    hint="What 10 % off takes away is margin: an order leaves order value × (margin − 0.10), less what it costs to "
    "serve. Go on as in “The CLV formula, by hand”, with 1.2 times the orders a year.",
    solution="""
    per_order = levers.order_value * (levers.margin - 0.10) - levers.service_cost_per_order
    yearly = 1.20 * levers.orders_per_year * per_order - levers.retention_cost_per_year
    yearly * counted - levers.acquisition_cost
    """,
    means="CLV would be {right}. Revenue would rise by 8 % (0.9 × 1.2), but a discount is paid out of the margin.",
)
def _discount(ds: Dataset, levers: Levers, counted: float) -> Key:
    if levers.margin <= _LESS:
        raise CannotAnswer("A margin of 10 % or less leaves nothing after 10 % off.", "Go on with the quiz.")
    lower, often = (1 - _LESS) * levers.order_value, _MORE * levers.orders_per_year
    left = replace(levers, order_value=lower, margin=(levers.margin - _LESS) / (1 - _LESS))
    return Key(
        formula.clv(replace(left, orders_per_year=often)),
        {
            "You applied the margin to the lower price: the goods don't get cheaper when the price does.": formula.clv(
                replace(levers, order_value=lower, orders_per_year=often)
            ),
            "You raised CLV by 8 %, as revenue rises: costs don't move with the price.": formula.clv(levers)
            * (1 - _LESS)
            * _MORE,
            "You left out the 20 % more orders.": formula.clv(left),
            "You left out the 10 % off the price.": formula.clv(replace(levers, orders_per_year=often)),
            "You took `levers.years`: money of later years is worth less, and `counted` allows for it.": (
                formula.yearly_margin(replace(left, orders_per_year=often)) * levers.years - levers.acquisition_cost
            ),
            "You left out the cost to acquire.": formula.value_before_acquisition(replace(left, orders_per_year=often)),
            "That is the value of one year: multiply what a year leaves by `counted`, then take off the cost to "
            "acquire.": formula.yearly_margin(replace(left, orders_per_year=often)) - levers.acquisition_cost,
        },
    )


@question(
    "01.1",
    ask="Why is the time from first to last purchase no measure of how long customers stay?",
    right=(
        "The last purchase is only the last one seen so far: who will buy again has a longer one",
        "Looked at later, the same customers have a longer one. That is censoring.",
    ),
    wrong=(
        (
            "It counts customers who came back only",
            "It counts everyone; those who bought once have a time of 0.",
        ),
        (
            "Money of later years is worth less",
            "True of money, but a length of time isn't discounted.",
        ),
        (
            "Some customers buy more often than others",
            "They do, and each has a first and a last purchase all the same: what comes after the last one seen is "
            "missing.",
        ),
    ),
)
def _first_to_last(ds: Dataset) -> dict[str, Any]:
    return {}


@question(
    "01.2",
    ask="An average new customer brings {revenue:money} of revenue over the years kept. What is such a customer worth, "
    "by the CLV of this notebook?",
    right=(
        "{clv}",
        "After the goods, serving, keeping, waiting{paid: and the cost to acquire|; the cost to acquire isn't known}.",
    ),
    wrong=(
        ("{revenue:money}", "That is revenue: the goods alone cost {goods:money} of it."),
        ("{margin_only:money}", "That takes off the goods only; serving, keeping and waiting cost too."),
        ("{before:money}", "That is before the cost to acquire."),
        ("{undiscounted:money}", "That takes money of later years at its full value."),
    ),
)
def _worth(ds: Dataset, levers: Levers) -> dict[str, Any]:
    steps = formula.breakdown(levers)
    clv = formula.clv(levers)
    return {
        "revenue": float(steps["Revenue"]),
        "clv": clv,
        "paid": levers.acquisition_cost > 0,
        "goods": float(-steps["Goods"]),
        "margin_only": float(steps["Revenue"] + steps["Goods"]),
        "before": formula.value_before_acquisition(levers),
        "undiscounted": float(clv - steps["Waiting (discount)"]),
    }


@question(
    "01.3",
    ask="CLV : CAC is to be 3 at least. What may a new customer cost at most?",
    right=("{most:money}", "A third of the value before the cost to acquire, {before:money}."),
    wrong=(
        ("{before:money}", "That is a ratio of 1: nothing would be left."),
        ("{after:money}", "That takes the cost to acquire off twice: CLV : CAC sets the value before it against it."),
        ("{revenue:money}", "A third of the revenue: but goods, serving and keeping have to be paid first."),
        ("{thrice:money}", "Turned round: three times the value can't be paid for it."),
    ),
)
def _at_most(ds: Dataset, levers: Levers) -> dict[str, Any]:
    before = formula.value_before_acquisition(levers)
    if before <= 0:
        raise CannotAnswer("A new customer costs more than one brings.", "Check margin and costs in the dataset card.")
    return {
        "most": before / 3,
        "before": before,
        "after": formula.clv(levers) / 3,
        "revenue": float(formula.breakdown(levers)["Revenue"] / 3),
        "thrice": 3 * before,
    }


@question(
    "01.4",
    ask="The formula promised {promised:money} per customer if all went on as so far; {came:money} came. How large is "
    "the error of the promise?",
    right=("{error:percent}", "Promise over what came, less 1: errors are shares of the truth."),
    wrong=(
        ("{of_promise:percent}", "That is a share of the promise; what came is what counts."),
        ("{ratio:percent}", "That is the promise as a share of what came; the error is how far that is from 100 %."),
        ("{turned:percent}", "The sign is wrong: above 0 is promised too much, below 0 too little."),
    ),
)
def _error(ds: Dataset, promised: pd.DataFrame) -> dict[str, Any]:
    usual, came = (float(promised.iloc[0][column]) for column in ("revenue", "actual_revenue"))
    if came <= 0 or usual <= 0:
        raise CannotAnswer("Nothing came after the earlier date.", "Bring a longer history.")
    return {
        "promised": usual,
        "came": came,
        "error": usual / came - 1,
        "of_promise": 1 - came / usual,
        "ratio": usual / came,
        "turned": 1 - usual / came,
    }


@question(
    "01.5",
    ask="Order value rises by 10 %, all else unchanged. By how much does CLV change, from {clv}?",
    right=(
        "{moved:percent}",
        "{costs:The margin of each order rises by 10 %, but the costs to serve, to keep and to win don't rise with it"
        "|No cost to serve, to keep or to win is known here, so that CLV moves as the basket does}.",
    ),
    wrong=(
        ("{tenth:percent}", "So it would without costs that are paid by the order, the year or the customer."),
        ("{of_margin:percent}", "10 % times the margin is how much of the old revenue is gained, not a share of CLV."),
        ("{compounded:percent}", "That lets orders per year rise too; only order value moves."),
    ),
)
def _basket(ds: Dataset, levers: Levers) -> dict[str, Any]:
    clv = formula.clv(levers)
    if clv <= 0:
        raise CannotAnswer("CLV is not above 0: percentages of it mean nothing.", "Check margin and costs in the card.")
    costs = levers.service_cost_per_order + levers.retention_cost_per_year + levers.acquisition_cost
    both = {"order_value": 1.1, "orders_per_year": 1.1}
    return {
        "clv": clv,
        "moved": formula.clv(formula.change(levers, {"order_value": 1.1})) / clv - 1,
        "tenth": 0.1,
        "of_margin": 0.1 * levers.margin,
        "compounded": formula.clv(formula.change(levers, both)) / clv - 1,
        "costs": costs > 0,
    }
