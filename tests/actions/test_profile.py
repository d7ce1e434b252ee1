"""Every customer in one table, and what to do with each."""

import pytest

from clvlib import aggregate
from clvlib.actions import profile
from clvlib.errors import NotEnoughData, UsageError
from clvlib.models import outlook, scoring

pytestmark = pytest.mark.usefixtures("sharing")


@pytest.fixture(scope="module")
def ahead(demo):
    return outlook.foresee(demo)


@pytest.fixture(scope="module")
def people(demo, ahead):
    return profile.profiles(demo, ahead)


def test_one_row_a_customer_by_the_one_forecast(demo, ahead, people):
    rfm, scored = demo.rfm_summary(), scoring.score(ahead, demo.economics)
    assert people.index.equals(rfm.index)
    assert people["clv"].equals(scored["clv"])
    assert people["segment"].equals(demo.segments()["segment"].astype(str))
    assert (people["next_order_if_any"] > demo.as_of).all()


def test_a_customers_days_are_the_orders_and_the_revenue(demo, people):
    for customer in people["revenue"].nlargest(3).index:
        days = aggregate.days_of(demo.transactions, demo.as_of, customer)
        assert len(days) == people.loc[customer, "orders"]
        assert days.sum() == pytest.approx(people.loc[customer, "revenue"], rel=0.2)  # less refunds of other days
        assert days.index[-1] == people.loc[customer, "last_purchase"]


def test_what_to_do_is_allowed_and_worth_its_cost(demo, ahead, people):
    to_do = profile.suggestions(demo, ahead, {"win back": "winback"})
    consent = demo.customers()["consent"].reindex(to_do.index)
    assert set(to_do.index[consent != "yes"]) == set(to_do.index[to_do["how"] == "in store"])
    assert (to_do["gain"] > to_do["cost"]).all()
    assert to_do["why"].notna().all()
    assert set(to_do.index) <= set(people.index)
    assert any(to_do["how"] == "message: voucher")
    untested = profile.suggestions(demo, ahead, {"win back": "no such test"})
    assert not any(untested["how"] == "message: voucher")


def test_where_nobody_may_be_contacted_nothing_is_suggested(cdnow_sample):
    ahead = outlook.foresee(cdnow_sample)
    with pytest.raises(NotEnoughData, match="nobody may be contacted"):
        profile.suggestions(cdnow_sample, ahead, {})
    assert len(profile.suggestions(cdnow_sample, ahead, {}, consent_required=False)) > 0


def test_a_customer_who_isnt_there_is_said(people):
    assert list(profile.one(people, people.index[5]).index) == [people.index[5]]
    with pytest.raises(UsageError, match="no customer 'nobody'"):
        profile.one(people, "nobody")
