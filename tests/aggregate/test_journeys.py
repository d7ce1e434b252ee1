import ibis
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clvlib.aggregate import journeys
from clvlib.errors import MissingTable

ORDERS = pd.DataFrame(
    [
        ("a", "2025-01-01 10:00", 20.0, "o1", "web"),
        ("a", "2025-01-01 10:00", 5.0, "o1", "web"),
        ("a", "2025-01-20 09:00", -8.0, "o1", "store"),
        ("a", "2025-02-03 18:30", 30.0, "o2", "store"),
        ("b", "2025-01-05 12:00", 12.0, "o3", "web"),
        ("b", "2025-01-09 12:00", -12.0, "o3", "web"),
        ("c", "2025-03-01 08:15", 50.0, "o4", None),
    ],
    columns=["customer_id", "date", "amount", "order_id", "channel"],
).astype({"date": "datetime64[us]"})
TOUCHES = pd.DataFrame(
    [
        ("a", "2025-01-01 09:00", "email", "open"),
        ("a", "2025-01-25 09:00", "search", "click"),
        ("a", "2025-01-30 09:00", "email", "sent"),
        ("a", "2025-02-03 18:30", "display", "click"),
        ("a", "2025-02-10 09:00", "email", "click"),
        ("b", "2025-02-01 11:00", "store", "visit"),
        ("b", "2025-02-01 11:05", "phone", "call"),
        ("c", "2025-01-01 11:00", "search", "click"),
        ("c", "2025-02-20 11:00", "search", "click"),
    ],
    columns=["customer_id", "date", "channel", "event"],
).astype({"date": "datetime64[us]"})
FIRST, LAST = "2025-01-01", "2025-12-31"


def usage(orders: pd.DataFrame, touches: pd.DataFrame | None = TOUCHES, start: str = FIRST, end: str = LAST):
    seen = ibis.memtable(touches) if touches is not None else None
    return journeys.usage(ibis.memtable(orders), seen, start, end)


def laid_out(orders: pd.DataFrame = ORDERS, touches: pd.DataFrame = TOUCHES, days: int = 30) -> pd.DataFrame:
    return journeys.paths(ibis.memtable(orders), ibis.memtable(touches), FIRST, LAST, days)


# Who used which channel


def test_a_channel_is_used_by_a_purchase_or_by_a_visit_to_where_the_shop_sells() -> None:
    found = usage(ORDERS).set_index(["customer_id", "channel"])
    assert list(found.index) == [("a", "store"), ("a", "web"), ("b", "store"), ("b", "web")]
    assert found["purchases"].to_list() == [1, 1, 0, 1]
    assert found.loc[("b", "store"), "first_used"] == pd.Timestamp("2025-02-01")


def test_without_touchpoints_only_purchases_count() -> None:
    assert len(usage(ORDERS, None)) == 3


def test_a_refund_in_another_channel_is_not_a_use_of_it() -> None:
    found = usage(ORDERS, end="2025-01-31")
    assert ("a", "store") not in set(zip(found["customer_id"], found["channel"], strict=True))


def test_both_ends_of_a_window_belong_to_it() -> None:
    assert set(usage(ORDERS, start="2025-01-05", end="2025-02-01")["customer_id"]) == {"b"}
    assert len(usage(ORDERS, start="2025-01-05", end="2025-02-01")) == 2


def test_orders_without_a_channel_column_say_what_is_missing() -> None:
    with pytest.raises(MissingTable, match="no column 'channel'"):
        usage(ORDERS.drop(columns="channel"))


def test_the_shop_sells_in_the_channels_of_its_orders() -> None:
    assert journeys.selling_channels(ibis.memtable(ORDERS)) == {"web", "store"}
    assert journeys.selling_channels(ibis.memtable(ORDERS.drop(columns="channel"))) == set()


# Orders and paths


def test_lines_of_one_order_are_one_and_its_refund_is_taken_off() -> None:
    found = journeys.orders(ibis.memtable(ORDERS), FIRST, LAST)
    assert found["amount"].to_list() == [17.0, 30.0, 50.0]
    assert found["ordered_at"].iloc[0] == pd.Timestamp("2025-01-01 10:00")


def test_without_order_ids_a_day_of_a_customer_is_an_order() -> None:
    plain = journeys.orders(ibis.memtable(ORDERS.drop(columns="order_id")), FIRST, LAST)
    assert plain["amount"].to_list() == [25.0, 12.0, 30.0, 50.0]


def test_a_contact_belongs_to_the_next_order_if_that_comes_soon() -> None:
    found = laid_out()
    rows = found[["customer_id", "channel", "position", "length", "converted"]].to_numpy().tolist()
    assert rows == [
        ["a", "email", 1, 1, True],
        ["a", "search", 1, 2, True],
        ["a", "display", 2, 2, True],  # at the minute of the order
        ["a", "email", 1, 1, False],
        ["c", "search", 1, 1, False],  # too long before
        ["c", "search", 1, 1, True],
    ]
    assert found["path"].to_list() == [1, 2, 2, 3, 4, 5]
    assert found["days_before"].round(3).to_list()[:3] == [0.042, 9.396, 0.0]
    assert found["amount"].to_list() == [17.0, 30.0, 30.0, 0.0, 0.0, 50.0]


def test_what_is_sent_and_visits_to_the_shop_are_no_contacts() -> None:
    assert "b" not in set(laid_out()["customer_id"])


def test_contacts_of_a_table_without_events_all_count() -> None:
    assert len(laid_out(touches=TOUCHES.drop(columns="event"))) == len(TOUCHES) - 1  # but the visit to the store


def slow_paths(orders: pd.DataFrame, touches: pd.DataFrame, days: int) -> list[tuple[str, bool, tuple[str, ...]]]:
    """The same paths, one contact after the other."""
    near, found = pd.Timedelta(days=days), []
    for customer, contacts in touches.sort_values(["date", "channel"]).groupby("customer_id"):
        mine = sorted(orders.loc[orders["customer_id"] == customer, "date"])
        previous = None
        for row in contacts.itertuples():
            order = next((at for at in mine if row.date <= at <= row.date + near), None)
            if previous and previous[0] == order and row.date - previous[1] <= near:
                found[-1][2].append(row.channel)
            else:
                found.append((customer, order is not None, [row.channel]))
            previous = (order, row.date)
    return [(customer, won, tuple(names)) for customer, won, names in found]


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 40))
def test_paths_are_those_of_a_slow_walk_in_whatever_order_rows_come(seed: int, days: int) -> None:
    random = np.random.default_rng(seed)

    def rows(n: int) -> pd.DataFrame:
        when = pd.Timestamp(FIRST) + pd.to_timedelta(random.permutation(150_000)[:n], unit="min")
        return pd.DataFrame({"customer_id": random.choice(["a", "b", "c"], n), "date": when.astype("datetime64[us]")})

    orders = rows(12).assign(amount=10.0, order_id=[f"o{i}" for i in range(12)])
    touches = rows(40).assign(channel=random.choice(["x", "y", "z"], 40))
    found = laid_out(orders.sample(frac=1, random_state=seed), touches.sample(frac=1, random_state=seed), days)
    paths = found.groupby("path").agg({"customer_id": "first", "converted": "first", "channel": tuple})
    assert list(paths.itertuples(index=False, name=None)) == slow_paths(orders, touches, days)


# Hours


def test_hours_count_orders_and_reactions() -> None:
    found = journeys.hours(ibis.memtable(ORDERS), ibis.memtable(TOUCHES), FIRST, LAST)
    assert found["bought"].sum() == 4
    assert found["reacted"].sum() == 7
    row = found[(found["customer_id"] == "a") & (found["channel"] == "web")].iloc[0]
    assert (row["hour"], row["bought"], row["reacted"]) == (10, 1, 0)
    assert "unknown" in set(found["channel"])
    assert journeys.hours(ibis.memtable(ORDERS), None, FIRST, LAST)["reacted"].sum() == 0


def test_two_reactions_of_one_moment_are_two_and_lines_of_one_order_one() -> None:
    twice = pd.concat([TOUCHES, TOUCHES.tail(1)])
    found = journeys.hours(ibis.memtable(ORDERS), ibis.memtable(twice), FIRST, LAST)
    assert (found["bought"].sum(), found["reacted"].sum()) == (4, 8)


# One order, one day, of each customer


def test_the_first_order_is_told_by_time_then_order_then_amount_never_by_what_is_sent_back() -> None:
    rows = pd.DataFrame(
        [
            ("a", "2025-03-02 09:00", 5.0, "o2", "web"),
            ("a", "2025-03-01 18:00", -4.0, "o0", "phone"),
            ("a", "2025-03-02 08:00", 9.0, "o9", "store"),
            ("a", "2025-03-09 08:00", -9.0, "o9", "store"),
            ("b", "2025-03-05 00:00", 7.0, "o7", "web"),
            ("b", "2025-03-05 00:00", 8.0, "o3", "store"),
            ("c", "2025-03-05 00:00", 7.0, "o5", None),
            ("c", "2025-03-06 00:00", 7.0, "o6", "web"),
        ],
        columns=["customer_id", "date", "amount", "order_id", "channel"],
    ).astype({"date": "datetime64[us]"})
    first = journeys.first_orders(ibis.memtable(rows), "2025-03-01", "2025-03-31")
    assert first["channel"].to_dict() == {"a": "store", "b": "store", "c": "web"}
    assert first.loc["a", "ordered_on"] == pd.Timestamp("2025-03-02")
    without = journeys.first_orders(ibis.memtable(rows.drop(columns="order_id")), "2025-03-05", "2025-03-31")
    assert without["channel"].to_dict() == {"b": "store", "c": "web"}


def test_rows_are_moved_so_that_everybodys_day_is_the_same() -> None:
    days = pd.Series(pd.to_datetime(["2025-02-03", "2025-01-05"]), ["a", "b"])
    moved = journeys.aligned(ibis.memtable(ORDERS), days, "2025-06-01").to_pandas()
    assert list(moved.columns) == list(ORDERS.columns)
    assert set(moved["customer_id"]) == {"a", "b"}
    assert moved.loc[moved["order_id"] == "o2", "date"].item() == pd.Timestamp("2025-06-01 18:30")
    assert moved.loc[moved["order_id"] == "o3", "date"].max() == pd.Timestamp("2025-06-05 12:00")


def test_visits_and_days_bought_are_counted_by_day() -> None:
    touches = pd.concat([TOUCHES, TOUCHES[TOUCHES["event"] == "visit"].assign(date=pd.Timestamp("2025-02-04 11:00"))])
    seen = journeys.visits(ibis.memtable(ORDERS), ibis.memtable(touches), FIRST, LAST)
    assert seen.to_dict("records") == [
        {"customer_id": "b", "channel": "store", "first_used": pd.Timestamp("2025-02-01"), "days": 2}
    ]
    without = journeys.visits(ibis.memtable(ORDERS), ibis.memtable(touches.drop(columns="event")), FIRST, LAST)
    assert without.empty
    until = pd.Series(pd.to_datetime(["2025-02-03", "2025-02-04", "2025-06-01"]), ["a", "b", "z"])
    assert journeys.days_bought(ibis.memtable(ORDERS), FIRST, until).to_dict() == {"a": 1, "b": 1, "z": 0}
