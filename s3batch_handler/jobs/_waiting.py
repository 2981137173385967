"""Wait for a job, through throttling and lost connections."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from s3batch_handler.jobs._waiting_steps import (
    RETRY_FOR,
    Call,
    Describe,
    Pause,
    Waiting,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from s3batch_handler.jobs._control import SupportsDescribeJob
    from s3batch_handler.jobs._job import Job


def wait_for_job(
    control: SupportsDescribeJob,
    job_id: str,
    *,
    poll: float = 30.0,
    timeout: float | None = None,
    retry_for: float = RETRY_FOR,
    sleep: Callable[[float], None] = time.sleep,
    clock: Callable[[], float] = time.monotonic,
    on_progress: Callable[[Job], None] | None = None,
    on_status: Callable[[Job], None] | None = None,
    on_error: Callable[[Exception, float], None] | None = None,
) -> Job:
    """Wait until a job ends, and return it: ``Complete``, ``Cancelled`` or ``Failed``.

    Temporary failures of requests (throttling, errors of the service, lost connections) are retried
    for ``retry_for`` seconds, and a job that is not found for 15 seconds, because a new job may not
    be visible yet. Any other error is raised immediately. This also waits for a suspended job.

    Args:
        control: Describes the job.
        job_id: The ID of the job.
        poll: Seconds between two requests; AWS recommends at least 30.
        timeout: The maximum number of seconds to wait; ``None`` means no limit.
        retry_for: Seconds of consecutive failures after which waiting ends.
        sleep: Waits for a number of seconds.
        clock: Returns the time in seconds.
        on_progress: Called with the job after each successful request.
        on_status: Called with the job after the first request, and when its status has changed.
        on_error: Called after each temporary failure, with the exception and the seconds left.

    Raises:
        JobTimeout: The job has not ended within ``timeout``.
        JobNotWatched: The job could not be described for ``retry_for`` seconds.
        JobNotFound: There is no such job.
    """
    steps = Waiting(
        job_id=job_id,
        poll=poll,
        timeout=timeout,
        retry_for=retry_for,
        clock=clock,
        on_progress=on_progress,
        on_status=on_status,
        on_error=on_error,
    ).steps()
    step = next(steps)
    while True:
        job = None
        match step:
            case Describe():
                try:
                    job = control.describe_job(job_id)
                except Exception as error:
                    step = steps.throw(error)
                    continue
            case Pause(seconds):
                sleep(seconds)
            case Call(callback, arguments):
                callback(*arguments)
            case _:
                return step.job
        step = steps.send(job)
