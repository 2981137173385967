"""Call a remote function: one Invoke of Lambda for each task, several at a time."""

from __future__ import annotations

import json
import logging
import random
import threading
import time
import uuid
from contextlib import suppress
from functools import partial
from itertools import count, islice
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Any, Final

from s3batch_handler.core._errors import InvalidFunction, InvalidResponse
from s3batch_handler.core._model import Outcome, ResultCode
from s3batch_handler.core._redaction import redacted_text
from s3batch_handler.engine.invoke._answer import FunctionError, NotRun, ServiceError
from s3batch_handler.engine.invoke._events import read_response
from s3batch_handler.engine.invoke._function_errors import error_of_lambda, is_function_error
from s3batch_handler.engine.invoke._invoker import running_call
from s3batch_handler.engine.invoke._lambda_api import (
    CallFailed,
    InvokeError,
    ReadTimeout,
    Unreachable,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from s3batch_handler.documents.manifests._manifest import ManifestEntry
    from s3batch_handler.engine.invoke._answer import Answer
    from s3batch_handler.engine.invoke._events import EventTemplate
    from s3batch_handler.engine.invoke._invoker import Answers, Entries, RunningCall, Stop
    from s3batch_handler.engine.invoke._lambda_api import ClientApi, HttpApi, InvokeResponse

    _TimedAnswer = tuple[Answer, float | None]


class RemoteFunction:
    """Calls a remote function, ``concurrency`` calls at a time. An :class:`Invoker`.

    A failed call is retried with exponential backoff: up to ten tries if Lambda throttles it, four
    if Lambda or the network fails. After the last one, the task has failed temporarily, and the job
    retries it later. So the function may be called twice for a task. S3 Batch Operations does not
    exclude that either.

    A call waits for a server that no longer responds, and for a function that Lambda is preparing.

    Args:
        api: Calls the function.
        concurrency: Calls at a time.
        grace: Seconds that running calls have to end when the job is stopped.
        backoff: Seconds before the second try, at most.
        patience: Seconds that a call waits for a server, or for a function to be ready.
    """

    def __init__(
        self,
        api: HttpApi | ClientApi,
        *,
        concurrency: int = 1,
        grace: float = 2.0,
        backoff: float = 0.1,
        patience: float = 180.0,
    ) -> None:
        self._api = api
        self._concurrency = concurrency
        self._grace = grace
        self._backoff = backoff
        self._patience = patience
        self._has_responded = False
        self._running: Mapping[str, tuple[ManifestEntry, float] | None] = {}
        self._not_announced = threading.Lock()  # acquired once, by the first call that waits

    @property
    def workers(self) -> int:
        """The number of calls at the same time."""
        return self._concurrency

    def invoke_all(self, template: EventTemplate, entries: Entries, /, *, stop: Stop) -> Answers:
        """Call the function for all entries: see :meth:`Invoker.invoke_all`.

        Raises:
            InvalidFunction: No server responds, the function does not exist, or it was not ready in
                time.
        """
        threads = _CallThreads(partial(self._answer, template), size=self._concurrency)
        self._running = threads.running
        entries = iter(entries)
        try:
            while not stop():
                threads.start_calls(entries)
                if not threads.pending:
                    return
                yield from threads.finished()
            yield from threads.stop(self._grace)
        except Exception:  # the function cannot be called, or an entry cannot be read
            yield from threads.stop(self._grace)
            raise
        finally:
            threads.close()

    def running(self) -> list[RunningCall]:
        """Return the call of each thread. Any thread may call this at any time."""
        return [running_call(name, running) for name, running in list(self._running.items())]

    def invoke(self, event: object) -> Any:
        """Send one event of any kind, and return what the function returned.

        Raises:
            InvalidFunction: The function does not exist, or cannot be called now.
            InvalidResponse: The function failed, or its response is not valid JSON.
        """
        try:
            response, _ = self._invoke(json.dumps(event).encode(), threading.Event())
        except InvokeError as error:
            raise InvalidFunction(f"{self._api}: {error}") from error
        failure = _error_in(response)
        if failure is not None:
            raise InvalidResponse(f"the function failed: {failure.payload}")
        try:
            return json.loads(response.payload)
        except ValueError as error:
            raise InvalidResponse(
                f"the response of the function is not valid JSON: {error}"
            ) from error

    def close(self) -> None:
        """Close the connections, also those of running calls."""
        self._api.close()

    # -------------------------------------------------------- one call

    def _answer(
        self, template: EventTemplate, entry: ManifestEntry, stopped: threading.Event
    ) -> _TimedAnswer:
        """Call the function for one task; return its answer, and the seconds of the call."""
        event = template.event(uuid.uuid4().hex, entry)
        try:
            response, seconds = self._invoke(json.dumps(event).encode(), stopped)
        except _Stopped:
            return NotRun(), None
        except ReadTimeout as error:
            return error_of_lambda("ReadTimeout", str(error)), None
        except CallFailed as error:
            if error.is_access_denied:
                return ServiceError(403, "AccessDenied", error.message), None
            return Outcome(ResultCode.TEMPORARY_FAILURE, str(error)), None
        return _error_in(response) or read_response(event, response.payload), seconds

    def _invoke(self, payload: bytes, stopped: threading.Event) -> tuple[InvokeResponse, float]:
        """Send a payload, with retries; return the response, and the seconds of the last call.

        Raises:
            InvokeError: The call for this task has failed.
            InvalidFunction: The calls for all tasks will fail.
        """
        pause = 0.0
        failures = 0
        since: float | None = None
        for tried in count():
            if stopped.wait(pause):
                raise _Stopped
            start = time.monotonic()
            try:
                response = self._api.invoke(payload)
            except Unreachable as error:
                if not self._has_responded:
                    raise InvalidFunction(f"{self._api}: {error}") from error
                since = self._waiting_since(since, error)
            except CallFailed as error:
                self._has_responded = True
                if error.affects_all_tasks:
                    raise InvalidFunction(f"{self._api}: {error}") from error
                if error.is_not_ready:
                    since = self._waiting_since(since, error)
                else:
                    failures += 1
                    if failures >= error.tries:
                        raise
            else:
                self._has_responded = True
                return response, time.monotonic() - start
            # A random pause, so that calls that were throttled together do not return together.
            pause = _RANDOM.uniform(0, min(self._backoff * 2**tried, _MAX_PAUSE))
        raise AssertionError("count() never ends")

    def _waiting_since(self, since: float | None, error: InvokeError) -> float:
        """Return when a call began to wait; now if it has not waited yet.

        Raises:
            InvalidFunction: The call has waited for ``patience`` seconds.
        """
        now = time.monotonic()
        if since is None:
            if self._not_announced.acquire(blocking=False):  # only the first call logs this
                text = "%s: %s; waiting up to %g seconds"
                _LOG.warning(text, self._api, redacted_text(error), self._patience)
            return now
        if now - since >= self._patience:
            waited = f"waited {self._patience:g} seconds for it"
            raise InvalidFunction(f"{self._api}: {error} ({waited})") from error
        return since


_LOG: Final = logging.getLogger("s3batch_handler.engine")
_MAX_PAUSE: Final = 10.0  # seconds
_RANDOM: Final = random.SystemRandom()


def _error_in(response: InvokeResponse) -> FunctionError | None:
    """Return the error of a function that failed, or ``None``.

    Lambda has a header for it. Emulators return the error as if the function had returned it, a
    line of text for a timeout, or nothing at all.
    """
    text = response.payload.decode(errors="replace")
    if not text:
        return error_of_lambda("Unhandled", "the function did not respond: it timed out, or ended")
    if text.startswith("Task timed out after"):
        return error_of_lambda("Sandbox.Timedout", text)
    if not response.failed and '"errorType"' not in text:
        return None
    error: Any = None
    with suppress(ValueError, RecursionError):
        error = json.loads(text)
    if is_function_error(error) and (response.failed or "results" not in error):
        return FunctionError(text)
    return error_of_lambda("Unhandled", text) if response.failed else None


class _Stopped(Exception):
    """The job was stopped: the call was not made."""


# ---------------------------------------------------------------- threads


class _CallThreads:
    """Threads that call a function for entries. Threads are started, and entries read, as needed.

    Attributes:
        pending: The entries without an answer, by number.
        running: The running call of each thread, and when it began.
    """

    def __init__(
        self,
        answer: Callable[[ManifestEntry, threading.Event], _TimedAnswer],
        *,
        size: int,
    ) -> None:
        self._answer = answer
        self._size = size
        self._numbers = count()
        self.pending: dict[int, ManifestEntry] = {}
        self.running: dict[str, tuple[ManifestEntry, float] | None] = {}
        self._to_call: SimpleQueue[tuple[int, ManifestEntry] | None] = SimpleQueue()
        self._answered: SimpleQueue[tuple[int, _TimedAnswer | Exception]] = SimpleQueue()
        self._stopped = threading.Event()
        self._threads: list[threading.Thread] = []

    def start_calls(self, entries: Iterator[ManifestEntry]) -> None:
        """Read enough entries for all threads: for each, one to call now and one to call next."""
        room = 2 * self._size - len(self.pending)
        for number, entry in zip(self._numbers, islice(entries, room), strict=False):
            self.pending[number] = entry
            self._to_call.put((number, entry))
            if len(self._threads) < self._size:
                self._threads.append(thread := self._new_thread(str(len(self._threads) + 1)))
                thread.start()

    def _new_thread(self, name: str) -> threading.Thread:
        self.running[name] = None
        return threading.Thread(target=self._call, args=(name,), name="s3batch call", daemon=True)

    def _call(self, name: str) -> None:
        for number, entry in iter(self._to_call.get, None):
            self.running[name] = (entry, time.monotonic())
            try:
                self._answered.put((number, self._answer(entry, self._stopped)))
            except Exception as error:  # finished() raises it
                self._answered.put((number, error))
            self.running[name] = None

    def finished(self) -> Answers:
        """Yield the answers that have arrived, after waiting briefly for the first one."""
        with suppress(Empty):
            number, answer = self._answered.get(timeout=_TICK)
            while True:
                entry = self.pending.pop(number)
                if isinstance(answer, Exception):
                    yield entry, NotRun(), None
                    raise answer
                yield entry, *answer
                number, answer = self._answered.get_nowait()

    def stop(self, grace: float) -> Answers:
        """Start no further call; yield the answers of the next ``grace`` seconds, then the rest."""
        self._stopped.set()
        with suppress(Empty):
            while task := self._to_call.get_nowait():
                yield self.pending.pop(task[0]), NotRun(), None
        deadline = time.monotonic() + grace
        is_late = False
        while self.pending and not is_late:
            is_late = (
                time.monotonic() >= deadline
            )  # check again: the machine may have been suspended
            with suppress(Exception):  # the first error is raised by invoke_all
                yield from self.finished()
        while self.pending:
            yield self.pending.popitem()[1], NotRun(), None

    def close(self) -> None:
        """End the threads. A thread that waits for a response ends when it arrives."""
        self._stopped.set()
        for _ in self._threads:
            self._to_call.put(None)
        deadline = time.monotonic() + _TICK
        for thread in self._threads:
            thread.join(max(0, deadline - time.monotonic()))


_TICK: Final = 0.1  # seconds
