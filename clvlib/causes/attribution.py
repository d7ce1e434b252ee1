"""Paths of contacts before orders → the credit that each model of attribution gives to each channel.

Seven ways to share out the same orders. They **describe** the paths that orders had; none tells what would have
happened without a contact. Every model shares out each order once: credits add up to the orders that had a contact.
"""

import numpy as np
import pandas as pd

from clvlib.errors import NotEnoughData
from clvlib.language import message, phrase

HALF_LIFE_DAYS = 7.0
ENDS = 0.4  # position-based: to the first and to the last contact each; the rest is shared by those between
FEWEST_ORDERS = 25


def credits(paths: pd.DataFrame) -> pd.DataFrame:
    """Share out the orders among the channels, by each model.

    `paths`: as `journeys.paths` gives it. Returns one row per channel, by name, and one column per model (orders; each
    column adds up to the number of converted paths): "first" and "last" (all to that contact), "linear" (the same to
    every contact), "time decay" (half as much for every 7 days further from the order), "position" (40 % to the first,
    40 % to the last, the rest to those between), "Markov" (`markov`) and "Shapley" (`shapley_credits`). Raises
    NotEnoughData when fewer than 25 orders had a contact.

    >>> paths = pd.DataFrame({"path": np.repeat(range(30), 2), "channel": ["search", "email"] * 30})
    >>> paths = paths.assign(position=[1, 2] * 30, length=2, converted=True, days_before=[14.0, 0.0] * 30)
    >>> credits(paths)[["first", "last", "linear", "time decay", "Shapley"]].round(1)
             first  last  linear  time decay  Shapley
    channel
    email      0.0  30.0    15.0        24.0     15.0
    search    30.0   0.0    15.0         6.0     15.0
    """
    orders = int(paths.loc[paths["converted"], "path"].nunique())
    if orders < FEWEST_ORDERS:
        raise NotEnoughData(
            phrase(
                "Only {n} order(s) had a contact before them; to compare models takes {least}.",
                n=orders,
                least=FEWEST_ORDERS,
            ),
            "Bring more touchpoints: opens, clicks and visits, of the same customers who order.",
        )
    won = paths[paths["converted"]]
    first, last = won["position"] == 1, won["position"] == won["length"]
    ends = ENDS * first + ENDS * last
    between = (1 - 2 * ENDS) / (won["length"] - 2).where(won["length"] > 2, np.inf)
    weights = {
        message("first"): first.astype(float),
        message("last"): last.astype(float),
        message("linear"): 1.0,
        message("time decay"): 2.0 ** (-won["days_before"] / HALF_LIFE_DAYS),
        message("position"): ends.where(ends > 0, between),
    }
    each = pd.DataFrame(weights, index=won.index)
    table = (each / each.groupby(won["path"]).transform("sum")).groupby(won["channel"]).sum()
    every = sorted(paths["channel"].unique())
    whole = table.reindex(every).assign(Markov=markov(paths), Shapley=shapley_credits(paths))
    return whole.fillna(0.0).rename_axis("channel")


def shapley_credits(paths: pd.DataFrame) -> pd.Series:
    """Give each channel its Shapley value, the worth of a set of channels being the orders won by them alone.

    With that worth, an order's credit is shared equally by the distinct channels on its path (Zhao, Mahboobi & Bagheri
    2018, "Shapley value methods for attribution modeling in online advertising", theorem 1).

    >>> paths = pd.DataFrame({"path": [1, 1, 2], "channel": ["search", "email", "search"], "converted": True})
    >>> shapley_credits(paths).to_dict()
    {'email': 0.5, 'search': 1.5}
    """
    met = paths.loc[paths["converted"], ["path", "channel"]].drop_duplicates()
    return (1 / met.groupby("path")["channel"].transform("size")).groupby(met["channel"]).sum()


def markov(paths: pd.DataFrame) -> pd.Series:
    """Share out the orders by removal effect in a first-order Markov chain (Anderl, Becker, von Wangenheim & Schumann
    2016, "Mapping the customer journey", IJRM 33).

    Paths, those that led nowhere too, give the chance to go from one contact to the next, to an order, or to nothing.
    Taking a channel out sends all its visitors to nothing; its effect is the share of orders lost so. Effects are
    scaled to add up to the orders.

    >>> paths = pd.DataFrame({"path": [1, 1, 2, 3], "channel": ["search", "email", "search", "email"]})
    >>> markov(paths.assign(position=[1, 2, 1, 1], length=[2, 2, 1, 1], converted=[True, True, True, False])).round(2)
    email     0.8
    search    1.2
    dtype: float64
    """
    names = sorted(paths["channel"].unique())
    place = paths["channel"].map({name: i + 1 for i, name in enumerate(names)}).to_numpy()  # 0 is the start
    first, last = (paths["position"] == 1).to_numpy(), (paths["position"] == paths["length"]).to_numpy()
    won = paths["converted"].to_numpy()
    came_from = np.where(first, 0, np.r_[0, place[:-1]])
    size = len(names) + 1
    moves, ends = np.zeros((size, size)), np.zeros(size)
    np.add.at(moves, (came_from, place), 1.0)
    np.add.at(ends, place[last & won], 1.0)
    leaving = moves.sum(axis=1) + np.bincount(place[last], minlength=size)
    leaving = np.where(leaving > 0, leaving, 1.0)
    moves, ends = moves / leaving[:, None], ends / leaving

    def orders(without: int | None = None) -> float:
        steps = moves.copy()
        if without is not None:
            steps[:, without] = 0.0
        return float(np.linalg.solve(np.eye(size) - steps, ends)[0])

    lost = pd.Series([1 - orders(i + 1) / orders() for i in range(len(names))], index=names)
    return lost / lost.sum() * int((last & won).sum())


def met(paths: pd.DataFrame) -> pd.DataFrame:
    """Count what the paths hold: contacts, orders whose path has the channel, and the share of its paths that led to an
    order; one row per channel.

    >>> paths = pd.DataFrame({"path": [1, 1, 2, 3], "channel": ["search", "email", "search", "email"]})
    >>> met(paths.assign(converted=paths["path"] < 3))
             contacts  orders_met  paths_with_order
    channel
    email           2           1               0.5
    search          2           2               1.0
    """
    by_path = paths.drop_duplicates(["path", "channel"]).groupby("channel")["converted"]
    return pd.DataFrame(
        {
            "contacts": paths.groupby("channel").size(),
            "orders_met": by_path.sum().astype("int64"),
            "paths_with_order": by_path.mean(),
        }
    )


def paths_summary(paths: pd.DataFrame, orders: int) -> dict[str, float]:
    """Say how far the paths reach: `orders` in all, with_contact (share of them), several (share of those that had more
    than one contact), nowhere (paths without an order).

    >>> paths = pd.DataFrame({"position": [1, 2, 1, 1], "length": [2, 2, 1, 1], "converted": [True, True, True, False]})
    >>> paths_summary(paths, orders=4)
    {'orders': 4, 'with_contact': 0.5, 'several': 0.5, 'nowhere': 1}
    """
    ends = paths[paths["position"] == paths["length"]]
    won = ends[ends["converted"]]
    return {
        "orders": orders,
        "with_contact": len(won) / orders if orders else 0.0,
        "several": float((won["length"] > 1).mean()) if len(won) else 0.0,
        "nowhere": len(ends) - len(won),
    }


def true_credits(effects: pd.DataFrame) -> pd.Series:
    """Pick from the truth of a simulated shop the orders that each channel of contact caused, by channel.

    >>> effects = pd.DataFrame({"topic": "attribution", "item": ["email", "search"], "quantity": "caused_orders"})
    >>> true_credits(effects.assign(value=[120, 310]))
    item
    email     120
    search    310
    Name: caused, dtype: int64
    """
    rows = effects[(effects["topic"] == "attribution") & (effects["quantity"] == "caused_orders")]
    return rows.set_index("item")["value"].rename("caused")
