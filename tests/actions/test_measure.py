import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import norm

from clvlib.actions import choices, contact, measure
from clvlib.dataset import Economics
from clvlib.errors import NotEnoughData

EFFECTS = choices.assumed(Economics(save_rate=0.2))


def chosen(n: int, lever: str = "keep", gain: float = 2.0) -> pd.DataFrame:
    names = [f"c{i:05}" for i in range(n)]
    return pd.DataFrame({"customer_id": names, "lever": lever, "at_stake": 10.0, "gain": gain})


def flat(n: int, value: float) -> pd.Series:
    return pd.Series(value, index=[f"c{i:05}" for i in range(n)])


def money(n: int, sd: float = 10.0) -> pd.Series:
    values = np.random.default_rng(0).normal(0, 1, n)
    return pd.Series((values - values.mean()) / values.std(ddof=1) * sd, index=[f"c{i:05}" for i in range(n)])


def test_needed_customers_are_those_of_the_textbook_formula() -> None:
    # Two means, effect size d, two equal groups: n each = 2 (z_a + z_b)² / d² (Cohen 1988).
    z = norm.ppf(0.975) + norm.ppf(0.8)
    assert measure.needed(0.2) == pytest.approx(2 * 2 * z**2 / 0.04, abs=2)
    assert measure.needed(0.0) == float("inf")


def test_unequal_groups_need_more_customers() -> None:
    sizes = [measure.needed(0.2, share) for share in measure.SHARES]
    assert sizes == sorted(sizes, reverse=True)
    assert sizes[0] / sizes[-1] == pytest.approx(0.25 / 0.09, rel=0.01)


def test_what_is_visible_is_the_size_for_which_so_many_are_needed() -> None:
    assert measure.needed(measure.visible(500, 0.3), 0.3) == pytest.approx(500, abs=2)


def test_the_plan_agrees_with_the_group_size_of_the_churn_notebook() -> None:
    table = measure.plan_tests(chosen(5000), flat(5000, 0.4), money(5000), EFFECTS, choices.SAVED)
    assert table.loc["keep", "needed"] == pytest.approx(2 * contact.group_size(0.4, 0.2), rel=0.02)
    assert table.loc["keep", "outcome"] == measure.RETURNS
    assert table.loc["keep", "enough"]


def test_a_call_that_works_twice_as_well_needs_fewer_customers_than_a_message() -> None:
    message, call = (
        measure.plan_tests(chosen(500, gain=gain), flat(500, 0.4), money(500), EFFECTS, choices.SAVED)
        for gain in (2.0, 4.0)
    )
    assert message.loc["keep", "needed"] == pytest.approx(2 * contact.group_size(0.4, 0.2), rel=0.02)
    assert call.loc["keep", "needed"] == pytest.approx(2 * contact.group_size(0.4, 0.4), rel=0.02)


def test_money_is_the_outcome_of_other_levers_and_of_tested_ones() -> None:
    plan = chosen(400, "raise frequency")
    table = measure.plan_tests(plan, flat(400, 0.4), money(400), EFFECTS, choices.SAVED)
    assert table.loc["raise frequency", "outcome"] == measure.MARGIN
    assert table.loc["raise frequency", "needed"] == measure.needed(0.2)
    tested = EFFECTS.assign(tested=True)
    assert (
        measure.plan_tests(chosen(400), flat(400, 0.4), money(400), tested, choices.SAVED)["outcome"]
        .eq(measure.MARGIN)
        .all()
    )


def test_the_smallest_control_group_that_shows_the_effect_is_taken_and_a_fifth_where_none_does() -> None:
    many = measure.plan_tests(chosen(50_000), flat(50_000, 0.4), money(50_000), EFFECTS, choices.SAVED)
    assert many.loc["keep", "control_share"] == 0.1
    few = measure.plan_tests(chosen(100), flat(100, 0.4), money(100, 500), EFFECTS, choices.SAVED)
    assert few.loc["keep", "control_share"] == measure.TOO_FEW
    assert few.loc["keep", "sees"] > 1
    assert not few["enough"].any()


def test_a_simulated_campaign_of_the_needed_size_is_significant_in_four_of_five() -> None:
    random = np.random.default_rng(7)
    n = int(measure.needed(0.15)) // 2
    treated, control = random.normal(0.15, 1, (2000, n)), random.normal(0, 1, (2000, n))
    z = (treated.mean(1) - control.mean(1)) / np.sqrt(2 / n)
    assert (np.abs(z) > 1.96).mean() == pytest.approx(0.8, abs=0.03)


def test_too_small_a_plan_is_said() -> None:
    both = pd.concat([chosen(400, "raise frequency"), chosen(5).assign(customer_id=[f"k{i}" for i in range(5)])])
    table = measure.plan_tests(both, flat(400, 0.4), money(400), EFFECTS, choices.SAVED)
    assert table["customers"].to_dict() == {"raise frequency": 400, measure.TOGETHER: 400}
    with pytest.raises(NotEnoughData, match="20 customers"):
        measure.plan_tests(chosen(5), flat(5, 0.4), money(5), EFFECTS, choices.SAVED)


def test_an_effect_that_not_even_keeping_everybody_would_show_is_not_called_visible() -> None:
    """37 customers, of whom the effect expected is to keep 8 %: 20 times that was said to be visible."""
    gain = EFFECTS.assign(mid=0.08)
    table = measure.plan_tests(chosen(37, gain=0.8), flat(37, 0.2), money(37), gain, choices.SAVED)
    assert table.loc["keep", "sees"] == np.inf
    assert measure.tests_in_words(table).loc["keep", "can_show"] == "nothing: not even all at stake won"
    dear = measure.plan_tests(chosen(30, "raise frequency", 0.5), flat(30, 0.4), money(30, 100), EFFECTS, choices.SAVED)
    assert dear.loc["raise frequency", "sees"] == np.inf  # 20 times 0.5 is all of the 10 at stake


def test_the_share_kept_that_is_visible_is_where_a_campaign_shows_it_in_four_of_five() -> None:
    table = measure.plan_tests(chosen(2000, gain=0.5), flat(2000, 0.4), money(2000), EFFECTS, choices.SAVED)
    kept = table.loc["keep", "sees"] * 0.05
    size = table.loc["keep", "control_share"] * 2000
    random = np.random.default_rng(0)
    alone = random.binomial(int(size), 0.6, 4000) / size
    told = random.binomial(int(2000 - size), 1 - 0.4 * (1 - kept), 4000) / (2000 - size)
    error = np.sqrt(alone * (1 - alone) / size + told * (1 - told) / (2000 - size))
    assert (told - alone > 1.96 * error).mean() == pytest.approx(0.8, abs=0.03)


def test_over_many_campaigns_a_smaller_control_group_costs_less_in_all_and_takes_longer() -> None:
    table = measure.plan_tests(chosen(400, "raise frequency", 0.5), flat(400, 0.4), money(400), EFFECTS, choices.SAVED)
    found = measure.long_run(table, net=1000.0)
    assert found["campaigns"].is_monotonic_decreasing
    assert found["cost_in_all"].is_monotonic_increasing
    assert found["cost_each"].tolist() == [50.0, 100.0, 200.0, 500.0]
    for share, row in found.iterrows():
        assert row["campaigns"] * 400 == pytest.approx(measure.needed(0.05, share), abs=400)
        assert row["sees_once"] == pytest.approx(measure.visible(400, share) / 0.05, rel=0.01)


def test_who_is_left_alone_in_one_campaign_is_left_alone_in_the_next() -> None:
    shares = pd.Series({"keep": 0.2, "win back": 0.2})
    one = measure.draw(chosen(1000), shares)
    other = measure.draw(chosen(1500, "win back").iloc[500:], shares)
    both = one.index.intersection(other.index)
    again = other[both][one[both] == measure.CONTROL] == measure.CONTROL
    assert again.mean() > 0.85


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 60), st.randoms(use_true_random=False), st.sampled_from([0.1, 0.2, 0.5]))
def test_the_draw_is_the_same_in_any_order_and_leaves_the_share_alone(n, random, share) -> None:
    plan = chosen(n)
    order = list(plan.index)
    random.shuffle(order)
    shares = pd.Series({"keep": share})
    one, other = measure.draw(plan, shares), measure.draw(plan.loc[order], shares)
    pd.testing.assert_series_equal(one, other)
    assert (one == measure.CONTROL).sum() == (round(n * share) if n >= measure.FEWEST_TO_SPLIT else 0)
    assert one.index.is_unique


def test_the_draw_has_nothing_to_do_with_the_customers_order() -> None:
    drawn = measure.draw(chosen(2000), pd.Series({"keep": 0.5})) == measure.CONTROL
    assert abs(drawn.iloc[:1000].sum() - 500) < 60


def test_another_seed_is_another_draw_and_a_lever_without_a_share_leaves_a_tenth() -> None:
    plan, none = chosen(100), pd.Series(dtype=float)
    assert (measure.draw(plan, none) == measure.CONTROL).sum() == 10
    assert not measure.draw(plan, none).equals(measure.draw(plan, none, seed=1))
    assert measure.draw(plan.head(0), none).empty
