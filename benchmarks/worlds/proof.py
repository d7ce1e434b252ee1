"""What a world is, and how a method is judged in it.

A world draws data from a law that is known, runs a method on them as a notebook does, and gives the truth beside the
answer. Repeated over seeds, the share of answers that hold the truth is set against the level that the method promises.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy.stats import beta, binom, norm

from clvlib.errors import CannotAnswer

Kind = Literal["covers", "alarms", "refuses", "errs"]
WIDEST = 3.0  # 1 is the interval of somebody who knows the law of the estimates, if that is normal
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
    be found); "refuses" that at least this share of the runs are refused; "errs" that at most this share of all runs,
    refused or not, are answers that leave out the truth. `answers` is the least share of runs that must be answered at
    all, so that refusing everything is no way to keep a promise; `widest` how many times as wide as the estimates
    scatter around the truth intervals that promise to cover may be, so that saying nothing is none either. `limit`:
    known not to be kept, which the notebook says where it answers.
    """

    method: str
    name: str
    run: Callable[[int], Answer]
    kind: Kind = "covers"
    level: float = 0.93
    repetitions: int = 200
    answers: float = 0.9
    widest: float = WIDEST
    limit: bool = False


def once(world: World, seed: int) -> Answer | None:
    """One run; None where the method refuses."""
    try:
        return world.run(seed)
    except CannotAnswer:
        return None


def judge(world: World, found: list[Answer | None]) -> dict[str, object]:
    """One row of the table: bias and the share that holds, over the answered runs, beside the level promised.

    The share has the 95 % interval of Clopper & Pearson (1934) for so many runs.
    """
    given = [answer for answer in found if answer is not None]
    answered = len(given) / len(found)
    held = sum(answer.holds for answer in given)
    width = np.mean([answer.high - answer.low for answer in given]) if given else np.nan
    off = np.array([answer.estimate - answer.truth for answer in given])
    times = width / (2 * norm.ppf(0.975) * np.sqrt((off**2).mean())) if off.any() else np.nan
    hits, of = {
        "covers": (held, len(given)),
        "alarms": (len(given) - held, len(given)),
        "refuses": (len(found) - len(given), len(found)),
        "errs": (len(given) - held, len(found)),
    }[world.kind]
    too_many = world.kind in ("alarms", "errs")
    missed = of > 0 and (binom.sf(hits - 1, of, world.level) if too_many else binom.cdf(hits, of, world.level)) < CHANCE
    refused = world.kind not in ("refuses", "errs") and binom.cdf(len(given), len(found), world.answers) < CHANCE
    kept = not (missed or refused or (world.kind == "covers" and times > world.widest))
    return {
        "method": world.method,
        "world": world.name,
        "runs": len(found),
        "answered": answered,
        "truth": np.mean([answer.truth for answer in given]) if given else np.nan,
        "bias": off.mean() if given else np.nan,
        "width": width,
        "times": times,
        "kind": world.kind,
        "share": hits / of if of else np.nan,
        "share_low": beta.ppf(0.025, hits, of - hits + 1) if hits else 0.0,
        "share_high": beta.ppf(0.975, hits + 1, of - hits) if hits < of else 1.0,
        "promised": world.level,
        "kept": world.limit or kept,
        "limit": world.limit,
    }


def in_words(row: dict[str, object]) -> str:
    """A row as one line of text."""
    sign = "≤" if row["kind"] in ("alarms", "errs") else "≥"
    promise = f"{row['share_low']:.0%} to {row['share_high']:.0%}, promised {sign} {row['promised']:.0%}"
    verdict = "a known limit" if row["limit"] else "kept" if row["kept"] else "MISSED"
    return (
        f"{row['method']:<26}{row['world']:<44}{row['runs']:>6} runs  answered {row['answered']:>6.1%}  "
        f"truth {row['truth']:>9.3g}  bias {row['bias']:>9.2g}  width {row['width']:>9.3g} (× {row['times']:.2f})  "
        f"{row['kind']:<8}{row['share']:>7.1%} ({promise})  {verdict}"
    )
