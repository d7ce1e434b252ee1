"""Exports of tools: known by their header, read with exact accounting, and made-up rows come back as they were."""

import importlib

import numpy as np
import pandas as pd
import pytest

from clvlib import dataset
from clvlib.errors import DataError
from clvlib.ingest import exports, propose
from clvlib.ingest.tables import TABLES

NAMES = sorted(name for name, one in exports.formats().items() if not one.refuse)
REFUSED = sorted(exports.formats().keys() - set(NAMES))
each = pytest.mark.parametrize("name", NAMES)


def layout(name):
    return importlib.import_module(f"tests.ingest.exports.{name}")


def read(name, content, folder):
    """The canonical table of an export, its ledger, and every problem."""
    made, table = layout(name), exports.formats()[name].table
    file = folder / getattr(made, "FILE", "export.csv")
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    card = {**getattr(made, "CARD", {}), table: {"path": file.name, "format": name, **getattr(made, "OPTIONS", {})}}
    if table != "transactions":
        (folder / "orders.csv").write_text("customer_id,date,amount\na,2025-01-01,1\na,2026-06-01,1\nb,2025-01-01,2\n")
        card["transactions"] = {"path": "orders.csv"}
    found, problems = dataset.build(card, folder / "card.toml")
    assert [str(problem) for problem in problems if problem.grade == "error"] == []
    return found.table(table).to_pandas(), found.ledger[found.ledger["table"] == table], problems


def comparable(frame, columns):
    frame = frame[columns].copy()
    for column in columns:
        kind = pd.api.types.infer_dtype(frame[column], skipna=True)
        if kind in ("datetime", "datetime64", "date"):
            frame[column] = pd.to_datetime(frame[column]).astype("datetime64[us]")
        elif kind in ("floating", "integer", "mixed-integer-float"):
            frame[column] = frame[column].astype(float).round(6)
    return frame.sort_values(columns, ignore_index=True)


def expected(made, rows=None, columns=None):
    frame = pd.DataFrame(rows or made.EXPECTED, columns=columns or made.COLUMNS)
    dates = [column.name for column in TABLES[exports.formats()[made.__name__.rpartition(".")[2]].table]]
    for column in {"date", "period", "acquired_on"} & set(frame) & set(dates):
        frame[column] = pd.to_datetime(frame[column], format="ISO8601")
    return frame


@each
def test_the_worst_habits_of_a_tool_are_read_with_exact_accounting(name, tmp_path):
    made = layout(name)
    table, ledger, problems = read(name, made.HABITS, tmp_path)
    assert set(exports.formats()[name].options.get("doubts", ())) <= {problem.what for problem in problems}
    pd.testing.assert_frame_equal(comparable(table, made.COLUMNS), comparable(expected(made), made.COLUMNS))
    rows = ledger.groupby("action")["rows"].sum()
    assert ledger.loc[ledger["reason"] == "rows in the file", "rows"].sum() == made.DROPPED + len(made.EXPECTED)
    assert rows.get("dropped", 0) == made.DROPPED
    if hasattr(made, "MONEY"):
        money = ledger.set_index("reason")["money"]
        assert money["rows in the file"] == pytest.approx(made.MONEY)
        dropped = ledger.loc[ledger["action"] == "dropped", "money"].sum()
        assert dropped + money["usable rows"] == pytest.approx(made.MONEY)


def test_what_a_format_leaves_out_stays_out_where_the_card_says_more(tmp_path):
    problems = read("woocommerce_orders", layout("woocommerce_orders").HABITS, tmp_path)[2]
    out = '"Cancelled", "Failed", "On hold", "Pending payment"'
    assert any(f'add drop = {{ "Order Status" = ["Refunded", {out}] }}' in problem.mend for problem in problems)
    kept = [problem for problem in problems if problem.what.endswith("Order Status is Failed")]
    assert 'add drop = { "Order Status" = ["On hold", "Pending payment"] }' in kept[0].mend


VERSIONS = [(name, i) for name in NAMES for i in range(len(getattr(layout(name), "OTHER", ())))]


@pytest.mark.parametrize(("name", "version"), VERSIONS)
def test_other_versions_of_an_export_are_known_and_read_too(name, version, tmp_path):
    made = layout(name)
    content, rows = made.OTHER[version]
    table, _, _ = read(name, content, tmp_path)
    columns = made.COLUMNS[: len(rows[0])]
    wanted = expected(made, rows, columns)
    pd.testing.assert_frame_equal(comparable(table, columns), comparable(wanted, columns))
    assert f'format = "{name}"' in propose.propose_card(tmp_path / getattr(made, "FILE", "export.csv"))


@pytest.mark.parametrize("name", REFUSED)
def test_an_export_that_can_not_be_used_is_known_and_refused_with_what_to_bring(name, tmp_path):
    made, file = layout(name), tmp_path / "export.csv"
    for content in [made.HABITS, *(text for text, _ in getattr(made, "OTHER", ()))]:
        file.write_text(content)
        with pytest.raises(DataError, match=r"this can't be used\. .*[Bb]ring"):
            propose.propose_card(file)
    table = exports.formats()[name].table
    _, problems = dataset.build({table: {"path": file.name, "format": name}}, tmp_path / "card.toml")
    assert any("can't be used" in problem.what and problem.grade == "error" for problem in problems)


@each
@pytest.mark.parametrize("seed", range(3))
def test_made_up_rows_written_in_the_layout_of_a_tool_come_back(name, seed, tmp_path):
    made = layout(name)
    chosen = np.random.default_rng(seed)
    rows = expected(made).sample(40, replace=True, random_state=seed, ignore_index=True)
    for column in rows.columns.intersection(["date", "period", "acquired_on"]):
        days = pd.to_timedelta(chosen.permutation(len(rows)), unit="D")
        rows[column] = (
            pd.Timestamp("2025-01-01 10:30:00" if column == "date" and not hasattr(made, "DAYS") else "2025-01-01")
            + days
        )
    for column in rows.columns.intersection(["amount", "cost"]):
        rows[column] = chosen.integers(100, 200_000, len(rows)) / 100
    for column in rows.columns.intersection(["order_id", "customer_id"]):
        if column == "order_id" or exports.formats()[name].table == "customers":
            keys = getattr(made, "KEYS", "k{:04d}")
            rows[column] = [keys.format(i) for i in range(len(rows))]
    table, ledger, _ = read(name, made.written(rows), tmp_path)
    pd.testing.assert_frame_equal(comparable(table, made.COLUMNS), comparable(rows, made.COLUMNS))
    assert ledger.loc[ledger["action"] == "dropped", "rows"].sum() == 0


@each
def test_a_tool_is_known_by_its_header_alone(name, tmp_path):
    made = layout(name)
    file = tmp_path / getattr(made, "FILE", "export.csv")
    file.write_bytes(made.HABITS if isinstance(made.HABITS, bytes) else made.HABITS.encode())
    text = propose.propose_card(file)
    assert f"[{exports.formats()[name].table}]" in text
    assert f'format = "{name}"' in text


@each
def test_a_format_speaks_of_columns_that_its_table_has(name):
    known = exports.formats()[name]
    names = {column.name for column in TABLES[known.table]} | {"unit_price", "refunded", "currency"}
    assert set(known.options.get("columns", {})) <= names
    assert known.header
    assert known.title
