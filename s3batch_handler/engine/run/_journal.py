"""What has become of the tasks of one job so far: kept in SQLite, so that it outlives the process.

A job that was cut off, by ``kill -9`` at any moment, goes on where its journal ends: tasks that are
in it have their row in the report and are not run again, all others are run (again). What happens
between two commits is kept or lost as one.
"""

from __future__ import annotations

import json
import sys
from contextlib import closing
from itertools import islice
from typing import TYPE_CHECKING, Any, Final, Self

from s3batch_handler.documents._manifest import ManifestEntry
from s3batch_handler.documents._report import TaskStatus
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
    """A line of the manifest as a task of its job.

    Attributes:
        number: Which line, from 0.
        tries: How often it has failed temporarily.
        was_run: Whether the task has an answer in this pass.
        followers: Tasks after it that fail without being run, as soon as it has an answer.
    """

    number: int
    tries = 0
    was_run = False
    followers: list[QueuedTask] | None = None


class Journal:
    """The journal of one job, in a file; without one, in a temporary file that nobody else sees.

    Args:
        path: Made when it is not there.
        must_exist: Do not make it.

    Raises:
        StateError: It cannot be read or written, now or later on: no permission, a full disk. What
            was committed stays, so that the job can go on once that has passed.
        StateDamaged: It is no journal, or not whole any more, or it must exist and does not.
    """

    def __init__(self, path: Path | None = None, *, must_exist: bool = False) -> None:
        self._name = "the journal" if path is None else str(path)
        self._new: list[int] = []  # numbers of tasks that were answered since the latest commit
        self._rows: dict[TaskStatus, list[bytes]] = {status: [] for status in TaskStatus}
        self._waiting: dict[int, tuple[object, ...] | None] = {}  # None: waits no longer
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
        """Create the file of a new job's journal, in place of any other.

        The caller does so before it saves the job, so that a missing journal is noticed.
        """
        remove_database(path)
        cls(path).close()

    def _read_state(self) -> None:
        """Read the committed state, and check that it is complete."""
        known: dict[str, Any] = _NOTHING
        for state, sum_of_state in self._select("SELECT state, checksum FROM state WHERE id = 0"):
            if checksum(state) != sum_of_state:
                raise damaged(self._name, "the checksum of its state does not match")
            known = json.loads(state)
        self.facts: dict[str, Any] = known["facts"]
        """What was given to the latest :meth:`commit`."""
        self._chunks: int = known["chunks"]
        self._counts: dict[str, int] = known["rows"]  # of each status
        self._answered = NumberRanges(self._answered_ranges())
        waiting = sum(1 for _ in self.all_waiting())
        if (len(self._answered), waiting) != (known["answered"], known["waiting"]):
            raise damaged(self._name, "tasks are missing in it")
        self._waiting_count = waiting
        for status in TaskStatus:  # now, and not when all other tasks have been run
            for _ in self.rows(status):
                pass

    def _answered_ranges(self) -> Iterator[tuple[int, int]]:
        for first, end, sum_of_range in self._select("SELECT * FROM answered ORDER BY first"):
            if checksum(first, end) != sum_of_range:
                raise damaged(self._name, "the checksum of the answered tasks does not match")
            yield first, end

    def _select(self, query: str, *values: object) -> list[Any]:
        return self._db.execute(query, values).fetchall()

    @property
    def answered(self) -> int:
        """Number of tasks that have an answer or failed temporarily, as of the latest commit."""
        return len(self._answered)

    @property
    def end(self) -> int:
        """The number after the last of these tasks."""
        return self._answered.end

    # ------------------------------------------------------------ what is to be done

    def unanswered(self, entries: Iterable[ManifestEntry]) -> Iterator[QueuedTask]:
        """Yield the tasks of a manifest that have no answer yet."""
        entries = iter(entries)
        start = 0
        new = tuple.__new__  # half the price of QueuedTask(…)
        for first, end in (*self._answered, (sys.maxsize, sys.maxsize)):
            for number, entry in enumerate(islice(entries, first - start), start):
                task = new(QueuedTask, entry)
                task.number = number
                yield task
            start = first + sum(1 for _ in islice(entries, end - first))

    def waiting(self, tries: int) -> Iterator[QueuedTask]:
        """Give the tasks that have failed temporarily so many times, and nothing else so far."""
        for task, _ in self._waiting_tasks(tries, tries):
            yield task

    def all_waiting(self) -> Iterator[tuple[QueuedTask, str]]:
        """Give all tasks that wait for another try, with their latest messages."""
        yield from self._waiting_tasks(1, _ANY)

    def _waiting_tasks(self, least: int, most: int) -> Iterator[tuple[QueuedTask, str]]:
        last = -1
        while True:
            # Page by page: those that were read may be changed while the next ones are.
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
                task = QueuedTask(bucket, key, version)
                task.number, task.tries = number, tries
                yield task, message.decode("utf-8", "surrogatepass")
            last = page[-1][0]

    # ------------------------------------------------------------ what became of it

    def add_row(self, task: QueuedTask, status: TaskStatus, row: bytes) -> None:
        """Take a task's row of the report, the last that is heard of it; ``b""``: it gets none."""
        if row:
            self._rows[status].append(row)
        if task.tries:
            self._waiting[task.number] = None
        else:
            self._new.append(task.number)

    def add_waiting(self, task: QueuedTask, message: str) -> None:
        """Take a task that has failed temporarily, once more."""
        if not task.tries:
            self._new.append(task.number)
        text = message.encode("utf-8", "surrogatepass")
        self._waiting[task.number] = (task.number, task.tries + 1, *task, text)

    def commit(self, facts: Mapping[str, Any]) -> None:
        """Commit all that was added, together with ``facts`` (JSON) about it.

        Only new data is written, so the cost of a commit depends neither on the number of tasks nor
        on how long a single task takes.
        """
        self._answered.update(self._new)
        self._new.clear()
        chunks, counts = self._chunks, dict(self._counts)
        with translate_sqlite_errors(self._name), self._db:
            self._db.execute("BEGIN IMMEDIATE")
            for status, rows in self._rows.items():
                if rows:
                    chunk = b"".join(rows)
                    record = (chunks, status.value, len(rows))
                    self._db.execute(
                        "INSERT INTO rows (id, status, count, rows, checksum) "
                        "VALUES (?, ?, ?, ?, ?)",
                        (*record, chunk, checksum(*record, content=chunk)),
                    )
                    chunks += 1
                    counts[status] = counts.get(status, 0) + len(rows)
            waiting = self._commit_waiting()
            self._commit_answered()
            state = json.dumps(
                {
                    "facts": facts,
                    "chunks": chunks,
                    "rows": counts,
                    "answered": len(self._answered),
                    "waiting": waiting,
                }
            )
            self._db.execute("REPLACE INTO state VALUES (0, ?, ?)", (state, checksum(state)))
        self._chunks, self._counts, self._waiting_count = chunks, counts, waiting
        self.facts = dict(facts)
        self._answered.saved()
        self._waiting.clear()
        for added in self._rows.values():
            added.clear()

    def _commit_waiting(self) -> int:
        """Save changes of the tasks that wait for a redrive; return how many wait."""
        if not self._waiting:
            return self._waiting_count
        ended = [(number,) for number, row in self._waiting.items() if row is None]
        waiting = [(*row, checksum(*row)) for row in self._waiting.values() if row is not None]
        begun = sum(row[1] == 1 for row in waiting)  # tasks that fail for the first time
        left = self._db.executemany("DELETE FROM waiting WHERE number = ?", ended).rowcount
        self._db.executemany("REPLACE INTO waiting VALUES (?, ?, ?, ?, ?, ?, ?)", waiting)
        return self._waiting_count + begun - max(left, 0)

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
                self._name, f"{found:,} of {self.count(status):,} rows of {status} tasks are there"
            )

    def count(self, status: TaskStatus) -> int:
        """Return the number of committed rows of a status."""
        return self._counts.get(status, 0)

    def close(self) -> None:
        """Let go of the file; what is not committed is lost."""
        self._db.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


_VERSION: Final = 2
_NOTHING: Final[dict[str, Any]] = {
    "facts": {},
    "chunks": 0,
    "rows": {},
    "answered": 0,
    "waiting": 0,
}
_SCHEMA: Final = """
    BEGIN;
    CREATE TABLE state (id INTEGER PRIMARY KEY, state TEXT, checksum INTEGER);
    CREATE TABLE rows (
        id INTEGER PRIMARY KEY, status TEXT, count INTEGER, rows BLOB, checksum INTEGER
    );
    CREATE TABLE answered (first INTEGER PRIMARY KEY, "end" INTEGER, checksum INTEGER);
    CREATE TABLE waiting (
        number INTEGER PRIMARY KEY, tries INTEGER, bucket TEXT, key TEXT, version TEXT,
        message BLOB, checksum INTEGER
    );
    PRAGMA user_version = 2;
    COMMIT;
"""
_PAGE: Final = 1_000
_ANY: Final = 1 << 62
