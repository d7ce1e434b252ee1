"""What articles claim, beside what the bundled datasets give."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from clvlib import load
from clvlib.causes import causal, multichannel
from clvlib.causes.channels import people, quoted_claims
from clvlib.errors import NotEnoughData
from clvlib.value import checklist, claims

pytestmark = pytest.mark.usefixtures("sharing")


@pytest.fixture(scope="module")
def demo():
    return load("demo")


def test_what_is_counted_as_articles_do_is_what_notebook_05_shows(demo):
    here, there = multichannel.as_articles_count(people(demo))["figure"], quoted_claims(people(demo))["plain"]
    assert here.to_list() == pytest.approx(there[_SAME].to_list(), nan_ok=True)


_SAME = [
    "many channels: more valuable",
    "many channels: more likely to buy again",
    "many channels: more loyal",
    "several channels: more repeat trips",
    "several channels: more per order, store",
    "several channels: more per order, web",
    "many channels: more per order, store",
]


@pytest.mark.parametrize("name", ["demo", "cdnow_sample"])
def test_each_claim_has_a_figure_here_or_says_why_not(name):
    ds = load(name)
    told = claims.claims_beside(claims.of_base(ds), multichannel.of_channels(ds))
    assert told.index.to_list() == [claim.claim for claim in claims.CLAIMS.values()]
    assert (told["what_that_tells"].str.len() > 0).all()
    assert told["judged_in"].str.len().gt(0).all()
    assert not told.astype(str).apply(lambda column: column.str.contains("nan", regex=False)).any(axis=None)


def test_what_needs_a_test_is_never_told(demo):
    told = claims.claims_beside(claims.of_base(demo), multichannel.of_channels(demo))
    for claim in claims.CLAIMS.values():
        assert (told["here"][claim.claim] == "can't be told") >= bool(claim.needs)


def test_the_quoted_example_is_arithmetic():
    before, after = 1.1 / (1.1 - 0.60), 1.1 / (1.1 - 0.75)
    assert after / before - 1 == pytest.approx(0.43, abs=0.01)  # articles say 40 %: 500 to 700 euros


def test_a_share_of_all_or_none_of_the_cost_has_an_interval(monkeypatch):
    cost = pd.Series([10.0] * 30, [f"C{n}" for n in range(30)])
    monkeypatch.setattr(claims.acquisition, "cost_of", lambda ds, customers: cost)
    for frequency, ends in ((1, (0.0, 0.0, 0.114)), (0, (1.0, 0.886, 1.0))):
        monkeypatch.setattr(claims, "_mature", lambda ds, f=frequency: pd.DataFrame({"frequency": f}, cost.index))
        assert claims.cost_of_once(None) == pytest.approx(ends, abs=0.001)


def test_a_year_of_keeping_takes_two_years_to_see():
    young = SimpleNamespace(
        economics=SimpleNamespace(acquisition_cost=30.0),
        starts=pd.Timestamp("2024-01-01"),
        as_of=pd.Timestamp("2025-12-29"),
    )
    with pytest.raises(NotEnoughData, match="two years"):
        claims.keeping_cost(young)


def test_where_all_of_a_group_are_alike_no_interval_is_told():
    all_of_them, some = (pd.DataFrame({"again": [1] * n + [0] * (30 - n)}) for n in (30, 15))
    figure, low, high = multichannel.plain_ratio(all_of_them, some, "again")
    assert figure == pytest.approx(1.0)
    assert np.isnan([low, high]).all()


def test_growth_counts_what_is_sent_back_in_either_window(monkeypatch):
    windows = {"last": [(1, 50.0), (0, -10.0)], "before": [(1, 40.0), (0, -20.0)]}
    last, before = (pd.DataFrame(rows, columns=["purchases", "spend"]) for rows in windows.values())
    monkeypatch.setattr(checklist, "_windows", lambda ds: (182, last, before))
    assert checklist._growth(None).startswith("+100%")


def test_the_interval_of_a_relative_effect_is_that_of_drawing_customers_anew():
    random = np.random.default_rng(1)
    features = pd.DataFrame({"x": random.normal(size=600)})
    given = pd.Series(random.random(600) < 0.5)
    outcome = 10 + 5 * given + 2 * features["x"] + pd.Series(random.normal(0, 8, 600))
    fit = causal.cross_fit(features, given, outcome, 1)
    pulls = {"all": causal._pull_without(fit)[0]}
    pulls["treated"] = fit.treated / fit.treated.mean() * fit.outcome - causal.influence(fit, "treated")[0]
    for target, base in pulls.items():
        pull = causal.influence(fit, target)[0]
        rows = random.integers(0, 600, (2000, 600))
        drawn = pull[rows].mean(axis=1) / base[rows].mean(axis=1)
        mid, low, high = causal.relative(fit, target)
        assert mid == pytest.approx(pull.mean() / base.mean())
        assert high - low == pytest.approx(2 * 1.96 * drawn.std(), rel=0.1)
