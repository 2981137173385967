"""Memory: of a warm function in the emulator, and its growth in a process (Linux)."""

from __future__ import annotations

import json
import subprocess
import sys
from functools import partial

from benchmarks.measure import side_by_side
from benchmarks.runtime.cold_starts import FUNCTIONS
from benchmarks.runtime.emulator import ROOT, Emulator
from benchmarks.runtime.events import ENCODED_KEY

PROGRAM = """
import json, sys
from benchmarks.runtime.events import ENCODED_KEY, Context
from benchmarks.runtime.resident_memory import resident_mib
from s3batch_handler import Task, task_handler

@task_handler
def handler(task: Task) -> str:
    if "fails" in task.key:
        raise RuntimeError(f"cannot process {task.key}")
    return task.key

(template,) = ENCODED_KEY["tasks"]
text = json.dumps(ENCODED_KEY)
context, memory = Context(), []
for number in range(1, int(sys.argv[1]) + 1):
    event = json.loads(text.replace("IMG", f"{sys.argv[2]}{number}").replace("AAAAG", str(number)))
    json.dumps(handler(event, context))
    if number in (1_000, int(sys.argv[1])):
        memory.append(resident_mib())
print(json.dumps(memory))
"""


def warm_functions(*, quick: bool) -> dict[str, list[float]]:
    """Measure the MiB of each function after 1,000 invocations."""
    contenders = {
        name: partial(_warm_mib, f"benchmarks.functions.{function}.handler")
        for name, function in FUNCTIONS.items()
    }
    return side_by_side(contenders, rounds=1 if quick else 3)


def _warm_mib(handler: str) -> float:
    with Emulator(handler) as emulator:
        for _ in range(1_000):
            emulator.invoke(ENCODED_KEY)
        return emulator.resident_mib()


def growth(*, quick: bool) -> dict[str, list[float]]:
    """Measure the MiB of one process after 1,000 invocations, and after many more."""
    cases = (("succeeds", "tasks that succeed", 100_000), ("fails", "tasks that fail", 10_000))
    rows = {}
    for key, which, calls in cases:
        output = subprocess.run(
            [sys.executable, "-c", PROGRAM, str(calls), key],
            cwd=ROOT,
            check=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,  # the logs of the function
        ).stdout
        early, late = json.loads(output)
        rows[f"after 1,000 invocations, {which}"] = [early]
        rows[f"after {calls:,} invocations, {which}"] = [late]
        rows[f"growth, {which}"] = [late - early]
    return rows
