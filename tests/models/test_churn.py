import warnings
from dataclasses import replace
from pathlib import Path

import ibis
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clvlib import aggregate
from clvlib.errors import NotEnoughData, UsageError
from clvlib.files import KEPT
from clvlib.models import churn, ranking
from clvlib.models.backtest import auc
from clvlib.models.forecast import BetaGeo, ModifiedBetaGeo

START = pd.Timestamp("2023-01-01")
TRAIN, TEST, END = (START + pd.Timedelta(days=day) for day in (360, 480, 600))
WINDOW = 120


def simulate(customers: int, seed: int = 0) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Transactions of customers who buy at random until they leave, and what nobody can see of them."""
    random = np.random.default_rng(seed)
    born = random.integers(0, 330, customers)
    rate = random.gamma(1.2, 1 / 40, customers)
    life = random.exponential(1 / random.gamma(2.0, 1 / 500, customers))
    spend = random.lognormal(3, 0.5, customers)
    rows = []
    for i in range(customers):
        days = born[i] + np.concatenate([[0], np.cumsum(random.exponential(1 / rate[i], 120))])
        days = days[(days <= born[i] + life[i]) & (days <= 600)]
        rows.append(pd.DataFrame({"customer_id": f"c{i:05}", "day": days.astype(int), "amount": spend[i]}))
    tx = pd.concat(rows, ignore_index=True)
    tx["date"] = START + pd.to_timedelta(tx.pop("day"), unit="D")
    tx["amount"] = (tx["amount"] * random.lognormal(0, 0.2, len(tx))).round(2)
    hidden = pd.DataFrame({"rate": rate, "life": life, "born": born}, index=[f"c{i:05}" for i in range(customers)])
    return tx, hidden


def table(tx: pd.DataFrame) -> ibis.Table:
    return ibis.memtable(tx[["customer_id", "date", "amount"]])


@pytest.fixture(scope="module")
def shop() -> tuple[pd.DataFrame, pd.DataFrame]:
    return simulate(4000)


@pytest.fixture(scope="module")
def training(shop: tuple[pd.DataFrame, pd.DataFrame]) -> churn.Snapshot:
    return churn.snapshot(table(shop[0]), TRAIN, TEST)


@pytest.fixture(scope="module")
def test_period(shop: tuple[pd.DataFrame, pd.DataFrame]) -> churn.Snapshot:
    return churn.snapshot(table(shop[0]), TEST, END)


@pytest.fixture(scope="module", params=["logistic", "boosting"])
def model(request: pytest.FixtureRequest, training: churn.Snapshot) -> churn.ChurnModel:
    return churn.ChurnModel(request.param).fit(training)


def oracle(hidden: pd.DataFrame, life_rate: pd.Series) -> pd.Series:
    """Probability of no purchase in the window, for someone who sees who has left and everybody's rates."""
    rate, day = hidden["rate"], (TEST - START).days
    alive = hidden["born"] + hidden["life"] > day
    both = rate + life_rate
    return ((life_rate + rate * np.exp(-both * WINDOW)) / both).where(alive, 1.0)


# The label and the features


def test_a_purchase_on_the_as_of_day_is_known_and_one_on_the_last_day_counts() -> None:
    tx = pd.DataFrame(
        {
            "customer_id": ["a", "a", "b", "b", "c", "c"],
            "date": [START, TRAIN, START, TEST, START, TEST + pd.Timedelta(days=1)],
            "amount": 10.0,
        }
    )
    seen = churn.snapshot(table(tx), TRAIN, TEST)
    assert seen.features["frequency"].to_dict() == {"a": 1, "b": 0, "c": 0}
    assert seen.churned.to_dict() == {"a": True, "b": False, "c": True}
    assert seen.window_days == (TEST - TRAIN).days


def test_a_refund_after_the_as_of_date_is_not_a_return() -> None:
    tx = pd.DataFrame({"customer_id": "a", "date": [START, TRAIN + pd.Timedelta(days=9)], "amount": [10.0, -4.0]})
    seen = churn.snapshot(table(tx), TRAIN, TEST)
    assert seen.churned.to_dict() == {"a": True}
    assert seen.spend.to_dict() == {"a": 0.0}  # it belongs to the purchase before the window


def test_nothing_after_the_as_of_date_changes_a_feature(shop: tuple[pd.DataFrame, pd.DataFrame]) -> None:
    tx = shop[0].head(3000)
    future = tx["date"] > TRAIN
    changed = tx.assign(amount=tx["amount"].where(~future, tx["amount"] * -7))
    changed.loc[future, "customer_id"] = "somebody new"
    for other in (changed, tx[~future]):
        pd.testing.assert_frame_equal(
            churn.features_at(table(other), TRAIN), churn.features_at(table(tx), TRAIN), rtol=1e-9
        )


def test_a_model_learns_nothing_from_after_its_label_window(
    shop: tuple[pd.DataFrame, pd.DataFrame], training: churn.Snapshot, test_period: churn.Snapshot
) -> None:
    known = shop[0][shop[0]["date"] <= TEST]
    again = churn.ChurnModel().fit(churn.snapshot(table(known), TRAIN, TEST))
    first = churn.ChurnModel().fit(training)
    np.testing.assert_allclose(again.predict(test_period.features), first.predict(test_period.features), rtol=1e-6)


def test_counts_longer_than_the_history_before_training_are_not_used(training: churn.Snapshot) -> None:
    model = churn.ChurnModel().fit(training)
    assert "purchases_last_90" in model.columns_
    assert "purchases_last_180" not in model.columns_
    assert "T" not in model.columns_


def test_active_customers_are_those_not_silent_for_longer_than_the_window(
    test_period: churn.Snapshot,
) -> None:
    active = test_period.active()
    assert active.features["days_since_last_order"].max() == WINDOW
    gone = test_period.features.drop(active.features.index)
    assert gone["days_since_last_order"].min() == WINDOW + 1
    assert active.churned.index.equals(active.features.index)


# The models, against the truth


def test_nobody_beats_the_one_who_sees_who_has_left(
    shop: tuple[pd.DataFrame, pd.DataFrame], test_period: churn.Snapshot, model: churn.ChurnModel
) -> None:
    hidden = shop[1].reindex(test_period.features.index)
    scores = pd.DataFrame({"model": model.predict(test_period.features), "oracle": oracle(hidden, 1 / hidden["life"])})
    table = ranking.evaluate(test_period, scores)
    assert table.loc["oracle", "auc"] > table.loc["model", "auc"]
    assert table.loc["oracle", "brier"] < table.loc["model", "brier"]


def test_a_model_ranks_at_least_as_well_as_silence_alone(
    training: churn.Snapshot, test_period: churn.Snapshot, model: churn.ChurnModel
) -> None:
    scores = churn.rules_of_thumb(training, test_period.features)
    scores["model"] = model.predict(test_period.features)
    for period in (test_period, test_period.active()):
        found = ranking.evaluate(period, scores)["auc"]
        assert found["model"] > found["silence"] - 0.005
        assert found["model"] > found["silence_limit"]
    assert ranking.evaluate(test_period, scores).loc["model", "auc"] > 0.75


def test_probabilities_hold_for_other_customers_of_the_same_shop(
    training: churn.Snapshot, model: churn.ChurnModel
) -> None:
    others = churn.snapshot(table(simulate(4000, seed=1)[0]), TRAIN, TEST)
    probability = model.predict(others.features)
    assert probability.between(0, 1).all()
    assert probability.mean() == pytest.approx(others.churned.mean(), abs=0.03)
    bins = ranking.calibration(others.churned, probability)
    assert (bins["predicted"] - bins["observed"]).abs().max() < 0.1


def test_a_model_predicts_the_churn_of_the_next_window_within_a_few_points(
    test_period: churn.Snapshot, model: churn.ChurnModel
) -> None:
    assert model.predict(test_period.features).mean() == pytest.approx(test_period.churned.mean(), abs=0.06)


def test_the_same_data_gives_the_same_probabilities_in_any_row_order(
    training: churn.Snapshot, test_period: churn.Snapshot, model: churn.ChurnModel
) -> None:
    mixed = training.features.sample(frac=1, random_state=3)
    other = churn.Snapshot(TRAIN, TEST, mixed, training.churned, training.purchases, training.spend)
    again = churn.ChurnModel(model.kind).fit(other)
    pd.testing.assert_series_equal(again.predict(test_period.features), model.predict(test_period.features))


def test_of_many_customers_a_model_learns_from_some(
    shop: tuple[pd.DataFrame, pd.DataFrame],
    training: churn.Snapshot,
    test_period: churn.Snapshot,
    model: churn.ChurnModel,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(churn, "LEARNED", 1500)
    sample, later = (churn.snapshot(table(shop[0]), *days) for days in ((TRAIN, TEST), (TEST, END)))
    assert 1300 < len(sample.churned) <= 1500  # of 1,500, some came later
    assert later.features.index.isin(sample.features.index).mean() > 0.9  # the same ones at both dates
    pd.testing.assert_frame_equal(sample.features, training.features.loc[sample.features.index])
    few = churn.ChurnModel(model.kind).fit(sample)
    found, whole = few.predict(test_period.features), model.predict(test_period.features)
    assert found.corr(whole, method="spearman") > 0.9
    assert found.mean() == pytest.approx(whole.mean(), abs=0.05)
    assert few.brier_ == pytest.approx(model.brier_, abs=0.02)
    then = aggregate.rfm_summary(table(shop[0]), TEST)
    assert churn.contest(sample, later, then).index.equals(later.features.index)  # fitted on everybody


def test_what_a_model_learned_serves_other_notebooks_of_the_run_for_the_same_customers_and_for_no_others(
    training: churn.Snapshot, test_period: churn.Snapshot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    alone = churn.ChurnModel().fit(training).predict(test_period.features)
    monkeypatch.setenv(KEPT, str(tmp_path))
    churn.ChurnModel().fit(training)
    monkeypatch.setattr(churn, "cross_val_predict", None)  # whoever learned once more would fail
    taken_over = churn.ChurnModel().fit(training)
    assert taken_over.predict(test_period.features).equals(alone)
    one = training.churned.index[0]
    others = replace(training, churned=training.churned.where(training.churned.index != one, ~training.churned))
    for other in (others, test_period, replace(training, features=training.features * 2)):
        with pytest.raises(TypeError):
            churn.ChurnModel().fit(other)
    with pytest.raises(TypeError):
        churn.ChurnModel("boosting").fit(training)


@pytest.mark.parametrize("k", [0.01, 3.0, 655.957])
def test_another_currency_changes_no_probability(
    training: churn.Snapshot, test_period: churn.Snapshot, k: float
) -> None:
    def priced(features: pd.DataFrame) -> pd.DataFrame:
        money = [c for c in features if c == "monetary_value" or "spend" in c]
        return features.assign(**{c: features[c] * k for c in money})

    other = churn.Snapshot(TRAIN, TEST, priced(training.features), training.churned, training.purchases, training.spend)
    before = churn.ChurnModel().fit(training).predict(test_period.features)
    after = churn.ChurnModel().fit(other).predict(priced(test_period.features))
    pd.testing.assert_series_equal(before, after, rtol=1e-4)


def test_a_model_says_what_it_learned_from(training: churn.Snapshot) -> None:
    assert repr(churn.ChurnModel("boosting")) == "ChurnModel('boosting'), not fitted"
    text = repr(churn.ChurnModel().fit(training))
    assert "as of 2023-12-27" in text
    assert "window 120 days" in text


# The measures


labels = st.lists(st.booleans(), min_size=60, max_size=200).filter(lambda left: 25 <= sum(left) <= len(left) - 25)


def outcomes(left: list[bool]) -> churn.Snapshot:
    churned = pd.Series(left, index=[f"c{i}" for i in range(len(left))])
    empty = pd.DataFrame({"days_since_last_order": 1}, index=churned.index)
    return churn.Snapshot(TRAIN, TEST, empty, churned, (~churned).astype(int), (~churned) * 1.0)


@settings(max_examples=25, deadline=None)
@given(labels, st.randoms(use_true_random=False))
def test_lift_conserves_customers_and_leavers(left: list[bool], random: object) -> None:
    churned = pd.Series(left)
    score = pd.Series([random.randint(0, 3) for _ in left])  # type: ignore[attr-defined]
    parts = ranking.lift(churned, score)
    assert parts["customers"].sum() == len(left)
    assert (parts["churn_rate"] * parts["customers"]).sum() == pytest.approx(sum(left))
    assert parts["captured"].iloc[-1] == pytest.approx(1)
    assert (parts["lift"] * parts["customers"]).sum() == pytest.approx(len(left))
    mixed = churned.sample(frac=1, random_state=1)
    pd.testing.assert_frame_equal(parts, ranking.lift(mixed, score.reindex(mixed.index)))


@settings(max_examples=25, deadline=None)
@given(labels)
def test_a_score_that_says_nothing_is_a_coin(left: list[bool]) -> None:
    row = ranking.evaluate(outcomes(left), pd.DataFrame({"coin": 0.5}, index=outcomes(left).churned.index)).loc["coin"]
    assert row["auc"] == pytest.approx(0.5)
    assert row["lift_top_10"] == pytest.approx(1)
    assert row["brier"] == pytest.approx(0.25)


@settings(max_examples=25, deadline=None)
@given(labels)
def test_a_perfect_score_is_perfect(left: list[bool]) -> None:
    data = outcomes(left)
    row = ranking.evaluate(data, pd.DataFrame({"oracle": data.churned.astype(float)})).loc["oracle"]
    assert row["auc"] == 1
    assert row["average_precision"] == pytest.approx(1)
    assert row["brier"] == 0
    assert row["predicted"] == pytest.approx(row["observed"])


def test_a_ranking_that_is_no_probability_gets_no_brier_score() -> None:
    data = outcomes([True, False] * 40)
    scores = pd.DataFrame({"silence": np.arange(80.0)}, index=data.churned.index)
    row = ranking.evaluate(data, scores).loc["silence"]
    assert np.isnan(row["brier"])
    assert np.isnan(row["predicted"])
    assert row["auc"] == pytest.approx(0.4875)


def test_a_gain_over_oneself_is_none() -> None:
    data = outcomes([True, False] * 40)
    score = pd.Series(np.arange(80.0), index=data.churned.index)
    none = ranking.auc_gain(data, score, score)
    assert (none["low"], none["gain"], none["high"]) == (0, 0, 0)
    found = ranking.auc_gain(data, data.churned.astype(float), score)
    assert found["low"] < found["gain"] < found["high"]
    assert found["gain"] == pytest.approx(1 - 0.4875)


def test_calibration_bins_hold_all_customers_and_one_bin_for_equal_probabilities() -> None:
    churned = pd.Series([True, False] * 50)
    spread = ranking.calibration(churned, pd.Series(np.linspace(0, 1, 100)))
    assert spread["customers"].tolist() == [10] * 10
    same = ranking.calibration(churned, pd.Series(0.4, index=churned.index))
    assert same.to_numpy().tolist() == [pytest.approx([0.4, 0.5, 100])]


def test_the_interval_of_a_gain_agrees_with_a_bootstrap(training: churn.Snapshot, test_period: churn.Snapshot) -> None:
    risk = churn.ChurnModel().fit(training).predict(test_period.features)
    silence = test_period.features["days_since_last_order"].astype(float)
    found = ranking.auc_gain(test_period, risk, silence)
    random, left = np.random.default_rng(0), test_period.churned.to_numpy()
    drawn = [random.integers(0, len(left), len(left)) for _ in range(200)]
    gains = [auc(left[i], risk.to_numpy()[i]) - auc(left[i], silence.to_numpy()[i]) for i in drawn]
    assert (found["high"] - found["low"]) / 3.92 == pytest.approx(np.std(gains), rel=0.15)


def test_a_ranking_turned_round_is_clearly_worse_than_a_coin_and_a_constant_is_not() -> None:
    data = outcomes([True] * 60 + [False] * 60)
    left = data.churned.astype(float)
    scores = pd.DataFrame({"turned": 1 - left, "right": left, "constant": 0.3})
    assert ranking.clearly_worse(data, scores, left * 0) == ["turned"]
    assert ranking.clearly_worse(data, scores, left) == ["turned", "constant"]


@settings(max_examples=25, deadline=None)
@given(labels)
def test_gains_start_at_nobody_end_at_everybody_and_are_best_for_who_knows(left: list[bool]) -> None:
    churned = outcomes(left).churned
    scores = pd.DataFrame({"knows": churned.astype(float), "coin": 0.5})
    found = ranking.gains(churned, scores)
    assert found.iloc[0].tolist() == [0, 0, 0]
    assert found.iloc[-1].tolist() == pytest.approx([1, 1, 1])
    assert (found.diff().dropna() >= -1e-12).all().all()
    assert (found["knows"] >= found["coin"] - 1e-12).all()
    assert found["coin"].to_numpy() == pytest.approx(found["at random"].to_numpy(), abs=1 / len(left))


def test_the_tenth_at_highest_risk_tells_by_how_much_it_was_overstated() -> None:
    bins = pd.DataFrame({"predicted": [0.2, 0.6], "observed": [0.2, 0.4], "customers": [100, 100]})
    top = ranking.highest_risk(bins)
    assert top["error"] == pytest.approx(0.5)
    assert top["noise"] == pytest.approx(2 * (0.24 / 100) ** 0.5)
    assert np.isfinite(ranking.highest_risk(bins.assign(observed=0.0))["error"])


def test_models_are_compared_on_customers_they_did_not_learn_from(training: churn.Snapshot) -> None:
    model = churn.ChurnModel("boosting").fit(training)
    known = float(((model.predict(training.features) - training.churned) ** 2).mean())
    rate = training.churned.mean()
    assert known < model.brier_ < rate * (1 - rate)


def test_the_driver_that_decides_everything_comes_first(training: churn.Snapshot) -> None:
    late = training.features["days_since_last_order"] > 60
    data = churn.Snapshot(TRAIN, TEST, training.features, late.rename("churned"), training.purchases, training.spend)
    found = churn.drivers(churn.ChurnModel("boosting").fit(data), data, repeats=2)
    assert found.index[0] == "how long they were silent"
    assert found["auc_lost"].iloc[0] > 0.3
    assert found["with_risk"].iloc[0] > 0.5
    assert found["auc_lost"].iloc[1:].abs().max() < 0.1
    words = churn.drivers_in_words(found)
    assert words.loc["how long they were silent"].tolist() == ["days since last order", "higher"]
    turned = churn.drivers_in_words(found.assign(with_risk=-found["with_risk"]))
    assert turned.loc["how long they were silent", "risk"] == "lower"


# What cannot be answered


@pytest.mark.parametrize("left", [[True] * 100, [False] * 100, [True] * 80 + [False] * 24, [True, False] * 20])
def test_too_few_leavers_or_returners_are_counted_and_dated(left: list[bool]) -> None:
    data = outcomes(left)
    with pytest.raises(
        NotEnoughData, match=rf"Of {len(left)} customer\(s\) looked at as of 2023-12-27, {len(left) - sum(left)}"
    ):
        churn.ChurnModel().fit(data)
    with pytest.raises(NotEnoughData, match="25 of each"):
        ranking.evaluate(data, pd.DataFrame({"any": 0.5}, index=data.churned.index))


def test_customers_with_a_single_purchase_each_cannot_be_learned_from() -> None:
    tx = pd.DataFrame({"customer_id": [f"c{i}" for i in range(60)], "date": START, "amount": 5.0})
    seen = churn.snapshot(table(tx), TRAIN, TEST)
    assert seen.churned.all()
    with pytest.raises(NotEnoughData, match="0 bought again by 2024-04-25 and 60 did not"):
        churn.ChurnModel().fit(seen)


def test_a_hundred_customers_with_gaps_in_what_is_known_of_them_can_be_learned_from() -> None:
    tx, _ = simulate(300, seed=5)
    first = tx.groupby("customer_id").cumcount() == 0
    later = tx["date"] > TRAIN
    seen = churn.snapshot(table(tx[first | later]), TRAIN, TEST)
    assert seen.features["mean_gap"].isna().all()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for kind in ("logistic", "boosting"):
            assert churn.ChurnModel(kind).fit(seen).predict(seen.features).between(0, 1).all()  # type: ignore[arg-type]


# The forecast model, and the table that needs no model


def test_a_forecast_model_is_read_as_leaving_for_good_and_as_not_buying(
    shop: tuple[pd.DataFrame, pd.DataFrame], test_period: churn.Snapshot
) -> None:
    rfm = aggregate.rfm_summary(table(shop[0]), TEST)
    found = churn.forecast_scores({"MBG/NBD": ModifiedBetaGeo().fit(rfm)}, rfm, WINDOW)
    gone, none = found["1 − P(alive), MBG/NBD"], found["no purchase expected, MBG/NBD"]
    assert found.index.equals(test_period.features.index)
    assert found.stack().between(0, 1).all()
    assert (none >= gone).all()
    assert none.mean() == pytest.approx(test_period.churned.mean(), abs=0.08)


def test_who_bought_once_is_alive_for_certain_to_bg_nbd(
    shop: tuple[pd.DataFrame, pd.DataFrame],
) -> None:
    rfm = aggregate.rfm_summary(table(shop[0]), TEST)
    found = churn.forecast_scores({"BG/NBD": BetaGeo().fit(rfm)}, rfm, WINDOW)
    assert (found.loc[rfm["frequency"] == 0, "1 − P(alive), BG/NBD"].abs() < 1e-12).all()


def test_groups_drawn_by_chance_are_not_said_to_differ(test_period: churn.Snapshot) -> None:
    index, found = test_period.churned.index, []
    for seed in range(20):
        shuffled = test_period.churned.sample(frac=1, random_state=seed).set_axis(index)
        found.append(churn.observed(replace(test_period, churned=shuffled))[1])
    assert sum(found) <= 4  # by chance: one in twenty


def test_observed_churn_leaves_small_groups_blank_and_counts_the_others(test_period: churn.Snapshot) -> None:
    rates, differ = churn.observed(test_period)
    assert differ
    once = (test_period.features["frequency"] == 0) & test_period.features["days_since_last_order"].between(121, 240)
    assert rates.loc["121 to 240", "1"] == pytest.approx(test_period.churned[once].mean())
    few = replace(test_period, features=test_period.features.head(24), churned=test_period.churned.head(24))
    with pytest.raises(NotEnoughData, match="the 24 customers known on 2024-04-25 make no group of 25"):
        churn.observed(few)


# The ranking that is used


def test_the_ranking_used_is_the_best_in_the_later_period_of_those_that_foretell_the_window() -> None:
    table = pd.DataFrame({"auc": [0.8, 0.7, 0.6]}, index=["1 − P(alive), MBG/NBD", "silence", "logistic"])
    assert ranking.best(table) == "silence"
    assert ranking.best(table.drop(index="silence")) == "logistic"


@pytest.mark.parametrize("method", ["silence", "silence_limit", "logistic", "no purchase expected, MBG/NBD"])
def test_every_method_says_a_chance_of_no_purchase_that_holds_on_average(
    shop: tuple[pd.DataFrame, pd.DataFrame], training: churn.Snapshot, test_period: churn.Snapshot, method: str
) -> None:
    rfm = aggregate.rfm_summary(table(shop[0]), TEST)
    found = churn.probability(method, training, test_period.features, rfm)
    assert found.index.equals(test_period.features.index)
    assert found.between(0, 1).all()
    assert found.mean() == pytest.approx(test_period.churned.mean(), abs=0.08)


def test_p_alive_is_no_chance_of_a_purchase(
    shop: tuple[pd.DataFrame, pd.DataFrame], training: churn.Snapshot, test_period: churn.Snapshot
) -> None:
    with pytest.raises(UsageError, match="doesn't say the chance of no purchase"):
        churn.probability("1 − P(alive), MBG/NBD", training, test_period.features, pd.DataFrame())
