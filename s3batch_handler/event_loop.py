"""Running ``async def`` functions: one event loop for the life of the environment.

Only imported for handlers that need it: asyncio is a slow import.
"""

from __future__ import annotations

import asyncio
import asyncio.events
import contextlib
import contextvars
import threading
import weakref
from typing import TYPE_CHECKING, Any, Final, TypeVar

from s3batch_handler.deadline import OutOfTime, call_within

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine, Iterable

_T = TypeVar("_T")
_R = TypeVar("_R")

_GRACE: Final = 0.2
"""Seconds that a cancelled coroutine has for its own cleaning up."""

_LATER: Final = 0.1
"""Seconds after the loop's own time limit at which a coroutine that blocks the loop is ended."""


class EventLoop:
    """An event loop that lives on between invocations, so that clients bound to it do too."""

    def __init__(self) -> None:
        # One, except where several threads call at a time.
        self._idle: list[asyncio.AbstractEventLoop] = []
        weakref.finalize(self, _close_all, self._idle)

    def run(self, main: Coroutine[Any, Any, _T], seconds: float) -> _T:
        """Run ``main``, which keeps its own time limit of ``seconds``.

        Raises:
            OutOfTime: Something blocked the loop beyond the limit and could not be ended alone.
        """
        if asyncio._get_running_loop() is not None:  # noqa: SLF001
            # Called by code that runs in a loop itself, a test for instance.
            return _in_new_thread(lambda: self.run(main, seconds))
        try:
            loop = self._idle.pop()
        except IndexError:
            loop = asyncio.new_event_loop()
        try:
            # Only callbacks of the loop are interrupted, never the loop.
            result = call_within(seconds + _LATER, loop.run_until_complete, main, _CALLBACK)
        except BaseException:
            # It fell through the loop and left unfinished work there: the next call gets another.
            _close(loop)
            raise
        self._idle.append(loop)
        return result


def _close_all(loops: list[asyncio.AbstractEventLoop]) -> None:
    while loops:
        _close(loops.pop())


def _close(loop: asyncio.AbstractEventLoop) -> None:
    """End what still runs in the loop, if it lets itself be ended, and close it."""
    if loop.is_running():  # in a thread that was left behind
        return
    with contextlib.suppress(OutOfTime):
        call_within(_GRACE + _LATER, loop.run_until_complete, _end_all(), _CALLBACK)
    loop.close()


async def _end_all() -> None:
    pending = asyncio.all_tasks() - {asyncio.current_task()}
    for task in pending:
        task.cancel()
    if pending:
        await asyncio.wait(pending, timeout=_GRACE)
    await asyncio.get_running_loop().shutdown_asyncgens()


_CALLBACK: Final = asyncio.events.Handle._run.__code__  # noqa: SLF001


class Abandoned(BaseException):
    """Not the work was cancelled, but we who wait for it: the loop is about to end."""


async def await_within(seconds: float, work: Awaitable[_T]) -> _T:
    """Await ``work`` for at most ``seconds``, whether or not it heeds being cancelled.

    Raises:
        OutOfTime: The time was over first.
        Abandoned: Nothing will become of it.
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
    done, _ = await asyncio.wait({attempt}, timeout=_GRACE)
    if done and not attempt.cancelled():
        attempt.exception()  # looked at, so that the loop does not complain about it
    raise OutOfTime


async def gather_limited(
    items: Iterable[_T], work: Callable[[_T], Awaitable[_R]], at_a_time: int
) -> list[_R]:
    """Do the work for all items, ``at_a_time`` at once; results in the order of the items."""
    free = asyncio.Semaphore(at_a_time)

    async def one(item: _T) -> _R:
        async with free:
            return await work(item)

    return await asyncio.gather(*map(one, items))


def _in_new_thread(work: Callable[[], _T]) -> _T:
    """Do the work in a thread of its own, and wait for it."""
    box: list[_T] = []
    errors: list[BaseException] = []
    context = contextvars.copy_context()

    def run() -> None:
        try:
            box.append(context.run(work))
        except BaseException as error:  # noqa: BLE001  handed to the thread that waits
            errors.append(error)

    thread = threading.Thread(target=run, name="s3batch-loop")
    thread.start()
    thread.join()
    if errors:
        raise errors[0]
    return box[0]
