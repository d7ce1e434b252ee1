"""What `clv check` found → check.html: one file that says without a script, offline, what may be believed of the data.

The ledger in rows and money, each finding, what each notebook can tell, how orders are spread, and the days, pauses and
customers to look at.
"""

import re
from collections.abc import Callable, Hashable, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

import pandas as pd

from clvlib import aggregate, wording
from clvlib.aggregate import inspection, purchases, totals
from clvlib.dataset import Dataset
from clvlib.errors import Problem, Rows, printable
from clvlib.files import write_text
from clvlib.language import message, phrase, spoken, translated, word
from clvlib.run import reconcile
from clvlib.run.outcome import answering, lacking
from clvlib.run.pages import period_of, rendered

MOST_LISTED = 10  # days or pauses of each kind, the largest
_MOST_PERIODS = 40  # in a picture over time
_GRADES = message({"error": "to mend first", "warning": "to look at", "note": "to know"})
_ADDRESS = re.compile(r"[^\s\"'“”(),;]+@[^\s\"'“”(),;]+")
_THINNEST = 0.8  # percent of the width, so that a bar is seen
_LONG = 60  # letters: an example that is longer is a text, which may name anybody


def write_check(name: str, ds: Dataset | None, problems: Sequence[Problem], target: Path) -> None:
    """Write the page of what was found in the data of that name; `ds`: None where they can't be read."""
    write_text(target, check_page(name, ds, problems))


def check_page(name: str, ds: Dataset | None, problems: Sequence[Problem]) -> str:
    """Give the whole page."""
    if ds is None:
        wording.write_for(spoken(), "EUR")  # no money is known
    else:
        ds.speak()
        wording.write_for(ds.locale, ds.currency, ds.usual_amount())
    read = {} if ds is None else ds.ledger[ds.ledger["action"] == "read"].groupby("table")["rows"].sum().to_dict()
    found = [_finding(problem, read) for grade in _GRADES for problem in problems if problem.grade == grade]
    return rendered(
        "check.html.jinja",
        *("report.css", "check.css"),
        name=printable(name),
        ds=ds,
        period="" if ds is None else period_of(ds),
        today=pd.Timestamp.now(),
        findings=found,
        errors=[finding for finding in found if finding["grade"] == "error"],
        tables=[] if ds is None else _waterfalls(ds.ledger.assign(money=float("nan")) if ds.counts else ds.ledger),
        account=[] if ds is None or not ds.has("transactions") else _account(ds),
        seen=_seen(ds) if ds is not None and ds.sells else {},
        notebooks={} if ds is None else _readiness(ds),
        rules={
            "spike": inspection.rule(inspection.RULE_OF_SPIKES),
            "pause": inspection.rule(inspection.RULE_OF_PAUSES),
        },
        most=MOST_LISTED,
        **{way: getattr(wording, way) for way in ("count", "date", "money", "percent")},
    )


def _finding(problem: Problem, read: dict[Hashable, int]) -> dict[str, Any]:
    """A problem in the words of the page: no address, no long text of the file."""
    table, of = problem.where.replace("_", " "), read.get(problem.where, 0)
    share = problem.count / of if isinstance(problem.count, Rows) and of else None
    examples = [text if len(text) <= _LONG else translated("a long text") for text in problem.examples]
    texts = {"what": problem.what, "mend": problem.mend, "examples": ", ".join(examples)}
    said = {key: _ADDRESS.sub(translated("(an address)"), printable(text)) for key, text in texts.items()}
    return {
        "grade": problem.grade,
        "called": translated(_GRADES[problem.grade]),
        "table": word(table),
        "share": share,
        **said,
    }


def _waterfalls(ledger: pd.DataFrame) -> list[dict[str, Any]]:
    """Each table's ledger, each line with where its bars begin and how long they are, in percent of what was read."""
    tables = []
    for name, lines in ledger.groupby("table", sort=False):
        left: dict[str, float] = {}
        rows: list[dict[Hashable, Any]] = []
        for line, paid in zip(lines.to_dict("records"), wording.column(lines["money"], "money"), strict=True):
            part = line["action"] == "kept" and any(row["action"] == "kept" for row in rows)  # of those that are kept
            row: dict[Hashable, Any] = {**line, "reason": printable(str(line["reason"])), "part": part, "paid": paid}
            for unit in ("rows", "money"):
                size = 0.0 if wording.is_missing(line[unit]) else float(line[unit])
                if line["action"] == "read":
                    left[unit] = left[f"all {unit}"] = size
                start = 0.0 if line["action"] in ("read", "kept") else left[unit] - size
                left[unit] -= size if line["action"] not in ("read", "kept") else 0.0
                ends = sorted(min(max(100 * end / (left[f"all {unit}"] or 1), 0), 100) for end in (start, start + size))
                length = max(ends[1] - ends[0], _THINNEST if size else 0)
                row[f"{unit} bar"] = (round(min(ends[0], 100 - length), 2), round(length, 2))
            rows.append(row)
        tables.append(
            {"name": word(str(name).replace("_", " ")), "rows": rows, "money": bool(lines["money"].notna().any())}
        )
    return tables


def _account(ds: Dataset) -> list[dict[Hashable, Any]]:
    account = reconcile.account(ds)
    account["revenue"] = wording.column(account["revenue"], "money")
    return [{"what": what, **row} for what, row in account.to_dict("index").items()]


def _seen(ds: Dataset) -> dict[str, Any]:
    """What `inspection` finds in the purchases, or the little that totals tell."""
    from clvlib import readiness

    if ds.has("totals"):
        last = totals.read_totals(ds.table("totals"))["last_purchase"].max()
        return {"gates": readiness.gates(ds, last)}
    with purchases.by_order(ds.transactions, ds.as_of).cache() as orders:
        days, odd = inspection.by_day(orders), inspection.unusual(orders)
        values, each = inspection.order_values(orders), inspection.orders_each(orders)
    if days.empty:
        return {}
    spikes, pauses = inspection.spikes(days), inspection.pauses(days, ds.as_of)
    between = inspection.days_between(aggregate.gaps(ds.transactions, ds.as_of))
    return {
        "gates": readiness.gates(ds, days.index.max()),
        "values": [] if ds.counts else _bands(values, wording.money),
        "each": _bands(each.drop(columns="amount") if ds.counts else each, wording.count),
        "between": _bands(between, wording.count),
        "periods": _over_time(days.drop(columns="amount") if ds.counts else days),
        "spikes": spikes,
        "largest_spikes": spikes.nlargest(MOST_LISTED, "orders").sort_index(),
        "pauses": pauses,
        "missed": pauses["missed"].sum() * days["amount"].sum() / days["orders"].sum(),
        "longest_pauses": pauses.nlargest(MOST_LISTED, "missed").sort_values("first"),
        "unusual": odd,
        "why_unusual": {name: tuple(map(inspection.rule, told)) for name, told in inspection.UNUSUAL.items()},
        "orders": int(days["orders"].sum()),
    }


def _over_time(days: pd.DataFrame) -> dict[str, Any]:
    """Orders and money by the shortest of week, month, quarter and year that leaves few enough periods."""
    rules = {"week": "W-MON", "month": "MS", "quarter": "QS", "year": "YS"}
    trades = {span: days.resample(rule, closed="left", label="left").sum() for span, rule in rules.items()}
    span = next((span for span, trade in trades.items() if len(trade) <= _MOST_PERIODS), "year")
    return {"span": span, "rows": _bars([wording.date(day) for day in trades[span].index], trades[span])}


def _bands(bands: pd.DataFrame, write: Callable[[float], str]) -> list[dict[str, Any]]:
    """Rows of a picture of bands, the empty ones at both ends left out: “under 5”, “5 to 10”, “10 or more”, “3”."""
    held = bands[bands.drop(columns=["low", "high"]).iloc[:, 0] > 0].index
    bands = bands.loc[held.min() : held.max()] if len(held) else bands.head(0)
    names = []
    for low, high in zip(bands["low"], bands["high"], strict=True):
        if pd.isna(low):
            names.append(phrase("under {high}", high=write(high)))
        elif pd.isna(high):
            names.append(phrase("{low} or more", low=write(low)))
        else:
            both = phrase("{low} to {high}", low=write(low), high=write(high))
            names.append(write(low) if low == high else both)
    return _bars(names, bands.drop(columns=["low", "high"]))


def _bars(names: Sequence[str], table: pd.DataFrame) -> list[dict[str, Any]]:
    """Rows of a picture of the first column: name, count, its share, length (percent of the longest), perhaps money."""
    counts = table.iloc[:, 0]
    most, whole = max(float(counts.max()), 1.0), max(float(counts.sum()), 1.0)
    paid = table["amount"].tolist() if "amount" in table else [None] * len(table)
    return [
        {"name": name, "count": n, "share": n / whole, "money": m, "length": round(100 * n / most, 2)}
        for name, n, m in zip(names, counts.tolist(), paid, strict=True)
    ]


def _readiness(ds: Dataset) -> dict[str, list[Any]]:
    """The claims of each notebook, in order; of one that a run of this dataset leaves out, why."""
    from clvlib import readiness

    told = groupby(readiness.all_told(ds), key=lambda claim: claim.notebook)
    by_notebook = {name: list(claims) for name, claims in told}
    lacks = lacking(ds)
    for name in by_notebook if lacks else ():
        if name not in answering(ds):
            why = phrase("A run leaves it out: the dataset has no {lacks}.", lacks=translated(lacks))
            by_notebook[name] = [readiness.Told(name, message("the whole notebook"), why)]
    return by_notebook
