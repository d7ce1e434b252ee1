"""What `value` asks of a dataset, made of frames."""

from dataclasses import dataclass, field
from functools import cached_property

import ibis
import pandas as pd

from clvlib import aggregate
from clvlib.dataset import Economics


@dataclass
class Shop:
    """Canonical tables as frames, with the days that they cover and what is assumed about money."""

    tables: dict[str, pd.DataFrame]
    as_of: pd.Timestamp
    starts: pd.Timestamp
    economics: Economics = field(default_factory=Economics)

    def has(self, name: str) -> bool:
        return name in self.tables

    def table(self, name: str) -> ibis.Table:
        return ibis.memtable(self.tables[name])

    @cached_property
    def transactions(self) -> ibis.Table:
        return self.table("transactions")

    def customers(self) -> pd.DataFrame:
        return self.tables["customers"].set_index("customer_id")

    def rfm_summary(self) -> pd.DataFrame:
        return aggregate.rfm_summary(self.transactions, self.as_of)
