"""The aggregates → docs/sql: what each asks, as SQL for BigQuery and Snowflake, one file an aggregate.

    python -m tools.sql

They are Ibis expressions, from which each engine gets SQL of its own. Two warehouses that no test can reach are shown
so: what they would be asked can be read, and a change of it is seen. Tables have the canonical names, columns, types.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from shutil import rmtree
from typing import Any
from unittest.mock import patch

import ibis
import ibis.expr.operations as ops
import numpy as np
import pandas as pd
import sqlglot.expressions as sge
from ibis.backends.duckdb import Backend
from ibis.backends.sql.compilers import BigQueryCompiler, SnowflakeCompiler
from ibis.common.exceptions import OperationNotDefinedError

from clvlib import aggregate
from clvlib.aggregate import clock, contents, inspection, journeys, purchases
from clvlib.files import write_text

FOLDER = Path(__file__).parents[1] / "docs/sql"
COMPILERS = {"bigquery": BigQueryCompiler, "snowflake": SnowflakeCompiler}
FIRST, MIDDLE, LAST = pd.Timestamp("2025-01-01"), pd.Timestamp("2025-06-30"), pd.Timestamp("2025-12-31")
KEPT, ORDERS = "spent_on_days", "by_order"  # what others begin with: tables of these names
_DAYS = "ibis_clv_days"  # begins the name that its table has in a database
NAMES = {_DAYS: KEPT, "ibis_clv_by_day": "added_up", "ibis_clv_walked": "customers_with_refunds", "ibis_": "kept"}

Tables = Mapping[str, ibis.Table]


def _of_rows(ask: Callable[..., Any], *given: Any) -> Callable[[Tables], Any]:
    return lambda t: ask(t["transactions"], *given)


def _of_orders(ask: Callable[..., Any]) -> Callable[[Tables], Any]:
    return lambda t: ask(t[ORDERS])


def _of_baskets(ask: Callable[..., Any], *given: Any) -> Callable[[Tables], Any]:
    return lambda t: ask(contents.purchased(t["transactions"], LAST, "product"), *given)


def _of_contacts(ask: Callable[..., Any], *given: Any) -> Callable[[Tables], Any]:
    return lambda t: ask(t["touchpoints"], *given)


def _of_both(ask: Callable[..., Any]) -> Callable[[Tables], Any]:
    return lambda t: ask(t["transactions"], t["touchpoints"], FIRST, LAST)


def _customer(number: int) -> str:
    """An id; capitals come before small letters here, and not so in many a database."""
    return f"{'aB'[number % 2]}{number:03d}"


_ASSIGNED = pd.Series({_customer(i): pd.Timestamp("2025-06-01") + pd.Timedelta(days=i) for i in range(60)})
AGGREGATES: dict[str, Callable[[Tables], Any]] = {
    KEPT: _of_rows(purchases.spent_on_days, LAST),
    ORDERS: _of_rows(purchases.by_order, LAST),
    "rfm_summary": _of_rows(aggregate.rfm_summary, LAST),
    "holdout": _of_rows(aggregate.holdout, MIDDLE, LAST),
    "brought": _of_rows(aggregate.brought, LAST, 0.3),
    "purchases_by_period": _of_rows(aggregate.purchases_by_period, LAST, "M"),
    "cohorts": _of_rows(aggregate.cohorts, LAST, "M"),
    "gaps": _of_rows(aggregate.gaps, LAST),
    "features": _of_rows(aggregate.features, LAST, 90),
    "everybody": _of_rows(aggregate.everybody, LAST),
    "first_purchases": _of_rows(aggregate.first_purchases, LAST, 60),
    "first_spend": _of_rows(aggregate.first_spend, LAST),
    "bought_by_day": _of_rows(aggregate.bought_by_day, LAST, MIDDLE, LAST),
    "bought_by_age": _of_rows(aggregate.bought_by_age, LAST, 90),
    "days_of": _of_rows(aggregate.days_of, LAST, "B007"),
    "came_back": _of_rows(aggregate.came_back, LAST),
    "loyal_revenue": _of_rows(aggregate.loyal_revenue, LAST, 2),
    "main_value": _of_rows(aggregate.main_value, "category", LAST),
    "level": _of_rows(contents.level, LAST),
    "history": _of_baskets(contents.history),
    "first_after": _of_baskets(contents.first_after, MIDDLE),
    "latest_baskets": _of_baskets(contents.latest_baskets, 20),
    "money_around": lambda t: clock.money_around(
        clock.on_one_clock(t["transactions"], _ASSIGNED, LAST), -30, 60, 0.3, 30
    ),
    "order_values": _of_orders(inspection.order_values),
    "orders_each": _of_orders(inspection.orders_each),
    "by_day": _of_orders(inspection.by_day),
    "unusual": _of_orders(inspection.unusual),
    "arms": lambda t: inspection.arms(t["experiments"]),
    "largest": _of_orders(purchases.largest),
    "buyers": _of_orders(purchases.buyers),
    "in_brief": _of_rows(purchases.in_brief, LAST),
    "margin_by_costs": _of_rows(purchases.margin_by_costs, LAST),
    "refunds": _of_rows(purchases.refunds, LAST),
    "sent_back": _of_rows(purchases.sent_back, LAST),
    "usage": _of_both(journeys.usage),
    "visits": _of_both(journeys.visits),
    "paths": _of_both(journeys.paths),
    "hours": _of_both(journeys.hours),
    "first_orders": _of_rows(journeys.first_orders, FIRST, LAST),
    "days_bought": _of_rows(journeys.days_bought, FIRST, _ASSIGNED),
    "orders": _of_rows(journeys.orders, FIRST, LAST),
    "touches": _of_contacts(journeys.touches, LAST),
    "last_campaign": _of_contacts(journeys.last_campaign, _ASSIGNED, 90),
    "contact_costs": _of_contacts(journeys.contact_costs, FIRST, LAST),
    "survey_answers": lambda t: journeys.survey_answers(t["surveys"], LAST),
}


def small_shop() -> dict[str, pd.DataFrame]:
    """Canonical tables of a shop of 80 customers, with refunds, free orders and cells that say nothing."""
    draw = np.random.default_rng(5)

    def rows(count: int, customers: int) -> pd.DataFrame:
        minutes = pd.to_timedelta(draw.integers(0, 400 * 24 * 60, count), unit="min")
        ids = [_customer(i) for i in draw.integers(0, customers, count)]
        return pd.DataFrame({"customer_id": ids, "date": (FIRST + minutes).astype("datetime64[us]")})

    lines = rows(600, 80)
    lines["amount"] = draw.gamma(2, 20, 600).round(2) * draw.choice([1, 1, 1, 1, 1, 1, -1, 0], 600)
    lines["order_id"] = [f"O{i:03d}" for i in draw.integers(0, 250, 600)]
    lines["channel"] = draw.choice(["web", "store", "app"], 600)
    lines["product"] = [f"P{i:02d}" for i in draw.integers(0, 30, 600)]
    lines["category"] = draw.choice(["A", "B", "C"], 600)
    lines["cost"] = draw.gamma(2, 9, 600).round(2)
    lines.loc[:11, "customer_id"] = _customer(0)  # twelve orders on one day
    lines.loc[:11, "date"] = FIRST
    lines.loc[:11, "amount"] = 0.1
    for column in ("order_id", "channel", "product", "category", "cost"):
        lines.loc[draw.random(600) < 0.1, column] = None
    contacts = rows(900, 90)
    contacts["channel"] = draw.choice(["web", "store", "e-mail", "search"], 900)
    contacts["campaign"] = draw.choice(["spring", "autumn"], 900)
    contacts["event"] = draw.choice(["sent", "open", "click", "visit"], 900)
    contacts["cost"] = draw.random(900).round(3)
    for column in ("campaign", "cost"):
        contacts.loc[draw.random(900) < 0.2, column] = None
    answers = rows(50, 80).assign(score=draw.integers(0, 11, 50).astype(float))
    arms = rows(60, 80).assign(experiment="letter", variant=draw.choice(["control", "letter"], 60))
    return {"transactions": lines, "touchpoints": contacts, "surveys": answers, "experiments": arms}


def written(name: str, queries: Iterable[tuple[str, ibis.Expr]], dialect: str) -> str:
    """What an aggregate asks (from `asked`), as SQL, or why a query can't be said in this dialect."""
    compiler = COMPILERS[dialect]()
    parts = []
    for kept, query in queries:
        try:
            tree = compiler.to_sqlglot(_by_name(query))
            for star in tree.find_all(sge.Star):  # columns left out are in any order
                star.set("except_", sorted(star.args.get("except_") or [], key=lambda column: column.sql()))
            text = tree.sql(dialect=dialect, pretty=True)
            parts.append(f"CREATE TEMPORARY TABLE {_short(kept)} AS\n{text};\n" if kept else f"{text};\n")
        except OperationNotDefinedError as error:
            parts.append(f"-- {error}: a card without engine reads the rows in, and can be asked this.\n")
    return "\n".join([f"-- {name}, with days such as {FIRST:%Y-%m-%d}, {MIDDLE:%Y-%m-%d}, {LAST:%Y-%m-%d}\n", *parts])


def asked(backend: Backend) -> Iterator[tuple[str, list[tuple[str, ibis.Expr]]]]:
    """The queries of each aggregate of the small shop, and under which name each answer is kept as a table, or ""."""
    shop = {table: backend.create_table(table, rows) for table, rows in small_shop().items()}
    shop[ORDERS] = backend.create_table(ORDERS, purchases.by_order(shop["transactions"], LAST))
    for name, ask in AGGREGATES.items():
        purchases.drop_kept(shop)
        with _recorded() as found:
            answer = ask(shop)
        if name == KEPT:
            yield name, [*found[:-1], ("", found[-1][1])]
        else:
            yield name, _needed([*found, ("", answer)] if isinstance(answer, ibis.Table) else found)


def _needed(found: list[tuple[str, ibis.Expr]]) -> list[tuple[str, ibis.Expr]]:
    """Without KEPT, which others begin with, and without what was kept for its sake alone."""
    needed: set[str] = set()
    queries: list[tuple[str, ibis.Expr]] = []
    for of, query in reversed(found):
        if not of or (of in needed and not of.startswith(_DAYS)):
            queries.insert(0, (of, query))
            needed |= {table.name for table in query.op().find(ops.DatabaseTable)}
    return queries


@contextmanager
def _recorded() -> Iterator[list[tuple[str, ibis.Expr]]]:
    """What DuckDB is asked meanwhile, each with the name of the table that it is kept as, if it is."""
    found: list[tuple[str, ibis.Expr]] = []
    own = {name: getattr(Backend, name) for name in ("execute", "to_pyarrow", "_create_cached_table")}

    def ask(name: str) -> Callable[..., Any]:
        def noted(self: Any, expr: ibis.Expr, /, **options: Any) -> Any:
            if not isinstance(expr.op(), ops.CountStar):  # of the days that are kept
                found.append(("", expr))
            return own[name](self, expr, **options)

        return noted

    def keep(self: Any, name: str, expr: ibis.Table) -> ibis.Table:
        found.append((name, expr))
        return own["_create_cached_table"](self, name, expr)

    with (
        patch.object(Backend, "execute", ask("execute")),
        patch.object(Backend, "to_pyarrow", ask("to_pyarrow")),
        patch.object(Backend, "_create_cached_table", keep),
    ):
        yield found


def _by_name(query: ibis.Expr) -> ibis.Expr:
    """The query of tables by plain names, wherever they are: those kept by theirs, those brought to it as `given`."""

    def named(node: Any, changed: dict[str, Any] | None) -> Any:
        if isinstance(node, ops.InMemoryTable):
            return ops.UnboundTable("given", node.schema)
        if isinstance(node, ops.DatabaseTable):
            return ops.UnboundTable(_short(node.name), node.schema)
        return node.__recreate__(changed) if changed else node

    return query.op().replace(named).to_expr()


def _short(name: str) -> str:
    """The plain name of a table, in the SQL of an aggregate."""
    return next((plain for begins, plain in NAMES.items() if name.startswith(begins)), name)


def main() -> None:
    """Write all files anew."""
    rmtree(FOLDER, ignore_errors=True)
    for name, queries in asked(ibis.duckdb.connect()):
        for dialect in COMPILERS:
            (FOLDER / dialect).mkdir(parents=True, exist_ok=True)
            write_text(FOLDER / dialect / f"{name}.sql", written(name, queries, dialect))
    print(f"{len(AGGREGATES)} aggregates, for {' and '.join(COMPILERS)}.")


if __name__ == "__main__":
    main()
