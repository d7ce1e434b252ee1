"""The formula put to the test on the past: what it promised half-way through the history, and what came since."""

import math

import pandas as pd

from clvlib import aggregate
from clvlib.dataset import Dataset
from clvlib.errors import NotEnoughData
from clvlib.language import message, phrase
from clvlib.stats import DAYS_PER_YEAR, differs
from clvlib.value.lifespan import METHODS, MIN_MONTHS, TAILS, Tail, monthly_orders, told

LATELY = 90  # days


def averages(then: pd.DataFrame, now: pd.DataFrame) -> pd.DataFrame:
    """Show how averages depend on who is averaged and on when: the same customers at two dates.

    `then`, `now`: rfm summaries in days; only customers known at `then` count. Indexed by group (everyone; came back by
    then; bought in the last 90 days by then): customers, orders_per_year (until then, over their years since the first
    purchase), spend_per_customer (until then), days_first_to_last_then, days_first_to_last_now (mean of recency), and
    spend_since (mean money per customer between the dates). Raises NotEnoughData when nobody had come back by `then`.

    >>> then = aggregate.rfm_summary(sample.transactions, "1997-12-31")
    >>> averages(then, rfm)[["customers", "orders_per_year", "spend_since"]].round(2)
                                customers  orders_per_year  spend_since
    group
    Everyone                         2349             2.68        18.25
    Came back at least once          1040             4.63        36.04
    Bought in the last 90 days        402             6.53        67.09
    """
    if not (then["frequency"] > 0).any():
        raise NotEnoughData(
            phrase(
                "None of the {n} customers known by the earlier date had come back: nothing to average.", n=len(then)
            ),
            "Give a longer history.",
        )
    now = now.reindex(then.index)
    groups = {
        message("Everyone"): then["T"] >= 0,
        message("Came back at least once"): then["frequency"] > 0,
        phrase("Bought in the last {days} days", days=LATELY): then["days_since_last_order"] <= LATELY,
    }
    rows = {}
    for name, members in groups.items():
        known, later = then[members], now[members]
        years = known["T"].sum() / DAYS_PER_YEAR
        rows[name] = {
            "customers": len(known),
            "orders_per_year": (known["frequency"] + 1).sum() / years if years > 0 else math.nan,
            "spend_per_customer": known["total_spend"].mean(),
            "days_first_to_last_then": known["recency"].mean(),
            "days_first_to_last_now": later["recency"].mean(),
            "spend_since": (later["total_spend"] - known["total_spend"]).mean(),
        }
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("group").astype({"customers": "int64"})


def continuation(ds: Dataset) -> Tail:
    """The tail that every page of a run goes on with (`best_tail`); "constant" where no test is possible.

    >>> continuation(sample)
    'rising'
    """
    try:
        split = half_way(ds.starts, ds.as_of)
        then, cohorts = aggregate.rfm_summary(ds.transactions, split), aggregate.cohorts(ds.transactions, ds.as_of)
        return best_tail(formula_test(cohorts, then, split), cohorts)
    except NotEnoughData:
        return "constant"


def half_way(starts: pd.Timestamp, as_of: pd.Timestamp) -> pd.Timestamp:
    """Give the last month's end before the middle of the observation: where the formula is put to the test.

    Raises NotEnoughData when that is before the first day.

    >>> half_way(pd.Timestamp("2024-01-01"), pd.Timestamp("2025-12-31"))
    Timestamp('2024-12-31 00:00:00')
    """
    middle = starts + (as_of - starts) / 2 + pd.Timedelta(days=1)
    split = pd.Timestamp(middle.normalize().replace(day=1) - pd.Timedelta(days=1))
    if split < starts:
        raise NotEnoughData(
            phrase(
                "The data cover {days} day(s): too few to look at the same customers at two dates.",
                days=(as_of - starts).days + 1,
            ),
            "Give a longer history.",
        )
    return split


def formula_test(cohorts: pd.DataFrame, then: pd.DataFrame, split: pd.Timestamp) -> pd.DataFrame:
    """Compute the formula on the months up to `split` and compare with what the same customers did next.

    `cohorts`: monthly, up to the last day observed. `then`: rfm summary at `split` (a month's end), in days. Indexed by
    method, all per customer known at `split` over the full months observed since: `orders` (for the two averages:
    repeats per day since the first purchase, gone on with), `revenue` (orders × order value until then),
    `actual_orders`, `actual_revenue`, `error` (revenue over actual, minus 1). Raises NotEnoughData.

    >>> split = half_way(sample.starts, sample.as_of)
    >>> then = aggregate.rfm_summary(sample.transactions, split)
    >>> cohorts = aggregate.cohorts(sample.transactions, sample.as_of)
    >>> formula_test(cohorts, then, split)[["orders", "actual_orders", "error"]].round(2)
                                          orders  actual_orders  error
    method
    Everyone goes on as so far              1.25            0.8   0.49
    Everyone is like those who came back    3.10            0.8   2.70
    Cohorts, constant retention             0.85            0.8   0.02
    Cohorts, rising retention               0.85            0.8   0.02
    """
    month = cohorts["cohort"].dt.year * 12 + cohorts["cohort"].dt.month - 1 + cohorts["age"]
    last = split.year * 12 + split.month - 1
    born = month - cohorts["age"]
    past = cohorts[month <= last]
    future = cohorts[(born <= last) & (month > last) & cohorts["complete"]]
    months = int(month[future.index].max()) - last if len(future) else 0
    if months < MIN_MONTHS or past.empty:
        raise NotEnoughData(
            phrase(
                "Only {months} full month(s) were observed after {day:%Y-%m-%d}: too few for a test.",
                months=months,
                day=split,
            ),
            phrase("It takes at least {least} months on both sides: give a longer history.", least=MIN_MONTHS),
        )
    sizes = past[past["age"] == 0].set_index(last - born[past.index][past["age"] == 0])["size"]
    customers = sizes.sum()
    value = past["revenue"].sum() / past["purchases"].sum()
    back = then[then["frequency"] > 0]
    rates = {
        message("Everyone goes on as so far"): then["frequency"].sum() / then["T"].sum(),
        message("Everyone is like those who came back"): back["frequency"].sum() / back["T"].sum()
        if len(back)
        else 0.0,
    }
    orders = {name: rate * DAYS_PER_YEAR / 12 * months for name, rate in rates.items()}
    for tail in TAILS:
        curve_on = monthly_orders(past, int(sizes.index.max()) + months + 1, tail)
        totals = [size * curve_on.iloc[age + 1 : age + 1 + months].sum() for age, size in sizes.items()]
        orders[METHODS[tail]] = sum(totals) / customers
    frame = pd.DataFrame({"orders": pd.Series(orders, dtype=float).rename_axis("method")})
    frame["revenue"] = frame["orders"] * value
    frame["actual_orders"] = future["purchases"].sum() / customers
    frame["actual_revenue"] = future["revenue"].sum() / customers
    actual = frame["actual_revenue"].where(frame["actual_revenue"] > 0)
    return frame.assign(error=frame["revenue"] / actual - 1)


def best_tail(tested: pd.DataFrame, cohorts: pd.DataFrame) -> Tail:
    """Give the tail whose revenue came nearest to the truth in `formula_test`.

    Where the cohorts tell a fall along one tail only (`told`), it is that one: the other can't be gone on with.

    >>> cohorts = aggregate.cohorts(sample.transactions, sample.as_of)
    >>> tested = pd.DataFrame({"revenue": [12.0, 9.0], "actual_revenue": 12.5}, index=list(METHODS.values()))
    >>> best_tail(tested, cohorts)  # "constant" is nearer, but no such fall is told
    'rising'
    """
    able = [tail for tail in TAILS if told(cohorts, tail)] or TAILS
    off = (tested["revenue"] - tested["actual_revenue"]).abs()
    return min(able, key=lambda tail: float(off[METHODS[tail]]))


def reason(tested: pd.DataFrame, tail: Tail, error: float) -> str:
    """Why `tail` is gone on with after `formula_test`, in words that follow "retention".

    error: standard error of the revenue per customer that came: within its noise no tail is nearer.

    >>> tested = pd.DataFrame({"revenue": [9.0, 12.0], "actual_revenue": 12.5}, index=list(METHODS.values()))
    >>> tested["error"] = tested["revenue"] / tested["actual_revenue"] - 1
    >>> reason(tested, "rising", error=0.2), reason(tested, "rising", error=2.0)
    ('comes nearest', 'is taken, though which comes nearer is within chance')
    """
    curves = tested.loc[list(METHODS.values())]
    if curves["error"].abs().idxmin() != METHODS[tail]:
        return message("is the one whose fall the months tell")
    if differs(curves["actual_revenue"].iloc[0] - curves["revenue"].mean(), error):
        return message("comes nearest")
    return message("is taken, though which comes nearer is within chance")
