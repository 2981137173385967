"""Print data to standard output and messages to standard error."""

from __future__ import annotations

import errno
import json
import os
import shlex
import sys
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final, TextIO, cast

import click

from s3batch_handler.core._sanitize import escape_unprintable_json

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from io import TextIOWrapper


INTERRUPTED: Final = 130
"""Exit code of a command that Ctrl-C ended: 128 plus the number of SIGINT, as in shells."""


def counted(number: int, noun: str) -> str:
    """Return a number with a noun: ``1 task``, ``2,000 tasks``."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def print_data(text: str | bytes) -> None:
    """Print data; stop without an error if the reader closed the pipe (``| head -1``)."""
    _is_printed(text)


def print_lines(lines: Iterable[str]) -> None:
    """Print any number of lines; stop reading them if the reader closed the pipe."""
    batch: list[str] = []
    try:
        for line in lines:
            batch.append(line)
            if len(batch) == _BATCH:
                text = "\n".join(batch)
                batch = []
                if not _is_printed(text):
                    return
    finally:  # the lines before an error
        if batch:
            print_data("\n".join(batch))


_BATCH: Final = 500


def _is_printed(text: str | bytes) -> bool:
    """Print data; return ``False`` if the reader closed the pipe."""
    try:
        click.echo(text, color=True)  # or click would remove what looks like a color from data
    except OSError as error:
        discard_buffer(sys.stdout)
        if error.errno not in READER_GONE:
            raise OSError(error.errno, error.strerror, "standard output") from error
        return False
    return True


READER_GONE: Final = (errno.EPIPE, errno.EIO)  # EIO: the terminal is closed


def discard_buffer(stream: TextIO) -> None:
    """Discard what is still buffered for a stream that cannot be written to.

    Python would try again as it ends, and exit with 120.
    """
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, stream.fileno())
    os.close(nowhere)


def print_json(value: Mapping[str, Any], *, indent: int | None = 2) -> None:
    """Print JSON in ASCII: any locale can print it, and it has no terminal control characters."""
    print_data(json.dumps(value, indent=indent, default=datetime.isoformat))


def print_json_text(text: str) -> None:
    """Print a JSON document; escape only terminal control characters."""
    print_data(escape_unprintable_json(text))


def print_message(text: str) -> None:
    """Print a message; ignore a standard error that cannot be written to."""
    try:
        click.echo(text, err=True)
    except OSError:
        discard_buffer(sys.stderr)


def end_terminal_line() -> None:
    """End the line of a progress bar, or of the ``^C`` that a terminal shows."""
    if sys.stderr is not None and sys.stderr.isatty():
        print_message("")


def prepare_standard_streams() -> None:
    """Open closed standard streams, and make them accept any character."""
    for number in range(3):  # or pipes to workers would get these numbers
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)
    for stream in (cast("Any", sys.stdout), cast("Any", sys.stderr)):
        if stream is not None:  # the parent process closed it
            cast("TextIOWrapper", stream).reconfigure(errors="backslashreplace")


def shell_command(words: Iterable[str]) -> str:
    r"""Join words to a command for bash, zsh or ksh, with unprintable characters escaped.

    A shell reads the same words from the command: ``$'my\xc2\xa0job'``.
    """
    return " ".join(map(_shell_word, words))


def _shell_word(word: str) -> str:
    if word.isprintable():
        return shlex.quote(word)
    quoted = word.replace("\\", r"\\").replace("'", r"\'")
    return f"$'{''.join(map(_shell_character, quoted))}'"


def _shell_character(char: str) -> str:
    if char.isprintable():
        return char
    return "".join(f"\\x{byte:02x}" for byte in char.encode("utf-8", "surrogateescape"))
