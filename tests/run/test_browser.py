"""A real browser: JupyterLab opens and runs a notebook, the report displays without any network."""

import json
import os
import re
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import nbformat
import pytest
from axe_playwright_python.sync_playwright import Axe
from PIL import Image

from clvlib.run import report
from clvlib.run.refresh import NOTEBOOKS
from clvlib.value import what_if
from tools import picture

LAB_SETTINGS = Path(report.__file__).parent / "lab"


@pytest.fixture(scope="module")
def browser():
    found = picture.installed_browser()
    if found is None:
        message = f"no browser is installed: looked for {', '.join(picture.BROWSERS)}"
        pytest.fail(message) if os.environ.get("CI") else pytest.skip(message)
    playwright = pytest.importorskip("playwright.sync_api")
    with playwright.sync_playwright() as driver:
        launched = driver.chromium.launch(executable_path=found, args=picture.ARGUMENTS)
        yield launched
        launched.close()


@pytest.fixture(scope="module")
def page_file(tmp_path_factory):
    """The report of the notebooks as they are committed."""
    target = tmp_path_factory.mktemp("runs") / "report.html"
    picture.report_as_committed(target)
    return target


def test_the_picture_of_the_board_shows_all_of_it_and_holds_what_it_said(browser, page_file, tmp_path):
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    page.goto(page_file.as_uri())
    high = page.locator(".decisions").evaluate("part => part.getBoundingClientRect().bottom")
    page.close()
    picture.take(browser, page_file, tmp_path / "board.png")
    with Image.open(tmp_path / "board.png") as taken:
        assert (taken.width, taken.height) == (1280, round(high) + 16)
        assert len(taken.convert("RGB").getcolors()) > 8
    assert picture.picture_says(tmp_path / "board.png") == picture.board_says(page_file.read_text("utf-8"))
    assert picture.picture_says(tmp_path / "none.png") == ""


@pytest.mark.parametrize(("width", "height"), [(1280, 900), (390, 844)], ids=["desk", "phone"])
def test_the_report_displays_offline(browser, page_file, width, height):
    context = browser.new_context(viewport={"width": width, "height": height}, offline=True)
    page = context.new_page()
    asked, errors = [], []
    page.on("request", lambda request: asked.append(request.url))
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
    page.goto(page_file.as_uri())
    assert page.locator("h1").inner_text() == "Maison Garrigue"
    assert page.locator(".tiles li").count() == 8
    assert page.locator(".decisions li").count() == 3
    assert [url for url in asked if not url.startswith(("file:", "data:"))] == []
    assert errors == []
    widths = page.evaluate("[...document.images].map(image => image.naturalWidth)")
    assert widths
    assert min(widths) > 600
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    beyond = (
        "[...document.querySelectorAll('main *, header *')].filter(e => e.getBoundingClientRect().right > innerWidth)"
    )
    assert page.evaluate(f"{beyond}.map(e => e.outerHTML.slice(0, 80))") == []
    page.locator("nav a").first.click()
    assert page.evaluate("window.scrollY") > 0
    context.close()


@pytest.mark.parametrize("width", [1280, 390])
def test_contrast_headings_and_labels_of_the_report_pass_axe(browser, page_file, width):
    page = browser.new_page(viewport={"width": width, "height": 844})
    page.goto(page_file.as_uri())
    page.evaluate("document.querySelectorAll('details').forEach(part => part.open = true)")
    found = Axe().run(page)
    assert found.violations_count == 0, found.generate_report()
    page.close()


def test_the_report_prints_on_few_pages_and_nothing_is_cut(browser, page_file):
    page = browser.new_page(viewport={"width": 703, "height": 1030})  # what the margins leave of A4
    page.goto(page_file.as_uri())
    page.emulate_media(media="print")
    beyond = (
        "[...document.querySelectorAll('main *, header *')].filter(e => e.getBoundingClientRect().right > innerWidth)"
    )
    assert page.evaluate(f"{beyond}.map(e => e.outerHTML.slice(0, 80))") == []
    pages = len(re.findall(rb"/Type\s*/Page[^s]", page.pdf(format="A4", prefer_css_page_size=True)))
    assert 5 < pages <= 20
    page.close()


def test_the_report_is_read_in_half_an_hour(page_file):
    text = re.sub(r"<(style|script).*?</\1>", " ", page_file.read_text("utf-8"), flags=re.DOTALL)
    words = re.sub(r"<[^>]+>", " ", text).split()
    assert 2_000 < len(words) < 6_000


MOVES = [
    {},
    {"basket": 120},
    {"frequency": 55, "churn": 10, "horizon": 5},
    {"basket": 150, "frequency": 130, "churn": 200, "margin": -20, "cac": 300, "discount": 20, "horizon": -4},
    {"margin": 20, "cac": 0, "discount": -10, "churn": 0},
]


def test_sliders_compute_what_python_computes(browser, page_file):
    page = browser.new_page()
    page.goto(page_file.as_uri())
    given = page.evaluate("JSON.parse(document.getElementById('numbers').textContent).what_if.given")
    ids = {"clv": "if-clv", "clv_to_cac": "if-ratio", "payback": "if-payback", "base": "if-base"}
    ids |= {f"by_{part}": f"by-{part}" for part in ("basket", "frequency", "churn", "rest")}
    for moves in MOVES:
        page.locator("#what-if-reset").click()
        for name, place in moves.items():
            page.locator(f"#move-{name}").fill(str(place))
        for name, expected in what_if.outcome(given, moves).items():
            found = float(page.locator(f"#{ids[name]}").get_attribute("data-value") or "nan")
            assert found == pytest.approx(expected, abs=0.005, nan_ok=True), (moves, name)
    page.close()


def test_the_budget_and_the_cohorts_are_those_of_the_notebooks(browser, page_file):
    page = browser.new_page()
    page.goto(page_file.as_uri())
    offered = page.evaluate("JSON.parse(document.getElementById('numbers').textContent)")
    assert page.locator("#budget-steps").is_hidden()
    for place in (0, 50, 100):
        page.locator("#budget-slider").fill(str(place))
        assert float(page.locator("#budget-net").get_attribute("data-value")) == offered["budget"]["net"][place]
    for by, groups in offered["cohorts"].items():
        page.locator("#grid-by").select_option(by)
        for group, found in groups.items():
            page.locator("#grid-of").select_option(group)
            assert page.locator("#grid tbody tr").count() == len(found["rows"])
            assert all(row["customers"] >= 5 for row in found["rows"])
            back = (
                [sum(value < found["cac"] for value in row["values"]) for row in found["rows"]] if found["cac"] else []
            )
            framed = [place + 1 for place, row in zip(back, found["rows"], strict=False) if place < len(row["values"])]
            told = page.locator("#grid tbody td:nth-child(3)").all_inner_texts()
            assert [int(month) for month in told if month != "–"] == framed
            assert page.locator("#grid .back").count() == len(framed)
    page.close()


def test_without_a_script_the_same_is_told(browser, page_file):
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(page_file.as_uri())
    assert page.locator("#what-if").is_hidden()
    assert page.locator("#if-clv").inner_text().startswith("€")
    assert page.locator("#budget-steps tbody tr").count() > 5
    assert page.locator("#grid tbody tr").count() > 5
    context.close()


@pytest.fixture
def lab(tmp_path):
    """JupyterLab on a copy of the notebooks without outputs, this computer only, with a token: address, folder."""
    folder = tmp_path / "notebooks"
    folder.mkdir()
    for file in NOTEBOOKS.glob("*.ipynb"):
        notebook = nbformat.read(file, as_version=4)
        for cell in notebook.cells:
            if cell.cell_type == "code":
                cell.outputs, cell.execution_count = [], None
        nbformat.write(notebook, folder / file.name)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [
        *(sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root", f"--ServerApp.root_dir={folder}"),
        *("--ServerApp.ip=127.0.0.1", f"--ServerApp.port={port}", "--IdentityProvider.token=secret"),
        *("--ServerApp.port_retries=0", f"--LabApp.app_settings_dir={LAB_SETTINGS}"),
        *(f"--LabApp.user_settings_dir={tmp_path / 'user'}", f"--LabApp.workspaces_dir={tmp_path / 'workspaces'}"),
    ]
    with (tmp_path / "lab.log").open("w") as log:
        server = subprocess.Popen(
            command, stdout=log, stderr=log, env=os.environ | {"JUPYTER_CONFIG_DIR": str(tmp_path)}
        )
    address = f"http://127.0.0.1:{port}"
    try:
        wait(lambda: answers(f"{address}/api"), 90, lambda: (tmp_path / "lab.log").read_text()[-2000:])
        yield address, folder
    finally:
        server.terminate()
        server.wait(timeout=30)


def answers(address):
    try:
        with urllib.request.urlopen(address, timeout=2) as answer:
            return answer.status == 200
    except OSError:
        return False


def kernels(address):
    """What the kernels are doing, as the server tells; nothing while it can't tell, as when a kernel is starting."""
    try:
        with urllib.request.urlopen(f"{address}/api/kernels?token=secret", timeout=5) as answer:
            return [kernel["execution_state"] for kernel in json.load(answer)]
    except urllib.error.HTTPError:
        return []


def wait(ready, seconds, explain):
    end = time.monotonic() + seconds
    while not ready():
        assert time.monotonic() < end, explain()
        time.sleep(1)


def test_without_the_token_jupyterlab_shows_nothing(lab):
    address, _ = lab
    assert not answers(f"{address}/api/contents")


def test_jupyterlab_opens_notebook_01_and_runs_it_to_its_end(browser, lab):
    address, folder = lab
    page = browser.new_page(viewport={"width": 1400, "height": 1000})
    page.goto(f"{address}/lab/tree/01_clv_formula.ipynb?token=secret")
    page.locator(".jp-Notebook .jp-Cell").first.wait_for(timeout=120_000)
    wait(lambda: kernels(address) == ["idle"], 120, lambda: str(kernels(address)))
    page.locator(".jp-Notebook-ExecutionIndicator[data-status=idle]").first.wait_for(timeout=120_000)
    assert "would you like" not in page.content().lower()  # no news pop-up
    wait(lambda: started(page), 60, lambda: "no cell was started")
    file = folder / "01_clv_formula.ipynb"

    page.locator(".jp-Notebook-ExecutionIndicator[data-status=idle]").first.wait_for(timeout=240_000)
    page.keyboard.press("Control+s")
    wait(
        lambda: error_outputs(file) or all(cell["execution_count"] for cell in code_cells(file)),
        30,
        lambda: str([cell["execution_count"] for cell in code_cells(file)]),
    )
    assert error_outputs(file) == []
    assert any("image/png" in output.get("data", {}) for cell in code_cells(file) for output in cell["outputs"])
    page.close()


def started(page):
    """Choose Run All Cells; while the notebook is still being opened, the menu does nothing."""
    page.get_by_role("menuitem", name="Run", exact=True).click()
    page.get_by_role("menuitem", name="Run All Cells", exact=True).click()
    page.wait_for_timeout(2000)
    return page.locator(".jp-InputPrompt", has_text=re.compile(r"\[(\*|\d+)\]")).count() > 0


def code_cells(file):
    return [cell for cell in json.loads(file.read_text("utf-8"))["cells"] if cell["cell_type"] == "code"]


def error_outputs(file):
    outputs = [output for cell in code_cells(file) for output in cell["outputs"]]
    return [output["evalue"] for output in outputs if output["output_type"] == "error"]
