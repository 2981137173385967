"""What has become of the tasks of one job so far: kept in SQLite, so that it outlives the process.

A job that was cut off, by ``kill -9`` at any moment, goes on where its journal ends: tasks that are
in it have their row in the report and are not run again, all others are run (again). What happens
between two commits is kept or lost as one.
"""

from __future__ import annotations

import json
from contextlib import closing
from itertools import islice
from typing import TYPE_CHECKING, Any, Final, Self

from s3batch_handler.engine.database import open_database, told
from s3batch_handler.manifest import ManifestEntry
from s3batch_handler.report import TaskStatus

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path


class QueuedTask(ManifestEntry):
    """A line of the manifest as a task of its job.

    Attributes:
        number: Which line, from 0.
        tries: How often it has failed temporarily.
    """

    number: int
    tries = 0


class Journal:
    """The journal of one job, in a file; without one, in a temporary file that nobody else sees.

    Args:
        path: Made when it is not there.

    Raises:
        StateError: It cannot be read or written, now or later on: no permission, a full disk. What
            was committed stays, so that the job can go on once that has passed.
        StateDamaged: It is no journal, or not whole any more.
    """

    def __init__(self, path: Path | None = None) -> None:
        self._name = "the journal" if path is None else str(path)
        self._answered: set[int] = set()
        self._rows: dict[TaskStatus, list[bytes]] = {status: [] for status in TaskStatus}
        self._waiting: dict[int, tuple[object, ...] | None] = {}  # None: waits no longer
        self._db = open_database(
            path or "", name=self._name, schema=_SCHEMA, is_temporary=path is None
        )
        try:
            with told(self._name):
                self._read_state()
        except BaseException:
            self.close()
            raise

    def _read_state(self) -> None:
        (low, beyond, facts) = self._db.execute("SELECT low, beyond, facts FROM state").fetchone()
        self._low: int = low  # all tasks before this one are answered
        self._beyond: set[int] = set(json.loads(beyond))  # and these
        self.facts: dict[str, Any] = json.loads(facts)
        """What was given to the latest :meth:`commit`."""

    # ------------------------------------------------------------ what is to be done

    def unanswered(self, entries: Iterable[ManifestEntry]) -> Iterator[QueuedTask]:
        """Give the tasks of a manifest that have no answer yet."""
        low, beyond = self._low, frozenset(self._beyond)
        new = tuple.__new__  # half the price of QueuedTask(…)
        for number, entry in enumerate(islice(entries, low, None), low):
            if number not in beyond:
                task = new(QueuedTask, entry)
                task.number = number
                yield task

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
            with told(self._name):
                page = self._db.execute(
                    "SELECT * FROM waiting WHERE number > ? AND tries BETWEEN ? AND ? "
                    "ORDER BY number LIMIT ?",
                    (last, least, most, _PAGE),
                ).fetchall()
            if not page:
                return
            for number, tries, bucket, key, version, message in page:
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
            self._answered.add(task.number)

    def add_waiting(self, task: QueuedTask, message: str) -> None:
        """Take a task that has failed temporarily, once more."""
        if not task.tries:
            self._answered.add(task.number)
        text = message.encode("utf-8", "surrogatepass")
        self._waiting[task.number] = (task.number, task.tries + 1, *task, text)

    def commit(self, facts: Mapping[str, Any]) -> None:
        """Keep all that was added, together with ``facts`` (JSON) that are true of it."""
        self._beyond |= self._answered
        low = self._low
        while low in self._beyond:
            self._beyond.remove(low)
            low += 1
        ended = [(number,) for number, row in self._waiting.items() if row is None]
        with told(self._name), self._db:
            self._db.execute("BEGIN IMMEDIATE")
            for status, rows in self._rows.items():
                if rows:
                    chunk = (status, b"".join(rows))
                    self._db.execute("INSERT INTO rows (status, rows) VALUES (?, ?)", chunk)
            self._db.executemany("DELETE FROM waiting WHERE number = ?", ended)
            waiting = filter(None, self._waiting.values())
            self._db.executemany("REPLACE INTO waiting VALUES (?, ?, ?, ?, ?, ?)", waiting)
            state = (low, json.dumps(sorted(self._beyond)), json.dumps(facts))
            self._db.execute("UPDATE state SET low = ?, beyond = ?, facts = ?", state)
        self._low, self.facts = low, dict(facts)
        self._answered.clear()
        self._waiting.clear()
        for added in self._rows.values():
            added.clear()

    def rows(self, status: TaskStatus) -> Iterator[bytes]:
        """Give the committed rows of a status, many at a time, as they stand in a report."""
        with told(self._name), closing(self._db.cursor()) as cursor:
            query = "SELECT rows FROM rows WHERE status = ? ORDER BY id"
            for (chunk,) in cursor.execute(query, (status,)):
                yield chunk

    def close(self) -> None:
        """Let go of the file; what is not committed is lost."""
        self._db.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


_SCHEMA: Final = """
    BEGIN;
    CREATE TABLE state (low INTEGER, beyond TEXT, facts TEXT);
    INSERT INTO state VALUES (0, '[]', '{}');
    CREATE TABLE rows (id INTEGER PRIMARY KEY, status TEXT, rows BLOB);
    CREATE TABLE waiting (
        number INTEGER PRIMARY KEY, tries INTEGER, bucket TEXT, key TEXT, version TEXT, message BLOB
    );
    PRAGMA user_version = 1;
    COMMIT;
"""
_PAGE: Final = 1_000
_ANY: Final = 1 << 62
