"""Exercises and quiz of notebook 03b: what a window teaches, the best month, misses that cancel out, ranges of many."""

from typing import Any

import pandas as pd

from clvlib.course.assignments import Key, assign, question
from clvlib.dataset import Dataset
from clvlib.errors import CannotAnswer
from clvlib.models.outlook import Ahead
from clvlib.models.rolling import BEST, Rolling

_LEVEL = 0.8  # of the ranges that are asked for
_WIDER = 0.9


@assign(
    "03b.1",
    unit="number",
    ask="The frame `known_then` has a row for each customer known on the first day of the last window: `frequency` "
    "(repeat purchases until then), `expected` (purchases in the window, by the models) and `came` (those made). Of "
    "the customers who had not come back until then: how much came of what was expected, as a ratio?",
    hint="Choose the rows by `known_then['frequency'] == 0`; then divide the sum of `came` by the sum of `expected`.",
    solution="""
    once = known_then[known_then["frequency"] == 0]
    once["came"].sum() / once["expected"].sum()
    """,
    means="Of one purchase expected, {right} came. Beside the level of the window, that is what the models miss of "
    "such customers.",
)
def _came_of_once(ds: Dataset, known_then: pd.DataFrame) -> Key:
    totals = known_then.groupby(known_then["frequency"] == 0)[["expected", "came"]].sum()
    if True not in totals.index or totals.loc[True, "came"] == 0:
        raise CannotAnswer("Nobody who had bought once came back in the last window.", "Go on with the next one.")
    ratio = totals["came"] / totals["expected"]
    once = known_then[known_then["frequency"] == 0]
    now = ds.rfm_summary()["frequency"].reindex(known_then.index)
    today = known_then[now == 0]
    return Key(
        ratio[True],
        {
            "You took who has bought only once until today: whoever came back in the window is left out. Use what was "
            "known on its first day, `known_then['frequency']`.": float(today["came"].sum() / today["expected"].sum())
            if len(today)
            else float("nan"),
            "You took the mean of each customer's ratio: those of whom nearly nothing is expected weigh most. Divide "
            "sum by sum.": float((once["came"] / once["expected"]).mean()),
            "That is the level of the window: all customers, not only those who had not come back.": float(
                known_then["came"].sum() / known_then["expected"].sum()
            ),
            "That is the share of them who bought; purchases are asked for.": float((once["came"] > 0).mean()),
            "You left out who bought nothing in the window: what was expected of them counts as well.": float(
                once["came"].sum() / once.loc[once["came"] > 0, "expected"].sum()
            ),
        },
    )


@assign(
    "03b.2",
    unit="percent",
    ask="By how much is the spend that is expected in the best month above that of a mean month? The frame "
    "`months_ahead` has a row per month, with `spend`.",
    hint="The largest value over the mean, less 1.",
    solution="""
    spend = months_ahead["spend"]
    spend.max() / spend.mean() - 1
    """,
    means="The best month is expected {right} above the mean one. Stock, staff and mailings are planned by the month, "
    "not by a twelfth of the year.",
)
def _best_month(ds: Dataset, months_ahead: pd.DataFrame) -> Key:
    spend = months_ahead["spend"]
    best, even = float(spend.max()), float(spend.sum()) / len(spend)
    if best <= even:
        raise CannotAnswer("All months are expected to be alike.", "Go on with the next one.")
    return Key(
        (best - even) / even,
        {
            "That is the difference in money; divide by the mean month.": best - even,
            "You compared with the lowest month, not with the mean one.": best / float(spend.min()) - 1,
            "That is the month's share of the whole time ahead.": best / float(spend.sum()),
            "You forgot to take 1 off: that is the month over the mean one.": best / even,
            "You divided by the best month; what it is compared with stands below the line.": 1 - even / best,
        },
    )


@assign(
    "03b.3",
    unit="percent",
    ask="How far off was the number of buyers, on average over the days on which forecasts were made, as a share of "
    "those who bought and without regard to the sign? The frame `judged` has a row per day, with `buyers` (as "
    "forecast) and `actual_buyers`.",
    hint="For each day: forecast over truth, less 1. Then `.abs()`, then `.mean()`.",
    solution="""
    off = judged["buyers"] / judged["actual_buyers"] - 1
    off.abs().mean()
    """,
    means="The number of buyers was {right} off in a mean window. That is its miss; the bias may be smaller, because "
    "too much on one day and too little on another cancel out.",
)
def _buyers_off(ds: Dataset, judged: pd.DataFrame) -> Key:
    said, bought = judged["buyers"], judged["actual_buyers"]
    off = (said - bought) / bought
    return Key(
        off.abs().sum() / len(off),
        {
            "You kept the signs: that is the bias, in which too high and too low would cancel out; a miss has no "
            "sign.": float(off.mean()),
            "That is the mean difference in customers; divide by how many bought.": float((said - bought).abs().mean()),
            "You divided by the forecast: a miss is a share of what came.": float((1 - bought / said).abs().mean()),
            "That is the worst day, not the mean of all.": float(off.abs().max()),
            "You added up all days before comparing: misses of single days cancel out in the sums.": float(
                abs(said.sum() / bought.sum() - 1)
            ),
        },
    )


@assign(
    "03b.4",
    unit="percent",
    ask='`ahead.total("spend", level=0.8)` gives three figures of all customers together: what they are forecast to '
    "spend, the low end and the high end of the range (8 times in 10). How far below the forecast does the low end "
    "lie, as a share of the forecast?",
    hint="Give the three figures names: `forecast, low, high = …`; then 1 less low over forecast.",
    solution="""
    forecast, low, high = ahead.total("spend", level=0.8)
    1 - low / forecast
    """,
    means="The low end lies {right} below the forecast: that is the reserve to plan with. The low ends of single "
    "customers, added up, lie much further below: chance evens out over many customers.",
)
def _reserve(ds: Dataset, ahead: Ahead) -> Key:
    reach, wider = ahead.reach("spend", _LEVEL), ahead.reach("spend", _WIDER)
    total = float(ahead.customers["spend"].sum())
    mistakes = {
        "That is the range of nine times in ten; eight in ten was asked for.": 1 - 1 / wider,
        "That is how far the high end lies above the forecast; the range isn't even on both sides.": reach - 1,
        "That is the difference in money; divide by the forecast.": total - total / reach,
        "That is the width of the whole range; only the part below the forecast is asked for.": reach - 1 / reach,
    }
    if ahead.ranges is not None:
        each = float(ahead.ranges.of(ahead.customers, _LEVEL)["spend_low"].sum())
        mistakes["You added up the low ends of single customers: as if all had a bad year at once."] = 1 - each / total
    return Key(1 - 1 / reach, mistakes)


@question(
    "03b.1",
    ask="In the last window the models expected {said:count} purchases, and {came:count} came. What is its level?",
    right=("{level:number.2}", "What came over what was expected, of all customers together."),
    wrong=(
        ("{upside:number.2}", "That is the wrong way round: what was expected over what came."),
        ("{share:number.2}", "That is the share of the customers who bought in it."),
        ("{gap:count}", "That is the difference. Whether it is much, only a ratio tells."),
    ),
)
def _level_of_it(ds: Dataset, known_then: pd.DataFrame) -> dict[str, Any]:
    said, came = float(known_then["expected"].sum()), float(known_then["came"].sum())
    if not came:
        raise CannotAnswer("Nobody bought in the last window.", "Go on with the next one.")
    share = float((known_then["came"] > 0).mean())
    return {"said": said, "came": came, "level": came / said, "upside": said / came, "share": share, "gap": came - said}


@question(
    "03b.2",
    ask="A shop opened fourteen months ago, and had a very good December. Its forecast for next December shows nothing "
    "of it. Is that a fault?",
    right=(
        "No: one December can be luck, growth or a season. With less than two years, no method can tell.",
        "A place in the year is known from months that came back. Ask the forecast again when a second year is over.",
    ),
    wrong=(
        (
            "Yes: a good method finds a season in one year.",
            "In one year a season can't be told from growth, or from one good month.",
        ),
        (
            "No: the range of December holds the season.",
            "A month's range allows for what single months do by chance, not for a season that comes back every year.",
        ),
        (
            "Yes: the models of buying know of Decembers, their mean loses it.",
            "The models know how often, when last and since when. They know no month by its name.",
        ),
    ),
)
def _one_december(ds: Dataset) -> dict[str, Any]:
    return {}


@question(
    "03b.3",
    ask="On {days:count} days of the past, what customers will spend was forecast, and held against what came then. "
    "How large was the miss of the forecast?",
    right=("{miss:percent}", "The mean of how far each was off, without regard to the sign."),
    wrong=(
        (
            "{bias:percent}",
            "That is the bias, signs kept. {same:Here all days were off to the same side, so that only the sign "
            "differs; in general too high and too low cancel out|Too high and too low cancel out in it}.",
        ),
        ("{worst:percent}", "That was the worst of these days."),
        (
            "{other:percent}",
            "That is how far the nearest rule of a spreadsheet was off, “{rule}”; asked was the forecast.",
        ),
    ),
)
def _size_of_it(ds: Dataset, rolled: Rolling) -> dict[str, Any]:
    of_all, made, rule = rolled.table("spend"), rolled.made, rolled.best_rule("spend")
    off = made["spend"] / made["actual_spend"] - 1
    return {
        "days": len(made),
        "miss": of_all["miss"][BEST],
        "bias": of_all["bias"][BEST],
        "same": bool((off >= 0).all() or (off <= 0).all()),
        "worst": float(off.abs().max()),
        "other": of_all["miss"][rule],
        "rule": rule,
    }


@question(
    "03b.4",
    ask="Of a customer who bought and one who didn't, the forecast ranked the buyer higher {auc:percent} of the time. "
    "What may you do with that figure?",
    right=(
        "Contact first those whom it ranks highest, and compare the figure with that of a plain order.",
        "It asks about the order alone. By the days since the last purchase, it is {plain:percent}: that is what the "
        "forecast adds to.",
    ),
    wrong=(
        (
            "Put the total of the forecast into the budget.",
            "An order may be right while the total is far off: of the total, bias, miss and range tell.",
        ),
        (
            "Say that {auc:percent} of the customers will do as forecast.",
            "It compares pairs of customers; of a single one, only the own range tells how near the forecast is.",
        ),
        (
            "Say that {auc:percent} of the customers will buy.",
            "How many buy is the sum of the chances to buy. This is about who does.",
        ),
    ),
)
def _order_alone(ds: Dataset, rolled: Rolling) -> dict[str, Any]:
    made = rolled.made[["auc", "auc_recency"]].mean()
    if made.isna().any():
        raise CannotAnswer("All customers did alike, so that no order can be judged.", "Go on with the next one.")
    return {"auc": float(made["auc"]), "plain": float(made["auc_recency"])}


@question(
    "03b.5",
    ask="A customer is forecast to spend {spend:money}; the range, 8 times in 10, is {low:money} to {high:money}. "
    "Which sentence is right?",
    right=(
        "Of past customers with such a forecast, eight in ten spent {low:money} to {high:money}.",
        "The range is made of what came of the customers whose forecast was most alike.",
    ),
    wrong=(
        (
            "Eight in ten of all customers will spend {low:money} to {high:money}.",
            "The range is that of customers with such a forecast, not of all.",
        ),
        (
            "More than {high:money} can't come.",
            "Two in ten lie outside, about half of them above.",
        ),
        (
            "A hundred such customers will spend {hundred_low:money} to {hundred_high:money}.",
            "Ends of ranges can't be added up: chance evens out over a hundred customers, so that their range is "
            "narrower.",
        ),
    ),
)
def _such_customers(ds: Dataset, ahead: Ahead) -> dict[str, Any]:
    if ahead.ranges is None:
        raise CannotAnswer(
            "No window of the past could teach, so that no customer has a range.", "Bring more customers."
        )
    each = ahead.customers[["spend"]].join(ahead.ranges.of(ahead.customers, _LEVEL)[["spend_low", "spend_high"]])
    above = each[each["spend_low"] > 0].sort_values("spend", kind="stable")
    if above.empty:
        raise CannotAnswer("Of every customer the range begins at 0.", "Go on with the next one.")
    one = above.iloc[len(above) // 2]
    low, high = float(one["spend_low"]), float(one["spend_high"])
    return {
        "spend": float(one["spend"]),
        "low": low,
        "high": high,
        "hundred_low": 100 * low,
        "hundred_high": 100 * high,
    }
