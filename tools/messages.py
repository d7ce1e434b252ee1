"""The code, notebooks and pages → the messages in them, and the catalogue of each language with what it lacks.

    python -m tools.messages [FOLDER]

writes `clvlib/locale/LANGUAGE/messages.po` again: what is gone is dropped, what is new stands there without a
translation, unless a .po in FOLDER has one. It says what is missing, stale or differs; a test demands that
nothing is but what the language's `pending.txt` names.
"""

import ast
import hashlib
import re
import string
import sys
import tomllib
from collections import Counter
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

from babel.messages.catalog import Catalog
from babel.messages.pofile import read_po, write_po
from bs4 import BeautifulSoup
from jinja2 import Environment, nodes
from nbformat import NotebookNode, read

from clvlib.language import ENGLISH, LOCALE, languages, read_cells, read_terms
from clvlib.run.translation import EXERCISE, name_of
from clvlib.show.units import PLAIN_WORDS, UNITS, in_english

ROOT = Path(__file__).parents[1]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("[0-9][0-9]*.ipynb"))
_SAYS = {"phrase", "translated", "message", "word"}  # functions whose first argument is a message
_ERRORS = {
    *("ClvError", "DataError", "UsageError", "CannotAnswer", "NotEnoughData", "ConvergenceError", "MissingTable"),
    *("Problem", "note", "_NoAnswer"),
    *("Claim", "Definition", "Kpi", "Rule"),  # rows of tables in words
}
_SHOWN = {"caption", "title", "x", "y", "of", "accent", "marks", "levels", "points", "quoted", "name", "alike", "way"}
_UNSAID = {"solution", "unit", "formats"}  # arguments that nobody reads as a sentence
_HELP = ("help", "epilog")  # arguments that say what a command is for
_NAMING = {"rename", "set_axis", "rename_axis", "say", "tile"}  # calls in cells whose every text is shown
_CALLS = ("ask", "expect", "reply")  # of a cell's metadata
_TOML = ("clvlib/run/words.toml", "clvlib/run/columns.toml")
_PROSE = ("clvlib/course/guide.md.jinja",)
_LETTERS = re.compile(r"[A-Za-z]{2}")

Found = dict[str, list[str]]  # message → the files in which it is


def find_messages() -> Found:
    """Every message of the project, by the file in which it stands first."""
    found: Found = {}
    for file, texts in _sources():
        for text in texts:
            places = found.setdefault(text, [])
            places += [file] if file not in places else []
    return found


def _sources() -> Iterator[tuple[str, Iterable[str]]]:
    for file in NOTEBOOKS:
        yield f"notebooks/{file.name}", of_notebook(read(file, as_version=4))
    for file in sorted((ROOT / "clvlib").rglob("*.py")):
        place, tree = file.relative_to(ROOT).as_posix(), ast.parse(file.read_text("utf-8"))
        yield place, of_lesson(tree) if file.match("lessons/n*.py") else of_code(tree)
    for file in sorted((ROOT / "clvlib").rglob("*.jinja")):
        yield file.relative_to(ROOT).as_posix(), of_page(file.read_text("utf-8"))
    for name in _TOML:
        yield name, _values(tomllib.loads((ROOT / name).read_text("utf-8")))
    for file in sorted((ROOT / "clvlib/ingest/formats").glob("*.toml")):
        said = tomllib.loads(file.read_text("utf-8"))
        yield file.relative_to(ROOT).as_posix(), _of_format(said)
    yield "clvlib/show/units.py", sorted(filter(_LETTERS.search, map(in_english, {*PLAIN_WORDS, *UNITS})))


def _values(told: Any) -> Iterator[str]:
    """Every text of a file of words but those that are there as names."""
    for each in told.values() if isinstance(told, dict) else told:
        if isinstance(each, str):
            yield each
        else:
            yield from _values(each)


def _of_format(told: dict[str, Any]) -> Iterator[str]:
    """What a format of an export says: its title, what can't be used and why, what to ask, to doubt and to mend."""
    yield told["title"]
    yield from filter(None, [told.get("refuse")])
    yield from [*told.get("doubts", {}), *_values([told.get(part, {}) for part in ("confirm", "missing", "doubts")])]


def of_code(tree: ast.AST) -> Iterator[str]:
    """The messages of a module: what `language` is given, errors and rows of tables without values, the help of the
    command."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef):
            is_command = any(isinstance(each, ast.Call) and _called(each) == "command" for each in node.decorator_list)
            yield from [ast.get_docstring(node) or ""] if is_command else []
        elif isinstance(node, ast.Call):
            yield from (text for k in node.keywords if k.arg in _HELP for text in _literals(k.value))
            name = _called(node)
            told = node.args[:1] if name in _SAYS else [*node.args, *(k.value for k in node.keywords)]
            for each in told if name in _SAYS | _ERRORS else []:
                for text in _literals(each):
                    if name in _SAYS or (" " in text and _LETTERS.search(text)):
                        yield text


def _called(call: ast.Call) -> str:
    return call.func.id if isinstance(call.func, ast.Name) else getattr(call.func, "attr", "")


def _literals(node: ast.expr) -> Iterator[str]:
    """A literal, each of those that it is one of, or all that are in a table of them."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value
    elif isinstance(node, ast.IfExp):
        yield from (text for part in (node.body, node.orelse) for text in _literals(part))
    elif isinstance(node, ast.Dict):
        yield from (text for value in node.values for text in _literals(value))
    elif isinstance(node, ast.List | ast.Tuple):
        yield from (text for each in node.elts for text in _literals(each))
    elif isinstance(node, ast.Starred):
        yield from _literals(node.value)


def of_lesson(tree: ast.Module) -> Iterator[str]:
    """The messages of a lesson: every sentence in it but for solutions, which are code, and pieces of others."""
    for text, _, argument in _constants(tree):
        if " " in text.strip() and _LETTERS.search(text) and argument not in _UNSAID:
            yield text


def of_notebook(notebook: NotebookNode) -> Iterator[str]:
    """What a notebook shows besides its texts: its title, names of cells, sentences, labels, headings, questions."""
    yield from filter(None, [notebook.metadata.get("title")])
    for cell in notebook.cells:
        yield from (cell.metadata["course"][each] for each in _CALLS if each in cell.metadata.get("course", {}))
        if cell.cell_type == "code":
            yield from (name for name in [name_of(cell)] if name and not name.startswith(EXERCISE))
            yield from (
                text for text, call, argument in _constants(ast.parse(cell.source)) if _is_shown(text, call, argument)
            )
            for output in cell.get("outputs", []):
                page = BeautifulSoup(output.get("data", {}).get("text/html", ""), "html.parser")
                yield from (
                    head.get_text() for head in page.select(".clv-table thead th") if _LETTERS.search(head.get_text())
                )


def _is_shown(text: str, call: str, argument: str) -> bool:
    """Whether a literal of a cell is for a reader, by where it stands: in which call, as which of its arguments."""
    if not _LETTERS.search(text) or call == "query" or argument in _UNSAID:
        return False
    if re.fullmatch(r"[a-z0-9_.]+", text):
        return argument in _SHOWN and "_" not in text
    return " " in text.strip() or argument in _SHOWN or call in _NAMING


def _constants(tree: ast.Module) -> Iterator[tuple[str, str, str]]:
    """Each text of a module that is no docstring: in which call (or statement) it stands, and as which argument."""

    def visit(node: ast.AST, call: str, argument: str) -> Iterator[tuple[str, str, str]]:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.Constant) and isinstance(child.value, str) and not isinstance(node, ast.Expr):
                yield child.value, call, argument
            elif isinstance(child, ast.Call):
                yield from visit(child, _called(child), "")
            elif isinstance(child, ast.keyword):
                yield from visit(child, call, str(child.arg))
            elif isinstance(child, ast.stmt | ast.Subscript):
                yield from visit(child, type(child).__name__, "")
            elif not isinstance(child, ast.JoinedStr):
                yield from visit(child, call, argument)

    yield from visit(tree, "", "")


def of_page(template: str) -> Iterator[str]:
    """The messages of a page's template."""
    for call in Environment().parse(template).find_all(nodes.Call):
        if isinstance(call.node, nodes.Name) and call.node.name in _SAYS and isinstance(call.args[0], nodes.Const):
            yield call.args[0].value


def texts_of(notebook: Path) -> dict[str, str]:
    """The Markdown of a notebook, by the ids of its cells."""
    return {cell.id: cell.source for cell in read(notebook, as_version=4).cells if cell.cell_type == "markdown"}


def hash_of(text: str) -> str:
    """What a translation of a cell carries, to be known as stale when the English changes."""
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def catalogue_of(language: str) -> dict[str, str]:
    """The messages of a catalogue with their translations, empty where one is missing."""
    return _read(LOCALE / language / "messages.po")


def _read(file: Path) -> dict[str, str]:
    if not file.is_file():
        return {}
    with file.open("rb") as opened:
        return {entry.id: entry.string for entry in read_po(opened) if entry.id}


def stale_cells(language: str) -> list[str]:
    """Cells of Markdown whose translation is missing, of another text, or of none."""
    said = []
    for file in NOTEBOOKS:
        english, there = texts_of(file), read_cells(language, file.stem)
        for cell in [*english, *(cell for cell in there if cell not in english)]:
            if cell not in english:
                said.append(f"{file.stem}, cell {cell}: there is none any more")
            elif cell not in there:
                said.append(f"{file.stem}, cell {cell}: missing")
            elif there[cell][0] != hash_of(english[cell]):
                said.append(f"{file.stem}, cell {cell}: stale, {hash_of(english[cell])} now")
    return said


def stale_pages(language: str) -> dict[str, str]:
    """Pages that are all prose and translated as a whole, whose translation is missing, or of another text, and why."""
    said = {}
    for name in _PROSE:
        english, there = ROOT / name, LOCALE / language / Path(name).name
        mark = f"{{# {hash_of(english.read_text('utf-8'))} #}}"
        if not there.is_file():
            said[name] = f"missing; its first line is to be {mark}"
        elif there.read_text("utf-8").partition("\n")[0] != mark:
            said[name] = f"stale: {mark} now"
    return said


def fields_of(template: str) -> dict[tuple[str, str], int]:
    """The fields of a template with their specs: for each, how many words it parts (0: it is a value)."""
    found: dict[tuple[str, str], int] = {}
    for _, name, spec, conversion in string.Formatter().parse(template):
        if name is not None:
            choice = re.sub(r"\{[^{}]*\}", "", spec or "").count("|")
            found[(name, "|" if choice else f"{conversion or ''}{spec}")] = choice
            found |= fields_of(spec or "") if choice else {}
    return found


def differences(english: str, other: str, filled: bool = True) -> list[str]:
    """In what a translation says another thing than the message: fields (of what is `filled`), numbers, bold, code …"""
    said = _other_fields(fields_of(english), fields_of(other)) if filled else []
    for what, tell in _FACTS.items():
        mine, theirs = tell(english), tell(other)
        if mine != theirs:
            only = ([each for each in one if each not in two] for one, two in ((mine, theirs), (theirs, mine)))
            said.append(f"other {what}: {' / '.join(map(str, only))}")
    return said


def _other_fields(mine: dict[tuple[str, str], int], theirs: dict[tuple[str, str], int]) -> list[str]:
    """Words that depend on a value may be more than in English, as a plural; else all fields are the same."""
    names = {name for name, _ in mine}
    more = [name for name, spec in theirs.keys() - mine.keys() if spec != "|" or name not in names]
    said = [f"has no {{{name}}} as the message has it" for name, _ in mine.keys() - theirs.keys()]
    said += [f"has {{{name}}} that the message hasn't" for name in more]
    return said + [
        f"fewer words to choose from by {{{at[0]}}}" for at, bars in mine.items() if theirs.get(at, bars) < bars
    ]


def numbers_in(text: str) -> list[str]:
    """The digits of every number in a text, whatever separates them; those of links left out."""
    plain = re.sub(r"\]\([^)]*\)", "]", text)
    return sorted(re.findall(r"\d+", re.sub(r"(?<=\d)[.,\u202f\u00a0](?=\d)", "", plain)))


_FACTS = {
    "numbers": numbers_in,
    "bold": lambda text: ["**"] * text.count("**"),
    "code": lambda text: sorted(re.findall(r"`[^`\n]+`", text)),
    "links": lambda text: sorted(re.findall(r"\]\(([^)]*)\)", text)),
    "headings": lambda text: re.findall(r"^#+", text, re.M),
    "outer spaces": lambda text: [end for end in (text[:1], text[-1:]) if end in (" ", "\n")],
}


def english_words(text: str, language: str) -> Counter[str]:
    """Words of a text that the project has in English and in no translation, and how often they stand in it."""
    return Counter(word for word in _words(text) if word in _only_english(language))


@cache
def _only_english(language: str) -> frozenset[str]:
    told = catalogue_of(language)
    english = [*told, *(text for file in NOTEBOOKS for text in texts_of(file).values())]
    there = [*told.values(), *(text for file in NOTEBOOKS for _, text in read_cells(language, file.stem).values())]
    there += [each for term in read_terms(language).values() for each in term.values()]
    return frozenset(_words(" ".join(english))) - {*_words(" ".join(there))}


def _words(text: str) -> list[str]:
    return re.findall(r"[^\W\d_]{2,}", text.casefold())


def merge(language: str, more: Path | None = None) -> None:
    """Write the catalogue again with every message that there is now; translations are kept, or taken from `more`."""
    known = catalogue_of(language)
    for file in sorted(more.glob("*.po")) if more else []:
        known |= {text: other for text, other in _read(file).items() if other and not known.get(text)}
    catalogue = Catalog(locale=language, fuzzy=False)
    for text, places in find_messages().items():
        catalogue.add(text, known.get(text, ""), locations=[(places[0], None)])
    with (LOCALE / language / "messages.po").open("wb") as target:
        write_po(target, catalogue, width=120, omit_header=True)


def main(arguments: list[str]) -> None:
    """Write every catalogue again, and say what is to be done."""
    for language in languages():
        if language != ENGLISH:
            merge(language, Path(arguments[0]) if arguments else None)
            told = catalogue_of(language)
            print(f"{language}: {len(told)} messages, {sum(not text for text in told.values())} without a translation")
            for text, other in told.items():
                print(
                    *(f"  {each}: {text[:70]!r}" for each in (differences(text, other) if other else [])),
                    sep="\n",
                    end="",
                )
            pages = [f"{name}: {why}" for name, why in stale_pages(language).items()]
            print(*(f"  {each}" for each in [*stale_cells(language), *pages]), sep="\n")


if __name__ == "__main__":
    main(sys.argv[1:])
