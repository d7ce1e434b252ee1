"""The BG/NBD and MBG/NBD models as a formula: customer summary and parameters in, log-likelihood and its gradient out.

They differ in one thing: how many chances to leave a customer with x repeat purchases has had, x (Fader, Hardie & Lee
2005) or, one coming with the first purchase already, x + 1 (Batislam, Denizel & Filiztekin 2007).

`params` is always (r, alpha, a, b); x, t_x and T are frequency, recency and T; all times share one unit.
"""

import numpy as np
from scipy.special import digamma, gammaln

from clvlib.stats import Array


def geometric_log_likelihood(params: Array, x: Array, t_x: Array, T: Array, chances: Array) -> tuple[Array, Array]:
    """Log-likelihood of each customer, shape (n,), and its gradient by the log of each parameter, (4, n).

    chances: to leave, x or x + 1 (shape (n,)). Terms of whole numbers alone are worked out once for each of them.

    >>> cdnow = (0.243, 4.414, 0.793, 2.426)  # in weeks
    >>> x, t_x, T = np.array([0.0, 2.0]), np.array([0.0, 30.43]), np.array([38.86, 38.86])
    >>> value, gradient = geometric_log_likelihood(cdnow, x, t_x, T, chances=x)
    >>> value.round(2), gradient.shape
    (array([-0.55, -9.46]), (4, 2))
    """
    r, alpha, a, b = params
    times, had = x.astype(np.intp), chances.astype(np.intp)
    each = np.arange(had.max(initial=0) + 1)  # 0, 1, 2 …: no customer has made more purchases, or had more chances
    log_rate = (gammaln(r + each) - gammaln(r))[times]
    log_stays = (gammaln(b + each) - gammaln(b) - gammaln(a + b + each) + gammaln(a + b))[had]

    log_T, log_t_x = np.log(alpha + T), np.log(alpha + t_x)
    last = np.where(had > 0, b + had - 1, np.inf)  # at the last chance: whoever has had none can't have left
    log_odds = np.log(a) - np.log(last) + (r + x) * (log_T - log_t_x)  # of having left, over being there
    mixed = np.logaddexp(0, log_odds)
    gone = np.exp(log_odds - mixed)
    value = log_rate + log_stays + r * np.log(alpha) - (r + x) * log_T + mixed

    by_r = (digamma(r + each) - digamma(r))[times] + np.log(alpha) - log_T + gone * (log_T - log_t_x)
    by_alpha = r / alpha - (r + x) * ((1 - gone) / (alpha + T) + gone / (alpha + t_x))
    both = (digamma(a + b) - digamma(a + b + each))[had]
    by_a = both + gone / a
    by_b = both + (digamma(b + each) - digamma(b))[had] - gone / last
    return value, np.stack([r * by_r, alpha * by_alpha, a * by_a, b * by_b])
