"""The last lines that the functions of an engine's jobs wrote."""

from __future__ import annotations

import threading
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Final

from s3batch_handler.engine.invoke._recorded_log import RecordedLog

if TYPE_CHECKING:
    from collections.abc import Iterator

    from s3batch_handler.engine.invoke._log_tail import LogTail


class JobLogs:
    """The end of the log of each job, for the latest jobs. Threads may use it at the same time.

    Args:
        limit: The number of jobs.
    """

    def __init__(self, limit: int = 100) -> None:
        self._limit = limit
        self._tails: dict[str, LogTail] = {}
        self._lock = threading.Lock()

    @contextmanager
    def recording(self, job_id: str) -> Iterator[RecordedLog]:
        """Yield a log for the worker processes of a job, which is copied to standard error."""
        with closing(RecordedLog(_STDERR)) as log:
            with self._lock:
                self._tails.pop(job_id, None)  # so that it becomes the latest one
                self._tails[job_id] = log.tail
                while len(self._tails) > self._limit:
                    del self._tails[next(iter(self._tails))]
            yield log

    def lines(self, job_id: str) -> list[str] | None:
        """Return the last lines of a job; ``None`` if its log is not known."""
        with self._lock:
            tail = self._tails.get(job_id)
        return None if tail is None else tail.lines()


_STDERR: Final = 2
