"""Groups side by side, and which attributes part customers by more than chance."""

import numpy as np
import pandas as pd
import pytest

from clvlib import aggregate
from clvlib.errors import NotEnoughData, UsageError
from clvlib.models import outlook, scoring
from clvlib.value import comparing


@pytest.fixture(scope="module")
def ahead(demo):
    return outlook.foresee(demo)


@pytest.fixture(scope="module")
def known(demo, ahead):
    clv = scoring.score(ahead, demo.economics)["clv"]
    return {period: comparing.in_span(demo, ahead, clv, period) for period in comparing.SPANS}


def test_so_far_is_all_that_was_bought(demo, known):
    rfm = demo.rfm_summary()
    assert known["so far"]["revenue"].sum() == pytest.approx(rfm["total_spend"].sum())
    assert known["so far"]["orders"].sum() == rfm["frequency"].sum() + len(rfm)


def test_a_year_is_of_who_had_bought_before_it_began(demo, known):
    first, year = demo.rfm_summary()["first_purchase"], pd.Timedelta(days=comparing._YEAR)
    for period, end in ((comparing.LAST_YEAR, demo.as_of), (comparing.YEAR_BEFORE, demo.as_of - year)):
        assert list(known[period].index) == list(first.index[first <= end - year])
        assert 0.2 < known[period]["bought_again"].mean() < 0.98


def test_all_days_of_a_customer_are_what_was_bought_so_far(demo):
    days = aggregate.bought_by_day(demo.transactions, demo.as_of, demo.starts - pd.Timedelta(days=1), demo.as_of)
    rfm = demo.rfm_summary()
    assert days["purchases"].equals(rfm["frequency"] + 1)
    later = aggregate.bought_by_age(demo.transactions, demo.as_of, 10_000).reindex(rfm.index, fill_value=0)
    assert later["purchases"].equals(rfm["frequency"])


def test_what_was_sent_back_is_bought_in_no_period(build):
    rows = ["customer_id,date,amount,order_id"]
    rows += [f"c{i},2023-01-0{1 + i % 9},40,{i}a" for i in range(9)]
    rows += [f"c{i},2023-06-01,100,{i}b" for i in range(9)] + [f"c{i},2025-01-05,-100,{i}b" for i in range(9)]
    rows += ["z,2025-06-30,5,z"]
    ds, _ = build("\n".join(rows))
    empty = pd.DataFrame({"p_purchase": 0.0}, index=ds.rfm_summary().index)
    seen = comparing.in_span(ds, type("Ahead", (), {"customers": empty})(), empty["p_purchase"], comparing.AT_SAME_AGE)
    assert seen.loc["c1", ["revenue", "orders", "bought_again"]].tolist() == [40, 1, 0]
    assert comparing.after_first(ds)[0].loc["c1", "spend"] == 0


def test_at_the_same_age_only_who_was_watched_is_seen(demo, known):
    first = demo.rfm_summary()["first_purchase"]
    seen = known[comparing.AT_SAME_AGE]
    assert list(seen.index) == list(first.index[first <= demo.as_of - pd.Timedelta(days=comparing._YEAR)])
    assert (seen["revenue"] < known["so far"]["revenue"].reindex(seen.index) + 0.01).mean() > 0.97


def test_a_mean_of_groups_is_the_mean_and_a_ratio_is_that_of_sums(demo, known):
    groups = comparing.ways_to_group(demo)["first product"]
    part = known["so far"][groups.reindex(known["so far"].index) == "Tea"]
    clv = comparing.by_measure(known["so far"], groups, "clv").loc["Tea"]
    assert (clv["customers"], clv["mid"]) == (len(part), pytest.approx(part["clv"].mean()))
    order = comparing.by_measure(known["so far"], groups, "order_value").loc["Tea", "mid"]
    assert order == pytest.approx(part["revenue"].sum() / part["orders"].sum())


def test_small_groups_are_left_out_and_none_left_is_said(known):
    few = pd.Series("many", index=known["so far"].index)
    few.iloc[:4] = "few"
    assert list(comparing.by_measure(known["so far"], few, "revenue").index) == ["many"]
    with pytest.raises(NotEnoughData, match="5 customers"):
        comparing.by_measure(known["so far"].head(4), few, "revenue")


def test_there_is_no_interval_where_it_would_promise_too_much(known):
    everybody = pd.Series("all", index=known["so far"].index)
    few = everybody.where(np.arange(len(everybody)) >= 29, "few")
    for groups, measure, row in ((everybody, "clv", "all"), (everybody, "p_purchase", "all"), (few, "revenue", "few")):
        told = comparing.by_measure(known["so far"], groups, measure).loc[row]
        assert told[["low", "high"]].isna().all()
        assert np.isfinite(told["mid"])
    alike = pd.DataFrame({"revenue": 0.0, "orders": 1.0}, index=range(50))
    assert comparing.by_measure(alike, pd.Series("all", alike.index), "revenue")["low"].isna().all()


def test_a_period_that_isnt_one_is_refused(demo, ahead):
    with pytest.raises(UsageError, match="no period"):
        comparing.in_span(demo, ahead, ahead.customers["spend"], "tomorrow")


def drawn(rng, n):
    """Customers whose spend is skewed, as spend is: most little, some much; and what they ordered."""
    orders = 1 + rng.poisson(rng.gamma(0.7, 3, n))
    revenue = orders * rng.lognormal(3, 0.6, n)
    again = (orders > 1).astype(float)
    return pd.DataFrame({"revenue": revenue, "orders": orders, "bought_again": again, "clv": revenue / 3})


@pytest.mark.parametrize("measure", ["revenue", "order_value", "bought_again"])
def test_the_interval_holds_the_mean_of_such_customers_as_often_as_it_says(measure):
    rng = np.random.default_rng(7)
    many = drawn(rng, 400_000)
    true = many["revenue"].sum() / many["orders"].sum() if measure == "order_value" else many[measure].mean()
    held = 0
    for _ in range(300):
        one = drawn(rng, 150)
        row = comparing.by_measure(one, pd.Series("all", one.index), measure).iloc[0]
        held += row["low"] <= true <= row["high"]
    assert 0.90 <= held / 300 <= 0.985


@pytest.mark.parametrize("times", [15, pytest.param(400, marks=pytest.mark.proof)])
def test_where_no_attribute_matters_one_is_found_no_oftener_than_once_in_twenty(times, monkeypatch):
    monkeypatch.setattr(comparing, "_DEALS", 199)
    rng, found = np.random.default_rng(11), 0
    for _ in range(times):
        spent = drawn(rng, 600)[["revenue"]].set_axis(["spend"], axis=1)
        groups = {name: pd.Series(rng.choice(list("abcd"), 600, p=[0.6, 0.2, 0.1, 0.1])) for name in "vwxyz"}
        found += (comparing.parting(spent, groups)["p_holm"] < 0.05).any()
    assert found / times <= 0.05 + 2 * np.sqrt(0.05 * 0.95 / times)


def test_an_attribute_that_matters_is_found_first():
    rng = np.random.default_rng(12)
    groups = {name: pd.Series(rng.choice(list("abc"), 900)) for name in "xyz"}
    spent = pd.DataFrame({"spend": drawn(rng, 900)["revenue"] * groups["y"].map({"a": 1, "b": 1, "c": 1.8})})
    table = comparing.parting(spent, groups)
    assert (table.index[0], table["highest"].iloc[0]) == ("y", "c")
    assert table["p_holm"].iloc[0] < 0.01 < 0.05 < table["p_holm"].iloc[1:].min()


def test_a_group_of_whom_nobody_came_back_counts(monkeypatch):
    monkeypatch.setattr(comparing, "_DEALS", 199)
    rng = np.random.default_rng(13)
    spent = pd.DataFrame({"spend": [0.0] * 200 + list(drawn(rng, 200)["revenue"])})
    table = comparing.parting(spent, {"channel": pd.Series(["dead"] * 200 + ["alive"] * 200)})
    assert (table["lowest"].item(), table["low"].item()) == ("dead", 0.0)
    assert table["p_value"].item() < 0.01


def test_large_groups_that_spent_nothing_are_no_test():
    spent = pd.DataFrame({"spend": [0.0] * 80 + [9.0] * 5})
    with pytest.raises(NotEnoughData, match="No attribute"):
        comparing.parting(spent, {"channel": pd.Series(["a"] * 40 + ["b"] * 40 + ["c"] * 5)})


def test_what_is_made_of_spend_or_of_time_is_not_tried(demo):
    spent, days = comparing.after_first(demo)
    table = comparing.parting(spent, comparing.ways_to_group(demo))
    assert days == comparing._YEAR
    assert not {"segment", "cohort"} & set(table.index)
    with pytest.raises(NotEnoughData, match="No attribute"):
        comparing.parting(spent, {"segment": comparing.ways_to_group(demo)["segment"]})
