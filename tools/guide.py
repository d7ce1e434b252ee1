"""The notebooks as they are committed → docs/trainer.md and docs/trainer.html (`make refresh`).

python -m tools.guide
"""

from importlib import import_module
from pathlib import Path

from clvlib.course import guide
from clvlib.course.outline import read_outlines
from clvlib.files import own, write_text

DOCS = Path(__file__).parents[1] / "docs"
GUIDE, PAGE = DOCS / "trainer.md", DOCS / "trainer.html"
DATASET = "demo"


def guide_as_committed() -> str:
    """The guide that the committed notebooks give."""
    made = import_module("tests.course.given")  # knows how notebooks make what they give their exercises
    outlines = read_outlines(own("notebooks"))
    return guide.write_guide(outlines, made.loaded(DATASET), lambda name: made.given(DATASET, name))


def main() -> None:
    """Write both files."""
    text = guide_as_committed()
    write_text(GUIDE, text)
    write_text(PAGE, guide.as_page(text))
    print(f"{GUIDE.name}: {len(text.split()):,} words; {PAGE.name}: {PAGE.stat().st_size // 1000} kB.")


if __name__ == "__main__":
    main()
