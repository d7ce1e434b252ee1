"""A history goes in; windows of the past come out: what was known of each customer on a day, and what came after it.

A forecast of the next months is learned from months that have passed, and judged by them. A window is such a time: the
customers known on the day before it, described by nothing that came later, beside what they bought in it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import pandas as pd

from clvlib import aggregate
from clvlib.errors import NotEnoughData
from clvlib.language import phrase
from clvlib.models.buying import Buying

if TYPE_CHECKING:
    import ibis

YEAR = 365  # days
TEACHING = 20_000  # customers that past windows are made of, where there are more
MOST = 4  # windows: older ones tell of customers and of a trade that are no more
_HALF_YEAR = 180  # days of history before a window that are enough, where it is longer than this
_SHORTEST = 30  # days from one window to the next


@dataclass(frozen=True)
class Window:
    """Customers known on `as_of`, and what each did in the `days` after it.

    known: `aggregate.features` of that day, indexed by customer_id. purchases (purchase days) and spend (currency, net
    of the refunds known on the last day): same index. others: the same two of customers who were seen before, without a
    purchase left: all was sent back, or was free.

    >>> winter = window(sample.transactions, pd.Timestamp("1997-12-31"), days=90)
    >>> winter.known[["frequency", "purchases_last_90", "spend_same_months"]].head(2)
                 frequency  purchases_last_90  spend_same_months
    customer_id
    0001                 3                  1              59.06
    0002                 1                  0              75.11
    """

    as_of: pd.Timestamp
    days: int
    known: pd.DataFrame
    purchases: pd.Series
    spend: pd.Series
    others: pd.DataFrame

    @cached_property
    def buying(self) -> Buying:
        """Models of buying, fitted on what was known. Raises as `Buying.fit` does."""
        return Buying().fit(self.known)


def window(transactions: "ibis.Table", as_of: pd.Timestamp, days: int) -> Window:
    """The window of `days` after `as_of`; see `Window`.

    >>> window(sample.transactions, pd.Timestamp("1997-12-31"), days=90).purchases.value_counts().head(3).to_dict()
    {0.0: 1965, 1.0: 248, 2.0: 70}
    """
    known, seen = aggregate.features(transactions, as_of, days), aggregate.everybody(transactions, as_of)
    after = aggregate.holdout(transactions, as_of, as_of + pd.Timedelta(days=days)).astype(float)
    came, others = (after.reindex(of).fillna(0.0) for of in (known.index, seen.difference(known.index)))
    return Window(as_of, days, known, came["purchases"], came["spend"], others.rename_axis("customer_id"))


def length(starts: pd.Timestamp, as_of: pd.Timestamp, days: int) -> int:
    """How long a window can be (days): `days`, or half the history where that is shorter.

    >>> length(sample.starts, sample.as_of, days=182), length(sample.starts, sample.as_of, days=365)
    (182, 272)
    """
    return max(1, min(days, (as_of - starts).days // 2))


def first_days(starts: pd.Timestamp, as_of: pd.Timestamp, days: int) -> Sequence[pd.Timestamp]:
    """The days on which the windows to learn from begin, the latest first: at most MOST, in steps of half a window.

    Before each lies as much history as it is long, or half a year. The last of MOST is the window of the same months a
    year ago, where the history holds it: no other knows what these months bring.

    >>> [str(day)[:10] for day in first_days(sample.starts, sample.as_of, days=91)]
    ['1998-03-31', '1998-02-14', '1997-12-31', '1997-06-30']
    """
    earliest = starts + pd.Timedelta(days=min(days, _HALF_YEAR))
    step = pd.Timedelta(days=max(days // 2, _SHORTEST))
    found = list(pd.date_range(as_of - pd.Timedelta(days=days), earliest, freq=-step)[:MOST])
    year_ago = as_of - pd.Timedelta(days=YEAR)
    if earliest <= year_ago < min(found, default=as_of):
        found = [*found[: MOST - 1], year_ago]
    return found


class History:
    """Transactions from `starts` on, and the windows that were asked of them: each is worked out once.

    >>> [str(past.as_of)[:10] for past in history.past(sample.as_of, days=91)]
    ['1998-03-31', '1998-02-14', '1997-12-31', '1997-06-30']
    """

    def __init__(self, transactions: "ibis.Table", starts: pd.Timestamp) -> None:
        self.transactions, self.starts = transactions, starts
        self._kept: dict[tuple[pd.Timestamp, int, bool], Window] = {}

    @cached_property
    def content(self) -> tuple[int, ...]:
        """Numbers by which other transactions are told from these."""
        return aggregate.content(self.transactions)

    def window(self, as_of: pd.Timestamp, days: int) -> Window:
        """`window` of these transactions. After the last day of the history, nothing comes in it."""
        return self._window(as_of, days, self.transactions)

    def past(self, as_of: pd.Timestamp, days: int) -> list[Window]:
        """The windows to learn from on `as_of` (see `first_days`), of a sample of customers where there are many."""
        return [self._window(day, days, self._sample) for day in first_days(self.starts, as_of, days)]

    def latest(self, as_of: pd.Timestamp, days: int) -> Window:
        """The latest of the windows to learn from. Raises NotEnoughData where the history holds none."""
        past = self.past(as_of, days)
        if not past:
            raise NotEnoughData(
                phrase("The history is too short for a window of {n} days with as many before it.", n=days),
                "Bring a longer history.",
            )
        return past[0]

    def _window(self, as_of: pd.Timestamp, days: int, transactions: "ibis.Table") -> Window:
        key = (as_of, days, transactions is self.transactions)
        if key not in self._kept:
            self._kept[key] = window(transactions, as_of, days)
        return self._kept[key]

    @cached_property
    def _sample(self) -> "ibis.Table":
        return aggregate.some_customers(self.transactions, TEACHING)
