"""The French edition says what the English one says: the same outputs with the same figures, in French words."""

import re

import nbformat
import pytest

from clvlib import language
from clvlib.run.refresh import NOTEBOOKS, execute
from clvlib.run.translation import in_language
from tools.messages import english_words, numbers_in

QUICK = ("07b_contractual",)
TOUR = [
    pytest.param(file, marks=() if file.stem in QUICK else pytest.mark.proof, id=file.stem)
    for file in sorted(NOTEBOOKS.glob("[0-9][0-9]*.ipynb"))
]


def outputs(notebook):
    """Each output that `show` made: the cell and the kind; what it says; what it tells besides, which has no words."""
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            about = output.get("metadata", {}).get("clv", {})
            besides = {name: about.get(name) for name in ("value", "line", "size", "sure", "name")}
            yield (cell.id, about.get("kind")), output.get("data", {}).get("text/plain", ""), besides


@pytest.mark.parametrize("file", TOUR)
def test_a_notebook_in_french_has_the_figures_of_the_english_one(file, monkeypatch):
    english = nbformat.read(file, as_version=4)
    monkeypatch.setenv(language.ASKED, "fr")
    french = execute(in_language(english, file.stem), file.name)
    assert [where for where, *_ in outputs(french)] == [where for where, *_ in outputs(english)]
    for (where, said, besides), (_, english_said, english_besides) in zip(
        outputs(french), outputs(english), strict=True
    ):
        assert numbers_in(said) == numbers_in(english_said), where
        assert besides == english_besides, where
    said = " ".join(re.sub(r"`[^`]*`", "", text) for (_, kind), text, _ in outputs(french) if kind != "figure")
    assert english_words(said, "fr") == {}
