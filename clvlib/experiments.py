"""One test and its customers' purchases → what each arm did: conversion, each lever, value realised and CLV, compared.

Customers count in the arm that they were assigned to, whether or not they noticed: all are in every mean. Value is the
contribution (amount − cost, or margin × amount), less the cost of serving orders. CLV is the value realised in the
window after assignment plus the forecast of `scoring` for the horizon after it. What the test itself cost (a voucher's
face value is in the amounts, the sending isn't) is not taken off.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import combinations
from typing import Any

import ibis
import numpy as np
import pandas as pd
import tea_tasting as tt
from numpy.typing import NDArray
from scipy.stats import norm

from clvlib import aggregate, assigned, scoring, trial, wording
from clvlib.dataset import Dataset, Economics
from clvlib.forecast import GammaGamma, PurchaseModel
from clvlib.tables import TABLES, CannotAnswer, MissingTable, NotEnoughData
from clvlib.trial import Trial

YEAR = 365
LEVEL = 0.95
METRICS = {  # column → words, unit
    "converted": ("bought at all", "points"),
    "bought_twice": ("bought twice", "points"),
    "retained": ("bought in the second half", "points"),
    "orders": ("orders", "number"),
    "order_value": ("revenue per order", "money"),
    "revenue": ("revenue", "money"),
    "contribution": ("contribution", "money"),
    "value": ("value realised", "money"),
    "forecast": ("value forecast", "money"),
    "clv": ("CLV", "money"),
}
KNOWN_BEFORE = "acquisition_channel, age_band, region"  # as in the parameters of notebooks 06 and 06b
_MOST_LEVELS = 12


def clock(trial: Trial, transactions: ibis.Table, as_of: pd.Timestamp) -> ibis.Table:
    """Transactions of the test's customers on the clock of `assigned`."""
    return assigned.on_one_clock(transactions, trial.customers["date"], as_of)


def outcomes(
    trial: Trial, clocked: ibis.Table, economics: Economics, models: tuple[PurchaseModel, GammaGamma] | None = None
) -> pd.DataFrame:
    """One row per assigned customer (customer_id), nobody left out, for the days of the test's window.

    Columns: variant; converted, bought_twice, retained (0 or 1: bought, on two days, in the second half of the window);
    orders (purchase days); revenue, contribution, value (currency, see the module); unknown_costs (lines);
    first_day, second_day (days since assignment; NaN if never). With `models` (in days) also forecast and clv: what the
    models expect for the horizon after the window, 0 for who hasn't bought.
    """
    days = trial.window_days
    people = trial.customers.index
    bought = assigned.purchases(clocked, days)
    by = bought.groupby("customer_id")["day"]
    orders = by.size().reindex(people, fill_value=0)
    money = assigned.money(clocked, 0, days - 1, economics.margin).reindex(people, fill_value=0)
    late = bought.loc[bought["day"] >= days / 2, "customer_id"].unique()
    frame = pd.DataFrame(
        {
            "variant": trial.customers["variant"],
            "converted": (orders > 0).astype(int),
            "bought_twice": (orders > 1).astype(int),
            "retained": people.isin(late).astype(int),
            "orders": orders,
            **money,
            "value": money["contribution"] - economics.service_cost_per_order * orders,
            "first_day": by.first().reindex(people),
            "second_day": by.nth(1).set_axis(bought["customer_id"][by.nth(1).index]).reindex(people),
        },
        index=people,
    )
    if models is None:
        return frame
    rfm = aggregate.rfm_summary(clocked, assigned.day(days - 1))
    expected = scoring.score(rfm, *models, economics)["clv"].reindex(people, fill_value=0.0)
    return frame.assign(forecast=expected, clv=frame["value"] + expected)


def known_before(
    trial: Trial, clocked: ibis.Table, economics: Economics, customers: pd.DataFrame | None = None, names: str = ""
) -> pd.DataFrame:
    """What was known of each customer before assignment, one row each (customer_id).

    orders_before (purchase days ever), value_before (currency, 365 days), silent_days (since the last purchase; NaN if
    never), channel_before (where they spent most, with a column channel), and those columns of `customers` that `names`
    lists (commas between): numbers where all are numbers, else text. Columns that are the same for all are left
    out; so is all that rests on a date where the test has none.
    """
    people = trial.customers.index
    frame = pd.DataFrame(index=people)
    if trial.dated:
        rfm = aggregate.rfm_summary(clocked, assigned.day(-1))
        money = assigned.money(clocked, -YEAR, -1, economics.margin)
        frame["orders_before"] = (rfm["frequency"] + 1).reindex(people, fill_value=0)
        frame["value_before"] = money["contribution"].reindex(people, fill_value=0.0)
        frame["silent_days"] = rfm["days_since_last_order"].reindex(people)
        if "channel" in clocked.columns:
            frame["channel_before"] = aggregate.main_value(clocked, "channel", assigned.day(-1)).reindex(people)
    for name in attributes(customers, names):
        text = customers[name].reindex(people)  # type: ignore[index]
        number = pd.to_numeric(text, errors="coerce")
        frame[name] = number if number.notna().sum() == text.notna().sum() else text
    return frame.loc[:, frame.nunique(dropna=False) > 1]


def attributes(customers: pd.DataFrame | None, names: str) -> list[str]:
    """Those columns of `customers` that `names` lists; nothing that is only known later."""
    later = {column.name for column in TABLES["customers"]} - {"acquisition_channel"}
    return [name for name in _split(names) if customers is not None and name in customers and name not in later]


def not_used(ds: Dataset, names: str) -> list[str]:
    """What `names` lists and `attributes` leaves out: perhaps misspelt."""
    used = attributes(ds.customers() if ds.has("customers") else None, names)
    return [name for name in _split(names) if name not in used]


def _split(names: str) -> list[str]:
    return [name.strip() for name in names.split(",") if name.strip()]


def numbers(before: pd.DataFrame) -> pd.DataFrame:
    """What was known before as numbers without gaps: medians with a 0/1 column for a gap, 0/1 columns for texts."""
    parts: list[pd.Series] = []
    for name, column in before.items():
        if pd.api.types.is_numeric_dtype(column):
            parts.append(column.fillna(column.median()).astype(float))
            if column.isna().any():
                parts.append(column.isna().astype(float).rename(f"no {name}"))
        elif column.nunique() <= _MOST_LEVELS:
            levels = sorted(column.dropna().unique())
            parts += [(column == level).astype(float).rename(f"{name} {level}") for level in levels[1:]]
    return pd.concat(parts, axis=1) if parts else pd.DataFrame(index=before.index)


def effects(outcomes: pd.DataFrame, trial: Trial, before: pd.DataFrame | None = None) -> pd.DataFrame:
    """Every variant against the control, on every metric.

    Returns a frame indexed by arm and metric (keys of METRICS): control, variant (means per assigned customer;
    order_value: revenue over orders), difference, low, high (95 %, Welch; delta method for order_value), p; with
    something known before, plain_low and plain_high keep that interval, and difference, low, high, p are adjusted by
    CUPED (Deng, Xu, Kohavi & Walker 2013), the covariate being the outcome expected, by least squares on all that was
    known before. `saved`: share of the variance that this removes, less what as many columns of chance would seem to
    (the adjusted R²; below 0 where they did better); NaN where nothing was to adjust with.
    """
    pairs = [(trial.control, variant) for variant in trial.variants]
    return _compare(outcomes, pairs, before).droplevel("against")


def pairs(outcomes: pd.DataFrame, trial: Trial, metric: str, before: pd.DataFrame | None = None) -> pd.DataFrame:
    """All arms against each other on one metric, corrected for looking several times.

    Returns a frame indexed by arm and against: difference, p as `effects`; p_holm (Holm 1979: the chance of even
    one false alarm among all rows stays below the level at which it is compared), low, high (Bonferroni: all rows'
    intervals hold together in 95 %).
    """
    found = _compare(outcomes[["variant", metric]], list(combinations(trial.both, 2)), before).droplevel("metric")
    wider = norm.ppf(1 - (1 - LEVEL) / 2 / len(found)) / norm.ppf((1 + LEVEL) / 2)
    reach = (found["high"] - found["low"]) / 2 * wider
    return pd.DataFrame(
        {
            "difference": found["difference"],
            "low": found["difference"] - reach,
            "high": found["difference"] + reach,
            "p": found["p"],
            "p_holm": holm(found["p"].to_numpy()),
        }
    )


def holm(p: NDArray[np.float64]) -> NDArray[np.float64]:
    """Holm's (1979) adjusted p-values, in the order given: the smallest × n, the next × (n − 1) …, never falling."""
    order = np.argsort(p, kind="stable")
    adjusted = np.empty(len(p))
    adjusted[order] = np.maximum.accumulate(p[order] * np.arange(len(p), 0, -1)).clip(max=1)
    return adjusted


def best_arm(pairs: pd.DataFrame, trial: Trial) -> tuple[str, bool]:
    """The arm of the highest mean by `pairs`, and whether it is shown to beat every other (p_holm below 0.05)."""
    against = pairs.xs(trial.control, level="against")["difference"]
    best = str(against.idxmax()) if against.max() > 0 else trial.control
    its = pairs[[best in pair for pair in pairs.index]]
    ahead = (its["difference"] > 0) == (its.index.get_level_values("arm") == best)
    return best, bool(ahead.all() and (its["p_holm"] < 1 - LEVEL).all())


def _compare(outcomes: pd.DataFrame, pairs: Sequence[tuple[str, str]], before: pd.DataFrame | None) -> pd.DataFrame:
    expected, columns = _expected(outcomes, before)
    data = outcomes.join(expected.add_prefix("expected_"))
    rows = {}
    by_chance = (len(data) - 1) / (len(data) - columns - 1)
    for control, variant in pairs:
        two = data[data["variant"].isin([control, variant])]
        metrics = _metrics(two, [str(name) for name in expected])
        if not metrics:
            continue
        result = tt.Experiment(metrics).analyze(two, control=control)
        for metric in [name for name in METRICS if name in metrics]:
            plain, adjusted = result[metric], result.get(f"{metric} adjusted")
            best = adjusted or plain
            rows[variant, control, metric] = {
                "control": plain.control,
                "variant": plain.treatment,
                "difference": best.effect_size,
                "low": best.effect_size_ci_lower,
                "high": best.effect_size_ci_upper,
                "p": best.pvalue,
                "plain_low": plain.effect_size_ci_lower,
                "plain_high": plain.effect_size_ci_upper,
                "saved": 1 - by_chance * (_width(adjusted) / _width(plain)) ** 2 if adjusted else np.nan,
            }
    if not rows:
        raise NotEnoughData(
            "Nobody of this experiment bought anything after assignment.", "Wait, or check the customers' ids."
        )
    frame = pd.DataFrame.from_dict(rows, orient="index")
    return frame.set_axis(pd.MultiIndex.from_tuples(rows, names=["arm", "against", "metric"]))


def _width(result: tt.metrics.MetricResult) -> float:
    return result.effect_size_ci_upper - result.effect_size_ci_lower


def _metrics(two: pd.DataFrame, expected: list[str]) -> dict[str, tt.metrics.MetricBase]:
    metrics: dict[str, tt.metrics.MetricBase] = {}
    for name in METRICS:
        if name == "order_value":
            buyers = two["orders"].gt(0).groupby(two["variant"]).sum() if "orders" in two else pd.Series([0])
            if buyers.min() > 1 and two["revenue"].nunique() > 2:
                metrics[name] = tt.RatioOfMeans("revenue", "orders")
        elif name in two and two[name].nunique() > 1:
            metrics[name] = tt.Mean(name)
            if name in expected:
                metrics[f"{name} adjusted"] = tt.Mean(name, f"expected_{name}")
    return metrics


def _expected(outcomes: pd.DataFrame, before: pd.DataFrame | None) -> tuple[pd.DataFrame, int]:
    """Each outcome as what was known before foretells it, all arms together, and from how many columns.

    No column when nothing was known.
    """
    known = numbers(before).reindex(outcomes.index) if before is not None else pd.DataFrame(index=outcomes.index)
    wanted = [name for name in METRICS if name in outcomes]
    if known.shape[1] == 0 or 10 * known.shape[1] > len(known):
        return pd.DataFrame(index=outcomes.index), 0
    scale = known.std().replace(0, 1)
    inputs = np.column_stack([np.ones(len(known)), (known - known.mean()) / scale])
    targets = outcomes[wanted].to_numpy(dtype=float)
    slopes, _, rank, _ = np.linalg.lstsq(inputs, targets, rcond=1e-8)
    found = pd.DataFrame(inputs @ slopes, index=outcomes.index, columns=wanted)
    spread, missed = outcomes[wanted].std(), (outcomes[wanted] - found).std()
    told = (found.std() > 1e-9 * spread) & (missed > 1e-6 * spread)  # told perfectly: nothing is left
    return found.loc[:, told], int(rank) - 1


def in_words(found: pd.DataFrame) -> pd.DataFrame:
    """`effects` for readers, all as text, each in its unit: control, variant, difference, 95 % interval, change.

    `variant` is control + difference, adjusted where the difference is, so that each row adds up.
    """
    rows = []
    for row in found.reset_index().to_dict("records"):
        arm, metric = str(row["arm"]), str(row["metric"])
        words, unit = METRICS[metric]
        variant = row["control"] + row["difference"]
        digits = 2 if max(abs(row["control"]), abs(variant)) >= 0.1 else 4
        number = partial(wording.number, digits=digits)
        writers: dict[str, Callable[[float], str]] = {
            "points": wording.percent,
            "money": wording.money,
            "number": number,
        }
        write = writers[unit]
        change = _points if unit == "points" else write
        interval = f"{_signed(change, row['low'])} to {_signed(change, row['high'])}"
        shown = "up" if row["low"] > 0 else "down" if row["high"] < 0 else "not shown"
        rows.append((arm, words, write(row["control"]), write(variant), _signed(change, row["difference"])))
        rows[-1] += (interval, shown)  # type: ignore[assignment]
    columns = ["arm", "measure", "control", "variant", "difference", "95 % interval", "change"]
    return pd.DataFrame(rows, columns=columns).set_index(["arm", "measure"])


def p_value(p: float) -> str:
    """A p-value for readers: "p = 0.027", "p < 0.001"."""
    return f"p = {wording.number(p, 3)}" if p >= 0.001 else f"p < {wording.number(0.001, 3)}"


def _points(share: float) -> str:
    return f"{wording.number(100 * share, 1)} pts"


def _signed(write: Callable[[float], str], value: float) -> str:
    return f"{'+' if value > 0 else ''}{write(value)}"


@dataclass(frozen=True)
class Reading:
    """One test read: the trial, its purchases on one clock, `outcomes`, `known_before` and `effects`."""

    trial: Trial
    clocked: ibis.Table
    outcomes: pd.DataFrame
    before: pd.DataFrame
    effects: pd.DataFrame


def read_all(
    tests: Mapping[str, Trial],
    ds: Dataset,
    models: tuple[PurchaseModel, GammaGamma] | None = None,
    known: str = "",
) -> tuple[dict[str, Reading], dict[str, str]]:
    """Read every test of a dataset. Returns the readings, and why the others can't be read.

    known: columns of customers that were known before assignment, commas between. Raises NotEnoughData when none can.
    """
    people = ds.customers() if ds.has("customers") else None
    found: dict[str, Reading] = {}
    refused: dict[str, str] = {}
    for name, test in tests.items():
        clocked = clock(test, ds.transactions, ds.as_of)
        done = outcomes(test, clocked, ds.economics, models)
        before = known_before(test, clocked, ds.economics, people, known)
        try:
            found[name] = Reading(test, clocked, done, before, effects(done, test, before))
        except CannotAnswer as error:
            refused[name] = f"{name}: {error}"
    if not found:
        raise NotEnoughData("No experiment has anything to compare.", " ".join(refused.values()))
    return found, refused


def on_value(reading: Reading) -> pd.DataFrame:
    """What each variant brought a customer assigned: the one figure of a test's effect on value, for every notebook.

    The rows of `pairs` against the control on value realised, adjusted by what was known before. Returns a frame
    indexed by arm, best first: customers, difference, low, high (currency per customer; the intervals of all pairs of
    arms hold together in 95 %), days (of the window).
    """
    test = reading.trial
    compared = pairs(reading.outcomes, test, "value", reading.before).xs(test.control, level="against")
    frame = pd.DataFrame(compared)[["difference", "low", "high"]].reindex(list(test.variants)).rename_axis("arm")
    frame.insert(0, "customers", test.arms["kept"].reindex(frame.index))
    frame["days"] = test.window_days
    return frame.sort_values("difference", ascending=False, kind="stable")


def measured(ds: Dataset, test: str, known: str = KNOWN_BEFORE, **asked: Any) -> pd.DataFrame:
    """`on_value` of one test of a dataset, read as notebook 06 reads it; `asked` as for `trial.prepare`.

    Raises MissingTable where the dataset has no such test, NotEnoughData for too few customers or purchases.
    """
    table = ds.table("experiments").to_pandas()
    if test not in (names := trial.names(table)):
        raise MissingTable(
            f"The table of experiments has no test {test!r}; it has {', '.join(names)}.", "Name one of these."
        )
    found = trial.prepare(table, test, ds.starts, ds.as_of, **asked)
    return on_value(read_all({test: found}, ds, known=known)[0][test])


def variance_saved(reading: Reading) -> float:
    """What CUPED removes of the variance of CLV (or value realised), mean of the variants; 0 when it can't."""
    measured = reading.effects["saved"].unstack("metric")
    mean = measured.reindex(columns=["clv", "value"]).bfill(axis=1)["clv"].mean()
    return float(mean) if mean > 0 else 0.0


def beside_truth(readings: Mapping[str, Reading], truth: pd.DataFrame) -> pd.DataFrame:
    """What the tests say beside the truth of a simulated shop (`Dataset.truth("effects")`).

    Returns a frame indexed by test, arm and per_assigned_customer: true, estimated, low, high, and inside (whether the
    interval holds the truth). Rows of unknown tests or quantities are left out. Raises MissingTable when the tests were
    watched for another time than the truth is known for.
    """
    if max(reading.trial.window_days for reading in readings.values()) != 365:
        raise MissingTable("The true effects are known for a year after assignment only.", "Set window_days to 365.")
    metrics = {"conversion": "converted", "orders": "orders", "revenue": "revenue", "contribution": "contribution"}
    rows = {}
    for row in truth[truth["topic"] == "experiments"].to_dict("records"):
        name, arm, metric = str(row["item"]), str(row["group"]), metrics.get(str(row["quantity"]), "")
        here = readings[name].effects if name in readings else pd.DataFrame()
        if (arm, metric) in here.index:
            middle, low, high = (here[column].loc[(arm, metric)] for column in ("difference", "low", "high"))
            rows[name, arm, row["quantity"]] = (row["value"], middle, low, high, low <= row["value"] <= high)
    frame = pd.DataFrame.from_dict(rows, orient="index", columns=["true", "estimated", "low", "high", "inside"])
    frame.index = pd.MultiIndex.from_tuples(rows, names=["test", "arm", "per_assigned_customer"])
    return frame


def scores(readings: Mapping[str, Reading]) -> pd.DataFrame:
    """Per customer (customer_id): the arm of each test, and the value realised since (currency; NaN for all others)."""
    parts = {}
    for name, reading in readings.items():
        parts[f"{name} arm"] = reading.outcomes["variant"]
        parts[f"{name} value"] = reading.outcomes["value"]
    return pd.DataFrame(parts).rename_axis("customer_id")


def verdicts(found: dict[str, pd.DataFrame]) -> pd.DataFrame:
    """Conversion beside CLV (or value realised, where there is no forecast) of every variant of every test.

    found: test → `effects`. Returns a frame indexed by test and arm: conversion, conversion_low, conversion_high
    (0 to 1), clv, clv_low, clv_high (currency), measure (CLV or value realised) and verdict (words). Variants without
    a value are left out; NotEnoughData when none has one.
    """
    rows = {}
    for name, table in found.items():
        for arm in table.index.unique("arm"):
            here = table.loc[arm, ["difference", "low", "high"]]
            money = "clv" if "clv" in here.index else "value"
            if money not in here.index:
                continue
            here = here.reindex(["converted", money], fill_value=0.0)  # where all bought, no arm differs
            row: dict[str, object] = {}
            for column, metric in {"conversion": "converted", "clv": money}.items():
                row |= {column: here.loc[metric, "difference"]}
                row |= {f"{column}_{end}": here.loc[metric, end] for end in ("low", "high")}
            rows[name, arm] = row | {"measure": METRICS[money][0], "verdict": _verdict(here, money)}
    if not rows:
        raise NotEnoughData("In no experiment do customers differ in value.", "Check the margin in the dataset card.")
    frame = pd.DataFrame.from_dict(rows, orient="index")
    return frame.set_axis(pd.MultiIndex.from_tuples(rows, names=["test", "arm"]))


def _verdict(here: pd.DataFrame, money: str) -> str:
    won, lost = here["low"] > 0, here["high"] < 0
    did = {metric: "wins" if won[metric] else "loses" if lost[metric] else "" for metric in ("converted", money)}
    conversion, clv = did["converted"], did[money]
    measure = METRICS[money][0]
    if conversion and clv:
        return f"{conversion} on both" if conversion == clv else f"{conversion} on conversion and {clv} on {measure}"
    if conversion or clv:
        on, other = ("conversion", measure) if conversion else (measure, "conversion")
        return f"{conversion or clv} on {on}; on {other} no difference is shown"
    return f"shows no difference, neither on conversion nor on {measure}"
