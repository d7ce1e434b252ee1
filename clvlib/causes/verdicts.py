"""Effects of tests → what a reader is told: measures in words, verdicts of variants, the truth beside them."""

from collections.abc import Callable, Mapping
from functools import partial

import numpy as np
import pandas as pd

from clvlib import wording
from clvlib.causes.experiments import METRICS, Reading
from clvlib.errors import MissingTable, NotEnoughData
from clvlib.language import message, phrase, translated


def effects_in_words(found: pd.DataFrame) -> pd.DataFrame:
    """`effects` for readers, all as text, each in its unit: control, variant, difference, 95 % interval, change.

    `variant` is control + difference, adjusted where the difference is, so that each row adds up.

    >>> effects_in_words(reading.effects.iloc[[0, -2]]).T
    arm                             mail
    measure                bought at all    value realised
    control                        71.5%             $7.74
    variant                        85.7%            $10.69
    difference                 +14.2 pts            +$2.95
    95 % interval  +8.3 pts to +20.0 pts  +$2.54 to +$3.39
    change                            up                up
    """
    rows = []
    for row in found.reset_index().to_dict("records"):
        arm, metric = str(row["arm"]), str(row["metric"])
        words, unit = METRICS[metric]
        variant = row["control"] + row["difference"]
        digits = 2 if max(abs(row["control"]), abs(variant)) >= 0.1 else 4
        number: Callable[[float], str] = partial(wording.number, digits=digits)
        write = {"points": wording.percent, "money": wording.money, "number": number}[unit]
        change = _points if unit == "points" else write
        interval = phrase("{low} to {high}", low=_signed(change, row["low"]), high=_signed(change, row["high"]))
        shown = message("up") if row["low"] > 0 else message("down") if row["high"] < 0 else message("not shown")
        rows.append((arm, words, write(row["control"]), write(variant), _signed(change, row["difference"])))
        rows[-1] += (interval, shown)  # type: ignore[assignment]
    columns = ["arm", "measure", "control", "variant", "difference", "95 % interval", "change"]
    return pd.DataFrame(rows, columns=columns).set_index(["arm", "measure"])


def _points(share: float) -> str:
    return phrase("{points} pts", points=wording.number(100 * share, 1))


def _signed(write: Callable[[float], str], value: float) -> str:
    return f"{'+' if value > 0 else ''}{write(value)}"


def of_tests(found: dict[str, pd.DataFrame]) -> pd.DataFrame:
    """Conversion beside value realised, of every variant of every test.

    found: test → `effects`. Returns a frame indexed by test and arm: conversion, conversion_low, conversion_high
    (0 to 1), value, value_low, value_high (currency) and verdict (words). The value of a variant that is not enough to
    be told is missing, and the verdict says so: draw with `on`. Raises NotEnoughData when nothing can be judged.

    >>> of_tests({"spring": reading.effects})["verdict"].tolist()
    ['wins on conversion and on value']
    """
    rows: dict[tuple[str, str], dict[str, object]] = {}
    for name, table in found.items():
        for arm in table.index.unique("arm"):
            here = table.loc[arm, ["difference", "low", "high"]].reindex(["converted", "value"])
            row: dict[str, object] = {}
            for column, metric in {"conversion": "converted", "value": "value"}.items():
                row |= {column: here.loc[metric, "difference"]}
                row |= {f"{column}_{end}": here.loc[metric, end] for end in ("low", "high")}
            rows[name, str(arm)] = row | {"verdict": _verdict(here)}
    if not rows:
        raise NotEnoughData("No experiment can be judged.", "Wait for more customers.")
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis(["test", "arm"])


def on(judged: pd.DataFrame, measure: str) -> pd.DataFrame:
    """The intervals of `of_tests` on one measure ("conversion" or "value"): mid, low, high by test and arm.

    Variants that are not enough to be told are left out; NotEnoughData when all are.

    >>> on(of_tests({"spring": reading.effects}), "value").round(2)
                  mid   low  high
    test   arm
    spring mail  2.95  2.54  3.39
    """
    bars = judged[[measure, f"{measure}_low", f"{measure}_high"]].set_axis(["mid", "low", "high"], axis=1).dropna()
    if bars.empty:
        raise NotEnoughData(
            phrase(
                "In no experiment is there enough to judge {value:value|conversion}, or customers don't differ in it.",
                value=measure == "value",
            ),
            "The table of measures says what each takes; check the margin in the dataset card too.",
        )
    return bars


def named(arms: pd.MultiIndex) -> list[str]:
    """Name variants for a sentence, from an index of test and arm: "voucher (winback)".

    >>> named(pd.MultiIndex.from_tuples([("winback", "voucher"), ("welcome", "discount")]))
    ['voucher (winback)', 'discount (welcome)']
    """
    return [f"{arm} ({test})" for test, arm in arms]


def not_enough(reading: Reading) -> list[str]:
    """One sentence for each reason why measures of a variant have no interval: which, why, and what it would take.

    >>> from dataclasses import replace
    >>> index = pd.MultiIndex.from_tuples([("mail", "revenue"), ("mail", "value")], names=["arm", "metric"])
    >>> not_enough(replace(reading, untold=pd.Series("It takes 900.", index)))
    ['mail: not enough to tell revenue, value realised. It takes 900.']
    """
    said = []
    for (arm, why), here in reading.untold.groupby([reading.untold.index.get_level_values("arm"), reading.untold]):
        measures = ", ".join(translated(METRICS[metric][0]) for metric in here.index.get_level_values("metric"))
        said.append(phrase("{arm}: not enough to tell {measures}. {why}", arm=arm, measures=measures, why=why))
    return said


_VERDICTS = {  # 1: wins, -1: loses, 0: no difference is shown, None: not enough to tell; on conversion, on value
    (1, 1): message("wins on conversion and on value"),
    (1, 0): message("wins on conversion; on value no difference is shown"),
    (1, -1): message("wins on conversion and loses on value"),
    (1, None): message("wins on conversion; on value there is not enough to tell"),
    (0, 1): message("wins on value; on conversion no difference is shown"),
    (0, 0): message("shows no difference, neither on conversion nor on value"),
    (0, -1): message("loses on value; on conversion no difference is shown"),
    (0, None): message("shows no difference on conversion; on value there is not enough to tell"),
    (-1, 1): message("loses on conversion and wins on value"),
    (-1, 0): message("loses on conversion; on value no difference is shown"),
    (-1, -1): message("loses on conversion and on value"),
    (-1, None): message("loses on conversion; on value there is not enough to tell"),
    (None, 1): message("wins on value; on conversion there is not enough to tell"),
    (None, 0): message("shows no difference on value; on conversion there is not enough to tell"),
    (None, -1): message("loses on value; on conversion there is not enough to tell"),
    (None, None): message("shows no difference on conversion; on value there is not enough to tell"),
}


def _verdict(here: pd.DataFrame) -> str:
    way = (here["low"] > 0).astype(int) - (here["high"] < 0).astype(int)
    conversion, value = (None if np.isnan(here["low"][of]) else int(way[of]) for of in ("converted", "value"))
    return _VERDICTS[conversion, value]


def beside_truth(readings: Mapping[str, Reading], truth: pd.DataFrame) -> pd.DataFrame:
    """What the tests say beside the truth of a simulated shop (`Dataset.truth("effects")`).

    Returns a frame indexed by test, arm and per_assigned_customer: true, estimated, low, high, and inside (whether the
    interval holds the truth). Rows of unknown tests or quantities are left out. Raises MissingTable when the tests were
    watched for another time than the truth is known for.

    >>> from dataclasses import replace
    >>> year = replace(reading, trial=replace(test, window_days=365))
    >>> truth = {"topic": "experiments", "item": "spring", "group": "mail", "quantity": "revenue", "value": 16.5}
    >>> beside_truth({"spring": year}, pd.DataFrame([truth])).round(1)
                                       true  estimated   low  high  inside
    test   arm  per_assigned_customer
    spring mail revenue                16.5       17.0  15.3  18.7    True
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
