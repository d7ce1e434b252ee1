"""Frames in which there is nothing to ask about → the exercise or question says so."""

import pandas as pd
import pytest

from clvlib.course.lessons import n05, n05b, n06, n06b
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
