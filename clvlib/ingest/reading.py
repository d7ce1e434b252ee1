"""A client's files → canonical tables, and a ledger of the rows read, kept, dropped and why.

Nothing is guessed: a date order or a decimal mark is declared, or proved from the values and said aloud. A row that
can't be used is dropped with its reason; when more than one row in twenty of a required column can't be read, the
reading itself must be wrong, and that is an error.
"""

from collections import Counter
from dataclasses import dataclass, field, replace
from math import nan
from pathlib import Path
from typing import Any

import duckdb
import ibis
import pandas as pd

from clvlib.errors import DataError, Grade, Problem
from clvlib.ingest import casting, dates, rules, sources, subscribers
from clvlib.ingest.card import inline
from clvlib.ingest.options import nearest, options_of
from clvlib.ingest.raw import ROW, Raw, literal, quoted, rows
from clvlib.ingest.tables import TABLES, Column, ColumnKind

# Read from transactions, but not columns of the canonical table.
INPUTS: dict[str, ColumnKind] = {"unit_price": "number", "refunded": "number", "currency": "text"}
PAID = ("transactions", "totals")  # the tables of which one is needed, whose amounts are what customers paid
_TOO_MANY = 0.05
_MOST_VALUES = 20  # that a message lists for the card
NOT_READ = "can't be read"
REASON, CAST = "__clv_reason", "__clv_cast_"

# Rows that are left out for these reasons are warned of, even where they are few.
_WARNED = ("no ", "a further row", "dated", "never", *(why for _, why in rules.CONTRADICTIONS))

Reason = tuple[str, str, str | None]  # SQL condition, words, SQL of the text at fault


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


def read_tables(
    sections: dict[str, dict[str, Any]], folder: Path, timezone: str | None = None, currency: str | None = None
) -> Ingested:
    """Read each table that a card describes; `sections` maps its name to the options of its [section].

    `timezone` and `currency` are those that the card states, if it does: the files may not contradict them.
    Returns what could be read, with every problem found on the way; it doesn't raise for the data's own faults. What
    is later than the as-of date is still in it: see `known_by`.
    """
    backend = ibis.duckdb.connect()
    connection = backend.con
    rows(connection, "SET enable_progress_bar = false; SET TimeZone = 'UTC'")
    result = Ingested()
    ledger: list[dict[str, Any]] = []
    for name, options in sections.items():
        try:
            options = options_of(name, options)
            files = sources.files_of(options["path"], options.get("glob"), folder)
            result.files += files
            if name == "subscriptions":
                result.terms = subscribers.terms(options)
            raw = sources.read_sources(connection, files, f"raw_{name}", options)
            reading = _Reading(connection, name, raw, options, timezone, currency, result.problems, ledger)
            reading.run()
            if name in PAID:
                result.currency, result.in_file = reading.currency, reading.in_file
                result.counts = options.get("amounts") is False
        except DataError as error:
            result.problems.append(Problem("error", name, error.what.rstrip("."), 1, (), error.mend))
            continue
        if name == "subscriptions":
            result.problems += subscribers.broken_cohorts(connection)
        if name in PAID or rows(connection, f"SELECT count(*) FROM {name}")[0][0]:
            result.tables[name] = backend.table(name)
    result.ledger = pd.DataFrame(ledger, columns=["table", "action", "rows", "money", "reason"])
    broken = {p.where for p in result.problems if p.grade == "error"}
    result.tables = {name: table for name, table in result.tables.items() if name not in broken}
    return result


def known_by(
    read: Ingested, as_of: pd.Timestamp, largest: pd.DataFrame | None, buyers: tuple[int, int, int] | None
) -> list[Problem]:
    """Take out of every table what nobody knew on the day `as_of`, and lay the tables side by side.

    The one place where rows are cut at the as-of date: after it, no method can read a later one. largest, buyers: what
    `aggregate` finds in the purchases or totals known by then (`largest`, `buyers`), where there are any.
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
    for table in [table for table in PAID if table in read.tables]:
        if largest is not None and buyers is not None:
            found += rules.of_the_money(largest, ledger, table)
            found += check_usable(read.in_file["customers"], *buyers, as_of, table)
    read.ledger = pd.DataFrame(ledger, columns=list(read.ledger))
    return found


def check_usable(
    in_file: int, named: int, customers: int, repeaters: int, as_of: pd.Timestamp, table: str = "transactions"
) -> list[Problem]:
    """What the purchases known by `as_of` can't support: nobody who bought, nobody who came back.

    in_file: how many customers all rows name, also those that can't be used or came later. named: those of usable rows,
    of whom so many `customers` bought, and `repeaters` came back.
    """
    found = []
    if customers == 0:
        what = "no customer's total" if table == "totals" else "no day's net amount"
        found.append(
            Problem("error", table, f"no customer has a purchase: {what} is above 0", 0, (),
                    "Check the sign of the amounts, and the as-of date.")
        )  # fmt: skip
    elif customers == 1:
        found.append(
            Problem("warning", table, "there is a single customer", 1, (),
                    "Check which column is the customer; models need many customers and will be left out.")
        )  # fmt: skip
    elif repeaters == 0:
        found.append(
            Problem("warning", table, f"none of the {customers:,} customers ever came back", customers, (),
                    "Check which column is the customer; forecasts need repeat purchases and will be left out."
                    + (' If each row holds the totals of a customer, write grain = "customer".'
                       if table == "transactions" else ""))
        )  # fmt: skip
    if 0 < customers < in_file:
        ways = {"nothing paid, or all of it refunded": named - customers, "no row that is used": in_file - named}
        all_of_them = in_file - customers
        why = [words + ("" if n == all_of_them else f" ({n:,})") for words, n in ways.items() if n]
        found.append(
            Problem("note", table, f"{all_of_them:,} of {in_file:,} customers have no purchase up to "
                    f"{as_of:%Y-%m-%d}: {'; '.join(why)}", all_of_them, (),
                    "They are left out of every customer table.")
        )  # fmt: skip
    return found


@dataclass
class _Reading:
    """One table on its way from text to its canonical form."""

    connection: duckdb.DuckDBPyConnection
    name: str
    raw: Raw
    options: dict[str, Any]
    timezone: str | None
    currency: str | None
    problems: list[Problem]
    ledger: list[dict[str, Any]]
    readings: dict[str, casting.Cast] = field(default_factory=dict)
    doubts: list[tuple[str, str, str]] = field(default_factory=list)  # SQL of rows that are kept, words, how to mend
    by_itself: list[str] = field(default_factory=list)  # optional columns that the card doesn't name
    paid: float = nan  # the sum of all amounts that could be read
    in_file: dict[str, Any] = field(default_factory=dict)

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
        typed = {t for t, text in numbers.items() if any(f"({quoted(c)})" in text for c in self.raw.numbers)}
        self.readings = casting.read_numbers(self.connection, self.raw.table, numbers, *marks, typed)
        cast = {target: self.expression(used[target], text) for target, text in mapping.items()}
        self.cast_once(cast, [target for target in cast if used[target].kind != "text"])
        single = dict(cast)
        if self.name in PAID:
            self.amount(cast, mapping)
        if self.name == "transactions":
            self.say_by_itself(cast["amount"], single.get("refunded", "NULL"))
            self.say_of_services()
        elif "consent" in cast:
            self.consent(cast, mapping["consent"])
        elif "churned" in cast:
            cast["churned"] = rules.yes_or_no(mapping["churned"])
        reasons = [*self.left_out_by_card(), *self.never_happened(mapping)]
        for target, text in mapping.items():
            column = used[target]
            if column.required:
                reasons.append((f"{text} IS NULL", f"no {target}", None))
                reasons.append((f"{cast[target]} IS NULL", f"{target} {NOT_READ}", text))
            elif column.kind != "text":
                self.warn_unread(target, f"{text} IS NOT NULL AND {single[target]} IS NULL", text, NOT_READ)
            if target == "amount":
                reasons.append((f"NOT isfinite({cast[target]})", "amount is not a finite number", text))
            elif column.kind == "date":
                stands_for_none = f"CAST({cast[target]} AS DATE) IN ({rules.listed(rules.PLACEHOLDERS)})"
                if column.required:
                    reasons.append((stands_for_none, "dated on a day that stands for none", text))
                else:
                    self.warn_unread(target, stands_for_none, text, "stand for none")
                    cast[target] = f"CASE WHEN NOT {stands_for_none} THEN {cast[target]} END"
            if target in ("date", "last_purchase"):
                future = f"{cast[target]} > now()::TIMESTAMP + INTERVAL 1 DAY"
                reasons.append((future, "dated in the future", text))
                if self.name == "totals":
                    reasons += [(condition.format(**cast), why, None) for condition, why in rules.CONTRADICTIONS]
            elif (self.name, target) in rules.RANGES:
                condition, words = rules.RANGES[self.name, target]
                reasons.append((condition.format(cast[target]), f"{target} is {words}", text))
            elif target in rules.MONEY and self.name != "transactions":
                below = f"({cast[target]} < 0 OR NOT isfinite({cast[target]}))"
                self.warn_unread(target, below, text, "are below 0 or not finite")
                cast[target] = f"CASE WHEN NOT {below} THEN {cast[target]} END"
        if self.name in ("customers", "subscriptions", "totals") and "customer_id" in mapping:
            customer = mapping["customer_id"]
            further = f"{customer} IS NOT NULL AND {rules.again(self.raw.table, customer)}"
            reasons.append((further, "a further row of a customer", customer))
        self.extra_attributes(cast, mapping, columns)
        self.build(cast, reasons)

    def say_by_itself(self, amount: str, back: str) -> None:
        """Which optional columns were taken for their name alone, and what `refunded` takes off; both as SQL."""
        if not self.by_itself:
            return
        off = ""
        if "refunded" in self.by_itself:
            count, money, share = self.rows(
                f"SELECT count(*) FILTER ({back} <> 0), coalesce(sum({back}), 0), "
                f"coalesce(sum({back}) / nullif(sum({amount} + coalesce({back}, 0)), 0), 0) FROM {self.raw.table}"
            )[0]
            off = f"; refunded takes {money:,.2f} ({share:.1%}) off the amounts of {count:,} row(s)"
        what = f"{', '.join(self.by_itself)}: columns of that name were taken without the card's word{off}"
        mend = "Where one is something else, rename it in the file, or map another column in [transactions]."
        self.note("note", what, len(self.by_itself), (), mend)

    def say_of_services(self) -> None:
        """Which products are none by their names: postage, discounts, vouchers. They are kept, and count as money."""
        plain = "trim(regexp_replace(lower(name), '[^\\pL]+', ' ', 'g'))"
        ends = f"{plain} = word OR starts_with({plain}, word || ' ') OR ends_with({plain}, ' ' || word)"
        said = (
            f"{plain} IN ({rules.listed(rules.CODES)}) "
            f"OR len([1 FOR word IN [{rules.listed(rules.SERVICES)}] IF {ends}]) > 0"
        )
        for column in [c for c in self.raw.columns if rules.letters(c) in rules.PRODUCTS]:
            distinct = f"SELECT {quoted(column)} AS name, count(*) AS n FROM {self.raw.table} GROUP BY 1"
            names = [name for (name,) in self.rows(f"SELECT name FROM ({distinct}) WHERE {said} ORDER BY n DESC, 1")]
            if names:
                what = f"whose {column} is no product by its name ({', '.join(names[:3])}) are kept"
                drop = ", ".join(inline(name.strip()) for name in names[:_MOST_VALUES])
                mend = f"To leave them out, add drop = {{ {inline(column)} = [{drop}] }} to [transactions]."
                self.doubts.append((f"{quoted(column)} IN ({rules.listed(names)})", what, mend))
                return

    def say_of_parts(self) -> None:
        """What else than goods stands in the amounts, by the format or the card: taxes, shipping."""
        columns = [column for column in map(self.find, self.options.get("includes", [])) if column]
        texts = {column: f"nullif(trim({quoted(column)}), '')" for column in columns}
        made = casting.read_numbers(self.connection, self.raw.table, texts, self.options.get("decimal"))
        for column, reading in made.items():
            count, money = self.rows(
                f"SELECT count(*), coalesce(sum(part), 0) FROM (SELECT {ROW}, {reading.sql} AS part "
                f"FROM {self.raw.table}) JOIN read_{self.name} USING ({ROW}) WHERE {REASON} IS NULL AND part <> 0"
            )[0]
            if count:
                what = f"the amounts of {count:,} row(s) hold {column}: {money:,.2f}{self.of_the_money(money)}"
                self.note("note", what, count, (), "Map another column to amount where only goods should count.")

    def cast_once(self, cast: dict[str, str], targets: list[str]) -> None:
        """Put what was cast into columns of the raw table: the conditions on rows look at it again and again."""
        columns = ", ".join(f"{cast[target]} AS {quoted(CAST + target)}" for target in targets)
        if targets:
            self.rows(
                f"CREATE TABLE cast_{self.name} AS SELECT *, {columns} FROM {self.raw.table}; "
                f"DROP TABLE {self.raw.table}; ALTER TABLE cast_{self.name} RENAME TO {self.raw.table}"
            )
        cast |= {target: quoted(CAST + target) for target in targets}

    def left_out_by_card(self) -> list[Reason]:
        """The rows that the card or the format says to leave out."""
        reasons: list[Reason] = []
        if "keep_if_filled" in self.options:
            source = quoted(self.known(self.options["keep_if_filled"]))
            reasons.append((f"trim(coalesce({source}, '')) = ''", "a further line of the same order", None))
        for source, values in self.options.get("drop", {}).items():
            listed = ", ".join(literal(str(value).lower()) for value in values)
            condition = f"lower(trim({quoted(self.known(source))})) IN ({listed})"
            reasons.append((condition, f"{source} is {' or '.join(map(str, values))}", None))
        return reasons

    def never_happened(self, mapping: dict[str, str]) -> list[Reason]:
        """The orders that a column of statuses says never happened, unless the card says which of them to drop."""
        if self.name != "transactions":
            return []
        used = " ".join(mapping.values())
        free = [c for c in self.raw.columns if f"({quoted(c)})" not in used]
        by_card = {self.find(source) for source in self.options.get("drop", {})}
        statuses = [c for c in free if rules.letters(c) in rules.STATUS and c not in by_card]
        reasons: list[Reason] = []
        for column in statuses:
            said = self.rows(
                f"SELECT {quoted(column)}, {rules.status(quoted(column))} FROM {self.raw.table} GROUP BY ALL ORDER BY 1"
            )
            never = [text for text, word in said if word in rules.NEVER]
            for text in never:
                condition = f"{quoted(column)} = {literal(text)}"
                reasons.append((condition, f"never happened: {column} is {text.strip()}", None))
            for text in [text for text, word in said if word in rules.DOUBTFUL]:
                drop = f"drop = {{ {inline(column)} = [{', '.join(map(inline, [text.strip(), *never]))}] }}"
                mend = f"If they are no purchases, add {drop} to [transactions]."
                what = f"whose {column} is {text.strip()} are kept"
                self.doubts.append((f"{quoted(column)} = {literal(text)}", what, mend))
        for column in [c for c in free if rules.letters(c) in rules.CANCELLED_AT and c not in by_card]:
            unpaid = [f"{rules.status(quoted(c))} IN ({rules.listed(rules.DOUBTFUL)})" for c in statuses] or ["true"]
            filled = f"trim(coalesce({quoted(column)}, '')) <> '' AND ({' OR '.join(unpaid)})"
            reasons.append((filled, f"never happened: {column} is filled", None))
        return reasons

    def ids(self, mapping: dict[str, str]) -> dict[str, str]:
        """The texts, those of ids as whole numbers without .0, and in small letters if the card says so."""
        for target in [target for target in rules.IDS if target in mapping]:
            text = mapping[target]
            whole = f"regexp_matches({text}, '^[0-9]+\\.0+$')"
            other = f"{text} IS NOT NULL AND NOT regexp_matches({text}, '^[0-9]+(\\.0+)?$')"
            points, others = self.count(whole), self.count(other)
            if points and not others:
                what = f"{points:,} value(s) of {target} are whole numbers with a point, and were read without it"
                self.note("note", what, points, self.examples(whole, text), "")
                mapping[target] = f"regexp_replace({text}, '\\.0+$', '')"
            if self.options.get("ignore_case") and target != "order_id":
                mapping[target] = f"lower({mapping[target]})"
        return mapping

    def filled(self, target: str, source: str) -> str:
        """SQL of a cell, trimmed; NULL where it is empty, or a word for none in a column that isn't free text."""
        text = f"nullif(trim({quoted(source)}), '')"
        kinds = INPUTS | {column.name: column.kind for column in TABLES[self.name]}
        kind = "id" if target in rules.IDS else kinds.get(target, "text")
        renamed = {old.lower() for old in self.options.get("values", {}).get(target, {})}
        words = rules.NOTHING + (rules.NO_DATE if kind == "date" else ())
        condition = f"lower({text}) IN ({rules.listed(word for word in words if word not in renamed)})"
        if (kind == "text" and target != "currency") or not (count := self.count(condition)):
            return text
        (word, *more) = self.examples(condition, text)
        keep = f"If it is a name, keep it: values = {{ {target} = {{ {inline(word)} = {inline(word)} }} }}"
        what = f"{count:,} value(s) of {target} are a word for none and were read as empty"
        self.note("note", what, count, (word, *more), keep if kind == "id" else "")
        return f"(CASE WHEN {condition} THEN NULL ELSE {text} END)"

    # -- columns -------------------------------------------------------------------------------------------------

    def find(self, source: str) -> str | None:
        """The file's column of that name, whatever its case and the spaces around it; None when there is none."""
        if source in self.raw.columns:
            return source
        same = [column for column in self.raw.columns if column.strip().lower() == str(source).strip().lower()]
        return same[0] if len(same) == 1 else None

    def known(self, source: str) -> str:
        """The file's column of that name. DataError lists the file's columns."""
        found = self.find(source)
        if found is None:
            raise DataError(
                f"There is no column {source!r}.{nearest(source, self.raw.columns)} "
                f"The file has: {', '.join(self.raw.columns)}.",
                f"Correct [{self.name}] in the card.",
            )
        return found

    def mapping(self) -> dict[str, str]:
        """Canonical column → SQL of its text (trimmed, empty is NULL). A list of columns: the first one filled."""
        names = [column.name for column in TABLES[self.name]]
        inputs = [*names, *({"transactions": list(INPUTS), "totals": ["currency"]}.get(self.name, ()))]
        given = dict(self.options.get("columns", {}))
        unknown = [target for target in given if target not in inputs and self.name != "customers"]
        if unknown:
            raise DataError(
                f"columns names {', '.join(map(repr, unknown))}, which {self.name} doesn't have."
                f"{nearest(unknown[0], inputs)}",
                f"Known: {', '.join(inputs)}.",
            )
        for target in inputs:
            same = [column for column in self.raw.columns if column.strip().lower() == target]
            if target not in given and len(same) == 1:
                given[target] = same[0]
        self.by_itself = sorted(set(given) - set(self.options.get("columns", {})) - {"customer_id", "date", "amount"})
        if self.options.get("amounts") is False:
            given = {target: source for target, source in given.items() if target not in ("amount", "cost", *INPUTS)}
        elif "amount" not in given and {"unit_price", "quantity"} <= given.keys():
            given["amount"] = given["unit_price"]
        sources_of = {t: source if isinstance(source, list) else [source] for t, source in given.items()}
        found = {source: self.find(source) for named in sources_of.values() for source in named}
        wrong = [source for source, column in found.items() if column is None]
        missing = [column.name for column in TABLES[self.name] if column.required and column.name not in given]
        if self.options.get("amounts") is False:
            missing.remove("amount")
        if wrong or missing:
            raise DataError(
                "".join(f"There is no column {name!r}.{nearest(name, self.raw.columns)} " for name in wrong)
                + (f"No column is given for {', '.join(missing)}. " if missing else "")
                + f"The file has: {', '.join(self.raw.columns)}.",
                f'Say which is which in [{self.name}] of the card, columns = {{ customer_id = "…" }}'
                + (", or with --customer-id, --date and --amount." if self.name == "transactions" else ".")
                + (" Where it has no amounts: amounts = false." if "amount" in missing else "")
                + (' Where each row is a customer with totals: grain = "customer".' if "date" in missing else ""),
            )
        if self.name == "subscriptions":
            given = subscribers.one_shape(given, self.raw.columns, "left" not in self.options)
        self.mapped_twice({target: [found[s] for s in sources] for target, sources in sources_of.items()})
        texts = {
            target: "coalesce(" + ", ".join(self.filled(target, str(found[source])) for source in named) + ")"
            for target, named in sources_of.items()
        }
        mapping = {target: self.renamed(target, text) for target, text in texts.items()}
        if self.options.get("amounts") is False:
            mapping["amount"] = mapping.get("purchases", "'1'")
        return self.ids(mapping)

    def mapped_twice(self, mapped: dict[str, list[str | None]]) -> None:
        """Say which column of the file is read as two things; two that every row needs can't be one column."""
        required = {column.name for column in TABLES[self.name] if column.required}
        for column in sorted({str(column) for columns in mapped.values() for column in columns}):
            targets = [target for target, columns in mapped.items() if column in columns]
            if {"amount", "unit_price"} <= set(targets):
                targets.remove("unit_price")  # the amount is that price times the quantity
            if len(targets) > 1:
                grade: Grade = "error" if len(required & set(targets)) > 1 else "warning"
                what = f"the column {column!r} is read as {' and as '.join(targets)}"
                mend = f"Say which it is, and map another column to the rest: columns in [{self.name}]."
                self.note(grade, what, self.count(f"{quoted(column)} IS NOT NULL"), (), mend)

    def renamed(self, target: str, text: str) -> str:
        """SQL of a column's text, with the values that the card renames."""
        renames = self.options.get("values", {}).get(target, {})
        cases = " ".join(f"WHEN {literal(old)} THEN {literal(new)}" for old, new in renames.items())
        return f"(CASE {text} {cases} ELSE {text} END)" if cases else text

    def expression(self, column: Column, text: str) -> str:
        """SQL that casts a text to the column's kind; NULL when it can't be read."""
        if column.kind == "date":
            shape = dates.DateShape(self.connection, self.raw.table, column.name, text)
            sql, remarks = shape.sql(self.options.get("date_format"), self.timezone)
            for remark in remarks:
                self.note("note", remark.what, remark.count, (), remark.mend)
            return sql
        if column.kind == "number":
            for remark in self.readings[column.name].remarks:
                self.note("note", remark.what, remark.count, (), remark.mend)
            return self.readings[column.name].sql
        return text

    # -- rows ----------------------------------------------------------------------------------------------------

    def amount(self, cast: dict[str, str], mapping: dict[str, str]) -> None:
        """amount = what the card maps to it, or quantity × unit_price; less what was refunded."""
        if "unit_price" in cast:
            if mapping["amount"] == mapping["unit_price"]:
                cast["amount"] = f"{cast['quantity']} * {cast['unit_price']}"
            cast.pop("unit_price")
        if "refunded" in cast:
            cast["amount"] = f"{cast['amount']} - coalesce({cast.pop('refunded')}, 0)"
        said = Counter(dict(self.readings["amount"].currencies))
        if "currency" in cast:
            said.update(self.currencies(cast.pop("currency")))
        if said:
            self.one_currency(said)

    def currencies(self, text: str) -> Counter[tuple[str, ...]]:
        """The codes that each word of a column of currencies can stand for → in how many rows."""
        found = self.rows(
            f"SELECT {text}, count(*) FROM {self.raw.table} WHERE {text} IS NOT NULL GROUP BY 1 ORDER BY 1"
        )
        odd = [word for word, _ in found if not casting.currency(word)]
        if odd:
            renames = ", ".join(f'{inline(word)} = "EUR"' for word in odd[:_MOST_VALUES])
            raise DataError(
                f"currency: {', '.join(map(repr, odd[:3]))} is no currency that is known.",
                f"Say which it is: values = {{ currency = {{ {renames} }} }}, say.",
            )
        said: Counter[tuple[str, ...]] = Counter()
        for word, count in found:
            said[casting.currency(word)] += count
        return said

    def one_currency(self, said: Counter[tuple[str, ...]]) -> None:
        """The one currency that all signs, codes and the card can mean. DataError when there is none."""
        shared = [code for code in next(iter(said)) if all(code in codes for codes in said)]
        if not shared:
            raise DataError(
                f"The amounts are in {len(said)} currencies: {', '.join(sorted(codes[0] for codes in said))}.",
                "Convert them to one currency, or make one file for each.",
            )
        if self.currency is None:
            self.currency = shared[0]
            count = sum(said.values())
            doubt = f"; the sign could also mean {', '.join(shared[1:])}" if shared[1:] else ""
            what = f"amounts are in {shared[0]}, as {count:,} row(s) of the file say{doubt}"
            mend = f'State it in the card: currency = "{shared[0]}".'
            self.note("warning" if doubt else "note", what, count, (), mend)
        elif self.currency.upper() not in shared:
            raise DataError(
                f"The card says that amounts are in {self.currency}, the file says {shared[0]}.",
                f'Write currency = "{shared[0]}" in the card, or on the command line --currency {shared[0]}.',
            )

    def consent(self, cast: dict[str, str], text: str) -> None:
        """Consent is yes or no: what is not said, or said in a word that is not known, is no."""
        cast["consent"] = f"CASE WHEN lower({text}) IN ({rules.listed(rules.YES)}) THEN 'yes' ELSE 'no' END"
        unknown = f"{text} IS NULL OR lower({text}) NOT IN ({rules.listed(rules.YES + rules.NO)})"
        count = self.count(unknown)
        if count:
            what = f"{count:,} customer(s) whose consent is unknown are treated as having refused"
            mend = f"Words that are known: {', '.join(rules.YES)}; {', '.join(rules.NO)}."
            self.note("note", what, count, self.examples(f"({unknown}) AND {text} IS NOT NULL", text), mend)

    def extra_attributes(self, cast: dict[str, str], mapping: dict[str, str], columns: dict[str, Column]) -> None:
        """Customers keep every other column of their file, as text: any attribute can be a criterion."""
        if self.name == "customers":
            used = " ".join(mapping.values())
            for source in self.raw.columns:
                if f"({quoted(source)})" not in used and source.lower() not in columns:
                    cast[source] = f"nullif(trim({quoted(source)}), '')"

    def warn_unread(self, target: str, condition: str, text: str, fault: str) -> None:
        count = self.count(condition)
        if count:
            grade: Grade = "error" if target == "refunded" else "warning"  # left empty, the money would count as kept
            what = f"{count:,} value(s) of {target} {fault} and were left empty"
            self.note(grade, what, count, self.examples(condition, text), "Correct them in the file.")

    def build(self, cast: dict[str, str], reasons: list[Reason]) -> None:
        cases = " ".join(f"WHEN {condition} THEN {i}" for i, (condition, _, _) in enumerate(reasons))
        chosen = ", ".join(f"{sql} AS {quoted(target)}" for target, sql in cast.items())
        self.rows(
            f"CREATE TABLE read_{self.name} AS "
            f"SELECT {ROW}, CASE {cases} END AS {REASON}, {chosen} FROM {self.raw.table}"
        )
        doubles = len(reasons)
        if self.name != "subscriptions" or "survivors" in cast or "duplicates" in self.options:
            self.mark_duplicates(doubles, "order_id" in cast)  # two subscribers may be alike in all that is told
        amounts = "coalesce(sum(amount) FILTER (isfinite(amount)), 0)" if self.name in PAID else "NULL"
        found = self.rows(f"SELECT {REASON}, count(*), {amounts} FROM read_{self.name} GROUP BY {REASON}")
        counts = {code: count for code, count, _ in found}
        if self.name == "transactions":
            self.in_file = rules.counted(self.connection, f"read_{self.name}")
        elif self.name == "totals":
            self.in_file = {"customers": self.rows("SELECT count(DISTINCT customer_id) FROM read_totals")[0][0]}
        money: dict[int | None, float] = {code: nan if paid is None else paid for code, _, paid in found}
        self.paid = sum(money.values()) if money or self.name not in PAID else 0.0
        self.write_down("read", self.raw.rows + self.raw.bad_lines, "rows in the file", self.paid)
        if self.raw.bad_lines:
            self.write_down("dropped", self.raw.bad_lines, "not as many cells as columns, or a quote left open")
            share = self.raw.bad_lines / (self.raw.rows + self.raw.bad_lines)
            self.note("error" if share > _TOO_MANY else "warning",
                      f"{self.raw.bad_lines:,} line(s) don't have as many cells as the header", self.raw.bad_lines,
                      self.raw.bad_examples, "The file may be cut short, or need another delimiter.")  # fmt: skip
        for i, (_condition, reason, text) in enumerate(reasons):
            if i in counts:
                self.write_down("dropped", counts[i], reason, money[i])
                self.report_dropped(i, counts[i], reason, text, self.of_the_money(money[i]))
        if doubles in counts:
            self.write_down("dropped", counts[doubles], "exact duplicate of another row", money[doubles])
            said = self.of_the_money(money[doubles]) + (self.equal_lines(doubles) if "order_id" in cast else "")
            self.note("warning", f"{counts[doubles]:,} row(s) are exact duplicates of another and were dropped{said}",
                      counts[doubles], (), 'If they are real, add duplicates = "keep" to the card.')  # fmt: skip
        self.say_of_doubts(cast)
        self.say_of_parts()
        kept = counts.get(None, 0)
        self.write_down("kept", kept, "usable rows", money.get(None, 0.0 if self.name in PAID else nan))
        if self.raw.rows == 0:
            self.empty("the file has no rows below its header", "Check which period and filters were exported.")
        elif not kept and not any(p.grade == "error" for p in self.problems if p.where == self.name):
            dropped = [line for line in self.ledger if line["table"] == self.name and line["action"] == "dropped"]
            most = max(dropped, key=lambda line: int(line["rows"]))  # nothing is left, so that something was dropped
            why = f"{most['rows']:,} of {self.raw.rows:,} row(s) dropped: {most['reason']}"
            self.empty(f"no usable row is left: {why}", "See the warnings: each says what was dropped.")
        columns = ", ".join(quoted(target) for target in cast)
        self.rows(
            f"CREATE TABLE {self.name} AS "
            f"SELECT {columns} FROM read_{self.name} WHERE {REASON} IS NULL ORDER BY {ROW}; "
            f"DROP TABLE read_{self.name}; DROP TABLE {self.raw.table}"
        )

    def say_of_doubts(self, cast: dict[str, str]) -> None:
        """What is kept though it may be wrong, in rows and money: statuses, names of nobody, ids in two spellings."""
        if "customer_id" not in cast or self.name not in ("transactions", "customers"):
            return
        found = f"{cast['customer_id']}"
        names = self.rows(
            f"SELECT DISTINCT {found} FROM {self.raw.table} WHERE lower({found}) IN ({rules.listed(rules.NOBODY)})"
        )
        for (name,) in names if self.name == "transactions" else ():
            what = f"whose customer_id is {name} are kept as those of one customer"
            column = next((c for c in self.raw.columns if f"({quoted(c)})" in found), "")
            mend = f"If it is nobody, add drop = {{ {inline(column)} = [{inline(name)}] }} to [transactions]."
            self.doubts.append((f"{found} = {literal(name)}", what, mend))
        twice = f"SELECT lower({found}) FROM {self.raw.table} GROUP BY 1 HAVING count(DISTINCT {found}) > 1"
        ids = self.rows(f"SELECT count(DISTINCT {found}), count(DISTINCT lower({found})) FROM {self.raw.table}")[0]
        if ids[0] > ids[1] and "ignore_case" not in self.options:
            what = f"are of ids that differ in case only: {ids[0]:,} ids, {ids[1]:,} if case doesn't count"
            mend = f"Say which: ignore_case = true, or false, in [{self.name}] and in every table with such ids."
            self.doubts.append((f"lower({found}) IN ({twice})", what, mend))
        paid = "coalesce(sum(amount), 0)" if self.name == "transactions" else "0"
        for condition, what, mend in self.doubts:
            rows = f"SELECT {ROW} FROM {self.raw.table} WHERE {condition}"
            count, money = self.rows(
                f"SELECT count(*), {paid} FROM read_{self.name} WHERE {REASON} IS NULL AND {ROW} IN ({rows})"
            )[0]
            if count:
                self.note("warning", f"{count:,} row(s) {what}{self.of_the_money(money)}", count, (), mend)

    def equal_lines(self, code: int) -> str:
        """Words for the doubles in orders whose other lines stand once: not the order is there twice, but a line."""
        cells = ", ".join(f"raw.{quoted(column)}" for column in self.raw.columns)
        lines = (
            f"SELECT made.order_id, hash({cells}) AS line, count(*) AS n FROM {self.raw.table} AS raw "
            f"JOIN read_{self.name} AS made USING ({ROW}) "
            f"WHERE made.order_id IS NOT NULL AND coalesce({REASON}, {code}) = {code} GROUP BY ALL"
        )
        orders = f"SELECT sum(n - 1) AS more FROM ({lines}) GROUP BY order_id HAVING min(n) = 1 AND max(n) > 1"
        count = self.rows(f"SELECT coalesce(sum(more), 0) FROM ({orders})")[0][0]
        return f"; {count:,} of them in orders whose other lines stand once, so they may be two pieces" if count else ""

    def of_the_money(self, money: float) -> str:
        """Words for the share of all that was read that rows are; none where it isn't known."""
        return f", {money / self.paid:.1%} of the money" if self.paid > 0 and money else ""

    def empty(self, what: str, mend: str) -> None:
        """Nothing to use: an error of the transactions, while any other table is only left out."""
        needed = self.name in PAID
        self.note("error" if needed else "warning", what if needed else f"{what}: the table is left out", 0, (), mend)

    def mark_duplicates(self, code: int, numbered: bool) -> None:
        """Rows alike in every cell: dropped when an order number or a time of day shows them to be one event."""
        wish = self.options.get("duplicates")
        if wish not in {None, "drop", "keep"}:
            raise DataError(f"duplicates = {wish!r} is unknown.", 'Write duplicates = "drop" or "keep".')
        cells = ", ".join(quoted(column) for column in self.raw.columns)
        again = (
            f"SELECT {ROW} FROM (SELECT {ROW}, row_number() OVER (PARTITION BY hash({cells}) ORDER BY {ROW}) AS n "
            f"FROM {self.raw.table}) WHERE n > 1"
        )
        proved = self.name != "transactions" or numbered
        if not proved:
            timed = f"SELECT count(*) FROM read_{self.name} WHERE date <> date_trunc('day', date)"
            proved = bool(self.rows(timed)[0][0])
        if wish == "drop" or (wish is None and proved):
            self.rows(f"UPDATE read_{self.name} SET {REASON} = {code} WHERE {REASON} IS NULL AND {ROW} IN ({again})")
        elif wish is None:
            count = self.rows(f"SELECT count(*) FROM ({again})")[0][0]
            if count:
                what = "row(s) are alike in every cell and were kept: without an order number or a time of day, nothing"
                mend = 'If they are copies, add duplicates = "drop" to the card.'
                self.note("note", f"{count:,} {what} proves that they are the same purchase", count, (), mend)

    def report_dropped(self, code: int, count: int, reason: str, text: str | None, share: str) -> None:
        total = self.raw.rows
        those = f"{ROW} IN (SELECT {ROW} FROM read_{self.name} WHERE {REASON} = {code})"
        outside = any(reason.endswith(words) for _, words in rules.RANGES.values())
        unread = NOT_READ in reason or "finite" in reason or outside
        unread |= "future" in reason and self.name in PAID  # a planned test or mailing is no error
        unread |= reason.startswith("a further row") and self.name in ("subscriptions", "totals")  # a history, no list
        grade: Grade = "warning" if unread or reason.startswith(_WARNED) else "note"
        mend = f"These rows{share}, are not used." if share else "These rows are not used."
        if reason.startswith("never happened"):
            column = reason.removeprefix("never happened: ").rpartition(" is ")[0]
            mend += f" To keep them, add drop = {{ {inline(column)} = [] }} to [transactions]."
        examples: tuple[str, ...] = ()
        if text is not None:
            examples = self.examples(those, text)
        amounts = reason == f"amount {NOT_READ}"
        # Amounts that can't be read aren't any amounts: they are the large ones, or the refunds.
        if unread and (
            count > _TOO_MANY * total or (amounts and self.count(f"{those} AND regexp_matches({text}, '\\pN')"))
        ):
            grade = "error"
            other = self.readings["amount"].other if amounts else ""
            few = self.leave_out(those, text) if count < total / 2 else ""
            advice = f", or declare the decimal mark: {other}." if other else ""
            if reason == f"date {NOT_READ}":
                advice = few or self.looks_of_dates(those, text)
            elif amounts and not other:
                advice = few
            mend = "Correct the file" + (advice or _advice(reason, examples))
        self.note(grade, f"{count:,} of {total:,} row(s) dropped: {reason}", count, examples, mend)

    def looks_of_dates(self, condition: str, text: str | None) -> str:
        """How dates that can't be read are written, so that whoever knows them can declare it."""
        shape = f"regexp_replace({text}, '[0-9]', '9', 'g')"
        sql = f"SELECT {shape} FROM {self.raw.table} WHERE {condition} GROUP BY 1 ORDER BY count(*) DESC, 1 LIMIT 1"
        looks = f"most look like {self.rows(sql)[0][0]}, 9 being a digit"
        if "date_format" in self.options:
            return f": {looks}, which date_format = {inline(self.options['date_format'])} isn't."
        return f", or map another column: {looks}, and no way to write dates that is known reads them."

    def leave_out(self, condition: str, text: str | None) -> str:
        """The line of the card that leaves out the rows with those values of `text`, where they are few."""
        odd = [
            row[0] for row in self.rows(f"SELECT DISTINCT {text} FROM {self.raw.table} WHERE {condition} ORDER BY 1")
        ]
        of = [name for name in self.raw.columns if f"({quoted(name)})" in str(text)]
        if len(of) != 1 or len(odd) > _MOST_VALUES:
            return ""
        column = of[0]
        return f", or leave these rows out: drop = {{ {inline(column)} = [{', '.join(map(inline, odd))}] }}."

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        return rows(self.connection, sql)

    def count(self, condition: str) -> int:
        return int(self.rows(f"SELECT count(*) FROM {self.raw.table} WHERE {condition}")[0][0])

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


def _advice(reason: str, examples: tuple[str, ...]) -> str:
    if reason.startswith("churned"):
        return ', or say what its words mean: values = { churned = { "cancelled" = "yes", "active" = "no" } }, say.'
    if reason.startswith("tenure"):
        return ": tenure counts the full periods paid, as of the last day."
    if reason.startswith("a further row"):
        return ": one row for each, as things stand on the last day."
    if any("," in example for example in examples):
        return ', or declare the marks: decimal = "," (and thousands = "." or " "), or thousands = ",".'
    return ", or map another column."
