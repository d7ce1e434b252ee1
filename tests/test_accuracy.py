"""One cut of `benchmarks/accuracy`, and the rule by which its targets are judged."""

import numpy as np
import pandas as pd

from benchmarks import accuracy


def test_a_cut_gives_ratios_to_the_best_model_of_the_field_in_hindsight(monkeypatch):
    monkeypatch.setattr(accuracy, "CUSTOMERS", 800)
    case = next(case for case in accuracy.cases([]) if case.name.startswith("regular") and case.days == 91)
    found = accuracy.judge(case)
    assert found["counts"] < 1
    assert found["spend"] < 1
    assert found["auc"] > 0
    assert abs(found["purchases_off"]) < 0.3
    assert found["spend_naive"] < 1
    assert {"total_spend", "half_spend", *accuracy.HELD} <= set(found)


def test_a_target_over_all_cuts_is_a_mean_or_the_highest_or_a_share():
    bounds = {column: low for column, _, low, _ in accuracy.TARGETS["real"]}
    table = pd.DataFrame({name: [0.5, 1.02] for name in bounds}).assign(kind="BTYD")
    targets = accuracy.kept(table).set_index("what")
    assert targets.loc["counts, geometric mean", "came"] == np.sqrt(0.51)
    assert targets["kept"].all()
    table[accuracy.HELD] = [[0.82] * 3 + [0.88] * 3, [0.84] * 3 + [0.94] * 3]
    real = accuracy.kept(table.assign(kind="real")).set_index("what")
    assert not real.loc["counts, highest", "kept"]
    assert real.loc["counts, highest", "came"] == 1.02
    shares = real.loc[[f"{held}, share near what it says" for held in accuracy.HELD], "came"]
    assert (shares == 0.5).all()


def test_shops_are_drawn_alike_by_their_seed():
    one, other = (accuracy.btyd(np.random.default_rng(3)) for _ in range(2))
    pd.testing.assert_frame_equal(one, other)
    assert one.groupby("customer")["day"].min().max() < accuracy.LONG / 2
