"""The process that imports a handler for ``s3batch doctor``, and writes what it found to a file."""

from __future__ import annotations

import json
import math
import os
import signal
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

from s3batch_handler.core._errors import InvalidFunction
from s3batch_handler.core._sanitize import safe_line
from s3batch_handler.engine.invoke._function_loader import load_function, split_spec
from s3batch_handler.engine.invoke._lambda_environment import lambda_variables
from s3batch_handler.handler._task_runner import TaskRunner

if TYPE_CHECKING:
    from s3batch_handler.engine.invoke._function_loader import Function


def main() -> None:
    """Import the handler of the first argument; write JSON to the file of the second.

    The third is a pipe. At its end, which is the end of the parent, this process ends.
    """
    spec, answer, lifeline = sys.argv[1:]
    del sys.argv[1:]
    threading.Thread(target=_end_with, args=(int(lifeline),), daemon=True).start()
    Path(answer).write_text(json.dumps(_describe(spec)), encoding="utf-8")
    os._exit(0)  # threads of the module must not keep the process


def _end_with(pipe: int) -> None:
    os.read(pipe, 1)
    os.killpg(os.getpgrp(), signal.SIGKILL)


def _describe(spec: str) -> dict[str, Any]:
    try:
        os.environ.update(lambda_variables(Path(split_spec(spec)[0]).stem, os.environ))
        function = load_function(spec)
    except InvalidFunction as error:
        return {"error": safe_line(str(error))}
    runner = _runner_of(function)
    if runner is None:
        return {"time_reserve": None, "task_timeout": None}
    limit = runner.task_timeout
    return {
        "time_reserve": runner.time_reserve,
        "task_timeout": None if math.isinf(limit) else limit,
    }


def _runner_of(function: Function) -> TaskRunner | None:
    """Return what runs the tasks of a handler, also below other decorators."""
    runner = getattr(getattr(function, "run", None), "__self__", None)
    return runner if isinstance(runner, TaskRunner) else None
