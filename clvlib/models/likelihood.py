"""A log-likelihood goes in, its maximum comes out: with its precision, or with a ConvergenceError.

Parameters are positive, so the search runs over their logarithms, by Newton's method: each likelihood gives its
gradient and its Hessian, too. Two tricks make it cheap, and change nothing of the sum. Customers with the same history
share one row and a weight (Fader & Hardie condense CDNOW the same way). And log Γ(z + x) − log Γ(z), which every count
of purchases brings along, is log z + log(z + 1) + … + log(z + x − 1): over all customers, a sum over j = 0, 1, 2 … in
which each log(z + j) counts for those who bought more than j times (`rising`).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from clvlib.errors import ConvergenceError
from clvlib.stats import Array

Loss = tuple[float, Array, Array]  # a value, its gradient (k,) and its Hessian (k, k)
Objective = Callable[[Array], Loss]
Found = tuple[Array, Array, NDArray[np.bool_]]  # log parameters, Hessian, which are off their limits

PENALTIES = (0.0, 1e-4, 1e-3, 1e-2, 1e-1)
LARGEST_LOG = 10.0  # times are scaled to 1: a parameter e^10 away from that is not determined by the data
FLAT = 1e-6  # gradient of the mean log-likelihood: far less than a standard error away from the maximum
_STEPS = 200  # of a search that gets anywhere, ten or twenty are enough
_REACH, _FURTHEST = 1.0, 4.0  # of the first step, and of any: parameters e and e^4 times as large
_EXACT = 1e-12  # a gain of so little is beyond what can be measured: it's the last step
_CHUNK = 2048  # rows at a time: what is worked out of so many fits in a processor's cache


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
    """Minimise `mean_loss(log_params) -> (value, gradient, Hessian)`, the mean negative log-likelihood of `size`
    customers.

    Tries without a penalty first, then with growing penalties on the squared parameters (as in lifetimes):
    some shops' data determine only three of the four parameters. `floors` are lower limits of the log
    parameters. `sample` is the same loss on a part of a large dataset: its minimum is where the search starts.

    Raises ConvergenceError when even the largest penalty does not lead to a maximum.

    >>> def loss(log_params):  # a Poisson law, of which 100 customers made 3 purchases on average
    ...     rate = np.exp(log_params)
    ...     return float((rate - 3 * log_params)[0]), rate - 3, np.diag(rate)
    >>> found = maximise(loss, floors=[-10.0], size=100, name="Poisson")
    >>> np.exp(found.log_params).round(2), np.sqrt(found.covariance).round(3)
    (array([3.]), array([[0.058]]))
    """
    limits = np.asarray(floors, dtype=float)
    start = np.maximum(np.full(len(limits), 0.1), limits + 0.5)
    for penalty in PENALTIES:
        with threadpool_limits(1, "blas"):  # so short sums gain nothing from threads, and wait for each other's
            rough = None if sample is None else _search(penalised(sample, penalty), start, limits)
            found = _search(penalised(mean_loss, penalty), start if rough is None else rough[0], limits)
        if found is not None:
            log_params, hessian, free = found
            covariance = np.zeros_like(hessian)
            covariance[np.ix_(free, free)] = np.linalg.inv(hessian[np.ix_(free, free)]) / size
            return Maximum(log_params, covariance, free, penalty)
    raise ConvergenceError(
        f"{name} did not converge on {size:,.0f} customers, even with a penalty of {PENALTIES[-1]}.",
        "Use another model, a longer history, or leave out customers with extreme histories.",
    )


def penalised(mean_loss: Objective, penalty: float) -> Objective:
    """The loss with `penalty` times the sum of the squared parameters (not of their logs) added.

    >>> def flat(log_params):
    ...     return 0.0, np.zeros(1), np.zeros((1, 1))
    >>> penalised(flat, 0.1)(np.log([3.0]))
    (0.9, array([1.8]), array([[3.6]]))
    """

    def loss(log_params: Array) -> Loss:
        value, gradient, hessian = mean_loss(log_params)
        squares = penalty * np.exp(2 * log_params)
        return value + squares.sum(), gradient + 2 * squares, hessian + np.diag(4 * squares)

    return loss


def _search(loss: Objective, start: Array, floors: Array) -> Found | None:
    """The minimum between the floors and LARGEST_LOG; None without a proper one."""
    low = np.maximum(floors, -LARGEST_LOG)
    found = climb(loss, start, low, np.full(len(floors), LARGEST_LOG))
    if found is None or (np.abs(found[0][found[2]]) > LARGEST_LOG - 1).any():
        return None
    return found


def climb(loss: Objective, start: Array, low: Array, high: Array) -> Found | None:
    """The minimum of `loss` between `low` and `high`, its Hessian and which parameters are off their limits; None
    without a proper minimum in those.

    >>> def loss(log_params):  # a Poisson law, mean 3
    ...     rate = np.exp(log_params)
    ...     return float((rate - 3 * log_params)[0]), rate - 3, np.diag(rate)
    >>> best, hessian, free = climb(loss, start=np.zeros(1), low=np.array([-5.0]), high=np.array([5.0]))
    >>> np.exp(best).round(2), hessian.round(2), free
    (array([3.]), array([[3.]]), array([ True]))
    """
    with np.errstate(all="ignore"):  # the search may step where the likelihood has no value, and steps back
        best, (value, gradient, hessian) = _descend(loss, np.clip(start, low, high), low, high)
    free = (best > low + 1e-6) & (best < high - 1e-6)
    if not (np.isfinite(value) and np.isfinite(gradient).all() and np.isfinite(hessian).all()):
        return None
    if np.abs(gradient[free]).max(initial=0) >= FLAT:
        return None
    if free.any() and np.linalg.eigvalsh(hessian[np.ix_(free, free)]).min() <= 0:
        return None
    return best, hessian, free


def _descend(loss: Objective, at: Array, low: Array, high: Array) -> tuple[Array, Loss]:
    """Newton's steps, never longer than what the last ones have shown to be safe, from limit to limit."""
    here, reach = loss(at), _REACH
    for _ in range(_STEPS):
        value, gradient, hessian = here
        free = ~((at <= low) & (gradient >= 0)) & ~((at >= high) & (gradient <= 0))
        if not (free.any() and np.isfinite(gradient).all() and np.isfinite(hessian).all()):
            break
        step = np.zeros(len(at))
        step[free] = _newton(gradient[free], hessian[np.ix_(free, free)])
        room = np.where(step > 0, high - at, np.where(step < 0, at - low, np.inf)) / np.abs(step)
        length = float(np.linalg.norm(step))
        shorter = min(1.0, reach / length, room.min())
        last = shorter == 1 and -(gradient @ step) / 2 < _EXACT
        step *= shorter
        to = np.clip(at + step, low, high)
        to = np.where(room <= shorter, np.where(step > 0, high, low), to)
        foreseen = -(gradient @ step + step @ hessian @ step / 2)
        there = loss(to)
        gained = value - there[0]
        if last or gained >= foreseen / 10 - _EXACT:
            at, here = to, there
            if gained > foreseen / 2:
                reach = min(2 * max(reach, shorter * length), _FURTHEST)
        else:
            reach = shorter * length / 4
        if last or reach < 1e-9:
            break
    return at, here


def _newton(gradient: Array, hessian: Array) -> Array:
    """To the minimum of the parabola that gradient and Hessian describe; downhill as far where it has none."""
    curvature, axes = np.linalg.eigh(hessian)
    steep = np.maximum(np.abs(curvature), 1e-14 * np.abs(curvature).max() + 1e-300)
    return -axes @ (axes.T @ gradient / steep)


def more_than(count: Array, w: Array) -> Array:
    """How many customers (w each) have a count above 0, above 1, above 2 …, up to the largest one.

    >>> more_than(np.array([0.0, 1.0, 3.0]), np.array([5.0, 2.0, 1.0]))
    array([3., 1., 1.])
    """
    return np.bincount(count.astype(np.intp), weights=w)[:0:-1].cumsum()[::-1]


def rising(z: float, more: Array) -> tuple[float, float, float]:
    """The sum over customers of log Γ(z + x) − log Γ(z), and its two derivatives by log z; more: `more_than` of x.

    >>> rising(2.0, more=np.array([1.0, 1.0, 1.0]))  # one customer, x = 3: log 2 + log 3 + log 4
    (3.17805383034794..., 2.16666666666666..., 0.68055555555555...)
    """
    up = z + np.arange(len(more))
    share = z / up
    return float(more @ np.log(up)), float(more @ share), float(more @ (share * (1 - share)))


def summed(part: Callable[..., Loss], *rows: Array) -> Loss:
    """The sum of `part(*rows)` over the rows (n,), a few thousand at a time.

    >>> def part(x, w):
    ...     return w @ x, np.array([w @ x]), np.array([[w @ x]])
    >>> summed(part, np.ones(5000), np.full(5000, 2.0))
    (10000.0, array([10000.]), array([[10000.]]))
    """
    parts = [part(*(row[i : i + _CHUNK] for row in rows)) for i in range(0, len(rows[0]), _CHUNK)]
    value, gradient, hessian = (np.sum(each, axis=0) for each in zip(*parts, strict=True))
    return float(value), gradient, hessian
