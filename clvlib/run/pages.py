"""A template and its values → a page of one file: its style in it, allowed by its hash, and all texts escaped."""

import hashlib
from base64 import b64encode
from pathlib import Path
from typing import Any

from clvlib import wording
from clvlib.dataset import Dataset
from clvlib.language import phrase
from clvlib.templates import page_template

_HERE = Path(__file__).parent


def rendered(template: str, *styles: str, **values: Any) -> str:
    """The page of a template of this folder; it knows `hash`, and `style`: the style sheets, one after the other."""
    style = "".join((_HERE / name).read_text("utf-8") for name in styles)
    return page_template(_HERE, template).render(hash=_sha256, style=style, **values)


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
