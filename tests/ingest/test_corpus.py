"""Every input of the corpus ends in a typed error or in the right table, in bounded time and memory."""

import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import ibis
import pandas as pd
import pytest

from clvlib.errors import DataError
from clvlib.ingest import sources
from tests import fuzz
from tests.contract import read, unbalanced
from tests.corpus import CASES, PLAIN, Case

SECONDS = 120  # after which a read is taken for endless, on a busy machine
ONCE = (  # ended in a traceback, or in silence
    "an encoding with a NUL", "a delimiter that is a quote", "our own names as headings", "sqlite of our own names",
    "a line of 5 MB and no end", "path of nothing", "path of a name too long", "workbook named by a NUL",
    "card of a thousand brackets", "card of a long number", "card where to_confirm is a number",
    "card where to_confirm is a text", "card where horizon is of 400 digits", "section where columns are empty lists",
)  # fmt: skip
LONG = ("workbook", "package")  # a process of its own, an import
QUICK = [*ONCE, *[name for name, case in CASES.items() if not case.slow and not name.startswith(LONG)][::32]]


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


@pytest.mark.parametrize("name", QUICK)
def test_an_input_ends_in_a_typed_error_or_in_the_right_table(tmp_path, name):
    meets(CASES[name], CASES[name].write(tmp_path))


@pytest.mark.proof
@pytest.mark.parametrize("name", [name for name in CASES if name not in QUICK])
def test_every_input_ends_in_a_typed_error_or_in_the_right_table(tmp_path, name):
    meets(CASES[name], CASES[name].write(tmp_path))


@pytest.mark.proof
@pytest.mark.skipif(sys.platform != "linux", reason="the system counts memory otherwise")
def test_no_input_takes_more_than_two_gigabytes(tmp_path):
    for name in [name for name, case in CASES.items() if case.slow]:
        card = CASES[name].write(tmp_path / str(len(list(tmp_path.iterdir()))))
        code = (
            "import resource, sys; from pathlib import Path; from tests.contract import read; read(Path(sys.argv[1])); "
            "print(max(resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)))"
        )
        done = subprocess.run([sys.executable, "-c", code, str(card)], capture_output=True, text=True, check=True)
        assert int(done.stdout) < 2 * 1024**2, name


START = {"csv": b"", "parquet": b"PAR1", "db": b"SQLite format 3", "xlsx": b"PK\x03\x04", "duckdb": b"\0" * 8 + b"DUCK"}


@pytest.mark.parametrize("ending", [e if e != "xlsx" else pytest.param(e, marks=pytest.mark.proof) for e in START])
def test_a_file_that_vanishes_while_it_is_read_is_said(tmp_path, monkeypatch, ending):
    path = tmp_path / f"a.{ending}"
    path.write_bytes(START[ending] + PLAIN.encode())
    start = sources._start

    def gone(path):
        found = start(path)
        path.unlink()
        return found

    monkeypatch.setattr(sources, "_start", gone)
    connection = ibis.duckdb.connect().con
    with pytest.raises(DataError):
        sources.read(connection, path, "raw", {})


def test_mutations_of_the_corpus_don_t_crash():
    tried, crashes = fuzz.fuzz(10, seed=2026)
    assert tried
    assert not crashes, "\n".join(crashes.values())
