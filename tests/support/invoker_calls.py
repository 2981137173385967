"""Calls of functions in worker processes, for tests of invokers."""

from __future__ import annotations

import json
import textwrap
import time
from collections.abc import Callable, Iterable
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

from s3batch_handler.core._model import Outcome
from s3batch_handler.documents.manifests._manifest import ManifestEntry
from s3batch_handler.engine.invoke._answer import Answer, FunctionError
from s3batch_handler.engine.invoke._events import EventTemplate
from s3batch_handler.engine.invoke._in_process import InProcess
from s3batch_handler.engine.invoke._worker_pool import WorkerPool

if TYPE_CHECKING:
    from s3batch_handler.engine.invoke._invoker import Invoker


Write = Callable[[str], str]


TEMPLATE = EventTemplate("1.0", {"id": "job-1"})


FUNCTION_HEAD = """
import json, os, signal, sys, time
from pathlib import Path

def answer(event, code="Succeeded", text="", **more):
    results = [{"taskId": task["taskId"], "resultCode": code, "resultString": text}
               for task in event["tasks"]]
    return {"invocationSchemaVersion": event["invocationSchemaVersion"],
            "invocationId": event["invocationId"], "results": results, **more}

def key(event):
    return event["tasks"][0]["s3Key"]
"""


def keys(*names: str) -> list[ManifestEntry]:
    return [ManifestEntry("photos", name, None) for name in names]


def invoke(
    invoker: Invoker,
    entries: Iterable[ManifestEntry],
    *,
    template: EventTemplate = TEMPLATE,
) -> dict[str, Answer]:
    with closing(invoker):
        answers = invoker.invoke_all(template, entries, stop=lambda: False)
        return {entry.encoded_key: answer for entry, answer, _ in answers}


def durations(invoker: Invoker, entries: Iterable[ManifestEntry]) -> dict[str, float]:
    """Return the durations of calls, by key; those that are unknown are left out."""
    with closing(invoker):
        answers = invoker.invoke_all(TEMPLATE, entries, stop=lambda: False)
        return {entry.encoded_key: time for entry, _, time in answers if time is not None}


def invoke_here(body: str) -> Answer:
    """Call the function ``handler`` of a module in this process."""
    module: dict[str, Any] = {}
    exec(FUNCTION_HEAD + textwrap.dedent(body), module)
    return invoke(InProcess(module["handler"]), keys("a"))["a"]


def invoke_one(spec: str, **options: Any) -> Answer:
    return invoke(WorkerPool(spec, workers=1, **options), keys("a"))["a"]


def error_of(answer: Answer) -> dict[str, Any]:
    assert isinstance(answer, FunctionError), answer
    payload: dict[str, Any] = json.loads(answer.payload)
    return payload


def text_of(answer: Answer) -> str:
    assert isinstance(answer, Outcome), answer
    return answer.message


def is_gone(pid: int, seconds: float = 30) -> bool:
    """Return whether a process ends in time. A zombie has ended."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except FileNotFoundError:
            return True
        if state == "Z":
            return True
        time.sleep(0.02)
    return False
