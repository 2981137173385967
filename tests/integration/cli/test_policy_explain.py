"""``s3batch policy explain`` on the command line."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import boto3
import pytest
import yaml  # type: ignore[import-untyped]
from click.testing import CliRunner

from s3batch_handler import PermanentFailure, Task, task_handler
from s3batch_handler.cli._commands import s3batch
from s3batch_handler.testing import mock_s3batch
from tests.support.policy_jobs import ROLE, job_request
from tests.support.reports import put_report

if TYPE_CHECKING:
    from pathlib import Path

    from click.testing import Result

SESSION = "arn:aws:sts::123456789012:assumed-role/batch/s3-batch-operations_7f3c"
FUNCTION = "arn:aws:lambda:us-east-1:123456789012:function:thumbnails"
DENIED = (
    f"User: {SESSION} is not authorized to perform: lambda:InvokeFunction on resource: {FUNCTION} "
    "because no identity-based policy allows the lambda:InvokeFunction action"
)


@pytest.fixture(autouse=True)
def _in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def explain(*arguments: str, stdin: str | None = None) -> Result:
    command = ["policy", "explain", *arguments]
    return CliRunner().invoke(s3batch, command, prog_name="s3batch", input=stdin)


def explained(*arguments: str, stdin: str | None = None) -> list[dict[str, Any]]:
    result = explain(*arguments, "--json", stdin=stdin)
    assert result.exit_code == 0, result.stderr
    found: list[dict[str, Any]] = json.loads(result.stdout)["explanations"]
    return found


def test_the_missing_statement_is_printed_as_json() -> None:
    """People can copy it into the policy that the line before names."""
    result = explain(DENIED)

    assert result.exit_code == 0
    sentence, where, rest = result.stdout.split("\n", 2)
    assert sentence.startswith("The job role is not allowed to call lambda:InvokeFunction")
    assert where == f"Add to a policy of the job role, {ROLE}:"
    assert json.JSONDecoder().raw_decode(rest)[0] == {
        "Effect": "Allow",
        "Action": "lambda:InvokeFunction",
        "Resource": FUNCTION,
    }


def test_a_text_can_be_piped() -> None:
    """The output of a command that failed has several lines."""
    (found,) = explained("-", stdin=f"\nAn error occurred:\n{DENIED}\n")

    assert (found["who"], found["count"]) == ("job role", 1)


def test_a_job_file_names_the_resources(tmp_path: Path) -> None:
    """The text of a failed job names none."""
    tmp_path.joinpath("job.yaml").write_text(yaml.safe_dump(job_request()))

    (found,) = explained("Reading the manifest is forbidden: AccessDenied", "-f", "job.yaml")

    assert found["statements"][0]["Resource"] == "arn:aws:s3:::lists/manifests/a b.csv"


def test_the_failed_tasks_of_a_report_are_explained(tmp_path: Path) -> None:
    """Rows of S3's own operations say only AccessDenied; the rows name the bucket."""
    tmp_path.joinpath("job.yaml").write_text(yaml.safe_dump(job_request("S3PutObjectTagging")))
    rows = b"".join(
        b"photos,%d.jpg,,failed,403,AccessDenied,Access Denied (Service: Amazon S3)\r\n" % number
        for number in range(3)
    )
    other = b"photos,x.jpg,,failed,200,PermanentFailure,something else\r\n"
    put_report(tmp_path / "report", failed=rows + other)

    (found,) = explained("--report", "report", "-f", "job.yaml")

    assert found["count"] == 3
    (statement,) = found["statements"]
    assert statement["Action"] == "s3:PutObjectTagging"
    assert statement["Resource"] == "arn:aws:s3:::photos/*"


def test_a_job_is_explained_with_its_own_request() -> None:
    """DescribeJob has the role and the function, so no job file is needed."""

    @task_handler
    def thumbnails(task: Task) -> None:
        raise PermanentFailure(DENIED)

    with mock_s3batch({"thumbnails": thumbnails}):
        s3 = boto3.client("s3", region_name="us-east-1")
        s3.create_bucket(Bucket="lists")
        s3.put_object(Bucket="lists", Key="photos/a.jpg", Body=b"")
        etag = s3.put_object(Bucket="lists", Key="m.csv", Body=b"lists,photos/a.jpg\n")["ETag"]
        control = boto3.client("s3control", region_name="us-east-1")
        job_id = control.create_job(
            AccountId="123456789012",
            ConfirmationRequired=False,
            Operation={"LambdaInvoke": {"FunctionArn": f"{FUNCTION}:3"}},
            Manifest={
                "Spec": {"Format": "S3BatchOperations_CSV_20180820", "Fields": ["Bucket", "Key"]},
                "Location": {"ObjectArn": "arn:aws:s3:::lists/m.csv", "ETag": etag.strip('"')},
            },
            Report={
                "Enabled": True,
                "Bucket": "arn:aws:s3:::lists",
                "Format": "Report_CSV_20180820",
                "ReportScope": "AllTasks",
            },
            Priority=1,
            RoleArn=ROLE,
            ClientRequestToken="t",
        )["JobId"]

        (found,) = explained("--job", job_id, "--account-id", "123456789012")

    assert found["principal"] == ROLE
    assert f"the job names {FUNCTION}:3" in found["hints"]


def test_an_unknown_text_is_not_explained() -> None:
    """Exit code 1, and no invented answer."""
    result = explain("the disk is full")

    assert (result.exit_code, result.stdout) == (1, "")
    assert "CloudTrail" in result.stderr
    as_json = explain("the disk is full", "--json")
    assert (as_json.exit_code, json.loads(as_json.stdout)) == (1, {"explanations": []})


def test_hostile_texts_are_escaped() -> None:
    """Anybody may name an object of a bucket."""
    key = "\x1b[31m\u202e"
    text = (
        f"User: {SESSION} is not authorized to perform: s3:GetObject on resource: "
        f'"arn:aws:s3:::photos/{key}"'
    )

    for arguments in ((text,), (text, "--json")):
        result = explain(*arguments)
        assert result.exit_code == 0
        assert not {"\x1b", "\u202e"} & {*result.stdout, *result.stderr}


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ([], "Pass one of TEXT, --report and --job."),
        (["text", "--job", "x"], "Pass one of TEXT, --report and --job."),
        ([""], "the text of the failure is empty"),
        (["--report", "missing"], "missing: no such file or folder"),
        (["text", "-f", "missing.yaml"], "--file missing.yaml: No such file"),
        (["text", "-f", "job.yaml"], "job.yaml"),
    ],
)
def test_wrong_usage_is_one_line(arguments: list[str], text: str, tmp_path: Path) -> None:
    """Exit code 2."""
    tmp_path.joinpath("job.yaml").write_text("Operation: {}\n")

    result = explain(*arguments)

    assert (result.exit_code, result.stdout) == (2, "")
    assert text in result.stderr
