"""One notebook of a run → what it made, executed in a process of its own that can be stopped (`execute`).

Of the executed notebook, what papermill noted is taken out, and no folder of this computer is named.
"""

import ast
import json
import os
import re
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from copy import deepcopy
from dataclasses import dataclass
from errno import ENOSPC
from pathlib import Path
from typing import Any

import nbformat
import pandas as pd
from nbformat import NotebookNode

from clvlib import show
from clvlib.files import KEPT, write_text
from clvlib.language import ASKED, phrase, spoken
from clvlib.run import chapters, parts
from clvlib.run.execute import DISK_FULL, ONE_THREAD, took_too_long
from clvlib.run.outcome import Outcome
from clvlib.run.parts import Part
from clvlib.run.warm import Fork, Nest

JOB = ("source.ipynb", "result.json", "job.json")  # how an execution is asked for and answered
MESSAGES = "messages.txt"  # of one notebook, until it ends
Process = subprocess.Popen[bytes] | Fork
_running: set[Process] = set()
_stopping, _lock = threading.Event(), threading.Lock()
_nests: list[Nest] = []  # of this run: one, or none
Made = tuple[Outcome, Part | None]  # what became of a notebook, and where what it made is


class _Stopped(Exception):
    """The run is over before this notebook: nothing of it is kept."""


@dataclass
class Task:
    """What one notebook of a run needs: its file, its content, its parameters and the key of all that it depends on."""

    file: Path
    notebook: NotebookNode
    given: dict[str, Any]
    key: str = ""


def execute_apart(plan: Task, folder: Path, limit: int, kept: Path) -> Made:
    """Execute the notebook, for at most `limit` seconds, and keep what it made as a part of the run in `folder`.

    kept: the folder of what the notebooks of this run keep for each other (see `files.once`).
    """
    stem, started = plan.file.stem, time.monotonic()
    with parts.making(folder, stem) as scratch:
        produced = scratch / plan.file.name
        problem = _start(plan, scratch, produced, folder, limit, kept)
        seconds = round(time.monotonic() - started, 1)
        notebook = nbformat.read(produced, as_version=4) if produced.exists() else plan.notebook
        _cleanse(notebook, folder)
        if problem is not None:
            where = folder / "failed" / plan.file.name
            where.parent.mkdir(exist_ok=True)
            write_text(where, nbformat.writes(notebook) + "\n")
            cell, error = _cell_name(notebook, problem["cell"]), problem["error"]
            return Outcome(stem, "failed", seconds=seconds, cell=cell, error=error, where=str(where)), None
        write_text(produced, nbformat.writes(notebook) + "\n")
        for file in JOB:
            (scratch / file).unlink(missing_ok=True)
        part = parts.keep_part(scratch, plan.key, seconds)
    return Outcome(stem, "done", seconds=seconds, skipped=chapters.left_out(notebook)), part


def _start(plan: Task, scratch: Path, produced: Path, folder: Path, limit: int, kept: Path) -> dict[str, Any] | None:
    """Execute in a process of its own; return what went wrong, or None."""
    source, result, job = (scratch / name for name in JOB)
    source.write_text(nbformat.writes(without_outputs(plan.notebook)), encoding="utf-8")
    asked = {"source": source, "target": produced, "result": result, "parameters": plan.given, "limit": limit,
             "parent": os.getpid()}  # fmt: skip
    job.write_text(json.dumps(asked, default=str), encoding="utf-8")
    environment = os.environ | {
        show.RUN_FOLDER: str(scratch.resolve()),
        show.RUNS: str(folder.resolve().parent),
        KEPT: str(kept.resolve()),
        show.NOTEBOOK: plan.file.stem,
        show.FIGURE_SCALE: "2",
        show.NARROW: "1",
        ASKED: spoken(),
        **ONE_THREAD,
        "PYDEVD_DISABLE_FILE_VALIDATION": "1",
        "PYTHONSAFEPATH": "1",  # nothing of the current folder is imported
    }
    (folder / "log.txt").touch()
    try:
        code = _wait_for(str(job), environment, scratch / MESSAGES, limit + 5)
    except subprocess.TimeoutExpired:
        return {"cell": None, "error": took_too_long(limit)}
    finally:
        _write_log(plan, scratch / MESSAGES, folder)
    if code == DISK_FULL:
        raise OSError(ENOSPC, os.strerror(ENOSPC), str(folder))
    if not result.exists():
        log = folder / "log.txt"
        why = phrase("the process ended with code {code}; its messages are in {file}", code=code, file=log)
        return {"cell": None, "error": why}
    return json.loads(result.read_text("utf-8")) or None


def _wait_for(job: str, environment: Mapping[str, str], log: Path, limit: int) -> int:
    """Execute a job, its messages in a file, until it ends or is stopped; its exit code."""
    with log.open("w", encoding="utf-8") as messages:
        nests = [nest for nest in _nests if nest.ready()]
        with _lock:
            if _stopping.is_set():
                raise _Stopped
            forked = (nest.fork(job, environment, messages) for nest in nests)
            process: Process = next(filter(None, forked), None) or subprocess.Popen(
                [sys.executable, "-P", "-m", "clvlib.run.execute", job],
                stdout=messages,
                stderr=messages,
                env=environment,
                start_new_session=True,
            )
            _running.add(process)
        try:
            code = process.wait(timeout=limit)
        finally:
            _running.discard(process)
            _stop(process)
    if code and _stopping.is_set():
        raise _Stopped
    return code


def _write_log(plan: Task, log: Path, folder: Path) -> None:
    """Add the messages of a notebook to those of the run, and take their file away."""
    messages = log.read_text("utf-8", errors="replace") if log.exists() else ""
    log.unlink(missing_ok=True)
    with _lock, (folder / "log.txt").open("a", encoding="utf-8") as whole:
        whole.write(f"\n=== {plan.file.name}, ended {pd.Timestamp.now():%Y-%m-%d %H:%M:%S}\n{messages}")


@contextmanager
def several_at_once(most: int, notebooks: int) -> Iterator[ThreadPoolExecutor]:
    """Threads in which `execute_apart` may run side by side for this many notebooks. When the block is left by an error
    or by the user, what hasn't begun never does, and what runs is stopped.
    """
    _stopping.clear()
    if notebooks > most:  # else all load at once, and no later one gains
        with suppress(OSError):
            _nests.append(Nest())
    pool = ThreadPoolExecutor(most)
    try:
        yield pool
    except BaseException:
        pool.shutdown(wait=False, cancel_futures=True)
        with _lock:
            _stopping.set()
            still = list(_running)
        for process in still:
            _stop(process)
        for nest in _nests:  # what waits for it goes on, and ends
            nest.close()
        raise
    finally:
        pool.shutdown(wait=True)
        while _nests:
            _nests.pop().close()


def _stop(process: Process) -> None:
    """End the process, giving it a moment to end its kernel."""
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(timeout=10)
        finally:  # also when the user interrupts again
            process.kill()
            process.wait()


def without_outputs(notebook: NotebookNode) -> NotebookNode:
    """A copy of the notebook as if it had never run."""
    bare = deepcopy(notebook)
    for cell in bare.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    return bare


def _cell_name(notebook: NotebookNode, position: int | None) -> str:
    """Name the cell that failed by its id; without a position, the one that was running."""
    running = [cell for cell in notebook.cells if cell.metadata.get("papermill", {}).get("status") == "running"]
    failed = [cell for cell in notebook.cells if any(o.output_type == "error" for o in cell.get("outputs", []))]
    for cell in failed + running:
        return str(cell.get("id", ""))
    return "" if position is None else phrase("number {n}", n=position + 1)


def _cleanse(notebook: NotebookNode, folder: Path) -> None:
    """Take out of an executed notebook what papermill noted, and name the dataset as it is seen from the notebooks."""
    notebook.metadata.pop("papermill", None)
    for cell in notebook.cells:
        cell.metadata.pop("papermill", None)
        cell.metadata.pop("execution", None)
        if "injected-parameters" in cell.metadata.get("tags", []):
            cell.source = re.sub(
                r'^dataset = (".*")$',
                lambda found: f"dataset = {json.dumps(seen_from_notebooks(ast.literal_eval(found[1]), folder))}",
                cell.source,
                flags=re.MULTILINE,
            )


def seen_from_notebooks(dataset: str, folder: Path) -> str:
    """The path of a card relative to the run's notebooks, so that no folder of this computer is named."""
    if not Path(dataset).is_absolute():
        return dataset
    try:
        return Path(os.path.relpath(dataset, (folder / "notebooks").resolve())).as_posix()
    except ValueError:  # another drive
        return Path(dataset).name
