import base64
import io
import json
import re
from pathlib import Path

import nbformat
import numpy as np
import pandas as pd
import pytest
from PIL import Image

from clvlib import files
from clvlib.run import handover, report
from clvlib.run.outcome import LeftOut, Outcome

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


def output(data, **about):
    return nbformat.v4.new_output("display_data", data=data, metadata={"clv": about} if about else {})


def notebook(size=40):
    cells = [
        nbformat.v4.new_markdown_cell(
            f"# 01 · Formula\n\n> quoted\n\n{EVIL}\n\n[next](02_next.ipynb), [gone](09_x.ipynb)"
        ),
        nbformat.v4.new_markdown_cell("## 1. First\n\n| a | b |\n|---|---|\n| 1 | [paper](https://example.org) |"),
        nbformat.v4.new_code_cell(
            "secret_code()",
            outputs=[
                output(
                    {"text/html": f"<p class='clv-sentence'>Half {EVIL}</p>", "text/plain": "Half"}, kind="headline"
                ),
                output(
                    {"image/png": picture(size), "text/plain": "Figure"},
                    kind="figure",
                    title="It's found",
                    headline=True,
                ),
                output(
                    {"text/html": "box", "text/plain": "box"}, kind="skipped", section="Spend", reason=f"few {EVIL}"
                ),
                output({"text/plain": f"plain {EVIL}"}),
                output({"application/vnd.jupyter.widget-view+json": {"model_id": "x"}, "text/plain": "IntSlider()"}),
                output({"application/javascript": "alert(2)", "text/plain": "js"}),
                nbformat.v4.new_output("stream", name="stderr", text="a warning"),
            ],
        ),
    ]
    return nbformat.v4.new_notebook(cells=cells)


@pytest.fixture
def page(shop, tmp_path):
    left_out = report.left_out(notebook())
    outcomes = [
        Outcome("01_formula", "done", skipped=left_out),
        Outcome("02_next", "done"),
        Outcome("03_bad", "failed", cell="fit", error=f"ValueError: {EVIL}"),
    ]
    report.write_report(shop, {"01_formula": notebook(), "02_next": notebook()}, outcomes, tmp_path / "report.html")
    return (tmp_path / "report.html").read_text("utf-8")


def test_a_clients_text_can_do_nothing_in_the_report(page):
    assert "<script" not in page
    assert not re.search(r"<[^>]*\sonerror", page)
    assert "alert(2)" not in page


def test_the_report_asks_for_nothing_from_anywhere(page):
    loaded = re.findall(r'(?:src|srcset|poster|data)="([^"]*)"|url\(([^)]*)\)|<link|@import', page)
    assert loaded
    assert all(source.startswith("data:image/png;base64,") for source, _ in loaded)
    assert "default-src 'none'" in page


def test_the_report_opens_with_dates_assumptions_headlines_what_was_left_out_and_contents(page):
    places = [page.index(f'id="{part}"') for part in ("assumptions", "headlines", "left-out", "contents", "01_formula")]
    assert places == sorted(places)
    assert page.index("Jan 3, 2025 to Jun 1, 2025") < places[0]
    head = page[places[1] : places[2]]
    assert "Half" in head
    assert 'alt="It\'s found"' in head.replace("&#39;", "'")


def test_what_was_left_out_or_failed_says_why(page):
    part = page[page.index('id="left-out"') : page.index('id="contents"')]
    assert "Spend: few" in part
    assert "03_bad" in part
    assert "ValueError" in part


def test_what_builds_on_something_left_out_is_named_on_one_line(shop):
    parts = [
        LeftOut("Spend", "few"),
        LeftOut("Value", "It builds on it.", "Spend"),
        LeftOut("Ranks", "It too.", "Value"),
    ]
    page = report.compose(shop, {}, [Outcome("03_x", "done", skipped=parts)])
    assert "Spend: few" in page
    assert "because they build on these: Value, Ranks." in page


def test_there_is_no_code_and_no_widget_in_the_report(page):
    assert "secret_code" not in page
    assert "IntSlider" not in page
    assert "a warning" not in page


def test_contents_lead_to_headings_that_exist_once(page):
    anchors = re.findall(r'href="#([^"]*)"', page)
    assert "01_formula" in anchors
    assert all(len(re.findall(f'id="{re.escape(anchor)}"', page)) == 1 for anchor in anchors)


def test_links_to_notebooks_lead_to_chapters_and_dead_ones_are_taken_out(page):
    assert 'href="#02_next"' in page
    assert "09_x" not in page
    assert 'href="https://example.org"' in page


def test_text_of_the_lesson_keeps_its_shape(page):
    assert "<blockquote>" in page
    assert "<td>1</td>" in page


def test_a_report_stays_under_five_megabytes(shop, tmp_path, monkeypatch):
    monkeypatch.setattr(report, "MOST_BYTES", 300_000)
    report.write_report(shop, {"01_formula": notebook(300)}, [], tmp_path / "report.html")
    assert (tmp_path / "report.html").stat().st_size < 300_000
    assert (tmp_path / "report.html").read_text("utf-8").count("data:image/png") == 2


def test_a_report_without_any_notebook_is_still_a_report(shop, tmp_path):
    report.write_report(shop, {}, [Outcome("01_formula", "failed", error="ValueError: x")], tmp_path / "report.html")
    assert "ValueError: x" in (tmp_path / "report.html").read_text("utf-8")


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
    plain = ["plain", "0007", "+33612345678", "-7", "+33 6 12 34 56 78", "-2,5", "a=b"]
    frame = pd.DataFrame({"text": risky + plain, "=n": range(17)}, index=pd.Index(risky + plain, name="customer_id"))
    safe = handover.defuse(frame)
    assert list(safe["text"]) == [f"'{text}" for text in risky] + plain
    assert list(safe.index) == list(safe["text"])
    assert list(safe["'=n"]) == list(range(17))


def test_a_workbook_holds_texts_as_texts_and_crm_csv_holds_them_unaltered(shop, tmp_path):
    from openpyxl import load_workbook

    kept = pd.DataFrame({"tier": ["=best", None, "+33 6"]}, index=pd.Index(["0007", "12", "zoé"], name="customer_id"))
    kept.to_parquet(tmp_path / "01_a.parquet")
    handover.write_list(tmp_path / "01_a.parquet", tmp_path / "crm.csv")
    crm = pd.read_csv(tmp_path / "crm.csv", dtype=str, keep_default_na=False).set_index("customer_id")
    assert list(crm["tier"]) == ["=best", "", "+33 6"]
    handover.write_customers(shop, [tmp_path / "01_a.parquet"], {"calls": tmp_path / "01_a.parquet"}, tmp_path)
    book = load_workbook(tmp_path / "customers.xlsx")
    assert book.sheetnames == ["customers", "calls"]
    cells = [[(cell.value, cell.data_type) for cell in row] for row in book["calls"].iter_rows()]
    assert cells[1] == [("0007", "s"), ("=best", "s")]
    assert cells[2][1] == (None, "n")
    assert isinstance(book["customers"]["B2"].value, int)


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
