"""Waiting for a job with :func:`async_wait_for_job`, which shares its steps with the other form."""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import EndpointConnectionError
from hypothesis import given
from hypothesis import strategies as st

from s3batch_handler.core._errors import JobError, JobNotFound, JobNotWatched
from s3batch_handler.jobs._async_waiting import async_wait_for_job
from s3batch_handler.jobs._job import Job
from s3batch_handler.jobs._waiting import wait_for_job
from tests.support.jobs import JOB_ID, described

if TYPE_CHECKING:
    from collections.abc import Callable

OUTAGE = EndpointConnectionError(endpoint_url="https://s3-control.eu-west-1.amazonaws.com")
DENIED = JobError("AccessDenied", job_id=JOB_ID, code="AccessDenied")


class Scripted:
    """Job control with scripted responses, the last of which is repeated."""

    def __init__(self, *script: Exception | str) -> None:
        self._script = list(script)
        self.threads: list[threading.Thread] = []

    def describe_job(self, job_id: str) -> Job:
        self.threads.append(threading.current_thread())
        step = self._script.pop(0) if len(self._script) > 1 else self._script[0]
        if isinstance(step, Exception):
            raise step
        return Job.from_description(described(step)["Job"])


class Calls:
    """Callbacks that record how they are called."""

    def __init__(self) -> None:
        self.made: list[object] = []

    @property
    def callbacks(self) -> Any:
        return {
            "on_progress": self._on_progress,
            "on_status": self._on_status,
            "on_error": self._on_error,
        }

    def _on_progress(self, job: Job) -> None:
        self.made.append(("progress", job.status))

    def _on_status(self, job: Job) -> None:
        self.made.append(("status", job.status))

    def _on_error(self, error: Exception, _seconds_left: float) -> None:
        self.made.append(("error", error))


def outcome(wait: Callable[[], Job]) -> object:
    """Return the status of the job that has ended, or the error."""
    try:
        return wait().status
    except JobError as error:
        return error


SCRIPTS = st.tuples(
    st.lists(st.sampled_from(["New", "Active", "Suspended", OUTAGE]), max_size=6),
    st.sampled_from(["Complete", "Failed", "Cancelled", DENIED]),
)


@given(script=SCRIPTS)
def test_both_forms_of_waiting_do_the_same(
    script: tuple[list[str | Exception], str | Exception],
) -> None:
    """They end in the same way, after the same calls of the same callbacks."""

    steps = [*script[0], script[1]]
    calls, async_calls = Calls(), Calls()

    end = outcome(lambda: wait_for_job(Scripted(*steps), JOB_ID, poll=0, **calls.callbacks))
    async_end = outcome(
        lambda: asyncio.run(
            async_wait_for_job(Scripted(*steps), JOB_ID, poll=0, **async_calls.callbacks)
        )
    )

    assert async_end == end
    assert async_calls.made == calls.made


def test_the_event_loop_runs_while_a_request_is_sent() -> None:
    """The request blocks its thread until other work of the loop is done."""
    released = threading.Event()

    class Blocking:
        def describe_job(self, job_id: str) -> Job:
            assert released.wait(60), "the event loop does not run"
            return Job.from_description(described("Complete")["Job"])

    async def main() -> Job:
        waiting = asyncio.create_task(async_wait_for_job(Blocking(), JOB_ID))
        await asyncio.sleep(0)
        released.set()
        return await waiting

    assert asyncio.run(main()).status == "Complete"


def test_waiting_can_be_cancelled_while_a_request_is_sent() -> None:
    """The waiting ends at once; the request ends in its thread."""
    started, released = threading.Event(), threading.Event()

    class Hanging:
        def describe_job(self, job_id: str) -> Job:
            started.set()
            released.wait(60)
            return Job.from_description(described("Active")["Job"])

    async def main() -> None:
        waiting = asyncio.create_task(async_wait_for_job(Hanging(), JOB_ID))
        assert await asyncio.to_thread(started.wait, 60)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        assert not released.is_set()
        released.set()

    asyncio.run(main())


def test_waiting_can_be_limited_with_a_timeout_of_asyncio() -> None:
    async def main() -> None:
        async with asyncio.timeout(0.01):
            await async_wait_for_job(Scripted("Active"), JOB_ID)

    with pytest.raises(TimeoutError):
        asyncio.run(main())


def test_requests_are_sent_in_other_threads() -> None:
    aws = Scripted("Active", "Complete")

    asyncio.run(async_wait_for_job(aws, JOB_ID, poll=0))

    assert len(aws.threads) == 2
    assert threading.main_thread() not in aws.threads


def test_coroutine_functions_can_be_callbacks() -> None:
    """They are awaited before the next request."""
    seen: list[str] = []

    async def on_status(job: Job) -> None:
        await asyncio.sleep(0)
        seen.append(job.status)

    asyncio.run(async_wait_for_job(Scripted("New", "Failed"), JOB_ID, poll=0, on_status=on_status))

    assert seen == ["New", "Failed"]


def test_a_blocking_callback_can_run_in_a_thread() -> None:
    """``asyncio.to_thread`` returns a coroutine, which is awaited; ``cancel_above`` needs that."""
    threads: list[threading.Thread] = []

    def check(_: Job) -> None:
        threads.append(threading.current_thread())

    asyncio.run(
        async_wait_for_job(
            Scripted("Complete"), JOB_ID, on_progress=lambda job: asyncio.to_thread(check, job)
        )
    )

    assert threads
    assert threading.main_thread() not in threads


def test_many_jobs_are_watched_by_one_loop() -> None:
    async def main() -> list[Job]:
        return await asyncio.gather(
            *(async_wait_for_job(Scripted("Active", "Complete"), JOB_ID, poll=0) for _ in range(20))
        )

    assert {job.status for job in asyncio.run(main())} == {"Complete"}


@pytest.mark.parametrize(
    ("failure", "expected"), [(OUTAGE, JobNotWatched), (JobNotFound(job_id=JOB_ID), JobNotFound)]
)
def test_a_failure_that_does_not_end_is_raised(
    failure: Exception, expected: type[Exception], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("s3batch_handler.jobs._waiting_steps._UNTIL_VISIBLE", 0.0)

    with pytest.raises(expected):
        asyncio.run(async_wait_for_job(Scripted(failure), JOB_ID, retry_for=0))
