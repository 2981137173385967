"""``s3batch job submit`` checks that S3 can invoke the function."""

from __future__ import annotations

import io
import json
import zipfile
from typing import TYPE_CHECKING, Any

import boto3
from botocore.exceptions import ClientError
from moto import mock_aws

from s3batch_handler.jobs import _aws_clients as aws

if TYPE_CHECKING:
    import pytest

    from tests.support.job_server import Server

READ = "arn:aws:lambda:eu-west-1:123456789012:function:read"
DURABLE = {"FunctionName": "read", "DurableConfig": {"ExecutionTimeout": 900}}
OF_TENANTS = {"FunctionName": "read", "TenancyConfig": {"TenantIsolationMode": "PER_TENANT"}}
SUBMIT_BY = ("job", "submit", "--manifest", "s3://inbox/m.csv", "--role", "r", "--no-report")


class Lambda:
    """Answers GetFunctionConfiguration, or raises an error."""

    def __init__(self, answer: dict[str, Any] | Exception) -> None:
        self.answer = answer
        self.names: list[str] = []

    def __call__(self, name: str, *_: Any, **__: Any) -> dict[str, Any]:
        self.names.append(name)
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


def test_a_function_that_s3_cannot_invoke_is_refused_before_the_job_is_created(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    jobs = server.job("list", "--json")
    cases = [
        ("read", DURABLE, f"{READ} is a durable function: Lambda invokes it only by a version"),
        ("read", OF_TENANTS, f"{READ} uses tenant isolation (TenancyConfig)"),
        ("read:live", OF_TENANTS, f"{READ}:live uses tenant isolation (TenancyConfig)"),
    ]
    for function, answer, message in cases:
        monkeypatch.setattr(aws, "function_configuration", Lambda(answer))

        run = server.s3batch(*SUBMIT_BY, "--function", function)

        assert run.exit_code == 2
        assert f"function {message}" in run.stderr
    assert server.job("list", "--json") == jobs


def test_a_function_that_cannot_be_described_can_be_submitted(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So can functions without these settings, and durable functions with a qualifier."""
    cases: list[tuple[str, dict[str, Any] | Exception]] = [
        ("read:7", DURABLE),
        ("read:$LATEST", DURABLE),
        (f"{READ}:live", DURABLE),
        ("read", {"FunctionName": "read"}),
        ("read", {"FunctionName": "read", "DurableConfig": {}, "TenancyConfig": {}}),
        ("read", ClientError({"Error": {"Code": "AccessDeniedException"}}, "GetFunction")),
        ("read", ConnectionError("no Lambda here")),
    ]
    for function, answer in cases:
        lambda_ = Lambda(answer)
        monkeypatch.setattr(aws, "function_configuration", lambda_)

        job_id = server.job(*SUBMIT_BY[1:], "--function", function).strip()

        described = json.loads(server.job("describe", job_id, "--json"))
        arn = described["Operation"]["LambdaInvoke"]["FunctionArn"]
        assert lambda_.names == [arn]
        assert arn.startswith(READ)


def test_the_configuration_of_a_function_is_read_by_its_qualified_arn() -> None:
    with mock_aws():
        session: Any = boto3.Session("testing", "testing", region_name="eu-west-1")
        client, iam = session.client("lambda"), session.client("iam")
        role = iam.create_role(RoleName="f", AssumeRolePolicyDocument="{}")["Role"]
        with zipfile.ZipFile(code := io.BytesIO(), "w") as archive:
            archive.writestr("app.py", "def handler(event, context): pass")
        client.create_function(
            FunctionName="read",
            Runtime="python3.13",
            Role=role["Arn"],
            Handler="app.handler",
            Code={"ZipFile": code.getvalue()},
        )

        configuration = aws.function_configuration(f"{READ}:$LATEST", session)

    assert configuration["FunctionName"] == "read"
