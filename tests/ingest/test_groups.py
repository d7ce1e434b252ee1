"""A group of customers, kept beside a card of its own."""

import pandas as pd
import pytest

from clvlib import load
from clvlib.errors import DataError, UsageError
from clvlib.run import reconcile


@pytest.fixture(scope="module")
def champions(demo, tmp_path_factory):
    segment = demo.segments()["segment"]
    return demo.save_group(segment.index[segment == "Champions"], "champions", tmp_path_factory.mktemp("groups"))


def test_a_group_is_its_customers_and_nothing_of_them_is_lost(demo, champions):
    group, listed = load(champions), pd.read_csv(champions.with_suffix(".csv"), dtype=str)["customer_id"]
    pd.testing.assert_frame_equal(group.rfm_summary(), demo.rfm_summary().loc[sorted(listed)])
    pd.testing.assert_frame_equal(group.brought(), demo.brought().loc[sorted(listed)])
    assert group.as_of == demo.as_of
    assert group.economics == demo.economics  # with the cost to acquire that only all customers tell
    assert not group.has("marketing_costs")
    assert not group.truths


def test_who_is_set_aside_is_said_in_rows_and_in_money(demo, champions):
    group = load(champions)
    rows = group.ledger.set_index(["table", "action"]).loc["transactions"]
    first = rows[~rows["reason"].str.startswith("of which")]
    assert first.loc["read", "rows"].sum() == first.drop(index="read")["rows"].sum()
    assert first.loc["outside", "money"].sum() > 100_000
    assert any(problem.where == "group" and "set aside" in problem.what for problem in group.problems)
    kept = reconcile.account(group).loc["kept"]
    assert kept["customers"] == len(group.rfm_summary())
    assert kept["revenue"] == pytest.approx(group.rfm_summary()["total_spend"].sum())


def test_a_group_of_a_group_is_one(champions, tmp_path):
    few = load(champions).rfm_summary().index[:40]
    smaller = load(load(champions).save_group(few, "few", tmp_path / "further"))
    assert list(smaller.rfm_summary().index) == list(few)
    assert smaller.name == "Maison Garrigue · champions · few"


def test_no_file_but_an_earlier_group_of_that_name_is_written_over(demo, tmp_path):
    first = demo.save_group(["C0003"], "mine", tmp_path)
    again = demo.save_group(["C0006", "C0008"], "mine", tmp_path)
    assert (first, list(load(again).rfm_summary().index)) == (again, ["C0006", "C0008"])
    with pytest.raises(UsageError, match="Give another name"):
        load(again).save_group(["C0006"], "mine", tmp_path)  # the card that is being read
    for taken in ("orders.csv", "shop.toml"):
        (tmp_path / taken).write_text("mine")
        with pytest.raises(UsageError, match="Give another name"):
            demo.save_group(["C0003"], taken.partition(".")[0], tmp_path)
        assert (tmp_path / taken).read_text() == "mine"


def test_how_many_of_the_list_are_there_is_a_number_of_customers(build, orders, tmp_path):
    (tmp_path / "card.toml").write_text('name = "one table"\n[transactions]\npath = "orders.csv"\n')
    ds, _ = build(orders.to_csv(index=False))
    group = load(ds.save_group(["0007", "12"], "two", tmp_path / "groups"))
    assert any("2 of the 2 customers" in problem.what for problem in group.problems)


def test_who_was_chosen_by_what_they_did_is_warned_of(champions):
    (warning,) = [problem for problem in load(champions).problems if problem.where == "group"]
    assert (warning.grade, "too high or too low" in warning.mend) == ("warning", True)


@pytest.mark.parametrize(
    "name", ["", "../up", "a b", "a/b", ".hidden", "c.toml", "CON", "--help", "x" * 80, "a\nb", "-"]
)
def test_a_name_that_is_no_files_is_refused(demo, tmp_path, name):
    with pytest.raises(UsageError, match="can't be called"):
        demo.save_group(["C0001"], name, tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("nobody", [[], [None, float("nan")], "C0001"])
def test_a_group_of_nobody_is_refused(demo, tmp_path, nobody):
    with pytest.raises(UsageError, match="nobody"):
        demo.save_group(nobody, "nobody", tmp_path)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("customer_id\nX1\nX2\n", "none is in the data"),
        ("name\nC0001\n", "no column customer_id"),
        ("customer_id\n", "none is in the data"),
        (None, "can't be read"),
    ],
)
def test_a_list_that_cant_be_used_is_one_clear_error(demo, tmp_path, text, says):
    card = demo.save_group(["C0001"], "some", tmp_path)
    if text is None:
        card.with_suffix(".csv").unlink()
    else:
        card.with_suffix(".csv").write_text(text, encoding="utf-8")
    with pytest.raises(DataError, match=says):
        load(card)


def test_odd_ids_come_back_as_they_are(build, orders, tmp_path):
    odd = {"0007": "007", "12": '=1+1, O\'Neil "x"'}
    renamed = orders.assign(customer_id=[odd.get(name, name) for name in orders["customer_id"]])
    (tmp_path / "card.toml").write_text('name = "odd"\npseudonyms = false\n[transactions]\npath = "orders.csv"\n')
    ds, _ = build(renamed.to_csv(index=False))
    for name in ds.rfm_summary().index:
        group = load(ds.save_group([name], "one", tmp_path / "groups"))
        assert list(group.rfm_summary().index) == [name]
