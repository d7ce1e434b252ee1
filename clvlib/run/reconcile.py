"""A dataset → the few numbers by which a client can say, before a run, that these are his sales."""

from typing import Any

import pandas as pd

from clvlib.aggregate import purchases, totals
from clvlib.dataset import Dataset
from clvlib.ingest import rules
from clvlib.stats import rounded


def account(ds: Dataset) -> pd.DataFrame:
    """Rows, customers, orders (counts) and revenue (currency) that were read, left out and kept, as the index says.

    Customers and orders that are left out are those without a row that was kept; orders are counted by `rules.counted`.
    MissingTable without transactions.
    """
    kept = rules.counted(ds.transactions.get_backend().con, "transactions")
    read = ds.ledger[(ds.ledger["table"] == "transactions") & (ds.ledger["action"] == "read")].iloc[0]
    frame = pd.DataFrame({"read": {**ds.in_file, "revenue": read["money"]}, "kept": kept}).T
    frame.loc["read", "rows"] = read["rows"]  # also those of a broken line
    frame.loc["left out"] = frame.loc["read"] - frame.loc["kept"]
    frame = rounded(frame.astype(float)) + 0.0  # no “-0.00”
    return frame.loc[["read", "left out", "kept"]].astype(dict.fromkeys(("rows", "customers", "orders"), "int64"))


def account_in_words(ds: Dataset) -> str:
    """The account as lines to say yes to, with the first and last day, the largest customer and customers.csv."""
    if ds.has("totals"):
        known = totals.read_totals(ds.table("totals"))
        sums = known[["purchases", "amount"]].sum()
        table = f"{len(known):,} customer(s), {sums['purchases']:,.0f} purchase(s), {sums['amount']:,.2f} in all"
        first, last = known["first_purchase"].min(), known["last_purchase"].max()
        summary, largest = ds.rfm_summary(), totals.largest_of_totals(known)
        brief: dict[str, Any] = {"customers": len(summary), "revenue": summary["total_spend"].sum(), "largest": None}
        if "customer" in largest.index:
            top = largest.loc["customer"]
            brief |= {"largest": top["name"], "amount": top["amount"], "share": top["share"]}
    else:
        whole = dict.fromkeys(("rows", "customers", "orders"), "{:,}".format)
        money = {"revenue": lambda paid: f"{round(paid, 2) + 0.0:,.2f}"}  # no “-0.00”
        table = account(ds).to_string(formatters={**whole, **money})
        days = ds.transactions["date"]
        first, last = ds.transactions.agg(first=days.min(), last=days.max()).to_pandas().iloc[0]
        brief = purchases.in_brief(ds.transactions, ds.as_of)
    lines = [
        f"To confirm, in {ds.currency}:",
        *table.splitlines(),
        f"first row {first:%Y-%m-%d}, last {last:%Y-%m-%d}",
        f"with a purchase, so in customers.csv: {brief['customers']:,} customer(s), who brought "
        f"{brief['revenue']:,.2f}",
    ]
    if brief["largest"] is not None:
        lines.append(f"largest customer: {brief['largest']}, who brought {brief['amount']:,.2f} ({brief['share']:.1%})")
    return "\n".join(lines)
