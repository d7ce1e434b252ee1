"""`clv init`: many names, values that decide, and cards that always parse and say what nobody confirmed."""

import sqlite3
import tomllib
from contextlib import closing

import openpyxl
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clvlib import dataset, language
from clvlib.errors import DataError
from clvlib.ingest import card, propose
from clvlib.ingest.card import read_card

ROWS = [
    ("K1", "2025-01-03", "12.50"),
    ("K2", "2025-01-20", "8.00"),
    ("K1", "2025-02-14", "3.10"),
    ("K3", "2025-03-01", "7.95"),
]


@pytest.fixture
def proposed(tmp_path):
    def make(names, rows=ROWS, delimiter=",", name="export.csv"):
        lines = [delimiter.join(names), *(delimiter.join(row) for row in rows)]
        (tmp_path / name).write_text("\n".join(lines) + "\n", encoding="utf-8")
        text = propose.propose_card(tmp_path / name)
        (tmp_path / "card.toml").write_text(text, encoding="utf-8")
        return tomllib.loads(text), text

    return make


@pytest.mark.parametrize(
    "names",
    [
        ("household_id", "trans_date", "tran_amount"),
        ("household_key", "DAY", "SALES_VALUE"),
        ("Kunde", "Datum", "Betrag"),
        ("Kunden-Nr.", "Bestelldatum", "Umsatz"),
        ("Numéro client", "Date d'achat", "Montant TTC"),
        ("Cliente", "Fecha", "Importe"),
        ("Codice cliente", "Data ordine", "Importo"),
        ("Customer ID (internal)", "Created at (UTC)", "Total Price"),
        ("foo", "bar", "baz"),
    ],
)
def test_columns_are_known_by_their_names_or_their_values(proposed, names):
    found, _ = proposed(names)
    assert found["transactions"]["columns"] == dict(zip(("customer_id", "date", "amount"), names, strict=True))


def test_a_price_of_each_piece_is_no_amount_where_pieces_are_counted(proposed, tmp_path):
    rows = [(who, day, amount, pieces) for (who, day, amount), pieces in zip(ROWS, "6213", strict=True)]
    found, _ = proposed(("CustomerID", "InvoiceDate", "UnitPrice", "Quantity"), rows)
    assert found["transactions"]["columns"]["unit_price"] == "UnitPrice"
    assert "amount" not in found["transactions"]["columns"]
    spent = dataset.load(tmp_path / "card.toml").rfm_summary()["total_spend"]
    assert spent.sum() == pytest.approx(6 * 12.5 + 2 * 8 + 3.1 + 3 * 7.95)
    assert proposed(("CustomerID", "InvoiceDate", "UnitPrice"))[0]["transactions"]["columns"]["amount"] == "UnitPrice"


def test_a_name_whose_values_are_of_another_kind_is_passed_over(proposed):
    found, _ = proposed(
        ("customer", "date", "total", "order_date", "value"),
        [(who, "soon", "n/a", day, amount) for who, day, amount in ROWS],
    )
    assert found["transactions"]["columns"] == {"customer_id": "customer", "date": "order_date", "amount": "value"}


@pytest.mark.parametrize(
    ("table", "names", "rows"),
    [
        (
            "customers",
            ("id_client", "date_inscription", "newsletter"),
            [(f"K{i}", "2025-01-03", "oui") for i in range(9)],
        ),
        (
            "surveys",
            ("email", "submitted_at", "NPS score"),
            [("a@b.example", "2025-01-03", str(i)) for i in range(9)],
        ),
        ("experiments", ("user_id", "assigned_at", "test", "variant"), [("u", "2025-01-03", "t", "A")] * 4),
        ("marketing_costs", ("platform", "month", "spend"), [("ads", "2025-01-01", "100.5")] * 4),
        ("touchpoints", ("contact_id", "sent_at", "channel"), [("c", "2025-01-03", "email")] * 4),
        ("subscriptions", ("customer", "tenure", "churn"), [(f"c{i}", "3", "no") for i in range(4)]),
    ],
)
def test_the_table_follows_from_the_columns(proposed, table, names, rows):
    found, text = proposed(names, rows)
    assert table in found
    assert "transactions" not in found
    assert "not found, needed" not in text


@settings(deadline=None, max_examples=25)
@given(
    st.lists(st.text(min_size=1, max_size=12), min_size=3, max_size=5, unique_by=str.casefold),
    st.text(st.characters(exclude_characters="/\0", codec="utf-8"), max_size=8),
)
def test_a_proposed_card_always_parses(tmp_path_factory, names, name):
    folder = tmp_path_factory.mktemp("names")
    cells = ['"' + cell.replace('"', '""') + '"' for cell in names]
    file = folder / f"{name}.csv"
    text = ",".join(cells) + "\n" + "\n".join(",".join([*row, *["x"] * (len(names) - 3)]) for row in ROWS)
    file.write_bytes(text.encode("utf-8", "replace"))
    try:
        proposal = propose.propose_card(file)
    except DataError:
        return
    section = next(part for part in tomllib.loads(proposal).values() if isinstance(part, dict))
    assert section["path"].encode() == (name + ".csv").encode("utf-8", "replace")


texts = st.text(max_size=12)
values = st.recursive(
    texts | st.integers(-(2**53), 2**53) | st.booleans() | st.dates(),
    lambda v: st.lists(v, max_size=3) | st.dictionaries(texts, v, max_size=3),
)


@given(st.dictionaries(texts, values, max_size=4))
def test_a_card_is_read_back_as_it_was(content):
    assert tomllib.loads(card.as_toml(content)) == content


def test_odd_names_survive_the_card():
    content = {
        "name": "a\x7f\n\"b\" 'c' #d",
        "values": {"channel": {"🛒: ~/shop": "web"}},
        "transactions": {"path": "~/x:y.csv"},
    }
    assert tomllib.loads(card.as_toml(content)) == content


def test_a_card_proposed_in_french_speaks_french_from_then_on(proposed, monkeypatch):
    assert "language" not in proposed(("customer_id", "date", "amount"))[0]
    monkeypatch.setenv(language.ASKED, "fr")
    made, text = proposed(("customer_id", "date", "amount"))
    assert made["language"] == "fr"
    said = card.what_to_confirm(text)
    assert "[economics]\N{NO-BREAK SPACE}: ce sont des valeurs par défaut, non des faits sur cette entreprise" in said


def test_what_is_marked_is_an_assumption_until_its_mark_is_deleted(proposed, tmp_path):
    _, text = proposed(("Kunde", "Datum", "Betrag"), ROWS * 3)
    found, problems = dataset.build(read_card(tmp_path / "card.toml"), tmp_path / "card.toml")
    said = next(problem for problem in problems if problem.where == "card")
    assert said.grade == "warning"
    assert {"currency", "margin", "transactions.columns.amount"} <= set(said.examples)
    origins = found.assumptions.set_index("name")["origin"]
    assert origins["currency"] == origins["margin"] == origins["transactions.columns.date"] == "to be confirmed"
    (tmp_path / "card.toml").write_text(text.replace("to be confirmed", "checked"), encoding="utf-8")
    found, problems = dataset.build(read_card(tmp_path / "card.toml"), tmp_path / "card.toml")
    assert not [problem for problem in problems if problem.where == "card"]
    assert set(found.assumptions.set_index("name")["origin"][["currency", "margin"]]) == {"card"}


def test_marks_are_read_outside_of_texts_only():
    marked = '[s] # to be confirmed\nd = "#"\n[t]\ne = 1\n'
    text = '# a = 1 to be confirmed\nname = "to be confirmed"\n"b c" = 2 # to be confirmed\n'
    assert card.unconfirmed(text + marked) == ["b c", "s.d"]


# -- totals, and files of several tables -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "names",
    [
        ("customer_id", "first_purchase", "last_purchase", "orders", "total_spent"),
        ("Client", "Premier achat", "Dernier achat", "Nombre d'achats", "Montant total"),
        ("Kundennummer", "Erstkauf", "Letzter Kauf", "Anzahl Käufe", "Gesamtumsatz"),
    ],
)
def test_a_row_per_customer_is_proposed_as_totals(proposed, names, tmp_path):
    rows = [(f"K{i}", "2024-01-03", "2025-01-20", str(2 + i), f"{10 + i}.50") for i in range(9)]
    found, text = proposed(names, rows)
    assert found["transactions"]["grain"] == "customer"
    canonical = ("customer_id", "first_purchase", "last_purchase", "purchases", "amount")
    assert found["transactions"]["columns"] == dict(zip(canonical, names, strict=True))
    assert "the day on which the totals were drawn" in text
    assert len(dataset.load(tmp_path / "card.toml").rfm_summary()) == 9


def test_totals_are_proved_by_their_values_where_no_name_says_so(proposed, tmp_path):
    rows = [(f"K{i}", "2024-01-03", f"2024-0{1 + (i > 0)}-03", str(1 + 2 * i), f"{10 + i}.50") for i in range(9)]
    names = ("id", "von", "bis", "n", "summe")
    found, _ = proposed(names, [("K9", *rows[0][1:]), *rows[:9]])
    assert found["transactions"]["grain"] == "customer"
    canonical = ("customer_id", "first_purchase", "last_purchase", "purchases", "amount")
    assert found["transactions"]["columns"] == dict(zip(canonical, names, strict=True))
    assert len(dataset.load(tmp_path / "card.toml").rfm_summary()) == 10
    orders = [(*row[:3], "2", row[4]) for row in rows]  # shipped after they were ordered
    assert "grain" not in proposed(names, orders)[0]["transactions"]


def test_dates_in_several_ways_are_declared_where_the_values_tell_the_day(proposed, tmp_path):
    names = ("customer", "date", "total")
    rows = [("a", "2024-01-15", "10"), ("a", "02.15.2024", "20.5"), ("b", "03.02.2024", "3")]
    found, _ = proposed(names, rows)
    assert set(found["transactions"]["date_format"]) == {"%Y-%m-%d", "%m.%d.%Y"}
    assert dataset.load(tmp_path / "card.toml").as_of == pd.Timestamp("2024-03-02")
    found, text = proposed(names, [rows[0], rows[2]])
    assert "date_format" not in found["transactions"]
    assert '# date_format = ["%d.%m.%Y", "%Y-%m-%d"]  # to be confirmed' in text
    _, text = proposed(names, [rows[2]])
    assert '# date_format = "%d.%m.%Y"  # to be confirmed' in text


def test_one_address_in_two_spellings_is_one_customer_until_confirmed(proposed):
    ids = ("A@example.org", "a@example.org", "b@example.org")
    rows = [(who, day, "10") for who, day in zip(ids, ("2024-01-15", "2024-02-15", "2024-03-15"), strict=True)]
    assert proposed(("email", "date", "total"), rows)[0]["transactions"]["ignore_case"] is True
    codes = [("Ab", *rows[0][1:]), ("aB", *rows[1][1:])]
    assert "ignore_case" not in proposed(("id", "date", "total"), codes)[0]["transactions"]


def test_totals_without_money_are_proposed_as_counts(proposed, tmp_path):
    rows = [(f"K{i}", "2024-01-03", "2025-01-20", str(2 + i)) for i in range(9)]
    found, _ = proposed(("customer", "first order", "last order", "orders"), rows)
    assert found["transactions"]["amounts"] is False
    assert dataset.load(tmp_path / "card.toml").counts


def test_purchases_without_money_name_the_option(proposed):
    _, text = proposed(("customer", "date"), [row[:2] for row in ROWS])
    assert "If there are no amounts, write amounts = false above [transactions.columns]" in text


def test_a_workbook_of_several_sheets_gives_a_section_to_each_that_is_a_table(tmp_path):
    book = openpyxl.Workbook()
    book.active.title = "Read me"
    book.active.append(["Exported on Monday"])
    orders, people = book.create_sheet("Orders"), book.create_sheet("People")
    book.create_sheet("Empty")
    orders.append(["Customer ID", "Order date", "Total"])
    people.append(["Customer ID", "Acquisition channel", "Consent"])
    for i in range(30):
        orders.append([f"K{i % 7}", f"2025-0{1 + i % 9}-11", 10.5 + i])
    for i in range(7):
        people.append([f"K{i}", "web", "yes"])
    book.save(tmp_path / "shop.xlsx")
    text = propose.propose_card(tmp_path / "shop.xlsx")
    (tmp_path / "card.toml").write_text(text, encoding="utf-8")
    found = tomllib.loads(text)
    assert (found["transactions"]["sheet"], found["customers"]["sheet"]) == ("Orders", "People")
    assert "# Not used: shop.xlsx, Read me: " in text
    assert "# Not used: shop.xlsx, Empty: " in text
    ds = dataset.load(tmp_path / "card.toml")
    assert (len(ds.rfm_summary()), set(ds.customers()["consent"])) == (7, {"yes"})


def test_of_a_database_the_table_of_purchases_is_chosen(tmp_path):
    with closing(sqlite3.connect(tmp_path / "shop.db")) as made:
        made.execute("CREATE TABLE log (line)")
        made.execute("INSERT INTO log VALUES ('started')")
        made.execute("CREATE TABLE sales (customer, day, paid)")
        made.executemany("INSERT INTO sales VALUES (?, ?, ?)", ROWS)
        made.commit()
    found = tomllib.loads(propose.propose_card(tmp_path / "shop.db"))
    assert found["transactions"]["table"] == "sales"
    assert found["transactions"]["columns"] == {"customer_id": "customer", "date": "day", "amount": "paid"}


def test_a_workbook_without_any_table_names_its_sheets(tmp_path):
    book = openpyxl.Workbook()
    book.create_sheet("Second")
    book.save(tmp_path / "none.xlsx")
    with pytest.raises(DataError, match=r"has 2 sheets\. It holds: Sheet, Second"):
        propose.propose_card(tmp_path / "none.xlsx")
