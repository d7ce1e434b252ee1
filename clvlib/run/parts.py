"""What one notebook of a run made (itself executed, scores, lists), in one folder that is there whole or not at all.

A folder's name is the key of all that it depends on, so that runs with other settings never share one. Beside the files
lies a list of their hashes: a folder that lacks a file, or has another one, is made again.
"""

import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import file_digest
from pathlib import Path
from typing import Any

STORED = "stored"  # folder of what is kept for later runs
PARTS_FOLDER = "parts"  # folder of a run: what its notebooks made, taken over by the next one
_ABOUT = "part.json"
_UNFINISHED = ".unfinished"


@dataclass(frozen=True)
class Part:
    """The folder of one notebook and one key, and how many seconds it took."""

    folder: Path
    seconds: float

    @property
    def notebook(self) -> Path:
        """The executed notebook."""
        return next(self.folder.glob("*.ipynb"))

    @property
    def scores(self) -> list[Path]:
        """Columns of customers that the notebook kept: one Parquet file, or none."""
        return sorted(self.folder.glob("scores/*.parquet"))

    @property
    def stored(self) -> list[Path]:
        """What the notebook keeps for later runs: Parquet files."""
        return sorted(self.folder.glob(f"{STORED}/*.parquet"))

    @property
    def lists(self) -> list[Path]:
        """Lists that the notebook delivered: Parquet files."""
        return sorted(self.folder.glob("lists/*/*.parquet"))


@contextmanager
def making(run: Path, stem: str) -> Iterator[Path]:
    """Give an empty folder to work in, which is gone when the block ends, unless `keep_part` has put it in place."""
    scratch = run / PARTS_FOLDER / f"{stem}.{os.getpid()}{_UNFINISHED}"
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir(mode=0o700, parents=True)
    try:
        yield scratch
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def keep_part(scratch: Path, key: str, seconds: float) -> Part:
    """Put the folder that was worked in where runs of this key find it, instead of what was there."""
    stem = scratch.name.removesuffix(_UNFINISHED).rpartition(".")[0]
    about = {"key": key, "seconds": seconds, "files": _hashes(scratch)}
    (scratch / _ABOUT).write_text(json.dumps(about, indent=1), encoding="utf-8")
    target = _place(scratch.parent.parent, stem, key)
    shutil.rmtree(target, ignore_errors=True)
    target.parent.mkdir(parents=True, exist_ok=True)
    scratch.rename(target)
    return Part(target, seconds)


def find_part(run: Path, stem: str, key: str) -> Part | None:
    """What was made with this key, if it is there as it was made."""
    folder = _place(run, stem, key)
    try:
        about: dict[str, Any] = json.loads((folder / _ABOUT).read_text("utf-8"))
        as_made = about["key"] == key and about["files"] == _hashes(folder)
        return Part(folder, about["seconds"]) if as_made else None
    except (OSError, ValueError, KeyError, TypeError):  # not there, or spoilt: it is made again
        return None


def clear(run: Path, kept: dict[str, str] | None = None) -> None:
    """Delete what a run that was ended left unfinished; with `kept` (notebook → key), other keys of those too."""
    for folder in (run / PARTS_FOLDER).glob(f"*{_UNFINISHED}"):
        shutil.rmtree(folder, ignore_errors=True)
    for stem, key in (kept or {}).items():
        for folder in (run / PARTS_FOLDER / stem).glob("*"):
            if folder != _place(run, stem, key):
                shutil.rmtree(folder, ignore_errors=True)


def _place(run: Path, stem: str, key: str) -> Path:
    return run / PARTS_FOLDER / stem / key[:16]


def _hashes(folder: Path) -> dict[str, str]:
    files = sorted(path for path in folder.rglob("*") if path.is_file() and path.name != _ABOUT)
    return {file.relative_to(folder).as_posix(): digest(file) for file in files}


def digest(file: Path) -> str:
    """The SHA-256 of a file."""
    with file.open("rb") as stream:
        return file_digest(stream, "sha256").hexdigest()
