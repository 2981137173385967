"""How jobs ran that ended before the server started, from their reports. Each is read once."""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING, Final, NamedTuple

from s3batch_handler.core._errors import S3BatchError
from s3batch_handler.core._redaction import redacted_text
from s3batch_handler.documents.reports._run_record import read_run_record
from s3batch_handler.page._task_facts import failures_of, redacted_task

if TYPE_CHECKING:
    from collections.abc import Callable

    from s3batch_handler.documents.reports._report import Report
    from s3batch_handler.documents.reports._run_record import RunRecord
    from s3batch_handler.page._document import Failures, JobDocument


class EndedRun(NamedTuple):
    """What is known about the run of a job that has ended."""

    failures: list[Failures]
    record: RunRecord | None

    def add_to(self, document: JobDocument) -> None:
        """Add the facts that a document lacks."""
        document["failures"] = document["failures"] or self.failures
        if self.record is not None:
            document["rate_history"] = document["rate_history"] or self.record["rate_history"]
            document["durations"] = document["durations"] or self.record["durations"]
            slowest = [*map(redacted_task, self.record["slowest"])]
            document["slowest"] = document["slowest"] or slowest


class EndedJobs:
    """The runs of jobs that ended before the server started, from their reports.

    Args:
        limit: The number of jobs that are kept.
    """

    def __init__(self, limit: int = 50) -> None:
        self._limit = limit
        self._reading = threading.Lock()
        self._known: dict[str, EndedRun] = {}

    def run(self, job_id: str, open_report: Callable[[str], Report]) -> EndedRun:
        """Return what is known about the run of a job. A large report is read for seconds."""
        known = self._known.get(job_id)
        if known is not None:
            return known
        with self._reading:
            if job_id not in self._known:
                self._known[job_id] = _read(job_id, open_report)
                while len(self._known) > self._limit:
                    del self._known[next(iter(self._known))]
            return self._known[job_id]


def _read(job_id: str, open_report: Callable[[str], Report]) -> EndedRun:
    try:
        report = open_report(job_id)
        failures = [*map(failures_of, report.summary().failures)]
        return EndedRun(failures, read_run_record(report))
    except (S3BatchError, OSError) as error:
        _LOG.warning("The run of job %s is not known: %s", job_id, redacted_text(error))
        return EndedRun([], None)


_LOG: Final = logging.getLogger("s3batch_handler.local_aws")
