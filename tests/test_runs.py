"""Proof that every notebook runs to its end on any dataset, and that a run hands over what it should."""

import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from clvlib.refresh import NOTEBOOKS

FILES = sorted(NOTEBOOKS.glob("[0-9][0-9]*.ipynb"))


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
    card = f'name = "{name}"\ncurrency = "EUR"\nlocale = "fr_FR"\n\n[transactions]\npath = "{name}.csv"\n{options}'
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


DATASETS = {
    "cdnow": lambda _: "cdnow",
    "nobody-came-back": lambda folder: write_card(folder, "nobody-came-back", purchases(200, 0)),
    "forty": renamed,
}


@pytest.fixture(scope="module")
def runs(tmp_path_factory, quiet):
    """`clv run` of all notebooks on each dataset, two at a time: exit code, what was printed, the run's folder."""
    folder = tmp_path_factory.mktemp("runs")
    program = "import sys; from clvlib.cli import main; sys.argv = ['clv', 'run', *sys.argv[1:]]; main()"

    def run(name):
        out = folder / "out" / name
        command = [sys.executable, "-c", program, DATASETS[name](folder), "--out", str(out)]
        done = subprocess.run(command, capture_output=True, text=True, check=False, env=quiet, timeout=900)
        return name, (done.returncode, done.stdout + done.stderr, next(out.glob("*/*"), out))

    with ThreadPoolExecutor(2) as pool:
        return dict(pool.map(run, DATASETS))


@pytest.mark.parametrize("name", DATASETS)
def test_every_notebook_runs_to_its_end(runs, name):
    code, printed, folder = runs[name]
    assert code == 0, printed
    assert "Traceback" not in printed
    assert "Warning" not in printed
    entries = json.loads((folder / "manifest.json").read_text("utf-8"))["notebooks"]
    assert [entry["outcome"] for entry in entries] == ["done"] * len(FILES)


@pytest.mark.parametrize("name", DATASETS)
def test_a_run_ends_by_naming_its_files_and_they_are_there(runs, name):
    _, printed, folder = runs[name]
    for file in ("report.html", "customers.csv", "manifest.json"):
        assert str(folder / file) in printed
        assert (folder / file).stat().st_size > 0
    assert (folder / "report.html").stat().st_size < 5_000_000


@pytest.mark.parametrize("name", DATASETS)
def test_no_section_shows_a_value_that_is_not_a_number(runs, name):
    page = (runs[name][2] / "report.html").read_text("utf-8")
    words = page.split("<main>")[1]
    assert not [word for word in (">nan<", ">NaN<", ">None<", "nan%", "nan €", "inf%") if word in words]


def test_customers_csv_has_one_row_for_each_customer_and_their_scores(runs):
    table = pd.read_csv(runs["cdnow"][2] / "customers.csv", dtype={"customer_id": str}).set_index("customer_id")
    assert table.index.is_unique
    assert len(table) > 23_000
    assert {"segment", "clv", "p_alive"} <= set(table.columns)
    assert table["clv"].notna().all()
    assert (table.index.str.len() == 5).all()


def test_where_nobody_came_back_the_report_says_what_it_cant_answer(runs):
    entries = json.loads((runs["nobody-came-back"][2] / "manifest.json").read_text("utf-8"))["notebooks"]
    assert any(entry.get("left_out") for entry in entries if entry["notebook"].startswith("03"))
    assert "What was left out" in (runs["nobody-came-back"][2] / "report.html").read_text("utf-8")


def test_the_report_of_a_french_card_writes_money_in_euros(runs):
    assert "€" in (runs["forty"][2] / "report.html").read_text("utf-8")
