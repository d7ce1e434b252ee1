from itertools import combinations, pairwise
from math import factorial

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clvlib.causes import attribution
from clvlib.errors import NotEnoughData


def paths(*rows: tuple[str, bool]) -> pd.DataFrame:
    """Paths written as ("email > search", converted), contacts one day apart, the last on the day of the order."""
    parts = []
    for number, (written, won) in enumerate(rows, 1):
        names = written.split(" > ")
        days = np.arange(len(names) - 1, -1, -1, dtype=float)
        parts.append(
            pd.DataFrame(
                {
                    "path": number,
                    "channel": names,
                    "position": range(1, len(names) + 1),
                    "length": len(names),
                    "converted": won,
                    "days_before": days if won else np.nan,
                }
            )
        )
    return pd.concat(parts, ignore_index=True)


some_paths = st.lists(
    st.tuples(st.lists(st.sampled_from("abcd"), min_size=1, max_size=5).map(" > ".join), st.booleans()),
    min_size=1,
    max_size=12,
).map(lambda rows: paths(*(rows * 4), *[("a > b", True)] * 25))


@settings(max_examples=25, deadline=None)
@given(some_paths)
def test_every_model_shares_out_each_order_once(laid: pd.DataFrame) -> None:
    credits = attribution.credits(laid)
    orders = laid.loc[laid["converted"], "path"].nunique()
    assert credits.sum().to_list() == pytest.approx([orders] * 7)
    assert (credits >= -1e-9).all().all()
    assert list(credits) == ["first", "last", "linear", "time decay", "position", "Markov", "Shapley"]


def test_the_rules_by_hand() -> None:
    credits = attribution.credits(paths(*[("a > b > b > c", True)] * 30)) / 30
    assert credits["first"].to_dict() == {"a": 1, "b": 0, "c": 0}
    assert credits["last"].to_dict() == {"a": 0, "b": 0, "c": 1}
    assert credits["linear"].to_dict() == {"a": 0.25, "b": 0.5, "c": 0.25}
    assert credits["position"].to_dict() == pytest.approx({"a": 0.4, "b": 0.2, "c": 0.4})
    assert credits["Shapley"].to_dict() == pytest.approx({"a": 1 / 3, "b": 1 / 3, "c": 1 / 3})
    decay = 2.0 ** (-np.array([3, 2, 1, 0]) / 7)
    shares = decay / decay.sum()
    assert credits["time decay"].to_dict() == pytest.approx({"a": shares[0], "b": shares[1:3].sum(), "c": shares[3]})


def test_position_halves_two_contacts_and_gives_all_to_one() -> None:
    two = attribution.credits(paths(*[("a > b", True)] * 30))["position"]
    assert two.to_list() == pytest.approx([15, 15])
    assert attribution.credits(paths(*[("a", True)] * 30))["position"].to_list() == pytest.approx([30])


def test_a_contact_a_half_life_earlier_gets_half() -> None:
    laid = paths(*[("a > b", True)] * 30)
    laid["days_before"] = laid["channel"].map({"a": attribution.HALF_LIFE_DAYS, "b": 0.0})
    assert attribution.credits(laid)["time decay"].to_list() == pytest.approx([10, 20])


def test_the_removal_effects_of_a_known_example() -> None:
    """Three paths whose removal effects are known: 0.5 for C1, 1 for C2 and for C3, of a chance of 1/3 to order."""
    laid = paths(("C1 > C2 > C3", True), ("C1", False), ("C2 > C3", False))
    assert attribution.markov(laid).to_dict() == pytest.approx({"C1": 0.2, "C2": 0.4, "C3": 0.4})


@settings(max_examples=15, deadline=None)
@given(some_paths)
def test_the_markov_chain_is_that_of_a_slow_walk(laid: pd.DataFrame) -> None:
    moves: dict[str, list[str]] = {}
    for _, rows in laid.groupby("path"):
        steps = ["start", *rows["channel"], "order" if rows["converted"].iloc[0] else "nothing"]
        for one, other in pairwise(steps):
            moves.setdefault(one, []).append(other)

    def chance(without: str = "") -> float:
        at, won = {"start": 1.0}, 0.0
        for _ in range(400):
            after: dict[str, float] = {}
            for state, mass in at.items():
                for to in set(moves[state]):
                    share = mass * moves[state].count(to) / len(moves[state])
                    if to == "order":
                        won += share
                    elif to not in ("nothing", without):
                        after[to] = after.get(to, 0.0) + share
            at = after
        return won

    lost = {name: 1 - chance(name) / chance() for name in sorted(laid["channel"].unique())}
    orders = laid.loc[laid["converted"], "path"].nunique()
    by_hand = {name: orders * effect / sum(lost.values()) for name, effect in lost.items()}
    assert attribution.markov(laid).to_dict() == pytest.approx(by_hand, abs=1e-4)


@settings(max_examples=20, deadline=None)
@given(some_paths)
def test_shapley_is_the_mean_gain_over_all_orders_of_joining(laid: pd.DataFrame) -> None:
    won = laid[laid["converted"]].groupby("path")["channel"].agg(frozenset)
    names = sorted(laid.loc[laid["converted"], "channel"].unique())

    def worth(chosen: tuple[str, ...]) -> int:
        return int(sum(path <= set(chosen) for path in won))

    n = len(names)
    for name, value in attribution.shapley_credits(laid).items():
        others, total = [other for other in names if other != name], 0.0
        for size in range(n):
            for chosen in combinations(others, size):
                weight = factorial(size) * factorial(n - size - 1) / factorial(n)
                total += weight * (worth((*chosen, str(name))) - worth(chosen))
        assert value == pytest.approx(total)


def test_a_channel_that_led_nowhere_gets_nothing() -> None:
    credits = attribution.credits(paths(*[("a", True)] * 30, *[("b", False)] * 30))
    assert credits.loc["b"].tolist() == pytest.approx([0] * 7)


def test_too_few_orders_are_refused() -> None:
    with pytest.raises(NotEnoughData, match="Only 24 order"):
        attribution.credits(paths(*[("a", True)] * 24, *[("b", False)] * 99))


def test_counts_of_what_the_paths_hold() -> None:
    laid = paths(("a > a > b", True), ("a", False))
    assert attribution.met(laid).to_dict("index") == {
        "a": {"contacts": 3, "orders_met": 1, "paths_with_order": 0.5},
        "b": {"contacts": 1, "orders_met": 1, "paths_with_order": 1.0},
    }
    facts = attribution.paths_summary(laid, orders=4)
    assert facts == {"orders": 4, "with_contact": 0.25, "several": 1.0, "nowhere": 1}
