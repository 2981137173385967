"""How fast a fleet of Lambda functions may be called, by Lambda's limits and by what it refuses.

A function gets at most 1,000 new execution environments every 10 seconds, and an environment at
most 10 requests per second (Lambda Developer Guide, "Understanding Lambda function scaling").
Lambda refuses further calls with 429 ``TooManyRequestsException`` and may send ``Retry-After``
(Lambda API Reference, Invoke).
"""

from __future__ import annotations

import math
import random
import time
from typing import TYPE_CHECKING, Final, NamedTuple

from s3batch_handler.estimates._prices import limit

if TYPE_CHECKING:
    from collections.abc import Callable


class Start(NamedTuple):
    """The start of a call.

    Attributes:
        at: The time.
        is_first: Whether the call is the first one of an execution environment.
    """

    at: float
    is_first: bool


class Pace:
    """Decides when the next of many parallel calls may start.

    Three rules apply to all calls together:

    - The first 100 calls start at once, and 500 more may be in flight after each second, so that
      not all of them connect at the same time.
    - A call needs an execution environment that is idle and has had fewer than 10 requests in this
      second. Otherwise Lambda creates one: the first 1,000 at once, 100 more in each second.
    - If Lambda throttles calls, all calls pause together. Afterwards one call less is in flight for
      each of them. Then this number grows again by 2 % per second.

    Args:
        concurrency: The most calls in flight.
        pause: Seconds of the first pause, at most. Each further one takes twice as long.
        clock: Returns the time in seconds.

    Attributes:
        in_flight: The number of calls that have started and not ended.
    """

    def __init__(
        self,
        concurrency: int,
        *,
        pause: float = 0.2,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._concurrency = concurrency
        self._clock = clock
        self.in_flight = 0
        self._environments = 0
        self._latest = clock()
        self._new_environments = float(_NEW_ENVIRONMENTS)  # that may be created now
        self._requests = 0.0  # that the environments may get now
        self._first_limit = float(_FIRST_CALLS)  # calls in flight, by the time since the first
        self._limit = float(concurrency)  # calls in flight, by what Lambda has refused
        self._pause_end = -math.inf
        self._paused_at = -math.inf
        self._first_pause = self._pause = pause
        self._jitter = 1.0
        self._refused = 0  # calls that were throttled since the latest pause began
        self._refused_of = 1  # calls in flight at that time

    @property
    def limit(self) -> int:
        """The most calls in flight now."""
        return int(min(self._limit, self._first_limit))

    def may_start(self) -> bool:
        """Return whether a call may start now."""
        self._update()
        if self._clock() < self._pause_end or self.in_flight >= self.limit:
            return False
        return self._finds_environment or self._new_environments >= 1

    @property
    def _finds_environment(self) -> bool:
        return self.in_flight < self._environments and self._requests >= 1

    def wait(self) -> float:
        """Return seconds after which a call may start if none ends before; at most one second."""
        now = self._clock()
        if now < self._pause_end:
            return min(1.0, self._pause_end - now)
        if self.in_flight >= self.limit:
            return min(1.0, self._until_limit_grows())
        until_new = (1 - self._new_environments) / _NEW_PER_SECOND
        if self.in_flight >= self._environments:
            return until_new
        rate = _REQUESTS_PER_SECOND * self._environments
        return min(until_new, (1 - self._requests) / rate)

    def _until_limit_grows(self) -> float:
        calls = self.in_flight + 1
        if calls > self._concurrency:
            return math.inf
        return max(
            (calls - self._first_limit) / _MORE_PER_SECOND, (calls - self._limit) / self._growth
        )

    @property
    def _growth(self) -> float:
        """By how many calls in a second the limit grows."""
        return max(_LEAST_GROWTH, _GROWTH * self._limit)

    def start(self) -> Start:
        """Count a call that starts; return its start, for :meth:`throttled`."""
        is_first = not self._finds_environment
        if is_first:
            self._new_environments -= 1
            self._environments += 1
        else:
            self._requests -= 1
        self.in_flight += 1
        return Start(self._clock(), is_first)

    def end(self) -> None:
        """Count a call that has ended."""
        self.in_flight -= 1

    def throttled(self, start: Start, retry_after: float = 0.0) -> None:
        """Pause all calls, because Lambda has throttled one. It has created no environment for it.

        The pause is short if few of the calls in flight are throttled: the function is at its
        limit. If most of them are, each pause takes twice as long as the one before.

        Args:
            start: What :meth:`start` returned.
            retry_after: The seconds that Lambda asks to wait.
        """
        now = self._clock()
        self._environments -= start.is_first
        if start.at > self._paused_at:  # it has started after the latest pause began
            was_short = self._refused * 2 <= self._refused_of
            is_new = was_short or now > self._pause_end + _LONGEST_PAUSE
            self._pause = self._first_pause if is_new else min(2 * self._pause, _LONGEST_PAUSE)
            self._jitter = _RANDOM.uniform(0.5, 1.0)  # other clients pause, too
            self._paused_at, self._refused, self._refused_of = now, 0, self.in_flight
            self._limit = min(self._limit, self.in_flight)
        self._refused += 1
        pause = self._pause * self._jitter * min(1.0, 2 * self._refused / self._refused_of)
        self._pause_end = max(self._pause_end, self._paused_at + pause, now + retry_after)
        self._limit = max(1.0, self._limit - 1)

    def _update(self) -> None:
        """Add what the time since the latest update allows."""
        now = self._clock()
        seconds, self._latest = now - self._latest, now
        self._new_environments = min(
            _NEW_ENVIRONMENTS, self._new_environments + seconds * _NEW_PER_SECOND
        )
        rate = _REQUESTS_PER_SECOND * self._environments
        self._requests = min(max(1, self._environments), self._requests + seconds * rate)
        self._first_limit = min(self._concurrency, self._first_limit + seconds * _MORE_PER_SECOND)
        unpaused = min(seconds, max(0.0, now - self._pause_end))
        self._limit = min(self._concurrency, self._limit + unpaused * self._growth)


_FIRST_CALLS: Final = 100
_MORE_PER_SECOND: Final = 500
_NEW_ENVIRONMENTS: Final = limit("new-environments")
_NEW_PER_SECOND: Final = _NEW_ENVIRONMENTS / limit("scaling-interval")
_REQUESTS_PER_SECOND: Final = limit("requests-per-environment")
_LONGEST_PAUSE: Final = 20.0  # seconds
_GROWTH: Final = 0.02  # per second
_LEAST_GROWTH: Final = 0.2  # calls per second
_RANDOM: Final = random.SystemRandom()
