"""First purchases and what came after them go in; what a new customer will bring, by what is known on the first day.

Models of buying know nothing of a customer who has bought once, or not at all: all get the same forecast. What is known
then is the channel, where people live, and after the first order its size and what was in it. A Poisson
regression with a penalty (ridge; Hoerl & Kennard 1970, Technometrics 12) draws each group towards the mean of all, the
more, the fewer are in it (partial pooling); how much, customers decide from whom it hasn't learned. Whether all that
says more than the mean of all is judged on customers won later.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import numpy as np
import pandas as pd
from scipy.stats import norm, t
from sklearn.compose import make_column_transformer
from sklearn.linear_model import PoissonRegressor
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from clvlib import aggregate
from clvlib.errors import MissingTable, NotEnoughData
from clvlib.language import message, phrase, word
from clvlib.models.backtest import auc
from clvlib.stats import Array, one_thread

if TYPE_CHECKING:
    from clvlib.dataset import Economics

_LEAST = 100  # customers to learn from, and as many to judge by
MEAN = message("the mean of all")
_PENALTIES = [1e-3, 1e-2, 1e-1, 1.0, 10.0, 100.0]  # up to one that leaves the mean of all
_RARE = 10  # customers of a group: rarer ones are put together
_TOP = 0.1
_FEW = 20  # customers: of fewer, the mean of all is all that can be learned


class FirstDay:
    """The spend (currency) that comes after the first day, learned from customers whose days are over.

    people: of `aggregate.first_purchases`, with further attributes. known: which columns are known; texts are groups,
    numbers count by their logarithm. Nothing known, and it is the mean of all.

    >>> people = aggregate.first_purchases(shop.transactions, shop.as_of, days=182).query("watched")
    >>> FirstDay(["first_spend", "first_category"]).fit(people).spend(people).head(2).round(1).to_dict()
    {'C0001': 103.6, 'C0002': 120.4}
    """

    def __init__(self, known: Sequence[str]) -> None:
        self.known = list(known)

    def fit(self, people: pd.DataFrame) -> Self:
        came = people["spend"].clip(lower=0).to_numpy()
        self.mean_ = float(came.mean())
        self._model = None
        if self.known and self.mean_ > 0 and len(people) >= _FEW:
            numbers = list(people[self.known].select_dtypes("number"))
            texts = [name for name in self.known if name not in numbers]
            self._usual = people[numbers].median()
            rare = OneHotEncoder(min_frequency=_RARE, handle_unknown="infrequent_if_exist")
            columns = make_column_transformer((rare, texts), (StandardScaler(), numbers))
            regression = make_pipeline(columns, PoissonRegressor(max_iter=1000))
            search = GridSearchCV(
                regression, {"poissonregressor__alpha": _PENALTIES}, scoring="neg_mean_poisson_deviance", cv=5
            )
            with one_thread():
                self._model = search.fit(self._readable(people), came / self.mean_)
        return self

    def _readable(self, people: pd.DataFrame) -> pd.DataFrame:
        """Texts as texts, numbers by their logarithm; an unknown one is the usual one."""
        numbers = people[self._usual.index].fillna(self._usual).clip(lower=0)
        return people[self.known].astype(str).assign(**{str(name): np.log1p(numbers[name]) for name in numbers})

    def spend(self, people: pd.DataFrame) -> pd.Series:
        """What each is expected to spend after the first day (currency)."""
        ratio = self._model.predict(self._readable(people)) if self._model else np.ones(len(people))
        return pd.Series(ratio * self.mean_, index=people.index, name="spend")


@dataclass(frozen=True)
class Contest:
    """Forecasts of customers won after `since`, by what was learned from customers won until `learned_until`.

    table: by what was known: customers (judged), bias (total over what came, less 1), deviance (over that of the mean
    of all: below 1 is better), better (whether beyond chance, 95 %), auc (chance that who comes back is ranked above
    who doesn't), top_tenth (share of all spend that the tenth ranked highest brought; .1 by chance).

    >>> people = aggregate.first_purchases(shop.transactions, shop.as_of, days=182)
    >>> judged = judge_later(people, shop.as_of, 182, {"first basket": ["first_spend"]})
    >>> judged.learners, str(judged.learned_until)[:10], str(judged.since)[:10]
    (1626, '2024-06-30', '2024-12-29')
    """

    learned_until: pd.Timestamp
    since: pd.Timestamp
    learners: int
    table: pd.DataFrame


def judge_later(people: pd.DataFrame, as_of: pd.Timestamp, days: int, known: Mapping[str, Sequence[str]]) -> Contest:
    """Learn from those won first, judge by those won last: the days of all learners were over before these came.

    known: by name, which columns are known. The mean of all stands beside them. Raises NotEnoughData where fewer than
    _LEAST were won on either side.

    >>> people = aggregate.first_purchases(shop.transactions, shop.as_of, days=182)
    >>> judge_later(people, shop.as_of, 182, {"first basket": ["first_spend"]}).table[["deviance", "auc"]].round(2)
                     deviance   auc
    known
    the mean of all      1.00  0.50
    first basket         0.95  0.51
    """
    starts, ends = people["first_purchase"].min(), as_of - pd.Timedelta(days=days)
    since = starts + (ends - starts + pd.Timedelta(days=days)) / 2  # both sides are of one length
    until = since - pd.Timedelta(days=days)
    learn = people[people["first_purchase"] <= until]
    judge = people[(people["first_purchase"] > since) & (people["first_purchase"] <= ends)]
    if min(len(learn), len(judge)) < _LEAST:
        raise NotEnoughData(
            phrase(
                "{learn:,} customers were won until {until:%Y-%m-%d} and {judge:,} after {since:%Y-%m-%d}, each "
                "watched for {days} days; it takes {least} of each to learn from and to judge by.",
                learn=len(learn),
                until=until,
                judge=len(judge),
                since=since,
                days=days,
                least=_LEAST,
            ),
            "Bring a longer history, or look fewer days ahead.",
        )
    came, back = judge["spend"].clip(lower=0).to_numpy(), judge["purchases"].to_numpy() > 0
    if not min(came.sum(), learn["spend"].clip(lower=0).sum()) > 0:
        raise NotEnoughData(
            phrase(
                "Nobody won until {until:%Y-%m-%d}, or after {since:%Y-%m-%d}, came back within {days} days.",
                until=until,
                since=since,
                days=days,
            )
        )
    mean = FirstDay([]).fit(learn).spend(judge).to_numpy()
    rows = {}
    for name, columns in {MEAN: [], **known}.items():
        said = FirstDay(columns).fit(learn).spend(judge).to_numpy()
        gained = _deviances(came, mean) - _deviances(came, said)
        best = np.argsort(-said, kind="stable")[: max(1, round(_TOP * len(said)))]
        rows[name] = {
            "customers": len(judge),
            "bias": said.sum() / came.sum() - 1,
            "deviance": _deviances(came, said).sum() / _deviances(came, mean).sum(),
            "better": bool(gained.mean() > norm.ppf(0.95) * gained.std() / np.sqrt(len(gained))) and bool(columns),
            "auc": auc(back, said) if columns else 0.5,
            "top_tenth": came[best].sum() / came.sum() if columns else _TOP,
        }
    return Contest(until, since, len(learn), pd.DataFrame.from_dict(rows, orient="index").rename_axis("known"))


def by_group(people: pd.DataFrame, column: str, economics: "Economics") -> pd.DataFrame:
    """What customers of each group left, first order and the days after it, cost of serving taken off (currency).

    people: of `aggregate.first_purchases`, with the column. Columns: watched (customers whose days are over: they
    count), first_order, low, high (95 % interval of the mean, by itself), seen (mean, first order included), value (the
    same, the spend after the first day pooled, see `FirstDay`): to plan with, as it fools less where few were won.

    >>> people = aggregate.first_purchases(shop.transactions, shop.as_of, days=182)
    >>> by_group(people, "first_category", shop.economics)[["watched", "seen", "value"]].head(2).round(1)
                    watched  seen  value
    first_category
    Linen               668  72.6   71.2
    Candles             785  57.3   56.7
    """
    if column not in people:
        raise MissingTable(
            phrase("Nothing says the {what} of customers.", what=word(column.replace("_", " "))),
            phrase("Add a column {column} to the customers.", column=column),
        )
    seen = people[people["watched"]].assign(**{column: lambda t: t[column].astype(object).fillna(aggregate.UNKNOWN)})
    if seen.empty:
        raise NotEnoughData("No customer has been watched for so many days.", "Look fewer days ahead.")
    serving = economics.service_cost_per_order
    first = seen["first_spend"] * economics.margin - serving
    rest = seen["spend"] * economics.margin - seen["purchases"] * serving
    pooled = FirstDay([column]).fit(seen).spend(seen)
    groups = seen[column]
    frame = pd.DataFrame({"watched": groups.value_counts(), "first_order": first.groupby(groups).mean()})
    left = (first + rest).groupby(groups)
    frame["seen"], reach = left.mean(), t.ppf(0.975, left.size() - 1) * left.std() / np.sqrt(left.size())
    frame = frame.assign(low=frame["seen"] - reach, high=frame["seen"] + reach)
    came = float(seen["spend"].clip(lower=0).sum())
    kept = rest.sum() / came if came > 0 else 0.0
    frame["value"] = frame["first_order"] + kept * pooled.groupby(groups).mean()
    return frame.rename_axis(column).sort_values("value", ascending=False, kind="stable")


def _deviances(came: Array, said: Array) -> Array:
    """Poisson deviance of each customer."""
    return 2 * (np.where(came > 0, came * np.log(np.where(came > 0, came, 1) / said), 0) - came + said)
