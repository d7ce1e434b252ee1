"""The Gamma-Gamma model as formulas: mean spends and parameters in; likelihood, its maximum, expected spend out.

A customer's purchases follow a gamma law of shape p; the customers' scales an inverse gamma law of shape q (Fader &
Hardie 2013, "The Gamma-Gamma Model of Monetary Value", equation 1a). The search runs over log p, log q and the log of
the level p v / q, which hardly depend on each other, and measures amounts in units of their median: amounts × k give
the same p and q, whatever k is, and one huge customer doesn't move the place where the search looks.

Two ends of the model are no failures. q without limit: customers differ by chance only, everybody is expected to spend
the mean of all. p without limit: a customer always spends the same, and is expected to go on.
"""

import numpy as np
from numpy.typing import NDArray
from scipy.special import digamma, gammaln, zeta

from clvlib.models.likelihood import Loss, Maximum, climb, summed
from clvlib.stats import Array

SMALLEST_Q = 1.1  # at q <= 1 the mean spend is infinite or negative; at 1.1 it is eleven times the usual one
NO_LIMIT = 30.0  # log of a p or q that stands for infinity: spreads of e^-15 are below any currency's digits
SMALLEST = -10.0
_NEAR = 4.0  # log of a p or q from which on the end may be as good
_SAMPLE = 500  # so many different histories are enough to find where the search starts
AS_GOOD = 0.01  # log-likelihood units in which the model without limit may fall behind, to be taken for the simpler one
_LARGE = 40.0  # above it three terms of Stirling's series have all digits


def spend_log_likelihood(params: Array, x: Array, m: Array, w: Array) -> Loss:
    """Log-likelihood of w customers each with x purchases of mean m, with its gradient (3,) and Hessian (3, 3) by
    (log p, log q, log level).

    params (p, q, level), level = p v / q in units of m. Written so that nothing cancels: with p and q in the millions,
    everybody spends nearly the same, and the usual form has no digits left.

    >>> purchases, mean_spend, one = np.array([1.0, 4.0]), np.array([20.0, 50.0]), np.ones(2)
    >>> value, gradient, hessian = spend_log_likelihood((6.25, 3.74, 25.8), purchases, mean_spend, one)
    >>> round(value, 2), gradient.shape, hessian.shape
    (-8.46, (3,), (3, 3))
    """
    p, q, level = params

    def of_spend(x: Array, m: Array, w: Array) -> Loss:
        a, d, log_m = p * x, m / level - 1, np.log(m / level)
        both, mixed = a + q, (1 + d) * a + q
        less = np.log1p(-d * q / (both * (1 + d)))
        near = np.where(a > q, log_m + less, np.log1p(d * a / both))
        value = np.where(a > q, -q * log_m - both * less, a * log_m - both * near) - np.log(m)
        by_level = a * q * d / mixed
        by_p = w @ (a * np.where(a > q, -less, log_m - near) - by_level)
        by_q = w @ (by_level - q * near)
        bend = w @ (by_level**2 / both)
        p_level, q_level = w @ (by_level * q / mixed), w @ (by_level * a * (1 + d) / mixed)
        hessian = [
            [by_p + bend, -bend, p_level],
            [-bend, by_q + bend, q_level],
            [p_level, q_level, -w @ (a * q / mixed * both * (1 + d) / mixed)],
        ]
        return float(w @ value), np.array([by_p, by_q, w @ by_level]), np.array(hessian)

    value, gradient, hessian = summed(of_spend, x, m, w)
    customers = np.bincount(x.astype(np.intp), weights=w).astype(float)  # the rest depends on x alone
    w, a = customers[customers > 0], p * np.flatnonzero(customers)
    both = a + q
    rest, rest_a, rest_q = _stirling(both), _stirling(a), _stirling(np.array([q]))
    value += w @ (np.log(a / both * q / (2 * np.pi)) / 2 + rest[0] - rest_a[0] - rest_q[0])
    by_p, by_q = a * (rest[1] - rest_a[1]), q * (rest[1] - rest_q[1])
    gradient[:2] += w @ (by_p + q / both / 2), w @ (by_q + a / both / 2)
    bend = a * q / both**2 / 2
    hessian[0, 0] += w @ (by_p + a**2 * (rest[2] - rest_a[2]) - bend)
    hessian[1, 1] += w @ (by_q + q**2 * (rest[2] - rest_q[2]) - bend)
    hessian[[0, 1], [1, 0]] += w @ (a * q * rest[2] + bend)
    return float(value), gradient, hessian


def _stirling(z: Array) -> tuple[Array, Array, Array]:
    """log Γ(z) less the leading terms of Stirling's formula, its slope and its curvature."""
    small, u = np.minimum(z, _LARGE), 1 / np.maximum(z, _LARGE)
    exact = (
        gammaln(small) - (small - 0.5) * np.log(small) + small - np.log(2 * np.pi) / 2,
        digamma(small) - np.log(small) + 0.5 / small,
        zeta(2, small) - 1 / small - 0.5 / small**2,  # the trigamma function is a zeta function
    )
    series = (
        u * (1 / 12 - u**2 * (1 / 360 - u**2 / 1260)),
        u**2 * (u**2 * (1 / 120 - u**2 / 252) - 1 / 12),
        u**3 * (1 / 6 - u**2 * (1 / 30 - u**2 / 42)),
    )
    value, slope, curvature = (np.where(z <= _LARGE, e, s) for e, s in zip(exact, series, strict=True))
    return value, slope, curvature


def maximum(x: Array, m: Array, w: Array) -> Maximum | None:
    """The maximum over the logs of (p, q, v) for w customers each with x purchases of mean m; None without one.

    Where p or q is held at a limit, `free` says so.

    >>> back = rfm[rfm["frequency"] > 0]
    >>> found = maximum(back["frequency"].to_numpy(float), back["monetary_value"].to_numpy(), np.ones(len(back)))
    >>> np.exp(found.log_params).round(2)  # p, q and v
    array([ 4.68,  4.19, 24.39])
    """
    order = np.argsort(m, kind="stable")
    middle = m[order[np.searchsorted(np.cumsum(w[order]), w.sum() / 2)]]
    found: list[tuple[float, tuple[Array, Array, NDArray[np.bool_], float]]] = []
    inside = np.inf  # the loss at the best point of the grid inside
    for start, held, loss in _starts(x, m / middle, w):
        if loss > inside and all(climbed[0][[0, 1] if held is None else held].max() < _NEAR for _, climbed in found):
            continue  # far from this end
        if held is None:
            inside = min(inside, loss)
        climbed = _climb(start, x, m / middle, w, held)
        if climbed is not None:
            found.append((climbed[3] - (held is not None) * AS_GOOD / w.sum(), climbed))
    if not found:
        return None
    (log_p, log_q, log_level), covariance, free, _ = min(found, key=lambda each: each[0])[1]
    to_v = np.array([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [-1.0, 1.0, 1.0]])
    log_v = log_level + log_q - log_p + np.log(middle)
    return Maximum(np.array([log_p, log_q, log_v]), to_v @ covariance @ to_v.T, free, 0.0)


def _starts(x: Array, m: Array, w: Array) -> list[tuple[Array, int | None, float]]:
    """Where to climb from, which parameter is held at its end, the loss there: the best of a coarse grid inside (near,
    then far, where the likelihood is nearly flat: its level easily beats a grid too coarse for a maximum near), and at
    either end.

    The likelihood can have several maxima (with one huge customer, or few customers): each family has its own.
    """
    some = slice(None, None, max(1, len(x) // _SAMPLE))
    x, m, w = x[some], m[some], w[some]
    inside = np.arange(-2.0, NO_LIMIT - 1, 3.0)
    grid = [np.array([log_p, log_q]) for log_p in (*inside, NO_LIMIT) for log_q in (*(inside + 2.5), NO_LIMIT)]
    levels = (0.0, np.log(w @ m / w.sum()))
    points = np.array([[*at, level] for at in grid for level in levels])
    losses = np.array([-spend_log_likelihood(np.exp(at), x, m, w)[0] for at in points])
    ends, near = points[:, :2] == NO_LIMIT, (points[:, :2] <= _NEAR).all(axis=1)
    families = (
        (None, near),
        (None, ~near & ~ends.any(axis=1)),
        (0, ends[:, 0] & ~ends[:, 1]),
        (1, ends[:, 1] & ~ends[:, 0]),
    )
    starts: list[tuple[Array, int | None, float]] = []
    for held, family in families:
        best = int(np.nanargmin(losses[family]))
        starts.append((points[family][best], held, float(losses[family][best])))
    return starts


def _climb(
    start: Array, x: Array, m: Array, w: Array, held: int | None = None
) -> tuple[Array, Array, NDArray[np.bool_], float] | None:
    """Log parameters, covariance, which are free, and the mean loss; None where the climb finds no maximum.

    The level is known the better the less purchases scatter: it is measured in its own standard error of one customer.
    """
    p, q, _ = np.exp(start)
    unit = np.array([1.0, 1.0, 1 / np.sqrt(w @ (p * x * q / (p * x + q)) / w.sum())])

    def mean_loss(scaled: Array) -> Loss:
        value, gradient, hessian = spend_log_likelihood(np.exp(scaled * unit), x, m, w)
        return -value / w.sum(), -gradient / w.sum() * unit, -hessian / w.sum() * np.outer(unit, unit)

    low = np.array([SMALLEST, np.log(SMALLEST_Q), -np.inf])
    high = np.array([NO_LIMIT, NO_LIMIT, np.inf])
    if held is not None:
        low[held] = high[held] = NO_LIMIT
    found = climb(mean_loss, [start / unit], low, high)
    if found is None:
        return None
    best, hessian, free = found
    covariance = np.zeros((3, 3))
    covariance[np.ix_(free, free)] = np.linalg.inv(hessian[np.ix_(free, free)]) / w.sum()
    return best * unit, covariance * np.outer(unit, unit), free, mean_loss(best)[0]


def expected_spend(params: Array, x: Array, m: Array) -> Array:
    """Expected spend per purchase (equation 5) with params (p, q, v); the model's mean at x = 0, whatever m is.

    >>> expected_spend((6.25, 3.74, 15.44), x=np.array([0, 1, 10]), m=np.array([0.0, 50.0, 50.0])).round(2)
    array([35.22, 45.49, 49.38])
    """
    p, q, v = params
    own = p * x / (p * x + q - 1)
    return (1 - own) * p * v / (q - 1) + own * np.where(x > 0, m, 0)
