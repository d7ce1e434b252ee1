"""The lock, for a platform and a Python → a folder that sets up a class without any network (`make room`).

python -m tools.room [--platform win_amd64] [--python-version 3.12] [--out room]

It holds a wheel of every package that the notebooks need, as the lock pins it, and one of this project; scripts that
install them into an environment of their own and open JupyterLab; and for the trainer the guide and the slides.
"""

import argparse
import platform as computer
import re
import shutil
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Callable, Iterator, Sequence
from hashlib import sha256
from pathlib import Path

from packaging.markers import Marker
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name, parse_wheel_filename

from clvlib.files import write_text

ROOT = Path(__file__).parents[2]
HERE = Path(__file__).parent
ALONE = ("pyproject.toml", "README.md", "LICENSE")  # of what the project's wheel is made of, beside its code and FILES
# How the names of its code end.
CODE = (".py", ".toml", ".css", ".js", ".jinja", ".json", ".md", ".po", ".typed", "LICENSE")
FILES = (HERE / "files.txt").read_text("utf-8").split()  # data and notebooks: a client's may lie beside them
MARK = ".made-by-make-room"  # a file in a room: what lies beside it may be deleted
GLIBC = (28, 27, 26, 24, 17, 12, 5)  # of manylinux wheels, the newest that is asked for first
_X86, _ARM = [*(f"manylinux_2_{n}_x86_64" for n in GLIBC)], [*(f"manylinux_2_{n}_aarch64" for n in GLIBC[:5])]
PLATFORMS = {  # name → its tags, and what markers of the lock ask; for Intel Macs argon2-cffi-bindings has no wheel
    "linux_x86_64": ([*_X86, "manylinux2014_x86_64", "manylinux1_x86_64"], ("linux", "posix", "Linux", "x86_64")),
    "linux_aarch64": ([*_ARM, "manylinux2014_aarch64"], ("linux", "posix", "Linux", "aarch64")),
    "macosx_arm64": (["macosx_14_0_arm64"], ("darwin", "posix", "Darwin", "arm64")),
    "win_amd64": (["win_amd64"], ("win32", "nt", "Windows", "AMD64")),
}
VERSIONS = ("3.11", "3.12", "3.13")
Run = Callable[[Sequence[str | Path]], object]  # runs a command to its end


def this_platform() -> str:
    """The name of the platform that this is."""
    system = {"darwin": "macosx", "win32": "win"}.get(sys.platform, sys.platform)
    machine = computer.machine().lower()
    return f"{system}_{machine}"


def pins_for(lock: str, wanted: Sequence[str], platform: str, version: str) -> dict[str, str]:
    """What the lock pins of the `wanted` packages and all that they need: name → its block, hashes included, no marker.

    The lock says beside each package who needs it.
    """
    parts = re.split(r"\n(?=[a-z0-9])", lock.strip())
    blocks: dict[str, str] = {canonicalize_name(block.partition("==")[0]): block for block in parts}
    fitting = {name: block for name, block in blocks.items() if _fits(block, platform, version)}
    needs: dict[str, set[str]] = {}
    for name, block in fitting.items():
        for by in re.findall(r"^ +#(?: via)? +([\w.-]+)", block, re.MULTILINE):
            needs.setdefault(canonicalize_name(by), set()).add(name)
    found: set[str] = set()
    ahead = set(map(str, map(canonicalize_name, wanted))) & set(fitting)
    while ahead:
        found |= ahead
        ahead = {other for name in ahead for other in needs.get(name, ())} - found
    return {name: _without_marker(fitting[name]) for name in sorted(found)}


def _fits(block: str, platform: str, version: str) -> bool:
    """Whether the block's marker, if it has one, is true of the platform and the Python."""
    marker = block.partition("\n")[0].rstrip("\\ ").partition(";")[2].strip()
    system, operating, called, machine = PLATFORMS[platform][1]
    here = {
        **{"sys_platform": system, "os_name": operating, "platform_system": called, "platform_machine": machine},
        **{"python_version": version, "python_full_version": f"{version}.9", "implementation_name": "cpython"},
        "platform_python_implementation": "CPython",
    }
    return not marker or Marker(marker).evaluate(here)


def _without_marker(block: str) -> str:
    first, *others = (line for line in block.splitlines() if not line.lstrip().startswith("#"))
    return "\n".join([re.sub(r" ;.*?( \\)?$", r"\1", first), *others])


def make_room(folder: Path, platform: str, version: str, run: Run, for_trainer: Callable[[Path], object]) -> None:
    """Make the folder anew; what a class left in its `work/` stays.

    run: runs pip; for_trainer: puts what only the trainer needs into the folder that it is given. A folder that holds
    something and was not made by this is refused: nothing in it is deleted.
    """
    if folder.exists() and not (folder / MARK).exists() and any(folder.iterdir()):
        sys.exit(f"{folder} holds files and was not made by this: give an empty or a new folder, or delete it first.")
    folder.mkdir(parents=True, exist_ok=True)
    write_text(folder / MARK, "")
    for old in ("wheels", "trainer", "venv"):
        shutil.rmtree(folder / old, ignore_errors=True)
    wheels = folder / "wheels"
    wheels.mkdir()
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    wanted = [Requirement(text).name for text in project["dependencies"]]
    pins = pins_for((ROOT / "requirements.lock").read_text("utf-8"), wanted, platform, version)
    with tempfile.TemporaryDirectory() as scratch:
        asked, source = Path(scratch) / "asked.txt", Path(scratch) / "project"
        asked.write_text("\n".join(pins.values()) + "\n", encoding="utf-8")
        tags = [f"--platform={tag}" for tag in PLATFORMS[platform][0]]
        as_here = platform == this_platform() and version == f"{sys.version_info.major}.{sys.version_info.minor}"
        other = [] if as_here else [*tags, f"--python-version={version}", "--implementation=cp"]
        pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]
        run(
            [
                *pip,
                "download",
                "--no-deps",
                "--require-hashes",
                "--only-binary=:all:",
                *other,
                "-d",
                wheels,
                "-r",
                asked,
            ]
        )
        _copy_project(source)
        run([*pip, "wheel", "--no-deps", "-w", wheels, source])
    missing = {*pins, "clvlib"} - {parse_wheel_filename(file.name)[0] for file in wheels.glob("*.whl")}
    if missing:
        sys.exit(f"There is no wheel of {', '.join(sorted(missing))} for {platform} and Python {version}.")
    write_text(folder / "requirements.txt", "\n".join(_hashed(wheels)) + "\n")
    _write_scripts(folder, platform, version)
    (folder / "trainer").mkdir()
    for_trainer(folder / "trainer")


def _copy_project(target: Path) -> None:
    """Copy what the project's wheel is made of, and nothing else that lies there: no file of a client gets into it."""
    code = [file for file in (ROOT / "clvlib").rglob("*") if file.is_file() and file.name.endswith(CODE)]
    for name in (*ALONE, *FILES, *(file.relative_to(ROOT).as_posix() for file in code)):
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, target / name)


def _hashed(wheels: Path) -> Iterator[str]:
    """A line for each wheel by which pip accepts it only as it is now."""
    for file in sorted(wheels.glob("*.whl")):
        name, release, *_ = parse_wheel_filename(file.name)
        yield f"{name}=={release} --hash=sha256:{sha256(file.read_bytes()).hexdigest()}"


def _write_scripts(folder: Path, platform: str, version: str) -> None:
    size = sum(file.stat().st_size for file in (folder / "wheels").iterdir())
    packages = sha256((folder / "requirements.txt").read_bytes()).hexdigest()
    for name in ("start.sh", "start.bat", "README.txt"):
        text = (HERE / name).read_text("utf-8").replace("@VERSION@", version).replace("@PLATFORM@", platform)
        text = text.replace("@MEGABYTES@", f"{size / 1e6:.0f}").replace("@PACKAGES@", packages)
        (folder / name).write_text(text, encoding="utf-8", newline="\n" if name == "start.sh" else "\r\n")
    (folder / "start.sh").chmod(0o755)


def give_the_trainer(folder: Path) -> None:
    """Put the guide and the slides of the demo shop there."""
    from clvlib.run import decks

    shutil.copy(ROOT / "docs" / "trainer.html", folder)
    with tempfile.TemporaryDirectory() as scratch:
        page = decks.make_slides(None, None, None, Path(scratch))
        shutil.copytree(page.parent, folder / "slides")


def main(arguments: Sequence[str] | None = None) -> None:
    """Read the platform and the Python, and make the room."""
    here = argparse.ArgumentParser(prog="python -m tools.room", description="A folder to set up a class offline.")
    here.add_argument("--platform", default=this_platform(), choices=sorted(PLATFORMS))
    here.add_argument(
        "--python-version", default=f"{sys.version_info.major}.{sys.version_info.minor}", choices=VERSIONS
    )
    here.add_argument("--out", type=Path, default=ROOT / "room")
    asked = here.parse_args(arguments)
    if asked.platform not in PLATFORMS:  # a default isn't held against the choices
        there = ", ".join(sorted(PLATFORMS))
        sys.exit(f"No room can be made for {asked.platform}. Say for which other computers, by --platform: {there}.")

    def run(command: Sequence[str | Path]) -> None:
        if subprocess.run(command, check=False).returncode:
            sys.exit("That package could not be had as a wheel: see pip's words above.")

    make_room(asked.out, asked.platform, asked.python_version, run, give_the_trainer)
    files = [file for file in asked.out.rglob("*") if file.is_file() and file.relative_to(asked.out).parts[0] != "work"]
    print(f"{asked.out}: {len(files)} files, {sum(file.stat().st_size for file in files) / 1e6:.0f} MB, for")
    print(f"{asked.platform} and Python {asked.python_version}. README.txt in it says how to go on.")
