"""The command that ``--notify`` runs at the end of a job."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import signal
import subprocess
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

import click

from s3batch_handler.cli.terminal._output import print_message
from s3batch_handler.core._error_text import describe
from s3batch_handler.core._sanitize import escape_unprintable, one_line

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from s3batch_handler.jobs._status import JobStatus, Progress


@dataclass(frozen=True, slots=True, kw_only=True)
class EndedJob:
    """What the command learns about a job.

    Attributes:
        report: Where the completion report is; ``None`` without a report.
        reason: Why the job failed or was cancelled, if that is known.
        summary: What ``--json`` prints.
    """

    job_id: str
    status: JobStatus
    progress: Progress
    report: str | None
    reason: str | None
    summary: Mapping[str, Any]

    @property
    def variables(self) -> dict[str, str]:
        """Return the environment variables of the command."""
        total = self.progress.total
        return {
            "S3BATCH_JOB_ID": escape_unprintable(self.job_id),
            "S3BATCH_STATUS": self.status.value,
            "S3BATCH_REASON": escape_unprintable(one_line(self.reason or "")[:_MAX_REASON]),
            "S3BATCH_TOTAL": "" if total is None else str(total),
            "S3BATCH_SUCCEEDED": str(self.progress.succeeded),
            "S3BATCH_FAILED": str(self.progress.failed),
            "S3BATCH_REPORT": self.report or "",
        }


def notify(command: str, job: EndedJob) -> None:
    """Run a command without a shell; print a warning if it fails or takes too long.

    It gets facts as environment variables, and the summary as JSON on standard input. Its output
    goes to standard error.
    """
    words = shlex.split(command)
    summary = json.dumps(job.summary, indent=2, default=datetime.isoformat)
    try:
        with subprocess.Popen(
            words,
            env={**os.environ, **job.variables},
            stdin=subprocess.PIPE,
            stdout=_STDERR,
            start_new_session=True,  # so that its children can be killed, too
        ) as process:
            problem = _wait(process, f"{summary}\n".encode())
    except (OSError, ValueError) as error:  # the program was removed, or a variable has a NUL
        problem = describe(error)
    if problem:
        print_message(f"s3batch: --notify: {escape_unprintable(words[0])}: {problem}")


def _wait(process: subprocess.Popen[bytes], summary: bytes) -> str:
    """Wait for the command, and return what went wrong, if anything did."""
    try:
        process.communicate(summary, timeout=_TIME_LIMIT)
    except (subprocess.TimeoutExpired, KeyboardInterrupt) as error:
        os.killpg(process.pid, signal.SIGKILL)
        was_interrupted = isinstance(error, KeyboardInterrupt)
        return "killed by Ctrl-C" if was_interrupted else f"killed after {_TIME_LIMIT} s"
    return f"exit code {process.returncode}" if process.returncode else ""


_STDERR: Final = 2
_TIME_LIMIT: Final = 60  # seconds
_MAX_REASON: Final = 4000  # characters; systems limit the length of variables


def _command(_context: click.Context, _option: click.Parameter, command: str | None) -> str | None:
    """Check that a command can be run, before a long job."""
    if command is None:
        return None
    try:
        words = shlex.split(command)
    except ValueError as error:
        raise click.BadParameter(f"{command!r} has a quotation mark that is not closed") from error
    if not words or shutil.which(words[0]) is None:
        name = words[0] if words else ""
        raise click.BadParameter(f"there is no program {name!r}: write its path or its name")
    return command


notify_option: Callable[[Any], Any] = click.option(
    "--notify",
    metavar="COMMAND",
    callback=_command,
    help="Command to run at the end, without a shell.",
)
