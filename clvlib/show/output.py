"""Tables, figures and sentences of a notebook: values in, outputs that a person, a report and a test can read.

Every output carries a text form (what the test of the notebooks compares) and ``{"clv": {"kind": …}}`` in its
metadata, by which the report tells them apart.
"""

import html
import math
import os
from base64 import b64encode
from collections.abc import Mapping, Sequence, Sized
from typing import TYPE_CHECKING, Any

import matplotlib.pyplot as plt
import pandas as pd
from IPython.display import display
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from clvlib import wording
from clvlib.language import message, phrase, translated, word
from clvlib.show import figures
from clvlib.show.figures import Picture
from clvlib.show.sentences import closing, fill, marked
from clvlib.show.to_run import hand_table
from clvlib.show.units import UNITS, called
from clvlib.stats import LEAST
from clvlib.wording import count

if TYPE_CHECKING:
    from clvlib.dataset import Dataset

MOST_ROWS = 30
COUNTED = "customers"  # the column that says of how many customers a row tells
NO_FORMULAS = "mathjax_ignore tex2jax_ignore"  # two dollar amounts in a line are not a formula
FIGURE_SCALE = "CLV_FIGURE_SCALE"  # set by the runner: 2 draws figures for print


def say(template: str, **values: Any) -> None:
    """Say a sentence built from data: a literal with named fields, as in ``"{n:count} customers"`` (``sentences``).

    Raises UsageError when a field has no value.
    """
    markup = f'<p class="clv-sentence {NO_FORMULAS}">{marked(template, values)}</p>'
    publish("sentence", fill(template, values), markup)


def table(
    frame: pd.DataFrame | pd.Series,
    caption: str = "",
    formats: str | Mapping[str, str] = "",
    n: int | Sized | None = None,
    of: str = "customers",
    dates: Any = None,
    **values: Any,
) -> None:
    """Show a frame (or the columns of a Series) as a table, its first 30 rows if it has more.

    Figures are written by their column's name (``units.UNITS``), else by their type. ``formats`` says what a name can't
    tell: columns (or the index's name) to a spec of ``wording.writer``, or one spec for all other columns of figures.
    Of fewer than ``LEAST`` customers, as the column COUNTED says, no figure is shown (``suppress``).
    ``caption`` is a template with ``values``, ended by n and dates (``sentences.closing``).
    """
    caption = closing(fill(caption, values), n, of, dates)
    whole = frame.to_frame() if isinstance(frame, pd.Series) else frame
    frame = _without_small_groups(whole)
    shown = frame.head(MOST_ROWS)
    columns = _written_columns(shown, formats)
    notes = []
    if len(frame) > len(shown):
        notes.append(phrase("The first {n} of {all} rows.", n=count(len(shown)), all=count(len(frame))))
    if frame.isna().to_numpy().sum() > whole.isna().to_numpy().sum():
        notes.append(phrase("Of fewer than {least} customers no figure is shown.", least=LEAST))
    note = " ".join(notes)
    markup = _html_table(columns, caption, note)
    publish("table", _text_table(columns, caption, note), markup, **hand_table(frame))


_Column = tuple[str, list[str], str]  # heading, cells, kind (num, text or name)


def _written_columns(frame: pd.DataFrame, formats: str | Mapping[str, str]) -> list[_Column]:
    columns: list[_Column] = []
    stated, others = ({}, formats or None) if isinstance(formats, str) else (formats, None)
    if frame.index.nlevels > 1 or frame.index.name is not None or not isinstance(frame.index, pd.RangeIndex):
        for level, name in enumerate(frame.index.names):
            values = pd.Series(frame.index.get_level_values(level))
            spec = stated.get(str(name)) or (None if pd.api.types.is_datetime64_any_dtype(values) else "text")
            columns.append((_heading(name if name is not None else ""), wording.column(values, spec), "name"))
    for position, name in enumerate(frame.columns):
        values = frame.iloc[:, position]
        figures_in_it = pd.api.types.is_numeric_dtype(values) and not pd.api.types.is_bool_dtype(values)
        spec = stated.get(name) or stated.get(str(name))
        if spec is None and figures_in_it:
            spec = UNITS.get(str(name), others)
        kind = "num" if (figures_in_it if spec is None else spec not in ("text", "date")) else "text"
        columns.append((_heading(name), wording.column(values, spec), kind))
    return columns


def _heading(name: Any) -> str:
    return " · ".join(called(str(part)) for part in name) if isinstance(name, tuple) else called(str(name))


def _text_table(columns: list[_Column], caption: str, note: str) -> str:
    widths = [max([len(heading), *map(len, cells)]) for heading, cells, _ in columns]
    rows = [[heading for heading, _, _ in columns], *map(list, zip(*(cells for _, cells, _ in columns), strict=True))]
    lines = []
    for row in rows:
        aligned = [
            cell.rjust(width) if kind == "num" else cell.ljust(width)
            for cell, width, (_, _, kind) in zip(row, widths, columns, strict=True)
        ]
        lines.append("  ".join(aligned).rstrip())
    return "\n".join([*([caption] if caption else []), *lines, *([note] if note else [])])


def _html_table(columns: list[_Column], caption: str, note: str) -> str:
    style = {"num": ' class="num"', "text": ' style="text-align:left"', "name": ' style="text-align:left"'}
    head = "".join(f'<th scope="col"{style[kind]}>{html.escape(heading)}</th>' for heading, _, kind in columns)
    body = []
    for row in zip(*(cells for _, cells, _ in columns), strict=True):
        cells = [
            f'<th scope="row"{style[kind]}>{html.escape(cell)}</th>'
            if kind == "name"
            else f"<td{style[kind]}>{html.escape(cell)}</td>"
            for cell, (_, _, kind) in zip(row, columns, strict=True)
        ]
        body.append("<tr>" + "".join(cells) + "</tr>")
    title = f"<caption>{html.escape(caption)}</caption>" if caption else ""
    foot = f'<p class="clv-note">{html.escape(note)}</p>' if note else ""
    rows = "\n".join(body)
    return (
        f'<div class="clv-table {NO_FORMULAS}"><table>{title}<thead><tr>{head}</tr></thead>\n'
        f"<tbody>\n{rows}\n</tbody></table></div>{foot}"
    )


def assumptions(
    ds: "Dataset", names: Sequence[str] = (), caption: str = message("What the figures rest on"), **values: Any
) -> None:
    """Show what the card states and what is assumed instead: these ``names`` of its entries, or all."""
    shown = ds.assumptions.set_index("name")
    shown = shown[shown.index.isin(names)] if names else shown
    table(shown.assign(value=[stated(str(name), value) for name, value in shown["value"].items()]), caption, **values)


def stated(name: str, value: Any) -> str:
    """Write an entry of a card in its unit."""
    if wording.is_missing(value):
        return translated("not known")
    if name.endswith("_months"):
        return wording.months(value)
    return wording.writer(wording.default_spec(value, UNITS.get(name)))(value)


def suppress(frame: pd.DataFrame, n: str = COUNTED, least: int = LEAST) -> pd.DataFrame:
    """Blank every figure of groups of fewer than ``least``, but for their count in column ``n``.

    Returns a copy; blanks are NaN, which a table writes as a dash and a figure leaves out.
    """
    others = frame.select_dtypes("number").drop(columns=n)
    others = others.astype(dict.fromkeys(others.select_dtypes("integer"), "Int64"))  # counts stay whole, some blank
    small = frame[n] < least
    return frame.assign(**{str(name): others[name].mask(small) for name in others})


def _without_small_groups(frame: pd.DataFrame) -> pd.DataFrame:
    """The frame, suppressed where it says of how many customers its rows tell, and some tell of few."""
    counted = list(frame.columns).count(COUNTED) == 1 and pd.api.types.is_numeric_dtype(frame[COUNTED])
    return suppress(frame) if counted and frame[COUNTED].between(1, LEAST - 1).any() else frame


def figure(
    drawing: Figure | Axes | Picture,
    caption: str = "",
    n: int | Sized | None = None,
    of: str = "customers",
    dates: Any = None,
    **values: Any,
) -> None:
    """Show a picture of ``plots``, or a matplotlib figure of your own, with its caption, and close it.

    ``caption`` is a template with ``values``, ended by n and dates (``sentences.closing``).
    """
    picture = drawing if isinstance(drawing, Picture) else figures.foreign(drawing)
    image = figures.png(picture.figure, scale=float(os.environ.get(FIGURE_SCALE, "1")))
    data = {"image/png": b64encode(image).decode("ascii"), "text/plain": picture.text}
    about = {"kind": "figure", "title": picture.title}
    display(data, raw=True, metadata={"image/png": {"width": figures.width(picture.figure)}, "clv": about})
    plt.close(picture.figure)
    if caption := closing(fill(caption, values), n, of, dates):
        publish("caption", caption, f'<p class="clv-caption {NO_FORMULAS}"><em>{html.escape(caption)}</em></p>')


def agree(what: str, by_hand: float, package: float, unit: str = "number") -> None:
    """Say a figure that was computed in the open beside the package's, and whether both are the same.

    A condition before the name of the figure, ended by a colon, is a message of its own.
    """
    condition, colon, figure = what.rpartition(": ")
    same = math.isclose(by_hand, package, rel_tol=1e-6, abs_tol=1e-9)
    template = translated("{what}: {hand:UNIT} by hand, {package:UNIT} by the package, {same:the same|NOT the same}.")
    what = word(condition + colon) + word(figure)
    say(template.replace("UNIT", unit), what=what, hand=by_hand, package=package, same=same)


def publish(kind: str, text: str, markup: str, **about: Any) -> None:
    """Show a text and its markup, and tell the report what it is."""
    display({"text/plain": text, "text/html": markup}, raw=True, metadata={"clv": {"kind": kind, **about}})
