"""Cohorts and customer summaries → the averages that the CLV formula needs, above all the years kept.

Where no contract says when a customer leaves, "years kept" is not observed. It is read here from what whole
cohorts (one-time buyers included) order month after month: the years kept are the number of years like the
first one that an average new customer's orders add up to. Months not yet observed follow one of two tails:

* "constant": every later month loses the same share of orders (the literature's constant retention), read
  from the later half of the observed months. Too short when customers differ, because the leavers go first.
* "rising": orders fall with a power of the age, so that retention rises as the loyal remain (the shape that
  customers of differing constancy give together: Fader & Hardie 2010, "The perils of ignoring heterogeneity").

Both need orders that fall with age. A season that falls looks the same in one cohort, so that cohorts of different
ages are compared in the same month; in a history of two years or more, in the same month of the year. Where that shows
no fall beyond the noise between cohorts, the months can't tell how long customers stay, and a horizon of which less
than half was seen is refused.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd
from scipy.special import logsumexp
from scipy.stats import t as student

from clvlib.dataset import Economics
from clvlib.errors import NotEnoughData, UsageError
from clvlib.language import message, phrase
from clvlib.stats import DAYS_PER_YEAR, Array, differs, present_value
from clvlib.value.formula import Levers, require_horizon, yearly_margin

Tail = Literal["constant", "rising"]
TAILS: tuple[Tail, ...] = ("constant", "rising")
HORIZONS = (1, 2, 3, 5, 10)  # years
METHODS: dict[Tail, str] = message(
    {
        "constant": "Cohorts, constant retention",
        "rising": "Cohorts, rising retention",
    }
)
_TAILS: dict[Tail, str] = message({"constant": "constant retention", "rising": "rising retention"})

MIN_MONTHS = 3
_MIN_REPEATS = 10
_MIN_SHARE = 0.1
_SEEN = 0.5  # from this part of a horizon's orders on, a tail that doesn't fall changes little
_CHANCE = 0.05  # how often a level curve may be taken for one that falls
_NOTHING, _STEEP = 1e-9, 20.0  # what cells must tell to be compared; a slope beyond which nothing is left
_YEARS = 24  # months of age from which on every month of the year was seen twice


def historic_value(rfm: pd.DataFrame, economics: Economics, brought: pd.DataFrame) -> pd.Series:
    """Give what each customer has brought so far (money): contribution − cost to serve orders − cost to keep.

    `rfm` is `aggregate.rfm_summary` in days, `brought` is `aggregate.brought` of the same day. Neither the cost to
    acquire nor anything to come is in it.

    >>> summary = pd.DataFrame({"frequency": [3], "T": [365.25]}, index=["anna"])
    >>> brought = pd.DataFrame({"contribution": [80.0]}, index=["anna"])
    >>> historic_value(summary, Economics(service_cost_per_order=2.0, retention_cost_per_year=10.0), brought)
    anna    62.0
    Name: historic_value, dtype: float64
    """
    served = economics.service_cost_per_order * (rfm["frequency"] + 1)
    kept = economics.retention_cost_per_year * rfm["T"] / DAYS_PER_YEAR
    return (brought["contribution"].reindex(rfm.index).fillna(0.0) - served - kept).rename("historic_value")


def order_curve(cohorts: pd.DataFrame) -> pd.DataFrame:
    """Pool monthly cohorts (`aggregate.cohorts`) by age, in months since that of the first purchase.

    Indexed by age: customers (whose month of that age was observed to its end), active (of them, who bought), orders,
    revenue, orders_per_customer, revenue_per_customer. Ages that fewer than a tenth have reached are left out.

    >>> order_curve(cohorts).loc[:2, ["customers", "orders", "orders_per_customer"]].round(3)
         customers  orders  orders_per_customer
    age
    0         2349    2683                1.142
    1         2349     465                0.198
    2         2349     367                0.156
    """
    seen = cohorts[cohorts["complete"]]
    curve = seen.groupby("age")[["size", "active", "purchases", "revenue"]].sum()
    curve = curve.rename(columns={"size": "customers", "purchases": "orders"})
    curve = curve[curve["customers"] >= _MIN_SHARE * curve["customers"].max()]
    return curve.assign(
        orders_per_customer=curve["orders"] / curve["customers"],
        revenue_per_customer=curve["revenue"] / curve["customers"],
    )


def _decline(cohorts: pd.DataFrame, ages: int, tail: Tail) -> tuple[float, float, float]:
    """Fit log(orders per customer) = level of the month + slope × g(age) to cohorts; g is the age or its log.

    Poisson likelihood given the orders of each month, which leaves the months' levels out (as in conditional logit).
    `ages`: how many of them `order_curve` holds. Returns level (of an average month), slope, and the chance of such a
    fall were there none: the larger of two, one by how cells scatter (quasi-likelihood), one by how cohorts do, which
    keep what their customers are like from month to month (a sandwich over cohorts). 1 where nothing can be compared:
    the fall of one young cohort is its season's too.
    """
    ahead = cohorts["age"].between(1 if tail == "rising" else max(1, ages // 2), ages - 1)
    cells = cohorts[cohorts["complete"] & ahead]
    age, size, orders = (cells[name].to_numpy(float) for name in ("age", "size", "purchases"))
    g = np.log(age) if tail == "rising" else age
    calendar = cells["cohort"].dt.year * 12 + cells["cohort"].dt.month + cells["age"]
    month, cohort = (calendar if ages < _YEARS else calendar % 12).factorize()[0], cells["cohort"].factorize()[0]

    def shared(slope: float) -> tuple[Array, Array, float]:
        """Each month's orders shared out, how far a cell's g is from its month's mean, and what the cells tell."""
        weight = size * np.exp(slope * (g - g.mean()))
        share = weight / np.bincount(month, weight)[month]
        expected, apart = share * np.bincount(month, orders)[month], g - np.bincount(month, share * g)[month]
        return expected, apart, float(expected @ apart**2)

    alone = shared(0.0)[2] < _NOTHING
    month = np.zeros_like(month) if alone else month
    slope, step = 0.0, np.inf
    expected, apart, known = shared(slope)
    while abs(step) > 1e-10 and known > _NOTHING and abs(slope) < _STEEP:
        step = float(np.clip((orders - expected) @ apart / known, -1, 1))
        slope += step
        expected, apart, known = shared(slope)
    level = math.log(max(orders.sum(), 0.5) / size.sum())
    if slope >= 0:  # a base that orders more as it ages is not believed to do so for ever: at most it stays level
        return level, 0.0, 1.0
    some, free, groups = expected > 0, max(len(cells) - month.max() - 2, 1), cohort.max() + 1
    noise = max(((orders - expected)[some] ** 2 / expected[some]).sum() / free, 1.0)
    chance = 1.0 if alone else float(student.cdf(slope * math.sqrt(known / noise), free))
    error = math.sqrt((np.bincount(cohort, (orders - expected) * apart) ** 2).sum()) / known if known else 0.0
    if groups > 1 and error > 0:
        chance = max(chance, float(student.cdf(slope / error * math.sqrt(1 - 1 / groups), groups - 1)))
    return math.log(max(orders.sum(), 0.5)) - float(logsumexp(slope * g, b=size)), slope, chance


def monthly_orders(cohorts: pd.DataFrame, months: int, tail: Tail = "constant") -> pd.Series:
    """Give orders per customer by age 0 … months − 1: as observed in monthly `cohorts`, then along the tail.

    Raises as `fitted_orders`.

    >>> monthly_orders(cohorts, 24, tail="rising").loc[[0, 1, 12, 23]].round(3)
    age
    0     1.142
    1     0.198
    12    0.093
    23    0.072
    Name: orders_per_customer, dtype: float64
    """
    modelled, curve = fitted_orders(cohorts, months, tail), order_curve(cohorts)
    return curve["orders_per_customer"].reindex(modelled.index).fillna(modelled)


def fitted_orders(cohorts: pd.DataFrame, months: int, tail: Tail) -> pd.Series:
    """Give orders per customer by age 0 … months − 1 along the tail alone, in an average month of the calendar.

    Raises NotEnoughData when fewer than 3 months after the first, or fewer than 10 repeat orders, were
    observed; UsageError when no month is asked for.

    >>> fitted_orders(cohorts, 24, "rising").loc[[1, 12, 23]].round(3)
    age
    1     0.182
    12    0.088
    23    0.072
    Name: orders_per_customer, dtype: float64
    """
    if months < 1:
        raise UsageError(
            phrase("Orders of {months} month(s) were asked for.", months=months), "Give a horizon of one year or more."
        )
    curve = order_curve(cohorts)
    repeats = curve["orders"].sum() - curve["customers"].iloc[0] if len(curve) else 0
    if len(curve) < MIN_MONTHS + 1 or repeats < _MIN_REPEATS:
        raise NotEnoughData(
            phrase(
                "Years kept can't be estimated from {months} full month(s) after the first and {repeats} repeat "
                "order(s) in them.",
                months=max(len(curve) - 1, 0),
                repeats=max(int(repeats), 0),
            ),
            phrase(
                "It takes at least {months} months and {repeats} repeat orders. Give more history.",
                months=MIN_MONTHS,
                repeats=_MIN_REPEATS,
            ),
        )
    level, slope, _ = _decline(cohorts, len(curve), tail)
    ages = np.arange(months)
    scale = np.log(np.maximum(ages, 1)) if tail == "rising" else ages
    index = pd.RangeIndex(months, name="age")
    return pd.Series(np.exp(level + slope * scale), index=index, name="orders_per_customer")


@dataclass(frozen=True)
class Lifespan:
    """An average new customer's orders over `horizon_years`, the one-time buyers included.

    orders_first_year: orders in the month of the first purchase and the 11 after it. years: all orders of the
    horizon over those of the first year. observed_share: part of the orders that ages already observed account
    for; the rest is projected.

    >>> span = lifespan(cohorts, horizon_years=2)
    >>> round(span.years, 2), round(span.observed_share, 2)
    (1.28, 0.93)
    """

    orders_first_year: float
    years: float
    horizon_years: int
    observed_share: float


def lifespan(cohorts: pd.DataFrame, horizon_years: int = 5, tail: Tail = "constant") -> Lifespan:
    """Estimate years kept from monthly cohorts (`aggregate.cohorts`).

    Raises NotEnoughData as `monthly_orders`, and where orders don't fall with age beyond noise and less than half of
    the horizon's was seen, did they stay level from here on; UsageError when the horizon is below a year.

    >>> [round(lifespan(cohorts, 3, tail).years, 2) for tail in ("constant", "rising")]
    [1.35, 1.7]
    """
    require_horizon(horizon_years)
    orders, ages = monthly_orders(cohorts, 12 * horizon_years, tail), len(order_curve(cohorts))
    seen, ahead = float(orders.iloc[:ages].sum()), orders.iloc[ages:]
    level = seen / (seen + len(ahead) * ahead.max()) if len(ahead) else 1.0
    if level < _SEEN and not told(cohorts, tail):
        won = cohorts["cohort"].nunique()
        raise NotEnoughData(
            phrase(
                "How long customers stay can't be told from these {ages} months and {won} monthly cohort(s): in the "
                "same month, older cohorts don't order less than younger ones beyond noise, and {unseen:.0%} of the "
                "orders of {years} years would be of months not seen.",
                ages=ages,
                won=won,
                unseen=1 - level,
                years=horizon_years,
            ),
            "Bring a longer history (two years or more, so that each season comes twice), or a shorter horizon_years.",
        )
    return Lifespan(
        orders_first_year=float(orders.iloc[:12].sum()),
        years=float(orders.sum() / orders.iloc[:12].sum()),
        horizon_years=horizon_years,
        observed_share=float(seen / orders.sum()),
    )


def told(cohorts: pd.DataFrame, tail: Tail) -> bool:
    """Whether orders fall with age along this tail, beyond season and noise.

    >>> {tail: told(cohorts, tail) for tail in TAILS}
    {'constant': False, 'rising': True}
    """
    return _decline(cohorts, len(order_curve(cohorts)), tail)[2] <= _CHANCE


def levers(curve: pd.DataFrame, span: Lifespan, economics: Economics) -> Levers:
    """Put the averages and the economics into the formula's levers.

    >>> average = levers(order_curve(cohorts), lifespan(cohorts, 3), sample.economics)
    >>> round(average.order_value, 2), round(average.orders_per_year, 2), round(average.years, 2)
    (36.5, 2.44, 1.35)
    """
    return Levers(
        order_value=max(float(curve["revenue"].sum() / curve["orders"].sum()), 0.0),
        orders_per_year=span.orders_first_year,
        years=span.years,
        margin=economics.margin,
        service_cost_per_order=economics.service_cost_per_order,
        retention_cost_per_year=economics.retention_cost_per_year,
        acquisition_cost=economics.acquisition_cost or 0.0,
        annual_discount_rate=economics.annual_discount_rate,
        horizon_years=span.horizon_years,
    )


def years_by_belief(cohorts: pd.DataFrame) -> pd.DataFrame:
    """Give years kept by horizon (index, years) and by what is believed of the months not yet observed.

    Columns: "nothing more" (only ages already observed: the floor), "constant" and "rising" retention; NaN where
    `lifespan` can't tell. Raises NotEnoughData as `monthly_orders`.

    >>> years_by_belief(cohorts).loc[[1, 3, 10]].round(2)
                   nothing more  constant  rising
    horizon_years
    1                      1.00      1.00    1.00
    3                      1.19      1.35    1.70
    10                     1.19       NaN    3.48
    """
    frame = pd.DataFrame(index=pd.Index(HORIZONS, name="horizon_years"))
    first, curve = monthly_orders(cohorts, 12).sum(), order_curve(cohorts)["orders_per_customer"]
    frame[message("nothing more")] = [curve.iloc[: 12 * years].sum() / first for years in HORIZONS]
    for tail in TAILS:
        frame[tail] = [_told_or_nan(_years, cohorts, years, tail) for years in HORIZONS]
    return frame


def _told_or_nan(measure: Callable[..., float], *given: Any) -> float:
    try:
        return measure(*given)
    except NotEnoughData:
        return math.nan


def _years(cohorts: pd.DataFrame, horizon_years: int, tail: Tail) -> float:
    return lifespan(cohorts, horizon_years, tail).years


def clv_by_belief(cohorts: pd.DataFrame, economics: Economics) -> pd.DataFrame:
    """Give CLV (money per customer) by horizon (index, years) for each tail (columns): how far belief carries it.

    The projected orders themselves are discounted rather than years kept at one constant retention; a year's count at
    its start, as in `formula`, beside which these values stand. NaN where `lifespan` can't tell.

    >>> clv_by_belief(cohorts, sample.economics).loc[[1, 3]].round(1)
                   constant retention  rising retention
    horizon_years
    1                            26.8              26.8
    3                            35.1              43.1
    """
    frame = pd.DataFrame(index=pd.Index(HORIZONS, name="horizon_years"))
    for tail in TAILS:
        values = [_told_or_nan(_clv, cohorts, years, tail, economics) for years in HORIZONS]
        frame[_TAILS[tail]] = values
    return frame


def _clv(cohorts: pd.DataFrame, horizon_years: int, tail: Tail, economics: Economics) -> float:
    chosen = levers(order_curve(cohorts), lifespan(cohorts, horizon_years, tail), economics)
    orders, ages = monthly_orders(cohorts, 12 * horizon_years, tail), np.arange(12 * horizon_years)
    counted = float(present_value(orders, chosen.annual_discount_rate, ages // 12)) / chosen.orders_per_year
    return yearly_margin(chosen) * counted - chosen.acquisition_cost


def late_orders(cohorts: pd.DataFrame, curve: pd.DataFrame) -> tuple[int, float, int, bool]:
    """The last age of `curve`, its orders as a share of those of month 1, of how many customers, and whether the two
    months differ beyond the noise of counts.

    The same customers in both months: those whose last age was seen. Raises NotEnoughData where no month after month 1
    was seen, or they bought nothing in month 1.

    >>> last, share, customers, differ = late_orders(cohorts, order_curve(cohorts))
    >>> last, round(share, 2), customers, differ
    (17, 0.22, 777, True)
    """
    last = int(curve.index.max()) if len(curve) else 0
    if last < 2:
        raise NotEnoughData(
            "No customers were seen for two whole months after their first purchase.", "Bring a longer history."
        )
    old = cohorts[cohorts["complete"] & (cohorts["age"] == last)]["cohort"]
    orders = cohorts[cohorts["cohort"].isin(old)].groupby("age")[["purchases", "size"]].sum()
    first, late = float(orders["purchases"].get(1, 0)), float(orders["purchases"][last])
    if not first:
        raise NotEnoughData(
            phrase(
                "The {n:,.0f} customers who have reached month {last} ordered nothing in month 1.",
                n=orders["size"][last],
                last=last,
            ),
            "There is nothing to set later months beside.",
        )
    return last, late / first, int(orders["size"][last]), differs(late - first, math.sqrt(late + first))
