"""CLV of customers: laws, the discounting by month, and what the intervals really hold."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clvlib import aggregate, load
from clvlib.dataset import Economics
from clvlib.errors import DataError
from clvlib.models.forecast import MODELS, BetaGeo, GammaGamma, ParetoNBD, fit_all
from clvlib.models.scoring import DAYS_PER_MONTH, PLACES, by_rank, expected_buyers, score, share_of_value, total
from tools.demo_shop import simulate

ECONOMICS = Economics(margin=0.4, annual_discount_rate=0.12, horizon_months=12)
COLUMNS = ["p_purchase", "p_alive", "expected_purchases", "expected_spend", "clv", "clv_low", "clv_high"]


@pytest.fixture(scope="module")
def rfm() -> pd.DataFrame:
    ds = load("cdnow_sample")
    return aggregate.rfm_summary(ds.transactions, ds.as_of)


@pytest.fixture(scope="module")
def models(rfm):
    return fit_all(rfm)[0]


@pytest.fixture(scope="module")
def spend(rfm) -> GammaGamma:
    return GammaGamma().fit(rfm)


@pytest.mark.parametrize("name", MODELS)
def test_every_customer_gets_every_score_one_time_buyers_included(rfm, models, spend, name):
    scores = score(rfm, models[name], spend, ECONOMICS)
    assert list(scores.columns) == COLUMNS
    assert scores.index.equals(rfm.index)
    assert scores.notna().all().all()
    assert scores["p_alive"].between(0, 1).all()
    assert (scores["p_purchase"] <= scores["p_alive"] + 1e-12).all()
    assert (scores["p_purchase"] <= scores["expected_purchases"] + 1e-12).all()
    assert (scores["clv"] > 0).all()
    assert (scores["clv_low"] <= scores["clv_high"]).all()
    once = rfm["frequency"] == 0
    assert (scores.loc[once, "expected_spend"] == spend.mean_spend_).all()


@pytest.mark.parametrize("name", MODELS)
def test_clv_is_margin_on_the_purchases_of_each_month_discounted_from_its_middle(rfm, models, spend, name):
    model, customer = models[name], rfm.iloc[[3]]
    history = tuple(float(customer[column].iloc[0]) for column in ("frequency", "recency", "T"))
    until = [float(model.expected_purchases(i * DAYS_PER_MONTH, *history)) for i in range(13)]
    discounted = sum((until[i] - until[i - 1]) / 1.12 ** ((i - 0.5) / 12) for i in range(1, 13))
    scored = score(customer, model, spend, ECONOMICS).iloc[0]
    assert scored["clv"] == pytest.approx(discounted * scored["expected_spend"] * 0.4)
    assert scored["expected_purchases"] == pytest.approx(until[12])


@pytest.mark.parametrize("name", MODELS)
def test_the_chance_of_a_purchase_is_that_of_at_least_one_within_the_horizon(rfm, models, spend, name):
    model = models[name]
    scores = score(rfm, model, spend, replace(ECONOMICS, horizon_months=6))
    expected = model.p_at_least(1, 6 * DAYS_PER_MONTH, rfm["frequency"], rfm["recency"], rfm["T"])
    np.testing.assert_allclose(scores["p_purchase"], expected, rtol=1e-12)


@pytest.mark.parametrize("name", MODELS)
def test_buyers_are_the_sum_of_their_chances_and_no_more_than_there_are_customers(rfm, models, spend, name):
    found = expected_buyers(rfm, models[name], 12 * DAYS_PER_MONTH)
    assert found.expected == pytest.approx(score(rfm, models[name], spend, ECONOMICS)["p_purchase"].sum())
    assert 0 < found.low < found.expected < found.high < found.customers == len(rfm)
    few = expected_buyers(rfm.iloc[:2], models[name], 12 * DAYS_PER_MONTH)
    assert few.low >= 0
    assert few.high <= 2


def test_without_discount_clv_is_margin_times_purchases_times_spend(rfm, models, spend):
    flat = replace(ECONOMICS, annual_discount_rate=0.0)
    scores = score(rfm, models["BG/NBD"], spend, flat)
    np.testing.assert_allclose(scores["clv"], 0.4 * scores["expected_purchases"] * scores["expected_spend"])


def test_serving_an_order_costs_its_cost(rfm, models, spend):
    free = score(rfm, models["BG/NBD"], spend, replace(ECONOMICS, annual_discount_rate=0.0))
    served = score(
        rfm, models["BG/NBD"], spend, replace(ECONOMICS, annual_discount_rate=0.0, service_cost_per_order=2.0)
    )
    np.testing.assert_allclose(free["clv"] - served["clv"], 2 * free["expected_purchases"])
    dear = score(rfm, models["BG/NBD"], spend, replace(ECONOMICS, service_cost_per_order=1000.0))
    assert (dear["clv"] < 0).all()
    assert (dear["clv_low"] <= dear["clv_high"]).all()


@given(factor=st.floats(0.01, 1000))
@settings(max_examples=5, deadline=None)
def test_amounts_times_k_give_clv_times_k(rfm, models, spend, factor):
    richer = rfm.assign(monetary_value=rfm["monetary_value"] * factor)
    model = models["MBG/NBD"]
    before = score(rfm, model, spend, ECONOMICS)
    after = score(richer, model, GammaGamma().fit(richer), ECONOMICS)
    columns = ["expected_spend", "clv", "clv_low", "clv_high"]
    np.testing.assert_allclose(after[columns], before[columns] * factor, rtol=1e-4)


@given(seed=st.integers(0, 1000))
@settings(max_examples=5, deadline=None)
def test_row_order_and_names_change_nobodys_score(rfm, models, spend, seed):
    shuffled = rfm.sample(frac=1, random_state=seed)
    for model in models.values():
        expected = score(rfm, model, spend, ECONOMICS)
        pd.testing.assert_frame_equal(score(shuffled, model, spend, ECONOMICS).loc[rfm.index], expected)
        renamed = shuffled.rename(index=lambda name: f"other {name}")
        relabelled = score(renamed, model, spend, ECONOMICS).rename(index=lambda name: name.removeprefix("other "))
        pd.testing.assert_frame_equal(relabelled.loc[rfm.index], expected)


def test_a_customer_scores_the_same_alone_as_among_all(rfm, models, spend):
    for model in models.values():
        alone = score(rfm.iloc[[7]], model, spend, ECONOMICS)
        pd.testing.assert_frame_equal(alone, score(rfm, model, spend, ECONOMICS).iloc[[7]])


def test_a_longer_horizon_is_worth_more(rfm, models, spend):
    for model in models.values():
        year, two = (score(rfm, model, spend, replace(ECONOMICS, horizon_months=m))["clv"] for m in (12, 24))
        assert (two > year).all()


def test_weeks_score_like_days(rfm, models, spend):
    in_weeks = rfm.assign(recency=rfm["recency"] / 7, T=rfm["T"] / 7)
    pd.testing.assert_frame_equal(
        score(in_weeks, BetaGeo("W").fit(in_weeks), spend, ECONOMICS),
        score(rfm, models["BG/NBD"], spend, ECONOMICS),
        rtol=1e-5,
    )


def test_a_frequent_buyer_of_thousands_of_orders_is_scored(rfm, models, spend):
    busy = rfm.iloc[[0]].assign(frequency=3000, recency=365.0, T=365.0, monetary_value=20.0)
    for model in models.values():
        scored = score(busy, model, spend, ECONOMICS).iloc[0]
        assert scored.notna().all()
        assert 0 < scored["clv_low"] < scored["clv"] < scored["clv_high"]


def test_the_total_is_the_sum_of_the_customers(rfm, models, spend):
    for model in models.values():
        all_of_them = total(rfm, model, spend, ECONOMICS)
        assert all_of_them.clv == pytest.approx(score(rfm, model, spend, ECONOMICS)["clv"].sum())
        assert all_of_them.low < all_of_them.clv < all_of_them.high
        assert all_of_them.customers == len(rfm)


@pytest.mark.parametrize("kind", [BetaGeo, ParetoNBD])
def test_the_range_of_purchases_holds_at_least_nine_in_ten_simulated_customers(kind):
    params = (0.6, 20.0, 0.8, 2.5) if kind is BetaGeo else (0.6, 20.0, 0.6, 60.0)
    make = simulate.bg_nbd if kind is BetaGeo else simulate.pareto_nbd
    shop = make(20_000, params, 300.0, horizon=12 * DAYS_PER_MONTH, seed=3).customers
    one = GammaGamma().with_params([1e6, 1e6 + 1, 1.0])  # every purchase brings 1, so that CLV counts purchases
    plain = replace(ECONOMICS, margin=1.0, annual_discount_rate=0.0)
    scores = score(shop.assign(monetary_value=np.nan), kind().with_params(params), one, plain)
    low, high = scores["clv_low"].round(), scores["clv_high"].round()
    assert shop["future"].between(low, high).mean() >= 0.9
    assert (shop["future"] > high).mean() == pytest.approx(0.05, abs=0.03)
    assert (shop["future"] > high).mean() <= 0.055


def test_the_interval_of_the_total_holds_nine_in_ten_simulated_shops():
    params, price = (0.6, 20.0, 0.8, 2.5), 10.0
    plain = replace(ECONOMICS, margin=1.0, annual_discount_rate=0.0)
    held = 0
    for seed in range(20):
        shop = simulate.bg_nbd(1000, params, 300.0, horizon=12 * DAYS_PER_MONTH, seed=seed).customers
        shop["monetary_value"] = np.where(shop["frequency"] > 0, price, np.nan)
        fixed = GammaGamma().with_params([1e6, 1e6 + 1, price])  # everybody always spends the same
        fixed.log_covariance_ = np.zeros((3, 3))
        answer = total(shop, BetaGeo().fit(shop), fixed, plain)
        held += answer.low <= price * shop["future"].sum() <= answer.high
    assert held >= 15  # 9 in 10 would be 18; fewer than 15 has a chance of 1 in 100


def test_a_missing_column_is_named(rfm, models, spend):
    with pytest.raises(DataError, match="recency"):
        score(rfm.drop(columns="recency"), models["BG/NBD"], spend, ECONOMICS)


def test_shares_of_value_add_up_and_ranks_are_in_order(rfm, models, spend):
    scores = score(rfm, models["BG/NBD"], spend, ECONOMICS)
    shares = share_of_value(scores, rfm)
    assert list(shares.index) == ["0", "1", "2", "3", "4", "5", "6", "7+"]
    assert list(shares.sum()) == pytest.approx([1, 1])
    ranks = by_rank(scores)
    assert list(ranks.index) == list(PLACES)
    assert ranks["mid"].is_monotonic_decreasing
    assert (ranks["low"] <= ranks["high"]).all()
    best = scores.nlargest(round(len(scores) / 100), "clv")
    assert ranks.loc["top 1%", "mid"] == pytest.approx(best["clv"].median(), rel=0.1)
    assert list(by_rank(scores.head(1)).index) == ["lower half"]
