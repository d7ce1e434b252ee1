"""check.html: what it says of a small shop with known counts, of hostile text, and of data that can't be used."""

import re
import stat

import pandas as pd
import pytest
from axe_playwright_python.sync_playwright import Axe
from babel.dates import format_date
from bs4 import BeautifulSoup

from clvlib import dataset, language, wording
from clvlib.errors import Problem, Rows
from clvlib.run import check_page
from tests.run.test_cli import clv  # noqa: F401

EVIL = "<script>alert('x')</script><img src=x onerror=alert(1)>"


def page_of(ds, problems, name="Shop"):
    return BeautifulSoup(check_page.check_page(name, ds, problems), "html.parser")


def rows_of(part):
    """The texts of a table's cells, row by row, pictures left out."""
    return [[cell.get_text(" ", strip=True) for cell in row.find_all(["th", "td"])] for row in part.find_all("tr")]


def under(page, heading):
    """The table that follows the heading of that text."""
    return rows_of(page.find(lambda tag: tag.name == "h3" and tag.get_text().startswith(heading)).find_next("table"))


@pytest.fixture
def made(build):
    """Ten rows: one without a customer, one after the day, a refund; two customers come back."""
    lines = ["A,2025-01-03,100", "A,2025-02-03,50", "A,2025-02-04,-50", "B,2025-01-10,40", "B,2025-03-11,60"]
    lines += ["C,2025-01-20,25", ",2025-01-21,25", "D,2025-03-20,0", "E,2025-03-30,10", "C,2025-05-01,99"]
    return build("customer_id,date,amount\n" + "\n".join(lines) + "\n", as_of="2025-03-31")


def test_the_ledger_falls_from_what_was_read_to_what_is_used(made):
    page = page_of(*made)
    said = [[row[k] for k in (0, 1, 2, 4)] for row in under(page, "transactions")[1:]]
    assert said[:4] == [
        ["read", "rows in the file", "10", "€359"],
        ["dropped", "no customer_id", "1", "€25"],
        ["later", "after the as-of date 2025-03-31", "1", "€99"],
        ["kept", "usable rows", "8", "€235"],
    ]
    assert ["kept", "of which of amount 0: not a purchase", "1", "€0"] in said
    bars = [(float(r["x"]), float(r["width"])) for r in page.select("#ledger table")[0].select("rect")[::2]]
    assert bars[:4] == [(0, 100), (90, 10), (80, 10), (0, 80)]


def test_what_is_read_is_to_be_confirmed_exactly(made):
    table = under(page_of(*made), "To confirm")
    assert table[1] == ["read", "10", "5", "8", "€359"]
    assert table[3][:2] == ["kept", "8"]


def test_a_finding_says_how_many_of_what_and_how_to_mend_it(made):
    page = page_of(*made)
    found = page.find(lambda tag: tag.get("class") == ["finding", "warning"] and "no customer_id" in tag.get_text())
    assert found.h3.get_text() == "transactions: 1 of 10 row(s) dropped: no customer_id"
    assert "10% of the rows read" in found.get_text()
    assert "These rows, 7.0% of the money, are not used." in found.get_text()


def test_a_finding_of_rows_has_its_share_in_every_language(build):
    lines = "A,2025-01-03,100\n,2025-01-21,25\nB,2025-01-10,40\nB,2025-03-11,60\n"
    page = page_of(*build(f"customer_id,date,amount\n{lines}", card={"language": "fr"}, as_of="2025-03-31"))
    found = page.find(lambda tag: tag.get("class") == ["finding", "warning"] and "customer_id" in tag.get_text())
    assert "25\N{NO-BREAK SPACE}% des lignes lues" in found.get_text()


def test_orders_are_counted_by_value_customer_gap_and_month(made):
    page = page_of(*made)
    assert [row[:2] for row in under(page, "Orders per customer")[1:]] == [["1", "3"], ["2", "1"]]
    assert [row[:2] for row in under(page, "Days between")[1:]] == [["31 to 60", "1"]]
    assert sum(int(row[1]) for row in under(page, "Order value")[1:]) == 5
    weeks = under(page, "Orders by week")
    assert sum(int(row[1]) for row in weeks[1:]) == 5
    assert weeks[1][:2] == ["Dec 30, 2024", "1"]


def test_notebooks_and_gates_are_told_with_reasons(made):
    page = page_of(*made)
    claims = {row[0]: row[1] for row in rows_of(page.select_one("#readiness table"))[1:]}
    assert len(claims) == 16
    assert "1 of 4 customer(s) came back. It takes 10" in claims["03_clv_forecast"]
    assert claims["02_segmentation"].endswith("enough")
    assert under(page, "Gates")[1:] == [
        ["customers who bought: 500 or more", "4", "no"],
        ["days of history: 180 or more", "88", "no"],
        ["days since the last order: 30 or fewer", "1", "yes"],
    ]


@pytest.fixture
def trade():
    """Orders with a spike, a pause and one customer who buys as a firm does."""
    days = pd.date_range("2025-01-01", "2025-06-30")
    rows = [(f"c{k}{day:%j}", day, 10) for day in days for k in range(3) if not 80 <= day.day_of_year < 100]
    rows += [(f"s{k}", pd.Timestamp("2025-05-14"), 10) for k in range(27)] + [("firm", day, 500) for day in days[:3]]
    return pd.DataFrame(rows, columns=["customer_id", "date", "amount"]).to_csv(index=False)


def test_a_spike_a_pause_and_unusual_customers_are_said_with_their_rules(build, trade):
    page = page_of(*build(trade))
    assert under(page, "Days with unusually many orders: 1")[1:] == [["May 14, 2025", "30", "3", "€300"]]
    assert under(page, "Pauses longer than the shop's rhythm makes likely: 1")[1:] == [
        ["Mar 21, 2025", "Apr 9, 2025", "20", "60"]
    ]
    assert "20 days, on which about 60 orders were to be expected (€772 at the mean order)" in page.main.get_text()
    firm = page.find(lambda tag: tag.name == "h3" and tag.get_text() == "Wholesale-like: 1 customer(s)")
    assert firm.find_next("p").get_text().startswith("Rule: two orders or more, 10 times the median order")
    assert "3 orders and €1,500 of theirs" in firm.find_next("p").find_next("p").get_text()


def test_in_french_every_sign_has_its_space_and_what_is_counted_its_plural(build, trade, monkeypatch):
    monkeypatch.setenv(language.ASKED, "fr")
    problem = Problem("warning", "transactions", "à regarder", Rows(3), ("a",), "")
    ds, problems = build(trade)
    page = page_of(ds, (*problems, problem))
    assert re.findall(r"[^\s'][;:?!%](?=\s|$)", page.get_text(" ")) == []
    assert "Type grossiste\N{NO-BREAK SPACE}: 1 client" in page.get_text().splitlines()
    assert under(page, "Pauses")[0][:2] == ["du", "au"]


def test_in_french_the_day_is_french_also_where_no_data_can_be_read(monkeypatch):
    wording.write_for("en_US", "USD")  # as it is before any data are read
    monkeypatch.setenv(language.ASKED, "fr")
    page = page_of(None, [Problem("error", "card", "illisible", 1)])
    today = format_date(pd.Timestamp.now(), locale="fr").removeprefix("1 ")
    assert today in page.find(class_="period").get_text()


def test_hostile_text_stays_text_and_nothing_is_asked_of_any_network(build):
    lines = "\n".join(f'{k % 4},2025-0{1 + k % 6}-03,5,"{EVIL}"' for k in range(20))
    ds, problems = build(
        f"customer_id,date,amount,channel\n{lines}\n", card={"name": f"Shop {EVIL}"}, drop={"channel": [f"{EVIL} "]}
    )
    problems = (*problems, Problem("warning", "transactions", f"3 row(s) {EVIL}\x1b[2J", 3, (EVIL, "x" * 300), EVIL))
    markup = check_page.check_page(f"Shop {EVIL}", ds, problems)
    page = BeautifulSoup(markup, "html.parser")
    assert not page.find_all(["script", "img", "link", "iframe"])
    assert not re.search(r"<[^>]+\s(on\w+|src|style)=", markup)
    assert "\x1b" not in markup
    assert EVIL in page.h1.get_text()
    assert "x" * 61 not in markup
    policy = page.find("meta", attrs={"http-equiv": True})["content"]
    assert policy.startswith("default-src 'none'; style-src 'sha256-")
    assert "http" not in re.sub(r"http-equiv", "", markup)


EXTRA = "bob@example.com,2025-01-01,me@example.com\nann0@example.com,2025-02-01,0.01\n"


def test_nobody_is_named(clv, tmp_path):  # noqa: F811
    lines = "\n".join(f"ann{k % 3}@example.com,2025-0{1 + k % 9}-11,{5 + k}" for k in range(30))
    (tmp_path / "orders.csv").write_text(f"customer_id,date,amount\n{lines}\n{EXTRA}")
    code, text = clv("check", "orders.csv")
    assert code == 0
    target = tmp_path / "runs/checks/orders/check.html"
    assert f"{target.relative_to(tmp_path)}" in text
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    markup = target.read_text("utf-8")
    assert "ann0" not in markup
    assert "@example" not in markup
    assert "for instance (an address)" in markup
    assert re.search(r"\bp[0-9a-f]{16}\b", markup)


def test_a_card_that_fails_says_what_to_mend_first(clv, tmp_path):  # noqa: F811
    (tmp_path / "orders.csv").write_text("customer_id,date,amount\na,soon,1\nb,2025-01-03,five\n")
    (tmp_path / "c.toml").write_text('name = "Acme"\n[transactions]\npath = "orders.csv"\n')
    assert clv("check", "c.toml")[0] == 1
    target = tmp_path / "runs/checks/acme/check.html"
    page = BeautifulSoup(target.read_text("utf-8"), "html.parser")
    assert "2 error(s) to mend first" in page.header.get_text()
    first = [item.get_text() for item in page.select("#first li")]
    assert len(first) == 2
    assert first[0].startswith("transactions: 1 of 2 row(s) dropped: date can't be read.")
    assert not page.select("#ledger, #readiness, #unusual")
    (tmp_path / "orders.csv").write_text("customer_id,date,amount\na,2025-01-04,1\nb,2025-01-03,5\n")
    assert clv("check", "c.toml")[0] == 0  # mended, the same page says so
    assert "Ready for clv run" in BeautifulSoup(target.read_text("utf-8"), "html.parser").header.get_text()


def test_where_transactions_are_sound_and_another_table_is_not_the_rest_is_told(build):
    ds, problems = build(
        "customer_id,date,amount\na,2025-01-04,1\nb,2025-01-03,5\n", card={"surveys": {"path": "gone"}}
    )
    page = page_of(ds, problems)
    assert len(page.select("#first li")) == 1
    assert page.select("#ledger, #readiness, #spread")


def test_subscriptions_alone_have_a_ledger_and_one_notebook(tmp_path):
    lines = "\n".join(f"c{k},{1 + k % 6},{'yes' if k % 3 else 'no'}" for k in range(60))
    (tmp_path / "people.csv").write_text(f"customer_id,tenure,churned\n{lines}\n")
    card = {"as_of": "2025-06-30", "subscriptions": {"path": "people.csv", "period": "month"}}
    ds, problems = dataset.build(card, tmp_path / "card.toml")
    page = page_of(ds, problems)
    assert "Subscriptions as of Jun 30, 2025" in page.header.get_text()
    claims = {row[0]: row[1] for row in rows_of(page.select_one("#readiness table"))[1:]}
    assert claims.pop("07b_contractual") == "how long subscribers stay: enough"
    assert all("the dataset has no single purchases" in said for said in claims.values())
    assert not page.select("#unusual, #spread")
    assert under(page, "subscriptions")[1][:3] == ["read", "rows in the file", "60"]


def test_totals_and_purchases_without_amounts_are_told_as_far_as_they_go(tmp_path, build):
    (tmp_path / "t.csv").write_text(
        "customer_id,first_purchase,last_purchase,purchases,amount\n"
        + "".join(f"c{k},2025-01-{1 + k % 28:02},2025-06-{1 + k % 28:02},3,90\n" for k in range(40))
    )
    card = {"as_of": "2025-07-31", "transactions": {"path": "t.csv", "grain": "customer"}}
    page = page_of(*dataset.build(card, tmp_path / "card.toml"))
    assert under(page, "Gates")[1:][2] == ["days since the last order: 30 or fewer", "33", "no"]
    page = page_of(*build("customer_id,date\na,2025-01-04\nb,2025-01-03\na,2025-02-03\n", amounts=False))
    assert "money" not in [row[0] for row in rows_of(page)]
    assert under(page, "transactions")[0] == ["what", "reason", "rows", "picture of the rows"]
    assert [row[:2] for row in under(page, "Orders per customer")[1:]] == [["1", "1"], ["2", "1"]]


def test_a_folder_that_cannot_be_written_to_leaves_the_check_as_it_is(clv, tmp_path):  # noqa: F811
    (tmp_path / "orders.csv").write_text("customer_id,date,amount\na,2025-01-04,1\nb,2025-01-03,5\n")
    (tmp_path / "taken").write_text("a file")
    code, text = clv("check", "orders.csv", "--out", "taken")
    assert code == 0
    assert "The page check.html can't be written" in text
    assert "Ready for `clv run`" in text


@pytest.mark.parametrize("width", [1280, 390])
def test_the_page_displays_offline_without_a_script_and_passes_axe(browser, made, tmp_path, width):
    ds, problems = made
    target = tmp_path / "check.html"
    check_page.write_check(f"Shop {EVIL}", ds, (*problems, Problem("error", "card", f"a{'b' * 200}", 1)), target)
    context = browser.new_context(viewport={"width": width, "height": 844}, offline=True)
    page, errors, asked = context.new_page(), [], []
    page.on("console", lambda message: errors.append(message.text))
    page.on("request", lambda request: asked.append(request.url))
    page.goto(target.as_uri())
    assert errors == []
    assert asked == [target.as_uri()]
    beyond = "[...document.querySelectorAll('body *')].filter(e => e.getBoundingClientRect().right > innerWidth)"
    assert page.evaluate(f"{beyond}.map(e => e.outerHTML.slice(0, 80))") == []
    found = Axe().run(page)
    assert found.violations_count == 0, found.generate_report()
    page.set_viewport_size({"width": 703, "height": 1030})  # what the margins leave of A4
    page.emulate_media(media="print")
    assert page.evaluate(f"{beyond}.map(e => e.outerHTML.slice(0, 80))") == []
    context.close()
