"""Wait for a job, and print its progress meanwhile."""

from __future__ import annotations

import time
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any, Final

import click

from s3batch_handler.cli._errors import error_line
from s3batch_handler.cli._options import check_threshold
from s3batch_handler.cli.terminal._live_display import BETWEEN_FRAMES, live_display
from s3batch_handler.cli.terminal._output import end_terminal_line, print_message, shell_command
from s3batch_handler.cli.terminal._progress import is_live_terminal
from s3batch_handler.cli.terminal._progress_lines import ProgressLines
from s3batch_handler.core._aws_errors import aws_error_code
from s3batch_handler.core._errors import JobError, JobNotFound, JobNotWatched, JobTimeout
from s3batch_handler.core._sanitize import escape_unprintable
from s3batch_handler.engine.run._progress_header import PROGRESS_HEADER, with_header
from s3batch_handler.engine.run._run_progress import RunProgress
from s3batch_handler.jobs._cancel_above import CancelAbove, JobNotCancelled
from s3batch_handler.jobs._job import BAD_REQUEST
from s3batch_handler.jobs._waiting import wait_for_job
from s3batch_handler.jobs._waiting_steps import RETRY_FOR, has_expired_credentials

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from s3batch_handler.cli.job._aws_services import AwsServices
    from s3batch_handler.cli.terminal._live_display import LiveDisplay
    from s3batch_handler.jobs._job import Job
    from s3batch_handler.jobs._status import JobStatus


def watch(
    services: AwsServices,
    job_id: str,
    *,
    poll: float | None = None,
    quiet: bool,
    timeout: float | None = None,
    retry_for: float | None = None,
    cancel_above: str | None = None,
    on_progress: Callable[[Job], None] | None = None,
    is_cancelled: bool = False,
) -> Job:
    """Wait for a job, and print its status and progress meanwhile.

    ``on_progress`` is called with each description of the job. With ``is_cancelled`` the caller
    cancels the job after Ctrl-C.

    Raises:
        JobNotCancelled: More tasks than ``cancel_above`` failed, and the job cannot be cancelled.
        JobTimeout: The job has not ended in time.
        JobNotWatched: The job cannot be described.
    """
    wait_again = shell_command(["s3batch", "job", "wait", job_id, *services.options])
    retry_for = RETRY_FOR if retry_for is None else retry_for
    with ExitStack() as stack:
        display = _Display(job_id, stack, quiet=quiet)
        check = None if cancel_above is None else _cancel_above(cancel_above, services, job_id)

        def show(job: Job) -> None:
            display.show(job)
            if check is not None:
                check(job)
            if on_progress is not None:
                on_progress(job)

        try:
            return wait_for_job(
                services.watching(retry_for, display.receive),
                job_id,
                poll=poll or services.poll,
                timeout=timeout,
                retry_for=retry_for,
                sleep=display.sleep,
                on_progress=show,
                on_error=display.show_error,
            )
        except (JobTimeout, JobNotCancelled):
            raise
        except Exception as error:
            problem = _why_not_watched(error, services)
            if not (isinstance(error, JobError) and error.code in _WRONG_ID):
                problem += f"; to wait again: {wait_again}"
            raise JobNotWatched(problem, job_id=job_id) from error
        except KeyboardInterrupt:
            end_terminal_line()
            if not is_cancelled:
                print_message(f"the job continues; to wait again: {wait_again}")
            raise


def _cancel_above(threshold: str, services: AwsServices, job_id: str) -> Callable[[Job], None]:
    def print_reason(reason: str) -> None:
        print_message(f"job {escape_unprintable(job_id)} is being cancelled: {reason}")

    return CancelAbove(lambda: services.control, threshold, on_cancel=print_reason)


cancel_above_option: Callable[[Any], Any] = click.option(
    "--cancel-above",
    metavar="N|PERCENT%",
    callback=check_threshold,
    help="Cancel the job if more tasks fail.",
)


class _Display:
    """Shows the status and the progress of a job, and prints errors of requests."""

    def __init__(self, job_id: str, stack: ExitStack, *, quiet: bool) -> None:
        self._job = f"job {escape_unprintable(job_id)}"
        self._status: JobStatus | None = None
        self._has_failed = False
        self._header: str | None = None
        self._answers: int | None = None  # of a job of ``s3batch serve``, when it ran last
        self._live: LiveDisplay | None = None
        self._lines: ProgressLines | None = None
        if not quiet and is_live_terminal():
            self._live = stack.enter_context(live_display())
        elif not quiet:
            self._lines = ProgressLines()

    def show(self, job: Job) -> None:
        if self._has_failed:
            print_message(f"{self._job} is watched again")
        self._has_failed = False
        progress = self._progress_of(job)
        if self._live is not None:
            self._live.update(progress)
        if self._lines is not None:
            if job.status is not self._status:
                print_message(job.status)
            self._lines.update(progress)
        self._status = job.status

    def receive(self, headers: Mapping[str, str]) -> None:
        """Keep the header in which ``s3batch serve`` sends what DescribeJob does not return."""
        self._header = headers.get(PROGRESS_HEADER)

    def _progress_of(self, job: Job) -> RunProgress:
        counts = job.progress
        progress = RunProgress(
            counts.total,
            counts.succeeded,
            counts.failed,
            counts.active_seconds,
            status=job.status,
            answers=counts.done if self._answers is None else self._answers,
        )
        more = None if self._header is None else with_header(progress, self._header)
        if more is None:  # a job of AWS, or one that does not run
            return progress
        self._answers = more.answers
        return more

    def show_error(self, error: Exception, seconds_left: float) -> None:
        """Print the first error since the last success."""
        if not self._has_failed:
            print_message(
                f"s3batch: {self._job} cannot be watched at the moment: "
                f"{error_line(error)}; retrying for up to {seconds_left:.0f} s"
            )
        self._has_failed = True

    def sleep(self, seconds: float) -> None:
        """Wait, and adapt the display to the size of the terminal meanwhile."""
        if self._live is None:
            time.sleep(seconds)
            return
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            time.sleep(min(left, BETWEEN_FRAMES))
            self._live.draw_if_due()


_WRONG_ID: Final = (BAD_REQUEST, "NoSuchJobException")


def _why_not_watched(error: Exception, services: AwsServices) -> str:
    text = error_line(error)
    if isinstance(error, JobNotFound):
        account, region = services.account_id, services.region
        return f"{text} (account {account}, Region {region}: see --account-id, --region, --profile)"
    code = error.code if isinstance(error, JobError) else aws_error_code(error)
    if has_expired_credentials(error):
        return f"{text}; renew the credentials"
    if code in ("AccessDenied", "AccessDeniedException"):
        return f"{text}; waiting needs the permission s3:DescribeJob"
    return text
