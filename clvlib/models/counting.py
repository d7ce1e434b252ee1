"""Fitted models and a customer summary go in; how many customers each counts, in two ways, comes out.

How many customers a shop "has" is often given as the sum of P(alive). Purchases can't tell that number: models that
forecast alike let customers leave at different moments, and their sums differ by a factor of two on CDNOW. How many buy
at least once within a time is another count: models agree on it, and it can be checked when the time is over.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import pandas as pd

from clvlib import aggregate

if TYPE_CHECKING:
    import ibis

    from clvlib.models.forecast import PurchaseModel

_ALIKE = 0.01  # P(alive) that differs by less than this between any two customers says nothing about any of them


def customer_counts(models: "Mapping[str, PurchaseModel]", rfm: pd.DataFrame, t: float) -> pd.DataFrame:
    """What fitted models say of how many customers there are.

    Args:
        models: by name, fitted in the time unit of `rfm`.
        rfm: customer summary (frequency, recency, T).
        t: time ahead, in the same unit.

    Returns:
        Index `model`: `buying` (customers expected to buy at least once within t: the sum of that chance), `alive`
        (the sum of P(alive)), `alive_tells` (False where P(alive) is the same for everybody: no information).

    >>> from clvlib.models.forecast import ParetoNBD
    >>> fitted = {"BG/NBD": model, "Pareto/NBD": ParetoNBD().fit(rfm)}
    >>> customer_counts(fitted, rfm, t=180).round(0)
                buying   alive  alive_tells
    model
    BG/NBD       462.0  1847.0         True
    Pareto/NBD   442.0  1015.0         True
    """
    history = (rfm["frequency"], rfm["recency"], rfm["T"])
    rows = {}
    for name, model in models.items():
        alive = model.p_alive(*history)
        rows[name] = (model.p_at_least(1, t, *history).sum(), alive.sum(), bool(alive.max() - alive.min() >= _ALIKE))
    return pd.DataFrame.from_dict(rows, orient="index", columns=["buying", "alive", "alive_tells"]).rename_axis("model")


def buyers_between(transactions: "ibis.Table", as_of: pd.Timestamp, end: pd.Timestamp) -> int:
    """How many of all customers known on `as_of` bought after it, up to `end`: what `buying` is held against.

    >>> buyers_between(sample.transactions, pd.Timestamp("1997-12-31"), sample.as_of)
    515
    """
    known = aggregate.rfm_summary(transactions, as_of).index
    return int((aggregate.holdout(transactions, as_of, end)["purchases"].reindex(known) > 0).sum())
