"""A question in SQL about the canonical tables → a frame. It can read them, and nothing else.

The words of the question go to DuckDB as they are; there the names of the tables stand for views of what was known on
the day, which only this question sees. What else could be named is refused before.
"""

import re
from collections.abc import Mapping

import duckdb
import ibis
import pandas as pd
import sqlglot
from sqlglot import exp

from clvlib.errors import UsageError
from clvlib.ingest.raw import first_line, quoted
from clvlib.ingest.rules import DATED
from clvlib.language import phrase


def select(tables: Mapping[str, ibis.Table], sql: str, until: pd.Timestamp) -> pd.DataFrame:
    """What a SELECT in DuckDB's SQL gives of these tables; of dated ones, the rows until the end of the day `until`.

    Raises UsageError for anything but one SELECT of these tables, and for what DuckDB doesn't understand.
    """
    mend = phrase(
        "It may read {tables}, as in select count(*) from {table}.",
        tables=", ".join(tables),
        table=next(iter(tables), "transactions"),
    )
    _require_select(tables, sql, mend)
    backend = next(iter(tables.values())).get_backend()
    try:
        with backend.con.cursor() as apart:
            for name in tables:
                known = sqlglot.parse_one(backend.compile(_known(tables, name, until)), dialect="duckdb")
                for table in known.find_all(exp.Table):  # the table itself, not the view of its name
                    if table.name in tables:
                        table.set("db", exp.to_identifier("main"))
                        table.set("catalog", exp.to_identifier(backend.current_catalog))
                apart.execute(f"CREATE TEMP VIEW {quoted(name)} AS {known.sql(dialect='duckdb')}")
            apart.execute("BEGIN TRANSACTION READ ONLY")
            return apart.execute(sql).df()
    except duckdb.Error as error:
        raise UsageError(phrase("DuckDB can't answer this: {why}", why=first_line(error)), mend) from None


def _require_select(tables: Mapping[str, ibis.Table], sql: str, mend: str) -> None:
    try:
        found = sqlglot.parse(str(sql), dialect="duckdb")
    except (sqlglot.errors.SqlglotError, RecursionError) as error:
        what = phrase("This is no SQL that can be read: {why:{why}|too deep}", why=first_line(error))
        raise UsageError(what, mend) from None
    if len(found) != 1 or not isinstance(found[0], exp.Query) or found[0].find(exp.DML, exp.DDL, exp.Command):
        raise UsageError("Only one SELECT can be asked, and nothing be written.", mend)
    read = [*found[0].find_all(exp.Table)]
    strange: list[exp.Expression] = [each for each in read if not isinstance(each.this, exp.Identifier) or each.db]
    strange += [each for each in found[0].find_all(exp.Lateral) if not isinstance(each.this, exp.Subquery | exp.Unnest)]
    strange += [each for each in read if not re.fullmatch(r"\w+", each.name)]  # a file, whatever else is so called
    if strange:
        what = phrase("{this} can't be asked: only tables, by their own names.", this=strange[0].sql(dialect="duckdb"))
        raise UsageError(what, mend)
    names = {table.name.lower() for table in read} - {each.alias.lower() for each in found[0].find_all(exp.CTE)}
    if others := sorted(names - set(tables)):
        raise UsageError(phrase("There is no table {names} to be asked.", names=", ".join(others)), mend)


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
