"""Read the journal of a job while another thread or process may write to it."""

from __future__ import annotations

import io
import json
import sqlite3
import time
from contextlib import closing
from functools import partial
from typing import TYPE_CHECKING, Any, Final, TypeVar
from urllib.parse import quote

from s3batch_handler.core._errors import StateDamaged
from s3batch_handler.documents.reports._failed_pages import rows_with_ends
from s3batch_handler.documents.reports._failure_groups import FailureCounts
from s3batch_handler.documents.reports._rows import TaskStatus
from s3batch_handler.engine.run._ledger import STATISTICS
from s3batch_handler.engine.run._run_observer import RunObserver
from s3batch_handler.engine.run._run_statistics import RunStatistics
from s3batch_handler.engine.state._sqlite import check_is_file, checksum, damaged

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from s3batch_handler.documents.reports._rows import ReportRow

_T = TypeVar("_T")


class JournalReader:
    """Reads what is committed to a journal. Nothing is locked or written.

    The writer changes pages of the file in place. Checksums show if a commit was read in part, and
    then it is read again.

    Args:
        path: The file.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def failed_from(self, start: int) -> Iterator[tuple[int, ReportRow]]:
        """Yield rows of failed tasks from an offset in all of them, each with the offset after it.

        This is their offset in the results file of the report, too: it has the same rows.

        Raises:
            StateDamaged: The journal is damaged or missing.
            ReportError: No row begins at this offset.
        """
        offset = 0
        for number, count, size in self._read_complete(_failed_chunks):
            if offset + size > start:
                chunk = self._read_complete(partial(_chunk, number=number, count=count))
                skipped = max(0, start - offset)
                yield from rows_with_ends(io.BytesIO(chunk[skipped:]), offset + skipped)
            offset += size

    def run(self) -> RunObserver:
        """Return how the job has run so far, for a job that is paused.

        Raises:
            StateDamaged: The journal is damaged or missing.
        """
        facts, details = self._read_complete(_facts_and_details)
        observer = RunObserver()
        statistics = RunStatistics(
            details.pop(STATISTICS, None),
            seconds=facts.get("seconds", 0.0),
            succeeded=facts.get("succeeded", 0),
            failed=facts.get("failed", 0),
        )
        observer.statistics = statistics.snapshot(remaining=None)
        observer.counts = (None, FailureCounts(details).most_frequent())
        return observer

    def _read_complete(self, read: Callable[[sqlite3.Connection], _T | None]) -> _T:
        """Read the file until what was read is complete."""
        check_is_file(self._path)
        uri = f"file:{quote(str(self._path.absolute()))}?mode=ro&immutable=1"
        for pause in _PAUSES:
            time.sleep(pause)
            try:
                with closing(sqlite3.connect(uri, uri=True)) as database:
                    found = read(database)
            except (sqlite3.Error, ValueError, TypeError):  # pages of two commits
                continue
            if found is not None:
                return found
        if self._path.exists():
            raise damaged(str(self._path), "its checksums do not match")
        raise StateDamaged(f"{self._path} is missing: the job may have ended")


_PAUSES: Final = (0.0, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2)
"""Seconds before each try. A commit takes milliseconds, and there are ten in a second."""


def _state(database: sqlite3.Connection) -> dict[str, Any] | None:
    for state, sum_of_state in database.execute("SELECT state, checksum FROM state WHERE id = 0"):
        known: dict[str, Any] = json.loads(state)
        return known if checksum(state) == sum_of_state else None
    return {"facts": {}, "rows": {}, "details": 0}  # before the first commit


def _failed_chunks(database: sqlite3.Connection) -> list[tuple[int, int, int]] | None:
    """Return the number, the rows and the bytes of each chunk of failed tasks."""
    known = _state(database)
    # SQLite finds the length of a blob without reading it.
    chunks = database.execute(
        "SELECT id, count, length(rows) FROM rows WHERE status = ? ORDER BY id",
        (TaskStatus.FAILED,),
    ).fetchall()
    if known is None or sum(count for _, count, _ in chunks) != known["rows"].get("failed", 0):
        return None
    return chunks


def _chunk(database: sqlite3.Connection, *, number: int, count: int) -> bytes | None:
    query = "SELECT rows, checksum FROM rows WHERE id = ?"
    for chunk, sum_of_chunk in database.execute(query, (number,)):
        if checksum(number, TaskStatus.FAILED.value, count, content=chunk) == sum_of_chunk:
            return bytes(chunk)
    return None


def _facts_and_details(
    database: sqlite3.Connection,
) -> tuple[dict[str, Any], dict[int, Any]] | None:
    known = _state(database)
    rows = database.execute("SELECT number, value, checksum FROM details").fetchall()
    is_whole = known is not None and len(rows) == known["details"]
    if known is None or not is_whole or any(checksum(*row[:2]) != row[2] for row in rows):
        return None
    return known["facts"], {number: json.loads(value) for number, value, _ in rows}
