"""boto3's waiters and paginators for jobs, with a real server and with ``mock_s3batch``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.exceptions import ParamValidationError, WaiterError

from s3batch_handler.jobs import job_waiter, list_jobs_paginator, s3control_client
from s3batch_handler.local_aws._server import serve
from s3batch_handler.testing import mock_s3batch

if TYPE_CHECKING:
    from collections.abc import Iterator

ACCOUNT = "123456789012"
SOON = {"Delay": 0, "MaxAttempts": 1000}


def function(event: Any, context: Any) -> dict[str, Any]:
    """Fail the object ``bad``."""
    (task,) = event["tasks"]
    code = "PermanentFailure" if task["s3Key"] == "bad" else "Succeeded"
    return {
        "invocationSchemaVersion": event["invocationSchemaVersion"],
        "invocationId": event["invocationId"],
        "results": [{"taskId": task["taskId"], "resultCode": code, "resultString": ""}],
    }


@pytest.fixture(scope="module")
def clients() -> Iterator[tuple[Any, Any]]:
    """S3 and S3 Control of a server with a function."""
    session: Any = boto3.Session("testing", "testing", region_name="eu-west-1")
    with serve({"function": function}) as address:
        s3 = session.client("s3", endpoint_url=address)
        place = {"LocationConstraint": "eu-west-1"}
        s3.create_bucket(Bucket="photos", CreateBucketConfiguration=place)
        yield s3, s3control_client(session, endpoint_url=address)


def create_job(s3: Any, s3control: Any, *keys: str, **members: Any) -> str:
    manifest = "".join(f"photos,{key}\n" for key in keys)
    etag = s3.put_object(Bucket="photos", Key="m.csv", Body=manifest)["ETag"].strip('"')
    arn = f"arn:aws:lambda:eu-west-1:{ACCOUNT}:function:function"
    request = {
        "AccountId": ACCOUNT,
        "ConfirmationRequired": False,
        "Operation": {"LambdaInvoke": {"FunctionArn": arn}},
        "Manifest": {
            "Spec": {"Format": "S3BatchOperations_CSV_20180820", "Fields": ["Bucket", "Key"]},
            "Location": {"ObjectArn": "arn:aws:s3:::photos/m.csv", "ETag": etag},
        },
        "Report": {"Enabled": False},
        "Priority": 1,
        "RoleArn": f"arn:aws:iam::{ACCOUNT}:role/batch",
        **members,
    }
    job_id: str = s3control.create_job(**request)["JobId"]
    return job_id


@pytest.mark.parametrize("name", ["job_complete", "job_succeeded"])
def test_a_waiter_returns_when_the_job_is_complete(clients: tuple[Any, Any], name: str) -> None:
    s3, s3control = clients
    job_id = create_job(s3, s3control, "good")

    s3control.get_waiter(name).wait(AccountId=ACCOUNT, JobId=job_id, WaiterConfig=SOON)

    job = s3control.describe_job(AccountId=ACCOUNT, JobId=job_id)["Job"]
    assert job["Status"] == "Complete"


def test_failed_tasks_are_an_error_of_one_waiter_only(clients: tuple[Any, Any]) -> None:
    """AWS calls a job complete although tasks of it have failed."""
    s3, s3control = clients
    of_job = {"AccountId": ACCOUNT, "JobId": create_job(s3, s3control, "good", "bad")}

    s3control.get_waiter("job_complete").wait(**of_job, WaiterConfig=SOON)
    with pytest.raises(WaiterError, match="terminal failure state") as raised:
        s3control.get_waiter("job_succeeded").wait(**of_job, WaiterConfig=SOON)

    last: Any = raised.value.last_response
    assert last["Job"]["ProgressSummary"]["NumberOfTasksFailed"] == 1


@pytest.mark.parametrize("name", ["job_complete", "job_succeeded"])
@pytest.mark.parametrize("end", ["Cancelled", "Failed"])
def test_waiters_raise_an_error_for_a_job_that_ends_otherwise(
    clients: tuple[Any, Any], name: str, end: str
) -> None:
    s3, s3control = clients
    wrong = {"ObjectArn": "arn:aws:s3:::photos/none.csv", "ETag": "x"}
    spec = {"Format": "S3BatchOperations_CSV_20180820", "Fields": ["Bucket", "Key"]}
    members = {"Manifest": {"Spec": spec, "Location": wrong}} if end == "Failed" else {}
    job_id = create_job(s3, s3control, "good", ConfirmationRequired=end == "Cancelled", **members)
    of_job = {"AccountId": ACCOUNT, "JobId": job_id}
    if end == "Cancelled":
        with pytest.raises(WaiterError, match="Max attempts exceeded"):  # it is suspended
            s3control.get_waiter(name).wait(**of_job, WaiterConfig={"Delay": 0, "MaxAttempts": 2})
        s3control.update_job_status(**of_job, RequestedJobStatus=end)

    with pytest.raises(WaiterError, match="terminal failure state") as raised:
        s3control.get_waiter(name).wait(**of_job, WaiterConfig=SOON)

    last: Any = raised.value.last_response
    assert last["Job"]["Status"] == end


def test_the_paginator_lists_the_jobs_of_all_pages(clients: tuple[Any, Any]) -> None:
    """PaginationConfig, ``build_full_result`` and ``search`` work as usual."""
    s3, s3control = clients
    account = "222222222222"
    job_ids = {
        create_job(s3, s3control, "good", AccountId=account, ConfirmationRequired=True)
        for _ in range(5)
    }
    assert s3control.can_paginate("list_jobs")
    paginator = s3control.get_paginator("list_jobs")

    pages = [*paginator.paginate(AccountId=account, PaginationConfig={"PageSize": 2})]
    ended = paginator.paginate(AccountId=account, JobStatuses=["Complete"])
    some = paginator.paginate(AccountId=account, PaginationConfig={"MaxItems": 3, "PageSize": 2})
    result = some.build_full_result()

    assert [len(page["Jobs"]) for page in pages] == [2, 2, 1]
    assert {job["JobId"] for page in pages for job in page["Jobs"]} == job_ids
    assert ended.build_full_result() == {"Jobs": []}
    assert len(result["Jobs"]) == 3
    rest = paginator.paginate(
        AccountId=account, PaginationConfig={"StartingToken": result["NextToken"]}
    )
    assert {job["JobId"] for job in rest.search("Jobs[]")} == job_ids - {
        job["JobId"] for job in result["Jobs"]
    }


def test_clients_of_boto3_itself_can_be_used_in_mocked_aws() -> None:
    """``boto3.client`` has neither: the functions add them to a client that exists already."""
    with mock_s3batch({"function": function}):
        session: Any = boto3.Session("testing", "testing", region_name="eu-west-1")
        s3, s3control = session.client("s3"), session.client("s3control")
        place = {"LocationConstraint": "eu-west-1"}
        s3.create_bucket(Bucket="photos", CreateBucketConfiguration=place)
        job_id = create_job(s3, s3control, "good")
        assert not s3control.can_paginate("list_jobs")

        job_waiter(s3control).wait(AccountId=ACCOUNT, JobId=job_id, WaiterConfig=SOON)
        jobs = list_jobs_paginator(s3control).paginate(AccountId=ACCOUNT).build_full_result()

    assert [job["JobId"] for job in jobs["Jobs"]] == [job_id]


def test_clients_keep_the_waiters_and_paginators_of_botocore() -> None:
    session: Any = boto3.Session("testing", "testing", region_name="eu-west-1")
    plain = session.client("s3control")
    client = s3control_client(session)

    assert client.waiter_names == ["job_complete", "job_succeeded", *plain.waiter_names]
    assert client.can_paginate("list_caller_access_grants")
    assert client.get_paginator("list_caller_access_grants")
    with pytest.raises(ValueError, match="Waiter does not exist: job_done"):
        client.get_waiter("job_done")
    with pytest.raises(ValueError, match=r"job_done\. Use job_complete or job_succeeded"):
        job_waiter(plain, "job_done")


def test_requests_of_waiters_and_paginators_are_checked_by_botocore() -> None:
    client = s3control_client(boto3.Session("testing", "testing", region_name="eu-west-1"))

    with pytest.raises(ParamValidationError, match="JobId"):
        client.get_waiter("job_complete").wait(AccountId=ACCOUNT)
    with pytest.raises(ParamValidationError, match="JobStatuses"):
        next(iter(client.get_paginator("list_jobs").paginate(AccountId=ACCOUNT, JobStatuses="No")))
