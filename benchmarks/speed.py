"""Speed and memory beside lifetimes, in one run: customer summary, BG/NBD fit, 12-month CLV of every customer.

    python -m benchmarks.speed                       # 1,000,000 customers, about 4.7 million rows; some minutes
    python -m benchmarks.speed --customers 50000     # a quick look

Writes generated transactions to a temporary Parquet file, runs each side in a process of its own on that same file,
and prints seconds, ratios and peak memory. Exit code 1 when a target is missed.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

AS_OF = "2024-12-31"
PARAMS = (0.70, 35.0, 0.66, 3.2)  # r, alpha (days), a, b: 3.7 repeat purchases per customer on average
SPEND = (6.0, 4.0, 60.0)
TARGETS = {"summary": 3.0, "fit + CLV": 2.5}
MEMORY_LIMIT_GB = 3.0
DISCOUNT = 0.10


def generate(path: Path, customers: int) -> int:
    """Write transactions of simulated BG/NBD customers as Parquet; returns the number of rows."""
    import numpy as np

    from tools.demo_shop import simulate

    ages = np.random.default_rng(0).integers(1, 731, customers).astype(float)
    shop = simulate.bg_nbd(customers, PARAMS, ages, seed=1)
    frame = simulate.transactions(shop, SPEND, AS_OF, seed=2)
    frame.to_parquet(path, index=False)
    return len(frame)


def run_clvlib(path: str) -> dict[str, Any]:
    """Our side: DuckDB summary, fit and CLV by the same one model, on distinct histories."""
    import ibis

    from clvlib import aggregate
    from clvlib.models.forecast import BetaGeo, GammaGamma
    from clvlib.models.scoring import discounted_purchases

    timed = Stopwatch()
    rfm = timed("summary", lambda: aggregate.rfm_summary(ibis.duckdb.connect().read_parquet(path), AS_OF))
    spend = timed("spend fit", lambda: GammaGamma().fit(rfm))
    model = timed("fit", lambda: BetaGeo().fit(rfm))
    clv = timed("CLV", lambda: discounted_purchases(model, rfm, 365, DISCOUNT)[1] * spend.expected_spend(*bought(rfm)))
    return timed.report(model.params_.round(4).to_dict(), float(clv.sum()), len(rfm))


def bought(rfm: Any) -> tuple[Any, Any]:
    return rfm["frequency"].to_numpy(), rfm["monetary_value"].to_numpy()


def run_lifetimes(path: str) -> dict[str, Any]:
    """The peer's side, as its own documentation does it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import pandas as pd
        from lifetimes import BetaGeoFitter, GammaGammaFitter
        from lifetimes.utils import summary_data_from_transaction_data

        timed = Stopwatch()
        rfm = timed(
            "summary",
            lambda: summary_data_from_transaction_data(
                pd.read_parquet(path),
                "customer_id",
                "date",
                monetary_value_col="amount",
                observation_period_end=AS_OF,
            ),
        )
        back = rfm[rfm["frequency"] > 0]
        spend = timed("spend fit", lambda: GammaGammaFitter().fit(back["frequency"], back["monetary_value"]))
        history = (rfm["frequency"], rfm["recency"], rfm["T"])
        model = timed("fit", lambda: BetaGeoFitter().fit(*history))
        monthly = (1 + DISCOUNT) ** (1 / 12) - 1
        clv = timed(
            "CLV",
            lambda: spend.customer_lifetime_value(
                model, *history, rfm["monetary_value"], time=12, discount_rate=monthly
            ),
        )
    return timed.report(model.params_.round(4).to_dict(), float(clv.sum()), len(rfm))


class Stopwatch:
    """Calls a function and keeps the seconds it took under a name."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    def __call__(self, name: str, work: Callable[[], Any]) -> Any:
        start = time.perf_counter()
        result = work()
        self.seconds[name] = time.perf_counter() - start
        return result

    def report(self, params: dict[str, float], clv: float, customers: int) -> dict[str, Any]:
        return {
            "seconds": self.seconds,
            "params": params,
            "clv": clv,
            "customers": customers,
            "peak_gb": peak_gb(),
        }


def peak_gb() -> float | None:
    """Peak memory of this process in GB; None where the system doesn't tell (Windows)."""
    try:
        import resource
    except ImportError:
        return None
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (1e9 if sys.platform == "darwin" else 1e6)


def in_process(side: str, path: Path) -> dict[str, Any]:
    """Run one side in a process of its own, so that each has its own peak memory."""
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.speed", "--side", side, "--data", str(path)],
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    )
    return json.loads(done.stdout.splitlines()[-1])


def compare(customers: int) -> bool:
    """Generate, run both sides, print the table. Returns whether every target is met."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "transactions.parquet"
        rows = generate(path, customers)
        print(f"{customers:,} customers, {rows:,} rows, {path.stat().st_size / 1e6:,.0f} MB of Parquet\n")
        ours, theirs = in_process("clvlib", path), in_process("lifetimes", path)
    for side in (ours, theirs):
        side["seconds"]["fit + CLV"] = side["seconds"]["fit"] + side["seconds"]["CLV"]
    met = True
    print(f"{'seconds':<12}{'clvlib':>10}{'lifetimes':>11}{'ratio':>8}   target")
    for name in ("summary", "spend fit", "fit", "CLV", "fit + CLV"):
        a, b = ours["seconds"][name], theirs["seconds"][name]
        target = TARGETS.get(name)
        met &= target is None or b / a >= target
        print(f"{name:<12}{a:>10.2f}{b:>11.2f}{b / a:>8.1f}   {f'>= {target}' if target else ''}")
    if ours["peak_gb"] is not None:
        met &= ours["peak_gb"] < MEMORY_LIMIT_GB
        print(f"{'peak GB':<12}{ours['peak_gb']:>10.2f}{theirs['peak_gb']:>11.2f}{'':>8}   < {MEMORY_LIMIT_GB}")
    print(
        f"\nparameters   clvlib {ours['params']}\n          lifetimes {theirs['params']}\n          generated {PARAMS}"
    )
    print(f"total CLV    clvlib {ours['clv']:,.0f}, lifetimes {theirs['clv']:,.0f} (its months have 30 days)")
    print("all targets met" if met else "A TARGET IS MISSED")
    return met


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--customers", type=int, default=1_000_000, help="how many to generate")
    parser.add_argument("--side", choices=["clvlib", "lifetimes"], help=argparse.SUPPRESS)
    parser.add_argument("--data", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.side:
        run = {"clvlib": run_clvlib, "lifetimes": run_lifetimes}[asked.side]
        print(json.dumps(run(asked.data)))
        return 0
    return 0 if compare(asked.customers) else 1


if __name__ == "__main__":
    raise SystemExit(main())
