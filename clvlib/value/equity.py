"""The customer base as an asset: its value at two dates, what moved it in between, and who brings lasting value.

Customer equity here is the sum of the CLV of all customers known at a date (`scoring`: margin on the purchases
expected within the horizon, discounted, forward only). A customer's CLV is a product of three factors,

    chance of a purchase × discounted purchases of who buys × margin of a purchase,

so that a change of value can be given to its factors without a remainder (Shapley 1953: each factor's mean effect over
all orders in which the three could have changed).
"""

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from clvlib import aggregate
from clvlib.dataset import Economics
from clvlib.language import message
from clvlib.models.outlook import Ahead, look_ahead
from clvlib.models.scoring import FACTORS, factors
from clvlib.models.windows import History
from clvlib.stats import LEAST
from clvlib.value.hindsight import half_way

EFFECTS = message(
    {
        "learned": "Forecast learned anew",
        "new": "New customers",
        "loss": "Less likely to buy",
        "confirmed": "More likely to buy",
        "frequency": "Purchase frequency",
        "order_value": "Order value",
    }
)
LEAST_HISTORY = 183
VALUED = 100_000  # customers, at most, of whom values at days of the past are worked out
LEAST_OF_SOME = 100  # customers of a sample, of fewer of whom nothing is said of a group
_NEARLY = 7  # days: a forecast of a year also serves a leap year, or one to the end of the month


@dataclass(frozen=True)
class Valuation:
    """The customer base as known on `as_of`: customer summary, what is foreseen, and each customer's factors.

    `customers`: indexed by customer_id; the columns of `scoring.FACTORS` (0 to 1; purchases; currency) and clv, their
    product. stands_for: by how much the money of these customers is multiplied to be that of all, where they are a
    sample (`of_some`).

    >>> base = value_base(history, sample.as_of, sample.economics)
    >>> round(base.total, -2)
    23300.0
    """

    as_of: pd.Timestamp
    rfm: pd.DataFrame
    ahead: Ahead
    customers: pd.DataFrame
    stands_for: float = 1.0

    @property
    def total(self) -> float:
        """Customer equity, in currency."""
        return float(self.customers["clv"].sum()) * self.stands_for


def of_some(history: History, now: Valuation) -> tuple[History, Valuation]:
    """The history of VALUED customers, and today's valuation of these, which stands for that of all (see `multiple`).

    Both as they are where there are no more customers. By them days of the past are valued.

    >>> now = value_base(history, sample.as_of, sample.economics)
    >>> of_some(history, now) == (history, now)
    True
    """
    some = history.of_some(VALUED)
    if some is history:
        return history, now
    few = aggregate.rfm_summary(some.transactions, now.as_of)
    customers = now.customers.loc[few.index]
    ahead = now.ahead.of(now.ahead.window.known.loc[few.index])
    stands_for = multiple(now.total, float(customers["clv"].sum()), len(now.customers) / len(customers))
    return some, Valuation(now.as_of, few, ahead, customers, stands_for)


def multiple(of_all: float, of_some: float, customers: float) -> float:
    """By how much a sum of some customers is multiplied to be one of all: by the quotient of such sums today.

    customers: as many times as these are all of them, by which it is multiplied where the quotient says nothing, as
    sums so near 0 or of the other sign would make it.

    >>> multiple(1000.0, 90.0, customers=10.0), multiple(1000.0, -0.1, customers=10.0)
    (11.11111111111111, 10.0)
    """
    quotient = of_all / of_some if of_some else 0.0
    return quotient if customers / 2 < quotient < customers * 2 else customers


def value_base(history: History, as_of: pd.Timestamp, economics: Economics, stands_for: float = 1.0) -> Valuation:
    """Value all customers on what was known by `as_of`, by what is foreseen from nothing later.

    stands_for: see `Valuation`, where the history is one of some customers.

    >>> base = value_base(history, sample.as_of, sample.economics)
    >>> base.customers.loc["0001"].round(2).to_dict()
    {'p_purchase': 0.55, 'purchases_if_buying': 2.22, 'margin_per_purchase': 8.55, 'clv': 10.48}
    """
    ahead = look_ahead(history, as_of, economics.horizon_days)
    rfm = aggregate.rfm_summary(history.transactions, as_of)
    return Valuation(as_of, rfm, ahead, factors(ahead, economics), stands_for)


def previous_date(starts: pd.Timestamp, as_of: pd.Timestamp) -> pd.Timestamp:
    """A year before `as_of`; where that leaves less than half a year of history, the middle of the observation.

    Raises NotEnoughData when the observation has no middle month.

    >>> previous_date(pd.Timestamp("2022-03-01"), pd.Timestamp("2024-06-30"))
    Timestamp('2023-06-30 00:00:00')
    """
    year_ago = as_of - pd.DateOffset(years=1)
    year_ago += pd.offsets.MonthEnd(0) if as_of.is_month_end else pd.Timedelta(0)
    return year_ago if (year_ago - starts).days >= LEAST_HISTORY else half_way(starts, as_of)


def equity_effects(before: Valuation, after: Valuation, economics: Economics) -> pd.DataFrame:
    """What moved each customer's value between two valuations; rows add up to clv after − clv before.

    Indexed by customer_id (all who are known at either date), columns as EFFECTS (currency):

    * learned: the customers of the first date, as the forecast of the second would value them: what customers like
      them do was learned anew, and the season and the trade ahead are others;
    * new: the CLV of customers known only at the second date;
    * loss, confirmed: the chance of a purchase within the horizon fell (silence), or rose (bought again);
    * frequency: the purchases expected of who buys moved; order_value: the margin of a purchase did.

    A customer of the first date whose purchases were all refunded since is lost.

    >>> card = sample.economics
    >>> before, after = (value_base(history, day, card) for day in (pd.Timestamp("1997-12-31"), sample.as_of))
    >>> equity_effects(before, after, card).loc["0001", ["learned", "loss", "frequency"]].round(2).to_dict()
    {'learned': 1.64, 'loss': -3.32, 'frequency': -4.56}
    """
    old = factors(after.ahead, economics, before.ahead.window.known)
    new = after.customers.reindex(old.index)
    gone = new["clv"].isna()
    new = new.where(~gone, old.assign(p_purchase=0.0, clv=0.0))
    share, fell = pd.DataFrame({name: _part(old, new, name) for name in FACTORS}), new["p_purchase"] < old["p_purchase"]
    frame = pd.DataFrame(
        {
            "learned": old["clv"] - before.customers["clv"],
            "new": 0.0,
            "loss": share["p_purchase"].where(fell, 0.0),
            "confirmed": share["p_purchase"].where(~fell, 0.0),
            "frequency": share["purchases_if_buying"],
            "order_value": share["margin_per_purchase"],
        }
    )
    won = after.customers.index.difference(old.index)
    since = pd.DataFrame(0.0, index=won, columns=frame.columns).assign(new=after.customers.loc[won, "clv"])
    return pd.concat([frame, since]).rename_axis("customer_id").sort_index()


def _part(old: pd.DataFrame, new: pd.DataFrame, name: str) -> pd.Series:
    """What the change of one factor is worth (Shapley value in a product of three)."""
    one, two = (other for other in FACTORS if other != name)
    same = (old[one] * old[two] + new[one] * new[two]) / 3
    mixed = (old[one] * new[two] + new[one] * old[two]) / 6
    return (new[name] - old[name]) * (same + mixed)


def bridge(before: Valuation, after: Valuation, economics: Economics) -> pd.Series:
    """From the value at the first date to that at the second: "before", the EFFECTS (by key), "after"; exact.

    >>> card = sample.economics
    >>> before, after = (value_base(history, day, card) for day in (pd.Timestamp("1997-12-31"), sample.as_of))
    >>> bridge(before, after, card).round(-2).to_dict()
    {'before': 24500.0, 'learned': 1800.0, 'new': 0.0, 'loss': -3700.0, 'confirmed': 2100.0,
     'frequency': -1400.0, 'order_value': -100.0, 'after': 23300.0}
    """
    moved = equity_effects(before, after, economics).sum() * after.stands_for
    return pd.concat([pd.Series({"before": before.total}), moved, pd.Series({"after": after.total})]).rename("value")


def change_error(before: Valuation, after: Valuation, economics: Economics) -> float:
    """Standard error (currency) of the change of the value of all, of a sample that stands for them.

    That of an estimate by a ratio: the value after is known of all (Cochran 1977, Sampling Techniques, chapter 6).

    >>> days = pd.Timestamp("1997-12-31"), sample.as_of
    >>> before, after = (value_base(history, day, sample.economics) for day in days)
    >>> round(change_error(before, after, sample.economics), -2)
    700.0
    """
    changes = equity_effects(before, after, economics).sum(axis=1)
    worth = after.customers["clv"].reindex(changes.index).fillna(0.0)
    apart = changes - (changes.sum() / worth.sum() * worth if worth.sum() else 0.0)
    return float(after.stands_for * np.sqrt(len(apart)) * apart.std())


def promise(
    before: Valuation, history: History, until: pd.Timestamp, economics: Economics, everybody: History | None = None
) -> dict[str, float]:
    """What the customers of the first date were expected to bring until `until`, and what came (currency).

    Gives expected, came (margin on their spend net of refunds, less the cost of serving their orders; undiscounted),
    miss (came over expected, less 1), expected_purchases, purchases, customers. everybody: the history of all, where
    `history` is that of some (`of_some`): what came is counted there, and what was expected is that of some, times what
    came of all over what came of these.

    >>> before = value_base(history, pd.Timestamp("1997-12-31"), sample.economics)
    >>> kept = promise(before, history, sample.as_of, sample.economics)
    >>> round(kept["expected"], -2), round(kept["came"], -2), round(kept["miss"], 2)
    (13800.0, 12900.0, -0.07)
    """
    said, days = before.ahead, (until - before.as_of).days
    if abs(days - said.days) > _NEARLY:
        said = look_ahead(history, before.as_of, days)
    foreseen = replace(said, days=days).forecast(said.window.known) if days != said.days else said.customers
    after = _after(history, before.as_of, until, foreseen.index)

    def left(spend: float, purchases: float) -> float:
        return float(spend * economics.margin - purchases * economics.service_cost_per_order)

    sums, sums_after, customers = foreseen[["spend", "purchases"]].sum(), after.sum(), len(after)
    if everybody is not None and everybody is not history:
        known = aggregate.rfm_summary(everybody.transactions, before.as_of).index
        of_all = _after(everybody, before.as_of, until, known).sum()
        by_count = len(known) / customers
        sums *= [multiple(of_all[name], sums_after[name], by_count) for name in sums.index]
        sums_after, customers = of_all, len(known)
    expected, came = left(*sums), left(*sums_after)
    return {
        "expected": expected,
        "miss": came / expected - 1 if expected > 0 else np.nan,
        "came": came,
        "expected_purchases": float(sums["purchases"]),
        "purchases": float(sums_after["purchases"]),
        "customers": float(customers),
    }


def _after(history: History, day: pd.Timestamp, until: pd.Timestamp, customers: pd.Index) -> pd.DataFrame:
    after = aggregate.holdout(history.transactions, day, until)[["spend", "purchases"]]
    return after.reindex(customers).fillna(0.0)


def equity_by_group(before: Valuation, after: Valuation, groups: pd.Series) -> pd.DataFrame:
    """Customer equity by group (customer_id → name), largest first: customers, before, after, change (currency).

    `customers` counts those known at the second date; unknown ones are of the group "unknown". A value that rests on
    1 to 4 customers is NaN; and what was known before of a group of fewer than LEAST_OF_SOME in a sample (`of_some`).

    >>> def known(clv):  # a valuation of which only the customers' values are needed
    ...     return Valuation(sample.as_of, None, None, pd.DataFrame({"clv": clv}))
    >>> groups = pd.Series(["search"] * 5 + ["social"] * 5)
    >>> equity_by_group(known([20.0] * 10), known([30.0] * 5 + [12.0] * 5), groups)
            customers  before  after  change
    group
    search          5   100.0  150.0    50.0
    social          5   100.0   60.0   -40.0
    """
    then, now = (
        valuation.customers["clv"].groupby(aggregate.group_names(groups, valuation.customers.index))
        for valuation in (before, after)
    )
    sizes = pd.DataFrame({"before": then.size(), "after": now.size()}).fillna(0)
    sums = {"before": then.sum() * before.stands_for, "after": now.sum() * after.stands_for}
    frame = pd.DataFrame({"customers": now.size()} | sums).fillna(0.0)
    frame[["before", "after"]] = frame[["before", "after"]].mask((sizes > 0) & (sizes < LEAST))
    if before.stands_for != 1:
        frame["before"] = frame["before"].mask(sizes["before"] < LEAST_OF_SOME)
    frame = frame.astype({"customers": "int64"}).assign(change=frame["after"] - frame["before"])
    return frame.rename_axis("group").sort_values("after", ascending=False, kind="stable")
