"""Run ``async def`` functions in an event loop that is kept between invocations.

This module is imported only by handlers that need it, because importing asyncio is slow.
"""

from __future__ import annotations

import asyncio
import contextlib
import sys
import threading
import weakref
from asyncio import _get_running_loop, _set_running_loop
from time import monotonic
from typing import TYPE_CHECKING, Any, Final, TypeVar

from s3batch_handler.core._errors import OutOfTime
from s3batch_handler.handler._cleanup import leak
from s3batch_handler.handler._interruption import MIN_RESERVE
from s3batch_handler.handler._threaded_call import ThreadedCall, call_in_thread
from s3batch_handler.handler._time_limit import call_within, in_main_thread

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine, Sequence
    from types import FrameType

_T = TypeVar("_T")
_R = TypeVar("_R")

# Shares of the reserve. A coroutine is cancelled first. Then code that blocks the event loop is
# interrupted. At last the event loop is stopped and closed.
_CLEANUP_SHARE: Final = 0.2  # for the cleanup of a cancelled coroutine
_INTERRUPTION_BEGIN: Final = 0.3  # when code that blocks the loop is interrupted
_INTERRUPTION_SHARE: Final = 0.5  # for the end of interrupted code
_CLOSE_SHARE: Final = 0.1

_CLOSE_SECONDS: Final = 1.0
"""Seconds for closing an idle loop when the process or its handler ends."""


class EventLoop:
    """An event loop that is kept between invocations, so that clients bound to it remain usable.

    Args:
        reserve: Seconds after a time limit within which all code has to end.
    """

    def __init__(self, reserve: float) -> None:
        self._reserve = max(reserve, MIN_RESERVE)
        # There is one, unless several threads run tasks at the same time.
        self._idle: list[asyncio.AbstractEventLoop] = []
        self._loops_to_close: set[asyncio.AbstractEventLoop] = set()
        weakref.finalize(self, _close_all, self._idle)

    def run_all(
        self,
        attempt: Callable[[_T], Awaitable[_R]],
        items: Sequence[_T],
        *,
        concurrency: int,
        time_limit: Callable[[int], float],
        on_failure: Callable[[_T, BaseException, float], _R],
    ) -> list[_R]:
        """Process all items; return their results in order, or raise the first exception.

        Args:
            attempt: Processes one item within its own time limit.
            items: The items.
            concurrency: Maximum number of items that are processed at the same time.
            time_limit: Returns the seconds that a number of items may take together.
            on_failure: Returns the result of an item that was being processed when the event loop
                raised an exception. It gets the item, the exception and the time limit. Items that
                were not started are then processed in the next loop.
        """
        done: dict[int, _R] = {}
        started: set[int] = set()
        escaped: list[Exception] = []

        async def attempt_one(number: int, free: asyncio.Semaphore) -> None:
            async with free:
                if 0 < seconds < monotonic() - begin and started.intersection(batch):
                    return  # the loop may be interrupted soon, so the next one processes it
                started.add(number)
                try:
                    done[number] = await attempt(items[number])
                except Exception as error:  # raised below, with the loop intact
                    escaped.append(error)

        async def attempt_many(numbers: Sequence[int]) -> None:
            free = asyncio.Semaphore(concurrency)
            await asyncio.gather(*(attempt_one(number, free) for number in numbers))

        while waiting := [number for number in range(len(items)) if number not in done]:
            batch = waiting if concurrency > 1 else waiting[:1]
            seconds, begin = time_limit(len(batch)), monotonic()
            try:
                self.run(attempt_many(batch), seconds)
            except BaseException as error:  # nothing may end the environment
                for number in started.intersection(batch) or batch:
                    if number not in done:
                        done[number] = on_failure(items[number], error, seconds)
            if escaped:
                raise escaped[0]
        return [done[number] for number in range(len(items))]

    def run(self, main: Coroutine[Any, Any, _T], seconds: float) -> _T:
        """Run ``main``, which has its own time limit of ``seconds``.

        Raises:
            OutOfTime: Code blocked the event loop after the time limit.
        """
        if _get_running_loop() is not None:
            # The caller runs in an event loop, for example in an async test.
            return ThreadedCall(lambda main: self.run(main, seconds), main).result()
        try:
            loop = self._idle.pop()
        except IndexError:
            loop = asyncio.new_event_loop()
        interruptible = _InterruptibleLoop(loop, self._reserve * _CLOSE_SHARE)
        try:
            result = call_within(
                max(seconds, 0) + self._reserve * _INTERRUPTION_BEGIN,
                interruptible.run,
                main,
                self._reserve * _INTERRUPTION_SHARE,
                interruptible,
            )
        except BaseException:
            # The loop may have unfinished tasks, so the next call gets another loop.
            _set_running_loop(None)  # the loop may not have done so
            interruptible.close()
            if not loop.is_running():
                main.close()  # avoids Python's warning "was never awaited"
            raise
        if loop in self._loops_to_close or interruptible.is_stopping:
            self._loops_to_close.discard(loop)
            interruptible.close()
        else:
            self._idle.append(loop)
        return result

    async def await_within(self, seconds: float, work: Awaitable[_T]) -> _T:
        """Wait for ``work`` for at most ``seconds``, even if it ignores its cancellation.

        Raises:
            OutOfTime: ``work`` took longer.
            LoopIsClosing: The event loop is about to close.
        """
        attempt = asyncio.ensure_future(work)
        limit = None if seconds == float("inf") else seconds
        try:
            done, _ = await asyncio.wait({attempt}, timeout=limit)
        except asyncio.CancelledError:
            raise LoopIsClosing from None
        if done:
            return attempt.result()
        attempt.cancel()
        with contextlib.suppress(asyncio.CancelledError):  # the loop is about to close
            await asyncio.wait({attempt}, timeout=self._reserve * _CLEANUP_SHARE)
        if not attempt.done():  # it would continue in the next invocation
            self._loops_to_close.add(asyncio.get_running_loop())
        elif not attempt.cancelled():
            attempt.exception()  # retrieved, so that the loop does not log it
        raise OutOfTime


class LoopIsClosing(BaseException):
    """A task was cancelled by the event loop, which is about to close, not by its own code."""


class _InterruptibleLoop:
    """An event loop whose own code must not be interrupted, only the user's code that it runs.

    An exception that is raised in the code of the loop may be lost, together with a task.

    Args:
        loop: The event loop.
        seconds: Maximum number of seconds for closing it.
    """

    is_stopping = False  # it may stop when it is used next
    _is_abandoned = False

    def __init__(self, loop: asyncio.AbstractEventLoop, seconds: float) -> None:
        self._loop = loop
        self._seconds = seconds
        self._closing = threading.Lock()

    def run(self, main: Coroutine[Any, Any, _T]) -> _T:
        try:
            return self._loop.run_until_complete(main)
        finally:
            if self._is_abandoned:
                self.close()

    def close(self) -> None:
        """Close the loop, or let :meth:`run` close it if it still runs in an abandoned thread."""
        self._is_abandoned = True
        if not self._loop.is_running() and self._closing.acquire(blocking=False):
            _close(self._loop, self._seconds)

    def may_interrupt(self, frame: FrameType) -> bool:
        """Return whether the code belongs neither to the loop nor to this library.

        Code of the standard library counts as code of its caller.
        """
        caller: FrameType | None = frame
        while caller is not None:
            package = str(caller.f_globals.get("__name__")).partition(".")[0]
            if package in _UNINTERRUPTIBLE_PACKAGES:
                return False
            if package not in sys.stdlib_module_names:
                return True
            caller = caller.f_back
        return False

    def stop(self) -> None:
        """Stop the loop, even if it is waiting."""
        self.is_stopping = True
        with contextlib.suppress(RuntimeError):  # it is closed
            self._loop.call_soon_threadsafe(self._loop.stop)


_UNINTERRUPTIBLE_PACKAGES: Final = frozenset({"asyncio", "selectors", "uvloop", "s3batch_handler"})


# ---------------------------------------------------------------- closing


def _close_all(loops: list[asyncio.AbstractEventLoop]) -> None:
    while loops:
        _close(loops.pop(), _CLOSE_SECONDS)


def _close(loop: asyncio.AbstractEventLoop, seconds: float) -> None:
    """Cancel the tasks of the loop, and close it."""
    ending = _cancel_all(seconds / 2)
    with contextlib.suppress(BaseException):
        if _get_running_loop() is not None:
            pass  # another loop is running in this thread, so this one cannot run
        elif in_main_thread():
            interruptible = _InterruptibleLoop(loop, 0.0)
            call_within(seconds, loop.run_until_complete, ending, seconds, interruptible)
        else:
            call_in_thread(seconds, loop.run_until_complete, ending)
    if not loop.is_running():
        ending.close()  # avoids Python's warning "was never awaited"
        loop.close()
        leak(task.get_coro() for task in asyncio.all_tasks(loop))


async def _cancel_all(seconds: float) -> None:
    pending = asyncio.all_tasks() - {asyncio.current_task()}
    for task in pending:
        task.cancel()
    if pending:
        await asyncio.wait(pending, timeout=seconds)
    await asyncio.get_running_loop().shutdown_asyncgens()
