"""A timer of the operating system, which sends a signal even if no other Python thread can run.

Some C code never lets another thread run, for example a regular expression that backtracks for
hours, but it checks for signals.

The timer is a POSIX timer (``timer_create``). Unlike the timers of :func:`signal.setitimer`, it
cannot be changed by other code, and programs that the process runs do not inherit it.
"""

from __future__ import annotations

import math
import sys

from s3batch_handler.core._typing import Any, Final


class KernelTimer:
    """Sends a signal to this process at a given time, and repeatedly after it.

    On systems other than Linux it does nothing.

    Args:
        signum: The number of the signal.
        interval: Seconds between two signals, less than 1.
    """

    def __init__(self, signum: int, interval: float) -> None:
        self._interval = int(interval * 1e9)
        self._set: Any = None
        if sys.platform == "linux":
            try:
                self._create(signum)
            except (ImportError, OSError):
                self._set = None

    def set(self, moment: float) -> None:
        """Send the signal from ``moment`` on, a time of the monotonic clock (infinite: never)."""
        if self._set is not None:
            seconds = 0.0 if moment == math.inf else max(moment, 1e-9)  # 0 disables the timer
            whole = int(seconds)
            times = 0, self._interval, whole, int((seconds - whole) * 1e9)
            self._set(self._timer, _ABSOLUTE, self._times(*times), None)

    def _create(self, signum: int) -> None:
        import ctypes  # a slow import, not needed before the first task
        from time import CLOCK_MONOTONIC

        library = ctypes.CDLL(None)
        if not hasattr(library, "timer_create"):
            library = ctypes.CDLL("librt.so.1")  # glibc before 2.34
        # struct sigevent: a value, the signal, how to notify (0: by the signal), 64 bytes in all
        event = (ctypes.c_int * 16)(0, 0, signum, 0)
        self._timer = ctypes.c_void_p()
        if library.timer_create(CLOCK_MONOTONIC, event, ctypes.byref(self._timer)):
            raise OSError("timer_create")
        # struct itimerspec: seconds and nanoseconds of the interval, and of the first time
        self._times: Any = ctypes.c_long * 4
        self._set = library.timer_settime


_ABSOLUTE: Final = 1  # TIMER_ABSTIME
