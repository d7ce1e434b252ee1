import numpy as np
import pandas as pd
import pytest

from clvlib.show import figures
from clvlib.show.waterfall import Panel, small_multiples, waterfall


def test_a_bridge_starts_each_step_where_the_one_before_ended() -> None:
    steps = pd.Series({"then": 10.0, "won": 5.0, "lost": -8.0, "now": 7.0})
    axes = waterfall(steps, "The base shrank", "value").axes[0]
    boxes = sorted((bar.get_x(), bar.get_y(), bar.get_y() + bar.get_height()) for bar in axes.patches)
    assert [tuple(np.round(box[1:], 6)) for box in boxes] == [(0, 10), (10, 15), (15, 7), (0, 7)]
    assert axes.get_ylim()[0] == 0


def test_the_text_of_a_bridge_names_every_step_with_its_sign() -> None:
    steps = pd.Series({"then": 10.0, "won": 5.0, "lost": -8.0, "now": 7.0})
    text = figures.describe(waterfall(steps, "The base shrank", "value"))
    assert "bars “total”: then → 10, now → 7" in text
    assert "bars “rise”: won → 5" in text
    assert "bars “fall”: lost → -8" in text


def test_a_bridge_below_zero_is_seen_whole() -> None:
    axes = waterfall(pd.Series({"then": 1.0, "lost": -3.0, "now": -2.0}), "t", "v").axes[0]
    assert axes.get_ylim()[0] < -2


@pytest.fixture
def trend() -> pd.DataFrame:
    dates = pd.date_range("2024-03-31", periods=4, freq="QE")
    values = {"a": [1.0, 2, 3, 4], "b": [np.nan, np.nan, 0.5, 0.6], "b_low": 0.4, "b_high": 0.7, "c": np.nan}
    return pd.DataFrame(values, index=dates)


def test_small_panels_tell_dates_values_and_the_quoted_level(trend: pd.DataFrame) -> None:
    panels = [Panel("a", "First", None, 2.5), Panel("b", "Second", "percent", None, "b_low", "b_high")]
    text = figures.describe(small_multiples(trend, panels, "Finding"))
    assert text.startswith("Figure: Finding")
    assert "line “First”: 2024-03-31 → 1" in text
    assert "line “quoted”: 2024-03-31 → 2.5, 2024-12-31 → 2.5" in text
    assert "line “Second”: 2024-09-30 → 0.5, 2024-12-31 → 0.6" in text
    assert "area “interval”: from 0.4 to 0.7" in text


def test_a_panel_without_values_is_left_out(trend: pd.DataFrame) -> None:
    figure = small_multiples(trend, [Panel("a", "First"), Panel("c", "Third"), Panel("x", "Unknown")], "Finding")
    shown = [axes.get_title(loc="left") or axes.get_title() for axes in figure.axes if axes.get_visible()]
    assert shown == ["First"]
