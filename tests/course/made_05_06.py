"""What notebooks 05 to 06b give their exercises and questions, made as they make it."""

from collections.abc import Callable
from typing import Any

import pandas as pd

from clvlib.actions import preferences
from clvlib.aggregate import acquisition, journeys
from clvlib.causes import adoption, attribution, channels, experiments, planning, sequential, trial, uplift, verdict
from clvlib.dataset import Dataset
from clvlib.value import next_customer, payback
from tests.course.once import once

KNOWN_BEFORE = list(experiments.KNOWN_BEFORE)


@once
def known(ds: Dataset) -> pd.DataFrame:
    return channels.people(ds)


def by_chance(ds: Dataset) -> pd.Series:
    chance = channels.shuffled(ds, known(ds))
    return channels.means_by_group(known(ds), channels.name_number(chance))["revenue"]


@once
def study(ds: Dataset) -> tuple[Any, Any]:
    seen = adoption.study(ds, 181, 365, KNOWN_BEFORE)
    return seen, verdict.fits(seen)


def effects(ds: Dataset) -> pd.DataFrame:
    seen, found = study(ds)
    revenue = found["revenue"]
    causes = verdict.benchmarks(seen, revenue)
    doubt = verdict.allowing_for_strongest(revenue, causes)
    money = verdict.adjusted_effects(found).loc["net revenue"]
    return verdict.doubted(money, verdict.target(revenue), doubt, causes.index[0])


def by_group(ds: Dataset) -> pd.DataFrame:
    seen, found = study(ds)
    return verdict.effects_by(found["revenue"], verdict.segments(seen, "age_band")).dropna(subset=["mid"])


@once
def paths(ds: Dataset) -> pd.DataFrame:
    return journeys.paths(ds.transactions, ds.table("touchpoints"), ds.starts, ds.as_of, 30)


def credit(ds: Dataset) -> pd.DataFrame:
    return attribution.credits(paths(ds))


def returns(ds: Dataset) -> pd.DataFrame:
    return payback.by_channel(ds, 5).sort_values("clv_to_cac", ascending=False)


def margins(ds: Dataset) -> pd.DataFrame:
    return next_customer.cost(acquisition.ledger(ds))


def sheet(ds: Dataset) -> pd.DataFrame:
    touched = ds.table("touchpoints") if ds.has("touchpoints") else None
    acts = journeys.hours(ds.transactions, touched, ds.starts, ds.as_of)
    return preferences.contact_sheet(acts, journeys.selling_channels(ds.transactions), preferences.consent(ds))


def luck(ds: Dataset) -> pd.DataFrame:
    rows = ds.table("experiments").to_pandas()
    tests, _ = trial.prepare_all(rows, starts=ds.starts, as_of=ds.as_of)
    ratios = trial.sample_ratios(tests, rows)
    chances = {name: [ratio.p, ratio.p_kept] for name, ratio in ratios.items()}
    return pd.DataFrame(chances, ["all in the table", "those kept"]).T.rename_axis("test")


@once
def readings(ds: Dataset) -> dict[str, experiments.Reading]:
    tests, _ = trial.prepare_all(ds.table("experiments").to_pandas(), starts=ds.starts, as_of=ds.as_of)
    return experiments.read_experiments(tests, ds, KNOWN_BEFORE)[0]


def largest(ds: Dataset) -> experiments.Reading:
    return max(readings(ds).values(), key=lambda reading: len(reading.outcomes))


def pairs(ds: Dataset) -> pd.DataFrame | None:
    several = {name: one for name, one in readings(ds).items() if len(one.trial.variants) > 1}
    found = {name: experiments.arm_pairs(one.outcomes, one.trial, "value", one.before) for name, one in several.items()}
    return pd.concat(found, names=["test"]) if found else None


@once
def newcomers(ds: Dataset) -> pd.DataFrame:
    return planning.newcomers(ds.transactions, ds.as_of, ds.economics)


def differ(ds: Dataset) -> pd.DataFrame:
    reading = max(readings(ds).values(), key=lambda one: one.before.shape[1])
    return uplift.effects_differ(reading.outcomes, reading.trial, uplift.groupings(reading.before), "value")


MADE: dict[str, Callable[[Dataset], Any]] = {
    "known": known,
    "by_chance": by_chance,
    "effects": effects,
    "by_group": by_group,
    "paths": paths,
    "credit": credit,
    "returns": returns,
    "margins": margins,
    "sheet": sheet,
    "luck": luck,
    "readings": readings,
    "done": lambda ds: largest(ds).outcomes,
    "treated": lambda ds: largest(ds).trial.variants[0],
    "untreated": lambda ds: largest(ds).trial.control,
    "pairs": pairs,
    "newcomers": newcomers,
    "per_day": lambda ds: planning.arrivals(ds.transactions, ds.as_of),
    "alarms": lambda ds: sequential.false_alarms(newcomers(ds).iloc[:, -1].to_numpy()),
    "differ": differ,
}
