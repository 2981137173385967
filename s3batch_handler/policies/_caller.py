"""The policy of the people and programs that submit a job."""

from __future__ import annotations

from typing import TYPE_CHECKING

from s3batch_handler.policies._job_role import canary_manifest_arns, manifest_arn, report_arns
from s3batch_handler.policies._resources import UNKNOWN_REGION
from s3batch_handler.policies._statements import allow

if TYPE_CHECKING:
    from collections.abc import Iterator

    from s3batch_handler.policies._job import JobAccess
    from s3batch_handler.policies._statements import Statement


def caller_statements(job: JobAccess) -> Iterator[Statement]:
    """Yield what ``s3batch job`` needs to submit a job, to watch it and to read its report."""
    home = job.home
    # IAM defines no resource for these two actions.
    here = {} if home.region == UNKNOWN_REGION else {"aws:RequestedRegion": home.region}
    conditions = {"StringEquals": {**here, "s3:RequestJobOperation": job.operation}}
    yield allow("CreateJobs", "s3:CreateJob", "*", conditions)
    yield allow("ListJobs", "s3:ListJobs", "*", {"StringEquals": here} if here else None)
    # The ID of a job is not known before it exists.
    jobs = f"arn:{home.partition}:s3:{home.region}:{home.account}:job/*"
    yield allow("DescribeJobs", ["s3:DescribeJob", "s3:GetJobTagging"], jobs)
    yield allow(
        "ControlJobs",
        [
            "s3:DeleteJobTagging",
            "s3:PutJobTagging",  # CreateJob with tags needs it, too
            "s3:UpdateJobPriority",
            "s3:UpdateJobStatus",
        ],
        jobs,
        {"StringEqualsIfExists": {"s3:ExistingJobOperation": job.operation}},
    )
    # CreateJob does not send iam:PassedToService, so a condition on it would deny every job
    # (aws-samples/sample-replicate-on-tag-for-amazon-s3).
    yield allow("PassTheJobRole", "iam:PassRole", job.role)
    location = job.manifest.get("Location") or {}
    if location:
        actions = ["s3:GetObject"]  # for its ETag
        actions += ["s3:GetObjectVersion"] if location.get("ObjectVersionId") else []
        yield allow("ReadManifests", actions, manifest_arn(job))
    if canary := canary_manifest_arns(job):
        actions = ["s3:AbortMultipartUpload", "s3:GetObject", "s3:PutObject"]
        yield allow("WriteCanaryManifests", actions, canary)
    if job.report:
        yield allow("ReadReports", "s3:GetObject", report_arns(job))
    if job.function is not None:
        yield allow(
            "ReadTheFunction",
            "lambda:GetFunctionConfiguration",
            [job.function.arn, job.function.unqualified_arn],
        )
