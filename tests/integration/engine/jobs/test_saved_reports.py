"""The jobs in a state folder, and the copies of their reports."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from s3batch_handler.core._errors import StateError
from s3batch_handler.documents.reports._report import read_report
from s3batch_handler.documents.reports._run_record import read_run_record
from s3batch_handler.documents.reports._writer import ReportWriter
from s3batch_handler.engine._engine import Engine
from s3batch_handler.engine.state._saved_jobs import saved_jobs
from s3batch_handler.jobs._status import JobStatus
from tests.support.engine_jobs import Gate, answer, spec
from tests.support.waiting import wait_for

if TYPE_CHECKING:
    from pathlib import Path

FUNCTIONS = {"function": lambda event, context: answer(event)}


class Clock:
    def __init__(self) -> None:
        self.now = datetime(2026, 3, 1, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The folder of an engine in a state folder, which has one for each account and Region."""
    return tmp_path / "123456789012" / "us-east-1"


def test_copy_has_the_rows_of_the_report(s3: Any, folder: Path, tmp_path: Path) -> None:
    with Engine(FUNCTIONS, s3=s3, state=folder) as engine:
        job_id = engine.create_job(spec(s3))

        ((job, copy, _),) = saved_jobs(tmp_path)  # while the engine uses the folder

        assert job == engine.describe_job(job_id)
    report = read_report(f"s3://photos/job-{job_id}", s3=s3)
    assert [*read_report(copy)] == [*report]


@pytest.mark.parametrize("is_cancelled", [False, True])
def test_how_a_job_ran_is_saved_beside_its_report_and_the_copy(
    s3: Any, folder: Path, is_cancelled: bool
) -> None:
    """By engines in the background: foreground engines write what AWS writes, for tests."""
    gate = Gate()
    gate.let(1 if is_cancelled else 3)
    with Engine({"function": gate}, s3=s3, state=folder, background=True, timeout=7) as engine:
        job_id = engine.create_job(spec(s3))
        if is_cancelled:
            wait_for(lambda: len(gate.began) == 2)
            engine.update_job_status(job_id, JobStatus.CANCELLED)
            gate.let(2)
        wait_for(lambda: engine.describe_job(job_id).status.is_final)
        statuses = [change["status"] for change in engine.reader.history(job_id)]

    record = read_run_record(read_report(f"s3://photos/job-{job_id}", s3=s3))
    assert record is not None
    assert [change["status"] for change in record["history"]] == statuses
    assert statuses[-1] == ("Cancelled" if is_cancelled else "Complete")
    assert record["durations"] is not None
    assert record["durations"]["calls"] == (2 if is_cancelled else 3)
    assert record["function_timeout"] == 7
    assert read_run_record(read_report(folder / "reports")) == record


def test_engines_in_the_foreground_write_only_what_aws_writes(s3: Any) -> None:
    """Tests of users may list the folder of a report."""
    with Engine(FUNCTIONS, s3=s3) as engine:
        job_id = engine.create_job(spec(s3))

    assert read_run_record(read_report(f"s3://photos/job-{job_id}", s3=s3)) is None


def test_a_job_ends_although_its_record_cannot_be_written(
    s3: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The report is complete without it."""

    def refuse(*_: object) -> None:
        raise OSError("no space")

    monkeypatch.setattr(ReportWriter, "write_beside", refuse)
    with Engine(FUNCTIONS, s3=s3, background=True) as engine:
        job_id = engine.create_job(spec(s3))
        wait_for(lambda: engine.describe_job(job_id).status is JobStatus.COMPLETE)

    assert f"run.json of job {job_id} could not be written: no space" in caplog.text


def test_copy_is_removed_with_its_job_after_90_days(s3: Any, folder: Path, tmp_path: Path) -> None:
    clock = Clock()
    with Engine(FUNCTIONS, s3=s3, state=folder, clock=clock) as engine:
        engine.create_job(spec(s3))
        clock.now += timedelta(days=91)
        later = engine.create_job(spec(s3))
        engine.list_jobs()

        ((job, copy, _),) = saved_jobs(tmp_path)

    assert job.job_id == later
    assert [path.name for path in copy.parent.iterdir()] == [f"job-{later}"]


def test_copy_that_cannot_be_written_stops_the_job_until_it_can(
    s3: Any, folder: Path, tmp_path: Path
) -> None:
    folder.mkdir(parents=True)
    (folder / "reports").touch()
    with Engine(FUNCTIONS, s3=s3, state=folder) as engine:
        with pytest.raises(StateError, match=r"reports.* cannot be written"):
            engine.create_job(spec(s3))
        ((job, *_),) = saved_jobs(tmp_path)
        assert not job.status.is_final
    (folder / "reports").unlink()

    with Engine(FUNCTIONS, s3=s3, state=folder):
        ((job, copy, _),) = saved_jobs(tmp_path)

    assert job.status.is_final
    assert len([*read_report(copy)]) == 3


def test_damaged_job_is_left_out(s3: Any, folder: Path, tmp_path: Path) -> None:
    with Engine(FUNCTIONS, s3=s3, state=folder) as engine:
        engine.create_job(spec(s3, Description="unique-text"))
        kept = engine.create_job(spec(s3))
    content = (folder / "jobs").read_bytes()
    (folder / "jobs").write_bytes(content.replace(b"unique-text", b"another-one"))

    assert [job.job_id for job, *_ in saved_jobs(tmp_path)] == [kept]


def test_file_that_is_not_a_database_is_damage(folder: Path, tmp_path: Path) -> None:
    folder.mkdir(parents=True)
    (folder / "jobs").write_text("not a database" * 100)

    with pytest.raises(StateError, match="jobs is damaged"):
        saved_jobs(tmp_path)
