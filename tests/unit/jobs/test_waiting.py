"""Waiting for a job with :func:`wait_for_job`, through throttling and lost connections."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import (
    ClientError,
    CredentialRetrievalError,
    EndpointConnectionError,
    NoCredentialsError,
    ProxyConnectionError,
    ReadTimeoutError,
    SSLError,
)
from botocore.parsers import ResponseParserError
from typing_extensions import override

from s3batch_handler.core._errors import JobError, JobNotFound, JobNotWatched, JobTimeout
from s3batch_handler.jobs._job import Job
from s3batch_handler.jobs._status import JobStatus
from s3batch_handler.jobs._waiting import wait_for_job
from tests.support.jobs import JOB_ID, OF_JOB, described

if TYPE_CHECKING:
    from botocore.stub import Stubber

    from s3batch_handler.jobs._control import S3Control


class Clock:
    """A clock that advances only while :meth:`sleep` runs."""

    def __init__(self) -> None:
        self.slept: list[float] = []

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)

    def __call__(self) -> float:
        return sum(self.slept)


@pytest.mark.parametrize("end", ["Complete", "Failed", "Cancelled"])
def test_waiting_ends_with_the_job(aws: Stubber, control: S3Control, end: str) -> None:
    """``on_progress`` gets each description."""
    for status in ("New", "Suspended", "Active", "Completing", end):
        aws.add_response("describe_job", described(status), OF_JOB)
    clock, seen = Clock(), list[Job]()

    job = wait_for_job(control, JOB_ID, sleep=clock.sleep, clock=clock, on_progress=seen.append)

    assert job.status == end
    assert [look.status for look in seen] == ["New", "Suspended", "Active", "Completing", end]
    assert clock.slept == [30.0] * 4


def test_a_change_of_the_status_is_reported_once() -> None:
    """``on_status`` gets the job after the first request, and when its status has changed."""
    clock, statuses = Clock(), list[str]()

    wait_for_job(
        Aws("Active", "Active", refused("SlowDown", 503), "Active", "Complete"),
        JOB_ID,
        sleep=clock.sleep,
        clock=clock,
        on_status=lambda job: statuses.append(job.status),
    )

    assert statuses == ["Active", "Complete"]


def test_an_error_of_a_callback_ends_the_waiting() -> None:
    """It is not an error of a request, so nothing is retried."""
    aws = Aws("Active")

    def fail(_: Job) -> None:
        raise ConnectionResetError("by the callback")

    with pytest.raises(ConnectionResetError, match="by the callback"):
        wait_for_job(aws, JOB_ID, sleep=lambda _: None, on_progress=fail)

    assert aws.requests == 1


def test_waiting_ends_at_the_timeout(aws: Stubber, control: S3Control) -> None:
    """The last request is sent at the timeout."""
    for _ in range(3):
        aws.add_response("describe_job", described(), OF_JOB)
    clock = Clock()

    with pytest.raises(JobTimeout, match=f"{JOB_ID} is still Active after 50 seconds") as timeout:
        wait_for_job(control, JOB_ID, timeout=50, sleep=clock.sleep, clock=clock)

    assert clock.slept == [30.0, 20.0]
    assert isinstance(timeout.value, TimeoutError)


def test_a_job_that_has_ended_needs_no_time(aws: Stubber, control: S3Control) -> None:
    """With a timeout of 0 there is one request."""
    aws.add_response("describe_job", described("Complete"), OF_JOB)
    clock = Clock()

    wait_for_job(control, JOB_ID, timeout=0, sleep=clock.sleep, clock=clock)

    assert clock.slept == []


# ---------------------------------------------------------------- requests that fail

ADDRESS = "https://s3-control.eu-west-1.amazonaws.com"


class Aws:
    """Job control with scripted responses, the last of which is repeated."""

    def __init__(self, *script: Exception | str) -> None:
        self._script = list(script)
        self.requests = 0

    def describe_job(self, job_id: str) -> Job:
        self.requests += 1
        step = self._script.pop(0) if len(self._script) > 1 else self._script[0]
        if isinstance(step, Exception):
            raise step
        return Job.from_description(described(step)["Job"])


def refused(code: str, status: int = 400) -> Exception:
    """Return the exception of S3Control for an error of AWS."""
    response: Any = {"Error": {"Code": code}, "ResponseMetadata": {"HTTPStatusCode": status}}
    error = (
        JobNotFound(job_id=JOB_ID)
        if code == "NoSuchJobException"
        else JobError(code, job_id=JOB_ID, code=code)
    )
    error.__cause__ = ClientError(response, "DescribeJob")
    return error


TEMPORARY = {
    "throttled": refused("SlowDown", 503),
    "too many requests": refused("TooManyRequestsException", 429),
    "an error of the service": refused("InternalServiceException", 500),
    "a bad gateway": refused("502", 502),
    "a clock that is off after a sleep": refused("RequestTimeTooSkewed", 403),
    "a name that does not resolve": EndpointConnectionError(endpoint_url=ADDRESS),
    "a proxy that is away": ProxyConnectionError(proxy_url="http://proxy:3128"),
    "no answer": ReadTimeoutError(endpoint_url=ADDRESS),
    "a handshake that is cut off": SSLError(endpoint_url=ADDRESS, error=EOFError()),
    "an incomplete response": ResponseParserError("invalid XML received"),
    "credentials that cannot be fetched": CredentialRetrievalError(
        provider="custom-process", error_msg="timed out"
    ),
    "a reset connection": ConnectionResetError("reset by peer"),
}


@pytest.mark.parametrize("what", TEMPORARY)
def test_temporary_failures_do_not_end_the_waiting(what: str) -> None:
    """``on_error`` gets each failure and the seconds left."""
    failure, clock = TEMPORARY[what], Clock()
    aws = Aws(failure, failure, "Active", failure, "Complete")
    failures: list[tuple[Exception, float]] = []

    job = wait_for_job(
        aws,
        JOB_ID,
        sleep=clock.sleep,
        clock=clock,
        on_error=lambda *failed: failures.append(failed),
    )

    assert job.status is JobStatus.COMPLETE
    assert clock.slept == [2, 4, 30, 2]
    assert failures == [(failure, 600), (failure, 598), (failure, 600)]


@pytest.mark.parametrize(
    "failure",
    [
        refused("AccessDenied", 403),
        refused("InvalidClientTokenId", 403),
        refused("ExpiredToken", 400),
        refused("ExpiredTokenException", 403),
        refused("BadRequestException", 400),
        NoCredentialsError(),
    ],
    ids=lambda failure: str(failure)[:30],
)
def test_permanent_failures_end_the_waiting_at_once(failure: Exception) -> None:
    """Expired credentials are permanent, because this process gets no others."""
    aws, clock = Aws("Active", failure), Clock()

    with pytest.raises(type(failure)) as raised:
        wait_for_job(aws, JOB_ID, sleep=clock.sleep, clock=clock)

    assert raised.value is failure
    assert clock.slept == [30]


def test_a_long_outage_ends_the_waiting() -> None:
    """The last request is sent after ``retry_for`` seconds."""
    failure, clock = refused("SlowDown", 503), Clock()

    with pytest.raises(JobNotWatched, match="could not be described for 100 s: SlowDown") as raised:
        wait_for_job(Aws("Active", failure), JOB_ID, retry_for=100, sleep=clock.sleep, clock=clock)

    assert clock.slept == [30, 2, 4, 8, 16, 30, 30, 10]
    assert (raised.value.job_id, raised.value.code) == (JOB_ID, "SlowDown")
    assert raised.value.__cause__ is failure


def test_a_success_resets_the_outage() -> None:
    """Two short outages do not add up."""
    failure, clock = EndpointConnectionError(endpoint_url=ADDRESS), Clock()
    outage = (failure,) * 4

    job = wait_for_job(
        Aws(*outage, "Active", *outage, "Complete"),
        JOB_ID,
        retry_for=30,
        sleep=clock.sleep,
        clock=clock,
    )

    assert job.status is JobStatus.COMPLETE
    assert clock() == 2 * (2 + 4 + 8 + 16) + 30


def test_the_time_of_requests_is_part_of_the_outage() -> None:
    clock = Clock()

    class Slow(Aws):
        @override
        def describe_job(self, job_id: str) -> Job:
            clock.sleep(100)
            return super().describe_job(job_id)

    aws = Slow(ReadTimeoutError(endpoint_url=ADDRESS))
    with pytest.raises(JobNotWatched):
        wait_for_job(aws, JOB_ID, retry_for=250, sleep=clock.sleep, clock=clock)

    assert aws.requests == 4
    assert clock() <= 100 + 250 + 100


def test_waiting_without_retries_ends_with_the_first_failure() -> None:
    aws = Aws(refused("SlowDown", 503))

    with pytest.raises(JobNotWatched):
        wait_for_job(aws, JOB_ID, retry_for=0, sleep=lambda _: pytest.fail("it waits"))

    assert aws.requests == 1


def test_an_outage_at_the_timeout_is_not_a_timeout() -> None:
    """It is unknown whether the job has ended."""
    clock = Clock()

    with pytest.raises(JobNotWatched):
        wait_for_job(
            Aws("Active", refused("SlowDown", 503)),
            JOB_ID,
            timeout=33,
            sleep=clock.sleep,
            clock=clock,
        )

    assert clock() == 33


def test_a_new_job_may_be_missing_for_a_moment() -> None:
    clock = Clock()
    not_found = refused("NoSuchJobException", 404)

    job = wait_for_job(
        Aws(not_found, not_found, "Complete"), JOB_ID, sleep=clock.sleep, clock=clock
    )

    assert (job.status, clock.slept) == (JobStatus.COMPLETE, [2, 4])


def test_a_missing_job_ends_the_waiting_soon() -> None:
    """Other failures do not reset its time."""
    clock = Clock()
    not_found, throttled = refused("NoSuchJobException", 404), refused("SlowDown", 503)

    with pytest.raises(JobNotFound):
        wait_for_job(Aws(not_found, throttled, not_found), JOB_ID, sleep=clock.sleep, clock=clock)

    assert clock() == 15


@pytest.mark.parametrize("answer", [{}, {"Job": {}}, {"Job": {"JobId": JOB_ID}}])
def test_a_response_without_a_job_is_temporary(
    aws: Stubber, control: S3Control, monkeypatch: pytest.MonkeyPatch, answer: dict[str, object]
) -> None:
    """A proxy may send another response with the HTTP status 200."""
    aws.add_response("describe_job", described("Complete"), OF_JOB)
    real, answers = control._call, [answer]
    monkeypatch.setattr(
        control, "_call", lambda *a, **k: answers.pop() if answers else real(*a, **k)
    )
    clock = Clock()

    job = wait_for_job(control, JOB_ID, sleep=clock.sleep, clock=clock)

    assert (job.status, clock.slept) == (JobStatus.COMPLETE, [2])
