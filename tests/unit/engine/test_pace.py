"""The pace of a fleet, against an imitation of Lambda and with a clock that tests move."""

from __future__ import annotations

import heapq
import random

import pytest

from s3batch_handler.engine.invoke._pace import Pace, Start


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


class Lambda:
    """A function whose calls take some seconds, with a limit of parallel calls."""

    def __init__(self, *, seconds: float, most: float = float("inf")) -> None:
        self.seconds = seconds
        self.most = most
        self.running = self.most_running = self.throttled = self.answered = 0
        self.starts: list[float] = []
        self._ends: list[tuple[float, Start, bool]] = []

    def run(self, pace: Pace, clock: Clock, *, until: float) -> None:
        """Call the function as often as the pace of a fleet allows, until a time."""
        ends = self._ends
        while clock.now < until:
            while pace.may_start():
                start = pace.start()
                accepted = self.running < self.most
                self.running += accepted
                self.most_running = max(self.most_running, self.running)
                self.starts.append(clock.now)
                seconds = self.seconds if accepted else 0.005
                heapq.heappush(ends, (clock.now + seconds, start, accepted))
            later = clock.now + max(pace.wait(), 0.001)
            clock.now = min([later, until, *[each[0] for each in ends[:1]]])
            while ends and ends[0][0] <= clock.now:
                _, start, accepted = heapq.heappop(ends)
                if accepted:
                    self.running -= 1
                    self.answered += 1
                else:
                    self.throttled += 1
                    pace.throttled(start)
                pace.end()


def test_the_first_calls_do_not_connect_all_at_once() -> None:
    """A hundred start, and 500 more in each second, however long the function takes."""
    clock = Clock()
    pace = Pace(5_000, clock=clock)
    function = Lambda(seconds=60)

    function.run(pace, clock, until=0.01)
    assert 100 <= pace.in_flight <= 105
    function.run(pace, clock, until=1)

    assert 550 <= pace.in_flight <= 600


def test_a_thousand_environments_are_created_at_first_then_a_hundred_in_each_second() -> None:
    """These are the limits of Lambda for each function."""
    clock = Clock()
    pace = Pace(5_000, clock=clock)
    function = Lambda(seconds=60)

    function.run(pace, clock, until=20)

    for second in range(20):
        assert sum(start < second for start in function.starts) <= 1_000 + 100 * second
    assert len(function.starts) >= 2_900


def test_an_environment_gets_ten_requests_in_a_second() -> None:
    """A fast function needs more environments than calls in flight: Lambda creates them, too."""
    clock = Clock()
    function = Lambda(seconds=0.001)

    function.run(Pace(5, clock=clock), clock, until=10)

    for second in range(10):
        started = sum(second <= start < second + 1 for start in function.starts)
        environments = 1_000 + 100 * (second + 1)
        assert started <= 11 * environments


def test_no_more_calls_are_in_flight_than_requested() -> None:
    clock = Clock()
    function = Lambda(seconds=0.5)

    function.run(Pace(300, clock=clock), clock, until=5)

    assert function.most_running == 300
    assert function.answered >= 300 * 8


@pytest.mark.parametrize("most", [1, 50, 700])
def test_a_fleet_learns_the_limit_of_a_function(most: int) -> None:
    """Almost all calls are accepted, and almost all of the limit is used."""
    clock = Clock()
    function = Lambda(seconds=0.2, most=most)
    pace = Pace(1_000, clock=clock)

    function.run(pace, clock, until=10)  # it learns
    throttled, answered = function.throttled, function.answered
    function.run(pace, clock, until=70)

    assert function.throttled - throttled < 0.1 * (function.answered - answered)
    assert function.answered - answered > 0.7 * most / 0.2 * 60


def test_lambda_creates_no_environment_for_a_throttled_call() -> None:
    """So a call that starts later needs a new one: at most 100 of them in a second."""
    clock = Clock()
    pace = Pace(3_000, clock=clock)
    clock.now = 10.0  # more than a thousand calls may be in flight
    for _ in range(1_000):
        assert pace.may_start()
        pace.throttled(pace.start())
        pace.end()
        clock.now = 10.0
        pace._pause_end = 0.0

    assert not pace.may_start()


def test_the_limit_does_not_grow_during_a_pause() -> None:
    clock = Clock()
    pace = Pace(100, clock=clock)
    assert pace.may_start()
    pace.throttled(pace.start(), retry_after=50)
    pace.end()
    limit = pace.limit

    clock.now = 49.0

    assert not pace.may_start()
    assert pace.limit == limit


def test_throttled_calls_pause_together() -> None:
    """A hundred refusals are one pause, and not the pauses of a hundred calls."""
    clock = Clock()
    pace = Pace(200, pause=1.0, clock=clock)
    starts = [pace.start() for _ in range(100) if pace.may_start()]

    for start in starts:
        pace.throttled(start)
        pace.end()

    assert not pace.may_start()
    assert pace.wait() <= 1
    clock.now = 1.01
    assert pace.may_start()


def test_pauses_become_longer_while_lambda_throttles() -> None:
    clock = Clock()
    pace = Pace(10, pause=1.0, clock=clock)
    pauses = []
    for _ in range(6):
        assert pace.may_start()
        start = pace.start()
        pace.throttled(start)
        pace.end()
        paused_at = clock.now
        while not pace.may_start():
            clock.now += 0.01
        clock.now += 0.001
        pauses.append(clock.now - paused_at)

    assert all(0.5 * 2**n <= pause <= 2**n + 0.02 for n, pause in enumerate(pauses[:5]))
    assert pauses[5] <= 20.02


def test_lambda_decides_how_long_a_pause_is_at_least() -> None:
    """``Retry-After`` is respected."""
    clock = Clock()
    pace = Pace(10, pause=0.1, clock=clock)
    assert pace.may_start()
    pace.throttled(pace.start(), retry_after=7.0)
    pace.end()

    clock.now = 6.9
    assert not pace.may_start()
    clock.now = 7.0
    assert pace.may_start()


def test_the_fleet_grows_again_after_a_limit_is_raised() -> None:
    clock = Clock()
    function = Lambda(seconds=0.2, most=20)
    pace = Pace(100, clock=clock)
    function.run(pace, clock, until=30)
    assert pace.limit < 30

    function.most = 1_000
    function.run(pace, clock, until=130 + random.Random(1).random())

    assert pace.limit == 100
