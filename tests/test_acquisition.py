from dataclasses import replace

import ibis
import numpy as np
import pandas as pd
import pytest

from clvlib import acquisition
from clvlib.dataset import Dataset, Economics
from clvlib.tables import MissingTable, NotEnoughData

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


def test_those_who_never_bought_are_paid_for_by_those_who_did() -> None:
    found = acquisition.returns(shop())
    assert found["cac"].to_dict() == pytest.approx({"cheap": 10 * 50 / 40, "dear": 40 * 50 / 40})
    assert found["customers"].to_list() == [40, 40]
    assert list(found.index) == ["cheap", "dear"]


def test_the_ratio_is_value_over_cost_and_dearer_customers_pay_back_later() -> None:
    found = acquisition.returns(shop())
    assert (found["clv_to_cac"] * found["cac"]).to_list() == pytest.approx(found["clv"].to_list())
    assert found.loc["dear", "clv"] == pytest.approx(found.loc["cheap", "clv"])
    assert found["payback_months"].to_dict() == {"cheap": 1, "dear": 4}  # 15 a month against 12.50 and 50


def test_a_channel_that_cost_nothing_has_no_ratio() -> None:
    base = shop()
    free = base.customers().reset_index().assign(acquisition_cost=0.0)
    table = ibis.duckdb.connect().create_table("free", free)
    found = acquisition.returns(replace(base, tables={**base.tables, "customers": table}))
    assert found[["cac", "clv_to_cac", "payback_months"]].isna().all().all()
    with pytest.raises(NotEnoughData, match="CLV : CAC"):
        acquisition.require_ratio(found["clv_to_cac"].dropna())


@pytest.mark.parametrize("column", ["acquisition_channel", "acquisition_cost"])
def test_a_missing_column_is_named(column: str) -> None:
    base = shop()
    tables = {**base.tables, "customers": base.table("customers").drop(column)}
    with pytest.raises(MissingTable, match=column):
        acquisition.returns(replace(base, tables=tables))


@pytest.mark.parametrize("elasticity", [0.4, 1.0])
def test_the_cost_of_the_next_customer_is_recovered(elasticity: float) -> None:
    row = acquisition.marginal(months(elasticity)).loc["search"]
    assert row["low"] < elasticity < row["high"]
    assert row["marginal_low"] < row["cac"] / elasticity < row["marginal_high"]
    assert row["marginal_cac"] == pytest.approx(row["cac"] / row["elasticity"])


def test_the_true_elasticity_is_that_of_each_channel() -> None:
    columns = ["topic", "item", "group", "quantity", "value"]
    rows = [("acquisition", "search", "all", "elasticity", 0.7), ("channels", "x", "all", "revenue", 3.0)]
    assert acquisition.truth(pd.DataFrame(rows, columns=columns)).to_dict() == {"search": 0.7}


def test_an_elasticity_that_may_be_zero_has_no_upper_marginal_cost() -> None:
    row = acquisition.marginal(months(0.0)).loc["search"]
    assert np.isnan(row["marginal_high"])


def test_a_channel_with_few_months_is_left_out_and_none_is_refused() -> None:
    short = months(1.0).head(11).assign(channel="new")
    assert list(acquisition.marginal(pd.concat([months(1.0), short])).index) == ["search"]
    with pytest.raises(NotEnoughData, match="12 periods"):
        acquisition.marginal(short)


def test_costs_that_are_negative_unknown_or_later_are_not_used() -> None:
    rows = months(1.0, 4)
    rows.loc[0, "cost"], rows.loc[1, "new_customers"] = -5.0, None
    rows.loc[2, "period"] = END + pd.Timedelta(days=1)
    assert len(acquisition.costs(shop(marketing_costs=rows))) == 1
    with pytest.raises(MissingTable, match="new_customers"):
        acquisition.costs(shop(marketing_costs=rows.drop(columns="new_customers")))
    with pytest.raises(MissingTable, match="marketing_costs"):
        acquisition.costs(shop())
