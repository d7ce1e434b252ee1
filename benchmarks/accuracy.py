"""Forecasts of every customer held against what came, beside the best that one model of the field says in hindsight.

    python -m benchmarks.accuracy                  # CDNOW and simulated shops
    python -m benchmarks.accuracy orders.toml      # and the history of any dataset card
    python -m benchmarks.accuracy --only cdnow

A history is cut: the forecast knows what was known on that day. Ratios are to the best of BG/NBD, MBG/NBD and
Pareto/NBD at that cut (spend: with Gamma-Gamma), which nobody can know beforehand: 1 is as good, less is better.
Prints a line per cut, one per target, and exits with 1 when a target is missed. How customers are ranked (AUC) and how
totals came out stand in the lines and have no target yet.
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
from clvlib import aggregate, load
from clvlib.models import hybrid, windows
from clvlib.models.backtest import auc, poisson_deviance
from clvlib.models.buying import Buying
from clvlib.models.forecast import GammaGamma

SEEDS = (11, 12, 13)  # of each simulated shop: settings of the hybrid were chosen with others
CDNOW = [("1997-09-30", 273), ("1997-12-30", 182), ("1997-12-30", 91), ("1998-03-31", 91)]
SIMULATED = (365, 184, 91)  # days before a shop's last day on which it is cut, all of them forecast
RATIOS = ("counts", "counts_rmse", "spend", "spend_rmse")
TARGETS = {  # kind of history → (column, how over the cuts, at most)
    "real": [
        ("counts", "mean", 0.94),
        ("counts", "max", 1.0),
        ("counts_rmse", "mean", 0.975),
        ("counts_rmse", "max", 1.0),
        ("spend", "mean", 0.915),
        ("spend", "max", 1.01),
        ("spend_rmse", "mean", 0.935),
        ("spend_rmse", "max", 1.01),
    ],
    "simulated": [("counts", "mean", 1.0), ("spend", "mean", 1.0)],
    "BTYD": [("counts", "mean", 1.01), ("spend", "mean", 1.01)],
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
    """One line of the table: ratios of the hybrid, and how it ranks who buys, beside days of silence (AUC gained)."""
    history = case.history()
    starts = pd.Timestamp(history["date"].min().to_pandas()).normalize()
    held = windows.window(history, case.cut, case.days)
    buying = Buying().fit(held.known)
    field = buying.forecast(held.known, case.days)
    found = forecast(history, starts, case.cut, case.days, buying)
    bought, spent = held.purchases.to_numpy(), held.spend.clip(lower=0).to_numpy()
    names = list(buying.models_)
    each = GammaGamma().fit(held.known).expected_spend(held.known["frequency"], held.known["monetary_value"])
    unit = spent[spent > 0].mean()
    silence = held.known["days_since_last_order"].to_numpy()
    chances = [
        m.p_at_least(1, case.days, *(held.known[c] for c in ("frequency", "recency", "T")))
        for m in buying.models_.values()
    ]
    recency = auc(bought > 0, -silence)
    return {
        "history": case.name,
        "kind": case.kind,
        "cut": f"{case.cut:%Y-%m-%d}",
        "days": case.days,
        "customers": len(bought),
        "counts": _over(poisson_deviance, bought, found["purchases"], [field[n] for n in names]),
        "counts_rmse": _over(_rmse, bought, found["purchases"], [field[n] for n in names]),
        "spend": _over(poisson_deviance, spent / unit, found["spend"] / unit, [field[n] * each / unit for n in names]),
        "spend_rmse": _over(_rmse, spent, found["spend"], [field[n] * each for n in names]),
        "auc_recency": recency,
        "auc_field": max(auc(bought > 0, chance) for chance in chances) - recency,
        "auc": auc(bought > 0, found["p_purchase"].to_numpy()) - recency,
        "purchases": float(found["purchases"].sum() / bought.sum() - 1),
        "buyers": float(found["p_purchase"].sum() / (bought > 0).sum() - 1),
        "money": float(found["spend"].sum() / spent.sum() - 1),
    }


def forecast(history: ibis.Table, starts: pd.Timestamp, cut: pd.Timestamp, days: int, buying: Buying) -> pd.DataFrame:
    """What the hybrid says on `cut`."""
    length = windows.length(starts, cut, days)
    past = [windows.window(history, day, length) for day in windows.first_days(starts, cut, length)]
    known = aggregate.features(history, cut, length)
    return hybrid.Hybrid().fit(past, starts, cut).forecast(known, buying, days)


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


def kept(table: pd.DataFrame) -> pd.DataFrame:
    """One row a target: what it is, what came, whether it is kept."""
    rows = []
    for kind, targets in TARGETS.items():
        of = table[table["kind"] == kind]
        for column, how, most in targets if len(of) else []:
            came = np.exp(np.log(of[column]).mean()) if how == "mean" else of[column].max()
            rows.append({"histories": kind, "what": f"{column}, {how}", "came": came, "at most": most})
    frame = pd.DataFrame(rows)
    return frame.assign(kept=frame["came"] <= frame["at most"])


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
