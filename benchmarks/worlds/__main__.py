"""Methods tried in worlds whose truth is known and that nobody tuned for.

    python -m benchmarks.worlds                       # all of them, half an hour or more
    python -m benchmarks.worlds --only experiments    # methods whose name holds this word
    python -m benchmarks.worlds --factor 0.1          # a quick look: a tenth of the repetitions

Prints one table and writes it as CSV where asked. Exit code 1 when a promise is missed.
"""

import argparse
import os
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import pandas as pd

from benchmarks.worlds import every, proof, run


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--only", default="", help="methods or worlds whose name holds this text")
    parser.add_argument("--factor", type=float, default=1.0, help="times the repetitions")
    parser.add_argument("--csv", type=Path, help="where to write the table")
    asked = parser.parse_args()
    rows = []
    with ProcessPoolExecutor(os.cpu_count(), mp_context=get_context("spawn")) as pool:
        for place, world in enumerate(every()):
            if asked.only in f"{world.method} {world.name}":
                seeds = range(max(2, round(world.repetitions * asked.factor)))
                rows.append(proof.judge(world, list(pool.map(run, [place] * len(seeds), seeds, chunksize=2))))
                print(proof.in_words(rows[-1]), flush=True)
    found = pd.DataFrame(rows)
    if asked.csv:
        found.to_csv(asked.csv, index=False)
    missed = found[~found["kept"]]
    print(f"\n{len(found)} worlds, {len(missed)} promises missed")
    return 1 if len(missed) else 0


if __name__ == "__main__":
    raise SystemExit(main())
