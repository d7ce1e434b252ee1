"""The dates of `stages` → how many take each step from stage to stage, how fast, and in which groups of customers."""

import numpy as np
import pandas as pd

from clvlib import aggregate
from clvlib.errors import NotEnoughData
from clvlib.language import phrase
from clvlib.models.silence import silence_curve
from clvlib.stats import LEAST, shares_differ
from clvlib.value.kpis import chance_of_difference
from clvlib.value.stages import Journey

WITHIN = (30, 90, 365)


def conversion(journey: Journey) -> pd.DataFrame:
    """Stage by stage: came_from, could (customers of the stage before who could have been noticed reaching this one),
    reached (of them), share (reached / could) and share_of_all (of everybody known). Indexed by stage.

    Customers who came lately have had little time: `times` is fair to them.

    >>> from clvlib.value.stages import journey
    >>> conversion(journey(sample)).round(2)
                 came_from  could  reached  share  share_of_all
    stage
    activation           –   2349     2349   1.00          1.00
    retention   activation   2349     1139   0.48          0.48
    """
    rows = {}
    for stage in journey.stages:
        before = journey.before(stage)
        could = journey.seen_until[stage].notna()
        if before is not None:
            could &= journey.dates[before].notna()
        reached = int((journey.dates[stage].notna() & could).sum())
        share = reached / could.sum() if could.any() else np.nan
        rows[stage] = (before or "–", int(could.sum()), reached, share, reached / len(could))
    columns = ["came_from", "could", "reached", "share", "share_of_all"]
    return pd.DataFrame.from_dict(rows, orient="index", columns=columns).rename_axis("stage")


def durations(journey: Journey, stage: str) -> pd.DataFrame:
    """Days from the stage before to `stage` (0 or more): columns days and reached (bool; if not, days waited so far).

    Indexed by customer_id. Left out: customers who came to the stage before ahead of the first day observed.

    >>> from clvlib.value.stages import journey
    >>> durations(journey(sample), "retention").head(3)
                 days  reached
    customer_id
    0001           17     True
    0002           12     True
    0003          545    False
    """
    before = journey.before(stage)
    start = journey.dates[before] if before else journey.dates[stage]
    until = journey.seen_until[stage]
    known = start.notna() & until.notna() & (start >= journey.starts)
    reached = journey.dates.loc[known, stage].notna()
    end = journey.dates.loc[known, stage].fillna(until[known])
    days = (end - start[known]).dt.days.clip(lower=0).astype("int64")
    return pd.DataFrame({"days": days, "reached": reached})


def times(journey: Journey, within: tuple[int, ...] = WITHIN) -> pd.DataFrame:
    """How long a stage takes, counting fairly those who have not reached it yet (Kaplan & Meier 1958).

    One row per stage with one before it: customers; reached; within_30 … (share expected to reach it within so many
    days, were all seen that long; NaN where nobody was); median_days (by when half have; NaN where fewer than half
    ever do, as far as can be seen); median_of_reached (days, of those who did, if 5 or more: what one sees by looking
    only at them).

    >>> from clvlib.value.stages import journey
    >>> times(journey(sample)).round(2).T
    stage              retention
    customers            2349.00
    reached              1139.00
    within_30               0.17
    within_90               0.29
    within_365              0.46
    median_days              NaN
    median_of_reached      55.00
    """
    rows = {}
    for stage in journey.stages:
        if journey.before(stage) is None:
            continue
        waited = durations(journey, stage)
        did = waited.loc[waited["reached"], "days"]
        not_yet = waiting(waited)
        shares = [_share_by(not_yet, days) for days in within]
        halfway = not_yet.index[not_yet.to_numpy() <= 0.5]
        median = float(halfway[0]) if len(halfway) else np.nan
        own = float(did.median()) if len(did) >= LEAST else np.nan
        rows[stage] = (len(waited), len(did), *shares, median, own)
    columns = ["customers", "reached", *(f"within_{d}" for d in within), "median_days", "median_of_reached"]
    return pd.DataFrame.from_dict(rows, orient="index", columns=columns).rename_axis("stage")


def _share_by(not_yet: pd.Series, days: int) -> float:
    everybody = len(not_yet) > 0 and not_yet.iloc[-1] == 0
    return 1 - float(not_yet[days]) if days in not_yet.index else 1.0 if everybody else np.nan


def waiting(waited: pd.DataFrame) -> pd.Series:
    """Share not there yet after 0, 1, 2 … days (Kaplan & Meier 1958) from `durations`, up to the longest wait seen.

    >>> waiting(pd.DataFrame({"days": [1, 2, 2, 3], "reached": [True, True, False, True]})).round(2).tolist()
    [1.0, 0.75, 0.5, 0.0]
    """
    if not len(waited):
        return pd.Series(dtype=float)
    if not waited["reached"].any():
        return pd.Series(1.0, index=range(int(waited["days"].max()) + 1))
    did = waited.loc[waited["reached"], "days"].value_counts()
    return silence_curve(did, waited.loc[~waited["reached"], "days"])["still_silent"]


def speed_by_group(journey: Journey, groups: pd.Series, days: int = 90) -> pd.DataFrame:
    """How many get on within `days` of the stage before, by group (customer_id → name), among those seen that long.

    Indexed by group: customers (known at all), then one column per stage with one before it (share of 1; NaN where
    fewer than 5 of the group could have). Raises NotEnoughData when that is so everywhere.

    >>> from clvlib.value.stages import journey
    >>> months = rfm["first_purchase"].dt.strftime("%Y-%m")
    >>> speed_by_group(journey(sample), months, days=90).round(2)
             customers  retention
    group
    1997-01        777       0.30
    1997-02        854       0.30
    1997-03        718       0.27
    """
    names = aggregate.group_names(groups, journey.dates.index)
    frame = names.value_counts().rename("customers").to_frame()
    for stage, done in _done_within(journey, days).items():
        parts = done.groupby(names.reindex(done.index))
        frame[stage] = parts.mean().where(parts.size() >= LEAST)
    if frame.drop(columns="customers").isna().all(axis=None):
        raise NotEnoughData(
            phrase("No group has {least} customers who were watched for {days} days.", least=LEAST, days=days),
            "Bring a longer history or more customers.",
        )
    return frame.rename_axis("group").sort_index()


def _done_within(journey: Journey, days: int) -> dict[str, pd.Series]:
    """By stage with one before it: who of those seen for `days` reached it within them (customer_id → bool)."""
    found = {}
    for stage in journey.stages:
        before = journey.before(stage)
        if before is None or stage == "advocacy":  # when somebody is asked is the shop's choice
            continue
        waited = durations(journey, stage)
        waiting_for = (journey.as_of - journey.dates[before].reindex(waited.index)).dt.days
        long = waited[waiting_for >= days]
        found[stage] = long["reached"] & (long["days"] <= days)
    return found


def groups_differ(journey: Journey, groups: pd.Series, days: int = 90) -> pd.Series:
    """By stage: chance of shares as different as those of `speed_by_group` if all groups were alike.

    Chi-square test of independence, times the number of stages looked at (Bonferroni), at most 1; 1 where there are no
    two groups of 5, or all did the same.

    >>> from clvlib.value.stages import journey
    >>> first = rfm["first_purchase"].dt.strftime("%Y-%m")
    >>> groups_differ(journey(sample), first).round(3)
    stage
    retention    0.325
    Name: chance, dtype: float64
    """
    chances = {}
    for stage, done in _done_within(journey, days).items():
        try:
            chances[stage] = chance_of_difference(groups, done)
        except NotEnoughData:
            chances[stage] = 1.0
    return (pd.Series(chances, dtype=float) * len(chances)).clip(upper=1.0).rename_axis("stage").rename("chance")


def narrowest(steps: pd.DataFrame, way: list[str]) -> dict[str, object]:
    """The narrowest step of `way` (stages of `conversion`): stage, came_from, share, and which, how surely it is that.

    which: 0 where one step shows, 1 where its share is below that of the next beyond noise, else 2. Raises
    NotEnoughData where no share is known.

    >>> steps = pd.DataFrame({"came_from": ["acquisition", "activation"], "could": [1000, 600], "reached": [600, 150]})
    >>> steps = steps.assign(share=[0.6, 0.25]).set_axis(["activation", "retention"])
    >>> found = narrowest(steps, ["activation", "retention"])
    >>> found["stage"], found["which"]
    ('retention', 1)
    """
    known = steps.loc[way].dropna(subset="share").sort_values("share", kind="stable")
    if known.empty:
        raise NotEnoughData("Too few customers could take a step to a second purchase.", "Bring more customers.")
    which = 0
    if len(known) > 1:
        reached, could = known["reached"].astype(float), known["could"].astype(float)
        sure = shares_differ(reached.iloc[0], could.iloc[0], reached.iloc[1], could.iloc[1])
        which = 1 if sure else 2
    first = known.iloc[0]
    return {"stage": first.name, "came_from": first["came_from"], "share": first["share"], "which": which}
