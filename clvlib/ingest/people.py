"""Who customers are, kept out of what is made of their data: columns that name people, and pseudonyms for their ids.

A pseudonym is a keyed hash (HMAC-SHA-256, RFC 2104) of an id: the same in each run and table, and nobody without the
key can try out ids. The key is in a file of its own, outside of data and runs. GDPR, article 4 (5): pseudonymised data
are still personal data, of whose additional information the key is a part.
"""

import hmac
import os
import re
import secrets
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import ibis
from platformdirs import user_config_path

from clvlib.errors import Problem, UsageError
from clvlib.ingest import rules
from clvlib.ingest.raw import Raw, filled, literal, quoted, rows
from clvlib.language import message, phrase, translated

KEY = "CLV_KEY"  # of the environment: the file of the key, where it isn't the usual one
WISH = "pseudonyms"  # of a card: false where ids are nobody's
_LETTERS = 16  # of a pseudonym: two of a million customers are alike once in forty million files
_MARK = "p"  # a spreadsheet would take digits alone, or 1e5, for a number
IDENTIFIED_BY = ("customer_id", "referred_by")
HIDDEN = "clv_pseudonyms"  # in DuckDB, for a moment: id, hidden
_BLOCK = 64  # bytes that SHA-256 takes at a time, and to which HMAC fills up the key

_NUMBERS = (  # words that a column's name may begin or end with, letters only, whatever its values are
    "phone", "phonenumber", "telephone", "telefon", "telefono", "handynummer", "mobilenumber", "postcode",
    "postalcode", "codepostal", "zipcode", "ipaddress", "adresseip", "optinip", "confirmip", "latitude", "longitude",
    "birthday", "birthdate", "dateofbirth", "datedenaissance", "geburtsdatum", "iban", "passport",
)  # fmt: skip
_TEXTS = (  # the same, unless its values are numbers: email_opens is a count, a name none
    "firstname", "lastname", "surname", "forename", "givenname", "familyname", "fullname", "middlename", "nickname",
    "customername", "contactname", "billingname", "shippingname", "username", "prenom", "nomdefamille", "nomcomplet",
    "vorname", "nachname", "familienname", "apellido", "apellidos", "cognome", "email", "emailaddress", "courriel",
    "correo", "address", "addressline", "adresse", "anschrift", "direccion", "indirizzo", "street", "strasse",
    "notes", "comment", "comments", "remarks", "commentaire", "commentaires", "bemerkung", "bemerkungen", "facebook",
    "twitter", "linkedin",
)  # fmt: skip
_EXACT = (  # whole names, unless the values are numbers: nombre is a number in French, note a grade
    "name", "nom", "nome", "nombre", "mail", "note", "rue", "via", "calle",
)  # fmt: skip
_EXACT_NUMBERS = ("tel", "fax", "ip", "zip", "plz", "dob", "gsm", "mobile")  # the same, whatever the values are
_LIKE = {  # what the values are, by a pattern that most of them fit
    message("e-mail addresses"): r"^[^@\s]+@[^@\s]+\.[^@\s]+$",
    message("IP addresses"): r"^[0-9]{1,3}(\.[0-9]{1,3}){3}$|^[0-9a-fA-F]{0,4}(:[0-9a-fA-F]{0,4}){3,7}$",
    message("phone numbers"): r"^(\+|00|0|\()[0-9 ()./-]{8,18}$",
    message("free text"): r"^.{80,}$",
}
_TRIES = 100  # hundredths of a second in which whoever made the file of the key has written it
_E_MAIL = re.compile(r"[^\s@<>()\[\]\"',;:]+@[^\s@<>()\[\]\"',;:]+\.[^\s@<>()\[\]\"',;:]+")  # wherever it stands
_MOST, _FEW = 0.5, 20  # share of values of one kind; of fewer customers nothing is told by what differs
_APART = 0.9  # of the values are different: a name, or another id


def naming(connection: Any, raw: Raw, columns: Iterable[str]) -> dict[str, str]:
    """Which of these columns of a table say who somebody is → by what: their name, or what their values are."""
    found = {}
    for column in columns:
        word, text = rules.letters(column), filled(column)
        tests = [f"regexp_matches({text}, {literal(pattern)})" for pattern in _LIKE.values()]
        tests += [f"TRY_CAST({text} AS DOUBLE) IS NOT NULL OR regexp_matches({text}, '^[0-9]{{4}}-[0-9]{{2}}')"]
        tests += [f"lower({text}) IN ({rules.listed(rules.YES + rules.NO)})"]
        counts = ", ".join(f"count(*) FILTER ({test})" for test in tests)
        said, different, *hits, plain, yes_or_no = rows(
            connection, f"SELECT count({text}), count(DISTINCT {text}), {counts} FROM {raw.table}"
        )[0]
        kinds = [kind for kind, hit in zip(_LIKE, hits, strict=True) if hit > _MOST * said]
        if not said or yes_or_no == said:
            continue
        always = word in _EXACT_NUMBERS or word.startswith(_NUMBERS) or word.endswith(_NUMBERS)
        by_name = word in _EXACT or word.startswith(_TEXTS) or word.endswith(_TEXTS)
        if always or (by_name and plain < _MOST * said):
            found[column] = phrase("its name")
        elif kinds:
            found[column] = translated(kinds[0])
        elif said >= _FEW and different > _APART * said and plain < _MOST * said:
            found[column] = phrase("a text of its own for nearly every customer")
    return found


PSEUDONYM = re.compile(rf"\b{_MARK}[0-9a-f]{{{_LETTERS}}}\b")


def masked(text: str) -> str:
    """A text without the e-mail addresses in it, to be shown to whoever looks on."""
    return _E_MAIL.sub("…@…", text)


def key_file() -> Path:
    """Where the key is: a file that $CLV_KEY names, or that of this user."""
    return Path(os.environ[KEY]) if os.environ.get(KEY) else user_config_path("clv") / "key"


def key() -> bytes:
    """The key of this user, made on first use: 32 random bytes in a file that nobody else can read."""
    file = key_file()
    try:
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            os.write(handle, f"{secrets.token_hex(32)}\n".encode())  # at once: others see nothing of it, or all
        finally:
            os.close(handle)
    except FileExistsError:
        for _ in range(_TRIES):
            if file.stat().st_size:
                break
            time.sleep(0.01)  # another process has made the file and is about to write the key
    except OSError as error:
        raise UsageError(
            phrase("The key of the pseudonyms can't be made: {error}.", error=error),
            phrase("Name a file of yours: {variable}=/path/of/key.", variable=KEY),
        ) from None
    if os.name == "posix" and file.stat().st_mode & 0o077:
        what = phrase("Others can read the key of the pseudonyms, {file}.", file=file)
        raise UsageError(what, phrase("Run: chmod 600 {file}", file=file))
    try:
        found = bytes.fromhex(file.read_text("ascii").strip())
    except (OSError, ValueError):
        found = b""
    if len(found) < 16:
        raise UsageError(
            phrase("{file} holds no key of pseudonyms.", file=file),
            "Bring back the right file. Without it, earlier pseudonyms lead to nobody; delete it to begin anew.",
        )
    return found


def secret_of(card: Mapping[str, Any]) -> bytes | None:
    """The key for a card's data; None where it says that its ids are nobody's."""
    return None if card.get(WISH) is False else key()


def pseudonym(secret: bytes, customer: str) -> str:
    """The pseudonym of a customer."""
    return _MARK + hmac.digest(secret, customer.encode(), "sha256").hex()[:_LETTERS]


@contextmanager
def keyed_hash(connection: Any, secret: bytes) -> Iterator[Callable[[str], str]]:
    """What makes SQL of a text into SQL of its HMAC-SHA-256 in hex; while this lasts, DuckDB has the key."""
    block = (secret if len(secret) <= _BLOCK else sha256(secret).digest()).ljust(_BLOCK, b"\0")
    for name, mask in (("inner", 0x36), ("outer", 0x5C)):
        connection.execute(f"SET VARIABLE clv_{name} = ?", [bytes(byte ^ mask for byte in block)])
    hashed = "unhex(sha256(getvariable('clv_inner') || encode({text})))"
    try:
        yield lambda text: f"sha256(getvariable('clv_outer') || {hashed.format(text=text)})"
    finally:
        rows(connection, "RESET VARIABLE clv_inner; RESET VARIABLE clv_outer")


@dataclass(frozen=True)
class Pseudonyms:
    """The ids in tables of one dataset and the pseudonym of each, in their database (HIDDEN), whatever their number."""

    connection: Any

    def count(self) -> int:
        """How many ids there are."""
        return int(rows(self.connection, f"SELECT count(*) FROM {HIDDEN}")[0][0])

    def of(self, ids: Iterable[str]) -> dict[str, str]:
        """Those of these texts that are ids → their pseudonyms."""
        return self._found("id", ids)

    def behind(self, hidden: Iterable[str]) -> dict[str, str]:
        """Those of these texts that are pseudonyms → their ids."""
        return {pseudonym: customer for customer, pseudonym in self._found("hidden", hidden).items()}

    def alike(self, customer: str) -> dict[str, str]:
        """Ids that differ from a text in case alone → their pseudonyms."""
        return self._found("lower(id)", [customer.lower()])

    def _found(self, column: str, texts: Iterable[str]) -> dict[str, str]:
        sql = f"SELECT id, hidden FROM {HIDDEN} WHERE {column} IN (SELECT unnest(?::VARCHAR[]))"
        return dict(self.connection.execute(sql, [list(texts)]).fetchall())


def pseudonyms(secret: bytes, tables: Sequence[ibis.Table]) -> Pseudonyms:
    """Give every id in tables of one dataset, one at least, its pseudonym, as `pseudonym` does.

    What is a pseudonym of another of them gets none: where it comes back, in a list of those who were contacted, say,
    the id is put in its place. `hide` ends what is kept for it.
    """
    connection = tables[0].get_backend().con
    each = [f"SELECT {column} AS id FROM {table}" for table, column in _naming(tables)] or ["SELECT NULL AS id"]
    ids = f"SELECT DISTINCT CAST(id AS VARCHAR) AS id FROM ({' UNION ALL '.join(each)})"
    with keyed_hash(connection, secret) as keyed:
        hidden = f"{literal(_MARK)} || left({keyed('id')}, {_LETTERS})"
        sql = f"SELECT id, {hidden} AS hidden FROM ({ids}) WHERE id IS NOT NULL"
        rows(connection, f"CREATE OR REPLACE TEMP TABLE {HIDDEN} AS {sql}")
    returned = f"id IN (SELECT hidden FROM {HIDDEN})"
    if rows(connection, f"DELETE FROM {HIDDEN} WHERE {returned}")[0][0]:
        for table, column in _naming(tables):
            same = f"{table}.{column} = {HIDDEN}.hidden"
            rows(connection, f"UPDATE {table} SET {column} = {HIDDEN}.id FROM {HIDDEN} WHERE {same}")
    return Pseudonyms(connection)


def _naming(tables: Iterable[ibis.Table]) -> list[tuple[str, str]]:
    """The tables that name customers, each with a column that does, as SQL wants them."""
    return [
        (quoted(table.get_name()), column) for table in tables for column in IDENTIFIED_BY if column in table.columns
    ]


def named_by_pseudonyms(customers: int) -> Problem:
    """What is said of data whose customers have pseudonyms."""
    what = phrase("{n:,} customers are named by pseudonyms, which nobody can undo without your key", n=customers)
    mend = phrase(
        "`clv reveal CARD FILE` puts the ids into a list. Where ids are nobody's: {wish} = false in the card.",
        wish=WISH,
    )
    return Problem("note", "card", what, customers, (), mend)


def reveal(text: str, hidden: Pseudonyms) -> tuple[str, int]:
    """A text with the ids in place of pseudonyms, and how many there were."""
    ids = hidden.behind(set(PSEUDONYM.findall(text)))
    count = 0

    def shown(found: re.Match[str]) -> str:
        nonlocal count
        count += found[0] in ids
        return ids.get(found[0], found[0])

    return PSEUDONYM.sub(shown, text), count


def hide(tables: Iterable[ibis.Table], hidden: Pseudonyms) -> None:
    """Put pseudonyms in place of ids, in the database itself, row by row in their order."""
    for table, column in _naming(tables):
        named = f"{table} AS t LEFT JOIN {HIDDEN} AS h ON h.id = t.{column}"
        rows(
            hidden.connection,
            f"CREATE TABLE clv_named AS SELECT t.* REPLACE (coalesce(h.hidden, t.{column}) AS {column}) FROM {named} "
            f"ORDER BY t.rowid; DROP TABLE {table}; ALTER TABLE clv_named RENAME TO {table}",
        )
    rows(hidden.connection, f"DROP TABLE {HIDDEN}")
