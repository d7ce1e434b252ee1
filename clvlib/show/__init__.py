"""Frames and sentences → outputs that a person, a report and a test can read: the only way out of a notebook.

In: frames, figures, templates with named values; the `Dataset` for its currency, locale and dates. Out: tables,
sentences and pictures, each with a text form. `units` knows how a column is written, `sentences` fills templates,
`plots` and `bar_charts` draw, `figures` tells a picture in words. Notebooks call.
"""

from clvlib.show.board import decision, offer, tile
from clvlib.show.canvas import NARROW
from clvlib.show.controls import browse, explore, press
from clvlib.show.output import FIGURE_SCALE, agree, assumptions, figure, say, suppress, table
from clvlib.show.pictures import bars, heatmap, interval, lines, panels, waterfall
from clvlib.show.running import LAB
from clvlib.show.session import attempt, deliver, keep, notebook_dataset, start, store, stored
from clvlib.show.to_run import NOTEBOOK, RUN_FOLDER, RUNS
from clvlib.wording import count, date, days, money, number, percent, text

__all__ = [
    "FIGURE_SCALE",
    "LAB",
    "NARROW",
    "NOTEBOOK",
    "RUNS",
    "RUN_FOLDER",
    "agree",
    "assumptions",
    "attempt",
    "bars",
    "browse",
    "count",
    "date",
    "days",
    "decision",
    "deliver",
    "explore",
    "figure",
    "heatmap",
    "interval",
    "keep",
    "lines",
    "money",
    "notebook_dataset",
    "number",
    "offer",
    "panels",
    "percent",
    "press",
    "say",
    "start",
    "store",
    "stored",
    "suppress",
    "table",
    "text",
    "tile",
    "waterfall",
]
