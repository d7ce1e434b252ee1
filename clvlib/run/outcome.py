"""Which notebooks a run of a dataset has, and what became of them."""

from dataclasses import dataclass, field

from clvlib.dataset import Dataset
from clvlib.errors import printable
from clvlib.language import message, phrase, translated

ANSWER = {  # what can be answered without single purchases, and where purchases have no amounts
    "subscriptions": ("07b_contractual",),
    "totals": ("02_segmentation", "03_clv_forecast"),
    "counts": ("00_start_here", "02_segmentation", "03_clv_forecast", "03b_forecast_trust"),
}


@dataclass(frozen=True)
class LeftOut:
    """A section that the dataset can't answer, and why; `builds_on` names the section that it would have needed.

    `what` and `mend` are the two halves of the reason: what is missing, and what to bring; `table`: it is a whole one.
    """

    section: str
    reason: str
    builds_on: str = ""
    what: str = ""
    mend: str = ""
    table: str = ""

    @property
    def cause(self) -> tuple[str, str, str]:
        """What is missing, what to bring and which table that is, the same for all sections left out for it."""
        return (self.what or self.reason, self.mend, self.table)


@dataclass(frozen=True)
class Outcome:
    """`status` is done, failed or not asked for; `skipped` holds what was left out of a notebook that is done."""

    notebook: str
    status: str
    seconds: float = 0.0
    before: bool = False
    skipped: list[LeftOut] = field(default_factory=list)
    cell: str = ""
    error: str = ""
    where: str = ""

    def __str__(self) -> str:
        if self.status == "failed":
            error = self.error.strip().splitlines()[0] if self.error else ""
            said = phrase("failed{cell: in the cell “{cell}”|}: {error}", cell=self.cell, error=error)
        elif self.status == "done" and self.before:
            said = translated("done before, with the same data and settings")
        elif self.status == "done":
            n = len(self.skipped)
            said = phrase(
                "done in {seconds:.0f} s{some:, {n} section(s) left out|}", seconds=self.seconds, some=n > 0, n=n
            )
        else:
            said = translated(self.status)
        return printable(phrase("{what}: {found}", what=self.notebook, found=said))


def lacking(ds: Dataset) -> str:
    """What most notebooks need and this dataset hasn't; "" where it has all."""
    return message("single purchases") if not ds.has("transactions") else message("amounts") if ds.counts else ""


def answering(ds: Dataset) -> list[str]:
    """The notebooks that can do without what the dataset is `lacking`."""
    there = [table for table in ANSWER if ds.has(table) or (table == "counts" and ds.has("transactions"))]
    return [name for table in there for name in ANSWER[table]]
