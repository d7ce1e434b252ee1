"""All tables → the stage that every customer has reached, by stated rules; how many get on, how fast, who is silent.

Seven stages (McClure 2007's "pirate metrics", with awareness before and advocacy after). The first three follow each
other; the other four branch off the first purchase. A stage once reached is never taken back; whether somebody is still
there is another question (`status`).
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from clvlib import aggregate
from clvlib.aggregate import acquisition, clock, journeys
from clvlib.language import message
from clvlib.models.silence import plan_window, silence_curve
from clvlib.stats import LEAST
from clvlib.value.kpis import PROMOTER

if TYPE_CHECKING:
    from clvlib.dataset import Dataset

_DIGITS = 6


@dataclass(frozen=True)
class Rule:
    """A stage's rule in words, the stage that it comes after, and what the dataset must have.

    >>> STAGES["referral"].comes_after, STAGES["referral"].needs
    ('activation', 'customers: referred_by')
    """

    rule: str
    comes_after: str
    needs: str
    given: Callable[["Dataset"], bool]


def _has_column(column: str) -> Callable[["Dataset"], bool]:
    return lambda ds: ds.has("customers") and column in ds.table("customers").columns


def _has_cost(ds: "Dataset") -> bool:
    return ds.economics.acquisition_cost is not None or _has_column("acquisition_cost")(ds)


STAGES = {
    message("awareness"): Rule(
        "first trace of them: a contact, the sign-up or a purchase, whichever came first",
        "",
        "touchpoints",
        lambda ds: ds.has("touchpoints"),
    ),
    message("acquisition"): Rule(
        "they signed up (at the latest with the first purchase)",
        "awareness",
        "customers: acquired_on",
        _has_column("acquired_on"),
    ),
    message("activation"): Rule("first purchase", "acquisition", "transactions", lambda ds: True),
    message("revenue"): Rule(
        "the margin so far, before serving, has paid back what it cost to win them (shares leave out who cost nothing)",
        "activation",
        "customers: acquisition_cost (or the card's)",
        _has_cost,
    ),
    message("retention"): Rule("second purchase, on another day", "activation", "transactions", lambda ds: True),
    message("referral"): Rule(
        "somebody who names them as referrer has signed up",
        "activation",
        "customers: referred_by",
        _has_column("referred_by"),
    ),
    message("advocacy"): Rule(
        "they answered 9 or 10 when asked (only those who were asked and answered count)",
        "activation",
        "surveys",
        lambda ds: ds.has("surveys"),
    ),
}


def stage_rules(ds: "Dataset") -> pd.DataFrame:
    """The rules as a table, indexed by stage: rule, comes_after, needs, and here (bool: can this dataset tell?).

    >>> stage_rules(sample)[["comes_after", "needs", "here"]].tail(3)
              comes_after                   needs   here
    stage
    retention  activation            transactions   True
    referral   activation  customers: referred_by  False
    advocacy   activation                 surveys  False
    """
    rows = {name: (r.rule, r.comes_after or "–", r.needs, r.given(ds)) for name, r in STAGES.items()}
    frame = pd.DataFrame.from_dict(rows, orient="index", columns=["rule", "comes_after", "needs", "here"])
    return frame.rename_axis("stage")


@dataclass(frozen=True)
class Journey:
    """When each customer reached each stage, up to `as_of`.

    dates: indexed by customer_id, one datetime column per stage that the dataset can tell, NaT where not reached.
    seen_until: same shape, the last day on which reaching the stage could have been noticed; NaT where it never could
    (nobody asked, no cost known, or nothing to pay back). last_sign: the last purchase; before the first one the last
    reaction to a contact.

    >>> ways = journey(sample)
    >>> ways.stages, ways.way("retention")
    (['activation', 'retention'], ['retention'])
    >>> ways.dates.loc["0001"].dt.date.astype(str).tolist()
    ['1997-01-01', '1997-01-18']
    """

    as_of: pd.Timestamp
    starts: pd.Timestamp
    dates: pd.DataFrame
    seen_until: pd.DataFrame
    last_sign: pd.Series

    @property
    def stages(self) -> list[str]:
        """The stages that the dataset can tell, in their order."""
        return [str(name) for name in self.dates]

    def before(self, stage: str) -> str | None:
        """The stage that `stage` comes after, among those told here; None for the first."""
        earlier = STAGES[stage].comes_after
        while earlier and earlier not in self.dates:
            earlier = STAGES[earlier].comes_after
        return earlier or None

    def way(self, stage: str) -> list[str]:
        """The steps that lead to `stage`, itself the last; the stage where the way begins is none."""
        before = self.before(stage)
        return [*self.way(before), stage] if before else []


def journey(ds: "Dataset") -> Journey:
    """Date every stage of every customer that the tables know of by the as-of date.

    >>> journey(sample).dates.head(2)
                activation  retention
    customer_id
    0001        1997-01-01 1997-01-18
    0002        1997-01-01 1997-01-13
    """
    told = [name for name, rule in STAGES.items() if rule.given(ds)]
    rfm = ds.rfm_summary()
    people = ds.customers() if ds.has("customers") else pd.DataFrame(index=rfm.index)
    touched = journeys.touches(ds.table("touchpoints"), ds.as_of) if ds.has("touchpoints") else pd.DataFrame()
    everyone = rfm.index.union(people.index).union(touched.index).rename("customer_id")
    nothing = pd.Series(pd.NaT, index=everyone, dtype="datetime64[us]")

    def column(frame: pd.DataFrame, name: str) -> pd.Series:
        if name not in frame:
            return nothing
        values = frame[name].reindex(everyone).astype("datetime64[us]").dt.normalize()
        return values.where(values <= ds.as_of)

    bought = column(rfm, "first_purchase")
    signed = _earliest(column(people, "acquired_on"), bought)
    dates = {
        "awareness": _earliest(column(touched, "first_touch"), signed),
        "acquisition": signed,
        "activation": bought,
        "retention": aggregate.came_back(ds.transactions, ds.as_of).reindex(everyone),
    }
    seen_until = {name: nothing.fillna(ds.as_of) for name in STAGES}
    if "revenue" in told:
        cost = acquisition.cost_of(ds, rfm.index)
        dates["revenue"] = _paid_back(ds, rfm["first_purchase"], cost).reindex(everyone)
        seen_until["revenue"] = seen_until["revenue"].where(cost.reindex(everyone) > 0)
    if "referral" in told:
        won = pd.DataFrame({"by": people["referred_by"].reindex(everyone), "on": signed}).dropna()
        dates["referral"] = won.groupby("by")["on"].min().reindex(everyone)
    if "advocacy" in told:
        said = journeys.survey_answers(ds.table("surveys"), ds.as_of)
        dates["advocacy"] = said[said["score"] >= PROMOTER].groupby("customer_id")["date"].min().reindex(everyone)
        seen_until["advocacy"] = said.groupby("customer_id")["date"].max().reindex(everyone)
    frame = pd.DataFrame({name: dates[name].astype("datetime64[us]") for name in told}, index=everyone)
    frame = frame[frame.notna().any(axis=1)]
    seen = pd.DataFrame({name: seen_until[name].astype("datetime64[us]") for name in told}).loc[frame.index]
    sign = column(rfm, "last_purchase").fillna(
        pd.concat([column(touched, "last_reaction"), signed], axis=1).max(axis=1)
    )
    return Journey(ds.as_of, ds.starts, frame, seen, sign.loc[frame.index].fillna(frame.min(axis=1)))


def _earliest(*dates: pd.Series) -> pd.Series:
    return pd.concat(dates, axis=1).min(axis=1).astype("datetime64[us]")


def _paid_back(ds: "Dataset", first: pd.Series, cost: pd.Series) -> pd.Series:
    """The day on which a customer's margins since the first purchase, before the cost of serving, reach the cost."""
    clocked = clock.on_one_clock(ds.transactions, first, ds.as_of)
    longest = (ds.as_of - ds.starts).days
    left = clock.money_around(clocked, 0, longest, ds.economics.margin, every=1)["contribution"]
    total = left.groupby("customer_id").cumsum().round(_DIGITS)
    target = cost.reindex(total.index.get_level_values("customer_id")).to_numpy()
    reached = total[total.to_numpy() >= target].reset_index("step").groupby("customer_id")["step"].min()
    return (first.reindex(reached.index) + pd.to_timedelta(reached, unit="D")).reindex(first.index)


def silence_window(ds: "Dataset") -> int:
    """Days after which a customer counts as silent: the window of `silence.plan_window`, as in the notebook on churn.

    Raises NotEnoughData when nobody ever came back, or the history is too short.

    >>> silence_window(sample)
    181
    """
    silences = ds.rfm_summary()["days_since_last_order"].astype("int64")
    curve = silence_curve(aggregate.gaps(ds.transactions, ds.as_of), silences)
    return plan_window(curve, ds.starts, ds.as_of).window_days


def today(journey: Journey, silent_after: int) -> pd.DataFrame:
    """Where every customer stands, indexed by customer_id.

    Columns: stage (the last in the order of STAGES that was reached), since (datetime), status ("silent" when the last
    sign of life, a purchase or before any purchase a reaction, is more than `silent_after` days old, else "active") and
    days_since_sign.

    >>> today(journey(sample), silent_after=182).head(3)
                      stage      since  status  days_since_sign
    customer_id
    0001          retention 1997-01-18  silent              200
    0002          retention 1997-01-13  silent              533
    0003         activation 1997-01-01  silent              545
    """
    reached = journey.dates.notna().to_numpy()
    last = reached.shape[1] - 1 - reached[:, ::-1].argmax(axis=1)
    stages = journey.dates.columns.to_numpy()[last]
    since = journey.dates.to_numpy()[np.arange(len(last)), last]
    silent = (journey.as_of - journey.last_sign).dt.days
    return pd.DataFrame(
        {
            "stage": stages,
            "since": since,
            "status": np.where(silent > silent_after, message("silent"), message("active")),
            "days_since_sign": silent,
        },
        index=journey.dates.index,
    )


def where_silent(standing: pd.DataFrame, ahead: pd.DataFrame | None = None) -> pd.DataFrame:
    """By stage, in their order: customers, active, silent, silent_share.

    With `ahead` (of `scoring.score`: p_purchase, clv; a customer without counts 0) also `buying`
    (customers expected to buy at least once within the horizon), and the value of the active, the silent and both:
    value_active, value_silent, value_ahead. What would tell of fewer than 5 customers is NaN: the share and the sums of
    so small a stage, and both parts where one of them is so small.

    >>> where_silent(today(journey(sample), silent_after=182)).round(2)
                customers  active  silent  silent_share
    stage
    activation       1210       0    1210          1.00
    retention        1139     517     622          0.55
    """
    silent, groups = standing["status"] == "silent", standing["stage"]
    sizes = groups.value_counts()
    columns = {"customers": sizes, "silent": silent.groupby(groups).sum()}
    if ahead is not None:
        known = ahead.reindex(standing.index).fillna(0.0)
        columns["buying"] = known["p_purchase"].groupby(groups).sum()
        columns["value_active"] = known["clv"].where(~silent, 0.0).groupby(groups).sum()
        columns["value_silent"] = known["clv"].where(silent, 0.0).groupby(groups).sum()
        columns["value_ahead"] = known["clv"].groupby(groups).sum()
    frame = pd.DataFrame(columns).reindex([name for name in STAGES if name in sizes.index])
    frame.insert(1, "active", frame["customers"] - frame["silent"])
    few = frame[["customers", "active", "silent"]].apply(lambda n: n.between(1, LEAST - 1))
    frame.insert(3, "silent_share", (frame["silent"] / frame["customers"]).mask(few["customers"]))
    if ahead is not None:
        parts = ["value_active", "value_silent"]
        frame[parts] = frame[parts].mask(few["active"] | few["silent"])
        frame[["buying", "value_ahead"]] = frame[["buying", "value_ahead"]].mask(few["customers"])
    return frame.rename_axis("stage")


def never_signed_up(journey: Journey) -> int:
    """How many people are known by a trace only: those of the aware who have not signed up (or bought).

    >>> seen = pd.to_datetime(pd.Series(["2024-01-01", "2024-02-01"]))
    >>> dates = pd.DataFrame({"awareness": seen, "acquisition": seen.where([True, False])})
    >>> never_signed_up(Journey(seen[1], seen[0], dates, dates, seen))
    1
    """
    if "awareness" not in journey.dates:
        return 0
    later = journey.dates.drop(columns="awareness")
    return int((journey.dates["awareness"].notna() & later.isna().all(axis=1)).sum())


def against_truth(standing: pd.DataFrame, active: pd.Series) -> dict[str, float]:
    """Hold `status` of the buyers against the truth of a simulated shop (`active`: customer_id → bool, still there).

    Gives silent and active (buyers so called), gone and gone_too (share of each who have really left).

    >>> status = ["active", "active", "silent", "silent"]
    >>> standing = pd.DataFrame({"stage": "retention", "status": status}, index=list("abcd"))
    >>> against_truth(standing, pd.Series([True, True, True, False], list("abcd")))
    {'silent': 2, 'active': 2, 'gone': 0.5, 'gone_too': 0.0}
    """
    bought = standing[standing["stage"].isin(list(STAGES)[list(STAGES).index("activation") :])]
    really = ~active.reindex(bought.index).dropna().astype(bool)
    called = bought["status"].reindex(really.index) == "silent"
    return {
        "silent": int(called.sum()),
        "active": int((~called).sum()),
        "gone": float(really[called].mean()),
        "gone_too": float(really[~called].mean()),
    }
