"""Groups of customers side by side, on every measure and over any period, each mean with its interval.

And which attributes part customers by more than chance in what came after the first purchase, in the same time for
everybody.
"""

from collections.abc import Mapping
from contextlib import suppress
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy.stats import t
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.proportion import proportion_confint

from clvlib import aggregate
from clvlib.errors import NotEnoughData, UsageError
from clvlib.language import message, phrase, translated
from clvlib.stats import LEAST
from clvlib.value.attributes import known_attributes
from clvlib.value.cohort_grid import quarter_name

if TYPE_CHECKING:
    from clvlib.dataset import Dataset
    from clvlib.models.outlook import Ahead

_YEAR = 365  # days
SO_FAR, LAST_YEAR = message("so far"), message("last 365 days")
YEAR_BEFORE = message("365 days before these")
AT_SAME_AGE = message("first 365 days of each customer")
SPANS = (SO_FAR, LAST_YEAR, YEAR_BEFORE, AT_SAME_AGE)
_AHEAD = message("the horizon ahead")
SPAN_OF = {"mean_days_between_orders": SO_FAR, "p_purchase": _AHEAD, "clv": _AHEAD}  # whichever is asked for
RATIOS = {"order_value": ("revenue", "orders")}
MEASURES = ("revenue", "orders", "order_value", "bought_again", "mean_days_between_orders", "p_purchase", "clv")
_LEVEL = 0.95
_WATCHED = (_YEAR, 182, 91, 30)  # days after the first purchase
_NOT_BEFORE = ("segment", "cohort")
_FORECAST = ("p_purchase", "clv")
_SEED, _DEALS, _MOST_TESTED = 1, 1999, 20_000
_LEAST_TESTED = 30  # customers of a group that is tested


def in_span(ds: "Dataset", ahead: "Ahead", clv: pd.Series, period: str = SO_FAR) -> pd.DataFrame:
    """What each customer did in a period and is expected to do: columns of MEASURES; index customer_id.

    Of the period are revenue (currency), orders (purchase days) and bought_again (0 or 1: bought in it, after the very
    first day), each purchase on its own day, less what was sent back of it since. Of all time is
    mean_days_between_orders (of who came back), of the horizon ahead p_purchase and clv (currency; `scoring.score`).
    A year is that of who had bought before it began; AT_SAME_AGE is of those only who were watched for so long.

    >>> known = in_span(sample, foreseen, foreseen.customers["spend"], AT_SAME_AGE)
    >>> known[["revenue", "orders"]].sum().round(1).to_dict()
    {'revenue': 213136.6, 'orders': 5844.0}
    """
    if period not in SPANS:
        raise UsageError(
            phrase("There is no period {period!r}.", period=period),
            phrase("Choose one of: {names}.", names=", ".join(SPANS)),
        )
    rfm, year = ds.rfm_summary(), pd.Timedelta(days=_YEAR)
    ends = {LAST_YEAR: ds.as_of, YEAR_BEFORE: ds.as_of - year}
    if period == SO_FAR:
        did = pd.DataFrame({"revenue": rfm["total_spend"], "orders": rfm["frequency"] + 1})
        did["bought_again"] = (rfm["frequency"] > 0).astype(float)
    elif period == AT_SAME_AGE:
        there = rfm.index[rfm["first_purchase"] <= ds.as_of - year]
        later = aggregate.bought_by_age(ds.transactions, ds.as_of, _YEAR).reindex(there, fill_value=0)
        first = aggregate.first_spend(ds.transactions, ds.as_of).reindex(there)
        did = pd.DataFrame({"revenue": first + later["spend"], "orders": later["purchases"] + 1})
        did["bought_again"] = (later["purchases"] > 0).astype(float)
    else:
        begins, end = ends[period] - year, ends[period]
        there = rfm.index[rfm["first_purchase"] <= begins]
        came = aggregate.bought_by_day(ds.transactions, ds.as_of, begins, end).reindex(there, fill_value=0)
        did = pd.DataFrame({"revenue": came["spend"], "orders": came["purchases"]})
        did["bought_again"] = (came["purchases"] > 0).astype(float)
    if did.empty:
        what = phrase("Nobody was there for the period “{period}”.", period=translated(period))
        raise NotEnoughData(what, "Choose another period.")
    did["mean_days_between_orders"] = rfm["mean_days_between_orders"].reindex(did.index)
    did["p_purchase"] = ahead.customers["p_purchase"].reindex(did.index)
    return did.assign(clv=clv.reindex(did.index)).astype("float64")


def by_measure(known: pd.DataFrame, groups: pd.Series, measure: str) -> pd.DataFrame:
    """A measure's mean by group: customers, low, mid, high (unit of the measure); groups of 5 or more, in their order.

    known: of `in_span`. The interval (95 %) says where else the mean might lie had other customers of the same kind
    come: of a mean by its standard error (t), of a share by Wilson's (1927), of money per order, a ratio of sums, by
    the delta method. There is none (NaN) of a forecast, whose own error is larger, of fewer than 30 customers, where
    it would hold too seldom, and of customers who are all alike.

    >>> known = in_span(sample, foreseen, foreseen.customers["spend"])
    >>> by_measure(known, pd.Series("all", known.index), "bought_again").round(3).loc["all"].to_dict()
    {'customers': 2349.0, 'low': 0.465, 'mid': 0.485, 'high': 0.505}
    """
    groups = groups.reindex(known.index)
    rows = {}
    named = isinstance(groups.dtype, pd.CategoricalDtype)
    for group in groups.cat.categories if named else sorted(groups.dropna().unique()):
        part = known[(groups == group).to_numpy()]
        part = part.dropna(subset=[] if measure in RATIOS else [measure])
        if len(part) >= LEAST:
            rows[str(group)] = (len(part), *_interval(part, measure))
    if not rows:
        raise NotEnoughData(
            phrase("No group has {least} customers of whom this is known.", least=LEAST), "Choose another attribute."
        )
    return pd.DataFrame.from_dict(rows, orient="index", columns=["customers", "low", "mid", "high"])


def on_every_measure(known: pd.DataFrame, groups: pd.Series) -> pd.DataFrame:
    """The mean of each measure (columns; units of theirs) by group (index); measures that no group tells are left out.

    >>> known = in_span(sample, foreseen, foreseen.customers["spend"])
    >>> on_every_measure(known, pd.Series("all", known.index)).round(2).loc["all", ["orders", "order_value"]].to_dict()
    {'orders': 2.85, 'order_value': 36.5}
    """
    told = {}
    for measure in MEASURES:
        with suppress(NotEnoughData):
            told[measure] = by_measure(known, groups, measure)["mid"]
    if not told:
        raise NotEnoughData(phrase("No group has {least} customers.", least=LEAST), "Choose another attribute.")
    return pd.DataFrame(told).reindex(told["revenue"].index)


def _interval(part: pd.DataFrame, measure: str) -> tuple[float, float, float]:
    if measure == "bought_again":
        low, high = proportion_confint(part[measure].sum(), len(part), alpha=1 - _LEVEL, method="wilson")
        return float(low), float(part[measure].mean()), float(high)
    above, below = (part[name] for name in RATIOS.get(measure, (measure, measure)))
    if measure not in RATIOS:
        below = pd.Series(1.0, index=part.index)
    if below.sum() <= 0:
        return np.nan, np.nan, np.nan
    mid = float(above.sum() / below.sum())
    error = float((above - mid * below).std() / np.sqrt(len(part)) / below.mean())
    if measure in _FORECAST or len(part) < _LEAST_TESTED or not error > 0:
        return np.nan, mid, np.nan
    reach = float(t.ppf((1 + _LEVEL) / 2, len(part) - 1)) * error
    return mid - reach, mid, mid + reach


def ways_to_group(ds: "Dataset") -> dict[str, pd.Series]:
    """What customers can be grouped by, and the group of each (customer_id → name, in their order).

    Segment of today, period of the first purchase, what and how much was bought first, and the attributes of the
    customers.

    >>> list(ways_to_group(sample))
    ['segment', 'cohort', 'first basket']
    """
    own = {message("segment"): ds.segments()["segment"], message("cohort"): _cohort(ds)}
    return own | {each.name: each.groups for each in known_attributes(ds, taken=own) if not each.why_not}


def _cohort(ds: "Dataset") -> pd.Series:
    """The quarter of the first purchase; the year, where there are more than twelve."""
    first = ds.rfm_summary()["first_purchase"]
    quarters = first.dt.to_period("Q").astype("category")
    if len(quarters.cat.categories) > 12:
        return first.dt.year.astype("category").cat.rename_categories(str).rename("cohort")
    return quarters.cat.rename_categories(quarter_name).rename("cohort")


def after_first(ds: "Dataset") -> tuple[pd.DataFrame, int]:
    """What customers spent (column `spend`, currency) in so many days after their first purchase day, and how many.

    Nothing of the first purchase is in it, whether it was kept or sent back. The days are the longest of a year, a
    half, a quarter and a month for which half of the customers were watched; index customer_id, only who was watched.
    Raises NotEnoughData when it isn't even a month.

    >>> spent, days = after_first(sample)
    >>> len(spent), days
    (2349, 365)
    """
    first = ds.rfm_summary()["first_purchase"]
    for days in _WATCHED:
        watched = first <= ds.as_of - pd.Timedelta(days=days)
        if watched.mean() >= 0.5:
            later = aggregate.bought_by_age(ds.transactions, ds.as_of, days)
            return later[["spend"]].reindex(first.index[watched], fill_value=0.0), days
    raise NotEnoughData(
        phrase("Fewer than half of the customers were watched for {days} days.", days=_WATCHED[-1]),
        "Bring a longer history.",
    )


def parting(spent: pd.DataFrame, groupings: Mapping[str, pd.Series]) -> pd.DataFrame:
    """Which attributes part customers by what they spent after their first purchase.

    spent: of `after_first`; groupings: of `ways_to_group`, of which segment and cohort are left out, as the one is made
    of what was spent, the other of time. One row an attribute, the surest first: groups, customers, lowest and highest
    (names), low and high (their means, currency), explained (share of the variance of spend), p_value (Pitman 1937: how
    often means lie as far apart when customers are dealt out to the groups by chance; the hypothesis is that the group
    makes no difference at all), p_holm (corrected for so many attributes, Holm 1979). Groups of 30 customers or more;
    of more than 20,000 customers, so many drawn by chance. Raises NotEnoughData when no attribute has two such groups,
    or all spent the same.

    Whether an attribute was known at the first purchase, or filled in by what came after it, the data don't say.

    >>> parting(after_first(sample)[0], ways_to_group(sample))[["groups", "p_holm"]].round(3).to_dict("index")
    {'first basket': {'groups': 4, 'p_holm': 0.0}}
    """
    rows = {}
    if len(spent) > _MOST_TESTED:
        spent = spent.sample(_MOST_TESTED, random_state=_SEED)
    for name in [name for name in groupings if name not in _NOT_BEFORE]:
        groups = groupings[name].reindex(spent.index).astype(str)
        seen = spent["spend"].groupby(groups).agg(["size", "mean"])
        seen = seen[seen["size"] >= _LEAST_TESTED].sort_values("mean")
        tested = spent["spend"][groups.isin(seen.index)]
        if len(seen) > 1 and tested.nunique() > 1:
            rows[name] = {
                "groups": len(seen),
                "customers": int(seen["size"].sum()),
                **{"lowest": seen.index[0], "highest": seen.index[-1]},
                **{"low": seen["mean"].iloc[0], "high": seen["mean"].iloc[-1]},
                **_by_chance(tested, groups),
            }
    if not rows:
        raise NotEnoughData(
            phrase(
                "No attribute has two groups of {least} customers who were watched for so long.", least=_LEAST_TESTED
            ),
            "Bring attributes of customers, or a longer history.",
        )
    table = pd.DataFrame.from_dict(rows, orient="index")
    table["p_holm"] = multipletests(table["p_value"], method="holm")[1]
    return table.sort_values(["p_value", "explained"], ascending=[True, False]).rename_axis("attribute")


def _by_chance(spend: pd.Series, groups: pd.Series) -> dict[str, float]:
    """How far groups lie apart (sum of squares between them), and how often so far when customers are dealt out."""
    codes, each = pd.factorize(groups.reindex(spend.index))[0], spend.to_numpy()
    sizes, rng = np.bincount(codes), np.random.default_rng(_SEED)
    found = [float((np.bincount(codes, each) ** 2 / sizes).sum())]
    found += [float((np.bincount(codes, rng.permutation(each)) ** 2 / sizes).sum()) for _ in range(_DEALS)]
    between = found[0] - each.sum() ** 2 / len(each)
    share = between / float(((each - each.mean()) ** 2).sum())
    return {"explained": share, "p_value": float(np.mean(np.array(found) >= found[0] * (1 - 1e-12)))}
