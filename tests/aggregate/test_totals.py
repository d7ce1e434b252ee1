"""A table of totals per customer: what it can answer is answered, the rest is left out with the reason."""

import json

import pandas as pd
import pytest

from clvlib import aggregate, dataset, load
from clvlib.errors import DataError, MissingTable, UsageError
from clvlib.ingest.card import read_card
from clvlib.run import outcome, reconcile, runner

CARD = 'currency = "USD"\npseudonyms = false\nas_of = 1998-06-30\n'
CARD += '[transactions]\npath = "totals.csv"\ngrain = "customer"\n'


def card(folder, rows, more="", as_of="1998-06-30"):
    lines = ["customer_id,first_purchase,last_purchase,purchases,amount", *rows]
    (folder / "totals.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    path = folder / "acme.toml"
    path.write_text(CARD.replace("1998-06-30", as_of) + more, encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def sample():
    return load("cdnow_sample")


@pytest.fixture(scope="module")
def acme(sample, tmp_path_factory):
    """CDNOW's sample, of which only the totals are left."""
    folder = tmp_path_factory.mktemp("totals")
    rfm = sample.rfm_summary()
    rows = [
        f"{name},{row.first_purchase:%Y-%m-%d},{row.last_purchase:%Y-%m-%d},{row.frequency + 1},{row.total_spend}"
        for name, row in rfm.iterrows()
    ]
    return card(folder, rows)


def test_totals_give_the_summary_that_the_purchases_give(acme, sample):
    here, there = load(acme).rfm_summary(), sample.rfm_summary()
    alike = [name for name in there if name != "monetary_value"]
    pd.testing.assert_frame_equal(here[alike], there[alike], check_exact=False, rtol=1e-12)
    mean = there["total_spend"] / (there["frequency"] + 1)
    pd.testing.assert_series_equal(
        here["monetary_value"], mean.where(there["frequency"] > 0), check_names=False, check_exact=False, rtol=1e-9
    )
    weeks = load(acme).rfm_summary("W")
    assert (weeks["T"] * 7).sum() == pytest.approx(there["T"].sum())
    brought = aggregate.brought(sample.transactions, sample.as_of, 0.3)
    pd.testing.assert_frame_equal(
        load(acme).brought()[["revenue", "contribution"]], brought.loc[here.index, ["revenue", "contribution"]],
        check_exact=False,
    )  # fmt: skip


def test_what_single_purchases_are_needed_for_says_so(acme):
    ds = load(acme)
    assert ds.sells
    assert not ds.has("transactions")
    with pytest.raises(MissingTable, match="totals per customer, not the single purchases"):
        aggregate.cohorts(ds.transactions, ds.as_of)


def test_check_gives_the_account_of_totals(acme):
    said = reconcile.account_in_words(load(acme))
    assert "2,349 customer(s), 6,688 purchase(s), 244,091.94 in all" in said
    assert "largest customer: 1901, who brought 6,552.70 (2.7%)" in said


def test_rows_that_contradict_themselves_are_left_out_and_said(tmp_path):
    rows = [f"c{i},2024-01-01,2024-03-01,3,100" for i in range(40)]
    odd = ["one,2024-01-01,2024-03-01,1,100", "back,2024-05-01,2024-03-01,2,100"]
    found, problems = dataset.build(*read(card(tmp_path, [*rows, *odd], as_of="2024-06-30")))
    assert len(found.rfm_summary()) == 40
    said = {p.what: p.grade for p in problems}
    assert said["1 of 42 row(s) dropped: the last purchase is before the first"] == "warning"
    assert said["1 of 42 row(s) dropped: one purchase, and two days of it"] == "warning"
    dropped = found.ledger[found.ledger["action"] == "dropped"]
    assert dropped[["rows", "money"]].sum().tolist() == [2, 200]


def test_several_purchases_of_a_day_are_one_and_nothing_paid_is_no_customer(tmp_path):
    rows = ["a,2024-01-01,2024-01-02,9,90", "b,2024-01-01,2024-01-01,2,50", "c,2024-01-01,2024-02-01,2,-5"]
    ds = load(card(tmp_path, rows, as_of="2024-06-30"))
    assert ds.rfm_summary()["frequency"].to_dict() == {"a": 1, "b": 0}
    assert ds.rfm_summary()["mean_order_value"].to_dict() == {"a": 45, "b": 50}
    said = [p.what for p in ds.problems]
    assert "2 customer(s) have more purchases than days from the first to the last" in said
    assert any(what.startswith("1 of 3 customers have no purchase up to 2024-06-30") for what in said)


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ("a,2024-01-01,2024-03-01,2,100", "a further row of a customer"),
        ("c,2024-01-01,2024-03-01,2.5,100", "purchases is not a whole number of 1 or more"),
        ("c,2024-01-01,2024-03-01,0,100", "purchases is not a whole number of 1 or more"),
        ("c,2024-01-01,2999-03-01,2,100", "dated in the future"),
        ("c,2024-01-01,2024-03-01,2,much", "amount can't be read"),
    ],
)
def test_a_row_that_cant_be_used_is_an_error_where_such_rows_are_many(row, words, tmp_path):
    rows = ["a,2024-01-01,2024-03-01,3,100", "b,2024-01-01,2024-02-01,2,50", row]
    with pytest.raises(DataError, match=words):
        load(card(tmp_path, rows, as_of="2024-06-30"))


def test_the_day_of_the_totals_is_the_cards_or_said_to_be_the_last_purchase(tmp_path):
    path = card(tmp_path, ["a,2024-01-01,2024-03-01,3,100", "b,2024-01-01,2024-02-01,2,50"], as_of="2024-02-15")
    with pytest.raises(UsageError, match="can't be taken back to 2024-02-15"):
        load(path)
    path.write_text(path.read_text().replace("as_of = 2024-02-15\n", ""))
    ds = load(path)
    assert ds.as_of == pd.Timestamp("2024-03-01")
    assert any("is taken for the day on which the totals were drawn" in p.what for p in ds.problems)


def test_an_unknown_grain_names_the_known_ones_and_a_missing_date_names_the_grain(tmp_path):
    path = card(tmp_path, ["a,2024-01-01,2024-03-01,3,100"])
    path.write_text(path.read_text().replace('"customer"', '"client"'))
    with pytest.raises(DataError, match='Write grain = "customer"') as raised:
        load(path)
    assert str(raised.value).count("\n") == 1
    path.write_text(path.read_text().replace('grain = "client"', 'grain = "row"'))
    with pytest.raises(DataError, match='Where each row is a customer with totals: grain = "customer"'):
        load(path)


def test_a_run_asks_the_notebooks_that_totals_can_answer(acme, tmp_path):
    with pytest.raises(UsageError, match=r"no single purchases\. Run only 02_segmentation, 03_clv_forecast"):
        runner.run(str(acme), only=["04"], out=tmp_path)


@pytest.mark.proof
def test_a_run_answers_what_totals_tell_and_names_the_rest(acme, tmp_path):
    assert runner.run(str(acme), out=tmp_path) == runner.DONE
    folder = tmp_path / "acme" / "1998-06-30"
    manifest = json.loads((folder / "manifest.json").read_text("utf-8"))
    outcomes = {entry["notebook"]: entry["outcome"] for entry in manifest["notebooks"]}
    assert [name for name, outcome in outcomes.items() if outcome == "done"] == ["02_segmentation", "03_clv_forecast"]
    assert set(outcomes.values()) == {"done", "without the single purchases that it needs"}
    assert "has totals per customer, not the single purchases" in (folder / "report.html").read_text("utf-8")
    customers = pd.read_csv(folder / "customers.csv")
    assert {"clv", "p_purchase", "segment"} <= set(customers)
    assert customers["clv"].notna().all()


@pytest.mark.filterwarnings("error::RuntimeWarning")
def test_totals_of_customers_who_all_paid_nothing_are_refused_in_words(tmp_path):
    path = card(tmp_path, ["a,2024-01-01,2024-02-01,2,0.00", "b,2024-01-01,2024-01-01,1,0.00"], as_of="2024-03-01")
    with pytest.raises(DataError, match="no customer has a purchase: no customer's total is above 0"):
        load(path)


@pytest.fixture(scope="module")
def counted(sample, tmp_path_factory):
    """CDNOW's sample, of which only who bought when is left."""
    folder = tmp_path_factory.mktemp("counts")
    bought = sample.transactions.filter(lambda t: t["amount"] > 0).to_pandas()
    bought = bought.assign(date=bought["date"].dt.strftime("%Y-%m-%d")).drop_duplicates(["customer_id", "date"])
    bought[["customer_id", "date"]].to_csv(folder / "visits.csv", index=False)
    path = folder / "visits.toml"
    path.write_text(
        'pseudonyms = false\nas_of = 1998-06-30\n[transactions]\npath = "visits.csv"\namounts = false\n',
        encoding="utf-8",
    )
    return path


def test_purchases_without_amounts_are_counted(counted, sample):
    ds, there = load(counted), sample.rfm_summary()
    pd.testing.assert_frame_equal(ds.rfm_summary().iloc[:, :3], there.iloc[:, :3])
    assert (ds.rfm_summary()["total_spend"] == there["frequency"] + 1).all()
    assert (ds.currency, ds.economics.margin, ds.counts) == ("purchases", 1.0, True)
    assert ds.brought()["contribution"].sum() == (there["frequency"] + 1).sum()
    assert any("what is called money is a number of purchases" in p.what and p.grade == "warning" for p in ds.problems)
    origins = ds.assumptions.set_index("name")["origin"]
    assert origins["margin"] == origins["currency"] == "no amounts"


def test_costs_that_no_amounts_stand_against_are_named(counted, tmp_path):
    path = tmp_path / "acme.toml"
    text = counted.read_text().replace('"visits.csv"', f'"{counted.parent / "visits.csv"}"')
    path.write_text(text + "[economics]\nmargin = 0.4\nservice_cost_per_order = 2.0\n", encoding="utf-8")
    ds = load(path)
    assert (ds.economics.margin, ds.economics.service_cost_per_order) == (1.0, 0.0)
    assert any("Of the card, margin, service_cost_per_order can't be used" in p.mend for p in ds.problems)


def test_without_amounts_and_without_a_word_of_it_the_message_names_the_option(counted, tmp_path):
    path = tmp_path / "acme.toml"
    text = counted.read_text().replace('"visits.csv"', f'"{counted.parent / "visits.csv"}"')
    path.write_text(text.replace("amounts = false\n", ""), encoding="utf-8")
    with pytest.raises(DataError, match="Where it has no amounts: amounts = false"):
        load(path)


def test_totals_without_amounts_count_their_purchases(acme, sample, tmp_path):
    path = tmp_path / "acme.toml"
    text = acme.read_text().replace('"totals.csv"', f'"{acme.parent / "totals.csv"}"')
    path.write_text(text + "amounts = false\n", encoding="utf-8")
    ds = load(path)
    assert (ds.rfm_summary()["total_spend"] == sample.rfm_summary()["frequency"] + 1).all()
    assert ds.counts


@pytest.mark.proof
def test_a_run_without_amounts_tells_numbers_of_purchases(counted, tmp_path):
    assert runner.run(str(counted), out=tmp_path) == runner.DONE
    folder = tmp_path / "visits" / "1998-06-30"
    outcomes = {e["notebook"]: e["outcome"] for e in json.loads((folder / "manifest.json").read_text())["notebooks"]}
    assert [name for name, outcome in outcomes.items() if outcome == "done"] == list(outcome.ANSWER["counts"])
    page = (folder / "report.html").read_text("utf-8")
    assert "6,688\u00a0purchases" in page
    assert not {"$", "€"} & set(page.split("<body>")[1].split("Are these the models")[0])


def read(path):
    return read_card(path), path
