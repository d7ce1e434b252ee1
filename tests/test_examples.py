"""The examples in docstrings of models, value and causes: there are some for whatever is public, and they hold."""

import ast
import doctest
import importlib
import pkgutil
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import clvlib
from clvlib import aggregate, causes, load, models, value
from clvlib.aggregate import clock
from clvlib.causes import adoption, causal, experiments, trial
from clvlib.models import outlook, rolling, scoring, windows

pytestmark = pytest.mark.usefixtures("sharing")
ROOMS = (models, value, causes)
MODULES = [m.name for room in ROOMS for m in pkgutil.iter_modules(room.__path__, f"{room.__name__}.")]


def names():
    """What the examples may use without making it: see the docstrings of `clvlib` and `clvlib.causes`."""
    from clvlib import wording
    from clvlib.models.forecast import BetaGeo

    wording.write_for("en_US", "USD")
    sample = load("cdnow_sample")
    rfm = sample.rfm_summary()
    shop = {"sample": sample, "rfm": rfm, "model": BetaGeo().fit(rfm), "shop": load("demo")}
    shop["history"] = windows.History(sample.transactions, sample.starts)
    shop["foreseen"] = outlook.look_ahead(shop["history"], sample.as_of, sample.economics.horizon_days)
    shop["foreseen_base"] = scoring.factors(shop["foreseen"], sample.economics)
    shop["rolled"] = rolling.roll(shop["history"], sample.as_of, days=182)
    shop["cohorts"] = aggregate.cohorts(sample.transactions, sample.as_of)
    shop["tmp"] = Path(tempfile.mkdtemp())
    return {"np": np, "pd": pd, "load": load, **shop, **a_study(), **a_test(sample, rfm.index[:400])}


def a_study():
    """400 customers; who bought more is likelier to use another channel, which brings 20 (store) or 50 (web) more."""
    n, random = np.arange(400), np.random.default_rng(0)
    known = pd.DataFrame(random.poisson(5, (400, len(adoption.KNOWN))), columns=[*adoption.KNOWN]).assign(
        frequency=n % 7
    )
    known = known.assign(home=["store", "web"] * 200, age_band=np.where(n % 3, "18-24", "25-34"))
    added = pd.Series(n % 10 < 2 + known["frequency"])
    revenue = 10.0 * known["frequency"] + added * known["home"].map({"store": 20, "web": 50}) + n % 11
    after = pd.DataFrame({"revenue": revenue, "orders": n // 100 + added, "bought": n % 3 > 0}).astype(float)
    days = pd.to_datetime(["2025-01-01", "2025-06-30", "2026-06-30"])
    seen = adoption.Study(
        "visits", "Visits show it.", *days, False, known, added, after, known["spend_last_365"] * 10.0
    )
    return {"seen": seen, "fitted": causal.cross_fit(known, added, revenue, splits=1)}


def a_test(sample, people):
    """A mail to every second of 400 customers: their orders are larger, and those of the south order once more."""
    n, mailed = np.arange(400), np.arange(400) % 2 == 1
    days = pd.Timestamp("1997-07-01") + pd.to_timedelta(n // 40, "D")
    rows = pd.DataFrame({"customer_id": people, "experiment": "spring", "date": days})
    rows["variant"] = np.where(mailed, "mail", "control")
    test = trial.prepare(rows, "spring", sample.starts, sample.as_of, window_days=180)
    before = pd.DataFrame({"orders_before": n % 7, "region": ["north"] * 200 + ["south"] * 200}, people)
    orders = n % 7 // 2 + mailed * (n >= 200)
    done = pd.DataFrame({"variant": rows["variant"].array, "converted": (orders > 0) * 1, "orders": orders}, people)
    done = done.assign(bought_twice=(orders > 1) * 1, revenue=orders * np.where(mailed, 24, 20), value=6 * orders)
    done = done.assign(
        late=done["value"] / 2, first_day=n % 5, second_day=np.where(orders > 1, n % 5 + n % 29 + 1, np.nan)
    )
    clocked = clock.on_one_clock(sample.transactions, test.customers["date"], sample.as_of)
    effects = experiments.effects(done, test, before)
    reading = experiments.Reading(test, clocked, done, before, effects)
    return {"test": test, "clocked": clocked, "done": done, "before": before, "reading": reading}


@pytest.fixture(scope="module")
def given(sharing):
    return names()


@pytest.mark.parametrize("name", [*MODULES, "clvlib.dataset"])
def test_the_examples_hold(name, given):
    flags = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
    found = doctest.testmod(importlib.import_module(name), extraglobs=given, optionflags=flags)
    assert found.failed == 0


def public(module):
    for node in ast.parse(Path(importlib.import_module(module).__file__).read_text("utf-8")).body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and not node.name.startswith("_"):
            yield node.name, ast.get_docstring(node) or ""


@pytest.mark.parametrize("module", MODULES)
def test_whatever_is_public_has_an_example(module):
    assert [name for name, text in public(module) if ">>>" not in text] == []


def test_the_map_names_every_room():
    rooms = [m.name for m in pkgutil.iter_modules(clvlib.__path__) if m.ispkg]
    assert all(f"`clvlib.{room}`" in clvlib.__doc__ for room in rooms)
