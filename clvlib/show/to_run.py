"""What a notebook hands to the run that executes it: files in the folder of the run, nothing outside of one."""

import os
from collections.abc import Callable
from pathlib import Path

import pandas as pd

from clvlib.files import replacing

RUN_FOLDER = "CLV_RUN_FOLDER"  # set by the runner: where customers' scores are handed over
RUNS = "CLV_RUNS"  # set by the runner: the folder of all runs of this dataset, each in a folder named by its day
NOTEBOOK = "CLV_NOTEBOOK"  # set by the runner: the notebook's name without .ipynb
_TABLES = "tables"


def hand_to_run(frame: pd.DataFrame, place: str) -> None:
    """Write a frame as Parquet to a place in the run's folder; `{notebook}` in it is the notebook's name."""
    _write(place, frame.to_parquet)


def hand_table(frame: pd.DataFrame) -> dict[str, str]:
    """Write a table with all its digits, for the workbook of the run; tell where it lies, or nothing outside of one."""
    folder = os.environ.get(RUN_FOLDER)
    if not folder:
        return {}
    place = f"{_TABLES}/{len(list(Path(folder).glob(f'{_TABLES}/*.json'))):03d}.json"
    named = any(name is not None for name in frame.index.names) or not isinstance(frame.index, pd.RangeIndex)
    told = frame.reset_index() if named else frame
    columns = [" · ".join(map(str, name)) if isinstance(name, tuple) else str(name) for name in told.columns]
    told = told.set_axis(["" if name in ("index", "level_0") else name for name in columns], axis=1)
    text = told.to_json(orient="split", index=False, date_format="iso", default_handler=str, double_precision=15)
    _write(place, lambda partial: partial.write_text(text, encoding="utf-8"))
    return {"file": place}


def hand_cause(error: Exception) -> dict[str, str]:
    """Which whole table was missing, for the report of the run; nothing outside of one."""
    table = getattr(error, "table", "") if os.environ.get(RUN_FOLDER) else ""
    return {"table": table} if table else {}


def _write(place: str, write: Callable[[Path], object]) -> None:
    folder, notebook = os.environ.get(RUN_FOLDER), os.environ.get(NOTEBOOK)
    if not folder or not notebook:
        return
    target = Path(folder) / place.format(notebook=notebook)
    target.parent.mkdir(parents=True, exist_ok=True)
    with replacing(target) as partial:
        write(partial)
