"""A chosen plan in; its sums, the columns and the lists that it is carried out by, out."""

import numpy as np
import pandas as pd

from clvlib.actions.choices import ASSUMED
from clvlib.actions.measure import CONTACT, CONTROL
from clvlib.actions.stake import LEVERS
from clvlib.language import message

ASSUMPTIONS = message("every assumption at its end")
TESTS = message("tests within their sampling error (95 %)")
ALL = message("everything at its end at once")


def contacted(chosen: pd.DataFrame, groups: pd.Series) -> pd.DataFrame:
    """The plan as it is carried out: the chosen actions of those drawn into the group to contact."""
    return chosen[(chosen["customer_id"].map(groups) == CONTACT).to_numpy(dtype=bool)]


def by_lever(chosen: pd.DataFrame) -> pd.DataFrame:
    """Sums of chosen actions by lever: `customers`, `at_stake`, `cost`, `gain`, `gain_low`, `gain_high`, `origin`."""
    sums = chosen.groupby("lever")[["at_stake", "cost", "gain", "gain_low", "gain_high"]].sum()
    sums.insert(0, "customers", chosen.groupby("lever").size())
    sums["origin"] = chosen.groupby("lever")["origin"].first()
    return sums.reindex([lever for lever in LEVERS if lever in sums.index])


def plan_total(chosen: pd.DataFrame) -> dict[str, float]:
    """The plan in short: `customers`, `cost` and `net` (currency), if every effect is as assumed or measured."""
    cost = float(chosen["cost"].sum())
    return {"customers": len(chosen), "cost": cost, "net": float(chosen["gain"].sum()) - cost}


def ends(chosen: pd.DataFrame) -> pd.DataFrame:
    """What the plan brings at the ends of its effects: one row a supposition, `low` and `high` (net, currency).

    ASSUMPTIONS: every assumed effect at its low end, or its high end, at once, the tested ones as measured: not a range
    with a level, as nobody knows how likely an assumption is. TESTS: 95 % for the sampling error of the tested effects,
    the assumed ones as assumed; tests are independent of each other, so that their distances from the middle add up as
    squares do. ALL: everything at its low end, or its high end, at once. Rows that nothing of the plan rests on are
    left out, and ALL where there is but one other.
    """
    frame = chosen.assign(below=chosen["gain"] - chosen["gain_low"], above=chosen["gain_high"] - chosen["gain"])
    by = frame.groupby("origin")[["below", "above"]].sum()
    assumed, net = by.index.str.startswith(ASSUMED), plan_total(chosen)["net"]
    parts = {ASSUMPTIONS: by[assumed].sum(), TESTS: np.sqrt((by[~assumed] ** 2).sum()), ALL: by.sum()}
    used = {ASSUMPTIONS: assumed.any(), TESTS: (~assumed).any(), ALL: assumed.any() and (~assumed).any()}
    rows = {name: (net - away["below"], net + away["above"]) for name, away in parts.items() if used[name]}
    return pd.DataFrame.from_dict(rows, orient="index", columns=["low", "high"]).rename_axis("supposed")


def customer_columns(
    customers: pd.DataFrame, best: pd.DataFrame, chosen: pd.DataFrame, groups: pd.Series, allowed: pd.DataFrame
) -> pd.DataFrame:
    """Columns of the plan for every customer, index customer_id.

    `value_at_stake` (currency); `best_lever`, "none" where nothing is allowed or worth its cost; `allowed_by`, the ways
    in which consent lets the customer be reached (of `reach`; "none"); `plan_group` ("contact", "control" or "none").
    Of the planned action, for those to contact: `planned_treatment` ("none" for the others), `planned_cost`,
    `expected_gain`, `gain_low`, `gain_high` (currency, before cost; 0 for the others).
    """
    plan = contacted(chosen, groups).set_index("customer_id")
    frame = customers[["at_stake"]].set_axis(["value_at_stake"], axis=1)
    powers = np.arange(allowed.shape[1])
    frame["best_lever"] = best["lever"].reindex(frame.index).fillna(message("none"))
    ways, of_each = np.unique(allowed.reindex(frame.index).to_numpy(dtype=bool) @ (1 << powers), return_inverse=True)
    named = [", ".join(allowed.columns[way >> powers & 1 > 0]) or "none" for way in ways]
    frame["allowed_by"] = np.array(named, dtype=object)[of_each]
    drawn = groups.reindex(chosen["customer_id"])
    frame["plan_group"] = drawn.reindex(frame.index).fillna("none")
    frame["planned_treatment"] = plan["treatment"].reindex(frame.index).fillna("none")
    money = {"cost": "planned_cost", "gain": "expected_gain", "gain_low": "gain_low", "gain_high": "gain_high"}
    planned = plan[list(money)].rename(columns=money).reindex(frame.index).fillna(0.0)
    return frame.join(planned).rename_axis("customer_id")


def action_list(chosen: pd.DataFrame, groups: pd.Series, customers: pd.DataFrame, about: pd.DataFrame) -> pd.DataFrame:
    """The plan as a list that people can read, largest net gain first; index customer_id.

    `group` ("contact" or "control": to be left alone), `action` (lever), `how` (treatment), the columns of `about`
    (further facts by customer), `cost`, `expected_gain`, `gain_low`, `gain_high` (currency, before cost),
    `days_silent`, `purchases`, `why` (the lever's rule) and `effect_from` (assumption or test).
    """
    plan = chosen.set_index("customer_id")
    known = customers.reindex(plan.index)
    frame = pd.DataFrame({"group": groups.reindex(plan.index), "action": plan["lever"], "how": plan["treatment"]})
    frame = frame.join(about.reindex(plan.index).convert_dtypes())  # hours stay whole where some are missing
    money = {"cost": "cost", "gain": "expected_gain", "gain_low": "gain_low", "gain_high": "gain_high"}
    frame = frame.join(plan[list(money)].rename(columns=money).round(2))
    frame["days_silent"], frame["purchases"] = known["days_since_last_order"].astype(int), known["purchases"]
    frame["why"] = plan["lever"].map({lever: who for lever, (who, _) in LEVERS.items()})
    return frame.assign(effect_from=plan["origin"])


def long_form(listed: pd.DataFrame) -> pd.DataFrame:
    """The list with one number a row, as a visual tool reads it: customer_id, group, action, how, measure, value."""
    numbers = ["cost", "expected_gain", "gain_low", "gain_high", "days_silent", "purchases"]
    long = listed.reset_index().melt(["customer_id", "group", "action", "how"], numbers, "measure", "value")
    return long.sort_values(["customer_id", "measure"], ignore_index=True)


def as_experiments(listed: pd.DataFrame, day: pd.Timestamp) -> pd.DataFrame:
    """The plan as a table of experiments, which a later run reads as any other (notebook 06); index customer_id.

    listed: `group` and `action` by customer, from `action_list`; day: the last one that the plan knew. Each lever is
    an experiment of its own, as the share left alone may differ from lever to lever. `experiment` (the lever and the
    day), `variant` (the lever for those to contact, "control" for those left alone), `date` (the day after `day`: the
    first one that the contact can have changed). All three are empty for a lever that was not split.

    >>> listed = pd.DataFrame({"group": ["contact", "control", "contact"], "action": ["keep", "keep", "referral"]},
    ...                       index=pd.Index(["anne", "bert", "carl"], name="customer_id"))
    >>> as_experiments(listed, pd.Timestamp("2026-06-30"))
                      experiment  variant       date
    customer_id
    anne         keep 2026-06-30     keep 2026-07-01
    bert         keep 2026-06-30  control 2026-07-01
    carl                     NaN      NaN        NaT
    """
    split = listed.groupby("action")["group"].transform("nunique") == 2
    frame = pd.DataFrame({"experiment": listed["action"] + f" {day:%Y-%m-%d}"})
    frame["variant"] = listed["action"].where(listed["group"] == CONTACT, CONTROL)
    frame["date"] = day.normalize() + pd.Timedelta(days=1)
    return frame.where(split)
