"""An invocation with ``isolation="process"`` and with the default."""

from __future__ import annotations

import statistics
import timeit
from functools import partial
from typing import Any

from benchmarks.functions import do_nothing
from benchmarks.measure import side_by_side
from benchmarks.runtime.events import ENCODED_KEY, Context
from s3batch_handler import HandlerOptions, Task, task_handler


def is_available() -> bool:
    return "isolation" in HandlerOptions.__annotations__


def isolation(*, quick: bool) -> dict[str, list[float]]:
    """Measure the microseconds of one invocation, and how many more the process takes."""

    def function(task: Task) -> str:
        return do_nothing(task.bucket, task.key)

    isolated: Any = partial(task_handler, isolation="process")()
    context, calls = Context(), 200

    def timed(handler: Any) -> Any:
        # Not the mean: on a busy machine, some calls wait for another process to leave the CPU.
        timer = timeit.Timer(lambda: handler(ENCODED_KEY, context))
        return lambda: statistics.median(timer.repeat(calls, 1)) * 1e6

    contenders = {
        "signal": timed(task_handler(function)),
        "process": timed(isolated(function)),
    }
    side_by_side(contenders, rounds=3)  # warm up
    rows = side_by_side(contenders, rounds=11 if quick else 51)
    pairs = zip(rows["process"], rows["signal"], strict=True)
    return {**rows, "more for a process": [process - signal for process, signal in pairs]}
