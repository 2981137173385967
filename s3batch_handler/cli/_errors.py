"""Error messages and exit codes of commands. Loaded when an error occurs: imports are slow."""

from __future__ import annotations

import errno
import tempfile
import traceback
from pathlib import Path
from typing import Final

from s3batch_handler.cli._output import print_message
from s3batch_handler.core._error_text import describe
from s3batch_handler.core._errors import JobError, JobNotWatched, S3BatchError
from s3batch_handler.core._logged_exceptions import redact_exception
from s3batch_handler.core._redaction import redact
from s3batch_handler.core._sanitize import escape_unprintable, one_line, safe_line


class InvalidArgument(S3BatchError):
    """A value on the command line cannot be used: exit code 2."""


def exit_code_of_error(error: Exception) -> int:
    """Return the exit code of a command that an error ends: docs/reference.md lists them."""
    if isinstance(error, InvalidArgument):
        return 2
    return 3 if isinstance(error, JobNotWatched) else 1


def print_error(error: Exception, *, with_traceback: bool) -> None:
    """Print an error as one line, or as a traceback."""
    if with_traceback:
        lines = "".join(traceback.format_exception(redact_exception(error))).splitlines()
        print_message("\n".join(map(escape_unprintable, lines)))
    else:
        print_message(f"s3batch: {error_line(error)}")


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
    if isinstance(error, FileNotFoundError) and error.filename is None and not _cwd_exists():
        text = "the current directory was deleted: change to another one, and start again"
    if isinstance(error, OSError) and error.errno == errno.ENOSPC and error.filename is None:
        text += f"; temporary files are in {tempfile.gettempdir()}, TMPDIR names another place"
    return sanitize_message(one_line(text))


_PARTS_OF_LOCAL: Final = ("moto", "flask", "flask_cors", "boto3", "botocore")


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
