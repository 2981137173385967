"""Error messages and exit codes of commands. Loaded when an error occurs: imports are slow."""

from __future__ import annotations

import errno
import json
import sys
import tempfile
import traceback
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from s3batch_handler.cli.terminal._output import INTERRUPTED, discard_buffer, print_message
from s3batch_handler.core import _errors
from s3batch_handler.core._aws_errors import aws_error_code
from s3batch_handler.core._error_text import describe
from s3batch_handler.core._errors import (
    JobError,
    JobFileError,
    JobNotWatched,
    ManifestError,
    ReportError,
    S3BatchError,
)
from s3batch_handler.core._extras import extra_of
from s3batch_handler.core._logged_exceptions import redact_exception
from s3batch_handler.core._redaction import redact
from s3batch_handler.core._sanitize import escape_unprintable, one_line, safe_line

if TYPE_CHECKING:
    from collections.abc import Iterator


class InvalidArgument(S3BatchError):
    """A value on the command line cannot be used: exit code 2."""


class BadInput(Exception):
    """A file that a command reads cannot be used: exit code 2. See :func:`bad_input_exits_with_2`.

    Attributes:
        error: The error that ends the command.
    """

    def __init__(self, error: Exception) -> None:
        super().__init__(str(error))
        self.error = error


@contextmanager
def bad_input_exits_with_2() -> Iterator[None]:
    """End a command with exit code 2 if a manifest or a report that it reads cannot be used."""
    try:
        yield
    except (ManifestError, ReportError, FileNotFoundError, IsADirectoryError) as error:
        raise BadInput(error) from error


def exit_code_of_error(error: Exception) -> int:
    """Return the exit code of a command that an error ends: docs/reference.md lists them."""
    if isinstance(error, CommandFailed):
        return 2 if error.is_bad_input else exit_code_of_error(error.error)
    if isinstance(error, click.Abort):  # Ctrl-C
        return INTERRUPTED
    if isinstance(error, click.ClickException):
        return error.exit_code
    if isinstance(error, (InvalidArgument, JobFileError)):
        return 2
    return 3 if isinstance(error, JobNotWatched) else 1


class CommandFailed(click.ClickException):
    """An error that ends a command.

    Attributes:
        error: The error of this library, of boto3, of the operating system, ….
        shows_traceback: The traceback is printed instead of the message.
        is_bad_input: A file that the command reads cannot be used.
    """

    def __init__(self, error: Exception, *, shows_traceback: bool = False) -> None:
        self.is_bad_input = isinstance(error, BadInput)
        if isinstance(error, BadInput):
            error = error.error
        super().__init__(error_line(error))
        self.error = error
        self.shows_traceback = shows_traceback


def print_error(error: click.ClickException | click.Abort, *, as_json: bool) -> None:
    """Print the error that ended a command: as text, or as one line of JSON."""
    if as_json:
        print_message(json.dumps({"error": _error_json(error)}))
    elif isinstance(error, click.Abort):
        print_message("Aborted!")
    elif isinstance(error, CommandFailed):
        print_message(_traceback(error.error) if error.shows_traceback else _text_of(error))
    elif isinstance(error, click.exceptions.NoArgsIsHelpError):
        print_message(error.format_message())
    else:
        _show_usage_error(error)


def _text_of(error: CommandFailed) -> str:
    """Return the message of an error; that of a job file has a line for each problem."""
    if isinstance(error.error, JobFileError):
        return "\n".join(f"s3batch: {sanitize_message(line)}" for line in error.error.lines)
    return f"s3batch: {error.message}"


def _error_json(error: click.ClickException | click.Abort) -> dict[str, object]:
    """Return an error as JSON; docs/reference.md lists the members."""
    exit_code = exit_code_of_error(error)
    if isinstance(error, click.Abort):
        return {"type": "Aborted", "message": "Aborted!", "exit_code": exit_code}
    if not isinstance(error, CommandFailed):
        return {"type": "UsageError", "message": _message_of_click(error), "exit_code": exit_code}
    cause = error.error
    known = {
        "code": getattr(cause, "code", None) or aws_error_code(cause),
        **{name: getattr(cause, name, None) for name in ("job_id", "source")},
    }
    line = getattr(cause, "line", None)
    return {
        "type": _documented_class(cause).__name__,
        "message": error.message,
        "exit_code": exit_code,
        **{name: sanitize_message(text) for name, text in known.items() if isinstance(text, str)},
        **({"line": line} if isinstance(line, int) else {}),
        **({"problems": [*_problems(cause)]} if isinstance(cause, JobFileError) else {}),
        **({"traceback": _traceback(cause)} if error.shows_traceback else {}),
    }


def _problems(error: JobFileError) -> Iterator[dict[str, object]]:
    for line, member, text in error.problems:
        yield {"line": line, "member": member, "message": sanitize_message(text)}


def _documented_class(error: Exception) -> type[BaseException]:
    """Return the class of an error; of an internal class of this library, its public base class."""
    if not isinstance(error, S3BatchError):
        return type(error)
    public = (InvalidArgument, *vars(_errors).values())
    return next(each for each in type(error).__mro__ if each in public)


def _traceback(error: Exception) -> str:
    lines = "".join(traceback.format_exception(redact_exception(error))).splitlines()
    return "\n".join(map(escape_unprintable, lines))


def _show_usage_error(error: click.ClickException) -> None:
    """Print an error of click with the usage of the command, if it is known."""
    text = _message_of_click(error)
    context = error.ctx if isinstance(error, click.UsageError) else None
    try:
        (click.UsageError(text, context) if context else click.ClickException(text)).show()
    except OSError:
        discard_buffer(sys.stderr)


def _message_of_click(error: click.ClickException) -> str:
    """Return the message of an error of click, in which arguments are truncated and escaped."""
    if isinstance(error, click.exceptions.NoArgsIsHelpError):
        return f"Missing command. Try '{error.ctx.command_path} --help' for help."
    text = error.format_message()
    if isinstance(error, click.MissingParameter):  # its message has several lines, and no value
        return text
    return sanitize_message(text)


def error_line(error: BaseException) -> str:
    """Format an error as one line."""
    if isinstance(error, JobFileError):
        text = "; ".join(error.lines)
    elif isinstance(error, OSError) and error.filename is not None:
        text = f"{error.filename}: {error.strerror}"
    elif isinstance(error, JobError) and error.code:
        text = f"{error.code}: {error}"
    elif isinstance(error, S3BatchError):
        text = str(error)
    else:
        text = describe(error)
    if type(error).__name__ == "NoCredentialsError":
        text += ": run 'aws configure', or set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
    if isinstance(error, ModuleNotFoundError) and "pip install" not in text:
        extra = extra_of(error.name or "")
        text += f": pip install 's3batch-handler[{extra}]'" if extra else ""
    if isinstance(error, FileNotFoundError) and error.filename is None and not _cwd_exists():
        text = "the current directory was deleted: change to another one, and start again"
    if isinstance(error, OSError) and error.errno == errno.ENOSPC and error.filename is None:
        text += f"; temporary files are in {tempfile.gettempdir()}, TMPDIR names another place"
    return sanitize_message(one_line(text))


def _cwd_exists() -> bool:
    try:
        Path.cwd()
    except OSError:
        return False
    return True


def sanitize_message(text: str) -> str:
    """Truncate, escape and redact untrusted text, such as a file name, for a message."""
    return safe_line(redact(text, _MAX_LENGTH), _MAX_LENGTH)


_MAX_LENGTH: Final = 4000  # characters
