"""An adjusted effect → how strong a cause that nobody recorded would have to be to explain it, beside known ones.

Chernozhukov, Cinelli, Newey, Sharma & Syrgkanis (2022), "Long story short: omitted variable bias in causal machine
learning", theorem 2: a hidden cause that explains a share of what is left unexplained in the outcome, and a share of
what is left unexplained in the treatment, moves the estimate by at most √(σ² ν² · outcome · treatment / (1 −
treatment)); σ² is the noise of the outcome, ν² the size of the weights. The bounds hold for the effect on everybody and
for that on the treated.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from scipy.optimize import brentq

from clvlib.causes import causal
from clvlib.causes.causal import CrossFit, Target
from clvlib.language import message
from clvlib.stats import Array

ALL_BOUGHT = message("everything they bought so far")


def robustness(found: CrossFit, target: Target = "all") -> dict[str, float]:
    """Say how strong a cause that nobody recorded would have to be to explain the effect away.

    Robustness value (Cinelli & Hazlett 2020): a share r, such that a hidden cause that explains r of what is left
    unexplained in the outcome, and r of what is left unexplained in the treatment, could bring the estimate
    (`estimate`), or the nearer end of its interval (`interval`), to zero. `interval` is 0 when it holds zero already.

    >>> {name: round(share, 2) for name, share in robustness(fitted).items()}
    {'estimate': 0.92, 'interval': 0.84}
    """
    parts = _parts(found, target)
    return {
        "estimate": float(np.median([_strength(*part, 0.0) for part in parts])),
        "interval": float(np.median([_strength(*part, causal.Z) for part in parts])),
    }


def allowing(found: CrossFit, outcome: float, treatment: float, target: Target = "all") -> tuple[float, float]:
    """Give the interval (units of the outcome) that holds the effect even if a cause of this strength is hidden.

    outcome, treatment: the shares of what is left unexplained that it explains, 0 to below 1. The ends lie 95 % each
    way beyond the largest bias that such a cause can make; with both shares 0 they are those of `causal.effect`.

    >>> [round(end, 1) for end in allowing(fitted, outcome=0.1, treatment=0.1)]
    [32.8, 41.6]
    """
    scale = float(np.sqrt(outcome * treatment / (1 - min(treatment, 1 - 1e-6))))
    ends, parts = [], _parts(found, target)
    middle = float(np.median([scores.mean() for scores, *_ in parts]))
    for scores, noise, size in parts:
        bias, pull = _bias(noise, size, scale)
        apart = (scores.mean() - middle) ** 2  # the splits' disagreement, as in `causal.effect`
        errors = [np.sqrt((scores + sign * pull).var() / len(scores) + apart) for sign in (-1, 1)]
        ends.append((middle - bias - causal.Z * errors[0], middle + bias + causal.Z * errors[1]))
    low, high = np.median(ends, axis=0)
    return float(low), float(high)


def strengths(
    found: CrossFit, features: pd.DataFrame, families: Mapping[str, Sequence[str]], target: Target = "all"
) -> pd.DataFrame:
    """Measure how strong each family of known features is by itself, on the scale of `robustness`.

    By itself: of what is unexplained when nothing is known, the share that the family explains. Families overlap (who
    buys often spends more), so that hiding one of them while the others stay would make each look harmless.
    `families`: name → the columns of `features` that belong to it. Returns one row per family, first the one of which
    the like, hidden, would do most (`by_harm`): outcome and treatment (shares explained, 0 to 1) and strength (their
    geometric mean).

    >>> strengths(fitted, seen.features, {"home": ["home"], "purchases": ["frequency"]}).round(2)
                 outcome  treatment  strength
    known cause
    purchases       0.68       0.14      0.31
    home            0.25       0.00      0.03
    """
    treated, y = pd.Series(found.treated, found.index), pd.Series(found.outcome, found.index)
    nothing = _sizes(causal.cross_fit(pd.DataFrame(index=features.index), treated, y, 1), target)
    rows = {}
    for name, columns in families.items():
        noise, size = _sizes(causal.cross_fit(features[list(columns)], treated, y, 1), target)
        outcome, chance = max(1 - noise / nothing[0], 0.0), max(1 - nothing[1] / size, 0.0)
        rows[name] = (outcome, chance, float(np.sqrt(outcome * chance)))
    frame = pd.DataFrame.from_dict(rows, orient="index", columns=["outcome", "treatment", "strength"])
    return by_harm(frame)


def by_harm(known: pd.DataFrame) -> pd.DataFrame:
    """Rows of `strengths` in the order of the bias that the like of them, hidden, could make: the largest first.

    >>> known = pd.DataFrame({"outcome": [0.3, 0.2], "treatment": [0.1, 0.4]}, index=["region", "orders"])
    >>> by_harm(known)
                 outcome  treatment
    known cause
    orders           0.2        0.4
    region           0.3        0.1
    """
    harm = known["outcome"] * known["treatment"] / (1 - known["treatment"].clip(upper=1 - 1e-6))
    order = np.argsort(-harm.to_numpy(), kind="stable")
    return known.iloc[order].rename_axis(message("known cause"))


def _parts(found: CrossFit, target: Target) -> list[tuple[Array, Array, Array]]:
    """For each split, the influence of each customer on the estimate, on σ² (noise of the outcome) and on ν² (size of
    the weights; where its debiased form is not positive, as among few customers, the plain one)."""
    e, given = found.propensity, found.treated
    noise = (found.outcome - np.where(given, found.with_it, found.without)) ** 2
    w = causal.weights(found, target)
    if target == "all":
        debiased = 2 * (1 / e + 1 / (1 - e)) - w**2
    else:
        share = given.mean()
        w = w / share
        debiased = 2 * np.where(given, 1 / (1 - e), 0.0) / share**2 - w**2
    size = np.where(debiased.mean(axis=1, keepdims=True) > 0, debiased, w**2)
    scores = causal.influence(found, target)
    if target == "treated":  # centred, so that the share of the treated counts as learned too
        middle = scores.mean(axis=1, keepdims=True)
        scores = scores - (given / given.mean()) * middle + middle
    return list(zip(scores, noise, size, strict=True))


def _strength(scores: Array, noise: Array, size: Array, z: float) -> float:
    """Find the strength at which |estimate| − bias − z × its standard error reaches zero (0 when it starts below)."""
    sign = np.sign(scores.mean()) or 1.0

    def left(strength: float) -> float:
        bias, pull = _bias(noise, size, strength / np.sqrt(1 - strength))
        se = (sign * scores - pull).std() / np.sqrt(len(scores))
        return float(abs(scores.mean()) - bias - z * se)

    return 0.0 if left(0.0) <= 0 else float(brentq(left, 0.0, 1 - 1e-6))


def _bias(noise: Array, size: Array, factor: float) -> tuple[float, Array]:
    """Give the largest bias that a hidden cause can make, and each customer's influence on it."""
    sigma2, nu2 = noise.mean(), size.mean()
    bias = np.sqrt(sigma2 * nu2) * factor
    pull = (nu2 * (noise - sigma2) + sigma2 * (size - nu2)) * factor / (2 * np.sqrt(sigma2 * nu2))
    return float(bias), pull


def _sizes(found: CrossFit, target: Target) -> tuple[float, float]:
    parts = _parts(found, target)
    noise, size = np.median([(noise.mean(), size.mean()) for _, noise, size in parts], axis=0)
    return float(noise), float(size)
