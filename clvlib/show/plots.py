"""Frames in, pictures out: lines, heat maps, intervals and panels (`bar_charts` draws bars).

What the title says stands in one colour (``accent``), the rest in grey; where nothing is said of it, each column has a
colour of its own. Series are named where they are, not in a legend, while there is room.
"""

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.ticker import MaxNLocator

from clvlib import wording
from clvlib.language import phrase
from clvlib.show.canvas import (
    ACCENT,
    GUIDE,
    INK,
    PALETTE,
    PAPER,
    REST,
    as_frame,
    canvas,
    colours_of,
    darkened,
    date_axis,
    draw_levels,
    draw_marks,
    entitle,
    head,
    is_scale,
    is_time,
    luminance,
    plain,
    positions,
    row_names,
    set_unit,
    show_zero,
    size,
    small,
    wrap,
    write,
)
from clvlib.show.figures import (
    Picture,
    digits,
    grid,
    name_values,
    one_line,
    places,
    plain_name,
    series_told,
    tell,
)

_TELLING = 0.02  # of the height, between the ends of lines that are named there
_MOST_WRITTEN = 15  # rows and columns of a heat map whose values are written


def draw_lines(
    frame: pd.DataFrame | pd.Series,
    title: str,
    x: str,
    y: str,
    unit: str | None = None,
    markers: bool = False,
    accent: Any = None,
    dots: Any = None,
    bands: Mapping[str, pd.DataFrame] | None = None,
    marks: Mapping[str, Any] | None = None,
    levels: Mapping[str, float] | None = None,
    points: Mapping[str, tuple[Any, float]] | None = None,
) -> Picture:
    """Draw one line per column over the index (dates or numbers); zero is on the axis unless values lie below it.

    unit: money, percent or count, that of the height. accent: the column that the title is about. dots: a column drawn
    as dots. bands: name → a frame of two columns, low and high, over its own index; a band named as a column has its
    colour. marks: name → place on the index, a dotted line. levels: name → height, a dashed line. points: name →
    (place, height), a dot.
    """
    frame = as_frame(frame)
    figure, axes = canvas(x, y)
    at, _ = positions(frame.index)
    colours = dict(zip(map(str, frame.columns), colours_of(frame, accent), strict=True))
    for position, (name, colour) in enumerate(zip(frame.columns, colours.values(), strict=True)):
        front = accent is not None and name == accent
        axes.plot(
            at,
            frame[name].to_numpy(dtype=float, na_value=np.nan),
            color=colour,
            marker="o" if markers or name == dots else "",
            markersize=7 if name == dots else 5,
            linewidth=2.4 if front else 1.8,
            zorder=3.5 if name == dots else 3 if front else 2.5,
            linestyle="" if name == dots else ["-", "--", "-.", ":"][position // len(PALETTE) % 4],
        )
    key = list(colours.items()) if frame.shape[1] > 1 else []
    key += _bands(axes, bands or {}, colours, is_scale(frame.index))
    if is_time(frame.index):
        date_axis(axes)
    elif is_scale(frame.index):
        set_unit(axes.xaxis, None)
    else:
        axes.set_xticks(at, [wrap(name) for name in row_names(frame.index)])
    set_unit(axes.yaxis, unit)
    show_zero(axes)
    draw_levels(axes, levels or {}, lying=False)
    draw_marks(axes, marks or {}, frame.index)
    for name, (place, height) in (points or {}).items():
        axes.plot([place], [height], "o", color=INK, zorder=4)
        write(axes, name, (place, height), (-7, 7), ha="right", bbox=PAPER)
    entitle(axes, title, key if bands or not _name_ends(axes, frame, at, colours) else [])
    lines = [series_told("line", name, frame.index, frame[name]) for name in frame if frame[name].notna().any()]
    lines += [_area_told(name, band) for name, band in (bands or {}).items()]
    named = [*(levels or {}), *(marks or {}), *(points or {})]
    return tell(figure, axes, title, lines, named)


def _bands(
    axes: Axes, bands: Mapping[str, pd.DataFrame], colours: dict[str, str], scale: bool
) -> list[tuple[str, str]]:
    """Fill each band, over the numbers of its index where that of the lines is a `scale`.

    Returns the key of the bands that are no line's.
    """
    key = []
    for position, (name, band) in enumerate(bands.items(), start=1):
        colour = colours.get(name, PALETTE[position % len(PALETTE)])
        low, high = (band[column].to_numpy(dtype=float) for column in band)
        at = band.index.to_numpy(dtype=float) if scale else positions(band.index)[0]
        axes.fill_between(at, low, high, color=colour, alpha=0.22, linewidth=0)
        key += [] if name in colours else [(name, colour)]
    return key


def _area_told(name: str, band: pd.DataFrame) -> str:
    low, high = _ends(band)
    return phrase("area{name: “{name}”|}: {low} to {high}", name=plain_name(name), low=low, high=high)


def _ends(band: pd.DataFrame) -> list[str]:
    values = band.to_numpy(dtype=float)
    return digits([float(np.nanmin(values)), float(np.nanmax(values))])


def _name_ends(axes: Axes, frame: pd.DataFrame, at: np.ndarray, colours: dict[str, str]) -> bool:
    """Write each line's name at its right end; tell whether there was room."""
    known = [name for name in frame.columns if frame[name].notna().any()]
    if not 1 < len(known) <= 6 or not all(frame[name].notna().to_numpy()[-1] for name in known):
        return False
    low, high = axes.get_ylim()
    last = at.max() if len(at) else 0.0
    heights = {name: (float(frame[name].iloc[int(np.argmax(at))]) - low) / (high - low) for name in known}
    order = sorted(known, key=lambda name: heights[name])
    if any(heights[b] - heights[a] < _TELLING for a, b in itertools.pairwise(order)):
        return False
    tall = {name: 0.055 * len(wrap(str(name), 18).splitlines()) for name in known}
    placed = [heights[order[0]]]
    for below, name in itertools.pairwise(order):  # from the lowest up, apart by their own height
        placed.append(max(heights[name], placed[-1] + (tall[below] + tall[name]) / 2))
    over = max(0.0, placed[-1] - 1.0)
    for name, height in zip(order, placed, strict=True):
        shift = (7, (height - over - heights[name]) * size()[1] * 72 * 0.72)
        style: dict[str, Any] = {"xycoords": ("data", "axes fraction"), "va": "center", "ha": "left"}
        write(axes, wrap(str(name), 18), (last, heights[name]), shift, color=darkened(colours[str(name)]), **style)
    return True


def draw_heatmap(frame: pd.DataFrame, title: str, x: str, y: str, unit: str | None = "percent") -> Picture:
    """Colour every cell of the frame by its value, dark = much, and write the value in it while there is room."""
    height = max(2.8, min(8.5, 1.7 + 0.34 * len(frame)))
    figure, axes = plt.subplots(figsize=(size()[0], height), layout="constrained")
    values = frame.to_numpy(dtype=float, na_value=np.nan)
    mesh = axes.pcolormesh(values, cmap="Blues", edgecolors="white", linewidth=0.5)
    if max(frame.shape) <= _MOST_WRITTEN:
        _write_cells(axes, mesh, values, unit)
    else:
        colorbar = figure.colorbar(mesh, ax=axes, pad=0.02)
        set_unit(colorbar.ax.yaxis, unit)
        colorbar.outline.set_visible(False)
    _name_cells(axes.xaxis, frame.columns, most=20)
    _name_cells(axes.yaxis, frame.index, most=24)
    axes.invert_yaxis()
    axes.grid(visible=False)
    axes.set_xlabel(plain(x))
    axes.set_ylabel(plain(y))
    entitle(axes, title)
    return tell(figure, axes, title, grid(values))


def _write_cells(axes: Axes, mesh: Any, values: np.ndarray, unit: str | None) -> None:
    write = wording.whole_percent if unit == "percent" else wording.writer(unit or "number")
    for row, col in np.argwhere(np.isfinite(values)):
        light = luminance(mesh.cmap(mesh.norm(values[row, col]))) > 0.5
        text = plain(write(values[row, col])).replace("\u00a0%", "%")  # in a cell there is no room for the space
        colour = "#222222" if light else "white"
        axes.text(col + 0.5, row + 0.5, text, ha="center", va="center", fontsize=small(), color=colour)


def _name_cells(axis: Axis, index: pd.Index, most: int) -> None:
    step = max(1, int(np.ceil(len(index) / most)))
    names = [name if place % step == 0 else "" for place, name in enumerate(row_names(index))]
    axis.set_ticks(np.arange(len(index)) + 0.5, names)
    if getattr(axis, "axis_name", "") == "x" and sum(len(name) for name in names) > 60:
        axis.set_tick_params(rotation=45)


def draw_interval(
    frame: pd.DataFrame,
    title: str,
    x: str,
    y: str = "",
    unit: str | None = None,
    mark: float = 0.0,
    accent: Any = None,
) -> Picture:
    """Draw one dot at ``mid`` per row, with its value, and a whisker from ``low`` to ``high``.

    unit: of the values, which x says. mark: the value that means no effect, always on the axis. accent: the row, or
    list of rows, that the title is about, whose ends are written too. A column ``true`` is drawn as a hollow diamond.
    """
    figure, axes = canvas(x, y, rows=1.4 * len(frame))
    at = np.arange(len(frame))
    axes.axvline(mark, color=GUIDE, linewidth=1)
    front = set(frame.index) if accent is None else set(accent) if isinstance(accent, list) else {accent}
    colours = [ACCENT if row in front else REST[0] for row in frame.index]
    texts = wording.column(frame["mid"], unit or "number")
    ends = {end: wording.column(frame[end], unit or "number") for end in ("low", "high")}
    for place, (row, colour) in enumerate(zip(frame.to_dict("records"), colours, strict=True)):
        axes.plot([row["low"], row["high"]], [place, place], color=colour, linewidth=2.2, solid_capstyle="round")
        axes.plot([row["mid"]], [place], "o", color=colour, markersize=7)
        if pd.notna(row["mid"]):
            write(axes, texts[place], (row["mid"], place), (0, 6), ha="center", va="bottom")
        if accent is not None and colour == ACCENT and row["low"] < row["high"]:
            for end in ("low", "high"):
                write(axes, ends[end][place], (row[end], place), (0, -6), ha="center", va="top", fontsize=small())
    if "true" in frame:
        axes.plot(frame["true"], at, "D", color="white", markeredgecolor=INK, markersize=6, zorder=4)
    axes.set_yticks(at, [wrap(name) for name in row_names(frame.index)])
    axes.set_ylim(len(frame) - 0.4, -0.6)
    axes.grid(visible=False, axis="y")
    set_unit(axes.xaxis, unit)
    entitle(axes, title)
    lows, mids, highs = (digits(frame[end]) for end in ("low", "mid", "high"))
    ranges = [
        phrase("{mid} ({low} to {high})", mid=mid, low=low, high=high)
        for low, mid, high in zip(lows, mids, highs, strict=True)
    ]
    true = [series_told("true", "", frame.index, frame["true"])] if "true" in frame else []
    return tell(
        figure, axes, title, [phrase("intervals: {these}", these=name_values(places(frame.index), ranges)), *true]
    )


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


def draw_panels(frame: pd.DataFrame, title: str, shown: Sequence[Panel], columns: int = 2) -> Picture:
    """Draw one small panel per figure, all over the same dates (the index), with its last value written beside it.

    A dashed line is the level quoted in the literature, a band the interval. Panels whose column the frame does not
    have, or has no value in, are left out.
    """
    known = [panel for panel in shown if panel.column in frame and frame[panel.column].notna().any()]
    rows = max(int(np.ceil(len(known) / columns)), 1)
    width, tall = size()[0], 0.7 + 1.75 * rows
    figure, boxes = plt.subplots(rows, columns, figsize=(width, tall), layout="constrained", squeeze=False, sharex=True)
    head(figure, title)
    lines: list[str] = []
    for axes, panel in zip(boxes.flat, known, strict=False):
        _panel(axes, frame, panel)
        lines += [phrase("panel: {title}", title=panel.title), *_panel_told(frame, panel)]
    for axes in boxes.flat[len(known) :]:
        axes.set_visible(False)
    for column in range(columns):
        visible = [axes for axes in boxes[:, column] if axes.get_visible()]
        for axes in visible:
            date_axis(axes, show_offset=False)
            axes.tick_params(axis="x", labelbottom=axes is visible[-1])
            axes.margins(x=0.09)
    return Picture(figure, one_line(title), lines)


def _panel(axes: Axes, frame: pd.DataFrame, panel: Panel) -> None:
    values = frame[panel.column].astype(float).dropna()
    axes.plot(values.index, values, color=ACCENT, marker="o", markersize=3.5)
    if panel.low:
        bottom, top = (frame[end].astype(float) for end in (panel.low, panel.high))
        axes.fill_between(frame.index, bottom, top, color=ACCENT, alpha=0.18, linewidth=0)
    if panel.quoted is not None:
        axes.plot(frame.index[[0, -1]], [panel.quoted] * 2, color=PALETTE[5], linestyle="--", linewidth=1.2)
    spec = {"number": "number.1"}.get(panel.unit or "number", panel.unit or "number")
    place = (values.index[-1], values.iloc[-1])
    write(axes, wording.writer(spec)(values.iloc[-1]), place, (6, 0), fontweight="bold", va="center")
    axes.set_title(plain(panel.title), fontsize=10, pad=5)
    set_unit(axes.yaxis, panel.unit)
    axes.yaxis.set_major_locator(MaxNLocator(4))
    low, high = axes.get_ylim()
    if low > 0 or (panel.unit in ("money", "percent") and low < 0 <= axes.dataLim.y0):
        axes.set_ylim(bottom=0)
    low, high = axes.get_ylim()
    axes.set_ylim(low, high + 0.08 * (high - low))


def _panel_told(frame: pd.DataFrame, panel: Panel) -> list[str]:
    values = frame[panel.column].astype(float).dropna()
    lines = [series_told("line", panel.title, values.index, values)]
    if panel.quoted is not None:
        lines.append(phrase("quoted: {value}", value=digits([panel.quoted])[0]))
    if panel.low:
        low, high = _ends(frame[[panel.low, panel.high]])
        lines.append(phrase("interval: {low} to {high}", low=low, high=high))
    return lines
