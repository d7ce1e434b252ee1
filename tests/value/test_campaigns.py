from functools import partial

import ibis
import numpy as np
import pandas as pd
import pytest

from clvlib.dataset import Economics
from clvlib.errors import MissingTable, NotEnoughData
from clvlib.value import campaigns
from tests.shop import Shop

STARTS, AS_OF = pd.Timestamp("2025-01-01"), pd.Timestamp("2025-12-31")
made = partial(Shop, as_of=AS_OF, starts=STARTS)


def orders(*rows: tuple[str, str, float]) -> pd.DataFrame:
    frame = pd.DataFrame(rows, columns=["customer_id", "date", "amount"])
    return frame.assign(date=pd.to_datetime(frame["date"]))


def test_all_customers_are_compared_over_their_own_first_year() -> None:
    rows = orders(
        ("a", "2024-01-01", 100),
        ("a", "2024-01-30", 10),
        ("a", "2024-01-31", 20),
        ("a", "2024-12-30", 40),
        ("a", "2024-12-31", 1000),
        ("young", "2025-06-01", 50),
    )
    values = campaigns.earlier_and_later(ibis.memtable(rows), AS_OF, Economics(margin=0.5))
    assert values.to_dict("index") == {"a": {"early": 55.0, "late": 30.0}}
    with pytest.raises(NotEnoughData, match="365 days"):
        campaigns.earlier_and_later(ibis.memtable(rows[5:]), AS_OF, Economics())


def test_a_known_cost_of_the_goods_replaces_the_assumed_margin() -> None:
    rows = orders(("a", "2024-01-01", 100), ("a", "2024-03-01", 100)).assign(cost=[30.0, None])
    values = campaigns.earlier_and_later(ibis.memtable(rows), AS_OF, Economics(margin=0.5))
    assert values.to_dict("index") == {"a": {"early": 70.0, "late": 50.0}}


def test_a_group_that_wins_at_once_can_lose_over_the_year() -> None:
    values = pd.DataFrame({"early": [50.0, 52, 20, 22] * 3, "late": [0.0, 4, 90, 98] * 3}, index=list("abcdefghijkl"))
    groups = pd.Series(dict(zip("abcdefghijkl", ["sale", "sale", "quiz", "quiz"] * 3, strict=True)) | {"z": "sale"})
    table = campaigns.short_against_long(values, groups, pd.Series(dict.fromkeys("aefijcd", 10.0) | {"b": None}))
    assert list(table.index) == ["quiz", "sale"]
    assert table["rank_early"].to_dict() == {"quiz": 2, "sale": 1}
    assert table["customers"].to_dict() == {"quiz": 6, "sale": 6}
    assert table.loc["sale", "after_cost"] == 53 - 10
    assert np.isnan(table.loc["quiz", "cost"])  # known of two only
    assert table.loc["sale", "late_low"] < 2 < table.loc["sale", "late_high"]
    assert campaigns.standing_out(table).to_dict() == {"quiz": 46.0, "sale": -46.0}
    with pytest.raises(NotEnoughData, match="no group of 5"):
        campaigns.short_against_long(values.head(6), groups)


def test_groups_drawn_from_the_same_customers_seldom_stand_out() -> None:
    random, found = np.random.default_rng(0), 0
    for _ in range(200):
        values = pd.DataFrame({"early": 1.0, "late": random.gamma(2, 10, 400)})
        groups = pd.Series(random.choice(list("abcdefgh"), 400))
        found += len(campaigns.standing_out(campaigns.short_against_long(values, groups))) > 0
    assert found / 200 < 0.1


def test_a_customer_is_won_by_the_last_campaign_reacted_to_in_the_month_before() -> None:
    bought = orders(("a", "2025-03-10", 5), ("b", "2025-03-10", 5), ("c", "2025-03-10", 5))
    rows = [
        ("a", "2025-03-01", "email", "spring", "open"),
        ("a", "2025-03-10", "social", "hello", "click"),
        ("a", "2025-03-11", "email", "thanks", "open"),
        ("b", "2025-03-09", "email", "spring", "sent"),
        ("c", "2025-02-01", "email", "winter", "click"),
    ]
    touched = pd.DataFrame(rows, columns=["customer_id", "date", "channel", "campaign", "event"])
    touched["date"] = pd.to_datetime(touched["date"])
    shop = made({"transactions": bought, "touchpoints": touched})
    won = campaigns.won_by(shop)
    assert won.to_dict() == {"a": "social · hello", "b": "no campaign", "c": "no campaign"}
    assert campaigns.pool_small(won, won.index, 2).to_dict()["a"] == "smaller campaigns"
    people = pd.DataFrame({"customer_id": ["a"], "acquisition_channel": ["store"]})
    plain = touched.drop(columns="campaign")
    assert campaigns.won_by(made({"customers": people, "touchpoints": plain})).to_dict() == {"a": "store"}
    with pytest.raises(MissingTable, match="what won whom"):
        campaigns.won_by(made({"touchpoints": plain}))
