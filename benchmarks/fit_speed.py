"""Fits beside those of lifetimes, in one process, in turn, on the same customers: CPU seconds, ratio, likelihood.

    python -m benchmarks.fit_speed                 # the sizes below; some ten minutes, most of them for one Pareto/NBD
    python -m benchmarks.fit_speed --share 0.01    # a quick look, at a hundredth of the size

Ours are the fitters of `clvlib.models.drop_in`: the same call, so that all they do with a million rows is counted.
Prints medians with their range; exit code 1 when a target is missed, or when a likelihood is lower than the peer's.
"""

import argparse
import statistics
import time
import warnings
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from benchmarks.speed import PARAMS, SPEND
from tools.demo_shop import simulate

DAYS = 730


class Race(NamedTuple):
    """A fitter, how many customers it gets, how often each side runs, and how many times faster ours must be."""

    fitter: str
    customers: int
    repeats: int
    target: float


RACES = (
    Race("BetaGeoFitter", 1_000_000, 3, 15),
    Race("ModifiedBetaGeoFitter", 1_000_000, 3, 15),
    Race("GammaGammaFitter", 1_000_000, 3, 1),
    Race("ParetoNBDFitter", 100_000, 1, 50),
)


def summary(customers: int) -> pd.DataFrame:
    """What a shop of so many BG/NBD customers, up to two years old, knows of each, in whole days."""
    ages = np.random.default_rng(0).integers(1, DAYS + 1, customers).astype(float)
    seen = simulate.bg_nbd(customers, PARAMS, ages, seed=1).customers
    seen["recency"] = np.ceil(seen["recency"])
    return seen.assign(monetary_value=simulate.gamma_gamma(seen["frequency"], SPEND, 2)["monetary_value"].to_numpy())


def run(race: Race, rfm: pd.DataFrame) -> bool:
    """Print a line of the table; whether the race was won."""
    import lifetimes

    from clvlib.models import drop_in

    data = tuple(rfm[column] for column in ("frequency", "recency", "T"))
    if race.fitter == "GammaGammaFitter":
        data = tuple(rfm.loc[rfm["frequency"] > 0, column] for column in ("frequency", "monetary_value"))
    seconds: dict[str, list[float]] = {"ours": [], "theirs": []}
    fits: dict[str, Any] = {}
    for _ in range(race.repeats):
        for side, package in (("ours", drop_in), ("theirs", lifetimes)):
            with warnings.catch_warnings(), np.errstate(all="ignore"):
                warnings.simplefilter("ignore")
                before = time.process_time()
                fits[side] = getattr(package, race.fitter)().fit(*data)
                seconds[side].append(time.process_time() - before)
    ratio = statistics.median(seconds["theirs"]) / statistics.median(seconds["ours"])
    losses = {side: fit._negative_log_likelihood_ for side, fit in fits.items()}
    not_lower = losses["ours"] <= losses["theirs"] + 1e-9 * abs(losses["theirs"])
    columns = [f"{statistics.median(each):.2f} ({min(each):.2f}–{max(each):.2f})" for each in seconds.values()]
    gain = losses["theirs"] / losses["ours"] - 1
    print(
        f"{race.fitter:<22}{len(data[0]):>10,}{columns[0]:>20}{columns[1]:>24}{ratio:>8.1f}{race.target:>8}{gain:>10.1e}"
    )
    return ratio >= race.target and not_lower


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--share", type=float, default=1.0, help="of the customers of each race")
    share = parser.parse_args().share
    print(
        f"{'fit':<22}{'customers':>10}{'ours, CPU s':>20}{'lifetimes':>24}{'ratio':>8}{'target':>8}{'loss':>10}",
        flush=True,
    )
    won = True
    for race in RACES:
        won &= run(race, summary(int(race.customers * share)))
    print("all targets met" if won else "A TARGET IS MISSED")
    return 0 if won else 1


if __name__ == "__main__":
    raise SystemExit(main())
