"""The first records of a text or a sheet → where its table begins, and what its columns are called.

Exports put titles, comments and blank lines above the names of columns, or a second line of names below them. What is
passed over is counted, so that it can be said.
"""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

Record = Sequence[str]

MOST_LOOKED_AT = 200
_TITLES = 40  # lines above a table, at most
_FOOTERS = 8  # lines under it, at most
SAME = 0.8  # of the records have the table's width
_DATE = re.compile(r"\d{4}[-/.]\d{1,2}([-/.]\d{1,2})?([ T].*)?|\d{1,2}[-/.]\d{1,2}[-/.]\d{2,4}( .*)?|(19|20)\d{6}")
_VALUE = re.compile(rf"[^A-Za-z]*\d[^A-Za-z]*|{_DATE.pattern}")  # a number or a date


@dataclass(frozen=True)
class Heading:
    """Where a table begins in the records that were looked at.

    names: of the columns, empty where there is none. at: place of the record that holds them. below: further records
    of names under it. width: cells of the table's records. values: the "names" are the table's first row.
    """

    names: tuple[str, ...]
    at: int
    below: int
    width: int
    values: bool

    @property
    def columns(self) -> list[str]:
        """What the columns are called: the third is “column 3” where it has no name."""
        return [name or f"column {i}" for i, name in enumerate(self.names, 1)]


def find_headings(records: Sequence[Record]) -> Heading | None:
    """The heading of a table, in records of stripped texts; None where most records don't share a width."""
    filled = [len(record) for record in records if any(record) and not record[0].startswith("#")]
    if not filled:
        return None
    width, _ = max(Counter(filled).items(), key=lambda item: (item[1], item[0]))
    fits = [_as_heading(record, width, records) for record in records[:_TITLES]]
    places = [place for place, names in enumerate(fits) if names]
    if not places:
        return None
    wordy = [p for p in places if all(fits[p]) and not any(map(_VALUE.fullmatch, fits[p]))]
    at = (wordy or places)[0]
    body = records[at + 1 :]
    same = sum(len(record) == width for record in body)
    if same < SAME * (sum(any(record) for record in body) - _under(body, width)) or (at and not same):
        return None
    names, rows = fits[at], [record for record in body if len(record) == width]
    below = _below(body, rows)
    second = body[0] if below else [""] * width
    names = tuple(name or further for name, further in zip(names, second, strict=True))
    return Heading(names, at, below, width, not wordy and _is_row(names, rows))


def _under(body: Sequence[Record], width: int) -> int:
    """How many records under the table are no rows: the first is a single cell, and all are too short for it."""
    last = max((i for i, record in enumerate(body) if len(record) == width), default=0)
    under = [record for record in body[last + 1 :] if any(record)]
    footers = width > 2 and bool(under) and len(under[0]) == 1 and len(under) <= _FOOTERS
    return len(under) if footers else 0


def _as_heading(record: Record, width: int, records: Sequence[Record]) -> tuple[str, ...]:
    """The record as names of `width` columns, where it can be: a delimiter too many at its end, or at the end of all
    other records, makes no column. Empty where most of its cells are, or where it has another width."""
    names = tuple(record)
    if len(names) == width + 1 and not names[-1]:
        names = names[:-1]
    elif len(names) == width - 1 and width > 1:
        others = [other[-1] for other in records if len(other) == width]
        names = () if any(others) else (*names, "")
    return names if len(names) == width and 2 * sum(map(bool, names)) > width - (names[-1] == "") else ()


def has_values(records: Sequence[Record]) -> bool:
    """Whether a column of these records, all of one width, holds numbers or dates: text split by chance doesn't."""
    return any(_mostly(_VALUE, column) for column in zip(*records, strict=True))


def _below(body: Sequence[Record], rows: Sequence[Record]) -> int:
    """How many records under the names are names too: words where all that follows are numbers or dates."""
    for below in (2, 1):
        later = rows[below:]
        if len(later) < 3 or len(body) < below:
            continue
        valued = [j for j in range(len(rows[0])) if _mostly(_VALUE, [r[j] for r in later])]
        if valued and all(
            len(record) == len(rows[0])
            and any(record[j] for j in valued)
            and not any(_VALUE.fullmatch(record[j]) for j in valued)
            for record in body[:below]
        ):
            return below
    return 0


def _is_row(names: Record, rows: Sequence[Record]) -> bool:
    """Whether the "names" are values themselves: a date over dates, or nothing but numbers and dates."""
    dated = any(
        _DATE.fullmatch(name) and _mostly(_DATE, [record[j] for record in rows]) for j, name in enumerate(names) if rows
    )
    return dated or all(map(_VALUE.fullmatch, names))


def _mostly(pattern: re.Pattern[str], cells: Sequence[str]) -> bool:
    said = [cell for cell in cells if cell]
    return bool(said) and sum(bool(pattern.fullmatch(cell)) for cell in said) >= 0.9 * len(said)
