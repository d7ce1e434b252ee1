"""A dataset → the few numbers by which a client can say, before a run, that these are his sales."""

from typing import Any

import pandas as pd

from clvlib.aggregate import purchases, totals
from clvlib.dataset import Dataset
from clvlib.ingest import in_place
from clvlib.language import Template, phrase, word
from clvlib.stats import rounded


def account(ds: Dataset) -> pd.DataFrame:
    """Rows, customers, orders (counts) and revenue (currency) that were read, left out and kept, as the index says.

    Customers and orders that are left out are those without a row that was kept; orders as `in_place.tally` counts.
    MissingTable without transactions.
    """
    kept = in_place.tally(ds.transactions)
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
        table = phrase(
            "{n:,} customer(s), {purchases:,.0f} purchase(s), {amount:,.2f} in all",
            n=len(known),
            purchases=sums["purchases"],
            amount=sums["amount"],
        )
        first, last = known["first_purchase"].min(), known["last_purchase"].max()
        summary, largest = ds.rfm_summary(), totals.largest_of_totals(known)
        brief: dict[str, Any] = {"customers": len(summary), "revenue": summary["total_spend"].sum(), "largest": None}
        if "customer" in largest.index:
            top = largest.loc["customer"]
            brief |= {"largest": top["name"], "amount": top["amount"], "share": top["share"]}
    else:
        whole = dict.fromkeys(map(word, ("rows", "customers", "orders")), lambda n: Template().format("{:,}", n))
        money = {word("revenue"): lambda paid: Template().format("{:,.2f}", round(paid, 2) + 0.0)}  # no “-0.00”
        table = account(ds).rename(index=word, columns=word).to_string(formatters={**whole, **money})
        days = ds.transactions["date"]
        first, last = ds.transactions.agg(first=days.min(), last=days.max()).to_pandas().iloc[0]
        brief = purchases.in_brief(ds.transactions, ds.as_of)
    lines = [
        phrase("To confirm, in {currency}:", currency=ds.currency),
        *table.splitlines(),
        phrase("first row {first:%Y-%m-%d}, last {last:%Y-%m-%d}", first=first, last=last),
        phrase(
            "with a purchase, so in customers.csv: {customers:,} customer(s), who brought {revenue:,.2f}",
            customers=brief["customers"],
            revenue=brief["revenue"],
        ),
    ]
    if brief["largest"] is not None:
        told = {name: brief[name] for name in ("largest", "amount", "share")}
        lines.append(phrase("largest customer: {largest}, who brought {amount:,.2f} ({share:.1%})", **told))
    return "\n".join(lines)
