"""How often the 95 % interval of a further channel's effect covers the truth, over simulated shops.

    python benchmarks/coverage.py                # 500 shops like the demo shop, each from another seed; minutes
    python benchmarks/coverage.py --shops 50     # a quick look

Each shop's orders and visits go through `journeys`, `channels` and `causal` as a client's do. Who adds a channel
depends on what the data show (orders so far, silence, age band, home channel), so that the plain difference is biased
and the adjusted one should not be. Exit code 1 when coverage of the effect on all customers is outside 93 % to 97 %.
"""

import argparse
import sys
import time
from typing import get_args

import ibis
import numpy as np
import pandas as pd

from clvlib import causal, channels, demo, shop
from clvlib.dataset import Dataset, Economics

LIMITS = (0.93, 0.97)


def dataset(world: shop.World) -> Dataset:
    """Wrap what this study needs of a simulated shop as a dataset: orders, visits, age bands, no dirty rows."""
    lines = world.lines[world.lines["time"] < shop.END]
    named = np.array(shop.CHANNELS, dtype=object)

    def stamped(rows: pd.DataFrame) -> pd.DataFrame:
        when = shop.START + pd.to_timedelta(np.round(rows["time"].to_numpy() * 1440), unit="min")
        ids = np.array([f"C{i + 1:04d}" for i in rows["person"]], dtype=object)
        return pd.DataFrame({"customer_id": ids, "date": when, "channel": named[rows["channel"]]})

    transactions = stamped(lines).assign(amount=lines["amount"].to_numpy(), order_id=lines["order"].to_numpy())
    people = pd.DataFrame({"customer_id": [f"C{i + 1:04d}" for i in range(len(world.people))]})
    frames = {
        "transactions": transactions,
        "touchpoints": stamped(world.added).assign(event="visit"),
        "customers": people.assign(age_band=[shop.AGES[age] for age in world.people["age"]]),
    }
    connection = ibis.duckdb.connect()
    tables = {name: connection.create_table(name, frame) for name, frame in frames.items()}
    unused = pd.DataFrame()
    return Dataset(
        "simulated", "EUR", "en_IE", shop.START, shop.AS_OF, Economics(), unused, unused, (), tables=tables, files=()
    )


def estimate(seed: int) -> dict[str, float]:
    """Run one shop through the study; returns the truth beside the plain and the adjusted figures."""
    world = shop.world(seed)
    seen = channels.study(dataset(world), known_before="age_band")
    fitted = causal.fit(seen.features, seen.added, seen.outcomes["revenue"])
    gain, _, added = demo.channel_effect(world)
    row = {"customers": float(len(seen.added)), "share": float(seen.added.mean())}
    for target in get_args(causal.Target):
        truth = float(gain.mean() if target == "all" else gain[added].mean())
        found = causal.effect(fitted, target)
        row |= {f"{target} truth": truth, f"{target} error": found.estimate - truth, f"{target} se": found.se}
        row |= {f"{target} covered": found.low <= truth <= found.high, f"{target} plain": found.naive - truth}
        row |= {f"{target} plain covered": found.naive_low <= truth <= found.naive_high}
    return row


def main() -> int:
    """Print bias and coverage; exit code 1 when coverage misses its limits."""
    parser = argparse.ArgumentParser(description="Coverage of the adjusted effect of a further channel.")
    parser.add_argument("--shops", type=int, default=500)
    shops, started = parser.parse_args().shops, time.perf_counter()
    runs = pd.DataFrame([estimate(seed) for seed in range(shops)])
    print(f"{shops} shops, {runs['customers'].mean():.0f} customers each, {runs['share'].mean():.0%} added a channel")
    for target in get_args(causal.Target):
        print(f"\nmean effect on {target} customers: {runs[f'{target} truth'].mean():.2f} in truth, on average")
        print(f"  {'':10}{'bias':>8}{'sd':>8}{'mean se':>9}{'covered':>9}")
        plain, error = runs[f"{target} plain"], runs[f"{target} error"]
        print(f"  {'plain':10}{plain.mean():8.2f}{plain.std():8.2f}{'':9}{runs[f'{target} plain covered'].mean():9.1%}")
        se, covered = runs[f"{target} se"].mean(), runs[f"{target} covered"].mean()
        print(f"  {'adjusted':10}{error.mean():8.2f}{error.std():8.2f}{se:9.2f}{covered:9.1%}")
    print(f"\n{time.perf_counter() - started:.0f} s")
    return 0 if LIMITS[0] <= runs["all covered"].mean() <= LIMITS[1] else 1


if __name__ == "__main__":
    sys.exit(main())
