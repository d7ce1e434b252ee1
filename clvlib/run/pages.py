"""A template and its values → a page of one file: its style in it, allowed by its hash, and all texts escaped."""

import hashlib
from base64 import b64encode
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from clvlib.dataset import Dataset
from clvlib.language import Template, message, phrase, translated, word
from clvlib.show import wording

_HERE = Path(__file__).parent


def rendered(template: str, *styles: str, **values: Any) -> str:
    """The page of a template of this folder; it knows `hash`, and `style`: the style sheets, one after the other."""
    pages = Environment(
        loader=FileSystemLoader(_HERE), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    pages.globals |= {"phrase": _phrase, "message": message, "word": word}
    style = "".join((_HERE / name).read_text("utf-8") for name in styles)
    return pages.get_template(template).render(hash=_sha256, style=style, **values)


class _Marked(Template):
    """A template whose own markup is one of ours, and that of its values is none."""

    def format_value(self, value: Any, spec: str) -> str:
        return str(escape(super().format_value(value, spec)))


def _phrase(template: str, **values: Any) -> Markup:
    """As `phrase`, for a page."""
    return Markup(_Marked().vformat(translated(template), (), values))


def period_of(ds: Dataset) -> str:
    """What time a dataset covers, and in what its amounts are."""
    if not ds.sells:
        return phrase(
            "Subscriptions as of {end}, amounts in {currency}", end=wording.date(ds.as_of), currency=ds.currency
        )
    return phrase(
        "Purchases from {start} to {end}, amounts in {currency}",
        start=wording.date(ds.starts),
        end=wording.date(ds.as_of),
        currency=ds.currency,
    )


def _sha256(text: str) -> str:
    return b64encode(hashlib.sha256(text.encode()).digest()).decode()
