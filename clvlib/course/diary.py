"""How far a trainee has come: kept beside the working copies that `clv lab` opens, else while the notebook runs."""

import contextlib
import json
import os
from pathlib import Path

import pandas as pd

from clvlib import show
from clvlib.course.assignments import all_assignments
from clvlib.files import write_text

_FILE = Path("progress.json")  # in the folder of the notebook
_now: dict[str, dict[str, int]] = {}


def note_attempt(number: str, right: bool) -> None:
    """Count an attempt at an exercise, and keep whether one was right."""
    kept = _read()
    of_it = kept.setdefault(number, {"attempts": 0, "right": 0})
    of_it["attempts"] += 1
    of_it["right"] = int(of_it["right"] or right)
    _now.update(kept)
    if os.environ.get(show.LAB):
        with contextlib.suppress(OSError):
            write_text(_FILE, json.dumps(kept, indent=1, sort_keys=True) + "\n")


def so_far() -> pd.DataFrame:
    """One row per notebook (its number): exercises, right, tried (not yet right), left, attempts."""
    kept = _read()
    numbers = [each.number for each in all_assignments()]
    each = pd.DataFrame([kept.get(number, {"attempts": 0, "right": 0}) for number in numbers], index=numbers)
    each["tried"] = ((each["attempts"] > 0) & (each["right"] == 0)).astype(int)
    each["exercises"] = 1
    named = pd.Index([number.partition(".")[0] for number in numbers], name="notebook")
    total = each.groupby(named)[["exercises", "right", "tried", "attempts"]].sum()
    total.insert(3, "left", total["exercises"] - total["right"] - total["tried"])
    return total


def _read() -> dict[str, dict[str, int]]:
    """What is kept; a file that can't be read counts for nothing."""
    found = dict(_now)
    if os.environ.get(show.LAB):
        with contextlib.suppress(OSError, ValueError, TypeError, KeyError, AttributeError):
            told = json.loads(_FILE.read_text("utf-8"))
            found |= {str(n): {name: int(of[name]) for name in ("attempts", "right")} for n, of in told.items()}
    return found
