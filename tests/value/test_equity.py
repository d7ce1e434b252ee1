import ibis
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clvlib import aggregate
from clvlib.dataset import Economics
from clvlib.errors import NotEnoughData
from clvlib.models import scoring
from clvlib.value import equity
from tools.demo_shop import simulate

AS_OF = pd.Timestamp("2025-12-31")
BEFORE = pd.Timestamp("2024-12-31")
MONEY = Economics(margin=0.4, annual_discount_rate=0.1, service_cost_per_order=1.0)


def shop(n: int = 900, seed: int = 0) -> pd.DataFrame:
    ages = np.random.default_rng(seed).integers(1, 900, n)
    people = simulate.pareto_nbd(n, (0.9, 60.0, 0.7, 250.0), ages, seed=seed)
    return simulate.transactions(people, (6.0, 4.0, 20.0), AS_OF, seed=seed)


def table(tx: pd.DataFrame) -> ibis.Table:
    return ibis.memtable(tx)


@pytest.fixture(scope="module")
def tx() -> pd.DataFrame:
    return shop()


@pytest.fixture(scope="module")
def now(tx: pd.DataFrame) -> equity.Valuation:
    return equity.value_base(table(tx), AS_OF, MONEY, "Pareto/NBD")


@pytest.fixture(scope="module")
def then(tx: pd.DataFrame) -> equity.Valuation:
    return equity.value_base(table(tx), BEFORE, MONEY, "Pareto/NBD")


def test_the_factors_multiply_to_the_clv_of_the_forecast(now: equity.Valuation) -> None:
    scores = scoring.score(now.rfm, now.model, now.spend, MONEY)
    np.testing.assert_allclose(now.customers["clv"], scores["clv"], rtol=1e-9)
    np.testing.assert_allclose(now.customers["p_alive"], scores["p_alive"], rtol=1e-9)


def test_the_bridge_has_no_remainder(then: equity.Valuation, now: equity.Valuation) -> None:
    steps = equity.bridge(then, now, MONEY)
    assert steps.iloc[:-1].sum() == pytest.approx(steps["after"], rel=1e-9)
    each = equity.equity_effects(then, now, MONEY)
    change = now.customers["clv"].reindex(each.index).fillna(0) - then.customers["clv"].reindex(each.index).fillna(0)
    np.testing.assert_allclose(each.sum(axis=1), change, atol=1e-9)


def test_silence_only_takes_and_new_customers_only_give(then: equity.Valuation, now: equity.Valuation) -> None:
    each = equity.equity_effects(then, now, MONEY)
    silent = now.rfm["frequency"].reindex(each.index) == then.rfm["frequency"].reindex(each.index)
    assert (each.loc[silent, "loss"] < 0).all()
    assert (each.loc[silent, "confirmed"] == 0).all()
    assert (each["new"] >= 0).all()
    assert (each.loc[each["new"] > 0, each.columns.drop("new")] == 0).all().all()


def test_nothing_moves_between_a_date_and_itself(now: equity.Valuation) -> None:
    assert equity.equity_effects(now, now, MONEY).abs().max().max() < 1e-9


def test_other_models_alone_move_only_the_line_of_the_models(now: equity.Valuation) -> None:
    slower = now.model.with_params(now.model.values * [1, 2, 1, 1])
    customers = equity.factors(now.rfm, slower, now.spend, MONEY)
    early = equity.Valuation(now.as_of, now.rfm, slower, now.spend, customers)
    moved = equity.equity_effects(early, now, MONEY).sum()
    assert moved["model"] == pytest.approx(now.total - early.total)
    assert moved.drop("model").abs().max() < 1e-9


def test_a_customer_whose_purchases_were_all_refunded_is_lost(tx: pd.DataFrame, then: equity.Valuation) -> None:
    name = then.customers["clv"].idxmax()
    refunded = equity.Valuation(AS_OF, *_without(equity.value_base(table(tx), AS_OF, MONEY, "Pareto/NBD"), name))
    each = equity.equity_effects(then, refunded, MONEY).loc[name]
    assert each["loss"] + each["model"] == pytest.approx(-then.customers.loc[name, "clv"])


def _without(valuation: equity.Valuation, name: str):
    return valuation.rfm.drop(name), valuation.model, valuation.spend, valuation.customers.drop(name)


triples = st.tuples(*[st.floats(0, 100, allow_subnormal=False)] * 3)


@given(triples, triples)
@settings(max_examples=60, deadline=None)
def test_the_parts_of_a_product_add_up_and_turn_their_sign_with_time(old, new) -> None:
    frames = [pd.DataFrame([values], columns=list(equity.FACTORS)) for values in (old, new)]
    forth = [float(equity._part(*frames, name).iloc[0]) for name in equity.FACTORS]
    back = [float(equity._part(*frames[::-1], name).iloc[0]) for name in equity.FACTORS]
    assert sum(forth) == pytest.approx(np.prod(new) - np.prod(old), abs=1e-6)
    np.testing.assert_allclose(forth, -np.array(back), atol=1e-6)


def test_the_parts_are_means_over_all_orders_of_change() -> None:
    """Slow computation: change the factors one after another, in each of the six orders."""
    from itertools import permutations

    old, new = np.array([0.9, 5.0, 12.0]), np.array([0.3, 6.0, 10.0])
    total = np.zeros(3)
    for order in permutations(range(3)):
        now = old.copy()
        for factor in order:
            before = now.prod()
            now[factor] = new[factor]
            total[factor] += (now.prod() - before) / 6
    frames = [pd.DataFrame([values], columns=list(equity.FACTORS)) for values in (old, new)]
    np.testing.assert_allclose([equity._part(*frames, name).iloc[0] for name in equity.FACTORS], total)


def test_in_another_currency_every_step_is_multiplied(tx: pd.DataFrame) -> None:
    plain = Economics(margin=0.4)
    sums = []
    for factor in (1.0, 7.0):
        scaled = table(tx.assign(amount=tx["amount"] * factor))
        dates = [equity.value_base(scaled, day, plain, "Pareto/NBD") for day in (BEFORE, AS_OF)]
        sums.append(equity.bridge(*dates, plain))
    np.testing.assert_allclose(sums[1], 7 * sums[0], rtol=1e-4)


def test_what_was_expected_of_a_base_came_within_a_fifth(tx: pd.DataFrame, then: equity.Valuation) -> None:
    told = equity.promise(then, table(tx), AS_OF, MONEY)
    assert told["came"] == pytest.approx(told["expected"], rel=0.2)
    after = aggregate.holdout(table(tx), BEFORE, AS_OF).reindex(then.rfm.index).fillna(0)
    assert told["purchases"] == after["purchases"].sum()


def test_groups_add_up_to_the_whole(then: equity.Valuation, now: equity.Valuation) -> None:
    groups = pd.Series({name: "even" if int(name[1:]) % 2 == 0 else None for name in now.customers.index})
    parts = equity.equity_by_group(then, now, groups)
    assert set(parts.index) == {"even", "unknown"}
    assert parts["after"].sum() == pytest.approx(now.total)
    assert parts["change"].sum() == pytest.approx(now.total - then.total)


def test_the_value_of_a_group_of_four_is_blank_at_the_date_at_which_it_was_four(
    then: equity.Valuation, now: equity.Valuation
) -> None:
    old, won = then.customers.index, now.customers.index.difference(then.customers.index)
    groups = pd.Series("young", index=[*old[:4], *won[:20]]).reindex(now.customers.index).fillna("others")
    parts = equity.equity_by_group(then, now, groups)
    assert parts.loc["young", ["before", "change"]].isna().all()
    assert parts.loc["young", ["customers", "after"]].notna().all()
    assert parts.loc["others"].notna().all()


def test_the_date_before_is_a_year_ago_or_the_middle_of_a_short_history() -> None:
    day = pd.Timestamp
    assert equity.previous_date(day("2022-01-01"), day("2024-02-29")) == day("2023-02-28")
    assert equity.previous_date(day("2022-01-01"), day("2025-02-28")) == day("2024-02-29")
    assert equity.previous_date(day("2024-01-01"), day("2024-12-31")) == day("2024-06-30")
    with pytest.raises(NotEnoughData):
        equity.previous_date(day("2024-12-01"), day("2024-12-31"))


def test_expected_revenue_is_expected_purchases_times_spend(now: equity.Valuation) -> None:
    spend = now.customers["margin_per_purchase"].add(1) / 0.4
    assert equity.expected_revenue(now, 6) == pytest.approx(float(equity.expected_purchases(now, 365.25 / 2) @ spend))


def test_a_year_of_expected_revenue_is_that_of_the_forecast(now: equity.Valuation) -> None:
    scored = scoring.score(now.rfm, now.model, now.spend, Economics(margin=0.4, horizon_months=12))
    forecast = float(scored["expected_purchases"] @ scored["expected_spend"])
    assert equity.expected_revenue(now) == pytest.approx(forecast, rel=1e-9)
