"""Worlds whose truth is known, one module a method; `python -m benchmarks.worlds` judges them."""

import importlib
import pkgutil
from functools import cache
from pathlib import Path

from threadpoolctl import threadpool_limits

from benchmarks.worlds import proof


@cache
def every() -> list[proof.World]:
    """The WORLDS of every module of this folder."""
    names = sorted(module.name for module in pkgutil.iter_modules([str(Path(__file__).parent)]))
    modules = [importlib.import_module(f"benchmarks.worlds.{name}") for name in names if name != "__main__"]
    return [world for module in modules for world in getattr(module, "WORLDS", [])]


def run(place: int, seed: int) -> proof.Answer | None:
    """One seed of the world at this place of `every`."""
    with threadpool_limits(1):
        return proof.once(every()[place], seed)
