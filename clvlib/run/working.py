"""A dataset → working copies of the notebooks, its card set in each, to be changed and run by hand (`clv lab`).

The notebooks of the project are never opened: what is changed is changed in a copy, and a copy that is there stays.
"""

import json
import os
import re
import secrets
import sys
from collections.abc import Sequence
from pathlib import Path

import nbformat
from nbformat import NotebookNode

from clvlib import show
from clvlib.dataset import Dataset
from clvlib.files import write_text
from clvlib.ingest.card import DATA, find_card
from clvlib.language import LOCALE, spoken
from clvlib.run.launch import without_outputs
from clvlib.run.places import folder_of
from clvlib.run.refresh import NOTEBOOKS
from clvlib.run.translation import in_language
from clvlib.show import glossary

_DATASET = re.compile(r"^dataset: str = \S+", re.MULTILINE)


def copy_notebooks(ds: Dataset, card_or_name: str, out: Path, notebooks: Path = NOTEBOOKS) -> tuple[Path, list[str]]:
    """Put a copy of each notebook into the dataset's folder in `out`, unless there is one; the folder, and what is new.

    Copies have no outputs, and load the dataset by its name or by the card's path as seen from the folder. The glossary
    that they link to lies beside them.
    """
    card = find_card(card_or_name)
    folder = folder_of(out, ds.name, ds.files[0], of=card)
    seen = card.stem if card.parent == DATA else _seen_from(card, folder)
    new = []
    for file in sorted(notebooks.glob("[0-9][0-9]*.ipynb")):
        if not (folder / file.name).exists():
            notebook = _set(in_language(without_outputs(nbformat.read(file, as_version=4)), file.stem), seen)
            write_text(folder / file.name, nbformat.writes(notebook, indent=1) + "\n")
            new.append(file.name)
    write_text(folder / glossary.PAGE, glossary.page())
    return folder, new


def _seen_from(card: Path, folder: Path) -> str:
    try:
        return Path(os.path.relpath(card.resolve(), folder.resolve())).as_posix()
    except ValueError:  # another drive
        return str(card.resolve())


def _set(notebook: NotebookNode, dataset: str) -> NotebookNode:
    line = f"dataset: str = {json.dumps(dataset, ensure_ascii=False)}"
    for cell in notebook.cells:
        if "parameters" in cell.metadata.get("tags", []):
            cell.source = _DATASET.sub(lambda _: line, cell.source)
    return notebook


_CLOSED = (  # whatever a user's own configuration says: nobody else opens it, and no other page asks it
    "--ServerApp.allow_remote_access=False",
    "--ServerApp.allow_origin_pat=",
    "--ServerApp.allow_credentials=False",
    "--ServerApp.disable_check_xsrf=False",
    "--ServerApp.allow_unauthenticated_access=False",
    "--ServerApp.identity_provider_class=jupyter_server.auth.identity.IdentityProvider",
)


def lab_command(folder: Path, port: int, browser: bool) -> tuple[list[str], dict[str, str]]:
    """The command that opens JupyterLab on a folder of working copies, and its environment."""
    settings = LOCALE / spoken() / "lab"
    command = [
        *(sys.executable, "-P", "-m", "jupyterlab", str(folder / "00_start_here.ipynb")),
        *(f"--ServerApp.root_dir={folder.parent}", "--ServerApp.ip=localhost", f"--ServerApp.port={port}"),
        *(f"--IdentityProvider.token={secrets.token_hex(24)}", f"--ServerApp.allow_origin=http://localhost:{port}"),
        *_CLOSED,
        f"--LabApp.app_settings_dir={settings if settings.is_dir() else Path(__file__).parent / 'lab'}",
        *([] if browser else ["--no-browser"]),
    ]
    return command, os.environ | {show.LAB: "1"}


def lab_address(command: Sequence[str]) -> str:
    """Where a browser finds what that command opens, with the token: Jupyter tells none that it is given."""
    given = dict(word.split("=", 1) for word in command if "=" in word)
    return f"http://localhost:{given['--ServerApp.port']}/lab?token={given['--IdentityProvider.token']}"
