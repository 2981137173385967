"""Entries, functions and reports for tests of run_job."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator
from typing import Any

from s3batch_handler.core._model import JobRef
from s3batch_handler.documents.manifests._manifest import ManifestEntry
from s3batch_handler.documents.reports._rows import TaskStatus
from s3batch_handler.engine.run._run_job import JobSettings

Row = tuple[ManifestEntry, TaskStatus, int, str, str]


Function = Callable[[Any, Any], Any]


JOB = JobSettings(job=JobRef(id="job-1"))


class Rows:
    """A report in memory."""

    statuses: Collection[TaskStatus] = tuple(TaskStatus)

    def __init__(self) -> None:
        self.rows: list[Row] = []
        self.is_written = False

    def write(self, rows: Callable[[TaskStatus], Iterable[bytes]]) -> str:
        for status in self.statuses:
            lines = io.StringIO(b"".join(rows(status)).decode(), newline="")
            for bucket, key, version, result, http_status, error_code, message in csv.reader(lines):
                assert result == status
                version_id = {"": None, r"\N": ""}.get(version, version)
                entry = ManifestEntry(bucket, key, version_id)
                self.rows.append((entry, status, int(http_status), error_code, message))
        self.is_written = True
        return "here"

    @property
    def by_key(self) -> dict[str, tuple[str, int, str, str]]:
        assert len({row[0] for row in self.rows}) == len(self.rows)
        return {row[0].encoded_key: row[1:] for row in self.rows}


def lines(*keys: str) -> list[ManifestEntry]:
    return [ManifestEntry("photos", key, None) for key in keys]


def numbered(count: int) -> Iterator[ManifestEntry]:
    return (ManifestEntry("photos", str(number), None) for number in range(count))


def function_of(outcome: Callable[[str], tuple[str, str] | Any]) -> Function:
    """Return a Lambda function that returns an outcome for each key."""

    def function(event: dict[str, Any], _context: object) -> Any:
        (task,) = event["tasks"]
        result = outcome(task["s3Key"])
        if not isinstance(result, tuple):
            return result
        code, text = result
        return {
            "invocationSchemaVersion": event["invocationSchemaVersion"],
            "invocationId": event["invocationId"],
            "results": [{"taskId": task["taskId"], "resultCode": code, "resultString": text}],
        }

    return function


SUCCEEDS = function_of(lambda key: ("Succeeded", key))


class Crash(BaseException):
    """Ends a run as abruptly as possible within a process."""


class ScriptedFunction:
    """Returns the codes of its script, one for each try of a key. Crashes after some calls."""

    def __init__(self, script: dict[str, list[str]]) -> None:
        self.script = script
        self.tries: Counter[str] = Counter()
        self.calls_left = -1

    def __call__(self, event: Any, context: object) -> Any:
        if self.calls_left == 0:
            raise Crash
        self.calls_left -= 1
        (task,) = event["tasks"]
        key = task["s3Key"]
        codes = self.script.get(key, ["Succeeded"])
        code = codes[min(self.tries[key], len(codes) - 1)]
        self.tries[key] += 1
        result = {"taskId": task["taskId"], "resultCode": code, "resultString": f"{key} is {code}"}
        return {"invocationSchemaVersion": "1.0", "results": [result]}
