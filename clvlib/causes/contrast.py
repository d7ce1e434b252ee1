"""Outcomes of two arms → the difference of their means, with an interval and a p-value that hold for skewed money too.

Welch's interval takes means for normal. The mean of a small control group isn't when a few customers bring most of the
money: when they are missing, the mean is low *and* looks sure. So the law of the t-value is not assumed but found: what
customers are above or below the mean of their arm is dealt, again and again, to two arms of these sizes (a studentised
permutation; Janssen 1997, Statistics & Probability Letters 36; Chung & Romano 2013, Annals of Statistics 41). That is
exact where chance alone parts the arms, however heavy the tails, and right for large arms whatever the variant does. At
neither end is the interval narrower than Welch's.

Dealing lets the customers of one arm stand for those of the other. That is wrong where one arm holds the large amounts
and chance doesn't explain it: then that arm has to say by itself how far its mean may be off, and a few large amounts
can't say it, whatever the method (Bahadur & Savage 1956, Annals of Mathematical Statistics 27). Such a measure is "not
enough", with the customers that it takes.

Shares, and arms in which hardly anybody has anything, have Newcombe's (1998) hybrid score interval: also none or all of
an arm leaves a width.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import hypergeom, norm, skew
from scipy.stats import t as student

from clvlib.errors import NotEnoughData
from clvlib.language import phrase
from clvlib.stats import Array

LEVEL = 0.95
FEW = 10  # customers with (or without) something in an arm below which a share's law decides
_DRAWS, _FEWEST_DRAWS = 2000, 400  # fewer for very many customers, whose means are nearly normal
_CELLS, _MOST_CELLS = 2_000_000, 100_000_000  # customers × draws, at a time and in all
_RESOLVED = 10  # draws that have to lie beyond a quantile for it to be read off
_FARTHEST = 8.0  # normal deviates: beyond, a p-value is as good as 0
_TIMES = 2  # how many times more common large amounts are in one arm before the other can't stand for it
_CARRIED = (0.5, 0.9, 0.99)  # shares of all squared distances that the customers with large amounts make
# Customers per squared skewness of an arm that stands alone. Of 95 intervals in 100 around a mean, skewness costs 25
# times its square over the customers (Edgeworth's expansion; Hall 1992, The bootstrap and Edgeworth expansion): one.
_PER_SKEW = 25


@dataclass(frozen=True)
class Contrast:
    """One measure of two arms, treated less control, in the measure's unit per customer.

    control, treated: plain means. difference: of the means, adjusted where `contrasts` was told how. error: its
    standard error. freedom: degrees of freedom (Welch–Satterthwaite). chance: t-values that chance gives, sorted; empty
    where counts alone decide. counts: with something and all, treated then control; None where they don't decide.
    unit: what somebody counted has.

    >>> bought = np.repeat([0.0, 1.0], [880, 120])[:, None], np.repeat([0.0, 1.0], [900, 100])[:, None]
    >>> found = contrasts(*bought, shares=[True])[0]
    >>> round(found.difference, 3), [round(end, 3) for end in found.interval()], round(found.p, 2)
    (0.02, [-0.007, 0.048], 0.15)
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
) -> list[Contrast | NotEnoughData | None]:
    """Compare two arms on every column.

    treated, control: one row per customer, one column per measure. adjusted: the same less what was expected of each
    customer before; not used for a column with fewer than FEW customers who have something in an arm (of shares: or
    who haven't). shares: columns of 0 and 1. counted: False for columns whose zeros mean nothing, as influences.

    Returns a Contrast per column; None where nobody has anything, so that there is no unit to measure by; NotEnoughData
    (returned, not raised: other columns are told) where one arm holds the large amounts and has too few customers.

    >>> random = np.random.default_rng(1)
    >>> treated, control = random.gamma(2, 15, (400, 1)), random.gamma(2, 12, (400, 1))
    >>> spend = contrasts(treated, control)[0]
    >>> round(spend.difference, 1), [round(end, 1) for end in spend.interval()]
    (5.1, [2.6, 7.7])
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
    gaps, errors = dealt(pair[0] - means[0], pair[1] - means[1])
    chance = np.sort(gaps / errors, axis=0)
    found: list[Contrast | NotEnoughData | None] = []
    for j, (counts, unit, few) in enumerate(sides):
        two = counts is not None and unit != 0 and not _third(treated[:, j], control[:, j])
        alone = two and (few or adjusted is None)  # a share without anything to adjust by: counts say all
        error = float(np.sqrt(noise[0][j] + noise[1][j]))
        if (counts is None and error == 0) or (counts is not None and unit == 0):
            found.append(None)
            continue
        if not alone and (refusal := _uneven(treated[:, j], control[:, j], pair[0][:, j], pair[1][:, j], counted)):
            found.append(refusal)
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


def _uneven(treated: Array, control: Array, used: Array, other_used: Array, counted: bool) -> NotEnoughData | None:
    """Why the arm that makes most of the error can't be told: it alone has large amounts, and too few customers.

    used, other_used: the same arms as they are compared (adjusted).
    """
    sides = ((treated, control, used), (control, treated, other_used))
    own, other, compared = sides[int(other_used.var() / len(other_used) > used.var() / len(used))]
    skewness = float(skew(compared))
    if len(own) >= _PER_SKEW * skewness**2 or not (held := _holds(own, other, counted)):
        return None
    return NotEnoughData(
        phrase(
            "{here:,} of the {n:,} customers with large amounts are in one arm, more than chance explains, and its "
            "{arm:,} customers don't tell how much more such customers might bring.",
            here=held[0],
            n=held[1],
            arm=len(own),
        ),
        phrase(
            "Amounts so uneven take {n:,.0f} customers or more in that arm: judge on what is told.",
            n=_PER_SKEW * skewness**2,
        ),
    )


def _holds(own: Array, other: Array, counted: bool) -> tuple[int, int] | None:
    """Large amounts of `own` and of both arms, where they are more than _TIMES as common there, not by chance."""
    both = np.concatenate([own, other])
    far = (both - both.mean()) ** 2
    ranked = np.sort(far)[::-1]
    carried = np.cumsum(ranked) / ranked.sum()
    large = [far >= ranked[min(int(np.searchsorted(carried, share)), len(far) - 1)] for share in _CARRIED]
    tried = [both != 0, *large] if counted else large
    for who in tried:
        here, all_of_them = int(who[: len(own)].sum()), int(who.sum())
        common = here * len(other) > _TIMES * (all_of_them - here) * len(own)
        if common and hypergeom.sf(here - 1, len(both), all_of_them, len(own)) < (1 - LEVEL) / 2 / len(tried):
            return here, all_of_them
    return None


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


def dealt(treated: Array, control: Array, seed: int = 0) -> tuple[Array, Array]:
    """Differences of the means and their standard errors when customers are dealt to the arms by chance.

    treated, control: distances from the mean of the arm, a row per customer, a column per measure. Each customer falls
    to the treated with the share that the treated have. Returns a row per deal (400 to 2,000), a column per measure.

    >>> treated, control = np.repeat([-2.0, 2.0], 50)[:, None], np.repeat([-1.0, 1.0], 50)[:, None]
    >>> gaps, errors = dealt(treated, control)
    >>> round(float(gaps.std()), 2), round(float(errors.mean()), 2)
    (0.22, 0.22)
    """
    own = np.vstack([treated, control])
    n, width = own.shape
    share = len(treated) / n
    spread = own.std(axis=0)
    unit = np.where(spread > 0, spread, 1.0)
    own = own / unit
    inputs = np.hstack([np.ones((n, 1)), own, own**2])
    whole = inputs.sum(axis=0)
    random = np.random.default_rng(seed)
    draws = int(np.clip(_MOST_CELLS // n, _FEWEST_DRAWS, _DRAWS))
    rows = max(1, _CELLS // n)
    found = []
    for start in range(0, draws, rows):
        given = random.random((min(rows, draws - start), n), dtype=np.float32) < share
        sums = given.astype(float) @ inputs
        sums = sums[(sums[:, 0] > 1) & (whole[0] - sums[:, 0] > 1)]
        difference, noise = 0.0, 0.0
        for sign, part in ((1, sums), (-1, whole - sums)):
            size = part[:, :1]
            mean = part[:, 1 : width + 1] / size
            difference = difference + sign * mean
            noise = noise + (part[:, width + 1 :] / size - mean**2).clip(min=1e-12) / (size - 1)
        found.append((unit * difference, unit * np.sqrt(noise)))
    gaps, errors = (np.concatenate(each) for each in zip(*found, strict=True))
    return gaps, errors


def cochran(gaps: Array, errors: Array) -> Array:
    """Cochran's Q (1954): squared distances of effects from their common mean, in standard errors, of the last axis.

    >>> float(cochran(np.array([10.0, 30.0]), np.array([5.0, 5.0])))
    8.0
    """
    weight = errors**-2
    centre = (weight * gaps).sum(axis=-1, keepdims=True) / weight.sum(axis=-1, keepdims=True)
    return np.asarray((weight * (gaps - centre) ** 2).sum(axis=-1))


def _newcombe(has: int, of: int, other_has: int, other_of: int, z: float) -> tuple[float, float]:
    """How far the hybrid score interval of a difference of shares goes below and above it (Newcombe 1998, no. 10)."""
    (one, low, high), (other, other_low, other_high) = _wilson(has, of, z), _wilson(other_has, other_of, z)
    return float(np.hypot(one - low, other_high - other)), float(np.hypot(high - one, other - other_low))


def _wilson(has: int, of: int, z: float) -> tuple[float, float, float]:
    share = has / of
    middle = (share + z**2 / 2 / of) / (1 + z**2 / of)
    reach = z * np.sqrt(share * (1 - share) / of + z**2 / 4 / of**2) / (1 + z**2 / of)
    return share, middle - reach, middle + reach
