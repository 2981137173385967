"""Print data to standard output and messages to standard error."""

from __future__ import annotations

import errno
import json
import os
import shlex
import sys
import tempfile
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TextIO, cast

import click

from s3batch_handler.core._error_text import describe
from s3batch_handler.core._errors import JobError, S3BatchError
from s3batch_handler.core._redaction import redact
from s3batch_handler.core._sanitize import escape_unprintable_json, one_line, safe_line

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from io import TextIOWrapper


INTERRUPTED: Final = 130
"""Exit code of a command that Ctrl-C ended: 128 and the number of SIGINT, as in shells."""


def print_data(text: str) -> None:
    """Print data; stop without an error if the reader closed the pipe (``| head -1``)."""
    try:
        click.echo(text)
    except OSError as error:
        discard_buffer(sys.stdout)
        if error.errno not in READER_GONE:
            raise OSError(error.errno, error.strerror, "standard output") from error


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


def error_line(error: BaseException) -> str:
    """Format an error as one line."""
    if isinstance(error, OSError) and error.filename is not None:
        text = f"{error.filename}: {error.strerror}"
    elif isinstance(error, JobError) and error.code:
        text = f"{error.code}: {error}"
    elif isinstance(error, S3BatchError):
        text = str(error)
    else:
        text = describe(error)
    if type(error).__name__ == "NoCredentialsError":
        text += ": run 'aws configure', or set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
    if isinstance(error, ModuleNotFoundError) and error.name in _PARTS_OF_LOCAL:
        text += ": pip install 's3batch-handler[local]'"
    if isinstance(error, FileNotFoundError) and error.filename is None and not _is_somewhere():
        text = "the current directory was deleted: change to another one, and start again"
    if isinstance(error, OSError) and error.errno == errno.ENOSPC and error.filename is None:
        text += f"; temporary files are in {tempfile.gettempdir()}, TMPDIR names another place"
    return sanitize_message(one_line(text))


def sanitize_message(text: str) -> str:
    """Truncate, escape and redact untrusted text, such as a file name, for a message."""
    return safe_line(redact(text, _LONGEST), _LONGEST)


_LONGEST: Final = 4000  # characters of a message
_PARTS_OF_LOCAL: Final = ("moto", "flask", "flask_cors", "boto3", "botocore")


def _is_somewhere() -> bool:
    """Return whether the current directory exists."""
    try:
        Path.cwd()
    except OSError:
        return False
    return True


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

    Pasted into a shell, the command means the same words: ``$'my\xc2\xa0job'``.
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
