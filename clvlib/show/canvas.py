"""What every shape of figure stands on: the theme, the palette, titles, axes, and what is written beside the data."""

import itertools
import os
import textwrap
from collections.abc import Mapping, Sequence
from typing import Any, cast

import matplotlib as mpl
import matplotlib.dates as mdates
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.axis import Axis, XAxis
from matplotlib.colors import to_hex, to_rgb
from matplotlib.figure import Figure
from matplotlib.ticker import Formatter, MaxNLocator

from clvlib import wording
from clvlib.language import ENGLISH, spoken

# Okabe and Ito (2008), without yellow and black: told apart by colour-blind readers, and dark enough on white;
# then two of Paul Tol's, for the rare eighth and ninth.
PALETTE = ["#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#7F7F7F", "#332288", "#882255"]
ACCENT, REST = PALETTE[0], ["#9AA3AB", "#C3C9CE", "#6F7981", "#DADEE1"]
INK, GUIDE = "#333333", "#777777"
WIDTH, HEIGHT = 8.2, 4.4
NARROW = "CLV_COLUMN"  # set by the runner: figures are drawn for a column of the report, where letters stay legible
_COLUMN_WIDTH, _COLUMN_HEIGHT = 5.1, 3.6
NAMED_BARS = 12
_MOST_NAMES = 20
_EM = 0.55  # of a letter on average
_LETTERS_AN_INCH = 11  # of a label, so that it is as long as its axis
_DIGITS = 9  # of the largest value of a column: more than a picture has pixels


def in_column() -> bool:
    """Whether figures are drawn for a column of the report."""
    return bool(os.environ.get(NARROW))


def size() -> tuple[float, float]:
    """Width and height of a figure, in inches."""
    return (_COLUMN_WIDTH, _COLUMN_HEIGHT) if in_column() else (WIDTH, HEIGHT)


def room_for(most: int) -> int:
    """How many letters fit where `most` do in a figure of full width."""
    return round(most * size()[0] / WIDTH)


def small() -> float:
    """The smallest letters of a figure, in points: in a column not under 9, of which a phone leaves 9 pixels."""
    return 9.0 if in_column() else 8.0


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
            "axes.titlelocation": "left",
            "figure.figsize": size(),
            "grid.color": "#E6E6E6",
            "legend.fontsize": 9,
            "legend.frameon": False,
            "xtick.labelsize": 9,
            "ytick.labelsize": 9,
        }
    )


def as_frame(data: pd.DataFrame | pd.Series) -> pd.DataFrame:
    return data.to_frame(data.name if data.name is not None else "") if isinstance(data, pd.Series) else data


def settled(data: Any) -> Any:
    """A frame or series with as many digits as a picture can show: the last ones differ between processors, and a line
    is drawn otherwise for them.
    """
    frame = as_frame(data)
    largest = frame.select_dtypes("float").abs().replace(np.inf, np.nan).max()
    digits = _DIGITS - np.ceil(np.log10(largest.where(largest > 0, 1.0))).astype(int)
    frame = frame.round(digits.to_dict())
    if not isinstance(data, pd.Series):
        return frame
    series = frame.iloc[:, 0]
    series.name = data.name
    return series


def canvas(x: str, y: str, rows: float = 0) -> tuple[Figure, Axes]:
    width, height = size()
    height = height if rows == 0 else max(2.4, min(11.0, 1.6 + 0.36 * rows))
    figure, axes = plt.subplots(figsize=(width, height), layout="constrained")
    axes.set_xlabel(plain(x))
    axes.set_ylabel(wrap(y, round(_LETTERS_AN_INCH * figure.get_size_inches()[1])))
    return figure, axes


def entitle(axes: Axes, title: str, key: Sequence[tuple[str, str]] = ()) -> None:
    """Write the title over the whole figure and, in a line under it, which colour is what."""
    if key:
        names = [wrap(name, 34) for name, _ in key]
        fit = max(1, min(len(key), int(room_for(95) / (max(map(len, names)) + 5))))
        order = [place for column in range(fit) for place in range(column, len(key), fit)]  # filled column by column
        names = [names[place] for place in order]
        signs = [plt.Rectangle((0, 0), 1, 1, color=key[place][1], linewidth=0) for place in order]
        style: dict[str, Any] = {"loc": "lower left", "bbox_to_anchor": (0.0, 1.0), "borderaxespad": 0.2}
        axes.legend(signs, names, ncols=fit, handlelength=1, handleheight=1, columnspacing=1.4, **style)
    head(axes.figure, title)


def head(figure: Any, title: str) -> None:
    """Write a title over a figure, from its left edge on."""
    lines = [textwrap.fill(plain(line), room_for(78)) for line in title.splitlines()]
    figure.suptitle("\n".join(lines), x=0.01, ha="left", fontsize=12, fontweight="bold", color="#111111")


def plain(text: str) -> str:
    """Keep matplotlib from reading two dollar signs as a formula."""
    return text.replace("\\$", "$").replace("$", r"\$")


def wrap(name: str, wide: int = 22) -> str:
    return textwrap.fill(plain(name), wide, break_on_hyphens=False)


def write(axes: Axes, text: str, place: Any, shift: tuple[float, float], **style: Any) -> None:
    about: dict[str, Any] = {"fontsize": 9, "color": INK, "annotation_clip": False, **style}
    axes.annotate(plain(text), place, shift, textcoords="offset points", **about)


def colours_of(frame: pd.DataFrame, accent: Any) -> list[str]:
    """One colour per column: the accent and greys, or, where none is named, the palette's."""
    names = list(frame)
    if accent is None:
        return [PALETTE[position % len(PALETTE)] for position in range(len(names))]
    greys = itertools.cycle(REST)
    return [ACCENT if name == accent else next(greys) for name in names]


def luminance(colour: Any) -> float:
    red, green, blue = to_rgb(colour)
    return 0.299 * red + 0.587 * green + 0.114 * blue


def darkened(colour: str) -> str:
    """Darken a colour of a line until its name can be read on white."""
    shade = np.array(to_rgb(colour))
    while luminance(shade) > 0.52:
        shade = shade * 0.92
    return to_hex(tuple(shade))


PAPER = {"facecolor": "white", "edgecolor": "none", "alpha": 0.8, "pad": 1}


def draw_levels(axes: Axes, levels: Mapping[str, float], lying: bool) -> None:
    """Draw a dashed line across at each value, with its name at its end."""
    for name, value in levels.items():
        (axes.axvline if lying else axes.axhline)(value, color=PALETTE[5], linestyle="--", linewidth=1.2)
        place, shift = ((value, 1), (4, -4)) if lying else ((1, value), (6, 0))
        coordinates: Any = ("data", "axes fraction") if lying else ("axes fraction", "data")
        style: dict[str, Any] = {"xycoords": coordinates, "color": PALETTE[5], "va": "top" if lying else "center"}
        write(axes, wrap(name, 18), place, shift, bbox=PAPER, **style)


def draw_marks(axes: Axes, marks: Mapping[str, Any], index: pd.Index) -> None:
    """Draw a dotted line at each place of the index, with its name beside it, above the data."""
    if marks:
        low, high = axes.get_ylim()
        axes.set_ylim(low, high + 0.1 * (high - low))
    first, last = axes.get_xlim()
    for name, value in marks.items():
        place = mdates.date2num(pd.Timestamp(value)) if is_time(index) else float(value)
        axes.axvline(place, color=GUIDE, linestyle=":", linewidth=1.2)
        right = first + 0.7 * (last - first) < place
        style: dict[str, Any] = {"xycoords": ("data", "axes fraction"), "ha": "right" if right else "left", "va": "top"}
        write(axes, name, (place, 1), (-4 if right else 4, -4), color="#555555", bbox=PAPER, **style)


def show_zero(axes: Axes) -> None:
    """Begin at zero where nothing is below it (cut off, a fall looks steeper than it is), else draw it."""
    low, high = axes.get_ylim()
    if axes.dataLim.y0 >= 0 and high > 0:
        axes.set_ylim(0, high)
    elif low < 0 < high:
        axes.axhline(0, color=GUIDE, linewidth=1)


class _Ticks(Formatter):
    """Labels of an axis, all written in one form."""

    def __init__(self, unit: str | None) -> None:
        self.unit = unit

    def __call__(self, value: float, _position: Any = None) -> str:
        return self.format_ticks([value])[0]

    def format_ticks(self, values: Sequence[float]) -> list[str]:
        """Write the values of all ticks."""
        return wording.ticks(values, self.unit)


class _Fitting(MaxNLocator):
    """As many ticks as matplotlib would set, or fewer, until their labels stand beside each other."""

    def __init__(self, unit: str | None) -> None:
        super().__init__("auto", steps=[1, 2, 2.5, 5, 10])
        self.unit = unit

    def tick_values(self, vmin: float, vmax: float) -> Sequence[float]:
        """The places of the ticks."""
        space = cast(Axis, self.axis).get_tick_space()  # in labels of three ems
        for most in range(min(9, max(1, space)), 1, -1):
            self.set_params(nbins=most)
            places = super().tick_values(vmin, vmax)
            labels = wording.ticks([place for place in places if vmin <= place <= vmax], self.unit)
            if _EM * sum(len(label) for label in labels) <= 3 * space:
                break
        return places


def set_unit(axis: Axis, unit: str | None) -> None:
    scale = getattr(axis, "get_scale", lambda: "linear")()
    if unit == "count" and scale == "linear":
        axis.set_major_locator(MaxNLocator(integer=True, nbins="auto"))
    elif unit == "money" and scale == "linear" and isinstance(axis, XAxis):
        axis.set_major_locator(_Fitting(unit))
    axis.set_major_formatter(_Ticks(unit))


class _Dates(mdates.ConciseDateFormatter):
    """Labels of an axis of dates, the months by their names in the language spoken."""

    def format_ticks(self, values: Sequence[float]) -> list[str]:
        """Write the dates of all ticks."""
        return [wording.with_months(text) for text in super().format_ticks(values)]

    def get_offset(self) -> str:
        """Write what all ticks have in common."""
        return wording.with_months(super().get_offset())


def date_axis(axes: Axes, show_offset: bool = True) -> None:
    axes.xaxis_date()
    locator = mdates.AutoDateLocator(minticks=3, maxticks=9)
    axes.xaxis.set_major_locator(locator)
    axes.xaxis.set_major_formatter(_Dates(locator, show_offset=show_offset))


def is_time(index: pd.Index) -> bool:
    return isinstance(index, (pd.DatetimeIndex, pd.PeriodIndex))


def is_scale(index: pd.Index) -> bool:
    return bool(pd.api.types.is_numeric_dtype(index)) and len(index) > NAMED_BARS


def positions(index: pd.Index) -> tuple[np.ndarray, float]:
    """Give the positions of the rows on their axis and the thickness of a bar."""
    if is_time(index):
        stamps = index.to_timestamp() if isinstance(index, pd.PeriodIndex) else index
        positions = np.asarray(mdates.date2num(stamps.to_numpy()), dtype=float)
    elif is_scale(index):
        positions = index.to_numpy(dtype=float)
    else:
        return np.arange(len(index), dtype=float), 0.8
    gaps = np.diff(np.sort(positions))
    return positions, 0.85 * float(gaps.min()) if len(gaps) and gaps.min() > 0 else 0.8


def too_many_words(index: pd.Index) -> bool:
    names = row_names(index)
    return len(names) > _MOST_NAMES or sum(min(len(name), 22) for name in names) > room_for(84)


def row_names(index: pd.Index) -> list[str]:
    if isinstance(index, pd.PeriodIndex):
        return [str(period) for period in index]
    if isinstance(index, pd.DatetimeIndex):
        if spoken() != ENGLISH:
            return [wording.date(stamp) for stamp in index]
        return [f"{stamp:%Y-%m}" if (index.day == 1).all() else f"{stamp:%Y-%m-%d}" for stamp in index]
    if isinstance(index, pd.MultiIndex):
        return [" · ".join(map(str, row)) for row in index]
    return [f"{name:g}" if isinstance(name, float) else str(name) for name in index]
