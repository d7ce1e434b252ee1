"""A helper package to measure customer lifetime value: one module per idea (see README.md)."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from clvlib.dataset import load

__all__ = ["load"]


def __getattr__(name: str) -> Any:
    """Load what reads datasets only when it is asked for: it takes a second."""
    if name == "load":
        from clvlib import dataset

        return dataset.load
    raise AttributeError(f"module 'clvlib' has no attribute {name!r}")
