"""The figures of `kpis` put together: over time, beside a year before, and by segment."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from clvlib import aggregate, wording
from clvlib.aggregate import acquisition, journeys
from clvlib.errors import CannotAnswer, NotEnoughData
from clvlib.language import phrase, translated
from clvlib.models.outlook import Ahead
from clvlib.models.scoring import factors
from clvlib.show.plots import Panel
from clvlib.stats import BEYOND, LEAST
from clvlib.value import kpis
from clvlib.value.equity import VALUED
from clvlib.value.kpis import KPIS, LOYAL_AFTER, WINDOWS
from clvlib.value.payback import observed_contribution, payback_months

if TYPE_CHECKING:
    import ibis

    from clvlib.dataset import Dataset

_MONTHS = {365: 12, 182: 6, 91: 3, 30: 1}  # days of a window: full months in which a cost can have come back
LEAST_CHANGE = 0.01
_LARGE = 0.5  # a change by more than this share of what was is named with its size


def trend(ds: "Dataset", ahead: Ahead, window: int) -> pd.DataFrame:
    """The dashboard over time: one row per date, one column per figure of KPIS that the dataset can tell.

    Units as in KPIS: money in currency, shares of 1, nps in points. Also nps_low, nps_high.
    NaN where a figure can't be told at a date: also what is counted over a window or a period of which the history
    doesn't hold the beginning, unless that is so at every date. CLV is the mean of the active customers, of VALUED
    of them, drawn by a hash, where there are more. ahead: what is foreseen today.

    >>> seen = trend(sample, foreseen, window=182)
    >>> seen[["customers", "clv", "retention"]].tail(2).round({"clv": 1, "retention": 2})
                customers   clv  retention
    until
    1998-03-31      592.0  33.2       0.53
    1998-06-30      515.0  32.7       0.52
    """
    at = kpis.dates(ds.starts, ds.as_of, window)
    step = WINDOWS[window]
    frame = kpis.retention(ds.transactions, at, window, ds.starts)[["retention", "churn"]]
    months = aggregate.loyal_revenue(ds.transactions, at[-1], LOYAL_AFTER)
    last = {day: kpis.months_until(day, step) for day in at}
    in_window = {day: months[months.index.isin(last[day])].sum() for day in at}
    frame["loyal_share"] = [s["loyal"] / s["revenue"] if s["revenue"] > 0 else np.nan for s in in_window.values()]
    frame["clv"], frame["customers"] = np.nan, 0
    won, clv = {}, {}
    for day in at:  # one after the other: all that is known of everybody on all days may be too large for the memory
        rfm = aggregate.rfm_summary(ds.transactions, day)
        won[day] = rfm[rfm["first_purchase"] >= last[day][0]]
        active = rfm.index[rfm["days_since_last_order"] < window]
        if len(rfm):
            some, unit = _some(ds.transactions, rfm, active)
            features = aggregate.features(some, day, ahead.window.days)
            clv[day] = factors(ahead, ds.economics, features, unit)["clv"]
        frame.loc[day, "customers"] = len(active)
        if len(active):
            frame.loc[day, "clv"] = clv[day].reindex(active).mean()
    if ds.has("surveys"):
        said = journeys.survey_answers(ds.table("surveys"), ds.as_of)
        scores = {day: kpis.latest(said, last[day][0] - pd.Timedelta(days=1), day) for day in at}
        frame = frame.join(_nps(scores).drop(columns="answers"))
    first = aggregate.rfm_summary(ds.transactions, ds.as_of)["first_purchase"]
    frame["new_customers"] = [float(first.between(months[0], day).sum()) for day, months in last.items()]
    begins = {("customers", "clv"): [day - pd.Timedelta(days=window - 1) for day in at]}
    begins["new_customers", "loyal_share"] = [months[0] for months in last.values()]
    for names, days in begins.items():
        whole = pd.DatetimeIndex(days) >= ds.starts
        if whole.any():
            frame = frame.assign(**{name: frame[name].where(whole) for name in names})
    try:
        spent = acquisition.ledger(ds)
    except CannotAnswer:
        return frame
    return frame.join(_acquisition(ds, spent, first, won, window, clv))


def _some(transactions: "ibis.Table", rfm: pd.DataFrame, active: pd.Index) -> tuple["ibis.Table", float | None]:
    """The rows of all customers; of more than VALUED, those of so many active ones, and the mean purchase of all."""
    if len(rfm) <= VALUED:
        return transactions, None
    some = aggregate.some_of(active if len(active) else rfm.index, VALUED)
    orders = rfm["frequency"] + 1
    unit = float((rfm["mean_order_value"] * orders).sum() / orders.sum())
    return aggregate.of_customers(transactions, some), unit


def _nps(scores: Mapping[Any, pd.Series]) -> pd.DataFrame:
    """By key: answers, and nps, nps_low, nps_high where there are enough of them."""
    found = pd.DataFrame(
        {key: kpis.nps(given) for key, given in scores.items()}, index=["answers", "nps", "low", "high"]
    )
    points = found.T.rename(columns={"low": "nps_low", "high": "nps_high"})
    return points.where(points["answers"] >= LEAST).assign(answers=points["answers"])


def _acquisition(
    ds: "Dataset",
    paid: acquisition.Ledger,
    first: pd.Series,
    won: dict[pd.Timestamp, pd.DataFrame],
    window: int,
    clv: dict[pd.Timestamp, pd.Series],
) -> pd.DataFrame:
    """Spend, cac and clv_to_cac of a date's period, and payback of who was won a window before it.

    first: first purchases as known today (one refunded in full later is none); won: the summary of who was won in a
    date's period; money is what was known on the date.
    """
    rows = {}
    for day, newcomers in won.items():
        months = kpis.months_until(day, WINDOWS[window])
        spent = paid.spent(months)
        row = dict.fromkeys(("spend", "cac", "clv_to_cac", "payback"), np.nan) | {"spend": spent}
        customers = first.between(months[0], day).sum()
        if spent > 0 and customers and len(newcomers):
            row["cac"] = spent / customers
            worth = kpis.lifetime_value(ds, newcomers, day, clv[day])["lifetime_value"].mean()
            row["clv_to_cac"] = worth / row["cac"]
        before = day - pd.DateOffset(months=_MONTHS[window]) + pd.offsets.MonthEnd(0)
        earlier = kpis.months_until(before, WINDOWS[window])
        cohorts = aggregate.cohorts(ds.transactions, day)
        then = cohorts[cohorts["cohort"].isin(earlier)]
        customers, spent = first.between(earlier[0], before).sum(), paid.spent(earlier)
        if spent > 0 and customers and len(then):
            gained = observed_contribution(then, ds.economics).iloc[: _MONTHS[window]]
            row["payback"] = payback_months(gained, spent / customers)
        rows[day] = row
    return pd.DataFrame.from_dict(rows, orient="index")


def board(trend: pd.DataFrame) -> pd.DataFrame:
    """Latest value of each figure, the one a year before (or the first known) and the change, indexed by figure.

    Columns: now, at (date: the latest with a value), before, before_at (date), change (now − before), z (the change in
    its standard errors where the trend has an interval, as for NPS; else NaN). Figures without any value are left out.
    Raises NotEnoughData when none has one.

    >>> seen = pd.DataFrame({"customers": [400.0, 700.0]}, index=pd.to_datetime(["2023-12-31", "2024-12-31"]))
    >>> board(seen)[["now", "before", "change"]]
                 now  before  change
    figure
    customers  700.0   400.0   300.0
    """
    rows = {}
    for name in KPIS:
        known = trend[name].dropna() if name in trend else pd.Series(dtype=float)
        if known.empty:
            continue
        year_ago = known.index[-1] - pd.DateOffset(years=1) + pd.offsets.MonthEnd(0)
        place = max(int(known.index.searchsorted(year_ago, side="right")) - 1, 0)
        change, ends = known.iloc[-1] - known.iloc[place], known.index[[-1, place]]
        band = {f"{name}_low", f"{name}_high"} <= set(trend)
        widths = (trend[f"{name}_high"] - trend[f"{name}_low"]).loc[ends] if band else None
        z = np.nan if widths is None else kpis.in_errors(change, *widths)
        rows[name] = (known.iloc[-1], ends[0], known.iloc[place], ends[1], change, z)
    if not rows:
        raise NotEnoughData(
            "No figure of the dashboard has a value at the end of any month.", "Bring a longer history."
        )
    columns = ["now", "at", "before", "before_at", "change", "z"]
    return pd.DataFrame.from_dict(rows, orient="index", columns=columns).rename_axis("figure")


def latest_figure(figures: pd.DataFrame, name: str) -> float:
    """The latest value of one figure of `board`. Raises NotEnoughData when it has none.

    >>> seen = pd.DataFrame({"customers": [400.0, 700.0]}, index=pd.to_datetime(["2023-12-31", "2024-12-31"]))
    >>> latest_figure(board(seen), "customers")
    700.0
    """
    if name not in figures.index:
        what = phrase("{figure} has no value at the end of any month.", figure=translated(KPIS[name].title))
        raise NotEnoughData(what, "Bring a longer history.")
    return float(figures["now"][name])


def kpi_panels() -> list[Panel]:
    """The dashboard's small pictures, for `show.panels` on a `trend`.

    >>> [panel.title for panel in kpi_panels()][:3]
    ['Active customers', 'New customers', 'Spend to win customers']
    """
    return [
        Panel(name, kpi.title, kpi.unit, kpi.benchmark, *(("nps_low", "nps_high") if name == "nps" else ("", "")))
        for name, kpi in KPIS.items()
    ]


def written(figures: pd.DataFrame) -> pd.DataFrame:
    """`board` as texts, each figure in its unit, indexed by its title.

    Columns: latest, latest_on, earlier, earlier_on, quoted.

    >>> seen = pd.DataFrame({"retention": [0.412, 0.405]}, index=pd.to_datetime(["2023-12-31", "2024-12-31"]))
    >>> written(board(seen))[["latest", "latest_on", "earlier"]]
              latest     latest_on earlier
    figure
    Retention  40.5%  Dec 31, 2024   41.2%
    """
    rows = {}
    for name, row in figures.iterrows():
        kpi = KPIS[str(name)]
        write = wording.writer("number.1" if kpi.unit == "number" else kpi.unit)
        ends = (("now", "at"), ("before", "before_at"))
        texts = [text for value, day in ends for text in (write(row[value]), wording.date(row[day]))]
        rows[kpi.title] = (*texts, kpi.quoted)
    columns = ["latest", "latest_on", "earlier", "earlier_on", "quoted"]
    return pd.DataFrame.from_dict(rows, orient="index", columns=columns).rename_axis("figure")


def finding(figures: pd.DataFrame) -> dict[str, list[str]]:
    """Which figures of `board` moved: the titles of those that went "up" and "down"; below 1 % of change is neither.

    Most can't be tested for chance, so that nothing is called better or worse; where there is a test (`z`, and the
    noise of Poisson for counts), only a change beyond chance counts. A change of a count or of money by more than half
    is given its size. Revenue from loyal customers is left out: it rises by itself.

    >>> figures = {"customers": [400.0, 700.0], "retention": [0.41, 0.36]}
    >>> finding(board(pd.DataFrame(figures, index=pd.to_datetime(["2023-12-31", "2024-12-31"]))))
    {'up': ['Active customers (75%)'], 'down': ['Retention']}
    """
    small = figures["change"].abs() <= LEAST_CHANGE * figures["before"].abs()
    known = figures[~_by_chance(figures) & ~small].drop(index="loyal_share", errors="ignore")
    ways = {"up": known[known["change"] > 0], "down": known[known["change"] < 0]}
    return {way: [_moved(str(name), row) for name, row in some.iterrows()] for way, some in ways.items()}


def _by_chance(figures: pd.DataFrame) -> pd.Series:
    counts = [name for name in figures.index if KPIS[str(name)].unit == "count"]
    noise = (figures.loc[counts, "now"] + figures.loc[counts, "before"]) ** 0.5
    return figures["z"].fillna(figures["change"] / noise).abs() <= BEYOND


def _moved(name: str, row: pd.Series) -> str:
    share = row["change"] / row["before"] if row["before"] > 0 and KPIS[name].unit in ("count", "money") else np.nan
    title = translated(KPIS[name].title)
    return f"{title} ({wording.percent(share)})" if abs(share) > _LARGE else title


def split(ds: "Dataset", groups: pd.Series, values: pd.DataFrame, rfm: pd.DataFrame, window: int) -> pd.DataFrame:
    """The dashboard by group (customer_id → name), at the as-of date; one row per group, by name.

    values: `lifetime_value` of all customers of `rfm`. Columns: customers (who ever bought), active (bought in the
    last window), clv (ahead, mean of the active), retention, churn, loyal_share (of the last window); where the data
    have them answers, nps, nps_low, nps_high (last window). Of all customers so far and not of a period, so that they
    aren't the dashboard's: cac_ever (mean of `acquisition.by_customer`; NaN where nothing was spent), clv_to_cac_ever,
    payback_ever (months). Each is NaN where it rests on fewer than 5.

    >>> values = kpis.lifetime_value(sample, rfm, sample.as_of, factors(foreseen, sample.economics)["clv"])
    >>> parts = split(sample, rfm["first_purchase"].dt.month_name(), values, rfm, 182)
    >>> parts[["customers", "active", "clv", "retention"]].round({"clv": 1, "retention": 2})
              customers  active   clv  retention
    group
    February        854     189  37.4       0.56
    January         777     157  28.6       0.50
    March           718     169  31.3       0.50
    """
    of = partial(aggregate.group_names, groups)
    member = of(rfm.index)
    active = rfm["days_since_last_order"] < window
    frame = pd.DataFrame({"customers": member.value_counts(), "active": active.groupby(member).sum()})
    frame["clv"] = values["ahead"][active].groupby(member[active]).mean().where(frame["active"] >= LEAST)
    if (ds.as_of - ds.starts).days + 1 >= 2 * window:
        back = kpis.bought_again(ds.transactions, ds.as_of, window)
        kept = back.groupby(of(back.index))
        frame["retention"] = kept.mean().where(kept.size() >= LEAST)
        frame["churn"] = kpis.monthly_churn(frame["retention"].astype(float), window)
    frame["loyal_share"] = _loyal_by_group(ds, of, window).where(frame["active"] >= LEAST)
    if ds.has("surveys"):
        answers = journeys.survey_answers(ds.table("surveys"), ds.as_of)
        scores = kpis.latest(answers, ds.as_of - pd.Timedelta(days=window), ds.as_of)
        frame = frame.join(_nps(dict(iter(scores.groupby(of(scores.index))))))
        frame["answers"] = frame["answers"].fillna(0.0)
    try:
        cost = acquisition.by_customer(ds)
    except CannotAnswer:
        return frame.rename_axis("group").sort_index()
    costs = cost.groupby(of(cost.index))
    enough = (costs.count().reindex(frame.index) >= LEAST) & (frame["customers"] >= LEAST)
    paid = costs.mean().reindex(frame.index)
    frame["cac_ever"] = paid.where(enough & (paid > 0))
    worth = values["lifetime_value"].groupby(member).mean()
    frame["clv_to_cac_ever"] = worth / frame["cac_ever"]
    cohorts = aggregate.cohorts(ds.transactions, ds.as_of, by=groups)
    parts = {name: _first_year(cohorts[cohorts["group"] == name]) for name in frame.index}
    frame["payback_ever"] = [
        payback_months(observed_contribution(parts[name], ds.economics), cac) if cac > 0 else np.nan
        for name, cac in frame["cac_ever"].items()
    ]
    return frame.rename_axis("group").sort_index()


def _first_year(cohorts: pd.DataFrame) -> pd.DataFrame:
    """Cohorts of which a year was seen, if there are any: young ones would cut the common age short."""
    old = cohorts.groupby("cohort")["complete"].transform("sum") >= 12
    return cohorts[old] if old.any() else cohorts


def _loyal_by_group(ds: "Dataset", of: Callable[[pd.Index], pd.Series], window: int) -> pd.Series:
    until = aggregate.loyal_revenue(ds.transactions, ds.as_of, LOYAL_AFTER, "customer_id")
    before = aggregate.loyal_revenue(ds.transactions, ds.as_of - pd.Timedelta(days=window), LOYAL_AFTER, "customer_id")
    recent = until - before.reindex(until.index).fillna(0.0)
    sums = recent.groupby(of(recent.index)).sum()
    return (sums["loyal"] / sums["revenue"]).where(sums["revenue"] > 0)
