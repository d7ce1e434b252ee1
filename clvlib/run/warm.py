"""Processes for the notebooks of a run, forked from one that has everything loaded (`Nest`); Linux only.

Until its first own line a notebook costs seconds: papermill is loaded by the process that executes it, Jupyter and the
package's methods by its kernel. The nest loads them once a run. It has a single thread and opens nothing, so that it
can be forked: for each notebook, and at once again for that notebook's kernel, which waits for what Jupyter would have
started. Whatever else there is stays with `clvlib.run.execute`. Where there can be no nest, or Jupyter wants another
kernel, a notebook gets processes that load for themselves, and makes the same.
"""

import atexit
import gc
import importlib
import json
import os
import pkgutil
import select
import selectors
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
import warnings
import weakref
from collections.abc import Mapping
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import IO, Any

import clvlib
from clvlib.run import execute
from clvlib.run.cli import spare_grammar

JUPYTER = ("ipykernel.ipkernel", "ipykernel.kernelapp", "matplotlib.pyplot", "seaborn")
LATE = (  # what libraries load when they are first used; but no backend of IPython, which asks for it as it loads
    "ibis.backends.duckdb.converter",
    "pyarrow.acero",
    "pyarrow.dataset",
    "PIL.GifImagePlugin",
    "PIL.JpegImagePlugin",
    "pandera.accessors.pandas_accessor",
    "pandera.backends.pandas.container",
    "pandera.strategies.pandas_strategies",
)
ALONE = {  # in the nest only: no library starts a thread, and figures are drawn as in a kernel
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "JE_ARROW_MALLOC_CONF": "background_thread:false",
    "MPLBACKEND": "module://matplotlib_inline.backend_inline",
}
PATIENCE = 60  # seconds in which a nest is ready, or never
_CODE = struct.Struct("i")


class Fork:
    """A process that the nest forked, asked and stopped as a `subprocess.Popen`."""

    def __init__(self, answers: int) -> None:
        self._answers, self._lock = answers, threading.Lock()
        weakref.finalize(self, os.close, answers)
        (self.pid,) = _CODE.unpack(os.read(answers, _CODE.size))
        self.returncode: int | None = None

    def wait(self, timeout: float | None = None) -> int:
        """Its exit code, which is −9 when the nest died; TimeoutExpired when it takes longer."""
        if not select.select([self._answers], [], [], timeout)[0]:
            raise subprocess.TimeoutExpired("notebook", timeout or 0)
        with self._lock:
            if self.returncode is None:
                told = os.read(self._answers, _CODE.size)
                self.returncode = _CODE.unpack(told)[0] if told else -signal.SIGKILL
            return self.returncode

    def poll(self) -> int | None:
        """Its exit code, or None while it runs."""
        with suppress(subprocess.TimeoutExpired):
            self.wait(0)
        return self.returncode

    def terminate(self) -> None:
        """Ask it to end."""
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """End it."""
        self.send_signal(signal.SIGKILL)

    def send_signal(self, number: int) -> None:
        """Send it a signal, if it still runs."""
        if self.poll() is None:
            with suppress(ProcessLookupError):
                os.kill(self.pid, number)


class _Kernel(Fork):
    """The kernel of this process, a child of it."""

    stdin = stdout = stderr = None

    def __init__(self, pid: int) -> None:
        self.pid, self.returncode = pid, None

    def wait(self, timeout: float | None = None) -> int:
        while (code := self.poll()) is None:
            time.sleep(0.05)
        return code

    def poll(self) -> int | None:
        if self.returncode is None:
            ended, status = os.waitpid(self.pid, os.WNOHANG)
            self.returncode = os.waitstatus_to_exitcode(status) if ended else None
        return self.returncode


class Nest:
    """The process that loads everything; OSError where there can be none."""

    def __init__(self) -> None:
        if sys.platform != "linux" or ALONE.keys() & os.environ.keys():  # a user's own threads or pictures
            raise OSError("no nest here")
        self._environment, self._loading = os.environ | ALONE, threading.Lock()
        self._ready: bool | None = None
        self._asks, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        command = [sys.executable, "-P", "-c", "from clvlib.run import warm; warm.main()"]
        with theirs:
            self._process = subprocess.Popen(
                command,
                stdin=theirs.fileno(),
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                env=self._environment,
                start_new_session=True,
            )

    def ready(self) -> bool:
        """Wait until it has loaded everything; False when it can't."""
        with self._loading:
            if self._ready is None:
                answered = select.select([self._asks], [], [], PATIENCE)[0]
                self._ready = bool(answered) and self._asks.recv(1) == b"1"
            return self._ready

    def fork(self, job: str, environment: Mapping[str, str], messages: IO[str]) -> Fork | None:
        """A process that executes the job, its messages in a file; None when the nest is gone."""
        names = environment.keys() | self._environment.keys()
        other = {name: environment.get(name) for name in names}
        changed = {name: value for name, value in other.items() if value != self._environment.get(name)}
        answers, theirs = os.pipe()
        try:
            asked = json.dumps({"job": job, "environment": changed}).encode()
            socket.send_fds(self._asks, [asked], [messages.fileno(), theirs])
        except OSError:
            os.close(answers)
            return None
        finally:
            os.close(theirs)
        with suppress(struct.error):
            return Fork(answers)
        return None

    def close(self) -> None:
        """End it."""
        self._process.kill()
        self._process.wait()
        with self._loading:
            self._ready = False
            self._asks.close()


def main() -> None:
    """The nest: fork a process for each job that comes by standard input, until that ends."""
    code = [1]
    atexit.register(_leave, code)  # the first to be registered is the last to be called
    filters = load_for_kernels()
    importlib.import_module("papermill")  # it filters warnings: not in kernels
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)  # expressions are many small objects, few of them garbage
    asked = socket.socket(fileno=os.dup(0))
    os.dup2(1, 0)
    os.close(os.pidfd_open(os.getpid()))  # an error where the system is too old
    if may_fork():
        asked.send(b"1")
        nest, job = os.getpid(), _next_job(asked)
        try:
            if job is not None:  # in a fork
                offer_kernels(1, filters)
                execute.main(job, nest)
            code[0] = 0
        except SystemExit as end:
            code[0] = int(end.code or 0)


def load_for_kernels() -> list[Any]:
    """Load what kernels of notebooks need, in a process with the environment ALONE; the filters of warnings then."""
    spare_grammar()
    for name in (*JUPYTER, *LATE):
        importlib.import_module(name)
    rooms = (room.name for room in pkgutil.iter_modules(clvlib.__path__, "clvlib.") if room.name != "clvlib.run")
    for room in map(importlib.import_module, rooms):
        for module in pkgutil.iter_modules(getattr(room, "__path__", []), f"{room.__name__}."):
            importlib.import_module(module.name)
    return list(warnings.filters)


def may_fork() -> bool:
    """Whether this process can be forked: on Linux, while it has a single thread."""
    return sys.platform == "linux" and len(os.listdir("/proc/self/task")) == 1


def offer_kernels(count: int, filters: list[Any]) -> None:
    """Fork so many kernels of this process, for Jupyter to take in it when it starts some of the kind that they are."""
    from jupyter_client.provisioning import local_provisioner

    waiting = [_fork_kernel(filters) for _ in range(count)]
    local_provisioner.launch_kernel = partial(_launch, waiting, local_provisioner.launch_kernel)


def _leave(code: list[int]) -> None:
    """End at once, without taking apart all that was loaded, and of which most was never touched."""
    for stream in (sys.__stdout__, sys.__stderr__):
        if stream is not None:
            with suppress(OSError, ValueError):
                stream.flush()
    os._exit(code[0])


def _next_job(asked: socket.socket) -> str | None:
    """In each fork, its job; in the nest None at the end."""
    with selectors.PollSelector() as waiting:
        waiting.register(asked, selectors.EVENT_READ)
        while True:
            for key, _ in waiting.select():
                if key.data is not None:
                    pid, answers = key.data
                    waiting.unregister(key.fd)
                    os.write(answers, _CODE.pack(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])))
                    os.close(key.fd)
                    os.close(answers)
                    continue
                text, (*handles,), _, _ = socket.recv_fds(asked, 1 << 20, 2)
                if not text:
                    return None
                messages, answers = handles
                if pid := os.fork():
                    os.close(messages)
                    os.write(answers, _CODE.pack(pid))
                    waiting.register(os.pidfd_open(pid), selectors.EVENT_READ, (pid, answers))
                    continue
                for other in waiting.get_map().values():
                    os.close(other.fd if other.data is None else other.data[1])
                os.close(answers)
                return _move_in(json.loads(text), messages)


def _move_in(asked: dict[str, Any], messages: int) -> str:
    """Become the process that `subprocess.Popen` would have started; its job."""
    os.setsid()
    for stream in (1, 2):
        os.dup2(messages, stream)
    os.close(messages)
    for name, value in asked["environment"].items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value
    return str(asked["job"])


def _fork_kernel(filters: list[Any]) -> tuple[_Kernel, int]:
    """A kernel that waits for a line saying what it is, and where to write that."""
    (reads, writes), (settled, says) = os.pipe(), os.pipe()
    if pid := os.fork():
        os.close(reads)
        os.close(says)
        os.read(settled, 1)  # nothing, once it is a group of its own: whoever signals that would signal this one
        os.close(settled)
        return _Kernel(pid), writes
    os.setsid()
    for ours in (writes, settled, says):
        os.close(ours)
    with open(reads, encoding="utf-8") as told:
        text = told.readline()
    if not text:  # nobody needs it
        os._exit(0)
    asked = json.loads(text)
    os.environ.clear()
    os.environ.update(asked["environment"])
    os.chdir(asked["folder"])
    warnings.filters[:] = filters  # type: ignore[index]
    import numpy as np
    from ipykernel import kernelapp

    np.random.seed()
    sys.argv = [str(Path(kernelapp.__file__).parents[1] / "ipykernel_launcher.py"), *asked["arguments"]]
    kernelapp.IPKernelApp.launch_instance(parent_handle=os.getppid())  # it ends with its parent
    sys.exit()


def _launch(waiting: list[tuple[_Kernel, int]], launch: Any, command: list[str], **options: Any) -> Any:
    words = [word for word in command if not word.startswith("-X")]  # which are for debuggers
    if not waiting or words[:3] != [sys.executable, "-m", "ipykernel_launcher"]:
        return launch(command, **options)
    kernel, writes = waiting.pop()
    environment = options["env"] | {"JPY_PARENT_PID": str(os.getpid())}
    asked = {"environment": environment, "folder": options.get("cwd") or os.getcwd(), "arguments": words[3:]}
    with open(writes, "w", encoding="utf-8") as tell:
        tell.write(json.dumps(asked, default=str) + "\n")
    return kernel
