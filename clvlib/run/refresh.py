"""The committed notebooks → executed again; the one writer of their outputs (`clv refresh`)."""

import io
import json
import os
import subprocess
from base64 import b64decode
from copy import deepcopy
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import nbformat
import numpy as np
from nbformat import NotebookNode
from PIL import Image
from tqdm import tqdm

from clvlib import show
from clvlib.errors import UsageError
from clvlib.files import KEPT, own, write_text
from clvlib.language import phrase
from clvlib.run.execute import ONE_THREAD
from clvlib.show import glossary

NOTEBOOKS = own("notebooks")
_KERNEL = {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}
_WIDGET = "application/vnd.jupyter.widget-view+json"


def refresh(check: bool = False, notebooks: Path = NOTEBOOKS, limit: int = 600) -> list[str]:
    """Execute each notebook and write its outputs, or only compare them when `check`; the same for their glossary.

    Texts are compared exactly, pictures by their pixels. Returns one line for each difference found; a notebook without
    any is not written. Raises UsageError when a notebook does not run to its end.
    """
    differences = []
    with TemporaryDirectory() as kept:
        for file in tqdm(sorted(notebooks.glob("[0-9][0-9]*.ipynb")), unit="notebook", disable=None, leave=False):
            committed = nbformat.read(file, as_version=4)
            fresh = execute(committed, file.name, limit, kept)
            found = [f"{file.name}: {difference}" for difference in compare(committed, fresh)]
            if found and not check:
                write_text(file, nbformat.writes(fresh, indent=1) + "\n")
            differences += found
    page = notebooks / glossary.PAGE
    if page.exists() and page.read_text("utf-8") != glossary.page():
        differences.append(f"{page.name}: another text")
        if not check:
            write_text(page, glossary.page())
    return differences


def execute(notebook: NotebookNode, name: str, limit: int = 600, kept: str = "") -> NotebookNode:
    """Execute a copy with its defaults, and leave in it only what the next execution would give again.

    kept: a folder for what notebooks keep for each other (see `files.once`), if there are several.
    """
    from nbclient import NotebookClient
    from nbclient.exceptions import CellExecutionError

    fresh = deepcopy(notebook)
    of_a_run = (show.RUN_FOLDER, show.RUNS, show.FIGURE_SCALE)
    quiet = {name: value for name, value in os.environ.items() if name not in of_a_run} | ONE_THREAD | {KEPT: kept}
    client = NotebookClient(
        fresh, timeout=limit, kernel_name="python3", record_timing=False, extra_arguments=["--log-level=40"]
    )
    try:
        client.execute(env=quiet, stderr=subprocess.DEVNULL)
    except CellExecutionError as error:
        told = {"notebook": name, "kind": error.ename, "error": error.evalue}
        what = phrase("{notebook} does not run to its end: {kind}: {error}", **told)
        raise UsageError(what, "Mend the notebook.") from None
    return clean(fresh)


def clean(notebook: NotebookNode) -> NotebookNode:
    """Strip what changes from one execution or machine to the next; count the code cells from 1 to n."""
    title = {"title": notebook.metadata["title"]} if "title" in notebook.metadata else {}  # of its chapter
    notebook.metadata = nbformat.from_dict({"kernelspec": _KERNEL, "language_info": {"name": "python"}, **title})
    count = 0
    for cell in notebook.cells:
        cell.metadata = nbformat.from_dict(
            {key: cell.metadata[key] for key in ("tags", "jupyter", "course") if key in cell.metadata}
        )
        if cell.cell_type != "code":
            continue
        count += 1
        cell.execution_count = count
        for output in cell.outputs:
            if output.output_type == "execute_result":
                output.execution_count = count
            if "data" in output:
                output.data.pop(_WIDGET, None)  # names a live widget by a random id
    return notebook


def compare(old: NotebookNode, new: NotebookNode) -> list[str]:
    """List the differences between two versions of a notebook, one line each, by cell id."""
    found = [] if old.metadata == new.metadata else ["the notebook's metadata differ"]
    for before, after in zip(old.cells, new.cells, strict=True):
        place = f"cell “{after.get('id', '?')}”"
        if before.metadata != after.metadata:
            found.append(f"{place}: metadata differ")
        if after.cell_type != "code":
            continue
        if before.execution_count != after.execution_count:
            found.append(f"{place}: executed as {before.execution_count}, not {after.execution_count}")
        if len(before.outputs) != len(after.outputs):
            found.append(f"{place}: {len(before.outputs)} output(s), now {len(after.outputs)}")
            continue
        pairs = zip(before.outputs, after.outputs, strict=True)
        found += [f"{place}: output {n} differs" for n, (a, b) in enumerate(pairs, 1) if not same_output(a, b)]
    return found


def same_output(one: NotebookNode, other: NotebookNode) -> bool:
    """Tell whether two outputs are the same: pictures by their pixels, all else exactly."""
    pictures = [output.get("data", {}).get("image/png") for output in (one, other)]
    if (pictures[0] is None) != (pictures[1] is None):
        return False
    if pictures[0] is not None and not same_picture(str(pictures[0]), str(pictures[1])):
        return False
    return _without_picture(one) == _without_picture(other)


def same_picture(one: str, other: str) -> bool:
    """Tell whether two base64 PNGs show the same pixels."""
    return one == other or np.array_equal(pixels(one), pixels(other))


def pixels(picture: str) -> np.ndarray:
    """Decode a base64 PNG: height × width × RGBA."""
    return np.asarray(Image.open(io.BytesIO(b64decode(picture))).convert("RGBA"))


def _without_picture(output: NotebookNode) -> dict[str, Any]:
    plain = json.loads(json.dumps(output))
    plain.get("data", {}).pop("image/png", None)
    return plain
