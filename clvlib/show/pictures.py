"""One picture, one call: a frame → the figure that `plots` or `bar_charts` draws of it, with title and caption.

title (the finding), x, y and caption are templates with named values (``sentences``). unit: how lengths are written,
where the columns' names don't say it; money names its currency on the axis. n, of, dates: how many are shown and from
when, which ends the caption. What else a shape can be told, its drawing function says: any other name is a value for
the templates.
"""

import inspect
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pandas as pd

from clvlib.language import ENGLISH, spoken, translated, word
from clvlib.show import bar_charts, plots
from clvlib.show.canvas import is_time, settled
from clvlib.show.figures import Picture
from clvlib.show.output import figure
from clvlib.show.sentences import axis, fill
from clvlib.show.units import UNITS

_Frame = pd.DataFrame | pd.Series
_CAPTION = ("caption", "n", "of", "dates")
_NOTED = ("levels", "marks", "points", "bands")  # by their names
_BY_COLUMN = (plots.draw_interval, plots.draw_panels)  # whose columns are told apart by their names


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
    if spoken() != ENGLISH:
        frame, style = _in_words(draw, frame, style)
    figure(draw(frame, fill(title, values), **style), **shown, **values)


def _in_words(draw: Callable[..., Picture], frame: _Frame, style: dict[str, Any]) -> tuple[_Frame, dict[str, Any]]:
    """The frame, and what is said of its rows and columns, with their names in the language spoken."""

    def named(name: Any) -> Any:
        return list(map(named, name)) if isinstance(name, list) else word(name) if isinstance(name, str) else name

    style = style | {of: named(style[of]) for of in ("accent", "dots") if of in style}
    style |= {of: {named(name): at for name, at in style[of].items()} for of in _NOTED if style.get(of)}
    if "shown" in style:
        style["shown"] = [replace(panel, title=translated(panel.title)) for panel in style["shown"]]
    frame = frame if is_time(frame.index) else frame.rename(index=named)
    if isinstance(frame, pd.Series):
        return frame.rename(named(frame.name)), style
    return frame if draw in _BY_COLUMN else frame.rename(columns=named), style


def _unit(frame: _Frame) -> str | None:
    """The unit of all columns, if their names say one."""
    names = [frame.name] if isinstance(frame, pd.Series) else list(frame.columns)
    units = {UNITS.get(str(name), "").partition(".")[0] for name in names}
    return units.pop() or None if len(units) == 1 else None
