"""Failed tasks of jobs that run, are paused, or have ended."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import pytest

from s3batch_handler.core._errors import ReportError, StateDamaged
from s3batch_handler.documents.reports._row_search import row_search
from s3batch_handler.documents.reports._rows import TaskStatus
from s3batch_handler.documents.reports._writer import report_row
from s3batch_handler.engine import Engine
from s3batch_handler.engine.run._journal import Journal, QueuedTask
from s3batch_handler.engine.run._journal_reader import JournalReader
from s3batch_handler.jobs._status import JobStatus
from tests.support.engine_jobs import spec
from tests.support.waiting import wait_for

if TYPE_CHECKING:
    from pathlib import Path

    from s3batch_handler.documents.reports._failed_pages import FailedPage

ALL = row_search("", "")


@pytest.fixture
def commits_often(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is committed while a function in this process runs."""
    monkeypatch.setattr("s3batch_handler.engine.run._ledger._COMMIT_SECONDS", 0.0)


class FailsEachSecond:
    """A function that fails each second task, and waits with one until ``may_go`` is set."""

    def __init__(self, waits_at: str = "") -> None:
        self.waits_at = waits_at
        self.may_go = threading.Event()

    def __call__(self, event: Any, context: object) -> Any:
        (task,) = event["tasks"]
        key = task["s3Key"]
        if key == self.waits_at:
            self.may_go.wait(60)
        code, text = ("PermanentFailure", f"no {key}") if int(key) % 2 else ("Succeeded", "")
        result = {"taskId": task["taskId"], "resultCode": code, "resultString": text}
        return {"invocationSchemaVersion": "1.0", "results": [result]}


def keys(page: FailedPage) -> list[str]:
    return [row.key for row in page.rows]


@pytest.mark.usefixtures("commits_often")
def test_failed_tasks_are_read_while_the_job_runs_and_afterwards(s3: Any) -> None:
    """A page that began while the job ran continues in its report."""
    function = FailsEachSecond(waits_at="20")
    with Engine({"function": function}, s3=s3, background=True) as engine:
        job_id = engine.create_job(spec(s3, tasks=30))
        # A function in this process is waited for, so its latest answers may not be committed yet.
        wait_for(lambda: len(engine.reader.failed_tasks(job_id, is_selected=ALL).rows) == 10)

        first = engine.reader.failed_tasks(job_id, is_selected=ALL, limit=3)
        found = engine.reader.failed_tasks(job_id, is_selected=row_search("NO 1", ""))
        function.may_go.set()
        wait_for(lambda: engine.describe_job(job_id).status.is_final)
        second = engine.reader.failed_tasks(job_id, is_selected=ALL, after=first.next, limit=100)

    assert keys(first) == ["1", "3", "5"]
    assert keys(found) == ["1", "11", "13", "15", "17", "19"]
    assert (found.searched, found.next) == (10, None)
    assert keys(second) == [str(number) for number in range(7, 30, 2)]
    assert second.next is None
    assert second.rows[0].error_code == "PermanentFailure"
    assert second.rows[0].message == "no 7"


@pytest.mark.usefixtures("commits_often")
def test_a_restarted_engine_knows_failed_tasks_and_the_run(s3: Any, tmp_path: Path) -> None:
    """From the journal of a job that is not over, and from the copy of the report afterwards."""
    function = FailsEachSecond(waits_at="20")
    with Engine({"function": function}, s3=s3, state=tmp_path, background=True) as engine:
        job_id = engine.create_job(spec(s3, tasks=30))
        wait_for(lambda: len(engine.reader.failed_tasks(job_id, is_selected=ALL).rows) == 10)
        threading.Timer(0.2, function.may_go.set).start()  # while the engine closes

    journal = JournalReader(tmp_path / f"job-{job_id}" / "journal")
    run = journal.run()
    assert run.statistics.durations is not None
    assert run.statistics.durations["calls"] >= 20
    assert run.failures[0].count >= 10
    assert [row.key for _, row in journal.failed_from(0)][:3] == ["1", "3", "5"]

    with Engine({"function": function}, s3=s3, state=tmp_path, background=True) as engine:
        wait_for(lambda: engine.describe_job(job_id).status is JobStatus.COMPLETE)
        ended = engine.reader.last_run(job_id)
        assert ended is not None
        assert ended.statistics.durations is not None
        assert ended.statistics.durations["calls"] == 30

    with Engine({}, s3=s3, state=tmp_path, background=True) as engine:
        assert len(engine.reader.failed_tasks(job_id, is_selected=ALL).rows) == 15


def test_jobs_without_failed_tasks_have_an_empty_page(s3: Any) -> None:
    """Also before they run, and without a report."""
    with Engine({"function": FailsEachSecond()}, s3=s3) as engine:
        suspended = engine.create_job(spec(s3, tasks=2, ConfirmationRequired=True))
        unreported = engine.create_job(spec(s3, tasks=2, Report={"Enabled": False}))
        fine = engine.create_job(spec(s3, tasks=1))

        for job_id in (suspended, unreported, fine):
            page = engine.reader.failed_tasks(job_id, is_selected=ALL)
            assert (page.rows, page.next) == ([], None)


def test_a_cursor_of_another_form_is_refused(s3: Any) -> None:
    """It comes from a browser."""
    with Engine({"function": FailsEachSecond()}, s3=s3) as engine:
        job_id = engine.create_job(spec(s3, tasks=4))

        for cursor in ("x", "7", "-1"):
            with pytest.raises(ReportError):
                engine.reader.failed_tasks(job_id, is_selected=ALL, after=cursor)


def failed_row(journal: Journal, number: int, message: str) -> None:
    task = QueuedTask("b", str(number), None)
    task.number = number
    row = report_row(task, TaskStatus.FAILED, 200, "PermanentFailure", message)
    journal.add_row(task, TaskStatus.FAILED, row)


def test_a_journal_is_read_while_it_is_written(tmp_path: Path) -> None:
    """Every read returns the rows of a commit, in their order."""
    path = tmp_path / "journal"
    Journal.create(path)
    done = threading.Event()
    problems: list[object] = []
    reads = [0]

    def read() -> None:
        while not done.is_set():
            try:
                found = [row.key for _, row in JournalReader(path).failed_from(0)]
            except Exception as error:
                problems.append(error)
                return
            reads.append(len(found))
            if found != [str(number) for number in range(len(found))] or len(found) % 50:
                problems.append(found)

    thread = threading.Thread(target=read)
    thread.start()
    try:
        with Journal(path) as journal:
            for commit in range(150):
                for number in range(commit * 50, commit * 50 + 50):
                    failed_row(journal, number, "x" * 300)
                journal.commit({"failed": commit})
    finally:
        done.set()
        thread.join()

    assert problems == []
    assert reads == sorted(reads)


def test_a_damaged_journal_is_an_error(tmp_path: Path) -> None:
    """It is not read forever."""
    path = tmp_path / "journal"
    with pytest.raises(StateDamaged, match="is missing"):
        JournalReader(path).run()

    with Journal(path) as journal:
        failed_row(journal, 0, "findable")
        journal.commit({})
    path.write_bytes(path.read_bytes().replace(b"findable", b"damaged!"))

    with pytest.raises(StateDamaged, match="checksums do not match"):
        list(JournalReader(path).failed_from(0))
