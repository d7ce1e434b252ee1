"""A kept forecast, graded: what was said on its day, luck told from misfit, and nobody lost on the way."""

import ibis
import numpy as np
import pandas as pd
import pytest

from clvlib.errors import NotEnoughData
from clvlib.models import drift, outlook
from clvlib.models.windows import History

DAY = pd.Timestamp("1997-12-30")


@pytest.fixture(scope="module")
def rows(cdnow_sample) -> pd.DataFrame:
    return cdnow_sample.transactions.select("customer_id", "date", "amount").to_pandas()


@pytest.fixture(scope="module")
def kept(cdnow_sample) -> pd.DataFrame:
    history = History(cdnow_sample.transactions, cdnow_sample.starts)
    return drift.to_keep(outlook.look_ahead(history, DAY, 182), season=None)


def graded(kept, rows, as_of="1998-06-30") -> drift.Graded:
    return drift.grade(kept, History(ibis.memtable(rows), rows["date"].min()), pd.Timestamp(as_of))


def test_a_forecast_is_graded_by_what_it_said_wherever_it_was_kept(kept, rows, tmp_path):
    kept.to_parquet(tmp_path / "forecast.parquet")
    again = graded(pd.read_parquet(tmp_path / "forecast.parquet"), rows)
    assert again.made_on == DAY
    assert again.until == pd.Timestamp("1998-06-30")
    assert again.said["spend"].sum() == pytest.approx(kept["spend"].sum())
    after = rows[rows["date"] > DAY]
    assert again.came["spend"].sum() == pytest.approx(after["amount"].sum())
    assert again.buyers == (pytest.approx(kept["p_purchase"].sum()), after["customer_id"].nunique())
    assert again.vanished == 0
    whole = again.total("purchases")
    assert whole["low"] < whole["forecast"] < whole["high"]
    assert whole["holds"]


def test_of_days_that_are_not_over_the_part_is_graded_that_was_foreseen(kept, rows):
    part = graded(kept, rows, "1998-03-31")
    share = part.said["purchases"].sum() / kept["purchases"].sum()
    assert part.buyers is None
    assert 0.5 < share < 0.6  # ever fewer are foreseen, so that half the days hold more than half
    assert (part.came["purchases"] <= graded(kept, rows).came["purchases"]).all()
    with pytest.raises(NotEnoughData, match="Only 10 days have passed"):
        graded(kept, rows, "1998-01-09")
    with pytest.raises(NotEnoughData, match="Only 0 days have passed"):
        graded(kept, rows, "1997-10-09")


def test_who_has_just_bought_is_foreseen_sooner_so_that_age_is_no_misfit_before_the_end(kept, rows):
    last = rows[rows["date"] <= DAY].groupby("customer_id")["date"].max().reindex(kept.index)
    young = (DAY - last).dt.days < 60
    assert kept["until_3"][young].mean() != pytest.approx(kept["until_3"][~young].mean(), rel=1e-3)
    assert kept.filter(regex="until_").iloc[:, -1].to_numpy() == pytest.approx(1.0)
    groups = pd.Series(np.where(young, "just bought", "silent"), index=kept.index)
    part = graded(kept, rows, "1998-02-14")
    assert part.by_group(groups, "purchases")["holds"].all()
    whole, wider = (each.total("purchases") for each in (graded(kept, rows), part))
    assert wider["high"] / wider["forecast"] > whole["high"] / whole["forecast"]


def test_a_trade_that_breaks_down_is_the_level_and_no_group_is_to_blame(kept, rows):
    random = np.random.default_rng(0)
    groups = pd.Series(random.choice(list("abcd"), len(kept)), index=kept.index)
    fewer = rows[(rows["date"] <= DAY) | (random.random(len(rows)) < 0.5)]
    found = graded(kept, fewer)
    assert not found.total("spend")["holds"]
    assert found.by_group(groups, "spend")["holds"].all()


def test_a_group_that_leaves_is_misfit_and_found(kept, rows):
    groups = pd.Series(np.where(kept.index < "0500", "old", "new"), index=kept.index)
    left = rows[(rows["date"] <= DAY) | (rows["customer_id"] >= "0500")]
    table = graded(kept, left).by_group(groups, "purchases")
    assert not table.loc["old", "holds"]
    assert table.loc["old", "came"] == 0
    assert table["forecast"].sum() == pytest.approx(table["came"].sum())  # at the level that came


def test_groups_drawn_at_random_are_called_off_by_chance_alone(kept, rows):
    random, found = np.random.default_rng(1), graded(kept, rows)
    held = [
        found.by_group(pd.Series(random.choice(list("abcde"), len(kept)), index=kept.index), "spend")["holds"].all()
        for _ in range(200)
    ]
    assert 0.8 < np.mean(held) <= 1


def test_small_groups_stand_together_and_who_vanished_is_counted(kept, rows):
    names = np.array(["few"] * 20 + ["fewer"] * 15 + ["many"] * (len(kept) - 35))
    table = graded(kept, rows).by_group(pd.Series(names, index=kept.index), "spend")
    assert table.loc[drift.OTHERS, "customers"] == 35
    assert set(table.index) == {drift.OTHERS, "many"}
    names[20:35] = "many"
    table = graded(kept, rows[rows["customer_id"] > "0030"]).by_group(pd.Series(names, index=kept.index), "spend")
    assert table.loc[drift.OTHERS, ["customers", "came", "holds"]].tolist() == [20, 0, True]
    some = rows[rows["customer_id"] >= "0011"]
    assert graded(kept, some).vanished == (kept.index < "0011").sum() > 0
