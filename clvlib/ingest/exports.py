"""A tool's export → how to read it: known by its header, which columns are which.

A format is data, one TOML file of `formats` for a tool and a table: what the file's columns are or were called, and
options that any card may use as well (`shapes`). Nothing here knows a tool. `fitted` puts the file's own names in place
of the format's.
"""

import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any

from clvlib.errors import DataError
from clvlib.language import phrase, translated

FORMATS = Path(__file__).parent / "formats"
_ABOUT = ("title", "table", "header", "names", "confirm", "versions", "missing", "refuse", "only", "not_asked")
_COLUMNS = ("keep_if_filled", "includes", "unless_filled", "if_filled", "once", "without")  # name columns …
_BY_COLUMN = ("drop", "keep", "rows_like", "first_of", "unless_like")  # … or are by column
_LINES = ("order", "fill", "share", "by", "less")  # of lines_of
_Lines = Mapping[str, tuple[str, ...]]


@dataclass(frozen=True)
class Format:
    """One export: the table that it fills, the columns that each such file has, and how it is read.

    names: what a column that the format speaks of is called in other versions and languages; what begins with ~ is a
    pattern of such names. confirm: options that no file proves, with what to ask. versions: a column that only some
    files have → the options that hold for those. missing: what to do where a file doesn't say a column. refuse: why
    none of its files can be used; empty where they can. only: what else a file has at most, where the header alone
    could be of any; None where it may have more. not_asked: of a survey, columns that are no question.
    """

    name: str
    title: str
    table: str
    header: tuple[str, ...]
    names: Mapping[str, list[str]]
    confirm: Mapping[str, str]
    options: Mapping[str, Any]
    versions: Mapping[str, Mapping[str, Any]]
    missing: Mapping[str, str]
    refuse: str
    only: tuple[str, ...] | None
    not_asked: tuple[str, ...]

    def column(self, label: str, columns: Iterable[str], heading: _Lines = MappingProxyType({})) -> str | None:
        """The file's column that the format calls `label`; None where there is none. Neither case nor spaces count.

        heading: what each line of a heading says of columns: by each of them a column is known.
        """
        own = {_plain(text): column for column, said in reversed(list(heading.items())) for text in said}
        own |= {_plain(column): column for column in columns}
        for name in (label, *self.names.get(label, ())):
            like = re.compile(name[1:] if name.startswith("~") else re.escape(_plain(name)), re.IGNORECASE)
            if found := next((column for plain, column in own.items() if like.fullmatch(plain)), None):
                return found
        return None


def _plain(name: str) -> str:
    return " ".join(name.casefold().split())


@cache
def formats() -> dict[str, Format]:
    """All known exports, by the name that a card gives: format = "shopify"."""
    found = {}
    for path in sorted(FORMATS.glob("*.toml")):
        said = tomllib.loads(path.read_text("utf-8"))
        options = {option: value for option, value in said.items() if option not in _ABOUT}
        found[path.stem] = Format(
            path.stem,
            said["title"],
            said["table"],
            tuple(said["header"]),
            said.get("names", {}),
            said.get("confirm", {}),
            options,
            said.get("versions", {}),
            said.get("missing", {}),
            said.get("refuse", ""),
            tuple(said["only"]) if "only" in said else None,
            tuple(said.get("not_asked", ())),
        )
    return found


def recognise(columns: Iterable[str], heading: _Lines = MappingProxyType({})) -> list[Format]:
    """The exports whose header a file has: those that ask for most columns; several only where they ask for as many."""
    columns = list(columns)
    fits = [one for one in formats().values() if all(one.column(label, columns, heading) for label in one.header)]
    for one in [one for one in fits if one.only is not None]:
        known = {one.column(label, columns) for label in (*one.header, *(one.only or ()))}
        if not set(columns) <= known:
            fits.remove(one)
    most = max((len(one.header) for one in fits), default=0)
    return [one for one in fits if len(one.header) == most]


def repeated() -> list[str]:
    """Names that columns share in some export."""
    return [name for one in formats().values() for name in one.options.get("repeats", ())]


def fitted(options: dict[str, Any], columns: list[str], heading: _Lines = MappingProxyType({})) -> dict[str, Any]:
    """The options with the file's own names of columns; those of the format that the file hasn't are left out.

    Raises DataError for what the file doesn't say, where the format knows where to get it.
    Of a file without what an order's amounts are shared out by, only the first line of an order is kept.
    """
    if "format" not in options:
        return options
    known = formats()[options["format"]]

    def there(labels: Any) -> list[str]:
        return list(
            dict.fromkeys(found for label in as_list(labels) if (found := known.column(label, columns, heading)))
        )

    for version in [of for column, of in known.versions.items() if there(column)]:
        options = options | {o: value for o, value in version.items() if options.get(o) == known.options.get(o)}
    found = dict(options)
    mapped = {target: _joined(source, there) for target, source in options.get("columns", {}).items()}
    found["columns"] = {target: source or options["columns"][target] for target, source in mapped.items()}
    optional = known.options.get("columns", {})
    for target in [t for t, source in mapped.items() if not source and options["columns"][t] == optional.get(t)]:
        if target not in ("customer_id", "date", "amount"):
            del found["columns"][target]
    for target, mend in known.missing.items():
        if not mapped.get(target) and target not in options.get("fixed", {}) and target not in map(_plain, columns):
            what = phrase("{tool}: the file doesn't say {column}.", tool=translated(known.title), column=target)
            raise DataError(what, mend)
    for option in set(_COLUMNS) & options.keys():
        names = there(options[option])
        found[option] = names if isinstance(options[option], list) else next(iter(names), options[option])
    if options.get("once") and not there(options["once"][:1]):
        found["once"] = []
    for option in set(_BY_COLUMN) & options.keys():
        found[option] = {c: value for label, value in options[option].items() for c in there(label) or [label]}
    for option in set(_BY_COLUMN) & known.options.keys():
        absent = {label for label in known.options[option] if not there(label)}
        found[option] = {label: value for label, value in found[option].items() if label not in absent}
    if refunds := options.get("refunds"):
        where = {column: values for label, values in refunds["where"].items() for column in there(label)}
        found["refunds"] = {"where": where} | {t: there(refunds[t]) for t in refunds if t != "where"} if where else {}
    if lines := options.get("lines_of"):
        parts = {part: there(lines[part]) for part in _LINES if part in lines}
        whole = all(parts.get(part) for part in ("order", "share")) and len(parts["by"]) == len(lines["by"])
        found["lines_of"] = parts if whole else {}
        if not whole and parts.get("order") and parts.get("share"):
            found |= {"lines_of": {**parts, "by": []}, "keep_if_filled": f"{parts['share'][0]} of the line"}
        elif not whole:
            found["keep_if_filled"] = next(iter(parts["share"]), lines["share"][0])
    return found


def _joined(source: Any, there: Any) -> Any:
    if isinstance(source, dict) and "join" not in source:
        return source
    if isinstance(source, dict):
        return {"join": there(source["join"])} if there(source["join"][:1]) else None
    names = there(source)
    return names[0] if len(names) == 1 else names or None


def as_list(names: Any) -> list[Any]:
    return names if isinstance(names, list) else [names]
