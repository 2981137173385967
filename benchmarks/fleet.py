"""A fleet of Lambda functions: how fast one process calls them, by a thread for each call and not.

A stand-in server on the same machine answers each call after 0.1 seconds, as a function would do.
Its CPU time does not count, but it needs the same processors. Targets: at least 2,500 calls/s from
300 to 2,000 calls in flight, and the same CPU time of the process for each call.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import time
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING

from s3batch_handler.core._model import Outcome
from s3batch_handler.documents.manifests._manifest import ManifestEntry
from s3batch_handler.engine.invoke._events import EventTemplate
from s3batch_handler.engine.invoke._lambda_fleet import LambdaFleet
from s3batch_handler.engine.invoke._target import remote_function

if TYPE_CHECKING:
    from collections.abc import Iterator

    from s3batch_handler.engine.invoke._invoker import Invoker

ARN = "arn:aws:lambda:us-east-1:123456789012:function:resize"
VARIABLES = {
    "AWS_ACCESS_KEY_ID": "testing",
    "AWS_SECRET_ACCESS_KEY": "testing",
    "AWS_EC2_METADATA_DISABLED": "true",
}


def main(*, quick: bool = False) -> None:
    """Print the table."""
    for row in rows(quick=quick):
        print(row, flush=True)


def rows(*, quick: bool) -> Iterator[str]:
    """Measure both ways side by side, in one run; yield the rows of a table."""
    yield "| in flight | a thread for each call | a fleet | the server | target of the fleet |"
    yield "|---|---|---|---|---|"
    for size in (100, 500) if quick else (100, 300, 500, 1_000, 2_000):
        before = _cpu_seconds(resource.RUSAGE_CHILDREN)
        with stand_in(seconds=0.1) as url:
            os.environ.update(VARIABLES, AWS_ENDPOINT_URL_LAMBDA=url)
            threads, _ = measured(remote_function(ARN, workers=size), size, quick=quick)
            fleet, speed = measured(fleet_of(size), size, quick=quick)
        server = _cpu_seconds(resource.RUSAGE_CHILDREN) - before
        server_each = f"{server / calls_for(size, quick=quick) / 2 * 1e3:.2f} ms CPU"
        met = "met" if speed >= _TARGET else "**missed**"
        target = f"{_TARGET:,}/s, {met}" if size >= _TARGET_FROM else ""
        yield f"| {size:,} | {threads} | {fleet} | {server_each} | {target} |"


_TARGET = 2_500  # calls per second
_TARGET_FROM = 300  # calls in flight


def fleet_of(size: int) -> LambdaFleet:
    return LambdaFleet(ARN, region="us-east-1", concurrency=size, read_timeout=60)


def calls_for(size: int, *, quick: bool) -> int:
    """Return the number of calls of one measurement."""
    return 4_000 if quick else 12_000 + 6 * size


def measured(invoker: Invoker, size: int, *, quick: bool) -> tuple[str, float]:
    """Return calls per second and the CPU time of a call as text, and the first as a number.

    What happens before every call has its connection is not measured.
    """
    calls = calls_for(size, quick=quick)
    first = min(4 * size, calls // 3)
    entries = (ManifestEntry("photos", f"2024/{n}.jpg", None) for n in range(calls))
    template = EventTemplate("1.0", {"id": "job-1"})
    begin, cpu = time.perf_counter(), _cpu_seconds()
    with closing(invoker):
        answers = invoker.invoke_all(template, entries, stop=lambda: False)
        for count, (_, answer, _) in enumerate(answers, 1):
            assert isinstance(answer, Outcome), answer
            if count == first:
                begin, cpu = time.perf_counter(), _cpu_seconds()
    seconds, cpu = time.perf_counter() - begin, _cpu_seconds() - cpu
    calls -= first
    return f"{calls / seconds:,.0f}/s, {cpu / calls * 1e3:.2f} ms CPU", calls / seconds


def _cpu_seconds(whose: int = resource.RUSAGE_SELF) -> float:
    used = resource.getrusage(whose)
    return used.ru_utime + used.ru_stime


@contextmanager
def stand_in(*, seconds: float) -> Iterator[str]:
    """Start the server; its functions take some seconds."""
    command = [sys.executable, "-m", "benchmarks.stand_in_server", str(seconds)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as server:
        assert server.stdin is not None
        assert server.stdout is not None
        try:
            yield f"http://127.0.0.1:{json.loads(server.stdout.readline())}"
        finally:
            server.stdin.close()
