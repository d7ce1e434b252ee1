"""The account that a client can say yes to agrees with the file, counted by hand, and with customers.csv."""

import pandas as pd
import pytest

from clvlib.run import handover, reconcile

WHAT = ["rows", "customers", "orders", "revenue"]
ORDERS = (
    "customer_id,date,amount,order_id\n"
    "a,2025-01-03,10,1\na,2025-01-03,5,1\na,2025-02-03,20,2\n"  # two orders, one of two lines
    "b,2025-01-04,30,3\nb,2025-01-09,-30,3\n"  # all of it sent back
    "c,2025-01-05,0,4\n"  # nothing paid
    "d,1970-01-01,7,5\n"  # no row that can be used
    ",2025-01-06,40,6\n"  # nobody
    "e,2025-03-01,50,7\n"  # after the as-of date
)


def test_the_account_is_that_of_a_count_by_hand(build):
    found, problems = build(ORDERS, as_of="2025-02-28")
    account = reconcile.account(found)
    assert list(account.columns) == WHAT
    assert account.T.to_dict("list") == {"read": [9, 5, 6, 132], "left out": [3, 2, 3, 97], "kept": [6, 3, 3, 35]}
    (said,) = [problem for problem in problems if "no purchase up to" in problem.what]
    assert "4 of 5 customers" in said.what
    assert "nothing paid, or all of it refunded (2); no row that is used (2)" in said.what
    assert len(handover.gather_customers(found.rfm_summary(), [])) == 5 - said.count
    text = reconcile.account_in_words(found)
    assert "first row 2025-01-03, last 2025-02-03" in text
    assert "in customers.csv: 1 customer(s), who brought 35.00" in text
    assert "largest customer: a, who brought 35.00 (100.0%)" in text


def test_without_order_numbers_an_order_is_a_customers_day(build):
    text = "customer_id,date,amount\na,2025-01-03,10\na,2025-01-03,5\na,2025-01-04,1\nb,2025-01-03,1\nb,2025-02-03,-1\n"
    assert reconcile.account(build(text)[0]).loc["kept", "orders"] == 3


def test_the_account_of_the_demo_is_that_of_pandas(demo):
    path = next(file for file in demo.files if file.name == "transactions.csv")
    raw = pd.read_csv(path, dtype=str).assign(amount=lambda t: t["amount"].astype(float))
    usable = raw.drop_duplicates().dropna(subset="customer_id")
    usable = usable[pd.to_datetime(usable["date"], errors="coerce", format="mixed").notna()]
    account = reconcile.account(demo)
    for line, rows in {"read": raw, "kept": usable}.items():
        orders = rows[rows["amount"] > 0].groupby(["customer_id", "order_id"], dropna=False).ngroups
        counts = len(rows), rows["customer_id"].nunique(), orders, rows["amount"].sum()
        assert account.loc[line].tolist() == pytest.approx(counts)
    assert (account.loc["read"] - account.loc["left out"]).tolist() == pytest.approx(account.loc["kept"].tolist())
    text = reconcile.account_in_words(demo)
    summary = demo.rfm_summary()
    assert f"in customers.csv: {len(summary):,} customer(s)" in text
    (said,) = [problem for problem in demo.problems if "no purchase up to" in problem.what]
    assert said.count == account.loc["read", "customers"] - len(summary)
    top = summary["total_spend"].idxmax()
    assert f"largest customer: {top}, who brought {summary.loc[top, 'total_spend']:,.2f}" in text
