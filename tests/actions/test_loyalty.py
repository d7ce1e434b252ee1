import ibis
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clvlib.actions import loyalty
from clvlib.errors import CannotAnswer, NotEnoughData, UsageError

spends = st.lists(st.floats(1, 5000), min_size=110, max_size=150, unique=True)


def spend(n: int = 1000, seed: int = 0) -> pd.Series:
    values = np.random.default_rng(seed).lognormal(4, 1, n)
    return pd.Series(values, index=pd.Index([f"c{i:04}" for i in range(n)], name="customer_id"))


def test_thresholds_are_round_and_hold_about_the_share_meant() -> None:
    year = spend()
    asked = loyalty.thresholds(year)
    assert asked.to_dict() == {"Gold": 250.0, "Silver": 120.0}
    assert year.quantile([0.95, 0.80]).tolist() == pytest.approx([250, 120], rel=0.15)
    held = loyalty.programme(year, asked, 0.05, 0.4)["share_of_customers"]
    assert held["Gold"] == pytest.approx(0.05, abs=0.02)
    assert held["Gold"] + held["Silver"] == pytest.approx(0.20, abs=0.05)


@settings(max_examples=25, deadline=None)
@given(spends)
def test_every_buyer_is_in_one_tier_and_revenue_adds_up(values) -> None:
    year = pd.Series(values, index=[f"c{i}" for i in range(len(values))])
    try:
        asked = loyalty.thresholds(year)
    except NotEnoughData:
        return
    table = loyalty.programme(year, asked, 0.05, 0.4)
    assert table["customers"].sum() == len(year)
    assert table["share_of_revenue"].sum() == pytest.approx(1)
    assert table["cost"].sum() == pytest.approx((table["reward"] * table["share_of_revenue"]).sum() * year.sum())


def test_customers_are_in_the_highest_tier_that_they_reach_and_non_buyers_in_none() -> None:
    asked = pd.Series({"Gold": 300.0, "Silver": 100.0})
    tier = loyalty.tier_of(pd.Series({"a": 300.0, "b": 299.9, "c": 100.0, "d": 5.0, "e": 0.0, "f": -3.0}), asked)
    assert tier.to_dict() == {"a": "Gold", "b": "Silver", "c": "Silver", "d": "Member"}


@given(st.floats(0, 0.3), st.floats(0.31, 1), st.floats(1, 1e6))
@settings(max_examples=30, deadline=None)
def test_at_the_breakeven_uplift_the_margin_left_is_what_it_was(reward, margin, money) -> None:
    uplift = loyalty.breakeven_uplift(reward, margin)
    assert (margin - reward) * money * (1 + uplift) == pytest.approx(margin * money)


def test_a_reward_that_the_margin_cannot_pay_is_said() -> None:
    with pytest.raises(CannotAnswer, match="can't be paid"):
        loyalty.breakeven_uplift(0.3, 0.3)
    with pytest.raises(UsageError, match="reward is"):
        loyalty.breakeven_uplift(-0.1, 0.3)


def test_amounts_in_another_currency_give_the_same_tiers_and_uplifts() -> None:
    year = spend()
    one, ten = (loyalty.programme(s, loyalty.thresholds(s), 0.05, 0.4) for s in (year, year * 10))
    pd.testing.assert_series_equal(one["customers"], ten["customers"])
    assert ten["cost"].sum() == pytest.approx(10 * one["cost"].sum())
    alike = [loyalty.needed_uplift(t, s, 0.4)["within_reach"] for t, s in ((one, year), (ten, year * 10))]
    assert alike[0] == pytest.approx(alike[1])


def test_the_needed_uplift_by_hand() -> None:
    year = pd.Series({"a": 400.0, "b": 250.0, "c": 90.0, "d": 10.0})
    asked = pd.Series({"Gold": 300.0, "Silver": 100.0}, name="threshold")
    table = loyalty.programme(year, asked, 0.10, 0.5)
    need = loyalty.needed_uplift(table, year, 0.5)
    assert need["cost"] == pytest.approx(0.10 * 400 + 0.05 * 250)
    # a and b spend more: b is Gold from 20 % on, and the margin left is then 0.4 of what both spend.
    assert need["all"] == pytest.approx(0.5 * 650 / (0.4 * 650) - 1)
    # b and c spend more: b becomes Gold, c Silver; a's reward of 40 has to be earned too.
    assert need["within_reach"] == pytest.approx((0.5 * 340 + 40) / (0.4 * 250 + 0.45 * 90) - 1)
    assert table["within_reach"].to_dict() == {"Gold": 0, "Silver": 1, "Member": 1}


@settings(max_examples=15, deadline=None)
@given(spends, st.floats(0.01, 0.15), st.floats(0.2, 0.6))
def test_at_the_needed_uplift_customers_put_into_their_new_tiers_leave_the_margin_that_was(values, top, margin) -> None:
    year = pd.Series(values, index=[f"c{i}" for i in range(len(values))])
    try:
        asked = loyalty.thresholds(year)
    except NotEnoughData:
        return
    need = loyalty.needed_uplift(loyalty.programme(year, asked, top, margin), year, margin)
    near = (year >= 0.8 * asked["Gold"]) & (year < asked["Gold"])
    near |= (year >= 0.8 * asked["Silver"]) & (year < asked["Silver"])

    def left(movers: pd.Series, uplift: float) -> float:
        after = year.where(~movers, year * (1 + uplift))
        reward = loyalty.tier_of(after, asked).map(loyalty.rewards(top)).astype(float)
        return float(((margin - reward) * after).sum() / (margin * year.sum()) - 1)

    for movers, uplift in ((year >= asked["Silver"], need["all"]), (near, need["within_reach"])):
        if movers.any():
            assert left(movers, uplift * (1 + 1e-9)) == pytest.approx(0, abs=1e-6)
            assert all(left(movers, uplift * more) >= 0 for more in (1.001, 1.1, 1.5, 3, 10))


def test_no_reward_costs_nothing_and_needs_nothing() -> None:
    year = spend()
    need = loyalty.needed_uplift(loyalty.programme(year, loyalty.thresholds(year), 0.0, 0.4), year, 0.4)
    assert need["cost"] == 0
    assert need["all"] == 0
    assert np.isnan(need["within_reach"])


def test_the_larger_the_reward_and_the_thinner_the_margin_the_more_must_be_spent() -> None:
    grid = loyalty.reward_sensitivity(0.3, 0.05)
    assert (grid.diff(axis=0).iloc[1:] > 0).all().all()
    assert (grid.diff(axis=1).iloc[:, 1:] < 0).all().all()
    assert grid.loc[0.05, 0.3] == pytest.approx(0.2)
    assert np.isnan(loyalty.reward_sensitivity(0.06, 0.05).iloc[-1, 0])
    with pytest.raises(CannotAnswer):
        loyalty.reward_sensitivity(0.04, 0.05)


def test_customers_who_move_between_tiers_add_up_to_all_of_a_tier() -> None:
    before, now = spend(20_000, seed=1), spend(20_000, seed=2).iloc[:16_000]
    asked = loyalty.thresholds(before)
    table = loyalty.moved(before, now, asked)
    assert table.drop(columns="customers").sum(axis=1).tolist() == pytest.approx([1.0] * len(table))
    assert table["customers"].sum() == len(before)
    assert table.loc["Gold", "none"] == pytest.approx(0.2, abs=0.15)


def test_shares_of_a_tier_that_rest_on_one_to_four_customers_are_not_given() -> None:
    names = [f"c{i}" for i in range(20)]
    before, now = pd.Series(50.0, index=names), pd.Series([50.0] * 9 + [150.0] * 4 + [500.0] * 7, index=names)
    table = loyalty.moved(before, now, pd.Series({"Gold": 300.0, "Silver": 100.0}))
    assert table.loc["Member", ["customers", "Gold", "Member", "none"]].tolist() == [20, 0.35, 0.45, 0.0]
    assert np.isnan(table.loc["Member", "Silver"])


def test_a_years_spend_is_net_of_refunds_and_needs_a_whole_year() -> None:
    days = pd.to_datetime(["2023-06-30", "2023-07-01", "2024-01-10", "2024-01-20", "2024-06-30"])
    rows = pd.DataFrame({"customer_id": "a", "date": days, "amount": [100.0, 1.0, 20.0, -5.0, 3.0]})
    table, starts, as_of = ibis.memtable(rows), days[0], pd.Timestamp("2024-06-29")
    assert loyalty.yearly_spend(table, starts, as_of)["a"] == 16.0
    assert loyalty.yearly_spend(table, starts, as_of + pd.Timedelta(days=1))["a"] == 18.0
    with pytest.raises(NotEnoughData, match="data begin"):
        loyalty.yearly_spend(table, starts, as_of, years_ago=1)


def test_few_or_equal_customers_make_no_tiers() -> None:
    with pytest.raises(NotEnoughData, match="tiers need 100"):
        loyalty.thresholds(spend(40))
    with pytest.raises(NotEnoughData, match="too much alike"):
        loyalty.thresholds(pd.Series(20.0, index=range(200)))
