"""The help of the command → the same in the reader's language; in English it is what Typer makes of it."""

import os
import re
from collections.abc import Sequence
from typing import Any

import typer
from typer import rich_utils

from clvlib.language import ENGLISH, languages, message, speak, spoken, translated

_ABOUT_HELP = message("Show this message and exit.")
_OF_TYPER = message(  # its own words, by the names that it gives them
    {"DEFAULT_STRING": "[default: {}]", "REQUIRED_LONG_STRING": "[required]", "COMMANDS_PANEL_TITLE": "Commands"}
)


def command_of(app: typer.Typer, arguments: Sequence[str]) -> Any:
    """The command to be called; where these arguments ask for help, in the language of whoever asks."""
    command = typer.main.get_command(app)
    if "--help" in arguments or not arguments:
        speak(_language_of(arguments))
        if spoken() != ENGLISH:
            for name, text in _OF_TYPER.items():
                setattr(rich_utils, name, translated(text))
            _translate(command)
        speak(ENGLISH)
    return command


def _language_of(arguments: Sequence[str]) -> str:
    """That of --language, else that of the environment's locale, if there is a catalogue of it."""
    given = re.findall(r"--language[ =](\S+)", " ".join(arguments))
    locale = next(filter(None, map(os.environ.get, ("LC_ALL", "LC_MESSAGES", "LANG"))), "")
    return next((known for known in (*given, re.split(r"[^a-z]", locale)[0]) if known in languages()), ENGLISH)


def _translate(command: Any) -> None:
    """What a command, its options and the commands below it are for."""
    command.get_help_option(typer.Context(command)).help = translated(_ABOUT_HELP)
    for named in (command, *command.params):
        named.help = translated(named.help or "")
    command.epilog = command.epilog and translated(command.epilog)
    for below in getattr(command, "commands", {}).values():
        _translate(below)
