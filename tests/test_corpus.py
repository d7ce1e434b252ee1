"""Every input of the corpus ends in a typed error or in the right table, in bounded time."""

import threading
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from clvlib import dataset
from clvlib.tables import ClvError
from tests.corpus import CASES, Case

SECONDS = 60  # after which a read is taken for endless
NAMES = list(CASES)


def read(card: Path) -> tuple[Any, list[str]]:
    """The dataset of a card, None where it can't be used, and the errors that say why."""
    found, problems = None, ()
    try:
        found, problems = dataset.build(dataset.read_card(card), card)
    except ClvError as error:
        return None, [str(error)]
    errors = [str(problem) for problem in problems if problem.grade == "error"]
    [str(problem).encode() for problem in problems]
    return (None if errors else found), errors


def watched(card: Path) -> tuple[Any, list[str]]:
    """`read`, given up after SECONDS; what it raises is raised."""
    result: list[Any] = []

    def work() -> None:
        try:
            result.append(read(card))
        except BaseException as error:
            result.append(error)

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    thread.join(SECONDS)
    assert result, f"not read within {SECONDS} seconds"
    if isinstance(result[0], BaseException):
        raise result[0]
    return result[0]


def unbalanced(ledger: pd.DataFrame) -> list[str]:
    """The tables of a ledger whose rows, or money, read aren't those kept and dropped."""
    wrong = []
    for name, lines in ledger[~ledger["reason"].str.startswith("of which")].groupby("table"):
        sums = lines.groupby("action")[["rows", "money"]].sum(min_count=1).fillna(0)
        parts, whole = sums.drop(index="read").sum(), sums.loc["read"]
        if parts["rows"] != whole["rows"] or parts["money"] != pytest.approx(whole["money"], nan_ok=True):
            wrong.append(str(name))
    return wrong


def meets(case: Case, card: Path) -> None:
    found, errors = watched(card)
    if found is None:
        assert errors
        assert case.error is not None, errors
        assert case.error in " ".join(errors)
        return
    assert case.rows is not None or case.error is None
    assert not unbalanced(found.ledger)
    kept = found.ledger.query("table == 'transactions' and action == 'kept'").iloc[0]
    if case.rows is not None:
        assert kept["rows"] == case.rows
    if case.money is not None:
        assert kept["money"] == pytest.approx(case.money)
    if case.first is not None:
        assert found.transactions["date"].min().to_pandas() == pd.Timestamp(case.first)


@pytest.mark.parametrize("name", NAMES)
def test_an_input_ends_in_a_typed_error_or_in_the_right_table(tmp_path, name):
    meets(CASES[name], CASES[name].write(tmp_path))
