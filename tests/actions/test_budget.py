from itertools import product

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clvlib.actions import budget
from clvlib.errors import UsageError

# Up to five customers, each with up to three actions of (cost, gain), whole numbers so that sums are exact.
few = settings(max_examples=25, deadline=None)
actions = st.lists(st.tuples(st.integers(0, 12), st.integers(0, 40)), min_size=0, max_size=3)
shops = st.lists(actions, min_size=1, max_size=5)
money = st.integers(0, 40)


def table(shop: list[list[tuple[float, float]]]) -> pd.DataFrame:
    rows = [
        (f"c{customer}", f"t{place}", float(cost), float(gain))
        for customer, offers in enumerate(shop)
        for place, (cost, gain) in enumerate(offers)
    ]
    frame = pd.DataFrame(rows, columns=["customer_id", "treatment", "cost", "gain"])
    return frame.astype({"cost": float, "gain": float})


def best_by_trying_all(shop: list[list[tuple[float, float]]], limit: float) -> float:
    choices = product(*[[(0.0, 0.0), *offers] for offers in shop])
    sums = ((sum(c for c, _ in plan), sum(g - c for c, g in plan)) for plan in choices)
    return max(net for cost, net in sums if cost <= limit)


@few
@given(shops, money)
def test_the_plan_is_within_its_bound_of_the_optimum_found_by_trying_all(shop, limit) -> None:
    found = budget.allocate(table(shop), limit)
    best = best_by_trying_all(shop, limit)
    assert found.net <= best + 1e-9
    assert best <= found.bound + 1e-9
    largest = max((gain - cost for offers in shop for cost, gain in offers), default=0)
    assert found.bound - found.net <= max(largest, 0) + 1e-9


@few
@given(shops, money)
def test_a_plan_costs_no_more_than_the_budget_and_nobody_is_in_it_twice(shop, limit) -> None:
    found = budget.allocate(table(shop), limit)
    assert found.cost <= limit
    assert found.cost == pytest.approx(found.chosen["cost"].sum())
    assert found.chosen["customer_id"].is_unique
    assert (found.chosen["net"] > 0).all()


@few
@given(shops, money, money)
def test_more_money_never_brings_less(shop, one, other) -> None:
    less, more = sorted((one, other))
    assert budget.allocate(table(shop), less).net <= budget.allocate(table(shop), more).net + 1e-9


@few
@given(shops, money, st.randoms(use_true_random=False))
def test_the_order_of_the_rows_changes_nothing(shop, limit, random) -> None:
    options = table(shop)
    order = list(options.index)
    random.shuffle(order)
    one, other = budget.allocate(options, limit), budget.allocate(options.loc[order], limit)
    pd.testing.assert_frame_equal(one.chosen, other.chosen)


@few
@given(shops, money, st.sampled_from([0.25, 2.0, 64.0]))
def test_amounts_in_another_currency_give_the_same_plan(shop, limit, k) -> None:
    options = table(shop)
    scaled = options.assign(cost=options["cost"] * k, gain=options["gain"] * k)
    one, other = budget.allocate(options, limit), budget.allocate(scaled, limit * k)
    assert list(one.chosen.index) == list(other.chosen.index)
    assert other.net == pytest.approx(one.net * k)


@few
@given(shops)
def test_the_frontier_is_what_each_budget_brings_and_never_falls(shop) -> None:
    options = table(shop)
    curve = budget.frontier(options)
    assert curve["net"].is_monotonic_increasing
    assert curve["spent"].is_monotonic_increasing
    limits = [0.0, 3.0, 7.0, 19.0, 1000.0]
    reached = budget.at_budgets(curve, limits)
    assert reached["net"].tolist() == pytest.approx([budget.allocate(options, limit).net for limit in limits])
    assert reached["customers"].tolist() == [len(budget.allocate(options, limit).chosen) for limit in limits]


def test_an_unlimited_budget_takes_everybodys_best_action() -> None:
    shop = [[(1.0, 3.0), (5.0, 9.0)], [(1.0, 0.5)], [(2.0, 2.5), (1.0, 4.0)]]
    found = budget.allocate(table(shop), 1e9)
    assert found.net == 7.0
    assert found.cost == 6.0
    assert found.short == 0.0


def test_an_action_below_the_line_between_two_others_is_passed_over() -> None:
    shop = [[(1.0, 11.0), (2.0, 12.5), (3.0, 23.0)]]
    assert budget.allocate(table(shop), 2.0).chosen["treatment"].tolist() == ["t0"]
    assert budget.allocate(table(shop), 3.0).chosen["treatment"].tolist() == ["t2"]


def test_many_customers_come_within_a_hair_of_the_optimum() -> None:
    random = np.random.default_rng(1)
    shop = [[(1.0, random.exponential(3)), (5.0, random.exponential(6))] for _ in range(2000)]
    found = budget.allocate(table(shop), 1500.0)
    assert found.short < 0.001
    assert found.cost > 1495


def test_where_nothing_is_worth_its_cost_nothing_is_spent() -> None:
    options = table([[(1.0, 0.5)], [(2.0, 2.0)]])
    found = budget.allocate(options, 100.0)
    assert (found.cost, found.net, found.bound, found.short) == (0.0, 0.0, 0.0, 0.0)
    assert budget.frontier(options)["net"].tolist() == [0.0]


def test_a_rule_spends_down_its_own_order_and_also_on_what_is_not_worth_it() -> None:
    options = table([[(1.0, 3.0), (5.0, 9.0)], [(1.0, 0.5)], [(1.0, 4.0)]])
    rule = pd.Series({"c0": 1.0, "c1": 3.0, "c2": 2.0})
    found = budget.by_rules(options, [0.5, 2.0, 99.0], {"riskiest first": rule}).xs("riskiest first", level="rule")
    assert found.loc[0.5].to_dict() == {"customers": 0.0, "cost": 0.0, "net": 0.0}
    assert found.loc[2.0].to_dict() == {"customers": 2.0, "cost": 2.0, "net": 2.5}
    assert found.loc[99.0].to_dict() == {"customers": 3.0, "cost": 3.0, "net": 4.5}


def test_customers_taken_at_random_bring_their_share_of_the_whole() -> None:
    options = table([[(1.0, 3.0)], [(1.0, 0.5)], [(2.0, 8.0)]])
    found = budget.by_rules(options, [2.0, 50.0], {}).xs("at random", level="rule")
    assert found["net"].tolist() == pytest.approx([7.5 / 2, 7.5])
    assert found["cost"].tolist() == pytest.approx([2.0, 4.0])


@few
@given(shops, money)
def test_no_rule_beats_the_bound(shop, limit) -> None:
    options = table(shop)
    rule = pd.Series({f"c{i}": float(i) for i in range(len(shop))})
    found = budget.by_rules(options, [limit], {"any": rule}).loc[(limit, "any")]
    assert found["net"] <= budget.allocate(options, limit).bound + 1e-9
    assert found["cost"] <= limit


def test_most_of_the_gain_needs_less_than_all_of_the_money() -> None:
    curve = budget.frontier(table([[(1.0, 91.0)], [(9.0, 19.0)]]))
    assert budget.worth_spending(curve) == 1.0
    assert budget.worth_spending(curve, 1.0) == 10.0


def test_a_budget_or_a_cost_below_zero_is_refused() -> None:
    with pytest.raises(UsageError, match="budget"):
        budget.allocate(table([[(1.0, 2.0)]]), -1)
    with pytest.raises(UsageError, match="1 action"):
        budget.frontier(table([[(-1.0, 2.0)]]))
