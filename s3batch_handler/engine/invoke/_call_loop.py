"""The event loop that calls a function in Lambda, as often at a time as its pace allows."""

from __future__ import annotations

import asyncio
import json
import time
import uuid
from collections import deque
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

from s3batch_handler.core._errors import InvalidFunction
from s3batch_handler.engine.invoke._answer import NotRun
from s3batch_handler.engine.invoke._async_lambda_api import AsyncLambdaApi
from s3batch_handler.engine.invoke._call_tries import CallTries
from s3batch_handler.engine.invoke._lambda_api import CallFailed, InvokeError
from s3batch_handler.engine.invoke._remote import answer_in, answer_without_response

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from queue import SimpleQueue

    from s3batch_handler.documents.manifests._manifest import ManifestEntry
    from s3batch_handler.engine.invoke._call_threads import TimedAnswer
    from s3batch_handler.engine.invoke._call_tries import TryRules
    from s3batch_handler.engine.invoke._events import EventTemplate
    from s3batch_handler.engine.invoke._pace import Pace, Start
    from s3batch_handler.jobs._signed_calls import SignedCalls

    Finished = tuple[int, TimedAnswer | Exception]
    """The number of an entry and its answer, or the error that ends the job."""


class _Call:
    """A call that has to be made, perhaps several times."""

    def __init__(self, number: int, entry: ManifestEntry, rules: TryRules) -> None:
        self.number = number
        self.entry = entry
        self.tries = CallTries(rules)
        self.event: dict[str, Any] | None = None  # from the first try on
        self.payload = b""


class CallLoop:
    """Calls a function in an event loop. :meth:`run` runs in a thread of its own.

    A throttled call starts again, as often as necessary while Lambda accepts other calls.

    Args:
        template: The template of the events.
        signed: Signs the requests.
        pace: Decides when calls start.
        rules: The rules for failed calls.
        read_timeout: Seconds to wait for a response, more than the function's timeout.
        answered: Gets the answers.

    Attributes:
        running: The running calls by number, and when they began.
    """

    def __init__(
        self,
        template: EventTemplate,
        signed: SignedCalls,
        pace: Pace,
        rules: TryRules,
        *,
        read_timeout: float,
        answered: SimpleQueue[list[Finished]],
    ) -> None:
        self._template = template
        self._signed = signed
        self._pace = pace
        self._rules = rules
        self._read_timeout = read_timeout
        self._answered = answered
        self.running: dict[int, tuple[ManifestEntry, float]] = {}
        self._waiting = deque[_Call]()
        self._tasks = set[asyncio.Task[None]]()
        self._finished: list[Finished] = []
        self._loop = asyncio.new_event_loop()
        self._wake = asyncio.Event()
        self._timer: asyncio.TimerHandle | None = None
        self._stopped = asyncio.Event()
        self._closed = False
        self._accepted_at = time.monotonic()  # when Lambda accepted the latest call

    # -------------------------------------------------------- in any thread

    def add(self, batch: Sequence[tuple[int, ManifestEntry]]) -> None:
        """Call the function for these entries."""
        self._soon(lambda: self._add(batch))

    def stop(self) -> None:
        """Start no further call."""
        self._soon(self._stop)

    def close(self) -> None:
        """End :meth:`run`, and the calls that still wait for a response."""
        self._soon(self._close)

    def _soon(self, function: Callable[[], None]) -> None:
        with suppress(RuntimeError):  # the loop has ended
            self._loop.call_soon_threadsafe(function)

    # -------------------------------------------------------- in the thread of the loop

    def run(self) -> None:
        """Run until :meth:`close` is called."""
        with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
            runner.run(self._main())

    async def _main(self) -> None:
        try:
            async with AsyncLambdaApi(self._signed, read_timeout=self._read_timeout) as api:
                while not self._closed:
                    self._start_calls(api)
                    await self._wake.wait()
                    self._wake.clear()
                for task in self._tasks:
                    task.cancel()
                await asyncio.gather(*self._tasks, return_exceptions=True)
        finally:
            self._flush()

    def _start_calls(self, api: AsyncLambdaApi) -> None:
        while self._waiting and self._pace.may_start():
            call, start = self._waiting.popleft(), self._pace.start()
            task = asyncio.create_task(self._call(api, call, start))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        if self._waiting:
            self._wake_after(self._pace.wait())

    def _wake_after(self, seconds: float) -> None:
        """Set the time when further calls may start; one timer is enough for thousands of calls."""
        when = self._loop.time() + seconds
        if self._timer is None or self._timer.when() <= self._loop.time():
            self._timer = self._loop.call_at(when, self._wake.set)
        elif when < self._timer.when():
            self._timer.cancel()
            self._timer = self._loop.call_at(when, self._wake.set)

    def _add(self, batch: Sequence[tuple[int, ManifestEntry]]) -> None:
        self._waiting.extend(_Call(number, entry, self._rules) for number, entry in batch)
        self._wake.set()

    def _stop(self) -> None:
        self._stopped.set()
        while self._waiting:
            self._finish(self._waiting.popleft(), (NotRun(), None))

    def _close(self) -> None:
        self._closed = True
        self._wake.set()

    def _finish(self, call: _Call, answer: TimedAnswer | Exception) -> None:
        """Pass an answer to the other thread, with others of the same milliseconds."""
        if not self._finished:
            self._loop.call_later(_FLUSH_SECONDS, self._flush)
        self._finished.append((call.number, answer))

    def _flush(self) -> None:
        if self._finished:
            self._answered.put(self._finished)
            self._finished = []

    # -------------------------------------------------------- one call

    async def _call(self, api: AsyncLambdaApi, call: _Call, start: Start) -> None:
        """Call the function once or several times, until it has answered or is throttled."""
        self.running[call.number] = (call.entry, time.monotonic())
        try:
            self._finish(call, await self._answer(api, call))
        except CallFailed as error:  # throttled
            self._pace.throttled(start, error.retry_after)
            self._call_again(call, error)
        except Exception as error:  # the other thread raises it
            self._finish(call, error)
        finally:
            self._pace.end()
            del self.running[call.number]
            self._wake.set()

    def _call_again(self, call: _Call, error: CallFailed) -> None:
        """Start a throttled call again, after the calls that wait already."""
        if self._stopped.is_set():
            self._finish(call, (NotRun(), None))
        elif len(self.running) == 1 and self._has_waited():
            waited = f"no call was accepted for {self._rules.patience:g} seconds"
            self._finish(call, InvalidFunction(f"{self._rules.name}: {error} ({waited})"))
        else:
            self._waiting.append(call)

    def _has_waited(self) -> bool:
        return time.monotonic() - self._accepted_at > self._rules.patience

    async def _answer(self, api: AsyncLambdaApi, call: _Call) -> TimedAnswer:
        """Call the function, with retries.

        Raises:
            CallFailed: Lambda has throttled the call.
            InvalidFunction: The calls for all tasks will fail.
        """
        if call.event is None:
            call.event = self._template.event(uuid.uuid4().hex, call.entry)
            call.payload = json.dumps(call.event).encode()
        while True:
            start = time.monotonic()
            try:
                response = await api.invoke(call.payload)
            except InvokeError as error:
                if isinstance(error, CallFailed) and error.is_throttled:
                    self._rules.has_responded = True
                    raise
                try:
                    pause = call.tries.pause_after(error)
                except InvokeError:
                    return answer_without_response(error), None
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._stopped.wait(), pause)
                if self._stopped.is_set():
                    return NotRun(), None
            else:
                self._rules.has_responded = True
                self._accepted_at = time.monotonic()
                return answer_in(call.event, response), self._accepted_at - start


_FLUSH_SECONDS: Final = 0.01
