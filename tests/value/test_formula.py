"""The arithmetic that the subject's literature states, and the laws of the CLV formula."""

import math

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from clvlib.errors import CannotAnswer, UsageError
from clvlib.value import formula
from clvlib.value.formula import Levers

amounts = st.floats(1, 1e4)
factors = st.floats(0.5, 2)


@st.composite
def some_levers(draw: st.DrawFn) -> Levers:
    return Levers(
        order_value=draw(amounts),
        orders_per_year=draw(st.floats(0.5, 100)),
        years=draw(st.floats(1, 20)),
        margin=draw(st.floats(0.05, 0.45)),
        service_cost_per_order=draw(st.floats(0, 5)),
        retention_cost_per_year=draw(st.floats(0, 20)),
        acquisition_cost=draw(st.floats(0, 50)),
        annual_discount_rate=draw(st.floats(0, 0.3)),
    )


def test_the_grocery_customer_of_the_literature_is_worth_26_000() -> None:
    assert formula.simple_clv(order_value=50, orders_per_year=2 * 52, years=5) == pytest.approx(26_000)


def test_the_scenarios_of_the_literature_give_their_gain_in_plain_endless_revenue() -> None:
    endless, within = formula.scenarios(Levers(50, 104, 5)), formula.scenarios(Levers(50, 104, 2, horizon_years=5))
    gains = [0.30, 1.15 * 1.20 - 1, 1 / 3, 4.0 / 2.5 - 1]
    assert endless["formula_share"].tolist() == pytest.approx(gains)
    assert endless["change_share"].tolist() == pytest.approx(gains)  # no discount, no costs, no horizon: the same
    assert within["formula_share"].tolist() == pytest.approx(gains)


def test_within_a_horizon_less_churn_adds_less_than_without_end() -> None:
    levers = Levers(50, 2, formula.years_within(0.6, 5), horizon_years=5)
    assert formula.change(levers, {"churn": 0.75}).years == pytest.approx(sum(0.7**t for t in range(5)))
    assert formula.scenarios(levers).loc["Churn −25 % (SaaS)", "change_share"] < 1 / 3
    programme = formula.scenarios(levers).loc["Retention 60 % → 75 % (programme)", "change_share"]
    assert programme == pytest.approx(sum(0.75**t for t in range(5)) / sum(0.6**t for t in range(5)) - 1)


@given(st.floats(0, 0.999), st.integers(1, 30), st.floats(0, 0.5))
def test_discounted_years_are_the_sum_over_the_years_of_the_horizon(r: float, horizon: int, d: float) -> None:
    years = sum(r**t for t in range(horizon))
    assert formula.years_within(r, horizon) == pytest.approx(years)
    expected = sum((r / (1 + d)) ** t for t in range(horizon))
    assert formula.discounted_years(years, d, horizon) == pytest.approx(expected, rel=1e-6)
    assert formula.discounted_years(years, 0, horizon) == pytest.approx(years)


@given(st.floats(1, 5), st.floats(0.1, 3), st.floats(0, 3))
def test_no_change_keeps_customers_beyond_the_horizon(years: float, longer: float, churn: float) -> None:
    changed = formula.change(Levers(50, 2, years, horizon_years=5), {"years": longer, "churn": churn})
    assert 0 < changed.years <= 5
    assert formula.change(Levers(50, 2, years, horizon_years=5), {"churn": 1}).years == pytest.approx(years)


def test_the_tornado_ends_the_years_at_the_horizon() -> None:
    swings = formula.tornado(Levers(50, 2, 4.8, horizon_years=5))
    assert swings.loc["years", "up"] == pytest.approx(50 * 2 * 0.2)
    assert "horizon_years" not in swings.index


@pytest.mark.parametrize("horizon", [0, -1, 0.5, math.nan])
def test_a_horizon_below_one_year_is_refused(horizon: float) -> None:
    with pytest.raises(UsageError, match="horizon_years"):
        Levers(50, 2, 1, horizon_years=horizon)


def test_retention_from_60_to_75_percent_turns_500_into_700_at_a_discount_rate_of_one_eighth() -> None:
    assert pytest.approx(700) == 500 * 1.40
    for timing in ("start of year", "end of year"):
        before, after = (formula.retention_clv(1, retention, 0.125, timing) for retention in (0.60, 0.75))
        assert after / before == pytest.approx(1.40)


def test_without_discounting_the_same_programme_keeps_customers_60_percent_longer() -> None:
    assert formula.years_within(0.60, math.inf) == pytest.approx(2.5)
    assert formula.years_within(0.75, math.inf) == pytest.approx(4.0)
    assert formula.retention_clv(1, 0.75, 0.0) == pytest.approx(1.6 * formula.retention_clv(1, 0.60, 0.0))


def test_gupta_and_lehmann_s_multiple_at_90_percent_retention_and_12_percent_discount_is_about_4() -> None:
    multiple = formula.retention_clv(1.0, 0.90, 0.12, "end of year, if still kept")
    assert multiple == pytest.approx(0.90 / 0.22)


@given(st.floats(0, 0.95), st.floats(0.01, 0.5))
def test_the_three_timings_are_sums_of_discounted_years(retention: float, discount: float) -> None:
    years = range(500)
    start = sum((retention / (1 + discount)) ** t for t in years)
    assert formula.retention_clv(1, retention, discount, "start of year") == pytest.approx(start)
    end = sum(retention**t / (1 + discount) ** (t + 1) for t in years)
    assert formula.retention_clv(1, retention, discount, "end of year") == pytest.approx(end)
    kept = sum((retention / (1 + discount)) ** (t + 1) for t in years)
    assert formula.retention_clv(1, retention, discount, "end of year, if still kept") == pytest.approx(kept)


@given(st.floats(1, 30), st.floats(0, 0.5))
def test_years_kept_and_retention_are_two_ways_to_say_one_thing(years: float, discount: float) -> None:
    retention = formula.retention_within(years, math.inf)
    assert formula.years_within(retention, math.inf) == pytest.approx(years)
    assert formula.retention_clv(1, retention, discount) == pytest.approx(formula.discounted_years(years, discount))


@given(some_levers(), st.floats(0.1, 100))
def test_all_amounts_times_k_give_clv_times_k(levers: Levers, k: float) -> None:
    money = ("order_value", "service_cost_per_order", "retention_cost_per_year", "acquisition_cost")
    scaled = formula.change(levers, dict.fromkeys(money, k))
    assert formula.clv(scaled) == pytest.approx(k * formula.clv(levers), rel=1e-9, abs=1e-6)


@given(some_levers())
def test_the_steps_from_revenue_to_clv_sum_to_clv(levers: Levers) -> None:
    steps = formula.breakdown(levers)
    assert steps.sum() == pytest.approx(formula.clv(levers), rel=1e-9, abs=1e-6)


@given(some_levers(), factors, factors, factors, factors)
def test_own_effects_and_interactions_sum_exactly_to_the_total_change(
    levers: Levers, value: float, orders: float, years: float, margin: float
) -> None:
    moves = {"order_value": value, "orders_per_year": orders, "years": years, "margin": margin}
    terms = formula.decompose(levers, moves)
    total = formula.clv(formula.change(levers, moves)) - formula.clv(levers)
    assert len(terms) == 15
    assert terms["effect"].sum() == pytest.approx(total, rel=1e-9, abs=1e-5)


def test_in_the_plain_formula_gains_multiply() -> None:
    terms = formula.decompose(Levers(50, 104, 5), {"order_value": 1.15, "orders_per_year": 1.20, "years": 1.30})
    assert terms["effect"].sum() / 26_000 == pytest.approx(1.15 * 1.20 * 1.30 - 1)
    assert terms.loc["order value × orders per year", "effect"] / 26_000 == pytest.approx(0.15 * 0.20)
    assert terms.loc["order value × orders per year × years kept", "effect"] / 26_000 == pytest.approx(
        0.15 * 0.20 * 0.30
    )


def test_one_lever_alone_meets_no_other() -> None:
    terms = formula.decompose(Levers(50, 104, 5), {"years": 1.3})
    assert terms["share"].tolist() == [1.0]


def test_without_costs_one_percent_more_basket_is_one_percent_more_clv_and_lifetime_is_worth_less() -> None:
    found = formula.elasticities(Levers(50, 2, 3, margin=0.3, annual_discount_rate=0.1))
    assert found["order_value"] == pytest.approx(1)
    assert found["orders_per_year"] == pytest.approx(1)
    assert found["years"] == pytest.approx(1 / (1 + 0.1 * 3))


def test_a_fixed_cost_makes_clv_more_sensitive_to_what_pays_for_it() -> None:
    levers = Levers(50, 2, 3, margin=0.3, service_cost_per_order=3, acquisition_cost=20)
    worth = formula.clv(levers)
    found = formula.elasticities(levers)
    assert found["order_value"] == pytest.approx(50 * 0.3 * 2 * 3 / worth)
    assert found["orders_per_year"] == pytest.approx((worth + 20) / worth)


def test_a_customer_who_costs_more_than_he_brings_has_no_elasticity() -> None:
    with pytest.raises(CannotAnswer, match="costs more than it brings"):
        formula.elasticities(Levers(10, 1, 1, margin=0.3, acquisition_cost=50))


def test_the_tornado_is_widest_first_and_leaves_out_what_is_zero() -> None:
    swings = formula.tornado(Levers(50, 2, 3, margin=0.3, acquisition_cost=20))
    assert swings["span"].round(9).is_monotonic_decreasing
    assert "service_cost_per_order" not in swings.index
    assert swings.loc["acquisition_cost"].tolist() == pytest.approx([2, -2, 4])


def test_a_margin_is_not_moved_above_one_hundred_percent() -> None:
    assert "margin" not in formula.tornado(Levers(50, 2, 3, margin=0.95)).index


def test_clv_to_cac_needs_a_cost_to_acquire() -> None:
    with pytest.raises(CannotAnswer, match="acquisition_cost"):
        formula.clv_to_cac(Levers(50, 2, 3))
    assert formula.clv_to_cac(Levers(50, 2, 3, acquisition_cost=100)) == pytest.approx(3)


@pytest.mark.parametrize("bad", [-1.0, math.nan, math.inf])
def test_a_lever_that_is_not_a_positive_number_is_named(bad: float) -> None:
    with pytest.raises(UsageError, match="order_value"):
        Levers(bad, 1, 1)
    with pytest.raises(UsageError, match="margin"):
        Levers(1, 1, 1, margin=35)


def test_wrong_names_and_values_are_refused() -> None:
    with pytest.raises(UsageError, match="basket"):
        formula.change(Levers(1, 1, 1), {"basket": 2})
    with pytest.raises(UsageError, match=r"1\.2"):
        formula.retention_clv(1, 1.2, 0.1)
    with pytest.raises(UsageError, match="Retention is 1"):
        formula.retention_clv(1, 1, 0)


def test_scenarios_are_priced_from_today() -> None:
    priced = formula.scenarios(Levers(50, 2, 3, margin=0.3, annual_discount_rate=0.1))
    assert isinstance(priced, pd.DataFrame)
    longer = priced.loc["Lifetime +30 % (subscription)"]
    assert longer["change_share"] < longer["formula_share"] == pytest.approx(0.30)
