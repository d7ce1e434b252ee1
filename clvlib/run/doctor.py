"""Is this installation sound? Versions against the lock, the kernel, the bundled data, and a notebook that runs."""

import re
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from clvlib.files import CHECKOUT

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
    return Result((3, 11) <= sys.version_info < (3, 14), f"Python {version}", "install Python 3.11, 3.12 or 3.13")


def _packages(root: Path) -> Result:
    lock = root / "requirements.lock"
    if not lock.is_file():
        return Result(False, "requirements.lock is not there", "clone the project whole")
    pins = re.findall(r"^([\w.-]+)==([\w.]+)( ;.*?)?(?= \\)", lock.read_text("utf-8"), re.MULTILINE)
    installed = {d.name.lower().replace("_", "-"): d.version for d in metadata.distributions() if d.name}
    other = [f"{name} {installed[name]}, not {pin}" for name, pin, _ in pins if installed.get(name, pin) != pin]
    gone = [name for name, _, marker in pins if name not in installed and not marker]
    if other or gone:
        wrong = other + [f"{name} missing" for name in gone]
        return Result(False, f"{len(wrong)} package(s) differ from the lock: {', '.join(wrong[:5])}", "make install")
    return Result(True, f"{len(pins)} packages agree with requirements.lock")


def _kernel() -> Result:
    from jupyter_client.kernelspec import KernelSpecManager, NoSuchKernel

    try:
        spec = KernelSpecManager().get_kernel_spec("python3")
    except NoSuchKernel:
        return Result(False, "no Jupyter kernel python3", "python -m ipykernel install --sys-prefix")
    ours = spec.argv[0] == "python" or Path(spec.argv[0]).resolve() == Path(sys.executable).resolve()
    return Result(ours, f"kernel python3 in {spec.resource_dir}", "python -m ipykernel install --sys-prefix")


def _data() -> Result:
    from clvlib import dataset
    from clvlib.ingest.card import DATA

    return _tried(
        "bundled datasets",
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
        return f"counted {int(found):,} customers in {time.monotonic() - started:.1f} s"

    return _tried("notebook", probe)


def _tried(what: str, look: Callable[[], str]) -> Result:
    try:
        return Result(True, f"{what}: {look()}")
    except Exception as error:  # whatever it is, the doctor's answer is one line
        return Result(
            False,
            f"{what}: {type(error).__name__}: {str(error).splitlines()[0]}",
            "make install, then clv doctor",
        )
