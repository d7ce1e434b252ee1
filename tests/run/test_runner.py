import ast
import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import nbformat
import pandas as pd
import pytest

from clvlib import files
from clvlib.errors import DataError, UsageError
from clvlib.run import places, runner

PARAMETERS = 'dataset: str = "cdnow"  # name or path of a dataset card\nmonths: int = 12  # how far ahead'
WORKS = """
from clvlib import load, show
ds = load(dataset)
show.start(ds)
show.say("{n:count} months as of {day:date}", n=months, day=ds.as_of)
show.keep(ds.rfm_summary()[[]].assign(tier="=best"))
show.deliver(ds.rfm_summary()[["frequency"]].assign(how="=message"), "action_list")
with show.attempt("Channels"):
    ds.table("touchpoints")
import warnings
warnings.warn("noise that nobody should see")
"""
FAILS = "def boom():\n    raise ValueError('the wheel came off')\nboom()"
SLEEPS = "import time\ntime.sleep(600)"
LIGHT = "months + 1"  # needs nothing of the package, which takes seconds to load
HANDS_OVER = "import os, shutil\nshutil.copytree({made!r}, os.environ['CLV_RUN_FOLDER'], dirs_exist_ok=True)"


def make_notebook(folder: Path, name: str, *sources: str) -> None:
    cells = [nbformat.v4.new_markdown_cell(f"# {name}", id="title")]
    knobs = nbformat.v4.new_code_cell(PARAMETERS, id="parameters", metadata={"tags": ["parameters"]})
    tags = {"tags": ["finding"]}  # what it says stands in the report
    codes = [nbformat.v4.new_code_cell(source, id=f"code-{i}", metadata=tags) for i, source in enumerate(sources)]
    cells += [knobs, *codes]
    nbformat.write(nbformat.v4.new_notebook(cells=cells), folder / f"{name}.ipynb")


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    """A card of three customers, in a folder of its own."""
    folder = tmp_path_factory.mktemp("shop {braces}")
    rows = "0007,2025-01-03,20\n0007,2025-02-14,35.5\n12,2025-01-20,99\n12,2025-06-01,45\nzoé,2025-03-05,10\n"
    (folder / "orders.csv").write_text("customer_id,date,amount\n" + rows, encoding="utf-8")
    (folder / "acme.toml").write_text(
        'name = "Acme / Été"\ncurrency = "EUR"\npseudonyms = false\n[transactions]\npath = "orders.csv"\n'
    )
    return folder / "acme.toml"


@pytest.fixture(scope="module")
def notebooks(tmp_path_factory):
    folder = tmp_path_factory.mktemp("notebooks")
    make_notebook(folder, "00_works", WORKS)
    make_notebook(folder, "01_fails", "1 + 1", FAILS)
    make_notebook(folder, "02_sleeps", SLEEPS)
    make_notebook(folder, "03_light", LIGHT)
    return folder


@pytest.fixture(scope="module")
def ran(shop, notebooks, tmp_path_factory):
    """One run in which one notebook works and one fails: exit code, folder."""
    out = tmp_path_factory.mktemp("runs")
    code = runner.run(
        str(shop), as_of="2025-05-31", settings={"months": "24"}, only=["00", "01_fails"], out=out, notebooks=notebooks
    )
    return code, out / "acme-été" / "2025-05-31"


@pytest.fixture(scope="module")
def light(tmp_path_factory):
    """Source of a cell that hands over as WORKS does, by copying files: `light(list)`."""

    def source(name="action_list"):
        made = tmp_path_factory.mktemp("made")
        people = pd.DataFrame({"tier": ["best"]}, index=pd.Index(["12"], name="customer_id"))
        for file in ("scores/00_works.parquet", f"lists/00_works/{name}.parquet"):
            (made / file).parent.mkdir(parents=True)
            people.to_parquet(made / file)
        return HANDS_OVER.format(made=str(made))

    return source


def manifest(folder):
    return json.loads((folder / "manifest.json").read_text("utf-8"))


def test_a_delivered_list_is_a_file_beside_customers_without_formulas(ran):
    _, folder = ran
    text = (folder / "action_list.csv").read_bytes()
    assert text.startswith(b"\xef\xbb\xbfcustomer_id,frequency,how")
    assert b"'=message" in text
    assert "0007" in text.decode("utf-8-sig")


def test_a_list_that_is_no_longer_delivered_is_taken_away(shop, light, tmp_path):
    books = tmp_path / "books"
    books.mkdir()
    make_notebook(books, "00_works", light())
    runner.run(str(shop), out=tmp_path, notebooks=books)
    folder = next(tmp_path.glob("acme*/*"))
    assert (folder / "action_list.csv").exists()
    make_notebook(books, "00_works", light("other_list"))
    runner.run(str(shop), out=tmp_path, notebooks=books)
    assert {file.name for file in folder.glob("*.csv")} == {"customers.csv", "columns.csv", "other_list.csv"}


def left_behind(folder):
    return [file.name for file in folder.rglob("*") if "partial" in file.name or "unfinished" in file.name]


def test_a_notebook_that_fails_gives_exit_code_3_and_the_others_go_on(ran):
    code, folder = ran
    assert code == 3
    assert [entry["outcome"] for entry in manifest(folder)["notebooks"]] == ["done", "failed", *["not asked for"] * 2]


def test_a_run_leaves_report_customers_manifest_and_notebooks(ran):
    _, folder = ran
    names = {file.name for file in folder.iterdir()}
    assert {"report.html", "customers.csv", "manifest.json", "notebooks"} <= names
    assert not left_behind(folder)


def test_a_failure_says_which_notebook_which_cell_and_why(ran):
    _, folder = ran
    failed = manifest(folder)["notebooks"][1]
    assert failed["notebook"] == "01_fails"
    assert failed["cell"] == "code-1"
    assert failed["error"] == "ValueError: the wheel came off"
    assert "the wheel came off" in (folder / "report.html").read_text("utf-8")


def test_settings_and_the_as_of_date_reach_the_notebooks(ran):
    _, folder = ran
    assert "24</strong> months as of May 31, 2025" in (folder / "report.html").read_text("utf-8")
    assert manifest(folder)["parameters"]["00_works"]["months"] == 24


def test_what_a_notebook_keeps_comes_to_customers_csv_without_formulas(ran):
    _, folder = ran
    table = pd.read_csv(folder / "customers.csv", dtype=str).set_index("customer_id")
    assert list(table.index) == ["0007", "12", "zoé"]
    assert set(table["tier"]) == {"'=best"}
    assert table.loc["12", "frequency"] == "0"


def test_a_run_says_what_its_columns_mean_file_by_file_and_nothing_of_columns_that_it_has_not(ran):
    _, folder = ran
    said = pd.read_csv(folder / "columns.csv", dtype=str, keep_default_na=False)
    for name, part in said.groupby("file"):
        assert list(part["column"]) == list(pd.read_csv(folder / name)), name
    assert set(said["file"]) == {"customers.csv", "action_list.csv"}
    told = said.set_index(["file", "column"])
    assert told.loc[("customers.csv", "mean_order_value"), ["notebook", "unit"]].tolist() == ["every run", "EUR"]
    assert told.loc[("customers.csv", "tier"), "notebook"] == "02"


def test_what_was_left_out_is_in_the_manifest(ran):
    _, folder = ran
    (section,) = manifest(folder)["notebooks"][0]["left_out"]
    assert section["section"] == "Channels"
    assert "touchpoints" in section["reason"]


def test_an_executed_notebook_names_no_folder_of_papermill(ran):
    _, folder = ran
    notebook = nbformat.read(folder / "notebooks" / "00_works.ipynb", as_version=4)
    assert "papermill" not in notebook.metadata
    assert not any("papermill" in cell.metadata for cell in notebook.cells)


def handed_over(folder):
    return {
        file.relative_to(folder).as_posix(): file.read_bytes()
        for file in folder.rglob("*")
        if file.is_file() and not {"parts", ".lock", "log.txt"} & set(file.relative_to(folder).parts)
    }


def test_no_folder_of_this_computer_is_named_in_what_is_handed_over(ran, shop):
    _, folder = ran
    for name, content in handed_over(folder).items():
        if name != "card.toml":
            assert str(folder).encode() not in content, name
            assert str(shop.parent).encode() not in content, name
    notebook = nbformat.read(folder / "notebooks" / "00_works.ipynb", as_version=4)
    (given,) = (c.source for c in notebook.cells if "injected-parameters" in c.metadata.get("tags", []))
    (dataset,) = (line for line in given.splitlines() if line.startswith("dataset = "))
    card = folder / "notebooks" / ast.literal_eval(dataset.split(" = ")[1])
    assert card.resolve() == (folder / "card.toml").resolve()


def test_the_same_command_goes_on_after_what_is_done(ran, shop, notebooks, monkeypatch, capfd):
    _, folder = ran
    executed = []

    def record(plan, *_):
        executed.append(plan.file.stem)
        (folder / "failed.ipynb").write_text("{}")
        return runner.Outcome(plan.file.stem, "failed", error="E: x", where=str(folder / "failed.ipynb")), None

    monkeypatch.setattr(runner, "execute_apart", record)
    asked = {"as_of": "2025-05-31", "out": folder.parent.parent, "notebooks": notebooks, "only": ["00", "01"]}
    runner.run(str(shop), settings={"months": "24"}, **asked)
    assert executed == ["01_fails"]
    assert manifest(folder)["notebooks"][0]["resumed"]
    assert "done before" in capfd.readouterr().out
    runner.run(str(shop), settings={"months": "25"}, **asked)
    assert executed == ["01_fails", "00_works", "01_fails"]


def test_a_notebook_over_its_time_limit_is_stopped_and_named(shop, notebooks, tmp_path, capfd):
    code = runner.run(str(shop), only=["02"], out=tmp_path, notebooks=notebooks, limit=10)
    assert code == 3
    printed = capfd.readouterr()
    assert "02_sleeps: failed in the cell “code-0”: TimeoutError: it took longer than 10 seconds" in printed.out
    assert "Traceback" not in printed.out + printed.err


def test_a_run_that_is_interrupted_leaves_nothing_half_written(shop, notebooks, tmp_path):
    program = (
        f"import sys; from pathlib import Path; from clvlib.run import cli; cli.spare_grammar()\n"
        f"from clvlib.run import runner\nsys.argv = ['clv']\n"
        f"try: runner.run({str(shop)!r}, only=['02'], out={str(tmp_path)!r}, notebooks=Path({str(notebooks)!r}))\n"
        f"except KeyboardInterrupt: sys.exit(130)"
    )
    process = subprocess.Popen([sys.executable, "-c", program], stderr=subprocess.PIPE)
    log = next_file(tmp_path, "log.txt", process)
    time.sleep(1)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    assert b"Traceback" not in errors
    folder = log.parent
    assert not (folder / "report.html").exists()
    assert not (folder / "notebooks").exists()
    assert not left_behind(folder)


def next_file(folder, name, process):
    """Wait until a file of this name is there."""
    for _ in range(600):
        found = next(folder.rglob(name), None)
        if found is not None or process.poll() is not None:
            assert found is not None
            return found
        time.sleep(0.1)
    raise AssertionError(f"no {name}")


def test_a_full_disk_is_one_error_and_keeps_what_was_there(ran, shop, notebooks, monkeypatch):
    _, folder = ran
    before = {file.name: file.read_bytes() for file in folder.iterdir() if file.is_file()}

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(files.os, "replace", full)
    with pytest.raises(OSError, match="No space left"):
        runner.run(str(shop), settings={"months": "24"}, only=["00"], out=folder.parent.parent, notebooks=notebooks,
                   as_of="2025-05-31")  # fmt: skip
    assert {file.name: file.read_bytes() for file in folder.iterdir() if file.is_file()} == before


def test_a_run_with_other_settings_that_is_stopped_changes_nothing(shop, light, tmp_path, monkeypatch):
    books = tmp_path / "books"
    books.mkdir()
    make_notebook(books, "00_works", light())
    make_notebook(books, "01_works", light("second_list"))
    runner.run(str(shop), out=tmp_path, notebooks=books)
    folder = next(tmp_path.glob("acme*/2*"))
    before = handed_over(folder)
    execute = runner.execute_apart

    def stopped(plan, *rest):
        if plan.file.stem == "01_works":
            raise KeyboardInterrupt
        return execute(plan, *rest)

    monkeypatch.setattr(runner, "execute_apart", stopped)
    with pytest.raises(KeyboardInterrupt):
        runner.run(str(shop), settings={"months": "99"}, out=tmp_path, notebooks=books)
    assert handed_over(folder) == before
    monkeypatch.setattr(runner, "execute_apart", execute)
    runner.run(str(shop), out=tmp_path, notebooks=books)
    assert [entry.get("resumed") for entry in manifest(folder)["notebooks"]] == [True, True]
    after = handed_over(folder)
    same = {"customers.csv", "columns.csv", "action_list.csv", "second_list.csv", "notebooks/00_works.ipynb"}
    assert {name: after[name] for name in same} == {name: before[name] for name in same}


def test_what_is_missing_or_altered_is_made_again(shop, light, tmp_path):
    books = tmp_path / "books"
    books.mkdir()
    make_notebook(books, "00_works", light())
    runner.run(str(shop), out=tmp_path, notebooks=books)
    folder = next(tmp_path.glob("acme*/2*"))
    (scores,) = folder.glob("parts/*/*/scores/*.parquet")
    for spoil in (lambda file: file.unlink(), lambda file: file.write_bytes(b"x")):
        spoil(scores)
        runner.run(str(shop), out=tmp_path, notebooks=books)
        assert "resumed" not in manifest(folder)["notebooks"][0]
        assert "tier" in pd.read_csv(folder / "customers.csv")
        (scores,) = folder.glob("parts/*/*/scores/*.parquet")


def test_lists_of_an_earlier_run_never_stay_beside_a_newer_report(shop, light, tmp_path):
    books = tmp_path / "books"
    books.mkdir()
    make_notebook(books, "00_works", light())
    make_notebook(books, "01_other", LIGHT)
    runner.run(str(shop), out=tmp_path, notebooks=books)
    folder = next(tmp_path.glob("acme*/2*"))
    (folder / "notes.csv").write_text("the user's own")
    runner.run(str(shop), only=["01"], out=tmp_path, notebooks=books)
    names = {name for name in handed_over(folder) if name.endswith((".csv", ".ipynb"))}
    assert names == {"customers.csv", "columns.csv", "notes.csv", "notebooks/01_other.ipynb"}


STORES = """
import pandas as pd
from clvlib import load, show
ds = load(dataset)
show.start(ds)
show.say("{days:list}", days=[f"{day:%Y-%m-%d}: {of.attrs['said']}" for day, of in show.stored("forecast").items()])
frame = pd.DataFrame({"purchases": [1.0]}, index=pd.Index(["12"], name="customer_id"))
frame.attrs["said"] = f"one more after {ds.as_of:%Y-%m-%d}"
show.store(frame, "forecast")
"""


def test_what_a_run_stores_is_there_for_later_runs_and_stays(shop, tmp_path):
    books = tmp_path / "books"
    books.mkdir()
    make_notebook(books, "00_stores", STORES)
    make_notebook(books, "01_other", LIGHT)
    early, late = "2025-05-31", "2025-06-01"
    runner.run(str(shop), as_of=early, only=["00"], out=tmp_path, notebooks=books)
    runner.run(str(shop), as_of=late, only=["00"], out=tmp_path, notebooks=books)
    folder = tmp_path / "acme-été"
    made = nbformat.read(folder / late / "notebooks" / "00_stores.ipynb", as_version=4)
    said = [output["data"]["text/plain"] for cell in made.cells for output in cell.get("outputs", [])]
    assert any(f"{early}: one more after {early}" in text for text in said)
    runner.run(str(shop), as_of=early, only=["01"], out=tmp_path, notebooks=books)
    assert (folder / early / "stored" / "forecast.parquet").exists()
    runner.run(str(shop), as_of=late, only=["00"], out=tmp_path, notebooks=books)
    assert manifest(folder / late)["notebooks"][0]["resumed"]
    (folder / early / "stored" / "forecast.parquet").unlink()
    runner.run(str(shop), as_of=late, only=["00"], out=tmp_path, notebooks=books)
    assert "resumed" not in manifest(folder / late)["notebooks"][0]


def test_data_that_change_during_a_run_are_an_error_and_nothing_is_handed_over(shop, tmp_path):
    books, data = tmp_path / "books", tmp_path / "data"
    books.mkdir()
    data.mkdir()
    for file in shop.parent.iterdir():
        (data / file.name).write_bytes(file.read_bytes())
    append = f"open({str(data / 'orders.csv')!r}, 'a').write('12,2025-06-01,1' + chr(10))"
    make_notebook(books, "00_writes", append)
    with pytest.raises(DataError, match=r"1 file.* changed while the run was reading them: orders\.csv"):
        runner.run(str(data / "acme.toml"), out=tmp_path / "out", notebooks=books)
    assert not list((tmp_path / "out").rglob("report.html"))
    assert not list((tmp_path / "out").rglob("part.json"))


def test_two_datasets_of_one_name_have_folders_of_their_own(shop, notebooks, tmp_path):
    for place in ("a", "b"):
        (tmp_path / place).mkdir()
        for file in shop.parent.iterdir():
            (tmp_path / place / file.name).write_bytes(file.read_bytes())
        for _ in range(2):
            runner.run(str(tmp_path / place / "acme.toml"), only=["03"], out=tmp_path / "out", notebooks=notebooks)
    first, second = sorted(folder.name for folder in (tmp_path / "out").iterdir())
    assert first == "acme-été"
    assert second.startswith("acme-été-")


def test_nothing_of_the_current_folder_is_imported(shop, tmp_path, quiet):
    books = tmp_path / "books"
    books.mkdir()
    make_notebook(books, "00_imports", "import zipfile, colorsys, sys\nprint(colorsys.__file__)")
    for name in ("zipfile", "colorsys", "pandas", "typing"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit('the current folder was imported')")
    clv = "from pathlib import Path; from clvlib.run import cli; cli.spare_grammar()\n"
    clv += "from clvlib.run import commands, runner\n"
    clv += f"runner.run({str(shop)!r}, out='out', notebooks=Path({str(books)!r}))"
    done = subprocess.run([sys.executable, "-P", "-c", clv], cwd=tmp_path, capture_output=True, text=True, env=quiet)
    assert done.returncode == 0, done.stderr
    assert "done in" in done.stdout


@pytest.mark.skipif(not Path("/proc").exists(), reason="looks at processes as Linux shows them")
def test_nothing_writes_on_after_the_run_was_killed(shop, notebooks, tmp_path):
    program = "from pathlib import Path; from clvlib.run import cli; cli.spare_grammar()\n"
    program += "from clvlib.run import runner\n"
    program += f"runner.run({str(shop)!r}, only=['02'], out={str(tmp_path)!r}, notebooks=Path({str(notebooks)!r}))"
    process = subprocess.Popen([sys.executable, "-c", program], stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    folder = next_file(tmp_path, "log.txt", process).parent
    while not (kernels := [pid for pid in children(process.pid) if b"ipykernel" in command_line(pid)]):
        time.sleep(0.2)
    everyone = children(process.pid)
    process.kill()
    process.wait()
    for _ in range(100):
        if not any(command_line(pid) for pid in everyone):
            break
        time.sleep(0.2)
    assert kernels
    assert not [pid for pid in everyone if command_line(pid)]
    assert left_behind(folder)
    runner.run(str(shop), only=["03"], out=tmp_path, notebooks=notebooks)
    assert not left_behind(folder)


def children(pid):
    """The processes that this one started, and those that they started."""
    found = []
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        for child in map(int, task.read_text().split()):
            found += [child, *children(child)]
    return found


def command_line(pid):
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""


def test_two_runs_never_write_to_the_same_folder(ran, shop, notebooks):
    _, folder = ran
    other = sqlite3.connect(folder / ".lock", isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    try:
        with pytest.raises(UsageError, match="Another run"):
            runner.run(str(shop), as_of="2025-05-31", out=folder.parent.parent, notebooks=notebooks)
    finally:
        other.close()


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"settings": {"month": "3"}}, "Did you mean months"),
        ({"settings": {"months": "soon"}}, "type int"),
        ({"only": ["07"]}, "There is no notebook '07'"),
        ({"as_of": "someday"}, "not a date"),
        ({"as_of": "1999-01-01"}, "before the first transaction"),
    ],
)
def test_a_wrong_name_or_value_is_refused_before_anything_runs(shop, notebooks, tmp_path, asked, message):
    with pytest.raises(UsageError, match=message):
        runner.run(str(shop), out=tmp_path, notebooks=notebooks, **asked)
    assert not list(tmp_path.iterdir())


def test_data_that_cant_be_used_is_refused_before_anything_runs(notebooks, tmp_path):
    (tmp_path / "bad.toml").write_text('[transactions]\npath = "gone.csv"\n')
    with pytest.raises(DataError, match=r"gone\.csv"):
        runner.run(str(tmp_path / "bad.toml"), out=tmp_path / "runs", notebooks=notebooks)
    assert not (tmp_path / "runs").exists()


def test_an_unknown_dataset_names_the_known_ones(notebooks, tmp_path):
    with pytest.raises(UsageError, match="cdnow"):
        runner.run("cdnw", out=tmp_path, notebooks=notebooks)


@pytest.mark.parametrize(
    ("name", "folder"),
    [("CDNOW", "cdnow"), ("Acme / Été", "acme-été"), ("../../etc", "etc"), ("///", "dataset"), ("a" * 3, "aaa")],
)
def test_a_datasets_name_becomes_a_folder_that_stays_inside(name, folder):
    assert places.slug(name) == folder
    assert os.sep not in places.slug(name)


def test_why_no_list_of_customers_was_made_is_said_at_the_end(shop, tmp_path, capsys):
    folder = tmp_path / "notebooks"
    folder.mkdir()
    start = "from clvlib import load, show\nds = load(dataset)\nshow.start(ds)"
    reached = 'with show.attempt("Whom to reach"):\n    people = ds.table("touchpoints")'
    given = 'with show.attempt("The files"):\n    show.deliver(people, "action_list")'
    make_notebook(folder, "08_plan", start, reached, given)
    assert runner.run(str(shop), out=tmp_path / "runs", notebooks=folder) == 0
    said = capsys.readouterr().out
    assert "08_plan made no list of customers:" in said
    assert "Whom to reach: " in said.split("made no list")[1]
    assert "no table 'touchpoints'" in said.split("made no list")[1]


def test_what_was_made_with_another_key_of_pseudonyms_is_made_again(shop, tmp_path, light, monkeypatch):
    card = tmp_path / "hidden.toml"
    text = shop.read_text("utf-8").replace("pseudonyms = false\n", "")
    card.write_text(text.replace('"orders.csv"', f"'{shop.parent / 'orders.csv'}'"), encoding="utf-8")
    books = tmp_path / "books"
    books.mkdir()
    make_notebook(books, "00_works", light())
    resumed = []
    for key in ("one", "one", "other"):
        monkeypatch.setenv("CLV_KEY", str(tmp_path / key))
        runner.run(str(card), out=tmp_path / "runs", notebooks=books)
        folder = next((tmp_path / "runs").glob("acme*/2*"))
        resumed.append(bool(manifest(folder)["notebooks"][0].get("resumed")))
    assert resumed == [False, True, False]
