"""Outcomes of two arms → the difference of their means, with an interval and a p-value that hold for skewed money too.

Welch's interval takes means for normal. The mean of a small control group isn't when a few customers bring most of the
money: when they are missing, the mean is low *and* looks sure. So the law of the t-value is not assumed but found: what
customers are above or below the mean of their arm is dealt, again and again, to two arms of these sizes (a studentised
permutation; Janssen 1997, Statistics & Probability Letters 36; Chung & Romano 2013, Annals of Statistics 41). That is
exact where chance alone parts the arms, however heavy the tails, and right for large arms whatever the variant does. At
neither end is the interval narrower than Welch's.

Shares, and arms in which hardly anybody has anything, have Newcombe's (1998) hybrid score interval: also none or all of
an arm leaves a width.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm
from scipy.stats import t as student

Array = NDArray[np.float64]

LEVEL = 0.95
FEW = 10  # customers with (or without) something in an arm below which a share's law decides
_DRAWS, _FEWEST_DRAWS = 2000, 400  # fewer for very many customers, whose means are nearly normal
_CELLS, _MOST_CELLS = 2_000_000, 100_000_000  # customers × draws, at a time and in all
_RESOLVED = 10  # draws that have to lie beyond a quantile for it to be read off
_FARTHEST = 8.0  # normal deviates: beyond, a p-value is as good as 0


@dataclass(frozen=True)
class Contrast:
    """One measure of two arms, treated less control, in the measure's unit per customer.

    control, treated: plain means. difference: of the means, adjusted where `contrasts` was told how. error: its
    standard error. freedom: degrees of freedom (Welch–Satterthwaite). chance: t-values that chance gives, sorted; empty
    where counts alone decide. counts: with something and all, treated then control; None where they don't decide.
    unit: what somebody counted has.
    """

    control: float
    treated: float
    difference: float
    error: float
    freedom: float
    chance: Array
    counts: tuple[int, int, int, int] | None
    unit: float

    def interval(self, level: float = LEVEL) -> tuple[float, float]:
        """Ends that hold the true difference in `level` of all tests; never of no width."""
        down, up = self._reach(float(norm.ppf((1 + level) / 2)))
        return self.difference - down, self.difference + up

    @property
    def p(self) -> float:
        """How likely a difference so far from 0 is by chance: 1 less the level at which the interval just reaches 0."""
        if self.difference == 0:
            return 1.0
        near, far = 1e-3, _FARTHEST
        for _ in range(40):
            middle = (near + far) / 2
            down, up = self._reach(middle)
            near, far = (middle, far) if self.difference > down or -self.difference > up else (near, middle)
        return float(2 * norm.sf(near))

    def _reach(self, z: float) -> tuple[float, float]:
        """How far the interval goes below and above the difference, at z normal deviates."""
        ends: list[tuple[float, float]] = []
        if len(self.chance):
            tail = float(norm.sf(z))
            welch = student.isf(tail, self.freedom)
            read = max(tail, _RESOLVED / len(self.chance))
            farther = welch / student.isf(read, self.freedom)
            low, high = np.quantile(self.chance, [read, 1 - read]) * farther
            ends.append((max(welch, high) * self.error, max(welch, -low) * self.error))
        if self.counts is not None:
            below, above = _newcombe(*self.counts, z)
            ends.append((self.unit * below, self.unit * above))
        down, up = (max(each) for each in zip(*ends, strict=True))
        return float(down), float(up)


def contrasts(
    treated: Array,
    control: Array,
    adjusted: tuple[Array, Array] | None = None,
    shares: Sequence[bool] | None = None,
    counted: bool = True,
) -> list[Contrast | None]:
    """Compare two arms on every column.

    treated, control: one row per customer, one column per measure. adjusted: the same less what was expected of each
    customer before; not used for a column with fewer than FEW customers who have something in an arm (of shares: or
    who haven't). shares: columns of 0 and 1. counted: False for columns whose zeros mean nothing, as influences.

    Returns a Contrast per column; None where nobody has anything, so that there is no unit to measure by.
    """
    shares = shares if shares is not None else [False] * treated.shape[1]
    used = adjusted if adjusted is not None else (treated, control)
    sides = []
    for j, share in enumerate(shares):
        sides.append(_counts(treated[:, j], control[:, j], share) if counted else (None, 0.0, False))
    ready = [used if not few else (treated, control) for _, _, few in sides]
    pair = [np.column_stack([arms[i][:, j] for j, arms in enumerate(ready)]) for i in (0, 1)]
    means = [arm.mean(axis=0) for arm in pair]
    noise = [arm.var(axis=0, ddof=1) / len(arm) for arm in pair]
    chance = _by_chance(pair[0] - means[0], pair[1] - means[1])
    found: list[Contrast | None] = []
    for j, (counts, unit, few) in enumerate(sides):
        two = counts is not None and unit != 0 and not _third(treated[:, j], control[:, j])
        alone = two and (few or adjusted is None)  # a share without anything to adjust by: counts say all
        error = float(np.sqrt(noise[0][j] + noise[1][j]))
        if (counts is None and error == 0) or (counts is not None and unit == 0):
            found.append(None)
            continue
        parts = [each[j] ** 2 / (len(arm) - 1) for each, arm in zip(noise, pair, strict=True)]
        freedom = error**4 / sum(parts) if error else float(len(treated) + len(control) - 2)
        found.append(
            Contrast(
                control=float(control[:, j].mean()),
                treated=float(treated[:, j].mean()),
                difference=float(means[0][j] - means[1][j]),
                error=error,
                freedom=float(freedom),
                chance=np.empty(0) if alone or not error else chance[:, j],
                counts=counts if alone or few else None,
                unit=unit,
            )
        )
    return found


def _third(*arms: Array) -> bool:
    """Whether there are more than two different values."""
    low, high = min(arm.min() for arm in arms), max(arm.max() for arm in arms)
    return any(bool(((arm != low) & (arm != high)).any()) for arm in arms)


def _counts(treated: Array, control: Array, share: bool) -> tuple[tuple[int, int, int, int], float, bool]:
    """Customers with something and all of each arm, what somebody has (root mean square), and whether they are few."""
    low, high = min(treated.min(), control.min()), max(treated.max(), control.max())
    two = not _third(treated, control)
    none = 0.0 if share or not two or low == high else low
    has = [arm != none for arm in (treated, control)]
    counts = (int(has[0].sum()), len(treated), int(has[1].sum()), len(control))
    without = min(counts[1] - counts[0], counts[3] - counts[2]) if two else FEW
    own = np.concatenate([arm[held] for arm, held in zip((treated, control), has, strict=True)]) - none
    unit = 1.0 if share else float(np.sqrt((own**2).mean())) if len(own) else 0.0
    return counts, unit, min(counts[0], counts[2], without) < FEW


def _by_chance(treated: Array, control: Array) -> Array:
    """t-values of the difference when the customers' distances from their mean are dealt by chance, each column sorted.

    Each customer falls to the treated with the share that the treated have.
    """
    own = np.vstack([treated, control])
    n, width = own.shape
    share = len(treated) / n
    spread = own.std(axis=0)
    own = own / np.where(spread > 0, spread, 1.0)
    inputs = np.hstack([np.ones((n, 1)), own, own**2])
    whole = inputs.sum(axis=0)
    random = np.random.default_rng(0)
    draws = int(np.clip(_MOST_CELLS // n, _FEWEST_DRAWS, _DRAWS))
    rows = max(1, _CELLS // n)
    found = []
    for start in range(0, draws, rows):
        dealt = random.random((min(rows, draws - start), n), dtype=np.float32) < share
        sums = dealt.astype(float) @ inputs
        sums = sums[(sums[:, 0] > 1) & (whole[0] - sums[:, 0] > 1)]
        difference, noise = 0.0, 0.0
        for sign, part in ((1, sums), (-1, whole - sums)):
            size = part[:, :1]
            mean = part[:, 1 : width + 1] / size
            difference = difference + sign * mean
            noise = noise + (part[:, width + 1 :] / size - mean**2).clip(min=1e-12) / (size - 1)
        found.append(difference / np.sqrt(noise))
    return np.sort(np.concatenate(found), axis=0)


def _newcombe(has: int, of: int, other_has: int, other_of: int, z: float) -> tuple[float, float]:
    """How far the hybrid score interval of a difference of shares goes below and above it (Newcombe 1998, no. 10)."""
    (one, low, high), (other, other_low, other_high) = _wilson(has, of, z), _wilson(other_has, other_of, z)
    return float(np.hypot(one - low, other_high - other)), float(np.hypot(high - one, other - other_low))


def _wilson(has: int, of: int, z: float) -> tuple[float, float, float]:
    share = has / of
    middle = (share + z**2 / 2 / of) / (1 + z**2 / of)
    reach = z * np.sqrt(share * (1 - share) / of + z**2 / 4 / of**2) / (1 + z**2 / of)
    return share, middle - reach, middle + reach
