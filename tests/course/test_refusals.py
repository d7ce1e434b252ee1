"""Frames and datasets in which there is nothing to ask about → the exercise or question says so."""

from types import SimpleNamespace

import pandas as pd
import pytest

from clvlib.course.lessons import n00, n02, n04, n05, n05b, n06, n06b, n07c, n08, n09
from clvlib.errors import CannotAnswer

FEW = pd.DataFrame({"orders": [5, 7], "channels": [1, 2], "revenue": [50.0, 90.0]})
ONLY_PLAIN = pd.DataFrame({"low": [70.0], "mid": [101.0], "high": [131.0]}, ["plain difference"])
ONE_CHANNEL = pd.DataFrame({"spent": [900.0], "new_customers": [30], "cac": [30.0], "clv": [200.0]}, ["search"])
UNREAD = pd.DataFrame({"marginal_cac": [float("nan")], "cac": [30.0], "elasticity": [-0.1]}, ["search"])
SILENT = pd.DataFrame({"may_contact": [True, False], "reacts_in": [None, None]})
OTHER_NAMES = pd.DataFrame({"channel": ["poster"]})
ALIKE = pd.DataFrame({"first": [40.0], "last": [40.0]}, ["search"])
ONE_TEST = pd.DataFrame({"all in the table": [0.3]}, ["spring"])
NOBODY = pd.DataFrame({"variant": ["mail", "control"], "converted": [1, 0], "value": [3.0, 0.0]})
ARMS = {"treated": "mail", "untreated": "control"}
ALL_AGAIN = pd.DataFrame({"again_30": [1, 1], "value_30": [3.0, 5.0]})


@pytest.mark.parametrize(
    ("function", "given"),
    [
        (n02._best_tenth, {"so_far": pd.Series(-1.0, range(200))}),
        (n04._lasts_longer, {"endings": pd.DataFrame({"at_risk": range(61, 0, -1)})}),
        (n04._often_right, {"tested_active": SimpleNamespace(churned=pd.Series([True, True, False]))}),
        (n05._points, {"known": FEW.assign(recent=[False, True])}),
        (n05._alike_in_orders, {"known": FEW}),
        (n05._safe_budget, {"effects": ONLY_PLAIN}),
        (n05b._cac, {"returns": ONE_CHANNEL}),
        (n05b._next_customers, {"margins": UNREAD}),
        (n05b._reacting, {"sheet": SILENT}),
        (n05b._click_or_customer, {"paths": OTHER_NAMES, "returns": ONE_CHANNEL}),
        (n05b._margin, {"returns": ONE_CHANNEL, "margins": UNREAD}),
        (n05b._same_orders, {"credit": ALIKE}),
        (n06._least_likely, {"luck": ONE_TEST}),
        (n06._bonferroni, {"pairs": None}),
        (n06._lift, {"done": NOBODY, **ARMS}),
        (n06._assigned, {"done": NOBODY, **ARMS}),
        (n06._most_cost, {"readings": {}}),
        (n06b._relative, {"newcomers": ALL_AGAIN}),
    ],
)
def test_what_the_data_cant_support_is_said_and_how_to_mend_it(function, given):
    with pytest.raises(CannotAnswer) as refusal:
        function(None, **given)
    assert refusal.value.mend


TOTALS = SimpleNamespace(
    ledger=pd.DataFrame({"table": ["totals"], "action": ["read"], "rows": [9]}), has=lambda table: table == "totals"
)
NO_ROOM = SimpleNamespace(economics=SimpleNamespace(margin=0.95))
CAME = pd.DataFrame({"first_purchase": pd.to_datetime(["2025-01-01", "2025-02-01"]), "frequency": [1, 1]})
ALIKE_HALVES = SimpleNamespace(rfm_summary=lambda: CAME)


@pytest.mark.parametrize(
    ("function", "ds"),
    [(n00._dropped, TOTALS), (n09._everybody, TOTALS), (n09._slider, NO_ROOM), (n09._apart, ALIKE_HALVES)],
)
def test_a_dataset_of_another_kind_is_told_so(function, ds):
    with pytest.raises(CannotAnswer) as refusal:
        function(ds)
    assert refusal.value.mend


@pytest.mark.parametrize("kept", [0.0, 0.9])
def test_no_rise_is_measured_from_nothing_or_past_everybody(kept, monkeypatch):
    found = pd.DataFrame({"figure": [kept]}, ["kept_80"])
    monkeypatch.setattr("clvlib.value.claims.retention_here", lambda ds: found)
    with pytest.raises(CannotAnswer):
        n07c._points(None, kept)


@pytest.mark.parametrize("usual", [0.0004, 0.02, 0.6, 5.0, 64.0, 4321.0])
def test_a_made_up_campaign_has_amounts_that_differ(usual):
    values = n08._what_the_contact_brought(SimpleNamespace(usual_amount=lambda: usual))
    written = [round(value, 2 if usual >= 0.01 else 6) for value in values.values()]
    assert min(map(abs, written)) > 0
    assert len({*written[4:], written[0]}) == 4
    assert values["contact"] / values["control"] == pytest.approx(0.8 / 0.7, rel=0.1)
