"""Ranges of what a customer does, from what customers like them did: they hold as often as they say."""

import numpy as np
import pandas as pd
import pytest

from clvlib.models.ranges import Ranges


def customers(seed: int, many: int = 6000) -> pd.DataFrame:
    """A forecast that is right on average; purchases clump (negative binomial) and baskets vary."""
    random = np.random.default_rng(seed)
    frequency = random.choice([0, 0, 0, 1, 2, 5, 9], many)
    said = random.gamma(2, 0.1 + frequency / 4, many)
    came = random.poisson(said * random.gamma(1.5, 1 / 1.5, many))
    each = random.lognormal(3, 0.5, many)
    spent = np.array([np.sum(e * random.gamma(3, 1 / 3, n)) for e, n in zip(each, came, strict=True)])
    frame = pd.DataFrame({"frequency": frequency, "purchases": said, "spend": said * each})
    return frame.assign(actual_purchases=came, actual_spend=spent)


@pytest.fixture(scope="module")
def learned() -> Ranges:
    return Ranges(customers(1))


def came(of: pd.DataFrame) -> pd.DataFrame:
    return of[["actual_purchases", "actual_spend"]].set_axis(["purchases", "spend"], axis=1)


def test_the_middle_holds_as_many_others_as_it_says_in_every_group(learned):
    others = customers(2)
    aside = (learned.place(others, came(others)) - 0.5).abs()
    for level in (0.8, 0.9):
        assert ((aside <= level / 2).sum() / aside.notna().sum() - level).abs().max() < 0.03
        by_group = (aside["purchases"] <= level / 2).groupby(others["frequency"].clip(upper=3)).mean()
        assert (by_group - level).abs().max() < 0.04
    assert aside["spend_if_buying"].notna().sum() == (others["actual_purchases"] > 0).sum()


def test_a_range_is_of_whole_purchases_and_wider_where_more_is_to_be_held(learned):
    others = customers(3, 500)
    eight, nine = (learned.of(others, level) for level in (0.8, 0.9))
    counts = eight[["purchases_low", "purchases_median", "purchases_high"]]
    assert (counts == counts.round()).all(axis=None)
    for name in ("purchases", "spend", "spend_if_buying"):
        low, median, high = (eight[f"{name}_{tail}"] for tail in ("low", "median", "high"))
        assert (low <= median).all()
        assert (median <= high).all()
        assert (nine[f"{name}_low"] <= low).all()
        assert (nine[f"{name}_high"] >= high).all()
    assert (eight["spend_if_buying_low"] >= eight["spend_low"] - 1e-9).all()


def test_at_least_as_many_as_it_says_lie_between_its_ends(learned):
    others = customers(4)
    ends = learned.of(others, 0.8)
    inside = others["actual_purchases"].between(ends["purchases_low"], ends["purchases_high"])
    assert inside.mean() >= 0.78  # whole numbers: most ranges hold more
    assert others["actual_spend"].between(ends["spend_low"] - 0.01, ends["spend_high"] + 0.01).mean() >= 0.77


def test_ranges_of_money_are_in_the_currency_of_the_forecast(learned):
    dear = customers(1)
    dear[["spend", "actual_spend"]] *= 100
    asked = customers(5, 200)
    pd.testing.assert_frame_equal(
        Ranges(dear).of(asked.assign(spend=asked["spend"] * 100), 0.8).filter(like="spend"),
        learned.of(asked, 0.8).filter(like="spend") * 100,
    )


def test_where_nobody_bought_those_who_buy_have_no_range_but_zero():
    silent = customers(1).assign(actual_purchases=0, actual_spend=0.0)
    found = Ranges(silent).of(customers(2, 50), 0.9)
    assert (found == 0).all(axis=None)


def test_a_group_of_few_learns_from_all(learned):
    few = customers(1)
    few = few[few["frequency"] < 4]
    found = Ranges(few).of(customers(2, 100), 0.8)
    assert found.notna().all(axis=None)
    assert (found["purchases_high"] > 0).any()
