from types import SimpleNamespace

import pandas as pd
import pytest

from clvlib import language
from clvlib.errors import NotEnoughData
from clvlib.value import cohort_grid, comparing


@pytest.fixture(scope="module")
def grids(demo):
    return cohort_grid.cohort_grids(demo)[0]


def test_a_quarter_is_called_as_the_language_has_it_and_quarters_stay_in_order(monkeypatch, cdnow_sample):
    monkeypatch.setenv(language.ASKED, "fr")
    assert cohort_grid.quarter_name(pd.Period("1997Q1")) == "T1 1997"
    made = cdnow_sample.rfm_summary()["first_purchase"].rename("first_purchase").to_frame()
    made.loc[made.index[0], "first_purchase"] = pd.Timestamp("1996-12-31")
    ds = SimpleNamespace(rfm_summary=lambda: made)
    assert list(comparing._cohort(ds).cat.categories) == ["T4 1996", "T1 1997"]


def test_groups_add_up_to_all_customers(demo, grids):
    whole = {row["cohort"]: row["customers"] for row in grids[cohort_grid.EVERYBODY][cohort_grid.EVERYBODY]["rows"]}
    assert sum(whole.values()) == len(demo.rfm_summary())
    for name in ("first product", "first basket", "acquisition channel", "region"):
        found = sum(row["customers"] for group in grids[name].values() for row in group["rows"])
        assert 0.98 * sum(whole.values()) <= found <= sum(whole.values()), name


def test_a_channel_has_its_own_cost_and_one_that_costs_nothing_known_has_none(grids):
    channels = grids["acquisition channel"]
    assert channels["social"]["cac"] > channels["store"]["cac"]
    assert channels["direct"]["cac"] is None


def test_nothing_of_a_small_group_is_given(grids, build, orders):
    assert all(row["customers"] >= 5 for by in grids.values() for group in by.values() for row in group["rows"])
    ds, _ = build(orders.to_csv(index=False))
    with pytest.raises(NotEnoughData, match="5 customers"):
        cohort_grid.cohort_grids(ds)
