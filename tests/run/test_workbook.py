import json
import shutil
import subprocess

import pandas as pd
import pytest
from markupsafe import Markup
from openpyxl import load_workbook

from clvlib import language, show
from clvlib.models import outlook
from clvlib.run import workbook
from clvlib.run.chapters import Chapter, Content, Table
from clvlib.show import to_run
from clvlib.value import equity, what_if


@pytest.fixture(scope="module")
def offered(cdnow_sample):
    base = outlook.foresee(cdnow_sample)
    now = equity.Valuation(
        cdnow_sample.as_of, cdnow_sample.rfm_summary(), base, equity.factors(base, cdnow_sample.economics)
    )
    return what_if.what_if(cdnow_sample, now, 5)


@pytest.fixture
def written(tmp_path, monkeypatch, cdnow_sample, offered):
    """report.xlsx of one chapter with three tables, two of one caption."""
    monkeypatch.setenv(to_run.RUN_FOLDER, str(tmp_path))
    monkeypatch.setenv(to_run.NOTEBOOK, "01_x")
    frames = [
        pd.DataFrame({"clv": [1 / 3, None], "who": ["=cmd()", "b"]}, index=pd.Index(["0007", "x"], name="customer_id")),
        pd.DataFrame({("a", "b"): [1, 2]}, index=pd.MultiIndex.from_tuples([("p", 1), ("q", 2)])),
        pd.DataFrame({"on": [pd.Timestamp("2025-01-31")], "m": [pd.Period("2025-01")]}),
    ]
    files = [show.output.hand_table(frame)["file"] for frame in frames]
    captions = ["What [a] new: customer may cost at most", "What [a] new: customer may cost, again", ""]
    tables = [Table(Markup(), *about, "01_x") for about in zip(captions, files, strict=True)]
    chapter = Chapter("01_x", "What?", tables=tables)
    tile = {"name": "CAC", "value": 3.5, "now": "$3.50", "range": "", "before": "$2", "means": "costs"}
    grids = {"all": {"all": {"cac": None, "rows": [{"cohort": "2025 Q1", "customers": 5, "values": [1.0, 2.0]}]}}}
    content = Content([chapter], Markup(), [tile], [], [], {"what_if": offered, "cohorts": grids}, [])
    untold = [{"sections": ["Spend", "CAC"], "why": "=1+1", "bring": "costs"}]
    workbook.write_tables(cdnow_sample, content, untold, {"01_x": tmp_path}, tmp_path / "report.xlsx")
    return tmp_path / "report.xlsx"


def test_every_table_of_the_report_has_its_sheet_with_all_its_digits(written):
    book = load_workbook(written)
    first, second, third = (book[name] for name in book.sheetnames[3:6])
    assert book.sheetnames[:3] == ["board", "decisions", "CLV formula"]
    assert [len(name) <= 31 for name in book.sheetnames] == [True] * len(book.sheetnames)
    assert [cell.value for cell in first[2]] == ["0007", pytest.approx(1 / 3, abs=1e-14), "=cmd()"]
    assert first["C2"].data_type == "s"
    assert first["B3"].value is None
    assert [cell.value for cell in second[2]] == ["p", 1, 1]
    assert str(third["A2"].value).startswith("2025-01-31")
    assert book["board"]["B2"].value == 3.5
    assert [cell.value for cell in book["cohorts"][2]] == ["all", "all", "2025 Q1", 5, None, 1, 2]
    assert book["not told"]["B2"].data_type == "s"
    assert book["ledger"].max_row > 3


def test_in_french_sheets_and_entries_of_a_card_have_french_names(cdnow_sample, tmp_path, monkeypatch):
    monkeypatch.setenv(language.ASKED, "fr")
    (tmp_path / "table.json").write_text('{"columns": ["clv"], "data": [[1]]}')
    tables = [Table(Markup(), "Ce qu'un client peut coûter au plus", "table.json", "01_x")]
    content = Content([Chapter("01_x", "", tables=tables)], Markup(), [], [], [], {}, [])
    workbook.write_tables(cdnow_sample, content, [], {"01_x": tmp_path}, tmp_path / "report.xlsx")
    book = load_workbook(tmp_path / "report.xlsx")
    assert book.sheetnames[2] == "01 Ce qu’un client peut coût"
    assert {"marge", "taux d'actualisation annuel", "devise"} <= {cell.value for cell in book["hypothèses"]["A"]}


def test_outside_of_a_run_no_table_is_handed_over(monkeypatch):
    monkeypatch.delenv(to_run.RUN_FOLDER, raising=False)
    assert to_run.hand_table(pd.DataFrame({"a": [1]})) == {}


def test_the_formula_stands_in_cells_that_compute(written):
    cells = {row[0].value: row[1].value for row in load_workbook(written)["CLV formula"].iter_rows(min_row=2)}
    assert [name for name, value in cells.items() if str(value).startswith("=")] == [
        *("left of a year", "kept, discounted", "years that count", "CLV before CAC", "CLV", "CLV : CAC"),
    ]


@pytest.mark.skipif(shutil.which("soffice") is None, reason="LibreOffice isn't installed")
def test_a_spreadsheet_computes_the_clv_of_the_report(written, offered, tmp_path):
    options = "csv:Text - txt - csv (StarCalc):44,34,76,1,,0,false,false,false,false,false,-1"  # all sheets, all digits
    command = [
        "soffice",
        f"-env:UserInstallation={(tmp_path / 'office').as_uri()}",
        "--headless",
        "--convert-to",
        options,
    ]
    subprocess.run([*command, "--outdir", tmp_path, written], check=True, capture_output=True, timeout=180)
    computed = pd.read_csv(tmp_path / "report-CLV formula.csv").set_index("figure")["value"]
    assert float(computed["CLV"]) == pytest.approx(offered["today"]["clv"], rel=1e-9)


def test_what_is_offered_can_stand_in_a_page(offered):
    json.dumps(offered, allow_nan=False)
