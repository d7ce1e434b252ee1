"""Raw transactions by channel and raw touchpoints → who used which channel when, paths before orders, hours.

Tables are Ibis expressions with the columns of `tables.TABLES`; every function gives a pandas frame. A channel is
**used** by an order in it or, where touchpoints are known, by a `visit` to one of the channels in which the shop sells.
This is about what customers did: an order counts where and when it was made, also when it is sent back later. What they
bought and brought in the end follows the rule of `purchases`.
"""

from typing import Any

import ibis
import pandas as pd

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
    return set(_frame(named)["channel"])


def _between(table: ibis.Table, start: Any, end: Any) -> ibis.Table:
    """Keep rows from the first to the last day, both included."""
    first, last = pd.Timestamp(start), pd.Timestamp(end)
    day = table["date"].cast("date")
    inside = (day >= ibis.date(first.year, first.month, first.day)) & (
        day <= ibis.date(last.year, last.month, last.day)
    )
    return table.mutate(day=day).filter(inside)


def usage(transactions: ibis.Table, touchpoints: ibis.Table | None, start: Any, end: Any) -> pd.DataFrame:
    """Which channels each customer used from `start` to `end` (days, both included).

    Returns one row per customer and channel, sorted: customer_id, channel, purchases (purchase days in that channel;
    0 where it was only visited), amount (currency, refunds in that channel taken off), first_used (datetime64). Rows
    without a channel don't count. Raises MissingTable without the column `channel`.
    """
    require_channel(transactions)
    rows = _between(transactions, start, end)
    rows = rows.filter(rows["channel"].notnull())
    keys = ["customer_id", "channel"]
    days = rows.group_by([*keys, "day"]).agg(
        bought=(rows["amount"] > 0).any(), amount=rows["amount"].sum().round(_DIGITS)
    )
    used = days.group_by(keys).agg(
        purchases=days["bought"].sum(), amount=days["amount"].sum(), first_used=days["day"].min(where=days["bought"])
    )
    used = used.filter(used["purchases"] > 0)
    if touchpoints is not None and "event" in touchpoints.columns:
        visits = _visits(transactions, touchpoints, start, end)
        both = used.outer_join(visits.drop("days"), keys)
        used = both.select(
            customer_id=ibis.coalesce(both["customer_id"], both["customer_id_right"]),
            channel=ibis.coalesce(both["channel"], both["channel_right"]),
            purchases=both["purchases"].fill_null(0),
            amount=both["amount"].fill_null(0.0),
            first_used=ibis.least(
                ibis.coalesce(both["first_used"], both["visited"]), ibis.coalesce(both["visited"], both["first_used"])
            ),
        )
    frame = _frame(used, ["first_used"])
    frame = frame.astype({"purchases": "int64", "amount": "float64"}).round({"amount": _DIGITS})
    return frame.sort_values(keys, ignore_index=True)


def _visits(transactions: ibis.Table, touchpoints: ibis.Table, start: Any, end: Any) -> ibis.Table:
    seen = _between(touchpoints, start, end)
    seen = seen.filter(seen["event"] == VISIT).semi_join(transactions.select("channel").distinct(), "channel")
    return seen.group_by(["customer_id", "channel"]).agg(visited=seen["day"].min(), days=seen["day"].nunique())


def visits(transactions: ibis.Table, touchpoints: ibis.Table, start: Any, end: Any) -> pd.DataFrame:
    """Which selling channels each customer visited from `start` to `end` (days, both included).

    Returns one row per customer and channel, sorted: customer_id, channel, first_used (datetime64, the first visit's
    day), days (int, on which it was visited). Empty when touchpoints have no column `event`.
    """
    if "event" not in touchpoints.columns:
        return pd.DataFrame({"customer_id": [], "channel": [], "first_used": pd.to_datetime([]), "days": []}).astype(
            {"channel": str}
        )
    frame = _frame(_visits(transactions, touchpoints, start, end), ["visited"]).rename(
        columns={"visited": "first_used"}
    )
    return frame.sort_values(["customer_id", "channel"], ignore_index=True)


def first_orders(transactions: ibis.Table, start: Any, end: Any) -> pd.DataFrame:
    """The first order of each customer from `start` to `end` (days, both included), in a channel that is named.

    An order counts on the day on which it is made, whatever is sent back later: on that day nobody knew. Orders of the
    same minute are settled by order_id, then by amount, and by the channel only where nothing else tells them apart.

    Returns, indexed by customer_id and sorted by it: channel, ordered_on (datetime64, the day). Raises MissingTable
    without the column `channel`.
    """
    require_channel(transactions)
    rows = _between(transactions, start, end)
    rows = rows.filter((rows["amount"] > 0) & rows["channel"].notnull())
    named = ["order_id"] if "order_id" in rows.columns else []
    place = ibis.row_number().over(
        ibis.window(group_by="customer_id", order_by=["date", *named, ibis.desc("amount"), "channel"])
    )
    first = rows.mutate(place=place).filter(lambda t: t["place"] == 0)
    frame = _frame(first.select("customer_id", "channel", ordered_on="day"), ["ordered_on"])
    return frame.set_index("customer_id").sort_index()


def aligned(transactions: ibis.Table, days: pd.Series, onto: Any) -> ibis.Table:
    """Move each customer's rows in time so that the day that `days` names for them (by customer_id) falls on `onto`.

    Whatever is then asked of one date is asked of everybody on their own day. Other customers' rows are left out.
    """
    moved = (pd.Timestamp(onto).normalize() - pd.to_datetime(days)).dt.days
    known = pd.DataFrame({"member": days.index.astype(str), "moved": moved.to_numpy("int64")})
    table = ibis.memtable(known, schema={"member": "string", "moved": "int64"})
    rows = transactions.inner_join(table, transactions["customer_id"] == table["member"])
    return rows.mutate(date=rows["date"] + rows["moved"].as_interval("D")).drop("member", "moved")


def days_bought(transactions: ibis.Table, start: Any, until: pd.Series) -> pd.Series:
    """Count purchase days from `start` to the day before the one that `until` names for each customer (its index)."""
    known = pd.DataFrame({"member": until.index.astype(str), "until": until.to_numpy("datetime64[us]")})
    table = ibis.memtable(known, schema={"member": "string", "until": "timestamp(6)"})
    rows = _between(transactions, start, until.max())
    rows = rows.filter(rows["amount"] > 0).inner_join(table, rows["customer_id"] == table["member"])
    rows = rows.filter(rows["day"] < rows["until"].cast("date"))
    counted = _frame(rows.group_by("customer_id").agg(days=rows["day"].nunique())).set_index("customer_id")["days"]
    return counted.reindex(until.index).fillna(0).astype("float64")


def orders(transactions: ibis.Table, start: Any, end: Any) -> pd.DataFrame:
    """List the orders from `start` to `end` (days, both included), in the order of time.

    Columns: customer_id, ordered_at (datetime64, its first minute), amount (currency; > 0, with the refunds of that
    order taken off). An order is what has one order_id; without that column, a day of a customer.
    """
    rows = _between(transactions, start, end)
    day = rows["day"].cast("string")
    order = rows["order_id"].fill_null(day) if "order_id" in rows.columns else day
    made = rows.group_by(["customer_id", order.name("order")]).agg(
        ordered_at=rows["date"].min(where=rows["amount"] > 0), amount=rows["amount"].sum().round(_DIGITS)
    )
    frame = _frame(made.filter((made["amount"] > 0) & made["ordered_at"].notnull()), ["ordered_at"])
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
    rows = _between(touchpoints, start, end)
    if "event" in rows.columns:
        rows = rows.filter(rows["event"].isin(REACTIONS))
    if "channel" in transactions.columns:
        rows = rows.anti_join(transactions.filter(transactions["channel"].notnull()), "channel")
    seen = _frame(rows.select("customer_id", "channel", touched_at="date"), ["touched_at"])
    seen = seen.sort_values(["touched_at", "customer_id", "channel"], ignore_index=True)
    bought = orders(transactions, start, end)
    bought["order"] = range(len(bought))
    near = pd.Timedelta(days=days)
    seen = pd.merge_asof(
        seen,
        bought,
        left_on="touched_at",
        right_on="ordered_at",
        by="customer_id",
        direction="forward",
        tolerance=near,
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
    rows = _between(transactions, start, end).filter(lambda t: t["amount"] > 0)
    channel = rows["channel"] if "channel" in rows.columns else ibis.null("string")
    acts = rows.select("customer_id", channel.name("channel"), "date").distinct().mutate(bought=1, reacted=0)
    if touchpoints is not None and "event" in touchpoints.columns:
        seen = _between(touchpoints, start, end).filter(lambda t: t["event"].isin(REACTIONS))
        acts = ibis.union(acts, seen.select("customer_id", "channel", "date").mutate(bought=0, reacted=1))
    acts = acts.mutate(hour=acts["date"].hour(), channel=acts["channel"].fill_null("unknown"))
    keys = ["customer_id", "channel", "hour"]
    counted = acts.group_by(keys).agg(bought=acts["bought"].sum(), reacted=acts["reacted"].sum())
    return (
        _frame(counted)
        .astype({"hour": "int64", "bought": "int64", "reacted": "int64"})
        .sort_values(keys, ignore_index=True)
    )


def _frame(table: ibis.Table, dates: list[str] | None = None) -> pd.DataFrame:
    frame = table.to_pyarrow().to_pandas(date_as_object=False)
    for column in dates or []:
        frame[column] = pd.to_datetime(frame[column]).astype("datetime64[us]")
    return frame
