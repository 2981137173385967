"""Functions that a boto3 client calls."""

from __future__ import annotations

import io
import os
import threading
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.config import Config
from botocore.response import StreamingBody
from botocore.stub import ANY, Stubber

from s3batch_handler.core._errors import InvalidFunction
from s3batch_handler.core._model import JobRef, Outcome, ResultCode
from s3batch_handler.documents.files._folder import open_folder
from s3batch_handler.documents.reports._report import read_report
from s3batch_handler.documents.reports._writer import ReportWriter
from s3batch_handler.engine.invoke._answer import (
    FunctionError,
    InvalidFunctionResponse,
)
from s3batch_handler.engine.invoke._lambda_api import ClientApi
from s3batch_handler.engine.invoke._remote import RemoteFunction
from s3batch_handler.engine.invoke._target import invoker_for
from s3batch_handler.engine.run._run_job import JobSettings, run_job
from s3batch_handler.testing import mock_s3batch

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
from tests.support.invoker_calls import invoke, keys
from tests.support.lambda_server import (
    BUG,
    SUCCEEDED,
    Event,
    Reply,
    closed_port,
    done,
    in_turn,
    key,
    refusal,
    serving,
)


@pytest.fixture
def stub(plain_client: Any) -> Iterator[Stubber]:
    with Stubber(plain_client) as stubber:
        yield stubber
        stubber.assert_no_pending_responses()


def function_of(stub: Stubber) -> RemoteFunction:
    client: Any = stub.client
    return RemoteFunction(ClientApi(client, "thumbnails:PROD"), backoff=0.001)


REQUEST = {"FunctionName": "thumbnails:PROD", "Payload": ANY}


def body(payload: bytes) -> StreamingBody:
    return StreamingBody(io.BytesIO(payload), len(payload))


def test_a_function_error_of_a_client_is_returned(stub: Stubber) -> None:
    """The header of Lambda decides that the function failed."""
    stub.add_response(
        "invoke", {"StatusCode": 200, "FunctionError": "Unhandled", "Payload": body(BUG)}, REQUEST
    )

    assert invoke(function_of(stub), keys("a")) == {"a": FunctionError(BUG.decode())}


def test_a_throttled_client_is_retried(stub: Stubber) -> None:
    """The retry gets the response of the function."""
    for _ in range(2):
        stub.add_client_error("invoke", "TooManyRequestsException", "Rate Exceeded.", 429)
    stub.add_response("invoke", {"StatusCode": 200, "Payload": body(b"7")}, REQUEST)

    answers = invoke(function_of(stub), keys("a"))

    assert answers == {
        "a": InvalidFunctionResponse("the response: expected an object, got a number")
    }


def test_access_denied_is_in_the_report_with_the_message_of_lambda(
    stub: Stubber, tmp_path: Path
) -> None:
    """The row has the status and code of AWS."""
    stub.add_client_error("invoke", "AccessDeniedException", "User: me is not authorized", 403)
    report = ReportWriter(open_folder(str(tmp_path)), job_id="1")

    run_job(keys("a"), function_of(stub), JobSettings(job=JobRef(id="1")), report=report)

    (row,) = read_report(tmp_path / "job-1").rows()
    assert (row.status, row.http_status, row.error_code) == ("failed", 403, "AccessDenied")
    assert row.message == "User: me is not authorized"


@pytest.mark.parametrize(
    ("code", "status"),
    [("ResourceNotFoundException", 404), ("ExpiredTokenException", 403)],
)
def test_errors_of_a_client_that_affect_all_tasks_are_raised(
    stub: Stubber, code: str, status: int
) -> None:
    """No task can succeed, so the job fails."""
    stub.add_client_error("invoke", code, "there is a reason", status)

    with pytest.raises(InvalidFunction, match=f"thumbnails:PROD: {code}: there is a reason"):
        invoke(function_of(stub), keys("a"))


def lambda_at(url: str, **config: Any) -> Any:
    session: Any = boto3.Session("testing", "testing", region_name="us-east-1")
    options = Config(retries={"total_max_attempts": 1}, proxies={}, **config)
    return session.client("lambda", endpoint_url=url, config=options)


def test_errors_of_botocore_become_answers() -> None:
    """A registered client calls the function by its name."""
    leave = threading.Event()

    def respond(event: Event) -> Reply | None:
        if key(event) == "slow":
            leave.wait(30)
        return None if key(event) == "lost" else done(event)

    with serving(respond) as server:
        client, hasty = lambda_at(server.url), lambda_at(server.url, read_timeout=0.5)
        answers = invoke(invoker_for(client, name="thumbnails"), keys("fine", "lost"))
        answers |= invoke(invoker_for(hasty, name="thumbnails"), keys("slow"))
        leave.set()

    assert server.calls[0][0] == "/2015-03-31/functions/thumbnails/invocations"
    assert answers["fine"] == SUCCEEDED
    assert isinstance(answers["slow"], FunctionError)
    assert answers["lost"] == Outcome(
        ResultCode.TEMPORARY_FAILURE,
        "ConnectionClosedError: Connection was closed before we received a valid response from "
        f'endpoint URL: "{server.url}/2015-03-31/functions/thumbnails/invocations".',
    )


def test_a_client_waits_for_a_function_that_is_not_ready() -> None:
    """Its errors are classified like those of an address."""
    pending = refusal("CodeArtifactUserPendingException", 409)

    with serving(in_turn(*[pending] * 12)) as server:
        api = ClientApi(lambda_at(server.url), "thumbnails")
        answers = invoke(RemoteFunction(api, backoff=0.00001, patience=60), keys("a"))

    assert answers == {"a": SUCCEEDED}
    assert len(server.calls) == 13


@pytest.mark.parametrize("damaged", [b"\xff\xfe", b"[1]"])
def test_a_damaged_response_is_retried(damaged: bytes) -> None:
    """One damaged response does not fail the job."""
    with serving(in_turn((503, {}, damaged))) as server:
        answers = invoke(invoker_for(lambda_at(server.url), name="thumbnails"), keys("a"))

    assert answers == {"a": SUCCEEDED}


def test_a_client_without_a_server_fails_the_job() -> None:
    """The error is raised immediately."""
    with (
        closed_port() as url,
        pytest.raises(InvalidFunction, match="thumbnails: no server responds"),
    ):
        invoke(invoker_for(lambda_at(url), name="thumbnails"), keys("a"))


def create_job() -> dict[str, Any]:
    """Create a job with one object, and return its description."""
    session: Any = boto3.Session("testing", "testing", region_name="us-east-1")
    s3, s3control = session.client("s3"), session.client("s3control")
    s3.create_bucket(Bucket="photos")
    etag = s3.put_object(Bucket="photos", Key="m.csv", Body=b"photos,a\n")["ETag"]
    account = {"AccountId": "123456789012"}
    job_id = s3control.create_job(
        **account,
        ConfirmationRequired=False,
        Operation={"LambdaInvoke": {"FunctionArn": "thumbnails:PROD"}},
        Manifest={
            "Spec": {"Format": "S3BatchOperations_CSV_20180820", "Fields": ["Bucket", "Key"]},
            "Location": {"ObjectArn": "arn:aws:s3:::photos/m.csv", "ETag": etag.strip('"')},
        },
        Report={"Enabled": False},
        Priority=1,
        RoleArn="arn:aws:iam::123456789012:role/batch",
    )["JobId"]
    job: dict[str, Any] = s3control.describe_job(**account, JobId=job_id)["Job"]
    return job


def test_a_job_calls_a_function_at_an_address() -> None:
    """A function that is registered by its address is called there."""
    with serving(done) as server, mock_s3batch({"thumbnails": server.url}):
        job = create_job()

    assert job["Status"] == "Complete"
    assert job["ProgressSummary"]["NumberOfTasksSucceeded"] == 1


def test_moto_does_not_intercept_a_client_of_another_endpoint() -> None:
    """The requests go to the endpoint of the client."""
    with serving(done) as server, mock_s3batch({"thumbnails": lambda_at(server.url)}):
        job = create_job()

    assert job["ProgressSummary"]["NumberOfTasksSucceeded"] == 1


def test_a_job_runs_a_module_in_a_worker_with_fake_credentials(tmp_path: Path) -> None:
    """The worker is another process."""
    app = tmp_path / "app.py"
    app.write_text(
        "import os\n"
        "from pathlib import Path\n"
        "def handler(event, context):\n"
        "    key_id = os.environ['AWS_ACCESS_KEY_ID']\n"
        "    Path(__file__).with_name('seen').write_text(f'{os.getpid()} {key_id}')\n"
    )

    with mock_s3batch({"thumbnails": f"{app}:handler"}):
        job = create_job()

    assert job["Status"] == "Complete"
    process, key_id = (tmp_path / "seen").read_text().split()
    assert int(process) != os.getpid()
    assert key_id == "FOOBARKEY"


def test_a_job_passes_the_qualifier_to_the_client(stub: Stubber) -> None:
    """The client receives the name of the function as the job has it."""
    client: Any = stub.client
    stub.add_response("invoke", {"StatusCode": 200, "Payload": body(b"7")}, REQUEST)

    with mock_s3batch({"thumbnails": client}):
        job = create_job()

    assert job["Status"] == "Complete"
    assert job["ProgressSummary"]["NumberOfTasksFailed"] == 1


def test_a_job_fails_if_no_server_responds() -> None:
    """The failure reason has the address."""
    with closed_port() as url, mock_s3batch({"thumbnails": url}):
        job = create_job()

    assert job["Status"] == "Failed"
    (reason,) = job["FailureReasons"]
    assert reason["FailureCode"] == "ResourceNotFoundException"
    assert f"{url}: no server responds" in reason["FailureReason"]
