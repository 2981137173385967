"""How a job ends: cancelled, without a report, or failed by its function, manifest or report."""

from __future__ import annotations

import io
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from typing_extensions import override

from s3batch_handler.core._errors import InvalidFunction, ManifestError, ReportNotWritten
from s3batch_handler.documents.manifests._manifest import ManifestEntry, read_entries
from s3batch_handler.engine.invoke._in_process import InProcess
from s3batch_handler.engine.invoke._worker_pool import WorkerPool
from s3batch_handler.engine.run._run_job import run_job
from s3batch_handler.jobs._status import JobStatus, Progress
from tests.support.job_run import JOB, SUCCEEDS, Rows, function_of, lines, numbered
from tests.support.waiting import wait_for

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from s3batch_handler.documents.reports._rows import TaskStatus
    from tests.support.invoker_calls import Write


def test_keyboard_interrupt_from_on_progress_cancels_the_job(function: Write, report: Rows) -> None:
    """The report has the tasks that were done."""
    spec = function(
        """
        def handler(event, context):
            time.sleep(0.02)
            return answer(event)
        """
    )

    def on_progress(progress: Progress) -> None:
        if progress.done >= 5:
            raise KeyboardInterrupt

    run = run_job(
        numbered(10_000),
        WorkerPool(spec, workers=2),
        JOB,
        report=report,
        on_progress=on_progress,
    )

    assert run.status is JobStatus.CANCELLED
    assert 5 <= run.progress.done == len(report.by_key) < 100
    assert report.is_written


@pytest.mark.parametrize(("task_seconds", "grace", "done"), [(0.2, 60, True), (60, 0.2, False)])
def test_ctrl_c_cancels_the_job(
    function: Write, tmp_path: Path, task_seconds: float, grace: float, done: bool
) -> None:
    """A running task is reported if it ends within the grace period."""
    started = tmp_path / "started"
    spec = function(
        f"""
        def handler(event, context):
            Path({str(started)!r}).write_text(str(os.getpid()))
            time.sleep({task_seconds})
            return answer(event)
        """
    )
    code = f"""
from s3batch_handler.engine.invoke._worker_pool import WorkerPool
from s3batch_handler.engine.run._run_job import JobSettings, run_job
from s3batch_handler.documents.manifests._manifest import ManifestEntry
from s3batch_handler.core._model import JobRef, Outcome, ResultCode
run = run_job(
    (ManifestEntry("b", str(n), None) for n in range(1000)),
    WorkerPool({spec!r}, workers=1, grace={grace}),
    JobSettings(job=JobRef(id="j")),
)
print(run.status, run.progress.done)
"""
    with subprocess.Popen(
        [sys.executable, "-X", "dev", "-c", code],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as job:
        wait_for(lambda: started.exists() and bool(started.read_text()))

        job.send_signal(signal.SIGINT)

        out, err = job.communicate(timeout=40)

    status, count = out.split()
    assert status == "Cancelled"
    assert (int(count) > 0) is done
    assert err == ""
    with pytest.raises(ProcessLookupError):
        os.kill(int(started.read_text()), 0)


def test_ctrl_c_does_not_interrupt_the_report() -> None:
    """The job is over already."""

    class Interrupted(Rows):
        @override
        def write(self, rows: Callable[[TaskStatus], Iterable[bytes]]) -> str:
            signal.raise_signal(signal.SIGINT)
            return super().write(rows)

    report = Interrupted()

    run = run_job(numbered(3), InProcess(SUCCEEDS), JOB, report=report)

    assert (run.status, report.is_written) == (JobStatus.COMPLETE, True)


def test_a_second_ctrl_c_at_once_is_ignored(report: Rows, monkeypatch: pytest.MonkeyPatch) -> None:
    """Shells and tools send the signal again to a process that has already received it."""
    now = time.monotonic()
    monkeypatch.setattr(time, "monotonic", lambda: now)

    def outcome(key: str) -> Any:
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGINT)
        return "Succeeded", ""

    run = run_job(numbered(3), InProcess(function_of(outcome)), JOB, report=report)

    assert (run.status, len(report.rows)) == (JobStatus.CANCELLED, 1)


def test_a_later_second_ctrl_c_interrupts_at_once(
    report: Rows, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No report is written."""

    def outcome(key: str) -> Any:
        signal.raise_signal(signal.SIGINT)
        later = time.monotonic() + 1.1
        monkeypatch.setattr(time, "monotonic", lambda: later)
        signal.raise_signal(signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        run_job(numbered(3), InProcess(function_of(outcome)), JOB, report=report)

    assert not report.is_written
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_an_unreadable_first_entry_raises_manifest_error(function: Write, report: Rows) -> None:
    """Workers end, and no report is written."""
    spec = function("handler = lambda event, context: answer(event)")
    entries = read_entries(io.BytesIO(b"one column\n"), source="m.csv")

    with pytest.raises(ManifestError, match=r"m\.csv, line 1"):
        run_job(entries, WorkerPool(spec, workers=1), JOB, report=report)

    assert not report.is_written
    assert no_children()


def test_an_unreadable_later_entry_fails_the_job(function: Write, report: Rows) -> None:
    """All tasks that have run have a row."""
    spec = function("handler = lambda event, context: answer(event)")

    def entries() -> Iterator[ManifestEntry]:
        yield from numbered(100)
        raise ManifestError("changed", source="m.csv", line=101)

    run = run_job(entries(), WorkerPool(spec, workers=1), JOB, report=report)

    assert (run.status, run.reason) == (JobStatus.FAILED, "m.csv, line 101: changed")
    assert 0 < run.progress.done == len(report.by_key) <= 100
    assert report.is_written
    assert no_children()


def test_a_missing_function_raises_invalid_function(report: Rows) -> None:
    """No report is written."""
    with pytest.raises(InvalidFunction, match="there is no file"):
        run_job(numbered(3), WorkerPool("nowhere.py", workers=2), JOB, report=report)

    assert not report.is_written
    assert report.rows == []
    assert no_children()


def test_a_function_that_cannot_be_loaded_raises_even_if_tasks_failed_before_it(
    report: Rows,
) -> None:
    """Tasks without a version ID fail without the function."""
    entries = [
        ManifestEntry("photos", str(number), "" if number < 3 else "v") for number in range(5)
    ]

    with pytest.raises(InvalidFunction):
        run_job(entries, WorkerPool("no_such_module:handler", workers=1), JOB, report=report)

    assert not report.is_written


def test_a_function_that_cannot_be_loaded_again_fails_the_job(
    function: Write, tmp_path: Path, report: Rows
) -> None:
    """The report has the tasks that have run, and the reason has the error."""
    spec = function(
        f"""
        once = Path({str(tmp_path / "once")!r})
        if once.exists():
            raise RuntimeError("only once")
        once.touch()
        def handler(event, context):
            os._exit(1)
        """
    )

    run = run_job(lines("a", "b", "c"), WorkerPool(spec, workers=1), JOB, report=report)

    assert run.status is JobStatus.FAILED
    assert run.reason is not None
    assert "RuntimeError: only once" in run.reason
    assert list(report.by_key) == ["a"]
    assert report.is_written


def test_a_job_without_tasks_has_no_report(report: Rows) -> None:
    """It is complete immediately, as in AWS."""
    run = run_job([], WorkerPool("nowhere.py"), JOB, report=report)

    assert (run.status, run.progress.total, run.report) == (JobStatus.COMPLETE, 0, None)


def test_a_report_that_cannot_be_written_fails_the_job() -> None:
    """The result still has the counts."""

    class Gone(Rows):
        @override
        def write(self, rows: Callable[[TaskStatus], Iterable[bytes]]) -> str:
            raise OSError("no such bucket")

    report = Gone()

    run = run_job(numbered(3), InProcess(SUCCEEDS), JOB, report=report)

    assert run.status is JobStatus.FAILED
    assert run.reason == "the report could not be written: OSError: no such bucket"
    assert str(run.report_error) == "no such bucket"
    assert (run.progress.succeeded, run.report) == (3, None)


def test_a_report_in_the_fallback_folder_fails_the_job() -> None:
    """The result has the location of the report."""

    class Elsewhere(Rows):
        @override
        def write(self, rows: Callable[[TaskStatus], Iterable[bytes]]) -> str:
            raise ReportNotWritten("no such bucket; it is kept here", kept="here")

    run = run_job(numbered(3), InProcess(SUCCEEDS), JOB, report=Elsewhere())

    assert (run.status, run.report) == (JobStatus.FAILED, "here")
    assert run.reason == "the report could not be written: no such bucket; it is kept here"


def no_children() -> bool:
    """Return whether this process has no child process, not even a zombie."""
    children = Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()
    workers = [
        child
        for child in children
        if b"engine.worker" in Path(f"/proc/{child}/cmdline").read_bytes()
        or Path(f"/proc/{child}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    ]
    return not workers
