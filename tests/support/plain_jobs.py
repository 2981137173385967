"""Jobs over plain lines in worker processes, and the same jobs on the careful path."""

from __future__ import annotations

import io
from dataclasses import replace
from typing import TYPE_CHECKING

from s3batch_handler.documents.manifests._manifest import read_entries
from s3batch_handler.documents.manifests._plain_lines import read_lines
from s3batch_handler.documents.reports._rows import TaskStatus
from s3batch_handler.engine.invoke._worker_pool import WorkerPool
from s3batch_handler.engine.run._run_job import run_job
from s3batch_handler.jobs._failure_threshold import FailureThreshold
from tests.support.job_run import JOB

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable

    from s3batch_handler.engine.run._ledger import JobResult

ANY_FAILURES = replace(JOB, threshold=FailureThreshold(count=10**9), max_redrives=1)


class RawRows:
    """The rows of a report, byte for byte."""

    statuses: Collection[TaskStatus] = tuple(TaskStatus)

    def __init__(self) -> None:
        self.rows = b""

    def write(self, rows: Callable[[TaskStatus], Iterable[bytes]]) -> str:
        self.rows = b"".join(chunk for status in self.statuses for chunk in rows(status))
        return "here"

    @property
    def lines(self) -> list[bytes]:
        return self.rows.split(b"\r\n")[:-1]

    @property
    def keys(self) -> list[str]:
        """The key of each row; keys without quotes only."""
        return [line.split(b",")[1].decode() for line in self.lines]

    def message(self, key: str) -> str:
        (found,) = [line for line in self.lines if line.split(b",")[1] == key.encode()]
        return found.split(b",", 6)[6].decode()


def manifest_of(keys: Iterable[str]) -> bytes:
    return "".join(f"photos,{key}\n" for key in keys).encode()


def run_lines(
    spec: str,
    manifest: bytes,
    *,
    careful: bool = False,
    workers: int = 2,
    timeout: float = 60,
) -> tuple[RawRows, JobResult]:
    """Run a job over a manifest, on the careful path if this is requested."""
    report = RawRows()
    stream = io.BytesIO(manifest)
    tasks = read_entries(stream) if careful else read_lines(stream)
    pool = WorkerPool(spec, workers=workers, timeout=timeout)
    return report, run_job(tasks, pool, ANY_FAILURES, report=report)
