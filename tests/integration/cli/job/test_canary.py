"""``s3batch job submit --sample``: a canary job, and the job for the rest, on a real server."""

from __future__ import annotations

import gzip
import hashlib
import json
import re
import shlex
from typing import TYPE_CHECKING, Any

import pytest

from s3batch_handler.core._errors import JobError
from s3batch_handler.jobs import S3Control

if TYPE_CHECKING:
    from pathlib import Path

    from click.testing import Result

    from s3batch_handler.jobs import JobSpec
    from tests.support.job_server import Server

OPTIONS = ("--function", "read", "--role", "batch", "--no-report")
GOOD, BAD = b"inbox,a%20b.txt\n", b"inbox,c.txt\n"


class Canary:
    """A submission with a sample, and the jobs that it has created."""

    def __init__(self, server: Server, folder: str) -> None:
        self._server = server
        self.url = f"s3://inbox/{folder}/all.csv"
        self._before = {job["JobId"] for job in self._listed()}

    def put(self, body: bytes) -> None:
        bucket, _, key = self.url.removeprefix("s3://").partition("/")
        self._server.s3.put_object(Bucket=bucket, Key=key, Body=body)

    def submit(self, *options: str) -> Result:
        return self._server.s3batch("job", "submit", "--manifest", self.url, *OPTIONS, *options)

    def jobs(self) -> list[dict[str, Any]]:
        """Return the descriptions of the new jobs, the first one first."""
        new = [job["JobId"] for job in self._listed() if job["JobId"] not in self._before]
        describe = self._server.s3control.describe_job
        jobs = [describe(AccountId="123456789012", JobId=job_id)["Job"] for job_id in new]
        return sorted(jobs, key=lambda job: job["CreationTime"])

    def lines(self, job: dict[str, Any]) -> list[bytes]:
        """Return the lines of the manifest of a job."""
        arn: str = job["Manifest"]["Location"]["ObjectArn"]
        bucket, _, key = arn.removeprefix("arn:aws:s3:::").partition("/")
        body: bytes = self._server.s3.get_object(Bucket=bucket, Key=key)["Body"].read()
        return body.splitlines(keepends=True)

    def tags(self, job: dict[str, Any]) -> dict[str, str]:
        tags: dict[str, str] = json.loads(self._server.job("tag", job["JobId"], "--json"))
        return tags

    def _listed(self) -> list[dict[str, Any]]:
        lines = self._server.job("list", "--json").splitlines()
        return [json.loads(line) for line in lines]


@pytest.fixture
def canary(server: Server, request: pytest.FixtureRequest) -> Canary:
    return Canary(server, re.sub(r"\W", "-", request.node.name))


def distinct(number: int) -> bytes:
    """Return lines with different spellings of the same key: ``%61``, ``a``, ignored columns."""
    return b"".join(
        b"inbox,%s%%20b.txt,%d\n" % (b"%61" if index % 2 else b"a", index)
        for index in range(number)
    )


def test_the_rest_is_submitted_after_a_canary_job_without_failures(canary: Canary) -> None:
    """Each line is in one of both jobs, unchanged; the jobs have the same tag."""
    canary.put(distinct(40))

    run = canary.submit("--fields", "Bucket,Key,Ignore", "--sample", "5", "--no-confirm", "--wait")

    assert run.exit_code == 0, run.stderr
    first, second = canary.jobs()
    assert (first["Status"], second["Status"]) == ("Complete", "Complete")
    assert first["ProgressSummary"]["NumberOfTasksSucceeded"] == 5
    assert second["ProgressSummary"]["NumberOfTasksSucceeded"] == 35
    spelled = [line.rpartition(b",")[0] + b"\n" for line in distinct(40).splitlines()]
    assert sorted(canary.lines(first) + canary.lines(second)) == sorted(spelled)
    assert canary.tags(first) == canary.tags(second)
    assert first["Description"] == "Canary"
    assert "5 of 40 objects" in run.stderr
    assert f"canary job {first['JobId']}: 5 succeeded, 0 failed" in run.stderr
    assert second["JobId"] in run.stdout


def test_the_rest_is_not_submitted_after_a_failed_task(canary: Canary) -> None:
    """The messages name the canary job, its failures, and the manifest of the rest."""
    canary.put(BAD * 30)

    run = canary.submit("--sample", "10%", "--no-confirm")

    (job,) = canary.jobs()
    assert run.exit_code == 1
    assert run.stdout == ""
    last = run.stderr.splitlines()[-1]
    assert f"canary job {job['JobId']} is Complete, 0 succeeded, 3 failed (100%)" in last
    rest = re.search(r"the rest is not submitted: its manifest is (s3://\S+\.csv)", run.stderr)
    assert rest is not None
    assert "-rest-" in rest[1]
    assert "s3batch job describe" in last


def test_the_failures_of_a_canary_job_are_printed(canary: Canary, server: Server) -> None:
    """They are grouped by their reasons, and a command shows the others."""
    canary.put(BAD * 30)
    report = ("--function", "read", "--role", "batch", "--report", "s3://inbox/reports")

    run = server.s3batch(
        *("job", "submit", "--manifest", canary.url, *report, "--sample", "3", "--no-confirm")
    )

    assert "        3  PermanentFailure: it is bad\n" in run.stderr
    command = run.stderr.splitlines()[-1].partition("See s3batch ")[2].split()
    assert command[:2] == ["report", "summary"]
    assert "it is bad" in server.s3batch(*command).stdout


@pytest.mark.parametrize("confirm", ["--confirm", "--no-confirm"])
def test_the_rest_can_be_submitted_by_hand(canary: Canary, server: Server, confirm: str) -> None:
    """The command for it is printed, whatever columns and options the submission had."""
    canary.put(b"inbox,c.txt,,x\n" * 30)
    columns = ("--fields", "Bucket,Key,VersionId,Ignore")
    message = canary.submit(
        *columns, "--sample", "10", confirm, "--description", "It's all", "--priority", "7"
    ).stderr
    command = re.search(r"to submit it anyway: s3batch (.*)", message)
    assert command is not None

    job_id = server.s3batch(*shlex.split(command[1])).stdout.strip()

    _, job = canary.jobs()
    assert (job["JobId"], job["Priority"], job["Description"]) == (job_id, 7, "It's all")
    assert job["ConfirmationRequired"] is (confirm == "--confirm")
    assert canary.lines(job) == [b"inbox,c.txt,\n"] * 20


def test_ctrl_c_leaves_the_canary_job_and_does_not_submit_the_rest(
    canary: Canary, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The exit code is 130. Commands are printed that wait for the canary or submit the rest."""

    def interrupt(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    canary.put(GOOD * 30)
    monkeypatch.setattr("s3batch_handler.cli.job._watch.wait_for_job", interrupt)

    run = canary.submit("--sample", "10", "--no-confirm", "--quiet")

    (job,) = canary.jobs()
    assert run.exit_code == 130
    assert job["Status"] != "Cancelled"
    assert f"to wait again: s3batch job wait {job['JobId']}\n" in run.stderr
    assert "the rest is not submitted: its manifest is s3://" in run.stderr
    assert f"to submit it anyway: s3batch job clone {job['JobId']}" in run.stderr


def test_a_rest_that_cannot_be_created_can_be_submitted_later(
    canary: Canary, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Credentials may expire while the canary job runs."""
    create_job = S3Control.create_job

    def refuse_the_rest(control: S3Control, spec: JobSpec) -> str:
        if not (spec.description or "").startswith("Canary"):
            raise JobError("The provided token has expired.", code="ExpiredTokenException")
        return create_job(control, spec)

    canary.put(GOOD * 30)
    monkeypatch.setattr(S3Control, "create_job", refuse_the_rest)

    run = canary.submit("--sample", "10")

    assert run.exit_code == 1
    assert "ExpiredTokenException" in run.stderr.splitlines()[-1]
    assert "the rest is not submitted: its manifest is s3://" in run.stderr


@pytest.mark.parametrize("options", [("--confirm",), ("--no-confirm", "--wait")])
def test_the_json_names_both_jobs(canary: Canary, options: tuple[str, ...]) -> None:
    """Without a canary job it names one."""
    canary.put(GOOD * 30)

    output = json.loads(canary.submit(*options, "--sample", "10", "--json").stdout)
    first, second = canary.jobs()
    whole = json.loads(canary.submit(*options, "--sample", "30", "--json").stdout)

    assert (output["CanaryJobId"], output["JobId"]) == (first["JobId"], second["JobId"])
    assert "CanaryJobId" not in whole


def test_other_manifests_do_not_replace_the_rest(canary: Canary) -> None:
    """A job that waits for confirmation still needs it, even if both samples are equal."""
    options = ("--sample", "1", "--confirm")
    canary.put(GOOD * 3)
    assert canary.submit(*options).exit_code == 0
    canary.put(GOOD * 4)
    assert canary.submit(*options).exit_code == 0

    _, first, _, second = canary.jobs()
    assert first["Manifest"]["Location"]["ObjectArn"] != second["Manifest"]["Location"]["ObjectArn"]
    assert len(canary.lines(first)) == 2


def test_tolerated_failures_do_not_stop_the_rest(canary: Canary) -> None:
    """The rest waits for confirmation, as any job does by default."""
    canary.put(BAD * 30)

    run = canary.submit("--sample", "10", "--tolerate", "100%")

    assert run.exit_code == 0, run.stderr
    first, second = canary.jobs()
    assert first["ConfirmationRequired"] is False
    assert second["ConfirmationRequired"] is True
    assert run.stdout.strip() == second["JobId"]
    assert f"s3batch job confirm {second['JobId']}" in run.stderr


def test_a_failed_canary_job_is_reported_with_its_reason(canary: Canary, server: Server) -> None:
    canary.put(GOOD * 30)
    options = ("--function", "missing", "--role", "batch", "--no-report", "--sample", "3")

    run = server.s3batch("job", "submit", "--manifest", canary.url, *options)

    (job,) = canary.jobs()
    assert run.exit_code == 1
    assert f"canary job {job['JobId']} is Failed" in run.stderr
    assert "missing" in run.stderr.splitlines()[-1]
    assert "the rest is not submitted" in run.stderr


def test_a_sample_of_all_objects_is_one_job(canary: Canary) -> None:
    canary.put(GOOD * 3)

    run = canary.submit("--sample", "3", "--no-confirm")

    (job,) = canary.jobs()
    assert run.exit_code == 0
    assert job["Manifest"]["Location"]["ObjectArn"].endswith("/all.csv")
    assert "no canary job: the manifest has 3 objects, and --sample is 3" in run.stderr


def test_the_same_seed_chooses_the_same_sample(canary: Canary) -> None:
    """So a repeated command replaces its own manifests."""
    canary.put(distinct(40))
    options = ("--fields", "Bucket,Key,Ignore", "--sample", "5", "--seed", "7", "--no-confirm")

    assert canary.submit(*options).exit_code == canary.submit(*options).exit_code == 0

    first, _, third, _ = canary.jobs()
    assert first["Manifest"] == third["Manifest"]


def test_an_inventory_is_divided_into_csv_manifests(server: Server, canary: Canary) -> None:
    """Keys and versions are those of the inventory."""
    lines = b"".join(b'"inbox","%s%%20b.txt"\n' % (b"a" if n % 2 else b"%61") for n in range(20))
    content = gzip.compress(lines)
    server.s3.put_object(Bucket="inbox", Key="daily/data/1.csv.gz", Body=content)
    document = {
        "sourceBucket": "inbox",
        "destinationBucket": "arn:aws:s3:::inbox",
        "version": "2016-11-30",
        "fileFormat": "CSV",
        "fileSchema": "Bucket, Key",
        "files": [
            {
                "key": "daily/data/1.csv.gz",
                "size": len(content),
                "MD5checksum": hashlib.md5(content).hexdigest(),
            }
        ],
    }
    canary.url = "s3://inbox/daily/2026/manifest.json"
    canary.put(json.dumps(document).encode())

    run = canary.submit("--sample", "25%", "--no-confirm", "--wait")

    assert run.exit_code == 0, run.stderr
    first, second = canary.jobs()
    assert first["Manifest"]["Spec"]["Format"] == "S3BatchOperations_CSV_20180820"
    assert len(canary.lines(first)) == 5
    expected = sorted(lines.replace(b'"', b"").splitlines(keepends=True))
    assert sorted(canary.lines(first) + canary.lines(second)) == expected


def test_the_job_of_a_job_file_can_have_a_canary(
    server: Server, canary: Canary, tmp_path: Path
) -> None:
    """Both jobs have its other members; its tags are kept."""
    canary.put(GOOD * 9)
    file = tmp_path / "job.yaml"
    file.write_text(
        "Operation: {LambdaInvoke: {FunctionArn: read, UserArguments: {say: hello}}}\n"
        f"Manifest: {{Location: {{ObjectArn: '{canary.url}'}}}}\n"
        "Report: {Enabled: false}\nRoleArn: batch\nPriority: 7\nDescription: all\n"
        "Tags: {team: photos}\nConfirmationRequired: false\n"
    )

    run = server.s3batch("job", "submit", "-f", str(file), "--sample", "2", "--wait")

    assert run.exit_code == 0, run.stderr
    first, second = canary.jobs()
    assert (first["Description"], second["Description"]) == ("Canary of: all", "all")
    assert first["Operation"] == second["Operation"]
    assert first["Priority"] == second["Priority"] == 7
    assert canary.tags(second)["team"] == "photos"


def test_a_manifest_that_s3_generates_has_no_sample(
    server: Server, canary: Canary, tmp_path: Path
) -> None:
    """It does not exist before the job."""
    file = tmp_path / "job.yaml"
    file.write_text(
        "Operation: {LambdaInvoke: {FunctionArn: read}}\n"
        "ManifestGenerator: {S3JobManifestGenerator: "
        "{SourceBucket: 'arn:aws:s3:::inbox', EnableManifestOutput: false}}\n"
        "Report: {Enabled: false}\nRoleArn: batch\n"
    )

    run = server.s3batch("job", "submit", "-f", str(file), "--sample", "2")

    assert run.exit_code == 2
    assert "--sample needs a manifest, but S3 generates the manifest" in run.stderr
    assert canary.jobs() == []


def test_a_local_manifest_can_have_a_canary(server: Server, canary: Canary, stack: str) -> None:
    """Its parts are uploaded to the location of the stack, as the manifest itself."""
    manifest = server.folder / "local.csv"
    manifest.write_bytes(GOOD * 9)

    run = server.s3batch(
        *("job", "submit", "--stack", stack, "--manifest", str(manifest), "--function", "read"),
        *("--sample", "2", "--no-confirm", "--wait"),
    )

    assert run.exit_code == 0, run.stderr
    arns = [job["Manifest"]["Location"]["ObjectArn"] for job in canary.jobs()]
    assert all(arn.startswith("arn:aws:s3:::inbox/manifests/local-") for arn in arns)


def test_an_older_version_of_a_manifest_is_refused(server: Server, canary: Canary) -> None:
    """The sample would be one of the latest version."""
    bucket = {"Bucket": "versions"}
    place = {"LocationConstraint": "eu-west-1"}
    server.s3.create_bucket(**bucket, CreateBucketConfiguration=place)
    server.s3.put_bucket_versioning(**bucket, VersioningConfiguration={"Status": "Enabled"})
    canary.url = "s3://versions/all.csv"
    old = server.s3.put_object(**bucket, Key="all.csv", Body=GOOD * 3)["VersionId"]
    canary.put(GOOD * 4)

    run = canary.submit("--sample", "1", "--manifest-version-id", old)

    assert run.exit_code == 1
    assert "its latest version has another ETag" in run.stderr
    assert canary.jobs() == []


def test_an_empty_manifest_is_an_error_before_a_job_is_created(canary: Canary) -> None:
    canary.put(b"")

    run = canary.submit("--sample", "3", "--no-confirm")

    assert run.exit_code == 1
    assert "the manifest is empty" in run.stderr
    assert canary.jobs() == []


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        (("--sample", "0"), "is not a sample size"),
        (("--sample", "101%"), "is not a sample size"),
        (("--sample", "few"), "is not a sample size"),
        (("--sample", "3", "--tolerate", "few"), "--tolerate"),
        (("--tolerate", "3"), "--sample"),
        (("--sample", "3", "--dry-run"), "--dry-run"),
    ],
)
def test_wrong_options_are_refused(canary: Canary, options: tuple[str, ...], problem: str) -> None:
    run = canary.submit(*options)

    assert run.exit_code == 2
    assert problem in run.stderr
    assert canary.jobs() == []
