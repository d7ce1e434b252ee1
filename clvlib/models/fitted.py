"""A maximum goes in, a fitted model comes out that explains itself.

What purchase and spend models share: parameters with their precision, and a summary in words.
"""

import copy
from typing import ClassVar, Self

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from clvlib.errors import UsageError
from clvlib.language import phrase
from clvlib.models.likelihood import Maximum
from clvlib.stats import Array


class FittedModel:
    """What all models share: parameters with their precision, and a summary in words.

    >>> model.summary().round(3)
                value  standard_error
    parameter
    r           0.255           0.011
    alpha      38.222           2.794
    a           0.607           0.111
    b           2.644           0.637
    >>> model.convergence, model.n_repeaters_
    ('converged', 1139)
    >>> model.with_params([0.25, 38.0, 0.6, 2.6]).values
    array([ 0.25, 38.  ,  0.6 ,  2.6 ])
    """

    name: ClassVar[str]
    parameters: ClassVar[tuple[str, ...]]
    time_unit: str = ""  # "D" days, "W" weeks; none of a model without time

    params_: pd.Series
    log_covariance_: Array
    log_likelihood_: float
    penalty_: float
    held_: tuple[str, ...]  # parameters at a limit of the search
    n_customers_: int
    n_repeaters_: int
    n_patterns_: int

    @property
    def standard_errors_(self) -> pd.Series:
        """Standard errors, from the Hessian of the log-likelihood; NaN for a parameter held at its limit."""
        self.check_fitted()
        errors = self.params_ * np.sqrt(np.diag(self.log_covariance_))
        return errors.where(errors > 0)

    @property
    def convergence(self) -> str:
        """Whether the fit converged by itself, in words that follow "the fit": one at a limit did not."""
        if self.penalty_ == 0:
            return self._at_limit if self.held_ else phrase("converged")
        return phrase(
            "converged only with a penalty of {penalty:g}{held:, and {limit}|}",
            penalty=self.penalty_,
            held=self.held_,
            limit=self._at_limit if self.held_ else "",
        )

    @property
    def _at_limit(self) -> str:
        values = ", ".join(f"{name} = {self.params_[name]:.2g}" for name in self.held_)
        return phrase("is held at a limit of the search ({values}), not at a free maximum", values=values)

    def summary(self) -> pd.DataFrame:
        """Parameters as a table, indexed by parameter: value and standard_error (in the model's units)."""
        columns = {"value": self.params_, "standard_error": self.standard_errors_}
        return pd.DataFrame(columns).rename_axis("parameter")

    @property
    def values(self) -> Array:
        """The parameters as an array, in the order of `parameters`."""
        self.check_fitted()
        return self.params_.to_numpy(float)

    def with_params(self, values: ArrayLike) -> Self:
        """A copy with other parameters: to compute with published ones, or to see what an error does."""
        other = copy.copy(self)
        other.params_ = pd.Series(np.asarray(values, dtype=float), index=list(self.parameters))
        return other

    def store(self, found: Maximum, log_likelihood: float, counts: tuple[int, int, int]) -> Self:
        """Keep the result of a fit; counts are customers, customers with a repeat purchase, and patterns."""
        self.params_ = pd.Series(np.exp(found.log_params), index=list(self.parameters))
        self.log_covariance_, self.penalty_ = found.covariance, found.penalty
        self.held_ = tuple(name for name, free in zip(self.parameters, found.free, strict=True) if not free)
        self.log_likelihood_ = float(log_likelihood)
        self.n_customers_, self.n_repeaters_, self.n_patterns_ = counts
        return self

    def check_fitted(self) -> None:
        """Raise UsageError before `fit`."""
        if not hasattr(self, "params_"):
            raise UsageError(phrase("{model} is not fitted yet.", model=self.name), "Call fit(summary) first.")

    def __repr__(self) -> str:
        if not hasattr(self, "params_"):
            return phrase("{name}, not fitted", name=self.name)
        errors = self.standard_errors_
        pairs = [
            phrase(
                "{name} {value:.4g} {free:± {error:.2g}|(at its limit)}",
                name=name,
                value=self.params_[name],
                free=errors[name] > 0,
                error=errors[name],
            )
            for name in self.parameters
        ]
        data = phrase(
            "{model} on {n:,} customers, {back:,} with a repeat purchase ({patterns:,} different histories)"
            "{unit:|, time in days|, time in weeks}",
            model=self.name,
            n=self.n_customers_,
            back=self.n_repeaters_,
            patterns=self.n_patterns_,
            unit=["", "D", "W"].index(self.time_unit),
        )
        found = phrase("{parameters} (± standard error)", parameters=", ".join(pairs))
        fit = phrase(
            "log-likelihood {value:,.2f}; {convergence}", value=self.log_likelihood_, convergence=self.convergence
        )
        return f"{data}\n  {found}\n  {fit}"
