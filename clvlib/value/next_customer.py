"""Spend and new customers by channel and month → what the next customer costs, beside the average one."""

from statistics import NormalDist

import numpy as np
import pandas as pd

from clvlib.aggregate.acquisition import BILLS, Ledger
from clvlib.errors import MissingTable, NotEnoughData
from clvlib.language import phrase
from clvlib.stats import DAYS_PER_YEAR

FEWEST_MONTHS = 12
_Z = NormalDist().inv_cdf(0.975)


def cost(known: Ledger) -> pd.DataFrame:
    """Read from month to month what one more customer cost, beside the average.

    New customers of a month (those that the bills count, else first buyers) follow cost^elasticity (Poisson regression
    on the logarithm of cost with a trend, robust standard errors). Elasticity below 1 means that each further customer
    costs more than the last: marginal cost = average / elasticity. A description: months in which a channel got more
    money differ in other ways too.

    Returns one row per channel with 12 periods or more: months (periods with a cost), cac (currency, average: that of
    `Ledger.by_channel`), elasticity, low and high (its 95 % interval), marginal_cac (currency), marginal_low,
    marginal_high (NaN where the interval holds no positive end).
    Raises NotEnoughData when no channel has 12 of them, MissingTable without bills.

    >>> bills = pd.DataFrame({"channel": "search", "period": pd.date_range("2024-01-01", periods=12, freq="MS")})
    >>> bills = bills.assign(cost=[400.0, 900.0, 1600.0] * 4, new_customers=[21.0, 29.0, 41.0] * 4, billed=True)
    >>> cost(Ledger(BILLS, 1, bills))[["months", "cac", "elasticity", "marginal_cac"]].round(2)
             months    cac  elasticity  marginal_cac
    channel
    search       12  31.87        0.49         65.33
    """
    if known.source != BILLS:
        raise MissingTable(
            "Nothing says what was spent on a channel in a month, so that the next customer's cost can't be read.",
            "Add the table marketing_costs (channel, period, cost).",
        )
    rows, spent = {}, known.known[known.known["billed"] & (known.known["cost"] > 0)]
    for channel, months in spent.groupby("channel"):
        if len(months) >= FEWEST_MONTHS and months["cost"].nunique() > 2 and months["new_customers"].sum() > 0:
            rows[str(channel)] = _elasticity(months)
    if not rows:
        raise NotEnoughData(
            phrase("No channel has {least} periods of cost with new customers.", least=FEWEST_MONTHS),
            "Bring a longer history of costs.",
        )
    frame = pd.DataFrame.from_dict(rows, orient="index").rename_axis("channel")
    frame.insert(1, "cac", known.by_channel()["cac"].reindex(frame.index))
    for name, bound in (("marginal_cac", "elasticity"), ("marginal_low", "high"), ("marginal_high", "low")):
        frame[name] = frame["cac"] / frame[bound].where(frame[bound] > 0)
    return frame.astype({"months": "int64"})


def _elasticity(months: pd.DataFrame) -> dict[str, float]:
    import statsmodels.api as sm  # slow to import

    trend = (months["period"] - months["period"].min()) / pd.Timedelta(days=DAYS_PER_YEAR)
    inputs = np.column_stack([np.ones(len(months)), np.log(months["cost"]), trend])
    stated = months.get("stated", months["new_customers"])  # signed up in the month, so nearer to its cost in time
    won = months["new_customers"] if stated.isna().any() else stated
    found = sm.GLM(won.to_numpy(float), inputs, family=sm.families.Poisson()).fit(cov_type="HC1")
    slope, se = float(found.params[1]), float(found.bse[1])
    return {"months": len(months), "elasticity": slope, "low": slope - _Z * se, "high": slope + _Z * se}


def true_elasticity(effects: pd.DataFrame) -> pd.Series:
    """Pick from the truth of a simulated shop the elasticity of each acquisition channel, by channel.

    >>> round(float(true_elasticity(shop.truth("effects"))["search"]), 2)
    0.74
    """
    rows = effects[(effects["topic"] == "acquisition") & (effects["quantity"] == "elasticity")]
    return rows.set_index("item")["value"].rename("true")
