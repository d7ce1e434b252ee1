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
import json, sys, time, urllib.request
address = f"http://127.0.0.1:{sys.argv[1]}"
def fetch(path):
    with urllib.request.urlopen(f"{address}{path}token=secret", timeout=20) as answer:
        return answer.read().decode()
for second in range(600):
    try:
        page = fetch("/lab?")
        break
    except OSError:
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
            assert {file.name for file in source.iterdir()} == set(room.OF_THE_PROJECT)
            assert not list(source.rglob("__pycache__"))
            (wheels / "clvlib-0.1.0-py3-none-any.whl").write_bytes(b"clvlib")

    room.make_room(folder, platform, version, run, lambda trainer: (trainer / "trainer.html").write_text("guide"))
    return asked


def test_a_room_holds_wheels_scripts_and_what_the_trainer_needs(tmp_path):
    download, pins, wheel = made(tmp_path)
    assert sorted(file.name for file in tmp_path.iterdir()) == [
        *("README.txt", "requirements.txt", "start.bat", "start.sh", "trainer", "wheels"),
    ]
    assert {"--require-hashes", "--only-binary=:all:", "--no-deps", "--platform=win_amd64", "--python-version=3.12"} < {
        *download
    }
    assert "--no-deps" in wheel
    assert pins.count("--hash=sha256:") > 150
    assert ";" not in pins
    lines = (tmp_path / "requirements.txt").read_text("utf-8").splitlines()
    assert len(lines) == len(list((tmp_path / "wheels").iterdir()))
    assert all(re.fullmatch(r"[\w.-]+==[\w.]+ --hash=sha256:[0-9a-f]{64}", line) for line in lines)
    assert any(line.startswith("clvlib==") for line in lines)


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
    (config / "jupyter_server_config.json").write_text(
        '{"ServerApp": {"allow_root": true, "port_retries": 0}, "IdentityProvider": {"token": "secret"}}'
    )
    (tmp_path / "probe.py").write_text(PROBE)
    script = f"""
ip link set lo up
sh room/start.sh --no-browser --port 8899 > start.log 2>&1 & started=$!
{sys.executable} probe.py 8899; code=$?
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
