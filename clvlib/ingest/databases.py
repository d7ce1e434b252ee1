"""A table of a database or a warehouse, by its URL → a Parquet file of its rows, which is there until the program ends.

Ibis reaches the database. Its password is in the environment alone: `${NAME}` in the URL stands for a variable, whose
value nothing of ours keeps or says. All that a program starts takes the file over: notebooks of a run read one state.
"""

import atexit
import json
import os
import re
import shutil
import tempfile
import weakref
from collections.abc import Iterator
from contextlib import closing, contextmanager
from hashlib import sha256
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, quote

import duckdb
import ibis

from clvlib.errors import DataError
from clvlib.files import replacing
from clvlib.ingest.raw import first_line, literal, refuse_names, rows
from clvlib.language import message, phrase

FETCHED = "CLV_FETCHED"  # of the environment: the folder of tables that were fetched
NUMBERS = "numbers"  # what such a file says beside its rows: the columns that are numbers in the database
_BATCH = 50_000  # rows
_URL = re.compile(
    r"(?P<kind>[a-z][a-z0-9]*)://((?P<user>[^:/?#]*)(:\$\{\w+\})?@)?"
    r"(?P<host>(\[[0-9a-f:.]+\]|[^:@/?#]*)(:\d+)?)(?P<path>(/[^@?#]*)?)(\?(?P<query>[^@#]*))?"
)
_VARIABLE = re.compile(r"\$\{(\w+)\}")
_SECRET = re.compile("pass|pwd|secret|token|key|credential", re.IGNORECASE)  # in the name of a URL's parameter
_OF_FILES = ("duckdb", "sqlite", "file")
_PACKAGES = {"postgres": "psycopg[binary]"}  # what Ibis needs to reach a database; else its own extra
_UNREAD = message("{table} of {database} can't be read: {why}.")
_MEND = message("Ask for the right to read it, or for a view of what is needed.")
_own: list[Path] = []  # the folder that this process made


def fetch(url: str, table: str) -> Path:
    """Read a table or view into a Parquet file: dates as such, all else as the database writes it as text.

    url: `postgresql://user:${NAME}@host/database`, and the like of any database that Ibis knows. table: its name, with
    its schema before it where that isn't the usual one. The rows are sorted: while they are the same, so is the file.
    Raises DataError for a URL that holds a password, and where the table can't be reached or read.
    """
    parts = _parts(url)
    shown = f"{parts['host']}{parts['path']}".strip("/")
    name = re.sub(r"[^\w.-]+", "-", f"{table} {shown}").strip("-")[:80]
    file = _folder() / f"{name}-{sha256(f'{url} {table}'.encode()).hexdigest()[:8]}.parquet"
    if file.exists() and file.parent not in _own:
        return file
    secrets: list[str] = []
    found = open_table(url, table, secrets)
    try:
        with unspoken(_UNREAD, _MEND, secrets, table=table, database=shown):
            _write(found, file)
    finally:
        found.get_backend().disconnect()
    return file


def open_table(url: str, table: str, secrets: list[str] | None = None) -> ibis.Table:
    """The table or view where it is, as an expression; nothing of it is read. Names and errors as of `fetch`.

    secrets: takes up what no message may hold.
    """
    parts, secrets = _parts(url), [] if secrets is None else secrets
    shown = f"{parts['host']}{parts['path']}".strip("/")
    mend = message("Check the url, the server, and the password's variable.")
    with unspoken(message("{database} can't be reached: {why}."), mend, secrets, database=shown):
        backend = _connected(parts["kind"].replace("postgresql", "postgres"), _filled_in(url, secrets))
    if hasattr(backend, "con"):
        weakref.finalize(backend, backend.con.close)  # with whatever was read of it
    with unspoken(_UNREAD, _MEND, secrets, table=table, database=shown):
        return table_named(backend, table, shown)


def spark() -> Any:
    """Spark as its own settings say, or as whoever runs this has begun it. DataError where it can't begin."""
    try:
        from pyspark.errors import PySparkException
    except ImportError:
        raise DataError("PySpark isn't installed.", 'Install it: pip install "pyspark>=4.0,<4.1".') from None
    try:
        return ibis.pyspark.connect()
    except PySparkException as error:
        raise DataError(
            phrase("Spark doesn't begin: {why}.", why=first_line(error).rstrip(".")),
            "It needs Java 17 or later (Debian: apt-get install default-jre-headless), or SPARK_REMOTE=sc://host.",
        ) from None


def is_fetched(file: Path) -> bool:
    """Whether a file is a table that was fetched. Its name is then what stays the same from one run to the next."""
    return bool(os.environ.get(FETCHED)) and file.parent == Path(os.environ[FETCHED])


def _parts(url: str) -> dict[str, str]:
    """The parts of a URL. DataError where it isn't one, or holds a password as such: it is not repeated."""
    found = _URL.fullmatch(url)
    if not found:
        form = "postgresql://user:${SHOP_PASSWORD}@host/database"
        raise DataError(
            phrase("The url is not of the form {form}, or has a password in it.", form=form),
            "Write ${SHOP_PASSWORD}, say, in its place, and set that variable of the environment.",
        )
    named = [name for name, value in parse_qsl(found["query"] or "") if not _VARIABLE.fullmatch(value)]
    if secret := [name for name in named if _SECRET.search(name)]:
        raise DataError(
            phrase("The url says {these} as such.", these=", ".join(secret)),
            phrase("Write {name}=${{NAME}}, and set that variable of the environment.", name=secret[0]),
        )
    if found["kind"] in _OF_FILES:
        raise DataError("The url is that of a file.", 'Name the file: path = "…".')
    return {name: text or "" for name, text in found.groupdict().items()}


def _filled_in(url: str, secrets: list[str]) -> str:
    """The URL with the values of the variables that it names, which are added to `secrets`."""

    def value(found: re.Match[str]) -> str:
        if found[1] not in os.environ:
            what = phrase("The environment has no variable {name}.", name=found[1])
            raise DataError(what, phrase("Set it: export {name}=…", name=found[1]))
        secrets.append(os.environ[found[1]])
        return quote(secrets[-1], safe="")

    return _VARIABLE.sub(value, url)


def _folder() -> Path:
    """Where tables are kept: a folder of this program's own, deleted as it ends, or that of the one that began it."""
    if not Path(os.environ.get(FETCHED) or "-").is_dir():
        os.environ[FETCHED] = tempfile.mkdtemp(prefix="clv-")
        _own.append(Path(os.environ[FETCHED]))
        atexit.register(shutil.rmtree, os.environ[FETCHED], ignore_errors=True)
    return Path(os.environ[FETCHED])


def _connected(kind: str, url: str) -> Any:
    """The database, as Ibis reaches it. DataError for one that Ibis doesn't know, or that needs another package."""
    known = sorted({entry.name for entry in entry_points(group="ibis.backends")} - {*_OF_FILES})
    if kind not in known:
        what = phrase("{kind}:// is no database that Ibis knows.", kind=kind)
        raise DataError(what, phrase("Known: {these}.", these=", ".join(known)))
    try:
        getattr(ibis, kind)
        return ibis.connect(url)
    except (AttributeError, ImportError):
        package = _PACKAGES.get(kind, f"ibis-framework[{kind}]")
        what = phrase("A package that reads {kind}:// isn't installed.", kind=kind)
        raise DataError(what, phrase('Install it: pip install "{package}".', package=package)) from None


@contextmanager
def unspoken(what: str, mend: str, secrets: list[str], **values: str) -> Iterator[None]:
    """Say what went wrong (a message with `why`) without any of the secrets.

    Drivers share no class of errors, and may repeat a URL.
    """
    try:
        yield
    except DataError:
        raise
    except Exception as error:
        why = first_line(error) if str(error).strip() else type(error).__name__
        for secret in filter(None, secrets):
            why = why.replace(secret, "…").replace(quote(secret, safe=""), "…")
        why = re.sub(r"^reading the stream .*? Unknown error: |\. Detail: Python exception.*", "", why)  # of DuckDB
        raise DataError(phrase(what, why=why.strip().rstrip("."), **values), mend) from None


def table_named(backend: Any, table: str, shown: str) -> Any:
    """The table of that name, as Ibis sees it. DataError names those that there are."""
    *schema, name = table.split(".")
    database = None if not schema else schema[0] if len(schema) == 1 else tuple(schema)
    try:
        return backend.table(name, database=database)
    except ibis.common.exceptions.TableNotFound:
        there = backend.list_tables(database=database)
        what = phrase("{database} has no table {table!r}. It shows no table to this user.", database=shown, table=table)
        if there:
            what = phrase(
                "{database} has no table {table!r}. It holds: {these}{more:|, and {more} more}.",
                database=shown,
                table=table,
                these=", ".join(there[:20]),
                more=max(len(there) - 20, 0),
            )
        raise DataError(what, 'Correct table = "…"; before its name may stand its schema and a point.') from None


def _write(found: Any, file: Path) -> None:
    """Write the rows of a table as they come; what of them memory can't hold is sorted on disk."""
    kinds = dict(found.schema().items())
    refuse_names(list(kinds), file.stem)
    typed = [name for name, kind in kinds.items() if kind.is_date() or kind.is_timestamp()]
    numbers = [name for name, kind in kinds.items() if kind.is_decimal() or kind.is_floating()]
    cells = {name: found[name] if name in typed else found[name].cast("string") for name in kinds}
    cells |= {name: cells[name].nullif("NaN") for name in numbers}
    batches = found.select(**cells).to_pyarrow_batches(chunk_size=_BATCH)
    with closing(duckdb.connect()) as connection, replacing(file) as partial:
        rows(connection, "SET enable_progress_bar = false; SET TimeZone = 'UTC'")
        rows(connection, f"SET temp_directory = {literal(file.with_suffix('.sorting'))}")
        connection.register("fetched", batches)
        said = f"{{{NUMBERS}: {literal(json.dumps(numbers))}}}"
        query = "SELECT * FROM fetched ORDER BY ALL"
        rows(connection, f"COPY ({query}) TO {literal(partial)} (FORMAT parquet, KV_METADATA {said})")
