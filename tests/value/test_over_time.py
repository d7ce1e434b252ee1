import pandas as pd
import pytest

from clvlib.value import over_time


@pytest.fixture(scope="module")
def seen(demo):
    return over_time.new_customer(demo, 5, "constant")


def test_cac_is_told_at_every_date_by_the_bills_of_then(demo, seen):
    assert seen["cac"].notna().all()
    assert seen["cac"].iloc[-1] == demo.economics.acquisition_cost
    then = seen.index[0]
    assert demo.at(then).economics.acquisition_cost == seen["cac"].iloc[0] != seen["cac"].iloc[-1]


def test_a_clv_before_a_cost_that_was_not_known_yet_is_none(demo, monkeypatch):
    known = over_time.dates_back(demo.starts, demo.as_of, months=3)
    told = {day: {"clv": 100.0} | ({"cac": 30.0} if day >= known[-2] else {}) for day in known}
    monkeypatch.setattr(over_time, "_new_customer", lambda ds, *_: told[ds.as_of])
    assert over_time.new_customer(demo, 5, "constant")["clv"].notna().tolist() == [day >= known[-2] for day in known]


def test_a_share_is_that_of_who_was_watched_by_then(demo):
    from clvlib.value.stages import journey

    days = over_time.dates_back(demo.starts, demo.as_of, months=6)
    whole = over_time.buy_again_within(journey(demo), days)
    early = over_time.buy_again_within(journey(demo.at(days[-2])), pd.DatetimeIndex([days[-2]]))
    assert whole.iloc[-2] == pytest.approx(early.iloc[0], abs=0.005)  # refunds since then apart
