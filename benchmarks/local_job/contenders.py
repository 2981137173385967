"""Ways to call a function for each line of a manifest, up to a file of results."""

from __future__ import annotations

import csv
import json
import multiprocessing
import time
from typing import TYPE_CHECKING, Any

from benchmarks.job_functions import handler
from s3batch_handler.core._model import JobRef
from s3batch_handler.documents.files._folder import open_folder
from s3batch_handler.documents.reports._writer import ReportWriter
from s3batch_handler.engine.invoke._worker_pool import WorkerPool
from s3batch_handler.engine.manifests._prepared import prepared_manifest
from s3batch_handler.engine.run._journal import Journal
from s3batch_handler.engine.run._run_job import JobSettings, run_job

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from s3batch_handler.engine.run._run_progress import RunProgress

JOB = {"id": "f3cc4f60-61f6-4a2b-8a21-d07600c373ce"}


def event_for(number: int, row: list[str]) -> dict[str, Any]:
    return {
        "invocationSchemaVersion": "1.0",
        "invocationId": f"invocation-{number}",
        "job": JOB,
        "tasks": [
            {
                "taskId": f"task-{number}",
                "s3BucketArn": f"arn:aws:s3:::{row[0]}",
                "s3Key": row[1],
                "s3VersionId": None,
            }
        ],
    }


def bare_loop(manifest: Path, target: Path) -> None:
    """Process a CSV file in a loop, without JSON, isolation or retries."""
    with manifest.open(newline="") as source, (target / "bare.csv").open("w") as report:
        write = csv.writer(report).writerow
        for number, row in enumerate(csv.reader(source)):
            result = handler(event_for(number, row), None)["results"][0]
            write([*row, "", "succeeded", "200", "", result["resultString"]])


def json_loop(manifest: Path, target: Path) -> None:
    """Process a CSV file in a loop with JSON payloads, as between S3 and Lambda."""
    with manifest.open(newline="") as source, (target / "json.csv").open("w") as report:
        write = csv.writer(report).writerow
        for number, row in enumerate(csv.reader(source)):
            event = json.loads(json.dumps(event_for(number, row)))
            response = json.loads(json.dumps(handler(event, None)))
            write([*row, "", "succeeded", "200", "", response["results"][0]["resultString"]])


def _pool_task(numbered: tuple[int, list[str]]) -> list[str]:
    number, row = numbered
    result = handler(event_for(number, row), None)["results"][0]
    return [*row, "", "succeeded", "200", "", result["resultString"]]


def pool(manifest: Path, target: Path) -> None:
    """Process a CSV file with ``multiprocessing.Pool``, without JSON or time limits."""
    with (
        manifest.open(newline="") as source,
        (target / "pool.csv").open("w") as report,
        multiprocessing.Pool(2) as processes,
    ):
        rows = processes.imap(_pool_task, enumerate(csv.reader(source)), chunksize=1_000)
        csv.writer(report).writerows(rows)


def job(
    manifest: Path,
    target: Path,
    *,
    function: str = "handler",
    workers: int = 2,
    careful: bool = False,
    on_progress: Callable[[RunProgress], None] | None = None,
) -> None:
    """Run a job like ``s3batch run --state``, from its manifest to its report.

    ``careful`` sends each event and each response as JSON.
    """
    job_id = str(time.time_ns())
    with (
        manifest.open("rb") as stream,
        prepared_manifest(stream, source=str(manifest), save_as=target / f"{job_id}.csv") as ready,
        Journal(target / job_id) as journal,
    ):
        result = run_job(
            ready.entries() if careful else ready.lines(),
            WorkerPool(f"benchmarks.job_functions:{function}", workers=workers),
            JobSettings(job=JobRef(id=JOB["id"]), total=ready.count),
            report=ReportWriter(open_folder(target), job_id=job_id),
            journal=journal,
            on_progress=on_progress,
        )
        assert result.progress.succeeded == ready.count


def careful_job(manifest: Path, target: Path) -> None:
    """Run a job on the careful path."""
    job(manifest, target, careful=True)


CONTENDERS = {
    "bare loop": bare_loop,
    "loop through JSON": json_loop,
    "multiprocessing.Pool(2)": pool,
    "s3batch run, careful path": careful_job,
    "s3batch run": job,
}


def write_manifest_of(size: int, folder: Path) -> Path:
    path = folder / f"{size}.csv"
    with path.open("w") as file:
        file.writelines(f"my-photos,photos/2024/trip%20{n % 97}/IMG_{n}.jpg\n" for n in range(size))
    return path
