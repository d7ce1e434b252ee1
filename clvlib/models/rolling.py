"""A history goes in; out comes what forecasts made on earlier days were worth, the best one beside all others.

On each of several days of the past everything is forecast as it would have been then, by what was known then, and held
against what came. One such day may be luck; several tell how far the next forecast can be trusted, and for what.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
import pandas as pd

from clvlib.errors import CannotAnswer, NotEnoughData
from clvlib.language import message, phrase
from clvlib.models.backtest import auc, baselines, parts, scores_of
from clvlib.models.buying import every_purchase
from clvlib.models.outlook import Ahead, look_ahead
from clvlib.models.windows import History
from clvlib.stats import rank_scores

BEST, SEGMENT_AVERAGE = message("the forecast"), message("average of the RFM segment")
_HELD = (0.8, 0.9)  # of the ranges that are judged
LENGTHS = (364, 182, 84)  # days ahead: whole weeks, and two steps, so that each window serves several days
_MOST, _ENOUGH = 6, 3  # days of the past on which forecasts are made
_NAMED = {
    "purchases": message("purchases"),
    "spend": message("spend"),
    "spend_if_buying": message("spend of those who buy"),
}
_BANDS = {"recency": 5, "frequency": 5, "spend": 3}  # of an RFM segment
_TOP = 0.1  # of the customers


@dataclass(frozen=True)
class Rolling:
    """Forecasts of `days`, made on earlier days, beside what came.

    made: a row per day (made_on): method, customers; purchases and spend (as forecast, of all, those without a purchase
    left included), with the 90 % range of the total (…_low, …_high) and what came (actual_…); buyers, actual_buyers;
    held_80_… and held_90_… (share of customers within the middle 80 and 90 % of what was foreseen, see `Ranges.place`;
    where there are ranges) of purchases, spend, spend_if_buying. scores: by made_on, of (purchases or spend) and
    method: kind, bias, deviance, rmse, gini, top_tenth (share of all that the tenth ranked highest brought), auc.
    left_out: days on which nothing could be judged, with the reason.

    >>> rolled.made[["purchases", "purchases_low", "purchases_high", "actual_purchases"]].round()
                purchases  purchases_low  purchases_high  actual_purchases
    made_on
    1997-09-30     1343.0         1097.0          1645.0            1387.0
    1997-12-30     1245.0         1034.0          1499.0            1156.0
    """

    days: int
    made: pd.DataFrame
    scores: pd.DataFrame
    left_out: dict[pd.Timestamp, str]

    def table(self, of: str = "purchases") -> pd.DataFrame:
        """Each method over all days, the lowest deviance first. of: purchases or spend.

        bias, gini, top_tenth, auc: means; miss: mean size of the bias; deviance, rmse: over those of the forecast
        (geometric mean: above 1 is worse).

        >>> rolled.table().loc[[BEST, SEGMENT_AVERAGE], ["bias", "deviance", "auc"]].round(2)
                                    bias  deviance   auc
        method
        the forecast                0.02      1.00  0.79
        average of the RFM segment  0.37      1.21  0.77
        """
        scores = self.scores.xs(of, level="of")
        ours = scores.xs(BEST, level="method")[["deviance", "rmse"]]
        with np.errstate(divide="ignore"):  # of a day on which a method, or the forecast, misses nothing
            over = np.log(scores[["deviance", "rmse"]] / ours.reindex(scores.index, level="made_on"))
        shown = scores.assign(miss=scores["bias"].abs(), deviance=over["deviance"], rmse=over["rmse"])
        means = shown.drop(columns="kind").groupby("method").mean()
        means[["deviance", "rmse"]] = np.exp(means[["deviance", "rmse"]])
        means.insert(0, "kind", scores["kind"].groupby("method").first())
        columns = ["kind", "bias", "miss", "deviance", "rmse", "gini", "top_tenth", "auc"]
        return means[columns].sort_values("deviance", kind="stable")

    def best_rule(self, of: str = "purchases") -> str:
        """The rule without a model that has the lowest deviance over all days.

        >>> rolled.best_rule()
        'average of the RFM segment'
        """
        table = self.table(of)
        return str(table.index[table["kind"] == "rule"][0])

    def within(self, column: str) -> int:
        """On how many days the range of the total held what came. column: purchases or spend.

        >>> rolled.within("purchases")
        2
        """
        made = self.made
        return int(made[f"actual_{column}"].between(made[f"{column}_low"], made[f"{column}_high"]).sum())

    def held(self) -> pd.DataFrame:
        """Share of customers within their own range of _HELD (columns), mean over the days: purchases, spend, spend of
        those who buy.

        Raises NotEnoughData where no forecast had ranges.

        >>> rolled.held().round(2)
                                   80% range  90% range
        share of customers within
        purchases                       0.81       0.90
        spend                           0.82       0.91
        spend of those who buy          0.81       0.90
        """
        columns = {level: [f"held_{round(100 * level)}_{name}" for name in _NAMED] for level in _HELD}
        if not self.made.columns.isin(columns[_HELD[0]]).any():
            raise NotEnoughData(
                "No forecast made on an earlier day learned from windows, so that no customer had a range.",
                "Bring more customers or a longer history.",
            )
        held = {level: self.made[names].mean().to_numpy() for level, names in columns.items()}
        shares = {phrase("{level:.0%} range", level=level): each for level, each in held.items()}
        return pd.DataFrame(shares, index=pd.Index(_NAMED.values(), name=message("share of customers within")))


def days_ahead(starts: pd.Timestamp, as_of: pd.Timestamp, days: int) -> int:
    """How far ahead forecasts are judged: the longest of LENGTHS up to `days` that can be judged often enough.

    >>> days_ahead(sample.starts, sample.as_of, 365), days_ahead(pd.Timestamp("1994-01-01"), sample.as_of, 365)
    (84, 364)
    """
    lengths = [length for length in LENGTHS if length <= days] or [days]
    return next((each for each in lengths if len(made_on(starts, as_of, each)) >= _ENOUGH), lengths[-1])


def made_on(starts: pd.Timestamp, as_of: pd.Timestamp, days: int) -> Sequence[pd.Timestamp]:
    """The days on which forecasts are made: the latest first, half a length apart, a length of history before each.

    >>> [str(day)[:10] for day in made_on(sample.starts, sample.as_of, 84)]
    ['1998-04-07', '1998-02-24', '1998-01-13', '1997-12-02', '1997-10-21', '1997-09-09']
    """
    length = pd.Timedelta(days=days)
    return list(pd.date_range(as_of - length, starts + length, freq=-pd.Timedelta(days=max(days // 2, 1))))[:_MOST]


def roll(history: History, as_of: pd.Timestamp, days: int) -> Rolling:
    """Forecast `days` on each of the days of `made_on`, by all methods, and judge them.

    Raises NotEnoughData where no day can be judged.

    >>> roll(history, sample.as_of, days=182).made["method"].to_list()
    ['hybrid', 'hybrid']
    """
    made, scores, left_out = {}, {}, {}
    for day in made_on(history.starts, as_of, days):
        try:
            made[day], scores[day] = judge(history, look_ahead(history, day, days))
        except CannotAnswer as error:
            left_out[day] = str(error)
    if not made:
        raise NotEnoughData(
            phrase(
                "No forecast of {days} days, made on an earlier day, can be judged: {why:{why}|the history has {n} "
                "days.}",
                days=days,
                why=next(iter(left_out.values()), ""),
                n=(as_of - history.starts).days,
            ),
            "Bring a history of twice that length or more.",
        )
    return Rolling(
        days,
        pd.DataFrame.from_dict(made, orient="index").rename_axis("made_on").sort_index(),
        pd.concat(scores, names=["made_on"]).sort_index(level="made_on", sort_remaining=False),
        left_out,
    )


def segment_average(then: pd.DataFrame, came: pd.Series, now: pd.DataFrame) -> pd.Series:
    """What customers of the same RFM segment brought on average in a window before.

    then, now: `aggregate.features` of the window's first day and of today. Segments are places in the order by silence
    and by purchases (fifths) and by spend (thirds); where nobody was in a segment then, those of any spend count.

    >>> then = pd.DataFrame({"days_since_last_order": [5, 50], "frequency": [3, 0], "monetary_value": [20.0, np.nan]})
    >>> then = then.assign(first_spend=20.0, recency=[95.0, 0.0], T=[100.0, 50.0])
    >>> segment_average(then, pd.Series([2.0, 0.0]), then).tolist()
    [2.0, 0.0]
    """
    before, after = _segments(then), _segments(now)
    found = pd.Series(np.nan, index=now.index)
    for by in (["recency", "frequency", "spend"], ["recency", "frequency"], ["recency"]):
        mean = came.groupby([before[each] for each in by]).mean().rename("mean")
        found = found.fillna(after.join(mean, on=by)["mean"])
    return found.fillna(came.mean())


def _segments(known: pd.DataFrame) -> pd.DataFrame:
    every = every_purchase(known)
    values = {
        "recency": -known["days_since_last_order"],
        "frequency": known["frequency"],
        "spend": every["frequency"] * every["monetary_value"],
    }
    return pd.DataFrame({name: rank_scores(of, _BANDS[name]) for name, of in values.items()})


def judge(history: History, ahead: Ahead) -> tuple[dict[str, Any], pd.DataFrame]:
    """Hold a forecast against what came: a row of `Rolling.made`, and the rows of `Rolling.scores` of its day.

    Raises NotEnoughData where nobody bought.

    >>> past = look_ahead(history, pd.Timestamp("1997-12-30"), days=182)
    >>> row, scores = judge(history, past)
    >>> round(row["purchases"]), round(row["actual_purchases"]), scores.loc["purchases", "deviance"].idxmin()
    (1245, 1156, 'the forecast')
    """
    held, said = history.window(ahead.as_of, ahead.days), ahead.customers
    came = pd.DataFrame({"purchases": held.purchases, "spend": held.spend.clip(lower=0)})
    bought = (came["purchases"] > 0).to_numpy()
    if not bought.any():
        raise NotEnoughData(
            phrase("Nobody bought in the {n} days after {day:%Y-%m-%d}.", n=ahead.days, day=ahead.as_of),
            "Choose other days.",
        )
    kinds, methods = _methods(history, ahead)
    scores = {
        (of, name): {"kind": kind, **_scores(came[of], forecasts[name])}
        for (of, forecasts), (name, kind) in product(methods.items(), kinds.items())
    }
    row: dict[str, Any] = {"method": ahead.method, "customers": len(said)}
    for of in methods:
        total, reach = said[of].sum() + ahead.others[of].sum(), ahead.reach(of, _HELD[-1])
        row |= {of: total, f"{of}_low": total / reach, f"{of}_high": total * reach}
        row[f"actual_{of}"] = came[of].sum() + held.others[of].clip(lower=0).sum()
    row |= {"buyers": said["p_purchase"].sum(), "actual_buyers": bought.sum()}
    row["auc"] = auc(bought, said["p_purchase"].to_numpy())
    row["auc_recency"] = auc(bought, -held.known["days_since_last_order"].to_numpy())
    if ahead.ranges is not None:
        aside = (ahead.ranges.place(said, came) - 0.5).abs()
        for level, (name, of) in product(_HELD, aside.items()):
            row[f"held_{round(100 * level)}_{name}"] = (of.dropna() <= level / 2).mean()
    return row, pd.DataFrame.from_dict(scores, orient="index").rename_axis(["of", "method"])


def _methods(history: History, ahead: Ahead) -> tuple[dict[str, str], dict[str, pd.DataFrame]]:
    """The kind of each method, and its forecast of each customer's purchases and spend (currency)."""
    day, days, said = ahead.as_of, pd.Timedelta(days=ahead.days), ahead.customers
    known = history.window(day, ahead.days).known
    purchases, each = {BEST: said["purchases"]}, every_purchase(known)["monetary_value"]
    spend, kinds = {BEST: said["spend"]}, {BEST: message("ours")}
    if ahead.buying is not None:
        of_models = ahead.buying.forecast(known, ahead.days)
        for name in ahead.buying.models_:
            purchases[name], kinds[name] = of_models[name], message("model")
            spend[name] = of_models[name] * of_models["spend"] / of_models["purchases"]
    calibration, recent = parts(history.transactions, day, day + days)
    rules = baselines(calibration, recent).reindex(known.index).fillna(0.0)
    for rule in map(str, rules):
        purchases[rule], spend[rule], kinds[rule] = rules[rule], rules[rule] * each, message("rule")
    before, kinds[SEGMENT_AVERAGE] = history.window(day - days, ahead.days), "rule"
    purchases[SEGMENT_AVERAGE] = segment_average(before.known, before.purchases, known)
    spend[SEGMENT_AVERAGE] = segment_average(before.known, before.spend.clip(lower=0), known)
    return kinds, {"purchases": pd.DataFrame(purchases), "spend": pd.DataFrame(spend)}


def _scores(actual: pd.Series, forecast: pd.Series) -> dict[str, float]:
    unit = actual[actual > 0].mean()  # money in purchases, so that the currency is immaterial
    found = scores_of(actual / unit, forecast / unit)
    first = forecast.sort_values(ascending=False, kind="stable").index[: max(1, round(_TOP * len(forecast)))]
    top = {"top_tenth": float(actual.loc[first].sum() / actual.sum())}
    return {name: found[name] for name in ("bias", "deviance", "rmse", "gini", "auc")} | top
