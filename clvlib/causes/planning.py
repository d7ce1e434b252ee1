"""How noisy a measure is → how many customers a test needs and how long it takes, on conversion and on CLV.

Values of single customers differ far more than yes or no does, and have to be waited for: both make a test on CLV long.
The plan says how long, before the test starts.
"""

import ibis
import numpy as np
import pandas as pd
from scipy.stats import norm

from clvlib import aggregate
from clvlib.aggregate import clock
from clvlib.causes.contrast import LEVEL
from clvlib.dataset import Economics
from clvlib.errors import NotEnoughData, UsageError
from clvlib.language import message, phrase

_WINDOWS = (30, 90, 180, 365)
_CALLED = {  # a measure and its window → the column of `by_lift`
    ("buys again", 30): message("buys again, 30 days"),
    ("buys again", 90): message("buys again, 90 days"),
    ("buys again", 180): message("buys again, 180 days"),
    ("buys again", 365): message("buys again, 365 days"),
    ("value", 30): message("value, 30 days"),
    ("value", 90): message("value, 90 days"),
    ("value", 180): message("value, 180 days"),
    ("value", 365): message("value, 365 days"),
}
LIFTS = (0.1, 0.15, 0.2, 0.3)
FEWEST_WATCHED = 100  # customers from whom a standard deviation of heavy-tailed amounts can be read
_POWER = 0.8


def newcomers(transactions: ibis.Table, as_of: pd.Timestamp, economics: Economics) -> pd.DataFrame:
    """What new customers did in the first days after their first purchase, that day included.

    Returns one row per customer who was watched for the longest of _WINDOWS that at least 100 customers were watched
    for: first_purchase, and for each window that is not longer again_30 … (0 or 1: bought on a second day) and
    value_30 … (currency: contribution less the cost of serving orders). Raises NotEnoughData.

    >>> people = newcomers(sample.transactions, pd.Timestamp("1997-04-30"), sample.economics)
    >>> people[["again_30", "value_30", "again_90", "value_90"]].mean().round(2).to_dict()
    {'again_30': 0.17, 'value_30': 12.61, 'again_90': 0.3, 'value_90': 16.23}
    """
    first = aggregate.rfm_summary(transactions, as_of)["first_purchase"]
    seen = (as_of - first).dt.days + 1
    windows = [days for days in _WINDOWS if (seen >= days).sum() >= FEWEST_WATCHED]
    if not windows:
        raise NotEnoughData(
            phrase(
                "Fewer than {least} customers were watched for {days} days after their first purchase.",
                least=FEWEST_WATCHED,
                days=_WINDOWS[0],
            ),
            "How noisy customers are can't be told from so few: bring more of them, or a longer history.",
        )
    first = first[seen >= windows[-1]]
    clocked = clock.on_one_clock(transactions, first, as_of)
    frame = pd.DataFrame({"first_purchase": first})
    for days in windows:
        orders = clock.purchases(clocked, days).groupby("customer_id").size().reindex(first.index, fill_value=0)
        money = clock.money_around(clocked, 0, days - 1, economics.margin)["contribution"]
        frame[f"again_{days}"] = (orders > 1).astype(int)
        frame[f"value_{days}"] = money.reindex(first.index, fill_value=0.0) - economics.service_cost_per_order * orders
    return frame


def arrivals(transactions: ibis.Table, as_of: pd.Timestamp) -> float:
    """New customers a day, in the last year in which any came (or as long as there are data).

    >>> round(arrivals(sample.transactions, sample.as_of), 1)
    28.0
    """
    first = aggregate.rfm_summary(transactions, as_of)["first_purchase"]
    last = first.max()
    recent = first[first > last - pd.Timedelta(days=365)]
    return len(recent) / ((last - recent.min()).days + 1)


def per_arm(sd: float, difference: float, power: float = _POWER) -> float:
    """Customers needed in each of two equal arms: 2 (z_{1−α/2} + z_power)² sd² / difference², α = 5 %.

    >>> round(per_arm(sd=40, difference=5))
    1005
    """
    return 2 * (_detectable(power, LEVEL) * sd / difference) ** 2


def _detectable(power: float, level: float) -> float:
    """Standard errors of a difference that a test at this level shows in a share `power` of its runs."""
    return float(norm.ppf((1 + level) / 2) + norm.ppf(power))


def plan_sizes(people: pd.DataFrame, per_day: float, lift: float = 0.1) -> pd.DataFrame:
    """What it takes to show a relative lift, on each measure of `newcomers`.

    per_day: new customers who enter the test a day, both arms together. Returns a frame indexed by measure ("buys
    again", "value") and window (days): mean, noise (standard deviation over mean), per_arm (customers), days_to_enrol,
    days_in_all (to enrol, then to wait for the last one's window); NaN where the lift would lead above 100 %. A measure
    whose mean isn't above 0 is left out. Raises NotEnoughData when that is the value of the longest window; UsageError.

    >>> people = pd.DataFrame({"again_30": [0, 0, 0, 1] * 50, "value_30": [5.0, 8.0, 12.0, 40.0] * 50})
    >>> plan_sizes(people, per_day=20, lift=0.1).round(2)
                        mean  noise  per_arm  days_to_enrol  days_in_all
    measure    window
    buys again 30       0.25   1.74   4733.0          474.0        504.0
    value      30      16.25   0.86   1161.0          117.0        147.0
    """
    if not 0 < lift < np.inf:
        raise UsageError(phrase("lift is {lift}.", lift=lift), "Give a share above 0, as 0.1 for 10 %.")
    rows = {}
    for name in [str(column) for column in people if column != "first_purchase"]:
        kind, days = name.split("_")
        mean, sd = float(people[name].mean()), float(people[name].std())
        if mean <= 0 or sd == 0:
            continue
        possible = kind == "value" or mean * (1 + lift) <= 1
        needed = float(np.ceil(per_arm(sd, lift * mean))) if possible else np.nan
        enrol = float(np.ceil(2 * needed / per_day)) if possible else np.nan
        measure = {"again": message("buys again"), "value": message("value")}[kind]
        rows[measure, int(days)] = (mean, sd / mean, needed, enrol, enrol + int(days))
    if ("value", int(str(people.columns[-1]).split("_")[1])) not in rows:
        raise NotEnoughData("New customers bring nothing on average.", "There is no lift of nothing: check the margin.")
    columns = ["mean", "noise", "per_arm", "days_to_enrol", "days_in_all"]
    frame = pd.DataFrame.from_dict(rows, orient="index", columns=columns)
    return frame.set_axis(pd.MultiIndex.from_tuples(rows, names=["measure", "window"])).sort_index()


def by_lift(people: pd.DataFrame) -> pd.DataFrame:
    """Customers per arm by lift (rows: LIFTS), for buying again and for value in the shortest and longest window.

    NaN where the lift would lead above 100 %; a measure for which all do is left out.

    >>> by_lift(pd.DataFrame({"again_30": [0, 0, 0, 1] * 50, "value_30": [5.0, 8.0, 12.0, 40.0] * 50}))
          buys again, 30 days  value, 30 days
    lift
    0.10               4733.0          1161.0
    0.15               2104.0           516.0
    0.20               1184.0           291.0
    0.30                526.0           129.0
    """
    windows = [int(name.split("_")[1]) for name in map(str, people) if name.startswith("value_")]
    ends = sorted({windows[0], windows[-1]})
    tables = {lift: plan_sizes(people, 1.0, lift)["per_arm"] for lift in LIFTS}
    chosen = [(kind, days) for kind in ("buys again", "value") for days in ends]
    rows = {lift: needed.reindex(chosen) for lift, needed in tables.items()}
    frame = pd.DataFrame(rows).T.rename_axis("lift")
    return frame.set_axis([_CALLED[each] for each in chosen], axis=1).dropna(axis=1, how="all")


def what_it_could_show(effects: pd.DataFrame, level: float) -> pd.DataFrame:
    """What a finished test could have shown, from `experiments.effects` with intervals of this level (`Trial.level`).

    By arm and metric: control, shown (the difference that it shows in 80 % of its runs) and lift (shown over
    control; NaN if that isn't above 0).

    >>> found = pd.DataFrame({"control": [20.0], "low": [-1.0], "high": [5.0]}, index=["mail"])
    >>> what_it_could_show(found, level=0.95).round(2)
          control  shown  lift
    mail     20.0   4.29  0.21
    """
    error = (effects["high"] - effects["low"]) / 2 / norm.ppf((1 + level) / 2)
    shown = _detectable(_POWER, level) * error
    frame = pd.DataFrame({"control": effects["control"], "shown": shown})
    return frame.assign(lift=(shown / effects["control"]).where(effects["control"] > 0))
