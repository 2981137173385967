"""Wait for a job in a program with an event loop."""

from __future__ import annotations

import asyncio
import time
from inspect import isawaitable
from typing import TYPE_CHECKING

from s3batch_handler.jobs._waiting_steps import (
    RETRY_FOR,
    Call,
    Describe,
    Pause,
    Waiting,
)

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from s3batch_handler.jobs._control import SupportsDescribeJob
    from s3batch_handler.jobs._job import Job


async def async_wait_for_job(
    control: SupportsDescribeJob,
    job_id: str,
    *,
    poll: float = 30.0,
    retry_for: float = RETRY_FOR,
    on_progress: Callable[[Job], Awaitable[None] | None] | None = None,
    on_status: Callable[[Job], Awaitable[None] | None] | None = None,
    on_error: Callable[[Exception, float], Awaitable[None] | None] | None = None,
) -> Job:
    """Wait until a job ends, like :func:`wait_for_job`, and let the event loop run meanwhile.

    Each request runs in a thread, so any :class:`JobControl` can be used. Callbacks may be
    functions or coroutine functions. Limit the time with ``asyncio.timeout(seconds)``, or cancel
    the task that waits: the job continues, and the response to a request that is being sent is
    ignored.

    Args:
        control: Describes the job.
        job_id: The ID of the job.
        poll: Seconds between two requests; AWS recommends at least 30.
        retry_for: Seconds of consecutive failures after which waiting ends.
        on_progress: Called with the job after each successful request.
        on_status: Called with the job after the first request, and when its status has changed.
        on_error: Called after each temporary failure, with the exception and the seconds left.

    Raises:
        JobNotWatched: The job could not be described for ``retry_for`` seconds.
        JobNotFound: There is no such job.
    """
    steps = Waiting(
        job_id=job_id,
        poll=poll,
        timeout=None,  # callers use asyncio.timeout
        retry_for=retry_for,
        clock=time.monotonic,
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
                    job = await asyncio.to_thread(control.describe_job, job_id)
                except Exception as error:
                    step = steps.throw(error)
                    continue
            case Pause(seconds):
                await asyncio.sleep(seconds)
            case Call(callback, arguments):
                called = callback(*arguments)
                if isawaitable(called):
                    await called
            case _:
                return step.job
        step = steps.send(job)
