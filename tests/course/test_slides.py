"""Slides: one idea each, all of it on the screen, no request to anywhere, the replies in the speaker's notes."""

import io
import json
from base64 import b64encode
from dataclasses import replace

import nbformat
import numpy as np
import pytest
from bs4 import BeautifulSoup
from nbconvert.filters.markdown import markdown2html
from PIL import Image, ImageDraw

from clvlib import load
from clvlib.course import assignments, guide
from clvlib.course.assignments import Assignment, Key, assignment
from clvlib.course.outline import outline_of, read_outlines
from clvlib.course.slides import HIGH, WIDE, slides_of, with_outputs, write_deck
from clvlib.errors import UsageError
from clvlib.run import decks
from clvlib.run.handover import hash_files
from clvlib.run.refresh import NOTEBOOKS, pixels
from tests.course.given import loaded
from tests.course.made_up import cell, made_up, shown_as

OUTLINES = {outline.stem: outline for outline in read_outlines(NOTEBOOKS)}
SMALLEST = 60  # percent of the usual size of letters, in the committed notebooks
MEASURE = """[...document.querySelectorAll('.slides > section')].map(slide => ({
  beyond: Math.max(slide.scrollHeight - slide.clientHeight, slide.scrollWidth - slide.clientWidth, 0),
  letters: parseFloat(slide.style.fontSize), kind: slide.className, high: slide.offsetHeight, wide: slide.offsetWidth,
  touching: [...slide.children].filter(part => part.clientHeight).map(part => part.getBoundingClientRect())
    .some((part, place, all) => place && part.top < all[place - 1].bottom - 1),
  picture: [...slide.querySelectorAll('img')].map(image => image.clientHeight / slide.clientHeight)[0] ?? 1,
}))"""


def png(wide=720, high=390, gap=None):
    """A picture, drawn all over but for a gap of rows."""
    image = Image.new("RGB", (wide, high), "white")
    ImageDraw.Draw(image).rectangle((40, 5, wide - 5, high - 5), fill="navy")
    if gap:
        ImageDraw.Draw(image).rectangle((0, *gap[:1], wide, *gap[1:]), fill="white")
    made = io.BytesIO()
    image.save(made, format="PNG")
    return b64encode(made.getvalue()).decode()


def lesson(*more, picture=None):
    """The small notebook, its picture drawn, and further cells in its first section."""
    notebook = made_up()
    notebook.cells[2].outputs[0].data["image/png"] = picture or png()
    notebook.cells[2].outputs.append(shown_as("caption", "n = 10"))
    notebook.cells[3:3] = more
    return notebook


def slides(notebook, plan="alone"):
    return slides_of(outline_of("00_start_here", notebook), loaded("demo"), plan)


def deck(notebook, following=None):
    outline = outline_of("00_start_here", notebook)
    return write_deck(outline, loaded("demo"), slides_of(outline, loaded("demo")), following)


@pytest.fixture
def opened(browser):
    """Opens a deck offline, at the size that it is made for: page, what it asked for, what went wrong."""
    context = browser.new_context(viewport={"width": WIDE, "height": HIGH}, offline=True)

    def open_deck(file):
        page, asked, errors = context.new_page(), [], []
        context.on("request", lambda request: asked.append(request.url))
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
        page.goto(file.as_uri())
        page.wait_for_function("Reveal.isReady()")
        return page, asked, errors

    yield open_deck
    context.close()


def test_one_idea_a_slide_and_the_question_before_the_picture():
    finding = cell(
        "# Said",
        tags=["finding"],
        outputs=[shown_as("sentence", "x", **{"text/html": "<p>It is <strong>2</strong><img></p>"})],
    )
    made = slides(lesson(finding))
    kinds = [slide.kind for slide in made]
    assert kinds == ["start", "text", "section", "question", "picture", "finding", "exercise", "quiz", "section"]
    by_kind = {slide.kind: slide for slide in reversed(made)}
    assert by_kind["start"].small == "25 minutes"
    assert by_kind["section"].text == "1. Who comes | back"
    assert dict(by_kind["section"].notes)["Time"] == "20 minutes; taught in: half day"
    assert by_kind["question"].text == "How <em>many</em>?"
    assert dict(by_kind["picture"].notes) == {"They say": "6", "Reply": "2 &lt;3"}
    assert by_kind["picture"].small == "n = 10"
    assert by_kind["finding"].text == "It is <strong>2</strong>"
    told = {name for name, _ in by_kind["exercise"].notes}
    assert told == {"Right", "Hint", "A solution", "They get", "When it is right, say"}


def test_a_class_of_a_length_sees_only_its_sections():
    assert [slide.text for slide in slides(made_up(), "half day") if slide.kind == "section"] == ["1. Who comes | back"]


def test_what_is_said_before_the_picture_is_left_out_unless_it_is_the_finding():
    said = [shown_as("sentence", "x", **{"text/html": "<p>Said</p>"})]
    notebook = lesson(cell("# After", tags=["report"], outputs=said))
    notebook.cells.insert(2, cell("# Before", tags=["report"], outputs=said))
    assert [slide.kind for slide in slides(notebook)].count("sentence") == 1


def test_code_is_shown_of_tagged_cells_only():
    made = slides(lesson(cell("a = '<b>'", tags=["slide"]), cell("b = 2")))
    assert [slide.text for slide in made if slide.kind == "code"] == ["<pre><code>a = &#39;&lt;b&gt;&#39;</code></pre>"]


def test_a_quiz_that_was_shown_is_a_slide_a_question():
    markup = (
        '<div class="clv-quiz x"><p><strong>1.</strong> How <strong>many</strong>?</p>'
        "<details><summary>two</summary><p>Right. Yes.</p></details>"
        "<details><summary>six</summary><p>No. Too many.</p></details>"
        "<p><strong>2.</strong> This dataset can't support this question.</p></div>"
    )
    notebook = made_up()
    notebook.cells[4].outputs = [shown_as("quiz", "x", **{"text/html": markup})]
    first, second = (slide for slide in slides(notebook) if slide.kind == "quiz")
    assert (first.head, first.text, first.items) == ("Quiz · 1", "How <strong>many</strong>?", ["two", "six"])
    assert first.notes == [("a)", "Right. Yes."), ("b)", "No. Too many.")]
    assert "support" in second.text


def test_a_section_that_was_left_out_says_so_instead_of_asking():
    notebook = made_up()
    notebook.cells[2].outputs = [shown_as("skipped", "Left out: it. <No> table.")]
    made = [slide for slide in slides(notebook) if slide.kind in ("question", "picture", "left-out")]
    assert [(slide.kind, slide.text) for slide in made] == [("left-out", "Left out: it. &lt;No&gt; table.")]


def test_a_high_picture_is_cut_where_nothing_is_drawn():
    high = png(720, 1000, gap=(520, 540))
    parts = [slide.picture for slide in slides(lesson(picture=high)) if slide.kind == "picture"]
    assert len(parts) == 2
    assert np.array_equal(np.concatenate([pixels(part) for part in parts]), pixels(high))
    whole = png(720, 1000)
    assert [slide.picture for slide in slides(lesson(picture=whole)) if slide.kind == "picture"] == [whole]


def test_outputs_of_a_run_stand_in_the_notebook_only_where_its_cells_are_the_same():
    committed, executed = lesson(), lesson()
    executed.cells = [each for each in executed.cells if "course" not in each.metadata.get("tags", [])]
    executed.cells[2].outputs = [shown_as("sentence", "of the run")]
    made = with_outputs(committed, executed)
    assert [each.source for each in made.cells] == [each.source for each in committed.cells]
    assert made.cells[2].outputs == executed.cells[2].outputs
    assert made.cells[4].outputs == []
    assert with_outputs(committed, None) is None
    executed.cells[2].source += "\nother = 1"
    assert with_outputs(committed, executed) is None


@pytest.mark.parametrize("name", OUTLINES)
def test_nothing_of_a_committed_notebook_is_beyond_its_slide(name, opened, tmp_path):
    outline = OUTLINES[name]
    (tmp_path / "deck.html").write_text(
        write_deck(outline, loaded("demo"), slides_of(outline, loaded("demo"))), "utf-8"
    )
    page, asked, errors = opened(tmp_path / "deck.html")
    measured = page.evaluate(MEASURE)
    assert len(measured) > 5
    assert [slide for slide in measured if slide["beyond"]] == []
    assert [slide for slide in measured if (slide["wide"], slide["high"]) != (WIDE, HIGH)] == []
    assert [slide for slide in measured if slide["touching"]] == []
    assert [slide for slide in measured if slide["letters"] < SMALLEST] == []
    assert [slide for slide in measured if slide["picture"] < 0.7] == []
    page.evaluate("Reveal.slide(1000)")
    assert page.locator(".slide-number").inner_text().split() == [f"{len(measured)}", "/", f"{len(measured)}"]
    page.evaluate("Reveal.slide(Reveal.getSlides().findIndex(slide => slide.classList.contains('section')))")
    assert page.evaluate("getComputedStyle(document.querySelector('.slide-number')).color") == "rgb(255, 255, 255)"
    assert [url for url in asked if not url.startswith(("file:", "data:"))] == []
    assert errors == []


def test_a_long_text_becomes_smaller_until_it_fits(opened, tmp_path):
    notebook = lesson()
    notebook.cells[2].metadata["course"]["ask"] = "How many of those who bought once come back? " * 16
    (tmp_path / "deck.html").write_text(deck(notebook), "utf-8")
    measured = opened(tmp_path / "deck.html")[0].evaluate(MEASURE)
    assert [slide["beyond"] for slide in measured] == [0] * len(measured)
    assert not any(slide["touching"] for slide in measured)
    assert next(slide["letters"] for slide in measured if slide["kind"].startswith("question")) < 100


def test_the_speaker_sees_the_notes_in_a_window_of_their_own(opened, tmp_path):
    (tmp_path / "deck.html").write_text(deck(lesson(), OUTLINES["01_clv_formula"]), "utf-8")
    page, asked, errors = opened(tmp_path / "deck.html")
    assert page.locator("section a").get_attribute("href") == "01_clv_formula.html"
    page.evaluate("Reveal.slide(3)")
    with page.expect_popup() as waited:
        page.keyboard.press("s")
    waited.value.get_by_text("2 <3").wait_for(timeout=20_000)
    assert not page.get_by_text("2 <3").first.is_visible()
    assert [url for url in asked if not url.startswith(("file:", "data:"))] == []
    assert errors == []


def test_the_command_writes_a_deck_for_each_notebook_of_a_plan_and_a_page_that_leads_to_them(tmp_path):
    notebooks, out = tmp_path / "notebooks", tmp_path / "runs"
    notebooks.mkdir()
    other = made_up()
    other.cells[1].metadata["course"]["plan"] = "two days"
    for name, notebook in {"00_start_here": made_up(), "01_clv_formula": other}.items():
        nbformat.write(notebook, notebooks / f"{name}.ipynb")
    page = decks.make_slides(None, None, None, out, notebooks)
    assert page == out / "maison-garrigue" / "2026-06-30" / "slides" / "index.html"
    links = [link["href"] for link in BeautifulSoup(page.read_text("utf-8"), "html.parser").select("a")]
    assert links == ["00_start_here.html", "01_clv_formula.html"]
    decks.make_slides(None, None, "one-day", out, notebooks)
    assert [file.name for file in sorted(page.parent.glob("*.html"))] == ["00_start_here.html", "index.html"]
    with pytest.raises(UsageError, match="no plan"):
        decks.make_slides(None, None, "a week", out, notebooks)


@pytest.fixture
def runs(tmp_path, monkeypatch):
    """Writes the slides of a card whose runs are made up: the page, and how many runs there were."""
    notebooks, ran = tmp_path / "notebooks", []
    notebooks.mkdir()
    for stem in ("00_start_here", "01_clv_formula"):
        nbformat.write(lesson(), notebooks / f"{stem}.ipynb")
    (tmp_path / "orders.csv").write_text("customer_id,date,amount\n1,2025-01-02,10\n1,2025-03-02,10\n2,2025-02-03,5\n")
    card = tmp_path / "orders.toml"
    card.write_text('name = "orders"\ncurrency = "EUR"\nas_of = 2025-03-02\n\n[transactions]\npath = "orders.csv"\n')
    outcomes = {"00_start_here": "done", "01_clv_formula": "done"}

    def run(card, as_of, out):
        ran.append(card)
        folder = next(out.glob("*")) / "2025-03-02"
        (folder / "notebooks").mkdir(parents=True, exist_ok=True)
        executed = lesson()
        executed.cells[2].outputs[0]["metadata"]["clv"]["title"] = f"of run {len(ran)}"
        for stem in [stem for stem, outcome in outcomes.items() if outcome == "done"]:
            nbformat.write(executed, folder / "notebooks" / f"{stem}.ipynb")
        inputs = [{"file": name, "sha256": digest} for name, digest in hash_files(load(card).files).items()]
        entries = [{"notebook": stem, "outcome": outcome} for stem, outcome in outcomes.items()]
        (folder / "manifest.json").write_text(json.dumps({"inputs": inputs, "notebooks": entries}))

    monkeypatch.setattr("clvlib.run.runner.run", run)

    def write():
        page = decks.make_slides(str(card), None, None, tmp_path / "runs", notebooks)
        return page.parent, len(ran)

    return write, outcomes, tmp_path / "orders.csv"


def test_slides_of_a_card_are_of_its_run_which_is_made_where_there_is_none_of_these_data(runs):
    write, _, orders = runs
    for data, count in [("", 1), ("", 1), ("3,2025-02-04,7\n", 2)]:
        with orders.open("a") as file:
            file.write(data)
        folder, ran = write()
        assert ran == count
        assert f'alt="of run {count}"' in (folder / "00_start_here.html").read_text("utf-8")


@pytest.mark.parametrize("outcome", ["failed", "not asked for"])
def test_notebooks_that_a_run_has_not_are_named(outcome, runs, capsys):
    write, outcomes, _ = runs
    outcomes["01_clv_formula"] = outcome
    assert [file.name for file in sorted(write()[0].glob("*.html"))] == ["00_start_here.html", "index.html"]
    assert "The run has no 01_clv_formula" in capsys.readouterr().out


def test_what_the_data_cannot_answer_is_not_named_as_missing(runs, capsys):
    write, outcomes, _ = runs
    outcomes["01_clv_formula"] = "without the amounts that it needs"
    write()
    assert "The run has no" not in capsys.readouterr().out


@pytest.mark.parametrize("right", [float("nan"), None, "seven"])
def test_a_key_that_goes_wrong_costs_its_slide_only(right, monkeypatch):
    found = assignment("00.1")
    monkeypatch.setitem(assignments._assignments, "00.1", replace(found, unit="number", key=lambda ds: Key(right)))
    kinds = [slide.kind for slide in slides(made_up())]
    assert "exercise" not in kinds
    assert "quiz" in kinds


def test_nothing_in_a_clients_text_becomes_markup(monkeypatch):
    name = "*x* [y](http://z) <b>q</b>"
    made = Assignment("00.1", "name", "Of `ds`, {dataset}?", "Hint", "ds", "It is {right}.", lambda ds: Key(name))
    monkeypatch.setitem(assignments._assignments, "00.1", made)
    shop = replace(loaded("demo"), name="Shop *of* <i>all</i>")
    slide = next(s for s in slides_of(outline_of("00_start_here", made_up()), shop) if s.kind == "exercise")
    assert slide.text == "Of <code>ds</code>, Shop *of* &lt;i&gt;all&lt;/i&gt;?"
    assert dict(slide.notes)["When it is right, say"] == "It is *x* [y](http://z) &lt;b&gt;q&lt;/b&gt;."
    shown = markdown2html(guide.unmarked("a &lt; ~~b~~ ` *c* _d_ <b>"))
    assert BeautifulSoup(shown, "html.parser").get_text().strip() == "a &lt; ~~b~~ ` *c* _d_ <b>"
