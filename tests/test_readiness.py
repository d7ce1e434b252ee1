"""Whether a dataset holds enough for each notebook: what counting tells beforehand, by the methods' own guards."""

import ast
from pathlib import Path

import pandas as pd
import pytest

from clvlib import readiness
from clvlib.models import churn, forecast
from clvlib.run.refresh import NOTEBOOKS


def told(ds):
    return {(claim.notebook[:3].rstrip("_"), claim.what): claim.why for claim in readiness.all_told(ds)}


def shop(build, repeaters, once, days=400, **tables):
    """A shop of so many customers who came back, and who did not, over so many days."""
    start = pd.Timestamp("2024-01-01")
    rows = [(f"r{k}", start + pd.Timedelta(days=day), 10 + k) for k in range(repeaters) for day in (k, days - 1 - k)]
    rows += [(f"o{k}", start + pd.Timedelta(days=k % days), 20) for k in range(once)]
    text = pd.DataFrame(rows, columns=["customer_id", "date", "amount"]).to_csv(index=False)
    ds, problems = build(text, card=tables)
    assert ds is not None, problems
    return ds


def test_every_notebook_has_its_claims_in_order(demo):
    stems = [file.stem for file in sorted(NOTEBOOKS.glob("[0-9][0-9]*.ipynb"))]
    assert list(dict.fromkeys(claim.notebook for claim in readiness.all_told(demo))) == stems


def test_the_demo_shop_holds_enough_for_all_but_subscriptions(demo):
    assert {key for key, why in told(demo).items() if why} == {("07b", "how long subscribers stay")}


def test_a_reason_is_the_one_that_the_method_gives(build):
    few = shop(build, repeaters=forecast.MIN_REPEATERS - 1, once=20)
    why = told(few)["03", "what each customer will buy"]
    with pytest.raises(Exception, match="learns from repeat purchases, and 9 of 29") as refused:
        forecast.require_repeaters("A forecast", 9, 29)
    assert why == str(refused.value)
    enough = shop(build, repeaters=forecast.MIN_REPEATERS, once=20)
    assert told(enough)["03", "what each customer will buy"] == ""


def test_churn_needs_customers_of_both_kinds(build):
    key = ("04", "who will buy nothing in the next weeks")
    of_each = churn.FEWEST_OF_EACH
    assert "49 customer(s) bought; it takes 25 who buy again and 25 who don't" in told(shop(build, 20, 29))[key]
    assert told(shop(build, 20, 2 * of_each - 20))[key] == ""


def test_a_short_history_and_missing_tables_are_said(build):
    found = told(shop(build, 15, 60, days=20))
    assert "20 day(s) of history" in found["07", "retention, churn and value over time"]
    assert "is too short to learn from" in found["04", "who will buy nothing in the next weeks"]
    assert "no table 'experiments'" in found["06", "tests judged by what customers were worth"]
    assert "20 day(s) of history; it takes 365" in found["07c", "quoted figures beside this shop's, over a year"]


def test_a_test_is_as_large_as_its_second_arm(build, tmp_path):
    arms = [(f"r{k}", "x", "mail") for k in range(30)] + [(f"o{k}", "x", "control") for k in range(24)]
    table = pd.DataFrame(arms, columns=["customer_id", "experiment", "variant"])
    table.to_csv(tmp_path / "tests.csv", index=False)
    few = shop(build, 30, 30, experiments={"path": "tests.csv"})
    key = ("06", "tests judged by what customers were worth")
    assert told(few)[key].startswith("24 customer(s) are in the second largest arm")


def test_gates_of_others_are_held_at_their_edges(build):
    ds = shop(build, 10, 489, days=490)
    found = readiness.gates(ds, ds.as_of - pd.Timedelta(days=30))
    assert found["has"].tolist() == [499, 490, 30]
    assert found["passed"].tolist() == [False, True, True]


def test_no_threshold_of_a_method_is_written_here():
    tree = ast.parse(Path(readiness.__file__).read_text("utf-8"))
    numbers = {node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and type(node.value) is int}
    assert numbers <= {0, 1, 2, *readiness.GATES}
