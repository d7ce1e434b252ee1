from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clvlib import load
from clvlib.actions import budget, choices, stake, worklist
from clvlib.causes import experiments, trial
from clvlib.dataset import Dataset, Economics
from clvlib.errors import MissingTable, NotEnoughData, UsageError
from clvlib.value import payback

pytestmark = pytest.mark.usefixtures("sharing")

WINDOW = 90
ECONOMICS = Economics(margin=0.4, contact_cost=1.0, save_rate=0.1)

person = st.tuples(
    st.integers(1, 8),  # purchases
    st.integers(0, 400),  # days of silence
    st.floats(0.01, 0.99),  # chance of no purchase
    st.floats(0, 300),  # what a silence costs
    st.floats(0.1, 10),  # expected purchases
    st.floats(5, 100),  # expected spend
    st.sampled_from(["yes", "no", "", None]),  # consent
    st.booleans(),  # buys in the store
)
people = st.lists(person, min_size=1, max_size=25)
few = settings(max_examples=15, deadline=None)


@pytest.fixture(scope="module")
def demo() -> Dataset:
    return load("demo")


def table(rows: list[tuple]) -> pd.DataFrame:
    names = ["purchases", "days_since_last_order", "churn_probability", "cost_of_silence"]
    names += ["expected_purchases", "expected_spend", "consent", "in_store"]
    index = pd.Index([f"c{i:03}" for i in range(len(rows))], name="customer_id")
    frame = pd.DataFrame(rows, columns=names, index=index)
    frame["active"] = frame["days_since_last_order"] <= WINDOW
    frame["at_stake"] = frame["churn_probability"] * frame["cost_of_silence"]
    frame["clv"] = frame["expected_purchases"] * frame["expected_spend"] * 0.4
    return frame


def all_options(frame: pd.DataFrame, economics: Economics = ECONOMICS, newcomer: float = 50.0) -> pd.DataFrame:
    stakes = stake.at_stake(frame, WINDOW, economics, frame.index[::3], newcomer)
    allowed = choices.reachable(frame.index, frame["consent"], frame["in_store"])
    effects = choices.assumed(economics)
    return choices.options(stakes, effects, allowed, 1 - frame["churn_probability"], economics.contact_cost)


# Money at stake


def test_each_customer_has_the_levers_of_the_stated_rules() -> None:
    rows = [
        (1, 10, 0.5, 100.0, 1.0, 20.0, "yes", False),  # once, active
        (5, 10, 0.5, 100.0, 1.0, 20.0, "yes", False),  # loyal, below the best quarter in both
        (5, 10, 0.5, 100.0, 9.0, 90.0, "yes", False),  # loyal, best
        (5, 200, 0.5, 100.0, 1.0, 20.0, "yes", False),  # gone
        (5, 300, 0.5, 100.0, 1.0, 20.0, "yes", False),  # gone for long
    ]
    stakes = stake.at_stake(table(rows), WINDOW, ECONOMICS, pd.Index(["c002", "c003"]), 50.0)
    has = stakes.notna().apply(lambda row: set(stakes.columns[row]), axis=1)
    assert has["c000"] == {"second purchase"}
    assert has["c001"] == {"keep", "raise frequency", "raise order value"}
    assert has["c002"] == {"keep", "referral"}
    assert has["c003"] == {"win back"}
    assert has["c004"] == set()


def test_the_amounts_by_hand() -> None:
    rows = [(5, 10, 0.25, 80.0, 2.0, 20.0, "yes", False), (5, 10, 0.5, 60.0, 6.0, 60.0, "yes", False)]
    economics = replace(ECONOMICS, service_cost_per_order=3.0)
    stakes = stake.at_stake(table(rows), WINDOW, economics)
    assert stakes.loc["c000", "keep"] == 20.0
    gone = stake.at_stake(table([(5, 200, 0.9, 80.0, 2.0, 20.0, "yes", False)]), WINDOW, economics)
    assert gone.loc["c000", "win back"] == 2.0 * 20.0 * 0.4
    assert stakes.loc["c000", "raise frequency"] == pytest.approx((5.0 - 2.0) * (0.4 * 20 - 3))
    assert stakes.loc["c000", "raise order value"] == pytest.approx((50.0 - 20.0) * 2.0 * 0.4)
    assert stakes["referral"].isna().all()


def test_a_new_customers_value_is_the_mean_margin_by_age_of_complete_cohorts() -> None:
    rows = [(0, 10, 10, 100.0, True), (1, 10, 2, 50.0, True), (0, 30, 32, 300.0, True), (1, 30, 9, 999.0, False)]
    cohorts = pd.DataFrame(rows, columns=["age", "size", "purchases", "revenue", "complete"])
    plain = replace(ECONOMICS, annual_discount_rate=0.0)
    assert payback.new_customer_value(cohorts, plain) == pytest.approx(0.4 * (400 / 40 + 50 / 10))
    assert payback.new_customer_value(cohorts, replace(plain, horizon_months=1)) == pytest.approx(0.4 * 10)
    both = replace(ECONOMICS, annual_discount_rate=0.1, service_cost_per_order=2.0)
    kept = (0.4 * 10 - 2 * 42 / 40) + (0.4 * 5 - 2 * 2 / 10) / 1.1 ** (1 / 12)
    assert payback.new_customer_value(cohorts, both) == pytest.approx(kept)


def test_promoters_are_judged_by_their_last_answer() -> None:
    rows = [("a", "2025-01-01", 10), ("a", "2025-02-01", 6), ("b", "2025-01-01", 2), ("b", "2025-03-01", 9)]
    answers = pd.DataFrame(
        [*rows, ("c", "2025-01-01", 10), ("c", "2025-01-01", 8)], columns=["customer_id", "date", "score"]
    ).assign(date=lambda t: pd.to_datetime(t["date"]))
    assert stake.promoters(answers).tolist() == ["b"]
    assert stake.promoters(answers.iloc[::-1]).tolist() == ["b"]


# Effects


def test_an_assumption_may_be_nothing_or_twice_as_much() -> None:
    effects = choices.assumed(ECONOMICS)
    assert effects.loc["keep", ["low", "mid", "high"]].tolist() == [0.0, 0.1, 0.2]
    assert effects.loc["win back", "mid"] == choices.WON_BACK
    assert not effects["tested"].any()
    assert choices.assumed(replace(ECONOMICS, save_rate=0.8)).loc["keep", "high"] == 1.0


def test_a_tested_lever_brings_each_customer_what_the_test_measured() -> None:
    """A mean over all who were assigned; that those with more at stake gain more has not been shown."""
    rows = [(5, 200, 0.5, 100.0 * i, 1.0, 20.0, "yes", False) for i in range(1, 6)]
    stakes = stake.at_stake(table(rows), WINDOW, ECONOMICS)
    arm = pd.Series({"difference": 4.0, "low": -1.0, "high": 9.0}, name="voucher")
    effects = choices.with_measured(choices.assumed(ECONOMICS), "win back", stakes, arm, "winter")
    assert effects.loc["win back", "origin"] == "test winter, voucher"
    allowed = choices.reachable(stakes.index, pd.Series("yes", index=stakes.index), pd.Series(dtype=bool))
    found = choices.options(stakes, effects, allowed, pd.Series(0.5, index=stakes.index), 1.0)
    assert set(found["treatment"]) == {"message: voucher"}
    assert (found[["gain_low", "gain", "gain_high"]] == [-1.0, 4.0, 9.0]).all(axis=None)
    shown = choices.each(effects, stakes)
    assert shown.index.tolist() == ["win back"]
    assert shown.loc["win back", ["low", "mid", "high"]].tolist() == [-1.0, 4.0, 9.0]
    assumed = choices.each(choices.assumed(ECONOMICS), stakes)
    assert assumed.loc["win back", "mid"] == pytest.approx(choices.WON_BACK * stakes["win back"].mean())
    assert effects.drop(index="win back")["origin"].str.startswith("assumption").all()


def test_a_test_of_a_lever_that_fits_nobody_is_said() -> None:
    stakes = stake.at_stake(table([(1, 10, 0.5, 9.0, 1.0, 20.0, "yes", False)]), WINDOW, ECONOMICS)
    with pytest.raises(NotEnoughData, match="applies to nobody"):
        choices.with_measured(choices.assumed(ECONOMICS), "win back", stakes, pd.Series({"low": 0.0}), "x")


def test_a_test_of_a_lever_that_does_not_exist_is_said() -> None:
    with pytest.raises(UsageError, match="no lever 'winback'"):
        choices.with_measured(choices.assumed(ECONOMICS), "winback", pd.DataFrame(), pd.Series({"low": 0.0}), "x")


def test_a_plan_goes_by_the_figure_of_the_notebook_on_experiments(demo: Dataset) -> None:
    table = demo.table("experiments").to_pandas()
    read, _ = experiments.read_experiments(
        {"winback": trial.prepare(table, "winback", demo.starts, demo.as_of)}, demo, known=[]
    )
    arm = experiments.measured(demo, "winback", known=[]).iloc[0]
    assert arm["difference"] == pytest.approx(read["winback"].effects.loc[(arm.name, "value"), "difference"])
    stakes = pd.DataFrame({"win back": [3.0, 1.0, np.nan]}, index=["a", "b", "c"])
    effects = choices.with_measured(choices.assumed(ECONOMICS), "win back", stakes, arm, "winback")
    assert effects.loc["win back", "mid"] == arm["difference"]


def test_without_experiments_or_that_test_it_says_what_there_is(cdnow: Dataset, demo: Dataset) -> None:
    with pytest.raises(MissingTable, match="experiments"):
        experiments.measured(cdnow, "winback")
    with pytest.raises(MissingTable, match="it has onboarding_quiz"):
        experiments.measured(demo, "nosuch")


def test_what_the_demo_shops_test_measured_holds_the_truth(demo: Dataset) -> None:
    found = experiments.measured(demo, "winback")
    true = demo.truth("effects").query("topic == 'experiments' and item == 'winback'")
    true = true.pivot(index="group", columns="quantity", values="value")
    value = true["contribution"] - demo.economics.service_cost_per_order * true["orders"]
    value = value.reindex(found.index)
    assert set(found.index) == {"email", "voucher"}
    assert found["difference"].is_monotonic_decreasing
    assert ((found["low"] < value) & (value < found["high"])).all()


# Consent


@given(people)
@few
def test_nobody_without_consent_gets_a_message(rows) -> None:
    frame = table(rows)
    found = all_options(frame)
    consent = frame["consent"].reindex(found["customer_id"]).to_numpy()
    assert (consent[found["treatment"] != choices.WITHOUT_CONSENT] == "yes").all()
    in_store = found[found["treatment"] == choices.WITHOUT_CONSENT]
    assert frame["in_store"].reindex(in_store["customer_id"]).all()
    assert not in_store["lever"].isin(choices.COMING_BACK).any()
    plan = budget.allocate(found, 10.0).chosen
    told = plan.loc[plan["treatment"] != choices.WITHOUT_CONSENT, "customer_id"]
    assert (frame["consent"].reindex(told) == "yes").all()


def test_without_any_word_of_consent_a_plan_is_only_supposed_and_says_so(cdnow: Dataset) -> None:
    customers = pd.Index(["00001", "00002"], name="customer_id")
    may = choices.permission(cdnow, customers, True, "store")
    assert (may.known, may.only_supposed, may.label) == (False, True, "If consent is obtained: ")
    assert not may.allowed.to_numpy().any()
    assert may.used[choices.MESSAGE].all()
    free = choices.permission(cdnow, customers, False, "store")
    assert (free.only_supposed, free.label) == (False, "")
    assert free.used[choices.MESSAGE].all()


def test_one_consent_is_enough_for_a_real_plan(build, tmp_path) -> None:
    (tmp_path / "people.csv").write_text("customer_id,consent\na,yes\nb,no\nc,\n")
    rows = "customer_id,date,amount,channel\na,2025-01-01,5,web\nb,2025-01-02,5,store\nc,2025-01-03,5,web\n"
    ds, _ = build(rows, card={"customers": {"path": "people.csv"}})
    may = choices.permission(ds, pd.Index(["a", "b", "c"]), True, "store")
    assert not may.only_supposed
    assert may.used[choices.MESSAGE].to_dict() == {"a": True, "b": False, "c": False}
    assert may.used[choices.WITHOUT_CONSENT].to_dict() == {"a": False, "b": True, "c": False}


# Options and plans


def test_gain_is_stake_times_effect_times_treatment() -> None:
    found = all_options(table([(5, 10, 0.5, 100.0, 2.0, 20.0, "yes", False)]), newcomer=0.0)
    keep = found[found["lever"] == "keep"].set_index("treatment")
    assert keep.loc[choices.MESSAGE, ["cost", "gain", "gain_low", "gain_high"]].tolist() == [1.0, 5.0, 0.0, 10.0]
    assert keep.loc["call or letter", ["cost", "gain", "gain_high"]].tolist() == [5.0, 10.0, 20.0]


def test_no_assumption_brings_more_than_all_that_is_at_stake() -> None:
    found = all_options(table([(5, 10, 0.5, 100.0, 2.0, 20.0, "yes", False)]), replace(ECONOMICS, save_rate=0.9), 0.0)
    assert found.loc[found["lever"] == "keep", "gain_high"].tolist() == [50.0, 50.0]


def test_in_the_store_only_those_who_come_anyway_are_reached() -> None:
    found = all_options(table([(5, 10, 0.8, 100.0, 2.0, 20.0, "no", True)]))
    assert set(found["treatment"]) == {choices.WITHOUT_CONSENT}
    assert found.set_index("lever").loc["referral", "gain"] == pytest.approx(50.0 * 0.02 * 0.2)


@given(people, st.randoms(use_true_random=False))
@few
def test_the_order_of_the_customers_changes_nothing(rows, random) -> None:
    frame = table(rows)
    order = list(frame.index)
    random.shuffle(order)
    fans = frame.index[::3]
    one = stake.at_stake(frame, WINDOW, ECONOMICS, fans, 50.0)
    other = stake.at_stake(frame.loc[order], WINDOW, ECONOMICS, fans, 50.0)
    pd.testing.assert_frame_equal(one, other.loc[one.index])
    come, effects = 1 - frame["churn_probability"], choices.assumed(ECONOMICS)
    allowed = choices.reachable(frame.index, frame["consent"], frame["in_store"])
    pd.testing.assert_frame_equal(
        choices.options(one, effects, allowed, come, 1.0),
        choices.options(other, effects, allowed.loc[order], come, 1.0),
    )


@given(people, st.sampled_from([0.5, 4.0]))
@few
def test_another_currency_scales_every_amount(rows, k) -> None:
    frame = table(rows)
    money = frame.assign(**{name: frame[name] * k for name in ("cost_of_silence", "at_stake", "expected_spend", "clv")})
    one, other = all_options(frame), all_options(money, replace(ECONOMICS, contact_cost=k), 50.0 * k)
    assert one[["customer_id", "lever", "treatment"]].equals(other[["customer_id", "lever", "treatment"]])
    assert other["gain"].to_numpy() == pytest.approx(one["gain"].to_numpy() * k)
    assert other["cost"].to_numpy() == pytest.approx(one["cost"].to_numpy() * k)


def test_where_nothing_is_worth_its_cost_it_says_so() -> None:
    found = all_options(table([(5, 10, 0.5, 1.0, 2.0, 20.0, "yes", False)]), newcomer=0.0)
    with pytest.raises(NotEnoughData, match="brings more than it costs"):
        choices.worthwhile(found)


def test_the_best_lever_is_the_largest_gain_less_cost() -> None:
    found = all_options(table([(5, 10, 0.5, 100.0, 2.0, 20.0, "yes", False)] * 3))
    best = choices.best_lever(found)
    net = (found["gain"] - found["cost"]).groupby(found["customer_id"]).max()
    assert best["net"].to_dict() == pytest.approx(net.to_dict())


def test_an_action_that_loses_money_is_nobodys_best_lever() -> None:
    found = all_options(table([(5, 10, 0.5, 1.0, 2.0, 20.0, "yes", False)]), newcomer=0.0)
    assert len(found)
    assert choices.best_lever(found).empty


def plan(lever: list[str], gain: list[float]) -> pd.DataFrame:
    frame = pd.DataFrame({"customer_id": [f"c{i}" for i in range(len(gain))], "lever": lever, "gain": gain})
    frame = frame.assign(treatment=choices.MESSAGE, at_stake=10.0, cost=1.0)
    frame["origin"] = choices.assumed(ECONOMICS)["origin"].reindex(lever).to_numpy()
    return frame.assign(gain_low=0.0, gain_high=2 * frame["gain"])


def test_the_ends_say_what_they_suppose() -> None:
    """Assumptions are wrong together, in no known proportion; sampling errors of tests are independent."""
    assumed = plan(["keep", "keep", "win back"], [3.0, 4.0, 5.0])
    assert worklist.plan_total(assumed) == {"customers": 3, "cost": 3.0, "net": 9.0}
    alone = worklist.ends(assumed)
    assert alone.index.tolist() == [worklist.ASSUMPTIONS]
    assert alone.loc[worklist.ASSUMPTIONS].tolist() == [-3.0, 21.0]  # nothing but the cost; twice as much
    origin = [*assumed["origin"], "test a, mail", "test b, voucher", "test b, voucher"]
    both = pd.concat([assumed, plan(["keep"] * 3, [3.0, 2.0, 2.0])]).assign(origin=origin)
    found = worklist.ends(both)
    assert found.loc[worklist.ASSUMPTIONS].tolist() == [13.0 - 12, 13.0 + 12]
    assert found.loc[worklist.TESTS].tolist() == [13.0 - 5, 13.0 + 5]  # √(3² + (2 + 2)²)
    assert found.loc[worklist.ALL].tolist() == [13.0 - 19, 13.0 + 19]


def test_the_plan_carried_out_is_that_of_the_customers_to_contact() -> None:
    chosen = plan(["keep", "win back", "keep"], [3.0, 4.0, 5.0])
    groups = pd.Series({"c0": "contact", "c1": "control", "c2": "contact"})
    done = worklist.contacted(chosen, groups)
    assert done["customer_id"].tolist() == ["c0", "c2"]
    assert worklist.plan_total(done)["net"] == 6.0
    assert worklist.contacted(chosen.head(0), groups.head(0)).empty


def test_sums_by_lever_stand_in_the_order_of_the_rules() -> None:
    sums = worklist.by_lever(plan(["win back", "keep", "win back"], [1.0, 2.0, 3.0]))
    assert sums.index.tolist() == ["keep", "win back"]
    assert sums.loc["win back", ["customers", "cost", "gain"]].tolist() == [2, 2.0, 4.0]


def test_the_list_and_its_long_form_hold_every_customer_of_the_plan_once() -> None:
    chosen = plan(["keep", "win back"], [3.0, 4.0])
    groups = pd.Series({"c0": "contact", "c1": "control"})
    facts = pd.DataFrame({"recommend": {"c0": "tea"}})
    known = table([(5, 10, 0.5, 100.0, 2.0, 20.0, "yes", False)] * 2).set_axis(["c0", "c1"])
    listed = worklist.action_list(chosen, groups, known, facts)
    assert listed["group"].to_dict() == {"c0": "contact", "c1": "control"}
    assert listed.loc["c0", "recommend"] == "tea"
    assert pd.isna(listed.loc["c1", "recommend"])
    long = worklist.long_form(listed)
    assert not long.duplicated(["customer_id", "measure"]).any()
    assert long.set_index(["customer_id", "measure"]).loc[("c1", "expected_gain"), "value"] == 4.0


def test_every_customer_has_a_line_of_scores_in_the_plan_or_not() -> None:
    known = table([(5, 10, 0.5, 100.0, 2.0, 20.0, "yes", False)] * 3).set_axis(["c0", "c1", "c2"])
    chosen = plan(["keep", "keep"], [3.0, 4.0])
    allowed = choices.reachable(known.index, pd.Series({"c0": "yes"}), pd.Series({"c1": True}))
    groups = pd.Series({"c0": "contact", "c1": "control"})
    scores = worklist.customer_columns(known, chosen.set_index("customer_id"), chosen, groups, allowed)
    assert scores["plan_group"].tolist() == ["contact", "control", "none"]
    assert scores["planned_treatment"].tolist() == [choices.MESSAGE, "none", "none"]
    assert scores["allowed_by"].tolist() == ["message, call or letter", "in store", "none"]
    assert scores["expected_gain"].tolist() == [3.0, 0.0, 0.0]
    assert scores["gain_high"].tolist() == [6.0, 0.0, 0.0]
    assert scores["planned_cost"].tolist() == [1.0, 0.0, 0.0]
    assert scores["best_lever"].tolist() == ["keep", "keep", "none"]
    assert scores.notna().all().all()


def test_on_the_demo_shop_forecasts_come_true_also_of_customers_to_win_back(demo: Dataset) -> None:
    found = stake.outlook(demo)
    who, truth = found.customers, demo.truth("customers")
    came = truth["expected_revenue_12m"].reindex(who.index)
    assert (who["expected_purchases"] * who["expected_spend"]).sum() == pytest.approx(came.sum(), rel=0.15)
    stakes = stake.at_stake(who, found.window_days, demo.economics)
    gone = stakes["win back"].dropna()
    best = gone.nlargest(len(gone) // 2).index
    assert came[best].mean() > 1.3 * came[gone.index].mean()


def test_a_small_world_is_scored_as_the_earlier_notebooks_do(cdnow_sample: Dataset) -> None:
    found = stake.outlook(cdnow_sample)
    who = found.customers
    assert len(who) == len(cdnow_sample.rfm_summary())
    assert who.notna().all().all()
    assert who["churn_probability"].between(0, 1).all()
    lost = (who["value_if_buying"] - who["value_if_silent"]).clip(lower=0)
    at_stake = (who["churn_probability"] * lost).where(who["active"], who["clv"])
    assert np.allclose(who["at_stake"], at_stake)
    assert (who["p_purchase"] <= who["expected_purchases"] + 1e-12).all()
    groups = stake.standing(found)
    assert groups["customers"].sum() == len(who)
    assert groups["expected_to_buy"].sum() == pytest.approx(who["p_purchase"].sum())
    assert groups["at_stake"].sum() == pytest.approx(who["at_stake"].sum())
