"""In which language this process speaks: a literal of ours → what a reader of that language is told.

English is written in the code. What stands there is the message, the same in the catalogue of each other language, a
folder of `locale`; what a catalogue lacks is said in English. A message is a literal, which `make messages` finds:

    phrase("{n:,} rows are dated before {year}", n=n, year=1970)
    phrase("{n:,} {n:rows are|row is|rows are} left out", n=n)  # words that depend on a value
    translated("Lost")  # without values
    NAMES = message({"margin": "margin", "years": "years kept"})  # to be translated where they are shown

A message is a whole sentence or a name of its own, never a part that others are glued to: another language orders them
otherwise. Values that are words of ours are translated by whoever gives them.
"""

import numbers
import os
import re
import string
import tomllib
from collections.abc import Collection, Iterable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

ASKED = "CLV_LANGUAGE"  # set by --language, for this process and those that it starts: goes before what a card says
ENGLISH = "en"
LOCALE = Path(__file__).parent / "locale"
_BAR = "\ue000"  # a bar within a value, which parts no words
_CELL = re.compile(r"^<!-- cell (\S+) ([0-9a-f]{12}) -->\n", re.MULTILINE)
_Texts = TypeVar("_Texts")
_now: dict[str, Any] = {"language": ENGLISH, "theirs": frozenset()}


@cache
def languages() -> tuple[str, ...]:
    """The languages that there are, English first, by their codes (ISO 639)."""
    return (ENGLISH, *sorted(folder.name for folder in LOCALE.glob("[a-z]*") if folder.is_dir()))


def speak(language: str) -> None:
    """Speak a language of `languages` from now on, unless another one was asked for."""
    _now["language"] = language


def spoken() -> str:
    """The language in which everything is said now."""
    asked = os.environ.get(ASKED, "")
    return asked if asked in languages() else str(_now["language"])


def message(texts: _Texts) -> _Texts:
    """Nothing but what it is given: says that it is a message, or a table of some, to be translated where it is shown.

    Of a dict the values are messages, of a list or tuple all that are literals, also in those within.
    """
    return texts


def translated(text: str) -> str:
    """A message without values, or a template that is still to be filled."""
    return _catalogue(spoken()).get(text, text)


def phrase(template: str, /, **values: Any) -> str:
    """A message with its values: written as ``str.format`` does, with the separators of the language.

    ``{sure:differs|is the same}`` takes the first words where ``sure`` is true (or not empty), the second where it
    isn't; a whole number counts them from 0, and the last ones stand for all above: ``{n:none|one|{n:,}}``. A
    translation may have such choices where the message has none: ``{n:,} {n:ligne|ligne|lignes}``.

    >>> phrase("{n:,} {n:rows|row|rows}, {share:.1%} of all{sure:| (about)}", n=1234, share=0.5, sure=False)
    '1,234 rows, 50.0% of all (about)'
    """
    return Template().vformat(translated(template), (), values)


def said_together(told: Iterable[str]) -> str:
    """Several things to say in one sentence, one after another.

    >>> said_together(["2 rows", "3 customers"])
    '2 rows; 3 customers'
    """
    return translated("; ").join(told)


class Template(string.Formatter):
    """How a template is filled; `format_value` writes one value.

    In another language the quotes of {name!r} are written as there, unless it stands in code.
    """

    def vformat(self, format_string: str, args: Any, kwargs: Mapping[str, Any]) -> str:
        """The whole text."""
        return super().vformat(format_string, args, kwargs).replace(_BAR, "|")

    def parse(self, format_string: str) -> Iterator[tuple[str, str | None, str | None, str | None]]:
        """Text and field by turns, with the conversion q where quotes aren't Python's."""
        for text, name, spec, conversion in super().parse(format_string):
            quoted = conversion == "r" and spoken() != ENGLISH and not text.endswith(("= ", "("))
            yield text, name, spec, "q" if quoted else conversion

    def convert_field(self, value: Any, conversion: Any) -> Any:
        """A value before it is written."""
        if conversion != "q" or not isinstance(value, str):
            return super().convert_field(value, "r" if conversion == "q" else conversion)
        return translated("'{text}'").replace("{text}", repr(value)[1:-1])

    def format_field(self, value: Any, format_spec: str) -> str:
        """A field: some of its words where it has a choice of them, else its value."""
        if "|" in format_spec:
            return self.choose(value, format_spec.split("|"))
        return self.format_value(value, format_spec).replace("|", _BAR)

    def choose(self, value: Any, words: list[str]) -> str:
        """The words that a value asks for: by its number, if it is whole, else by whether it is true."""
        counted = isinstance(value, numbers.Integral) and type(value).__name__ not in ("bool", "bool_")
        return words[min(int(value), len(words) - 1) if counted else 0 if value else 1]

    def format_value(self, value: Any, spec: str) -> str:
        """One value, by the spec of Python's `format`."""
        text = format(value, spec)
        return text.translate(_separators(spoken())) if spec and isinstance(value, numbers.Number) else text


def written_day(value: Any, country: Any) -> str:
    """A day as a country (of Babel, or its code) writes it."""
    from babel.dates import format_date

    written = format_date(value, format="medium", locale=country)
    return re.sub(r"^1\b", "1er", written) if str(country).startswith("fr") else written


def decimal_mark() -> str:
    """What stands before decimals in the language spoken."""
    return ".".translate(_separators(spoken()))


def leave(theirs: Collection[str]) -> None:
    """From now on `word` leaves these as they are: what the client's data call something."""
    _now["theirs"] = frozenset(theirs)


def word(text: str) -> str:
    """A name that stands in a table or a picture: translated, unless it is the client's."""
    return text if text in _now["theirs"] else translated(text)


def messages() -> Collection[str]:
    """The messages that the language spoken now has in its catalogue; none in English."""
    return _catalogue(spoken()).keys()


def cells_in_language(notebook: str) -> dict[str, str]:
    """The text of each Markdown cell of a notebook (its stem), by the cell's id; empty in English."""
    return {cell: text for cell, (_, text) in read_cells(spoken(), notebook).items()}


@cache
def read_cells(language: str, notebook: str) -> dict[str, tuple[str, str]]:
    """By the cell's id: the hash of the English text that was translated, and the translation."""
    file = LOCALE / language / "notebooks" / f"{notebook}.md"
    _, *parts = _CELL.split(file.read_text("utf-8")) if file.is_file() else ("",)
    return {cell: (of, text.strip("\n")) for cell, of, text in zip(parts[::3], parts[1::3], parts[2::3], strict=True)}


@cache
def read_terms(language: str) -> dict[str, dict[str, str]]:
    """Words of the field in another language, by the English ones of the glossary: the `term`, what it `says`."""
    file = LOCALE / language / "terms.toml"
    return tomllib.loads(file.read_text("utf-8")) if file.is_file() else {}


@cache
def _catalogue(language: str) -> dict[str, str]:
    catalogue = LOCALE / language / "messages.po"
    if language == ENGLISH or not catalogue.is_file():
        return {}
    from babel.messages.pofile import read_po  # what English doesn't need isn't loaded

    with catalogue.open("rb") as file:
        return {entry.id: entry.string for entry in read_po(file) if entry.id and entry.string and not entry.fuzzy}


@cache
def _separators(language: str) -> dict[int, str]:
    """What stands for the marks in a number that Python wrote."""
    if language == ENGLISH:
        return {}
    from babel import Locale

    country = Locale.parse(language)
    signs = country.number_symbols["latn"]
    percent = country.percent_formats[None].suffix[0]
    return str.maketrans({",": signs["group"], ".": signs["decimal"], "%": percent})
