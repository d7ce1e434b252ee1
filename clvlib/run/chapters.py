"""Executed notebooks → what the report shows of them: chosen by tags of their cells, cleaned of all that could act.

Tags: `finding` (the sentence at a chapter's head), `report` (pictures, tables, further sentences), `decide` (text: what
to decide, what it can't tell), `state` (the board's sentence), `since` (what became of an earlier run), `appendix`
(tables). Tiles, decisions and offers are found by their kind.
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import bleach  # type: ignore[import-untyped]
from bs4 import BeautifulSoup
from markupsafe import Markup
from nbconvert.filters.markdown import markdown2html
from nbformat import NotebookNode

from clvlib.run.outcome import LeftOut

_TAGS = {
    *("b", "br", "caption", "code", "div", "em", "i", "li", "ol", "p", "strong", "sub", "sup"),
    *("table", "tbody", "td", "th", "thead", "tr", "ul"),
}
_ATTRIBUTES = {"*": ["class", "colspan", "rowspan", "scope"]}


@dataclass
class Drawn:
    """A picture (PNG in base64), its title for who can't see it, its width in pixels, and its caption."""

    png: str
    title: str
    width: int
    caption: str = ""


@dataclass
class Table:
    """A table as clean markup, its caption, and the file in the notebook's part that holds it with all digits."""

    markup: Markup
    caption: str
    file: str
    chapter: str


@dataclass
class Chapter:
    """What the report shows of one notebook. Texts are clean markup."""

    name: str
    title: str
    findings: list[Markup] = field(default_factory=list)
    sentences: list[Markup] = field(default_factory=list)
    pictures: list[Drawn] = field(default_factory=list)
    tables: list[Table] = field(default_factory=list)
    decide: Markup = field(default_factory=Markup)

    def __bool__(self) -> bool:
        return bool(self.findings or self.sentences or self.pictures or self.tables)


@dataclass
class Content:
    """All that executed notebooks give to the report. tiles, decisions: as `show.board` tells them, with `chapter`;
    offered: by name, what can be moved or switched in the page; since: what became of an earlier run."""

    chapters: list[Chapter]
    state: Markup
    tiles: list[dict[str, Any]]
    decisions: list[dict[str, Any]]
    appendix: list[Table]
    offered: dict[str, Any]
    since: list[Markup]


def gather(executed: Mapping[str, NotebookNode]) -> Content:
    """Gather what is tagged, in the order of the notebooks; `executed` maps their names to their content."""
    content = Content([], Markup(""), [], [], [], {}, [])
    for name, notebook in executed.items():
        chapter = Chapter(name, str(notebook.metadata.get("title", name)))
        for cell in notebook.cells:
            tags = cell.metadata.get("tags", [])
            if "decide" in tags and cell.cell_type == "markdown":
                chapter.decide = _text(cell.source)
            for data, about in outputs(cell):
                _place(content, chapter, tags, data, about)
        content.chapters += [chapter] if chapter else []
    content.decisions.sort(key=lambda decision: (not decision["sure"], -decision["size"]))
    return content


def _place(content: Content, chapter: Chapter, tags: list[str], data: Mapping[str, Any], about: dict[str, Any]) -> None:
    kind = about.get("kind")
    if kind == "sentence" and "since" in tags:
        content.since.append(inert(data.get("text/html", "")))
    if kind == "tile":
        more = {"line": about.get("line", []), "value": about.get("value"), "chapter": chapter.name}
        content.tiles.append({**about["tile"], **more})
    elif kind == "decision":
        size, sure = about.get("size", 0.0), about.get("sure", False)
        content.decisions.append({**about["decision"], "size": size, "sure": sure, "chapter": chapter.name})
    elif kind == "offer":
        content.offered[str(about["name"])] = json.loads(about["data"])
    elif kind == "sentence" and "state" in tags:
        content.state = inert(data.get("text/html", ""))
    elif kind == "sentence" and "finding" in tags:
        chapter.findings.append(inert(data.get("text/html", "")))
    elif kind == "sentence" and "report" in tags:
        chapter.sentences.append(inert(data.get("text/html", "")))
    elif kind == "table" and "appendix" in tags:
        content.appendix.append(_table(chapter, data.get("text/html", ""), about))
    elif kind == "table" and "report" in tags:
        chapter.tables.append(_table(chapter, data.get("text/html", ""), about))
    elif kind == "figure" and "report" in tags and "image/png" in data:
        chapter.pictures.append(Drawn(data["image/png"], str(about.get("title") or "figure"), int(about["width"])))
    elif kind == "caption" and "report" in tags and chapter.pictures:
        chapter.pictures[-1].caption = str(data.get("text/plain", ""))


def outputs(cell: NotebookNode) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    """Each output of a cell: its data, and what `show` told of it (with the width of a picture)."""
    for output in cell.get("outputs", []):
        about = dict(output.get("metadata", {}).get("clv", {}))
        wide = output.get("metadata", {}).get("image/png", {}).get("width", 0)
        yield dict(output.get("data", {})), about | {"width": wide}


def left_out(notebook: NotebookNode) -> list[LeftOut]:
    """List the sections that an executed notebook left out."""
    abouts = [about for cell in notebook.cells for _, about in outputs(cell) if about.get("kind") == "skipped"]
    names = ("section", "reason", "builds_on", "what", "mend", "table")
    return [LeftOut(*(str(about.get(name, "")) for name in names)) for about in abouts]


def inert(markup: Any) -> Markup:
    """Markup without anything that could act or load."""
    return Markup(bleach.clean(str(markup), tags=_TAGS, attributes=_ATTRIBUTES, strip=True))


def _text(source: str) -> Markup:
    """A text of a notebook without its headings; nothing in it leads anywhere."""
    return inert(markdown2html(re.sub(r"(?m)^#+ .*$", "", source)))


def _table(chapter: Chapter, markup: str, about: Mapping[str, Any]) -> Table:
    """A table whose cells know their heading, so that a narrow screen can write each row as a list."""
    soup = BeautifulSoup(inert(markup), "html.parser")
    for table in soup.find_all("table"):
        heads = [head.get_text() for head in table.select("thead th")]
        for row in table.select("tbody tr"):
            for cell, head in zip(row.find_all(["td", "th"]), heads, strict=False):
                cell["data-label"] = head
    caption = soup.find("caption")
    return Table(Markup(str(soup)), caption.get_text() if caption else "", str(about.get("file", "")), chapter.name)
