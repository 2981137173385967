"""A whole job on this machine: a manifest, a function that does nothing, and a report.

Target: at least as fast as a loop in one process with JSON payloads (goal: 1.5 times), although
the job has worker processes, time limits, retries, AWS's report and a journal that survives
``kill -9``. Memory does not grow with the manifest.
"""

from __future__ import annotations

import csv
import json
import multiprocessing
import sys
import tempfile
import threading
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from benchmarks.measure import exponent, ratio, side_by_side
from benchmarks.noop import handler
from s3batch_handler.core._model import JobRef
from s3batch_handler.documents.files._folder import open_folder
from s3batch_handler.documents.reports._writer import ReportWriter
from s3batch_handler.engine.invoke._worker_pool import WorkerPool
from s3batch_handler.engine.manifests._prepared import prepared_manifest
from s3batch_handler.engine.run._journal import Journal
from s3batch_handler.engine.run._run_job import JobSettings, run_job

if TYPE_CHECKING:
    from collections.abc import Callable

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


def ours(manifest: Path, target: Path) -> None:
    """Run a job like ``s3batch run --state``."""
    job_id = str(time.time_ns())
    with (
        manifest.open("rb") as stream,
        prepared_manifest(stream, source=str(manifest), save_as=target / f"{job_id}.csv") as ready,
        Journal(target / job_id) as journal,
    ):
        run_job(
            ready.lines(),
            WorkerPool("benchmarks.noop:handler", workers=2),
            JobSettings(job=JobRef(id=JOB["id"]), total=ready.count),
            report=ReportWriter(open_folder(target), job_id=job_id),
            journal=journal,
        )


CONTENDERS = {
    "bare loop": bare_loop,
    "loop through JSON": json_loop,
    "multiprocessing.Pool(2)": pool,
    "s3batch run": ours,
}


def write_manifest_of(size: int, folder: Path) -> Path:
    path = folder / f"{size}.csv"
    with path.open("w") as file:
        file.writelines(f"my-photos,photos/2024/trip%20{n % 97}/IMG_{n}.jpg\n" for n in range(size))
    return path


class PeakMemory:
    """The peak memory of this process and its children together, in MiB (Linux)."""

    def __init__(self) -> None:
        self.mib = 0.0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._stop.wait(0.05):
            self.mib = max(self.mib, sum(map(_resident_mib, _process_ids())))


def _process_ids() -> list[str]:
    children = Path("/proc/self/task").glob("*/children")
    return ["self", *(pid for file in children for pid in file.read_text().split())]


def _resident_mib(pid: str) -> float:
    try:
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) / 1024
    except OSError:
        pass  # the process has ended
    return 0.0


def main(*, quick: bool = False) -> None:
    """Print tasks per second for three sizes, then how time and memory grow."""
    sizes = (1_000, 10_000, 100_000) if quick else (10_000, 100_000, 1_000_000)
    times: list[float] = []
    with tempfile.TemporaryDirectory() as name:
        for size in sizes:
            seconds = _race(write_manifest_of(size, Path(name)), rounds=3)
            print(f"\nA job of {size:,} tasks (target: s3batch run at least 1.0x, better 1.5x)\n")
            for title in seconds:
                speed = size / min(seconds[title])
                faster = 1 / ratio(seconds, title, "loop through JSON")
                print(f"{title:25}  {speed:>10,.0f} tasks/s  {faster:>6.2f}x as fast")
            times.append(min(seconds["s3batch run"]))
    print(
        f"\ntime grows with the number of tasks to the power {exponent(sizes[1:], times[1:]):.2f}"
    )
    if sys.platform == "linux":
        _memory((10_000, 100_000) if quick else (100_000, 1_000_000, 10_000_000))


def _race(manifest: Path, *, rounds: int) -> dict[str, list[float]]:
    def timed(contender: Callable[[Path, Path], None]) -> float:
        with tempfile.TemporaryDirectory() as target:
            begin = time.perf_counter()
            contender(manifest, Path(target))
            return time.perf_counter() - begin

    contenders = {title: partial(timed, run) for title, run in CONTENDERS.items()}
    return side_by_side(contenders, rounds=rounds)


def _memory(sizes: tuple[int, ...]) -> None:
    peaks = []
    for size in sizes:
        with tempfile.TemporaryDirectory() as target:
            manifest = write_manifest_of(size, Path(target))
            with PeakMemory() as peak:
                ours(manifest, Path(target))
        peaks.append(peak.mib)
        print(f"{size:>10,} tasks: {peak.mib:.0f} MiB in all processes")
    print(f"memory grows with the number of tasks to the power {exponent(sizes, peaks):.3f}")
