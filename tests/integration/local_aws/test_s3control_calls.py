"""S3 Control's job calls in moto: what boto3 sends is understood, what it gets is AWS's form."""

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
    """Job control that remembers what it was asked, and has one job."""

    def __init__(self) -> None:
        self.asked: list[Any] = []
        self.tags: dict[str, str] = {}
        self.job = new_job(JobSpec.from_request(REQUEST))

    def create_job(self, spec: JobSpec) -> str:
        self.asked.append(spec)
        return self.job.job_id

    def describe_job(self, job_id: str) -> Job:
        self.asked.append(job_id)
        return self.job

    def list_jobs(
        self,
        statuses: Collection[JobStatus] = (),
        *,
        max_results: int = 1000,
        next_token: str | None = None,
    ) -> JobPage:
        self.asked.append((list(statuses), max_results, next_token))
        return JobPage((self.job, self.job), "next & more")

    def update_job_status(
        self, job_id: str, requested: JobStatus, reason: str | None = None
    ) -> Job:
        self.asked.append((job_id, requested, reason))
        return self.job.model_copy(update={"status": JobStatus.CANCELLING})

    def update_job_priority(self, job_id: str, priority: int) -> Job:
        self.asked.append((job_id, priority))
        return self.job.model_copy(update={"priority": priority})

    def get_job_tagging(self, job_id: str) -> dict[str, str]:
        self.asked.append(job_id)
        return self.tags

    def put_job_tagging(self, job_id: str, tags: Any) -> None:
        self.tags = dict(tags)

    def delete_job_tagging(self, job_id: str) -> None:
        self.tags = {}


def new_job(spec: JobSpec) -> Job:
    """Make a job of which everything is known that can be."""
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
    """Make a client once for all tests; it checks by the service model what it sends."""
    session: Any = boto3.Session("testing", "testing", region_name=REGION)
    return session.client("s3control")


@pytest.fixture
def jobs() -> Iterator[OneJob]:
    """What answers the job calls, whoever asks."""
    jobs = OneJob()
    with job_calls(lambda account_id, region: jobs), mock_aws():
        yield jobs


# ---------------------------------------------------------------- requests and answers


@pytest.mark.parametrize("request_", [REQUEST, COPY], ids=["LambdaInvoke", "S3PutObjectCopy"])
def test_a_job_is_made(jobs: OneJob, request_: dict[str, Any]) -> None:
    """Whatever the request says arrives: markup, umlauts, points in time, what is empty."""
    answer = client().create_job(AccountId=ACCOUNT, **request_)

    assert answer["JobId"] == jobs.job.job_id
    assert jobs.asked == [JobSpec.from_request(request_)]
    assert jobs.asked[0].to_request() == request_


@pytest.mark.parametrize("request_", [REQUEST, COPY], ids=["LambdaInvoke", "S3PutObjectCopy"])
def test_a_job_is_described(jobs: OneJob, request_: dict[str, Any]) -> None:
    """All that is known of it reaches the caller, in the form of the service model."""
    jobs.job = new_job(JobSpec.from_request(request_))

    told = client().describe_job(AccountId=ACCOUNT, JobId=jobs.job.job_id)["Job"]

    assert Job.from_description(told) == jobs.job
    assert told == jobs.job.to_description()
    shape = client().meta.service_model.shape_for("JobDescriptor")
    assert not ParamValidator().validate(told, shape).has_errors()


def test_a_job_of_which_little_is_known(jobs: OneJob) -> None:
    """What is not there yet is not told."""
    spec = JobSpec.from_request(REQUEST)
    jobs.job = Job.new(
        spec, job_id="12345", job_arn="arn:aws:s3:::job/12345", creation_time=datetime.now(UTC)
    )

    told = client().describe_job(AccountId=ACCOUNT, JobId="12345")["Job"]

    assert told["ProgressSummary"] == {"NumberOfTasksSucceeded": 0, "NumberOfTasksFailed": 0}
    assert told["FailureReasons"] == []
    assert not {"TerminationDate", "SuspendedDate", "SuspendedCause"} & told.keys()


def test_jobs_are_listed(jobs: OneJob) -> None:
    """Statuses, size and token arrive, descriptors and the next token come back."""
    page = client().list_jobs(
        AccountId=ACCOUNT, JobStatuses=["Active", "Failed"], MaxResults=2, NextToken="a+b/c="
    )

    assert jobs.asked == [([JobStatus.ACTIVE, JobStatus.FAILED], 2, "a+b/c=")]
    assert page["NextToken"] == "next & more"
    assert page["Jobs"] == [jobs.job.to_listing()] * 2
    shape = client().meta.service_model.shape_for("JobListDescriptor")
    assert not ParamValidator().validate(page["Jobs"][0], shape).has_errors()


def test_all_jobs_are_listed(jobs: OneJob) -> None:
    """Without anything said: of any status, up to 1,000."""
    client().list_jobs(AccountId=ACCOUNT)

    assert jobs.asked == [([], 1000, None)]


def test_a_status_is_changed(jobs: OneJob) -> None:
    """The answer tells the new one, and the reason that was given."""
    job_id = jobs.job.job_id

    answer = client().update_job_status(
        AccountId=ACCOUNT, JobId=job_id, RequestedJobStatus="Cancelled", StatusUpdateReason="a & b"
    )

    assert jobs.asked == [(job_id, JobStatus.CANCELLED, "a & b")]
    assert (answer["JobId"], answer["Status"]) == (job_id, "Cancelling")
    assert answer["StatusUpdateReason"] == "a & b"


def test_a_priority_is_changed(jobs: OneJob) -> None:
    """It is a number on both ways."""
    job_id = jobs.job.job_id

    answer = client().update_job_priority(AccountId=ACCOUNT, JobId=job_id, Priority=7)

    assert jobs.asked == [(job_id, 7)]
    assert (answer["JobId"], answer["Priority"]) == (job_id, 7)


def test_tags(jobs: OneJob) -> None:
    """They are replaced, told and taken off."""
    job = {"AccountId": ACCOUNT, "JobId": jobs.job.job_id}

    client().put_job_tagging(**job, Tags=REQUEST["Tags"])
    told = client().get_job_tagging(**job)["Tags"]
    client().delete_job_tagging(**job)

    assert told == REQUEST["Tags"]
    assert client().get_job_tagging(**job)["Tags"] == []


# ---------------------------------------------------------------- refusals


def test_a_refusal(jobs: OneJob, monkeypatch: pytest.MonkeyPatch) -> None:
    """It has AWS's code and status, our words, and an id; boto3 makes it the error it models."""

    def refuse(job_id: str) -> Job:
        raise JobError("too <many>", code="TooManyRequestsException")

    monkeypatch.setattr(jobs, "describe_job", refuse)
    with pytest.raises(client().exceptions.TooManyRequestsException) as refused:
        client().describe_job(AccountId=ACCOUNT, JobId="12345")

    answer = refused.value.response
    assert answer["Error"]["Message"] == "too <many>"
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 400
    assert answer["ResponseMetadata"]["RequestId"]


def refusal(verb: str, **members: Any) -> tuple[str, str]:
    with pytest.raises(ClientError) as refused:
        getattr(client(), verb)(AccountId=ACCOUNT, **members)
    error = refused.value.response["Error"]
    return error["Code"], error["Message"]


def test_requests_that_clients_let_pass(jobs: OneJob) -> None:
    """What botocore does not check is refused here, naming the member, and reaches nobody."""
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
    assert jobs.asked == []


# ---------------------------------------------------------------- where, and for how long


def test_accounts_and_regions() -> None:
    """Each has jobs of its own; which one is meant is in the host's name."""
    asked = []

    def jobs_of(account_id: str, region: str) -> OneJob:
        asked.append((account_id, region))
        return OneJob()

    session: Any = boto3.Session("testing", "testing")
    with job_calls(jobs_of), mock_aws():
        client().list_jobs(AccountId=ACCOUNT)
        session.client("s3control", region_name="eu-west-1").list_jobs(AccountId="999999999999")

    assert asked == [(ACCOUNT, REGION), ("999999999999", "eu-west-1")]


def test_a_client_that_leaves_the_host_as_it_is(jobs: OneJob) -> None:
    """The account id may be in the header only."""
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
    assert jobs.asked == [("12345", 7)]


def test_the_rest_of_s3_control(jobs: OneJob) -> None:
    """What moto knows itself works as before."""
    configuration = {"BlockPublicAcls": True}

    client().put_public_access_block(
        AccountId=ACCOUNT, PublicAccessBlockConfiguration=configuration
    )
    told = client().get_public_access_block(AccountId=ACCOUNT)

    assert told["PublicAccessBlockConfiguration"]["BlockPublicAcls"] is True


def test_moto_afterwards() -> None:
    """Nothing of it is left, whatever happened inside."""

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


def test_an_engine_behind_it() -> None:
    """The engine and boto3 tell the same of the same job."""
    s3: Any = boto3.Session("testing", "testing", region_name=REGION).client("s3")
    with Engine({}, s3=s3) as engine, job_calls(lambda account_id, region: engine), mock_aws():
        job_id = S3Control(client(), account_id=ACCOUNT).create_job(JobSpec.from_request(REQUEST))

        job = engine.describe_job(job_id)

        assert job.status is JobStatus.FAILED
        assert S3Control(client(), account_id=ACCOUNT).describe_job(job_id) == job
        assert engine.get_job_tagging(job_id) == {"k/é": "v 1", "empty": ""}
