"""What every input must come to: a typed error, or a table whose ledger adds up."""

from pathlib import Path
from typing import Any

import pandas as pd

from clvlib import dataset
from clvlib.errors import ClvError
from clvlib.ingest.card import read_card


def read(card: Path) -> tuple[Any, list[str]]:
    """The dataset of a card, None where it can't be used, and the errors that say why."""
    try:
        found, problems = dataset.build(read_card(card), card)
    except ClvError as error:
        return None, [str(error)]
    for problem in problems:
        str(problem).encode()
    errors = [str(problem) for problem in problems if problem.grade == "error"]
    return (None if errors else found), errors


def unbalanced(ledger: pd.DataFrame) -> list[str]:
    """The tables of a ledger whose rows, or money, read aren't those kept and dropped."""
    wrong = []
    for name, lines in ledger[~ledger["reason"].str.startswith("of which")].groupby("table"):
        sums = lines.groupby("action")[["rows", "money"]].sum(min_count=1).fillna(0)
        parts, whole = sums.drop(index="read").sum(), sums.loc["read"]
        near = abs(parts["money"] - whole["money"]) <= 1e-6 * max(1.0, abs(whole["money"]))
        if parts["rows"] != whole["rows"] or not near:
            wrong.append(str(name))
    return wrong
