from dataclasses import replace
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType

import ibis
import numpy as np
import pandas as pd
import pytest

from clvlib import aggregate, causal, channels, demo, shop
from clvlib.dataset import Dataset, Economics
from clvlib.tables import MissingTable, NotEnoughData, UsageError

BENCHMARK = Path(__file__).parents[1] / "benchmarks" / "coverage.py"
FIRST, LAST = pd.Timestamp("2024-01-01"), pd.Timestamp("2025-12-31")


@pytest.fixture(scope="module")
def coverage() -> ModuleType:
    spec = spec_from_file_location("coverage_benchmark", BENCHMARK)
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def world() -> shop.World:
    return shop.world(1)


@pytest.fixture(scope="module")
def ds(coverage: ModuleType, world: shop.World) -> Dataset:
    return coverage.dataset(world)


@pytest.fixture(scope="module")
def seen(ds: Dataset) -> channels.Study:
    return channels.study(ds, known_before="age_band")


@pytest.fixture(scope="module")
def found(seen: channels.Study) -> dict[str, causal.CrossFit]:
    return channels.fits(seen)


def small(rows: list[tuple[str, str, float, str]], visits: list[tuple[str, str, str]] | None = None) -> Dataset:
    """A shop of a few orders (customer, day, amount, channel) and visits (customer, day, channel)."""
    orders = pd.DataFrame(rows, columns=["customer_id", "date", "amount", "channel"])
    tables = {"transactions": orders.astype({"date": "datetime64[us]"})}
    if visits:
        touches = pd.DataFrame(visits, columns=["customer_id", "date", "channel"]).assign(event="visit")
        tables["touchpoints"] = touches.astype({"date": "datetime64[us]"})
    connection, unused = ibis.duckdb.connect(), pd.DataFrame()
    made = {name: connection.create_table(name, frame) for name, frame in tables.items()}
    return Dataset("small", "EUR", "en_IE", FIRST, LAST, Economics(), unused, unused, (), tables=made, files=())


# The plain comparison


def test_people_are_set_beside_their_channels() -> None:
    shop_ = small(
        [("a", "2024-01-05", 10, "web"), ("a", "2025-11-05", 30, "store"), ("b", "2024-02-01", 8, "web")],
        [("b", "2024-03-01", "store"), ("b", "2024-03-01", "phone")],
    )
    known = channels.people(shop_)
    assert known["channels"].to_dict() == {"a": 2, "b": 2}
    assert known["mix"].to_dict() == {"a": "store + web", "b": "store + web"}
    assert known["home"].to_dict() == {"a": "web", "b": "web"}
    assert known["orders"].to_dict() == {"a": 2, "b": 1}
    assert known["recent"].to_dict() == {"a": True, "b": False}
    table = channels.compare(known, channels.number(known["channels"]))
    assert table.loc["2", ["customers", "revenue", "orders", "order_value", "bought_again"]].to_list() == [
        2, 24, 1.5, 16, 0.5,
    ]  # fmt: skip


def test_four_channels_and_more_are_one_group_and_purchases_come_in_bands() -> None:
    assert channels.number(pd.Series([1, 3, 4, 7])).to_list() == ["1", "3", "4+", "4+"]
    assert channels.band(pd.Series([1, 2, 3, 4, 5, 9, 10, 99])).astype(str).to_list() == [
        "1", "2", "3-4", "3-4", "5-9", "5-9", "10+", "10+",
    ]  # fmt: skip


def test_one_channel_or_no_channel_at_all_is_refused() -> None:
    alone = small([("a", "2024-01-05", 10, "web"), ("b", "2024-02-01", 8, "web")])
    with pytest.raises(NotEnoughData, match="one channel \\(web\\)"):
        channels.people(alone)
    with pytest.raises(NotEnoughData):
        channels.study(alone)
    bare = replace(alone, tables={"transactions": alone.transactions.drop("channel")})
    for ask in (channels.people, channels.study):
        with pytest.raises(MissingTable, match="'channel'"):
            ask(bare)


def test_channels_drawn_by_chance_keep_everybodys_purchases(ds: Dataset) -> None:
    known = channels.people(ds)
    drawn = channels.shuffled(ds, known)
    assert (drawn <= known["orders"]).all()
    assert drawn.between(1, 4).all()
    assert (drawn[known["orders"] == 1] == 1).all()
    pd.testing.assert_series_equal(drawn, channels.shuffled(ds, known))


def test_even_drawn_by_chance_customers_of_more_channels_brought_more(ds: Dataset) -> None:
    known = channels.people(ds)
    revenue = channels.compare(known, channels.number(channels.shuffled(ds, known)))["revenue"]
    assert revenue.is_monotonic_increasing
    assert revenue["3"] > 2 * revenue["1"]
    assert channels.times_richer(known) > 1.5


def test_what_is_quoted_stands_beside_what_is_here(ds: Dataset, found: dict[str, causal.CrossFit]) -> None:
    known = channels.people(ds)
    claims = channels.quoted(known, found)
    assert claims["quoted"].dropna().to_list() == [0.30, 0.06, 0.09]
    assert claims["reported"].dropna().to_list() == [0.23, 0.04, 0.10]
    one, several = known[known["channels"] == 1], known[known["channels"] > 1]
    trips = (several["orders"] - 1).mean() / (one["orders"] - 1).mean() - 1
    assert claims.loc["several channels: more repeat trips", "plain"] == pytest.approx(trips)
    effect = causal.effect(found["orders"])
    assert claims.loc["several channels: more repeat trips", "adjusted"] == pytest.approx(
        effect.estimate / effect.without
    )
    adjusted = claims["adjusted"].dropna()
    assert adjusted.is_unique
    assert list(adjusted.index) == [claims.index[0], claims.index[1], claims.index[3]]
    assert channels.quoted(known.head(30))["plain"].isna().all()


# The two windows


def test_windows_lie_at_the_end_and_touch() -> None:
    start, split, shortened = channels.windows(pd.Timestamp("2023-07-01"), pd.Timestamp("2026-06-30"), 181, 365)
    assert (start, split, shortened) == (pd.Timestamp("2025-01-01"), pd.Timestamp("2025-06-30"), False)


def test_windows_of_a_short_history_are_shortened_so_that_a_third_stays_before_them() -> None:
    starts, as_of = pd.Timestamp("2025-01-01"), pd.Timestamp("2025-12-31")
    start, split, shortened = channels.windows(starts, as_of, 181, 365)
    assert shortened
    assert (start - starts).days >= 365 / 3
    assert (split - start).days + 1 == pytest.approx(181 / 365 * (as_of - split).days, abs=1)


def test_windows_too_short_or_without_days_are_refused() -> None:
    with pytest.raises(NotEnoughData, match="each needs 60"):
        channels.windows(pd.Timestamp("2025-01-01"), pd.Timestamp("2025-03-31"), 181, 365)
    with pytest.raises(UsageError, match="0 and 365"):
        channels.windows(pd.Timestamp("2023-01-01"), pd.Timestamp("2025-12-31"), 0, 365)


def test_the_study_follows_customers_of_one_channel_and_sees_who_adds_another(
    ds: Dataset, world: shop.World, seen: channels.Study
) -> None:
    people = world.people
    _, _, added = demo.channel_effect(world)
    studied = (people["first"] < shop.STUDY[0]) & (people["second_from"] >= shop.STUDY[0])
    truth = pd.Series(added, [f"C{i + 1:04d}" for i in people.index[studied]])
    assert len(seen.added.index.difference(truth.index)) == 0
    assert len(seen.added) > 0.98 * len(truth)
    assert (seen.added == truth.reindex(seen.added.index)).mean() > 0.995


def test_features_know_nothing_of_the_windows_and_outcomes_nothing_of_the_time_before(
    ds: Dataset, seen: channels.Study
) -> None:
    rows = ds.transactions
    late = rows.filter(rows["date"] >= ibis.timestamp(seen.start.isoformat()))
    changed = ibis.union(rows.filter(rows["date"] < ibis.timestamp(seen.start.isoformat())), late.mutate(amount=1.0))
    again = channels.study(replace(ds, tables={**ds.tables, "transactions": changed}), known_before="age_band")
    pd.testing.assert_frame_equal(again.features, seen.features)
    after = aggregate.holdout(ds.transactions, seen.split, seen.end).reindex(seen.added.index).fillna(0.0)
    assert seen.outcomes["revenue"].to_list() == pytest.approx(after["spend"].to_list())
    assert seen.outcomes["bought"].mean() == pytest.approx((after["purchases"] > 0).mean())


def test_only_attributes_that_are_named_and_have_few_values_are_features(ds: Dataset) -> None:
    people = ds.customers().reset_index()
    people = people.assign(consent=np.where(people.index % 2, "yes", "no"), name=people["customer_id"], constant="x")
    table = ibis.duckdb.connect().create_table("people", people)
    names = "age_band, consent,name, constant, home, agee"
    study = channels.study(replace(ds, tables={**ds.tables, "customers": table}), known_before=names)
    assert set(study.features) - set(channels.KNOWN) == {"home", "age_band"}
    assert channels.attributes(study, names) == (["age_band"], ["consent", "name", "constant", "home", "agee"])
    bare = {name: rows for name, rows in ds.tables.items() if name != "customers"}
    assert "age_band" not in channels.study(replace(ds, tables=bare), known_before=names).features


def test_a_status_of_the_last_day_changes_nothing_unless_it_is_named(ds: Dataset, seen: channels.Study) -> None:
    bought_late = aggregate.holdout(ds.transactions, seen.split, seen.end)["purchases"] > 0
    people = ds.customers().reset_index()
    people["status"] = np.where(people["customer_id"].isin(bought_late.index[bought_late]), "active", "lost")
    table = ibis.duckdb.connect().create_table("people", people)
    again = channels.study(replace(ds, tables={**ds.tables, "customers": table}), known_before="age_band")
    pd.testing.assert_frame_equal(again.features, seen.features)


# The effect


def test_the_adjusted_interval_holds_the_truth_and_the_plain_one_does_not(
    world: shop.World, found: dict[str, causal.CrossFit]
) -> None:
    effect, _, added = demo.channel_effect(world)
    money = channels.effects(found).loc["net revenue"]
    for answer, truth in (("adjusted, everybody", effect.mean()), ("adjusted, those who did", effect[added].mean())):
        assert money.loc[answer, "low"] < truth < money.loc[answer, "high"]
    assert money.loc["plain difference", "low"] > effect.mean()


def test_the_placebo_finds_no_effect_on_the_past(seen: channels.Study) -> None:
    past = causal.effect(channels.placebo(seen))
    assert past.low < 0 < past.high
    assert past.naive_low > 0


def test_the_placebo_unmasks_a_difference_that_the_features_hide(seen: channels.Study) -> None:
    secret = seen.placebo + 60.0 * seen.added
    hidden = seen.features.assign(total_spend=seen.features["total_spend"] + 60.0 * seen.added)
    past = causal.effect(channels.placebo(replace(seen, placebo=secret, features=hidden)))
    assert past.low > 0


def test_those_who_add_a_channel_were_better_customers_before(seen: channels.Study) -> None:
    means = channels.before_and_after(seen)
    assert means.loc["spend of the year before", "added"] > means.loc["spend of the year before", "others"]
    assert means.loc["days since the last order", "added"] < means.loc["days since the last order", "others"]


def test_all_features_belong_to_a_family_and_groups_hold_everybody(
    seen: channels.Study, found: dict[str, causal.CrossFit]
) -> None:
    families = channels.families(seen)
    assert {name for columns in families.values() for name in columns} == set(seen.features)
    groups = channels.segments(seen, "age_band")
    by = channels.effects_by(found["revenue"], groups)
    assert by["customers"].sum() == len(groups) * len(seen.added)
    assert list(groups) == ["home", "purchases", "age band"]
    assert list(channels.segments(seen, "colour")) == ["home", "purchases"]
    assert set(channels.unlike(found["revenue"], groups)) <= set(groups)


def test_groups_that_are_all_too_small_are_refused(found: dict[str, causal.CrossFit]) -> None:
    everyone = pd.Series([f"g{i // 30}" for i in range(len(found["revenue"].index))], found["revenue"].index)
    with pytest.raises(NotEnoughData, match="No group has 25 customers who added a channel and as many, alike enough"):
        channels.effects_by(found["revenue"], {"tiny": everyone})


def test_the_periods_and_the_caption_of_a_study_say_its_dates(seen: channels.Study) -> None:
    calendar = channels.calendar(seen)
    assert calendar.loc["next window", "from"] == pd.Timestamp("2025-07-01")
    assert calendar.loc["before", "to"] == pd.Timestamp("2024-12-31")
    assert f"{len(seen.added):,}" in channels.about(seen)


def test_the_benchmark_judges_a_shop(coverage: ModuleType) -> None:
    row = coverage.estimate(2)
    assert row["all covered"] == (abs(row["all error"]) <= causal.Z * row["all se"])
    assert row["all plain"] > row["all error"]


def test_the_truth_is_that_of_all_and_of_the_treated(world: shop.World, seen: channels.Study) -> None:
    effect, _, added = demo.channel_effect(world)
    truth = channels.truth(demo.truth_of_effects(world), seen)
    assert truth == pytest.approx({"all": effect.mean(), "treated": effect[added].mean()}, abs=1e-4)
    assert np.isfinite(list(truth.values())).all()


def test_the_truth_of_one_year_is_not_that_of_half_a_year(world: shop.World, seen: channels.Study) -> None:
    shorter = replace(seen, end=seen.end - pd.Timedelta(days=180))
    with pytest.raises(MissingTable, match="181 and 365 days"):
        channels.truth(demo.truth_of_effects(world), shorter)
