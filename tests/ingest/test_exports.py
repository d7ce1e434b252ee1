"""Exports of tools: known by their header, read with exact accounting, and made-up rows come back as they were."""

import importlib

import numpy as np
import pandas as pd
import pytest

from clvlib import dataset
from clvlib.ingest import exports, propose
from clvlib.ingest.tables import TABLES

NAMES = sorted(exports.formats())
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


def expected(made, rows=None):
    frame = pd.DataFrame(made.EXPECTED if rows is None else rows, columns=made.COLUMNS)
    dates = [column.name for column in TABLES[exports.formats()[made.__name__.rpartition(".")[2]].table]]
    for column in {"date", "period", "acquired_on"} & set(made.COLUMNS) & set(dates):
        frame[column] = pd.to_datetime(frame[column])
    return frame


@each
def test_the_worst_habits_of_a_tool_are_read_with_exact_accounting(name, tmp_path):
    made = layout(name)
    table, ledger, _ = read(name, made.HABITS, tmp_path)
    pd.testing.assert_frame_equal(comparable(table, made.COLUMNS), comparable(expected(made), made.COLUMNS))
    rows = ledger.groupby("action")["rows"].sum()
    assert ledger.loc[ledger["reason"] == "rows in the file", "rows"].sum() == made.DROPPED + len(made.EXPECTED)
    assert rows.get("dropped", 0) == made.DROPPED


@each
@pytest.mark.parametrize("seed", range(3))
def test_made_up_rows_written_in_the_layout_of_a_tool_come_back(name, seed, tmp_path):
    made = layout(name)
    chosen = np.random.default_rng(seed)
    rows = expected(made).sample(40, replace=True, random_state=seed, ignore_index=True)
    for column in rows.columns.intersection(["date", "period", "acquired_on"]):
        days = pd.to_timedelta(chosen.permutation(len(rows)), unit="D")
        rows[column] = pd.Timestamp("2025-01-01 10:30:00" if column == "date" else "2025-01-01") + days
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
def test_other_versions_of_an_export_are_known_and_read(name, tmp_path):
    made = layout(name)
    for content, rows in getattr(made, "OTHER", []):
        table, _, _ = read(name, content, tmp_path)
        pd.testing.assert_frame_equal(comparable(table, made.COLUMNS), comparable(expected(made, rows), made.COLUMNS))
        assert f'format = "{name}"' in propose.propose_card(tmp_path / getattr(made, "FILE", "export.csv"))


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
