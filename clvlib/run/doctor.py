"""Is this installation sound? Versions against the lock, the kernel, the bundled data, and a notebook that runs."""

import re
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from clvlib.files import CHECKOUT
from clvlib.language import phrase, translated

PROBE = "from clvlib import load\nds = load('cdnow_sample')\nlen(ds.rfm_summary())"


@dataclass(frozen=True)
class Result:
    """One thing looked at: whether it's good, what it is, and how to mend it."""

    good: bool
    what: str
    mend: str = ""


def examine(root: Path | None = CHECKOUT) -> list[Result]:
    """Look at everything; one result each. `root`: the project folder with requirements.lock, if any."""
    return [_python(), *([_packages(root)] if root else []), _kernel(), _data(), _notebook()]


def _python() -> Result:
    version = ".".join(map(str, sys.version_info[:3]))
    mend = translated("install Python 3.11, 3.12 or 3.13")
    return Result((3, 11) <= sys.version_info < (3, 14), f"Python {version}", mend)


def _packages(root: Path) -> Result:
    lock = root / "requirements.lock"
    if not lock.is_file():
        return Result(False, translated("requirements.lock is not there"), translated("clone the project whole"))
    pins = re.findall(r"^([\w.-]+)==([\w.]+)( ;.*?)?(?= \\)", lock.read_text("utf-8"), re.MULTILINE)
    installed = {d.name.lower().replace("_", "-"): d.version for d in metadata.distributions() if d.name}
    other = [
        phrase("{name} {version}, not {pin}", name=name, version=installed[name], pin=pin)
        for name, pin, _ in pins
        if installed.get(name, pin) != pin
    ]
    gone = [name for name, _, marker in pins if name not in installed and not marker]
    if other or gone:
        wrong = other + [phrase("{name} missing", name=name) for name in gone]
        these = ", ".join(wrong[:5])
        what = phrase("{n} package(s) differ from the lock: {these}", n=len(wrong), these=these)
        return Result(False, what, "make install")
    return Result(True, phrase("{n} packages agree with requirements.lock", n=len(pins)))


def _kernel() -> Result:
    from jupyter_client.kernelspec import KernelSpecManager, NoSuchKernel

    try:
        spec = KernelSpecManager().get_kernel_spec("python3")
    except NoSuchKernel:
        return Result(False, translated("no Jupyter kernel python3"), "python -m ipykernel install --sys-prefix")
    ours = spec.argv[0] == "python" or Path(spec.argv[0]).resolve() == Path(sys.executable).resolve()
    what = phrase("kernel python3 in {folder}", folder=spec.resource_dir)
    return Result(ours, what, "python -m ipykernel install --sys-prefix")


def _data() -> Result:
    from clvlib import dataset
    from clvlib.ingest.card import DATA

    return _tried(
        translated("bundled datasets"),
        lambda: ", ".join(dataset.load(c).name for c in sorted(DATA.glob("*.toml"))),
    )


def _notebook() -> Result:
    import nbformat
    from nbclient import NotebookClient

    def probe() -> str:
        notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(PROBE)])
        started = time.monotonic()
        done = NotebookClient(notebook, timeout=60, kernel_name="python3", extra_arguments=["--log-level=40"]).execute()
        found = done.cells[0].outputs[0]["data"]["text/plain"]
        took = time.monotonic() - started
        return phrase("counted {n:,} customers in {took:.1f} s", n=int(found), took=took)

    return _tried(translated("notebook"), probe)


def _tried(what: str, look: Callable[[], str]) -> Result:
    try:
        return Result(True, phrase("{what}: {found}", what=what, found=look()))
    except Exception as error:  # whatever it is, the doctor's answer is one line
        said = {"what": what, "kind": type(error).__name__, "error": str(error).splitlines()[0]}
        return Result(False, phrase("{what}: {kind}: {error}", **said), translated("make install, then clv doctor"))
