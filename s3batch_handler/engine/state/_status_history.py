"""The statuses that a job has had, as they are kept in a state folder."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

from s3batch_handler.core._errors import StateDamaged
from s3batch_handler.engine.state._job_records import sealed, unsealed
from s3batch_handler.engine.state._status_changes import change
from s3batch_handler.jobs._status import JobStatus

if TYPE_CHECKING:
    from collections.abc import Sequence

    from s3batch_handler.documents.reports._run_record import StatusChange
    from s3batch_handler.jobs._job import Job

HISTORY_TABLE: Final = "CREATE TABLE IF NOT EXISTS history (job_id TEXT PRIMARY KEY, statuses TEXT)"
"""Created when a database is opened: those of older versions do not have it."""


def sealed_history(job_id: str, history: Sequence[StatusChange]) -> str:
    """Return a history as text with a checksum."""
    return sealed(job_id, json.dumps([[each["status"], each["time"]] for each in history]))


def saved_history(job: Job, text: object | None, *, name: str) -> list[StatusChange]:
    """Return a history that was sealed.

    If it is damaged, or missing because an older version created the job, return the statuses whose
    times are in the description of the job: a damaged history must not prevent reading the job.
    """
    if text is not None:
        try:
            rows = json.loads(unsealed(job.job_id, text, name=name))
            return [{"status": status, "time": time} for status, time in rows]
        except StateDamaged:
            pass
    changes = [(JobStatus.NEW, job.creation_time), (JobStatus.SUSPENDED, job.suspended_date)]
    if job.status.is_final:
        changes.append((job.status, job.termination_date))
    return [change(status, time) for status, time in changes if time is not None]
