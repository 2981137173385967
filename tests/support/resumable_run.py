"""Runs with ``--state`` that are interrupted at a chosen task."""

from __future__ import annotations

import math
import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


TASKS = 500

# Every seventh task fails permanently, every fifth once temporarily. See limit_calls.
APP = """
import os, time
from pathlib import Path

def handler(event, context):
    (task,) = event["tasks"]
    number = int(task["s3Key"])
    time.sleep(0.001)
    while len(os.listdir("calls")) >= float(Path("most").read_text()):
        time.sleep(0.01)
    with Path("calls", task["s3Key"]).open("a") as calls:
        calls.write("x")
        tries = calls.tell()
    code = "Succeeded"
    if number % 7 == 0:
        code = "PermanentFailure"
    elif number % 5 == 0 and tries == 1:
        code = "TemporaryFailure"
    result = {"taskId": task["taskId"], "resultCode": code, "resultString": "done"}
    return {"invocationSchemaVersion": "1.0", "results": [result]}
"""

BEGIN = ("app.py:handler", "--manifest", "manifest.csv", "--state", "state", "--workers", "2")
RESUME = ("--resume", "--state", "state")


def limit_calls(folder: Path, most: float) -> None:
    """Stop the function after about ``most`` tasks, until a later call raises the limit."""
    (folder / "most.new").write_text(str(most))
    (folder / "most.new").replace(folder / "most")


def start(arguments: Sequence[str]) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "s3batch_handler.cli", "run", *arguments, "--json"]
    return subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    )


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    process = start(arguments)
    out, err = process.communicate(timeout=60)
    return subprocess.CompletedProcess(arguments, process.returncode, out, err)


def kill(process: subprocess.Popen[str]) -> None:
    """Kill a run; its workers end by themselves."""
    with suppress(ProcessLookupError):
        os.kill(process.pid, signal.SIGKILL)
    process.communicate(timeout=60)


def count_calls(folder: Path) -> int:
    return sum(1 for _ in (folder / "calls").iterdir())


def wait_for_calls(folder: Path, process: subprocess.Popen[str], count: int) -> None:
    while process.poll() is None and count_calls(folder) < count:
        time.sleep(0.005)


def interrupt_run(folder: Path) -> None:
    """Start a run, and kill it after 200 tasks."""
    limit_calls(folder, 200)
    process = start(BEGIN)
    wait_for_calls(folder, process, 200)
    kill(process)
    limit_calls(folder, math.inf)
