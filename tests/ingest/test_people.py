"""Nobody's name: columns that identify people are left out, customers have pseudonyms, the key is its owner's alone."""

import os
import stat
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier, Timer

import pytest

from clvlib import dataset
from clvlib.errors import UsageError
from clvlib.ingest import people
from clvlib.ingest.card import read_card
from clvlib.run import commands

SECRET = bytes(range(32))
ORDERS = "customer_id,date,amount\nanna@example.com,2025-01-03,20\nbo@example.com,2025-02-14,35.5\n"
ORDERS += "anna@example.com,2025-03-01,10\n"
PEOPLE = (
    "customer_id,First Name,Last Name,E-Mail Address,Phone,Street,Notes,IP,Region,Email opt-in,referred_by\n"
    "anna@example.com,Anna,A,anna@example.com,+33 6 39 98 12 34,1 Rue X,likes tea,192.0.2.1,North,yes,\n"
    "bo@example.com,Bo,B,bo@example.com,+33 6 39 98 56 78,2 Rue X,,192.0.2.2,South,no,anna@example.com\n"
)


@pytest.fixture
def shop(tmp_path):
    (tmp_path / "orders.csv").write_text(ORDERS)
    (tmp_path / "people.csv").write_text(PEOPLE)
    card = tmp_path / "shop.toml"
    card.write_text('name = "Shop"\n[transactions]\npath = "orders.csv"\n[customers]\npath = "people.csv"\n')
    return card


@pytest.fixture(autouse=True)
def own_key(tmp_path, monkeypatch):
    monkeypatch.setenv(people.KEY, str(tmp_path / "mine" / "key"))


def test_columns_that_say_who_somebody_is_are_left_out_and_said(shop):
    ds = dataset.load(shop)
    assert list(ds.customers().columns) == ["referred_by", "Region", "Email opt-in"]
    (said,) = [problem.what for problem in ds.problems if "who somebody is" in problem.what]
    assert said.startswith("7 column(s)")
    assert all(name in said for name in ("First Name", "E-Mail Address", "Phone", "Street", "Notes", "IP"))


def test_a_column_that_the_card_maps_is_kept(shop):
    shop.write_text(shop.read_text() + 'columns = { called = "First Name" }\n')
    assert list(dataset.load(shop).customers()["called"].sort_values()) == ["Anna", "Bo"]


def test_what_identifies_is_found_by_its_values_too(tmp_path):
    rows = [
        f"c{i},person{i}@example.com,192.0.2.{i},06 39 98 5{i:03d},Wordy {i} {'x' * i},{'ab'[i % 2]},{i * 1.5},{i}"
        for i in range(30)
    ]
    (tmp_path / "orders.csv").write_text(ORDERS)
    (tmp_path / "people.csv").write_text("customer_id,one,two,three,four,kind,income,points\n" + "\n".join(rows) + "\n")
    sections = {"transactions": {"path": "orders.csv"}, "customers": {"path": "people.csv"}}
    found, _ = dataset.build(sections, tmp_path / "card.toml")
    assert list(found.customers().columns) == ["kind", "income", "points"]


def test_counts_and_grades_stay_though_their_names_begin_like_those_of_people(tmp_path):
    (tmp_path / "orders.csv").write_text(ORDERS)
    people_file = "customer_id,Nombre d'achats,email_opens,Note,Nombre,Tel\nanna@example.com,3,12,8,Anna,0639981234\n"
    (tmp_path / "people.csv").write_text(people_file + "bo@example.com,4,0,6,Bo,0639985678\n")
    sections = {"transactions": {"path": "orders.csv"}, "customers": {"path": "people.csv"}}
    found, _ = dataset.build(sections, tmp_path / "card.toml")
    assert list(found.customers().columns) == ["Nombre d'achats", "email_opens", "Note"]


def test_no_id_is_left_in_a_dataset_its_tables_and_what_is_said_of_it(shop):
    ds = dataset.load(shop)
    ids = {people.pseudonym(people.key(), f"{name}@example.com") for name in ("anna", "bo")}
    assert set(ds.rfm_summary().index) == ids
    assert set(ds.customers()["referred_by"].dropna()) < ids
    assert all("@" not in str(problem) for problem in ds.problems)
    for table in ds.tables.values():
        assert not table.to_pandas().astype(str).apply(lambda column: column.str.contains("@")).any(axis=None)


def test_pseudonyms_are_the_same_each_time_and_others_by_another_key(shop, tmp_path, monkeypatch):
    first = dataset.load(shop).rfm_summary()
    assert dataset.load(shop).rfm_summary().index.equals(first.index)
    monkeypatch.setenv(people.KEY, str(tmp_path / "other"))
    assert not set(dataset.load(shop).rfm_summary().index) & set(first.index)


def test_figures_are_the_same_with_pseudonyms_and_without(shop):
    with_them = dataset.load(shop).rfm_summary().sort_values("total_spend", ignore_index=True)
    shop.write_text("pseudonyms = false\n" + shop.read_text())
    ds = dataset.load(shop)
    assert set(ds.rfm_summary().index) == {"anna@example.com", "bo@example.com"}
    assert ds.rfm_summary().sort_values("total_spend", ignore_index=True).equals(with_them)


def test_the_key_is_made_once_and_nobody_else_can_read_it(tmp_path):
    key = people.key()
    assert people.key() == key
    file = people.key_file()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    os.chmod(file, 0o644)
    with pytest.raises(UsageError, match="Others can read the key"):
        people.key()
    os.chmod(file, 0o600)
    file.write_text("nothing")
    with pytest.raises(UsageError, match="holds no key"):
        people.key()


def test_two_that_begin_at_once_have_one_key(tmp_path):
    begin = Barrier(8)

    def first_use(_):
        begin.wait()
        return people.key()

    with ThreadPoolExecutor(8) as pool:
        assert len(set(pool.map(first_use, range(8)))) == 1
    people.key_file().unlink()
    people.key_file().touch(0o600)  # as another process leaves it for a moment
    late = Timer(0.1, lambda: people.key_file().write_text("ab" * 32 + "\n"))
    late.start()
    assert people.key() == bytes.fromhex("ab" * 32)
    late.join()


def test_a_pseudonym_that_comes_back_in_a_table_is_that_customer(shop):
    hidden = people.pseudonym(people.key(), "anna@example.com")
    (shop.parent / "surveys.csv").write_text(
        f"customer_id,date,score\n{hidden},2025-02-01,9\nbo@example.com,2025-02-02,3\n"
    )
    shop.write_text(shop.read_text() + '[surveys]\npath = "surveys.csv"\n')
    ds = dataset.load(shop)
    assert set(ds.table("surveys").to_pandas()["customer_id"]) == set(ds.rfm_summary().index)


@pytest.mark.parametrize("length", [16, 64, 65])
def test_the_database_hashes_as_the_standard_says_whatever_the_length_of_the_key(shop, length):
    secret = bytes(range(length))
    ds, _ = dataset.build(read_card(shop), shop, None, secret)
    expected = {people.pseudonym(secret, f"{name}@example.com") for name in ("anna", "bo")}
    assert set(ds.rfm_summary().index) == expected
    assert set(ds.customers()["referred_by"].dropna()) == {people.pseudonym(secret, "anna@example.com")}


def test_rows_stay_in_their_order_and_no_ids_are_left_in_the_database(shop):
    ds = dataset.load(shop)
    assert ds.transactions.to_pandas()["amount"].tolist() == [20.0, 35.5, 10.0]
    connection = ds.transactions.get_backend().con
    assert {name for (name,) in connection.execute("SHOW TABLES").fetchall()} == {"transactions", "customers"}


def test_reveal_puts_the_ids_into_a_copy_for_the_owner_of_key_and_data(shop, tmp_path):
    ds = dataset.load(shop)
    made = tmp_path / "crm.csv"
    ds.rfm_summary().to_csv(made)
    commands.reveal(shop, made)
    text = (tmp_path / "crm.revealed.csv").read_text()
    assert "anna@example.com" in text
    assert "bo@example.com" in text
    assert not set(ds.rfm_summary().index) & set(text.replace("\n", ",").split(","))
    made.write_text("customer_id\nnobody\n")
    with pytest.raises(UsageError, match="names no customer"):
        commands.reveal(shop, made)
