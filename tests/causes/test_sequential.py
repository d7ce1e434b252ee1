from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from scipy.optimize import minimize_scalar
from scipy.stats import norm, ttest_ind

from clvlib.causes import sequential
from clvlib.causes.trial import Trial
from clvlib.errors import NotEnoughData, UsageError


def amounts(n: int, seed: int = 0) -> np.ndarray:
    """What customers bring: half of them nothing, a few of them much."""
    random = np.random.default_rng(seed)
    return np.where(random.random(n) < 0.5, 0.0, random.lognormal(3, 1, n))


def test_the_boundary_is_the_published_one() -> None:
    """Waudby-Smith et al., equation (8), written as in the paper: for means of variables with variance 1."""
    alpha, t = 0.05, 731.0
    rho = np.sqrt((-2 * np.log(alpha) + np.log(-2 * np.log(alpha) + 1)) / 1000)
    inner = 2 * (t * rho**2 + 1) / (t**2 * rho**2) * np.log(np.sqrt(t * rho**2 + 1) / alpha)
    assert sequential.reach(np.array([t]), 1000)[0] / np.sqrt(t) == pytest.approx(np.sqrt(inner))


def test_the_inequality_that_the_sequence_rests_on_holds() -> None:
    y = np.linspace(-50, 50, 100_001)
    assert (y - y**2 / 6 <= np.log(1 + y + y**2 / 3) + 1e-12).all()


def test_the_sequence_is_nearly_as_narrow_as_can_be_at_the_planned_number() -> None:
    found = minimize_scalar(
        lambda log: sequential.reach(np.array([1000.0]), np.exp(log))[0], bounds=(3, 12), method="bounded"
    )
    assert sequential.reach(np.array([1000.0]), 1000)[0] < 1.01 * found.fun


def test_watching_ends_at_the_two_means_and_the_sequence_is_wider_than_one_look() -> None:
    values, treated = amounts(3000), np.arange(3000) % 2 == 0
    watched = sequential.watch(values, treated)
    last = watched.iloc[-1]
    assert last["difference"] == pytest.approx(values[treated].mean() - values[~treated].mean())
    theirs = ttest_ind(values[treated], values[~treated], equal_var=False).confidence_interval()
    assert (last["fixed_low"], last["fixed_high"]) == pytest.approx(tuple(theirs), rel=0.01)
    assert (watched["low"] < watched["fixed_low"]).all()
    assert watched.index[0] == 2 * sequential.FIRST_LOOK


def test_a_large_effect_is_found_before_the_end_and_none_is_not() -> None:
    values, treated = amounts(4000, seed=1), np.arange(4000) % 2 == 0
    assert sequential.first_alarm(sequential.watch(values, treated)) is None
    found = sequential.first_alarm(sequential.watch(values + 10 * treated, treated))
    assert found is not None
    assert found < 3000


def test_peeking_inflates_false_alarms_of_a_fixed_test_and_not_of_the_sequence() -> None:
    rates = sequential.false_alarms(amounts(5000), runs=800)
    assert rates.loc[1, "fixed_low"] < 0.05 < rates.loc[1, "fixed_high"]
    assert rates["fixed"].is_monotonic_increasing is True
    assert rates.loc[50, "fixed_low"] > 0.15
    assert (rates["sequence"] <= 0.05).all()


def test_one_look_is_as_rare_an_alarm_as_its_level_says() -> None:
    rates = sequential.false_alarms(amounts(5000), runs=800, level=0.8)
    assert rates.loc[1, "fixed"] == pytest.approx(0.2, abs=0.05)


def test_the_sequence_covers_the_truth_at_all_looks_together() -> None:
    held = []
    for seed in range(150):
        treated = np.random.default_rng([seed, 1]).random(1500) < 0.5
        watched = sequential.watch(amounts(1500, seed) + 4 * treated, treated)
        held.append(((watched["low"] <= 4) & (watched["high"] >= 4)).all())
    assert np.mean(held) >= 0.95


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_few_treated_and_few_buyers_give_no_more_false_alarms(share: float) -> None:
    """Measured with the sequence that took means of the smaller arm to be normal: 20.7 % at a tenth."""
    random = np.random.default_rng(0)
    rare = np.where(random.random(20_000) < 0.01, random.lognormal(4.5, 0.9, 20_000), 0.0)
    rates = sequential.false_alarms(rare, customers=4000, runs=300, share=share)
    assert (rates["sequence"] <= 0.05).all()


@pytest.mark.parametrize("planned", [None, 1000, 20_000])
def test_looking_again_tomorrow_does_not_move_the_bar_of_today(planned: int | None) -> None:
    values, treated = amounts(6000), np.random.default_rng(1).random(6000) < 0.2
    whole = sequential.watch(values, treated, planned)
    for until in (1500, 3000):
        pd.testing.assert_frame_equal(whole.loc[:until], sequential.watch(values[:until], treated[:until], planned))


def test_the_bar_is_lowest_at_the_planned_size() -> None:
    values, treated = np.random.default_rng(0).normal(size=8000), np.arange(8000) % 2 == 0
    early, late = (sequential.watch(values, treated, planned) for planned in (1000, 8000))
    width = {at: (early["high"] - early["low"])[at] / (late["high"] - late["low"])[at] for at in (1000, 8000)}
    assert width[1000] < 1 < width[8000]


def test_half_and_half_with_tame_amounts_a_true_effect_is_found_as_often_as_before() -> None:
    """An effect that one look at the end finds 9 times in 10. The normal sequence: in 73.5 % of these."""
    random = np.random.default_rng(0)
    effect = (norm.ppf(0.975) + norm.ppf(0.9)) * 2 / np.sqrt(4000)
    found = 0
    for _ in range(200):
        treated = random.random(4000) < 0.5
        watched = sequential.watch(random.normal(size=4000) + effect * treated, treated, 4000)
        found += sequential.first_alarm(watched) is not None
    assert found / 200 > 0.7


def test_outcomes_that_are_all_the_same_are_refused() -> None:
    with pytest.raises(NotEnoughData, match="All outcomes are the same"):
        sequential.watch(np.zeros(600), np.arange(600) % 2 == 0)


def test_a_planned_size_without_a_first_look_is_refused() -> None:
    with pytest.raises(UsageError, match="planned number of customers is 50"):
        sequential.watch(amounts(600), np.arange(600) % 2 == 0, 50)


def test_too_few_customers_are_refused() -> None:
    with pytest.raises(NotEnoughData, match="An arm has 10 customers"):
        sequential.watch(amounts(300), np.arange(300) < 10)
    with pytest.raises(UsageError, match="400 or more"):
        sequential.false_alarms(amounts(300), customers=100)


def test_the_price_of_peeking_is_a_known_share_of_width() -> None:
    ratio = sequential.reach(np.array([2000.0]), 2000)[0] / norm.ppf(0.975)
    assert 1.3 < ratio < 1.6


def reading(days: int) -> SimpleNamespace:
    """A test of 600 customers who were assigned over so many days; all outcomes of the control are 1."""
    customers = pd.DataFrame({"variant": np.where(np.arange(600) % 3 > 0, "offer", "control")})
    customers["date"] = pd.Timestamp("2025-01-01") + pd.to_timedelta(np.arange(600)[::-1] % days, unit="D")
    outcomes = customers.assign(value=np.where(customers["variant"] == "offer", np.arange(600.0), 1.0))
    test = Trial("x", "control", ("offer",), customers, 30, True, pd.DataFrame())
    return SimpleNamespace(trial=test, outcomes=outcomes)


def test_the_test_that_took_longest_to_fill_is_watched_in_the_order_of_assignment() -> None:
    name, watched = sequential.watch_a_test({"at once": reading(1), "slowly": reading(600)})
    assert name == "slowly"
    assert watched["difference"].iloc[0] > watched["difference"].iloc[-1]  # the last assigned come last
    with pytest.raises(NotEnoughData, match="assigned on one day"):
        sequential.watch_a_test({"at once": reading(1)})


def test_tests_without_an_effect_are_drawn_from_the_control_arm() -> None:
    assert (sequential.pool({"a": reading(1)}) == 1).all()
    with pytest.raises(NotEnoughData, match="no 100 customers"):
        sequential.false_alarms(None)
