"""Executed notebooks → report.html: one file, no code, no request to anywhere, read by a director or on a phone."""

import html
import io
import re
from base64 import b64decode, b64encode
from collections.abc import Mapping
from copy import deepcopy
from pathlib import Path
from typing import Any

import bleach  # type: ignore[import-untyped]
import nbformat
from nbconvert import HTMLExporter
from nbformat import NotebookNode
from PIL import Image
from traitlets.config import Config

from clvlib.dataset import Dataset
from clvlib.files import write_text
from clvlib.run.outcome import LeftOut, Outcome
from clvlib.show import wording
from clvlib.show.output import stated

MOST_BYTES = 5_000_000
_STYLE = Path(__file__).with_name("report.css")
_TAGS = {
    *("a", "b", "blockquote", "br", "caption", "code", "dd", "del", "details", "div", "dl", "dt", "em", "figcaption"),
    *("h1", "h2", "h3", "h4", "h5", "h6", "hr", "i", "li", "ol", "p", "pre", "span", "strong", "sub", "summary"),
    *("sup", "table", "tbody", "td", "th", "thead", "tr", "ul"),
}
_ATTRIBUTES = {"*": ["class", "id", "colspan", "rowspan", "scope"], "a": ["href", "title", "class"]}
_SHOWN = ("text/html", "text/markdown", "image/png", "text/plain")


def write_report(ds: Dataset, executed: Mapping[str, NotebookNode], outcomes: list[Outcome], target: Path) -> None:
    """Write the report of a run.

    `executed` maps the names of notebooks to their executed content, in the order of the tour. Pictures are made
    smaller until the file is under 5 MB.
    """
    wording.write_for(ds.locale, ds.currency)
    notebooks = {name: _readable(notebook) for name, notebook in executed.items()}
    page = compose(ds, notebooks, outcomes)
    for share in (0.7, 0.5, 0.35):
        if len(page.encode()) < MOST_BYTES:
            break
        page = compose(ds, {name: _shrunk(notebook, share) for name, notebook in notebooks.items()}, outcomes)
    write_text(target, page)


def compose(ds: Dataset, notebooks: Mapping[str, NotebookNode], outcomes: list[Outcome]) -> str:
    """Give the whole page: assumptions, headlines, what was left out, contents, then every notebook."""
    chapters = {name: _chapter(name, notebook, list(notebooks)) for name, notebook in notebooks.items()}
    title = f"Customer lifetime value · {ds.name}"
    observed = f"Purchases from {wording.date(ds.starts)} to {wording.date(ds.as_of)}, amounts in {ds.currency}."
    if not ds.sells:
        observed = f"Subscriptions as of {wording.date(ds.as_of)}, amounts in {ds.currency}."
    body = "\n".join(
        [
            f"<header><h1>{html.escape(title)}</h1>\n<p>{html.escape(observed)}</p></header>",
            _assumptions(ds),
            _warnings(ds),
            _headlines(notebooks),
            _what_was_left_out(outcomes),
            _contents(chapters),
            *(f'<section class="notebook" id="{name}">\n{chapter}\n</section>' for name, chapter in chapters.items()),
        ]
    )
    return (
        f'<!DOCTYPE html>\n<html lang="{wording.language()}">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta http-equiv="Content-Security-Policy" '
        "content=\"default-src 'none'; img-src data:; style-src 'unsafe-inline'\">\n"
        f"<title>{html.escape(title)}</title>\n<style>\n{_STYLE.read_text('utf-8')}</style>\n</head>\n"
        f"<body>\n<main>\n{body}\n</main>\n</body>\n</html>\n"
    )


def _warnings(ds: Dataset) -> str:
    """What was noticed in the data that may change the figures, whichever notebooks were run."""
    found = [problem for problem in ds.problems if problem.grade == "warning"]
    if not found:
        return ""
    lines = "\n".join(f"<li>{html.escape(str(problem))}</li>" for problem in found)
    return f"<details><summary>What was noticed in the data ({len(found)})</summary>\n<ul>\n{lines}\n</ul></details>"


def left_out(notebook: NotebookNode) -> list[LeftOut]:
    """List the sections that an executed notebook left out."""
    abouts = [about for _, about in _outputs(notebook) if about.get("kind") == "skipped"]
    return [LeftOut(str(about["section"]), str(about["reason"]), str(about.get("builds_on", ""))) for about in abouts]


def headlines(notebook: NotebookNode) -> list[NotebookNode]:
    """Give the outputs that were marked as headlines, in their order."""
    return [output for output, about in _outputs(notebook) if about.get("headline") or about.get("kind") == "headline"]


def _outputs(notebook: NotebookNode) -> list[tuple[NotebookNode, dict[str, Any]]]:
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    return [(output, dict(output.get("metadata", {}).get("clv", {}))) for output in outputs]


def _readable(notebook: NotebookNode) -> NotebookNode:
    """Keep of the outputs what can be read on paper, and give the pictures their titles for who can't see them."""
    copy = nbformat.v4.new_notebook(cells=deepcopy(notebook.cells))
    for cell in copy.cells:
        if cell.cell_type != "code":
            continue
        cell.outputs = [output for output in cell.outputs if _is_readable(output)]
        for output in cell.outputs:
            output.data = nbformat.from_dict({kind: output.data[kind] for kind in _SHOWN if kind in output.data})
            about = output.metadata.get("clv", {})
            output.metadata.setdefault("image/png", {})["alt"] = about.get("title") or "figure"
    return copy


def _is_readable(output: NotebookNode) -> bool:
    data = output.get("data", {})
    return bool(data) and not any("widget" in kind for kind in data)


def _exporter() -> HTMLExporter:
    config = Config({"HTMLExporter": {"sanitize_html": True, "exclude_anchor_links": True}})
    config.TemplateExporter.exclude_input = True
    config.TemplateExporter.exclude_output_prompt = True
    return HTMLExporter(template_name="basic", config=config, filters={"clean_html": _clean})


def _clean(markup: Any) -> str:
    return bleach.clean(str(markup), tags=_TAGS, attributes=_ATTRIBUTES, strip=True)


def _chapter(name: str, notebook: NotebookNode, present: list[str]) -> str:
    body, _ = _exporter().from_notebook_node(notebook)
    return _mend_links(_renumber_headings(_without_ids(body), name), present)


def _without_ids(body: str) -> str:
    # Headlines stand in the page twice, and ids may not.
    return re.sub(r' id="cell-id=[^"]*"', "", body)


def _renumber_headings(body: str, name: str) -> str:
    """Put the notebook's headings one level below the report's title, with ids of their own."""
    found = iter(range(1, len(body)))

    def lower(match: re.Match[str]) -> str:
        level = min(int(match[1]) + 1, 6)
        return f'<h{level} id="{name}-{next(found)}">{match[2]}</h{level}>'

    return re.sub(r"<h([1-6])[^>]*>(.*?)</h\1>", lower, body, flags=re.DOTALL)


def _mend_links(body: str, present: list[str]) -> str:
    """Lead links to notebooks to their chapters; links to other files of the project have nothing to lead to."""

    def lead(match: re.Match[str]) -> str:
        stem = match[1].removesuffix(".ipynb")
        return f'href="#{stem}"' if stem in present else 'class="elsewhere"'

    return re.sub(r'href="(?!https?://|#|mailto:)([^"]*)"', lead, body)


def _headlines(notebooks: Mapping[str, NotebookNode]) -> str:
    cells = [nbformat.v4.new_code_cell("", outputs=headlines(notebook)) for notebook in notebooks.values()]
    if not any(cell.outputs for cell in cells):
        return ""
    body, _ = _exporter().from_notebook_node(nbformat.v4.new_notebook(cells=cells))
    return f'<section id="headlines">\n<h2>In short</h2>\n{_without_ids(body)}\n</section>'


def _assumptions(ds: Dataset) -> str:
    rows = [
        f'<tr><th scope="row">{_text(row["name"])}</th><td>{html.escape(stated(row["name"], row["value"]))}</td>'
        f"<td>{_text(row['origin'])}</td><td>{_text(row['meaning'])}</td></tr>"
        for row in ds.assumptions.to_dict("records")
    ]
    assumed = len(ds.assumed)
    note = "All of these values were stated for this business."
    if assumed:
        note = (
            f"{wording.count(assumed)} of these {wording.count(len(rows))} values are defaults or not confirmed: "
            "nobody stated them for this business. Every figure that rests on them is only as good as they are; state "
            "them in the card."
        )
    table = (
        '<div class="clv-table"><table><thead><tr><th scope="col">assumption</th><th scope="col">value</th>'
        '<th scope="col">from</th><th scope="col">meaning</th></tr></thead>\n'
        f"<tbody>{''.join(rows)}</tbody></table></div>"
    )
    return f'<section id="assumptions">\n<h2>What the figures rest on</h2>\n<p>{note}</p>\n{table}\n</section>'


def _text(value: Any) -> str:
    return html.escape("not known" if wording.is_missing(value) else str(value).replace("_", " "))


def _what_was_left_out(outcomes: list[Outcome]) -> str:
    items = []
    for outcome in outcomes:
        name = f"<strong>{html.escape(outcome.notebook)}</strong>"
        if outcome.status == "failed":
            reason = outcome.error.strip().splitlines()[0] if outcome.error else "it failed"
            items.append(f"<li>{name}, the whole notebook: it failed. {html.escape(reason)}</li>")
        elif outcome.status != "done":
            items.append(f"<li>{name}, the whole notebook: {html.escape(outcome.status)} in this run.</li>")
        causes = [part for part in outcome.skipped if not part.builds_on]
        items += [f"<li>{name}, {html.escape(part.section)}: {html.escape(part.reason)}</li>" for part in causes]
        rest = [html.escape(part.section) for part in outcome.skipped if part.builds_on]
        if rest:
            items.append(f"<li>{name}, because they build on these: {', '.join(rest)}.</li>")
    content = (
        f"<ul>{''.join(items)}</ul>" if items else "<p>Nothing: every section could be computed from this data.</p>"
    )
    return f'<section id="left-out">\n<h2>What was left out</h2>\n{content}\n</section>'


def _contents(chapters: Mapping[str, str]) -> str:
    entries = []
    for name, chapter in chapters.items():
        found = re.findall(r'<h([23]) id="([^"]*)">(.*?)</h\1>', chapter, flags=re.DOTALL)
        heads = [(level, anchor, re.sub(r"<[^>]+>", "", words)) for level, anchor, words in found]
        title = next((words for level, _, words in heads if level == "2"), html.escape(name))
        below = "".join(f'<li><a href="#{anchor}">{words}</a></li>' for level, anchor, words in heads if level == "3")
        entries.append(f'<li><a href="#{name}">{title}</a>{f"<ul>{below}</ul>" if below else ""}</li>')
    return f'<nav id="contents">\n<h2>Contents</h2>\n<ul>{"".join(entries)}</ul>\n</nav>'


def _shrunk(notebook: NotebookNode, share: float) -> NotebookNode:
    smaller = deepcopy(notebook)
    for cell in smaller.cells:
        for output in cell.get("outputs", []):
            if "image/png" in output.data:
                output.data["image/png"] = _smaller_picture(output.data["image/png"], share)
    return smaller


def _smaller_picture(picture: str, share: float) -> str:
    image = Image.open(io.BytesIO(b64decode(picture))).convert("RGB")
    size = (round(image.width * share), round(image.height * share))
    buffer = io.BytesIO()
    image.resize(size, Image.Resampling.LANCZOS).quantize(colors=128).save(buffer, format="PNG", optimize=True)
    return b64encode(buffer.getvalue()).decode("ascii")
