"""A dataset → what its cohorts have brought month by month, for all customers and by any attribute known of them."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pandas as pd

from clvlib import aggregate
from clvlib.aggregate import acquisition
from clvlib.dataset import Economics
from clvlib.errors import CannotAnswer, NotEnoughData
from clvlib.value.equity import LEAST
from clvlib.value.segments import attribute, criterion, first_spend

if TYPE_CHECKING:
    from clvlib.dataset import Dataset

EVERYBODY = "all customers"
MONTHS = 24
_NO_GROUPS = ("customer_id", "acquired_on", "acquisition_cost", "consent", "referred_by", "email", "name", "phone")
_MOST_GROUPS = 10


def cohort_grids(ds: "Dataset") -> dict[str, dict[str, dict[str, Any]]]:
    """By attribute and group: cac (currency, or None) and rows, one a quarter in which customers were won.

    A row: cohort (name of the quarter), customers, values (what a customer has brought by the end of each month of age,
    that of the first purchase first, currency; as far as all of the quarter were watched, at most MONTHS). Attributes:
    EVERYBODY, what and how much was bought first, and columns of the customers with few values. Cohorts and groups of
    fewer than 5 customers aren't in it. Raises NotEnoughData when none is left.

    >>> grids = cohort_grids(sample)
    >>> rows = grids[EVERYBODY][EVERYBODY]["rows"]
    >>> list(grids), [row["cohort"] for row in rows], rows[0]["values"][:3]
    (['all customers', 'first basket'], ['1997 Q1'], [12.11, 14.35, 15.97])
    """
    cost, rows = ds.economics.acquisition_cost, _rows(aggregate.cohorts(ds.transactions, ds.as_of), ds.economics)
    if not rows:
        raise NotEnoughData(f"No quarter won {LEAST} customers who were watched for a month.", "Bring more customers.")
    grids: dict[str, dict[str, dict[str, Any]]] = {EVERYBODY: {EVERYBODY: {"cac": cost, "rows": rows}}}
    for name, groups, cac in attributes(ds):
        found = aggregate.cohorts(ds.transactions, ds.as_of, by=groups.astype(str))
        parts = {str(group): _rows(part, ds.economics) for group, part in found.groupby("group", sort=False)}
        named = [str(group) for group in groups.cat.categories] if hasattr(groups, "cat") else list(parts)
        shown = {group: {"cac": cac.get(group, cost), "rows": parts[group]} for group in named if parts.get(group)}
        if len(shown) > 1:
            grids[name] = shown
    return grids


def attributes(ds: "Dataset") -> Iterator[tuple[str, pd.Series, dict[str, float | None]]]:
    """Name of each attribute, the group of every customer, and the cost to acquire where it is known by group."""
    everybody = ds.rfm_summary().index
    first = aggregate.first_purchases(ds.transactions, ds.as_of, 0)
    if "first_category" in first:
        yield "first product", criterion(first["first_category"], everybody), {}
    if not ds.counts:
        yield "first basket", criterion(first_spend(ds.transactions, ds.as_of), everybody), {}
    people = ds.customers() if ds.has("customers") else pd.DataFrame()
    for column in (str(column) for column in people.columns if column not in _NO_GROUPS):
        values = people[column]
        if not 1 < values.nunique() <= _MOST_GROUPS:
            continue
        cac: dict[str, float | None] = {}
        if column == "acquisition_channel":
            try:
                spent = acquisition.ledger(ds).by_channel()["cac"]
                cac = {str(channel): None if pd.isna(each) else float(each) for channel, each in spent.items()}
                cac = dict.fromkeys(map(str, values.dropna().unique())) | cac
            except CannotAnswer:
                cac = {}
        yield column.replace("_", " "), attribute(ds, column, everybody), cac


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
            name = f"{quarter.year} Q{quarter.quarter}"
            rows.append({"cohort": name, "customers": int(sizes.sum()), "values": gained.round(2).tolist()})
    return rows
