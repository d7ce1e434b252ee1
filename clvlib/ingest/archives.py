"""A zip of tables → its files, in a folder that lasts while they are read, or a DataError that says why not.

What is inside is chosen as in a folder: all that its ending says is a table, or what fits a pattern. Nothing is written
where a name inside says, and no more than a limit; a workbook (.xlsx, .ods), which is a zip too, is left as it is.
"""

import errno
import itertools
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory

from clvlib.errors import DataError, printable
from clvlib.ingest.delimited import MOST_TIMES, MOST_UNPACKED
from clvlib.ingest.raw import Noticed
from clvlib.language import phrase

MOST_MEMBERS = 1_000
_BLOCK = 1 << 20
_OF_OFFICE = ("[Content_Types].xml", "mimetype")  # in every workbook, and in no zip of tables
_DAMAGED = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, ValueError, OSError)


def is_archive(path: Path) -> bool:
    """Whether a file is a zip, and no workbook; one that is damaged is if its ending says so."""
    try:
        if not path.is_file():  # a pipe waits for ever for whoever writes into it
            return False
        with path.open("rb") as stream:
            if stream.read(4) not in (b"PK\x03\x04", b"PK\x05\x06", b"PK\x07\x08"):
                return False
    except OSError:  # whoever reads it says why
        return False
    try:
        with zipfile.ZipFile(path) as archive:
            return not set(archive.namelist()) & set(_OF_OFFICE)
    except _DAMAGED:
        return path.suffix.lower() == ".zip"


def others_inside(file: Path, known: Iterable[str]) -> list[str]:
    """What is in a zip and no table by its ending, which is none of `known`."""
    with zipfile.ZipFile(file) as archive:
        inside = [_path(one) for one in archive.infolist() if not one.is_dir()]
    return [printable(str(path)) for path in inside if _seen(path) and not _fits(path, None, {*known, ".zip"})]


@contextmanager
def opened(
    files: list[Path], pattern: str | None, known: Iterable[str]
) -> Iterator[tuple[list[Path], list[str], list[Noticed]]]:
    """The files with those inside of zips in their place, what each is called, and what there is to say.

    pattern: what a file's name or path inside must fit, as `*.csv` or `opens/*.csv`; without one, its ending is one of
    `known`. Raises DataError for a zip that holds no such file, another zip, or too much.
    """
    noticed: list[Noticed] = []
    found: list[Path] = []
    names: list[str] = []
    with ExitStack() as stack:
        for file in files:
            inside = {printable(file.name): file}
            if is_archive(file):
                folder = Path(stack.enter_context(TemporaryDirectory()))
                inside = _unpacked(file, pattern, {*known, ".zip"}, folder, noticed)
            found += inside.values()
            names += inside
        yield found, names, noticed


def _unpacked(
    file: Path, pattern: str | None, known: set[str], folder: Path, noticed: list[Noticed]
) -> dict[str, Path]:
    name = file.name
    try:
        with zipfile.ZipFile(file) as archive:
            listed = [one for one in archive.infolist() if not one.is_dir() and _seen(_path(one))]
            inside = {_path(one): one for one in listed}
            if len(inside) < len(listed):
                what = phrase("{file} holds two files of one name.", file=name)
                raise DataError(what, "Unpack it, and give the folder as path.")
            chosen = {path: one for path, one in sorted(inside.items()) if _fits(path, pattern, known)}
            _refuse(name, inside, chosen, pattern, file.stat().st_size)
            left = max(MOST_UNPACKED, MOST_TIMES * file.stat().st_size)
            files = {}
            for i, (path, member) in enumerate(chosen.items()):
                target = folder / str(i) / printable(path.name)[-100:]
                target.parent.mkdir()
                left = _copy(archive, member, target, left, name)
                if is_archive(target):
                    raise _nested(name, path)
                files[printable(str(path))] = target
    except DataError:
        raise
    except _DAMAGED as error:
        if getattr(error, "errno", None) == errno.ENOSPC:  # of what is written meanwhile
            raise
        what = phrase("{file} is cut short or damaged: {why}.", file=name, why=error)
        raise DataError(what, "Copy or export it again.") from None
    passed = [printable(str(path)) for path in inside if path not in chosen]
    if passed and not pattern:
        what = phrase(
            "{file}: {n} file(s) in it are no tables by their endings and were passed over",
            file=printable(name),
            n=len(passed),
        )
        noticed.append(("note", what, len(passed), tuple(passed[:3]), ""))
    return files


def _path(member: zipfile.ZipInfo) -> PurePosixPath:
    return PurePosixPath(member.filename.replace("\\", "/"))


def _seen(path: PurePosixPath) -> bool:
    """Whether it is a file that somebody put there: not what a system keeps for itself."""
    return "__MACOSX" not in path.parts and not path.name.startswith((".", "~$")) and path.name != ""


def _fits(path: PurePosixPath, pattern: str | None, known: set[str]) -> bool:
    return path.match(pattern) if pattern else path.suffix.lower() in known


def _refuse(
    name: str,
    inside: dict[PurePosixPath, zipfile.ZipInfo],
    chosen: dict[PurePosixPath, zipfile.ZipInfo],
    pattern: str | None,
    size: int,
) -> None:
    """Raise DataError for what can't or shouldn't be unpacked."""
    if not chosen:
        what = phrase(
            "{file} holds {pattern:no file like {pattern}|no table that is known by its ending}. "
            "It holds: {these:{these}|nothing}.",
            file=name,
            pattern=pattern,
            these=", ".join(printable(str(path)) for path in list(inside)[:5]),
        )
        raise DataError(what, 'Say which of its files to read: glob = "*.csv", say.')
    if len(chosen) > MOST_MEMBERS:
        what = phrase("{file} holds {n:,} tables: more than {most:,}.", file=name, n=len(chosen), most=MOST_MEMBERS)
        raise DataError(what, 'Say which of its files to read: glob = "orders*.csv", say.')
    if locked := [path for path, member in chosen.items() if member.flag_bits & 1]:
        inner = printable(str(locked[0]))
        what = phrase("{file} is encrypted: {inner} can't be read without its password.", file=name, inner=inner)
        raise DataError(what, "Unpack it, and give the folder as path.")
    if nested := [path for path in chosen if path.suffix.lower() == ".zip"]:
        raise _nested(name, nested[0])
    if sum(member.file_size for member in chosen.values()) > max(MOST_UNPACKED, MOST_TIMES * size):
        raise _too_large(name)


def _copy(archive: zipfile.ZipFile, member: zipfile.ZipInfo, target: Path, left: int, name: str) -> int:
    """Write what a member holds, and return how much more may be written."""
    with archive.open(member) as stream, target.open("wb") as out:
        while block := stream.read(_BLOCK):
            left -= len(block)
            if left < 0:
                raise _too_large(name)
            out.write(block)
    return left


def _nested(name: str, path: PurePosixPath) -> DataError:
    inner = printable(str(path))
    what = phrase("{file} holds another zip, {inner}, which is not opened.", file=name, inner=inner)
    return DataError(what, "Unpack it, and give the folder, or that zip, as path.")


def _too_large(name: str) -> DataError:
    return DataError(
        phrase("{file} unpacks to more than {most} times its size: no table does.", file=name, most=MOST_TIMES),
        "Unpack it and look at it; then give the folder of unpacked files as path.",
    )


def kinds(columns: dict[str, list[str]], others: Iterable[str] = ()) -> dict[str, list[str]]:
    """Files by what they are: a pattern of names that fits those of one kind → their names.

    columns: of each file, by its name. Of one kind are files of which one has at least half of the other's columns.
    others: names of further files, each a kind of its own.
    """
    groups: list[list[str]] = []
    for name, own in columns.items():
        names = {column.strip().casefold() for column in own}
        for group in groups:
            other = {column.strip().casefold() for column in columns[group[0]]}
            if 2 * len(names & other) >= min(len(names), len(other)):
                group.append(name)
                break
        else:
            groups.append([name])
    groups += [[name] for name in others]
    return {_pattern(group, [*columns, *others]): group for group in groups}


def _pattern(group: list[str], of: list[str]) -> str:
    """A pattern that fits the names of a group alone; where there is none, the first name."""
    start, end = _shared(group), _shared([name[::-1] for name in group])[::-1]
    for pattern in (f"{_plain(start)}*{_plain(end)}", f"{_plain(start)}*", f"*{_plain(end)}"):
        if len(group) > 1 and [name for name in of if PurePosixPath(name).match(pattern)] == group:
            return pattern
    return _plain(group[0])


def _shared(names: list[str]) -> str:
    """What all names begin with."""
    alike = itertools.takewhile(lambda letters: len(set(letters)) == 1, zip(*names, strict=False))
    return "".join(letters[0] for letters in alike)


def _plain(name: str) -> str:
    """A name in which nothing is a pattern."""
    return "".join(f"[{letter}]" if letter in "*?[" else letter for letter in name)
