"""The committed notebooks → the picture in the README: what a screen shows first of the demo shop's report.

python -m tools.picture [--again]

It is taken anew only where the board says something else than the picture does: fonts differ between machines. --again
takes it in any case. Its text `board` holds what the board said, which a test compares with the notebooks.
"""

import io
import shutil
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import nbformat
from bs4 import BeautifulSoup
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from clvlib import load
from clvlib.run import chapters, report
from clvlib.run.outcome import Outcome
from clvlib.run.refresh import NOTEBOOKS

if TYPE_CHECKING:
    from playwright.sync_api import Browser

PICTURE = Path(__file__).parents[1] / "docs" / "board.png"
BROWSERS = (
    *("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome", "msedge", "microsoft-edge"),
)
ARGUMENTS = [
    *("--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"),
    *("--disable-sync", "--no-first-run"),
]
_WIDE, _COLOURS = 1280, 64


def report_as_committed(target: Path) -> None:
    """Write the report of the demo shop from the notebooks as they are committed."""
    executed = {file.stem: nbformat.read(file, as_version=4) for file in sorted(NOTEBOOKS.glob("[0-9]*.ipynb"))}
    outcomes = [Outcome(name, "done", skipped=chapters.left_out(made)) for name, made in executed.items()]
    report.write_report(load("demo"), chapters.gather(executed), outcomes, target)


def board_says(page: str) -> str:
    """Give the words of a report's board, one a line: the business in a sentence, tiles, decisions."""
    parts = BeautifulSoup(page, "html.parser").select(".state, .tiles li, .decisions li")
    return "\n".join(" ".join(part.get_text(" ").split()) for part in parts)


def picture_says(picture: Path) -> str:
    """Give what the board said when a picture was taken; nothing where there is none."""
    if not picture.exists():
        return ""
    with Image.open(picture) as image:
        return str(getattr(image, "text", {}).get("board", ""))


def installed_browser() -> str | None:
    """Find a browser that can be driven: Chromium, Chrome or Edge; None without any."""
    return next((path for path in map(shutil.which, BROWSERS) if path), None)


def take(browser: "Browser", page: Path, target: Path) -> None:
    """Take the picture of a report's board, in few colours."""
    shown = browser.new_page(viewport={"width": _WIDE, "height": 900}, color_scheme="light")
    shown.goto(page.as_uri())
    foot = shown.locator(".decisions").evaluate("part => part.getBoundingClientRect().bottom")
    taken = shown.screenshot(full_page=True, clip={"x": 0, "y": 0, "width": _WIDE, "height": round(foot) + 16})
    shown.close()
    words = PngInfo()
    words.add_itxt("board", board_says(page.read_text("utf-8")))
    image = Image.open(io.BytesIO(taken)).convert("RGB").quantize(_COLOURS, dither=Image.Dither.NONE)
    image.save(target, format="PNG", optimize=True, pnginfo=words)


def main() -> None:
    """Take the picture where it isn't that of the notebooks."""
    from playwright.sync_api import sync_playwright

    with tempfile.TemporaryDirectory() as folder:
        page = Path(folder) / "report.html"
        report_as_committed(page)
        if "--again" not in sys.argv and board_says(page.read_text("utf-8")) == picture_says(PICTURE):
            print(f"{PICTURE.name} shows the board as it is.")
            return
        found = installed_browser()
        if found is None:
            sys.exit(f"{PICTURE.name} is stale, and no browser is installed: looked for {', '.join(BROWSERS)}.")
        with sync_playwright() as driver:
            launched = driver.chromium.launch(executable_path=found, args=ARGUMENTS)
            take(launched, page, PICTURE)
            launched.close()
    print(f"{PICTURE.name} was taken: {PICTURE.stat().st_size // 1000} kB.")


if __name__ == "__main__":
    main()
