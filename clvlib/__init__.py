"""Customer lifetime value, measured: a client's files in, what customers are worth and what to do about it out.

    from clvlib import aggregate, load, show
    ds = load("demo")          # a bundled dataset, a card, or `clv run FILE` on the command line

The map of the house. The way leads from left to right, and nobody reaches back (import-linter keeps the doors):

    language < errors, files < stats, wording < ingest | aggregate < dataset < models | show < value | causes
    < actions < readiness, course < run

- `clvlib.language`: what is said in English → in another language.
- `clvlib.wording`: numbers, money and dates as the reader's country writes them.
- `clvlib.ingest`: a client's files → canonical tables, every row kept or dropped for a stated reason.
- `clvlib.aggregate`: raw rows → frames per customer, cohort, period; nobody else touches raw rows.
- `clvlib.dataset`: the hall: one client's tables, and what is assumed of the business.
- `clvlib.models`: what each customer will do: forecasts, churn, subscriptions, and how far to trust them.
- `clvlib.value`: what customers are worth: formula, segments, stages, payback, the value of the base.
- `clvlib.causes`: whether something caused anything: channels, experiments, uplift.
- `clvlib.actions`: whom to contact, with what, within which budget.
- `clvlib.show`: tables, sentences and pictures that a person, a report and a test can read.
- `clvlib.readiness`: which claims of the notebooks a dataset holds enough for.
- `clvlib.course`: exercises that check themselves, quizzes, the trainer's guide, slides.
- `clvlib.run`: the `clv` command: a dataset → executed notebooks, report, lists.

In examples, `sample` is the bundled dataset "cdnow_sample" (2,357 real customers of 1997), `rfm` its customers'
summary in days, `model` a BG/NBD fitted to it, and `shop` the made-up dataset "demo".
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from clvlib.dataset import load

__all__ = ["load"]


def __getattr__(name: str) -> Any:
    """Load what reads datasets only when it is asked for: it takes a second."""
    if name == "load":
        from clvlib import dataset

        return dataset.load
    raise AttributeError(f"module 'clvlib' has no attribute {name!r}")
