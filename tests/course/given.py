"""What notebooks give their exercises and questions, by name: made as the notebook makes it, once per dataset."""

from collections.abc import Callable
from functools import cache, partial
from typing import Any

from clvlib import dataset
from clvlib.dataset import Dataset
from clvlib.files import once
from tests.course import made_00_02, made_03, made_04, made_05_06, made_07, made_08_09

PARTS = [part.MADE for part in (made_00_02, made_03, made_04, made_05_06, made_07, made_08_09)]
MADE: dict[str, Callable[[Dataset], Any]] = {name: make for part in PARTS for name, make in part.items()}
assert len(MADE) == sum(map(len, PARTS)), "a name means two things"


@cache
def loaded(name: str) -> Dataset:
    return dataset.load(name)


@cache
def given(dataset_name: str, what: str) -> Any:
    """With the fixture `sharing`, once for both workers."""
    make = partial(MADE[what], loaded(dataset_name))
    return once(make, lambda: (given.__qualname__, dataset_name, what), lambda _: 0)
