"""A helper package to measure customer lifetime value: one module per idea (see README.md)."""

from clvlib.dataset import load

__all__ = ["load"]
