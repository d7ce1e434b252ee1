"""The table of subscriptions: what is read, what is refused, how it stood on a day, and what it is taken for."""

import pandas as pd
import pytest

from clvlib import dataset
from clvlib.errors import DataError, MissingTable, UsageError
from clvlib.ingest import propose, subscribers
from clvlib.ingest.card import read_card
from clvlib.models import subscriptions
from clvlib.run import runner

ORDERS = "customer_id,date,amount\n1,2024-01-01,10\n2,2024-06-30,20\n1,2024-02-01,10\n"
PEOPLE = "customer_id,tenure,churned\n" + "".join(f"c{i},{i % 9},{'yes' if i % 3 else 'no'}\n" for i in range(60))
COHORT = "period,survivors\n1,80\n0,100\n2,70\n"


@pytest.fixture
def read(tmp_path):
    """Write orders and subscriptions beside a card, and read it: dataset, problems."""

    def made(text, as_of=None, economics=None, **options):
        (tmp_path / "orders.csv").write_text(ORDERS, encoding="utf-8")
        (tmp_path / "subscribers.csv").write_text(text, encoding="utf-8")
        section = {"path": "subscribers.csv", "period": "month"} | options
        section = {name: value for name, value in section.items() if value is not None}
        card = {"transactions": {"path": "orders.csv"}, "subscriptions": section}
        return dataset.build(card | ({"economics": economics} if economics else {}), tmp_path / "card.toml", as_of)

    return made


def errors(problems):
    return " | ".join(str(problem) for problem in problems if problem.grade == "error")


def about(problems, word):
    return [problem for problem in problems if problem.where == "subscriptions" and word in str(problem)]


def balance(made):
    rows = made.ledger[made.ledger["table"] == "subscriptions"].groupby("action")["rows"].sum()
    assert rows["read"] == rows["kept"] + rows.get("dropped", 0)
    return rows.to_dict()


# -- what is read --------------------------------------------------------------------------------------------------


def test_subscribers_are_read_relative_to_the_card_and_their_file_is_among_the_inputs(read, tmp_path):
    made, problems = read(PEOPLE)
    assert not errors(problems)
    assert balance(made) == {"read": 60, "kept": 60}
    assert tmp_path / "subscribers.csv" in made.files
    rows = subscribers.periods_counted(made.table("subscriptions"))
    assert rows["customers"].sum() == 60
    assert rows.loc[rows["churned"], "customers"].sum() == 40


def test_columns_of_other_names_are_mapped_and_a_plan_groups(read):
    text = "Id;Months;Gone;Contract\n1;3;Oui;A\n2;0;non;A\n3;5;FALSE;B\n4;5;1.0;\n"
    columns = {"customer_id": "Id", "tenure": "Months", "churned": "Gone", "plan": "Contract"}
    made, problems = read(text, columns=columns)
    assert not errors(problems)
    rows = subscribers.periods_counted(made.table("subscriptions")).set_index(["plan", "tenure"])["churned"]
    assert rows.to_dict() == {("A", 0): False, ("A", 3): True, ("B", 5): False, ("unknown", 5): True}


def test_a_list_of_subscribers_with_columns_named_as_cohorts_have_them_is_a_list(read):
    head, *lines = PEOPLE.splitlines()
    text = f"{head},period,survivors\n" + "".join(f"{line},0,100\n" for line in lines)
    made, problems = read(text)
    assert not errors(problems)
    assert subscribers.periods_counted(made.table("subscriptions"))["customers"].sum() == 60


def test_a_cohort_counts_as_its_subscribers_one_by_one(read):
    made, problems = read(COHORT)
    assert not errors(problems)
    rows = subscribers.periods_counted(made.table("subscriptions"))
    assert rows[["tenure", "churned", "customers"]].to_numpy().tolist() == [
        [1, True, 20], [2, False, 70], [2, True, 10],
    ]  # fmt: skip
    life = subscriptions.life_table(subscriptions.subscribers(made))
    pd.testing.assert_frame_equal(life, subscriptions.cohort_table(pd.Series([100, 80, 70])))


def test_cohorts_of_several_plans_and_starts_add_up(read):
    text = "plan,started_on,period,survivors,price\nA,2024-01-01,0,10,5\nA,2024-01-01,1,8,5\n"
    text += "A,2024-03-01,0,20,7\nA,2024-03-01,1,20,7\nB,2024-01-01,0,5,\nB,2024-01-01,1,4,\n"
    made, problems = read(text, period="month")
    assert not errors(problems)
    rows = subscribers.periods_counted(made.table("subscriptions")).set_index(["plan", "churned"])
    assert rows["customers"].to_dict() == {("A", False): 28, ("A", True): 2, ("B", False): 4, ("B", True): 1}
    assert rows.loc[("A", False), "price"] == pytest.approx((8 * 5 + 20 * 7) / 28)
    assert rows.loc["B", "price"].isna().all()


def test_subscribers_without_a_name_may_be_alike(read):
    made, _ = read("tenure,churned\n" + "3,no\n" * 5 + "4,yes\n" * 2)
    assert balance(made) == {"read": 7, "kept": 7}


# -- what is refused -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "options", "said"),
    [
        ("a,b\n1,2\n", {}, "it takes tenure and churned"),
        (PEOPLE, {"period": None}, 'Write one of period = "week", period = "month"'),
        (PEOPLE, {"period": "fortnight"}, "'fortnight' is unknown"),
        (PEOPLE, {"left": "often"}, "left = 'often' is unknown"),
        (COHORT, {"left": "last"}, "cohorts are whole"),
        (PEOPLE, {"peroid": "month"}, "Did you mean 'period'"),
        ("tenure,churned\n1,perhaps\n2,no\n", {}, "churned can't be read (for instance perhaps)"),
        ("tenure,churned\n1.5,yes\n2,no\n", {}, "not a whole number of 0 or more (for instance 1.5)"),
        ("tenure,churned\n-1,yes\n2,no\n", {}, "(for instance -1)"),
        ("tenure,churned\ninf,yes\n2,no\n", {}, "(for instance inf)"),
        ("customer_id,tenure,churned\n1,1,no\n1,2,no\n", {}, "further row of a customer (for instance 1)"),
        ("period,survivors\n0,100\n1,80\n2,90\n", {}, "survivors rise in 1 row(s)"),
        ("period,survivors\n0,100\n2,80\n", {}, "without a gap or a double"),
        ("period,survivors\n1,100\n2,80\n", {}, "without a gap or a double"),
        ("period,survivors\n0,100\n1,80\n1,70\n", {}, "without a gap or a double"),
    ],
)
def test_a_table_that_cant_be_used_says_why(read, text, options, said):
    made, problems = read(text, **options)
    assert said in errors(problems)
    assert made is None or not made.has("subscriptions")


@pytest.mark.parametrize("option", ["period", "left"])
def test_other_tables_have_no_period(tmp_path, option):
    (tmp_path / "o.csv").write_text(ORDERS)
    card = {"transactions": {"path": "o.csv", option: "month"}}
    _, problems = dataset.build(card, tmp_path / "card.toml")
    assert f"unknown entries: {option}" in errors(problems)


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("x,,yes", "no tenure"),
        ("x,3,", "no churned"),
        ("x,many,no", "tenure can't be read"),
        ("x,-2,no", "tenure is not a whole number of 0 or more"),
        ("x,2.5,no", "tenure is not a whole number of 0 or more"),
        ("x,3,perhaps", "churned can't be read"),
        ("c1,3,no", "a further row of a customer"),
    ],
)
def test_one_bad_row_among_many_is_dropped_counted_and_said(read, row, reason):
    made, problems = read(PEOPLE + row + "\n")
    assert not errors(problems)
    assert balance(made) == {"read": 61, "kept": 60, "dropped": 1}
    dropped = made.ledger[(made.ledger["table"] == "subscriptions") & (made.ledger["action"] == "dropped")]
    assert dropped["reason"].tolist() == [reason]
    assert about(problems, reason)[0].grade == "warning"


def test_a_price_below_0_is_left_empty_and_said(read):
    made, problems = read("tenure,churned,price\n1,no,-5\n2,no,8\n3,no,inf\n")
    assert made.table("subscriptions").to_pandas()["price"].tolist()[1] == 8
    assert about(problems, "below 0 or not finite")[0].count == 2


# -- as it stood on a day ------------------------------------------------------------------------------------------

DATED = (
    "customer_id,tenure,churned,started_on\n"
    "a,5,no,2024-01-10\n"  # still there on both days
    "b,2,yes,2024-01-10\n"  # left on 10 March
    "c,4,yes,2024-02-10\n"  # left on 10 June
    "d,0,no,2024-06-20\n"  # new in June
)


def test_with_a_start_the_subscriptions_stand_as_on_the_day_asked_for(read):
    made, problems = read(DATED, as_of="2024-04-30")
    rows = made.table("subscriptions").to_pandas().set_index("customer_id")
    assert rows["tenure"].to_dict() == {"a": 3, "b": 2, "c": 2}
    assert rows["churned"].to_dict() == {"a": "no", "b": "yes", "c": "no"}
    assert about(problems, "started after the as-of date 2024-04-30")[0].count == 1
    assert about(problems, "still there, fewer periods paid")[0].count == 2
    whole, problems = read(DATED)  # the last day with data is 30 June
    assert whole.table("subscriptions").to_pandas()["tenure"].tolist() == [5, 2, 4, 0]
    assert not about(problems, "")


def test_the_periods_of_a_cohort_that_ended_later_are_not_used(read):
    text = "started_on,period,survivors\n" + "".join(f"2024-01-15,{i},{100 - i}\n" for i in range(6))
    made, problems = read(text, as_of="2024-04-14")
    assert made.table("subscriptions").to_pandas()["period"].tolist() == [0, 1, 2]
    assert about(problems, "ended after the as-of date")[0].count == 3


def test_without_a_start_an_earlier_day_is_not_pretended(read):
    _, problems = read(PEOPLE, as_of="2024-04-30")
    assert about(problems, "without a column started_on")[0].grade == "warning"
    _, problems = read(PEOPLE)
    assert not about(problems, "without a column started_on")


def test_months_read_as_years_are_noticed_where_starts_are_given(read):
    rows = "".join(
        f"{i},{i % 40},no,{pd.Timestamp('2024-06-30') - pd.DateOffset(months=i % 40):%Y-%m-%d}\n" for i in range(80)
    )
    text = "customer_id,tenure,churned,started_on\n" + rows
    assert not about(read(text)[1], "")
    assert "have paid more years than have gone by" in errors(read(text, period="year")[1])
    (problem,) = about(read(text, period="week")[1], "less than half of the weeks")
    assert problem.grade == "warning"


# -- what it is taken for ------------------------------------------------------------------------------------------


def origins(made):
    return made.assumptions.set_index("name")[["value", "origin"]].T.to_dict("list")


def test_the_period_who_is_in_it_and_the_margin_are_listed_among_the_assumptions(read):
    made, _ = read("tenure,churned,price\n1,no,10\n2,no,30\n3,yes,99\n", economics={"margin": 0.4})
    found = origins(made)
    assert found["subscriptions.period"] == ["month", "card"]
    assert found["subscriptions.left"] == ["ever", "default"]
    assert found["margin_per_period"] == [8.0, "mean price × margin (margin: card)"]  # of those still there
    mine = subscriptions.subscribers(made)
    assert mine["margin"].tolist() == pytest.approx([4, 12, 39.6])
    there = subscriptions.staying(mine).sum()
    assert there["margin"] / there["customers"] == found["margin_per_period"][0]  # one name, one value


def test_a_margin_that_the_card_states_is_that_of_everybody(read):
    made, _ = read("tenure,churned,price\n1,no,10\n2,no,30\n", economics={"margin_per_period": 5}, left="last")
    assert origins(made)["margin_per_period"] == [5, "card"]
    assert origins(made)["subscriptions.left"] == ["last", "card"]
    assert subscriptions.subscribers(made)["margin"].tolist() == [5, 5]


def test_a_margin_that_nobody_knows_is_no_number(read):
    made, _ = read(COHORT)
    assert origins(made)["margin_per_period"] == [None, "default"]
    assert subscriptions.subscribers(made)["margin"].isna().all()
    assert "subscriptions.left" not in origins(made)  # cohorts are whole


def test_a_shop_without_subscriptions_lists_no_margin_per_period(demo):
    assert not [name for name in demo.assumptions["name"] if "period" in name or "subscriptions" in name]


def test_a_year_and_a_month_are_told_apart(read):
    yearly = subscriptions.rate_per_period(0.1, read(COHORT, period="year")[0].terms.periods_per_year)
    monthly = subscriptions.rate_per_period(0.1, read(COHORT, period="month")[0].terms.periods_per_year)
    assert yearly == pytest.approx(0.1)
    assert (1 + monthly) ** 12 == pytest.approx(1.1)


def test_init_proposes_a_card_for_a_file_of_subscribers(tmp_path):
    file = tmp_path / "telephone.csv"
    file.write_text("customerID,Contract,tenure,MonthlyCharges,Churn\n7590-V,One year,3,29.85,No\n", encoding="utf-8")
    text = propose.propose_card(file)
    assert 'period = "month"  # to be confirmed' in text
    (tmp_path / "c.toml").write_text(text.replace("# as_of", "as_of"), encoding="utf-8")
    card = read_card(tmp_path / "c.toml")
    assert "transactions" not in card
    assert card["subscriptions"]["columns"] == {
        "customer_id": "customerID", "tenure": "tenure", "churned": "Churn", "plan": "Contract",
        "price": "MonthlyCharges",
    }  # fmt: skip
    assert subscriptions.subscribers(dataset.load(tmp_path / "c.toml"))["tenure"].tolist() == [3]


def test_a_file_of_orders_is_never_taken_for_subscribers(tmp_path):
    file = tmp_path / "orders.csv"
    file.write_text("customer_id,date,amount,tenure,churn\n1,2024-01-31,10,3,no\n", encoding="utf-8")
    assert "[transactions]" in propose.propose_card(file)


# -- in a run ------------------------------------------------------------------------------------------------------


def failed(plan, folder):
    """What a run makes of a notebook that fails, without executing it."""
    where = folder / "failed.ipynb"
    where.write_text("{}", encoding="utf-8")
    return runner.Outcome(plan.file.stem, "failed", error="E: x", where=str(where)), None


def test_a_run_with_another_day_finds_the_file_and_a_changed_one_is_answered_anew(tmp_path, monkeypatch):
    (tmp_path / "orders.csv").write_text(ORDERS, encoding="utf-8")
    file = tmp_path / "subscribers.csv"
    file.write_text(DATED, encoding="utf-8")
    card = '[transactions]\npath = "orders.csv"\n[subscriptions]\npath = "subscribers.csv"\nperiod = "month"\n'
    (tmp_path / "acme.toml").write_text(card, encoding="utf-8")
    keys, loaded = [], []

    def record(plan, *_):
        keys.append(plan.key)
        loaded.append(dataset.load(plan.given["dataset"]).table("subscriptions").to_pandas()["tenure"].tolist())
        return failed(plan, tmp_path)

    monkeypatch.setattr(runner, "execute_apart", record)
    for _ in range(2):
        runner.run(str(tmp_path / "acme.toml"), as_of="2024-05-31", only=["07b"], out=tmp_path / "runs")
    file.write_text(DATED.replace("a,5,no", "a,4,no"), encoding="utf-8")
    runner.run(str(tmp_path / "acme.toml"), as_of="2024-05-31", only=["07b"], out=tmp_path / "runs")
    assert loaded == [[4, 2, 3], [4, 2, 3], [4, 2, 3]]
    assert keys[0] == keys[1] != keys[2]
    manifest = (tmp_path / "runs" / "acme" / "2024-05-31" / "manifest.json").read_text("utf-8")
    assert '"file": "subscribers.csv"' in manifest


@pytest.fixture
def lone(tmp_path):
    """The card of a client who has subscriptions and no transactions."""
    (tmp_path / "subscribers.csv").write_text(PEOPLE, encoding="utf-8")
    card = tmp_path / "lone.toml"
    card.write_text('as_of = 2025-03-31\n[subscriptions]\npath = "subscribers.csv"\nperiod = "month"\n')
    return card


def test_subscriptions_alone_are_a_dataset_of_the_day_that_the_card_states(lone):
    ds = dataset.load(lone)
    assert not ds.has("transactions")
    assert ds.starts == ds.as_of == pd.Timestamp("2025-03-31")
    assert subscriptions.subscribers(ds)["customers"].sum() == 60
    with pytest.raises(MissingTable, match=r"\[transactions\]"):
        ds.rfm_summary()


def test_subscriptions_alone_need_a_day(lone):
    lone.write_text(lone.read_text().replace("as_of = 2025-03-31\n", ""))
    with pytest.raises(DataError, match="nothing tells the day for which the subscriptions stand"):
        dataset.load(lone)


def test_a_run_of_subscriptions_alone_is_their_notebook_and_says_so_of_the_others(lone, tmp_path, monkeypatch):
    seen = []

    def record(plan, *_):
        seen.append(plan.file.stem)
        return failed(plan, tmp_path)

    monkeypatch.setattr(runner, "execute_apart", record)
    runner.run(str(lone), out=tmp_path / "runs")
    assert seen == ["07b_contractual"]
    folder = tmp_path / "runs" / "lone" / "2025-03-31"
    assert not (folder / "customers.csv").exists()
    page = (folder / "report.html").read_text("utf-8")
    assert "without the single purchases that it needs" in page
    assert "Subscriptions as of" in page
    with pytest.raises(UsageError, match="has no single purchases"):
        runner.run(str(lone), only=["03", "07b"], out=tmp_path / "runs")


def test_subscriptions_are_named_by_the_card_alone(tmp_path):
    with pytest.raises(UsageError, match="No notebook of this run has a parameter 'subscriptions'"):
        runner.run("demo", settings={"subscriptions": "x.csv"}, only=["07b"], out=tmp_path)
