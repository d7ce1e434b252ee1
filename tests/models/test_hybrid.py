"""Windows of the past, and the forecast that learns from them what the models of buying miss."""

import ibis
import numpy as np
import pandas as pd
import pytest
from pandas.testing import assert_frame_equal
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

from benchmarks import accuracy
from benchmarks.worlds import forecast as worlds
from clvlib import aggregate
from clvlib.models import windows
from clvlib.models.backtest import auc, poisson_deviance
from clvlib.models.buying import Buying
from clvlib.models.hybrid import Hybrid, foreseen_level
from clvlib.models.outlook import foresee
from clvlib.models.trees import Trees, alike

START, CUT, DAYS = pd.Timestamp("2020-01-01"), pd.Timestamp("2022-12-31"), 182


def rows(seed: int = 1, customers: int = 800) -> pd.DataFrame:
    """Customers who buy in a rhythm of their own until they leave."""
    bought = accuracy.regular(np.random.default_rng(seed))
    bought = bought[bought["customer"] < customers]
    dates = START + pd.to_timedelta(np.floor(bought["day"]), unit="D")
    names = bought["customer"].astype(str).str.zfill(4)
    return pd.DataFrame({"customer_id": names, "date": dates, "amount": bought["amount"].round(2)})


def forecast(bought: pd.DataFrame, cut: pd.Timestamp = CUT) -> tuple[pd.DataFrame, Hybrid]:
    history = ibis.memtable(bought)
    past = [windows.window(history, day, DAYS) for day in windows.first_days(START, cut, DAYS)]
    learned, known = Hybrid().fit(past, START, cut), aggregate.features(history, cut, DAYS)
    return learned.forecast(known, Buying().fit(known), DAYS), learned


@pytest.fixture(scope="module")
def bought() -> pd.DataFrame:
    return rows()


@pytest.fixture(scope="module")
def made(bought) -> tuple[pd.DataFrame, Hybrid]:
    return forecast(bought)


def test_windows_begin_half_a_window_apart_with_history_before_them():
    days = windows.first_days(START, CUT, 182)
    assert [(CUT - day).days for day in days] == [182, 273, 364, 455]
    assert windows.first_days(START, START + pd.Timedelta(days=400), 182) == [START + pd.Timedelta(days=218)]
    assert windows.first_days(START, START + pd.Timedelta(days=300), 182) == []


def test_the_same_months_a_year_ago_are_one_of_the_windows():
    days = [(CUT - day).days for day in windows.first_days(START, CUT, 90)]
    assert days == [90, 135, 180, 365]
    assert [(CUT - day).days for day in windows.first_days(CUT - pd.Timedelta(days=400), CUT, 90)] == [
        90,
        135,
        180,
        225,
    ]


def test_a_window_is_never_longer_than_half_the_history():
    assert windows.length(START, START + pd.Timedelta(days=500), 365) == 250
    assert windows.length(START, CUT, 365) == 365


def test_a_window_holds_what_was_known_before_it_and_what_came_in_it(bought):
    history = ibis.memtable(bought)
    seen = windows.window(history, CUT, DAYS)
    early = ibis.memtable(bought[bought["date"] <= CUT])
    pd.testing.assert_frame_equal(seen.known, aggregate.features(early, CUT, DAYS))
    inside = bought[(bought["date"] > CUT) & (bought["date"] <= CUT + pd.Timedelta(days=DAYS))]
    days = inside.groupby("customer_id")["date"].nunique().reindex(seen.known.index).fillna(0)
    assert seen.purchases.to_list() == days.to_list()
    assert seen.spend.sum() == pytest.approx(inside.loc[inside["customer_id"].isin(seen.known.index), "amount"].sum())


def test_the_same_months_last_year_are_those_before_the_days_ahead_a_year_ago(bought):
    known = aggregate.features(ibis.memtable(bought), CUT, DAYS)
    begin = CUT - pd.Timedelta(days=365)
    then = bought[(bought["date"] > begin) & (bought["date"] <= begin + pd.Timedelta(days=DAYS))]
    days = then.groupby("customer_id")["date"].nunique().reindex(known.index).fillna(0)
    assert known["purchases_same_months"].to_list() == days.to_list()


def test_a_forecast_knows_nothing_of_the_days_that_it_forecasts(bought, made):
    blind, _ = forecast(bought[bought["date"] <= CUT])
    pd.testing.assert_frame_equal(blind, made[0])


def test_neither_currency_nor_order_of_rows_change_what_is_forecast(bought, made):
    other, _ = forecast(bought.assign(amount=bought["amount"] * 100).sample(frac=1, random_state=0))
    expected = made[0].assign(spend=made[0]["spend"] * 100)
    pd.testing.assert_frame_equal(other, expected, rtol=0.02)


def test_where_people_buy_in_a_rhythm_it_beats_every_model_of_buying(bought, made):
    held = windows.window(ibis.memtable(bought), CUT, DAYS)
    field = Buying().fit(held.known)
    said = field.forecast(held.known, DAYS)
    actual = held.purchases.to_numpy()
    best = min(poisson_deviance(actual, said[name].to_numpy()) for name in field.models_)
    assert poisson_deviance(actual, made[0]["purchases"].to_numpy()) < 0.95 * best


def test_the_chance_of_a_purchase_comes_true_and_ranks_better_than_silence(bought, made):
    found, _ = made
    held = windows.window(ibis.memtable(bought), CUT, DAYS)
    came = held.purchases > 0
    assert found["p_purchase"].between(0, 1).all()
    parts = pd.qcut(found["p_purchase"].rank(method="first"), 4, labels=False)
    assert (found["p_purchase"].groupby(parts).mean() - came.groupby(parts).mean()).abs().max() < 0.12
    silence = held.known["days_since_last_order"].to_numpy()
    assert auc(came.to_numpy(), found["p_purchase"].to_numpy()) > auc(came.to_numpy(), -silence)


def test_what_was_forecast_unseen_stands_beside_what_came(made):
    _, learned = made
    total = learned.unseen_[["purchases", "actual_purchases", "spend", "actual_spend"]].sum()
    assert total["purchases"] == pytest.approx(total["actual_purchases"], rel=0.1)
    assert total["spend"] == pytest.approx(total["actual_spend"], rel=0.15)


def test_a_window_shorter_than_the_forecast_goes_on_at_its_ratio(bought):
    early = bought[bought["date"] <= START + pd.Timedelta(days=500)]
    cut = early["date"].max()
    history = ibis.memtable(early)
    days = windows.length(START, cut, 365)
    past = [windows.window(history, day, days) for day in windows.first_days(START, cut, days)]
    known = aggregate.features(history, cut, days)
    learned, buying = Hybrid().fit(past, START, cut), Buying().fit(known)
    half, year = (learned.forecast(known, buying, ahead) for ahead in (days, 365))
    models = buying.forecast(known, 365)["purchases"] / buying.forecast(known, days)["purchases"]
    pd.testing.assert_series_equal(year["purchases"] / half["purchases"], models, rtol=1e-9)
    assert (year["p_purchase"] >= half["p_purchase"] - 1e-12).all()
    assert year["p_purchase"].max() <= 1


def test_where_nobody_came_back_in_a_window_there_is_nothing_to_learn(bought):
    history = ibis.memtable(bought)
    day = windows.first_days(START, CUT, DAYS)[0]
    past = windows.window(history, day, DAYS)
    silent = windows.Window(day, DAYS, past.known, past.purchases * 0, past.spend * 0, past.others)
    known = aggregate.features(history, CUT, DAYS)
    found = Hybrid().fit([silent], START, CUT).forecast(known, Buying().fit(known), DAYS)
    assert found.notna().all(axis=None)
    assert (found["p_purchase"] == 0).all()


def test_somebody_who_has_surely_left_gets_a_chance_and_not_nan(bought, made):
    """The models' chance was 0 of 0 there: a frequent buyer who has been silent for years."""
    known = aggregate.features(ibis.memtable(bought), CUT, DAYS).head(3)
    known = known.assign(frequency=1500, recency=1500.0, T=6000.0, days_since_last_order=4500.0)
    buying = Buying().fit(aggregate.features(ibis.memtable(bought), CUT, DAYS))
    for days in (DAYS, 2 * DAYS):
        assert (buying.forecast(known, days)["p_purchase"] <= 1e-4).all()
        found = made[1].forecast(known, buying, days)
        assert found.notna().all(axis=None)
        assert found["p_purchase"].between(0, 0.2).all()


def test_the_level_of_the_days_ahead_is_that_of_the_same_months_where_seasons_move_it():
    seasonal = np.array([0.5, 0.1, -0.4, -0.3])
    year_ago, error = foreseen_level(seasonal, np.array([91, 136, 181, 365]), 91)
    assert -0.3 < year_ago < -0.25
    unknown, wider = foreseen_level(seasonal, np.array([91, 136, 181, 230]), 91)  # no such months: nobody knows
    assert abs(unknown) < 0.05
    assert wider > 2 * error
    steady, sure = foreseen_level(np.array([-0.15, -0.14, -0.16, -0.1]), np.array([91, 136, 181, 365]), 91)
    assert steady == pytest.approx(-0.13, abs=0.02)
    assert 0.05 < sure < 0.1
    assert foreseen_level(np.array([0.0, 1.0]), np.array([365, 547]), 365)[0] < 0.1  # whole years: no season to tell


def test_a_forecast_across_the_turn_of_a_season_follows_last_year():
    """Trees alone held the level of the months before: 62 to 68 % too much money after a peak."""
    drawn = worlds.purchases(worlds.Law(1200, season=0.6), np.random.default_rng(4))
    drawn = drawn[~drawn["refunded"]]
    dates = worlds.START + pd.to_timedelta(drawn["day"], unit="D")
    history = ibis.memtable(
        pd.DataFrame({"customer_id": drawn["customer"].astype(str), "date": dates, "amount": drawn["amount"]})
    )
    missed = {}
    for cut in pd.to_datetime(["2022-03-31", "2022-06-30", "2022-09-30"]):
        held = windows.window(history, cut, 91)
        past = [windows.window(history, day, 91) for day in windows.first_days(worlds.START, cut, 91)]
        learned = Hybrid().fit(past, worlds.START, cut)
        said = [learned.forecast(held.known, held.buying, 91), held.buying.forecast(held.known, 91)]
        missed[cut] = [abs(np.log(each["purchases"].sum() / held.purchases.sum())) for each in said]
    ours, models = pd.DataFrame(missed).mean(axis=1)
    assert ours < models / 2
    assert ours < 0.2


def test_the_last_digits_of_a_model_turn_no_tree(cdnow_sample, monkeypatch):
    """Computers differ in the last of sixteen digits, and what is forecast of a customer must not."""
    ahead = foresee(cdnow_sample).customers
    noise, forecast = np.random.default_rng(1), Buying.forecast

    def rounded_otherwise(self, known, days):
        found = forecast(self, known, days)
        return found * (1 + 1e-12 * noise.standard_normal(found.shape))

    monkeypatch.setattr(Buying, "forecast", rounded_otherwise)
    assert_frame_equal(foresee(cdnow_sample).customers, ahead, rtol=1e-9)


@pytest.mark.parametrize(
    ("kind", "loss"), [(HistGradientBoostingRegressor, "poisson"), (HistGradientBoostingClassifier, "log_loss")]
)
@pytest.mark.parametrize("rows", [1500, 30])
def test_trees_asked_all_at_once_say_what_scikit_learn_says(kind, loss, rows):
    random = np.random.default_rng(0)
    columns = random.integers(0, 64, (rows, 4)).astype(float)
    columns[random.random(columns.shape) < 0.1] = np.nan
    rate = np.exp(np.nan_to_num(columns[:, 0] * columns[:, 1]) / 2000 + (columns[:, 2] > 40))
    came = np.minimum(random.poisson(rate), 1) if loss == "log_loss" else random.poisson(rate)
    grown = kind(loss=loss, max_leaf_nodes=8, max_iter=40, early_stopping=False).fit(columns, came)
    leaves = max(tree.get_n_leaf_nodes() for (tree,) in grown._predictors)
    assert leaves == (8 if rows == 1500 else 1)  # of so few rows no tree can ask anything
    says = grown.predict_proba(columns)[:, 1] if loss == "log_loss" else grown.predict(columns)
    np.testing.assert_allclose(Trees(grown, steps=64).of(columns), says, rtol=1e-12)
    assert len(Trees(grown, steps=64).of(columns[:0])) == 0


@pytest.mark.parametrize("columns", [1, 3, 25])  # 25: more kinds are possible than 64 bits hold
def test_rows_in_the_same_steps_are_of_one_kind(columns):
    random = np.random.default_rng(2)
    some = random.integers(0, 65, (200, columns)).astype(float)
    some[some == 64] = np.nan
    asked = some[random.integers(0, 200, 1000)]
    first, kind = alike(asked, steps=64)
    np.testing.assert_array_equal(asked[first][kind], asked)
    assert len(first) == len(np.unique(np.nan_to_num(asked, nan=64), axis=0))
    assert [len(each) for each in alike(asked[:0], steps=64)] == [0, 0]
