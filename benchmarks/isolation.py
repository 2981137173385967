"""Many tasks in a row that end or damage their child process, and what a new process costs.

``python -m benchmarks runtime`` measures what isolation costs otherwise.
"""

from __future__ import annotations

import collections
import contextlib
import logging
import os
import random
import statistics
import time
from typing import TYPE_CHECKING

from s3batch_handler import task_handler
from s3batch_handler.testing import make_context, make_event
from tests.functions.crashing import FAULTS, work

if TYPE_CHECKING:
    from collections.abc import Iterator


def main(*, tasks: int, seed: int) -> None:
    replacement(rounds=30)
    faults(tasks, seed)


def replacement(rounds: int) -> None:
    """Print how long the first task takes after one that ended its process."""
    handler = task_handler(isolation="process")(work)
    seconds = []
    with quiet():
        for _ in range(rounds):
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
