"""One picture, one call: a frame → the figure that `plots` or `bar_charts` draws of it, with title and caption.

title (the finding), x, y and caption are templates with named values (``sentences``). unit: how lengths are written,
where the columns' names don't say it; money names its currency on the axis. n, of, dates: how many are shown and from
when, which ends the caption. What else a shape can be told, its drawing function says: any other name is a value for
the templates.
"""

import inspect
from collections.abc import Callable
from typing import Any

import pandas as pd

from clvlib.show import bar_charts, plots
from clvlib.show.canvas import settled
from clvlib.show.figures import Picture
from clvlib.show.output import figure
from clvlib.show.sentences import axis, fill
from clvlib.show.units import UNITS

_Frame = pd.DataFrame | pd.Series
_CAPTION = ("caption", "n", "of", "dates")


def bars(frame: _Frame, *, title: str, **about: Any) -> None:
    """Show a bar, a group or a stack (`stacked`) per row, one colour per column; see `bar_charts.draw_bars`."""
    lying = about.get("horizontal", False)
    _show(bar_charts.draw_bars, frame, title, "x" if lying else "y", about)


def lines(frame: _Frame, *, title: str, **about: Any) -> None:
    """Show a line per column over the index; see `plots.draw_lines`."""
    _show(plots.draw_lines, frame, title, "y", about)


def heatmap(frame: pd.DataFrame, *, title: str, **about: Any) -> None:
    """Show every cell of the frame in the colour of its value; see `plots.draw_heatmap`."""
    _show(plots.draw_heatmap, frame, title, "", {"unit": "percent"} | about)


def interval(frame: pd.DataFrame, *, title: str, **about: Any) -> None:
    """Show a dot at `mid` per row, with a whisker from `low` to `high`; see `plots.draw_interval`."""
    _show(plots.draw_interval, frame, title, "x", about)


def waterfall(steps: pd.Series, *, title: str, **about: Any) -> None:
    """Show how one total becomes another, step by step; see `bar_charts.draw_waterfall`."""
    _show(bar_charts.draw_waterfall, steps, title, "y", about)


def panels(frame: pd.DataFrame, *, title: str, **about: Any) -> None:
    """Show one small picture per figure over the same dates; see `plots.draw_panels`."""
    _show(plots.draw_panels, frame, title, "", about)


def _show(draw: Callable[..., Picture], frame: _Frame, title: str, lengths: str, about: dict[str, Any]) -> None:
    known = inspect.signature(draw).parameters
    style = {name: value for name, value in about.items() if name in known}
    frame = settled(frame)
    if style.get("bands"):
        style["bands"] = {name: settled(band) for name, band in style["bands"].items()}
    shown = {name: value for name, value in about.items() if name in _CAPTION}
    values = {name: value for name, value in about.items() if name not in style and name not in shown}
    if "unit" in known:
        style.setdefault("unit", _unit(frame))
    if "x" in known:
        labels = {which: fill(style.get(which, ""), values) for which in ("x", "y")}
        style |= {which: axis(label, style["unit"] if which == lengths else None) for which, label in labels.items()}
    figure(draw(frame, fill(title, values), **style), **shown, **values)


def _unit(frame: _Frame) -> str | None:
    """The unit of all columns, if their names say one."""
    names = [frame.name] if isinstance(frame, pd.Series) else list(frame.columns)
    units = {UNITS.get(str(name), "").partition(".")[0] for name in names}
    return units.pop() or None if len(units) == 1 else None
