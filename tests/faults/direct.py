"""Call a handler directly, in a fresh process, as a test does.

``python -m tests.faults.direct MODULE FILE KEY...`` calls the handler of the module for each key.
It writes a line to the file before and after each call, each time with a new file descriptor,
because a fault may close all others.

Nothing has Lambda's timeout here. Therefore :func:`call_directly` kills the process when a call
takes longer, and an answer that comes later counts as a timeout.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from importlib import import_module
from typing import TYPE_CHECKING, Any

from s3batch_handler.engine.invoke._function_errors import exit_reason
from s3batch_handler.testing import make_event
from tests.faults.cell import Answer, Observed
from tests.faults.handler import ROOT, TIMEOUT

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


def call_directly(
    module: str, keys: tuple[str, ...], folder: Path, variables: Mapping[str, str]
) -> Observed:
    """Call the handler for all keys. If a process ends, a new one is called for the other keys."""
    observed = Observed()
    while keys:
        lines, end = _run_process(module, keys, folder, variables)
        for line in lines:
            if "seconds" in line:
                observed.add(line["key"], _answer(line))
        last = lines[-1]["key"]
        if "seconds" not in lines[-1]:
            observed.add(last, end)
        keys = keys[keys.index(last) + 1 :]
    return observed


def _run_process(
    module: str, keys: tuple[str, ...], folder: Path, variables: Mapping[str, str]
) -> tuple[list[Any], Answer]:
    """Return the lines that a process has written, and how the process has ended."""
    file = folder / f"direct {len(keys)}"
    file.touch()
    with (folder / "direct.log").open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.faults.direct", module, str(file), *keys],
            cwd=ROOT,
            env={**os.environ, **variables},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    end = Answer("timeout", f"timed out after {TIMEOUT} seconds")
    try:
        while process.poll() is None and not _is_late(_lines(file)):
            time.sleep(0.02)
        if process.returncode is not None:
            end = Answer("exit", exit_reason(process.returncode))
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    lines = _lines(file)
    assert lines, f"the process did not call the handler, see {log.name}"
    return lines, end


def _lines(file: Path) -> list[Any]:
    return [json.loads(line) for line in file.read_text().split("\n")[:-1]]


def _is_late(lines: list[Any]) -> bool:
    return bool(lines) and "began" in lines[-1] and time.monotonic() > lines[-1]["began"] + TIMEOUT


def _answer(line: Any) -> Answer:
    if line["seconds"] > TIMEOUT:
        return Answer(
            "timeout", f"answered after {line['seconds']:.1f} s: timed out after {TIMEOUT}"
        )
    if "error" in line:
        return Answer("error", line["error"])
    (result,) = line["response"]["results"]
    return Answer(result["resultCode"], result["resultString"])


# ---------------------------------------------------------------- the process


class _Context:
    """A context of Lambda whose clock a task cannot replace."""

    def __init__(self, now: Any = time.time) -> None:
        self._now = now
        self._deadline = now() + TIMEOUT

    def get_remaining_time_in_millis(self) -> int:
        return max(0, int((self._deadline - self._now()) * 1000))


def main() -> None:
    module, file, *keys = sys.argv[1:]
    handler = import_module(module).handler
    dumps, now, clock = json.dumps, time.monotonic, time.time  # a fault may replace them

    def write(**line: object) -> None:
        descriptor = os.open(file, os.O_WRONLY | os.O_APPEND)
        os.write(descriptor, f"{dumps(line)}\n".encode())
        os.close(descriptor)

    for key in keys:
        event, context, began = make_event(key), _Context(clock), now()
        write(key=key, began=began)
        answer: dict[str, Any]
        try:
            answer = {"response": handler(event, context)}
        except Exception as error:
            answer = {"error": f"{type(error).__name__}: {error}"}
        write(key=key, seconds=now() - began, **answer)
    os._exit(0)  # a thread of a fault may still be running


if __name__ == "__main__":
    main()
