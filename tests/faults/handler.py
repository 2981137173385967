"""The handlers of the matrix: one for each value of ``isolation=``, with every fault."""

from __future__ import annotations

import inspect
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import unquote_plus

from s3batch_handler import task_handler
from tests.faults import crashes, exceptions
from tests.faults.catalog import FAULTS

if TYPE_CHECKING:
    from collections.abc import Callable

    from s3batch_handler import Task
    from tests.faults.fault import Fault, Isolation

TIMEOUT: Final = 6
"""Lambda's timeout of the function, in seconds."""

RESERVE: Final = 4
"""``time_reserve``: a busy machine may need much of it."""

ROOT: Final = Path(__file__).parents[2]
"""The directory from which the module of a handler is imported."""

HEALTHY: Final = "healthy"
"""The end of the keys of tasks without a fault."""

CALLS: Final = "FAULT_CALLS"
"""The environment variable with the path of a file that gets a line for each call of a fault."""

_calls: Final = Path(os.environ.get(CALLS, os.devnull))  # a fault clears the variables
_EVENT_FAULTS: Final = (exceptions.event_of_another_service, exceptions.key_not_in_utf_8)


def handler_with(isolation: Isolation) -> Callable[[Any, Any], Any]:
    """Return a Lambda handler that causes the fault which the key of the task names."""
    options: Any = {"time_reserve": RESERVE}
    if isolation == "process":
        options |= {"isolation": isolation, "isolation_memory": crashes.MEMORY}

    @task_handler(**options)
    def handle(task: Task) -> Any:
        name = _last_part(task.key)
        return f"process {os.getpid()}" if name == HEALTHY else FAULTS[name].cause(task)

    @task_handler(**options)
    async def handle_async(task: Task) -> Any:
        return await FAULTS[_last_part(task.key)].cause(task)

    def handler(event: Any, context: Any) -> Any:
        key = unquote_plus(event["tasks"][0]["s3Key"])
        fault = FAULTS.get(_last_part(key))
        if fault is not None and fault.name == key:
            _note_call()
            if fault.cause in _EVENT_FAULTS:
                fault.cause(event)
        is_async = fault is not None and inspect.iscoroutinefunction(fault.cause)
        return (handle_async if is_async else handle)(event, context)

    return handler


def _last_part(key: str) -> str:
    """Return the name of a fault, or ``HEALTHY``: tasks after the fault have a prefix."""
    return key.rpartition("/")[2]


def _note_call() -> None:
    with _calls.open("a") as file:
        file.write("called\n")


def keys_for(fault: Fault) -> tuple[str, str, str, str]:
    """Return the keys of the tasks of a cell: the second one is the fault."""
    return f"before/{HEALTHY}", fault.name, f"after/{HEALTHY}", "after/sleep"
