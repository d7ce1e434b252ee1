"""The command's help, and what is wrong with its arguments → the same in the reader's language; in English it is what
Typer makes of it."""

import contextlib
import os
import re
from collections.abc import Iterator, Sequence
from typing import Any

import typer
from typer import rich_utils

from clvlib.language import ENGLISH, languages, message, phrase, speak, spoken, translated

_ABOUT_HELP = message("Show this message and exit.")
_OF_TYPER = message(  # its own words, by the names that it gives them
    {
        "DEFAULT_STRING": "[default: {}]",
        "REQUIRED_LONG_STRING": "[required]",
        "COMMANDS_PANEL_TITLE": "Commands",
        "ERRORS_PANEL_TITLE": "Error",
        "RICH_HELP": "Try [blue]'{command_path} {help_option}'[/] for help.",
    }
)
_USAGE = message("Usage: ")
_WRONG = message(  # what it says of arguments; of two that begin alike, the longer one first
    [
        "Missing argument {name}.",
        "No such command {name}. Did you mean {close}?",
        "No such command {name}.",
        "No such option: {name} (Possible options: {close})",
        "No such option: {name}",
        "Option {name} requires an argument.",
        "Option {name} does not take a value.",
        "Got unexpected extra argument(s) ({these})",
        "Invalid value for {name}: Input should be a valid integer, unable to parse string as an integer",
    ]
)
_Misused: Any = typer.BadParameter.__base__  # an error of usage: Typer's own, or click's in an older Typer


def call(app: typer.Typer, arguments: Sequence[str]) -> int:
    """Call the command with these arguments, those of the process; give its exit code."""
    command = command_of(app, arguments)
    try:
        return command(standalone_mode=False) or 0
    except _Misused as error:
        with _in_language_of(arguments, command):
            told = error.format_message()
            said = _said(told)
            rich_utils.rich_format_error(error if said == told else _Misused(said, error.ctx))
        return int(error.exit_code)


def command_of(app: typer.Typer, arguments: Sequence[str]) -> Any:
    """The command to be called; where these arguments ask for help, in the language of whoever asks."""
    command = typer.main.get_command(app)
    if "--help" in arguments or not arguments:
        with _in_language_of(arguments, command):
            return command
    return command


@contextlib.contextmanager
def _in_language_of(arguments: Sequence[str], command: Any) -> Iterator[None]:
    """Speak the language of whoever gives these arguments, as do then Typer and the command."""
    speak(_language_of(arguments))
    if spoken() != ENGLISH:
        for name, text in _OF_TYPER.items():
            setattr(rich_utils, name, translated(text))
        _translate(command)
    yield
    speak(ENGLISH)


def _language_of(arguments: Sequence[str]) -> str:
    """That of --language, else that of the environment's locale, if there is a catalogue of it."""
    given = re.findall(r"--language[ =](\S+)", " ".join(arguments))
    locale = next(filter(None, map(os.environ.get, ("LC_ALL", "LC_MESSAGES", "LANG"))), "")
    return next((known for known in (*given, re.split(r"[^a-z]", locale)[0]) if known in languages()), ENGLISH)


def _translate(command: Any) -> None:
    """How a command is written, what it, its options and the commands below it are for."""
    usage, said = command.get_usage, translated(_USAGE)
    command.get_usage = lambda context: usage(context).replace(_USAGE, said, 1)
    command.get_help_option(typer.Context(command)).help = translated(_ABOUT_HELP)
    for named in (command, *command.params):
        named.help = translated(named.help or "")
    command.epilog = command.epilog and translated(command.epilog)
    if isinstance(command, typer.core.TyperGroup):
        command.subcommand_metavar = translated(command.subcommand_metavar)
        for below in command.commands.values():
            _translate(below)


def _said(told: str) -> str:
    """What Typer says of the arguments, in the language spoken; as it is where none of `_WRONG` is like it."""
    for template in _WRONG:
        pattern = re.sub(r"\\{(\w+)\\}", r"(?P<\1>.+)", re.escape(template))
        if found := re.fullmatch(pattern, told, re.DOTALL):
            return phrase(template, **found.groupdict())
    return told
