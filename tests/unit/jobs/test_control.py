"""Job control over boto3, with boto3's own client; botocore checks each request and answer."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError
from typing_extensions import override

from s3batch_handler.core._errors import InvalidTransition, JobError, JobNotFound
from s3batch_handler.jobs._aws_clients import s3control_client
from s3batch_handler.jobs._control import S3Control
from s3batch_handler.jobs._job import JobSpec, ReportRequest
from s3batch_handler.jobs._manifests import Manifest, ManifestLocation, ManifestSpec
from s3batch_handler.jobs._operations import LambdaInvoke, Operation
from s3batch_handler.jobs._status import JobStatus

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from botocore.stub import Stubber

ACCOUNT = "123456789012"
JOB_ID = "f3cc4f60-61f6-4a2b-8a21-d07600c373ce"
OF_JOB = {"AccountId": ACCOUNT, "JobId": JOB_ID}


def described(status: str = "Active", **members: Any) -> dict[str, Any]:
    """Give what DescribeJob answers."""
    job = {
        "JobId": JOB_ID,
        "Status": status,
        "Priority": 10,
        "CreationTime": datetime(2026, 11, 3, 12, 0, tzinfo=UTC),
        "Operation": {"LambdaInvoke": {"FunctionArn": "thumbnails"}},
    }
    return {"Job": {**job, **members}}


# ---------------------------------------------------------------- the verbs


def test_creating_a_job(aws: Stubber, control: S3Control) -> None:
    """The spec is sent as it stands, its token too, and the id comes back."""
    spec = JobSpec(
        operation=Operation(lambda_invoke=LambdaInvoke(function_arn="thumbnails")),
        report=ReportRequest(enabled=False),
        manifest=Manifest(
            spec=ManifestSpec(format="S3BatchOperations_CSV_20180820", fields=("Bucket", "Key")),
            location=ManifestLocation(object_arn="arn:aws:s3:::photos/todo.csv", etag="x"),
        ),
        priority=10,
        role_arn="arn:aws:iam::123456789012:role/batch",
        tags={"team": "photos"},
    )
    expected = {
        "AccountId": ACCOUNT,
        "ClientRequestToken": spec.client_request_token,
        "Operation": {"LambdaInvoke": {"FunctionArn": "thumbnails"}},
        "Report": {"Enabled": False},
        "Manifest": {
            "Spec": {"Format": "S3BatchOperations_CSV_20180820", "Fields": ["Bucket", "Key"]},
            "Location": {"ObjectArn": "arn:aws:s3:::photos/todo.csv", "ETag": "x"},
        },
        "Priority": 10,
        "RoleArn": "arn:aws:iam::123456789012:role/batch",
        "Tags": [{"Key": "team", "Value": "photos"}],
    }
    aws.add_response("create_job", {"JobId": JOB_ID}, expected)

    assert control.create_job(spec) == JOB_ID


def test_describing_a_job(aws: Stubber, control: S3Control) -> None:
    """What AWS tells comes back as a job."""
    aws.add_response("describe_job", described("Ready"), OF_JOB)

    job = control.describe_job(JOB_ID)

    assert (job.job_id, job.status, job.operation_name) == (
        JOB_ID,
        JobStatus.READY,
        "LambdaInvoke",
    )


def test_listing_jobs_page_by_page(aws: Stubber, control: S3Control) -> None:
    """Filters and tokens go to AWS, which gives a token as long as there is more."""
    listed = {**described("Failed")["Job"], "Operation": "S3PutObjectCopy"}
    asked = {"AccountId": ACCOUNT, "JobStatuses": ["Failed", "Complete"], "MaxResults": 1}
    aws.add_response("list_jobs", {"Jobs": [listed], "NextToken": "more"}, asked)
    aws.add_response("list_jobs", {"Jobs": []}, {**asked, "NextToken": "more"})
    statuses = [JobStatus.FAILED, JobStatus.COMPLETE]

    first = control.list_jobs(statuses, max_results=1)
    second = control.list_jobs(statuses, max_results=1, next_token=first.next_token)

    assert [job.operation_name for job in first.jobs] == ["S3PutObjectCopy"]
    assert (first.next_token, second.jobs, second.next_token) == ("more", (), None)


def test_listing_all_jobs(aws: Stubber, control: S3Control) -> None:
    """Without statuses none are sent: AWS would take an empty list for a filter."""
    aws.add_response("list_jobs", {}, {"AccountId": ACCOUNT, "MaxResults": 1000})

    assert control.list_jobs() == ((), None)


def test_confirming_a_job(aws: Stubber, control: S3Control) -> None:
    """The answer to a request says little, so the job is looked at afterwards."""
    request = {**OF_JOB, "RequestedJobStatus": "Ready", "StatusUpdateReason": "looks good"}
    aws.add_response("update_job_status", {"JobId": JOB_ID, "Status": "Ready"}, request)
    aws.add_response("describe_job", described("Active"), OF_JOB)

    job = control.update_job_status(JOB_ID, JobStatus.READY, "looks good")

    assert job.status is JobStatus.ACTIVE


def test_a_job_that_cannot_be_cancelled(aws: Stubber, control: S3Control) -> None:
    """Which status was in the way is found out."""
    aws.add_client_error("update_job_status", "JobStatusException", "no")
    aws.add_response("describe_job", described("Complete"), OF_JOB)

    with pytest.raises(InvalidTransition) as refusal:
        control.update_job_status(JOB_ID, JobStatus.CANCELLED)

    assert (refusal.value.current, refusal.value.requested) == ("Complete", "Cancelled")
    assert refusal.value.job_id == JOB_ID


def test_a_priority(aws: Stubber, control: S3Control) -> None:
    """Changed, and looked at."""
    aws.add_response(
        "update_job_priority", {"JobId": JOB_ID, "Priority": 99}, {**OF_JOB, "Priority": 99}
    )
    aws.add_response("describe_job", described(Priority=99), OF_JOB)

    assert control.update_job_priority(JOB_ID, 99).priority == 99


def test_tags(aws: Stubber, control: S3Control) -> None:
    """Tags are a dict to us and a list to AWS, which leaves out an empty one."""
    tag_set = [{"Key": "team", "Value": "photos"}, {"Key": "tier", "Value": ""}]
    aws.add_response("put_job_tagging", {}, {**OF_JOB, "Tags": tag_set})
    aws.add_response("get_job_tagging", {"Tags": tag_set}, OF_JOB)
    aws.add_response("delete_job_tagging", {}, OF_JOB)
    aws.add_response("get_job_tagging", {}, OF_JOB)

    control.put_job_tagging(JOB_ID, {"team": "photos", "tier": ""})
    tags = control.get_job_tagging(JOB_ID)
    control.delete_job_tagging(JOB_ID)

    assert tags == {"team": "photos", "tier": ""}
    assert control.get_job_tagging(JOB_ID) == {}


# ---------------------------------------------------------------- errors


@pytest.mark.parametrize("code", ["NoSuchJobException", "NotFoundException"])
@pytest.mark.parametrize(
    ("verb", "call"),
    [
        ("describe_job", lambda control: control.describe_job(JOB_ID)),
        ("update_job_status", lambda it: it.update_job_status(JOB_ID, JobStatus.READY)),
        ("update_job_priority", lambda control: control.update_job_priority(JOB_ID, 1)),
        ("get_job_tagging", lambda control: control.get_job_tagging(JOB_ID)),
    ],
)
def test_no_such_job(
    aws: Stubber, control: S3Control, verb: str, call: Callable[[S3Control], object], code: str
) -> None:
    """Whichever name AWS has for it."""
    aws.add_client_error(verb, code, "No such job")

    with pytest.raises(JobNotFound, match="No such job") as refusal:
        call(control)

    assert refusal.value.job_id == JOB_ID


def test_any_other_refusal(aws: Stubber, control: S3Control) -> None:
    """It keeps AWS's code and words, and what boto3 raised as its cause."""
    aws.add_client_error("put_job_tagging", "TooManyTagsException", "51 is too many")

    with pytest.raises(JobError, match="51 is too many") as refusal:
        control.put_job_tagging(JOB_ID, {"a": "b"})

    assert (refusal.value.code, refusal.value.job_id) == ("TooManyTagsException", JOB_ID)
    assert isinstance(refusal.value.__cause__, ClientError)


def test_what_boto3_refuses_itself() -> None:
    """As if AWS had."""
    control = S3Control(s3control_client(), account_id=ACCOUNT)

    with pytest.raises(JobError, match="JobId, value: 1, valid min length: 5") as refusal:
        control.describe_job("x")

    assert refusal.value.code == "BadRequestException"


def test_nobody_there() -> None:
    """What is no answer of AWS's comes through as it is."""
    client = s3control_client(endpoint_url="http://127.0.0.1:1")

    with pytest.raises(EndpointConnectionError):
        S3Control(client, account_id=ACCOUNT).describe_job(JOB_ID)


# ---------------------------------------------------------------- where requests go


def test_an_endpoint_on_this_machine() -> None:
    """A plain client would put the account id before 127.0.0.1, and find nobody."""
    with _server() as (address, requests):
        S3Control(s3control_client(endpoint_url=address), account_id=ACCOUNT).list_jobs()

    assert requests == [(address.removeprefix("http://"), ACCOUNT)]


def test_an_endpoint_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """As with the AWS CLI."""
    with _server() as (address, requests):
        monkeypatch.setenv("AWS_ENDPOINT_URL_S3_CONTROL", address)

        S3Control(s3control_client(), account_id=ACCOUNT).list_jobs()

    assert requests == [(address.removeprefix("http://"), ACCOUNT)]


@pytest.mark.parametrize(
    ("endpoint", "host"),
    [
        (None, "s3-control.eu-west-1.amazonaws.com"),
        (
            "https://control.vpce-1a2b.s3.eu-west-1.vpce.amazonaws.com",
            "control.vpce-1a2b.s3.eu-west-1.vpce.amazonaws.com",
        ),
    ],
)
def test_aws_itself(endpoint: str | None, host: str) -> None:
    """There the account id stays where AWS wants it."""
    client = s3control_client(endpoint_url=endpoint)
    urls = []

    def stop(request: Any, **_: Any) -> None:
        urls.append(request.url)
        raise ConnectionAbortedError

    client.meta.events.register("before-send.s3-control", stop)

    with pytest.raises(ConnectionAbortedError):
        client.list_jobs(AccountId=ACCOUNT)

    assert urls == [f"https://{ACCOUNT}.{host}/v20180820/jobs"]


@contextmanager
def _server() -> Iterator[tuple[str, list[tuple[str, str]]]]:
    """Answer requests with an empty listing; tell their hosts and accounts."""
    requests: list[tuple[str, str]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            requests.append((self.headers["Host"], self.headers["x-amz-account-id"]))
            answer = b"<ListJobsResult/>"
            self.send_response(200)
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        @override
        def log_message(self, *_: object) -> None:
            """Stay quiet."""

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}", requests
        finally:
            server.shutdown()
            thread.join()
