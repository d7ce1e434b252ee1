import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from clvlib.errors import NotEnoughData
from clvlib.models import silence

DAY = pd.Timedelta(days=1)
START = pd.Timestamp("2024-01-01")


def counted(gaps: dict[int, int]) -> pd.Series:
    return pd.Series(gaps, dtype="int64").rename_axis("gap").sort_index()


some_gaps = st.dictionaries(st.integers(1, 300), st.integers(1, 50), min_size=1, max_size=20).map(counted)
some_silences = st.lists(st.integers(0, 400), min_size=1, max_size=60).map(lambda days: pd.Series(days))


def test_without_open_silences_the_curve_is_the_plain_share_of_returns() -> None:
    curve = silence.silence_curve(counted({10: 5, 20: 3, 50: 2}), pd.Series([], dtype="int64").reindex([]).fillna(0))
    assert curve["returns_within"].loc[[9, 10, 20, 50]].tolist() == pytest.approx([0, 0.5, 0.8, 1])


def test_a_silence_that_has_just_begun_says_nothing_about_long_ones() -> None:
    gaps = counted({10: 5, 100: 5})
    few = silence.silence_curve(gaps, pd.Series([0]))
    many = silence.silence_curve(gaps, pd.Series([0] * 1000))
    assert many["still_silent"].loc[100] == pytest.approx(few["still_silent"].loc[100])


def test_silences_cut_short_by_the_end_make_returns_later_than_they_look() -> None:
    gaps = counted({10: 50, 100: 5})
    seen = silence.window_for(silence.silence_curve(gaps, pd.Series([100])), 0.9)
    cut = silence.silence_curve(gaps, pd.Series([50] * 40 + [100]))
    assert seen == 10
    assert silence.window_for(cut, 0.9) == 100


def test_the_curve_agrees_with_kaplan_and_meier_by_hand() -> None:
    curve = silence.silence_curve(counted({2: 1, 4: 1}), pd.Series([3, 5]))
    assert curve["at_risk"].tolist() == [4, 4, 4, 3, 2, 1]
    assert curve["still_silent"].tolist() == pytest.approx([1, 1, 3 / 4, 3 / 4, 3 / 8, 3 / 8])
    assert silence.chance_to_return(curve).tolist() == pytest.approx([0.625, 0.625, 0.5, 0.5, 0, 0])


@given(some_gaps, some_silences)
def test_the_longer_the_silence_the_smaller_the_chance_to_return(gaps: pd.Series, still: pd.Series) -> None:
    chance = silence.chance_to_return(silence.silence_curve(gaps, still)).dropna()
    assert chance.between(-1e-12, 1).all()
    assert (chance.diff().dropna() <= 1e-12).all()


@given(some_gaps, some_silences, st.floats(0.05, 0.99))
def test_the_window_is_the_shortest_that_covers_the_share(gaps: pd.Series, still: pd.Series, share: float) -> None:
    curve = silence.silence_curve(gaps, still)
    days = silence.window_for(curve, share)
    assert curve["returns_within"].loc[days] >= share - 1e-9
    assert days == 0 or curve["returns_within"].loc[days - 1] < share


@given(some_gaps, some_silences, st.integers(2, 5))
def test_more_of_the_same_customers_change_no_window(gaps: pd.Series, still: pd.Series, times: int) -> None:
    one = silence.other_windows(silence.silence_curve(gaps, still))
    more = silence.other_windows(silence.silence_curve(gaps * times, pd.concat([still] * times)))
    pd.testing.assert_frame_equal(one, more)


def test_nobody_who_came_back_is_said_with_the_number_of_customers() -> None:
    with pytest.raises(NotEnoughData, match="None of the 3 customers came back"):
        silence.silence_curve(counted({}), pd.Series([1, 2, 3]))


@given(some_gaps, some_silences, st.integers(21, 1500), st.floats(0.5, 0.99))
def test_no_label_window_reaches_into_the_next_question(
    gaps: pd.Series, still: pd.Series, history: int, share: float
) -> None:
    as_of = START + history * DAY
    plan = silence.plan_window(silence.silence_curve(gaps, still), START, as_of, share)
    window = plan.window_days * DAY
    assert plan.train_as_of + window == plan.test_as_of
    assert plan.test_as_of + window == plan.as_of == as_of
    assert plan.train_as_of - START >= window
    assert plan.shortened == (plan.wanted_days > history // 3)
    assert plan.window_days >= silence.SHORTEST_WINDOW


def test_a_history_of_two_weeks_is_too_short_to_plan() -> None:
    curve = silence.silence_curve(counted({3: 5}), pd.Series([4]))
    with pytest.raises(NotEnoughData, match="2024-01-01 to 2024-01-15 is too short"):
        silence.plan_window(curve, START, START + 14 * DAY)
