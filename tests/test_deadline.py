"""Time left, and ending what takes longer.

Blocking calls here would take a minute; limits are a tenth of a second, and what is said to end in
time ends within seconds. A busy machine may stop for longer than a limit before any line of these:
where a test needs its function to have come to its sleep by then, nothing else is interrupted.
"""

from __future__ import annotations

import contextlib
import contextvars
import decimal
import math
import os
import queue
import random
import select
import signal
import socket
import subprocess
import sys
import textwrap
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any
from unittest.mock import MagicMock

import pytest

from s3batch_handler.deadline import (
    OutOfTime,
    ThreadedCall,
    ThreadTimeLimitWarning,
    call_within,
    deadline_of,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import FrameType

LONG = 60.0
LIMIT = 0.1


@pytest.fixture(autouse=True)
def no_alarm_is_left() -> Iterator[None]:
    """Each test begins without a timer, and must end without one."""
    earlier = signal.getsignal(signal.SIGALRM)
    yield
    left = signal.setitimer(signal.ITIMER_REAL, 0)
    signal.signal(signal.SIGALRM, earlier)
    assert left == (0, 0)


@contextlib.contextmanager
def soon() -> Iterator[None]:
    """What is done in here must not take as long as the calls that block."""
    began = time.monotonic()
    yield
    assert time.monotonic() - began < LONG / 4


def run(program: str) -> subprocess.CompletedProcess[str]:
    """Run a program in a fresh interpreter."""
    return subprocess.run(
        [sys.executable, "-W", "error", "-c", textwrap.dedent(program)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


# ---------------------------------------------------------------- the time that is left


class Context:
    def __init__(self, left: Any) -> None:
        self.left = left

    def get_remaining_time_in_millis(self) -> Any:
        if isinstance(self.left, Exception):
            raise self.left
        return self.left


@pytest.mark.parametrize(
    ("left", "seconds"), [(5000, 4.0), (5000.5, 4.0), (1000, 0.0), (0, -1.0), (-1, -1.0)]
)
def test_deadline(left: float, seconds: float) -> None:
    """The deadline is what Lambda says is left, less the reserve; nothing left is no mistake."""
    before = time.monotonic()
    deadline = deadline_of(Context(left), reserve=1.0)
    after = time.monotonic()

    assert before + seconds - 0.001 <= deadline <= after + seconds + 0.001


@pytest.mark.parametrize(
    "context",
    [
        None,
        object(),
        {},
        MagicMock(),
        Context(None),
        Context("5000"),
        Context(decimal.Decimal(5000)),
        Context(math.nan),
        Context(math.inf),
        Context(10**400),
        Context(RuntimeError("this fake cannot tell")),
        Context(AttributeError("nor can this")),
        MagicMock(get_remaining_time_in_millis=5000),
    ],
)
def test_context_that_cannot_tell(context: object) -> None:
    """A context that cannot tell its time, whatever it is, means that there is no deadline."""
    assert deadline_of(context, reserve=1.0) == math.inf


# ---------------------------------------------------------------- in the main thread


def sleep(_: object = None) -> None:
    def asleep() -> None:  # what is interrupted IN_SLEEP runs below this function, not in it
        time.sleep(LONG)

    asleep()


IN_SLEEP = sleep.__code__


def receive(connection: socket.socket) -> None:
    connection.recv(1)


def spin(_: object) -> None:
    until = time.monotonic() + LONG
    while time.monotonic() < until:
        pass


def wait_in_pool(_: object) -> None:
    free = threading.Event()
    try:
        with ThreadPoolExecutor(1) as pool:
            try:
                pool.submit(free.wait, LONG).result()
            finally:
                free.set()
    finally:
        free.set()


BLOCKING: list[Callable[[Any], object]] = [
    sleep,
    receive,
    spin,
    wait_in_pool,
    lambda _: threading.Lock().acquire() and threading.Event().wait(LONG),
    lambda _: queue.Queue[None]().get(timeout=LONG),
    lambda _: select.select([], [], [], LONG),
    lambda _: subprocess.run(["/bin/sleep", str(LONG)], check=True),
    lambda _: sum(1 for _ in iter(int, 1)),
]


@pytest.mark.parametrize("block", BLOCKING)
def test_blocking_call(block: Callable[[Any], object]) -> None:
    """Sleeps, reads, locks, child processes and endless loops are ended when the time is over."""
    silent, peer = socket.socketpair()
    with silent, peer, soon(), pytest.raises(OutOfTime):
        call_within(LIMIT, block, silent)


def test_blocking_builtin() -> None:
    """It need not be a function written in Python."""
    with soon(), pytest.raises(OutOfTime):
        call_within(LIMIT, time.sleep, LONG)


def test_function_that_is_quick() -> None:
    """What is done in time is not disturbed: neither its value, nor its exception."""
    assert call_within(LONG, str.upper, "done") == "DONE"
    with pytest.raises(KeyError):
        call_within(LONG, dict[str, str]().__getitem__, "a")


@pytest.mark.parametrize("seconds", [1e-9, 1e-6, 0.0001])
def test_hardly_any_time(seconds: float) -> None:
    """The shortest of limits is a limit."""
    with soon(), pytest.raises(OutOfTime):
        call_within(seconds, sleep, None)


@pytest.mark.parametrize("seconds", [math.inf, 1e300, sys.maxsize / 1000, 1e8])
def test_all_the_time_there_is(seconds: float) -> None:
    """Limits that no timer could keep are none."""
    assert call_within(seconds, str.upper, "done") == "DONE"


def test_except_exception() -> None:
    """A function that catches all exceptions, as careful people do, is ended all the same."""

    def careful(_: object) -> str:
        with contextlib.suppress(Exception):
            try:
                sleep()
            except Exception:
                return "caught"
        return "suppressed"

    with soon(), pytest.raises(OutOfTime):
        call_within(LIMIT, careful, None)


def test_finally(monkeypatch: pytest.MonkeyPatch) -> None:
    """Cleaning up is not interrupted: ``finally``, ``with``, generators."""
    monkeypatch.setattr("s3batch_handler.deadline._REPEAT", LONG / 4)  # for busy machines
    done = []

    @contextlib.contextmanager
    def manager() -> Iterator[None]:
        try:
            yield
        finally:
            time.sleep(0.05)
            done.append("manager")

    def generator() -> Iterator[None]:
        with manager():
            yield
            sleep()

    def work(_: object) -> None:
        try:
            for _ in generator():
                pass
        finally:
            time.sleep(0.05)
            done.append("finally")

    with soon(), pytest.raises(OutOfTime):
        call_within(1.0, work, None)

    assert done == ["manager", "finally"]


def test_interruption_that_is_swallowed() -> None:
    """A bare ``except`` gets a second interruption after half a second."""
    swallowed = []

    def stubborn(_: object) -> None:
        try:
            sleep()
        except BaseException as error:
            swallowed.append(type(error))
        sleep()

    with soon(), pytest.raises(OutOfTime):
        call_within(LIMIT, stubborn, None, IN_SLEEP)

    assert swallowed == [OutOfTime]


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_interruption_in_a_destructor() -> None:
    """Python drops exceptions in ``__del__``; the function is ended by the next one."""

    class Slow:
        def __del__(self) -> None:
            sleep()

    def work(_: object) -> None:
        Slow()
        sleep()

    with soon(), pytest.raises(OutOfTime):
        call_within(LIMIT, work, None)


def test_interruption_that_is_survived() -> None:
    """A function that swallows its interruption and then comes to its end has done its work."""

    def work(_: object) -> str:
        with contextlib.suppress(BaseException):
            sleep()
        return "done"

    with soon():
        assert call_within(LIMIT, work, None, IN_SLEEP) == "done"


def test_interruption_that_is_turned_into_something_else() -> None:
    """It is the time that was over, whatever a function makes of it; that is the cause."""

    def work(_: object) -> None:
        try:
            sleep()
        except BaseException as error:
            raise ValueError("something failed") from error

    with soon(), pytest.raises(OutOfTime) as caught:
        call_within(LIMIT, work, None, IN_SLEEP)

    assert isinstance(caught.value.__cause__, ValueError)


def test_failure_before_the_end() -> None:
    """What fails in time is no matter of time."""

    def work(_: object) -> None:
        raise ValueError("something failed")

    with pytest.raises(ValueError, match="something failed"):
        call_within(LONG, work, None)


def test_nothing_is_left() -> None:
    """After a call there is no timer, and nothing comes late."""
    call_within(0.5, str, 1)
    with pytest.raises(OutOfTime):
        call_within(0.05, sleep, None)

    time.sleep(0.7)

    assert signal.getitimer(signal.ITIMER_REAL) == (0, 0)


def test_end_and_interruption_at_once() -> None:
    """However close the two come: a value or OutOfTime, and nothing is left behind."""
    values = random.Random(0)
    ended = {True: 0, False: 0}

    def work(seconds: float) -> float:
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            pass
        return seconds

    for _ in range(400):
        seconds = values.uniform(0.0009, 0.0013)
        try:
            ended[call_within(0.0011, work, seconds) == seconds] += 1
        except OutOfTime:
            ended[False] += 1
        assert signal.getitimer(signal.ITIMER_REAL) == (0, 0)

    assert ended[True]
    assert ended[False]


def test_one_handler_for_the_process() -> None:
    """Our signal handler is installed once, and armed for each call."""
    call_within(LONG, str, 1)
    first = signal.getsignal(signal.SIGALRM)

    call_within(LONG, str, 1)

    assert signal.getsignal(signal.SIGALRM) is first


# ---------------------------------------------------------------- with a timer of the user's


class Alarms:
    """A user's signal handler."""

    def __init__(self) -> None:
        self.count = 0
        signal.signal(signal.SIGALRM, self.handle)

    def handle(self, signum: int, frame: object) -> None:
        self.count += 1


def test_timer_of_the_user_that_comes_before_ours() -> None:
    """A user's handler is called when it is due, and the task goes on."""
    alarms = Alarms()
    signal.setitimer(signal.ITIMER_REAL, 0.3)

    with soon(), pytest.raises(OutOfTime):
        call_within(1.2, sleep, None)
    assert alarms.count == 1

    signal.raise_signal(signal.SIGALRM)
    assert alarms.count == 2


def test_timer_of_the_user_that_comes_after_ours() -> None:
    """A user's timer goes on after the task as if nothing had been: handler, time and interval."""
    alarms = Alarms()
    signal.setitimer(signal.ITIMER_REAL, LONG, 7)
    call_within(LONG, str, 1)
    with pytest.raises(OutOfTime):
        call_within(LIMIT, sleep, None)

    left, interval = signal.setitimer(signal.ITIMER_REAL, 0)

    assert LONG - 20 < left < LONG - LIMIT
    assert interval == 7
    assert alarms.count == 0
    assert signal.getsignal(signal.SIGALRM) == alarms.handle


def test_periodic_timer_of_the_user() -> None:
    """A sampling profiler, say, goes on during a task and after it."""
    alarms = Alarms()
    signal.setitimer(signal.ITIMER_REAL, 0.02, 0.02)

    def go_on_for(_: object) -> None:
        enough = alarms.count + 3
        while alarms.count < enough:
            time.sleep(0.01)

    with soon():
        call_within(LONG, go_on_for, None)
        with pytest.raises(OutOfTime):
            call_within(0.3, sleep, None)
        go_on_for(None)
    signal.setitimer(signal.ITIMER_REAL, 0)


def test_periodic_timer_and_cleaning_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """It does not bring our next interruption nearer: there remains as long for cleaning up."""
    monkeypatch.setattr("s3batch_handler.deadline._REPEAT", LONG / 4)  # for busy machines
    Alarms()
    signal.setitimer(signal.ITIMER_REAL, 0.02, 0.02)
    cleaned_up = []

    def work(_: object) -> None:
        try:
            sleep()
        finally:
            until = time.monotonic() + 0.15
            while time.monotonic() < until:
                time.sleep(0.01)
            cleaned_up.append(True)

    with soon(), pytest.raises(OutOfTime):
        call_within(1.0, work, None)
    signal.setitimer(signal.ITIMER_REAL, 0)

    assert cleaned_up


def test_handler_of_the_user_that_raises() -> None:
    """A user's own time limit goes on working within ours."""

    def give_up(signum: int, frame: object) -> None:
        raise TimeoutError("the user's own")

    def call() -> None:
        signal.setitimer(signal.ITIMER_REAL, 0.3)
        call_within(LONG, sleep, None)

    signal.signal(signal.SIGALRM, give_up)

    with soon(), pytest.raises(TimeoutError, match="the user's own"):
        call()


def test_handler_of_the_user_between_tasks() -> None:
    """An alarm that is set between two tasks still finds the handler that was there before us."""
    alarms = Alarms()
    call_within(LONG, str, 1)

    signal.setitimer(signal.ITIMER_REAL, 0.01)
    time.sleep(0.1)

    assert alarms.count == 1


def test_handler_of_the_user_that_replaces_ours() -> None:
    """A handler installed after ours is an earlier one to the next task."""
    call_within(LONG, str, 1)
    alarms = Alarms()

    with soon(), pytest.raises(OutOfTime):
        call_within(LIMIT, sleep, None)
    signal.raise_signal(signal.SIGALRM)

    assert alarms.count == 1


def test_ignored_signal() -> None:
    """A user who ignores the signal goes on ignoring it; our limit holds."""
    signal.signal(signal.SIGALRM, signal.SIG_IGN)
    signal.setitimer(signal.ITIMER_REAL, 0.3)

    with soon(), pytest.raises(OutOfTime):
        call_within(0.5, sleep, None)

    signal.raise_signal(signal.SIGALRM)  # and nothing happens


@pytest.mark.parametrize("when", ["during", "after"])
def test_alarm_that_ends_the_process(when: str) -> None:
    """A user's ``alarm()`` without a handler ends the process, during a task and after it."""
    done = run(f"""
        import signal, time
        from s3batch_handler.deadline import call_within
        signal.setitimer(signal.ITIMER_REAL, 0.5)
        call_within(60, time.sleep, {30 if when == "during" else 0})
        time.sleep(30)
    """)

    assert done.returncode == -signal.SIGALRM, done.stderr


# ---------------------------------------------------------------- one call within another


def test_nearer_limit_inside() -> None:
    """The limit of an inner call holds; the outer goes on with what is left of its own."""

    def outer(_: object) -> float:
        with pytest.raises(OutOfTime):
            call_within(LIMIT, sleep, None)
        return signal.getitimer(signal.ITIMER_REAL)[0]

    with soon():
        left = call_within(LONG, outer, None)

    assert LONG - 20 < left < LONG


def test_nearer_limit_outside() -> None:
    """The outer limit holds within an inner call, and still ends the outer one after it."""
    seen = []

    def outer(_: object) -> None:
        try:
            call_within(LONG, sleep, None, IN_SLEEP)
        except OutOfTime:
            seen.append("inner")
        sleep()

    with soon(), pytest.raises(OutOfTime):
        call_within(LIMIT, outer, None, IN_SLEEP)

    assert seen == ["inner"]


def test_limits_and_a_timer_of_the_user() -> None:
    """Two limits and the user's timer keep out of each other's way."""
    alarms = Alarms()
    signal.setitimer(signal.ITIMER_REAL, 0.05)

    def outer(_: object) -> None:
        with pytest.raises(OutOfTime):
            call_within(0.8, sleep, None)
        sleep()

    with soon(), pytest.raises(OutOfTime):
        call_within(1.5, outer, None)

    assert alarms.count == 1


# ---------------------------------------------------------------- in another thread

in_a_thread = pytest.mark.filterwarnings("ignore::s3batch_handler.deadline.ThreadTimeLimitWarning")


def elsewhere(seconds: float, function: Callable[[Any], Any], argument: object = None) -> Any:
    """Call within a limit, from a thread that is not the main one."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(call_within, seconds, function, argument).result()


def test_thread() -> None:
    """Outside of the main thread a limit holds, and we say how."""
    with (
        soon(),
        pytest.warns(ThreadTimeLimitWarning, match="main thread"),
        pytest.raises(OutOfTime),
    ):
        elsewhere(LIMIT, threading.Event().wait)


@in_a_thread
def test_thread_that_is_quick() -> None:
    """What is done in time is not disturbed: neither its value, nor its exception."""
    assert elsewhere(LONG, str.upper, "done") == "DONE"
    with pytest.raises(KeyError):
        elsewhere(LONG, {}.__getitem__, "a")
    with pytest.raises(SystemExit):
        elsewhere(LONG, sys.exit)


def test_thread_without_a_limit() -> None:
    """Without a limit there is no other thread, and nothing to warn of."""
    thread, called = elsewhere(math.inf, lambda _: (threading.current_thread(), 1))

    assert thread.name.startswith("ThreadPoolExecutor")
    assert called == 1


def test_thread_that_is_left_behind() -> None:
    """Python code that goes on after its time is ended at its next instruction."""
    if sys.version_info < (3, 12) and (sys.gettrace() or threading.gettrace()):
        pytest.skip("a thread that is traced, for its coverage, is left alone on Python 3.11")
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


def test_thread_that_has_not_begun_in_time() -> None:
    """It never does what it was to do, and nobody hears of it."""
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
def test_end_and_interruption_at_once_in_a_thread() -> None:
    """However close the two come: a value or OutOfTime, and no traceback of ours on stderr."""
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
def test_context_variables_in_a_thread() -> None:
    """What was set for the invocation (correlation ids, log keys) is there for the task."""
    variable = contextvars.ContextVar("variable", default="nothing")

    def work(_: object) -> str:
        variable.set("something")
        return call_within(LONG, lambda _: variable.get(), None)

    assert elsewhere(math.inf, work) == "something"


def test_no_signals_at_all() -> None:
    """On a system without ``SIGALRM`` the limits hold by threads."""
    done = run("""
        import signal, threading, time, warnings
        del signal.SIGALRM, signal.setitimer, signal.ITIMER_REAL
        from s3batch_handler.deadline import OutOfTime, call_within
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
def test_process_forked_by_a_thread() -> None:
    """The main thread of a process that a pool's thread has forked has signals like any other."""
    done = run("""
        import os, threading, time, sys
        from s3batch_handler.deadline import OutOfTime, call_within

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
