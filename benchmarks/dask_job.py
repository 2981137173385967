"""A job on a Dask cluster of this machine, beside worker processes, plain Dask and Ray.

The clusters run before the clock starts. Plain Dask and Ray call the function for an event of each
task, and the event and the response go through JSON, as between S3 and Lambda. They have no time
limits, isolation, journal or report.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from contextlib import closing, suppress
from functools import partial
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

from distributed import Client, LocalCluster

from benchmarks.job_functions import handler
from benchmarks.measure import print_page, ratio, side_by_side
from benchmarks.runtime.command import machine
from s3batch_handler.core._model import JobRef
from s3batch_handler.core._typing import override
from s3batch_handler.documents.manifests._plain_lines import read_lines
from s3batch_handler.engine.invoke._dask_pool import DaskPool
from s3batch_handler.engine.invoke._worker_pool import WorkerPool
from s3batch_handler.engine.run._run_job import JobSettings, run_job
from s3batch_handler.jobs._status import JobStatus

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from s3batch_handler.engine.invoke._invoker import Invoker

PAGE = Path(__file__).parents[1] / "docs" / "benchmarks-dask.md"
_SPEC = "benchmarks.job_functions:handler"
_PROCESSES = 2
_ALONE = f"{_PROCESSES} worker processes, without Dask"
_ADAPTED = "--dask, chunks of about a second"
_TARGET = 0.7


class _FixedChunks(DaskPool):
    """Chunks of one size."""

    def __init__(self, address: str, size: int) -> None:
        super().__init__(_SPEC, address, timeout=60)
        self._size = size

    @override
    def _adapt(self, count: int, seconds: float) -> None:
        pass


def main(*, quick: bool = False, write: bool = False) -> None:
    """Print the page, and write it to docs/benchmarks-dask.md."""
    print_page(_page(quick=quick), write_to=PAGE if write else None)


def _page(*, quick: bool) -> Iterator[str]:
    count, rounds = (50_000, 1) if quick else (200_000, 3)
    few = count // 200
    yield from (
        "# Benchmarks of jobs on Dask",
        "",
        "`python -m benchmarks dask_job --write` generates this page; do not edit it. Compare the",
        "ratios, because times depend on the machine and its load. Each job calls a function that",
        f"does nothing, {count:,} times in {_PROCESSES} processes; one future for each task is",
        f"measured with {few:,}. The clusters run before the clock starts.",
        "",
        "| machine | |",
        "|---|---|",
        *(f"| {name} | {value} |" for name, value in machine().items()),
        "",
        "| contender | tasks/s | as fast as worker processes alone |",
        "|---|---|---|",
    )
    with tempfile.TemporaryDirectory() as folder, _cluster(folder) as cluster:
        address: str = cluster.scheduler_address
        manifest = _manifest(Path(folder, "manifest.csv"), count)
        alone = partial(WorkerPool, _SPEC, workers=_PROCESSES)
        sizes = {_ALONE: count, _ADAPTED: count}
        contenders: dict[str, Callable[[], float]] = {
            _ALONE: partial(_job, manifest, alone),
            _ADAPTED: partial(_job, manifest, partial(DaskPool, _SPEC, address, timeout=60)),
        }
        for size in (200, 1_000, 5_000):
            name = f"--dask, chunks of {size:,}"
            contenders[name] = partial(_job, manifest, partial(_FixedChunks, address, size))
            sizes[name] = count
        with closing(_client(address)) as client:
            name = "plain Dask, lists of 2,000 keys"
            contenders[name], sizes[name] = partial(_plain_dask, client, count, 2_000), count
            name = "plain Dask, one future for each task"
            contenders[name], sizes[name] = partial(_plain_dask, client, few, 1), few
            for name, size, run in _of_ray(count, few):
                contenders[name], sizes[name] = run, size
            seconds = side_by_side(contenders, rounds=rounds)
    rates = {name: sizes[name] / median(each) for name, each in seconds.items()}
    for name, rate in rates.items():
        faster = 1 / ratio(seconds, name, _ALONE) * sizes[name] / count
        verdict = ""
        if name in (_ADAPTED, "--dask, chunks of 1,000", "--dask, chunks of 5,000"):
            verdict = f"; target {_TARGET}x, {'met' if faster >= _TARGET else '**missed**'}"
        yield f"| {name} | {rate:,.0f} | {faster:.2f}x{verdict} |"
    yield from ("", "Memory of the process of the job:", "", "| tasks | MB |", "|---|---|")
    for size in (20_000, 100_000) if quick else (100_000, 1_000_000, 10_000_000):
        yield f"| {size:,} | {_memory(size):,.0f} |"


def _client(address: str) -> Any:
    return Client(address, set_as_default=False)  # type: ignore[no-untyped-call]


def _cluster(folder: str) -> Any:
    return LocalCluster(  # type: ignore[no-untyped-call]
        n_workers=_PROCESSES,
        threads_per_worker=1,
        memory_limit=0,
        dashboard_address="127.0.0.1:0",
        scheduler_kwargs={"dashboard": False},
        local_directory=folder,
    )


def _manifest(path: Path, count: int) -> Path:
    with path.open("w") as file:
        file.writelines(f"photos,2026/{number:09}.jpg\n" for number in range(count))
    return path


def _job(manifest: Path, invoker: Callable[[], Invoker]) -> float:
    start = time.perf_counter()
    with manifest.open("rb") as stream:
        job = run_job(read_lines(stream), invoker(), JobSettings(job=JobRef(id="job")))
    assert job.status is JobStatus.COMPLETE, job.reason
    return time.perf_counter() - start


def _run_batch(keys: Sequence[str]) -> list[str]:
    return [_answer(key) for key in keys]


def _answer(key: str) -> str:
    task = {"taskId": "task", "s3Key": key, "s3BucketArn": "arn:aws:s3:::photos"}
    event = {"invocationSchemaVersion": "1.0", "invocationId": "id", "tasks": [task]}
    response = json.loads(json.dumps(handler(json.loads(json.dumps(event)), None)))
    (result,) = response["results"]
    return f"{result['resultCode']} {result['resultString']}"


def _batches(count: int, size: int) -> list[list[str]]:
    keys = [f"2026/{number:09}.jpg" for number in range(count)]
    return [keys[start : start + size] for start in range(0, count, size)]


def _plain_dask(client: Any, count: int, size: int) -> float:
    batches = _batches(count, size)
    start = time.perf_counter()
    answers = client.gather(client.map(_run_batch, batches, pure=False))
    assert sum(map(len, answers)) == count
    return time.perf_counter() - start


def _of_ray(count: int, few: int) -> Iterator[tuple[str, int, Callable[[], float]]]:
    """Yield the contenders with Ray, if it is installed."""
    with suppress(ImportError):
        import ray  # type: ignore[import-not-found]

        ray.init(num_cpus=_PROCESSES, include_dashboard=False, log_to_driver=False)
        run_batch = ray.remote(_run_batch)

        def run(total: int, size: int) -> float:
            batches = _batches(total, size)
            start = time.perf_counter()
            answers = ray.get([run_batch.remote(each) for each in batches])
            assert sum(map(len, answers)) == total
            return time.perf_counter() - start

        yield "Ray, lists of 2,000 keys", count, partial(run, count, 2_000)
        yield "Ray, one task for each object", few, partial(run, few, 1)


_OF_ONE_JOB = """
import re, sys
from functools import partial
from pathlib import Path
from benchmarks import dask_job

if __name__ == "__main__":
    pool = partial(dask_job.DaskPool, dask_job._SPEC, "local:2", timeout=60)
    dask_job._job(Path(sys.argv[1]), pool)
    # Not ru_maxrss, which begins with the memory of the parent.
    peak = re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())
    print(int(peak[1]) / 1024)
"""


def _memory(count: int) -> float:
    """Return the most memory of a process that runs a job, in MB."""
    with tempfile.TemporaryDirectory() as folder:
        manifest = _manifest(Path(folder, "manifest.csv"), count)
        script = Path(folder, "job.py")  # the workers of a local cluster import it again
        script.write_text(_OF_ONE_JOB)
        command = [sys.executable, str(script), str(manifest)]
        here = str(Path(__file__).parents[1])
        done = subprocess.run(
            command, check=True, capture_output=True, text=True, env={"PYTHONPATH": here}
        )
    return float(done.stdout)
