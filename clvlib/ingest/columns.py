"""The columns of a client's file → those of a canonical table, each as the SQL of its text.

A column is named by the card, by the format, or by its own name; what reads as nothing is empty, and said.
"""

import re
from collections import Counter
from collections.abc import Sequence

from clvlib.errors import DataError, Grade
from clvlib.ingest import answers, casting, dates, people, rules, subscribers
from clvlib.ingest.account import MOST_VALUES, Account
from clvlib.ingest.card import inline
from clvlib.ingest.options import nearest
from clvlib.ingest.raw import filled, literal, quoted
from clvlib.ingest.tables import TABLES, Column, ColumnKind
from clvlib.language import phrase, said_together, translated

# Read from transactions, but not columns of the canonical table.
INPUTS: dict[str, ColumnKind] = {"unit_price": "number", "refunded": "number", "currency": "text"}


class Mapped(Account):
    """The same table, with the way from its own columns to the canonical ones."""

    def mapping(self) -> dict[str, str]:
        """Canonical column → SQL of its text (trimmed, empty is NULL). A list of columns: the first one filled."""
        names = [column.name for column in TABLES[self.name]]
        beside = {"transactions": list(INPUTS), "totals": ["currency"], "marketing_costs": ["currency"]}
        inputs = [*names, *beside.get(self.name, ())]
        by_card = self.options.get("columns", {})
        counted = self.options.get("amounts") is False
        given = dict(by_card)
        unknown = [target for target in given if target not in inputs and self.name != "customers"]
        if unknown:
            raise DataError(
                phrase(
                    "columns names {these}, which {table} doesn't have.",
                    these=", ".join(map(repr, unknown)),
                    table=self.name,
                )
                + nearest(unknown[0], inputs),
                phrase("Known: {these}.", these=", ".join(inputs)),
            )
        for target in inputs:
            same = [column for column in self.raw.columns if column.strip().lower() == target]
            if target not in given and len(same) == 1:
                given[target] = same[0]
        self.by_itself = sorted(given.keys() - by_card.keys() - {"customer_id", "date", "amount"})
        if counted:
            given = {target: source for target, source in given.items() if target not in ("amount", "cost", *INPUTS)}
        elif "amount" not in given and {"unit_price", "quantity"} <= given.keys():
            given["amount"] = given["unit_price"]
        sources_of = {t: source if isinstance(source, list) else [source] for t, source in given.items()}
        found = {source: self.find(source) for named in sources_of.values() for source in named}
        wrong = [source for source, column in found.items() if column is None]
        missing = [column.name for column in TABLES[self.name] if column.required and column.name not in given]
        if counted:
            missing.remove("amount")
        if wrong or missing:
            raise DataError(
                "".join(f"{self.no_column(name)} " for name in wrong)
                + phrase(
                    "{lacks:No column is given for {lacks}. |}The file has: {columns}.",
                    lacks=", ".join(missing),
                    columns=", ".join(self.raw.columns),
                ),
                phrase(
                    'Say which is which in [{table}] of the card, columns = {{ customer_id = "…" }}'
                    "{sold:, or with --customer-id, --date and --amount|}."
                    "{amount: Where it has no amounts: amounts = false.|}"
                    "{customer: Where each row is a customer without an id: {{ row = true }}.|}"
                    '{date: Where each row is a customer with totals: grain = "customer".|}',
                    table=self.name,
                    sold=self.name == "transactions",
                    amount="amount" in missing,
                    customer="customer_id" in missing,
                    date="date" in missing,
                ),
            )
        if self.name == "subscriptions":
            sources_of = subscribers.one_shape(sources_of, self.raw.columns, "left" not in self.options)
        self.mapped_twice({target: [found[s] for s in sources] for target, sources in sources_of.items()})
        cells = self.filled([(target, str(found[s])) for target, named in sources_of.items() for s in named])
        mapping = {
            target: self.renamed(target, f"coalesce({', '.join(cells[target, str(found[s])] for s in named)})")
            for target, named in sources_of.items()
        }
        if counted:
            mapping["amount"] = mapping.get("purchases", "'1'")
        elif "refunded" in mapping and mapping["amount"] != mapping.get("unit_price"):  # a refund alone has no amount
            alone = f"{mapping['amount']} IS NULL AND regexp_matches({mapping['refunded']}, '[1-9]')"
            mapping["amount"] = f"(CASE WHEN {alone} THEN '0' ELSE {mapping['amount']} END)"
        return self.scores(self.ids(mapping))

    def mapped_twice(self, mapped: dict[str, list[str | None]]) -> None:
        """Say which column of the file is read as two things; two that every row needs can't be one column."""
        required = {column.name for column in TABLES[self.name] if column.required}
        for column in sorted({str(column) for columns in mapped.values() for column in columns}):
            targets = [target for target, columns in mapped.items() if column in columns]
            if {"amount", "unit_price"} <= set(targets):
                targets.remove("unit_price")  # the amount is that price times the quantity
            if len(targets) > 1:
                grade: Grade = "error" if len(required & set(targets)) > 1 else "warning"
                what = phrase(
                    "the column {column!r} is read as {targets}",
                    column=column,
                    targets=translated(" and as ").join(targets),
                )
                mend = phrase(
                    "Say which it is, and map another column to the rest: columns in [{table}].", table=self.name
                )
                self.note(grade, what, self.count(f"{quoted(column)} IS NOT NULL"), (), mend)

    def renamed(self, target: str, text: str) -> str:
        """SQL of a column's text, with the values that the card renames."""
        renames = self.options.get("values", {}).get(target, {})
        cases = " ".join(f"WHEN {literal(old)} THEN {literal(new)}" for old, new in renames.items())
        return f"(CASE {text} {cases} ELSE {text} END)" if cases else text

    def filled(self, cells: Sequence[tuple[str, str]]) -> dict[tuple[str, str], str]:
        """SQL of the cells (canonical column, file's column), trimmed; NULL where one is empty, or a word for none in a
        column that isn't free text."""
        kinds = INPUTS | {column.name: column.kind for column in TABLES[self.name]} | dict.fromkeys(rules.IDS, "id")
        conditions = {}
        for target, source in cells:
            kind = kinds.get(target, "text")
            if kind != "text" or target == "currency":
                renamed = {old.lower() for old in self.options.get("values", {}).get(target, {})}
                words = rules.NOTHING + (rules.NO_DATE if kind == "date" else ())
                listed = rules.listed(word for word in words if word not in renamed)
                conditions[target, source] = f"lower({filled(source)}) IN ({listed})"
        texts = {(target, source): filled(source) for target, source in cells}
        for (cell, condition), count in zip(conditions.items(), self.counts([*conditions.values()]), strict=True):
            if count:
                target, text = cell[0], texts[cell]
                word, *more = self.examples(condition, text)
                keep = phrase(
                    "If it is a name, keep it: values = {{ {column} = {{ {word} = {word} }} }}",
                    column=target,
                    word=inline(word),
                )
                what = phrase(
                    "{n:,} value(s) of {column} are a word for none and were read as empty", n=count, column=target
                )
                self.note("note", what, count, (word, *more), keep if kinds[target] == "id" else "")
                texts[cell] = f"(CASE WHEN {condition} THEN NULL ELSE {text} END)"
        return texts

    def ids(self, mapping: dict[str, str]) -> dict[str, str]:
        """The texts, those of ids as whole numbers without .0, and in small letters if the card says so."""
        targets = [target for target in rules.IDS if target in mapping]
        wholes = [f"regexp_matches({mapping[target]}, '^[0-9]+\\.0+$')" for target in targets]
        marked = [f"regexp_matches({mapping[target]}, '^[\\x27][0-9+]')" for target in targets]
        counts = self.counts([*wholes, *marked])
        found = zip(targets, wholes, marked, counts, counts[len(targets) :], strict=False)
        for target, whole, kept, points, marks in found:
            text = mapping[target]
            other = f"{text} IS NOT NULL AND NOT regexp_matches({text}, '^[0-9]+(\\.0+)?$')"
            if points and not self.count(other):
                what = phrase(
                    "{n:,} value(s) of {column} are whole numbers with a point, and were read without it",
                    n=points,
                    column=target,
                )
                self.note("note", what, points, self.examples(whole, text), "")
                mapping[target] = f"regexp_replace({text}, '\\.0+$', '')"
            if marks:
                what = phrase(
                    "{n:,} value(s) of {column} begin with the mark that keeps a number as a text in spreadsheets, "
                    "and were read without it",
                    n=marks,
                    column=target,
                )
                self.note("note", what, marks, self.examples(kept, text), "")
                mapping[target] = f"regexp_replace({mapping[target]}, '^[\\x27]([0-9+])', '\\1')"
            if self.options.get("ignore_case") and target != "order_id":
                text, mails = mapping[target], self.options["ignore_case"] == "e-mails"
                small = f"CASE WHEN contains({text}, '@') THEN lower({text}) ELSE {text} END"
                mapping[target] = f"({small})" if mails else f"lower({text})"
        return mapping

    def scores(self, mapping: dict[str, str]) -> dict[str, str]:
        """The texts, those of scores as their numbers where these stand beside words: “10 - Extremely likely”."""
        if text := mapping.get("score"):
            number = answers.without_words(text)
            if count := self.count(f"{number} <> {text}"):
                what = phrase(
                    "{n:,} value(s) of {column} are a number with words, and were read as the number",
                    n=count,
                    column="score",
                )
                self.note("note", what, count, self.examples(f"{number} <> {text}", text), "")
                mapping["score"] = number
        return mapping

    def known(self, source: str) -> str:
        """The file's column of that name. DataError lists the file's columns."""
        found = self.find(source)
        if found is None:
            there = phrase("The file has: {columns}.", columns=", ".join(self.raw.columns))
            mend = phrase("Correct [{table}] in the card.", table=self.name)
            raise DataError(f"{self.no_column(source)} {there}", mend)
        return found

    def no_column(self, name: str) -> str:
        """Words for a column that isn't in the file."""
        return phrase("There is no column {name!r}.", name=name) + nearest(name, self.raw.columns)

    def expression(self, column: Column, text: str) -> str:
        """SQL that casts a text to the column's kind; NULL when it can't be read."""
        if column.kind == "date":
            shape = dates.DateShape(self.connection, self.raw.table, column.name, text)
            zone = self.options.get("zone", "")
            sql, join, remarks = shape.sql(self.options.get("date_format"), self.timezone, zone)
            self.joins[shape.read] = join
        elif column.kind == "number":
            sql, remarks = self.readings[column.name].sql, list(self.readings[column.name].remarks)
        else:
            return text
        for remark in remarks:
            self.note("note", remark.what, remark.count, (), remark.mend)
        return sql

    def amount(self, cast: dict[str, str], mapping: dict[str, str], left_out: str = "") -> None:
        """amount = what the card maps to it, or quantity × unit_price; less what was refunded.

        left_out: SQL of the rows that the card leaves out; what currency those are in doesn't matter.
        """
        if "unit_price" in cast:
            if mapping["amount"] == mapping["unit_price"]:
                cast["amount"] = f"{cast['quantity']} * {cast['unit_price']}"
            cast.pop("unit_price")
        if "refunded" in cast:
            cast["amount"] = f"{cast['amount']} - coalesce({cast.pop('refunded')}, 0)"
        said = Counter(self.readings["amount"].currencies)
        if len(said) > 1 and left_out:
            used = {"amount": f"(CASE WHEN NOT ({left_out}) THEN {mapping['amount']} END)"}
            marks = self.options.get("decimal"), self.options.get("thousands")
            said = Counter(casting.read_numbers(self.connection, self.raw.table, used, *marks)["amount"].currencies)
        if "currency" in cast:
            said.update(self.currencies(cast.pop("currency"), left_out or "false"))
        if said:
            self.one_currency(said, self.columns_in(mapping.get("currency", "")))

    def currencies(self, text: str, left_out: str) -> Counter[tuple[str, ...]]:
        """The codes that each word of a column of currencies can stand for → in how many rows that aren't left out."""
        used = f"{text} IS NOT NULL AND NOT ({left_out})"
        found = self.rows(f"SELECT {text}, count(*) FROM {self.raw.table} WHERE {used} GROUP BY 1 ORDER BY 1")
        odd = [word for word, _ in found if not casting.currency(word)]
        if odd:
            renames = ", ".join(f'{inline(word)} = "EUR"' for word in odd[:MOST_VALUES])
            raise DataError(
                phrase("currency: {these} is no currency that is known.", these=", ".join(map(repr, odd[:3]))),
                phrase("Say which it is: values = {{ currency = {{ {renames} }} }}, say.", renames=renames),
            )
        said: Counter[tuple[str, ...]] = Counter()
        for word, count in found:
            said[casting.currency(word)] += count
        return said

    def one_currency(self, said: Counter[tuple[str, ...]], columns: list[str]) -> None:
        """The one currency that all signs, codes and the card can mean. DataError when there is none."""
        shared = [code for code in next(iter(said)) if all(code in codes for codes in said)]
        if not shared:
            ((most, _),) = said.most_common(1)
            raise DataError(
                phrase(
                    "The amounts are in {n} currencies: {these}.",
                    n=len(said),
                    these=", ".join(sorted(codes[0] for codes in said)),
                ),
                phrase(
                    "Convert them to one currency, or make one file for each{keep:, or keep one: keep = {keep}|}.",
                    keep="".join(f"{{ {inline(column)} = {inline([most[0]])} }}" for column in columns[:1]),
                ),
            )
        if self.currency is None:
            self.currency = shared[0]
            count = sum(said.values())
            what = phrase(
                "amounts are in {currency}, as {n:,} row(s) of the file say"
                "{others:; the sign could also mean {others}|}",
                currency=shared[0],
                n=count,
                others=", ".join(shared[1:]),
            )
            mend = phrase('State it in the card: currency = "{currency}".', currency=shared[0])
            self.note("warning" if shared[1:] else "note", what, count, (), mend)
        elif self.currency.upper() not in shared:
            raise DataError(
                phrase(
                    "The card says that amounts are in {stated}, the file says {found}.",
                    stated=self.currency,
                    found=shared[0],
                ),
                phrase(
                    'Write currency = "{currency}" in the card, or on the command line --currency {currency}.',
                    currency=shared[0],
                ),
            )

    def currency_of_costs(self, cast: dict[str, str], text: str) -> None:
        """Raise DataError for costs in another currency than the amounts: by their signs, a column, or their name."""
        said = Counter(self.readings["cost"].currencies)
        names = [code for column in self.columns_in(text) for code in re.findall(r"\(([A-Z]{3})\)", column)]
        column = cast.pop("currency", None)
        if codes := [casting.currency(code) for code in names if casting.currency(code)]:
            said.update(dict.fromkeys(codes, self.raw.rows))
        elif column:
            said.update(self.currencies(column, "false"))
        others = sorted({codes[0] for codes in said if self.currency and self.currency.upper() not in codes})
        if others:
            raise DataError(
                phrase(
                    "The costs are in {these}, the amounts in {currency}.",
                    these=", ".join(others),
                    currency=self.currency,
                ),
                phrase(
                    "Convert the costs to {currency}: what was spent is set against what was earned.",
                    currency=self.currency,
                ),
            )

    def consent(self, cast: dict[str, str], text: str) -> None:
        """Consent is yes or no: what is not said, or said in a word that is not known, is no."""
        cast["consent"] = f"CASE WHEN lower({text}) IN ({rules.listed(rules.YES)}) THEN 'yes' ELSE 'no' END"
        unknown = f"{text} IS NULL OR lower({text}) NOT IN ({rules.listed(rules.YES + rules.NO)})"
        count = self.count(unknown)
        if count:
            what = phrase("{n:,} customer(s) whose consent is unknown are treated as having refused", n=count)
            mend = phrase("Words that are known: {yes}; {no}.", yes=", ".join(rules.YES), no=", ".join(rules.NO))
            self.note("note", what, count, self.examples(f"({unknown}) AND {text} IS NOT NULL", text), mend)

    def extra_attributes(self, cast: dict[str, str], mapping: dict[str, str], columns: dict[str, Column]) -> None:
        """Customers keep every other column of their file, as text: any attribute can be a criterion."""
        if self.name == "customers":
            used = self.columns_in(" ".join(mapping.values()))
            free = [one for one in self.raw.columns if one not in used and one.lower() not in columns]
            named = people.naming(self.connection, self.raw, free)
            cast |= {source: filled(source) for source in free if source not in named}
            if named:
                what = phrase(
                    "{n} column(s) say who somebody is, and were left out: {these}",
                    n=len(named),
                    these=said_together(
                        phrase("{column} (by {by})", column=column, by=by) for column, by in named.items()
                    ),
                )
                self.note(
                    "note", what, len(named), (), 'To keep one, map it in [customers]: columns = { its_name = "…" }.'
                )
