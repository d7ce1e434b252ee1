"""What was read = what was kept + what was dropped, in rows and in money; and what is assumed of rows is said."""

import re
import tomllib

import pandas as pd
import pytest

from clvlib import language

HEAD = "customer_id,date,amount\n"


def errors(problems):
    return [str(problem) for problem in problems if problem.grade == "error"]


def about(problems, words):
    (found,) = [problem for problem in problems if words in str(problem)]
    return found


def dropped(found):
    rows = found.ledger[found.ledger["action"] == "dropped"]
    return {
        reason: (count, money) for reason, count, money in zip(rows["reason"], rows["rows"], rows["money"], strict=True)
    }


def customers(found):
    return sorted(found.transactions.to_pandas()["customer_id"].unique())


def good(n=40):
    return "".join(f"c{i},2025-01-{1 + i % 28:02d},10\n" for i in range(n))


INPUTS = {
    "all usable": HEAD + good(),
    "no id, no date, no amount": HEAD + good() + ",2025-01-03,5\nx,,7\ny,2025-01-03,\n",
    "words": HEAD + good() + "nan,2025-01-03,5\nNULL,2025-01-04,6\nx,2025-01-04,free\n",
    "placeholders": HEAD + good() + "x,1970-01-01,5\ny,1900-01-01,6\nz,2099-12-31,7\nz,2999-01-01,8\n",
    "refunds and nothing": HEAD + good() + "c1,2025-02-01,-4\nc2,2025-02-01,0\nc3,2025-02-01,nan\n",
    "duplicates": "customer_id,date,amount,order_id\n" + "a,2025-01-03,5,1\n" * 3 + "b,2025-01-04,6,2\n",
    "broken lines": HEAD + good() + "x,2025-01-03\n",
    "statuses": "customer_id,date,amount,Status\n" + good().replace("10\n", "10,paid\n") + "x,2025-01-03,5,Failed\n",
    "later": HEAD + good() + "x,2025-02-03,5\n",
    "several reasons at once": HEAD + good() + "nan,1970-01-01,5\n,,\n",
}


@pytest.mark.parametrize("text", INPUTS.values(), ids=INPUTS)
def test_what_was_read_is_what_was_kept_and_dropped_in_rows_and_money(build, text):
    found, problems = build(text, as_of="2025-02-02")
    assert not errors(problems)
    lines = found.ledger[~found.ledger["reason"].str.startswith("of which")].groupby("action").sum(numeric_only=True)
    parts = lines.drop(index="read").sum()
    assert parts["rows"] == lines.loc["read", "rows"]
    assert parts["money"] == pytest.approx(lines.loc["read", "money"])
    assert lines.loc["kept", "money"] == pytest.approx(float(found.transactions["amount"].sum().to_pandas()))


class Marked(dict):
    """The catalogue of a language that says what English says, with a mark before it and other spaces in it."""

    def get(self, message, _):
        return message and "§" + message.replace(" ", "\u00a0")


GRADED = {
    **{name: INPUTS[name] for name in ("placeholders", "duplicates", "broken lines", "statuses")},
    "amounts in words": HEAD + good() + "x,2025-01-03,free\n" * 5,
    "dates to come": HEAD + good() + "x,2999-01-01,5\n" * 5,
    "a test": HEAD + good() + "test,2025-01-03,5\nguest,2025-01-03,5\nC1,2025-01-03,5\n",
    "nobody who came back": HEAD + "a,2025-01-03,5\nb,2025-01-03,-5\nc,2025-01-04,5\n",
}


@pytest.mark.parametrize("text", GRADED.values(), ids=GRADED)
def test_in_another_language_the_same_is_found_and_weighs_the_same(build, monkeypatch, text):
    def told():
        found, problems = build(text, as_of="2025-02-02")
        ledger = found.ledger if found is not None else pd.DataFrame(columns=["reason"])
        said = [*ledger["reason"], *(each for one in problems for each in (one.what, one.mend))]
        return said, ledger.drop(columns="reason"), [(one.grade, one.where, one.count) for one in problems]

    said, ledger, problems = told()
    monkeypatch.setattr(language, "_catalogue", lambda _: Marked())
    marked, same_ledger, same_problems = told()
    assert (len(marked), same_problems) == (len(said), problems)
    assert same_ledger.equals(ledger)
    assert [text for text in marked if text and not text.startswith("§")] == []
    assert [text.replace("§", "").replace("\u00a0", " ") for text in marked] == said


def test_refunds_have_their_money_in_the_ledger(build):
    found, _ = build(INPUTS["refunds and nothing"])
    assert found.ledger.set_index("reason").filter(like="refunds", axis=0)["money"].tolist() == [-4]


# -- ids ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "word", ["nan", "NaN", "NULL", "None", "undefined", "N/A", "#N/A", "(null)", "<NA>", "nil", "\\N"]
)
def test_a_word_for_no_customer_is_no_customer_and_said_with_its_money(build, word):
    found, problems = build(HEAD + good() + f"{word},2025-01-03,100\n")
    assert dropped(found) == {"no customer_id": (1, 100)}
    said = "1 of 41 row(s) dropped: no customer_id. These rows, 20.0% of the money, are not used."
    assert said in str(about(problems, "dropped"))
    assert about(problems, "a word for none").examples == (word,)


def test_a_customer_whose_name_is_such_a_word_can_be_kept(build):
    text = HEAD + good() + "Null,2025-01-03,100\n"
    mend = about(build(text)[1], "a word for none").mend
    found, _ = build(text, **tomllib.loads(re.search("values = .*}", mend)[0]))
    assert "Null" in customers(found)


def test_of_several_columns_a_word_for_none_is_passed_over(build):
    text = "Mail,Phone,date,amount\nnan,0033,2025-01-03,1\na@example.test,NULL,2025-01-03,1\n"
    assert customers(build(text, columns={"customer_id": ["Mail", "Phone"]})[0]) == ["0033", "a@example.test"]


def test_refunds_of_no_order_are_not_of_one_order(build):
    text = "customer_id,date,amount,order_id\na,2025-01-03,5,nan\na,2025-02-03,-5,nan\nb,2025-01-03,5,7\n"
    assert build(text)[0].transactions.to_pandas()["order_id"].isna().tolist() == [True, True, False]


@pytest.mark.parametrize(
    ("ids", "read"),
    [
        (("17000.0", "17001.0"), ["17000", "17001"]), (("17000.0", "17001"), ["17000", "17001"]),
        (("17000.00", "nan", "8.0"), ["17000", "8"]), (("1.0", "A.0"), ["1.0", "A.0"]),
        (("1.5", "2.0"), ["1.5", "2.0"]),
        (("007", "008"), ["007", "008"]),
    ],
)  # fmt: skip
def test_whole_numbers_with_a_point_are_ids_without_it(build, ids, read):
    found, _ = build(HEAD + "".join(f"{name},2025-01-03,10\n" for name in ids))
    assert customers(found) == read


def test_ids_in_two_spellings_are_said_and_the_card_decides(build):
    text = HEAD + "Ann@x.test,2025-01-03,60\nann@X.test,2025-01-04,20\nbo,2025-01-04,20\n"
    found, problems = build(text)
    said = str(about(problems, "differ in case"))
    assert "2 row(s) are of ids that differ in case only: 3 ids, 2 if case doesn't count, 80.0% of the money" in said
    assert len(customers(found)) == 3
    assert customers(build(text, ignore_case=True)[0]) == ["ann@x.test", "bo"]
    kept, problems = build(text, ignore_case=False)
    assert len(customers(kept)) == 3
    assert "differ in case" not in str(problems)


@pytest.mark.parametrize("name", ["guest", "Anonymous", "0", "unknown"])
def test_a_name_of_nobody_is_kept_and_said_and_can_be_dropped(build, name):
    text = HEAD + good() + f"{name},2025-01-03,100\n{name},2025-01-04,100\n"
    found, problems = build(text)
    problem = about(problems, "as those of one customer")
    assert "2 row(s) whose customer_id is" in problem.what
    assert "33.3% of the money" in problem.what
    left, _ = build(text, **tomllib.loads(re.search("drop = .*?}", problem.mend)[0]))
    assert len(customers(left)) == len(customers(found)) - 1


@pytest.mark.parametrize("word", ["nan", "NULL", "N/A", "-", "#N/A", "None"])
def test_a_word_for_none_is_an_empty_cell_in_every_column_but_free_text(build, word):
    head = "customer_id,date,amount,cost,refunded,currency,product\n"
    lines = good(3).replace("10\n", f"10,{word},{word},{word},{word}\n")
    odd = f"x,{word},1,1,0,EUR,p\ny,2025-01-03,{word},1,0,EUR,p\n" * 2  # a tenth of the rows and more
    found, problems = build(head + lines + odd, duplicates="keep")
    assert not errors(problems)
    assert dropped(found) == {"no date": (2, 2), "no amount": (2, 0)}
    assert found.currency == "EUR"
    rows = found.transactions.to_pandas()
    assert rows["cost"].isna().all()
    assert rows["product"].tolist() == [word] * 3


@pytest.mark.parametrize("none", ["0000-00-00", "0000-00-00 00:00:00", "00/00/0000"])
def test_a_date_of_zeros_is_no_date(build, none):
    found, problems = build(HEAD + good(3) + f"x,{none},1\n")
    assert not errors(problems)
    assert dropped(found) == {"no date": (1, 1)}


# -- days that stand for none ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "day", ["1970-01-01", "1900-01-01", "0001-01-01", "2099-12-31", "9999-12-31", "1970-01-01 00:00:00"]
)
def test_a_day_that_stands_for_none_is_dropped_with_its_money(build, day):
    found, problems = build(HEAD + good() + f"x,{day},100\n")
    assert dropped(found) == {"dated on a day that stands for none": (1, 100)}
    assert about(problems, "These rows, 20.0% of the money, are").grade == "warning"
    assert not errors(build(HEAD + good() + f"x,{day},100\n" * 20)[1])


def test_such_a_day_in_a_column_that_may_be_empty_is_left_empty(tmp_path):
    from clvlib import dataset

    (tmp_path / "orders.csv").write_text(HEAD + good())
    (tmp_path / "people.csv").write_text("customer_id,acquired_on\nc1,1900-01-01\nc2,2024-05-01\n")
    card = {"transactions": {"path": "orders.csv"}, "customers": {"path": "people.csv"}}
    found, problems = dataset.build(card, tmp_path / "card.toml")
    assert found.customers()["acquired_on"].isna().tolist() == [True, False]
    assert "1 value(s) of acquired_on stand for none" in str(problems)


# -- statuses ----------------------------------------------------------------------------------------------------------


def with_status(status, column="Status"):
    return f"customer_id,date,amount,{column}\n" + good().replace("10\n", "10,paid\n") + f"x,2025-01-03,100,{status}\n"


@pytest.mark.parametrize("column", ["Status", "order_status", "Financial Status", "payment-status", "Statut"])
@pytest.mark.parametrize(
    "status", ["cancelled", "Canceled", "wc-failed", "EXPIRED", "voided", "payment_failed", "Annulée"]
)
def test_an_order_that_never_happened_is_dropped_with_its_money_and_can_be_kept(build, column, status):
    found, problems = build(with_status(status, column))
    assert dropped(found) == {f"never happened: {column} is {status}": (1, 100)}
    problem = about(problems, "These rows, 20.0% of the money, are")
    kept, _ = build(with_status(status, column), **tomllib.loads(re.search("drop = .*?}", problem.mend)[0]))
    assert "x" in customers(kept)


@pytest.mark.parametrize("status", ["pending", "wc-on-hold", "refunded", "Awaiting payment"])
def test_an_order_in_doubt_is_kept_and_said_and_can_be_dropped(build, status):
    text = with_status(status) + "y,2025-01-03,100,failed\n"
    found, problems = build(text)
    assert "x" in customers(found)
    problem = about(problems, f"1 row(s) whose Status is {status} are kept, 16.7% of the money")
    left, problems = build(text, **tomllib.loads(re.search("drop = .*?}", problem.mend)[0]))
    assert not {"x", "y"} & set(customers(left))


def test_a_status_that_is_mapped_to_a_column_of_its_own_is_left_alone(build):
    found, _ = build(with_status("cancelled"), columns={"channel": "Status"})
    assert "x" in customers(found)


def test_an_order_cancelled_before_it_was_paid_never_happened(build):
    text = (
        "customer_id,date,amount,Status,Cancelled at\n"
        "a,2025-01-03,1,paid,\nb,2025-01-03,2,pending,2025-01-04\nc,2025-01-03,4,paid,2025-01-04\n"
        "d,2025-01-03,8,pending,\n"
    )
    found, _ = build(text)
    assert customers(found) == ["a", "c", "d"]
    assert dropped(found) == {"never happened: Cancelled at is filled": (1, 2)}


# -- equal lines -------------------------------------------------------------------------------------------------------


def test_equal_lines_beside_a_single_one_of_their_order_are_said_to_be_two_pieces_perhaps(build):
    head = "customer_id,date,amount,order_id,product\n"
    one = "a,2025-01-03,5,1,mug\na,2025-01-03,5,1,mug\na,2025-01-03,30,1,pan\n"
    whole = "b,2025-01-03,5,2,mug\nb,2025-01-03,5,2,mug\nb,2025-01-03,30,2,pan\nb,2025-01-03,30,2,pan\n"
    _, problems = build(head + one + whole)
    said = about(problems, "exact duplicates").what
    assert "3 row(s) are exact duplicates of another and were dropped, 36.4% of the money" in said
    assert "1 of them in orders whose other lines stand once" in said
    kept, _ = build(head + one + whole, duplicates="keep")
    assert kept.rfm_summary()["total_spend"].to_dict() == {"a": 40.0, "b": 70.0}


# -- columns -----------------------------------------------------------------------------------------------------------


def test_columns_that_map_themselves_are_said_and_what_they_take_off(build):
    text = "customer_id,date,amount,refunded,currency\na,2025-01-03,100,25,EUR\nb,2025-01-03,100,,EUR\n"
    said = about(build(text)[1], "without the card's word").what
    assert said.startswith("currency, refunded: columns")
    assert "refunded takes 25.00 (12.5%) off the amounts of 1 row(s)" in said
    named = {"refunded": "refunded", "currency": "currency"}
    assert "without the card's word" not in str(build(text, columns=named)[1])


@pytest.mark.parametrize(
    ("columns", "grade", "words"),
    [
        ({"cost": "amount"}, "warning", "'amount' is read as amount and as cost"),
        ({"channel": "shop", "category": "shop"}, "warning", "'shop' is read as channel and as category"),
        ({"customer_id": "amount"}, "error", "'amount' is read as customer_id and as amount"),
        ({"customer_id": ["shop", "date"]}, "error", "'date' is read as customer_id and as date"),
    ],
)
def test_a_column_that_is_read_as_two_things_is_said(build, columns, grade, words):
    given = dict({"customer_id": "customer_id", "date": "date", "amount": "amount"}, **columns)
    text = "customer_id,date,amount,shop\na,2025-01-03,100,x\nb,2025-01-04,100,x\n"
    problem = about(build(text, columns=given)[1], "is read as")
    assert problem.grade == grade
    assert words in problem.what


def test_a_price_times_a_quantity_is_no_column_read_twice(build):
    text = "customer_id,date,unit_price,quantity\na,2025-01-03,10,2\nb,2025-01-04,10,1\n"
    found, problems = build(text)
    assert found.transactions.to_pandas()["amount"].tolist() == [20, 10]
    assert "is read as" not in str(problems)


SERVICES = (
    "POSTAGE", "Dotcom postage", "Shipping - Express", "Bank Charges", "Gift card 50", "Rabatt", "Sconto 10%",
    "frais de port", "Descuento", "Versandkosten", "Manual", "POST",
)  # fmt: skip
GOODS = ("Postcard", "Manual coffee grinder", "Shippingport mug", "Samples of wisdom, a book", "Hampered", "")


@pytest.mark.parametrize("column", ["product", "Description", "Lineitem name"])
def test_products_that_are_services_are_said_with_their_money_and_can_be_dropped(build, column):
    lines = [f'a,2025-01-{i:02d},10,"{name}"\n' for i, name in enumerate((*SERVICES, *GOODS), 1)]
    text = f"customer_id,date,amount,{column}\n" + "".join(lines)
    problem = about(build(text)[1], "no product by its name")
    assert problem.what.startswith("12 row(s)")
    assert "66.7% of the money" in problem.what
    left, problems = build(text, **tomllib.loads(re.search("drop = .*?}", problem.mend)[0]))
    assert left.transactions.count().to_pandas() == len(GOODS)
    assert "no product by its name" not in str(problems)


def test_taxes_and_shipping_within_shopifys_total_are_said(build):
    head = "Name,Email,Phone,Created at,Total,Refunded Amount,Currency,Taxes,Shipping,Financial Status\n"
    rows = "#1,a@x.test,,2025-01-03,60,0,EUR,10,5,paid\n#2,b@x.test,,2025-01-04,40,0,EUR,,3,paid\n"
    voided = "#3,b@x.test,,2025-01-05,0,0,EUR,9,9,voided\n"
    problems = build(head + rows + voided, format="shopify")[1]
    assert "1 row(s) hold Taxes: 10.00, 10.0% of the money" in about(problems, "hold Taxes").what
    assert "2 row(s) hold Shipping: 8.00, 8.0% of the money" in about(problems, "hold Shipping").what


# -- the start of the history ------------------------------------------------------------------------------------------


def shop(days, per_day, gap, grow=0.0):
    """Customers won at a steady pace (or a growing one) since day 0, who come back every `gap` days for two years."""
    lines, n = [], 0
    for day in range(days):
        for _ in range(round(per_day * (1 + grow * day / 365))):
            n += 1
            lines += [(n, again) for again in range(day, min(days, day + 730), gap)]
    return lines


def as_file(lines, first=0):
    days = [pd.Timestamp("2020-01-01") + pd.Timedelta(days=day) for _, day in lines]
    kept = [(n, day) for (n, at), day in zip(lines, days, strict=True) if at >= first]
    return HEAD + "".join(f"c{n},{day:%Y-%m-%d},10\n" for n, day in kept)


@pytest.mark.parametrize(("gap", "grow"), [(45, 0), (60, 0), (75, 0), (75, 0.3), (120, 0)])
def test_a_history_that_is_cut_at_its_start_is_said_and_a_whole_one_is_not(build, gap, grow):
    lines = shop(1460, 1, gap, grow)
    assert "cut at its start" not in str(build(as_file(lines))[1])
    problem = about(build(as_file(lines, first=900))[1], "cut at its start")
    assert problem.grade == "warning"
    assert "of the money" in problem.what


def test_a_cohort_is_no_history_that_was_cut(build):
    lines = [line for line in shop(720, 2, 60) if line[0] <= 120]
    problems = build(as_file(lines))[1]
    assert "one cohort" in str(problems)
    assert "cut at its start" not in str(problems)


def test_the_demo_is_whole_and_a_part_of_it_is_not(demo, build):
    assert "cut at its start" not in str(demo.problems)
    rows = demo.transactions.to_pandas()[["customer_id", "date", "amount"]]
    for first in ("2024-07-01", "2025-03-01"):
        assert "cut at its start" in str(build(rows[rows["date"] >= first].to_csv(index=False))[1])
