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
from tests.unit.jobs.test_control import JOB_ID, OF_JOB, described

if TYPE_CHECKING:
    from botocore.stub import Stubber

    from s3batch_handler.jobs._control import S3Control


class Clock:
    """Time that passes only while somebody sleeps."""

    def __init__(self) -> None:
        self.slept: list[float] = []

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)

    def __call__(self) -> float:
        return sum(self.slept)


@pytest.mark.parametrize("end", ["Complete", "Failed", "Cancelled"])
def test_waiting_until_a_job_is_over(aws: Stubber, control: S3Control, end: str) -> None:
    """However it ends, that is told; on the way each look is."""
    for status in ("New", "Suspended", "Active", "Completing", end):
        aws.add_response("describe_job", described(status), OF_JOB)
    clock, seen = Clock(), list[Job]()

    job = wait_for_job(control, JOB_ID, sleep=clock.sleep, clock=clock, on_progress=seen.append)

    assert job.status == end
    assert [look.status for look in seen] == ["New", "Suspended", "Active", "Completing", end]
    assert clock.slept == [30.0] * 4


def test_waiting_no_longer_than_told(aws: Stubber, control: S3Control) -> None:
    """The last look is at the very end of the time; it tells what the job was at."""
    for _ in range(3):
        aws.add_response("describe_job", described(), OF_JOB)
    clock = Clock()

    with pytest.raises(JobTimeout, match=f"{JOB_ID} is still Active after 50 seconds") as timeout:
        wait_for_job(control, JOB_ID, timeout=50, sleep=clock.sleep, clock=clock)

    assert clock.slept == [30.0, 20.0]
    assert isinstance(timeout.value, TimeoutError)


def test_a_job_over_already_needs_no_time(aws: Stubber, control: S3Control) -> None:
    """A timeout of nothing is one look."""
    aws.add_response("describe_job", described("Complete"), OF_JOB)
    clock = Clock()

    wait_for_job(control, JOB_ID, timeout=0, sleep=clock.sleep, clock=clock)

    assert clock.slept == []


# ---------------------------------------------------------------- requests that fail

ADDRESS = "https://s3-control.eu-west-1.amazonaws.com"


class Aws:
    """Job control whose requests end as scripted, the last one again and again."""

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
    """Make what S3Control raises for an error of AWS."""
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
    "half an answer": ResponseParserError("invalid XML received"),
    "credentials that cannot be fetched": CredentialRetrievalError(
        provider="custom-process", error_msg="timed out"
    ),
    "a reset connection": ConnectionResetError("reset by peer"),
}


@pytest.mark.parametrize("what", TEMPORARY)
def test_what_may_pass_does_not_end_the_waiting(what: str) -> None:
    """Not before the first look, nor between two; each failure is told of."""
    failure, clock = TEMPORARY[what], Clock()
    aws = Aws(failure, failure, "Active", failure, "Complete")
    failures: list[tuple[Exception, float]] = []

    job = wait_for_job(
        aws, JOB_ID, sleep=clock.sleep, clock=clock, on_error=lambda *told: failures.append(told)
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
def test_what_will_not_pass_ends_the_waiting_at_once(failure: Exception) -> None:
    """Expired credentials too: a process that waits gets no others by itself."""
    aws, clock = Aws("Active", failure), Clock()

    with pytest.raises(type(failure)) as raised:
        wait_for_job(aws, JOB_ID, sleep=clock.sleep, clock=clock)

    assert raised.value is failure
    assert clock.slept == [30]


def test_an_outage_that_lasts_ends_the_waiting() -> None:
    """After ``retry_for`` seconds, the last look at the very end of them."""
    failure, clock = refused("SlowDown", 503), Clock()

    with pytest.raises(JobNotWatched, match="could not be described for 100 s: SlowDown") as raised:
        wait_for_job(Aws("Active", failure), JOB_ID, retry_for=100, sleep=clock.sleep, clock=clock)

    assert clock.slept == [30, 2, 4, 8, 16, 30, 30, 10]
    assert (raised.value.job_id, raised.value.code) == (JOB_ID, "SlowDown")
    assert raised.value.__cause__ is failure


def test_a_success_begins_a_new_count() -> None:
    """Two outages of 20 seconds each are none of 30."""
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


def test_requests_that_take_their_time_count() -> None:
    """What a request takes to fail is part of the outage."""
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


def test_no_retries() -> None:
    """``retry_for=0``: the first failure ends it, with the same error."""
    aws = Aws(refused("SlowDown", 503))

    with pytest.raises(JobNotWatched):
        wait_for_job(aws, JOB_ID, retry_for=0, sleep=lambda _: pytest.fail("it waits"))

    assert aws.requests == 1


def test_an_outage_at_the_end_of_the_timeout() -> None:
    """Nobody knows then whether the job is over: that is no JobTimeout."""
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


def test_a_job_made_a_moment_ago() -> None:
    """It may not be visible yet."""
    clock = Clock()
    not_found = refused("NoSuchJobException", 404)

    job = wait_for_job(
        Aws(not_found, not_found, "Complete"), JOB_ID, sleep=clock.sleep, clock=clock
    )

    assert (job.status, clock.slept) == (JobStatus.COMPLETE, [2, 4])


def test_a_job_that_is_not_there() -> None:
    """Nobody waits long for a mistyped id, whatever else fails meanwhile."""
    clock = Clock()
    not_found, throttled = refused("NoSuchJobException", 404), refused("SlowDown", 503)

    with pytest.raises(JobNotFound):
        wait_for_job(Aws(not_found, throttled, not_found), JOB_ID, sleep=clock.sleep, clock=clock)

    assert clock() == 15


@pytest.mark.parametrize("answer", [{}, {"Job": {}}, {"Job": {"JobId": JOB_ID}}])
def test_an_answer_without_a_job(
    aws: Stubber, control: S3Control, monkeypatch: pytest.MonkeyPatch, answer: dict[str, object]
) -> None:
    """A proxy may answer 200 with something else: that may pass as well."""
    aws.add_response("describe_job", described("Complete"), OF_JOB)
    real, answers = control._call, [answer]
    monkeypatch.setattr(
        control, "_call", lambda *a, **k: answers.pop() if answers else real(*a, **k)
    )
    clock = Clock()

    job = wait_for_job(control, JOB_ID, sleep=clock.sleep, clock=clock)

    assert (job.status, clock.slept) == (JobStatus.COMPLETE, [2])
