"""Time left, and ending what takes longer.

Blocking calls here would take a minute; limits are a tenth of a second, and what is said to end in
time ends within seconds. A busy machine may stop for longer than a limit before any line of these:
where a test needs its function to have come to its sleep by then, nothing else is interrupted.
"""

from __future__ import annotations

import contextlib
import contextvars
import decimal
import gc
import importlib
import itertools
import logging
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

from s3batch_handler.core._errors import OutOfTime
from s3batch_handler.handler import _time_limit as deadline
from s3batch_handler.handler._interruption import CallLimit
from s3batch_handler.handler._time_limit import (
    ThreadedCall,
    ThreadTimeLimitWarning,
    call_within,
    deadline_of,
    lift_limit,
)
from tests.support.waiting import wait_for

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path
    from types import FrameType

LONG = 60.0
LIMIT = 0.1


@pytest.fixture(autouse=True)
def nothing_is_left() -> Iterator[None]:
    """Each test ends without a timer, without tracing of ours, and with its own alarm handler."""

    def state() -> list[object]:
        return [signal.getsignal(signal.SIGALRM), sys.gettrace(), sys.getprofile()]

    before = state()
    yield
    assert signal.setitimer(signal.ITIMER_REAL, 0) == (0, 0)
    assert state() == before


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
    until = deadline_of(Context(left), reserve=1.0)
    after = time.monotonic()

    assert before + seconds - 0.001 <= until <= after + seconds + 0.001


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
    def asleep() -> None:  # what InSleep looks for
        time.sleep(LONG)

    asleep()


class InSleep:
    """Only sleep() above is to be interrupted."""

    def may_interrupt(self, frame: FrameType) -> bool:
        return frame.f_code.co_name == "asleep"

    def stop(self) -> None: ...


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


def test_finally() -> None:
    """``finally``, ``with`` and generators have half of the reserve for cleaning up."""
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
        call_within(1.0, work, None, LONG / 4)  # for busy machines

    assert done == ["manager", "finally"]


def test_cleaning_up_after_a_wait_for_a_lock() -> None:
    """Code that waited when it was interrupted has its half of the reserve, too."""
    done = []

    def work(_: object) -> None:
        try:
            threading.Event().wait(LONG)
        finally:
            time.sleep(0.05)
            done.append("finally")

    with soon(), pytest.raises(OutOfTime):
        call_within(LIMIT, work, None, LONG / 4)

    assert done == ["finally"]


def spin_in_try(_: object, ended: list[str]) -> None:
    try:
        while True:
            sum(range(1000))
    finally:
        ended.append("finally")


def spin_in_with(_: object, ended: list[str]) -> None:
    with contextlib.ExitStack() as stack:
        stack.callback(ended.append, "finally")
        while True:
            ended.count("")


@pytest.mark.parametrize("spin", [spin_in_try, spin_in_with])
def test_finally_around_a_loop(spin: Callable[[Any, list[str]], None]) -> None:
    """Cleaning up happens wherever in a loop the interruption comes (not so in Python before 3.13
    for exceptions of signal handlers)."""
    ended: list[str] = []

    for _ in range(5):
        with soon(), pytest.raises(OutOfTime):
            call_within(0.02, lambda _: spin(_, ended), None, LONG / 4)

    assert ended == ["finally"] * 5


def test_interruption_that_is_swallowed() -> None:
    """A bare ``except`` gets a second interruption after half of the reserve."""
    swallowed = []

    def stubborn(_: object) -> None:
        try:
            sleep()
        except BaseException as error:
            swallowed.append(type(error))
        sleep()

    with soon(), pytest.raises(OutOfTime):
        call_within(LIMIT, stubborn, None, 1.0, InSleep())

    assert swallowed == [OutOfTime]


def nested_pools(depth: int) -> None:
    with ThreadPoolExecutor(1) as pool:
        if depth:
            nested_pools(depth - 1)
        else:
            pool.submit(threading.Event().wait, 5).result()


def retry(_: object) -> None:
    for _ in range(20):
        try:
            sleep()
        except BaseException:
            time.sleep(0.001)


def swallow_for_ever(_: object = None) -> None:
    while True:
        try:
            time.sleep(LONG)
        except BaseException:
            continue


def swallow_while_computing(_: object) -> None:
    while True:
        try:
            sum(range(1000))
        except BaseException:
            continue


def suppress_for_ever(_: object) -> None:
    while True:
        with contextlib.suppress(BaseException):
            sleep()


def swallow_in_a_generator(_: object) -> None:
    def numbers() -> Iterator[int]:
        while True:
            try:
                yield 1
                time.sleep(LONG)
            except BaseException:
                pass

    for _ in numbers():
        pass


def swallow_on_all_levels(_: object) -> None:
    while True:
        try:
            swallow_while_computing(None)
        except BaseException:
            pass
        finally:
            swallow_for_ever()


STUBBORN: list[Callable[[Any], object]] = [
    lambda _: nested_pools(8),
    retry,
    swallow_for_ever,
    swallow_while_computing,
    suppress_for_ever,
    swallow_in_a_generator,
    swallow_on_all_levels,
]


@pytest.mark.parametrize("work", STUBBORN)
def test_code_that_has_to_be_interrupted_often(work: Callable[[Any], object]) -> None:
    """However often code goes on after an interruption, it has ended before the reserve is over."""
    reserve = 4.0  # a slow machine may need some of it
    began = time.monotonic()

    with pytest.raises(OutOfTime):
        call_within(LIMIT, work, None, reserve)

    assert time.monotonic() - began < LIMIT + reserve
    assert sys.exception() is None
    with pytest.raises(IndexError) as caught:
        [].pop()
    assert caught.value.__context__ is None


@pytest.mark.parametrize("reserve", [0.0, 0.5, 2.0, 8.0])
def test_interruptions_follow_each_other_ever_faster(reserve: float) -> None:
    """They are scaled to the reserve: the first pause is half of it, and none is longer."""
    limit = CallLimit(100.0, reserve, None)
    spread = max(reserve, 0.1) * 0.9
    times = []

    def interrupt(now: float) -> None:
        with contextlib.suppress(OutOfTime):
            limit.interrupt(sys._getframe(), now)
            pytest.fail("nothing was interrupted")

    now = 100.0
    while now < 100 + spread * 0.7:
        call_within(math.inf, interrupt, now)
        times.append(now)
        now = limit.next
    pauses = [later - earlier for earlier, later in itertools.pairwise(times)]

    assert pauses[0] == pytest.approx(spread / 2)
    assert pauses == sorted(pauses, reverse=True)
    assert len(times) >= 4


def spin_in_a_loop(_: object) -> None:
    """Loop without an end; before Python 3.13 its interruption is postponed by an instruction."""
    try:
        while True:
            pass
    finally:
        pass


@pytest.mark.parametrize("work", [swallow_for_ever, spin_in_a_loop])
def test_tracing_of_the_user_comes_back(work: Callable[[object], None]) -> None:
    """Watching instructions leaves a debugger or a coverage tool as they were."""

    def trace(frame: FrameType, event: str, argument: object) -> None:
        """Trace nothing."""

    earlier = sys.gettrace()
    sys.settrace(trace)
    try:
        with pytest.raises(OutOfTime):
            call_within(LIMIT, work, None, 0.2)
        found = sys.gettrace()
    finally:
        sys.settrace(earlier)

    assert found is trace


def test_a_frame_that_was_traced_lives_on() -> None:
    """A generator that an interruption has left behind can go on afterwards."""

    def numbers() -> Iterator[int]:
        yield 1
        with contextlib.suppress(BaseException):
            sleep()
        yield 2
        yield 3

    generator = numbers()
    next(generator)

    def work(_: object) -> int:
        return next(generator)

    with soon(), contextlib.suppress(OutOfTime):
        call_within(0.01, work, None, 0.0)

    assert call_within(LONG, lambda _: list(generator), None) in ([3], [])


# ---------------------------------------------------------------- moments that are not good


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_interruption_in_a_destructor() -> None:
    """Python drops exceptions in ``__del__``: the function is interrupted after it, or later."""

    class Slow:
        def __del__(self) -> None:
            time.sleep(LONG)

    def work(_: object) -> None:
        Slow()
        sleep()

    with soon(), pytest.raises(OutOfTime):
        call_within(LIMIT, work, None)


@pytest.fixture
def slow_module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The file of a module called ``slow_module``."""
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    yield tmp_path / "slow_module.py"
    sys.modules.pop("slow_module", None)


def import_it(_: object) -> None:
    import slow_module  # type: ignore[import-not-found]  # noqa: F401

    sleep()


def test_import_is_not_interrupted(slow_module: Path) -> None:
    """An interruption waits for an import as long as the reserve allows: what is imported works."""
    slow_module.write_text("import time\ntime.sleep(0.5)\nready = True\n")

    with soon(), pytest.raises(OutOfTime) as caught:
        call_within(LIMIT, import_it, None, LONG / 4)

    assert sys.modules["slow_module"].ready
    assert caught.value.module is None


def test_import_that_takes_too_long(slow_module: Path) -> None:
    """It is cut off in the end, and the exception names the module."""
    slow_module.write_text(f"import time\ntime.sleep({LONG})\n")

    with soon(), pytest.raises(OutOfTime) as caught:
        call_within(LIMIT, import_it, None)

    assert caught.value.module == "slow_module"


def test_import_around_the_call(slow_module: Path) -> None:
    """A call that is itself made by an import is interrupted like any other, at once."""
    slow_module.write_text(
        "import time\n"
        "from s3batch_handler.handler._time_limit import OutOfTime, call_within\n"
        "began = time.monotonic()\n"
        "try:\n"
        f"    call_within(0.1, time.sleep, {LONG}, 40.0)\n"
        "except OutOfTime:\n"
        "    took = time.monotonic() - began\n"
    )

    import slow_module as module

    assert module.took < LONG / 4


def test_logging_is_not_interrupted() -> None:
    """A handler that writes a log line gets to its end, and so gives its lock back."""
    written = []

    class Slow(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:  # type: ignore[explicit-override]
            time.sleep(0.5)
            written.append(record.getMessage())

    logger = logging.Logger("slow")  # noqa: LOG001  no other test's
    logger.addHandler(Slow())

    def work(_: object) -> None:
        logger.warning("line")
        sleep()

    with soon(), pytest.raises(OutOfTime):
        call_within(LIMIT, work, None, LONG / 4)

    assert written == ["line"]


def test_logging_that_takes_too_long_gives_its_lock_back() -> None:
    """A log line that is cut off in the end leaves the logger fit for all threads."""

    class Stuck(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:  # type: ignore[explicit-override]
            time.sleep(LONG)

    handler = Stuck()
    logger = logging.Logger("stuck")  # noqa: LOG001  no other test's
    logger.addHandler(handler)

    def work(_: object) -> None:
        while True:
            with contextlib.suppress(BaseException):
                logger.warning("line")

    with soon(), pytest.raises(OutOfTime):
        call_within(LIMIT, work, None)

    with ThreadPoolExecutor(1) as pool:
        assert handler.lock is not None
        assert pool.submit(handler.lock.acquire, timeout=5).result()


def test_import_that_is_cut_off_gives_its_lock_back(slow_module: Path) -> None:
    """Other threads can import the module, or try to."""
    slow_module.write_text(f"import time\ntime.sleep({LONG})\n")
    with soon(), pytest.raises(OutOfTime):
        call_within(LIMIT, import_it, None)
    slow_module.write_text("ready = True\n")
    importlib.invalidate_caches()

    with ThreadPoolExecutor(1) as pool:
        module = pool.submit(importlib.import_module, "slow_module").result(LONG / 4)

    assert module.ready


def test_locks_are_given_back() -> None:
    """Interruptions at any moment of threading's and queue's own code leave no lock behind."""
    condition, numbers = threading.Condition(), queue.Queue[int]()

    def work(_: object) -> None:
        while True:
            with condition:
                condition.notify_all()
            numbers.put(1)
            numbers.get()

    for _ in range(30):
        with pytest.raises(OutOfTime):
            call_within(0.005, work, None, LONG / 4)

    free = [condition.acquire(timeout=1), numbers.mutex.acquire(timeout=1)]
    assert free == [True, True]


def test_tracers_are_not_interrupted() -> None:
    """coverage.py takes a lock between the instructions of a task, and gives it back."""
    lock = threading.Lock()
    names: dict[str, Any] = {
        "__name__": "coverage.pretended",
        "lock": lock,
        "sleep": time.sleep,
    }
    exec("def measure():\n    lock.acquire()\n    sleep(0.05)\n    lock.release()", names)

    def work(_: object) -> None:
        while True:
            names["measure"]()

    for reserve in (LONG / 4, 0.0):
        with soon(), pytest.raises(OutOfTime):
            call_within(0.01, work, None, reserve)
        assert not lock.locked()


def test_callbacks_of_the_garbage_collector_are_not_interrupted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Python ignores exceptions there, and reports them."""
    ignored: list[object] = []
    monkeypatch.setattr(sys, "unraisablehook", ignored.append)

    def callback(phase: str, info: object) -> None:
        time.sleep(0.02)

    def work(_: object) -> None:
        while True:
            gc.collect(0)

    gc.callbacks.append(callback)
    try:
        for reserve in (LONG / 4, 0.0):
            with soon(), pytest.raises(OutOfTime):
                call_within(0.01, work, None, reserve)
    finally:
        gc.callbacks.remove(callback)

    assert not ignored


def test_interruption_that_is_survived() -> None:
    """A function that swallows its interruption and then comes to its end has done its work."""

    def work(_: object) -> str:
        with contextlib.suppress(BaseException):
            sleep()
        return "done"

    with soon():
        assert call_within(LIMIT, work, None, 1.0, InSleep()) == "done"


def test_interruption_that_is_turned_into_something_else() -> None:
    """It is the time that was over, whatever a function makes of it; that is the cause."""

    def work(_: object) -> None:
        try:
            sleep()
        except BaseException as error:
            raise ValueError("something failed") from error

    with soon(), pytest.raises(OutOfTime) as caught:
        call_within(LIMIT, work, None, 1.0, InSleep())

    assert isinstance(caught.value.__cause__, ValueError)


def test_failure_before_the_end() -> None:
    """What fails in time is no matter of time."""

    def work(_: object) -> None:
        raise ValueError("something failed")

    with pytest.raises(ValueError, match="something failed"):
        call_within(LONG, work, None)


def test_nothing_comes_late() -> None:
    """After a call nothing is interrupted."""
    call_within(0.3, str, 1)
    with pytest.raises(OutOfTime):
        call_within(0.05, sleep, None)

    time.sleep(0.7)


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

    assert ended[True]
    assert ended[False]


def test_one_signal_handler_for_the_process() -> None:
    """Our signal handler is installed once."""
    call_within(LONG, str, 1)
    first = signal.getsignal(signal.SIGURG)

    call_within(LONG, str, 1)

    assert signal.getsignal(signal.SIGURG) is first


def test_calls_do_not_wake_the_watchdog(monkeypatch: pytest.MonkeyPatch) -> None:
    """Calls whose limits lie further and further ahead cost no wake-up, as in an environment."""
    call_within(LONG, str, 1)
    wait_for(lambda: deadline._watchdog._wakes_at < math.inf)
    wakes: list[object] = []
    monkeypatch.setattr(deadline._watchdog, "_wake", wakes.append)

    for seconds in range(100):
        call_within(LONG + seconds, str, 1)

    assert not wakes


def test_limit_nearer_than_all_before() -> None:
    """The watchdog wakes up in time for a call whose limit comes before those of earlier calls."""
    call_within(LONG, str, 1)

    with soon(), pytest.raises(OutOfTime):
        call_within(LIMIT, sleep, None)


def test_signal_from_elsewhere() -> None:
    """A signal that nobody expects does nothing to a call; a handler of the user's is called."""
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


def test_blocked_signals() -> None:
    """Code that blocks all signals is interrupted all the same, and the next call in its sleep."""

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


def test_handler_of_the_user_that_replaces_ours() -> None:
    """A task that takes our signal from us does not take the next task's limit."""
    earlier = signal.getsignal(signal.SIGURG)
    try:
        call_within(LONG, lambda _: signal.signal(signal.SIGURG, signal.SIG_IGN), None)
        with soon(), pytest.raises(OutOfTime):
            call_within(LIMIT, sleep, None)
    finally:
        signal.signal(signal.SIGURG, earlier)


@pytest.mark.parametrize("replacement", [signal.SIG_IGN, signal.SIG_DFL, lambda *_: None])
def test_handler_of_the_user_that_stays(replacement: Any) -> None:
    """A task that takes our signal from us is interrupted between its Python instructions."""

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
def test_c_code_that_never_lets_another_thread_run(earlier: str) -> None:
    """The watchdog cannot send its signal then, but the timer of the operating system does."""
    done = run(f"""
        import re, time
        from s3batch_handler.handler._time_limit import OutOfTime, call_within
        {earlier}
        try:
            call_within(1, lambda text: re.match("(a+)+$", text), "a" * 40 + "b")
        except OutOfTime:
            print("out of time")
        time.sleep(0.1)
        print(call_within(30, str.upper, "done"))
    """)

    assert done.stdout == "out of time\nDONE\n", done.stderr


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has such a timer")
def test_c_code_that_never_lets_another_thread_run_in_a_forked_process() -> None:
    """A fork has a timer of its own."""
    done = run("""
        import os, re
        from s3batch_handler.handler._time_limit import OutOfTime, call_within
        call_within(30, str.upper, "before the fork")
        if os.fork():
            os.wait()
        else:
            try:
                call_within(1, lambda text: re.match("(a+)+$", text), "a" * 40 + "b")
            except OutOfTime:
                print("out of time")
    """)

    assert done.stdout == "out of time\n", done.stderr


def test_limit_that_was_lifted() -> None:
    """A debugger switches off the limit of the call that it stops, and of no later one."""

    def debugged(_: object) -> str:
        lift_limit()
        time.sleep(5 * LIMIT)
        return "done"

    assert call_within(LIMIT, debugged, None) == "done"
    with soon(), pytest.raises(OutOfTime):
        call_within(LIMIT, sleep, None)


def test_no_thread_can_be_started() -> None:
    """A process that cannot start a thread keeps its limits by the timer alone."""
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


# ---------------------------------------------------------------- the user's own alarms


@contextlib.contextmanager
def at_most(seconds: float) -> Iterator[None]:
    """Limit the time of a block by an alarm, as countless helpers do."""

    def ring(signum: int, frame: object) -> None:
        raise TimeoutError(f"more than {seconds} s")

    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def test_alarm_in_the_task_that_was_not_needed() -> None:
    """A task that limits a part of itself by an alarm is limited as a whole, too."""

    def work(_: object) -> None:
        with at_most(0.5):
            pass
        sleep()

    with soon(), pytest.raises(OutOfTime):
        call_within(LIMIT, work, None)


def test_alarm_in_the_task_that_is_due_later() -> None:
    """The task's own alarm does not stand in the way of a nearer limit."""

    def work(_: object) -> None:
        with at_most(LONG):
            sleep()

    with soon(), pytest.raises(OutOfTime):
        call_within(LIMIT, work, None)


def test_alarm_in_the_task_that_is_due_earlier() -> None:
    """The task's own alarm works as it does without us."""

    def work(_: object) -> None:
        with at_most(0.05):
            sleep()

    with soon(), pytest.raises(TimeoutError, match=r"more than 0\.05 s"):
        call_within(LONG, work, None)


def test_ignored_alarm() -> None:
    """A task that ignores alarms, or switches all timers off, is limited."""

    def work(_: object) -> None:
        signal.signal(signal.SIGALRM, signal.SIG_IGN)
        for timer in (signal.ITIMER_REAL, signal.ITIMER_VIRTUAL, signal.ITIMER_PROF):
            signal.setitimer(timer, 0)
        sleep()

    earlier = signal.getsignal(signal.SIGALRM)
    with soon(), pytest.raises(OutOfTime):
        call_within(LIMIT, work, None)
    signal.signal(signal.SIGALRM, earlier)


def test_alarm_around_the_call() -> None:
    """A timer that was set before goes on during the call and after it: handler and interval."""
    count = []
    earlier = signal.signal(signal.SIGALRM, lambda *_: count.append(1))
    signal.setitimer(signal.ITIMER_REAL, 0.02, 0.02)
    try:

        def go_on(_: object) -> None:
            enough = len(count) + 3
            while len(count) < enough:
                time.sleep(0.01)

        with soon():
            call_within(LONG, go_on, None)
            with pytest.raises(OutOfTime):
                call_within(LIMIT, sleep, None)
            go_on(None)
        assert signal.getitimer(signal.ITIMER_REAL)[1] == pytest.approx(0.02, abs=0.005)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, earlier)


# ---------------------------------------------------------------- one call within another


def test_nearer_limit_inside() -> None:
    """The limit of an inner call holds; the outer one's holds after it."""
    seen = []

    def outer(_: object) -> None:
        with pytest.raises(OutOfTime):
            call_within(LIMIT, sleep, None)
        seen.append("inner")
        sleep()

    with soon(), pytest.raises(OutOfTime):
        call_within(1.0, outer, None)

    assert seen == ["inner"]


def test_nearer_limit_outside() -> None:
    """The outer limit holds within an inner call, and still ends the outer one after it."""
    seen = []

    def outer(_: object) -> None:
        try:
            call_within(LONG, sleep, None, 1.0, InSleep())
        except OutOfTime:
            seen.append("inner")
        sleep()

    with soon(), pytest.raises(OutOfTime):
        call_within(LIMIT, outer, None, 1.0, InSleep())

    assert seen == ["inner"]


def test_call_after_an_interruption() -> None:
    """A call within one that was interrupted keeps to what time there is, and comes back."""
    times = []

    def outer(_: object) -> str:
        with contextlib.suppress(OutOfTime):
            sleep()
        began = time.monotonic()
        with contextlib.suppress(OutOfTime):
            call_within(LONG, sleep, None, 2.0)
        times.append(time.monotonic() - began)
        return "done"

    with contextlib.suppress(OutOfTime):
        call_within(LIMIT, outer, None, 2.0, InSleep())

    assert times[0] < LONG / 4


# ---------------------------------------------------------------- in another thread

in_a_thread = pytest.mark.filterwarnings("ignore::s3batch_handler.ThreadTimeLimitWarning")


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


@pytest.mark.skipif(
    sys.version_info < (3, 12),
    reason="Python 3.11 runs no signal handlers while a thread waits to be interrupted",
)
def test_thread_that_is_left_behind() -> None:
    """Python code that goes on after its time is ended at its next instruction."""
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
    """On a system without signals for threads the limits hold by threads."""
    done = run("""
        import signal, threading, time, warnings
        del signal.pthread_kill
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
def test_process_forked_by_a_thread() -> None:
    """The main thread of a process that a pool's thread has forked has signals like any other."""
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
