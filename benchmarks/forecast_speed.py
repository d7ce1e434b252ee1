"""How long a forecast of everybody takes, windows, fits and scores together, and with how much memory.

    python -m benchmarks.forecast_speed                        # 100,000 customers; a minute
    python -m benchmarks.forecast_speed --customers 1000000    # some minutes

Customers are drawn from what BG/NBD assumes, over four years. Prints seconds of CPU and peak memory; exit code 1 when a
target is missed.
"""

import argparse
import tempfile
import time
from pathlib import Path

import ibis
import numpy as np
import pandas as pd

from benchmarks.speed import peak_gb
from clvlib.dataset import Economics
from clvlib.models import outlook, scoring
from clvlib.models.windows import History
from tools.demo_shop import simulate

PARAMS, SPEND = (0.70, 35.0, 0.66, 3.2), (6.0, 4.0, 60.0)
AS_OF, DAYS, AHEAD = pd.Timestamp("2024-12-31"), 1460, 365
TARGETS = {100_000: 60, 1_000_000: 300}  # customers: seconds of CPU, at most


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--customers", type=int, default=100_000, help="how many to forecast")
    customers = parser.parse_args().customers
    ages = np.random.default_rng(0).integers(1, DAYS, customers).astype(float)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "transactions.parquet"
        sold = simulate.transactions(simulate.bg_nbd(customers, PARAMS, ages, seed=1), SPEND, AS_OF, seed=2)
        rows, starts = len(sold), sold["date"].min()
        sold.to_parquet(path, index=False)
        del sold
        before = time.process_time()
        history = History(ibis.duckdb.connect().read_parquet(path), starts)
        ahead = outlook.look_ahead(history, AS_OF, AHEAD)
        scores = scoring.score(ahead, Economics())
        seconds = time.process_time() - before
    print(f"{customers:,} customers, {rows:,} rows: {seconds:.0f} s of CPU, peak {peak_gb():.1f} GB ({ahead.method})")
    print(f"CLV of all: {scores['clv'].sum():,.0f}")
    most = TARGETS.get(customers)
    return 1 if most is not None and seconds > most else 0


if __name__ == "__main__":
    raise SystemExit(main())
