"""What ends a process from outside, Ctrl-C above all, and what becomes of a job then."""

from __future__ import annotations

import signal
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import FrameType

_INTERRUPTS: Final = tuple(
    getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)
)
"""Signals by which people and systems ask a process to end: not every platform has all of them."""


@contextmanager
def signals_as_ctrl_c() -> Iterator[None]:
    """Take what ends processes (``kill``, a closed terminal) for a Ctrl-C.

    So that nothing stays behind half-written; ``nohup`` keeps its effect.
    """
    before = {
        number: signal.getsignal(number)
        for number in _INTERRUPTS
        if signal.getsignal(number) is signal.SIG_DFL
    }
    for number in before:
        signal.signal(number, signal.default_int_handler)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def cancel_on_first_interrupt(cancel: Callable[[], None]) -> Iterator[None]:
    """Let the first Ctrl-C ask to cancel, so that no answer gets lost; a later one interrupts.

    Whatever signals would raise a ``KeyboardInterrupt`` are taken for it; a handler that somebody
    else has installed stays. Those that come at once with the first are no second thought: shells
    and tools like to send it along to a process that has it already.
    """
    first: float | None = None

    def on_signal(number: int, frame: FrameType | None) -> None:
        nonlocal first
        if first is None:
            first = time.monotonic()
            cancel()
        elif time.monotonic() - first > _SECOND_THOUGHT:
            signal.default_int_handler(number, frame)

    with _handling(on_signal):
        yield


@contextmanager
def calling_on_ctrl_c(on_interrupt: Callable[[], None]) -> Iterator[None]:
    """Call ``on_interrupt`` before a Ctrl-C raises ``KeyboardInterrupt``, which code may catch."""

    def on_signal(number: int, frame: FrameType | None) -> None:
        on_interrupt()
        signal.default_int_handler(number, frame)

    with _handling(on_signal):
        yield


@contextmanager
def _handling(on_signal: Callable[[int, FrameType | None], None]) -> Iterator[None]:
    """Handle the signals that would raise ``KeyboardInterrupt`` by a function."""
    numbers = _handled_as_ctrl_c()
    for number in numbers:
        signal.signal(number, on_signal)
    try:
        yield
    finally:
        for number in numbers:
            signal.signal(number, signal.default_int_handler)


def _handled_as_ctrl_c() -> list[signal.Signals]:
    if threading.current_thread() is not threading.main_thread():
        return []
    return [
        number for number in _INTERRUPTS if signal.getsignal(number) is signal.default_int_handler
    ]


_SECOND_THOUGHT: Final = 1.0  # seconds
