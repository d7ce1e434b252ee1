"""A dataset → a file with the scores of all its customers, without notebooks (`clv score`)."""

import time
from pathlib import Path

import pandas as pd
import typer

from clvlib.dataset import load
from clvlib.errors import printable
from clvlib.language import phrase, translated
from clvlib.run.handover import with_consent, write_list
from clvlib.run.places import folder_of
from clvlib.run.runner import locked

MOST_IN_SHEET = 1_048_575  # customers: a spreadsheet has no more rows for them


def score_customers(card_or_name: str, as_of: str | None, out: Path) -> None:
    """Write scores.parquet into the folder of the dataset's run, and say what it holds and what it was learned from.

    scores.csv: the same with consent, to be opened in a spreadsheet, where one can hold it. Raises DataError when the
    data can't be used, MissingTable without transactions.
    """
    begun = time.monotonic()
    ds = load(card_or_name, as_of=as_of)
    first, *read = ds.files  # nothing is read where rows stay in their engine
    folder = folder_of(out, ds.name, first, of=(read or ds.files)[0]) / f"{ds.as_of:%Y-%m-%d}"
    folder.mkdir(parents=True, exist_ok=True)
    with locked(folder):
        written = ds.write_scores(folder / "scores.parquet")
        worth, sheet = written.total, folder / "scores.csv"
        sheet.unlink(missing_ok=True)
        if worth.customers <= MOST_IN_SHEET:
            write_list(with_consent(pd.read_parquet(written.file).sort_index(), ds), sheet)
    scored = phrase(
        "{name}: {n:,} customers scored in {took:,.0f} s, as of {day:%Y-%m-%d}",
        name=ds.name,
        n=worth.customers,
        took=time.monotonic() - begun,
        day=ds.as_of,
    )
    expected = phrase(
        "Expected to buy within {months} months: {buyers:,.0f}. CLV of all: {clv:,.0f} {currency}, "
        "from {low:,.0f} to {high:,.0f} in {level:.0%} of cases.",
        months=ds.economics.horizon_months,
        buyers=written.buyers,
        clv=worth.clv,
        currency=ds.currency,
        low=worth.low,
        high=worth.high,
        level=worth.level,
    )
    no_sheet = translated("No scores.csv: no spreadsheet has so many rows.")
    there = f"{sheet}" if worth.customers <= MOST_IN_SHEET else no_sheet
    for line in (scored, written.learned, expected, f"{written.file}", there):
        typer.echo(printable(line))
