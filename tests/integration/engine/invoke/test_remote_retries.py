"""Retries of calls of a remote function, by the error of Lambda."""

from __future__ import annotations

import re
import threading
import time
from collections import Counter
from contextlib import closing
from functools import cache

import pytest
from botocore.loaders import Loader

from s3batch_handler.core._errors import InvalidFunction
from s3batch_handler.core._model import Outcome, ResultCode
from s3batch_handler.engine.invoke._answer import (
    NotRun,
)
from tests.support.invoker_calls import TEMPLATE, invoke, keys
from tests.support.lambda_server import (
    FAULT,
    SUCCEEDED,
    THROTTLED,
    At,
    Event,
    Reply,
    done,
    in_turn,
    key,
    refusal,
    serving,
    threads_at,
)


@pytest.mark.parametrize(
    "reply",
    [
        pytest.param([THROTTLED, THROTTLED], id="throttled"),
        pytest.param([THROTTLED] * 9, id="throttled for long"),
        pytest.param([FAULT, (502, {}, b"Bad Gateway"), FAULT], id="Lambda is at fault"),
        pytest.param([None, None], id="connection lost"),
    ],
)
def test_temporary_errors_are_retried_with_the_same_event(
    at: At, reply: list[Reply | None]
) -> None:
    """The function receives the event again, and the task succeeds."""
    with serving(in_turn(*reply)) as server:
        answers = invoke(at(server), keys("a"))

    assert answers == {"a": SUCCEEDED}
    assert len(server.calls) == len(reply) + 1
    assert all(call == server.calls[0] for call in server.calls)


@pytest.mark.parametrize(
    ("reply", "tries", "message"),
    [
        (FAULT, 4, "ServiceException: sorry"),
        (None, 4, r"(Remote|Server)Disconnected(Error)?: no response: .*"),
    ],
)
def test_a_task_fails_temporarily_after_the_last_try(
    at: At, reply: Reply | None, tries: int, message: str
) -> None:
    """The number of tries depends on the error. A redrive may succeed."""
    with serving(lambda event: reply) as server:
        answers = invoke(at(server), keys("a"))

    (answer,) = answers.values()
    assert isinstance(answer, Outcome)
    assert answer.code is ResultCode.TEMPORARY_FAILURE
    assert re.fullmatch(message, answer.message)
    assert len(server.calls) == tries


def test_a_thread_tries_a_throttled_call_ten_times() -> None:
    """Then the task fails temporarily. A fleet tries it again while other calls are accepted."""
    with serving(lambda event: THROTTLED) as server:
        answers = invoke(threads_at(server), keys("a"))

    message = "TooManyRequestsException: Rate Exceeded."
    assert answers == {"a": Outcome(ResultCode.TEMPORARY_FAILURE, message)}
    assert len(server.calls) == 10


def test_throttled_calls_are_retried_with_backoff(at: At) -> None:
    """The pauses grow and are random."""
    times = []

    def respond(event: Event) -> Reply:
        times.append(time.monotonic())
        return done(event) if len(times) > 5 else THROTTLED

    with serving(respond) as server:
        invoke(at(server, backoff=0.05, patience=60), keys("a"))

    # At most 0.05 + 0.1 + 0.2 + 0.4 + 0.8 s; less than a tenth of it is one chance in 10,000.
    assert times[-1] - times[0] > 0.05


PENDING = "The operation cannot be performed at this time. The function is currently in the "
PENDING += "following state: Pending"


NOT_READY = [
    "CodeArtifactUserDeletedException",
    "CodeArtifactUserPendingException",
    "ENINotReadyException",
    "ResourceConflictException",
    "ResourceNotReadyException",
    "SnapStartNotReadyException",
    "SnapStartRegenerationFailureException",
]


ONE_TASK_FAILS = [
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
]


ALL_TASKS_FAIL = [
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


@cache
def errors_of_invoke() -> dict[str, int]:
    """Return the errors of Invoke with their statuses, from botocore's model."""
    model = Loader().load_service_model("lambda", "service-2")
    names = [error["shape"] for error in model["operations"]["Invoke"]["errors"]]
    return {name: model["shapes"][name]["error"]["httpStatusCode"] for name in names}


def test_every_error_of_invoke_is_classified() -> None:
    """A new botocore may add errors, which must then be classified."""
    throttled = "TooManyRequestsException"
    assert errors_of_invoke().keys() == {*NOT_READY, *ONE_TASK_FAILS, *ALL_TASKS_FAIL, throttled}


def test_an_error_of_one_call_fails_one_task(at: At) -> None:
    """The call is retried, then its task fails temporarily. Other tasks succeed."""
    statuses = errors_of_invoke()

    def respond(event: Event) -> Reply:
        return refusal(key(event), statuses[key(event)]) if key(event) != "good" else done(event)

    with serving(respond) as server:
        answers = invoke(at(server), keys(*ONE_TASK_FAILS, "good"))

    assert answers.pop("good") == SUCCEEDED
    assert answers == {
        code: Outcome(ResultCode.TEMPORARY_FAILURE, f"{code}: m") for code in ONE_TASK_FAILS
    }
    tries = Counter(key(event) for _, event in server.calls)
    assert all(tries[code] >= 4 for code in ONE_TASK_FAILS)


def test_an_error_of_all_calls_fails_the_job_at_once(at: At) -> None:
    """No call is retried."""
    for code in ALL_TASKS_FAIL:
        reply = refusal(code, errors_of_invoke()[code])
        with serving(in_turn(reply)) as server, pytest.raises(InvalidFunction, match=f"{code}: m"):
            invoke(at(server), keys("a"))

        assert len(server.calls) == 1


def test_a_call_waits_for_a_function_that_is_not_ready(at: At) -> None:
    """It waits longer than failed calls are retried."""
    for code in NOT_READY:
        reply = refusal(code, errors_of_invoke()[code], PENDING)

        with serving(in_turn(*[reply] * 12)) as server:
            answers = invoke(at(server, backoff=0.00001, patience=60), keys("a"))

        assert answers == {"a": SUCCEEDED}
        assert len(server.calls) == 13


def test_a_function_that_does_not_become_ready_fails_the_job(
    at: At,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """One warning announces the wait, and the error contains its duration."""
    reply = refusal("SnapStartNotReadyException", 409, "Lambda is initializing your function.")

    with serving(lambda event: reply) as server:
        began = time.monotonic()
        with pytest.raises(
            InvalidFunction, match=r"your function\. \(waited 0\.3 seconds for it\)"
        ):
            invoke(at(server, patience=0.3, concurrency=2), keys("a", "b"))
        waited = time.monotonic() - began

    assert waited >= 0.3
    (record,) = caplog.records
    assert record.name == "s3batch_handler.engine"
    assert record.getMessage().endswith(
        ": SnapStartNotReadyException: Lambda is initializing your function.; "
        "waiting up to 0.3 seconds"
    )


def test_a_call_does_not_wait_for_a_function_in_state_failed(at: At) -> None:
    """Its error code is the same as that of a pending function."""
    reply = refusal("ResourceConflictException", 409, PENDING.replace("Pending", "Failed"))

    with (
        serving(lambda event: reply) as server,
        pytest.raises(InvalidFunction, match=r"state: Failed$"),
    ):
        invoke(at(server, patience=60), keys("a"))

    assert len(server.calls) == 1


def test_waiting_does_not_count_as_a_try(at: At) -> None:
    """A call that fails after a wait is retried as often as any other."""
    waits = [refusal("SnapStartNotReadyException", 409)] * 12

    with serving(in_turn(*waits, FAULT, FAULT, FAULT)) as server:
        answers = invoke(at(server, backoff=0.00001, patience=60), keys("a"))

    assert answers == {"a": SUCCEEDED}


def test_a_stopped_job_does_not_wait_for_a_function(at: At) -> None:
    stopped = threading.Event()

    def respond(event: Event) -> Reply:
        stopped.set()
        return refusal("SnapStartNotReadyException", 409)

    with serving(respond) as server, closing(at(server, backoff=60, patience=600)) as function:
        began = time.monotonic()
        answers = list(function.invoke_all(TEMPLATE, keys("a"), stop=stopped.is_set))

    assert answers == [(keys("a")[0], NotRun(), None)]
    assert time.monotonic() - began < 40


def test_an_expired_signature_is_retried(at: At) -> None:
    """The machine may sleep between signing and sending. A wrong signature fails the job."""
    old = refusal("InvalidSignatureException", 403, "Signature expired: 20240101T000000Z is now…")
    wrong = refusal("InvalidSignatureException", 403, "The request signature does not match")

    with serving(in_turn(old)) as server:
        answers = invoke(at(server), keys("a"))
    with serving(in_turn(wrong)) as server, pytest.raises(InvalidFunction):
        invoke(at(server), keys("a"))

    assert answers == {"a": SUCCEEDED}
