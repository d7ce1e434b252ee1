"""What articles claim, beside what the bundled datasets give."""

import pytest

from clvlib import load
from clvlib.causes import multichannel
from clvlib.causes.channels import people, quoted_claims
from clvlib.value import claims


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
