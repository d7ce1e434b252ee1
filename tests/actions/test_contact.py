from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from clvlib.actions import contact
from clvlib.dataset import Economics
from clvlib.errors import CannotAnswer

ECONOMICS = Economics(margin=0.4, annual_discount_rate=0.1, horizon_months=12, contact_cost=1.0, save_rate=0.1)

base = st.lists(st.tuples(st.floats(0, 1), st.floats(-20, 500)), min_size=1, max_size=40)
rates = st.floats(0.01, 1)
costs = st.floats(0.01, 50)


def chosen(customers: list[tuple[float, float]], economics: Economics) -> pd.DataFrame:
    names = pd.Index([f"c{i:03}" for i in range(len(customers))], name="customer_id")
    risk, value = (pd.Series(column, index=names) for column in zip(*customers, strict=True))
    return contact.campaign(risk, value, economics)


# Who is worth a contact


def test_what_a_contact_gains_is_risk_times_save_rate_times_what_silence_costs() -> None:
    plan = chosen([(0.5, 100.0), (0.9, 10.0), (0.1, 100.0)], ECONOMICS)
    assert plan["contact_gain"].to_dict() == pytest.approx({"c000": 5.0, "c002": 1.0, "c001": 0.9})
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
    facts = contact.campaign_summary(plan, economics)
    even = facts["breakeven"]
    assert facts["net"] == pytest.approx(facts["gain"] - facts["cost"], abs=1e-6)
    if not plan["contact"].any():
        assert np.isnan(even)
        return
    at_stake = plan.loc[plan["contact"], "at_stake"].sum()
    assert at_stake * even == pytest.approx(cost * plan["contact"].sum())
    assert even <= rate + 1e-9


def test_a_customer_with_nothing_at_stake_is_not_contacted_even_for_free() -> None:
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


def test_the_silent_are_scored_but_never_contacted_and_nobody_who_may_not_be_reached() -> None:
    plan = chosen([(0.5, 100.0), (0.9, 60.0), (0.9, 10.0)], ECONOMICS)
    names = pd.Index(["c000", "c001", "c002", "silent"], name="customer_id")
    risk = pd.Series([0.5, 0.9, 0.9, 0.99], index=names)
    worth = pd.DataFrame({"value_if_buying": 100.0, "value_if_silent": 20.0}, index=names)
    may = pd.Series([True, False, True], index=names[:3])
    found = contact.contact_scores(risk, pd.Series([True, True, True, False], index=names), worth, plan, may)
    assert found["churn_status"].tolist() == ["active", "active", "active", "silent"]
    assert plan["contact"].reindex(names[:3]).tolist() == [True, True, False]
    assert found["contact"].tolist() == [True, False, False, False]
    assert found["contact_gain"].isna().tolist() == [False, False, False, True]
    assert found["value_if_silent"].isna().tolist() == [False, False, False, True]


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
