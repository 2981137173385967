"""Cancel a job when too many of its tasks have failed.

S3 itself ends a job if more than half of at least 1,000 tasks have failed (S3 User Guide, "Tracking
job status and completion reports"). CreateJob has no setting for it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from s3batch_handler.core._error_text import describe
from s3batch_handler.core._errors import InvalidTransition, JobError
from s3batch_handler.jobs._failure_threshold import FailureThreshold
from s3batch_handler.jobs._status import JobStatus
from s3batch_handler.jobs._waiting_steps import is_temporary

if TYPE_CHECKING:
    from collections.abc import Callable

    from s3batch_handler.jobs._control import JobControl
    from s3batch_handler.jobs._job import Job


def cancel_above(
    control: JobControl,
    threshold: str | int,
    *,
    on_cancel: Callable[[str], object] | None = None,
) -> Callable[[Job], None]:
    """Return a callback for ``on_progress`` that cancels the job when too many tasks have failed.

    ``wait_for_job(control, job_id, on_progress=cancel_above(control, "5%"))`` returns the job as
    ``Cancelled`` then.

    Args:
        control: Cancels the job.
        threshold: The number of tasks that may fail (``10``), or the percentage of the tasks that
            have run (``"5%"``): of at least 100 tasks; before, of all tasks of the job.
        on_cancel: Called with the reason when the job is being cancelled.

    Raises:
        ValueError: ``threshold`` has another form.
    """
    return CancelAbove(lambda: control, threshold, on_cancel=on_cancel)


class JobNotCancelled(JobError):
    """Too many tasks of a job have failed, and the job cannot be cancelled. It continues."""


class CancelAbove:
    """The callback of :func:`cancel_above`. The control is created when it is needed."""

    def __init__(
        self,
        control: Callable[[], JobControl],
        threshold: str | int,
        *,
        on_cancel: Callable[[str], object] | None = None,
    ) -> None:
        self._control = control
        self._threshold = FailureThreshold.parse(threshold)
        self._limit = f"{threshold}"
        self._on_cancel = on_cancel
        self._is_done = False
        self._reason: str | None = None  # of the first attempt, which may have reached S3

    def __call__(self, job: Job) -> None:
        counts = job.progress
        tolerated = self._threshold.tolerated_so_far(total=counts.total, run=counts.done)
        if self._is_done or job.status.is_final or tolerated is None:
            return
        if counts.failed <= tolerated:
            return
        reason = f"{counts.failed:,} of {counts.done:,} tasks failed: more than {self._limit}"
        first_reason, self._reason = self._reason, self._reason or reason
        try:
            self._control().update_job_status(job.job_id, JobStatus.CANCELLED, reason)
        except InvalidTransition as error:
            self._is_done = True
            if first_reason is not None and error.current in _CANCELLED:
                self._report(first_reason)
            # Otherwise the job has ended in the meantime, or ends now.
        except Exception as error:
            if is_temporary(error):
                return  # the next call tries again
            text = str(error) if isinstance(error, JobError) else describe(error)
            raise JobNotCancelled(
                f"{reason}, but job {job.job_id} cannot be cancelled: {text}. It continues; "
                "cancelling needs the permission s3:UpdateJobStatus",
                job_id=job.job_id,
                code=getattr(error, "code", None),
            ) from error
        else:
            self._is_done = True
            self._report(reason)

    def _report(self, reason: str) -> None:
        if self._on_cancel is not None:
            self._on_cancel(reason)


_CANCELLED: Final = (JobStatus.CANCELLING, JobStatus.CANCELLED)
