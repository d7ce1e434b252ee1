"""Two counts of customers: the chance of at least one purchase, which can be checked, and P(alive), which can't."""

import numpy as np
import pandas as pd
import pytest

from clvlib import aggregate, load
from clvlib.models.backtest import auc
from clvlib.models.counting import customer_counts
from clvlib.models.forecast import BetaGeo, fit_all

# All 23,570 customers of CDNOW as known on 1997-09-30, and the 39 weeks after: sums of the chance of at least one
# purchase and of P(alive), and how well each tells who bought.
CDNOW = {
    "BG/NBD": (6260, 19_215, 0.75, 0.32),
    "MBG/NBD": (5596, 9560, 0.76, 0.70),
    "Pareto/NBD": (5398, 10_522, 0.76, 0.72),
}


@pytest.fixture(scope="module")
def cdnow() -> pd.DataFrame:
    ds = load("cdnow")
    found = aggregate.calibration_holdout(ds.transactions, "1997-09-30", "1998-06-30", "W", free_orders=True)
    return found.drop(columns="monetary_value")  # free orders count, as in the published tables


@pytest.fixture(scope="module")
def models(cdnow):
    return fit_all(cdnow, "W")[0]


def test_on_cdnow_the_chance_of_a_purchase_counts_alike_where_p_alive_differs_twofold(cdnow, models) -> None:
    found = customer_counts(models, cdnow, 39)
    assert int((cdnow["holdout_frequency"] > 0).sum()) == 7058
    for name, (buying, alive, _, _) in CDNOW.items():
        assert round(found.loc[name, "buying"]) == buying
        assert round(found.loc[name, "alive"]) == alive
    assert found["alive"].max() / found["alive"].min() > 2
    assert found["buying"].max() / found["buying"].min() < 1.2
    assert found["alive_tells"].all()


@pytest.mark.parametrize("name", CDNOW)
def test_on_cdnow_the_chance_of_a_purchase_tells_who_buys_better_than_p_alive(cdnow, models, name) -> None:
    bought, history = cdnow["holdout_frequency"].to_numpy() > 0, (cdnow["frequency"], cdnow["recency"], cdnow["T"])
    model, (_, _, by_purchase, by_alive) = models[name], CDNOW[name]
    assert auc(bought, model.p_at_least(1, 39, *history)) == pytest.approx(by_purchase, abs=0.006)
    assert auc(bought, model.p_alive(*history)) == pytest.approx(by_alive, abs=0.005)


def test_everybody_alive_for_certain_is_called_no_information() -> None:
    """Where nobody is seen to leave, a of BG/NBD goes to 0 and P(alive) to 1 for all, as on some real shops."""
    rfm = pd.DataFrame({"frequency": [0, 3, 20], "recency": [0.0, 50.0, 90.0], "T": [100.0, 400.0, 100.0]})
    nobody_leaves = BetaGeo().with_params(np.array([0.5, 20.0, 1e-9, 2.0]))
    found = customer_counts({"BG/NBD": nobody_leaves}, rfm, 365)
    assert found.loc["BG/NBD", "alive"] == pytest.approx(3)
    assert not found.loc["BG/NBD", "alive_tells"]
    assert found.loc["BG/NBD", "buying"] < 3
