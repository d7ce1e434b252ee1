"""How long it takes, and with how much memory, to score ever more customers: `streamed.write_scores`, file to file.

    python -m benchmarks.score_speed                                         # 100,000 and 1,000,000; some minutes
    python -m benchmarks.score_speed --customers 1000000 10000000 30000000   # hours, and 100 bytes of disk a customer

DuckDB writes purchases of three years as Parquet, streaming; each size is scored in a process of its own. Prints the
curve: seconds, those of all cores together, customers a second, the highest peak of memory, and how many times as long
as reading the file once it takes. Exit code 1 when a target is missed: the memory of the largest may be GROWTH times
that of MANY customers.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.speed import peak_gb

AS_OF, DAYS = "2024-12-31", 1095
MANY, GROWTH, MEMORY_LIMIT_GB = 1_000_000, 1.25, 4.0
LINE = "{:>12,}{:>14,}{:>10,.0f}{:>9,.0f}{:>12,.0f}{:>14,.0f}{:>10.2f}{:>14.0f}"
# Rates of purchases, lifetimes and baskets differ from customer to customer; 4.7 purchases each.
PURCHASES = """
    COPY (
        WITH drawn AS (
            SELECT customer, 1 + hash(customer, 1) % {days} AS age,
                   -ln(1 - hash(customer, 2) / 2.0**64) / 95 AS rate,
                   -ln(1 - hash(customer, 3) / 2.0**64) * 500 AS life,
                   20 * exp(hash(customer, 4) / 2.0**64) AS basket, hash(customer, 5) / 2.0**64 AS rest
            FROM range({customers}) AS customers(customer)
        )
        SELECT 'C' || customer AS customer_id,
               DATE '{as_of}' - (age - floor(if(nth = 0, 0, hash(customer, nth + 6) / 2.0**64 * least(life, age))))::INT
                   AS date,
               round(basket * (0.5 + hash(customer, -nth) / 2.0**64), 2) AS amount
        FROM drawn, unnest(range((1 + floor(rate * least(life, age) + rest))::BIGINT)) AS each(nth)
    ) TO '{path}' (FORMAT parquet)
"""


def generate(path: Path, customers: int) -> int:
    """Write the purchases of so many customers; how many these are."""
    import duckdb

    connection = duckdb.connect()
    connection.execute("SET memory_limit = '2GB'")
    connection.execute(PURCHASES.format(customers=customers, days=DAYS, as_of=AS_OF, path=path))
    return connection.sql(f"SELECT count(*) FROM '{path}'").fetchall()[0][0]


def score(path: str) -> dict[str, Any]:
    """Read the file once, then score its customers into another one beside it."""
    import pandas as pd

    from clvlib.dataset import Dataset, Economics
    from clvlib.ingest import reading
    from clvlib.models import streamed

    backend, as_of = reading.database(), pd.Timestamp(AS_OF)
    begun = time.perf_counter()
    backend.con.execute(f"SELECT sum(strlen(customer_id)), max(date), sum(amount) FROM '{path}'").fetchall()
    read = time.perf_counter() - begun
    table, starts = backend.read_parquet(path), as_of - pd.Timedelta(days=DAYS)
    told, empty = ("bench", "EUR", "en"), pd.DataFrame()
    ds = Dataset(*told, starts, as_of, Economics(), empty, empty, (), {"transactions": table}, ())
    begun, busy = time.perf_counter(), time.process_time()
    written = streamed.write_scores(ds, Path(path).with_name("scores.parquet"))
    seconds, busy = time.perf_counter() - begun, time.process_time() - busy
    worth = written.total
    return {
        "seconds": seconds,
        "busy": busy,
        "read": read,
        "customers": worth.customers,
        "learned": written.learned,
        "clv": [worth.clv, worth.low, worth.high],
        "mb": written.file.stat().st_size / 1e6,
        "peak": peak_gb() or 0.0,
    }


def in_process(path: Path) -> dict[str, Any]:
    command = [sys.executable, "-m", "benchmarks.score_speed", "--data", str(path)]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    return json.loads(done.stdout.splitlines()[-1])


def curve(sizes: list[int]) -> bool:
    """Score each size in turn, print the table. Returns whether every target is met."""
    heads = ("customers", "rows", "MB read", "seconds", "CPU seconds", "customers / s", "peak GB", "× read once")
    print("".join(f"{head:>{width}}" for head, width in zip(heads, (12, 14, 10, 9, 12, 14, 10, 14), strict=True)))
    peaks = {}
    for size in sizes:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "transactions.parquet"
            rows, found = generate(path, size), in_process(path)
            peaks[size] = found["peak"]
            took, mb = found["seconds"], path.stat().st_size / 1e6
            times = took, found["busy"], size / took
            print(LINE.format(size, rows, mb, *times, found["peak"], took / found["read"]), flush=True)
    clv, low, high = found["clv"]
    print(f"\n{found['learned']}")
    print(f"CLV of all: {clv:,.0f}, from {low:,.0f} to {high:,.0f}; {found['mb']:,.0f} MB of scores")
    many = [peak for size, peak in peaks.items() if size >= MANY]
    met = max(peaks.values()) < MEMORY_LIMIT_GB and (not many or many[-1] < GROWTH * many[0])
    print("all targets met" if met else "A TARGET IS MISSED")
    return met


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--customers", type=int, nargs="+", default=[100_000, MANY], help="how many to score")
    parser.add_argument("--data", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.data:
        print(json.dumps(score(asked.data)))
        return 0
    return 0 if curve(asked.customers) else 1


if __name__ == "__main__":
    raise SystemExit(main())
