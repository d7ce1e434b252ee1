"""Texts of numbers → SQL that casts them, in the one reading that fits every value of their column.

A reading is a decimal mark; any other mark stands between thousands. It is declared, or proved by the values and said;
where both readings fit and say different numbers, the card must declare one.
"""

import re
from collections import Counter
from collections.abc import Container, Mapping
from dataclasses import dataclass, field

import duckdb
from babel.numbers import list_currencies

from clvlib.errors import DataError
from clvlib.ingest.raw import LETTER, in_python, literal, rows
from clvlib.language import phrase, translated

NOT_FINITE = r"^[+-]?(?i:nan|inf|infinity)$"
NUMBER = rf"^[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?$|{NOT_FINITE}"
MARKS = ".,' "
TIDY = (  # one way of writing a space, a minus and an apostrophe; no invisible marks; 500.- and 500,- are 500
    (r"[\x{00A0}\x{2000}-\x{200A}\x{202F}\t]", " "),
    (r"[\x{200B}\x{200E}\x{200F}\x{202A}-\x{202E}\x{2066}-\x{2069}\x{FEFF}]", ""),
    (r"[\x{2010}-\x{2014}\x{2212}\x{FE63}\x{FF0D}]", "-"),
    (r"[\x{2019}\x{02BC}\x{2032}`]", "'"),
    (r"([0-9])[.,]--?([^0-9]*)$", r"\1\2"),
    (r"^'", ""),
)
AROUND = rf"(?:[{LETTER}]\.|[^0-9.,])*"  # before the digits: a sign, a currency; the point of “Rs.” is no mark
_POWER = "(?:[eE][+-]?[0-9]+)?"
ANY = rf"^({AROUND})((?:[0-9][0-9., ']*[0-9.,]|[0-9]|[.,][0-9]+){_POWER})([^0-9]*)$"
# What a sign can stand for, the most usual first. Codes are those of ISO 4217.
SIGNS = {
    "€": "EUR", "euro": "EUR", "euros": "EUR", "£": "GBP", "$": "USD CAD AUD NZD SGD HKD TWD MXN ARS CLP COP UYU BRL",
    "us$": "USD", "$us": "USD", "ca$": "CAD", "c$": "CAD", "au$": "AUD", "a$": "AUD", "nz$": "NZD", "s$": "SGD",
    "hk$": "HKD", "nt$": "TWD", "mx$": "MXN", "r$": "BRL", "¥": "JPY CNY", "￥": "JPY CNY", "円": "JPY", "元": "CNY",
    "₹": "INR", "rs": "INR PKR LKR NPR MUR", "kr": "SEK NOK DKK ISK", "zł": "PLN", "kč": "CZK", "ft": "HUF",
    "lei": "RON", "лв": "BGN", "₽": "RUB", "руб": "RUB", "₴": "UAH", "₺": "TRY", "tl": "TRY", "₪": "ILS", "₩": "KRW",
    "฿": "THB", "৳": "BDT", "₫": "VND", "₱": "PHP", "₦": "NGN", "fr": "CHF", "sfr": "CHF", "₿": "BTC",
}  # fmt: skip


@dataclass(frozen=True)
class Remark:
    """What was proved or assumed about a column, on how many values, and how to say otherwise."""

    what: str
    count: int
    mend: str = ""


@dataclass(frozen=True)
class Cast:
    """How a column of numbers is read: SQL of its DOUBLE (NULL when unreadable), remarks, and currencies found.

    `currencies`: for each kind of sign or code beside the numbers, the codes that it can stand for → how many values.
    `other`: the reading, as the card would declare it, that fits what this one doesn't.
    """

    sql: str
    remarks: tuple[Remark, ...] = ()
    currencies: Mapping[tuple[str, ...], int] = field(default_factory=dict)
    other: str = ""


def currency(text: str) -> tuple[str, ...]:
    """The ISO codes that a sign, a code or a name of a currency can stand for; empty for another text."""
    bare = text.strip().rstrip(".").strip()
    if bare.upper() in list_currencies():
        return (bare.upper(),)
    return tuple(SIGNS.get(bare.lower(), "").split())


def read_numbers(
    connection: duckdb.DuckDBPyConnection,
    table: str,
    texts: Mapping[str, str],
    decimal: str | None = None,
    thousands: str | None = None,
    typed: Container[str] = (),
) -> dict[str, Cast]:
    """How each column of `texts` (name → SQL of its text in `table`) is read; marks as the card declares them.

    `typed` are those that the file itself says are numbers: their mark is a point.
    Raises DataError for a mark that is none, and where two readings fit and nothing in the columns tells which.
    """
    if decimal not in {None, ".", ","}:
        what = phrase("decimal = {decimal!r} is not a decimal mark.", decimal=decimal)
        raise DataError(what, 'Write decimal = "." or decimal = ",".')
    between = thousands or MARKS
    for odd, plain in TIDY[:4]:
        between = re.sub(in_python(odd), plain, between)
    if thousands and decimal is None and thousands in ".,":
        decimal = "," if thousands == "." else "."
    columns = {name: _Column(connection, table, name, text, between) for name, text in texts.items()}
    fitting = {name: column.fitting("." if name in typed else decimal) for name, column in columns.items()}
    proved = {found[0] for name, found in fitting.items() if len(found) == 1 and columns[name].marked}
    two = {found[0] for name, found in fitting.items() if len(found) == 1 and columns[name].grouped(found[0])}
    chosen = {}
    for name, found in fitting.items():
        if len(found) > 1 and len(proved) == 1:  # one file has one way of writing
            found = list(proved)
        if len(found) > 1:
            raise DataError(*columns[name].ambiguous())
        chosen[name] = columns[name].reading(found[0], decimal is not None, two == {found[0]})
    return chosen


class _Column:
    """The shapes of one column of numbers (9 for a digit), and what each could mean."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, table: str, name: str, text: str, between: str) -> None:
        self.connection, self.table, self.name, self.text, self.between = connection, table, name, text, between
        # A lone zero before a mark is kept apart: 0.125 can't be a number of thousands.
        zero = "regexp_replace(said, '^([^0-9]*)0([.,])', '\\1Z\\2')"
        shape = f"regexp_replace({zero}, '[0-9]', '9', 'g')"
        texts = f"SELECT {text} AS said, count(*) AS n FROM {table} WHERE {text} IS NOT NULL GROUP BY 1"
        found = rows(
            connection,
            f"SELECT {shape}, CAST(sum(n) AS BIGINT) FROM ({texts}) GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT 1000",
        )
        simple = re.compile(NUMBER)
        self.plain = all(simple.fullmatch(shape.replace("Z", "0")) for shape, _ in found)
        self.counts: Counter[str] = Counter()  # digits and marks alone → how many values
        self.signs: dict[tuple[str, str], int] = {}  # what stands before and after them: 1 or -1
        self.currencies: Counter[tuple[str, ...]] = Counter()
        for shape, count in found:
            match = re.fullmatch(in_python(ANY), _tidied(shape).replace("Z", "0"))
            around = _around(match[1], match[3]) if match else None
            if match and around:
                core = _tidied(shape)[match.start(2) : match.end(2)]
                self.counts[core] += count
                self.signs[match[1], match[3]], codes = around
                if codes:
                    self.currencies[codes] += count

    @property
    def marked(self) -> bool:
        """Whether a value has a mark at all."""
        return any(re.search(f"[{MARKS}]", core) for core in self.counts)

    def fitting(self, decimal: str | None) -> list[str]:
        """The decimal marks that fit the most values: two when both fit all of them and they don't mean the same."""
        fits, meant = {}, {}
        for mark in [decimal] if decimal else [".", ","]:
            meant[mark] = [self.decimals(core, mark) for core in self.counts]
            known = zip(self.counts.values(), meant[mark], strict=True)
            fits[mark] = sum(count for count, digits in known if digits is not None)
        best = max(fits, key=lambda mark: fits[mark])  # the point, where both fit as many
        if fits[best] < self.counts.total():
            return [best]
        return [mark for mark in fits if fits[mark] == fits[best] and (mark == best or meant[mark] != meant[best])]

    def decimals(self, core: str, decimal: str) -> int | None:
        """How many decimals the digits have in that reading; None when it doesn't fit them."""
        if not re.fullmatch(self.pattern(decimal), core.replace("Z", "0")):
            return None
        return len(re.split("[eE]", core.partition(decimal)[2])[0])

    def pattern(self, decimal: str) -> str:
        """The digits and marks of a number in that reading: groups of three, or as in India: 12,34,567."""
        point = re.escape(decimal)
        decimals = f"(?:{point}[0-9]*)?"
        groups = [
            f"[1-9][0-9]{{0,2}}(?:{mark}[0-9]{{3}})+{decimals}|[1-9][0-9]?(?:{mark}[0-9]{{2}})*{mark}[0-9]{{3}}{decimals}"
            for mark in map(re.escape, self.between)
            if mark != point
        ]
        return "|".join([f"(?:[0-9]+{decimals}|{point}[0-9]+){_POWER}", *groups])

    def ambiguous(self) -> tuple[str, str]:
        """What to say where both readings fit."""
        odd = [core for core in self.counts if self.decimals(core, ".") != self.decimals(core, ",")]
        like = literal(re.escape(odd[0]).replace("9", "[0-9]"))
        sql = f"SELECT min({self.text}) FROM {self.table} WHERE regexp_matches({_tidy_sql(self.text)}, {like})"
        example = rows(self.connection, sql)[0][0]
        count = sum(self.counts[core] for core in odd)
        return (
            phrase(
                "{column}: nothing proves whether the mark in {n:,} number(s), as in {example}, stands before decimals "
                "or between thousands.",
                column=self.name,
                n=count,
                example=example,
            ),
            phrase(
                'Declare the decimal mark: decimal = "." or decimal = "," in the card, or --decimal on the command '
                "line."
            ),
        )

    def grouped(self, decimal: str) -> list[str]:
        """The numbers in which another mark stands too."""
        return [core for core in self.counts if re.search(f"[{MARKS.replace(decimal, '')}]", core)]

    def reading(self, decimal: str, declared: bool, proved: bool = False) -> Cast:
        """The column in that reading. A comma before decimals needs the card's word, or a second mark as a proof, be it
        in another column of the file."""
        used = [core for core in self.counts if decimal in core and self.decimals(core, decimal) is not None]
        grouped = self.grouped(decimal)
        if decimal == "," and used and not grouped and not declared and not proved:
            return Cast(self.sql("."), (), self.currencies, 'decimal = ","')
        if self.plain and decimal == ".":
            return Cast(self.sql("."))
        if declared or not grouped:
            return Cast(self.sql(decimal), (), self.currencies)
        count = sum(self.counts[core] for core in grouped)
        seen = [phrase("“{mark}”", mark=mark) for mark in MARKS.replace(decimal, "") if mark in "".join(grouped)]
        what = phrase(
            "{marks} stands between thousands in {column}{points:, “{decimal}” before decimals|}, as {n:,} of its "
            "values {n:prove|proves|prove}",
            marks=translated(" and ").join(seen),
            column=self.name,
            points=used,
            decimal=decimal,
            n=count,
        )
        return Cast(self.sql(decimal), (Remark(what, count),), self.currencies)

    def sql(self, decimal: str) -> str:
        """SQL of the DOUBLE; NULL where the text is anything else than a number in that reading."""
        simple = NUMBER if decimal == "." else NOT_FINITE
        if self.plain and decimal == ".":
            return f"CASE WHEN regexp_matches({self.text}, '{simple}') THEN TRY_CAST({self.text} AS DOUBLE) END"
        pattern = literal(f"^({AROUND})({self.pattern(decimal)})([^0-9]*)$")
        parts = f"regexp_extract({_tidy_sql(self.text)}, {pattern}, ['before', 'digits', 'after'])"
        marks = literal(f"[{MARKS.replace(decimal, '')}]")
        digits = f"replace(regexp_replace({parts}.digits, {marks}, '', 'g'), ',', '.')"
        around = f"{parts}.before || '9' || {parts}.after"
        signs = "".join(f" WHEN {literal(a + '9' + z)} THEN {sign}" for (a, z), sign in self.signs.items())
        number = f"TRY_CAST({digits} AS DOUBLE) * CASE {around}{signs or ' WHEN NULL THEN 1'} END"
        return (
            f"CASE WHEN regexp_matches({self.text}, '{simple}') THEN TRY_CAST({self.text} AS DOUBLE) "
            f"WHEN {parts}.digits <> '' THEN {number} END"
        )


def _around(before: str, after: str) -> tuple[int, tuple[str, ...]] | None:
    """The sign and the currency that stand around a number; None when something else does."""
    both = before + after
    brackets = before.count("("), after.count(")")
    minus = both.count("-") + brackets[0]
    if brackets[0] != brackets[1] or both.count("(") + both.count(")") != sum(brackets) or minus + both.count("+") > 1:
        return None
    words = [word for part in (before, after) if (word := re.sub(r"[-+()\s]", "", part))]
    codes = [set(currency(word)) for word in words]
    shared = set.intersection(*codes) if codes else set()
    if codes and not shared:
        return None
    return (-1 if minus else 1), tuple(code for code in (currency(words[0]) if words else ()) if code in shared)


def _tidied(text: str) -> str:
    for odd, plain in TIDY:
        text = re.sub(in_python(odd).replace("[0-9]", "[0-9Z]"), plain, text)
    return text.strip()


def _tidy_sql(text: str) -> str:
    for odd, plain in TIDY:
        text = f"regexp_replace({text}, {literal(odd)}, {literal(plain)}, 'g')"
    return f"trim({text})"
