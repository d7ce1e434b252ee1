"""A PostgreSQL server that the tests start themselves, in a folder of its own, and stop at their end."""

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

OWNER, PASSWORD = "owner", "s3cret of the 0wner/@:%"


class Server(NamedTuple):
    """Where it listens, on this computer only."""

    port: int

    def run(self, *statements: str) -> None:
        """Carry out SQL as the owner."""
        import psycopg

        with psycopg.connect(self._as_owner(), autocommit=True) as connection:
            for statement in statements:
                connection.execute(statement)

    def fill(self, table: str, rows: list[tuple[Any, ...]]) -> None:
        """Add rows to a table."""
        import psycopg

        with (
            psycopg.connect(self._as_owner()) as connection,
            connection.cursor() as cursor,
            cursor.copy(f"COPY {table} FROM STDIN") as copy,
        ):
            for row in rows:
                copy.write_row(row)

    def _as_owner(self) -> str:
        from psycopg.conninfo import make_conninfo

        return make_conninfo(host="127.0.0.1", port=self.port, user=OWNER, password=PASSWORD, dbname="postgres")


def _programs() -> Path | None:
    """The folder of the server's programs: Debian keeps them out of the path."""
    found = shutil.which("postgres")
    folders = [Path(found).resolve().parent] if found else sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    return folders[-1] if folders else None


@pytest.fixture(scope="session")
def postgres() -> Iterator[Server]:
    """A running server, whose owner has a password."""
    pytest.importorskip("psycopg", reason="psycopg isn't installed")
    programs = _programs()
    if programs is None:
        pytest.skip("there is no PostgreSQL server on this machine (Debian: apt-get install postgresql)")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    folder = Path(tempfile.mkdtemp(prefix="postgres-"))
    (folder / "password").write_text(PASSWORD, "utf-8")
    someone: dict[str, Any] = {"stdout": subprocess.DEVNULL, "stderr": subprocess.STDOUT, "cwd": folder}
    if os.name == "posix" and os.geteuid() == 0:  # the server refuses to be root
        someone |= {"user": "nobody", "group": "nogroup", "extra_groups": []}
        for path in (folder, folder / "password"):
            shutil.chown(path, "nobody", "nogroup")
    made = ["-D", "data", "-U", OWNER, "-A", "scram-sha-256", "--pwfile=password", "-E", "UTF8", "--no-locale", "-N"]
    subprocess.run([programs / "initdb", *made], check=True, **someone)
    settings = [f"-c{name}" for name in ("listen_addresses=127.0.0.1", f"port={port}", "fsync=off")]
    server = subprocess.Popen([programs / "postgres", "-D", "data", "-k", folder, *settings], **someone)
    try:
        for _ in range(300):
            ready = [programs / "pg_isready", "-q", "-h", "127.0.0.1", "-p", str(port)]
            if subprocess.run(ready, check=False).returncode == 0:
                break
            assert server.poll() is None, "the server ended as it began"
            time.sleep(0.1)
        yield Server(port)
    finally:
        server.send_signal(signal.SIGINT)  # at once, whoever is connected
        server.wait(30)
        shutil.rmtree(folder, ignore_errors=True)
