"""A log-likelihood goes in, its maximum comes out: with its precision, or with a ConvergenceError.

Parameters are positive, so the search runs over their logarithms, by Newton's method: each likelihood gives its
gradient and its Hessian, too. Two tricks make it cheap, and change nothing of the sum. Customers with the same history
share one row and a weight (Fader & Hardie condense CDNOW the same way). And log Γ(z + x) − log Γ(z), which every count
of purchases brings along, is log z + log(z + 1) + … + log(z + x − 1): over all customers, a sum over j = 0, 1, 2 … in
which each log(z + j) counts for those who bought more than j times (`rising`).
"""

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from clvlib.errors import ConvergenceError
from clvlib.language import phrase
from clvlib.stats import Array, one_thread

Loss = tuple[float, Array, Array]  # a value, its gradient (k,) and its Hessian (k, k)
Objective = Callable[[Array], Loss]
Found = tuple[Array, Array, NDArray[np.bool_]]  # log parameters, Hessian, which are off their limits

PENALTIES = (0.0, 1e-4, 1e-3, 1e-2, 1e-1)
LARGEST_LOG = 10.0  # times are scaled to 1: a parameter e^10 away from that is not determined by the data
FLAT = 1e-6  # gradient of the mean log-likelihood: far less than a standard error away from the maximum
_STEPS = 200  # of a search that gets anywhere, ten or twenty are enough
_REACH, _FURTHEST, _SHORTEST = 1.0, 4.0, 1e-9  # of the first step, of any: a parameter e and e^4 times as large
_ENDLESS = 1000.0  # as good as infinite: further than from any limit to the other
_EXACT = 1e-12  # a gain of so small a share is beyond what can be measured: it's the last step
_SAMPLES = (2_000, 20_000)  # rows
_AT_ONCE = 2048  # rows at a time: what is worked out of so many fits in a processor's cache


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


def unique_rows(frame: pd.DataFrame, columns: Sequence[Hashable]) -> tuple[list[Array], NDArray[np.intp]]:
    """The distinct rows of `columns`, sorted, an array per column; and for each row of `frame` which one.

    >>> unique_rows(pd.DataFrame({"frequency": [2, 0, 2], "T": [30, 10, 30]}), ["frequency", "T"])
    ([array([0., 2.]), array([10., 30.])], array([1, 0, 1]))
    """
    code, size = np.zeros(len(frame), dtype=np.int64), 1
    for column in columns:
        each, values = pd.factorize(frame[column], sort=True, use_na_sentinel=False)
        if size * len(values) >= 2**63:  # numbered anew: no product of two numbers of distinct values is too large
            code, known = pd.factorize(code, sort=True)
            size = len(known)
        code, size = code * len(values) + each, size * len(values)
    code = pd.factorize(code, sort=True)[0]
    where = np.empty(code.max(initial=-1) + 1, dtype=np.intp)
    where[code] = np.arange(len(code))
    return [frame[column].to_numpy(float)[where] for column in columns], code


def maximise(
    mean_loss: Objective, floors: Sequence[float], size: float, name: str, samples: Sequence[Objective] = ()
) -> Maximum:
    """Minimise `mean_loss(log_params) -> (value, gradient, Hessian)`, the mean negative log-likelihood of `size`
    customers.

    Tries without a penalty first, then with growing penalties on the squared parameters (as in lifetimes):
    some shops' data determine only three of the four parameters. `floors` are lower limits of the log
    parameters. `samples` are the same loss on ever larger parts of a large dataset: each starts where the one before
    ended.

    Raises ConvergenceError when even the largest penalty does not lead to a maximum.

    >>> def loss(log_params):  # a Poisson law, of which 100 customers made 3 purchases on average
    ...     rate = np.exp(log_params)
    ...     return float((rate - 3 * log_params)[0]), rate - 3, np.diag(rate)
    >>> found = maximise(loss, floors=[-10.0], size=100, name="Poisson")
    >>> np.exp(found.log_params).round(2), np.sqrt(found.covariance).round(3)
    (array([3.]), array([[0.058]]))
    """
    low, high = np.maximum(floors, -LARGEST_LOG), np.full(len(floors), LARGEST_LOG)
    for penalty in PENALTIES:
        starts = [np.maximum(np.full(len(low), 0.1), low + 0.5)]
        for loss in (*samples, mean_loss):
            found = climb(penalised(loss, penalty), starts, low, high)
            starts = starts if found is None else [found[0]]
        if found is not None and (np.abs(found[0][found[2]]) <= LARGEST_LOG - 1).all():
            log_params, hessian, free = found
            covariance = np.zeros_like(hessian)
            covariance[np.ix_(free, free)] = np.linalg.inv(hessian[np.ix_(free, free)]) / size
            return Maximum(log_params, covariance, free, penalty)
    raise ConvergenceError(
        phrase(
            "{model} did not converge on {n:,.0f} customers, even with a penalty of {penalty}.",
            model=name,
            n=size,
            penalty=PENALTIES[-1],
        ),
        "Use another model, a longer history, or leave out customers with extreme histories.",
    )


def mean_loss_of(log_likelihood: Callable[..., Loss], *rows: Array) -> Objective:
    """Minus `log_likelihood(params, *rows)` per customer, as a loss of the log parameters; the last row is w.

    >>> def poisson(rate, x, w):
    ...     return w @ (x * np.log(rate) - rate), w @ x - w.sum() * rate, -np.diag(w.sum() * rate)
    >>> mean_loss_of(poisson, np.array([3.0, 1.0]), np.array([1.0, 1.0]))(np.log([2.0]))[1]
    array([-0.])
    """
    size = rows[-1].sum()

    def loss(log_params: Array) -> Loss:
        value, gradient, hessian = log_likelihood(np.exp(log_params), *rows)
        return -value / size, -gradient / size, -hessian / size

    return loss


def thinned(*rows: Array) -> list[tuple[Array, ...]]:
    """Every so many-th row, where there are many: enough to find where a search over more of them starts.

    >>> [len(few[0]) for few in thinned(np.arange(1e6))], [len(few[0]) for few in thinned(np.arange(5e4))]
    ([2000, 20000], [2000])
    """
    steps = [len(rows[0]) // size for size in _SAMPLES if len(rows[0]) > 5 * size]
    return [tuple(row[::step] for row in rows) for step in steps]


def penalised(mean_loss: Objective, penalty: float) -> Objective:
    """The loss with `penalty` times the sum of the squared parameters (not of their logs) added.

    >>> def flat(log_params):
    ...     return 0.0, np.zeros(1), np.zeros((1, 1))
    >>> penalised(flat, 0.1)(np.log([3.0]))  # 0.1 × 3²
    (0.9..., array([1.8]), array([[3.6]]))
    """

    def loss(log_params: Array) -> Loss:
        value, gradient, hessian = mean_loss(log_params)
        squares = penalty * np.exp(2 * log_params)
        return float(value + squares.sum()), gradient + 2 * squares, hessian + np.diag(4 * squares)

    return loss


def climb(loss: Objective, starts: Sequence[Array], low: Array, high: Array) -> Found | None:
    """The lowest minimum that `descend` finds, its Hessian and which parameters are off their limits; None where it is
    no proper minimum in those.

    >>> def loss(log_params):  # a Poisson law, mean 3
    ...     rate = np.exp(log_params)
    ...     return float((rate - 3 * log_params)[0]), rate - 3, np.diag(rate)
    >>> best, hessian, free = climb(loss, [np.zeros(1)], low=np.array([-5.0]), high=np.array([5.0]))
    >>> np.exp(best).round(2), hessian.round(2), free
    (array([3.]), array([[3.]]), array([ True]))
    """
    best, (_, gradient, hessian) = descend(loss, starts, low, high)
    free = (best > low + 1e-6) & (best < high - 1e-6)
    if not np.isfinite(hessian).all() or not np.abs(gradient[free]).max(initial=0) < FLAT:
        return None
    if free.any() and np.linalg.eigvalsh(hessian[np.ix_(free, free)]).min() <= 0:
        return None
    return best, hessian, free


def descend(loss: Objective, starts: Sequence[Array], low: Array, high: Array) -> tuple[Array, Loss]:
    """The lowest place between `low` and `high` that a search from any of `starts` comes to, and the loss there.

    >>> def loss(log_params):  # the more, the better
    ...     return -float(log_params[0]), np.array([-1.0]), np.zeros((1, 1))
    >>> descend(loss, [np.zeros(1)], low=np.array([-5.0]), high=np.array([5.0]))[0]
    array([5.])
    """
    # The search may step where the likelihood has no value, and steps back. Sums so short gain nothing from threads.
    with np.errstate(all="ignore"), one_thread("blas"):
        ends = [_newton(loss, np.clip(start, low, high), low, high) for start in starts]
    return min(ends, key=lambda end: np.nan_to_num(end[1][0], nan=np.inf))


def _newton(loss: Objective, at: Array, low: Array, high: Array) -> tuple[Array, Loss]:
    """Newton's steps, never much longer than the last ones have shown to be safe, and none across a limit."""
    here, reach = loss(at), _REACH
    for _ in range(_STEPS):
        value, gradient, hessian = here
        if not (np.isfinite(gradient).all() and np.isfinite(hessian).all()):
            break
        step, blocked = _step(at, gradient, hessian, low, high)
        length = float(np.linalg.norm(step))
        if length == 0:
            break
        room = np.where(step > 0, high - at, at - low) / np.abs(step)  # NaN or infinite where there is no step
        shorter = min(1.0, reach / length, float(np.nanmin(room)))
        exact = _EXACT * max(1.0, abs(value))
        last = shorter == 1 and not blocked and -(gradient @ step) / 2 < exact
        to = np.where(room <= shorter, np.where(step > 0, high, low), np.clip(at + shorter * step, low, high))
        foreseen = -(gradient @ step) * shorter - step @ hessian @ step * shorter**2 / 2
        there = loss(to)
        gained = value - there[0]
        if last or gained >= foreseen / 10 - exact:
            at, here = to, there
            if gained > foreseen / 2:
                reach = min(2 * max(reach, shorter * length), _FURTHEST)
        else:
            reach = shorter * length / 4
        if last or reach < _SHORTEST:
            break
    return at, here


def _step(at: Array, gradient: Array, hessian: Array, low: Array, high: Array) -> tuple[Array, bool]:
    """To the minimum of the parabola that gradient and Hessian describe (along an axis that has none, downhill as far),
    by parameters that are not at a limit or leave it; and whether one that would go down stays because of the others.
    """
    free = ~((at <= low) & (gradient >= 0)) & ~((at >= high) & (gradient <= 0))
    blocked = False
    while True:
        step = np.zeros(len(at))
        curvature, axes = np.linalg.eigh(hessian[np.ix_(free, free)])
        along = axes.T @ gradient[free]
        rounding, endless = 1e-14 * np.abs(curvature).max(initial=0) + 1e-300, np.abs(along) / _ENDLESS
        step[free] = -axes @ (along / np.maximum(np.abs(curvature), np.maximum(rounding, endless)))
        out = (at <= low) & (step < 0) | (at >= high) & (step > 0)
        if not out.any():
            return step, blocked
        free, blocked = free & ~out, True


def more_than(count: Array, w: Array) -> Array:
    """How many customers (w each) have a count above 0, above 1, above 2 …, up to the largest one.

    >>> more_than(np.array([0.0, 1.0, 3.0]), np.array([5.0, 2.0, 1.0]))
    array([3., 1., 1.])
    """
    return np.bincount(count.astype(np.intp), weights=w)[:0:-1].cumsum()[::-1]


def rising(z: float, more: Array) -> tuple[float, float, float]:
    """The sum over customers of log Γ(z + x) − log Γ(z), and its two derivatives by log z; more: `more_than` of x.

    >>> np.round(rising(2.0, more=np.array([1.0, 1.0, 1.0])), 3)  # one customer, x = 3: log 2 + log 3 + log 4
    array([3.178, 2.167, 0.472])
    """
    up = z + np.arange(len(more))
    share = z / up
    return float(more @ np.log(up)), float(more @ share), float(more @ (share * (1 - share)))


def summed(part: Callable[..., Loss], *rows: Array, at_once: int = _AT_ONCE) -> Loss:
    """The sum of `part(*rows)` over the rows (n,), so many at a time.

    >>> def part(x, w):
    ...     return w @ x, np.array([w @ x]), np.array([[w @ x]])
    >>> summed(part, np.ones(5000), np.full(5000, 2.0))
    (10000.0, array([10000.]), array([[10000.]]))
    """
    parts = [part(*(row[i : i + at_once] for row in rows)) for i in range(0, len(rows[0]), at_once)]
    value, gradient, hessian = (np.sum(each, axis=0) for each in zip(*parts, strict=True))
    return float(value), gradient, hessian
