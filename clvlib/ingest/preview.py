"""A card → the first rows of each of its tables as they would be read, with nobody named in them."""

from pathlib import Path
from typing import Any

import pandas as pd

from clvlib.errors import Problem
from clvlib.ingest import people, reading
from clvlib.ingest.options import of_the_card
from clvlib.ingest.tables import LOOKUPS, TABLES

ROWS_SHOWN = 3


def first_rows(card: dict[str, Any], folder: Path, secret: bytes) -> tuple[dict[str, pd.DataFrame], list[Problem]]:
    """Each table of a card in `folder` → its first rows: the canonical columns it has, customers by their pseudonyms.

    `attrs` of each say how many `rows` the table has, and the names of further columns that are kept as `attributes` of
    customers. Beside the tables comes every problem: of one that can't be read yet, an error. secret: of `people.key`.
    """
    card = of_the_card(card)
    sections = {table: card[table] for table in (*LOOKUPS, *TABLES) if table in card}
    read = reading.read_tables(sections, folder, card.get("timezone"), card.get("currency"))
    hidden = people.pseudonyms(secret, [*read.tables.values()]) if read.tables else None
    shown = {}
    for name, table in read.tables.items():
        columns = [column.name for column in TABLES[name] if column.name in table.columns]
        frame = table.select(columns).limit(ROWS_SHOWN).to_pandas()
        for column in frame.select_dtypes(["object", "string"]):
            names = hidden.of(frame[column].dropna()) if hidden and column in people.IDENTIFIED_BY else {}
            frame[column] = [
                text if pd.isna(text) else people.masked(names.get(str(text), str(text))) for text in frame[column]
            ]
        others = [column for column in table.columns if column not in columns]
        frame.attrs |= {"rows": int(table.count().to_pandas()), "attributes": others}
        shown[name] = frame
    return shown, read.problems
