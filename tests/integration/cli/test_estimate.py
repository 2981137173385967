"""``s3batch estimate``, as users call it."""

from __future__ import annotations

import gzip
import json
import os
import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree as ET

import boto3
import pytest
from botocore.stub import Stubber
from click.testing import CliRunner
from moto import mock_aws

from s3batch_handler.cli._commands import s3batch as s3batch_command
from s3batch_handler.cli.estimate._command import estimate as estimate_command
from s3batch_handler.cli.estimate._measured import measured_in
from s3batch_handler.cli.job._aws_services import AwsServices
from s3batch_handler.jobs._control import S3Control
from tests.support.reports import AWS_EXAMPLE, BUCKET, JOB, put_report

if TYPE_CHECKING:
    from pathlib import Path

    from click.testing import Result

    from tests.support.shell import Shell

CREDENTIALS: Any = {"aws_access_key_id": "x", "aws_secret_access_key": "x"}
FUNCTION = ("--memory", "512", "--duration", "0.2")


@pytest.fixture(autouse=True)
def _empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The current folder is empty, and no credentials are configured."""
    for name in os.environ:
        if "AWS" in name:
            monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    monkeypatch.chdir(tmp_path)


def estimate(*arguments: str, **options: Any) -> Result:
    return CliRunner().invoke(s3batch_command, ["estimate", *arguments], **options)


def as_json(*arguments: str) -> dict[str, Any]:
    run = estimate(*arguments, "--json")
    assert run.exit_code == 0, run.output
    result: dict[str, Any] = json.loads(run.stdout)
    return result


def test_the_worked_case_as_json() -> None:
    """0.25 + 10 + 2 + 16.67 = 28.92 USD, in 2,000 seconds with 1,000 environments."""
    result = as_json("--objects", "10000000", *FUNCTION, "--architecture", "x86_64")

    assert result["cost"] == {
        "total": 28.9167,
        "job": 0.25,
        "objects": 10.0,
        "lambda_requests": 2.0,
        "lambda_duration": 16.6667,
    }
    assert result["seconds"] == 2000
    assert result["timing"]["limited_by"] == "account-concurrency"
    assert result["prices"]["region"] == "us-east-1"


def test_the_cheaper_processor_is_named() -> None:
    """The duration may differ there, so this is not more than a hint."""
    run = estimate("--objects", "10000000", *FUNCTION)
    on_arm = estimate("--objects", "10000000", *FUNCTION, "--architecture", "arm64")

    assert "With arm64: 25.58 USD" in run.stdout
    assert "With x86_64" not in on_arm.stdout


def test_each_member_of_the_json_is_on_the_page(project: Path) -> None:
    """docs/estimate.md lists them."""
    page = (project / "docs" / "estimate.md").read_text()

    result = as_json("--objects", "10", *FUNCTION, "--max-rate", "10")

    names = {*result, *result["parts"][0], *result["timing"], *result["prices"]}
    assert [name for name in sorted(names - {"name"}) if f"`{name}`" not in page] == []


def test_the_worked_case_for_people() -> None:
    """The table shows how each part is calculated, in cents; the prices have a date."""
    run = estimate("--objects", "10000000", *FUNCTION)

    assert run.exit_code == 0
    assert "10,000,000 \N{MULTIPLICATION SIGN} 1.00 USD per million\n" in run.stdout
    assert "1,000,000 \N{MULTIPLICATION SIGN} 0.0000166667 USD per GB-second" in run.stdout
    assert "28.92" in run.stdout
    assert "33 min 20 s" in run.stdout
    assert "as of 2026-" in run.stdout
    assert "\x1b" not in run.stdout


def test_the_lines_of_a_manifest_are_counted(tmp_path: Path) -> None:
    """A blank line is not an object."""
    (tmp_path / "my.csv").write_text("photos,a.jpg\nphotos,b.jpg\n\nphotos,c.jpg")

    assert as_json("--manifest", "my.csv", *FUNCTION)["objects"] == 3


def test_a_manifest_in_s3_is_counted() -> None:
    """The manifest of a job is in S3."""
    with mock_aws():
        s3: Any = boto3.client("s3", region_name="us-east-1")
        s3.create_bucket(Bucket="inbox")
        s3.put_object(Bucket="inbox", Key="my.csv", Body=b"photos,a.jpg\nphotos,b.jpg\n")

        assert as_json("--manifest", "s3://inbox/my.csv", *FUNCTION)["objects"] == 2


def test_a_manifest_on_standard_input_is_counted() -> None:
    """The lines may come from another program."""
    run = estimate("--manifest", "-", *FUNCTION, "--json", input="photos,a.jpg\n")

    assert json.loads(run.stdout)["objects"] == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "--objects"),
        (("--objects", "-1", *FUNCTION), "too small"),
        (("--objects", "nan", *FUNCTION), "not a valid integer"),
        (("--objects", "20000000001", *FUNCTION), "Pass --jobs 2"),
        (("--objects", "10"), "--memory"),
        (("--objects", "10", "--memory", "512"), "--duration"),
        (("--objects", "10", "--memory", "127", "--duration", "1"), "between 128 and 10240"),
        (("--objects", "10", "--memory", "10241", "--duration", "1"), "between 128 and 10240"),
        (("--objects", "10", "--memory", "128", "--duration", "900.1"), "at most 900"),
        (("--objects", "10", "--memory", "128", "--duration", "0"), "more than 0"),
        (("--objects", "10", "--memory", "128", "--duration", "-1"), "more than 0"),
        (("--objects", "10", "--memory", "128", "--duration", "nan"), "not valid"),
        (("--objects", "10", "--memory", "128", "--duration", "inf"), "not valid"),
        (("--objects", "10", "--memory", "128", "--duration", "1e-99"), "not valid"),
        (("--objects", "10", *FUNCTION, "--concurrency", "901"), "at most 900"),
        (("--objects", "10", *FUNCTION, "--redrives", "-1"), "0 or more"),
        (("--objects", "10", *FUNCTION, "--requests", "GOT=1"), "Did you mean 'GET'"),
        (("--objects", "10", *FUNCTION, "--requests", "GET"), "has no '='"),
        (("--objects", "10", *FUNCTION, "--requests", "GET=nan"), "not valid"),
        (("--objects", "10", *FUNCTION, "--price", "jobs=1"), "Did you mean 'job'"),
        (("--objects", "10", *FUNCTION, "--price", "job=-1"), "0 or more"),
        (("--objects", "10", *FUNCTION, "--transfer", "regions"), "--bytes"),
        (("--objects", "10", "--operation", "S3PutObjectAcl", *FUNCTION), "has no function"),
        (("--manifest", "none.csv", *FUNCTION), "no such file"),
        (("-f", "none.yaml", *FUNCTION), "none.yaml"),
        (("-f", "job.yaml", "--operation", "S3PutObjectAcl"), "cannot be combined"),
        (("--objects", "1", "--var", "a=b", *FUNCTION), "--file"),
        (("--manifest", ".", *FUNCTION), "this is a folder"),
        (("--manifest", "s3://inbox", *FUNCTION), "Write s3://bucket/key"),
        (
            (
                "--objects",
                "1",
                "--operation",
                "S3InitiateRestoreObject",
                "--storage-class",
                "STANDARD",
            ),
            "can be restored",
        ),
        (("--objects", "1", "--operation", "S3PutObjectAcl", "--svg", "a.svg"), "--rate"),
        (("--objects", "1", *FUNCTION, "--restore-tier", "BULK"), "restores nothing"),
    ],
)
def test_bad_input_ends_with_one_clear_line(
    arguments: tuple[str, ...], message: str, tmp_path: Path
) -> None:
    """Exit code 2, the option and its limit, and no file."""
    run = estimate(*arguments)

    assert run.exit_code == 2
    assert message in run.stderr
    assert "Traceback" not in run.stderr
    assert not run.stdout
    assert not [*tmp_path.iterdir()]


def test_the_lines_of_a_compressed_manifest_are_not_counted(tmp_path: Path) -> None:
    """Their number would have no meaning."""
    (tmp_path / "my.csv.gz").write_bytes(gzip.compress(b"photos,a.jpg\n" * 1000))

    run = estimate("--manifest", "my.csv.gz", *FUNCTION)

    assert run.exit_code == 2
    assert "is compressed" in run.stderr


def test_an_empty_manifest_has_no_cost(tmp_path: Path) -> None:
    """AWS would fail such a job."""
    (tmp_path / "empty.csv").write_text("\n")

    run = estimate("--manifest", "empty.csv", *FUNCTION)

    assert run.exit_code == 2
    assert "is empty" in run.stderr


def test_a_limit_of_calls_gives_the_reserved_concurrency() -> None:
    """500 calls per second, and 5 per environment: 100 environments, which the estimate uses."""
    result = as_json("--objects", "1000000", *FUNCTION, "--max-rate", "500")

    assert result["reserved_concurrency"]["concurrency"] == 100
    assert result["timing"]["tasks_per_second"] == 500
    assert result["timing"]["limited_by"] == "reserved-concurrency"


def test_short_tasks_make_ten_calls_per_second_and_environment() -> None:
    """Lambda does not send more than 10 requests per second to an environment."""
    function = ("--memory", "512", "--duration", "0.01")

    result = as_json("--objects", "1000", *function, "--max-rate", "95", "--calls-per-object", "2")

    assert result["reserved_concurrency"]["concurrency"] == 4


def test_a_limit_that_one_environment_exceeds_is_said_so() -> None:
    """No reserved concurrency is low enough."""
    run = estimate("--objects", "1000", *FUNCTION, "--max-rate", "4")

    assert "none is low enough for 4 calls/s" in run.stdout


def test_the_duration_of_an_own_operation_of_s3_is_not_known() -> None:
    """S3 publishes no rate; a measured one gives the duration."""
    unknown = as_json("--objects", "5000000", "--operation", "S3PutObjectCopy")
    known = as_json("--objects", "5000000", "--operation", "S3PutObjectCopy", "--rate", "500")

    assert unknown["seconds"] is None
    assert unknown["cost"]["operation_requests"] == 25
    assert known["seconds"] == 10_000


@pytest.mark.parametrize("operation", ["S3ComputeObjectChecksum", "S3InitiateRestoreObject"])
def test_what_is_billed_by_size_needs_the_size(operation: str) -> None:
    """Without --bytes it is named as not included."""
    arguments = ("--objects", "1000", "--operation", operation)

    assert "(--bytes)" in estimate(*arguments).stdout
    assert "(--bytes)" not in estimate(*arguments, "--bytes", "1000000").stdout


def test_a_part_without_a_price_is_named_with_its_option() -> None:
    """The total does not include it, and the user learns how to pass the price."""
    arguments = ("--objects", "1000", "--operation", "S3UpdateObjectEncryption")

    run = estimate(*arguments)
    priced = as_json(*arguments, "--price", "s3-update-encryption=0.01")

    assert "--price s3-update-encryption=USD" in run.stdout
    assert priced["cost"]["operation_requests"] == 0.01
    assert not priced["not_included"]


def test_a_job_that_takes_the_whole_account_is_warned_about() -> None:
    """Other functions of the account would be throttled."""
    whole = as_json("--objects", "1000000", *FUNCTION)
    reserved = as_json("--objects", "1000000", *FUNCTION, "--concurrency", "200")

    assert any("throttles its other functions" in text for text in whole["warnings"])
    assert not reserved["warnings"]


def test_a_job_that_is_longer_than_jobs_are_kept_is_warned_about() -> None:
    """S3 keeps the record of a job for 90 days."""
    function = ("--memory", "128", "--duration", "600")

    result = as_json("--objects", "100000000", *function, "--concurrency", "100")

    assert any("90 days" in text for text in result["warnings"])


def test_the_plot_is_a_valid_svg_for_light_and_dark_pages(tmp_path: Path) -> None:
    """It has a title for screen readers, and no reference to another file."""
    run = estimate("--objects", "1000000", *FUNCTION, "--svg", "plot.svg")

    text = (tmp_path / "plot.svg").read_text()
    svg = ET.fromstring(text)
    assert run.exit_code == 0
    assert svg.get("role") == "img"
    assert svg[0].text == "1,000,000 objects: LambdaInvoke, 512 MB, 0.2 s, x86_64"
    assert "prefers-color-scheme:dark" in text
    assert "href" not in text


def test_a_plot_that_cannot_be_written_is_an_error(tmp_path: Path) -> None:
    """Nothing is half-written, and nothing is printed."""
    run = estimate("--objects", "10", *FUNCTION, "--svg", "/dev/null", "--json")

    assert run.exit_code == 2
    assert "not a regular file" in run.stderr
    assert not [*tmp_path.iterdir()]


# ---------------------------------------------------------------- job files

LAMBDA_JOB = """
Operation: {LambdaInvoke: {FunctionArn: thumbnails}}
Manifest: {Location: {ObjectArn: "s3://${bucket}/my.csv"}}
Report: {Enabled: false}
RoleArn: batch
Profiles: {test: {Variables: {bucket: inbox}}}
"""
COPY_JOB = """
Operation:
  S3PutObjectCopy:
    TargetResource: arn:aws:s3:::archive
    StorageClass: STANDARD_IA
    SSEAwsKmsKeyId: my-key
ManifestGenerator:
  S3JobManifestGenerator: {SourceBucket: "arn:aws:s3:::photos", EnableManifestOutput: false}
Report: {Enabled: false}
RoleArn: batch
"""


def test_a_job_file_names_the_manifest_and_the_operation(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The manifest is counted in S3, and variables and profiles are those of the file."""
    (tmp_path / "job.yaml").write_text(LAMBDA_JOB)
    monkeypatch.setattr(AwsServices, "function", lambda *_: {})  # it cannot be read
    with mock_aws():
        s3: Any = boto3.client("s3", region_name="us-east-1")
        s3.create_bucket(Bucket="inbox")
        s3.put_object(Bucket="inbox", Key="my.csv", Body=b"photos,a.jpg\nphotos,b.jpg\n")

        profile = as_json("-f", "job.yaml", "--job-profile", "test", *FUNCTION)
        variable = as_json("-f", "job.yaml", "--var", "bucket=inbox", *FUNCTION)

    assert profile["objects"] == variable["objects"] == 2
    assert profile["operation"] == "LambdaInvoke"


def test_memory_and_architecture_are_those_of_the_function(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The configuration of the function in AWS is read, if that is allowed."""
    (tmp_path / "job.yaml").write_text(LAMBDA_JOB)
    configuration = {"MemorySize": 1024, "Architectures": ["arm64"]}
    monkeypatch.setattr(AwsServices, "function", lambda *_: configuration)
    arguments = (
        "-f",
        "job.yaml",
        "--var",
        "bucket=inbox",
        "--objects",
        "1000000",
        "--duration",
        "1",
    )

    result = as_json(*arguments)

    assert result["cost"]["lambda_duration"] == 13.3334
    assert as_json(*arguments, "--memory", "512")["cost"]["lambda_duration"] == 6.6667


def test_the_settings_of_an_operation_are_those_of_the_job_file(tmp_path: Path) -> None:
    """A copy pays for its storage class, and for KMS without a bucket key."""
    (tmp_path / "job.yaml").write_text(COPY_JOB)

    result = as_json("-f", "job.yaml", "--objects", "1000000", "--generated-manifest", "2000000")

    assert result["cost"] == {
        "total": 14.28,
        "job": 0.25,
        "objects": 1.0,
        "generated_manifest": 0.03,
        "operation_requests": 10.0,
        "kms_requests": 3.0,
    }


def test_a_generated_manifest_cannot_be_counted(tmp_path: Path) -> None:
    """S3 lists the bucket when the job runs."""
    (tmp_path / "job.yaml").write_text(COPY_JOB)

    run = estimate("-f", "job.yaml")

    assert run.exit_code == 2
    assert "Missing option --objects" in run.stderr


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (("--duration", "1"), "--memory of the function in job.yaml: it cannot be read"),
        (("--memory", "512"), "--duration of the function in job.yaml: pass it, or the report"),
    ],
)
def test_a_missing_option_of_the_function_of_a_job_file_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, given: tuple[str, ...], message: str
) -> None:
    """The operation cannot be another one, so ``--operation`` is not suggested."""
    (tmp_path / "job.yaml").write_text(LAMBDA_JOB)
    monkeypatch.setattr(AwsServices, "function", lambda *_: {})  # it cannot be read

    run = estimate("-f", "job.yaml", "--var", "bucket=inbox", "--objects", "1", *given)

    assert run.exit_code == 2
    assert message in run.stderr
    assert "--operation" not in run.stderr


def test_a_job_file_that_is_not_valid_is_an_error_with_its_line(tmp_path: Path) -> None:
    """Line and member are named, as for ``job submit``."""
    (tmp_path / "job.yaml").write_text("RoleArn: batch\nOperation: {S3PutObjectCopi: {}}\n")

    run = estimate("-f", "job.yaml", "--objects", "1")

    assert run.exit_code == 2
    assert "job.yaml:2: Operation" in run.stderr
    assert not run.stdout


# ---------------------------------------------------------------- what was measured


def test_a_local_run_gives_objects_duration_and_redrives(s3batch: Shell) -> None:
    """The task that fails temporarily is called twice, so half of the tasks are redriven."""
    manifest = s3batch.manifest("b,fine", "b,later")
    s3batch("run", "app:handler", "--manifest", manifest, "--max-redrives", "1")

    run = s3batch("estimate", "--from-report", "s3batch-reports", "--memory", "128", "--json")

    result = json.loads(run.stdout)
    assert result["objects"] == 2
    assert result["measured"]["calls"] == 3
    assert result["measured"]["redrives"] == 50
    assert 0 < result["measured"]["duration"] < 10
    invocations = next(part for part in result["parts"] if part["name"] == "lambda_requests")
    assert invocations["quantity"] == 3


def test_options_replace_what_was_measured(s3batch: Shell) -> None:
    """A small local run is enough to estimate a large job."""
    s3batch("run", "app:handler", "--manifest", s3batch.manifest("b,fine"))

    run = s3batch(
        *("estimate", "--from-report", "s3batch-reports", "--objects", "1000000"),
        *("--memory", "128", "--duration", "2", "--redrives", "1", "--json"),
    )

    result = json.loads(run.stdout)
    assert result["objects"] == 1_000_000
    assert result["seconds"] == 2020


@pytest.mark.parametrize("seconds", ["1e999", "901", "-1"])
def test_a_measured_duration_that_lambda_does_not_allow_is_an_error(
    s3batch: Shell, seconds: str
) -> None:
    """Others may write to the bucket of a report."""
    s3batch("run", "app:handler", "--manifest", s3batch.manifest("b,fine"))
    record = next(s3batch.folder.glob("s3batch-reports/job-*/job.json"))
    text = re.sub(r'"AverageSeconds": [^,]*', f'"AverageSeconds": {seconds}', record.read_text())
    record.write_text(text)

    run = s3batch("estimate", "--from-report", "s3batch-reports", "--memory", "128")

    assert run.returncode in (1, 2)
    assert len(run.stderr.splitlines()) == 1
    assert not run.stdout


def test_a_total_without_all_parts_is_not_called_the_total() -> None:
    """Or else it would look as if the rest cost nothing."""
    operation = ("--objects", "1000", "--operation", "S3UpdateObjectEncryption")

    incomplete = estimate(*operation).stdout
    complete = estimate(*operation, "--price", "s3-update-encryption=0.01").stdout

    assert "\nknown total" in incomplete
    assert "\ntotal" in complete


def test_times_of_a_remote_function_are_not_called_local(s3batch: Shell) -> None:
    """Only worker processes on this machine have a memory that is measured."""
    s3batch("run", "app:handler", "--manifest", s3batch.manifest("b,fine"))
    local = s3batch("estimate", "--from-report", "s3batch-reports", "--memory", "512").stdout
    record = next(s3batch.folder.glob("s3batch-reports/job-*/job.json"))
    record.write_text(re.sub(r',\s*"MemoryMB": \d+', "", record.read_text()))

    remote = s3batch("estimate", "--from-report", "s3batch-reports", "--memory", "512").stdout

    assert "on this machine (1 call)" in local
    assert "with the time of the request (1 call)" in remote


def test_a_run_that_needed_more_memory_is_warned_about(s3batch: Shell) -> None:
    """Lambda ends a function that needs more memory than it has."""
    s3batch("run", "app:handler", "--manifest", s3batch.manifest("b,fine"))
    record = next(s3batch.folder.glob("s3batch-reports/job-*/job.json"))
    text = re.sub(r'"MemoryMB": \d+', '"MemoryMB": 600', record.read_text())
    record.write_text(text)

    run = s3batch("estimate", "--from-report", "s3batch-reports", "--memory", "512")

    assert "used 600 MB on this machine, more than --memory 512" in run.stdout


def test_an_operation_of_s3_can_have_the_objects_of_a_local_run(s3batch: Shell) -> None:
    """The measured duration is that of the function, so it is left out."""
    s3batch("run", "app:handler", "--manifest", s3batch.manifest("b,fine", "b,fine2"))

    run = s3batch(
        *("estimate", "--from-report", "s3batch-reports", "--operation", "S3PutObjectAcl"), "--json"
    )

    assert json.loads(run.stdout)["objects"] == 2


def test_a_report_without_measured_times_needs_a_duration(s3batch: Shell) -> None:
    """A report of AWS says how many tasks there were, and not how long each took."""
    put_report(s3batch.folder / "report", succeeded=b"photos,a.jpg,,succeeded,200,,done\r\n")

    run = s3batch("estimate", "--from-report", "report", "--memory", "512")

    assert run.returncode == 2
    assert "Missing option --duration" in run.stderr


def test_a_report_that_does_not_exist_is_bad_input(s3batch: Shell) -> None:
    run = s3batch("estimate", "--from-report", "nothere", "--memory", "512")

    assert (run.returncode, run.stdout) == (2, "")
    assert run.stderr.startswith("s3batch: nothere: no such file or folder")


def test_a_manifest_that_s3_does_not_return_can_be_replaced_by_a_number(s3batch: Shell) -> None:
    """The message says so; the test has no credentials that S3 accepts."""
    run = s3batch(
        *("estimate", "--manifest", "s3://jobs/m.csv", "--memory", "512", "--duration", "1"),
        *("--endpoint-url", "http://127.0.0.1:9"),
    )

    assert (run.returncode, run.stdout) == (1, "")
    assert "s3://jobs/m.csv: " in run.stderr
    assert "or pass --objects" in run.stderr


def test_a_job_in_aws_gives_the_rate_of_s3() -> None:
    """The tasks of the job, divided by the time in which it was active."""
    s3control = boto3.client("s3control", region_name="us-east-1", **CREDENTIALS)
    services = AwsServices(account_id="123456789012", region="us-east-1")
    services.control = S3Control(s3control, account_id="123456789012")
    description = {
        "JobId": JOB,
        "Status": "Complete",
        "Priority": 1,
        "CreationTime": datetime(2026, 4, 5, tzinfo=UTC),
        "Operation": {"LambdaInvoke": {"FunctionArn": "thumbnails"}},
        "ProgressSummary": {
            "TotalNumberOfTasks": 90_000,
            "NumberOfTasksSucceeded": 90_000,
            "NumberOfTasksFailed": 0,
            "Timers": {"ElapsedTimeInActiveSeconds": 600},
        },
        "Report": {"Enabled": True, "Bucket": f"arn:aws:s3:::{BUCKET}", "Prefix": "some/prefix"},
    }
    with mock_aws(), Stubber(s3control) as stub:
        s3: Any = boto3.client("s3", region_name="us-east-1", **CREDENTIALS)
        services.s3 = s3
        s3.create_bucket(Bucket=BUCKET)
        for path in AWS_EXAMPLE.rglob("*.*"):
            key = f"some/prefix/job-{JOB}/{path.relative_to(AWS_EXAMPLE)}"
            s3.put_object(Bucket=BUCKET, Key=key, Body=path.read_bytes())
        stub.add_response("describe_job", {"Job": description})

        measured = measured_in(JOB, services, None)

    assert measured.objects == 90_000
    assert measured.rate == 150
    assert measured.duration is None


# ---------------------------------------------------------------- documentation


def test_the_worked_case_of_the_page_is_what_is_printed(project: Path) -> None:
    """The first example of docs/estimate.md is the output of its command."""
    page = (project / "docs" / "estimate.md").read_text()
    example = re.search(r"```console\n\$ s3batch estimate ([^\n]*)\n(.*?)```", page, re.DOTALL)
    assert example is not None
    command, output = example.groups()

    run = estimate(*command.split())

    assert run.stdout.startswith(output)


def test_examples_on_the_page_use_existing_options(project: Path) -> None:
    """Each option that the page names is an option of the command."""
    page = (project / "docs" / "estimate.md").read_text()
    known = {option for param in estimate_command.params for option in param.opts} | {"--sample"}

    assert {*re.findall(r"(?<![\w-])--[a-z][\w-]*", page)} <= known
