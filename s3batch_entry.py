"""The entry point of the installed script ``s3batch``.

This module is not part of the package, because Python imports the package before its modules: a
Ctrl-C during that import, too, ends the command with one line.
"""

from __future__ import annotations

import sys


def main() -> None:
    """Import and run the command line."""
    try:
        from s3batch_handler.cli import main as run
    except KeyboardInterrupt:
        print("\nAborted!", file=sys.stderr)
        sys.exit(130)
    run()
