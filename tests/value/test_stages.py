from functools import partial

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clvlib.dataset import Economics
from clvlib.errors import NotEnoughData
from clvlib.value import progress, stages
from tests.shop import Shop

STARTS, AS_OF = pd.Timestamp("2024-01-01"), pd.Timestamp("2024-12-31")


made = partial(Shop, as_of=AS_OF, starts=STARTS, economics=Economics(margin=0.5))


def frame(columns: str, *rows: tuple) -> pd.DataFrame:
    made = pd.DataFrame(rows, columns=columns.split())
    dates = [name for name in ("date", "acquired_on") if name in made]
    return made.assign(**{name: pd.to_datetime(made[name]) for name in dates})


ORDERS = frame(
    "customer_id date amount",
    ("ann", "2024-02-01", 20.0),
    ("ann", "2024-03-02", 40.0),
    ("bob", "2024-05-01", 10.0),
    ("eve", "2024-12-20", 50.0),
)
PEOPLE = frame(
    "customer_id acquired_on acquisition_cost referred_by",
    ("ann", "2024-01-10", 12.0, None),
    ("bob", "2024-04-30", 30.0, "ann"),
    ("cat", "2024-06-01", 1.0, "ann"),
    ("eve", "2024-12-01", None, None),
)
CONTACTS = frame(
    "customer_id date channel event",
    ("ann", "2024-01-05", "search", "click"),
    ("cat", "2024-06-01", "email", "sent"),
    ("cat", "2024-07-01", "email", "open"),
    ("cat", "2024-09-01", "email", "sent"),
    ("dan", "2024-08-01", "display", "click"),
)
ANSWERS = frame("customer_id date score", ("ann", "2024-04-01", 6), ("ann", "2024-06-01", 9), ("bob", "2024-06-15", 8))


@pytest.fixture
def full() -> stages.Journey:
    tables = {"transactions": ORDERS, "customers": PEOPLE, "touchpoints": CONTACTS, "surveys": ANSWERS}
    return stages.journey(made(tables))


def day(text: str) -> pd.Timestamp:
    return pd.Timestamp(text)


def test_every_stage_is_dated_by_its_rule(full: stages.Journey) -> None:
    ann = full.dates.loc["ann"]
    assert ann.to_dict() == {
        "awareness": day("2024-01-05"),
        "acquisition": day("2024-01-10"),
        "activation": day("2024-02-01"),
        "revenue": day("2024-03-02"),  # 10 of the first order don't pay back 12
        "retention": day("2024-03-02"),
        "referral": day("2024-04-30"),
        "advocacy": day("2024-06-01"),
    }
    assert full.dates.loc["dan"].dropna().to_dict() == {"awareness": day("2024-08-01")}
    assert full.dates.loc["bob", ["revenue", "retention", "referral", "advocacy"]].isna().all()


def test_who_was_not_asked_and_whose_cost_is_unknown_are_not_held_against_the_stage(full: stages.Journey) -> None:
    assert full.seen_until["advocacy"].dropna().to_dict() == {"ann": day("2024-06-01"), "bob": day("2024-06-15")}
    steps = progress.conversion(full)
    assert steps.loc["revenue", ["could", "reached"]].tolist() == [2, 1]
    assert steps.loc["advocacy", ["could", "reached", "share"]].tolist() == [2, 1, 0.5]
    assert steps.loc["acquisition", ["could", "reached"]].tolist() == [5, 4]
    assert steps.loc["activation", ["came_from", "could", "reached"]].tolist() == ["acquisition", 4, 3]


def test_a_client_with_transactions_alone_has_two_stages() -> None:
    journey = stages.journey(made({"transactions": ORDERS}))
    assert journey.stages == ["activation", "retention"]
    assert journey.before("activation") is None
    told = stages.stage_rules(made({"transactions": ORDERS}))
    assert told["here"].to_dict() == {name: name in ("activation", "retention") for name in stages.STAGES}


def test_a_purchase_before_the_noted_sign_up_is_the_sign_up() -> None:
    people = PEOPLE.assign(acquired_on=day("2024-11-01"))
    journey = stages.journey(made({"transactions": ORDERS, "customers": people}))
    assert journey.dates.loc["ann", "acquisition"] == day("2024-02-01")
    assert (journey.dates["acquisition"] <= journey.dates["activation"].fillna(AS_OF)).all()


def test_nothing_after_the_as_of_date_is_known() -> None:
    tables = {"transactions": ORDERS, "customers": PEOPLE, "touchpoints": CONTACTS, "surveys": ANSWERS}
    early = stages.journey(made(tables, as_of=day("2024-05-15")))
    assert list(early.dates.index) == ["ann", "bob"]
    assert early.dates.max().max() <= day("2024-05-15")


def test_the_last_sign_of_someone_who_never_bought_is_a_reaction_and_not_a_sending(full: stages.Journey) -> None:
    assert full.last_sign["cat"] == day("2024-07-01")
    assert full.last_sign["ann"] == day("2024-03-02")
    standing = stages.today(full, silent_after=60)
    assert standing["status"].to_dict() == dict.fromkeys(["ann", "bob", "cat", "dan"], "silent") | {"eve": "active"}
    assert standing["stage"].to_dict() == {
        "ann": "advocacy",
        "bob": "activation",
        "cat": "acquisition",
        "dan": "awareness",
        "eve": "activation",
    }


def test_the_window_that_counts_as_silent_is_at_most_a_third_of_the_history() -> None:
    assert stages.silence_window(made({"transactions": ORDERS})) == 30  # the only return took 30 days
    short = made({"transactions": ORDERS}, starts=AS_OF - pd.Timedelta(days=60))
    assert stages.silence_window(short) == 20
    with pytest.raises(NotEnoughData, match="came back"):
        stages.silence_window(made({"transactions": ORDERS[2:]}))


def ahead(customers) -> pd.DataFrame:
    return pd.DataFrame({"p_purchase": 0.5, "clv": 1.0}, index=customers)


def test_customers_and_value_are_all_somewhere(full: stages.Journey) -> None:
    standing = stages.today(full, silent_after=60)
    many = pd.concat([standing] * 5)
    places = stages.where_silent(many.set_axis(range(len(many))), ahead(range(len(many))))
    assert places["customers"].sum() == len(many)
    assert places["value_ahead"].sum() == len(many)
    assert places.loc["activation"].to_dict() == {
        "customers": 10,
        "active": 5,
        "silent": 5,
        "silent_share": 0.5,
        "buying": 5,
        "value_active": 5,
        "value_silent": 5,
        "value_ahead": 10,
    }


def test_what_the_value_of_a_stage_would_tell_of_four_is_blank() -> None:
    standing = pd.DataFrame({"stage": "retention", "status": ["active"] * 4 + ["silent"] * 8})
    row = stages.where_silent(standing, ahead(standing.index)).loc["retention"]
    assert row[["value_active", "value_silent"]].isna().all()  # either would give away the other
    assert row[["value_ahead", "silent_share"]].tolist() == [12, 8 / 12]
    assert stages.where_silent(standing[:4])["silent_share"].isna().all()


def test_the_way_to_a_second_purchase_does_not_lead_over_revenue(full: stages.Journey) -> None:
    assert full.way("retention") == ["acquisition", "activation", "retention"]
    assert full.way("awareness") == []
    assert stages.journey(made({"transactions": ORDERS})).way("retention") == ["retention"]


def test_who_cost_nothing_is_no_proof_that_a_cost_was_paid_back() -> None:
    people = PEOPLE.assign(acquisition_cost=[12.0, 0.0, 0.0, 30.0])
    journey = stages.journey(made({"transactions": ORDERS, "customers": people}))
    assert progress.conversion(journey).loc["revenue", ["could", "reached"]].tolist() == [2, 1]


def test_groups_that_do_alike_seldom_differ_and_others_do() -> None:
    random = np.random.default_rng(0)
    back = random.random(400) < np.where(np.arange(400) < 200, 0.2, 0.5)
    rows = [(f"c{i}", "2024-01-01", 1.0) for i in range(400)]
    rows += [(f"c{i}", "2024-02-01", 1.0) for i in np.flatnonzero(back)]
    journey = stages.journey(made({"transactions": frame("customer_id date amount", *rows)}))
    halves = pd.Series({f"c{i}": "early" if i < 200 else "late" for i in range(400)})
    mixed = pd.Series({f"c{i}": "odd" if i % 2 else "even" for i in range(400)})
    assert progress.groups_differ(journey, halves)["retention"] < 0.001
    assert progress.groups_differ(journey, mixed)["retention"] > 0.05
    assert progress.groups_differ(journey, mixed.replace("odd", "even"))["retention"] == 1


def waits(days: list[int], reached: list[bool]) -> pd.DataFrame:
    return pd.DataFrame({"days": days, "reached": reached})


def test_waiting_is_the_product_limit_estimate() -> None:
    """Slow computation of Kaplan & Meier 1958, day by day."""
    seen = waits([1, 3, 3, 4, 7, 7, 9], [True, True, False, True, False, True, False])
    expected, share = [], 1.0
    for now in range(10):
        at_risk = (seen["days"] >= now).sum()
        share *= 1 - ((seen["days"] == now) & seen["reached"]).sum() / max(at_risk, 1)
        expected.append(share)
    np.testing.assert_allclose(progress.waiting(seen), expected)


def test_the_truth_is_recovered_though_half_were_not_watched_long_enough() -> None:
    random = np.random.default_rng(0)
    truth = random.exponential(100, 20_000).astype(int)
    watched = random.integers(0, 300, 20_000)
    seen = waits(list(np.minimum(truth, watched)), list(truth <= watched))
    not_yet = progress.waiting(seen)
    assert 1 - not_yet[90] == pytest.approx((truth <= 90).mean(), abs=0.015)
    assert seen["reached"].mean() < 0.7  # the share so far is far too low for "ever"


@given(st.lists(st.tuples(st.integers(0, 30), st.booleans()), min_size=1, max_size=20), st.randoms())
@settings(max_examples=40, deadline=None)
def test_order_of_rows_does_not_matter_and_waiting_never_rises(rows: list[tuple[int, bool]], random) -> None:
    mixed = rows.copy()
    random.shuffle(mixed)
    one, other = (progress.waiting(waits(*map(list, zip(*some, strict=True)))) for some in (rows, mixed))
    np.testing.assert_allclose(one, other)
    assert (one.diff().dropna() <= 1e-12).all()


def test_times_are_blank_where_nobody_was_watched_that_long(full: stages.Journey) -> None:
    table = progress.times(full, within=(30, 5000))
    assert table.loc["retention", "customers"] == 3
    assert table.loc["retention", "within_30"] == pytest.approx(0.5)  # eve was watched for 11 days only
    assert table["within_5000"].isna().sum() >= 5


def test_groups_count_only_those_watched_long_enough() -> None:
    orders = [("a", "2024-01-01", 1.0), ("a", "2024-01-20", 1.0)]
    orders += [(f"b{i}", "2024-01-01", 1.0) for i in range(5)] + [(f"c{i}", "2024-12-20", 1.0) for i in range(9)]
    journey = stages.journey(made({"transactions": frame("customer_id date amount", *orders)}))
    groups = pd.Series({"a": "x", **{f"b{i}": "x" for i in range(5)}})
    table = progress.speed_by_group(journey, groups, days=90)
    assert table.loc["x"].to_dict() == {"customers": 6, "retention": pytest.approx(1 / 6)}
    assert np.isnan(table.loc["unknown", "retention"])
    with pytest.raises(NotEnoughData, match="watched for 400 days"):
        progress.speed_by_group(journey, groups, days=400)


def test_people_known_by_a_trace_only_are_counted(full: stages.Journey) -> None:
    assert stages.never_signed_up(full) == 1
    assert stages.never_signed_up(stages.journey(made({"transactions": ORDERS}))) == 0


def test_silent_buyers_are_held_against_the_truth(full: stages.Journey) -> None:
    standing = stages.today(full, silent_after=60)
    real = stages.against_truth(standing, pd.Series({"ann": True, "bob": False, "eve": True, "cat": False}))
    assert real == {"silent": 2, "active": 1, "gone": 0.5, "gone_too": 0.0}


def narrowest(*rows: tuple[str, int, int]) -> dict[str, object]:
    columns = ["came_from", "could", "reached", "share"]
    frame = pd.DataFrame([(stage, n, k, k / n) for stage, n, k in rows], ["first", "again"][: len(rows)], columns)
    return progress.narrowest(frame, list(frame.index))


def test_a_step_is_called_narrowest_only_among_several_and_beyond_chance() -> None:
    sure = {"stage": "again", "came_from": "first", "share": 1 / 3, "which": 1}
    assert narrowest(("all", 100, 90), ("first", 90, 30)) == sure
    assert narrowest(("all", 10, 9), ("first", 9, 8))["which"] == 2
    assert narrowest(("all", 100, 90))["which"] == 0
    with pytest.raises(NotEnoughData, match="Too few"):
        progress.narrowest(pd.DataFrame({"share": [float("nan")]}, ["again"]), ["again"])
