import itertools

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from clvlib import language, wording
from clvlib.show import bar_charts, canvas, figures, plots
from clvlib.show.plots import Panel


@pytest.fixture(autouse=True)
def theme():
    canvas.theme()
    wording.write_for("en_US", "USD")
    yield
    plt.close("all")


def texts(picture):
    return picture.text.splitlines()


def tick_labels(axis):
    return [label.get_text() for label in axis.get_ticklabels()]


def overlaps(axes):
    """Pairs of neighbouring labels of an axis that touch."""
    axes.figure.canvas.draw()
    touching = []
    for axis in (axes.xaxis, axes.yaxis):
        low, high = sorted(axis.get_view_interval())
        ticks = [tick for tick in axis.get_major_ticks() if low <= tick.get_loc() <= high and tick.label1.get_text()]
        boxes = [tick.label1.get_window_extent() for tick in ticks]
        touching += [(a, b) for a, b in itertools.pairwise(boxes) if a.overlaps(b)]
    return touching


SEGMENTS = pd.Series([5.0, 3.0, 2.5], index=["champions", "loyal", "lost"])
MONTHS = pd.date_range("1997-01-01", periods=18, freq="MS")


def test_bars_tell_title_axes_and_values():
    assert texts(bar_charts.draw_bars(SEGMENTS, "Champions lead", "segment", "revenue (USD)", unit="money")) == [
        "Figure",
        "title: Champions lead",
        "x: segment",
        "y: revenue (USD)",
        "bars: champions → 5, loyal → 3, lost → 2.5",
    ]


def test_in_french_a_picture_is_told_with_commas_for_decimals(monkeypatch):
    monkeypatch.setenv(language.ASKED, "fr")
    wording.write_for("fr_FR", "EUR")
    bars = texts(bar_charts.draw_bars(SEGMENTS, "t", "x", "y"))[-1]
    assert bars == "barres\N{NO-BREAK SPACE}: champions → 5\N{NO-BREAK SPACE}; loyal → 3\N{NO-BREAK SPACE}; lost → 2,5"
    shares = pd.DataFrame([[0.502, 1234567.0], [0.00001, 0.25]])
    told = [figures.digits(shares[column]) for column in shares]
    assert told == [["0,502", "1e-05"], ["1230000", "0"]]
    ends = pd.DataFrame({"low": [-0.25], "mid": [0.5], "high": [1.25]}, index=["a"])
    assert "a → 0,5 (de -0,25 à 1,25)" in texts(plots.draw_interval(ends, "t", "x"))[-1]


def test_in_french_days_and_shares_that_name_rows_are_written_as_french_does(monkeypatch):
    monkeypatch.setenv(language.ASKED, "fr")
    wording.write_for("fr_FR", "EUR")
    days = canvas.row_names(pd.DatetimeIndex(["2024-07-01", "2024-12-31"]))
    assert days == ["1er juil. 2024", "31 déc. 2024"]
    assert language.word("80%") == "80\N{NO-BREAK SPACE}%"


def test_bars_of_money_are_labelled_in_the_currency():
    figure = bar_charts.draw_bars(SEGMENTS, "t", "x", "y", unit="money").figure
    figure.canvas.draw()
    assert [text.get_text().replace("\\", "") for text in figure.axes[0].texts] == ["$5.00", "$3.00", "$2.50"]
    assert any(label.startswith("$") for label in tick_labels(figure.axes[0].yaxis))


def test_bars_over_months_name_the_months():
    frame = pd.DataFrame({"new": range(18), "back": range(18)}, index=MONTHS)
    lines = texts(bar_charts.draw_bars(frame, "t", "month", "customers", unit="count", stacked=True))
    assert lines[-2].startswith("bars “new”: 1997-01-01 → 0")
    assert "1998-06-01 → 17" in lines[-1]


def test_stacked_bars_stand_on_each_other():
    frame = pd.DataFrame({"a": [1.0, 2.0], "b": [3.0, 4.0]}, index=["x", "y"])
    patches = bar_charts.draw_bars(frame, "t", "x", "y", stacked=True).figure.axes[0].patches
    assert [patch.get_y() for patch in patches] == [0, 0, 1, 2]


def test_negative_bars_keep_their_sign():
    lines = texts(bar_charts.draw_bars(pd.Series([-2.0, 3.0], index=["down", "up"]), "t", "x", "y", horizontal=True))
    assert lines[-1] == "bars: down → -2, up → 3"


def test_many_words_lie_down_and_the_axis_names_follow():
    many = pd.Series(np.arange(25.0), index=[f"a rather long segment name {i}" for i in range(25)])
    axes = bar_charts.draw_bars(many, "t", "segment", "revenue").figure.axes[0]
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("revenue", "segment")


@pytest.mark.parametrize("names", [["short", "names"], [f"quite a long name of a segment {i}" for i in range(9)]])
@pytest.mark.parametrize("horizontal", [True, False])
def test_labels_of_bars_do_not_touch(names, horizontal):
    picture = bar_charts.draw_bars(
        pd.Series(np.arange(float(len(names))), index=names), "t", "x", "y", horizontal=horizontal
    )
    assert not overlaps(picture.figure.axes[0])


@pytest.mark.parametrize("periods", [2, 18, 78, 400])
def test_labels_of_dates_do_not_touch(periods):
    index = pd.date_range("1997-01-05", periods=periods, freq="W")
    picture = plots.draw_lines(
        pd.DataFrame({"a": np.arange(float(periods))}, index=index), "t", "week", "y", unit="money"
    )
    assert not overlaps(picture.figure.axes[0])


def test_lines_tell_dates_and_three_digits_and_sample_what_is_long():
    index = pd.date_range("1997-01-01", periods=100, freq="D")
    lines = texts(plots.draw_lines(pd.DataFrame({"a": np.linspace(0, 123456.0, 100)}, index=index), "t", "day", "y"))
    assert lines[-1].startswith("line “a”: 1997-01-01 → 0, 1997-01-10 → 11200")
    assert lines[-1].endswith("1997-04-10 → 123000")
    assert lines[-1].count("→") == 12


def test_noise_that_is_nothing_beside_the_largest_value_is_nought():
    lines = texts(plots.draw_lines(pd.Series([1e-17, 1.0], index=[0, 1]), "t", "x", "y"))
    assert lines[-1] == "line: 0 → 0, 1 → 1"


def test_a_heatmap_lists_its_cells_and_writes_them_while_there_is_room():
    small = plots.draw_heatmap(pd.DataFrame([[0.5, np.nan]], index=["a"], columns=[1, 2]), "t", "age", "cohort")
    assert texts(small)[-2:] == ["grid of 1 rows and 2 columns", "  0.5 –"]
    assert [text.get_text() for text in small.figure.axes[0].texts] == ["50%"]
    large = plots.draw_heatmap(pd.DataFrame(np.random.default_rng(0).random((40, 40))), "t", "x", "y")
    assert not large.figure.axes[0].texts
    assert not overlaps(large.figure.axes[0])


def test_intervals_tell_their_ends():
    frame = pd.DataFrame({"low": [1.0, 2.0], "mid": [2.0, 3.0], "high": [4.0, 3.5]}, index=["a", "b"])
    picture = plots.draw_interval(frame, "t", "CLV", unit="money")
    assert texts(picture)[-1] == "intervals: a → 2 (1 to 4), b → 3 (2 to 3.5)"
    assert picture.figure.axes[0].get_xlim()[0] < 0 < 1, "no effect is always on the axis"


def test_two_amounts_in_a_title_are_not_a_formula():
    picture = bar_charts.draw_bars(SEGMENTS, "From $5 to $7", "x", "y")
    assert texts(picture)[1] == "title: From $5 to $7"
    assert "$" in picture.figure.get_suptitle().replace("\\$", "$")


def test_a_long_title_is_broken_not_cut():
    title = "finding " * 30
    assert "\n" in bar_charts.draw_bars(SEGMENTS, title, "x", "y").figure.get_suptitle()


@pytest.mark.parametrize(
    "draw",
    [
        lambda: bar_charts.draw_bars(pd.Series([], dtype=float), "t", "x", "y"),
        lambda: plots.draw_lines(pd.DataFrame({"a": []}), "t", "x", "y"),
        lambda: bar_charts.draw_bars(pd.Series([np.nan], index=["a"]), "t", "x", "y"),
    ],
)
def test_next_to_no_data_is_still_a_figure(draw):
    picture = draw()
    assert figures.png(picture.figure).startswith(b"\x89PNG")
    assert picture.text.startswith("Figure\ntitle: t")


def test_what_the_title_says_stands_out_and_the_rest_is_grey():
    patches = bar_charts.draw_bars(SEGMENTS, "t", "x", "y", accent="loyal").figure.axes[0].patches
    front, *rest = (patches[place].get_facecolor() for place in (1, 0, 2))
    assert front not in rest
    assert rest[0] == rest[1]


def test_lines_are_named_where_they_end_and_the_names_do_not_touch():
    close = pd.DataFrame({f"a rule of two lines {n}": [0.0, 1 + n / 30] for n in range(5)}, index=[1, 2])
    axes = plots.draw_lines(close, "t", "x", "y").figure.axes[0]
    assert axes.get_legend() is None
    axes.figure.canvas.draw()
    boxes = [text.get_window_extent() for text in axes.texts]
    assert len(boxes) == 5
    assert not any(a.overlaps(b) for a, b in itertools.combinations(boxes, 2))
    same = pd.DataFrame({"a": [0.0, 1.0], "b": [2.0, 1.0]})
    assert plots.draw_lines(same, "t", "x", "y").figure.axes[0].get_legend(), "which is which can't be told at the end"


def test_bands_marks_levels_and_points_are_told():
    line = pd.DataFrame({"mid": [1.0, 2.0]}, index=[10, 20])
    band = {"95 %": pd.DataFrame({"low": [0.0, 1.0], "high": [2.0, 3.0]}, index=[10, 20])}
    picture = plots.draw_lines(
        line, "t", "x", "y", bands=band, marks={"cut": 15}, levels={"CAC": 1.5}, points={"p": (12, 1)}
    )
    assert texts(picture)[-2:] == ["area “95 %”: 0 to 3", "notes: CAC; cut; p"]


def test_a_bridge_starts_each_step_where_the_one_before_ended():
    steps = pd.Series({"then": 10.0, "won": 5.0, "lost": -8.0, "now": 7.0})
    picture = bar_charts.draw_waterfall(steps, "The base shrank", y="value")
    axes = picture.figure.axes[0]
    boxes = sorted((bar.get_x(), bar.get_y(), bar.get_y() + bar.get_height()) for bar in axes.patches)
    assert [tuple(np.round(box[1:], 6)) for box in boxes] == [(0, 10), (10, 15), (15, 7), (0, 7)]
    assert axes.get_ylim()[0] == 0
    told = ["bars “total”: then → 10, now → 7", "bars “rise”: won → 5", "bars “fall”: lost → -8"]
    assert texts(picture)[-3:] == told


def test_a_bridge_below_zero_is_seen_whole():
    steps = pd.Series({"then": 1.0, "lost": -3.0, "now": -2.0})
    assert bar_charts.draw_waterfall(steps, "t", y="v").figure.axes[0].get_ylim()[0] < -2


@pytest.fixture
def trend():
    dates = pd.date_range("2024-03-31", periods=4, freq="QE")
    values = {"a": [1.0, 2, 3, 4], "b": [np.nan, np.nan, 0.5, 0.6], "b_low": 0.4, "b_high": 0.7, "c": np.nan}
    return pd.DataFrame(values, index=dates)


def test_small_panels_tell_dates_values_and_the_quoted_level(trend):
    shown = [Panel("a", "First", None, 2.5), Panel("b", "Second", "percent", None, "b_low", "b_high")]
    lines = texts(plots.draw_panels(trend, "Finding", shown))
    assert lines[1] == "title: Finding"
    assert "line “First”: 2024-03-31 → 1, 2024-06-30 → 2, 2024-09-30 → 3, 2024-12-31 → 4" in lines
    assert "quoted: 2.5" in lines
    assert "line “Second”: 2024-09-30 → 0.5, 2024-12-31 → 0.6" in lines
    assert "interval: 0.4 to 0.7" in lines


def test_a_panel_without_values_is_left_out(trend):
    picture = plots.draw_panels(trend, "Finding", [Panel("a", "First"), Panel("c", "Third"), Panel("x", "Unknown")])
    shown = [axes.get_title("left") for axes in picture.figure.axes if axes.get_visible()]
    assert shown == ["First"]


def test_a_last_digit_that_differs_between_processors_moves_no_pixel():
    values = pd.DataFrame({"low": np.sqrt(np.arange(1, 60.0)), "high": 1e7 / np.arange(1, 60.0), "n": range(59)})
    noisy = values.assign(low=values["low"] * (1 + 1e-15), high=values["high"] * (1 - 3e-16))
    assert not noisy.equals(values)
    assert canvas.settled(noisy).equals(canvas.settled(values))
    assert (canvas.settled(values)["high"] / values["high"] - 1).abs().max() < 1e-4
    named = pd.Series([1 / 3, np.nan, -2 / 3], index=list("abc"), name="share")
    assert canvas.settled(named).tolist()[::2] == pytest.approx([1 / 3, -2 / 3], abs=1e-6)
    assert canvas.settled(named).name == "share"
    empty = pd.DataFrame({"a": [np.nan, np.nan]})
    assert canvas.settled(empty).isna().all(axis=None)
