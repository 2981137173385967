"""Events of EventBridge about the status of jobs: patterns for rules, and the events themselves.

S3 sends no such events itself. CloudTrail records ``JobStatusChanged``, and EventBridge gets that
record, so the Region needs a trail with management events (S3 User Guide, "Tracking an S3 Batch
Operations job in Amazon EventBridge through AWS CloudTrail").
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from s3batch_handler.core._errors import InvalidEvent
from s3batch_handler.jobs._status import JobStatus

if TYPE_CHECKING:
    from collections.abc import Collection


def job_events_pattern(
    job_id: str | None = None, *, statuses: Collection[JobStatus | str] = ()
) -> dict[str, Any]:
    """Return the event pattern of an EventBridge rule for the status changes of jobs.

    Pass it to ``put_rule`` of boto3 as ``EventPattern=json.dumps(job_events_pattern(job_id))``.

    Args:
        job_id: The job; all jobs of the account and Region by default.
        statuses: The new statuses; all by default.

    Raises:
        ValueError: A status does not exist.
    """
    details: dict[str, Any] = {}
    if job_id is not None:
        details["jobId"] = [job_id]
    if statuses:
        details["status"] = [JobStatus(status).value for status in statuses]
    return {
        "source": [_SOURCE],
        "detail-type": [_DETAIL_TYPE],
        "detail": {
            "eventSource": [_EVENT_SOURCE],
            "eventName": [_STATUS_CHANGED],
            **({"serviceEventDetails": details} if details else {}),
        },
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class JobEvent:
    """A change of the status of a job.

    Attributes:
        status: The new status.
        job_arn: The ARN of the job.
        event_id: The ID of the change: EventBridge may deliver an event more than once.
        failure_codes: Why the job failed, such as ``ManifestNotFound``.
        reasons: Why the status changed.
    """

    job_id: str
    status: JobStatus
    job_arn: str | None = None
    event_id: str | None = None
    failure_codes: tuple[str, ...] = ()
    reasons: tuple[str, ...] = ()


def parse_job_event(event: Mapping[str, Any]) -> JobEvent:
    """Read the event that a rule with :func:`job_events_pattern` sends to its target.

    The event says that a job is ``Complete``, not whether tasks have failed: describe the job.

    Raises:
        InvalidEvent: It is another event. The text names the field.
    """
    detail = _member(event, "detail", Mapping)
    name = detail.get("eventName")
    if name not in (_STATUS_CHANGED, _CREATED):
        raise InvalidEvent(
            f"detail.eventName: expected {_STATUS_CHANGED}, got {name!r}. "
            "Is this an event of job_events_pattern?"
        )
    details = _member(detail, "serviceEventDetails", Mapping, "detail.")
    path = "detail.serviceEventDetails."
    name = _member(details, "status", str, path)
    try:
        status = JobStatus(name)
    except ValueError:
        raise InvalidEvent(f"{path}status: {name!r} is not a status of a job") from None
    return JobEvent(
        job_id=_member(details, "jobId", str, path),
        status=status,
        job_arn=details.get("jobArn"),
        event_id=details.get("jobEventId"),
        failure_codes=tuple(details.get("failureCodes") or ()),
        reasons=tuple(details.get("statusChangeReason") or ()),
    )


def _member(parent: Mapping[str, Any], name: str, kind: type, path: str = "") -> Any:
    value = parent.get(name)
    if not isinstance(value, kind):
        expected = "text" if kind is str else "an object"
        raise InvalidEvent(f"{path}{name}: expected {expected}, got {type(value).__name__}")
    return value


_SOURCE: Final = "aws.s3"
_DETAIL_TYPE: Final = "AWS Service Event via CloudTrail"
_EVENT_SOURCE: Final = "s3.amazonaws.com"
_STATUS_CHANGED: Final = "JobStatusChanged"
_CREATED: Final = "JobCreated"
