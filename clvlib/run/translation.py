"""A notebook → the same one in the language spoken: its texts, the names of its cells, what it tells a class."""

from copy import deepcopy
from typing import Any

from nbformat import NotebookNode

from clvlib.language import ENGLISH, cells_in_language, phrase, spoken, translated

EXERCISE = "Exercise "  # and its number: how a cell is called that asks one


def in_language(notebook: NotebookNode, stem: str) -> NotebookNode:
    """A copy of the notebook, whose code is the same but for the comment that names a cell; in English, itself."""
    if spoken() == ENGLISH:
        return notebook
    notebook, texts = deepcopy(notebook), cells_in_language(stem)
    _translate(notebook.metadata, "title")
    for cell in notebook.cells:
        for told in ("ask", "expect", "reply"):
            _translate(cell.metadata.get("course", {}), told)
        if cell.cell_type == "markdown":
            cell.source = texts.get(cell.id, cell.source)
        elif name := name_of(cell):
            number = name.removeprefix(EXERCISE)
            there = phrase("Exercise {number}", number=number) if number != name else translated(name)
            cell.source = cell.source.replace(f"# {name}", f"# {there}", 1)
    return notebook


def _translate(about: Any, entry: str) -> None:
    if entry in about:
        about[entry] = translated(about[entry])


def name_of(cell: NotebookNode) -> str:
    """The comment that a cell of code begins with; nothing without one."""
    first = str(cell.source).partition("\n")[0]
    return first.removeprefix("# ").strip() if first.startswith("# ") else ""
