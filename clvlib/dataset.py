"""A dataset card (TOML) or a name → `Dataset`: lazy tables, economics, currency, as-of date, and the ledger."""

import sys
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, fields, replace
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

import ibis
import numpy as np
import pandas as pd

from clvlib import aggregate
from clvlib.aggregate import acquisition, purchases, totals
from clvlib.errors import CannotAnswer, DataError, MissingTable, Problem, Rows, UsageError
from clvlib.files import keep_for_run, once
from clvlib.ingest import ask, forgotten, groups, in_place, options, people, reading, rules, subscribers
from clvlib.ingest.card import (
    FORGOTTEN,
    TO_CONFIRM,
    day_of,
    find_card,
    language_of,
    read_card,
    to_confirm,
    wrong_entries,
)
from clvlib.ingest.tables import LOOKUPS, TABLES
from clvlib.language import ENGLISH, leave, message, messages, phrase, said_together, speak, spoken, translated
from clvlib.stats import DAYS_PER_MONTH

if TYPE_CHECKING:
    from clvlib.models import streamed

_COUNTED = message("purchases")  # the unit where there are no amounts

MARGINS_ALIKE = 0.01  # of revenue: the card's margin and that of the lines' own costs are the same, rounded

MEANINGS = message(
    {
        "margin": "contribution margin: the share of revenue that is left after the cost of the goods",
        "annual_discount_rate": "the yearly rate at which money counts less the later it comes",
        "horizon_months": "how many months ahead value is counted",
        "retention_cost_per_year": "money that it costs to keep one customer for a year",
        "service_cost_per_order": "money that it costs to serve one order",
        "acquisition_cost": "money that it costs to win one customer; unknown if empty",
        "contact_cost": "money that it costs to contact one customer in a campaign",
        "save_rate": "share of those who would buy nothing in the next window whom a contact makes buy",
        "margin_per_period": "money that is left of one period that a subscriber pays",
        "subscriptions.period": "how long one period of the subscriptions is",
        "subscriptions.left": "who is in that table: ever (all who ever subscribed) or last (those of the last period)",
        "currency": "what the amounts are counted in",
        "as_of": "last day of observation",
    }
)

MOST_MONTHS = 1200  # of a horizon


@dataclass(frozen=True)
class Economics:
    """What a client's purchases are worth. Money is in the dataset's currency; rates are shares of 1."""

    margin: float = 0.30
    annual_discount_rate: float = 0.10
    horizon_months: int = 12
    retention_cost_per_year: float = 0.0
    service_cost_per_order: float = 0.0
    acquisition_cost: float | None = None
    contact_cost: float = 1.0
    save_rate: float = 0.10
    margin_per_period: float | None = None

    def __post_init__(self) -> None:
        problems = []
        for entry in fields(self):
            value = getattr(self, entry.name)
            if value is None and entry.name in {"acquisition_cost", "margin_per_period"}:
                continue
            if isinstance(value, bool) or not isinstance(value, int | float):
                problems.append(phrase("{entry} = {value!r} is not a number", entry=entry.name, value=value))
            elif not 0 <= value < float("inf"):
                problems.append(phrase("{entry} = {value!r} must be 0 or more", entry=entry.name, value=value))
            elif entry.name in {"margin", "save_rate"} and value > 1:
                problems.append(phrase("{entry} = {value!r} is a share: at most 1", entry=entry.name, value=value))
        if (not problems and self.horizon_months != int(self.horizon_months)) or self.horizon_months == 0:
            what = phrase("horizon_months = {value!r} must be a whole number of months", value=self.horizon_months)
            problems.append(what)
        if not problems and self.horizon_months > MOST_MONTHS:
            problems.append(phrase("horizon_months is more than {n:,}, a hundred years", n=MOST_MONTHS))
        if problems:
            these = said_together(problems)
            what = phrase("{n} value(s) of [economics] can't be used: {these}", n=len(problems), these=these)
            raise DataError(what, "Correct them in the dataset card.")

    @property
    def horizon_days(self) -> int:
        """How far ahead value is counted, in days.

        >>> Economics(horizon_months=12).horizon_days, Economics(horizon_months=6).horizon_days
        (365, 183)
        """
        return round(self.horizon_months * DAYS_PER_MONTH)


@dataclass(frozen=True)
class Dataset:
    """One client's data, read once: canonical tables (lazy, in DuckDB or their engine) and what is assumed."""

    name: str
    currency: str
    locale: str
    starts: pd.Timestamp
    as_of: pd.Timestamp
    economics: Economics
    assumptions: pd.DataFrame
    ledger: pd.DataFrame
    problems: tuple[Problem, ...]
    tables: Mapping[str, ibis.Table]
    files: tuple[Path, ...]
    truths: Mapping[str, Path] = field(default_factory=dict)
    terms: subscribers.Terms | None = None  # of the subscriptions, where it has them
    in_file: Mapping[str, Any] = field(default_factory=dict)  # rows, customers, orders, revenue of its transactions
    language: str = ENGLISH  # in which everything is said of it
    counts: bool = False  # no amounts: each purchase counts 1, and what is called money is a number of purchases

    def __getstate__(self) -> dict[str, Any]:
        if self.in_engine:
            raise UsageError(phrase("The rows of {name} stay in their engine.", name=self.name), "Load its card again.")
        return vars(self) | {"tables": {name: table.to_pyarrow() for name, table in self.tables.items()}}

    def __setstate__(self, state: dict[str, Any]) -> None:
        backend = reading.database()
        tables = {name: backend.create_table(name, rows) for name, rows in state["tables"].items()}
        vars(self).update(state | {"tables": tables})

    def has(self, table: str) -> bool:
        """Whether the dataset has this canonical table."""
        return table in self.tables

    def table(self, table: str) -> ibis.Table:
        """A canonical table as an Ibis expression; MissingTable when the dataset doesn't have it."""
        if table == "transactions" and "totals" in self.tables:
            raise MissingTable(
                phrase(
                    "The dataset {name!r} has totals per customer, not the single purchases that this looks at.",
                    name=self.name,
                ),
                "Give the purchases, a row each.",
            )
        if table not in self.tables:
            columns = ", ".join(c.name for c in TABLES[table])
            raise MissingTable(
                phrase("The dataset {name!r} has no table {table!r}.", name=self.name, table=table),
                phrase(
                    "Add a [{table}] section with a path to the dataset card; its columns are: {columns}.",
                    table=table,
                    columns=columns,
                ),
                table,
            )
        return self.tables[table]

    @property
    def in_engine(self) -> bool:
        """Whether its transactions stayed where they were, in a database or Spark (`engine` on the card)."""
        return "transactions" in self.tables and self.tables["transactions"].get_backend().name != "duckdb"

    @property
    def assumed(self) -> pd.DataFrame:
        """The assumptions that nobody stated or confirmed for this business."""
        return self.assumptions[self.assumptions["origin"].astype(str).str.startswith(("default", TO_CONFIRM))]

    @property
    def transactions(self) -> ibis.Table:
        """The transactions, as an Ibis expression."""
        return self.table("transactions")

    def customers(self) -> pd.DataFrame:
        """The customers table as a pandas frame indexed by customer_id; MissingTable when there is none."""
        return self.table("customers").to_pandas().set_index("customer_id").sort_index()

    def truth(self, about: str) -> pd.DataFrame:
        """What is true of a simulated business: "customers" (indexed by customer_id) or "effects".

        Columns as in data/README.md. MissingTable for every other dataset: of a real business nobody knows it. So it
        is when another as-of date was asked for: the truth is that of the card's.
        """
        if about not in self.truths:
            raise MissingTable(
                phrase("The dataset {name!r} has no table of the truth.", name=self.name),
                "Only a simulated business, such as the demo shop, has one, and only on the last day of its card.",
            )
        table = pd.read_csv(self.truths[about], dtype={"customer_id": str})
        return table.set_index("customer_id") if "customer_id" in table else table

    def brought(self) -> pd.DataFrame:
        """`aggregate.brought` at this dataset's as-of date: what each customer has brought."""
        if self.has("totals"):
            return totals.brought_of_totals(totals.read_totals(self.table("totals")), self.economics.margin)
        return aggregate.brought(self.transactions, self.as_of, self.economics.margin)

    def speak(self) -> None:
        """Speak its language from now on; what the client calls a channel, a product, an attribute stays as it is."""
        speak(self.language)
        leave(self._called_alike(messages()) if messages() else ())

    def _called_alike(self, words: Collection[str]) -> set[str]:
        found: set[str] = set()
        asked = ibis.memtable(pd.DataFrame({"word": pd.Series([*words], dtype="str")}))
        for name, table in self.tables.items():
            own = set(table.columns) - {column.name for column in TABLES[name]}
            found |= {shown for column in own for shown in (column, column.replace("_", " ")) if shown in words}
            for column in (column for column, kind in table.schema().items() if kind.is_string()):
                alike = table.select(word=column).distinct().semi_join(asked, "word")
                found |= set(alike.to_pandas()["word"])
        return found

    @property
    def sells(self) -> bool:
        """Whether it tells of purchases, single ones or their totals: of who bought how often and for how much."""
        return self.has("transactions") or self.has("totals")

    def usual_amount(self) -> float:
        """The median size of the amounts that aren't 0 (currency); 1 without purchases."""
        if self.has("totals"):
            return float(totals.mean_amount(totals.read_totals(self.table("totals"))).abs().median())
        if not self.has("transactions"):
            return 1.0
        sizes = self.transactions.filter(lambda t: t["amount"] != 0)["amount"].abs()
        return float(sizes.approx_median().to_pandas())

    def cohorts(self, period: str = "M", by: str | pd.Series | None = None) -> pd.DataFrame:
        """`aggregate.cohorts` at this dataset's as-of date; `by` may also be a column of customers or transactions.

        >>> shop.cohorts("Q", by="acquisition_channel").columns.to_list()
        ['group', 'cohort', 'age', 'size', 'active', 'purchases', 'revenue', 'complete']
        """
        from clvlib.value import segments

        if isinstance(by, str):
            by = segments.attribute(self, by, self.rfm_summary().index).astype(str)
        return aggregate.cohorts(self.transactions, self.as_of, period, by)

    def segments(self) -> pd.DataFrame:
        """The scores (1 to 5) and the named segment of every customer, as `segments.rfm_scores` and `named_segments`.

        >>> sample.segments()["segment"].value_counts()[["Champions", "Lost"]].to_dict()
        {'Champions': 661, 'Lost': 317}
        """
        from clvlib.value import segments

        rfm = self.rfm_summary()
        scores = segments.rfm_scores(rfm)
        return scores.assign(segment=segments.named_segments(rfm, scores))

    def forecast(self) -> pd.DataFrame:
        """What every customer is expected to bring within the horizon: `scoring.score` of `outlook.foresee`.

        >>> sample.forecast().columns.to_list()[:4]
        ['p_purchase', 'expected_purchases', 'expected_spend', 'clv']
        """
        from clvlib.models import outlook, scoring

        return scoring.score(outlook.foresee(self), self.economics)

    def write_scores(self, target: str | Path) -> "streamed.Written":
        """Write what `forecast` gives as Parquet, in memory that stays: see `streamed.write_scores`.

        >>> sample.write_scores(tmp / "scores.parquet").total.customers
        2349
        """
        from clvlib.models import streamed

        return streamed.write_scores(self, Path(target))

    def sql(self, query: str) -> pd.DataFrame:
        """What a SELECT in DuckDB's SQL gives of the canonical tables, as they were known on the as-of date.

        Nothing else can be read, and nothing written: UsageError.

        >>> sample.sql("select count(distinct customer_id) as customers from transactions")
           customers
        0       2357
        """
        if self.in_engine:
            raise UsageError("The rows stay in their engine, which has an SQL of its own.", "Ask there.")
        return ask.select(self.tables, query, self.as_of)

    def save_group(self, customers: Iterable[str], name: str, folder: str | Path = "groups") -> Path:
        """Write these customers as a list and a card of their own, on which the notebooks can be run; that card's path.

        See `groups.save_group`, which says what can be wrong with the name.
        """
        told = {"margin": self.economics.margin, "acquisition_cost": self.economics.acquisition_cost}
        known = self.assumptions.set_index("name")["origin"].drop(self.assumed["name"])
        economics = {of: value for of, value in told.items() if of in known.index and value is not None}
        return groups.save_group(self.files[0], customers, name, Path(folder), as_of=self.as_of, economics=economics)

    def __repr__(self) -> str:
        told = self._told()
        width = max(17, *(len(name) + 1 for name, _ in told))
        return "\n".join(f"{name:{width}}{text}" for name, text in told)

    def _repr_html_(self) -> str:
        rows = (f"<tr><th>{escape(name)}</th><td>{escape(text)}</td></tr>" for name, text in self._told())
        return f'<table class="clv-dataset">{"".join(rows)}</table>'

    def _told(self) -> list[tuple[str, str]]:
        """What a person wants to know of it first, by name."""
        observed = phrase("{first:%Y-%m-%d} to {last:%Y-%m-%d}", first=self.starts, last=self.as_of)
        told = [(phrase("dataset"), self.name), (phrase("observed"), observed)]
        if self.sells:
            summary = self.rfm_summary()
            orders, revenue = int(summary["frequency"].sum()) + len(summary), float(summary["total_spend"].sum())
            money = phrase(
                "{large:{revenue:,.2f}|{revenue:.6g}} {currency}, less refunds",
                large=abs(revenue) >= 1,
                revenue=revenue,
                currency=translated(self.currency),
            )
            told += [
                (phrase("customers"), phrase("{n:,} who bought", n=len(summary))),
                (phrase("orders"), phrase("{n:,} (purchase days)", n=orders)),
                (phrase("revenue"), money),
            ]
        told += [(name, phrase("{n:,} rows", n=table.count().to_pandas())) for name, table in self.tables.items()]
        without = [name for name in TABLES if name not in self.tables]
        told_of = self.assumed.set_index("name")["value"]
        assumed = [
            phrase("{name} {known:= {value}|not known}", name=name, known=pd.notna(value), value=value)
            for name, value in told_of.items()
        ]
        told += [(phrase("without"), ", ".join(without))] if without else []
        return [*told, (phrase("assumed"), said_together(assumed) or phrase("nothing: the card states all"))]

    def at(self, day: pd.Timestamp) -> "Dataset":
        """The same business as it was known on an earlier day: purchases and bills until then, and the CAC they tell.

        What the card states stays, and so does a margin that the lines' own costs tell.

        >>> sample.at(pd.Timestamp("1997-12-31")).rfm_summary()["T"].max()
        np.float64(364.0)
        """
        earlier = replace(self, as_of=day, truths={})
        origins = self.assumptions.set_index("name")["origin"]
        if origins.get("acquisition_cost") not in acquisition.ORIGINS.values():
            return earlier
        return _with_cac(replace(earlier, economics=replace(self.economics, acquisition_cost=None)))[0]

    def rfm_summary(self, time_unit: str = "D") -> pd.DataFrame:
        """`aggregate.rfm_summary` at this dataset's as-of date; of totals, what they tell of it."""
        if self.has("totals"):
            return totals.summary_of_totals(
                totals.read_totals(self.table("totals")), self.as_of, aggregate.DAYS_PER_UNIT[time_unit]
            )
        return aggregate.rfm_summary(self.transactions, self.as_of, time_unit)


def load(name_or_path: str | Path, as_of: Any = None) -> Dataset:
    """Read a dataset by the name of a bundled card or by the path of a client's.

    `as_of` overrides the card's last day of observation. Raises UsageError for a name that doesn't exist, and
    DataError with every problem at once when the data can't be used.
    """
    path = find_card(name_or_path).absolute()
    found = once(lambda: _load(path, as_of), lambda: _depends(path, as_of), _rows)
    speak(found.language)
    return found


def keep_loaded(ds: Dataset, name_or_path: str | Path, folder: Path) -> None:
    """Keep a dataset that was loaded by that name or path for the notebooks of a run, whose `folder` it is.

    Meanwhile nobody asks the dataset itself, which leaves them its memory.
    """
    keep_for_run(folder, _depends(find_card(name_or_path).absolute(), None), ds, _rows(ds))
    if not ds.in_engine:
        reading.give_back(ibis.get_backend(next(iter(ds.tables.values()))))


def _depends(path: Path, as_of: Any) -> tuple[object, ...]:
    return "load", str(path), path.read_bytes(), str(as_of), spoken()


def _rows(ds: Dataset) -> int:
    return sys.maxsize if ds.in_engine else ds.in_file.get("rows", 0)


def _load(path: Path, as_of: Any) -> Dataset:
    card = read_card(path)
    dataset, problems = build(card, path, as_of, people.secret_of(card))
    errors = [problem for problem in problems if problem.grade == "error"]
    if dataset is None or errors:
        listed = "\n".join(f"  {i}. {problem}" for i, problem in enumerate(errors, 1))
        raise DataError(
            phrase(
                "{file}: {n} problem(s) keep this data from being used:\n{listed}",
                file=path.name,
                n=len(errors),
                listed=listed,
            )
        )
    return dataset


def build(
    card: dict[str, Any], path: Path, as_of: Any = None, secret: bytes | None = None
) -> tuple[Dataset | None, tuple[Problem, ...]]:
    """Read all that a card names. Returns the dataset (None when transactions can't be read) and every problem.

    A card may name subscriptions in place of transactions: then it must say the day for which they stand. With the
    `secret` of `people.key`, customers have pseudonyms in all that is returned. From here on the card's language is
    spoken.
    """
    speak(language_of(card))
    problems = wrong_entries(card)
    doubtful = to_confirm(card)
    given = _section(card, "economics")
    names = [entry.name for entry in fields(Economics)]
    economics, said = _economics(given, names)
    problems += said
    try:
        card = options.of_the_card(card)
    except DataError as error:
        problems.append(Problem("error", "transactions", error.what.rstrip("."), 1, (), error.mend))
        card = {entry: value for entry, value in card.items() if entry != "transactions"}
    sections = {table: card[table] for table in (*LOOKUPS, *TABLES) if table in card}
    if in_place.stays(card):
        read, cut = in_place.read_in_place(card, path.parent, secret is not None), in_place.known_in_place
    else:
        read = reading.read_tables(sections, path.parent, card.get("timezone"), card.get("currency"))
        cut = reading.known_by
    hidden = people.pseudonyms(secret, [*read.tables.values()]) if secret is not None and read.tables else None
    if isinstance(card.get(FORGOTTEN), str) and read.tables:
        try:
            forgotten.leave_out_forgotten(read, card[FORGOTTEN], path.parent, hidden)
        except DataError as error:
            problems.append(Problem("error", FORGOTTEN, error.what.rstrip("."), 1, (), error.mend))
            read.tables.clear()
    if isinstance(card.get(groups.ENTRY), str) and read.tables:
        try:
            groups.narrow(read, card[groups.ENTRY], path.parent, hidden)
        except DataError as error:
            problems.append(Problem("error", groups.ENTRY, error.what.rstrip("."), 1, (), error.mend))
    problems.extend(read.problems)
    truths = {about: path.parent / str(file) for about, file in _section(card, "truth").items()}
    problems += [
        Problem(
            "error",
            "card",
            phrase("truth.{about} names no file: {file}", about=about, file=file),
            1,
            (),
            "Correct the card.",
        )
        for about, file in truths.items()
        if not file.is_file()
    ]
    stated = as_of if as_of is not None else card.get("as_of")
    alone = not {"transactions", "totals"} & card.keys() and "subscriptions" in read.tables
    if "transactions" in read.tables:
        problems += _odd_dates(read.tables["transactions"])
        span = read.tables["transactions"].aggregate(first=lambda t: t["date"].min(), last=lambda t: t["date"].max())
        first, last = (pd.Timestamp(day).normalize() for day in span.to_pandas().iloc[0])
    elif "totals" in read.tables:
        first, last, said = totals.span(read.tables["totals"], None if stated is None else day_of(stated))
        problems += said + totals.remarks(totals.read_totals(read.tables["totals"]))
    elif alone and stated is not None:
        last = day_of(stated)
        first = min(subscribers.first_start(read.tables["subscriptions"]) or last, last)
    else:
        return None, (*_by_pseudonyms(problems, hidden, secret), *([_no_day()] if alone else ()))
    end = last if stated is None else day_of(stated)
    if end < first:
        raise UsageError(
            phrase(
                "The as-of date {day:%Y-%m-%d} is before the first transaction ({first:%Y-%m-%d}).",
                day=end,
                first=first,
            ),
            phrase("Choose a date from {first:%Y-%m-%d} to {last:%Y-%m-%d}.", first=first, last=last),
        )
    problems += cut(read, end, _bought)
    if hidden and (count := hidden.count()):
        problems = _by_pseudonyms(problems, hidden, secret)
        problems.append(people.named_by_pseudonyms(count))
        people.hide(read.tables.values(), hidden)
        purchases.drop_kept(read.tables)
    origins = dict.fromkeys(names, message("default")) | dict.fromkeys(given, message("card"))
    tables = dict(read.tables)
    if "transactions" in tables and not read.counts:
        economics, origins["margin"], said = _with_margin(economics, tables["transactions"], end, "margin" in given)
        problems += said
    stated_terms: dict[str, Any] = {}
    if "subscriptions" in tables and read.terms is not None:
        tables["subscriptions"], found = subscribers.as_known(tables["subscriptions"], end, read.terms.period)
        problems += found + _undated(tables["subscriptions"], end, as_of)
        price = subscribers.mean_price(subscribers.periods_counted(tables["subscriptions"]))
        if economics.margin_per_period is None and price is not None:
            economics = replace(economics, margin_per_period=round(price * economics.margin, 4))
            origin = translated(origins["margin"])
            origins["margin_per_period"] = phrase("mean price × margin (margin: {origin})", origin=origin)
        stated_terms["subscriptions.period"], origins["subscriptions.period"] = read.terms.period, "card"
        if "tenure" in tables["subscriptions"].columns:
            stated_terms["subscriptions.left"] = read.terms.left
            origins["subscriptions.left"] = "card" if read.terms.stated else "default"
    elif economics.margin_per_period is None:
        names.remove("margin_per_period")
    currency = card.get("currency") or read.currency or "EUR"
    origins["currency"] = "card" if "currency" in card else message("the file") if read.currency else "default"
    if read.counts:
        currency, origins["currency"], origins["margin"] = _COUNTED, message("no amounts"), "no amounts"
        economics = replace(economics, margin=1.0, service_cost_per_order=0.0, retention_cost_per_year=0.0)
        problems.append(_without_amounts([name for name in ("currency", *given) if name in card or name in names]))
    origins["as_of"] = "card" if as_of is None else message("asked for")
    if stated is None:
        origins["as_of"] = message("default: the last day with data")
    dataset = Dataset(
        name=str(card.get("name", path.stem)),
        currency=str(currency),
        locale=str(card.get("locale", "en_US")),
        language=language_of(card),
        starts=first,
        as_of=end,
        economics=economics,
        assumptions=pd.DataFrame(),
        ledger=read.ledger,
        problems=tuple(problems),
        tables=tables,
        files=(path, *read.files, *truths.values()),
        truths=truths if as_of is None or end == day_of(card.get("as_of", last)) else {},
        terms=read.terms,
        in_file=read.in_file,
        counts=read.counts,
    )
    if economics.acquisition_cost is None and not read.counts:
        dataset, origins["acquisition_cost"] = _with_cac(dataset)
    values = {name: getattr(dataset.economics, name) for name in names} | stated_terms
    values |= {"currency": dataset.currency, "as_of": f"{end:%Y-%m-%d}"}
    origins |= {name: TO_CONFIRM for name in origins if origins[name] == "card" and name in doubtful}
    rows = [(name, value, origins[name], MEANINGS[name]) for name, value in values.items()]
    rows += [
        (entry, value, TO_CONFIRM, message("which column of the file, or how it is written"))
        for entry, value in doubtful.items()
        if entry not in values
    ]
    table = pd.DataFrame(rows, columns=["name", "value", "origin", "meaning"]).astype({"value": object})
    return replace(dataset, assumptions=table), tuple(problems)


def _section(card: dict[str, Any], name: str) -> dict[str, Any]:
    """The section of that name; empty where it is none, which `wrong_entries` says."""
    found = card.get(name)
    return found if isinstance(found, dict) else {}


def _economics(given: dict[str, Any], names: list[str]) -> tuple[Economics, list[Problem]]:
    """The economics that a card states, the defaults where they can't be used, and what is wrong with them."""
    known = phrase("Known: {names}.", names=", ".join(names))
    problems = [
        Problem("error", "card", phrase("unknown economics {entry!r}", entry=entry), 1, (), known)
        for entry in given
        if entry not in names
    ]
    try:
        return Economics(**{name: value for name, value in given.items() if name in names}), problems
    except DataError as error:
        return Economics(), [*problems, Problem("error", "card", error.what, 1, (), error.mend)]


def _bought(tables: Mapping[str, ibis.Table], end: pd.Timestamp) -> tuple[pd.DataFrame, tuple[int, int, int]]:
    """The largest order, day and customer of the purchases, or totals, known by `end`, and how many bought."""
    if "transactions" in tables:
        with purchases.by_order(tables["transactions"], end).cache() as orders:
            return purchases.largest(orders), purchases.buyers(orders)
    known = totals.read_totals(tables["totals"])
    return totals.largest_of_totals(known), totals.buyers_of_totals(known, end)


def _with_margin(
    economics: Economics, transactions: ibis.Table, end: pd.Timestamp, stated: bool
) -> tuple[Economics, str, list[Problem]]:
    """The economics with the margin that lines' own costs leave, unless the card states one, and where it comes from.

    Also says when the card's margin is another than theirs, or theirs is none that could be used.
    """
    margin, share = purchases.margin_by_costs(transactions, end)
    origin = "card" if stated else "default"
    if np.isnan(margin):
        return economics, origin, []
    if not stated and 0 <= margin <= 1:
        origin = phrase("costs of the lines ({share:.1%} of the revenue)", share=share)
        return replace(economics, margin=round(margin, 4)), origin, []
    if stated and abs(margin - economics.margin) < MARGINS_ALIKE:
        return economics, origin, []
    what = phrase(
        "the lines that say their cost ({share:.1%} of the revenue) leave {left:.1%} of it; the margin of the "
        "{stated:card|default}, {margin:.1%}, is used for money to come",
        share=share,
        left=margin,
        stated=stated,
        margin=economics.margin,
    )
    problem = Problem("warning", "transactions", what, 1, (), "Check the costs, or correct margin under [economics].")
    return economics, origin, [problem]


def _with_cac(dataset: Dataset) -> tuple[Dataset, str]:
    """The dataset with the cost to acquire that its own tables tell, if they do, and where it comes from."""
    try:
        found = acquisition.ledger(dataset)
        economics = replace(dataset.economics, acquisition_cost=round(found.cac, 4))
    except CannotAnswer:
        return dataset, "default"
    return replace(dataset, economics=economics), acquisition.ORIGINS[found.source]


def _by_pseudonyms(problems: list[Problem], hidden: people.Pseudonyms | None, secret: bytes | None) -> list[Problem]:
    """The problems with pseudonyms for the customers among their examples, those without a usable row too."""
    if hidden is None or secret is None:
        return problems
    shown = hidden.of({text for one in problems for text in one.examples})
    return [
        replace(
            one,
            examples=tuple(
                people.pseudonym(secret, text) if translated(rules.FURTHER_ROW) in one.what else shown.get(text, text)
                for text in one.examples
            ),
        )
        for one in problems
    ]


def _no_day() -> Problem:
    """What is lacking where subscriptions stand alone."""
    what = phrase("without transactions nothing tells the day for which the subscriptions stand")
    return Problem("error", "card", what, 1, (), "Add as_of = 2026-10-31, say, to the card.")


def _undated(subscriptions: ibis.Table, end: pd.Timestamp, asked: Any) -> list[Problem]:
    """Without a `started_on` nothing tells how the subscriptions stood on an earlier day."""
    if asked is None or "started_on" in subscriptions.columns:
        return []
    what = phrase(
        "without a column started_on, they are taken as the file has them, not as they stood on {day:%Y-%m-%d}", day=end
    )
    return [Problem("warning", "subscriptions", what, 1, (), "Map started_on, or give the file of that day.")]


def _without_amounts(stated: list[str]) -> Problem:
    """What it means that a purchase counts 1, and which costs of the card can't be set against it."""
    what = phrase("there are no amounts: each purchase counts 1, and what is called money is a number of purchases")
    unused = sorted(set(stated) - {"annual_discount_rate", "horizon_months"})
    mend = phrase(
        "Margin is 100%, and nothing is said of money.{unused: Of the card, {unused} can't be used.|}",
        unused=", ".join(unused),
    )
    return Problem("warning", "transactions", what, 1, (), mend)


def _odd_dates(transactions: ibis.Table) -> list[Problem]:
    old = int(transactions.filter(transactions["date"] < ibis.date(1970, 1, 1)).count().to_pandas())
    what = phrase("{n:,} row(s) are dated before 1970", n=old)
    mend = phrase("If they are placeholders, correct the file: they make customers look older than they are.")
    return [Problem("warning", "transactions", what, Rows(old), (), mend)] if old else []
