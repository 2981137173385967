"""The state machine of the page about waiting, run by moto's Step Functions with jobs that run."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from moto.core.config import default_user_config

from s3batch_handler.testing import mock_s3batch
from tests.integration.local_aws.test_boto3_waiters import ACCOUNT, create_job, function
from tests.support.waiting import wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.slow
pytest.importorskip("antlr4", reason="moto reads state machines with it")

ROLE = f"arn:aws:iam::{ACCOUNT}:role/batch"


class Recorded:
    """Takes the request of a job, which the state machine sends later."""

    def create_job(self, **request: Any) -> dict[str, str]:
        self.request = {"ClientRequestToken": "token", **request}
        return {"JobId": "none"}


class StateMachine:
    def __init__(self, definition: str) -> None:
        session: Any = boto3.Session("testing", "testing", region_name="eu-west-1")
        self.s3 = session.client("s3")
        self.s3control = session.client("s3control")
        self._client = session.client("stepfunctions")
        self.s3.create_bucket(
            Bucket="photos", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"}
        )
        self._arn = self._client.create_state_machine(
            name="job", definition=definition, roleArn=f"arn:aws:iam::{ACCOUNT}:role/machine"
        )["stateMachineArn"]

    def run(self, *keys: str, **members: Any) -> dict[str, Any]:
        """Run the state machine for a job over these keys, and return the execution."""
        return self.end_of(self.start(*keys, **members))

    def start(self, *keys: str, **members: Any) -> str:
        recorded = Recorded()
        create_job(self.s3, recorded, *keys)
        execution: str = self._client.start_execution(
            stateMachineArn=self._arn,
            name="one",
            input=json.dumps({**recorded.request, **members}),
        )["executionArn"]
        return execution

    def end_of(self, execution: str) -> dict[str, Any]:
        """Wait until the state machine has ended."""
        wait_for(lambda: self._describe(execution)["status"] != "RUNNING")
        return self._describe(execution)

    def jobs(self) -> list[dict[str, Any]]:
        jobs: list[dict[str, Any]] = self.s3control.list_jobs(AccountId=ACCOUNT)["Jobs"]
        return jobs

    def _describe(self, execution: str) -> dict[str, Any]:
        described: dict[str, Any] = self._client.describe_execution(executionArn=execution)
        return described


@pytest.fixture
def definition(project: Path) -> str:
    definition = (project / "examples" / "state-machine" / "job.asl.json").read_text()
    # moto 5.2 takes this name for the role of "Credentials", which no other part may use.
    of_input = '"RoleArn.$": "$.RoleArn"'
    assert of_input in definition
    return definition.replace(of_input, f'"RoleArn": "{ROLE}"')


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Mock AWS with jobs and state machines that run."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    monkeypatch.setitem(default_user_config, "stepfunctions", {"execute_state_machine": True})
    with mock_s3batch({"function": function}):
        yield


@pytest.fixture
def machine(aws: None, definition: str) -> StateMachine:
    return StateMachine(definition)


def test_it_succeeds_when_no_task_has_failed(machine: StateMachine) -> None:
    """Its output has the job and the counts."""
    execution = machine.run("one", "two")

    (job,) = machine.jobs()
    output = json.loads(execution["output"])
    assert execution["status"] == "SUCCEEDED"
    assert (output["JobId"], output["Status"]) == (job["JobId"], "Complete")
    assert output["ProgressSummary"]["NumberOfTasksSucceeded"] == 2


def test_it_fails_when_a_task_has_failed(machine: StateMachine) -> None:
    """The job itself is complete."""
    execution = machine.run("one", "bad")

    (job,) = machine.jobs()
    assert job["Status"] == "Complete"
    assert execution["status"] == "FAILED"
    assert execution["error"] == "S3Batch.TasksFailed"
    assert execution["cause"] == f"1 tasks of job {job['JobId']} failed"


def test_it_fails_when_the_job_fails(machine: StateMachine) -> None:
    missing = {"LambdaInvoke": {"FunctionArn": f"arn:aws:lambda:eu-west-1:{ACCOUNT}:function:no"}}

    execution = machine.run("one", Operation=missing)

    (job,) = machine.jobs()
    assert (execution["status"], execution["error"]) == ("FAILED", "S3Batch.JobFailed")
    assert execution["cause"] == f"Job {job['JobId']} is Failed"


def test_its_jobs_need_no_confirmation(machine: StateMachine) -> None:
    """A suspended job would keep it waiting."""
    execution = machine.run("one", ConfirmationRequired=True)

    assert execution["status"] == "SUCCEEDED"


def test_an_invalid_request_ends_it(machine: StateMachine) -> None:
    """moto's Step Functions sends requests with boto3, which checks them against AWS's model."""
    execution = machine.run("one", Priority="high")

    assert execution["status"] == "FAILED"
    assert "Priority" in execution["cause"]
    assert machine.jobs() == []


def test_it_waits_until_the_job_has_ended(aws: None, definition: str) -> None:
    """Here it waits for a suspended job, because mocked jobs run while they are created."""
    waiting = definition.replace('"ConfirmationRequired": false', '"ConfirmationRequired": true')
    machine = StateMachine(waiting.replace('"Seconds": 60', '"Seconds": 1'))
    execution = machine.start("one")
    wait_for(lambda: [job["Status"] for job in machine.jobs()] == ["Suspended"])

    (job,) = machine.jobs()
    of_job = {"AccountId": ACCOUNT, "JobId": job["JobId"]}
    machine.s3control.update_job_status(**of_job, RequestedJobStatus="Ready")

    assert machine.end_of(execution)["status"] == "SUCCEEDED"
