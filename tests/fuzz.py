"""Mutations of the corpus, read until time is up: `python -m tests.fuzz --seconds 1800 [--seed 1]`.

Each try changes bytes or words of a file, or values of its card, and reads both; of some files a card is proposed too.
A crash is whatever is no typed error, or a ledger that doesn't add up: its seed makes it again.
"""

import argparse
import contextlib
import random
import re
import tempfile
import time
import tomllib
import traceback
import warnings
from pathlib import Path
from typing import Any

import tomli_w

from clvlib.errors import ClvError
from clvlib.ingest import propose
from clvlib.ingest.options import OPTIONS
from clvlib.ingest.tables import TABLES
from tests import corpus
from tests.contract import read, unbalanced

WORDS = (
    "", " ", ",", ";", "\t", "\n", "\r", '"', "'", "\\", "\0", "nan", "NULL", "-", "(", ")", "1.234,50", "1,234.50",
    "9" * 400,
    "1e999", "-0", "0x1", "€", "$", "\u2212", "\u00a0", "\u200b", "\u202e", "\ufeff", "🛒", "é", "0001-01-01",
    "9999-12-31",
    "infinity", "2025-02-30", "03/04/2025", "45660", "1735862400", "2025-01-03T10:00:00+01:00[Europe/Paris]", "AM",
    " UTC",
    "__clv_row", "customer_id", "date", "amount", "currency", "refunded", "unit_price", "quantity", "order_id",
    "Status",
    "cancelled", "yes", "%", "%d/%m/%Y", "{", "}", "[", "]", "*", "?", "$1", "a" * 3000, "=1+1", "--", "/*", ");",
    "\x1b[31m",
)  # fmt: skip
VALUES: tuple[Any, ...] = (
    1, -1, 0, 1.5, float("nan"), float("inf"), 10**30, True, [], [[]], {}, [1], ["a", "b"], {"a": 1}, {"a": {"b": "c"}},
    {"customer_id": "amount"}, {"date": ["amount", "date"]}, {"channel": "customer_id"}, {"amount": []}, ["%Y",
    "excel"],
)  # fmt: skip
ENTRIES = ("name", "currency", "timezone", "locale", "as_of", "economics", "truth", "to_confirm", *TABLES)
SMALL = 20_000  # bytes of a file that is worth changing


def seeds() -> dict[str, corpus.Case]:
    """The inputs of the corpus to start from: those that are read at once, from texts."""
    return {
        name: case
        for name, case in corpus.CASES.items()
        if not case.slow and all(not callable(content) and len(content) < SMALL for content in case.files.values())
    }


def changed(text: bytes, chance: random.Random) -> bytes:
    """The text with up to four changes: bytes, words, cells or lines, put in, taken out, doubled or moved."""
    for _ in range(chance.choice((1, 1, 1, 2, 4))):
        at, to = sorted(chance.randint(0, len(text)) for _ in range(2))
        way = chance.randrange(7)
        word = chance.choice(WORDS).encode()
        parts = re.split(rb"([,;\t|\n])", text)
        place = chance.randrange(len(parts))
        lines = text.split(b"\n")
        if way == 0:
            text = text[:at] + bytes([chance.randrange(256)]) + text[at + 1 :]
        elif way == 1:
            text = text[:at] + word + text[at:]
        elif way == 2:
            text = text[:at] + text[min(to, at + 30) :]
        elif way == 3:
            text = b"".join([*parts[:place], word, *parts[place + 1 :]])
        elif way == 4:
            text = b"\n".join([*lines, *chance.choices(lines, k=chance.choice((1, 5, 60)))])
        elif way == 5:
            chance.shuffle(lines)
            text = b"\n".join(lines)
        else:
            text = text.replace(chance.choice(parts), word, chance.choice((1, -1)))[:SMALL]
    return text


def changed_card(text: str, chance: random.Random) -> str:
    """The card with up to three values of other kinds, in its section or above it."""
    try:
        card: dict[str, Any] = tomllib.loads(text)
    except (ValueError, RecursionError):
        return text
    for _ in range(chance.choice((1, 1, 1, 2, 3))):
        value = chance.choice((*VALUES, *WORDS, *VALUES))
        section = card.get("transactions")
        if chance.random() < 0.7 and isinstance(section, dict):
            section[chance.choice((*OPTIONS, "columns", "values", "drop"))] = value
        elif chance.random() < 0.3 and isinstance(section, dict):
            card[chance.choice(list(TABLES))] = {"path": section.get("path", "orders.csv"), "period": "month"}
        else:
            card[chance.choice(ENTRIES)] = value
    with contextlib.suppress(RecursionError):  # nested too deep to be written
        return tomli_w.dumps(card)
    return text


def attempt(seed: int, folder: Path, started: dict[str, corpus.Case]) -> str | None:
    """One input, made by its seed, read; the name of where it started and the traceback, if it crashed."""
    chance = random.Random(seed)
    whole = [name for name, case in started.items() if case.error is None]
    name = chance.choice(chance.choice((whole, list(started))))
    case = started[name]
    files, card = dict(case.files), case.card
    which = chance.choice(("file", "file", "card", "both"))
    if which != "card":
        for file, content in files.items():
            files[file] = changed(
                content if isinstance(content, bytes) else str(content).encode("utf-8", "ignore"), chance
            )
    if which != "file" and isinstance(card, str):
        card = changed_card(card, chance)
    try:
        path = corpus.Case(files, card).write(folder)
        found, errors = read(path)
        if found is None and not errors:
            return f"{name}: neither a table nor an error"
        if found is not None and (wrong := unbalanced(found.ledger)):
            return f"{name}: the ledger of {', '.join(wrong)} doesn't add up\n{found.ledger.to_string()}"
        for file in files if chance.random() < 0.2 else ():
            with contextlib.suppress(ClvError):
                tomllib.loads(propose.propose_card(folder / file))
    except Exception:
        return f"{name}: {traceback.format_exc()}"
    return None


def fuzz(seconds: float, seed: int = 1) -> tuple[int, dict[int, str]]:
    """How many inputs were tried, and the crashes by their seeds."""
    crashes: dict[int, str] = {}
    started = seeds()
    end, tried = time.monotonic() + seconds, 0
    while time.monotonic() < end:
        with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
            warnings.simplefilter("ignore")
            crash = attempt(seed + tried, Path(folder), started)
        if crash:
            crashes[seed + tried] = crash
        tried += 1
    return tried, crashes


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--seconds", type=float, default=60)
    asked.add_argument("--seed", type=int, default=1, help="of the first input; each next one has the next number")
    given = asked.parse_args()
    tried, crashes = fuzz(given.seconds, given.seed)
    for seed, crash in crashes.items():
        print(f"--- seed {seed}\n{crash}")
    print(f"{tried:,} inputs tried in {given.seconds:,.0f} seconds, {len(crashes):,} crashes")
    raise SystemExit(1 if crashes else 0)


if __name__ == "__main__":
    main()
