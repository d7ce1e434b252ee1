import numpy as np
import pandas as pd
import pytest

from clvlib.actions import preferences
from clvlib.errors import NotEnoughData


def acts(*rows: tuple[str, str, int, int, int]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=["customer_id", "channel", "hour", "bought", "reacted"])


def crowd(n: int = 200, seed: int = 0, late: bool = False) -> pd.DataFrame:
    """Half of the customers act around 9, half around 21; each acts five times."""
    random = np.random.default_rng(seed + late)
    rows = []
    for i in range(n):
        around = 9 if i % 2 else 21
        for hour in (around + np.round(random.normal(0, 1, 5))).astype(int) % 24:
            rows.append((f"c{i:03}", "web", int(hour), 1, 0))
    return acts(*rows)


def test_everybodys_habits_add_up_to_one() -> None:
    habits = preferences.habits(crowd())
    assert habits.sum() == pytest.approx(1)
    assert list(habits.index) == list(range(24))


def test_dates_without_a_time_of_day_know_no_hour() -> None:
    with pytest.raises(NotEnoughData, match="hour of 0 orders"):
        preferences.habits(acts(*[(f"c{i}", "web", 0, 1, 0) for i in range(500)]))


def test_each_customers_best_hour_is_near_their_own_acts() -> None:
    best = preferences.best_hour(crowd())
    own = np.where(np.arange(200) % 2, 9, 21)
    assert (np.abs(best["best_hour"] - own) <= 2).mean() > 0.95
    assert (best["acts"] == 5).all()


def test_midnight_is_beside_eleven_at_night() -> None:
    some = crowd(40)
    night = acts(*[("n", "web", hour, 1, 0) for hour in (23, 23, 0, 0, 0, 1, 1, 23)])
    assert preferences.best_hour(pd.concat([some, night])).loc["n", "best_hour"] == 0


def test_who_acted_once_stays_near_the_common_hour() -> None:
    common = acts(*[(f"c{i}", "web", 20, 3, 0) for i in range(60)], ("x", "web", 4, 1, 0))
    assert preferences.best_hour(common).loc["x", "best_hour"] == 20


def test_own_hours_foretell_later_acts_where_customers_differ_and_not_where_they_dont() -> None:
    hit = preferences.hit_rate(crowd(), crowd(late=True))
    assert hit["own"] > hit["common"] + 0.2
    random = np.random.default_rng(0)
    same, later = (
        acts(*[(f"c{i % 99}", "web", int(h), 1, 0) for i, h in enumerate(random.integers(0, 24, 900))])
        for _ in range(2)
    )
    flat = preferences.hit_rate(same, later)
    assert flat["own"] == pytest.approx(flat["common"], abs=0.05)
    assert hit["low"] > 0
    assert flat["low"] < 0 < flat["high"]


def test_the_gain_of_own_hours_has_the_interval_that_drawing_customers_again_gives() -> None:
    before, after = crowd(), crowd(late=True)
    after = after[after.groupby("customer_id").cumcount() < after["customer_id"].str[-1].astype(int) % 5 + 1]
    hit, random = preferences.hit_rate(before, after), np.random.default_rng(1)
    parts = dict(list(after.groupby("customer_id")))
    chosen = preferences.best_hour(before)["best_hour"]
    rows = []
    for name, part in parts.items():
        near = [
            np.minimum(abs(part["hour"] - hour), 24 - abs(part["hour"] - hour)) <= 1
            for hour in (chosen[name], hit["hour"])
        ]
        rows.append((near[0].sum() - near[1].sum(), len(part)))
    gained, acted = np.array(rows, dtype=float).T
    draws = random.integers(0, len(rows), (4000, len(rows)))
    again = gained[draws].sum(axis=1) / acted[draws].sum(axis=1)
    assert hit["gain"] == pytest.approx(hit["own"] - hit["common"]) == pytest.approx(gained.sum() / acted.sum())
    assert (hit["high"] - hit["low"]) / 2 / 1.96 == pytest.approx(again.std(), rel=0.06)


def test_the_later_acts_of_a_single_customer_test_nothing() -> None:
    alone = acts(*[("c001", "web", hour, 20, 0) for hour in range(9, 20)])
    with pytest.raises(NotEnoughData, match="220 later acts of 1 customers"):
        preferences.hit_rate(crowd(), alone)


def test_the_main_channel_has_the_most_acts_and_ties_go_to_everybodys() -> None:
    rows = acts(
        ("a", "x", 9, 0, 2), ("a", "y", 10, 0, 3), ("b", "x", 9, 0, 1), ("b", "y", 9, 0, 1), ("c", "x", 9, 1, 0)
    )
    assert preferences.main_channel(rows, "reacted").to_dict() == {"a": "y", "b": "y"}


def test_without_consent_there_is_no_channel_and_no_hour() -> None:
    contacts = acts(*[(name, "email", 9, 0, 3) for name in ("agreed", "refused", "unknown", "never asked")])
    hours = pd.concat([crowd(60), contacts, acts(("agreed", "web", 20, 2, 0))])
    consent = pd.Series({"agreed": "yes", "refused": "no", "unknown": None})
    sheet = preferences.contact_sheet(hours, {"web"}, consent).loc[["agreed", "refused", "unknown", "never asked"]]
    assert sheet["may_contact"].to_list() == [True, False, False, False]
    assert sheet["reacts_in"].to_list()[0] == "email"
    assert sheet.loc["agreed", "buys_in"] == "web"
    assert sheet.iloc[1:][["reacts_in", "best_hour", "acts"]].isna().all().all()
