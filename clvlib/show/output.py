"""Tables, figures and sentences of a notebook: values in, outputs that a person, a report and a test can read.

Every output carries a text form (what the test of the notebooks compares) and ``{"clv": {"kind": …}}`` in its
metadata, by which the report finds the headlines and what was left out.
"""

import html
import os
import string
from base64 import b64encode
from collections.abc import Mapping
from typing import Any

import matplotlib.pyplot as plt
import pandas as pd
from IPython.display import display
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from clvlib.errors import UsageError
from clvlib.show import figures, wording
from clvlib.show.units import UNITS
from clvlib.show.wording import count

MOST_ROWS = 30
NO_FORMULAS = "mathjax_ignore tex2jax_ignore"  # two dollar amounts in a line are not a formula
FIGURE_SCALE = "CLV_FIGURE_SCALE"  # set by the runner: 2 draws figures for print


def say(template: str, *, headline: bool = False, **values: Any) -> None:
    """Say a sentence built from data.

    ``template`` is a literal with named fields and the specs of ``wording.writer``, as in ``"{n:count} customers"``.
    ``headline`` puts the sentence at the head of the report. Raises UsageError when a field has no value.
    """
    text = _Sentence().vformat(template, (), values)
    marked = _Sentence(marked=True).vformat(html.escape(template, quote=False), (), values)
    publish(
        "headline" if headline else "sentence",
        text,
        f'<p class="clv-sentence {NO_FORMULAS}">{marked}</p>',
    )


class _Sentence(string.Formatter):
    """Named fields only, each written for the reader; ``marked`` gives HTML with the figures in bold."""

    def __init__(self, marked: bool = False) -> None:
        self.marked = marked

    def get_field(self, field_name: str, args: Any, kwargs: Mapping[str, Any]) -> tuple[Any, str]:
        if field_name not in kwargs:
            raise UsageError(
                f"The sentence needs a value for {{{field_name}}}.",
                mend=f"Give it by name: show.say(…, {field_name or 'name'}=…).",
            )
        return kwargs[field_name], field_name

    def format_field(self, value: Any, format_spec: str) -> str:
        spec = format_spec or wording.default_spec(value)
        text = wording.writer(spec)(value)
        if not self.marked:
            return text
        return html.escape(text) if spec in ("text", "date") else f"<strong>{html.escape(text)}</strong>"


def table(
    frame: pd.DataFrame | pd.Series,
    caption: str = "",
    formats: str | Mapping[str, str] = "",
    headline: bool = False,
) -> None:
    """Show a frame (or the columns of a Series) as a table, its first 30 rows if it has more.

    Figures are written by their column's name (``units.UNITS``), else by their type. ``formats`` says what a name can't
    tell: columns (or the index's name) to a spec of ``wording.writer``, or one spec for all other columns of figures.
    """
    frame = frame.to_frame() if isinstance(frame, pd.Series) else frame
    shown = frame.head(MOST_ROWS)
    columns = _written_columns(shown, formats)
    note = ""
    if len(frame) > len(shown):
        note = f"The first {count(len(shown))} of {count(len(frame))} rows."
    publish(
        "table",
        _text_table(columns, caption, note),
        _html_table(columns, caption, note),
        headline=headline,
    )


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
    words = " · ".join(map(str, name)) if isinstance(name, tuple) else str(name)
    return words.replace("_", " ")


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


def suppress(frame: pd.DataFrame, n: str = "customers", least: int = 5) -> pd.DataFrame:
    """Blank every figure of groups of fewer than ``least``, but for their count in column ``n``.

    Returns a copy; blanks are NaN, which a table writes as a dash and a figure leaves out.
    """
    others = frame.select_dtypes("number").drop(columns=n).convert_dtypes(convert_floating=False)
    small = frame[n] < least
    return frame.assign(**{str(name): others[name].mask(small) for name in others})  # counts stay whole numbers


def figure(drawing: Figure | Axes, caption: str = "", headline: bool = False) -> None:
    """Show a figure (or the figure of these axes) with its caption, and close it."""
    drawn = drawing if isinstance(drawing, Figure) else drawing.get_figure(root=True)
    if not isinstance(drawn, Figure):
        raise UsageError("show.figure got axes that are in no figure.", mend="Give it a matplotlib figure or axes.")
    if drawn.get_layout_engine() is None:
        drawn.set_layout_engine("constrained")
    image = figures.png(drawn, scale=float(os.environ.get(FIGURE_SCALE, "1")))
    text = figures.describe(drawn)
    data = {"image/png": b64encode(image).decode("ascii"), "text/plain": text}
    about = {"kind": "figure", "title": figures.title_of(drawn), "headline": headline}
    display(data, raw=True, metadata={"image/png": {"width": figures.width(drawn)}, "clv": about})
    plt.close(drawn)
    if caption:
        publish(
            "caption",
            caption,
            f'<p class="clv-caption {NO_FORMULAS}"><em>{html.escape(caption)}</em></p>',
            headline=headline,
        )


def publish(kind: str, text: str, markup: str, **about: Any) -> None:
    """Show a text and its markup, and tell the report what it is."""
    display({"text/plain": text, "text/html": markup}, raw=True, metadata={"clv": {"kind": kind, **about}})
