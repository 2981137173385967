"""Functions that run elsewhere: one call of Lambda's Invoke for each task, several at a time."""

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
from s3batch_handler.core._payload import job_to_json
from s3batch_handler.core._redaction import redacted_text
from s3batch_handler.engine.invoke._answer import FunctionError, NotRun, Refused
from s3batch_handler.engine.invoke._lambda_api import CallFailed, NoReply, Silence, Unreachable
from s3batch_handler.engine.invoke._lambda_environment import read_response, task_event

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from s3batch_handler.core._model import JobRef
    from s3batch_handler.documents._manifest import ManifestEntry
    from s3batch_handler.engine.invoke._answer import Answer
    from s3batch_handler.engine.invoke._lambda_api import LambdaApi, Reply


class RemoteFunction:
    """Calls a function that runs elsewhere, ``concurrency`` calls at a time.

    A call that does not come about is tried again after a while, longer each time: ten times in
    all if Lambda throttles it, four times if it fails in Lambda or on the way. If that does not
    help, the task has failed temporarily, and a redrive may succeed. The function may so be called
    twice for a task; S3 as well promises no more than "at least once".

    A call waits for a server that no longer responds, and for a function that Lambda is preparing.

    Args:
        api: The way to the function.
        concurrency: Calls at a time.
        grace: Seconds that running calls get to end in, when the job is stopped.
        backoff: Seconds before the second try, at most.
        patience: Seconds that a call waits for a server, or for a function to be ready.
    """

    def __init__(
        self,
        api: LambdaApi,
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
        self._was_there = False
        self._not_announced = threading.Lock()  # acquired once, by the first call that waits

    def invoke_all(
        self,
        job: JobRef,
        schema_version: str,
        entries: Iterable[ManifestEntry],
        *,
        stop: Callable[[], bool],
    ) -> Iterator[tuple[ManifestEntry, Answer]]:
        """Call the function for all entries: see :meth:`Invoker.invoke_all`.

        Raises:
            InvalidFunction: No server responds, the function does not exist, or it was not ready in
                time.
        """
        answer = partial(self._answer, schema_version, job_to_json(schema_version, job))
        callers = _Callers(answer, size=self._concurrency)
        entries = iter(entries)
        try:
            while not stop():
                callers.begin(entries)
                if not callers.pending:
                    return
                yield from callers.finished()
            yield from callers.stop(self._grace)
        except Exception:  # there is no function any more, or an entry could not be read
            yield from callers.stop(self._grace)
            raise
        finally:
            callers.disband()

    def ask(self, event: object) -> Any:
        """Send one event of any kind; give what the function returned.

        Raises:
            InvalidFunction: There is no function to call, or it may not or cannot be called now.
            InvalidResponse: The function failed; or what it returned is no JSON.
        """
        try:
            reply = self._invoke(json.dumps(event).encode(), threading.Event())
        except NoReply as problem:
            raise InvalidFunction(f"{self._api}: {problem}") from problem
        error = _function_error(reply)
        if error is not None:
            raise InvalidResponse(f"the function failed: {error.payload}")
        try:
            return json.loads(reply.payload)
        except ValueError as error:
            raise InvalidResponse(f"the function's answer is no JSON: {error}") from error

    def close(self) -> None:
        """Hang up, on running calls as well."""
        self._api.close()

    # -------------------------------------------------------- one call

    def _answer(
        self,
        schema_version: str,
        job: dict[str, Any],
        entry: ManifestEntry,
        stopped: threading.Event,
    ) -> Answer:
        """Call the function for one task."""
        event = task_event(f"AAAAAAAAAA{uuid.uuid4().hex}", schema_version, job, entry)
        try:
            reply = self._invoke(json.dumps(event).encode(), stopped)
        except _Stopped:
            return NotRun()
        except Silence as silence:
            return _error("ReadTimeout", str(silence))
        except CallFailed as failed:
            if failed.is_access_denied:
                return Refused(403, "AccessDenied", failed.message)
            return Outcome(ResultCode.TEMPORARY_FAILURE, str(failed))
        return _function_error(reply) or read_response(event, reply.payload)

    def _invoke(self, payload: bytes, stopped: threading.Event) -> Reply:
        """Send a payload until something comes back, or there is no hope of it.

        Raises:
            NoReply: No answer of the function's, and this task alone suffers from it.
            InvalidFunction: All tasks would.
        """
        pause = 0.0
        failures = 0
        since: float | None = None
        for tried in count(1):
            if stopped.wait(pause):
                raise _Stopped
            try:
                reply = self._api.invoke(payload)
            except Unreachable as problem:
                if not self._was_there:
                    raise InvalidFunction(f"{self._api}: {problem}") from problem
                since = self._waiting_since(since, problem)
            except CallFailed as failed:
                self._was_there = True
                if failed.concerns_all:
                    raise InvalidFunction(f"{self._api}: {failed}") from failed
                if failed.is_not_ready:
                    since = self._waiting_since(since, failed)
                else:
                    failures += 1
                    if failures >= failed.tries:
                        raise
            else:
                self._was_there = True
                return reply
            # At random, so that those who were throttled together do not come back together.
            longest = min(self._backoff * 2 ** (tried - 1), _LONGEST_PAUSE)
            pause = random.uniform(0, longest)  # noqa: S311  no secret
        raise AssertionError("count() ends")

    def _waiting_since(self, since: float | None, problem: NoReply) -> float:
        """Return when a call began to wait; now if it has not waited yet.

        Raises:
            InvalidFunction: The call has waited for ``patience`` seconds.
        """
        now = time.monotonic()
        if since is None:
            self._announce(problem)
            return now
        if now - since >= self._patience:
            waited = f"waited {self._patience:g} seconds for it"
            raise InvalidFunction(f"{self._api}: {problem} ({waited})") from problem
        return since

    def _announce(self, problem: NoReply) -> None:
        if self._not_announced.acquire(blocking=False):  # only the first call logs this
            words = "%s: %s; waiting up to %g seconds"
            _LOG.warning(words, self._api, redacted_text(problem), self._patience)


_LOG: Final = logging.getLogger("s3batch_handler.engine")
_LONGEST_PAUSE: Final = 10.0  # seconds


def _function_error(reply: Reply) -> FunctionError | None:
    """Tell whether a function failed. Lambda says so in a header, emulators do not.

    Those answer with the error as if the function had returned it, with a line of text for a
    time-out, or with nothing at all.
    """
    text = reply.payload.decode(errors="replace")
    if not text:
        return _error("Unhandled", "the function did not answer: it timed out, or ended")
    if text.startswith("Task timed out after"):
        return _error("Sandbox.Timedout", text)
    if not reply.failed and '"errorType"' not in text:
        return None
    error: Any = None
    with suppress(ValueError, RecursionError):
        error = json.loads(text)
    is_error = isinstance(error, dict) and isinstance(error.get("errorMessage"), str)
    if is_error and (reply.failed or "results" not in error):
        return FunctionError(text)
    return _error("Unhandled", text) if reply.failed else None


def _error(kind: str, message: str) -> FunctionError:
    return FunctionError(json.dumps({"errorType": kind, "errorMessage": message}))


class _Stopped(Exception):
    """The job is over: nothing is called any more."""


# ---------------------------------------------------------------- many calls at a time


class _Callers:
    """Threads that get answers for entries; no more of either than are needed.

    Attributes:
        pending: What was begun and has no answer yet, by number.
    """

    def __init__(
        self, answer: Callable[[ManifestEntry, threading.Event], Answer], *, size: int
    ) -> None:
        self._answer = answer
        self._size = size
        self._numbers = count()
        self.pending: dict[int, ManifestEntry] = {}
        self._todo: SimpleQueue[tuple[int, ManifestEntry] | None] = SimpleQueue()
        self._done: SimpleQueue[tuple[int, Answer | Exception]] = SimpleQueue()
        self._stopped = threading.Event()
        self._threads: list[threading.Thread] = []

    def begin(self, entries: Iterator[ManifestEntry]) -> None:
        """Take as many entries as keep all threads busy: for each, one to do and one to do next."""
        room = 2 * self._size - len(self.pending)
        for number, entry in zip(self._numbers, islice(entries, room), strict=False):
            self.pending[number] = entry
            self._todo.put((number, entry))
            if len(self._threads) < self._size:
                thread = threading.Thread(target=self._work, name="s3batch call", daemon=True)
                self._threads.append(thread)
                thread.start()

    def _work(self) -> None:
        for number, entry in iter(self._todo.get, None):
            try:
                self._done.put((number, self._answer(entry, self._stopped)))
            except Exception as error:  # raised where the answers are awaited
                self._done.put((number, error))

    def finished(self) -> Iterator[tuple[ManifestEntry, Answer]]:
        """Give the answers that are there; wait for one, but not for ever."""
        with suppress(Empty):
            number, answer = self._done.get(timeout=_TICK)
            while True:
                entry = self.pending.pop(number)
                if isinstance(answer, Exception):
                    yield entry, NotRun()
                    raise answer
                yield entry, answer
                number, answer = self._done.get_nowait()

    def stop(self, grace: float) -> Iterator[tuple[ManifestEntry, Answer]]:
        """Begin nothing any more; give what ends within ``grace`` seconds, and what does not."""
        self._stopped.set()
        with suppress(Empty):
            while task := self._todo.get_nowait():
                yield self.pending.pop(task[0]), NotRun()
        give_up = time.monotonic() + grace
        is_late = False
        while self.pending and not is_late:
            is_late = time.monotonic() >= give_up  # and still looks, if this process was stopped
            with suppress(Exception):  # only the first error is raised, and that is known
                yield from self.finished()
        while self.pending:
            yield self.pending.popitem()[1], NotRun()

    def disband(self) -> None:
        """Let the threads end. One that still waits for an answer does so on its own."""
        self._stopped.set()
        for _ in self._threads:
            self._todo.put(None)
        until = time.monotonic() + _TICK
        for thread in self._threads:
            thread.join(max(0, until - time.monotonic()))


_TICK: Final = 0.1
