"""Texts of dates and numbers → SQL that casts them, only as declared or as the values themselves prove."""

import re
from dataclasses import dataclass

import duckdb

from clvlib.raw import literal, rows
from clvlib.tables import DataError

TIMES = ("", " %H:%M", " %H:%M:%S", "T%H:%M", "T%H:%M:%S", " %I:%M %p", " %I:%M:%S %p")
ISO = r"^[0-9]{4}[-/][0-9]{1,2}[-/][0-9]{1,2}([ T].*)?$"
COMPACT = r"^(19|20)[0-9]{2}(0[1-9]|1[0-2])(0[1-9]|[12][0-9]|3[01])$"
PARTS = r"^([0-9]{1,2})[/.-]([0-9]{1,2})[/.-]([0-9]{4})([ T].*)?$"
SHORT_YEAR = r"^[0-9]{1,2}[/.-][0-9]{1,2}[/.-][0-9]{2}([ T].*)?$"
NUMBER = r"^[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?$|^[+-]?(?i:nan|inf|infinity)$"
OFFSET = r"([0-9])\s*(Z|[+-][0-9]{2}:?([0-9]{2})?)$"


def number(text: str, decimal: str, thousands: str) -> str:
    """SQL of a DOUBLE from the SQL of a text; NULL when it can't be read. DataError for an unknown decimal mark."""
    if decimal not in {".", ","}:
        raise DataError(f"decimal = {decimal!r} is not a decimal mark.", 'Write decimal = "." or decimal = ",".')
    bare = f"regexp_replace({text}, '[\u00a0\u202f]', ' ', 'g')"
    if thousands:
        mark, point = re.escape(thousands), re.escape(decimal)
        grouped = literal(rf"^[+-]?[0-9]{{1,3}}({mark}[0-9]{{3}})+({point}[0-9]*)?$")
        without = f"replace({bare}, {literal(thousands)}, '')"
        bare = f"CASE WHEN regexp_matches({bare}, {grouped}) THEN {without} ELSE {bare} END"
    if decimal == ",":
        # A point that is not the declared thousands mark makes the number unreadable, never a decimal by chance.
        bare = f"CASE WHEN contains({bare}, '.') THEN NULL ELSE replace({bare}, ',', '.') END"
    return f"CASE WHEN regexp_matches({bare}, '{NUMBER}') THEN TRY_CAST({bare} AS DOUBLE) END"


@dataclass(frozen=True)
class Remark:
    """What was proved or assumed about a column, on how many values, and how to say otherwise."""

    what: str
    count: int
    mend: str = ""


@dataclass(frozen=True)
class DateShape:
    """How the dates of one column are written. `text` is the SQL of their text in `table`."""

    connection: duckdb.DuckDBPyConnection
    table: str
    target: str
    text: str

    def sql(self, declared: str | None, timezone: str | None) -> tuple[str, Remark | None]:
        """SQL of a TIMESTAMP in the shop's time (NULL when unreadable), and what there is to say about it.

        Raises DataError when neither the card nor a value above 12 tells the day from the month.
        """
        if declared:
            timed = "%H" in declared or "%I" in declared
            return self.parsed(self.text, [declared] if timed else [declared + time for time in TIMES]), None
        offset = f"regexp_extract({self.text}, '{OFFSET}', 2)"
        timed_offset = f"(regexp_matches({self.text}, '^[0-9]{{4}}-.*:') AND {offset} <> '')"
        conditions = [
            f"regexp_matches({self.text}, '{ISO}')",
            f"regexp_matches({self.text}, '{COMPACT}')",
            f"regexp_matches({self.text}, '{PARTS}')",
            f"TRY_CAST(regexp_extract({self.text}, '{PARTS}', 1) AS INTEGER) > 12",
            f"TRY_CAST(regexp_extract({self.text}, '{PARTS}', 2) AS INTEGER) > 12",
            timed_offset,
            f"regexp_matches({self.text}, '{SHORT_YEAR}')",
        ]
        counts = ", ".join(f"count(*) FILTER ({condition})" for condition in conditions)
        found = rows(self.connection, f"SELECT {counts} FROM {self.table}")[0]
        iso, compact, parts, first_over, second_over, offsets, short = found
        if short > max(iso, compact, parts):
            raise DataError(
                f"{self.target}: {short:,} dates have a year of two digits (for instance {self.some_examples()}).",
                'Declare how they are written: date_format = "%d/%m/%y" or "%m/%d/%y", say.',
            )
        if parts > max(iso, compact):
            return self.ordered(first_over, second_over)
        if compact > iso:
            return self.parsed(self.text, ["%Y%m%d"]), None
        is_date = f"regexp_matches({self.text}, '{ISO}')"
        if not offsets:
            return f"CASE WHEN {is_date} THEN TRY_CAST({self.text} AS TIMESTAMP) END", None
        bare = f"trim(regexp_replace({self.text}, '{OFFSET}', '\\1'))"
        local = f"TRY_CAST(CASE WHEN {timed_offset} THEN {bare} WHEN {is_date} THEN {self.text} END AS TIMESTAMP)"
        if timezone is None:
            what = f"{offsets:,} {self.target}s carry a UTC offset; their own wall-clock time is kept"
            mend = 'Add timezone = "Europe/Paris", say, to the card to convert them to the shop\'s time.'
            return local, Remark(what, offsets, mend)
        return self.in_zone(local, timed_offset, offset, timezone), None

    def ordered(self, first_over: int, second_over: int) -> tuple[str, Remark]:
        """Dates of the form 03/04/2026: the order of day and month is proved by values above 12, or refused."""
        example = self.some_examples()
        if first_over and second_over:
            raise DataError(
                f"{self.target}: {first_over:,} dates can only be day first and {second_over:,} only month first "
                f"(for instance {example}).",
                'Correct the file, or declare date_format = "%d/%m/%Y" to keep only those.',
            )
        if not first_over and not second_over:
            raise DataError(
                f"{self.target}: nothing proves whether the day or the month comes first (for instance {example}).",
                'Declare it: date_format = "%d/%m/%Y" or "%m/%d/%Y" in the card, or --date-format on the command line.',
            )
        order, base = ("day", "%d/%m/%Y") if first_over else ("month", "%m/%d/%Y")
        count = first_over or second_over
        unified = f"regexp_replace({self.text}, '^([0-9]+)[/.-]([0-9]+)[/.-]', '\\1/\\2/')"
        remark = Remark(f"{self.target}s were read {order} first, as {count:,} of them prove", count)
        return self.parsed(unified, [base + time for time in TIMES]), remark

    def some_examples(self) -> str:
        some = f"SELECT {self.text} AS value FROM {self.table} WHERE {self.text} IS NOT NULL LIMIT 50"
        found = rows(self.connection, f"SELECT DISTINCT value FROM ({some}) ORDER BY 1 LIMIT 3")
        return ", ".join(str(row[0]) for row in found)

    def parsed(self, text: str, formats: list[str]) -> str:
        """SQL that tries each format in turn. DataError when DuckDB doesn't know such a format."""
        listed = "[" + ", ".join(literal(one) for one in formats) + "]"
        try:
            rows(self.connection, f"SELECT try_strptime('x', {listed})")
        except duckdb.Error:
            mend = 'Write for instance date_format = "%d/%m/%Y".'
            raise DataError(f"date_format = {formats[0]!r} is not a date format.", mend) from None
        return f"try_strptime({text}, {listed})"

    def in_zone(self, local: str, timed_offset: str, offset: str, timezone: str) -> str:
        """Local time with an offset → UTC → the shop's time."""
        try:
            rows(self.connection, f"SELECT timezone({literal(timezone)}, now())")
        except duckdb.Error:
            mend = 'Write timezone = "Europe/Paris", say.'
            raise DataError(f"The time zone {timezone!r} is unknown.", mend) from None
        digits = f"replace({offset}, ':', '')"
        hours, rest = (f"coalesce(TRY_CAST({digits}[{part}] AS INTEGER), 0)" for part in ("2:3", "4:5"))
        minutes = f"({hours} * 60 + {rest})"
        ahead = f"to_minutes(CASE WHEN {offset}[1] = '-' THEN -1 ELSE 1 END * {minutes})"
        shop = f"timezone({literal(timezone)}, timezone('UTC', {local} - {ahead}))"
        return f"CASE WHEN {timed_offset} THEN {shop} ELSE {local} END"
