"""Cancelling a job when too many of its tasks have failed, with :func:`cancel_above`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from s3batch_handler.core._errors import JobError
from s3batch_handler.jobs import Job, cancel_above, wait_for_job
from s3batch_handler.jobs._failure_threshold import FailureThreshold
from tests.support.jobs import JOB_ID, OF_JOB, described

if TYPE_CHECKING:
    from botocore.stub import Stubber

    from s3batch_handler.jobs._control import S3Control


def counted(failed: int, run: int, total: int = 1000, status: str = "Active") -> dict[str, Any]:
    """Return a response of DescribeJob with counts of tasks."""
    summary = {
        "TotalNumberOfTasks": total,
        "NumberOfTasksSucceeded": run - failed,
        "NumberOfTasksFailed": failed,
    }
    return described(status, ProgressSummary=summary)


def cancelling(reason: str) -> dict[str, str]:
    return {**OF_JOB, "RequestedJobStatus": "Cancelled", "StatusUpdateReason": reason}


def test_a_job_is_cancelled_when_more_tasks_fail_than_tolerated(
    aws: Stubber, control: S3Control
) -> None:
    """It is cancelled once, with the reason; ``wait_for_job`` returns it when it has ended."""
    reason = "11 of 200 tasks failed: more than 5%"
    for response in (counted(1, 30), counted(10, 200), counted(11, 200)):
        aws.add_response("describe_job", response, OF_JOB)
    aws.add_response("update_job_status", {"JobId": JOB_ID}, cancelling(reason))
    for response in (counted(12, 201, status="Cancelling"),) * 2:
        aws.add_response("describe_job", response, OF_JOB)
    aws.add_response("describe_job", counted(20, 210, status="Cancelled"), OF_JOB)
    reasons: list[str] = []

    check = cancel_above(control, "5%", on_cancel=reasons.append)
    job = wait_for_job(control, JOB_ID, poll=0, on_progress=check)

    assert job.status == "Cancelled"
    assert reasons == [reason]


def test_a_job_that_has_ended_in_the_meantime_is_not_cancelled(
    aws: Stubber, control: S3Control
) -> None:
    """No error is raised: the result of the job counts."""
    aws.add_response("describe_job", counted(2, 1000), OF_JOB)
    aws.add_client_error("update_job_status", "JobStatusException", http_status_code=400)
    for response in (counted(2, 1000, status="Complete"),) * 2:
        aws.add_response("describe_job", response, OF_JOB)

    job = wait_for_job(control, JOB_ID, poll=0, on_progress=cancel_above(control, 1))

    assert job.status == "Complete"


def test_a_throttled_cancellation_is_tried_again(aws: Stubber, control: S3Control) -> None:
    reason = "2 of 3 tasks failed: more than 1"
    aws.add_client_error("update_job_status", "TooManyRequestsException", http_status_code=429)
    aws.add_response("update_job_status", {"JobId": JOB_ID}, cancelling(reason))
    aws.add_response("describe_job", counted(2, 3, status="Cancelling"), OF_JOB)
    check = cancel_above(control, "1")

    for _ in range(3):
        check(Job.from_description(counted(2, 3)["Job"]))


def test_the_reason_is_given_if_only_the_response_to_the_cancellation_is_lost(
    aws: Stubber, control: S3Control
) -> None:
    """The job is being cancelled then, so S3 refuses the second request."""
    reason = "2 of 3 tasks failed: more than 1"
    aws.add_response("update_job_status", {"JobId": JOB_ID}, cancelling(reason))
    aws.add_client_error("describe_job", "TooManyRequestsException", http_status_code=429)
    aws.add_client_error("update_job_status", "JobStatusException", http_status_code=400)
    aws.add_response("describe_job", counted(3, 4, status="Cancelling"), OF_JOB)
    reasons: list[str] = []
    check = cancel_above(control, "1", on_cancel=reasons.append)

    check(Job.from_description(counted(2, 3)["Job"]))
    for _ in range(2):
        check(Job.from_description(counted(3, 4, status="Cancelling")["Job"]))

    assert reasons == [reason]


def test_a_job_that_cannot_be_cancelled_is_an_error(aws: Stubber, control: S3Control) -> None:
    """It says that the job continues, and which permission is missing."""
    aws.add_client_error("update_job_status", "AccessDenied", "no", http_status_code=403)
    check = cancel_above(control, "1")

    with pytest.raises(JobError, match=r"2 of 3 tasks failed.*It continues.*s3:UpdateJobStatus"):
        check(Job.from_description(counted(2, 3)["Job"]))


@pytest.mark.parametrize("threshold", ["5 %", "-1", "101%", "few", ""])
def test_an_unreadable_threshold_is_an_error(control: S3Control, threshold: str) -> None:
    with pytest.raises(ValueError, match="write"):
        cancel_above(control, threshold)


@given(
    percent=st.integers(0, 100),
    run=st.integers(0, 5000),
    more=st.integers(0, 5000),
)
def test_a_percentage_is_one_of_the_tasks_that_have_run(percent: int, run: int, more: int) -> None:
    """The first failures of a job end it only if they are too many for all of its tasks."""
    threshold = FailureThreshold.parse(f"{percent}%")

    tolerated = threshold.tolerated_so_far(total=run + more, run=run)

    assert tolerated == (run if run >= 100 else run + more) * percent // 100
    if run < 100:
        assert threshold.tolerated_so_far(total=None, run=run) is None
