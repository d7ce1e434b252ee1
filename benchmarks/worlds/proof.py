"""What a world is, and how a method is judged in it.

A world draws data from a law that is known, runs a method on them as a notebook does, and gives the truth beside the
answer. Repeated over seeds, the share of answers that hold the truth is set against the level that the method promises.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd
from scipy.stats import binom

from clvlib.tables import CannotAnswer

Kind = Literal["covers", "alarms", "refuses"]
CHANCE = 0.01  # a promise counts as missed when so few or so many hits had at most this chance if it were kept


@dataclass(frozen=True)
class Answer:
    """One run: the truth, and what the method said of it (in the truth's unit).

    A method that only raises an alarm gives estimate = truth and `low`, `high` that leave the truth out when it does.
    """

    truth: float
    estimate: float
    low: float
    high: float

    @property
    def holds(self) -> bool:
        return bool(self.low <= self.truth <= self.high)


@dataclass(frozen=True)
class World:
    """A method in a world, and what it promises there.

    `run` takes a seed; it raises CannotAnswer where the method refuses. `kind` and `level`: "covers" promises that at
    least this share of the answers hold the truth; "alarms" that at most this share leave it out (nothing is there to
    be found); "refuses" that at least this share of the runs are refused. `answers` is the least share of runs that
    must be answered at all, so that refusing everything is no way to keep a promise.
    """

    method: str
    name: str
    run: Callable[[int], Answer]
    kind: Kind = "covers"
    level: float = 0.93
    repetitions: int = 200
    answers: float = 0.9
    limit: bool = False


def once(world: World, seed: int) -> Answer | None:
    """One run; None where the method refuses."""
    try:
        return world.run(seed)
    except CannotAnswer:
        return None


def judge(world: World, found: list[Answer | None]) -> dict[str, object]:
    """One row of the table: bias and the share that holds, over the answered runs, beside the level promised."""
    given = [answer for answer in found if answer is not None]
    answered = len(given) / len(found)
    held = sum(answer.holds for answer in given)
    share = {
        "covers": held / len(given) if given else np.nan,
        "alarms": 1 - held / len(given) if given else np.nan,
        "refuses": 1 - answered,
    }[world.kind]
    missed = {
        "covers": bool(given) and binom.cdf(held, len(given), world.level) < CHANCE,
        "alarms": bool(given) and binom.sf(len(given) - held - 1, len(given), world.level) < CHANCE,
        "refuses": binom.cdf(len(found) - len(given), len(found), world.level) < CHANCE,
    }[world.kind]
    return {
        "method": world.method,
        "world": world.name,
        "runs": len(found),
        "answered": answered,
        "truth": np.mean([answer.truth for answer in given]) if given else np.nan,
        "bias": np.mean([answer.estimate - answer.truth for answer in given]) if given else np.nan,
        "width": np.mean([answer.high - answer.low for answer in given]) if given else np.nan,
        "kind": world.kind,
        "share": share,
        "promised": world.level,
        "kept": world.limit or (not missed and (world.kind == "refuses" or answered >= world.answers)),
        "limit": world.limit,
    }


def table(worlds: Iterable[World], factor: float = 1.0, say: Callable[[str], None] = print) -> pd.DataFrame:
    """Every world, `factor` times its repetitions; says each row as it is known."""
    rows = []
    for world in worlds:
        found = [once(world, seed) for seed in range(max(2, round(world.repetitions * factor)))]
        rows.append(judge(world, found))
        say(in_words(rows[-1]))
    return pd.DataFrame(rows)


def in_words(row: dict[str, object]) -> str:
    """A row as one line of text."""
    sign = {"covers": "≥", "alarms": "≤", "refuses": "≥"}[str(row["kind"])]
    verdict = "a known limit" if row["limit"] else "kept" if row["kept"] else "MISSED"
    return (
        f"{row['method']:<26}{row['world']:<44}{row['runs']:>6} runs  answered {row['answered']:>6.1%}  "
        f"truth {row['truth']:>9.3g}  bias {row['bias']:>9.2g}  {row['kind']:<8}{row['share']:>7.1%} "
        f"(promised {sign} {row['promised']:.0%})  {verdict}"
    )
