import ibis
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from statsmodels.stats.power import NormalIndPower

from clvlib.causes import planning
from clvlib.dataset import Economics
from clvlib.errors import NotEnoughData, UsageError

START, AS_OF = pd.Timestamp("2024-01-01"), pd.Timestamp("2025-12-31")
ECONOMICS = Economics(margin=0.5, service_cost_per_order=2.0)


@pytest.fixture(scope="module")
def tx() -> pd.DataFrame:
    """Two new customers a day for a year; each comes back at random, at a rate of their own."""
    random = np.random.default_rng(0)
    first = np.repeat(np.arange(365), 2)
    repeats = random.poisson(random.gamma(1.0, 3.0, len(first)))
    who = np.concatenate([np.arange(len(first)), np.repeat(np.arange(len(first)), repeats)])
    day = first[who] + np.concatenate([np.zeros(len(first)), random.integers(1, 365, repeats.sum())])
    frame = pd.DataFrame({"customer_id": [f"c{i:04}" for i in who], "amount": random.gamma(2, 20, len(who)).round(2)})
    return frame.assign(date=START + pd.to_timedelta(day, unit="D"))


@pytest.fixture(scope="module")
def people(tx: pd.DataFrame) -> pd.DataFrame:
    return planning.newcomers(ibis.memtable(tx), AS_OF, ECONOMICS)


@settings(max_examples=20, deadline=None)
@given(st.floats(0.05, 0.5), st.floats(0.6, 0.99))
def test_the_number_of_customers_is_that_of_statsmodels(standardised: float, power: float) -> None:
    theirs = NormalIndPower().solve_power(standardised, alpha=0.05, power=power)
    assert planning.per_arm(1.0, standardised, power) == pytest.approx(theirs, rel=0.01)


def test_a_test_of_the_planned_size_finds_the_effect_as_often_as_planned() -> None:
    random = np.random.default_rng(0)
    n = int(np.ceil(planning.per_arm(np.sqrt(2.0), 0.4)))
    values = random.gamma(2, 1, (4000, 2, n)) + np.array([0.4, 0.0])[:, None]
    gap = values[:, 0].mean(axis=1) - values[:, 1].mean(axis=1)
    error = np.sqrt(values.var(axis=2, ddof=1).sum(axis=1) / n)
    assert np.mean(np.abs(gap / error) > 1.96) == pytest.approx(0.8, abs=0.03)


def test_twice_the_lift_takes_a_quarter_of_the_customers(people: pd.DataFrame) -> None:
    needed = planning.by_lift(people)
    assert tuple(needed.index) == planning.LIFTS
    np.testing.assert_allclose(needed.loc[0.1] / needed.loc[0.2], 4, rtol=0.05)


def test_newcomers_are_those_of_a_slow_walk_through_the_rows(tx: pd.DataFrame, people: pd.DataFrame) -> None:
    for who in people.index[:30]:
        mine = tx[tx["customer_id"] == who]
        within = mine[mine["date"] < mine["date"].min() + pd.Timedelta(days=90)]
        days = within["date"].nunique()
        assert people.loc[who, "again_90"] == (days > 1)
        assert people.loc[who, "value_90"] == pytest.approx(0.5 * within["amount"].sum() - 2 * days)


def test_only_customers_watched_to_the_end_of_the_longest_window_count(tx: pd.DataFrame) -> None:
    end = START + pd.Timedelta(days=364 + 60)
    people = planning.newcomers(ibis.memtable(tx), end, ECONOMICS)
    assert people["first_purchase"].max() == end - pd.Timedelta(days=364)
    soon = planning.newcomers(ibis.memtable(tx), START + pd.Timedelta(days=90), ECONOMICS)
    assert list(soon) == ["first_purchase", "again_30", "value_30"]
    with pytest.raises(NotEnoughData, match="Fewer than 100 customers"):
        planning.newcomers(ibis.memtable(tx), START + pd.Timedelta(days=40), ECONOMICS)


def test_a_plan_enrols_and_then_waits(tx: pd.DataFrame, people: pd.DataFrame) -> None:
    per_day = planning.arrivals(ibis.memtable(tx), AS_OF)
    assert per_day == 2
    table = planning.plan_sizes(people, per_day, lift=0.2)
    assert (table["days_to_enrol"] == table["per_arm"]).all()  # two a day, two arms
    waited = table["days_in_all"] - table["days_to_enrol"]
    assert (waited == table.index.get_level_values("window")).all()


def test_what_a_test_could_show_is_a_multiple_of_its_error() -> None:
    effects = pd.DataFrame({"control": [10.0, 0.0], "low": [-1.96, -1.96], "high": [1.96, 1.96]})
    found = planning.what_it_could_show(effects, 0.95)
    np.testing.assert_allclose(found["shown"], 2.80, atol=0.01)
    assert found["lift"].isna().tolist() == [False, True]


def test_a_shop_whose_new_customers_bring_nothing_has_no_lift_to_plan_for(people: pd.DataFrame) -> None:
    poor = people.assign(**{name: 0.0 for name in people if name != "first_purchase"})
    with pytest.raises(NotEnoughData, match="bring nothing"):
        planning.plan_sizes(poor, 1.0)


def test_a_lift_beyond_everybody_is_not_planned_and_no_lift_is_refused(people: pd.DataFrame) -> None:
    table = planning.plan_sizes(people, 1.0, lift=1.0)
    assert np.isnan(table.loc[("buys again", 365), "per_arm"])
    assert table.loc[("value", 365), "per_arm"] > 0
    with pytest.raises(UsageError, match="lift is 0"):
        planning.plan_sizes(people, 1.0, lift=0)
