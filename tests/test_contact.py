from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clvlib import churn, contact
from clvlib.dataset import Economics
from clvlib.tables import CannotAnswer, NotEnoughData

NOW = pd.Timestamp("2024-01-01")
LATER = pd.Timestamp("2024-04-01")
ECONOMICS = Economics(margin=0.4, annual_discount_rate=0.1, horizon_months=12, contact_cost=1.0, save_rate=0.1)

base = st.lists(st.tuples(st.floats(0, 1), st.floats(-20, 500)), min_size=1, max_size=40)
rates = st.floats(0.01, 1)
costs = st.floats(0.01, 50)


def chosen(customers: list[tuple[float, float]], economics: Economics) -> pd.DataFrame:
    names = pd.Index([f"c{i:03}" for i in range(len(customers))], name="customer_id")
    risk, value = (pd.Series(column, index=names) for column in zip(*customers, strict=True))
    return contact.campaign(risk, value, economics)


def known(customers: int = 400, seed: int = 0) -> churn.Snapshot:
    """Customers whose spend in the window follows the log-linear rule that the regression assumes."""
    random = np.random.default_rng(seed)
    names = pd.Index([f"c{i:03}" for i in range(customers)], name="customer_id")
    recent = random.integers(0, 6, customers)
    price = random.lognormal(3, 0.6, customers)
    features = pd.DataFrame(
        {
            "frequency": recent,
            "total_spend": price * (recent + 1),
            "first_spend": price,
            "purchases_last_30": recent // 2,
            "purchases_last_90": recent,
            "days_since_last_order": 10.0,
        },
        index=names,
    )
    churned = pd.Series(random.random(customers) < 0.4, index=names)
    orders = 1 + random.poisson(0.5 * (1 + recent))
    purchases = pd.Series(orders, index=names).where(~churned, 0)
    return churn.Snapshot(NOW, LATER, features, churned, purchases, purchases * price)


# Who is worth a contact


def test_what_a_contact_saves_is_risk_times_save_rate_times_value() -> None:
    plan = chosen([(0.5, 100.0), (0.9, 10.0), (0.1, 100.0)], ECONOMICS)
    assert plan["expected_saved"].to_dict() == pytest.approx({"c000": 5.0, "c002": 1.0, "c001": 0.9})
    assert plan["net"].to_dict() == pytest.approx({"c000": 4.0, "c002": 0.0, "c001": -0.1})
    assert plan["breakeven_save_rate"].to_dict() == pytest.approx({"c000": 0.02, "c002": 0.1, "c001": 1 / 9})
    assert plan["contact"].to_dict() == {"c000": True, "c002": False, "c001": False}


@given(base, rates, costs, st.floats(0.01, 100))
def test_value_and_cost_in_another_currency_choose_the_same_customers(
    customers: list[tuple[float, float]], rate: float, cost: float, k: float
) -> None:
    economics = replace(ECONOMICS, save_rate=rate, contact_cost=cost)
    plan = chosen(customers, economics)
    other = chosen([(p, v * k) for p, v in customers], replace(economics, contact_cost=cost * k))
    clear = plan["net"].abs() > 1e-9 * cost
    assert (plan["contact"] == other["contact"].reindex(plan.index))[clear].all()
    np.testing.assert_allclose(plan["net"] * k, other["net"].reindex(plan.index), rtol=1e-9, atol=1e-9 * k)


@given(base, rates, costs, st.floats(1, 10))
def test_a_dearer_contact_never_adds_a_customer(
    customers: list[tuple[float, float]], rate: float, cost: float, k: float
) -> None:
    cheap = chosen(customers, replace(ECONOMICS, save_rate=rate, contact_cost=cost))
    dear = chosen(customers, replace(ECONOMICS, save_rate=rate, contact_cost=cost * k))
    assert not (dear["contact"] & ~cheap["contact"].reindex(dear.index)).any()


@given(base, rates, costs)
def test_the_curve_peaks_at_the_number_of_customers_worth_a_contact(
    customers: list[tuple[float, float]], rate: float, cost: float
) -> None:
    economics = replace(ECONOMICS, save_rate=rate, contact_cost=cost)
    plan = chosen(customers, economics)
    curve = contact.net_curve(plan, economics, (1.0,))[rate]
    best = plan.loc[plan["contact"], "net"].sum()
    assert curve.iloc[0] == 0
    assert curve.max() == pytest.approx(best, abs=1e-6)
    assert curve.loc[plan["contact"].sum()] == pytest.approx(best, abs=1e-6)
    assert curve.iloc[-1] == pytest.approx(plan["net"].sum(), abs=1e-6)


@given(base, rates, costs)
def test_at_the_break_even_rate_the_campaign_pays_exactly_for_itself(
    customers: list[tuple[float, float]], rate: float, cost: float
) -> None:
    economics = replace(ECONOMICS, save_rate=rate, contact_cost=cost)
    plan = chosen(customers, economics)
    facts = contact.summary(plan, economics)
    even = facts["breakeven"]
    assert facts["net"] == pytest.approx(facts["saved"] - facts["cost"], abs=1e-6)
    if not plan["contact"].any():
        assert np.isnan(even)
        return
    at_stake = (plan["churn_probability"] * plan["value_if_kept"])[plan["contact"]].sum()
    assert at_stake * even == pytest.approx(cost * plan["contact"].sum())
    assert even <= rate + 1e-9


def test_a_customer_with_nothing_to_save_is_not_contacted_even_for_free() -> None:
    plan = chosen([(0.9, -5.0), (0.0, 50.0)], replace(ECONOMICS, contact_cost=0.0))
    assert not plan["contact"].any()
    assert plan["breakeven_save_rate"].isna().all()


def test_save_rates_beyond_everybody_are_not_drawn() -> None:
    plan = chosen([(0.5, 10.0)], replace(ECONOMICS, save_rate=0.8))
    assert list(contact.net_curve(plan, replace(ECONOMICS, save_rate=0.8))) == [0.4, 0.8, 1.0]


@given(base, rates, costs, st.integers(0, 40))
def test_contacts_by_risk_alone_never_bring_more(
    customers: list[tuple[float, float]], rate: float, cost: float, contacts: int
) -> None:
    found = contact.by_risk_alone(chosen(customers, replace(ECONOMICS, save_rate=rate, contact_cost=cost)), contacts)
    assert found["n"] == min(contacts, len(customers))
    assert found["risk"] <= found["best"] + 1e-6


def test_customers_already_gone_are_scored_but_never_contacted() -> None:
    plan = chosen([(0.5, 100.0), (0.9, 10.0)], ECONOMICS)
    names = pd.Index(["c000", "c001", "gone"], name="customer_id")
    risk, value = pd.Series([0.5, 0.9, 0.99], index=names), pd.Series([100.0, 10.0, 80.0], index=names)
    found = contact.scores(risk, pd.Series([True, True, False], index=names), value, plan)
    assert found["churn_status"].tolist() == ["active", "active", "gone"]
    assert found["contact"].tolist() == [True, False, False]
    assert found["expected_saved"].isna().tolist() == [False, False, True]


# What a kept customer is worth


def test_one_window_without_discount_is_one_window() -> None:
    economics = replace(ECONOMICS, annual_discount_rate=0.0, horizon_months=3)
    days = round(contact.DAYS_PER_YEAR / 4)
    assert contact.horizon_factor(days, economics, stays=0.0) == pytest.approx(1, abs=0.01)
    assert contact.horizon_factor(days, replace(economics, horizon_months=12), stays=0.0) == pytest.approx(1)
    assert contact.horizon_factor(days, replace(economics, horizon_months=12), 1.0) == pytest.approx(4, abs=0.02)


def test_a_long_horizon_tends_to_the_textbook_sum() -> None:
    economics = replace(ECONOMICS, annual_discount_rate=0.0, horizon_months=1200)
    assert contact.horizon_factor(100, economics, stays=0.6) == pytest.approx(1 / (1 - 0.6))


@given(st.integers(7, 800), st.integers(1, 60), st.floats(0, 1), st.floats(0, 1))
def test_a_longer_horizon_or_a_more_faithful_customer_is_never_worth_less(
    days: int, months: int, low: float, high: float
) -> None:
    low, high = sorted((low, high))
    economics = replace(ECONOMICS, horizon_months=months)
    factor = contact.horizon_factor(days, economics, low)
    assert contact.horizon_factor(days, economics, high) >= factor - 1e-12
    assert contact.horizon_factor(days, replace(economics, horizon_months=months + 1), low) >= factor - 1e-12


def test_expected_spend_and_orders_add_up_to_what_was_observed() -> None:
    learned = known()
    bought = ~learned.churned
    expected = contact.expected_if_kept(learned, learned.features)[bought]
    assert expected["spend"].sum() == pytest.approx(learned.spend.sum(), rel=0.02)
    assert expected["purchases"].sum() == pytest.approx(learned.purchases.sum(), rel=0.02)
    assert expected["spend"].corr(learned.spend[bought], method="spearman") > 0.5


@settings(max_examples=10, deadline=None)
@given(st.floats(0.01, 700))
def test_amounts_times_k_give_expected_spend_times_k(k: float) -> None:
    learned = known()
    money = {c: learned.features[c] * k for c in ("total_spend", "first_spend")}
    priced = replace(learned, features=learned.features.assign(**money), spend=learned.spend * k)
    before = contact.expected_if_kept(learned, learned.features)
    after = contact.expected_if_kept(priced, priced.features)
    np.testing.assert_allclose(after["spend"], before["spend"] * k, rtol=1e-3)
    np.testing.assert_allclose(after["purchases"], before["purchases"], rtol=1e-3)


def test_value_is_margin_less_service_less_upkeep_over_the_horizon() -> None:
    expected = pd.DataFrame({"spend": [100.0], "purchases": [2.0]}, index=["a"])
    economics = replace(ECONOMICS, annual_discount_rate=0.0, service_cost_per_order=3.0, retention_cost_per_year=8.0)
    value = contact.value_if_kept(expected, 73, economics, stays=0.0)
    assert value.loc["a"] == pytest.approx(0.4 * 100 - 3 * 2 - 8 * 73 / 365.25)


def test_too_few_buyers_to_value_are_counted() -> None:
    learned = known(30)
    nobody = replace(learned, churned=~learned.churned.isin([]), spend=learned.spend * 0)
    with pytest.raises(NotEnoughData, match="Only 0 of the 30 customers of 2024-01-01 bought by 2024-04-01"):
        contact.expected_if_kept(nobody, learned.features)


# The experiment that would tell


def test_group_size_agrees_with_the_textbook() -> None:
    assert contact.group_size(0.5, 0.2) == pytest.approx(385, abs=1)


@given(st.floats(0.05, 0.95), st.floats(0.02, 0.5))
def test_half_the_effect_needs_three_to_four_times_the_customers(churn_rate: float, save_rate: float) -> None:
    whole, half = (contact.group_size(churn_rate, rate) for rate in (save_rate, save_rate / 2))
    assert half > 2.9 * (whole - 1)


@pytest.mark.parametrize(("churn_rate", "save_rate"), [(float("nan"), 0.1), (0.0, 0.1), (0.4, 0.0)])
def test_without_a_list_or_a_save_rate_there_is_nothing_to_test(churn_rate: float, save_rate: float) -> None:
    with pytest.raises(CannotAnswer, match="nothing to test"):
        contact.group_size(churn_rate, save_rate)
