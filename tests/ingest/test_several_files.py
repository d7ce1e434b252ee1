"""`clv init` of several files: one card for all, what has no place in it named, the first rows with nobody in them."""

import importlib
import io
import tomllib
import zipfile

import pandas as pd
import pytest

from clvlib import dataset
from clvlib.errors import DataError
from clvlib.ingest import card, people, preview, propose
from clvlib.ingest.exports import formats
from tests.ingest.test_sources import zipped

SECRET = b"0123456789abcdef"
SHOPIFY = "Name,Email,Financial Status,Currency,Total,Created at,Lineitem quantity,Lineitem name,Lineitem price"
ORDERS = "customer,date,total\nK1,2025-01-03,12.50\nK2,2025-01-20,8.00\nK1,2025-02-14,3.10\n"


def layout(name):
    return importlib.import_module(f"tests.ingest.exports.{name}")


@pytest.fixture
def proposed(tmp_path):
    """Write files and propose their card, which is kept as card.toml: what it says, and its text."""

    def make(**files):
        paths = [tmp_path / name.replace("__", ".") for name in files]
        for path, content in zip(paths, files.values(), strict=True):
            path.write_bytes(content if isinstance(content, bytes) else content.encode())
        text = propose.propose_card(*paths)
        (tmp_path / "card.toml").write_text(text, encoding="utf-8")
        return tomllib.loads(text), text

    return make


def order(name, status, *lines, email="a@example.com", day="2025-05-13"):
    """The rows of a Shopify order: what belongs to the order on its first row only. lines: name, price."""
    total = sum(price for _, price in lines)
    first = [f"{name},{email},{status},EUR,{total},{day} 11:00:00 +0200,1,{lines[0][0]},{lines[0][1]}"]
    return [*first, *(f"{name},{email},,,,{day} 11:00:00 +0200,1,{what},{price}" for what, price in lines[1:])]


def shopify(*orders, header=SHOPIFY):
    return "\n".join([header, *(row for rows in orders for row in rows)]) + "\n"


def files_of_a_shop():
    costs = layout("meta_ads").HABITS.replace("USD", "EUR")
    return {
        "orders__csv": layout("shopify").HABITS,
        "people__csv": layout("shopify_customers").HABITS,
        "costs__csv": costs,
        "tickets__csv": layout("zendesk").HABITS,
    }


def test_exports_of_four_tools_are_one_card_whose_rows_are_shown_and_name_nobody(proposed, tmp_path):
    found, _ = proposed(**files_of_a_shop())
    known = {table: section["format"] for table, section in found.items() if "format" in section}
    assert known == {
        "transactions": "shopify",
        "customers": "shopify_customers",
        "marketing_costs": "meta_ads",
        "touchpoints": "zendesk",
    }
    shown, problems = preview.first_rows(found, tmp_path, SECRET)
    assert all(problem.grade != "error" for problem in problems)
    counts = {"transactions": 5, "customers": 5, "touchpoints": 3, "marketing_costs": 2}
    assert {table: frame.attrs["rows"] for table, frame in shown.items()} == counts
    ann, no_mail = people.pseudonym(SECRET, "a@example.com"), people.pseudonym(SECRET, "0033")
    assert shown["transactions"]["customer_id"].tolist() == [ann, ann, no_mail]
    assert shown["transactions"]["amount"].tolist() == [12.0, 18.0, 15.0]
    assert shown["transactions"]["order_id"].tolist() == ["#1", "#1", "#2"]
    assert "@" not in "".join(frame.to_string() for frame in shown.values())
    assert list(shown["customers"]) == ["customer_id", "consent"]
    assert {"Total Spent", "Tags"} <= set(shown["customers"].attrs["attributes"])
    assert not {"First Name", "Phone", "Note"} & set(shown["customers"].attrs["attributes"])


def test_an_address_is_masked_wherever_it_stands_and_an_order_called_like_a_customer_is_not(proposed, tmp_path):
    rows = "7,2025-01-03,1.5,7,Mug\n8,2025-01-04,2.5,8,for b@example.com\n"
    found, _ = proposed(o__csv="customer_id,date,amount,order_id,product\n" + rows)
    shown = preview.first_rows(found, tmp_path, SECRET)[0]["transactions"]
    assert shown["order_id"].tolist() == ["7", "8"]
    assert shown["product"].tolist() == ["Mug", "for …@…"]
    assert shown["customer_id"].tolist() == [people.pseudonym(SECRET, "7"), people.pseudonym(SECRET, "8")]


def test_a_table_that_cant_be_read_yet_says_why_and_the_others_are_shown(proposed, tmp_path):
    found, _ = proposed(
        o__csv="customer,date,total\nA,03/04/2025,1\nB,05/06/2025,2\n", p__csv=layout("shopify_customers").HABITS
    )
    shown, problems = preview.first_rows(found, tmp_path, SECRET)
    assert list(shown) == ["customers"]
    assert [problem.where for problem in problems if problem.grade == "error"] == ["transactions"]


# -- what has no place -------------------------------------------------------------------------------------------------


NO_TABLES = {
    "readme__txt": "Dear all,\nhere they are.\nYours\n",
    "empty__csv": "",
    "logo__png": b"\x89PNG\r\n\x1a\n\0\1",
}


def test_what_is_no_table_is_named_and_left_out(proposed):
    found, text = proposed(**NO_TABLES, orders__csv=ORDERS)
    assert found["transactions"]["path"] == "orders.csv"
    for name in ("readme.txt", "empty.csv", "logo.png"):
        assert f"# Not used: {name}" in text


@pytest.mark.parametrize("name", NO_TABLES)
def test_a_file_alone_that_is_no_table_is_an_error(proposed, name):
    with pytest.raises(DataError, match=name.replace("__", r"\.")):
        proposed(**{name: NO_TABLES[name]})


def test_several_files_of_which_none_is_a_table_are_named_in_one_error(proposed):
    with pytest.raises(DataError, match=r"None of the 3 files.*readme\.txt.*empty\.csv.*logo\.png"):
        proposed(**NO_TABLES)


def test_a_file_that_isnt_there_is_an_error_beside_others_too(proposed, tmp_path):
    proposed(orders__csv=ORDERS)
    with pytest.raises(DataError, match=r"ordrs\.csv: there is no such file"):
        propose.propose_card(tmp_path / "orders.csv", tmp_path / "ordrs.csv")


def test_why_a_file_is_left_out_names_nobody(proposed):
    _, text = proposed(list__csv="ann@example.com,12\nbo@example.com,13\n", orders__csv=ORDERS)
    assert "# Not used: list.csv" in text
    assert "@example.com" not in text


def test_tables_that_no_tool_made_stand_beside_those_of_tools(proposed):
    people_csv = "customer,signup_date,newsletter\nK1,2024-12-01,yes\nK2,2024-12-02,no\n"
    found, text = proposed(people__csv=people_csv, orders__csv=layout("shopify").HABITS, notes__csv="a,b\n1,2\n3,4\n")
    assert found["transactions"]["format"] == "shopify"
    assert found["customers"]["columns"]["acquired_on"] == "signup_date"
    assert "# Not used: notes.csv: no table that is known; for transactions it lacks customer_id, date, amount" in text


def test_orders_that_lack_one_column_are_proposed_with_the_gap_to_be_filled(proposed):
    found, text = proposed(
        orders__csv="customer,date,pieces\nK1,2025-01-03,2\nK2,2025-01-20,1\n",
        people__csv=layout("shopify_customers").HABITS,
    )
    assert set(found["transactions"]["columns"]) == {"customer_id", "date"}
    assert '# amount = "…"  # not found, needed' in text
    assert found["customers"]["format"] == "shopify_customers"


def test_of_two_tables_of_one_kind_one_is_taken_and_the_other_named(proposed):
    more = ORDERS + "K9,2025-03-01,4.00\n"
    found, text = proposed(till__csv=more, shop__csv=shopify(order("#1", "paid", ("Mug", 10))))
    assert found["transactions"]["path"] == "shop.csv"
    assert "# Not used: till.csv: a table of transactions too (4 rows)" in text
    assert 'path = "shop.csv"  # to be confirmed: till.csv could be it too' in text


def test_two_formats_that_fit_equally_are_asked_for(proposed):
    header = [*formats()["hubspot_deals"].header, *formats()["shopify"].header]
    row = ",".join("2025-01-03" if label in ("Close Date", "Created at") else "1" for label in header)
    _, text = proposed(both__csv="\n".join([",".join(header), row, row]))
    asked = 'format = "hubspot_deals"  # to be confirmed: HubSpot, deals: recognised by its columns, or "shopify"'
    assert f"{asked} (Shopify, orders): it fits as well" in text


# -- files of one table ------------------------------------------------------------------------------------------------


def test_files_of_one_header_are_one_table_and_a_copy_counts_once(proposed, tmp_path):
    second = ORDERS.replace("2025", "2026")
    found, text = proposed(a__csv=ORDERS, b__csv=second, c__csv=ORDERS)
    assert found["transactions"]["path"] == ["a.csv", "b.csv"]
    assert "# Not used: c.csv: the same as a.csv, byte for byte" in text
    assert "transactions.path" in card.unconfirmed(text)
    assert len(dataset.load(tmp_path / "card.toml").transactions.to_pandas()) == 6


def test_the_files_of_a_folder_are_looked_at_one_by_one(tmp_path):
    folder = tmp_path / "files"
    (folder / "older").mkdir(parents=True)
    for name, content in files_of_a_shop().items():
        (folder / name.replace("__", ".")).write_text(content, encoding="utf-8")
    text = propose.propose_card(folder, folder=tmp_path)
    assert tomllib.loads(text)["transactions"]["path"] == "files/orders.csv"
    assert "# Not used: older: a folder in files, not looked into" in text


def test_an_unpacked_audience_is_read_as_the_zip_is(proposed, tmp_path):
    made = layout("mailchimp_audience")
    with zipfile.ZipFile(io.BytesIO(made.HABITS)) as archive:
        names = [name for name in archive.namelist() if name.endswith(".csv")]
        files = {name.replace(".", "__"): archive.read(name) for name in names}
    found, _ = proposed(**files, orders__csv=ORDERS.replace("2025", "2026"))
    assert found["customers"]["path"] == names
    people_of_it = dataset.build(found, tmp_path / "card.toml")[0].customers()
    days = pd.to_datetime(people_of_it["acquired_on"]).astype(str)
    assert sorted(zip(people_of_it.index, days, people_of_it["consent"], strict=True)) == sorted(made.EXPECTED)


def test_files_of_a_tool_whose_columns_are_called_otherwise_are_not_put_below_each_other(proposed):
    made = layout("meta_ads")
    found, text = proposed(en__csv=made.HABITS, fr__csv=made.OTHER[0][0])
    assert found["marketing_costs"]["path"] == "en.csv"
    assert "# Not used: fr.csv: a table of marketing_costs too (3 rows)" in text


def test_two_surveys_that_ask_otherwise_are_not_put_below_each_other(proposed):
    made = layout("qualtrics")
    found, text = proposed(a__csv=made.HABITS, b__csv=made.OTHER[0][0])
    assert found["surveys"]["path"] == "a.csv"
    assert "# Not used: b.csv: a table of surveys too" in text


def test_an_order_in_two_exports_of_a_shop_counts_once_with_its_whole_amount(proposed, tmp_path):
    first = order("#1", "paid", ("Mug", 10), ("Plate", 5))
    second = order("#2", "paid", ("Lid", 7), email="b@example.com", day="2025-06-01")
    newer = [[f"{row}," for row in rows] for rows in (first, second)]
    found, _ = proposed(may__csv=shopify(first), june__csv=shopify(*newer, header=f"{SHOPIFY},Payment ID"))
    assert found["transactions"]["path"] == ["may.csv", "june.csv"]
    read, problems = dataset.build(found, tmp_path / "card.toml")
    bought = read.transactions.to_pandas()
    assert sorted(zip(bought["product"], bought["amount"], strict=True)) == [("Lid", 7), ("Mug", 10), ("Plate", 5)]
    assert not [problem for problem in problems if "earlier file" in problem.what]


def test_an_order_that_changed_between_two_exports_is_warned_of_in_rows_and_money(proposed, tmp_path):
    before, after = (order("#1", status, ("Mug", 10), ("Plate", 5)) for status in ("pending", "paid"))
    later = order("#2", "paid", ("Lid", 30), email="b@example.com", day="2025-06-01")
    found, _ = proposed(may__csv=shopify(before), june__csv=shopify(after, later))
    _, problems = dataset.build(found, tmp_path / "card.toml")
    said = [problem for problem in problems if "of which an earlier file has other lines" in problem.what]
    assert [(problem.grade, problem.count) for problem in said] == [("warning", 2)]
    assert "25.0% of the money" in said[0].what  # 15 of 15 + 15 + 30


# -- dates of known tools ----------------------------------------------------------------------------------------------


def deals(*days):
    rows = [f"o{i},Closed Won,{i}.5,{day},Acme {i % 2}" for i, day in enumerate(days)]
    return "Opportunity Name,Stage,Amount,Close Date,Account Name\n" + "\n".join(rows) + "\n"


def test_the_order_of_day_and_month_is_asked_for_of_a_known_export_too(proposed):
    found, text = proposed(deals__csv=deals("03/04/2025", "05/06/2025", "07/08/2025"))
    assert found["transactions"]["format"] == "salesforce_opportunities"
    assert '\n# date_format = "%d/%m/%Y"  # to be confirmed: nothing proves whether the day' in text
    found, text = proposed(deals__csv=deals("03/04/2025", "05/16/2025", "07/08/2025"))
    assert "# date was read month first, as 1 of its values proves" in text
    assert "date_format" not in text


def test_the_dates_of_every_table_are_looked_at(proposed):
    _, text = proposed(costs__csv="channel,period,cost\nweb,03/04/2025,2.5\nweb,05/06/2025,3\n")
    assert '# date_format = "%d/%m/%Y"  # to be confirmed: period: nothing proves whether the day' in text


# -- zips --------------------------------------------------------------------------------------------------------------


def test_what_is_no_table_in_a_zip_is_named_and_the_rest_read(proposed, tmp_path):
    files = [
        ("in/orders_1.csv", ORDERS),
        ("in/orders_2.csv", ORDERS.replace("2025", "2026")),
        ("in/readme.txt", "Dear all,\nYours\n"),
    ]
    found, text = proposed(all__zip=zipped(*files, ("in/logo.png", "x")))
    assert found["transactions"]["glob"] == "in/orders_*.csv"
    assert "# Not used: all.zip, in/readme.txt: its lines have 1 to 2 cells" in text
    assert "# Not used: all.zip, in/logo.png: no table by its ending" in text
    assert len(dataset.load(tmp_path / "card.toml").transactions.to_pandas()) == 6
    _, problems = dataset.build({"transactions": {"path": "all.zip"}}, tmp_path / "card.toml")
    assert any("in/readme.txt" in problem.what and 'glob = "in/orders_*.csv"' in problem.mend for problem in problems)
