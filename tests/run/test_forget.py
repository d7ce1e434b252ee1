"""Somebody who asks to be forgotten: gone from every file made of the data and from later runs, and nobody else."""

import gzip
import json
import pickle
import zipfile
from pathlib import Path

import nbformat
import numpy as np
import pandas as pd
import pytest

from clvlib import dataset
from clvlib.errors import DataError, UsageError
from clvlib.ingest import people
from clvlib.run import forget, handover, places, reconcile, runner
from tests.traces import contents

ANNA, LIKE_ANNA, BO = "anna@example.com", "x.anna@example.com", "bo@example.com"
ORDERS = "customer_id,date,amount\n" + "".join(
    f"{who},2025-{month:02}-03,{paid}\n"
    for who, paid in ((ANNA, 20), (LIKE_ANNA, 30), (BO, 40.5))
    for month in (1, 2, 3)
)
PEOPLE = f"customer_id,region,referred_by\n{ANNA},North,\n{BO},South,{ANNA}\n{LIKE_ANNA},South,\n"
TABLES = '[transactions]\npath = "orders.csv"\n[customers]\npath = "people.csv"\n'


@pytest.fixture(autouse=True)
def own_key(tmp_path, monkeypatch):
    monkeypatch.setenv(people.KEY, str(tmp_path / "mine" / "key"))
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def card(tmp_path):
    (tmp_path / "orders.csv").write_text(ORDERS)
    (tmp_path / "people.csv").write_text(PEOPLE)
    (tmp_path / "shop.toml").write_text(f'name = "Shop"\n{TABLES}')
    return tmp_path / "shop.toml"


def made_of(card, tmp_path):
    """A run and working copies, with all kinds of files that may name a customer; the pseudonyms of the three."""
    ds = dataset.load(card)
    named = list(ds.rfm_summary().index)
    run = places.folder_of(tmp_path / "runs", ds.name, ds.files[0], of=ds.files[1]) / "2025-03-03"
    work = places.folder_of(tmp_path / "work", ds.name, ds.files[0], of=card)
    (run / "stored").mkdir(parents=True)
    (run / "parts" / "01" / "abc").mkdir(parents=True)
    (run / "notebooks").mkdir()
    with runner.locked(run):
        pass
    listed = pd.DataFrame({"group": "contact"}, index=pd.Index(named, name="customer_id"))
    handover.write_customers(ds, [], {"crm": listed}, run)
    handover.write_list(listed, run / "crm.csv")
    listed.reset_index().astype("category").to_parquet(run / "stored" / "plan.parquet")
    (run / "manifest.json").write_text('{"files": ["customers.csv", "customers.xlsx", "report.html"]}')
    (run / "report.html").write_text(f"<p>{named[0]} is our best customer</p>")
    book = nbformat.v4.new_notebook(
        cells=[nbformat.v4.new_code_cell(f"look('{named[0]}')"), nbformat.v4.new_code_cell("1")]
    )
    for who, cell in zip(named, book.cells, strict=False):
        cell.outputs = [nbformat.v4.new_output("display_data", {"text/plain": f"of them\n{who}: so far"})]
    rows = json.dumps([[who, 1] for who in named])
    book.metadata["widgets"] = {"state": {"a": {"state": {"_dt_args": {"data_json": rows}}}}}
    nbformat.write(book, run / "notebooks" / "09.ipynb")
    nbformat.write(book, work / "09.ipynb")
    (work / "mine.csv").write_bytes("﻿who;spent\r\n".encode() + "".join(f"{who};1,5\r\n" for who in named).encode())
    (work / "kept.pickle").write_bytes(pickle.dumps(listed))
    (work / "array.bin").write_bytes(np.array(named).tobytes())
    with zipfile.ZipFile(work / "sent.zip", "w", zipfile.ZIP_DEFLATED) as packed:
        packed.write(run / "crm.csv", "crm.csv")
    (work / "sent.txt.gz").write_bytes(gzip.compress(f"to {named[0]}".encode()))
    (work / "plot.png").write_bytes(b"\x89PNG\0")
    (work / "half.gz").write_bytes(b"\x1f\x8b half a file")
    ds.save_group(named, "all", work / "groups")
    return run, work, named


@pytest.mark.parametrize("by_id", [True, False])
def test_a_search_of_every_file_finds_neither_id_nor_pseudonym_and_all_others_stay(card, tmp_path, capsys, by_id):
    run, work, named = made_of(card, tmp_path)
    anna, other, bo = (people.pseudonym(people.key(), who) for who in (ANNA, LIKE_ANNA, BO))
    forget.forget(ANNA if by_id else anna, card, (Path("runs"), Path("work")))
    said = capsys.readouterr().out
    for made in (tmp_path / "runs", tmp_path / "work"):
        for file, content in contents(made).items():
            assert anna.encode() not in content, file
            assert anna.encode("utf-32-le") not in content, file
            assert b"anna@" not in content.replace(b"x.anna@", b""), file
    listed = pd.read_csv(run / "customers.csv", dtype=str)
    assert set(listed["customer_id"]) == {other, bo}
    assert set(pd.read_csv(run / "crm.csv")["customer_id"]) == {other, bo}
    assert set(pd.read_parquet(run / "stored" / "plan.parquet")["customer_id"]) == {other, bo}
    assert set(pd.read_csv(work / "groups" / "all.csv")["customer_id"]) == {other, bo}
    assert "work/shop/mine.csv: 1 row(s) taken out" in said
    assert (work / "mine.csv").read_bytes().count(b";1,5\r\n") == 2
    assert (run / "report.html").exists() == (named[0] != anna)


def test_what_was_done_is_said_and_what_is_left_to_do(card, tmp_path, capsys):
    run, work, named = made_of(card, tmp_path)
    forget.forget(named[0], card, (tmp_path / "runs", tmp_path / "work"))
    said = capsys.readouterr().out
    book = nbformat.read(work / "09.ipynb", as_version=4)
    assert [len(cell.outputs) for cell in book.cells] == [0, 1]
    assert book.cells[0].source == "look('forgotten')"
    for line in (
        f"{run / 'customers.csv'}: 1 row(s) taken out",
        f"{run / 'customers.xlsx'}: removed",
        f"{run / 'report.html'}: removed",
        f"{run / 'parts'}: removed",
        f"{work / '09.ipynb'}: 1 output(s) and 1 mention(s) taken out, and what its controls and tables to browse held",
        f"{work / 'kept.pickle'}: removed",
        f"{work / 'array.bin'}: removed",
        f"{work / 'sent.zip'}: removed",
        f"{work / 'sent.txt.gz'}: removed",
        f"2 of them, look yourself: {work / 'half.gz'}, {work / 'plot.png'}.",
        f"run again: {run}.",
        "none names them.",
    ):
        assert line in said
    assert "The client's own files hold them: 3 row(s) of transactions" in said
    assert '"files": [\n  "customers.csv"\n ]' in (run / "manifest.json").read_text().replace("    ", "  ").replace(
        "  ]", " ]"
    )
    assert (card.parent / "orders.csv").read_text() == ORDERS


def test_later_runs_leave_them_out_and_the_ledger_says_so_in_rows_and_money(card):
    before = dataset.load(card)
    forget.forget(ANNA, card, ())
    ds = dataset.load(card)
    assert len(ds.rfm_summary()) == 2
    assert ds.customers()["referred_by"].isna().all()
    told = {(line["table"], line["action"], line["reason"]): line for line in ds.ledger.to_dict("records")}
    left_out = told["transactions", "forgotten", "customers who asked to be forgotten"]
    assert (left_out["rows"], left_out["money"]) == (3, 60.0)
    kept = told["transactions", "kept", "usable rows"]
    assert (kept["rows"], kept["money"]) == (6, 211.5)
    assert told["customers", "forgotten", "customers who asked to be forgotten"]["rows"] == 1
    (note,) = [problem for problem in ds.problems if "asked to be forgotten" in str(problem)]
    assert "1 of the 1 people on shop.forgotten are in the files, with 4 row(s) and 60.00 of amounts" in note.what
    account = reconcile.account(ds)
    assert account.loc["left out", ["rows", "customers", "revenue"]].tolist() == [3, 1, 60.0]
    assert not any("no purchase up to" in str(problem) for problem in ds.problems)
    assert ds.files[1] == before.files[1]


def test_the_list_holds_neither_id_nor_pseudonym_and_the_key_alone_reads_it(card, tmp_path, monkeypatch):
    forget.forget(ANNA, card, ())
    forget.forget(BO, card, ())
    forget.forget(ANNA, card, ())
    text = (tmp_path / "shop.forgotten").read_text()
    assert len(text.splitlines()) == 3
    assert not any(people.pseudonym(people.key(), who) in text or who in text for who in (ANNA, BO))
    monkeypatch.setenv(people.KEY, str(tmp_path / "another"))
    with pytest.raises(DataError, match=r"made with another key .* the 2 people on it"):
        dataset.load(card)


def test_where_ids_stay_as_they_are_a_bare_number_goes_from_lists_and_leaves_figures_alone(tmp_path, capsys):
    (tmp_path / "orders.csv").write_text(
        "customer_id,date,amount\n" + "".join(f"{i},2025-01-0{i},{i}0\n" for i in range(1, 9))
    )
    (tmp_path / "shop.toml").write_text(
        'name = "Shop"\npseudonyms = false\nlists = { hubspot = "Record ID" }\n[transactions]\npath = "orders.csv"\n'
    )
    card = tmp_path / "shop.toml"
    ds = dataset.load(card)
    run = places.folder_of(tmp_path / "runs", ds.name, ds.files[0], of=ds.files[1]) / "2025-01-08"
    run.mkdir()
    with runner.locked(run):
        handover.write_customers(ds, [], {}, run)
    pd.read_csv(run / "customers.csv").rename(columns={"customer_id": "Record ID"}).to_csv(run / "hubspot.csv")
    (run / "tableau.hyper").write_bytes(b"packed")
    (run / "progress.json").write_text('{"attempts": 2}')
    (run / "report.html").write_text("<td>2</td>")
    forget.forget("2", card, (tmp_path / "runs",))
    left = pd.read_csv(run / "customers.csv", dtype={"customer_id": str})
    assert list(left["customer_id"]) == [*"1345678"]
    assert (left["days_since_last_order"] == 2).sum() == 1  # customer 6
    assert pd.read_csv(run / "hubspot.csv")["Record ID"].to_list() == [1, 3, 4, 5, 6, 7, 8]
    assert not (run / "tableau.hyper").exists()
    assert (run / "progress.json").exists()
    assert not (run / "report.html").exists()  # nobody can tell whether that 2 is a figure
    assert list(dataset.load(card).rfm_summary().index) == [*"1345678"]
    assert '"2"' not in (tmp_path / "shop.forgotten").read_text()


def test_a_group_and_a_run_of_an_earlier_day_go_by_the_same_list(card, tmp_path):
    _, work, _ = made_of(card, tmp_path)
    forget.forget(ANNA, card, (tmp_path / "runs", tmp_path / "work"))
    group = dataset.load(work / "groups" / "all.toml")
    assert len(group.rfm_summary()) == 2
    assert ("transactions", "forgotten") in set(zip(group.ledger["table"], group.ledger["action"], strict=True))
    earlier = places.card_for(str(card), "2025-02-28", tmp_path)
    assert len(dataset.load(earlier).rfm_summary()) == 2
    saved = dataset.load(card).save_group(dataset.load(card).rfm_summary().index, "later", tmp_path)
    assert len(dataset.load(saved).rfm_summary()) == 2


def test_somebody_who_left_the_clients_files_is_forgotten_in_runs_and_a_stranger_is_refused(card, tmp_path, capsys):
    run, _, _ = made_of(card, tmp_path)
    (tmp_path / "orders.csv").write_text("".join(line for line in ORDERS.splitlines(True) if not line.startswith(ANNA)))
    (tmp_path / "people.csv").unlink()
    card.write_text('name = "Shop"\n[transactions]\npath = "orders.csv"\n')
    forget.forget(ANNA, card, (tmp_path / "runs",))
    assert len(pd.read_csv(run / "customers.csv")) == 2
    assert "client's own files" not in capsys.readouterr().out
    with pytest.raises(UsageError, match=r"Is it bo@example\.com"):
        forget.forget("BO@example.com", card, ())
    with pytest.raises(UsageError, match="Nobody of that name"):
        forget.forget("anne@example.com", card, (tmp_path / "runs",))
    assert len((tmp_path / "shop.forgotten").read_text().splitlines()) == 2


def test_others_data_and_those_of_a_run_in_progress_are_not_touched(card, tmp_path):
    run, _, _ = made_of(card, tmp_path)
    other = tmp_path / "other"
    other.mkdir()
    (other / "orders.csv").write_text(ORDERS)
    (other / "shop.toml").write_text('name = "Shop"\n[transactions]\npath = "orders.csv"\n')
    made_of(other / "shop.toml", tmp_path)
    kept = {file: content for file, content in contents(tmp_path / "runs").items() if run.parent not in file.parents}
    assert kept
    with runner.locked(run), pytest.raises(UsageError, match="Another run"):
        forget.forget(ANNA, card, (tmp_path / "runs",))
    assert len(pd.read_csv(run / "customers.csv")) == 3
    forget.forget(ANNA, card, (tmp_path / "runs",))
    assert {file: file.read_bytes() for file in kept if file.suffix == ".csv"} == {
        file: content for file, content in kept.items() if file.suffix == ".csv"
    }
    with pytest.raises(UsageError, match="comes with the project"):
        forget.forget("00004", "cdnow", ())
    with pytest.raises(UsageError, match="card of a group"):
        forget.forget(ANNA, tmp_path / "work" / "shop" / "groups" / "all.toml", ())


def test_when_everybody_is_forgotten_it_is_said(card):
    for who in (ANNA, LIKE_ANNA, BO):
        forget.forget(who, card, ())
    with pytest.raises(DataError, match="nobody is left"):
        dataset.load(card)
