"""A dataset and its valuation → every CLV of a run in one table, so that a reader sees why two of them differ.

A value of a customer is told apart by: how far it looks, whose it is, revenue or margin, which costs are taken off, and
whether later money is discounted. Each row is computed as the notebook that uses it does.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from clvlib import aggregate
from clvlib.errors import CannotAnswer, NotEnoughData
from clvlib.language import message, phrase, translated
from clvlib.value import kpis
from clvlib.value.equity import Valuation
from clvlib.value.formula import clv, simple_clv, value_before_acquisition
from clvlib.value.hindsight import continuation
from clvlib.value.lifespan import historic_value, levers, lifespan, order_curve
from clvlib.value.payback import new_customer_value

if TYPE_CHECKING:
    from clvlib.dataset import Dataset


@dataclass(frozen=True)
class Definition:
    """A CLV figure in words: horizon, who, counts (revenue or margin), costs (taken off), discounted, used_in.

    >>> ahead = DEFINITIONS["CLV ahead"]
    >>> ahead.counts, ahead.costs, ahead.used_in
    ('margin', 'goods, serving orders', '03, 07, 08, customers.csv')
    """

    horizon: str
    who: str
    counts: str
    costs: str
    discounted: str
    used_in: str


NEW, EVER = message("an average new customer"), message("who ever bought")
MID, _EACH_YEAR = message("from the middle of each month"), message("from the start of each year (textbook)")
_REVENUE, _MARGIN, _NONE, _NO = message("revenue"), message("margin"), message("none"), message("no")
BUYING, _KEEPING = message("goods, serving orders"), message("goods, serving orders, keeping")
DEFINITIONS = {
    message("Revenue of a life"): Definition("{years} years", NEW, _REVENUE, _NONE, _NO, "01"),
    message("CLV before acquisition"): Definition("{years} years", NEW, _MARGIN, _KEEPING, _EACH_YEAR, "01, 05b"),
    message("CLV by the formula"): Definition(
        "{years} years", NEW, _MARGIN, "goods, serving orders, keeping, acquiring", _EACH_YEAR, "01"
    ),
    message("Value of a new customer"): Definition(
        "first {months} months, as seen", NEW, _MARGIN, BUYING, "from each month, to the first purchase", "08"
    ),
    message("Historic value"): Definition(
        message("so far"), EVER, "margin (the cost of orders, where stated)", _KEEPING, _NO, "01, 02, 07"
    ),
    message("CLV ahead"): Definition("next {months} months", EVER, _MARGIN, BUYING, MID, "03, 07, 08, customers.csv"),
    message("CLV of active customers"): Definition(
        "next {months} months", "who bought in the last {window} days", _MARGIN, BUYING, MID, "07"
    ),
    message("Lifetime value"): Definition(
        "so far + next {months} months",
        EVER,
        _MARGIN,
        "goods, serving orders, keeping so far",
        "what is ahead: from the middle of each month",
        "07",
    ),
}


def every_clv(ds: "Dataset", now: Valuation, window: int, horizon_years: int = 5) -> pd.DataFrame:
    """Every CLV figure that this dataset can tell, indexed by its name (`DEFINITIONS`).

    now: the valuation at the as-of date. window: days in which somebody active bought. horizon_years: that of the
    formula. Columns: the words of `Definition`, customers (counted), each (currency per customer) and total (currency:
    each × customers; customer equity in the row "CLV ahead").

    >>> from clvlib.value.equity import value_base
    >>> base = value_base(history, sample.as_of, sample.economics)
    >>> every_clv(sample, base, window=182)[["horizon", "customers", "each"]].tail(3).round(1)
                                             horizon  customers  each
    figure
    CLV ahead                         next 12 months       2349   9.9
    CLV of active customers           next 12 months        515  32.7
    Lifetime value           so far + next 12 months       2349  41.1
    """
    values = kpis.lifetime_value(ds, now.rfm, now.as_of, now.customers["clv"])
    active = now.rfm["days_since_last_order"] < window
    cohorts = aggregate.cohorts(ds.transactions, ds.as_of)
    said = {"years": horizon_years, "months": ds.economics.horizon_months, "window": window}
    rows = {}
    for name, measure in _measures(ds, now, values, active, cohorts, horizon_years).items():
        try:
            each, customers = measure()
        except CannotAnswer:
            continue
        words = {key: phrase(text, **said) for key, text in vars(DEFINITIONS[name]).items()}
        rows[name] = words | {"customers": customers, "each": each, "total": each * customers}
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("figure")


def row(table: pd.DataFrame, figure: str) -> pd.Series:
    """One row of `every_clv`. Raises NotEnoughData where the data can't tell that figure.

    >>> table = pd.DataFrame({"customers": [3], "each": [20.0], "total": [60.0]}, index=["CLV ahead"])
    >>> float(row(table, "CLV ahead")["total"])
    60.0
    """
    if figure not in table.index:
        what = phrase("These data don't tell the “{figure}”.", figure=translated(figure))
        raise NotEnoughData(what, "Its own notebook says why.")
    return table.loc[[figure]].iloc[0]


def _measures(
    ds: "Dataset", now: Valuation, values: pd.DataFrame, active: pd.Series, cohorts: pd.DataFrame, horizon_years: int
) -> dict[str, Callable[[], tuple[float, int]]]:
    brought = aggregate.brought(ds.transactions, now.as_of, ds.economics.margin)
    economics, won = ds.economics, int(cohorts.loc[cohorts["age"] == 0, "size"].sum())

    def by_formula(of: Callable) -> Callable[[], tuple[float, int]]:
        def measure() -> tuple[float, int]:
            span = lifespan(cohorts, horizon_years, continuation(ds))
            return of(levers(order_curve(cohorts), span, economics)), won

        return measure

    def mean_of(customers: pd.Series) -> Callable[[], tuple[float, int]]:
        return lambda: (float(customers.mean()) if len(customers) else np.nan, len(customers))

    return {
        "Revenue of a life": by_formula(lambda c: simple_clv(c.order_value, c.orders_per_year, c.years)),
        "CLV before acquisition": by_formula(value_before_acquisition),
        "CLV by the formula": by_formula(clv),
        "Value of a new customer": lambda: (new_customer_value(cohorts, economics), won),
        "Historic value": mean_of(historic_value(now.rfm, economics, brought)),
        "CLV ahead": mean_of(now.customers["clv"]),
        "CLV of active customers": mean_of(now.customers["clv"][active]),
        "Lifetime value": mean_of(values["lifetime_value"]),
    }
