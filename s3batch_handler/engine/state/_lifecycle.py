"""The statuses of a job: their order, and the effect of a request for a status.

Source: S3 User Guide, "Tracking job status". Another page of the guide says that a job fails while
``Completing`` if its report cannot be written. It is an assumption that a job can be cancelled at
any time before its end.
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
    PREPARING: (SUSPENDED, READY, FAILING, CANCELLING),  # with confirmation, or without
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
"""The possible next statuses; the first one is the status after success."""


def check_transition(job_id: str, current: JobStatus, to: JobStatus) -> None:
    """Check that a status may follow another one.

    Raises:
        InvalidTransition: The table does not contain this transition.
    """
    if to not in TRANSITIONS[current]:
        raise InvalidTransition(job_id=job_id, current=current, requested=to)


def shortest_path(current: JobStatus, to: JobStatus) -> tuple[JobStatus, ...]:
    """Return the shortest sequence of statuses that leads from one status to another.

    A job may fail in any status, but ``Failing`` cannot follow every status: a job that is
    ``Pausing`` becomes ``Paused`` and ``Active`` before it fails. No path leads through
    ``Suspended``, where the job would wait for its confirmation.
    """
    paths: dict[JobStatus, tuple[JobStatus, ...]] = {current: ()}
    for status in (queue := [current]):
        for following in TRANSITIONS[status]:
            if following not in paths:
                paths[following] = (*paths[status], following)
                if following is not SUSPENDED:
                    queue.append(following)
    return paths[to]


def status_on_request(job_id: str, current: JobStatus, requested: JobStatus) -> JobStatus:
    """Return the new status of a job after a request for a status (UpdateJobStatus).

    ``Ready`` confirms a suspended job. ``Cancelled`` ends a suspended job immediately, and other
    jobs through ``Cancelling``. A job that is ``Cancelling`` or ``Failing`` keeps its status.

    Raises:
        InvalidTransition: This status cannot be requested for a job that is ``current``.
        JobError: This status cannot be requested for any job.
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
    problem = f"RequestedJobStatus must be Ready or Cancelled, not {requested}"
    raise JobError(problem, job_id=job_id, code=BAD_REQUEST)
