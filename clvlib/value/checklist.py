"""The points by which a clientele is valued when a business is sold → the figure that the dataset gives for each.

Whoever buys a business asks six things of its customers: how good they are, whether revenue grows, how easily they are
served, how large the market is, how many stay and how often they buy. Each is answered, or what is lacking is said.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING

import pandas as pd

from clvlib import aggregate, wording
from clvlib.errors import CannotAnswer, NotEnoughData
from clvlib.language import message, phrase
from clvlib.stats import DAYS_PER_YEAR
from clvlib.value import claims, kpis
from clvlib.value.concentration import top_share

if TYPE_CHECKING:
    from clvlib.dataset import Dataset

POINTS = {
    message("quality"): message("Do a few hold most of the value? If they leave, it leaves"),
    message("growth of revenue"): message("Does revenue grow, or live on what was won before?"),
    message("ease of service"): message("How much of what an order leaves does serving it take?"),
    message("market"): message("How many more could be won, and at which price?"),
    message("retention"): message("How many stay from one window to the next?"),
    message("frequency"): message("How often do those who stay buy?"),
}


def asset_checklist(ds: "Dataset", clv: pd.Series) -> pd.DataFrame:
    """Each point of the checklist with its question and its figure, as text, or what is lacking.

    clv: value ahead of every customer (`equity.Valuation.customers`), currency. Indexed by point: it_asks, here.

    >>> told = asset_checklist(sample, rfm["monetary_value"])
    >>> told["here"][["growth of revenue", "ease of service"]].to_list()
    ['-20.9% in the last 182 days, against as many before', 'lacking: service_cost_per_order in the card.']
    """
    measures: dict[str, Callable[[], str]] = {
        "quality": lambda: phrase(
            "{share} of the value ahead is of the best fifth of customers", share=wording.percent(top_share(clv))
        ),
        "growth of revenue": lambda: _growth(ds),
        "ease of service": lambda: _service(ds),
        "market": lambda: message("lacking: in no table of a shop; take it from outside"),
        "retention": lambda: _retention(ds),
        "frequency": lambda: _frequency(ds),
    }
    rows = {}
    for point, asks in POINTS.items():
        try:
            here = measures[point]()
        except CannotAnswer as error:
            here = phrase("lacking: {what}", what=error.what)
        rows[point] = (asks, here)
    return pd.DataFrame.from_dict(rows, orient="index", columns=["it_asks", "here"]).rename_axis("point")


def _windows(ds: "Dataset") -> tuple[int, pd.DataFrame, pd.DataFrame]:
    """The longest window that the history holds twice: its days, what was bought and sent back in the last one, and in
    that before."""
    window = kpis.window_days(ds.starts, ds.as_of)
    middle = ds.as_of - pd.Timedelta(days=window)
    last = aggregate.holdout(ds.transactions, middle, ds.as_of)
    before = aggregate.holdout(ds.transactions, middle - pd.Timedelta(days=window), middle)
    return window, last, before


def _buyers(ds: "Dataset") -> tuple[int, pd.DataFrame]:
    window, last, _ = _windows(ds)
    return window, last[last["purchases"] > 0]


def _growth(ds: "Dataset") -> str:
    window, last, before = _windows(ds)
    was, now = before["spend"].sum(), last["spend"].sum()
    if was <= 0:
        raise NotEnoughData("The window before has no revenue.", "Bring a longer history.")
    grown = now / was - 1
    share = ("+" if grown > 0 else "") + wording.percent(grown)
    return phrase("{share} in the last {days}, against as many before", share=share, days=wording.days(window))


def _service(ds: "Dataset") -> str:
    cost = ds.economics.service_cost_per_order
    if cost == 0:
        raise NotEnoughData("service_cost_per_order in the card.", "State what serving an order costs.")
    _, last = _buyers(ds)
    left = last["spend"].sum() / last["purchases"].sum() * ds.economics.margin if len(last) else 0.0
    if left <= 0:
        raise NotEnoughData("orders that leave anything.", "Bring a longer history.")
    return phrase(
        "{share} of an order's margin ({cost} of {left})",
        share=wording.percent(cost / left),
        cost=wording.money(cost),
        left=wording.money(left),
    )


def _retention(ds: "Dataset") -> str:
    row = claims.retention_here(ds).T["kept_80"]
    kept, days = claims.in_words(row, "share"), wording.days(_windows(ds)[0])
    return phrase("{kept} from one window of {days} to the next", kept=kept, days=days)


def _frequency(ds: "Dataset") -> str:
    window, last = _buyers(ds)
    if last.empty:
        raise NotEnoughData("Nobody bought in the last window.", "Bring a longer history.")
    each = wording.number(last["purchases"].mean() * DAYS_PER_YEAR / window, 1)
    return phrase("{each} purchases a year of each who buys", each=each)
