"""How fast, beside the reference packages and beside reading the file once, and with how much memory.

    python -m benchmarks                  # every task, up to 100 million rows; not yet run whole
    python -m benchmarks --only summary   # those whose name or size holds this text; the others stay as they were
    python -m benchmarks --factor 0.01    # a quick look: a hundredth of the size, each side once, no target judged

Each side runs in a process of its own, ours and the peers' in turn, on the same generated data. Prints one table, and
writes results.json, results.png and the table of README.md in this folder, of a quick look only where --out says so.
Exit code 1 when a target is missed.
"""

import argparse
import os
import platform
import sys
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from contextlib import suppress
from datetime import date
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from multiprocessing import get_context
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

import psutil

from benchmarks import results
from benchmarks.shops import short
from benchmarks.sides import Measured, hush, read_once
from benchmarks.tasks import TASKS, Side, Task

HERE = Path(__file__).parent
PACKAGES = ("clvlib", "lifetimes", "pymc-marketing", "duckdb", "pandas", "numpy")


def alone(work: Callable[..., Any], *given: Any) -> Any:
    """What the work gives in a process of its own."""
    context = get_context("spawn")
    with ProcessPoolExecutor(1, context, initializer=hush) as pool:
        return pool.submit(work, *given).result()


@cache
def data(made: Callable[[Path, int], str], size: int, folder: Path) -> tuple[Path, str]:
    """The folder of data of this size, made when first asked for, and what is in it."""
    place = folder / f"{made.__name__}-{size}"
    place.mkdir()
    return place, alone(made, place, size)


def in_turn(sides: dict[str, Side], folder: Path, times: int) -> dict[str, dict[str, Any]]:
    """What each side takes; who fails is not asked again."""
    runs: dict[str, list[Measured]] = {name: [] for name in sides}
    failed: dict[str, str] = {}
    for _ in range(times):
        for name in [name for name in sides if name not in failed]:
            try:
                runs[name].append(alone(sides[name], folder))
            except Exception as error:  # whatever it is: the other rows are still to come
                if isinstance(error, ModuleNotFoundError):
                    failed[name] = "not installed"
                else:
                    failed[name] = f"failed: {type(error).__name__}"
                    print(f"{name}: {error}", file=sys.stderr)
    return {name: {"failed": failed[name]} if name in failed else _told(each) for name, each in runs.items()}


def _told(runs: list[Measured]) -> dict[str, Any]:
    seconds = [round(run.seconds, 4) for run in runs]
    peaks = [run.peak_gb for run in runs if run.peak_gb is not None]
    return {
        "seconds": median(seconds),
        "low": min(seconds),
        "high": max(seconds),
        "runs": len(runs),
        "peak_gb": max(peaks, default=None),
        "answer": runs[-1].answer,
    }


def measured(task: Task, factor: float, folder: Path) -> list[results.Row]:
    """The rows of a task, one for each peer. Targets are for the first of these, and of the size that TASKS have."""
    sides, size, words = {"ours": task.ours} | task.peers, round(task.size * factor), "bundled data"
    if task.size:
        folder, words = data(task.made, size, folder)
        sides["read once"] = read_once
    took = in_turn(sides, folder, task.times if factor == 1 else 1)
    told = {"task": task.name, "size": size, "data": words, "date": f"{date.today()}", "ours": took["ours"]}
    told["read_once"] = took.get("read once")
    peers = [{"name": name} | took[name] for name in task.peers] or [None]
    targets = [task.targets if factor == 1 else {}, *[{}] * len(peers)]
    return [told | {"peer": peer, "targets": each} for peer, each in zip(peers, targets, strict=False)]


def here() -> dict[str, Any]:
    """The machine and the versions, by which rows can be set side by side."""
    memory = round(psutil.virtual_memory().total / 1e9)
    told = {"cores": os.cpu_count(), "memory_gb": memory, "system": f"{platform.system()} {platform.machine()}"}
    versions = {"Python": platform.python_version()}
    for name in PACKAGES:
        with suppress(PackageNotFoundError):
            versions[name] = version(name)
    return {"machine": told, "versions": versions}


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--only", default="", help="tasks whose name or size holds this text")
    parser.add_argument("--factor", type=float, default=1.0, help="times the sizes")
    parser.add_argument("--out", type=Path, help="folder of results.json and results.png")
    asked = parser.parse_args()
    whole = asked.factor == 1
    out = asked.out or (HERE if whole else None)
    chosen = [task for task in TASKS if asked.only in f"{task.name} {short(task.size)}" and (whole or task.size)]
    if not chosen:
        parser.error(f"no task {'' if whole else 'of generated data '}holds {asked.only!r}")
    now, told = here(), results.read(out) if out else {}
    rows = told["rows"] if told.items() >= now.items() else []  # of another machine, none can stand beside ours
    missed = 0
    print(results.line(results.HEADS), flush=True)
    with TemporaryDirectory() as folder:
        for task in chosen:
            new = measured(task, asked.factor, Path(folder))
            rows = results.judged(replaced(rows, new))
            for row in rows:
                if (row["task"], row["size"]) == (task.name, new[0]["size"]):
                    missed += bool(row["missed"])
                    print(results.line(results.cells(row)), flush=True)
            if out:
                results.write(out, now | {"rows": rows})
    if out:
        results.draw(out)
    print(f"\n{len(chosen)} tasks, {missed} rows with a target missed")
    return 1 if missed else 0


def replaced(rows: list[results.Row], new: list[results.Row]) -> list[results.Row]:
    """The rows, in the order of TASKS, with new ones in the place of those of the same task and size."""
    order = [task.name for task in TASKS]
    key = new[0]["task"], new[0]["size"]
    kept = [row for row in rows if row["task"] in order and (row["task"], row["size"]) != key]
    return sorted(kept + new, key=lambda row: (order.index(row["task"]), row["size"]))


if __name__ == "__main__":
    raise SystemExit(main())
