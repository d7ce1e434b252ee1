"""The command's first lines: an interruption while all else is still being loaded ends it as later ones do, and what
takes seconds to load, and nothing here needs, is left out."""

import os
import signal
import sys


def spare_grammar() -> None:
    """Keep jsonschema, which notebooks are checked with, from building a grammar of web addresses: they have none.

    That would take three seconds at every start; to be called before anything loads nbformat.
    """
    sys.modules.setdefault("rfc3987_syntax", None)  # type: ignore[arg-type]


def main() -> None:
    """Load `clvlib.run.commands` and run it."""
    try:
        spare_grammar()
        from clvlib.run import commands

        commands.main()
    except KeyboardInterrupt:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        os.write(2, b"Stopped.\n")
        sys.exit(130)
