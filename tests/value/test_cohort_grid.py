import pytest

from clvlib.errors import NotEnoughData
from clvlib.value import cohort_grid


@pytest.fixture(scope="module")
def grids(demo):
    return cohort_grid.cohort_grids(demo)[0]


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
