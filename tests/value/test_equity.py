from dataclasses import replace

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
from clvlib.models.windows import History
from clvlib.value import equity
from clvlib.value.over_time import base_over_time
from tools.demo_shop import simulate

AS_OF = pd.Timestamp("2025-12-31")
BEFORE = pd.Timestamp("2024-12-31")
MONEY = Economics(margin=0.4, annual_discount_rate=0.1, service_cost_per_order=1.0)


def shop(n: int = 900, seed: int = 0) -> pd.DataFrame:
    ages = np.random.default_rng(seed).integers(1, 900, n)
    people = simulate.pareto_nbd(n, (0.9, 60.0, 0.7, 250.0), ages, seed=seed)
    return simulate.transactions(people, (6.0, 4.0, 20.0), AS_OF, seed=seed)


@pytest.fixture(scope="module")
def tx() -> pd.DataFrame:
    return shop()


@pytest.fixture(scope="module")
def history(tx: pd.DataFrame) -> History:
    return History(ibis.memtable(tx), tx["date"].min())


@pytest.fixture(scope="module")
def now(history: History) -> equity.Valuation:
    return equity.value_base(history, AS_OF, MONEY)


@pytest.fixture(scope="module")
def then(history: History) -> equity.Valuation:
    return equity.value_base(history, BEFORE, MONEY)


def test_the_factors_multiply_to_the_clv_of_the_forecast(now: equity.Valuation) -> None:
    scores = scoring.score(now.ahead, MONEY)
    np.testing.assert_allclose(now.customers["clv"], scores["clv"], rtol=1e-9)
    assert now.total == pytest.approx(scoring.total(now.ahead, MONEY).clv)
    assert now.rfm.index.equals(now.customers.index)


def test_the_bridge_has_no_remainder(then: equity.Valuation, now: equity.Valuation) -> None:
    steps = equity.bridge(then, now, MONEY)
    assert steps.iloc[:-1].sum() == pytest.approx(steps["after"], rel=1e-9)
    each = equity.equity_effects(then, now, MONEY)
    change = now.customers["clv"].reindex(each.index).fillna(0) - then.customers["clv"].reindex(each.index).fillna(0)
    np.testing.assert_allclose(each.sum(axis=1), change, atol=1e-9)


def test_silence_takes_and_new_customers_only_give(then: equity.Valuation, now: equity.Valuation) -> None:
    each = equity.equity_effects(then, now, MONEY)
    silent = now.rfm["frequency"].reindex(each.index) == then.rfm["frequency"].reindex(each.index)
    moved = each["loss"] + each["confirmed"]
    assert (moved[silent] < 0).mean() > 0.95
    assert moved[silent].sum() < 0 < moved[~silent].sum() - each["loss"][~silent].sum()
    assert (each["new"] >= 0).all()
    assert (each.loc[each["new"] > 0, each.columns.drop("new")] == 0).all().all()


def test_a_chance_that_fell_is_a_loss_whatever_its_sign_in_money(history: History) -> None:
    dear = Economics(margin=0.4, service_cost_per_order=20.0)  # orders that cost more than they leave
    old, new = (equity.value_base(history, day, dear) for day in (BEFORE, AS_OF))
    each, chance = equity.equity_effects(old, new, dear), scoring.factors(new.ahead, dear, old.ahead.window.known)
    both = chance.index.intersection(new.customers.index)
    fell = new.customers.loc[both, "p_purchase"] < chance.loc[both, "p_purchase"]
    assert (each.loc[both, "confirmed"][fell] == 0).all()
    assert each["loss"].sum() > 0


def test_nothing_moves_between_a_date_and_itself(now: equity.Valuation) -> None:
    assert equity.equity_effects(now, now, MONEY).abs().max().max() < 1e-9


def test_another_forecast_alone_moves_only_the_line_of_what_was_learned(now: equity.Valuation) -> None:
    more = now.ahead.customers.assign(purchases=lambda t: 2 * t["purchases"], spend=lambda t: 2 * t["spend"])
    eager = replace(now.ahead, customers=more)
    early = equity.Valuation(now.as_of, now.rfm, eager, scoring.factors(eager, MONEY))
    assert early.total == pytest.approx(2 * now.total)
    moved = equity.equity_effects(early, now, MONEY).sum()
    assert moved["learned"] == pytest.approx(now.total - early.total)
    assert moved.drop("learned").abs().max() < 1e-9


def test_a_customer_whose_purchases_were_all_refunded_is_lost(then: equity.Valuation, now: equity.Valuation) -> None:
    name = then.customers["clv"].idxmax()
    refunded = replace(now, rfm=now.rfm.drop(name), customers=now.customers.drop(name))
    each = equity.equity_effects(then, refunded, MONEY).loc[name]
    assert each["loss"] + each["learned"] == pytest.approx(-then.customers.loc[name, "clv"])


triples = st.tuples(*[st.floats(0, 100, allow_subnormal=False)] * 3)


@given(triples, triples)
@settings(max_examples=60, deadline=None)
def test_the_parts_of_a_product_add_up_and_turn_their_sign_with_time(old, new) -> None:
    frames = [pd.DataFrame([values], columns=list(scoring.FACTORS)) for values in (old, new)]
    forth = [float(equity._part(*frames, name).iloc[0]) for name in scoring.FACTORS]
    back = [float(equity._part(*frames[::-1], name).iloc[0]) for name in scoring.FACTORS]
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
    frames = [pd.DataFrame([values], columns=list(scoring.FACTORS)) for values in (old, new)]
    np.testing.assert_allclose([equity._part(*frames, name).iloc[0] for name in scoring.FACTORS], total)


def test_in_another_currency_every_step_is_multiplied(tx: pd.DataFrame) -> None:
    plain = Economics(margin=0.4)
    sums = []
    for factor in (1.0, 7.0):
        scaled = History(ibis.memtable(tx.assign(amount=tx["amount"] * factor)), tx["date"].min())
        sums.append(equity.bridge(*(equity.value_base(scaled, day, plain) for day in (BEFORE, AS_OF)), plain))
    np.testing.assert_allclose(sums[1], 7 * sums[0], rtol=0.02)


def test_what_was_expected_of_a_base_came_within_a_fifth(history: History, then: equity.Valuation) -> None:
    told = equity.promise(then, history, AS_OF, MONEY)
    assert told["came"] == pytest.approx(told["expected"], rel=0.2)
    after = aggregate.holdout(history.transactions, BEFORE, AS_OF).reindex(then.rfm.index).fillna(0)
    assert told["purchases"] == after["purchases"].sum()
    assert told["expected_purchases"] == pytest.approx(then.ahead.customers["purchases"].sum())
    sooner = equity.promise(then, history, BEFORE + pd.Timedelta(days=100), MONEY)
    assert 0 < sooner["expected"] < told["expected"]


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


def test_of_many_customers_some_stand_for_all(
    history: History, then: equity.Valuation, now: equity.Valuation, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert equity.of_some(history, now) == (history, now)
    monkeypatch.setattr(equity, "VALUED", len(now.rfm) // 2)
    past, today = equity.of_some(history, now)
    assert len(today.rfm) <= len(now.rfm) // 2
    assert today.stands_for > 1.5
    assert today.total == pytest.approx(now.total)
    before = equity.value_base(past, BEFORE, MONEY, today.stands_for)
    assert before.total == pytest.approx(then.total, rel=0.15)
    moved = equity.bridge(before, today, MONEY)
    assert moved["after"] == pytest.approx(now.total)
    assert moved.drop("after").sum() == pytest.approx(moved["after"])
    error = equity.change_error(before, today, MONEY)
    assert 0 < error < 0.2 * now.total
    assert abs(moved["after"] - moved["before"] - (now.total - then.total)) < 2 * error
    kept, of_all = equity.promise(before, past, AS_OF, MONEY, history), equity.promise(then, history, AS_OF, MONEY)
    counted = ["came", "purchases", "customers"]
    assert [kept[name] for name in counted] == pytest.approx([of_all[name] for name in counted])
    assert kept["expected"] == pytest.approx(of_all["expected"], rel=0.15)
    assert kept["miss"] == pytest.approx(kept["came"] / kept["expected"] - 1)
    seen = base_over_time(past, MONEY, [before, now])
    assert seen["base_value"].iloc[-1] == now.total
    assert seen["expected_revenue"].iloc[0] == pytest.approx(then.ahead.customers["spend"].sum(), rel=0.15)
    groups = pd.Series("most", index=now.customers.index)
    groups[today.customers.index[:50]] = "few"
    parts = equity.equity_by_group(before, now, groups)
    assert parts["after"].sum() == pytest.approx(now.total)
    assert np.isnan(parts.loc["few", "before"])
    assert parts.loc["most", "before"] > 0.5 * before.total
