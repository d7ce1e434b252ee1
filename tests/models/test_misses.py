"""Forecasts made at earlier dates, and the range to plan with that is learned from their misses."""

import ibis
import numpy as np
import pandas as pd
import pytest
from scipy.stats import t

from clvlib import aggregate, load
from clvlib.models import misses
from clvlib.models.forecast import GammaGamma, ModifiedBetaGeo
from clvlib.models.scoring import Total

WHOLE = Total(100, 1000.0, 1000.0, 1000.0, 0.9)  # a model that knows its parameters


@pytest.fixture(scope="module")
def cdnow():
    return load("cdnow_sample")


def made(*shares: float, days: int = 365) -> pd.DataFrame:
    """Forecasts that missed by these shares, in windows of a year laid end to end."""
    ends = pd.date_range("2020-01-01", periods=len(shares), freq=f"{days}D")
    return pd.DataFrame({"until": ends + pd.Timedelta(days=days), "miss": shares}, index=ends)


def test_a_past_forecast_knows_nothing_of_the_months_that_it_forecasts(cdnow):
    found, left_out = misses.past(cdnow.transactions, cdnow.starts, cdnow.as_of, 6, "MBG/NBD")
    last = found.iloc[-1]
    cut = found.index[-1]
    assert left_out == 0
    assert last["until"] == cdnow.as_of
    assert (cdnow.as_of - cut).days == round(6 * 365.25 / 12)
    assert (found.index - cdnow.starts >= cdnow.as_of - cut).all()  # each has learned for a window's length
    known = aggregate.calibration_holdout(cdnow.transactions, cut, cdnow.as_of)
    early = cdnow.transactions.filter(cdnow.transactions["date"] < cut + pd.Timedelta(days=1))
    blind = aggregate.rfm_summary(early, cut)
    model, spend = ModifiedBetaGeo().fit(blind), GammaGamma().fit(blind)
    each = spend.expected_spend(blind["frequency"], blind["monetary_value"])
    ahead = model.expected_purchases((cdnow.as_of - cut).days, blind["frequency"], blind["recency"], blind["T"])
    assert last["forecast"] == pytest.approx(float(ahead @ each))
    assert last["actual"] == pytest.approx(known["holdout_spend"].sum())
    assert last["miss"] == pytest.approx(last["forecast"] / last["actual"] - 1)


def test_without_a_past_the_range_rests_on_what_is_taken_for_granted():
    found = misses.planning_range(WHOLE, made(), 12)
    assert found.windows == 0
    assert found.spread == pytest.approx(misses.USUAL_SPREAD)
    assert found.high == pytest.approx(1000 * np.exp(t.ppf(0.95, misses.WORTH) * misses.USUAL_SPREAD))
    assert found.low * found.high == pytest.approx(1000**2)


def test_large_misses_widen_the_range_and_many_small_ones_narrow_it():
    plain, wide, narrow = (
        misses.planning_range(WHOLE, made(*each), 12) for each in ([0.1], [0.5, -0.3], [0.01, -0.01] * 5)
    )
    assert wide.high > plain.high > narrow.high > 1000 > narrow.low > plain.low > wide.low
    assert (wide.windows, narrow.windows) == (2, 10)


def test_a_miss_of_half_a_year_counts_for_more_over_a_year():
    assert (
        misses.planning_range(WHOLE, made(0.2, days=182), 12).spread
        > misses.planning_range(WHOLE, made(0.2, days=365), 12).spread
    )


def test_what_the_model_does_not_know_of_itself_widens_the_range():
    unsure = Total(100, 1000.0, 700.0, 1300.0, 0.9)
    assert misses.planning_range(unsure, made(), 12).high > misses.planning_range(WHOLE, made(), 12).high


def test_a_history_too_short_to_forecast_from_has_no_past():
    days = pd.date_range("2020-01-01", periods=3)
    few = ibis.memtable(pd.DataFrame({"customer_id": ["a", "a", "b"], "date": days, "amount": 1.0}))
    for later in (0, 400):
        found, left_out = misses.past(few, days[0], days[-1] + pd.Timedelta(days=later), 12, "MBG/NBD")
        assert found.empty
        assert left_out > 0
