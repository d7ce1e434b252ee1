"""One test and its customers' purchases → what each arm did: conversion, each lever, value realised, compared.

Customers count in the arm that they were assigned to, whether or not they noticed: all are in every mean. Value is the
contribution (amount − cost, or margin × amount), less the cost of serving orders. What comes after the days watched is
in `lasting`, apart: it can only be assumed. What the test itself cost (a voucher's face value is in the amounts, the
sending isn't) is not taken off.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from typing import Any

import ibis
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from clvlib import wording
from clvlib.aggregate import clock
from clvlib.causes import contrast, trial
from clvlib.causes.contrast import Contrast
from clvlib.causes.covariates import adjusted, expected, known_before, named_columns, numbers
from clvlib.causes.trial import Trial
from clvlib.dataset import Dataset, Economics
from clvlib.errors import CannotAnswer, MissingTable, NotEnoughData
from clvlib.language import message, phrase

METRICS = {  # column → words, unit
    "converted": (message("bought at all"), "points"),
    "bought_twice": (message("bought twice"), "points"),
    "retained": (message("bought in the second half"), "points"),
    "orders": (message("orders"), "number"),
    "order_value": (message("revenue per order"), "money"),
    "revenue": (message("revenue"), "money"),
    "contribution": (message("contribution"), "money"),
    "value": (message("value realised"), "money"),
    "late": (message("of it in the second half"), "money"),
}
KNOWN_BEFORE = ("acquisition_channel", "age_band", "region")  # as in the parameters of notebooks 06 and 06b


def outcomes(trial: Trial, clocked: ibis.Table, economics: Economics) -> pd.DataFrame:
    """One row per assigned customer (customer_id), nobody left out, for the days of the test's window.

    clocked: the transactions as `clock.on_one_clock` moves them, to the days of assignment.
    Columns: variant; converted, bought_twice, retained (0 or 1: bought, on two days, in the second half of the window);
    orders (purchase days); revenue, contribution, value (currency, see the module), late (value in the second half);
    unknown_costs (lines); first_day, second_day (days since assignment; NaN if never).

    >>> found = outcomes(test, clocked, sample.economics)
    >>> found.groupby("variant")[["converted", "orders", "revenue", "value"]].mean().round(2)
             converted  orders  revenue  value
    variant
    control       0.25     0.7    23.24   6.97
    mail          0.22     0.5    18.59   5.58
    """
    days = trial.window_days
    people = trial.customers.index
    bought = clock.purchases(clocked, days)
    by = bought.groupby("customer_id")["day"]
    orders = by.size().reindex(people, fill_value=0)
    second = -(-days // 2)
    money = clock.money_around(clocked, 0, days - 1, economics.margin).reindex(people, fill_value=0)
    later = clock.money_around(clocked, second, days - 1, economics.margin)["contribution"]
    often = bought[bought["day"] >= second].groupby("customer_id").size().reindex(people, fill_value=0)
    return pd.DataFrame(
        {
            "variant": trial.customers["variant"],
            "converted": (orders > 0).astype(int),
            "bought_twice": (orders > 1).astype(int),
            "retained": (often > 0).astype(int),
            "orders": orders,
            **money,
            "value": money["contribution"] - economics.service_cost_per_order * orders,
            "late": later.reindex(people, fill_value=0) - economics.service_cost_per_order * often,
            "first_day": by.first().reindex(people),
            "second_day": by.nth(1).set_axis(bought["customer_id"][by.nth(1).index]).reindex(people),
        },
        index=people,
    )


def not_used(ds: Dataset, names: Sequence[str]) -> list[str]:
    """What `names` lists and `known_before` leaves out: perhaps misspelt.

    >>> not_used(shop, ["region", "regoin"])
    ['regoin']
    """
    used = named_columns(ds.customers(), names) if ds.has("customers") else []
    return [name for name in dict.fromkeys(names) if name not in used]


def effects(outcomes: pd.DataFrame, trial: Trial, before: pd.DataFrame | None = None) -> pd.DataFrame:
    """Every variant against the control, on every metric.

    Returns a frame indexed by arm and metric (keys of METRICS): control, variant (means per assigned customer;
    order_value: revenue over orders), difference, low, high (95 %, see `contrast`, for all pairs of arms together, as
    in `arm_pairs`; order_value linearised by the delta method), p (by itself); with something known before, plain_low
    and plain_high keep that interval, and difference, low, high, p are adjusted by CUPED (Deng, Xu, Kohavi & Walker
    2013), the covariate being the outcome expected, by least squares on all that was known before. `saved`: share of
    the variance that this removes, less what as many columns of chance would seem to (the adjusted R²; below 0 where
    they did better); NaN where nothing was to adjust with. Money that nobody has, order_value with fewer than 10
    buyers in an arm, and measures that are not enough (see `contrast`) have no row. Raises NotEnoughData when nobody
    bought, or nothing is enough.

    >>> effects(done, test, before).loc["mail", ["difference", "plain_low", "low", "high", "saved"]].round(2)
                  difference  plain_low    low   high  saved
    metric
    converted           0.14       0.06   0.08   0.20   0.47
    bought_twice        0.14       0.04   0.08   0.19   0.71
    orders              0.49       0.27   0.42   0.56   0.90
    revenue            16.96      12.00  15.31  18.69   0.88
    value               2.95       1.62   2.54   3.39   0.90
    late                1.48       0.81   1.27   1.69   0.90
    """
    return _effects(outcomes, trial, before)[0]


def _effects(outcomes: pd.DataFrame, trial: Trial, before: pd.DataFrame | None) -> tuple[pd.DataFrame, pd.Series]:
    """`effects`, and why each measure without a row is not enough (arm, metric → words)."""
    both = [(trial.control, variant) for variant in trial.variants]
    found, untold = compare_arms(outcomes, both, before, trial.level)
    return found.droplevel("against"), untold.droplevel("against")


def arm_pairs(outcomes: pd.DataFrame, trial: Trial, metric: str, before: pd.DataFrame | None = None) -> pd.DataFrame:
    """All arms against each other on one metric, corrected for looking several times.

    Returns a frame indexed by arm and against: difference, p as `effects`; p_all (Bonferroni: p × rows, at most 1),
    low, high (Bonferroni too: all rows' intervals hold together in 95 %). So p_all is below 0.05 where, and only
    where, low and high leave 0 out. A pair that is not enough (see `contrast`) has no row; NotEnoughData when none is.

    >>> arm_pairs(done, test, "value").round(2)
                  difference   low  high    p  p_all
    arm  against
    mail control        2.91  1.62   4.2  0.0    0.0
    """
    both = list(combinations(trial.both, 2))
    found, _ = compare_arms(outcomes[["variant", metric]], both, before, trial.level)
    found = found.droplevel("metric")
    return found[["difference", "low", "high", "p"]].assign(p_all=(found["p"] * len(both)).clip(upper=1))


def best_arm(pairs: pd.DataFrame, trial: Trial) -> tuple[str, bool]:
    """The arm of the highest mean by `arm_pairs`, and whether it is shown to beat every other: no interval holds 0.

    An arm that is not enough to be compared with the control is not the best; NotEnoughData where all are.

    >>> best_arm(arm_pairs(done, test, "value"), test)
    ('mail', True)
    """
    told = pairs[pairs.index.get_level_values("against") == trial.control]
    if told.empty:
        raise NotEnoughData(
            phrase(
                "In the experiment {test!r} no variant has enough to be compared with the control.", test=trial.name
            ),
            "Wait for more customers; the table of measures says how many it takes.",
        )
    against = told["difference"].droplevel("against")
    best = str(against.idxmax()) if against.max() > 0 else trial.control
    its = pairs[[best in pair for pair in pairs.index]]
    if len(its) < len(trial.variants):
        return best, False
    first = its.index.get_level_values("arm") == best
    return best, bool(np.where(first, its["low"] > 0, its["high"] < 0).all())


def compare_arms(
    outcomes: pd.DataFrame, pairs: Sequence[tuple[str, str]], before: pd.DataFrame | None, level: float
) -> tuple[pd.DataFrame, pd.Series]:
    """`effects` of these pairs of arms (control, variant), each interval of this level, by arm, against and metric; and
    why others are not enough, by the same index. Raises NotEnoughData when nobody bought, or nothing is enough.

    >>> found, untold = compare_arms(done, [("control", "mail")], None, level=0.99)
    >>> found.loc[("mail", "control", "value"), ["difference", "low", "high"]].round(2).tolist()
    [2.91, 1.21, 4.61]
    """
    if not outcomes.drop(columns="variant").select_dtypes("number").any(axis=None):
        raise NotEnoughData(
            "Nobody of this experiment bought anything after assignment.", "Wait, or check the customers' ids."
        )
    names = [name for name in METRICS if name in outcomes]
    values = outcomes[names].astype(float)
    foretold, columns = expected(values, before)
    net = adjusted(values, foretold)
    by_chance = (len(outcomes) - 1) / (len(outcomes) - columns - 1)
    shares = [METRICS[name][1] == "points" for name in names]
    rows, untold = {}, {}
    for control, variant in pairs:
        sides = [outcomes["variant"] == arm for arm in (variant, control)]
        treated, left = (values[side].to_numpy() for side in sides)
        less = (net[sides[0]].to_numpy(), net[sides[1]].to_numpy())
        plain = contrast.contrasts(treated, left, shares=shares)
        told = contrast.contrasts(treated, left, less, shares) if columns else plain
        found = dict(zip(names, zip(plain, told, strict=True), strict=True))
        if "revenue" in found and "orders" in found:
            ratios = [_per_order(outcomes[side]) for side in sides]
            each = contrast.contrasts(ratios[0], ratios[1], counted=False)[0]
            buyers = min(int((outcomes.loc[side, "orders"] > 0).sum()) for side in sides)
            found["order_value"] = (each, each) if buyers >= contrast.FEW else (None, None)
        for metric in METRICS:
            one, best = found.get(metric, (None, None))
            if isinstance(best, NotEnoughData):
                untold[variant, control, metric] = str(best)
            if not isinstance(one, Contrast) or not isinstance(best, Contrast):
                continue
            low, high = best.interval(level)
            plain_low, plain_high = one.interval(level)
            adjusts = metric in foretold and best.counts is None
            rows[variant, control, metric] = {
                "control": one.control,
                "variant": one.treated,
                "difference": best.difference,
                "low": low,
                "high": high,
                "p": best.p,
                "plain_low": plain_low,
                "plain_high": plain_high,
                "saved": 1 - by_chance * (best.error / one.error) ** 2 if adjusts else np.nan,
            }
    if not rows:
        raise NotEnoughData("There is not enough to compare the arms.", " ".join(dict.fromkeys(untold.values())))
    names = ["arm", "against", "metric"]
    frame = pd.DataFrame.from_dict(rows, orient="index").rename_axis(names)
    why = pd.MultiIndex.from_tuples(untold, names=names) if untold else frame.index[:0]
    return frame, pd.Series(list(untold.values()), index=why, dtype=object)


def _per_order(arm: pd.DataFrame) -> NDArray[np.float64]:
    """One column whose mean is the arm's revenue per order, and whose spread is that of this ratio (delta method)."""
    revenue, orders = arm["revenue"].to_numpy(dtype=float), arm["orders"].to_numpy(dtype=float)
    ratio = revenue.sum() / orders.sum() if orders.sum() else 0.0
    return (ratio + (revenue - ratio * orders) / (orders.mean() or 1.0))[:, None]


def p_value(p: float) -> str:
    """A p-value for readers: "p = 0.027", "p < 0.001".

    >>> p_value(0.0274), p_value(0.00002)
    ('p = 0.027', 'p < 0.001')
    """
    return f"p = {wording.number(p, 3)}" if p >= 0.001 else f"p < {wording.number(0.001, 3)}"


_NO_ARM = pd.MultiIndex.from_arrays([[], []], names=["arm", "metric"])


@dataclass(frozen=True)
class Reading:
    """One test read: the trial, its purchases on one clock, `outcomes`, `known_before` and `effects`.

    untold: arm and metric → why it is not enough and has no row in `effects`.

    >>> reading.trial.both, round(float(reading.effects.loc[("mail", "value"), "difference"]), 2)
    (('control', 'mail'), 2.95)
    """

    trial: Trial
    clocked: ibis.Table
    outcomes: pd.DataFrame
    before: pd.DataFrame
    effects: pd.DataFrame
    untold: pd.Series = field(default_factory=lambda: pd.Series(dtype=object, index=_NO_ARM))


def read_experiments(
    tests: Mapping[str, Trial], ds: Dataset, known: Sequence[str] = ()
) -> tuple[dict[str, Reading], dict[str, str]]:
    """Read every test of a dataset. Returns the readings, and why the others can't be read.

    known: columns of customers that were known before assignment. Raises NotEnoughData when none can.

    >>> readings, refused = read_experiments({"spring": test}, sample)
    >>> readings["spring"].effects.loc["mail", ["control", "variant", "difference"]].head(2).round(2)
                  control  variant  difference
    metric
    converted        0.25     0.22        0.02
    bought_twice     0.12     0.10       -0.00
    """
    people = ds.customers() if ds.has("customers") else None
    found: dict[str, Reading] = {}
    refused: dict[str, str] = {}
    for name, test in tests.items():
        clocked = clock.on_one_clock(ds.transactions, test.customers["date"], ds.as_of)
        done = outcomes(test, clocked, ds.economics)
        before = known_before(test, clocked, ds.economics, people, known)
        try:
            found[name] = Reading(test, clocked, done, before, *_effects(done, test, before))
        except CannotAnswer as error:
            refused[name] = phrase("{name}: {why}", name=name, why=error)
    if not found:
        raise NotEnoughData("No experiment has anything to compare.", " ".join(refused.values()))
    return found, refused


def of_each(readings: Mapping[str, Reading], ask: Callable[[Reading], pd.DataFrame], refusal: str) -> pd.DataFrame:
    """What `ask` tells of every test that can answer, the test's name first in the index.

    Raises NotEnoughData with `refusal`, and why, when none can.

    >>> of_each({"spring": reading}, on_value, "No test tells value.")[["customers", "difference"]].round(2)
                 customers  difference
    test   arm
    spring mail        200        2.95
    """
    parts, why = {}, []
    for name, reading in readings.items():
        try:
            parts[name] = ask(reading)
        except NotEnoughData as error:
            why.append(str(error))
    if not parts:
        raise NotEnoughData(refusal, " ".join(why))
    return pd.concat(parts, names=["test"])


def on_value(reading: Reading) -> pd.DataFrame:
    """What each variant brought a customer assigned: the one figure of a test's effect on value, for every notebook.

    The rows of `arm_pairs` against the control on value realised, adjusted by what was known before. Returns a frame
    indexed by arm, best first: customers, difference, low, high (currency per customer; the intervals of all pairs of
    arms hold together in 95 %), days (of the window). Variants that are not enough are left out; NotEnoughData when
    all are.

    >>> on_value(reading).round(2)
          customers  difference   low  high  days
    arm
    mail        200        2.95  2.54  3.39   180
    """
    test = reading.trial
    compared = arm_pairs(reading.outcomes, test, "value", reading.before)
    against = compared[compared.index.get_level_values("against") == test.control].droplevel("against")
    if against.empty:
        why = " ".join(dict.fromkeys(reading.untold))
        raise NotEnoughData(
            phrase("In the experiment {test!r} no variant is enough to be judged on value.", test=test.name), why
        )
    told = [arm for arm in test.variants if arm in against.index]
    frame = against[["difference", "low", "high"]].loc[told].rename_axis("arm")
    frame.insert(0, "customers", test.arms["kept"].reindex(frame.index))
    frame["days"] = test.window_days
    return frame.sort_values("difference", ascending=False, kind="stable")


def measured(ds: Dataset, test: str, known: Sequence[str] = KNOWN_BEFORE, **asked: Any) -> pd.DataFrame:
    """`on_value` of one test of a dataset, read as notebook 06 reads it; `asked` as for `trial.prepare`.

    Raises MissingTable where the dataset has no such test, NotEnoughData for too few customers or purchases.

    >>> from dataclasses import replace
    >>> tests = ibis.memtable(test.customers.reset_index().assign(experiment="spring"))
    >>> measured(replace(sample, tables={**sample.tables, "experiments": tests}), "spring").round(2)
          customers  difference   low  high  days
    arm
    mail        200        3.39 -1.11  8.01   356
    """
    table = ds.table("experiments").to_pandas()
    if test not in (names := trial.names(table)):
        raise MissingTable(
            phrase("The table of experiments has no test {test!r}; it has {names}.", test=test, names=", ".join(names)),
            "Name one of these.",
        )
    found = trial.prepare(table, test, ds.starts, ds.as_of, **asked)
    return on_value(read_experiments({test: found}, ds, known=known)[0][test])


def variance_saved(reading: Reading) -> float:
    """What CUPED removes of the variance of value realised, mean of the variants; 0 when it can't.

    >>> round(variance_saved(reading), 2)
    0.9
    """
    mean = reading.effects["saved"].unstack("metric").reindex(columns=["value"])["value"].mean()
    return float(mean) if mean > 0 else 0.0


def most_telling(readings: Mapping[str, Reading]) -> tuple[str, pd.Series]:
    """The test, and the one number known of its customers before, that goes most with value realised.

    Returns the test's name and the column of `numbers`, by customer_id. Raises NotEnoughData when nothing known before
    goes with value in any test.

    >>> name, known = most_telling({"spring": reading})
    >>> name, known.name
    ('spring', 'orders_before')
    """
    found: dict[tuple[float, str], pd.Series] = {}
    for name, reading in readings.items():
        known = numbers(reading.before)
        fit = known.loc[:, known.nunique() > 1].corrwith(reading.outcomes["value"]).abs()
        found |= {(strength, name): known[column] for column, strength in fit.items() if strength > 0}
    if not found:
        raise NotEnoughData(
            "Nothing known of the customers before assignment goes with the value that they brought.",
            "Test on customers who have bought before, or name columns of customers in known_before.",
        )
    strength, name = max(found)
    return name, found[strength, name]


def arms_of_customers(readings: Mapping[str, Reading]) -> pd.DataFrame:
    """Per customer (customer_id): the arm of each test, and the value realised since (currency; NaN for all others).

    >>> arms_of_customers({"spring": reading}).iloc[[2, 3]]
                spring arm  spring value
    customer_id
    0003           control             6
    0004              mail             6
    """
    parts = {}
    for name, reading in readings.items():
        parts[f"{name} arm"] = reading.outcomes["variant"]
        parts[f"{name} value"] = reading.outcomes["value"]
    return pd.DataFrame(parts).rename_axis("customer_id")
