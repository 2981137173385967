"""``s3batch job submit --dry-run``: what would be refused, with moto as AWS, and without AWS."""

from __future__ import annotations

import io
import json
import os
import re
import urllib.request
import zipfile
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from click.testing import CliRunner

from s3batch_handler.cli._commands import s3batch as s3batch_command
from tests.support.moto_process import moto_process
from tests.support.serving import clean_environment

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from click.testing import Result

    from tests.support.job_server import Server

TRUST = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Principal": {"Service": "batchoperations.s3.amazonaws.com"},
            "Action": "sts:AssumeRole",
        }
    ],
}

JOB = """
Operation:
  LambdaInvoke:
    FunctionArn: ${function}
Manifest:
  Location:
    ObjectArn: ${manifest}
Report:
  Bucket: ${report}
RoleArn: ${role}
Variables:
  function: thumbnails:1
  manifest: s3://jobs/m.csv
  report: s3://jobs/reports
  role: batch
"""


@pytest.fixture(scope="module")
def aws() -> Iterator[str]:
    """Moto as AWS: a function, two roles, buckets and manifests."""
    with moto_process() as address:
        _create_resources(address)
        yield address


def _create_resources(address: str) -> None:
    session: Any = boto3.Session("testing", "testing", region_name="eu-west-1")
    s3, iam, lambda_ = (
        session.client(name, endpoint_url=address) for name in ("s3", "iam", "lambda")
    )
    here = {"CreateBucketConfiguration": {"LocationConstraint": "eu-west-1"}}
    s3.create_bucket(Bucket="jobs", **here)
    frankfurt: Any = boto3.Session("testing", "testing", region_name="eu-central-1")
    there = {"CreateBucketConfiguration": {"LocationConstraint": "eu-central-1"}}
    frankfurt.client("s3", endpoint_url=address).create_bucket(Bucket="elsewhere", **there)
    s3.create_bucket(Bucket="locked", ObjectLockEnabledForBucket=True, **here)
    rule = {"DefaultRetention": {"Mode": "GOVERNANCE", "Days": 1}}
    s3.put_object_lock_configuration(
        Bucket="locked", ObjectLockConfiguration={"ObjectLockEnabled": "Enabled", "Rule": rule}
    )
    s3.put_object(Bucket="jobs", Key="m.csv", Body=b"photos,a.jpg\nphotos,b.jpg\n")
    s3.put_object(Bucket="elsewhere", Key="m.csv", Body=b"photos,a.jpg\n")
    s3.put_object(Bucket="jobs", Key="plus.csv", Body=b"photos,a+b.jpg\n" * 1000 + b"photos,%zz\n")
    s3.put_object(Bucket="jobs", Key="header.csv", Body=b"Bucket,Key\nphotos,a.jpg\n\n")
    s3.put_object(
        Bucket="jobs", Key="kms.csv", Body=b"photos,a.jpg\n", ServerSideEncryption="aws:kms"
    )
    s3.put_object(Bucket="jobs", Key="i/manifest.json", Body=b'{"fileFormat": "ORC"}')
    role = iam.create_role(RoleName="batch", AssumeRolePolicyDocument=json.dumps(TRUST))["Role"]
    iam.create_role(RoleName="other", AssumeRolePolicyDocument='{"Statement": []}')
    with zipfile.ZipFile(code := io.BytesIO(), "w") as archive:
        archive.writestr("app.py", "def handler(event, context): pass")
    lambda_.create_function(
        FunctionName="thumbnails",
        Runtime="python3.13",
        Role=role["Arn"],
        Handler="app.handler",
        Code={"ZipFile": code.getvalue()},
        Publish=True,
    )


def run_in(variables: dict[str, str], *arguments: str) -> Result:
    others: dict[str, str | None] = {name: None for name in os.environ if "AWS" in name}
    return CliRunner(env={**others, **variables}).invoke(s3batch_command, arguments)


def dry_run(aws: str, folder: Path, text: str = JOB, **variables: str) -> Result:
    (folder / "job.yaml").write_text(text)
    values = (f"{name}={value}" for name, value in variables.items())
    options = [part for value in values for part in ("--var", value)]
    return run_in(
        {**clean_environment(), "AWS_ENDPOINT_URL": aws},
        *("job", "submit", "-f", str(folder / "job.yaml"), "--dry-run", *options),
    )


def test_a_request_that_names_what_exists_is_ok(aws: str, tmp_path: Path) -> None:
    run = dry_run(aws, tmp_path)

    request = json.loads(run.stdout)
    assert run.exit_code == 0, run.stderr
    assert request["AccountId"] == "123456789012"
    assert request["RoleArn"] == "arn:aws:iam::123456789012:role/batch"
    assert len(request["Manifest"]["Location"]["ETag"]) == 32
    assert run.stderr == (
        "dry run: no job was created; checks: 6 ok, 0 errors, 0 warnings, 0 not checked\n"
    )


@pytest.mark.parametrize(
    ("variables", "error"),
    [
        (
            {"function": "nobody:1"},
            "error: function nobody:1: it does not exist in eu-west-1; check the name",
        ),
        (
            {"function": "arn:aws:lambda:us-east-1:123456789012:function:thumbnails:1"},
            "error: function thumbnails:1: it is in us-east-1, but the job is in eu-west-1",
        ),
        ({"role": "nobody"}, "error: role nobody: it does not exist; check the name"),
        (
            {"role": "other"},
            "error: role other: its trust policy does not allow batchoperations.s3.amazonaws.com",
        ),
        (
            {"role": "arn:aws:iam::210987654321:role/batch"},
            "error: account: the role is in account 210987654321, but the job is for account",
        ),
        (
            {"manifest": "s3://jobs/none.csv"},
            "error: manifest s3://jobs/none.csv: it does not exist; check the name",
        ),
        (
            {"manifest": "s3://elsewhere/m.csv"},
            "error: manifest s3://elsewhere/m.csv: its bucket is in eu-central-1",
        ),
        (
            {"manifest": "s3://jobs/kms.csv"},
            "error: manifest s3://jobs/kms.csv: it is encrypted with aws:kms",
        ),
        (
            {"manifest": "s3://jobs/header.csv"},
            "error: content of manifest s3://jobs/header.csv: line 1: ",
        ),
        (
            {"manifest": "s3://jobs/i/manifest.json"},
            "error: content of manifest s3://jobs/i/manifest.json: the inventory is in ORC",
        ),
        (
            {"report": "s3://none/reports"},
            "error: report bucket none: it does not exist; check the name",
        ),
        (
            {"report": "locked"},
            "error: report bucket locked: it has a default retention (Object Lock)",
        ),
    ],
)
def test_what_would_be_refused_is_named_with_a_remedy(
    aws: str, tmp_path: Path, variables: dict[str, str], error: str
) -> None:
    """The request is printed nevertheless, and the exit code is 1."""
    run = dry_run(aws, tmp_path, **variables)

    errors = [line for line in run.stderr.splitlines() if line.startswith("error: ")]
    assert run.exit_code == 1
    assert json.loads(run.stdout)["Operation"]
    assert [line[: len(error)] for line in errors] == [error]
    assert "; " in errors[0]


def test_problems_of_many_lines_are_counted(aws: str, tmp_path: Path) -> None:
    """The first one of each severity is shown, with the number of all others."""
    run = dry_run(aws, tmp_path, manifest="s3://jobs/plus.csv")

    content = "content of manifest s3://jobs/plus.csv"
    error, warning = (line for line in run.stderr.splitlines() if content in line)
    assert error.startswith(f"error: {content}: line 1001: ")
    assert "other problem" not in error
    assert warning.startswith(f"warning: {content}: line 1: ")
    assert " (and 999 other problems); " in warning


def test_a_changed_manifest_would_be_refused(aws: str, tmp_path: Path) -> None:
    job = JOB.replace("ObjectArn: ${manifest}", "ObjectArn: ${manifest}\n    ETag: '123'")

    run = dry_run(aws, tmp_path, job)

    assert run.exit_code == 1
    assert "but the request has 123: the job would fail" in run.stderr
    assert json.loads(run.stdout)["Manifest"]["Location"]["ETag"] == "123"


def test_without_permissions_each_check_names_the_one_that_it_needs(
    aws: str, tmp_path: Path
) -> None:
    """The request is printed, and nothing counts as an error."""
    session: Any = boto3.Session("testing", "testing", region_name="eu-west-1")
    iam = session.client("iam", endpoint_url=aws)
    iam.create_user(UserName="nobody")
    key = iam.create_access_key(UserName="nobody")["AccessKey"]
    credentials = {
        "AWS_ACCESS_KEY_ID": key["AccessKeyId"],
        "AWS_SECRET_ACCESS_KEY": key["SecretAccessKey"],
    }
    (tmp_path / "job.yaml").write_text(JOB)
    require_permissions(aws, after="0")
    try:
        run = run_in(
            {**clean_environment(), "AWS_ENDPOINT_URL": aws, **credentials},
            *("job", "submit", "-f", str(tmp_path / "job.yaml"), "--dry-run"),
        )
    finally:
        require_permissions(aws, after="inf")

    assert run.exit_code == 0, run.stderr
    assert json.loads(run.stdout)["Operation"]
    needed = re.findall("needs the permission ([A-Za-z0-9]+:[A-Za-z]+)", run.stderr)
    assert {"lambda:GetFunctionConfiguration", "iam:GetRole", "s3:GetObject"} <= {*needed}


def require_permissions(aws: str, *, after: str) -> None:
    """Configure moto to check the permissions of requests after a number of requests."""
    url = f"{aws}/moto-api/reset-auth"
    headers = {"Content-Type": "text/plain"}
    request = urllib.request.Request(url, data=after.encode(), headers=headers)
    with urllib.request.urlopen(request) as response:
        assert response.status == 200


def test_an_etag_with_quotes_is_named(aws: str, tmp_path: Path) -> None:
    """HeadObject returns it with quotes, and S3 does not find a manifest with them."""
    etag = json.loads(dry_run(aws, tmp_path).stdout)["Manifest"]["Location"]["ETag"]
    job = JOB.replace("ObjectArn: ${manifest}", f"ObjectArn: ${{manifest}}\n    ETag: '\"{etag}\"'")

    run = dry_run(aws, tmp_path, job)

    assert run.exit_code == 1
    assert f"the ETag in the request has quotes: the job would fail; write {etag}" in run.stderr


def test_a_report_in_another_region_is_a_warning(aws: str, tmp_path: Path) -> None:
    """The documentation of AWS does not say that the report has to be in the Region of the job."""
    run = dry_run(aws, tmp_path, report="s3://elsewhere")

    assert run.exit_code == 0
    assert "warning: report bucket elsewhere: its bucket is in eu-central-1" in run.stderr


def test_a_function_without_a_qualifier_is_a_warning(aws: str, tmp_path: Path) -> None:
    run = dry_run(aws, tmp_path, function="thumbnails")

    assert run.exit_code == 0
    assert run.stderr.startswith("warning: function thumbnails: it has no version or alias")


def test_the_buckets_of_a_copy_and_of_a_generator_are_checked(aws: str, tmp_path: Path) -> None:
    job = """
Operation: {S3PutObjectCopy: {TargetResource: s3://elsewhere}}
ManifestGenerator:
  S3JobManifestGenerator:
    SourceBucket: s3://none
    EnableManifestOutput: false
Report: {Enabled: false}
RoleArn: batch
"""

    run = dry_run(aws, tmp_path, job)

    assert run.exit_code == 1
    assert "error: target bucket elsewhere: its bucket is in eu-central-1" in run.stderr
    assert "error: source bucket none: it does not exist" in run.stderr


def test_each_check_is_a_line_of_json(aws: str, tmp_path: Path) -> None:
    (tmp_path / "job.yaml").write_text(JOB)

    run = run_in(
        {**clean_environment(), "AWS_ENDPOINT_URL": aws},
        *("job", "submit", "-f", str(tmp_path / "job.yaml"), "--dry-run", "--json"),
        *("--var", "function=nobody:1"),
    )

    checks = [json.loads(line) for line in run.stderr.splitlines()]
    assert run.exit_code == 1
    assert {check["name"]: check["status"] for check in checks} == {
        "account": "ok",
        "function nobody:1": "error",
        "role batch": "ok",
        "manifest s3://jobs/m.csv": "ok",
        "content of manifest s3://jobs/m.csv": "ok",
        "report bucket jobs": "ok",
    }
    assert all({*check} == {"name", "status", "message", "remedy"} for check in checks)
    assert json.loads(run.stdout)["Priority"] == 10


# ---------------------------------------------------------------- without AWS


@pytest.mark.parametrize(
    ("without", "reason"),
    [
        (("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"), "there are no credentials"),
        ((), "no connection to AWS"),
    ],
)
def test_without_aws_the_request_is_printed_as_far_as_possible(
    tmp_path: Path, without: tuple[str, ...], reason: str
) -> None:
    """One line names all that was not checked."""
    (tmp_path / "job.yaml").write_text(JOB)
    variables = {
        **{name: value for name, value in clean_environment().items() if name not in without},
        "AWS_ENDPOINT_URL": "http://127.0.0.1:1",
        "AWS_SHARED_CREDENTIALS_FILE": str(tmp_path / "none"),
        "AWS_CONFIG_FILE": str(tmp_path / "none"),
    }

    run = run_in(variables, "job", "submit", "-f", str(tmp_path / "job.yaml"), "--dry-run")

    request = json.loads(run.stdout)
    assert run.exit_code == 0
    assert "AccountId" not in request
    assert request["RoleArn"] == "batch"
    assert request["Operation"]["LambdaInvoke"]["FunctionArn"] == "thumbnails:1"
    assert request["Manifest"]["Location"] == {"ObjectArn": "arn:aws:s3:::jobs/m.csv"}
    (line, summary) = run.stderr.splitlines()
    assert line.startswith("not checked: account, function thumbnails:1, role batch, manifest ")
    assert reason in line
    assert summary.endswith("checks: 0 ok, 0 errors, 0 warnings, 5 not checked")


def test_the_function_names_the_region_if_nothing_else_does(tmp_path: Path) -> None:
    """A job runs in the Region of its function; ``--region`` still has precedence."""
    function = "arn:aws:lambda:us-west-2:123456789012:function:thumbnails:1"
    (tmp_path / "job.yaml").write_text(JOB)
    nothing = {"AWS_EC2_METADATA_DISABLED": "true", "AWS_CONFIG_FILE": str(tmp_path / "none")}
    command = ("job", "submit", "-f", str(tmp_path / "job.yaml"), "--dry-run")

    alone = run_in(nothing, *command, "--function", function)
    elsewhere = run_in(nothing, *command, "--function", function, "--region", "eu-west-1")

    assert (alone.exit_code, "error" in alone.stderr.partition("checks:")[0]) == (0, False)
    assert elsewhere.exit_code == 1
    assert "it is in us-west-2, but the job is in eu-west-1" in elsewhere.stderr


def test_a_configuration_that_is_not_valid_is_not_checked(tmp_path: Path) -> None:
    """The request is printed nevertheless."""
    (tmp_path / "job.yaml").write_text(JOB)
    variables = {**clean_environment(), "AWS_PROFILE": "no-such-profile"}

    run = run_in(variables, "job", "submit", "-f", str(tmp_path / "job.yaml"), "--dry-run")

    assert run.exit_code == 0
    assert json.loads(run.stdout)["RoleArn"] == "batch"
    assert "no-such-profile" in run.stderr


def test_without_aws_an_account_in_the_file_completes_the_names(tmp_path: Path) -> None:
    (tmp_path / "job.yaml").write_text(f"AccountId: 012345678901\n{JOB}")
    variables = {**clean_environment(), "AWS_ENDPOINT_URL": "http://127.0.0.1:1"}

    run = run_in(variables, "job", "submit", "-f", str(tmp_path / "job.yaml"), "--dry-run")

    request = json.loads(run.stdout)
    assert request["AccountId"] == "012345678901"
    assert request["RoleArn"] == "arn:aws:iam::012345678901:role/batch"
    assert request["Operation"]["LambdaInvoke"]["FunctionArn"] == (
        "arn:aws:lambda:eu-west-1:012345678901:function:thumbnails:1"
    )


def test_a_local_server_has_no_lambda_and_no_iam(server: Server, tmp_path: Path) -> None:
    """So functions and roles are not checked."""
    (tmp_path / "job.yaml").write_text(JOB)

    run = server.s3batch(
        *("job", "submit", "-f", str(tmp_path / "job.yaml"), "--dry-run"),
        *("--var", "manifest=s3://inbox/m.csv", "--var", "report=s3://inbox"),
    )

    assert run.exit_code == 0, run.stderr
    assert run.stderr.splitlines() == [
        ("not checked: function thumbnails:1, role batch: this endpoint does not have the service"),
        "dry run: no job was created; checks: 4 ok, 0 errors, 0 warnings, 2 not checked",
    ]


def test_the_buckets_of_a_local_server_are_in_each_region(server: Server, tmp_path: Path) -> None:
    (tmp_path / "job.yaml").write_text(JOB)

    run = server.s3batch(
        *("job", "submit", "-f", str(tmp_path / "job.yaml"), "--dry-run", "--region", "us-west-2"),
        *("--var", "manifest=s3://inbox/m.csv", "--var", "report=s3://inbox"),
    )

    assert run.exit_code == 0, run.stderr
    assert "0 errors, 0 warnings" in run.stderr
