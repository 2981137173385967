"""The journal of a job: after a crash it has all that was committed."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
import time
from contextlib import closing, suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typing_extensions import override

from s3batch_handler.core._errors import StateDamaged, StateError
from s3batch_handler.core._model import Outcome, ResultCode
from s3batch_handler.documents.manifests._manifest import ManifestEntry
from s3batch_handler.documents.reports._rows import TaskStatus
from s3batch_handler.engine.invoke._in_process import InProcess
from s3batch_handler.engine.run._cancellation import RunControl
from s3batch_handler.engine.run._journal import Journal, QueuedTask, queued_tasks
from s3batch_handler.engine.run._ledger import Ledger
from s3batch_handler.engine.run._ranges import NumberRanges
from s3batch_handler.engine.run._run_job import run_job
from s3batch_handler.jobs._status import JobStatus
from tests.support.job_run import JOB, Crash, Rows, ScriptedFunction, numbered

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    from s3batch_handler.engine.invoke._answer import Answer
    from s3batch_handler.engine.invoke._events import EventTemplate
    from s3batch_handler.engine.invoke._invoker import RunningCall

OK, FAILED = TaskStatus.SUCCEEDED, TaskStatus.FAILED


def unanswered(journal: Journal, entries: Iterable[ManifestEntry]) -> list[QueuedTask]:
    return [task for item in journal.unanswered(entries) for task in queued_tasks(item)]


@pytest.fixture
def commits_often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("s3batch_handler.engine.run._ledger._COMMIT_SECONDS", 0.0)


CODES = st.sampled_from(["Succeeded", "TemporaryFailure", "PermanentFailure"])


@given(
    scripts=st.lists(st.lists(CODES, min_size=1, max_size=4), min_size=1, max_size=12),
    crashes=st.lists(st.integers(0, 8), max_size=6),
)
def test_a_job_that_crashes_repeatedly_has_the_same_report(
    tmp_path_factory: pytest.TempPathFactory,
    scripts: list[list[str]],
    crashes: list[int],
) -> None:
    """Each entry has one row, the same as without a crash."""
    path = tmp_path_factory.mktemp("state") / "journal"
    script = {str(number): codes for number, codes in enumerate(scripts)}
    undisturbed = Rows()
    run_job(numbered(len(scripts)), InProcess(ScriptedFunction(script)), JOB, report=undisturbed)

    for calls in [*crashes, -1]:
        function, report = ScriptedFunction(script), Rows()
        with Journal(path) as journal:
            waiting = journal.all_waiting()
            function.tries.update({task.encoded_key: task.tries for task, _ in waiting})
            function.calls_left = calls
            invoker = InProcess(function)
            with suppress(Crash):
                run = run_job(numbered(len(scripts)), invoker, JOB, report=report, journal=journal)

    assert sorted(report.rows) == sorted(undisturbed.rows)
    assert (run.progress.total, run.progress.done) == (len(scripts), len(scripts))
    assert run.status is JobStatus.COMPLETE


@pytest.mark.usefixtures("commits_often")
def test_a_crash_loses_only_the_running_task(tmp_path: Path) -> None:
    """Tasks that were committed are not run again."""
    function = ScriptedFunction({})
    function.calls_left = 3
    with Journal(tmp_path / "journal") as journal, pytest.raises(Crash):
        run_job(numbered(5), InProcess(function), JOB, journal=journal)

    function.calls_left = -1
    with Journal(tmp_path / "journal") as journal:
        run_job(numbered(5), InProcess(function), JOB, journal=journal)

    assert function.tries == dict.fromkeys("01234", 1)


def test_a_paused_job_continues_with_its_journal(tmp_path: Path) -> None:
    """It has no report when it pauses. The same call continues it."""
    function, report = ScriptedFunction({"0": ["TemporaryFailure", "Succeeded"]}), Rows()
    control = RunControl()

    def pausing(event: Any, context: object) -> Any:
        if function.tries.total() == 1:
            control.pause()
        return function(event, context)

    with Journal(tmp_path / "journal") as journal:
        paused = run_job(
            numbered(4),
            InProcess(pausing),
            JOB,
            report=report,
            journal=journal,
            control=control,
        )
        rows_so_far = list(report.rows)

        run = run_job(numbered(4), InProcess(function), JOB, report=report, journal=journal)

    assert (paused.status, paused.progress.done, paused.report) == (JobStatus.PAUSED, 1, None)
    assert rows_so_far == []
    assert (run.status, run.progress.succeeded, len(report.rows)) == (JobStatus.COMPLETE, 4, 4)
    assert function.tries == {"0": 2, "1": 1, "2": 1, "3": 1}


def test_a_report_that_could_not_be_written_is_written_later(tmp_path: Path) -> None:
    """No task is run again."""

    class Unavailable(Rows):
        @override
        def write(self, rows: object) -> str:
            raise OSError("S3 is not available")

    function, report = ScriptedFunction({}), Rows()
    with Journal(tmp_path / "journal") as journal:
        first = run_job(
            numbered(3), InProcess(function), JOB, report=Unavailable(), journal=journal
        )

        run = run_job(numbered(3), InProcess(function), JOB, report=report, journal=journal)

    assert (first.status, first.report) == (JobStatus.FAILED, None)
    assert (run.status, len(report.rows)) == (JobStatus.COMPLETE, 3)
    assert sum(function.tries.values()) == 3


def test_the_reason_and_the_failures_of_a_job_are_kept(tmp_path: Path) -> None:
    """A job that has failed is not run again."""
    function = ScriptedFunction({str(number): ["PermanentFailure"] for number in range(1_200)})
    with Journal(tmp_path / "journal") as journal:
        first = run_job(numbered(1_200), InProcess(function), JOB, journal=journal)

    with Journal(tmp_path / "journal") as journal:
        again = run_job(numbered(1_200), InProcess(function), JOB, journal=journal)

    assert (again.status, again.reason) == (JobStatus.FAILED, first.reason)
    assert again.failures == first.failures
    assert sum(function.tries.values()) == 1_000


@given(
    st.lists(st.lists(st.integers(0, 30), max_size=8), max_size=6),
    st.integers(0, 30),
)
def test_the_journal_has_exactly_the_committed_tasks(
    tmp_path_factory: pytest.TempPathFactory, commits: list[list[int]], count: int
) -> None:
    """Tasks may be answered in any order."""
    path = tmp_path_factory.mktemp("state") / "journal"
    answered: set[int] = set()
    with Journal(path) as journal:
        tasks = {task.number: task for task in unanswered(journal, numbered(31))}
        for numbers in commits:
            for number in numbers:
                journal.add_row(tasks[number], OK, b"x")
            journal.commit({})
            answered.update(numbers)
        if count in tasks:
            journal.add_row(tasks[count], OK, b"never committed")

    with Journal(path) as journal:
        assert {task.number for task in unanswered(journal, numbered(31))} == set(
            range(31)
        ) - answered
        assert b"".join(journal.rows(OK)) == b"x" * sum(map(len, commits))


def test_waiting_tasks_are_read_unchanged(tmp_path: Path) -> None:
    """A missing version differs from an empty one, and messages may have any characters."""
    entries = [ManifestEntry("b", "é%20\n", ""), ManifestEntry("b", "x", None)]
    with Journal(tmp_path / "journal") as journal:
        for task in unanswered(journal, entries):
            journal.add_waiting(task, "a\ud800\0b")
        journal.commit({})

    with Journal(tmp_path / "journal") as journal:
        assert list(journal.all_waiting()) == [(entry, "a\ud800\0b") for entry in entries]
        assert [task.tries for task in journal.waiting(1)] == [1, 1]
        assert list(journal.waiting(2)) == []


def test_a_file_that_is_not_a_journal_is_refused(tmp_path: Path) -> None:
    """The error names the file, which is not changed."""
    (tmp_path / "journal").write_text("Dear diary, " * 100)

    with pytest.raises(StateError, match=r"journal is damaged: file is not a database"):
        Journal(tmp_path / "journal")

    assert (tmp_path / "journal").read_text().startswith("Dear diary")


def test_a_journal_of_another_version_is_refused(tmp_path: Path) -> None:
    with Journal(tmp_path / "journal") as journal:
        journal._db.execute("PRAGMA user_version = 99")

    with pytest.raises(StateError, match="another version"):
        Journal(tmp_path / "journal")


def test_a_job_continues_after_the_disk_was_full(tmp_path: Path) -> None:
    """The error says that the disk is full. Nothing is lost."""
    report = Rows()
    with Journal(tmp_path / "journal") as journal:
        journal._db.execute("PRAGMA max_page_count = 12")
        with pytest.raises(StateError, match="database or disk is full"):
            run_job(
                numbered(20_000),
                InProcess(ScriptedFunction({})),
                JOB,
                report=report,
                journal=journal,
            )

    with Journal(tmp_path / "journal") as journal:
        run = run_job(
            numbered(20_000),
            InProcess(ScriptedFunction({})),
            JOB,
            report=report,
            journal=journal,
        )

    assert (run.status, len(report.rows)) == (JobStatus.COMPLETE, 20_000)


def test_a_path_that_cannot_be_created_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    with pytest.raises(StateError, match=r"file/journal cannot be used: Not a directory"):
        Journal(tmp_path / "file" / "journal")


def test_a_killed_process_loses_only_what_was_not_committed(tmp_path: Path) -> None:
    """A commit is on disk when it returns."""
    script = """
import os, signal, sys
from pathlib import Path
from s3batch_handler.engine.run._journal import Journal
from s3batch_handler.engine.run._ledger import Ledger
from s3batch_handler.documents.manifests._manifest import ManifestEntry
from s3batch_handler.documents.reports._rows import TaskStatus

journal = Journal(Path(sys.argv[1]))
for task in journal.unanswered([ManifestEntry("b", str(n), None) for n in range(10)]):
    if task.number == 7:
        journal.commit({"run": 7})
    journal.add_row(task, TaskStatus.SUCCEEDED, b"row\\n")
os.kill(os.getpid(), signal.SIGKILL)
"""
    path = tmp_path / "journal"
    subprocess.run([sys.executable, "-c", script, str(path)], check=False, timeout=60)

    with Journal(path) as journal:
        assert [task.number for task in unanswered(journal, numbered(10))] == [7, 8, 9]
        assert b"".join(journal.rows(OK)) == b"row\n" * 7
        assert journal.facts == {"run": 7}


# ---------------------------------------------------------------- slow tasks


@given(st.lists(st.sets(st.integers(0, 60)), max_size=12))
def test_number_ranges_have_the_numbers_that_were_added(commits: list[set[int]]) -> None:
    """The set has all numbers that were added, in as few ranges as possible, and the changes since
    the last save turn the saved ranges into the new ones.
    """
    ranges, saved, numbers = NumberRanges(), dict[int, int](), set[int]()
    for added in commits:
        numbers |= added
        ranges.update(added)

        for first in ranges.removed:
            saved.pop(first, None)
        saved.update(ranges.changed)
        ranges.saved()

        assert [n for n in range(62) if n in ranges] == sorted(numbers)
        missing = [n for first, end in ranges.missing(7, 50) for n in range(first, end)]
        assert missing == [n for n in range(7, 50) if n not in numbers]
        assert len(ranges) == len(numbers)
        assert ranges.end == max(numbers, default=-1) + 1
        assert sum(n - 1 not in numbers for n in numbers) == len(saved)
        assert {n for first, end in saved.items() for n in range(first, end)} == numbers


class FirstTakesLong:
    """A function whose first task is answered last."""

    workers: Final = 1

    def invoke_all(
        self,
        _: EventTemplate,
        entries: Iterable[ManifestEntry],
        /,
        *,
        stop: Callable[[], bool],
    ) -> Iterator[tuple[ManifestEntry, Answer, float | None]]:
        tasks = [*entries]
        for entry in (*tasks[1:], *tasks[:1]):
            yield entry, Outcome(ResultCode.SUCCEEDED, "done"), 0.01

    def running(self) -> list[RunningCall]:
        return []

    def close(self) -> None:
        """Return immediately."""


@pytest.mark.usefixtures("commits_often")
def test_a_slow_task_does_not_make_commits_larger(tmp_path: Path) -> None:
    """The size of a commit does not grow with the tasks that are answered after a running one."""
    sizes = [written_by_a_job(tmp_path / str(count), count) for count in (100, 400)]

    assert sizes[1] < 5 * sizes[0]


def written_by_a_job(path: Path, count: int) -> int:
    """Return the size of the SQL statements of a job, with their values."""
    written = 0

    def count_bytes(statement: str) -> None:
        nonlocal written
        written += len(statement)

    with Journal(path) as journal:
        journal._db.set_trace_callback(count_bytes)  # statements with the values in them
        run_job(numbered(count), FirstTakesLong(), JOB, report=Rows(), journal=journal)
    return written


def test_a_commit_follows_a_number_of_tasks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So that memory is bounded on a fast machine, too."""
    monkeypatch.setattr("s3batch_handler.engine.run._ledger._COMMIT_SECONDS", 3600)
    monkeypatch.setattr("s3batch_handler.engine.run._ledger._COMMIT_TASKS", 100)
    function = ScriptedFunction({})
    function.calls_left = 250

    with Journal(tmp_path / "journal") as journal, pytest.raises(Crash):
        run_job(numbered(300), InProcess(function), JOB, journal=journal)

    with Journal(tmp_path / "journal") as journal:
        assert journal.answered >= 200


def test_answers_are_committed_while_a_task_is_slow(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The invoker polls, and each poll commits in time."""
    monkeypatch.setattr("s3batch_handler.engine.run._ledger._COMMIT_SECONDS", 0.01)
    committed: list[int] = []

    with Journal(tmp_path / "journal") as journal:

        class Waits(FirstTakesLong):
            @override
            def invoke_all(
                self,
                _: EventTemplate,
                entries: Iterable[ManifestEntry],
                /,
                *,
                stop: Callable[[], bool],
            ) -> Iterator[tuple[ManifestEntry, Answer, float | None]]:
                for entry in entries:
                    yield entry, Outcome(ResultCode.SUCCEEDED, "done"), 0.01
                time.sleep(0.02)
                stop()
                committed.append(journal.answered)

        run_job(numbered(5), Waits(), JOB, journal=journal)

    assert committed == [5, 5, 5, 5]  # once for each pass


# ---------------------------------------------------------------- damage


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE state SET state = replace(state, '\"run\": 6', '\"run\": 5')",
        "UPDATE state SET state = 'x'",
        "UPDATE state SET state = x'ff'",
        "UPDATE state SET state = CAST(x'ff' AS TEXT)",
        "DELETE FROM state",
        "UPDATE answered SET first = first + 1",
        "UPDATE answered SET \"end\" = 'many'",
        "DELETE FROM answered",
        "UPDATE rows SET rows = replace(rows, 'photos', 'fotos')",
        "UPDATE rows SET count = count - 1",
        "UPDATE rows SET rows = NULL",
        "UPDATE rows SET status = 'failed'",
        "DELETE FROM rows WHERE id = 0",
        "UPDATE waiting SET tries = 2",
        "UPDATE waiting SET tries = 'x'",
        "UPDATE waiting SET number = number + 1",
        "UPDATE waiting SET key = 'other'",
        "UPDATE waiting SET key = CAST(x'ff' AS TEXT)",
        "UPDATE waiting SET message = NULL",
        "DELETE FROM waiting",
        "UPDATE details SET value = '[]'",
        "UPDATE details SET value = CAST(x'ff' AS TEXT)",
        "UPDATE details SET number = number + 1 WHERE number = 1",
        "DELETE FROM details WHERE number = 0",
        "DROP TABLE waiting",
        "ALTER TABLE rows DROP COLUMN checksum",
        "PRAGMA user_version = 0",
    ],
)
@pytest.mark.usefixtures("commits_often")
def test_a_changed_journal_raises_state_damaged(tmp_path: Path, statement: str) -> None:
    """It does so when it is opened or at the end. No wrong report is written."""
    path = tmp_path / "journal"
    script = {"1": ["PermanentFailure"], "2": ["TemporaryFailure"]}
    function, report = ScriptedFunction(script), Rows()
    function.calls_left = 6
    with Journal(path) as journal, pytest.raises(Crash):
        run_job(numbered(9), InProcess(function), JOB, report=report, journal=journal)
    with closing(sqlite3.connect(path)) as database:
        database.execute(statement)
        database.commit()

    function.calls_left = -1
    with pytest.raises(StateDamaged), Journal(path) as journal:
        run_job(
            numbered(9), InProcess(function), replace(JOB, total=9), report=report, journal=journal
        )

    assert report.rows == []


def test_the_first_answer_is_saved_at_once() -> None:
    """It does not wait for the time between two commits, which has begun before it arrives."""
    with Journal() as journal:
        ledger = Ledger(journal, RunControl())
        ledger.commit_if_due()
        (task,) = unanswered(journal, [ManifestEntry("b", "k", None)])

        ledger.record(task, Outcome(ResultCode.SUCCEEDED, ""), is_last_try=False)

        assert journal.facts["run"] == 1
