"""What CLV, payback and the base would be, were the levers moved: closed forms that a page can compute as well.

The sliders of the report compute the same (`run/report.js`); a test moves them and compares.
"""

from collections.abc import Mapping
from itertools import permutations
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from clvlib import aggregate
from clvlib.models.scoring import FACTORS
from clvlib.value.equity import Valuation
from clvlib.value.formula import Levers, retention_within, years_within
from clvlib.value.hindsight import continuation
from clvlib.value.lifespan import levers, lifespan, monthly_orders, order_curve

if TYPE_CHECKING:
    from clvlib.dataset import Dataset

MOVES: dict[str, float] = {  # what can be moved, and where it stands when nothing is
    "basket": 100,  # percent of the order value
    "frequency": 100,  # percent of the orders a year
    "churn": 100,  # percent of the yearly churn
    "margin": 0,  # points more of revenue
    "cac": 100,  # percent of the cost to acquire
    "discount": 0,  # points more of the yearly discount rate
    "horizon": 0,  # years more
}
MAKE_REVENUE = ("basket", "frequency", "churn")  # the three that make revenue; the rest is one part of the split


def what_if(ds: "Dataset", now: Valuation, horizon_years: int) -> dict[str, Any]:
    """What the page needs, as plain numbers of nine digits: the last ones differ between processors.

    given: `ingredients` of the average new customer, as in notebook 01, and of the base as valued `now`; still:
    `MOVES`; today: the `outcome` when nothing is moved (None where NaN).

    Raises NotEnoughData as `lifespan.lifespan`.

    >>> from clvlib.value.equity import value_base
    >>> page = what_if(sample, value_base(history, sample.as_of, sample.economics), horizon_years=3)
    >>> round(page["today"]["clv"], 1), round(page["today"]["base"], -2), page["today"]["payback"]
    (43.3, 23300.0, None)
    """
    cohorts, tail = aggregate.cohorts(ds.transactions, ds.as_of), continuation(ds)
    span = lifespan(cohorts, horizon_years, tail)
    average = levers(order_curve(cohorts), span, ds.economics)
    given = ingredients(average, monthly_orders(cohorts, 12 * horizon_years, tail), now.customers)
    given = {name: _settled(figure) for name, figure in given.items()}
    today = {name: None if np.isnan(figure) else _settled(figure) for name, figure in outcome(given, {}).items()}
    return {"given": given, "still": MOVES, "today": today}


def ingredients(average: Levers, orders: pd.Series, base: pd.DataFrame) -> dict[str, Any]:
    """All that the closed forms need, as plain numbers.

    average: a new customer, with a horizon. orders: orders per customer by month of age
    (`lifespan.monthly_orders`). base: `scoring.factors` of today's customers. Of these, purchases (discounted, expected
    within the card's horizon) and their spend are given; years_beyond: by how much more orders count than the horizon
    has years, where customers order more as they age.

    >>> average = Levers(50, 4, 2.5, margin=0.4, acquisition_cost=30, horizon_years=5)
    >>> given = ingredients(average, pd.Series([1.0, 0.5]), foreseen_base)
    >>> round(given["retention"], 3), round(given["base_purchases"])
    (0.644, 2054)
    """
    retention = retention_within(average.years, average.horizon_years)
    purchases = base[FACTORS[0]] * base[FACTORS[1]]
    contribution = float((purchases * base[FACTORS[2]]).sum())
    served = average.service_cost_per_order * float(purchases.sum())
    return {
        **{name: float(getattr(average, name)) for name in ("order_value", "orders_per_year", "margin")},
        **{name: float(getattr(average, name)) for name in ("service_cost_per_order", "retention_cost_per_year")},
        "acquisition_cost": float(average.acquisition_cost),
        "annual_discount_rate": float(average.annual_discount_rate),
        "horizon_years": int(average.horizon_years),
        "retention": retention,
        "years_beyond": average.years / years_within(retention, average.horizon_years),
        "orders": [float(each) for each in orders],
        "base_purchases": float(purchases.sum()),
        "base_spend": (contribution + served) / average.margin if average.margin > 0 else 0.0,
    }


def outcome(given: Mapping[str, Any], moves: Mapping[str, float]) -> dict[str, float]:
    """What follows from `moves` (names of MOVES; those left out stand still), from `ingredients`.

    clv, base (currency), clv_to_cac, payback (months; both NaN without a cost to acquire, payback also where it doesn't
    come back within the months known), and by_basket, by_frequency, by_churn, by_rest: what each adds to CLV (Shapley
    1953: its mean effect over all orders in which the four could be moved), which sum to the change.

    >>> average = Levers(50, 4, 2.5, margin=0.4, acquisition_cost=30, horizon_years=5)
    >>> given = ingredients(average, pd.Series([1.0, 0.5]), foreseen_base)
    >>> {name: round(value, 2) for name, value in outcome(given, {"basket": 110}).items()}
    {'clv': 190.0, 'clv_to_cac': 7.33, 'payback': 2.0, 'base': 25630.59,
     'by_basket': 20.0, 'by_frequency': 0.0, 'by_churn': 0.0, 'by_rest': 0.0}
    """
    at = {**MOVES, **moves}
    value = given["order_value"] * at["basket"] / 100
    often, cac = at["frequency"] / 100, given["acquisition_cost"] * at["cac"] / 100
    margin = given["margin"] + at["margin"] / 100
    clv = _clv(given, at)
    keeping = given["retention_cost_per_year"] / (given["orders_per_year"] * often) if often else 0.0
    gained = np.cumsum(given["orders"]) * often * (value * margin - given["service_cost_per_order"] - keeping)
    back = gained >= cac * (1 - 1e-9)
    spend = given["base_spend"] * at["basket"] / 100
    base = often * (spend * margin - given["base_purchases"] * given["service_cost_per_order"])
    return {
        "clv": clv,
        "clv_to_cac": (clv + cac) / cac if cac > 0 else np.nan,
        "payback": float(back.argmax() + 1) if cac > 0 and back.any() else np.nan,
        "base": base,
        **_split(given, at),
    }


def _settled(figure: Any) -> Any:
    if isinstance(figure, list):
        return [_settled(each) for each in figure]
    return float(f"{figure:.9g}") if isinstance(figure, float) else figure


def _clv(given: Mapping[str, Any], at: Mapping[str, float]) -> float:
    orders = given["orders_per_year"] * at["frequency"] / 100
    left = (
        given["order_value"] * at["basket"] / 100 * (given["margin"] + at["margin"] / 100)
        - given["service_cost_per_order"]
    )
    retention = max(0.0, 1 - (1 - given["retention"]) * at["churn"] / 100)
    rate = given["annual_discount_rate"] + at["discount"] / 100
    years = years_within(retention / (1 + rate), given["horizon_years"] + at["horizon"]) * given["years_beyond"]
    return float(
        (orders * left - given["retention_cost_per_year"]) * years - given["acquisition_cost"] * at["cac"] / 100
    )


def _split(given: Mapping[str, Any], at: Mapping[str, float]) -> dict[str, float]:
    players = [(name,) for name in MAKE_REVENUE] + [tuple(name for name in MOVES if name not in MAKE_REVENUE)]
    added = np.zeros(len(players))
    ways = list(permutations(range(len(players))))
    for way in ways:
        now = dict(MOVES)
        before = _clv(given, now)
        for player in way:
            now |= {name: at[name] for name in players[player]}
            after = _clv(given, now)
            added[player] += (after - before) / len(ways)
            before = after
    return {f"by_{name}": float(part) for name, part in zip((*MAKE_REVENUE, "rest"), added, strict=True)}
