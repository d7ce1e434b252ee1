"""Raw transactions → which item was in whose basket.

A basket is an order (or, without `order_id`, a customer's day) as it was made, also when some of it is sent back later;
refunds and lines without a name are left out. An item is a product where the transactions name it, else a category.
"""

from typing import Any

import ibis
import pandas as pd

from clvlib.aggregate.rows import date_of, fetched, until
from clvlib.errors import MissingTable

LEVELS = ("product", "category")
MOST_ITEMS = 500  # the items in most baskets; rarer ones are too few to learn from
FEWEST_BASKETS = 20  # in which an item, or both items of a rule, must be


def level(transactions: ibis.Table, as_of: Any) -> str:
    """The column to recommend from: product, where most of what is bought is bought often enough, else category.

    Products are used when those in 20 baskets or more make at least half of all lines. Raises MissingTable when the
    transactions name neither.
    """
    named = [column for column in LEVELS if column in transactions.columns]
    if not named:
        raise MissingTable(
            "The transactions name neither products nor categories, so that nothing can be recommended.",
            "Map the column that says what was bought as product or category in the dataset card.",
        )
    if named == list(LEVELS):
        sizes = purchased(transactions, as_of, "product").group_by("item").agg(n=lambda t: t.count())
        n = sizes["n"]
        seen = sizes.agg(often=n.sum(where=n >= FEWEST_BASKETS).fill_null(0), lines=n.sum().fill_null(0))
        often, lines = seen.to_pyarrow().to_pylist()[0].values()
        return "product" if 2 * often >= lines else "category"
    return named[0]


def purchased(transactions: ibis.Table, as_of: Any, item: str) -> ibis.Table:
    """Lazy table of what was bought by the end of `as_of`, once a basket: customer_id, day, basket, item (texts)."""
    rows = until(transactions, as_of).mutate(item=lambda t: t[item].cast("string"))
    rows = rows.filter((rows["amount"] > 0) & rows["item"].notnull())
    basket = rows["customer_id"] + " " + rows["day"].cast("string")
    if "order_id" in rows.columns:
        basket = ibis.coalesce(rows["order_id"].cast("string"), basket)
    return rows.select("customer_id", "day", "item", basket=basket).distinct()


def history(lines: ibis.Table) -> pd.DataFrame:
    """How many baskets of each customer held each item: customer_id, item, baskets (int), of the commonest items.

    `lines` is from `purchased`; sorted by customer and item.
    """
    common = lines.group_by("item").agg(n=lambda t: t.count()).order_by([ibis.desc("n"), "item"]).limit(MOST_ITEMS)
    kept = lines.semi_join(common, "item")
    counted = kept.group_by(["customer_id", "item"]).agg(baskets=lambda t: t["basket"].nunique())
    return _sorted(counted, ["customer_id", "item"]).astype({"baskets": "int64"})


def first_after(lines: ibis.Table, date: pd.Timestamp) -> pd.DataFrame:
    """What the first basket of each customer after `date` held: customer_id, item, sorted."""
    later = lines.filter(lines["day"] > date_of(date))
    order = ibis.window(group_by="customer_id", order_by=["day", "basket"])
    first = later.mutate(place=ibis.dense_rank().over(order)).filter(lambda t: t["place"] == 0)
    return _sorted(first.select("customer_id", "item"), ["customer_id", "item"])


def latest_baskets(lines: ibis.Table, most: int) -> pd.DataFrame:
    """What the `most` latest baskets held (of one day, the first by name): basket, item, sorted; each once."""
    latest = lines.select("day", "basket").distinct().order_by([ibis.desc("day"), "basket"]).limit(most)
    held = lines.semi_join(latest, ["day", "basket"]).select("basket", "item").distinct()
    return _sorted(held, ["basket", "item"])


def _sorted(query: ibis.Table, by: list[str]) -> pd.DataFrame:
    """A query's answer in order: not the engine's, whose alphabet may be another."""
    return fetched(query).sort_values(by, ignore_index=True)
