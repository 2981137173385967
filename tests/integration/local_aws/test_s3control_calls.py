"""The job calls of S3 Control in moto: requests of boto3, and responses in AWS's format."""

from __future__ import annotations

import copy
from datetime import UTC, datetime, timedelta, timezone
from functools import cache
from typing import TYPE_CHECKING, Any

import boto3
import moto.s3control.urls
import pytest
from botocore.exceptions import ClientError
from botocore.validate import ParamValidator
from moto import backend_index, mock_aws

from s3batch_handler.core._errors import JobError
from s3batch_handler.engine._engine import Engine
from s3batch_handler.jobs._control import S3Control
from s3batch_handler.jobs._job import Job, JobFailure, JobPage, JobSpec
from s3batch_handler.jobs._status import JobStatus, Progress
from s3batch_handler.local_aws._s3control_calls import job_calls

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

ACCOUNT = "123456789012"
REGION = "us-east-1"

REQUEST: dict[str, Any] = {
    "ClientRequestToken": "token",
    "ConfirmationRequired": True,
    "Operation": {
        "LambdaInvoke": {
            "FunctionArn": "arn:aws:lambda:us-east-1:123456789012:function:f:PROD",
            "InvocationSchemaVersion": "2.0",
            "UserArguments": {"a": "1", "ä ö": "<&> \"'", "empty": ""},
        }
    },
    "Manifest": {
        "Spec": {
            "Format": "S3BatchOperations_CSV_20180820",
            "Fields": ["Bucket", "Key", "Ignore", "VersionId"],
        },
        "Location": {
            "ObjectArn": "arn:aws:s3:::b/a b/ü.csv",
            "ObjectVersionId": "v",
            "ETag": "60e460c9d1046e73f7dde5043ac3ae85",
        },
    },
    "Report": {
        "Enabled": True,
        "Bucket": "arn:aws:s3:::b",
        "Prefix": "p",
        "Format": "Report_CSV_20180820",
        "ReportScope": "FailedTasksOnly",
        "ExpectedBucketOwner": ACCOUNT,
    },
    "Priority": 2147483647,
    "RoleArn": "arn:aws:iam::123456789012:role/r",
    "Description": '<&> "quoted" ünd so',
    "Tags": [{"Key": "k/é", "Value": "v 1"}, {"Key": "empty", "Value": ""}],
}

COPY: dict[str, Any] = {
    **{name: REQUEST[name] for name in ("ClientRequestToken", "Report", "Priority", "RoleArn")},
    "Operation": {
        "S3PutObjectCopy": {
            "TargetResource": "arn:aws:s3:::other",
            "AccessControlGrants": [
                {
                    "Grantee": {"TypeIdentifier": "id", "Identifier": "i"},
                    "Permission": "READ",
                }
            ],
            "ModifiedSinceConstraint": datetime(2026, 1, 2, 3, tzinfo=timezone(timedelta(hours=2))),
            "NewObjectMetadata": {"UserMetadata": {"m": "1"}, "ContentType": "text/plain"},
            "NewObjectTagging": [{"Key": "t", "Value": "u"}],
            "RequesterPays": False,
        }
    },
    "ManifestGenerator": {
        "S3JobManifestGenerator": {
            "SourceBucket": "arn:aws:s3:::b",
            "EnableManifestOutput": False,
            "Filter": {
                "CreatedAfter": datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC),
                "KeyNameConstraint": {"MatchAnyPrefix": ["b c/"]},
                "MatchAnyObjectEncryption": [{"SSES3": {}}],
            },
        }
    },
}


class OneJob:
    """Job control that records its calls, and has one job."""

    def __init__(self) -> None:
        self.calls: list[Any] = []
        self.tags: dict[str, str] = {}
        self.job = new_job(JobSpec.from_request(REQUEST))

    def create_job(self, spec: JobSpec) -> str:
        self.calls.append(spec)
        return self.job.job_id

    def describe_job(self, job_id: str) -> Job:
        self.calls.append(job_id)
        return self.job

    def list_jobs(
        self,
        statuses: Collection[JobStatus] = (),
        *,
        max_results: int = 1000,
        next_token: str | None = None,
    ) -> JobPage:
        self.calls.append((list(statuses), max_results, next_token))
        return JobPage((self.job, self.job), "next & more")

    def update_job_status(
        self, job_id: str, requested: JobStatus, reason: str | None = None
    ) -> Job:
        self.calls.append((job_id, requested, reason))
        return self.job.model_copy(update={"status": JobStatus.CANCELLING})

    def update_job_priority(self, job_id: str, priority: int) -> Job:
        self.calls.append((job_id, priority))
        return self.job.model_copy(update={"priority": priority})

    def get_job_tagging(self, job_id: str) -> dict[str, str]:
        self.calls.append(job_id)
        return self.tags

    def put_job_tagging(self, job_id: str, tags: Any) -> None:
        self.tags = dict(tags)

    def delete_job_tagging(self, job_id: str) -> None:
        self.tags = {}


def new_job(spec: JobSpec) -> Job:
    """Create a job in which every field is set."""
    now = datetime(2026, 11, 21, 1, 2, 3, 456000, tzinfo=UTC)
    job = Job.new(
        spec,
        job_id="f3cc4f60-61f6-4a2b-8a21-d07600c373ce",
        job_arn=f"arn:aws:s3:{REGION}:{ACCOUNT}:job/f3cc4f60-61f6-4a2b-8a21-d07600c373ce",
        creation_time=now,
    )
    return job.model_copy(
        update={
            "status": JobStatus.FAILED,
            "progress_summary": Progress(3, 1, 2, 4),
            "status_update_reason": "because",
            "failure_reasons": (
                JobFailure(failure_code="c", failure_reason="<r>"),
                JobFailure(failure_code="d", failure_reason="s"),
            ),
            "termination_date": now + timedelta(hours=1),
            "suspended_date": now + timedelta(minutes=1),
            "suspended_cause": "AWAITING_CONFIRMATION",
        }
    )


@cache
def client() -> Any:
    """Create one client for all tests; it checks requests against the service model."""
    session: Any = boto3.Session("testing", "testing", region_name=REGION)
    return session.client("s3control")


@pytest.fixture
def jobs() -> Iterator[OneJob]:
    """Yield the job control of all accounts and Regions."""
    jobs = OneJob()
    with job_calls(lambda account_id, region: jobs), mock_aws():
        yield jobs


# ---------------------------------------------------------------- requests and responses


@pytest.mark.parametrize("request_", [REQUEST, COPY], ids=["LambdaInvoke", "S3PutObjectCopy"])
def test_create_job_passes_the_whole_request(jobs: OneJob, request_: dict[str, Any]) -> None:
    """Also markup, umlauts, times and empty strings."""
    response = client().create_job(AccountId=ACCOUNT, **request_)

    assert response["JobId"] == jobs.job.job_id
    assert jobs.calls == [JobSpec.from_request(request_)]
    assert jobs.calls[0].to_request() == request_


@pytest.mark.parametrize("request_", [REQUEST, COPY], ids=["LambdaInvoke", "S3PutObjectCopy"])
def test_describe_job_returns_all_fields(jobs: OneJob, request_: dict[str, Any]) -> None:
    """The response matches the service model."""
    jobs.job = new_job(JobSpec.from_request(request_))

    described = client().describe_job(AccountId=ACCOUNT, JobId=jobs.job.job_id)["Job"]

    assert Job.from_description(described) == jobs.job
    assert described == jobs.job.to_description()
    shape = client().meta.service_model.shape_for("JobDescriptor")
    assert not ParamValidator().validate(described, shape).has_errors()


def test_describe_job_leaves_out_fields_without_a_value(jobs: OneJob) -> None:
    spec = JobSpec.from_request(REQUEST)
    jobs.job = Job.new(
        spec, job_id="12345", job_arn="arn:aws:s3:::job/12345", creation_time=datetime.now(UTC)
    )

    described = client().describe_job(AccountId=ACCOUNT, JobId="12345")["Job"]

    assert described["ProgressSummary"] == {"NumberOfTasksSucceeded": 0, "NumberOfTasksFailed": 0}
    assert described["FailureReasons"] == []
    assert not {"TerminationDate", "SuspendedDate", "SuspendedCause"} & described.keys()


def test_list_jobs_passes_its_filters_and_returns_a_page(jobs: OneJob) -> None:
    page = client().list_jobs(
        AccountId=ACCOUNT, JobStatuses=["Active", "Failed"], MaxResults=2, NextToken="a+b/c="
    )

    assert jobs.calls == [([JobStatus.ACTIVE, JobStatus.FAILED], 2, "a+b/c=")]
    assert page["NextToken"] == "next & more"
    assert page["Jobs"] == [jobs.job.to_listing()] * 2
    shape = client().meta.service_model.shape_for("JobListDescriptor")
    assert not ParamValidator().validate(page["Jobs"][0], shape).has_errors()


def test_list_jobs_has_defaults(jobs: OneJob) -> None:
    """Any status, up to 1,000 jobs."""
    client().list_jobs(AccountId=ACCOUNT)

    assert jobs.calls == [([], 1000, None)]


def test_update_job_status_returns_the_new_status(jobs: OneJob) -> None:
    job_id = jobs.job.job_id

    response = client().update_job_status(
        AccountId=ACCOUNT, JobId=job_id, RequestedJobStatus="Cancelled", StatusUpdateReason="a & b"
    )

    assert jobs.calls == [(job_id, JobStatus.CANCELLED, "a & b")]
    assert (response["JobId"], response["Status"]) == (job_id, "Cancelling")
    assert response["StatusUpdateReason"] == "a & b"


def test_update_job_priority_returns_the_new_priority(jobs: OneJob) -> None:
    job_id = jobs.job.job_id

    response = client().update_job_priority(AccountId=ACCOUNT, JobId=job_id, Priority=7)

    assert jobs.calls == [(job_id, 7)]
    assert (response["JobId"], response["Priority"]) == (job_id, 7)


def test_tags_are_replaced_returned_and_deleted(jobs: OneJob) -> None:
    job = {"AccountId": ACCOUNT, "JobId": jobs.job.job_id}

    client().put_job_tagging(**job, Tags=REQUEST["Tags"])
    described = client().get_job_tagging(**job)["Tags"]
    client().delete_job_tagging(**job)

    assert described == REQUEST["Tags"]
    assert client().get_job_tagging(**job)["Tags"] == []


# ---------------------------------------------------------------- refusals


def test_an_error_has_the_code_and_status_of_aws(
    jobs: OneJob, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It also has a message and a request ID. boto3 raises the exception of its model."""

    def refuse(job_id: str) -> Job:
        raise JobError("too <many>", code="TooManyRequestsException")

    monkeypatch.setattr(jobs, "describe_job", refuse)
    with pytest.raises(client().exceptions.TooManyRequestsException) as refused:
        client().describe_job(AccountId=ACCOUNT, JobId="12345")

    response = refused.value.response
    assert response["Error"]["Message"] == "too <many>"
    assert response["ResponseMetadata"]["HTTPStatusCode"] == 400
    assert response["ResponseMetadata"]["RequestId"]


def refusal(verb: str, **members: Any) -> tuple[str, str]:
    with pytest.raises(ClientError) as refused:
        getattr(client(), verb)(AccountId=ACCOUNT, **members)
    error = refused.value.response["Error"]
    return error["Code"], error["Message"]


def test_requests_that_clients_do_not_check_are_refused(jobs: OneJob) -> None:
    """The error names the member."""
    request = copy.deepcopy(REQUEST)
    request["Operation"]["LambdaInvoke"]["InvocationSchemaVersion"] = "1.0"
    tags = [{"Key": "k", "Value": "1"}, {"Key": "k", "Value": "2"}]

    refusals = [
        refusal("create_job", **request),
        refusal("create_job", **{**REQUEST, "ManifestGenerator": COPY["ManifestGenerator"]}),
        refusal("list_jobs", JobStatuses=["Asleep"]),
        refusal("update_job_status", JobId="12345", RequestedJobStatus="Asleep"),
        refusal("put_job_tagging", JobId="12345", Tags=tags),
    ]

    assert [code for code, _ in refusals] == [
        "BadRequestException",
        "BadRequestException",
        "InvalidRequestException",
        "BadRequestException",
        "BadRequestException",
    ]
    for (_, message), member in zip(
        refusals,
        ["UserArguments", "ManifestGenerator", "JobStatuses", "Requested", "Tags"],
        strict=True,
    ):
        assert member in message
    assert jobs.calls == []


# ---------------------------------------------------------------- accounts, hosts and moto itself


def test_each_account_and_region_has_its_own_jobs() -> None:
    """The host name contains both."""
    regions = []

    def jobs_of(account_id: str, region: str) -> OneJob:
        regions.append((account_id, region))
        return OneJob()

    session: Any = boto3.Session("testing", "testing")
    with job_calls(jobs_of), mock_aws():
        client().list_jobs(AccountId=ACCOUNT)
        session.client("s3control", region_name="eu-west-1").list_jobs(AccountId="999999999999")

    assert regions == [(ACCOUNT, REGION), ("999999999999", "eu-west-1")]


def test_the_account_may_be_in_the_header_only(jobs: OneJob) -> None:
    session: Any = boto3.Session("testing", "testing", region_name=REGION)
    plain = session.client("s3control")
    urls = []

    def without_account(request: Any, **_: Any) -> None:
        request.url = request.url.replace(f"//{ACCOUNT}.", "//")
        urls.append(request.url)

    plain.meta.events.register("before-sign.s3-control", without_account)
    plain.update_job_priority(AccountId=ACCOUNT, JobId="12345", Priority=7)

    assert urls == [
        "https://s3-control.us-east-1.amazonaws.com/v20180820/jobs/12345/priority?priority=7"
    ]
    assert jobs.calls == [("12345", 7)]


def test_other_calls_of_s3_control_still_work(jobs: OneJob) -> None:
    configuration = {"BlockPublicAcls": True}

    client().put_public_access_block(
        AccountId=ACCOUNT, PublicAccessBlockConfiguration=configuration
    )
    described = client().get_public_access_block(AccountId=ACCOUNT)

    assert described["PublicAccessBlockConfiguration"]["BlockPublicAcls"] is True


def test_moto_is_unchanged_after_the_block() -> None:
    """Also after an exception."""

    def state() -> Any:
        urls = moto.s3control.urls
        return dict(urls.url_paths), list(urls.url_bases), list(backend_index.backend_url_patterns)

    def fail() -> None:
        with job_calls(lambda account_id, region: OneJob()):
            assert state() != before
            raise ZeroDivisionError

    before = state()
    with pytest.raises(ZeroDivisionError):
        fail()

    assert state() == before
    with mock_aws(), pytest.raises(ClientError):
        client().list_jobs(AccountId=ACCOUNT)


def test_an_engine_answers_the_calls() -> None:
    """The engine and boto3 return the same job."""
    s3: Any = boto3.Session("testing", "testing", region_name=REGION).client("s3")
    with Engine({}, s3=s3) as engine, job_calls(lambda account_id, region: engine), mock_aws():
        job_id = S3Control(client(), account_id=ACCOUNT).create_job(JobSpec.from_request(REQUEST))

        job = engine.describe_job(job_id)

        assert job.status is JobStatus.FAILED
        assert S3Control(client(), account_id=ACCOUNT).describe_job(job_id) == job
        assert engine.get_job_tagging(job_id) == {"k/é": "v 1", "empty": ""}
