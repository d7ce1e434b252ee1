"""Raw transactions → purchases: the one rule of what a purchase is, when it was made, and what it came to.

* Several purchases of a customer on one day are one purchase.
* A refund (a row below 0) goes to its order: the latest day, up to its own, on which the customer bought under the same
  `order_id`. A refund without such an order goes to the purchase before it, when more was paid back on that day than
  spent; else it is part of what was bought that day.
* A purchase whose net amount is 0 or less is not a purchase. What is left of it still counts as money, on its day.
* Nothing after `as_of` is read: a refund that nobody knows of yet takes nothing off.
"""

import weakref
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import ibis
import numpy as np
import pandas as pd
from ibis.util import gen_name

from clvlib.aggregate.rows import date_of, fetched, until, with_day
from clvlib.language import message
from clvlib.stats import SMALL, SUM_DIGITS, rounded

_T = TypeVar("_T")
_MOST_KEPT = 6_000_000  # rows of all days that are kept (about 200 MB)
REFUNDS = message(  # what they are taken off
    ("their order", "what was bought that day", "the purchase before", "nothing known")
)


def added_up(amounts: ibis.Value) -> ibis.Value:
    """Their sum, without the noise of the last digits that adding up in any order leaves. Lazy."""
    total, largest = amounts.sum(), amounts.abs().max()
    zeros = -(ibis.greatest(largest, 10.0**-SUM_DIGITS * SMALL) / SMALL).log10().floor()
    scale = ibis.literal(10.0) ** (SUM_DIGITS - 1 + zeros)  # Spark can't round to so many digits as a column says
    return ibis.ifelse(largest >= SMALL, total.round(SUM_DIGITS), (total * scale).round(1) / scale)


def purchase_days(transactions: ibis.Table, as_of: Any, free_orders: bool = False) -> ibis.Table:
    """Lazy table of purchases, one row per customer and purchase day, up to and including `as_of`.

    Columns: customer_id, day (date), amount (net of the refunds that belong to it, > 0; currency), position (1 for the
    first purchase). `free_orders=True` counts days of zero amount as purchases, as the published CDNOW tables do.
    """
    made = spent_on_days(transactions, as_of, free_orders)
    bought = made.filter(made["bought"]).drop("bought")
    by_day = ibis.window(group_by="customer_id", order_by="day")
    return bought.mutate(position=ibis.row_number().over(by_day) + 1)


def spent_on_days(transactions: ibis.Table, as_of: Any, free_orders: bool = False) -> ibis.Table:
    """What each customer spent by day, refunds taken off the day that they belong to: all that was paid, once.

    Columns: customer_id, day, amount (currency), bought (whether it is a purchase). Worked out once for a day and kept
    in the database as long as all that is so kept has few rows: nearly every figure begins with it. Lazy.
    """
    asked = (transactions.op(), pd.Timestamp(as_of).normalize(), free_orders)
    return _kept(asked, lambda: _spent_on_days(transactions, as_of, free_orders), ibis.get_backend(transactions))


def _kept(asked: tuple[Any, ...], make: Callable[[], tuple[_T, int]], backend: Any) -> _T:
    """What `make` gives, or gave when the same was asked, which is no longer kept where others have too many rows."""
    # With the database and not here: to Ibis, tables of one name in two databases in memory are the same table.
    kept: dict[Any, tuple[Any, int]] = vars(backend).setdefault("_clv_kept", {})
    found = kept.pop(asked, None) or make()
    kept[asked] = found  # what was used last is last
    while len(kept) > 1 and sum(rows for _, rows in kept.values()) > _MOST_KEPT:
        del kept[next(iter(kept))]
    return found[0]


def drop_kept(tables: Mapping[str, ibis.Table]) -> None:
    """Keep nothing any more of what was worked out: for whoever alters the tables' rows."""
    for table in tables.values():
        vars(ibis.get_backend(table)).pop("_clv_kept", None)


def _kept_table(query: ibis.Table, kind: str = "clv_days") -> ibis.Table:
    """The rows of a query as a temporary table, dropped when nobody refers to it any more.

    Made as `query.cache()` makes it, which every engine has a way for. Not by it: what that gives keeps its database
    alive for ever, with its threads, where the database in its turn keeps the table.
    """
    backend, name = ibis.get_backend(query), gen_name(kind)
    backend._run_pre_execute_hooks(query)  # Spark keeps no query of a table that is brought to it, else
    table = backend._create_cached_table(name, query)
    gone = weakref.finalize(table.op(), _drop, weakref.ref(backend), name)
    gone.atexit = False  # it goes with the process anyhow
    return table


def _drop(database: Callable[[], Any], name: str) -> None:
    if (backend := database()) is not None:  # else it went with its database
        backend._drop_cached_table(name)


def _spent_on_days(transactions: ibis.Table, as_of: Any, free_orders: bool) -> tuple[ibis.Table, int]:
    """The days, and of how many rows a table was made for them.

    Customers with a refund need a walk through their days in order, which costs twice what all the rest does: so it is
    theirs alone.
    """
    whole = _whole(transactions)
    rows = until(transactions, as_of)
    days, walked = whole or _added_up(rows)
    days = days.filter(days["day"] <= date_of(as_of)).mutate(bought=True)
    if walked is not None:
        plain = days.anti_join(walked, "customer_id")
        mixed = _walk(_of_their_order(rows.semi_join(walked, "customer_id")), free_orders)
        netted = mixed.group_by(["customer_id", "purchased_on"]).agg(
            amount=added_up(mixed["amount"]), bought=mixed["buys"].any()
        )
        bought = netted["bought"] & _buys(netted, free_orders)
        netted = netted.select("customer_id", "amount", day="purchased_on", bought=bought)
        days = _kept_table(ibis.union(plain, netted[plain.columns]))
    return days, 0 if whole and walked is None else days.count().to_pyarrow().as_py()


def _whole(transactions: ibis.Table) -> tuple[ibis.Table, ibis.Table | None] | None:
    """`_added_up` of all rows, for any `as_of`, where they are few: a refund that nobody knew of then costs a walk, and
    alters nothing.
    """

    def make() -> tuple[tuple[ibis.Table, ibis.Table | None] | None, int]:
        rows = transactions.limit(_MOST_KEPT + 1).count().to_pyarrow().as_py()
        return (None, 0) if rows > _MOST_KEPT else (_added_up(with_day(transactions)), rows)

    return _kept((transactions.op(),), make, ibis.get_backend(transactions))


def _added_up(rows: ibis.Table) -> tuple[ibis.Table, ibis.Table | None]:
    """What rows come to by customer and day, as a table that is kept, and `_with_refunds`."""
    days = _kept_table(_by_day(rows), "clv_by_day")
    return days, _with_refunds(rows, days)


def purchase_lines(transactions: ibis.Table, as_of: Any) -> ibis.Table:
    """Every row up to `as_of` with `purchased_on` (date): the day of the purchase that it belongs to.

    A row of a customer's refund stands on the day of what was sent back; one with nothing before it, on its own day.
    """
    return _placed(transactions, as_of).drop("goes_to")


def _placed(transactions: ibis.Table, as_of: Any) -> ibis.Table:
    """`purchase_lines`, and what each refund goes to (`goes_to`, a text of REFUNDS; NULL on other rows)."""
    rows = until(transactions, as_of)
    whole = _whole(transactions)
    walked = whole[1] if whole else _with_refunds(rows, _by_day(rows))
    same = ibis.ifelse(rows["amount"] < 0, REFUNDS[1], ibis.null("string"))
    as_they_are = rows.mutate(purchased_on=rows["day"], goes_to=same)
    if walked is None:
        return as_they_are.drop("day")
    plain = as_they_are.anti_join(walked, "customer_id")
    moved = _of_their_order(rows.semi_join(walked, "customer_id"))
    mixed = moved.inner_join(_walk(moved, free_orders=False).drop("amount"), ["customer_id", "day"])
    goes_to = ibis.cases(
        (mixed["amount"] >= 0, ibis.null("string")),
        (mixed["by_order"], REFUNDS[0]),
        (mixed["buys"], REFUNDS[1]),
        (mixed["purchased_on"] < mixed["day"], REFUNDS[2]),
        else_=REFUNDS[3],
    )
    return ibis.union(plain.drop("day"), mixed.mutate(goes_to=goes_to).select(*plain.drop("day").columns))


def refunds(transactions: ibis.Table, as_of: Any) -> pd.DataFrame:
    """What refunds are taken off: `refunds` (rows) and `amount` (currency, below 0), indexed by REFUNDS.

    Only the kinds that there are.
    """
    back = _placed(transactions, as_of).filter(lambda t: t["amount"] < 0)
    found = back.group_by("goes_to").agg(refunds=back.count(), amount=back["amount"].sum()).to_pandas()
    frame = found.set_index("goes_to").reindex([kind for kind in REFUNDS if kind in set(found["goes_to"])])
    return rounded(frame.astype({"refunds": "int64", "amount": "float64"}))


def sent_back(transactions: ibis.Table, as_of: Any) -> dict[str, float]:
    """Days on which a customer paid and got all of it back: `days`, and `amount` paid on them (currency)."""
    paid = until(transactions, as_of).filter(lambda t: t["amount"] > 0)
    whole = _by_day(paid).anti_join(purchase_days(transactions, as_of), ["customer_id", "day"])
    found = whole.agg(days=whole.count(), amount=added_up(whole["amount"])).to_pandas().iloc[0]
    return {"days": int(found["days"]), "amount": float(np.nan_to_num(found["amount"]))}


def by_order(transactions: ibis.Table, as_of: Any) -> ibis.Table:
    """What each order came to, net of refunds: customer_id, lines, amount (currency), order, day (text).

    An order is what has one order_id (`order` is that id); without it, a customer's day.
    """
    rows = purchase_lines(transactions, as_of)
    numbered = {"order": rows["order_id"].cast("string")} if "order_id" in rows.columns else {}
    made = rows.group_by("customer_id", **numbered, day="purchased_on").agg(
        lines=rows.count(), amount=added_up(rows["amount"])
    )
    day = made["day"].cast("string")
    order = made["order"].fill_null(day) if numbered else day
    return made.select("customer_id", "lines", "amount", order=order, day=day)


def largest(orders: ibis.Table) -> pd.DataFrame:
    """The largest order, day and customer of `by_order`; by unit ("order", "day", "customer"), empty without money.

    Columns: name (text; of an order its id, without ids its day), lines, amount (currency), share (of all that was paid
    less refunds), of (how many such units there are).
    """
    parts = []
    for unit, keys in {"order": ["order", "customer_id"], "day": ["day"], "customer": ["customer_id"]}.items():
        sums = orders.group_by(keys).agg(lines=orders["lines"].sum(), amount=added_up(orders["amount"]))
        sums = sums.mutate(paid=sums["amount"].sum().over(ibis.window()), of=sums.count().over(ibis.window()))
        first = sums.order_by([ibis.desc("amount"), *keys]).limit(1).rename(name=keys[0])
        parts.append(first.select(ibis.literal(unit).name("unit"), "name", "lines", "amount", "paid", "of"))
    frame = fetched(ibis.union(*parts)).set_index("unit").reindex(["order", "day", "customer"])
    frame = frame[(frame["amount"] > 0) & (frame["paid"] > 0)].astype({"lines": "int64", "of": "int64"})
    frame.insert(3, "share", frame["amount"] / frame.pop("paid"))
    return frame


def buyers(orders: ibis.Table) -> tuple[int, int, int]:
    """Of the customers of `by_order` or `spent_on_days`: all, who bought, and who did on two days or more."""
    days = orders.group_by(["customer_id", "day"]).agg(amount=added_up(orders["amount"]))
    people = days.group_by("customer_id").agg(days=(days["amount"] > 0).sum())
    counts = people.agg(all=people.count(), bought=(people["days"] > 0).sum(), repeated=(people["days"] > 1).sum())
    every, bought, repeated = (int(value or 0) for value in counts.to_pyarrow().to_pylist()[0].values())
    return every, bought, repeated


def in_brief(transactions: ibis.Table, as_of: Any) -> dict[str, Any]:
    """What the customers of `rfm_summary` come to, however many: customers, orders (purchase days), revenue (currency,
    less refunds); and `largest` (the one who brought most, None without money), `amount`, and its `share` of all."""
    spent = spent_on_days(transactions, as_of)
    people = spent.group_by("customer_id").agg(purchases=spent["bought"].sum(), amount=added_up(spent["amount"]))
    with people.cache() as each:
        bought = each["purchases"] > 0
        sums = each.agg(
            customers=bought.sum(),
            orders=each["purchases"].sum(),
            revenue=each["amount"].sum(where=bought),
            paid=each["amount"].sum(),
        )
        first = each.order_by([ibis.desc("amount"), "customer_id"]).limit(1).to_pyarrow().to_pylist()
        found = {name: value or 0 for name, value in sums.to_pyarrow().to_pylist()[0].items()}
    paid, largest = found.pop("paid"), {"largest": None, "amount": 0.0, "share": 0.0}
    for top in first if paid > 0 else ():
        if top["amount"] > 0:
            largest = {"largest": top["customer_id"], "amount": top["amount"], "share": top["amount"] / paid}
    return found | largest


def contribution(rows: ibis.Table, margin: float) -> dict[str, ibis.Value]:
    """What rows came to, as sums to aggregate by: revenue, contribution (currency), unknown_costs (lines).

    Contribution is amount − cost where the line says its `cost` (below 0 on a refund whose goods came back), else
    `margin` × amount; so many lines said none.
    """
    left, unsaid = rows["amount"] * margin, rows.count()
    if "cost" in rows.columns:
        left = ibis.coalesce(rows["amount"] - rows["cost"], left)
        unsaid = rows["cost"].isnull().sum()
    return {"revenue": rows["amount"].sum(), "contribution": left.sum(), "unknown_costs": unsaid}


def margin_by_costs(transactions: ibis.Table, as_of: Any) -> tuple[float, float]:
    """What lines that say their cost leave of their revenue (share), and how much of all revenue they are (share).

    Both are NaN where no line says its cost, or these came to nothing.
    """
    if "cost" not in transactions.columns:
        return np.nan, np.nan
    rows = until(transactions, as_of)
    known = rows["cost"].notnull()
    sums = rows.agg(
        left=(rows["amount"] - rows["cost"]).sum(), of=rows["amount"].sum(where=known), all=rows["amount"].sum()
    )
    left, of, whole = (float(value) for value in sums.to_pandas().fillna(0.0).iloc[0])
    return (left / of, of / whole) if of > 0 and whole > 0 else (np.nan, np.nan)


def _buys(days: ibis.Table, free_orders: bool) -> ibis.Value:
    return days["amount"] >= 0 if free_orders else days["amount"] > 0


def _by_day(rows: ibis.Table) -> ibis.Table:
    return rows.group_by(["customer_id", "day"]).agg(amount=added_up(rows["amount"]))


def _with_refunds(rows: ibis.Table, days: ibis.Table) -> ibis.Table | None:
    """Customers with a day that is no purchase by itself, or with a refund that names its order, as a table that is
    kept; None where there are none."""
    customers = days.filter(~_buys(days, free_orders=False)).select("customer_id")
    if "order_id" in rows.columns:
        customers = ibis.union(customers, rows.filter(_names_its_order(rows)).select("customer_id"))
    kept = _kept_table(customers.distinct(), "clv_walked")
    return kept if kept.count().to_pyarrow().as_py() else None


def _names_its_order(rows: ibis.Table) -> ibis.Value:
    return (rows["amount"] < 0) & rows["order_id"].notnull()


def _of_their_order(rows: ibis.Table) -> ibis.Table:
    """The rows, each refund whose order is known (`by_order`) on the latest day, up to its own, of that order."""
    if "order_id" not in rows.columns:
        return rows.mutate(by_order=ibis.literal(False))
    so_far = ibis.cumulative_window(group_by=["customer_id", "order_id"], order_by=["day", ibis.desc("amount")])
    bought_on = rows["day"].max(where=rows["amount"] > 0).over(so_far)
    rows = rows.mutate(bought_on=ibis.ifelse(_names_its_order(rows), bought_on, ibis.null("date")))
    rows = rows.mutate(by_order=rows["bought_on"].notnull(), day=ibis.coalesce(rows["bought_on"], rows["day"]))
    return rows.drop("bought_on")


def _walk(rows: ibis.Table, free_orders: bool) -> ibis.Table:
    """Days in order: customer_id, day, amount, buys, and purchased_on, the last day up to it that buys (or itself)."""
    days = _by_day(rows)
    days = days.mutate(buys=_buys(days, free_orders))
    in_order = ibis.cumulative_window(group_by="customer_id", order_by="day")
    last = days["day"].max(where=days["buys"]).over(in_order)
    return days.mutate(purchased_on=ibis.coalesce(last, days["day"]))
