"""The French edition says what the English one says: the same outputs with the same figures, in French words."""

import ast
import json
import re
from pathlib import Path

import nbformat
import pytest

from clvlib import language, load
from clvlib.actions import choices
from clvlib.course.outline import outline_of, read_outlines
from clvlib.ingest import rules
from clvlib.ingest.card import language_of, wrong_entries
from clvlib.ingest.tables import TABLES
from clvlib.run import working
from clvlib.run.refresh import NOTEBOOKS, execute
from clvlib.run.translation import in_language
from clvlib.show import glossary
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


@pytest.fixture(scope="module")
def clients_words():
    """Words that the demo shop's data use: names of tables, channels, products, tests, attributes and what they say,
    of levers as arms that are typed or read back; and words of files that are known for yes and no."""
    found = {word for name in [*TABLES, *choices.LEVERS, *rules.YES, *rules.NO] for word in re.split("[_ ]", name)}
    for table in load("demo").tables.values():
        for column, kind in table.schema().items():
            if kind.is_string() and table[column].nunique().to_pandas() < 500:
                found |= {
                    word
                    for text in [column, *table[column].to_pandas().dropna().unique()]
                    for word in re.findall(r"[^\W\d_]+", text.casefold())
                }
    return found


@pytest.mark.parametrize("file", TOUR)
def test_a_notebook_in_french_has_the_figures_of_the_english_one(file, monkeypatch, clients_words):
    english = nbformat.read(file, as_version=4)
    monkeypatch.setenv(language.ASKED, "fr")
    french = execute(in_language(english, file.stem), file.name)
    assert [where for where, *_ in outputs(french)] == [where for where, *_ in outputs(english)]
    for (where, said, besides), (_, english_said, english_besides) in zip(
        outputs(french), outputs(english), strict=True
    ):
        assert numbers_in(said) == numbers_in(english_said), where
        assert besides == english_besides, where
    said = " ".join(text for _, text, _ in outputs(french))
    left = english_words(re.sub(r"\b\w+_\w+\b", "", said), "fr")  # names of columns and entries stay as they are
    assert {word for word in left if word not in clients_words} == set()


@pytest.fixture
def copies(tmp_path, monkeypatch):
    monkeypatch.setenv(language.ASKED, "fr")
    folder, _ = working.copy_notebooks(load("cdnow_sample"), "cdnow_sample", tmp_path)
    return folder


def test_working_copies_are_french_and_their_code_is_the_same(copies):
    for file in sorted(NOTEBOOKS.glob("[0-9][0-9]*.ipynb")):
        texts = language.read_cells("fr", file.stem)
        pairs = zip(nbformat.read(file, 4).cells, nbformat.read(copies / file.name, 4).cells, strict=True)
        for english, french in pairs:
            assert french.id == english.id
            if english.cell_type == "markdown":
                assert french.source == texts[english.id][1]
            elif "parameters" not in english.metadata.get("tags", []):
                assert ast.dump(ast.parse(french.source)) == ast.dump(ast.parse(english.source))
    assert "valeur vie client" in (copies / glossary.PAGE).read_text("utf-8")


def test_jupyterlab_has_the_settings_of_every_language_and_its_own(monkeypatch, tmp_path):
    def settings():
        command, _ = working.lab_command(tmp_path / "acme", 8888, browser=False)
        place = next(each for each in command if each.startswith("--LabApp.app_settings_dir="))
        return json.loads((Path(place.partition("=")[2]) / "overrides.json").read_text("utf-8"))

    english = settings()
    monkeypatch.setenv(language.ASKED, "fr")
    assert settings() == english | {"@jupyterlab/translation-extension:plugin": {"locale": "fr_FR"}}


def test_an_outline_is_read_from_the_french_texts_as_from_the_english_ones(monkeypatch):
    english = read_outlines(NOTEBOOKS)
    monkeypatch.setenv(language.ASKED, "fr")
    french = [
        outline_of(file.stem, in_language(nbformat.read(file, as_version=4), file.stem))
        for file in sorted(NOTEBOOKS.glob("[0-9][0-9]*.ipynb"))
    ]
    for one, other in zip(english, french, strict=True):
        assert (other.stem, other.minutes, len(other.goals)) == (one.stem, one.minutes, len(one.goals))
        assert [(each.minutes, each.plan, each.exercises) for each in other.sections] == [
            (each.minutes, each.plan, each.exercises) for each in one.sections
        ]
        assert other.question
        assert not re.search(r" [;:?!%]", other.question)
        assert all(goal == goal.strip() for goal in other.goals)
        assert other.title != one.title


@pytest.mark.parametrize(
    ("card", "spoken"),
    [
        ({}, "en"),
        ({"locale": "fr_FR"}, "fr"),
        ({"locale": "fr-CA"}, "fr"),
        ({"locale": "de_DE"}, "en"),
        ({"locale": "fr_FR", "language": "en"}, "en"),
        ({"locale": "en_US", "language": "fr"}, "fr"),
    ],
)
def test_a_card_speaks_the_language_that_it_states_or_that_of_its_locale(card, spoken):
    assert language_of(card) == spoken


def test_a_language_without_a_catalogue_is_an_error_that_names_those_there_are():
    found = [each for each in wrong_entries({"transactions": {}, "language": "xx"}) if "language" in each.what]
    assert [each.what for each in found] == ["language = 'xx' is none of en, fr"]
