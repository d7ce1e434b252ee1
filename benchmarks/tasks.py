"""What is measured: TASKS, each with our side, its peers', the data of both and the targets."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks import shops, sides
from benchmarks.shops import AS_OF

MILLION = 1_000_000
Side = Callable[[Path], sides.Measured]


@dataclass(frozen=True)
class Task:
    """A row of the table, or one for each peer.

    size: of the data, which `made` writes; 0 where these are bundled. targets: names of `results.TARGETS` → at most so
    much, of a ratio at least. times: how often each side runs.
    """

    name: str
    size: int
    ours: Side
    targets: dict[str, float]
    made: Callable[[Path, int], str] = shops.purchases
    peers: dict[str, Side] = field(default_factory=dict)
    times: int = 3


summary = partial(sides.aggregated, "rfm_summary", (AS_OF,))
AGGREGATES: dict[str, tuple[Any, ...]] = {  # with what each is asked
    "bought_by_age": (AS_OF, 90),
    "bought_by_day": (AS_OF, "2024-06-30", AS_OF),
    "brought": (AS_OF, 0.3),
    "calibration_holdout": ("2024-06-30", AS_OF),
    "came_back": (AS_OF,),
    "cohorts": (AS_OF,),
    "everybody": (AS_OF,),
    "features": (AS_OF, 365),
    "first_purchases": (AS_OF, 90),
    "first_spend": (AS_OF,),
    "gaps": (AS_OF,),
    "holdout": ("2024-06-30", AS_OF),
    "loyal_revenue": (AS_OF, 1),
    "purchases_by_period": (AS_OF,),
}
FITS = {  # the name in lifetimes and in pymc-marketing, how many customers, how many times as fast
    "BG/NBD": ("BetaGeo", MILLION, 15.0),
    "MBG/NBD": ("ModifiedBetaGeo", MILLION, 15.0),
    "Gamma-Gamma": ("GammaGamma", MILLION, 1.0),
    "Pareto/NBD": ("ParetoNBD", 100_000, 50.0),
}


def _aggregate(name: str, given: tuple[Any, ...]) -> Task:
    return Task(name, MILLION, partial(sides.aggregated, name, given), {"ratio": 0.5}, peers={"our summary": summary})


def _fit(name: str, model: str, customers: int, ratio: float) -> Task:
    ours, theirs = (partial(sides.fitted, package, model) for package in ("clvlib.models.drop_in", "lifetimes"))
    peers = {"lifetimes": theirs, "pymc-marketing": partial(sides.fitted_by_pymc, model)}
    return Task(f"fit {name}", customers, ours, {"ratio": ratio, "loss": 1e-9}, shops.histories, peers)


TASKS = (
    Task("clv check", MILLION, partial(sides.command, "check"), {"seconds": 5, "peak_gb": 1.5}, shops.orders),
    Task("clv check", 36 * MILLION, partial(sides.command, "check"), {"peak_gb": 1.5}, shops.orders, times=1),
    Task("summary", MILLION, summary, {"ratio": 8}, peers={"lifetimes": sides.summary_of_lifetimes}),
    Task("summary", 10 * MILLION, summary, {"peak_gb": 4, "growth": 1}),
    Task("summary", 21_400_000, summary, {"peak_gb": 4, "growth": 1}, times=1),
    *(_aggregate(name, given) for name, given in AGGREGATES.items()),
    *(_fit(name, *given) for name, given in FITS.items()),
    Task("score", MILLION, sides.scored, {"ratio": 10}, peers={"lifetimes' CLV alone": sides.clv_of_lifetimes}),
    Task("scores, file to file", 100_000, sides.scores_written, {"seconds": 60}),
    Task("scores, file to file", MILLION, sides.scores_written, {"seconds": 300, "peak_gb": 4}),
    Task("scores, file to file", 10 * MILLION, sides.scores_written, {"peak_gb": 4, "memory_growth": 1.25}, times=1),
    Task("clv run", MILLION, partial(sides.command, "run"), {"seconds": 300, "peak_gb": 4}, times=1),
    Task("slowest notebook on CDNOW", 0, sides.slowest_notebook, {"seconds": 6}),
    Task("make demo", 0, sides.make_demo, {"seconds": 180}, times=1),
)
