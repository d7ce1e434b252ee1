"""Do intervals of effects hold the truth as often as they say? Simulated shops with a known effect, again and again.

    python benchmarks/experiments_recovery.py [--shops 500] [--customers 1500]

Customers with rates and order values of their own buy for two years; at the end of the first, half of them enter an arm
that lowers the chance to go on buying at all and raises the rate of those who do. The true difference per customer is
known from the rates. Checked: plain and CUPED intervals of orders, revenue and value realised, and the levers' sum.
Exits with 1 when a coverage is outside 93 to 97 % by more than the chance of this many shops allows.
"""

import argparse
from types import SimpleNamespace

import ibis
import numpy as np
import pandas as pd

from clvlib import experiments, levers, trial
from clvlib.dataset import Economics

START, ASSIGNED, AS_OF = pd.Timestamp("2024-01-01"), pd.Timestamp("2025-01-01"), pd.Timestamp("2025-12-31")
ECONOMICS = Economics(margin=0.4, service_cost_per_order=1.0)
STAYS, RATE, SPEND = 0.9, 1.25, 1.04  # what the variant multiplies
DAYS = 365


def shop(customers: int, seed: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Transactions and the experiment's table."""
    random = np.random.default_rng(seed)
    people = np.array([f"c{i:05}" for i in range(customers)])
    rate, spend = random.gamma(1.2, 2.5, customers), random.lognormal(3.4, 0.5, customers)
    treated = random.random(customers) < 0.5
    stays = random.random(customers) < 0.8 * np.where(treated, STAYS, 1.0)
    after = rate * np.where(treated, RATE, 1.0) * stays
    parts = []
    for first, each, factor in ((0, rate, np.ones(customers)), (366, after, np.where(treated, SPEND, 1.0))):
        who = np.repeat(np.arange(customers), random.poisson(each))
        amount = (spend * factor)[who] * random.gamma(4, 1 / 4, len(who))
        day = first + random.integers(0, DAYS, len(who))
        parts.append(pd.DataFrame({"customer_id": people[who], "day": day, "amount": amount.round(2)}))
    tx = pd.concat(parts, ignore_index=True)
    tx["date"] = START + pd.to_timedelta(tx.pop("day"), unit="D")
    variant = np.where(treated, "variant", "control")
    table = pd.DataFrame({"customer_id": people, "experiment": "test", "variant": variant, "date": ASSIGNED})
    return tx, table


def truth() -> dict[str, float]:
    """Differences per assigned customer, over the laws they are drawn from: several orders on one day are one."""
    rate = np.random.default_rng(99).gamma(1.2, 2.5, 2_000_000)

    def days(factor: float) -> float:
        return float((DAYS * -np.expm1(-rate * factor / DAYS)).mean())

    orders = 0.8 * (STAYS * days(RATE) - days(1.0))
    spend = float(np.exp(3.4 + 0.125))
    revenue = 0.8 * spend * 3.0 * (STAYS * RATE * SPEND - 1)
    return {"orders": orders, "revenue": revenue, "value": 0.4 * revenue - orders}


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--shops", type=int, default=500, help="how many to simulate")
    parser.add_argument("--customers", type=int, default=1500, help="customers of each")
    asked = parser.parse_args()
    true = truth()
    held: dict[tuple[str, str], list[bool]] = {}
    saved, gaps = [], []
    for seed in range(asked.shops):
        tx, table = shop(asked.customers, seed)
        test = trial.prepare(table, "test", START, AS_OF)
        ds = SimpleNamespace(transactions=ibis.memtable(tx), as_of=AS_OF, economics=ECONOMICS, has=lambda _: False)
        reading = experiments.read_all({"test": test}, ds)[0]["test"]  # type: ignore[arg-type]
        found = reading.effects.loc["variant"]
        for name, value in true.items():
            row = found.loc[name]
            held.setdefault((name, "plain"), []).append(row["plain_low"] <= value <= row["plain_high"])
            held.setdefault((name, "CUPED"), []).append(row["low"] <= value <= row["high"])
        saved.append(found.loc["value", "saved"])
        split = levers.levers(reading.outcomes, test).loc["variant"]
        held.setdefault(("sum of the levers", "delta"), []).append(
            split.loc["all", "low"] <= true["value"] <= split.loc["all", "high"]
        )
        gaps.append(abs(split["effect"].iloc[:-1].sum() - split.loc["all", "effect"]))
    print(
        f"{asked.shops} shops of {asked.customers:,} customers; true differences "
        + ", ".join(f"{name} {value:.3f}" for name, value in true.items())
        + "\n"
    )
    good = True
    for (name, kind), hits in held.items():
        share = float(np.mean(hits))
        slack = 1.96 * np.sqrt(0.95 * 0.05 / len(hits))
        good &= 0.93 - slack <= share <= 0.97 + slack
        print(f"{name:<20}{kind:<8}{share:>8.1%} of the 95 % intervals hold the truth")
    print(f"\nCUPED removes {np.mean(saved):.0%} of the variance of value; levers miss their sum by {max(gaps):.0e}")
    print("intervals keep their level" if good else "AN INTERVAL MISSES ITS LEVEL")
    return 0 if good else 1


if __name__ == "__main__":
    raise SystemExit(main())
