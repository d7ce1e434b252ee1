"""What baskets held (`aggregate.contents`) in; what is bought together, and what to recommend to each customer, out.

Recommenders, from the plainest: `popularity` (what most customers bought), `own habit` (what this customer buys most
already, then popularity) and `co-purchase` (what those who bought the same things also bought: the mean over a
customer's items i of P(j | i), Deshpande & Karypis 2004, equation 5 with alpha = 0).
"""

import warnings
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy.sparse import csr_matrix
from scipy.stats import hypergeom
from statsmodels.stats.proportion import proportion_confint

from clvlib.aggregate.contents import FEWEST_BASKETS, MOST_ITEMS, latest_baskets
from clvlib.errors import NotEnoughData
from clvlib.language import message, phrase

if TYPE_CHECKING:
    import ibis

with warnings.catch_warnings():  # importing mlxtend turns on every DeprecationWarning of the process
    from mlxtend.frequent_patterns import association_rules, fpgrowth

MOST_BASKETS = 50_000  # the latest ones; more would not change a rule that matters
_FEWEST_CUSTOMERS = 100  # with a basket before and after the split
LEVEL_OF_TEST = 0.05
RECOMMENDED = 1  # items recommended to a customer: as many are judged as are handed over
SHRINKAGE = 10  # customers of popularity added to every P(j | i)
_CHUNK = 5_000


def product_rules(lines: "ibis.Table") -> pd.DataFrame:
    """Pairs of items that are in one basket more often than by chance (association rules, Agrawal & Srikant 1994).

    One row a pair, strongest lift first: `if_bought`, `then_also` (the direction with the higher confidence), `baskets`
    (with both), `support` (share of all baskets), `confidence` (share of the baskets with the first that hold the
    second), `lift` (confidence over the second's own share) and `p_value` (one-sided exact test of independence, times
    the number of pairs tried; Bonferroni). Only pairs in 20 baskets or more, with `p_value` below 5 %, of the
    MOST_ITEMS items in most baskets (of equally many, those first by name).

    Raises NotEnoughData when no pair is in 20 baskets.
    """
    bought = latest_baskets(lines, MOST_BASKETS)
    sizes = bought["item"].value_counts().sort_index().sort_values(ascending=False, kind="stable")
    names = sorted(sizes[sizes >= FEWEST_BASKETS].index[:MOST_ITEMS])
    total = bought["basket"].nunique()
    bought = bought[bought["item"].isin(names)]
    if not len(bought):
        raise NotEnoughData(phrase("No item is in {n} baskets.", n=FEWEST_BASKETS), "Bring a longer history.")
    matrix = _wide(bought.assign(n=1), "basket", names).astype(bool)
    held_by_all = pd.DataFrame(matrix.toarray(), columns=names)
    found = fpgrowth(held_by_all, min_support=FEWEST_BASKETS / len(held_by_all), use_colnames=True, max_len=2)
    if not (found["itemsets"].map(len) == 2).any():
        raise NotEnoughData(
            phrase("No two items are together in {n} of the {total:,} baskets.", n=FEWEST_BASKETS, total=total),
            "Recommend from categories.",
        )
    pairs = association_rules(found, metric="support", min_threshold=0.0, return_metrics=["support", "confidence"])
    one, two = (pairs[side].map(lambda items: next(iter(items))) for side in ("antecedents", "consequents"))
    both = (pairs["support"] * len(held_by_all)).round().astype(int)
    chance = hypergeom.sf(both - 1, total, sizes.reindex(one), sizes.reindex(two))
    frame = pd.DataFrame({"if_bought": one, "then_also": two, "baskets": both, "support": both / total})
    frame["confidence"] = both / sizes.reindex(one).to_numpy()
    frame["lift"] = frame["confidence"] / (sizes.reindex(two).to_numpy() / total)
    frame["p_value"] = np.minimum(1.0, chance * len(names) * (len(names) - 1) / 2)
    frame = frame.sort_values(["confidence", "if_bought"], ascending=[False, True])
    pair = np.sort(frame[["if_bought", "then_also"]].to_numpy(dtype=str), axis=1)
    again = pd.DataFrame(pair).duplicated().to_numpy()
    frame = frame[~again & (frame["p_value"] < LEVEL_OF_TEST)]
    return frame.sort_values(["lift", "if_bought"], ascending=[False, True], ignore_index=True)


def _wide(long: pd.DataFrame, rows: str, items: list[str]) -> csr_matrix:
    """A sparse matrix, one row a value of `rows` in their order, one column an item; values of the last column."""
    codes, names = pd.factorize(long[rows])
    places = pd.Index(items).get_indexer(pd.Index(long["item"]))
    return csr_matrix((long.iloc[:, -1], (codes, places)), shape=(len(names), len(items)), dtype=float)


def _popularity(counts: csr_matrix) -> Callable[[csr_matrix], np.ndarray]:
    share = np.asarray((counts > 0).sum(axis=0)).ravel() / max(counts.shape[0], 1)
    return lambda asked: np.tile(share, (asked.shape[0], 1))


def _own_habit(counts: csr_matrix) -> Callable[[csr_matrix], np.ndarray]:
    popular = _popularity(counts)
    return lambda asked: asked.toarray() + popular(asked) / 2


def _co_purchase(counts: csr_matrix) -> Callable[[csr_matrix], np.ndarray]:
    owned = (counts > 0).astype(float)
    share = np.asarray(owned.sum(axis=0)).ravel() / max(counts.shape[0], 1)
    together = (owned.T @ owned).toarray()
    alone = together.diagonal()[:, None]
    chance = (together + SHRINKAGE * share) / (alone + SHRINKAGE)

    def score(asked: csr_matrix) -> np.ndarray:
        weights = np.asarray(asked.sum(axis=1)).ravel()[:, None]
        return (asked @ chance) / np.maximum(weights, 1.0)

    return score


_METHODS = {
    message("popularity"): _popularity,
    message("own habit"): _own_habit,
    message("co-purchase"): _co_purchase,
}


def recommend(known: pd.DataFrame, method: str, k: int = RECOMMENDED, new_only: bool = True) -> pd.DataFrame:
    """The k items that a method puts first for each customer, as known from `contents.history`.

    new_only: leave out what the customer has bought before. Index customer_id; columns 1 … k (texts; missing where a
    customer has bought everything).
    """
    items = sorted(known["item"].unique())
    counts = _wide(known, "customer_id", items)
    score = _METHODS[method](counts)
    best = []
    for start in range(0, counts.shape[0], _CHUNK):
        asked = counts[start : start + _CHUNK]
        values = np.round(score(asked), 12)  # equal scores are settled by the alphabet, whatever the last digit
        if new_only:
            values[asked.nonzero()] = -np.inf
        order = np.argsort(-values, axis=1, kind="stable")[:, :k]
        names = np.array(items, dtype=object)[order]
        names[np.isneginf(np.take_along_axis(values, order, axis=1))] = None
        best.append(names)
    customers = pd.Index(known["customer_id"].unique(), name="customer_id")
    found = np.vstack(best) if best else np.empty((0, k), dtype=object)
    return pd.DataFrame(found, index=customers, columns=range(1, found.shape[1] + 1))


def hits(known: pd.DataFrame, later: pd.DataFrame, new_only: bool, k: int = RECOMMENDED) -> dict[str, pd.DataFrame]:
    """How the k recommendations of each method, learned from `known`, fare in the baskets of `later`.

    By method, a frame by customer: `hit` (1 when at least one of the k is in the basket, else 0) and `recall` (share of
    the basket that is among the k). With `new_only`, only what the customer had not bought before counts, both in
    the recommendations and in the basket; customers whose basket held nothing new are left out.

    Raises NotEnoughData below 100 customers.
    """
    items = set(known["item"])
    both = later[later["customer_id"].isin(set(known["customer_id"])) & later["item"].isin(items)]
    if new_only:
        before = pd.MultiIndex.from_frame(known[["customer_id", "item"]])
        both = both[~pd.MultiIndex.from_frame(both[["customer_id", "item"]]).isin(before)]
    size = both.groupby("customer_id").size()
    if len(size) < _FEWEST_CUSTOMERS:
        raise NotEnoughData(
            phrase(
                "{n:,} customers have {new:something new in their next basket|a basket before and after the split}; to "
                "judge a recommendation takes {least}.",
                n=len(size),
                new=new_only,
                least=_FEWEST_CUSTOMERS,
            ),
            "Bring a longer history or more customers.",
        )
    found = {}
    for method in _METHODS:
        if new_only and method == "own habit":
            continue  # what they buy already is never new
        told = recommend(known, method, k, new_only).reindex(size.index).melt(ignore_index=False, value_name="item")
        told = told.dropna(subset=["item"]).reset_index()[["customer_id", "item"]]
        right = both.merge(told, on=["customer_id", "item"]).groupby("customer_id").size()
        right = right.reindex(size.index, fill_value=0)
        found[method] = pd.DataFrame({"hit": (right > 0).astype(float), "recall": right / size})
    return found


def hit_scores(found: dict[str, pd.DataFrame]) -> pd.DataFrame:
    """One row a method: `hit_rate`, `low`, `high` (95 %, Wilson 1927), `recall` and `customers`, highest first."""
    rows = {}
    for method, each in found.items():
        low, high = proportion_confint(each["hit"].sum(), len(each), method="wilson")
        rows[method] = (each["hit"].mean(), low, high, each["recall"].mean(), len(each))
    table = pd.DataFrame.from_dict(rows, orient="index", columns=["hit_rate", "low", "high", "recall", "customers"])
    return table.rename_axis("method").sort_values("hit_rate", ascending=False, kind="stable")


def advantage(found: dict[str, pd.DataFrame], method: str, other: str) -> dict[str, float]:
    """Hit rate of a method less that of another for the same customers: `gain`, with `low` and `high` (95 %)."""
    difference = found[method]["hit"] - found[other]["hit"]
    gain = float(difference.mean())
    margin = 1.96 * float(difference.std()) / np.sqrt(len(difference))
    return {"gain": gain, "low": gain - margin, "high": gain + margin}


def choose_method(found: dict[str, pd.DataFrame]) -> str:
    """The method to use: co-purchase when it is shown to beat popularity, else popularity, the plainer."""
    return "co-purchase" if advantage(found, "co-purchase", "popularity")["low"] > 0 else "popularity"
