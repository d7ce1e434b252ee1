"""A history and a day go in; what each customer known on it will bring in the days after, by the best that can be had.

Where windows of the past can teach, that is the hybrid; else the mean of the models of buying; and where too few came
back for these, what all customers did. Which it is, and why, is said.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy.stats import norm

from clvlib import aggregate
from clvlib.errors import CannotAnswer
from clvlib.files import once
from clvlib.language import message, phrase
from clvlib.models.buying import Buying, every_purchase
from clvlib.models.hybrid import Hybrid
from clvlib.models.ranges import Ranges
from clvlib.models.windows import History, Window, length
from clvlib.stats import months_in

if TYPE_CHECKING:
    from clvlib.dataset import Dataset

LEAST_BACK = 200  # customers who bought in windows: of fewer, trees learn chance (13 % worse in simulated shops)
HYBRID = message("hybrid")
MEAN_OF_MODELS, RATE = message("mean of the models of buying"), message("rate of all customers")
_UNTAUGHT = {MEAN_OF_MODELS: 0.15, RATE: 0.3}  # how far totals come out (logarithm), taken for granted …
CLUMPED = 2.0  # … beside chance: the variance of purchases, in expected purchases
SINGLE_MONTH = 0.1  # by how much single months differ (logarithm), taken for granted
_AS_MANY = 20  # customers without a purchase left, whom those with one purchase stand for; taken for granted
_PARTS = 12  # of the days ahead, in which it is asked when the next purchase comes
_FORECAST = ["purchases", "spend", "p_purchase"]


@dataclass(frozen=True)
class Ahead:
    """What customers known on `as_of` will do in the `days` after it.

    method, why: how it was forecast (HYBRID, MEAN_OF_MODELS or RATE), and a sentence on it. customers, by customer_id:
    frequency (repeat purchases so far), purchases (mean), spend (mean, currency), p_purchase (chance of a purchase, 0
    to 1). others: the same of who has no purchase left, all being sent back or free: what such customers brought in
    past windows, on average; in no total but those that say so. window: what was known of them, and what came, as far
    as the history tells. learned: the hybrid, if it is one.

    >>> foreseen.method, foreseen.customers[["purchases", "spend"]].sum().round(-2).to_dict()
    ('hybrid', {'purchases': 2100.0, 'spend': 81300.0})
    """

    as_of: pd.Timestamp
    days: int
    method: str
    why: str
    customers: pd.DataFrame
    others: pd.DataFrame
    window: Window
    learned: Hybrid | None

    def total(self, column: str, level: float) -> tuple[float, float, float]:
        """What comes of all customers, and the range that holds it in `level` of times. column: purchases or spend.

        >>> [round(each) for each in foreseen.total("purchases", level=0.9)]
        [2149, 1770, 2610]
        """
        total = float(self.customers[column].sum())
        reach = self.reach(column, level)
        return total, total / reach, total * reach

    def reach(self, column: str, level: float, share: float = 1.0) -> float:
        """By which factor a share of the total may come out higher, or lower, in `level` of times.

        >>> round(foreseen.reach("purchases", level=0.9), 2), round(foreseen.reach("purchases", 0.9, share=0.01), 2)
        (1.21, 2.04)
        """
        return float(np.exp(norm.ppf((1 + level) / 2) * self._spread(column, share)))

    def spread_of(self, column: str) -> tuple[float, float]:
        """How far what comes lies from the forecast: of everybody alike (standard deviation of the logarithm), and by
        chance (variance of what comes, over what is forecast; unit of the column).

        >>> [round(each, 2) for each in foreseen.spread_of("purchases")]
        [0.11, 3.77]
        """
        if self.learned is not None:
            return self.learned.spread_of(column, self.days)
        apart = _UNTAUGHT[self.method]
        if self.method == RATE:  # of how many times customers came back nearly nothing is known
            apart = float(np.hypot(apart, (float(self.window.known["frequency"].sum()) + 0.5) ** -0.5))
        if column == "purchases":
            return apart, CLUMPED
        said = self.customers[self.customers["spend"] > 0]
        each = said["spend"] / said["purchases"]  # large baskets make the total less certain
        return apart, CLUMPED * float((said["spend"] * each).sum() / said["spend"].sum()) if len(said) else CLUMPED

    def _spread(self, column: str, share: float) -> float:
        """Standard deviation of the logarithm of what comes of a share of the total, over what was forecast of it."""
        return spread_of_total(*self.spread_of(column), share * float(self.customers[column].sum()))

    @cached_property
    def next_order(self) -> pd.Series:
        """By when half of those have bought again who do so at all within `days` (date, by customer_id).

        >>> foreseen.next_order.head(2).dt.strftime("%Y-%m-%d").to_list()
        ['1998-09-03', '1998-09-14']
        """
        ends = np.linspace(0, self.days, _PARTS + 1)
        if self.buying is None:
            rates = self.customers["purchases"].to_numpy() / self.days
            chances = np.array([-np.expm1(-rates * end) for end in ends])
        else:
            history = [self.window.known[name] for name in ("frequency", "recency", "T")]
            models = self.buying.models_.values()
            each = [[model.p_at_least(1, end, *history) for end in ends[1:]] for model in models]
            chances = np.vstack([np.zeros(len(self.customers)), np.mean(each, axis=0)])
        half = chances[-1] / 2
        after = np.clip((chances < half).sum(axis=0), 1, _PARTS)  # the first end by which half have bought
        low, high = (np.take_along_axis(chances, (after - back)[None], axis=0)[0] for back in (1, 0))
        within = np.divide(half - low, high - low, out=np.zeros_like(low), where=high > low)
        days = np.ceil((after - 1 + within) * self.days / _PARTS)
        return pd.Series(self.as_of + pd.to_timedelta(days, unit="D"), index=self.customers.index)

    def by_month(self, season: pd.Series | None, level: float) -> pd.DataFrame:
        """Expected spend of all customers in each month ahead: spend, low, high (currency), by the month's last day.

        How it falls from month to month is what models of buying expect, times the month's place in the season (see
        `seasons`), if there is one; all months together are `total`. A month's range is that of a total of its size,
        with a tenth (one standard deviation) taken for granted by which single months differ.

        >>> foreseen.by_month(None, level=0.9).round(-2).head(2)
                     spend     low     high
        until
        1998-07-30  7600.0  5300.0  10800.0
        1998-08-30  7400.0  5100.0  10600.0
        """
        shares = self.months(season)
        spend = self.total("spend", level)[0] * shares
        spread = [np.hypot(self._spread("spend", share), SINGLE_MONTH) for share in shares.clip(1e-6)]
        reach = np.exp(norm.ppf((1 + level) / 2) * np.array(spread))
        return pd.DataFrame({"spend": spend, "low": spend / reach, "high": spend * reach})

    def months(self, season: pd.Series | None) -> pd.Series:
        """The share of all that is foreseen which falls into each month ahead, by its last day (see `by_month`).

        >>> foreseen.months(None).head(2).round(3).to_list()
        [0.093, 0.091]
        """
        each = self.months_of_each(season).mul(self.customers["purchases"], axis=0).sum()
        return (each / each.sum() if each.sum() > 0 else each + 1 / len(each)).rename("share")

    def months_of_each(self, season: pd.Series | None) -> pd.DataFrame:
        """The same for every customer (rows; months in columns): who has just bought is foreseen to buy sooner.

        >>> foreseen.months_of_each(None).iloc[:2, [0, 11]].round(3).to_numpy().tolist()
        [[0.092, 0.076], [0.091, 0.077]]
        """
        ends = np.linspace(0, self.days, months_in(self.days) + 1)
        if self.buying is None:
            until = np.outer(ends, np.ones(len(self.customers)))
        else:
            until = np.array([self.buying.forecast(self.window.known, end)["purchases"] for end in ends])
            until[0] = 0.0  # no least forecast of no days
        falls = np.diff(until, axis=0).clip(min=0.0) + 1e-12
        if season is not None:
            middles = self.as_of + pd.to_timedelta((ends[1:] + ends[:-1]) / 2, unit="D")
            falls = falls * season.reindex(middles.month).to_numpy()[:, None]
        days = pd.DatetimeIndex(self.as_of + pd.to_timedelta(np.round(ends[1:]), unit="D"), name="until")
        return pd.DataFrame((falls / falls.sum(axis=0)).T, index=self.customers.index, columns=days)

    def forecast(self, known: pd.DataFrame) -> pd.DataFrame:
        """The same forecast for customers as known on any day: purchases, spend (currency), p_purchase.

        known: `aggregate.features` of that day, with `ahead` as long as the window.

        >>> foreseen.forecast(foreseen.window.known).equals(foreseen.customers[["purchases", "spend", "p_purchase"]])
        True
        """
        if self.learned is not None:
            return self.learned.forecast(known, self.window.buying, self.days)
        if self.buying is not None:
            return self.buying.forecast(known, self.days)[_FORECAST]
        return _rate(self.window.known, known, self.days)

    @property
    def buying(self) -> Buying | None:
        """The models of buying, as far as they could be fitted."""
        return None if self.method == RATE else self.window.buying

    @cached_property
    def ranges(self) -> Ranges | None:
        """Ranges for each customer, from customers like them in past windows; None where no window could teach."""
        return None if self.learned is None else Ranges(self.learned.unseen_)


def spread_of_total(apart: float, chance: float, total: float) -> float:
    """Standard deviation of the logarithm of what comes, over a forecast `total` of it (see `Ahead.spread_of`).

    >>> round(spread_of_total(0.1, chance=2.0, total=200.0), 3)
    0.141
    """
    return float(np.hypot(apart, np.sqrt(chance / max(total, chance / 2))))


def seasons(trade: pd.Series) -> pd.Series | None:
    """How much more than on average is bought in each month of the year (1 to 12; mean 1); None in less than two years.

    Classical decomposition: the mean ratio to a centred mean of twelve months (Hyndman & Athanasopoulos, Forecasting:
    Principles and Practice, section 3.4). trade: purchases by whole month (its first day), without gaps.

    >>> months = pd.date_range("2023-01-01", periods=36, freq="MS")
    >>> trade = pd.Series(np.where(months.month == 12, 20.0, 10.0), index=months)
    >>> seasons(trade).round(2).loc[[11, 12]].to_dict(), seasons(trade[:20])
    ({11: 0.92, 12: 1.85}, None)
    """
    smooth = trade.rolling(12).mean().rolling(2).mean().shift(-6)
    ratios = (trade / smooth.where(smooth > 0)).dropna()
    found = ratios.groupby(pd.DatetimeIndex(ratios.index).month).mean()
    return found / found.mean() if len(found) == 12 else None


def season_of(ds: "Dataset") -> pd.Series | None:
    """The seasons of a dataset's repeat purchases, by the months that it covers whole; None where they show none.

    >>> int(season_of(shop).idxmax())
    12
    """
    if not ds.has("transactions"):
        return None
    trade = aggregate.purchases_by_period(ds.transactions, ds.as_of, "M")["repeat_purchases"]
    begins = pd.DatetimeIndex(trade.index)
    return seasons(trade[(begins >= ds.starts) & (begins + pd.offsets.MonthEnd() <= ds.as_of)])


def foresee(ds: "Dataset") -> Ahead:
    """Forecast the horizon of a dataset's economics after its last day (see `look_ahead`).

    Of totals per customer, which have no past windows, by the mean of the models of buying.

    >>> ahead = foresee(sample)
    >>> ahead.method, ahead.days, ahead.customers.equals(foreseen.customers)
    ('hybrid', 365, True)
    """
    days = ds.economics.horizon_days
    if not ds.has("totals"):
        return look_ahead(History(ds.transactions, ds.starts), ds.as_of, days)
    known = ds.rfm_summary()
    known["first_spend"] = known["total_spend"] - (known["monetary_value"] * known["frequency"]).fillna(0.0)
    nothing = pd.Series(0.0, index=known.index)
    window = Window(ds.as_of, days, known, nothing, nothing, pd.DataFrame({"purchases": [], "spend": []}))
    return _ahead(window, [], ds.starts, days)


def look_ahead(history: History, as_of: pd.Timestamp, days: int) -> Ahead:
    """Forecast `days` after `as_of`, by what was known on it.

    >>> look_ahead(history, sample.as_of, days=91).why
    'It learned from 4 past windows of 91 days; 1,460 times a customer bought in one.'
    """

    def look() -> Ahead:
        own = length(history.starts, as_of, days)
        return _ahead(history.window(as_of, own), history.past(as_of, own), history.starts, days)

    asked = str(history.starts), str(as_of), days
    return once(look, lambda: ("look_ahead", history.content, *asked), lambda made: len(made.customers))


def _ahead(window: Window, past: Sequence[Window], starts: pd.Timestamp, days: int) -> Ahead:
    method, why, learned = _best(window, past, starts)
    ahead = Ahead(window.as_of, days, method, why, window.known[["frequency"]], window.others, window, learned)
    customers = ahead.customers.join(ahead.forecast(window.known))
    return replace(ahead, customers=customers, others=_others(window, past, customers, days))


def _best(window: Window, past: Sequence[Window], starts: pd.Timestamp) -> tuple[str, str, Hybrid | None]:
    """The best method that can be had for a window, why, and what it learned from past ones."""
    try:
        _ = window.buying
    except CannotAnswer as error:
        return RATE, phrase("No model of buying can be fitted: {why}", why=error), None
    teach = [each for each in past if _can_teach(each)]
    back = int(sum((each.purchases > 0).sum() for each in teach))
    if back < LEAST_BACK:
        why = phrase(
            "{past:In past windows of {days} days {n:,} customers bought|No past window is known}; the hybrid learns "
            "from {least} such customers.",
            past=past,
            days=window.days,
            n=back,
            least=LEAST_BACK,
        )
        return MEAN_OF_MODELS, why, None
    why = phrase(
        "It learned from {windows} past windows of {days} days; {n:,} times a customer bought in one.",
        windows=len(teach),
        days=window.days,
        n=back,
    )
    return HYBRID, why, Hybrid().fit(teach, starts, window.as_of)


def _others(window: Window, past: Sequence[Window], customers: pd.DataFrame, days: int) -> pd.DataFrame:
    """Whoever has no purchase left does what such customers did in past windows, on average; the fewer these are, the
    more what is forecast of customers with one purchase: it counts as much as _AS_MANY of them.
    """
    once = customers.loc[customers["frequency"] == 0, _FORECAST].mean().fillna(0.0)
    before = pd.concat([each.others for each in past] or [window.others[:0]])
    came = before.assign(spend=before["spend"].clip(lower=0), p_purchase=(before["purchases"] > 0).astype(float))
    longer = days / window.days
    mean = (came[_FORECAST].sum() * [longer, longer, 1.0] + _AS_MANY * once) / (len(came) + _AS_MANY)
    return pd.DataFrame([mean] * len(window.others), index=window.others.index, columns=_FORECAST, dtype=float)


def _can_teach(window: Window) -> bool:
    try:
        return bool(window.buying.models_)
    except CannotAnswer:
        return False


def _rate(seen: pd.DataFrame, known: pd.DataFrame, days: int) -> pd.DataFrame:
    """Everybody goes on at the rate of all seen: repeat purchases, and half a one more, as nobody knows that there will
    never be any (Jeffreys' prior of a rate), per day since the first; at the mean spend.
    """
    every = every_purchase(seen)
    purchases = days * (seen["frequency"].sum() + 0.5) / max(float(seen["T"].sum()), days)
    each = (every["monetary_value"] * every["frequency"]).sum() / max(every["frequency"].sum(), 1)
    row = {"purchases": purchases, "spend": purchases * each, "p_purchase": -np.expm1(-purchases)}
    return pd.DataFrame(row, index=known.index)
