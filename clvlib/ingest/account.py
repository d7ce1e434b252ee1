"""The rows of one table → those that can be used, with an account of all others: how many, how much money, and why.

A row that can't be used is dropped with its reason; when more than one row in twenty of a required column can't be
read, the reading itself must be wrong, and that is an error.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import nan
from typing import Any, NamedTuple

import duckdb

from clvlib.errors import DataError, Grade, Problem, Rows
from clvlib.ingest import casting, rules
from clvlib.ingest.card import inline
from clvlib.ingest.raw import ROW, Raw, filled, literal, quoted, rows
from clvlib.language import message, phrase, translated

NOT_READ = message("{column} can't be read")
INFINITE = message("{column} is not a finite number")
NO_VALUE = message("no {column}")
NO_DAY = message("dated on a day that stands for none")
FUTURE = message("dated in the future")
NEVER_HAPPENED = message("never happened: {column} is {value}")
NEVER_FILLED = message("never happened: {column} is filled")
SAME_AGAIN = message("a further row of the same {column}")
REASON = "__clv_reason"
MOST_VALUES = 20  # that a message lists for the card

_UNREAD = {NOT_READ, INFINITE, *(words for _, words in rules.RANGES.values())}
# Rows that are left out for these reasons are warned of, even where they are few.
_WARNED = {NO_VALUE, NO_DAY, FUTURE, NEVER_HAPPENED, NEVER_FILLED, SAME_AGAIN, rules.FURTHER_ROW}
_WARNED |= {why for _, why in rules.CONTRADICTIONS}
_HISTORY = {SAME_AGAIN, rules.FURTHER_ROW}  # where each customer has one row


class Reason(NamedTuple):
    """Why rows are left out: a message, of a column (canonical, or the file's) and a value of it."""

    condition: str  # SQL
    words: str
    text: str | None = None  # SQL of the text at fault
    column: str = ""
    value: str = ""

    def __str__(self) -> str:
        return phrase(self.words, column=self.column, value=self.value)


class Doubt(NamedTuple):
    """Rows that are kept though they may be wrong: a message of their `count`, their `share` of the money, and `of`."""

    condition: str  # SQL
    words: str
    of: dict[str, Any]
    mend: str


@dataclass
class Account:
    """One table as text, what the card says of it, and what is written down of its rows."""

    connection: duckdb.DuckDBPyConnection
    name: str
    raw: Raw
    options: dict[str, Any]
    timezone: str | None
    currency: str | None
    problems: list[Problem]
    ledger: list[dict[str, Any]]
    readings: dict[str, casting.Cast] = field(default_factory=dict)
    joins: dict[str, str] = field(default_factory=dict)  # tables that casts look dates up in, and their JOIN
    doubts: list[Doubt] = field(default_factory=list)
    by_itself: list[str] = field(default_factory=list)  # optional columns that the card doesn't name
    paid: float = nan  # the sum of all amounts that could be read
    in_file: dict[str, Any] = field(default_factory=dict)

    def build(self, cast: dict[str, str], reasons: list[Reason]) -> None:
        cases = " ".join(f"WHEN {condition} THEN {i}" for i, (condition, *_) in enumerate(reasons))
        chosen = ", ".join(f"{sql} AS {quoted(target)}" for target, sql in cast.items())
        self.rows(
            f"CREATE TABLE read_{self.name} AS "
            f"SELECT {ROW}, CASE {cases} END AS {REASON}, {chosen} FROM {self.raw.table}"
        )
        doubles = len(reasons)
        if self.name != "subscriptions" or "survivors" in cast or "duplicates" in self.options:
            self.mark_duplicates(doubles, cast)  # two subscribers may be alike in all that is told
        amounts = "coalesce(sum(amount) FILTER (isfinite(amount)), 0)" if self.name in rules.PAID else "NULL"
        found = self.rows(f"SELECT {REASON}, count(*), {amounts} FROM read_{self.name} GROUP BY {REASON}")
        counts = {code: count for code, count, _ in found}
        if self.name == "transactions":
            self.in_file = rules.counted(self.connection, f"read_{self.name}")
        elif self.name == "totals":
            self.in_file = {"customers": self.rows("SELECT count(DISTINCT customer_id) FROM read_totals")[0][0]}
        money: dict[int | None, float] = {code: nan if paid is None else paid for code, _, paid in found}
        self.paid = sum(money.values()) if money or self.name not in rules.PAID else 0.0
        bad, lines = self.raw.bad_lines, self.raw.rows + self.raw.bad_lines + self.raw.titles
        self.write_down("read", lines, translated("rows in the file"), self.paid)
        if bad:
            self.write_down("dropped", bad, translated("not as many cells as columns, or a quote left open"))
            grade: Grade = "error" if bad / lines > rules.TOO_MANY else "warning"
            what = phrase("{n:,} line(s) don't have as many cells as the header", n=bad)
            self.note(
                grade, what, Rows(bad), self.raw.bad_examples, "The file may be cut short, or need another delimiter."
            )
        if self.raw.titles:
            why = translated("a line of titles or totals, of fewer cells than a row")
            self.write_down("dropped", self.raw.titles, why)
        for i, reason in enumerate(reasons):
            if i in counts:
                self.write_down("dropped", counts[i], str(reason), money[i])
                self.report_dropped(i, counts[i], reason, self.share_of(money[i]))
        if doubles in counts:
            self.write_down("dropped", counts[doubles], translated("exact duplicate of another row"), money[doubles])
            what = phrase(
                "{n:,} row(s) are exact duplicates of another and were dropped{share:, {share:.1%} of the money|}"
                "{lines:|; {lines:,} of them in orders whose other lines stand once, so they may be two pieces}",
                n=counts[doubles],
                share=self.share_of(money[doubles]),
                lines=self.equal_lines(doubles) if "order_id" in cast else 0,
            )
            mend = message('If they are real, add duplicates = "keep" to the card.')
            self.note("warning", what, Rows(counts[doubles]), (), mend)
        self.say_of_doubts(cast)
        self.say_of_parts()
        kept = counts.get(None, 0)
        no_money = 0.0 if self.name in rules.PAID else nan
        self.write_down("kept", kept, translated("usable rows"), money.get(None, no_money))
        if self.raw.rows == 0:
            what = message("the file has no rows below its header{needed:|: the table is left out}")
            self.empty(what, translated("Check which period and filters were exported."))
        elif not kept and not any(p.grade == "error" for p in self.problems if p.where == self.name):
            dropped = [line for line in self.ledger if line["table"] == self.name and line["action"] == "dropped"]
            most = max(dropped, key=lambda line: int(line["rows"]))  # nothing is left, so that something was dropped
            self.empty(
                message(
                    "no usable row is left: {n:,} of {total:,} row(s) dropped: {why}{needed:|: the table is left out}"
                ),
                translated("See the warnings: each says what was dropped."),
                n=most["rows"],
                total=self.raw.rows,
                why=most["reason"],
            )
        self.rows(
            f"DELETE FROM read_{self.name} WHERE {REASON} IS NOT NULL; "
            f"ALTER TABLE read_{self.name} DROP COLUMN {ROW}; ALTER TABLE read_{self.name} DROP COLUMN {REASON}; "
            f"ALTER TABLE read_{self.name} RENAME TO {self.name}; "
            f"DROP VIEW IF EXISTS cast_{self.name}; DROP TABLE IF EXISTS casts_{self.name}; DROP TABLE raw_{self.name}"
        )

    def say_of_parts(self) -> None:
        """What else than goods stands in the amounts, by the format or the card: taxes, shipping."""
        columns = [column for column in map(self.find, self.options.get("includes", [])) if column]
        texts = {column: filled(column) for column in columns}
        made = casting.read_numbers(self.connection, self.raw.table, texts, self.options.get("decimal"))
        for column, reading in made.items():
            count, money = self.rows(
                f"SELECT count(*), coalesce(sum(part), 0) FROM (SELECT {ROW}, {reading.sql} AS part "
                f"FROM {self.raw.table}) JOIN read_{self.name} USING ({ROW}) WHERE {REASON} IS NULL AND part <> 0"
            )[0]
            if count:
                what = phrase(
                    "the amounts of {n:,} row(s) hold {column}: {money:,.2f}{share:, {share:.1%} of the money|}",
                    n=count,
                    column=column,
                    money=money,
                    share=self.share_of(money),
                )
                self.note("note", what, count, (), "Map another column to amount where only goods should count.")

    def say_of_doubts(self, cast: dict[str, str]) -> None:
        """What is kept though it may be wrong, in rows and money: statuses, names of nobody, ids in two spellings."""
        if "customer_id" not in cast or self.name not in ("transactions", "customers"):
            return
        found = cast["customer_id"]
        each = f"ids_{self.name}"
        made = f"SELECT DISTINCT {found} AS id FROM {self.raw.of(found)} WHERE {found} IS NOT NULL"
        self.rows(f"CREATE TEMP TABLE {each} AS {made}")
        names = self.rows(f"SELECT id FROM {each} WHERE lower(id) IN ({rules.listed(rules.NOBODY)}) ORDER BY 1")
        for (name,) in names if self.name == "transactions" else ():
            what = message(
                "{count:,} row(s) whose customer_id is {name} are kept as those of one customer"
                "{share:, {share:.1%} of the money|}"
            )
            column = next(iter(self.columns_in(found)), "")
            mend = phrase("If it is nobody, add {line} to [transactions].", line=leaving_out(column, [name]))
            self.doubts.append(Doubt(f"{found} = {literal(name)}", what, {"name": name}, mend))
        for target in [target for target in ("customer_id", "order_id") if target in cast]:
            if self.name == "transactions":
                what = message(
                    "{count:,} row(s) whose {column} reads like a test are kept{share:, {share:.1%} of the money|}"
                )
                mend = phrase(
                    "If nobody bought, leave them out: drop = {{ {column} = [...] }} in [transactions].",
                    column=inline(next(iter(self.columns_in(cast[target])), target)),
                )
                self.doubts.append(Doubt(rules.tried(cast[target]), what, {"column": target}, mend))
        twice = f"SELECT lower(id) FROM {each} GROUP BY 1 HAVING count(*) > 1"
        ids, alike = self.rows(f"SELECT count(*), count(DISTINCT lower(id)) FROM {each}")[0]
        if ids > alike and "ignore_case" not in self.options:
            what = message(
                "{count:,} row(s) are of ids that differ in case only: {ids:,} ids, {alike:,} if case doesn't count"
                "{share:, {share:.1%} of the money|}"
            )
            mend = phrase(
                "Say which: ignore_case = true, or false, in [{table}] and in every table with such ids.",
                table=self.name,
            )
            self.doubts.append(Doubt(f"lower({found}) IN ({twice})", what, {"ids": ids, "alike": alike}, mend))
        if self.name == "transactions" and self.raw.label and "order_id" in cast:
            label, order = quoted(self.raw.label), cast["order_id"]
            first = f"first_value({label}) OVER (PARTITION BY {order} ORDER BY {ROW})"
            paid = f"FROM {self.raw.table} WHERE {order} IS NOT NULL AND {cast['amount']} > 0"
            again = f"SELECT {ROW} FROM (SELECT {ROW}, {label} <> {first} AS later {paid}) WHERE later"
            what = message(
                "{count:,} row(s) are of orders of which an earlier file has other lines"
                "{share:, {share:.1%} of the money|}"
            )
            mend = translated(
                "If the files overlap, an order that changed in between counts twice: give files that don't."
            )
            self.doubts.append(Doubt(f"{ROW} IN ({again})", what, {}, mend))
        for doubt, (count, money) in zip(self.doubts, self.counted_of_doubts(), strict=True):
            if count:
                what = phrase(doubt.words, count=count, share=self.share_of(money), **doubt.of)
                self.note("warning", what, Rows(count), (), doubt.mend)
        self.rows(f"DROP TABLE {each}")

    def counted_of_doubts(self) -> list[tuple[int, float]]:
        """How many usable rows each doubt is of, and their money; in one pass, as texts are searched for each."""
        conditions = {f"doubt_{i}": doubt.condition for i, doubt in enumerate(self.doubts)}
        if not conditions:
            return []
        money = "coalesce(sum(amount) FILTER ({0}), 0)" if self.name == "transactions" else "0"
        counted = ", ".join(f"count(*) FILTER ({name}), {money.format(name)}" for name in conditions)
        each = ", ".join(f"{condition} AS {name}" for name, condition in conditions.items())
        found = self.rows(
            f"SELECT {counted} FROM (SELECT {ROW}, {each} FROM {self.raw.of(each)} WHERE {' OR '.join(conditions)}) "
            f"JOIN read_{self.name} USING ({ROW}) WHERE {REASON} IS NULL"
        )[0]
        return list(zip(found[::2], found[1::2], strict=True))

    def equal_lines(self, code: int) -> int:
        """How many doubles are in orders whose other lines stand once: not the order is there twice, but a line."""
        cells = ", ".join(f"raw.{quoted(column)}" for column in self.raw.columns)
        those = f"SELECT order_id FROM read_{self.name} WHERE {REASON} = {code}"
        lines = (
            f"SELECT made.order_id, hash({cells}) AS line, count(*) AS n FROM {self.raw.of()} AS raw "
            f"JOIN read_{self.name} AS made USING ({ROW}) "
            f"WHERE made.order_id IN ({those}) AND coalesce({REASON}, {code}) = {code} GROUP BY ALL"
        )
        orders = f"SELECT sum(n - 1) AS more FROM ({lines}) GROUP BY order_id HAVING min(n) = 1 AND max(n) > 1"
        return int(self.rows(f"SELECT coalesce(sum(more), 0) FROM ({orders})")[0][0])

    def share_of(self, money: float) -> float:
        """The share of all that was read that rows are; 0 where it isn't known."""
        return money / self.paid if self.paid > 0 and money else 0.0

    def empty(self, what: str, mend: str, **values: Any) -> None:
        """Nothing to use: an error of the transactions, while any other table is only left out."""
        needed = self.name in rules.PAID
        self.note("error" if needed else "warning", phrase(what, needed=needed, **values), 0, (), mend)

    def mark_duplicates(self, code: int, cast: dict[str, str]) -> None:
        """Rows alike in every cell: dropped when an order number or a time of day shows them to be one event.

        Files may overlap: which one a row stands in makes no difference, unless it means something.
        """
        wish = self.options.get("duplicates")
        if wish not in {None, "drop", "keep"}:
            raise DataError(
                phrase("duplicates = {wish!r} is unknown.", wish=wish), 'Write duplicates = "drop" or "keep".'
            )
        used = self.columns_in(" ".join(cast.values()))
        label = self.raw.label if self.raw.label not in used else ""
        cells = ", ".join(quoted(column) for column in self.raw.columns if column != label)
        alike = f"SELECT hash({cells}) FROM {self.raw.of()} GROUP BY 1 HAVING count(*) > 1"  # few, to be numbered
        again = (
            f"SELECT {ROW} FROM (SELECT {ROW}, row_number() OVER (PARTITION BY hash({cells}) ORDER BY {ROW}) AS n "
            f"FROM {self.raw.of()} WHERE hash({cells}) IN ({alike})) WHERE n > 1"
        )
        proved = self.name != "transactions" or "order_id" in cast
        if not proved:
            timed = f"SELECT count(*) FROM read_{self.name} WHERE date <> date_trunc('day', date)"
            proved = bool(self.rows(timed)[0][0])
        if wish == "drop" or (wish is None and proved):
            self.rows(f"UPDATE read_{self.name} SET {REASON} = {code} WHERE {REASON} IS NULL AND {ROW} IN ({again})")
        elif wish is None:
            count = self.rows(f"SELECT count(*) FROM ({again})")[0][0]
            if count:
                what = phrase(
                    "{n:,} row(s) are alike in every cell and were kept: without an order number or a time of day, "
                    "nothing proves that they are the same purchase",
                    n=count,
                )
                self.note("note", what, Rows(count), (), 'If they are copies, add duplicates = "drop" to the card.')

    def report_dropped(self, code: int, count: int, reason: Reason, share: float) -> None:
        total, text = self.raw.rows, reason.text
        those = f"{ROW} IN (SELECT {ROW} FROM read_{self.name} WHERE {REASON} = {code})"
        unread = reason.words in _UNREAD
        unread |= reason.words == FUTURE and self.name in rules.PAID  # a planned test or mailing is no error
        unread |= reason.words in _HISTORY and self.name in ("subscriptions", "totals")
        grade: Grade = "warning" if unread or reason.words in _WARNED else "note"
        mend = phrase("These rows{share:, {share:.1%} of the money,|} are not used.", share=share)
        if reason.words in (NEVER_HAPPENED, NEVER_FILLED):
            line = leaving_out(reason.column, self.dropped_already(reason.column))
            mend = f"{mend} {phrase('To keep them, add {line} to [transactions].', line=line)}"
        examples: tuple[str, ...] = ()
        if text is not None:
            examples = self.examples(those, text)
        amounts = (reason.words, reason.column) == (NOT_READ, "amount")
        # Amounts that can't be read aren't any amounts: they are the large ones, or the refunds.
        if unread and (
            count > rules.TOO_MANY * total or (amounts and self.count(f"{those} AND regexp_matches({text}, '\\pN')"))
        ):
            grade = "error"
            other = self.readings["amount"].other if amounts else ""
            few = self.leave_out(those, text) if count < total / 2 else ""
            if (reason.words, reason.column) == (NOT_READ, "date"):
                mend = few or self.looks_of_dates(those, text)
            elif other:
                mend = phrase("Correct the file, or declare the decimal mark: {line}.", line=other)
            else:
                mend = (few if amounts else "") or _advice(reason, examples)
        what = phrase("{n:,} of {total:,} row(s) dropped: {why}", n=count, total=total, why=str(reason))
        self.note(grade, what, Rows(count), examples, mend)

    def looks_of_dates(self, condition: str, text: str | None) -> str:
        """How dates that can't be read are written, so that whoever knows them can correct or declare it."""
        shape = f"regexp_replace({text}, '[0-9]', '9', 'g')"
        sql = f"SELECT {shape} FROM {self.raw.table} WHERE {condition} GROUP BY 1 ORDER BY count(*) DESC, 1 LIMIT 1"
        looks = self.rows(sql)[0][0]
        if "date_format" in self.options:
            return phrase(
                "Correct the file: most look like {looks}, 9 being a digit, which date_format = {stated} isn't.",
                looks=looks,
                stated=inline(self.options["date_format"]),
            )
        return phrase(
            "Correct the file, or map another column: most look like {looks}, 9 being a digit, and no way to write "
            "dates that is known reads them.",
            looks=looks,
        )

    def leave_out(self, condition: str, text: str | None) -> str:
        """How to leave out the rows with those values of `text` by a line of the card, where they are few."""
        found = self.rows(f"SELECT DISTINCT {text} FROM {self.raw.table} WHERE {condition} ORDER BY 1")
        of = self.columns_in(str(text))
        if len(of) != 1 or len(found) > MOST_VALUES:
            return ""
        line = leaving_out(of[0], [odd for (odd,) in found])
        return phrase("Correct the file, or leave these rows out: {line}.", line=line)

    def dropped_already(self, column: str) -> list[str]:
        """The values of a column whose rows the format or the card leaves out, as the file writes them."""
        drop = {self.find(source): values for source, values in self.options.get("drop", {}).items()}
        if not drop.get(column):
            return []
        text = f"trim({quoted(column)})"
        listed = ", ".join(literal(str(value).lower()) for value in drop[column])
        said = f"SELECT DISTINCT {text} FROM {self.raw.table} WHERE lower({text}) IN ({listed}) ORDER BY 1"
        return [value for (value,) in self.rows(said)]

    def find(self, source: str) -> str | None:
        """The file's column of that name, whatever its case and the spaces around it; None when there is none."""
        if source in self.raw.columns:
            return source
        same = [column for column in self.raw.columns if column.strip().lower() == str(source).strip().lower()]
        return same[0] if len(same) == 1 else None

    def columns_in(self, sql: str) -> list[str]:
        """The file's columns whose trimmed texts that SQL is made of."""
        return [column for column in self.raw.columns if f"({quoted(column)})" in sql]

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        return rows(self.connection, sql)

    def count(self, condition: str) -> int:
        return int(self.rows(f"SELECT count(*) FROM {self.raw.of(condition)} WHERE {condition}")[0][0])

    def counts(self, conditions: Sequence[str]) -> list[int]:
        """In how many rows each condition holds, in one pass over them."""
        counted = ", ".join(f"count(*) FILTER ({condition})" for condition in conditions)
        return list(self.rows(f"SELECT {counted} FROM {self.raw.of(counted)}")[0]) if conditions else []

    def examples(self, condition: str, text: str) -> tuple[str, ...]:
        rows = self.rows(
            f"SELECT DISTINCT value FROM (SELECT {text} AS value FROM {self.raw.table} WHERE {condition} "
            f"ORDER BY {ROW} LIMIT 50) ORDER BY 1 LIMIT 3"
        )
        return tuple(str(row[0]) for row in rows)

    def note(self, grade: Grade, what: str, count: int, examples: tuple[str, ...], mend: str) -> None:
        self.problems.append(Problem(grade, self.name, what, count, examples, mend))

    def write_down(self, action: str, rows: int, reason: str, money: float = nan) -> None:
        self.ledger.append({"table": self.name, "action": action, "rows": rows, "money": money, "reason": reason})


def leaving_out(column: str, values: list[str]) -> str:
    """The line of a card that leaves out the rows with those values."""
    return f"drop = {{ {inline(column)} = {inline(values)} }}"


def _advice(reason: Reason, examples: tuple[str, ...]) -> str:
    if reason.words in _HISTORY:
        return translated("Correct the file: one row for each, as things stand on the last day.")
    if reason.column == "churned":
        return phrase(
            "Correct the file, or say what its words mean: "
            'values = {{ churned = {{ "cancelled" = "yes", "active" = "no" }} }}, say.'
        )
    if reason.column == "tenure":
        return translated("Correct the file: tenure counts the full periods paid, as of the last day.")
    if any("," in example for example in examples):
        return translated(
            'Correct the file, or declare the marks: decimal = "," (and thousands = "." or " "), or thousands = ",".'
        )
    return translated("Correct the file, or map another column.")
