"""Words are defined once, in each language, and where the tour uses them first."""

import re
import tomllib

import nbformat
import pytest

from clvlib.language import languages, read_terms
from clvlib.run.refresh import NOTEBOOKS
from clvlib.show import glossary

ANNOUNCES = ("title", "map-text")  # cells that name what is to come


def tour():
    """Each Markdown cell in the order of the tour: where it stands, what it says."""
    for file in sorted(NOTEBOOKS.glob("[0-9][0-9]*.ipynb")):
        for cell in nbformat.read(file, as_version=4).cells:
            if cell.cell_type == "markdown" and cell.id not in ANNOUNCES:
                text = re.split(r"\*\*References\*\*|## References", re.sub(r"\]\([^)]*\)|`[^`]*`", "]", cell.source))[
                    0
                ]
                yield f"{file.stem}, cell “{cell.id}”", text


TEXTS = list(tour())


@pytest.mark.parametrize("word", glossary.words(), ids=lambda word: word.name)
def test_a_word_is_defined_in_bold_where_the_tour_uses_it_first(word):
    used = [place for place, text in TEXTS if word.found.search(text)]
    bold = [place for place, text in TEXTS if any(map(word.found.search, re.findall(r"\*\*([^*\n]+)\*\*", text)))]
    assert used, "nothing uses it"
    assert bold[:1] == used[:1]


@pytest.mark.parametrize("word", glossary.words(), ids=lambda word: word.name)
def test_a_word_is_found_by_its_own_name_and_by_its_short_form(word):
    assert word.found.search(f"The {word.name}, then.")
    assert word.found.search(word.title.partition(" (")[2].strip(")") or word.name)
    assert word.says.strip(".") == word.says


@pytest.mark.parametrize("language", languages()[1:])
def test_every_word_has_its_term_in_every_language(language):
    terms = glossary.words(language)
    assert [word.name for word in terms] == [word.name for word in glossary.words()]
    assert {*read_terms(language)} == {word.name for word in terms}
    assert {key for entry in read_terms(language).values() for key in entry} <= {"term", "says", "found"}
    for word in terms:
        assert word.found.search(word.title.partition(" (")[0])
        assert word.says.strip(".") == word.says


def test_the_page_beside_the_notebooks_is_the_glossary():
    assert (NOTEBOOKS / glossary.PAGE).read_text("utf-8") == glossary.page()


def test_every_notebook_links_to_it():
    for file in NOTEBOOKS.glob("[0-9][0-9]*.ipynb"):
        assert f"]({glossary.PAGE})" in nbformat.read(file, as_version=4).cells[0].source, file.name


def test_a_text_is_explained_by_the_words_that_it_uses():
    names = [word.name for word in glossary.used_in("Of each cohort, CLV : CAC and the retention <b>fall</b>.")]
    assert names == ["cohort", "customer acquisition cost", "customer lifetime value", "retention"]


def test_no_entry_is_written_twice_or_with_another_key():
    told = tomllib.loads((NOTEBOOKS.parent / "clvlib/show/glossary.toml").read_text("utf-8"))["words"]
    assert {key for entry in told.values() for key in entry} <= {"short", "found", "says"}
    titles = [word.title.casefold() for word in glossary.words()]
    assert len(titles) == len(set(titles))
