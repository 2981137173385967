"""Count how often tasks occur in a manifest and in a report, in a temporary file."""

from __future__ import annotations

import sqlite3
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Final, NamedTuple

from s3batch_handler.core._errors import ReportError
from s3batch_handler.core._sanitize import safe_line
from s3batch_handler.documents.manifests._task_digest import task_digest

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from s3batch_handler.documents.manifests._manifest import ManifestEntry


def are_same_tasks(entries: Iterable[ManifestEntry], others: Iterable[ManifestEntry]) -> bool:
    """Return whether two lists have the same tasks, each as often as the other list.

    The sums of their digests are compared, which needs neither memory nor order. Other lists have
    the same sum with a probability of about 2 to the power of -128.
    """
    difference = sum(map(_number, entries)) - sum(map(_number, others))
    return difference == 0


def _number(entry: ManifestEntry) -> int:
    return int.from_bytes(task_digest(entry))


@contextmanager
def temporary_database(schema: str) -> Iterator[sqlite3.Connection]:
    """Open a database in a temporary file, so that memory does not grow with a report.

    Raises:
        ReportError: The file cannot be written.
    """
    try:
        with closing(_connect()) as database:
            # The database is temporary: it needs no journal, and no sync to the disk.
            for setting in ("journal_mode = OFF", "synchronous = OFF", f"cache_size = -{_CACHE}"):
                database.execute(f"PRAGMA {setting}")
            database.executescript(schema)
            yield database
    except sqlite3.Error as error:
        raise ReportError(
            f"a temporary file cannot be used: {error}; TMPDIR names another folder"
        ) from error


def _connect() -> sqlite3.Connection:
    # boto3 reads what it uploads in a thread of its own, while this thread waits.
    return sqlite3.connect("", isolation_level=None, check_same_thread=False)


_CACHE: Final = 32_768  # KiB


@contextmanager
def task_counts() -> Iterator[TaskCounts]:
    """Open an empty :class:`TaskCounts` in a temporary file."""
    with temporary_database(_SCHEMA) as database:
        yield TaskCounts(database)


_SCHEMA: Final = """
    CREATE TABLE tasks (
        digest BLOB PRIMARY KEY, lines INTEGER NOT NULL DEFAULT 0, rows INTEGER NOT NULL DEFAULT 0
    ) WITHOUT ROWID;
    BEGIN;
"""
_ADD_LINE: Final = "INSERT INTO tasks VALUES (?, 1, 0) ON CONFLICT DO UPDATE SET lines = lines + 1"
_ADD_ROW: Final = "INSERT INTO tasks VALUES (?, 0, 1) ON CONFLICT DO UPDATE SET rows = rows + 1"


class TaskCounts:
    """How often each task occurs in a manifest (lines) and in a report (rows)."""

    def __init__(self, database: sqlite3.Connection) -> None:
        self._database = database

    def add_lines(self, entries: Iterable[ManifestEntry]) -> None:
        """Count the lines of a manifest."""
        self._database.executemany(_ADD_LINE, ((task_digest(entry),) for entry in entries))

    def add_rows(self, entries: Iterable[ManifestEntry]) -> None:
        """Count the rows of a report, given by the entries that they repeat."""
        self._database.executemany(_ADD_ROW, ((task_digest(entry),) for entry in entries))

    def missing(self) -> Difference:
        """Return the lines without a row."""
        return self._select("lines - rows", "lines > rows")

    def unknown(self) -> Difference:
        """Return the rows without a line."""
        return self._select("rows", "lines = 0")

    def repeated(self) -> Difference:
        """Return the rows beyond the number of lines, of tasks that have lines."""
        return self._select("rows - lines", "rows > lines AND lines > 0")

    def repeated_rows(self) -> Difference:
        """Return the rows beyond the first one of each task, if no lines were counted."""
        return self._select("rows - 1", "rows > 1")

    def _select(self, excess: str, condition: str) -> Difference:
        where = f"FROM tasks WHERE {condition}"
        (count,) = self._database.execute(f"SELECT TOTAL({excess}) {where}").fetchone()
        examples = self._database.execute(f"SELECT digest {where} LIMIT {_EXAMPLES}")
        return Difference(int(count), frozenset(digest for (digest,) in examples))


class Difference(NamedTuple):
    """A difference between two lists of tasks.

    Attributes:
        number: The number of lines or rows.
        examples: The digests of a few of them.
    """

    number: int
    examples: frozenset[bytes]

    def names(self, entries: Iterable[ManifestEntry]) -> str:
        """Return the examples as text, found among the entries of a manifest or a report."""
        left = set(self.examples)
        found = []
        for entry in entries:
            if (digest := task_digest(entry)) in left:
                left.remove(digest)
                found.append(object_name(entry))
                if not left:
                    break
        return ", ".join(found)


def object_name(entry: ManifestEntry) -> str:
    """Return the object of an entry for a message: ``s3://bucket/key``, with its version ID."""
    item = entry.object
    version = f" (version {item.version_id})" if item.version_id else ""
    return safe_line(f"s3://{item.bucket}/{item.key}{version}", 300)


_EXAMPLES: Final = 3
