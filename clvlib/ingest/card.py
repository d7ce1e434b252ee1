"""Dataset cards as text: written so that they can be read again, and read with what in them is not confirmed yet."""

import json
import re
import tomllib
from collections.abc import Mapping
from typing import Any

import tomli_w

TO_CONFIRM = "to be confirmed"
_STRING = re.compile(r'"(?:\\.|[^"\\])*"|\'[^\']*\'')
_ENTRY = re.compile(r'\s*("(?:\\.|[^"\\])*"|[\w-]+)\s*=')
_SECTION = re.compile(r"\s*\[([^\[\]]+)\]")


def as_toml(card: Mapping[str, Any]) -> str:
    """The card as TOML that reads back as the same card. What TOML can't hold (nothing) is left out."""
    text = tomli_w.dumps(_without_nothing(card))
    assert tomllib.loads(text) == _without_nothing(card)
    return text


def _without_nothing(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _without_nothing(item) for key, item in value.items() if item is not None}
    return [_without_nothing(item) for item in value] if isinstance(value, list | tuple) else value


def line(name: str, value: Any, remark: str = "") -> str:
    """One entry of a card, with a remark behind it."""
    text = tomli_w.dumps({name: _printable(value)}).strip()
    return f"{text}  # {comment(remark)}" if remark else text


def inline(value: str | list[str]) -> str:
    """A text, or a list of texts, as it is written in a card on one line."""
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def comment(text: str) -> str:
    """A text as it can stand in a comment: on one line, without control characters."""
    return "".join(c if c.isprintable() else " " for c in text).encode("utf-8", "replace").decode()


def _printable(value: Any) -> Any:
    """Texts whose letters are in no encoding (names of files) can't be in a card: their odd letters become “?”."""
    return value.encode("utf-8", "replace").decode() if isinstance(value, str) else value


def unconfirmed(text: str) -> list[str]:
    """The entries of a card whose line, or whose section's line, carries the words “to be confirmed” behind it."""
    found: list[str] = []
    section, whole = "", False
    for row in text.splitlines():
        marked = TO_CONFIRM in _STRING.sub("", row).partition("#")[2]
        if named := _SECTION.match(row):
            section, whole = named[1].strip() + ".", marked
        elif (entry := _ENTRY.match(row)) and (marked or whole):
            found.append(section + entry[1].strip('"'))
    return found
