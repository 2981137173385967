"""Copies in an S3 that is not AWS: jobs with more and more objects at a time, and a thread pool.

The S3 is the object gateway of Ceph on the same processors. The thread pool copies the same objects
with plain boto3, as simple tools do: it has no report, no journal, no retries of its own.
"""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

from benchmarks.measure import print_page, ratio, side_by_side
from benchmarks.runtime.command import machine
from s3batch_handler.engine import Engine
from tests.support.ceph import ceph_gateway
from tests.support.ceph_jobs import Store

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

PAGE = Path(__file__).parents[1] / "docs" / "benchmarks-s3-operations.md"
_ONE_BY_ONE = "job, one object at a time"
_SIZES = (8, 16, 32, 64)
_TARGET = 10.0


def main(*, quick: bool = False, write: bool = False) -> None:
    """Print the page, and write it to docs/benchmarks-s3-operations.md."""
    print_page(_page(quick=quick), write_to=PAGE if write else None)


def _page(*, quick: bool) -> Iterator[str]:
    count, rounds = (100, 1) if quick else (500, 3)
    with ceph_gateway() as ceph:
        store = Store(ceph.client(max_pool_connections=max(_SIZES)))
        lines = store.put_objects(f"{number}.jpg" for number in range(count))
        contenders: dict[str, Callable[[], None]] = {
            # As before: a request that looks up the object, then one that copies it.
            _ONE_BY_ONE: partial(_job, store, lines, 1, existing_s3=False)
        }
        for size in _SIZES:
            contenders[f"job, {size} objects at a time"] = partial(_job, store, lines, size)
            contenders[f"thread pool, {size} threads"] = partial(_pool, store, lines, size)
        cpu: dict[str, list[float]] = {name: [] for name in contenders}
        timed = {name: partial(_timed, run, cpu[name]) for name, run in contenders.items()}
        seconds = side_by_side(timed, rounds=rounds)
    yield from (
        "# Benchmarks of S3's own operations",
        "",
        "`python -m benchmarks s3_operations --write` generates this page; do not edit it. Compare",
        "the ratios, because times depend on the machine and its load. A job copies",
        f"{count} small objects at the object gateway of Ceph, which runs on the same processors.",
        "The thread pool copies them with plain boto3: it reads no manifest, keeps no journal and",
        "writes no report. CPU time is that of the process with the job or the pool.",
        "",
        "| machine | |",
        "|---|---|",
        *(f"| {name} | {value} |" for name, value in machine().items()),
        "",
        "| contender | copies/s | as fast as one at a time | CPU time for each copy |",
        "|---|---|---|---|",
    )
    for name, each in seconds.items():
        faster = 1 / ratio(seconds, name, _ONE_BY_ONE)
        verdict = ""
        if name == "job, 32 objects at a time":
            met = "met" if faster >= _TARGET else "**missed**"
            verdict = f"; target {_TARGET:.0f}x, {met}"
        cost = f"{median(cpu[name]) / count * 1e3:.1f} ms"
        yield f"| {name} | {count / median(each):,.0f} | {faster:.1f}x{verdict} | {cost} |"
    yield from ("", "`s3batch serve` changes 32 objects of a job at a time.")


def _timed(run: Callable[[], None], cpu: list[float]) -> float:
    start, cpu_start = time.perf_counter(), time.process_time()
    run()
    cpu.append(time.process_time() - cpu_start)
    return time.perf_counter() - start


def _job(store: Store, lines: list[str], size: int, *, existing_s3: bool = True) -> None:
    settings: Any = {"s3_concurrency": size, "existing_s3": existing_s3}
    with Engine({}, s3=store.s3, **settings) as engine:
        job = engine.describe_job(engine.create_job(store.spec(store.copying(), lines)))
    if job.progress.succeeded != len(lines):
        raise RuntimeError(f"{job.progress.succeeded} of {len(lines)} objects were copied")


def _pool(store: Store, lines: list[str], size: int) -> None:
    def copy(line: str) -> None:
        bucket, _, key = line.partition(",")
        store.s3.copy_object(
            Bucket=store.copies, Key=key, CopySource={"Bucket": bucket, "Key": key}
        )

    with ThreadPoolExecutor(size) as pool:
        list(pool.map(copy, lines))
