import base64
import hashlib
import io
import json
import re
import tomllib
from pathlib import Path

import nbformat
import numpy as np
import pandas as pd
import pytest
from bs4 import BeautifulSoup
from PIL import Image

from clvlib import dataset, files, language
from clvlib.errors import MissingTable
from clvlib.language import translated
from clvlib.run import chapters, handover, report
from clvlib.run.outcome import LeftOut, Outcome
from clvlib.run.refresh import NOTEBOOKS

EVIL = "<script>alert('x')</script><img src=x onerror=alert(1)>"


@pytest.fixture
def shop(build, orders):
    ds, _ = build(orders.to_csv(index=False), card={"name": f"Shop {EVIL}", "currency": "EUR"})
    assert ds is not None
    return ds


def picture(size=40):
    buffer = io.BytesIO()
    noise = np.random.default_rng(0).integers(0, 255, (size, size, 3), dtype=np.uint8)
    Image.fromarray(noise).save(buffer, format="PNG")
    return base64.b64encode(buffer.getvalue()).decode()


def output(data, /, width=0, **about):
    metadata = ({"clv": about} if about else {}) | ({"image/png": {"width": width}} if width else {})
    return nbformat.v4.new_output("display_data", data=data, metadata=metadata)


def said(kind, text, **about):
    return output({"text/html": f"<p class='clv-{kind}'>{text}</p>", "text/plain": text}, kind=kind, **about)


def cell(*outputs, tags=(), source="secret_code()"):
    return nbformat.v4.new_code_cell(source, outputs=list(outputs), metadata={"tags": list(tags)})


def notebook(size=40, title="What is a customer worth?"):
    drawn = output({"image/png": picture(size), "text/plain": "Figure"}, 400, kind="figure", title="It's found")
    rows = "<div class='clv-table'><table><caption>All</caption><thead><tr><th scope='col'>who</th><th>n</th></tr>"
    rows += f"</thead><tbody><tr><th scope='row'>{EVIL}</th><td>3</td></tr></tbody></table></div>"
    tile = {
        "name": "CAC",
        "now": "$3",
        "range": "",
        "before": f"$2 {EVIL}",
        "change": "+50%",
        "means": "m",
        "quoted": "q",
    }
    decision = {"what": f"Call {EVIL}", "gain": "$9", "range": "$1 to $20", "rests": "a test"}
    row = {"cohort": EVIL, "customers": 5, "values": [1.0]}
    why_not = {f"a{k}": "dates" for k in range(12)} | {f"name {EVIL}": "a person's"}
    cells = [
        nbformat.v4.new_markdown_cell("# 01 · Formula\n\nYou will be able to do it."),
        cell(said("sentence", f"Half {EVIL}"), tags=["finding"]),
        cell(said("sentence", "Only for the class")),
        cell(drawn, said("caption", f"n = 3 {EVIL}"), tags=["report"]),
        cell(output({"text/html": rows, "text/plain": "rows"}, kind="table"), tags=["report"]),
        cell(said("sentence", "The base stands."), tags=["state"]),
        cell(said("tile", "CAC: $3", tile=tile, line=[[0, 0.5], [0.5, 1], [1, 0]])),
        cell(said("offer", "page", name="cohorts", data=json.dumps({"all": {EVIL: {"cac": None, "rows": [row]}}}))),
        cell(said("offer", "page", name="no_cohorts", data=json.dumps(why_not))),
        cell(
            said("decision", "small", decision=decision | {"what": "Small"}, sure=False, size=2.0),
            said("decision", "large", decision=decision | {"what": "Large"}, sure=False, size=9.0),
            said("decision", "sure", decision=decision, sure=True, size=1.0),
        ),
        cell(said("skipped", "box", section="Spend", reason=f"few {EVIL}", what=f"few {EVIL}", mend="More.")),
        cell(
            output({"text/plain": f"plain {EVIL}"}),
            output({"application/vnd.jupyter.widget-view+json": {"model_id": "x"}, "text/plain": "IntSlider()"}),
            output({"application/javascript": "alert(2)", "text/plain": "js"}),
            nbformat.v4.new_output("stream", name="stderr", text="a warning"),
            tags=["report", "finding"],
        ),
        nbformat.v4.new_markdown_cell(
            f"## What to decide\n\n**To decide**: [this](02_x.ipynb) {EVIL}", metadata={"tags": ["decide"]}
        ),
    ]
    return nbformat.v4.new_notebook(cells=cells, metadata={"title": title})


@pytest.fixture
def page(shop, tmp_path):
    outcomes = [
        Outcome("01_formula", "done", skipped=chapters.left_out(notebook())),
        Outcome("02_next", "done"),
        Outcome("03_bad", "failed", cell="fit", error=f"ValueError: {EVIL}"),
        Outcome("04_churn", "not asked for"),
    ]
    executed = {"01_formula": notebook(), "02_next": nbformat.v4.new_notebook(cells=[cell(said("sentence", "No tag"))])}
    report.write_report(shop, chapters.gather(executed), outcomes, tmp_path / "report.html")
    return (tmp_path / "report.html").read_text("utf-8")


def test_a_clients_text_can_do_nothing_in_the_report(page):
    parts = BeautifulSoup(page, "html.parser").find_all(True)
    assert not [part.name for part in parts if part.name in ("iframe", "object", "form", "base")]
    scripts = [part for part in parts if part.name == "script"]
    assert [part.get("type") for part in scripts] == ["application/json", None]
    assert EVIL in json.loads(scripts[0].string)["cohorts"]["all"][EVIL]["rows"][0]["cohort"]
    assert scripts[1].string == Path(report.__file__).with_name("report.js").read_text("utf-8")
    assert not [name for part in parts for name in part.attrs if name.startswith("on")]
    assert [part["src"][:10] for part in parts if part.name == "img"] == ["data:image"]
    assert "alert(2)" not in page
    assert page.count("alert") >= 6  # it stands there, as text


def test_attributes_by_which_cohorts_cannot_be_seen_are_named_with_the_reason(page):
    said = BeautifulSoup(page, "html.parser").select_one(".no-grid").get_text()
    named = ", ".join(f"a{k}" for k in range(10))
    assert said == f"Not to choose by: {named}, 2 more (dates); name {EVIL} (a person's)."


def test_the_report_asks_for_nothing_from_anywhere(page):
    loaded = re.findall(r'(?:src|srcset|poster|data)="([^"]*)"|url\(([^)]*)\)|<link|@import', page)
    assert loaded
    assert all(source.startswith("data:image/png;base64,") for source, _ in loaded)
    assert all(target.startswith("#") for target in re.findall(r'href="([^"]*)"', page))


def test_nothing_may_run_or_load_and_only_this_style_may_be_used(page):
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', page)[1]
    style = re.search(r"<style>(.*?)</style>", page, flags=re.DOTALL)[1]
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    script = base64.b64encode(
        hashlib.sha256(page.split("<script>")[1].split("</script>")[0].encode()).digest()
    ).decode()
    assert set(policy.split("; ")) == {
        *("default-src 'none'", "img-src data:", f"style-src 'sha256-{digest}'"),
        *("base-uri 'none'", "form-action 'none'", f"script-src 'sha256-{script}'"),
    }
    assert " style=" not in page


def test_the_report_opens_with_the_board_then_chapters_then_what_was_left_out_then_the_appendix(page):
    order = ['id="board"', "The base stands.", "<h3>CAC</h3>", 'id="01_formula"', 'id="left-out"', 'id="appendix"']
    places = [page.index(part) for part in order]
    assert places == sorted(places)
    assert page.index("Jan 3, 2025 to Jun 1, 2025") < places[1]
    assert "<polyline" in page[: places[3]]
    assert 'alt="It&#39;s found"' in page


def test_sure_decisions_come_first_then_the_larger_ones(page):
    board = page[: page.index("<nav")]
    assert board.index("Call") < board.index("Large") < board.index("Small")
    assert board.count("may lose") == 2


def test_only_what_is_tagged_is_in_the_report(page):
    for absent in ("secret_code", "IntSlider", "a warning", "Only for the class", "be able to", "No tag", "02_next"):
        assert absent not in page
    for present in ("Half", "n = 3", "To decide", "What is a customer worth?"):
        assert present in page


def test_a_cell_of_a_table_knows_its_heading_for_narrow_screens(page):
    assert '<td data-label="n">3</td>' in page


def test_what_was_left_out_or_failed_says_why_and_what_to_bring(page):
    part = page[page.index('id="left-out"') : page.index('id="appendix"')]
    assert "Spend" in part
    assert ">More.<" in part
    assert "not asked for" in part
    assert "ValueError" in page[: page.index("<nav")]


def test_what_is_left_out_for_one_reason_stands_on_one_line_and_what_builds_on_it_isnt_named(shop, tmp_path):
    lacks = "The dataset 'X' has no table 'marketing_costs'."
    parts = [
        LeftOut("Spend", lacks, what=lacks, mend="Add a section.", table="marketing_costs"),
        LeftOut("CAC", lacks, what=lacks, mend="Add a section.", table="marketing_costs"),
        LeftOut("Ranks", "It builds on it.", "Spend"),
    ]
    report.write_report(shop, chapters.gather({}), [Outcome("03_x", "done", skipped=parts)], tmp_path / "report.html")
    page = (tmp_path / "report.html").read_text("utf-8")
    assert "Spend, CAC</td>" in page
    assert "The data hold no marketing costs." in page
    assert "channel, month, cost" in page
    assert "Ranks" not in page


def test_in_french_too_a_missing_table_is_named_and_what_to_bring(shop, monkeypatch):
    monkeypatch.setenv(language.ASKED, "fr")
    with pytest.raises(MissingTable) as missing:
        shop.table("marketing_costs")
    error = missing.value
    part = LeftOut("CAC", str(error), what=error.what, mend=error.mend, table=error.table)
    (row,) = report.not_told([Outcome("05b_x", "done", skipped=[part])])
    assert (
        row["why"] == "Les données ne contiennent pas de table «\N{NO-BREAK SPACE}coûts marketing\N{NO-BREAK SPACE}»."
    )
    assert row["bring"] == translated("What was spent to win customers: channel, month, cost.")


def test_in_french_the_assumptions_have_french_names_and_a_heading_for_where_they_come_from(
    shop, tmp_path, monkeypatch
):
    monkeypatch.setenv(language.ASKED, "fr")
    report.write_report(shop, chapters.gather({}), [], tmp_path / "report.html")
    page = BeautifulSoup((tmp_path / "report.html").read_text("utf-8"), "html.parser")
    table = page.find(id="assumptions").find_next("table")
    assert [cell.get_text() for cell in table.thead.find_all("th")] == ["hypothèse", "valeur", "origine", "sens"]
    assert {name.get_text() for name in table.select("tbody th")} >= {"marge", "devise", "date d'arrêté"}


def test_every_link_leads_to_a_place_that_exists_once(page):
    anchors = re.findall(r'href="#([^"]*)"', page)
    assert "01_formula" in anchors
    assert all(len(re.findall(f'id="{re.escape(anchor)}"', page)) == 1 for anchor in anchors)


def test_what_became_of_the_run_before_stands_on_the_board_beside_its_report(shop, tmp_path):
    book = nbformat.v4.new_notebook(cells=[cell(said("sentence", "It held."), tags=["since", "report"])])
    for earlier, told in ((tmp_path / "2025-03-31", 1), (None, 0)):
        report.write_report(shop, chapters.gather({"03b_x": book}), [], tmp_path / "report.html", earlier)
        page = (tmp_path / "report.html").read_text("utf-8")
        board = page[: page.index("<nav")]
        assert board.count("It held.") == board.count('href="../2025-03-31/report.html"') == told
        assert board.count("Since the report of Mar 31, 2025") == told
        assert "It held." in page


def test_a_report_stays_under_five_megabytes(shop, tmp_path, monkeypatch):
    monkeypatch.setattr(report, "MOST_BYTES", 150_000)
    report.write_report(shop, chapters.gather({"01_formula": notebook(300)}), [], tmp_path / "report.html")
    assert (tmp_path / "report.html").stat().st_size < 150_000
    assert (tmp_path / "report.html").read_text("utf-8").count("data:image/png") == 1


def test_a_report_without_any_notebook_is_still_a_report(shop, tmp_path):
    report.write_report(
        shop, chapters.gather({}), [Outcome("01_formula", "failed", error="ValueError: x")], tmp_path / "report.html"
    )
    assert "ValueError: x" in (tmp_path / "report.html").read_text("utf-8")


def test_every_notebook_gives_a_chapter_with_its_words():
    words = tomllib.loads(Path(report.__file__).with_name("words.toml").read_text("utf-8"))
    for file in sorted(NOTEBOOKS.glob("[0-9]*.ipynb")):
        read = nbformat.read(file, as_version=4)
        tags = {tag for cell in read.cells for tag in cell.metadata.get("tags", [])}
        assert {"finding", "report", "decide"} <= tags, file.name
        assert read.metadata["title"].endswith("?"), file.name
        assert file.stem in words["methods"], file.name


def test_every_tile_of_the_notebooks_has_its_place_on_the_board():
    books = {file.stem: nbformat.read(file, as_version=4) for file in sorted(NOTEBOOKS.glob("[0-9]*.ipynb"))}
    assert sorted(tile["name"] for tile in chapters.gather(books).tiles) == sorted(report.BOARD)


def test_the_run_before_is_the_last_that_looked_less_far(tmp_path):
    for name in ("2025-01-31", "2025-02-28", "2025-03-31", "2025-01-31 copy", "2025-03-01x", "backup"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "report.html").touch()
    (tmp_path / "2025-03-15").mkdir()  # without a report
    assert handover.run_before(tmp_path / "2025-03-31") == tmp_path / "2025-02-28"
    assert handover.run_before(tmp_path / "2025-01-31") is None


def test_customers_csv_has_every_customer_once_with_every_score(shop, tmp_path):
    for name, column in (("01_a", "clv"), ("02_b", "segment")):
        kept = pd.DataFrame({column: [1.23456789, 2.0]}, index=pd.Index(["0007", "zoé"], name="customer_id"))
        kept.to_parquet(tmp_path / f"{name}.parquet")
    handover.write_customers(shop, sorted(tmp_path.glob("*.parquet")), {}, tmp_path)
    assert (tmp_path / "customers.csv").read_bytes().startswith(b"\xef\xbb\xbfcustomer_id,")
    table = pd.read_csv(tmp_path / "customers.csv", dtype={"customer_id": str}).set_index("customer_id")
    assert list(table.index) == ["0007", "12", "zoé"]
    assert table.loc["0007", "clv"] == 1.2346
    assert pd.isna(table.loc["12", "clv"])
    assert table.loc["0007", "first_purchase"] == "2025-01-03"


def test_a_name_kept_by_two_notebooks_is_told_apart_unless_it_is_the_same(tmp_path):
    customers = pd.Index(["a", "b"], name="customer_id")
    pd.DataFrame({"clv": [1.0, 2.0], "T": [5.0, 6.0]}, index=customers).to_parquet(tmp_path / "01_a.parquet")
    pd.DataFrame({"clv": [3.0, 4.0]}, index=customers).to_parquet(tmp_path / "03_b.parquet")
    summary = pd.DataFrame({"T": [5.0, 6.0]}, index=customers)
    table = handover.gather_customers(summary, sorted(tmp_path.glob("*.parquet")))
    assert list(table.columns) == ["T", "clv", "clv_03"]


def test_cells_that_a_spreadsheet_would_run_are_defused_and_numbers_stay_numbers():
    risky = ["=1+1", "+A1", "-cmd|x", "@SUM(A1)", "\t=1", "\r=1", "+1+cmd", "+1-555-0100", "-2/3", "＝1+1"]
    plain = ["plain", "0007", "+33639981234", "-7", "+33 6 39 98 12 34", "-2,5", "a=b"]
    frame = pd.DataFrame({"text": risky + plain, "=n": range(17)}, index=pd.Index(risky + plain, name="customer_id"))
    safe = handover.defuse(frame)
    assert list(safe["text"]) == [f"'{text}" for text in risky] + plain
    assert list(safe.index) == list(safe["text"])
    assert list(safe["'=n"]) == list(range(17))


def test_a_workbook_holds_texts_as_texts_and_crm_csv_holds_them_unaltered(shop, tmp_path):
    from openpyxl import load_workbook

    kept = pd.DataFrame({"tier": ["=best", None, "+33 6"]}, index=pd.Index(["0007", "12", "zoé"], name="customer_id"))
    kept.to_parquet(tmp_path / "01_a.parquet")
    handover.write_list(kept, tmp_path / "crm.csv")
    crm = pd.read_csv(tmp_path / "crm.csv", dtype=str, keep_default_na=False).set_index("customer_id")
    assert list(crm["tier"]) == ["=best", "", "+33 6"]
    handover.write_customers(shop, [tmp_path / "01_a.parquet"], {"calls": kept}, tmp_path)
    book = load_workbook(tmp_path / "customers.xlsx")
    assert book.sheetnames == ["customers", "calls", "columns"]
    cells = [[(cell.value, cell.data_type) for cell in row] for row in book["calls"].iter_rows()]
    assert cells[1] == [("0007", "s"), ("=best", "s")]
    assert cells[2][1] == (None, "n")
    assert isinstance(book["customers"]["B2"].value, int)


def test_consent_and_its_date_are_in_every_list_and_what_is_not_known_is_no(tmp_path):
    (tmp_path / "orders.csv").write_text("customer_id,date,amount\na,2025-01-03,20\nb,2025-01-04,20\nc,2025-01-05,9\n")
    (tmp_path / "people.csv").write_text("customer_id,consent,consent_on\na,yes,2024-12-01\nb,unsubscribed,\n")
    (tmp_path / "shop.toml").write_text(
        'pseudonyms = false\n[transactions]\npath = "orders.csv"\n[customers]\npath = "people.csv"\n'
    )
    ds = dataset.load(tmp_path / "shop.toml")
    asked = pd.DataFrame({"how": list("xyz")}, index=pd.Index(["c", "a", "b"], name="customer_id"))
    long = pd.DataFrame({"customer_id": ["a", "a", "b"], "measure": ["cost", "gain", "cost"], "value": [1.0, 2.0, 3.0]})
    handover.write_list(handover.with_consent(asked, ds), tmp_path / "crm.csv")
    handover.write_list(handover.with_consent(long, ds), tmp_path / "tableau.csv")
    handover.write_customers(ds, [], {}, tmp_path)
    crm = (tmp_path / "crm.csv").read_text().splitlines()
    assert crm == ["customer_id,how,consent,consent_on", "c,x,no,", "a,y,yes,2024-12-01", "b,z,no,"]
    tableau = (tmp_path / "tableau.csv").read_text().splitlines()
    assert tableau[0] == "customer_id,measure,value,consent,consent_on"
    assert tableau[2:] == ["a,gain,2.0,yes,2024-12-01", "b,cost,3.0,no,"]
    told = pd.read_csv(tmp_path / "customers.csv", keep_default_na=False).set_index("customer_id")
    assert told[["consent", "consent_on"]].agg(" ".join, axis=1).to_list() == ["yes 2024-12-01", "no ", "no "]
    said = pd.read_csv(tmp_path / "columns.csv").set_index("column")
    assert "unknown is no" in said.loc["consent", "meaning"]
    products = pd.DataFrame({"product": ["tea"]})
    assert handover.with_consent(products, ds).equals(products)


def test_where_nothing_is_known_of_consent_every_list_says_no(shop):
    listed = shop.rfm_summary()[["frequency"]]
    assert list(handover.with_consent(listed, shop)["consent"]) == ["no"] * len(listed)
    assert list(handover.with_consent(listed.assign(consent="yes"), shop)["consent"]) == ["yes"] * len(listed)


def test_categories_and_missing_texts_survive(tmp_path):
    frame = pd.DataFrame({"tier": pd.Categorical(["=x", None]), "back": [True, False]})
    safe = handover.defuse(frame.rename_axis("customer_id"))
    assert safe["tier"].iloc[0] == "'=x"
    assert pd.isna(safe["tier"].iloc[1])
    assert safe["back"].tolist() == [True, False]


def test_the_manifest_says_where_the_figures_come_from(shop, tmp_path):
    outcomes = [
        Outcome("01_a", "done", 1.5, skipped=[LeftOut("Spend", "few")]),
        Outcome("02_b", "failed", cell="c", error="E: x"),
    ]
    inputs = handover.hash_files(shop.files[1:])
    handover.write_manifest(
        shop, {"01_a": {"months": 3}}, inputs, outcomes, 9.87, ["report.html"], tmp_path / "manifest.json"
    )
    manifest = json.loads((tmp_path / "manifest.json").read_text("utf-8"))
    assert manifest["parameters"] == {"01_a": {"months": 3}}
    assert {entry["file"] for entry in manifest["inputs"]} >= {"orders.csv"}
    assert all(len(entry["sha256"]) == 64 for entry in manifest["inputs"])
    assert {row["action"] for row in manifest["ledger"]} >= {"read", "kept"}
    assert manifest["versions"]["pandas"] == pd.__version__
    assert manifest["notebooks"][0]["left_out"] == [{"section": "Spend", "reason": "few"}]
    assert manifest["notebooks"][1]["error"] == "E: x"
    assert manifest["seconds"] == 9.9


def test_a_file_that_cant_be_written_whole_is_not_written_at_all(tmp_path):
    target = tmp_path / "report.html"
    target.write_text("old")

    def fill_the_disk(partial: Path):
        partial.write_text("half")
        raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space"), files.replacing(target) as partial:
        fill_the_disk(partial)
    assert target.read_text() == "old"
    assert [file.name for file in tmp_path.iterdir()] == ["report.html"]
