"""``s3batch job``, and the real AWS CLI, against ``s3batch serve``."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
import pytest
import yaml  # type: ignore[import-untyped]
from botocore.exceptions import ClientError
from click.testing import CliRunner
from moto import mock_aws
from moto.server import ThreadedMotoServer

from s3batch_handler.cli._commands import s3batch as s3batch_command
from s3batch_handler.cli.job._arns import function_arn, role_arn
from s3batch_handler.cli.job._aws_services import AwsServices
from s3batch_handler.documents._report import read_report
from s3batch_handler.jobs import _aws_clients as aws
from s3batch_handler.jobs._aws_clients import s3control_client
from tests.support.serving import APP, clean_environment, server_process

if TYPE_CHECKING:
    from collections.abc import Iterator

    from click.testing import Result

PROJECT = Path(__file__).parents[3]
AWS = Path(sys.executable).with_name("aws")


class World:
    """A server with a function and some objects, and programs that talk to it."""

    def __init__(self, folder: Path, address: str) -> None:
        self.folder = folder
        self.address = address
        self.cloudformation_address = address
        self.deleted_stack = ""
        session: Any = boto3.Session("testing", "testing", region_name="eu-west-1")
        self.s3 = session.client("s3", endpoint_url=address)
        self.s3control = s3control_client(session, endpoint_url=address)

    def s3batch(self, *arguments: str) -> Result:
        """Run ``s3batch …``, in this process: a new one takes a second to come."""
        others: dict[str, str | None] = {name: None for name in os.environ if "AWS" in name}
        variables = {
            **others,
            **clean_environment(),
            "AWS_ENDPOINT_URL": self.address,
            "AWS_ENDPOINT_URL_CLOUDFORMATION": self.cloudformation_address,
        }
        return CliRunner(env=variables).invoke(s3batch_command, arguments)

    def job(self, *arguments: str) -> str:
        """Run ``s3batch job …`` and give what it prints."""
        run = self.s3batch("job", *arguments)
        assert run.exit_code == 0, run.stderr
        return run.stdout

    def submit(self, *arguments: str) -> str:
        return self.job("submit", *SUBMIT, *arguments).strip()

    def aws(self, *arguments: str) -> Any:
        """Run ``aws s3control …`` as ``docs/serve.md`` says, and give what it answers."""
        run = self.aws_run(*arguments)
        assert run.returncode == 0, run.stderr
        return json.loads(run.stdout or "{}")

    def aws_run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [AWS, "s3control", *arguments],
            cwd=self.folder,
            env={
                **clean_environment(),
                "AWS_ENDPOINT_URL": self.address,
                "HTTP_PROXY": self.address,
            },
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )


SUBMIT = (
    *("--manifest", "s3://inbox/m.csv", "--function", "read", "--role", "batch"),
    *("--report", "s3://inbox/reports/"),
)
OF_ACCOUNT = ("--account-id", "123456789012")


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("world")
    (folder / "app.py").write_text(APP)
    with server_process(folder, "--function", "read=app.py:handler") as (_, address):
        world = World(folder, address)
        put = world.s3.put_object
        world.s3.create_bucket(
            Bucket="inbox", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"}
        )
        put(Bucket="inbox", Key="a b.txt", Body=b"good")
        put(Bucket="inbox", Key="c.txt", Body=b"bad")
        put(Bucket="inbox", Key="m.csv", Body=b"inbox,a%20b.txt\n")
        put(Bucket="inbox", Key="two.csv", Body=b"inbox,a%20b.txt\ninbox,c.txt\n")
        put(Bucket="inbox", Key="inventory/manifest.json", Body=b"{}")
        yield world


# ---------------------------------------------------------------- submit


def test_a_job_from_submit_to_report(world: World) -> None:
    """It waits to be confirmed, runs, and its report is where it was asked for."""
    job_id = world.submit("--arguments", "say=hello", "--tag", "team=photos")

    waiting = json.loads(world.job("describe", job_id, "--json"))
    world.job("confirm", job_id, "--reason", "looks fine")
    ended = json.loads(world.job("wait", job_id, "--poll", "0.05", "--json"))

    assert waiting["Status"] == "Suspended"
    assert ended["Status"] == "Complete"
    assert ended["StatusUpdateReason"] == "looks fine"
    assert ended["Operation"]["LambdaInvoke"] == {
        "FunctionArn": "arn:aws:lambda:eu-west-1:123456789012:function:read",
        "InvocationSchemaVersion": "2.0",
        "UserArguments": {"say": "hello"},
    }
    assert ended["RoleArn"] == "arn:aws:iam::123456789012:role/batch"
    (row,) = read_report(f"s3://inbox/reports/job-{job_id}", s3=world.s3).rows()
    assert (row.key, row.message) == ("a b.txt", "hello good")


def test_waiting_for_a_job_of_which_tasks_fail(world: World) -> None:
    """AWS calls it complete; the exit code says that something is wrong."""
    run = world.s3batch(
        *("job", "submit", *SUBMIT, "--manifest", "s3://inbox/two.csv"),
        *("--no-confirm", "--wait", "--json"),
    )

    job = json.loads(run.stdout)
    assert run.exit_code == 1
    assert job["Status"] == "Complete"
    assert job["ProgressSummary"]["NumberOfTasksFailed"] == 1
    assert job["JobId"] in run.stderr


def test_waiting_for_people(world: World) -> None:
    """Standard output has what became of it, and with --quiet nobody says more."""
    run = world.s3batch(
        "job", "submit", *SUBMIT, "--no-report", "--no-confirm", "--wait", "--quiet"
    )
    assert run.exit_code == 2  # a report or none

    submit = [part for part in SUBMIT if part not in ("--report", "s3://inbox/reports/")]
    run = world.s3batch("job", "submit", *submit, "--no-report", "--no-confirm", "--wait", "-q")

    assert run.exit_code == 0
    assert run.stderr == ""
    assert "Status      Complete\n" in run.stdout
    assert "Tasks       1 succeeded, 0 failed of 1\n" in run.stdout


def test_waiting_in_vain(world: World) -> None:
    """A job that nobody confirms is not over in time: exit code 1."""
    run = world.s3batch("job", "wait", world.submit(), "--timeout", "0")

    assert run.exit_code == 1
    assert "is still Suspended after 0 seconds" in run.stderr


def test_a_job_that_fails(world: World) -> None:
    """Why is in the summary, and the exit code is 1."""
    run = world.s3batch(
        *("job", "submit", *SUBMIT, "--function", "nobody", "--no-confirm", "--wait")
    )

    assert run.exit_code == 1
    assert "Status      Failed\n" in run.stdout
    assert "Failure     ResourceNotFoundException: Function not found" in run.stdout


def test_the_same_token_makes_one_job(world: World) -> None:
    """A script that is run again does no harm."""
    first, second = (world.submit("--client-request-token", "once") for _ in range(2))

    assert first == second


def test_a_dry_run(world: World) -> None:
    """It prints the request that CreateJob gets, and makes no job."""
    before = world.job("list")
    inventory = world.job(
        *("submit", "--manifest", "s3://inbox/inventory/manifest.json", "--role", "x/batch"),
        *("--operation", '{"S3DeleteObjectTagging": {}}', "--no-report", "--no-confirm"),
        *("--client-request-token", "t", "--priority", "7", "--description", "<ü>", "--dry-run"),
    )

    assert json.loads(inventory) == {
        "AccountId": "123456789012",
        "ClientRequestToken": "t",
        "ConfirmationRequired": False,
        "Description": "<ü>",
        "Manifest": {
            "Spec": {"Format": "S3InventoryReport_CSV_20161130"},
            "Location": {
                "ObjectArn": "arn:aws:s3:::inbox/inventory/manifest.json",
                "ETag": "99914b932bd37a50b983c5e7c90ae93b",
            },
        },
        "Operation": {"S3DeleteObjectTagging": {}},
        "Priority": 7,
        "Report": {"Enabled": False},
        "RoleArn": "arn:aws:iam::123456789012:role/x/batch",
    }
    assert world.job("list") == before


def test_an_operation_from_a_file(world: World) -> None:
    """As the AWS CLI takes it, with points in time."""
    copy = {"TargetResource": "arn:aws:s3:::b", "ModifiedSinceConstraint": "2026-01-02T03:04:05Z"}
    (world.folder / "copy.json").write_text(json.dumps({"S3PutObjectCopy": copy}))

    text = world.job(
        *("submit", "--manifest", "s3://inbox/m.csv", "--role", "r", "--no-report", "--dry-run"),
        *("--operation", f"@{world.folder}/copy.json"),
    )

    asked = json.loads(text)["Operation"]["S3PutObjectCopy"]
    assert asked["TargetResource"] == "arn:aws:s3:::b"
    assert asked["ModifiedSinceConstraint"].startswith("2026-01-02T03:04:05")


# ---------------------------------------------------------------- the other verbs


@pytest.fixture(scope="module")
def stack(world: World) -> Iterator[str]:
    """A stack with the outputs of ``template.yaml``, which itself is for the SAM CLI to expand."""
    outputs = yaml.load(PROJECT.joinpath("template.yaml").read_text(), yaml.BaseLoader)["Outputs"]
    places = {
        "FunctionArn": "arn:aws:lambda:eu-west-1:123456789012:function:read:7",
        "JobRoleArn": "arn:aws:iam::123456789012:role/job",
        "ManifestLocation": "s3://inbox/manifests",
        "ReportLocation": "s3://inbox/reports",
    }
    template = {
        "Resources": {"Work": {"Type": "AWS::SNS::Topic"}},
        "Outputs": {name: {"Value": places.get(name, "another")} for name in outputs},
    }
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    world.cloudformation_address = f"http://{host}:{port}"
    client: Any = boto3.Session("testing", "testing", region_name="eu-west-1").client(
        "cloudformation", endpoint_url=world.cloudformation_address
    )
    without_outputs = {"Resources": template["Resources"]}
    client.create_stack(StackName="compress", TemplateBody=json.dumps(template))
    client.create_stack(StackName="other", TemplateBody=json.dumps(without_outputs))
    deleted = client.create_stack(StackName="old", TemplateBody=json.dumps(template))["StackId"]
    client.delete_stack(StackName=deleted)
    world.deleted_stack = deleted
    yield "compress"
    server.stop()


def test_a_stack_has_what_a_job_needs(world: World, stack: str) -> None:
    """Function, role and report are those of its outputs, whoever made it."""
    request = json.loads(
        world.job("submit", "--stack", stack, "--manifest", "s3://inbox/m.csv", "--dry-run")
    )

    function = "arn:aws:lambda:eu-west-1:123456789012:function:read:7"
    assert request["Operation"] == {"LambdaInvoke": {"FunctionArn": function}}
    assert request["RoleArn"] == "arn:aws:iam::123456789012:role/job"
    assert (request["Report"]["Bucket"], request["Report"]["Prefix"]) == (
        "arn:aws:s3:::inbox",
        "reports",
    )


def test_what_is_said_comes_before_what_the_stack_has(world: World, stack: str) -> None:
    """Each of the three can be another than the stack's."""
    request = json.loads(
        world.job(
            *("submit", "--stack", stack, "--manifest", "s3://inbox/m.csv", "--dry-run"),
            *("--operation", '{"S3DeleteObjectTagging": {}}', "--role", "mine", "--no-report"),
        )
    )

    assert request["Operation"] == {"S3DeleteObjectTagging": {}}
    assert request["RoleArn"] == "arn:aws:iam::123456789012:role/mine"
    assert request["Report"] == {"Enabled": False}


def test_a_manifest_on_this_machine(world: World, stack: str) -> None:
    """It goes where the stack's role may read it, and the job runs on it."""
    manifest = world.folder / "mine.csv"
    manifest.write_text("inbox,a%20b.txt\n")

    job_id = world.job(
        *("submit", "--stack", stack, "--manifest", str(manifest), "--no-confirm"),
        *("--function", "read"),
    ).strip()

    job = json.loads(world.job("wait", job_id, "--json"))
    where = world.s3control.describe_job(AccountId="123456789012", JobId=job_id)["Job"]["Manifest"]
    assert (job["Status"], where["Location"]["ObjectArn"]) == (
        "Complete",
        "arn:aws:s3:::inbox/manifests/mine.csv",
    )


@pytest.mark.parametrize(
    ("line", "options", "fields"),
    [
        ("inbox,a%20b.txt\n", [], ["Bucket", "Key"]),
        ("inbox,a%20b.txt,null\n", [], ["Bucket", "Key", "VersionId"]),
        ("a%20b.txt,inbox,9\n", ["--fields", "Key,Bucket,Ignore"], ["Key", "Bucket", "Ignore"]),
    ],
)
def test_columns_of_a_manifest_on_this_machine(
    world: World, stack: str, line: str, options: list[str], fields: list[str]
) -> None:
    """Its first line tells them, unless the command line does."""
    manifest = world.folder / "columns.csv"
    manifest.write_text(line)

    job_id = world.job("submit", "--stack", stack, "--manifest", str(manifest), *options).strip()

    job = world.s3control.describe_job(AccountId="123456789012", JobId=job_id)["Job"]
    assert job["Manifest"]["Spec"]["Fields"] == fields


@pytest.mark.parametrize(
    ("content", "options", "problem"),
    [
        ("", [], "it is empty"),
        ("Bucket,Key\n", [], "a header row"),
        ("inbox,a,b,c\n", [], "expected 2 columns"),
        ("inbox,a\n", ["--fields", "Bucket,Key,VersionId"], "has 2 columns, expected 3"),
    ],
)
def test_what_is_no_manifest(
    world: World, stack: str, content: str, options: list[str], problem: str
) -> None:
    """It is not put anywhere, and there is no job."""
    manifest = world.folder / "none.csv"
    manifest.write_text(content)

    run = world.s3batch("job", "submit", "--stack", stack, "--manifest", str(manifest), *options)

    assert "none.csv" in run.stderr
    assert problem in run.stderr
    assert run.exit_code == 1
    found = world.s3.list_objects_v2(Bucket="inbox", Prefix="manifests/none")
    assert found["KeyCount"] == 0


def test_a_stack_of_another_kind(world: World, stack: str) -> None:
    """The message names what it lacks."""
    run = world.s3batch("job", "submit", "--stack", "other", "--manifest", "s3://inbox/m.csv")

    assert run.exit_code == 2
    assert "--stack other: the stack has no output FunctionArn, JobRoleArn, Manif" in run.stderr
    assert "(status CREATE_COMPLETE)" in run.stderr


def test_a_stack_that_is_not_there(world: World, stack: str) -> None:
    """In this Region, that is: where it was looked for is said. So is that it is deleted."""
    submit = ("job", "submit", "--manifest", "s3://inbox/m.csv", "--stack")

    elsewhere = world.s3batch(*submit, stack, "--region", "us-east-1")
    deleted = world.s3batch(*submit, world.deleted_stack)
    nameless = world.s3batch(*submit, "")

    assert [run.exit_code for run in (elsewhere, deleted, nameless)] == [2, 2, 2]
    assert f"--stack {stack}: this stack does not exist in us-east-1" in elsewhere.stderr
    assert f"--stack {world.deleted_stack}: the stack has status DELETE_COMPLETE" in deleted.stderr
    assert "Missing option --function (or --operation, --stack)." in nameless.stderr


def test_listing(world: World) -> None:
    """The newest first, those of a status, no more than asked for; escaped for terminals."""
    job_id = world.submit("--description", "evil \u202e text")

    run = world.job("list", "--status", "suspended", "--limit", "1")
    listed = json.loads(world.job("list", "--status", "Suspended", "--limit", "1", "--json"))

    assert run.startswith(f"{job_id}  Suspended ")
    assert "evil \\u202e text" in run
    assert "evil \\u202e text" in world.job("describe", job_id)
    assert (listed["JobId"], listed["Description"]) == (job_id, "evil \u202e text")


def test_cancelling(world: World) -> None:
    """The reason is kept with the job."""
    job_id = world.submit()

    job = json.loads(world.job("cancel", job_id, "--reason", "a mistake", "--json"))

    assert (job["Status"], job["StatusUpdateReason"]) == ("Cancelled", "a mistake")


def test_a_priority(world: World) -> None:
    """It can be changed as long as the job is not over."""
    job_id = world.submit()

    assert json.loads(world.job("priority", job_id, "99", "--json"))["Priority"] == 99


def test_tags(world: World) -> None:
    """Those not named stay; without any only those that are there are shown."""
    job_id = world.submit("--tag", "team=photos")

    world.job("tag", job_id, "stage=prod", "empty=", "--remove", "team")

    assert world.job("tag", job_id) == "stage=prod\nempty=\n"
    assert world.job("tag", job_id, "--remove", "stage", "--remove", "empty", "--json") == "{}\n"


# ---------------------------------------------------------------- refusals

REFUSED = {
    "no such job": (("describe", "no-such-job"), "NoSuchJobException: No such job"),
    "what is no job id": (("cancel", "x"), "BadRequestException: Parameter validation failed"),
    "no such manifest": (
        ("submit", *SUBMIT, "--manifest", "s3://inbox/none"),
        "s3://inbox/none: no such object",
    ),
    "no such bucket": (
        ("submit", *SUBMIT, "--manifest", "s3://nowhere/none"),
        "s3://nowhere/none: no such object",
    ),
    "no such profile": (("list", "--profile", "nobody"), "The config profile (nobody)"),
}


@pytest.mark.parametrize("what", REFUSED)
def test_a_refusal_is_one_line(world: World, what: str) -> None:
    """It has AWS's code where AWS says no; exit code 1."""
    arguments, message = REFUSED[what]

    run = world.s3batch("job", *arguments)

    (line,) = run.stderr.splitlines()
    assert line.startswith("s3batch: ")
    assert message in line
    assert (run.exit_code, run.stdout) == (1, "")


WRONG = {
    "no operation": (
        ["--role", "r", "--no-report"],
        "Missing option --function (or --operation, --stack).",
    ),
    "two operations": (
        ["--function", "f", "--operation", "{}", "--no-report"],
        "Options --function and --operation cannot be combined: choose one.",
    ),
    "no word on the report": (
        ["--function", "f"],
        "Missing option --report (or --no-report, --stack).",
    ),
    "a report that is a folder": (["--function", "f", "--report", "here"], "write s3://bucket"),
    "a manifest that is a file": (
        ["--function", "f", "--no-report", "--manifest", "m.csv"],
        "write s3://bucket/key",
    ),
    "arguments for a copy": (
        ["--operation", "{}", "--no-report", "-a", "a=b"],
        "Options --operation and --arguments cannot be combined",
    ),
    "a tag that is none": (["--function", "f", "--no-report", "--tag", "x"], "NAME=VALUE"),
    "waiting for nothing": (
        ["--function", "f", "--no-report", "--dry-run", "--wait"],
        "Options --dry-run and --wait cannot be combined",
    ),
    "waiting for a job that waits": (
        ["--function", "f", "--no-report", "--wait"],
        "Option --wait needs --no-confirm or --confirm.",
    ),
    "columns of an inventory": (
        ["--function", "f", "--no-report", "--manifest", "s3://b/manifest.json", "--fields", "Key"],
        "an inventory names its own fields",
    ),
    "a file for no job": (
        ["--stack", "s", "--manifest", "m.csv", "--dry-run"],
        "Option --dry-run cannot be combined with a local manifest",
    ),
    "an inventory from here": (
        ["--stack", "s", "--manifest", "inventory/manifest.json"],
        "an inventory cannot be",
    ),
    "a version of a file": (
        ["--stack", "s", "--manifest", "m.csv", "--manifest-version-id", "v"],
        "Option --manifest-version-id cannot be combined with a local manifest",
    ),
    "half an account": (["--function", "f", "--no-report", "--account-id", "12"], "12 digits"),
    "an endpoint without http": (["--endpoint-url", "localhost:80"], "write http://host:port"),
}


@pytest.mark.parametrize("what", WRONG)
def test_wrong_usage_asks_nobody(what: str) -> None:
    """Exit code 2, and a line that says what to write."""
    arguments, message = WRONG[what]

    run = CliRunner().invoke(
        s3batch_command,
        ["job", "submit", "--role", "r", "--manifest", "s3://b/m.csv", *arguments],
    )

    assert run.exit_code == 2
    assert message in run.stderr


def test_a_request_that_aws_would_not_take(world: World) -> None:
    """It is wrong usage, and names the member."""
    run = world.s3batch(
        *("job", "submit", "--manifest", "s3://inbox/m.csv", "--role", "r", "--no-report"),
        *("--operation", '{"LambdaInvoke": {}}'),
    )

    assert run.exit_code == 2
    assert "Operation.LambdaInvoke: FunctionArn is required" in run.stderr


class Lambda:
    """Answers GetFunctionConfiguration in the place of AWS, or refuses it."""

    def __init__(self, answer: dict[str, Any] | Exception) -> None:
        self.answer = answer
        self.asked: list[str] = []

    def __call__(self, name: str, *_: Any, **__: Any) -> dict[str, Any]:
        self.asked.append(name)
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


READ = "arn:aws:lambda:eu-west-1:123456789012:function:read"
DURABLE = {"FunctionName": "read", "DurableConfig": {"ExecutionTimeout": 900}}
OF_TENANTS = {"FunctionName": "read", "TenancyConfig": {"TenantIsolationMode": "PER_TENANT"}}


@pytest.mark.parametrize(
    ("function", "answer", "message"),
    [
        (
            "read",
            DURABLE,
            f"function {READ} is a durable function: Lambda invokes it only by a version",
        ),
        ("read", OF_TENANTS, f"function {READ} uses tenant isolation (TenancyConfig)"),
        ("read:live", OF_TENANTS, f"function {READ}:live uses tenant isolation (TenancyConfig)"),
    ],
)
@pytest.mark.parametrize("dry_run", [True, False])
def test_a_function_that_s3_cannot_invoke(
    world: World,
    monkeypatch: pytest.MonkeyPatch,
    function: str,
    answer: dict[str, Any],
    message: str,
    dry_run: bool,
) -> None:
    """It is refused before there is a job: every one of its tasks would fail."""
    monkeypatch.setattr(aws, "function_configuration", Lambda(answer))
    jobs = world.job("list", "--json")

    run = world.s3batch(*SUBMIT_BY, "--function", function, *["--dry-run"] * dry_run)

    assert run.exit_code == 2
    assert message in run.stderr
    assert world.job("list", "--json") == jobs


@pytest.mark.parametrize(
    ("function", "answer"),
    [
        ("read:7", DURABLE),
        ("read:$LATEST", DURABLE),
        (f"{READ}:live", DURABLE),
        ("read", {"FunctionName": "read"}),
        ("read", {"FunctionName": "read", "DurableConfig": {}, "TenancyConfig": {}}),
        ("read", ClientError({"Error": {"Code": "AccessDeniedException"}}, "GetFunction")),
        ("read", ConnectionError("no Lambda here")),
    ],
)
def test_a_function_that_may_be_invoked(
    world: World,
    monkeypatch: pytest.MonkeyPatch,
    function: str,
    answer: dict[str, Any] | Exception,
) -> None:
    """Who may not look at the function may submit the job all the same."""
    lambda_ = Lambda(answer)
    monkeypatch.setattr(aws, "function_configuration", lambda_)

    run = world.s3batch(*SUBMIT_BY, "--function", function, "--dry-run")

    asked = json.loads(run.stdout)["Operation"]["LambdaInvoke"]["FunctionArn"]
    assert lambda_.asked == [asked]
    assert asked.startswith(READ)


SUBMIT_BY = ("job", "submit", "--manifest", "s3://inbox/m.csv", "--role", "r", "--no-report")


def test_lambda_is_asked_how_a_function_is_configured() -> None:
    """By the name that CreateJob gets, with its qualifier."""
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


def test_a_checksum_job_names_the_owner_of_its_report(world: World) -> None:
    """CreateJob requires it: the report is all that comes of such a job."""
    text = world.job(
        *("submit", "--manifest", "s3://inbox/m.csv", "--role", "r", "--dry-run"),
        *("--report", "s3://inbox/reports"),
        *("--operation", '{"S3ComputeObjectChecksum": {"ChecksumAlgorithm": "SHA256"}}'),
    )

    assert json.loads(text)["Report"]["ExpectedBucketOwner"] == "123456789012"


# ---------------------------------------------------------------- ARNs


@pytest.mark.parametrize(
    ("name", "arn"),
    [
        ("f", "arn:aws-cn:lambda:cn-north-1:123456789012:function:f"),
        ("f:PROD", "arn:aws-cn:lambda:cn-north-1:123456789012:function:f:PROD"),
        ("function:f", "arn:aws-cn:lambda:cn-north-1:123456789012:function:f"),
        ("my-function:7", "arn:aws-cn:lambda:cn-north-1:123456789012:function:my-function:7"),
        ("999999999999:function:f:1", "arn:aws-cn:lambda:cn-north-1:999999999999:function:f:1"),
        (
            "cn-northwest-1:999999999999:function:f",
            "arn:aws-cn:lambda:cn-northwest-1:999999999999:function:f",
        ),
        ("arn:aws:lambda:us-east-1:1:function:f", "arn:aws:lambda:us-east-1:1:function:f"),
    ],
)
def test_a_function_by_name(name: str, arn: str) -> None:
    """What a name does not say is that of the job."""
    assert function_arn(name, AwsServices(account_id="123456789012", region="cn-north-1")) == arn


@pytest.mark.parametrize(
    ("name", "arn"),
    [
        ("batch", "arn:aws-us-gov:iam::123456789012:role/batch"),
        ("service-role/batch", "arn:aws-us-gov:iam::123456789012:role/service-role/batch"),
        ("arn:aws:iam::1:role/x", "arn:aws:iam::1:role/x"),
    ],
)
def test_a_role_by_name(name: str, arn: str) -> None:
    """With or without its path."""
    assert role_arn(name, AwsServices(account_id="123456789012", region="us-gov-west-1")) == arn


@pytest.mark.parametrize(
    ("variables", "region"),
    [
        ({"AWS_REGION": "eu-west-1", "AWS_DEFAULT_REGION": "eu-west-2"}, "eu-west-1"),
        ({"AWS_DEFAULT_REGION": "eu-west-2"}, "eu-west-2"),
        ({}, "us-east-1"),
    ],
)
def test_regions_as_in_the_aws_cli(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], region: str
) -> None:
    """An option comes before AWS_REGION, and that before AWS_DEFAULT_REGION."""
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", "/dev/null")
    for name, value in variables.items():
        monkeypatch.setenv(name, value)

    assert AwsServices().region == region
    assert AwsServices(region="eu-west-3").region == "eu-west-3"


def test_how_often_to_look(monkeypatch: pytest.MonkeyPatch) -> None:
    """AWS wants to be left alone for half a minute; a server on this machine does not care."""
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)

    assert AwsServices(region="eu-west-1").poll == 30
    assert AwsServices(region="eu-west-1", endpoint_url="http://127.0.0.1:1").poll == 1


# ---------------------------------------------------------------- the AWS CLI


@pytest.mark.slow
@pytest.mark.skipif(not AWS.exists(), reason=f"the AWS CLI is not installed: no {AWS}")
def test_the_aws_cli(world: World) -> None:
    """It creates, describes, lists, cancels and tags jobs, as the page on the server says."""
    (world.folder / "job.json").write_text(world.submit("--tag", "a=b", "--dry-run"))

    job_id = world.aws("create-job", "--cli-input-json", "file://job.json")["JobId"]
    of_job = (*OF_ACCOUNT, "--job-id", job_id)
    described = world.aws("describe-job", *of_job)["Job"]
    listed = world.aws("list-jobs", *OF_ACCOUNT, "--job-statuses", "Suspended")["Jobs"]
    world.aws("put-job-tagging", *of_job, "--tags", "Key=c,Value=d")
    tags = world.aws("get-job-tagging", *of_job)["Tags"]
    priority = world.aws("update-job-priority", *of_job, "--priority", "5")
    cancelled = world.aws("update-job-status", *of_job, "--requested-job-status", "Cancelled")
    again = world.aws_run("update-job-status", *of_job, "--requested-job-status", "Ready")

    assert described["Status"] == "Suspended"
    assert described["Manifest"]["Location"]["ObjectArn"] == "arn:aws:s3:::inbox/m.csv"
    assert job_id in {job["JobId"] for job in listed}
    assert tags == [{"Key": "c", "Value": "d"}]
    assert priority["Priority"] == 5
    assert cancelled["Status"] == "Cancelled"
    assert "An error occurred (JobStatusException) when calling the UpdateJobStatus" in again.stderr
    assert json.loads(world.job("describe", job_id, "--json"))["Status"] == "Cancelled"
