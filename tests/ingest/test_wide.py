"""A test in one file, a row a customer without an id, with arm and outcome: split by the card into three tables."""

import numpy as np
import pandas as pd
import pytest

from clvlib import dataset
from clvlib.causes import experiments, trial
from clvlib.errors import DataError
from clvlib.ingest import propose
from clvlib.ingest.options import options_of

ROW = {"customer_id": {"row": True}}


@pytest.fixture
def wide(tmp_path):
    """Four hundred people, most of them alike in every cell; the offer sells twice as often."""
    random = np.random.default_rng(0)
    frame = pd.DataFrame({"recency": random.integers(1, 3, 400), "zone": random.choice(["town", "land"], 400)})
    frame["segment"] = random.choice(["No E-Mail", "Offer"], 400)
    bought = random.random(400) < np.where(frame["segment"] == "Offer", 0.4, 0.2)
    frame["spend"] = np.where(bought, random.integers(10, 12, 400), 0)
    frame.to_csv(tmp_path / "test.csv", index=False)
    return frame


def card():
    return {
        "as_of": "2025-03-14",
        "transactions": {
            "path": "test.csv",
            "columns": ROW | {"amount": "spend"},
            "fixed": {"date": "2025-03-01"},
            "drop": {"spend": ["0"]},
        },
        "customers": {"path": "test.csv", "columns": ROW, "without": ["segment", "spend"]},
        "experiments": {
            "path": "test.csv",
            "columns": ROW | {"variant": "segment"},
            "fixed": {"experiment": "spring", "date": "2025-03-01"},
        },
    }


def test_each_row_is_a_customer_in_all_three_tables(wide, tmp_path):
    found, problems = dataset.build(card(), tmp_path / "card.toml")
    assert [p for p in problems if p.grade == "error"] == []
    people = found.table("customers").to_pandas().set_index("customer_id")
    assert len(people) == 400  # many are alike in all that is told of them, and no doubles
    assert list(people.columns) == ["recency", "zone"]
    sold = found.table("transactions").to_pandas().set_index("customer_id")["amount"]
    spent = wide["spend"].set_axis((wide.index + 1).astype(str))
    pd.testing.assert_series_equal(sold, spent[spent > 0].astype(float), check_names=False)
    ledger = found.ledger.query("table == 'transactions' and action == 'dropped'")
    assert ledger["rows"].tolist() == [(wide["spend"] == 0).sum()]


def test_what_the_test_brought_is_what_the_file_says(wide, tmp_path):
    found, _ = dataset.build(card(), tmp_path / "card.toml")
    table = found.table("experiments").to_pandas()
    test = trial.prepare(table, "spring", found.starts, found.as_of, control=["no e-mail"])
    readings, _ = experiments.read_experiments({"spring": test}, found)
    means = wide.groupby("segment")["spend"].mean()
    revenue = readings["spring"].effects.loc[("Offer", "revenue")]
    assert revenue["control"] == pytest.approx(means["No E-Mail"])
    assert revenue["variant"] == pytest.approx(means["Offer"])


def test_a_column_that_is_not_read_must_be_there(wide, tmp_path):
    wrong = card()
    wrong["customers"]["without"] = ["segment", "spnd"]
    _, problems = dataset.build(wrong, tmp_path / "card.toml")
    assert [p.what for p in problems if p.grade == "error"] == ["without names 'spnd', which the file doesn't have"]


def test_a_file_without_ids_is_told_how_to_do_without(wide, tmp_path):
    assert "customer_id = { row = true }" in propose.propose_card(tmp_path / "test.csv")
    _, problems = dataset.build({"customers": {"path": "test.csv"}}, tmp_path / "card.toml")
    assert any("{ row = true }" in p.mend for p in problems if p.where == "customers")


@pytest.mark.parametrize(
    "options", [{"without": [1]}, {"without": "spend"}, {"columns": {"customer_id": {"row": 1.5}}}]
)
def test_options_that_say_nothing_are_refused(options):
    with pytest.raises(DataError, match="customers"):
        options_of("customers", {"path": "a.csv"} | options)
