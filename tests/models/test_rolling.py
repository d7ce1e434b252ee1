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


def test_one_purchase_each_and_nothing_else_still_gets_a_forecast():
    once = pd.DataFrame({"customer_id": ["a", "b", "c"], "date": day(10), "amount": 5.0})
    ahead = outlook.look_ahead(History(ibis.memtable(once), START), day(100), 30)
    assert ahead.method == outlook.RATE
    assert (ahead.customers[["purchases", "spend", "p_purchase"]] == 0).all(axis=None)


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
