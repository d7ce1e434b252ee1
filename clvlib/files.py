"""Files that are there whole or not at all, where the project's own are, and what one notebook keeps for the others."""

import os
import pickle
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from numpy.typing import NDArray

KEPT = "CLV_KEPT"  # set by a run: the folder of what its notebooks keep for each other

_PACKAGE = Path(__file__).parent
CHECKOUT = _PACKAGE.parent if (_PACKAGE.parent / "requirements.lock").is_file() else None  # None: a package
_MOST_ROWS = 5_000_000
_T = TypeVar("_T")


def own(folder: str) -> Path:
    """Give the folder of the bundled ``data`` or ``notebooks``: of the checkout, or inside the installed package."""
    return (CHECKOUT or _PACKAGE / "bundled") / folder


@contextmanager
def replacing(target: Path) -> Iterator[Path]:
    """Give a path to write to; it takes the target's place when the block ends well, and vanishes when it doesn't."""
    partial = target.with_name(f".{target.name}.partial")
    try:
        yield partial
        os.replace(partial, target)
    finally:
        partial.unlink(missing_ok=True)


def write_text(target: Path, text: str) -> None:
    """Write UTF-8 text, whole or not at all."""
    with replacing(target) as partial:
        partial.write_text(text, encoding="utf-8", newline="\n")


def once(
    make: Callable[[], _T], depends: Callable[[], tuple[object, ...]], rows: Callable[[_T], int] = lambda made: 0
) -> _T:
    """What `make` gives, or gave to another notebook of the same run, by all that it `depends` on (texts and numbers).

    Nothing is kept outside of a run, which alone can read the folder and deletes it at its end; nor what has more
    `rows` than a few million: only what is always small needn't say how many it has.
    """
    folder = os.environ.get(KEPT)
    if not folder:
        return make()
    of = depends()
    with suppress(FileNotFoundError), _kept_in(folder, of).open("rb") as stream:
        return pickle.load(stream)
    made = make()
    keep_for_run(folder, of, made, rows(made))
    return made


def keep_for_run(folder: str | Path, depends: tuple[object, ...], made: object, rows: int) -> None:
    """Keep in the run's folder what `once` then gives to whoever asks for what depends on the same."""
    if rows > _MOST_ROWS:
        return
    file = _kept_in(folder, depends)
    draft = file.with_suffix(f".{os.getpid()}")  # notebooks that run side by side may make the same
    with suppress(OSError):  # a full disk costs the next notebook its time, and nothing else
        with draft.open("wb") as stream:  # bit by bit: what is large isn't there twice
            pickle.dump(made, stream)
        draft.replace(file)


def array_digest(*arrays: "NDArray[Any]") -> str:
    """A text that is the same for the same arrays, and another for others: what `once` may depend on."""
    found = sha256()
    for array in arrays:
        found.update(repr((array.dtype.str, array.shape)).encode())
        found.update(array.tobytes())
    return found.hexdigest()


def _kept_in(folder: str | Path, depends: tuple[object, ...]) -> Path:
    return Path(folder) / f"{sha256(repr(depends).encode()).hexdigest()}.pickle"
