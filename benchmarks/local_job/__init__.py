"""A whole job on this machine: a manifest, a function that does nothing, and a report.

The contenders run in turn in each round; a ratio is the median of the ratios of all rounds.
"""

from __future__ import annotations

import sys
import tempfile
import time
from functools import partial
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

from benchmarks import fleet
from benchmarks.local_job.contenders import CONTENDERS, write_manifest_of
from benchmarks.local_job.processes import (
    parent_microseconds,
    peak_mib,
    seconds_of_the_others,
    start_times,
)
from benchmarks.measure import exponent, print_page, ratio, side_by_side
from benchmarks.runtime.command import machine

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

PAGE = Path(__file__).parents[2] / "docs" / "benchmarks-local-jobs.md"
TARGETS = {10_000: 1.0, 200_000: 2.5, 1_000_000: 3.0}
"""How many times as fast as a loop through JSON a job of so many lines has to be."""


def main(*, quick: bool = False, write: bool = False) -> None:
    """Print the tables, and write them to docs/benchmarks-local-jobs.md."""
    print_page(_page(quick=quick), write_to=PAGE if write else None)


def _page(*, quick: bool) -> Iterator[str]:
    yield from (
        "# Benchmarks of local jobs",
        "",
        "`python -m benchmarks local_job --write` generates this page; do not edit it. Compare the",
        "ratios, because times depend on the machine and its load. The function does nothing.",
        "A job prepares its manifest, runs two worker processes, keeps a journal that survives",
        "`kill -9`, and writes AWS's report. [The data path](data-path.md) explains how.",
        "",
        "| machine | |",
        "|---|---|",
        *(f"| {name} | {value} |" for name, value in machine().items()),
    )
    yield from _speed((10_000, 100_000) if quick else (*TARGETS,), rounds=1 if quick else 3)
    yield from _small(rounds=3 if quick else 15)
    yield from _parent(20_000 if quick else 1_000_000, rounds=1 if quick else 3)
    yield from _slow_task(20_000 if quick else 400_000)
    yield from _fleet(quick=quick)
    if sys.platform == "linux":
        yield from _memory((20_000, 50_000) if quick else (20_000, 200_000, 1_000_000, 10_000_000))


def _speed(sizes: tuple[int, ...], *, rounds: int) -> Iterator[str]:
    yield from ("", "## Speed", "", "| lines | contender | tasks/s | as fast as the JSON loop |")
    yield "|---|---|---|---|"
    times = []
    with tempfile.TemporaryDirectory() as name:
        for size in sizes:
            seconds = _race(write_manifest_of(size, Path(name)), rounds=rounds)
            for title, each in seconds.items():
                faster = 1 / ratio(seconds, title, "loop through JSON")
                verdict = ""
                if title == "s3batch run" and size in TARGETS:
                    met = "met" if faster >= TARGETS[size] else "**missed**"
                    verdict = f"; target {TARGETS[size]}x, {met}"
                yield f"| {size:,} | {title} | {size / min(each):,.0f} | {faster:.2f}x{verdict} |"
            times.append(min(seconds["s3batch run"]))
    growth = exponent(sizes[-2:], times[-2:])
    yield from ("", f"Time grows with the number of tasks to the power {growth:.2f}.")


def _race(manifest: Path, *, rounds: int) -> dict[str, list[float]]:
    def timed(contender: Callable[[Path, Path], None]) -> float:
        with tempfile.TemporaryDirectory() as target:
            begin = time.perf_counter()
            contender(manifest, Path(target))
            return time.perf_counter() - begin

    contenders = {title: partial(timed, run) for title, run in CONTENDERS.items()}
    return side_by_side(contenders, rounds=rounds)


def _small(*, rounds: int) -> Iterator[str]:
    times = start_times(rounds)
    scale = times["import boto3"] / 0.16
    limits = {"s3batch --help": 0.25, "s3batch run, 10 objects": 0.35}
    yield from ("", "## Start", "", "| command | seconds | at most |", "|---|---|---|")
    for name, seconds in times.items():
        limit = limits.get(name)
        target = "" if limit is None else f"{limit * scale:.2f}, {_met(seconds <= limit * scale)}"
        yield f"| {name} | {seconds:.2f} | {target} |"
    yield from (
        "",
        "The limits are 0.25 s and 0.35 s where the import of boto3 takes 0.16 s.",
    )


def _met(is_met: bool) -> str:
    return "met" if is_met else "**missed**"


def _parent(size: int, *, rounds: int) -> Iterator[str]:
    yield from (
        "",
        "## Ceiling",
        "",
        f"The CPU time of the process of a job with {size:,} tasks and 16 workers limits the",
        "tasks/s on any number of processors. Batches are smaller if calls take longer.",
        "",
        f"| each call waits | CPU time for each task (median of {rounds}) | ceiling |",
        "|---|---|---|",
    )
    for microseconds in (25, 100):
        function = f"waits_{microseconds}"
        each = median(parent_microseconds(size, function) for _ in range(rounds))
        target = f"target: 1.6 µs, {_met(each <= 1.6)}"
        yield f"| {microseconds} µs | {each:.2f} µs; {target} | {1e6 / each:,.0f} tasks/s |"


def _slow_task(size: int) -> Iterator[str]:
    without, beside = seconds_of_the_others(size)
    yield from (
        "",
        "## One slow task",
        "",
        f"{size:,} tasks take {without:.2f} s in three workers. Beside one more task that waits",
        f"3 s, they take {beside:.2f} s.",
    )


def _fleet(*, quick: bool) -> Iterator[str]:
    yield from (
        "",
        "## A fleet in Lambda",
        "",
        "A stand-in server on the same processors answers each call after 0.1 s. The CPU time of a",
        "call is that of the process that calls it, and that of the server in the fourth column.",
        "",
        *fleet.rows(quick=quick),
    )


def _memory(sizes: tuple[int, ...]) -> Iterator[str]:
    yield from ("", "## Memory", "", "| lines | peak of all processes (MiB) |", "|---|---|")
    peaks = []
    for size in sizes:
        peaks.append(peak_mib(size))
        yield f"| {size:,} | {peaks[-1]:.0f} |"
    growth = max(peaks) / peaks[0] - 1
    yield from ("", f"It grows by {growth:.0%} (target: 10 %, {_met(growth <= 0.1)}).")
