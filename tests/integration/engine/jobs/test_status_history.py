"""The statuses that a job has had."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from s3batch_handler.core._errors import JobNotFound
from s3batch_handler.documents.reports._report import read_report
from s3batch_handler.documents.reports._report_files import MAX_STATUSES
from s3batch_handler.documents.reports._run_record import read_run_record
from s3batch_handler.engine import Engine
from s3batch_handler.jobs._status import JobStatus
from tests.support.engine_jobs import answer, over, spec

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from s3batch_handler.engine.state._job_store import JobStore

START = datetime(2026, 11, 30, 12, tzinfo=UTC)


def function(event: Any, context: object) -> Any:
    return answer(event)


@pytest.fixture
def clock() -> Callable[[], datetime]:
    """A clock that is a second later each time."""
    seconds = iter(range(1_000_000))
    return lambda: START + timedelta(seconds=next(seconds))


def statuses(engine: Engine, job_id: str) -> list[str]:
    return [change["status"] for change in engine.reader.history(job_id)]


def test_each_status_has_its_time(s3: Any, clock: Callable[[], datetime]) -> None:
    """Also the statuses that a job has for a moment."""
    with Engine({"function": function}, s3=s3, clock=clock) as engine:
        job_id = engine.create_job(spec(s3, ConfirmationRequired=True))
        engine.update_job_status(job_id, JobStatus.READY)

        history = engine.reader.history(job_id)

    assert [change["status"] for change in history] == [
        *("New", "Preparing", "Suspended", "Ready", "Active", "Completing", "Complete"),
    ]
    times = [datetime.fromisoformat(change["time"]) for change in history]
    assert times[0] == START
    assert times[:-1] == sorted(set(times[:-1]))
    assert times[-1] == times[-2]


def test_the_record_beside_the_report_has_the_same_times(
    s3: Any, clock: Callable[[], datetime]
) -> None:
    """The record is written before the job ends, which may take a second or more."""
    with Engine({"function": function}, s3=s3, clock=clock, background=True) as engine:
        job_id = engine.create_job(spec(s3))
        job = over(engine, job_id)
        history = engine.reader.history(job_id)

    record = read_run_record(read_report(f"s3://photos/job-{job_id}", s3=s3))
    assert record is not None
    assert record["history"] == history
    assert job.termination_date is not None
    assert history[-1]["time"] == job.termination_date.isoformat()


def test_times_never_go_back(s3: Any, clock: Callable[[], datetime]) -> None:
    """A request to cancel may arrive between the end of the tasks and the end of the job."""
    with Engine({"function": function}, s3=s3, clock=clock) as engine:
        job_id = engine.create_job(spec(s3, ConfirmationRequired=True))
        jobs: JobStore = engine._jobs
        jobs.move(job_id, JobStatus.READY, JobStatus.ACTIVE)
        ended = clock()
        jobs.move(job_id, JobStatus.CANCELLING)

        jobs.end(job_id, JobStatus.CANCELLED, time=ended)

        *_, cancelling, cancelled = engine.reader.history(job_id)
        assert cancelled["time"] == cancelling["time"]


def test_the_history_is_kept_after_a_restart(s3: Any, tmp_path: Path) -> None:
    """It is saved together with the status."""
    with Engine({"function": function}, s3=s3, state=tmp_path) as engine:
        job_id = engine.create_job(spec(s3, ConfirmationRequired=True))
        before = engine.reader.history(job_id)

    with Engine({"function": function}, s3=s3, state=tmp_path) as engine:
        assert engine.reader.history(job_id) == before
        engine.update_job_status(job_id, JobStatus.CANCELLED)
        assert statuses(engine, job_id) == ["New", "Preparing", "Suspended", "Cancelled"]


@pytest.mark.parametrize("damage", ["DROP TABLE history", "UPDATE history SET statuses = '1 x'"])
def test_a_folder_without_a_history_has_the_times_of_the_job(
    s3: Any, tmp_path: Path, damage: str
) -> None:
    """State folders of older versions have no history, and a damaged one does not harm the job."""
    with Engine({"function": function}, s3=s3, state=tmp_path) as engine:
        old = engine.create_job(spec(s3, ConfirmationRequired=True))
        ended = engine.create_job(spec(s3))
    with closing(sqlite3.connect(tmp_path / "jobs")) as database:
        database.execute(damage)
        database.commit()

    with Engine({"function": function}, s3=s3, state=tmp_path) as engine:
        assert statuses(engine, old) == ["New", "Suspended"]
        assert statuses(engine, ended) == ["New", "Complete"]
        engine.update_job_status(old, JobStatus.READY)
        assert statuses(engine, old)[:3] == ["New", "Suspended", "Ready"]


def test_the_size_of_a_history_is_limited(s3: Any, clock: Callable[[], datetime]) -> None:
    """A job may pause for others again and again."""
    with Engine({"function": function}, s3=s3, clock=clock) as engine:
        job_id = engine.create_job(spec(s3, ConfirmationRequired=True))
        jobs: JobStore = engine._jobs
        jobs.move(job_id, JobStatus.READY, JobStatus.ACTIVE)
        for _ in range(100):
            jobs.move(job_id, JobStatus.PAUSING, JobStatus.PAUSED, JobStatus.ACTIVE)

        history = engine.reader.history(job_id)

    assert len(history) == MAX_STATUSES
    assert history[0]["status"] == "New"
    assert history[-1]["status"] == "Active"


def test_a_job_that_does_not_exist_has_no_history(s3: Any) -> None:
    """It is the same error as that of DescribeJob."""
    with Engine({}, s3=s3) as engine, pytest.raises(JobNotFound):
        engine.reader.history("nowhere")


def test_the_history_of_a_deleted_job_is_deleted(s3: Any, tmp_path: Path) -> None:
    """Jobs are deleted 90 days after their end."""
    now = START
    with Engine({"function": function}, s3=s3, state=tmp_path, clock=lambda: now) as engine:
        engine.create_job(spec(s3))
        now += timedelta(days=91)
        assert engine.list_jobs().jobs == ()

    with closing(sqlite3.connect(tmp_path / "jobs")) as database:
        assert database.execute("SELECT count(*) FROM history").fetchone() == (0,)
