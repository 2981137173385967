"""Consoles for text with colors and tables; without colors where none are shown."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Final

from s3batch_handler.core._sanitize import escape_unprintable

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text


def data_console() -> Console:
    """Return a console for standard output: data. In a pipe it has no colors, and any width."""
    return _console(stderr=False)


def message_console() -> Console:
    """Return a console for standard error: progress and messages."""
    return _console(stderr=True)


def _console(*, stderr: bool) -> Console:
    from rich.console import Console  # a slow import

    stream = sys.stderr if stderr else sys.stdout
    width = None if stream is not None and stream.isatty() else _WIDTH_ELSEWHERE
    # Markup and emoji codes in keys and messages are text. NO_COLOR is obeyed by Rich itself.
    return Console(stderr=stderr, markup=False, emoji=False, highlight=False, width=width)


_WIDTH_ELSEWHERE: Final = 10_000  # in pipes and files, lines are not wrapped


def safe_text(value: object, style: str = "") -> Text:
    """Return untrusted text for a table, with control characters escaped."""
    from rich.text import Text

    return Text(escape_unprintable(str(value)), style=style)
