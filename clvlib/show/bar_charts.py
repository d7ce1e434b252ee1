"""Frames in, pictures of bars out: lengths beside each other, or steps from one total to another."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from clvlib import wording
from clvlib.language import translated
from clvlib.show.canvas import (
    ACCENT,
    GUIDE,
    INK,
    NAMED_BARS,
    PALETTE,
    REST,
    as_frame,
    canvas,
    colours_of,
    date_axis,
    draw_levels,
    draw_marks,
    entitle,
    in_column,
    is_scale,
    is_time,
    plain,
    positions,
    row_names,
    set_unit,
    small,
    too_many_words,
    wrap,
    write,
)
from clvlib.show.figures import Picture, series_told, tell


def draw_bars(
    data: pd.DataFrame | pd.Series,
    title: str,
    x: str,
    y: str,
    unit: str | None = None,
    horizontal: bool = False,
    stacked: bool = False,
    accent: Any = None,
    levels: Mapping[str, float] | None = None,
    marks: Mapping[str, Any] | None = None,
) -> Picture:
    """Draw one bar per row, or one group (or stack) per row with one colour per column.

    unit: money, percent or count, that of the lengths. x names the horizontal axis, whichever way the bars lie. Rows of
    dates stand on a time axis; many words lie down, so that they stay readable. accent: the column, or of a single one
    the row, that the title is about. levels: name → length at which a dashed line is drawn. marks: of bars over dates,
    name → day, a dotted line.
    """
    frame = as_frame(data)
    words = not is_time(frame.index) and not is_scale(frame.index)
    lying = horizontal or (words and too_many_words(frame.index))
    if lying and not horizontal:
        x, y = y, x
    names = [wrap(name) for name in row_names(frame.index)]
    tall = sum(max(1.0, 0.45 * (1 + name.count("\n"))) for name in names)
    figure, axes = canvas(x, y, rows=tall if lying else 0)
    at, thickness = positions(frame.index) if not lying else (np.arange(len(frame)), 0.8)
    single = frame.shape[1] == 1
    by_row = single and accent is not None
    colours = [ACCENT if row == accent else REST[0] for row in frame.index] if by_row else colours_of(frame, accent)
    drawn = [colours] if by_row else [[colour] * len(frame) for colour in colours]
    _draw_each(axes, frame, at, thickness, lying, stacked, drawn)
    value_axis, name_axis = (axes.xaxis, axes.yaxis) if lying else (axes.yaxis, axes.xaxis)
    if lying or words:
        name_axis.set_ticks(at, names)
    elif not is_time(frame.index):
        name_axis.set_major_locator(MaxNLocator(integer=True))
        set_unit(name_axis, None)
    else:
        date_axis(axes)
    if lying:
        axes.set_ylim(len(frame) - 0.4, -1.1 if levels else -0.6)
    set_unit(value_axis, unit)
    axes.grid(visible=False, axis="y" if lying else "x")
    if (frame.to_numpy(dtype=float, na_value=0) < 0).any():
        (axes.axvline if lying else axes.axhline)(0, color=GUIDE, linewidth=0.8)
    draw_levels(axes, levels or {}, lying)
    draw_marks(axes, marks or {}, frame.index)
    if frame.size <= NAMED_BARS and not stacked:
        _write_lengths(axes, frame, unit)
    entitle(axes, title, [] if single else list(zip(map(str, frame), colours, strict=True)))
    lines = [series_told("bars", "" if single else name, frame.index, frame[name]) for name in frame]
    return tell(figure, axes, title, lines, [*(levels or {}), *(marks or {})])


def _draw_each(
    axes: Axes, frame: pd.DataFrame, at: np.ndarray, thickness: float, lying: bool, stacked: bool, colours: list[Any]
) -> None:
    above, below = np.zeros(len(frame)), np.zeros(len(frame))
    groups = 1 if stacked else max(frame.shape[1], 1)
    draw = axes.barh if lying else axes.bar
    for position, name in enumerate(frame.columns):
        values = frame[name].to_numpy(dtype=float, na_value=0.0)
        starts = np.where(values >= 0, above, below) if stacked else np.zeros(len(frame))
        shift = 0.0 if groups == 1 else (position - (groups - 1) / 2) * thickness / groups
        style: dict[str, Any] = {"color": colours[position], "linewidth": 0.8 if stacked else 0, "edgecolor": "white"}
        draw(at + shift, values, thickness / groups * (1 if groups == 1 else 0.92), starts, **style)
        above, below = above + values.clip(min=0), below + values.clip(max=0)


def _write_lengths(axes: Axes, frame: pd.DataFrame, unit: str | None) -> None:
    texts = iter(wording.column(pd.Series(frame.T.to_numpy(dtype=float, na_value=np.nan).ravel()), unit or "number"))
    for bars, name in zip(axes.containers, frame.columns, strict=True):
        names = ["" if pd.isna(value) else plain(text) for value, text in zip(frame[name], texts, strict=False)]
        size = 9 if frame.shape[1] == 1 else small()
        axes.bar_label(bars, names, padding=3, fontsize=size, color=INK)  # type: ignore[arg-type]
        lying = getattr(bars, "orientation", "") == "horizontal"
        axes.margins(x=0.14 if lying else None, y=None if lying else 0.14)


def draw_waterfall(steps: pd.Series, title: str, x: str = "", y: str = "", unit: str | None = None) -> Picture:
    """Draw a bridge: the first and last of `steps` are totals, the steps between them add up from one to the other.

    The index names the bars; unit: of the heights. Zero is always on the axis: bars cut off at the foot would make
    every step look larger than it is. In a column of the report the bars lie, so that their names have room.
    """
    values = steps.to_numpy(dtype=float)
    moved = np.concatenate([[0.0], np.cumsum(values[:-2]), [0.0]])  # where each bar starts
    lying = in_column()
    figure, axes = canvas(*((y, x) if lying else (x, y)), rows=len(steps) if lying else 0)
    at = np.arange(len(values))
    total = (at == 0) | (at == len(values) - 1)
    kinds = {"total": total, "rise": ~total & (values >= 0), "fall": ~total & (values < 0)}
    for kind, colour in zip(kinds.values(), (REST[2], PALETTE[2], PALETTE[5]), strict=True):
        (axes.barh if lying else axes.bar)(at[kind], values[kind], 0.72, moved[kind], color=colour, linewidth=0)
    ends = moved + values
    join = axes.vlines if lying else axes.hlines
    join(ends[:-1], at[:-1] + 0.36, at[:-1] + 0.64, colors="#999999", linewidth=0.8)
    for place, text in enumerate(wording.column(pd.Series(values), unit or "number")):
        signed = f"+{text}" if kinds["rise"][place] and values[place] > 0 else text
        top = max(moved[place], ends[place])
        if lying:
            write(axes, signed, (top, place), (3, 0), ha="left", va="center")
        else:
            write(axes, signed, (place, top), (0, 3), ha="center", va="bottom")
    names = [wrap(str(name), 20 if lying else 11) for name in steps.index]
    (axes.set_yticks if lying else axes.set_xticks)(at, names, fontsize=9 if lying else 8.5)
    set_unit(axes.xaxis if lying else axes.yaxis, unit)
    axes.grid(visible=False, axis="y" if lying else "x")
    low, high = min(0.0, np.minimum(moved, ends).min()), max(0.0, np.maximum(moved, ends).max())
    room = 1.25 if lying else 1.12
    (axes.set_xlim if lying else axes.set_ylim)(low * room, high * room if high > 0 else 1.0)
    if lying:
        axes.invert_yaxis()
        axes.xaxis.set_major_locator(MaxNLocator(5))
    entitle(axes, title)
    told = [(translated(name), kind) for name, kind in kinds.items() if kind.any()]
    lines = [series_told("bars", name, steps.index[kind], values[kind]) for name, kind in told]
    return tell(figure, axes, title, lines)
