"""Calls within a time limit outside of the main thread."""

from __future__ import annotations

import contextlib
import contextvars
import math
import os
import random
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest

from s3batch_handler.core._errors import OutOfTime
from s3batch_handler.handler._threaded_call import ThreadedCall, ThreadTimeLimitWarning
from s3batch_handler.handler._time_limit import call_within
from tests.support.handlers import LONG, soon
from tests.support.time_limits import LIMIT, run

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType


in_a_thread = pytest.mark.filterwarnings("ignore::s3batch_handler.ThreadTimeLimitWarning")


def elsewhere(seconds: float, function: Callable[[Any], Any], argument: object = None) -> Any:
    """Call within a limit, from a thread that is not the main one."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(call_within, seconds, function, argument).result()


def test_a_call_in_another_thread_ends_in_time_with_a_warning() -> None:
    with (
        soon(),
        pytest.warns(ThreadTimeLimitWarning, match="main thread"),
        pytest.raises(OutOfTime),
    ):
        elsewhere(LIMIT, threading.Event().wait)


@in_a_thread
def test_a_call_that_ends_in_time_is_not_affected() -> None:
    """It returns its value or raises its exception."""
    assert elsewhere(LONG, str.upper, "done") == "DONE"
    with pytest.raises(KeyError):
        elsewhere(LONG, {}.__getitem__, "a")
    with pytest.raises(SystemExit):
        elsewhere(LONG, sys.exit)


def test_a_call_without_a_limit_starts_no_thread() -> None:
    thread, called = elsewhere(math.inf, lambda _: (threading.current_thread(), 1))

    assert thread.name.startswith("ThreadPoolExecutor")
    assert called == 1


@pytest.mark.skipif(
    sys.version_info < (3, 12),
    reason="Python 3.11 runs no signal handlers while a thread waits to be interrupted",
)
def test_an_abandoned_thread_ends_at_its_next_python_instruction() -> None:
    began, ended = threading.Event(), threading.Event()

    def work(_: object) -> None:
        try:
            began.set()
            while True:
                time.sleep(0.01)
        except Exception:
            pass
        finally:
            ended.set()

    call = ThreadedCall(work, None)
    assert began.wait(LONG)
    with soon(), pytest.raises(OutOfTime):
        call.result(LIMIT)

    assert ended.wait(LONG / 4)


def test_a_thread_that_starts_after_the_limit_does_nothing() -> None:
    may_begin = threading.Event()
    called: list[str] = []

    def hold_up(frame: FrameType, event: str, _: object) -> None:
        if frame.f_code is ThreadedCall._run.__code__:
            may_begin.wait(LONG)

    threading.setprofile(hold_up)
    try:
        call = ThreadedCall(called.append, "done")
        with soon(), pytest.raises(OutOfTime):
            call.result(LIMIT)
    finally:
        threading.setprofile(None)
        may_begin.set()
    call._thread.join()

    assert not called

    # An exception that escapes a thread is an error of this test, by pytest's thread hook.


@in_a_thread
def test_a_call_that_ends_at_its_limit_has_one_outcome() -> None:
    """It returns its value or raises OutOfTime; no thread prints a traceback."""
    values = random.Random(0)

    def work(seconds: float) -> float:
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            pass
        return seconds

    def many(_: object) -> None:
        for _ in range(200):
            seconds = values.uniform(0.001, 0.002)
            with contextlib.suppress(OutOfTime):
                assert call_within(0.0015, work, seconds) == seconds

    elsewhere(math.inf, many)

    # An exception that escapes a thread is an error of this test, by pytest's thread hook.


@in_a_thread
def test_context_variables_reach_the_thread() -> None:
    variable = contextvars.ContextVar("variable", default="nothing")

    def work(_: object) -> str:
        variable.set("something")
        return call_within(LONG, lambda _: variable.get(), None)

    assert elsewhere(math.inf, work) == "something"


def test_limits_hold_without_signals() -> None:
    """On such a system, each call has a thread."""
    done = run("""
        import _signal, threading, time, warnings
        del _signal.pthread_kill
        from s3batch_handler.handler._time_limit import OutOfTime, call_within
        warnings.simplefilter("always")
        try:
            call_within(0.1, lambda _: time.sleep(30), None)
        except OutOfTime:
            print("out of time")
        print(call_within(30, str.upper, "done"))
    """)

    assert done.stdout == "out of time\nDONE\n", done.stderr
    assert "ThreadTimeLimitWarning" in done.stderr


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system cannot fork")
def test_limits_hold_in_a_process_that_a_thread_forked() -> None:
    """Its main thread is interrupted by signals, without a warning."""
    done = run("""
        import os, threading, time, sys
        from s3batch_handler.handler._time_limit import OutOfTime, call_within

        def fork():
            child = os.fork()
            if not child:
                try:
                    call_within(0.1, time.sleep, 30)
                except OutOfTime:
                    os._exit(7)  # and no warning, which would be an error
                os._exit(8)
            codes.append(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))

        codes = []
        import warnings
        warnings.filterwarnings("ignore", category=DeprecationWarning)  # forking with threads
        thread = threading.Thread(target=fork)
        thread.start()
        thread.join()
        print(codes)
    """)

    assert done.stdout == "[7]\n", done.stderr
