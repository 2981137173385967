"""Pause or cancel a job that runs: by its caller, or by Ctrl-C and other signals."""

from __future__ import annotations

import signal
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

from s3batch_handler.jobs._status import JobStatus

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import FrameType


class RunControl:
    """Pauses or cancels a job that runs, from any thread.

    Attributes:
        requested: ``Paused`` or ``Cancelled``; ``None`` while the job may run.
    """

    def __init__(self) -> None:
        self.requested: JobStatus | None = None

    def pause(self) -> None:
        """Request that the job stops so that it can continue later, unless it was cancelled."""
        if self.requested is None:
            self.requested = JobStatus.PAUSED

    def cancel(self) -> None:
        """Request that the job stops and ends as ``Cancelled``."""
        self.requested = JobStatus.CANCELLED


# ---------------------------------------------------------------- signals

# The signals that request the end of a process. Not every platform has all of them.
_INTERRUPTS: Final = tuple(
    getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)
)


@contextmanager
def signals_as_ctrl_c() -> Iterator[None]:
    """Handle SIGTERM (``kill``) and SIGHUP (a closed terminal) like Ctrl-C.

    The program can then clean up. A signal that is ignored remains ignored, so ``nohup`` works.
    """
    with _replaced_handler(signal.SIG_DFL, signal.default_int_handler):
        yield


@contextmanager
def on_first_interrupt(stop: Callable[[], None]) -> Iterator[None]:
    """Call ``stop`` at the first Ctrl-C, so that results are kept; raise at a later one.

    An outer block replaces an inner one: in it, ``run_job`` does not cancel the job on Ctrl-C.

    Every signal that would raise ``KeyboardInterrupt`` counts as Ctrl-C. Other signal handlers
    are not changed. Signals within a second of the first are ignored: shells and tools often send
    the signal again to a process that has already received it.
    """
    first: float | None = None

    def on_signal(number: int, frame: FrameType | None) -> None:
        nonlocal first
        if first is None:
            first = time.monotonic()
            stop()
        elif time.monotonic() - first > _REPEATED_WITHIN:
            signal.default_int_handler(number, frame)

    with _replaced_handler(signal.default_int_handler, on_signal):
        yield


@contextmanager
def calling_on_ctrl_c(on_interrupt: Callable[[], None]) -> Iterator[None]:
    """Call ``on_interrupt`` before Ctrl-C raises ``KeyboardInterrupt``, which code may catch."""

    def on_signal(number: int, frame: FrameType | None) -> None:
        on_interrupt()
        signal.default_int_handler(number, frame)

    with _replaced_handler(signal.default_int_handler, on_signal):
        yield


@contextmanager
def _replaced_handler(old: Any, new: Callable[[int, FrameType | None], None]) -> Iterator[None]:
    """Replace a handler of the signals until the end of the block. Other threads may not."""
    numbers = [
        number
        for number in _INTERRUPTS
        if threading.current_thread() is threading.main_thread() and signal.getsignal(number) is old
    ]
    for number in numbers:
        signal.signal(number, new)
    try:
        yield
    finally:
        for number in numbers:
            signal.signal(number, old)


_REPEATED_WITHIN: Final = 1.0  # seconds
