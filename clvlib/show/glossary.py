"""Words of the field, each defined once, in English and French: for the notebooks, their glossary, and the report."""

import re
import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path

PAGE = "glossary.md"  # beside the notebooks


@dataclass(frozen=True)
class Word:
    """A word, its short form if it has one, what it means, the same in French, and how it is found in a text."""

    name: str
    says: str
    french: str
    dit: str
    short: str
    found: re.Pattern[str]

    @property
    def title(self) -> str:
        """The word with its short form in brackets."""
        return f"{self.name} ({self.short})" if self.short else self.name


@cache
def words() -> tuple[Word, ...]:
    """All words, in the order in which the tour meets them."""
    told = tomllib.loads(Path(__file__).with_name("glossary.toml").read_text("utf-8"))["words"]
    return tuple(
        Word(name, of["says"], of["french"], of["dit"], of.get("short", ""), _pattern(of.get("found") or f"{name}s?"))
        for name, of in told.items()
    )


def _pattern(found: str) -> re.Pattern[str]:
    return re.compile(rf"(?<!\w)(?:{found})(?!\w)", re.IGNORECASE)


def used_in(text: str) -> list[Word]:
    """The words that a text uses, by the alphabet."""
    return sorted((word for word in words() if word.found.search(text)), key=lambda word: word.title.casefold())


def page() -> str:
    """The glossary as a page of Markdown, by the alphabet."""
    rows = [
        f"| **{word.title}** | {word.says} | **{word.french}** | {word.dit} |"
        for word in sorted(words(), key=lambda word: word.title.casefold())
    ]
    head = [
        "# Words of this tour, in English and French",
        "",
        "Two things are shortened CLV: the **customer lifetime value**, a sum of money, and the **customer life "
        "cycle**, the path from first contact to loyal or silent. In these notebooks CLV is always the value.",
        "",
        "| word | what it means | en français | ce que c'est |",
        "|---|---|---|---|",
    ]
    return "\n".join([*head, *rows]) + "\n"
