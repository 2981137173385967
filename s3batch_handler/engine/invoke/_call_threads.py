"""Parallel calls of a remote function, each in a thread."""

from __future__ import annotations

import threading
import time
from contextlib import suppress
from itertools import count, islice
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Final, Protocol

from s3batch_handler.engine.invoke._answer import NotRun

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sized

    from s3batch_handler.documents.manifests._manifest import ManifestEntry
    from s3batch_handler.engine.invoke._answer import Answer
    from s3batch_handler.engine.invoke._invoker import Answers, Stop

    TimedAnswer = tuple[Answer, float | None]


class Stopped(Exception):
    """The job was stopped: the call was not made."""


class Calls(Protocol):
    """Parallel calls of a remote function."""

    @property
    def pending(self) -> Sized:
        """The entries without an answer."""
        ...

    def start_calls(self, entries: Iterator[ManifestEntry], /) -> None:
        """Read as many entries as can be called soon, and call the function for them."""
        ...

    def finished(self) -> Answers:
        """Yield the answers that have arrived, after waiting briefly for the first one."""
        ...

    def stop(self, grace: float, /) -> Answers:
        """Start no further call; yield the answers of the next ``grace`` seconds, then the rest."""
        ...

    def close(self) -> None:
        """End all calls."""
        ...


def answers_of(
    calls: Calls, entries: Iterator[ManifestEntry], *, stop: Stop, grace: float
) -> Answers:
    """Call the function for all entries: see :meth:`Invoker.invoke_all`."""
    try:
        while not stop():
            calls.start_calls(entries)
            if not calls.pending:
                return
            yield from calls.finished()
        yield from calls.stop(grace)
    except Exception:  # the function cannot be called, or an entry cannot be read
        yield from calls.stop(grace)
        raise
    finally:
        calls.close()


class CallThreads:
    """Threads that call a function for entries. Threads are started, and entries read, as needed.

    Attributes:
        pending: The entries without an answer, by number.
        running: The running call of each thread, and when it began.
        stopped: Set when no further call may start.
    """

    def __init__(
        self,
        answer: Callable[[ManifestEntry, threading.Event], TimedAnswer],
        *,
        size: int,
    ) -> None:
        self._answer = answer
        self._size = size
        self._numbers = count()
        self.pending: dict[int, ManifestEntry] = {}
        self.running: dict[str, tuple[ManifestEntry, float] | None] = {}
        self._to_call: SimpleQueue[tuple[int, ManifestEntry] | None] = SimpleQueue()
        self._answered: SimpleQueue[tuple[int, TimedAnswer | Exception]] = SimpleQueue()
        self.stopped = threading.Event()
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
                self._answered.put((number, self._answer(entry, self.stopped)))
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
        self.stopped.set()
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
        self.stopped.set()
        for _ in self._threads:
            self._to_call.put(None)
        deadline = time.monotonic() + _TICK
        for thread in self._threads:
            thread.join(max(0, deadline - time.monotonic()))


_TICK: Final = 0.1  # seconds
