import ibis
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clvlib.actions import baskets
from clvlib.aggregate import contents
from clvlib.errors import MissingTable, NotEnoughData

START = pd.Timestamp("2024-01-01")
AS_OF = START + pd.Timedelta(days=700)


def shop(customers: int = 500, taste: float = 0.7, seed: int = 0) -> pd.DataFrame:
    """Orders of customers who each have a favourite of six categories, from which they buy with chance `taste`."""
    random = np.random.default_rng(seed)
    rows = []
    for customer in range(customers):
        favourite = random.integers(0, 6)
        for day in np.sort(random.integers(0, 700, 2 + random.poisson(3))):
            date, order = START + pd.Timedelta(days=int(day)), f"O{len(rows)}"
            for _ in range(1 + random.poisson(0.8)):
                category = favourite if random.random() < taste else random.integers(0, 6)
                product = f"K{category}-P{random.integers(0, 5)}"
                rows.append((f"C{customer:04}", date, float(random.gamma(2, 10)), order, f"K{category}", product))
    names = ["customer_id", "date", "amount", "order_id", "category", "product"]
    return pd.DataFrame(rows, columns=names)


def lines(frame: pd.DataFrame, item: str = "product", as_of: pd.Timestamp = AS_OF) -> ibis.Table:
    return contents.purchased(ibis.memtable(frame), as_of, item)


def few(rows: list[tuple[str, str, str, float]]) -> pd.DataFrame:
    frame = pd.DataFrame(rows, columns=["customer_id", "order_id", "product", "amount"])
    return frame.assign(date=START + pd.to_timedelta(np.arange(len(rows)), unit="D"))


@pytest.fixture(scope="module")
def tastes() -> pd.DataFrame:
    return shop()


# Baskets


def test_a_refund_is_not_in_a_basket_and_a_line_twice_counts_once() -> None:
    rows = [("a", "1", "tea", 5.0), ("a", "1", "tea", 5.0), ("a", "2", "cup", -5.0), ("a", "2", "pot", 9.0)]
    frame = few(rows).assign(date=START)
    known = contents.history(lines(frame))
    assert known.to_dict("list") == {"customer_id": ["a", "a"], "item": ["pot", "tea"], "baskets": [1, 1]}


def test_nothing_after_the_date_is_read() -> None:
    frame = few([("a", "1", "tea", 5.0), ("a", "2", "cup", 5.0)])
    assert contents.history(lines(frame, as_of=START))["item"].tolist() == ["tea"]
    assert contents.first_after(lines(frame), START)["item"].tolist() == ["cup"]


def test_without_order_ids_a_day_is_a_basket() -> None:
    frame = few([("a", "1", "tea", 5.0), ("a", "2", "cup", 5.0), ("a", "3", "tea", 5.0)]).drop(columns="order_id")
    frame["date"] = [START, START, START + pd.Timedelta(days=1)]
    assert contents.history(lines(frame)).set_index("item")["baskets"].to_dict() == {"cup": 1, "tea": 2}


def test_the_first_basket_after_a_date_is_whole_and_only_the_first() -> None:
    frame = few([("a", "1", "tea", 5.0), ("a", "2", "cup", 5.0), ("a", "2", "pot", 5.0), ("a", "3", "tea", 5.0)])
    frame["date"] = [START, *[START + pd.Timedelta(days=2)] * 2, START + pd.Timedelta(days=5)]
    assert contents.first_after(lines(frame), START)["item"].tolist() == ["cup", "pot"]


def test_products_are_used_where_they_sell_often_enough_else_categories(tastes) -> None:
    assert contents.level(ibis.memtable(tastes), AS_OF) == "product"
    rare = tastes.assign(product=[f"P{i}" for i in range(len(tastes))])
    assert contents.level(ibis.memtable(rare), AS_OF) == "category"
    assert contents.level(ibis.memtable(tastes.drop(columns="category")), AS_OF) == "product"
    with pytest.raises(MissingTable, match="neither products nor categories"):
        contents.level(ibis.memtable(tastes[["customer_id", "date", "amount"]]), AS_OF)


# Rules


def test_a_pair_bought_together_is_found_and_independent_ones_are_not() -> None:
    random = np.random.default_rng(3)
    rows = []
    for order in range(1500):
        held = {f"P{random.integers(0, 8)}" for _ in range(2)}
        if "P0" in held and random.random() < 0.6:
            held.add("P1")
        rows += [(f"c{order % 300}", str(order), item, 5.0) for item in sorted(held)]
    found = baskets.product_rules(lines(few(rows).assign(date=START)))
    assert len(found) == 1
    first = found.iloc[0]
    assert {first["if_bought"], first["then_also"]} == {"P0", "P1"}
    assert first["lift"] > 1.5


def test_support_confidence_and_lift_are_those_counted_by_hand() -> None:
    rows = [
        (f"c{i}", str(i), item, 5.0) for i in range(100) for item in (["x", "y"] if i < 30 else ["x"] if i < 40 else [])
    ]
    rows += [(f"c{i}", str(i), "z", 5.0) for i in range(40, 100)]
    found = baskets.product_rules(lines(few(rows).assign(date=START)))
    row = found.set_index("if_bought").loc["y"]
    assert (row["then_also"], row["baskets"], row["support"]) == ("x", 30, 0.3)
    assert row["confidence"] == 1.0
    assert row["lift"] == pytest.approx(2.5)


def test_where_no_pair_is_frequent_it_says_so() -> None:
    alone = [(f"c{i}", str(i), "tea", 5.0) for i in range(50)]
    with pytest.raises(NotEnoughData, match="No two items"):
        baskets.product_rules(lines(few(alone).assign(date=START)))
    with pytest.raises(NotEnoughData, match="No item"):
        baskets.product_rules(lines(few(alone[:5]).assign(date=START)))


# Recommendations


def test_of_many_items_the_commonest_make_the_rules_not_the_first_by_name() -> None:
    """500 items in 20 baskets each, and a pair of the commonest at the end of the alphabet."""
    rare = [("a", f"r{n}-{basket}", f"item {n:03}", 5.0) for n in range(500) for basket in range(20)]
    pair = [("a", f"p{basket}", item, 5.0) for basket in range(40) for item in ("zebra", "zinc")]
    found = baskets.product_rules(lines(few(rare + pair).assign(date=START)))
    assert found[["if_bought", "then_also", "baskets"]].to_numpy().tolist() == [["zebra", "zinc", 40]]


def test_recommendations_by_a_slow_independent_count() -> None:
    owned = {"a": {"tea", "pot"}, "b": {"tea", "cup"}, "c": {"cup"}, "d": {"tea", "cup", "pot"}, "e": {"milk", "tea"}}
    rows = [(who, f"{who}{item}", item, 5.0) for who, items in owned.items() for item in sorted(items)]
    known = contents.history(lines(few(rows).assign(date=START)))
    told = baskets.recommend(known, "co-purchase", k=1)[1]
    items = sorted(set().union(*owned.values()))
    share = {j: sum(j in o for o in owned.values()) / len(owned) for j in items}
    for who, has in owned.items():
        score = {}
        for j in sorted(set(items) - has):
            chances = []
            for i in has:
                holders = [o for o in owned.values() if i in o]
                both = sum(j in o for o in holders)
                chances.append((both + baskets.SHRINKAGE * share[j]) / (len(holders) + baskets.SHRINKAGE))
            score[j] = sum(chances) / len(chances)
        best = max(score, key=lambda j: (round(score[j], 12), [-ord(x) for x in j])) if score else None
        assert told[who] == best or (best is None and pd.isna(told[who]))


@given(st.randoms(use_true_random=False), st.sampled_from(["popularity", "own habit", "co-purchase"]), st.booleans())
@settings(max_examples=10, deadline=None)
def test_the_order_of_the_rows_changes_no_recommendation(random, method, new_only) -> None:
    frame = shop(40)
    order = list(frame.index)
    random.shuffle(order)
    one, other = (
        baskets.recommend(contents.history(lines(rows)), method, 3, new_only) for rows in (frame, frame.loc[order])
    )
    pd.testing.assert_frame_equal(one, other)


def test_something_new_was_never_bought_before(tastes) -> None:
    known = contents.history(lines(tastes))
    bought = set(zip(known["customer_id"], known["item"], strict=True))
    for method in baskets._METHODS:
        told = baskets.recommend(known, method, 3).melt(ignore_index=False)["value"].dropna()
        assert not bought & set(told.items())


def test_own_habit_starts_with_what_is_bought_most() -> None:
    frame = few([("a", str(i), "tea" if i else "cup", 5.0) for i in range(4)] + [("b", "9", "pot", 5.0)])
    told = baskets.recommend(contents.history(lines(frame)), "own habit", 2, new_only=False)
    assert told.loc["a"].tolist() == ["tea", "cup"]


def test_where_tastes_differ_co_purchase_beats_popularity_on_later_baskets(tastes) -> None:
    cut = START + pd.Timedelta(days=450)
    known, later = contents.history(lines(tastes, as_of=cut)), contents.first_after(lines(tastes), cut)
    found = baskets.hits(known, later, new_only=True, k=3)
    table = baskets.hit_scores(found)
    assert table.index[0] == "co-purchase"
    assert table.loc["co-purchase", "low"] > table.loc["popularity", "high"]
    assert baskets.choose_method(found) == "co-purchase"
    assert "own habit" not in table.index


def test_where_nobody_has_a_taste_the_plainer_way_is_kept() -> None:
    frame = shop(taste=0.0, seed=5)
    cut = START + pd.Timedelta(days=450)
    known, later = contents.history(lines(frame, as_of=cut)), contents.first_after(lines(frame), cut)
    assert baskets.choose_method(baskets.hits(known, later, new_only=True, k=3)) == "popularity"


def test_hits_and_recall_are_those_counted_by_hand(monkeypatch) -> None:
    monkeypatch.setattr(baskets, "_FEWEST_CUSTOMERS", 1)
    known = contents.history(lines(few([("a", "1", "tea", 5.0), ("b", "2", "tea", 5.0), ("b", "3", "cup", 5.0)])))
    later = pd.DataFrame({"customer_id": ["a", "a", "b", "z"], "item": ["tea", "cup", "cup", "tea"]})
    found = baskets.hits(known, later, new_only=False, k=1)["popularity"]
    assert found["hit"].to_dict() == {"a": 1.0, "b": 0.0}
    assert found["recall"].to_dict() == {"a": 0.5, "b": 0.0}
    new = baskets.hits(known, later, new_only=True, k=1)["popularity"]
    assert new["hit"].to_dict() == {"a": 1.0}


def test_too_few_later_baskets_are_said() -> None:
    frame = shop(30)
    with pytest.raises(NotEnoughData, match="takes 100"):
        baskets.hits(contents.history(lines(frame)), contents.first_after(lines(frame), START), new_only=False, k=3)


def test_as_many_items_are_judged_as_are_handed_over(tastes) -> None:
    known, later = (
        contents.history(lines(tastes, as_of=START + pd.Timedelta(days=500))),
        contents.first_after(lines(tastes), START + pd.Timedelta(days=500)),
    )
    told = baskets.recommend(known, "popularity", new_only=False)
    judged = baskets.hits(known, later, new_only=False)["popularity"]["hit"]
    right = later.merge(told.melt(ignore_index=False, value_name="item").reset_index(), on=["customer_id", "item"])
    assert set(right["customer_id"]) == set(judged.index[judged > 0])
