from dataclasses import replace

import ibis
import numpy as np
import pandas as pd
import pytest

from clvlib import aggregate
from clvlib.causes import adoption, causal, verdict
from clvlib.dataset import Dataset
from clvlib.errors import CannotAnswer, MissingTable, NotEnoughData, UsageError
from tests.causes.test_channels import small
from tools.demo_shop import build
from tools.demo_shop import world as shop

# Which design, and why


def only_orders(ds: Dataset) -> Dataset:
    return replace(ds, tables={name: table for name, table in ds.tables.items() if name != "touchpoints"})


def with_table(ds: Dataset, name: str, rows: pd.DataFrame) -> Dataset:
    table = ds.transactions.get_backend().create_table(f"{name}_{len(rows)}", rows, overwrite=True)
    return replace(ds, tables={**ds.tables, name: table})


def redrawn_orders(ds: Dataset, seed: int) -> Dataset:
    """Every order of the shop in a channel drawn at random from its mix; everything else as it is."""
    rows = ds.transactions.to_pandas()
    orders = rows.drop_duplicates("order_id")
    drawn = np.random.default_rng(seed).choice(orders["channel"].to_numpy(), len(orders))
    rows["channel"] = rows["order_id"].map(dict(zip(orders["order_id"], drawn, strict=True)))
    return with_table(ds, "transactions", rows)


def test_visits_that_come_before_the_orders_of_good_and_bad_customers_alike_decide(seen: adoption.Study) -> None:
    assert seen.design == "visits"
    assert seen.reason.startswith("Visits show 99.8% of those who used another channel before they ordered there")
    assert "compatible with none" in seen.reason


def test_without_visits_everybody_is_counted_from_an_order_of_their_own(ds: Dataset) -> None:
    study = adoption.study(only_orders(ds))
    assert study.design == "orders"
    assert study.reason == "No visits are recorded, so that only orders show who used another channel."
    rows = ds.transactions.to_pandas()
    rows = rows[(rows["amount"] > 0) & rows["date"].between(study.start, study.split + adoption.DAY)]
    first = rows.sort_values(["date", "order_id"]).drop_duplicates("customer_id").set_index("customer_id")
    first = first.loc[study.added.index]
    assert study.added.to_list() == (first["channel"] != study.features["home"]).to_list()
    assert study.features["ordered_after"].to_list() == (first["date"].dt.normalize() - study.start).dt.days.to_list()


def test_features_end_before_ones_own_order_and_outcomes_begin_after_it_for_the_same_time() -> None:
    days = ["2024-05-01", "2024-10-01", "2025-02-20", "2025-05-05", "2025-10-23", "2025-12-30", "2024-03-01"]
    who = ["a", "a", "a", "a", "a", "a", "b"]
    channel = ["web", "web", "store", "web", "web", "web", "web"]
    rows = zip(who, days, channel, strict=True)
    shop_ = small([(person, day, 10.0 * 2**i, at) for i, (person, day, at) in enumerate(rows)])
    study = adoption.study(shop_, 121, 244)
    assert study.added.index.to_list() == ["a"]
    assert study.added["a"]
    known = study.features.loc["a"]
    assert (known["frequency"], known["days_since_last_order"]) == (1, 141)  # the day before 20 February
    assert (known["total_spend"], study.placebo["a"]) == (30, 20)
    assert study.outcomes.loc["a"].to_list() == [80, 1, 1]  # 5 May; 23 October is the 245th day after


def test_visits_that_come_with_the_orders_do_not_decide(ds: Dataset) -> None:
    rows = ds.transactions.to_pandas()[["customer_id", "date", "channel"]].assign(event="visit")
    study = adoption.study(with_table(ds, "touchpoints", rows))
    assert study.design == "orders"
    assert "visits show who is active, as orders do" in study.reason


def test_visits_that_show_only_some_of_the_steps_do_not_decide(ds: Dataset) -> None:
    visits = ds.table("touchpoints").to_pandas()
    study = adoption.study(with_table(ds, "touchpoints", visits[visits.index % 3 > 0]))
    assert study.design == "orders"
    assert "too few to go by visits" in study.reason


def test_visits_only_of_those_who_still_buy_do_not_decide(ds: Dataset, seen: adoption.Study) -> None:
    late = ds.transactions.to_pandas()
    still = late.loc[late["date"] > seen.split, "customer_id"].unique()
    visits = ds.table("touchpoints").to_pandas()
    study = adoption.study(with_table(ds, "touchpoints", visits[visits["customer_id"].isin(still)]))
    assert study.design == "orders"


@pytest.mark.parametrize("seed", range(2))
def test_channels_drawn_by_chance_over_the_same_orders_have_no_effect(ds: Dataset, seed: int) -> None:
    study = adoption.study(redrawn_orders(ds, seed))
    assert study.design == "orders"
    found = causal.effect(causal.cross_fit(study.features, study.added, study.outcomes["revenue"], 1))
    assert abs(found.estimate) < 3 * found.se


def test_in_a_world_without_effect_every_order_of_the_window_finds_one_and_the_first_order_none(
    ds: Dataset, seen: adoption.Study
) -> None:
    drawn = verdict.redrawn(ds, seen)
    assert drawn.loc[verdict.WINDOW, "low"] > 30
    assert drawn.loc[verdict.INDEX, "low"] < 0 < drawn.loc[verdict.INDEX, "high"]
    by_orders = replace(seen, design="orders")
    assert list(verdict.null_of(by_orders, drawn)) == list(drawn.loc[verdict.INDEX])
    with pytest.raises(CannotAnswer, match="In a world in which channels change nothing"):
        verdict.null_of(by_orders, drawn + 1000)
    assert not verdict.null_of(replace(seen, design="visits"), drawn + 1000).any()


# The two windows


def test_windows_lie_at_the_end_and_touch() -> None:
    start, split, shortened = adoption.windows(pd.Timestamp("2023-07-01"), pd.Timestamp("2026-06-30"), 181, 365)
    assert (start, split, shortened) == (pd.Timestamp("2025-01-01"), pd.Timestamp("2025-06-30"), False)


def test_windows_of_a_short_history_are_shortened_so_that_a_third_stays_before_them() -> None:
    starts, as_of = pd.Timestamp("2025-01-01"), pd.Timestamp("2025-12-31")
    start, split, shortened = adoption.windows(starts, as_of, 181, 365)
    assert shortened
    assert (start - starts).days >= 365 / 3
    assert (split - start).days + 1 == pytest.approx(181 / 365 * (as_of - split).days, abs=1)


def test_windows_too_short_or_without_days_are_refused() -> None:
    with pytest.raises(NotEnoughData, match="each needs 60"):
        adoption.windows(pd.Timestamp("2025-01-01"), pd.Timestamp("2025-03-31"), 181, 365)
    with pytest.raises(UsageError, match="0 and 365"):
        adoption.windows(pd.Timestamp("2023-01-01"), pd.Timestamp("2025-12-31"), 0, 365)


def test_the_study_follows_customers_of_one_channel_and_sees_who_adds_another(
    ds: Dataset, world: shop.World, seen: adoption.Study
) -> None:
    people = world.people
    _, _, added = build.channel_effect(world)
    studied = (people["first"] < shop.STUDY[0]) & (people["second_from"] >= shop.STUDY[0])
    truth = pd.Series(added, [f"C{i + 1:04d}" for i in people.index[studied]])
    assert len(seen.added.index.difference(truth.index)) == 0
    assert len(seen.added) > 0.98 * len(truth)
    assert (seen.added == truth.reindex(seen.added.index)).mean() > 0.995


def test_features_know_nothing_of_the_windows_and_outcomes_nothing_of_the_time_before(
    ds: Dataset, seen: adoption.Study
) -> None:
    rows = ds.transactions
    late = rows.filter(rows["date"] >= ibis.timestamp(seen.start.isoformat()))
    changed = ibis.union(rows.filter(rows["date"] < ibis.timestamp(seen.start.isoformat())), late.mutate(amount=1.0))
    again = adoption.study(replace(ds, tables={**ds.tables, "transactions": changed}), known_before=["age_band"])
    pd.testing.assert_frame_equal(again.features, seen.features)
    after = aggregate.holdout(ds.transactions, seen.split, seen.end).reindex(seen.added.index).fillna(0.0)
    assert seen.outcomes["revenue"].to_list() == pytest.approx(after["spend"].to_list())
    assert seen.outcomes["bought"].mean() == pytest.approx((after["purchases"] > 0).mean())


def test_only_attributes_that_are_named_and_have_few_values_are_features(ds: Dataset) -> None:
    people = ds.customers().reset_index()
    people = people.assign(consent=np.where(people.index % 2, "yes", "no"), name=people["customer_id"], constant="x")
    table = ibis.duckdb.connect().create_table("people", people)
    names = ["age_band", "consent", "name", "constant", "home", "agee"]
    study = adoption.study(replace(ds, tables={**ds.tables, "customers": table}), known_before=names)
    assert set(study.features) - set(adoption.KNOWN) == {"home", "age_band"}
    assert adoption.attributes(study, names) == (["age_band"], ["consent", "name", "constant", "home", "agee"])
    bare = {name: rows for name, rows in ds.tables.items() if name != "customers"}
    assert "age_band" not in adoption.study(replace(ds, tables=bare), known_before=names).features


def test_a_status_of_the_last_day_changes_nothing_unless_it_is_named(ds: Dataset, seen: adoption.Study) -> None:
    bought_late = aggregate.holdout(ds.transactions, seen.split, seen.end)["purchases"] > 0
    people = ds.customers().reset_index()
    people["status"] = np.where(people["customer_id"].isin(bought_late.index[bought_late]), "active", "lost")
    table = ibis.duckdb.connect().create_table("people", people)
    again = adoption.study(replace(ds, tables={**ds.tables, "customers": table}), known_before=["age_band"])
    pd.testing.assert_frame_equal(again.features, seen.features)


# The effect


def test_the_adjusted_interval_holds_the_truth_and_the_plain_one_does_not(
    world: shop.World, found: dict[str, causal.CrossFit]
) -> None:
    effect, _, added = build.channel_effect(world)
    money = verdict.adjusted_effects(found).loc["net revenue"]
    for answer, truth in (("adjusted, everybody", effect.mean()), ("adjusted, those who did", effect[added].mean())):
        assert money.loc[answer, "low"] < truth < money.loc[answer, "high"]
    assert money.loc["plain difference", "low"] > effect.mean()


def test_the_placebo_finds_no_effect_on_the_past(seen: adoption.Study) -> None:
    past = verdict.placebo(seen)
    assert past.low < 0 < past.high
    assert past.naive_low > 0


def test_the_placebo_unmasks_a_difference_that_the_features_hide(seen: adoption.Study) -> None:
    secret = seen.placebo + 60.0 * seen.added
    hidden = seen.features.assign(total_spend=seen.features["total_spend"] + 60.0 * seen.added)
    past = verdict.placebo(replace(seen, placebo=secret, features=hidden))
    assert past.low > 0


def test_those_who_add_a_channel_were_better_customers_before(seen: adoption.Study) -> None:
    means = verdict.means_before_and_after(seen)
    assert means.loc["spend of the year before", "added"] > means.loc["spend of the year before", "others"]
    assert means.loc["days since the last order", "added"] < means.loc["days since the last order", "others"]


def test_all_features_belong_to_a_family_and_groups_hold_everybody(
    seen: adoption.Study, found: dict[str, causal.CrossFit]
) -> None:
    families = verdict.families(seen)
    assert {name for columns in families.values() for name in columns} == set(seen.features)
    groups = verdict.segments(seen, "age_band")
    by = verdict.effects_by(found["revenue"], groups)
    assert by["customers"].sum() == len(groups) * len(seen.added)
    assert list(groups) == ["home", "purchases", "age band"]
    assert list(verdict.segments(seen, "colour")) == ["home", "purchases"]
    assert set(verdict.unlike(found["revenue"], groups)) <= set(groups)


def test_groups_that_are_all_too_small_are_refused(found: dict[str, causal.CrossFit]) -> None:
    everyone = pd.Series([f"g{i // 30}" for i in range(len(found["revenue"].index))], found["revenue"].index)
    with pytest.raises(NotEnoughData, match="No group has 25 customers who added a channel and as many, alike enough"):
        verdict.effects_by(found["revenue"], {"tiny": everyone})


def test_the_periods_and_the_caption_of_a_study_say_its_dates(seen: adoption.Study) -> None:
    calendar = verdict.calendar(seen)
    assert calendar.loc["next window", "from"] == pd.Timestamp("2025-07-01")
    assert calendar.loc["before", "to"] == pd.Timestamp("2024-12-31")
    assert f"{len(seen.added):,}" in verdict.about(seen)


def test_the_truth_is_that_of_all_and_of_the_treated(world: shop.World, seen: adoption.Study) -> None:
    effect, _, added = build.channel_effect(world)
    truth = verdict.true_effects(build.truth_of_effects(world), seen)
    assert truth == pytest.approx({"all": effect.mean(), "treated": effect[added].mean()}, abs=1e-4)
    assert np.isfinite(list(truth.values())).all()


def test_the_truth_of_a_step_that_visits_show_is_not_that_of_an_order(world: shop.World, ds: Dataset) -> None:
    with pytest.raises(MissingTable, match="visits show"):
        verdict.true_effects(build.truth_of_effects(world), adoption.study(only_orders(ds)))


def test_the_truth_of_one_year_is_not_that_of_half_a_year(world: shop.World, seen: adoption.Study) -> None:
    shorter = replace(seen, end=seen.end - pd.Timedelta(days=180))
    with pytest.raises(MissingTable, match="181 and 365 days"):
        verdict.true_effects(build.truth_of_effects(world), shorter)


# The words that it allows


def test_few_who_did_are_answered_though_everybody_can_not_be(seen: adoption.Study) -> None:
    order = seen.features["spend_last_365"].rank(method="first", ascending=False)
    few = (order <= 300) & (np.random.default_rng(0).random(len(order)) < 0.2)
    found = verdict.fits(replace(seen, added=few))
    money = verdict.adjusted_effects(found).loc["net revenue"]
    assert money.index.to_list() == ["plain difference", "adjusted, those who did"]
    assert money.notna().all(axis=None)
    assert verdict.target(found["revenue"]) == "treated"
    assert "that on those who did can" in verdict.missing(found["revenue"])


def test_nothing_is_missing_where_both_answers_are(found: dict[str, causal.CrossFit]) -> None:
    assert verdict.missing(found["revenue"]) == ""
    assert verdict.target(found["revenue"]) == "all"


@pytest.mark.parametrize(
    ("low", "high", "doubt", "word"),
    [(1, 9, (0.5, 20), "cause"), (1, 9, (-5, 20), "if"), (-1, 9, (-8, 20), "nothing"), (-9, -1, (-20, -0.5), "cause")],
)
def test_a_sentence_about_cause_needs_more_than_an_interval_without_zero(low, high, doubt, word) -> None:
    assert verdict.allowed_verdict(pd.Series({"low": low, "high": high}), doubt) == word


def test_a_failed_placebo_is_a_refusal(seen: adoption.Study) -> None:
    past = verdict.placebo(seen)
    assert verdict.require_sound(past) is past
    with pytest.raises(CannotAnswer, match="The placebo failed"):
        verdict.require_sound(replace(past, low=1.0, estimate=2.0, high=3.0))
