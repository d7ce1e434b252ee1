"""A plan that a run kept, and what its customers bought since; what became of it, out: contacted against left alone."""

import numpy as np
import pandas as pd
from scipy.stats import t as student

from clvlib.actions.measure import CONTACT, CONTROL, TOGETHER
from clvlib.errors import NotEnoughData
from clvlib.language import phrase

LEAST_EACH = 5  # customers contacted, and left alone, of whom something can be said
_LEVEL = 0.95


def plan_to_keep(chosen: pd.DataFrame, groups: pd.Series) -> pd.DataFrame:
    """What a later run needs of a plan, by customer_id: group, lever, treatment, cost, gain (expected, currency)."""
    plan = chosen.set_index("customer_id")[["lever", "treatment", "cost", "gain"]]
    return plan.assign(group=groups.reindex(plan.index)).rename_axis("customer_id")


def what_became(plan: pd.DataFrame, brought: pd.Series) -> pd.DataFrame:
    """What those to contact brought beyond those left alone, who were drawn at random: what the campaign caused.

    plan: `plan_to_keep` of that day. brought: by customer_id, margin since then (currency; 0 for others).
    By lever, and for all levers together (each lever's difference, weighed by its contacted): contacted, left_alone
    (customers), each_contacted, each_alone (margin per customer), difference, low, high (of the difference, 95 %, by
    Welch's t for each lever), cost (per contacted customer), expected (gain per contacted customer within the horizon).
    Levers with fewer than 5 customers on either side are left out; NotEnoughData when none is left.
    """
    money = brought.reindex(plan.index).fillna(0.0)
    rows, parts = {}, []
    for lever, of_lever in plan.groupby("lever"):
        there = of_lever["group"] == CONTACT
        two = [money[of_lever.index[there]], money[of_lever.index[of_lever["group"] == CONTROL]]]
        if min(map(len, two)) < LEAST_EACH:
            continue
        means, shares = [each.mean() for each in two], np.array([each.var() / len(each) for each in two])
        error, freedom = float(np.sqrt(shares.sum())), _freedom(shares, [len(each) for each in two])
        spent = of_lever.loc[there, ["cost", "gain"]].mean()
        rows[str(lever)] = _row([len(each) for each in two], means, error, freedom, spent)
        parts.append((len(two[0]), rows[str(lever)], error, freedom))
    if not rows:
        raise NotEnoughData(
            phrase("No lever of the plan has {n} customers contacted and {n} left alone.", n=LEAST_EACH),
            "Leave more alone, or plan for more customers.",
        )
    weights = np.array([part[0] for part in parts], dtype=float) / sum(part[0] for part in parts)
    whole = pd.DataFrame([part[1] for part in parts])
    errors = weights * [part[2] for part in parts]
    freedom = (
        float((errors**2).sum() ** 2 / (errors**4 / [part[3] for part in parts]).sum()) if errors.any() else np.inf
    )
    sizes = [int(whole[name].sum()) for name in ("contacted", "left_alone")]
    means = [float(weights @ whole[name]) for name in ("each_contacted", "each_alone")]
    spent = pd.Series({"cost": weights @ whole["cost"], "gain": weights @ whole["expected"]})
    rows[TOGETHER] = _row(sizes, means, float(np.sqrt((errors**2).sum())), freedom, spent)
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("lever")


def _freedom(shares: np.ndarray, sizes: list[int]) -> float:
    """Degrees of freedom by Welch and Satterthwaite."""
    below = (shares**2 / (np.array(sizes) - 1)).sum()
    return float(shares.sum() ** 2 / below) if below > 0 else np.inf


def _row(sizes: list[int], means: list[float], error: float, freedom: float, spent: pd.Series) -> dict[str, float]:
    difference, reach = means[0] - means[1], error * float(student.ppf((1 + _LEVEL) / 2, freedom))
    return {
        "contacted": sizes[0],
        "left_alone": sizes[1],
        "each_contacted": means[0],
        "each_alone": means[1],
        "difference": difference,
        "low": difference - reach,
        "high": difference + reach,
        "cost": float(spent["cost"]),
        "expected": float(spent["gain"]),
    }
