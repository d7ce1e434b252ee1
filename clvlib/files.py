"""Files that are there whole or not at all, and where the project's own are."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_PACKAGE = Path(__file__).parent
CHECKOUT = _PACKAGE.parent if (_PACKAGE.parent / "requirements.lock").is_file() else None  # None: a package


def own(folder: str) -> Path:
    """Give the folder of the bundled ``data`` or ``notebooks``: of the checkout, or inside the installed package."""
    return (CHECKOUT or _PACKAGE / "bundled") / folder


@contextmanager
def replacing(target: Path) -> Iterator[Path]:
    """Give a path to write to; it takes the target's place when the block ends well, and vanishes when it doesn't."""
    partial = target.with_name(f".{target.name}.partial")
    try:
        yield partial
        os.replace(partial, target)
    finally:
        partial.unlink(missing_ok=True)


def write_text(target: Path, text: str) -> None:
    """Write UTF-8 text, whole or not at all."""
    with replacing(target) as partial:
        partial.write_text(text, encoding="utf-8", newline="\n")
