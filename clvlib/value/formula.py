"""Customer lifetime value by formula: averages in, value, levers and scenarios out.

One convention everywhere, unless a function says otherwise: a customer is kept from one year to the next with
constant chance, and the money of a year counts at the start of that year, the first year undiscounted (Fader
& Hardie 2012, "Reconciling and clarifying CLV formulas"). Years count up to a horizon; without one and without
discounting this is the literature's order value × orders per year × years kept.
"""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from itertools import combinations
from typing import Literal

import pandas as pd
from scipy.optimize import brentq

from clvlib.errors import CannotAnswer, UsageError
from clvlib.language import message, phrase, translated

Timing = Literal["start of year", "end of year", "end of year, if still kept"]


def require_horizon(horizon_years: float) -> None:
    """Raise UsageError unless the horizon is at least one year.

    >>> require_horizon(5)
    """
    if not horizon_years >= 1:
        raise UsageError(
            phrase("horizon_years is {years}.", years=horizon_years), "The first year always counts: give 1 or more."
        )


@dataclass(frozen=True)
class Levers:
    """An average new customer, and what the shop spends on one.

    order_value: money per order. orders_per_year: orders in the first year, the first one included.
    years: years kept within horizon_years, counted in years like the first. margin: contribution margin on
    revenue, 0 to 1.
    service_cost_per_order, retention_cost_per_year, acquisition_cost: money. annual_discount_rate: 0.10 means that
    money a year from now is worth 1 / 1.10 today. horizon_years: years that count; math.inf for the endless formula.

    Raises UsageError naming every value that is negative or not finite, a margin above 1, or a horizon below 1.

    >>> average = Levers(order_value=50, orders_per_year=4, years=2.5, margin=0.4, acquisition_cost=30)
    >>> average.annual_discount_rate, clv(average)
    (0.0, 170.0)
    """

    order_value: float
    orders_per_year: float
    years: float
    margin: float = 1.0
    service_cost_per_order: float = 0.0
    retention_cost_per_year: float = 0.0
    acquisition_cost: float = 0.0
    annual_discount_rate: float = 0.0
    horizon_years: float = math.inf

    def __post_init__(self) -> None:
        numbers = {name: value for name, value in asdict(self).items() if name != "horizon_years"}
        wrong = {name: value for name, value in numbers.items() if not 0 <= value < math.inf}
        if not wrong and self.margin > 1:
            wrong = {"margin": self.margin}
        require_horizon(self.horizon_years)
        if wrong:
            listed = ", ".join(f"{name} = {value}" for name, value in wrong.items())
            raise UsageError(
                phrase("{n} value(s) can't be used in the formula: {listed}.", n=len(wrong), listed=listed),
                "Give finite numbers of 0 or more, and a margin of at most 1 (0.35 for 35 %).",
            )


_SWING = 0.1  # by what share of itself a tornado moves each lever
_MOVABLE = tuple(field.name for field in fields(Levers) if field.name != "horizon_years")
NAMES = message(
    {
        "order_value": "order value",
        "orders_per_year": "orders per year",
        "years": "years kept",
        "margin": "margin",
        "service_cost_per_order": "cost to serve an order",
        "retention_cost_per_year": "cost to keep a customer a year",
        "acquisition_cost": "cost to acquire",
        "annual_discount_rate": "discount rate",
        "churn": "yearly churn",
    }
)


def simple_clv(order_value: float, orders_per_year: float, years: float) -> float:
    """Multiply order value, orders per year and years kept: a life's revenue, the literature's formula.

    >>> simple_clv(order_value=50, orders_per_year=104, years=5)
    26000.0
    """
    return clv(Levers(order_value, orders_per_year, years))


def years_within(retention: float, horizon_years: float) -> float:
    """Give the years kept that count within the horizon, at a constant yearly retention r: (1 − r^H) / (1 − r).

    The first year is one of them. An endless horizon (math.inf) gives the literature's 1 / (1 − r).

    >>> round(years_within(0.6, horizon_years=5), 2), round(years_within(0.6, math.inf), 2)
    (2.31, 2.5)
    """
    if retention == 1:
        return horizon_years
    return (1 - retention**horizon_years) / (1 - retention)


def retention_within(years: float, horizon_years: float) -> float:
    """Give the constant yearly retention, 0 to 1, at which `years` years count within the horizon.

    It inverts `years_within`; 0 for one year or less, 1 from the whole horizon on.

    >>> round(retention_within(2.5, horizon_years=math.inf), 2), round(retention_within(2.5, horizon_years=5), 3)
    (0.6, 0.644)
    """
    if years <= 1:
        return 0.0
    if math.isinf(horizon_years):
        return 1 - 1 / years
    most = 1 - 1e-9
    if years >= years_within(most, horizon_years):
        return 1.0
    return float(brentq(lambda retention: years_within(retention, horizon_years) - years, 0, most))


def discounted_years(years: float, annual_discount_rate: float, horizon_years: float = math.inf) -> float:
    """Give the years that count once later money is discounted: 1 + r/(1+d) + (r/(1+d))² + … over the horizon.

    r is the retention that gives `years` (`retention_within`). Equals `years` at a rate of 0.

    >>> round(discounted_years(2.5, annual_discount_rate=0.1), 2)
    2.2
    """
    retention = retention_within(years, horizon_years)
    counted = years_within(retention / (1 + annual_discount_rate), horizon_years)
    return years * counted / years_within(retention, horizon_years)


def yearly_margin(levers: Levers) -> float:
    """Give what an average customer leaves in a year like the first, once served and kept (money).

    >>> yearly_margin(Levers(50, 4, 2.5, margin=0.4, service_cost_per_order=5, retention_cost_per_year=10))
    50.0
    """
    per_order = levers.order_value * levers.margin - levers.service_cost_per_order
    return levers.orders_per_year * per_order - levers.retention_cost_per_year


def clv(levers: Levers) -> float:
    """Give lifetime value (money per customer): yearly margin × discounted years − cost to acquire.

    >>> clv(Levers(50, 4, 2.5, margin=0.4, acquisition_cost=30))
    170.0
    """
    return value_before_acquisition(levers) - levers.acquisition_cost


def value_before_acquisition(levers: Levers) -> float:
    """Give lifetime value before the cost to acquire: what CLV : CAC compares with that cost.

    >>> value_before_acquisition(Levers(50, 4, 2.5, margin=0.4, acquisition_cost=30))
    200.0
    """
    return yearly_margin(levers) * discounted_years(levers.years, levers.annual_discount_rate, levers.horizon_years)


def retention_clv(
    margin_per_year: float, retention: float, annual_discount_rate: float, timing: Timing = "start of year"
) -> float:
    """Give the value of `margin_per_year` for ever, at a constant yearly retention r and discount rate d.

    timing "start of year": the first margin comes now, for certain: m (1+d) / (1+d−r). "end of year": in a year, for
    certain: m / (1+d−r). "end of year, if still kept": only customers kept to the year's end pay: m r / (1+d−r), Gupta
    & Lehmann (2003). Raises UsageError when retention is not in 0 … 1 or the sum is endless (r = 1 and d = 0).

    >>> round(retention_clv(100, retention=0.6, annual_discount_rate=0.1), 1)
    220.0
    """
    r, d = retention, annual_discount_rate
    if not (0 <= r < 1 or (r == 1 and d > 0)):
        raise UsageError(
            phrase("Retention is {share}.", share=r),
            "Give a share from 0 to less than 1 (0.6 for 60 %); nobody stays for ever.",
        )
    factors = {"start of year": 1 + d, "end of year": 1.0, "end of year, if still kept": r}
    if timing not in factors:
        raise UsageError(
            phrase("Timing {timing!r} is not known.", timing=timing),
            phrase("Choose one of: {names}.", names="; ".join(factors)),
        )
    return margin_per_year * factors[timing] / (1 + d - r)


def breakdown(levers: Levers) -> pd.Series:
    """Walk from revenue to CLV: `amount` by step (money per customer, costs negative), which sum to `clv(levers)`.

    >>> breakdown(Levers(50, 4, 2.5, 0.4, 2, acquisition_cost=30, annual_discount_rate=0.1)).round(1)
    step
    Revenue                 500.0
    Goods                  -300.0
    Serving orders          -20.0
    Keeping the customer     -0.0
    Waiting (discount)      -21.6
    Acquiring               -30.0
    Name: amount, dtype: float64
    """
    revenue = levers.order_value * levers.orders_per_year * levers.years
    served = levers.service_cost_per_order * levers.orders_per_year * levers.years
    amounts = {
        message("Revenue"): revenue,
        message("Goods"): -revenue * (1 - levers.margin),
        message("Serving orders"): -served,
        message("Keeping the customer"): -levers.retention_cost_per_year * levers.years,
        message("Waiting (discount)"): value_before_acquisition(levers) - yearly_margin(levers) * levers.years,
        message("Acquiring"): -levers.acquisition_cost,
    }
    return pd.Series(amounts, name="amount", dtype=float).rename_axis("step")


def change(levers: Levers, factors: Mapping[str, float]) -> Levers:
    """Multiply levers by factors.

    {"order_value": 1.15} is +15 % on the basket, {"churn": 0.75} is −25 % on the constant yearly churn that gives
    these years within the horizon, beyond which they never grow. Raises UsageError for a lever that doesn't exist.

    >>> change(Levers(order_value=50, orders_per_year=4, years=2.5), {"order_value": 1.2}).order_value
    60.0
    """
    unknown = [name for name in factors if name not in {*_MOVABLE, "churn"}]
    if unknown:
        known = ", ".join(sorted(_MOVABLE))
        raise UsageError(
            phrase("Unknown lever(s): {names}.", names=", ".join(unknown)),
            phrase("Known: {known}, churn.", known=known),
        )
    values = {name: getattr(levers, name) * factor for name, factor in factors.items() if name != "churn"}
    years, horizon = values.get("years", levers.years), levers.horizon_years
    if "churn" in factors:
        retention = retention_within(years, horizon)
        less = max(0.0, 1 - (1 - retention) * factors["churn"])
        years *= years_within(less, horizon) / years_within(retention, horizon)
    # Customers who order more as they age may count more years than the horizon has: that much is theirs already.
    values["years"] = min(years, max(horizon, levers.years))
    return replace(levers, **values)


def elasticities(levers: Levers) -> pd.Series:
    """Give by how many percent CLV changes when order value, orders a year or years rise by one, the others unchanged.

    Returns a Series indexed by lever, for small changes (central difference in logarithms).
    Raises CannotAnswer when CLV is zero or negative: a percentage of it would mean nothing.

    >>> elasticities(Levers(50, 4, 2.5, margin=0.4, service_cost_per_order=5, acquisition_cost=30)).round(2)
    lever
    order_value        1.67
    orders_per_year    1.25
    years              1.25
    Name: elasticity, dtype: float64
    """
    today, step = clv(levers), 1e-4
    if today <= 0:
        raise CannotAnswer(
            phrase("An average customer costs more than it brings (CLV = {clv:.2f}).", clv=today),
            "Percentages of that would mean nothing. Check margin and costs in the dataset card.",
        )
    slopes = {
        name: (clv(change(levers, {name: 1 + step})) - clv(change(levers, {name: 1 - step})))
        / (math.log1p(step) - math.log1p(-step))
        / today
        for name in ("order_value", "orders_per_year", "years")
    }
    return pd.Series(slopes, name="elasticity", dtype=float).rename_axis("lever")


def tornado(levers: Levers) -> pd.DataFrame:
    """Move each lever down and up by a tenth, the others unchanged.

    Returns a frame indexed by lever, widest first: `down` and `up` (the change of CLV in money when the lever is
    multiplied by 0.9 and by 1.1), `span` (the distance between the two). A lever that is 0, or a margin that would pass
    100 %, is left out; years end at the horizon.

    >>> tornado(Levers(50, 4, 2.5, margin=0.4, acquisition_cost=30)).tail(2).round(1)
                      down    up  span
    lever
    margin           -20.0  20.0  40.0
    acquisition_cost   3.0  -3.0   6.0
    """
    today = clv(levers)
    moving = [name for name in _MOVABLE if getattr(levers, name) > 0]
    if levers.margin * (1 + _SWING) > 1:
        moving.remove("margin")
    rows = {
        name: {
            "down": clv(change(levers, {name: 1 - _SWING})) - today,
            "up": clv(change(levers, {name: 1 + _SWING})) - today,
        }
        for name in moving
    }
    frame = pd.DataFrame.from_dict(rows, orient="index", columns=["down", "up"]).rename_axis("lever")
    frame["span"] = (frame["up"] - frame["down"]).abs()
    # Levers of equal swing keep their order, whatever the last bit of a sum says on this machine.
    widest_first = (-(frame["span"] / frame["span"].max()).round(9)).sort_values(kind="stable").index
    return frame.loc[widest_first]


def promised(horizon_years: float = math.inf) -> dict[str, dict[str, float]]:
    """Give the scenarios often quoted, as factors on levers; what a retention of 75 % adds depends on the horizon.

    >>> {name: round(factor, 2) for name, factor in promised(5)["Retention 60 % → 75 % (programme)"].items()}
    {'years': 1.32}
    """
    longer = years_within(0.75, horizon_years) / years_within(0.60, horizon_years)
    return {
        message("Lifetime +30 % (subscription)"): {"years": 1.30},
        message("Basket +15 % and frequency +20 % (e-commerce)"): {"order_value": 1.15, "orders_per_year": 1.20},
        message("Churn −25 % (SaaS)"): {"churn": 0.75},
        message("Retention 60 % → 75 % (programme)"): {"years": longer},
    }


def scenarios(levers: Levers) -> pd.DataFrame:
    """Price each scenario often quoted (`promised`) on these levers.

    Indexed by scenario: `clv` (money per customer), `change` (money against today), `change_share` (of it; NaN when
    today's CLV is not positive), `formula_share` (the slide's arithmetic: the change of plain revenue without end).

    >>> table = scenarios(Levers(50, 4, 2.5, margin=0.4, horizon_years=5, acquisition_cost=30))
    >>> table[["change", "formula_share"]].round(2)
                                                   change  formula_share
    scenario
    Lifetime +30 % (subscription)                   60.00           0.30
    Basket +15 % and frequency +20 % (e-commerce)   76.00           0.38
    Churn −25 % (SaaS)                              36.38           0.33
    Retention 60 % → 75 % (programme)               64.64           0.60
    """
    today, endless = clv(levers), replace(levers, horizon_years=math.inf)
    rows = {}
    for name, factors in promised(levers.horizon_years).items():
        worth = clv(change(levers, factors))
        slide = _revenue(change(endless, promised()[name]))
        rows[name] = {
            "clv": worth,
            "change": worth - today,
            "change_share": worth / today - 1 if today > 0 else math.nan,
            "formula_share": slide / _revenue(levers) - 1 if _revenue(levers) > 0 else math.nan,
        }
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("scenario")


def _revenue(levers: Levers) -> float:
    return levers.order_value * levers.orders_per_year * levers.years


def decompose(levers: Levers, factors: Mapping[str, float]) -> pd.DataFrame:
    """Split the change of CLV, when levers move together, into own effects and what only their meeting adds.

    The term of a set of levers is the change that none of its smaller sets explains (Harsanyi dividends; in two levers
    the rectangle ΔA × ΔB). Indexed by term ("order value", "order value × years kept", …): `levers` (how many),
    `effect` (money; they sum to the total change), `share` (of that; NaN when it is zero).

    >>> decompose(Levers(50, 4, 2.5), {"order_value": 1.1, "orders_per_year": 1.3}).round(2)
                                   levers  effect  share
    term
    order value                         1    50.0   0.23
    orders per year                     1   150.0   0.70
    order value × orders per year       2    15.0   0.07
    """
    names = list(factors)
    terms: dict[tuple[str, ...], float] = {}
    for chosen in (chosen for size in range(len(names) + 1) for chosen in combinations(names, size)):
        worth = clv(change(levers, {name: factors[name] for name in chosen}))
        terms[chosen] = worth - sum(term for part, term in terms.items() if set(part) < set(chosen))
    del terms[()]
    frame = pd.DataFrame(
        {"levers": [len(chosen) for chosen in terms], "effect": list(terms.values())},
        index=pd.Index([" × ".join(translated(NAMES.get(n, n)) for n in chosen) for chosen in terms], name="term"),
    )
    total = frame["effect"].sum()
    return frame.assign(share=frame["effect"] / total if total else math.nan)


def clv_to_cac(levers: Levers) -> float:
    """Give CLV : CAC, value before acquisition over the cost to acquire.

    Raises CannotAnswer when that cost is not known.

    >>> round(clv_to_cac(Levers(50, 4, 2.5, margin=0.4, acquisition_cost=30)), 2)
    6.67
    """
    if levers.acquisition_cost == 0:
        raise CannotAnswer(
            "The cost to acquire a customer is not known.",
            "Add acquisition_cost to [economics] in the dataset card, or as a column of customers.",
        )
    return value_before_acquisition(levers) / levers.acquisition_cost
