"""Dataset cards: found, read with what in them is not confirmed yet, checked, and written so that they read back."""

import json
import re
import tomllib
import unicodedata
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd
import tomli_w
from babel import Locale, UnknownLocaleError

from clvlib.errors import DataError, Problem, UsageError
from clvlib.files import own
from clvlib.ingest.casting import currency
from clvlib.ingest.tables import LOOKUPS, TABLES
from clvlib.language import ENGLISH, languages, phrase, translated

DATA = own("data")
TO_CONFIRM = "to be confirmed"
FORGOTTEN = "forgotten"  # of a card: the list of people whom its runs leave out; the ending of its name
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
    """One entry of a card, on one line, with a remark behind it."""
    text = tomli_w.dumps({name: _printable(value)}).strip()
    if isinstance(value, list):
        text = f"{name} = {inline([_printable(one) for one in value])}"
    return f"{text}  # {comment(remark)}" if remark else text


def inline(value: str | list[str]) -> str:
    """A text, or a list of texts, as it is written in a card on one line."""
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def comment(text: str) -> str:
    """A text as it can stand in a comment: on one line, without control characters."""
    kept = "".join(c if c.isprintable() or unicodedata.category(c) == "Zs" else " " for c in text)
    return kept.encode("utf-8", "replace").decode()


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


def what_to_confirm(text: str) -> list[str]:
    """What is to be confirmed in a proposed card: each line that carries these words, with its reason."""
    found: list[str] = []
    section = ""
    for row in text.splitlines():
        behind = _STRING.sub(lambda string: "." * len(string[0]), row).rfind("  # ")
        named = _SECTION.match(row)
        section = f"[{named[1].strip().partition('.')[0]}] " if named else section
        if behind > 0 and TO_CONFIRM in row[behind:]:
            why = row[behind + 4 :].replace(TO_CONFIRM, "").strip(" \u00a0,:;")
            line = ("" if named else section) + row[:behind].strip()
            found.append(phrase("{what}: {found}", what=line, found=why) if why else line)
    return found


def bundled() -> list[str]:
    """The names of the datasets that come with the project."""
    return sorted(card.stem for card in DATA.glob("*.toml"))


def find_card(name_or_path: str | Path) -> Path:
    """The card of a bundled dataset (by name) or of a client (by path). UsageError names what there is."""
    if "://" in str(name_or_path):  # it may hold a password: it is not repeated
        raise UsageError("An address is no dataset.", 'A table of a database: url = "…" and table = "…" in a card.')
    for path in (Path(name_or_path), DATA / f"{name_or_path}.toml"):
        if path.is_file():
            if path.suffix != ".toml":
                raise UsageError(
                    phrase("{path} is not a dataset card (a .toml file).", path=path),
                    phrase("Run `clv init {path}` to propose one, or `clv run {path} --customer-id …`.", path=path),
                )
            return path
    if Path(name_or_path).suffix not in {"", ".toml"} or Path(name_or_path).is_dir():
        raise UsageError(
            phrase("There is no file {name!r}.", name=str(name_or_path)),
            phrase("Looked for it in {folder}.", folder=Path.cwd()),
        )
    raise UsageError(
        phrase(
            "There is no dataset {name!r}: no such card file, and no bundled dataset of that name.",
            name=str(name_or_path),
        ),
        phrase(
            "Bundled datasets: {these}. A card of your own is given by its path, such as acme.toml.",
            these=", ".join(bundled()),
        ),
    )


def language_of(card: Mapping[str, Any]) -> str:
    """The language of a card's runs: the one it states, else that of its locale, if there is a catalogue of it."""
    stated = card.get("language") or str(card.get("locale", "")).replace("-", "_").partition("_")[0]
    return stated if stated in languages() else ENGLISH


def forgotten_beside(card: Path) -> Path:
    """Where the list of people who asked to be forgotten is, unless the card says it."""
    return card.with_suffix(f".{FORGOTTEN}")


def read_card(path: Path) -> dict[str, Any]:
    """The card's content, with what its marks say is `to_confirm`, and the list of the forgotten that lies beside it.

    DataError says where it stops being TOML.
    """
    try:
        text = path.read_text("utf-8-sig")
        found = tomllib.loads(text)
        marked, stated = unconfirmed(text), found.get("to_confirm", [])
        found = {FORGOTTEN: beside.name} | found if (beside := forgotten_beside(path)).is_file() else found
        return found | ({"to_confirm": [*stated, *marked]} if marked and isinstance(stated, list) else {})
    except (ValueError, RecursionError) as error:  # not TOML, not UTF-8, or beyond what Python reads
        what = phrase("The dataset card {path} can't be read: {error}.", path=path, error=error)
        raise DataError(what, "Mend that line.") from None


def to_confirm(card: dict[str, Any]) -> dict[str, Any]:
    """The entries of the card that nobody has confirmed, by the name under which the assumptions list them."""
    found = {}
    listed = card.get("to_confirm", [])
    for entry in listed if isinstance(listed, list) else ():
        value: Any = card
        for part in str(entry).split("."):
            value = value.get(part) if isinstance(value, dict) else None
        if value is not None and not isinstance(value, dict):
            found[str(entry).removeprefix("economics.")] = value
    return found


def wrong_entries(card: dict[str, Any]) -> list[Problem]:
    """What a card says that no card can say, or leaves unsaid; and that it is still to be confirmed."""
    known = sorted(
        {
            *("name", "currency", "timezone", "locale", "language", "as_of", "economics", "truth", "to_confirm"),
            *("group", "pseudonyms", "lists", FORGOTTEN, *TABLES, *LOOKUPS),
        }
    )
    known.remove("totals")
    mend = phrase("Known: {these}.", these=", ".join(known))
    problems = [
        Problem("error", "card", phrase("unknown entry {entry!r}", entry=entry), 1, (), mend)
        for entry in card
        if entry not in known
    ]
    found = [
        phrase("{entry} = {value!r} is not a text", entry=entry, value=card[entry])
        for entry in ("name", "currency", "timezone", "locale", "language", "group", FORGOTTEN)
        if entry in card and not (isinstance(card[entry], str) and card[entry].strip())
    ]
    if isinstance(card.get("locale", ""), str) and card.get("locale", "").strip():
        try:
            Locale.parse(card["locale"])
        except (ValueError, UnknownLocaleError):
            found.append(phrase("locale = {locale!r} is unknown: write fr_FR or en_US, say", locale=card["locale"]))
    if isinstance(card.get("language"), str) and card["language"] not in languages():
        found.append(
            phrase(
                "language = {language!r} is none of {these}", language=card["language"], these=", ".join(languages())
            )
        )
    if not isinstance(card.get("pseudonyms", True), bool):
        found.append(translated("pseudonyms is neither true nor false"))
    if not isinstance(card.get("to_confirm", []), list):
        found.append(translated('to_confirm is not a list of entries, as ["currency"]'))
    for section in ("economics", "truth"):
        if not isinstance(card.get(section, {}), dict):
            found.append(
                phrase(
                    "{section} is not a section: write [{section}] on a line and its {money:values|files} below it",
                    section=section,
                    money=section == "economics",
                )
            )
    if "transactions" not in card and "subscriptions" not in card:
        found.append(translated("there is no section [transactions]: its path names the file of orders"))
    problems += [Problem("error", "card", what, 1, (), "Correct the card.") for what in found]
    problems += _odd_currency(card.get("currency"))
    if doubtful := to_confirm(card):
        what = phrase(
            "{n} entries of the card are still marked “{mark}” and are taken as they stand",
            n=len(doubtful),
            mark=TO_CONFIRM,
        )
        problems.append(
            Problem("warning", "card", what, len(doubtful), tuple(doubtful), "Check each, then delete its mark.")
        )
    return problems


def _odd_currency(stated: Any) -> list[Problem]:
    """A currency that isn't the code of one: it is written as it stands, after every amount."""
    if not isinstance(stated, str) or not stated.strip() or currency(stated) == (stated,):
        return []
    codes = currency(stated)
    what = phrase(
        "currency = {stated!r} is no code of a currency: it is written as it stands, after the amounts", stated=stated
    )
    mend = translated("If it is one, write its code, as EUR or USD.")
    if codes:
        mend = phrase("Write currency = {code}, say.", code=inline(codes[0]))
    return [Problem("warning", "card", what, 1, (), mend)]


def day_of(stated: Any) -> pd.Timestamp:
    mend = translated("Write it year first, as 2026-10-31.")
    no_date = phrase("The as-of date {stated!r} is not a date.", stated=stated)
    if isinstance(stated, str) and not re.fullmatch(r"\d{4}-\d{2}-\d{2}", stated):
        what = phrase("The as-of date {stated!r} is not a date of the form year-month-day.", stated=stated)
        raise UsageError(what, mend)
    if isinstance(stated, int | float):
        raise UsageError(no_date, mend)
    try:
        day = pd.Timestamp(stated).tz_localize(None).normalize()
    except (ValueError, TypeError):
        raise UsageError(no_date, mend) from None
    if day > pd.Timestamp.now().normalize():
        what = phrase("The as-of date {day:%Y-%m-%d} is in the future: nothing is known of it yet.", day=day)
        raise UsageError(what, mend)
    return day
