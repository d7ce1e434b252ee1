"""Scores that handle ties, shares that sum to one, and groups that don't depend on the order of rows or on ids."""

from typing import Any

import ibis
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clvlib import aggregate, language
from clvlib.errors import MissingTable, NotEnoughData, UsageError
from clvlib.value import clusters, concentration, segments


def rfm_of(frequency: list[int], spend: list[float], days: list[float]) -> pd.DataFrame:
    index = pd.Index([f"c{i:05}" for i in range(len(frequency))], name="customer_id")
    columns = {"frequency": frequency, "total_spend": spend, "days_since_last_order": days}
    return pd.DataFrame(columns, index=index)


customers = st.lists(st.tuples(st.integers(0, 6), st.integers(1, 40), st.integers(0, 30)), min_size=1, max_size=60).map(
    lambda rows: rfm_of([r[0] for r in rows], [float(r[1]) for r in rows], [float(r[2]) for r in rows])
)


def random_rfm(n: int, seed: int = 0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    return rfm_of(rng.geometric(0.5, n) - 1, rng.lognormal(3, 1, n).round(2), rng.integers(0, 300, n).astype(float))


def test_advice_that_a_forecast_contradicts_is_named() -> None:
    """Who was among the best and is silent for long is to be called, though next to nothing is expected of them."""
    names = ["Champions"] * 50 + ["Can't lose"] * 10 + ["Lost"] * 40 + ["Dormant"] * 10
    index = pd.Index([f"c{i}" for i in range(len(names))], name="customer_id")
    segment = pd.Series(names, index=index).astype(pd.CategoricalDtype(list(segments.SEGMENTS), ordered=True))
    clv = segment.astype(str).map({"Champions": 100.0, "Can't lose": 0.1, "Lost": 0.5, "Dormant": 150.0})
    chance = segment.astype(str).map({"Champions": 0.9, "Can't lose": 0.01, "Lost": 0.02, "Dormant": 0.9})
    found = segments.against_forecast(segment, pd.DataFrame({"clv": clv, "p_purchase": chance}))
    assert list(found.index) == ["Champions", "Can't lose", "Dormant", "Lost"]
    assert found["contradicts"].tolist() == [False, True, True, False]
    assert found["clv_share"].sum() == pytest.approx(1)
    assert found["customer_share"].sum() == pytest.approx(1)
    assert found.loc["Can't lose", "p_purchase"] == pytest.approx(0.01)
    assert "call them" in found.loc["Can't lose", "advice"]


def test_without_ties_scores_are_fifths() -> None:
    scores = segments.rank_scores(pd.Series(range(100)))
    assert scores.value_counts().to_dict() == dict.fromkeys(range(1, 6), 20)
    assert scores.is_monotonic_increasing


def test_the_most_recent_customers_score_highest() -> None:
    scores = segments.rfm_scores(rfm_of([0] * 5, [1.0] * 5, [1, 10, 20, 30, 40]))
    assert scores["r_score"].tolist() == [5, 4, 3, 2, 1]
    assert scores["f_score"].tolist() == [3] * 5
    assert scores["rfm"].iloc[0] == "533"


def test_fewer_than_five_distinct_values_leave_scores_unused() -> None:
    assert segments.rank_scores(pd.Series([0, 0, 1, 1])).tolist() == [2, 2, 4, 4]
    assert segments.rank_scores(pd.Series([7.0])).tolist() == [3]
    assert segments.rank_scores(pd.Series([], dtype=float)).tolist() == []


def test_a_missing_value_is_not_scored() -> None:
    with pytest.raises(UsageError, match=r"1 value\(s\) of 'x'"):
        segments.rank_scores(pd.Series([1.0, None], name="x"))


@settings(max_examples=25, deadline=None)
@given(customers)
def test_equal_values_get_equal_scores_and_better_ones_never_less(rfm: pd.DataFrame) -> None:
    scores = segments.rfm_scores(rfm)
    for value, score in (("frequency", "f_score"), ("total_spend", "m_score")):
        spread = scores[score].groupby(rfm[value]).agg(["min", "max"]).sort_index()
        assert (spread["min"] == spread["max"]).all()
        assert spread["min"].is_monotonic_increasing
    assert scores[["r_score", "f_score", "m_score"]].isin(range(1, 6)).all(axis=None)


@settings(max_examples=25, deadline=None)
@given(customers, st.randoms(use_true_random=False))
def test_row_order_and_ids_change_nobody_s_groups(rfm: pd.DataFrame, random: object) -> None:
    order = list(range(len(rfm)))
    random.shuffle(order)  # type: ignore[attr-defined]
    shuffled = rfm.iloc[order]
    renamed = rfm.set_axis(pd.Index([f"x{i}" for i in range(len(rfm))], name="customer_id"))
    for groups in (
        lambda frame: segments.rfm_scores(frame)["rfm"],
        lambda frame: segments.named_segments(frame, segments.rfm_scores(frame)),
        lambda frame: concentration.value_tiers(frame["total_spend"]),
    ):
        assert groups(shuffled).reindex(rfm.index).tolist() == groups(rfm).tolist() == groups(renamed).tolist()


@settings(max_examples=25, deadline=None)
@given(customers)
def test_a_monotone_change_of_amounts_changes_no_score(rfm: pd.DataFrame) -> None:
    for transform in (np.log, np.square, lambda x: 3 * x + 7):
        changed = rfm.assign(total_spend=transform(rfm["total_spend"]))
        assert segments.rfm_scores(changed).equals(segments.rfm_scores(rfm))


@settings(max_examples=25, deadline=None)
@given(customers)
def test_shares_sum_to_one(rfm: pd.DataFrame) -> None:
    for groups in (
        segments.named_segments(rfm, segments.rfm_scores(rfm)),
        concentration.value_tiers(rfm["total_spend"]),
        segments.criterion(rfm["frequency"], rfm.index, most=3),
    ):
        table = segments.profile(groups, rfm, rfm["total_spend"] * 0.3)
        assert table["customers"].sum() == len(rfm)
        assert table[["customer_share", "revenue_share", "value_share"]].sum().tolist() == pytest.approx([1, 1, 1])


def test_every_pair_of_scores_has_one_name_and_every_name_is_explained() -> None:
    names = {name for row in segments._GRID.values() for name in row} | {"New"}
    assert names == set(segments.SEGMENTS)
    assert set(segments._GRID) == {1, 2, 3, 4, 5}
    assert {len(row) for row in segments._GRID.values()} == {5}


def test_champions_are_recent_and_heavy_and_the_lost_are_neither() -> None:
    n = 100
    rfm = rfm_of(list(range(n)), [float(i) for i in range(n)], [float(n - i) for i in range(n)])
    segment = segments.named_segments(rfm, segments.rfm_scores(rfm))
    assert segment.iloc[-1] == "Champions"
    assert segment.iloc[0] == "Lost"


@settings(max_examples=25, deadline=None)
@given(customers)
def test_nobody_is_called_loyal_for_a_single_purchase(rfm: pd.DataFrame) -> None:
    segment = segments.named_segments(rfm, segments.rfm_scores(rfm))
    assert not segment[rfm["frequency"] == 0].isin(["Champions", "Loyal", "Promising", "At risk", "Can't lose"]).any()


def test_one_recent_purchase_makes_a_new_customer() -> None:
    rfm = rfm_of([0, 3, 3, 3, 3], [900.0, 1, 2, 3, 4], [1, 100, 200, 300, 400])
    assert segments.named_segments(rfm, segments.rfm_scores(rfm)).iloc[0] == "New"


@pytest.mark.parametrize("n", [1, 40])
def test_customers_who_are_all_alike_share_every_group(n: int) -> None:
    rfm = rfm_of([0] * n, [20.0] * n, [10.0] * n)
    scores = segments.rfm_scores(rfm)
    assert scores["rfm"].unique().tolist() == ["333"]
    assert segments.named_segments(rfm, scores).nunique() == 1
    assert concentration.value_tiers(rfm["total_spend"]).nunique() == 1
    assert concentration.gini(rfm["total_spend"]) == pytest.approx(0)
    assert concentration.top_share(rfm["total_spend"], 0.2) == pytest.approx(0.2)


def test_the_tiers_of_a_hundred_customers_are_5_15_30_and_50() -> None:
    tiers = concentration.value_tiers(pd.Series(np.arange(100.0)))
    assert tiers.value_counts(sort=False).tolist() == [5, 15, 30, 50]
    assert tiers.iloc[99] == "Top 5 %"


def test_tiers_that_do_not_end_at_everyone_are_refused() -> None:
    with pytest.raises(UsageError, match=r"0\.5"):
        concentration.value_tiers(pd.Series([1.0]), {"half": 0.5})


def test_gini_of_one_customer_who_is_worth_all_is_nearly_one() -> None:
    assert concentration.gini(pd.Series([0.0] * 99 + [1.0])) == pytest.approx(0.99)
    assert concentration.gini(pd.Series([1.0, 3.0])) == pytest.approx(0.25)


@settings(max_examples=25, deadline=None)
@given(customers, st.floats(0.01, 100))
def test_gini_and_whale_curve_do_not_depend_on_the_currency(rfm: pd.DataFrame, k: float) -> None:
    value = rfm["total_spend"]
    assert concentration.gini(value * k) == pytest.approx(concentration.gini(value), abs=1e-9)
    assert np.allclose(concentration.whale_curve(value * k), concentration.whale_curve(value))


def test_the_whale_s_back_is_above_the_total_when_some_customers_lose_money() -> None:
    curve = concentration.whale_curve(pd.Series([10.0, 10, 10, -10]))["value_share"]
    assert curve.max() == pytest.approx(1.5)
    assert curve.iloc[-1] == pytest.approx(1)


def test_a_base_that_is_worth_nothing_has_no_shares() -> None:
    with pytest.raises(NotEnoughData, match="2 customers"):
        concentration.gini(pd.Series([1.0, -1.0]))
    rfm = rfm_of([0, 0], [1.0, 1.0], [1, 2])
    table = segments.profile(pd.Series(["a", "b"], index=rfm.index), rfm, pd.Series(-1.0, index=rfm.index))
    assert table["value_share"].isna().all()


def test_a_group_must_be_known_for_every_customer() -> None:
    rfm = rfm_of([0, 0], [1.0, 1.0], [1, 2])
    with pytest.raises(UsageError, match="1 customers have no group"):
        segments.profile(pd.Series(["a"], index=rfm.index[:1]), rfm, rfm["total_spend"])


def test_any_attribute_is_a_criterion() -> None:
    index = pd.Index([f"c{i}" for i in range(40)], name="customer_id")
    words = pd.Series(["web"] * 20 + ["store"] * 15 + ["fax"] * 4, index=index[:39])
    groups = segments.criterion(words, index, most=2)
    assert groups.value_counts(sort=False).to_dict() == {"web": 20, "store": 15, "(all others)": 4, "(unknown)": 1}
    bands = segments.criterion(pd.Series(np.arange(40.0), index=index), index)
    assert bands.value_counts(sort=False).to_dict() == {"0 to 9": 10, "10 to 19": 10, "20 to 29": 10, "30 to 39": 10}
    days = pd.Series(pd.date_range("2024-12-01", periods=40), index=index)
    assert set(segments.criterion(days, index)) == {"2024", "2025"}
    assert set(segments.criterion(pd.Series([True] * 40, index=index), index)) == {"True"}


def test_bands_of_large_amounts_keep_their_cents() -> None:
    index = pd.Index([f"c{i}" for i in range(12)], name="customer_id")
    bands = segments.criterion(pd.Series([2962935.25 + i for i in range(12)], index=index), index)
    assert bands.cat.categories[0] == "2962935.25 to 2962937.25"


def lines() -> ibis.Table:
    rows = [
        ("a", "2025-01-01", 10.0, "tea"),
        ("a", "2025-01-02", 4.0, "mugs"),
        ("a", "2025-01-03", 5.0, "mugs"),
        ("a", "2025-03-01", 99.0, "pots"),
        ("b", "2025-01-01", 7.0, "tea"),
        ("b", "2025-01-01", 7.0, "mugs"),
        ("c", "2025-01-01", 7.0, None),
    ]
    frame = pd.DataFrame(rows, columns=["customer_id", "date", "amount", "category"])
    return ibis.memtable(frame.assign(date=pd.to_datetime(frame["date"])))


def test_the_main_category_is_where_most_was_spent_by_that_day() -> None:
    found = aggregate.main_value(lines(), "category", pd.Timestamp("2025-01-31"))
    assert found.to_dict() == {"a": "tea", "b": "mugs"}  # a tie goes by the alphabet; nothing known, no row
    later = aggregate.main_value(lines(), "category", pd.Timestamp("2025-03-01"))
    assert later["a"] == "pots"


def test_an_attribute_that_is_nowhere_is_named() -> None:
    with pytest.raises(MissingTable, match="'colour'"):
        aggregate.main_value(lines(), "colour", pd.Timestamp("2025-03-01"))


def test_migration_counts_everybody_once_and_newcomers_apart() -> None:
    kind = pd.CategoricalDtype(["high", "low"], ordered=True)
    then = pd.Series(["high", "low"], index=["a", "b"], dtype=kind)
    now = pd.Series(["low", "low", "high"], index=["a", "b", "c"], dtype=kind)
    moved = segments.migration(then, now)
    assert moved.to_numpy().sum() == 3
    assert moved.loc["high", "low"] == 1
    assert moved.loc["(not yet a customer)", "high"] == 1
    assert moved.columns.tolist() == ["high", "low"]


def blobs(per_group: int = 60) -> tuple[pd.DataFrame, np.ndarray]:
    rng = np.random.default_rng(1)
    centres = [(2, 12, 80.0), (200, 0, 15.0), (60, 3, 200.0)]
    rows = [
        (f, m * (f + 1) * rng.uniform(0.9, 1.1), d * rng.uniform(0.9, 1.1))
        for d, f, m in centres
        for _ in range(per_group)
    ]
    rfm = rfm_of([int(r[0]) for r in rows], [r[1] for r in rows], [r[2] for r in rows])
    return rfm, np.repeat([0, 1, 2], per_group)


def test_groups_that_are_really_there_are_found_and_called_stable() -> None:
    rfm, truth = blobs()
    judged = clusters.choose_number(rfm, ks=(3, 4, 5))
    assert judged.index[judged["chosen"]].tolist() == [3]
    assert judged.loc[3, "stability"] > 0.95
    found = clusters.fit_clusters(rfm, 3)
    assert pd.crosstab(found.labels, truth).gt(0).to_numpy().sum() == 3
    assert found.table.index[-1].startswith("3. mostly one order") or "one order" in found.table.index[-1]
    assert found.table["customers"].tolist() == [60, 60, 60]


def test_a_cluster_of_baskets_that_hardly_differ_is_not_named_after_them() -> None:
    """Among customers who pay 29.89 to 29.91, one group was said to have large baskets."""
    rng = np.random.default_rng(0)
    orders = rng.poisson(3, 200)
    paid = rng.choice([29.89, 29.90, 29.91], 200)
    found = clusters.fit_clusters(rfm_of(list(orders), list(paid * (orders + 1)), list(rng.uniform(1, 300, 200))), 4)
    assert all("middling baskets" in name for name in found.table.index)


def test_few_values_of_a_number_stand_in_their_order_and_not_by_how_common_they_are() -> None:
    paid = pd.Series([29.91] * 3 + [100.0] * 2 + [29.89], index=[f"c{i}" for i in range(6)])
    assert segments.criterion(paid, paid.index).cat.categories.tolist() == ["29.89", "29.91", "100.0"]


def test_in_french_numbers_that_name_groups_have_their_comma_and_stand_in_order(monkeypatch):
    monkeypatch.setenv(language.ASKED, "fr")
    paid = pd.Series([29.5, 100.0, 9.25, 29.5])
    assert segments.criterion(paid, paid.index).cat.categories.tolist() == ["9,25", "29,5", "100,0"]


def test_clusters_depend_neither_on_row_order_nor_on_the_currency() -> None:
    rfm, _ = blobs()
    found = clusters.fit_clusters(rfm, 3).labels
    again = clusters.fit_clusters(rfm.sample(frac=1, random_state=3), 3).labels
    assert again.reindex(rfm.index).astype(str).equals(found.astype(str))


def test_forty_customers_can_be_clustered_and_identical_ones_cannot() -> None:
    assert clusters.choose_number(random_rfm(40))["chosen"].sum() == 1
    with pytest.raises(NotEnoughData, match=r"40 customers are of 1 kind"):
        clusters.choose_number(rfm_of([0] * 40, [5.0] * 40, [3.0] * 40))
    with pytest.raises(NotEnoughData):
        clusters.choose_number(rfm_of([0], [5.0], [3.0]))


def test_a_number_of_clusters_that_is_asked_for_is_used_or_refused() -> None:
    judged = clusters.choose_number(random_rfm(60), ks=(3, 4), wanted=10)
    assert judged.index[judged["chosen"]].tolist() == [10]
    for wrong in (-1, 1, 21):
        with pytest.raises(UsageError, match="2 to 20"):
            clusters.choose_number(random_rfm(60), wanted=wrong)
    with pytest.raises(NotEnoughData, match="kind"):
        clusters.choose_number(random_rfm(30), wanted=12)


def test_spend_refunded_below_zero_is_a_basket_of_nothing() -> None:
    assert clusters.cluster_features(rfm_of([0], [-5.0], [3.0]))["spend_per_order"].tolist() == [0.0]


def moved() -> pd.DataFrame:
    kind = pd.CategoricalDtype(["high", "low"], ordered=True)
    then = pd.Series(["high", "high", "low"], index=["a", "b", "c"], dtype=kind)
    now = pd.Series(["high", "low", "low", "high"], index=["a", "b", "c", "d"], dtype=kind)
    return segments.migration(then, now)


def test_who_stayed_and_who_came_and_went_is_counted_among_those_who_were_there() -> None:
    assert segments.stayed(moved()) == pytest.approx(2 / 3)
    assert segments.flows(moved(), "high") == (1, 1)
    assert segments.flows(moved(), "low") == (0, 1)
    assert segments.flows(moved(), "nobody") == (0, 0)


def test_segments_at_a_date_know_nothing_of_later_purchases() -> None:
    early = segments.segments_at(lines(), pd.Timestamp("2025-01-31"))
    table = lines()
    known = table.filter(table["date"] <= pd.Timestamp("2025-01-31"))
    assert early.equals(segments.segments_at(known, pd.Timestamp("2025-01-31")))


def test_a_date_before_the_first_purchase_has_no_segments() -> None:
    with pytest.raises(NotEnoughData, match="2024-01-01"):
        segments.segments_at(lines(), pd.Timestamp("2024-01-01"))


def test_the_first_basket_is_that_of_the_first_day() -> None:
    assert aggregate.first_spend(lines(), pd.Timestamp("2025-03-01")).to_dict() == {"a": 10.0, "b": 14.0, "c": 7.0}


class Shop:
    """The part of a dataset that a criterion needs."""

    transactions = lines()
    as_of = pd.Timestamp("2025-03-01")

    def has(self, table: str) -> bool:
        return table == "customers"

    def table(self, table: str) -> ibis.Table:
        return ibis.memtable(self.customers().reset_index())

    def customers(self) -> pd.DataFrame:
        return pd.DataFrame({"region": ["north", "south"]}, index=pd.Index(["a", "b"], name="customer_id"))


def test_an_attribute_is_looked_for_among_customers_and_then_among_transactions() -> None:
    everyone = pd.Index(["a", "b", "c"], name="customer_id")
    shop: Any = Shop()
    assert segments.attribute(shop, "region", everyone).tolist() == ["north", "south", "(unknown)"]
    assert segments.attribute(shop, "category", everyone).tolist() == ["pots", "mugs", "(unknown)"]
    with pytest.raises(MissingTable, match="shoe_size"):
        segments.attribute(shop, "shoe_size", everyone)


@pytest.mark.parametrize("k", [2, 12])
def test_groups_by_chance_are_rarely_called_apart_and_real_ones_are(k):
    random, alarms = np.random.default_rng(k), 0
    for _ in range(200):
        value, groups = pd.Series(random.gamma(2, 10, 600)), pd.Series(random.integers(0, k, 600)).astype("category")
        alarms += segments.apart(value, groups)
    assert alarms <= 20  # of 200 at 5 %, more have a chance below one in a hundred
    assert segments.apart(value + 10 * (groups.astype(int) == 0), groups)


def test_one_group_or_a_group_of_one_is_never_apart():
    value = pd.Series([1.0, 2.0, 3.0, 900.0])
    assert not segments.apart(value, pd.Series(["a"] * 4).astype("category"))
    assert not segments.apart(value, pd.Series(["a", "a", "a", "b"]).astype("category"))
