"""Numbers and dates as the reader's country writes them: values in, short texts out."""

import copy
import math
import numbers
import re
from collections.abc import Callable, Sequence
from decimal import Decimal, localcontext
from typing import Any

import numpy as np
import pandas as pd
from babel import Locale, UnknownLocaleError
from babel.lists import format_list
from babel.numbers import NumberPattern, format_compact_currency, format_compact_decimal
from babel.units import format_unit

from clvlib.errors import UsageError
from clvlib.language import ENGLISH, phrase, spoken, translated, word, written_day

_NOTHING = "–"
_LARGE_MONEY = 1_000_000
_SMALL = 0.01
_MONTHS = {str(name): month for month, name in Locale.parse(ENGLISH).months["format"]["abbreviated"].items()}
_LONGEST = 400  # digits: a float has up to 308 before the point


class _Reader:
    """Whom the texts are written for; one reader per kernel, chosen by ``show.start``."""

    locale = Locale.parse("en_US")
    currency = "USD"
    usual = 1.0


def write_for(locale: str, currency: str, usual: float = 1.0) -> None:
    """Choose the country's conventions (as in ``en_US``, ``fr_FR``) and the currency (ISO code) of every text.

    ``usual`` is the size of an amount of this dataset: where it is below a hundredth, as of some coins, small amounts
    are written with the digits that tell them apart.
    A country of another language than the one spoken gives way to that language's, unless that is English, which is
    written as the country does. Raises UsageError when the locale is not known.
    """
    try:
        country = Locale.parse(locale.replace("-", "_"))
        _Reader.locale = country if spoken() in (ENGLISH, country.language) else Locale.parse(spoken())
    except (UnknownLocaleError, ValueError):
        raise UsageError(
            phrase("The locale {locale!r} is not known.", locale=locale),
            mend="Write it as language_COUNTRY, for instance en_US or fr_FR.",
        ) from None
    _Reader.currency, _Reader.usual = currency, usual


def is_missing(value: Any) -> bool:
    """Tell whether a single value is None, NaN or NaT."""
    return value is None or value is pd.NaT or value is pd.NA or (isinstance(value, numbers.Real) and math.isnan(value))


def _write(pattern: NumberPattern, value: float, least: int, most: int, **keywords: Any) -> str:
    if is_missing(value):
        return _NOTHING
    if math.isinf(value):
        return "∞" if value > 0 else "-∞"
    pattern = copy.copy(pattern)
    pattern.frac_prec = (least, most)
    scale = most + 2 if pattern.scale else most
    rounded = round(float(value), scale) + 0.0  # + 0.0: no “-0.00”
    with localcontext(prec=_LONGEST):
        return pattern.apply(Decimal(repr(rounded)), _Reader.locale, **keywords)


def _currency(value: float, least: int, most: int) -> str:
    if _Reader.currency not in _Reader.locale.currencies:  # a unit without a sign, as BTC
        return f"{_write(_Reader.locale.decimal_formats[None], value, least, most)}\u00a0{_Reader.currency}"
    pattern = _Reader.locale.currency_formats["standard"]
    return _write(pattern, value, least, most, currency=_Reader.currency, currency_digits=False)


def _compact(value: float, digits: int) -> str:
    with localcontext(prec=_LONGEST):
        if _Reader.currency not in _Reader.locale.currencies:
            short = format_compact_decimal(value, locale=_Reader.locale, fraction_digits=digits)
            return f"{short}\u00a0{_Reader.currency}"
        return format_compact_currency(value, _Reader.currency, locale=_Reader.locale, fraction_digits=digits)


def money(value: float) -> str:
    """Write an amount in the dataset's currency: cents below 100, whole units above, millions shortened."""
    if is_missing(value) or math.isinf(value):
        return _currency(value, 0, 0)
    if abs(value) >= _LARGE_MONEY:
        return _compact(value, 2)
    digits = 2 if abs(value) < 100 else 0
    return _currency(value, digits, max(digits, _digits_of_small(value, _Reader.usual)))


def _digits_of_small(size: float, usual: float) -> int:
    """The decimals that show three digits of an amount below a hundredth (0.00005) where such are usual, else 0."""
    small = 0 < usual < _SMALL and usual / 1e6 < abs(size) < _SMALL  # less is what adding up leaves
    return 2 - math.floor(math.log10(abs(size))) if small else 0


def percent(value: float) -> str:
    """Write a share (0.234) as a percentage (23.4%), with at most one decimal, two below one percent."""
    small = not is_missing(value) and 0 < abs(value) < 0.01
    return _write(_Reader.locale.percent_formats[None], value, 0, 2 if small else 1)


def whole_percent(value: float) -> str:
    """Write a share without decimals, where there is little room."""
    return _write(_Reader.locale.percent_formats[None], value, 0, 0)


def count(value: float) -> str:
    """Write a number of things without decimals."""
    return number(value, digits=0)


def number(value: float, digits: int = 2) -> str:
    """Write a number with a fixed number of decimals."""
    return _write(_Reader.locale.decimal_formats[None], value, digits, digits)


def significant(value: float, digits: int) -> str:
    """Write a number with so many significant digits at most, its thousands not set apart."""
    text = f"{value:.{digits}g}"
    if "e" in text:
        text = f"{float(text):g}" if abs(value) < 1e-4 else f"{float(text):.0f}"
    return text.replace(".", _Reader.locale.number_symbols["latn"]["decimal"])


def date(value: Any) -> str:
    """Write the day of a date or timestamp."""
    if is_missing(value):
        return _NOTHING
    return written_day(pd.Timestamp(value).date(), _Reader.locale)


def with_months(text: str) -> str:
    """A text with its English names of months, as Jan, in the language spoken."""
    if spoken() == ENGLISH:
        return text
    there = Locale.parse(spoken()).months["format"]["abbreviated"]
    return re.sub("|".join(_MONTHS), lambda found: str(there[_MONTHS[found[0]]]), text)


def from_to(*days: Any) -> str:
    """Write a day, or from which to which; nothing without any."""
    written = [date(day) for day in days]
    return phrase("{first} to {last}", first=written[0], last=written[-1]) if len(days) > 1 else "".join(written)


def days(value: float) -> str:
    """Write a number of days with its unit; one decimal below ten."""
    if is_missing(value) or math.isinf(value):
        return number(value)
    rounded = round(float(value), 1 if abs(value) < 10 else 0)
    return format_unit(
        Decimal(f"{rounded:g}" if rounded < 1e6 else f"{rounded:.0f}"), "duration-day", locale=_Reader.locale
    )


def months(value: float) -> str:
    """Write a number of months with its unit."""
    return format_unit(value, "duration-month", locale=_Reader.locale)


def text(value: Any) -> str:
    """Write anything else: dates as dates, yes or no for truth, numbers plainly."""
    if is_missing(value):
        return _NOTHING
    if isinstance(value, (bool, np.bool_)):
        return translated("yes") if value else translated("no")
    if isinstance(value, (pd.Timestamp, np.datetime64)):
        return date(value)
    return word(str(value))


def _column_money(values: pd.Series) -> Callable[[float], str]:
    sizes = values.astype(float).abs()
    usual = sizes[sizes > 0].median()
    digits = max(2 if not sizes.empty and sizes.median() < 100 else 0, _digits_of_small(usual, usual))
    return lambda value: _currency(value, digits, digits)


def _column_percent(values: pd.Series) -> Callable[[float], str]:
    return lambda value: _write(_Reader.locale.percent_formats[None], value, 1, 1)


def _column_number(values: pd.Series) -> Callable[[float], str]:
    sizes = values.astype(float).abs().replace(np.inf, np.nan)
    largest = sizes.max() if sizes.notna().any() else 0.0
    usual = next((digits for least, digits in ((1000, 0), (100, 1), (1, 2)) if largest >= least), None)
    digits = max(3, _digits_of_small(largest, largest)) if usual is None else usual
    return lambda value: number(value, digits)


def _join(values: Any, style: str) -> str:
    texts = [text(value) for value in values]
    return format_list(texts, style, locale=_Reader.locale) if texts else _NOTHING


_SINGLE: dict[str, Callable[[Any], str]] = {
    "money": money,
    "percent": percent,
    "count": count,
    "number": number,
    "date": date,
    "days": days,
    "months": months,
    "text": text,
    "list": lambda values: _join(values, "standard"),
    "either": lambda values: _join(values, "or"),
}
_COLUMN = {"money": _column_money, "percent": _column_percent, "number": _column_number}


def writer(spec: str) -> Callable[[Any], str]:
    """Give the function that writes one value: money, percent, count, number, number.3, date, days, months or text.

    ``list`` writes several names (a, b, and c), ``either`` the same as a choice (a, b, or c).

    Raises UsageError on any other spec.
    """
    name, _, digits = spec.partition(".")
    if name == "number" and digits.isdigit():
        return lambda value: number(value, int(digits))
    if spec not in _SINGLE:
        raise UsageError(
            phrase("There is no way of writing called {spec!r}.", spec=spec),
            mend=phrase("Use one of {known} or number.3.", known=", ".join(_SINGLE)),
        )
    return _SINGLE[spec]


def default_spec(value: Any, unit: str | None = None) -> str:
    """Choose how to write a value of which nothing is said: a number by the ``unit`` of its name, if it has one."""
    if isinstance(value, (bool, np.bool_)):
        return "text"
    if isinstance(value, numbers.Real) and unit is not None:
        return unit
    if isinstance(value, numbers.Integral):
        return "count"
    return "number" if isinstance(value, numbers.Real) else "text"


def column(values: pd.Series, spec: str | None = None) -> list[str]:
    """Write a whole column with the same number of decimals from top to bottom.

    ``spec`` is one of those of ``writer``; without it the column's type decides.
    """
    if spec is None:
        spec = _spec_of_column(values)
    write = _COLUMN[spec](values) if spec in _COLUMN else writer(spec)
    return [write(value) for value in values]


def _spec_of_column(values: pd.Series) -> str:
    if pd.api.types.is_bool_dtype(values):
        return "text"
    if pd.api.types.is_integer_dtype(values):
        return "count"
    if pd.api.types.is_float_dtype(values):
        return "number"
    return "date" if pd.api.types.is_datetime64_any_dtype(values) else "text"


def ticks(values: Sequence[float], unit: str | None) -> list[str]:
    """Label an axis in ``unit`` (money, percent, count or None), all labels in one form."""
    if unit == "money":
        large = max((abs(value) for value in values), default=0) >= 10_000
        return [_compact(value, 1) if large else _tick_money(value) for value in values]
    return [(_tick_percent if unit == "percent" else _tick_number)(value) for value in values]


def _tick_money(value: float) -> str:
    digits = 0 if float(value).is_integer() else 2
    return _currency(value, digits, max(digits, _digits_of_small(value, _Reader.usual)))


def _tick_percent(value: float) -> str:
    return _write(_Reader.locale.percent_formats[None], value, 0, 1)


def _tick_number(value: float) -> str:
    return _write(_Reader.locale.decimal_formats[None], value, 0, max(3, _digits_of_small(value, _Reader.usual)))


def country() -> str:
    """The country whose conventions are used, as its locale (en_US, fr_FR)."""
    return str(_Reader.locale)
