"""What a silence of one window costs, summed over active customers, where it is known who is slow and who is gone.

In truth a customer of purchase rate λ and dropout rate μ who would buy nothing in the window loses the difference of
two expectations over the horizon, both of that same customer: with at least one purchase in the window, and with none.
Where nobody ever leaves that is little more than one window's purchases; a difference between buyers and others that
takes the frequent for the saved gives three times as much. The method promises the sum within a factor of 1.5 (nine
times in ten).
"""

from collections.abc import Callable

import ibis
import numpy as np
import pandas as pd

from benchmarks.worlds.proof import Answer, World
from clvlib import aggregate
from clvlib.dataset import Economics
from clvlib.models import churn, worth
from clvlib.models.buying import Buying
from clvlib.models.forecast import ParetoNBD
from tools.demo_shop import simulate

CUSTOMERS, WINDOW, HORIZON = 1000, 90, 365
AS_OF = pd.Timestamp("2025-12-31")
ECONOMICS = Economics(margin=1.0, annual_discount_rate=0.0, horizon_months=12)
FACTOR = 1.5
NEVER = 1e9
LAWS = {
    "nobody ever leaves": (1.0, 60.0, 1.0, NEVER),
    "slow and gone, mixed": (1.5, 40.0, 0.6, 400.0),
    "most who fall silent are gone": (3.0, 40.0, 1.0, 150.0),
}


def truth(rate: np.ndarray, dropout: np.ndarray, alive: np.ndarray) -> np.ndarray:
    """Chance of a silent window times the purchases over the horizon that it costs, customer by customer."""
    both = rate + dropout
    stays = np.exp(-both * WINDOW)
    none = stays + dropout / both * (1 - stays)
    after = stays * rate * -np.expm1(-dropout * (HORIZON - WINDOW)) / dropout
    buying = (rate * -np.expm1(-dropout * HORIZON) / dropout - after) / (1 - none)
    return np.where(alive, none * buying - after, buying)


def cost(law: tuple[float, float, float, float]) -> Callable[[int], Answer]:
    """A run: draw customers and purchases of equal spend, look a year back, and sum what is at stake today."""

    def run(seed: int) -> Answer:
        rng = np.random.default_rng(seed)
        r, alpha, s, beta = law
        age = rng.integers(100, 1000, CUSTOMERS).astype(float)
        rate, dropout = rng.gamma(r, 1 / alpha, CUSTOMERS), np.maximum(rng.gamma(s, 1 / beta, CUSTOMERS), 1e-9)
        left = rng.exponential(size=CUSTOMERS) / dropout
        alive, end = left > age, np.minimum(left, age)
        customer = np.repeat(np.arange(CUSTOMERS), rng.poisson(rate * end))
        events = pd.DataFrame({"customer": customer, "age": rng.random(len(customer)) * end[customer]})
        names = pd.Index([f"C{i:03}" for i in range(CUSTOMERS)], name="customer_id")
        shop = simulate.Simulated(pd.DataFrame({"T": age}, index=names), events)
        sold = simulate.transactions(shop, (1.0, 2.0, 1.0), AS_OF, seed).assign(amount=1.0)
        table = ibis.memtable(sold)
        today, rfm = churn.features_at(table, AS_OF), aggregate.rfm_summary(table, AS_OF)
        model, models = ParetoNBD().with_params(np.array(law)), Buying()
        models.models_ = {model.name: model}
        followed = worth.follow(table, sold["date"].min(), AS_OF, WINDOW, ECONOMICS)
        risk = 1 - model.p_at_least(1, WINDOW, rfm["frequency"], rfm["recency"], rfm["T"])
        here = churn.is_active(today, WINDOW)
        found = (risk * worth.values(followed, today, models, ECONOMICS)["cost_of_silence"])[here].sum()
        true = pd.Series(truth(rate, dropout, alive), index=names)[here.index[here]].sum()
        return Answer(float(true), float(found), float(found) / FACTOR, float(found) * FACTOR)

    return run


WORLDS = [World("money at stake", name, cost(law), level=0.9, repetitions=30) for name, law in LAWS.items()]
