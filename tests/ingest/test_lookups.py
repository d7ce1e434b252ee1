"""Codes that a table of their own explains: products by name, campaigns by day; unknown codes stay and are counted."""

import pandas as pd
import pytest

from clvlib import dataset

ORDERS = (
    "who,day,paid,code,order\na,2025-01-01,10,21212,1\na,2025-02-01,5,21213,2\nb,2025-01-03,7,21212,3\n"
    "b,2025-03-03,7,99,4\nc,2025-03-04,1,,5\nc,2025-04-04,2,30,6\n"
)
PRODUCTS = (
    "StockCode,Description,Kind\n21212,Cake cases,Kitchen\n21213,Mug,Kitchen\n30,Mug,Table\n"
    "21212,Cake cases,Kitchen\n21212,CAKE CASES,Kitchen\n,nameless,\n"
)
COLUMNS = {"customer_id": "who", "date": "day", "amount": "paid", "product": "code", "order_id": "order"}
CODES = {"code": "StockCode", "name": "Description", "category": "Kind"}


@pytest.fixture
def built(tmp_path):
    (tmp_path / "orders.csv").write_text(ORDERS)
    (tmp_path / "products.csv").write_text(PRODUCTS)

    def make(**sections):
        card = {"transactions": {"path": "orders.csv", "columns": COLUMNS}} | sections
        return dataset.build(card, tmp_path / "card.toml")

    return make


def said(problems, where):
    return [f"{p.grade}: {p.what}" for p in problems if p.where == where]


def test_products_get_their_names_and_categories_and_unknown_codes_are_counted(built):
    found, problems = built(products={"path": "products.csv", "columns": CODES})
    sold = found.table("transactions").to_pandas().sort_values("order_id")
    assert sold["product"].fillna("").tolist() == ["Cake cases", "Mug (21213)", "Cake cases", "99", "", "Mug (30)"]
    assert sold["category"].fillna("").tolist() == ["Kitchen", "Kitchen", "Kitchen", "", "", "Table"]
    assert sold["amount"].sum() == 32
    assert said(problems, "products") == [
        "note: 3 products are described in 6 row(s)",
        "warning: 1 row(s) have no code: not used",
        "note: 1 products are described in several ways: the commonest counts",
        "note: 2 products share a name with another: the code stands behind it",
        "warning: 1 row(s) of transactions have a product that the table of products doesn't know",
    ]


def test_a_file_may_explain_its_own_codes(built, tmp_path):
    text = "who,day,paid,code,words\na,2025-01-01,1,7,Mug\nb,2025-01-02,1,7,Mug\nb,2025-02-02,1,7,mug!\n"
    (tmp_path / "orders.csv").write_text(text)
    columns = {target: source for target, source in COLUMNS.items() if target != "order_id"}
    found, _ = built(
        transactions={"path": "orders.csv", "columns": columns},
        products={"path": "orders.csv", "columns": {"code": "code", "name": "words"}},
    )
    assert found.table("transactions").to_pandas()["product"].tolist() == ["Mug"] * 3


def test_what_a_row_says_itself_comes_before_the_table_of_codes(built, tmp_path):
    (tmp_path / "orders.csv").write_text(
        "who,day,paid,code,order,category\na,2025-01-01,10,21212,1,Own\nb,2025-02-01,5,21213,2,\n"
    )
    found, _ = built(products={"path": "products.csv", "columns": CODES})
    assert found.table("transactions").to_pandas()["category"].tolist() == ["Own", "Kitchen"]


def test_campaigns_without_dates_get_those_of_their_description(built, tmp_path):
    (tmp_path / "sent.csv").write_text("who,campaign\na,8\nb,8\nb,13\nc,99\n")
    (tmp_path / "campaigns.csv").write_text("campaign,day,medium\n8,2025-01-05,mail\n13,2025-02-10,leaflet\n")
    found, problems = built(
        touchpoints={"path": "sent.csv", "columns": {"customer_id": "who"}, "fixed": {"event": "sent"}},
        campaigns={"path": "campaigns.csv", "columns": {"date": "day", "channel": "medium"}},
    )
    reached = found.table("touchpoints").to_pandas()
    assert reached["date"].tolist() == [pd.Timestamp(d) for d in ("2025-01-05", "2025-01-05", "2025-02-10")]
    assert reached["channel"].tolist() == ["mail", "mail", "leaflet"]
    ledger = found.ledger.query("table == 'touchpoints'").set_index("reason")["rows"]
    assert ledger["no date"] == 1
    assert said(problems, "campaigns")[-1] == (
        "warning: 1 row(s) of touchpoints have a campaign that the table of campaigns doesn't know"
    )


@pytest.mark.parametrize(
    ("options", "what"),
    [
        ({"columns": {"code": "StockCode"}}, "one or more of name, category"),
        ({"columns": CODES | {"name": "Descriptoin"}}, "Did you mean 'Description'"),
        ({"columns": CODES | {"price": "Kind"}}, "maps code"),
        ({"columns": CODES, "drop": {"Kind": ["x"]}}, "unknown entries: drop"),
        ({"columns": CODES, "path": "nowhere.csv"}, "no such file"),
    ],
)
def test_a_table_of_codes_that_cannot_be_used_is_an_error(built, options, what):
    _, problems = built(products={"path": "products.csv"} | options)
    (error,) = [p for p in problems if p.where == "products" and p.grade == "error"]
    assert what in error.what


def test_a_table_of_codes_without_codes_to_explain_is_said(built, tmp_path):
    columns = {target: source for target, source in COLUMNS.items() if target != "product"}
    _, problems = built(
        transactions={"path": "orders.csv", "columns": columns}, products={"path": "products.csv", "columns": CODES}
    )
    assert said(problems, "products")[-1] == "warning: transactions have no product: not used"
    (tmp_path / "products.csv").write_text("StockCode,Description,Kind\n,a,b\n,c,d\n")
    _, problems = built(products={"path": "products.csv", "columns": CODES})
    assert said(problems, "products") == ["error: No row of the table of products has a code"]
