"""How often a test without any effect shows one when it is looked at again and again: interval for one look, sequence.

    python benchmarks/peeking.py [--runs 20000] [--customers 4000]

Three kinds of outcome, from tame to wild: orders (Poisson), what customers of the demo shop bring in a year, and a
purchase once in fifty with a lognormal amount. Exits with 1 when a confidence sequence gives more false alarms than its
level (the whole 95 % interval of the share above 5 %).
"""

import argparse

import numpy as np

from clvlib import load, planning, sequential

LEVEL = 0.95


def pools(seed: int = 0) -> dict[str, np.ndarray]:
    random = np.random.default_rng(seed)
    demo = load("demo")
    people = planning.newcomers(demo.transactions, demo.as_of, demo.economics)
    rare = np.where(random.random(200_000) < 0.02, random.lognormal(4, 1, 200_000), 0.0)
    return {
        "orders (Poisson, mean 1)": random.poisson(1.0, 200_000).astype(float),
        f"demo shop, {people.columns[-1]}": people.iloc[:, -1].to_numpy(),
        "1 in 50 buys, lognormal": rare,
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--runs", type=int, default=20_000, help="simulated tests of each kind")
    parser.add_argument("--customers", type=int, default=4_000, help="customers of a test, both arms")
    asked = parser.parse_args()
    held = True
    print(f"{asked.runs:,} tests of {asked.customers:,} customers, level {1 - LEVEL:.0%}; share with a false alarm\n")
    for name, pool in pools().items():
        rates = sequential.false_alarms(pool, asked.customers, asked.runs, LEVEL)
        print(f"{name}\n{'looks':>8}{'one look':>12}{'sequence':>12}   95 % of the sequence's share")
        for looks, row in rates.iterrows():
            low, high = row["sequence_low"], row["sequence_high"]
            print(f"{looks:>8}{row['fixed']:>12.1%}{row['sequence']:>12.2%}   {low:.2%} to {high:.2%}")
            held &= low <= 1 - LEVEL
        print()
    print("the sequence keeps its level" if held else "THE SEQUENCE EXCEEDS ITS LEVEL")
    return 0 if held else 1


if __name__ == "__main__":
    raise SystemExit(main())
