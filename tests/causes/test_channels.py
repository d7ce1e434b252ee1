from dataclasses import replace

import ibis
import pandas as pd
import pytest

from clvlib.causes import adoption, causal, channels
from clvlib.dataset import Dataset, Economics
from clvlib.errors import MissingTable, NotEnoughData

FIRST, LAST = pd.Timestamp("2024-01-01"), pd.Timestamp("2025-12-31")


def small(rows: list[tuple[str, str, float, str]], visits: list[tuple[str, str, str]] | None = None) -> Dataset:
    """A shop of a few orders (customer, day, amount, channel) and visits (customer, day, channel)."""
    orders = pd.DataFrame(rows, columns=["customer_id", "date", "amount", "channel"])
    tables = {"transactions": orders.astype({"date": "datetime64[us]"})}
    if visits:
        touches = pd.DataFrame(visits, columns=["customer_id", "date", "channel"]).assign(event="visit")
        tables["touchpoints"] = touches.astype({"date": "datetime64[us]"})
    connection, unused = ibis.duckdb.connect(), pd.DataFrame()
    made = {name: connection.create_table(name, frame) for name, frame in tables.items()}
    return Dataset("small", "EUR", "en_IE", FIRST, LAST, Economics(), unused, unused, (), tables=made, files=())


# The plain comparison


def test_people_are_set_beside_their_channels() -> None:
    shop_ = small(
        [("a", "2024-01-05", 10, "web"), ("a", "2025-11-05", 30, "store"), ("b", "2024-02-01", 8, "web")],
        [("b", "2024-03-01", "store"), ("b", "2024-03-01", "phone")],
    )
    known = channels.people(shop_)
    assert known["channels"].to_dict() == {"a": 2, "b": 2}
    assert known["mix"].to_dict() == {"a": "store + web", "b": "store + web"}
    assert known["home"].to_dict() == {"a": "web", "b": "web"}
    assert known["orders"].to_dict() == {"a": 2, "b": 1}
    assert known["recent"].to_dict() == {"a": True, "b": False}
    table = channels.means_by_group(known, channels.name_number(known["channels"]))
    assert table.loc["2", ["customers", "revenue", "orders", "order_value", "bought_again"]].to_list() == [
        2, 24, 1.5, 16, 0.5,
    ]  # fmt: skip


def test_four_channels_and_more_are_one_group_and_purchases_come_in_bands() -> None:
    assert channels.name_number(pd.Series([1, 3, 4, 7])).to_list() == ["1", "3", "4+", "4+"]
    assert channels.band(pd.Series([1, 2, 3, 4, 5, 9, 10, 99])).astype(str).to_list() == [
        "1", "2", "3-4", "3-4", "5-9", "5-9", "10+", "10+",
    ]  # fmt: skip


def test_one_channel_or_no_channel_at_all_is_refused() -> None:
    alone = small([("a", "2024-01-05", 10, "web"), ("b", "2024-02-01", 8, "web")])
    with pytest.raises(NotEnoughData, match="one channel \\(web\\)"):
        channels.people(alone)
    with pytest.raises(NotEnoughData):
        adoption.study(alone)
    bare = replace(alone, tables={"transactions": alone.transactions.drop("channel")})
    for ask in (channels.people, adoption.study):
        with pytest.raises(MissingTable, match="'channel'"):
            ask(bare)


def test_channels_drawn_by_chance_keep_everybodys_purchases(ds: Dataset) -> None:
    known = channels.people(ds)
    drawn = channels.shuffled(ds, known)
    assert (drawn <= known["orders"]).all()
    assert drawn.between(1, 4).all()
    assert (drawn[known["orders"] == 1] == 1).all()
    pd.testing.assert_series_equal(drawn, channels.shuffled(ds, known))


def test_even_drawn_by_chance_customers_of_more_channels_brought_more(ds: Dataset) -> None:
    known = channels.people(ds)
    revenue = channels.means_by_group(known, channels.name_number(channels.shuffled(ds, known)))["revenue"]
    assert revenue.is_monotonic_increasing
    assert revenue["3"] > 2 * revenue["1"]
    assert channels.times_richer(known) > 1.5


def test_what_is_quoted_stands_beside_what_is_here(ds: Dataset, found: dict[str, causal.CrossFit]) -> None:
    known = channels.people(ds)
    claims = channels.quoted_claims(known, found)
    assert claims["quoted"].dropna().to_list() == [0.30, 0.06, 0.09]
    assert claims["reported"].dropna().to_list() == [0.23, 0.04, 0.09, 0.10]
    one, several = known[known["channels"] == 1], known[known["channels"] > 1]
    trips = (several["orders"] - 1).mean() / (one["orders"] - 1).mean() - 1
    assert claims.loc["several channels: more repeat trips", "plain"] == pytest.approx(trips)
    effect = causal.effect(found["orders"])
    assert claims.loc["several channels: more repeat trips", "adjusted"] == pytest.approx(
        effect.estimate / effect.without
    )
    adjusted = claims["adjusted"].dropna()
    assert adjusted.is_unique
    assert list(adjusted.index) == [claims.index[0], claims.index[1], claims.index[3]]
    assert channels.quoted_claims(known.head(30))["plain"].isna().all()
