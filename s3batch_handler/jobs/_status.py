"""Status and progress of a job. The models in ``_job.py`` take longer to import."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class JobStatus(StrEnum):
    """The 13 statuses of a job (S3 Control's service model)."""

    NEW = "New"
    PREPARING = "Preparing"
    SUSPENDED = "Suspended"
    READY = "Ready"
    ACTIVE = "Active"
    PAUSING = "Pausing"
    PAUSED = "Paused"
    COMPLETING = "Completing"
    COMPLETE = "Complete"
    CANCELLING = "Cancelling"
    CANCELLED = "Cancelled"
    FAILING = "Failing"
    FAILED = "Failed"

    @property
    def is_final(self) -> bool:
        """Return whether the job has ended."""
        return self in _FINAL


_FINAL: Final = frozenset({JobStatus.COMPLETE, JobStatus.CANCELLED, JobStatus.FAILED})


@dataclass(frozen=True, slots=True)
class Progress:
    """The counts of a job's tasks.

    A task that waits for a redrive has neither succeeded nor failed yet.

    Attributes:
        total: The number of tasks; ``None`` before the manifest is counted.
        active_seconds: How long the job has been ``Active``; ``None`` if unknown.
    """

    total: int | None
    succeeded: int
    failed: int
    active_seconds: int | None = None

    @property
    def done(self) -> int:
        """Return the number of tasks that have succeeded or failed."""
        return self.succeeded + self.failed
