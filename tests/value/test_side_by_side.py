"""Every CLV of a run in one table: each row is the figure of the notebook that uses it."""

import pytest

from clvlib import aggregate
from clvlib.models import scoring
from clvlib.models.windows import History
from clvlib.value import equity, formula, hindsight, kpis, lifespan, side_by_side

pytestmark = pytest.mark.usefixtures("sharing")


@pytest.fixture(scope="module")
def now(demo) -> equity.Valuation:
    return equity.value_base(History(demo.transactions, demo.starts), demo.as_of, demo.economics)


def test_each_row_is_the_figure_of_the_notebook_that_uses_it(demo, now) -> None:
    table = side_by_side.every_clv(demo, now, 365)
    assert list(table.index) == list(side_by_side.DEFINITIONS)
    cohorts = aggregate.cohorts(demo.transactions, demo.as_of)
    span = lifespan.lifespan(cohorts, 5, hindsight.continuation(demo))
    chosen = lifespan.levers(lifespan.order_curve(cohorts), span, demo.economics)
    assert table.loc["CLV by the formula", "each"] == pytest.approx(formula.clv(chosen))
    ahead = scoring.score(now.ahead, demo.economics)["clv"]
    assert table.loc["CLV ahead", "each"] == pytest.approx(ahead.mean())
    assert table.loc["CLV ahead", "total"] == pytest.approx(now.total)
    life = kpis.lifetime_value(demo, now.rfm, demo.as_of, now.customers["clv"])["lifetime_value"]
    assert table.loc["Lifetime value", "total"] == pytest.approx(life.sum())
    assert table.loc["Lifetime value", "each"] == pytest.approx(
        table.loc["CLV ahead", "each"] + table.loc["Historic value", "each"]
    )


def test_two_figures_of_one_value_are_told_apart_by_a_word(demo, now) -> None:
    table = side_by_side.every_clv(demo, now, 365)
    words = table[["horizon", "who", "counts", "costs", "discounted"]]
    assert not words.duplicated().any()
    assert table[["customers", "each", "total"]].notna().all(axis=None)
    assert table["horizon"].str.contains("{", regex=False).sum() == 0


def test_what_a_short_history_cannot_tell_is_left_out(cdnow_sample) -> None:
    history = History(cdnow_sample.transactions, cdnow_sample.starts)
    valued = equity.value_base(history, cdnow_sample.as_of, cdnow_sample.economics)
    table = side_by_side.every_clv(cdnow_sample, valued, 182)
    assert "CLV ahead" in table.index
    assert table["each"].notna().all()
