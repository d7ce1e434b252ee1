"""A client's files → canonical tables, and a ledger of the rows read, kept, dropped and why.

Nothing is guessed: a date order or a decimal mark is declared, or proved from the values and said aloud. `columns`
finds what each column is, `account` says of every row why it is used or not.
"""

import weakref
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from shutil import rmtree
from tempfile import mkdtemp
from typing import Any

import duckdb
import ibis
import pandas as pd

from clvlib.errors import DataError, Grade, Problem
from clvlib.ingest import account, casting, exports, lookups, rules, shapes, sources, subscribers
from clvlib.ingest.account import MOST_VALUES, Doubt, Reason, leaving_out
from clvlib.ingest.columns import INPUTS, Mapped
from clvlib.ingest.options import options_of
from clvlib.ingest.raw import CAST, LETTER, ROW, filled, literal, quoted, rows
from clvlib.ingest.tables import LOOKUPS, TABLES, Column
from clvlib.language import message, phrase, said_together, translated

MEMORY = "50%"  # of the machine's, for tables
SPARE = "8MB"  # what is left to a database that nobody asks for a while
LARGE, LEAN = 100_000_000, "950MB"  # bytes of files from which tables are kept in a file, and what memory they get then
PACKED = {".zip", ".gz", ".zst", ".parquet"}  # files taken to hold ten times as much text as they are large


@dataclass
class Ingested:
    """Canonical tables (Ibis, in one DuckDB), their ledger, what was noticed, and the files that were read."""

    tables: dict[str, ibis.Table] = field(default_factory=dict)
    ledger: pd.DataFrame = field(default_factory=pd.DataFrame)
    problems: list[Problem] = field(default_factory=list)
    files: list[Path] = field(default_factory=list)
    terms: subscribers.Terms | None = None
    currency: str | None = None  # as the transactions' own signs, codes or column say
    in_file: dict[str, Any] = field(default_factory=dict)  # `rules.counted` of all transactions, usable or not
    counts: bool = False  # whether the card says that there are no amounts: a purchase counts 1
    outside: int = 0  # customers who buy and are left out: who asked to be forgotten, and who isn't in the group


def database(size: int = 0) -> Any:
    """A new DuckDB for files of so many bytes, set up as all that reads a dataset needs it.

    It takes MEMORY at most and every core; its tables are in memory, or, of LARGE files, in a file, so that LEAN is
    enough. What doesn't fit goes beside it into a folder that its owner alone can read, and that is deleted with it.
    """
    overflow = mkdtemp(prefix="clv-")
    large = size > LARGE
    backend = ibis.duckdb.connect(Path(overflow) / "tables.duckdb" if large else ":memory:")
    weakref.finalize(backend, rmtree, overflow, ignore_errors=True)
    rows(
        backend.con,
        "SET enable_progress_bar = false; SET TimeZone = 'UTC'; "
        f"SET memory_limit = '{LEAN if large else MEMORY}'; SET temp_directory = {literal(overflow)}",
    )
    return backend


def give_back(backend: Any) -> None:
    """Return to the system what a database of LARGE files holds for queries to come; it takes it again when they do.

    Tables in memory stay there: they would be written to a disk.
    """
    ((file,),) = rows(backend.con, "SELECT path FROM duckdb_databases() WHERE database_name = current_database()")
    if file:
        with suppress(duckdb.Error):  # then it keeps what it has
            rows(backend.con, f"SET memory_limit = '{SPARE}'")
        rows(backend.con, f"SET memory_limit = '{LEAN}'")


def read_tables(
    sections: dict[str, dict[str, Any]], folder: Path, timezone: str | None = None, currency: str | None = None
) -> Ingested:
    """Read each table that a card describes; `sections` maps its name to the options of its [section].

    `timezone` and `currency` are those that the card states, if it does: the files may not contradict them.
    Returns what could be read, with every problem found on the way; it doesn't raise for the data's own faults. What
    is later than the as-of date is still in it: see `known_by`.
    """
    result = Ingested()
    found: dict[str, tuple[dict[str, Any], list[Path]]] = {}
    for name in [name for name in sections if name not in LOOKUPS]:
        try:
            options = options_of(name, sections[name])
            found[name] = options, sources.files_of_section(options, folder)
        except DataError as error:
            result.problems.append(Problem("error", name, error.what.rstrip("."), 1, (), error.mend))
    backend = database(sum(bytes_of_text(file) for _, files in found.values() for file in files))
    connection = backend.con
    ledger: list[dict[str, Any]] = []
    known: dict[str, lookups.Codes] = {}
    for name in [name for name in sections if name in LOOKUPS]:
        try:
            codes, files, said = lookups.read_codes(connection, name, sections[name], folder)
            known[LOOKUPS[name].of] = codes
            result.files += files
            result.problems += said
        except DataError as error:
            result.problems.append(Problem("error", name, error.what.rstrip("."), 1, (), error.mend))
    for name, (options, files) in found.items():
        result.files += files
        try:
            if name == "subscriptions":
                result.terms = subscribers.terms(options)
            raw = sources.read_sources(connection, files, f"raw_{name}", options)
            options = shapes.shaped(connection, raw, exports.fitted(options, raw.columns, raw.lines))
            if name in known:
                options, said = lookups.joined(connection, raw, options, known[name])
                result.problems += said
            paid_in = currency or result.currency
            reading = _Reading(connection, name, raw, options, timezone, paid_in, result.problems, ledger)
            reading.run()
            if name in rules.PAID:
                result.currency, result.in_file = reading.currency, reading.in_file
                result.counts = options.get("amounts") is False
        except DataError as error:
            result.problems.append(Problem("error", name, error.what.rstrip("."), 1, (), error.mend))
            continue
        if name == "subscriptions":
            result.problems += subscribers.broken_cohorts(connection)
        if name in rules.PAID or rows(connection, f"SELECT count(*) FROM {name}")[0][0]:
            result.tables[name] = backend.table(name)
    result.ledger = pd.DataFrame(ledger, columns=["table", "action", "rows", "money", "reason"])
    broken = {p.where for p in result.problems if p.grade == "error"}
    result.tables = {name: table for name, table in result.tables.items() if name not in broken}
    return result


def bytes_of_text(file: Path) -> int:
    """About how much text a file holds; 0 of one that can't be read, which reading it will say."""
    with suppress(OSError):
        return file.stat().st_size * (10 if file.suffix.lower() in PACKED else 1)
    return 0


Bought = Callable[[Mapping[str, ibis.Table], pd.Timestamp], tuple[pd.DataFrame, tuple[int, int, int]]]


def known_by(read: Ingested, as_of: pd.Timestamp, bought: Bought) -> list[Problem]:
    """Take out of every table what nobody knew on the day `as_of`, and lay the tables side by side.

    The one place where rows are cut at the as-of date: after it, no method can read a later one. bought: gives what
    `aggregate` finds in the purchases or totals known by then (`largest`, `buyers`).
    """
    connection = next(iter(read.tables.values())).get_backend().con
    ledger: list[dict[str, Any]] = [dict(line) for line in read.ledger.to_dict("records")]  # type: ignore[arg-type]
    found = rules.later(connection, read.tables, ledger, as_of)
    for name in [name for name in rules.DATED if name in read.tables]:
        if not rows(connection, f"SELECT count(*) FROM {name}")[0][0]:
            del read.tables[name]
    found += rules.between_tables(connection, read.tables, ledger)
    if "transactions" in read.tables:
        rules.say_of_amounts(connection, ledger)
        found += rules.of_the_start(connection)
    for table in [table for table in rules.PAID if table in read.tables]:
        largest, buyers = bought(read.tables, as_of)
        found += rules.of_the_money(largest, ledger, table)
        found += usable(read.in_file["customers"] - read.outside, *buyers, as_of, table)
    read.ledger = pd.DataFrame(ledger, columns=list(read.ledger))
    return found


def usable(in_file: int, named: int, customers: int, repeaters: int, as_of: pd.Timestamp, table: str) -> list[Problem]:
    """What the purchases known by `as_of` can't support: nobody who bought, nobody who came back.

    in_file: how many customers all rows name, also those that can't be used or came later. named: those of usable rows,
    of whom so many `customers` bought, and `repeaters` came back.
    """
    found = []
    if customers == 0:
        what = phrase(
            "no customer has a purchase: no {totals:customer's total|day's net amount} is above 0",
            totals=table == "totals",
        )
        found.append(Problem("error", table, what, 0, (), "Check the sign of the amounts, and the as-of date."))
    elif customers == 1:
        mend = message("Check which column is the customer; models need many customers and will be left out.")
        found.append(Problem("warning", table, "there is a single customer", 1, (), mend))
    elif repeaters == 0:
        what = phrase("none of the {n:,} customers ever came back", n=customers)
        mend = phrase(
            "Check which column is the customer; forecasts need repeat purchases and will be left out."
            '{sold: If each row holds the totals of a customer, write grain = "customer".|}',
            sold=table == "transactions",
        )
        found.append(Problem("warning", table, what, customers, (), mend))
    if 0 < customers < in_file:
        ways = {
            message("nothing paid, or all of it refunded{part: ({n:,})|}"): named - customers,
            message("no row that is used{part: ({n:,})|}"): in_file - named,
        }
        none = in_file - customers
        what = phrase(
            "{none:,} of {all:,} customers have no purchase up to {day:%Y-%m-%d}: {why}",
            none=none,
            all=in_file,
            day=as_of,
            why=said_together(phrase(words, n=n, part=n < none) for words, n in ways.items() if n),
        )
        found.append(Problem("note", table, what, none, (), "They are left out of every customer table."))
    return found


class _Reading(Mapped):
    """One table on its way from text to its canonical form."""

    def run(self) -> None:
        """Cast every column, give each row that can't be used its reason, keep the others, fill the ledger."""
        for noticed in self.raw.noticed:
            self.note(*noticed)
        mapping = self.mapping()
        columns = {column.name: column for column in TABLES[self.name]}
        used = {target: columns.get(target) or Column(target, INPUTS.get(target, "text"), "") for target in mapping}
        if self.name == "subscriptions":
            used |= {target: replace(used[target], required=True) for target in subscribers.shape(mapping) or ()}
        numbers = {target: text for target, text in mapping.items() if used[target].kind == "number"}
        marks = self.options.get("decimal"), self.options.get("thousands")
        typed = {target for target, text in numbers.items() if self.raw.numbers & set(self.columns_in(text))}
        self.readings = casting.read_numbers(self.connection, self.raw.table, numbers, *marks, typed)
        cast = {target: self.expression(used[target], text) for target, text in mapping.items()}
        self.cast_once(cast, [target for target in cast if used[target].kind != "text"])
        single = dict(cast)
        left_out = [*self.left_out_by_card(), *self.never_happened(mapping)]
        if self.name in rules.PAID:
            self.amount(cast, mapping, " OR ".join(f"coalesce({condition}, false)" for condition, *_ in left_out))
            left_out += self.no_refunds(cast["amount"])
        if self.name == "transactions":
            self.say_by_itself(cast["amount"], single.get("refunded", "NULL"))
            self.say_of_services()
        elif self.name == "marketing_costs":
            self.currency_of_costs(cast, mapping["cost"])
        elif "consent" in cast:
            self.consent(cast, mapping["consent"])
        elif "churned" in cast:
            cast["churned"] = rules.yes_or_no(mapping["churned"])
        reasons = left_out
        for target, text in mapping.items():
            column = used[target]
            if column.required:
                reasons.append(Reason(f"{text} IS NULL", account.NO_VALUE, column=target))
                reasons.append(Reason(f"{cast[target]} IS NULL", account.NOT_READ, text, target))
            elif column.kind != "text":
                fault = message("{n:,} value(s) of {column} can't be read and were left empty")
                self.warn_unread(target, f"{text} IS NOT NULL AND {single[target]} IS NULL", text, fault)
            reasons += self.out_of_bounds(column, text, cast)
        if self.name in ("customers", "subscriptions", "totals") and "customer_id" in mapping:
            customer = mapping["customer_id"]
            further = f"{customer} IS NOT NULL AND {rules.again(self.raw.table, customer)}"
            reasons.append(Reason(further, rules.FURTHER_ROW, customer))
        self.extra_attributes(cast, mapping, columns)
        self.build(cast, reasons)

    def out_of_bounds(self, column: Column, text: str, cast: dict[str, str]) -> list[Reason]:
        """The values that were read and can't be: reasons where the row can't do without, else left empty in `cast`."""
        target, value = column.name, cast.get(column.name, "")
        reasons: list[Reason] = []
        if target == "amount":
            reasons.append(Reason(f"NOT isfinite({value})", account.INFINITE, text, target))
        elif column.kind == "date":
            stands_for_none = f"CAST({value} AS DATE) IN ({rules.listed(rules.PLACEHOLDERS)})"
            if column.required:
                reasons.append(Reason(stands_for_none, account.NO_DAY, text))
            else:
                fault = message("{n:,} value(s) of {column} stand for none and were left empty")
                self.warn_unread(target, stands_for_none, text, fault)
                cast[target] = f"CASE WHEN NOT {stands_for_none} THEN {value} END"
        if target in ("date", "last_purchase"):
            future = f"{cast[target]} > now()::TIMESTAMP + INTERVAL 1 DAY"
            reasons.append(Reason(future, account.FUTURE, text))
            if self.name == "totals":
                reasons += [Reason(condition.format(**cast), why) for condition, why in rules.CONTRADICTIONS]
        elif (self.name, target) in rules.RANGES:
            condition, words = rules.RANGES[self.name, target]
            reasons.append(Reason(condition.format(value), words, text, target))
        elif target in rules.MONEY and self.name != "transactions":
            below = f"({value} < 0 OR NOT isfinite({value}))"
            fault = message("{n:,} value(s) of {column} are below 0 or not finite and were left empty")
            self.warn_unread(target, below, text, fault)
            cast[target] = f"CASE WHEN NOT {below} THEN {value} END"
        return reasons

    def say_by_itself(self, amount: str, back: str) -> None:
        """Which optional columns were taken for their name alone, and what `refunded` takes off; both as SQL."""
        if not self.by_itself:
            return
        count, money, share = 0, 0.0, 0.0
        if "refunded" in self.by_itself:
            count, money, share = self.rows(
                f"SELECT count(*) FILTER ({back} <> 0), coalesce(sum({back}), 0), "
                f"coalesce(sum({back}) / nullif(sum({amount} + coalesce({back}, 0)), 0), 0) FROM {self.raw.table}"
            )[0]
        what = phrase(
            "{these}: columns of that name were taken without the card's word"
            "{off:; refunded takes {money:,.2f} ({share:.1%}) off the amounts of {n:,} row(s)|}",
            these=", ".join(self.by_itself),
            off="refunded" in self.by_itself,
            money=money,
            share=share,
            n=count,
        )
        mend = message("Where one is something else, rename it in the file, or map another column in [transactions].")
        self.note("note", what, len(self.by_itself), (), mend)

    def say_of_services(self) -> None:
        """Which products are none by their names: postage, discounts, vouchers. They are kept, and count as money."""
        plain = f"trim(regexp_replace(lower(name), '[^{LETTER}]+', ' ', 'g'))"
        ends = f"{plain} = word OR starts_with({plain}, word || ' ') OR ends_with({plain}, ' ' || word)"
        said = (
            f"{plain} IN ({rules.listed(rules.CODES)}) "
            f"OR len([1 FOR word IN [{rules.listed(rules.SERVICES)}] IF {ends}]) > 0"
        )
        for column in [c for c in self.raw.columns if rules.letters(c) in rules.PRODUCTS]:
            distinct = f"SELECT {quoted(column)} AS name, count(*) AS n FROM {self.raw.of()} GROUP BY 1"
            names = [name for (name,) in self.rows(f"SELECT name FROM ({distinct}) WHERE {said} ORDER BY n DESC, 1")]
            if names:
                what = message(
                    "{count:,} row(s) whose {column} is no product by its name ({names}) are kept"
                    "{share:, {share:.1%} of the money|}"
                )
                drop = leaving_out(column, [name.strip() for name in names[:MOST_VALUES]])
                mend = phrase("To leave them out, add {line} to [transactions].", line=drop)
                of = {"column": column, "names": ", ".join(names[:3])}
                self.doubts.append(Doubt(f"{quoted(column)} IN ({rules.listed(names)})", what, of, mend))
                return

    def cast_once(self, cast: dict[str, str], targets: list[str]) -> None:
        """Put what was cast beside the raw table's columns: the conditions on rows look at it again and again.

        Row by row beside them, in a table of its own: the texts, most of what a large file is, aren't copied.
        """
        raw, columns = self.raw.table, ", ".join(f"{cast[target]} AS {quoted(CAST + target)}" for target in targets)
        if targets:
            self.rows(
                f"CREATE TABLE casts_{self.name} AS SELECT {columns} FROM {raw} {' '.join(self.joins.values())} "
                f"ORDER BY {ROW}; "
                f"CREATE VIEW cast_{self.name} AS SELECT * FROM {raw} POSITIONAL JOIN casts_{self.name}"
            )
            for table in self.joins:
                self.rows(f"DROP TABLE {table}")
            self.raw.table, self.raw.texts = f"cast_{self.name}", raw
        cast |= {target: quoted(CAST + target) for target in targets}

    def left_out_by_card(self) -> list[Reason]:
        """The rows that the card or the format says to leave out."""
        reasons: list[Reason] = []
        for source, pattern in self.options.get("rows_like", {}).items():
            text = f"coalesce({filled(self.known(source))}, '')"
            other = f"NOT regexp_matches({text}, {literal(pattern)})"
            reasons.append(Reason(other, message("a line of titles or totals")))
        if "keep_if_filled" in self.options:
            source = quoted(self.known(self.options["keep_if_filled"]))
            reasons.append(Reason(f"trim(coalesce({source}, '')) = ''", message("a further line of the same order")))
        for source, values in self.options.get("keep", {}).items():
            listed = ", ".join(literal(str(value).lower()) for value in values)
            text = filled(self.known(source))
            others = f"{text} IS NULL OR lower({text}) NOT IN ({listed})"
            said = f"SELECT {text}, count(*) FROM {self.raw.table} WHERE {others} GROUP BY 1 ORDER BY 2 DESC, 1"
            for value in [value for value, _ in self.rows(f"{said} LIMIT {MOST_VALUES}") if value]:
                is_it = f"{text} = {literal(value)}"
                reasons.append(Reason(is_it, message("{column} is {value}"), column=source, value=value))
            reasons.append(Reason(others, message("{column} is empty or another"), column=source))
        for source, values in self.options.get("drop", {}).items():
            listed = ", ".join(literal(str(value).lower()) for value in values)
            text = f"lower(trim({quoted(self.known(source))}))"
            found = translated(" or ").join(self.dropped_already(self.known(source)))
            said = message("{column} is {value}")
            reasons.append(Reason(f"{text} IN ({listed})", said, column=source, value=found))
        if self.options.get("once"):
            same = [filled(self.known(column)) for column in self.options["once"]]
            numbered = f"row_number() OVER (PARTITION BY {', '.join(same)} ORDER BY {ROW}) AS n"
            named = f"{same[0]} IS NOT NULL AND lower({same[0]}) NOT IN ({rules.listed(rules.NOTHING)})"
            again = f"SELECT {ROW} FROM (SELECT {ROW}, {numbered} FROM {self.raw.of()} WHERE {named}) WHERE n > 1"
            reasons.append(Reason(f"{ROW} IN ({again})", account.SAME_AGAIN, column=self.options["once"][0]))
        return reasons

    def no_refunds(self, amount: str) -> list[Reason]:
        """Where the card or the format tells refunds: payments of one's own, and what came back of those."""
        if not (refunds := self.options.get("refunds")):
            return []
        back = shapes.is_refund(refunds)
        return [
            Reason(f"{amount} < 0 AND NOT ({back})", message("money paid to others: below 0, and no refund")),
            Reason(f"{amount} > 0 AND {back}", message("money that others paid back: a refund, and above 0")),
        ]

    def never_happened(self, mapping: dict[str, str]) -> list[Reason]:
        """The orders that a column of statuses says never happened, unless the card says which of them to drop."""
        if self.name != "transactions":
            return []
        used = self.columns_in(" ".join(mapping.values()))
        free = [column for column in self.raw.columns if column not in used]
        own = exports.formats()[self.options["format"]].options.get("drop", {}) if "format" in self.options else {}
        of_format = {self.find(source) for source, said in self.options.get("drop", {}).items() if said in own.values()}
        by_card = {
            self.find(source) for option in ("drop", "keep") for source in self.options.get(option, {})
        } - of_format
        statuses = [c for c in free if (rules.letters(c) in rules.STATUS or c in of_format) and c not in by_card]
        reasons: list[Reason] = []
        for column in statuses:
            said = self.rows(
                f"SELECT {quoted(column)}, {rules.status(quoted(column))} FROM {self.raw.of()} GROUP BY ALL ORDER BY 1"
            )
            never = [text for text, word in said if word in rules.NEVER]
            for text in never:
                condition = f"{quoted(column)} = {literal(text)}"
                reasons.append(Reason(condition, account.NEVER_HAPPENED, column=column, value=text.strip()))
            for text in [text for text, word in said if word in rules.DOUBTFUL]:
                out = leaving_out(column, [text.strip(), *never, *self.dropped_already(column)])
                mend = phrase("If they are no purchases, add {line} to [transactions].", line=out)
                what = message("{count:,} row(s) whose {column} is {value} are kept{share:, {share:.1%} of the money|}")
                of = {"column": column, "value": text.strip()}
                self.doubts.append(Doubt(f"{quoted(column)} = {literal(text)}", what, of, mend))
        for column in [c for c in free if rules.letters(c) in rules.CANCELLED_AT and c not in by_card]:
            unpaid = [f"{rules.status(quoted(c))} IN ({rules.listed(rules.DOUBTFUL)})" for c in statuses] or ["true"]
            filled = f"trim(coalesce({quoted(column)}, '')) <> '' AND ({' OR '.join(unpaid)})"
            reasons.append(Reason(filled, account.NEVER_FILLED, column=column))
        return reasons

    def warn_unread(self, target: str, condition: str, text: str, fault: str) -> None:
        count = self.count(condition)
        if count:
            grade: Grade = "error" if target == "refunded" else "warning"  # left empty, the money would count as kept
            what = phrase(fault, n=count, column=target)
            self.note(grade, what, count, self.examples(condition, text), "Correct them in the file.")
