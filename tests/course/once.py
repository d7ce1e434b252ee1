"""As `functools.cache`, for what is made of a dataset, which has no hash."""

from collections.abc import Callable
from typing import Any

from clvlib.dataset import Dataset


def once(make: Callable[[Dataset], Any]) -> Callable[[Dataset], Any]:
    """Make it of each dataset the first time it is asked for."""
    kept: dict[int, tuple[Dataset, Any]] = {}  # the dataset is held, so that its id is nobody else's

    def of(ds: Dataset) -> Any:
        if id(ds) not in kept:
            kept[id(ds)] = ds, make(ds)
        return kept[id(ds)][1]

    return of
