"""Frames in, matplotlib figures out: the theme, the palette and the few shapes of figure that the notebooks use."""

import textwrap
from typing import Any

import matplotlib as mpl
import matplotlib.dates as mdates
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.collections import PathCollection
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator

from clvlib.show import figures, wording

# Okabe and Ito (2008), without yellow and black: told apart by colour-blind readers, and dark enough on white;
# then two of Paul Tol's, for the rare eighth and ninth.
PALETTE = ["#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#7F7F7F", "#332288", "#882255"]
INK = "#333333"
_SIZE = (8.2, 4.4)
_NAMED_BARS = 12
_MOST_NAMES = 20


def theme() -> None:
    """Set fonts, colours and grid of every figure drawn from now on."""
    import seaborn as sns  # takes a second and more to load, which whoever draws nothing is spared

    sns.set_theme(style="whitegrid", palette=PALETTE, font="DejaVu Sans")
    mpl.rcParams.update(
        {
            "axes.edgecolor": "#BBBBBB",
            "axes.labelcolor": INK,
            "axes.labelsize": 10,
            "axes.spines.right": False,
            "axes.spines.top": False,
            "axes.titlecolor": "#111111",
            "axes.titlelocation": "left",
            "axes.titlepad": 12,
            "axes.titlesize": 12,
            "axes.titleweight": "bold",
            "figure.figsize": _SIZE,
            "grid.color": "#E6E6E6",
            "legend.fontsize": 9,
            "legend.frameon": False,
            "legend.title_fontsize": 9,
            "xtick.labelsize": 9,
            "ytick.labelsize": 9,
        }
    )


def bars(
    data: pd.Series | pd.DataFrame,
    title: str,
    xlabel: str,
    ylabel: str,
    unit: str | None = None,
    horizontal: bool = False,
    stacked: bool = False,
) -> Figure:
    """Draw one bar per row, or one group (or stack) per row with one colour per column.

    ``unit`` (money, percent, count) is that of the lengths; ``xlabel`` names the horizontal axis, whichever way
    the bars lie. Rows of dates stand on a time axis; many words lie down, so that they stay readable.
    """
    frame = data.to_frame(data.name if data.name is not None else "") if isinstance(data, pd.Series) else data
    words = not _is_time(frame.index) and not _is_scale(frame.index)
    lying = horizontal or (words and _too_many_words(frame.index))
    if lying and not horizontal:
        xlabel, ylabel = ylabel, xlabel
    figure, axes = _canvas(title, xlabel, ylabel, rows=len(frame) if lying else 0)
    places, thickness = _places(frame.index) if not lying else (np.arange(len(frame)), 0.8)
    _draw_bars(axes, frame, places, thickness, lying, stacked)
    value_axis, name_axis = (axes.xaxis, axes.yaxis) if lying else (axes.yaxis, axes.xaxis)
    if lying or words:
        name_axis.set_ticks(places, [_wrap(name) for name in _names(frame.index)])
    elif not _is_time(frame.index):
        name_axis.set_major_locator(MaxNLocator(integer=True))
    else:
        _date_axis(axes)
    if lying:
        axes.invert_yaxis()
    _set_unit(value_axis, unit)
    axes.grid(visible=False, axis="y" if lying else "x")
    if frame.shape[1] == 1 and len(frame) <= _NAMED_BARS:
        _write_lengths(axes, unit)
    elif frame.shape[1] > 1:
        _legend(axes, frame.columns.name)
    return figure


def _draw_bars(
    axes: Axes, frame: pd.DataFrame, places: np.ndarray, thickness: float, lying: bool, stacked: bool
) -> None:
    above, below = np.zeros(len(frame)), np.zeros(len(frame))
    groups = 1 if stacked else max(frame.shape[1], 1)
    draw = axes.barh if lying else axes.bar
    for position, name in enumerate(frame.columns):
        values = frame[name].to_numpy(dtype=float, na_value=0.0)
        starts = np.where(values >= 0, above, below) if stacked else np.zeros(len(frame))
        shift = 0.0 if groups == 1 else (position - (groups - 1) / 2) * thickness / groups
        style: dict[str, Any] = {"label": str(name), "color": _colour(position), "linewidth": 0}
        draw(places + shift, values, thickness / groups * (1 if groups == 1 else 0.92), starts, **style)
        above, below = above + values.clip(min=0), below + values.clip(max=0)


def _write_lengths(axes: Axes, unit: str | None) -> None:
    bars = axes.containers[0]
    lengths = pd.Series(bars.datavalues)  # type: ignore[attr-defined]
    names = [plain(name) for name in wording.column(lengths, unit or "number")]
    axes.bar_label(bars, names, padding=3, fontsize=9, color=INK, gid=figures.VALUE)  # type: ignore[arg-type]
    lying = getattr(bars, "orientation", "") == "horizontal"
    axes.margins(x=0.14 if lying else None, y=None if lying else 0.14)


def lines(
    frame: pd.DataFrame | pd.Series,
    title: str,
    xlabel: str,
    ylabel: str,
    unit: str | None = None,
    markers: bool = False,
) -> Figure:
    """Draw one line per column over the index (dates or numbers); ``unit`` is that of the height."""
    frame = frame.to_frame(frame.name if frame.name is not None else "") if isinstance(frame, pd.Series) else frame
    figure, axes = _canvas(title, xlabel, ylabel)
    places, _ = _places(frame.index)
    for position, name in enumerate(frame.columns):
        axes.plot(
            places,
            frame[name].to_numpy(dtype=float, na_value=np.nan),
            label=str(name),
            color=_colour(position),
            marker="o" if markers else "",
            markersize=5,
            linestyle=["-", "--", "-.", ":"][position // len(PALETTE) % 4],
        )
    if _is_time(frame.index):
        _date_axis(axes)
    elif not _is_scale(frame.index):
        axes.set_xticks(places, [_wrap(name) for name in _names(frame.index)])
    _set_unit(axes.yaxis, unit)
    if unit == "money" and frame.min().min() >= 0:
        axes.set_ylim(bottom=0)  # cut off, a fall looks steeper than it is
    if frame.shape[1] > 1:
        _legend(axes, frame.columns.name)
    return figure


def heatmap(frame: pd.DataFrame, title: str, xlabel: str, ylabel: str, unit: str | None = "percent") -> Figure:
    """Colour every cell of the frame by its value, and write the value in it while there is room."""
    height = max(2.8, min(8.5, 1.7 + 0.34 * len(frame)))
    figure, axes = plt.subplots(figsize=(_SIZE[0], height), layout="constrained")
    write = wording.tick(unit)
    values = frame.to_numpy(dtype=float, na_value=np.nan)
    mesh = axes.pcolormesh(values, cmap="cividis_r", edgecolors="white", linewidth=0.5)
    colorbar = figure.colorbar(mesh, ax=axes, format=FuncFormatter(write), pad=0.02)
    colorbar.outline.set_visible(False)
    if frame.shape[1] <= (20 if unit == "percent" else 9) and len(frame) <= 24:
        _write_cells(axes, mesh, values, unit)
    _name_cells(axes.xaxis, frame.columns, most=20)
    _name_cells(axes.yaxis, frame.index, most=24)
    axes.invert_yaxis()
    axes.grid(visible=False)
    _entitle(axes, title, xlabel, ylabel)
    return figure


def _write_cells(axes: Axes, mesh: Any, values: np.ndarray, unit: str | None) -> None:
    write = wording.writer("number" if unit is None else unit)
    for row, col in np.argwhere(np.isfinite(values)):
        red, green, blue = to_rgb(mesh.cmap(mesh.norm(values[row, col])))
        light = 0.299 * red + 0.587 * green + 0.114 * blue > 0.5
        text = f"{100 * values[row, col]:.0f}" if unit == "percent" else plain(write(values[row, col]))
        colour = "#222222" if light else "white"
        place = (col + 0.5, row + 0.5)
        axes.text(*place, text, ha="center", va="center", fontsize=8, color=colour, gid=figures.VALUE)


def _name_cells(axis: Axis, index: pd.Index, most: int) -> None:
    step = max(1, int(np.ceil(len(index) / most)))
    names = [name if place % step == 0 else "" for place, name in enumerate(_names(index))]
    axis.set_ticks(np.arange(len(index)) + 0.5, names)
    if getattr(axis, "axis_name", "") == "x" and sum(len(name) for name in names) > 60:
        axis.set_tick_params(rotation=45)


def interval(frame: pd.DataFrame, title: str, xlabel: str, ylabel: str = "", unit: str | None = None) -> Figure:
    """Draw one dot at ``mid`` per row with a whisker from ``low`` to ``high`` (same unit as ``xlabel`` says)."""
    figure, axes = _canvas(title, xlabel, ylabel, rows=len(frame))
    places = np.arange(len(frame))
    reach = np.vstack([frame["mid"] - frame["low"], frame["high"] - frame["mid"]]).clip(min=0)
    axes.errorbar(frame["mid"], places, xerr=reach, fmt="o", color=PALETTE[0], ecolor=INK, capsize=4, elinewidth=1.4)
    axes.set_yticks(places, [_wrap(name) for name in _names(frame.index)])
    axes.set_ylim(len(frame) - 0.5, -0.5)
    axes.grid(visible=False, axis="y")
    _set_unit(axes.xaxis, unit)
    return figure


def _canvas(title: str, xlabel: str, ylabel: str, rows: int = 0) -> tuple[Figure, Axes]:
    height = _SIZE[1] if rows == 0 else max(2.4, min(11.0, 1.6 + 0.36 * rows))
    figure, axes = plt.subplots(figsize=(_SIZE[0], height), layout="constrained")
    _entitle(axes, title, xlabel, ylabel)
    return figure, axes


def _entitle(axes: Axes, title: str, xlabel: str, ylabel: str) -> None:
    axes.set_title(textwrap.fill(plain(title), 62))
    axes.set_xlabel(plain(xlabel))
    axes.set_ylabel(plain(ylabel))


def plain(text: str) -> str:
    """Keep matplotlib from reading two dollar signs as a formula."""
    return text.replace("\\$", "$").replace("$", r"\$")


def _wrap(name: str) -> str:
    return textwrap.fill(plain(name), 22)


def _colour(position: int) -> str:
    return PALETTE[position % len(PALETTE)]


def _legend(axes: Axes, name: Any) -> None:
    legend = axes.legend(title=str(name) if name else None, loc="upper left", bbox_to_anchor=(1.0, 1.0))
    for handle in legend.legend_handles:
        if isinstance(handle, PathCollection):  # dots are small and faint where there are many
            handle.set(sizes=[40], alpha=1)


def _set_unit(axis: Axis, unit: str | None) -> None:
    scale = getattr(axis, "get_scale", lambda: "linear")()
    if unit == "count" and scale == "linear":
        axis.set_major_locator(MaxNLocator(integer=True, nbins="auto"))
    axis.set_major_formatter(FuncFormatter(wording.tick(unit)))


def _date_axis(axes: Axes) -> None:
    axes.xaxis_date()
    locator = mdates.AutoDateLocator(minticks=3, maxticks=9)
    axes.xaxis.set_major_locator(locator)
    axes.xaxis.set_major_formatter(mdates.ConciseDateFormatter(locator))


def _is_time(index: pd.Index) -> bool:
    return isinstance(index, (pd.DatetimeIndex, pd.PeriodIndex))


def _is_scale(index: pd.Index) -> bool:
    return bool(pd.api.types.is_numeric_dtype(index)) and len(index) > _NAMED_BARS


def _places(index: pd.Index) -> tuple[np.ndarray, float]:
    """Give the positions of the rows on their axis and the thickness of a bar."""
    if _is_time(index):
        stamps = index.to_timestamp() if isinstance(index, pd.PeriodIndex) else index
        positions = np.asarray(mdates.date2num(stamps.to_numpy()), dtype=float)
    elif _is_scale(index):
        positions = index.to_numpy(dtype=float)
    else:
        return np.arange(len(index), dtype=float), 0.8
    gaps = np.diff(np.sort(positions))
    return positions, 0.85 * float(gaps.min()) if len(gaps) and gaps.min() > 0 else 0.8


def _too_many_words(index: pd.Index) -> bool:
    names = _names(index)
    return len(names) > _MOST_NAMES or sum(min(len(name), 22) for name in names) > 84


def _names(index: pd.Index) -> list[str]:
    if isinstance(index, pd.PeriodIndex):
        return [str(period) for period in index]
    if isinstance(index, pd.DatetimeIndex):
        return [f"{stamp:%Y-%m}" if (index.day == 1).all() else f"{stamp:%Y-%m-%d}" for stamp in index]
    if isinstance(index, pd.MultiIndex):
        return [" · ".join(map(str, row)) for row in index]
    return [f"{name:g}" if isinstance(name, float) else str(name) for name in index]
