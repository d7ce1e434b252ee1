"""The fitters of the `lifetimes` package with the search of this one: the same calls, all other methods untouched.

    from clvlib.models.drop_in import BetaGeoFitter, GammaGammaFitter  # instead of: from lifetimes import …

Summaries, plots and files are those of `lifetimes`, and so are forecasts wherever its formulas have a number (they
overflow where r is in the hundreds); elsewhere they come from `forecast`. The fit is the maximum of the same likelihood
with the same penalty, found by Newton's method on distinct histories. Where the likelihood is as high as a parameter
goes to 0 or without limit, the fit stands at that end of the model or on the way to it, warns (EndOfModel), and gives
that parameter no standard error; `lifetimes` gives the point where its search happened to stop.

Of the arguments of `fit`: `initial_params` is one more place to start from; `tol` is kept whatever it is, as the search
goes to the last digits; `iterative_fitting` would change nothing, as starts nearby lead to the same place. Options for
another optimiser (`fit_method`, `maxiter`, other keywords) raise UsageError.
"""

import warnings
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

with warnings.catch_warnings():  # importing lifetimes silences FutureWarning for the whole process …
    warnings.filterwarnings("ignore", message=".*mode.chained_assignment")  # … and sets an option that is going
    import lifetimes
    from lifetimes.utils import ConvergenceError as LifetimesConvergenceError

from clvlib.errors import ConvergenceError, DataError, UsageError
from clvlib.language import message, phrase
from clvlib.models import bg_nbd, forecast, gamma_gamma, pareto_nbd
from clvlib.models.likelihood import FLAT, Loss, Objective, descend, mean_loss_of, penalised, thinned, unique_rows
from clvlib.stats import Array

_STARTS = [  # of customers unlike each other, of nearly equal ones, of some who leave at once and others who never do
    np.full(4, 0.1),
    np.array([0.1, -1.0, 4.0, 5.0]),
    np.array([0.1, 0.1, -8.0, -5.0]),
]
_ONE_RATE = np.array([4.0, 4.0, 0.1, 0.1])  # of customers who nearly all buy at one rate
_SPEND_STARTS = [(0.1, 0.5), (2.0, 1.0), (4.0, 3.0)]  # log p, log q
_LOW, _HIGH = np.full(4, -30.0), np.full(4, 15.0)  # times are scaled to 1: further out, nothing changes any more
_FAR = 35.0  # log of v, less that of the median: as far as p and q within their limits take it
_BEYOND = 10.0  # further out may go who follows another parameter to its limit
_ROUNDING = 1e-8  # a curvature so small beside others is none
_SURE = 1.0  # standard error of a log parameter, up to which nobody asks whether the data determine it
_AS_GOOD = 0.01  # log-likelihood units that tell nothing: what a seventh of a standard error costs


class NoMaximum(ConvergenceError, LifetimesConvergenceError):
    """The search ended nowhere. Code that catches the error of `lifetimes` catches this one, too.

    >>> issubclass(NoMaximum, ValueError)
    True
    """


class EndOfModel(UserWarning):
    """The data don't determine every parameter: the likelihood is largest at an end of the model.

    >>> with warnings.catch_warnings(record=True, action="always") as said:
    ...     found = BetaGeoFitter().fit(frequency=[3, 5, 8], recency=[40, 50, 60], T=[60, 60, 60])
    >>> said[0].category.__name__
    'EndOfModel'
    """


class _Determined(lifetimes.BaseFitter):
    """What `lifetimes` says of precision, of the parameters that the data determine; NaN for the others."""

    _hessian_: Array  # NaN where the data don't determine a parameter
    params_: pd.Series
    data: pd.DataFrame

    def _compute_variance_matrix(self) -> pd.DataFrame:
        known = np.isfinite(np.diag(self._hessian_))
        inverse = np.full(self._hessian_.shape, np.nan)
        inverse[np.ix_(known, known)] = np.linalg.inv(self._hessian_[np.ix_(known, known)])
        variance = self.params_.to_numpy() ** 2 * inverse / self.data["weights"].sum()
        return pd.DataFrame(variance, self.params_.index, self.params_.index)


class _Forecasts(lifetimes.BaseFitter):
    """What `lifetimes` forecasts; where its formulas have no number, what those of `forecast` say."""

    _here: type[forecast.PurchaseModel]
    params_: pd.Series

    def conditional_expected_number_of_purchases_up_to_time(
        self, t: ArrayLike, frequency: ArrayLike, recency: ArrayLike, T: ArrayLike
    ) -> Any:
        with np.errstate(all="ignore"):
            theirs = super().conditional_expected_number_of_purchases_up_to_time(t, frequency, recency, T)
        return _filled(theirs, self._same().expected_purchases, t, frequency, recency, T)

    def conditional_probability_alive(self, frequency: ArrayLike, recency: ArrayLike, T: ArrayLike) -> Any:
        with np.errstate(all="ignore"):
            theirs = super().conditional_probability_alive(frequency, recency, T)
        return _filled(theirs, self._same().p_alive, frequency, recency, T)

    def expected_number_of_purchases_up_to_time(self, t: ArrayLike) -> Any:
        with np.errstate(all="ignore"):
            theirs = super().expected_number_of_purchases_up_to_time(t)
        return _filled(theirs, lambda t: self._same().expected_purchases(t, 0, 0, 0), t)

    def _same(self) -> forecast.PurchaseModel:
        return self._here().with_params(self.params_.to_numpy())

    def _exactly(self, n: int, t: float, x: ArrayLike, t_x: ArrayLike, T: ArrayLike) -> Array:
        """Probability of n purchases in (T, T + t]."""
        at_least = [np.ones(np.shape(x)) if k == 0 else self._same().p_at_least(k, t, x, t_x, T) for k in (n, n + 1)]
        return at_least[0] - at_least[1]


class _BetaGeo(_Determined, _Forecasts):
    _at_once: int

    def probability_of_n_purchases_up_to_time(self, t: float, n: int) -> Any:
        with np.errstate(all="ignore"):
            theirs = super().probability_of_n_purchases_up_to_time(t, n)
        return _filled(theirs, lambda x: self._exactly(n, t, x, x, x), 0.0)

    def _fit(
        self,
        minimizing_function_args: tuple[Any, ...],
        initial_params: ArrayLike | None,
        params_size: int,
        disp: bool,
        tol: float = 0,
        **options: Any,
    ) -> tuple[Array, float, Array]:
        x, t_x, T, w, penalty = minimizing_function_args
        _refuse(options)
        formula = partial(bg_nbd.geometric_log_likelihood, at_once=self._at_once)
        asked = _asked(initial_params, params_size)
        rows = _distinct(w, frequency=x, recency=t_x, T=T)
        return _highest(self._here.name, "r alpha a b", formula, rows, penalty, [*asked, *_STARTS, _ONE_RATE], disp)


class BetaGeoFitter(_BetaGeo, lifetimes.BetaGeoFitter):
    """BG/NBD: `lifetimes.BetaGeoFitter` with the exact maximum.

    >>> BetaGeoFitter().fit(rfm["frequency"], rfm["recency"], rfm["T"]).summary["coef"].round(3).to_dict()
    {'r': 0.255, 'alpha': 38.222, 'a': 0.607, 'b': 2.644}
    """

    _here, _at_once = forecast.BetaGeo, 0


class ModifiedBetaGeoFitter(_BetaGeo, lifetimes.ModifiedBetaGeoFitter):
    """MBG/NBD: `lifetimes.ModifiedBetaGeoFitter` with the exact maximum.

    >>> found = ModifiedBetaGeoFitter().fit(rfm["frequency"], rfm["recency"], rfm["T"])
    >>> found.conditional_probability_alive(0, 0, 365).round(2)  # silent for a year
    array([0.36])
    """

    _here, _at_once = forecast.ModifiedBetaGeo, 1


class ParetoNBDFitter(_Forecasts, lifetimes.ParetoNBDFitter):
    """Pareto/NBD: `lifetimes.ParetoNBDFitter` with the exact maximum.

    >>> ParetoNBDFitter().fit(rfm["frequency"], rfm["recency"], rfm["T"]).params_.round(2).to_dict()
    {'r': 0.57, 'alpha': 88.12, 's': 0.41, 'beta': 74.31}
    """

    _here = forecast.ParetoNBD

    def conditional_probability_of_n_purchases_up_to_time(
        self, n: int, t: float, frequency: ArrayLike, recency: ArrayLike, T: ArrayLike
    ) -> Any:
        with np.errstate(all="ignore"):
            theirs = super().conditional_probability_of_n_purchases_up_to_time(n, t, frequency, recency, T)
        return _filled(theirs, partial(self._exactly, n, t), frequency, recency, T)

    def _fit(
        self,
        minimizing_function_args: tuple[Any, ...],
        iterative_fitting: int,
        initial_params: ArrayLike | None,
        params_size: int,
        disp: bool,
        tol: float = 0,
        fit_method: str = "Nelder-Mead",
        maxiter: int = 2000,
        **options: Any,
    ) -> tuple[Array, float]:
        x, t_x, T, w, penalty = minimizing_function_args
        defaults = {"fit_method": "Nelder-Mead", "maxiter": 2000}
        given = {"fit_method": fit_method, "maxiter": maxiter}
        _refuse({name: value for name, value in given.items() if value != defaults[name]} | options)
        if iterative_fitting < 1:
            raise UsageError(
                phrase("iterative_fitting is {n}.", n=iterative_fitting), "Give 1 or more, or leave it out."
            )
        asked = _asked(initial_params, params_size, logs=False)
        rows = _distinct(w, frequency=x, recency=t_x, T=T)
        customers = len(x)  # here, lifetimes penalises the sum over all rows, not their mean
        best, value, _ = _highest(
            self._here.name,
            "r alpha s beta",
            pareto_nbd.log_likelihood,
            rows,
            penalty / customers,
            [*asked, *_STARTS],
            disp,
        )
        return np.exp(best), value * customers


class GammaGammaFitter(_Determined, lifetimes.GammaGammaFitter):
    """Gamma-Gamma: `lifetimes.GammaGammaFitter` with the exact maximum.

    >>> back = rfm[rfm["frequency"] > 0]
    >>> GammaGammaFitter().fit(back["frequency"], back["monetary_value"]).params_.round(2).to_dict()
    {'p': 4.68, 'q': 4.19, 'v': 24.39}
    """

    def _fit(
        self,
        minimizing_function_args: tuple[Any, ...],
        initial_params: ArrayLike | None,
        params_size: int,
        disp: bool,
        tol: float = 0,
        bounds: tuple[Any, ...] | None = None,
        **options: Any,
    ) -> tuple[Array, float, Array]:
        x, m, w, penalty = minimizing_function_args
        _refuse(options)
        asked = _asked(initial_params, params_size)
        rows = _distinct(w, frequency=x, monetary_value=m)
        middle = np.log(np.median(rows[1]))
        starts = [np.array([log_p, log_q, log_q - log_p + middle]) for log_p, log_q in _SPEND_STARTS]
        low = np.array([gamma_gamma.SMALLEST, gamma_gamma.SMALLEST if bounds is None else 0.0, middle - _FAR])
        high = np.array([gamma_gamma.NO_LIMIT, gamma_gamma.NO_LIMIT, middle + _FAR])
        found = _highest("Gamma-Gamma", "p q v", _spend, rows, penalty, [*asked, *starts], disp, low, high)
        if bounds is not None and found[0][1] < 1e-6:
            raise NoMaximum(
                phrase(
                    "Gamma-Gamma on {n:,.0f} customers is held at q = 1 by q_constraint, and has no mean spend.",
                    n=w.sum(),
                ),
                message(
                    "Look at the largest purchases, or fit GammaGamma of clvlib.models.forecast, which keeps q at 1.1."
                ),
            )
        return found


def _spend(params: Array, x: Array, m: Array, w: Array) -> Loss:
    """The likelihood of mean spends by the logs of p, q and v, where `gamma_gamma` has the level p v / q."""
    p, q, v = params
    value, gradient, hessian = gamma_gamma.spend_log_likelihood(np.array([p, q, p * v / q]), x, m, w)
    to_level = np.array([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [1.0, -1.0, 1.0]])
    return value, gradient @ to_level, to_level.T @ hessian @ to_level


def _highest(
    model: str,
    names: str,
    log_likelihood: Callable[..., Loss],
    rows: tuple[Array, ...],
    penalty: float,
    starts: Sequence[Array],
    disp: bool,
    low: Array = _LOW,
    high: Array = _HIGH,
) -> tuple[Array, float, Array]:
    """Log parameters at the lowest penalised mean loss that a search from any of `starts` finds, that loss and its
    Hessian, NaN in rows and columns of parameters that the data don't determine. Raises NoMaximum.
    """
    customers = rows[-1].sum()
    for part in (*thinned(*rows), rows):
        loss = penalised(mean_loss_of(log_likelihood, *part), penalty)
        best, (value, gradient, hessian) = descend(loss, starts, low, high)
        starts = [best]
    free = (best > low + 1e-6) & (best < high - 1e-6)
    if not np.isfinite(hessian).all() or not np.abs(gradient[free]).max(initial=0) < FLAT:
        raise NoMaximum(
            phrase(
                "The search for the maximum of {model} on {n:,.0f} customers ended nowhere.", model=model, n=customers
            ),
            message("Give the fitter a penalizer_coef (0.001, say), or leave out customers with extreme histories."),
        )
    free = _determined(loss, best, value, hessian, rows[-1].sum(), low, high)
    if not free.all():
        ends = ", ".join(name for name, known in zip(names.split(), free, strict=True) if not known)
        warnings.warn(
            phrase(
                "{model} on {n:,.0f} customers: the data don't determine {ends}, which get no standard error. The "
                "likelihood is as high at an end of the model (nobody ever leaves, say, or all buy at one rate). A "
                "penalizer_coef, 0.001 say, keeps every parameter from its end.",
                model=model,
                n=customers,
                ends=ends,
            ),
            EndOfModel,
            stacklevel=4,
        )
    together = hessian[np.ix_(free, ~free)]  # the others follow one that moves, and take from its precision
    others = np.linalg.pinv(hessian[np.ix_(~free, ~free)], rcond=_ROUNDING, hermitian=True)
    hessian[np.ix_(free, free)] -= together @ others @ together.T
    hessian[~free] = hessian[:, ~free] = np.nan
    if disp:
        print(
            phrase(
                "{model} on {n:,.0f} customers, {patterns:,} different histories: lowest mean loss {loss:.6f}",
                model=model,
                n=customers,
                patterns=len(rows[0]),
                loss=value,
            )
        )
    return best, value, hessian


def _determined(
    loss: Objective, best: Array, value: float, hessian: Array, size: float, low: Array, high: Array
) -> NDArray[np.bool_]:
    """Which parameters the data of `size` customers determine: those that can't go to a limit, the others following
    (past theirs, if need be), without a loss that tells something. Asked only where standard errors are large.
    """
    curvature, axes = np.linalg.eigh(hessian)
    covariance = axes / np.maximum(curvature, 1e-16) @ axes.T / size
    known = (best > low + 1e-6) & (best < high - 1e-6)
    for one in np.flatnonzero(known & (np.diag(covariance) > _SURE**2)):
        for limit in (low[one], high[one]):
            held = np.arange(len(best)) == one
            start = best + (limit - best[one]) * covariance[one] / covariance[one, one]  # along the ridge, if it is one
            around = np.where(held, limit, low - _BEYOND), np.where(held, limit, high + _BEYOND)
            _, (there, *_) = descend(loss, [start], *around)
            known[one] &= not (there - value) * size < _AS_GOOD
    return known


def _filled(theirs: Any, ours: Callable[..., Array], *given: ArrayLike) -> Any:
    """`theirs`, with what `ours` says of `given` wherever these are numbers and `theirs` is none."""
    values, *asked = (np.array(each, dtype=float) for each in np.broadcast_arrays(theirs, *given))
    missing = ~np.isfinite(values) & np.isfinite(asked).all(axis=0)
    if not missing.any():
        return theirs
    values[missing] = ours(*(value[missing] for value in asked))
    return pd.Series(values, theirs.index, name=theirs.name) if isinstance(theirs, pd.Series) else values[()]


def _refuse(options: dict[str, Any]) -> None:
    if options:
        raise UsageError(
            phrase(
                "{n} option(s) are for another optimiser than the one used here: {names}.",
                n=len(options),
                names=", ".join(options),
            ),
            "Leave them out: the search goes to the last digits by itself.",
        )


def _asked(initial_params: ArrayLike | None, size: int, logs: bool = True) -> list[Array]:
    """Where the caller wants to start, as log parameters; none or one such place."""
    if initial_params is None:
        return []
    with np.errstate(all="ignore"):
        start = np.asarray(initial_params, dtype=float)
        start = start if logs else np.log(start)
    if start.shape != (size,) or not np.isfinite(start).all():
        raise UsageError(
            phrase("initial_params is {given}.", given=initial_params),
            phrase("Give {n} {logs:logarithms of parameters|parameters above 0}, or leave it out.", n=size, logs=logs),
        )
    return [start]


def _distinct(w: Array, **columns: Array) -> tuple[Array, ...]:
    """The distinct rows of `columns`, an array per column, and last how many customers have each."""
    for name, values in {**columns, "weights": w}.items():
        wrong = int((~np.isfinite(values)).sum() + (np.asarray(values) < 0).sum())
        if wrong:
            raise DataError(
                phrase(
                    "{name}: {wrong} of {n} value(s) are missing, infinite or negative.",
                    name=name,
                    wrong=wrong,
                    n=len(values),
                ),
                "Correct them; the largest T must be above 0.",
            )
    each, code = unique_rows(pd.DataFrame(columns), list(columns))
    return (*each, np.bincount(code, weights=w).astype(float))
