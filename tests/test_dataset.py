import os
import pickle

import ibis
import pandas as pd
import pytest

from clvlib import aggregate, dataset, files
from clvlib.actions import stake
from clvlib.aggregate import acquisition
from clvlib.errors import DataError, MissingTable, UsageError
from clvlib.ingest.tables import TABLES

ROWS = "customer_id,date,amount\na,2025-01-03,20\na,2025-02-14,35\nb,2025-01-20,99\n"


def test_cdnow_is_whole(cdnow):
    assert cdnow.transactions.count().to_pandas() == 69_659
    assert cdnow.transactions["customer_id"].nunique().to_pandas() == 23_570
    assert (cdnow.starts, cdnow.as_of) == (pd.Timestamp("1997-01-01"), pd.Timestamp("1998-06-30"))
    assert cdnow.currency == "USD"


def test_the_tenth_of_cdnow_is_the_published_sample(cdnow_sample):
    assert cdnow_sample.transactions["customer_id"].nunique().to_pandas() == 2_357


def test_an_unknown_name_names_the_bundled_datasets():
    with pytest.raises(UsageError, match="cdnow, cdnow_sample"):
        dataset.load("cdnwo")


def test_a_data_file_in_place_of_a_card_says_what_to_do(tmp_path):
    (tmp_path / "orders.csv").write_text(ROWS)
    with pytest.raises(UsageError, match="clv init"):
        dataset.load(tmp_path / "orders.csv")


def test_a_card_that_is_not_toml_says_where(tmp_path):
    (tmp_path / "c.toml").write_text("name = [")
    with pytest.raises(DataError, match="can't be read"):
        dataset.load(tmp_path / "c.toml")


def test_what_the_card_does_not_give_is_an_assumption_of_origin_default(build):
    found, _ = build(ROWS, card={"economics": {"margin": 0.4}})
    origins = found.assumptions.set_index("name")["origin"]
    assert origins["margin"] == "card"
    assert origins["annual_discount_rate"] == "default"
    assert origins["as_of"] == "default: the last day with data"
    assert found.as_of == pd.Timestamp("2025-02-14")
    assert found.economics.margin == 0.4


@pytest.mark.parametrize(
    "economics",
    [{"margin": 1.5}, {"margin": "a third"}, {"annual_discount_rate": -0.1}, {"horizon_months": 0}, {"colour": 3}],
)
def test_economics_that_make_no_sense_are_errors(build, economics):
    _, problems = build(ROWS, card={"economics": economics})
    assert next(iter(economics)) in " ".join(str(p) for p in problems if p.grade == "error")


def test_an_as_of_date_before_the_data_is_refused(build):
    with pytest.raises(UsageError, match="before the first transaction"):
        build(ROWS, as_of="2024-12-31")


def test_an_as_of_date_that_is_none_is_refused(build):
    with pytest.raises(UsageError, match="not a date"):
        build(ROWS, as_of="yesterdayish")


def test_rows_after_the_as_of_date_are_not_used(build):
    found, problems = build(ROWS, as_of="2025-01-31")
    assert found.rfm_summary()["frequency"].sum() == 0
    assert "1 row(s) are after the as-of date" in " ".join(map(str, problems))


DATED = {
    "transactions": ("date", ROWS + "b,2025-03-02 23:59,-9\nd,2025-03-09,4\n"),
    "customers": (
        "acquired_on",
        "customer_id,acquired_on\na,2025-01-03\nb,2025-04-01\nc,2025-01-31\nd,2025-02-20\ne,\n",
    ),
    "touchpoints": (
        "date",
        "customer_id,date,channel\na,2025-01-31 23:59,email\nc,2025-01-02,email\nd,2025-01-30,web\nb,2025-02-01,web\n",
    ),
    "surveys": ("date", "customer_id,date,score\na,2025-01-05,10\nb,2025-02-01,9\n"),
    "experiments": (
        "date",
        "customer_id,experiment,variant,date\na,x,control,2025-01-01\nb,x,new,2025-02-03\n",
    ),
    "marketing_costs": ("period", "channel,period,cost\nemail,2025-01-01,10\nemail,2025-02-01,12\n"),
}


def test_an_earlier_as_of_date_gives_every_table_as_it_was_on_that_day(tmp_path):
    """Before, only the transactions were cut, each method by itself: promoters answered after the as-of date."""
    day = pd.Timestamp("2025-01-31")
    (tmp_path / "then").mkdir()
    for name, (column, text) in DATED.items():
        (tmp_path / f"{name}.csv").write_text(text)
        known = pd.read_csv(tmp_path / f"{name}.csv", dtype=str, keep_default_na=False)
        early = pd.to_datetime(known[column].replace("", "2000-01-01"), format="mixed") < day + pd.Timedelta(days=1)
        if name == "customers":
            early |= known["customer_id"] == "b"  # had bought by then, whatever its row says
        known[early].to_csv(tmp_path / "then" / f"{name}.csv", index=False)
    card = {name: {"path": f"{name}.csv"} for name in DATED}
    whole, said = dataset.build(card, tmp_path / "card.toml", day)
    then, _ = dataset.build(card, tmp_path / "then" / "card.toml", day)
    assert set(whole.tables) == set(then.tables) == set(DATED)
    for name in DATED:
        pd.testing.assert_frame_equal(whole.table(name).to_pandas(), then.table(name).to_pandas())
    assert {p.where for p in said if "after the as-of date" in p.what} == set(DATED)
    rows = whole.ledger[~whole.ledger["reason"].str.startswith("of which")].groupby(["table", "action"])["rows"].sum()
    for name in DATED:
        read, kept, *out = (rows.get((name, action), 0) for action in ("read", "kept", "dropped", "later"))
        assert read == kept + sum(out)
        assert kept == whole.table(name).count().to_pandas()
    assert not whole.ledger["reason"].str.contains("refunds").any()  # the only one is made later


def test_a_table_of_later_rows_only_is_none(tmp_path):
    (tmp_path / "orders.csv").write_text(ROWS)
    (tmp_path / "answers.csv").write_text("customer_id,date,score\na,2025-02-05,10\n")
    card = {"transactions": {"path": "orders.csv"}, "surveys": {"path": "answers.csv"}}
    made, _ = dataset.build(card, tmp_path / "card.toml", "2025-01-31")
    assert not made.has("surveys")


@pytest.mark.parametrize(("as_of", "promoters"), [("2025-06-30", 401)])
def test_promoters_of_the_demo_shop_are_those_of_the_as_of_date(as_of, promoters):
    assert len(stake.promoters(dataset.load("demo", as_of).table("surveys").to_pandas())) == promoters


def test_a_missing_table_says_how_to_provide_it(build):
    found, _ = build(ROWS)
    assert not found.has("customers")
    with pytest.raises(MissingTable, match=r"\[customers\]"):
        found.customers()


def test_the_demo_shop_has_every_table_and_its_truth():
    ds = dataset.load("demo")
    assert {table for table in TABLES if not ds.has(table)} == {"subscriptions", "totals"}  # a shop sells no contracts
    assert ds.truth("customers").index.name == "customer_id"
    assert set(ds.truth("effects")["topic"]) == {"channels", "attribution", "experiments", "acquisition"}
    assert {problem.grade for problem in ds.problems} <= {"warning", "note"}


def test_of_a_real_business_nobody_knows_the_truth(cdnow_sample):
    with pytest.raises(MissingTable, match="no table of the truth"):
        cdnow_sample.truth("customers")


def test_a_truth_that_names_no_file_is_an_error(build):
    _, problems = build("customer_id,date,amount\n1,2025-01-01,10\n", card={"truth": {"effects": "nowhere.csv"}})
    assert any("names no file" in problem.what for problem in problems)


def test_the_cost_to_acquire_is_the_bills_over_the_new_customers_when_the_card_gives_none():
    ds = dataset.load("demo")
    assert ds.economics.acquisition_cost == pytest.approx(acquisition.ledger(ds).cac, abs=1e-4)
    origin = ds.assumptions.set_index("name")["origin"]
    assert origin["acquisition_cost"] == "marketing costs / new customers"


def test_without_bills_it_is_the_customers_column_over_buyers(build, tmp_path):
    (tmp_path / "people.csv").write_text("customer_id,acquisition_cost\na,5\nb,7\nc,\n")
    made, _ = build(ROWS, card={"customers": {"path": "people.csv"}})
    assert made.economics.acquisition_cost == 6.0
    assert (
        made.assumptions.set_index("name").loc["acquisition_cost", "origin"] == "customers' acquisition_cost / buyers"
    )


def test_the_truth_of_one_day_is_not_that_of_another():
    assert dataset.load("demo", as_of="2026-06-30").truth("customers").index.is_unique
    with pytest.raises(MissingTable, match="no table of the truth"):
        dataset.load("demo", as_of="2025-12-31").truth("customers")


COSTS = "customer_id,date,amount,cost\na,2025-01-03,20,5\na,2025-02-14,30,10\nb,2025-01-20,50,25\nb,2025-03-01,100,\n"


def test_the_costs_of_lines_give_the_margin_when_the_card_gives_none(build):
    found, problems = build(COSTS)
    assert found.economics.margin == pytest.approx(0.6)
    origin = found.assumptions.set_index("name").loc["margin", "origin"]
    assert origin == "costs of the lines (50.0% of the revenue)"
    assert not [problem for problem in problems if "margin" in problem.what]


@pytest.mark.parametrize(("margin", "warned"), [(0.6, 0), (0.605, 0), (0.3, 1)])
def test_a_card_whose_margin_is_not_that_of_the_lines_costs_is_told_so(build, margin, warned):
    found, problems = build(COSTS, card={"economics": {"margin": margin}})
    assert found.economics.margin == margin
    assert len([problem for problem in problems if "leave 60.0% of it" in problem.what]) == warned


def test_costs_above_all_revenue_give_no_margin_and_a_warning(build):
    found, problems = build(COSTS.replace(",25", ",90"))
    assert found.economics.margin == 0.3
    assert [problem for problem in problems if "leave -5.0% of it" in problem.what]


def test_a_dataset_that_is_kept_for_another_notebook_is_the_same(demo):
    kept = pickle.loads(pickle.dumps(demo))
    assert kept.tables.keys() == demo.tables.keys()
    for name, table in demo.tables.items():
        assert kept.table(name).schema() == table.schema()
        pd.testing.assert_frame_equal(kept.table(name).to_pandas(), table.to_pandas())
    assert (kept.economics, kept.problems, kept.files) == (demo.economics, demo.problems, demo.files)
    pd.testing.assert_frame_equal(kept.rfm_summary(), demo.rfm_summary(), check_exact=True)


def test_what_a_notebook_of_a_run_made_is_not_made_again(tmp_path, monkeypatch):
    made = []

    def make(name, rows):
        return files.once(lambda: made.append(name) or name, lambda: (name,), lambda _: rows)

    assert [make("a", 1), make("a", 1)] == ["a", "a"]
    assert made == ["a", "a"]  # outside of a run
    monkeypatch.setenv(files.KEPT, str(tmp_path))
    assert [make("a", 1), make("b", 1), make("a", 1), make("b", 1)] == ["a", "b", "a", "b"]
    assert made == ["a", "a", "a", "b"]
    assert [make("large", 10**9), make("large", 10**9)] == ["large", "large"]
    assert made[-2:] == ["large", "large"]
    monkeypatch.setenv(files.KEPT, str(tmp_path / "gone"))
    assert make("c", 1) == "c"
    assert len(os.listdir(tmp_path)) == 2


def test_a_changed_card_is_read_anew_in_a_run(tmp_path, monkeypatch):
    (tmp_path / "kept").mkdir()
    monkeypatch.setenv(files.KEPT, str(tmp_path / "kept"))
    rows = "customer_id,date,amount\n" + "".join(f"c{n},2025-01-0{n},{n}\n" for n in range(1, 9))
    (tmp_path / "orders.csv").write_text(rows)
    card = tmp_path / "shop.toml"
    card.write_text('name = "One"\n[transactions]\npath = "orders.csv"\n')
    first = dataset.load(card)
    card.write_text('name = "Two"\n[transactions]\npath = "orders.csv"\n')
    assert (first.name, dataset.load(card).name, dataset.load(card, as_of="2025-01-05").as_of.day) == ("One", "Two", 5)


def test_tables_are_told_apart_by_their_rows_in_any_order():
    frame = pd.DataFrame({"customer_id": ["a", "b", "a"], "amount": [1.0, 2.0, None]})
    same = aggregate.content(ibis.memtable(frame[::-1]))
    assert aggregate.content(ibis.memtable(frame)) == same
    others = [frame[:2], frame.assign(amount=[2.0, 1.0, None]), pd.concat([frame, frame[:1]]), frame.fillna(0.0)]
    assert len({same, *(aggregate.content(ibis.memtable(other)) for other in others)}) == 5


def test_the_notebooks_of_a_run_take_what_it_has_read(tmp_path, monkeypatch):
    (tmp_path / "orders.csv").write_text(ROWS)
    card = tmp_path / "shop.toml"
    card.write_text('[transactions]\npath = "orders.csv"\n')
    ds = dataset.load(card)
    (tmp_path / "orders.csv").unlink()
    (tmp_path / "kept").mkdir()
    dataset.keep_loaded(ds, card, tmp_path / "kept")
    with pytest.raises(DataError):  # outside of the run
        dataset.load(card)
    monkeypatch.setenv(files.KEPT, str(tmp_path / "kept"))
    pd.testing.assert_frame_equal(dataset.load(card).rfm_summary(), ds.rfm_summary())
