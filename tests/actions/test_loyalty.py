import doctest

import ibis
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clvlib import load
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


def days_of(customer: str, days: list[str], amounts: list[float]) -> pd.DataFrame:
    return pd.DataFrame({"customer_id": customer, "date": pd.to_datetime(days), "amount": amounts})


def test_points_are_days_and_a_refund_takes_its_spend_and_of_a_whole_day_its_point() -> None:
    rows = [
        days_of("a", ["2024-02-01", "2024-02-01", "2024-03-01"], [10.0, 15.0, 5.0]),  # two orders on one day
        days_of("b", ["2024-02-01", "2024-02-09", "2024-03-01"], [40.0, -40.0, 7.0]),  # a day sent back
        days_of("c", ["2024-02-01", "2024-02-09", "2024-03-01"], [40.0, -15.0, 5.0]),  # a part sent back
        days_of("d", ["2022-12-31", "2023-05-01", "2024-12-30"], [90.0, 1.0, 1.0]),  # comes from before the year
        days_of("e", ["2023-05-01"], [8.0]),  # bought nothing in the year
        days_of("f", ["2024-02-01", "2024-02-09"], [8.0, -8.0]),  # nothing was left of it
    ]
    table, starts, as_of = ibis.memtable(pd.concat(rows)), pd.Timestamp("2022-12-31"), pd.Timestamp("2024-12-30")
    merit = loyalty.merits(table, starts, as_of)
    assert merit["spend"].to_dict() == {"a": 30.0, "b": 7.0, "c": 30.0, "d": 1.0}
    assert merit["points"].to_dict() == {"a": 2, "b": 1, "c": 2, "d": 1}
    since = {"a": "2024-02-01", "b": "2024-03-01", "c": "2024-02-01", "d": "2022-12-31"}
    days = {customer: (as_of - pd.Timestamp(day)).days + 1 for customer, day in since.items()}
    assert (merit["tenure"] * 365.25).to_dict() == pytest.approx(days)
    then = loyalty.merits(table, starts, as_of, years_ago=1)
    assert then.to_dict("index") == {
        "d": {"spend": 91.0 - 90.0, "points": 1, "tenure": pytest.approx(366 / 365.25)},
        "e": {"spend": 8.0, "points": 1, "tenure": pytest.approx(245 / 365.25)},
    }
    with pytest.raises(NotEnoughData, match="data begin"):
        loyalty.merits(table, starts + pd.Timedelta(days=9), as_of, years_ago=1)


def ten() -> pd.DataFrame:
    """Ten buyers; by points and tenure two others than by spend are on top, and points are often alike."""
    frame = {
        "spend": [400.0, 300, 100, 90, 80, 10, 8, 6, 4, 2],
        "points": [4, 9, 4, 9, 4, 2, 2, 2, 1, 1],
        "tenure": [1.0, 2, 3, 4, 5, 6, 7, 8, 9, 10],
    }
    return pd.DataFrame(frame, index=[*"abcdefghij"])


def test_customers_who_are_alike_are_in_a_tier_or_out_of_it_together() -> None:
    asked = pd.Series({"Gold": 250.0, "Silver": 85.0})  # two, and four with those above
    levels = loyalty.equal_tiers(ten(), asked)
    assert levels["points"].to_dict() == {
        "Gold": 9,
        "Silver": 4,
    }  # two have 9, five 4 or more
    assert levels["tenure"].to_dict() == {"Gold": 9.0, "Silver": 7.0}
    assert levels["spend"].to_dict() == asked.to_dict()
    mixed = ten().sample(frac=1, random_state=1)
    pd.testing.assert_frame_equal(loyalty.equal_tiers(mixed, asked), levels)
    between = ten().assign(points=[9, 7, 7, 5, 4, 3, 3, 3, 1, 1])  # one has 9, three 7 or more: two is meant, one taken
    assert loyalty.equal_tiers(between, asked).loc["Gold", "points"] == 9


@pytest.mark.parametrize("points", [[3] * 10, [9] * 3 + [1] * 7])
def test_customers_too_much_alike_in_a_way_make_no_tiers_of_it(points: list[int]) -> None:
    with pytest.raises(NotEnoughData, match="too much alike in points"):
        loyalty.equal_tiers(ten().assign(points=points), pd.Series({"Gold": 250.0, "Silver": 85.0}))
    with pytest.raises(NotEnoughData, match="too much alike in spend"):
        loyalty.equal_tiers(ten(), pd.Series({"Gold": 500.0, "Silver": 85.0}))  # nobody spends so much


def test_ways_are_compared_at_the_same_budget_by_hand() -> None:
    merit, asked = ten(), pd.Series({"Gold": 250.0, "Silver": 85.0})
    chance = pd.Series(np.arange(10) / 10, index=merit.index)
    levels = loyalty.equal_tiers(merit, asked)
    table = loyalty.ways_compared(merit, levels, pd.Series({"Gold": 35.0, "Silver": 2.0, "Member": 0.0}), 0.5, chance)
    gold = table.loc["Gold"]  # a and b, b and d, i and j
    assert gold["customers"].tolist() == [2, 2, 2]
    assert gold["same_by_spend"].tolist() == [1.0, 0.5, 0.0]
    assert gold["same_by_tenure"].tolist() == [0.0, 0.0, 1.0]
    assert gold["share_of_revenue"].tolist() == [0.7, 0.39, 0.006]
    assert gold["cost"].tolist() == [35.0] * 3
    assert gold["reward"].tolist() == pytest.approx([0.05, 35 / 390, 35 / 6])
    assert gold["breakeven_uplift"].tolist()[:2] == pytest.approx([0.05 / 0.45, 35 / (0.5 * 390 - 35)])
    assert np.isnan(gold["breakeven_uplift"].iloc[2])  # all of their margin wouldn't pay it
    assert gold["p_purchase"].tolist() == pytest.approx([0.05, 0.2, 0.85])
    silver = table.loc["Silver"]  # c and d; a, c and e; g and h
    assert silver["customers"].tolist() == [2, 3, 2]
    assert silver["same_by_spend"].tolist() == pytest.approx([1.0, 1 / 3, 0.0])
    assert silver["same_by_points"].tolist() == pytest.approx([0.5, 1.0, 0.0])
    assert (loyalty.ways_compared(merit, levels, asked * 0, 0.5, chance)["breakeven_uplift"] == 0).all()


@settings(max_examples=25, deadline=None)
@given(st.lists(st.integers(1, 30), min_size=110, max_size=150), st.floats(0.5, 50))
def test_where_everybody_pays_the_same_a_day_points_and_spend_choose_the_same(points, price) -> None:
    names = [f"c{i}" for i in range(len(points))]
    merit = pd.DataFrame({"spend": price * np.array(points), "points": points}, index=names)
    try:
        asked = loyalty.thresholds(merit["spend"])
        levels = loyalty.equal_tiers(merit, asked)
    except NotEnoughData:
        return
    table = loyalty.ways_compared(merit, levels, asked, 0.4, merit["spend"])
    assert table[["same_by_spend", "same_by_points"]].dropna().eq(1).all().all()
    assert table["customers"].xs("spend", level=1).tolist() == table["customers"].xs("points", level=1).tolist()


def test_what_came_a_year_after_by_hand() -> None:
    levels = loyalty.equal_tiers(ten(), pd.Series({"Gold": 250.0, "Silver": 70.0}))
    later = pd.Series({"a": 50.0, "b": 30.0, "c": 20.0, "d": -5.0, "i": 5.0, "new": 1000.0})
    came = loyalty.year_after(ten(), levels, later)
    money, again = came.loc["revenue"], came.loc["bought_again"]
    assert money["customers"].to_dict() == {"spend": 5, "points": 5, "tenure": 5, loyalty.ALL_BUYERS: 10}
    assert money["mid"].to_dict() == {"spend": 19.0, "points": 19.0, "tenure": 1.0, loyalty.ALL_BUYERS: 10.0}
    assert money["low"].isna().all()  # of so few, an interval would hold too seldom
    assert again["mid"].to_dict() == {"spend": 0.6, "points": 0.6, "tenure": 0.2, loyalty.ALL_BUYERS: 0.4}
    assert again.loc["spend", ["low", "high"]].tolist() == pytest.approx([0.2307, 0.8824], abs=1e-4)  # Wilson's
    few = pd.DataFrame({"spend": {"Gold": 350.0, "Silver": 250.0}})
    with pytest.raises(NotEnoughData, match="No group has 5"):
        loyalty.year_after(ten(), few, later)


def test_the_examples_hold() -> None:
    flags, names = doctest.NORMALIZE_WHITESPACE, {"pd": pd, "sample": load("cdnow_sample")}
    assert doctest.testmod(loyalty, extraglobs=names, optionflags=flags).failed == 0
