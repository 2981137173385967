"""The rows of reports that are merged, in a temporary database."""

from __future__ import annotations

import io
from collections import Counter
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from s3batch_handler.core._errors import ReportError
from s3batch_handler.documents.manifests._task_digest import task_digest
from s3batch_handler.documents.reports._rows import TaskStatus, read_rows_with_entries
from s3batch_handler.documents.reports._task_counts import object_name, temporary_database
from s3batch_handler.documents.reports._writer import report_row

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator

    from s3batch_handler.documents.manifests._manifest import ManifestEntry
    from s3batch_handler.documents.reports._report import Report
    from s3batch_handler.documents.reports._rows import ReportRow


@contextmanager
def merge_table() -> Iterator[MergeTable]:
    """Open an empty :class:`MergeTable` in a temporary file."""
    with temporary_database(_SCHEMA) as database:
        yield MergeTable(database)


# A task that is on two lines of the manifest has two rows with the same digest.
_SCHEMA: Final = """
    CREATE TABLE tasks (
        number INTEGER PRIMARY KEY, digest BLOB, status TEXT, report INTEGER, row BLOB
    );
    BEGIN;
"""
_INSERT: Final = "INSERT INTO tasks (digest, status, report, row) VALUES (?, ?, 0, ?)"
_ANSWER: Final = """
    UPDATE tasks SET status = ?, report = ?, row = ? WHERE number = (
        SELECT number FROM tasks WHERE digest = ? AND status = 'failed' AND report < ? LIMIT 1
    )
"""


class MergeTable:
    """The latest row of each task. Reports are numbered, the first one is 0."""

    def __init__(self, database: sqlite3.Connection) -> None:
        self._database = database

    def add_first(self, report: Report) -> None:
        """Add the rows of the report that has all tasks, or of the report of a part."""
        self._database.executemany(
            _INSERT,
            (
                (task_digest(entry), row.status.value, _bytes(row, entry))
                for row, entry in report.rows_with_entries()
            ),
        )
        self._database.execute("CREATE INDEX IF NOT EXISTS tasks_by_digest ON tasks (digest)")

    def check_listed_once(self, report: Report) -> None:
        """Check that no task has two rows.

        Raises:
            ReportError: A task has two rows.
        """
        query = "SELECT digest FROM tasks GROUP BY digest HAVING COUNT(*) > 1 LIMIT 1"
        repeated = self._database.execute(query).fetchone()
        if repeated is not None:
            query = "SELECT row, status FROM tasks WHERE digest = ? LIMIT 1"
            row, status = self._database.execute(query, repeated).fetchone()
            name = object_name(_entry(row, TaskStatus(status)))
            raise ReportError(
                f"{report.location}: overlap: it has two rows of {name}, and the counts of its job "
                "do not say that its manifest has this line twice. If it has, pass the job ID "
                "instead of the location of the report"
            )

    def add_redrive(self, report: Report, number: int) -> Counter[TaskStatus]:
        """Replace the rows of tasks that failed by those of a redrive; return its counts.

        Raises:
            ReportError: The redrive has a task that has not failed before, or not so often.
        """
        counts: Counter[TaskStatus] = Counter()
        for row, entry in report.rows_with_entries():
            counts[row.status] += 1
            digest = task_digest(entry)
            answer = (row.status.value, number, _bytes(row, entry), digest, number)
            if not self._database.execute(_ANSWER, answer).rowcount:
                raise ReportError(f"{report.location}: {self._problem(digest, entry, number)}")
        return counts

    def _problem(self, digest: bytes, entry: ManifestEntry, number: int) -> str:
        found = self._database.execute(
            "SELECT MAX(report) FROM tasks WHERE digest = ?", (digest,)
        ).fetchone()
        name = object_name(entry)
        if found == (None,):
            return f"a report of another manifest: {name} is not a task of the first report"
        if found == (number,):
            return f"overlap: it has more rows of {name} than tasks had failed before"
        return f"overlap: {name} succeeded before, so it is not a task of a redrive"

    def count(self, status: TaskStatus) -> int:
        """Return the number of tasks whose latest row has a status."""
        query = "SELECT COUNT(*) FROM tasks WHERE status = ?"
        count: int = self._database.execute(query, (status.value,)).fetchone()[0]
        return count

    def unanswered(self, number: int) -> int:
        """Return the number of failed tasks without a row in a report."""
        query = "SELECT COUNT(*) FROM tasks WHERE status = 'failed' AND report < ?"
        count: int = self._database.execute(query, (number,)).fetchone()[0]
        return count

    def succeed_rest(self, number: int, message: str) -> None:
        """Change the failed tasks without a row in a report to succeeded ones."""

        def succeeded(row: bytes) -> bytes:
            return report_row(
                _entry(row, TaskStatus.FAILED), TaskStatus.SUCCEEDED, 200, "", message
            )

        self._database.create_function("succeeded", 1, succeeded, deterministic=True)
        self._database.execute(
            "UPDATE tasks SET status = 'succeeded', report = ?, row = succeeded(row) "
            "WHERE status = 'failed' AND report < ?",
            (number, number),
        )

    def rows(self, status: TaskStatus) -> Iterator[bytes]:
        """Yield the latest rows with a status, in the order of the first report."""
        query = "SELECT row FROM tasks WHERE status = ? ORDER BY number"
        return (row for (row,) in self._database.execute(query, (status.value,)))


def _bytes(row: ReportRow, entry: ManifestEntry) -> bytes:
    return report_row(entry, row.status, row.http_status, row.error_code or "", row.message)


def _entry(row: bytes, status: TaskStatus) -> ManifestEntry:
    ((_, entry),) = read_rows_with_entries(io.BytesIO(row), status, source="a row")
    return entry
