"""A log-likelihood goes in, its maximum comes out: with its precision, or with a ConvergenceError.

Parameters are positive, so the search runs over their logarithms. Customers with the same history share one
row and a weight (Fader & Hardie condense CDNOW the same way): the sum is the same, the work is a fraction of
it.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.optimize import minimize
from threadpoolctl import threadpool_limits

from clvlib.errors import ConvergenceError
from clvlib.stats import Array

Objective = Callable[[Array], tuple[float, Array]]
Found = tuple[Array, Array, NDArray[np.bool_]]  # log parameters, Hessian, which are off their floor

PENALTIES = (0.0, 1e-4, 1e-3, 1e-2, 1e-1)
LARGEST_LOG = 10.0  # times are scaled to 1: a parameter e^10 away from that is not determined by the data
FLAT = 1e-6  # gradient of the mean log-likelihood: far less than a standard error away from the maximum
_STEP = 1e-4


@dataclass(frozen=True)
class Maximum:
    """Where a log-likelihood is largest.

    log_params (k,) and their covariance (k, k); free (k,) says which are not held at their lower limit (their
    covariance is 0); penalty is what it took to find a maximum, 0 when nothing had to be added.

    >>> found = Maximum(np.log([0.25, 4.0]), np.diag([0.01, 0.04]), np.array([True, True]), penalty=0.0)
    >>> np.exp(found.log_params).round(2), np.sqrt(np.diag(found.covariance)).round(2)  # values, and relative errors
    (array([0.25, 4.  ]), array([0.1, 0.2]))
    """

    log_params: Array
    covariance: Array
    free: NDArray[np.bool_]
    penalty: float


def unique_rows(frame: pd.DataFrame, columns: Sequence[str]) -> tuple[list[Array], NDArray[np.intp]]:
    """The distinct rows of `columns`, sorted, an array per column; and for each row of `frame` which one.

    >>> unique_rows(pd.DataFrame({"frequency": [2, 0, 2], "T": [30, 10, 30]}), ["frequency", "T"])
    ([array([0., 2.]), array([10., 30.])], array([1, 0, 1]))
    """
    code = frame.groupby(list(columns), sort=True).ngroup().to_numpy().astype(np.intp)
    where = np.empty(code.max(initial=-1) + 1, dtype=np.intp)
    where[code] = np.arange(len(code))
    return [frame[column].to_numpy(float)[where] for column in columns], code


def maximise(
    mean_loss: Objective, floors: Sequence[float], size: float, name: str, sample: Objective | None = None
) -> Maximum:
    """Minimise `mean_loss(log_params) -> (value, gradient)`, the mean negative log-likelihood of `size`
    customers.

    Tries without a penalty first, then with growing penalties on the squared parameters (as in lifetimes):
    some shops' data determine only three of the four parameters. `floors` are lower limits of the log
    parameters. `sample` is the same loss on a part of a large dataset: its minimum is where the search starts.

    Raises ConvergenceError when even the largest penalty does not lead to a maximum.

    >>> def loss(log_params):  # a Poisson law, of which 100 customers made 3 purchases on average
    ...     rate = np.exp(log_params)
    ...     return float((rate - 3 * log_params)[0]), rate - 3
    >>> found = maximise(loss, floors=[-10.0], size=100, name="Poisson")
    >>> np.exp(found.log_params).round(2), np.sqrt(found.covariance).round(3)
    (array([3.]), array([[0.058]]))
    """
    limits = np.asarray(floors, dtype=float)
    for penalty in PENALTIES:
        with threadpool_limits(1, "blas"):  # so short sums gain nothing from threads, and wait for each other's
            rough = None if sample is None else _search(_penalised(sample, penalty), limits)
            found = _search(_penalised(mean_loss, penalty), limits, rough)
        if found is not None:
            log_params, hessian, free = found
            covariance = np.zeros_like(hessian)
            covariance[np.ix_(free, free)] = np.linalg.inv(hessian[np.ix_(free, free)]) / size
            return Maximum(log_params, covariance, free, penalty)
    raise ConvergenceError(
        f"{name} did not converge on {size:,.0f} customers, even with a penalty of {PENALTIES[-1]}.",
        "Use another model, a longer history, or leave out customers with extreme histories.",
    )


def _penalised(mean_loss: Objective, penalty: float) -> Objective:
    def loss(log_params: Array) -> tuple[float, Array]:
        value, gradient = mean_loss(log_params)
        squares = penalty * np.exp(2 * log_params)
        return value + squares.sum(), gradient + 2 * squares

    return loss


def _search(loss: Objective, floors: Array, rough: Found | None = None) -> Found | None:
    """The minimum between the floors and LARGEST_LOG, its Hessian and which parameters are off their floor; None
    without a proper minimum.
    """
    start = np.maximum(np.full(len(floors), 0.1), floors + 0.5)
    low = np.maximum(floors, -LARGEST_LOG)
    found = climb(loss, start, low, np.full(len(floors), LARGEST_LOG), rough)
    if found is None or (np.abs(found[0][found[2]]) > LARGEST_LOG - 1).any():
        return None
    return found


def climb(loss: Objective, start: Array, low: Array, high: Array, rough: Found | None = None) -> Found | None:
    """The minimum of `loss` between `low` and `high`, its Hessian and which parameters are off their limits; None
    without a proper minimum in those. `rough` is the minimum of nearly the same loss, found before.

    >>> def loss(log_params):  # a Poisson law, mean 3
    ...     rate = np.exp(log_params)
    ...     return float((rate - 3 * log_params)[0]), rate - 3
    >>> best, hessian, free = climb(loss, start=np.zeros(1), low=np.array([-5.0]), high=np.array([5.0]))
    >>> np.exp(best).round(2), hessian.round(2), free
    (array([3.]), array([[3.]]), array([ True]))
    """
    with np.errstate(all="ignore"):  # the search may step where the likelihood has no value, and steps back
        best = _descend(loss, start, low, high, rough)
        free = (best > low + 1e-6) & (best < high - 1e-6)
        if not np.isfinite(best).all():
            return None
        hessian = _hessian(loss, best)
        inside = np.ix_(free, free)
        if not np.isfinite(hessian).all() or (free.any() and np.linalg.eigvalsh(hessian[inside]).min() <= 0):
            return None
        best = best.copy()
        best[free] -= np.linalg.solve(hessian[inside], loss(best)[1][free])  # one Newton step: the last digits
        return (best, hessian, free) if np.abs(loss(best)[1][free]).max(initial=0) < FLAT else None


def _descend(loss: Objective, start: Array, low: Array, high: Array, rough: Found | None) -> Array:
    if rough is not None:  # Newton steps with the Hessian of the sample: each leaves a hundredth of the way
        start, hessian, _ = rough
        near = start
        for _ in range(6):
            gradient = loss(near)[1]
            if np.abs(gradient).max() < FLAT:
                return near
            near = near - np.linalg.solve(hessian, gradient)
    bounds = list(zip(low, high, strict=True))
    options = {"ftol": 1e-13, "gtol": FLAT}
    return minimize(loss, start, jac=True, method="L-BFGS-B", bounds=bounds, options=options).x


def _hessian(loss: Objective, at: Array) -> Array:
    columns = []
    for i in range(len(at)):
        step = np.zeros(len(at))
        step[i] = _STEP
        columns.append((loss(at + step)[1] - loss(at - step)[1]) / (2 * _STEP))
    return (np.array(columns) + np.array(columns).T) / 2
