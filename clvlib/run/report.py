"""Executed notebooks → report.html: one file, no request to anywhere, read by a director or on a phone.

First the board; then what can be tried, a chapter per notebook (`chapters`), what was left out, and an appendix.
"""

import io
import tomllib
from base64 import b64decode, b64encode
from collections.abc import Hashable
from importlib.metadata import version
from itertools import groupby
from pathlib import Path
from typing import Any

import pandas as pd
from PIL import Image

from clvlib import wording
from clvlib.dataset import Dataset
from clvlib.files import write_text
from clvlib.language import phrase, translated, word
from clvlib.run.chapters import Content, Drawn
from clvlib.run.outcome import Outcome
from clvlib.run.pages import period_of, rendered
from clvlib.run.sliders import to_try
from clvlib.show import glossary
from clvlib.show.output import stated

MOST_BYTES = 5_000_000
BOARD = (  # which tile stands where
    *("Value of the base", "Revenue expected", "CLV of a new customer", "CAC", "CLV : CAC", "Payback"),
    *("Buy again within a year", "At stake with active customers"),
)
DECISIONS = 3
MADE_WITH = ("clvlib", "pandas", "scikit-learn", "lifetimes")
_HERE = Path(__file__).parent


def write_report(
    ds: Dataset, content: Content, outcomes: list[Outcome], target: Path, earlier: Path | None = None
) -> None:
    """Write the report of a run.

    Pictures are made smaller until the file is under 5 MB. earlier: the folder of the run before, named by its day,
    beside the folder that the target is to lie in.
    """
    ds.speak()
    wording.write_for(ds.locale, ds.currency)
    page = compose(ds, content, outcomes, earlier)
    for share in (0.7, 0.5, 0.35):
        if len(page.encode()) < MOST_BYTES:
            break
        for picture in (picture for chapter in content.chapters for picture in chapter.pictures):
            picture.png = _smaller(picture, share)
        page = compose(ds, content, outcomes, earlier)
    write_text(target, page)


def compose(ds: Dataset, content: Content, outcomes: list[Outcome], earlier: Path | None) -> str:
    """Give the whole page."""
    told = {tile["name"]: tile for tile in content.tiles}
    words = _words()
    return rendered(
        "report.html.jinja",
        "report.css",
        ds=ds,
        earlier=earlier and {"day": wording.date(earlier.name), "place": f"../{earlier.name}/report.html"},
        period=period_of(ds),
        script=(_HERE / "report.js").read_text("utf-8"),
        **to_try(ds, content.offered),
        content=content,
        tiles=[told.get(name, name) for name in map(translated, BOARD)] if told else [],
        decisions=content.decisions[:DECISIONS],
        titles={chapter.name: chapter.title for chapter in content.chapters},
        assumptions=[{**row, "value": stated(row["name"], row["value"])} for row in ds.assumptions.to_dict("records")],
        assumed=set(ds.assumed["name"]),
        ledger=_ledger(ds.ledger),
        problems=[problem for problem in ds.problems if problem.grade == "warning"],
        left_out=not_told(outcomes),
        failed=[outcome for outcome in outcomes if outcome.status == "failed"],
        glossary=glossary.used_in(_said(content)),
        methods={name: said for name, said in words["methods"].items() if name in {c.name for c in content.chapters}},
        versions={name: version(name) for name in MADE_WITH},
        missing=wording.is_missing,
    )


def _said(content: Content) -> str:
    """What the board says, and every chapter finds, shows and leaves to decide, for the terms in it."""
    parts = [content.state, *content.since, *content.offered, *map(str, content.tiles + content.decisions)]
    for chapter in content.chapters:
        parts += [chapter.title, *chapter.findings, chapter.decide, *(drawn.title for drawn in chapter.pictures)]
    return " ".join(map(str, parts))


def _ledger(ledger: pd.DataFrame) -> list[dict[Hashable, Any]]:
    """The ledger, rows and money in words; what is of no row says nothing."""
    shown = ledger[ledger["rows"] > 0]
    money = ["" if wording.is_missing(paid) else wording.money(paid) for paid in shown["money"]]
    return shown.assign(rows=shown["rows"].map(wording.count), money=money).to_dict("records")


def not_told(outcomes: list[Outcome]) -> list[dict[str, Any]]:
    """What couldn't be told: by reason, the sections and what to bring. What only builds on another isn't named."""
    bring = _words()["bring"]
    parts = [part for outcome in outcomes for part in outcome.skipped if not part.builds_on]
    rows = []
    for (what, mend, table), same in groupby(sorted(parts, key=lambda part: part.cause), key=lambda part: part.cause):
        why = phrase("The data hold no {table}.", table=word(table.replace("_", " "))) if table else what
        sections = list(dict.fromkeys(part.section for part in same))
        rows.append({"sections": sections, "why": why, "bring": translated(bring[table]) if table in bring else mend})
    for outcome in outcomes:
        if outcome.status not in ("done", "failed"):
            why = phrase("The whole notebook: {why}.", why=translated(outcome.status))
            rows.append({"sections": [outcome.notebook], "why": why, "bring": ""})
    return rows


def _words() -> dict[str, dict[str, str]]:
    return tomllib.loads((_HERE / "words.toml").read_text("utf-8"))


def _smaller(picture: Drawn, share: float) -> str:
    image = Image.open(io.BytesIO(b64decode(picture.png))).convert("RGB")
    size = (round(image.width * share), round(image.height * share))
    buffer = io.BytesIO()
    image.resize(size, Image.Resampling.LANCZOS).quantize(colors=128).save(buffer, format="PNG", optimize=True)
    return b64encode(buffer.getvalue()).decode("ascii")
