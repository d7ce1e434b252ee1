"""A dataset in; all that is known and expected of every customer in one table, and what to do with each, out."""

from collections.abc import Mapping
from contextlib import suppress
from typing import TYPE_CHECKING

import pandas as pd

from clvlib import aggregate
from clvlib.actions import choices, stake
from clvlib.causes import experiments
from clvlib.errors import CannotAnswer, NotEnoughData, UsageError
from clvlib.language import phrase
from clvlib.models import scoring
from clvlib.value.payback import new_customer_value

if TYPE_CHECKING:
    from clvlib.dataset import Dataset
    from clvlib.models.outlook import Ahead


def profiles(ds: "Dataset", ahead: "Ahead") -> pd.DataFrame:
    """One row a customer (index customer_id): what was done so far, and what `ahead` expects.

    segment; orders (purchase days) and revenue (currency); mean_order_value, mean_days_between_orders, first_purchase
    and last_purchase as in `rfm_summary`; p_purchase, clv, clv_low, clv_high (currency) of the horizon as in
    `scoring.score`; next_order_if_any (date, see `Ahead.next_order`).
    """
    rfm = ds.rfm_summary()
    segment = ds.segments()["segment"].astype(str)
    frame = pd.DataFrame({"segment": segment, "orders": rfm["frequency"] + 1, "revenue": rfm["total_spend"]})
    frame = frame.join(rfm[["mean_order_value", "mean_days_between_orders", "first_purchase", "last_purchase"]])
    scored = scoring.score(ahead, ds.economics)[["p_purchase", "clv", "clv_low", "clv_high"]]
    return frame.join(scored).assign(next_order_if_any=ahead.next_order)


def suggestions(
    ds: "Dataset",
    ahead: "Ahead",
    measured_by: Mapping[str, str],
    consent_required: bool = True,
    store_channel: str = "store",
) -> pd.DataFrame:
    """What notebook 08 finds best for each customer: action, how, cost, gain (currency), why; index customer_id.

    The other arguments are that notebook's; a test that the dataset hasn't leaves the assumption in its place. Who
    isn't in the table has no action that is allowed and worth its cost. Raises CannotAnswer where nothing can be told,
    or nobody may be contacted.
    """
    today = stake.outlook(ds, ahead)
    fans, newcomer = pd.Index([]), 0.0
    with suppress(CannotAnswer):
        fans = stake.promoters(ds.table("surveys").to_pandas())
        newcomer = new_customer_value(aggregate.cohorts(ds.transactions, ds.as_of), ds.economics)
    stakes = stake.at_stake(today.customers, today.window_days, ds.economics, fans, newcomer)
    effects = choices.assumed(ds.economics)
    for lever, test in measured_by.items():
        with suppress(CannotAnswer):
            effects = choices.with_measured(effects, lever, stakes, experiments.measured(ds, test).iloc[0], test)
    may = choices.permission(ds, today.customers.index, consent_required, store_channel)
    if may.only_supposed:
        raise NotEnoughData(
            "As the data stand, nobody may be contacted.", "Bring consent, or set consent_required off."
        )
    come = 1 - today.customers["churn_probability"]
    best = choices.best_lever(choices.options(stakes, effects, may.used, come, ds.economics.contact_cost))
    frame = best[["lever", "treatment", "cost", "gain"]].set_axis(["action", "how", "cost", "gain"], axis=1)
    return frame.assign(why=best["lever"].map({lever: who for lever, (who, _) in stake.LEVERS.items()}))


def one(people: pd.DataFrame, customer: str) -> pd.DataFrame:
    """The row of one customer. Raises UsageError for one who isn't there."""
    if customer not in people.index:
        raise UsageError(
            phrase("There is no customer {customer!r} with a purchase.", customer=customer),
            phrase("One is {other}, say.", other=people.index[0]),
        )
    return people.loc[[customer]]
