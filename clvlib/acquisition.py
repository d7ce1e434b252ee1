"""Customers' acquisition channels and marketing costs → what each channel costs, what its customers are worth, and what
the next customer would cost."""

import numpy as np
import pandas as pd
import statsmodels.api as sm
from scipy.stats import norm

from clvlib import aggregate
from clvlib.dataset import Dataset
from clvlib.formula import value_before_acquisition
from clvlib.lifespan import levers, lifespan, monthly_orders, order_curve
from clvlib.payback import payback_months
from clvlib.tables import MissingTable, NotEnoughData

FEWEST_MONTHS = 12
Z = float(norm.ppf(0.975))


def costs(ds: Dataset) -> pd.DataFrame:
    """Marketing costs by channel and period, as far as both the cost (above 0) and the customers won are known.

    Columns: channel, period (datetime64), cost (currency), new_customers. Raises MissingTable without the table or the
    column `new_customers`.
    """
    table = ds.table("marketing_costs")
    if "new_customers" not in table.columns:
        raise MissingTable(
            "The marketing costs have no column 'new_customers', so there is no cost per new customer.",
            "Add it: how many customers the channel won in the period.",
        )
    frame = table.to_pandas()[["channel", "period", "cost", "new_customers"]]
    usable = (frame["cost"] > 0) & frame["new_customers"].notna() & (frame["period"] <= ds.as_of)
    return frame[usable].sort_values(["channel", "period"], ignore_index=True)


def returns(ds: Dataset, horizon_years: int = 5) -> pd.DataFrame:
    """Set cost beside value by acquisition channel.

    Returns one row per channel, best CLV : CAC first: customers (who bought), spent (currency: the acquisition cost of
    everybody whom the channel brought, buyers or not), clv (currency per customer, before acquisition, as
    `formula.value_before_acquisition`), cac (spent / customers), clv_to_cac, payback_months. NaN where a channel cost
    nothing or has too few months or repeat orders. Raises MissingTable when customers have no acquisition channel or
    cost.
    """
    people = ds.customers()
    for column in ("acquisition_channel", "acquisition_cost"):
        if column not in people.columns:
            raise MissingTable(
                f"The customers table has no column {column!r}, so cost can't be set beside value by channel.",
                "Add the channel that won each customer (acquisition_channel) and what that cost (acquisition_cost).",
            )
    channel = people["acquisition_channel"].fillna(aggregate.UNKNOWN).astype(str)
    spent = people["acquisition_cost"].groupby(channel).sum(min_count=1)
    rows = {}
    for name, cohorts in aggregate.cohorts(ds.transactions, ds.as_of, by=channel).groupby("group"):
        customers = float(cohorts.loc[cohorts["age"] == 0, "size"].sum())
        row = {"customers": customers, "spent": float(spent.get(str(name), np.nan))}
        cac = row["spent"] / customers if row["spent"] > 0 else np.nan
        try:
            curve = order_curve(cohorts)
            chosen = levers(curve, lifespan(curve, horizon_years), ds.economics)
        except NotEnoughData:
            rows[name] = row | {"clv": np.nan, "cac": cac, "clv_to_cac": np.nan, "payback_months": np.nan}
            continue
        worth, orders = value_before_acquisition(chosen), monthly_orders(curve, 12 * horizon_years)
        months = payback_months(orders, chosen, cac) if cac > 0 else np.nan
        rows[name] = row | {"clv": worth, "cac": cac, "clv_to_cac": worth / cac, "payback_months": months}
    frame = pd.DataFrame.from_dict(rows, orient="index").rename_axis("acquisition_channel")
    return frame.astype({"customers": "int64"}).sort_values("clv_to_cac", ascending=False, kind="stable")


def require_ratio(ratio: pd.Series) -> None:
    """Raise NotEnoughData when no channel has a CLV : CAC."""
    if ratio.empty:
        raise NotEnoughData(
            "No channel has both a cost and enough repeat orders, so there is no CLV : CAC by channel.",
            "Add acquisition_cost to customers, or bring a longer history.",
        )


def marginal(spent: pd.DataFrame) -> pd.DataFrame:
    """Read from month to month what one more customer cost, beside the average.

    New customers of a month follow cost^elasticity (Poisson regression on the logarithm of cost with a trend, robust
    standard errors). Elasticity below 1 means that each further customer costs more than the last: marginal cost =
    average / elasticity. A description: months in which a channel got more money differ in other ways too.

    Returns one row per channel with 12 months or more: months, cac (currency, average), elasticity, low and high (its
    95 % interval), marginal_cac (currency), marginal_low, marginal_high (NaN where the interval holds no positive end).
    Raises NotEnoughData when no channel has 12 months.
    """
    rows = {}
    for channel, months in spent.groupby("channel"):
        if len(months) >= FEWEST_MONTHS and months["cost"].nunique() > 2 and months["new_customers"].sum() > 0:
            rows[str(channel)] = _elasticity(months)
    if not rows:
        raise NotEnoughData(
            f"No channel has {FEWEST_MONTHS} periods of cost with new customers.", "Bring a longer history of costs."
        )
    frame = pd.DataFrame.from_dict(rows, orient="index").rename_axis("channel")
    for name, bound in (("marginal_cac", "elasticity"), ("marginal_low", "high"), ("marginal_high", "low")):
        frame[name] = frame["cac"] / frame[bound].where(frame[bound] > 0)
    return frame.astype({"months": "int64"})


def _elasticity(months: pd.DataFrame) -> dict[str, float]:
    trend = (months["period"] - months["period"].min()) / pd.Timedelta(days=365.25)
    inputs = np.column_stack([np.ones(len(months)), np.log(months["cost"]), trend])
    found = sm.GLM(months["new_customers"].to_numpy(float), inputs, family=sm.families.Poisson()).fit(cov_type="HC1")
    slope, se = float(found.params[1]), float(found.bse[1])
    return {
        "months": len(months),
        "cac": float(months["cost"].sum() / months["new_customers"].sum()),
        "elasticity": slope,
        "low": slope - Z * se,
        "high": slope + Z * se,
    }


def truth(effects: pd.DataFrame) -> pd.Series:
    """Pick from the truth of a simulated shop the elasticity of each acquisition channel, by channel."""
    rows = effects[(effects["topic"] == "acquisition") & (effects["quantity"] == "elasticity")]
    return rows.set_index("item")["value"].rename("true")
