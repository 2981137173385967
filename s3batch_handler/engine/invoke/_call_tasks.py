"""Parallel calls of a function in Lambda: thousands of them in one thread beside the job's."""

from __future__ import annotations

import threading
import time
from contextlib import suppress
from itertools import count, islice
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Final

from s3batch_handler.engine.invoke._answer import NotRun
from s3batch_handler.engine.invoke._call_loop import CallLoop

if TYPE_CHECKING:
    from collections.abc import Iterator

    from s3batch_handler.documents.manifests._manifest import ManifestEntry
    from s3batch_handler.engine.invoke._call_loop import Finished
    from s3batch_handler.engine.invoke._call_tries import TryRules
    from s3batch_handler.engine.invoke._events import EventTemplate
    from s3batch_handler.engine.invoke._invoker import Answers
    from s3batch_handler.engine.invoke._pace import Pace
    from s3batch_handler.jobs._signed_calls import SignedCalls


class CallTasks:
    """Parallel calls in the event loop of another thread: passes entries to it, and answers back.

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
        self._size = size
        self._numbers = count(1)
        self.pending: dict[int, ManifestEntry] = {}
        self._from_loop = SimpleQueue[list["Finished"]]()
        self._arrived: list[Finished] = []  # the next one is the last
        self._failure: BaseException | None = None
        self._loop = CallLoop(
            *(template, signed, pace, rules), read_timeout=read_timeout, answered=self._from_loop
        )
        self.running = self._loop.running
        self._thread = threading.Thread(target=self._run, name="s3batch calls", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        try:
            self._loop.run()
        except BaseException as error:  # finished() raises it
            self._failure = error

    def start_calls(self, entries: Iterator[ManifestEntry]) -> None:
        """Read enough entries for all calls: for each, one to call now and one to call next."""
        room = 2 * self._size - len(self.pending)
        if room < self._size / 10 and self.pending:
            return  # a few entries at a time would wake the other thread too often
        batch: list[tuple[int, ManifestEntry]] = []
        try:
            batch.extend(zip(self._numbers, islice(entries, room), strict=False))
        finally:  # an error of `entries` loses none of those before
            if batch:
                self.pending.update(batch)
                self._loop.add(batch)

    def finished(self) -> Answers:
        """Yield the answers that have arrived, after waiting briefly for the first one.

        Raises:
            Exception: The calls for all tasks will fail.
        """
        failure = self._failure
        yield from self._arrivals()
        if failure is not None:
            raise failure

    def _arrivals(self) -> Answers:
        with suppress(Empty):
            if not self._arrived:
                self._arrived = self._from_loop.get(timeout=_TICK)[::-1]
            while True:
                while self._arrived:  # an error leaves the rest for the next call
                    number, answer = self._arrived.pop()
                    entry = self.pending.pop(number)
                    if isinstance(answer, Exception):
                        yield entry, NotRun(), None
                        raise answer
                    yield entry, *answer
                self._arrived = self._from_loop.get_nowait()[::-1]

    def stop(self, grace: float) -> Answers:
        """Start no further call; yield the answers of the next ``grace`` seconds, then the rest."""
        self._loop.stop()
        deadline = time.monotonic() + grace
        is_late = False
        while self.pending and not is_late:
            # Check again afterwards: the thread may have ended, or the machine been suspended.
            is_late = self._failure is not None or time.monotonic() >= deadline
            with suppress(Exception):  # the first error is raised by the caller
                yield from self._arrivals()
        while self.pending:
            yield self.pending.popitem()[1], NotRun(), None

    def close(self) -> None:
        """End the thread, and the calls that still wait for a response."""
        self._loop.close()
        self._thread.join(_CLOSE_SECONDS)


_TICK: Final = 0.1  # seconds
_CLOSE_SECONDS: Final = 5.0
