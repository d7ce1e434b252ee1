"""A folder's template of a page → what fills it: it knows `phrase`, `message` and `word` of `language`.

In a page of HTML nothing in a value becomes markup, what is in a message does. A language may have a template of its
own instead, of the same name, in its folder of `locale`, as for the trainer's guide, which is all prose.
"""

from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from jinja2 import Template as Page
from markupsafe import Markup, escape

from clvlib.language import LOCALE, Template, message, phrase, spoken, translated, word


class _Marked(Template):
    """A message whose own markup is one of ours, and that of its values is none."""

    def format_value(self, value: Any, spec: str) -> str:
        return str(escape(super().format_value(value, spec)))


def _marked_phrase(template: str, /, **values: Any) -> Markup:
    return Markup(_Marked().vformat(translated(template), (), values))


def page_template(folder: Path, name: str, markup: bool = True, **filters: Any) -> Page:
    """The template of that name in a folder, in the language spoken; `markup`: it is a page of HTML."""
    pages = Environment(
        loader=FileSystemLoader([LOCALE / spoken(), folder]),
        autoescape=markup,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=not markup,
    )
    pages.globals |= {"phrase": _marked_phrase if markup else phrase, "message": message, "word": word}
    pages.globals |= {"language": spoken()}
    pages.filters |= filters
    return pages.get_template(name)
