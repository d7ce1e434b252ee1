"""Templates with named values in, sentences written for the reader out.

A template is a literal, so that it can be read, found and translated: ``"Of {plain:money}, {mid:money} remain"``. A
field without a spec is written as a column of its name is (``units.UNITS``), else by its type. What holds for the whole
notebook needs no value: ``{starts}``, ``{as_of}``, ``{currency}``, ``{dataset}``, ``{horizon_months}``.

Words that depend on a value stand in the field itself: ``{sure:differs by {gap:money}|is the same}`` takes the first
where ``sure`` is true (or not empty), the second where it isn't; a whole number counts them from 0. A template is a
message of `language`: it is filled in the language spoken.
"""

import html
from collections.abc import Mapping, Sized
from typing import Any

import pandas as pd

from clvlib import wording
from clvlib.errors import UsageError
from clvlib.language import Template, phrase, said_together, translated
from clvlib.show.units import UNITS

_standing: dict[str, Any] = {}


def stand(**values: Any) -> None:
    """Set the values that every later template may name."""
    _standing.clear()
    _standing.update(values)


def fill(template: str, values: Mapping[str, Any]) -> str:
    """Write a template with its values. Raises UsageError when a field has no value."""
    return _Sentence().vformat(translated(template), (), {**_standing, **values})


def marked(template: str, values: Mapping[str, Any]) -> str:
    """As ``fill``, as HTML with the figures in bold; nothing in a value becomes markup."""
    escaped = html.escape(translated(template), quote=False)
    return _Sentence(marked=True).vformat(escaped, (), {**_standing, **values})


def closing(caption: str, n: int | Sized | None, of: str, dates: Any) -> str:
    """End a caption with how many are shown and from when: ``…; n = 1,234 customers, Jan 1, 2024 to Jun 30, 2026``.

    ``n`` is a number, or what is counted; ``dates`` a day or two of them, those of the dataset where only n is given.
    """
    if dates is None and n is not None and _standing:
        dates = (_standing["starts"], _standing["as_of"])
    days = wording.from_to(*_pair(dates))
    many = len(n) if isinstance(n, Sized) else n
    size = None if many is None else f"n = {wording.count(many)} {translated(of)}".rstrip()
    return said_together(filter(None, [caption, ", ".join(filter(None, [size, days]))]))


def axis(label: str, unit: str | None) -> str:
    """Name the currency on an axis of money."""
    currency = _standing.get("currency")
    return f"{label} ({currency})" if label and unit == "money" and currency and currency not in label else label


def _pair(dates: Any) -> list[Any]:
    if dates is None:
        return []
    days = list(dates) if isinstance(dates, (tuple, list)) else [dates]
    return days[:1] if len(days) == 2 and pd.Timestamp(days[0]) == pd.Timestamp(days[1]) else days


class _Sentence(Template):
    """Named fields only, each written for the reader; ``marked`` gives HTML with the figures in bold."""

    def __init__(self, marked: bool = False) -> None:
        self.marked = marked

    def get_field(self, field_name: str, args: Any, kwargs: Mapping[str, Any]) -> tuple[Any, str]:
        if field_name not in kwargs:
            raise UsageError(
                phrase("The sentence needs a value for {field}.", field=f"{{{field_name}}}"),
                phrase("Give it by name: show.say(…, {name}=…).", name=field_name or "name"),
            )
        return (field_name, kwargs[field_name]), field_name

    def choose(self, value: Any, words: list[str]) -> str:
        return super().choose(value[1], words)

    def format_value(self, value: Any, spec: str) -> str:
        name, value = value
        spec = spec or wording.default_spec(value, UNITS.get(name))
        text = wording.writer(spec)(value)
        if not self.marked:
            return text
        return (
            html.escape(text) if spec in ("text", "date", "list", "either") else f"<strong>{html.escape(text)}</strong>"
        )
