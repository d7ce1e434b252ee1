"""What is drawn → what is shown: a picture with its text form, and a small PNG that is the same for the same picture.

The text form lists title, axes and rounded values, long series sampled: what a test compares, and what is read aloud.
"""

import io
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from PIL import Image

from clvlib import wording
from clvlib.errors import UsageError
from clvlib.language import message, phrase, said_together, translated

DPI = 88  # 720 to 800 pixels wide: sharp on a page, a few tens of kilobytes
_DIGITS = 3
_MOST_POINTS = 12
_KINDS = message({"line": "line", "bars": "bars", "true": "true"})  # of a series


@dataclass(frozen=True)
class Picture:
    """A drawn figure, its title (the finding), and the lines that tell it in words."""

    figure: Figure
    title: str
    lines: list[str] = field(default_factory=list)

    @property
    def text(self) -> str:
        """The whole text form."""
        title = [phrase("title: {title}", title=self.title)] if self.title else []
        return "\n".join([translated("Figure"), *title, *self.lines])


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


def foreign(drawing: Figure | Axes) -> Picture:
    """Take a figure that was drawn elsewhere: of its contents, only titles and axes are told in words."""
    drawn = drawing if isinstance(drawing, Figure) else drawing.get_figure(root=True)
    if not isinstance(drawn, Figure):
        raise UsageError("show.figure got axes that are in no figure.", mend="Give it a matplotlib figure or axes.")
    if drawn.get_layout_engine() is None:
        drawn.set_layout_engine("constrained")
    titles = [drawn.get_suptitle(), *(axes.get_title(side) for axes in drawn.axes for side in ("left", "center"))]
    lines = [line for axes in drawn.axes for line in axes_told(axes.get_xlabel(), axes.get_ylabel())]
    return Picture(drawn, next((one_line(title) for title in titles if title), ""), lines)


def one_line(text: str) -> str:
    """Undo what a drawn text needs: broken lines and escaped dollars."""
    return text.replace("\n", " ").replace(r"\$", "$")


def axes_told(x: str, y: str) -> list[str]:
    """Name the axes."""
    return [phrase("{what}: {found}", what=which, found=label) for which, label in (("x", x), ("y", y)) if label]


def series_told(kind: str, name: Any, index: pd.Index, values: Any) -> str:
    """Tell a series: ``bars “new”: a → 1, b → 2.35``."""
    told = sample(len(index))
    said = {
        "kind": translated(_KINDS[kind]),
        "name": plain_name(name),
        "found": name_values(places(index[told]), digits(np.asarray(values, dtype=float)[told])),
    }
    return phrase("{kind}{name: “{name}”|}: {found}", **said)


def plain_name(name: Any) -> str:
    """A series' name as it is told, "" without one."""
    return one_line(str(name)) if name is not None else ""


def name_values(names: list[str], values: list[str]) -> str:
    """Tell which name has which value."""
    return translated(", ").join(f"{names[index]} → {values[index]}" for index in sample(len(values)))


def sample(size: int) -> list[int]:
    """Choose the places of a long series that are told: first, last, and evenly between."""
    if size <= _MOST_POINTS:
        return list(range(size))
    return sorted({round(step) for step in np.linspace(0, size - 1, _MOST_POINTS)})


def places(index: pd.Index) -> list[str]:
    """Name each row: a day, a rounded number or a word."""
    if isinstance(index, pd.PeriodIndex):
        index = index.to_timestamp()
    if isinstance(index, pd.DatetimeIndex):
        return [f"{day:%Y-%m-%d}" for day in index]
    if isinstance(index, pd.MultiIndex):
        return [" · ".join(map(str, row)) for row in index]
    return digits(index) if pd.api.types.is_float_dtype(index) else [str(name) for name in index]


def digits(values: Any) -> list[str]:
    """Round to three significant digits; what is nothing beside the largest value is nought."""
    figures = np.asarray(values, dtype=float)
    finite = np.abs(figures[np.isfinite(figures)])
    scale = float(finite.max()) if finite.size else 0.0
    return [_significant(float(value), scale) for value in figures]


def grid(values: np.ndarray) -> list[str]:
    """Tell a table of figures, rows and columns sampled."""
    rows, columns = (sample(size) for size in values.shape)
    texts = np.array(digits(values.ravel()), dtype=object).reshape(values.shape)
    lines = [phrase("grid of {rows} rows and {columns} columns", rows=values.shape[0], columns=values.shape[1])]
    return lines + ["  " + " ".join(texts[row, col] for col in columns) for row in rows]


def tell(figure: Figure, axes: Axes, title: str, lines: Sequence[str], noted: Sequence[str] = ()) -> Picture:
    """Give a figure the words of its axes, of its values (`lines`) and of what is noted beside them."""
    told = axes_told(one_line(axes.get_xlabel()), one_line(axes.get_ylabel()))
    notes = [phrase("notes: {notes}", notes=said_together(map(one_line, noted)))] if noted else []
    return Picture(figure, one_line(title), [*told, *lines, *notes])


def _significant(value: float, scale: float) -> str:
    if not np.isfinite(value):
        return "–"
    if abs(value) <= 1e-6 * scale:
        return "0"
    return wording.significant(value, _DIGITS)
