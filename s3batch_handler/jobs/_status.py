"""Where a job stands: status and counts. The models of ``job.py`` take longer to load."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class JobStatus(StrEnum):
    """The 13 states of a job (S3 Control's service model)."""

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
        """Tell whether a job stays as it is now."""
        return self in _FINAL


_FINAL: Final = frozenset({JobStatus.COMPLETE, JobStatus.CANCELLED, JobStatus.FAILED})


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a job has come.

    A task that waits for a redrive has neither succeeded nor failed yet.

    Attributes:
        total: The tasks of the job; ``None`` while nobody has counted the manifest.
        active_seconds: How long the job has been ``Active`` so far; ``None`` where nobody tells.
    """

    total: int | None
    succeeded: int
    failed: int
    active_seconds: int | None = None

    @property
    def done(self) -> int:
        """Tasks whose outcome is final."""
        return self.succeeded + self.failed
