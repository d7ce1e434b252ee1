import gc
import tempfile
import warnings
import weakref
from importlib.resources import files
from itertools import pairwise
from typing import Any

import ibis
import numpy as np
import pandas as pd
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from clvlib import aggregate
from clvlib.aggregate.purchases import purchase_days, refunds, sent_back
from clvlib.errors import NotEnoughData
from clvlib.stats import SUM_DIGITS

START = pd.Timestamp("2024-01-15")
AS_OF = pd.Timestamp("2024-03-31")
MONEY = ("monetary_value", "mean_order_value", "spend", "revenue", "total_spend")


def day(offset: int) -> pd.Timestamp:
    return START + pd.Timedelta(days=offset)


def rows(*lines: tuple[str, int, float]) -> pd.DataFrame:
    """Transactions from (customer, days after the start, amount)."""
    frame = pd.DataFrame(lines, columns=["customer_id", "date", "amount"])
    return frame.assign(date=START + pd.to_timedelta(frame["date"], unit="D"), amount=frame["amount"].astype(float))


def table(tx: pd.DataFrame) -> ibis.Table:
    return ibis.memtable(tx)


line = st.tuples(
    st.sampled_from("abcdefghijkl"), st.integers(0, 76), st.integers(-60, 200).map(lambda quarter: quarter / 4)
)
numbered_line = st.tuples(
    st.sampled_from("abcd"),
    st.integers(0, 76),
    st.integers(-80, 80).map(lambda quarter: quarter / 4),
    st.integers(0, 9),
)
paid_line = st.tuples(st.sampled_from("abcdefghijkl"), st.integers(0, 76), st.integers(1, 200).map(lambda q: q / 4))
any_shop = st.lists(line, min_size=5, max_size=90).map(lambda lines: rows(("a", 0, 10.0), *lines))
paid_shop = st.lists(paid_line, min_size=5, max_size=90).map(lambda lines: rows(("a", 0, 10.0), *lines))
numbered_shop = st.lists(numbered_line, min_size=5, max_size=90).map(
    lambda lines: rows(("z", 0, 10.0), *(named[:3] for named in lines)).assign(
        order_id=["O0", *(f"O{named[3]}" if named[3] else None for named in lines)]
    )
)
law = settings(max_examples=4, deadline=None)  # a query takes a fifth of a second: few shops, but large ones

EVERYTHING = {
    "rfm_summary": lambda t, at: aggregate.rfm_summary(t, at),
    "purchases_by_period": lambda t, at: aggregate.purchases_by_period(t, at, "M"),
    "cohorts": lambda t, at: aggregate.cohorts(t, at, "M"),
    "gaps": lambda t, at: aggregate.gaps(t, at).to_frame(),
    "features": lambda t, at: aggregate.features(t, at),
    "holdout": lambda t, at: aggregate.holdout(t, at - pd.Timedelta(days=30), at),
    "calibration_holdout": lambda t, at: aggregate.calibration_holdout(t, at - pd.Timedelta(days=30), at),
}
every_aggregate = pytest.mark.parametrize("name", EVERYTHING)


def same(one: pd.DataFrame, other: pd.DataFrame, rounding: float = 0.0) -> None:
    pd.testing.assert_frame_equal(one, other, rtol=1e-9, atol=1e-9 + rounding)


def slow_days(tx: pd.DataFrame) -> pd.Series:
    """The day that each row stands on: its own; that of its order, for a refund whose order was bought before."""
    found = tx["date"].dt.normalize()
    if "order_id" not in tx:
        return found
    placed = found.copy()
    for at, row in tx.iterrows():
        same = (tx["customer_id"] == row["customer_id"]) & (tx["order_id"] == row["order_id"]) & (tx["amount"] > 0)
        before = found[same & (found <= found[at])]
        if row["amount"] < 0 and len(before):
            placed[at] = before.max()
    return placed


def slow_purchases(tx: pd.DataFrame, as_of: pd.Timestamp, free_orders: bool = False) -> dict[str, list[list[Any]]]:
    """Purchases of each customer as [day, net amount], walking through the days: the rules as a loop."""
    known = tx[tx["date"].dt.normalize() <= as_of]
    days = known.groupby(["customer_id", slow_days(known)])["amount"].sum()
    found: dict[str, list[list[Any]]] = {}
    for (customer, when), amount in days.sort_index().items():
        purchases = found.setdefault(customer, [])
        if amount > 0 or (free_orders and amount == 0):
            purchases.append([when, amount])
        elif purchases:
            purchases[-1][1] += amount
    kept = {
        customer: [p for p in purchases if p[1] > 0 or (free_orders and p[1] == 0)]
        for customer, purchases in found.items()
    }
    return {customer: purchases for customer, purchases in kept.items() if purchases}


def slow_summary(tx: pd.DataFrame, as_of: pd.Timestamp, free_orders: bool = False) -> pd.DataFrame:
    known = tx[tx["date"].dt.normalize() <= as_of]
    lines = {}
    for customer, purchases in slow_purchases(tx, as_of, free_orders).items():
        first, last = purchases[0][0], purchases[-1][0]
        lines[customer] = {
            "frequency": len(purchases) - 1,
            "recency": float((last - first).days),
            "T": float((as_of - first).days),
            "monetary_value": np.mean([amount for _, amount in purchases[1:]]) if len(purchases) > 1 else np.nan,
            "mean_order_value": np.mean([amount for _, amount in purchases]),
            "mean_days_between_orders": np.mean([(b[0] - a[0]).days for a, b in pairwise(purchases)] or [np.nan]),
            "total_spend": known.loc[known["customer_id"] == customer, "amount"].sum(),
            "days_since_last_order": float((as_of - last).days),
        }
    return pd.DataFrame.from_dict(lines, orient="index").rename_axis("customer_id").sort_index()


# Laws


@every_aggregate
@law
@given(tx=any_shop, seed=st.integers(0, 99))
def test_the_order_of_rows_changes_nothing(name: str, tx: pd.DataFrame, seed: int) -> None:
    compute = EVERYTHING[name]
    same(compute(table(tx), AS_OF), compute(table(tx.sample(frac=1, random_state=seed)), AS_OF))


@every_aggregate
@law
@given(tx=any_shop)
def test_other_names_for_the_customers_change_nothing_else(name: str, tx: pd.DataFrame) -> None:
    names = dict(zip("abcdefghijkl", ["zoé", "00012", "1e5", "NULL", "é", " x", *"ZYXWVU"], strict=True))
    compute = EVERYTHING[name]
    renamed = compute(table(tx.assign(customer_id=tx["customer_id"].map(names))), AS_OF)
    expected = compute(table(tx), AS_OF)
    if expected.index.name == "customer_id":
        expected = expected.rename(index=names).sort_index()
    same(renamed, expected)


@every_aggregate
@law
@given(tx=any_shop, k=st.sampled_from([0.5, 4.0, 1024.0]))
@example(tx=rows(("a", 0, 10.0), ("a", 1, 0.25), ("a", 2, 0.5)), k=0.5)  # a mean of 3.58333…
def test_amounts_times_k_give_money_times_k_and_the_same_counts(name: str, tx: pd.DataFrame, k: float) -> None:
    compute = EVERYTHING[name]
    scaled = compute(table(tx.assign(amount=tx["amount"] * k)), AS_OF)
    expected = compute(table(tx), AS_OF)
    money = [c for c in expected if str(c).startswith(MONEY) or str(c).endswith("_spend")]
    expected[money] = expected[money] * k
    same(scaled, expected, rounding=(1 + k) * 10.0**-SUM_DIGITS / 2)  # of means, on either side


@every_aggregate
@law
@given(tx=any_shop, minute=st.integers(0, 1438))
def test_an_order_split_in_two_on_its_day_changes_nothing(name: str, tx: pd.DataFrame, minute: int) -> None:
    morning, evening = pd.Timedelta(minutes=minute), pd.Timedelta(hours=23, minutes=59)
    parts = (tx.assign(date=tx["date"] + when, amount=tx["amount"] / 2) for when in (morning, evening))
    compute = EVERYTHING[name]
    expected, split = compute(table(tx), AS_OF), compute(table(pd.concat(parts, ignore_index=True)), AS_OF)
    if name == "features":  # each half of a refund is a refund row
        split["refunds"] //= 2
    same(split, expected)


@every_aggregate
@law
@given(tx=any_shop, last=st.integers(0, 60))
def test_nothing_after_the_as_of_date_is_read(name: str, tx: pd.DataFrame, last: int) -> None:
    at = day(last)
    compute = EVERYTHING[name]
    past = tx[tx["date"] <= at]
    future = tx[tx["date"] > at]
    upset = pd.concat([past, future.assign(amount=future["amount"] * -9), future.assign(customer_id="e")])
    expected = compute(table(past), at)
    same(compute(table(tx), at), expected)
    same(compute(table(upset), at), expected)


@law
@given(tx=paid_shop, first=st.integers(5, 40), more=st.integers(0, 36))
def test_a_later_as_of_date_only_adds_to_what_was_known(tx: pd.DataFrame, first: int, more: int) -> None:
    early, late = day(first), day(first + more)
    before, after = (aggregate.rfm_summary(table(tx), at) for at in (early, late))
    after = after.loc[before.index]
    assert (after["frequency"] >= before["frequency"]).all()
    assert (after["total_spend"] >= before["total_spend"]).all()
    assert (after["first_purchase"] == before["first_purchase"]).all()
    assert (after["T"] - before["T"] == more).all()
    whole, part = (aggregate.purchases_by_period(table(tx), at, "W") for at in (late, early))
    same(whole.loc[: part.index[-1]].iloc[:-1], part.iloc[:-1])


@law
@given(tx=any_shop, free_orders=st.booleans(), last=st.integers(20, 76))
def test_the_summary_agrees_with_a_slow_walk_through_the_days(tx: pd.DataFrame, free_orders: bool, last: int) -> None:
    expected = slow_summary(tx, day(last), free_orders)
    found = aggregate.rfm_summary(table(tx), day(last), free_orders=free_orders)
    same(found[expected.columns], expected)


@law
@given(tx=numbered_shop, free_orders=st.booleans(), last=st.integers(20, 76))
def test_so_it_does_where_refunds_name_their_orders(tx: pd.DataFrame, free_orders: bool, last: int) -> None:
    expected = slow_summary(tx, day(last), free_orders)
    found = aggregate.rfm_summary(table(tx), day(last), free_orders=free_orders)
    same(found[expected.columns], expected)


@law
@given(tx=any_shop)
def test_features_agree_with_a_slow_walk_through_the_days(tx: pd.DataFrame) -> None:
    found = aggregate.features(table(tx), AS_OF)
    slow = slow_purchases(tx, AS_OF)
    assert list(found.index) == sorted(slow)
    for customer, purchases in slow.items():
        row, amounts = found.loc[customer], [amount for _, amount in purchases]
        gaps = [(b[0] - a[0]).days for a, b in pairwise(purchases)]
        for window in aggregate.LOOK_BACKS:
            recent = [a for when, a in purchases if (AS_OF - when).days < window]
            assert row[f"purchases_last_{window}"] == len(recent)
            assert row[f"spend_last_{window}"] == pytest.approx(sum(recent))
        assert row[["first_spend", "last_spend", "max_spend"]].tolist() == pytest.approx(
            [amounts[0], amounts[-1], max(amounts)]
        )
        expected = [
            np.mean(gaps) if gaps else np.nan,
            np.std(gaps, ddof=1) if len(gaps) > 1 else np.nan,
            gaps[-1] if gaps else np.nan,
            gaps[-2] if len(gaps) > 1 else np.nan,
        ]
        assert row[["mean_gap", "sd_gap", "last_gap", "previous_gap"]].tolist() == pytest.approx(expected, nan_ok=True)
        assert row["refunds"] == ((tx["customer_id"] == customer) & (tx["amount"] < 0)).sum()


# Conservation: the same purchases, however they are added up


@law
@given(tx=any_shop, period=st.sampled_from(["D", "W", "M", "Q"]))
def test_periods_add_up_to_the_total(tx: pd.DataFrame, period: str) -> None:
    by_period = aggregate.purchases_by_period(table(tx), AS_OF, period)
    summary = aggregate.rfm_summary(table(tx), AS_OF)
    known = tx[tx["date"] <= AS_OF]
    assert by_period["revenue"].sum() == pytest.approx(known["amount"].sum())
    assert by_period["purchases"].sum() == (summary["frequency"] + 1).sum()
    assert by_period["new_customers"].sum() == len(summary)
    assert by_period["repeat_purchases"].sum() == summary["frequency"].sum()
    assert (by_period["customers"] <= by_period["purchases"]).all()
    assert (by_period["new_customers"] <= by_period["customers"]).all()


@law
@given(tx=any_shop, period=st.sampled_from(["W", "M"]))
def test_cohorts_add_up_to_the_periods(tx: pd.DataFrame, period: str) -> None:
    cohorts = aggregate.cohorts(table(tx), AS_OF, period)
    by_period = aggregate.purchases_by_period(table(tx), AS_OF, period)
    assert cohorts["purchases"].sum() == by_period["purchases"].sum()
    at_birth = cohorts[cohorts["age"] == 0].set_index("cohort")
    assert (at_birth["active"] == at_birth["size"]).all()
    assert at_birth["size"].sum() == by_period["new_customers"].sum()
    assert (cohorts["active"] <= cohorts["size"]).all()
    born = cohorts["cohort"].dt.to_period(period)
    lived = pd.PeriodIndex([b + int(a) for b, a in zip(born, cohorts["age"], strict=True)])
    active = cohorts.groupby(lived.start_time)["active"].sum()
    bought = by_period["customers"]
    assert active.reindex(bought.index, fill_value=0).tolist() == bought.tolist()


@law
@given(tx=any_shop)
def test_gaps_count_every_repeat_purchase_once(tx: pd.DataFrame) -> None:
    gaps = aggregate.gaps(table(tx), AS_OF)
    summary = aggregate.rfm_summary(table(tx), AS_OF)
    assert gaps.sum() == summary["frequency"].sum()
    assert (gaps * gaps.index).sum() == summary["recency"].sum()
    assert (gaps.index > 0).all()


@law
@given(tx=st.one_of(any_shop, numbered_shop), cuts=st.sets(st.integers(1, 75), max_size=4), free_orders=st.booleans())
def test_the_windows_of_a_history_hold_the_purchases_and_the_money_of_its_summary_once(
    tx: pd.DataFrame, cuts: set[int], free_orders: bool
) -> None:
    summary = aggregate.rfm_summary(table(tx), AS_OF, free_orders=free_orders)
    days = aggregate.purchase_days(table(tx), AS_OF, free_orders).to_pandas()
    days["day"] = pd.to_datetime(days["day"])
    each = days.groupby("customer_id").size()
    assert each.to_dict() == (summary["frequency"] + 1).to_dict()
    starts = [START - pd.Timedelta(days=1), *(day(cut) for cut in sorted(cuts))]
    after = [aggregate.holdout(table(tx), start, AS_OF, free_orders) for start in starts]
    for start, found in zip(starts, after, strict=True):
        counted = days[days["day"] > start].groupby("customer_id").size()
        assert found.loc[found["purchases"] > 0, "purchases"].to_dict() == counted.to_dict()
    whole = after[0].reindex(summary.index)
    assert whole["purchases"].tolist() == (summary["frequency"] + 1).tolist()
    assert whole["spend"].tolist() == pytest.approx(summary["total_spend"].tolist())
    assert after[0]["spend"].sum() == pytest.approx(tx["amount"].sum())


@law
@given(tx=any_shop, cut=st.integers(1, 75))
def test_calibration_and_holdout_split_the_same_customers(tx: pd.DataFrame, cut: int) -> None:
    split = aggregate.calibration_holdout(table(tx), day(cut), AS_OF)
    summary = aggregate.rfm_summary(table(tx), day(cut))
    same(split[summary.columns], summary)
    after = aggregate.holdout(table(tx), day(cut), AS_OF).reindex(summary.index, fill_value=0)
    assert split["holdout_frequency"].tolist() == after["purchases"].tolist()
    assert split["holdout_spend"].tolist() == pytest.approx(after["spend"].tolist())
    assert (split["duration_holdout"] == (AS_OF - day(cut)).days).all()


@law
@given(tx=any_shop)
def test_weeks_are_days_divided_by_seven(tx: pd.DataFrame) -> None:
    days, weeks = (aggregate.rfm_summary(table(tx), AS_OF, unit) for unit in "DW")
    days[["recency", "T"]] /= 7
    same(weeks, days)


# Examples of the rules


def summary_of(*lines: tuple[str, int, float], free_orders: bool = False) -> pd.DataFrame:
    return aggregate.rfm_summary(table(rows(*lines)), AS_OF, free_orders=free_orders)


def test_several_purchases_on_one_day_are_one_purchase() -> None:
    found = summary_of(("a", 0, 10), ("a", 3, 4), ("a", 3, 6)).loc["a"]
    assert (found["frequency"], found["monetary_value"]) == (1, 10)


def test_a_refund_is_not_a_purchase_and_reduces_the_purchase_before_it() -> None:
    found = summary_of(("a", 0, 10), ("a", 3, 8), ("a", 5, -3)).loc["a"]
    assert (found["frequency"], found["recency"], found["monetary_value"]) == (1, 3, 5)
    assert (found["total_spend"], found["mean_order_value"], found["mean_days_between_orders"]) == (15, 7.5, 3)


def test_a_purchase_that_was_sent_back_is_in_no_mean_and_one_purchase_has_no_days_between() -> None:
    found = summary_of(("a", 0, 10), ("a", 4, 30), ("a", 6, -30), ("b", 2, 8), ("b", 3, -2)).loc
    assert found[["a", "b"], "mean_order_value"].tolist() == [10, 6]
    assert found[:, "mean_days_between_orders"].isna().all()


def numbered(*lines: tuple[str, int, float, str | None]) -> ibis.Table:
    return table(rows(*(line[:3] for line in lines)).assign(order_id=[line[3] for line in lines]))


def test_a_refund_is_taken_off_its_order_and_not_off_the_purchase_before_it() -> None:
    tx = numbered(("a", 0, 10, "1"), ("a", 3, 8, "2"), ("a", 5, 6, "3"), ("a", 7, -10, "1"), ("a", 9, -2, "2"))
    found = aggregate.rfm_summary(tx, AS_OF).loc["a"]
    assert (found["first_purchase"], found["frequency"], found["monetary_value"]) == (day(3), 1, 6)
    assert aggregate.purchase_days(tx, AS_OF).order_by("day").to_pandas()["amount"].tolist() == [6, 6]


def test_a_new_order_is_whole_though_another_was_sent_back_on_its_day() -> None:
    tx = numbered(("a", 0, 10, "1"), ("a", 3, 8, "2"), ("a", 3, -10, "1"))
    found = aggregate.rfm_summary(tx, AS_OF).loc["a"]
    assert (found["first_purchase"], found["frequency"], found["total_spend"]) == (day(3), 0, 8)


@pytest.mark.parametrize("order", [None, "of nobody", "of another", "later"])
def test_a_refund_without_a_known_earlier_order_is_taken_off_the_purchase_before_it(order: str | None) -> None:
    tx = numbered(
        ("a", 0, 10, "1"), ("a", 3, 8, "2"), ("a", 5, -8, order), ("b", 1, 9, "of another"), ("a", 9, 4, "later")
    )
    found = aggregate.rfm_summary(tx, AS_OF)
    assert found["frequency"].to_dict() == {"a": 1, "b": 0}
    assert found.loc["a", "monetary_value"] == 4


def test_what_was_sent_back_is_no_purchase_of_the_holdout_either() -> None:
    """Before, the holdout counted days with money paid on them: 2 here, while the summary of the end counts 1."""
    tx = table(rows(("a", 0, 10), ("a", 20, 8), ("a", 30, 5), ("a", 32, -5)))
    split = aggregate.calibration_holdout(tx, day(10), AS_OF).loc["a"]
    assert (split["frequency"], split["holdout_frequency"], split["holdout_spend"]) == (0, 1, 8)


def test_a_refund_in_a_window_of_a_purchase_before_it_is_not_counted_in_it() -> None:
    tx = table(rows(("a", 0, 10), ("a", 20, -4), ("a", 30, 5), ("b", 1, 3), ("b", 22, -1)))
    found = aggregate.holdout(tx, day(10), AS_OF)
    assert found.to_dict("index") == {"a": {"purchases": 1, "spend": 5.0}}


def test_a_purchase_that_was_sent_back_whole_is_not_a_purchase() -> None:
    found = summary_of(("a", 0, 10), ("a", 3, 8), ("a", 5, -8)).loc["a"]
    assert (found["frequency"], found["recency"], found["total_spend"]) == (0, 0, 10)


@pytest.mark.parametrize("parts", [(0.1, 0.2, -0.3), (19.99, 5.01, -25.0), (1.1, 2.2, -3.3)])
def test_cents_that_binary_numbers_cannot_hold_leave_no_purchase_behind(parts: tuple[float, ...]) -> None:
    same_day = summary_of(("a", 0, 10), *(("a", 4, part) for part in parts)).loc["a"]
    assert same_day["frequency"] == 0
    later = summary_of(("a", 0, 10), ("a", 4, parts[0]), ("a", 4, parts[1]), ("a", 6, parts[2])).loc["a"]
    assert later["frequency"] == 0


def test_a_customer_who_sent_everything_back_or_only_got_refunds_is_no_customer() -> None:
    found = summary_of(("a", 0, 10), ("a", 2, -10), ("b", 1, -5), ("c", 1, 5))
    assert list(found.index) == ["c"]


def test_a_free_order_is_a_purchase_only_when_asked_for() -> None:
    lines = (("a", 0, 10.0), ("a", 3, 0.0), ("a", 5, 6.0), ("b", 1, 0.0))
    assert summary_of(*lines)["frequency"].to_dict() == {"a": 1}
    free = summary_of(*lines, free_orders=True)
    assert free["frequency"].to_dict() == {"a": 2, "b": 0}
    assert free.loc["a", "monetary_value"] == 3


def test_a_purchase_in_the_last_minute_of_the_as_of_day_counts_and_one_a_minute_later_does_not() -> None:
    tx = rows(("a", 0, 10), ("a", 10, 5))
    late = tx.assign(date=tx["date"] + pd.Timedelta(hours=23, minutes=59))
    assert aggregate.rfm_summary(table(late), day(10)).loc["a", "frequency"] == 1
    assert aggregate.rfm_summary(table(late), day(9)).loc["a", "frequency"] == 0
    assert aggregate.holdout(table(late), day(10), day(20)).empty
    assert aggregate.holdout(table(late), day(9), day(10))["purchases"].to_dict() == {"a": 1}


def test_one_time_buyers_are_rows_without_a_monetary_value() -> None:
    found = summary_of(("a", 0, 10)).loc["a"]
    assert (found["frequency"], found["recency"], found["T"]) == (0, 0, (AS_OF - START).days)
    assert np.isnan(found["monetary_value"])


def test_a_line_s_own_cost_gives_its_margin_and_the_card_s_margin_only_where_none_is_said() -> None:
    """Before, the value so far was margin × spend though the lines said their costs: the best category was another."""
    tx = rows(("a", 0, 100), ("a", 5, 50), ("a", 7, -50), ("b", 0, 100), ("b", 400, 9))
    tx["cost"] = [30.0, 20.0, -20.0, None, 1.0]
    found = aggregate.brought(table(tx), AS_OF, margin=0.4)
    assert found.loc["a"].tolist() == [100, 70, 0]
    assert found.loc["b"].tolist() == [100, 40, 1]
    assert aggregate.brought(table(tx.drop(columns="cost")), AS_OF, 0.4)["unknown_costs"].tolist() == [3, 1]


def test_refunds_are_counted_by_what_they_are_taken_off() -> None:
    tx = numbered(
        ("a", 0, 10, "1"), ("a", 3, 8, "2"), ("a", 5, -10, "1"), ("a", 9, -2, None), ("b", 0, -3, "x"),
        ("b", 2, 6, None), ("b", 2, -1, None),
    )  # fmt: skip
    found = refunds(tx, AS_OF)
    assert found["amount"].to_dict() == {
        "their order": -10, "what was bought that day": -1, "the purchase before": -2, "nothing known": -3
    }  # fmt: skip
    assert found["refunds"].tolist() == [1, 1, 1, 1]
    assert sent_back(tx, AS_OF) == {"days": 1, "amount": 10.0}
    paid = table(rows(("a", 0, 10)))
    assert refunds(paid, AS_OF).empty
    assert sent_back(paid, AS_OF) == {"days": 0, "amount": 0.0}


def test_periods_without_a_purchase_are_there_with_zeros() -> None:
    found = aggregate.purchases_by_period(table(rows(("a", 0, 10), ("a", 70, 5))), AS_OF, "M")
    assert found["purchases"].tolist() == [1, 0, 1]
    assert found["revenue"].tolist() == [10, 0, 5]


def test_a_period_cut_short_by_the_as_of_date_is_not_complete() -> None:
    tx = table(rows(("a", 0, 10)))
    at_end, before_end = (aggregate.cohorts(tx, AS_OF - pd.Timedelta(days=d), "M") for d in (0, 1))
    assert at_end["complete"].tolist() == [True, True, True]
    assert before_end["complete"].tolist() == [True, True, False]


def test_channels_and_categories_are_counted_when_the_rows_name_them() -> None:
    tx = rows(("a", 0, 10), ("a", 1, 10), ("b", 0, 10)).assign(channel=["web", "store", None], category="books")
    found = aggregate.features(table(tx), AS_OF)
    assert found["n_channels"].to_dict() == {"a": 2, "b": 0}
    assert found["n_categories"].to_dict() == {"a": 1, "b": 1}
    assert "n_channels" not in aggregate.features(table(tx.drop(columns="channel")), AS_OF)


# Real transactions


def cdnow(name: str) -> pd.DataFrame:
    path = files("lifetimes").joinpath("datasets", name)
    columns = ["customer_id", "date", "cds", "amount"]
    text = path.read_text()
    lines = [line.split()[-4:] for line in text.splitlines() if line.split()[-4:-3] and line.split()[0].isdigit()]
    frame = pd.DataFrame(lines, columns=columns)
    return frame.assign(date=pd.to_datetime(frame["date"], format="%Y%m%d"), amount=frame["amount"].astype(float))


@pytest.fixture(scope="module")
def transactions() -> pd.DataFrame:
    return cdnow("CDNOW_master.txt")


def test_cdnow_has_the_published_number_of_customers_and_transactions(transactions: pd.DataFrame) -> None:
    assert len(transactions) == 69_659
    assert transactions["customer_id"].nunique() == 23_570


@pytest.mark.parametrize("end", ["1997-09-30", "1998-06-30"])
def test_the_summary_of_cdnow_agrees_with_lifetimes(transactions: pd.DataFrame, end: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from lifetimes.utils import summary_data_from_transaction_data

        expected = summary_data_from_transaction_data(
            transactions, "customer_id", "date", "amount", observation_period_end=end
        )
    found = aggregate.rfm_summary(table(transactions), pd.Timestamp(end), free_orders=True)
    columns = ["frequency", "recency", "T"]
    pd.testing.assert_frame_equal(found[columns], expected[columns], check_dtype=False, check_index_type=False)
    np.testing.assert_allclose(found["monetary_value"].fillna(0), expected["monetary_value"], rtol=1e-9)


def test_the_summary_of_cdnow_agrees_with_a_slow_walk_through_the_days(transactions: pd.DataFrame) -> None:
    some = transactions[transactions["customer_id"].str.endswith("7")]
    end = pd.Timestamp("1998-06-30")
    expected = slow_summary(some, end)
    same(aggregate.rfm_summary(table(some), end)[expected.columns], expected)


def test_cdnow_revenue_by_month_is_all_that_was_paid(transactions: pd.DataFrame) -> None:
    by_month = aggregate.purchases_by_period(table(transactions), pd.Timestamp("1998-06-30"), "M")
    assert len(by_month) == 18
    assert by_month["revenue"].sum() == pytest.approx(transactions["amount"].sum())
    assert (by_month["new_customers"] > 0).tolist()[:4] == [True, True, True, False]


def test_what_is_kept_of_one_database_answers_for_no_other() -> None:
    day = pd.Timestamp("2025-01-31")
    for amount in (1.0, 2.0):
        rows = pd.DataFrame({"customer_id": ["a"], "date": [day], "amount": [amount]})
        table = ibis.duckdb.connect().create_table("transactions", rows)
        for _ in range(2):
            assert aggregate.rfm_summary(table, day)["total_spend"].tolist() == [amount]
            assert aggregate.rfm_summary(table, "2025-01-30").empty


def test_a_database_that_nobody_needs_any_more_goes_with_what_was_kept_in_it(orders: pd.DataFrame) -> None:
    def used() -> weakref.ref:
        backend = ibis.duckdb.connect()
        aggregate.rfm_summary(backend.create_table("transactions", orders), "2025-12-31")
        return weakref.ref(backend)

    left = used()
    gc.collect()
    assert left() is None


def test_a_lazy_table_outlives_what_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("clvlib.aggregate.purchases._MOST_KEPT", 1)
    rows = pd.DataFrame({"customer_id": ["a", "b"], "date": [pd.Timestamp("2025-01-31")] * 2, "amount": [1.0, 2.0]})
    table = ibis.duckdb.connect().create_table("transactions", rows)
    days = purchase_days(table, "2025-01-31")
    for day in pd.date_range("2025-02-01", periods=3):
        assert len(aggregate.rfm_summary(table, day)) == 2
    assert days.count().to_pandas() == 2


def test_retention_is_read_from_whole_periods_of_cohorts_that_are_large_enough() -> None:
    ages = [0, 1, 2, 3, 1, 2]
    cohorts = pd.DataFrame({"age": ages, "size": [9, 9, 9, 9, 2, 2], "complete": [age < 3 for age in ages]})
    assert aggregate.followed(cohorts, 12, smallest=3).index.tolist() == [1, 2]
    with pytest.raises(NotEnoughData, match="of 3 customers or more"):
        aggregate.followed(cohorts, 1, smallest=3)


def test_cohorts_of_customers_who_never_paid_are_an_empty_table() -> None:
    found = aggregate.cohorts(table(rows(("a", 0, -5.0))), AS_OF)
    assert found.empty
    assert list(found) == ["cohort", "age", "size", "active", "purchases", "revenue", "complete"]


def test_everybody_is_whoever_was_seen_though_all_was_sent_back_or_free():
    rows = pd.DataFrame({"customer_id": ["a", "b", "b", "c", "d"], "amount": [5.0, 9.0, -9.0, 0.0, 4.0]})
    rows["date"] = pd.to_datetime(["2024-01-01", "2024-01-02", "2024-01-05", "2024-01-03", "2024-02-01"])
    table = ibis.memtable(rows)
    assert aggregate.everybody(table, "2024-01-31").to_list() == ["a", "b", "c"]
    assert aggregate.features(table, "2024-01-31").index.to_list() == ["a"]


def test_some_customers_are_whole_customers_and_the_same_ones_again():
    rows = pd.DataFrame({"customer_id": [f"c{n % 50}" for n in range(200)], "amount": 1.0, "date": "2024-01-01"})
    table = ibis.memtable(rows.assign(date=pd.to_datetime(rows["date"])))
    drawn = aggregate.some_customers(table, 20).execute()
    assert drawn["customer_id"].nunique() == 20
    assert (drawn["customer_id"].value_counts() == 4).all()
    again = aggregate.some_customers(table.order_by(ibis.desc("customer_id")), 20).execute()
    assert set(again["customer_id"]) == set(drawn["customer_id"])
    assert aggregate.some_customers(table, 50) is table


def test_customers_come_in_parts_each_whole_and_every_row_once(cdnow_sample, tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    sold = cdnow_sample.transactions
    with aggregate.in_parts(sold, most=10**6) as parts:
        assert parts == [sold]
        assert list(tmp_path.iterdir()) == []
    with aggregate.in_parts(sold, most=500) as parts:
        frames = [part.to_pandas() for part in parts]
        assert [folder.stat().st_mode & 0o077 for folder in tmp_path.iterdir()] == [0]
    assert list(tmp_path.iterdir()) == []
    together = pd.concat(frames)[list(sold.columns)]
    in_order = [frame.sort_values([*sold.columns], ignore_index=True) for frame in (together, sold.to_pandas())]
    pd.testing.assert_frame_equal(*in_order)
    customers = [set(frame["customer_id"]) for frame in frames]
    assert 4 <= len(frames) <= 6
    assert sum(map(len, customers)) == len(set.union(*customers)) == 2357
    assert all(300 < len(part) < 700 for part in customers)
