"""Tasks in a child process: what they cost, and many tasks in a row that damage their process.

Target: at most 150 µs more per task than with the time limit alone (median of the wall clock).
"""

from __future__ import annotations

import collections
import contextlib
import logging
import os
import random
import statistics
import time
from typing import TYPE_CHECKING, Any

from s3batch_handler import task_handler
from s3batch_handler.testing import make_context, make_event
from tests.functions.crashing import FAULTS, work

if TYPE_CHECKING:
    from collections.abc import Iterator

TARGET = 150e-6


def main(*, rounds: int, tasks: int, seed: int) -> None:
    cost(rounds)
    replacement(rounds // 100)
    faults(tasks, seed)


def cost(rounds: int) -> None:
    """Print how long an invocation with one task takes, with and without a child process."""
    event, context = make_event("a"), make_context(timeout=3600)
    handlers: dict[str, Any] = {
        "signal": task_handler(isolation="signal")(work),
        "process": task_handler(isolation="process")(work),
    }
    seconds: dict[str, list[float]] = {name: [] for name in handlers}
    for number in range(rounds + 1):
        for name, handler in handlers.items():
            began = time.perf_counter()
            handler(event, context)
            if number:  # the first invocation creates the process
                seconds[name].append(time.perf_counter() - began)
    print("\nOne invocation with one task\n")
    print(f"{'isolation':10} {'median':>9} {'90 %':>9}")
    for name, values in seconds.items():
        median, late = statistics.median(values), statistics.quantiles(values, n=10)[-1]
        print(f"{name:10} {median * 1e6:6.1f} µs {late * 1e6:6.1f} µs")
    pairs = zip(seconds["process"], seconds["signal"], strict=True)
    more = statistics.median(process - signal for process, signal in pairs)
    print(f"more per task: {more * 1e6:.1f} µs (target: at most {TARGET * 1e6:.0f} µs)")


def replacement(rounds: int) -> None:
    """Print how long the first task takes after one that ended its process."""
    handler = task_handler(isolation="process")(work)
    seconds = []
    with quiet():
        for _ in range(max(rounds, 10)):
            handler(make_event("exit_process"), None)
            began = time.perf_counter()
            handler(make_event("a"), None)
            seconds.append(time.perf_counter() - began)
    print(f"\nFirst task in a new process: {statistics.median(seconds) * 1e3:.1f} ms (median)")


def faults(tasks: int, seed: int) -> None:
    """Run tasks with random faults, and print their results."""
    limit, reserve = 0.2, 0.4
    handler = task_handler(isolation="process", task_timeout=limit, time_reserve=reserve)(work)
    chosen = random.Random(seed)
    names = [*FAULTS, *(["a"] * len(FAULTS))]
    results: collections.Counter[tuple[str, str, str]] = collections.Counter()
    longest = 0.0
    with quiet():
        for _ in range(tasks):
            fault = chosen.choice(names)
            began = time.monotonic()
            (result,) = handler(make_event(fault), make_context(timeout=10))["results"]
            longest = max(longest, time.monotonic() - began)
            what = result["resultString"].rpartition(": ")[2]
            results[fault, result["resultCode"], what if what[:1].isalpha() else ""] += 1
    print(f"\n{tasks:,} tasks with random faults (seed {seed})\n")
    for (fault, code, what), count in sorted(results.items()):
        print(f"{count:5} {fault:25} {code:17} {what[:60]}")
    print(f"longest: {longest:.2f} s (time limit {limit} s, reserve {reserve} s)")


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Discard log lines, and what the tasks print."""
    logger = logging.getLogger("s3batch_handler")
    logger.addHandler(handler := logging.NullHandler())
    logger.propagate = False
    streams = [os.dup(stream) for stream in (1, 2)]
    nothing = os.open(os.devnull, os.O_WRONLY)
    for stream in (1, 2):
        os.dup2(nothing, stream)
    try:
        yield
    finally:
        for stream, saved in zip((1, 2), streams, strict=True):
            os.dup2(saved, stream)
            os.close(saved)
        os.close(nothing)
        logger.propagate = True
        logger.removeHandler(handler)
