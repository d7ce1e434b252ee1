"""Frames → workbooks in which numbers are numbers and texts are texts; the tables of the report, and a live formula."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from clvlib.dataset import Dataset
from clvlib.language import ENGLISH, message, spoken, translated
from clvlib.run.chapters import Content, Table
from clvlib.show.units import called, in_english

_MOST_LETTERS = 31  # of a sheet's name
_OF_TILES = message(["figure", "value", "as written", "range", "a year before", "means"])
_OF_DECISIONS = message(["what", "expected gain", "range", "it rests on"])
_OF_UNTOLD = message(["left out", "why", "what to bring"])


class Formula(str):
    """A cell that the spreadsheet computes; never made of anything but words of ours."""


def write_workbook(sheets: Mapping[str, pd.DataFrame], target: Path) -> None:
    """Write frames as sheets of a workbook: numbers are numbers, every text is a text, whatever it starts with."""
    from openpyxl import Workbook
    from openpyxl.cell import WriteOnlyCell
    from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE

    book = Workbook(write_only=True)
    for name, frame in sheets.items():
        sheet = book.create_sheet(name[:_MOST_LETTERS])
        table = frame.reset_index() if frame.index.name is not None else frame

        def cell(value: Any, sheet: Any = sheet) -> Any:
            if value is None or value is pd.NaT or value is pd.NA or value != value:
                return None
            if isinstance(value, Formula):
                return str(value)
            if isinstance(value, bool | int | float | np.integer | np.floating | np.bool_):
                return value.item() if isinstance(value, np.generic) else value
            if isinstance(value, pd.Timestamp):
                return value.to_pydatetime()
            text = WriteOnlyCell(sheet, ILLEGAL_CHARACTERS_RE.sub("", str(value)))
            text.data_type = "s"
            return text

        sheet.append([cell(str(column)) for column in table.columns])
        for row in table.itertuples(index=False):
            sheet.append([cell(value) for value in row])
    book.save(target)


def write_tables(
    ds: Dataset, content: Content, untold: Sequence[Mapping[str, Any]], parts: Mapping[str, Path], target: Path
) -> None:
    """Write report.xlsx: the board, what it decides, the formula of CLV in live cells, every table of the report.

    untold: what couldn't be told (`report.not_told`). parts: where each notebook's tables lie, by its name.
    """
    tiles = [(t["name"], t["value"], t["now"], t["range"], t["before"], t["means"]) for t in content.tiles]
    decided = [tuple(d[name] for name in ("what", "gain", "range", "rests")) for d in content.decisions]
    said = [(", ".join(row["sections"]), row["why"], row["bring"]) for row in untold]
    sheets = {
        message("board"): pd.DataFrame(tiles, columns=_OF_TILES),
        message("decisions"): pd.DataFrame(decided, columns=_OF_DECISIONS),
    }
    if content.offered.get("what_if"):
        sheets[message("CLV formula")] = live_formula(content.offered["what_if"]["given"])
    tables = [*(table for chapter in content.chapters for table in chapter.tables), *content.appendix]
    own = message(["assumptions", "ledger", "cohorts", "not told"])
    for table in tables:
        if table.file:
            name = _sheet_name(table, [*map(translated, [*sheets, *own]), *sheets])
            sheets[name] = _read(parts[table.chapter] / table.file)
    if content.offered.get("cohorts"):
        sheets["cohorts"] = _cohorts(content.offered["cohorts"])
    sheets |= {"assumptions": ds.assumptions, "ledger": ds.ledger}
    sheets["not told"] = pd.DataFrame(said, columns=_OF_UNTOLD)
    write_workbook({translated(name): _in_words(sheet) for name, sheet in sheets.items()}, target)


def _in_words(frame: pd.DataFrame) -> pd.DataFrame:
    """A table with its words in the language spoken; in English as they are in the code."""
    if spoken() == ENGLISH:
        return frame
    named = frame.set_axis([called(str(name)) for name in frame], axis=1)
    return named.map(lambda cell: _in_word(cell) if isinstance(cell, str) else cell)


def _in_word(text: str) -> str:
    """A text, or a name of the code, as it is called in the language spoken; any other as it is."""
    there = called(text)
    return text if there == in_english(text) else there


def live_formula(given: Mapping[str, Any]) -> pd.DataFrame:
    """The formula of notebook 01 in cells that compute: what is put in (`what_if.ingredients`), and what follows."""
    rows: list[tuple[str, Any, str]] = message(
        [
            (
                "order value",
                given["order_value"],
                "change these cells: what follows is computed from them",
            ),
            ("orders a year", given["orders_per_year"], "in the first year, the first one included"),
            ("lost from year to year", 1 - given["retention"], "share; constant"),
            ("margin", given["margin"], "share of revenue"),
            ("serving an order", given["service_cost_per_order"], "money"),
            ("keeping a customer a year", given["retention_cost_per_year"], "money"),
            ("CAC", given["acquisition_cost"], "money; 0 where it isn't known"),
            (
                "discount a year",
                given["annual_discount_rate"],
                "yearly rate at which money counts less the later it comes",
            ),
            ("years counted", given["horizon_years"], "the first year counts whole"),
            ("more orders with age", given["years_beyond"], "1, unless customers order more as they age"),
            (
                "left of a year",
                Formula("=B3*(B2*B5-B6)-B7"),
                "orders × (order value × margin − serving) − keeping",
            ),
            (
                "kept, discounted",
                Formula("=MAX(0,1-B4)/(1+B9)"),
                "share kept from year to year, over 1 + discount",
            ),
            (
                "years that count",
                Formula("=IF(B13=1,B10,(1-B13^B10)/(1-B13))*B11"),
                "1 + kept + kept² + … over the years",
            ),
            ("CLV before CAC", Formula("=B12*B14"), "left of a year × years that count"),
            ("CLV", Formula("=B15-B8"), "less CAC"),
            ("CLV : CAC", Formula('=IF(B8>0,B15/B8,"")'), "CLV before CAC, over CAC"),
        ]
    )
    return pd.DataFrame(rows, columns=["figure", "value", "meaning"])


def _sheet_name(table: Table, taken: Sequence[str]) -> str:
    """The notebook's number and what the caption begins with, as a sheet may be called, and no other is."""
    words = "".join(letter for letter in table.caption.replace("'", "’") if letter not in "[]:*?/\\").split(";")[0]
    name = f"{table.chapter.partition('_')[0]} {words or 'table'}"[: _MOST_LETTERS - 3].strip()
    lower = {each.casefold() for each in taken}
    return next(each for each in (name, *(f"{name} {k}" for k in range(2, 99))) if each.casefold() not in lower)


def _read(file: Path) -> pd.DataFrame:
    told = json.loads(file.read_text("utf-8"))
    return pd.DataFrame(told["data"], columns=told["columns"])


def _cohorts(grids: Mapping[str, Mapping[str, Mapping[str, Any]]]) -> pd.DataFrame:
    """All grids below each other: attribute, group, cohort, customers, CAC, and what was brought by each month."""
    rows = [
        {"by": by, "group": group, "won in": row["cohort"], "customers": row["customers"], "CAC": found["cac"]}
        | {str(month): value for month, value in enumerate(row["values"], 1)}
        for by, groups in grids.items()
        for group, found in groups.items()
        for row in found["rows"]
    ]
    return pd.DataFrame(rows)
