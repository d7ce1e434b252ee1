import numpy as np
import pandas as pd
import pytest
import tea_tasting as tt
from scipy.stats import ttest_ind
from statsmodels.stats.proportion import confint_proportions_2indep

from clvlib.causes import contrast
from clvlib.errors import NotEnoughData


def columns(*arms):
    return [np.asarray(arm, dtype=float)[:, None] for arm in arms]


def one(treated, control, **asked):
    return contrast.contrasts(*columns(treated, control), **asked)[0]


def random(seed=0):
    return np.random.default_rng(seed)


def test_all_against_none_is_a_difference_of_100_points_with_a_width():
    found = one(np.ones(60), np.zeros(60), shares=[True])
    low, high = found.interval()
    assert found.difference == 1
    assert 0.9 < low < 0.95
    assert high == pytest.approx(1)
    assert found.p < 1e-6


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_where_all_or_none_bought_in_both_arms_the_interval_has_a_width(share):
    found = one(np.full(40, share), np.full(40, share), shares=[True])
    assert (found.difference, found.p) == (0, 1)
    low, high = found.interval()
    assert -0.15 < low < -0.05 < 0.05 < high < 0.15


def test_money_without_variance_is_told_like_a_share():
    low, high = one(np.full(60, 20.0), np.zeros(60)).interval()
    assert 18 < low < 19
    assert high == pytest.approx(20)
    low, high = one(np.full(60, 20.0), np.full(60, 20.0)).interval()
    assert -3 < low < 0 < high < 3


def test_an_arm_that_bought_nothing_does_not_look_sure_of_it():
    found = one(random().normal(20, 0.1, 30), np.zeros(30))
    low, high = found.interval()
    assert low < 18.5 < 19.8 < high  # Welch: 19.96 to 20.04


def test_where_nobody_has_anything_there_is_no_unit_to_measure_by():
    assert one(np.zeros(30), np.zeros(30)) is None


@pytest.mark.parametrize(("has", "of"), [((56, 48), (70, 80)), ((9, 3), (10, 10)), ((0, 0), (10, 20))])
def test_shares_have_newcombes_interval(has, of):
    arms = [np.arange(n) < k for k, n in zip(has, of, strict=True)]
    theirs = confint_proportions_2indep(has[0], of[0], has[1], of[1], compare="diff", method="newcomb")
    assert one(*arms, shares=[True]).interval() == pytest.approx(theirs, abs=1e-9)


def test_means_that_are_nearly_normal_have_welchs_interval_and_p():
    treated, control = random().normal(10.3, 2, 600), random(1).normal(10, 2, 900)
    found, theirs = one(treated, control), ttest_ind(treated, control, equal_var=False)
    ends = theirs.confidence_interval()
    assert found.interval() == pytest.approx((ends.low, ends.high), rel=0.03)
    assert found.p == pytest.approx(theirs.pvalue, rel=0.3)


def test_difference_and_error_are_those_of_tea_tasting():
    treated, control = random().lognormal(0, 1.3, 900), random(1).lognormal(0, 1.3, 100)
    data = pd.DataFrame({"variant": ["b"] * 900 + ["a"] * 100, "value": np.concatenate([treated, control])})
    theirs = tt.Experiment({"value": tt.Mean("value")}).analyze(data)["value"]
    found = one(treated, control)
    assert found.difference == pytest.approx(theirs.effect_size)
    low, high = found.interval()
    assert low <= theirs.effect_size_ci_lower + 1e-9
    assert high >= theirs.effect_size_ci_upper - 1e-9
    assert low < theirs.effect_size_ci_lower - 0.1 * found.error  # a small control that misses whales looks sure


def test_p_and_interval_agree_at_every_level():
    found = one(random(3).lognormal(0.1, 1, 400), random(4).lognormal(0, 1, 60))
    for level in (0.5, 0.8, 0.95, 0.99):
        low, high = found.interval(level)
        assert (found.p < 1 - level) == (low > 0 or high < 0)


def test_the_interval_scales_with_the_currency_and_turns_with_the_arms():
    treated, control = random(5).lognormal(0, 1, 300), random(6).lognormal(0, 1, 50)
    first = one(treated, control).interval()
    assert one(7 * treated, 7 * control).interval() == pytest.approx([7 * end for end in first])
    low, high = one(control, treated).interval()
    assert (-high, -low) == pytest.approx(first, rel=0.1)


def bought(n, buyers, seed=0, sigma=1.3):
    """Lognormal amounts of so many of n customers."""
    return np.concatenate([random(seed).lognormal(0, sigma, buyers), np.zeros(n - buyers)])


@pytest.mark.parametrize(
    ("treated", "control"),
    [
        (bought(1000, 20), np.zeros(1000)),
        (bought(1000, 20), bought(1000, 2, 1)),
        (bought(900, 50), np.zeros(100)),
        (bought(100, 8), bought(900, 9, 1)),
        (random(1).lognormal(-2, 2, 50), random(2).lognormal(-0.125, 0.5, 450)),
        (random(1).lognormal(-2, 2, 450), random(2).lognormal(-0.125, 0.5, 50)),
        (np.append(np.ones(44), np.full(6, 40.0)) + random(1).random(50), random(2).random(450) + 1),
        (-bought(1000, 20), np.zeros(1000)),
    ],
)
def test_large_amounts_of_one_arm_alone_are_not_enough(treated, control):
    for arms in ((treated, control), (control, treated)):
        found = one(*arms)
        assert isinstance(found, NotEnoughData)
        assert "customers or more in that arm" in found.mend


@pytest.mark.parametrize(
    ("treated", "control"),
    [
        (random(1).lognormal(0, 2, 450), random(2).lognormal(0, 2, 50)),  # alike
        (bought(450, 5), np.zeros(50)),  # chance alone could do it
        (random(1).normal(3, 1, 300), random(2).normal(0, 0.1, 300)),  # unlike, but even
        (bought(20_000, 9_000, sigma=0.5), np.zeros(20_000)),  # enough customers
        (np.append(np.full(60, 20.0), np.zeros(940)), np.zeros(1000)),  # counts say all
    ],
)
def test_amounts_that_chance_explains_or_that_are_even_are_told(treated, control):
    assert isinstance(one(treated, control), contrast.Contrast)
