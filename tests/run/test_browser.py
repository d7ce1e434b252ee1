"""A real browser: JupyterLab opens and runs a notebook, the report displays without any network."""

import re

import pytest
from axe_playwright_python.sync_playwright import Axe
from PIL import Image

from clvlib import load
from clvlib.value import what_if
from tests.jupyter import answers, code_cells, open_and_run, saved
from tools import picture


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


def test_without_the_token_jupyterlab_shows_nothing(lab):
    address, _ = lab
    assert not answers(f"{address}/api/contents")


def test_jupyterlab_opens_notebook_01_runs_it_to_its_end_and_says_how_far_it_is(browser, lab):
    file = lab[1] / "01_clv_formula.ipynb"
    page = open_and_run(browser, lab, file.stem)
    page.wait_for_function(  # in sight, though the first cells aren't
        "[...document.querySelectorAll('.clv-running')].some(line => /Cell \\d+ of \\d+ runs/.test(line.innerText)"
        " && line.getBoundingClientRect().top > 0 && line.getBoundingClientRect().bottom < innerHeight)",
        timeout=60_000,
        polling=50,
    )
    saved(page, file)
    assert any("image/png" in output.get("data", {}) for cell in code_cells(file) for output in cell["outputs"])
    assert page.locator(".clv-running").inner_text().strip().startswith(f"All {len(code_cells(file))} cells ran")
    page.close()


@pytest.mark.proof
def test_by_clicking_one_compares_looks_up_moves_and_keeps_a_group(browser, lab):
    file = lab[1] / "09_explore.ipynb"
    page = open_and_run(browser, lab, file.stem)
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    saved(page, file)
    compared = page.locator(".jp-CodeCell", has_text="def compare(")
    compared.locator("select").nth(0).select_option("first product")
    compared.locator("select").nth(1).select_option("orders")
    picture = compared.locator("img[alt*='orders by first product']")
    picture.wait_for(timeout=30_000)
    assert "Linen →" in picture.get_attribute("alt")
    people = page.locator(".jp-CodeCell", has_text="show.browse(")
    people.locator(".dt-search input").fill("Loyal")
    people.get_by_role("button", name="Select all", exact=True).click()
    people.get_by_text(re.compile(r"\d+ rows selected")).wait_for(timeout=30_000)
    looked = page.locator(".jp-CodeCell", has_text="show.explore(look")
    looked.locator("input").fill("C0006")
    looked.locator("input").press("Enter")
    looked.locator("img[alt*='C0006:']").wait_for(timeout=30_000)
    looked.locator("input").fill("nobody")
    looked.locator("input").press("Enter")
    looked.get_by_text("There is no customer 'nobody'").wait_for(timeout=30_000)
    moved = page.locator(".jp-CodeCell", has_text="show.explore(move")
    today = moved.locator("img").first.get_attribute("alt")
    moved.locator(".noUi-handle").first.focus()
    page.keyboard.press("ArrowRight")
    page.wait_for_function("([cell, was]) => cell.querySelector('img').alt != was", arg=[moved.element_handle(), today])
    kept = page.locator(".jp-CodeCell", has_text="show.press(keep")
    kept.locator("input").fill("loyal")
    kept.get_by_role("button", name="Keep the chosen rows").click()
    kept.get_by_text("groups/loyal.toml").wait_for(timeout=30_000)
    segment = load("demo").segments()["segment"]
    group = load(lab[1] / "groups" / "loyal.toml")
    assert set(group.rfm_summary().index) == set(segment.index[segment == "Loyal"])
    assert [url for url in asked if "127.0.0.1" not in url and not url.startswith(("data:", "blob:"))] == []
    page.close()
