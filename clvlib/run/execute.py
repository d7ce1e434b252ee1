"""One notebook, executed in a process of its own: `python -m clvlib.run.execute job.json` (started by the runner).

A process of its own can be stopped at its time limit or by the user, and whatever papermill, the kernel or a library
prints stays in the log. The outcome is written to the job's `result` file as JSON.
"""

import errno
import json
import os
import sys
import threading
import time
from pathlib import Path
from typing import Any

from clvlib.language import phrase, translated
from clvlib.run.cli import spare_grammar

DISK_FULL = 28  # exit code: nothing could be written any more
ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}  # side by side, threads wait for each other's cores


def main(job_file: str, parent: int | None = None) -> None:
    """Execute the notebook that the job describes: source, target, result (paths), parameters, limit (seconds).

    It ends with the process `parent`; without one, with that which wrote the job.
    """
    job = json.loads(Path(job_file).read_text("utf-8"))
    threading.Thread(target=_end_with, args=(parent or job["parent"],), daemon=True).start()
    try:
        outcome = execute_part(job)
        Path(job["result"]).write_text(json.dumps(outcome), encoding="utf-8")
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise
        sys.exit(DISK_FULL)


def _end_with(parent: int) -> None:
    """End when the process that asked for the notebook has ended, however it ended; the kernel watches this one."""
    while os.getppid() == parent:
        time.sleep(0.5)
    os._exit(1)


def execute_part(job: dict[str, Any]) -> dict[str, Any]:
    """Run papermill; return {} when all went well, else which cell failed (position from 0, or None) and why."""
    spare_grammar()
    import papermill
    from nbclient.exceptions import CellTimeoutError, DeadKernelError
    from papermill.exceptions import PapermillExecutionError

    try:
        papermill.execute_notebook(
            job["source"],
            job["target"],
            parameters=job["parameters"],
            kernel_name="python3",
            language="python",
            progress_bar=False,
            execution_timeout=job["limit"],
        )
    except PapermillExecutionError as error:
        return {"cell": error.cell_index, "error": f"{error.ename}: {error.evalue}"}
    except CellTimeoutError:
        return {"cell": None, "error": took_too_long(job["limit"])}
    except DeadKernelError:
        said = translated("DeadKernelError: the kernel died, most often because memory ran out")
        return {"cell": None, "error": said}
    return {}


def took_too_long(limit: int) -> str:
    """What is said of a notebook that was stopped at its limit, in seconds."""
    return phrase("TimeoutError: it took longer than {limit} seconds", limit=limit)


if __name__ == "__main__":
    main(sys.argv[1])
