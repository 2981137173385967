"""Running ``async def`` functions: one event loop for the life of the environment.

Only imported for handlers that need it: asyncio is a slow import.
"""

from __future__ import annotations

import asyncio
import contextlib
import sys
import threading
import weakref
from typing import TYPE_CHECKING, Any, Final, TypeVar

from s3batch_handler.core._errors import OutOfTime
from s3batch_handler.handler._interruption import LEAST_RESERVE
from s3batch_handler.handler._leftovers import keep
from s3batch_handler.handler._time_limit import (
    ThreadedCall,
    call_in_thread,
    call_within,
    in_main_thread,
)

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine, Sequence
    from types import FrameType

_T = TypeVar("_T")
_R = TypeVar("_R")

# Shares of the reserve. First a coroutine is cancelled; then a coroutine that blocks the loop is
# interrupted; at last the loop itself is ended and closed.
_CLEAN_UP: Final = 0.2  # for the cleanup of a cancelled coroutine
_LATER: Final = 0.3  # after that, code that blocks the loop is interrupted
_INTERRUPT: Final = 0.5  # within that
_CLOSE: Final = 0.1

_AT_THE_END: Final = 1.0
"""Seconds for closing a loop at the end of the process, or of its handler."""


class EventLoop:
    """An event loop that is kept between invocations, so that clients bound to it stay usable.

    Args:
        reserve: Seconds after a time limit in which everything has to end.
    """

    def __init__(self, reserve: float) -> None:
        self._reserve = max(reserve, LEAST_RESERVE)
        # One, except where several threads call at a time.
        self._idle: list[asyncio.AbstractEventLoop] = []
        self._spoiled: set[asyncio.AbstractEventLoop] = set()
        weakref.finalize(self, _close_all, self._idle)

    def run_all(
        self,
        attempt: Callable[[_T], Awaitable[_R]],
        items: Sequence[_T],
        *,
        at_a_time: int,
        limit: Callable[[int], float],
        fallen: Callable[[_T, BaseException, float], _R],
    ) -> list[_R]:
        """Attempt all items, ``at_a_time`` at once; give what became of each, in their order.

        Args:
            attempt: Does one item, and keeps its own time limit.
            items: What is to be done.
            at_a_time: How many are under way at most.
            limit: The seconds that a number of items may take together.
            fallen: Says what became of an item that was under way when an exception fell through
                the loop; it gets the exception, and the seconds of the limit. Items not yet begun
                are attempted all the same.

        Raises:
            Exception: The first that came out of an attempt, when the others are done.
        """
        done: dict[int, _R] = {}
        begun: set[int] = set()
        escaped: list[Exception] = []

        async def attempt_one(number: int, free: asyncio.Semaphore) -> None:
            async with free:
                begun.add(number)
                try:
                    done[number] = await attempt(items[number])
                except Exception as error:  # raised below, with the loop intact
                    escaped.append(error)

        async def attempt_many(numbers: Sequence[int]) -> None:
            free = asyncio.Semaphore(at_a_time)
            await asyncio.gather(*(attempt_one(number, free) for number in numbers))

        while waiting := [number for number in range(len(items)) if number not in done]:
            batch = waiting if at_a_time > 1 else waiting[:1]
            seconds = limit(len(batch))
            try:
                self.run(attempt_many(batch), seconds)
            except BaseException as error:  # nothing may end the environment
                for number in begun.intersection(batch) or batch:
                    if number not in done:
                        done[number] = fallen(items[number], error, seconds)
            if escaped:
                raise escaped[0]
        return [done[number] for number in range(len(items))]

    def run(self, main: Coroutine[Any, Any, _T], seconds: float) -> _T:
        """Run ``main``, which keeps its own time limit of ``seconds``.

        Raises:
            OutOfTime: Something blocked the loop beyond the limit and could not be ended alone.
        """
        if asyncio._get_running_loop() is not None:  # noqa: SLF001
            # Called by code that runs in a loop itself, a test for instance.
            return ThreadedCall(lambda main: self.run(main, seconds), main).result()
        try:
            loop = self._idle.pop()
        except IndexError:
            loop = asyncio.new_event_loop()
        interruptible = _InterruptibleLoop(loop, self._reserve * _CLOSE)
        try:
            result = call_within(
                max(seconds, 0) + self._reserve * _LATER,
                interruptible.run,
                main,
                self._reserve * _INTERRUPT,
                interruptible,
            )
        except BaseException:
            # It fell through the loop and left unfinished work there: the next call gets another.
            asyncio._set_running_loop(None)  # noqa: SLF001  the loop may not have come to that
            interruptible.close()
            if not loop.is_running():
                main.close()  # or Python would complain if it was never begun
            raise
        if loop in self._spoiled or interruptible.is_asked_to_end:
            self._spoiled.discard(loop)
            interruptible.close()
        else:
            self._idle.append(loop)
        return result

    async def await_within(self, seconds: float, work: Awaitable[_T]) -> _T:
        """Await ``work`` for at most ``seconds``, even if it ignores its cancellation.

        Raises:
            OutOfTime: The time was over first.
            Abandoned: The loop is about to end.
        """
        attempt = asyncio.ensure_future(work)
        limit = None if seconds == float("inf") else seconds
        try:
            done, _ = await asyncio.wait({attempt}, timeout=limit)
        except asyncio.CancelledError:
            raise Abandoned from None
        if done:
            return attempt.result()
        attempt.cancel()
        with contextlib.suppress(asyncio.CancelledError):  # the loop is about to end
            await asyncio.wait({attempt}, timeout=self._reserve * _CLEAN_UP)
        if not attempt.done():  # it must not continue in the next invocation
            self._spoiled.add(asyncio.get_running_loop())
        elif not attempt.cancelled():
            attempt.exception()  # retrieved, so that the loop does not log it
        raise OutOfTime


class Abandoned(BaseException):
    """The waiting task was cancelled, not the work, because the loop is about to end."""


class _InterruptibleLoop:
    """An event loop that runs a user's code, which may be interrupted.

    An exception in the loop's own code may be lost, and a task with it.

    Args:
        loop: The event loop.
        seconds: How long closing it may take.
    """

    is_asked_to_end = False  # it may do so at its next use
    _is_left = False

    def __init__(self, loop: asyncio.AbstractEventLoop, seconds: float) -> None:
        self._loop = loop
        self._seconds = seconds
        self._closing = threading.Lock()

    def run(self, main: Coroutine[Any, Any, _T]) -> _T:
        try:
            return self._loop.run_until_complete(main)
        finally:
            if self._is_left:
                self.close()

    def close(self) -> None:
        """Close the loop. If it runs in a thread that was abandoned, it is closed when it ends."""
        self._is_left = True
        if not self._loop.is_running() and self._closing.acquire(blocking=False):
            _close(self._loop, self._seconds)

    def may_interrupt(self, frame: FrameType) -> bool:
        """Return whether the code is neither of the loop nor of this library.

        Code of the standard library belongs to its caller.
        """
        caller: FrameType | None = frame
        while caller is not None:
            package = str(caller.f_globals.get("__name__")).partition(".")[0]
            if package in _LOOPS:
                return False
            if package not in sys.stdlib_module_names:
                return True
            caller = caller.f_back
        return False

    def stop(self) -> None:
        """End the loop, even if it waits for something."""
        self.is_asked_to_end = True
        with contextlib.suppress(RuntimeError):  # it has been closed
            self._loop.call_soon_threadsafe(self._loop.stop)


_LOOPS: Final = frozenset({"asyncio", "selectors", "uvloop", "s3batch_handler"})


# ---------------------------------------------------------------- closing


def _close_all(loops: list[asyncio.AbstractEventLoop]) -> None:
    while loops:
        _close(loops.pop(), _AT_THE_END)


def _close(loop: asyncio.AbstractEventLoop, seconds: float) -> None:
    """End what still runs in the loop, if it lets itself be ended, and close it."""
    ending = _end_all(seconds / 2)
    with contextlib.suppress(BaseException):
        if asyncio._get_running_loop() is not None:  # noqa: SLF001
            pass  # another loop is running, so this one is closed as it is
        elif in_main_thread():
            interruptible = _InterruptibleLoop(loop, 0.0)
            call_within(seconds, loop.run_until_complete, ending, seconds, interruptible)
        else:
            call_in_thread(seconds, loop.run_until_complete, ending)
    if not loop.is_running():
        ending.close()  # avoids Python's warning "was never awaited"
        loop.close()
        keep(task.get_coro() for task in asyncio.all_tasks(loop))


async def _end_all(seconds: float) -> None:
    pending = asyncio.all_tasks() - {asyncio.current_task()}
    for task in pending:
        task.cancel()
    if pending:
        await asyncio.wait(pending, timeout=seconds)
    await asyncio.get_running_loop().shutdown_asyncgens()
