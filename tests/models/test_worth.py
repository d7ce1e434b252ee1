"""What a purchase in the next window is worth against a silence: laws, and a world where all are only slow."""

from dataclasses import replace

import ibis
import numpy as np
import pandas as pd
import pytest

from benchmarks.worlds import silence as world
from clvlib.dataset import Economics
from clvlib.errors import NotEnoughData
from clvlib.models import churn, worth
from clvlib.models.buying import Buying
from clvlib.models.forecast import ParetoNBD
from tools.demo_shop import simulate

AS_OF = pd.Timestamp("2025-12-31")
ECONOMICS = Economics(margin=0.4, annual_discount_rate=0.1, horizon_months=12)
LAW = (1.5, 40.0, 0.6, 400.0)
MODEL = ParetoNBD().with_params(np.array(LAW))
MODELS = Buying()
MODELS.models_ = {MODEL.name: MODEL}
WINDOW = 90


@pytest.fixture(scope="module")
def sold() -> pd.DataFrame:
    age = np.random.default_rng(1).integers(100, 1000, 600).astype(float)
    return simulate.transactions(simulate.pareto_nbd(600, LAW, age, seed=1), (6.0, 4.0, 90.0), AS_OF, seed=1)


def follow(sold: pd.DataFrame, economics: Economics = ECONOMICS) -> worth.Followed:
    return worth.follow(ibis.memtable(sold), sold["date"].min(), AS_OF, WINDOW, economics)


@pytest.fixture(scope="module")
def followed(sold) -> worth.Followed:
    return follow(sold)


@pytest.fixture(scope="module")
def today(sold) -> pd.DataFrame:
    return churn.features_at(ibis.memtable(sold), AS_OF)


def test_customers_are_followed_over_the_horizon_and_silence_is_that_of_the_first_window(sold, followed) -> None:
    assert followed.days == 365
    assert (followed.features["days_since_last_order"] <= WINDOW).all()
    after = sold[sold["date"] > followed.as_of]
    first = after[after["date"] <= followed.as_of + pd.Timedelta(days=WINDOW)]
    assert (followed.silent == ~followed.silent.index.isin(first["customer_id"])).all()
    flat = follow(sold, replace(ECONOMICS, annual_discount_rate=0.0)).brought
    days = after.drop_duplicates(["customer_id", "date"]).groupby("customer_id").size()
    assert (flat["purchases"] == days.reindex(flat.index).fillna(0)).all()
    np.testing.assert_allclose(
        flat["spend"], after.groupby("customer_id")["amount"].sum().reindex(flat.index).fillna(0)
    )
    assert (followed.brought["spend"] <= flat["spend"]).all()


def test_many_who_skip_a_window_come_back_and_that_is_not_lost(followed, today) -> None:
    later = followed.brought["purchases"][followed.silent]
    assert (later > 0).mean() > 0.3
    found = worth.values(followed, today, MODELS, ECONOMICS)
    assert (found["value_if_silent"] > 0).all()
    assert (found["cost_of_silence"] < found["value_if_buying"]).all()


def test_a_history_shorter_than_the_horizon_is_followed_as_far_as_it_goes(sold) -> None:
    found = follow(sold, replace(ECONOMICS, horizon_months=60))
    assert found.days == (AS_OF - sold["date"].min()).days * 2 // 3


def test_service_and_retention_are_paid_for_orders_and_for_windows_with_a_purchase(followed, today) -> None:
    free = worth.values(followed, today, MODELS, ECONOMICS)
    dear = replace(ECONOMICS, service_cost_per_order=3.0, retention_cost_per_year=8.0)
    served = worth.values(followed, today, MODELS, dear)
    assert (served["value_if_silent"] < free["value_if_silent"]).all()
    assert (served["value_if_buying"] < free["value_if_buying"]).all()


def test_amounts_times_k_give_values_times_k_and_row_order_changes_nothing(sold, followed, today) -> None:
    found = worth.values(followed, today, MODELS, ECONOMICS)
    richer = sold.assign(amount=sold["amount"] * 1000).sample(frac=1, random_state=0)
    other = worth.values(follow(richer), churn.features_at(ibis.memtable(richer), AS_OF), MODELS, ECONOMICS)
    np.testing.assert_allclose(other, found * 1000, rtol=1e-3)


def test_those_silent_are_of_a_lower_rate_than_those_who_bought(today) -> None:
    ratio = worth.rate_ratio(MODEL, today, WINDOW, 365)
    assert ((ratio > 0) & (ratio < 1)).all()
    sure = MODEL.with_params(np.array([1e8, 40e8, 0.6, 400.0]))  # all customers of one rate
    np.testing.assert_allclose(worth.rate_ratio(sure, today, WINDOW, 365), 1, atol=1e-3)


def test_too_few_of_either_kind_are_counted() -> None:
    day = pd.date_range("2025-01-01", "2025-12-31", freq="15D")
    sold = pd.DataFrame({"customer_id": np.repeat(["a", "b"], len(day)), "date": list(day) * 2, "amount": 10.0})
    with pytest.raises(NotEnoughData, match=r"Of 2 customers active on .* 2 bought in the next 90 days and 0 did not"):
        worth.follow(ibis.memtable(sold), day[0], AS_OF, WINDOW, ECONOMICS)


def test_where_nobody_ever_leaves_a_silence_costs_little_more_than_the_purchases_of_one_window() -> None:
    """The plain product of risk and the value of those who buy is three times the truth there."""
    answer = world.cost(world.LAWS["nobody ever leaves"])(1)
    assert answer.holds
    rate, stays = np.array([1 / 60]), np.array([True])
    true = world.truth(rate, np.array([1e-9]), stays)[0]
    none = np.exp(-world.WINDOW / 60)
    assert true == pytest.approx(none * (world.WINDOW / 60) / (1 - none), rel=1e-4)
