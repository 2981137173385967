"""Why tasks of ended jobs failed, from their reports: read once, and kept."""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING, Final

from s3batch_handler.core._errors import S3BatchError
from s3batch_handler.core._redaction import redacted_text
from s3batch_handler.page._task_facts import failures_of

if TYPE_CHECKING:
    from s3batch_handler.engine._engine import Engine
    from s3batch_handler.page._document import Failures


class EndedJobs:
    """The failures in the reports of jobs that ended before the server started.

    Args:
        limit: The number of jobs that are kept.
    """

    def __init__(self, limit: int = 50) -> None:
        self._limit = limit
        self._reading = threading.Lock()
        self._known: dict[str, list[Failures]] = {}

    def failures(self, engine: Engine, job_id: str) -> list[Failures]:
        """Return the groups of failures; none if the report cannot be read.

        A large report is read for seconds.
        """
        known = self._known.get(job_id)
        if known is not None:
            return known
        with self._reading:
            if job_id not in self._known:
                self._known[job_id] = _read(engine, job_id)
                while len(self._known) > self._limit:
                    del self._known[next(iter(self._known))]
            return self._known[job_id]


def _read(engine: Engine, job_id: str) -> list[Failures]:
    try:
        return [*map(failures_of, engine.open_report(job_id).summary().failures)]
    except (S3BatchError, OSError) as error:
        _LOG.warning("The failures of job %s are not known: %s", job_id, redacted_text(error))
        return []


_LOG: Final = logging.getLogger("s3batch_handler.local_aws")
