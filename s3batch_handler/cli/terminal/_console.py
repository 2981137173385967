"""Consoles for text with colors and tables; without colors where none are shown."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any, Final

from s3batch_handler.cli.terminal._output import print_data, shell_command
from s3batch_handler.core._sanitize import escape_unprintable

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from rich.console import Console, RenderableType
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
    size: dict[str, Any] = {}
    if stream is None or not stream.isatty():
        size = {"width": _WIDTH_ELSEWHERE}
    elif os.environ.get("TERM") in _DUMB:  # for which Rich assumes 80 columns
        columns, lines = os.get_terminal_size(stream.fileno())
        size = {"width": columns or 80, "height": lines or 25}
    # Markup and emoji codes in keys and messages are text. Rich itself follows NO_COLOR.
    return Console(stderr=stderr, markup=False, emoji=False, highlight=False, **size)


_WIDTH_ELSEWHERE: Final = 10_000  # in pipes and files, lines are not wrapped


def shows_tables() -> bool:
    """Return whether data is printed to a terminal, for people, and not to a pipe or a file."""
    return sys.stdout is not None and sys.stdout.isatty()


def shows_colors() -> bool:
    """Return whether data is printed to a terminal with colors, and the user wants them."""
    return shows_tables() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") not in _DUMB


_DUMB: Final = ("dumb", "unknown")  # values of TERM


def print_rich(*renderables: RenderableType, soft_wrap: bool = False) -> None:
    """Print tables and other objects of Rich as data: see :func:`print_data`.

    With ``soft_wrap`` the terminal wraps long lines, so a path can be copied in one piece.
    """
    console = data_console()
    try:
        with console.capture() as capture:
            for renderable in renderables:
                console.print(renderable, soft_wrap=soft_wrap)
    except OSError as error:  # Rich writes an empty text to the console
        raise OSError(error.errno, error.strerror, "standard output") from error
    print_data(capture.get().removesuffix("\n"))


def safe_text(value: object, style: str = "") -> Text:
    """Return untrusted text for a table, with control characters escaped."""
    from rich.text import Text

    return Text(escape_unprintable(str(value)), style=style)


def command_lines(words: Iterable[str], *, indent: str = "") -> Iterator[str]:
    r"""Yield a command for a shell, with ``\`` at the end of lines if the terminal is narrow."""
    width = data_console().width - len(_CONTINUED)
    line = ""
    for word in words:
        quoted = shell_command([word])
        if line and len(indent) + len(line) + 1 + len(quoted) > width:
            yield f"{indent}{line}{_CONTINUED}"
            line = f"  {quoted}"
        else:
            line = f"{line} {quoted}" if line else quoted
    yield f"{indent}{line}"


_CONTINUED: Final = " \\"


def printable(text: str) -> str:
    """Replace marks of this package that the terminal cannot print."""
    try:
        _MARKS.encode(sys.stdout.encoding or "ascii")
    except (UnicodeEncodeError, LookupError):
        return text.translate(_IN_ASCII)
    return text


_MARKS: Final = "✓✗→…"
TIMES: Final = "\N{MULTIPLICATION SIGN}"
_IN_ASCII: Final = str.maketrans({"✓": "+", "✗": "x", "→": "->", "…": "...", TIMES: "x"})
