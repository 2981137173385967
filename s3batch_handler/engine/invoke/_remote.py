"""Call a remote function: one Invoke of Lambda for each task, several at a time."""

from __future__ import annotations

import json
import threading
import time
import uuid
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any

from s3batch_handler.core._errors import InvalidFunction, InvalidResponse
from s3batch_handler.core._model import Outcome, ResultCode
from s3batch_handler.engine.invoke._answer import FunctionError, NotRun, ServiceError
from s3batch_handler.engine.invoke._call_threads import CallThreads, Stopped, answers_of
from s3batch_handler.engine.invoke._call_tries import CallTries, TryRules
from s3batch_handler.engine.invoke._events import read_response
from s3batch_handler.engine.invoke._function_errors import error_of_lambda, is_function_error
from s3batch_handler.engine.invoke._invoker import running_call
from s3batch_handler.engine.invoke._lambda_api import CallFailed, InvokeError, ReadTimeout

if TYPE_CHECKING:
    from collections.abc import Mapping

    from s3batch_handler.documents.manifests._manifest import ManifestEntry
    from s3batch_handler.engine.invoke._answer import Answer
    from s3batch_handler.engine.invoke._call_threads import TimedAnswer
    from s3batch_handler.engine.invoke._events import EventTemplate
    from s3batch_handler.engine.invoke._invoker import Answers, Entries, RunningCall, Stop
    from s3batch_handler.engine.invoke._lambda_api import ClientApi, HttpApi, InvokeResponse


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
        self._rules = TryRules(str(api), backoff=backoff, patience=patience)
        self._running: Mapping[str, tuple[ManifestEntry, float] | None] = {}

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
        threads = CallThreads(partial(self._answer, template), size=self._concurrency)
        self._running = threads.running
        yield from answers_of(threads, iter(entries), stop=stop, grace=self._grace)

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
    ) -> TimedAnswer:
        """Call the function for one task; return its answer, and the seconds of the call."""
        event = template.event(uuid.uuid4().hex, entry)
        try:
            response, seconds = self._invoke(json.dumps(event).encode(), stopped)
        except Stopped:
            return NotRun(), None
        except InvokeError as error:
            return answer_without_response(error), None
        return answer_in(event, response), seconds

    def _invoke(self, payload: bytes, stopped: threading.Event) -> tuple[InvokeResponse, float]:
        """Send a payload, with retries; return the response, and the seconds of the last call.

        Raises:
            InvokeError: The call for this task has failed.
            InvalidFunction: The calls for all tasks will fail.
        """
        tries = CallTries(self._rules)
        pause = 0.0
        while not stopped.wait(pause):
            start = time.monotonic()
            try:
                response = self._api.invoke(payload)
            except InvokeError as error:
                pause = tries.pause_after(error)
            else:
                self._rules.has_responded = True
                return response, time.monotonic() - start
        raise Stopped


def answer_without_response(error: InvokeError) -> Answer:
    """Return the answer to a call that has failed after its last try."""
    if isinstance(error, ReadTimeout):
        return error_of_lambda("ReadTimeout", str(error))
    if isinstance(error, CallFailed) and error.is_access_denied:
        return ServiceError(403, "AccessDenied", error.message)
    return Outcome(ResultCode.TEMPORARY_FAILURE, str(error))


def answer_in(event: dict[str, Any], response: InvokeResponse) -> Answer:
    """Return the answer that a response of Lambda contains."""
    return _error_in(response) or read_response(event, response.payload)


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
