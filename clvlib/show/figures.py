"""A matplotlib figure in, a small PNG and a text form with the same values out."""

import io
from typing import Any

import matplotlib.dates as mdates
import numpy as np
from matplotlib.axes import Axes
from matplotlib.category import StrCategoryLocator
from matplotlib.collections import Collection, PathCollection, QuadMesh
from matplotlib.container import BarContainer, ErrorbarContainer
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator
from PIL import Image

DPI = 88  # 720 to 800 pixels wide: sharp on a page, a few tens of kilobytes
VALUE = "clv-value"  # the gid of a text that only repeats the length of a bar or the colour of a cell
_DIGITS = 3
_MOST_POINTS = 12


def png(figure: Figure, scale: float = 1.0) -> bytes:
    """Draw the figure as a PNG of few colours and without software metadata: same figure, same bytes."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=DPI * scale, metadata={"Software": None}, facecolor="white")
    buffer.seek(0)
    image = Image.open(buffer).convert("RGB").quantize(colors=192, dither=Image.Dither.NONE)
    small = io.BytesIO()
    image.save(small, format="PNG", optimize=True)
    return small.getvalue()


def width(figure: Figure) -> int:
    """Give the width in pixels at which the figure is displayed, whatever its resolution."""
    return round(figure.get_size_inches()[0] * DPI)


def describe(figure: Figure) -> str:
    """List title, axes and rounded values of a drawn figure, long series sampled: what a test compares."""
    blocks = [_describe_axes(axes) for axes in figure.axes if axes.get_visible() and not _is_colorbar(axes)]
    title = _one_line(figure.get_suptitle())
    lines = [f"Figure: {title}"] if title else ["Figure"]
    for block in blocks:
        lines += block
    return "\n".join(lines)


def title_of(figure: Figure) -> str:
    """Give the figure's finding: its title, or that of its first axes."""
    titles = [figure.get_suptitle(), *(_title(axes) for axes in figure.axes)]
    return next((_one_line(title) for title in titles if title), "")


def _one_line(text: str) -> str:
    return text.replace("\n", " ").replace(r"\$", "$")


def _is_colorbar(axes: Axes) -> bool:
    return axes.get_label() == "<colorbar>"


def _title(axes: Axes) -> str:
    return axes.get_title("left") or axes.get_title() or axes.get_title("right")


def _describe_axes(axes: Axes) -> list[str]:
    head = [f"title: {_title(axes)}"] if _title(axes) else []
    head += [f"{name}: {label}" for name, label in (("x", axes.get_xlabel()), ("y", axes.get_ylabel())) if label]
    body = _containers(axes) + _lines(axes) + _collections(axes) + _pictures(axes)
    notes = [artist.get_text() for artist in axes.texts if artist.get_gid() != VALUE and artist.get_text().strip()]
    if notes:
        body.append("notes: " + "; ".join(notes[: 4 * _MOST_POINTS]))
    return [_one_line(line) for line in head + body]


def _containers(axes: Axes) -> list[str]:
    described = []
    for container in axes.containers:
        if isinstance(container, BarContainer):
            described.append(_bars(axes, container))
        elif isinstance(container, ErrorbarContainer):
            described += _whiskers(axes, container)
    return described


def _bars(axes: Axes, bars: BarContainer) -> str:
    flat = bars.orientation == "horizontal"
    boxes = [patch.get_bbox() for patch in bars.patches]
    positions = [(box.y0 + box.y1) / 2 if flat else (box.x0 + box.x1) / 2 for box in boxes]
    lengths = [box.x1 - box.x0 if flat else box.y1 - box.y0 for box in boxes]
    # matplotlib turns a negative bar into a box with swapped corners
    ends = [patch.get_width() if flat else patch.get_height() for patch in bars.patches]
    lengths = [end if end < 0 else length for end, length in zip(ends, lengths, strict=True)]
    names = _names(axes, "y" if flat else "x", positions)
    return f"bars{_label(bars.get_label())}: " + _pairs(names, _round(lengths))


def _whiskers(axes: Axes, container: ErrorbarContainer) -> list[str]:
    described = []
    for collection in container.lines[2]:
        ends = [segment for segment in collection.get_segments() if len(segment) == 2]
        flat = all(start[1] == stop[1] for start, stop in ends)
        along, across = (0, 1) if flat else (1, 0)
        names = _names(axes, "y" if flat else "x", [start[across] for start, _ in ends])
        lows, highs = _round([start[along] for start, _ in ends]), _round([stop[along] for _, stop in ends])
        ranges = [f"{low} to {high}" for low, high in zip(lows, highs, strict=True)]
        described.append(f"intervals{_label(container.get_label())}: " + _pairs(names, ranges))
    return described


def _lines(axes: Axes) -> list[str]:
    described = []
    whiskers = [line for held in axes.containers if isinstance(held, ErrorbarContainer) for line in held.lines[1]]
    for line in axes.lines:
        if line in whiskers:
            continue
        x, y = np.asarray(line.get_xdata(orig=False)), np.asarray(line.get_ydata(orig=False))
        if len(x) and np.isfinite(np.asarray(y, dtype=float)).any():
            names = _names(axes, "x", list(x))
            values = _names(axes, "y", list(y)) if _categories(axes, "y") else _round(list(y))
            described.append(f"line{_label(line.get_label())}: " + _pairs(names, values))
    return described


def _collections(axes: Axes) -> list[str]:
    described = []
    for collection in axes.collections:
        if isinstance(collection, QuadMesh):
            described += _grid(np.ma.filled(np.ma.asarray(collection.get_array(), dtype=float), np.nan))
        elif isinstance(collection, PathCollection):
            described.append(_points(axes, collection))
        elif isinstance(collection, Collection) and str(collection.get_label()).strip("_"):
            described += _area(collection)
    return described


def _points(axes: Axes, collection: PathCollection) -> str:
    offsets: np.ndarray = np.ma.filled(np.ma.asarray(collection.get_offsets(), dtype=float), np.nan)
    names = _names(axes, "x", list(offsets[:, 0]))
    values = _names(axes, "y", list(offsets[:, 1])) if _categories(axes, "y") else _round(list(offsets[:, 1]))
    return f"{len(offsets)} points{_label(collection.get_label())}: " + _pairs(names, values)


def _area(collection: Collection) -> list[str]:
    label = _label(collection.get_label())
    paths = collection.get_paths()
    if not label or not paths:
        return []
    heights = np.asarray(paths[0].vertices, dtype=float).reshape(-1, 2)[:, 1]
    if not heights.size:
        return []
    low, high = heights.min(), heights.max()
    return [f"area{label}: from {_round([low])[0]} to {_round([high])[0]}"]


def _pictures(axes: Axes) -> list[str]:
    described: list[str] = []
    for image in axes.images:
        values: np.ndarray = np.ma.filled(np.ma.asarray(image.get_array(), dtype=float), np.nan)
        described += _grid(values) if values.ndim == 2 else []
    return described


def _grid(values: np.ndarray) -> list[str]:
    if values.ndim != 2:
        return []
    rows, columns = (_sample(size) for size in values.shape)
    lines = [f"grid of {values.shape[0]} rows and {values.shape[1]} columns"]
    scale = _scale(values)
    return lines + ["  " + " ".join(_significant(values[row, col], scale) for col in columns) for row in rows]


def _label(label: Any) -> str:
    text = str(label)
    return f" “{text}”" if text and not text.startswith("_") else ""


def _pairs(names: list[str], values: list[str]) -> str:
    kept = _sample(len(values))
    return ", ".join(f"{names[index]} → {values[index]}" for index in kept)


def _sample(size: int) -> list[int]:
    if size <= _MOST_POINTS:
        return list(range(size))
    return sorted({round(step) for step in np.linspace(0, size - 1, _MOST_POINTS)})


def _names(axes: Axes, which: str, positions: list[Any]) -> list[str]:
    """Say where on an axis the positions are: a category, a day or a rounded number."""
    categories = _categories(axes, which)
    axis = axes.xaxis if which == "x" else axes.yaxis
    if not categories and isinstance(axis.get_converter(), (mdates.DateConverter, mdates._SwitchableDateConverter)):
        return [mdates.num2date(position).strftime("%Y-%m-%d") for position in positions]
    rounded = _round(positions)
    return [
        categories.get(round(float(position)), value) if categories else value
        for position, value in zip(positions, rounded, strict=True)
    ]


def _categories(axes: Axes, which: str) -> dict[int, str]:
    """Names of an axis that carries words instead of a scale, by whole-number position."""
    axis = axes.xaxis if which == "x" else axes.yaxis
    if not isinstance(axis.get_major_locator(), (FixedLocator, StrCategoryLocator)):
        return {}
    places = axis.get_majorticklocs()
    names = axis.get_major_formatter().format_ticks(list(places))
    return {round(float(at)): str(name) for at, name in zip(places, names, strict=False) if str(name)}


def _scale(values: Any) -> float:
    numbers = np.asarray(values, dtype=float)
    finite = np.abs(numbers[np.isfinite(numbers)])
    return float(finite.max()) if finite.size else 0.0


def _round(values: list[Any]) -> list[str]:
    scale = _scale(values)
    return [_significant(float(value), scale) for value in values]


def _significant(value: float, scale: float) -> str:
    """Round to three significant digits; what is nothing beside the largest value is nought."""
    if not np.isfinite(value):
        return "–"
    if abs(value) <= 1e-6 * scale:
        return "0"
    text = f"{value:.{_DIGITS}g}"
    return text if "e" not in text else f"{float(text):g}" if abs(value) < 1e-4 else f"{float(text):.0f}"
