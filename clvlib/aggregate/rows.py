"""What every query of this room needs: the rows of some days, what is known of their customer, and a query's answer."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import ibis
import numpy as np
import pandas as pd
from ibis.util import gen_name

_PRIME = 2**31 - 1  # squares and sums of the rests by it stay whole numbers
_LONG = 2**33  # added to it, Spark's hash of 32 bits is a number of 64
_SHIFT, _BITS = 24, 2**20 - 1  # of a hash: DuckDB finds its own way by those at either end
_ROWS_AT_ONCE = 10_000_000  # of a table that is parted, in memory
_ROWS_OF_GROUP = 20_000  # of a part's file: each is written in so many


def date_of(when: Any) -> ibis.Value:
    """The day of `when` as a date that columns can be held against."""
    return ibis.date(pd.Timestamp(when).date())


def until(table: ibis.Table, as_of: Any) -> ibis.Table:
    """The rows up to and including the day `as_of`, with their day as `day` (date). Lazy."""
    return with_day(table).filter(lambda t: t["day"] <= date_of(as_of))


def with_day(table: ibis.Table) -> ibis.Table:
    """The rows with their day as `day` (date). Lazy."""
    return table.mutate(day=table["date"].cast("date"))


def between(table: ibis.Table, start: Any, end: Any) -> ibis.Table:
    """The rows from the first to the last day, both included, with their day as `day` (date). Lazy."""
    return until(table, end).filter(lambda t: t["day"] >= date_of(start))


def beside(table: ibis.Table, known: pd.Series, kind: str, how: str = "inner") -> ibis.Table:
    """The rows with what is `known` of their customer (customer_id → values of the Ibis type `kind`), by its name.

    Rows of other customers are left out, or kept with NULL (`how="left"`). Lazy.
    """
    frame = pd.DataFrame({"member": known.index.astype(str), known.name: known.to_numpy()})
    values = ibis.memtable(frame, schema={"member": "string", str(known.name): kind})
    return table.join(values, table["customer_id"] == values["member"], how=how).drop("member")


def fetched(query: ibis.Table, dates: Sequence[str] = ()) -> pd.DataFrame:
    """A query's answer, its columns of `dates` as datetime64[us]; three times faster than Ibis's own way to pandas.

    Column by column, so that many rows are there once, and not once more as Arrow has them.
    """
    answer, columns = query.to_pyarrow(), {}
    for name in answer.column_names:
        column = answer[name].to_pandas(date_as_object=False)
        answer = answer.drop_columns(name)
        if name in dates:
            column = pd.to_datetime(column).astype("datetime64[us]")
        elif isinstance(column.dtype, np.dtype):
            column = column.copy()  # which may be written to
        columns[name] = column
    return pd.DataFrame(columns, copy=False)


def content(table: ibis.Table) -> tuple[int, ...]:
    """Numbers that are the same for the same rows, in whatever order, and other ones for others."""
    row: ibis.Value = ibis.literal(0, "int64")
    for column in table.columns:
        cell = table[column]
        cell = cell if cell.type().is_string() or cell.type().is_floating() else cell.cast("string")
        row = (row * 31 + (cell.hash() % _PRIME).fill_null(_PRIME) + _LONG) % _PRIME
    squares = (row * row % _PRIME).sum()  # sums alone would stay when two rows swap a cell
    sums = table.aggregate(rows=table.count(), added=row.sum(), mixed=squares)
    return tuple(int(each) for each in fetched(sums).fillna(0).iloc[0])


def some_customers(table: ibis.Table, most: int) -> ibis.Table:
    """The rows of `most` customers, drawn by a hash of their ids; all rows if there are no more customers. Lazy."""
    ids = pd.Index(fetched(table.select("customer_id").distinct())["customer_id"])
    return table if len(ids) <= most else of_customers(table, some_of(ids, most))


def some_of(ids: pd.Index, most: int) -> pd.Index:
    """`most` of these ids (texts), drawn by a hash; all if there are no more."""
    if len(ids) <= most:
        return ids
    return ids[pd.util.hash_array(ids.to_numpy(dtype=object)).argsort(kind="stable")[:most]]


def of_customers(table: ibis.Table, ids: Iterable[str]) -> ibis.Table:
    """The rows of these customers. Lazy."""
    named = ibis.memtable(pd.DataFrame({"customer_id": pd.Series([*ids], dtype="str")}))
    return table.semi_join(named, "customer_id")


@contextmanager
def in_parts(table: ibis.Table, most: int) -> Iterator[list[ibis.Table]]:
    """The rows in parts of about `most` customers each, by a hash of their ids: so each is a sample of all. Lazy.

    One part is the table itself. More are written to files, which lie in a folder that its owner alone can read, and
    are gone afterwards: so that rows are read twice, however many parts there are. Another engine keeps them as a table
    of its own.
    """
    customers = table["customer_id"].approx_nunique().to_pyarrow().as_py()
    count = max(1, -(-customers // most))
    if count == 1:
        yield [table]
        return
    backend = ibis.get_backend(table)
    if backend.name != "duckdb":
        with _parted_there(table, count) as there:
            yield there
        return
    part = ((table["customer_id"].hash() >> _SHIFT) & _BITS) % count
    with TemporaryDirectory(prefix="clv-", ignore_cleanup_errors=True) as folder:
        backend.con.execute(f"SET partitioned_write_max_open_files = {count + 1}")
        backend.con.execute(f"SET partitioned_write_flush_threshold = {_ROWS_AT_ONCE}")
        options = {"partition_by": "part", "row_group_size": _ROWS_OF_GROUP}
        backend.to_parquet(table.mutate(part=part), f"{folder}/parts", **options)
        places = sorted(Path(folder, "parts").iterdir())
        parts = [backend.read_parquet(f"{place}/*.parquet", hive_partitioning=False) for place in places]
        try:
            yield parts
        finally:
            for part in parts:
                backend.drop_view(part.get_name(), force=True)


@contextmanager
def _parted_there(table: ibis.Table, count: int) -> Iterator[list[ibis.Table]]:
    """`in_parts` in a database (a temporary table) or in Spark (one that is laid out by parts), dropped afterwards."""
    backend = ibis.get_backend(table)
    rest = table["customer_id"].hash() % count
    rows = table.mutate(part=ibis.ifelse(rest < 0, rest + count, rest))
    layout = {"partition_by": "part"} if backend.name == "pyspark" else {"temp": True}
    kept = backend.create_table(gen_name("clv_parts"), rows, **layout)
    try:
        yield [kept.filter(kept["part"] == part).drop("part") for part in range(count)]
    finally:
        backend.drop_table(kept.get_name(), force=True)
