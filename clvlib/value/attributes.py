"""What is known of customers, a column → groups that a report may show, or why it can't part customers into groups."""

import math
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from clvlib import aggregate
from clvlib.language import Template, message, phrase
from clvlib.stats import LEAST
from clvlib.value.segments import OTHER, as_numbers, criterion, filled_in

if TYPE_CHECKING:
    from clvlib.dataset import Dataset

_OURS = ("customer_id", "acquired_on", "acquisition_cost", "consent", "consent_on", "referred_by")
DATES = message("dates")
ONE_VALUE = message("empty, or the same of everybody")
IDENTIFIES = message("nearly one value per customer, or a name or an address of a person")
_MOST_GROUPS = 10
_MOST_LETTERS = 60
_NEARLY, _OFTEN = 0.9, 0.5  # values per customer: of short numbers (age); of texts and long numbers (phone)
_LONG = 10_000
_PERSONAL = re.compile(  # letters of a column's name that tell of a person: names, mail, phone, address, account
    r"(?:e?mail|phone|telefon|telephone|telefono|mobile?|handy|portable|adress|address|adresse|direccion|indirizzo|street"
    r"|strasse|straße|iban|birth|geburt|naissance|prenom|prénom|vorname|nachname|familienname|apellido|cognome|voornaam)"
    r"|^(?:first|last|full|sur|given|family|customer|client|kunden|contact|user|member)?name$|^nom(?:bre|e)?$|^nom(?:client"
    r"|complet|defamille)$|^naam$"
)
_MONTH = r"(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*\.?"
_DAY = re.compile(
    r"(?:\d{4}[-/.]\d{1,2}[-/.]\d{1,2}|\d{1,2}[-/.]\d{1,2}[-/.](?:\d{4}|\d{2})"  # 2024-05-31, 31.05.2024
    r"|\d{4}[-/](?:0?[1-9]|1[0-2])|(?:0?[1-9]|1[0-2])/\d{4}"  # 2024-05, 05/2024
    r"|(?:19|20)\d\d(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])"  # 20240531
    rf"|(?:[a-z]+,? )?(?:\d{{1,2}}[ /-]{_MONTH}|{_MONTH} \d{{1,2}})[ ,/-]+\d{{2,4}})"  # 31 May 2024, May 31, 2024
    r"(?:[T ]+\d{1,2}:\d{2}.*)?",
    re.ASCII | re.IGNORECASE | re.DOTALL,
)


@dataclass(frozen=True)
class Attribute:
    """What customers can be grouped by: its name, its column, the group of each customer, or why there is none.

    >>> [(each.name, each.why_not) for each in known_attributes(sample, taken=[])]
    [('first basket', '')]
    """

    name: str
    column: str
    groups: pd.Series
    why_not: str = ""


def known_attributes(ds: "Dataset", taken: Iterable[str]) -> Iterator[Attribute]:
    """What and how much was bought first, and the columns of the customers, by names that aren't `taken`.

    >>> [each.name for each in known_attributes(shop, taken=[])][:3]
    ['first product', 'first basket', 'acquisition channel']
    """
    everybody = ds.rfm_summary().index
    used = set(taken)
    for column, values, bought in _columns(ds):
        name = short(column.replace("_", " "))
        while name in used:
            name = phrase("{name} (other)", name=name)
        used.add(name)
        values = values.reindex(everybody)
        why = "" if bought else why_no_groups(column, values)
        yield Attribute(name, column, values.iloc[:0] if why else groups_of(values, everybody), why)


def _columns(ds: "Dataset") -> Iterator[tuple[str, pd.Series, bool]]:
    """Name of each attribute, what is known of it by customer, and whether by what was bought."""
    first = aggregate.first_purchases(ds.transactions, ds.as_of, 0)
    if "first_category" in first:
        yield message("first product"), first["first_category"], True
    if not ds.counts:
        yield message("first basket"), aggregate.first_spend(ds.transactions, ds.as_of), True
    people = ds.customers() if ds.has("customers") else pd.DataFrame()
    yield from ((str(column), people[column], False) for column in people.columns if column not in _OURS)


def why_no_groups(name: str, values: pd.Series) -> str:
    """Say why an attribute may not part customers into groups; "" where it may.

    name: of its column. values: what is known of each customer, numbers or text. What points at a person may not:
    names, e-mail addresses, numbers of which nearly every customer has an own one. Dates and one value are no groups.

    >>> [why_no_groups("x", pd.Series(found)) for found in (["a", "b"], ["", "b"], ["2024-01-31", "2024-02-01"])]
    ['', 'empty, or the same of everybody', 'dates']
    """
    if _PERSONAL.search(re.sub(r"[\W_\d]", "", name).casefold()):
        return IDENTIFIES
    if pd.api.types.is_datetime64_any_dtype(values):
        return DATES
    found = filled_in(values)
    counts = found.value_counts()
    if len(counts) < 2:
        return ONE_VALUE
    if counts[[bool(_DAY.fullmatch(text)) for text in counts.index]].sum() > len(found) / 2:
        return DATES
    if counts[["@" in text for text in counts.index]].sum() > len(found) / 2 or _points_at_persons(counts):
        return IDENTIFIES
    return ""


def _points_at_persons(counts: pd.Series) -> bool:
    """Whether nearly every customer has an own value, apart from the commonest, which may stand for none."""
    if len(counts) <= _MOST_GROUPS:
        return False
    numbers, most = as_numbers(counts.index.to_series()), _OFTEN
    if pd.api.types.is_numeric_dtype(numbers):
        if (numbers != numbers.round()).any():
            return False  # measured, as money is
        most = _OFTEN if numbers.abs().median() >= _LONG else _NEARLY
    return bool(len(counts) - 1 > most * counts.iloc[1:].sum())


def groups_of(values: pd.Series, customers: pd.Index) -> pd.Series:
    """Group `customers` by an attribute: numbers in four bands, texts as `criterion` does, the commonest values.

    Bands part customers at quarters, moved to round numbers, so that no name tells what one customer has. Of a text,
    the 10 commonest values, of at least 5 customers each, have a group of their own; that of the others says how many
    they are. Texts that begin with a number stand in its order, others by how common they are. Names of groups are at
    most 60 letters long.

    >>> towns = pd.Series(["Lyon"] * 6 + ["Paris"] * 5 + [f"village {i}" for i in range(9)])
    >>> groups_of(towns, towns.index).value_counts().to_dict()
    {'all others (9 values)': 9, 'Lyon': 6, 'Paris': 5}
    """
    known = as_numbers(filled_in(values).reindex(customers))
    counts = known.value_counts()
    if len(counts) > _MOST_GROUPS and pd.api.types.is_numeric_dtype(known):
        bands = _bands(known.dropna())
        groups = criterion(bands.astype(str), customers)
        rest = [group for group in groups.cat.categories if group not in bands.cat.categories]
        return groups.cat.reorder_categories([*bands.cat.categories, *rest])
    groups = criterion(known, customers, most=min(_MOST_GROUPS, int((counts >= LEAST).sum())))
    kept = [group for group in groups.cat.categories if group in counts.index]
    starts = [re.match(r"\d+", text, re.ASCII) for text in kept]
    if all(starts):
        order = {text: int(start[0][:_MOST_LETTERS]) for text, start in zip(kept, starts, strict=True) if start}
        rest = [group for group in groups.cat.categories if group not in order]
        groups = groups.cat.reorder_categories([*sorted(kept, key=lambda text: (order[text], text)), *rest])
    names: dict[str, str] = {}
    for group in groups.cat.categories:
        name = short(group) if group != OTHER else phrase("all others ({n} values)", n=len(counts) - len(kept))
        while name in names.values():
            name = phrase("{name} (other)", name=name)
        names[group] = name
    return groups.cat.rename_categories(names)


def _bands(numbers: pd.Series) -> pd.Series:
    """Cut numbers near their quarters; near those of their distinct values where most customers have the same."""
    found, whole = numbers.astype(float), pd.api.types.is_integer_dtype(numbers)
    for of in (found, found.drop_duplicates()):
        quarters = of.quantile([0.25, 0.5, 0.75])
        spread = (quarters.iloc[-1] - quarters.iloc[0]) or (found.max() - found.min())
        digits = -math.floor(math.log10(spread / 5))
        digits = min(digits, 0) if whole else digits
        cuts = sorted({round(float(quarter), digits) + 0.0 for quarter in quarters})
        place = np.searchsorted(cuts, found, side="right")
        if len(set(place)) > 1:
            break
    written = [Template().format_value(cut, f".{max(digits, 0)}f") for cut in cuts]
    names = [phrase("under {cut}", cut=written[0])]
    for low, high, cut in zip(written, written[1:], cuts[1:], strict=False):
        last = f"{cut - 1:.0f}" if whole else ""
        more = phrase("{low} to {last:{last}|under {high}}", low=low, last=last, high=high)
        names.append(low if last == low else more)
    names.append(phrase("{cut} and more", cut=written[-1]))
    parts = pd.Categorical(np.array(names)[place], categories=names, ordered=True).remove_unused_categories()
    return pd.Series(parts, index=numbers.index)


def short(text: str) -> str:
    """A text in one line, cut where it is longer than 60 letters.

    >>> short("Lyon"), len(short("x" * 99))
    ('Lyon', 60)
    """
    line = " ".join(text.split())
    return line if len(line) <= _MOST_LETTERS else line[: _MOST_LETTERS - 1] + "…"
