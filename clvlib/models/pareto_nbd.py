"""The Pareto/NBD model as formulas: customer summary and parameters in; likelihood, P(alive), forecasts out.

`lifetimes` writes the likelihood with two Gauss hypergeometric functions (Fader & Hardie 2005, "A Note on
Deriving the Pareto/NBD Model and Related Expressions", equations 18 to 20). Their difference loses its digits
when a customer has just bought, and it has no gradient, so that only a slow random-start search can fit it.
Here the integral behind both functions is summed directly, which also gives the gradient.

`params` is always (r, alpha, s, beta); x, t_x and T are frequency, recency and T; all times share one unit.
"""

from collections.abc import Callable

import numpy as np
from scipy.special import betainc, digamma, gammaln

from clvlib.stats import Array

_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(32)
_NODES, _WEIGHTS = (_NODES + 1) / 2, _WEIGHTS / 2
_NEGLIGIBLE = 40.0  # a part of the integrand e^40 times smaller than its start is below double precision
_CHUNK = 4096  # rows at a time: the 32 nodes of so many rows fit in a processor's cache


def log_likelihood(params: Array, x: Array, t_x: Array, T: Array) -> tuple[Array, Array]:
    """Log-likelihood of each customer, shape (n,), and its gradient by the log of each parameter, (4, n).

    >>> cdnow = (0.553, 10.578, 0.606, 11.669)  # in weeks
    >>> x, t_x, T = np.array([0.0, 2.0]), np.array([0.0, 30.43]), np.array([38.86, 38.86])
    >>> value, gradient = log_likelihood(cdnow, x, t_x, T)
    >>> value.round(2), gradient.shape
    (array([-0.52, -9.55]), (4, 2))
    """
    value, gradient = np.empty(len(x)), np.empty((4, len(x)))
    for start in range(0, len(x), _CHUNK):
        rows = slice(start, start + _CHUNK)
        value[rows], gradient[:, rows] = _log_likelihood_of_chunk(params, x[rows], t_x[rows], T[rows])
    return value, gradient


def _log_likelihood_of_chunk(params: Array, x: Array, t_x: Array, T: Array) -> tuple[Array, Array]:
    r, alpha, s, beta = params
    still_alive = _log_alive(params, x, T)
    died, (log_near, log_far), share = _log_died(params, x, t_x, T)
    log_alpha_tau, log_beta_tau = (log_near, log_far) if alpha <= beta else (log_far, log_near)
    mixed = np.logaddexp(still_alive, died)
    value = gammaln(r + x) - gammaln(r) + r * np.log(alpha) + s * np.log(beta) + mixed

    alive, dead = np.exp(still_alive - mixed), np.exp(died - mixed)

    def mean(of: Array) -> Array:
        return np.einsum("ij,ij->j", share, of)

    by_r = digamma(r + x) - digamma(r) + np.log(alpha) - alive * np.log(alpha + T) - dead * mean(log_alpha_tau)
    by_alpha = r / alpha - (r + x) * (alive / (alpha + T) + dead * mean(np.exp(-log_alpha_tau)))
    by_s = np.log(beta) - alive * np.log(beta + T) + dead * (1 / s - mean(log_beta_tau))
    by_beta = s / beta - alive * s / (beta + T) - dead * (s + 1) * mean(np.exp(-log_beta_tau))
    return value, np.stack([r * by_r, alpha * by_alpha, s * by_s, beta * by_beta])


def _log_alive(params: Array, x: Array, T: Array) -> Array:
    """Log-likelihood of a customer still alive at T, without the factor common to both cases."""
    r, alpha, s, beta = params
    return -(r + x) * np.log(alpha + T) - s * np.log(beta + T)


def _log_died(params: Array, x: Array, t_x: Array, T: Array) -> tuple[Array, tuple[Array, Array], Array]:
    """The same for a customer who left between t_x and T, with the moments of leaving, tau, and their shares.

    Of tau are given the logarithms of min(alpha, beta) + tau and max(alpha, beta) + tau.

    log of s ∫ (alpha + tau)^-(r + x) (beta + tau)^-(s + 1) dtau from t_x to T, over y = log(min(alpha, beta)
    + tau): the other singularity is then at least π away from the path, so that 32 Gauss-Legendre nodes
    suffice.
    """
    r, alpha, s, beta = params
    near, gap = min(alpha, beta), abs(alpha - beta)
    power_near: Array | float
    power_far: Array | float
    power_near, power_far = (r + x, s + 1.0) if alpha <= beta else (s + 1.0, r + x)

    def log_integrand(y: Array, log_far: Array) -> Array:
        return (1 - power_near) * y - power_far * log_far

    low, high = np.log(near + t_x), np.log(near + T)
    high = _cut_tail(log_integrand, low, high, power_near, power_far, gap)
    width = np.maximum(high - low, 1e-300)
    y = low + width * _NODES[:, None]
    log_far = np.log(gap + np.exp(y))
    terms = log_integrand(y, log_far) + np.log(_WEIGHTS)[:, None]
    top = terms.max(axis=0)
    share = np.exp(terms - top)
    total = share.sum(axis=0)
    return np.log(s) + np.log(width) + top + np.log(total), (y, log_far), share / total


def _cut_tail(
    log_integrand: Callable[[Array, Array], Array],
    low: Array,
    high: Array,
    power_near: Array | float,
    power_far: Array | float,
    gap: float,
) -> Array:
    """Move `high` to where the integrand is negligible. It is log-concave: Newton never overshoots."""
    floor = log_integrand(low, np.log(gap + np.exp(low))) - _NEGLIGIBLE
    for _ in range(6):
        near = np.exp(high)
        excess = floor - log_integrand(high, np.log(gap + near))
        slope = (1 - power_near) - power_far * near / (gap + near)
        high = np.where(excess > 0, high + excess / np.minimum(slope, -1e-12), high)
    return high


def p_alive(params: Array, x: Array, t_x: Array, T: Array) -> Array:
    """Probability that the customer has not left by T (Fader & Hardie 2005, equations 36 and 37).

    >>> cdnow = (0.553, 10.578, 0.606, 11.669)  # in weeks
    >>> p_alive(cdnow, x=np.array([2.0, 2.0]), t_x=np.array([5.0, 30.43]), T=np.array([38.86, 38.86])).round(2)
    array([0.13, 0.87])
    """
    return 1 / (1 + np.exp(_log_died(params, x, t_x, T)[0] - _log_alive(params, x, T)))


def expected_if_alive(params: Array, t: Array, x: Array, T: Array) -> Array:
    """Expected purchases in (T, T + t] of a customer alive at T (Fader & Hardie 2005, equation 41).

    >>> cdnow = (0.553, 10.578, 0.606, 11.669)  # in weeks
    >>> expected_if_alive(cdnow, t=39.0, x=np.array([0.0, 2.0]), T=np.array([38.86, 38.86])).round(2)
    array([0.36, 1.67])
    """
    r, alpha, s, beta = params
    log_ratio = np.log1p(t / (beta + T))
    k = s - 1
    alive_time = log_ratio if abs(k) < 1e-9 else -np.expm1(-k * log_ratio) / k
    return (r + x) * (beta + T) / (alpha + T) * alive_time


def at_least_if_alive(params: Array, n: int, t: float, x: Array, T: Array) -> Array:
    """Probability of at least n ≥ 1 purchases in (T, T + t] by a customer alive at T.

    Given alive, the purchase rate is Gamma(r + x, alpha + T) and the dropout rate Gamma(s, beta + T): a
    negative binomial count over min(t, time left), averaged over the Lomax law of the time left.

    >>> cdnow = (0.553, 10.578, 0.606, 11.669)  # in weeks
    >>> at_least_if_alive(cdnow, n=1, t=39.0, x=np.array([0.0, 2.0]), T=np.array([38.86, 38.86])).round(2)
    array([0.23, 0.68])
    """
    r, alpha, s, beta = params

    def over(time: Array | float) -> Array:
        return betainc(n, r + x, time / (alpha + T + time))

    stays = ((beta + T) / (beta + T + t)) ** s
    survival = stays + (1 - stays) * _NODES[:, None]
    left_after = np.clip((beta + T) * (survival ** (-1 / s) - 1), 0, t)
    return stays * over(t) + (1 - stays) * (_WEIGHTS[:, None] * over(left_after)).sum(axis=0)
