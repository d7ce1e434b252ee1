"""A notebook's `parameters` cell → its knobs, and texts from a command line → values of the annotated types."""

import ast
import difflib
import io
import re
import tokenize
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from nbformat import NotebookNode

from clvlib.errors import UsageError
from clvlib.language import phrase

RESERVED = "dataset"  # given by the command's argument, never by --set
_LIMITS = re.compile(
    r"one of (?P<words>[\w, ]*\w)|from (?P<low>[\d.]+) to (?P<high>[\d.]*\d)|at least (?P<least>[\d.]*\d)"
)
_TRUTH = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}


@dataclass(frozen=True)
class Parameter:
    """One knob of a notebook: its name, its annotation as written, its default and what the comment says."""

    name: str
    annotation: str
    default: Any
    comment: str


def schema(notebook: NotebookNode) -> dict[str, Parameter]:
    """Read the annotated assignments of the cell tagged `parameters`; empty when there is no such cell."""
    source = next(
        (c.source for c in notebook.cells if c.cell_type == "code" and "parameters" in c.metadata.get("tags", [])), ""
    )
    comments = {
        token.start[0]: token.string.lstrip("# ").strip()
        for token in tokenize.generate_tokens(io.StringIO(source).readline)
        if token.type == tokenize.COMMENT
    }
    return {
        statement.target.id: Parameter(
            name=statement.target.id,
            annotation=ast.unparse(statement.annotation),
            default=ast.literal_eval(statement.value),
            comment=comments.get(statement.end_lineno or 0, ""),
        )
        for statement in ast.parse(source).body
        if isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name) and statement.value
    }


def choose_settings(
    schemas: Mapping[str, Mapping[str, Parameter]], settings: Mapping[str, Any]
) -> dict[str, dict[str, Any]]:
    """Give each notebook the settings that it knows, as values of the annotated type.

    `schemas` maps a notebook's name to its schema. Raises UsageError for a name that no notebook knows and for a
    value that is not of the type.
    """
    known = sorted({name for knobs in schemas.values() for name in knobs if name != RESERVED})
    for name in settings:
        if name not in known:
            close = next(iter(difflib.get_close_matches(name, known, n=1)), "")
            raise UsageError(
                phrase(
                    "No notebook of this run has a parameter {name!r}.{close: Did you mean {close}?|}",
                    name=name,
                    close=close,
                ),
                phrase("Known parameters: {these:{these}|none}.", these=", ".join(known)),
            )
    return {
        notebook: {name: coerce(knobs[name], value) for name, value in settings.items() if name in knobs}
        for notebook, knobs in schemas.items()
    }


def coerce(parameter: Parameter, value: Any) -> Any:
    """Turn a text into a value of the parameter's type; a value of that type already stays what it is.

    Raises UsageError when the text can't be read as that type.
    """
    kinds = [kind.strip() for kind in parameter.annotation.split("|")]
    text = str(value).strip()
    if "None" in kinds and text in ("", "None"):
        return None
    try:
        found = _read(kinds[0], value if isinstance(value, str) else text)
    except (ValueError, TypeError, KeyError, SyntaxError):
        what = phrase(
            "The parameter {name} takes a value of type {kind}, not {value!r}.{some: Its default is {default!r}.|}",
            name=parameter.name,
            kind=parameter.annotation,
            value=value,
            some=parameter.default is not None,
            default=parameter.default,
        )
        raise UsageError(what, _for_instance(parameter)) from None
    _require_within(parameter, found)
    return found


def _require_within(parameter: Parameter, value: Any) -> None:
    """Raise UsageError for what the parameter's comment rules out: "one of …", "from … to …", "at least …"."""
    limits = _LIMITS.search(parameter.comment)
    if limits is None:
        return
    words = [word.strip() for word in (limits["words"] or "").split(",")]
    low, high = limits["low"] or limits["least"], limits["high"]
    outside = (low is not None and value < float(low)) or (high is not None and value > float(high))
    if (limits["words"] and value not in words) or outside:
        what = phrase(
            "The parameter {name} can't be {value!r}: it is{words: one of {words}|}{least: at least {least}|}"
            "{high: from {low} to {high}|}.",
            name=parameter.name,
            value=value,
            **limits.groupdict(),  # as they are to be typed
        )
        raise UsageError(what, _for_instance(parameter))


def _for_instance(parameter: Parameter) -> str:
    return phrase("Write for instance --set {name}={value}.", name=parameter.name, value=_example(parameter))


def _read(kind: str, text: str) -> Any:
    if kind == "str":
        return text
    if kind == "bool":
        return _TRUTH[text.strip().lower()]
    if kind == "int":
        return int(text)
    if kind == "float":
        number = float(text)
        if number != number or abs(number) == float("inf"):
            raise ValueError(text)
        return number
    if kind == "list[str]" and not text.startswith("["):
        return [name.strip() for name in text.split(",") if name.strip()]
    if kind.startswith("dict[str, "):
        named = not text.startswith("{")
        pairs = dict(part.split("=") for part in text.split(",") if part.strip()) if named else ast.literal_eval(text)
        of = kind.removeprefix("dict[str, ").removesuffix("]")
        return {str(name).strip(): _read(of, str(value).strip()) for name, value in dict(pairs).items()}
    value = ast.literal_eval(text)
    if not isinstance(value, {"list": list, "tuple": tuple, "dict": dict}.get(kind.split("[")[0], ())):
        raise ValueError(text)
    return value


def _example(parameter: Parameter) -> str:
    if parameter.annotation == "list[str]":
        return ",".join(parameter.default)
    if parameter.annotation.startswith("dict["):
        return ",".join(f"{name}={value}" for name, value in parameter.default.items()) or "control=10,email=90"
    fallback = {"int": "12", "float": "0.1", "bool": "true"}.get(parameter.annotation.split("|")[0].strip(), "text")
    return fallback if parameter.default is None else str(parameter.default)
