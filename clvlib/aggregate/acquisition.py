"""Marketing costs, or the customers' own → what it costs to win a customer (CAC), on average.

One definition for every page: CAC = marketing spend / new customers, over the same months.

* Spend: the bills (table `marketing_costs`) where they are given, else the customers' column `acquisition_cost`.
* New customers: whose first purchase falls into the months of the bills, those who came by themselves included. Where
  no customer has a channel, the count that the bills state. With the column: the buyers whose cost is known.

Nothing is imputed: a month of a channel without its bill is left out with its customers, and nobody is given a cost.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from clvlib import aggregate
from clvlib.errors import CannotAnswer, MissingTable, NotEnoughData
from clvlib.language import message, phrase, translated

if TYPE_CHECKING:
    from clvlib.dataset import Dataset

BILLS, COLUMN = "marketing_costs", "acquisition_cost"
SOURCES = message(
    {
        BILLS: "the bills of marketing_costs",
        COLUMN: "the customers' column acquisition_cost (no marketing_costs are given)",
    }
)
ORIGINS = message({BILLS: "marketing costs / new customers", COLUMN: "customers' acquisition_cost / buyers"})
SPENT_AND_WON = message(
    "CAC, the cost to acquire: {spent:money} by {source:text}, over {new_customers:count} new customers, {first:date} "
    "to {last:date}, is {cac:money}.{missing:text}"
)
_WHOLE = (3, 6, 12)  # months: a quarter, half a year, a year


@dataclass(frozen=True)
class Ledger:
    """What was spent to win customers and who came, by channel and period.

    source: BILLS or COLUMN. months: length of a period. rows, sorted by channel and period: channel, period (first day,
    NaT if not known), cost (currency; NaN: the bill is missing), new_customers, billed (False where the channel has no
    bills then: its customers came by themselves, at no cost); stated, where the bills count customers themselves.
    """

    source: str
    months: int
    rows: pd.DataFrame

    @property
    def known(self) -> pd.DataFrame:
        """The rows whose cost is known: what every CAC is made of."""
        return self.rows[self.rows["cost"].notna()]

    @property
    def cac(self) -> float:
        """Cost per new customer, all channels together (currency). Raises NotEnoughData when nobody was won."""
        if not self.known["new_customers"].sum() > 0:
            raise NotEnoughData(
                "No new customer falls into the months whose marketing costs are known.",
                "Bring costs of months that the transactions cover.",
            )
        return float(self.known["cost"].sum() / self.known["new_customers"].sum())

    def by_channel(self) -> pd.DataFrame:
        """Indexed by channel: spent (currency), new_customers, months (whose cost is known), cac; for billed channels.

        cac is NaN where the channel cost nothing or won nobody.
        """
        billed = self.known[self.known["billed"]].groupby("channel")
        frame = billed.agg(spent=("cost", "sum"), new_customers=("new_customers", "sum"), months=("period", "nunique"))
        frame["months"] *= self.months
        paid = (frame["spent"] > 0) & (frame["new_customers"] > 0)
        return frame.assign(cac=(frame["spent"] / frame["new_customers"]).where(paid))

    def spent(self, months: pd.DatetimeIndex) -> float:
        """What was spent in these months (their first days): NaN where a bill is missing or covers other months too."""
        rows = self.rows[self.rows["period"].isin(months)]
        ends = rows["period"] + pd.DateOffset(months=self.months - 1)
        whole = rows["period"].nunique() * self.months == len(months) and ends.isin(months).all()
        return float(rows["cost"].sum(skipna=False)) if whole else np.nan


def ledger(ds: "Dataset") -> Ledger:
    """Put spend and new customers of the same periods side by side; periods not over by the as-of date are left out.

    Bills stand for months, or for as many months as lie between a channel's (quarters, years); unlike lengths are set
    side by side by the longest. A paid channel's bills are due from the first to the last of all channels' bills; where
    one is missing, or a channel's only one has no known length, cost is NaN. Raises MissingTable when neither bills nor
    the customers' column are there, NotEnoughData when no period was over or no length can be known.
    """
    people = ds.customers() if ds.has("customers") else pd.DataFrame()
    if not ds.has(BILLS) and COLUMN not in people:
        raise MissingTable(
            "Nothing says what was spent to win customers: there is no table 'marketing_costs'.",
            "Add it (channel, period, cost), or the column acquisition_cost to the customers table.",
            "marketing_costs",
        )
    first = aggregate.rfm_summary(ds.transactions, ds.as_of)["first_purchase"]
    if ds.has(BILLS):
        return _from_bills(ds.table(BILLS).to_pandas(), people.get("acquisition_channel"), first, ds.as_of)
    return Ledger(COLUMN, 1, _from_column(people, first, ds.as_of))


def _from_bills(table: pd.DataFrame, channel: pd.Series | None, first: pd.Series, as_of: pd.Timestamp) -> Ledger:
    what = phrase("No bill's period was over by {day:%Y-%m-%d}.", day=as_of)
    early = NotEnoughData(what, "Bring the bills of earlier months.")
    bills = table.assign(period=_month(table["period"]))
    bills = bills[bills["channel"].isin(bills.loc[bills["period"] <= as_of, "channel"])]
    if bills.empty:
        raise early
    own, length, anchor = _lengths(bills)
    month = bills["period"].to_numpy().astype("datetime64[M]").astype(int)
    start = (month - (month - anchor) % length).astype("datetime64[M]").astype("datetime64[us]")
    step = pd.DateOffset(months=length)
    bills = bills.assign(part=bills["period"], period=start)
    bills = bills[bills["period"] + step <= as_of + pd.Timedelta(days=1)]
    if bills.empty:
        raise early
    keys = ["channel", "period"]
    sums = bills.groupby(keys).agg(cost=("cost", lambda costs: costs.sum(skipna=False)), parts=("part", "nunique"))
    whole = sums["parts"] == length / sums.index.get_level_values("channel").map(own)  # a single bill: length unknown
    days = pd.date_range(bills["period"].min(), bills["period"].max(), freq=step)
    grid = pd.MultiIndex.from_product([sums.index.unique("channel"), days], names=keys)
    rows = sums[["cost"]].where(whole).reindex(grid)
    if "new_customers" in bills:
        stated = bills.groupby([*keys, "part"])["new_customers"].sum(min_count=1)
        stated = stated.groupby(keys).agg(lambda counts: counts.sum(skipna=False)).reindex(grid)
        if channel is None:
            rows = rows.assign(new_customers=stated, cost=rows["cost"].where(stated.notna()))
            return Ledger(BILLS, length, rows.fillna({"new_customers": 0.0}).assign(billed=True).reset_index())
    elif channel is None:  # who came through which channel isn't known at all: the bills of all of them, or none
        rows = rows.groupby("period").sum(skipna=False)
        rows = pd.concat({aggregate.UNKNOWN: rows}, names=keys)
    place = days.searchsorted(_month(first), side="right") - 1
    inside = (place >= 0) & (first < days[-1] + step).to_numpy()
    came = (
        pd.Series(aggregate.UNKNOWN, index=first.index)
        if channel is None
        else aggregate.group_names(channel, first.index)
    )
    won = pd.DataFrame({"channel": came[inside], "period": days[place[inside]]}).value_counts().astype(float)
    rows = rows.assign(billed=True).join(won.rename("new_customers"), how="outer")
    rows["billed"] = rows["billed"].eq(True)
    rows["cost"] = rows["cost"].where(rows["billed"], 0.0)
    if "new_customers" in bills:
        rows["stated"] = stated.reindex(rows.index)
    rows = rows.fillna({"new_customers": 0.0}).reset_index()
    if channel is None:
        return Ledger(BILLS, length, rows)
    ends = bills.groupby("channel")["period"].agg(["min", "max"]).reindex(rows["channel"]).set_index(rows.index)
    idle = rows["billed"] & (rows["new_customers"] == 0) & ~rows["period"].between(ends["min"], ends["max"])
    return Ledger(BILLS, length, rows[~idle].reset_index(drop=True))  # nobody came outside of its bills: none is due


def _lengths(bills: pd.DataFrame) -> tuple[dict[str, float], int, int]:
    """For how many months a bill of each channel stands (NaN: a single one), of all together, and a month they begin.

    A quarter, half a year or a year is found per channel; any other gap may be a missing bill, so that all decide.
    """
    months = bills["period"].to_numpy().astype("datetime64[M]").astype(int)
    found = {name: np.unique(months[bills["channel"] == name]) for name in bills["channel"].unique().tolist()}
    several = {name: when for name, when in found.items() if len(when) > 1}
    if not several:
        raise NotEnoughData(
            "Every channel has a single bill, so that for how many months it stands (a month, a year) isn't known.",
            "Give the bills of two periods or more in marketing_costs.",
        )
    pooled = int(np.gcd.reduce(np.diff(np.unique(np.concatenate(list(several.values()))))))
    gaps = {name: int(np.gcd.reduce(np.diff(when))) for name, when in several.items()}
    own = {name: gap if gap in _WHOLE else pooled for name, gap in gaps.items()}
    anchor = int(several[max(own, key=lambda name: own[name])][0])
    if any((when[0] - anchor) % own[name] for name, when in several.items()):
        raise NotEnoughData(
            "The channels' bills begin in unlike months, so that they can't be set over the same months.",
            "Give every channel's costs by the month in marketing_costs.",
        )
    return {name: own.get(name, np.nan) for name in found}, int(np.lcm.reduce(list(own.values()))), anchor


def _from_column(people: pd.DataFrame, first: pd.Series, as_of: pd.Timestamp) -> pd.DataFrame:
    start = first.reindex(people.index)
    acquired = people["acquired_on"].fillna(start) if "acquired_on" in people else start
    known = people[COLUMN].notna()
    channel = people.get("acquisition_channel", pd.Series(index=people.index, dtype=object))
    frame = pd.DataFrame(
        {"channel": aggregate.group_names(channel, people.index), "cost": people[COLUMN], "paid": _month(acquired)}
    )
    paid = frame[known & ~(acquired > as_of)].groupby(["channel", "paid"], dropna=False)["cost"].sum()
    won = frame.assign(paid=_month(start))[known & start.notna()].groupby(["channel", "paid"]).size()
    both = pd.concat([paid.rename("cost"), won.rename("new_customers").astype(float)], axis=1).fillna(0.0)
    return both.rename_axis(["channel", "period"]).sort_index().reset_index().assign(billed=True)


def _month(days: pd.Series) -> pd.Series:
    return days.astype("datetime64[us]").dt.to_period("M").dt.start_time


def by_customer(ds: "Dataset") -> pd.Series:
    """What it cost to win each buyer (currency), for the CAC of groups of customers: its mean.

    From bills: the CAC of the buyer's channel, 0 where the channel has no bills. From the column: the buyer's own.
    NaN: not known, as where none of the channel's bills can be used. Raises as `ledger`.
    """
    known = ledger(ds)
    buyers = aggregate.rfm_summary(ds.transactions, ds.as_of).index
    people = ds.customers() if ds.has("customers") else pd.DataFrame()
    if known.source == COLUMN:
        return people[COLUMN].reindex(buyers)
    channel = aggregate.group_names(people.get("acquisition_channel", pd.Series(dtype=object)), buyers)
    each = known.by_channel()
    billed = channel.isin(known.rows.loc[known.rows["billed"], "channel"])
    return channel.map(each["spent"] / each["new_customers"]).where(billed, 0.0)


def cost_of(ds: "Dataset", customers: pd.Index) -> pd.Series:
    """What winning each of these buyers cost (currency): as the data tell it (`by_customer`), else as the card does.

    NaN where neither does. Ask for buyers only: what was spent on others is in their CAC.
    """
    try:
        return by_customer(ds).reindex(customers).astype(float)
    except CannotAnswer:
        return pd.Series(ds.economics.acquisition_cost, index=customers, dtype=float)


def spending_told(known: Ledger) -> dict[str, Any]:
    """The values that SENTENCE says: what was spent, on how many new customers, when, and what had to be left out."""
    rows, used = known.rows, known.known
    left = len(rows) - len(used)
    alone = sorted(set(rows.loc[rows["billed"], "channel"]) - set(used.loc[used["billed"], "channel"]))
    missing = phrase(
        " {left} bill(s) of a channel and period are missing: these periods and their {lost:.0f} new customers are "
        "left out.{alone: No bill of {alone} can be used: a single one doesn't say for how many months it stands.|}",
        left=left,
        lost=rows.loc[rows["cost"].isna(), "new_customers"].sum(),
        alone=", ".join(alone),
    )
    last = used["period"].max() + pd.DateOffset(months=known.months) - pd.Timedelta(days=1)
    return {
        "spent": used["cost"].sum(),
        "source": translated(SOURCES[known.source]),
        "new_customers": used["new_customers"].sum(),
        "first": used["period"].min(),
        "last": last,
        "cac": known.cac,
        "missing": missing if left else "",
    }
