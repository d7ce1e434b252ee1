"""A forecast that was kept goes in, and what came since; out comes whether it still holds, and for whom it doesn't.

A forecast is graded by what it said on its day, not by what would be said today. Two things are told apart. The level,
how much all customers brought beside what was foreseen, is the season's and the trade's: it is held against the range
of the total. Beside the level, groups of customers lie off by chance, as customers of past windows did; a group that
lies further off is misfit: the forecast is wrong about such customers.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.stats import norm

from clvlib import aggregate
from clvlib.errors import NotEnoughData
from clvlib.language import phrase
from clvlib.models.outlook import SINGLE_MONTH, Ahead, spread_of_total
from clvlib.models.windows import History

_LEVEL = 0.9  # of times, a forecast that holds isn't called off
LEAST_DAYS = 30  # since the day of the forecast
LEAST_GROUP = 30  # customers: a smaller group is one of "others"
OTHERS = "others"


@dataclass(frozen=True)
class Graded:
    """A forecast made on `made_on`, beside what came until `until`. said, came: purchases and spend (currency) in that
    time, by customer_id. spread: of a column, as `Ahead.spread_of` gave it (and that of single months, before all days
    are over). vanished: customers of the forecast of whom
    the data have no row any more. buyers: customers expected to buy within the days of the forecast, and who did (None
    before these are over).

    >>> from clvlib.models.outlook import look_ahead
    >>> past = to_keep(look_ahead(history, pd.Timestamp("1997-12-31"), days=181), season=None)
    >>> graded = grade(past, history, sample.as_of)
    >>> graded.total("purchases")[["forecast", "low", "high", "came"]].astype(float).round().to_dict()
    {'forecast': 1240.0, 'low': 1030.0, 'high': 1493.0, 'came': 1151.0}
    """

    made_on: pd.Timestamp
    until: pd.Timestamp
    said: pd.DataFrame
    came: pd.DataFrame
    spread: dict[str, tuple[float, float]]
    vanished: int
    buyers: tuple[float, int] | None

    def total(self, column: str, level: float = _LEVEL) -> pd.Series:
        """Of all customers: forecast, low, high (its range), came, and holds (came lies in the range)."""
        said, came = self.said[column].sum(), self.came[column].sum()
        reach = np.exp(norm.ppf((1 + level) / 2) * spread_of_total(*self.spread[column], said))
        low, high = said / reach, said * reach
        return pd.Series({"forecast": said, "low": low, "high": high, "came": came, "holds": low <= came <= high})

    def by_group(self, groups: pd.Series, column: str, level: float = _LEVEL) -> pd.DataFrame:
        """Of each group (customer_id → name), at the level that came of all: customers, forecast, low, high (what
        chance would give), came, and holds. All groups hold together in `level` of times (Bonferroni's correction).

        Groups of fewer than LEAST_GROUP customers are put together as OTHERS; what fewer do is chance, and holds.
        """
        names = aggregate.group_names(groups, self.said.index)
        names = names.where(names.map(names.value_counts()) >= LEAST_GROUP, OTHERS)
        ratio = self.came[column].sum() / self.said[column].sum() if self.said[column].sum() > 0 else 1.0
        said, chance = self.said[column].groupby(names).sum() * ratio, self.spread[column][1]
        width = norm.ppf(1 - (1 - level) / 2 / max(len(said), 1)) * np.sqrt(chance * said)
        frame = pd.DataFrame({"customers": names.value_counts(), "forecast": said, "low": (said - width).clip(lower=0)})
        frame = frame.assign(high=said + width, came=self.came[column].groupby(names).sum())
        frame["holds"] = frame["came"].between(frame["low"], frame["high"]) | (frame["customers"] < LEAST_GROUP)
        return frame.rename_axis("group").sort_values("forecast", ascending=False, kind="stable")


def to_keep(ahead: Ahead, season: pd.Series | None) -> pd.DataFrame:
    """What is kept of a forecast: purchases, spend (currency), p_purchase, until_1, until_2 … (share that is foreseen
    until the end of each month), by customer_id; what `grade` needs beside is in its `attrs`. season: see
    `outlook.seasons`.

    >>> to_keep(foreseen, season=None).attrs["days"]
    365
    """
    kept = ahead.customers[["purchases", "spend", "p_purchase"]].copy()
    until = ahead.months_of_each(season).cumsum(axis=1).astype("float32")
    kept = kept.join(until.set_axis([f"until_{month}" for month in range(1, until.shape[1] + 1)], axis=1))
    kept.attrs = {
        "as_of": f"{ahead.as_of:%Y-%m-%d}",
        "days": ahead.days,
        "method": ahead.method,
        "spread": {of: list(ahead.spread_of(of)) for of in ("purchases", "spend")},
    }
    return kept


def grade(kept: pd.DataFrame, history: History, as_of: pd.Timestamp) -> Graded:
    """Hold a kept forecast (`to_keep`) against what came until `as_of`, or until its own days were over.

    Of days that aren't over, the share is graded that was foreseen until then. Raises NotEnoughData where fewer than
    LEAST_DAYS have passed.

    >>> from clvlib.models.outlook import look_ahead
    >>> grade(to_keep(look_ahead(history, pd.Timestamp("1998-03-31"), 91), None), history, sample.as_of).until
    Timestamp('1998-06-30 00:00:00')
    """
    made_on, days = pd.Timestamp(kept.attrs["as_of"]), kept.attrs["days"]
    passed = min((as_of - made_on).days, days)
    if passed < min(LEAST_DAYS, days):
        raise NotEnoughData(
            phrase("Only {n} days have passed since the forecast of {day:%Y-%m-%d}.", n=max(passed, 0), day=made_on),
            phrase("It can be graded {n} days after that day.", n=LEAST_DAYS),
        )
    until_month = kept.filter(regex="^until_").to_numpy(dtype=float)
    whole, part = divmod(passed / days * until_month.shape[1], 1)
    path = np.column_stack([np.zeros(len(kept)), until_month, until_month[:, -1]])
    share = path[:, int(whole)] + part * (path[:, int(whole) + 1] - path[:, int(whole)])
    single = SINGLE_MONTH / np.sqrt(max(whole + part, 1.0)) if passed < days else 0.0
    until = made_on + pd.Timedelta(days=passed)
    came = aggregate.holdout(history.transactions, made_on, until).reindex(kept.index).fillna(0.0)
    bought = int((came["purchases"] > 0).sum())
    return Graded(
        made_on,
        until,
        kept[["purchases", "spend"]].mul(share, axis=0),
        came[["purchases", "spend"]].clip(lower=0),
        {of: (float(np.hypot(apart, single)), chance) for of, (apart, chance) in kept.attrs["spread"].items()},
        len(kept.index.difference(aggregate.everybody(history.transactions, as_of))),
        (float(kept["p_purchase"].sum()), bought) if passed == days else None,
    )
