"""A chosen plan in; who is contacted and who is left alone, drawn at random, and what the comparison can show, out.

Before the campaign every customer of the plan is drawn into one of two groups, `contact` and `control`. Afterwards the
two differ by nothing but the contact and chance, so that their difference is what the contact caused. Whom the draw
leaves alone, it tends to leave alone in the next plan too, so that campaigns can be counted together.
"""

from hashlib import sha256

import numpy as np
import pandas as pd
from statsmodels.stats.power import NormalIndPower
from statsmodels.stats.proportion import proportion_effectsize

from clvlib import wording
from clvlib.errors import NotEnoughData
from clvlib.language import message, phrase

SEED = 20_000
_POWER = 0.8
SIGNIFICANCE = 0.05
SHARES = (0.1, 0.2, 0.3, 0.4, 0.5)  # of the customers left alone, smallest first
LONG_RUN = (0.05, 0.1, 0.2, 0.5)  # left alone over many campaigns
TOO_FEW = 0.2  # left alone where no share would be enough
FEWEST_TO_SPLIT = 20
TOGETHER = message("all together")
CONTACT, CONTROL = message("contact"), message("control")
RETURNS, MARGIN = message("buys within the window"), message("margin over the horizon")


def needed(size: float, share: float = 0.5) -> float:
    """Customers in all (infinite for no effect) to see a standardised difference: 80 % power, two-sided 5 %.

    `size`: Cohen's d or h (1988), `share` of the customers are left alone.
    """
    if abs(size) < 1e-9:
        return float("inf")
    each = NormalIndPower().solve_power(abs(size), power=_POWER, alpha=SIGNIFICANCE, ratio=(1 - share) / share)
    return float(np.ceil(each / share))


def visible(customers: int, share: float) -> float:
    """The smallest standardised difference that so many customers can show, of whom a `share` is left alone."""
    ratio = (1 - share) / share
    return float(
        NormalIndPower().solve_power(None, nobs1=customers * share, power=_POWER, alpha=SIGNIFICANCE, ratio=ratio)
    )


def plan_tests(
    chosen: pd.DataFrame,
    churn_probability: pd.Series,
    margin: pd.Series,
    effects: pd.DataFrame,
    returning: tuple[str, ...],
) -> pd.DataFrame:
    """What a campaign of this plan can show, lever by lever, contacted against left alone.

    chosen: the actions planned (`customer_id`, `lever`, `at_stake`, `gain`). churn_probability: of no purchase in the
    window, by customer. margin: what each customer brought in a time as long as the horizon (currency): how much chance
    there is. effects: whether the effect was `tested`, by lever. returning: levers whose success is a purchase in the
    window (unless an experiment has measured money).

    By lever, and for these levers together: `customers`; `outcome` (in words); `needed` (customers in all, half of them
    left alone, to see the expected effect); `control_share` (to leave alone: the smallest that shows it, a fifth where
    none does); `sees` (the smallest effect that this shows, in multiples of the expected one, about; infinite where an
    assumed effect would have to win more than all that is at stake); `enough` (bool). Levers with fewer than 20
    customers, or without any expected effect, are left out; NotEnoughData when no lever is left.
    """
    rows = {}
    split = chosen[chosen.groupby("lever")["lever"].transform("size") >= FEWEST_TO_SPLIT]
    for lever, of_lever in [*split.groupby("lever"), (TOGETHER, split)]:
        n = len(of_lever)
        spread = float(margin.reindex(of_lever["customer_id"]).fillna(0.0).std())
        size, outcome = float(of_lever["gain"].mean()) / spread if spread > 0 else 0.0, MARGIN
        tested = effects["tested"].reindex(of_lever["lever"]).to_numpy(dtype=bool)
        most = float(of_lever["at_stake"].sum() / of_lever["gain"].sum()) if size > 0 and not tested.any() else np.inf
        returns = lever in returning and not tested.all()
        if returns:
            risk = churn_probability.reindex(of_lever["customer_id"]).to_numpy()
            after = risk * (1 - (of_lever["gain"] / of_lever["at_stake"]).to_numpy())  # a call keeps more of them
            size, outcome = float(proportion_effectsize(1 - after.mean(), 1 - risk.mean())), RETURNS
        if size <= 0:
            continue
        enough = [share for share in SHARES if needed(size, share) <= n]
        share = enough[0] if enough else TOO_FEW
        sees = visible(n, share) / size
        if returns:
            sees = _share_kept(visible(n, share), risk.mean()) / (1 - after.mean() / risk.mean())
        rows[lever] = (n, outcome, needed(size), share, sees if sees <= most else np.inf, bool(enough))
    if not rows:
        raise NotEnoughData(
            phrase("No lever of the plan has {least} customers and an effect to look for.", least=FEWEST_TO_SPLIT),
            "Raise the budget.",
        )
    columns = ["customers", "outcome", "needed", "control_share", "sees", "enough"]
    return pd.DataFrame.from_dict(rows, orient="index", columns=columns).rename_axis("lever")


def _share_kept(size: float, risk: float) -> float:
    """The share of those at risk who must be kept for a difference of Cohen's h `size`; infinite above all of them."""
    angle = np.arcsin(np.sqrt(1 - risk)) + size / 2
    return float((np.sin(angle) ** 2 - (1 - risk)) / risk) if angle <= np.pi / 2 else np.inf


def tests_in_words(tests: pd.DataFrame) -> pd.DataFrame:
    """`plan_tests` for readers: the last two columns as `can_show`, in words."""
    words = []
    for sees, enough in zip(tests["sees"], tests["enough"], strict=True):
        times = phrase("{n} times the expected effect", n=wording.number(sees, 1))
        nothing = message("nothing: not even all at stake won")
        words.append(message("the expected effect") if enough else times if np.isfinite(sees) else nothing)
    return tests.drop(columns=["sees", "enough"]).assign(can_show=words)


def long_run(tests: pd.DataFrame, net: float) -> pd.DataFrame:
    """What it takes to show the expected effect over many campaigns like this one, by the share left alone in each.

    tests: from `plan_tests`; net: what a campaign brings with nobody left alone (currency). Index `left_alone` (share);
    `sees_once` (the smallest effect that one campaign shows, in multiples of the expected one), `campaigns` (counted
    together, until 80 % power), `cost_each`, `cost_in_all` (net gain that those left alone don't bring, a campaign, and
    until then). Customers who are in several campaigns count each time as if they were new: take the number as the
    least.
    """
    n, of_half = (float(tests["customers"][TOGETHER]), float(tests["needed"][TOGETHER]))
    rows = {}
    for share in LONG_RUN:
        times = of_half / 4 / (share * (1 - share)) / n  # needed customers go as 1 / (share (1 − share))
        rows[share] = (np.sqrt(times), np.ceil(times), share * net, np.ceil(times) * share * net)
    columns = ["sees_once", "campaigns", "cost_each", "cost_in_all"]
    return pd.DataFrame.from_dict(rows, orient="index", columns=columns).rename_axis("left_alone")


def draw(chosen: pd.DataFrame, shares: pd.Series, seed: int = SEED) -> pd.Series:
    """Draw who is contacted and who is left alone, lever by lever, at random.

    chosen: the actions planned (`customer_id`, `lever`), each customer once. shares: share to leave alone by lever;
    levers without one leave a tenth alone, levers with fewer than 20 customers nobody. Gives "contact" or "control" by
    customer_id (sorted). The same customers and seed always give the same draw, whatever the order of the rows; who is
    drawn to be left alone comes early in every later draw too.
    """
    groups = []
    for lever, rows in chosen.groupby("lever", sort=True):
        names = rows["customer_id"].astype(str).to_numpy(dtype=object)
        lot = np.argsort([sha256(f"{seed}:{name}".encode()).digest() for name in names], kind="stable")
        left = round(len(names) * float(shares.get(lever, SHARES[0]))) if len(names) >= FEWEST_TO_SPLIT else 0
        alone = np.arange(len(names)) < left
        groups.append(pd.Series(np.where(alone, CONTROL, CONTACT), index=names[lot], dtype=object))
    drawn = pd.concat(groups) if groups else pd.Series(dtype=object)
    return drawn.rename("group").rename_axis("customer_id").sort_index()
