"""What an engine knows about the run of a job that pauses, continues or ends at this moment."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from s3batch_handler.core._errors import JobNotFound
from s3batch_handler.documents.reports._report import read_report
from s3batch_handler.documents.reports._row_search import row_search
from s3batch_handler.documents.reports._run_record import read_run_record
from s3batch_handler.engine import Engine
from s3batch_handler.engine._job_execution import journal_of
from s3batch_handler.engine.run._journal import Journal
from s3batch_handler.jobs._status import JobStatus
from tests.support.engine_jobs import Clock, Gate, over, spec, status
from tests.support.waiting import wait_for

if TYPE_CHECKING:
    from pathlib import Path

    from s3batch_handler.engine.run._run_observer import RunObserver

ALL = row_search("", "")


def paused(engine: Engine, gate: Gate, s3: Any) -> str:
    """Return the ID of a job that has run two of three tasks, while another job runs."""
    job_id = engine.create_job(spec(s3, 3, Priority=1))
    gate.let(1)
    wait_for(lambda: gate.jobs == [job_id] * 2)
    engine.create_job(spec(s3, 1, Priority=2))
    wait_for(lambda: status(engine, job_id) is JobStatus.PAUSING)
    gate.let(1)
    wait_for(lambda: len(gate.jobs) == 3)
    assert status(engine, job_id) is JobStatus.PAUSED
    return job_id


def calls(run: RunObserver | None) -> int | None:
    assert run is not None
    durations = run.statistics.durations
    return None if durations is None else durations["calls"]


def test_the_run_of_a_paused_job_is_known_while_it_continues(
    s3: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Reading the journal of a large job takes seconds, and loading the function, too."""
    gate = Gate()
    seen: list[int | None] = []

    class SlowJournal(Journal):
        def __init__(self, *arguments: Any, **options: Any) -> None:
            seen.append(calls(engine.reader.last_run(job_id)))
            super().__init__(*arguments, **options)

    with Engine({"function": gate}, s3=s3, background=True) as engine:
        job_id = paused(engine, gate, s3)
        monkeypatch.setattr("s3batch_handler.engine._job_execution.Journal", SlowJournal)
        before = calls(engine.reader.last_run(job_id))
        gate.let(2)
        over(engine, job_id)
        afterwards = calls(engine.reader.last_run(job_id))

    assert (before, seen, afterwards) == (2, [2], 3)


def test_the_run_of_a_job_with_a_damaged_journal_is_unknown(s3: Any, tmp_path: Path) -> None:
    """Its page shows the rest, until the job continues and fails."""
    gate = Gate()
    with Engine({"function": gate}, s3=s3, state=tmp_path, background=True) as engine:
        job_id = paused(engine, gate, s3)
        engine.reader._execution.ended.clear()  # as after a restart
        assert calls(engine.reader.last_run(job_id)) == 2
        journal = journal_of(tmp_path / f"job-{job_id}")
        content = journal.read_bytes()
        journal.write_bytes(content.replace(b"active", b"actyve").replace(b"status", b"sta!us"))

        assert engine.reader.last_run(job_id) is None
        gate.let(1)
        assert over(engine, job_id).failure_reasons[0].failure_code == "StateDamaged"


def fails(event: Any, context: object) -> Any:
    raise ValueError("no")


def test_failed_tasks_are_found_although_the_job_ends_while_they_are_read(
    s3: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its journal is removed at its end; its report exists before that."""

    def journal_after_the_end(folder: Path) -> Path:
        engine.update_job_status(job_id, JobStatus.READY)
        over(engine, job_id)
        wait_for(lambda: not folder.exists())
        return journal_of(folder)

    with Engine({"function": fails}, s3=s3, background=True) as engine:
        job_id = engine.create_job(spec(s3, 3, ConfirmationRequired=True))
        wait_for(lambda: status(engine, job_id) is JobStatus.SUSPENDED)
        monkeypatch.setattr("s3batch_handler.engine._job_reader.journal_of", journal_after_the_end)

        page = engine.reader.failed_tasks(job_id, is_selected=ALL)

    assert [row.key for row in page.rows] == ["0", "1", "2"]


def test_all_times_in_a_record_are_of_the_clock_of_the_engine(s3: Any) -> None:
    """The page computes durations from them."""
    start = datetime(2031, 1, 1, tzinfo=UTC)
    with Engine({"function": fails}, s3=s3, background=True, clock=lambda: start) as engine:
        job_id = engine.create_job(spec(s3, 3))
        over(engine, job_id)

    record = read_run_record(read_report(f"s3://photos/job-{job_id}", s3=s3))
    assert record is not None
    times = {datetime.fromisoformat(change["time"]) for change in record["history"]}
    assert times == {start}


def test_nothing_is_known_about_the_run_of_a_deleted_job(s3: Any) -> None:
    """Messages of its function are deleted with it, 90 days after its end."""
    clock = Clock()
    with Engine({"function": fails}, s3=s3, background=True, clock=clock) as engine:
        job_id = engine.create_job(spec(s3, 3))
        over(engine, job_id)
        assert engine.reader.failures(job_id)

        clock.now += timedelta(days=91)
        engine.list_jobs()

        for read in (engine.reader.last_run, engine.reader.failures):
            with pytest.raises(JobNotFound):
                read(job_id)
