"""Functions that run elsewhere: what their servers say, and what becomes of the tasks.

The function itself is of no interest here: it answers as it is told. Jobs at a real runtime are in
``test_lambda_runtime.py``.
"""

from __future__ import annotations

import io
import json
import os
import re
import socket
import subprocess
import sys
import threading
import time
from contextlib import closing, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import boto3
import pytest
from botocore.config import Config
from botocore.loaders import Loader
from botocore.response import StreamingBody
from botocore.stub import ANY, Stubber
from typing_extensions import override

from s3batch_handler.core._errors import InvalidFunction, InvalidResponse
from s3batch_handler.core._model import JobRef, Outcome, ResultCode
from s3batch_handler.documents._manifest import ManifestEntry
from s3batch_handler.documents._report import read_report
from s3batch_handler.documents._report_writer import ReportWriter
from s3batch_handler.documents._storage import open_folder
from s3batch_handler.engine.invoke._answer import (
    Answer,
    FunctionError,
    InvalidAnswer,
    NotRun,
    Refused,
)
from s3batch_handler.engine.invoke._events import EventTemplate
from s3batch_handler.engine.invoke._in_process import InProcess
from s3batch_handler.engine.invoke._lambda_api import ClientApi, HttpApi
from s3batch_handler.engine.invoke._remote import RemoteFunction
from s3batch_handler.engine.invoke._target import check_target, invoker_for
from s3batch_handler.engine.invoke._worker_pool import WorkerPool
from s3batch_handler.engine.run._run_job import JobSettings, run_job
from s3batch_handler.jobs._status import JobStatus
from s3batch_handler.testing import mock_s3batch
from tests.support.waiting import wait_for

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from email.message import Message
    from pathlib import Path

    from s3batch_handler.engine.invoke._invoker import Invoker

Event = dict[str, Any]
Said = tuple[int, dict[str, str], bytes]
"""What a server answers: status, headers, body."""


def answer(event: Event, text: str = "done") -> Event:
    (task,) = event["tasks"]
    return {
        "invocationSchemaVersion": event["invocationSchemaVersion"],
        "invocationId": event["invocationId"],
        "results": [
            {"taskId": task["taskId"], "resultCode": "Succeeded", "resultString": text},
        ],
    }


def done(event: Event) -> Said:
    return 200, {}, json.dumps(answer(event)).encode()


def key(event: Event) -> str:
    text: str = event["tasks"][0]["s3Key"]
    return text


class Server(ThreadingHTTPServer):
    """Lambda's Invoke on loopback; keeps connections, and counts them and the calls."""

    daemon_threads = True

    def __init__(self, say: Callable[[Event], Said | None]) -> None:
        super().__init__(("127.0.0.1", 0), _Request)
        self.say = say
        self.calls: list[tuple[str, Event]] = []
        self.headers: list[Message] = []
        self.connections = 0
        self.url = f"http://127.0.0.1:{self.server_port}"

    @override
    def handle_error(self, request: Any, client_address: Any) -> None:
        """Clients may hang up."""


class _Request(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: Server

    @override
    def setup(self) -> None:
        super().setup()
        self.server.connections += 1

    def do_POST(self) -> None:
        event = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.calls.append((self.path, event))
        self.server.headers.append(self.headers)
        said = self.server.say(event)
        if said is None:
            self.close_connection = True
            return
        status, headers, body = said
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    @override
    def log_message(self, *_: Any) -> None:
        pass


@contextmanager
def serving(say: Callable[[Event], Said | None]) -> Iterator[Server]:
    with Server(say) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


@contextmanager
def closed_port() -> Iterator[str]:
    """Give an address that nobody listens on, taken so that nobody else gets it."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{taken.getsockname()[1]}"


def at(server: Server, *, read_timeout: float = 60, **options: Any) -> RemoteFunction:
    return RemoteFunction(
        HttpApi(server.url, read_timeout=read_timeout),
        **{"backoff": 0.001, "patience": 0.5, **options},
    )


def keys(*names: str) -> list[ManifestEntry]:
    return [ManifestEntry("photos", name, None) for name in names]


def invoke(invoker: Invoker, entries: Iterable[ManifestEntry]) -> dict[str, Answer]:
    with closing(invoker):
        answers = invoker.invoke_all(TEMPLATE, entries, stop=lambda: False)
        return {entry.encoded_key: answer for entry, answer in answers}


TEMPLATE = EventTemplate("1.0", {"id": "job-1"})
SUCCEEDED = Outcome(ResultCode.SUCCEEDED, "done")
THROTTLED: Said = (
    429,
    {"x-amzn-ErrorType": "TooManyRequestsException"},
    b'{"Reason":"ReservedFunctionConcurrentInvocationLimitExceeded","message":"Rate Exceeded."}',
)


# ---------------------------------------------------------------- one call


def test_one_event_for_each_task() -> None:
    """Each goes to Invoke's own path, as S3 would send it, over one connection."""
    with serving(done) as server:
        answers = invoke(at(server), keys("a%20b", "c"))

    assert answers == {"a%20b": SUCCEEDED, "c": SUCCEEDED}
    assert [path for path, _ in server.calls] == ["/2015-03-31/functions/function/invocations"] * 2
    first, second = (event for _, event in server.calls)
    assert first["job"] == {"id": "job-1"}
    assert first["tasks"][0]["s3Key"] == "a%20b"
    assert first["tasks"][0]["s3BucketArn"] == "arn:aws:s3:::photos"
    assert first["invocationId"] != second["invocationId"]
    assert server.connections == 1


def test_a_server_that_keeps_no_connections() -> None:
    """One is made for each call, as for sam local."""
    with serving(lambda event: (200, {"Connection": "close"}, done(event)[2])) as server:
        answers = invoke(at(server), keys("a", "b"))

    assert answers == {"a": SUCCEEDED, "b": SUCCEEDED}
    assert server.connections == 2


BUG = b'{"errorMessage":"no","errorType":"ValueError","stackTrace":[]}'


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        pytest.param(
            (200, {"X-Amz-Function-Error": "Unhandled"}, BUG),
            FunctionError(BUG.decode()),
            id="Lambda",
        ),
        pytest.param((200, {}, BUG), FunctionError(BUG.decode()), id="emulator"),
        pytest.param((502, {}, BUG), FunctionError(BUG.decode()), id="emulator, exit"),
        pytest.param(
            (200, {"X-Amz-Function-Error": "Unhandled"}, b'{"oops":1}'),
            FunctionError('{"errorType": "Unhandled", "errorMessage": "{\\"oops\\":1}"}'),
            id="a runtime of one's own",
        ),
        pytest.param(
            (200, {}, b"Task timed out after 3.00 seconds"),
            FunctionError(
                '{"errorType": "Sandbox.Timedout", '
                '"errorMessage": "Task timed out after 3.00 seconds"}'
            ),
            id="emulator, time-out",
        ),
        pytest.param(
            (200, {}, b""),
            FunctionError(
                '{"errorType": "Unhandled", '
                '"errorMessage": "the function did not respond: it timed out, or ended"}'
            ),
            id="sam, time-out",
        ),
        pytest.param(
            (200, {}, b'{"statusCode": 200}'),
            InvalidAnswer("invocationSchemaVersion: missing; results: missing"),
            id="no answer for S3",
        ),
        pytest.param(
            (403, {"x-amzn-ErrorType": "AccessDeniedException"}, b'{"Message":"not you"}'),
            Refused(403, "AccessDenied", "not you"),
            id="not allowed",
        ),
    ],
)
def test_what_is_said_instead_of_an_answer(said: Said, expected: Answer) -> None:
    """Errors of the function are told from useless answers, whoever runs it."""
    with serving(lambda event: said) as server:
        answers = invoke(at(server), keys("a"))

    assert answers == {"a": expected}
    assert len(server.calls) == 1


def test_an_answer_with_the_ids_of_others() -> None:
    """What nobody asked for is ignored: the task itself has no answer then."""

    def say(event: Event) -> Said:
        (task,) = event["tasks"]
        return done({**event, "tasks": [{**task, "taskId": "another"}]})

    with serving(say) as server:
        answers = invoke(at(server), keys("a"))

    assert answers == {
        "a": Outcome(ResultCode.TEMPORARY_FAILURE, "The function returned no result for this task")
    }


def test_a_function_that_takes_too_long() -> None:
    """It is waited for until its time is over for sure; its task has failed, once."""
    leave = threading.Event()

    def say(event: Event) -> Said:
        leave.wait(30)
        return done(event)

    with serving(say) as server:
        try:
            answers = invoke(at(server, read_timeout=0.1), keys("a"))
            wait_for(lambda: bool(server.calls))  # which may come later
        finally:
            leave.set()

    assert answers == {
        "a": FunctionError(
            '{"errorType": "ReadTimeout", "errorMessage": "no response within 0.1 seconds"}'
        )
    }
    assert len(server.calls) == 1


# ---------------------------------------------------------------- another try


def in_turn(*said: Said | None) -> Callable[[Event], Said | None]:
    """Say these one after the other, then be done."""
    left = list(said)
    return lambda event: left.pop(0) if left else done(event)


FAULT: Said = (500, {"x-amzn-ErrorType": "ServiceException"}, b'{"Message":"sorry"}')


@pytest.mark.parametrize(
    "said",
    [
        pytest.param([THROTTLED, THROTTLED], id="throttled"),
        pytest.param([THROTTLED] * 9, id="throttled for long"),
        pytest.param([FAULT, (502, {}, b"Bad Gateway"), FAULT], id="Lambda is at fault"),
        pytest.param([None, None], id="connection lost"),
    ],
)
def test_what_may_pass_is_tried_again(said: list[Said | None]) -> None:
    """The same event is sent again, and the task never knows."""
    with serving(in_turn(*said)) as server:
        answers = invoke(at(server), keys("a"))

    assert answers == {"a": SUCCEEDED}
    assert len(server.calls) == len(said) + 1
    assert all(call == server.calls[0] for call in server.calls)


@pytest.mark.parametrize(
    ("said", "tries", "message"),
    [
        (THROTTLED, 10, "TooManyRequestsException: Rate Exceeded."),
        (FAULT, 4, "ServiceException: sorry"),
        (None, 4, "RemoteDisconnected: no response: Remote end closed connection without response"),
    ],
)
def test_what_does_not_pass(said: Said | None, tries: int, message: str) -> None:
    """Such a task has failed temporarily, so that a redrive may have more luck."""
    with serving(lambda event: said) as server:
        answers = invoke(at(server), keys("a"))

    assert answers == {"a": Outcome(ResultCode.TEMPORARY_FAILURE, message)}
    assert len(server.calls) == tries


def test_throttled_calls_are_spaced_out() -> None:
    """The time between tries grows, and is not the same for all."""
    times = []

    def say(event: Event) -> Said:
        times.append(time.monotonic())
        return done(event) if len(times) > 5 else THROTTLED

    with serving(say) as server:
        invoke(at(server, backoff=0.05), keys("a"))

    # At most 0.05 + 0.1 + 0.2 + 0.4 + 0.8 s; less than a tenth of it is one chance in 10,000.
    assert times[-1] - times[0] > 0.05


def refusal(code: str, status: int, message: str = "m") -> Said:
    return status, {"x-amzn-ErrorType": code}, json.dumps({"Message": message}).encode()


PENDING = "The operation cannot be performed at this time. The function is currently in the "
PENDING += "following state: Pending"

WAITED_FOR = [
    "CodeArtifactUserDeletedException",
    "CodeArtifactUserPendingException",
    "ENINotReadyException",
    "ResourceConflictException",
    "ResourceNotReadyException",
    "SnapStartNotReadyException",
    "SnapStartRegenerationFailureException",
]
OF_ONE_CALL = [
    "DurableExecutionAlreadyStartedException",
    "EC2AccessDeniedException",
    "EC2ThrottledException",
    "EC2UnexpectedException",
    "EFSIOException",
    "EFSMountConnectivityException",
    "EFSMountTimeoutException",
    "ENILimitReachedException",
    "InvalidRuntimeException",
    "InvalidSecurityGroupIDException",
    "InvalidSubnetIDException",
    "InvalidZipFileException",
    "KMSAccessDeniedException",
    "KMSDisabledException",
    "KMSInvalidStateException",
    "KMSNotFoundException",
    "S3FilesMountConnectivityException",
    "S3FilesMountTimeoutException",
    "ServiceException",
    "SnapStartException",
    "SnapStartTimeoutException",
    "SubnetIPAddressLimitReachedException",
    "TooManyRequestsException",
]
OF_ALL_CALLS = [
    "CodeArtifactUserFailedException",
    "EFSMountFailureException",
    "InvalidParameterValueException",
    "InvalidRequestContentException",
    "ModeNotSupportedException",
    "NoPublishedVersionException",
    "RecursiveInvocationException",
    "RequestTooLargeException",
    "ResourceNotFoundException",
    "RuntimeAliasDeletedException",
    "RuntimeVersionDeletedException",
    "S3FilesMountFailureException",
    "SerializedRequestEntityTooLargeException",
    "ServiceQuotaExceededException",
    "UnsupportedMediaTypeException",
]


def errors_of_invoke() -> dict[str, int]:
    """Return the errors of Lambda's Invoke, with their statuses, as botocore's model has them."""
    model = Loader().load_service_model("lambda", "service-2")
    names = [error["shape"] for error in model["operations"]["Invoke"]["errors"]]
    return {name: model["shapes"][name]["error"]["httpStatusCode"] for name in names}


def test_every_error_of_invoke_is_decided() -> None:
    """One that comes with a new botocore has to be thought about."""
    assert errors_of_invoke().keys() == {*WAITED_FOR, *OF_ONE_CALL, *OF_ALL_CALLS}


@pytest.mark.parametrize("code", OF_ONE_CALL)
def test_error_of_one_call_fails_one_task(code: str) -> None:
    """It is tried again, then that task is redriven; other tasks may fare better."""

    def say(event: Event) -> Said:
        return refusal(code, errors_of_invoke()[code]) if key(event) == "bad" else done(event)

    with serving(say) as server:
        answers = invoke(at(server), keys("a", "bad", "b"))

    assert answers["bad"] == Outcome(ResultCode.TEMPORARY_FAILURE, f"{code}: m")
    assert (answers["a"], answers["b"]) == (SUCCEEDED, SUCCEEDED)
    assert len(server.calls) > 4


@pytest.mark.parametrize("code", OF_ALL_CALLS)
def test_error_of_all_calls_is_told_at_once(code: str) -> None:
    with (
        serving(lambda event: refusal(code, errors_of_invoke()[code])) as server,
        pytest.raises(InvalidFunction, match=f"{code}: m"),
    ):
        invoke(at(server), keys("a"))

    assert len(server.calls) == 1


@pytest.mark.parametrize("code", WAITED_FOR)
def test_function_that_is_made_ready_is_waited_for(code: str) -> None:
    """For longer than a call that fails is tried again; its tasks never know."""
    said = refusal(code, errors_of_invoke()[code], PENDING)

    with serving(in_turn(*[said] * 12)) as server:
        answers = invoke(at(server, backoff=0.00001, patience=60), keys("a"))

    assert answers == {"a": SUCCEEDED}
    assert len(server.calls) == 13


def test_function_that_does_not_become_ready_fails_the_job(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """It was waited for, which is told at the beginning, once, and at the end."""
    said = refusal("SnapStartNotReadyException", 409, "Lambda is initializing your function.")

    with serving(lambda event: said) as server:
        began = time.monotonic()
        with pytest.raises(
            InvalidFunction, match=r"your function\. \(waited 0\.3 seconds for it\)"
        ):
            invoke(at(server, patience=0.3, concurrency=2), keys("a", "b"))
        waited = time.monotonic() - began

    assert waited >= 0.3
    (record,) = caplog.records
    assert record.name == "s3batch_handler.engine"
    assert record.getMessage() == (
        f"{server.url}: SnapStartNotReadyException: Lambda is initializing your function.; "
        "waiting up to 0.3 seconds"
    )


def test_function_whose_state_is_failed_is_not_waited_for() -> None:
    """It has the same code as one that is pending."""
    said = refusal("ResourceConflictException", 409, PENDING.replace("Pending", "Failed"))

    with (
        serving(lambda event: said) as server,
        pytest.raises(InvalidFunction, match=r"state: Failed$"),
    ):
        invoke(at(server, patience=60), keys("a"))

    assert len(server.calls) == 1


def test_waiting_uses_up_no_tries() -> None:
    """A call that fails after a long wait is tried again as often as any other."""
    waits = [refusal("SnapStartNotReadyException", 409)] * 12

    with serving(in_turn(*waits, FAULT, FAULT, FAULT)) as server:
        answers = invoke(at(server, backoff=0.00001, patience=60), keys("a"))

    assert answers == {"a": SUCCEEDED}


def test_job_that_is_stopped_does_not_wait_for_a_function() -> None:
    stopped = threading.Event()

    def say(event: Event) -> Said:
        stopped.set()
        return refusal("SnapStartNotReadyException", 409)

    with serving(say) as server, closing(at(server, backoff=60, patience=600)) as function:
        began = time.monotonic()
        answers = list(function.invoke_all(TEMPLATE, keys("a"), stop=stopped.is_set))

    assert answers == [(keys("a")[0], NotRun())]
    assert time.monotonic() - began < 40


def test_signature_that_was_too_old_is_made_again() -> None:
    """This machine may sleep between signing and sending; a wrong signature concerns all tasks."""
    old = refusal("InvalidSignatureException", 403, "Signature expired: 20240101T000000Z is now…")
    wrong = refusal("InvalidSignatureException", 403, "The request signature does not match")

    with serving(in_turn(old)) as server:
        answers = invoke(at(server), keys("a"))
    with serving(in_turn(wrong)) as server, pytest.raises(InvalidFunction):
        invoke(at(server), keys("a"))

    assert answers == {"a": SUCCEEDED}


# ---------------------------------------------------------------- nobody there


def test_nobody_there() -> None:
    """It is told at once, before anything ran, with the address."""
    with (
        closed_port() as url,
        pytest.raises(InvalidFunction, match=f"{re.escape(url)}: no server responds"),
    ):
        run_job(keys("a"), invoker_for(url), JobSettings(job=JobRef(id="job-1")))


def test_no_such_function() -> None:
    """It is told at once, with what an address looks like."""
    with (
        serving(lambda event: (404, {}, b"404 page not found")) as server,
        pytest.raises(InvalidFunction, match=r"404.*functions/NAME/invocations"),
    ):
        run_job(keys("a"), at(server), JobSettings(job=JobRef(id="job-1")))


def test_a_server_that_goes_away_fails_the_job() -> None:
    """It gets time to come back; then the job is Failed, and says what is missing."""
    with serving(done) as server:

        def entries() -> Iterator[ManifestEntry]:
            yield from keys("a", "b")
            server.shutdown()
            server.socket.close()
            yield from keys("c", "d")

        def say(event: Event) -> Said:
            status, _, body = done(event)
            return status, {"Connection": "close"}, body

        server.say = say
        job = run_job(entries(), at(server), JobSettings(job=JobRef(id="job-1")))

    assert job.status is JobStatus.FAILED
    assert "no server responds" in (job.reason or "")


# ---------------------------------------------------------------- many calls


def test_calls_at_a_time() -> None:
    """There are as many as were asked for, never more."""
    lock = threading.Lock()
    together = threading.Barrier(4, timeout=60)
    running = most = 0

    def say(event: Event) -> Said:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        together.wait()
        with lock:
            running -= 1
        return done(event)

    with serving(say) as server:
        answers = invoke(at(server, concurrency=4), keys(*map(str, range(20))))

    assert len(answers) == 20
    assert most == 4
    assert server.connections == 4


def test_entries_are_taken_as_they_are_needed() -> None:
    """A manifest may be endless: only a few lines of it are in hand."""
    taken = 0

    def entries() -> Iterator[ManifestEntry]:
        nonlocal taken
        for number in range(200):
            taken += 1
            yield ManifestEntry("photos", str(number), None)

    ahead = []
    with serving(done) as server, closing(at(server, concurrency=2)) as function:
        for given, _ in enumerate(function.invoke_all(TEMPLATE, entries(), stop=lambda: False)):
            ahead.append(taken - given)

    assert len(ahead) == 200
    assert max(ahead) <= 4


def test_stopping() -> None:
    """Running calls get a moment, what was not begun comes back; nothing is lost or left over."""
    begun, leave = threading.Semaphore(0), threading.Event()
    before = {*threading.enumerate()}

    def say(event: Event) -> Said:
        begun.release()
        if key(event) == "slow":
            leave.wait(30)
        return done(event)

    stopped = False
    answers = {}
    with serving(say) as server:
        with closing(at(server, concurrency=2, grace=0.2)) as function:
            tasks = keys("slow", "quick", "slow too", "later", "much later", "never")
            for entry, said in function.invoke_all(TEMPLATE, tasks, stop=lambda: stopped):
                answers[entry.encoded_key] = said
                stopped = True
        leave.set()

    assert answers["slow"] == NotRun()
    assert answers["quick"] == SUCCEEDED
    assert "never" not in answers
    assert {type(said) for said in answers.values()} == {NotRun, Outcome}
    wait_for(lambda: {*threading.enumerate()} <= before)


def test_answers_that_have_come_when_the_time_to_end_is_over(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """They count: this process may itself have been stopped for as long."""
    monkeypatch.setattr(
        "s3batch_handler.engine.invoke._remote._TICK", 60
    )  # until it has come for sure
    begun, may_go = threading.Event(), threading.Event()

    def say(event: Event) -> Said:
        if key(event) == "b":
            begun.set()
            may_go.wait(60)
        begun.wait(60)
        return done(event)

    answers: list[tuple[str, Answer]] = []
    with serving(say) as server, closing(at(server, concurrency=2, grace=0)) as function:
        for entry, said in function.invoke_all(
            TEMPLATE, keys("a", "b"), stop=lambda: bool(answers)
        ):
            answers.append((entry.encoded_key, said))
            may_go.set()

    assert answers == [("a", SUCCEEDED), ("b", SUCCEEDED)]


def test_stopping_between_two_tries() -> None:
    """A task that waits for another try was not run."""
    stopped = threading.Event()

    def say(event: Event) -> Said:
        stopped.set()
        return THROTTLED

    with serving(say) as server, closing(at(server, backoff=60)) as function:
        began = time.monotonic()
        answers = list(function.invoke_all(TEMPLATE, keys("a"), stop=stopped.is_set))

    assert answers == [(keys("a")[0], NotRun())]
    assert time.monotonic() - began < 40


# ---------------------------------------------------------------- a boto3 client


@pytest.fixture(scope="module")
def plain_client() -> Any:
    session: Any = boto3.Session("testing", "testing", region_name="us-east-1")
    return session.client("lambda", config=Config(retries={"total_max_attempts": 1}))


@pytest.fixture
def stub(plain_client: Any) -> Iterator[Stubber]:
    with Stubber(plain_client) as stubber:
        yield stubber
        stubber.assert_no_pending_responses()


def through(stub: Stubber) -> RemoteFunction:
    client: Any = stub.client
    return RemoteFunction(ClientApi(client, "thumbnails:PROD"), backoff=0.001)


ASKED = {"FunctionName": "thumbnails:PROD", "Payload": ANY}


def body(payload: bytes) -> StreamingBody:
    return StreamingBody(io.BytesIO(payload), len(payload))


def test_a_function_that_fails_behind_a_client(stub: Stubber) -> None:
    """Lambda's word for it is all that counts."""
    stub.add_response(
        "invoke", {"StatusCode": 200, "FunctionError": "Unhandled", "Payload": body(BUG)}, ASKED
    )

    assert invoke(through(stub), keys("a")) == {"a": FunctionError(BUG.decode())}


def test_a_client_that_is_throttled(stub: Stubber) -> None:
    """It is tried again."""
    for _ in range(2):
        stub.add_client_error("invoke", "TooManyRequestsException", "Rate Exceeded.", 429)
    stub.add_response("invoke", {"StatusCode": 200, "Payload": body(b"7")}, ASKED)

    answers = invoke(through(stub), keys("a"))

    assert answers == {"a": InvalidAnswer("the response: expected an object, got a number")}


def test_a_client_that_may_not(stub: Stubber, tmp_path: Path) -> None:
    """Each such task gets the row of AWS, with Lambda's words."""
    stub.add_client_error("invoke", "AccessDeniedException", "User: me is not authorized", 403)
    report = ReportWriter(open_folder(str(tmp_path)), job_id="1")

    run_job(keys("a"), through(stub), JobSettings(job=JobRef(id="1")), report=report)

    (row,) = read_report(tmp_path / "job-1").rows()
    assert (row.status, row.http_status, row.error_code) == ("failed", 403, "AccessDenied")
    assert row.message == "User: me is not authorized"


@pytest.mark.parametrize(
    ("code", "status"),
    [("ResourceNotFoundException", 404), ("ExpiredTokenException", 403)],
)
def test_a_client_that_cannot(stub: Stubber, code: str, status: int) -> None:
    """What no task could do anything about is told once."""
    stub.add_client_error("invoke", code, "there is a reason", status)

    with pytest.raises(InvalidFunction, match=f"thumbnails:PROD: {code}: there is a reason"):
        invoke(through(stub), keys("a"))


def lambda_at(url: str, **config: Any) -> Any:
    session: Any = boto3.Session("testing", "testing", region_name="us-east-1")
    options = Config(retries={"total_max_attempts": 1}, proxies={}, **config)
    return session.client("lambda", endpoint_url=url, config=options)


def test_a_client_over_the_wire() -> None:
    """A registered client calls the function by its name; botocore's own errors are understood."""
    leave = threading.Event()

    def say(event: Event) -> Said | None:
        if key(event) == "slow":
            leave.wait(30)
        return None if key(event) == "lost" else done(event)

    with serving(say) as server:
        client, hasty = lambda_at(server.url), lambda_at(server.url, read_timeout=0.5)
        answers = invoke(invoker_for(client, name="thumbnails"), keys("fine", "lost"))
        answers |= invoke(invoker_for(hasty, name="thumbnails"), keys("slow"))
        leave.set()

    assert server.calls[0][0] == "/2015-03-31/functions/thumbnails/invocations"
    assert answers["fine"] == SUCCEEDED
    assert isinstance(answers["slow"], FunctionError)
    assert answers["lost"] == Outcome(
        ResultCode.TEMPORARY_FAILURE,
        "ConnectionClosedError: Connection was closed before we received a valid response from "
        f'endpoint URL: "{server.url}/2015-03-31/functions/thumbnails/invocations".',
    )


def test_a_client_whose_function_is_made_ready() -> None:
    """Its error is understood like that of an address."""
    pending = refusal("CodeArtifactUserPendingException", 409)

    with serving(in_turn(*[pending] * 12)) as server:
        api = ClientApi(lambda_at(server.url), "thumbnails")
        answers = invoke(RemoteFunction(api, backoff=0.00001, patience=60), keys("a"))

    assert answers == {"a": SUCCEEDED}
    assert len(server.calls) == 13


@pytest.mark.parametrize("damaged", [b"\xff\xfe", b"[1]"])
def test_an_answer_that_botocore_cannot_read(damaged: bytes) -> None:
    """One damaged answer is no reason to fail the job."""
    with serving(in_turn((503, {}, damaged))) as server:
        answers = invoke(invoker_for(lambda_at(server.url), name="thumbnails"), keys("a"))

    assert answers == {"a": SUCCEEDED}


def test_a_client_that_reaches_nobody() -> None:
    """It is told at once."""
    with (
        closed_port() as url,
        pytest.raises(InvalidFunction, match="thumbnails: no server responds"),
    ):
        invoke(invoker_for(lambda_at(url), name="thumbnails"), keys("a"))


# ---------------------------------------------------------------- jobs made with boto3


def create_job() -> dict[str, Any]:
    """Make a job over one object, and give it as it is then."""
    session: Any = boto3.Session("testing", "testing", region_name="us-east-1")
    s3, s3control = session.client("s3"), session.client("s3control")
    s3.create_bucket(Bucket="photos")
    etag = s3.put_object(Bucket="photos", Key="m.csv", Body=b"photos,a\n")["ETag"]
    account = {"AccountId": "123456789012"}
    job_id = s3control.create_job(
        **account,
        ConfirmationRequired=False,
        Operation={"LambdaInvoke": {"FunctionArn": "thumbnails:PROD"}},
        Manifest={
            "Spec": {"Format": "S3BatchOperations_CSV_20180820", "Fields": ["Bucket", "Key"]},
            "Location": {"ObjectArn": "arn:aws:s3:::photos/m.csv", "ETag": etag.strip('"')},
        },
        Report={"Enabled": False},
        Priority=1,
        RoleArn="arn:aws:iam::123456789012:role/batch",
    )["JobId"]
    job: dict[str, Any] = s3control.describe_job(**account, JobId=job_id)["Job"]
    return job


def test_a_job_that_calls_an_address() -> None:
    """A function that is registered by its address is called there."""
    with serving(done) as server, mock_s3batch({"thumbnails": server.url}):
        job = create_job()

    assert job["Status"] == "Complete"
    assert job["ProgressSummary"]["NumberOfTasksSucceeded"] == 1


def test_a_job_that_calls_a_client_of_another_endpoint() -> None:
    """moto keeps its hands off it."""
    with serving(done) as server, mock_s3batch({"thumbnails": lambda_at(server.url)}):
        job = create_job()

    assert job["ProgressSummary"]["NumberOfTasksSucceeded"] == 1


def test_a_job_that_calls_a_function_by_its_name(tmp_path: Path) -> None:
    """It runs in a process of its own, with credentials that open nothing."""
    app = tmp_path / "app.py"
    app.write_text(
        "import os\n"
        "from pathlib import Path\n"
        "def handler(event, context):\n"
        "    key_id = os.environ['AWS_ACCESS_KEY_ID']\n"
        "    Path(__file__).with_name('seen').write_text(f'{os.getpid()} {key_id}')\n"
    )

    with mock_s3batch({"thumbnails": f"{app}:handler"}):
        job = create_job()

    assert job["Status"] == "Complete"
    process, key_id = (tmp_path / "seen").read_text().split()
    assert int(process) != os.getpid()
    assert key_id == "FOOBARKEY"


def test_a_job_that_calls_by_a_client(stub: Stubber) -> None:
    """The client is asked for what the job names, with its qualifier."""
    client: Any = stub.client
    stub.add_response("invoke", {"StatusCode": 200, "Payload": body(b"7")}, ASKED)

    with mock_s3batch({"thumbnails": client}):
        job = create_job()

    assert job["Status"] == "Complete"
    assert job["ProgressSummary"]["NumberOfTasksFailed"] == 1


def test_a_job_whose_function_nobody_runs() -> None:
    """It fails, and says why."""
    with closed_port() as url, mock_s3batch({"thumbnails": url}):
        job = create_job()

    assert job["Status"] == "Failed"
    (reason,) = job["FailureReasons"]
    assert reason["FailureCode"] == "ResourceNotFoundException"
    assert f"{url}: no server responds" in reason["FailureReason"]


def test_the_command_line_with_an_arn(tmp_path: Path) -> None:
    """The client comes from the usual settings, its Region from the ARN."""
    (tmp_path / "manifest.csv").write_text("photos,a\nphotos,b\n")
    arn = "arn:aws:lambda:eu-west-1:123456789012:function:thumbnails:PROD"
    settings = {
        "AWS_ACCESS_KEY_ID": "x",
        "AWS_SECRET_ACCESS_KEY": "x",
        "AWS_DEFAULT_REGION": "us-east-1",
        "NO_PROXY": "*",
    }
    command = [sys.executable, "-m", "s3batch_handler.cli", "run", arn]

    with serving(done) as server:
        run = subprocess.run(
            [*command, "--manifest", "manifest.csv", "--json"],
            cwd=tmp_path,
            env={**os.environ, **settings, "AWS_ENDPOINT_URL_LAMBDA": server.url},
            capture_output=True,
            check=True,
        )

    assert json.loads(run.stdout)["succeeded"] == 2
    assert {path for path, _ in server.calls} == {
        f"/2015-03-31/functions/{quote(arn, safe='')}/invocations"
    }
    assert all("/eu-west-1/lambda/" in headers["Authorization"] for headers in server.headers)


# ---------------------------------------------------------------- one event


def test_one_event_of_any_kind() -> None:
    """What the function returns is given as it is."""
    with serving(lambda event: (200, {}, b'{"seen": 1}')) as server, closing(at(server)) as there:
        assert there.invoke({"Records": []}) == {"seen": 1}


@pytest.mark.parametrize(
    ("said", "error", "words"),
    [
        ((200, {}, BUG), InvalidResponse, "the function failed: .*ValueError"),
        ((200, {}, b"hello"), InvalidResponse, "the response of the function is not valid JSON"),
        (THROTTLED, InvalidFunction, "Rate Exceeded"),
    ],
)
def test_one_event_in_vain(said: Said, error: type[Exception], words: str) -> None:
    """What stands in the way is raised."""
    with (
        serving(lambda event: said) as server,
        closing(at(server)) as there,
        pytest.raises(error, match=words),
    ):
        there.invoke({})


# ---------------------------------------------------------------- what can be registered


def test_each_target_has_its_invoker(plain_client: Any) -> None:
    """The form of what is registered says how it is called."""
    arn = "arn:aws:lambda:us-east-1:123456789012:function:thumbnails:PROD"
    expected = {
        done: InProcess,
        "app:handler": WorkerPool,
        "http://127.0.0.1:3001": RemoteFunction,
        "https://host/2015-03-31/functions/f/invocations?Qualifier=PROD": RemoteFunction,
        arn: RemoteFunction,
        plain_client: RemoteFunction,
    }

    for target, kind in expected.items():
        with closing(invoker_for(target)) as invoker:
            assert isinstance(invoker, kind)


@pytest.mark.parametrize(
    "target",
    [
        "http://127.0.0.1:3001/",
        "http://127.0.0.1:3001/2015-03-31/functions/f/invocations",
        "arn:aws-cn:lambda:cn-north-1:123456789012:function:f",
        "app:handler",
    ],
)
def test_what_names_a_function(target: str) -> None:
    """It is taken unseen."""
    check_target(target)


@pytest.mark.parametrize(
    ("target", "said"),
    [
        ("http://127.0.0.1:3001/f", "write http://host:port/2015-03-31"),
        ("http://me:secret@127.0.0.1:3001", "is not the address"),
        ("http://127.0.0.1:99999", "Port out of range"),
        ("http://", "is not the address"),
        ("arn:aws:s3:::bucket", "is not the ARN of a function"),
        ("arn:aws:lambda:us-east-1:123456789012:layer:f", "is not the ARN of a function"),
        ("no/such/app.py:handler", "there is no file no/such/app.py"),
        (":", "is not the name of a function"),
    ],
)
def test_what_names_none(target: str, said: str) -> None:
    """It is refused with what to write instead."""
    with pytest.raises(InvalidFunction, match=said):
        check_target(target)
