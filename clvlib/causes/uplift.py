"""A test's outcomes and what was known before it → for whom the treatment works: by group, and ranked by a model.

Effects of groups are far noisier than the effect on all, and of many groups one always looks best. So every group
has its interval, differences between groups their test, and a model is judged only on customers it hasn't learned from.
"""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pandas as pd
from scipy.stats import chi2
from sklearn.linear_model import RidgeCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from statsmodels.stats.multitest import multipletests

from clvlib.causes.contrast import Contrast, cochran, contrasts, dealt
from clvlib.causes.covariates import numbers
from clvlib.causes.trial import FEWEST_IN_ARM, Trial
from clvlib.errors import NotEnoughData
from clvlib.language import message, phrase, word
from clvlib.stats import Array, one_thread

_PARTS = 5
_CLASSES = 3
_MOST_GROUPS = 8


def groupings(before: pd.DataFrame) -> pd.DataFrame:
    """Ways to part the customers by what was known before, one column each; NaN becomes "none".

    Numbers are parted in three of about equal size (ordered categories), or by value where there are three or fewer;
    texts as they are if they have 2 to 8 values.

    >>> groupings(pd.DataFrame({"orders_before": [1, 2, 3, 5, 8, 9], "region": [*"NNS", None, *"SS"]}))
         orders_before region
    0          up to 2      N
    1          up to 2      N
    2  over 2, up to 5      S
    3  over 2, up to 5   none
    4           over 5      S
    5           over 5      S
    """
    parts = {}
    for name, column in before.items():
        if pd.api.types.is_numeric_dtype(column) and column.nunique() <= _CLASSES:
            groups = _values(column)
        elif pd.api.types.is_numeric_dtype(column):
            groups = _thirds(column)
        else:
            groups = column.astype(object).where(column.notna(), message("none")).astype(str)
        if 2 <= groups.nunique() <= _MOST_GROUPS:
            parts[str(name)] = groups
    return pd.DataFrame(parts, index=before.index)


def _values(column: pd.Series) -> pd.Series:
    values = column.astype(float)
    levels = [f"{value:.12g}" for value in sorted(values.dropna().unique())]
    labels = values.map("{:.12g}".format).where(values.notna(), "none")
    return labels.astype(pd.CategoricalDtype([*levels, "none"]))


def _thirds(column: pd.Series) -> pd.Series:
    cuts = [np.quantile(column.dropna(), k / _CLASSES, method="lower") for k in range(1, _CLASSES)]
    edges = sorted({float(f"{cut:.3g}") for cut in cuts})
    place = np.searchsorted(edges, column.to_numpy(dtype=float), side="left")
    middle = [phrase("over {low:g}, up to {high:g}", low=low, high=high) for low, high in pairwise(edges)]
    labels = [phrase("up to {high:g}", high=edges[0]), *middle, phrase("over {low:g}", low=edges[-1]), "none"]
    place[column.isna()] = len(labels) - 1
    return pd.Series(pd.Categorical.from_codes(list(place), pd.Index(labels)), index=column.index)


def effect_by_group(outcomes: pd.DataFrame, trial: Trial, groups: pd.Series, metric: str) -> pd.DataFrame:
    """The effect of each variant in each group.

    Returns a frame indexed by arm and group: customers (both arms), control, variant (means), difference, low, high
    (95 %, each group by itself, see `contrast`) and error (standard error). Groups with fewer than 25 customers in an
    arm, in which nobody has anything, or that are not enough (see `contrast`) are left out. Raises NotEnoughData when
    all are.

    >>> effect_by_group(done, test, before["region"], "value").drop(columns="error").round(2)
                customers  control  variant  difference   low  high
    arm  group
    mail north        200     7.62     7.62        0.00 -1.77  1.78
         south        200     7.86    13.68        5.82  4.08  7.56
    """
    rows, why = {}, []
    for (arm, group), (one, other) in _cells(outcomes, trial, groups, metric).items():
        found = contrasts(one[:, None], other[:, None])[0]
        if isinstance(found, Contrast):
            told = (found.control, found.treated, found.difference, *found.interval(), found.error)
            rows[arm, group] = (len(one) + len(other), *told)
        elif found is not None:
            why.append(phrase("{name}, {group}: {why}", name=arm, group=word(group), why=found))
    if not rows:
        raise NotEnoughData(
            phrase(
                "No group of {parted_by!r} has {least} customers in each arm, and enough to compare them.",
                parted_by=groups.name,
                least=FEWEST_IN_ARM,
            ),
            " ".join([phrase("Part the customers more coarsely."), *why[:1]]),
        )
    columns = ["customers", "control", "variant", "difference", "low", "high", "error"]
    frame = pd.DataFrame.from_dict(rows, orient="index", columns=columns)
    return frame.set_axis(pd.MultiIndex.from_tuples(rows, names=["arm", "group"]))


def _cells(
    outcomes: pd.DataFrame, trial: Trial, groups: pd.Series, metric: str
) -> dict[tuple[str, str], tuple[Array, Array]]:
    """Outcomes of each variant and of the control by (arm, group), where both have FEWEST customers."""
    parts = groups.reindex(outcomes.index).astype("category")
    values = outcomes[metric].astype(float)
    found = {}
    for arm in trial.variants:
        for group in parts.cat.categories:
            sides = [
                values[(parts == group) & (outcomes["variant"] == side)].to_numpy() for side in (arm, trial.control)
            ]
            if min(map(len, sides)) >= FEWEST_IN_ARM:
                found[arm, group] = (sides[0], sides[1])
    return found


def effects_differ(outcomes: pd.DataFrame, trial: Trial, ways: pd.DataFrame, metric: str) -> pd.DataFrame:
    """Does the effect differ between groups? One row per arm and way of parting.

    Cochran's Q (1954): squared distances of the groups' effects from their common mean, in standard errors. Its law is
    that of customers dealt to the arms within their groups (`contrast.dealt`), for skewed money and small arms too; p
    is never below that of chi-squared. Groups that are not enough (see `contrast`) don't count. Returns a frame indexed
    by arm and parted_by, least likely first: groups, p, and p_holm (corrected for all rows, Holm 1979). Raises
    NotEnoughData when nothing can be parted.

    >>> effects_differ(done, test, groupings(before), "value").round(3)
                        groups      p  p_holm
    arm  parted_by
    mail region              2  0.000   0.001
         orders_before       3  0.994   0.994
    """
    rows = {}
    for name in ways:
        cells = _cells(outcomes, trial, ways[name], metric)
        for arm in trial.variants:
            here = [(one[:, None], other[:, None]) for (of, _), (one, other) in cells.items() if of == arm]
            told = [(both, contrasts(*both)[0]) for both in here]
            found = [(both, each) for both, each in told if isinstance(each, Contrast) and each.error > 0]
            if len(found) < 2:
                continue
            q = cochran(*np.array([(each.difference, each.error) for _, each in found]).T)
            deals = [
                dealt(one - one.mean(), other - other.mean(), seed) for seed, ((one, other), _) in enumerate(found)
            ]
            fewest = min(len(gaps) for gaps, _ in deals)
            by_chance = cochran(*(np.hstack([deal[i][:fewest] for deal in deals]) for i in (0, 1)))
            p = (1 + (by_chance >= q).sum()) / (1 + fewest)
            rows[arm, name] = (len(found), max(float(p), float(chi2.sf(q, len(found) - 1))))
    if not rows:
        raise NotEnoughData(
            phrase(
                "In the experiment {test!r} nothing known before assignment parts the customers in groups of {least} "
                "in each arm.",
                test=trial.name,
                least=FEWEST_IN_ARM,
            ),
            "Bring columns of customers that were known before, and name them in known_before.",
        )
    frame = pd.DataFrame.from_dict(rows, orient="index", columns=["groups", "p"])
    frame = frame.set_axis(pd.MultiIndex.from_tuples(rows, names=["arm", "parted_by"]))
    frame["p_holm"] = multipletests(frame["p"], method="holm")[1]
    return frame.sort_values("p", kind="stable")


def uplift_scores(outcomes: pd.DataFrame, trial: Trial, arm: str, before: pd.DataFrame, metric: str) -> pd.DataFrame:
    """What the treatment is expected to change for customers of `arm` and the control (a T-learner).

    Two ridge regressions, one per arm, learn the outcome from what was known before; their difference is the uplift
    (Künzel, Sekhon, Bickel & Yu 2019). Customers are dealt in five parts; each part but the first is scored by models
    that learned from all parts before it. Ordinary cross-fitting, where parts judge one another, gives false alarms:
    this sequence doesn't (Wager 2024, "Sequential validation of treatment heterogeneity").

    Returns a frame (customer_id, four fifths of the customers): uplift (unit of the metric) and rank (0 highest … 1
    lowest, within a part). Raises NotEnoughData: nothing known, or fewer than 100 in an arm.

    >>> scores = uplift_scores(done, test, "mail", before, "value")
    >>> scores.groupby(before["region"]).mean().round(1)
            uplift  rank
    region
    north     -0.3   0.7
    south      6.1   0.2
    """
    two = outcomes[outcomes["variant"].isin([arm, trial.control])]
    known = numbers(before.loc[two.index])
    least = int(two["variant"].value_counts().min())
    if known.shape[1] == 0 or least < 4 * FEWEST_IN_ARM:
        raise NotEnoughData(
            phrase(
                "To rank customers of {test!r} by uplift takes something known before assignment, and {needed} "
                "customers in each arm: there are {columns} column(s) and {n:,} customers.",
                test=trial.name,
                needed=4 * FEWEST_IN_ARM,
                columns=known.shape[1],
                n=least,
            ),
            "Name columns of customers in known_before, or test on more of them.",
        )
    inputs, values = known.to_numpy(), two[metric].to_numpy(dtype=float)
    treated = (two["variant"] == arm).to_numpy()
    part = np.empty(len(two), dtype=int)
    for place, side in enumerate((treated, ~treated)):
        dealt = np.random.default_rng([0, place]).permutation(int(side.sum()))
        part[side] = dealt * _PARTS // len(dealt)
    found = []
    with one_thread():
        for k in range(1, _PARTS):
            judge = part == k
            foretold = []
            for side in (treated, ~treated):
                learn = (part < k) & side
                model = make_pipeline(StandardScaler(), RidgeCV(alphas=np.logspace(0, 5, 11)))
                foretold.append(model.fit(inputs[learn], values[learn]).predict(inputs[judge]))
            uplift = pd.Series((foretold[0] - foretold[1]).round(9), index=two.index[judge])
            rank = ((-uplift).rank() - 0.5) / len(uplift)
            found.append(pd.DataFrame({"uplift": uplift, "rank": rank}))
    return pd.concat(found).sort_index()


@dataclass(frozen=True)
class Qini:
    """How much better than at random a ranking finds those whom the treatment moves.

    curve: share treated (0 … 1) → by_rank, at_random (gain per customer of the test). coefficient: mean height of the
    first above the second (the metric's unit per customer), low, high: 95 %. Above 0: the ranking is of use.

    >>> curve = pd.DataFrame({"by rank": [0.0, 0.8, 1.0], "at random": [0.0, 0.5, 1.0]}, index=[0.0, 0.5, 1.0])
    >>> Qini(curve, coefficient=0.1, low=0.02, high=0.18).low > 0
    True
    """

    curve: pd.DataFrame
    coefficient: float
    low: float
    high: float


def qini(outcomes: pd.DataFrame, trial: Trial, arm: str, ranks: pd.Series, metric: str) -> Qini:
    """Judge a ranking by a test (Radcliffe 2007), ranks as `uplift_scores` gives them.

    Each customer's own contribution to the difference in means, of mean the effect (the doubly robust score with arm
    means, Yadlowsky, Fleming, Shah, Brunskill & Wager 2025), is added up in the order of the ranking.
    The coefficient is the mean of that score × (1/2 − rank): the difference between the arms of how outcomes go with
    the rank, so that its interval is that of `contrast`. Ranks count as given: the chance in how the model was learned
    is not in it. Raises NotEnoughData where nobody has anything, or it is not enough (see `contrast`).

    >>> found = qini(done, test, "mail", uplift_scores(done, test, "mail", before, "value")["rank"], "value")
    >>> [round(each, 2) for each in (found.coefficient, found.low, found.high)]
    [0.74, 0.32, 1.16]
    >>> found.curve.loc[[0.5, 1.0]].round(1)
                   by rank  at random
    share treated
    0.5                2.9        1.4
    1.0                2.8        2.8
    """
    two = outcomes.loc[ranks.index]
    values = two[metric].to_numpy(dtype=float)
    treated = (two["variant"] == arm).to_numpy()
    share, means = treated.mean(), (values[treated].mean(), values[~treated].mean())
    gap = means[0] - means[1]
    own = gap + np.where(treated, (values - means[0]) / share, -(values - means[1]) / (1 - share))
    # Which arm holds the large ones is asked of what customers brought: influences are above or below the mean of their
    # arm, so that those who brought nothing lie a little apart in the two arms, by no chance of the deal.
    reach = 0.5 - ranks.to_numpy()
    parts, influences = values * reach, (values - np.where(treated, *means)) * reach
    plain = contrasts(values[treated, None], values[~treated, None])[0]
    found = contrasts(
        parts[treated, None],
        parts[~treated, None],
        (influences[treated, None], influences[~treated, None]),
        counted=False,
    )[0]
    for each in (plain, found):
        if not isinstance(each, Contrast):
            raise each or NotEnoughData("Nobody's outcome differs: there is nothing to rank.", "Wait for purchases.")
    assert isinstance(found, Contrast)
    steps = np.arange(0, 101, 5) / 100
    # A little is added so that 0.05 of the customers is not cut short by the last bit.
    gains = [float((own * (ranks.to_numpy() <= step + 1e-9)).mean()) for step in steps]
    curve = pd.DataFrame(
        {message("by rank"): gains, message("at random"): steps * gap},
        index=pd.Index(steps, name=message("share treated")),
    )
    return Qini(curve, found.difference, *found.interval())
