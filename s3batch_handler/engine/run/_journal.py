"""The journal of a job: the results of its tasks in SQLite, which are kept after a crash.

After ``kill -9`` at any moment, a job continues where its journal ends: tasks that are in it have
their row in the report and are not run again, all others are run (again). A commit saves all that
was added since the commit before, or nothing.
"""

from __future__ import annotations

import json
from contextlib import closing
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, Self, cast

from s3batch_handler.documents.manifests._manifest import ManifestEntry
from s3batch_handler.documents.manifests._plain_lines import PlainLines
from s3batch_handler.documents.reports._rows import TaskStatus
from s3batch_handler.engine.run._ranges import NumberRanges
from s3batch_handler.engine.state._sqlite import (
    checksum,
    damaged,
    open_database,
    remove_database,
    translate_sqlite_errors,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path


class QueuedTask(ManifestEntry):
    """An entry of the manifest as a task of its job.

    Attributes:
        number: The number of the entry, from 0.
        tries: How often the task has failed temporarily.
    """

    number: int
    tries = 0

    @classmethod
    def of(cls, entry: ManifestEntry, number: int) -> QueuedTask:
        """Return the task of an entry, with its number."""
        task = cls(*entry)
        task.number = number
        return task


def queued_tasks(item: PlainLines | ManifestEntry) -> list[QueuedTask]:
    """Return plain lines as tasks, or the one task that it already is."""
    if isinstance(item, PlainLines):
        return [QueuedTask.of(item.entry(n), item.first + n) for n in range(len(item))]
    return [cast("QueuedTask", item)]


class Journal:
    """The journal of one job.

    Args:
        path: The file, created if it does not exist. By default a temporary file.
        must_exist: Do not create the file.

    Attributes:
        facts: The argument of the latest :meth:`commit`.
        details: The details that were committed when the journal was opened, by number.

    Raises:
        StateError: The file cannot be read or written, now or later: no permission, a full disk.
            Committed data is kept, so the job can continue later.
        StateDamaged: The file is not a journal, is incomplete, or does not exist although it must.
    """

    def __init__(self, path: Path | None = None, *, must_exist: bool = False) -> None:
        self._name = "the journal" if path is None else str(path)
        self._new: list[int] = []  # numbers of tasks that were answered since the latest commit
        self._new_ranges: list[tuple[int, int]] = []  # the same, for plain lines
        self._rows: dict[TaskStatus, list[bytes]] = {status: [] for status in TaskStatus}
        self._row_counts = dict.fromkeys(TaskStatus, 0)  # rows in each of these lists
        self._waiting: dict[int, tuple[object, ...] | None] = {}  # None: no longer waiting
        self._db = open_database(
            path,
            name=self._name,
            schema=_SCHEMA,
            version=_VERSION,
            is_temporary=path is None,
            must_exist=must_exist,
        )
        try:
            with translate_sqlite_errors(self._name):
                self._read_state()
        except BaseException:
            self.close()
            raise

    @classmethod
    def create(cls, path: Path) -> None:
        """Create the journal of a new job, and replace any other file.

        Call this before the job is saved as prepared, so that a missing journal is noticed.
        """
        remove_database(path)
        cls(path).close()

    def _read_state(self) -> None:
        """Read the committed state, and check that it is complete."""
        known: dict[str, Any] = _NEW
        for state, sum_of_state in self._select("SELECT state, checksum FROM state WHERE id = 0"):
            if checksum(state) != sum_of_state:
                raise damaged(self._name, "the checksum of its state does not match")
            known = json.loads(state)
        self.facts: dict[str, Any] = known["facts"]
        self._chunks: int = known["chunks"]
        self._counts: dict[str, int] = known["rows"]  # of each status
        self._answered = NumberRanges(self._answered_ranges())
        waiting = sum(1 for _ in self.all_waiting())
        if (len(self._answered), waiting) != (known["answered"], known["waiting"]):
            raise damaged(self._name, "tasks are missing in it")
        self._waiting_count = waiting
        self.details: dict[int, Any] = dict(self._all_details())
        if len(self.details) != known["details"]:
            raise damaged(self._name, "details of failures are missing in it")
        self._detail_numbers = frozenset(self.details)
        for status in TaskStatus:  # find damage now, and not when all tasks have been run
            for _ in self.rows(status):
                pass

    def _answered_ranges(self) -> Iterator[tuple[int, int]]:
        for first, end, sum_of_range in self._select("SELECT * FROM answered ORDER BY first"):
            if checksum(first, end) != sum_of_range:
                raise damaged(self._name, "the checksum of the answered tasks does not match")
            yield first, end

    def _all_details(self) -> Iterator[tuple[int, Any]]:
        for number, value, sum_of_value in self._select("SELECT * FROM details"):
            if checksum(number, value) != sum_of_value:
                raise damaged(self._name, "the checksum of details does not match")
            yield number, json.loads(value)

    def _select(self, query: str, *values: object) -> list[Any]:
        return self._db.execute(query, values).fetchall()

    @property
    def answered(self) -> int:
        """The number of tasks with a result, final or temporary, at the latest commit."""
        return len(self._answered)

    @property
    def next_number(self) -> int:
        """The number after the last of these tasks."""
        return self._answered.end

    # ------------------------------------------------------------ tasks to run

    def unanswered(
        self, tasks: Iterable[PlainLines | ManifestEntry]
    ) -> Iterator[PlainLines | QueuedTask]:
        """Yield the tasks of a manifest that have no answer yet."""
        number = 0
        for item in tasks:
            if isinstance(item, PlainLines):
                end = number + len(item)
                for first, last in self._answered.missing(number, end):
                    yield item.part(first - number, last - number)
                number = end
            else:
                if number not in self._answered:
                    yield QueuedTask.of(item, number)
                number += 1

    def waiting(self, tries: int) -> Iterator[QueuedTask]:
        """Yield the tasks that have failed temporarily so many times, and wait for a redrive."""
        for task, _ in self._waiting_tasks(tries, tries):
            yield task

    def all_waiting(self) -> Iterator[tuple[QueuedTask, str]]:
        """Yield all tasks that wait for a redrive, with their latest messages."""
        yield from self._waiting_tasks(1, _ANY)

    def _waiting_tasks(self, least: int, most: int) -> Iterator[tuple[QueuedTask, str]]:
        last = -1
        while True:
            # In pages, because the caller may change tasks that it has read.
            with translate_sqlite_errors(self._name):
                page = self._db.execute(
                    "SELECT * FROM waiting WHERE number > ? AND tries BETWEEN ? AND ? "
                    "ORDER BY number LIMIT ?",
                    (last, least, most, _PAGE),
                ).fetchall()
            if not page:
                return
            for number, tries, bucket, key, version, message, sum_of_row in page:
                row = (number, tries, bucket, key, version, message)
                if checksum(*row) != sum_of_row:
                    raise damaged(self._name, "the checksum of a waiting task does not match")
                task = QueuedTask.of(ManifestEntry(bucket, key, version), number)
                task.tries = tries
                yield task, message.decode("utf-8", "surrogatepass")
            last = page[-1][0]

    # ------------------------------------------------------------ results

    def add_row(self, task: QueuedTask, status: TaskStatus, row: bytes) -> None:
        """Add the final result of a task with its row of the report, ``b""`` if it has none."""
        if row:
            self._add_rows(status, row, 1)
        if task.tries:
            self._waiting[task.number] = None
        else:
            self._new.append(task.number)

    def add_lines(self, lines: PlainLines, rows: bytes) -> None:
        """Add plain lines whose tasks have succeeded, with their rows or without any."""
        if rows:
            self._add_rows(TaskStatus.SUCCEEDED, rows, len(lines))
        self._new_ranges.append((lines.first, lines.first + len(lines)))

    def _add_rows(self, status: TaskStatus, rows: bytes, count: int) -> None:
        self._rows[status].append(rows)
        self._row_counts[status] += count

    def add_waiting(self, task: QueuedTask, message: str) -> None:
        """Add a task that has failed temporarily and waits for a redrive."""
        if not task.tries:
            self._new.append(task.number)
        text = message.encode("utf-8", "surrogatepass")
        self._waiting[task.number] = (task.number, task.tries + 1, *task, text)

    def commit(
        self, facts: Mapping[str, Any], details: Mapping[int, Any] = MappingProxyType({})
    ) -> None:
        """Commit all that was added, together with ``facts``, which JSON can represent.

        ``details`` are added to those of earlier commits; those of the same numbers are replaced.

        Only new data is written, so the cost of a commit depends neither on the number of tasks nor
        on how long a single task takes.
        """
        self._answered.update(self._new)
        self._new.clear()
        for first, end in self._new_ranges:
            self._answered.add(first, end)
        self._new_ranges.clear()
        chunks, counts = self._chunks, dict(self._counts)
        with translate_sqlite_errors(self._name), self._db:
            self._db.execute("BEGIN IMMEDIATE")
            for status, rows in self._rows.items():
                if rows:
                    chunk = b"".join(rows)
                    count = self._row_counts[status]
                    record = (chunks, status.value, count)
                    self._db.execute(
                        "INSERT INTO rows (id, status, count, rows, checksum) "
                        "VALUES (?, ?, ?, ?, ?)",
                        (*record, chunk, checksum(*record, content=chunk)),
                    )
                    chunks += 1
                    counts[status] = counts.get(status, 0) + count
            waiting = self._commit_waiting()
            self._commit_answered()
            detail_numbers = self._detail_numbers | details.keys()
            saved = [(number, json.dumps(value)) for number, value in details.items()]
            self._db.executemany(
                "REPLACE INTO details VALUES (?, ?, ?)",
                [(*each, checksum(*each)) for each in saved],
            )
            state = json.dumps(
                {
                    "facts": facts,
                    "chunks": chunks,
                    "rows": counts,
                    "answered": len(self._answered),
                    "waiting": waiting,
                    "details": len(detail_numbers),
                }
            )
            self._db.execute("REPLACE INTO state VALUES (0, ?, ?)", (state, checksum(state)))
        self._chunks, self._counts, self._waiting_count = chunks, counts, waiting
        self._detail_numbers = detail_numbers
        self.facts = dict(facts)
        self._answered.saved()
        self._waiting.clear()
        for status, added in self._rows.items():
            added.clear()
            self._row_counts[status] = 0

    def _commit_waiting(self) -> int:
        """Save changes of the tasks that wait for a redrive; return how many wait."""
        if not self._waiting:
            return self._waiting_count
        ended = [(number,) for number, row in self._waiting.items() if row is None]
        waiting = [(*row, checksum(*row)) for row in self._waiting.values() if row is not None]
        new = sum(row[1] == 1 for row in waiting)  # tasks that fail for the first time
        left = self._db.executemany("DELETE FROM waiting WHERE number = ?", ended).rowcount
        self._db.executemany("REPLACE INTO waiting VALUES (?, ?, ?, ?, ?, ?, ?)", waiting)
        return self._waiting_count + new - max(left, 0)

    def _commit_answered(self) -> None:
        removed = [(first,) for first in self._answered.removed]
        self._db.executemany("DELETE FROM answered WHERE first = ?", removed)
        changed = [(*each, checksum(*each)) for each in self._answered.changed.items()]
        self._db.executemany("REPLACE INTO answered VALUES (?, ?, ?)", changed)

    def rows(self, status: TaskStatus) -> Iterator[bytes]:
        """Yield the committed rows of a status in chunks, in the format of the report.

        Raises:
            StateDamaged: Rows are damaged or missing. Damage is found before the chunk is yielded,
                missing rows at the end.
        """
        found = 0
        query = "SELECT id, count, rows, checksum FROM rows WHERE status = ? ORDER BY id"
        with translate_sqlite_errors(self._name), closing(self._db.cursor()) as cursor:
            for number, count, chunk, sum_of_chunk in cursor.execute(query, (status,)):
                is_whole = isinstance(chunk, bytes) and sum_of_chunk == checksum(
                    number, status.value, count, content=chunk
                )
                if not is_whole:
                    raise damaged(self._name, "the checksum of report rows does not match")
                found += count
                yield chunk
        if found != self.count(status):
            raise damaged(
                self._name, f"{found:,} of {self.count(status):,} rows of {status} tasks are left"
            )

    def count(self, status: TaskStatus) -> int:
        """Return the number of committed rows of a status."""
        return self._counts.get(status, 0)

    def close(self) -> None:
        """Close the file. What was not committed is lost."""
        self._db.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


_VERSION: Final = 4
_NEW: Final = {"facts": {}, "chunks": 0, "rows": {}, "answered": 0, "waiting": 0, "details": 0}
_SCHEMA: Final = """
    PRAGMA page_size = 16384;  -- rows are large, and each page is one write
    BEGIN;
    CREATE TABLE state (id INTEGER PRIMARY KEY, state TEXT, checksum INTEGER);
    CREATE TABLE rows (
        id INTEGER PRIMARY KEY, status TEXT, count INTEGER, rows BLOB, checksum INTEGER
    );
    CREATE TABLE answered (first INTEGER PRIMARY KEY, "end" INTEGER, checksum INTEGER);
    CREATE TABLE details (number INTEGER PRIMARY KEY, value TEXT, checksum INTEGER);
    CREATE TABLE waiting (
        number INTEGER PRIMARY KEY, tries INTEGER, bucket TEXT, key TEXT, version TEXT,
        message BLOB, checksum INTEGER
    );
    PRAGMA user_version = 4;
    COMMIT;
"""
_PAGE: Final = 1_000
_ANY: Final = 1 << 62
