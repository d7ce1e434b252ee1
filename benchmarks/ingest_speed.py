"""Time and memory of `clv check` on a generated CSV, beside reading that file once.

    python -m benchmarks.ingest_speed                        # a million rows, about 60 MB
    python -m benchmarks.ingest_speed --rows 35000000        # about 2 GB; some minutes

Streams generated orders into a temporary CSV, then runs both in turn, each in a process of its own: the command as a
person types it, and DuckDB reading the same file as text and keeping nothing, which is the limit. Prints the medians
and the spread of seconds, their ratio, and the highest peak of memory. Exit code 1 when a target is missed.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

from benchmarks.speed import peak_gb

SECONDS = 5.0  # for a million rows
MEMORY_LIMIT_GB = 1.5
LINE = "{:<12}{:>10.2f}{:>18}{:>10.2f}"
CARD = 'currency = "EUR"\n[transactions]\npath = "orders.csv"\n'
# Two lines an order, five orders a customer, in three years; every fiftieth line is sent back.
ORDERS = """
    COPY (
        SELECT 'A' || (line // 2 + 100000000) AS order_id,
               'c' || lpad((hash(line // 2) % greatest({rows} // 10, 1))::VARCHAR, 8, '0') AS customer_id,
               strftime(TIMESTAMP '2023-01-01' + to_seconds((hash(line // 2 + 1) % 94694400)::BIGINT),
                        '%Y-%m-%d %H:%M:%S') AS date,
               printf('%.2f', if(hash(line + 2) % 50 = 0, -1, 1) * (500 + hash(line + 3) % 19500) / 100) AS amount,
               ['web', 'store', 'app'][(hash(line // 2 + 4) % 3)::INT + 1] AS channel,
               'P' || (hash(line + 5) % 5000 + 10000) AS product
        FROM range({rows}) AS lines(line)
    ) TO '{path}' (HEADER, DELIMITER ',')
"""


def generate(path: Path, rows: int) -> None:
    """Write so many lines of orders as CSV."""
    import duckdb

    duckdb.connect().execute(ORDERS.format(rows=rows, path=path))


def check(folder: str) -> None:
    """Our side: the command, as it is typed."""
    from clvlib.run import cli

    sys.argv = ["clv", "check", f"{folder}/orders.toml"]
    cli.main()


def read_once(folder: str) -> None:
    """The limit: every cell is read, none is kept."""
    import duckdb

    connection = duckdb.connect()
    names = connection.sql(f"FROM read_csv('{folder}/orders.csv', all_varchar = true)").columns
    lengths = ", ".join(f"sum(strlen({name}))" for name in names)
    connection.execute(f"SELECT {lengths} FROM read_csv('{folder}/orders.csv', all_varchar = true)").fetchall()


SIDES = {"clv check": check, "read once": read_once}


def in_process(side: str, folder: str) -> dict[str, float]:
    """Run one side in a process of its own; its seconds, start included, and its peak memory."""
    start = time.perf_counter()
    command = [sys.executable, "-m", "benchmarks.ingest_speed", "--side", side, "--data", folder]
    done = subprocess.run(
        command, check=True, stdout=subprocess.PIPE, text=True, env={**os.environ, "CLV_KEY": f"{folder}/key"}
    )
    return {"seconds": time.perf_counter() - start, "peak": json.loads(done.stdout.splitlines()[-1]) or 0.0}


def compare(rows: int, times: int) -> bool:
    """Generate, run both sides in turn, print the table. Returns whether every target is met."""
    with tempfile.TemporaryDirectory() as folder:
        generate(Path(folder) / "orders.csv", rows)
        (Path(folder) / "orders.toml").write_text(CARD)
        print(f"{rows:,} rows, {(Path(folder) / 'orders.csv').stat().st_size / 1e6:,.0f} MB of CSV\n")
        runs = [{side: in_process(side, folder) for side in SIDES} for _ in range(times)]
    print(f"{'':<12}{'seconds':>10}{'lowest to highest':>18}{'peak GB':>10}")
    for side in SIDES:
        seconds = sorted(run[side]["seconds"] for run in runs)
        spread = f"{seconds[0]:.2f} to {seconds[-1]:.2f}"
        print(LINE.format(side, median(seconds), spread, max(run[side]["peak"] for run in runs)))
    ratio = median(run["clv check"]["seconds"] / run["read once"]["seconds"] for run in runs)
    print(f"\nas long as reading the file {ratio:.1f} times")
    met = max(run["clv check"]["peak"] for run in runs) < MEMORY_LIMIT_GB
    met &= rows != 1_000_000 or median(run["clv check"]["seconds"] for run in runs) < SECONDS
    print("all targets met" if met else "A TARGET IS MISSED")
    return met


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rows", type=int, default=1_000_000, help="how many to generate")
    parser.add_argument("--times", type=int, default=3, help="how often each side is run")
    parser.add_argument("--side", choices=[*SIDES], help=argparse.SUPPRESS)
    parser.add_argument("--data", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.side:
        try:
            SIDES[asked.side](asked.data)
        finally:
            print(f"\n{json.dumps(peak_gb())}")
        return 0
    return 0 if compare(asked.rows, asked.times) else 1


if __name__ == "__main__":
    raise SystemExit(main())
