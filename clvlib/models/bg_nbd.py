"""The BG/NBD and MBG/NBD models as formulas: customer summary and parameters in; likelihood and P(alive) out.

They differ in one thing: how many chances to leave a customer with x repeat purchases has had, x (Fader, Hardie & Lee
2005) or, one coming with the first purchase already, x + 1 (Batislam, Denizel & Filiztekin 2007). `at_once` is the
number of chances that come with the first purchase, 0 or 1.

`params` is always (r, alpha, a, b); x, t_x and T are frequency, recency and T; all times share one unit.
"""

import numpy as np
from scipy.special import expit

from clvlib.models.likelihood import Loss, more_than, rising, summed
from clvlib.stats import Array


def geometric_log_likelihood(params: Array, x: Array, t_x: Array, T: Array, w: Array, at_once: int) -> Loss:
    """Log-likelihood of w customers of each history, with its gradient (4,) and Hessian (4, 4) by the logs of params.

    >>> cdnow = (0.243, 4.414, 0.793, 2.426)  # in weeks
    >>> x, t_x, T, w = np.array([[0.0, 2.0], [0.0, 30.43], [38.86, 38.86], [1.0, 1.0]])
    >>> value, gradient, hessian = geometric_log_likelihood(cdnow, x, t_x, T, w, at_once=0)
    >>> round(value, 2), gradient.shape, hessian.shape
    (-10.01, (4,), (4, 4))
    """
    r, alpha, a, b = params

    def over_time(x: Array, t_x: Array, T: Array, w: Array) -> Loss:
        last, log_gap, log_odds = _log_odds_left(params, x, t_x, T, at_once)
        small = np.exp(-np.abs(log_odds))
        gone = np.where(log_odds > 0, 1, small) / (1 + small)
        share_T, share_t_x = alpha / (alpha + T), alpha / (alpha + t_x)
        silent = -np.log1p(T / alpha)
        value = (r + x) * silent - x * np.log(alpha) + np.maximum(log_odds, 0) + np.log1p(small)

        slopes = np.stack([r * log_gap, (r + x) * (share_T - share_t_x), np.ones(len(x)), -b / last])  # of the odds
        left = w * gone
        by_r = r * (w @ silent)
        gradient = slopes @ left + [by_r, w @ (r * (1 - share_T) - x * share_T), 0, 0]
        hessian = (slopes * (left * (1 - gone))) @ slopes.T
        hessian[0, 0] += by_r + left @ slopes[0]
        hessian[0, 1] += r * (w @ (1 - share_T) + left @ (share_T - share_t_x))
        hessian[1, 0] = hessian[0, 1]
        curved = share_T * (1 - share_T)
        hessian[1, 1] += (r + x) @ (left * (curved - share_t_x * (1 - share_t_x)) - w * curved)
        hessian[3, 3] += left @ (slopes[3] * (1 + slopes[3]))
        return float(w @ value), gradient, hessian

    value, gradient, hessian = summed(over_time, x, t_x, T, w)
    chances = more_than(x + at_once, w)
    rate, by_r, by_rr = rising(r, more_than(x, w))
    stays, by_b, by_bb = rising(b, chances)
    of, by_of, by_of_twice = rising(a + b, chances)
    share = np.array([a, b]) / (a + b)
    gradient += [by_r, 0, -share[0] * by_of, by_b - share[1] * by_of]
    hessian += np.diag([by_rr, 0, 0, by_bb])
    hessian[2:, 2:] -= np.outer(share, share) * (by_of_twice - by_of) + np.diag(share * by_of)
    return value + rate + stays - of, gradient, hessian


def _log_odds_left(params: Array, x: Array, t_x: Array, T: Array, at_once: int) -> tuple[Array, Array, Array]:
    """What stands for staying at the last chance to leave (b + chances − 1), log((alpha + T) / (alpha + t_x)), and the
    log-odds of having left then over being there: −∞ for whoever has had no chance.
    """
    r, alpha, a, b = params
    chances = x + at_once
    last = np.where(chances > 0, b + (chances - 1), np.inf)
    log_gap = np.log1p((T - t_x) / (alpha + t_x))
    with np.errstate(divide="ignore"):
        return last, log_gap, np.log(a / last) + (r + x) * log_gap


def geometric_p_alive(params: Array, x: Array, t_x: Array, T: Array, at_once: int) -> Array:
    """Probability that the customer has not left by T.

    Source: Fader, Hardie & Lee 2008, "Computing P(active) Using the BG/NBD Model".

    >>> cdnow = (0.243, 4.414, 0.793, 2.426)  # in weeks
    >>> x, t_x, T = np.array([0.0, 2.0]), np.array([0.0, 30.43]), np.array([38.86, 38.86])
    >>> geometric_p_alive(cdnow, x, t_x, T, at_once=0).round(2)
    array([1.  , 0.73])
    """
    return expit(-_log_odds_left(params, x, t_x, T, at_once)[2])
