"""Who may be written to by a list's columns, and costs: added up once, in one currency, of a period that is said."""

import pandas as pd
import pytest

from clvlib import dataset
from clvlib.aggregate import acquisition
from clvlib.ingest import propose
from tests.ingest.exports import google_ads, mailchimp_audience, meta_ads
from tests.ingest.test_sources import zipped

ORDERS = "customer_id,date,amount\n" + "".join(f"c{i},2025-{m:02}-15,20\n" for i, m in enumerate(range(1, 13)))


@pytest.fixture
def built(tmp_path):
    """Write files, build a card → the dataset and its problems, with orders beside."""

    def building(card, **files):
        for name, content in {"orders_csv": ORDERS, **files}.items():
            path = tmp_path / name.replace("_csv", ".csv").replace("_zip", ".zip")
            path.write_bytes(content if isinstance(content, bytes) else content.encode())
        whole = {"transactions": {"path": "orders.csv"}, **card}
        return dataset.build(whole, tmp_path / "card.toml")

    return building


def errors(problems):
    return [str(problem) for problem in problems if problem.grade == "error"]


# -- consent -----------------------------------------------------------------------------------------------------------

LIST = "customer_id,Confirmed,Left,Opted out\na,2025-01-01,,no\nb,2025-01-01,2025-02-01,\nc,,,\nd,2025-01-01,,Yes\n"


@pytest.mark.parametrize(
    ("said", "consent"),
    [
        ({"unless_filled": ["Left"]}, "yes no yes yes"),
        ({"if_filled": ["Confirmed"]}, "yes yes no yes"),
        ({"unless_like": {"Opted out": "(?i)^yes$"}}, "yes yes yes no"),
        ({"if_filled": ["Confirmed"], "unless_filled": ["Left"], "unless_like": {"Opted out": "Y"}}, "yes no no no"),
        ({"unless_filled": []}, ""),
    ],
)
def test_consent_is_what_the_columns_of_a_list_allow(built, said, consent):
    found, problems = built({"customers": {"path": "list.csv", **said}}, list_csv=LIST)
    assert errors(problems) == []
    table = found.table("customers").to_pandas().sort_values("customer_id")
    assert " ".join(table.get("consent", [])) == consent


def test_when_consent_was_given_is_kept_as_the_tool_says_it(built):
    found, problems = built(
        {"customers": {"path": "list.zip", "format": "mailchimp_audience"}}, list_zip=mailchimp_audience.HABITS
    )
    assert errors(problems) == []
    given = found.customers()["consent_on"]
    assert given["anna@example.com"] == pd.Timestamp("2025-03-16 14:42:00")
    assert pd.isna(given["c@example.com"])  # never confirmed


def test_consent_by_a_column_that_is_not_there_is_an_error(built):
    _, problems = built({"customers": {"path": "list.csv", "if_filled": ["Confirmd"]}}, list_csv=LIST)
    assert "if_filled names 'Confirmd', which the file doesn't have" in " ".join(errors(problems))
    for wrong in ({"if_filled": [1]}, {"unless_like": {"Left": 1}}, {"repeats": [""]}):
        _, problems = built({"customers": {"path": "list.csv", **wrong}}, list_csv=LIST)
        assert any(f"{next(iter(wrong))}" in error and "want" in error for error in errors(problems))


def test_nothing_is_said_of_consent_where_a_tool_does_not_say_who_left(built):
    text = "Record ID,First Name,Last Name,Email,Lifecycle Stage\n1,A,B,a@example.com,Customer\n"
    found, problems = built({"customers": {"path": "list.csv", "format": "hubspot_contacts"}}, list_csv=text)
    assert errors(problems) == []
    assert "consent" not in found.table("customers").columns


# -- names that repeat, and files that are not a tool's ----------------------------------------------------------------


def test_names_that_a_tool_is_known_to_repeat_are_numbered_and_others_are_refused(built):
    head = "customer_id,Reason,Reason,Note,reason\na,1,2,3,4\n"
    found, problems = built({"customers": {"path": "list.csv", "repeats": ["Reason"]}}, list_csv=head)
    assert errors(problems) == []
    assert found.table("customers").to_pandas().loc[0, ["Reason", "Reason 2", "reason 3"]].tolist() == ["1", "2", "4"]
    _, problems = built({"customers": {"path": "list.csv"}}, list_csv=head)
    assert "occur twice" in " ".join(errors(problems))


def test_a_log_with_more_columns_than_a_tool_writes_is_not_that_tools(tmp_path):
    path = tmp_path / "log.csv"
    path.write_text("Timestamp,Email,Amount\n2025-01-03,a@example.com,20.50\n2025-02-03,b@example.com,10.25\n")
    assert "mailchimp" not in propose.propose_card(path)
    path.write_text("Timestamp,Email\n2025-01-03 10:00:00,a@example.com\n")
    assert 'format = "mailchimp_activity"' in propose.propose_card(path)


def test_a_zip_of_several_kinds_is_proposed_table_by_table(tmp_path):
    path = tmp_path / "all.zip"
    costs = "channel,period,cost\nweb,2025-01-01,20.50\nweb,2025-02-01,35\n"
    traffic = "Session default channel group,Sessions\nDirect,3\n"
    path.write_bytes(zipped(("orders.csv", ORDERS), ("costs.csv", costs), ("traffic.csv", traffic)))
    text = propose.propose_card(path)
    assert '[transactions]\npath = "all.zip"\nglob = "orders.csv"' in text
    assert '[marketing_costs]\npath = "all.zip"\nglob = "costs.csv"' in text
    assert "# Not used: all.zip, traffic.csv: Google Analytics, traffic by channel: this can't be used." in text
    (tmp_path / "card.toml").write_text(text)
    assert len(dataset.load(tmp_path / "card.toml").table("marketing_costs").to_pandas()) == 2


def test_the_campaigns_day_must_be_said_where_the_file_has_none(built, tmp_path):
    text = "Email Address,Opens\nc1@example.com,2\n"
    card = {"touchpoints": {"path": "opens.csv", "format": "mailchimp_recipients"}}
    _, problems = built(card, opens_csv=text)
    assert "the file doesn't say date. Say on which day the campaign was sent" in " ".join(errors(problems))
    assert "\n# fixed = {" in propose.propose_card(tmp_path / "opens.csv")


def test_clicks_are_read_beside_opens(built):
    files = {"clicks_csv": "Timestamp,IP,Email,Url\n2025-03-16 15:00:00,,c1,https://example.com/\n"}
    card = {"path": "clicks.csv", "format": "mailchimp_activity", "fixed": {"channel": "e-mail", "event": "click"}}
    found, problems = built({"touchpoints": card}, **files)
    assert errors(problems) == []
    assert found.table("touchpoints").to_pandas()[["customer_id", "event"]].to_numpy().tolist() == [["c1", "click"]]


# -- costs -------------------------------------------------------------------------------------------------------------


def costs(name, **more):
    return {"marketing_costs": {"path": "costs.csv", "format": name, **more}}


def test_costs_of_one_channel_and_month_are_added_up_once(built):
    days = [f"2025-{month:02}-{day:02}" for month in (3, 4) for day in (1, 2)]
    rows = [f"{day},{day},Of {name},1,1,1,1,{10 * (i + 1)}.50" for i, day in enumerate(days) for name in "ab"]
    text = "\n".join([meta_ads.HEADER, "2025-03-01,2025-04-30,,,,1,1,204.00", *rows]) + "\n"
    found, problems = built(costs("meta_ads"), costs_csv=text)
    assert errors(problems) == []
    spent = acquisition.ledger(found).rows.query("billed").groupby("period")["cost"].sum()
    assert spent.to_dict() == {pd.Timestamp("2025-03-01"): 62.0, pd.Timestamp("2025-04-01"): 142.0}


def test_files_that_overlap_count_a_row_once(built):
    row, more = "2025-03-01,2025-03-01,A,1,1,1,1,10.50", "2025-03-02,2025-03-02,A,1,1,1,1,11.50"
    files = {"a_csv": f"{meta_ads.HEADER}\n{row}\n", "b_csv": f"{meta_ads.HEADER}\n{row}\n{more}\n"}
    card = {"marketing_costs": {"path": ["a.csv", "b.csv"], "format": "meta_ads"}}
    found, problems = built(card, **files)
    assert found.table("marketing_costs").to_pandas()["cost"].sum() == 22.0
    assert any("exact duplicates" in problem.what for problem in problems)


@pytest.mark.parametrize("currency", ["USD", None])
def test_costs_in_another_currency_than_the_orders_are_refused(built, currency):
    orders = ORDERS.replace("amount\n", "amount,currency\n").replace(",20\n", ",20,EUR\n")
    meta = meta_ads.HABITS.replace("(USD)", "(EUR)") if currency else meta_ads.HABITS
    card = costs("meta_ads") | ({"currency": currency} if currency else {})
    text = ORDERS if currency else orders
    _, problems = built(card, costs_csv=meta, orders_csv=text)
    wanted = f"The costs are in {'EUR' if currency else 'USD'}, the amounts in {currency or 'EUR'}"
    assert wanted in " ".join(errors(problems))
    _, problems = built(costs("google_ads") | {"currency": "EUR"}, costs_csv=google_ads.HABITS)
    assert "The costs are in CAD, the amounts in EUR" in " ".join(errors(problems))


def test_a_report_without_days_needs_the_period_said(built):
    text = """Campaign report
"September 1, 2025 - September 30, 2025"
Campaign status,Campaign,Currency code,Cost,Impr.
Enabled,Spring,EUR,990.00,"40,000"
Paused,Old,EUR,10.00,"1,000"
"""
    card = {"currency": "EUR"}
    _, problems = built(card | costs("google_ads"), costs_csv=text)
    assert "the file doesn't say period. Add the segment Day, Week or Month" in " ".join(errors(problems))
    said = {"channel": "google ads", "period": "2025-09-01"}
    found, problems = built(card | costs("google_ads", fixed=said), costs_csv=text)
    assert errors(problems) == []
    table = found.table("marketing_costs").to_pandas()
    assert table["cost"].tolist() == [990.0, 10.0]
    assert set(table["period"]) == {pd.Timestamp("2025-09-01")}
