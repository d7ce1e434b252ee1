from dataclasses import replace

import ibis
import numpy as np
import pandas as pd
import pytest

from clvlib.aggregate import acquisition
from clvlib.dataset import Dataset, Economics
from clvlib.errors import MissingTable, NotEnoughData
from clvlib.value import next_customer, payback

END = pd.Timestamp("2025-12-31")


def shop(**tables: pd.DataFrame) -> Dataset:
    """Two channels of fifty people, of whom forty buy every month; those of "dear" cost four times as much."""
    ids = [f"{channel}{i:02}" for channel in ("cheap", "dear") for i in range(50)]
    people = pd.DataFrame({"customer_id": ids, "acquisition_channel": [name[:-2] for name in ids]})
    people["acquisition_cost"] = people["acquisition_channel"].map({"cheap": 10.0, "dear": 40.0})
    buyers = [name for name in ids if int(name[-2:]) < 40]
    rows = [
        (name, pd.Timestamp("2025-01-10") + pd.DateOffset(months=month + int(name[-2:]) % 4), 30.0)
        for name in buyers
        for month in range(8)
    ]
    orders = pd.DataFrame(rows, columns=["customer_id", "date", "amount"])
    connection, unused = ibis.duckdb.connect(), pd.DataFrame()
    made = {name: connection.create_table(name, t) for name, t in {"transactions": orders, "customers": people}.items()}
    made |= {name: connection.create_table(name, frame) for name, frame in tables.items()}
    economics = Economics(margin=0.5)
    starts = orders["date"].min()
    return Dataset("s", "EUR", "en_IE", starts, END, economics, unused, unused, (), tables=made, files=())


def months(elasticity: float, n: int = 60, seed: int = 0) -> pd.DataFrame:
    random = np.random.default_rng(seed)
    cost = random.lognormal(7, 0.6, n)
    won = random.poisson(40 * (cost / cost.mean()) ** elasticity)
    period = pd.date_range("2020-01-01", periods=n, freq="MS").astype("datetime64[us]")
    return pd.DataFrame({"channel": "search", "period": period, "cost": cost, "new_customers": won.astype(float)})


def ledger(rows: pd.DataFrame) -> acquisition.Ledger:
    return acquisition.Ledger(acquisition.BILLS, 1, rows.assign(billed=True))


def bills(*rows: tuple[str, str, float | None]) -> pd.DataFrame:
    frame = pd.DataFrame(rows, columns=["channel", "period", "cost"])
    return frame.assign(period=pd.to_datetime(frame["period"]), cost=frame["cost"].astype(float))


MONTHS = ["2025-01-01", "2025-02-01", "2025-03-01", "2025-04-01"]
EVERY = [(channel, month, 100.0) for channel in ("cheap", "dear") for month in MONTHS]  # ten are won in each of them


def test_cac_is_the_bills_over_those_who_first_bought_in_their_months() -> None:
    known = acquisition.ledger(shop(marketing_costs=bills(*EVERY)))
    assert known.source == acquisition.BILLS
    assert known.cac == 800 / 80
    channels = known.by_channel()
    assert channels.loc["dear", ["spent", "new_customers", "months", "cac"]].tolist() == [400, 40, 4, 10]


def test_without_bills_it_is_the_customers_column_over_its_buyers_and_nobody_is_given_a_cost() -> None:
    base = shop()
    assert acquisition.ledger(base).by_channel()["cac"].to_dict() == {"cheap": 10 * 50 / 40, "dear": 40 * 50 / 40}
    people = base.customers()
    people.loc[[name for name in people.index if int(name[-2:]) >= 40], "acquisition_cost"] = np.nan
    table = ibis.duckdb.connect().create_table("people", people.reset_index())
    known = acquisition.ledger(replace(base, tables={**base.tables, "customers": table}))
    assert known.source == acquisition.COLUMN
    assert known.by_channel()["cac"].to_dict() == {"cheap": 10, "dear": 40}
    assert known.cac == 25


def test_a_month_without_its_bill_is_left_out_with_its_customers_and_said() -> None:
    holed = [row for row in EVERY if row[:2] != ("dear", "2025-02-01")]
    known = acquisition.ledger(shop(marketing_costs=bills(*holed)))
    assert known.by_channel().loc["dear", ["spent", "new_customers", "months"]].tolist() == [300, 30, 3]
    assert known.cac == 700 / 70
    told = acquisition.spending_told(known)
    assert "1 bill(s)" in told["missing"]
    assert "10 new customers" in told["missing"]
    assert acquisition.spending_told(acquisition.ledger(shop(marketing_costs=bills(*EVERY))))["missing"] == ""


def test_bills_by_the_quarter_meet_the_customers_of_the_quarter() -> None:
    quarters = [("cheap", day, 300.0) for day in ("2024-10-01", "2025-01-01", "2025-04-01", "2025-07-01")]
    known = acquisition.ledger(shop(marketing_costs=bills(*quarters)))
    assert known.months == 3
    row = known.rows.set_index(["channel", "period"]).loc[("cheap", pd.Timestamp("2025-01-01"))]
    assert row[["cost", "new_customers"]].tolist() == [300, 30]
    assert np.isnan(known.spent(pd.DatetimeIndex(MONTHS[:2])))
    assert known.spent(pd.DatetimeIndex(MONTHS[:3])) == 300


@pytest.mark.parametrize("kept", [MONTHS[:2], MONTHS[2:], MONTHS[1:3]])
def test_bills_not_in_yet_at_a_channel_s_end_or_start_do_not_make_its_customers_free(kept: list[str]) -> None:
    rows = EVERY[:4] + [("dear", month, 500.0) for month in kept]
    known = acquisition.ledger(shop(marketing_costs=bills(*rows)))
    assert known.cac == (400 + 1000) / (40 + 20)
    told = acquisition.spending_told(known)["missing"]
    assert "2 bill(s)" in told
    assert "20 new customers" in told
    assert np.isnan(known.spent(pd.DatetimeIndex(MONTHS)))


def test_a_channel_that_won_nobody_before_its_first_bill_misses_none() -> None:
    earlier = [("cheap", day, 100.0) for day in ("2024-11-01", "2024-12-01")]
    known = acquisition.ledger(shop(marketing_costs=bills(*earlier, *EVERY)))
    assert acquisition.spending_told(known)["missing"] == ""
    assert known.spent(pd.DatetimeIndex(["2024-11-01", "2024-12-01"])) == 200


def test_bills_by_the_month_and_by_the_quarter_are_set_over_the_same_months() -> None:
    monthly = [("cheap", f"{day:%Y-%m-%d}", 100.0) for day in pd.date_range("2025-01-01", periods=7, freq="MS")]
    quarterly = [("dear", "2025-01-01", 1500.0), ("dear", "2025-04-01", 500.0)]
    base = shop(marketing_costs=bills(*monthly, *quarterly))
    known = acquisition.ledger(base)
    assert known.by_channel().loc["dear", ["spent", "new_customers", "months", "cac"]].tolist() == [2000, 40, 6, 50]
    assert known.by_channel().loc["cheap", ["spent", "new_customers", "months"]].tolist() == [600, 40, 6]
    assert known.cac == 2600 / 80
    bare = {**base.tables, "customers": base.table("customers").drop("acquisition_channel")}
    assert acquisition.ledger(replace(base, tables=bare)).cac == 2600 / 80


def test_quarters_that_begin_in_unlike_months_are_refused() -> None:
    quarters = [("cheap", MONTHS[0], 1.0), ("cheap", MONTHS[3], 1.0), ("dear", MONTHS[1], 1.0)]
    base = shop(marketing_costs=bills(*quarters, ("dear", "2025-05-01", 1.0)))
    with pytest.raises(NotEnoughData, match="unlike months"):
        acquisition.ledger(base)


def test_a_single_bill_does_not_say_for_how_long_it_stands() -> None:
    yearly = [("cheap", "2025-01-01", 1200.0), ("dear", "2025-01-01", 1200.0)]
    base = shop(marketing_costs=bills(*yearly))
    with pytest.raises(NotEnoughData, match="single bill"):
        acquisition.ledger(base)
    base = shop(marketing_costs=bills(*EVERY[:4], yearly[1]))
    known = acquisition.ledger(base)
    assert known.cac == 400 / 40
    told = acquisition.spending_told(known)["missing"]
    assert "40 new customers" in told
    assert "No bill of dear" in told
    each = acquisition.by_customer(base)
    assert each[each.index.str.startswith("dear")].isna().all()


def test_customers_of_a_channel_without_bills_came_at_no_cost_and_count_for_all_of_them_together() -> None:
    known = acquisition.ledger(shop(marketing_costs=bills(*EVERY[4:])))
    assert list(known.by_channel().index) == ["dear"]
    assert known.cac == 400 / 80
    each = acquisition.by_customer(shop(marketing_costs=bills(*EVERY[4:])))
    assert each.groupby(each.index.str[:-2]).mean().to_dict() == {"cheap": 0, "dear": 10}


def test_a_period_that_is_not_over_is_not_used() -> None:
    late = bills(*EVERY, ("cheap", "2025-12-01", 900.0))
    base = shop(marketing_costs=late)
    assert acquisition.ledger(base).by_channel().loc["cheap", "spent"] == 1300
    early = replace(base, as_of=pd.Timestamp("2025-12-30"))
    assert acquisition.ledger(early).by_channel().loc["cheap", "spent"] == 400
    with pytest.raises(NotEnoughData, match="over by"):
        acquisition.ledger(replace(base, as_of=pd.Timestamp("2025-01-15")))


def test_where_no_customer_has_a_channel_the_bills_own_count_stands() -> None:
    stated = bills(*EVERY).assign(new_customers=[20.0, 20.0, 20.0, np.nan] + [5.0] * 4)
    base = shop(marketing_costs=stated)
    bare = replace(base, tables={**base.tables, "customers": base.table("customers").drop("acquisition_channel")})
    assert acquisition.ledger(bare).by_channel()["cac"].to_dict() == {"cheap": 5, "dear": 20}
    plain = {**bare.tables, "marketing_costs": bare.table("marketing_costs").drop("new_customers")}
    assert acquisition.ledger(replace(bare, tables=plain)).cac == 10


def test_every_page_takes_its_cac_from_one_place(demo: Dataset) -> None:
    """It was 66.63, 66.94 and 87.73 for one channel on three pages; its bills over its first-time buyers are 72.29."""
    known = acquisition.ledger(demo).by_channel()["cac"]
    assert known["social"] == pytest.approx(72.29, abs=0.005)
    assert acquisition.ledger(demo).cac == pytest.approx(31.69, abs=0.005)
    assert payback.by_channel(demo).loc["social", "cac"] == known["social"]
    each, channel = acquisition.by_customer(demo), demo.customers()["acquisition_channel"]
    assert each[channel.reindex(each.index) == "social"].unique().tolist() == [known["social"]]
    assert next_customer.cost(acquisition.ledger(demo)).loc["social", "cac"] == known["social"]


def test_the_ratio_is_value_over_cost_and_dearer_customers_pay_back_later() -> None:
    found = payback.by_channel(shop())
    assert (found["clv_to_cac"] * found["cac"]).to_list() == pytest.approx(found["clv"].to_list())
    assert found.loc["dear", "clv"] == pytest.approx(found.loc["cheap", "clv"])
    assert found["payback_months"].to_dict() == {"cheap": 1, "dear": 4}  # 15 a month against 12.50 and 50


def test_a_channel_that_cost_nothing_has_no_ratio() -> None:
    base = shop()
    free = base.customers().reset_index().assign(acquisition_cost=0.0)
    table = ibis.duckdb.connect().create_table("free", free)
    found = payback.by_channel(replace(base, tables={**base.tables, "customers": table}))
    assert found[["cac", "clv_to_cac", "payback_months"]].isna().all().all()
    with pytest.raises(NotEnoughData, match="CLV : CAC"):
        payback.require_ratio(found["clv_to_cac"].dropna())


@pytest.mark.parametrize("elasticity", [0.4, 1.0])
def test_the_cost_of_the_next_customer_is_recovered(elasticity: float) -> None:
    row = next_customer.cost(ledger(months(elasticity))).loc["search"]
    assert row["low"] < elasticity < row["high"]
    assert row["marginal_low"] < row["cac"] / elasticity < row["marginal_high"]
    assert row["marginal_cac"] == pytest.approx(row["cac"] / row["elasticity"])


def test_the_true_elasticity_is_that_of_each_channel() -> None:
    columns = ["topic", "item", "group", "quantity", "value"]
    rows = [("acquisition", "search", "all", "elasticity", 0.7), ("channels", "x", "all", "revenue", 3.0)]
    assert next_customer.true_elasticity(pd.DataFrame(rows, columns=columns)).to_dict() == {"search": 0.7}


def test_an_elasticity_that_may_be_zero_has_no_upper_marginal_cost() -> None:
    row = next_customer.cost(ledger(months(0.0))).loc["search"]
    assert np.isnan(row["marginal_high"])


def test_a_channel_with_few_months_is_left_out_and_none_is_refused() -> None:
    short = months(1.0).head(11).assign(channel="new")
    assert list(next_customer.cost(ledger(pd.concat([months(1.0), short]))).index) == ["search"]
    with pytest.raises(NotEnoughData, match="12 periods"):
        next_customer.cost(ledger(short))


def test_without_bills_the_next_customer_s_cost_is_not_read_from_the_customers_own() -> None:
    with pytest.raises(MissingTable, match="marketing_costs"):
        next_customer.cost(acquisition.ledger(shop()))
