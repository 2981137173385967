"""The thread, the signal and the timer that interrupt calls."""

from __future__ import annotations

import math
import signal
import sys
import time
from typing import Any

import pytest

from s3batch_handler.core._errors import OutOfTime
from s3batch_handler.handler import _time_limit as deadline
from s3batch_handler.handler._time_limit import call_within, lift_limit
from tests.support.handlers import LONG, soon
from tests.support.time_limits import LIMIT, run, sleep
from tests.support.waiting import wait_for


def test_the_signal_handler_is_installed_once() -> None:
    call_within(LONG, str, 1)
    first = signal.getsignal(signal.SIGURG)

    call_within(LONG, str, 1)

    assert signal.getsignal(signal.SIGURG) is first


def test_calls_with_later_limits_do_not_wake_the_watchdog(monkeypatch: pytest.MonkeyPatch) -> None:
    call_within(LONG, str, 1)
    wait_for(lambda: deadline._watchdog._wakes_at < math.inf)
    wakes: list[object] = []
    monkeypatch.setattr(deadline._watchdog, "_wake", wakes.append)

    for seconds in range(100):
        call_within(LONG + seconds, str, 1)

    assert not wakes


def test_a_call_with_an_earlier_limit_wakes_the_watchdog() -> None:
    call_within(LONG, str, 1)

    with soon(), pytest.raises(OutOfTime):
        call_within(LIMIT, sleep, None)


def test_a_signal_of_other_code_calls_the_handler_of_the_user() -> None:
    """It does not affect a call."""
    heard = []
    deadline._watchdog._user_handler, earlier = (
        lambda *_: heard.append(1),
        deadline._watchdog._user_handler,
    )
    try:
        call_within(LONG, lambda _: signal.raise_signal(signal.SIGURG), None)
        signal.raise_signal(signal.SIGURG)
    finally:
        deadline._watchdog._user_handler = earlier

    assert heard == [1, 1]


def test_code_that_blocks_all_signals_is_interrupted() -> None:
    """The next call has its limit, too."""

    def work(_: object) -> None:
        signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
        while True:
            sum(range(1000))

    try:
        with soon(), pytest.raises(OutOfTime):
            call_within(LIMIT, work, None)
        with soon(), pytest.raises(OutOfTime):
            call_within(LIMIT, sleep, None)
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, ())


def test_a_replaced_signal_handler_is_installed_again_by_the_next_call() -> None:
    earlier = signal.getsignal(signal.SIGURG)
    try:
        call_within(LONG, lambda _: signal.signal(signal.SIGURG, signal.SIG_IGN), None)
        with soon(), pytest.raises(OutOfTime):
            call_within(LIMIT, sleep, None)
    finally:
        signal.signal(signal.SIGURG, earlier)


@pytest.mark.parametrize("replacement", [signal.SIG_IGN, signal.SIG_DFL, lambda *_: None])
def test_a_task_that_replaces_the_signal_handler_is_interrupted(replacement: Any) -> None:
    """It is interrupted between its Python instructions."""

    def work(_: object) -> None:
        signal.signal(signal.SIGURG, replacement)
        while True:
            time.sleep(0.01)

    earlier = signal.getsignal(signal.SIGURG)
    try:
        with soon(), pytest.raises(OutOfTime):
            call_within(LIMIT, work, None)
    finally:
        signal.signal(signal.SIGURG, earlier)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has such a timer")
@pytest.mark.parametrize(
    "earlier",
    [
        "pass",
        "call_within(30, str.upper, 'earlier')",
        "call_within(0.2, str.upper, 'earlier'); time.sleep(0.4)",
        "call_within(0.2, str.upper, 'earlier')",
    ],
)
def test_c_code_that_blocks_all_threads_is_interrupted(earlier: str) -> None:
    """The watchdog cannot send its signal, so a timer of the operating system does."""
    done = run(f"""
        import re, time
        from s3batch_handler.handler._time_limit import OutOfTime, call_within
        {earlier}
        try:
            call_within(0.3, lambda text: re.match("(a+)+$", text), "a" * 40 + "b")
        except OutOfTime:
            print("out of time")
        time.sleep(0.1)
        print(call_within(30, str.upper, "done"))
    """)

    assert done.stdout == "out of time\nDONE\n", done.stderr


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has such a timer")
def test_c_code_that_blocks_all_threads_of_a_fork_is_interrupted() -> None:
    """A forked process has its own timer."""
    done = run("""
        import os, re
        from s3batch_handler.handler._time_limit import OutOfTime, call_within
        call_within(30, str.upper, "before the fork")
        if os.fork():
            os.wait()
        else:
            try:
                call_within(0.3, lambda text: re.match("(a+)+$", text), "a" * 40 + "b")
            except OutOfTime:
                print("out of time")
    """)

    assert done.stdout == "out of time\n", done.stderr


def test_a_debugger_can_remove_the_limit_of_a_call() -> None:
    """Later calls have their limits."""

    def debugged(_: object) -> str:
        lift_limit()
        time.sleep(5 * LIMIT)
        return "done"

    assert call_within(LIMIT, debugged, None) == "done"
    with soon(), pytest.raises(OutOfTime):
        call_within(LIMIT, sleep, None)


def test_limits_hold_if_no_thread_can_be_started() -> None:
    """The timer of the operating system interrupts then."""
    done = run("""
        import _thread, signal, time
        def start_new_thread(*_):
            raise RuntimeError("can't start new thread")
        _thread.start_new_thread = start_new_thread
        from s3batch_handler.handler._time_limit import OutOfTime, call_within
        for _ in range(2):
            try:
                call_within(0.1, time.sleep, 60)
            except OutOfTime:
                print("out of time")
        time.sleep(0.1)
        print(call_within(30, str.upper, "done"))
    """)

    assert done.stdout == "out of time\nout of time\nDONE\n", done.stderr
