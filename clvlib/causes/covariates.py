"""Each customer before a test or a study → what was known of them, as numbers, and what it foretells (CUPED)."""

from collections.abc import Sequence

import ibis
import numpy as np
import pandas as pd

from clvlib import aggregate
from clvlib.aggregate import clock
from clvlib.causes.trial import Trial
from clvlib.dataset import Economics
from clvlib.ingest.tables import TABLES
from clvlib.language import phrase

_YEAR = 365
_MOST_LEVELS = 12


def known_before(
    trial: Trial,
    clocked: ibis.Table,
    economics: Economics,
    customers: pd.DataFrame | None = None,
    names: Sequence[str] = (),
) -> pd.DataFrame:
    """What was known of each customer before assignment, one row each (customer_id).

    orders_before (purchase days ever), value_before (currency, 365 days), silent_days (since the last purchase; NaN if
    never), channel_before (where they spent most, with a column channel), and those columns of `customers` that `names`
    lists: numbers where all are numbers, else text. Columns that are the same for all are left out; so is all that
    rests on a date where the test has none.

    >>> known_before(test, clocked, sample.economics).round(2).head(3)
                 orders_before  value_before  silent_days
    customer_id
    0001                     2         17.72        163.0
    0002                     2         22.53        168.0
    0003                     1          2.04        180.0
    """
    people = trial.customers.index
    frame = pd.DataFrame(index=people)
    if trial.dated:
        rfm = aggregate.rfm_summary(clocked, clock.day(-1))
        money = clock.money_around(clocked, -_YEAR, -1, economics.margin)
        frame["orders_before"] = (rfm["frequency"] + 1).reindex(people, fill_value=0)
        frame["value_before"] = money["contribution"].reindex(people, fill_value=0.0)
        frame["silent_days"] = rfm["days_since_last_order"].reindex(people)
        if "channel" in clocked.columns:
            frame["channel_before"] = aggregate.main_value(clocked, "channel", clock.day(-1)).reindex(people)
    attributes = pd.DataFrame() if customers is None else customers
    for name in named_columns(attributes, names):
        text = attributes[name].reindex(people)
        number = pd.to_numeric(text, errors="coerce")
        frame[name] = number if number.notna().sum() == text.notna().sum() else text
    return frame.loc[:, frame.nunique(dropna=False) > 1]


def named_columns(customers: pd.DataFrame, names: Sequence[str]) -> list[str]:
    """Those columns of `customers` that `names` lists; nothing that is only known later.

    >>> named_columns(shop.customers(), ["region", "regoin"])
    ['region']
    """
    later = {column.name for column in TABLES["customers"]} - {"acquisition_channel"}
    return [name for name in dict.fromkeys(names) if name in customers and name not in later]


def numbers(before: pd.DataFrame) -> pd.DataFrame:
    """What was known before as numbers without gaps: medians with a 0/1 column for a gap, 0/1 columns for texts.

    >>> numbers(pd.DataFrame({"silent_days": [10, None, 40], "region": ["north", "south", "north"]}))
       silent_days  no silent_days  region south
    0         10.0             0.0           0.0
    1         25.0             1.0           1.0
    2         40.0             0.0           0.0
    """
    parts: list[pd.Series] = []
    for name, column in before.items():
        if pd.api.types.is_numeric_dtype(column):
            parts.append(column.fillna(column.median()).astype(float))
            if column.isna().any():
                parts.append(column.isna().astype(float).rename(phrase("no {name}", name=name)))
        elif column.nunique() <= _MOST_LEVELS:
            levels = sorted(column.dropna().unique())
            parts += [(column == level).astype(float).rename(f"{name} {level}") for level in levels[1:]]
    return pd.concat(parts, axis=1) if parts else pd.DataFrame(index=before.index)


def expected(values: pd.DataFrame, before: pd.DataFrame | None) -> tuple[pd.DataFrame, int]:
    """Each column of `values` as what was known before foretells it, all arms together, and from how many columns.

    No column when nothing was known; none of a column that is foretold perfectly or not at all.

    >>> foretold, columns = expected(done[["value"]], before)
    >>> columns, foretold["value"].head(3).round(1).tolist()
    (2, [-1.3, 1.7, 4.7])
    """
    known = numbers(before).reindex(values.index) if before is not None else pd.DataFrame(index=values.index)
    if known.shape[1] == 0 or 10 * known.shape[1] > len(known):
        return pd.DataFrame(index=values.index), 0
    scale = known.std().replace(0, 1)
    inputs = np.column_stack([np.ones(len(known)), (known - known.mean()) / scale])
    slopes, _, rank, _ = np.linalg.lstsq(inputs, values.to_numpy(dtype=float), rcond=1e-8)
    found = pd.DataFrame(inputs @ slopes, index=values.index, columns=values.columns)
    spread, missed = values.std(), (values - found).std()
    told = (found.std() > 1e-9 * spread) & (missed > 1e-6 * spread)  # told perfectly: nothing is left
    return found.loc[:, told], int(rank) - 1


def adjusted(values: pd.DataFrame, foretold: pd.DataFrame) -> pd.DataFrame:
    """`values` less what was `expected` above its mean: what CUPED compares.

    >>> less = adjusted(done[["value"]], expected(done[["value"]], before)[0])
    >>> round(float(done["value"].std()), 1), round(float(less["value"].std()), 1)
    (6.7, 2.6)
    """
    return values - (foretold - foretold.mean()).reindex(columns=values.columns, fill_value=0.0)
