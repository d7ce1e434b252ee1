import ibis
import numpy as np
import pandas as pd
import pytest

from clvlib.aggregate import inspection, purchases

AS_OF = pd.Timestamp("2025-12-31")


def orders_of(rows):
    """`purchases.by_order` of (customer, day, amount) or (customer, day, amount, order) rows."""
    names = ["customer_id", "date", "amount", "order_id"][: len(rows[0])]
    frame = pd.DataFrame(rows, columns=names).assign(date=lambda t: pd.to_datetime(t["date"]))
    return purchases.by_order(ibis.memtable(frame), AS_OF)


def daily(counts, start="2025-01-06"):
    """A frame as `by_day` gives it, of so many orders a day from a Monday on."""
    days = pd.date_range(start, periods=len(counts), name="day")
    return pd.DataFrame({"orders": counts, "amount": np.multiply(counts, 10.0)}, index=days)


def test_orders_are_banded_by_value_and_what_was_sent_back_is_none():
    rows = [("a", "2025-01-01", 5.0), ("a", "2025-01-02", 30.0), ("b", "2025-01-02", 45.0), ("b", "2025-03-01", 400.0)]
    rows += [("c", "2025-01-05", 70.0), ("c", "2025-01-06", -70.0)]
    found = inspection.order_values(orders_of(rows))
    assert found["orders"].sum() == 4
    assert found["amount"].sum() == 480
    held = found[found["orders"] > 0]
    assert held[["low", "high", "orders", "amount"]].fillna(-1).to_numpy().tolist() == [
        [-1, 10, 1, 5],
        [20, 50, 2, 75],
        [200, -1, 1, 400],
    ]


def test_values_that_lie_close_together_are_banded_all_the_same():
    found = inspection.order_values(orders_of([(f"c{k}", "2025-01-01", 29.89 + k / 1000) for k in range(21)]))
    assert found[["low", "high", "orders"]].fillna(0).to_numpy().tolist() == [[0, 29.9, 10], [29.9, 0, 11]]


def test_values_of_any_range_have_few_bands():
    found = inspection.order_values(orders_of([(f"c{k}", "2025-01-01", 10.0**k) for k in range(-4, 200)]))
    assert found["orders"].sum() == 204
    assert len(found) <= inspection.MOST_EDGES + 1


def test_customers_are_banded_by_their_orders():
    rows = [("a", f"2025-01-{day:02}", 10.0) for day in range(1, 8)] + [
        ("b", "2025-01-01", 1.0),
        ("c", "2025-01-01", 2.0),
    ]
    found = inspection.orders_each(orders_of(rows)).set_index(["low", "high"])
    assert found.loc[(1, 1)].to_dict() == {"customers": 2, "amount": 3}
    assert found.loc[(6, 10)].to_dict() == {"customers": 1, "amount": 70}
    assert found["customers"].sum() == 3


def test_days_between_purchases_are_banded():
    found = inspection.days_between(pd.Series({1: 3, 7: 2, 8: 1, 400: 5}))
    counts = {(row.low, row.high): row.purchases for row in found.itertuples() if row.purchases}
    assert {key: counts[key] for key in list(counts)[:3]} == {(1, 1): 3, (2, 7): 2, (8, 14): 1}
    assert found["purchases"].tolist()[-1] == 5


def test_every_day_from_the_first_order_to_the_last_is_counted():
    found = inspection.by_day(orders_of([("a", "2025-01-01", 5.0), ("b", "2025-01-01", 6.0), ("a", "2025-01-03", 1.0)]))
    assert found["orders"].tolist() == [2, 0, 1]
    assert found["amount"].tolist() == [11, 0, 1]


def test_a_day_of_three_times_the_usual_orders_is_a_spike_and_a_lively_weekday_is_none():
    counts = [5, 5, 5, 5, 5, 40, 0] * 12  # Saturdays are lively, each week
    counts[30] = 30
    counts[37] = 14  # nearly three times as many, by fewer than ten
    found = inspection.spikes(daily(counts))
    assert found.index.strftime("%Y-%m-%d").tolist() == ["2025-02-05"]
    assert found.iloc[0][["orders", "usual"]].tolist() == [30, 5]


def test_a_pause_is_what_the_rhythm_of_the_shop_does_not_explain():
    counts = [4, 4, 4, 4, 4, 4, 0] * 12  # closed on Sundays
    counts[35:49] = [0] * 14  # two weeks in which 12 × 4 orders would have come
    counts[60:62] = [0, 0]  # two days: 8 orders, too few to say
    days = daily(counts)
    found = inspection.pauses(days, days.index[-1])
    assert len(found) == 1
    first, last, lasted, missed = found.iloc[0]
    assert (first, last, lasted) == (pd.Timestamp("2025-02-09"), pd.Timestamp("2025-02-23"), 15)
    assert missed == pytest.approx(12 * 4 - 2)  # the two days later make two of eight weekdays' means 3.5


def test_the_time_after_the_last_order_may_be_a_pause_and_a_slow_shop_has_none():
    days = daily([4] * 60)
    found = inspection.pauses(days, days.index[-1] + pd.Timedelta(days=10))
    assert found[["days", "missed"]].to_numpy().tolist() == [[10, 40]]
    slow = daily(([1] + [0] * 20) * 10 + [1])
    assert inspection.pauses(slow, slow.index[-1]).empty


def test_each_rule_finds_its_customers_with_their_orders_and_money():
    rows = [(f"c{k}", "2025-01-01", 10.0, f"o{k}") for k in range(200)]
    rows += [("firm", f"2025-02-0{k}", 150.0, f"f{k}") for k in (1, 2)]
    rows += [("large", "2025-02-01", 900.0, "l1")]  # a single order is no wholesale
    rows += [("till", f"2025-03-{1 + k % 28:02}", 10.0, f"t{k}") for k in range(60)]
    rows += [("robot", "2025-04-01", 10.0, f"r{k}") for k in range(10)]
    rows += [("tester", "2025-05-01", 0.1, "x1"), ("c0", "2025-05-02", 0.05, "x2"), ("c1", "2025-05-03", 0.2, "x3")]
    found = inspection.unusual(orders_of(rows))
    expected = {
        "many orders": [1, 60, 600.0, ("till",)],
        "wholesale-like": [1, 2, 300.0, ("firm",)],
        "many orders at once": [1, 10, 100.0, ("robot",)],
        "orders of next to nothing": [2, 2, 0.15, ("tester", "c0")],
    }
    assert found.index.tolist() == list(expected) == list(inspection.UNUSUAL)
    for rule, (customers, orders, amount, examples) in expected.items():
        assert found.loc[rule].tolist()[:2] == [customers, orders]
        assert found.loc[rule, "amount"] == pytest.approx(amount)
        assert found.loc[rule, "examples"] == examples


def test_of_no_order_nothing_is_told():
    none = orders_of([("a", "2025-01-01", 0.0)])
    assert inspection.order_values(none).empty
    assert inspection.unusual(none).empty
    days = inspection.by_day(none)
    assert days.empty
    assert inspection.spikes(days).empty
    assert inspection.pauses(days, AS_OF).empty


def test_arms_are_counted_by_customer():
    rows = [("a", "x", "control"), ("a", "x", "control"), ("b", "x", "mail"), ("c", "x", "mail")]
    found = inspection.arms(ibis.memtable(pd.DataFrame(rows, columns=["customer_id", "experiment", "variant"])))
    assert found.to_numpy().tolist() == [["x", "control", 1], ["x", "mail", 2]]
