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


def test_two_years_and_what_came_before_are_what_came_so_far(demo, known):
    years = sum(known[period]["revenue"].sum() for period in (comparing.LAST_YEAR, comparing.YEAR_BEFORE))
    start = demo.as_of - pd.Timedelta(days=2 * comparing._YEAR)
    before = demo.at(start).rfm_summary()["total_spend"].sum()
    assert years + before == pytest.approx(known["so far"]["revenue"].sum(), rel=0.01)  # refunds go to their day


def test_at_the_same_age_only_who_was_watched_is_seen(demo, known):
    first = aggregate.first_purchases(demo.transactions, demo.as_of, comparing._YEAR)
    seen = known[comparing.AT_SAME_AGE]
    assert set(seen.index) == set(first.index[first["watched"]]) & set(demo.rfm_summary().index)
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


def test_where_no_attribute_matters_one_is_found_no_oftener_than_once_in_twenty(monkeypatch):
    monkeypatch.setattr(comparing, "_DEALS", 199)
    rng, found = np.random.default_rng(11), 0
    for _ in range(100):
        spent = drawn(rng, 600)[["revenue"]].set_axis(["spend"], axis=1)
        groups = {name: pd.Series(rng.choice(list("abcd"), 600, p=[0.6, 0.2, 0.1, 0.1])) for name in "vwxyz"}
        found += (comparing.parting(spent, groups)["p_holm"] < 0.05).any()
    assert found / 100 <= 0.05 + 2 * np.sqrt(0.05 * 0.95 / 100)


def test_an_attribute_that_matters_is_found_first():
    rng = np.random.default_rng(12)
    groups = {name: pd.Series(rng.choice(list("abc"), 900)) for name in "xyz"}
    spent = pd.DataFrame({"spend": drawn(rng, 900)["revenue"] * groups["y"].map({"a": 1, "b": 1, "c": 1.8})})
    table = comparing.parting(spent, groups)
    assert (table.index[0], table["highest"].iloc[0]) == ("y", "c")
    assert table["p_holm"].iloc[0] < 0.01 < 0.05 < table["p_holm"].iloc[1:].min()


def test_what_is_made_of_spend_or_of_time_is_not_tried(demo):
    spent, days = comparing.after_first(demo)
    table = comparing.parting(spent, comparing.ways_to_group(demo))
    assert days == comparing._YEAR
    assert not {"segment", "cohort"} & set(table.index)
    with pytest.raises(NotEnoughData, match="No attribute"):
        comparing.parting(spent, {"segment": comparing.ways_to_group(demo)["segment"]})
