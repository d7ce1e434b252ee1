"""A question in SQL about the canonical tables → a frame. It can read them, and nothing else."""

from collections.abc import Mapping

import duckdb
import ibis
import pandas as pd
import sqlglot
from sqlglot import exp

from clvlib.errors import UsageError
from clvlib.ingest.raw import first_line
from clvlib.ingest.rules import DATED

_READS = "It may read {tables}, as in select count(*) from {first}."


def select(tables: Mapping[str, ibis.Table], sql: str, until: pd.Timestamp) -> pd.DataFrame:
    """What a SELECT in DuckDB's SQL gives of these tables; of dated ones, the rows until the end of the day `until`.

    Raises UsageError for anything but one SELECT of these tables, and for what DuckDB doesn't understand.
    """
    mend = _READS.format(tables=", ".join(tables), first=next(iter(tables), "transactions"))
    try:
        found = sqlglot.parse(sql, dialect="duckdb")
    except sqlglot.errors.SqlglotError as error:
        raise UsageError(f"This is no SQL that can be read: {str(error).splitlines()[0]}", mend) from None
    if len(found) != 1 or not isinstance(found[0], exp.Query) or found[0].find(exp.DML, exp.DDL, exp.Command):
        raise UsageError("Only one SELECT can be asked, and nothing be written.", mend)
    query = found[0]
    own = {with_.alias for with_ in query.find_all(exp.CTE)}
    asked = {_named(table) for table in query.find_all(exp.Table)} - own
    if others := sorted(asked - set(tables)):
        raise UsageError(f"There is no table {', '.join(others)} to be asked.", mend)
    backend = next(iter(tables.values())).get_backend()
    for name in sorted(asked):
        query = query.with_(name, as_=backend.compile(_known(tables, name, until)), dialect="duckdb")
    try:
        with backend.con.cursor() as apart:
            apart.execute("BEGIN TRANSACTION READ ONLY")
            return apart.execute(query.sql(dialect="duckdb")).df()
    except duckdb.Error as error:
        raise UsageError(f"DuckDB can't answer this: {first_line(error)}", mend) from None


def _known(tables: Mapping[str, ibis.Table], name: str, until: pd.Timestamp) -> ibis.Table:
    """The rows that were known on a day; a customer without a day of sign-up was so from the first purchase."""
    table = tables[name]
    if DATED.get(name) not in table.columns:
        return table
    there = table[DATED[name]] < until + pd.Timedelta(days=1)
    if name == "customers":
        bought = _known(tables, "transactions", until)["customer_id"] if "transactions" in tables else []
        there = there.fill_null(False) | table["customer_id"].isin(bought)
    return table.filter(there)


def _named(table: exp.Table) -> str:
    """The table's name; of a function that stands for a table, such as read_csv, how it is written."""
    plain = isinstance(table.this, exp.Identifier) and not table.db
    return table.name.lower() if plain else table.sql(dialect="duckdb")
