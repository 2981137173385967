"""Jobs on a Dask cluster have the same rows as in worker processes, whatever the function does."""

from __future__ import annotations

import io
import os
import re
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from s3batch_handler.core._errors import InvalidFunction
from s3batch_handler.documents.manifests._plain_lines import read_lines
from s3batch_handler.engine.invoke._dask_pool import DaskPool
from s3batch_handler.engine.run._cancellation import RunControl
from s3batch_handler.engine.run._journal import Journal
from s3batch_handler.engine.run._run_job import run_job
from s3batch_handler.jobs._status import JobStatus
from tests.support.dask_processes import DaskProcesses, dask_processes
from tests.support.plain_jobs import ANY_FAILURES, RawRows, manifest_of, run_lines
from tests.support.processes import is_running
from tests.support.waiting import wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.support.invoker_calls import Write

pytestmark = pytest.mark.slow

EVERYTHING = """
def handler(event, context):
    number = int(key(event).removeprefix("k").split("%")[0])
    if number % 50 == 7:
        os.kill(os.getpid(), signal.SIGKILL)
    if number % 50 == 8:
        sys.exit(3)
    if number % 50 == 9:
        raise ValueError(f"no {number}")
    if number % 50 == 10:
        return answer(event, "PermanentFailure", 'a "quoted", message')
    if number % 50 == 11:
        return answer(event, "TemporaryFailure", "later")
    if number % 50 == 12:
        return {"nothing": 1}
    if number % 50 == 13:
        return answer(event, text='with, commas and "quotes"')
    return answer(event, text=f"done é {number}")
"""


@pytest.fixture
def dask(tmp_path: Path) -> Iterator[DaskProcesses]:
    with dask_processes(tmp_path) as processes:
        yield processes


def run_on(
    address: str, spec: str, manifest: bytes, *, timeout: float = 60, upload: bool = False
) -> RawRows:
    report = RawRows()
    pool = DaskPool(spec, address, timeout=timeout, upload=upload)
    result = run_job(read_lines(io.BytesIO(manifest)), pool, ANY_FAILURES, report=report)
    assert result.status is JobStatus.COMPLETE, result.reason
    return report


def without_ids(rows: RawRows) -> list[str]:
    """Return the rows in order, without the request IDs of errors."""
    return sorted(re.sub("[0-9a-f]{8}(-[0-9a-f]+){4}", "ID", line.decode()) for line in rows.lines)


def test_a_job_on_dask_has_the_rows_of_a_job_in_worker_processes(function: Write) -> None:
    """With crashes, exits, exceptions, retries, odd responses, and lines that are not plain."""
    spec = function(EVERYTHING)
    plain = manifest_of(f"k{number}" for number in range(300))
    manifest = plain + b'"photos","k300%2Fa"\nphotos,k301%E2%82%AC\n' + manifest_of(["k302"])

    there = run_on("local:2", spec, manifest)
    here, _ = run_lines(spec, manifest)

    assert without_ids(there) == without_ids(here)
    assert len(there.lines) == 303


def test_each_task_has_its_own_time_limit(function: Write) -> None:
    spec = function(
        """
        def handler(event, context):
            if key(event) == "k5":
                time.sleep(100)
            return answer(event)
        """
    )

    rows = run_on("local:1", spec, manifest_of(f"k{n}" for n in range(40)), timeout=1)

    assert "Task timed out after 1" in rows.message("k5")
    assert sum(b"succeeded" in line for line in rows.lines) == 39


def test_a_function_that_cannot_be_loaded_is_one_clear_error(function: Write) -> None:
    spec = function("import nonsense_that_is_missing\n")

    with pytest.raises(InvalidFunction, match="nonsense_that_is_missing"):
        run_on("local:1", spec, manifest_of("abc"))


# ---------------------------------------------------------------- workers that end

KILLS_ITS_DASK_WORKER = """
def handler(event, context):
    if key(event) == "k37":
        os.kill(os.getppid(), signal.SIGKILL)
        time.sleep(60)
    return answer(event)
"""


def test_a_task_that_kills_dask_workers_is_the_only_one_that_fails(
    function: Write, dask: DaskProcesses
) -> None:
    """Chunks that were lost with the workers run alone, and are divided until one task is left."""
    dask.scheduler(allowed_failures=0)
    for _ in range(2):
        dask.worker()

    rows = run_on(
        dask.address, function(KILLS_ITS_DASK_WORKER), manifest_of(f"k{n}" for n in range(60))
    )

    assert sorted(rows.keys) == sorted(f"k{n}" for n in range(60))
    assert "Runtime exited with error: signal: killed" in rows.message("k37")
    assert sum(b",succeeded," in line for line in rows.lines) == 59


def test_the_chunks_of_a_killed_dask_worker_are_run_elsewhere(
    function: Write, dask: DaskProcesses, tmp_path: Path
) -> None:
    """A task may run twice, but is in the report once."""
    spec = function(
        f"""
        def handler(event, context):
            Path(f"{tmp_path}/parent-{{os.getppid()}}").touch()
            time.sleep(0.002)
            return answer(event)
        """
    )
    dask.scheduler()
    for _ in range(2):
        dask.worker()
    report = RawRows()
    killed: list[int] = []

    def kill_once(progress: object) -> None:
        if not killed and getattr(progress, "succeeded", 0) > 200:
            parent = next(tmp_path.glob("parent-*")).name.removeprefix("parent-")
            killed.append(int(parent))
            os.kill(killed[0], 9)

    result = run_job(
        read_lines(io.BytesIO(manifest_of(f"k{n}" for n in range(2000)))),
        DaskPool(spec, dask.address, timeout=60),
        ANY_FAILURES,
        report=report,
        on_progress=kill_once,
    )

    assert killed
    assert result.status is JobStatus.COMPLETE
    assert sorted(report.keys) == sorted(f"k{n}" for n in range(2000))
    assert result.progress.failed == 0


def test_the_processes_of_a_job_end_with_it(
    function: Write, dask: DaskProcesses, tmp_path: Path
) -> None:
    spec = function(
        f"""
        Path("{tmp_path}", f"pid-{{os.getpid()}}").touch()

        def handler(event, context):
            return answer(event)
        """
    )
    dask.scheduler()
    dask.worker()

    run_on(dask.address, spec, manifest_of("abc"))

    pids = [each.name.removeprefix("pid-") for each in tmp_path.glob("pid-*")]
    assert pids
    wait_for(lambda: not any(map(is_running, pids)))


# ---------------------------------------------------------------- stop

BLOCKING = """
def handler(event, context):
    Path("{folder}", key(event)).touch()
    while not Path("{folder}/go").exists() and int(key(event)[1:]) > 5:
        time.sleep(0.01)
    return answer(event)
"""


@pytest.mark.parametrize("requested", [JobStatus.CANCELLED, JobStatus.PAUSED])
def test_a_job_stops_in_the_middle(function: Write, tmp_path: Path, requested: JobStatus) -> None:
    """Running tasks have a short time; all others are not run. A paused job continues."""
    spec = function(BLOCKING.replace("{folder}", str(tmp_path)))
    manifest = manifest_of(f"k{n}" for n in range(100))
    control = RunControl()

    def stop_when_blocked(_: object) -> None:
        if (tmp_path / "k6").exists():
            control.cancel() if requested is JobStatus.CANCELLED else control.pause()

    report = RawRows()
    with Journal(tmp_path / "journal") as journal:
        stopped = run_job(
            read_lines(io.BytesIO(manifest)),
            DaskPool(spec, "local:2", timeout=60),
            ANY_FAILURES,
            report=report,
            journal=journal,
            control=control,
            on_progress=stop_when_blocked,
        )
        assert stopped.status is requested
        assert stopped.progress.succeeded < 100
        if requested is JobStatus.PAUSED:
            (tmp_path / "go").touch()
            ended = run_job(
                read_lines(io.BytesIO(manifest)),
                DaskPool(spec, "local:2", timeout=60),
                ANY_FAILURES,
                report=report,
                journal=journal,
            )
            assert ended.status is JobStatus.COMPLETE
            assert sorted(report.keys) == sorted(f"k{n}" for n in range(100))


# ---------------------------------------------------------------- the scheduler is lost


def test_a_job_that_lost_its_scheduler_can_be_resumed_with_another(
    function: Write, dask: DaskProcesses, tmp_path: Path
) -> None:
    """Tasks without an answer count as not run."""
    from s3batch_handler.core._errors import WorkersLost

    spec = function(
        """
        def handler(event, context):
            time.sleep(0.005)
            return answer(event)
        """
    )
    manifest = manifest_of(f"k{n}" for n in range(1000))
    scheduler = dask.scheduler()
    dask.worker()
    settings = replace(ANY_FAILURES, can_resume=True)

    def kill_scheduler(progress: object) -> None:
        if getattr(progress, "succeeded", 0) > 100:
            scheduler.kill()

    report = RawRows()
    with Journal(tmp_path / "journal") as journal:
        with pytest.raises(WorkersLost, match="does not respond any more"):
            run_job(
                read_lines(io.BytesIO(manifest)),
                DaskPool(spec, dask.address, timeout=60),
                settings,
                report=report,
                journal=journal,
                on_progress=kill_scheduler,
            )
        assert not report.rows
        result = run_job(
            read_lines(io.BytesIO(manifest)),
            DaskPool(spec, "local:2", timeout=60),
            settings,
            report=report,
            journal=journal,
        )

    assert result.status is JobStatus.COMPLETE
    assert sorted(report.keys) == sorted(f"k{n}" for n in range(1000))


def test_a_job_that_lost_its_scheduler_and_cannot_be_resumed_fails(
    function: Write, dask: DaskProcesses
) -> None:
    """The report has the tasks that have run."""
    spec = function(
        """
        def handler(event, context):
            time.sleep(0.005)
            return answer(event)
        """
    )
    scheduler = dask.scheduler()
    dask.worker()

    def kill_scheduler(progress: object) -> None:
        if getattr(progress, "succeeded", 0) > 100:
            scheduler.kill()

    report = RawRows()
    result = run_job(
        read_lines(io.BytesIO(manifest_of(f"k{n}" for n in range(1000)))),
        DaskPool(spec, dask.address, timeout=60),
        ANY_FAILURES,
        report=report,
        on_progress=kill_scheduler,
    )

    assert (result.status, result.failure_code) == (JobStatus.FAILED, "WorkersLost")
    assert 100 < len(report.lines) < 1000
    assert all(b",succeeded," in line for line in report.lines)
