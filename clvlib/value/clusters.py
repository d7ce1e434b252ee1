"""Customer summaries → clusters found by k-means, how far they can be trusted, and words for each.

Customers are described by days since the last order, repeat orders and mean spend per order, on log scales
(each of them is heavy-tailed) and scaled to equal weight.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from sklearn.cluster import KMeans
from sklearn.metrics import adjusted_rand_score, silhouette_score
from sklearn.preprocessing import StandardScaler

from clvlib.errors import NotEnoughData, UsageError
from clvlib.language import message, phrase, translated
from clvlib.stats import one_thread

STABLE = 0.8
"""Mean adjusted Rand index from which clusters are called stable (Hennig 2007 asks for .75 to .85)."""

_SAMPLE = 2000
_RESAMPLES = 8
_MOST = 20


def cluster_features(rfm: pd.DataFrame) -> pd.DataFrame:
    """Give the three features of every customer in their own units: days, repeat orders, money per order.

    >>> bought = pd.DataFrame({"total_spend": [90.0], "frequency": [2], "days_since_last_order": [14]}, index=["Ann"])
    >>> cluster_features(bought).loc["Ann"].to_dict()
    {'days_since_last_order': 14.0, 'frequency': 2.0, 'spend_per_order': 30.0}
    """
    spend = (rfm["total_spend"] / (rfm["frequency"] + 1)).clip(lower=0)
    return pd.DataFrame(
        {
            "days_since_last_order": rfm["days_since_last_order"].astype(float),
            "frequency": rfm["frequency"].astype(float),
            "spend_per_order": spend.astype(float),
        }
    )


def _scaled(rfm: pd.DataFrame) -> np.ndarray:
    return np.asarray(StandardScaler().fit_transform(np.log1p(cluster_features(rfm.sort_index()).to_numpy())))


def _fit(points: np.ndarray, k: int) -> KMeans:
    with one_thread():
        return KMeans(k, n_init=10, random_state=0).fit(points)


def choose_number(rfm: pd.DataFrame, ks: tuple[int, ...] = (3, 4, 5, 6, 7, 8), wanted: int = 0) -> pd.DataFrame:
    """Judge each number of clusters by how apart they are and by whether other samples give the same ones.

    Indexed by k: silhouette (−1 to 1: how much nearer customers are to their own cluster than
    to the next; Rousseeuw 1987), stability (mean adjusted Rand index, over bootstrap resamples, between the
    clusters of a resample and those of all; 1 = the same; Hennig 2007), chosen (True once: the best
    silhouette among the stable ones, else the most stable; `wanted`, when that isn't 0). Both on at most 2,000
    customers, drawn with a fixed seed. Raises NotEnoughData when there are fewer distinct customers than would make
    clusters, UsageError when `wanted` is neither 0 nor 2 to 20.

    >>> judged = choose_number(rfm.head(150), ks=(3, 4))
    >>> judged[["silhouette", "chosen"]].round(2)
       silhouette  chosen
    k
    3        0.44    True
    4        0.42   False
    """
    if wanted != 0 and not 2 <= wanted <= _MOST:
        raise UsageError(
            phrase("{wanted} clusters are wanted.", wanted=wanted),
            phrase("Give 2 to {most}, or 0 to let the data choose.", most=_MOST),
        )
    points = _scaled(rfm)
    rng = np.random.default_rng(0)
    if len(points) > _SAMPLE:
        points = points[rng.choice(len(points), _SAMPLE, replace=False)]
    distinct = len(np.unique(points.round(9), axis=0))
    ks = tuple(k for k in sorted({*ks, wanted} - {0}) if k <= distinct // 3)
    if not ks or wanted > ks[-1]:
        raise NotEnoughData(
            phrase(
                "In recency, frequency and spend, the {n} customers are of {kinds} kind(s).", n=len(rfm), kinds=distinct
            ),
            "Clusters need three times as many as there are clusters; the named segments and the tiers do without.",
        )
    resamples = [rng.integers(len(points), size=len(points)) for _ in range(_RESAMPLES)]
    rows = {k: _judge(points, k, resamples) for k in ks}
    frame = pd.DataFrame.from_dict(rows, orient="index", columns=["silhouette", "stability"]).rename_axis("k")
    stable = frame[frame["stability"] >= STABLE]
    best = wanted or (stable["silhouette"].idxmax() if len(stable) else frame["stability"].idxmax())
    return frame.assign(chosen=frame.index == best)


def _judge(points: np.ndarray, k: int, resamples: list[np.ndarray]) -> tuple[float, float]:
    reference = _fit(points, k)
    agreement = [
        adjusted_rand_score(reference.labels_, _fit(points[rows], k).predict(points))
        for rows in resamples
        if len(np.unique(points[rows].round(9), axis=0)) >= k
    ]
    return float(silhouette_score(points, reference.labels_)), float(np.mean(agreement)) if agreement else 0.0


@dataclass(frozen=True)
class Clusters:
    """Clusters of customers: `labels` (Series by customer_id, ordered category of names, most valuable first) and
    `table` (frame indexed by name: customers, and the median of each feature in its own unit).

    >>> found = fit_clusters(rfm, 3)
    >>> found.labels["0001"]
    '1. many orders, middling baskets, bought very lately'
    """

    labels: pd.Series
    table: pd.DataFrame


def fit_clusters(rfm: pd.DataFrame, k: int) -> Clusters:
    """Cluster all customers into `k` groups and name each from its data; numbered by falling mean spend.

    >>> found = fit_clusters(rfm, 3)
    >>> for name, customers in found.table["customers"].items():
    ...     print(round(customers, -1), name)
    580 1. many orders, middling baskets, bought very lately
    750 2. mostly one order, large baskets, silent for a while
    1020 3. mostly one order, small baskets, silent for a while
    """
    ordered = rfm.sort_index()
    numbers = pd.Series(_fit(_scaled(rfm), k).labels_, index=ordered.index)
    rank = ordered["total_spend"].groupby(numbers).mean().sort_values(ascending=False, kind="stable").index
    own = cluster_features(ordered)
    medians = own.groupby(numbers).median().loc[rank]
    names = [f"{place}. {_words(own[numbers == number], own)}" for place, number in enumerate(rank, 1)]
    labels = numbers.map(dict(zip(rank, names, strict=True)))
    labels = labels.astype(pd.CategoricalDtype(names, ordered=True)).reindex(rfm.index).rename("cluster")
    table = medians.set_axis(pd.Index(names, name="cluster"))
    table.insert(0, "customers", labels.value_counts().reindex(names))
    return Clusters(labels, table)


_WORDS = message(
    {
        "days_since_last_order": (
            "bought very lately",
            "bought lately",
            "silent for a while",
            "silent for long",
            "silent for very long",
        ),
        "frequency": ("very few orders", "few orders", "some orders", "many orders", "very many orders"),
        "spend_per_order": ("tiny baskets", "small baskets", "middling baskets", "large baskets", "very large baskets"),
    }
)

_CUTS = (1 / 8, 3 / 8, 5 / 8, 7 / 8)
_ALIKE = 0.1  # medians that lie nearer together than this share of the common one have one name, whatever their ranks


def _words(members: pd.DataFrame, everyone: pd.DataFrame) -> str:
    """Say where the cluster's median customer stands among all customers, in five words from low to high.

    Ranks part also those who hardly differ: within a tenth of everyone's median it is the word of the middle.
    """
    said = []
    for feature in ("frequency", "spend_per_order", "days_since_last_order"):
        own, usual = members[feature].median(), everyone[feature].median()
        place = 0.5 if abs(own - usual) <= _ALIKE * usual else _place(own, everyone[feature])
        said.append(_WORDS[feature][int(np.searchsorted(_CUTS, place, side="right"))])
    if members["frequency"].median() == 0:
        alone = (members["frequency"] == 0).mean() >= 0.9
        said[0] = message("one order") if alone else message("mostly one order")
    return ", ".join(map(translated, said))


def _place(value: float, among: pd.Series) -> float:
    """Give the share of customers below, the tied ones counted half."""
    return float((among < value).mean() + (among == value).mean() / 2)
