"""The statuses that a job has had, each with its time: a bounded list."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from s3batch_handler.documents.reports._report_files import MAX_STATUSES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from s3batch_handler.documents.reports._run_record import StatusChange
    from s3batch_handler.jobs._status import JobStatus


def change(status: JobStatus, time: datetime) -> StatusChange:
    """Return a status and the time when it began."""
    return {"status": status.value, "time": time.isoformat()}


def continued(history: Sequence[StatusChange], new: StatusChange) -> list[StatusChange]:
    """Return a history with one more status: the first one and the latest ones are kept."""
    changes = [*history, new]
    return changes if len(changes) <= MAX_STATUSES else [changes[0], *changes[-MAX_STATUSES + 1 :]]


def latest_time(history: Sequence[StatusChange]) -> datetime:
    """Return the time of the latest status."""
    return datetime.fromisoformat(history[-1]["time"])
