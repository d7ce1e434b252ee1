"""What a run hands over beside the report: customers.csv for a spreadsheet, manifest.json for whoever checks it."""

import hashlib
import importlib.metadata
import json
import math
import platform
from collections.abc import Iterable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import pandas as pd

from clvlib.dataset import Dataset
from clvlib.files import replacing, write_text
from clvlib.outcome import Outcome

PACKAGES = ("clvlib", "pandas", "numpy", "scipy", "scikit-learn", "lifetimes", "ibis-framework", "duckdb", "matplotlib")
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")  # what a spreadsheet would run, OWASP “CSV injection”
_DECIMALS, _DECIMALS_OF_LARGE = 4, 2


def hash_files(files: Iterable[Path]) -> dict[str, str]:
    """Give the SHA-256 of each file, by its name."""
    hashes: dict[str, str] = {}
    for file in files:
        with file.open("rb") as stream:
            name = file.name if file.name not in hashes else str(file)
            hashes[name] = hashlib.file_digest(stream, "sha256").hexdigest()
    return hashes


def write_customers(ds: Dataset, scores: list[Path], target: Path) -> None:
    """Write one row per customer: the summary, then what each notebook kept (Parquet files, in their order).

    UTF-8 with a byte order mark; cells of text that a spreadsheet would run as formulas get a leading apostrophe.
    """
    table = gather_customers(ds.rfm_summary(), scores)
    with replacing(target) as partial:
        defuse(table).to_csv(partial, encoding="utf-8-sig", date_format="%Y-%m-%d")


def write_list(source: Path, target: Path) -> None:
    """Write what a notebook delivered (a Parquet file) as CSV, made harmless as customers.csv is."""
    table = pd.read_parquet(source)
    with replacing(target) as partial:
        named = table.index.name is not None
        defuse(table).to_csv(partial, encoding="utf-8-sig", date_format="%Y-%m-%d", index=named)


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
    safe = {str(_harmless(name)): _safe_column(table[name]) for name in table.columns}
    index = table.index.map(_harmless).rename(table.index.name)
    return pd.DataFrame({name: column.to_numpy() for name, column in safe.items()}, index=index)


def _safe_column(column: pd.Series) -> pd.Series:
    if pd.api.types.is_float_dtype(column):
        largest = column.abs().max()
        small = 0 < largest < 0.1  # seven digits of the largest: amounts of a coin may be 0.00005
        decimals = 6 - math.floor(math.log10(largest)) if small else _DECIMALS
        return column.round(_DECIMALS_OF_LARGE if largest >= 100 else decimals)
    if pd.api.types.is_numeric_dtype(column) or pd.api.types.is_datetime64_any_dtype(column):
        return column
    return column.astype(object).map(_harmless, na_action="ignore")


def _harmless(value: Any) -> Any:
    if isinstance(value, (bool, int, float)):
        return value
    text = str(value)
    return f"'{text}" if text.startswith(_FORMULA) else text


def write_manifest(
    ds: Dataset,
    given: Mapping[str, Mapping[str, Any]],
    inputs: Mapping[str, str],
    outcomes: list[Outcome],
    seconds: float,
    target: Path,
) -> None:
    """Write how the run came about: parameters, inputs, rows, versions, seconds, and what became of each notebook."""
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
        "versions": {"python": platform.python_version()} | {name: _version(name) for name in PACKAGES},
        "finished": datetime.now().astimezone().isoformat(timespec="seconds"),
        "seconds": round(seconds, 1),
        "notebooks": [_entry(outcome) for outcome in outcomes],
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


def _version(package: str) -> str:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return "not installed"


def toml(card: Mapping[str, Any]) -> str:
    """Write a dataset card: values first, then one section per table."""
    values = [
        f"{json.dumps(name)} = {_toml_value(value)}" for name, value in card.items() if not isinstance(value, dict)
    ]
    sections = [
        "\n".join(
            [f"\n[{json.dumps(name)}]", *(f"{json.dumps(key)} = {_toml_value(item)}" for key, item in value.items())]
        )
        for name, value in card.items()
        if isinstance(value, dict)
    ]
    return "\n".join(values + sections) + "\n"


def _toml_value(value: Any) -> str:
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{json.dumps(key)} = {_toml_value(item)}" for key, item in value.items()) + " }"
    if isinstance(value, list):
        return "[" + ", ".join(map(_toml_value, value)) + "]"
    return json.dumps(value, ensure_ascii=False, default=str)
