"""One picture, one call: a frame → the figure that `plots` draws of it, shown with its title and caption.

title: the finding. x, y: what the axes say, with their unit. unit: how lengths are written (money, percent, count).
headline: whether it stands at the head of the report.
"""

from collections.abc import Callable
from typing import Any

import pandas as pd
from matplotlib.figure import Figure

from clvlib.show import plots
from clvlib.show.output import figure

_Frame = pd.DataFrame | pd.Series


def bars(frame: _Frame, *, title: str, **about: Any) -> None:
    """Show a bar per row, or a group (`stacked`: a stack) per row with one colour per column; see `plots.bars`."""
    _show(plots.bars, frame, title, **about)


def lines(frame: _Frame, *, title: str, **about: Any) -> None:
    """Show a line per column over the index; see `plots.lines`."""
    _show(plots.lines, frame, title, **about)


def heatmap(frame: pd.DataFrame, *, title: str, **about: Any) -> None:
    """Show every cell of the frame in the colour of its value; see `plots.heatmap`."""
    _show(plots.heatmap, frame, title, **about)


def interval(frame: pd.DataFrame, *, title: str, **about: Any) -> None:
    """Show a dot at `mid` per row, with a whisker from `low` to `high`; see `plots.interval`."""
    _show(plots.interval, frame, title, **about)


def _show(
    draw: Callable[..., Figure],
    frame: _Frame,
    title: str,
    x: str = "",
    y: str = "",
    caption: str = "",
    headline: bool = False,
    **style: Any,
) -> None:
    figure(draw(frame, title, x, y, **style), caption, headline)
