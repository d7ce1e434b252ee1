"""A template and its values → a page of one file: its style in it, allowed by its hash, and all texts escaped."""

import hashlib
from base64 import b64encode
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from clvlib.dataset import Dataset
from clvlib.show import wording

_HERE = Path(__file__).parent


def rendered(template: str, *styles: str, **values: Any) -> str:
    """The page of a template of this folder; it knows `hash`, and `style`: the style sheets, one after the other."""
    pages = Environment(
        loader=FileSystemLoader(_HERE), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    style = "".join((_HERE / name).read_text("utf-8") for name in styles)
    return pages.get_template(template).render(hash=_sha256, style=style, **values)


def period_of(ds: Dataset) -> str:
    """What time a dataset covers, and in what its amounts are."""
    if not ds.sells:
        return f"Subscriptions as of {wording.date(ds.as_of)}, amounts in {ds.currency}"
    return f"Purchases from {wording.date(ds.starts)} to {wording.date(ds.as_of)}, amounts in {ds.currency}"


def _sha256(text: str) -> str:
    return b64encode(hashlib.sha256(text.encode()).digest()).decode()
