"""Each catalogue says what the code, the notebooks and the pages say: all of it, nothing else, the same figures."""

import ast
import re

import pytest
from nbformat.v4 import new_code_cell, new_notebook

from clvlib.language import ENGLISH, LOCALE, languages, read_cells
from tools import messages

OTHERS = [language for language in languages() if language != ENGLISH]
_FENCED = re.compile(r"```.*?```", re.S)


@pytest.fixture(scope="module")
def found():
    return messages.find_messages()


def pending(language) -> set[str]:
    """The files whose messages are still to be translated: one a line."""
    file = LOCALE / language / "pending.txt"
    return set(file.read_text("utf-8").split()) if file.exists() else set()


def pairs(language):
    """Each message or text with its translation: where it stands, the English, the other, whether it has fields."""
    for text, other in messages.catalogue_of(language).items():
        if other:
            yield text[:60], text, other, True
    for file in messages.NOTEBOOKS:
        english = messages.texts_of(file)
        for cell, (_, other) in read_cells(language, file.stem).items():
            yield f"{file.stem}, cell {cell}", english.get(cell, ""), other, False


@pytest.mark.parametrize("language", OTHERS)
def test_a_catalogue_has_every_message_and_no_other(language, found):
    told = messages.catalogue_of(language)
    assert {*found} - {*told} == set(), "make messages"
    assert {*told} - {*found} == set(), "make messages"


@pytest.mark.parametrize("language", OTHERS)
def test_what_is_not_translated_is_pending_and_nothing_else_is(language, found):
    told = messages.catalogue_of(language)
    missing = {places[0] for text, places in found.items() if not told.get(text)}
    assert missing | {*messages.stale_pages(language)} == pending(language)


@pytest.mark.parametrize("language", OTHERS)
def test_every_text_of_the_notebooks_is_translated_as_it_is_now(language):
    assert messages.stale_cells(language) == []


@pytest.mark.parametrize("language", OTHERS)
def test_a_translation_has_the_fields_figures_and_links_of_what_it_translates(language):
    told = {where: messages.differences(*pair) for where, *pair in pairs(language)}
    assert {where: said for where, said in told.items() if said} == {}


@pytest.mark.parametrize("name", ["README.md", "data/README.md"])
def test_the_french_readme_has_the_figures_the_code_and_the_rows_of_the_english_one(name):
    english, french = ((messages.ROOT / file).read_text("utf-8") for file in (name, name.replace(".md", ".fr.md")))
    facts = {
        "numbers": messages.numbers_in,
        "code": lambda text: sorted(re.findall(r"`[^`]+`", " ".join(_FENCED.sub("", text).split()))),
        "commands": lambda text: re.findall(r"^(?:make|clv|python|pip) \S+", " ".join(_FENCED.findall(text)), re.M),
        "rows": lambda text: len(re.findall(r"^\|", text, re.M)),
        "headings": lambda text: re.findall(r"^#+", text, re.M),
    }
    assert {what: tell(english) for what, tell in facts.items()} == {what: tell(french) for what, tell in facts.items()}


def words_of(text):
    """A text without what isn't said: fields, code, links, markup, formulas."""
    return re.sub(r"`[^`]*`|\]\([^)]*\)|<[^>]*>|https?://\S+|\$[^$]*\$", "X", re.sub(r"\{[^{}|]*\}", "X", text))


def test_french_has_its_spaces_and_quotation_marks():
    wrong = []
    for where, english, other, _ in pairs("fr"):
        said, code = words_of(other), words_of(english)
        wrong += [f"{where}: {said[max(0, at.start() - 20) : at.end()]}" for at in re.finditer(r" [;:?!%€»]|« ", said)]
        wrong += [f"{where}: {quoted}" for quoted in re.findall(r'"[^"]*"', said) if quoted not in code]
    assert wrong == []


@pytest.mark.parametrize(
    ("english", "other"),
    [
        ("{n:,} rows", "{n} lignes"),
        ("{n:,} rows", "lignes"),
        ("rows", "{n} lignes"),
        ("{sure:yes|no}", "{sure:oui}"),
        ("{sure:yes|no|maybe}", "{sure:oui|non}"),
        ("{sure:{n} more|no}", "{sure:plus|non}"),
        ("by 1,234.5", "de 12 345"),
        ("**CLV** is", "La CLV est"),
        ("see `ds.sql`", "voir `ds.table`"),
        ("[a](b.md)", "[a](c.md)"),
        ("Hint. ", "Indice."),
    ],
)
def test_a_translation_that_says_another_thing_is_found(english, other):
    assert messages.differences(english, other)


@pytest.mark.parametrize(
    ("english", "other"),
    [
        ("{n:,} row(s)", "{n:,} {n:ligne|ligne|lignes}"),
        ("1,234.5 of {all}", "{all}, dont 1\u202f234,5"),
        ("{sure:{n} more|no}", "{sure:{n} de plus|non}"),
    ],
)
def test_a_translation_may_order_inflect_and_write_numbers_its_own_way(english, other):
    assert messages.differences(english, other) == []


def test_messages_are_found_in_code_pages_and_cells():
    code = (
        'phrase("a {n}", n=1)\nraise DataError("bad cut.", phrase("d"))\nquery("e f")\nx = message("g" if y else "h")'
    )
    assert {*messages.of_code(ast.parse(code))} == {"a {n}", "bad cut.", "d", "g", "h"}
    cell = new_code_cell(
        '# A name\nshow.say("{n} rows", n=n)\nframe["a b"].query("c d")\nshow.bars(f, x="day", unit="money")'
    )
    assert {*messages.of_notebook(new_notebook(cells=[cell]))} == {"A name", "{n} rows", "day"}
    assert [*messages.of_page('{{ phrase("a {n}", n=n) }} {{ other("b") }}')] == ["a {n}"]
