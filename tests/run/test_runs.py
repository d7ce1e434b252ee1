"""Proof that every notebook runs to its end on any dataset, and that a run hands over what it should."""

import json
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from zlib import crc32

import nbformat
import numpy as np
import openpyxl
import pandas as pd
import pytest
from bs4 import BeautifulSoup

from clvlib.run.refresh import NOTEBOOKS
from tests.traces import contents, traces

COUNTED = {"customers", "people", "answers", "buyers", "watched", "could", "staying", "subscribers", "new customers"}
FILES = sorted(NOTEBOOKS.glob("[0-9][0-9]*.ipynb"))


TWO = ("a@example.com", "+33 6 39 98 12 34")


def purchases(customers: int, repeats: float, seed: int = 0) -> pd.DataFrame:
    """Orders of a made-up shop: each customer buys once, and then `repeats` times on average."""
    random = np.random.default_rng(seed)
    rows = []
    for customer in range(customers):
        first = random.integers(0, 250)
        gaps = random.exponential(35, random.poisson(repeats)).astype(int) + 1
        days = first + np.concatenate([[0], np.cumsum(gaps)])
        for day in days[days <= 540]:
            rows.append(
                (f"{customer:05d}", pd.Timestamp("2024-01-01") + pd.Timedelta(int(day), "D"), random.gamma(2, 20))
            )
    return pd.DataFrame(rows, columns=["customer_id", "date", "amount"]).assign(amount=lambda f: f["amount"].round(2))


def write_card(folder: Path, name: str, frame: pd.DataFrame, **writing) -> str:
    frame.to_csv(
        folder / f"{name}.csv", index=False, **{key: writing[key] for key in ("sep", "decimal") if key in writing}
    )
    options = "".join(f"{key} = {value}\n" for key, value in writing.get("card", {}).items())
    above = f'name = "{name}"\ncurrency = "EUR"\nlocale = "fr_FR"\nlanguage = "en"\n'
    card = f'{above}\n[transactions]\npath = "{name}.csv"\n{options}'
    (folder / f"{name}.toml").write_text(card, encoding="utf-8")
    return str(folder / f"{name}.toml")


def renamed(folder: Path) -> str:
    """Forty customers, in a file with other names, semicolons and decimal commas."""
    frame = purchases(40, 2).rename(columns={"customer_id": "Client", "date": "Jour", "amount": "Montant"})
    frame["Jour"] = frame["Jour"].dt.strftime("%d/%m/%Y")
    card = {
        "delimiter": '";"',
        "decimal": '","',
        "date_format": '"%d/%m/%Y"',
        "columns": '{ customer_id = "Client", date = "Jour", amount = "Montant" }',
    }
    return write_card(folder, "forty", frame, sep=";", decimal=",", card=card)


def few(*rows):
    """A dataset of these rows: customer, day of 2024 (from 0), amount."""
    frame = pd.DataFrame(rows, columns=["customer_id", "day", "amount"])
    frame["date"] = pd.Timestamp("2024-01-01") + pd.to_timedelta(frame.pop("day"), unit="D")
    return lambda folder: write_card(folder, f"few-{len(rows)}-{crc32(repr(rows).encode())}", frame)


DATASETS = {
    "cdnow_sample": lambda _: "cdnow_sample",
    "cdnow": lambda _: "cdnow",
    "nobody came back": lambda folder: write_card(folder, "nobody-came-back", purchases(200, 0)),
    "forty in French": renamed,
    "one row": few(("a", 0, 10.0)),
    "one customer": few(*(("a", day, 10.0) for day in range(0, 300, 30))),
    "two customers": few(*((who, day, 10.0 + day % 7) for who in TWO for day in range(0, 600, 25))),
    "one day": few(*((f"c{i}", 0, 10.0 + i) for i in range(30))),
    "everybody alike": few(*((f"c{i}", day, 25.0) for i in range(30) for day in range(0, 500, 50))),
    "nothing but refunds": few(*((f"c{i}", 5 + i, 30.0) for i in range(9)), *((f"c{i}", 50, -30.0) for i in range(8))),
    "one whale": few(*((f"c{i}", i, 20.0) for i in range(40)), ("c1", 200, 1e9)),
    "coins": few(*((f"c{i % 25}", 3 * i, 0.00001 + i * 1e-7) for i in range(120))),
    "ten years": few(*((f"c{i % 20}", 37 * i - 3000, 20.0 + i % 5) for i in range(100))),
}
QUICK = "two customers"  # in some notebooks; all of them, and the other datasets, take longer than a test may
SOME = ("00", "03", "03b", "05b", "07", "08")


def run_all(datasets, folder, quiet, *flags):
    """`clv run` on each dataset, two at a time: exit code, what was printed, the run's folder."""
    program = "import sys; from clvlib.run.cli import main; sys.argv = ['clv', 'run', *sys.argv[1:]]; main()"

    def run(name):
        out = folder / "out" / name
        command = [sys.executable, "-c", program, datasets[name](folder), "--out", str(out), *flags]
        done = subprocess.run(command, capture_output=True, text=True, check=False, env=quiet, timeout=900)
        return name, (done.returncode, done.stdout + done.stderr, next(out.glob("*/[0-9]*"), out))

    with ThreadPoolExecutor(2) as pool:
        return dict(pool.map(run, datasets))


@pytest.fixture(scope="module")
def run(tmp_path_factory, quiet):
    folder = tmp_path_factory.mktemp("runs")
    return run_all({QUICK: DATASETS[QUICK]}, folder, quiet, "--only", ",".join(SOME))[QUICK]


@pytest.fixture(scope="module")
def scored(tmp_path_factory, quiet):
    """A run of the notebooks that give scores."""
    name = "cdnow_sample"
    return run_all({name: DATASETS[name]}, tmp_path_factory.mktemp("scored"), quiet, "--only", "02,03")[name]


@pytest.fixture(scope="module")
def odd_runs(tmp_path_factory, quiet):
    return run_all(DATASETS, tmp_path_factory.mktemp("odd"), quiet)


def ends_well(code, printed, folder, notebooks=FILES):
    assert code == 0, printed
    assert "Traceback" not in printed
    assert "Warning" not in printed
    entries = json.loads((folder / "manifest.json").read_text("utf-8"))["notebooks"]
    outcomes = [entry["outcome"] for entry in entries if entry["outcome"] != "not asked for"]
    assert outcomes == ["done"] * len(notebooks)
    words = (folder / "report.html").read_text("utf-8").split("<main>")[1]
    assert "NOT the same" not in words, "a figure computed in the open is not the package's"
    assert not [word for word in (">nan<", ">NaN<", ">None<", "nan%", "nan €", "inf%") if word in words]


def test_notebooks_run_to_their_end_where_nearly_nothing_is_known(run):
    ends_well(*run, notebooks=SOME)


@pytest.mark.proof
@pytest.mark.parametrize("name", DATASETS)
def test_every_notebook_runs_to_its_end_on_any_dataset(odd_runs, name):
    ends_well(*odd_runs[name])


def test_a_run_ends_by_naming_its_files_and_they_are_there(run):
    _, printed, folder = run
    for file in ("report.html", "customers.csv", "manifest.json"):
        assert str(folder / file) in printed
        assert (folder / file).stat().st_size > 0
    assert (folder / "report.html").stat().st_size < 5_000_000


def test_nothing_that_a_run_makes_leads_to_a_customer_or_to_a_computer(run):
    _, printed, folder = run
    made = {
        str(file.relative_to(folder)): content.decode("utf-8", "ignore") for file, content in contents(folder).items()
    }
    assert {"report.html", "report.xlsx", "customers.csv", "customers.xlsx", "manifest.json"} <= made.keys()
    assert {name: traces(text) for name, text in made.items() if traces(text)} == {}
    for name, text in (made | {"printed": printed}).items():
        assert not [who for who in TWO if who in text], name
        assert name == "printed" or str(folder) not in text, name


def figures_of_few(columns, rows):
    """The rows of a table that show a figure beside a number of customers, or of the like, of 1 to 4."""
    counts = [at for at, name in enumerate(columns) if name in COUNTED]
    told = []
    for row in rows if counts else ():
        few = any(isinstance(row[at], int | float) and 0 < row[at] < 5 for at in counts)
        others = [cell for at, cell in enumerate(row) if at not in counts and isinstance(cell, int | float)]
        told += [row] if few and [cell for cell in others if not isinstance(cell, bool)] else []
    return told


def test_no_table_of_a_report_or_its_workbook_tells_of_fewer_than_five_customers(run):
    _, _, folder = run
    tables = {
        f"{file.parts[-4]} {file.stem}": json.loads(file.read_text("utf-8"))
        for file in folder.glob("parts/*/*/tables/*")
    }
    told = {name: figures_of_few(table["columns"], table["data"]) for name, table in tables.items()}
    assert any(COUNTED & set(table["columns"]) for table in tables.values())
    for sheet in openpyxl.load_workbook(folder / "report.xlsx", read_only=True):
        head, *rows = sheet.iter_rows(values_only=True)
        told[sheet.title] = figures_of_few(head, rows) if sheet.title not in ("ledger", "board") else []
    page = BeautifulSoup((folder / "report.html").read_text("utf-8"), "html.parser")
    for number, table in enumerate(page.find_all("table")):
        head = [cell.get_text() for cell in table.select("thead th")]
        rows = [[written(cell) for cell in row.find_all(["th", "td"])] for row in table.select("tbody tr")]
        told[f"report {number}"] = figures_of_few(head, rows)
    assert {name: rows for name, rows in told.items() if rows} == {}


def written(cell):
    """What a cell of a page says: a number where it is one, a dash being none."""
    text = cell.get_text().strip()
    figures = re.sub(r"[^\d,.]", "", text).replace(",", ".")
    return float(figures) if "num" in cell.get("class", []) and re.fullmatch(r"\d+(\.\d+)?", figures) else text


def test_exercises_and_quizzes_stay_out_of_a_run(run):
    _, _, folder = run
    executed = [nbformat.read(file, as_version=4) for file in (folder / "notebooks").glob("*.ipynb")]
    assert executed
    assert not [cell.source for book in executed for cell in book.cells if re.search(r"course\.\w+\(", cell.source)]
    assert "Exercise" not in (folder / "report.html").read_text("utf-8")


def test_customers_csv_has_one_row_for_each_customer_and_their_scores(scored):
    code, printed, folder = scored
    assert code == 0, printed
    table = pd.read_csv(folder / "customers.csv", dtype={"customer_id": str}).set_index("customer_id")
    assert table.index.is_unique
    assert len(table) == 2349
    assert {"segment", "clv", "p_purchase"} <= set(table.columns)
    assert table["clv"].notna().all()


def test_where_little_is_known_the_report_says_what_it_cant_answer(run):
    _, _, folder = run
    entries = json.loads((folder / "manifest.json").read_text("utf-8"))["notebooks"]
    assert any(entry.get("left_out") for entry in entries if entry["notebook"].startswith("03"))
    page = (folder / "report.html").read_text("utf-8")
    assert page.count("<tr>", page.index('id="left-out"'), page.index('id="appendix"')) > 1
    assert "€" in page  # the card is a French one
