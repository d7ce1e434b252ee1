"""What a run hands over: report, notebooks, customers.csv and its columns, manifest.json for whoever checks it."""

import json
import math
import os
import platform
import re
import shutil
from collections.abc import Iterable, Mapping
from datetime import datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import nbformat
import numpy as np
import pandas as pd

from clvlib.dataset import Dataset
from clvlib.files import replacing, write_text
from clvlib.run import chapters, dictionary, imports, parts, report, workbook
from clvlib.run.launch import Made, Task, seen_from_notebooks
from clvlib.run.outcome import Outcome

PACKAGES = ("clvlib", "pandas", "numpy", "scipy", "scikit-learn", "lifetimes", "ibis-framework", "duckdb", "matplotlib")
# What a spreadsheet would run or compute (OWASP, “CSV injection”): signs before anything but a plain number, as
# phone numbers are; full-width signs too.
_FORMULA = re.compile(r"[=@＝＠＋－\t\r\n]|[+-](?!\d[\d ]*([.,]\d+)?$)")
MACHINES = ("crm", "tableau")  # lists that no person opens in a spreadsheet
MOST_IN_WORKBOOK = 20_000  # customers: a larger workbook takes minutes to write, and to open
_DAY = re.compile(r"\d{4}-\d\d-\d\d")
_DECIMALS, _DECIMALS_OF_LARGE = 4, 2


def hand_over(
    ds: Dataset,
    plans: list[Task],
    outcomes: list[Outcome],
    made: list[Made],
    inputs: Mapping[str, str],
    tools: Mapping[str, str],
    folder: Path,
    seconds: float,
) -> list[Path]:
    """Write all that the run hands over beside the run's folder, then put it in the place of an earlier run's.

    tools: those that a list is written for, and the header of its ids (`imports.write_imports`).
    """
    done = {part.notebook.stem: part for _, part in made if part is not None}
    executed = {name: nbformat.read(part.notebook, as_version=4) for name, part in done.items()}
    card = seen_from_notebooks(plans[0].given["dataset"], folder)
    given = {plan.file.stem: plan.given | {"dataset": card} for plan in plans}
    new = folder / ".new"
    shutil.rmtree(new, ignore_errors=True)
    (new / "notebooks").mkdir(parents=True)
    try:
        content = chapters.gather(executed)
        report.write_report(ds, content, outcomes, new / "report.html", run_before(folder))
        folders = {name: part.folder for name, part in done.items()}
        workbook.write_tables(ds, content, report.not_told(outcomes), folders, new / "report.xlsx")
        lists = {file.stem: with_consent(pd.read_parquet(file), ds) for part in done.values() for file in part.lists}
        if ds.sells:
            scores = [file for part in done.values() for file in part.scores]
            customers = write_customers(ds, scores, lists, new)
            imports.write_imports(tools, _rounded(customers), lists.get("crm", pd.DataFrame()), new)
        for name, table in lists.items():
            write_list(table, new / f"{name}.csv")
        for name, part in done.items():
            shutil.copyfile(part.notebook, new / "notebooks" / f"{name}.ipynb")
        for outcome in outcomes:
            if outcome.status == "failed":
                shutil.copyfile(outcome.where, new / "notebooks" / Path(outcome.where).name)
        files = sorted(file.relative_to(new).as_posix() for file in new.rglob("*") if file.is_file())
        write_manifest(ds, given, inputs, outcomes, seconds, files, new / "manifest.json")
        _replace(folder, new, files)
        for source in (file for part in done.values() for file in part.stored):
            _store(source, folder)
    finally:
        shutil.rmtree(new, ignore_errors=True)
    return [folder / name for name in [*files, "manifest.json"] if "/" not in name]


def run_before(folder: Path) -> Path | None:
    """The folder of the last run of this dataset that looked less far and has a report; runs are named by their day."""
    reports = (file.parent for file in folder.parent.glob("*/report.html") if _DAY.fullmatch(file.parent.name))
    return max((run for run in reports if run.name < folder.name), default=None, key=lambda run: run.name)


def _replace(folder: Path, new: Path, files: list[str]) -> None:
    """Put the new files in the place of those that the earlier run's manifest names, and take the others of those away.

    The manifest goes first and comes last: a folder without one is half an earlier run and half this one.
    """
    manifest = folder / "manifest.json"
    try:
        earlier = list(map(str, json.loads(manifest.read_text("utf-8")).get("files", [])))
    except (OSError, ValueError):
        earlier = []
    manifest.unlink(missing_ok=True)
    for name in set(earlier) - set(files):
        if not Path(name).is_absolute() and ".." not in Path(name).parts:
            (folder / name).unlink(missing_ok=True)
    (folder / "notebooks").mkdir(exist_ok=True)
    for name in [*files, "manifest.json"]:
        os.replace(new / name, folder / name)
    shutil.rmtree(folder / "failed", ignore_errors=True)


def _store(source: Path, folder: Path) -> None:
    """Put what a notebook keeps for later runs in its place, where it stays when the notebook isn't run again."""
    target = folder / parts.STORED / source.name
    target.parent.mkdir(exist_ok=True)
    with replacing(target) as partial:
        shutil.copyfile(source, partial)


def hash_files(files: Iterable[Path]) -> dict[str, str]:
    """Give the SHA-256 of each file, by its name."""
    hashes: dict[str, str] = {}
    for file in files:
        name, again = file.name, 1
        while name in hashes:
            name, again = f"{file.name} ({again + 1})", again + 1
        hashes[name] = parts.digest(file)
    return hashes


def with_consent(table: pd.DataFrame, ds: Dataset) -> pd.DataFrame:
    """A list with what the data say of each customer's `consent` (yes or no; unknown is no), and `consent_on`, when it
    was given, where they say it; a list without customers as it is."""
    who = table.index if table.index.name == "customer_id" else table.get("customer_id")
    if who is None:
        return table
    told = (ds.customers() if ds.has("customers") else pd.DataFrame()).reindex(pd.Index(who).astype(str))
    agreed = told["consent"] == "yes" if "consent" in told else pd.Series(False, told.index)
    known = {"consent": np.where(agreed, "yes", "no")}
    if "consent_on" in told:
        known["consent_on"] = told["consent_on"].to_numpy()
    return table.assign(**{name: value for name, value in known.items() if name not in table})


def write_customers(ds: Dataset, scores: list[Path], lists: Mapping[str, pd.DataFrame], folder: Path) -> pd.DataFrame:
    """Write, and give, one row per customer: the summary, what each notebook kept (Parquet files, in their order), and
    consent.

    columns.csv: what each column of it and of the lists says (`dictionary.describe`).

    customers.csv: UTF-8 with a byte order mark; cells of text that a spreadsheet would run as formulas get a leading
    apostrophe. customers.xlsx: the same with the lists and the columns as further sheets, texts as texts; not for more
    than MOST_IN_WORKBOOK customers.
    """
    table = with_consent(gather_customers(ds.rfm_summary(), scores), ds)
    defuse(table).to_csv(folder / "customers.csv", encoding="utf-8-sig", date_format="%Y-%m-%d")
    sheets = {"customers": table, **lists}
    said = dictionary.describe({f"{name}.csv": sheet for name, sheet in sheets.items()}, ds.currency)
    defuse(said).to_csv(folder / "columns.csv", encoding="utf-8-sig", index=False)
    if len(table) <= MOST_IN_WORKBOOK:
        rounded = {name: _rounded(sheet) for name, sheet in {**sheets, "columns": said}.items()}
        workbook.write_workbook(rounded, folder / "customers.xlsx")
    return table


def write_list(table: pd.DataFrame, target: Path) -> None:
    """Write what a notebook delivered as CSV: made harmless as customers.csv is, or for MACHINES as it is, so that they
    know their own ids. Tableau gets an extract of its own beside it, where it can be written."""
    read = _rounded(table) if target.stem in MACHINES else defuse(table)
    named = table.index.name is not None
    encoding = "utf-8" if target.stem in MACHINES else "utf-8-sig"
    read.to_csv(target, encoding=encoding, date_format="%Y-%m-%d", index=named)
    if target.stem == "tableau":
        imports.write_hyper(read, target.with_suffix(".hyper"))


def gather_customers(summary: pd.DataFrame, scores: list[Path]) -> pd.DataFrame:
    """Join the kept columns to the summary (index customer_id); a name that comes back gets its notebook's number."""
    table = summary
    for file in scores:
        kept = pd.read_parquet(file)
        kept.index = kept.index.astype(str)
        again = {name: f"{name}_{file.stem.split('_')[0]}" for name in kept.columns if name in table.columns}
        same = [name for name in again if kept[name].reindex(table.index).equals(table[name])]
        table = table.join(kept.drop(columns=same).rename(columns=again))
    return table.rename_axis("customer_id")


def defuse(table: pd.DataFrame) -> pd.DataFrame:
    """Round the numbers and make texts harmless, index and headings too."""
    table = _rounded(table)
    safe = {str(_harmless(name)): _safe_column(table[name]) for name in table.columns}
    index = table.index.map(_harmless).rename(table.index.name)
    return pd.DataFrame({name: column.to_numpy() for name, column in safe.items()}, index=index)


def _rounded(table: pd.DataFrame) -> pd.DataFrame:
    """Numbers with as many digits as tell something."""
    floats = [name for name in table.columns if pd.api.types.is_float_dtype(table[name])]
    return table.assign(**{name: table[name].round(_decimals(table[name])) for name in floats})


def _decimals(column: pd.Series) -> int:
    largest = column.abs().max()
    if 0 < largest < 0.1:  # seven digits of the largest: amounts of a coin may be 0.00005
        return 6 - math.floor(math.log10(largest))
    return _DECIMALS_OF_LARGE if largest >= 100 else _DECIMALS


def _safe_column(column: pd.Series) -> pd.Series:
    if pd.api.types.is_numeric_dtype(column) or pd.api.types.is_datetime64_any_dtype(column):
        return column
    return column.astype(object).map(_harmless, na_action="ignore")


def _harmless(value: Any) -> Any:
    if isinstance(value, (bool, int, float)):
        return value
    text = str(value)
    return f"'{text}" if _FORMULA.match(text) else text


def write_manifest(
    ds: Dataset,
    given: Mapping[str, Mapping[str, Any]],
    inputs: Mapping[str, str],
    outcomes: list[Outcome],
    seconds: float,
    files: list[str],
    target: Path,
) -> None:
    """Write how the run came about: parameters, inputs, rows, versions, what became of each notebook; its files."""
    manifest = {
        "dataset": {
            "name": ds.name,
            "currency": ds.currency,
            "starts": f"{ds.starts:%Y-%m-%d}",
            "as_of": f"{ds.as_of:%Y-%m-%d}",
        },
        "parameters": given,
        "inputs": [{"file": name, "sha256": digest} for name, digest in inputs.items()],
        "ledger": json.loads(ds.ledger.to_json(orient="records")),
        "assumptions": json.loads(ds.assumptions.to_json(orient="records", default_handler=str)),
        "versions": {"python": platform.python_version()} | {name: version(name) for name in PACKAGES},
        "finished": datetime.now().astimezone().isoformat(timespec="seconds"),
        "seconds": round(seconds, 1),
        "notebooks": [_entry(outcome) for outcome in outcomes],
        "files": files,
    }
    write_text(target, json.dumps(manifest, indent=2, ensure_ascii=False, default=str) + "\n")


def _entry(outcome: Outcome) -> dict[str, Any]:
    entry: dict[str, Any] = {"notebook": outcome.notebook, "outcome": outcome.status, "seconds": outcome.seconds}
    if outcome.before:
        entry["resumed"] = True
    if outcome.skipped:
        entry["left_out"] = [{"section": part.section, "reason": part.reason} for part in outcome.skipped]
    if outcome.status == "failed":
        entry |= {"cell": outcome.cell, "error": outcome.error}
    return entry
