import numpy as np
import pandas as pd
import pytest
import tea_tasting as tt
from scipy.stats import chi2

from clvlib.causes import trial
from clvlib.errors import CannotAnswer, NotEnoughData, UsageError
from tests.causes.test_experiments import AS_OF, ASSIGNED, START, simulate, sized


@pytest.fixture(scope="module")
def shop() -> tuple[pd.DataFrame, pd.DataFrame]:
    return simulate(rate=1.3)


def test_a_test_with_one_arm_is_refused(shop: tuple[pd.DataFrame, pd.DataFrame]) -> None:
    only = shop[1][shop[1]["variant"] == "offer"]
    with pytest.raises(NotEnoughData, match="one arm only, 'offer'"):
        trial.prepare(only, "offer", START, AS_OF)


def test_an_arm_with_nobody_left_is_refused_with_the_counts(shop: tuple[pd.DataFrame, pd.DataFrame]) -> None:
    dates = shop[1]["date"].where(shop[1]["variant"] == "control", START - pd.Timedelta(days=1))
    with pytest.raises(NotEnoughData, match="offer 0"):
        trial.prepare(shop[1].assign(date=dates), "offer", START, AS_OF)


def test_customers_in_two_arms_are_left_out_and_counted(shop: tuple[pd.DataFrame, pd.DataFrame]) -> None:
    moved = shop[1].head(7).assign(variant=shop[1]["variant"].map({"control": "offer", "offer": "control"}))
    test = trial.prepare(pd.concat([shop[1], moved]), "offer", START, AS_OF)
    assert test.arms["in_two_arms"].tolist() == [7, 7]
    assert not set(moved["customer_id"]) & set(test.customers.index)
    assert len(test.customers) == len(shop[1]) - 7


def test_the_same_row_twice_is_one_assignment(shop: tuple[pd.DataFrame, pd.DataFrame]) -> None:
    once, twice = (trial.prepare(table, "offer", START, AS_OF) for table in (shop[1], pd.concat([shop[1], shop[1]])))
    pd.testing.assert_frame_equal(once.customers, twice.customers)
    pd.testing.assert_frame_equal(once.arms, twice.arms)


def test_everybody_is_watched_equally_long_and_the_late_are_left_out(shop: tuple[pd.DataFrame, pd.DataFrame]) -> None:
    table = shop[1].copy()
    table.loc[:29, "date"] = AS_OF - pd.Timedelta(days=3)
    table.loc[30:999, "date"] = AS_OF - pd.Timedelta(days=99)
    test = trial.prepare(table, "offer", START, AS_OF)
    assert test.window_days == 100
    assert test.arms["too_late"].sum() == 30


def test_those_assigned_before_the_data_begin_are_left_out(shop: tuple[pd.DataFrame, pd.DataFrame]) -> None:
    table = shop[1].copy()
    table.loc[:29, "date"] = START - pd.Timedelta(days=40)
    assert trial.prepare(table, "offer", START, AS_OF).arms["before_the_data"].sum() == 30


def test_a_test_whose_arms_mix_is_refused(shop: tuple[pd.DataFrame, pd.DataFrame]) -> None:
    again = shop[1].sample(frac=0.2, random_state=0)
    again["variant"] = again["variant"].map({"control": "offer", "offer": "control"})
    with pytest.raises(NotEnoughData, match="20% of the customers stand in two arms"):
        trial.prepare(pd.concat([shop[1], again]), "offer", START, AS_OF)


def test_without_the_name_of_the_control_the_arms_are_listed(shop: tuple[pd.DataFrame, pd.DataFrame]) -> None:
    with pytest.raises(CannotAnswer, match="its arms are: control, offer"):
        trial.prepare(shop[1], "offer", START, AS_OF, control=["nobody"])
    assert trial.prepare(shop[1], "offer", START, AS_OF, control=["none", "OFFER"]).control == "offer"
    with pytest.raises(UsageError, match="There are: offer"):
        trial.prepare(shop[1], "another", START, AS_OF)


def test_without_dates_all_days_count_unless_a_day_is_stated(shop: tuple[pd.DataFrame, pd.DataFrame]) -> None:
    undated = shop[1].drop(columns="date")
    whole = trial.prepare(undated, "offer", START, AS_OF, window_days=9999)
    assert not whole.dated
    assert whole.window_days == (AS_OF - START).days + 1
    stated = trial.prepare(undated, "offer", START, AS_OF, assigned_on="2025-01-01")
    assert (stated.customers["date"] == ASSIGNED).all()
    partly = shop[1].assign(date=shop[1]["date"].where(shop[1].index > 4))
    assert trial.prepare(partly, "offer", START, AS_OF).arms["without_a_date"].sum() == 5


def test_a_broken_sample_ratio_raises_the_alarm_and_a_planned_one_does_not() -> None:
    table = pd.DataFrame({"customer_id": range(1000), "experiment": "offer", "date": ASSIGNED})
    table["variant"] = np.where(table.index < 400, "control", "offer")
    test = trial.prepare(table.astype({"customer_id": str}), "offer", START, AS_OF)
    assert not trial.sample_ratio(test).holds
    assert trial.sample_ratio(test, {"control": 40, "offer": 60}).p == 1
    assert not trial.sample_ratio(test, {"control": 40, "email": 60}).holds  # planned for another test
    with pytest.raises(UsageError, match="must be above 0"):
        trial.sample_ratio(test, {"control": 0, "offer": 60})


@pytest.mark.parametrize(("control", "holds"), [(500, True), (460, True), (445, False)])
def test_the_sample_ratio_raises_the_alarm_only_where_chance_is_below_one_in_a_thousand(
    control: int, holds: bool
) -> None:
    ratio = trial.sample_ratio(trial.prepare(sized(control=control, offer=1000 - control), "offer", START, AS_OF))
    assert ratio.p == pytest.approx(chi2.sf((control - 500) ** 2 / 500 * 2, 1))  # .011 for 460, .0005 for 445
    assert ratio.holds is holds


def test_an_arm_from_which_more_are_left_out_raises_the_alarm() -> None:
    table = sized(control=500, offer=500)
    late = (table["variant"] == "offer") & (table.index % 5 == 0)
    test = trial.prepare(table.assign(date=table["date"].mask(late)), "offer", START, AS_OF)
    ratio = trial.sample_ratio(test)
    assert ratio.p == 1
    assert ratio.p_kept == pytest.approx(chi2.sf((500 - 400) ** 2 / 900, 1))
    assert not ratio.holds


def test_planned_shares_that_fit_no_test_or_half_of_one_are_refused() -> None:
    table = sized(control=100, email=450, voucher=450)
    tests = {"offer": trial.prepare(table, "offer", START, AS_OF)}
    assert trial.sample_ratios(tests, table, {"control": 10, "email": 45, "voucher": 45})["offer"].p == 1
    with pytest.raises(UsageError, match="names 'vuocher', which is no arm"):
        trial.sample_ratios(tests, table, {"control": 10, "email": 45, "vuocher": 45})
    with pytest.raises(UsageError, match="doesn't name voucher of the experiment 'offer'"):
        trial.sample_ratios(tests, table, {"control": 10, "email": 90})
    another = pd.concat([table, table.assign(experiment="quiz", variant="quiz")])
    assert not trial.sample_ratios(tests, another, {"control": 50, "quiz": 50})[
        "offer"
    ].holds  # equal arms were planned


def test_the_sample_ratio_agrees_with_tea_tasting() -> None:
    table = pd.DataFrame({"customer_id": range(1000), "experiment": "offer", "date": ASSIGNED})
    table["variant"] = np.where(table.index < 470, "control", "offer")
    test = trial.prepare(table.astype({"customer_id": str}), "offer", START, AS_OF)
    theirs = tt.Experiment(ratio=tt.SampleRatio(method="norm", correction=False)).analyze(table, control="control")
    assert trial.sample_ratio(test).p == pytest.approx(theirs["ratio"].pvalue)
