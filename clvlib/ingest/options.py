"""A table's section of a dataset card → its options, with those of the format it names, all checked."""

import difflib
from collections.abc import Iterable, Iterator
from typing import Any

from clvlib.errors import DataError
from clvlib.ingest.exports import formats
from clvlib.language import message, phrase, said_together, translated

OPTIONS: dict[str, Any] = {
    "path": str | list, "url": str, "glob": str, "format": str, "columns": dict, "delimiter": str, "header": list,
    "encoding": str, "sheet": str, "table": str, "date_format": str | list, "decimal": str, "thousands": str,
    "duplicates": str, "drop": dict, "keep_if_filled": str, "values": dict, "ignore_case": bool | str,
    "includes": list, "keep": dict, "rows_like": dict, "zone": str | dict, "first_of": dict, "fixed": dict,
    "unless_filled": list, "if_filled": list, "unless_like": dict, "lines_of": dict, "refunds": dict, "repeats": list,
    "once": list, "without": list, "doubts": dict,
}  # fmt: skip
OWN: dict[str, dict[str, Any]] = {  # of one table only; grain makes `totals` of transactions (of_the_card)
    "transactions": {"grain": str, "amounts": bool, "engine": str},
    "totals": {"amounts": bool},
    "subscriptions": {"period": str, "left": str},
}
GRAINS = ("row", "customer")
_PLACES = {"database": [{"url", "table"}], "spark": [{"table"}, {"path"}]}  # of rows that stay in their engine
_IN_PLACE = ("engine", "url", "table", "path", "columns")  # the options of such rows
_EACH = ("columns", "drop", "keep", "values", "rows_like", "first_of")  # a card's entries stand beside its format's
WORDS: dict[Any, str] = message(
    {
        str: "{option} is not a text",
        dict: "{option} is not a table {{ name = … }}",
        list: "{option} is not a list of texts",
        str | list: "{option} is not a text or a list of texts",
        bool: "{option} is not true or false",
        bool | str: '{option} is not true, false or "e-mails"',
        str | dict: "{option} is not a text or a table {{ name = … }}",
    }
)


def of_the_card(card: dict[str, Any]) -> dict[str, Any]:
    """The card with its [transactions] as `totals`, where these say that their grain is a customer.

    DataError for any other word than GRAINS.
    """
    section = card.get("transactions")
    if not isinstance(section, dict) or "grain" not in section:
        return card
    given = {name: option for name, option in section.items() if name != "grain"}
    if section["grain"] not in GRAINS:
        raise DataError(
            phrase("grain = {grain!r} is unknown.", grain=section["grain"]),
            'Write grain = "customer" where each row holds the totals of a customer, or "row" for lines and orders.',
        )
    name = "totals" if section["grain"] == "customer" else "transactions"
    return {entry: value for entry, value in card.items() if entry != "transactions"} | {name: given}


def options_of(name: str, options: Any, only: Iterable[str] = OPTIONS) -> dict[str, Any]:
    """The options of a section, those of its format below them. Raises DataError for what a card can't say.

    only: the options that such a section may have, beside its own.
    """
    if not isinstance(options, dict):
        raise DataError(
            phrase("{name} is not a section of the card.", name=name),
            phrase('Write [{name}] on a line, and path = "…" below it.', name=name),
        )
    _check_types(name, options)
    if "format" in options:
        of_table = "transactions" if name == "totals" else name
        known = [one.name for one in formats().values() if one.table == of_table]
        if options["format"] not in known:
            raise DataError(
                phrase("The format {format!r} is unknown for {table}.", format=options["format"], table=of_table),
                phrase("Known: {these}.", these=", ".join(known)),
            )
        if why := formats()[options["format"]].refuse:
            title = translated(formats()[options["format"]].title)
            raise DataError(phrase("{tool}: this can't be used.", tool=title), why)
        preset = formats()[options["format"]].options
        both = {o: {**preset[o], **options[o]} for o in _EACH if isinstance(preset.get(o), dict) and o in options}
        options = {"columns": {}, **preset, **options, **both}
    known = [*only, *OWN.get(name, {})]
    unknown = [option for option in options if option not in known]
    if unknown:
        raise DataError(
            phrase("[{name}] has unknown entries: {these}.", name=name, these=", ".join(unknown))
            + nearest(unknown[0], known),
            phrase("Known: {these}.", these=", ".join(known)),
        )
    if "engine" in options:
        _require_place(options)
    elif "url" in options and ("path" in options or "table" not in options):
        what = phrase("[{name}] has a url, {path:and a path|and no table}.", name=name, path="path" in options)
        raise DataError(what, 'A table of a database is named by url = "…" and table = "…".')
    elif not {"path", "url"} & options.keys():
        raise DataError(phrase("[{name}] has no path.", name=name), 'Add path = "…", relative to the card.')
    return options


def _require_place(options: dict[str, Any]) -> None:
    """DataError for an engine that isn't one, no one place in it, or what can't be done to rows that stay there."""
    engine, places = options["engine"], {"url", "table", "path"} & options.keys()
    if engine not in _PLACES:
        raise DataError(
            phrase("engine = {engine!r} is unknown.", engine=engine),
            phrase("Known: {these}; without one, rows are read in.", these=", ".join(_PLACES)),
        )
    if places not in _PLACES[engine] or not isinstance(options.get("path", ""), str):
        these = ", ".join(sorted(places))
        raise DataError(
            phrase("engine = {engine!r} doesn't go with {these:{these}|no table}.", engine=engine, these=these),
            'database: url = "…" and table = "…"; spark: table = "…", or path = "…" of Parquet.',
        )
    if others := [name for name in options if name not in _IN_PLACE]:
        raise DataError(
            phrase(
                "{these} can't be used on rows that stay in {spark:Spark|the database}.",
                these=", ".join(others),
                spark=engine == "spark",
            ),
            "Make a view there that says the same, or delete engine.",
        )


def nearest(name: str, known: list[str]) -> str:
    """“Did you mean …?” when a known name is close to `name`, else an empty string."""
    lower = {candidate.lower(): candidate for candidate in known}
    close = difflib.get_close_matches(name.lower(), list(lower), n=1)
    return f" {phrase('Did you mean {name!r}?', name=lower[close[0]])}" if close else ""


def _check_types(name: str, options: dict[str, Any]) -> None:
    kinds = {key: kind for key, kind in (OPTIONS | OWN.get(name, {})).items() if key in options}
    wrong = [phrase(WORDS[kind], option=key) for key, kind in kinds.items() if not isinstance(options[key], kind)]
    if not wrong:
        wrong = [phrase(what) for what, is_so in _faults(options) if is_so]
    if any("\0" in text for text in _texts(options)):
        wrong.append(translated("a text has the character NUL in it"))
    if wrong:
        raise DataError(phrase("[{name}]: {faults}.", name=name, faults=said_together(wrong)), "Correct the card.")


def _faults(options: dict[str, Any]) -> list[tuple[str, bool]]:
    """What may be wrong inside of options that are of the right types, and whether it is."""
    columns, path = options.get("columns", {}), options.get("path", "as stated")
    made = [_made_of(one) for one in columns.values()]
    named = [part for one in made for part in (one if isinstance(one, list) else [one])]
    named += [part for option in ("header", "includes", "once", "without") for part in options.get(option, [])]
    drop, renames = options.get("drop", {}).values(), options.get("values", {}).values()
    keep, lines = options.get("keep", {}).values(), options.get("lines_of", {})
    texts = [text for of in ("rows_like", "first_of", "fixed", "doubts") for text in options.get(of, {}).values()]
    back, zone = options.get("refunds", {}), options.get("zone", "")
    of_refunds, elsewhere = back.get("where", {}), [named for target, named in back.items() if target != "where"]
    consent = [*options.get("unless_filled", []), *options.get("if_filled", []), *options.get("repeats", [])]
    return message(
        [
            ("a name of a column is not a text", not all(isinstance(part, str) for part in named)),
            (
                "columns lists no column",
                [] in (one["join"] if isinstance(one, dict) and "join" in one else one for one in columns.values()),
            ),
            ("path lists something that is not a text, or nothing", not path or not _filled(path)),
            ("a date_format is not a text", not _filled(options.get("date_format", []))),
            (
                'drop wants lists of values, as {{ Status = ["voided"] }}',
                not all(isinstance(one, list) for one in drop),
            ),
            ('keep wants lists of values, as {{ Status = ["paid"] }}', not all(isinstance(one, list) for one in keep)),
            ("rows_like, first_of, fixed and doubts want a text for each name", not _filled(texts)),
            ("unless_filled, if_filled and repeats want names of columns", not _filled(consent)),
            (
                'unless_like wants a text for each name, as {{ "Opted out" = "yes" }}',
                not _filled(options.get("unless_like", {}).values()),
            ),
            (
                "lines_of wants order, share and by, and may have fill and less",
                bool(lines)
                and not {"order", "share", "by"} <= lines.keys() <= {"order", "share", "by", "fill", "less"},
            ),
            (
                'zone wants a text for each name, as {{ BST = "+01:00" }}',
                isinstance(zone, dict) and not _filled(zone.values()),
            ),
            (
                'ignore_case is true, false or "e-mails"',
                options.get("ignore_case", True) not in (True, False, "e-mails"),
            ),
            (
                'refunds wants where = {{ Type = ["Refund"] }}, and columns beside it',
                bool(back)
                and not (
                    isinstance(of_refunds, dict)
                    and of_refunds
                    and all(isinstance(values, list) and values and _filled(values) for values in of_refunds.values())
                    and all(named and _filled([named] if isinstance(named, str) else named) for named in elsewhere)
                    and back.keys() - {"where"} <= options.get("columns", back).keys()
                ),
            ),
            (
                'values wants texts for texts, as {{ channel = {{ "Web site" = "web" }} }}',
                not all(
                    isinstance(one, dict) and all(isinstance(text, str) for text in one.values()) for one in renames
                ),
            ),
        ]
    )


def _made_of(source: Any) -> Any:
    """What a column of the card is made of, as names; a way to make it that is none stays as it is."""
    if source == {"row": True}:
        return []  # of nothing that the file has
    if isinstance(source, dict) and source.keys() == {"heading", "of"} and isinstance(source["heading"], int):
        return source["of"] if source["heading"] > 0 else source
    return source["join"] if isinstance(source, dict) and list(source) == ["join"] else source


def _filled(parts: Iterable[Any]) -> bool:
    return all(isinstance(part, str) and part for part in parts)


def _texts(value: Any) -> Iterator[str]:
    """All texts in a value of a card, names of entries too."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for part in [*value, *(value.values() if isinstance(value, dict) else ())]:
            yield from _texts(part)
