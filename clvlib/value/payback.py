"""Cohorts and levers → what customers bring, by cohort and by channel, against the cost to win them.

Contribution of an order = order value × margin − cost to serve − its share of the cost to keep the customer
(the yearly cost spread over the orders of a first year), so that every table here counts the same costs as
`formula.clv`.
"""

import math
from typing import Any

import pandas as pd

from clvlib import aggregate
from clvlib.aggregate import acquisition
from clvlib.dataset import Dataset, Economics
from clvlib.errors import CannotAnswer, MissingTable, NotEnoughData
from clvlib.language import message
from clvlib.stats import mid_periods, present_value
from clvlib.value.formula import Levers, value_before_acquisition
from clvlib.value.hindsight import continuation
from clvlib.value.lifespan import Tail, levers, lifespan, monthly_orders, order_curve

_EQUAL_AGE = 6  # months at which cohorts are compared


def _cost_per_order(chosen: Levers) -> float:
    return chosen.service_cost_per_order + chosen.retention_cost_per_year / chosen.orders_per_year


def cumulative_contribution(orders: pd.Series, chosen: Levers) -> pd.Series:
    """Add up what an average customer brings, month by month (money, before acquisition, undiscounted).

    `orders`: orders per customer by age in months, as `lifespan.monthly_orders` gives them.

    >>> orders = pd.Series([1.0, 0.5, 0.3])
    >>> cumulative_contribution(orders, Levers(50, 4, 2.5, margin=0.4, service_cost_per_order=5)).tolist()
    [15.0, 22.5, 27.0]
    """
    per_order = chosen.order_value * chosen.margin - _cost_per_order(chosen)
    return (orders * per_order).cumsum().rename("contribution")


def observed_contribution(cohorts: pd.DataFrame, economics: Economics) -> pd.Series:
    """Add up what customers have brought by age, month by month (money per customer), from cohorts pooled by age.

    `cohorts`: monthly `aggregate.cohorts`. Only ages that all of them have reached to the end; margin on revenue less
    the cost to serve orders and to keep the customer.

    >>> cohorts = aggregate.cohorts(sample.transactions, sample.as_of)
    >>> observed_contribution(cohorts, Economics(margin=0.4, service_cost_per_order=2.0)).loc[[0, 5, 11]].round(2)
    age
    0     13.86
    5     23.00
    11    30.74
    Name: contribution, dtype: float64
    """
    seen = cohorts[cohorts["complete"]]
    months = seen.groupby("cohort")["age"].max().min() + 1 if len(seen) else 0
    pooled = seen[seen["age"] < months].groupby("age")[["size", "revenue", "purchases"]].sum()
    left = pooled["revenue"] * economics.margin - pooled["purchases"] * economics.service_cost_per_order
    each = left / pooled["size"] - economics.retention_cost_per_year / 12
    return each.cumsum().rename("contribution")


def payback_months(gained: pd.Series, cost: float) -> float:
    """Give the months a customer takes to bring back the cost to acquire; NaN if not within those of `gained`.

    `gained`: cumulated money per customer by age in months, as `cumulative_contribution` and `observed_contribution`
    give it. The month of the first purchase counts as 1. Undiscounted, as the field does it. Raises CannotAnswer when
    no cost to acquire is known (0).

    >>> payback_months(pd.Series([15.0, 22.5, 27.0]), cost=20), payback_months(pd.Series([15.0, 22.5, 27.0]), cost=30)
    (2.0, nan)
    """
    if cost == 0:
        raise CannotAnswer(
            "The cost to acquire a customer is not known, so there is no payback.",
            "Add the table marketing_costs, or acquisition_cost to [economics] in the dataset card.",
        )
    reached = gained.to_numpy() >= cost * (1 - 1e-9)  # rounding is no month
    return float(reached.argmax() + 1) if reached.any() else math.nan


def affordable_cac(orders: pd.Series, chosen: Levers) -> pd.Series:
    """Give the most that winning a customer may cost, by the rule one keeps (money per customer).

    The rules: paid back by the first month's orders; within 12 months; CLV : CAC of 3; CLV : CAC of 1 (no
    gain left).

    >>> affordable_cac(pd.Series([1.0, 0.5, 0.3]), Levers(50, 4, 2.5, margin=0.4, service_cost_per_order=5)).round(1)
    rule
    Paid back in the first month      15.0
    Paid back within 12 months        27.0
    CLV : CAC of 3                    50.0
    CLV : CAC of 1 (nothing left)    150.0
    Name: acquisition_cost, dtype: float64
    """
    gained = cumulative_contribution(orders, chosen)
    worth = value_before_acquisition(chosen)
    rules = {
        message("Paid back in the first month"): gained.iloc[0],
        message("Paid back within 12 months"): gained.iloc[:12].iloc[-1],
        message("CLV : CAC of 3"): worth / 3,
        message("CLV : CAC of 1 (nothing left)"): worth,
    }
    return pd.Series(rules, name="acquisition_cost", dtype=float).clip(lower=0).rename_axis("rule")


def value_by_age(cohorts: pd.DataFrame, chosen: Levers) -> pd.DataFrame:
    """Add up each monthly cohort's contribution per customer by age (index, months), one column per cohort.

    Only months observed to their end; columns are the first day of the cohort's month. Cohorts are comparable
    along a row of this table (same age), never by their last value.

    >>> cohorts = aggregate.cohorts(sample.transactions, sample.as_of)
    >>> gained = value_by_age(cohorts, Levers(36.5, 2.4, 1.3, margin=0.4))
    >>> gained.loc[6].round(2).tolist()
    [27.87, 27.99, 28.77]
    """
    seen = cohorts[cohorts["complete"]]
    left = seen["revenue"] * chosen.margin - seen["purchases"] * _cost_per_order(chosen)
    table = pd.DataFrame({"cohort": seen["cohort"], "age": seen["age"], "left": left / seen["size"]})
    return table.pivot(index="age", columns="cohort", values="left").cumsum(skipna=False)


def by_cohort(cohorts: pd.DataFrame, orders: pd.Series, chosen: Levers) -> pd.DataFrame:
    """Set what each monthly cohort has brought so far beside what an average one would still bring at its age.

    `orders`: orders per customer by age over the horizon (`lifespan.monthly_orders`). Indexed by cohort (first day of
    its month), money per customer: customers, months (observed to their end), at_equal_age (contribution of the first 6
    months; NaN for younger cohorts), historic (so far), projected (further contribution up to the horizon, discounted
    to today), clv (their sum, before the cost to acquire).

    >>> cohorts = aggregate.cohorts(sample.transactions, sample.as_of)
    >>> average = levers(order_curve(cohorts), lifespan(cohorts, 2), sample.economics)
    >>> brought = by_cohort(cohorts, monthly_orders(cohorts, 24), average)
    >>> brought[["customers", "at_equal_age", "historic", "projected", "clv"]].round(2)
                customers  at_equal_age  historic  projected    clv
    cohort
    1997-01-01        777         19.68     30.44       2.34  32.78
    1997-02-01        854         19.75     31.85       2.86  34.72
    1997-03-01        718         20.70     31.16       3.61  34.77
    """
    gained = value_by_age(cohorts, chosen)
    per_order = chosen.order_value * chosen.margin - _cost_per_order(chosen)
    sizes = cohorts[cohorts["age"] == 0].set_index("cohort")["size"].reindex(gained.columns)
    rows = {}
    for cohort, size in sizes.items():
        so_far = gained[cohort]
        seen = int(so_far.count())
        later = orders.iloc[seen:].to_numpy()
        rows[cohort] = {
            "customers": size,
            "months": seen,
            "at_equal_age": so_far.iloc[_EQUAL_AGE - 1] if seen >= _EQUAL_AGE else math.nan,
            "historic": so_far.iloc[seen - 1],
            "projected": float(present_value(later, chosen.annual_discount_rate, mid_periods(len(later))) * per_order),
        }
    frame = pd.DataFrame.from_dict(rows, orient="index").rename_axis("cohort")
    frame = frame.astype({"customers": "int64", "months": "int64"})
    return frame.assign(clv=frame["historic"] + frame["projected"])


def by_channel(ds: Dataset, horizon_years: int = 5, tail: Tail | None = None) -> pd.DataFrame:
    """Compute the formula for each acquisition channel, on the cohorts that it won.

    tail: None for that of the whole base (`hindsight.continuation`). Indexed by acquisition_channel, best CLV first:
    customers (who bought), order_value, orders_per_year, years, clv (before the cost to acquire), spent (currency),
    new_customers and cac (of the months whose cost is known, as `acquisition.Ledger.by_channel`; where the data tell no
    cost at all, the card's cac), and clv_to_cac, payback_months. NaN where a channel cost nothing or has too few months
    or repeat orders. Customers without a channel are of "unknown". Raises MissingTable without the column.

    >>> by_channel(shop, 2, "rising")[["customers", "clv", "cac", "clv_to_cac"]].round(2)
                         customers     clv    cac  clv_to_cac
    acquisition_channel
    store                     1005  163.70  11.53       14.20
    direct                     474  135.49    NaN         NaN
    search                    1395  124.98  35.93        3.48
    affiliate                  463  116.34  29.10        4.00
    referral                   493  115.10  19.29        5.97
    social                     865  114.38  72.29        1.58
    """
    people = ds.customers()
    if "acquisition_channel" not in people.columns:
        raise MissingTable(
            "The customers table has no column 'acquisition_channel', so there is no CLV by channel.",
            "Add it, one channel per customer: it says which channels bring customers who stay.",
        )
    channel = people["acquisition_channel"]
    nothing = {"spent": math.nan, "new_customers": math.nan, "cac": math.nan}
    paid: dict[Any, dict[Any, float]] = {}
    try:
        paid = acquisition.ledger(ds).by_channel()[list(nothing)].to_dict("index")
    except CannotAnswer:
        nothing["cac"] = ds.economics.acquisition_cost or math.nan
    rows, tail = {}, tail or continuation(ds)
    for name, cohorts in aggregate.cohorts(ds.transactions, ds.as_of, by=channel).groupby("group"):
        rows[name] = _channel(cohorts, ds.economics, paid.get(str(name), nothing), horizon_years, tail)
    frame = pd.DataFrame.from_dict(rows, orient="index").rename_axis("acquisition_channel")
    return frame.astype({"customers": "int64"}).sort_values("clv", ascending=False, kind="stable")


def _channel(
    cohorts: pd.DataFrame, economics: Economics, paid: dict[Any, float], horizon_years: int, tail: Tail
) -> dict[Any, float]:
    row: dict[Any, float] = {"customers": float(cohorts.loc[cohorts["age"] == 0, "size"].sum())}
    try:
        span = lifespan(cohorts, horizon_years, tail)
    except NotEnoughData:
        before, after = ("order_value", "orders_per_year", "years", "clv"), ("clv_to_cac", "payback_months")
        return row | dict.fromkeys(before, math.nan) | paid | dict.fromkeys(after, math.nan)
    chosen, cac = levers(order_curve(cohorts), span, economics), paid["cac"]
    worth = value_before_acquisition(chosen)
    gained = cumulative_contribution(monthly_orders(cohorts, 12 * horizon_years, tail), chosen)
    value = {
        "order_value": chosen.order_value,
        "orders_per_year": chosen.orders_per_year,
        "years": chosen.years,
        "clv": worth,
    }
    ratios = {
        "clv_to_cac": worth / cac if cac > 0 else math.nan,
        "payback_months": payback_months(gained, cac) if cac > 0 else math.nan,
    }
    return row | value | paid | ratios


def new_customer_value(cohorts: pd.DataFrame, economics: Economics) -> float:
    """Margin that a new customer brought within the horizon, from monthly `aggregate.cohorts` (currency).

    After the cost of serving orders, discounted to the first purchase (`stats`). Each age is averaged over the
    cohorts that were observed at it to its end; ages that no cohort has reached add nothing.

    >>> cohorts = aggregate.cohorts(sample.transactions, sample.as_of)
    >>> round(new_customer_value(cohorts, Economics(margin=0.4, horizon_months=12)), 2)
    34.82
    """
    seen = cohorts[cohorts["complete"] & (cohorts["age"] < economics.horizon_months)]
    ages = seen.groupby("age")[["revenue", "purchases", "size"]].sum()
    kept = economics.margin * ages["revenue"] - economics.service_cost_per_order * ages["purchases"]
    years = mid_periods(len(ages), first=-0.5)
    return float(present_value(kept / ages["size"], economics.annual_discount_rate, years))


def require_ratio(ratio: pd.Series) -> None:
    """Raise NotEnoughData when no channel has a CLV : CAC.

    >>> require_ratio(pd.Series({"search": 3.2}))  # one channel is enough; none would not be
    """
    if ratio.empty:
        raise NotEnoughData(
            "No channel has both a cost and enough repeat orders, so there is no CLV : CAC by channel.",
            "Add acquisition_cost to customers, or bring a longer history.",
        )
