"""Job control with boto3's client; botocore checks each request and response."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError
from typing_extensions import override

from s3batch_handler.core._errors import InvalidTransition, JobError, JobNotFound
from s3batch_handler.jobs._aws_clients import s3control_client
from s3batch_handler.jobs._control import S3Control
from s3batch_handler.jobs._status import JobStatus
from tests.support.jobs import ACCOUNT, JOB_ID, OF_JOB, described, job_spec

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from botocore.stub import Stubber

# ---------------------------------------------------------------- requests


def test_create_job_sends_the_spec_and_returns_the_id(aws: Stubber, control: S3Control) -> None:
    spec = job_spec(tags={"team": "photos"})
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


def test_describe_job_returns_a_job(aws: Stubber, control: S3Control) -> None:
    aws.add_response("describe_job", described("Ready"), OF_JOB)

    job = control.describe_job(JOB_ID)

    assert (job.job_id, job.status, job.operation_name) == (
        JOB_ID,
        JobStatus.READY,
        "LambdaInvoke",
    )


def test_list_jobs_sends_statuses_and_tokens(aws: Stubber, control: S3Control) -> None:
    listed = {**described("Failed")["Job"], "Operation": "S3PutObjectCopy"}
    asked = {"AccountId": ACCOUNT, "JobStatuses": ["Failed", "Complete"], "MaxResults": 1}
    aws.add_response("list_jobs", {"Jobs": [listed], "NextToken": "more"}, asked)
    aws.add_response("list_jobs", {"Jobs": []}, {**asked, "NextToken": "more"})
    statuses = [JobStatus.FAILED, JobStatus.COMPLETE]

    first = control.list_jobs(statuses, max_results=1)
    second = control.list_jobs(statuses, max_results=1, next_token=first.next_token)

    assert [job.operation_name for job in first.jobs] == ["S3PutObjectCopy"]
    assert (first.next_token, second.jobs, second.next_token) == ("more", (), None)


def test_list_jobs_without_statuses_sends_no_filter(aws: Stubber, control: S3Control) -> None:
    """AWS would treat an empty list as a filter."""
    aws.add_response("list_jobs", {}, {"AccountId": ACCOUNT, "MaxResults": 1000})

    assert control.list_jobs() == ((), None)


def test_update_job_status_describes_the_job_afterwards(aws: Stubber, control: S3Control) -> None:
    """The response of UpdateJobStatus has few members."""
    request = {**OF_JOB, "RequestedJobStatus": "Ready", "StatusUpdateReason": "looks good"}
    aws.add_response("update_job_status", {"JobId": JOB_ID, "Status": "Ready"}, request)
    aws.add_response("describe_job", described("Active"), OF_JOB)

    job = control.update_job_status(JOB_ID, JobStatus.READY, "looks good")

    assert job.status is JobStatus.ACTIVE


def test_refused_status_change_has_the_current_status(aws: Stubber, control: S3Control) -> None:
    aws.add_client_error("update_job_status", "JobStatusException", "no")
    aws.add_response("describe_job", described("Complete"), OF_JOB)

    with pytest.raises(InvalidTransition) as refusal:
        control.update_job_status(JOB_ID, JobStatus.CANCELLED)

    assert (refusal.value.current, refusal.value.requested) == ("Complete", "Cancelled")
    assert refusal.value.job_id == JOB_ID


def test_update_job_priority_returns_the_job(aws: Stubber, control: S3Control) -> None:
    aws.add_response(
        "update_job_priority", {"JobId": JOB_ID, "Priority": 99}, {**OF_JOB, "Priority": 99}
    )
    aws.add_response("describe_job", described(Priority=99), OF_JOB)

    assert control.update_job_priority(JOB_ID, 99).priority == 99


def test_tags_are_a_dictionary(aws: Stubber, control: S3Control) -> None:
    """AWS has a list of tags, and omits an empty list."""
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
    ("method", "call"),
    [
        ("describe_job", lambda control: control.describe_job(JOB_ID)),
        ("update_job_status", lambda it: it.update_job_status(JOB_ID, JobStatus.READY)),
        ("update_job_priority", lambda control: control.update_job_priority(JOB_ID, 1)),
        ("get_job_tagging", lambda control: control.get_job_tagging(JOB_ID)),
    ],
)
def test_missing_job_is_not_found(
    aws: Stubber, control: S3Control, method: str, call: Callable[[S3Control], object], code: str
) -> None:
    """AWS has two codes for this error."""
    aws.add_client_error(method, code, "No such job")

    with pytest.raises(JobNotFound, match="No such job") as refusal:
        call(control)

    assert refusal.value.job_id == JOB_ID


def test_other_errors_keep_code_message_and_cause(aws: Stubber, control: S3Control) -> None:
    aws.add_client_error("put_job_tagging", "TooManyTagsException", "51 is too many")

    with pytest.raises(JobError, match="51 is too many") as refusal:
        control.put_job_tagging(JOB_ID, {"a": "b"})

    assert (refusal.value.code, refusal.value.job_id) == ("TooManyTagsException", JOB_ID)
    assert isinstance(refusal.value.__cause__, ClientError)


def test_request_that_boto3_refuses_has_the_code_of_aws() -> None:
    control = S3Control(s3control_client(), account_id=ACCOUNT)

    with pytest.raises(JobError, match="JobId, value: 1, valid min length: 5") as refusal:
        control.describe_job("x")

    assert refusal.value.code == "BadRequestException"


def test_connection_error_is_not_changed() -> None:
    client = s3control_client(endpoint_url="http://127.0.0.1:1")

    with pytest.raises(EndpointConnectionError):
        S3Control(client, account_id=ACCOUNT).describe_job(JOB_ID)


# ---------------------------------------------------------------- endpoints


def test_host_of_another_endpoint_has_no_account_id() -> None:
    """boto3's client would prefix 127.0.0.1 with the account ID."""
    with _server() as (address, requests):
        S3Control(s3control_client(endpoint_url=address), account_id=ACCOUNT).list_jobs()

    assert requests == [(address.removeprefix("http://"), ACCOUNT)]


def test_endpoint_of_the_environment_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
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
def test_host_of_aws_has_the_account_id(endpoint: str | None, host: str) -> None:
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
    """Answer requests with an empty listing, and record their hosts and accounts."""
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
            """Log nothing."""

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}", requests
        finally:
            server.shutdown()
            thread.join()
