"""Raw transactions by channel and raw touchpoints → who used which channel when, paths before orders, hours.

Tables are Ibis expressions with the columns of `tables.TABLES`; every function gives a pandas frame. A channel is
**used** by an order in it or, where touchpoints are known, by a `visit` to one of the channels in which the shop sells.
This is about what customers did: an order counts where and when it was made, also when it is sent back later. What they
bought and brought in the end follows the rule of `purchases`.
"""

from typing import Any

import ibis
import pandas as pd

from clvlib.aggregate.rows import beside, between, fetched, until
from clvlib.errors import MissingTable

_DIGITS = 8
VISIT = "visit"
REACTIONS = ("open", "click", VISIT)  # what a customer did; "sent" is what the shop did


def require_channel(transactions: ibis.Table) -> None:
    """Raise MissingTable when the transactions don't say where each order was bought."""
    if "channel" not in transactions.columns:
        raise MissingTable(
            "The transactions have no column 'channel', so nobody can tell what using several of them is worth.",
            "Map the column that says where an order was bought: channel = … in columns of [transactions].",
        )


def selling_channels(transactions: ibis.Table) -> set[str]:
    """Name the channels in which the shop sells; none when the transactions don't say."""
    if "channel" not in transactions.columns:
        return set()
    named = transactions.filter(transactions["channel"].notnull()).select("channel").distinct()
    return set(fetched(named)["channel"])


def usage(transactions: ibis.Table, touchpoints: ibis.Table | None, start: Any, end: Any) -> pd.DataFrame:
    """Which channels each customer used from `start` to `end` (days, both included).

    Returns one row per customer and channel, sorted: customer_id, channel, purchases (purchase days in that channel;
    0 where it was only visited), amount (currency, refunds in that channel taken off), first_used (datetime64). Rows
    without a channel don't count. Raises MissingTable without the column `channel`.
    """
    require_channel(transactions)
    rows = between(transactions, start, end)
    rows = rows.filter(rows["channel"].notnull())
    keys = ["customer_id", "channel"]
    days = rows.group_by([*keys, "day"]).agg(
        bought=(rows["amount"] > 0).any(), amount=rows["amount"].sum().round(_DIGITS)
    )
    used = days.group_by(keys).agg(
        purchases=days["bought"].sum(), amount=days["amount"].sum(), first_used=days["day"].min(where=days["bought"])
    )
    used = used.filter(used["purchases"] > 0)
    frame = fetched(used, ["first_used"])
    if touchpoints is not None and "event" in touchpoints.columns:
        seen = visits(transactions, touchpoints, start, end).rename(columns={"first_used": "visited"})
        frame = frame.merge(seen.drop(columns="days"), on=keys, how="outer")
        frame = frame.fillna({"purchases": 0, "amount": 0.0})
        frame["first_used"] = frame[["first_used", "visited"]].min(axis=1)
        frame = frame.drop(columns="visited")
    frame = frame.astype({"purchases": "int64", "amount": "float64"}).round({"amount": _DIGITS})
    return frame.sort_values(keys, ignore_index=True)


def visits(transactions: ibis.Table, touchpoints: ibis.Table, start: Any, end: Any) -> pd.DataFrame:
    """Which selling channels each customer visited from `start` to `end` (days, both included).

    Returns one row per customer and channel, sorted: customer_id, channel, first_used (datetime64, the first visit's
    day), days (int, on which it was visited). Empty when touchpoints have no column `event`.
    """
    if "event" not in touchpoints.columns:
        return pd.DataFrame({"customer_id": [], "channel": [], "first_used": pd.to_datetime([]), "days": []}).astype(
            {"channel": str}
        )
    rows = between(touchpoints, start, end)
    rows = rows.filter((rows["event"] == VISIT) & rows["channel"].isin(sorted(selling_channels(transactions))))
    seen = rows.group_by(["customer_id", "channel"]).agg(first_used=rows["day"].min(), days=rows["day"].nunique())
    frame = fetched(seen, ["first_used"])
    return frame.sort_values(["customer_id", "channel"], ignore_index=True)


def first_orders(transactions: ibis.Table, start: Any, end: Any) -> pd.DataFrame:
    """The first order of each customer from `start` to `end` (days, both included), in a channel that is named.

    An order counts on the day on which it is made, whatever is sent back later: on that day nobody knew. Orders of the
    same minute are settled by order_id, then by amount, and by the channel only where nothing else tells them apart.

    Returns, indexed by customer_id and sorted by it: channel, ordered_on (datetime64, the day). Raises MissingTable
    without the column `channel`.
    """
    require_channel(transactions)
    rows = between(transactions, start, end)
    rows = rows.filter((rows["amount"] > 0) & rows["channel"].notnull())
    named = ["order_id"] if "order_id" in rows.columns else []
    place = ibis.row_number().over(
        ibis.window(group_by="customer_id", order_by=["date", *named, ibis.desc("amount"), "channel"])
    )
    first = rows.mutate(place=place).filter(lambda t: t["place"] == 0)
    frame = fetched(first.select("customer_id", "channel", ordered_on="day"), ["ordered_on"])
    return frame.set_index("customer_id").sort_index()


def aligned(transactions: ibis.Table, days: pd.Series, onto: Any) -> ibis.Table:
    """Move each customer's rows in time so that the day that `days` names for them (by customer_id) falls on `onto`.

    Whatever is then asked of one date is asked of everybody on their own day. Other customers' rows are left out.
    """
    moved = (pd.Timestamp(onto).normalize() - pd.to_datetime(days)).dt.days
    rows = beside(transactions, moved.astype("int64").rename("moved"), "int64")
    return rows.mutate(date=rows["date"] + rows["moved"].as_interval("D")).drop("moved")


def days_bought(transactions: ibis.Table, start: Any, ends: pd.Series) -> pd.Series:
    """Count purchase days from `start` to the day before the one that `ends` names for each customer (its index)."""
    rows = between(transactions, start, ends.max()).filter(lambda t: t["amount"] > 0)
    rows = beside(rows, ends.astype("datetime64[us]").rename("ends"), "timestamp(6)")
    rows = rows.filter(rows["day"] < rows["ends"].cast("date"))
    counted = fetched(rows.group_by("customer_id").agg(days=rows["day"].nunique())).set_index("customer_id")["days"]
    return counted.reindex(ends.index).fillna(0).astype("float64")


def orders(transactions: ibis.Table, start: Any, end: Any) -> pd.DataFrame:
    """List the orders from `start` to `end` (days, both included), in the order of time.

    Columns: customer_id, ordered_at (datetime64, its first minute), amount (currency; > 0, with the refunds of that
    order taken off). An order is what has one order_id; without that column, a day of a customer.
    """
    rows = between(transactions, start, end)
    day = rows["day"].cast("string")
    order = rows["order_id"].fill_null(day) if "order_id" in rows.columns else day
    made = rows.group_by(["customer_id", order.name("order")]).agg(
        ordered_at=rows["date"].min(where=rows["amount"] > 0), amount=rows["amount"].sum().round(_DIGITS)
    )
    frame = fetched(made.filter((made["amount"] > 0) & made["ordered_at"].notnull()), ["ordered_at"])
    return frame.sort_values(["ordered_at", "customer_id", "order"], ignore_index=True).drop(columns="order")


def paths(transactions: ibis.Table, touchpoints: ibis.Table, start: Any, end: Any, days: int = 30) -> pd.DataFrame:
    """Lay each customer's contacts out as paths: those that an order followed, and those that led nowhere.

    Counted are a customer's own reactions (open, click, visit; every contact of a table without events) on channels
    in which the shop doesn't sell: a visit to the shop is where people buy, not what brought them. A contact belongs to
    the customer's next order if that comes within `days` of it. Contacts that no order followed make a path that ends
    after a silence of more than `days`.

    Returns one row per contact, sorted by path and position: path (int), customer_id, channel, touched_at (datetime64),
    position (from 1), length (contacts on the path), converted (bool), days_before (float, until the order; NaN
    without one), amount (currency, of the order; 0 without one).
    """
    rows = between(touchpoints, start, end)
    if "event" in rows.columns:
        rows = rows.filter(rows["event"].isin(REACTIONS))
    rows = rows.filter(rows["channel"].notin(sorted(selling_channels(transactions))))
    seen = fetched(rows.select("customer_id", "channel", touched_at="date"), ["touched_at"])
    seen = seen.sort_values(["touched_at", "customer_id", "channel"], ignore_index=True)
    bought = orders(transactions, start, end)
    bought["order"] = range(len(bought))
    near = pd.Timedelta(days=days)
    seen = pd.merge_asof(
        seen, bought, left_on="touched_at", right_on="ordered_at", by="customer_id", direction="forward", tolerance=near
    )
    seen = seen.sort_values(["customer_id", "touched_at", "channel"], ignore_index=True)
    before = seen.groupby("customer_id")[["order", "touched_at"]].shift()
    same_order = (before["order"] == seen["order"]) | (before["order"].isna() & seen["order"].isna())
    seen["path"] = (~(same_order & (seen["touched_at"] - before["touched_at"] <= near))).cumsum()
    by_path = seen.groupby("path")["channel"]
    return pd.DataFrame(
        {
            "path": seen["path"],
            "customer_id": seen["customer_id"],
            "channel": seen["channel"],
            "touched_at": seen["touched_at"],
            "position": by_path.cumcount() + 1,
            "length": by_path.transform("size"),
            "converted": seen["order"].notna(),
            "days_before": (seen["ordered_at"] - seen["touched_at"]).dt.total_seconds() / 86_400,
            "amount": seen["amount"].fillna(0.0),
        }
    )


def hours(transactions: ibis.Table, touchpoints: ibis.Table | None, start: Any, end: Any) -> pd.DataFrame:
    """Count when customers act: orders (by the channel of purchase) and reactions to contacts, by hour of the day.

    Returns customer_id, channel, hour (0 to 23, shop time), bought (orders in that hour), reacted (opens, clicks and
    visits). Rows without a channel are under "unknown".
    """
    keys = ["customer_id", "channel", "hour"]
    rows = between(transactions, start, end).filter(lambda t: t["amount"] > 0)
    channel = rows["channel"] if "channel" in rows.columns else ibis.null("string")
    acts = {"bought": rows.select("customer_id", channel.name("channel"), "date").distinct()}  # lines of one order
    if touchpoints is not None and "event" in touchpoints.columns:
        acts["reacted"] = between(touchpoints, start, end).filter(lambda t: t["event"].isin(REACTIONS))
    counts = [_by_hour(rows).set_index(keys)["acts"].rename(what) for what, rows in acts.items()]
    frame = pd.concat(counts, axis=1).reindex(columns=["bought", "reacted"]).fillna(0).reset_index()
    return frame.astype({"hour": "int64", "bought": "int64", "reacted": "int64"}).sort_values(keys, ignore_index=True)


def _by_hour(acts: ibis.Table) -> pd.DataFrame:
    """How often each customer acted in each channel in each hour of the day."""
    acts = acts.mutate(hour=acts["date"].hour(), channel=acts["channel"].fill_null("unknown"))
    return fetched(acts.group_by(["customer_id", "channel", "hour"]).agg(acts=acts.count()))


def touches(touchpoints: ibis.Table, as_of: Any) -> pd.DataFrame:
    """Each customer's first_touch (of any event) and last_reaction (open, click, visit; NaT without), as datetime64.

    By the day `as_of`; indexed by customer_id and sorted by it. Of a table without events, every row is a reaction.
    """
    rows = until(touchpoints, as_of)
    own = rows["event"].isin(REACTIONS) if "event" in rows.columns else ibis.literal(True)
    found = rows.group_by("customer_id").agg(first_touch=rows["day"].min(), last_reaction=rows["day"].max(where=own))
    return fetched(found, ["first_touch", "last_reaction"]).set_index("customer_id").sort_index()


def last_campaign(touchpoints: ibis.Table, before: pd.Series, days: int) -> pd.Series:
    """The "channel · campaign" that each customer last reacted to in the `days` up to the day `before` names (by
    customer_id), that day included; other customers are left out.
    """
    rows = touchpoints.filter(touchpoints["campaign"].notnull())
    if "event" in rows.columns:
        rows = rows.filter(rows["event"].isin(REACTIONS))
    seen = fetched(rows.select("customer_id", "date", "channel", "campaign"))
    waited = seen["customer_id"].map(before) - seen["date"].astype("datetime64[us]").dt.normalize()
    seen = seen[waited.between(pd.Timedelta(0), pd.Timedelta(days=days))]
    seen = seen.sort_values(["customer_id", "date", "channel", "campaign"])
    last = seen.drop_duplicates("customer_id", keep="last").set_index("customer_id")
    return (last["channel"] + " · " + last["campaign"]).rename("campaign")


def survey_answers(surveys: ibis.Table, as_of: Any) -> pd.DataFrame:
    """The survey's answers up to the day `as_of`, in the order of time: customer_id, date (day), score."""
    rows = until(surveys, as_of).select("customer_id", "day", "score")
    answers = fetched(rows, ["day"]).rename(columns={"day": "date"}).dropna()
    return answers.sort_values(["date", "customer_id", "score"], ignore_index=True)


def contact_costs(touchpoints: ibis.Table, start: Any, end: Any) -> pd.Series:
    """What contacts with each customer cost from `start` to `end` (days, both included), by customer_id, in currency.

    Contacts without a cost count as free. Raises MissingTable when no contact has one.
    """
    if "cost" not in touchpoints.columns:
        raise MissingTable("The touchpoints don't say what a contact cost.", "Add a column cost to touchpoints.")
    rows = between(touchpoints, start, end)
    spent = rows.group_by("customer_id").agg(cost=rows["cost"].fill_null(0.0).sum().round(_DIGITS))
    return fetched(spent).set_index("customer_id")["cost"].sort_index()
