import json
import os
import signal
import subprocess
import sys
import time

import nbformat
import pytest

from clvlib.run import launch, runner, warm
from clvlib.run.execute import DISK_FULL
from tests.run.test_runner import children, command_line, make_notebook, manifest

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only there are processes forked")
DRAWS = """
import os, random, sys, warnings
from pathlib import Path
import matplotlib, numpy as np
import matplotlib.pyplot as plt
from threadpoolctl import threadpool_info
ours = ("OMP", "OPENBLAS", "JE_", "MPL", "PYTHON", "CLV_FIGURE", "CLV_NARROW", "PATH", "LANG")
print(sorted((name, value) for name, value in os.environ.items() if name.startswith(ours)))
print(sys.path, sys.flags, sys.argv[0], os.getcwd(), os.umask(0o022))
print(os.getsid(0) == os.getpid(), os.environ["JPY_PARENT_PID"] == str(os.getppid()))
print(matplotlib.rcParams, {{pool["num_threads"] for pool in threadpool_info()}}, np.geterr(), np.get_printoptions())
warnings.warn_explicit("seen", UserWarning, "here.py", 1)
plt.plot(np.random.default_rng(0).normal(size=300).cumsum())
plt.show()
random = {{"random": (random.random(), np.random.rand()), "command": Path("/proc/self/cmdline").read_bytes()}}
_ = Path({told!r}, os.environ["CLV_NOTEBOOK"]).write_text(repr(random))
"""
STAYS = "import os, time\nfrom pathlib import Path\nPath({told!r}, os.environ['CLV_NOTEBOOK']).touch()\ntime.sleep(600)"
DIES = "import os, signal\nos.kill(os.getpid(), signal.SIGKILL)"


@pytest.fixture
def shop(tmp_path, monkeypatch):
    """A card of two customers; nothing in the environment that keeps processes from being forked."""
    for name in warm.ALONE:
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "orders.csv").write_text("customer_id,date,amount\n0007,2025-01-03,20\n12,2025-06-01,45\n")
    (tmp_path / "acme.toml").write_text('name = "Acme"\ncurrency = "EUR"\n[transactions]\npath = "orders.csv"\n')
    return str(tmp_path / "acme.toml")


@pytest.fixture
def books(tmp_path):
    """Make notebooks of these sources, which may name a folder `told`: `books(source, …)` → their folder, `told`."""

    def made(*sources):
        folder, told = tmp_path / "books", tmp_path / "told"
        folder.mkdir()
        told.mkdir()
        for i, source in enumerate(sources):
            make_notebook(folder, f"{i:02}_book", source.format(told=str(told)) if "{told" in source else source)
        return folder, told

    return made


def none(*_):
    raise OSError("no nest")


def test_a_forked_notebook_makes_the_same(shop, books, tmp_path, monkeypatch):
    folder, told = books(*[DRAWS] * 3)
    made, random = {}, {}
    for way in ("warm", "cold"):
        if way == "cold":
            monkeypatch.setattr(launch, "Nest", none)
        assert runner.run(shop, out=tmp_path / way, notebooks=folder) == 0
        files = sorted((tmp_path / way).glob("*/*/notebooks/*.ipynb"))
        cells = [cell for file in files for cell in nbformat.read(file, as_version=4).cells]
        made[way] = [(cell.source, cell.get("outputs")) for cell in cells]
        random[way] = [eval(file.read_text()) for file in sorted(told.iterdir())]
    assert made["warm"] == made["cold"]
    assert str(made["warm"]).count("image/png") == str(made["warm"]).count("UserWarning: seen") == 3
    assert all(b"warm.main" in one["command"] for one in random["warm"])
    assert all(b"ipykernel" in one["command"] for one in random["cold"])
    assert len({number for one in random["warm"] for number in one["random"]}) == 6


def test_a_forked_notebook_that_dies_takes_nobody_with_it_and_nothing_is_left_running(shop, books, tmp_path):
    folder, _ = books(DIES, "1 + 1", "2 + 2", "raise SystemExit(3)")
    before = children(os.getpid())  # of other tests: a server, say
    assert runner.run(shop, out=tmp_path / "out", notebooks=folder) == 3
    entries = manifest(next((tmp_path / "out").glob("*/*")))["notebooks"]
    assert [entry["outcome"] for entry in entries][:3] == ["failed", "done", "done"]
    assert "DeadKernelError: the kernel died" in entries[0]["error"]
    assert set(children(os.getpid())) <= set(before)


@pytest.mark.parametrize(
    "by", [signal.SIGINT, *(pytest.param(each, marks=pytest.mark.proof) for each in (signal.SIGKILL, signal.SIGTERM))]
)
def test_nothing_forked_is_left_running_after_the_run_was_stopped(shop, books, tmp_path, by):
    folder, told = books(*[STAYS] * 3)
    program = "from pathlib import Path; from clvlib.run import cli; cli.spare_grammar()\n"
    program += "from clvlib.run import runner\n"
    program += f"runner.run({shop!r}, out={str(tmp_path / 'out')!r}, notebooks=Path({str(folder)!r}))"
    process = subprocess.Popen([sys.executable, "-c", program], stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    while len(list(told.iterdir())) < 2:
        assert process.poll() is None
        time.sleep(0.1)
    everyone = children(process.pid)
    assert len(everyone) == 5  # the nest, and for two notebooks what executes and what computes
    assert all(b"warm.main" in command_line(pid) for pid in everyone)
    process.send_signal(by)
    process.wait(timeout=30)
    for _ in range(50):
        if not any(command_line(pid) for pid in everyone):
            break
        time.sleep(0.1)
    assert not [pid for pid in everyone if command_line(pid)]


def test_a_notebook_loads_for_itself_where_nothing_can_be_forked(shop, books, tmp_path, monkeypatch):
    folder, told = books(*[DRAWS] * 3)
    monkeypatch.setattr(warm, "ALONE", {"PYTHONHOME": str(tmp_path)})  # no Python starts there
    assert runner.run(shop, out=tmp_path / "out", notebooks=folder) == 0
    assert all("ipykernel" in file.read_text() for file in told.iterdir())


def test_a_nest_that_dies_is_missed_by_no_later_notebook(shop, books, tmp_path, monkeypatch):
    folder, told = books(*[DRAWS] * 3)

    class Dies(warm.Nest):
        def ready(self):
            found = super().ready()
            self._process.kill()
            self._process.wait()
            return found

    monkeypatch.setattr(launch, "Nest", Dies)
    assert runner.run(shop, out=tmp_path / "out", notebooks=folder) == 0
    assert all("ipykernel" in file.read_text() for file in told.iterdir())


def test_a_fork_says_as_what_it_ended(shop, books, tmp_path):
    folder, told = books("1 + 1", STAYS)
    nest = warm.Nest()
    try:
        assert nest.ready()
        with (tmp_path / "messages.txt").open("w") as messages:
            forks = []
            for file, result in (("00_book", "/dev/full"), ("01_book", tmp_path / "result.json")):
                job = {"source": folder / f"{file}.ipynb", "target": tmp_path / f"{file}.ipynb", "result": result,
                       "parameters": {}, "limit": 60, "parent": os.getpid()}  # fmt: skip
                (tmp_path / f"{file}.json").write_text(json.dumps(job, default=str))
                environment = os.environ | {"CLV_NOTEBOOK": file}
                forks.append(nest.fork(str(tmp_path / f"{file}.json"), environment, messages))
        full, stays = forks
        assert full.wait(60) == full.poll() == DISK_FULL
        while not list(told.iterdir()):
            time.sleep(0.1)
        assert stays.poll() is None
        with pytest.raises(subprocess.TimeoutExpired):
            stays.wait(0.1)
        stays.terminate()
        assert stays.wait(20) != 0
        stays.kill()
    finally:
        nest.close()
    assert not nest.ready()
    assert nest.fork("job.json", os.environ, sys.__stdout__) is None
