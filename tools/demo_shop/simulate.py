"""A seed and known parameters go in, customers come out whose truth is known: for tests of recovery, and
benchmarks.

Each generator follows its paper's story literally (arrivals one by one, a chance to leave after each), and
shares no formula with the models that are tested on it. Times are in the parameters' unit.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Simulated:
    """Customers with their truth.

    customers: indexed by customer_id, with frequency, recency, T as a shop would see them at T; then what it
    can't see: rate (purchases per time unit while alive), alive (bool, at T), future (purchases in (T, T +
    horizon]). events: the repeat purchases, sorted: customer (row number in `customers`), age (time since the
    first purchase).
    """

    customers: pd.DataFrame
    events: pd.DataFrame


def bg_nbd(
    n: int, params: ArrayLike, T: ArrayLike, horizon: float = 0.0, seed: int = 0, modified: bool = False
) -> Simulated:
    """Simulate n customers of the BG/NBD model, params = (r, alpha, a, b); T: age of each customer (or of
    all).

    Source: Fader, Hardie & Lee 2005, section 2. `modified`: of the MBG/NBD, where one may leave at once
    (Batislam, Denizel & Filiztekin 2007).
    """
    rng = np.random.default_rng(seed)
    r, alpha, a, b = np.asarray(params, dtype=float)
    ages = np.broadcast_to(np.asarray(T, dtype=float), n)
    rate = rng.gamma(r, 1 / alpha, n)
    leaves = rng.beta(a, b, n)
    left_at = np.where(rng.random(n) < leaves, 0.0, np.inf) if modified else np.full(n, np.inf)
    now, active = np.zeros(n), np.flatnonzero(np.isinf(left_at))
    customers, times = [], []
    while len(active):
        now[active] += rng.exponential(size=len(active)) / rate[active]
        active = active[now[active] <= ages[active] + horizon]
        customers.append(active)
        times.append(now[active])
        gone = rng.random(len(active)) < leaves[active]
        left_at[active[gone]] = now[active[gone]]
        active = active[~gone]
    return _simulated(np.concatenate(customers or [active]), np.concatenate(times or [now[:0]]), rate, left_at, ages)


def pareto_nbd(n: int, params: ArrayLike, T: ArrayLike, horizon: float = 0.0, seed: int = 0) -> Simulated:
    """Simulate n customers of the Pareto/NBD model, params = (r, alpha, s, beta).

    Source: Schmittlein, Morrison & Colombo 1987: exponential lifetimes, Poisson purchases until they end.
    """
    rng = np.random.default_rng(seed)
    r, alpha, s, beta = np.asarray(params, dtype=float)
    ages = np.broadcast_to(np.asarray(T, dtype=float), n)
    rate = rng.gamma(r, 1 / alpha, n)
    left_at = rng.exponential(size=n) / rng.gamma(s, 1 / beta, n)
    observed = np.minimum(left_at, ages + horizon)
    count = rng.poisson(rate * observed)
    customer = np.repeat(np.arange(n), count)
    return _simulated(customer, rng.random(len(customer)) * observed[customer], rate, left_at, ages)


def gamma_gamma(frequency: ArrayLike, params: ArrayLike, seed: int = 0) -> pd.DataFrame:
    """Simulate the spend of customers, params = (p, q, v) (Fader & Hardie 2013), independent of their
    frequency.

    Returns, in the order of `frequency`: monetary_value (currency, mean of `frequency` purchases; NaN at 0)
    and true_spend (currency, the customer's own mean).
    """
    rng = np.random.default_rng(seed)
    p, q, v = np.asarray(params, dtype=float)
    x = np.asarray(frequency)
    scale = 1 / rng.gamma(q, 1 / v, len(x))
    spent = rng.gamma(np.where(x > 0, p * x, 1.0)) * scale
    return pd.DataFrame({"monetary_value": spent / np.where(x > 0, x, np.nan), "true_spend": p * scale})


def transactions(simulated: Simulated, spend: ArrayLike, as_of: str | pd.Timestamp, seed: int = 0) -> pd.DataFrame:
    """Transactions of simulated customers whose times are days: the first purchase and all repeats up to T.

    spend: (p, q, v) of the Gamma-Gamma model. Returns customer_id, date (datetime64, whole days), amount
    (currency, cents, at least one), sorted by customer and date. Purchases of one day are left as separate
    rows.
    """
    rng = np.random.default_rng(seed)
    p, q, v = np.asarray(spend, dtype=float)
    customers = simulated.customers
    age = customers["T"].to_numpy()
    seen = simulated.events[simulated.events["age"].to_numpy() <= age[simulated.events["customer"]]]
    row = np.concatenate([np.arange(len(age)), seen["customer"]])
    since_first = np.concatenate([np.zeros(len(age)), np.floor(seen["age"])])
    day = np.asarray(pd.Timestamp(as_of), dtype="datetime64[D]") + (since_first - np.floor(age)[row]).astype(int)
    scale = 1 / rng.gamma(q, 1 / v, len(age))
    amount = np.maximum(np.round(rng.gamma(p, size=len(row)) * scale[row], 2), 0.01)
    order = np.lexsort((day, row))
    return pd.DataFrame(
        {
            "customer_id": customers.index.to_numpy()[row[order]],
            "date": day[order].astype("datetime64[us]"),
            "amount": amount[order],
        }
    )


def _simulated(customer: NDArray[np.intp], age: Array, rate: Array, left_at: Array, T: Array) -> Simulated:
    order = np.lexsort((age, customer))
    customer, age = customer[order], age[order]
    seen = age <= T[customer]
    frequency = np.bincount(customer[seen], minlength=len(T))
    recency = np.zeros(len(T))
    np.maximum.at(recency, customer[seen], age[seen])
    width = len(str(len(T)))
    names = pd.Index([f"C{i:0{width}d}" for i in range(1, len(T) + 1)], name="customer_id")
    customers = pd.DataFrame(
        {
            "frequency": frequency,
            "recency": recency,
            "T": T,
            "rate": rate,
            "alive": left_at > T,
            "future": np.bincount(customer[~seen], minlength=len(T)),
        },
        index=names,
    )
    return Simulated(customers, pd.DataFrame({"customer": customer, "age": age}))
