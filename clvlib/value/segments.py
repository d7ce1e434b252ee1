"""Customer summaries → RFM scores, named segments, value tiers, groups by any attribute, and who moved between them.

Scores are places in a ranking: the customers of equal value always share one, whatever their number, so that
nothing depends on the order of the rows. Frames and Series about customers are indexed by customer_id.
"""

import math
from collections.abc import Sequence

import ibis
import numpy as np
import pandas as pd
from scipy.stats import norm

from clvlib import aggregate
from clvlib.dataset import Dataset
from clvlib.errors import NotEnoughData, UsageError
from clvlib.language import Template, decimal_mark, message, phrase
from clvlib.stats import rank_scores

_UNKNOWN = message("(unknown)")
_NUMBER = r"[+-]?(?:(?:0|[1-9][0-9]*)(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?"
OTHER = message("(all others)")
NOT_YET = message("(not yet a customer)")


WORTH_AN_EFFORT = ("Champions", "Loyal", "New", "Promising", "Wavering", "At risk", "Can't lose")
LITTLE = 0.1  # of the mean forecast CLV of all customers: too little to be called or won back for


def rfm_scores(rfm: pd.DataFrame) -> pd.DataFrame:
    """Score recency, frequency and spend of every customer, 1 to 5 (Hughes 1994, "Strategic database marketing").

    `rfm` is `aggregate.rfm_summary`. Columns: r_score (from days_since_last_order: the more recent, the higher),
    f_score (frequency), m_score (total_spend), and rfm ("545": the three side by side).

    >>> rfm_scores(rfm).head(3)
                 r_score  f_score  m_score  rfm
    customer_id
    0001               4        5        4  454
    0002               1        4        4  144
    0003               1        2        1  121
    """
    scores = pd.DataFrame(
        {
            "r_score": rank_scores(rfm["days_since_last_order"], best_low=True),
            "f_score": rank_scores(rfm["frequency"]),
            "m_score": rank_scores(rfm["total_spend"]),
        }
    )
    text = scores.astype(str)
    return scores.assign(rfm=text["r_score"] + text["f_score"] + text["m_score"])


# Rows: recency 5 (bought lately) to 1; columns: weight 1 to 5, the mean of the frequency and spend scores, halves up.
_GRID = {
    5: ("Promising", "Promising", "Promising", "Champions", "Champions"),
    4: ("Promising", "Promising", "Promising", "Loyal", "Champions"),
    3: ("Slipping", "Slipping", "Wavering", "Loyal", "Loyal"),
    2: ("Dormant", "Dormant", "Dormant", "At risk", "Can't lose"),
    1: ("Lost", "Lost", "Dormant", "At risk", "Can't lose"),
}
SEGMENTS = {
    message("Champions"): message("bought lately, often and much: thank them, ask them to recommend"),
    message("Loyal"): message("buy often or much, silent no longer than most: offer the next product, a programme"),
    message("New"): message("one purchase so far, lately: make the second one happen"),
    message("Promising"): message("bought lately, still rarely or little: build the habit"),
    message("Wavering"): message("middling, last seen a while ago: a reason to come back now"),
    message("Slipping"): message("small buyers, silent for some time: a light reminder"),
    message("At risk"): message("came back and spent well, silent for long: win back, ask why"),
    message("Can't lose"): message("were among the best, silent for long: call them in person"),
    message("Dormant"): message("small or middling buyers, silent for long: only cheap contacts"),
    message("Lost"): message("small buyers of long ago: spend nothing, learn from them"),
}


def named_segments(rfm: pd.DataFrame, scores: pd.DataFrame) -> pd.Series:
    """Name each customer's segment, one of SEGMENTS, as an ordered category from champions to lost.

    The name comes from the recency score and the weight (mean of the frequency and spend scores, at most 3 for a
    customer of a single purchase); a single, recent purchase (recency score 4 or 5) is "New". `scores` is
    `rfm_scores(rfm)`.

    >>> named_segments(rfm, rfm_scores(rfm)).value_counts().head(3)
    segment
    Champions    661
    Dormant      556
    Loyal        317
    Name: count, dtype: int64
    """
    weight = (scores["f_score"] + scores["m_score"] + 1) // 2
    # Where most buy once, even they rank in the middle: one purchase, however large, is no proof of loyalty.
    weight = weight.where(rfm["frequency"] > 0, weight.clip(upper=3))
    names = [_GRID[r][w - 1] for r, w in zip(scores["r_score"], weight, strict=True)]
    segment = pd.Series(names, index=rfm.index, name="segment", dtype=object)
    segment[(rfm["frequency"] == 0) & (scores["r_score"] >= 4)] = "New"
    return segment.astype(pd.CategoricalDtype(list(SEGMENTS), ordered=True))


def against_forecast(segment: pd.Series, scores: pd.DataFrame) -> pd.DataFrame:
    """Set the advice of each segment beside what a forecast expects of its customers.

    The names come from a board of ranks, which knows nothing of who still buys; a forecast does. They contradict each
    other where the advice is an effort for customers of whom, on average, less than a tenth of the mean CLV is
    expected, or where it is to spend nothing or little on customers of whom more than the mean is.

    segment: from `named_segments`; scores: from `scoring.score`, same index (p_purchase, clv). Indexed by segment, in
    their order: `advice`, `customers`, `customer_share`, `clv_share` (NaN where all CLV is not positive), `p_purchase`
    (mean chance of at least one purchase within the horizon), `contradicts` (bool).

    >>> segment = pd.Series(["Champions", "Champions", "Lost", "Lost"])
    >>> expected = pd.DataFrame({"p_purchase": [0.9, 0.7, 0.5, 0.3], "clv": [90.0, 50.0, 160.0, 100.0]})
    >>> against_forecast(segment, expected)[["customer_share", "clv_share", "p_purchase", "contradicts"]].round(2)
               customer_share  clv_share  p_purchase  contradicts
    segment
    Champions             0.5       0.35         0.8        False
    Lost                  0.5       0.65         0.4         True
    """
    groups = scores.groupby(segment.astype(str))
    total = float(scores["clv"].sum())
    names = [name for name in SEGMENTS if name in groups.groups]
    frame = pd.DataFrame({"advice": pd.Series(SEGMENTS), "customers": groups.size()}).loc[names]
    frame["customer_share"] = frame["customers"] / len(scores)
    frame["clv_share"] = groups["clv"].sum() / total if total > 0 else np.nan
    frame["p_purchase"] = groups["p_purchase"].mean()
    times = frame["clv_share"] / frame["customer_share"]
    effort = frame.index.isin(WORTH_AN_EFFORT)
    frame["contradicts"] = (effort & (times < LITTLE)) | (~effort & (times > 1))
    return frame.rename_axis("segment")


def profile(groups: pd.Series, rfm: pd.DataFrame, value: pd.Series) -> pd.DataFrame:
    """Describe groups of customers, whatever made them: segments, tiers, clusters, an attribute.

    `groups`, `rfm` and `value` (money per customer, for instance `lifespan.historic_value`) share their index. Indexed
    by group (categories in their order, empty ones left out; else by falling value): customers, customer_share,
    revenue, revenue_share, value, value_share, value_per_customer, orders (mean per customer), days_since_last_order
    (median). Shares sum to 1; those of a total that is not positive are NaN.

    >>> groups = pd.Series(np.where(rfm["frequency"] > 0, "came back", "bought once"), rfm.index)
    >>> profile(groups, rfm, 0.3 * rfm["total_spend"])[["customers", "revenue_share", "value_per_customer"]].round(2)
                 customers  revenue_share  value_per_customer
    group
    came back         1139           0.85               54.48
    bought once       1210           0.15                9.24
    """
    missing = rfm.index.difference(groups.index)
    if len(missing):
        raise UsageError(
            phrase("{n} customers have no group.", n=len(missing)), "Group exactly the customers of the summary."
        )
    table = pd.DataFrame(
        {
            "group": groups.reindex(rfm.index),
            "revenue": rfm["total_spend"],
            "value": value.reindex(rfm.index),
            "orders": rfm["frequency"] + 1,
            "days_since_last_order": rfm["days_since_last_order"],
        }
    )
    by = table.groupby("group", observed=True)
    frame = pd.DataFrame()
    for column, share in (("customers", "customer_share"), ("revenue", "revenue_share"), ("value", "value_share")):
        frame[column] = by.size() if column == "customers" else by[column].sum()
        total = frame[column].sum()
        frame[share] = frame[column] / total if total > 0 else np.nan
    frame["value_per_customer"] = frame["value"] / frame["customers"]
    frame["orders"] = by["orders"].mean()
    frame["days_since_last_order"] = by["days_since_last_order"].median()
    if not isinstance(groups.dtype, pd.CategoricalDtype):
        frame = frame.sort_values("value", ascending=False, kind="stable")
    frame.index = frame.index.astype(str)
    return frame


def apart(value: pd.Series, groups: pd.Series) -> bool:
    """Whether the groups of the highest and the lowest mean differ by more than luck among so many gives.

    Of k groups, k (k − 1) / 2 pairs could have been the farthest apart (Bonferroni); False where there is one group, or
    a mean of a single customer.

    >>> apart(pd.Series([10, 12, 11, 30, 33, 31]), pd.Series(list("aaabbb")))
    True
    """
    means = value.groupby(groups, observed=True).agg(["mean", "sem"]).sort_values("mean")
    ends, pairs = means.iloc[[0, -1]], len(means) * (len(means) - 1) / 2
    error = float(np.sqrt((ends["sem"] ** 2).sum(skipna=False)))
    return bool(pairs and ends["mean"].diff().iloc[1] > norm.isf(0.025 / pairs) * error)


def criterion(values: pd.Series, customers: pd.Index, most: int = 10) -> pd.Series:
    """Turn any attribute into groups of `customers`: the most frequent values, or four bands of equal size for numbers.

    Numbers with more than `most` distinct values are cut into quarters by rank (ties together), named by their range;
    dates become years; other attributes keep their `most` commonest values, the rest is "(all others)". Numbers stand
    in their order. A missing value is "(unknown)".

    >>> criterion(pd.Series([1, 2, 3, 4, 5, 6, 7, 8]), pd.RangeIndex(8), most=5).tolist()
    ['1 to 2', '1 to 2', '3 to 4', '3 to 4', '5 to 6', '5 to 6', '7 to 8', '7 to 8']
    """
    values = values.reindex(customers)
    if pd.api.types.is_datetime64_any_dtype(values):
        values = values.dt.year.astype("Int64").astype("string")
    found = values.dropna()
    if found.nunique() > most and pd.api.types.is_numeric_dtype(values) and values.dtype != bool:
        quarter = rank_scores(found.astype(float), 4)
        names = _ranges(found.astype(float).groupby(quarter).agg(["min", "max"]))
        groups = quarter.map(names).reindex(customers).fillna(_UNKNOWN)
        order = [*names.values(), _UNKNOWN]
    else:
        text = found.astype(str)
        kept = list(text.value_counts().sort_index().sort_values(ascending=False, kind="stable").index[:most])
        if pd.api.types.is_numeric_dtype(found) and found.dtype != bool:
            kept = [name.replace(".", decimal_mark()) for name in sorted(kept, key=float)]
            text = text.str.replace(".", decimal_mark(), regex=False)
        groups = text.where(text.isin(kept), OTHER).reindex(customers).fillna(_UNKNOWN)
        order = [*kept, OTHER, _UNKNOWN]
    category = pd.CategoricalDtype(list(dict.fromkeys(order)), ordered=True)
    return groups.astype(category).cat.remove_unused_categories()


def _ranges(ends: pd.DataFrame) -> dict[int, str]:
    """Name each band by its lowest and highest value, with cents, or as many digits as tell the bands apart."""
    for digits in range(2, 13):
        written = ends.map(lambda value, digits=digits: _plain(value, digits))
        if written.stack().nunique() == ends.map("{:.12g}".format).stack().nunique():
            break
    return {
        q: low if low == high else phrase("{low} to {high}", low=low, high=high)
        for q, low, high in written.itertuples()
    }


def _plain(value: float, digits: int) -> str:
    spec = f".{digits}e" if abs(value) >= 1e15 else ".0f" if value == round(value) else f".{digits}f"
    return Template().format_value(value, spec)


def filled_in(values: pd.Series) -> pd.Series:
    """What is filled in of a column, as text: without what is missing or blank.

    >>> filled_in(pd.Series([" Paris", "", None, 3])).tolist()
    ['Paris', '3']
    """
    text = values.dropna().astype(str).str.strip()
    return text[text != ""]


def as_numbers(values: pd.Series) -> pd.Series:
    """Text that holds nothing but finite numbers (below 1e100) → these numbers, whole ones as such; else as it is.

    What begins with a zero before another digit is a code, such as that of a town, and no number.

    >>> as_numbers(pd.Series(["42", None, "7"])).tolist(), as_numbers(pd.Series(["42", "01"])).tolist()
    ([42, <NA>, 7], ['42', '01'])
    """
    if pd.api.types.is_numeric_dtype(values) or pd.api.types.is_datetime64_any_dtype(values):
        return values
    text = filled_in(values)
    each = text.drop_duplicates()
    if each.empty or not each.str.fullmatch(_NUMBER).all() or each.astype(float).abs().max() >= 1e100:
        return values
    numbers = text.astype(float)
    whole = (numbers == numbers.round()).all() and numbers.abs().max() < 2**53
    return (numbers.astype("Int64") if whole else numbers).reindex(values.index)


def attribute(ds: Dataset, column: str, customers: pd.Index) -> pd.Series:
    """Group customers by a column of the dataset: one of customers if it is there, else of transactions.

    Returns what `criterion` gives, of numbers kept as text too (`as_numbers`). Raises MissingTable when the column is
    nowhere; see `aggregate.main_value`.

    >>> attribute(shop, "region", shop.rfm_summary().index).value_counts().head(3)
    region
    Provence    1577
    Paris       1160
    Lyon         755
    Name: count, dtype: int64
    """
    if ds.has("customers") and column in ds.table("customers").columns:
        return criterion(as_numbers(ds.customers()[column]), customers)
    return criterion(aggregate.main_value(ds.transactions, column, ds.as_of), customers)


def segments_at(transactions: ibis.Table, day: pd.Timestamp) -> pd.Series:
    """Name the segment of every customer known on `day`, scored among the customers of that day.

    Raises NotEnoughData when there was none.

    >>> segments_at(sample.transactions, pd.Timestamp("1997-06-30")).value_counts()[["Champions", "Loyal", "Lost"]]
    segment
    Champions    537
    Loyal        147
    Lost         246
    Name: count, dtype: int64
    """
    rfm = aggregate.rfm_summary(transactions, day)
    if rfm.empty:
        raise NotEnoughData(phrase("No customer had bought by {day:%Y-%m-%d}.", day=day), "Choose a later date.")
    return named_segments(rfm, rfm_scores(rfm))


def migration(then: pd.Series, now: pd.Series) -> pd.DataFrame:
    """Count customers by group then (rows) and now (columns), for the same kind of groups at two dates.

    Customers of `now` who were not there are in the row "(not yet a customer)", which is left out when empty.

    >>> then = pd.Series({1: "Loyal", 2: "Loyal", 3: "Lost"})
    >>> migration(then, pd.Series({1: "Loyal", 2: "Lost", 3: "Lost", 4: "Loyal"}))
    now                   Lost  Loyal
    then
    Lost                     1      0
    Loyal                    1      1
    (not yet a customer)     0      1
    """
    names = _order(then, now)
    before = then.astype(str).reindex(now.index).fillna(NOT_YET)
    counts = pd.crosstab(before.rename("then"), now.astype(str).rename("now"))
    rows = [name for name in [*names, NOT_YET] if name in counts.index]
    return counts.reindex(index=rows, columns=[name for name in names if name in counts.columns])


def stayed(moved: pd.DataFrame) -> float:
    """Give the share, among customers there at both dates of `migration`, of those in the same group.

    >>> then, now = pd.Series({1: "Loyal", 2: "Loyal", 3: "Lost"}), pd.Series({1: "Loyal", 2: "Lost", 3: "Lost"})
    >>> round(stayed(migration(then, now)), 2)
    0.67
    """
    known = moved.drop(index=NOT_YET, errors="ignore")
    same = np.nansum(np.diag(known.reindex(columns=known.index)))
    return float(same / known.to_numpy().sum()) if known.size else math.nan


def flows(moved: pd.DataFrame, group: str) -> tuple[int, int]:
    """Give how many customers left a group and how many joined it (newcomers included) in `migration`.

    >>> then, now = pd.Series({1: "Loyal", 2: "Loyal", 3: "Lost"}), pd.Series({1: "Loyal", 2: "Lost", 3: "Lost"})
    >>> flows(migration(then, now), "Lost")
    (0, 1)
    """
    before, after = moved.reindex(index=[group]), moved.reindex(columns=[group])
    same = int(np.nansum(before.reindex(columns=[group])))
    return int(np.nansum(before)) - same, int(np.nansum(after)) - same


def _order(*groups: pd.Series) -> Sequence[str]:
    if all(isinstance(group.dtype, pd.CategoricalDtype) for group in groups):
        return list(dict.fromkeys(str(name) for group in groups for name in group.cat.categories))
    return sorted({str(name) for group in groups for name in group})
