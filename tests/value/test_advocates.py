from functools import partial

import numpy as np
import pandas as pd
import pytest

from clvlib import load
from clvlib.actions import stake
from clvlib.errors import MissingTable, NotEnoughData
from clvlib.value import advocates
from tests.shop import Shop

STARTS, AS_OF = pd.Timestamp("2024-01-01"), pd.Timestamp("2025-12-31")
CUT = pd.Timestamp("2024-12-31")


made = partial(Shop, as_of=AS_OF, starts=STARTS)


def shop(n: int = 1500, effect: float = 0.0, seed: int = 0) -> Shop:
    """Customers with a rate of their own; frequent ones like the shop better. `effect`: what being a promoter adds."""
    random = np.random.default_rng(seed)
    rate = random.gamma(3.0, 2.0, n)
    score = np.clip(np.round(5.5 + 1.5 * np.log(rate / 4) + random.normal(0, 2, n)), 0, 10)
    rows = []
    for i in range(n):
        before = random.integers(1, 366, 1 + random.poisson(rate[i]))
        after = 366 + random.integers(1, 365, random.poisson(rate[i] * (1 + effect * (score[i] >= 9))))
        rows += [(f"c{i:04}", STARTS + pd.Timedelta(days=int(d)), 10.0) for d in {*before, *after}]
    orders = pd.DataFrame(rows, columns=["customer_id", "date", "amount"])
    asked = pd.DataFrame({"customer_id": [f"c{i:04}" for i in range(n)], "date": CUT, "score": score})
    return made({"transactions": orders, "surveys": asked[random.random(n) < 0.8]})


def test_frequent_buyers_who_like_the_shop_make_the_score_look_like_a_forecast() -> None:
    ratio = advocates.ratios(advocates.before_and_after(shop(), 365))
    plain, fair = ratio.loc[("as seen", "promoter")], ratio.loc[("adjusted", "promoter")]
    assert plain["low"] > 1.3
    assert fair["mid"] < 1.25
    assert fair["mid"] < plain["low"]


def test_a_real_difference_is_seen_beyond_past_purchases() -> None:
    none, half = (advocates.ratios(advocates.before_and_after(shop(effect=e), 365)) for e in (0.0, 0.5))
    row = ("adjusted", "promoter")
    assert half.loc[row, "low"] > 1.2
    assert half.loc[row, "mid"] / none.loc[row, "mid"] == pytest.approx(1.5, rel=0.15)


def test_scores_come_before_and_purchases_after() -> None:
    orders = pd.DataFrame({"customer_id": "a", "date": [CUT, CUT + pd.Timedelta(days=1)], "amount": [10.0, 30.0]})
    said = pd.DataFrame({"customer_id": ["a", "a"], "date": [CUT, CUT + pd.Timedelta(days=1)], "score": [2, 10]})
    seen = advocates.before_and_after(made({"transactions": orders, "surveys": said}), 365)
    assert seen.loc["a"].to_dict() == {
        "group": "detractor",
        "purchases_before": 1,
        "spend_before": 10,
        "silence": 0,
        "T": 0,
        "purchases": 1,
        "spend": 30,
    }


def test_who_answered_before_the_window_only_is_not_said_never_to_have_answered() -> None:
    orders = pd.DataFrame({"customer_id": "a", "date": [STARTS], "amount": [10.0]})
    said = pd.DataFrame({"customer_id": ["a"], "date": [CUT - pd.Timedelta(days=91)], "score": [10]})
    seen = advocates.before_and_after(made({"transactions": orders, "surveys": said}, as_of=CUT), 30)
    assert seen.loc["a", "group"] == "no answer in the window"


def test_means_by_answer_keep_those_who_did_not_answer_apart() -> None:
    seen = advocates.before_and_after(shop(400), 365)
    table = advocates.by_answer(seen)
    assert list(table.index) == ["detractor", "passive", "promoter", advocates.NO_ANSWER]
    assert table["customers"].sum() == len(seen)
    with pytest.raises(NotEnoughData, match="promoters answered"):
        advocates.ratios(seen[seen["group"] != "promoter"])


PEOPLE = pd.DataFrame(
    {
        "customer_id": ["ann", "bob", "cat", "dan"],
        "referred_by": [None, "ann", "ann", "bob"],
        "acquisition_cost": [5.0, 1.0, 2.0, None],
    }
)
VALUES = pd.DataFrame({"lifetime_value": [100.0, 40.0, 7.0]}, index=["ann", "bob", "dan"])


def bought(values: pd.DataFrame) -> pd.DataFrame:
    return pd.DataFrame({"customer_id": values.index, "date": CUT, "amount": 9.0})


def test_a_referral_is_worth_the_friends_value_less_what_winning_them_cost() -> None:
    found = advocates.referrals(made({"customers": PEOPLE, "transactions": bought(VALUES)}), VALUES)
    assert found.loc["ann"].to_dict() == {
        "referred": 2,
        "referred_buyers": 1,
        "referral_value": 39.0,  # cat never bought: no cost is hers
        "own_value": 100.0,
    }
    assert found.loc["bob", "referral_value"] == 7.0
    assert list(found.index) == ["ann", "bob"]


def test_referred_people_stand_beside_the_others() -> None:
    many = pd.concat([PEOPLE] * 5).assign(
        customer_id=[f"{name}{i}" for i in range(5) for name in PEOPLE["customer_id"]]
    )
    values = pd.concat([VALUES] * 5).set_axis([f"{name}{i}" for i in range(5) for name in VALUES.index])
    rfm = pd.DataFrame({"frequency": [4, 2, 0] * 5}, index=values.index)
    shop = made({"customers": many, "transactions": bought(values)})
    table = advocates.referred_against_others(shop, values, rfm)
    assert list(table.index) == ["referred", "not referred"]
    assert table.loc["referred"].to_dict() == {
        "people": 15,
        "buyers": 10,
        "bought": pytest.approx(2 / 3),
        "repeat_purchases": 1.0,
        "lifetime_value": 23.5,
        "cac": 1.0,
    }
    unknown = made(shop.tables | {"customers": many.assign(acquisition_cost=[5.0] * 4 + [None] * 16)})
    told = advocates.referred_against_others(unknown, values, rfm)["cac"]
    assert told.isna().all()  # 10 and 5 buyers, of whom the cost of 2 and 1 is known
    two = values.drop([name for name in values.index if name[:3] in ("bob", "dan")][:8])
    few = advocates.referred_against_others(shop, two, rfm).loc["referred"]
    assert few[["repeat_purchases", "lifetime_value", "cac"]].isna().all()  # 15 people, but 2 buyers
    assert few[["people", "buyers"]].tolist() == [15, 2]


def test_without_referrals_the_missing_column_is_named() -> None:
    for people in (PEOPLE.drop(columns="referred_by"), PEOPLE.assign(referred_by=None)):
        with pytest.raises(MissingTable, match="referred"):
            advocates.referrals(made({"customers": people}), VALUES)


def test_promoters_of_an_earlier_day_are_those_who_had_answered_by_then() -> None:
    """All answers were read, of whatever day: 627 promoters on the demo shop, where 401 had answered 9 or 10."""
    then = load("demo", as_of="2025-06-30")
    answers = then.table("surveys").to_pandas()
    assert answers["date"].max() < pd.Timestamp("2025-07-01")
    assert len(stake.promoters(answers)) == 401
