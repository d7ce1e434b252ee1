"""A history of however many customers goes in, a file of their scores comes out; at most a million are held at once.

To learn takes a sample, to score a customer takes no other one. So customers come in parts, by a hash of their ids, and
each part is a sample of all. What a forecast learns, it learns from the first parts; then each part is scored by it on
its own, and written. Of no more customers than that, each figure is what `scoring.score` gives of all at once.
"""

from collections.abc import Generator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path

import ibis
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from clvlib import aggregate
from clvlib.dataset import Dataset
from clvlib.files import replacing
from clvlib.language import phrase
from clvlib.models.outlook import Ahead, look_ahead_of_parts
from clvlib.models.scoring import Total, factors, score, summed_up, total
from clvlib.models.windows import TEACHING

IN_A_PART = 250_000  # customers who are scored at a time
FITTED = 1_000_000  # customers whom models of buying are fitted on, at most


@dataclass(frozen=True)
class Written:
    """A file of scores, and what it says of all customers. fitted_on: how many of them models of buying learned from;
    buyers: how many are expected to buy within the horizon.

    >>> write_scores(sample, tmp / "scores.parquet").learned[:64]
    'Models of buying are fitted on all 2,349 customers. It learned f'
    """

    file: Path
    ahead: Ahead
    total: Total
    buyers: float
    fitted_on: int

    @property
    def learned(self) -> str:
        """What the scores were learned from, in words."""
        customers = self.total.customers
        taught = min(TEACHING, self.fitted_on)
        return phrase(
            "Models of buying are fitted on {whole:all|a sample of {n:,} of the} {customers:,} customers. {why}"
            "{few: Those windows hold a sample of {taught:,} customers.|}",
            whole=self.fitted_on == customers,
            n=self.fitted_on,
            customers=customers,
            why=self.ahead.why,
            few=self.ahead.learned is not None and taught < customers,
            taught=taught,
        )


def write_scores(ds: Dataset, target: Path) -> Written:
    """Write customers with their summary and scores (`aggregate.rfm_summary`, `scoring.score`) as Parquet, one row
    each, part by part, and within a part by customer_id.

    Raises MissingTable without transactions. It takes room for the file, and for a copy of the rows of several parts.

    >>> written = write_scores(sample, tmp / "scores.parquet")
    >>> written.total == total(foreseen, sample.economics)
    True
    >>> pd.read_parquet(written.file)[["frequency", "p_purchase", "clv"]].head(2).round(2)
                 frequency  p_purchase    clv
    customer_id
    0001                 3        0.55  10.48
    0002                 1        0.14   3.13
    """
    with aggregate.in_parts(ds.transactions, IN_A_PART) as parts, replacing(target) as partial:
        first = parts[: FITTED // IN_A_PART]
        ahead = look_ahead_of_parts(first, ds.starts, ds.as_of, ds.economics.horizon_days)
        sums = pd.Series(dtype=float)
        with ExitStack() as opened:
            fetched, writer = opened.enter_context(closing(_one_ahead(parts, ds.as_of, ahead.window.days))), None
            for summary, known in fetched:
                of_part = ahead.of(known)
                each = factors(of_part, ds.economics)
                sums = sums.add(summed_up(of_part, each, ds.economics), fill_value=0.0)
                rows = pa.Table.from_pandas(summary.join(score(of_part, ds.economics, parts=each)))
                writer = writer or opened.enter_context(pq.ParquetWriter(partial, rows.schema))
                writer.write_table(rows)
    worth = total(ahead, ds.economics, sums=sums)
    return Written(target, ahead, worth, float(sums["buyers"]), len(ahead.window.fitted_on))


def _one_ahead(
    parts: Sequence[ibis.Table], as_of: pd.Timestamp, days: int
) -> Generator[tuple[pd.DataFrame, pd.DataFrame], None, None]:
    """Summary and features of each part; while one is scored, the database works out the next."""

    def fetch(part: ibis.Table) -> tuple[pd.DataFrame, pd.DataFrame]:
        return aggregate.rfm_summary(part, as_of), aggregate.features(part, as_of, days)

    with ThreadPoolExecutor(1) as pool:
        fetched = pool.submit(fetch, parts[0])
        for part in parts[1:]:
            ready, fetched = fetched, pool.submit(fetch, part)
            yield ready.result()
        yield fetched.result()
