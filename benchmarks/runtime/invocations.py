"""One invocation in this process, measured as CPU time."""

from __future__ import annotations

import timeit
from importlib import import_module
from time import process_time
from typing import TYPE_CHECKING, Any

from benchmarks.measure import side_by_side
from benchmarks.runtime.events import Context
from benchmarks.runtime.tables import BARE, DATA_CLASS, OURS, PARSER

if TYPE_CHECKING:
    from collections.abc import Callable

FUNCTIONS = {
    BARE: "hand_written",
    "hand-written, time limit": "hand_written_with_time_limit",
    DATA_CLASS: "powertools_data_class",
    PARSER: "powertools_parser",
    OURS: "ours",
}


def load(function: str) -> Callable[[Any, Any], dict[str, Any]]:
    """Import the handler of a measured function."""
    handler: Callable[[Any, Any], dict[str, Any]] = import_module(
        f"benchmarks.functions.{function}"
    ).handler
    return handler


def invocations(event: dict[str, Any], *, quick: bool) -> dict[str, list[float]]:
    """Measure the microseconds of one invocation with each function."""
    handlers = {name: load(function) for name, function in FUNCTIONS.items()}
    context, calls = Context(), 1_000

    def timed(handler: Callable[[Any, Any], dict[str, Any]]) -> Callable[[], float]:
        (result,) = handler(event, context)["results"]
        assert (result["resultCode"], result["resultString"]) == ("Succeeded", "done")
        timer = timeit.Timer(lambda: handler(event, context), timer=process_time)
        return lambda: timer.timeit(calls) / calls * 1e6

    contenders = {name: timed(handler) for name, handler in handlers.items()}
    side_by_side(contenders, rounds=3)  # warm up
    return side_by_side(contenders, rounds=21 if quick else 101)
