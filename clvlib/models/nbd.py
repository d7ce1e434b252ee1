"""Purchases of customers who never leave (NBD, Ehrenberg 1959): what a model with dropout must explain better.

A gamma law of purchase rates and nothing else; the models of `forecast` come down to it when nobody leaves.
"""

import numpy as np

from clvlib.models.likelihood import LARGEST_LOG, Loss, maximise, more_than, rising
from clvlib.stats import Array

SEEN = 3.0  # dropout has two parameters: half the 95 % point of chi-squared with 2 degrees of freedom


def largest_log_likelihood(x: Array, T: Array, w: Array) -> float:
    """The largest log-likelihood of w customers each with x repeat purchases by age T, if nobody ever leaves.

    Measured as those of the models with dropout are, so that the difference tells whether dropout explains anything.
    Raises ConvergenceError.

    >>> alike = largest_log_likelihood(rfm["frequency"].to_numpy(float), rfm["T"].to_numpy(), np.ones(len(rfm)))
    >>> round(alike), round(model.log_likelihood_)  # without dropout, with it
    (-25949, -25576)
    """
    scale, more = T.max(), more_than(x, w)

    def mean_loss(log_params: Array, time: Array = T / scale) -> Loss:
        r, alpha = np.exp(log_params)
        rate, by_r, by_rr = rising(r, more)
        silent, share = np.log(alpha) - np.log(alpha + time), alpha / (alpha + time)
        value = rate + w @ (r * silent - x * np.log(alpha + time))
        both = w @ (1 - share) * r
        gradient = np.array([by_r + r * (w @ silent), w @ (r - (r + x) * share)])
        hessian = np.array([[by_rr + r * (w @ silent), both], [both, -w @ ((r + x) * share * (1 - share))]])
        return -value / w.sum(), -gradient / w.sum(), -hessian / w.sum()

    found = maximise(mean_loss, [-LARGEST_LOG] * 2, w.sum(), "NBD").log_params + np.array([0, np.log(scale)])
    return -mean_loss(found, T)[0] * w.sum()
