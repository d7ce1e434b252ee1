import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clvlib.causes import causal
from clvlib.causes.causal import CrossFit, NoOverlap
from clvlib.errors import CannotAnswer, NotEnoughData

EFFECT = {"a": 4.0, "b": 10.0}


def confounded(n: int = 1500, seed: int = 0) -> tuple[pd.DataFrame, pd.Series, pd.Series, pd.Series]:
    """Features, treatment, outcome and true effect: large customers of group b are treated more often."""
    random = np.random.default_rng(seed)
    index = pd.Index([f"c{i:05}" for i in range(n)], name="customer_id")
    size = pd.Series(random.gamma(1.5, 4.0, n), index)
    group = pd.Series(random.choice(["a", "b"], n), index, name="group")
    noise = pd.Series(random.normal(size=n), index, name="noise")
    score = -2.2 + 0.8 * np.log1p(size) + 0.7 * (group == "b")
    treated = pd.Series(random.random(n) < 1 / (1 + np.exp(-score)), index)
    effect = group.map(EFFECT)
    outcome = 3 * size + effect * treated + random.normal(0, 6, n) * np.sqrt(1 + size)
    return pd.DataFrame({"size": size, "group": group, "noise": noise}), treated, outcome, effect


@pytest.fixture(scope="module")
def found() -> CrossFit:
    return causal.cross_fit(*confounded()[:3])


# The estimate


def test_the_adjusted_interval_holds_the_truth_that_the_plain_one_misses(found: CrossFit) -> None:
    *_, effect = confounded()
    everybody = causal.effect(found)
    assert everybody.low < effect.mean() < everybody.high
    assert everybody.naive_low > effect.mean()
    assert everybody.estimate == pytest.approx(effect.mean(), abs=2)


def test_the_effect_on_the_treated_is_theirs(found: CrossFit) -> None:
    _, treated, _, effect = confounded()
    on_treated = causal.effect(found, "treated")
    assert on_treated.low < effect[treated].mean() < on_treated.high
    assert on_treated.without + on_treated.estimate == pytest.approx(found.outcome[found.treated].mean())


def test_the_95_percent_interval_covers_as_often_as_it_says() -> None:
    covered = []
    for seed in range(100):
        features, treated, outcome, effect = confounded(600, seed)
        estimate = causal.effect(causal.cross_fit(features, treated, outcome, splits=1))
        covered.append(estimate.low <= effect.mean() <= estimate.high)
    assert 0.89 <= np.mean(covered) <= 0.99


def known_models(without: np.ndarray, with_it: np.ndarray, propensity: np.ndarray) -> CrossFit:
    features, treated, outcome, _ = confounded(20_000)
    rows = [np.broadcast_to(values, (1, len(features))) for values in (propensity, without, with_it)]
    given_, y = treated.to_numpy(), outcome.to_numpy()
    return CrossFit(features.index, given_, y, *rows, inputs=causal.design(features))


def test_it_is_right_when_either_model_is() -> None:
    features, treated, _, effect = confounded(20_000)
    score = -2.2 + 0.8 * np.log1p(features["size"]) + 0.7 * (features["group"] == "b")
    right, wrong = (1 / (1 + np.exp(-score))).to_numpy(), np.full(len(features), treated.mean())
    base = 3 * features["size"].to_numpy()
    nothing = np.zeros(len(features))
    assert causal.effect(known_models(nothing, nothing, right)).estimate == pytest.approx(effect.mean(), abs=1)
    assert causal.effect(known_models(base, base + effect.to_numpy(), wrong)).estimate == pytest.approx(
        effect.mean(), abs=1
    )
    assert abs(causal.effect(known_models(nothing, nothing, wrong)).estimate - effect.mean()) > 3


def test_the_score_is_the_one_written_down_customer_by_customer(found: CrossFit) -> None:
    slow = []
    for split in range(len(found.propensity)):
        total = 0.0
        for i, (d, y) in enumerate(zip(found.treated, found.outcome, strict=True)):
            m1, m0, e = found.with_it[split, i], found.without[split, i], found.propensity[split, i]
            total += m1 - m0 + (d * (y - m1) / e) - ((1 - d) * (y - m0) / (1 - e))
        slow.append(total / len(found.outcome))
    assert causal.effect(found).estimate == pytest.approx(float(np.median(slow)), rel=1e-9)


def test_nobody_is_judged_by_a_model_that_saw_them() -> None:
    features, treated, outcome, _ = confounded(400)
    wild = outcome.copy()
    wild.iloc[7] = 1e6
    one, other = (causal.cross_fit(features, treated, y, splits=1) for y in (outcome, wild))
    guess = "with_it" if treated.iloc[7] else "without"
    assert getattr(one, guess)[0, 7] == pytest.approx(getattr(other, guess)[0, 7])


@settings(max_examples=6, deadline=None)
@given(st.floats(0.01, 500), st.floats(-1000, 1000), st.integers(0, 99))
def test_another_currency_scales_the_effect_and_a_shift_or_another_order_changes_nothing(
    k: float, shift: float, seed: int
) -> None:
    features, treated, outcome, _ = confounded(300)
    order = np.random.default_rng(seed).permutation(len(features))
    first = causal.effect(causal.cross_fit(features, treated, outcome, splits=1))
    again = causal.effect(causal.cross_fit(features.iloc[order], treated, k * outcome + shift, splits=1))
    assert again.estimate == pytest.approx(k * first.estimate, rel=1e-6)
    assert again.se == pytest.approx(k * first.se, rel=1e-6)


def test_the_standard_error_on_the_treated_is_the_one_written_down_customer_by_customer() -> None:
    found = causal.cross_fit(*confounded()[:3], splits=1)
    on_treated = causal.effect(found, "treated")
    share, total = found.treated.mean(), 0.0
    for i, (d, y) in enumerate(zip(found.treated, found.outcome, strict=True)):
        m0, e = found.without[0, i], found.propensity[0, i]
        score = (d - (1 - d) * e / (1 - e)) * (y - m0) - d * on_treated.estimate  # Chernozhukov et al. 2018, (5.4)
        total += score**2 / share**2
    assert on_treated.se == pytest.approx(np.sqrt(total) / len(found.outcome), rel=1e-9)


def test_splits_that_disagree_widen_the_interval(found: CrossFit) -> None:
    guesses = {"propensity": 0.8 * found.propensity, "with_it": found.with_it + np.array([[-20], [0], [20]])}
    unlike = CrossFit(**{**vars(found), **guesses})
    e, d, y = unlike.propensity, unlike.treated, unlike.outcome
    mu = np.where(d, unlike.with_it, unlike.without)
    scores = unlike.with_it - unlike.without + (y - mu) * np.where(d, 1 / e, -1 / (1 - e))
    thetas, variances = scores.mean(axis=1), scores.var(axis=1) / len(y)
    by_hand = np.median(variances + (thetas - np.median(thetas)) ** 2)  # Chernozhukov et al. 2018, (3.14)
    assert causal.effect(unlike).se == pytest.approx(np.sqrt(by_hand), rel=1e-9)
    assert by_hand > 1.1 * np.median(variances)


# Groups


def test_effects_by_group_are_recovered_and_differ(found: CrossFit) -> None:
    by = causal.effect_by(found, confounded()[0]["group"])
    for name, truth in EFFECT.items():
        assert by.loc[name, "low"] < truth < by.loc[name, "high"]
    assert by["customers"].sum() == len(found.index)
    assert causal.differ(by) < 0.05


def test_a_group_too_small_for_an_estimate_has_its_count_only(found: CrossFit) -> None:
    rare = pd.Series("many", found.index, name="split")
    rare.iloc[:20] = "few"
    by = causal.effect_by(found, rare)
    assert by.loc["few", "customers"] == 20
    assert np.isnan(by.loc["few", "estimate"])
    assert np.isnan(causal.differ(by))


def test_a_group_without_overlap_has_its_count_only_though_all_together_overlap() -> None:
    random, n = np.random.default_rng(1), 3000
    index = pd.Index([f"c{i:05}" for i in range(n)], name="customer_id")
    group = pd.Series(np.where(np.arange(n) < 100, "decided", "free"), index, name="group")
    x = pd.Series(random.normal(size=n), index)
    chance = np.where(group == "free", 0.4, np.where(x > 0, 0.999, 0.001))
    treated = pd.Series(random.random(n) < chance, index)
    outcome = 5 * x + 20 * ((group == "decided") & (x > 0)) + random.normal(size=n)  # no effect at all
    found = causal.cross_fit(pd.DataFrame({"x": x, "group": group}), treated, outcome)
    assert abs(causal.effect(found).estimate) < 2
    by = causal.effect_by(found, group)
    assert by.loc["decided", "treated"] == treated[group == "decided"].sum() >= 25
    assert by.loc["decided", ["estimate", "low", "naive"]].isna().all()
    assert by.loc["free", "low"] < 0 < by.loc["free", "high"]


def test_a_group_whose_weights_rest_on_a_few_customers_has_its_count_only() -> None:
    features, treated, outcome, _ = confounded()
    found = causal.cross_fit(features, treated, outcome, splits=1)
    half = pd.Series(np.where(np.arange(1500) < 300, "one", "other"), found.index, name="half")
    e = np.full((1, 1500), 0.5)
    e[0, np.flatnonzero(found.treated[:300])[:6]] = 0.012
    alike = np.zeros((1500, 1))
    by = causal.effect_by(CrossFit(**{**vars(found), "propensity": e, "inputs": alike}), half)
    assert by["estimate"].isna().to_dict() == {"one": True, "other": False}


def test_a_group_of_whom_many_had_no_real_chance_has_its_count_only() -> None:
    found = causal.cross_fit(*confounded(600)[:3], splits=1)
    half = pd.Series(np.where(np.arange(600) < 300, "one", "other"), found.index, name="half")
    e = np.full((1, 600), 0.5)
    e[0, np.flatnonzero(~found.treated[:300])[:20]] = causal.EDGE
    by = causal.effect_by(CrossFit(**{**vars(found), "propensity": e, "inputs": np.zeros((600, 1))}), half)
    assert by["estimate"].isna().to_dict() == {"one": True, "other": False}


def test_cochrans_q_of_two_and_of_three_groups_is_that_worked_out_by_hand() -> None:
    two = pd.DataFrame({"estimate": [0.0, 3.841459**0.5 * 5], "se": [3.0, 4.0]})  # Q = gap² / (3² + 4²)
    assert causal.differ(two) == pytest.approx(0.05, rel=1e-5)
    three = pd.DataFrame({"estimate": [1.0, 3.0, 5.0, np.nan], "se": [1.0, 1.0, 1.0, np.nan]})  # Q = 4 + 0 + 4
    assert causal.differ(three) == pytest.approx(np.exp(-4), rel=1e-9)  # with 2 degrees of freedom exp(−Q / 2)


def test_groups_come_in_the_order_of_their_categories(found: CrossFit) -> None:
    bands = pd.Series(pd.Categorical(np.where(np.arange(len(found.index)) % 2, "10+", "2"), ["2", "10+"]), found.index)
    assert list(causal.effect_by(found, bands).index) == ["2", "10+"]


# Refusals


def test_without_overlap_it_refuses() -> None:
    features, _, outcome, _ = confounded(600)
    decided = features["size"] > features["size"].median()
    found = causal.cross_fit(features, decided, outcome, splits=1)
    for target in ("all", "treated"):
        with pytest.raises(NoOverlap, match="too unlike"):
            causal.effect(found, target)  # type: ignore[arg-type]
    with pytest.raises(CannotAnswer):
        causal.effect_by(found, features["group"])


def test_each_effect_is_answered_or_refused_on_its_own() -> None:
    random, n = np.random.default_rng(5), 3000
    x = pd.Series(random.normal(size=n), [f"c{i:05}" for i in range(n)], name="x")
    treated = pd.Series(
        random.random(n) < 1 / (1 + np.exp(-(3 * x - 5.0).clip(upper=0))), x.index
    )  # few, and never at low x
    outcome = 4 * x + 7 * treated + random.normal(size=n)
    found = causal.cross_fit(x.to_frame(), treated, outcome)
    with pytest.raises(NoOverlap):
        causal.effect(found)
    given = causal.answers(found)
    assert list(given) == ["treated"]
    assert given["treated"].low < 7 < given["treated"].high


def test_no_answer_at_all_is_a_refusal() -> None:
    features, _, outcome, _ = confounded(600)
    with pytest.raises(NoOverlap, match="too unlike"):
        causal.answers(causal.cross_fit(features, features["size"] > features["size"].median(), outcome, splits=1))


def test_a_handful_of_treated_customers_is_not_enough() -> None:
    features, _, outcome, _ = confounded(300)
    few = pd.Series(np.arange(300) < 24, features.index)
    with pytest.raises(NotEnoughData, match="24 customers to look at who did, and 276"):
        causal.cross_fit(features, few, outcome)


# Diagnostics


def test_weighting_makes_the_groups_alike(found: CrossFit) -> None:
    apart = causal.balance(confounded()[0], found).abs()
    assert apart.loc["size", "before"] > 0.4
    assert apart["after"].max() < 0.1
    assert {"group: a", "group: b", "noise"} <= set(apart.index)


def test_a_standardised_difference_is_the_gap_of_means_over_the_pooled_deviation(found: CrossFit) -> None:
    features, treated, *_ = confounded()
    one, other = features.loc[treated, "size"], features.loc[~treated, "size"]
    by_hand = (one.mean() - other.mean()) / np.sqrt((one.var(ddof=0) + other.var(ddof=0)) / 2)
    assert causal.balance(features, found).loc["size", "before"] == pytest.approx(by_hand)


def test_propensities_of_each_group_add_up_and_equal_weights_are_worth_everybody(found: CrossFit) -> None:
    assert causal.propensities(found).sum().tolist() == pytest.approx([1, 1])
    assert causal.worth(found, "treated")["treated"] == pytest.approx(found.treated.sum())
    assert (causal.worth(found) <= [found.treated.sum(), (~found.treated).sum()]).all()


# The columns that the models see


def test_missing_numbers_are_told_apart_and_constants_left_out() -> None:
    features = pd.DataFrame({"x": [1.0, np.nan, 3.0, 4.0], "same": 1.0, "text": ["a", "b", "a", "c"]})
    inputs = causal.design(features)
    assert inputs.shape == (4, 4)
    assert np.isfinite(inputs).all()
    assert causal.design(features[["same"]]).shape == (4, 1)
