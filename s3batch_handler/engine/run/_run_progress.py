"""The progress of a job that runs on this machine."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from s3batch_handler.jobs._status import JobStatus, Progress

if TYPE_CHECKING:
    from s3batch_handler.documents.reports._failure_groups import FailureGroup


@dataclass(frozen=True, slots=True, kw_only=True)
class RunProgress(Progress):
    """The counts of a running job, and what explains them.

    Attributes:
        elapsed: ``active_seconds``, exactly.
        status: ``Active``; ``Completing``, ``Failing``, ``Cancelling`` or ``Pausing`` when no
            further task starts.
        waiting: The number of tasks that wait for a redrive.
        pass_number: 1 for the first try of the tasks, 2 for their first retry.
        answers: The number of answers since this process runs the job. A task that is retried has
            several.
        workers: The number of calls at the same time; ``None`` if unknown.
        failures: The most frequent failures, at most three.
        tolerated: The number of tasks that may have failed so far without failing the job; ``None``
            if any number may.
    """

    elapsed: float = 0.0
    status: JobStatus = JobStatus.ACTIVE
    waiting: int = 0
    pass_number: int = 1
    answers: int = 0
    workers: int | None = None
    failures: tuple[FailureGroup, ...] = ()
    tolerated: int | None = None
