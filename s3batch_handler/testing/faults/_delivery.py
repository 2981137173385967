"""Deliver one task to a handler as S3 does, with a fault, and check its response."""

from __future__ import annotations

import json
import signal
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from s3batch_handler.core._sanitize import safe_line
from s3batch_handler.core._typing import override
from s3batch_handler.testing.events._factories import make_context
from s3batch_handler.testing.faults._aws_calls import Call, hang, intercepted_calls, wait_until
from s3batch_handler.testing.faults._response_grammar import problems_of_response

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from s3batch_handler.core._model import Task
    from s3batch_handler.testing.faults._aws_faults import AwsFault

    Fault = Callable[[Call, float], Exception | None]

_GRACE: Final = 1.0
"""Seconds after which a handler that still runs is interrupted."""


@dataclass(frozen=True)
class Delivery:
    """What a handler did with one task.

    Attributes:
        event: The event that it got.
        response: What it returned.
        error: The exception that it raised instead.
        calls: Its calls of AWS.
        has_fault: Whether a fault was injected into one of them.
        seconds: The seconds that it had.
        elapsed: The seconds that it took.
    """

    event: dict[str, Any]
    response: Any
    error: BaseException | None
    calls: list[Call]
    has_fault: bool
    seconds: float
    elapsed: float

    def problem(self, expected: tuple[str, ...]) -> str | None:
        """Return what is wrong with the delivery, if anything.

        Args:
            expected: The result codes that do not lose the object.
        """
        if self.elapsed > self.seconds:
            return f"late: {self.elapsed:.2f} s of {self.seconds:.2f} s"
        if self.error is not None:
            return f"no response: {type(self.error).__name__}: {_text_of(self.error)}"
        problems = problems_of_response(self.event, self.response)
        if problems:
            return f"invalid response: {'; '.join(problems)}"
        if self.code not in expected:
            message = self.response["results"][0].get("resultString") or ""
            return f"{self.code}: {safe_line(message, 120)}"
        return None

    @property
    def code(self) -> str:
        """Return the result code of the task."""
        return str(self.response["results"][0]["resultCode"])


def _text_of(error: BaseException) -> str:
    try:
        return safe_line(str(error), 120)
    except Exception:
        return "(no text)"


def deliver(
    handler: Callable[[Any, Any], Any],
    event: dict[str, Any],
    task: Task[Any, Any],
    fault: Fault | None,
    seconds: float,
) -> Delivery:
    """Call a handler for one task.

    Args:
        handler: The handler.
        event: Its event.
        task: The task of the event.
        fault: Gets each call of AWS and the end of the time on the monotonic clock. It returns an
            exception to raise, or ``None`` to let the call pass.
        seconds: The remaining time in the context.
    """
    given = json.loads(json.dumps(event))
    faults: list[Exception] = []
    response, failure = None, None
    started = time.monotonic()

    def answer(call: Call) -> Any:
        error = fault(call, started + seconds) if fault is not None else None
        if error is None:
            return call.respond()
        faults.append(error)
        raise error

    try:
        with (
            intercepted_calls(task, event["tasks"][0]["s3Key"], answer) as calls,
            _interrupted_after(seconds + _GRACE),
        ):
            response = handler(given, make_context(timeout=seconds))
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        failure = error
    elapsed = time.monotonic() - started
    return Delivery(event, response, failure, calls, bool(faults), seconds, elapsed)


def refusing(operation: str, aws_fault: AwsFault) -> Fault:
    """Return a fault: AWS refuses the calls of an operation."""

    def fault(call: Call, _end: float) -> Exception | None:
        if call.name == operation and aws_fault.applies_to(call):
            return aws_fault.error(call)
        return None

    return fault


def hanging(operation: str | None = None) -> Fault:
    """Return a fault: calls of an operation, or all calls, get no response in time."""

    def fault(call: Call, end: float) -> Exception | None:
        if operation is None or call.name == operation:
            hang(call, end + _GRACE / 4)
        return None

    return fault


def slow(seconds: float) -> Fault:
    """Return a fault: each call gets its response after some seconds."""

    def fault(_call: Call, end: float) -> None:
        wait_until(min(time.monotonic() + seconds, end + _GRACE / 4))

    return fault


class _StillRunning(BaseException):
    """The handler did not end in time."""

    @override
    def __str__(self) -> str:
        return "still running after the time limit"


@contextmanager
def _interrupted_after(seconds: float) -> Iterator[None]:
    """Interrupt code in the main thread that does not end by itself, if the timer is unused."""
    is_main = threading.current_thread() is threading.main_thread()
    if not (hasattr(signal, "setitimer") and is_main) or signal.getitimer(signal.ITIMER_REAL)[0]:
        yield
        return

    def interrupt(*_: object) -> None:
        raise _StillRunning

    earlier = signal.signal(signal.SIGALRM, interrupt)
    # The signal is repeated, for code that swallows the first one.
    signal.setitimer(signal.ITIMER_REAL, seconds, 1.0)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, earlier)
