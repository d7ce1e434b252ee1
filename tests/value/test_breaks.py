"""A fall of a count is found by a stated rule, and chance and season are no fall."""

import numpy as np
import pandas as pd
import pytest

from clvlib.value import breaks


def monthly(values) -> pd.Series:
    return pd.Series(values, pd.date_range("2023-07-01", periods=len(values), freq="MS"))


@pytest.mark.parametrize("rate", [5.0, 130.0])
def test_noise_is_no_fall(rate: float) -> None:
    random = np.random.default_rng(0)
    found = [breaks.fall(monthly(random.poisson(rate, 36))) for _ in range(500)]
    assert sum(fall is not None for fall in found) <= 0.05 * 500


def test_a_fall_to_a_third_is_found_in_its_month() -> None:
    random = np.random.default_rng(0)
    rates = np.r_[np.full(18, 130.0), np.full(6, 280.0), np.full(12, 50.0)]
    found = [breaks.fall(monthly(random.poisson(rates))) for _ in range(200)]
    assert all(found)
    at_once = [fall.month == pd.Timestamp("2025-07-01") for fall in found]
    assert np.mean(at_once) > 0.95
    assert found[0].mean < found[0].mean_before / 2


def test_a_season_that_comes_every_year_is_no_fall() -> None:
    random = np.random.default_rng(0)
    season = np.tile(np.r_[np.full(9, 60.0), np.full(3, 240.0)], 3)
    found = [breaks.fall(monthly(random.poisson(season))) for _ in range(200)]
    assert sum(fall is not None for fall in found) <= 0.05 * 200


@pytest.mark.parametrize("other", [np.r_[np.full(8, 100.0), 600.0, np.full(9, 100.0)], np.linspace(140, 90, 24)])
def test_the_end_of_one_month_of_a_campaign_and_a_slow_decline_are_no_break(other) -> None:
    random = np.random.default_rng(0)
    found = [breaks.fall(monthly(random.poisson(other))) for _ in range(200)]
    assert sum(fall is not None for fall in found) <= 0.05 * 200


def test_too_few_months_have_no_fall() -> None:
    assert breaks.fall(monthly([90, 90, 90, 1, 1])) is None
    assert breaks.fall(monthly([0] * 12)) is None


def test_the_demo_shop_s_new_customers_fell_when_the_campaign_ended(demo) -> None:
    from clvlib import aggregate

    cohorts = aggregate.cohorts(demo.transactions, demo.as_of)
    fall = breaks.fall(breaks.new_customers(cohorts))
    assert fall.month == pd.Timestamp("2025-07-01")
    assert (fall.count_before, fall.count) == (322, 72)


def test_new_customers_who_stop_coming_are_a_fall() -> None:
    ages = [(month, age, 40) for month in range(12) for age in range(24 - month)]
    cohorts = pd.DataFrame(ages, columns=["month", "age", "size"])
    cohorts["cohort"] = [pd.Timestamp("2023-01-01") + pd.DateOffset(months=month) for month in cohorts["month"]]
    counts = breaks.new_customers(cohorts.assign(complete=True))
    assert len(counts) == 24
    assert breaks.fall(counts).month == pd.Timestamp("2024-01-01")


def test_new_customers_who_stop_for_good_fell_in_the_first_month_without_any() -> None:
    found = breaks.fall(monthly([8000, 8400, 7200] + [0] * 15))
    assert breaks.mark(found) == {"new customers break off": pd.Timestamp("2023-10-01")}
    assert breaks.mark(None) == {}
