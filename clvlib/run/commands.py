"""The `clv` command. Exit codes: 0 done, 1 the data can't be used, 2 wrong usage, 3 a notebook failed."""

import contextlib
import hashlib
import os
import signal
import subprocess
import sys
import tempfile
import tomllib
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer

from clvlib.errors import ClvError, Problem, UsageError, printable
from clvlib.language import ASKED, Template, decimal_mark, languages, message, phrase, translated, word
from clvlib.run import usage

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    subcommand_metavar=message("COMMAND [ARGS]..."),
    help="Measure customer lifetime value from a client's transactions.",
    epilog="Exit codes: 0 done · 1 the data can't be used · 2 wrong usage · 3 a notebook failed · 4 a fault of clv.",
)
INTERRUPTED = 130
_ENGINES = {"psycopg", "pyspark", "py4j"}  # packages whose errors are of an engine that holds the rows
BACKTEST = "03b_forecast_trust"
_GRADES = message({"error": "error", "warning": "warning", "note": "note"})

Source = Annotated[str, typer.Argument(help="a dataset card (.toml), a bundled dataset's name, or a data file")]
AsOf = Annotated[str | None, typer.Option(help="last day of observation, as 2026-10-31")]
CustomerId = Annotated[str | None, typer.Option(help="the file's column that names the customer")]
Date = Annotated[str | None, typer.Option(help="the file's column of the date")]
Amount = Annotated[str | None, typer.Option(help="the file's column of the amount")]
OrderId = Annotated[str | None, typer.Option(help="the file's column of the order number")]
DateFormat = Annotated[str | None, typer.Option(help='how dates are written, as "%d/%m/%Y"')]
Decimal = Annotated[str | None, typer.Option(help='decimal mark, "." or ","')]
Currency = Annotated[str | None, typer.Option(help="currency of the amounts, as EUR")]
Format = Annotated[str | None, typer.Option(help="a known export, as shopify")]


def _ask_for(language: str | None) -> None:
    """Speak the language that was asked for, here and in every process that is started; UsageError for another one."""
    if language is not None and language not in languages():
        there = phrase("Choose from: {these}.", these=", ".join(languages()))
        raise UsageError(phrase("There is no language {language!r}.", language=language), there)
    if language is not None:
        os.environ[ASKED] = language


Language = Annotated[
    str | None, typer.Option(help="language of all that is written, as fr; default: the card's", callback=_ask_for)
]


def main() -> None:
    """Entry point: one message, never a traceback; a fault of the program itself is written to a file."""
    for name in ("SIGTERM", "SIGHUP"):  # ended from outside like ended by hand: notebooks are stopped, nothing is lost
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.default_int_handler)
    os.environ["PYTHONSAFEPATH"] = "1"  # no process that is started imports from the current folder
    os.umask(0o077)  # what is written of customers is its owner's alone
    try:
        sys.exit(usage.call(app, sys.argv[1:]))
    except (KeyboardInterrupt, SystemExit) as ended:
        if isinstance(ended, SystemExit) and ended.code != INTERRUPTED:
            raise
        _leave(INTERRUPTED, translated("Stopped. Nothing was left half-written; the same command goes on from here."))
    except ClvError as error:
        _leave(2 if isinstance(error, UsageError) else 1, f"{error}")
    except OSError as error:
        said = phrase("The system refused: {error}. Free space or check the folder, then run again.", error=error)
        _leave(1, said)
    except Exception as error:
        if isinstance(error, RuntimeError) and str(error) == "Query interrupted":  # by DuckDB, as it fetches
            _leave(INTERRUPTED, translated("Stopped."))
        package = type(error).__module__.partition(".")[0]
        if package in _ENGINES:
            first = (str(error) or type(error).__name__).splitlines()[0]
            _leave(1, phrase("The engine refused: {error}. Mend it there, then run again.", error=first.rstrip(".")))
        if package in ("duckdb", "_duckdb"):
            if type(error).__name__ == "InterruptException":
                _leave(INTERRUPTED, translated("Stopped."))
            if type(error).__name__ in ("IOException", "OutOfMemoryException"):
                first = str(error).splitlines()[0]
                _leave(1, phrase("The system refused: {error}. Free space, then run again.", error=first))
        kind, first = type(error).__name__, (str(error) or translated("no message")).splitlines()[0]
        _leave(4, _fault(kind, first, _write_down()))


def _leave(code: int, message: str) -> NoReturn:
    """Say one thing and go, whatever the user presses meanwhile."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with contextlib.suppress(OSError):  # nobody can read it any more
        typer.secho(printable(message), fg="red", err=True)
    sys.exit(code)


def _fault(kind: str, error: str, log: str) -> str:
    """What is said of a fault of the program. log: the file of the details; "" without one."""
    return phrase(
        "This is a fault of the program: {kind}: {error}. {log:The details are in {log}|The details could not be "
        "written to a file}; please report it.",
        kind=kind,
        error=error,
        log=log,
    )


def _write_down() -> str:
    """Write the traceback to a new file that only its owner can read; which one, "" where it can't be written."""
    try:
        handle, log = tempfile.mkstemp(prefix="clv-error-", suffix=".log")
        with os.fdopen(handle, "w", encoding="utf-8", errors="replace") as stream:
            stream.write(traceback.format_exc())
        return log
    except OSError:
        return ""


@app.command()
def check(
    source: Source, customer_id: CustomerId = None, date: Date = None, amount: Amount = None, order_id: OrderId = None,
    date_format: DateFormat = None, decimal: Decimal = None, currency: Currency = None, format: Format = None,
    as_of: AsOf = None, language: Language = None,
    out: Annotated[Path, typer.Option(help="folder of the pages")] = Path("runs/checks"),
) -> None:  # fmt: skip
    """Read the data, print every problem at once with counts and the way to mend it, and write check.html."""
    from clvlib import dataset
    from clvlib.ingest import people
    from clvlib.run import imports, reconcile

    path, card = _card(source, customer_id, date, amount, order_id, date_format, decimal, currency, format)
    found, problems = dataset.build(card, path or Path(source), as_of, people.secret_of(card))
    problems = (*problems, *imports.wrong_lists(card))
    for grade, colour in (("error", "red"), ("warning", "yellow"), ("note", "blue")):
        for problem in problems:
            if problem.grade == grade:
                typer.secho(f"{translated(_GRADES[grade]):7} ", fg=colour, nl=False)
                typer.echo(f"{problem}")
    if found is not None:
        shown = {
            word("rows"): lambda count: Template().format("{:,}", count),
            word("money"): lambda paid: "" if paid != paid else Template().format("{:,.2f}", paid),
        }
        ledger = found.ledger.assign(action=found.ledger["action"].map(word)).rename(columns=word)
        typer.echo("\n" + printable(ledger.to_string(index=False, na_rep="", formatters=shown)))
        if found.sells:
            typer.echo("\n" + printable(reconcile.account_in_words(found)))
        days = {"first": found.starts, "last": found.as_of}
        observed = phrase("{name}: observed from {first:%Y-%m-%d} to {last:%Y-%m-%d}.", name=found.name, **days)
        typer.echo("\n" + printable(observed))
    _write_page(path or Path(source), card, found, problems, out)
    errors = sum(problem.grade == "error" for problem in problems)
    command = "clv score" if found is not None and found.in_engine else "clv run"
    typer.echo(phrase("{n:Ready for `{command}`.|{n} error(s) to mend first.}", n=errors, command=command))
    raise typer.Exit(1 if errors else 0)


def _write_page(path: Path, card: dict[str, Any], found: Any, problems: Sequence[Problem], out: Path) -> None:
    """Write check.html and say where; a folder that can't be written to leaves what was printed as it is."""
    from clvlib.run import check_page, places

    name = str(card.get("name", path.stem)) if found is None else found.name
    try:
        target = places.folder_of(out, name, path, of=path) / "check.html"
        check_page.write_check(name, found, problems, target)
    except OSError as error:
        said = phrase("The page check.html can't be written: {error}. Give another --out.", error=error)
        typer.secho(printable(said), fg="yellow", err=True)
        return
    said = phrase("The same with pictures, and what each notebook can tell: {file}", file=target)
    typer.echo("\n" + printable(said))


@app.command()
def reveal(
    card: Annotated[Path, typer.Argument(help="the dataset card whose customers a list names by pseudonyms")],
    file: Annotated[Path, typer.Argument(help="the list, a CSV that a run wrote, as crm.csv")],
) -> None:
    """Write a copy of a list with the customers' own ids, for whoever has the key and the data."""
    from clvlib import dataset, files
    from clvlib.ingest import in_place, people
    from clvlib.ingest.card import read_card

    content = read_card(card)
    in_place.require_here(content)
    found, _ = dataset.build(content, card)
    if found is None:
        raise UsageError(
            phrase("The data of {card} can't be read.", card=card), phrase("Run `clv check {card}`.", card=card)
        )
    hidden = people.pseudonyms(people.key(), [*found.tables.values()])
    try:
        text, count = people.reveal(file.read_text("utf-8"), hidden)
    except UnicodeDecodeError:
        raise UsageError(
            phrase("{file} is no text.", file=file), "Give the CSV that the run wrote beside it."
        ) from None
    if not count:
        raise UsageError(
            phrase("{file} names no customer of {card} by a pseudonym of this key.", file=file, card=card),
            "Give the card of that run, and its key.",
        )
    target = file.with_name(f"{file.stem}.revealed{file.suffix}")
    files.write_text(target, text)
    said = phrase(
        "{file}: {n:,} pseudonyms replaced. It names people: delete it when it has been used.", file=target, n=count
    )
    typer.echo(printable(said))


@app.command()
def forget(
    customer: Annotated[str, typer.Argument(help="who asks to be forgotten: the client's own id, or the pseudonym")],
    card: Annotated[Path, typer.Argument(help="the dataset card of the data that they are in")],
    out: Annotated[Path, typer.Option(help="folder of the runs")] = Path("runs"),
    work: Annotated[Path, typer.Option(help="folder of the working copies")] = Path("work"),
) -> None:
    """Take a person out of runs, lists and working copies of a card, and out of every later run; prove it by search."""
    from clvlib.run import forget as forgetting

    forgetting.forget(customer, card, (out, work))


@app.command()
def init(
    files: Annotated[list[Path], typer.Argument(help="the client's files: exports of tools, tables, a zip, a folder")],
    out: Annotated[Path | None, typer.Option(help="where to write the card; default: beside the first file")] = None,
    language: Language = None,
) -> None:
    """Propose one dataset card from a client's files, and show how they would be read.

    What the files don't prove is marked "to be confirmed"."""
    from clvlib.ingest import people, preview, propose
    from clvlib.ingest.card import what_to_confirm

    folder = out.parent if out else files[0] if files[0].is_dir() else files[0].parent
    text = propose.propose_card(*files, folder=folder)
    card = tomllib.loads(text)
    target = out or folder / f"{card['name']}.toml"
    try:
        with target.open("x", encoding="utf-8") as stream:
            stream.write(text)
    except FileExistsError:
        raise UsageError(
            phrase("{file} exists already.", file=target), "Give another place with --out, or delete it."
        ) from None
    typer.echo(printable(text))
    rows, problems = preview.first_rows(card, target.parent, people.key())
    for table, frame in rows.items():
        n = frame.attrs["rows"]
        typer.echo(phrase("{table}: {n:,} rows; the first, as they would be read:", table=table, n=n))
        written = frame.to_string(index=False, na_rep="", max_colwidth=30, decimal=decimal_mark())
        typer.echo(printable(written))
        attributes = ", ".join(frame.attrs["attributes"])
        typer.echo(printable(phrase("{these:and as attributes: {these}\n|}", these=attributes)))
    for problem in [problem for problem in problems if problem.where not in rows and problem.grade != "note"]:
        typer.secho(translated("not yet") + " ", fg="red", nl=False)
        told = {"where": problem.where, "what": problem.what, "mend": problem.mend}
        typer.echo(people.masked(printable(phrase("{where}: {what}. {mend}", **told) + "\n")))
    typer.echo(printable("\n  ".join([translated("To be confirmed:"), *what_to_confirm(text)])))
    said = phrase("Written to {file}. Confirm or correct these lines, then: clv check {file}", file=target)
    typer.echo(printable(said))


@app.command()
def run(
    source: Source, customer_id: CustomerId = None, date: Date = None, amount: Amount = None, order_id: OrderId = None,
    date_format: DateFormat = None, decimal: Decimal = None, currency: Currency = None, format: Format = None,
    as_of: AsOf = None, language: Language = None,
    settings: Annotated[list[str] | None, typer.Option("--set", help="a notebook's parameter, as name=value")] = None,
    only: Annotated[str | None, typer.Option(help="notebooks to run, as 01,03")] = None,
    out: Annotated[Path, typer.Option(help="folder of the runs")] = Path("runs"),
) -> None:  # fmt: skip
    """Run the notebooks on a dataset and write report.html, customers.csv and manifest.json."""
    from clvlib.run import runner

    name = _kept_card(out, source, customer_id, date, amount, order_id, date_format, decimal, currency, format)
    wanted = dict(_pair(setting) for setting in settings or [])
    raise typer.Exit(runner.run(name, as_of=as_of, settings=wanted, only=only.split(",") if only else None, out=out))


@app.command()
def score(
    source: Source, customer_id: CustomerId = None, date: Date = None, amount: Amount = None, order_id: OrderId = None,
    date_format: DateFormat = None, decimal: Decimal = None, currency: Currency = None, format: Format = None,
    as_of: AsOf = None, language: Language = None,
    out: Annotated[Path, typer.Option(help="folder of the runs")] = Path("runs"),
) -> None:  # fmt: skip
    """Score every customer, however many there are, into one file: chance to buy, purchases, CLV and its range."""
    from clvlib.run import scores

    name = _kept_card(out, source, customer_id, date, amount, order_id, date_format, decimal, currency, format)
    scores.score_customers(name, as_of, out)


@app.command()
def backtest(
    source: Source, customer_id: CustomerId = None, date: Date = None, amount: Amount = None, order_id: OrderId = None,
    date_format: DateFormat = None, decimal: Decimal = None, currency: Currency = None, format: Format = None,
    as_of: AsOf = None, language: Language = None,
    out: Annotated[Path, typer.Option(help="folder of the backtests")] = Path("runs/backtests"),
) -> None:  # fmt: skip
    """Hold forecasts made on days of the past against what came, and say what to trust them for."""
    import nbformat

    from clvlib.run import runner

    name = _kept_card(out, source, customer_id, date, amount, order_id, date_format, decimal, currency, format)
    code = runner.run(name, as_of=as_of, only=[BACKTEST], out=out)
    made = max(out.glob(f"*/*/notebooks/{BACKTEST}.ipynb"), key=lambda file: file.stat().st_mtime, default=None)
    for cell in nbformat.read(made, as_version=4).cells if made and not code else []:
        if "verdict" in cell.metadata.get("tags", []):
            for output in cell.outputs:
                typer.echo("\n" + printable(output.get("data", {}).get("text/plain", "")))
    raise typer.Exit(code)


@app.command()
def lab(
    source: Annotated[str, typer.Argument(help="a dataset card (.toml) or a bundled dataset's name")] = "demo",
    out: Annotated[Path, typer.Option(help="folder of the working copies")] = Path("work"),
    browser: Annotated[bool, typer.Option(help="open the browser")] = True,
    port: Annotated[int, typer.Option(help="port on this computer")] = 8888,
    language: Language = None,
) -> None:
    """Open JupyterLab on working copies of the notebooks, the card set in each: this computer only, token on."""
    from clvlib import load
    from clvlib.ingest import in_place
    from clvlib.ingest.card import find_card, read_card
    from clvlib.run import working

    in_place.require_here(read_card(find_card(source)))
    folder, new = working.copy_notebooks(load(source), source, out)
    said = phrase(
        "{folder}: {n} notebook(s) copied. "
        "{n:All were there already and stay as you left them; delete one to get it anew.|}",
        folder=folder,
        n=len(new),
    )
    typer.echo(printable(said))
    command, environment = working.lab_command(folder.resolve(), port, browser)
    if not browser:
        where = working.lab_address(command)
        typer.echo(phrase("Open this address in a browser, and keep it to yourself: {address}", address=where))
    raise typer.Exit(subprocess.run(command, env=environment, check=False).returncode)


@app.command()
def slides(
    source: Annotated[
        str | None, typer.Argument(help="a dataset card or a bundled dataset's name; without: as committed")
    ] = None,
    as_of: AsOf = None,
    language: Language = None,
    plan: Annotated[str | None, typer.Option(help="half-day, one-day or two-days: only what such a class has")] = None,
    out: Annotated[Path, typer.Option(help="folder of the runs")] = Path("runs"),
) -> None:
    """Write the notebooks as slides, one file each, that open offline: pictures, questions before them, exercises."""
    from clvlib.run import decks

    page = decks.make_slides(source, as_of, plan, out)
    decks_made = len(list(page.parent.glob("[0-9]*.html")))
    typer.echo(printable(phrase("{n} decks of slides; open {page}", n=decks_made, page=page)))


@app.command()
def refresh(
    check: Annotated[bool, typer.Option("--check", help="compare only, write nothing")] = False,
) -> None:
    """Execute the committed notebooks and write their outputs, or check that they are what is committed."""
    from clvlib.files import CHECKOUT
    from clvlib.run import refresh as notebooks

    if CHECKOUT is None:
        raise UsageError("The notebooks of an installed package stay as they are.", "Refresh them in a checkout.")
    differences = notebooks.refresh(check=check)
    for difference in differences:
        typer.echo(difference)
    raise typer.Exit(3 if check and differences else 0)


@app.command()
def doctor() -> None:
    """Check versions, kernel and data, and run a five-second notebook."""
    from clvlib.run import doctor as checks

    results = checks.examine()
    for result in results:
        grade = translated("ok") if result.good else translated("problem")
        typer.secho(f"{grade:7} ", fg="green" if result.good else "red", nl=False)
        typer.echo(f"{result.what}{'' if result.good else ' → ' + result.mend}")
    raise typer.Exit(0 if all(result.good for result in results) else 1)


def _card(
    source: str, customer_id: str | None = None, date: str | None = None, amount: str | None = None,
    order_id: str | None = None, date_format: str | None = None, decimal: str | None = None,
    currency: str | None = None, format: str | None = None,
) -> tuple[Path | None, dict[str, Any]]:  # fmt: skip
    """The card that `source` names with its path, or one made from a data file and flags."""
    from clvlib.ingest.card import bundled, find_card, read_card

    columns = {"customer_id": customer_id, "date": date, "amount": amount, "order_id": order_id}
    given = {name: value for name, value in columns.items() if value is not None}
    options = {"date_format": date_format, "decimal": decimal, "format": format}
    flags = {name: value for name, value in options.items() if value is not None}
    is_file = Path(source).exists() and not source.endswith(".toml") and source not in bundled()
    if not is_file:
        path = find_card(source)
        if given or flags or currency:
            raise UsageError(
                "Column and format flags go with a data file, not with a card.",
                phrase("Write them into the card {card}.", card=source),
            )
        return path, read_card(path)
    file = Path(source).resolve()
    card: dict[str, Any] = {"name": file.name.split(".")[0]} | ({"currency": currency} if currency else {})
    card["transactions"] = {"path": str(file), **flags} | ({"columns": given} if given else {})
    return None, card


def _kept_card(out: Path, source: str, *flags: str | None) -> str:
    """The name of the card that `source` is, or of one made from flags: kept in `out`, to be repeated and mended."""
    from clvlib import files
    from clvlib.ingest.card import as_toml

    path, card = _card(source, *flags)
    if path is not None:
        return source
    text = as_toml(card)
    # Its name says what is in it: another file of the same name, or other flags, never touch the card of a run.
    path = out / "cards" / f"{card['name']}-{hashlib.sha256(text.encode()).hexdigest()[:8]}.toml"
    path.parent.mkdir(parents=True, exist_ok=True)
    files.write_text(path, text)
    typer.echo(phrase("Card written from the flags: {file}", file=path))
    return str(path)


def _pair(setting: str) -> tuple[str, str]:
    name, equals, value = setting.partition("=")
    if not equals or not name:
        raise UsageError(
            phrase("--set {setting!r} is not of the form name=value.", setting=setting),
            "Write for instance --set horizon_years=3.",
        )
    return name.strip(), value
