"""CLV of customers: laws, the discounting by month, and what the ranges really hold."""

from dataclasses import replace

import ibis
import numpy as np
import pandas as pd
import pytest
from scipy.stats import spearmanr

from clvlib.dataset import Economics
from clvlib.models import outlook
from clvlib.models.forecast import MODELS, BetaGeo, fit_all
from clvlib.models.scoring import PLACES, by_rank, discounted_purchases, factors, score, share_of_value, total
from clvlib.models.windows import History
from clvlib.value import equity
from tools.demo_shop import simulate

ECONOMICS = Economics(margin=0.4, annual_discount_rate=0.12, horizon_months=12)
COLUMNS = ["p_purchase", "expected_purchases", "expected_spend", "clv", "clv_low", "clv_high"]
START = pd.Timestamp("2023-01-01")


def ahead_of(ds, customers=None, days=365) -> outlook.Ahead:
    rows = ds.transactions if customers is None else ds.transactions.filter(ds.transactions["customer_id"] < customers)
    return outlook.look_ahead(History(rows, ds.starts), ds.as_of, days)


@pytest.fixture(scope="module")
def ahead(cdnow_sample) -> outlook.Ahead:
    return ahead_of(cdnow_sample)


@pytest.fixture(scope="module")
def few(cdnow_sample) -> outlook.Ahead:
    """Of so few customers nothing can be learned from windows."""
    found = ahead_of(cdnow_sample, "0200")
    assert found.method == outlook.MEAN_OF_MODELS
    return found


@pytest.fixture(scope="module")
def rate(cdnow_sample) -> outlook.Ahead:
    found = ahead_of(cdnow_sample, "0012")
    assert found.method == outlook.RATE
    return found


@pytest.fixture(scope="module", params=["ahead", "few", "rate"])
def each(request) -> outlook.Ahead:
    return request.getfixturevalue(request.param)


def test_every_customer_gets_every_score_one_time_buyers_included(each):
    scores = score(each, ECONOMICS)
    assert list(scores.columns) == COLUMNS
    assert scores.index.equals(each.customers.index)
    assert scores.notna().all(axis=None)
    assert scores["p_purchase"].between(0, 1).all()
    assert (scores["p_purchase"] <= scores["expected_purchases"] + 1e-9).all()
    assert (scores["clv"] > 0).all()
    assert (scores["clv_low"] <= scores["clv_high"]).all()
    assert (scores["clv_high"] > 0).any()


def test_nobody_who_ever_came_back_still_leaves_a_number(cdnow_sample):
    once = pd.DataFrame({"customer_id": ["a", "b", "c"], "date": START, "amount": 5.0})
    nothing = outlook.look_ahead(History(ibis.memtable(once), START), START + pd.Timedelta(days=100), 365)
    scores = score(nothing, ECONOMICS)
    assert scores.notna().all(axis=None)
    assert 0 < total(nothing, ECONOMICS).clv < 0.4 * 5 * 1.5  # half a purchase has been seen, as it were
    assert total(nothing, ECONOMICS).high > 3 * total(nothing, ECONOMICS).clv
    today = outlook.look_ahead(History(ibis.memtable(once), START), START, 365)  # a history of one day
    assert score(today, ECONOMICS).notna().all(axis=None)


@pytest.mark.parametrize("name", MODELS)
def test_purchases_of_each_month_are_discounted_from_its_middle(cdnow_sample, name):
    rfm = cdnow_sample.rfm_summary().iloc[:20]
    model = fit_all(cdnow_sample.rfm_summary())[0][name]
    plain, discounted = discounted_purchases(model, rfm, 365, 0.12)
    history = [rfm[column] for column in ("frequency", "recency", "T")]
    until = [model.expected_purchases(365 * i / 12, *history) for i in range(13)]
    np.testing.assert_allclose(plain, until[12])
    slow = sum((until[i] - until[i - 1]) / 1.12 ** ((i - 0.5) / 12) for i in range(1, 13))
    np.testing.assert_allclose(discounted, slow)


def test_clv_is_the_product_of_its_factors_and_without_discount_margin_times_spend(each):
    flat = replace(ECONOMICS, annual_discount_rate=0.0)
    scores, parts = score(each, flat), factors(each, flat)
    np.testing.assert_allclose(scores["clv"], 0.4 * each.customers["spend"])
    np.testing.assert_allclose(parts["clv"], parts.drop(columns="clv").prod(axis=1))
    np.testing.assert_allclose(scores["expected_purchases"] * scores["expected_spend"], each.customers["spend"])
    kept = score(each, ECONOMICS)["clv"] / scores["clv"]
    assert kept.between(1.12**-0.55, 1.12**-0.25).all()  # the earlier, the more is left of a purchase
    assert (score(each, replace(flat, margin=0.8))["clv"] / scores["clv"]).to_numpy() == pytest.approx(2)


def test_serving_an_order_costs_its_cost(each):
    flat = replace(ECONOMICS, annual_discount_rate=0.0)
    free, served = score(each, flat), score(each, replace(flat, service_cost_per_order=2.0))
    np.testing.assert_allclose(free["clv"] - served["clv"], 2 * free["expected_purchases"])
    assert (served["clv_high"] <= free["clv_high"]).all()
    dear = score(each, replace(ECONOMICS, service_cost_per_order=1000.0))
    assert (dear["clv"] < 0).all()
    assert (dear["clv_low"] <= dear["clv_high"]).all()


def test_a_longer_horizon_is_worth_more(cdnow_sample):
    year, two = (score(ahead_of(cdnow_sample, "0200", days), ECONOMICS)["clv"] for days in (365, 731))
    assert (two > year).all()


def test_the_total_is_the_sum_of_the_customers_in_the_range_of_what_they_spend(each):
    whole = total(each, ECONOMICS)
    assert whole.clv == pytest.approx(score(each, ECONOMICS)["clv"].sum())
    assert whole.customers == len(each.customers)
    spend, low, high = each.total("spend", whole.level)
    assert (whole.low / whole.clv, whole.high / whole.clv) == pytest.approx((low / spend, high / spend))
    dear = total(each, replace(ECONOMICS, service_cost_per_order=1000.0))
    assert dear.low < dear.clv < dear.high
    assert dear.high - dear.low == pytest.approx(whole.high - whole.low)  # what they spend is as uncertain as before
    assert total(each, ECONOMICS, level=0.5).high < whole.high


def test_customers_of_another_day_are_valued_by_what_was_learned_for_this_one(ahead, cdnow_sample):
    """Who has been silent for half a year more is worth less."""
    history = History(cdnow_sample.transactions, cdnow_sample.starts)
    known = history.window(pd.Timestamp("1997-12-31"), ahead.window.days).known
    then, now = factors(ahead, ECONOMICS, known), factors(ahead, ECONOMICS)
    assert now.equals(factors(ahead, ECONOMICS, ahead.window.known))
    silent = known["frequency"] == ahead.window.known["frequency"].reindex(known.index)
    assert (now["clv"].reindex(known.index)[silent] < then["clv"][silent]).mean() > 0.9


def test_ranges_come_from_customers_like_these_in_past_windows(ahead):
    """What nine in ten left, in windows; low and high rise with the forecast."""
    scores = score(ahead, replace(ECONOMICS, annual_discount_rate=0.0))
    past = ahead.learned.unseen_
    asked = past[["frequency", "purchases", "spend"]].assign(p_purchase=0.5)
    same = replace(ahead, customers=asked, days=ahead.window.days, window=replace(ahead.window, known=asked))
    ends = score(replace(same, method=outlook.RATE, buying=None), replace(ECONOMICS, annual_discount_rate=0.0))
    inside = (0.4 * past["actual_spend"]).between(ends["clv_low"] - 1e-9, ends["clv_high"] + 1e-9)
    assert 0.88 < inside.mean() < 0.96  # most buy nothing, so that ties are held too
    assert spearmanr(scores["clv"], scores["clv_high"]).statistic > 0.8


def test_an_order_that_costs_more_than_it_leaves_has_its_own_range(ahead):
    costs = float(score(ahead, ECONOMICS)["expected_spend"].median()) * 0.4
    scores = score(ahead, replace(ECONOMICS, service_cost_per_order=costs))
    loses = scores["clv"] < 0
    assert 0.2 < loses.mean() < 0.8
    assert (scores.loc[loses, "clv_high"] <= 0).all()
    assert (scores.loc[~loses, "clv_low"] >= 0).all()


def test_a_frequent_buyer_who_comes_back_after_years_moves_no_more_than_they_are_worth():
    """The chance of such a purchase is next to nothing, and what they bring over it was next to infinite."""
    random, end = np.random.default_rng(0), pd.Timestamp("2025-12-31")
    ages = random.integers(200, 900, 90).astype(float)
    shop = simulate.transactions(
        simulate.bg_nbd(90, (0.8, 40.0, 0.8, 2.5), ages, seed=1), (6.0, 4.0, 20.0), end, seed=1
    )
    days = [*pd.date_range("2023-01-01", periods=60, freq="10D"), *pd.to_datetime(["2025-10-01", "2025-12-01"])]
    back = pd.DataFrame({"customer_id": "back", "date": days, "amount": 20.0})
    history = History(ibis.memtable(pd.concat([shop, back])), shop["date"].min())
    then, now = (equity.value_base(history, day, ECONOMICS) for day in (pd.Timestamp("2025-06-30"), end))
    moved = equity.equity_effects(then, now, ECONOMICS).loc["back"]
    assert moved.abs().max() < 10 * max(now.customers.loc["back", "clv"], 1.0)


def test_without_windows_the_range_holds_chance(few):
    """Of customers who follow the models: purchases drawn at random lie in it nine times in ten or more often."""
    params, days = (0.6, 20.0, 0.8, 2.5), 365
    shop = simulate.bg_nbd(20_000, params, 300.0, horizon=float(days), seed=3).customers
    model = BetaGeo().with_params(params)
    history = [shop[name] for name in ("frequency", "recency", "T")]
    mean, chance = model.expected_purchases(days, *history), model.p_at_least(1, days, *history)
    said = pd.DataFrame({"purchases": mean, "spend": mean, "p_purchase": chance}, index=shop.index)
    alone = replace(few, method=outlook.RATE, customers=said, window=replace(few.window, known=shop))
    ends = score(alone, replace(ECONOMICS, margin=1.0, annual_discount_rate=0.0))
    low, high = ends["clv_low"].round(), ends["clv_high"].round()
    assert shop["future"].between(low, high).mean() >= 0.9
    assert (shop["future"] > high).mean() <= 0.055


def test_shares_of_value_add_up_and_ranks_are_in_order(ahead):
    scores = score(ahead, ECONOMICS)
    shares = share_of_value(scores, ahead.customers["frequency"])
    assert list(shares.index) == ["0", "1", "2", "3", "4", "5", "6", "7+"]
    assert list(shares.sum()) == pytest.approx([1, 1])
    ranks = by_rank(scores)
    assert list(ranks.index) == list(PLACES)
    assert ranks["mid"].is_monotonic_decreasing
    assert (ranks["low"] <= ranks["high"]).all()
    best = scores.nlargest(round(len(scores) / 100), "clv")
    assert ranks.loc["top 1%", "mid"] == pytest.approx(best["clv"].median(), rel=0.1)
    assert list(by_rank(scores.head(1)).index) == ["lower half"]
