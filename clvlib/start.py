"""The command's first lines: an interruption while all else is still being loaded ends it as later ones do."""

import os
import signal
import sys


def main() -> None:
    """Load `clvlib.cli` and run it."""
    try:
        from clvlib import cli

        cli.main()
    except KeyboardInterrupt:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        os.write(2, b"Stopped.\n")
        sys.exit(130)
