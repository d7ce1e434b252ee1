"""What was known before, who was treated, what came out → the effect of the treatment, or a refusal.

Cross-fitted augmented inverse-propensity weighting (AIPW; Robins, Rotnitzky & Zhao 1994; Chernozhukov et al. 2018,
"Double/debiased machine learning", section 5.1): one model says who gets treated, another what each would have done
with and without; the estimate is right when either is. Every customer is judged by models that did not see them. The
effect is one of cause only if everything that drives both treatment and outcome is among the features: no formula can
check that, which is why `sensitivity` says how much would have to be missing.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import chi2, norm
from sklearn.linear_model import LogisticRegression, RidgeCV
from sklearn.model_selection import StratifiedKFold

from clvlib.causes.contrast import cochran
from clvlib.errors import CannotAnswer, NotEnoughData
from clvlib.language import message, phrase
from clvlib.stats import Array, one_thread

Target = Literal["all", "treated"]
TARGETS: tuple[Target, ...] = ("all", "treated")

FEWEST = 25  # customers in each group, and customers that the weighted groups are worth
EDGE = 0.01  # a chance of treatment below it, or above 1 − it, is no chance
MOST_AT_EDGE = 0.05
MOST_APART = 0.5  # standard deviations between the weighted means of a feature (Rubin 2001), beyond chance
FOLDS = 5
RIDGE = np.logspace(0, 4, 9)
Z = float(norm.ppf(0.975))


class NoOverlap(CannotAnswer):
    """Treated and untreated customers are too unlike: for many of them there is nobody to compare with.

    >>> NoOverlap("Those who did and those who did not are too unlike.", "Look at a narrower group.").mend
    'Look at a narrower group.'
    """


@dataclass(frozen=True)
class CrossFit:
    """What models that never saw a customer say of them: one row per split of the customers into folds.

    index: customer_id. treated (bool) and outcome: one per customer. propensity (chance of treatment, within EDGE),
    without and with_it (expected outcome): splits × customers. inputs: customers × columns of `design`.

    >>> fitted.treated.shape, fitted.propensity.shape
    ((400,), (1, 400))
    """

    index: pd.Index
    treated: NDArray[np.bool_]
    outcome: Array
    propensity: Array
    without: Array
    with_it: Array
    inputs: Array


@dataclass(frozen=True)
class Effect:
    """A mean effect per customer, in units of the outcome, with its 95 % interval.

    `without`: the mean outcome, had nobody of them been treated, estimated alike. `naive`: the plain difference between
    treated and untreated customers, with its interval.

    >>> one = effect(fitted)
    >>> round(one.estimate / one.without, 2)
    1.09
    """

    estimate: float
    se: float
    low: float
    high: float
    without: float
    naive: float
    naive_low: float
    naive_high: float
    customers: int
    treated: int


def design(features: pd.DataFrame) -> Array:
    """Turn features into the columns that the models see.

    A number gives its logarithm (signed), standardised, since amounts and counts are so skewed that a few large
    customers would otherwise seem certain to be treated; where some are missing, one more column says so. Anything else
    gives one column per value but the first. A column that doesn't vary is left out.

    >>> design(pd.DataFrame({"spend": [0.0, 9.0, 99.0], "home": ["web", "store", "web"]})).round(2)
    array([[-1.22,  1.  ],
           [ 0.  ,  0.  ],
           [ 1.22,  1.  ]])
    """
    columns = []
    for name in features:
        values = features[name]
        if pd.api.types.is_numeric_dtype(values) and not pd.api.types.is_bool_dtype(values):
            raw = values.to_numpy(dtype=float, na_value=np.nan)
            columns += [_standard(np.sign(raw) * np.log1p(np.abs(raw))), np.isnan(raw).astype(float)]
        else:
            columns += list(pd.get_dummies(values.astype(str)).iloc[:, 1:].to_numpy(dtype=float).T)
    kept = [column for column in columns if np.ptp(column) > 0]
    return np.column_stack(kept) if kept else np.zeros((len(features), 1))


def _standard(values: Array) -> Array:
    known = values[~np.isnan(values)]
    spread = known.std() if len(known) else 0.0
    return np.nan_to_num((values - known.mean()) / spread) if spread > 0 else np.zeros(len(values))


def cross_fit(features: pd.DataFrame, treated: pd.Series, outcome: pd.Series, splits: int = 3) -> CrossFit:
    """Fit both models on all folds but one and let them judge that one, for `splits` splits into five folds.

    features: what was known of each customer before anything was decided (numbers or texts); treated (bool) and
    outcome (number) have the same index. The chance of treatment is a logistic regression, the outcome a ridge
    regression for each group, on the columns of `design`; the penalty of the ridge is chosen by leave-one-out within
    the training folds. Raises NotEnoughData for fewer than 25 treated or 25 untreated customers.

    >>> found = cross_fit(seen.features, seen.added, seen.outcomes["revenue"])
    >>> round(float((found.with_it - found.without).mean()), 1)
    36.2
    """
    order = features.index.argsort()  # the same customers give the same folds, in whatever order they come
    index = features.index[order]
    given = treated.reindex(index).to_numpy(dtype=bool)
    result = outcome.reindex(index).to_numpy(dtype=float)
    if min(given.sum(), (~given).sum()) < FEWEST:
        raise NotEnoughData(
            phrase(
                "There are {did:,} customers to look at who did, and {others:,} who did not; a comparison needs "
                "{least} of each.",
                did=given.sum(),
                others=(~given).sum(),
                least=FEWEST,
            ),
            "Bring more customers or a longer history.",
        )
    inputs = design(features.loc[index])
    shape = (splits, len(index))
    propensity, without, with_it = np.empty(shape), np.empty(shape), np.empty(shape)
    with one_thread():
        for split in range(splits):
            for learn, judge in StratifiedKFold(FOLDS, shuffle=True, random_state=split).split(inputs, given):
                chance = LogisticRegression(C=1.0, solver="newton-cholesky", max_iter=200)
                chance.fit(inputs[learn], given[learn])
                propensity[split, judge] = chance.predict_proba(inputs[judge])[:, 1]
                for kept, guess in ((~given, without), (given, with_it)):
                    some = learn[kept[learn]]
                    guess[split, judge] = RidgeCV(RIDGE).fit(inputs[some], result[some]).predict(inputs[judge])
    return CrossFit(index, given, result, propensity.clip(EDGE, 1 - EDGE), without, with_it, inputs)


def weights(found: CrossFit, target: Target = "all") -> Array:
    """Give each customer's weight (splits × customers), by which each group comes to resemble the target.

    All: 1 / the chance of what they did. Treated: 1 for the treated, the odds of treatment for the others.

    >>> float(weights(fitted).min()) > 1, float(weights(fitted, "treated")[:, fitted.treated].max())
    (True, 1.0)
    """
    e, given = found.propensity, found.treated
    if target == "all":
        return np.where(given, 1 / e, 1 / (1 - e))
    return np.where(given, 1.0, e / (1 - e))


def worth(found: CrossFit, target: Target = "all") -> pd.Series:
    """Give how many equally weighted customers each weighted group is worth (Kish 1965), treated and untreated.

    >>> worth(fitted).round().to_dict()
    {'treated': 96.0, 'untreated': 152.0}
    """
    w = weights(found, target)
    return pd.Series({"treated": _kish(w[:, found.treated]), "untreated": _kish(w[:, ~found.treated])}, name="worth")


def _kish(w: Array) -> float:
    return float(np.median(w.sum(axis=1) ** 2 / (w**2).sum(axis=1)))


def _at_edge(found: CrossFit, target: Target) -> NDArray[np.bool_]:
    """Tell who had no real chance of the other treatment (splits × customers; those of the target)."""
    high = found.propensity >= 1 - EDGE
    return high[:, found.treated] if target == "treated" else high | (found.propensity <= EDGE)


def require_overlap(found: CrossFit, target: Target = "all") -> None:
    """Refuse when treated and untreated customers don't overlap enough to be compared.

    Raises NoOverlap when more than 5 % of the target have a chance of treatment outside 1 % to 99 % (for the treated:
    above 99 %), or when a weighted group is worth fewer than 25 customers.

    >>> require_overlap(fitted)
    """
    share, smallest = float(_at_edge(found, target).mean()), worth(found, target).min()
    if share <= MOST_AT_EDGE and smallest >= FEWEST:
        return
    raise NoOverlap(
        phrase(
            "Those who did and those who did not are too unlike to be compared ({n:,} customers). {certain:For "
            "{share:.0%} of them one of the two was all but certain|After weighting, one group is worth only "
            "{smallest:.0f} customers}, so that any figure would rest on invented comparisons.",
            n=len(found.index),
            certain=share > MOST_AT_EDGE,
            share=share,
            smallest=smallest,
        ),
        message("Look at a narrower group in which both happen, or run an experiment."),
    )


def effect(found: CrossFit, target: Target = "all") -> Effect:
    """Estimate the mean effect on all customers, or on those who were treated.

    Standard error from the influence function; over several splits the median estimate, its variance widened by how far
    the splits disagree (Chernozhukov et al. 2018, definition 3.3). Raises NoOverlap as `require_overlap`.

    >>> one = effect(fitted)
    >>> [round(figure, 1) for figure in (one.naive, one.estimate, one.low, one.high)]
    [49.9, 37.5, 34.4, 40.7]
    """
    require_overlap(found, target)
    return _summary(found, influence(found, target), np.ones(len(found.index), dtype=bool), target)


def answers(found: CrossFit) -> dict[Target, Effect]:
    """Estimate each mean effect that the customers allow: a refused one leaves the other as it is.

    Raises NoOverlap when neither can be told, as `require_overlap` on the treated, who ask for less.

    >>> {target: round(one.estimate, 1) for target, one in answers(fitted).items()}
    {'all': 37.5, 'treated': 34.9}
    """
    given: dict[Target, Effect] = {}
    for target in TARGETS:
        try:
            given[target] = effect(found, target)
        except NoOverlap:
            if target == TARGETS[-1] and not given:
                raise
    return given


def relative(found: CrossFit, target: Target = "all") -> tuple[float, float, float]:
    """A mean effect as a share of what they would have brought without the treatment (`Effect.without`), with its 95 %
    interval.

    Delta method: both are estimates, from the same customers. NaN where they would have brought nothing. Raises
    NoOverlap as `effect`.

    >>> [round(figure, 2) for figure in relative(fitted)]
    [1.09, 0.97, 1.22]
    """
    one = effect(found, target)
    if one.without <= 0:
        return (np.nan, np.nan, np.nan)
    pull = influence(found, target)
    given, y = found.treated, found.outcome
    base = given / given.mean() * y - pull if target == "treated" else _pull_without(found)
    mid, means = one.estimate / one.without, base.mean(axis=1)
    apart = pull.mean(axis=1) / means - mid
    variances = ((pull - (mid + apart)[:, None] * base) ** 2).mean(axis=1) / len(given) / means**2
    reach = Z * float(np.sqrt(np.median(variances + apart**2)))
    return mid, mid - reach, mid + reach


def effect_by(found: CrossFit, groups: pd.Series) -> pd.DataFrame:
    """Estimate the mean effect within each group of customers (`groups`: by customer, known before the treatment).

    Returns one row per group, in the order of the categories or of the text: the fields of `Effect`. Groups with fewer
    than 25 treated or untreated customers, without overlap by the rules of `require_overlap`, or in which weighting
    leaves a feature more than half a standard deviation apart, have counts only, the rest NaN. Raises NoOverlap as
    `require_overlap` for all customers together.

    >>> effect_by(fitted, seen.features["home"])[["estimate", "customers", "treated"]].round(1)
           estimate  customers  treated
    home
    store      21.8        200      109
    web        53.3        200       92
    """
    require_overlap(found)
    given = groups.reindex(found.index)
    ordered = [str(name) for name in given.cat.categories] if isinstance(given.dtype, pd.CategoricalDtype) else []
    named = given.astype(object).fillna("unknown").astype(str).to_numpy()
    pull = influence(found, "all")
    rows = {}
    for name in sorted(set(named), key=lambda name: (ordered.index(name) if name in ordered else -1, name)):
        inside = named == name
        if _comparable(found, inside):
            rows[name] = vars(_summary(found, pull, inside, "all"))
        else:
            rows[name] = {"customers": int(inside.sum()), "treated": int(found.treated[inside].sum())}
    frame = pd.DataFrame.from_dict(rows, orient="index", columns=list(Effect.__dataclass_fields__))
    return frame.rename_axis(str(groups.name)).astype({"customers": "int64", "treated": "int64"})


def _comparable(found: CrossFit, inside: NDArray[np.bool_]) -> bool:
    """Tell whether those of a group who were treated and those who were not can be compared (see `effect_by`).

    Chances learned from everybody can be wrong within a group, so its own balance is looked at too; three standard
    errors of a difference between samples of this worth are put down to chance.
    """
    one, other = inside & found.treated, inside & ~found.treated
    w, x = weights(found), found.inputs
    if min(one.sum(), other.sum()) < FEWEST or min(_kish(w[:, one]), _kish(w[:, other])) < FEWEST:
        return False
    means = [np.average(x[side], axis=0, weights=w[:, side].mean(axis=0)) for side in (one, other)]
    spread = np.sqrt((x[one].var(axis=0) + x[other].var(axis=0)) / 2)
    most = MOST_APART + 3 * np.sqrt(1 / _kish(w[:, one]) + 1 / _kish(w[:, other]))
    alike = bool((np.abs(means[0] - means[1]) <= most * spread + 1e-9).all())
    return alike and bool(_at_edge(found, "all")[:, inside].mean() <= MOST_AT_EDGE)


def influence(found: CrossFit, target: Target) -> Array:
    """Give each customer's uncentred influence (splits × customers); its mean is the estimate.

    >>> round(float(influence(fitted, "all").mean()), 1)
    37.5
    """
    e, given, y = found.propensity, found.treated, found.outcome
    if target == "all":
        seen = np.where(given, (y - found.with_it) / e, -(y - found.without) / (1 - e))
        return found.with_it - found.without + seen
    return np.where(given, 1.0, -e / (1 - e)) * (y - found.without) / given.mean()


def _summary(found: CrossFit, influence: Array, inside: NDArray[np.bool_], target: Target) -> Effect:
    given, y = found.treated[inside], found.outcome[inside]
    centred = influence[:, inside]
    estimates = centred.mean(axis=1)
    pull = given / given.mean() if target == "treated" else np.ones(len(given))
    variances = ((centred - pull * estimates[:, None]) ** 2).mean(axis=1) / len(given)
    estimate = float(np.median(estimates))
    se = float(np.sqrt(np.median(variances + (estimates - estimate) ** 2)))
    without = float(y[given].mean() - estimate) if target == "treated" else _without(found, inside)
    naive = float(y[given].mean() - y[~given].mean())
    naive_se = float(np.sqrt(y[given].var(ddof=1) / given.sum() + y[~given].var(ddof=1) / (~given).sum()))
    low, high = estimate - Z * se, estimate + Z * se
    naive_low, naive_high = naive - Z * naive_se, naive + Z * naive_se
    counts = len(given), int(given.sum())
    return Effect(estimate, se, low, high, without, naive, naive_low, naive_high, *counts)


def _without(found: CrossFit, inside: NDArray[np.bool_]) -> float:
    return float(np.median(_pull_without(found)[:, inside].mean(axis=1)))


def _pull_without(found: CrossFit) -> Array:
    left = np.where(found.treated, 0.0, (found.outcome - found.without) / (1 - found.propensity))
    return found.without + left


def differ(groups: pd.DataFrame) -> float:
    """Give the probability of effects as unlike as these, were they the same in every group (Cochran's Q, 1954).

    `groups`: as `effect_by` gives it, of groups without common customers. NaN with fewer than two estimates.

    >>> round(differ(pd.DataFrame({"estimate": [10.0, 30.0], "se": [5.0, 5.0]})), 4)
    0.0047
    """
    known = groups.dropna(subset=["estimate"])
    if len(known) < 2:
        return float("nan")
    return float(chi2.sf(cochran(known["estimate"].to_numpy(), known["se"].to_numpy()), len(known) - 1))


def propensities(found: CrossFit, bins: int = 20) -> pd.DataFrame:
    """Count customers by their chance of treatment (index: middle of the bin); columns treated and untreated (shares
    of each group).

    >>> propensities(fitted, bins=5).round(2)
            treated  untreated
    chance
    0.1        0.05       0.18
    0.3        0.13       0.31
    0.5        0.28       0.31
    0.7        0.38       0.17
    0.9        0.16       0.03
    """
    edges = np.linspace(0, 1, bins + 1)
    chance = found.propensity.mean(axis=0)
    groups = {"treated": found.treated, "untreated": ~found.treated}
    shares = {name: np.histogram(chance[who], edges)[0] / who.sum() for name, who in groups.items()}
    return pd.DataFrame(shares, index=pd.Index((edges[:-1] + edges[1:]) / 2, name="chance"))


def spread(found: CrossFit) -> tuple[float, float]:
    """Give the range of chances of treatment that holds nine customers in ten.

    >>> [round(end, 2) for end in spread(fitted)]
    [0.1, 0.84]
    """
    low, high = np.quantile(found.propensity.mean(axis=0), [0.05, 0.95])
    return float(low), float(high)


def balance(features: pd.DataFrame, found: CrossFit, target: Target = "all") -> pd.DataFrame:
    """Compare treated and untreated customers, feature by feature, before and after weighting.

    Standardised mean differences (difference of the means over the standard deviation pooled before weighting; Austin
    2009). Returns, largest difference before weighting first: feature (index; a text feature has one row per value),
    before, after.

    >>> balance(seen.features[["frequency", "home"]], fitted).round(2)
                 before  after
    feature
    frequency      0.87  -0.10
    home: store    0.17  -0.04
    home: web     -0.17   0.04
    """
    known = features.loc[found.index]
    numbers = known.select_dtypes("number").astype(float)
    numbers = numbers.fillna(numbers.median())
    texts = pd.get_dummies(known.drop(columns=numbers.columns).astype(str), prefix_sep=": ").astype(float)
    values = pd.concat([numbers, texts], axis=1)
    given, w = found.treated, weights(found, target).mean(axis=0)
    matrix = values.to_numpy()
    spread = np.sqrt((matrix[given].var(axis=0) + matrix[~given].var(axis=0)) / 2)

    def gap(w: Array) -> Array:
        one, other = (np.average(matrix[side], axis=0, weights=w[side]) for side in (given, ~given))
        return np.divide(one - other, spread, out=np.zeros(len(spread)), where=spread > 0)

    frame = pd.DataFrame({"before": gap(np.ones(len(w))), "after": gap(w)}, index=values.columns.rename("feature"))
    return frame.sort_values("before", key=np.abs, ascending=False, kind="stable")
