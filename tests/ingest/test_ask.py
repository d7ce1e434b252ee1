"""What SQL may ask, and that it can do nothing else."""

import pandas as pd
import pytest

from clvlib.errors import UsageError


def test_a_question_is_answered_with_a_frame(demo):
    by_channel = demo.sql("select channel, sum(amount) as revenue from transactions group by 1 order by 2 desc")
    assert list(by_channel) == ["channel", "revenue"]
    assert by_channel["revenue"].sum() == pytest.approx(demo.rfm_summary()["total_spend"].sum(), rel=1e-3)


def test_tables_can_be_joined_named_in_any_case_and_hidden_by_ones_own(demo):
    both = "with won as (select * from CUSTOMERS where acquisition_channel = 'store') "
    joined = demo.sql(both + "select count(*) as n from won join transactions using (customer_id)")
    alone = demo.sql(both + "select count(*) as n from transactions where customer_id in (select customer_id from won)")
    assert joined["n"].item() == alone["n"].item() > 1000
    assert demo.sql("with transactions as (select 7 as x) select x from transactions")["x"].item() == 7


def test_an_earlier_day_knows_nothing_later(demo):
    earlier = demo.at(pd.Timestamp("2025-06-30"))
    last = earlier.sql("select max(date) as last, count(*) as n from transactions")
    assert last["last"].item() < pd.Timestamp("2025-07-01")
    assert 0 < last["n"].item() < demo.sql("select count(*) as n from transactions")["n"].item()
    won = earlier.sql("select customer_id from customers")["customer_id"]
    assert set(earlier.rfm_summary().index) <= set(won)
    assert len(won) < len(demo.customers())


@pytest.mark.parametrize(
    "sql",
    [
        "with won as (select * from transactions) select max(date) as last from won",
        "with transactions as (select * from transactions where amount > 0) select max(date) as last from transactions",
        "select max(date) as last from transactions where exists(with transactions as (select 1) select 1)",
        "select max(date) as last from (select * from Transactions union all select * from transactions)",
        "from transactions select max(date) as last",
    ],
)
def test_however_it_is_asked_an_earlier_day_knows_nothing_later(demo, sql):
    assert demo.at(pd.Timestamp("2025-06-30")).sql(sql)["last"].item().date() == pd.Timestamp("2025-06-30").date()


def test_the_words_of_the_question_are_duckdbs(demo):
    assert demo.sql("select 'abc' ~ 'b' as found")["found"].item()


@pytest.mark.parametrize(
    "sql",
    [
        """with "READ_CSV('pyproject.toml')" as (select 1) select * from read_csv('pyproject.toml')""",
        """with "memory.main.transactions" as (select 1) select * from memory.main.transactions""",
        """select * from (with "a.csv" as (select 1 as x) select * from "a.csv") b, "a.csv" a""",
        "select * from transactions, lateral read_csv('pyproject.toml')",
        "select * from transactions at (version => 1)",
        "(" * 3000,
        "delete from transactions",
        "drop table transactions",
        "insert into customers select * from customers",
        "update transactions set amount = 0",
        "create table mine as select * from transactions",
        "with gone as (delete from transactions returning *) select * from gone",
        "select 1; delete from transactions",
        "copy transactions to 'everything.csv'",
        "attach 'other.duckdb'",
        "pragma database_list",
        "set threads = 1",
        "select * from raw_transactions",
        "select * from memory.main.transactions",
        "select * from information_schema.tables",
        "select * from duckdb_settings()",
        "select * from read_csv('pyproject.toml')",
        "select * from 'pyproject.toml'",
        "select nothing_like_it from transactions",
        "selec",
        "",
    ],
)
def test_nothing_else_can_be_asked_and_nothing_changes(demo, sql):
    before = demo.sql("select count(*) as n, sum(amount) as revenue from transactions")
    with pytest.raises(UsageError, match="It may read transactions"):
        demo.sql(sql)
    pd.testing.assert_frame_equal(before, demo.sql("select count(*) as n, sum(amount) as revenue from transactions"))
