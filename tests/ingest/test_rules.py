"""Tables beside the transactions: what is refused, left out with a line in the ledger, or only proposed."""

import pytest

from clvlib import dataset

ORDERS = "customer_id,date,amount,channel\n1,2025-01-01,10,web\n2,2025-01-02,20,Web\n1,2025-02-01,10,web\n"


@pytest.fixture
def read(tmp_path):
    """Write orders and further tables as CSV beside a card, and read it: dataset, problems."""

    def made(card=None, orders=ORDERS, **tables):
        content = {}
        for name, text in {"transactions": orders, **tables}.items():
            (tmp_path / f"{name}.csv").write_text(text, encoding="utf-8")
            content[name] = {"path": f"{name}.csv", **(card or {}).get(name, {})}
        return dataset.build(content, tmp_path / "card.toml")

    return made


def about(problems, table, word):
    return [problem for problem in problems if problem.where == table and word in str(problem)]


def many(row, times=40):
    return many_ids(row, *range(times))


def many_ids(row, *names):
    return "".join(row.format(name) for name in names)


def test_touchpoints_of_unknown_customers_are_left_out_with_a_line_in_the_ledger(read):
    made, problems = read(
        customers="customer_id,age\n1,30\n3,31\n",
        touchpoints="customer_id,date,channel\n" + many_ids("{},2025-01-01,email\n", 1, 9, 3, 2),
    )
    assert made.table("touchpoints").to_pandas()["customer_id"].tolist() == ["1", "3", "2"]
    (problem,) = about(problems, "touchpoints", "no other table")
    assert (problem.grade, problem.count, problem.examples) == ("warning", 1, ("9",))
    ledger = made.ledger[made.ledger["table"] == "touchpoints"].set_index("action")["rows"]
    assert ledger.to_dict() == {"read": 4, "dropped": 1, "kept": 3}


def test_without_a_table_of_customers_touchpoints_are_all_kept(read):
    made, _ = read(touchpoints="customer_id,date,channel\n1,2025-01-01,email\n9,2025-01-01,email\n")
    assert made.table("touchpoints").count().to_pandas() == 2


def test_a_channel_spelt_three_ways_gets_a_proposal_and_is_left_alone(read):
    spelt = ("e-mail", "E-Mail", "email", "email")
    orders = "customer_id,date,amount,channel\n" + "".join(
        f"{i},2025-01-01,10,{name}\n" for i, name in enumerate(spelt)
    )
    made, problems = read(orders=orders)
    (problem,) = about(problems, "transactions", "spell")
    assert problem.grade == "warning"
    assert problem.count == 2
    assert 'values = { channel = { "E-Mail" = "email", "e-mail" = "email" } }' in problem.mend
    assert set(made.transactions.to_pandas()["channel"]) == {"e-mail", "E-Mail", "email"}


def test_the_proposed_mapping_mends_the_spelling(read):
    made, problems = read({"transactions": {"values": {"channel": {"Web": "web"}}}})
    assert not about(problems, "transactions", "spell")
    assert set(made.transactions.to_pandas()["channel"]) == {"web"}


def test_spellings_are_compared_between_tables(read):
    _, problems = read(touchpoints="customer_id,date,channel\n1,2025-01-01,WEB\n")
    assert '"WEB" = "web"' in about(problems, "touchpoints", "spell")[0].mend


def test_a_mapping_that_is_no_mapping_is_refused(read):
    made, problems = read({"transactions": {"values": {"channel": "web"}}})
    assert made is None
    assert about(problems, "transactions", "values wants")


def test_scores_out_of_0_to_10_are_dropped_and_said(read):
    surveys = "customer_id,date,score\n1,2025-01-01,11\n" + many("{},2025-01-01,7\n")
    made, problems = read(surveys=surveys)
    assert made.table("surveys").count().to_pandas() == 40
    (problem,) = about(problems, "surveys", "not between 0 and 10")
    assert (problem.grade, problem.count, problem.examples) == ("warning", 1, ("11",))


def test_scores_on_another_scale_are_an_error(read):
    _, problems = read(surveys="customer_id,date,score\n" + many("1,2025-01-01,{}5\n", 9))
    assert about(problems, "surveys", "not between 0 and 10")[0].grade == "error"


def test_missing_and_negative_marketing_costs_are_dropped_with_their_reason(read):
    costs = "channel,period,cost\nsearch,2025-01-01,\nsocial,2025-01-01,-5\n" + many("web,2025-01-01,10\n")
    made, _ = read(marketing_costs=costs)
    dropped = made.ledger[(made.ledger["table"] == "marketing_costs") & (made.ledger["action"] == "dropped")]
    assert dropped.set_index("reason")["rows"].to_dict() == {
        "no cost": 1,
        "cost is below 0": 1,
        "exact duplicate of another row": 39,
    }


def test_a_negative_acquisition_cost_is_left_empty_and_said(read):
    made, problems = read(customers="customer_id,acquisition_cost\n1,-5\n2,7\n3,\n")
    cost = made.customers()["acquisition_cost"]
    assert cost["2"] == 7
    assert cost[["1", "3"]].isna().all()
    assert about(problems, "customers", "are below 0")[0].count == 1


def test_consent_that_is_unknown_is_no(read):
    made, problems = read(customers="customer_id,consent\n1,YES\n2,\n3,maybe\n4,Oui\n5,0\n")
    assert made.customers()["consent"].to_dict() == {"1": "yes", "2": "no", "3": "no", "4": "yes", "5": "no"}
    (problem,) = about(problems, "customers", "consent")
    assert (problem.grade, problem.count, problem.examples) == ("note", 2, ("maybe",))


def test_a_second_row_of_a_customer_is_dropped_with_a_line_in_the_ledger(read):
    made, problems = read(customers="customer_id,age\n1,30\n1,31\n2,40\n")
    assert made.customers()["age"].to_dict() == {"1": "30", "2": "40"}
    assert about(problems, "customers", "further row")[0].grade == "warning"


def test_an_experiment_with_one_arm_is_said(read):
    _, problems = read(experiments="customer_id,experiment,variant\n1,offer,A\n2,offer,A\n")
    assert about(problems, "experiments", "one arm only, 'A'")[0].grade == "warning"


def test_customers_in_two_arms_are_counted(read):
    _, problems = read(
        experiments="customer_id,experiment,variant\n1,offer,A\n1,offer,B\n2,offer,B\n1,other,B\n2,other,A\n"
    )
    (problem,) = about(problems, "experiments", "more than one arm")
    assert (problem.count, problem.examples) == (1, ("1",))


def test_a_table_without_a_usable_row_is_left_out_and_said(read):
    made, problems = read(marketing_costs="channel,period,cost\nsearch,2025-01-01,\nsocial,2025-01-01,\n")
    assert not made.has("marketing_costs")
    assert about(problems, "marketing_costs", "the table is left out")[0].grade == "warning"


def test_planned_tests_are_left_out_and_said(read):
    experiments = (
        "customer_id,experiment,variant,date\n1,next,A,2999-01-01\n1,offer,A,2025-01-01\n2,offer,B,2025-01-01\n"
    )
    made, problems = read(experiments=experiments)
    assert made.table("experiments").count().to_pandas() == 2
    assert about(problems, "experiments", "future")[0].grade == "warning"


def test_one_amount_that_is_nearly_all_of_the_money_is_said_with_its_share(build):
    """Before, one amount of a million in 282 made "€12,622 each" without a word."""
    lines = "".join(f"c{i % 40},2025-{1 + i % 6:02d}-{1 + i % 28:02d},40\n" for i in range(200))
    made, problems = build(f"customer_id,date,amount\n{lines}c7,2025-06-30,1000000\n")
    said = [str(p) for p in problems if p.grade == "warning" and "of the money" in p.what]
    assert len(said) == 3
    assert said[0].startswith("transactions: one order of 201 is 99.2% of the money (for instance 2025-06-30).")
    reasons = made.ledger["reason"].tolist()
    assert [r for r in reasons if "of the money" in r] == [
        "of which the largest order: 99.2% of the money",
        "of which the largest day: 99.2% of the money",
        "of which the largest customer: 99.2% of the money",
    ]


def test_an_amount_that_was_undone_is_no_large_share_of_the_money(build):
    lines = "".join(f"c{i % 40},2025-{1 + i % 6:02d}-{1 + i % 28:02d},40,o{i}\n" for i in range(200))
    text = f"customer_id,date,amount,order_id\n{lines}c7,2025-06-29,80995,x\nc7,2025-06-30,-80995,x\n"
    _, problems = build(text)
    assert not [p for p in problems if "of the money" in p.what]


def test_an_order_of_a_million_among_small_ones_is_said(build):
    lines = "".join(f"c{i % 80},2025-{1 + i % 6:02d}-{1 + i % 28:02d},36,o{i}\n" for i in range(282))
    _, problems = build(f"customer_id,date,amount,order_id\n{lines}c7,2025-06-29,1000000,x\n")
    assert "one order of 283 is 99.0% of the money" in [p.what for p in problems]


@pytest.mark.parametrize(
    ("here", "there", "cause"),
    [
        ("A{}@example.org", "a{}@EXAMPLE.org", "upper and lower case"),
        ("00{}", "{}", "zeros at the start"),
        ("FR-{} ", "fr {}", "spaces, hyphens"),
        ("x{}", "y{}", "name customers alike"),
    ],
)
@pytest.mark.parametrize("table", ["customers", "surveys"])
def test_tables_that_never_meet_are_said_with_the_likely_cause(read, here, there, cause, table):
    orders = "customer_id,date,amount\n" + many(f"{here},2025-01-01,10\n")
    rows = {"customers": f"{there},x\n", "surveys": f"{there},2025-01-01,9\n"}[table]
    head = {"customers": "customer_id,region\n", "surveys": "customer_id,date,score\n"}[table]
    _, problems = read(orders=orders, **{table: head + many(rows)})
    (problem,) = about(problems, table, "are in the transactions")
    assert problem.what.startswith("0 of its 40 customers")
    assert cause in problem.mend


def test_tables_that_meet_are_not_spoken_of(read):
    orders = "customer_id,date,amount\n" + many("{},2025-01-01,10\n")
    _, problems = read(orders=orders, customers="customer_id,region\n" + many("{},x\n", 79))
    assert not about(problems, "customers", "are in the transactions")
