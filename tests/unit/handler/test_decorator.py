"""``@task_handler``: one invocation, from the event to the response."""

from __future__ import annotations

import contextlib
import copy
import functools
import inspect
import io
import json
import logging
import math
import os
import re
import signal
import subprocess
import sys
import threading
import time
import warnings
from typing import TYPE_CHECKING, Any
from unittest.mock import MagicMock

import pytest
from aws_lambda_powertools import Logger, Metrics, Tracer
from aws_lambda_powertools.utilities.data_classes import S3BatchOperationEvent
from botocore.exceptions import ClientError
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

import s3batch_handler
from s3batch_handler import (
    InvalidEvent,
    JobRef,
    Outcome,
    PermanentFailure,
    ResultCode,
    Task,
    TaskHandler,
    TemporaryFailure,
    UnexpectedEventWarning,
    task_handler,
)
from s3batch_handler.testing import make_context, make_event, make_task

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    LoadEvent = Callable[[str], dict[str, Any]]

SUCCEEDED, TEMPORARY, PERMANENT = ResultCode
LONG = 60.0


@pytest.fixture(autouse=True)
def no_timer_is_left() -> Iterator[None]:
    """Whatever a handler did, it has left no timer running."""
    yield
    assert signal.setitimer(signal.ITIMER_REAL, 0) == (0, 0)


@contextlib.contextmanager
def soon() -> Iterator[None]:
    """What is done in here must not take as long as the tasks that block."""
    began = time.monotonic()
    yield
    assert time.monotonic() - began < LONG / 4


def short(seconds: float = 0.1) -> Any:
    """A context with that little time left, beyond the reserve."""
    return make_context(timeout=1.0 + seconds)


def answers(response: dict[str, Any]) -> list[tuple[str, str]]:
    """Code and message of each result."""
    return [(result["resultCode"], result["resultString"]) for result in response["results"]]


def raising(error: BaseException) -> Callable[[Task], None]:
    def work(task: Task) -> None:
        raise error

    return work


def build(**options: Any) -> Callable[[Callable[[Task], object]], TaskHandler]:
    """``task_handler`` with options that no type checker looks at."""
    return task_handler(**options)


@task_handler
def echo(task: Task) -> str:
    return task.key


# ---------------------------------------------------------------- an invocation


def test_bare(load_event: LoadEvent) -> None:
    """A function that returns text is a whole handler, whose answer repeats what was asked."""
    event = load_event("v1_long_ids.json")

    response = echo(event, make_context())

    assert response == {
        "invocationSchemaVersion": "1.0",
        "treatMissingKeysAs": "TemporaryFailure",
        "invocationId": event["invocationId"],
        "results": [
            {
                "taskId": event["tasks"][0]["taskId"],
                "resultCode": "Succeeded",
                "resultString": "photos/summer.jpg",
            }
        ],
    }


def test_with_options(load_event: LoadEvent) -> None:
    """Options go in parentheses, and are written to the answer where they belong there."""
    handler = task_handler(treat_missing_keys_as=PERMANENT)(lambda task: task.bucket)

    response = handler(load_event("v2.json"), make_context())

    assert response["treatMissingKeysAs"] == "PermanentFailure"
    assert answers(response) == [("Succeeded", "holiday-photos")]


def test_response_is_json(load_event: LoadEvent) -> None:
    """Lambda's runtime can write down whatever we answer."""
    response = echo(load_event("v2_encoded_key.json"), make_context())

    assert json.loads(json.dumps(response)) == response


def test_task(load_event: LoadEvent) -> None:
    """A function gets everything that the event says of the task."""
    seen: list[Task] = []
    task_handler(seen.append)(load_event("v2.json"), None)

    (task,) = seen
    assert task.location == {
        "Bucket": "holiday-photos",
        "Key": "photos/summer.jpg",
        "VersionId": "3sL4kqtJlcpXroDTDmJ.rmSpXd3dIbrHY",
    }
    assert task.id == "dGFzay0wMDAx"
    assert task.job.id == "f3cc4f60-61f6-4a2b-8a21-d07600c373ce"
    assert task.job.arguments["target"] == "thumbnails"
    assert task.payload is None


@pytest.mark.parametrize(
    ("name", "keys"),
    [
        ("v2_no_task.json", []),
        ("v2.json", ["photos/summer.jpg"]),
        ("v2_many_tasks.json", ["a.jpg", "b.jpg", "c.jpg"]),
        ("v2_duplicate_ids.json", ["a.jpg", "b.jpg", "a.jpg"]),
    ],
)
@pytest.mark.parametrize("concurrency", [1, 2])
def test_every_task_is_answered_once(
    load_event: LoadEvent, name: str, keys: list[str], concurrency: int
) -> None:
    """Any number of tasks, none included: one answer each, in the order in which they came."""
    event = load_event(name)
    handler = task_handler(concurrency=concurrency)(lambda task: task.key)

    response = handler(event, None)

    assert answers(response) == [("Succeeded", key) for key in keys]
    assert [result["taskId"] for result in response["results"]] == [
        task["taskId"] for task in event["tasks"]
    ]


def test_one_failure_among_others(load_event: LoadEvent) -> None:
    """A task that fails does not concern the others."""

    @task_handler
    def handler(task: Task) -> str:
        if task.key == "b.jpg":
            raise PermanentFailure("not this one")
        return "done"

    response = handler(load_event("v2_many_tasks.json"), make_context())

    assert answers(response) == [
        ("Succeeded", "done"),
        ("PermanentFailure", "not this one"),
        ("Succeeded", "done"),
    ]


def test_key_that_is_no_utf8(load_event: LoadEvent) -> None:
    """Such a key fails its own task, named as in the manifest; the function never sees it."""
    event = load_event("v2_many_tasks.json")
    event["tasks"][1]["s3Key"] = "caf%E9+%C3%A9.jpg"

    response = echo(event, make_context())

    assert answers(response) == [
        ("Succeeded", "a.jpg"),
        ("PermanentFailure", "the key is not valid UTF-8: caf%E9%20%C3%A9.jpg"),
        ("Succeeded", "c.jpg"),
    ]


def test_key_with_half_a_surrogate_pair(load_event: LoadEvent) -> None:
    """JSON can hold such a thing; no object can have it for a name."""
    event = load_event("v2.json")
    event["tasks"][0]["s3Key"] = "a\ud800b"

    ((code, message),) = answers(echo(event, make_context()))

    assert code == "PermanentFailure"
    assert message == "the key is not valid UTF-8: 'a\\ud800b'"


@pytest.mark.parametrize("strict", [False, True])
@pytest.mark.parametrize("event", [None, {}, [], {"Records": []}, make_event("a") | {"tasks": 5}])
def test_no_event(event: Any, strict: bool) -> None:
    """What is no event of S3 Batch Operations is refused before any task is begun."""
    begun: list[Task] = []
    handler = task_handler(strict=strict)(begun.append)

    with pytest.raises(InvalidEvent):
        handler(event, None)

    assert not begun


def test_no_event_among_tasks() -> None:
    """One task that cannot be understood: no task is begun."""
    begun: list[Task] = []
    event = make_event("a", "b")
    del event["tasks"][1]["s3Key"]

    with pytest.raises(InvalidEvent, match=r"tasks\[1\].s3Key: missing"):
        task_handler(begun.append)(event, None)

    assert not begun


def test_odd_event(load_event: LoadEvent) -> None:
    """An event that AWS does not document is warned of, or with ``strict`` refused."""
    event = load_event("odd_extra_fields.json")

    with pytest.warns(UnexpectedEventWarning, match="s3Size"):
        response = echo(event, None)
    with pytest.raises(InvalidEvent, match="s3Size"):
        task_handler(strict=True)(lambda task: "done")(event, None)

    assert answers(response) == [("Succeeded", "photos/summer.jpg")]


def test_event_stays_as_it_is(load_event: LoadEvent) -> None:
    """The caller's event is never modified, not even below the surface."""
    event = load_event("v2_encoded_key.json")
    before = copy.deepcopy(event)

    @task_handler
    def handler(task: Task) -> None:
        task.location["Bucket"] = "mine"
        task.job.arguments["target"] = "mine"  # type: ignore[index]  # that is the point

    response = handler(event, None)

    assert event == before
    assert "read-only" in answers(response)[0][1]
    assert answers(task_handler(lambda task: task.job.arguments["target"])(event))[0][1] == (
        "thumbnails"
    )


# ---------------------------------------------------------------- what the function returns

RETURNED: list[tuple[Any, tuple[str, str]]] = [
    (None, ("Succeeded", "")),
    ("done", ("Succeeded", "done")),
    ({"size": 3}, ("Succeeded", '{"size":3}')),
    (Outcome(TEMPORARY, "later"), ("TemporaryFailure", "later")),
    (Outcome(PERMANENT), ("PermanentFailure", "")),
    (ResultCode.PERMANENT_FAILURE, ("PermanentFailure", "")),
    (JobRef(id="j"), ("Succeeded", '{"id":"j","arguments":{}}')),
    ("x\ny\ud800", ("Succeeded", "x\\ny\ufffd")),
    ("x" * 2000, ("Succeeded", "x" * 996 + "… [cut, of 2,000 characters]")),
]


@pytest.mark.parametrize(("value", "answer"), RETURNED)
def test_returned_value(value: Any, answer: tuple[str, str]) -> None:
    """A returned value becomes the answer; failures may be returned, too."""
    response = task_handler(lambda task: value)(make_event("a"), None)

    assert answers(response) == [answer]


@pytest.mark.parametrize(
    "value",
    [b"raw", math.nan, object(), (x for x in "a"), {1, b"raw"}, Outcome("Done"), Outcome(None)],  # type: ignore[arg-type]
)
def test_returned_value_that_is_no_answer(value: Any) -> None:
    """What cannot be an answer is a PermanentFailure of that task, and says so."""
    ((code, message),) = answers(task_handler(lambda task: value)(make_event("a"), None))

    assert code == "PermanentFailure"
    assert "the function" in message
    assert "return" in message


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text() | st.binary() | st.builds(object)
    | st.builds(Outcome, st.sampled_from([*ResultCode, "bad"]), st.text() | st.none())
    | st.just(Ellipsis) | st.just(int) | st.just(BaseException),
    lambda inner: st.lists(inner) | st.dictionaries(st.text() | st.none(), inner),
    max_leaves=4,
)  # fmt: skip


@given(ANYTHING)
def test_any_returned_value(value: Any) -> None:
    """Whatever a function returns, Lambda and S3 can read the response."""
    response = task_handler(lambda task: value)(make_event("a"), None)

    ((code, message),) = answers(json.loads(json.dumps(response)))
    assert code in {"Succeeded", "TemporaryFailure", "PermanentFailure"}
    assert len(message) <= 1024
    message.encode()


# ---------------------------------------------------------------- what the function raises


class FakeError(Exception):
    def __init__(self, *, cannot_be_shown: bool = False) -> None:
        super().__init__("some text")
        self.cannot_be_shown = cannot_be_shown

    def __str__(self) -> str:  # type: ignore[explicit-override]
        if self.cannot_be_shown:
            raise ValueError("not even this")
        return "some text"


NO_SUCH_KEY = ClientError(
    {
        "Error": {"Code": "NoSuchKey", "Message": "The specified key does not exist."},
        "ResponseMetadata": {"HTTPStatusCode": 404, "RequestId": "TX234S0F24A06C7"},  # type: ignore[typeddict-item]
    },
    "GetObject",
)


@pytest.mark.parametrize(
    ("error", "code", "says"),
    [
        (TemporaryFailure("not yet"), "TemporaryFailure", "not yet"),
        (PermanentFailure("never"), "PermanentFailure", "never"),
        (TemporaryFailure(), "TemporaryFailure", "TemporaryFailure"),
        (ConnectionResetError("gone"), "TemporaryFailure", "ConnectionResetError: gone"),
        (TimeoutError(), "TemporaryFailure", "TimeoutError"),
        (ZeroDivisionError("a bug"), "PermanentFailure", "ZeroDivisionError: a bug"),
        (NO_SUCH_KEY, "PermanentFailure", "NoSuchKey calling GetObject"),
        (NO_SUCH_KEY, "PermanentFailure", "TX234S0F24A06C7"),
        (FakeError(), "PermanentFailure", "FakeError: some text"),
        (FakeError(cannot_be_shown=True), "PermanentFailure", "FakeError"),
        (ExceptionGroup("several", [TimeoutError()]), "TemporaryFailure", "several"),
        (StopIteration("odd"), "PermanentFailure", "StopIteration"),
        (RecursionError("deep"), "PermanentFailure", "RecursionError"),
        (MemoryError(), "PermanentFailure", "MemoryError"),
    ],
)
def test_raised_exception(error: Exception, code: str, says: str) -> None:
    """An exception decides what becomes of its task, and the message says what it was."""
    ((answered, message),) = answers(task_handler(raising(error))(make_event("a"), None))

    assert answered == code
    assert says in message


@pytest.mark.parametrize("context_of_now", [lambda: None, make_context])
@pytest.mark.parametrize(
    "error",
    [
        SystemExit("bye"),
        SystemExit(0),
        KeyboardInterrupt(),
        GeneratorExit(),
        BaseExceptionGroup("all", [SystemExit()]),
        type("OwnBase", (BaseException,), {})("own"),
    ],
)
def test_exceptions_that_end_processes(error: BaseException, context_of_now: Any) -> None:
    """Nothing that a function raises ends the environment; other tasks are done."""

    @task_handler(unexpected="raise")
    def handler(task: Task) -> str:
        if task.key == "b":
            raise error
        return "done"

    response = handler(make_event("a", "b", "c"), context_of_now())

    assert [code for code, _ in answers(response)] == ["Succeeded", "PermanentFailure", "Succeeded"]
    assert type(error).__name__ in answers(response)[1][1]


def test_failure_raised_far_below() -> None:
    """A failure may be raised anywhere below, also from another exception."""

    def below() -> None:
        try:
            raise KeyError("a")
        except KeyError as error:
            raise TemporaryFailure("look again later") from error

    response = task_handler(lambda task: below())(make_event("a"), None)

    assert answers(response) == [("TemporaryFailure", "look again later")]


class Throttled(Exception):
    pass


class NotAPhoto(ConnectionError):
    pass


def test_retry_on_and_give_up_on() -> None:
    """Exceptions of one's own are added to the table, and come before it."""
    handler = task_handler(retry_on=(Throttled,), give_up_on=(NotAPhoto,))

    temporary = handler(raising(Throttled()))(make_event("a"), None)
    permanent = handler(raising(NotAPhoto()))(make_event("a"), None)

    assert answers(temporary) == [("TemporaryFailure", "Throttled")]
    assert answers(permanent) == [("PermanentFailure", "NotAPhoto")]


def test_classify() -> None:
    """``classify`` is asked first; ``None`` means that it has no opinion."""

    def opinion(error: BaseException) -> ResultCode | None:
        return TEMPORARY if "again" in str(error) else None

    handler = task_handler(classify=opinion, give_up_on=(KeyError,))

    asked = handler(raising(KeyError("again")))(make_event("a"), None)
    not_asked = handler(raising(KeyError("never")))(make_event("a"), None)

    assert [code for code, _ in answers(asked)] == ["TemporaryFailure"]
    assert [code for code, _ in answers(not_asked)] == ["PermanentFailure"]


@pytest.mark.parametrize("code", ResultCode)
def test_unexpected_exception(code: ResultCode) -> None:
    """What nobody classified is what ``unexpected`` says."""
    handler = task_handler(unexpected=code)(raising(ZeroDivisionError("a bug")))

    assert answers(handler(make_event("a"), None)) == [(code.value, "ZeroDivisionError: a bug")]


@pytest.mark.parametrize("concurrency", [1, 2])
def test_unexpected_exception_that_is_raised(concurrency: int) -> None:
    """With ``unexpected="raise"`` it fails the invocation; what is known stays an answer."""
    options: Any = {"unexpected": "raise", "concurrency": concurrency}
    event = make_event("a", "b")

    known = build(**options)(raising(NO_SUCH_KEY))(event, None)

    assert [code for code, _ in answers(known)] == ["PermanentFailure"] * 2
    with pytest.raises(ZeroDivisionError):
        build(**options)(raising(ZeroDivisionError()))(event, None)


@given(st.sampled_from([Exception, KeyError, OSError, UnicodeDecodeError, ExceptionGroup]),
       st.lists(st.none() | st.integers() | st.text() | st.binary(), max_size=5))  # fmt: skip
def test_any_raised_exception(kind: type[Exception], arguments: list[Any]) -> None:
    """Whatever a function raises, Lambda and S3 can read the response."""

    def work(task: Task) -> None:
        raise kind(*arguments)

    response = task_handler(work)(make_event("a"), None)

    ((code, message),) = answers(json.loads(json.dumps(response)))
    assert code in {"TemporaryFailure", "PermanentFailure"}
    assert 0 < len(message) <= 1024
    message.encode()


# ---------------------------------------------------------------- user arguments and payloads


class CopyArguments(BaseModel):
    target: str
    width: int = 100


class Instruction(BaseModel):
    source: str
    width: int


def test_arguments(load_event: LoadEvent) -> None:
    """Text from S3 arrives as the user's model."""

    @task_handler(arguments=CopyArguments)
    def handler(task: Task[CopyArguments]) -> Any:
        assert isinstance(task.job.arguments, CopyArguments)
        return [task.job.id, task.job.arguments.target, task.job.arguments.width]

    ((code, message),) = answers(handler(load_event("v2.json"), None))

    assert code == "Succeeded"
    assert json.loads(message) == ["f3cc4f60-61f6-4a2b-8a21-d07600c373ce", "thumbnails", 640]


@pytest.mark.filterwarnings("ignore::s3batch_handler.handler._time_limit.ThreadTimeLimitWarning")
@pytest.mark.parametrize("concurrency", [1, 2])
def test_arguments_that_do_not_fit(concurrency: int) -> None:
    """They fail all tasks permanently, each naming the field; no task is begun."""
    begun: list[Any] = []
    handler = task_handler(arguments=CopyArguments, concurrency=concurrency)(begun.append)

    response = handler(make_event("a", "b", user_arguments={"width": "wide"}), make_context())

    ((code, message), other) = answers(response)
    assert code == "PermanentFailure"
    assert message.startswith("the job's user arguments are invalid: target: missing; width: ")
    assert "wide" not in message
    assert other == (code, message)
    assert not begun


def test_payload(load_event: LoadEvent) -> None:
    """A key that is JSON arrives as the user's model."""

    @task_handler(payload=Instruction, arguments=CopyArguments)
    def handler(task: Task[CopyArguments, Instruction]) -> str:
        assert isinstance(task.payload, Instruction)
        return f"{task.payload.source} {task.payload.width} {task.job.arguments.target}"

    response = handler(load_event("v2_json_key.json"), make_context())

    assert answers(response) == [("Succeeded", "photos/summer.jpg 320 thumbnails")]


@pytest.mark.parametrize(
    ("key", "says"),
    [
        ('{"source": "a"}', "width: missing"),
        ('{"source": "a", "width": "x"}', "width: "),
        ("photos/summer.jpg", "the key: "),
        ('["a", 5]', "the key: expected an object, got a list"),
        ("{", "the key: "),
    ],
)
def test_payload_that_does_not_fit(key: str, says: str) -> None:
    """It fails its own task, and the message names the field."""
    handler = task_handler(payload=Instruction)(lambda task: "done")

    response = handler(make_event(key, '{"source": "b", "width": 1}'), make_context())

    ((code, message), other) = answers(response)
    assert code == "PermanentFailure"
    assert message.startswith(f"the payload in the key is invalid: {says}")
    assert other == ("Succeeded", "done")


# ---------------------------------------------------------------- time


def sleep(task: Task | None = None) -> None:
    time.sleep(LONG)


@pytest.mark.parametrize("code", ResultCode)
def test_out_of_time(code: ResultCode) -> None:
    """A task that runs out of time is ended in time, as ``on_timeout`` says, and says where."""

    @task_handler(on_timeout=code)
    def handler(task: Task) -> None:
        sleep()

    with soon():
        ((answered, message),) = answers(handler(make_event("a"), short(0.5)))

    assert answered == code
    assert re.match(r"stopped after 0\.\d s in sleep\(\), line \d", message)
    assert message.endswith(": out of time")


def test_out_of_time_by_default() -> None:
    """It is tried again."""
    with soon():
        ((code, _),) = answers(task_handler(sleep)(make_event("a"), short()))

    assert code == "TemporaryFailure"


def test_later_tasks_are_answered() -> None:
    """When the time is over, the tasks after it are not begun, but answered."""
    begun = []

    @task_handler
    def handler(task: Task) -> None:
        begun.append(task.key)
        if task.key == "b":
            sleep()

    with soon():
        done, stopped, later = answers(handler(make_event("a", "b", "c"), short(1)))

    assert done == ("Succeeded", "")
    assert stopped[1].startswith("stopped after")
    assert later == (
        "TemporaryFailure",
        "not started: less than the time_reserve of 1 s is left",
    )
    assert begun == ["a", "b"]


@pytest.mark.parametrize("left", [0, -5, 1, 999, 1000, 0.0])
def test_no_time_left(left: float) -> None:
    """With no more than the reserve left, a task is not begun. 0 is not "unknown"."""
    begun: list[Task] = []
    context = MagicMock(get_remaining_time_in_millis=lambda: left)

    ((code, message),) = answers(task_handler(begun.append)(make_event("a"), context))

    assert code == "TemporaryFailure"
    assert message.startswith("not started")
    assert not begun


def test_time_reserve() -> None:
    """The reserve is a setting; without one, all of the time may be used."""
    handler = task_handler(time_reserve=0)(lambda task: "done")

    response = handler(make_event("a"), make_context(timeout=0.5))

    assert answers(response) == [("Succeeded", "done")]


@pytest.mark.parametrize(
    "context",
    [
        None,
        object(),
        MagicMock(),
        MagicMock(get_remaining_time_in_millis=lambda: math.nan),
        MagicMock(get_remaining_time_in_millis=lambda: sys.maxsize),
        MagicMock(get_remaining_time_in_millis=lambda: 10**400),
        MagicMock(get_remaining_time_in_millis=lambda: 1 / 0),
    ],
)
def test_context_that_cannot_tell(context: Any) -> None:
    """A context that cannot tell the time, or none at all, is no reason to fail."""
    assert answers(echo(make_event("a"), context)) == [("Succeeded", "a")]
    assert answers(echo(make_event("a"))) == [("Succeeded", "a")]


@pytest.mark.parametrize("context_of_now", [lambda: None, make_context])
def test_task_timeout(context_of_now: Any) -> None:
    """Each task has ``task_timeout`` seconds of its own, with a deadline or without."""

    @task_handler(task_timeout=0.5)
    def handler(task: Task) -> str:
        if task.key != "b":
            sleep()
        return "done"

    with soon():
        first, second, third = answers(handler(make_event("a", "b", "c"), context_of_now()))

    assert first[0] == third[0] == "TemporaryFailure"
    assert "stopped after 0.5 s" in first[1]
    assert second == ("Succeeded", "done")


def test_careful_function() -> None:
    """``except Exception`` does not hold up the end of a task, ``finally`` is passed through."""
    passed = []

    @task_handler(task_timeout=0.1, time_reserve=LONG / 4)  # for busy machines
    def handler(task: Task) -> str:
        try:
            sleep()
        except Exception:
            return "caught"
        finally:
            time.sleep(0.05)
            passed.append("finally")
        return "slept"

    with soon():
        ((code, _),) = answers(handler(make_event("a"), None))

    assert code == "TemporaryFailure"
    assert passed == ["finally"]


def test_interruption_that_is_turned_into_something_else() -> None:
    """It is on_timeout, whatever the function makes of it, and the place is still told."""

    def nap() -> None:
        try:
            sleep()
        except BaseException:
            raise PermanentFailure("failed") from None

    with soon():
        ((code, message),) = answers(
            task_handler(task_timeout=0.1)(lambda task: nap())(make_event("a"), None)
        )

    assert code == "TemporaryFailure"
    assert " in nap(), line " in message


def test_nothing_leaks_into_the_next_invocation() -> None:
    """After a task that was stopped, the next invocation has all of its own time."""
    handler = task_handler(lambda task: time.sleep(0.7 if task.key == "quick" else LONG))

    with soon():
        stopped = handler(make_event("slow"), short())
        done = handler(make_event("quick"), make_context())

    assert [code for code, _ in answers(stopped) + answers(done)] == [
        "TemporaryFailure",
        "Succeeded",
    ]


def test_handler_within_a_handler() -> None:
    """A handler that calls another one keeps its own time, and the other keeps its."""
    inner = task_handler(task_timeout=0.1)(sleep)

    @task_handler
    def outer(task: Task) -> str:
        ((code, _),) = answers(inner(make_event("b"), None))
        seen.append(code)
        sleep()
        return "slept"

    seen: list[str] = []

    with soon():
        ((code, _),) = answers(outer(make_event("a"), short(1.0)))

    assert (seen, code) == (["TemporaryFailure"], "TemporaryFailure")


@pytest.mark.filterwarnings("ignore::s3batch_handler.handler._time_limit.ThreadTimeLimitWarning")
def test_out_of_time_in_another_thread() -> None:
    """Called outside of the main thread, a handler answers in time all the same."""
    responses: list[Any] = []
    free = threading.Event()
    handler = task_handler(lambda task: free.wait(LONG) and None)

    with soon():
        thread = threading.Thread(
            target=lambda: responses.append(handler(make_event("a"), short()))
        )
        thread.start()
        thread.join()
    free.set()

    ((code, message),) = answers(responses[0])
    assert code == "TemporaryFailure"
    assert "out of time" in message


# ---------------------------------------------------------------- several tasks at a time


def test_concurrency() -> None:
    """``concurrency=N`` works on N tasks at a time, and no more."""
    all_here = threading.Barrier(3)
    at_work: set[str] = set()
    most = []

    @task_handler(concurrency=3)
    def handler(task: Task) -> str:
        at_work.add(task.id)
        most.append(len(at_work))
        all_here.wait(LONG)
        at_work.discard(task.id)
        return task.key

    response = handler(make_event(*"abcdef"), None)

    assert answers(response) == [("Succeeded", key) for key in "abcdef"]
    assert max(most) == 3


@pytest.mark.filterwarnings("ignore::s3batch_handler.handler._time_limit.ThreadTimeLimitWarning")
def test_concurrency_and_time() -> None:
    """Tasks that run out of time side by side are answered in time, and so are those after them."""
    free = threading.Event()

    @task_handler(concurrency=2)
    def handler(task: Task) -> str:
        if task.key != "a":
            free.wait(LONG)
        return "done"

    with soon():
        done, *others = answers(handler(make_event(*"abcde"), short(0.3)))
    free.set()

    assert done == ("Succeeded", "done")
    assert [code for code, _ in others] == ["TemporaryFailure"] * 4
    assert others[-1][1].startswith("not started")


def test_concurrency_and_failures() -> None:
    """Exceptions of one task do not concern the others, not even those that end processes."""

    @task_handler(concurrency=4)
    def handler(task: Task) -> str:
        if task.key == "b":
            sys.exit("bye")
        if task.key == "c":
            raise TemporaryFailure("later")
        return "done"

    response = handler(make_event(*"abcd"), None)

    assert answers(response) == [
        ("Succeeded", "done"),
        ("PermanentFailure", "SystemExit: bye"),
        ("TemporaryFailure", "later"),
        ("Succeeded", "done"),
    ]


def test_concurrency_and_context_variables() -> None:
    """What was set for the invocation, a correlation id say, is there for each task."""
    logger = Logger(service="concurrency", stream=io.StringIO())
    keys: list[Any] = []

    @task_handler(concurrency=2)
    def handler(task: Task) -> None:
        keys.append(logger.thread_safe_get_current_keys().get("tenant"))

    logger.thread_safe_append_keys(tenant="me")
    handler(make_event("a", "b"), None)
    logger.thread_safe_clear_keys()

    assert keys == ["me", "me"]


# ---------------------------------------------------------------- in tests


def test_run() -> None:
    """``handler.run(task)`` does one task and says what became of it."""
    assert echo.run(make_task("a b.txt")) == Outcome(SUCCEEDED, "a b.txt")
    assert task_handler(raising(TimeoutError())).run(make_task()).code is TEMPORARY


def test_run_as_in_an_invocation() -> None:
    """User arguments and payload are read into the handler's models, time limits hold."""

    @task_handler(arguments=CopyArguments, payload=Instruction, task_timeout=0.5)
    def handler(task: Task[CopyArguments, Instruction]) -> str:
        if task.payload.width == 0:
            sleep()
        return f"{task.job.arguments.target} {task.payload.source}"

    task = make_task('{"source": "a", "width": 1}', user_arguments={"target": "b"})
    slow = make_task('{"source": "a", "width": 0}', user_arguments={"target": "b"})

    assert handler.run(task) == Outcome(SUCCEEDED, "b a")
    assert handler.run(make_task("a")).code is PERMANENT
    with soon():
        assert handler.run(slow).code is TEMPORARY
    assert handler.run(task, make_context(timeout=0.5)).message.startswith("not started")


def test_run_with_models() -> None:
    """A test may make the models itself."""

    @task_handler(arguments=CopyArguments, payload=Instruction)
    def handler(task: Task[CopyArguments, Instruction]) -> str:
        return f"{task.job.arguments.target} {task.payload.source}"

    task = Task[CopyArguments, Instruction](
        id="1",
        bucket="b",
        key="k",
        job=JobRef[CopyArguments](id="j", arguments=CopyArguments(target="x")),
        payload=Instruction(source="y", width=1),
    )

    assert handler.run(task) == Outcome(SUCCEEDED, "x y")


# ---------------------------------------------------------------- as a decorator


def test_wraps() -> None:
    """A handler is named and documented as its function is, and shows its parameters."""

    @task_handler(strict=True)
    def thumbnails(task: Task) -> None:
        """Make thumbnails."""

    function: Any = thumbnails

    assert isinstance(thumbnails, TaskHandler)
    assert function.__name__ == "thumbnails"
    assert function.__doc__ == "Make thumbnails."
    assert function.__module__ == __name__
    assert function.__wrapped__.__name__ == "thumbnails"
    assert list(inspect.signature(function).parameters) == ["task"]


class Callables:
    """What may be a function, beside functions."""

    def __init__(self) -> None:
        # Names of the handler's own attributes: they must not get in its way.
        self._function = self._loop = self._attempt = self._arguments = "mine"

    def __call__(self, task: Task) -> str:
        return f"{task.key} {self._function}"

    def method(self, task: Task) -> str:
        return task.key


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (Callables(), "a mine"),
        (Callables().method, "a"),
        (functools.partial(lambda prefix, task: prefix + task.key, "x"), "xa"),
        (lambda task: task.key, "a"),
    ],
)
def test_callables(function: Any, message: str) -> None:
    """Objects, methods and partials are functions, too."""
    assert answers(task_handler(function)(make_event("a"), None)) == [("Succeeded", message)]


@pytest.mark.parametrize(
    ("options", "error", "says"),
    [
        ({"retry": (KeyError,)}, TypeError, "no option retry"),
        ({"strickt": True, "on_time_out": TEMPORARY}, TypeError, "no option on_time_out, strickt"),
        (
            {"retry_on": ("KeyError",)},
            TypeError,
            "retry_on takes exception classes, got 'KeyError'",
        ),
        ({"give_up_on": 404}, TypeError, "give_up_on takes exception classes, got 404"),
        ({"classify": "never"}, TypeError, "classify"),
        ({"unexpected": "ignore"}, ValueError, "ignore"),
        ({"on_timeout": "Done"}, ValueError, "Done"),
        ({"treat_missing_keys_as": None}, ValueError, "None"),
        ({"task_timeout": 0}, ValueError, "task_timeout is 0: it must be more than 0"),
        ({"task_timeout": -1}, ValueError, "task_timeout is -1"),
        ({"task_timeout": math.nan}, ValueError, "task_timeout is nan"),
        ({"task_timeout": "5"}, TypeError, "task_timeout is '5': it must be a number"),
        ({"time_reserve": -1}, ValueError, "time_reserve is -1: it must be at least 0"),
        ({"time_reserve": None}, TypeError, "time_reserve is None"),
        ({"concurrency": 0}, ValueError, "concurrency is 0: it must be at least 1"),
        ({"concurrency": math.nan}, ValueError, "concurrency is nan"),
        ({"concurrency": None}, TypeError, "concurrency is None"),
        ({"concurrency": 2.7}, TypeError, "concurrency is 2.7: it must be a whole number"),
        ({"concurrency": True}, TypeError, "concurrency is True: it must be a number"),
        ({"strict": "false"}, TypeError, "strict is 'false': it must be True or False"),
        ({"strict": None}, TypeError, "strict is None"),
    ],
)
def test_options_that_cannot_be(options: Any, error: type[Exception], says: str) -> None:
    """A wrong option is refused where the function is decorated, by its name."""
    with pytest.raises(error, match=says):
        build(**options)(lambda task: None)


@pytest.mark.parametrize("single", [KeyError, (KeyError,), [KeyError], {KeyError}])
def test_exceptions_as_they_come(single: Any) -> None:
    """One exception class, or several in whatever holds them."""
    response = task_handler(retry_on=single)(raising(KeyError("a")))(make_event("a"), None)

    assert [code for code, _ in answers(response)] == ["TemporaryFailure"]


@pytest.mark.parametrize("what", [5, "handler", CopyArguments])
def test_no_function(what: Any) -> None:
    """What is no function is refused at once: a model given without its name, say."""
    with pytest.raises(TypeError, match="takes a function"):
        build()(what)


# ---------------------------------------------------------------- together with Powertools


class Seen(logging.Handler):
    def __init__(self) -> None:
        super().__init__()
        self.lines: list[dict[str, Any]] = []

    def emit(self, record: logging.LogRecord) -> None:  # type: ignore[explicit-override]
        self.lines.append(json.loads(self.format(record)))


def test_powertools_decorators(
    load_event: LoadEvent, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """A handler takes Powertools' decorators on the outside, and their objects inside."""
    log = io.StringIO()
    logger = Logger(service=str(tmp_path), stream=log)  # one of that name may be there already
    metrics = Metrics(namespace="Photos", service="thumbnails")
    tracer = Tracer(service="thumbnails", disabled=True)

    @logger.inject_lambda_context
    @metrics.log_metrics
    @tracer.capture_lambda_handler
    @task_handler(logger=logger, metrics=metrics, tracer=tracer)
    def handler(task: Task) -> str:
        logger.info("at work")
        if task.key == "b.jpg":
            raise PermanentFailure("not this one")
        return "done"

    context: Any = make_context(function_name="thumbs")
    response = handler(load_event("v2_many_tasks.json"), context)

    assert [code for code, _ in answers(response)] == ["Succeeded", "PermanentFailure", "Succeeded"]
    lines = [json.loads(line) for line in log.getvalue().splitlines()]
    assert [(line["level"], line["key"]) for line in lines] == [
        ("INFO", "a.jpg"),
        ("INFO", "b.jpg"),
        ("WARNING", "b.jpg"),
        ("INFO", "c.jpg"),
    ]
    assert {line["function_name"] for line in lines} == {"thumbs"}
    assert lines[2]["result_code"] == "PermanentFailure"
    published = json.loads(capsys.readouterr().out)
    assert published["TaskSucceeded"] == [1.0, 1.0]
    assert published["TaskPermanentFailure"] == [1.0]
    assert len(published["TaskDuration"]) == len(published["TimeLeft"]) == 3


def test_event_in_a_data_class(load_event: LoadEvent) -> None:
    """An event that Powertools has wrapped in its data class is still that event."""
    event: Any = S3BatchOperationEvent(load_event("v1_encoded_key.json"))

    response = echo(event, make_context())

    assert answers(response) == [("Succeeded", "year 2024/a+b.jpg")]


def test_without_powertools(caplog: pytest.LogCaptureFixture) -> None:
    """Without anything passed in, a failed task is one line of plain logging, a success none."""
    handler = task_handler(lambda task: os.environ[task.key] if task.key == "bad" else "done")

    handler(make_event("good", "bad"), None)

    (line,) = caplog.records
    assert line.name == "s3batch_handler"
    assert line.levelname == "ERROR"
    assert "s3://bucket/bad: KeyError: 'bad'" in line.getMessage()
    assert line.exc_info is not None
    assert line.__dict__["key"] == "bad"


def test_what_is_not_used_is_not_imported() -> None:
    """A plain handler brings neither Powertools nor asyncio nor thread pools into its process."""
    program = """
import json, sys
from s3batch_handler import task_handler
handler = task_handler(lambda task: task.key)
handler(json.load(sys.stdin), None)
print([name for name in ("aws_lambda_powertools", "aws_xray_sdk", "asyncio", "boto3", "logging",
                         "concurrent.futures.thread") if name in sys.modules])
"""

    done = subprocess.run(
        [sys.executable, "-I", "-c", program],
        input=json.dumps(make_event("a")),
        capture_output=True,
        text=True,
        check=True,
    )

    assert done.stdout == "[]\n"


# ---------------------------------------------------------------- traps of Powertools' own types
#
# Numbers as in the list of traps that Powertools for AWS Lambda 3.37 sets to its users. Each of
# these shows first that the trap is what it is said to be.


def test_p1_one_way_to_read_a_key() -> None:
    """There is one kind of task, and its key is decoded."""
    from aws_lambda_powertools.utilities.parser.models import S3BatchOperationModel

    event = make_event("x")
    event["tasks"][0]["s3Key"] = "a+b%2Bc.txt"
    assert S3BatchOperationModel(**copy.deepcopy(event)).tasks[0].s3Key == "a+b%2Bc.txt"

    assert answers(echo(event)) == [("Succeeded", "a b+c.txt")]


def test_p2_the_callers_event(load_event: LoadEvent) -> None:
    """Reading an event does not write into it."""
    from aws_lambda_powertools.utilities.parser.models import S3BatchOperationModel

    event = load_event("v1.json")
    before = copy.deepcopy(event)
    S3BatchOperationModel(**(changed := copy.deepcopy(event)))
    assert changed != before

    echo(event)

    assert event == before


def test_p3_task_without_a_bucket() -> None:
    """A task without a bucket is refused, and not begun."""
    event = make_event("a")
    del event["tasks"][0]["s3Bucket"]

    with pytest.raises(InvalidEvent, match=r"tasks\[0\].s3Bucket: missing"):
        echo(event)


def test_p4_buckets_of_every_kind(load_event: LoadEvent) -> None:
    """What comes as ``task.bucket`` is what boto3 takes: a name, or an access point's ARN."""
    handler = task_handler(lambda task: task.bucket)
    event = load_event("v1_directory_bucket.json")
    assert S3BatchOperationEvent(event).task.s3_bucket.startswith("arn:")

    assert answers(handler(event)) == [("Succeeded", "holiday--use1-az4--x-s3")]
    assert answers(handler(load_event("v1_access_point.json"))) == [
        ("Succeeded", "arn:aws:s3:eu-west-1:123456789012:accesspoint/readers")
    ]


def test_p5_several_tasks(load_event: LoadEvent) -> None:
    """Events with several tasks, or none, can be answered."""
    assert len(echo(load_event("v2_many_tasks.json"))["results"]) == 3
    assert echo(load_event("v2_no_task.json"))["results"] == []


def test_p6_invalid_result_codes() -> None:
    """A code that S3 does not know cannot leave the function."""
    handler: Any = task_handler(lambda task: Outcome("Done", "x"))  # type: ignore[arg-type]

    assert [code for code, _ in answers(handler(make_event("a")))] == ["PermanentFailure"]
    with pytest.raises(ValueError, match="Done"):
        build(treat_missing_keys_as="Done")(lambda task: "done")


def test_p7_unanswered_tasks_are_no_success() -> None:
    """By default, a task without an answer is tried again."""
    assert echo(make_event("a"))["treatMissingKeysAs"] == "TemporaryFailure"


def test_p8_results_are_text_of_a_size_that_fits() -> None:
    """No null, no 400 KB of text, and ids are those of the event."""
    event = make_event("a", "b")
    handler = task_handler(lambda task: None if task.key == "a" else "x" * 400_000)

    first, second = handler(event)["results"]

    assert first["resultString"] == ""
    assert len(second["resultString"]) == 1024
    assert [first["taskId"], second["taskId"]] == [task["taskId"] for task in event["tasks"]]


def test_p9_no_task(load_event: LoadEvent) -> None:
    """An event without a task is no error, and none that is hard to understand."""
    with pytest.raises(StopIteration):
        _ = S3BatchOperationEvent(load_event("v2_no_task.json")).task

    assert echo(load_event("v2_no_task.json"))["results"] == []


def test_p10_bytes_that_are_no_text(load_event: LoadEvent) -> None:
    """They are never replaced silently: the task fails."""
    event = make_event("x")
    event["tasks"][0]["s3Key"] = "%FF%FE"
    assert S3BatchOperationEvent(event).task.s3_key == "\ufffd\ufffd"

    assert answers(echo(event)) == [("PermanentFailure", "the key is not valid UTF-8: %FF%FE")]


def test_everything_that_is_offered_is_there() -> None:
    """``from s3batch_handler import *`` works, and says it all."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert all(hasattr(s3batch_handler, name) for name in s3batch_handler.__all__)


# ---------------------------------------------------------------- what is logged of a failure


def aws_error(code: str, status: int) -> Exception:
    error = Exception(code)
    response = {"Error": {"Code": code}, "ResponseMetadata": {"HTTPStatusCode": status}}
    error.response = response  # type: ignore[attr-defined]
    return error


@pytest.mark.parametrize(
    ("error", "level", "has_traceback"),
    [
        (PermanentFailure("empty"), "WARNING", False),
        (TemporaryFailure("later"), "WARNING", False),
        (NotAPhoto("x"), "WARNING", False),
        (KeyError("named to classify="), "WARNING", False),
        (ConnectionResetError("gone"), "WARNING", False),
        (aws_error("SlowDown", 503), "WARNING", False),
        (aws_error("NoSuchKey", 404), "ERROR", False),
        (ValueError("a bug"), "ERROR", True),
    ],
    ids=repr,
)
@pytest.mark.parametrize("is_async", [False, True], ids=["sync", "async"])
def test_tracebacks_are_for_what_nobody_expected(
    error: Exception,
    level: str,
    has_traceback: bool,
    is_async: bool,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """What the user raised or named is a warning; what is retried or AWS explained is one line."""

    def classify(error: BaseException) -> ResultCode | None:
        return ResultCode.PERMANENT_FAILURE if isinstance(error, KeyError) else None

    def fail(task: Task) -> None:
        raise error

    async def fail_async(task: Task) -> None:
        raise error

    function: Any = fail_async if is_async else fail
    handler = task_handler(give_up_on=(NotAPhoto,), classify=classify)(function)

    handler.run(make_task("a.jpg"))

    (record,) = caplog.records
    assert record.levelname == level
    assert bool(record.exc_info) is has_traceback
    assert "a.jpg" in record.getMessage()


def test_messages_of_failures_have_no_credentials(caplog: pytest.LogCaptureFixture) -> None:
    """Raised or returned; the report and the log are read by many."""
    secret = "aB3xY5zK9mQ7"

    def fail(task: Task) -> Outcome:
        text = f"https://b.s3.amazonaws.com/{task.key}?Signature={secret}"
        if task.key == "returned":
            return Outcome(ResultCode.PERMANENT_FAILURE, text)
        raise (PermanentFailure if task.key == "failure" else ValueError)(text)

    for key in ("returned", "failure", "error"):
        outcome = task_handler(fail).run(make_task(key))

        assert outcome.message.endswith(f"https://b.s3.amazonaws.com/{key}?Signature=***")
    assert secret not in caplog.text


def test_result_of_a_success_is_passed_on_as_it_is() -> None:
    """A function may have been written to make presigned addresses."""
    url = "https://b.s3.amazonaws.com/k?Signature=aB3xY5zK9mQ7"

    assert task_handler(lambda task: url).run(make_task("k")).message == url
    outcome = Outcome(ResultCode.SUCCEEDED, url)
    assert task_handler(lambda task: outcome).run(make_task("k")).message == url


def test_key_that_looks_like_a_credential_stays(caplog: pytest.LogCaptureFixture) -> None:
    """Only messages are redacted: a task must be found by its key."""

    @task_handler
    def handler(task: Task) -> None:
        raise ValueError

    handler.run(make_task("token=aB3xY5zK9mQ7/file"))

    assert "s3://bucket/token=aB3xY5zK9mQ7/file: ValueError" in caplog.text
