"""What notebooks give their exercises and questions, by name: made as the notebook makes it, once per dataset."""

from collections.abc import Callable
from functools import cache
from typing import Any

from clvlib import dataset
from clvlib.dataset import Dataset
from tests.course import made_05_06

MADE: dict[str, Callable[[Dataset], Any]] = {**made_05_06.MADE}  # by the name under which the notebook gives it


@cache
def loaded(name: str) -> Dataset:
    return dataset.load(name)


@cache
def given(dataset_name: str, what: str) -> Any:
    return MADE[what](loaded(dataset_name))
