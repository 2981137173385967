"""``s3batch doctor``, with moto's AWS, with ``s3batch serve``, and without either."""

from __future__ import annotations

import io
import json
import os
import socket
import zipfile
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from click.testing import CliRunner
from moto import mock_aws

from s3batch_handler.cli._commands import s3batch
from s3batch_handler.cli.doctor._role import SERVICE
from tests.support.serving import clean_environment, server_process
from tests.support.terminal import terminal

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

APP = """
from s3batch_handler import Task, task_handler

@task_handler(time_reserve=5)
def handler(task: Task) -> None: ...
"""
KEY = "AKIAIOSFODNN7EXAMPLE"
SECRET = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "app.py").write_text(APP)
    return tmp_path


@pytest.fixture
def no_credentials(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is configured, so no request is sent."""
    for name in [name for name in os.environ if "AWS" in name]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    for name in ("AWS_SHARED_CREDENTIALS_FILE", "AWS_CONFIG_FILE"):
        monkeypatch.setenv(name, str(tmp_path / "none"))


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """moto's AWS, with a bucket, two roles and two functions."""
    for name in [name for name in os.environ if "AWS" in name]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    with mock_aws(config={"lambda": {"use_docker": False}}), pytest.MonkeyPatch.context() as keys:
        keys.setenv("AWS_ACCESS_KEY_ID", KEY)  # mock_aws has set others, and removes them
        keys.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
        for bucket, region in (("photos", "eu-west-1"), ("far", "eu-central-1")):
            s3: Any = boto3.client("s3", region_name=region)
            s3.create_bucket(
                Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": region}
            )
        _, other = a_role("batch", SERVICE), a_role("other", "lambda.amazonaws.com")
        a_function("good", other, Timeout=60, MemorySize=512, Handler="app.handler")
        a_function("short", other, Timeout=5, MemorySize=128, Handler="main.run")
        client: Any = boto3.client("lambda")
        client.put_function_concurrency(FunctionName="good", ReservedConcurrentExecutions=50)
        client.put_function_concurrency(FunctionName="short", ReservedConcurrentExecutions=0)
        yield


def a_role(name: str, service: str) -> str:
    statement = {"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}
    iam: Any = boto3.client("iam")
    role = iam.create_role(
        RoleName=name, AssumeRolePolicyDocument=json.dumps({"Statement": [statement]})
    )
    arn: str = role["Role"]["Arn"]
    return arn


def a_function(name: str, role: str, **limits: Any) -> None:
    code = io.BytesIO()
    with zipfile.ZipFile(code, "w") as archive:
        archive.writestr("app.py", "")
    client: Any = boto3.client("lambda")
    client.create_function(
        FunctionName=name,
        Runtime="python3.13",
        Role=role,
        Code={"ZipFile": code.getvalue()},
        Publish=True,
        **limits,
    )


def doctor(*arguments: str, exit_code: int = 0) -> dict[str, tuple[str, str]]:
    """Run the command, and return status and message of each check."""
    run = CliRunner().invoke(s3batch, ["doctor", "--json", *arguments])

    assert run.exit_code == exit_code, run.output
    assert SECRET not in run.output
    assert KEY not in run.output
    checks = json.loads(run.stdout)
    assert all(each.keys() == {"name", "status", "message", "remedy"} for each in checks)
    return {each["name"]: (each["status"], each["message"]) for each in checks}


@pytest.mark.usefixtures("aws", "folder")
def test_everything_fits() -> None:
    found = doctor(
        *("app.py:handler", "--function", "good", "--role", "batch", "--bucket", "photos")
    )

    subjects = {name: status for name, (status, _) in found.items() if status != "skipped"}
    assert {*subjects.values()} == {"ok"}, found
    assert found["Region"][1] == "eu-west-1"
    assert "AKIA…MPLE" in found["credentials"][1]
    assert "time_reserve=5 s leaves 55 s" in found["timeout of good"][1]
    assert SERVICE in found["role batch"][1]


@pytest.mark.usefixtures("aws", "folder")
def test_what_does_not_fit_is_found() -> None:
    found = doctor(
        *("app.py:handler", "--function", "short:1", "--role", "other", "--bucket", "far"),
        exit_code=1,
    )

    assert found["bucket far"][0] == "warning"
    assert "it is in eu-central-1" in found["bucket far"][1]
    assert found["role other"][0] == "error"
    assert found["timeout of short:1"][0] == "error"
    assert found["memory of short:1"][0] == "warning"
    assert found["handler of short:1"][0] == "warning"
    assert found["concurrency of short:1"][0] == "error"


@pytest.mark.usefixtures("aws", "folder")
def test_what_does_not_exist_is_an_error() -> None:
    found = doctor(
        *("none.py:handler", "--function", "none", "--role", "none", "--bucket", "none"),
        exit_code=1,
    )

    for name in ("handler none.py:handler", "function none", "role none", "bucket none"):
        assert found[name][0] == "error", name


@pytest.mark.usefixtures("aws", "folder")
def test_a_stack_names_function_role_and_buckets() -> None:
    outputs = {
        "FunctionArn": "arn:aws:lambda:eu-west-1:123456789012:function:good:1",
        "JobRoleArn": "arn:aws:iam::123456789012:role/batch",
        "ManifestLocation": "s3://photos/manifests",
        "ReportLocation": "s3://photos/reports",
    }
    template = {
        "Resources": {"Topic": {"Type": "AWS::SNS::Topic"}},
        "Outputs": {name: {"Value": value} for name, value in outputs.items()},
    }
    cloudformation: Any = boto3.client("cloudformation")
    cloudformation.create_stack(StackName="work", TemplateBody=json.dumps(template))

    found = doctor("app.py:handler", "--stack", "work")

    for name in ("stack work", "function good:1", "role batch", "bucket photos"):
        assert found[name][0] == "ok", name


@pytest.mark.usefixtures("aws", "folder")
def test_a_stack_that_does_not_exist_leaves_the_other_checks() -> None:
    found = doctor("app.py:handler", "--stack", "none", exit_code=1)

    assert found["stack none"][0] == "error"
    assert found["handler app.py:handler"][0] == "ok"


@pytest.mark.usefixtures("folder")
def test_without_anything_to_reach_the_checks_of_aws_are_skipped(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The endpoint is an error; the other checks cannot tell, and take no longer."""
    for name, value in clean_environment().items():
        monkeypatch.setenv(name, value)
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        address = f"http://user:password@127.0.0.1:{unused.getsockname()[1]}"

        found = doctor(
            *("--endpoint-url", address, "--function", "f", "--role", "r", "--bucket", "bbb"),
            exit_code=1,
        )

    assert found["--endpoint-url"][0] == "error"
    assert "password" not in str(found)
    for name in ("credentials", "function f", "role r", "bucket bbb"):
        assert found[name][0] == "skipped", name
        assert found[name][1].startswith("cannot tell: "), name


def test_a_local_server_is_checked_for_its_services(folder: Path) -> None:
    """It has no IAM and no Lambda: these checks cannot tell, or say that nothing is there."""
    with server_process(folder, "--function", "read=app.py:handler") as (_, address):
        s3: Any = boto3.Session("testing", "testing", region_name="eu-west-1").client(
            "s3", endpoint_url=address
        )
        s3.create_bucket(
            Bucket="inbox", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"}
        )
        environment = {**clean_environment(), "AWS_ENDPOINT_URL": address}
        line = "s3batch doctor app.py:handler --bucket inbox --role batch"
        with terminal(line, folder, environment) as shell:
            shell.expect(r"STATUS +CHECK +RESULT")
            shell.expect(r"ok +AWS_ENDPOINT_URL")
            shell.expect(r"ok +credentials")
            shell.expect(r"ok +bucket inbox")
            shell.expect(r"skipped +role batch")
            shell.expect(r"ok +handler app.py:handler")
            shell.expect(r"\d+ ok, ")
            assert shell.end() == 0


@pytest.mark.usefixtures("no_credentials")
@pytest.mark.parametrize("starter", ["minimal", "copy-large"])
@pytest.mark.parametrize("handler", [(), ("function/app.py:handler",)])
def test_a_new_project_has_no_errors(
    folder: Path, monkeypatch: pytest.MonkeyPatch, starter: str, handler: tuple[str, ...]
) -> None:
    """The result of the import is reported once, also if the template has the same handler."""
    assert CliRunner().invoke(s3batch, ["init", starter, "mine"]).exit_code == 0
    monkeypatch.chdir(folder / "mine")

    run = CliRunner().invoke(s3batch, ["doctor", *handler])

    assert run.exit_code == 0, run.output
    assert run.stdout.count("it can be imported") == len(handler)
    assert run.stdout.count("(not imported)") == 1 - len(handler)
    assert "template Function timeout" in run.stdout


@pytest.mark.usefixtures("no_credentials")
@pytest.mark.parametrize("handler", [(), ("app.py:handler",)])
def test_code_that_the_command_does_not_name_is_not_run(
    folder: Path, handler: tuple[str, ...]
) -> None:
    """Not even that of a template in the current folder."""
    (folder / "other").mkdir()
    (folder / "other" / "app.py").write_text(f"open('{folder}/ran', 'w')\n{APP}")
    (folder / "template.yaml").write_text(
        "Resources:\n  Other:\n    Type: AWS::Serverless::Function\n"
        "    Properties: {CodeUri: other, Handler: app.handler, Timeout: 5, Runtime: python3.13}\n"
    )

    found = doctor(*handler, exit_code=1)

    assert not (folder / "ran").exists()
    assert found["template Other handler"][0] == "ok"
    assert found["template Other timeout"][0] == "error"  # time_reserve is 5 s, too


@pytest.mark.usefixtures("no_credentials")
def test_a_pipe_gets_one_line_for_each_check(folder: Path) -> None:
    (folder / "evil.py").write_text("raise ValueError('one\\ntwo \\x1b[2J')")

    run = CliRunner().invoke(s3batch, ["doctor", "evil.py:handler"])

    assert run.exit_code == 1
    (line,) = [line for line in run.stdout.splitlines() if line.startswith("error")]
    assert line.startswith(
        "error    handler evil.py:handler: cannot import evil.py: ValueError: one"
    )
    assert "\x1b" not in run.stdout


@pytest.mark.parametrize("handler", ["app.py:", "http://127.0.0.1/", "arn:aws:lambda:x"])
def test_a_handler_that_is_not_code_is_wrong_usage(folder: Path, handler: str) -> None:
    run = CliRunner().invoke(s3batch, ["doctor", handler])

    assert run.exit_code == 2
    assert handler in run.stderr
