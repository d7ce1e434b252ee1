"""What the columns of customers.csv and of the lists say: one entry a name, in columns.toml."""

import re
import tomllib
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from clvlib.language import translated

_MONEY = "money"  # a unit, in place of which a run writes its currency
_FILE = Path(__file__).with_name("columns.toml")


class Entry(NamedTuple):
    """What a column says: the notebook that explains it, its unit, its meaning."""

    notebook: str
    unit: str
    meaning: str


@cache
def entries() -> dict[str, Entry]:
    """The entry of each column, by its name; `{test}` in a name stands for the name of a test."""
    parts = tomllib.loads(_FILE.read_text("utf-8"))
    return {name: Entry(book, *told) for book, columns in parts.items() for name, told in columns.items()}


def entry_of(column: str) -> str | None:
    """The name under which a column has its entry; None for one that has none, as in a notebook of one's own."""
    names = {name: re.escape(name).replace(re.escape("{test}"), ".+") for name in entries()}
    return next((name for name, pattern in names.items() if re.fullmatch(pattern, column)), None)


def describe(tables: Mapping[str, pd.DataFrame], currency: str) -> pd.DataFrame:
    """Every column of these tables (file → frame), in their order: file, column, notebook, unit and meaning.

    A named index is a column of the file. What has no entry is left empty; money is in the `currency`.
    """
    known, rows = entries(), []
    for file, table in tables.items():
        for column in [*filter(None, table.index.names), *table.columns]:
            said = known.get(entry_of(str(column)) or "", Entry("", "", ""))
            unit = currency if said.unit == _MONEY else translated(said.unit)
            rows.append((file, column, translated(said.notebook), unit, translated(said.meaning)))
    return pd.DataFrame(rows, columns=["file", "column", *Entry._fields])
