"""Wait for a job, and print its progress meanwhile."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING, Final

from s3batch_handler.cli._output import end_terminal_line, error_line, print_message, shell_command
from s3batch_handler.cli._progress import show_progress
from s3batch_handler.core._aws_errors import aws_error_code
from s3batch_handler.core._errors import JobError, JobNotFound, JobNotWatched, JobTimeout
from s3batch_handler.core._sanitize import escape_unprintable
from s3batch_handler.jobs._control import RETRY_FOR, has_expired_credentials, wait_for_job
from s3batch_handler.jobs._job import BAD_REQUEST
from s3batch_handler.jobs._status import JobStatus

if TYPE_CHECKING:
    from collections.abc import Callable

    from s3batch_handler.cli.job._aws_services import AwsServices
    from s3batch_handler.jobs._job import Job
    from s3batch_handler.jobs._status import Progress


def watch(
    services: AwsServices,
    job_id: str,
    *,
    poll: float | None = None,
    quiet: bool,
    timeout: float | None = None,
    retry_for: float | None = None,
) -> Job:
    """Wait for a job, and show meanwhile which status it has and how far it is.

    Raises:
        JobTimeout: It is not over yet.
        JobNotWatched: The job cannot be described.
    """
    again = shell_command(["s3batch", "job", "wait", job_id, *services.options])
    retry_for = RETRY_FOR if retry_for is None else retry_for
    with ExitStack() as stack:
        status: JobStatus | None = None
        update: Callable[[Progress], None] | None = None
        is_away = False

        def look(job: Job) -> None:
            nonlocal status, update, is_away
            if is_away:
                print_message(f"job {escape_unprintable(job_id)} is watched again")
            is_away = False
            if quiet:
                return
            if update is None and job.status is JobStatus.ACTIVE and job.progress.total:
                update = stack.enter_context(
                    show_progress(job.progress.total, quiet=False, owns_terminal=True)
                )
            elif update is None and job.status is not status:
                print_message(job.status)
            status = job.status
            if update is not None:
                update(job.progress)

        def tell_of(error: Exception, seconds_left: float) -> None:
            nonlocal is_away
            if not is_away:
                end_terminal_line()  # of a progress bar
                print_message(
                    f"s3batch: job {escape_unprintable(job_id)} cannot be watched at the moment: "
                    f"{error_line(error)}; retrying for up to {seconds_left:.0f} s"
                )
            is_away = True

        try:
            return wait_for_job(
                services.watching(retry_for),
                job_id,
                poll=poll or services.poll,
                timeout=timeout,
                retry_for=retry_for,
                on_progress=look,
                on_error=tell_of,
            )
        except JobTimeout:
            raise
        except Exception as error:
            problem = _why_not_watched(error, services)
            if not (isinstance(error, JobError) and error.code in _WRONG_ID):
                problem += f"; to wait again: {again}"
            raise JobNotWatched(problem, job_id=job_id) from error
        except KeyboardInterrupt:
            end_terminal_line()
            print_message(f"the job continues; to wait again: {again}")
            raise


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
