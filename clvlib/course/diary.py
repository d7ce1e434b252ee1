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
_NONE = {"attempts": 0, "right": 0}
_now: dict[str, dict[str, int]] = {}


def note_attempt(number: str, right: bool) -> None:
    """Count an attempt at an exercise, and keep whether one was right."""
    kept = _read()
    before = kept.get(number, _NONE)
    _now.update(kept | {number: {"attempts": before["attempts"] + 1, "right": max(before["right"], int(right))}})
    if os.environ.get(show.LAB):
        with contextlib.suppress(OSError):
            write_text(_FILE, json.dumps(_now, indent=1, sort_keys=True) + "\n")


def so_far() -> pd.DataFrame:
    """One row per notebook (its number): exercises, right, tried (not yet right), left, attempts."""
    kept = _read()
    numbers = [each.number for each in all_assignments()]
    each = pd.DataFrame([kept.get(number, _NONE) for number in numbers], index=numbers)
    each["tried"] = ((each["attempts"] > 0) & (each["right"] == 0)).astype(int)
    each["exercises"] = 1
    named = pd.Index([number.partition(".")[0] for number in numbers], name="notebook")
    total = each.groupby(named)[["exercises", "right", "tried", "attempts"]].sum()
    total.insert(3, "left", total["exercises"] - total["right"] - total["tried"])
    return total


def _read() -> dict[str, dict[str, int]]:
    """What this notebook knows and what is kept, the more of both; an entry that can't be read counts for nothing."""
    found = dict(_now)
    for number, of_it in _kept().items():
        with contextlib.suppress(ValueError, TypeError, KeyError, OverflowError):
            before = found.get(number, _NONE)
            attempts, right = (max(before[name], int(of_it[name])) for name in ("attempts", "right"))
            found[number] = {"attempts": max(attempts, 0), "right": min(max(right, 0), 1)}
    return found


def _kept() -> dict[str, dict[str, int]]:
    """What stands in the file; one that can't be read is set aside, so that nothing of it is lost."""
    if not os.environ.get(show.LAB):
        return {}
    try:
        told = json.loads(_FILE.read_text("utf-8"))
    except OSError:
        return {}
    except (ValueError, RecursionError):
        told = None
    if isinstance(told, dict):
        return told
    with contextlib.suppress(OSError):
        _FILE.replace(_FILE.with_suffix(".unreadable.json"))
    return {}
