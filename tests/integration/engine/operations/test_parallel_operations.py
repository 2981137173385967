"""S3's own operations for many objects at a time, and what happens when S3 refuses requests."""

from __future__ import annotations

import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest
from botocore.config import Config
from botocore.exceptions import ClientError, EndpointConnectionError

from s3batch_handler.core._model import Outcome, ResultCode
from s3batch_handler.documents.manifests._manifest import ManifestEntry
from s3batch_handler.engine._engine import Engine
from s3batch_handler.engine.invoke._answer import NotRun, ServiceError
from s3batch_handler.engine.invoke._call_threads import Stopped
from s3batch_handler.engine.operations._base import CannotRun
from s3batch_handler.engine.operations._request_pace import RequestPace
from s3batch_handler.engine.operations._s3_endpoint import S3Endpoint, shared_endpoint
from s3batch_handler.engine.operations._s3_invoker import S3Invoker
from s3batch_handler.engine.operations._s3_requests import S3Requests
from s3batch_handler.jobs._status import JobStatus
from tests.support.engine_jobs import over, rows, spec, status
from tests.support.local_server import session
from tests.support.moto_process import moto_process
from tests.support.operation_jobs import TEMPLATE, refuse
from tests.support.proxy import changing_proxy
from tests.support.waiting import wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator

    from s3batch_handler.core._model import ObjectRef
    from tests.support.proxy import Exchange

TAGS = {"S3PutObjectTagging": {"TagSet": [{"Key": "a", "Value": "b"}]}}
ENTRIES = [ManifestEntry("photos", str(number), None) for number in range(20)]


@contextmanager
def s3_behind_proxy(change: Any) -> Iterator[Any]:
    """Yield a client of S3 with the objects 0 to 19, whose requests ``change`` can refuse."""
    with moto_process() as address:
        direct = session().client("s3", endpoint_url=address)
        direct.create_bucket(
            Bucket="photos", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"}
        )
        for number in range(20):
            direct.put_object(Bucket="photos", Key=str(number))
        with changing_proxy(address, change, before=True) as proxy:
            yield session().client("s3", endpoint_url=proxy, config=Config(max_pool_connections=16))


def test_objects_are_changed_at_the_same_time(s3: Any) -> None:
    """As many as the job may change."""
    together = threading.Barrier(8)

    def operation(item: ObjectRef) -> Outcome:
        together.wait(60)
        return Outcome(ResultCode.SUCCEEDED, item.key)

    requests = S3Requests(s3, S3Endpoint(RequestPace(8)))
    invoker = S3Invoker(operation, "S3PutObjectCopy", requests=requests, concurrency=8)
    answers = list(invoker.invoke_all(TEMPLATE, ENTRIES[:16], stop=lambda: False))

    assert {entry.object.key for entry, _, _ in answers} == {str(number) for number in range(16)}
    assert all(isinstance(answer, Outcome) for _, answer, _ in answers)


def test_running_objects_are_listed(s3: Any) -> None:
    """Each thread is a worker."""
    go_on = threading.Event()

    def operation(item: ObjectRef) -> Outcome:
        assert go_on.wait(60)
        return Outcome(ResultCode.SUCCEEDED, item.key)

    requests = S3Requests(s3, S3Endpoint(RequestPace(3)))
    invoker = S3Invoker(operation, "S3PutObjectCopy", requests=requests, concurrency=3)

    def watch() -> None:
        wait_for(lambda: sum(call.entry is not None for call in invoker.running()) == 3)
        go_on.set()

    watcher = threading.Thread(target=watch)
    watcher.start()
    list(invoker.invoke_all(TEMPLATE, ENTRIES[:6], stop=lambda: False))
    watcher.join()

    assert go_on.is_set()
    assert [call.worker for call in invoker.running()] == ["1", "2", "3"]


def test_requests_of_all_jobs_share_the_limit_of_the_endpoint(s3: Any) -> None:
    """Two jobs with four threads each send three requests at a time."""
    endpoint = S3Endpoint(RequestPace(3))
    lock = threading.Lock()
    running = most = 0

    class S3:
        meta = s3.meta

        def head_object(self, **_: Any) -> None:
            nonlocal running, most
            with lock:
                running += 1
                most = max(most, running)
            time.sleep(0.005)
            with lock:
                running -= 1

    def run_job() -> None:
        requests = S3Requests(S3(), endpoint)

        def operation(item: ObjectRef) -> Outcome:
            requests.head_object(Bucket=item.bucket, Key=item.key)
            return Outcome(ResultCode.SUCCEEDED, "")

        invoker = S3Invoker(operation, "S3PutObjectCopy", requests=requests, concurrency=4)
        assert len(list(invoker.invoke_all(TEMPLATE, ENTRIES, stop=lambda: False))) == 20

    jobs = [threading.Thread(target=run_job) for _ in range(2)]
    for job in jobs:
        job.start()
    for job in jobs:
        job.join()

    assert most == 3


def test_clients_of_an_endpoint_share_its_limit() -> None:
    """Engines of several accounts have a client each, or the same one."""
    first, second = (session().client("s3", endpoint_url="http://localhost:1") for _ in range(2))
    other = session().client("s3", endpoint_url="http://localhost:2")

    assert (one := shared_endpoint(first, 7)) is shared_endpoint(second, 7)
    assert one is not shared_endpoint(other, 7)


def test_throttling_fails_no_task() -> None:
    """All tasks succeed without redrives, although S3 refuses half of the requests."""
    count = 0
    lock = threading.Lock()

    def throttle(exchange: Exchange) -> tuple[int, bytes] | None:
        nonlocal count
        if "tagging" not in exchange.path:
            return None
        with lock:
            count += 1
            return (503, SLOW_DOWN) if count % 2 else None

    with s3_behind_proxy(throttle) as s3:
        settings: Any = {"max_redrives": 0, "s3_concurrency": 8}
        with Engine({}, s3=s3, background=True, **settings) as engine:
            job_id = engine.create_job(spec(s3, 20, Operation=TAGS))
            job = over(engine, job_id)

        assert (job.status, job.progress.succeeded) == (JobStatus.COMPLETE, 20)
        assert {row.message for row in rows(s3, job_id)} == {"Successful"}
    assert count >= 40


def test_s3_decides_how_long_requests_pause(s3: Any) -> None:
    """It sends Retry-After with its refusal."""
    error = refuse(503, "SlowDown")
    error.response["ResponseMetadata"]["HTTPHeaders"] = {"retry-after": "30"}
    pace = RequestPace(4)

    class S3:
        meta = s3.meta

        def head_object(self, **_: Any) -> None:
            raise error

    requests = S3Requests(S3(), S3Endpoint(pace), patience=0)
    with pytest.raises(ClientError, match="SlowDown"):
        requests.head_object()

    assert 29 < pace.pause() <= 30


def test_a_job_fails_as_soon_as_too_many_tasks_have_failed(s3: Any) -> None:
    """Besides these, only tasks that had already started are run."""
    with Engine({}, s3=s3, background=True, s3_concurrency=4, tolerate=2) as engine:
        job = over(engine, engine.create_job(spec(s3, 200, Operation=TAGS)))

    assert job.status == "Failed"
    assert job.failure_reasons[0].failure_code == "FailureThresholdExceeded"
    assert 3 <= job.progress.failed <= 3 + 2 * 4


def test_a_job_pauses_for_a_job_of_higher_priority(s3: Any) -> None:
    """It continues afterwards, and each object has one row."""
    for number in range(40):
        s3.put_object(Bucket="photos", Key=str(number))
    go_on = threading.Event()

    def hold(**_: Any) -> None:
        assert go_on.wait(60)

    s3.meta.events.register("before-call.s3.PutObjectTagging", hold)
    try:
        with Engine({}, s3=s3, background=True, s3_concurrency=4) as engine:
            low = engine.create_job(spec(s3, 40, Operation=TAGS, Priority=1))
            wait_for(lambda: status(engine, low) is JobStatus.ACTIVE)
            high = engine.create_job(spec(s3, 3, Operation=TAGS, Priority=2))
            wait_for(lambda: status(engine, low) is JobStatus.PAUSING)
            go_on.set()
            jobs = [over(engine, high), over(engine, low)]
    finally:
        s3.meta.events.unregister("before-call.s3.PutObjectTagging", hold)

    assert [(job.status, job.progress.succeeded) for job in jobs] == [
        (JobStatus.COMPLETE, 3),
        (JobStatus.COMPLETE, 40),
    ]
    assert sorted(int(row.key) for row in rows(s3, low)) == list(range(40))


@pytest.mark.parametrize("mode", ["legacy", "standard", "adaptive"])
def test_the_client_does_not_repeat_requests_itself(mode: Any) -> None:
    """Each refused request is one request, whatever the client's own configuration of retries."""
    sent: list[float] = []

    def throttle(exchange: Exchange) -> tuple[int, bytes]:
        sent.append(time.monotonic())
        return 503, SLOW_DOWN

    with s3_behind_proxy(throttle) as usual:
        config = Config(retries={"mode": mode, "max_attempts": 5})
        s3 = session().client("s3", endpoint_url=usual.meta.endpoint_url, config=config)
        requests = S3Requests(s3, S3Endpoint(RequestPace(1)), patience=0)

        with pytest.raises(s3.exceptions.ClientError, match="SlowDown"):
            requests.get_object_tagging(Bucket="photos", Key="0")

    assert len(sent) == 1


def test_other_requests_of_the_client_are_still_repeated() -> None:
    """Manifests and reports are read and written with the same client."""
    sent = 0

    def throttle(exchange: Exchange) -> tuple[int, bytes] | None:
        nonlocal sent
        sent += 1
        return (503, SLOW_DOWN) if sent == 1 else None

    with s3_behind_proxy(throttle) as s3:
        S3Requests(s3, S3Endpoint(RequestPace(1)))

        s3.head_object(Bucket="photos", Key="0")

    assert sent == 2


def test_s3_that_does_not_respond_for_a_while_fails_no_task(s3: Any) -> None:
    """Requests are sent again until it responds."""
    failures = iter(range(3))

    class S3:
        meta = s3.meta

        def head_object(self, **_: Any) -> str:
            if next(failures, None) is not None:
                raise EndpointConnectionError(endpoint_url="http://localhost:1")
            return "found"

    requests = S3Requests(S3(), S3Endpoint(RequestPace(1, pause=0.01)))

    assert requests.head_object() == "found"


def test_s3_that_is_throttling_for_long_fails_the_task_temporarily(s3: Any) -> None:
    """The job retries it later; the row of the last try has S3's error."""

    def head_object(**_: Any) -> None:
        raise refuse(503, "SlowDown")

    class S3:
        meta = s3.meta

    S3.head_object = staticmethod(head_object)  # type: ignore[attr-defined]
    requests = S3Requests(S3(), S3Endpoint(RequestPace(1, pause=0.01)), patience=0.05)

    def operation(item: ObjectRef) -> Outcome:
        requests.head_object()
        raise AssertionError

    invoker = S3Invoker(operation, "S3PutObjectCopy", requests=requests)
    ((_, answer, _),) = invoker.invoke_all(TEMPLATE, ENTRIES[:1], stop=lambda: False)

    assert isinstance(answer, ServiceError)
    assert (answer.error_code, answer.code) == ("SlowDown", ResultCode.TEMPORARY_FAILURE)


def test_an_error_of_s3_is_retried_a_few_times(s3: Any) -> None:
    """InternalError does not mean that there are too many requests."""
    tries = 0

    class S3:
        meta = s3.meta

        def head_object(self, **_: Any) -> None:
            nonlocal tries
            tries += 1
            raise refuse(500, "InternalError")

    requests = S3Requests(S3(), S3Endpoint(RequestPace(1)))

    with pytest.raises(s3.exceptions.ClientError, match="InternalError"):
        requests.head_object()

    assert tries == 4


def test_a_stopped_job_does_not_wait_until_s3_responds(s3: Any) -> None:
    """Its tasks have not run, so the job can continue later."""
    is_waiting = threading.Event()

    class S3:
        meta = s3.meta

        def head_object(self, **_: Any) -> None:
            is_waiting.set()
            raise refuse(503, "SlowDown")

    requests = S3Requests(S3(), S3Endpoint(RequestPace(4, pause=60)))

    def operation(item: ObjectRef) -> Outcome:
        requests.head_object()
        raise AssertionError

    invoker = S3Invoker(operation, "S3PutObjectCopy", requests=requests, concurrency=4, grace=60)
    answers = list(invoker.invoke_all(TEMPLATE, iter(ENTRIES), stop=is_waiting.is_set))

    assert answers
    assert all(answer == NotRun() for _, answer, _ in answers)


def test_waiting_requests_notice_that_the_job_was_stopped() -> None:
    """Also those that wait for other requests to end."""
    endpoint = S3Endpoint(RequestPace(1))
    stopped = threading.Event()
    stopped.set()

    with (
        endpoint.request(threading.Event()),
        pytest.raises(Stopped),
        endpoint.request(stopped),
    ):
        raise AssertionError


def test_an_operation_that_s3_does_not_support_ends_the_job(s3: Any) -> None:
    """Also if many tasks run at the same time."""

    def operation(item: ObjectRef) -> Outcome:
        raise refuse(501, "NotImplemented", "RestoreObject")

    requests = S3Requests(s3, S3Endpoint(RequestPace(8)))
    invoker = S3Invoker(operation, "S3InitiateRestoreObject", requests=requests, concurrency=8)

    with pytest.raises(CannotRun, match="S3InitiateRestoreObject is not implemented here"):
        list(invoker.invoke_all(TEMPLATE, iter(ENTRIES), stop=lambda: False))


def test_a_client_with_too_few_connections_is_refused() -> None:
    """The error says how to create the client."""
    s3 = session().client("s3")

    with pytest.raises(ValueError, match=r"has 10 connections\. Create it with .*=32\)"):
        Engine({}, s3=s3, s3_concurrency=32)


SLOW_DOWN = (
    b"<Error><Code>SlowDown</Code><Message>Please reduce your request rate.</Message></Error>"
)
