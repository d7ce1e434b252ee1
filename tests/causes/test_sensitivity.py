import numpy as np
import pandas as pd
import pytest

from clvlib.causes import causal, sensitivity
from clvlib.causes.causal import CrossFit
from tests.causes.test_causal import confounded


@pytest.fixture(scope="module")
def found() -> CrossFit:
    return causal.cross_fit(*confounded()[:3])


def test_the_robustness_value_is_where_the_largest_bias_meets_the_estimate() -> None:
    found = causal.cross_fit(*confounded()[:3], splits=1)
    value = sensitivity.robustness(found)
    w = causal.weights(found)[0]
    sigma2 = np.mean((found.outcome - np.where(found.treated, found.with_it[0], found.without[0])) ** 2)
    nu2 = np.mean(2 * (1 / found.propensity[0] + 1 / (1 - found.propensity[0])) - w**2)
    f2 = causal.effect(found).estimate ** 2 / (sigma2 * nu2)  # Cinelli & Hazlett 2020, equation (19)
    assert value["estimate"] == pytest.approx((np.sqrt(f2**2 + 4 * f2) - f2) / 2, rel=1e-6)
    assert 0 < value["interval"] < value["estimate"]


def test_the_robustness_of_the_interval_counts_the_noise_of_the_bias_too() -> None:
    found = causal.cross_fit(*confounded(600)[:3], splits=1)
    strength = sensitivity.robustness(found)["interval"]
    e, d, y, n = found.propensity[0], found.treated, found.outcome, len(found.outcome)
    mu, w = np.where(d, found.with_it[0], found.without[0]), np.where(d, 1 / e, -1 / (1 - e))
    score = found.with_it[0] - found.without[0] + w * (y - mu)
    noise, size = (y - mu) ** 2, 2 * (1 / e + 1 / (1 - e)) - w**2

    def left_out(values: np.ndarray) -> np.ndarray:
        return (values.sum() - values) / (n - 1)

    factor = strength / np.sqrt(1 - strength)
    bound = abs(score.mean()) - factor * np.sqrt(noise.mean() * size.mean())
    jackknife = abs(left_out(score)) - factor * np.sqrt(left_out(noise) * left_out(size))
    se = np.sqrt((n - 1) / n * ((jackknife - jackknife.mean()) ** 2).sum())
    assert bound == pytest.approx(1.959964 * se, rel=0.005)
    assert bound != pytest.approx(1.959964 * score.std() / np.sqrt(n), rel=0.01)


def test_an_interval_that_holds_zero_is_not_robust_at_all() -> None:
    features, treated, outcome, _ = confounded(400)
    noise = pd.Series(np.random.default_rng(0).normal(size=400), outcome.index)
    assert sensitivity.robustness(causal.cross_fit(features, treated, noise))["interval"] == 0


def test_few_customers_with_small_chances_still_have_a_robustness_value() -> None:
    features, _, outcome, _ = confounded(300)
    rare = pd.Series(np.random.default_rng(3).random(300) < 0.2, features.index)
    found = causal.cross_fit(features, rare, outcome + 40 * rare, splits=1)
    unlucky = CrossFit(**{**vars(found), "propensity": np.where(found.treated, 0.05, 0.5)[None, :]})
    w, e = causal.weights(unlucky), unlucky.propensity
    assert (2 / e + 2 / (1 - e) - w**2).mean() < 0
    assert 0 < sensitivity.robustness(unlucky)["estimate"] < 1


def test_the_cause_of_both_is_strong_by_itself_even_when_another_column_tells_the_same(found: CrossFit) -> None:
    features = confounded()[0].assign(copy=lambda t: t["size"])
    known = sensitivity.strengths(found, features, {"size": ["size"], "copy": ["copy"], "noise": ["noise"]})
    assert known.loc["size", "strength"] == known.loc["copy", "strength"] > 0.1
    assert known.loc["noise", "strength"] < 0.01
    assert known["strength"].is_monotonic_decreasing


@pytest.mark.parametrize("target", ["all", "treated"])
def test_allowing_for_no_hidden_cause_is_the_plain_interval(found: CrossFit, target: causal.Target) -> None:
    plain = causal.effect(found, target)
    assert sensitivity.allowing(found, 0.0, 0.0, target) == pytest.approx((plain.low, plain.high), rel=0.02)


@pytest.mark.parametrize("target", ["all", "treated"])
def test_a_cause_as_strong_as_the_robustness_value_brings_the_interval_to_zero(
    found: CrossFit, target: causal.Target
) -> None:
    one = CrossFit(
        **{**vars(found), **{name: getattr(found, name)[:1] for name in ("propensity", "without", "with_it")}}
    )
    value = sensitivity.robustness(one, target)["interval"]
    low, high = sensitivity.allowing(one, value, value, target)
    assert low == pytest.approx(0, abs=1e-6)
    assert high > causal.effect(one, target).high


def test_a_hidden_cause_is_within_the_interval_that_allows_for_one_as_strong_as_it_is() -> None:
    features, treated, outcome, effect = confounded(3000)
    full = causal.cross_fit(features, treated, outcome)
    blind = causal.cross_fit(features[["group", "noise"]], treated, outcome)
    strength = sensitivity.strengths(full, features, {"size": ["size"]}).loc["size"]
    low, high = sensitivity.allowing(blind, strength["outcome"], strength["treatment"])
    assert causal.effect(blind).low > effect.mean()
    assert low < effect.mean() < high


def test_the_robustness_value_of_the_treated_is_where_the_largest_bias_meets_their_estimate() -> None:
    found = causal.cross_fit(*confounded()[:3], splits=1)
    value = sensitivity.robustness(found, "treated")["estimate"]
    e, d, p = found.propensity[0], found.treated, found.treated.mean()
    w = np.where(d, 1.0, e / (1 - e)) / p
    sigma2 = np.mean((found.outcome - np.where(d, found.with_it[0], found.without[0])) ** 2)
    nu2 = np.mean(2 * d / (1 - e) / p**2 - w**2)
    f2 = causal.effect(found, "treated").estimate ** 2 / (sigma2 * nu2)
    assert value == pytest.approx((np.sqrt(f2**2 + 4 * f2) - f2) / 2, rel=1e-6)
