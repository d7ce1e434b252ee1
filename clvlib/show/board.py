"""What a notebook puts on the board, the first page of the report: figures with their past, and decisions in money.

A tile is a figure at the last day, the one of a year before, its course, and what it means. A decision is what to do,
for whom, and what it is expected to bring. Which stand where on the page, the report knows by their names.
"""

import html
import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd

from clvlib import wording
from clvlib.language import phrase, translated
from clvlib.show.output import NO_FORMULAS, publish
from clvlib.show.sentences import fill

_SPECS = {"number": "number.1"}
_YEAR = pd.DateOffset(years=1)


def tile(
    name: str,
    over: pd.Series,
    unit: str,
    means: str,
    *,
    within: tuple[float, float] | None = None,
    quoted: str = "",
    **values: Any,
) -> None:
    """Put a figure on the board: its value on the last date of `over`, beside that of a year before.

    name: what it is called. over: values by date (NaN where it couldn't be told), each by what was known then. unit: as
    of a column (money, percent, count, number, months). means: its definition, a template with `values`. within: the
    range of the last value. quoted: what the literature says of it. Nothing is shown where the last value isn't known.
    """
    course = over.sort_index()
    now = float(course.iloc[-1]) if len(course) else np.nan
    if not np.isfinite(now):
        return
    write = wording.writer(_SPECS.get(unit, unit))
    earlier = course[course.index <= course.index[-1] - _YEAR + pd.Timedelta(days=1)].dropna()
    was = {"before": translated("a year before: not known"), "change": ""}
    if len(earlier):
        then = float(earlier.iloc[-1])
        was = {
            "before": phrase("{then} on {day}", then=write(then), day=wording.date(earlier.index[-1])),
            "change": _change(then, now, unit, write),
        }
    said = {
        "name": translated(name),
        "now": write(now),
        "range": "" if within is None else _from_to(write(within[0]), write(within[1])),
        **was,
        "means": fill(means, values),
        "quoted": translated(quoted),
    }
    parts = [said["now"], said["range"] and f"({said['range']})", said["change"]]
    told = " ".join(filter(None, parts))
    text = phrase("{name}: {told}; {before}", name=said["name"], told=told, before=said["before"])
    markup = f'<p class="clv-tile {NO_FORMULAS}">{html.escape(text)}</p>'
    publish("tile", text, markup, tile=said, line=_line(course), value=float(f"{now:.6g}"))


def _change(then: float, now: float, unit: str, write: Callable[[Any], str]) -> str:
    """How far a figure has moved, in its own unit where a share of it would mislead."""
    if write(then) == write(now):
        return translated("unchanged")
    if unit == "percent":
        points = round(100 * (now - then), 1)
        more = _sign(now - then) + wording.number(points, 1)
        return phrase("{more} {several:points|points}", more=more, several=abs(points) >= 2)  # else one, in French
    if unit in ("number", "months") or then <= 0:
        digits = 0 if unit == "months" else 1
        return f"{_sign(now - then)}{wording.number(now - then, digits)}"
    return f"{_sign(now - then)}{wording.percent(now / then - 1)}"


def _from_to(low: str, high: str) -> str:
    return phrase("{low} to {high}", low=low, high=high)


def _sign(change: float) -> str:
    return "+" if change > 0 else ""


def _line(course: pd.Series) -> list[list[float]]:
    """The course as points of a picture: place and height, both from 0 to 1; nothing of fewer than three values."""
    known = course.dropna()
    if len(known) < 3:
        return []
    days = (known.index - known.index[0]).days.to_numpy(float)
    top = max(float(known.max()), 0.0)
    foot = min(float(known.min()), 0.0)
    heights = (known.to_numpy(float) - foot) / ((top - foot) or 1.0)
    return [[round(float(x), 2), round(float(y), 2)] for x, y in zip(days / days[-1], heights, strict=True)]


def decision(what: str, rests: str, *, gain: float, low: float, high: float, **values: Any) -> None:
    """Put a decision on the board: what to do, a template with `values`; what it rests on, likewise; and its money.

    gain: what it is expected to bring (currency), from `low` to `high`. The report shows those first whose whole range
    is a gain, then the larger ones; one that is expected to bring nothing isn't shown.
    """
    if not gain > 0:
        return
    said = {"what": fill(what, values), "rests": fill(rests, values), "gain": wording.money(gain)}
    said["range"] = _from_to(wording.money(low), wording.money(high))
    text = phrase("{what}: {gain} ({range}). {rests}", **said)
    markup = f'<p class="clv-decision {NO_FORMULAS}">{html.escape(text)}</p>'
    publish("decision", text, markup, decision=said, sure=bool(low > 0), size=float(f"{gain:.3g}"))


def offer(name: str, data: Any) -> None:
    """Give numbers to what can be moved or switched on the report's page; `data` is what JSON can hold.

    Nothing of groups that are too small to be shown may be in it: all of it can be read in the page. It is kept as one
    text, since a notebook's file would have a line for each number. Raises ValueError for what isn't a finite number.
    """
    text = phrase("For the report's page: {name}.", name=name)
    kept = json.dumps(data, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    publish("offer", text, f'<p class="clv-note">{html.escape(text)}</p>', name=name, data=kept)
