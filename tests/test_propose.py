"""`clv init`: many names, values that decide, and cards that always parse and say what nobody confirmed."""

import tomllib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clvlib import card, dataset, propose
from clvlib.tables import DataError

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
@given(st.lists(st.text(min_size=1, max_size=12), min_size=3, max_size=5, unique_by=str.casefold), st.text(max_size=8))
def test_a_proposed_card_always_parses(tmp_path_factory, names, name):
    folder = tmp_path_factory.mktemp("names")
    cells = ['"' + cell.replace('"', '""') + '"' for cell in names]
    file = folder / "a.csv"
    text = ",".join(cells) + "\n" + "\n".join(",".join([*row, *["x"] * (len(names) - 3)]) for row in ROWS)
    file.write_bytes(text.encode("utf-8", "replace"))
    try:
        proposal = propose.propose_card(file, named=name + ".csv")
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


def test_what_is_marked_is_an_assumption_until_its_mark_is_deleted(proposed, tmp_path):
    _, text = proposed(("Kunde", "Datum", "Betrag"), ROWS * 3)
    found, problems = dataset.build(dataset.read_card(tmp_path / "card.toml"), tmp_path / "card.toml")
    said = next(problem for problem in problems if problem.where == "card")
    assert said.grade == "warning"
    assert {"currency", "margin", "transactions.columns.amount"} <= set(said.examples)
    origins = found.assumptions.set_index("name")["origin"]
    assert origins["currency"] == origins["margin"] == origins["transactions.columns.date"] == "to be confirmed"
    (tmp_path / "card.toml").write_text(text.replace("to be confirmed", "checked"), encoding="utf-8")
    found, problems = dataset.build(dataset.read_card(tmp_path / "card.toml"), tmp_path / "card.toml")
    assert not [problem for problem in problems if problem.where == "card"]
    assert set(found.assumptions.set_index("name")["origin"][["currency", "margin"]]) == {"card"}


def test_marks_are_read_outside_of_texts_only():
    marked = '[s] # to be confirmed\nd = "#"\n[t]\ne = 1\n'
    text = '# a = 1 to be confirmed\nname = "to be confirmed"\n"b c" = 2 # to be confirmed\n'
    assert card.unconfirmed(text + marked) == ["b c", "s.d"]
