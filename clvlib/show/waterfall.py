"""Frames in, two more shapes of figure out: a bridge from one total to another, and trends in small panels."""

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import matplotlib.dates as mdates
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator

from clvlib.show import figures, wording
from clvlib.show.plots import INK, PALETTE, plain

_WIDTH = 8.2
_TOTAL, _UP, _DOWN = PALETTE[6], PALETTE[2], PALETTE[5]
_WRAP = 11


def waterfall(steps: pd.Series, title: str, ylabel: str, unit: str | None = None) -> Figure:
    """Draw a bridge: the first and last of `steps` are totals, the steps between them add up from one to the other.

    The index names the bars; `unit` (money, percent, count) is that of the heights.
    """
    values = steps.to_numpy(dtype=float)
    moved = np.concatenate([[0.0], np.cumsum(values[:-2]), [0.0]])  # where each bar starts
    figure, axes = plt.subplots(figsize=(_WIDTH, 4.4), layout="constrained")
    places = np.arange(len(values))
    total = (places == 0) | (places == len(values) - 1)
    kinds = {"total": total, "rise": ~total & (values >= 0), "fall": ~total & (values < 0)}
    for (name, kind), colour in zip(kinds.items(), (_TOTAL, _UP, _DOWN), strict=True):
        axes.bar(places[kind], values[kind], 0.72, moved[kind], color=colour, label=name, linewidth=0)
    ends = moved + values
    axes.hlines(ends[:-1], places[:-1] + 0.36, places[:-1] + 0.64, colors="#999999", linewidth=0.8)
    texts = wording.column(pd.Series(values), unit or "number")
    for place, text in enumerate(texts):
        signed = f"+{text}" if kinds["rise"][place] and values[place] > 0 else text
        above = max(moved[place], ends[place])
        style: dict[str, Any] = {"ha": "center", "va": "bottom", "fontsize": 9, "color": INK, "gid": figures.VALUE}
        axes.annotate(plain(signed), (place, above), (0, 3), textcoords="offset points", **style)
    axes.set_xticks(places, [textwrap.fill(plain(str(name)), _WRAP) for name in steps.index], fontsize=8.5)
    axes.yaxis.set_major_formatter(FuncFormatter(wording.tick(unit)))
    axes.grid(visible=False, axis="x")
    axes.margins(y=0.1)
    axes.set_title(textwrap.fill(plain(title), 68))
    axes.set_ylabel(plain(ylabel))
    _zoom(axes, moved, ends)
    return figure


def _zoom(axes: Axes, starts: np.ndarray, ends: np.ndarray) -> None:
    """Always show zero: bars cut off at the foot would make every step look larger than it is."""
    low = min(0.0, float(np.minimum(starts, ends).min()))
    high = max(0.0, float(np.maximum(starts, ends).max()))
    axes.set_ylim(low * 1.12, high * 1.12 if high > 0 else 1.0)


@dataclass(frozen=True)
class Panel:
    """A small picture of one figure over time: column of the frame, title, unit, and a quoted level to draw, if any.

    low, high: columns of an interval around it.
    """

    column: str
    title: str
    unit: str | None = None
    quoted: float | None = None
    low: str = ""
    high: str = ""


def small_multiples(frame: pd.DataFrame, panels: Sequence[Panel], title: str, columns: int = 2) -> Figure:
    """Draw one small panel per figure, all over the same dates (the index), with its last value written beside it.

    A dashed line is the level quoted in the literature, a band the interval. Panels whose column the frame does not
    have, or has no value in, are left out.
    """
    known = [panel for panel in panels if panel.column in frame and frame[panel.column].notna().any()]
    rows = int(np.ceil(len(known) / columns))
    size = (_WIDTH, 0.7 + 1.75 * max(rows, 1))
    figure, grid = plt.subplots(max(rows, 1), columns, figsize=size, layout="constrained", squeeze=False, sharex=True)
    lines = [textwrap.fill(plain(line), 88) for line in title.splitlines()]
    figure.suptitle("\n".join(lines), fontsize=11, fontweight="bold", x=0.01, ha="left")
    dates = frame.index
    for axes, panel in zip(grid.flat, known, strict=False):
        values = frame[panel.column].astype(float).dropna()
        axes.plot(values.index, values, color=PALETTE[0], marker="o", markersize=3.5, label=panel.title)
        if panel.low:
            low, high = frame[panel.low].astype(float), frame[panel.high].astype(float)
            axes.fill_between(dates, low, high, color=PALETTE[0], alpha=0.18, linewidth=0, label="interval")
        if panel.quoted is not None:
            ends, level = dates[[0, -1]], [panel.quoted] * 2
            axes.plot(ends, level, color=PALETTE[5], linestyle="--", linewidth=1.2, label="quoted")
        _last_value(axes, values, panel.unit)
        axes.set_title(plain(panel.title), fontsize=10, pad=5)
        axes.yaxis.set_major_formatter(FuncFormatter(wording.tick(panel.unit)))
        axes.yaxis.set_major_locator(MaxNLocator(4))
        _limits(axes, panel)
    for axes in grid.flat[len(known) :]:
        axes.set_visible(False)
    for column in range(columns):
        shown = [axes for axes in grid[:, column] if axes.get_visible()]
        for axes in shown:
            _time_axis(axes, last=axes is shown[-1])
    return figure


def _last_value(axes: Axes, values: pd.Series, unit: str | None) -> None:
    text = wording.writer({"number": "number.1"}.get(unit or "number", unit or "number"))(values.iloc[-1])
    place = (values.index[-1], values.iloc[-1])
    style: dict[str, Any] = {"fontsize": 9, "fontweight": "bold", "color": INK, "va": "center", "gid": figures.VALUE}
    axes.annotate(plain(text), place, (6, 0), textcoords="offset points", annotation_clip=False, **style)


def _limits(axes: Axes, panel: Panel) -> None:
    low, high = axes.get_ylim()
    if low > 0 or (panel.unit in ("money", "percent") and low < 0 <= axes.dataLim.y0):
        axes.set_ylim(bottom=0)
    low, high = axes.get_ylim()
    axes.set_ylim(low, high + 0.08 * (high - low))


def _time_axis(axes: Axes, last: bool) -> None:
    locator = mdates.AutoDateLocator(minticks=3, maxticks=9)
    axes.xaxis.set_major_locator(locator)
    axes.xaxis.set_major_formatter(mdates.ConciseDateFormatter(locator, show_offset=False))
    axes.tick_params(axis="x", labelbottom=last)
    axes.margins(x=0.09)
