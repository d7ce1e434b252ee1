"""A customer summary goes in, fitted models come out: who is still a customer, who buys how often, for how
much.

Three models of purchases (BG/NBD, MBG/NBD, Pareto/NBD) and one of spend (Gamma-Gamma). Times are in the model's
`time_unit`, "D" days or "W" weeks.
Learned values end in `_`. A summary is what `aggregate.rfm_summary` gives; a new customer is x = t_x = T = 0.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import lru_cache, partial
from typing import ClassVar, Literal, Self

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy.linalg import eigh_tridiagonal
from scipy.special import betainc, betaln

from clvlib.errors import ConvergenceError, DataError, NotEnoughData, UsageError
from clvlib.files import array_digest, once
from clvlib.language import phrase
from clvlib.models import bg_nbd, gamma_gamma, nbd, pareto_nbd
from clvlib.models.fitted import FittedModel
from clvlib.models.likelihood import LARGEST_LOG, Loss, Maximum, maximise, mean_loss_of, thinned, unique_rows
from clvlib.models.summary import require
from clvlib.stats import Array

TimeUnit = Literal["D", "W"]

DAYS: dict[str, float] = {"D": 1.0, "W": 7.0}
MIN_REPEATERS = 10  # four parameters from fewer customers who came back would be invention
EQUAL = 1e-6  # mean spends whose whole spread is a smaller share of their size are the same: a matter of rounding
_NODES = (32, 256)
_AT_ONCE = 2048  # rows: what is worked out of so many fits in a processor's cache


class PurchaseModel(FittedModel, ABC):
    """A model of when customers buy and when they leave. Fit it, then ask it about customers or patterns.

    >>> history = {"x": [1, 5], "t_x": [30, 300], "T": [365, 365]}  # repeat purchases, the last one's day, today
    >>> model.p_alive(**history).round(2)
    array([0.32, 0.81])
    >>> model.expected_purchases(t=30, **history).round(3)
    array([0.029, 0.313])
    >>> model.p_at_least(n=1, t=30, **history).round(3)
    array([0.027, 0.255])
    """

    dropout_: float  # log-likelihood units gained over a model in which nobody ever leaves
    _times: ClassVar[tuple[int, ...]]  # which parameters are times, and so are scaled with the time axis

    def __init__(self, time_unit: TimeUnit = "D") -> None:
        if time_unit not in DAYS:
            raise UsageError(
                phrase("Time unit {unit!r} is unknown.", unit=time_unit), "Use 'D' for days or 'W' for weeks."
            )
        self.time_unit = time_unit

    def fit(self, rfm: pd.DataFrame, weights: ArrayLike | None = None) -> Self:
        """Fit by maximum likelihood and return self.

        rfm: customer summary (frequency, recency, T in this model's time unit). weights: how many customers
        each row stands for, 1 when left out.

        Raises NotEnoughData (fewer than 10 customers came back), ConvergenceError, DataError (columns).
        """
        rfm = require(rfm)
        each = np.ones(len(rfm)) if weights is None else np.asarray(weights, dtype=float)
        repeaters = int(each[rfm["frequency"].to_numpy() > 0].sum())
        require_repeaters(self.name, repeaters, int(each.sum()))
        (x, t_x, T), code = unique_rows(rfm, ["frequency", "recency", "T"])
        w = np.bincount(code, weights=each).astype(float)
        patterns = x, t_x, T, w
        made = once(lambda: self._most_likely(*patterns), lambda: (f"{type(self)}", array_digest(*patterns)))
        found, value, self.dropout_ = made
        return self.store(found, value, (int(each.sum()), repeaters, len(x)))

    def _most_likely(self, x: Array, t_x: Array, T: Array, w: Array) -> tuple[Maximum, float, float]:
        """The maximum, its log-likelihood, and the units of it gained over a model without dropout."""
        scale = T.max()
        scaled = (x, t_x / scale, T / scale, w)
        samples = [mean_loss_of(self._log_likelihood, *few) for few in thinned(*scaled)]
        mean_loss = mean_loss_of(self._log_likelihood, *scaled)
        found = maximise(mean_loss, [-LARGEST_LOG] * 4, w.sum(), self.name, samples)
        found.log_params[list(self._times)] += np.log(scale)
        value = self._log_likelihood(np.exp(found.log_params), x, t_x, T, w)[0]
        return found, value, value - _without_dropout(x, T, w)

    @property
    def dropout_seen_(self) -> bool:
        """Whether dropout explains these data better than chance would; where not, p_alive is no information."""
        self.check_fitted()
        return self.dropout_ >= nbd.SEEN

    @property
    def convergence(self) -> str:
        """Whether the fit converged by itself, or where it stands, in words that follow "the fit"."""
        if self.dropout_seen_:
            return super().convergence
        return phrase(
            "{alone:is|converged only with a penalty of {penalty:g},} at the end of the model where nobody ever "
            "leaves: no dropout can be seen in these data, so that the chance of being still a customer tells nothing",
            alone=self.penalty_ == 0,
            penalty=self.penalty_,
        )

    def p_alive(self, x: ArrayLike, t_x: ArrayLike, T: ArrayLike) -> Array:
        """Probability of still being a customer at T. x purchases, the last at t_x; arrays of one shape."""
        shape, flat = self._flat(x, t_x, T)
        with np.errstate(over="ignore"):  # a very long silence of a frequent buyer: the odds overflow, P is 0
            return _asked_once(self._p_alive, *flat).reshape(shape)

    def expected_purchases(self, t: ArrayLike, x: ArrayLike, t_x: ArrayLike, T: ArrayLike) -> Array:
        """Expected number of purchases in (T, T + t]."""
        return self.p_alive(x, t_x, T) * self.expected_if_alive(t, x, T)

    def expected_if_alive(self, t: ArrayLike, x: ArrayLike, T: ArrayLike) -> Array:
        """The same for a customer known to be alive at T: t_x then tells nothing more."""
        shape, flat = self._flat(t, x, T)
        return self._expected_if_alive(*flat).reshape(shape)

    def p_at_least(self, n: int, t: float, x: ArrayLike, t_x: ArrayLike, T: ArrayLike) -> Array:
        """Probability of at least n >= 1 purchases in (T, T + t]."""
        return self.p_alive(x, t_x, T) * self.at_least_if_alive(n, t, x, T)

    def at_least_if_alive(self, n: int, t: float, x: ArrayLike, T: ArrayLike) -> Array:
        """The same for a customer known to be alive at T."""
        shape, flat = self._flat(x, T)
        return _asked_once(partial(self._at_least_if_alive, n, t), *flat).reshape(shape)

    def _flat(self, *values: ArrayLike) -> tuple[tuple[int, ...], list[Array]]:
        self.check_fitted()
        arrays = _floats(*values)
        return arrays[0].shape, [array.ravel() for array in arrays]

    @abstractmethod
    def _log_likelihood(self, params: Array, x: Array, t_x: Array, T: Array, w: Array) -> Loss: ...

    @abstractmethod
    def _p_alive(self, x: Array, t_x: Array, T: Array) -> Array: ...

    @abstractmethod
    def _expected_if_alive(self, t: Array, x: Array, T: Array) -> Array: ...

    @abstractmethod
    def _at_least_if_alive(self, n: int, t: float, x: Array, T: Array) -> Array: ...


def _asked_once(formula: Callable[..., Array], *columns: Array) -> Array:
    """What a formula says of each row of the columns (n,); of many, each distinct row is asked about once, a few
    thousand at a time."""
    if len(columns[0]) <= _AT_ONCE:
        return formula(*columns)
    rows, of_each = unique_rows(pd.DataFrame(dict(enumerate(columns))), range(len(columns)))
    starts = range(0, len(rows[0]), _AT_ONCE)
    return np.concatenate([formula(*(row[i : i + _AT_ONCE] for row in rows)) for i in starts])[of_each]


class BetaGeo(PurchaseModel):
    """BG/NBD (Fader, Hardie & Lee 2005): a customer may leave after each repeat purchase.

    >>> BetaGeo("W").fit(sample.rfm_summary("W")).params_.round(3).to_dict()
    {'r': 0.255, 'alpha': 5.46, 'a': 0.607, 'b': 2.644}
    """

    name = "BG/NBD"
    parameters = ("r", "alpha", "a", "b")
    _times = (1,)
    _at_once = 0  # chances to leave that come with the first purchase

    def _log_likelihood(self, params: Array, x: Array, t_x: Array, T: Array, w: Array) -> Loss:
        return bg_nbd.geometric_log_likelihood(params, x, t_x, T, w, self._at_once)

    def _p_alive(self, x: Array, t_x: Array, T: Array) -> Array:
        return bg_nbd.geometric_p_alive(self.values, x, t_x, T, self._at_once)

    def _expected_if_alive(self, t: Array, x: Array, T: Array) -> Array:
        """E[(1 - (1 + p t / (alpha + T))^-(r + x)) / p] over p ~ Beta(a, b + x): equation 10 of the paper.

        lifetimes evaluates it with a hypergeometric function, which fails for one-time buyers when a + b < 1,
        and at a = 1. Here p is averaged by Gauss quadrature: all terms are positive, and nothing can fail.
        """
        r, alpha, a, b = self.values
        asked = pd.DataFrame({"t": t, "x": x, "T": T})
        (t, x_each, T), row = unique_rows(asked, ["t", "x", "T"])
        result = np.empty(len(t))
        for count in np.unique(x_each):
            same = x_each == count
            over = (t[same] / (alpha + T[same]))[:, None]
            nodes = int(np.clip(6 * np.sqrt(over.max()), *_NODES))  # what a pole at p = -1 / over asks for
            p, weight = _beta_nodes(a, b + count + self._at_once, nodes)
            result[same] = (-np.expm1(-(r + count) * np.log1p(p * over)) / p) @ weight
        return result[row]

    def _at_least_if_alive(self, n: int, t: float, x: Array, T: Array) -> Array:
        """The smaller of two counts, independent given p: until dropout, and until t (equation 8)."""
        r, alpha, a, b = self.values
        b_now = b + x + self._at_once
        stays = np.exp(betaln(a, b_now + n - 1) - betaln(a, b_now))
        return stays * betainc(n, r + x, t / (alpha + T + t))


class ModifiedBetaGeo(BetaGeo):
    """MBG/NBD (Batislam, Denizel & Filiztekin 2007): one may leave after the first purchase already.

    >>> leaves_at_once = ModifiedBetaGeo().fit(rfm)
    >>> [round(float(each.p_alive(x=0, t_x=0, T=365)), 2) for each in (model, leaves_at_once)]  # silent for a year
    [1.0, 0.36]
    """

    name = "MBG/NBD"
    _at_once = 1


class ParetoNBD(PurchaseModel):
    """Pareto/NBD (Schmittlein, Morrison & Colombo 1987): a customer may leave at any time.

    >>> pareto = ParetoNBD().fit(rfm)
    >>> pareto.params_.round(2).to_dict()
    {'r': 0.57, 'alpha': 88.12, 's': 0.41, 'beta': 74.31}
    >>> pareto.p_alive(x=[0, 5], t_x=[0, 300], T=[365, 365]).round(2)
    array([0.35, 0.9 ])
    """

    name = "Pareto/NBD"
    parameters = ("r", "alpha", "s", "beta")
    _times = (1, 3)

    def _log_likelihood(self, params: Array, x: Array, t_x: Array, T: Array, w: Array) -> Loss:
        return pareto_nbd.log_likelihood(params, x, t_x, T, w)

    def _p_alive(self, x: Array, t_x: Array, T: Array) -> Array:
        return pareto_nbd.p_alive(self.values, x, t_x, T)

    def _expected_if_alive(self, t: Array, x: Array, T: Array) -> Array:
        return pareto_nbd.expected_if_alive(self.values, t, x, T)

    def _at_least_if_alive(self, n: int, t: float, x: Array, T: Array) -> Array:
        return pareto_nbd.at_least_if_alive(self.values, n, t, x, T)


class GammaGamma(FittedModel):
    """Gamma-Gamma (Fader & Hardie 2013): what a purchase brings, if spend doesn't depend on frequency.

    >>> spend = GammaGamma().fit(rfm)
    >>> round(float(spend.mean_spend_), 2)
    35.81
    >>> spend.expected_spend(x=[0, 1, 10], monetary_value=[np.nan, 100, 100]).round(1)  # the more purchases, the surer
    array([35.8, 74. , 95.9])
    """

    name = "Gamma-Gamma"
    parameters = ("p", "q", "v")
    equal_: bool = False  # whether all mean spends are the same

    def fit(self, rfm: pd.DataFrame, weights: ArrayLike | None = None) -> Self:
        """Fit on the customers with a repeat purchase and a spend above 0, and return self.

        q is kept at 1.1 or more: up to 1, someone without a repeat purchase has no finite expected spend. Where all
        mean spends are the same, that spend is expected of everybody, and no model is fitted.

        Raises NotEnoughData (fewer than 10 such customers), ConvergenceError, DataError (columns).
        """
        rfm = require(rfm)
        if "monetary_value" not in rfm:
            raise DataError("The summary has no column monetary_value.", "Build it from purchases with amounts.")
        each = pd.Series(np.ones(len(rfm)) if weights is None else weights, index=rfm.index, dtype=float)
        use = (rfm["frequency"] > 0) & (rfm["monetary_value"] > 0)
        require_repeaters(self.name, int(each[use].sum()), int(each.sum()))
        (x, m), code = unique_rows(rfm.loc[use], ["frequency", "monetary_value"])
        w = np.bincount(code, weights=each[use].to_numpy()).astype(float)
        counts = (int(each.sum()), int(w.sum()), len(x))
        self.equal_ = bool(np.ptp(m) <= EQUAL * m.max())
        if self.equal_:
            return self.store(_same_spend(float(w @ m / w.sum())), 0.0, counts)
        with np.errstate(all="ignore"):
            found = once(lambda: gamma_gamma.maximum(x, m, w), lambda: (f"{type(self)}", array_digest(x, m, w)))
            if found is None:
                raise ConvergenceError(
                    phrase(
                        "{model} did not converge on {n:,} customers with a repeat purchase.",
                        model=self.name,
                        n=counts[1],
                    ),
                    "Look at the largest and the smallest purchases first.",
                )
            log_p, log_q, log_v = found.log_params
            value = gamma_gamma.spend_log_likelihood(np.exp([log_p, log_q, log_p + log_v - log_q]), x, m, w)[0]
        return self.store(found, value, counts)

    @property
    def q_at_limit_(self) -> bool:
        """Whether q is held at its limit: a few huge spenders then make the mean spend uncertain."""
        return bool(self.params_["q"] < gamma_gamma.SMALLEST_Q * (1 + 1e-5))

    @property
    def _at_limit(self) -> str:
        if self.equal_:
            return phrase("needs no search: all customers with a repeat purchase spend the same")
        if self.q_at_limit_:
            return phrase("is held at its limit, q = 1.1: a few huge purchases leave no certain mean of all customers")
        if "q" in self.held_:
            return phrase("is at an end of the model (no limit to q): chance alone explains how mean spends differ")
        return phrase("is at an end of the model (no limit to p): each customer's own mean spend is taken for certain")

    @property
    def mean_spend_(self) -> float:
        """Mean spend per purchase of all customers: the forecast for who has no repeat purchase."""
        p, q, v = self.values
        return p * v / (q - 1)

    def expected_spend(self, x: ArrayLike, monetary_value: ArrayLike) -> Array:
        """Expected spend per purchase (equation 5); the model's mean for customers without a spend of their
        own.
        """
        self.check_fitted()
        x, m = _floats(x, monetary_value)
        return gamma_gamma.expected_spend(self.values, np.where((x > 0) & (m > 0), x, 0), m)


MODELS: dict[str, type[PurchaseModel]] = {m.name: m for m in (BetaGeo, ModifiedBetaGeo, ParetoNBD)}


def fit_all(rfm: pd.DataFrame, time_unit: TimeUnit = "D") -> tuple[dict[str, PurchaseModel], dict[str, str]]:
    """Fit every purchase model. Returns the fitted ones by name, and for the others the reason why not.

    Raises NotEnoughData when the customers are too few for any of them.

    >>> fitted, failed = fit_all(rfm.head(300))
    >>> {name: round(each.log_likelihood_) for name, each in fitted.items()}, failed
    ({'BG/NBD': -3496, 'MBG/NBD': -3494, 'Pareto/NBD': -3493}, {})
    """
    fitted: dict[str, PurchaseModel] = {}
    failed: dict[str, str] = {}
    for name, kind in MODELS.items():
        try:
            fitted[name] = kind(time_unit).fit(rfm)
        except ConvergenceError as error:
            failed[name] = str(error)
    if not fitted:
        raise ConvergenceError(" ".join(failed.values()))
    return fitted, failed


def fit_best(rfm: pd.DataFrame, preferred: str | None = None, time_unit: TimeUnit = "D") -> PurchaseModel:
    """Fit the `preferred` model; where there is none or it fails, the one with the highest log-likelihood.

    Likelihoods compare fairly here: all three models have four parameters. Raises as `fit_all` does.

    >>> fit_best(rfm.head(300)).name
    'Pareto/NBD'
    """
    if preferred is not None:
        with suppress(ConvergenceError):
            return MODELS[preferred](time_unit).fit(rfm)
    fitted, _ = fit_all(rfm, time_unit)
    return max(fitted.values(), key=lambda model: model.log_likelihood_)


def alive_grid(model: PurchaseModel, age: float, repeats: Sequence[int], silences: Sequence[float]) -> pd.DataFrame:
    """Chance of being still a customer: a row per number of repeat purchases, a column per silence (time units).

    >>> alive_grid(model, age=365, repeats=[1, 5, 20], silences=[30, 90, 180]).round(2)
         30    90    180
    1   0.80  0.76  0.67
    5   0.88  0.74  0.33
    20  0.88  0.18  0.00
    """
    x, silent = np.meshgrid(repeats, silences, indexing="ij")
    return pd.DataFrame(model.p_alive(x, age - silent, age), index=list(repeats), columns=list(silences))


def _floats(*values: ArrayLike) -> list[Array]:
    return list(np.broadcast_arrays(*(np.asarray(value, dtype=float) for value in values)))


def require_repeaters(name: str, repeaters: int, customers: int) -> None:
    """Raise NotEnoughData where too few of the customers came back to fit the model `name`.

    >>> require_repeaters("BG/NBD", repeaters=10, customers=50)  # ten are enough
    """
    if repeaters >= MIN_REPEATERS:
        return
    raise NotEnoughData(
        phrase(
            "{model} learns from repeat purchases, and {back:nobody|{back}} of {n:,} customer(s) came back.",
            model=name,
            back=repeaters,
            n=customers,
        ),
        phrase(
            "It takes {least} who bought on a second day: use a longer history or more customers.", least=MIN_REPEATERS
        ),
    )


def _without_dropout(x: Array, T: Array, w: Array) -> float:
    (x, T), code = unique_rows(pd.DataFrame({"x": x, "T": T}), ["x", "T"])
    try:
        return nbd.largest_log_likelihood(x, T, np.bincount(code, weights=w).astype(float))
    except ConvergenceError:
        return -np.inf


def _same_spend(spend: float) -> Maximum:
    """Both ends of the model at once: nobody differs, nobody's purchases do."""
    end = gamma_gamma.NO_LIMIT
    log_v = np.log(spend) + np.log1p(-np.exp(-end))
    return Maximum(np.array([end, end, log_v]), np.zeros((3, 3)), np.zeros(3, dtype=bool), 0.0)


@lru_cache(maxsize=4096)  # the same for each month of a horizon
def _beta_nodes(a: float, b: float, nodes: int) -> tuple[Array, Array]:
    """Gauss quadrature of the Beta(a, b) law: nodes in (0, 1), weights of sum 1 (Golub & Welsch 1969)."""
    k = np.arange(nodes, dtype=float)
    s = a + b - 2
    both = 2 * (k - 1) + (a + b)  # at k = 1 all digits of a + b, however small
    with np.errstate(divide="ignore", invalid="ignore"):
        diagonal = (a - b) * s / (both * (both + 2))
        n = k[1:]
        squared = 4 * n * (n + a - 1) * (n + b - 1) * (n + s) / (both[1:] ** 2 * (both[1:] + 1) * (both[1:] - 1))
    diagonal[0] = (a - b) / (a + b)
    squared[0] = 4 * a * b / ((a + b) ** 2 * (a + b + 1))
    points, vectors = eigh_tridiagonal(diagonal, np.sqrt(squared))
    return np.maximum((1 + points) / 2, 1e-300), vectors[0] ** 2
