"""The best forecast that a history allows, and what such forecasts made on days of the past were worth."""

import ibis
import numpy as np
import pandas as pd
import pytest

from benchmarks import accuracy
from clvlib.errors import NotEnoughData
from clvlib.models import outlook, rolling
from clvlib.models.windows import History

START = pd.Timestamp("2020-01-01")
DAYS = 84


def bought(seed: int = 1, customers: int = 300, until: int = 800) -> pd.DataFrame:
    rows = accuracy.regular(np.random.default_rng(seed))
    rows = rows[(rows["customer"] < customers) & (rows["day"] < until)]
    dates = START + pd.to_timedelta(np.floor(rows["day"]), unit="D")
    names = rows["customer"].astype(str).str.zfill(4)
    return pd.DataFrame({"customer_id": names, "date": dates, "amount": rows["amount"].round(2)})


def day(number: int) -> pd.Timestamp:
    return START + pd.Timedelta(days=number)


@pytest.fixture(scope="module")
def history() -> History:
    return History(ibis.memtable(bought()), START)


@pytest.fixture(scope="module")
def rolled(history) -> rolling.Rolling:
    return rolling.roll(history, day(500), DAYS)


def test_the_forecast_is_the_best_that_the_history_allows(history):
    assert outlook.look_ahead(history, day(500), DAYS).method == outlook.HYBRID
    few = History(ibis.memtable(bought(customers=60)), START)
    some = outlook.look_ahead(few, day(500), 91)
    assert some.method == outlook.MEAN_OF_MODELS
    assert "customers bought; the hybrid learns from" in some.why
    nobody = History(ibis.memtable(bought(customers=6)), START)
    rate = outlook.look_ahead(nobody, day(500), 91)
    assert rate.method == outlook.RATE
    assert rate.buying is None
    assert rate.ranges is None
    spreads = []
    for ahead in (some, rate):
        assert ahead.customers.notna().all(axis=None)
        assert ahead.customers["p_purchase"].between(0, 1).all()
        total, low, high = ahead.total("spend", 0.9)
        assert low < total < high
        spreads.append(high / low)
    assert spreads[1] > spreads[0]  # the less is known, the wider


def test_the_next_order_comes_when_half_of_those_who_buy_have_bought(history):
    ahead = outlook.look_ahead(history, day(500), DAYS)
    when = (ahead.next_order - day(500)).dt.days
    assert when.between(1, DAYS / 2 + 1).all()  # models expect ever fewer purchases, so half come in the first half
    often = ahead.customers["purchases"] > ahead.customers["purchases"].quantile(0.9)
    assert when[often].median() < when[~often].median()
    rows = bought()
    later = rows[(rows["date"] > day(500)) & (rows["date"] <= day(500 + DAYS))].groupby("customer_id")["date"].min()
    share = (later <= ahead.next_order.reindex(later.index)).dropna().mean()
    assert 0.3 < share < 0.65  # half, if purchases came at random; these come in a rhythm
    even = outlook.look_ahead(History(ibis.memtable(bought(customers=6)), START), day(500), 90)
    assert ((even.next_order - day(500)).dt.days.between(1, 46)).all()


def test_months_add_up_to_the_total_and_follow_the_season(history):
    ahead = outlook.look_ahead(history, day(500), 365)
    flat = ahead.by_month(None, 0.9)
    assert len(flat) == 12
    assert flat["spend"].sum() == pytest.approx(ahead.customers["spend"].sum())
    assert flat["spend"].is_monotonic_decreasing
    assert (flat["high"] / flat["spend"] > ahead.total("spend", 0.9)[2] / ahead.customers["spend"].sum()).all()
    season = pd.Series([1.0] * 11 + [2.0], index=range(1, 13))
    seasonal = ahead.by_month(season, 0.9)["spend"]
    assert seasonal.sum() == pytest.approx(flat["spend"].sum())
    december = (seasonal / flat["spend"]).set_axis((flat.index - pd.Timedelta(days=15)).month)
    assert december.loc[12] == pytest.approx(2 * december.drop(12).mean())


def test_a_season_is_told_from_two_years_on_and_not_from_growth():
    months = pd.date_range("2021-01-01", periods=36, freq="MS")
    growing = pd.Series(100 * 1.03 ** np.arange(36), index=months)
    assert outlook.seasons(growing).sub(1).abs().max() < 0.01
    peak = growing * np.where(months.month == 12, 1.5, 1.0)
    found = outlook.seasons(peak)
    assert found[12] / found.drop(12).mean() == pytest.approx(1.5, rel=0.02)
    assert outlook.seasons(peak[:23]) is None
    assert outlook.seasons(peak * 0) is None


def test_whoever_sent_all_back_or_paid_nothing_is_forecast_as_such_customers_did_before():
    """Four of them spent 2,400 later, and no forecast knew them."""
    rows = bought()
    first = rows.groupby("customer_id").head(1)
    some = first["customer_id"].isin(sorted(first["customer_id"])[::6])
    free = first[some].assign(customer_id="f" + first["customer_id"], amount=0.0)
    later = free[::2].assign(date=lambda t: t["date"] + pd.Timedelta(days=150), amount=100.0)
    ahead = outlook.look_ahead(History(ibis.memtable(pd.concat([rows, free, later])), START), day(500), DAYS)
    assert len(ahead.others) > 5
    assert not ahead.others.index.isin(ahead.customers.index).any()
    assert ahead.others["p_purchase"].between(0.05, 0.6).all()
    assert (ahead.others["spend"] > 0).all()
    alone = outlook.look_ahead(History(ibis.memtable(rows), START), day(500), DAYS)
    assert len(alone.others) == 0
    assert ahead.total("spend", 0.9)[0] == pytest.approx(ahead.customers["spend"].sum())
    judged, _ = rolling.judge(History(ibis.memtable(pd.concat([rows, free, later])), START), ahead)
    assert judged["spend"] == pytest.approx(ahead.customers["spend"].sum() + ahead.others["spend"].sum())


def test_one_purchase_each_and_nothing_else_still_gets_a_forecast():
    once = pd.DataFrame({"customer_id": ["a", "b", "c"], "date": day(10), "amount": 5.0})
    ahead = outlook.look_ahead(History(ibis.memtable(once), START), day(100), 30)
    assert ahead.method == outlook.RATE
    purchases = 30 * 0.5 / (3 * 90)  # half a purchase has been seen, as it were
    assert ahead.customers["purchases"].tolist() == pytest.approx([purchases] * 3)
    total, low, high = ahead.total("purchases", 0.9)
    assert 0 < low < total < high
    assert high > 5 * total  # as good as nothing is known of how often


def test_a_history_too_short_for_a_window_says_so(history):
    assert history.latest(day(500), DAYS).as_of == history.past(day(500), DAYS)[0].as_of
    with pytest.raises(NotEnoughData, match="too short for a window of 84 days"):
        history.latest(day(60), DAYS)


def test_days_of_the_past_stand_half_a_length_apart_with_a_length_before_them():
    made = rolling.made_on(START, day(400), 84)
    assert [(day(400) - each).days for each in made] == [84, 126, 168, 210, 252, 294]
    assert rolling.days_ahead(START, day(1200), 365) == 364
    assert rolling.days_ahead(START, day(500), 365) == 84
    assert rolling.days_ahead(START, day(500), 40) == 40


def test_every_method_is_judged_on_every_day(rolled):
    names = set(rolled.table().index)
    assert {rolling.BEST, rolling.SEGMENT_AVERAGE, "last 365 days", "BG/NBD", "Pareto/NBD"} <= names
    assert set(rolled.table("spend").index) == names
    assert len(rolled.made) == 6
    assert rolled.scores.xs("purchases", level="of").groupby("made_on").size().between(len(names) - 1, len(names)).all()
    assert rolled.made.index.is_monotonic_increasing
    assert rolled.table().loc[rolling.BEST, ["deviance", "rmse"]].to_list() == [1.0, 1.0]
    assert rolled.table()["kind"].value_counts()["ours"] == 1
    assert rolled.left_out == {}


def test_totals_and_customers_lie_within_their_ranges_about_as_often_as_said(rolled):
    made = rolled.made
    for of in ("purchases", "spend"):
        assert rolled.within(of) == made[f"actual_{of}"].between(made[f"{of}_low"], made[f"{of}_high"]).sum() >= 4
    assert made.filter(regex="^held_80_").mean().between(0.72, 0.88).all()
    assert (made["auc"] > made["auc_recency"]).mean() > 0.5


def test_a_forecast_of_the_past_knows_nothing_of_what_came_after_it(rolled):
    """What is forecast on a day is the same when the file ends with the days that judge it."""
    cut = rolled.made.index[-2]
    end = cut + pd.Timedelta(days=DAYS)
    rows = bought()
    short = rolling.roll(History(ibis.memtable(rows[rows["date"] <= end]), START), end, DAYS)
    assert short.made.loc[cut, "method"] == outlook.HYBRID
    pd.testing.assert_series_equal(short.made.loc[cut], rolled.made.loc[cut])


def test_the_average_of_a_segment_is_what_its_customers_brought_before():
    then = pd.DataFrame({"days_since_last_order": [1, 1, 90, 90], "frequency": [5, 5, 0, 0]}, index=list("abcd"))
    then = then.assign(recency=10.0, T=100.0, monetary_value=[10.0, 10, np.nan, np.nan], first_spend=10.0)
    found = rolling.segment_average(then, pd.Series([4.0, 2.0, 1.0, 0.0], then.index), then)
    assert found.to_list() == [3.0, 3.0, 0.5, 0.5]
    now = then.set_axis(list("efgh")).assign(first_spend=[1.0, 1, 999, 1])  # a segment that nobody was in
    assert rolling.segment_average(then, pd.Series([4.0, 2.0, 1.0, 0.0], then.index), now).notna().all()


def test_where_no_forecast_had_ranges_none_can_be_judged():
    some = rolling.roll(History(ibis.memtable(bought(customers=40)), START), day(500), 180)
    assert outlook.HYBRID not in set(some.made["method"])
    with pytest.raises(NotEnoughData, match="no customer had a range"):
        some.held()


def test_days_on_which_nothing_can_be_judged_are_left_out_with_the_reason():
    history = History(ibis.memtable(bought(customers=100, until=300)), START)
    some = rolling.roll(history, day(420), DAYS)
    assert len(some.left_out) == 1
    assert "Nobody bought in the 84 days after" in some.left_out[day(336)]
    with pytest.raises(NotEnoughData, match="made on an earlier day, can be judged: the history has 150 days"):
        rolling.roll(history, day(150), DAYS)
    over = History(ibis.memtable(bought(customers=20, until=60)), START)
    with pytest.raises(NotEnoughData, match="Nobody bought"):
        rolling.roll(over, day(400), DAYS)


def test_of_many_customers_a_sample_is_judged_and_said(history, monkeypatch, rolled):
    monkeypatch.setattr(rolling, "JUDGED", 150)
    some = rolling.roll(history, day(500), DAYS)
    assert (rolled.sample, some.sample) == (None, 150)
    assert list(some.made.index) == list(rolled.made.index)
    assert (some.made["customers"] <= 150).all()
    assert (some.made["customers"] < rolled.made["customers"]).all()
