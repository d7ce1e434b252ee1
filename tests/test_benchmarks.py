"""The benchmarks still run, on so few rows that nothing is judged; and the rules by which they judge."""

import json
import sys
from pathlib import Path

import pytest

from benchmarks import __main__ as bench
from benchmarks import results, shops, sides, tasks

COMMANDS = ("clv check", "clv run", "slowest notebook on CDNOW", "make demo")  # these have tests of their own


def row(size: int = 1_000_000, task: str = "summary", **told) -> results.Row:
    ours = {"seconds": 2.0, "low": 1.0, "high": 3.0, "runs": 3, "peak_gb": 1.0, "answer": 5.0}
    given = {"ours": ours, "peer": ours | {"name": "peer", "seconds": 20.0}, "read_once": ours | {"seconds": 0.1}}
    return {"task": task, "size": size, "data": "", "date": "2026-01-31", "targets": {}} | given | told


def failing(folder: Path) -> sides.Measured:
    raise ValueError(f"nothing in {folder}")


def missing(folder: Path) -> sides.Measured:
    raise ModuleNotFoundError(f"nothing in {folder}")


@pytest.fixture(scope="module")
def data(tmp_path_factory) -> dict[str, Path]:
    """Folders of data of each kind, by the name of what makes them."""
    folders = {}
    for made in (shops.purchases, shops.orders, shops.histories):
        folders[made.__name__] = tmp_path_factory.mktemp(made.__name__)
        made(folders[made.__name__], 200)
    return folders


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", dict.fromkeys(task.name for task in tasks.TASKS if task.name not in COMMANDS))
def test_each_side_of_a_task_is_measured(name, data):
    task = next(task for task in tasks.TASKS if task.name == name)
    peers = [peer for name, peer in task.peers.items() if name not in ("our summary", "pymc-marketing")]
    for side in [task.ours, *peers, sides.read_once]:
        found = side(data[task.made.__name__])
        assert found.seconds > 0
        assert found.peak_gb is None or 0.02 < found.peak_gb < 4


def test_data_have_as_many_rows_as_they_say(tmp_path):
    import duckdb

    said = shops.purchases(tmp_path, 2000)
    with duckdb.connect() as connection:
        [(customers, rows)] = connection.execute(
            f"SELECT count(DISTINCT customer_id), count(*) FROM '{tmp_path}/purchases.parquet'"
        ).fetchall()
    assert said == f"2k, {shops.short(rows)} rows"
    assert customers == 2000
    assert 4 < rows / customers < 5.5
    assert shops.orders(tmp_path, 300) == "300 rows"
    assert len((tmp_path / "orders.csv").read_text().splitlines()) == 301


def test_a_run_prints_judges_and_writes_every_row(tmp_path, monkeypatch, capsys):
    peers = {"again": sides.read_once, "broken": failing, "elsewhere": missing}
    quick = tasks.Task("quick", 300, sides.read_once, {"ratio": 1e9}, shops.orders, peers, times=2)
    monkeypatch.setattr(bench, "TASKS", [quick])
    monkeypatch.setattr(sys, "argv", ["benchmarks", "--out", str(tmp_path)])
    readme = tmp_path / "README.md"
    readme.write_text(f"before\n{results.BEGIN}\n{results.END}\nafter\n")
    assert bench.main() == 1
    said = capsys.readouterr().out
    assert "ratio ≥ 1e+09 MISSED" in said
    assert "failed: ValueError" in said
    assert "not installed" in said
    told = json.loads((tmp_path / "results.json").read_text("utf-8"))
    assert [each["peer"]["name"] for each in told["rows"]] == ["again", "broken", "elsewhere"]
    assert [each["missed"] for each in told["rows"]] == [["ratio"], [], []]
    assert told["rows"][0]["ours"]["runs"] == 2
    assert told["machine"].keys() == {"cores", "memory_gb", "system"}
    assert (tmp_path / "results.png").stat().st_size > 5000
    assert readme.read_text("utf-8") == f"before\n{results.BEGIN}\n{results.quoted(tmp_path)}{results.END}\nafter\n"


def test_a_row_that_is_measured_again_takes_the_place_of_the_old_one():
    old = [row(), row(10_000_000), row(task="clv run"), row(task="a task that is gone")]
    new = [row(10_000_000, peer=None)]
    rows = bench.replaced(old, new)
    assert [(each["task"], each["size"]) for each in rows] == [
        ("summary", 1_000_000),
        ("summary", 10_000_000),
        ("clv run", 1_000_000),
    ]
    assert rows[1] is new[0]


def test_a_ratio_is_met_from_its_target_on_and_all_else_up_to_it():
    targets = {"ratio": 10, "seconds": 2, "peak_gb": 0.9, "loss": 1e-9}
    [found] = results.judged([row(targets=targets)])
    assert found["measures"]["ratio"] == 10
    assert found["measures"]["share_of_limit"] == pytest.approx(0.05)
    assert found["missed"] == ["peak_gb"]
    assert results.cells(found)[-1] == "ratio ≥ 10 met, ≤ 2 s met, ≤ 0.9 GB MISSED, loss not larger met"


@pytest.mark.parametrize(("ours", "peers", "missed"), [(5.0, 5.1, []), (-5.1, -5.0, []), (-5.0, -5.1, ["loss"])])
def test_a_loss_below_0_is_the_smaller_the_further_below_it_is(ours, peers, missed):
    answers = {side: row()[side] | {"answer": answer} for side, answer in (("ours", ours), ("peer", peers))}
    [found] = results.judged([row(**answers, targets={"loss": 1e-9})])
    assert found["missed"] == missed


def test_growth_is_told_from_the_row_of_a_million():
    slower, faster = ({"seconds": seconds, "peak_gb": 1.3} for seconds in (2 * 12.0, 2 * 11.0))
    targets = {"growth": 1, "memory_growth": 1.25}  # n log n of ten million is 11.7 times that of a million
    rows = [row(), *(row(10_000_000, ours=row()["ours"] | each, targets=targets) for each in (slower, faster))]
    assert [each["missed"] for each in results.judged(rows)] == [[], ["growth", "memory_growth"], ["memory_growth"]]
    [alone] = results.judged(rows[1:2])
    assert alone["missed"] == []
    assert results.cells(alone)[-1] == "seconds ≤ n log n not measured, GB ≤ 1.25 × of a million not measured"


def test_what_failed_misses_all_its_targets():
    [found] = results.judged([row(ours={"failed": "failed: MemoryError"}, targets={"seconds": 5, "ratio": 2})])
    assert found["missed"] == ["seconds", "ratio"]
    assert "failed: MemoryError" in results.cells(found)


def test_every_target_has_words_and_growth_a_row_to_be_told_from():
    assert {name for task in tasks.TASKS for name in task.targets} <= set(results.TARGETS)
    assert len({(task.name, task.size) for task in tasks.TASKS}) == len(tasks.TASKS)
    for task in tasks.TASKS:
        if {"growth", "memory_growth"} & set(task.targets):
            assert (task.name, results.BASE) in {(other.name, other.size) for other in tasks.TASKS}


def test_a_command_is_measured_with_all_that_it_starts_and_its_failure_is_one(tmp_path, monkeypatch):
    starting = "import subprocess, sys; subprocess.run([sys.executable, '-c', sys.argv[1]])"
    monkeypatch.setattr(sides, "CLV", starting)
    found = sides.typed(str(tmp_path), ["import time; held = b'x' * 300_000_000; time.sleep(1)"])
    assert found.seconds > 1
    assert 0.3 < found.peak_gb < 0.5
    monkeypatch.setattr(sides, "CLV", "raise SystemExit(3)")
    with pytest.raises(RuntimeError, match="clv run ended with 3"):
        sides.command("run", tmp_path)


def test_the_demo_is_timed_by_the_commands_of_the_makefile(tmp_path, monkeypatch):
    monkeypatch.setattr(sides, "typed", lambda place, *commands: commands)
    assert [words[:2] for words in sides.make_demo(tmp_path)] == [["run", "demo"], ["run", "demo"], ["run", "cdnow"]]


def test_the_slowest_notebook_of_a_run_is_found(tmp_path, monkeypatch):
    def typed(place, *commands):
        (Path(place) / "manifest.json").write_text('{"notebooks": [{"seconds": 3.1}, {"seconds": 5.2}]}')
        return sides.Measured(60.0, 1.5)

    monkeypatch.setattr(sides, "typed", typed)
    assert sides.slowest_notebook(tmp_path) == sides.Measured(5.2, 1.5)


def test_the_readme_quotes_the_last_results():
    text = (bench.HERE / "README.md").read_text("utf-8")
    assert text.partition(results.BEGIN + "\n")[2].partition(results.END)[0] == results.quoted(bench.HERE)
