"""Forecasts of every customer held against what came, beside the best that one model of the field says in hindsight.

    python -m benchmarks.accuracy                  # CDNOW and simulated shops
    python -m benchmarks.accuracy orders.toml      # and the history of any dataset card
    python -m benchmarks.accuracy --only cdnow

A history is cut: the forecast knows what was known on that day. Ratios are to the best of BG/NBD, MBG/NBD and
Pareto/NBD at that cut (spend: with Gamma-Gamma), which nobody can know beforehand: 1 is as good, less is better.
Prints a line per cut, one per target, and exits with 1 when a target is missed.
"""

import argparse
import os
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from multiprocessing import get_context
from pathlib import Path

import ibis
import numpy as np
import pandas as pd

from benchmarks.worlds import forecast as worlds
from clvlib import load
from clvlib.models import outlook, rolling, windows
from clvlib.models.backtest import auc, poisson_deviance
from clvlib.models.forecast import GammaGamma

SEEDS = (11, 12, 13)  # of each simulated shop: settings of the hybrid were chosen with others
CDNOW = [("1997-09-30", 273), ("1997-12-30", 182), ("1997-12-30", 91), ("1998-03-31", 91)]
SIMULATED = (365, 184, 91)  # days before a shop's last day on which it is cut, all of them forecast
HELD = [f"held_{level}_{name}" for level in (80, 90) for name in ("purchases", "spend", "spend_if_buying")]
ENOUGH = 11 / 13  # of the cuts
TARGETS = {  # kind of history → (column, how over the cuts, at least, at most)
    "real": [
        ("counts", "geometric mean", 0, 0.94),
        ("counts", "highest", 0, 1.0),
        ("counts_rmse", "geometric mean", 0, 0.975),
        ("counts_rmse", "highest", 0, 1.0),
        ("spend", "geometric mean", 0, 0.915),
        ("spend", "highest", 0, 1.01),
        ("spend_rmse", "geometric mean", 0, 0.935),
        ("spend_rmse", "highest", 0, 1.01),
        ("spend_naive", "highest", 0, 1.02),
        ("auc", "mean", 0.02, 1),
        ("auc_enough", "mean", 12 / 13, 1),
        *((held, "share near what it says", ENOUGH, 1) for held in HELD),
        *((f"total_{of}", "mean", 0.85, 0.95) for of in ("purchases", "spend")),
        *((f"half_{of}", "mean", 0, 0.25) for of in ("purchases", "spend")),
    ],
    "simulated": [
        ("counts", "geometric mean", 0, 1.0),
        ("spend", "geometric mean", 0, 1.0),
        *((held, "share near what it says", ENOUGH, 1) for held in HELD),
        *((f"total_{of}", "mean", 0.85, 1) for of in ("purchases", "spend")),
    ],
    "BTYD": [("counts", "geometric mean", 0, 1.01), ("spend", "geometric mean", 0, 1.01)],
}


@dataclass(frozen=True)
class Case:
    """A history cut on `cut`, to forecast `days`. kind: of TARGETS. `history` gives the transactions."""

    name: str
    kind: str
    history: Callable[[], ibis.Table]
    cut: pd.Timestamp
    days: int


def judge(case: Case) -> dict[str, object]:
    """One line of the table: ratios of the forecast to the field and to the best rule without a model; AUC over days of
    silence, and whether it is at least that of both; shares of customers within their ranges; totals and their range.
    """
    transactions = case.history()
    history = windows.History(transactions, pd.Timestamp(transactions["date"].min().to_pandas()).normalize())
    ahead = outlook.look_ahead(history, case.cut, case.days)
    row, scores = rolling.judge(history, ahead)
    held, buying, said = history.window(case.cut, case.days), ahead.window.buying, ahead.customers
    field = buying.forecast(held.known, case.days)
    bought, spent = held.purchases.to_numpy(), held.spend.clip(lower=0).to_numpy()
    each = GammaGamma().fit(held.known).expected_spend(held.known["frequency"], held.known["monetary_value"])
    unit, names = spent[spent > 0].mean(), list(buying.models_)
    chances = [
        m.p_at_least(1, case.days, *(held.known[c] for c in ("frequency", "recency", "T")))
        for m in buying.models_.values()
    ]
    best = max(auc(bought > 0, chance) for chance in chances)
    spend = scores.loc["spend"]
    line = {
        "history": case.name,
        "kind": case.kind,
        "cut": f"{case.cut:%Y-%m-%d}",
        "days": case.days,
        "customers": len(bought),
        "counts": _over(poisson_deviance, bought, said["purchases"], [field[n] for n in names]),
        "counts_rmse": _over(_rmse, bought, said["purchases"], [field[n] for n in names]),
        "spend": _over(poisson_deviance, spent / unit, said["spend"] / unit, [field[n] * each / unit for n in names]),
        "spend_rmse": _over(_rmse, spent, said["spend"], [field[n] * each for n in names]),
        "spend_naive": spend.loc[rolling.BEST, "deviance"] / spend.loc[spend["kind"] == "rule", "deviance"].min(),
        "auc_recency": row["auc_recency"],
        "auc_field": best - row["auc_recency"],
        "auc": row["auc"] - row["auc_recency"],
        "auc_enough": row["auc"] >= max(best, row["auc_recency"]),
        "buyers": row["buyers"] / row["actual_buyers"] - 1,
    }
    for of in ("purchases", "spend"):
        line[of + "_off"] = row[of] / row[f"actual_{of}"] - 1
        line[f"total_{of}"] = row[f"{of}_low"] <= row[f"actual_{of}"] <= row[f"{of}_high"]
        line[f"half_{of}"] = row[f"{of}_high"] / row[of] - 1
    return line | {name: row[name] for name in HELD if name in row}


def _over(score: Callable[..., float], actual: np.ndarray, ours: pd.Series, field: list[pd.Series]) -> float:
    return score(actual, ours.to_numpy()) / min(score(actual, np.asarray(other)) for other in field)


def _rmse(actual: np.ndarray, said: np.ndarray) -> float:
    return float(np.sqrt(np.mean((actual - said) ** 2)))


def cases(cards: list[Path]) -> Iterator[Case]:
    """CDNOW at the cuts of the literature and later ones, the cards' histories, and simulated shops."""
    for cut, days in CDNOW:
        yield Case("cdnow", "real", partial(_loaded, "cdnow"), pd.Timestamp(cut), days)
    for card in cards:
        shop = load(card)
        for days in (365, 182, 91, 61):
            cut = shop.as_of - pd.Timedelta(days=days)
            if (cut - shop.starts).days >= days:
                yield Case(shop.name, "real", partial(_loaded, card), cut, days)
    last = worlds.START + pd.Timedelta(days=LONG - 1)
    for name, (kind, draw) in SHOPS.items():
        for seed in SEEDS:
            for days in SIMULATED:
                yield Case(f"{name} {seed}", kind, partial(_drawn, draw, seed), last - pd.Timedelta(days=days), days)


def _loaded(name: str | Path) -> ibis.Table:
    return load(name).transactions


def _drawn(draw: Callable[[np.random.Generator], pd.DataFrame], seed: int) -> ibis.Table:
    return table(draw(np.random.default_rng(seed)))


LONG, CUSTOMERS = 1461, 3000  # days of a simulated shop


def table(bought: pd.DataFrame) -> ibis.Table:
    """Transactions of purchases by customer, day (since START) and amount, up to the shop's last day."""
    bought = bought[bought["day"] < LONG]
    dates = worlds.START + pd.to_timedelta(np.floor(bought["day"]), unit="D")
    names = bought["customer"].astype(str)
    return ibis.memtable(pd.DataFrame({"customer_id": names, "date": dates, "amount": bought["amount"].round(2)}))


def _walked(
    rng: np.random.Generator,
    gap: Callable[[np.ndarray], np.ndarray],
    stays: Callable[[np.ndarray, np.ndarray], np.ndarray],
    amount: Callable[[np.ndarray], np.ndarray],
) -> pd.DataFrame:
    """Everybody buys again after a `gap` as long as each `stays` (customers, days → whether); `amount` per purchase."""
    who, day, rows = np.arange(CUSTOMERS), rng.uniform(0, LONG / 2, CUSTOMERS), []
    while len(who):
        rows.append(pd.DataFrame({"customer": who, "day": day, "amount": amount(who)}))
        day = day + gap(who)
        kept = stays(who, day) & (day < LONG)
        who, day = who[kept], day[kept]
    return pd.concat(rows)


def regular(rng: np.random.Generator) -> pd.DataFrame:
    """Purchases come in a rhythm (Erlang 4), baskets vary widely."""
    rate, left = rng.gamma(1.5, 1 / 1.5, CUSTOMERS).clip(0.1) / 60, rng.exponential(800, CUSTOMERS)
    usual = rng.normal(3.4, 0.6, CUSTOMERS)
    return _walked(
        rng,
        lambda who: rng.gamma(4, 0.25, len(who)) / rate[who],
        lambda who, day: day < left[who] + LONG / 4,
        lambda who: np.exp(usual[who] + rng.normal(0, 0.5, len(who))),
    )


def btyd(rng: np.random.Generator) -> pd.DataFrame:
    """What BG/NBD and Gamma-Gamma assume, word for word."""
    rate, leaves = rng.gamma(0.6, 1 / 40, CUSTOMERS), rng.beta(0.8, 3, CUSTOMERS)
    scale = 20 / rng.gamma(4, size=CUSTOMERS)
    first = np.ones(CUSTOMERS, dtype=bool)

    def stays(who: np.ndarray, day: np.ndarray) -> np.ndarray:
        gone = ~first[who] & (rng.random(len(who)) < leaves[who])  # nobody leaves after the first purchase
        first[who] = False
        return ~gone

    return _walked(rng, lambda who: rng.exponential(1 / rate[who]), stays, lambda who: rng.gamma(6, scale[who]))


SHOPS: dict[str, tuple[str, Callable[[np.random.Generator], pd.DataFrame]]] = {
    "plain": ("simulated", partial(worlds.purchases, worlds.Law(CUSTOMERS))),
    "season and growth": ("simulated", partial(worlds.purchases, worlds.Law(CUSTOMERS, season=0.5, growth=0.15))),
    "regular": ("simulated", regular),
    "BTYD": ("BTYD", btyd),
}


def read(place: int, cards: list[Path]) -> dict[str, object]:
    """The line of the case at this place."""
    return judge(list(cases(cards))[place])


HOW: dict[str, Callable[[pd.Series], float]] = {
    "geometric mean": lambda of: float(np.exp(np.log(of).mean())),
    "mean": lambda of: float(of.mean()),
    "highest": lambda of: float(of.max()),
    "share near what it says": lambda of: float(((of * 100 - int(str(of.name).split("_")[1])).abs() <= 3).mean()),
}


def kept(table: pd.DataFrame) -> pd.DataFrame:
    """One row a target: what it is, what came, whether it is kept."""
    rows = []
    for kind, targets in TARGETS.items():
        of = table[table["kind"] == kind]
        for column, how, least, most in targets if len(of) else []:
            came = HOW[how](of[column].astype(float))
            target = {"histories": kind, "what": f"{column}, {how}", "came": came, "at least": least, "at most": most}
            rows.append(target | {"kept": least <= came <= most})
    return pd.DataFrame(rows)


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("cards", nargs="*", type=Path, help="dataset cards of further histories")
    parser.add_argument("--only", default="", help="histories whose name holds this text")
    asked = parser.parse_args()
    places = [place for place, case in enumerate(cases(asked.cards)) if asked.only in case.name]
    with ProcessPoolExecutor(os.cpu_count(), mp_context=get_context("spawn")) as pool:
        table = pd.DataFrame(pool.map(read, places, [asked.cards] * len(places)))
    print(table.drop(columns="kind").round(3).to_string(index=False))
    targets = kept(table)
    print(f"\n{targets.round(3).to_string(index=False)}")
    return 0 if targets["kept"].all() else 1


if __name__ == "__main__":
    raise SystemExit(main())
