"""Calls of a remote function: events, responses, threads, and the end of a job."""

from __future__ import annotations

import re
import threading
import time
from contextlib import closing
from typing import TYPE_CHECKING
from urllib.parse import quote

import pytest

from s3batch_handler.core._errors import InvalidFunction, InvalidResponse
from s3batch_handler.core._model import JobRef, Outcome, ResultCode
from s3batch_handler.documents.manifests._manifest import ManifestEntry
from s3batch_handler.engine.invoke._answer import (
    Answer,
    FunctionError,
    InvalidFunctionResponse,
    NotRun,
    ServiceError,
)
from s3batch_handler.engine.invoke._target import invoker_for
from s3batch_handler.engine.run._run_job import JobSettings, run_job
from s3batch_handler.jobs._status import JobStatus
from tests.support.waiting import wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator
from tests.support.invoker_calls import TEMPLATE, invoke, keys
from tests.support.lambda_server import (
    ARN,
    BUG,
    SUCCEEDED,
    THROTTLED,
    At,
    Event,
    Reply,
    closed_port,
    done,
    key,
    serving,
    threads_at,
)


def test_each_task_is_one_event(at: At) -> None:
    """Events go to the path of Invoke, as S3 would send them, over one connection."""
    with serving(done) as server:
        answers = invoke(at(server), keys("a%20b", "c"))

    assert answers == {"a%20b": SUCCEEDED, "c": SUCCEEDED}
    paths = {path for path, _ in server.calls}
    assert paths < {
        "/2015-03-31/functions/function/invocations",
        f"/2015-03-31/functions/{quote(ARN, safe='')}/invocations",
    }
    first, second = (event for _, event in server.calls)
    assert first["job"] == {"id": "job-1"}
    assert first["tasks"][0]["s3Key"] == "a%20b"
    assert first["tasks"][0]["s3BucketArn"] == "arn:aws:s3:::photos"
    assert first["invocationId"] != second["invocationId"]
    assert server.connections == 1


def test_a_server_may_close_the_connection_after_each_call(at: At) -> None:
    """Each call then opens a new connection, as for sam local."""
    with serving(lambda event: (200, {"Connection": "close"}, done(event)[2])) as server:
        answers = invoke(at(server), keys("a", "b"))

    assert answers == {"a": SUCCEEDED, "b": SUCCEEDED}
    assert server.connections == 2


@pytest.mark.parametrize(
    ("reply", "expected"),
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
            FunctionError('{"errorType":"Unhandled","errorMessage":"{\\"oops\\":1}"}'),
            id="a runtime of one's own",
        ),
        pytest.param(
            (200, {}, b"Task timed out after 3.00 seconds"),
            FunctionError(
                '{"errorType":"Sandbox.Timedout",'
                '"errorMessage":"Task timed out after 3.00 seconds"}'
            ),
            id="emulator, time-out",
        ),
        pytest.param(
            (200, {}, b""),
            FunctionError(
                '{"errorType":"Unhandled",'
                '"errorMessage":"the function did not respond: it timed out, or ended"}'
            ),
            id="sam, time-out",
        ),
        pytest.param(
            (200, {}, b'{"statusCode": 200}'),
            InvalidFunctionResponse("invocationSchemaVersion: missing; results: missing"),
            id="no answer for S3",
        ),
        pytest.param(
            (403, {"x-amzn-ErrorType": "AccessDeniedException"}, b'{"Message":"not you"}'),
            ServiceError(403, "AccessDenied", "not you"),
            id="not allowed",
        ),
    ],
)
def test_failed_calls_become_answers(at: At, reply: Reply, expected: Answer) -> None:
    """Errors of a function differ from responses that S3 cannot read, in Lambda and emulators."""
    with serving(lambda event: reply) as server:
        answers = invoke(at(server), keys("a"))

    assert answers == {"a": expected}
    assert len(server.calls) == 1


def test_results_for_other_tasks_are_ignored(at: At) -> None:
    """The task then has no result, which is a temporary failure."""

    def respond(event: Event) -> Reply:
        (task,) = event["tasks"]
        return done({**event, "tasks": [{**task, "taskId": "another"}]})

    with serving(respond) as server:
        answers = invoke(at(server), keys("a"))

    assert answers == {
        "a": Outcome(ResultCode.TEMPORARY_FAILURE, "The function returned no result for this task")
    }


def test_a_call_that_reaches_the_read_timeout_is_not_retried(at: At) -> None:
    """The function may still run, so its task fails after one call."""
    leave = threading.Event()

    def respond(event: Event) -> Reply:
        leave.wait(30)
        return done(event)

    with serving(respond) as server:
        try:
            answers = invoke(at(server, read_timeout=0.1), keys("a"))
            wait_for(lambda: bool(server.calls))  # which may come later
        finally:
            leave.set()

    assert answers == {
        "a": FunctionError(
            '{"errorType":"ReadTimeout","errorMessage":"no response within 0.1 seconds"}'
        )
    }
    assert len(server.calls) == 1


def test_a_closed_port_fails_the_job_before_its_first_task() -> None:
    """The error names the address."""
    with (
        closed_port() as url,
        pytest.raises(InvalidFunction, match=f"{re.escape(url)}: no server responds"),
    ):
        run_job(keys("a"), invoker_for(url), JobSettings(job=JobRef(id="job-1")))


def test_an_unknown_path_fails_the_job_before_its_first_task() -> None:
    """The error shows the form of an address."""
    with (
        serving(lambda event: (404, {}, b"404 page not found")) as server,
        pytest.raises(InvalidFunction, match=r"404.*functions/NAME/invocations"),
    ):
        run_job(keys("a"), threads_at(server), JobSettings(job=JobRef(id="job-1")))


def test_a_server_that_goes_away_fails_the_job(at: At) -> None:
    """The job waits for the server, then fails with the address in its reason."""
    with serving(done) as server:

        def entries() -> Iterator[ManifestEntry]:
            yield from keys("a", "b")
            server.shutdown()
            server.socket.close()
            yield from keys("c", "d")

        def respond(event: Event) -> Reply:
            status, _, body = done(event)
            return status, {"Connection": "close"}, body

        server.respond = respond
        job = run_job(entries(), at(server), JobSettings(job=JobRef(id="job-1")))

    assert job.status is JobStatus.FAILED
    assert "no server responds" in (job.reason or "")


def test_concurrency_limits_the_calls_at_a_time(at: At) -> None:
    """Exactly ``concurrency`` calls run at a time, each over its own connection."""
    lock = threading.Lock()
    together = threading.Barrier(4, timeout=60)
    running = most = 0

    def respond(event: Event) -> Reply:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        together.wait()
        with lock:
            running -= 1
        return done(event)

    with serving(respond) as server:
        answers = invoke(at(server, concurrency=4), keys(*map(str, range(20))))

    assert len(answers) == 20
    assert most == 4
    assert server.connections == 4


def test_entries_are_read_as_needed(at: At) -> None:
    """A manifest may be very long: only a few entries are read ahead."""
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


def test_a_stopped_job_waits_for_running_calls(at: At) -> None:
    """Tasks that did not start are returned as NotRun. No thread is left."""
    begun, leave = threading.Semaphore(0), threading.Event()
    before = {*threading.enumerate()}

    def respond(event: Event) -> Reply:
        begun.release()
        if key(event) == "slow":
            leave.wait(30)
        return done(event)

    stopped = False
    answers = {}
    with serving(respond) as server:
        with closing(at(server, concurrency=2, grace=0.2)) as function:
            tasks = keys("slow", "quick", "slow too", "later", "much later", "never")
            for entry, reply, _ in function.invoke_all(TEMPLATE, tasks, stop=lambda: stopped):
                answers[entry.encoded_key] = reply
                stopped = True
        leave.set()

    assert answers["slow"] == NotRun()
    assert answers["quick"] == SUCCEEDED
    assert "never" not in answers
    assert {type(reply) for reply in answers.values()} == {NotRun, Outcome}
    wait_for(lambda: {*threading.enumerate()} <= before)


def test_late_answers_count(
    at: At,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """This process may itself have been stopped for the whole grace period."""
    monkeypatch.setattr(
        "s3batch_handler.engine.invoke._call_threads._TICK", 60
    )  # until it has come for sure
    begun, may_go = threading.Event(), threading.Event()

    def respond(event: Event) -> Reply:
        if key(event) == "b":
            begun.set()
            may_go.wait(60)
        begun.wait(60)
        return done(event)

    answers: list[tuple[str, Answer]] = []
    with serving(respond) as server, closing(at(server, concurrency=2, grace=0)) as function:
        for entry, reply, _ in function.invoke_all(
            TEMPLATE, keys("a", "b"), stop=lambda: bool(answers)
        ):
            answers.append((entry.encoded_key, reply))
            may_go.set()

    assert answers == [("a", SUCCEEDED), ("b", SUCCEEDED)]


def test_a_stopped_job_does_not_retry(at: At) -> None:
    """A task that waits for a redrive is returned as NotRun."""
    stopped = threading.Event()

    def respond(event: Event) -> Reply:
        stopped.set()
        return THROTTLED

    with serving(respond) as server, closing(at(server, backoff=60)) as function:
        began = time.monotonic()
        answers = list(function.invoke_all(TEMPLATE, keys("a"), stop=stopped.is_set))

    assert answers == [(keys("a")[0], NotRun(), None)]
    assert time.monotonic() - began < 40


def test_invoke_sends_any_event() -> None:
    """The result is what the function returned."""
    with (
        serving(lambda event: (200, {}, b'{"seen": 1}')) as server,
        closing(threads_at(server)) as there,
    ):
        assert there.invoke({"Records": []}) == {"seen": 1}


@pytest.mark.parametrize(
    ("reply", "error", "words"),
    [
        ((200, {}, BUG), InvalidResponse, "the function failed: .*ValueError"),
        ((200, {}, b"hello"), InvalidResponse, "the response of the function is not valid JSON"),
        (THROTTLED, InvalidFunction, "Rate Exceeded"),
    ],
)
def test_invoke_raises_the_error_of_the_call(
    reply: Reply, error: type[Exception], words: str
) -> None:
    """Errors of the function and of the call have different types."""
    with (
        serving(lambda event: reply) as server,
        closing(threads_at(server)) as there,
        pytest.raises(error, match=words),
    ):
        there.invoke({})
