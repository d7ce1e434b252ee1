"""All tables → the figures of a customer dashboard, one by one: definition, quoted benchmark, how it is measured.

Every figure is measured at ends of months (`dates`), with what was known by then: retention over two windows
(`window_days`), what is counted by period over the months since the date before. The forecast part of CLV uses what was
learned for today at all dates: one yardstick, so that the trend is the customers' and not the forecast's. Money is
margin: revenue × margin; in what came so far (`contribution_of_window`, not in payback) amount − cost where orders say
their cost.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy.stats import chi2_contingency, norm

from clvlib import aggregate
from clvlib.aggregate import journeys
from clvlib.errors import NotEnoughData
from clvlib.language import message, phrase
from clvlib.stats import DAYS_PER_MONTH, LEAST
from clvlib.value.lifespan import historic_value

if TYPE_CHECKING:
    import ibis

    from clvlib.dataset import Dataset

WINDOWS = {365: 3, 182: 3, 91: 1, 30: 1}  # days of a retention window: months from one date of the trend to the next
LOYAL_AFTER = 3  # days; also in the words of KPIS
PROMOTER, DETRACTOR = 9, 6
_LEVEL = 0.95


@dataclass(frozen=True)
class Kpi:
    """A figure of the dashboard: unit (money, percent, number, count), what it is, what is quoted of it, the caveat.

    benchmark: the quoted value that a picture can show as a line, if there is one.

    >>> KPIS["payback"].title, KPIS["payback"].benchmark
    ('Payback in months', 12.0)
    """

    title: str
    unit: str
    definition: str
    quoted: str
    caveat: str
    benchmark: float | None = None


KPIS = {
    "customers": Kpi(
        "Active customers",
        "count",
        "customers who bought in the window",
        "none: it is the size of your base",
        "says nothing of how long they have been with you",
    ),
    "new_customers": Kpi(
        "New customers",
        "count",
        "customers whose first purchase falls into the period",
        message("none"),
        "in the first months of a data file old customers look new",
    ),
    "spend": Kpi(
        "Spend to win customers",
        "money",
        "marketing costs of the period, all channels together",
        message("none"),
        "unknown where one bill of the period is missing",
    ),
    "clv": Kpi(
        "CLV of active customers",
        "money",
        "margin expected from here on within the horizon, discounted; mean of the customers who bought in the window",
        "none that travels between trades",
        "looks ahead only: what was earned or spent before is not in it",
    ),
    "retention": Kpi(
        message("Retention"),
        "percent",
        "of the customers who bought in one window, the share who bought again in the next one",
        "about 80% for strong firms",
        "quoted without saying which trade, which window, contract or not",
        0.80,
    ),
    "churn": Kpi(
        "Churn a month",
        "percent",
        "the same loss as a constant monthly rate: 1 − retention^(1 / months of the window)",
        "2 to 8% a period, target under 5%",
        "the period is not said; subscriptions mean a month. In a shop churn is a definition, not an event",
        0.05,
    ),
    "nps": Kpi(
        "NPS",
        "number",
        "% who answer 9–10 less % who answer 0–6; latest answer of each customer in the period",
        "% promoters − % detractors, no level quoted",
        "only those who were asked and answered; small samples swing widely, hence the interval",
    ),
    "cac": Kpi(
        "CAC",
        "money",
        "spend of the period / its new customers, those who came by themselves included",
        "acquisition spend / new customers, no level quoted",
        "a mean: the next customer won usually costs more than the last",
    ),
    "clv_to_cac": Kpi(
        "CLV : CAC",
        "number",
        "of the period's new customers: contribution so far + CLV from here on, over their CAC",
        "3 is the usual rule of thumb",
        "a rule of software investors; says nothing about how long the money is away",
        3.0,
    ),
    "payback": Kpi(
        "Payback in months",
        "number",
        "months until customers won a window before the date had brought back their CAC (margin less serving, keeping)",
        "within 12 months is the usual rule of thumb",
        "undiscounted; no value where the window was too short to bring it back",
        12.0,
    ),
    "loyal_share": Kpi(
        "Revenue from loyal customers",
        "percent",
        "share of the period's revenue from customers who had bought on 3 days or more before",
        "keeping a customer is said to be about five times cheaper than winning one",
        "rises by itself in the first years of a shop (or of a data file)",
    ),
}


def window_days(starts: pd.Timestamp, as_of: pd.Timestamp) -> int:
    """The longest window (365, 182, 91 or 30 days) of which the history holds two and a step of the trend.

    Raises NotEnoughData when not even two of 30 days fit.

    >>> window_days(pd.Timestamp("2023-07-01"), pd.Timestamp("2024-12-31"))
    182
    """
    history = (as_of - starts).days + 1
    for days, months in WINDOWS.items():
        if history >= 2 * days + months * DAYS_PER_MONTH or (days == 30 and history >= 60):
            return days
    raise NotEnoughData(
        phrase("{days} day(s) of history hold no two windows to compare.", days=history),
        "Bring at least 60 days; two years are better.",
    )


def dates(starts: pd.Timestamp, as_of: pd.Timestamp, window: int) -> pd.DatetimeIndex:
    """The ends of months at which the trend is measured: the last complete month by `as_of`, and steps back from it.

    The first one leaves at least one step of history before it.

    >>> dates(pd.Timestamp("2023-07-01"), pd.Timestamp("2024-08-15"), window=182).strftime("%Y-%m-%d").tolist()
    ['2023-10-31', '2024-01-31', '2024-04-30', '2024-07-31']
    """
    last = as_of if as_of.is_month_end else as_of - pd.offsets.MonthEnd(1)
    step = WINDOWS[window]
    months = max(int(((last - starts).days + 1) // DAYS_PER_MONTH), 1)
    ends = [last - pd.offsets.MonthEnd(step * k) for k in range(max(months // step, 1))]
    return pd.DatetimeIndex(ends[::-1], name="until")


def retention(transactions: "ibis.Table", at: pd.DatetimeIndex, window: int, starts: pd.Timestamp) -> pd.DataFrame:
    """Retention at each date: of the buyers of the window before the last, the share who bought in the last.

    Indexed by date: customers (buyers of the first window), retention, churn (a month); NaN where the history does not
    hold both windows.

    >>> at = pd.DatetimeIndex(["1998-03-31", "1998-06-30"])
    >>> retention(sample.transactions, at, 182, sample.starts).round(3)
                customers  retention  churn
    until
    1998-03-31        725      0.531  0.100
    1998-06-30        612      0.521  0.103
    """
    rows = {}
    for day in at:
        if (day - starts).days + 1 < 2 * window:
            rows[day] = (0, np.nan)
            continue
        back = bought_again(transactions, day, window)
        rows[day] = (len(back), back.mean() if len(back) else np.nan)
    frame = pd.DataFrame.from_dict(rows, orient="index", columns=["customers", "retention"]).rename_axis("until")
    return frame.assign(churn=monthly_churn(frame["retention"], window))


def bought_again(transactions: "ibis.Table", day: pd.Timestamp, window: int) -> pd.Series:
    """By buyer of the window before the last: did they buy (bool) in the last one too, which ends on `day`?

    Both windows as known on `day`: a purchase of the first that was sent back in the second made nobody a buyer.

    >>> round(float(bought_again(sample.transactions, sample.as_of, 182).mean()), 2)
    0.52
    """
    middle = day - pd.Timedelta(days=window)
    both = aggregate.holdout(transactions, middle - pd.Timedelta(days=window), day)["purchases"]
    last = aggregate.holdout(transactions, middle, day)["purchases"].reindex(both.index).fillna(0)
    return (last[both > last] > 0).rename("bought_again")


def monthly_churn(retention: pd.Series, window: int) -> pd.Series:
    """The constant monthly loss that leaves the same share after `window` days.

    >>> monthly_churn(pd.Series([0.8, 0.5]), window=365).round(3).tolist()
    [0.018, 0.056]
    """
    return 1 - retention ** (DAYS_PER_MONTH / window)


def nps(scores: pd.Series) -> pd.Series:
    """Net Promoter Score of `scores` (0 to 10), in points from −100 to 100: answers, nps, low, high.

    Interval: 95 %, adjusted Wald with three answers added, shared out like 1 : 2 : 1 (Rocks 2016, The American
    Statistician 70), which holds its level in small samples too. NaN without an answer.

    >>> nps(pd.Series([10, 9, 9, 8, 7, 3])).round(1).to_dict()
    {'answers': 6.0, 'nps': 33.3, 'low': -26.7, 'high': 71.2}
    """
    n = len(scores)
    up, down = float((scores >= PROMOTER).sum()), float((scores <= DETRACTOR).sum())
    if n == 0:
        return pd.Series({"answers": 0.0, "nps": np.nan, "low": np.nan, "high": np.nan})
    p, d, total = (up + 0.75) / (n + 3), (down + 0.75) / (n + 3), n + 3
    reach = norm.ppf((1 + _LEVEL) / 2) * np.sqrt((p + d - (p - d) ** 2) / total)
    low, high = max(p - d - reach, -1.0), min(p - d + reach, 1.0)
    return pd.Series({"answers": float(n), "nps": 100 * (up - down) / n, "low": 100 * low, "high": 100 * high})


def latest(answers: pd.DataFrame, since: pd.Timestamp, until: pd.Timestamp) -> pd.Series:
    """The latest score (of equally late ones, the lowest) of who answered after `since` and by `until`, by customer_id.

    >>> answers = pd.DataFrame({"customer_id": ["Ann", "Bob", "Ann"], "score": [4, 9, 8]})
    >>> answers["date"] = pd.to_datetime(["2024-01-10", "2024-02-01", "2024-03-05"])
    >>> latest(answers, pd.Timestamp("2023-12-31"), pd.Timestamp("2024-03-31")).to_dict()
    {'Ann': 8, 'Bob': 9}
    """
    inside = answers[(answers["date"] > since) & (answers["date"] <= until)]
    inside = inside.sort_values(["date", "score"], ascending=[True, False])
    return inside.drop_duplicates("customer_id", keep="last").set_index("customer_id")["score"].sort_index()


def contribution_of_window(ds: "Dataset", rfm: pd.DataFrame, as_of: pd.Timestamp) -> pd.Series:
    """What each customer has left by `as_of` (currency): margin of the goods, less serving orders and keeping.

    >>> contribution_of_window(sample, rfm, sample.as_of).head(2).round(2).to_dict()
    {'0001': 30.15, '0002': 22.53}
    """
    brought = aggregate.brought(ds.transactions, as_of, ds.economics.margin)
    return historic_value(rfm, ds.economics, brought).rename("contribution")


def lifetime_value(ds: "Dataset", rfm: pd.DataFrame, as_of: pd.Timestamp, clv: pd.Series) -> pd.DataFrame:
    """By customer of `rfm`, in currency: so_far (`contribution_of_window`), ahead (forecast `clv`) and their sum.

    >>> lifetime_value(sample, rfm, sample.as_of, rfm["monetary_value"] / 10).loc["0002"].round(1).to_dict()
    {'so_far': 22.5, 'ahead': 1.2, 'lifetime_value': 23.7}
    """
    so_far, ahead = contribution_of_window(ds, rfm, as_of), clv.reindex(rfm.index)
    return pd.DataFrame({"so_far": so_far, "ahead": ahead, "lifetime_value": so_far + ahead})


def months_until(day: pd.Timestamp, count: int) -> pd.DatetimeIndex:
    """First days of the `count` months that end on `day`.

    >>> months_until(pd.Timestamp("2024-06-30"), 3).strftime("%Y-%m-%d").tolist()
    ['2024-04-01', '2024-05-01', '2024-06-01']
    """
    return pd.date_range(end=day.replace(day=1), periods=count, freq="MS")


def nps_change(ds: "Dataset", day: pd.Timestamp, months: int) -> dict[str, float]:
    """NPS of the `months` up to `day` and of those a year before: nps, low, high, answers, the same with `_before`, z.

    z: the difference in standard errors. Raises MissingTable without surveys, NotEnoughData below 5 answers.

    >>> found = nps_change(shop, shop.as_of, months=3)
    >>> {name: round(found[name], 2) for name in ("nps", "low", "high", "nps_before", "z")}
    {'nps': 16.9, 'low': 8.1, 'high': 25.35, 'nps_before': 16.62, 'z': 0.05}
    """
    said = journeys.survey_answers(ds.table("surveys"), ds.as_of)
    found: dict[str, float] = {}
    for suffix, end in (("", day), ("_before", day - pd.DateOffset(years=1) + pd.offsets.MonthEnd(0))):
        score = nps(latest(said, months_until(end, months)[0] - pd.Timedelta(days=1), end))
        if score["answers"] < LEAST:
            raise NotEnoughData(
                phrase(
                    "Only {n} customers answered in the {months} month(s) until {day:%Y-%m-%d}.",
                    n=int(score["answers"]),
                    months=months,
                    day=end,
                ),
                phrase("It takes {least} to give a score.", least=LEAST),
            )
        found |= {f"{name}{suffix}": float(value) for name, value in score.items()}
    widths = (found[f"high{suffix}"] - found[f"low{suffix}"] for suffix in ("", "_before"))
    return found | {"z": in_errors(found["nps"] - found["nps_before"], *widths)}


def in_errors(change: float, width: float, width_before: float) -> float:
    """A change in its standard errors, from the widths of the 95 % intervals of the two figures.

    >>> round(in_errors(10, width=16, width_before=12), 2)  # 10 points up, known to ± 8 and ± 6
    1.96
    """
    return change * 2 * float(norm.ppf((1 + _LEVEL) / 2)) / float(np.hypot(width, width_before))


def retention_differs(ds: "Dataset", groups: pd.Series, window: int) -> float:
    """Chance of retentions as different as those of the groups if all kept alike (chi-square test of independence).

    Groups of fewer than 5 buyers are left out. Raises NotEnoughData when fewer than two groups are left, or all
    customers did the same.

    >>> month = rfm["first_purchase"].dt.month_name()  # of the sample's three months of new customers
    >>> round(retention_differs(sample, month, 182), 2)
    0.48
    """
    return chance_of_difference(groups, bought_again(ds.transactions, ds.as_of, window))


def chance_of_difference(groups: pd.Series, done: pd.Series) -> float:
    """Chance of shares of `done` (customer_id → bool) as different as the groups' if all were alike.

    groups: customer_id → name. Test, and errors raised, as `retention_differs`.

    >>> groups = pd.Series(["search"] * 20 + ["social"] * 20)
    >>> done = pd.Series([True] * 15 + [False] * 5 + [True] * 8 + [False] * 12)
    >>> round(chance_of_difference(groups, done), 2)
    0.05
    """
    counts = pd.crosstab(aggregate.group_names(groups, done.index), done)
    counts = counts[counts.sum(axis=1) >= LEAST]
    counts = counts.loc[:, counts.sum() > 0]
    if min(counts.shape) < 2:
        raise NotEnoughData("There are no two groups of 5 customers to compare.", "Choose another segment.")
    return float(chi2_contingency(counts).pvalue)


def definitions() -> pd.DataFrame:
    """KPIS as a table, indexed by figure: definition, quoted (in the literature), with_care (why not to lean on it).

    >>> definitions().loc["CAC", "quoted"]
    'acquisition spend / new customers, no level quoted'
    """
    rows = {kpi.title: (kpi.definition, kpi.quoted, kpi.caveat) for kpi in KPIS.values()}
    frame = pd.DataFrame.from_dict(rows, orient="index", columns=["definition", "quoted", "with_care"])
    return frame.rename_axis("figure")
