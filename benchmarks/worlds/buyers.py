"""How many customers buy at least once in the next year: the count by which customers are counted, in known worlds.

The truth is who did buy in a simulated year after the data end. The model is the one of the best likelihood, as no shop
says which law its customers follow.
"""

from collections.abc import Callable

import numpy as np

from benchmarks.worlds.proof import Answer, World
from clvlib.models.forecast import fit_best
from clvlib.models.scoring import expected_buyers
from tools.demo_shop import simulate

CUSTOMERS, YEAR = 1500, 365.0
BG, MBG, PARETO = (0.6, 30.0, 0.8, 2.5), (0.6, 30.0, 0.6, 2.0), (0.6, 30.0, 0.6, 150.0)
STAYING = (1.0, 60.0)  # Gamma rates of customers who never leave


def count(draw: Callable[[int, np.ndarray], simulate.Simulated]) -> Callable[[int], Answer]:
    """A run: draw customers of all ages, fit, count who is expected to buy, and look who did."""

    def run(seed: int) -> Answer:
        ages = np.random.default_rng(seed).integers(100, 700, CUSTOMERS).astype(float)
        customers = draw(seed, ages).customers
        found = expected_buyers(customers, fit_best(customers), YEAR)
        return Answer(float((customers["future"] > 0).sum()), found.expected, found.low, found.high)

    return run


def bg(seed: int, ages: np.ndarray) -> simulate.Simulated:
    return simulate.bg_nbd(CUSTOMERS, BG, ages, horizon=YEAR, seed=seed)


def mbg(seed: int, ages: np.ndarray) -> simulate.Simulated:
    return simulate.bg_nbd(CUSTOMERS, MBG, ages, horizon=YEAR, seed=seed, modified=True)


def pareto(seed: int, ages: np.ndarray) -> simulate.Simulated:
    return simulate.pareto_nbd(CUSTOMERS, PARETO, ages, horizon=YEAR, seed=seed)


def nobody_leaves(seed: int, ages: np.ndarray) -> simulate.Simulated:
    return simulate.pareto_nbd(CUSTOMERS, (*STAYING, 1.0, 1e12), ages, horizon=YEAR, seed=seed)


METHOD = "buyers in the horizon"
LAWS = {"BG/NBD": bg, "MBG/NBD": mbg, "Pareto/NBD": pareto, "nobody ever leaves": nobody_leaves}
WORLDS = [World(METHOD, law, count(draw), level=0.9, repetitions=60) for law, draw in LAWS.items()]
