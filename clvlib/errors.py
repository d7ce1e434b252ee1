"""What goes wrong, in words: the errors that every room raises, and what was noticed about a client's data.

What they say is a message of `language`: a literal is translated here, one with values by `phrase`, where it is raised.
"""

from dataclasses import dataclass
from typing import Literal

from clvlib.language import phrase, translated

Grade = Literal["error", "warning", "note"]


def printable(text: str) -> str:
    """A text without what would steer a terminal, or be in no encoding: each such letter becomes a question mark."""
    kept = "".join(c if c.isprintable() or c in "\n\t" or c.isspace() else "?" for c in text.replace("\r", "?"))
    return kept.encode("utf-8", "replace").decode()


class ClvError(Exception):
    """Something a person can mend. `str(error)` says what, how many and where, then how to mend it."""

    def __init__(self, what: str, mend: str = "") -> None:
        self.what, self.mend = what, mend = printable(translated(what)), printable(translated(mend))
        super().__init__(f"{what} {mend}".strip())


class DataError(ClvError):
    """The data can't be used (exit code 1)."""


class UsageError(ClvError):
    """A name or a value that doesn't exist was asked for (exit code 2)."""


class CannotAnswer(ClvError):
    """This dataset can't answer this question; the rest goes on."""


class NotEnoughData(CannotAnswer):
    """Too few customers, repeat purchases or days."""


class ConvergenceError(CannotAnswer):
    """A fit that didn't converge: its numbers would mean nothing."""


class MissingTable(CannotAnswer):
    """A table or an optional column that the dataset doesn't have; `table` names a whole table."""

    def __init__(self, what: str, mend: str = "", table: str = "") -> None:
        self.table = table
        super().__init__(what, mend)


class Rows(int):
    """The count of a problem that is one of rows of its table."""


@dataclass(frozen=True)
class Problem:
    """One thing to know about the data: how grave, where, what, how many (Rows of it), examples, how to mend it."""

    grade: Grade
    where: str
    what: str
    count: int
    examples: tuple[str, ...] = ()
    mend: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "what", translated(self.what))
        object.__setattr__(self, "mend", translated(self.mend))

    def __str__(self) -> str:
        where = translated("card") if self.where == "card" else self.where  # else the name of a section of the card
        told = {"where": where, "what": self.what, "these": ", ".join(self.examples), "mend": self.mend}
        return printable(phrase("{where}: {what}{these: (for instance {these})|}. {mend}", **told).strip())
