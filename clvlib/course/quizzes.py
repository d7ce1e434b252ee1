"""Five questions at the end of a notebook, with figures of its own dataset: each choice opens and says what it is.

Plain HTML, folded (`details`): it works without network, without a script, and in whatever shows a notebook.
"""

import hashlib
import html
import math
import re
from collections.abc import Mapping
from typing import Any

from IPython.core.getipython import get_ipython

from clvlib import show
from clvlib.course.assignments import Question, questions_of, worked_out
from clvlib.course.exercises import with_code
from clvlib.errors import CannotAnswer
from clvlib.language import phrase, translated
from clvlib.show.output import NO_FORMULAS, publish
from clvlib.show.sentences import fill
from clvlib.wording import is_missing

LEAST_CHOICES = 2
_LOOK = "border:1px solid #999;border-radius:4px;padding:0.2em 0.8em;margin:0.3em 0;max-width:46em"


def quiz(notebook: str, **given: Any) -> None:
    """Ask the questions of a notebook by its number, as "03b". A question that the dataset can't support says so.

    What the questions need of the notebook's own frames they take by name: those of `given`, else those that are there.
    Never raises.
    """
    shell = get_ipython()
    given = {**(shell.user_ns if shell else {}), **given}
    texts, parts = [], []
    for place, each in enumerate(questions_of(str(notebook)), start=1):
        text, markup = _one(place, each, given)
        texts.append(text)
        parts.append(markup)
    said = "\n".join(texts) or phrase("There is no quiz {notebook}.", notebook=notebook)
    markup = "".join(parts) or html.escape(said)
    publish("quiz", said, f'<div class="clv-quiz {NO_FORMULAS}">{markup}</div>')


def _one(place: int, question: Question, given: dict[str, Any]) -> tuple[str, str]:
    try:
        asked, choices = choices_of(question, worked_out(question.values, show.notebook_dataset(), given))
    except CannotAnswer as error:
        return _unable(place, phrase("This dataset can't support this question. {why}", why=error))
    except Exception as error:  # whatever a frame that was changed by hand leads to, the course goes on
        what = f"{type(error).__name__}: {error}"
        return _unable(place, phrase("This question can't be worked out here ({what}).", what=what))
    text = [
        f"{place}. {asked[0]}",
        *(f"   {letter}) {choice[0]}" for letter, choice in zip("abcde", choices, strict=False)),
    ]
    judged = {True: translated("Right."), False: translated("No.")}
    folded = "".join(
        f'<details style="{_LOOK}"><summary>{choice}</summary><p>{judged[right]} {why}</p></details>'
        for _, choice, why, right in choices
    )
    return "\n".join(text), f"<p><strong>{place}.</strong> {asked[1]}</p>{folded}"


def _unable(place: int, why: str) -> tuple[str, str]:
    return f"{place}. {why}", f"<p><strong>{place}.</strong> {html.escape(why)}</p>"


def choices_of(question: Question, values: Any) -> tuple[tuple[str, str], list[tuple[str, str, str, bool]]]:
    """What is asked (text, markup), and the choices in an order that tells nothing: text, markup, what is said, right.

    A wrong choice that reads like the right one on these data, or like an earlier one, is left away. Raises
    CannotAnswer where fewer than LEAST_CHOICES are left.
    """
    if _untold(question.ask, values) or _untold(question.right[0], values):
        raise CannotAnswer("A figure of it has no value.", "Go on with the next one.")
    found: dict[str, tuple[str, str, str, bool]] = {}
    for right, (choice, why) in [(True, question.right), *((False, wrong) for wrong in question.wrong)]:
        if not _untold(choice, values):
            found.setdefault(
                fill(choice, values), (fill(choice, values), with_code(choice, values), with_code(why, values), right)
            )
    if len(found) < LEAST_CHOICES:
        raise CannotAnswer("Its answers can't be told apart in it.", "Go on with the next one.")
    ordered = sorted(found.values(), key=lambda each: hashlib.sha256((question.number + each[0]).encode()).digest())
    return (fill(question.ask, values), with_code(question.ask, values)), ordered


def _untold(template: str, values: Mapping[str, Any]) -> bool:
    """Tell whether a figure of a template is missing or has no end."""
    named = (values.get(name) for name in re.findall(r"\{(\w+)", template))
    return any(is_missing(value) or (isinstance(value, float) and math.isinf(value)) for value in named)
