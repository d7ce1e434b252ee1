from dataclasses import replace
from types import SimpleNamespace

import ibis
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import ttest_ind

from clvlib import wording
from clvlib.aggregate import clock
from clvlib.causes import covariates, experiments, lasting, levers, trial, verdicts
from clvlib.causes.trial import Trial
from clvlib.dataset import Economics
from clvlib.errors import MissingTable, NotEnoughData

START, AS_OF = pd.Timestamp("2024-01-01"), pd.Timestamp("2025-12-31")
ASSIGNED = pd.Timestamp("2025-01-01")
ECONOMICS = Economics(margin=0.4, service_cost_per_order=1.0)


def simulate(
    customers: int = 1500, seed: int = 0, arms: tuple[str, ...] = ("control", "offer"), rate: float = 1.0
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Transactions over two years and a test in their middle that multiplies the purchase rate of all other arms."""
    random = np.random.default_rng(seed)
    people = [f"c{i:05}" for i in range(customers)]
    variant = random.choice(arms, customers)
    own = random.gamma(1.5, 2.0, customers)
    after = own * np.where(variant == arms[0], 1.0, rate)
    parts = []
    for first, each in ((0, own), (366, after)):
        who = np.repeat(people, random.poisson(each))
        parts.append(pd.DataFrame({"customer_id": who, "day": first + random.integers(0, 365, len(who))}))
    tx = pd.concat(parts, ignore_index=True)
    tx["date"] = START + pd.to_timedelta(tx.pop("day"), unit="D")
    tx["amount"] = random.gamma(3, 15, len(tx)).round(2)
    tx["cost"] = (0.6 * tx["amount"]).round(2)
    table = pd.DataFrame({"customer_id": people, "experiment": "offer", "variant": variant, "date": ASSIGNED})
    return tx, table


def dataset(tx: pd.DataFrame, table: pd.DataFrame) -> SimpleNamespace:
    """What is asked of a dataset with this test and no other tables."""
    return SimpleNamespace(
        transactions=ibis.memtable(tx), starts=START, as_of=AS_OF, economics=ECONOMICS, has=lambda _: False,
        table=lambda _: ibis.memtable(table),
    )  # fmt: skip


def read(tx: pd.DataFrame, table: pd.DataFrame, **asked) -> tuple[Trial, ibis.Table, pd.DataFrame]:
    test = trial.prepare(table, "offer", START, AS_OF, **asked)
    clocked = clock.on_one_clock(ibis.memtable(tx), test.customers["date"], AS_OF)
    return test, clocked, experiments.outcomes(test, clocked, ECONOMICS)


def sized(**arms: int) -> pd.DataFrame:
    """A test's table with so many customers in each arm."""
    variant = np.repeat(list(arms), list(arms.values()))
    people = [f"c{i:04}" for i in range(len(variant))]
    return pd.DataFrame({"customer_id": people, "experiment": "offer", "variant": variant, "date": ASSIGNED})


@pytest.fixture(scope="module")
def shop() -> tuple[pd.DataFrame, pd.DataFrame]:
    return simulate(rate=1.3)


@pytest.fixture(scope="module")
def known(shop: tuple[pd.DataFrame, pd.DataFrame]) -> tuple[Trial, ibis.Table, pd.DataFrame]:
    return read(*shop)


# What each customer did


def test_outcomes_are_those_of_a_slow_walk_through_the_rows(
    shop: tuple[pd.DataFrame, pd.DataFrame], known: tuple[Trial, ibis.Table, pd.DataFrame]
) -> None:
    tx, (test, _, found) = shop[0], known
    assert len(found) == len(shop[1])
    after = tx[(tx["date"] >= ASSIGNED) & (tx["date"] < ASSIGNED + pd.Timedelta(days=test.window_days))]
    for who in found.index[:40]:
        mine = after[after["customer_id"] == who]
        days = sorted({(date - ASSIGNED).days for date in mine["date"]})
        assert found.loc[who, "orders"] == len(days)
        assert found.loc[who, "converted"] == (len(days) > 0)
        assert found.loc[who, "retained"] == any(day >= test.window_days / 2 for day in days)
        assert found.loc[who, "value"] == pytest.approx((mine["amount"] - mine["cost"]).sum() - len(days))
        late = mine[(mine["date"] - ASSIGNED).dt.days >= test.window_days / 2]
        late_days = sum(day >= test.window_days / 2 for day in days)
        assert found.loc[who, "late"] == pytest.approx((late["amount"] - late["cost"]).sum() - late_days)
        wanted = [*days, np.nan, np.nan][:2]
        np.testing.assert_array_equal(found.loc[who, ["first_day", "second_day"]].astype(float), wanted)


def test_the_day_of_assignment_counts_as_after_and_the_day_after_the_window_does_not() -> None:
    table = simulate(200)[1]
    who = table["customer_id"].iloc[0]
    days = [-1, 0, 29, 30]
    tx = pd.DataFrame({"customer_id": who, "date": [ASSIGNED + pd.Timedelta(days=d, hours=9) for d in days]})
    _, clocked, found = read(tx.assign(amount=[1.0, 2.0, 4.0, 8.0]), table, window_days=30)
    assert found.loc[who, "revenue"] == 6
    assert clock.money_around(clocked, -365, -1, 0.4).loc[who, "revenue"] == 1


def test_a_line_without_a_cost_counts_with_the_margin_and_is_counted() -> None:
    table = simulate(200)[1]
    tx = pd.DataFrame({"customer_id": table["customer_id"].iloc[:2], "date": ASSIGNED, "amount": 100.0})
    _, _, found = read(tx.assign(cost=[30.0, np.nan]), table)
    assert found["contribution"].head(2).tolist() == [70, 40]
    assert found["unknown_costs"].head(2).tolist() == [0, 1]


def test_a_purchase_given_back_is_no_purchase_and_nothing_after_the_last_day_is_read() -> None:
    table = simulate(200)[1]
    who = table["customer_id"].iloc[0]
    dates = [ASSIGNED, ASSIGNED + pd.Timedelta(days=5), AS_OF + pd.Timedelta(days=1)]
    tx = pd.DataFrame({"customer_id": who, "date": dates, "amount": [20.0, -20.0, 50.0]})
    _, _, found = read(tx, table, window_days=500)
    assert found.loc[who, ["converted", "orders", "revenue"]].tolist() == [0, 0, 0]


# Effects


def test_plain_effects_are_those_of_welch(known: tuple[Trial, ibis.Table, pd.DataFrame]) -> None:
    test, _, found = known
    table = experiments.effects(found, test)
    one, other = (found.loc[found["variant"] == arm, "value"] for arm in ("offer", "control"))
    theirs = ttest_ind(one, other, equal_var=False)
    row = table.loc[("offer", "value")]
    assert row["difference"] == pytest.approx(one.mean() - other.mean())
    assert row["p"] == pytest.approx(theirs.pvalue)
    assert (row["low"], row["high"]) == pytest.approx(tuple(theirs.confidence_interval()))
    assert table["saved"].isna().all()


def test_knowing_the_past_narrows_the_interval_and_keeps_the_truth_in_it() -> None:
    tx, table = simulate(3000, seed=4, rate=1.3)
    test, clocked, found = read(tx, table)
    before = covariates.known_before(test, clocked, ECONOMICS)
    row = experiments.effects(found, test, before).loc[("offer", "orders")]
    truth = 0.3 * 3.0 * test.window_days / 365
    assert row["low"] < truth * 0.99 < row["high"]  # two orders on one day are one
    assert row["saved"] > 0.3
    assert row["high"] - row["low"] < 0.85 * (row["plain_high"] - row["plain_low"])


def test_a_past_that_tells_nothing_saves_nothing(known: tuple[Trial, ibis.Table, pd.DataFrame]) -> None:
    test, _, found = known
    saved = []
    for seed in range(20):
        noise = np.random.default_rng(seed).normal(size=(len(found), 30))
        before = pd.DataFrame(noise, index=found.index).add_prefix("x")
        effects = experiments.effects(found[["variant", "value"]], test, before)
        saved.append(effects.loc[("offer", "value"), "saved"])
    assert abs(np.mean(saved)) < 0.005  # without the correction 30 in 1,500: 0.02


def test_every_row_for_readers_adds_up() -> None:
    columns = ["control", "variant", "difference", "low", "high"]
    index = pd.MultiIndex.from_tuples([("email", "revenue")], names=["arm", "metric"])
    adjusted = pd.DataFrame([(10.0, 9.0, 2.0, 1.0, 3.0)], index=index, columns=columns)
    row = verdicts.effects_in_words(adjusted).loc[("email", "revenue")]
    assert (row["control"], row["variant"]) == (wording.money(10.0), wording.money(12.0))
    assert row["change"] == "up"


def test_there_is_nothing_to_adjust_with_where_nothing_was_known(
    known: tuple[Trial, ibis.Table, pd.DataFrame],
) -> None:
    test, clocked, found = known
    undated = replace(test, dated=False)
    before = covariates.known_before(undated, clocked, ECONOMICS)
    assert before.shape[1] == 0
    assert experiments.effects(found, test, before)["saved"].isna().all()


def test_columns_of_customers_are_known_before_only_when_they_are_named(
    known: tuple[Trial, ibis.Table, pd.DataFrame],
) -> None:
    test, clocked, _ = known
    n = len(test.customers)
    people = pd.DataFrame(
        {
            "age": [str(20 + i % 40) for i in range(n)],
            "region": ["n", "s"] * (n // 2),
            "consent": ["yes", "no"] * (n // 2),
        },
        index=test.customers.index,
    )
    names = ["age", "region", "consent", "shoe size"]
    before = covariates.known_before(test, clocked, ECONOMICS, people, names)
    assert {"age", "region", "orders_before"} <= set(before)
    assert not {"consent", "shoe size"} & set(before)
    ds = SimpleNamespace(customers=lambda: people, has=lambda _: True)
    assert experiments.not_used(ds, names) == ["consent", "shoe size"]
    assert before["age"].dtype.kind in "if"
    assert "region s" in covariates.numbers(before)


def test_effects_do_not_depend_on_the_order_of_rows_and_scale_with_the_currency(
    shop: tuple[pd.DataFrame, pd.DataFrame], known: tuple[Trial, ibis.Table, pd.DataFrame]
) -> None:
    first = experiments.effects(known[2], known[0])
    tx = shop[0].sample(frac=1, random_state=1).assign(amount=lambda f: 7 * f["amount"], cost=lambda f: 7 * f["cost"])
    test, _, found = read(tx, shop[1].sample(frac=1, random_state=2))
    again = experiments.effects(found, test)
    assert again.loc[("offer", "contribution"), "low"] == pytest.approx(7 * first.loc[("offer", "contribution"), "low"])
    assert again.loc[("offer", "orders"), "high"] == pytest.approx(first.loc[("offer", "orders"), "high"])


def test_where_nobody_bought_there_is_nothing_to_compare(shop: tuple[pd.DataFrame, pd.DataFrame]) -> None:
    old = shop[0][shop[0]["date"] < ASSIGNED]
    test, _, found = read(old, shop[1])
    with pytest.raises(NotEnoughData, match="Nobody of this experiment bought"):
        experiments.effects(found, test)
    with pytest.raises(NotEnoughData, match="fewer than 10 customers"):
        levers.parts_of_difference(found, test)
    with pytest.raises(NotEnoughData, match="fewer than 5"):
        levers.second_purchase(found, test)


def test_verdict_and_interval_of_several_arms_rest_on_one_correction(
    known: tuple[Trial, ibis.Table, pd.DataFrame],
) -> None:
    alone = experiments.arm_pairs(known[2], known[0], "value")
    assert alone["p_all"].iloc[0] == pytest.approx(alone["p"].iloc[0])
    for seed in range(4):  # with Holm's p beside Bonferroni's intervals, some p below 0.05 had an interval that holds 0
        tx, table = simulate(500, seed=seed, arms=("control", "email", "voucher"), rate=1.35)
        test, _, found = read(tx, table)
        several = experiments.arm_pairs(found[["variant", "value"]], test, "value")
        assert list(several.index) == [("email", "control"), ("voucher", "control"), ("voucher", "email")]
        clear = (several["low"] > 0) | (several["high"] < 0)
        assert ((several["p_all"] < 0.05) == clear).all()
        of_all = experiments.effects(found, test).xs("value", level="metric")
        against = several.droplevel("against").iloc[:2]
        pd.testing.assert_frame_equal(of_all[["low", "high"]], against[["low", "high"]])


@pytest.mark.parametrize(
    ("conversion", "value", "words"),
    [
        ((0.1, 0.2), (-9, -1), "wins on conversion and loses on value"),
        ((-0.2, -0.1), (1, 9), "loses on conversion and wins on value"),
        ((0.1, 0.2), (1, 9), "wins on conversion and on value"),
        ((-0.1, 0.2), (1, 9), "wins on value; on conversion no difference is shown"),
        ((-0.1, 0.2), (-1, 9), "shows no difference, neither on conversion nor on value"),
    ],
)
def test_a_verdict_says_what_the_intervals_say(conversion: tuple, value: tuple, words: str) -> None:
    index = pd.MultiIndex.from_tuples([("a", "converted"), ("a", "value")], names=["arm", "metric"])
    table = pd.DataFrame([conversion, value], index=index, columns=["low", "high"])
    found = verdicts.of_tests({"x": table.assign(difference=table.mean(axis=1))})
    assert found.loc[("x", "a"), "verdict"] == words


# What comes after the days watched


def reading(tx: pd.DataFrame, table: pd.DataFrame, **asked) -> experiments.Reading:
    test, clocked, found = read(tx, table, **asked)
    before = covariates.known_before(test, clocked, ECONOMICS)
    return experiments.Reading(test, clocked, found, before, experiments.effects(found, test, before))


def test_an_effect_grows_in_proportion_to_the_time_since_assignment() -> None:
    free = Economics(annual_discount_rate=0.0, horizon_months=12)
    day = np.arange(1200) + 0.5  # an effect that grows by 1 a day
    second = day[(day > 200) & (day < 400)].sum()
    after = day[(day > 400) & (day < 400 + 365.25)].sum()
    assert lasting.growth(400, free) * second == pytest.approx(after, rel=1e-3)
    assert lasting.growth(400, replace(free, annual_discount_rate=0.1)) < lasting.growth(400, free)
    assert lasting.growth(100, free) > 3 * lasting.growth(400, free)  # a short window tells little of a year


def test_clv_reaches_from_an_effect_that_ends_to_one_that_grows_on(shop: tuple[pd.DataFrame, pd.DataFrame]) -> None:
    mine = reading(*shop)
    row = lasting.clv_gained(mine, ECONOMICS).loc["offer"]
    assert row[["ends", "ends_low", "ends_high"]].tolist() == pytest.approx(
        mine.effects.loc[("offer", "value"), ["difference", "low", "high"]].tolist()
    )
    late = mine.effects.loc[("offer", "late"), "difference"]
    assert row["grows"] == pytest.approx(row["ends"] + lasting.growth(365, ECONOMICS) * late)
    assert (row["low"], row["high"]) == (row["ends_low"], row["grows_high"])
    assert row["verdict"] == "up"


def test_a_purchase_brought_forward_once_is_not_carried_on_for_a_year() -> None:
    tx, table = simulate(3000, seed=1)
    treated = table.loc[table["variant"] == "offer", "customer_id"].iloc[::3]
    once = pd.DataFrame(
        {"customer_id": treated, "date": ASSIGNED + pd.Timedelta(days=20), "amount": 40.0, "cost": 24.0}
    )
    row = lasting.clv_gained(reading(pd.concat([tx, once]), table), ECONOMICS).loc["offer"]
    assert row["low"] < 15 / 3 < row["high"]  # a third of the treated, 16 less the order's cost of 1
    assert row["verdict"] == "not shown" or row["low"] > 0


def test_verdicts_of_a_short_window_need_a_longer_one(shop: tuple[pd.DataFrame, pd.DataFrame]) -> None:
    year = lasting.clv_gained(reading(*shop), ECONOMICS).loc["offer"]
    month = lasting.clv_gained(reading(*shop, window_days=30), ECONOMICS).loc["offer"]
    assert month["high"] - month["low"] > 1.5 * (year["high"] - year["low"])


# One-armed outcomes


def test_everybody_of_one_arm_and_nobody_of_the_other_differ_by_100_points() -> None:
    table = sized(control=60, offer=60)
    buys = table.loc[table["variant"] == "control", "customer_id"]
    tx = pd.DataFrame({"customer_id": buys, "date": ASSIGNED, "amount": 20.0})
    test, _, found = read(tx, table)
    effects = experiments.effects(found, test).loc["offer"]
    assert effects.loc["converted", "difference"] == -1
    assert effects.loc["converted", "high"] < -0.9
    assert effects.loc["value", "high"] < -6 < effects.loc["value", "low"] + 2  # 20 × 0.4 − 1 each
    assert effects[["control", "variant", "difference", "low", "high", "p"]].notna().all(axis=None)
    said = verdicts.of_tests({"x": experiments.effects(found, test)})["verdict"]
    assert said.tolist() == ["loses on conversion and on value"]
    with pytest.raises(NotEnoughData, match="bought in the second half"):
        lasting.lasting_gains({"offer": reading(tx, table)}, ECONOMICS)


def test_everybody_buying_the_same_is_not_nobody_buying() -> None:
    table = sized(control=60, offer=60)
    tx = pd.DataFrame({"customer_id": table["customer_id"], "date": ASSIGNED, "amount": 20.0})
    test, _, found = read(tx, table)
    effects = experiments.effects(found, test).loc["offer"]
    assert (effects["difference"] == 0).all()
    assert effects.loc["converted", "low"] < 0 < effects.loc["converted", "high"]
    assert {"converted", "orders", "revenue", "value"} <= set(effects.index)
    assert effects[["low", "high", "p"]].notna().all(axis=None)


# Levers, second purchase, course of time

factor = st.floats(0.01, 100)


@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(factor, factor), min_size=1, max_size=4))
def test_the_parts_of_the_levers_sum_to_the_whole(pairs: list[tuple[float, float]]) -> None:
    before, after = np.array(pairs).T
    parts = levers.shapley_parts(before, after)
    assert parts.sum() == pytest.approx(after.prod() - before.prod(), rel=1e-6, abs=1e-9)
    swapped = levers.shapley_parts(before[::-1], after[::-1])
    np.testing.assert_allclose(swapped[::-1], parts, rtol=1e-9, atol=1e-12)


def test_a_lever_that_does_not_move_has_no_part() -> None:
    parts = levers.shapley_parts(np.array([2.0, 3.0, 5.0]), np.array([2.0, 4.0, 5.0]))
    np.testing.assert_allclose(parts, [0, 10, 0], atol=1e-12)


def test_the_levers_explain_the_difference_in_value_and_more_orders_are_orders(
    known: tuple[Trial, ibis.Table, pd.DataFrame],
) -> None:
    test, _, found = known
    split = levers.parts_of_difference(found, test).loc["offer"]
    assert split["effect"].iloc[:-1].sum() == pytest.approx(split.loc["all", "effect"])
    assert split.loc["all", "effect"] == pytest.approx(
        experiments.effects(found, test).loc[("offer", "value"), "difference"]
    )
    assert split.loc["orders per buyer", "low"] > 0
    assert split.loc["order value", "low"] < 0 < split.loc["order value", "high"]


def test_the_intervals_of_the_levers_are_those_of_a_bootstrap(known: tuple[Trial, ibis.Table, pd.DataFrame]) -> None:
    test, _, found = known
    random = np.random.default_rng(0)
    arms = [found.loc[found["variant"] == arm, levers._PARTS].to_numpy(float) for arm in test.both]
    draws = [
        levers._split(np.concatenate([arm[random.integers(0, len(arm), len(arm))].mean(axis=0) for arm in arms]))
        for _ in range(600)
    ]
    split = levers.parts_of_difference(found, test).loc["offer"]
    reach = (split["high"] - split["low"]) / 2 / 1.96
    np.testing.assert_allclose(reach, np.std(draws, axis=0), rtol=0.12)


def test_the_curve_of_second_purchases_is_that_of_a_slow_kaplan_meier(
    known: tuple[Trial, ibis.Table, pd.DataFrame],
) -> None:
    test, _, found = known
    curve = levers.second_purchase(found, test)["control"]
    buyers = found[(found["variant"] == "control") & (found["converted"] == 1)]
    wait = buyers["second_day"].fillna(test.window_days - 1) - buyers["first_day"]
    still = 1.0
    for day in range(1, 121):
        at_risk = (wait >= day).sum()
        still *= 1 - ((wait == day) & buyers["second_day"].notna()).sum() / at_risk
    assert curve.loc[120] == pytest.approx(1 - still)
    assert levers.second_purchase_p(found, test) < 0.05


def test_the_cumulated_difference_ends_at_the_difference_in_value(
    known: tuple[Trial, ibis.Table, pd.DataFrame],
) -> None:
    test, clocked, found = known
    course = levers.cumulated(test, clocked, ECONOMICS)
    end = course.iloc[-1]
    plain = experiments.effects(found, test).loc[("offer", "value")]
    assert end["day"] == test.window_days
    assert end["difference"] == pytest.approx(plain["difference"])
    assert end["low"] == pytest.approx(plain["low"], rel=0.01)


def test_outcomes_without_any_history_work_too() -> None:
    """As in Hillstrom's data: an arm per customer, what was spent in two weeks, attributes, no purchase before."""
    random = np.random.default_rng(0)
    n = 6000
    table = pd.DataFrame({"customer_id": [f"h{i}" for i in range(n)], "experiment": "offer"})
    table["variant"] = random.choice(["No E-Mail", "Mens E-Mail"], n)
    table["date"] = ASSIGNED
    spends = random.random(n) < np.where(table["variant"] == "No E-Mail", 0.02, 0.06)
    tx = pd.DataFrame({"customer_id": table.loc[spends, "customer_id"], "date": ASSIGNED + pd.Timedelta(days=3)})
    tx["amount"] = random.gamma(2, 40, len(tx))
    test = trial.prepare(table, "offer", ASSIGNED, ASSIGNED + pd.Timedelta(days=13), control=["no e-mail"])
    clocked = clock.on_one_clock(ibis.memtable(tx), test.customers["date"], AS_OF)
    found = experiments.outcomes(test, clocked, ECONOMICS)
    before = covariates.known_before(test, clocked, ECONOMICS)
    table = experiments.effects(found, test, before)
    assert test.window_days == 14
    assert table.loc[("Mens E-Mail", "converted"), "low"] > 0
    words = verdicts.effects_in_words(table)
    assert words.loc[("Mens E-Mail", "bought at all"), "change"] == "up"
    assert levers.parts_of_difference(found, test).loc[("Mens E-Mail", "conversion"), "low"] > 0
    with pytest.raises(NotEnoughData, match="dated on one day"):
        levers.cumulated(test, clocked, ECONOMICS)


def test_all_tests_are_read_and_those_that_cannot_be_say_why(shop: tuple[pd.DataFrame, pd.DataFrame]) -> None:
    tx, table = shop
    alone = table.assign(experiment="alone", variant="offer")
    strangers = table.assign(experiment="strangers", customer_id="x" + table["customer_id"])
    rows = pd.concat([alone, strangers, table])
    tests, refused = trial.prepare_all(rows, starts=START, as_of=AS_OF)
    assert list(tests) == ["offer", "strangers"]
    assert "one arm only" in refused["alone"]
    ds = dataset(tx, table)
    readings, unread = experiments.read_experiments(tests, ds)
    assert list(readings) == ["offer"]
    assert "Nobody of this experiment bought" in unread["strangers"]
    assert set(experiments.arms_of_customers(readings)) == {"offer arm", "offer value"}
    truth = pd.DataFrame(
        [("experiments", "offer", "offer", "orders", 0.9), ("experiments", "gone", "offer", "orders", 1.0)],
        columns=["topic", "item", "group", "quantity", "value"],
    )
    beside = verdicts.beside_truth(readings, truth)
    assert beside.index.tolist() == [("offer", "offer", "orders")]
    assert beside["inside"].all()
    flat = replace(readings["offer"], clocked=readings["offer"].clocked.mutate(date=ibis.date("2000-01-01")))
    course = levers.course(readings | {"flat": flat}, ECONOMICS)
    assert set(course["test"]) == {"offer"}
    with pytest.raises(NotEnoughData, match="No test has a course"):
        levers.course({"flat": flat}, ECONOMICS)
    assert list(levers.side_by_side(course)) == ["offer, offer"]
    assert levers.parts_of_all(readings).index.nlevels == 3
    with pytest.raises(NotEnoughData, match="No experiment can be read"):
        trial.prepare_all(alone, starts=START, as_of=AS_OF)


@pytest.mark.parametrize(
    ("low", "high", "day"),
    [
        ([-1, 1, 1], [2, 2, 2], 20),
        ([1, 1, 1], [2, 2, 2], 10),
        ([1, -1, 1], [2, 2, 2], 30),
        ([1, 1, -1], [2, 2, 2], None),
    ],
)
def test_a_difference_is_clear_from_the_day_after_which_it_stays_clear(low: list, high: list, day: int | None) -> None:
    rows = pd.DataFrame({"day": [10, 20, 30], "low": low, "high": high})
    assert levers.clear_since(rows) == day


def test_the_best_arm_has_to_beat_every_other() -> None:
    index = pd.MultiIndex.from_tuples([("a", "control"), ("b", "control"), ("b", "a")], names=["arm", "against"])
    test = Trial("x", "control", ("a", "b"), pd.DataFrame(), 30, True, pd.DataFrame())
    found = pd.DataFrame({"difference": [1.0, 5.0, 4.0], "low": [-1.0, 3.0, 2.0], "high": [3.0, 7.0, 6.0]}, index=index)
    assert experiments.best_arm(found, test) == ("b", True)
    assert experiments.best_arm(found.assign(low=[-1.0, 3.0, -0.1]), test) == ("b", False)
    harm = pd.DataFrame({"difference": [-5.0, -1.0, 4.0], "low": [-7, -2, 2], "high": [-3, -0.1, 6]}, index=index)
    assert experiments.best_arm(harm, test) == ("control", True)


def test_an_outcome_that_the_past_tells_perfectly_is_not_adjusted(
    known: tuple[Trial, ibis.Table, pd.DataFrame],
) -> None:
    test, _, found = known
    told = experiments.effects(found, test, found[["value", "first_day"]])
    assert np.isnan(told.loc[("offer", "value"), "saved"])
    assert told[["low", "high"]].notna().all(axis=None)


def test_p_values_are_written_for_readers() -> None:
    assert experiments.p_value(0.0271) == "p = 0.027"
    assert experiments.p_value(1e-9) == "p < 0.001"


def test_what_cuped_saves_is_told_of_value_and_is_nothing_without_a_past() -> None:
    tx, table = simulate(800)
    ds = dataset(tx, table)
    readings, _ = experiments.read_experiments(trial.prepare_all(table, starts=START, as_of=AS_OF)[0], ds)
    found = readings["offer"]
    assert experiments.variance_saved(found) == found.effects.loc[("offer", "value"), "saved"] > 0
    unknown = replace(found, effects=experiments.effects(found.outcomes, found.trial))
    assert experiments.variance_saved(unknown) == 0


def test_what_goes_most_with_value_is_found_among_all_tests(known: tuple[Trial, ibis.Table, pd.DataFrame]) -> None:
    test, clocked, found = known
    foretells = pd.DataFrame({"noise": np.arange(len(found)) % 7, "mirror": -found["value"] + 1}, index=found.index)
    empty = foretells.iloc[:, :0]
    readings = {
        name: experiments.Reading(test, clocked, found, before, pd.DataFrame())
        for name, before in {"a": foretells[["noise"]], "b": foretells, "c": empty}.items()
    }
    name, column = experiments.most_telling(readings)
    assert (name, column.name) == ("b", "mirror")
    with pytest.raises(NotEnoughData, match="Nothing known"):
        experiments.most_telling({"c": readings["c"]})


def test_variants_are_named_with_their_test() -> None:
    arms = pd.MultiIndex.from_tuples([("winback", "voucher"), ("winback", "email")], names=["test", "arm"])
    assert verdicts.named(arms) == ["voucher (winback)", "email (winback)"]


def test_without_any_value_there_is_no_verdict(known: tuple[Trial, ibis.Table, pd.DataFrame]) -> None:
    only = experiments.effects(known[2][["variant", "converted"]], known[0])
    judged = verdicts.of_tests({"offer": only})
    assert judged["verdict"].str.endswith("; on value there is not enough to tell").all()
    assert len(verdicts.on(judged, "conversion")) == 1
    with pytest.raises(NotEnoughData, match="customers don't differ in it"):
        verdicts.on(judged, "value")


def one_armed(sides: int = 60) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Purchases of a quarter of one arm, of very uneven amounts, and nobody else's."""
    table = sized(control=sides, offer=sides)
    buys = table.loc[table["variant"] == "offer", "customer_id"].iloc[: sides // 4]
    days = ASSIGNED + pd.to_timedelta(np.arange(len(buys)) * 20, unit="D")
    amounts = np.random.default_rng(0).lognormal(3, 1.5, len(buys)).round(2)
    return pd.DataFrame({"customer_id": buys, "date": days, "amount": amounts}), table


def test_money_that_one_arm_holds_is_not_enough_and_conversion_still_has_its_verdict() -> None:
    tx, table = one_armed()
    ds = dataset(tx, table)
    mine = experiments.read_experiments(trial.prepare_all(table, starts=START, as_of=AS_OF)[0], ds)[0]["offer"]
    assert set(mine.untold.index.get_level_values("metric")) >= {"revenue", "contribution", "value"}
    assert not {"revenue", "contribution", "value"} & set(mine.effects.index.get_level_values("metric"))
    assert mine.effects[["difference", "low", "high", "p"]].notna().all(axis=None)
    said = verdicts.not_enough(mine)
    assert any("value realised" in why and "customers or more in that arm" in why for why in said)
    judged = verdicts.of_tests({"offer": mine.effects})
    assert judged["verdict"].tolist() == ["wins on conversion; on value there is not enough to tell"]
    for ask in (
        lambda: verdicts.on(judged, "value"),
        lambda: experiments.on_value(mine),
        lambda: experiments.measured(ds, "offer"),
        lambda: levers.cumulated(mine.trial, mine.clocked, ECONOMICS),
    ):
        with pytest.raises(NotEnoughData, match="enough"):
            ask()


def test_the_best_arm_is_not_shown_where_a_pair_is_not_enough() -> None:
    index = pd.MultiIndex.from_tuples([("a", "control"), ("b", "control")], names=["arm", "against"])
    test = Trial("x", "control", ("a", "b"), pd.DataFrame(), 30, True, pd.DataFrame())
    found = pd.DataFrame({"difference": [1.0, 5.0], "low": [0.5, 3.0], "high": [3.0, 7.0]}, index=index)
    assert experiments.best_arm(found, test) == ("b", False)
    with pytest.raises(NotEnoughData, match="no variant has enough"):
        experiments.best_arm(found.iloc[:0], test)


def test_one_function_gives_the_effect_on_value_to_every_notebook() -> None:
    tx, table = simulate(900, seed=2, arms=("control", "email", "voucher"), rate=1.2)
    ds = dataset(tx, table)
    found = experiments.measured(ds, "offer")
    reading = experiments.read_experiments(trial.prepare_all(table, starts=START, as_of=AS_OF)[0], ds)[0]["offer"]
    for arm in ("email", "voucher"):  # adjusted by the past, as the table of notebook 06
        of_table = reading.effects.loc[(arm, "value"), "difference"]
        assert found.loc[arm, "difference"] == pytest.approx(of_table)
    assert found["customers"].tolist() == [reading.trial.arms.loc[arm, "kept"] for arm in found.index]
    with pytest.raises(MissingTable, match="it has offer"):
        experiments.measured(ds, "another")


def test_what_the_first_weeks_told_is_set_beside_what_came_of_the_whole_window(demo):
    rows = demo.table("experiments").to_pandas()
    tests, _ = trial.prepare_all(rows, starts=demo.starts, as_of=demo.as_of)
    found = lasting.told_early(tests, demo, days=45)
    long = {name: test for name, test in tests.items() if test.window_days >= 180}
    assert set(found.index.get_level_values("test")) <= set(long)
    whole, _ = experiments.read_experiments(long, demo)
    for name, arm in found.index:
        effect = whole[name].effects.loc[(arm, "value"), "difference"]
        assert found.loc[(name, arm), "came"] == pytest.approx(effect)
    assert (found["holds"] == found["came"].between(found["low"], found["high"])).all()
    assert (found["high"] - found["low"]).min() > 0
    one = {"onboarding_quiz": replace(tests["onboarding_quiz"], window_days=45)}
    early = experiments.read_experiments(one, demo)[0]["onboarding_quiz"]
    window, rest = 45, 365 - 45  # an effect that grows with the time since assignment, day by day
    later = sum(window + day + 0.5 for day in range(rest)) / (0.75 * window) / (window - 23)
    grown = early.outcomes["value"] + later * early.outcomes["late"]
    there = grown.groupby(early.outcomes["variant"]).mean()
    middle = found.loc[("onboarding_quiz", "quiz")]
    assert middle["low"] < there["quiz"] - there[early.trial.control] < middle["high"]
    with pytest.raises(NotEnoughData, match="No test was watched for 800 days"):
        lasting.told_early(tests, demo, days=200)
