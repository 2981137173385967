"""Parallel calls of a function in Lambda: thousands of them in one thread, with asyncio."""

from __future__ import annotations

import asyncio
import json
import threading
import time
import uuid
from collections import deque
from contextlib import suppress
from itertools import count, islice
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from s3batch_handler.engine.invoke._answer import NotRun
from s3batch_handler.engine.invoke._async_lambda_api import AsyncLambdaApi
from s3batch_handler.engine.invoke._call_tries import CallTries
from s3batch_handler.engine.invoke._lambda_api import CallFailed, InvokeError
from s3batch_handler.engine.invoke._remote import answer_in, answer_without_response

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from s3batch_handler.documents.manifests._manifest import ManifestEntry
    from s3batch_handler.engine.invoke._call_threads import TimedAnswer
    from s3batch_handler.engine.invoke._call_tries import TryRules
    from s3batch_handler.engine.invoke._events import EventTemplate
    from s3batch_handler.engine.invoke._invoker import Answers
    from s3batch_handler.engine.invoke._pace import Pace
    from s3batch_handler.jobs._signed_calls import SignedCalls


class _Call(NamedTuple):
    """A call that has to be made, perhaps again.

    Attributes:
        number: The number of its entry.
        payload: The event as JSON.
    """

    number: int
    entry: ManifestEntry
    event: dict[str, Any]
    payload: bytes
    tries: CallTries


class CallTasks:
    """Parallel calls in the event loop of one thread. They start when the pace allows it.

    Args:
        template: The template of the events.
        signed: Signs the requests.
        pace: Decides when calls start.
        rules: The rules for failed calls.
        size: The most parallel calls.
        read_timeout: Seconds to wait for a response, more than the function's timeout.

    Attributes:
        pending: The entries without an answer, by number.
        running: The running calls by number, and when they began.
    """

    def __init__(
        self,
        template: EventTemplate,
        signed: SignedCalls,
        pace: Pace,
        rules: TryRules,
        *,
        size: int,
        read_timeout: float,
    ) -> None:
        self._template = template
        self._signed = signed
        self._pace = pace
        self._rules = rules
        self._size = size
        self._read_timeout = read_timeout
        self._numbers = count(1)
        self.pending: dict[int, ManifestEntry] = {}
        self.running: dict[int, tuple[ManifestEntry, float]] = {}
        # What follows belongs to the thread of the loop, except for the queue of answers.
        self._waiting = deque[_Call]()
        self._tasks = set[asyncio.Task[None]]()
        self._finished: list[tuple[int, TimedAnswer | Exception]] = []
        self._answered = SimpleQueue[list[tuple[int, "TimedAnswer | Exception"]]]()
        self._loop = asyncio.new_event_loop()
        self._wake = asyncio.Event()
        self._timer: asyncio.TimerHandle | None = None
        self._stopped = asyncio.Event()
        self._closed = False
        self._failure: Exception | None = None
        self._arrived = deque[tuple[int, "TimedAnswer | Exception"]]()  # of the job's thread
        self._thread = threading.Thread(target=self._run, name="s3batch calls", daemon=True)
        self._thread.start()

    # -------------------------------------------------------- in the thread of the job

    def start_calls(self, entries: Iterator[ManifestEntry]) -> None:
        """Read enough entries for all calls: for each, one to call now and one to call next."""
        room = 2 * self._size - len(self.pending)
        if room < self._size / 10 and self.pending:
            return  # a few entries at a time would wake the other thread too often
        batch = list(zip(self._numbers, islice(entries, room), strict=False))
        if batch:
            self.pending.update(batch)
            self._in_loop(lambda: self._add(batch))

    def finished(self) -> Answers:
        """Yield the answers that have arrived, after waiting briefly for the first one."""
        if self._failure is not None:
            raise self._failure
        with suppress(Empty):
            if not self._arrived:
                self._arrived.extend(self._answered.get(timeout=_TICK))
            while True:
                while self._arrived:  # an error leaves the rest for stop()
                    number, answer = self._arrived.popleft()
                    entry = self.pending.pop(number)
                    if isinstance(answer, Exception):
                        yield entry, NotRun(), None
                        raise answer
                    yield entry, *answer
                self._arrived.extend(self._answered.get_nowait())

    def stop(self, grace: float) -> Answers:
        """Start no further call; yield the answers of the next ``grace`` seconds, then the rest."""
        self._in_loop(self._stop)
        deadline = time.monotonic() + grace
        is_late = False
        while self.pending and not is_late and self._failure is None:
            # Check again afterwards: the machine may have been suspended.
            is_late = time.monotonic() >= deadline
            with suppress(Exception):  # the first error is raised by the caller
                yield from self.finished()
        while self.pending:
            yield self.pending.popitem()[1], NotRun(), None

    def close(self) -> None:
        """End the thread, and the calls that still wait for a response."""
        self._in_loop(self._close)
        self._thread.join(_CLOSE_SECONDS)

    def _in_loop(self, function: Callable[[], None]) -> None:
        with suppress(RuntimeError):  # the loop has ended
            self._loop.call_soon_threadsafe(function)

    # -------------------------------------------------------- in the thread of the loop

    def _run(self) -> None:
        with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
            try:
                runner.run(self._main())
            except Exception as error:  # finished() raises it
                self._failure = error

    async def _main(self) -> None:
        async with AsyncLambdaApi(self._signed, read_timeout=self._read_timeout) as api:
            refreshing = asyncio.create_task(self._refresh_credentials())
            while not self._closed:
                while self._waiting and self._pace.may_start():
                    call, began = self._waiting.popleft(), self._pace.start()
                    task = asyncio.create_task(self._call(api, call, began))
                    self._tasks.add(task)
                    task.add_done_callback(self._tasks.discard)
                if self._waiting:
                    self._wake_after(self._pace.wait())
                await self._wake.wait()
                self._wake.clear()
            for task in [*self._tasks, refreshing]:
                task.cancel()
            await asyncio.gather(*self._tasks, refreshing, return_exceptions=True)

    def _wake_after(self, seconds: float) -> None:
        """Set the time when further calls may start; one timer is enough for thousands of calls."""
        when = self._loop.time() + seconds
        if self._timer is None or self._timer.when() <= self._loop.time():
            self._timer = self._loop.call_at(when, self._wake.set)
        elif when < self._timer.when():
            self._timer.cancel()
            self._timer = self._loop.call_at(when, self._wake.set)

    async def _refresh_credentials(self) -> None:
        """Keep the credentials valid during a long job, without delaying the calls."""
        while True:
            await asyncio.sleep(REFRESH_SECONDS)
            with suppress(Exception):  # those that are known are valid for some minutes
                await asyncio.to_thread(self._signed.refresh)

    def _add(self, batch: list[tuple[int, ManifestEntry]]) -> None:
        for number, entry in batch:
            event = self._template.event(uuid.uuid4().hex, entry)
            payload = json.dumps(event).encode()
            self._waiting.append(_Call(number, entry, event, payload, CallTries(self._rules)))
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

    async def _call(self, api: AsyncLambdaApi, call: _Call, began: float) -> None:
        """Call the function once or several times, until it has answered or is throttled."""
        self.running[call.number] = (call.entry, time.monotonic())
        try:
            self._finish(call, await self._answer(api, call))
        except _Throttled as error:
            self._pace.throttled(began, error.retry_after)
            if self._stopped.is_set():
                self._finish(call, (NotRun(), None))
            else:
                self._waiting.appendleft(call)
        except Exception as error:  # finished() raises it
            self._finish(call, error)
        finally:
            self._pace.end()
            del self.running[call.number]
            self._wake.set()

    async def _answer(self, api: AsyncLambdaApi, call: _Call) -> TimedAnswer:
        while True:
            start = time.monotonic()
            try:
                response = await api.invoke(call.payload)
            except InvokeError as error:
                try:
                    pause = call.tries.pause_after(error)
                except InvokeError:
                    return answer_without_response(error), None
                if isinstance(error, CallFailed) and error.is_throttled:
                    raise _Throttled(error.retry_after) from error
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._stopped.wait(), pause)
                if self._stopped.is_set():
                    return NotRun(), None
            else:
                self._rules.has_responded = True
                return answer_in(call.event, response), time.monotonic() - start


class _Throttled(Exception):
    """Lambda has throttled a call, which has to start again."""

    def __init__(self, retry_after: float) -> None:
        super().__init__()
        self.retry_after = retry_after


_TICK: Final = 0.1  # seconds
_FLUSH_SECONDS: Final = 0.01
_CLOSE_SECONDS: Final = 5.0
REFRESH_SECONDS: Final = 60.0
"""How often credentials are refreshed, if they expire soon."""
