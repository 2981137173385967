"""The life of a job: which status may follow which, and what a request does to it.

Source: S3 User Guide, "Tracking job status". That a report which cannot be written fails a job that
is ``Completing`` stands elsewhere in the guide; that a job may be cancelled at any moment before
its end is inferred.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from s3batch_handler.core._errors import InvalidTransition, JobError
from s3batch_handler.jobs._job import BAD_REQUEST
from s3batch_handler.jobs._status import JobStatus

if TYPE_CHECKING:
    from collections.abc import Mapping

NEW, PREPARING, SUSPENDED = JobStatus.NEW, JobStatus.PREPARING, JobStatus.SUSPENDED
READY, ACTIVE, COMPLETING = JobStatus.READY, JobStatus.ACTIVE, JobStatus.COMPLETING
PAUSING, PAUSED, COMPLETE = JobStatus.PAUSING, JobStatus.PAUSED, JobStatus.COMPLETE
CANCELLING, CANCELLED = JobStatus.CANCELLING, JobStatus.CANCELLED
FAILING, FAILED = JobStatus.FAILING, JobStatus.FAILED

TRANSITIONS: Final[Mapping[JobStatus, tuple[JobStatus, ...]]] = {
    NEW: (PREPARING, CANCELLING),
    PREPARING: (SUSPENDED, READY, FAILING, CANCELLING),  # confirmation wanted, or not
    SUSPENDED: (READY, CANCELLED, FAILED),  # confirmed; cancelled; neither within 30 days
    READY: (ACTIVE, CANCELLING),
    ACTIVE: (COMPLETING, PAUSING, FAILING, CANCELLING),
    PAUSING: (PAUSED, CANCELLING),  # for a job of higher priority
    PAUSED: (ACTIVE, CANCELLING),
    COMPLETING: (COMPLETE, FAILING, CANCELLING),
    COMPLETE: (),
    CANCELLING: (CANCELLED,),
    CANCELLED: (),
    FAILING: (FAILED,),
    FAILED: (),
}
"""What may come next; the way a job takes if all goes well stands first."""


def check_transition(job_id: str, current: JobStatus, to: JobStatus) -> None:
    """Refuse a move that is not in the table.

    Raises:
        InvalidTransition: A job that is ``current`` cannot come ``to`` this.
    """
    if to not in TRANSITIONS[current]:
        raise InvalidTransition(job_id=job_id, current=current, requested=to)


def shortest_path(current: JobStatus, to: JobStatus) -> tuple[JobStatus, ...]:
    """Give the legal moves that lead from one status to another, as few as there can be.

    What breaks may do so at any moment, and a job cannot fail from each status at once: one that
    is ``Pausing`` has paused and gone on before it fails. None comes by ``Suspended``, where it
    would wait for somebody.
    """
    ways: dict[JobStatus, tuple[JobStatus, ...]] = {current: ()}
    for status in (queue := [current]):
        for step in TRANSITIONS[status]:
            if step not in ways:
                ways[step] = (*ways[status], step)
                if step is not SUSPENDED:
                    queue.append(step)
    return ways[to]


def status_on_request(job_id: str, current: JobStatus, requested: JobStatus) -> JobStatus:
    """Give the status that a job gets when it is asked for one (UpdateJobStatus).

    ``Ready`` confirms a job that is suspended. ``Cancelled`` ends one that is not over: at once if
    it is suspended, else by way of ``Cancelling``. What is about to end already goes on to do so.

    Raises:
        InvalidTransition: A job that is ``current`` cannot be asked this.
        JobError: No job can.
    """
    if requested is READY and current is SUSPENDED:
        return READY
    if requested is CANCELLED:
        if current is SUSPENDED:
            return CANCELLED
        if current in (CANCELLING, FAILING):
            return current
        if CANCELLING in TRANSITIONS[current]:
            return CANCELLING
    if requested in (READY, CANCELLED):
        raise InvalidTransition(job_id=job_id, current=current, requested=requested)
    problem = f"RequestedJobStatus: Ready or Cancelled, not {requested}"
    raise JobError(problem, job_id=job_id, code=BAD_REQUEST)
