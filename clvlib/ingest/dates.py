"""Texts of dates → SQL that casts them, as declared or as the values themselves prove.

A text is a day, a clock and a zone. Whatever stands in it is understood, or the row is unreadable: nothing that follows
the part that was understood is dropped in silence.
"""

import re
from collections import Counter, defaultdict
from dataclasses import dataclass

import duckdb

from clvlib.errors import DataError
from clvlib.ingest.card import inline
from clvlib.ingest.casting import Remark
from clvlib.ingest.raw import LETTER, literal, rows
from clvlib.language import message, phrase, translated

_CLOCK = r"[0-9]{1,2}:[0-9]{2}(?::[0-9]{2}(?:[.,][0-9]{1,9})?)?(?:\s*[AaPp]\.?[Mm]\b\.?)?"
WHEN = rf"^(.*?)(?:(?:\s+|T)({_CLOCK})\s*([{LETTER}+\x{{2212}}\[(-].*)?)?$"
RUN_TOGETHER = r"^([0-9]{8})[T ]?([0-9]{2})([0-9]{2})([0-9]{2})((?:Z|[+-][0-9]{4})?)$"
# A time of day that can be taken off the text, and its seconds added to what the text says at midnight.
_APART, _FRACTION = r"([ T])((?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]", r"(?:\.[0-9]{1,6})?"
_ZONE_AFTER = "(Z|[+-][0-9]{2}:?[0-9]{2}| UTC)?$"
OFFSET = re.compile(r"(?:UTC|GMT|UT)?\s*([+-])(\d{1,2})(?::?(\d{2}))?")
# An offset that says its zone too: +01:00[Europe/Paris], +0000 UTC.
NAMED = re.compile(r"(.*?[0-9])\s*[\[(]?([A-Za-z][^\])]*)[\])]?")
_KINDS = {  # how a day may be written: the pattern of its text, as the card names it
    message("year first"): (r"[0-9]{4}[-/.][0-9]{1,2}[-/.][0-9]{1,2}", "%Y-%m-%d"),
    message("in eight digits"): (r"[0-9]{8}", "%Y%m%d"),
    message("year last"): (r"[0-9]{1,2}[-/.][0-9]{1,2}[-/.][0-9]{4}", "%d-%m-%Y"),
    message("with a year of two digits"): (r"[0-9]{1,2}[-/.][0-9]{1,2}[-/.][0-9]{2}", "%d-%m-%y"),
    message("as a month"): (r"[0-9]{4}[-/.]?[0-9]{2}|[0-9]{2}/[0-9]{4}", "month"),
    message("as days since 1899-12-30, as Excel counts"): (r"[0-9]{5}(?:\.[0-9]+)?", "excel"),
    message("as Unix seconds"): (r"[0-9]{9,10}(?:\.[0-9]+)?", "unix"),
    message("as Unix milliseconds"): (r"[0-9]{12,13}", "unix_ms"),
    message("as Unix microseconds"): (r"[0-9]{15,16}", "unix_us"),
}
_MONTHS = (  # days whose month is named, in English
    "%d %b %Y", "%d %B %Y", "%b %d, %Y", "%B %d, %Y", "%b %d %Y", "%B %d %Y", "%d-%b-%Y", "%d-%b-%y", "%d/%b/%Y",
    "%d %b %y", "%Y-%b-%d", "%a, %d %b %Y", "%a %b %d %Y", "%A, %B %d, %Y",
)  # fmt: skip
_COUNTED = {  # numbers that count from a day: SQL of the instant, and the numbers of 1970 (Unix: 1980) to 2099
    "excel": ("TIMESTAMP '1899-12-30' + to_seconds(CAST(round({0} * 86400) AS BIGINT))", 25_569, 73_050),
    "unix": ("make_timestamp(CAST(round({0} * 1000000) AS BIGINT))", 315_532_800, 4_102_444_799),
    "unix_ms": ("make_timestamp(CAST({0} * 1000 AS BIGINT))", 315_532_800_000, 4_102_444_799_999),
    "unix_us": ("make_timestamp(CAST({0} AS BIGINT))", 315_532_800_000_000, 4_102_444_799_999_999),
}
# Hours ahead of UTC. North America as in RFC 5322, 4.3. Not BST, IST and the like, which are several zones each.
ABBREVIATIONS = {
    "Z": 0, "UTC": 0, "GMT": 0, "UT": 0, "EST": -5, "EDT": -4, "CST": -6, "CDT": -5, "MST": -7, "MDT": -6, "PST": -8,
    "PDT": -7, "WET": 0, "WEST": 1, "CET": 1, "CEST": 2, "EET": 2, "EEST": 3, "MSK": 3, "JST": 9, "AEST": 10,
    "AEDT": 11, "NZST": 12, "NZDT": 13,
}  # fmt: skip
_US = {"Eastern": "New_York", "Central": "Chicago", "Mountain": "Denver", "Pacific": "Los_Angeles"}
SPOKEN = {  # zones by the names of Ruby on Rails, as Square and others write them
    **{f"{name} Time (US & Canada)": f"America/{city}" for name, city in _US.items()},
    **{city: f"Australia/{city}" for city in ("Sydney", "Melbourne", "Brisbane", "Perth", "Adelaide", "Hobart")},
    **{city: f"Europe/{city}" for city in ("London", "Dublin", "Paris", "Madrid", "Berlin", "Rome", "Amsterdam")},
    "Arizona": "America/Phoenix", "Alaska": "America/Anchorage", "Hawaii": "Pacific/Honolulu",
    "Atlantic Time (Canada)": "America/Halifax", "Newfoundland": "America/St_Johns", "Saskatchewan": "America/Regina",
    "Indiana (East)": "America/Indiana/Indianapolis", "Edinburgh": "Europe/London", "Canberra": "Australia/Sydney",
    "Darwin": "Australia/Darwin", "Tokyo": "Asia/Tokyo", "Osaka": "Asia/Tokyo", "Sapporo": "Asia/Tokyo",
}  # fmt: skip
FARTHEST = 14 * 60  # minutes from UTC to the zone that is farthest ahead
CONVERT = message('Add timezone = "Europe/Paris", say, to the card to convert them to the shop\'s time.')


class Undeclared(DataError):
    """The values alone don't tell how dates are to be read. `formats` may be declared; `sure` when they read them all,
    so that nobody has to say what is day and what is month."""

    def __init__(self, what: str, mend: str, formats: list[str], sure: bool = False) -> None:
        super().__init__(what, mend)
        self.formats, self.sure = formats, sure


@dataclass(frozen=True)
class DateShape:
    """How the dates of one column are written. `text` is the SQL of their text in `table`."""

    connection: duckdb.DuckDBPyConnection
    table: str
    target: str
    text: str

    def sql(
        self, declared: str | list[str] | None, timezone: str | None, zone: str | dict[str, str] = ""
    ) -> tuple[str, str, list[Remark]]:
        """SQL of a TIMESTAMP in the shop's time (NULL when unreadable), the JOIN that it needs beside the table, and
        what there is to say about it.

        zone: that of texts with a clock and no zone of their own; or what the letters of a zone stand for.

        Each text is read once, however often it stands in the column, into a temporary table that is joined: of a day
        with any time of it, the day.
        Raises DataError where neither the card nor the values tell the day from the month, where dates are written in
        several ways, and for a format or a time zone that doesn't exist.
        """
        if timezone is not None:
            self.refuse_unknown(timezone)
        spaced = f"regexp_replace(said, '{RUN_TOGETHER}', '\\1 \\2:\\3:\\4\\5')"
        parts = f"regexp_extract({spaced}, '{WHEN}', ['day', 'clock', 'zone'])"
        letters = {"": zone} if isinstance(zone, str) else zone
        meant = " ".join(
            f"WHEN p.zone = {literal(z)} AND p.clock <> '' THEN {literal(to)}" for z, to in letters.items()
        )
        key, clock = self.without_clock(declared, timezone, zoned=bool(letters.get("")))
        texts = f"SELECT {key} AS said, count(*) AS n FROM {self.table} WHERE {self.text} IS NOT NULL GROUP BY 1"
        rows(
            self.connection,
            f"CREATE OR REPLACE TEMP TABLE {self.parts} AS SELECT said, n, p.day AS day, p.clock AS clock, "
            f"CASE {meant} ELSE p.zone END AS zone "
            f"FROM (SELECT said, n, {parts} AS p FROM ({texts}))",
        )
        sql, remarks = self.value(declared, timezone)
        read = f"SELECT said AS __clv_text, {sql} AS __clv_value FROM {self.parts}"
        rows(self.connection, f"CREATE OR REPLACE TEMP TABLE {self.read} AS {read}; DROP TABLE {self.parts}")
        join = f"LEFT JOIN {self.read} ON {self.read}.__clv_text = {key}"
        return f"({self.read}.__clv_value + {clock})", join, remarks

    def without_clock(self, declared: str | list[str] | None, timezone: str | None, zoned: bool) -> tuple[str, str]:
        """SQL of the text, at midnight where a time of day stands at its end, and of that time as an INTERVAL.

        Only where they add up: not from one zone to another, nor where the card writes the clock elsewhere. zoned:
        texts without a zone are of one that the card names.
        """
        formats = [_bare(form) for form in _listed(declared)]
        days = [re.sub(r"[ T]%H:%M:%S$", "", form) for form in formats]
        if zoned or any(re.search("%[HIMST]", day) for day in days):
            return self.text, "INTERVAL 0 SECOND"
        fraction = _FRACTION if days == formats else ""  # the card's format has none
        pattern = literal(f"{_APART}{fraction}){_ZONE_AFTER if timezone is None else '()$'}")
        clock = f"TRY_CAST(nullif(regexp_extract({self.text}, {pattern}, 2), '') AS INTERVAL)"
        midnight = f"regexp_replace({self.text}, {pattern}, '\\100:00:00\\3')"
        return midnight, f"coalesce({clock}, INTERVAL 0 SECOND)"

    @property
    def parts(self) -> str:
        """The table of the column's distinct texts: said, n (how often), day, clock, zone ('' where there is none)."""
        return f"parts_of_{self.table}_{self.target}"

    @property
    def read(self) -> str:
        """The table that is joined: each of those texts, and what it says."""
        return f"{self.parts}_read"

    def value(self, declared: str | list[str] | None, timezone: str | None) -> tuple[str, list[Remark]]:
        """SQL of the TIMESTAMP from the columns of `parts`."""
        remarks: list[Remark] = []
        formats = _listed(declared)
        if not declared:
            formats, remarks = self.proved()
        zones = [zone for zone, _ in self.distinct("zone") if zone]
        local = [self.local(one, declared is not None) for one in formats]
        sql = local[0] if local else "CAST(NULL AS TIMESTAMP)"
        if len(local) > 1:  # each row must fit one of them, or all that it fits must say the same
            sql = f"CASE WHEN len(list_distinct([{', '.join(local)}])) = 1 THEN coalesce({', '.join(local)}) END"
        if zones:
            sql, said = self.in_zone(sql, zones, timezone)
            remarks = [*remarks, *said]
        if {"unix", "unix_ms", "unix_us"} & set(formats):
            if timezone is None:
                count = rows(self.connection, f"SELECT sum(n) FROM {self.parts}")[0][0]
                what = phrase("values of {column} that count from 1970 are in UTC", column=self.target)
                remarks = [*remarks, Remark(what, count, CONVERT)]
            else:
                is_counted = "regexp_matches(said, '^[0-9]{9,16}(\\.[0-9]+)?$')"
                sql = f"CASE WHEN {is_counted} THEN {_from_utc(sql, timezone)} ELSE {sql} END"
        return sql, remarks

    # -- how days are written ------------------------------------------------------------------------------------

    def proved(self) -> tuple[list[str], list[Remark]]:
        """The formats of a column that the card says nothing of."""
        written: dict[str, Counter[str]] = defaultdict(Counter)
        for shape, count in self.distinct("regexp_replace(day, '[0-9]', '9', 'g')"):
            for kind, (pattern, form) in _KINDS.items():
                if shape and re.fullmatch(pattern, shape):
                    marks = re.sub("[0-9]", "", shape)
                    form = form.replace("-", marks[0]) if marks and "-" in form else form
                    written[kind][form] += count
        if named := self.named():
            written[message("with a named month")] = named
        if not written:
            return [], []
        if len(written) > 1:
            ways = [phrase("{n:,} {kind}", n=of.total(), kind=translated(kind)) for kind, of in written.items()]
            listed = [form for forms in written.values() for form in forms]
            day, month = self.over_twelve()
            if month and not day:
                listed = [form if form.startswith("%Y") else _turned(form) for form in listed]
            in_order = not written.keys() & {"year last", "with a year of two digits"} or bool(day) != bool(month)
            raise Undeclared(
                phrase(
                    "{column}: dates are written in {n} ways: {ways}.",
                    column=self.target,
                    n=len(written),
                    ways=", ".join(ways),
                ),
                phrase("Declare each, day and month as they are: date_format = {formats}.", formats=inline(listed)),
                listed,
                in_order,
            )
        ((kind, forms),) = written.items()
        (usual, _), count = forms.most_common(1)[0], forms.total()
        form = _KINDS[kind][1] if kind in _KINDS else usual
        if "%y" in form:
            likely = _either(usual) if "%m" in usual else f'"{usual}"'
            raise Undeclared(
                phrase(
                    "{column}: {n:,} dates have a year of two digits (for instance {examples}).",
                    column=self.target,
                    n=count,
                    examples=self.some_examples(),
                ),
                phrase("Declare how they are written: date_format = {likely}, say.", likely=likely),
                [usual],
            )
        if kind == "year last":
            return self.ordered(usual)
        if form == "month":
            what = phrase("{n:,} value(s) of {column} say a month: its first day is taken", n=count, column=self.target)
            return [form], [Remark(what, count)]
        if form in _COUNTED:
            what = phrase(
                "{n:,} value(s) of {column} were read {kind}, as their range proves",
                n=count,
                column=self.target,
                kind=translated(kind),
            )
            return [form], [Remark(what, count)]
        return [form], []

    def named(self) -> Counter[str]:
        """The format of _MONTHS that fits the most days, and how many; none where no day names its month."""
        counts = ", ".join(
            f"coalesce(sum(n) FILTER (try_strptime(day, {literal(form)}) IS NOT NULL AND "
            f"regexp_matches(day, '{_year(form)}')), 0)"
            for form in _MONTHS
        )
        spelt = f"SELECT {counts} FROM {self.parts} WHERE regexp_matches(said, '[A-Za-z]{{3}}')"
        fits = dict(zip(_MONTHS, rows(self.connection, spelt)[0], strict=True))
        best = max(fits, key=lambda form: fits[form])
        return Counter({best: fits[best]} if fits[best] else {})

    def ordered(self, usual: str) -> tuple[list[str], list[Remark]]:
        """Dates of the form 03/04/2026: the order of day and month is proved by values above 12, or refused."""
        first_over, second_over = self.over_twelve()
        example = self.some_examples()
        if first_over and second_over:
            both = [usual, _turned(usual)]
            raise Undeclared(
                phrase(
                    "{column}: {day_first:,} dates can only be day first and {month_first:,} only month first "
                    "(for instance {example}).",
                    column=self.target,
                    day_first=first_over,
                    month_first=second_over,
                    example=example,
                ),
                phrase(
                    "Correct the file, or declare both, date_format = {both}, to keep the rows that fit one only.",
                    both=inline(both),
                ),
                both,
            )
        if not first_over and not second_over:
            raise Undeclared(
                phrase(
                    "{column}: nothing proves whether the day or the month comes first (for instance {example}).",
                    column=self.target,
                    example=example,
                ),
                phrase(
                    "Declare it: date_format = {either} in the card, or --date-format on the command line.",
                    either=_either(usual),
                ),
                [usual],
            )
        count = first_over or second_over
        what = phrase(
            "{column} was read {days:day|month} first, as {n:,} of its values {n:prove|proves|prove}",
            column=self.target,
            days=first_over > 0,
            n=count,
        )
        return ["%d-%m-%Y" if first_over else "%m-%d-%Y"], [Remark(what, count)]

    def over_twelve(self) -> tuple[int, int]:
        """How many dates of the form 03/04/2026 or 03/04/26 can only be day first, and how many only month first."""
        part = r"TRY_CAST(regexp_extract(said, '^([0-9]{{1,2}})[-/.]([0-9]{{1,2}})[-/.]', {}) AS INTEGER)"
        counts = ", ".join(f"coalesce(sum(n) FILTER ({part.format(i)} BETWEEN 13 AND 31), 0)" for i in (1, 2))
        day, month = rows(self.connection, f"SELECT {counts} FROM {self.parts}")[0]
        return int(day), int(month)

    # -- SQL of the parts ----------------------------------------------------------------------------------------

    def local(self, form: str, declared: bool) -> str:
        """SQL of the TIMESTAMP that the text says by itself, whatever its zone. DataError for an unknown format."""
        if form in _COUNTED:
            instant, least, most = _COUNTED[form]
            value = "TRY_CAST(said AS DOUBLE)"
            return f"CASE WHEN {value} BETWEEN {least} AND {most} THEN {instant.format(value)} END"
        if form == "month":
            turned = "regexp_replace(said, '^([0-9]{2})/([0-9]{4})$', '\\2\\1')"
            digits = f"regexp_replace({turned}, '^([0-9]{{4}})[-/.]?([0-9]{{2}})$', '\\1\\2')"
            return f"CASE WHEN length({digits}) = 6 THEN try_strptime({digits} || '01', '%Y%m%d') END"
        bare = _bare(form)
        if re.search("%[HIMST]", bare):  # the card writes the clock out: only the zone is ours
            whole = f"regexp_replace(said, '({_CLOCK})\\s*[{LETTER}+\\x{{2212}}\\[(-].*$', '\\1')"
            return f"CASE WHEN regexp_matches({whole}, '{_year(form)}') THEN {self.parsed(whole, bare)} END"
        day = "day" if declared or form in _MONTHS else "regexp_replace(day, '[/.]', '-', 'g')"
        as_day = f"CAST({self.parsed(day, bare)} AS DATE)"
        noon = "regexp_replace(clock, '\\s*([AaPp])\\.?([Mm])\\.?$', ' \\1\\2')"
        halves = f"CAST(try_strptime({noon}, ['%I:%M %p', '%I:%M:%S %p', '%I:%M:%S.%f %p']) AS TIME)"
        whole = "TRY_CAST(replace(clock, ',', '.') AS TIME)"
        time = f"CASE WHEN regexp_matches(clock, '[AaPp]') THEN {halves} ELSE {whole} END"
        return (
            f"CASE WHEN NOT regexp_matches({day}, '{_year(form)}') THEN NULL "
            f"WHEN clock = '' THEN CAST({as_day} AS TIMESTAMP) ELSE {as_day} + {time} END"
        )

    def parsed(self, text: str, form: str) -> str:
        """SQL of a TIMESTAMP in that format. DataError when DuckDB doesn't know such a format."""
        try:
            rows(self.connection, f"SELECT try_strptime('x', {literal(form)})")
        except duckdb.Error:
            what = phrase("date_format = {form!r} is not a date format.", form=form)
            raise DataError(what, 'Write for instance date_format = "%d/%m/%Y".') from None
        return f"try_strptime({text}, {literal(form)})"

    def in_zone(self, local: str, zones: list[str], timezone: str | None) -> tuple[str, list[Remark]]:
        """Local time with a zone → the shop's time; as it is where the card has no zone; NULL with an unknown one."""
        known = {row[0] for row in rows(self.connection, "SELECT name FROM pg_timezone_names()")}
        meant = {zone: meaning for zone in zones if (meaning := _zone(zone, known)) is not None}
        listed = ", ".join(map(literal, ["", *meant]))
        sums = ", ".join(
            f"coalesce(sum(n) FILTER ({which}), 0)" for which in (f"zone <> '' AND zone IN ({listed})", "zone = ''")
        )
        said, unsaid = rows(self.connection, f"SELECT {sums} FROM {self.parts}")[0]
        odd = [zone for zone in zones if zone not in meant]
        remarks = []
        if odd:
            some = ", ".join(map(repr, odd[:3]))
            what = phrase("what stands after the time is no zone that is known: {zones}", zones=some)
            remarks.append(Remark(what, len(odd), phrase("Write the offset from UTC in the file, as +01:00.")))
        if timezone is None:
            what = phrase(
                "{n:,} value(s) of {column} carry a UTC offset or a zone; their own wall-clock time is kept",
                n=said,
                column=self.target,
            )
            remarks += [Remark(what, said, CONVERT)] if said else []
            return f"CASE WHEN zone IN ({listed}) THEN {local} END", remarks
        if said and unsaid:
            what = phrase(
                "{n:,} value(s) of {column} carry no UTC offset, unlike {others:,}: they are taken for {timezone}",
                n=unsaid,
                column=self.target,
                others=said,
                timezone=timezone,
            )
            remarks.append(Remark(what, unsaid))
        zone_is = {kind: "".join(f" WHEN {literal(one)} THEN {literal(to)}" for one, to in meant.items()
                                 if isinstance(to, kind)) or " WHEN '' THEN NULL" for kind in (int, str)}  # fmt: skip
        by_offset = f"{local} - to_minutes(CAST(CASE zone{zone_is[int]} END AS INTEGER))"
        by_name = f"timezone('UTC', timezone(CASE zone{zone_is[str]} END, {local}))"
        shop = _from_utc(f"coalesce({by_offset}, {by_name})", timezone)
        return f"CASE zone WHEN '' THEN {local} ELSE {shop} END", remarks

    def refuse_unknown(self, timezone: str) -> None:
        try:
            rows(self.connection, f"SELECT timezone({literal(timezone)}, now())")
        except duckdb.Error:
            what = phrase("The time zone {timezone!r} is unknown.", timezone=timezone)
            raise DataError(what, 'Write timezone = "Europe/Paris", say.') from None

    def distinct(self, value: str) -> list[tuple[str, int]]:
        """The thousand most frequent values of an SQL text, each with its count."""
        return rows(
            self.connection,
            f"SELECT {value} AS value, CAST(sum(n) AS BIGINT) FROM {self.parts} "
            "GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT 1000",
        )

    def some_examples(self) -> str:
        some = f"SELECT DISTINCT {self.text} AS value FROM {self.table} WHERE {self.text} IS NOT NULL LIMIT 50"
        found = rows(self.connection, f"SELECT value FROM ({some}) ORDER BY 1 LIMIT 3")
        return ", ".join(str(row[0]) for row in found)


def _listed(declared: str | list[str] | None) -> list[str]:
    return [declared] if isinstance(declared, str) else declared or []


def _bare(form: str) -> str:
    """The format without the zone at its end."""
    return re.sub(r"\s*%[zZ]$", "", form)


def _year(form: str) -> str:
    """What a day must hold: DuckDB reads 25 as the year 25, and infinity."""
    return "[0-9]{4}" if "%Y" in form else "[0-9]"


def _either(form: str) -> str:
    """Day first or month first, as the card would say it."""
    return phrase('"{form}" or "{turned}"', form=form, turned=_turned(form))


def _turned(form: str) -> str:
    """The format with day and month in the other's place; that of a named month stays."""
    return form if "%m" not in form else form.replace("%d", "%_").replace("%m", "%d").replace("%_", "%m")


def _from_utc(utc: str, timezone: str) -> str:
    return f"timezone({literal(timezone)}, timezone('UTC', {utc}))"


def _zone(zone: str, known: set[str]) -> int | str | None:
    """The minutes ahead of UTC, or the name of the zone, that a text means; None when it means none."""
    if zone in SPOKEN:
        return SPOKEN[zone]
    named = NAMED.fullmatch(zone)
    if named:  # the offset counts; what it is called must be a name too
        restated = named[2] in known or named[2].upper() in ABBREVIATIONS or named[2].endswith(" Time")
        return _zone(named[1], known) if restated and named[1] else None
    if "/" in zone:
        return zone if zone in known else None
    offset = OFFSET.fullmatch(zone.upper().replace("\N{MINUS SIGN}", "-"))
    minutes = ABBREVIATIONS.get(zone.upper(), 24) * 60
    if offset:
        minutes = (int(offset[2]) * 60 + int(offset[3] or 0)) * (-1 if offset[1] == "-" else 1)
    return minutes if abs(minutes) <= FARTHEST else None
