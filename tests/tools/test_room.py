"""The folder that sets up a class: what is in it, and that it installs and opens where there is no network at all."""

import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from tools import room

LOCK = (room.ROOT / "requirements.lock").read_text("utf-8")
PROJECT = tomllib.loads((room.ROOT / "pyproject.toml").read_text("utf-8"))["project"]
WANTED = [Requirement(text).name for text in PROJECT["dependencies"]]
HERE = f"{sys.version_info.major}.{sys.version_info.minor}"
PROBE = """
import json, re, time, urllib.request
def fetch(path):
    address, token = re.search(r"(http://localhost:8899)/lab[?](token=[0-9a-f]+)", open("start.log").read()).groups()
    with urllib.request.urlopen(f"{address}{path}{token}", timeout=20) as answer:
        return answer.read().decode()
for second in range(600):
    try:
        page = fetch("/lab?")
        break
    except (OSError, AttributeError):  # not up yet, or not yet told where
        time.sleep(1)
else:
    sys.exit("JupyterLab didn't answer")
assert "JupyterLab" in page and "/lab" in page, page[:300]
names = [entry["name"] for entry in json.loads(fetch("/api/contents/maison-garrigue?"))["content"]]
assert "00_start_here.ipynb" in names, names
with open("/proc/net/dev") as listed:
    assert [line.split(":")[0].strip() for line in listed if ":" in line] == ["lo"], "there is a network"
print("opened without network:", len(names), "files beside notebook 00")
"""


def made(folder, platform="win_amd64", version="3.12"):
    """A room whose wheels are empty files of the right names; also what pip was asked."""
    asked = []

    def run(command):
        asked.append([str(part) for part in command])
        wheels = Path(asked[-1][asked[-1].index("-d" if "download" in asked[-1] else "-w") + 1])
        if "download" in asked[-1]:
            asked.append(Path(asked[-1][-1]).read_text("utf-8"))
            for name, release in re.findall(r"^([\w.-]+)==([\w.]+)", asked[-1], re.MULTILINE):
                (wheels / f"{name.replace('-', '_')}-{release}-py3-none-any.whl").write_bytes(name.encode())
        else:
            source = Path(asked[-1][-1])
            asked.append(sorted(file.relative_to(source).as_posix() for file in source.rglob("*") if file.is_file()))
            (wheels / "clvlib-0.1.0-py3-none-any.whl").write_bytes(b"clvlib")

    room.make_room(folder, platform, version, run, lambda trainer: (trainer / "trainer.html").write_text("guide"))
    return asked


def test_a_room_holds_wheels_scripts_and_what_the_trainer_needs(tmp_path):
    download, pins, wheel, files = made(tmp_path)
    assert sorted(file.name for file in tmp_path.iterdir()) == [
        *(room.MARK, "README.txt", "requirements.txt", "start.bat", "start.sh", "trainer", "wheels"),
    ]
    assert {"--require-hashes", "--only-binary=:all:", "--no-deps", "--platform=win_amd64", "--python-version=3.12"} < {
        *download
    }
    assert "--no-deps" in wheel
    assert {"pyproject.toml", "LICENSE", "clvlib/py.typed", "clvlib/course/reveal/LICENSE", *room.FILES} < {*files}
    assert pins.count("--hash=sha256:") > 150
    assert ";" not in pins
    lines = (tmp_path / "requirements.txt").read_text("utf-8").splitlines()
    assert len(lines) == len(list((tmp_path / "wheels").iterdir()))
    assert all(re.fullmatch(r"[\w.-]+==[\w.]+ --hash=sha256:[0-9a-f]{64}", line) for line in lines)
    assert any(line.startswith("clvlib==") for line in lines)


@pytest.mark.skipif(not (room.ROOT / ".git").exists(), reason="not a checkout")
def test_what_goes_into_the_wheel_is_what_git_keeps(tmp_path):
    names = ("clvlib", "data", "notebooks", *room.ALONE)
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--", *names], cwd=room.ROOT, capture_output=True, text=True, check=True
    )
    kept = {name for name in listed.stdout.split("\0") if name}
    assert {*room.FILES} == {name for name in kept if name.startswith(("data/", "notebooks/"))}, "tools/room/files.txt"
    room._copy_project(tmp_path)
    assert kept <= {file.relative_to(tmp_path).as_posix() for file in tmp_path.rglob("*")}


def test_no_file_of_a_client_gets_into_the_wheel(tmp_path, monkeypatch):
    root = tmp_path / "root"
    for name in (*room.ALONE, *room.FILES, "clvlib/a.py", "clvlib/orders.csv", "clvlib/__pycache__/a.pyc"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text("")
    for name in ("data/orders.csv", "data/orders.toml", "data/demo/orders.xlsx", "notebooks/10_client.ipynb"):
        (root / name).write_text("a client's")
    monkeypatch.setattr(room, "ROOT", root)
    room._copy_project(tmp_path / "copy")
    copied = {file.relative_to(tmp_path / "copy").as_posix() for file in (tmp_path / "copy").rglob("*.*")}
    assert copied - {name for name in copied if (root / name).is_dir()} == {*room.FILES, "clvlib/a.py"} | {
        name for name in room.ALONE if "." in name
    }


def test_a_folder_of_somebody_else_is_left_as_it_is(tmp_path):
    for name in ("venv", "wheels", "trainer"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "mine").write_text("")
    with pytest.raises(SystemExit, match="not made by this"):
        made(tmp_path)
    assert len([*tmp_path.rglob("mine")]) == 3
    assert not (tmp_path / room.MARK).exists()


def test_no_script_names_an_address_or_leaves_a_gap(tmp_path):
    made(tmp_path)
    for name in ("README.txt", "start.sh", "start.bat", "requirements.txt"):
        text = (tmp_path / name).read_bytes().decode()
        assert "://" not in text
        assert not re.search("@[A-Z]+@", text)
        assert ("\r\n" in text) == (name in ("README.txt", "start.bat"))
    for name in ("start.sh", "start.bat"):
        text = (tmp_path / name).read_text("utf-8")
        assert "--no-index" in text
        assert "--find-links wheels" in text
        assert "clv lab demo" in text
        assert "3.12" in text


def test_what_a_class_made_stays_when_the_room_is_made_again(tmp_path):
    made(tmp_path)
    (tmp_path / "work").mkdir()
    (tmp_path / "work" / "mine.ipynb").write_text("{}")
    (tmp_path / "wheels" / "old-1.0-py3-none-any.whl").write_text("")
    made(tmp_path, "linux_aarch64", "3.13")
    assert (tmp_path / "work" / "mine.ipynb").exists()
    assert not (tmp_path / "wheels" / "old-1.0-py3-none-any.whl").exists()
    assert "linux_aarch64" in (tmp_path / "README.txt").read_text("utf-8")


@pytest.mark.parametrize("platform", room.PLATFORMS)
@pytest.mark.parametrize("version", room.VERSIONS)
def test_the_pins_are_of_the_platform_and_of_what_the_notebooks_need(platform, version):
    pins = room.pins_for(LOCK, WANTED, platform, version)
    assert {re.sub("[._]", "-", name.lower()) for name in WANTED} <= set(pins)
    assert ("colorama" in pins) == ("pywinpty" in pins) == platform.startswith("win")
    assert ("pexpect" in pins) == (not platform.startswith("win"))
    assert ("appnope" in pins) == platform.startswith("macosx")
    assert {"jupyterlab", "ipykernel", "duckdb", "jupyter-server-terminals"} <= set(pins)
    assert not {"mypy", "ruff", "playwright", "uv", "hypothesis", "import-linter"} & set(pins)


def test_this_platform_has_a_name_that_a_room_can_be_made_for():
    assert room.this_platform() in room.PLATFORMS or room.this_platform().startswith("macosx")


@pytest.mark.parametrize(
    ("system", "machine", "name"),
    [
        ("darwin", "arm64", "macosx_arm64"),
        ("win32", "AMD64", "win_amd64"),
        ("linux", "x86_64", "linux_x86_64"),
        ("linux", "aarch64", "linux_aarch64"),
        ("darwin", "x86_64", ""),
        ("win32", "ARM64", ""),
    ],
)
def test_a_computer_is_known_by_its_machine_or_told_that_it_is_not(system, machine, name, monkeypatch, tmp_path):
    monkeypatch.setattr("sys.platform", system)
    monkeypatch.setattr("platform.machine", lambda: machine)
    assert room.this_platform() == name or room.this_platform() not in room.PLATFORMS
    if not name:
        with pytest.raises(SystemExit, match=r"No room can be made for .*win_amd64"):
            room.main(["--out", str(tmp_path / "room")])
        assert not (tmp_path / "room").exists()


def test_make_takes_the_platform_from_its_command_line_only():
    def printed(*typed):
        command = ["make", "--dry-run", "--assume-old=.venv/.installed", "room", *typed]
        alone = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}  # no make above it
        done = subprocess.run(
            command, cwd=room.ROOT, env=alone | {"PLATFORM": "cloud"}, capture_output=True, text=True, check=True
        )
        return done.stdout.strip().splitlines()[-1].partition("tools.room")[2].strip()

    assert printed() == ""
    assert printed("PLATFORM=win_amd64") == '--platform "win_amd64"'
    assert printed("PYTHON_VERSION=3.13") == '--python-version "3.13"'


def test_a_wheel_that_is_not_there_is_named(tmp_path):
    with pytest.raises(SystemExit, match=r"no wheel of .*duckdb"):
        room.make_room(tmp_path, "win_amd64", "3.12", lambda command: None, lambda trainer: None)


def test_a_platform_that_is_not_known_is_refused(capsys):
    with pytest.raises(SystemExit):
        room.main(["--platform", "amiga"])
    assert "win_amd64" in capsys.readouterr().err


@pytest.fixture
def started(tmp_path):
    """Runs start.sh of a made-up room with a Python that only writes down what it is asked."""
    made(tmp_path / "room", room.this_platform(), "3.12")
    tools, log = tmp_path / "bin", tmp_path / "log"
    tools.mkdir()
    fake = f"""#!/bin/sh
echo "$0 $*" >> {log}
case "$*" in
  "-c import sys"*) echo 3.12 ;;
  "-m venv venv") mkdir -p venv/bin; cp "$0" venv/bin/python; cp "$0" venv/bin/clv ;;
esac
"""
    (tools / "python3").write_text(fake)
    (tools / "python3").chmod(0o755)
    (tools / "python3.12").write_text("#!/bin/sh\necho 3.11\n")
    (tools / "python3.12").chmod(0o755)

    def run(*arguments, folder=tmp_path / "room"):
        log.write_text("")
        done = subprocess.run(
            ["sh", folder / "start.sh", *arguments],
            env={"PATH": f"{tools}:/usr/bin:/bin"}, cwd=tmp_path, capture_output=True, text=True, check=False,
        )  # fmt: skip
        return done, [line.partition(" ")[2] for line in log.read_text().splitlines()]

    return run


def test_the_first_start_installs_later_ones_only_open(started, tmp_path):
    done, asked = started("--no-browser")
    assert done.returncode == 0, done.stderr
    assert asked[1] == "-m venv venv"
    assert asked[2].startswith("-m pip install")
    assert "--require-hashes" in asked[2]
    assert asked[3] == "lab demo --no-browser"
    assert started()[1] == ["lab demo"]
    shutil.copytree(tmp_path / "room", tmp_path / "moved")
    assert "-m venv venv" in started(folder=tmp_path / "moved")[1]


def test_a_newer_room_installs_its_packages_and_half_a_copy_deletes_nothing(started, tmp_path):
    script = tmp_path / "room" / "start.sh"
    assert started()[0].returncode == 0
    script.write_text(re.sub("[0-9a-f]{64}", "0" * 64, script.read_text()))
    assert "-m venv venv" in started()[1]
    shutil.copytree(tmp_path / "room", tmp_path / "half")
    (tmp_path / "half" / "requirements.txt").unlink()
    done, asked = started(folder=tmp_path / "half")
    assert (done.returncode, asked) == (1, [])
    assert "copy the whole folder" in done.stderr
    assert (tmp_path / "half" / "venv").exists()


def test_the_windows_script_goes_on_only_in_its_own_folder_and_keeps_paths_in_quotes(tmp_path):
    made(tmp_path)
    lines = (tmp_path / "start.bat").read_text("utf-8").splitlines()
    before = lines[: next(place for place, line in enumerate(lines) if "rmdir" in line)]
    assert 'pushd "%~dp0" || goto :failed' in before
    assert "if not exist requirements.txt goto :failed" in before
    assert all(re.search('"[^"]*%(CD|MARK)%[^"]*"', line) for line in lines if "%CD%" in line or "%MARK%" in line)
    assert any(re.search("%CD% [0-9a-f]{64}", line) for line in lines)


def test_without_the_right_python_the_start_says_which_one_it_needs(started, tmp_path):
    (tmp_path / "bin" / "python3").unlink()
    folder = tmp_path / "room"
    (folder / "start.sh").write_text((folder / "start.sh").read_text().replace('wanted="3.12"', 'wanted="3.99"'))
    done, _ = started()
    assert done.returncode == 1
    assert "This needs Python 3.99" in done.stderr


@pytest.mark.proof
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="network namespaces are Linux's")
def test_a_room_installs_and_opens_where_there_is_no_network(tmp_path):
    room.main(["--out", str(tmp_path / "room")])
    config = tmp_path / "config"
    config.mkdir()
    (config / "jupyter_server_config.json").write_text('{"ServerApp": {"allow_root": true, "port_retries": 0}}')
    (tmp_path / "probe.py").write_text(PROBE)
    script = f"""
ip link set lo up
sh room/start.sh --no-browser --port 8899 > start.log 2>&1 & started=$!
{sys.executable} probe.py; code=$?
kill $started
room/venv/bin/clv doctor || code=8
room/venv/bin/python -m pip --disable-pip-version-check check || code=9
exit $code
"""
    kept = {name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ}
    done = subprocess.run(
        ["unshare", "-n" if os.geteuid() == 0 else "-rn", "sh", "-c", script],
        env=kept | {"HOME": str(tmp_path), "JUPYTER_CONFIG_DIR": str(config)},
        cwd=tmp_path, capture_output=True, text=True, check=False, timeout=1500,
    )  # fmt: skip
    log = (tmp_path / "start.log").read_text("utf-8", errors="replace")
    assert done.returncode == 0, done.stdout + done.stderr + log[-3000:]
    assert "opened without network" in done.stdout
