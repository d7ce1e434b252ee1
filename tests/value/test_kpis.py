from functools import partial

import ibis
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clvlib import aggregate, wording
from clvlib.actions import stake
from clvlib.aggregate import acquisition
from clvlib.dataset import Economics
from clvlib.errors import MissingTable, NotEnoughData
from clvlib.models.windows import History
from clvlib.value import dashboard, equity, kpis, payback
from tests.shop import Shop
from tools.demo_shop import simulate

AS_OF = pd.Timestamp("2025-12-31")
STARTS = AS_OF - pd.Timedelta(days=1100)
MONEY = Economics(margin=0.4, service_cost_per_order=1.0)


made = partial(Shop, as_of=AS_OF, starts=STARTS, economics=MONEY)


def orders(*rows: tuple[str, str, float]) -> pd.DataFrame:
    made = pd.DataFrame(rows, columns=["customer_id", "date", "amount"])
    return made.assign(date=pd.to_datetime(made["date"]))


@pytest.fixture(scope="module")
def shop() -> Shop:
    random = np.random.default_rng(0)
    n = 800
    people = simulate.pareto_nbd(n, (0.9, 60.0, 0.7, 250.0), random.integers(1, 1100, n), seed=1)
    bought = simulate.transactions(people, (6.0, 4.0, 20.0), AS_OF, seed=1)
    first = bought.groupby("customer_id")["date"].min()
    customers = pd.DataFrame(
        {
            "customer_id": first.index,
            "acquired_on": first.to_numpy(),
            "acquisition_channel": random.choice(["search", "store"], n),
            "acquisition_cost": 5.0,
        }
    )
    months = pd.date_range("2022-12-01", "2025-12-01", freq="MS")
    costs = pd.DataFrame({"channel": "search", "period": months, "cost": 200.0})
    answers = pd.DataFrame(
        {
            "customer_id": first.index[:300],
            "date": AS_OF - pd.to_timedelta(random.integers(0, 900, 300), unit="D"),
            "score": random.integers(0, 11, 300),
        }
    )
    tables = {"transactions": bought, "customers": customers, "marketing_costs": costs, "surveys": answers}
    return made(tables)


@pytest.fixture(scope="module")
def now(shop: Shop) -> equity.Valuation:
    return equity.value_base(History(shop.transactions, STARTS), AS_OF, MONEY)


@pytest.fixture(scope="module")
def trend(shop: Shop, now: equity.Valuation) -> pd.DataFrame:
    """The trend of the shop."""
    return dashboard.trend(shop, now.ahead, 365)


def test_retention_counts_buyers_of_a_window_who_buy_in_the_next() -> None:
    rows = orders(("a", "2024-06-01", 1), ("a", "2025-06-01", 1), ("b", "2024-12-31", 1), ("c", "2025-01-01", 1))
    at = pd.DatetimeIndex(["2024-12-31", "2025-12-31"])
    seen = kpis.retention(ibis.memtable(rows), at, 365, pd.Timestamp("2024-01-01"))
    assert seen["retention"].tolist()[1] == 0.5
    assert np.isnan(seen["retention"].iloc[0])
    assert seen["customers"].tolist() == [0, 2]
    assert seen["churn"].iloc[1] == pytest.approx(1 - 0.5 ** (1 / 12), abs=1e-4)


def test_the_window_fits_the_history() -> None:
    ends = {days: kpis.window_days(AS_OF - pd.Timedelta(days=days - 1), AS_OF) for days in (1100, 546, 250, 60)}
    assert ends == {1100: 365, 546: 182, 250: 91, 60: 30}
    with pytest.raises(NotEnoughData, match="59 day"):
        kpis.window_days(AS_OF - pd.Timedelta(days=58), AS_OF)


def test_dates_are_ends_of_complete_months_and_leave_a_step_before_the_first() -> None:
    at = kpis.dates(pd.Timestamp("2025-01-01"), pd.Timestamp("2025-12-15"), 365)
    assert [f"{day:%m-%d}" for day in at] == ["05-31", "08-31", "11-30"]
    assert len(kpis.dates(pd.Timestamp("2025-12-01"), pd.Timestamp("2025-12-31"), 30)) == 1


def test_nps_is_promoters_less_detractors_in_points() -> None:
    score = kpis.nps(pd.Series([10, 9, 8, 7, 6, 0, 9, 9, 9, 9]))
    assert score["nps"] == pytest.approx(100 * (6 - 2) / 10)
    assert score["low"] < 40 < score["high"]
    assert np.isnan(kpis.nps(pd.Series([], dtype=float))["nps"])


@pytest.mark.parametrize("shares", [(0.5, 0.3, 0.2), (0.85, 0.1, 0.05)])
def test_the_interval_of_nps_holds_its_level_in_samples_of_thirty(shares: tuple[float, ...]) -> None:
    random, truth, hits = np.random.default_rng(0), 100 * (shares[0] - shares[2]), 0
    for _ in range(1000):
        score = kpis.nps(pd.Series(random.choice([10, 8, 3], 30, p=shares)))
        hits += score["low"] <= truth <= score["high"]
    assert 0.92 <= hits / 1000 <= 0.985


@given(st.lists(st.integers(0, 10), min_size=1, max_size=40))
@settings(max_examples=50, deadline=None)
def test_nps_stays_between_its_limits_and_ignores_the_order_of_answers(scores: list[int]) -> None:
    score = kpis.nps(pd.Series(scores))
    assert -100 <= score["low"] <= score["high"] <= 100
    pd.testing.assert_series_equal(score, kpis.nps(pd.Series(scores[::-1])))


def test_only_the_latest_answer_of_a_customer_counts() -> None:
    rows = pd.DataFrame(
        {"customer_id": ["a", "a", "b"], "date": pd.to_datetime(["2025-01-01", "2025-02-01", "2024-01-01"])}
    )
    found = kpis.latest(rows.assign(score=[3, 9, 5]), pd.Timestamp("2024-12-31"), AS_OF)
    assert found.to_dict() == {"a": 9}


def test_of_two_answers_of_one_day_the_lower_counts_for_the_nps_and_for_referrals() -> None:
    """It was the higher for the one and the lower for the other."""
    rows = pd.DataFrame({"customer_id": ["a", "a", "b"], "date": [AS_OF] * 3, "score": [3, 9, 10]})
    assert kpis.latest(rows, AS_OF - pd.Timedelta(days=1), AS_OF).to_dict() == {"a": 3, "b": 10}
    assert stake.promoters(rows).to_list() == ["b"]


def test_a_purchase_is_loyal_from_the_fourth_on() -> None:
    rows = orders(*[("a", f"2025-0{month}-01", 10.0 * month) for month in range(1, 7)], ("b", "2025-06-02", 7.0))
    months = aggregate.loyal_revenue(ibis.memtable(rows), AS_OF, 3)
    assert months["loyal"].tolist() == [0, 0, 0, 40, 50, 60]
    assert months["revenue"].sum() == 217
    people = aggregate.loyal_revenue(ibis.memtable(rows), AS_OF, 3, "customer_id")
    assert people.loc["a"].tolist() == [210, 150]


def test_payback_is_the_first_month_in_which_contributions_reach_the_cost() -> None:
    rows = orders(("a", "2025-01-05", 10), ("a", "2025-03-05", 30), ("b", "2025-01-20", 10), ("b", "2025-02-20", 20))
    cohorts = aggregate.cohorts(ibis.memtable(rows), AS_OF)
    plain = Economics(margin=0.5)
    gained = payback.observed_contribution(cohorts, plain)
    assert [payback.payback_months(gained, cost) for cost in (5, 5.1, 10, 10.1, 17.5)] == [1, 2, 2, 3, 3]
    assert np.isnan(payback.payback_months(gained, 17.6))
    kept = payback.observed_contribution(cohorts, Economics(margin=0.5, retention_cost_per_year=12.0))
    assert (gained - kept).tolist() == list(range(1, len(gained) + 1))  # keeping costs 1 a month


def test_contribution_is_the_margin_less_serving_and_keeping() -> None:
    rows = orders(("a", "2025-01-01", 100), ("a", "2025-06-30", 50)).assign(cost=[30.0, None])
    economics = Economics(margin=0.4, service_cost_per_order=2.0, retention_cost_per_year=365.25)
    client = made({"transactions": rows}, economics=economics)
    rfm = aggregate.rfm_summary(client.transactions, AS_OF)
    left = kpis.contribution_of_window(client, rfm, AS_OF)
    assert left["a"] == pytest.approx(70 + 20 - 4 - 364)


def test_lifetime_value_is_what_came_and_what_is_expected(shop: Shop, now: equity.Valuation) -> None:
    values = kpis.lifetime_value(shop, now.rfm, AS_OF, now.customers["clv"])
    np.testing.assert_allclose(values["lifetime_value"], values["so_far"] + values["ahead"])
    spent = shop.tables["transactions"].groupby("customer_id")["amount"].sum()
    expected = 0.4 * spent - (now.rfm["frequency"] + 1)
    np.testing.assert_allclose(values["so_far"], expected.reindex(values.index), atol=1e-6)


def test_the_trend_has_every_figure_and_the_dashboard_its_last_value(
    trend: pd.DataFrame, now: equity.Valuation
) -> None:
    assert set(kpis.KPIS) <= set(trend)
    figures = dashboard.board(trend)
    assert list(figures.index) == list(kpis.KPIS)
    assert figures.loc["cac", "now"] == pytest.approx(trend["cac"].iloc[-1])
    won = (now.rfm["first_purchase"] > "2025-09-30").sum()
    assert trend["cac"].iloc[-1] == pytest.approx(600 / won)
    year_ago = trend.index[-5]
    assert figures.loc["clv", "before_at"] == year_ago
    assert figures.loc["clv", "change"] == pytest.approx(trend["clv"].iloc[-1] - trend.loc[year_ago, "clv"])
    assert (trend["retention"] <= 1).sum() == trend["retention"].notna().sum()


def test_of_many_customers_the_trend_values_some_and_counts_all(
    shop: Shop, now: equity.Valuation, trend: pd.DataFrame, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dashboard, "VALUED", len(now.rfm) // 3)
    some = dashboard.trend(shop, now.ahead, 365)
    alone = ["clv", "clv_to_cac"]  # what customers are worth
    pd.testing.assert_frame_equal(some.drop(columns=alone), trend.drop(columns=alone))
    assert (some["clv"] != trend["clv"]).any()
    assert some["clv"].iloc[-1] == pytest.approx(trend["clv"].iloc[-1], rel=0.15)
    assert (some[alone].isna() == trend[alone].isna()).all(axis=None)
    monkeypatch.setattr(dashboard, "VALUED", len(now.rfm) - 1)  # more than are active: nobody is left out of the mean
    nearly = dashboard.trend(shop, now.ahead, 365)
    np.testing.assert_allclose(nearly["clv"], trend["clv"], rtol=1e-6)


def test_what_the_data_cant_tell_is_left_out_of_the_dashboard(shop: Shop, now: equity.Valuation) -> None:
    alone = made({"transactions": shop.tables["transactions"]})
    figures = dashboard.board(dashboard.trend(alone, now.ahead, 365))
    assert set(figures.index) == {"customers", "new_customers", "clv", "retention", "churn", "loyal_share"}
    with pytest.raises(MissingTable, match="marketing_costs"):
        acquisition.ledger(alone)
    own = made({name: shop.tables[name] for name in ("transactions", "customers")})
    assert acquisition.ledger(own).known["cost"].sum() == pytest.approx(5.0 * 800)


def test_an_unknown_cost_leaves_cac_blank_and_is_not_nought(shop: Shop, now: equity.Valuation) -> None:
    costs = pd.concat([shop.tables["marketing_costs"].assign(channel=name) for name in ("search", "social")])
    blank = costs.assign(cost=costs["cost"].mask((costs["period"] == "2025-11-01") & (costs["channel"] == "social")))
    holed = made(shop.tables | {"marketing_costs": blank})
    trend = dashboard.trend(holed, now.ahead, 365)
    assert np.isnan(trend["cac"].iloc[-1])
    assert trend["cac"].notna().sum() == len(trend) - 1
    holed = made(shop.tables | {"marketing_costs": blank.dropna()})  # the row is not there at all
    spent = acquisition.ledger(holed).rows
    assert spent.loc[spent["cost"].isna(), ["period", "channel"]].values.tolist() == [
        [pd.Timestamp("2025-11-01"), "social"]
    ]


def test_the_split_adds_up_to_all_customers(shop: Shop, now: equity.Valuation) -> None:
    values = kpis.lifetime_value(shop, now.rfm, AS_OF, now.customers["clv"])
    channel = shop.customers()["acquisition_channel"]
    parts = dashboard.split(shop, channel, values, now.rfm, 365)
    assert parts["customers"].sum() == 800
    back = kpis.bought_again(shop.transactions, AS_OF, 365)
    sizes = channel.reindex(back.index).value_counts()
    assert (parts["retention"] * sizes).sum() == pytest.approx(back.sum())
    paid = acquisition.ledger(shop)
    assert parts.loc["search", "cac_ever"] == pytest.approx(paid.by_channel().loc["search", "cac"])
    assert parts.loc["store", "cac_ever":].isna().all()  # nothing was spent on it
    assert kpis.retention_differs(shop, channel, 365) > 0.001


def test_what_covers_all_customers_so_far_does_not_carry_the_name_of_a_figure_of_the_window(
    shop: Shop, now: equity.Valuation
) -> None:
    values = kpis.lifetime_value(shop, now.rfm, AS_OF, now.customers["clv"])
    channel = shop.customers()["acquisition_channel"]
    year, quarter = (dashboard.split(shop, channel, values, now.rfm, window) for window in (365, 91))
    assert not {"cac", "clv_to_cac", "payback"} & set(year)
    ever = ["cac_ever", "clv_to_cac_ever", "payback_ever"]
    pd.testing.assert_frame_equal(year[ever], quarter[ever])


def test_a_figure_of_a_group_is_blank_where_fewer_than_five_made_it(shop: Shop, now: equity.Valuation) -> None:
    values = kpis.lifetime_value(shop, now.rfm, AS_OF, now.customers["clv"])
    active = now.rfm["days_since_last_order"] < 365
    one, gone = now.rfm.index[active][:1], now.rfm.index[~active][:7]
    groups = pd.Series("few", index=[*one, *gone]).reindex(now.rfm.index).fillna("many")
    parts = dashboard.split(shop, groups, values, now.rfm, 365)
    assert parts.loc["few", ["customers", "active"]].tolist() == [8, 1]
    assert parts.loc["few", ["clv", "loyal_share"]].isna().all()
    assert parts.loc["few", "cac_ever"] > 0
    assert parts.loc["many"].notna().all()


def test_what_a_date_shows_was_known_on_that_date(shop: Shop, now: equity.Valuation, trend: pd.DataFrame) -> None:
    """Orders that come later change no figure of an earlier date: payback once took them from later months."""
    day = pd.Timestamp("2024-12-31")
    early = {**shop.tables, "transactions": shop.tables["transactions"][shop.tables["transactions"]["date"] <= day]}
    then = dashboard.trend(made(early, as_of=day), now.ahead, 365).loc[day]
    later = trend.loc[day]
    assert then["payback"] == later["payback"]
    pd.testing.assert_series_equal(then, later[then.index])


def test_new_customers_of_a_period_are_those_of_the_cohorts_even_when_an_order_was_refunded_since(
    shop: Shop, now: equity.Valuation
) -> None:
    won = now.rfm[now.rfm["first_purchase"].between("2024-10-01", "2024-12-31") & (now.rfm["frequency"] == 0)].index[0]
    bought = shop.tables["transactions"]
    refund = bought[bought["customer_id"] == won].assign(date=AS_OF, amount=lambda rows: -rows["amount"])
    later = made(shop.tables | {"transactions": pd.concat([bought, refund])})
    before, after = (dashboard.trend(s, now.ahead, 365).loc["2024-12-31"] for s in (shop, later))
    assert after["new_customers"] == before["new_customers"] - 1
    assert after["cac"] == pytest.approx(600 / after["new_customers"])


def test_payback_is_that_of_customers_won_a_year_before_at_the_cost_of_their_own_months(
    shop: Shop, trend: pd.DataFrame
) -> None:
    cohorts = aggregate.cohorts(shop.transactions, AS_OF)
    won = cohorts[cohorts["cohort"].isin(pd.to_datetime(["2024-10-01", "2024-11-01", "2024-12-01"]))]
    cost = 600 / won.loc[won["age"] == 0, "size"].sum()
    expected = payback.payback_months(payback.observed_contribution(won, MONEY).iloc[:12], cost)
    assert trend["payback"].iloc[-1] == pytest.approx(expected, nan_ok=True)


def moved(**rows: tuple[float, float, float]) -> pd.DataFrame:
    figures = pd.DataFrame.from_dict(rows, orient="index", columns=["now", "before", "z"])
    return figures.assign(change=figures["now"] - figures["before"])


def test_a_window_that_the_history_does_not_hold_is_not_the_earlier_figure(shop: Shop, now: equity.Valuation) -> None:
    """Customers of a year beside those of the first 59 days are "up" whatever they do."""
    starts = shop.starts + pd.Timedelta(days=400)
    bought = shop.tables["transactions"]
    later = made(shop.tables | {"transactions": bought[bought["date"] >= starts]})
    trend = dashboard.trend(later, now.ahead, 365)
    short = (trend.index - later.starts).days + 1 < 365
    assert short.any()
    assert trend.loc[short, ["customers", "clv"]].isna().all(axis=None)
    assert trend.loc[~short, "customers"].notna().all()


def test_the_finding_calls_nothing_better_and_counts_no_chance_and_no_drift() -> None:
    none = np.nan
    figures = moved(
        retention=(0.6, 0.5, none), cac=(9.0, 10.0, none), nps=(18.0, 16.0, 0.3), loyal_share=(0.9, 0.6, none)
    )
    assert dashboard.finding(figures) == {"up": ["Retention"], "down": ["CAC"]}
    assert dashboard.finding(moved(nps=(30.0, 16.0, 2.5))) == {"up": ["NPS"], "down": []}
    assert not any(dashboard.finding(moved(nps=(18.0, 16.0, 0.3), loyal_share=(0.9, 0.6, none))).values())


def test_the_finding_names_what_fell_and_by_how_much_beyond_the_noise_of_counts() -> None:
    none = np.nan
    figures = moved(
        customers=(2700, 3000, none), new_customers=(139, 881, none), spend=(2700.0, 34000.0, none), clv=(70, 59, none)
    )
    assert dashboard.finding(figures) == {
        "up": ["CLV of active customers"],
        "down": ["Active customers", "New customers (-84.2%)", "Spend to win customers (-92.1%)"],
    }
    assert not any(dashboard.finding(moved(new_customers=(10, 14, none))).values())


def test_the_board_judges_nps_as_the_sentence_about_it_does_and_dates_both_values(
    shop: Shop, trend: pd.DataFrame
) -> None:
    figures = dashboard.board(trend)
    assert figures.loc["nps", "z"] == pytest.approx(kpis.nps_change(shop, AS_OF, 3)["z"])
    assert figures["z"].notna().sum() == 1
    late = dashboard.board(trend.assign(cac=trend["cac"].mask(trend.index == AS_OF, np.nan)))
    assert late.loc["cac", "at"] < late.loc["clv", "at"] == AS_OF
    texts = dashboard.written(late)
    assert texts.loc["CLV of active customers", ["latest_on", "earlier_on"]].tolist() == [
        wording.date(AS_OF),
        wording.date(pd.Timestamp("2024-12-31")),
    ]


def test_a_figure_that_is_never_known_is_asked_for_in_vain() -> None:
    with pytest.raises(NotEnoughData, match="No figure"):
        dashboard.board(pd.DataFrame({"clv": [np.nan]}, index=pd.DatetimeIndex(["2025-12-31"])))
    figures = dashboard.board(pd.DataFrame({"clv": [5.0]}, index=pd.DatetimeIndex(["2025-12-31"])))
    assert dashboard.latest_figure(figures, "clv") == 5.0
    assert dashboard.written(figures).index.tolist() == ["CLV of active customers"]
    with pytest.raises(NotEnoughData, match="Retention"):
        dashboard.latest_figure(figures, "retention")


def test_every_figure_has_its_panel_and_its_definition() -> None:
    assert [panel.column for panel in dashboard.kpi_panels()] == list(kpis.KPIS)
    assert kpis.definitions().notna().all(axis=None)


def test_a_change_of_nps_is_judged_by_its_errors(shop: Shop) -> None:
    said = kpis.nps_change(shop, AS_OF, 3)
    assert abs(said["z"]) < 4
    assert said["low"] <= said["nps"] <= said["high"]
    with pytest.raises(NotEnoughData, match="answered"):
        kpis.nps_change(shop, pd.Timestamp("2020-01-31"), 3)
