"""The pace of requests to S3, against an S3 with a limit and a clock that tests move."""

from __future__ import annotations

import heapq

from hypothesis import given
from hypothesis import strategies as st

from s3batch_handler.engine.operations._request_pace import RequestPace


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


class S3:
    """An S3 whose requests take 10 milliseconds, with a limit of requests per second."""

    def __init__(self, *, rate: float) -> None:
        self.rate = rate
        self._tokens = 1.0 + rate / 2
        self._latest = 0.0
        self.accepted = self.refused = self.most_in_flight = 0
        self._ends: list[tuple[float, float, bool]] = []

    def accepts(self, now: float) -> bool:
        self._tokens = min(1.0 + self.rate / 2, self._tokens + (now - self._latest) * self.rate)
        self._latest = now
        if self._tokens < 1:
            return False
        self._tokens -= 1
        return True

    def run(self, pace: RequestPace, clock: Clock, *, until: float) -> None:
        """Send as many requests as the pace allows, until a time."""
        while clock.now < until:
            while pace.may_start():
                start = pace.start()
                heapq.heappush(self._ends, (clock.now + 0.01, start, self.accepts(clock.now)))
                self.most_in_flight = max(self.most_in_flight, pace.in_flight)
            later = clock.now + max(pace.pause(), 0.01)
            clock.now = min([later, until, *[each[0] for each in self._ends[:1]]])
            while self._ends and self._ends[0][0] <= clock.now:
                _, start, is_accepted = heapq.heappop(self._ends)
                if is_accepted:
                    self.accepted += 1
                    pace.succeeded(start)
                else:
                    self.refused += 1
                    pace.throttled(start)
                pace.end()


def test_as_many_requests_as_allowed_are_in_flight() -> None:
    """An S3 that refuses nothing gets the limit from the beginning."""
    clock, s3 = Clock(), S3(rate=1e9)

    s3.run(RequestPace(32, clock=clock), clock, until=1)

    assert s3.most_in_flight == 32
    assert s3.accepted >= 3_000


def test_all_requests_pause_after_one_was_refused() -> None:
    """Fewer are in flight afterwards."""
    clock = Clock()
    pace = RequestPace(10, pause=1, clock=clock)
    starts = [pace.start() for _ in range(8)]

    clock.now = 0.1
    pace.throttled(starts[0])
    pace.end()

    assert not pace.may_start()
    assert 0.5 <= pace.pause() <= 1
    clock.now = 1.1
    assert not pace.may_start()  # 7 are in flight still
    for _ in range(5):
        pace.end()
    assert pace.may_start()
    assert pace.limit == 5


def test_requests_that_were_in_flight_at_a_pause_do_not_prolong_it() -> None:
    """They were refused for the same reason as the first one."""
    clock = Clock()
    pace = RequestPace(100, pause=1, clock=clock)
    starts = [pace.start() for _ in range(100)]

    for start in starts:
        clock.now += 0.001
        pace.throttled(start)

    assert pace.pause() <= 1
    assert pace.limit == 70


def test_pauses_become_longer_until_a_request_succeeds() -> None:
    """An S3 that refuses everything gets one round of requests in some seconds."""
    clock = Clock()
    pace = RequestPace(10, pause=1, clock=clock)
    pauses = []
    for _ in range(8):
        start = pace.start()
        pace.throttled(start)
        pace.end()
        pauses.append(pace.pause())
        clock.now += pace.pause()

    assert 5 <= pauses[-1] <= 10
    start = pace.start()
    pace.succeeded(start)
    pace.end()
    pace.throttled(pace.start())
    assert pace.pause() <= 1


def test_s3_decides_how_long_a_pause_takes_at_least() -> None:
    """It sends Retry-After."""
    clock = Clock()
    pace = RequestPace(10, pause=1, clock=clock)

    pace.throttled(pace.start(), retry_after=30)

    assert pace.pause() == 30


def test_a_lost_connection_pauses_requests_but_does_not_reduce_them() -> None:
    """S3 restarts, and works as before afterwards."""
    clock = Clock()
    pace = RequestPace(10, pause=1, clock=clock)

    pace.unreachable(pace.start())
    pace.end()

    assert not pace.may_start()
    clock.now = 1
    assert pace.may_start()
    assert pace.limit == 10


def test_the_number_of_requests_grows_again() -> None:
    """After throttling has ended, the job is as fast as before within half a minute."""
    clock, s3 = Clock(), S3(rate=20)
    pace = RequestPace(64, clock=clock)
    s3.run(pace, clock, until=60)
    assert pace.limit < 32

    s3.rate = 1e9
    s3.run(pace, clock, until=90)

    assert pace.limit == 64


@given(limit=st.integers(1, 200), rate=st.floats(20, 2_000))
def test_a_job_uses_the_rate_that_s3_accepts(limit: int, rate: float) -> None:
    """At least half of it; and S3 refuses fewer requests than it accepts."""
    clock, s3 = Clock(), S3(rate=rate)
    pace = RequestPace(limit, clock=clock)

    s3.run(pace, clock, until=60)

    assert s3.accepted >= 60 * min(rate, 100 * limit) / 2
    assert s3.refused <= s3.accepted + limit
    assert 1 <= pace.limit <= limit
