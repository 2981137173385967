"""The saved page of a completion report of 10,000,000 rows, beside its summary.

Target: the page takes at most 3 s longer than ``s3batch report summary``, for any size: up to
100,000 rows are read again, to find some of each group of failures. Memory does not grow with the
report.
"""

from __future__ import annotations

import operator
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

from benchmarks.measure import side_by_side
from benchmarks.report_files import write_report

SUMMARY = "s3batch report summary"
PAGE = "s3batch report html"
TARGET = 3.0


class Measured(NamedTuple):
    """The time and the peak memory of a command."""

    seconds: float
    mib: float


def measured(command: str, folder: Path, *options: str) -> Measured:
    """Run a command on a report in a process of its own."""
    words = [*command.split()[1:], str(folder), *options]
    begin = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, "-m", "s3batch_handler.cli", *words], stdout=subprocess.DEVNULL
    )
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"{command} ended with exit code {process.returncode}")
    return Measured(time.perf_counter() - begin, usage.ru_maxrss / 1024)


def main(*, quick: bool = False) -> None:
    """Print time and memory for two sizes of a report, of which 10 % failed."""
    for rows in (100_000, 1_000_000) if quick else (1_000_000, 10_000_000):
        with tempfile.TemporaryDirectory() as name:
            _compare(write_report(Path(name) / "report", rows), Path(name) / "page.html", rows)


def _compare(folder: Path, page: Path, rows: int) -> None:
    peaks: dict[str, float] = {}

    def timed(command: str, *options: str) -> float:
        run = measured(command, folder, *options)
        peaks[command] = max(run.mib, peaks.get(command, 0))
        return run.seconds

    seconds = side_by_side(
        {SUMMARY: lambda: timed(SUMMARY), PAGE: lambda: timed(PAGE, "--to", str(page))}, rounds=3
    )
    print(f"\n{rows:,} rows, page of {page.stat().st_size / 1e3:.0f} kB\n", flush=True)
    for title, times in seconds.items():
        print(f"{title:24}  {min(times):>6.2f} s  {peaks[title]:>4.0f} MiB")
    longer = statistics.median(map(operator.sub, seconds[PAGE], seconds[SUMMARY]))
    print(f"longer by {longer:.2f} s, target at most {TARGET:.0f} s")
