"""An executed notebook → its slides: one file that opens offline, one idea a slide, what to say in the speaker's notes.

A section is its title and minutes, then before each picture the question to ask, the picture as large as it fits, and
what is tagged to be said of it; an exercise is what it asks. Code is shown only of cells tagged `slide`. The
slides move by reveal.js, which is in the file; the key S opens the notes.
"""

import io
import math
import re
from base64 import b64decode, b64encode
from collections.abc import Iterator, Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

import bleach  # type: ignore[import-untyped]
import numpy as np
from bs4 import BeautifulSoup
from markupsafe import Markup, escape
from nbconvert.filters.markdown import markdown2html
from nbformat import NotebookNode
from PIL import Image

from clvlib.course.assignments import assignment
from clvlib.course.exercises import with_code
from clvlib.course.guide import answers_of
from clvlib.course.outline import AT_HOME, Outline, Section, course_of, exercise_in, has_quiz, shown
from clvlib.dataset import Dataset
from clvlib.errors import CannotAnswer
from clvlib.language import message, phrase, translated
from clvlib.show.session import speak_of
from clvlib.templates import page_template

WIDE, HIGH = 1280, 720
_GOALS = message("You will be able to")
_FLAT = 0.75  # of its width: the height of a picture that fills a slide
_HERE = Path(__file__).parent
_TAGS = {"b", "br", "code", "em", "i", "li", "ol", "p", "strong", "sub", "sup", "ul"}
_HEADINGS = re.compile(r"(?m)^#+ .*$")
_NUMBERED = re.compile(r"^(\d+)\.")  # a heading's number, which begins no list
_LINKS = re.compile(r"\[([^\]]*)\]\([^)]*\)")


@dataclass(frozen=True)
class Slide:
    """One slide. kind: what it is, which says how it looks (`slides.css`).

    head: the line above; text and the items below it: clean markup; picture: a PNG in base64 with its words for who
    can't see it; small: the line below; notes: what only the speaker sees, each with what it is.
    """

    kind: str
    head: str = ""
    text: Markup = field(default_factory=Markup)
    items: Sequence[Markup] = ()
    picture: str = ""
    words: str = ""
    small: str = ""
    notes: Sequence[tuple[str, Markup]] = ()


def with_outputs(committed: NotebookNode, executed: NotebookNode | None) -> NotebookNode | None:
    """The committed notebook with what a run's execution of it shows; None where that is of other cells than these.

    A run leaves out the cells of the course, and adds one with its parameters.
    """
    if executed is None:
        return None
    ran = {cell.id: cell for cell in executed.cells}
    made = deepcopy(committed)
    for cell in made.cells:
        tags = cell.metadata.get("tags", [])
        if cell.cell_type != "code" or "course" in tags:
            cell.update({"outputs": []} if cell.cell_type == "code" else {})
        elif cell.id in ran and ("parameters" in tags or ran[cell.id].source == cell.source):
            cell.outputs = ran[cell.id].outputs
        else:
            return None
    return made


def slides_of(outline: Outline, ds: Dataset, plan: str = AT_HOME) -> list[Slide]:
    """The slides of a notebook, of all its sections or of those that a class of a length has."""
    speak_of(ds)
    made = [_first(outline)]
    if outline.goals:
        made.append(Slide("text", translated(_GOALS), items=[_inline(goal) for goal in outline.goals]))
    opening = Section("", 0, "", outline.opening)
    for section in (opening, *outline.sections):
        if plan == AT_HOME or not section.minutes or section.taught_in(plan):
            made += _of_section(section, ds)
    return made


def write_deck(outline: Outline, ds: Dataset, slides: Sequence[Slide], following: Outline | None = None) -> str:
    """One page that holds the slides, what moves them and the speaker's view; it asks nothing of any network."""
    reveal = {file.name: Markup(file.read_text("utf-8")) for file in sorted((_HERE / "reveal").glob("reveal.*"))}
    return page_template(_HERE, "slides.html.jinja").render(
        outline=outline,
        dataset=ds.name,
        goals=translated(_GOALS),
        slides=slides,
        following=following,
        wide=WIDE,
        high=HIGH,
        style=reveal["reveal.css"] + _own("slides.css"),
        scripts=[reveal["reveal.js"], _own("reveal/notes.js"), _own("slides.js")],
    )


def write_contents(outlines: Sequence[Outline], ds: Dataset) -> str:
    """A page that leads to each notebook's slides, which lie beside it."""
    return page_template(_HERE, "decks.html.jinja").render(outlines=outlines, dataset=ds.name)


def _own(name: str) -> Markup:
    return Markup((_HERE / name).read_text("utf-8"))


def _first(outline: Outline) -> Slide:
    minutes = phrase("{n} minutes", n=outline.minutes) if outline.minutes else ""
    return Slide("start", outline.number, _inline(outline.title), [_inline(outline.question)], small=minutes)


def _of_section(section: Section, ds: Dataset) -> Iterator[Slide]:
    if section.minutes:
        read = translated("Read aloud, in your own words")
        said = [(read, _block(c.source)) for c in section.cells if c.cell_type == "markdown"]
        told = phrase("{n} minutes; taught in: {plan}", n=section.minutes, plan=translated(section.plan))
        time = (translated("Time"), Markup(escape(told)))
        yield Slide("section", "", _inline(section.title), small=f"{section.minutes} min", notes=[time, *said])
    seen = False
    for cell in section.cells:
        if "decide" in cell.metadata.get("tags", []) and cell.cell_type == "markdown":
            blocks = [_block(part) for part in re.split(r"\n{2,}", _HEADINGS.sub("", cell.source)) if part.strip()]
            yield Slide("text", section.title, items=blocks)
        elif number := exercise_in(cell):
            yield from _exercise(number, ds)
        elif has_quiz(cell):
            yield from _quiz(cell)
        elif cell.cell_type == "code":
            for slide in _of_cell(cell, section.title):
                seen |= slide.kind == "picture"
                if seen or slide.kind != "sentence":  # what is said before the picture would answer its question
                    yield slide


def _of_cell(cell: NotebookNode, head: str) -> Iterator[Slide]:
    """What a cell shows: question and picture, finding, why it was left out, and its code if it is to be shown."""
    tags, words, outputs = set(cell.metadata.get("tags", [])), course_of(cell), list(shown(cell))
    if "slide" in tags:
        yield Slide("code", head, Markup("<pre><code>{}</code></pre>").format(cell.source))
    captions = [data.get("text/plain", "") for kind, data, _ in outputs if kind == "caption"]
    notes = [(translated(name), _inline(words[word])) for name, word in _REPLIES if word in words]
    for kind, data, about in outputs:
        if kind == "figure" and "image/png" in data:
            if "ask" in words:
                yield Slide("question", head, _inline(words["ask"]), notes=notes)
            title, small = str(about.get("title") or translated("picture")), captions.pop(0) if captions else ""
            for part in _bands(str(data["image/png"])):
                yield Slide("picture", head, picture=part, words=title, small=small, notes=notes)
        elif kind == "sentence" and tags & {"finding", "report"}:
            yield Slide("finding" if "finding" in tags else "sentence", head, _clean(data.get("text/html", "")))
        elif kind == "skipped" and "ask" in words:
            yield Slide("left-out", head, Markup(escape(data.get("text/plain", ""))))


def _bands(png: str) -> list[str]:
    """A picture that is higher than wide, cut where nothing is drawn, so that each part can be read; else itself."""
    image = Image.open(io.BytesIO(b64decode(png))).convert("RGB")
    count = math.ceil(image.height / (_FLAT * image.width))
    if image.height <= image.width:
        return [png]
    rows = np.asarray(image)
    empty = (rows == rows[:, :1]).all(axis=(1, 2))
    reach, cuts = image.height // (4 * count), [0]
    for place in (image.height * n // count for n in range(1, count)):
        near = [row for row in range(place - reach, place + reach) if empty[row]]
        if not near:
            return [png]
        cuts.append(min(near, key=lambda row: abs(row - place)))
    return [_png(image.crop((0, top, image.width, foot))) for top, foot in pairwise([*cuts, image.height])]


def _png(image: Image.Image) -> str:
    made = io.BytesIO()
    image.save(made, format="PNG", optimize=True)
    return b64encode(made.getvalue()).decode("ascii")


_REPLIES = ((message("They say"), "expect"), (message("Reply"), "reply"))


def _exercise(number: str, ds: Dataset) -> Iterator[Slide]:
    """An exercise, unless the dataset can't support it; what is right where it needs no frame of the notebook."""
    found = assignment(number)
    if found is None:
        return
    told = answers_of(found, ds, _not_here)
    if told["why_not"] and told["why_not"] != str(_NOT_HERE):
        return
    solution = Markup("<pre>{}</pre>").format(found.solution)
    notes = [(translated("Hint"), _filled(found.hint)), (translated("A solution"), solution)]
    if "right" in told:
        wrong = Markup("").join(Markup("<li>{}: {}</li>").format(value, words) for value, words in told["wrong"])
        right = (translated("Right"), Markup(escape(told["right"])))
        notes = [right, *notes, (translated("They get"), Markup("<ul>{}</ul>").format(wrong))]
        notes.append((translated("When it is right, say"), _filled(found.means, right=told["right"])))
    head = phrase("Exercise {number}", number=number)
    yield Slide("exercise", head, _filled(found.ask), small=told["unit"], notes=notes)


def _filled(template: str, **values: Any) -> Markup:
    """The words of an exercise as the notebook shows them: nothing in a client's text becomes markup."""
    return _clean(with_code(template, values))


_NOT_HERE = CannotAnswer("The notebook gives it.", "Look into the notebook.")


def _not_here(name: str) -> Any:
    raise _NOT_HERE


def _quiz(cell: NotebookNode) -> Iterator[Slide]:
    """The questions as the executed notebook shows them, one a slide; without it, only that there are some."""
    markup = next((data.get("text/html", "") for kind, data, _ in shown(cell) if kind == "quiz"), "")
    asked: list[Slide] = []
    for part in BeautifulSoup(markup, "html.parser").select(".clv-quiz > *"):
        if part.name == "p":
            number, text = part.find("strong"), part.decode_contents()
            place = number.get_text() if number else ""
            asked.append(Slide("quiz", f"Quiz · {place.rstrip('.')}", _clean(text.removeprefix(str(number)).strip())))
        elif part.name == "details" and asked and (choice := part.find("summary")) and (why := part.find("p")):
            last, said = asked[-1], _clean(choice.decode_contents())
            note = (f"{'abcdef'[len(last.items)]})", _clean(why.decode_contents()))
            asked[-1] = Slide("quiz", last.head, last.text, [*last.items, said], notes=[*last.notes, note])
    yield from asked or [
        Slide("quiz", "Quiz", Markup(translated("Five questions, in the notebook. Its answers open by clicking.")))
    ]


def _clean(markup: Any) -> Markup:
    """Markup in a line, without anything that could act or load."""
    return Markup(bleach.clean(str(markup), tags=_TAGS - {"p"}, attributes={}, strip=True))


def _inline(text: str) -> Markup:
    """A line of a notebook: emphasis and code stay, links lead nowhere."""
    found = BeautifulSoup(markdown2html(_NUMBERED.sub(r"\1\\.", _LINKS.sub(r"\1", text))), "html.parser")
    return _clean(found.decode_contents().strip())


def _block(text: str) -> Markup:
    """A text of a notebook, without its headings and links."""
    shown_as = markdown2html(_LINKS.sub(r"\1", _HEADINGS.sub("", text)))
    return Markup(bleach.clean(shown_as, tags=_TAGS, attributes={}, strip=True))
