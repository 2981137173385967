"""The story of a job, from the listing of its objects to its report.

The commands of "Before a job" in the README run as processes against ``s3batch serve``.
"""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import boto3
import botocore.session
import pytest
from botocore.validate import ParamValidator

from tests.support.job_server import AWS_CLI
from tests.support.serving import APP, COMMAND, clean_environment, server_process

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.slow

KEYS = (
    "2024/a b.txt",
    "2024/1+1.txt",
    "2024/100%.txt",
    "2024/a%2Bb.txt",
    "2024/café.txt",
    "2024/cafe\u0301 🌻.txt",
    '2024/say "hi", a,b.txt',
    "2024//leading.txt",
    "2024/bad.txt",
)

JOB_FILE = """
Operation:
  LambdaInvoke:
    FunctionArn: read
    UserArguments: {say: hello}
Manifest:
  Location:
    ObjectArn: s3://my-jobs/fixed.csv
Report:
  Bucket: s3://my-jobs/reports
RoleArn: batch
ConfirmationRequired: false
"""


@dataclass(frozen=True, slots=True)
class User:
    """Somebody at a shell, in a folder of their own."""

    folder: Path
    address: str
    s3: Any

    def run(self, *words: str, exit_code: int = 0) -> str:
        """Run a command, ``s3batch`` or ``aws``, and return its standard output."""
        command, *arguments = words
        environment = {**clean_environment(), "AWS_ENDPOINT_URL": self.address}
        program = COMMAND
        if command == "aws":  # which puts the account before the host: docs/serve.md
            program = [str(AWS_CLI)]
            environment["HTTP_PROXY"] = self.address
        done = subprocess.run(
            [*program, *arguments],
            cwd=self.folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == exit_code, done.stdout + done.stderr
        return done.stdout


@pytest.fixture(scope="module")
def user(tmp_path_factory: pytest.TempPathFactory) -> Iterator[User]:
    folder = tmp_path_factory.mktemp("server")
    (folder / "app.py").write_text(APP)
    with server_process(folder, "--function", "read=app.py:handler") as (_, address):
        session: Any = boto3.Session("testing", "testing", region_name="eu-west-1")
        s3 = session.client("s3", endpoint_url=address)
        for bucket in ("my-photos", "my-jobs"):
            s3.create_bucket(
                Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"}
            )
        for key in KEYS:
            body = b"bad" if "bad" in key else b"good"
            s3.put_object(Bucket="my-photos", Key=key, Body=body)
        yield User(tmp_path_factory.mktemp("user"), address, s3)


@pytest.fixture(scope="module")
def repaired(user: User) -> str:
    """Create a manifest, open it in a spreadsheet, and repair what that has changed."""
    user.run("s3batch", "manifest", "create", "manifest.csv", "--bucket", "my-photos",
             "--prefix", "2024/")  # fmt: skip
    lines = (user.folder / "manifest.csv").read_text().splitlines()
    assert len(lines) == len(KEYS)
    damaged = "\r\n".join(["\ufeffBucket,Key", *lines, "", ""])
    (user.folder / "damaged.csv").write_bytes(damaged.encode())
    user.run(
        "s3batch", "manifest", "check", "damaged.csv", "--fix", "--to", "s3://my-jobs/fixed.csv"
    )
    (user.folder / "job.yaml").write_text(JOB_FILE)
    content: str = user.s3.get_object(Bucket="my-jobs", Key="fixed.csv")["Body"].read().decode()
    return content


def test_a_spreadsheet_damages_a_manifest_and_fix_repairs_it(user: User, repaired: str) -> None:
    """The check names the lines; the repaired copy names the same objects as the listing."""
    found = user.run("s3batch", "manifest", "check", "damaged.csv", "--json", exit_code=1)

    findings = [json.loads(line) for line in found.splitlines()]
    errors = {finding["line"] for finding in findings if finding["severity"] == "error"}
    assert {1, len(KEYS) + 2} <= errors  # BOM and header, blank line
    assert all(finding["fix"] for finding in findings)
    assert repaired.splitlines() == (user.folder / "manifest.csv").read_text().splitlines()
    user.run("s3batch", "manifest", "check", "s3://my-jobs/fixed.csv")


def test_the_cost_is_known_before_the_job_exists(user: User, repaired: str) -> None:
    estimate = json.loads(
        user.run(
            *("s3batch", "estimate", "-f", "job.yaml"),
            *("--memory", "512", "--duration", "0.2", "--json"),
        )
    )

    assert 0.25 < estimate["cost"]["total"] < 0.26
    assert estimate["seconds"] > 0
    assert repaired


def test_the_permissions_are_known_before_the_job_exists(user: User, repaired: str) -> None:
    """The role of the job may read this manifest, write this report, and invoke this function."""
    account = ("--account-id", "123456789012", "--region", "eu-west-1")
    policies = user.run("s3batch", "policy", "job.yaml", *account, "--json")

    assert json.loads(policies)
    for resource in ("my-jobs/fixed.csv", "my-jobs/reports/", ":function:read"):
        assert resource in policies
    assert repaired


def test_a_job_file_becomes_a_report(user: User, repaired: str) -> None:
    """The dry run's request is valid, the job runs, and its report has every object."""
    submit = ("s3batch", "job", "submit", "-f", "job.yaml")

    request = json.loads(user.run(*submit, "--dry-run"))
    job_id = user.run(*submit).strip()
    job = json.loads(user.run("s3batch", "job", "wait", job_id, "--json", exit_code=1))
    summary = json.loads(user.run("s3batch", "report", "summary", job_id, "--json"))
    rows = user.run("s3batch", "report", "rows", job_id, "--json").splitlines()

    _validate("CreateJob", request)
    assert job["Status"] == "Complete"
    assert (summary["total"], summary["failed"]) == (len(KEYS), 1)
    assert {json.loads(row)["key"] for row in rows} == {*KEYS}
    assert repaired


@pytest.mark.skipif(not AWS_CLI.exists(), reason=f"the AWS CLI is not installed: no {AWS_CLI}")
def test_the_aws_cli_creates_the_same_job_from_the_dry_run(user: User, repaired: str) -> None:
    """What a dry run prints is the input of ``aws s3control create-job``."""
    request = user.run("s3batch", "job", "submit", "-f", "job.yaml", "--dry-run")
    (user.folder / "request.json").write_text(request)

    created = user.run("aws", "s3control", "create-job", "--cli-input-json", "file://request.json")
    job_id = json.loads(created)["JobId"]
    user.run("s3batch", "job", "wait", job_id, exit_code=1)
    rows = user.run("s3batch", "report", "rows", job_id, "--json").splitlines()

    assert {json.loads(row)["key"] for row in rows} == {*KEYS}
    assert repaired


def _validate(operation: str, request: dict[str, Any]) -> None:
    """Check a request as boto3 does before it sends one."""
    model = botocore.session.get_session().get_service_model("s3control")
    shape: Any = model.operation_model(operation).input_shape
    report = ParamValidator().validate(request, shape)
    assert not report.has_errors(), report.generate_report()
