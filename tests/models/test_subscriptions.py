import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clvlib.dataset import Dataset
from clvlib.errors import CannotAnswer, DataError, MissingTable, NotEnoughData, UsageError
from clvlib.ingest.subscribers import PERIODS
from clvlib.models import subscriptions
from clvlib.models.subscriptions import PUBLISHED, PUBLISHED_YEARS, ShiftedBetaGeometric

# Fader & Hardie 2007: fitted to seven years of survivors of 1,000 customers.
PAPER = {"Regular": (0.7041, 1.1820, -1680.27), "High-End": (0.6681, 3.8061, -1611.16)}


def model(alpha: float = 0.7041, beta: float = 1.1820) -> ShiftedBetaGeometric:
    return ShiftedBetaGeometric(alpha, beta, 0.0, (0.1, 0.1), 1000, 0.0)


def published(segment: str) -> pd.DataFrame:
    return subscriptions.cohort_table(PUBLISHED[segment].iloc[: PUBLISHED_YEARS + 1])


@pytest.mark.parametrize("segment", PAPER)
def test_parameters_and_likelihood_are_those_of_the_paper(segment: str) -> None:
    alpha, beta, log_likelihood = PAPER[segment]
    fitted = subscriptions.fit_sbg(published(segment))
    assert fitted.alpha == pytest.approx(alpha, abs=6e-5)
    assert fitted.beta == pytest.approx(beta, abs=6e-5)
    assert fitted.log_likelihood == pytest.approx(log_likelihood, abs=0.006)
    assert fitted.penalty == 0


def test_survivors_of_years_never_seen_are_within_two_points() -> None:
    for segment in PAPER:
        fitted = subscriptions.fit_sbg(published(segment))
        seen = PUBLISHED[segment] / 1000
        np.testing.assert_allclose(fitted.survival(PUBLISHED.index)[8:], seen[8:], atol=0.02)


def test_a_constant_churn_forecasts_too_few_survivors() -> None:
    for segment in PAPER:
        life = published(segment)
        table = subscriptions.curves(life, subscriptions.fit_sbg(life), subscriptions.constant_churn(life), 12)
        assert table["survival_constant"].iloc[12] < 0.85 * PUBLISHED[segment].iloc[12] / 1000


def test_survival_is_the_product_of_retentions() -> None:
    sbg = model()
    np.testing.assert_allclose(np.cumprod(sbg.retention(np.arange(1, 30))), sbg.survival(np.arange(1, 30)))


def test_the_model_is_a_mixture_of_constant_chances_to_leave() -> None:
    """Slow computation: average the geometric survival over many drawn chances."""
    chance = np.random.default_rng(0).beta(0.6681, 3.8061, 400_000)
    sbg = model(0.6681, 3.8061)
    for t in (1, 3, 10):
        assert np.mean((1 - chance) ** t) == pytest.approx(float(sbg.survival(t)), abs=0.002)


@pytest.mark.parametrize("rate", [0.02, 0.1, 0.5])
def test_lifetimes_are_the_discounted_sums_of_survival(rate: float) -> None:
    sbg, t = model(), np.arange(1_500)
    assert sbg.lifetime(rate) == pytest.approx((sbg.survival(t) / (1 + rate) ** t).sum(), rel=1e-6)
    for paid in (1, 4):
        left = sbg.survival(t + paid) / sbg.survival(paid - 1)
        assert sbg.residual_lifetime(rate, paid) == pytest.approx((left / (1 + rate) ** t).sum(), rel=1e-6)


@given(st.floats(0.05, 20), st.floats(0.05, 20), st.floats(0.01, 2))
@settings(max_examples=40, deadline=None)
def test_a_new_customer_pays_once_and_then_has_a_residual_lifetime(alpha: float, beta: float, rate: float) -> None:
    sbg = model(alpha, beta)
    later = float(sbg.residual_lifetime(rate, 1)) / (1 + rate)
    assert sbg.lifetime(rate) == pytest.approx(1 + later, rel=1e-6)


@given(st.floats(0.05, 20), st.floats(0.05, 20))
@settings(max_examples=40, deadline=None)
def test_retention_rises_and_so_does_what_is_still_to_come(alpha: float, beta: float) -> None:
    sbg, n = model(alpha, beta), np.arange(1, 40)
    assert (np.diff(sbg.retention(n)) > 0).all()
    assert (np.diff(sbg.residual_lifetime(0.1, n)) > 0).all()


def test_without_discount_a_lasting_core_never_ends() -> None:
    for endless in (lambda: model().lifetime(0.0), lambda: model().residual_lifetime(0.0, [1, 2])):
        with pytest.raises(CannotAnswer, match="has no end"):
            endless()
    assert model(3.0, 2.0).lifetime(0.0) == pytest.approx(1 + 2 / 2)


def simulate(n: int, alpha: float, beta: float, longest: int, seed: int) -> tuple[pd.Series, pd.Series]:
    """Customers who started at different times, and so were seen for different numbers of renewals."""
    random = np.random.default_rng(seed)
    leaves_at = random.geometric(random.beta(alpha, beta, n))
    seen = random.integers(1, longest + 1, n)
    return pd.Series(np.minimum(leaves_at, seen)), pd.Series(leaves_at <= seen)


def test_the_truth_is_recovered_from_customers_who_are_still_there() -> None:
    tenure, churned = simulate(30_000, 0.9, 3.0, 24, seed=1)
    fitted = subscriptions.fit_sbg(subscriptions.customer_table(tenure, churned))
    assert abs(fitted.alpha - 0.9) < 3 * fitted.standard_errors[0]
    assert abs(fitted.beta - 3.0) < 3 * fitted.standard_errors[1]
    assert fitted.standard_errors[0] < 0.1


def test_the_truth_is_recovered_where_only_the_last_period_is_known() -> None:
    random = np.random.default_rng(2)
    leaves_at = random.geometric(random.beta(0.9, 3.0, 200_000))
    started = random.integers(1, 25, 200_000)
    there = leaves_at >= started
    tenure, churned = pd.Series(started[there]), pd.Series(leaves_at[there] == started[there])
    fitted = subscriptions.fit_sbg(subscriptions.customer_table(tenure, churned, left="last"))
    assert repr(fitted).startswith(f"sBG on {len(tenure):,} renewals")  # each customer is seen at one
    assert abs(fitted.alpha - 0.9) < 3 * fitted.standard_errors[0]
    naive = subscriptions.fit_sbg(subscriptions.customer_table(tenure, churned, left="ever"))
    assert naive.survival(12) > 1.2 * fitted.survival(12)


def test_a_cohort_and_its_customers_one_by_one_give_the_same_table() -> None:
    life = published("Regular")
    tenure = np.repeat(life.index.to_numpy(), life["lost"])
    stayed = int(life["at_risk"].iloc[-1] - life["lost"].iloc[-1])
    rows = pd.Series(np.concatenate([tenure, np.full(stayed, life.index[-1])]))
    churned = pd.Series(np.arange(len(rows)) < len(tenure))
    pd.testing.assert_frame_equal(subscriptions.customer_table(rows, churned), life)


def test_with_one_churn_for_all_the_future_is_the_same_for_everybody() -> None:
    table = subscriptions.residual_lifetimes(model(), 0.2, 0.1, (1, 5, 50))
    assert table["by_constant_churn"].nunique() == 1
    assert table["by_constant_churn"].iloc[0] == pytest.approx(sum(0.8**t / 1.1 ** (t - 1) for t in range(1, 500)))


def test_the_value_of_a_base_adds_up_its_customers() -> None:
    staying = pd.Series([10, 4], index=[0, 2])  # renewals behind them: one more period is paid
    value = subscriptions.base_value(staying, model(), 0.2, 0.1)
    each = model().residual_lifetime(0.1, [1, 3])
    waiting = 1.1**-0.5  # the next payment is half a period away, on average
    assert value["by_model"] == pytest.approx((10 * each[0] + 4 * each[1]) * waiting)
    assert value["one_period"] == 14


def test_survivors_that_rise_are_refused_and_too_few_losses_too() -> None:
    with pytest.raises(DataError, match="never rise, first at row 3"):
        subscriptions.cohort_table(pd.Series([10, 8, 9]))
    with pytest.raises(NotEnoughData, match="9 customers lost"):
        subscriptions.fit_sbg(subscriptions.cohort_table(pd.Series([100, 97, 94, 91])))
    with pytest.raises(UsageError, match="left"):
        subscriptions.customer_table(pd.Series([1]), pd.Series([True]), left="often")


def test_customers_without_differences_converge_to_one_churn() -> None:
    random = np.random.default_rng(3)
    tenure = pd.Series(np.minimum(random.geometric(0.2, 5000), 10))
    life = subscriptions.customer_table(tenure, tenure < 10)
    fitted = subscriptions.fit_sbg(life)
    assert float(fitted.retention(1)) == pytest.approx(0.8, abs=0.05)
    assert float(fitted.retention(9)) == pytest.approx(0.8, abs=0.05)


def counted(rows: list[tuple[str, int, bool, int, float]]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=["plan", "tenure", "churned", "customers", "margin"])


def test_subscribers_counted_give_the_same_table_as_one_by_one() -> None:
    tenure, churned = simulate(2_000, 0.9, 3.0, 12, seed=4)
    sizes = pd.DataFrame({"tenure": tenure, "churned": churned}).value_counts().reset_index(name="customers")
    for left in ("ever", "last"):
        together = subscriptions.customer_table(sizes["tenure"], sizes["churned"], left, sizes["customers"])
        pd.testing.assert_frame_equal(together, subscriptions.customer_table(tenure, churned, left))


def test_those_still_there_are_counted_by_the_renewals_behind_them() -> None:
    rows = counted([("a", 0, False, 1, 2), ("a", 2, False, 3, 2), ("b", 2, False, 1, 5), ("a", 2, True, 9, 2)])
    there = subscriptions.staying(rows)
    assert there["customers"].to_dict() == {0: 1, 2: 4}
    assert there["margin"].to_dict() == {0: 2, 2: 11}


def plans() -> pd.DataFrame:
    """Two plans whose subscribers leave at different rates, and one too small to fit; two margins."""
    parts = []
    for plan, alpha, beta, margin, n in (("basic", 1.5, 3.0, 10.0, 4000), ("gold", 0.8, 8.0, 30.0, 2000)):
        tenure, churned = simulate(n, alpha, beta, 12, seed=5)
        part = (
            pd.DataFrame({"plan": plan, "tenure": tenure, "churned": churned})
            .value_counts()
            .reset_index(name="customers")
        )
        parts.append(part.assign(margin=margin))
    return pd.concat([*parts, counted([("tiny", 2, False, 3, 20.0)])], ignore_index=True)


def test_what_is_to_come_from_all_is_the_sum_of_the_plans() -> None:
    rows = plans()
    table = subscriptions.by_plan(rows, "ever", 0.01)
    assert table.index.tolist() == ["basic", "gold", "tiny", "all"]
    parts, whole = table.iloc[:-1], table.loc["all"]
    for column in ("to_come", "value_to_come"):
        assert whole[column] * whole["staying"] == pytest.approx((parts[column] * parts["staying"]).sum())
    assert table.loc["gold", "value"] == pytest.approx(table.loc["gold", "lifetime"] * 30)
    there = subscriptions.staying(rows).sum()
    assert whole["margin"] == pytest.approx(there["margin"] / there["customers"])
    assert np.isnan(table.loc["tiny", "lifetime"])  # shown as a dash; its future is that of all
    assert table.loc["tiny", "value_to_come"] == pytest.approx(table.loc["tiny", "to_come"] * 20)


def test_a_plan_keeps_its_own_future_among_others() -> None:
    rows = plans()
    alone = rows[rows["plan"] == "gold"]
    pooled = subscriptions.fit_sbg(subscriptions.life_table(rows))
    there = subscriptions.staying(alone)["customers"]
    own = subscriptions.by_plan(rows, "ever", 0.01).loc["gold"]
    assert own["to_come"] == pytest.approx(subscriptions.by_plan(alone, "ever", 0.01).loc["all", "to_come"])
    assert own["to_come"] * own["staying"] > 1.1 * subscriptions.base_value(there, pooled, 0.1, 0.01)["by_model"]


def test_without_a_margin_periods_are_told_and_no_money() -> None:
    rows = plans().assign(margin=np.nan)
    table = subscriptions.by_plan(rows, "ever", 0.01)
    assert table.loc["all", "to_come"] > 0
    assert not {"margin", "value", "value_within", "value_to_come"} & set(table)
    with pytest.raises(MissingTable, match="margin_per_period"):
        subscriptions.base_value(subscriptions.staying(rows)["margin"], model(), 0.2, 0.1)


def test_kinds_that_never_change_give_a_rising_retention_together() -> None:
    table = subscriptions.mixture([0.5, 0.5], [0.4, 0.1], 30)
    assert table["retention"].iloc[0] == pytest.approx(0.75)
    assert table["retention"].is_monotonic_increasing
    assert table["retention"].iloc[-1] == pytest.approx(0.9, abs=1e-3)
    np.testing.assert_allclose(table["kind 1"] + table["kind 2"], 1)


def test_a_forecast_from_the_first_years_is_nearer_than_a_constant_churn() -> None:
    for segment in PAPER:
        seen = subscriptions.judged(subscriptions.cohort_table(PUBLISHED[segment]), share=0.6)
        assert seen["learned"] == 7  # survival from there on, which the model has not seen
        assert seen["horizon"] == 12
        miss = {name: abs(seen[name] - seen["observed"]) for name in ("by_model", "by_constant_churn")}
        assert miss["by_model"] < 0.25 * miss["by_constant_churn"]


def test_the_error_of_what_was_observed_is_that_of_drawing_again() -> None:
    ends = []
    for seed in range(200):
        tenure, churned = simulate(800, 1.5, 8.0, 10, seed)
        ends.append(subscriptions.judged(subscriptions.customer_table(tenure, churned)))
    drawn = np.std([seen["observed"] for seen in ends])
    assert np.mean([seen["error"] for seen in ends]) == pytest.approx(drawn, rel=0.15)
    misses = [abs(seen["by_model"] - seen["observed"]) > 3 * seen["error"] for seen in ends]
    assert np.mean(misses) < 0.1  # the model is right here


def test_retention_that_only_seems_to_change_is_no_change() -> None:
    random = np.random.default_rng(6)
    changes = []
    for _ in range(200):
        tenure = pd.Series(np.minimum(random.geometric(0.1, 300), 12))
        changes.append(subscriptions.early_and_late(subscriptions.customer_table(tenure, tenure < 12))["change"])
    assert np.mean(np.abs(changes)) < 0.1
    assert subscriptions.early_and_late(published("Regular"))["change"] == 1
    fading = subscriptions.cohort_table(pd.Series([1000, 980, 950, 880, 700]))
    assert subscriptions.early_and_late(fading)["change"] == -1


def test_within_a_long_horizon_everything_is_to_come() -> None:
    rows = plans()
    table = subscriptions.by_plan(rows, "ever", 0.05, horizon=600)
    np.testing.assert_allclose(table["within"], table["to_come"], rtol=1e-3)
    np.testing.assert_allclose(table["value_within"], table["value_to_come"], rtol=1e-3)
    near = subscriptions.by_plan(rows, "ever", 0.05, horizon=1)
    model = subscriptions.fit_sbg(subscriptions.life_table(rows[rows["plan"] == "gold"]))
    there = subscriptions.staying(rows[rows["plan"] == "gold"])["customers"]
    once = (model.retention(there.index + 1) @ there.to_numpy(float)) / there.sum() * 1.05**-0.5
    assert near.loc["gold", "within"] == pytest.approx(once)


def test_without_a_table_the_message_says_how_to_give_one(demo: Dataset) -> None:
    with pytest.raises(MissingTable, match=r"\[subscriptions\].*tenure, churned.*period, survivors"):
        subscriptions.subscribers(demo)


def test_a_discount_rate_compounds_to_a_year() -> None:
    for periods in PERIODS.values():
        assert (1 + subscriptions.rate_per_period(0.1, periods)) ** periods == pytest.approx(1.1)
    with pytest.raises(UsageError):
        subscriptions.rate_per_period(0.1, 0)
