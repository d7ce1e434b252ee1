"""A chosen plan in; who is contacted and who is left alone, drawn at random, and what the comparison can show, out.

Before the campaign every customer of the plan is drawn into one of two groups, `contact` and `control`. Afterwards the
two differ by nothing but the contact and chance, so that their difference is what the contact caused.
"""

import numpy as np
import pandas as pd
from statsmodels.stats.power import NormalIndPower
from statsmodels.stats.proportion import proportion_effectsize

from clvlib.tables import NotEnoughData

SEED = 20_000
POWER = 0.8
SIGNIFICANCE = 0.05
SHARES = (0.1, 0.2, 0.3, 0.4, 0.5)  # of the customers left alone, smallest first
TOO_FEW = 0.2  # left alone where no share would be enough
FEWEST = 20
TOGETHER = "all together"
CONTACT, CONTROL = "contact", "control"
RETURNS, MARGIN = "buys within the window", "margin over the horizon"


def needed(size: float, share: float = 0.5) -> float:
    """Customers in all (infinite for no effect) to see a standardised difference: 80 % power, two-sided 5 %.

    `size`: Cohen's d or h (1988), `share` of the customers are left alone.
    """
    if abs(size) < 1e-9:
        return float("inf")
    each = NormalIndPower().solve_power(abs(size), power=POWER, alpha=SIGNIFICANCE, ratio=(1 - share) / share)
    return float(np.ceil(each / share))


def visible(customers: int, share: float) -> float:
    """The smallest standardised difference that so many customers can show, of whom a `share` is left alone."""
    ratio = (1 - share) / share
    return float(
        NormalIndPower().solve_power(None, nobs1=customers * share, power=POWER, alpha=SIGNIFICANCE, ratio=ratio)
    )


def plan(
    chosen: pd.DataFrame,
    churn_probability: pd.Series,
    margin: pd.Series,
    effects: pd.DataFrame,
    returning: tuple[str, ...],
) -> pd.DataFrame:
    """What a campaign of this plan can show, lever by lever, contacted against left alone.

    Args:
        chosen: the actions planned (`customer_id`, `lever`, `at_stake`, `gain`).
        churn_probability: of no purchase in the window, by customer.
        margin: what each customer brought in a time as long as the horizon (currency): how much chance there is.
        effects: whether the effect was `tested`, by lever.
        returning: levers whose success is a purchase in the window (unless an experiment has measured money).

    Returns:
        By lever, and for these levers together: `customers`; `outcome` (in words); `needed` (customers in all, half of
        them left alone, to see the expected effect); `control_share` (to leave alone: the smallest that shows it, a
        fifth where none does); `sees` (the smallest effect that this shows, in multiples of the expected one, about);
        `enough` (bool). Levers with fewer than 20 customers, or without any expected effect, are left out.

    Raises:
        NotEnoughData: no lever is left.
    """
    rows = {}
    split = chosen[chosen.groupby("lever")["lever"].transform("size") >= FEWEST]
    for lever, of_lever in [*split.groupby("lever"), (TOGETHER, split)]:
        n = len(of_lever)
        spread = float(margin.reindex(of_lever["customer_id"]).fillna(0.0).std())
        size, outcome = float(of_lever["gain"].mean()) / spread if spread > 0 else 0.0, MARGIN
        if lever in returning and not effects.loc[lever, "tested"]:
            risk = churn_probability.reindex(of_lever["customer_id"]).to_numpy()
            after = risk * (1 - (of_lever["gain"] / of_lever["at_stake"]).to_numpy())  # a call keeps more of them
            size, outcome = float(proportion_effectsize(1 - after.mean(), 1 - risk.mean())), RETURNS
        if size <= 0:
            continue
        enough = [share for share in SHARES if needed(size, share) <= n]
        share = enough[0] if enough else TOO_FEW
        rows[lever] = (n, outcome, needed(size), share, visible(n, share) / size, bool(enough))
    if not rows:
        raise NotEnoughData(
            f"No lever of the plan has {FEWEST} customers and an effect to look for.", "Raise the budget."
        )
    columns = ["customers", "outcome", "needed", "control_share", "sees", "enough"]
    return pd.DataFrame.from_dict(rows, orient="index", columns=columns).rename_axis("lever")


def draw(chosen: pd.DataFrame, shares: pd.Series, seed: int = SEED) -> pd.Series:
    """Draw who is contacted and who is left alone, lever by lever, at random.

    Levers with fewer than 20 customers have no control group, which could show nothing: all of them are contacted.

    Args:
        chosen: the actions planned (`customer_id`, `lever`), each customer once.
        shares: share to leave alone by lever; levers without one leave a tenth alone.

    Returns:
        "contact" or "control" by customer_id (sorted). The same customers and seed always give the same draw, whatever
        the order of the rows.
    """
    random = np.random.default_rng(seed)
    groups = []
    for lever, rows in chosen.groupby("lever", sort=True):
        names = np.sort(rows["customer_id"].astype(str).to_numpy(dtype=object))
        left = round(len(names) * float(shares.get(lever, SHARES[0]))) if len(names) >= FEWEST else 0
        alone = random.permutation(len(names)) < left
        groups.append(pd.Series(np.where(alone, CONTROL, CONTACT), index=names, dtype=object))
    drawn = pd.concat(groups) if groups else pd.Series(dtype=object)
    return drawn.rename("group").rename_axis("customer_id").sort_index()
