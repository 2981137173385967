"""How many requests an S3 gets at a time, by a limit and by what it refuses.

S3 refuses requests with 503 ``SlowDown`` if there are too many of them, and asks for fewer (S3 User
Guide, "Best practices design patterns: optimizing Amazon S3 performance").
"""

from __future__ import annotations

import math
import random
import time
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable


class RequestPace:
    """Decides when the next of many parallel requests may start.

    If S3 refuses requests, all requests pause together, and fewer are in flight afterwards. Their
    number then grows again. Each pause is twice as long as the one before, until a request that
    started after a pause succeeds.

    Args:
        limit: The most requests in flight.
        pause: Seconds of the first pause, at most.
        clock: Returns the time in seconds.

    Attributes:
        in_flight: The number of requests that have started and not ended.
    """

    def __init__(
        self, limit: int, *, pause: float = 0.2, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._most = limit
        self._limit = float(limit)
        self._first_pause = self._next_pause = pause
        self._clock = clock
        self.in_flight = 0
        self._pause_end = -math.inf
        self._latest = clock()

    @property
    def limit(self) -> int:
        """The most requests in flight now."""
        return int(self._limit)

    def may_start(self) -> bool:
        """Return whether a request may start now."""
        self._grow()
        return self._clock() >= self._pause_end and self.in_flight < self.limit

    def pause(self) -> float:
        """Return the seconds until the pause ends; 0 without a pause."""
        return max(0.0, self._pause_end - self._clock())

    def start(self) -> float:
        """Count a request that starts; return its time, for the other methods."""
        self.in_flight += 1
        return self._clock()

    def end(self) -> None:
        """Count a request that has ended."""
        self.in_flight -= 1

    def succeeded(self, start: float) -> None:
        """Shorten the next pause: S3 has accepted a request that started after the latest one."""
        if start >= self._pause_end:
            self._next_pause = self._first_pause

    def throttled(self, start: float, retry_after: float = 0.0) -> None:
        """Pause all requests, and send fewer afterwards, because S3 has refused one.

        Requests that were in flight when the pause began are refused for the same reason, so they
        have no further effect, except that the pause may become longer.

        Args:
            start: What :meth:`start` returned.
            retry_after: The seconds that S3 asks to wait.
        """
        if self._pause_all(start):
            self._limit = max(1.0, min(self._limit, self.in_flight) * _DECREASE)
        self._pause_end = max(self._pause_end, self._clock() + retry_after)

    def unreachable(self, start: float) -> None:
        """Pause all requests, because S3 has not responded to one."""
        self._pause_all(start)

    def _pause_all(self, start: float) -> bool:
        """Begin a pause, unless a request began before the latest one; return whether it began."""
        if start < self._pause_end:
            return False
        self._grow()
        # A random part, because other clients pause, too.
        self._pause_end = self._clock() + self._next_pause * _RANDOM.uniform(0.5, 1.0)
        self._next_pause = min(2 * self._next_pause, _LONGEST_PAUSE)
        return True

    def _grow(self) -> None:
        """Raise the limit by the time without a pause since the latest update."""
        now = self._clock()
        seconds = now - max(self._latest, self._pause_end)
        self._latest = now
        if seconds > 0:
            growth = max(_LEAST_GROWTH, _GROWTH * self._most)
            self._limit = min(self._most, self._limit + seconds * growth)


_DECREASE: Final = 0.7
_GROWTH: Final = 0.05  # of the limit, per second
_LEAST_GROWTH: Final = 0.5  # requests per second
_LONGEST_PAUSE: Final = 10.0  # seconds
_RANDOM: Final = random.SystemRandom()
