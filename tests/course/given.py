"""What notebooks give their exercises and questions, by name: made as the notebook makes it, once per dataset."""

from collections.abc import Callable
from functools import cache
from typing import Any

from clvlib import dataset
from clvlib.dataset import Dataset
from tests.course.made_00_02 import MADE as MADE_00_02

MADE: dict[str, Callable[[Dataset], Any]] = {**MADE_00_02}  # by the name under which the notebook gives it


@cache
def loaded(name: str) -> Dataset:
    return dataset.load(name)


@cache
def given(dataset_name: str, what: str) -> Any:
    return MADE[what](loaded(dataset_name))
