"""Years kept from cohorts: known truth recovered, and what averages over survivors would have said."""

from types import SimpleNamespace
from typing import Any

import ibis
import numpy as np
import pandas as pd
import pytest

from clvlib import aggregate
from clvlib.dataset import Economics
from clvlib.errors import CannotAnswer, MissingTable, NotEnoughData, UsageError
from clvlib.value import hindsight, lifespan, payback

END = pd.Timestamp("2025-12-31")


def cohorts_of(rates: list[float], months: int = 24, size: int = 1000, value: float = 40.0) -> pd.DataFrame:
    """Monthly cohorts in which an average customer orders rates[age] times, observed to the end of the last month."""
    rows = []
    for born in range(months):
        start = pd.Timestamp("2024-01-01") + pd.DateOffset(months=born)
        for age in range(months - born):
            orders = size * rates[age]
            rows.append((start, age, size, min(size, orders), orders, orders * value, True))
    return pd.DataFrame(rows, columns=["cohort", "age", "size", "active", "purchases", "revenue", "complete"])


def declining(kept: float, months: int = 240) -> list[float]:
    return [1.2, *(0.3 * kept ** (age - 1) for age in range(1, months))]


def rfm_of(frequency: list[int], spend: list[float], age: float = 365.25) -> pd.DataFrame:
    index = pd.Index([f"c{i}" for i in range(len(frequency))], name="customer_id")
    back = np.array(frequency) > 0
    return pd.DataFrame(
        {
            "frequency": frequency,
            "recency": np.where(back, age / 2, 0.0),
            "T": age,
            "total_spend": spend,
            "days_since_last_order": np.where(back, age / 2, age),
        },
        index=index,
    )


def test_a_constant_monthly_loss_is_recovered() -> None:
    rates = declining(0.93)
    span = lifespan.lifespan(cohorts_of(rates), horizon_years=10)
    assert span.orders_first_year == pytest.approx(sum(rates[:12]))
    assert span.orders_first_year * span.years == pytest.approx(sum(rates[:120]), rel=1e-4)
    fitted = lifespan.fitted_orders(cohorts_of(rates), 60, "constant")
    assert fitted.to_numpy()[1:] == pytest.approx(rates[1:60], rel=1e-4)


def test_retention_that_rises_with_age_is_recovered_by_the_rising_tail_and_missed_by_the_constant_one() -> None:
    rates = [1.2, *(0.3 * age**-0.4 for age in range(1, 240))]
    cohorts = cohorts_of(rates)
    rising, constant = (lifespan.lifespan(cohorts, 10, tail).years for tail in ("rising", "constant"))
    assert rising == pytest.approx(sum(rates[:120]) / sum(rates[:12]), rel=1e-4)
    assert constant < rising


def test_months_that_only_a_few_early_customers_reached_are_left_out() -> None:
    cohorts = cohorts_of(declining(0.9), months=6)
    early = cohorts["cohort"] == cohorts["cohort"].min()
    cohorts.loc[early, ["size", "active", "purchases", "revenue"]] /= 1000
    assert lifespan.order_curve(cohorts).index.max() == 4


def test_a_month_not_yet_over_is_not_counted() -> None:
    cohorts = cohorts_of(declining(0.9), months=6)
    begun = cohorts["cohort"].dt.to_period("M") + cohorts["age"]
    running = begun == pd.Period("2024-06")
    cohorts.loc[running, "complete"] = False
    assert lifespan.order_curve(cohorts).index.max() == 4


def test_orders_that_grow_with_age_are_not_extrapolated_as_growth() -> None:
    cohorts = cohorts_of([1.0, *np.linspace(0.1, 0.3, 60)])
    for tail in lifespan.TAILS:
        later = lifespan.monthly_orders(cohorts, 60, tail).iloc[24:]
        assert later.max() == pytest.approx(later.min())


def a_year(seed: int, kept: float, late: float = 1.0) -> pd.DataFrame:
    """Monthly cohorts of 300 over a year, who order less by age, and `late` times as much in its last quarter."""
    cohorts = cohorts_of([1.0] * 12, months=12, size=300)
    season = np.where(cohorts["cohort"].dt.month + cohorts["age"] > 9, late, 1.0)
    drawn = np.random.default_rng(seed).poisson(300 * 0.35 * kept ** (cohorts["age"] - 1) * season)
    orders = cohorts["purchases"].where(cohorts["age"] == 0, drawn)
    return cohorts.assign(purchases=orders, revenue=40.0 * orders)


@pytest.mark.parametrize("tail", lifespan.TAILS)
@pytest.mark.parametrize("late", [3.0, 0.3])
def test_a_season_that_rises_or_falls_is_not_taken_for_staying_or_leaving(tail: lifespan.Tail, late: float) -> None:
    """They gave "4.76 of 5 years kept" beside a churn of 12 % a month, and 2.16 of 5 where nobody leaves."""
    told = [lifespan.told(a_year(seed, 1.0, late), tail) for seed in range(20)]
    assert sum(told) <= 3
    level = a_year(told.index(False), 1.0, late)
    with pytest.raises(NotEnoughData, match="can't be told"):
        lifespan.lifespan(level, 5, tail)
    assert lifespan.lifespan(level, 1, tail).years == 1  # what was seen needs no tail


def test_a_loss_is_found_through_a_season_that_hides_it() -> None:
    months = [0.35 * 0.88 ** (age - 1) for age in range(1, 60)]
    for late in (3.0, 0.3):
        years = [lifespan.lifespan(a_year(seed, 0.88, late), 5).years for seed in range(10)]
        assert np.mean(years) == pytest.approx((1 + sum(months)) / (1 + sum(months[:11])), rel=0.2)


def test_one_young_cohort_tells_nothing_of_how_long_customers_stay() -> None:
    alone = cohorts_of(declining(0.97), months=18)
    with pytest.raises(NotEnoughData, match="1 monthly cohort"):
        lifespan.lifespan(alone[alone["cohort"] == "2024-01-01"], 5)


def test_one_cohort_of_several_years_is_compared_with_itself_a_year_later() -> None:
    season = 1 + 0.5 * np.cos(2 * np.pi * np.arange(49) / 12)
    for kept, told in ((0.96, True), (1.0, False)):
        cohorts = cohorts_of([1.0, *(0.3 * kept ** np.arange(48) * season[1:])], months=48)
        assert lifespan.told(cohorts[cohorts["cohort"] == "2024-01-01"], "constant") is told


def test_a_loss_that_shows_within_a_year_without_a_season_is_told() -> None:
    told = [lifespan.lifespan(a_year(seed, 0.88), 5).years for seed in range(20)]
    months = [0.35 * 0.88 ** (age - 1) for age in range(1, 60)]
    assert np.mean(told) == pytest.approx((1 + sum(months)) / (1 + sum(months[:11])), rel=0.05)


def test_a_horizon_that_was_seen_to_its_half_is_answered_whatever_the_tail() -> None:
    level = cohorts_of([1.0] + [0.3] * 60, months=36)
    assert lifespan.lifespan(level, 5).years > 4
    with pytest.raises(NotEnoughData, match="can't be told"):
        lifespan.lifespan(level, 10)


def test_the_last_month_is_compared_with_the_first_of_the_same_customers() -> None:
    cohorts = cohorts_of(declining(0.9), months=6)
    cohorts.loc[cohorts["cohort"] > "2024-01-01", "purchases"] *= 5
    last, share, customers, differ = lifespan.late_orders(cohorts, lifespan.order_curve(cohorts))
    assert (last, customers, differ) == (5, 1000, True)
    assert share == pytest.approx(0.9**4)
    few = cohorts.assign(**{name: cohorts[name] / 50 for name in ("size", "purchases")})
    assert not lifespan.late_orders(few, lifespan.order_curve(few))[3]


def test_months_that_nobody_reached_or_an_empty_first_one_are_not_compared() -> None:
    young = cohorts_of([1.0, 0.5], months=1)
    for cohorts in (young.iloc[:0], young):
        with pytest.raises(NotEnoughData, match="two whole months"):
            lifespan.late_orders(cohorts, lifespan.order_curve(cohorts))
    late = cohorts_of([1.0, 0.0, 0.5, 0.5, 0.5, 0.5, 0.5], months=6)
    with pytest.raises(NotEnoughData, match="ordered nothing in month 1"):
        lifespan.late_orders(late, lifespan.order_curve(late))


def test_customers_who_never_came_back_leave_years_kept_unanswered() -> None:
    with pytest.raises(NotEnoughData, match="0 repeat order"):
        lifespan.lifespan(cohorts_of([1.0] + [0.0] * 30))


def test_one_month_of_history_is_too_little() -> None:
    with pytest.raises(NotEnoughData, match=r"0 full month\(s\)"):
        lifespan.lifespan(cohorts_of(declining(0.9), months=1))


def test_amounts_times_k_change_the_order_value_and_nothing_else() -> None:
    once, thrice = (cohorts_of(declining(0.9), value=v) for v in (40.0, 120.0))
    spans = [lifespan.lifespan(cohorts) for cohorts in (once, thrice)]
    assert spans[0] == spans[1]
    curves = map(lifespan.order_curve, (once, thrice))
    one, three = (lifespan.levers(c, s, Economics()) for c, s in zip(curves, spans, strict=True))
    assert three.order_value == pytest.approx(3 * one.order_value)


def test_years_kept_grow_with_the_horizon_and_never_fall_below_what_was_observed() -> None:
    table = lifespan.years_by_belief(cohorts_of(declining(0.95)))
    assert (table[["constant", "rising"]].diff().dropna() >= -1e-12).all(axis=None)
    assert (table["nothing more"] <= table["constant"] + 1e-12).all()


def test_a_horizon_that_one_belief_cannot_tell_is_blank_and_the_others_stay() -> None:
    level = cohorts_of([1.0] + [0.3] * 60, months=36)
    years, values = lifespan.years_by_belief(level), lifespan.clv_by_belief(level, Economics())
    assert years["constant"].isna().tolist() == values["constant retention"].isna().tolist() == [False] * 4 + [True]
    assert years["nothing more"].notna().all()


def test_the_value_by_belief_discounts_the_projected_orders_year_by_year() -> None:
    rates = declining(0.95)
    table = lifespan.clv_by_belief(cohorts_of(rates), Economics(margin=0.5))
    discount = 1 + Economics().annual_discount_rate
    expected = sum(40 * 0.5 * rate / discount ** (age // 12) for age, rate in enumerate(rates[:120]))
    assert table.loc[10, "constant retention"] == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize("horizon", [0, -1])
def test_a_horizon_below_one_year_is_refused(horizon: int) -> None:
    cohorts = cohorts_of(declining(0.9))
    with pytest.raises(UsageError, match="horizon_years"):
        lifespan.lifespan(cohorts, horizon)
    with pytest.raises(UsageError, match="one year or more"):
        lifespan.monthly_orders(cohorts, 12 * horizon)


def test_the_first_purchase_is_not_extrapolated_as_a_rate() -> None:
    then = rfm_of([0] * 90 + [1] * 10, [40.0] * 100, age=365.25)
    tested = hindsight.formula_test(cohorts_of(declining(0.9)), then, pd.Timestamp("2024-12-31"))
    assert tested.loc["Everyone goes on as so far", "orders"] == pytest.approx(0.1)


def test_the_tail_is_chosen_on_revenue() -> None:
    tested = pd.DataFrame({"orders": [1.0, 3.0], "revenue": [9.0, 11.5]}, index=list(lifespan.METHODS.values()))
    tested = tested.assign(actual_orders=1.0, actual_revenue=11.0)
    assert hindsight.best_tail(tested, cohorts_of(declining(0.9))) == "rising"


def test_a_tail_is_called_nearest_only_beyond_the_noise_of_what_came() -> None:
    tested = pd.DataFrame({"revenue": [10.0, 12.0]}, index=list(lifespan.METHODS.values())).assign(actual_revenue=10.5)
    tested = tested.assign(error=tested["revenue"] / 10.5 - 1)
    assert hindsight.reason(tested, "constant", 0.1) == "comes nearest"
    assert "within chance" in hindsight.reason(tested, "constant", 0.5)
    assert "the months tell" in hindsight.reason(tested, "rising", 0.1)


def test_a_tail_whose_fall_cannot_be_told_is_not_chosen_where_the_other_s_can(monkeypatch) -> None:
    tested = pd.DataFrame({"revenue": [10.0, 12.0]}, index=list(lifespan.METHODS.values())).assign(actual_revenue=10.0)
    monkeypatch.setattr(hindsight, "told", lambda _, tail: tail == "rising")
    cohorts = cohorts_of(declining(0.9))
    assert hindsight.best_tail(tested, cohorts) == "rising"
    monkeypatch.setattr(hindsight, "told", lambda *_: False)
    assert hindsight.best_tail(tested, cohorts) == "constant"


def test_the_backtest_finds_the_truth_and_shows_how_far_off_the_survivors_are() -> None:
    rates = declining(0.9)
    cohorts = cohorts_of(rates, months=24)
    split = hindsight.half_way(pd.Timestamp("2024-01-01"), END)
    assert split == pd.Timestamp("2024-12-31")
    then = rfm_of([0] * 60 + [3] * 40, [40.0] * 100, age=183)
    tested = hindsight.formula_test(cohorts, then, split)
    assert tested.loc["Cohorts, constant retention", "error"] == pytest.approx(0, abs=0.01)
    assert tested.loc["Everyone is like those who came back", "error"] > 1
    assert hindsight.best_tail(tested, cohorts) == "constant"


def test_a_backtest_without_months_after_the_split_says_so() -> None:
    with pytest.raises(NotEnoughData, match="too few"):
        hindsight.formula_test(cohorts_of(declining(0.9), months=6), rfm_of([1], [1.0]), pd.Timestamp("2024-05-31"))


def test_waiting_alone_lengthens_the_observed_lifetime() -> None:
    then, now = rfm_of([0, 2, 4], [10.0, 30, 50]), rfm_of([1, 3, 6], [20.0, 40, 70], age=730)
    table = hindsight.averages(then, now)
    assert (table["days_first_to_last_now"] > table["days_first_to_last_then"])[:2].all()
    assert table.loc["Everyone", "spend_since"] == pytest.approx((10 + 10 + 20) / 3)
    assert table.loc["Came back at least once", "orders_per_year"] > table.loc["Everyone", "orders_per_year"]


def test_historic_value_is_what_the_goods_left_less_serving_and_keeping() -> None:
    rfm = rfm_of([0, 4], [100.0, 300.0], age=365.25)
    costs = Economics(margin=0.4, service_cost_per_order=2.0, retention_cost_per_year=5.0)
    brought = pd.DataFrame({"contribution": [40.0, 120.0]}, index=rfm.index)
    assert lifespan.historic_value(rfm, costs, brought).tolist() == pytest.approx([40 - 2 - 5, 120 - 10 - 5])


def shop(channels: bool = True, known: int = 80, **economics: float) -> Any:
    """Two channels of 40 customers: those of "search" order monthly for two years, those of "ads" stop after four."""
    rows, people = [], []
    for i in range(80):
        channel = "search" if i < 40 else "ads"
        people.append((f"c{i:02}", channel, 12.0 if channel == "ads" else None))
        for month in range(24 if channel == "search" else 4):
            rows.append((f"c{i:02}", pd.Timestamp("2024-01-05") + pd.DateOffset(months=month), 20.0))
    customers = pd.DataFrame(people[:known], columns=["customer_id", "acquisition_channel", "acquisition_cost"])
    customers = customers.astype({"customer_id": str, "acquisition_channel": str})
    orders = pd.DataFrame(rows, columns=["customer_id", "date", "amount"]).astype({"customer_id": str})
    chosen = customers if channels else customers[["customer_id"]]
    return SimpleNamespace(
        has=lambda table: table == "customers",
        starts=pd.Timestamp("2024-01-05"),
        transactions=ibis.memtable(orders),
        customers=lambda: chosen.set_index("customer_id"),
        as_of=END,
        economics=Economics(**economics),
    )


def test_the_channel_that_brings_customers_who_stay_comes_first() -> None:
    table = payback.by_channel(shop(margin=0.5, acquisition_cost=30.0), horizon_years=3)  # two of them were seen
    assert table.index.tolist() == ["search", "ads"]
    assert table["customers"].tolist() == [40, 40]
    assert table.loc["ads", ["spent", "new_customers", "cac", "payback_months"]].tolist() == [480.0, 40.0, 12.0, 2.0]
    assert table.loc["search", ["spent", "cac", "payback_months"]].isna().all()  # nobody is given a cost of others
    assert table.loc["ads", "years"] == pytest.approx(1, abs=0.05)


def test_where_the_data_tell_no_cost_the_card_s_stands_for_every_channel() -> None:
    client = shop(margin=0.5, acquisition_cost=30.0)
    people = client.customers().drop(columns="acquisition_cost")
    client.customers = lambda: people
    table = payback.by_channel(client)
    assert table["cac"].tolist() == [30.0, 30.0]
    assert table["spent"].isna().all()


def test_without_the_channel_column_it_says_what_it_would_answer() -> None:
    with pytest.raises(MissingTable, match="acquisition_channel"):
        payback.by_channel(shop(channels=False))


def test_a_customer_missing_from_the_customers_table_is_of_unknown_channel() -> None:
    table = payback.by_channel(shop(known=60))
    assert table.loc["unknown", "customers"] == 20


def test_the_cohorts_of_all_channels_add_up_to_those_of_everyone() -> None:
    ds = shop(known=60)
    parted = aggregate.cohorts(ds.transactions, END, by=ds.customers()["acquisition_channel"])
    assert set(parted["group"]) == {"search", "ads", "unknown"}
    summed = parted.groupby(["cohort", "age"])[["size", "active", "purchases", "revenue"]].sum().reset_index()
    everyone = aggregate.cohorts(ds.transactions, END)
    pd.testing.assert_frame_equal(summed, everyone.drop(columns="complete"))


def test_payback_is_the_month_in_which_contributions_reach_the_cost() -> None:
    cohorts = cohorts_of(declining(0.9))
    levers = lifespan.levers(lifespan.order_curve(cohorts), lifespan.lifespan(cohorts), Economics(margin=0.5))
    orders = lifespan.monthly_orders(cohorts, 60)
    gained = payback.cumulative_contribution(orders, levers)
    assert payback.payback_months(gained, 1.2 * 40 * 0.5) == 1
    assert payback.payback_months(gained, 1.2 * 40 * 0.5 + 1) == 2
    assert np.isnan(payback.payback_months(gained, 1e6))
    with pytest.raises(CannotAnswer, match="acquisition_cost"):
        payback.payback_months(gained, 0.0)


def test_a_stricter_rule_affords_less_to_win_a_customer() -> None:
    cohorts, economics = cohorts_of(declining(0.97)), Economics(margin=0.5, annual_discount_rate=0.0)
    levers = lifespan.levers(lifespan.order_curve(cohorts), lifespan.lifespan(cohorts), economics)
    allowed = payback.affordable_cac(lifespan.monthly_orders(cohorts, 60), levers)
    assert allowed["CLV : CAC of 3"] == pytest.approx(allowed["CLV : CAC of 1 (nothing left)"] / 3)
    assert allowed["Paid back in the first month"] < allowed["Paid back within 12 months"]


def test_undiscounted_the_cohorts_past_and_future_add_up_to_the_formula() -> None:
    cohorts = cohorts_of(declining(0.9))
    curve, span = lifespan.order_curve(cohorts), lifespan.lifespan(cohorts)
    economics = Economics(margin=0.5, annual_discount_rate=0.0, service_cost_per_order=1.0, retention_cost_per_year=3.0)
    levers = lifespan.levers(curve, span, economics)
    table = payback.by_cohort(cohorts, lifespan.monthly_orders(cohorts, 60), levers)
    yearly = levers.orders_per_year * (40 * 0.5 - 1) - 3
    assert table["clv"].to_numpy() == pytest.approx(np.full(24, yearly * levers.years), rel=1e-4)
    assert table["months"].tolist() == list(range(24, 0, -1))
    assert table["at_equal_age"].isna().sum() == 5


def test_the_curve_is_that_of_the_transactions() -> None:
    curve = lifespan.order_curve(aggregate.cohorts(shop().transactions, END))
    assert curve.loc[0, "orders_per_customer"] == 1
    assert curve.loc[23, "orders_per_customer"] == pytest.approx(0.5)
