"""Words of the field, each defined once, in each language: for the notebooks, their glossary, and the report."""

import re
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from clvlib.language import ENGLISH, read_terms, spoken, translated

PAGE = "glossary.md"  # beside the notebooks
_BESIDE = "fr"  # the language that the English page has beside it


@dataclass(frozen=True)
class Word:
    """A word of one language, with its short form in brackets if it has one, what it means, how it is found in a text;
    `name` is the English one."""

    name: str
    title: str
    says: str
    found: re.Pattern[str]


@cache
def words(language: str = ENGLISH) -> tuple[Word, ...]:
    """All words in a language, in the order in which the tour meets them."""
    told = tomllib.loads(Path(__file__).with_name("glossary.toml").read_text("utf-8"))["words"]
    if language == ENGLISH:
        return tuple(
            Word(name, _title(name, of.get("short")), of["says"], _pattern(of.get("found") or f"{name}s?"))
            for name, of in told.items()
        )
    terms = read_terms(language)
    known = {name: (terms[name], [told[name].get("short", "")]) for name in told if name in terms}
    return tuple(
        Word(name, of["term"], of["says"], _pattern(of.get("found") or _inflected(of["term"], short)))
        for name, (of, short) in known.items()
    )


def _title(name: str, short: str | None) -> str:
    return f"{name} ({short})" if short else name


def _inflected(term: str, short: list[str]) -> str:
    """A term, its short form and the English one, as they stand in texts: each word also in the plural."""
    forms = [*filter(None, map(str.strip, re.split(r"[(),;]", term))), *filter(None, short)]
    return "|".join(r"[sx]? ".join(map(re.escape, form.split())) + "[sx]?" for form in forms)


def _pattern(found: str) -> re.Pattern[str]:
    return re.compile(rf"(?<!\w)(?:{found})(?!\w)", re.IGNORECASE)


def used_in(text: str) -> list[Word]:
    """The words of the language spoken that a text uses, by the alphabet."""
    return _sorted(word for word in words(spoken()) if word.found.search(text))


def _sorted(found: Iterable[Word]) -> list[Word]:
    return sorted(found, key=lambda word: word.title.casefold())


def page() -> str:
    """The glossary as a page of Markdown, by the alphabet: the language spoken and English, or English and French."""
    there = {word.name: word for word in words(_BESIDE if spoken() == ENGLISH else ENGLISH)}
    rows = [
        f"| **{word.title}** | {word.says} | **{there[word.name].title}** | {there[word.name].says} |"
        for word in _sorted(words(spoken()))
    ]
    head = [
        translated("# Words of this tour, in English and French"),
        "",
        translated(
            "Two things are shortened CLV: the **customer lifetime value**, a sum of money, and the **customer life "
            "cycle**, the path from first contact to loyal or silent. In these notebooks CLV is always the value."
        ),
        "",
        translated("| word | what it means | en français | ce que c'est |"),
        "|---|---|---|---|",
    ]
    return "\n".join([*head, *rows]) + "\n"
