"""What a local job costs beside its tasks: CPU time of its process, memory, start."""

from __future__ import annotations

import resource
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Self

from benchmarks import job_functions
from benchmarks.local_job.contenders import job, write_manifest_of
from benchmarks.measure import side_by_side

if TYPE_CHECKING:
    from s3batch_handler.engine.run._run_progress import RunProgress


def parent_microseconds(size: int, function: str) -> float:
    """Return the CPU time for each task in the process of a job that has 16 busy workers."""
    with tempfile.TemporaryDirectory() as target:
        manifest = write_manifest_of(size, Path(target))
        before = resource.getrusage(resource.RUSAGE_SELF)
        job(manifest, Path(target), function=function, workers=16)
        after = resource.getrusage(resource.RUSAGE_SELF)
    seconds = after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime
    return seconds / size * 1e6


def seconds_of_the_others(size: int) -> tuple[float, float]:
    """Return how long all tasks take, and how long all but one slow task take.

    There is one worker more than processors, so that the others have the same processors.
    """

    def measure(*, slow: bool) -> float:
        begin = time.perf_counter()
        end: list[float] = []

        def watch(progress: RunProgress) -> None:
            if progress.succeeded >= size and not end:
                end.append(time.perf_counter())

        with tempfile.TemporaryDirectory() as target:
            manifest = write_manifest_of(size, Path(target))
            if slow:
                lines = manifest.read_text().splitlines(keepends=True)
                lines.insert(1_000, "my-photos,slow\n")
                manifest.write_text("".join(lines))
            begin = time.perf_counter()
            job(manifest, Path(target), function="one_is_slow", workers=3, on_progress=watch)
        return end[0] - begin

    return measure(slow=False), measure(slow=True)


def start_times(rounds: int) -> dict[str, float]:
    """Return the median seconds of a small job, of the help, and of the import of boto3."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "app.py").write_text(Path(job_functions.__file__).read_text(), encoding="utf-8")
        manifest = write_manifest_of(10, folder)
        cli = [sys.executable, "-m", "s3batch_handler.cli"]
        commands = {
            "import boto3": [sys.executable, "-c", "import boto3"],
            "s3batch --help": [*cli, "--help"],
            "s3batch run, 10 objects": [*cli, "run", "app.py:handler", "--manifest", str(manifest)],
        }

        def seconds(command: list[str]) -> float:
            begin = time.perf_counter()
            subprocess.run(command, cwd=folder, check=True, capture_output=True)
            return time.perf_counter() - begin

        measured = side_by_side(
            {name: partial(seconds, command) for name, command in commands.items()},
            rounds=rounds,
        )
    return {name: statistics.median(each) for name, each in measured.items()}


def peak_mib(size: int) -> float:
    """Return the peak memory of a job with all its processes (Linux)."""
    with tempfile.TemporaryDirectory() as target:
        manifest = write_manifest_of(size, Path(target))
        program = (
            "import sys; from pathlib import Path\n"
            "from benchmarks.local_job.contenders import job\n"
            "job(Path(sys.argv[1]), Path(sys.argv[2]))"
        )
        command = [sys.executable, "-c", program, str(manifest), target]
        with subprocess.Popen(command) as process, _PeakMemory(process.pid) as peak:
            process.wait()
        assert process.returncode == 0
    return peak.mib


class _PeakMemory:
    """The peak memory of a process and its children, in MiB. Shared pages count once.

    Two measurements in a row must show it: while a process starts, one of them may count the pages
    that it shares twice.
    """

    def __init__(self, pid: int) -> None:
        self.mib = 0.0
        self._pid = pid
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _watch(self) -> None:
        before = 0.0
        while not self._stop.wait(0.02):
            now = sum(map(_proportional_mib, self._processes()))
            self.mib = max(self.mib, min(before, now))
            before = now

    def _processes(self) -> list[str]:
        children = Path(f"/proc/{self._pid}/task").glob("*/children")
        try:
            return [str(self._pid), *(pid for file in children for pid in file.read_text().split())]
        except OSError:
            return []  # the process has ended


def _proportional_mib(pid: str) -> float:
    try:
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) / 1024
    except OSError:
        pass  # the process has ended
    return 0.0
