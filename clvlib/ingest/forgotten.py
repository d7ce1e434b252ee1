"""People who asked to be forgotten (GDPR, article 17): a list beside the card, by which its runs leave them out.

The list holds a keyed hash of each pseudonym: nobody is found in it by an id or a pseudonym, and without the key by
nothing. It is needed for as long as the client's files name them.
"""

import hmac
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from clvlib.errors import DataError, Problem
from clvlib.files import write_text
from clvlib.ingest import people, rules, sources
from clvlib.ingest.raw import literal, quoted, rows
from clvlib.language import phrase, translated

if TYPE_CHECKING:
    from clvlib.ingest.reading import Ingested

_TITLE = "# People who asked to be forgotten, as keyed hashes: runs of this card leave them out. Key: "
_AS = "forgotten "  # before a pseudonym, so that its mark is no pseudonym of anything
_GONE = "clv_forgotten"  # in DuckDB, for a moment


def add_to_forgotten(file: Path, secret: bytes, pseudonym: str) -> None:
    """Put a person on a list, which is made if need be. DataError where it was made with another key."""
    marks = _marks(file, secret) if file.exists() else set()
    lines = [_TITLE + people.pseudonym(secret, ""), *sorted(marks | {_mark(secret, pseudonym)})]
    write_text(file, "\n".join(lines) + "\n")


def leave_out_forgotten(read: "Ingested", listed: str, folder: Path, hidden: people.Pseudonyms | None) -> None:
    """Take everybody on a list out of every table, and of `hidden`, and say so in rows and money.

    listed: the path of the list, relative to `folder`. hidden: of everybody in the tables; None where ids aren't
    hidden. DataError for a list that can't be read, was made with another key, or leaves nobody.
    """
    file, secret = sources.locate(listed, folder), people.key()
    marks = _marks(file, secret)
    connection = (hidden or people.pseudonyms(secret, [*read.tables.values()])).connection
    with people.keyed_hash(connection, secret) as keyed:
        on_it = f"{keyed(f'{literal(_AS)} || hidden')} IN (SELECT unnest(?::VARCHAR[]))"
        sql = f"CREATE TEMP TABLE {_GONE} AS SELECT id FROM {people.HIDDEN} WHERE {on_it}"
        connection.execute(sql, [sorted(marks)])
    rows(
        connection,
        f"DELETE FROM {people.HIDDEN} WHERE id IN (FROM {_GONE})" if hidden else f"DROP TABLE {people.HIDDEN}",
    )
    gone = {customer for (customer,) in rows(connection, f"FROM {_GONE}")}
    read.files.append(file)
    ledger: list[dict[str, Any]] = [dict(line) for line in read.ledger.to_dict("records")]  # type: ignore[arg-type]
    count, paid = 0, 0.0
    for name, table in read.tables.items():
        if "referred_by" in table.columns:
            rows(connection, f"UPDATE {quoted(name)} SET referred_by = NULL WHERE referred_by IN (FROM {_GONE})")
        if "customer_id" not in table.columns:
            continue
        theirs = f"coalesce(customer_id IN (FROM {_GONE}), false)"
        if name in rules.PAID:
            sql = f"SELECT count(DISTINCT customer_id), coalesce(sum(amount), 0) FROM {name} WHERE {theirs}"
            read.outside, paid = rows(connection, sql)[0]
        why = translated("customers who asked to be forgotten")
        count += rules.leave_out(connection, ledger, name, theirs, why, "forgotten")
        if name in rules.PAID and not rows(connection, f"SELECT count(*) FROM {name}")[0][0]:
            raise DataError("without those who asked to be forgotten, nobody is left.", "Bring data of others.")
    rows(connection, f"DROP TABLE {_GONE}")
    read.ledger = pd.DataFrame(ledger, columns=list(read.ledger))
    read.problems = [replace(one, examples=tuple(e for e in one.examples if e not in gone)) for one in read.problems]
    what = phrase(
        "{n:,} of the {all:,} people on {file} are in the files, with {rows:,} row(s) and {paid:,.2f} of amounts",
        n=len(gone),
        all=len(marks),
        file=file.name,
        rows=count,
        paid=paid,
    )
    mend = translated("They asked to be forgotten and are left out; have them taken out of the files.")
    read.problems.append(Problem("note", "card", what, len(gone), (), mend))


def _mark(secret: bytes, pseudonym: str) -> str:
    """What stands for a pseudonym in the list."""
    return hmac.digest(secret, f"{_AS}{pseudonym}".encode(), "sha256").hex()


def _marks(file: Path, secret: bytes) -> set[str]:
    try:
        title, *marks = file.read_text("utf-8").splitlines()
    except (OSError, ValueError) as error:
        what = phrase("The list {file} of people to leave out can't be read: {error}.", file=file.name, error=error)
        raise DataError(what, "Bring it back.") from None
    if title != _TITLE + people.pseudonym(secret, ""):
        raise DataError(
            phrase(
                "{file} was made with another key than {key}: the {n:,} people on it, "
                "who asked to be forgotten, can't be recognised.",
                file=file.name,
                key=people.key_file(),
                n=len(marks),
            ),
            phrase(
                "Bring that key back ({variable} names it), or delete the list and forget each of them again.",
                variable=people.KEY,
            ),
        )
    return set(marks)
