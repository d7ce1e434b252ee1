"""A survey's columns → those that may hold the answers from 0 to 10, by the answers themselves.

An answer is a whole number, alone or with words beside it: “9”, “10 - Extremely likely”, “Extremely likely (10)”. A
question with a column for each choice is one, its columns together. What words alone stand for, only the card can say.
"""

import html
import re
from collections.abc import Collection
from dataclasses import dataclass

import duckdb

from clvlib.ingest.raw import LETTER, Raw, filled, in_python, literal, rows
from clvlib.language import phrase, said_together

_NUMBER = "(10|[0-9])"
NUMBER_FIRST = rf"^{_NUMBER}\s*[-–—:=.)]\s*[^0-9]*[{LETTER}][^0-9]*$"
NUMBER_LAST = rf"^[^0-9]*[{LETTER}][^0-9]*[-–—:=(]\s*{_NUMBER}\)?$"
ABOVE_SEVEN = 8  # an answer that a scale of seven hasn't
CHOICES = 11  # from 0 to 10
_MOST_NAMED = 5


@dataclass(frozen=True)
class Candidate:
    """What may be the question: its column, or those of its choices; its words; the least and the highest answer."""

    columns: tuple[str, ...]
    text: str
    least: int
    highest: int

    def __str__(self) -> str:
        ends = {"least": self.least, "highest": self.highest}
        return phrase("{column} ({least} to {highest}: {text})", column=self.columns[0], text=self.text, **ends)


def without_words(text: str) -> str:
    """SQL of an answer's number, where it stands at one end of words; else the text itself."""
    parts = (f"nullif(regexp_extract({text}, {literal(p)}, 1), '')" for p in (NUMBER_FIRST, NUMBER_LAST))
    return f"coalesce({', '.join(parts)}, {text})"


def plain_text(text: str) -> str:
    """A question as people read it: without marks of HTML, on one line."""
    return " ".join(html.unescape(re.sub(r"<[^<>]+>", " ", text)).split())


def asked(raw: Raw, column: str, line: int) -> str:
    """What the line of the heading, counted from 1, says of a column; its name, where there is no such line."""
    said = raw.lines.get(column, ())
    return plain_text(said[line - 1] if len(said) >= line else column) or column


def questions(
    connection: duckdb.DuckDBPyConnection, raw: Raw, not_asked: Collection[str], line: int
) -> tuple[list[Candidate], list[str]]:
    """The columns whose answers are whole numbers from 0 to 10, and those with a few answers in words.

    not_asked: columns that are no question. line: of the heading, which says what was asked.
    """
    numbers: dict[str, tuple[int, int]] = {}
    words: list[str] = []
    free = [column for column in raw.columns if column not in not_asked]
    for column in free:
        text = filled(column)
        number = f"TRY_CAST(regexp_extract({without_words(text)}, '^{_NUMBER}$', 1) AS INTEGER)"
        said, scores, different, least, highest, lettered = rows(
            connection, f"SELECT count({text}), count({number}), count(DISTINCT {text}), min({number}), max({number}), "
            f"count(*) FILTER (regexp_matches({text}, '[{LETTER}]')) FROM {raw.table}")[0]  # fmt: skip
        if said and scores == said:
            numbers[column] = (least, highest)
        elif lettered == said and 1 < different <= CHOICES and different < said:
            words.append(column)
    found, of_choices = [], set[str]()
    for start in range(len(free) - CHOICES + 1):
        group = free[start : start + CHOICES]
        if [_choice(raw, column) for column in group] in (list(range(CHOICES)), list(range(CHOICES))[::-1]):
            answered = [numbers[column] for column in group if column in numbers]
            same = all(numbers.get(c, (k, k)) == (k, k) for c in group for k in [_choice(raw, c)])
            if answered and same:
                least, highest = min(a for a, _ in answered), max(z for _, z in answered)
                found.append(Candidate(tuple(group), asked(raw, group[0], 1), least, highest))
                of_choices |= set(group)
    for column, (least, highest) in numbers.items():
        if column not in of_choices:
            found.append(Candidate((column,), asked(raw, column, line), least, highest))
    return found, words


def _choice(raw: Raw, column: str) -> int | None:
    """The number of a choice that has a column of its own: under the question, or in the column's name."""
    said = raw.lines.get(column, ())
    text = said[1] if len(said) > 1 else column
    for pattern in (f"^{_NUMBER}$", NUMBER_FIRST, NUMBER_LAST):
        if match := re.match(in_python(pattern), text.strip()):
            return int(match[1])
    return None


def proposed(found: list[Candidate], words: list[str]) -> tuple[Candidate | None, str]:
    """The one question that can be meant, if there is one, and what to say of it or of all that can."""
    high = [question for question in found if question.highest >= ABOVE_SEVEN]
    if len(high) == 1:
        return high[0], phrase(
            ": “{text}”, the only one answered in whole numbers up to {highest}"
            "{others:; other whole numbers: {others}|}",
            text=high[0].text,
            highest=high[0].highest,
            others=_some([str(question) for question in found if question not in high]),
        )
    if found:
        return None, phrase(
            "candidates, by their answers{high:|, though none has an answer of {least} or more}: {these}",
            high=high,
            least=ABOVE_SEVEN,
            these=_some([str(question) for question in high or found]),
        )
    if words:
        return None, phrase(
            "none is answered in numbers; in words: {words}. Say which, and what its words stand for, as "
            'values = {{ score = {{ "Extremely likely" = "10" }} }} above this section',
            words=_some(words),
        )
    return None, phrase("no column is answered in whole numbers from 0 to 10, or in a few words")


def _some(names: list[str]) -> str:
    more = max(0, len(names) - _MOST_NAMED)
    return phrase("{names}{more:| and {more} more}", names=said_together(names[:_MOST_NAMED]), more=more)
