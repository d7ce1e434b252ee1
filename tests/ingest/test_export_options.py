"""Options that exports need, and that any card may use: refunds, zones, lines under a table, a format added to."""

import importlib

import pytest

from clvlib.errors import DataError
from clvlib.ingest import exports, propose
from clvlib.ingest.options import options_of
from tests.ingest.test_ledger import HEAD, about, customers, dropped, errors, good

PAYMENTS = "Type,From,To,Day,Paid\n"
MAPPED = {"customer_id": "From", "date": "Day", "amount": "Paid"}
REFUNDS = {"where": {"Type": ["refund", "Chargeback"]}, "customer_id": "To"}


def test_a_refund_is_of_who_gets_it_and_what_the_shop_itself_paid_is_none(build):
    rows = "Sale,ann,shop,2025-01-01,30\nRefund,shop,ann,2025-01-02,-10\nSale,shop,host,2025-01-03,-7\n"
    rows += "Refund,host,shop,2025-01-04,7\nSale,bo,shop,2025-01-05,5\n"
    found, problems = build(PAYMENTS + rows, columns=MAPPED, refunds=REFUNDS)
    assert not errors(problems)
    assert customers(found) == ["ann", "bo"]
    assert found.transactions["amount"].sum().to_pandas() == 25
    assert dropped(found) == {
        "money paid to others: below 0, and no refund": (1, -7.0),
        "money that others paid back: a refund, and above 0": (1, 7.0),
    }


def test_refunds_that_name_no_column_say_which_there_are(build):
    refunds = REFUNDS | {"where": {"Kind": ["x"]}}
    _, problems = build(PAYMENTS + "Sale,ann,shop,2025-01-01,30\n", columns=MAPPED, refunds=refunds)
    assert about(problems, "refunds names 'Kind', which the file doesn't have. The file has: Type, From, To, Day, Paid")


@pytest.mark.parametrize(
    ("option", "words"),
    [
        ({"refunds": {"customer_id": "To"}}, "refunds wants where"),
        ({"refunds": {"where": {"Type": "Refund"}}}, "refunds wants where"),
        ({"refunds": REFUNDS | {"channel": "To"}}, "refunds wants where"),
        ({"refunds": REFUNDS | {"customer_id": []}}, "refunds wants where"),
        ({"zone": {"BST": 1}}, "zone wants a text"),
        ({"zone": 1}, "zone is not a text or a table"),
        ({"ignore_case": "yes"}, 'true, false or "e-mails"'),
    ],
)
def test_what_these_options_can_not_say_is_refused(option, words):
    with pytest.raises(DataError, match=words):
        options_of("transactions", {"path": "x.csv", "columns": MAPPED} | option)


def test_letters_of_a_zone_can_be_given_their_meaning(build):
    text = (
        HEAD.replace("date", "Day") + "a,2025-07-01 10:00 BST,1\na,2025-12-01 10:00 GMT,1\nb,2025-07-02 10:00 BST,1\n"
    )
    paris = {"timezone": "Europe/Paris"}
    found, problems = build(text, columns={"date": "Day"}, zone={"BST": "+01:00"}, card=paris)
    assert not errors(problems)
    assert sorted(found.transactions["date"].to_pandas().dt.hour) == [11, 11, 11]


def test_the_case_of_e_mails_alone_can_be_ignored(build):
    rows = "Ann@x.test,2025-01-01,1\nann@X.test,2025-01-02,1\ncus_A,2025-01-01,1\ncus_a,2025-01-03,1\n"
    assert customers(build(HEAD + rows, ignore_case="e-mails")[0]) == ["ann@x.test", "cus_A", "cus_a"]


UNDER = '\n"Grand Totals (3)"\n\nCopyright (c), all rights reserved.\n'


def test_lines_of_text_under_a_table_are_no_rows_and_are_counted(build):
    found, problems = build(HEAD + good(3) + UNDER, rows_like={"date": "[0-9]"})
    assert not errors(problems)
    assert dropped(found)["a line of titles or totals, of fewer cells than a row"][0] == 2


def test_a_row_that_is_cut_short_among_others_is_no_line_of_text(build):
    found, problems = build(HEAD + "x,2025-01-03\n" + good() + UNDER, rows_like={"date": "[0-9]"})
    assert about(problems, "1 line(s) don't have as many cells").examples == ("line 2",)
    assert dropped(found)["not as many cells as columns, or a quote left open"][0] == 1
    assert dropped(found)["a line of titles or totals, of fewer cells than a row"][0] == 2


MONEY = "customer_id,date,amount,Status,Money\n"


def test_what_is_left_out_may_be_in_any_currency(build):
    rows = "a,2025-01-01,1,paid,EUR\na,2025-01-02,1,paid,EUR\nb,2025-01-02,1,open,USD\n"
    found, problems = build(MONEY + rows, keep={"Status": ["paid"]}, columns={"currency": "Money"})
    assert not errors(problems)
    assert found.currency == "EUR"
    signs = MONEY + rows.replace(",1,paid", ",€1,paid").replace(",1,open", ",$1,open")
    assert not errors(build(signs, keep={"Status": ["paid"]})[1])


def test_several_currencies_name_the_way_to_keep_one(build):
    rows = "a,2025-01-01,1,paid,EUR\na,2025-01-02,1,paid,EUR\nb,2025-01-02,1,open,USD\n"
    _, problems = build(MONEY + rows, columns={"currency": "Money"})
    assert 'keep = { "Money" = ["EUR"] }' in about(problems, "The amounts are in 2 currencies").mend
    assert not errors(build(MONEY + rows, columns={"currency": "Money"}, keep={"Money": ["EUR"]})[1])


def test_a_card_adds_to_what_its_format_keeps_and_maps():
    options = options_of("transactions", {"path": "x.csv", "format": "stripe", "keep": {"Currency": ["eur"]}})
    assert options["keep"]["Status"][0] == "Paid"
    assert options["keep"]["Currency"] == ["eur"]


def test_options_of_a_version_hold_where_its_column_is_and_the_card_says_nothing():
    german = ["Datum", "Uhrzeit", "Zeitzone", "Typ", "Währung", "Brutto", "Absender E-Mail-Adresse", "Transaktionscode"]
    options = options_of("transactions", {"path": "x.csv", "format": "paypal"})
    assert exports.fitted(options, german)["decimal"] == ","
    assert exports.fitted(options | {"decimal": "."}, german)["decimal"] == "."
    assert "decimal" not in exports.fitted(options, ["Date", "Gross", "Type"])


@pytest.mark.parametrize(("name", "currency"), [("paypal", "GBP"), ("stripe", "EUR")])
def test_a_proposed_card_names_the_currency_of_the_rows_that_its_format_keeps(tmp_path, name, currency):
    content = importlib.import_module(f"tests.ingest.exports.{name}").HABITS
    (tmp_path / "export.csv").write_text(content)
    assert f'currency = "{currency}"  # from the column' in propose.propose_card(tmp_path / "export.csv")


LINES = "who,when,no,total,price,qty\na,2025-01-01,1,30,10,1\na,2025-01-01,1,,5,4\nb,2025-02-01,2,20,20,1\n"
OF_LINES = {"columns": {"customer_id": "who", "date": "when", "amount": "total", "order_id": "no"}}


def test_any_card_may_share_out_an_amount_that_an_order_says_once(build):
    lines = {"order": "no", "share": ["total"], "by": ["price", "qty"]}
    found, problems = build(LINES, **OF_LINES, lines_of=lines)
    assert not errors(problems)
    assert sorted(found.transactions["amount"].to_pandas()) == [10.0, 20.0, 20.0]


@pytest.mark.parametrize(
    "options",
    [
        {"lines_of": {"order": "gone", "share": ["total"], "by": ["price"]}},
        {"first_of": {"gone": ";"}},
        {"unless_filled": ["gone"]},
        {"unless_like": {"gone": "yes"}},
        {"without": ["gone"]},
        {"columns": OF_LINES["columns"] | {"date": {"join": ["when", "gone"]}}},
    ],
)
def test_an_option_that_names_a_column_which_is_not_there_says_which_there_are(build, options):
    _, problems = build(LINES, **(OF_LINES | options))
    assert about(problems, "'gone', which the file doesn't have. The file has: who, when")
