"""Methods tried in worlds whose truth is known and that nobody tuned for.

    python -m benchmarks.worlds                       # all of them, half an hour or more
    python -m benchmarks.worlds --only experiments    # methods whose name holds this word
    python -m benchmarks.worlds --factor 0.1          # a quick look: a tenth of the repetitions

Prints one table and writes it as CSV where asked. Exit code 1 when a promise is missed.
"""

import argparse
import importlib
import pkgutil
from pathlib import Path

from threadpoolctl import threadpool_limits

from benchmarks.worlds import proof


def every() -> list[proof.World]:
    """The WORLDS of every module of this folder."""
    names = sorted(module.name for module in pkgutil.iter_modules([str(Path(__file__).parent)]))
    modules = [importlib.import_module(f"benchmarks.worlds.{name}") for name in names if name != "__main__"]
    return [world for module in modules for world in getattr(module, "WORLDS", [])]


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--only", default="", help="methods or worlds whose name holds this text")
    parser.add_argument("--factor", type=float, default=1.0, help="times the repetitions")
    parser.add_argument("--csv", type=Path, help="where to write the table")
    asked = parser.parse_args()
    with threadpool_limits(1):
        found = proof.table((world for world in every() if asked.only in f"{world.method} {world.name}"), asked.factor)
    if asked.csv:
        found.to_csv(asked.csv, index=False)
    missed = found[~found["kept"]]
    print(f"\n{len(found)} worlds, {len(missed)} promises missed")
    return 1 if len(missed) else 0


if __name__ == "__main__":
    raise SystemExit(main())
