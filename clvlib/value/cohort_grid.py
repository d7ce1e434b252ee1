"""A dataset → what its cohorts have brought month by month, for all customers and by any attribute known of them."""

from typing import TYPE_CHECKING, Any

import pandas as pd

from clvlib import aggregate
from clvlib.aggregate import acquisition
from clvlib.dataset import Economics
from clvlib.errors import CannotAnswer, NotEnoughData
from clvlib.language import message, phrase
from clvlib.stats import LEAST
from clvlib.value.attributes import known_attributes, short

if TYPE_CHECKING:
    from clvlib.dataset import Dataset

EVERYBODY = message("all customers")
MONTHS = 24
TOO_SMALL = message("fewer than 5 customers in all groups but one")
TOO_MUCH = message("more than the page holds")
_MOST_ATTRIBUTES = 12
_MOST_FIGURES = 50_000  # some 400 kB of the page
_Grid = dict[str, dict[str, Any]]


def cohort_grids(ds: "Dataset") -> tuple[dict[str, _Grid], dict[str, str]]:
    """What cohorts have brought: by attribute and group, cac (currency, or None) and rows, one a quarter in which
    customers were won; and by attribute that isn't in it, why.

    A row: cohort (name of the quarter), customers, values (what a customer has brought by the end of each month of
    age, that of the first purchase first, currency; as far as all of the quarter were watched, at most MONTHS).
    Attributes: EVERYBODY, what and how much was bought first, and the columns of the customers that may part them
    (`attributes`), as far as the page holds them. Cohorts and groups of fewer than 5 customers aren't in it. Raises
    NotEnoughData when none is left.

    >>> grids, why_not = cohort_grids(sample)
    >>> rows = grids[EVERYBODY][EVERYBODY]["rows"]
    >>> list(grids), [row["cohort"] for row in rows], rows[0]["values"][:3]
    (['all customers', 'first basket'], ['1997 Q1'], [12.11, 14.35, 15.97])
    """
    cost, rows = ds.economics.acquisition_cost, _rows(aggregate.cohorts(ds.transactions, ds.as_of), ds.economics)
    if not rows:
        raise NotEnoughData(
            phrase("No quarter won {least} customers who were watched for a month.", least=LEAST),
            "Bring more customers.",
        )
    grids: dict[str, _Grid] = {EVERYBODY: {EVERYBODY: {"cac": cost, "rows": rows}}}
    why_not: dict[str, str] = {}
    room = _MOST_FIGURES - _figures(grids[EVERYBODY])
    for attribute in known_attributes(ds, taken=[EVERYBODY]):
        why = TOO_MUCH if room <= 0 or len(grids) > _MOST_ATTRIBUTES else attribute.why_not
        if not why:
            paid = _paid(ds) if attribute.column == "acquisition_channel" else {}
            shown = _by_group(ds, attribute.groups, paid)
            why = TOO_SMALL if len(shown) < 2 else TOO_MUCH if _figures(shown) > room else ""
        if why:
            why_not[attribute.name] = why
        else:
            grids[attribute.name] = shown
            room -= _figures(shown)
    return grids, why_not


def _by_group(ds: "Dataset", groups: pd.Series, paid: dict[str, float]) -> _Grid:
    """The grid of each group that has one. paid: what winning a customer cost, where it is known by group."""
    found = aggregate.cohorts(ds.transactions, ds.as_of, by=groups.astype(str))
    parts = {str(group): _rows(part, ds.economics) for group, part in found.groupby("group", sort=False)}
    return {
        group: {"cac": paid.get(group) if paid else ds.economics.acquisition_cost, "rows": parts[group]}
        for group in map(str, groups.cat.categories)
        if parts.get(group)
    }


def _paid(ds: "Dataset") -> dict[str, float]:
    """What winning a customer of each channel cost, where that is known; nothing where it is known of none."""
    try:
        spent = acquisition.ledger(ds).by_channel()["cac"].dropna()
    except CannotAnswer:
        return {}
    return {short(str(channel)): float(each) for channel, each in spent.items()}


def _figures(grid: _Grid) -> int:
    return sum(len(row["values"]) for found in grid.values() for row in found["rows"])


def quarter_name(quarter: pd.Period) -> str:
    """A quarter as a reader calls it.

    >>> quarter_name(pd.Period("1997Q1"))
    '1997 Q1'
    """
    return phrase("{year} Q{quarter}", year=quarter.year, quarter=quarter.quarter)


def _rows(cohorts: pd.DataFrame, economics: Economics) -> list[dict[str, Any]]:
    rows = []
    for quarter, part in cohorts.groupby(cohorts["cohort"].dt.to_period("Q")):
        sizes = part.groupby("cohort")["size"].first()
        if sizes.sum() < LEAST:
            continue
        seen = part.groupby("age").agg(
            revenue=("revenue", "sum"),
            purchases=("purchases", "sum"),
            whole=("complete", "all"),
            months=("size", "size"),
        )
        whole = (seen["whole"] & (seen["months"] == len(sizes))).cummin()
        each = seen["revenue"] * economics.margin - seen["purchases"] * economics.service_cost_per_order
        gained = (each / sizes.sum() - economics.retention_cost_per_year / 12)[whole].iloc[:MONTHS].cumsum()
        if len(gained):
            rows.append(
                {"cohort": quarter_name(quarter), "customers": int(sizes.sum()), "values": gained.round(2).tolist()}
            )
    return rows
