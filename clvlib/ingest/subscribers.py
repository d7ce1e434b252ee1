"""The table of subscriptions → subscribers counted by plan, tenure and whether they left, as known on a given day.

Two shapes are understood. One row per subscriber: `tenure` (full periods paid) and `churned` (yes: did not renew after
them). Or one row per `period` of a cohort with its `survivors`, period 0 being the start; a cohort is those of one
`plan` and one `started_on`, where these are given. How long a period is stands on the card, never in the file.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import duckdb
import ibis
import numpy as np
import pandas as pd

from clvlib.errors import DataError, Problem, Rows
from clvlib.ingest.raw import rows
from clvlib.ingest.rules import TOO_MANY
from clvlib.language import message, phrase

PERIODS = {"week": 365.25 / 7, "month": 12.0, "quarter": 4.0, "year": 1.0}  # how many of them a year has
SHAPES = (("tenure", "churned"), ("period", "survivors"))
COHORT = ("plan", "started_on")


@dataclass(frozen=True)
class Terms:
    """What the card says of its subscriptions: how long a `period` is, and who has `left`.

    `left`: "ever" (the file holds everyone who ever subscribed) or "last" (only who was subscribed when the last period
    began, `churned` saying who left in it).
    """

    period: str
    left: str = "ever"
    stated: bool = False  # whether the card says who has left, or "ever" is an assumption

    @property
    def periods_per_year(self) -> float:
        """How many periods a year has."""
        return PERIODS[self.period]


def terms(options: dict[str, Any]) -> Terms:
    """The terms that the section [subscriptions] states. DataError when the period isn't said, or a word is unknown."""
    listed = ", ".join(f'period = "{word}"' for word in PERIODS)
    if options.get("period") not in PERIODS:
        what = phrase(
            "The period of the subscriptions can't be told: "
            "{said:period = {period!r} is unknown|it isn't said how long it is}.",
            said="period" in options,
            period=options.get("period"),
        )
        raise DataError(what, phrase("Write one of {these}.", these=listed))
    found = Terms(options["period"], options.get("left", "ever"), "left" in options)
    if found.left not in ("ever", "last"):
        raise DataError(
            phrase("left = {left!r} is unknown.", left=found.left),
            'Write left = "ever" (everyone who ever subscribed is in the file) or left = "last" (only those of the '
            "last period).",
        )
    return found


def shape(given: Collection[str]) -> tuple[str, str] | None:
    """The pair of columns by which a table with these columns tells its subscribers; None when it has neither."""
    return next((pair for pair in SHAPES if set(pair) <= set(given)), None)


def one_shape(given: dict[str, Any], columns: list[str], cohorts: bool) -> dict[str, Any]:
    """The given columns (canonical → the file's) of the one shape in which a file tells its subscribers.

    `cohorts`: whether cohorts may be told. Raises DataError when it has neither shape.
    """
    found = shape(given)
    if found is None:
        raise DataError(
            phrase(
                "The subscribers can't be told: it takes tenure and churned (one row per subscriber), or period and "
                "survivors (one row per period). The file has: {columns}.",
                columns=", ".join(columns),
            ),
            'Say which is which in [subscriptions] of the card, columns = { tenure = "…", churned = "…" }.',
        )
    if found == SHAPES[1] and not cohorts:
        raise DataError("left says who is in a list of subscribers, and cohorts are whole.", "Delete it from the card.")
    other = SHAPES[1] if found == SHAPES[0] else (*SHAPES[0], "customer_id")
    return {target: source for target, source in given.items() if target not in other}


def broken_cohorts(connection: duckdb.DuckDBPyConnection) -> list[Problem]:
    """Cohorts of the table `subscriptions` whose periods have gaps or whose survivors rise: errors, all of them."""
    columns = [row[0] for row in rows(connection, "DESCRIBE subscriptions")]
    if "survivors" not in columns:
        return []
    by = ", ".join(column for column in COHORT if column in columns) or "'all'"
    name = f"concat_ws(' ', {', '.join(f'{part}::VARCHAR' for part in by.split(', '))})"
    gaps = rows(
        connection,
        f"SELECT {name}, count(*), min(period), max(period) FROM subscriptions GROUP BY {by}, {name} "
        "HAVING min(period) <> 0 OR max(period) + 1 <> count(*) OR count(DISTINCT period) <> count(*) ORDER BY 1",
    )
    before = f"lag(survivors) OVER (PARTITION BY {by} ORDER BY period)"
    rises = rows(
        connection,
        f"SELECT {name}, period, before, survivors FROM (SELECT *, {before} AS before FROM subscriptions) "
        "WHERE survivors > before ORDER BY 1, 2",
    )
    found = []
    if gaps:
        examples = tuple(
            phrase("{cohort}: {n} row(s), from {low:g} to {high:g}", cohort=one, n=count, low=low, high=high)
            for one, count, low, high in gaps[:3]
        )
        what = phrase(
            "the periods of {n:,} cohort(s) don't run from 0 (the start) without a gap or a double", n=len(gaps)
        )
        mend = message(
            "Give each cohort one row for every period, and name its plan or started_on where there are several."
        )
        found.append(Problem("error", "subscriptions", what, len(gaps), examples, mend))
    elif rises:
        examples = tuple(
            phrase("{cohort}, period {at:g}: {low:g} after {high:g}", cohort=one, at=at, low=low, high=high)
            for one, at, high, low in rises[:3]
        )
        what = phrase("survivors rise in {n:,} row(s), and nobody can come back to a cohort", n=len(rises))
        mend = message("Count those who started together; map plan or started_on where the file holds several cohorts.")
        found.append(Problem("error", "subscriptions", what, len(rises), examples, mend))
    return found


@ibis.udf.scalar.builtin
def datesub(part: str, start: datetime, end: datetime) -> int:  # type: ignore[empty-body]
    """Whole periods from `start` to `end`: DuckDB's function of that name."""


def as_known(table: ibis.Table, end: pd.Timestamp, period: str) -> tuple[ibis.Table, list[Problem]]:
    """The subscriptions as they stood on the day `end`, as far as `started_on` tells, and what there is to say of it.

    Who started later isn't there yet; who has paid more periods than had then gone by was still there. Rows without
    a `started_on` are taken as the file has them.
    """
    if "started_on" not in table.columns:
        return table, []
    start = table["started_on"].cast("date").cast("timestamp")
    there = start.isnull() | (start <= end)
    whole = datesub(period, start, ibis.literal(end.to_pydatetime()))
    survivors = "survivors" in table.columns
    later = (table["period"] if survivors else table["tenure"]) > whole
    facts = table.aggregate(absent=(~there).sum(), cut=(there & later).sum()).to_pandas().fillna(0).astype(int).iloc[0]
    found = [] if survivors else _odd_periods(table, end, period)
    if facts["absent"]:
        what = phrase("{n:,} row(s) started after the as-of date {end:%Y-%m-%d}", n=facts["absent"], end=end)
        found.append(Problem("note", "subscriptions", what, Rows(facts["absent"]), (), "They are not used."))
    if facts["cut"]:
        what = phrase(
            "{n:,} row(s) tell of periods that ended after the as-of date {end:%Y-%m-%d}", n=facts["cut"], end=end
        )
        mend = message(
            "They are not used." if survivors else "They are taken as they stood: still there, fewer periods paid."
        )
        found.append(Problem("note", "subscriptions", what, Rows(facts["cut"]), (), mend))
    if survivors:
        return table.filter(there & ~later.fill_null(False)), found
    late = later.fill_null(False)
    cut = {"tenure": late.ifelse(whole, table["tenure"]), "churned": late.ifelse("no", table["churned"])}
    return table.mutate(**cut).filter(there), found


def _odd_periods(table: ibis.Table, end: pd.Timestamp, period: str) -> list[Problem]:
    """Tenures that the calendar contradicts: the period on the card is probably not that of the file."""
    start = table["started_on"].cast("date").cast("timestamp")
    today = ibis.literal(pd.Timestamp.now().to_pydatetime())
    more = table["tenure"] > datesub(period, start, today) + 1
    staying = (table["churned"] == "no") & start.notnull() & (start <= end)
    fewer = staying & (table["tenure"] < datesub(period, start, ibis.literal(end.to_pydatetime())) / 2 - 1)
    counts = table.aggregate(dated=start.count(), more=more.sum(), staying=staying.sum(), fewer=fewer.sum())
    facts = counts.to_pandas().fillna(0).astype(int).iloc[0]
    found = []
    if facts["more"]:
        what = phrase(
            "{n:,} subscriber(s) have paid more {at:weeks|months|quarters|years} than have gone by since they started",
            n=facts["more"],
            at=list(PERIODS).index(period),
        )
        mend = phrase("Check period = {period!r}, tenure (full periods paid) and started_on.", period=period)
        grade = "error" if facts["more"] > TOO_MANY * facts["dated"] else "warning"
        found.append(Problem(grade, "subscriptions", what, int(facts["more"]), (), mend))  # type: ignore[arg-type]
    if facts["fewer"] > facts["staying"] / 2:
        what = phrase(
            "{n:,} of {staying:,} subscriber(s) still there have paid less than half of the "
            "{at:weeks|months|quarters|years} since they started",
            n=facts["fewer"],
            staying=facts["staying"],
            at=list(PERIODS).index(period),
        )
        mend = phrase(
            "Check period = {period!r}, and that the file is as recent as the as-of date {end:%Y-%m-%d}.",
            period=period,
            end=end,
        )
        found.append(Problem("warning", "subscriptions", what, int(facts["fewer"]), (), mend))
    return found


def periods_counted(table: ibis.Table) -> pd.DataFrame:
    """Subscribers of either shape, counted: one row per plan, tenure and whether they left.

    Columns: plan ("all" without any, "unknown" where empty), tenure (full periods paid, or renewals seen), churned
    (bool), customers (how many), price (their mean price of one period; NaN where the table gives none).
    """
    absent = {"plan": ibis.literal("all"), "price": ibis.null("float64")}
    table = table.mutate(**{name: value for name, value in absent.items() if name not in table.columns})
    table = table.mutate(plan=table["plan"].fill_null("unknown"))
    keys = ["plan", "tenure", "churned"]
    if "survivors" not in table.columns:
        counts = table.group_by(keys).agg(customers=table.count(), price=table["price"].mean()).to_pandas()
        counts["churned"] = counts["churned"] == "yes"
    else:
        counts = _from_survivors(table.to_pandas())
    return counts.astype({"tenure": "int64", "customers": "int64"}).sort_values(keys, ignore_index=True)


def _from_survivors(rows: pd.DataFrame) -> pd.DataFrame:
    """Cohorts' survivors → those lost after each period, and those still there after the last one."""
    by = [column for column in COHORT if column in rows]
    rows = rows.sort_values([*by, "period"])
    before = rows.groupby(by, dropna=False)["survivors"].shift()
    last = rows.groupby(by, dropna=False)["period"].transform("max") == rows["period"]
    lost = rows.assign(churned=True, customers=before - rows["survivors"])[before.notna()]
    both = pd.concat([lost, rows.assign(churned=False, customers=rows["survivors"])[last]])
    both = both[both["customers"] > 0].rename(columns={"period": "tenure"})
    price = both["price"].astype("float64")
    both = both.assign(paid=price * both["customers"], priced=both["customers"].where(price.notna()))
    sums = both.groupby(["plan", "tenure", "churned"], as_index=False)[["customers", "paid", "priced"]].sum()
    return sums.assign(price=sums["paid"] / sums["priced"]).drop(columns=["paid", "priced"])


def first_start(table: ibis.Table) -> pd.Timestamp | None:
    """The day on which the first subscription began; None when no start is given."""
    day = table["started_on"].min().to_pandas() if "started_on" in table.columns else None
    return None if pd.isna(day) else pd.Timestamp(day).normalize()


def mean_price(counts: pd.DataFrame) -> float | None:
    """Mean price of one period of those still there (of all, when nobody is); None when no price is known."""
    priced = counts[counts["price"].notna()]
    staying = priced[~priced["churned"]]
    chosen = staying if len(staying) else priced
    return float(np.average(chosen["price"], weights=chosen["customers"])) if len(chosen) else None
