"""What money to come is worth today: one convention, in one place; what is beyond noise; one thread."""

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from clvlib.stats import differs, mid_periods, present_value, shares_differ

PACKAGE = Path(__file__).parent.parent / "clvlib"
# The textbook's formulas have a timing of their own by definition, and a contract's closed forms take a rate a period.
OWN_TIMING = {"stats.py", "formula.py", "subscriptions.py"}


def test_money_that_flows_evenly_is_worth_what_continuous_discounting_says():
    continuous = (1 - 1.1**-2) / np.log(1.1)  # 1 a year over two years, each moment discounted from its own day
    for per_year, off in ((1, 4e-4), (12, 3e-6), (52, 1e-6)):
        flows = np.full(2 * per_year, 1 / per_year)
        assert present_value(flows, 0.1, mid_periods(2 * per_year, per_year)) == pytest.approx(continuous, rel=off)


def test_the_sum_of_a_customers_months_and_of_a_table_of_customers_is_the_same():
    flows = np.arange(24, dtype=float).reshape(12, 2)
    both = present_value(flows, 0.1, mid_periods(12))
    assert both.tolist() == pytest.approx([present_value(flows[:, i], 0.1, mid_periods(12)) for i in (0, 1)])
    assert present_value(flows, 0.0, mid_periods(12)).tolist() == pytest.approx(flows.sum(axis=0).tolist())
    assert float(present_value([], 0.1, [])) == 0


def test_a_cohorts_month_0_counts_at_once_and_its_month_12_a_year_later():
    ages = mid_periods(13, first=-0.5)
    assert ages[[0, 12]].tolist() == [0, 1]


def test_nobody_discounts_on_their_own():
    power = re.compile(r"discount_rate\)+ ?\*\*|\*\* ?-?\(?\(?[a-z]*(years|months) ?/")
    own = [path.name for path in sorted(PACKAGE.rglob("*.py")) if power.search(path.read_text("utf-8"))]
    assert set(own) <= OWN_TIMING


def test_a_difference_is_named_beyond_noise_only():
    assert differs(-3.0, 1.0)
    assert differs(0.1, 0.0)
    assert not differs(1.9, 1.0)
    assert not differs(5.0, np.nan)
    assert not differs(0.0, 0.0)


def test_shares_of_few_do_not_differ_and_alike_ones_seldom_do():
    assert shares_differ(30, 100, 60, 100)
    assert shares_differ(0, 60, 60, 60)
    assert not shares_differ(0, 2, 1, 2)
    draws = np.random.default_rng(0).binomial([20, 60], 0.1, (2000, 2))
    assert np.mean([shares_differ(one, 20, other, 60) for one, other in draws]) < 0.07


def test_no_library_uses_a_second_thread_also_one_loaded_later():
    program = """
from threadpoolctl import threadpool_info, threadpool_limits
from clvlib.stats import one_thread
with one_thread():
    pass
import sklearn.ensemble
threadpool_limits(3)
with one_thread():
    print([library["num_threads"] for library in threadpool_info()])
print({library["num_threads"] for library in threadpool_info()})
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    within, after = map(eval, done.stdout.splitlines())
    assert len(within) > 1
    assert set(within) == {1}
    assert after == {3}
