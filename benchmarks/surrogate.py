"""Can a short test be carried on to a year by what customers like these did afterwards? Tried, and no: so 06 doesn't.

    python -m benchmarks.surrogate

A surrogate index (Athey, Chetty, Imbens & Kang 2019, NBER 26463) learns from earlier customers what the year after the
window brings, given how often they bought in its two halves and how much, and takes the difference of the arms'
forecasts for the effect. It holds if the offer changes the year through these figures alone. Boosted trees learn from
6,000 customers of the same law; the worlds are those of `worlds/experiments.ahead`. Prints, by days watched and world,
the true effect, the mean estimate, how often its 95 % interval holds the truth, and how wide that is.
"""

import numpy as np
from sklearn.ensemble import HistGradientBoostingRegressor
from threadpoolctl import threadpool_limits

from benchmarks.worlds.experiments import ECONOMICS, effect, followed
from clvlib.stats import Array

WINDOWS, RUNS, LEARNERS, CUSTOMERS = (21, 90, 365), 40, 6000, 2000
WORLDS: dict[str, dict[str, float]] = {
    "nothing": {},
    "35 % buy once more": {"once": 0.35},
    "60 % longer lives of a year": {"longer": 1.6},
    "60 % longer lives of 3 years": {"longer": 1.6, "life": 3.0},
    "30 % more first buyers": {"first": 1.3},
    "20 % higher baskets": {"basket": 1.2},
}


def draw(random: np.random.Generator, offer: Array, window: float, law: dict[str, float]) -> tuple[Array, Array, Array]:
    """What is seen of each customer in the window, the value in it, and that of the year after it."""
    orders, value = followed(random, offer, window, window + 1, **law)
    seen, bought = value[0] + value[1], orders[0] + orders[1]
    each = np.divide(seen, bought, out=np.zeros(len(offer)), where=bought > 0)
    return np.column_stack([orders[0], orders[1], seen, each]), seen, value[2]


def once_tried(seed: int, days: int, law: dict[str, float]) -> tuple[float, float, float]:
    """Estimate, and both ends of its 95 % interval."""
    random, window = np.random.default_rng([seed, days]), days / 365
    trees = HistGradientBoostingRegressor(min_samples_leaf=100, max_leaf_nodes=6, early_stopping=True, random_state=0)
    known, _, year = draw(random, np.zeros(LEARNERS, dtype=bool), window, law)
    offer = random.random(CUSTOMERS) < 0.5
    shown, value, _ = draw(random, offer, window, law)
    with threadpool_limits(1):
        told = value + trees.fit(known, year).predict(shown) / (1 + ECONOMICS.annual_discount_rate) ** 0.5
    gained = told[offer].mean() - told[~offer].mean()
    reach = 1.96 * np.hypot(*(part.std() / np.sqrt(len(part)) for part in (told[offer], told[~offer])))
    return gained, gained - reach, gained + reach


def main() -> None:
    print(f"{'days':>4}  {'world':<30}{'truth':>8}{'mean':>8}{'holds':>8}{'width':>8}")
    for days in WINDOWS:
        for name, law in WORLDS.items():
            real = effect(days / 365, **law)
            tried = np.array([once_tried(seed, days, law) for seed in range(RUNS)])
            holds = ((tried[:, 1] <= real) & (real <= tried[:, 2])).mean()
            width = (tried[:, 2] - tried[:, 1]).mean()
            print(f"{days:>4}  {name:<30}{real:>8.2f}{tried[:, 0].mean():>8.2f}{holds:>8.0%}{width:>8.2f}", flush=True)


if __name__ == "__main__":
    main()
