import numpy as np
import pandas as pd
import pytest
from scipy.stats import ttest_ind
from statsmodels.stats.meta_analysis import combine_effects

from clvlib.causes import contrast, uplift
from clvlib.causes.trial import Trial
from clvlib.errors import NotEnoughData


def simulate(n: int = 2000, seed: int = 0, extra: float = 0.0) -> tuple[pd.DataFrame, Trial, pd.DataFrame]:
    """Skewed amounts that depend on what was known; the treatment adds `extra` for customers with 4 orders or more."""
    random = np.random.default_rng(seed)
    people = pd.Index([f"c{i:04}" for i in range(n)], name="customer_id")
    variant = random.choice(["control", "voucher"], n)
    orders = random.poisson(3, n)
    before = pd.DataFrame({"orders": orders, "region": random.choice(list("nswe"), n)}, index=people)
    amounts = np.where(random.random(n) < 0.4, random.lognormal(3, 0.8, n), 0.0) * (1 + 0.1 * orders)
    amounts += np.where((variant == "voucher") & (orders >= 4), extra, 0.0)
    outcomes = pd.DataFrame({"variant": variant, "value": amounts}, index=people)
    test = Trial("winback", "control", ("voucher",), outcomes[["variant"]], 100, True, pd.DataFrame())
    return outcomes, test, before


def coefficient(seed: int, extra: float = 0.0) -> uplift.Qini:
    outcomes, test, before = simulate(1200, seed, extra)
    ranks = uplift.uplift_scores(outcomes, test, "voucher", before, "value")["rank"]
    return uplift.qini(outcomes, test, "voucher", ranks, "value")


def test_groups_part_numbers_in_three_and_texts_as_they_are() -> None:
    _, _, before = simulate()
    before["silent"] = before["orders"].where(before["orders"] > 0).astype(float)
    ways = uplift.groupings(before.assign(name=before.index))
    assert set(ways) == {"orders", "region", "silent"}
    assert ways["orders"].nunique() == 3
    assert set(ways.loc[before["orders"] == 0, "silent"]) == {"none"}
    assert set(ways.loc[before["orders"] <= 2, "orders"]) == {"up to 2"}


def test_a_number_of_few_values_is_parted_by_value() -> None:
    column = pd.Series([0, 1, 1, np.nan, 0], index=list("abcde"), dtype=float)
    assert uplift.groupings(column.to_frame("woman"))["woman"].tolist() == ["0", "1", "1", "none", "0"]
    assert uplift.groupings(column.eq(1).to_frame("woman"))["woman"].tolist() == ["0", "1", "1", "0", "0"]


def test_the_effect_in_a_group_is_that_of_welch() -> None:
    outcomes, test, before = simulate()
    table = uplift.effect_by_group(outcomes, test, before["region"], "value")
    north = outcomes[before["region"] == "n"]
    one, other = (north.loc[north["variant"] == arm, "value"] for arm in ("voucher", "control"))
    theirs = ttest_ind(one, other, equal_var=False).confidence_interval()
    low, high = table.loc[("voucher", "n"), ["low", "high"]]  # as wide as Welch's or, for few customers, wider
    assert theirs.low - 0.4 < low <= theirs.low
    assert theirs.high <= high < theirs.high + 0.4
    assert table["customers"].sum() == len(outcomes)


def test_groups_too_small_to_compare_are_left_out() -> None:
    outcomes, test, before = simulate()
    rare = before["region"].mask(np.arange(len(before)) < 12, "island")
    assert "island" not in uplift.effect_by_group(outcomes, test, rare, "value").index.get_level_values("group")
    with pytest.raises(NotEnoughData, match="has 25 customers in each arm"):
        uplift.effect_by_group(outcomes.head(60), test, before["region"].head(60), "value")


def test_a_true_difference_between_groups_is_found_and_the_cause_comes_first() -> None:
    outcomes, test, before = simulate(4000, extra=25)
    found = uplift.effects_differ(outcomes, test, uplift.groupings(before), "value")
    assert found.index[0] == ("voucher", "orders")
    assert found["p_holm"].iloc[0] < 0.01 < found["p_holm"].iloc[1]


def test_cochrans_test_is_that_of_statsmodels() -> None:
    outcomes, test, before = simulate()
    groups = uplift.effect_by_group(outcomes, test, before["region"], "value")
    theirs = combine_effects(groups["difference"].to_numpy(), groups["error"].to_numpy() ** 2).test_homogeneity()
    found = uplift.effects_differ(outcomes, test, uplift.groupings(before[["region"]]), "value").iloc[0]
    assert found["groups"] == 4
    q = contrast.cochran(groups["difference"].to_numpy(), groups["error"].to_numpy())
    assert q == pytest.approx(theirs.statistic)
    assert theirs.pvalue <= found["p"] < theirs.pvalue + 0.05  # amounts are skewed a little, so never surer than theirs


def test_groups_whose_money_one_arm_holds_do_not_count() -> None:
    random = np.random.default_rng(0)
    people = pd.RangeIndex(1000)
    variant = np.where(people % 2, "voucher", "control")
    parts = pd.Series(np.where(people < 400, "n", np.where(people < 800, "s", "w")), index=people, name="region")
    buys = (random.random(1000) < 0.3) & ((variant == "voucher") | (parts != "w"))
    outcomes = pd.DataFrame({"variant": variant, "value": random.lognormal(0, 1, 1000) * buys}, index=people)
    test = Trial("x", "control", ("voucher",), outcomes[["variant"]], 100, True, pd.DataFrame())
    assert uplift.effects_differ(outcomes, test, parts.to_frame(), "value")["groups"].tolist() == [2]
    with pytest.raises(NotEnoughData, match="customers or more in that arm"):
        uplift.effect_by_group(outcomes, test, parts[parts == "w"], "value")


def test_a_ranking_of_money_that_one_arm_holds_is_not_enough() -> None:
    random = np.random.default_rng(0)
    people = pd.RangeIndex(400)
    variant = np.where(people < 200, "control", "voucher")
    value = random.lognormal(0, 2, 400) * ((people >= 200) & (random.random(400) < 0.3))
    outcomes = pd.DataFrame({"variant": variant, "value": value}, index=people)
    test = Trial("x", "control", ("voucher",), outcomes[["variant"]], 100, True, pd.DataFrame())
    ranks = (outcomes["value"].rank(ascending=False) - 0.5) / 400
    with pytest.raises(NotEnoughData, match="customers or more in that arm"):
        uplift.qini(outcomes, test, "voucher", ranks, "value")


@pytest.mark.proof
def test_equal_effects_look_different_as_rarely_as_the_level_says() -> None:
    found = []
    for seed in range(80):
        outcomes, test, before = simulate(1000, seed)
        found.append(uplift.effects_differ(outcomes, test, uplift.groupings(before[["region"]]), "value")["p"].iloc[0])
    assert np.mean(np.array(found) < 0.05) <= 0.1


def test_a_customer_is_never_ranked_by_models_that_saw_their_outcome_or_a_later_part() -> None:
    outcomes, test, before = simulate()
    scores = uplift.uplift_scores(outcomes, test, "voucher", before, "value")
    assert len(scores) == pytest.approx(0.8 * len(outcomes), abs=3)
    who = scores.index[5]
    changed = outcomes.copy()
    changed.loc[who, "value"] += 1000
    again = uplift.uplift_scores(changed, test, "voucher", before, "value")
    assert again.loc[who, "uplift"] == scores.loc[who, "uplift"]


def test_where_all_gain_the_same_the_ranking_is_rarely_called_useful() -> None:
    found = [coefficient(seed) for seed in range(60)]
    assert np.mean([qini.low > 0 for qini in found]) <= 0.1
    assert abs(np.mean([qini.coefficient for qini in found])) < 0.5


def test_where_some_gain_the_ranking_finds_them() -> None:
    found = coefficient(1, extra=30)
    assert found.low > 0
    assert found.curve.loc[0.5, "by rank"] > 1.3 * found.curve.loc[0.5, "at random"]


def test_the_curve_starts_at_nothing_and_ends_at_the_effect_on_all() -> None:
    outcomes, test, before = simulate(extra=10)
    scores = uplift.uplift_scores(outcomes, test, "voucher", before, "value")
    found = uplift.qini(outcomes, test, "voucher", scores["rank"], "value")
    two = outcomes.loc[scores.index].groupby("variant")["value"].mean()
    assert found.curve.iloc[0].tolist() == [0, 0]
    np.testing.assert_allclose(found.curve.iloc[-1], two["voucher"] - two["control"])


def test_the_coefficient_is_the_area_between_the_curves() -> None:
    outcomes, test, before = simulate(extra=20)
    ranks = uplift.uplift_scores(outcomes, test, "voucher", before, "value")["rank"]
    found = uplift.qini(outcomes, test, "voucher", ranks, "value")
    gap = found.curve["by rank"] - found.curve["at random"]
    assert np.trapezoid(gap, gap.index) == pytest.approx(found.coefficient, rel=0.05)


def test_the_interval_of_the_coefficient_is_that_of_a_bootstrap() -> None:
    """Of the coefficient as it is defined: the mean of each customer's own effect × (1/2 − rank)."""
    outcomes, test, before = simulate(extra=20)
    ranks = uplift.uplift_scores(outcomes, test, "voucher", before, "value")["rank"]
    found = uplift.qini(outcomes, test, "voucher", ranks, "value")
    two = outcomes.loc[ranks.index]
    value, treated, reach = two["value"].to_numpy(), two["variant"].eq("voucher").to_numpy(), 0.5 - ranks.to_numpy()

    def coefficient(drawn: np.ndarray) -> float:
        v, t, r = value[drawn], treated[drawn], reach[drawn]
        with_it, without = v[t].mean(), v[~t].mean()
        own = with_it - without + np.where(t, (v - with_it) / t.mean(), (without - v) / (1 - t.mean()))
        return float((own * r).mean())

    n, random = len(two), np.random.default_rng(0)
    assert found.coefficient == pytest.approx(coefficient(np.arange(n)), rel=0.01)
    draws = [coefficient(random.integers(0, n, n)) for _ in range(600)]
    assert (found.high - found.low) / 2 / 1.96 == pytest.approx(np.std(draws), rel=0.1)


def test_where_one_in_ten_buys_a_ranking_is_judged_and_not_refused() -> None:
    answered = 0
    for seed in range(20):
        random = np.random.default_rng(seed)
        past = random.lognormal(-0.5, 1.0, 2000)
        value = past * random.lognormal(-0.845, 1.3, 2000) * (random.random(2000) < 0.1)
        variant = np.where(random.random(2000) < 0.1, "control", "voucher")
        outcomes = pd.DataFrame({"variant": variant, "value": value})
        test = Trial("winback", "control", ("voucher",), outcomes[["variant"]], 100, True, pd.DataFrame())
        ranks = (pd.Series(-past).rank() - 0.5) / len(past)
        try:
            answered += np.isfinite(uplift.qini(outcomes, test, "voucher", ranks, "value").high)
        except NotEnoughData:
            continue
    assert answered >= 18


def test_nothing_known_or_too_few_customers_are_refused() -> None:
    outcomes, test, before = simulate(150)
    with pytest.raises(NotEnoughData, match="100 customers in each arm"):
        uplift.uplift_scores(outcomes, test, "voucher", before, "value")
    with pytest.raises(NotEnoughData, match="0 column"):
        uplift.uplift_scores(simulate()[0], test, "voucher", pd.DataFrame(index=simulate()[0].index), "value")
