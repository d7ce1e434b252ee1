"""Customer lifetime value by formula: averages in, value, levers and scenarios out.

One convention everywhere, unless a function says otherwise: a customer is kept from one year to the next with
constant chance, and the money of a year counts at the start of that year, the first year undiscounted (Fader
& Hardie 2012, "Reconciling and clarifying CLV formulas"). Without discounting this is the literature's order
value × orders per year × years kept.
"""

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, fields, replace
from itertools import combinations
from typing import Literal

import pandas as pd

from clvlib.tables import CannotAnswer, UsageError

Timing = Literal["start of year", "end of year", "end of year, if still kept"]


@dataclass(frozen=True)
class Levers:
    """An average new customer, and what the shop spends on one.

    order_value: money per order. orders_per_year: orders in the first year, the first one included.
    years: years kept, counted in years like the first. margin: contribution margin on revenue, 0 to 1.
    service_cost_per_order, retention_cost_per_year, acquisition_cost: money.
    annual_discount_rate: 0.10 means that money a year from now is worth 1 / 1.10 today.

    Raises UsageError naming every value that is negative or not a finite number, or a margin above 1.
    """

    order_value: float
    orders_per_year: float
    years: float
    margin: float = 1.0
    service_cost_per_order: float = 0.0
    retention_cost_per_year: float = 0.0
    acquisition_cost: float = 0.0
    annual_discount_rate: float = 0.0

    def __post_init__(self) -> None:
        wrong = {name: value for name, value in asdict(self).items() if not 0 <= value < math.inf}
        if not wrong and self.margin > 1:
            wrong = {"margin": self.margin}
        if wrong:
            listed = ", ".join(f"{name} = {value}" for name, value in wrong.items())
            raise UsageError(
                f"{len(wrong)} value(s) can't be used in the formula: {listed}.",
                "Give finite numbers of 0 or more, and a margin of at most 1 (0.35 for 35 %).",
            )


LEVERS = ("order_value", "orders_per_year", "years")
NAMES = {
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


def simple_clv(order_value: float, orders_per_year: float, years: float) -> float:
    """Multiply order value, orders per year and years kept: a life's revenue, the literature's formula."""
    return clv(Levers(order_value, orders_per_year, years))


def discounted_years(years: float, annual_discount_rate: float) -> float:
    """Give the years that count once later money is discounted.

    That is 1 + r/(1+d) + (r/(1+d))² + …, with r = 1 − 1/years. Equals `years` at a rate of 0. Below one year
    it is the same expression continued, (1 + d) / (d + 1/years).
    """
    if years == 0:
        return 0.0
    return (1 + annual_discount_rate) / (annual_discount_rate + 1 / years)


def yearly_margin(levers: Levers) -> float:
    """Give what an average customer leaves in a year like the first, once served and kept (money)."""
    per_order = levers.order_value * levers.margin - levers.service_cost_per_order
    return levers.orders_per_year * per_order - levers.retention_cost_per_year


def clv(levers: Levers) -> float:
    """Give lifetime value, money per customer: yearly margin × discounted years − cost to acquire."""
    return value_before_acquisition(levers) - levers.acquisition_cost


def value_before_acquisition(levers: Levers) -> float:
    """Give lifetime value before the cost to acquire: what CLV : CAC compares with that cost."""
    return yearly_margin(levers) * discounted_years(levers.years, levers.annual_discount_rate)


def years_from_retention(retention: float) -> float:
    """Give the mean years a customer is kept, the first included, at a constant yearly retention: 1/(1−r)."""
    return 1 / (1 - _retention(retention))


def retention_from_years(years: float) -> float:
    """Give the yearly retention, 0 to 1, at which customers stay `years` years on average: 1 − 1/years."""
    if not 1 <= years < math.inf:
        raise UsageError(f"Years kept is {years}.", "The first year is always counted: give 1 or more.")
    return 1 - 1 / years


def retention_clv(
    margin_per_year: float,
    retention: float,
    annual_discount_rate: float,
    timing: Timing = "start of year",
) -> float:
    """Give the value of `margin_per_year` for ever, at a constant yearly retention r and discount rate d.

    timing "start of year": the first margin comes now, for certain: m (1+d) / (1+d−r). "end of year": the
    first one comes in a year, for certain: m / (1+d−r). "end of year, if still kept": only customers kept to
    the year's end pay: m r / (1+d−r), Gupta & Lehmann (2003). Raises UsageError when retention is not in 0 …
    1 or nothing makes the sum finite (r = 1 and d = 0).
    """
    r, d = _retention(retention, certain=annual_discount_rate > 0), annual_discount_rate
    factors = {"start of year": 1 + d, "end of year": 1.0, "end of year, if still kept": r}
    if timing not in factors:
        raise UsageError(f"Timing {timing!r} is not known.", f"Choose one of: {'; '.join(factors)}.")
    return margin_per_year * factors[timing] / (1 + d - r)


def _retention(retention: float, certain: bool = False) -> float:
    if not (0 <= retention < 1 or (certain and retention == 1)):
        raise UsageError(
            f"Retention is {retention}.",
            "Give a share from 0 to less than 1 (0.6 for 60 %); nobody stays for ever.",
        )
    return retention


def breakdown(levers: Levers) -> pd.DataFrame:
    """Walk from revenue to CLV.

    Returns a frame indexed by step: `amount` (money per customer, costs negative), `running` (their sum so
    far). The amounts sum to `clv(levers)`.
    """
    revenue = levers.order_value * levers.orders_per_year * levers.years
    served = levers.service_cost_per_order * levers.orders_per_year * levers.years
    amounts = {
        "Revenue": revenue,
        "Goods": -revenue * (1 - levers.margin),
        "Serving orders": -served,
        "Keeping the customer": -levers.retention_cost_per_year * levers.years,
        "Waiting (discount)": value_before_acquisition(levers) - yearly_margin(levers) * levers.years,
        "Acquiring": -levers.acquisition_cost,
    }
    amount = pd.Series(amounts, name="amount", dtype=float).rename_axis("step")
    return pd.DataFrame({"amount": amount, "running": amount.cumsum()})


def change(levers: Levers, factors: Mapping[str, float]) -> Levers:
    """Multiply levers by factors.

    {"order_value": 1.15} is +15 % on the basket, {"churn": 0.75} is −25 % on churn. Yearly churn is 1 / years
    kept, so a factor on churn divides the years. Raises UsageError for a lever that doesn't exist.
    """
    known = {field.name for field in fields(Levers)}
    unknown = [name for name in factors if name not in known | {"churn"}]
    if unknown:
        raise UsageError(f"Unknown lever(s): {', '.join(unknown)}.", f"Known: {', '.join(sorted(known))}, churn.")
    values = {name: getattr(levers, name) * factor for name, factor in factors.items() if name != "churn"}
    if "churn" in factors:
        values["years"] = values.get("years", levers.years) / factors["churn"]
    return replace(levers, **values)


def elasticities(levers: Levers, names: Iterable[str] = LEVERS) -> pd.Series:
    """Give by how many percent CLV changes when a lever rises by one percent, the others unchanged.

    Returns a Series indexed by lever, for small changes (central difference in logarithms).
    Raises CannotAnswer when CLV is zero or negative: a percentage of it would mean nothing.
    """
    _positive(levers)
    step = 1e-4
    slopes = {
        name: (clv(change(levers, {name: 1 + step})) - clv(change(levers, {name: 1 - step})))
        / (math.log1p(step) - math.log1p(-step))
        / clv(levers)
        for name in names
    }
    return pd.Series(slopes, name="elasticity", dtype=float).rename_axis("lever")


def tornado(levers: Levers, share: float = 0.1, names: Iterable[str] | None = None) -> pd.DataFrame:
    """Move each lever down and up by `share`, the others unchanged.

    Returns a frame indexed by lever, widest first: `down` and `up` (the change of CLV in money when the lever is
    multiplied by 1−share and by 1+share), `span` (the distance between the two). A lever that is 0, or a margin that
    would pass 100 %, is left out.
    """
    today = clv(levers)
    chosen = [field.name for field in fields(Levers)] if names is None else list(names)
    rows = {
        name: {
            "down": clv(change(levers, {name: 1 - share})) - today,
            "up": clv(change(levers, {name: 1 + share})) - today,
        }
        for name in chosen
        if _moves(levers, name, share)
    }
    frame = pd.DataFrame.from_dict(rows, orient="index", columns=["down", "up"]).rename_axis("lever")
    frame["span"] = (frame["up"] - frame["down"]).abs()
    # Levers of equal swing keep their order, whatever the last bit of a sum says on this machine.
    widest_first = (-(frame["span"] / frame["span"].max()).round(9)).sort_values(kind="stable").index
    return frame.loc[widest_first]


def _moves(levers: Levers, name: str, share: float) -> bool:
    if name == "margin":
        return 0 < levers.margin * (1 + share) <= 1
    return name == "churn" or getattr(levers, name) > 0


SCENARIOS: dict[str, dict[str, float]] = {
    "Lifetime +30 % (subscription)": {"years": 1.30},
    "Basket +15 % and frequency +20 % (e-commerce)": {"order_value": 1.15, "orders_per_year": 1.20},
    "Churn −25 % (SaaS)": {"churn": 0.75},
    "Retention 60 % → 75 % (programme)": {"churn": (1 - 0.75) / (1 - 0.60)},
}
"""What the subject's literature promises. Retention from 60 to 75 % is churn from 40 to 25 %: the last one
cuts the shop's own churn by the same proportion, since its own retention is rarely 60 %."""


def scenarios(levers: Levers, chosen: Mapping[str, Mapping[str, float]] = SCENARIOS) -> pd.DataFrame:
    """Price each scenario on these levers.

    Returns a frame indexed by scenario: `clv` (money per customer), `change` (money against today),
    `change_share` (against today; NaN when today's CLV is not positive), `formula_share` (the change of plain
    revenue, order value × orders per year × years, which is what the literature quotes).
    """
    today, plain = clv(levers), _revenue(levers)
    rows = {}
    for name, factors in chosen.items():
        changed = change(levers, factors)
        rows[name] = {
            "clv": clv(changed),
            "change": clv(changed) - today,
            "change_share": clv(changed) / today - 1 if today > 0 else math.nan,
            "formula_share": _revenue(changed) / plain - 1 if plain > 0 else math.nan,
        }
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("scenario")


def _revenue(levers: Levers) -> float:
    return levers.order_value * levers.orders_per_year * levers.years


def programme_gain(before: float, after: float, annual_discount_rate: float, timing: Timing) -> float:
    """Give the relative gain in CLV when retention rises from `before` to `after`, all else unchanged."""
    gained = retention_clv(1.0, after, annual_discount_rate, timing)
    return gained / retention_clv(1.0, before, annual_discount_rate, timing) - 1


def decompose(levers: Levers, factors: Mapping[str, float]) -> pd.DataFrame:
    """Split the change of CLV, when levers move together, into own effects and what only their meeting adds.

    The term of a set of levers is the change that none of its smaller sets explains (Harsanyi dividends; in
    two levers the familiar rectangle ΔA × ΔB). Returns a frame indexed by term ("order value", "order value ×
    years kept", …): `levers` (how many), `effect` (money), `share` (of the total change; NaN when the total
    is zero). The effects sum exactly to the total change.
    """
    return dividends(lambda chosen: clv(change(levers, {name: factors[name] for name in chosen})), list(factors))


def dividends(value: Callable[[tuple[str, ...]], float], names: list[str]) -> pd.DataFrame:
    """Split value(all names) − value(none) into one term for each set of names; see `decompose`."""
    sets = [chosen for size in range(len(names) + 1) for chosen in combinations(names, size)]
    terms: dict[tuple[str, ...], float] = {}
    for chosen in sets:
        terms[chosen] = value(chosen) - sum(term for part, term in terms.items() if set(part) < set(chosen))
    del terms[()]
    frame = pd.DataFrame(
        {"levers": [len(chosen) for chosen in terms], "effect": list(terms.values())},
        index=pd.Index([" × ".join(NAMES.get(n, n) for n in chosen) for chosen in terms], name="term"),
    )
    total = frame["effect"].sum()
    return frame.assign(share=frame["effect"] / total if total else math.nan)


def clv_to_cac(levers: Levers) -> float:
    """Give CLV : CAC, value before acquisition over the cost to acquire.

    Raises CannotAnswer when that cost is not known.
    """
    if levers.acquisition_cost == 0:
        raise CannotAnswer(
            "The cost to acquire a customer is not known.",
            "Add acquisition_cost to [economics] in the dataset card, or as a column of customers.",
        )
    return value_before_acquisition(levers) / levers.acquisition_cost


def _positive(levers: Levers) -> None:
    if clv(levers) <= 0:
        raise CannotAnswer(
            f"An average customer costs more than it brings (CLV = {clv(levers):.2f}).",
            "Percentages of that would mean nothing. Check margin and costs in the dataset card.",
        )
