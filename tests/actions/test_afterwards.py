import numpy as np
import pandas as pd
import pytest
from scipy.stats import ttest_ind

from clvlib.actions import afterwards, measure
from clvlib.errors import NotEnoughData


def plan(random, sizes):
    """A plan of so many customers by lever, a third of them left alone."""
    rows = [(f"{lever}{i}", lever, "message", 0.5, 4.0) for lever, n in sizes.items() for i in range(n)]
    chosen = pd.DataFrame(rows, columns=["customer_id", "lever", "treatment", "cost", "gain"])
    groups = measure.draw(chosen, pd.Series(1 / 3, index=list(sizes)), seed=int(random.integers(1e9)))
    return afterwards.plan_to_keep(chosen, groups)


def spend(random, kept, effect=0.0):
    """Most bring nothing, some a lot, those of lever b ten times as much; the contacted `effect` more."""
    many = random.random(len(kept)) < 0.3
    money = many * random.lognormal(3, 1, len(kept)) * np.where(kept["lever"] == "b", 10, 1)
    return pd.Series(money + effect * (kept["group"] == measure.CONTACT), index=kept.index)


def test_one_lever_is_welchs_comparison():
    random = np.random.default_rng(1)
    kept = plan(random, {"a": 300})
    money = spend(random, kept, effect=2.0)
    found = afterwards.what_became(kept, money)
    two = [money[kept["group"] == group] for group in (measure.CONTACT, measure.CONTROL)]
    by_scipy = ttest_ind(*two, equal_var=False).confidence_interval(0.95)
    assert found.loc["a", ["low", "high"]].tolist() == pytest.approx([by_scipy.low, by_scipy.high])
    assert found.loc["a", ["contacted", "left_alone", "cost", "expected"]].tolist() == [200, 100, 0.5, 4.0]
    pd.testing.assert_series_equal(found.loc["a"], found.loc[measure.TOGETHER], check_names=False)


@pytest.mark.parametrize("effect", [0.0, 15.0])
def test_the_interval_of_all_levers_holds_what_the_contact_caused(effect):
    held, middle = [], []
    for seed in range(300):
        random = np.random.default_rng(seed)
        kept = plan(random, {"a": 200, "b": 90, "c": 40})
        row = afterwards.what_became(kept, spend(random, kept, effect)).loc[measure.TOGETHER]
        held.append(row["low"] <= effect <= row["high"])
        middle.append(row["difference"])
    assert 0.92 <= np.mean(held) <= 0.98
    assert np.mean(middle) == pytest.approx(effect, abs=3 * np.std(middle) / np.sqrt(300))


def test_who_bought_nothing_counts_with_nothing_and_small_levers_are_left_out():
    random = np.random.default_rng(3)
    kept = plan(random, {"a": 60, "small": 10})
    found = afterwards.what_became(kept, pd.Series({"a0": 30.0, "nobody": 99.0}))
    assert list(found.index) == ["a", measure.TOGETHER]
    whole = found.loc["a", "each_contacted"] * 40 + found.loc["a", "each_alone"] * 20
    assert whole == pytest.approx(30.0)
    with pytest.raises(NotEnoughData, match="left alone"):
        afterwards.what_became(plan(random, {"small": 10}), pd.Series(dtype=float))


def test_where_nobody_bought_the_difference_is_nothing():
    kept = plan(np.random.default_rng(4), {"a": 60})
    found = afterwards.what_became(kept, pd.Series(dtype=float))
    assert found.loc[measure.TOGETHER, ["difference", "low", "high"]].tolist() == [0.0, 0.0, 0.0]
