"""What notebooks offer to be moved or switched in the report → what stands in the page, with a script and without."""

import json
from typing import Any

from clvlib import wording
from clvlib.dataset import Dataset
from clvlib.language import message, phrase, said_together, translated, word

_SLIDERS = (  # name, title, and from where to where it can be moved
    ("basket", message("Order value"), lambda given: 50, lambda given: 200),
    ("frequency", message("Orders a year"), lambda given: 50, lambda given: 200),
    ("churn", message("Lost from year to year"), lambda given: 0, lambda given: 200),
    (
        "margin",
        message("Margin"),
        lambda given: -_points(given["margin"], 20),
        lambda given: _points(1 - given["margin"], 20),
    ),
    ("cac", message("CAC"), lambda given: 0, lambda given: 300),
    (
        "discount",
        message("Discount a year"),
        lambda given: -_points(given["annual_discount_rate"], 10),
        lambda given: 20,
    ),
    (
        "horizon",
        message("Years counted"),
        lambda given: 1 - given["horizon_years"],
        lambda given: 10 - given["horizon_years"],
    ),
)
_NAMED = 10
_IN_SCRIPT = message(["won in", "customers", "back in month", "not known"])


def _points(share: float, most: int) -> int:
    """A share in whole points, at most so many."""
    return min(most, int(100 * share))


def _by_reason(why_not: dict[str, str]) -> str:
    """The attributes that aren't offered, by the reason why, some of each named."""
    said = []
    for why in dict.fromkeys(why_not.values()):
        names = [word(name) for name, reason in why_not.items() if reason == why]
        more = [phrase("{n} more", n=wording.count(len(names) - _NAMED))] if len(names) > _NAMED else []
        said.append(f"{', '.join([*names[:_NAMED], *more])} ({word(why)})")
    return said_together(said)


def to_try(ds: Dataset, offered: dict[str, Any]) -> dict[str, Any]:
    """What the part of the page needs in which something can be moved: `numbers` (nothing, without an offer), and what
    stands there before it is, which is all that a reader without script sees."""
    found: dict[str, Any] = {
        "numbers": None,
        "numbers_json": "",
        "sliders": [],
        "today": {},
        "grid_rows": [],
        "no_grid": "",
    }
    if not offered:
        return found
    numbers = {name: offered.get(name) for name in ("what_if", "budget", "cohorts")}
    if grids := numbers["cohorts"]:
        numbers["cohorts"] = {word(by): {word(of): grid for of, grid in groups.items()} for by, groups in grids.items()}
    words = {text: translated(text) for text in _IN_SCRIPT}
    found["numbers"] = numbers | {"words": words} | {"locale": wording.country(), "currency": ds.currency}
    if numbers["what_if"]:
        given, today = numbers["what_if"]["given"], numbers["what_if"]["today"]
        found["sliders"] = [(name, title, low(given), high(given)) for name, title, low, high in _SLIDERS]
        write = {"clv": wording.money, "base": wording.money, "payback": wording.count}
        ratio = "–" if today["clv_to_cac"] is None else wording.number(today["clv_to_cac"], 1)
        found["today"] = {name: "–" if today[name] is None else how(today[name]) for name, how in write.items()}
        found["today"]["clv_to_cac"] = ratio
    if numbers["budget"]:
        frontier = numbers["budget"]
        some = range(0, len(frontier["spent"]), max(1, len(frontier["spent"]) // 10))
        columns = (
            (frontier["spent"], wording.money),
            (frontier["customers"], wording.count),
            (frontier["net"], wording.money),
        )
        found["frontier_rows"] = [[write(column[i]) for column, write in columns] for i in some]
    if numbers["cohorts"]:
        first = next(iter(next(iter(numbers["cohorts"].values())).values()))
        found["grid_cac"] = translated("not known") if first["cac"] is None else wording.money(first["cac"])
        found["grid_months"] = range(1, 1 + max(len(row["values"]) for row in first["rows"]))
        found["grid_rows"] = [
            {**row, "values": [wording.count(value) for value in row["values"]]} for row in first["rows"]
        ]
    found["no_grid"] = _by_reason(offered.get("no_cohorts") or {})
    found["numbers_json"] = json.dumps(found["numbers"], allow_nan=False).replace("<", "\\u003c")
    return found
