import itertools

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from clvlib.show import figures, plots, wording


@pytest.fixture(autouse=True)
def theme():
    plots.theme()
    wording.write_for("en_US", "USD")
    yield
    plt.close("all")


def texts(figure):
    figure.canvas.draw()
    return figures.describe(figure).splitlines()


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
    assert texts(plots.bars(SEGMENTS, "Champions lead", "segment", "revenue (USD)", unit="money")) == [
        "Figure",
        "title: Champions lead",
        "x: segment",
        "y: revenue (USD)",
        "bars: champions → 5, loyal → 3, lost → 2.5",
    ]


def test_bars_of_money_are_labelled_in_the_currency():
    figure = plots.bars(SEGMENTS, "t", "x", "y", unit="money")
    figure.canvas.draw()
    assert [text.get_text().replace("\\", "") for text in figure.axes[0].texts] == ["$5.00", "$3.00", "$2.50"]
    assert any(label.startswith("$") for label in tick_labels(figure.axes[0].yaxis))


def test_bars_over_months_name_the_months():
    frame = pd.DataFrame({"new": range(18), "back": range(18)}, index=MONTHS)
    lines = texts(plots.bars(frame, "t", "month", "customers", unit="count", stacked=True))
    assert lines[-2].startswith("bars “new”: 1997-01-01 → 0")
    assert "1998-06-01 → 17" in lines[-1]


def test_stacked_bars_stand_on_each_other():
    frame = pd.DataFrame({"a": [1.0, 2.0], "b": [3.0, 4.0]}, index=["x", "y"])
    patches = plots.bars(frame, "t", "x", "y", stacked=True).axes[0].patches
    assert [patch.get_y() for patch in patches] == [0, 0, 1, 2]


def test_negative_bars_keep_their_sign():
    lines = texts(plots.bars(pd.Series([-2.0, 3.0], index=["down", "up"]), "t", "x", "y", horizontal=True))
    assert lines[-1] == "bars: down → -2, up → 3"


def test_many_words_lie_down_and_the_axis_names_follow():
    many = pd.Series(np.arange(25.0), index=[f"a rather long segment name {i}" for i in range(25)])
    axes = plots.bars(many, "t", "segment", "revenue").axes[0]
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("revenue", "segment")


@pytest.mark.parametrize("names", [["short", "names"], [f"quite a long name of a segment {i}" for i in range(9)]])
@pytest.mark.parametrize("horizontal", [True, False])
def test_labels_of_bars_do_not_touch(names, horizontal):
    figure = plots.bars(pd.Series(np.arange(float(len(names))), index=names), "t", "x", "y", horizontal=horizontal)
    assert not overlaps(figure.axes[0])


@pytest.mark.parametrize("periods", [2, 18, 78, 400])
def test_labels_of_dates_do_not_touch(periods):
    index = pd.date_range("1997-01-05", periods=periods, freq="W")
    figure = plots.lines(pd.DataFrame({"a": np.arange(float(periods))}, index=index), "t", "week", "y", unit="money")
    assert not overlaps(figure.axes[0])


def test_lines_tell_dates_and_three_digits_and_sample_what_is_long():
    index = pd.date_range("1997-01-01", periods=100, freq="D")
    lines = texts(plots.lines(pd.DataFrame({"a": np.linspace(0, 123456.0, 100)}, index=index), "t", "day", "y"))
    assert lines[-1].startswith("line “a”: 1997-01-01 → 0, 1997-01-10 → 11200")
    assert lines[-1].endswith("1997-04-10 → 123000")
    assert lines[-1].count("→") == 12


def test_noise_that_is_nothing_beside_the_largest_value_is_nought():
    lines = texts(plots.lines(pd.Series([1e-17, 1.0], index=[0, 1]), "t", "x", "y"))
    assert lines[-1] == "line: 0 → 0, 1 → 1"


def test_a_heatmap_lists_its_cells_and_writes_them_while_there_is_room():
    small = plots.heatmap(pd.DataFrame([[0.5, np.nan]], index=["a"], columns=[1, 2]), "t", "age", "cohort")
    assert texts(small)[-2:] == ["grid of 1 rows and 2 columns", "  0.5 –"]
    assert [text.get_text() for text in small.axes[0].texts] == ["50"]
    large = plots.heatmap(pd.DataFrame(np.random.default_rng(0).random((40, 40))), "t", "x", "y")
    assert not large.axes[0].texts
    assert not overlaps(large.axes[0])


def test_intervals_tell_their_ends():
    frame = pd.DataFrame({"low": [1.0, 2.0], "mid": [2.0, 3.0], "high": [4.0, 3.5]}, index=["a", "b"])
    lines = texts(plots.interval(frame, "t", "CLV", unit="money"))
    assert "intervals: a → 1 to 4, b → 2 to 3.5" in lines
    assert "line: 2 → a, 3 → b" in lines


def test_two_amounts_in_a_title_are_not_a_formula():
    figure = plots.bars(SEGMENTS, "From $5 to $7", "x", "y")
    assert figures.describe(figure).splitlines()[1] == "title: From $5 to $7"
    assert "$" in figure.axes[0].get_title("left").replace("\\$", "$")


def test_a_long_title_is_broken_not_cut():
    title = "finding " * 30
    axes = plots.bars(SEGMENTS, title, "x", "y").axes[0]
    assert "\n" in axes.get_title("left")


@pytest.mark.parametrize(
    "draw",
    [
        lambda: plots.bars(pd.Series([], dtype=float), "t", "x", "y"),
        lambda: plots.lines(pd.DataFrame({"a": []}), "t", "x", "y"),
        lambda: plots.bars(pd.Series([np.nan], index=["a"]), "t", "x", "y"),
    ],
)
def test_next_to_no_data_is_still_a_figure(draw):
    figure = draw()
    assert figures.png(figure).startswith(b"\x89PNG")
    assert figures.describe(figure)
