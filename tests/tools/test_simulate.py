"""Simulated customers tell their truth, and the models find it again."""

import numpy as np
import pandas as pd
import pytest

from clvlib.models.forecast import BetaGeo, GammaGamma, ModifiedBetaGeo, ParetoNBD
from tools.demo_shop import simulate

N = 20_000
AGES = np.linspace(200, 400, N).round()
SHOPS = {
    "BG/NBD": (BetaGeo, simulate.bg_nbd, (0.7, 25.0, 0.8, 2.4), {}),
    "MBG/NBD": (ModifiedBetaGeo, simulate.bg_nbd, (0.7, 25.0, 0.8, 2.4), {"modified": True}),
    "Pareto/NBD": (ParetoNBD, simulate.pareto_nbd, (0.7, 25.0, 0.6, 60.0), {}),
}


@pytest.fixture(scope="module", params=SHOPS)
def shop(request):
    kind, make, params, options = SHOPS[request.param]
    return kind, np.array(params), make(N, params, AGES, horizon=365.0, seed=1, **options)


def test_parameters_are_recovered_within_three_standard_errors(shop):
    kind, params, simulated = shop
    model = kind().fit(simulated.customers)
    assert model.penalty_ == 0
    assert (np.abs(model.values - params) < 3 * model.standard_errors_).all()


def test_the_true_share_of_customers_alive_is_what_the_model_says(shop):
    kind, params, simulated = shop
    customers = simulated.customers
    said = kind().with_params(params).p_alive(customers["frequency"], customers["recency"], customers["T"])
    assert customers["alive"].mean() == pytest.approx(said.mean(), abs=0.01)
    for likely in (said < 0.3, (said >= 0.3) & (said < 0.7), said >= 0.7):
        if likely.sum() > 500:
            assert customers.loc[likely, "alive"].mean() == pytest.approx(said[likely].mean(), abs=0.04)


def test_future_purchases_are_what_the_model_expects(shop):
    kind, params, simulated = shop
    customers = simulated.customers
    model = kind().with_params(params)
    history = (customers["frequency"], customers["recency"], customers["T"])
    expected = model.expected_purchases(365, *history)
    assert customers["future"].sum() == pytest.approx(expected.sum(), rel=0.03)
    busy = customers["frequency"] >= 5
    assert customers.loc[busy, "future"].sum() == pytest.approx(expected[busy].sum(), rel=0.03)
    for n in (1, 3):
        chance = model.p_at_least(n, 365, *history)
        assert (customers["future"] >= n).mean() == pytest.approx(chance.mean(), abs=0.01)
        for likely in (chance < 0.2, (chance >= 0.2) & (chance < 0.6), chance >= 0.6):
            if likely.sum() > 500:
                came = (customers.loc[likely, "future"] >= n).mean()
                assert came == pytest.approx(chance[likely].mean(), abs=0.03)


def test_spend_parameters_are_recovered_and_expected_spend_is_right_on_average():
    frequency = np.random.default_rng(0).poisson(2, N)
    spent = simulate.gamma_gamma(frequency, (6.0, 4.0, 15.0), seed=2)
    rfm = pd.DataFrame(
        {"frequency": frequency, "recency": np.where(frequency > 0, 1.0, 0.0), "T": 2.0}, index=range(N)
    ).rename_axis("customer_id")
    rfm = rfm.join(spent)
    model = GammaGamma().fit(rfm)
    assert (np.abs(model.values - [6, 4, 15]) < 3 * model.standard_errors_).all()
    expected = model.expected_spend(rfm["frequency"], rfm["monetary_value"])
    for group in (frequency == 0, frequency == 1, frequency >= 3):
        assert spent.loc[group, "true_spend"].mean() == pytest.approx(expected[group].mean(), rel=0.05)


def test_the_same_seed_gives_the_same_customers_and_another_seed_others():
    one, again, other = (simulate.bg_nbd(50, (0.7, 25, 0.8, 2.4), 300, seed=s).customers for s in (1, 1, 2))
    pd.testing.assert_frame_equal(one, again)
    assert not one.equals(other)


def test_a_summary_is_possible_recency_within_age_and_0_without_a_repeat(shop):
    customers = shop[2].customers
    assert (customers["recency"] <= customers["T"]).all()
    assert ((customers["recency"] > 0) == (customers["frequency"] > 0)).all()
    assert customers.index.is_unique


def test_transactions_give_back_the_summary_up_to_purchases_of_one_day():
    ages = np.linspace(100, 300, 400).round()
    simulated = simulate.bg_nbd(400, (0.7, 60.0, 0.8, 2.4), ages, seed=5)
    frame = simulate.transactions(simulated, (6.0, 4.0, 15.0), "2024-12-31", seed=5)
    assert list(frame.columns) == ["customer_id", "date", "amount"]
    assert (frame["amount"] > 0).all()
    assert len(frame) == 400 + simulated.customers["frequency"].sum()
    grouped = frame.groupby("customer_id")["date"]
    age = (pd.Timestamp("2024-12-31") - grouped.min()).dt.days
    pd.testing.assert_series_equal(age.astype(float), simulated.customers["T"], check_names=False)
    days = grouped.nunique() - 1
    assert (days <= simulated.customers["frequency"]).all()
    assert days.sum() > 0.9 * simulated.customers["frequency"].sum()
